#!/usr/bin/env python3
"""Makes organisations.json and needs.json; `make.py show N M` prints needs N..M with their labels for reading by hand."""
import json, random, sys, os
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

HERE = os.path.dirname(os.path.abspath(__file__))
R = random.Random(20261120)
UTC = timezone.utc

# ------------------------------------------------------------------ the world
C = {  # country: (region, languages by weight, zone)
 "KE": ("africa", ["sw", "en"], "Africa/Nairobi"), "NG": ("africa", ["en", "ha"], "Africa/Lagos"), "GH": ("africa", ["en"], "Africa/Accra"),
 "SN": ("africa", ["fr", "wo"], "Africa/Dakar"), "CI": ("africa", ["fr"], "Africa/Abidjan"), "CM": ("africa", ["fr", "en"], "Africa/Douala"),
 "CD": ("africa", ["fr", "sw"], "Africa/Kinshasa"), "ET": ("africa", ["am", "en"], "Africa/Addis_Ababa"), "SD": ("africa", ["ar", "en"], "Africa/Khartoum"),
 "UG": ("africa", ["en", "sw"], "Africa/Kampala"), "TZ": ("africa", ["sw", "en"], "Africa/Dar_es_Salaam"), "ZA": ("africa", ["en", "zu"], "Africa/Johannesburg"),
 "ZW": ("africa", ["en"], "Africa/Harare"), "MZ": ("africa", ["pt"], "Africa/Maputo"), "SO": ("africa", ["so", "ar"], "Africa/Mogadishu"), "RW": ("africa", ["rw", "en", "fr"], "Africa/Kigali"),
 "MM": ("asia_pacific", ["my"], "Asia/Yangon"), "TH": ("asia_pacific", ["th"], "Asia/Bangkok"), "ID": ("asia_pacific", ["id"], "Asia/Jakarta"),
 "MY": ("asia_pacific", ["ms", "en"], "Asia/Kuala_Lumpur"), "PH": ("asia_pacific", ["fil", "en"], "Asia/Manila"), "VN": ("asia_pacific", ["vi"], "Asia/Ho_Chi_Minh"),
 "KH": ("asia_pacific", ["km"], "Asia/Phnom_Penh"), "IN": ("asia_pacific", ["hi", "en"], "Asia/Kolkata"), "PK": ("asia_pacific", ["ur", "en"], "Asia/Karachi"),
 "BD": ("asia_pacific", ["bn", "en"], "Asia/Dhaka"), "LK": ("asia_pacific", ["si", "ta", "en"], "Asia/Colombo"), "AF": ("asia_pacific", ["fa", "ps"], "Asia/Kabul"),
 "HK": ("asia_pacific", ["zh-Hant", "en"], "Asia/Hong_Kong"), "TW": ("asia_pacific", ["zh-Hant"], "Asia/Taipei"),
 "UA": ("eastern_europe_central_asia", ["uk", "ru"], "Europe/Kyiv"), "BY": ("eastern_europe_central_asia", ["ru", "be"], "Europe/Minsk"), "RU": ("eastern_europe_central_asia", ["ru"], "Europe/Moscow"),
 "GE": ("eastern_europe_central_asia", ["ka", "en"], "Asia/Tbilisi"), "AM": ("eastern_europe_central_asia", ["hy", "ru"], "Asia/Yerevan"), "AZ": ("eastern_europe_central_asia", ["az", "ru"], "Asia/Baku"),
 "KZ": ("eastern_europe_central_asia", ["kk", "ru"], "Asia/Almaty"), "KG": ("eastern_europe_central_asia", ["ky", "ru"], "Asia/Bishkek"), "UZ": ("eastern_europe_central_asia", ["uz", "ru"], "Asia/Tashkent"), "TJ": ("eastern_europe_central_asia", ["tg", "ru"], "Asia/Dushanbe"),
 "DE": ("europe", ["de", "en"], "Europe/Berlin"), "FR": ("europe", ["fr"], "Europe/Paris"), "ES": ("europe", ["es", "ca"], "Europe/Madrid"), "IT": ("europe", ["it"], "Europe/Rome"),
 "PL": ("europe", ["pl", "en"], "Europe/Warsaw"), "HU": ("europe", ["hu", "en"], "Europe/Budapest"), "RS": ("europe", ["sr", "en"], "Europe/Belgrade"), "TR": ("europe", ["tr", "kmr"], "Europe/Istanbul"),
 "GR": ("europe", ["el", "en"], "Europe/Athens"), "GB": ("europe", ["en"], "Europe/London"), "NL": ("europe", ["nl", "en"], "Europe/Amsterdam"), "AL": ("europe", ["sq", "en"], "Europe/Tirane"),
 "MX": ("latin_america_caribbean", ["es"], "America/Mexico_City"), "CO": ("latin_america_caribbean", ["es"], "America/Bogota"), "VE": ("latin_america_caribbean", ["es"], "America/Caracas"),
 "NI": ("latin_america_caribbean", ["es"], "America/Managua"), "GT": ("latin_america_caribbean", ["es"], "America/Guatemala"), "SV": ("latin_america_caribbean", ["es"], "America/El_Salvador"),
 "BR": ("latin_america_caribbean", ["pt-BR"], "America/Sao_Paulo"), "AR": ("latin_america_caribbean", ["es"], "America/Argentina/Buenos_Aires"), "EC": ("latin_america_caribbean", ["es"], "America/Guayaquil"), "HT": ("latin_america_caribbean", ["fr", "ht"], "America/Port-au-Prince"),
 "EG": ("middle_east_north_africa", ["ar"], "Africa/Cairo"), "LB": ("middle_east_north_africa", ["ar", "fr", "en"], "Asia/Beirut"), "SY": ("middle_east_north_africa", ["ar", "kmr"], "Asia/Damascus"),
 "IQ": ("middle_east_north_africa", ["ar", "ckb"], "Asia/Baghdad"), "IR": ("middle_east_north_africa", ["fa"], "Asia/Tehran"), "PS": ("middle_east_north_africa", ["ar", "en"], "Asia/Hebron"),
 "YE": ("middle_east_north_africa", ["ar"], "Asia/Aden"), "TN": ("middle_east_north_africa", ["ar", "fr"], "Africa/Tunis"), "MA": ("middle_east_north_africa", ["ar", "fr"], "Africa/Casablanca"), "JO": ("middle_east_north_africa", ["ar", "en"], "Asia/Amman"),
 "US": ("north_america", ["en", "es"], "America/New_York"), "CA": ("north_america", ["en", "fr"], "America/Toronto"),
}
REGIONS = ["africa", "asia_pacific", "eastern_europe_central_asia", "europe", "latin_america_caribbean", "middle_east_north_africa", "north_america"]
BY = {r: [c for c in C if C[c][0] == r] for r in REGIONS}
BRIDGE = {"africa": "en", "asia_pacific": "en", "eastern_europe_central_asia": "ru", "europe": "en", "latin_america_caribbean": "es", "middle_east_north_africa": "ar", "north_america": "en"}
INCIDENTS = "account_compromise denial_of_service destruction_loss disruption_of_communications_applications_and_platforms information_leak internet_network_outage intrusion_attempt known_vulnerability malfunction_failure_of_devices_or_systems malicious_website malware social_engineering targeted_censorship theft_confiscation user_device_compromise website_server_compromise account_suspension_deactivation online_harassment doxxing impersonation non_consensual_intimate_media_sextortion defamation_disinformation surveillance_spyware_suspicion platform_threat_notification_received arrest_detention_account_lockdown preventative_advice_assessment_training".split()
NCII, OUT, SPY, NOTE, ARR, PREV = "non_consensual_intimate_media_sextortion", "disruption_of_communications_applications_and_platforms", "surveillance_spyware_suspicion", "platform_threat_notification_received", "arrest_detention_account_lockdown", "preventative_advice_assessment_training"
CIVIL = ["activist", "human_rights_defender", "journalist", "civil_society_organisation", "media_organisation"]
PLATFORMS = ["facebook", "instagram", "whatsapp", "google", "youtube", "x", "tiktok", "telegram", "apple", "microsoft", "linkedin"]

# ------------------------------------------------------------------ organisations: archetypes by hand
HELP = ["incident_response_support", "incident_analysis", "incident_response_coordination", "security_consulting"]
K = {  # kind: (n, service core, service extras, incidents core, extras, beneficiaries, regional share, forensic)
 "regional_helpline": (56, HELP, ["awareness_building", "education_training", "platform_escalation", "risk_analysis", "best_practice_review", "configuration_and_maintenance_of_security", "alerts_and_warnings", "urgent_monitoring_reporting_and_advocacy", "incident_response_on_site"],
   ["account_compromise", "social_engineering", "user_device_compromise", "account_suspension_deactivation", PREV], ["malware", "theft_confiscation", "online_harassment", "doxxing", "impersonation", SPY, "intrusion_attempt", "website_server_compromise", "information_leak", OUT, "destruction_loss", ARR, "malicious_website", "malfunction_failure_of_devices_or_systems", NCII, NOTE, "internet_network_outage", "targeted_censorship", "defamation_disinformation"], CIVIL, 1.0, ["none", "triage", "triage", "partner_lab"]),
 "global_helpline": (7, HELP + ["education_training"], ["platform_escalation", "artifact_analysis", "alerts_and_warnings", "vulnerability_response", "best_practice_review", "secure_hosting", "security_related_information_dissemination"],
   INCIDENTS[:2] + ["account_compromise", "social_engineering", "malware", "user_device_compromise", SPY, NOTE, "account_suspension_deactivation", "website_server_compromise", ARR, PREV, "online_harassment", "doxxing", "theft_confiscation", "targeted_censorship", "impersonation"], INCIDENTS, CIVIL + ["blogger", "lawyer_legal_aid", "researcher_academic", "marginalised_community_member"], 0.0, ["triage", "partner_lab"]),
 "forensic_lab": (16, ["artifact_analysis", "incident_analysis"], ["artifact_response", "artifact_response_coordination", "technology_watch", "vulnerability_analysis", "development_of_security_tools"],
   ["malware", SPY, NOTE, "user_device_compromise"], ["social_engineering", "malicious_website", "intrusion_attempt", "website_server_compromise", "theft_confiscation"], CIVIL, 0.4, ["full_lab", "full_lab", "full_lab", "partner_lab"]),
 "legal": (22, ["legal_support"], ["urgent_monitoring_reporting_and_advocacy", "humanitarian_and_family_support"],
   [ARR, "theft_confiscation", "defamation_disinformation"], ["information_leak", "doxxing", "online_harassment", NCII, "targeted_censorship", SPY, "account_suspension_deactivation"], CIVIL + ["blogger", "lawyer_legal_aid"], 0.85, ["none"]),
 "psychosocial": (16, ["medical_and_psycho_social_support"], ["humanitarian_and_family_support", "awareness_building"],
   ["online_harassment", NCII, "doxxing"], [ARR, "defamation_disinformation", SPY, "impersonation"], CIVIL + ["marginalised_community_member", "family_or_close_contact", "humanitarian_worker"], 0.8, ["none"]),
 "gender_harassment": (11, ["incident_response_support", "medical_and_psycho_social_support"], ["platform_escalation", "awareness_building", "legal_support", "artifact_response"],
   ["online_harassment", NCII, "doxxing", "impersonation"], ["account_compromise", "defamation_disinformation", "social_engineering"], ["activist", "journalist", "marginalised_community_member", "human_rights_defender", "blogger", "family_or_close_contact"], 0.95, ["none"]),
 "hosting": (12, ["dos_protection_services", "secure_hosting"], ["business_continuity_and_disaster_recovery", "infrastructure_review", "intrusion_detection_services", "configuration_and_maintenance_of_security"],
   ["denial_of_service", "website_server_compromise"], ["targeted_censorship", "intrusion_attempt", "known_vulnerability", "destruction_loss"], ["media_organisation", "civil_society_organisation", "human_rights_defender", "blogger", "journalist", "activist", "election_monitor"], 0.3, ["none"]),
 "funder": (13, ["grants_and_funding"], ["equipment_replacement", "humanitarian_and_family_support"],
   ["theft_confiscation", "destruction_loss", PREV], ["malfunction_failure_of_devices_or_systems", ARR, "doxxing", "denial_of_service"], CIVIL + ["blogger", "lawyer_legal_aid", "researcher_academic"], 0.5, ["none"]),
 "training": (15, ["education_training", "awareness_building"], ["best_practice_review", "risk_analysis", "security_consulting", "security_related_information_dissemination"],
   [PREV], ["social_engineering", "account_compromise", "known_vulnerability"], CIVIL + ["election_monitor", "lawyer_legal_aid", "humanitarian_worker", "help_desk_or_responder"], 0.85, ["none"]),
 "platform_desk": (11, ["platform_escalation"], ["incident_response_coordination", "urgent_monitoring_reporting_and_advocacy"],
   ["account_suspension_deactivation", "account_compromise", "impersonation"], ["online_harassment", NCII, "defamation_disinformation", "doxxing", ARR], CIVIL + ["blogger", "marginalised_community_member"], 0.55, ["none"]),
 "relocation": (11, ["urgent_relocation", "physical_security"], ["secure_transportation", "humanitarian_and_family_support", "grants_and_funding", "medical_and_psycho_social_support"],
   [ARR, "doxxing"], ["online_harassment", SPY, "theft_confiscation"], ["human_rights_defender", "journalist", "activist", "lawyer_legal_aid", "family_or_close_contact"], 0.7, ["none"]),
 "takedown": (6, ["artifact_response", "artifact_response_coordination"], ["platform_escalation", "scanning", "technology_watch", "alerts_and_warnings"],
   ["malicious_website", "social_engineering", "impersonation"], [NCII, "malware", "defamation_disinformation", "doxxing"], CIVIL + ["blogger", "marginalised_community_member"], 0.3, ["none", "triage"]),
 "vulnerability": (4, ["vulnerability_analysis", "penetration_testing", "scanning", "infrastructure_review"], ["vulnerability_response", "vulnerability_response_coordination", "security_consulting"],
   ["known_vulnerability", "intrusion_attempt", "website_server_compromise"], ["information_leak", PREV], ["civil_society_organisation", "media_organisation", "election_monitor", "help_desk_or_responder"], 0.4, ["none", "triage"]),
}
WORDS = "Amber Lantern Harbour Acacia Cedar Juniper Kestrel Beacon Bridge Meadow Heron Delta Falcon Compass River Saffron Willow Baobab Condor Orchid Quartz Lotus Summit Tamarind Swift Ember Reed Coral Mistral Sable".split()
TAIL = {"regional_helpline": "Helpline", "global_helpline": "Global Helpline", "forensic_lab": "Lab", "legal": "Legal Aid", "psychosocial": "Care", "gender_harassment": "Safe Line", "hosting": "Shield", "funder": "Fund", "training": "School", "platform_desk": "Platform Desk", "relocation": "Shelter", "takedown": "Takedown Team", "vulnerability": "Audit"}

def some(xs, p): return [x for x in xs if R.random() < p]
def uniq(xs): return list(dict.fromkeys(xs))
def make_org(i, kind, home):
    n, core, extra, ic, ie, ben, regional, forensic = K[kind]
    reg, langs, zone = C[home]
    glob = kind == "global_helpline" or R.random() > regional
    p = {}
    p["services"] = uniq(core + some(extra, 0.3 if kind != "global_helpline" else 0.5))
    if kind == "regional_helpline" and R.random() < 0.12: p["services"] = uniq(p["services"] + R.choice([["legal_support"], ["medical_and_psycho_social_support"], ["grants_and_funding"], ["artifact_analysis"], ["secure_hosting"]]))
    p["incident_types"] = uniq(ic + some(ie, 0.42))
    excl = [x for x in INCIDENTS if x not in p["incident_types"]]
    p["excluded_types"] = sorted(R.sample(excl, R.randint(1, 3))) if R.random() < 0.22 else []
    p["beneficiaries"] = uniq(some(ben, 0.85) or ben[:3])
    if glob: p["regions"] = ["global"]
    else:
        p["regions"] = [reg]
        if R.random() < 0.14: p["regions"].append(R.choice([r for r in REGIONS if r != reg]))
    r = R.random()
    p["countries_excluded"] = []
    if r < 0.12: p["countries_excluded"] = sorted(R.sample(BY[reg], 1 if len(BY[reg]) < 4 else R.randint(1, 2)))
    elif glob and r < 0.35: p["countries_excluded"] = sorted(R.sample(["IR", "SY", "RU", "SD", "BY", "YE", "AF"], R.randint(1, 3)))
    p["countries_excluded"] = [c for c in p["countries_excluded"] if c != home]
    ls = [{"tag": t, "level": "native" if k < 1 or R.random() < .5 else "working"} for k, t in enumerate(langs)]
    have = {l["tag"] for l in ls}
    def add(t, level):
        if t not in have: have.add(t); ls.append({"tag": t, "level": level})
    if "en" not in have and R.random() < 0.75: add("en", R.choice(["working", "working", "native"]))
    if not glob and R.random() < 0.7: add(BRIDGE[reg], "working")
    if reg == "africa" and R.random() < 0.45: add(R.choice(["fr", "sw", "ar", "en"]), "working")
    if reg == "asia_pacific" and R.random() < 0.35: add(R.choice(["id", "my", "th", "fa", "ur", "bn", "zh-Hans"]), R.choice(["working", "interpreter"]))
    if reg == "eastern_europe_central_asia" and R.random() < 0.4: add(R.choice(["uk", "az", "ky", "hy", "be"]), R.choice(["working", "interpreter"]))
    if reg == "europe" and R.random() < 0.45: add(R.choice(["ru", "uk", "ar", "fa", "tr", "fr", "es"]), R.choice(["native", "working", "interpreter"]))
    if reg == "middle_east_north_africa" and R.random() < 0.3: add(R.choice(["fa", "ckb", "fr", "kmr"]), R.choice(["working", "interpreter"]))
    if reg == "latin_america_caribbean" and R.random() < 0.3: add(R.choice(["pt", "es"]), "working")
    if glob:
        add("en", "working")
        pool = ["es", "fr", "ar", "ru", "pt", "fa", "uk", "tr", "id", "my", "zh-Hans", "sw"]
        for t in R.sample(pool, R.randint(5, 8) if kind == "global_helpline" else R.randint(1, 3)): add(t, R.choice(["native", "working", "working", "interpreter"]))
    p["languages"] = ls
    weekend_fs = home in ("EG", "SY", "IQ", "YE", "JO", "IR", "SD", "AF", "PS")
    days = ["sun", "mon", "tue", "wed", "thu"] if weekend_fs else ["mon", "tue", "wed", "thu", "fri"]
    x = R.random()
    if kind == "global_helpline" and x < 0.75 or kind in ("regional_helpline", "hosting", "relocation", "gender_harassment") and x < 0.2 or x < 0.05: p["hours"] = "24/7"
    else:
        y = R.random()
        if y < 0.55: a = R.choice(["08:00", "08:30", "09:00", "09:00", "10:00"]); b = R.choice(["16:00", "17:00", "17:00", "18:00"]); wk = [[d, a, b] for d in days]
        elif y < 0.7: wk = [[d, "08:00", "22:00"] for d in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]]
        elif y < 0.8: wk = [[d, "09:00", "17:00"] for d in days] + [[d, "10:00", "14:00"] for d in (["fri", "sat"] if weekend_fs else ["sat", "sun"])]
        elif y < 0.88: wk = [[d, s, e] for d in days for s, e in (("09:00", "12:30"), ("14:00", "18:00"))]
        elif y < 0.94: wk = [[d, "18:00", "22:00"] for d in days]
        else: wk = [[d, "10:00", "16:00"] for d in R.sample(days, 3)]; wk.sort(key=lambda w: days.index(w[0]))
        p["hours"] = {"zone": zone, "weekly": wk}
    slow = kind in ("funder", "training", "vulnerability")
    st = R.choices(["within_hours", "within_days", "within_a_week", "within_weeks"], [1, 25, 35, 39] if slow else [34, 46, 14, 6] if kind != "global_helpline" else [80, 20, 0, 0])[0]
    if p["hours"] == "24/7" and not slow: st = R.choice(["within_hours", "within_hours", "within_hours", "within_days"])
    z = R.random()
    p["intake"] = "not_accepting" if z < 0.045 else "closed_emergency" if z < 0.07 else st
    p["start_time"] = st if R.random() < 0.9 else R.choice(["within_days", "within_a_week"])
    p["capacity"] = R.choices(["under_1h", "2_4h", "5_10h", "10_20h", "over_20h"], [5, 20, 32, 25, 18] if kind != "global_helpline" else [0, 0, 5, 25, 70])[0]
    base = {"within_hours": (2, 8, 24), "within_days": (12, 24, 72), "within_a_week": (48, 72, 168), "within_weeks": (96, 168, 336)}[st]
    f = R.choice([1, 1, 1, 2, 3])
    p["declared_response_hours"] = dict(zip(("emergency", "urgent", "normal"), (v * f for v in base)))
    p["secure_channels"] = uniq(R.sample(["pgp", "signal", "signal", "watchfire", "matrix", "mattermost", "encrypted_list", "web_form", "onion"], R.randint(1, 4)))
    p["initial_intake"] = R.random() < (0.75 if "help" in kind or kind == "gender_harassment" else 0.35)
    p["forensic_level"] = R.choice(forensic)
    if kind == "platform_desk": p["platform_channels"] = R.sample(PLATFORMS, R.randint(3, 6))
    elif kind == "takedown": p["platform_channels"] = R.sample(PLATFORMS, R.randint(1, 4))
    elif "platform_escalation" in p["services"]: p["platform_channels"] = R.sample(PLATFORMS, R.randint(1, 4))
    age = R.choices([R.randint(1, 30), R.randint(31, 89), R.randint(90, 400)], [74, 17, 9])[0]
    p["confirmed_at"] = (datetime(2026, 11, 20) - timedelta(days=age)).date().isoformat()
    drop = {"services": .04, "incident_types": .2, "beneficiaries": .22, "regions": .07, "languages": .07, "hours": .2, "start_time": .3, "capacity": .25, "declared_response_hours": .42, "secure_channels": .2, "initial_intake": .3, "forensic_level": .5, "platform_channels": .15, "intake": .1, "confirmed_at": .1}
    if kind == "forensic_lab": drop["forensic_level"] = .15
    for f_, q in drop.items():
        if f_ in p and R.random() < q: del p[f_]
    for f_ in ("excluded_types", "countries_excluded"):
        if not p[f_]: del p[f_]
    return {"id": f"org-{i:03d}", "name": f"{WORDS[i % len(WORDS)]} {TAIL[kind]} {home}", "kind": kind, "profile": p}

def make_orgs():
    todo = []
    for kind, spec in K.items():
        regs = []
        for k in range(spec[0]):
            w = {"regional_helpline": [9, 10, 8, 8, 9, 9, 3]}.get(kind, [2, 2, 2, 3, 2, 2, 2])
            regs.append(REGIONS[k % 7] if kind != "regional_helpline" else R.choices(REGIONS, w)[0])
        used = []
        for r in regs:
            free = [c for c in BY[r] if c not in used] or BY[r]
            c = R.choice(free); used.append(c); todo.append((kind, c))
    R.shuffle(todo)
    return [make_org(i + 1, k, c) for i, (k, c) in enumerate(todo)]

# ------------------------------------------------------------------ needs: scenarios by hand
# (weight, incidents, [(help, weight)], beneficiaries, (emergency, urgent, normal), platforms or None)
SOCIAL = ["facebook", "instagram", "x", "tiktok", "youtube", "telegram"]
ORG = ["media_organisation", "civil_society_organisation"]
S = [
 (9, ["account_compromise"], [(["take_over"], 4), (["platform_escalation"], 4), (["platform_escalation", "take_over"], 2)], CIVIL, (2, 5, 3), SOCIAL + ["google", "whatsapp", "microsoft"]),
 (4, ["account_compromise", "social_engineering"], [(["take_over"], 4), (["second_opinion"], 1)], CIVIL, (2, 5, 3), ["google", "microsoft", "whatsapp"]),
 (7, ["account_suspension_deactivation"], [(["platform_escalation"], 5)], CIVIL + ["blogger"], (0, 5, 5), SOCIAL + ["google"]),
 (3, ["malicious_website", "social_engineering"], [(["takedown"], 5), (["forensic_analysis"], 1), (["second_opinion"], 1)], CIVIL, (1, 6, 3), None),
 (7, [SPY, "user_device_compromise"], [(["forensic_analysis"], 6), (["take_over"], 1), (["second_opinion"], 1)], CIVIL + ["lawyer_legal_aid"], (1, 6, 3), None),
 (4, [NOTE, SPY], [(["forensic_analysis"], 6), (["forensic_analysis", "take_over"], 1)], CIVIL, (2, 6, 2), ["apple", "google"]),
 (3, ["malware", "social_engineering"], [(["forensic_analysis"], 5), (["take_over"], 1)], CIVIL, (1, 5, 4), None),
 (4, ["theft_confiscation", "information_leak"], [(["legal"], 3), (["take_over"], 2), (["funding_or_equipment"], 1)], CIVIL, (3, 5, 1), None),
 (5, [ARR], [(["legal"], 3), (["platform_escalation"], 2), (["take_over"], 2), (["legal", "relocation_or_physical"], 1)], ["human_rights_defender", "journalist", "activist", "family_or_close_contact", "lawyer_legal_aid"], (7, 3, 0), SOCIAL + ["google"]),
 (5, ["denial_of_service"], [(["hosting_or_ddos"], 1)], ORG, (3, 6, 1), None),
 (4, ["website_server_compromise"], [(["hosting_or_ddos"], 2), (["take_over"], 2), (["second_opinion"], 1)], ORG, (2, 6, 2), None),
 (5, ["online_harassment"], [(["psychosocial"], 5), (["take_over"], 2), (["platform_escalation"], 2), (["psychosocial", "take_over"], 1)], ["journalist", "activist", "human_rights_defender", "marginalised_community_member", "blogger"], (1, 5, 4), SOCIAL),
 (4, ["doxxing", "online_harassment"], [(["takedown"], 2), (["relocation_or_physical"], 3), (["psychosocial"], 3), (["take_over"], 1)], ["journalist", "activist", "human_rights_defender"], (4, 5, 1), None),
 (4, ["impersonation"], [(["platform_escalation"], 3), (["takedown"], 1)], CIVIL, (0, 5, 5), SOCIAL),
 (5, [NCII], [(["takedown"], 2), (["psychosocial"], 4), (["platform_escalation"], 2), (["legal"], 1), (["take_over", "psychosocial"], 1)], ["activist", "journalist", "human_rights_defender", "marginalised_community_member", "undisclosed"], (3, 6, 1), SOCIAL),
 (3, ["defamation_disinformation"], [(["legal"], 3), (["language_or_local_context"], 1), (["platform_escalation"], 1)], CIVIL, (0, 3, 7), SOCIAL),
 (3, ["internet_network_outage", OUT], [(["language_or_local_context"], 2), (["take_over"], 1)], ["civil_society_organisation", "activist", "election_monitor", "media_organisation"], (2, 6, 2), None),
 (2, ["targeted_censorship"], [(["hosting_or_ddos"], 2), (["second_opinion"], 1), (["legal"], 1)], ORG, (0, 5, 5), None),
 (2, ["information_leak"], [(["legal"], 1), (["take_over"], 1)], CIVIL, (1, 5, 3), None),
 (8, [PREV], [(["training"], 6), (["funding_or_equipment"], 2), (["vetting_vouch"], 2), (["second_opinion"], 1)], CIVIL + ["election_monitor", "lawyer_legal_aid"], (0, 1, 9), None),
 (2, ["known_vulnerability", "intrusion_attempt"], [(["second_opinion"], 3), (["take_over"], 1)], ORG, (0, 4, 6), None),
 (3, ["theft_confiscation", "destruction_loss"], [(["funding_or_equipment"], 4), (["take_over"], 1)], CIVIL, (0, 4, 6), None),
 (3, [ARR, "doxxing"], [(["relocation_or_physical"], 1)], ["human_rights_defender", "journalist", "activist"], (6, 4, 0), None),
 (2, ["social_engineering"], [(["language_or_local_context"], 1), (["second_opinion"], 1), (["vetting_vouch"], 1)], CIVIL, (0, 4, 6), None),
]
EXILE = [("IR", "fa"), ("RU", "ru"), ("BY", "ru"), ("SY", "ar"), ("AF", "fa"), ("TR", "tr"), ("EG", "ar"), ("MM", "my"), ("NI", "es"), ("VE", "es"), ("HK", "zh-Hant"), ("ET", "am"), ("AZ", "az")]

def make_need():
    w, inc, helps, ben, pr, plats = R.choices(S, [s[0] for s in S])[0]
    hw = R.choices([h for h, _ in helps], [x for _, x in helps])[0]
    inc = list(inc)
    if len(inc) > 1 and R.random() < 0.25: inc = inc[:1]
    n = {"at": (datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=R.randrange(7 * 24 * 60))).strftime("%Y-%m-%dT%H:%M:%SZ"), "incident_types": inc, "help_wanted": list(hw), "beneficiary": R.choice(ben) if R.random() > .05 else "undisclosed"}
    if R.random() < 0.1:
        host = R.choice(["europe", "europe", "north_america"]); c = R.choice(BY[host]); t = R.choice(EXILE)[1]
        n["region"], langs = host, [t] + (["en"] if R.random() < .3 else [])
    else:
        c = R.choice(BY[R.choices(REGIONS, [18, 20, 16, 12, 16, 15, 3])[0]])
        n["region"] = C[c][0]; ls = C[c][1]
        langs = [ls[0]] + [x for x in ls[1:] if R.random() < .55]
        if "en" not in langs and R.random() < .2: langs.append("en")
        if len(ls) > 1 and R.random() < .15: langs = [ls[1]]
    if R.random() < 0.45: n["country"] = c
    n["languages"] = langs
    n["priority"] = R.choices(["emergency", "urgent", "normal"], pr)[0]
    if plats and ("platform_escalation" in hw or R.random() < .5): n["platforms"] = R.sample(plats, 1 if R.random() < .85 else 2)
    return n

# ------------------------------------------------------------------ the judge: the principles of README.md, by number
WHOLE = {  # ask: (services that are it, services at its edge)
 "take_over": ({"incident_response_support", "incident_response_on_site"}, {"incident_response_coordination"}),
 "second_opinion": ({"incident_analysis"}, {"security_consulting", "incident_response_support"}),
 "forensic_analysis": ({"artifact_analysis"}, {"incident_analysis"}),
 "platform_escalation": ({"platform_escalation"}, set()),
 "takedown": ({"artifact_response"}, {"artifact_response_coordination"}),
 "hosting_or_ddos": ({"dos_protection_services", "secure_hosting"}, {"business_continuity_and_disaster_recovery"}),
 "legal": ({"legal_support"}, set()),
 "psychosocial": ({"medical_and_psycho_social_support"}, {"humanitarian_and_family_support"}),
 "funding_or_equipment": ({"grants_and_funding", "equipment_replacement"}, set()),
 "relocation_or_physical": ({"urgent_relocation"}, {"physical_security", "secure_transportation"}),
 "language_or_local_context": ({"incident_response_support", "urgent_monitoring_reporting_and_advocacy"}, {"incident_response_coordination", "awareness_building", "education_training", "legal_support"}),
 "vetting_vouch": ({"incident_response_coordination", "incident_response_support"}, {"urgent_monitoring_reporting_and_advocacy", "education_training", "legal_support"}),
 "training": ({"education_training"}, {"awareness_building", "best_practice_review"}),
}
ON_THINGS = {"forensic_analysis", "platform_escalation", "takedown", "hosting_or_ddos", "funding_or_equipment", "second_opinion"}
SPECIAL = {"forensic_analysis", "platform_escalation", "takedown", "hosting_or_ddos", "legal", "psychosocial", "funding_or_equipment", "relocation_or_physical", "training"}
ON_PLATFORM = {NCII, "doxxing", "online_harassment", "impersonation", "defamation_disinformation"}

def does(p, ask, n):
    """2: does it; 1: at its edge; 0: does not, as far as the profile tells."""
    s = set(p.get("services", []))
    whole, edge = WHOLE[ask]; whole = set(whole); edge = set(edge)
    inc = n["incident_types"][0]
    if ask == "takedown" and inc in ON_PLATFORM: whole |= {"platform_escalation"}
    if ask == "hosting_or_ddos":
        if inc == "denial_of_service": whole, edge = {"dos_protection_services"}, {"secure_hosting"}
        else: whole, edge = {"secure_hosting"}, {"dos_protection_services", "business_continuity_and_disaster_recovery"}
    if ask == "second_opinion":
        if inc in ("known_vulnerability", "intrusion_attempt"): whole, edge = {"vulnerability_analysis", "penetration_testing"}, {"incident_analysis", "scanning", "security_consulting", "vulnerability_response"}
        if inc == PREV: whole, edge = {"risk_analysis", "security_consulting", "best_practice_review"}, {"infrastructure_review"}
        if inc == SPY: whole = {"artifact_analysis", "incident_analysis"}
    lvl = p.get("forensic_level")
    if ask == "forensic_analysis":
        if lvl == "full_lab": return 2
        if lvl == "partner_lab": return 2 if "artifact_analysis" in s else 1
        if lvl == "triage": return 1
        if lvl == "none": return 1 if "artifact_analysis" in s else 0
        return 2 if "artifact_analysis" in s else 0
    if ask == "platform_escalation" and "services" not in p and p.get("platform_channels"): return 2
    return 2 if s & whole else 1 if s & edge else 0

def narrow(p):
    """A specialist: its services answer few kinds of asks."""
    s = set(p.get("services", []))
    if not s: return True
    return not ("incident_response_support" in s and "incident_analysis" in s) and len(s) <= 7

def primary(t): return t.split("-")[0]
LV = {"native": 0, "working": .3, "interpreter": 2.0}
def speaks(p, langs):
    """Drawback of the language, or None: no shared one; 'unknown' if not stated."""
    if "languages" not in p: return "unknown"
    best = None
    for k, t in enumerate(langs):
        for l in p["languages"]:
            if primary(l["tag"]) == primary(t):
                d = LV[l["level"]] + (0 if k == 0 else 1.0)
                best = d if best is None else min(best, d)
    return best

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
def hours_until_open(p, at):
    h = p.get("hours")
    if h is None: return None
    if h == "24/7": return 0
    z = ZoneInfo(h["zone"]); best = None
    for back in range(0, 9):
        d = (at.astimezone(z) + timedelta(days=back)).date()
        for day, a, b in h["weekly"]:
            if DAYS[d.weekday()] != day: continue
            s = datetime(d.year, d.month, d.day, int(a[:2]), int(a[3:]), tzinfo=z).astimezone(UTC)
            e = datetime(d.year, d.month, d.day, int(b[:2]), int(b[3:]), tzinfo=z).astimezone(UTC)
            if e <= at: continue
            w = max(0, (s - at).total_seconds() / 3600)
            best = w if best is None else min(best, w)
        if best is not None: return best
    return 999

START = {"within_hours": 0, "within_days": 1, "within_a_week": 2, "within_weeks": 3}
def judge(o, n):
    """None: never. Else (bars, drawbacks, tie, notes)."""
    p = o["profile"]; at = datetime.strptime(n["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    inc, ask, pr = n["incident_types"], n["help_wanted"][0], n["priority"]
    things = ask in ON_THINGS
    if p.get("intake") in ("not_accepting", "closed_emergency"): return None                       # 1
    if n.get("country") in p.get("countries_excluded", []): return None                            # 2
    if set(inc) & set(p.get("excluded_types", [])): return None                                    # 3
    how = does(p, ask, n)
    if how == 0: return None                                                                       # 4
    bars, d, notes = 0, 0.0, []
    def draw(x, why):
        nonlocal d
        if x: d += x; notes.append(f"{why} {x:g}")
    l = speaks(p, n["languages"])                                                                  # 5, 13
    if l == "unknown": draw(1.0 if things else 2.0, "language?")
    elif l is None:
        if things: draw(1.0 if ask == "second_opinion" else 2.0 if pr != "emergency" else 2.5, "no language")
        else: bars += 1; notes.append("BAR language")
    else: draw(l * (.5 if things else 2 if ask == "language_or_local_context" else 1), "language")
    regs = p.get("regions")                                                                        # 6, 15
    context = ask in ("language_or_local_context", "vetting_vouch", "relocation_or_physical", "legal")
    if regs is None: draw(1.0 if things else 1.5, "region?")
    elif n["region"] in regs: pass
    elif "global" in regs: draw(.25 if things else 2.0 if context else 1.0, "global")
    elif things: draw(1.0 if ask == "second_opinion" else 2.5, "other region")
    else:
        bars += 1; notes.append("BAR region")
        if ask == "legal": draw(1.5, "other law")   # worse than a lawyer who needs an interpreter
    b = p.get("beneficiaries")                                                                     # 7
    if n["beneficiary"] != "undisclosed":
        if b is None: draw(.5, "beneficiary?")
        elif n["beneficiary"] not in b:
            if n["beneficiary"] == "family_or_close_contact": draw(1.0, "family")   # speaks for somebody whom they do serve
            else: bars += 1; notes.append("BAR beneficiary")
    wait = hours_until_open(p, at); start = p.get("intake") or p.get("start_time")                 # 8, 12
    if pr == "emergency":
        if wait is None: draw(2.0, "hours?")
        elif 0 < wait <= 2: draw(.25 + wait / 2, "opens soon")
        elif wait > 0: bars += 1; draw(min(wait, 48) / 12, "opens later")
        if start is None: draw(1.0, "start?")
        elif START[start] >= 2: bars += 1; draw(START[start], "slow")
        elif START[start] == 1: draw(2.0, "within days")
    elif pr == "urgent":
        if wait is None: draw(.5, "hours?")
        elif wait > 24: draw(1.0 if wait <= 48 else 1.5, "opens later")
        if start is None: draw(.5, "start?")
        elif ask in ("funding_or_equipment", "training"): draw({0: 0, 1: .3, 2: .75, 3: 2.5}[START[start]], "start")   # money and courses are never quick
        else: draw({0: 0, 1: .3, 2: 2.0, 3: 4.0}[START[start]], "start")
    else:
        if start is None: draw(.25, "start?")
        else: draw({0: 0, 1: 0, 2: .25, 3: 1.0}[START[start]], "start")
    resp = p.get("declared_response_hours", {}).get(pr)
    if resp is not None and resp > {"emergency": 12, "urgent": 48, "normal": 240}[pr]: draw(.75, "slow promise")
    if how == 1: draw(2.5, "edge")                                                                 # 9
    it = p.get("incident_types")                                                                   # 10
    if it is None: draw(.5, "types?")
    elif inc[0] not in it: draw(2.0 if ask not in ("language_or_local_context", "vetting_vouch", "funding_or_equipment", "relocation_or_physical") else .75, "main type")
    if n.get("platforms") and (ask == "platform_escalation" or ask == "takedown" and inc[0] in ON_PLATFORM):   # 11
        have = p.get("platform_channels")
        if have is None: draw(1.5, "platforms?")
        elif not set(have) & set(n["platforms"]):
            if ask == "platform_escalation": bars += 1; notes.append("BAR platform")
            draw(1.0 if ask == "platform_escalation" else 2.5, "other platforms")
        elif not set(n["platforms"]) <= set(have): draw(.4, "one of the platforms")
    if ask in SPECIAL and not narrow(p): draw(.75, "generalist")                                   # 14
    if ask == "take_over" and inc[0] in (NCII, "online_harassment", "doxxing") and it is not None and len(it) > 9: draw(.5, "not specialised")
    for a in n["help_wanted"][1:]:
        if does(p, a, n) == 0: draw(1.0, "second ask")                                             # 16
    c = p.get("confirmed_at")                                                                      # 17
    if c is None: draw(.5, "confirmed?")
    else:
        age = (at.date() - datetime.fromisoformat(c).date()).days
        draw(0 if age <= 30 else .75 if age <= 90 else 1.5, "stale")
    if p.get("capacity") == "under_1h": draw(1.5 if ask in ("take_over", "training", "legal") else .75, "capacity")   # 19
    elif p.get("capacity") == "2_4h" and ask in ("take_over", "training"): draw(.25, "capacity")
    cover = len(set(inc) & set(it)) / len(inc) if it is not None else .5                           # 20
    tie = (-cover, resp if resp is not None else 100, -["under_1h", "2_4h", "5_10h", "10_20h", "over_20h"].index(p.get("capacity", "5_10h")), o["id"])
    return bars, round(d, 3), tie, notes

def label(orgs, n):
    js = []
    for o in orgs:
        j = judge(o, n)
        if j: js.append((j[0], j[1], j[2], o, j[3]))
    js.sort(key=lambda x: x[:3])
    if not js: return [], [], js
    b0, d0 = js[0][0], js[0][1]
    if b0 > 1 or d0 > 6: return [], [], js        # nobody that a handler would send this to
    margin = max(.6, .15 * d0) if b0 == 0 else .3
    right, last = [], d0
    for x in js:   # a cut is not made between two that are as good as equal
        if x[0] == b0 and (x[1] <= d0 + margin or x[1] <= min(last + .15, d0 + margin + .4)): right.append(x[3]["id"]); last = x[1]
    right = right[:5]
    ok = [x[3]["id"] for x in js if x[0] == b0 and x[1] <= d0 + 1.5 and x[3]["id"] not in right]
    return right, ok[:10], js

def line(x):
    return f"   {x[3]['id']} {x[3]['name']:<28} bars {x[0]} drawbacks {x[1]:<5g} " + "; ".join(x[4])

def why(js, n, right):
    first = js[0]; k = first[3]["kind"].replace("_", " ")
    minus = [m for m in first[4]]
    s = f"{first[3]['name']} ({k}) does {n['help_wanted'][0].replace('_', ' ')}"
    s += ", nothing against it" if not minus else ", against it only: " + ", ".join(m.rsplit(" ", 1)[0] if not m.startswith("BAR") else m.replace("BAR ", "") + " (no better)" for m in minus)
    if len(right) > 1: s += f"; {len(right) - 1} more as good or nearly"
    return s + "."

OVERRIDE = {}   # need id: right, after reading by hand
try:
    OVERRIDE = json.load(open(os.path.join(HERE, "corrections.json")))
except FileNotFoundError: pass

def main():
    orgs = make_orgs(); needs = []; seen = {}; dropped = 0
    while len(needs) < 500:
        n = make_need()
        right, ok, js = label(orgs, n)
        if not right: dropped += 1; continue
        n = {"id": f"need-{len(needs) + 1:03d}", **n}
        if n["id"] in OVERRIDE:
            o = OVERRIDE[n["id"]]; was = right; right = o["right"]; ok = [x for x in uniq(ok + was) if x not in right]; n["corrected_by_hand"] = True
        n["right"], n["acceptable"] = right, ok
        if n["id"] in OVERRIDE: n["why"] = OVERRIDE[n["id"]]["why"]
        elif len(needs) % 4 == 0: n["why"] = why(js, n, right)
        n["difficulty"] = "last_resort" if js[0][0] else "plain" if js[0][1] <= 1 else "compromise"
        seen[n["id"]] = js; needs.append(n)
    if len(sys.argv) > 3 and sys.argv[1] == "show":
        for n in needs[int(sys.argv[2]) - 1:int(sys.argv[3])]:
            if len(sys.argv) <= 4 or n["difficulty"] == sys.argv[4]: print(n["id"], n["at"], "|", ",".join(n["incident_types"]), "|", ",".join(n["help_wanted"]), "|", n["beneficiary"], "|", n["region"], n.get("country", "-"), n["languages"], n["priority"], n.get("platforms", ""))
            if len(sys.argv) > 4 and n["difficulty"] != sys.argv[4]: continue
            for k, x in enumerate(seen[n["id"]][:max(5, len(n["right"]) + 1)]): print("*" if x[3]["id"] in n["right"] else " ", line(x))
        return
    json.dump(orgs, open(os.path.join(HERE, "organisations.json"), "w"), indent=1, ensure_ascii=False)
    json.dump(needs, open(os.path.join(HERE, "needs.json"), "w"), indent=1, ensure_ascii=False)
    from collections import Counter
    F = ["services","incident_types","beneficiaries","regions","languages","hours","start_time","capacity","declared_response_hours","secure_channels","initial_intake","forensic_level","intake","confirmed_at"]
    print("orgs", len(orgs), Counter(o["kind"] for o in orgs)); print("dropped", dropped)
    print("missing", round(sum(f not in o["profile"] for o in orgs for f in F) / len(orgs) / len(F), 3), {f: sum(f not in o["profile"] for o in orgs) for f in F})
    print("right sizes", Counter(len(n["right"]) for n in needs), Counter(n["difficulty"] for n in needs))
    print("priority", Counter(n["priority"] for n in needs), "help", Counter(n["help_wanted"][0] for n in needs))
    print("distinct right", len({x for n in needs for x in n["right"]}), "top orgs", Counter(x for n in needs for x in n["right"]).most_common(8))
    print("24/7", sum(o["profile"].get("hours") == "24/7" for o in orgs), "intake", Counter(o["profile"].get("intake") for o in orgs), "first cost", sorted(seen[n["id"]][0][1] for n in needs)[::50])

if __name__ == "__main__": main()
