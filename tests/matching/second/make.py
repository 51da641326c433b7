#!/usr/bin/env python3
"""Makes organisations.json and needs.json of the second set.

make.py              write both files
make.py check        check both against the lists of src/model/vocabulary
make.py blind N...   print needs and shuffled candidates without labels, for judging by hand
make.py show N...    print needs with labels and reasons
make.py figures      print figures about the set

Made anew, the files are the same byte for byte.
"""
import collections, copy, json, os, random, sys, tomllib
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 20261022
R = random.Random(SEED)
UTC = timezone.utc
FIRST, LAST = datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 11, 13, tzinfo=UTC)

# ---------------------------------------------------------------- places
AF, AP, EC, EU, LA, ME, NA = ("africa", "asia_pacific", "eastern_europe_central_asia", "europe", "latin_america_caribbean",
                              "middle_east_north_africa", "north_america")
# country: region, zone, languages spoken there (most likely first), second language, week, days off in the window
P = {
    "KE": (AF, "Africa/Nairobi", ["sw", "en"], "en", "mf", []), "NG": (AF, "Africa/Lagos", ["en", "ha", "yo"], "en", "mf", []),
    "SN": (AF, "Africa/Dakar", ["fr", "wo"], "fr", "mf", []), "ET": (AF, "Africa/Addis_Ababa", ["am", "om"], "en", "mf", []),
    "UG": (AF, "Africa/Kampala", ["en", "lg", "sw"], "en", "mf", []), "ZA": (AF, "Africa/Johannesburg", ["en", "zu"], "en", "mf", []),
    "CD": (AF, "Africa/Kinshasa", ["fr", "sw", "ln"], "fr", "mf", []), "CM": (AF, "Africa/Douala", ["fr", "en"], "fr", "mf", []),
    "SD": (AF, "Africa/Khartoum", ["ar"], "en", "st", []), "MZ": (AF, "Africa/Maputo", ["pt"], "pt", "mf", []),
    "ZW": (AF, "Africa/Harare", ["en", "sn"], "en", "mf", []), "BF": (AF, "Africa/Ouagadougou", ["fr"], "fr", "mf", []),
    "CI": (AF, "Africa/Abidjan", ["fr"], "fr", "mf", ["11-02"]), "ZM": (AF, "Africa/Lusaka", ["en"], "en", "mf", ["10-26"]),
    "AO": (AF, "Africa/Luanda", ["pt"], "pt", "mf", ["11-02", "11-11"]), "TZ": (AF, "Africa/Dar_es_Salaam", ["sw", "en"], "en", "mf", []),
    "LB": (ME, "Asia/Beirut", ["ar"], "en", "mf", []), "JO": (ME, "Asia/Amman", ["ar"], "en", "st", []), "TN": (ME, "Africa/Tunis", ["ar"], "fr", "mf", []),
    "EG": (ME, "Africa/Cairo", ["ar"], "en", "st", []), "IQ": (ME, "Asia/Baghdad", ["ar", "ckb"], "en", "st", []),
    "PS": (ME, "Asia/Hebron", ["ar"], "en", "st", []), "IR": (ME, "Asia/Tehran", ["fa"], "en", "sw", []), "MA": (ME, "Africa/Casablanca", ["ar", "fr"], "fr", "mf", ["11-06"]),
    "YE": (ME, "Asia/Aden", ["ar"], "en", "st", []), "DZ": (ME, "Africa/Algiers", ["ar", "fr"], "fr", "st", ["11-01"]), "SY": (ME, "Asia/Damascus", ["ar", "kmr"], "en", "st", []),
    "PH": (AP, "Asia/Manila", ["fil", "en"], "en", "mf", ["11-01", "11-02"]), "ID": (AP, "Asia/Jakarta", ["id"], "en", "mf", []),
    "IN": (AP, "Asia/Kolkata", ["hi", "ta", "en"], "en", "mf", ["11-09"]), "NP": (AP, "Asia/Kathmandu", ["ne"], "en", "sf", ["10-22", "10-23", "11-09", "11-10", "11-11"]),
    "BD": (AP, "Asia/Dhaka", ["bn"], "en", "st", []), "PK": (AP, "Asia/Karachi", ["ur", "pa"], "en", "mf", ["11-09"]),
    "MM": (AP, "Asia/Yangon", ["my"], "en", "mf", ["10-26", "10-27"]), "TH": (AP, "Asia/Bangkok", ["th"], "en", "mf", ["10-23"]),
    "KH": (AP, "Asia/Phnom_Penh", ["km"], "en", "mf", ["10-29", "11-09"]), "TW": (AP, "Asia/Taipei", ["zh"], "en", "mf", ["10-26"]),
    "HK": (AP, "Asia/Hong_Kong", ["zh"], "en", "mf", []), "LK": (AP, "Asia/Colombo", ["si", "ta"], "en", "mf", ["10-26"]),
    "AF": (AP, "Asia/Kabul", ["fa", "ps"], "en", "sw", []), "VN": (AP, "Asia/Ho_Chi_Minh", ["vi"], "en", "mf", []), "AU": (AP, "Australia/Sydney", ["en"], "en", "mf", []),
    "UA": (EC, "Europe/Kyiv", ["uk", "ru"], "en", "mf", []), "GE": (EC, "Asia/Tbilisi", ["ka"], "en", "mf", []), "AM": (EC, "Asia/Yerevan", ["hy"], "ru", "mf", []),
    "KG": (EC, "Asia/Bishkek", ["ky", "ru"], "ru", "mf", ["11-09"]), "KZ": (EC, "Asia/Almaty", ["ru", "kk"], "ru", "mf", ["10-26"]),
    "BY": (EC, "Europe/Minsk", ["be", "ru"], "ru", "mf", []), "RU": (EC, "Europe/Moscow", ["ru"], "en", "mf", ["11-04"]), "AZ": (EC, "Asia/Baku", ["az"], "ru", "mf", ["11-09"]),
    "TJ": (EC, "Asia/Dushanbe", ["tg"], "ru", "mf", []), "MD": (EC, "Europe/Chisinau", ["ro", "ru"], "ru", "mf", []),
    "DE": (EU, "Europe/Berlin", ["de"], "en", "mf", []), "FR": (EU, "Europe/Paris", ["fr"], "en", "mf", ["11-11"]), "RS": (EU, "Europe/Belgrade", ["sr"], "en", "mf", ["11-11"]),
    "TR": (EU, "Europe/Istanbul", ["tr", "kmr"], "en", "mf", ["10-29"]), "PL": (EU, "Europe/Warsaw", ["pl"], "en", "mf", ["11-11"]), "ES": (EU, "Europe/Madrid", ["es"], "en", "mf", ["11-02"]),
    "IT": (EU, "Europe/Rome", ["it"], "en", "mf", []), "GR": (EU, "Europe/Athens", ["el"], "en", "mf", ["10-28"]), "HU": (EU, "Europe/Budapest", ["hu"], "en", "mf", ["10-23"]),
    "NL": (EU, "Europe/Amsterdam", ["nl"], "en", "mf", []), "AL": (EU, "Europe/Tirane", ["sq"], "en", "mf", []), "LT": (EU, "Europe/Vilnius", ["lt"], "en", "mf", ["11-02"]),
    "PT": (EU, "Europe/Lisbon", ["pt"], "en", "mf", []), "GB": (EU, "Europe/London", ["en"], "en", "mf", []),
    "MX": (LA, "America/Mexico_City", ["es"], "en", "mf", ["11-02"]), "CO": (LA, "America/Bogota", ["es"], "en", "mf", ["11-02"]), "BR": (LA, "America/Sao_Paulo", ["pt"], "es", "mf", ["11-02"]),
    "AR": (LA, "America/Argentina/Buenos_Aires", ["es"], "en", "mf", []), "PE": (LA, "America/Lima", ["es", "qu"], "es", "mf", []), "GT": (LA, "America/Guatemala", ["es", "quc"], "es", "mf", []),
    "HT": (LA, "America/Port-au-Prince", ["ht", "fr"], "fr", "mf", ["11-02"]), "VE": (LA, "America/Caracas", ["es"], "en", "mf", []), "CU": (LA, "America/Havana", ["es"], "en", "mf", []),
    "SV": (LA, "America/El_Salvador", ["es"], "en", "mf", ["11-02"]), "NI": (LA, "America/Managua", ["es"], "en", "mf", []), "EC": (LA, "America/Guayaquil", ["es", "qu"], "es", "mf", ["11-02", "11-03"]),
    "CL": (LA, "America/Santiago", ["es"], "en", "mf", []), "CR": (LA, "America/Costa_Rica", ["es"], "en", "mf", []), "PY": (LA, "America/Asuncion", ["es", "gn"], "es", "mf", []),
    "US": (NA, "America/New_York", ["en", "es"], "en", "mf", ["11-11"]), "CA": (NA, "America/Toronto", ["en", "fr"], "en", "mf", ["11-11"]),
}
WEEK = {"mf": "mon tue wed thu fri".split(), "st": "sun mon tue wed thu".split(), "sw": "sat sun mon tue wed".split(), "sf": "sun mon tue wed thu fri".split()}
DAYS = "mon tue wed thu fri sat sun".split()

# ---------------------------------------------------------------- short names of codes
S = {"irs": "incident_response_support", "irc": "incident_response_coordination", "site": "incident_response_on_site", "ana": "incident_analysis", "aw": "alerts_and_warnings",
     "va": "vulnerability_analysis", "vr": "vulnerability_response", "vc": "vulnerability_response_coordination", "tw": "technology_watch", "ir": "infrastructure_review",
     "bp": "best_practice_review", "scan": "scanning", "pen": "penetration_testing", "conf": "configuration_and_maintenance_of_security", "ids": "intrusion_detection_services",
     "diss": "security_related_information_dissemination", "host": "secure_hosting", "dos": "dos_protection_services", "aa": "artifact_analysis", "ar": "artifact_response",
     "arc": "artifact_response_coordination", "risk": "risk_analysis", "bc": "business_continuity_and_disaster_recovery", "con": "security_consulting", "awa": "awareness_building",
     "edu": "education_training", "phys": "physical_security", "trans": "secure_transportation", "legal": "legal_support", "psy": "medical_and_psycho_social_support",
     "hum": "humanitarian_and_family_support", "relo": "urgent_relocation", "mon": "urgent_monitoring_reporting_and_advocacy", "grant": "grants_and_funding",
     "equip": "equipment_replacement", "plat": "platform_escalation"}
T = {"acc": "account_compromise", "dos": "denial_of_service", "loss": "destruction_loss", "comm": "disruption_of_communications_applications_and_platforms", "leak": "information_leak",
     "out": "internet_network_outage", "intr": "intrusion_attempt", "vuln": "known_vulnerability", "malf": "malfunction_failure_of_devices_or_systems", "msite": "malicious_website",
     "malw": "malware", "soc": "social_engineering", "cens": "targeted_censorship", "theft": "theft_confiscation", "dev": "user_device_compromise", "web": "website_server_compromise",
     "susp": "account_suspension_deactivation", "har": "online_harassment", "dox": "doxxing", "imp": "impersonation", "ncii": "non_consensual_intimate_media_sextortion",
     "def": "defamation_disinformation", "spy": "surveillance_spyware_suspicion", "notif": "platform_threat_notification_received", "arr": "arrest_detention_account_lockdown",
     "prev": "preventative_advice_assessment_training"}
B = {"act": "activist", "hrd": "human_rights_defender", "jou": "journalist", "blo": "blogger", "med": "media_organisation", "cso": "civil_society_organisation", "res": "researcher_academic",
     "law": "lawyer_legal_aid", "mar": "marginalised_community_member", "ele": "election_monitor", "hum": "humanitarian_worker", "help": "help_desk_or_responder",
     "fam": "family_or_close_contact", "oth": "other", "und": "undisclosed"}
PLATFORMS = "facebook instagram whatsapp google youtube x tiktok telegram apple microsoft linkedin".split()

# ---------------------------------------------------------------- kinds of organisation
# services: (always, {sometimes: chance}); types (all that may be taken, how many of them are left out at most); beneficiaries; round the clock, long hours, office; forensic levels; capacity; starts
DIGITAL = "acc soc msite susp har dox imp ncii def spy notif malw dev arr theft leak intr prev comm web loss"
K = {
    "regional_helpline": ("irs ana", {"irc": .6, "con": .5, "awa": .4, "edu": .5, "plat": .45, "aw": .3, "bp": .3, "ar": .15, "site": .12}, (DIGITAL + " cens out", 8),
                          "act hrd jou blo med cso mar law res ele hum help", (.25, .4), ["triage"] * 5 + ["none", "partner_lab", "partner_lab", None], [2, 3, 3, 4, 4, 4], "hhhdd"),
    "cert": ("irc ana aw", {"irs": .55, "ar": .45, "arc": .4, "aa": .35, "va": .5, "vr": .3, "vc": .4, "scan": .4, "tw": .4, "diss": .5},
             ("dos web malw dev intr vuln msite soc leak malf acc out", 3), "cso med help hum res hrd ele", (.25, .1), ["triage", "none", "partner_lab", "full_lab", None], [3, 4, 4], "hhd"),
    "legal_aid": ("legal", {"mon": .4, "awa": .2, "hum": .12}, ("arr har dox def ncii theft susp cens imp leak", 3), "act hrd jou blo med cso law mar fam", (.12, .15), [None], [2, 3, 4], "hhddw"),
    "psychosocial": ("psy", {"hum": .35, "awa": .2, "edu": .2}, ("har dox ncii arr spy def imp", 2), "act hrd jou mar fam blo hum cso law", (.15, .3), [None], [2, 3, 3, 4], "hddw"),
    "takedown_platform": ("ar plat", {"arc": .6, "mon": .2, "ana": .2, "irs": .12}, ("msite imp ncii dox har def susp acc soc arr", 3), "act hrd jou blo med cso mar res law ele", (.3, .25), [None, "none"], [3, 4, 4], "hhd"),
    "platform_desk": ("plat", {"irs": .4, "mon": .4, "con": .3}, ("acc susp imp har ncii arr dox def", 2), "act hrd jou blo med cso mar ele", (.2, .4), [None], [2, 3, 4], "hhd"),
    "forensics_lab": ("aa ana", {"irs": .2, "diss": .4, "tw": .4, "va": .4}, ("malw dev spy notif intr soc web theft", 2), "act hrd jou med cso law res blo help", (.15, .1), ["full_lab"] * 5 + ["partner_lab", None], [3, 4, 4], "hddw"),
    "ddos_hosting": ("", {"dos": .8, "host": .75, "conf": .6, "bc": .4, "ids": .3, "scan": .3, "ir": .3}, ("dos web cens intr out malf vuln loss", 2), "med cso blo hrd jou ele act", (.5, .1), [None, "none"], [3, 4, 4], "hhd"),
    "funder": ("grant", {"equip": .6, "hum": .3, "edu": .1}, ("theft loss prev dos arr web out dox malf", 2), "act hrd jou blo med cso mar law res", (.03, .05), [None], [2, 3, 4], "hddww4"),
    "equipment": ("equip", {"grant": .2, "con": .4}, ("theft loss malf dev", 1), "jou med cso hrd act blo", (0, .1), [None, "none"], [1, 2, 3], "ddww"),
    "relocation": ("relo", {"phys": .6, "trans": .5, "hum": .5, "legal": .15, "psy": .15, "grant": .2}, ("dox har arr spy theft", 1), "hrd act jou law mar fam blo", (.4, .2), [None], [2, 3, 4], "hhdd"),
    "language_desk": ("awa", {"irs": .85, "irc": .35, "edu": .5, "ana": .25, "mon": .3}, ("acc soc har dox imp susp prev arr out comm", 3), "act hrd jou mar cso blo", (.05, .5), ["none", None, "triage"], [1, 2, 2, 3], "hdd"),
    "exile_media": ("con", {"irs": .5, "legal": .3, "grant": .35, "equip": .3, "host": .4, "relo": .35, "psy": .2}, ("acc soc har dox spy notif cens dos theft def", 3), "jou med blo", (.08, .3), [None, "triage"], [2, 3, 4], "hddw"),
    "womens_rights": ("awa", {"psy": .6, "legal": .5, "irs": .65, "plat": .35, "edu": .5, "ar": .2, "relo": .15}, ("har ncii dox imp acc spy def soc", 2), "mar hrd act jou fam", (.12, .35), [None, "none", "triage"], [2, 3, 3, 4], "hhdd"),
    "lgbtq": ("mon", {"psy": .55, "legal": .4, "irs": .6, "plat": .3, "relo": .35, "edu": .4}, ("har ncii dox imp acc arr soc", 2), "mar act hrd fam", (.12, .3), [None, "none"], [2, 3, 3], "hhdd"),
    "environmental": ("mon", {"phys": .5, "legal": .45, "relo": .35, "irs": .35, "equip": .35, "edu": .3}, ("har dox theft arr spy acc def", 2), "hrd act mar cso", (.05, .2), [None, "none"], [1, 2, 3], "hddw"),
    "trainer": ("edu awa con", {"risk": .6, "bp": .5, "ir": .2, "irs": .12}, ("prev soc acc", 0), "cso med jou act hrd mar help hum", (0, .1), [None, "none"], [2, 3, 4], "dww4"),
    "circumvention": ("tw ana", {"ir": .4, "conf": .5, "host": .4, "diss": .5, "irs": .3, "mon": .3}, ("cens out comm", 0), "med cso jou act res hrd ele blo", (.2, .2), ["none", None], [2, 3, 4], "hdd"),
    "university_clinic": ("con risk", {"va": .7, "scan": .6, "pen": .5, "ir": .6, "bp": .5, "edu": .3}, ("vuln prev web intr malf", 1), "cso med hum help", (0, 0), ["none", None, "triage"], [1, 2, 2, 3], "dww4"),
    "press_union": ("mon", {"legal": .7, "psy": .4, "relo": .3, "grant": .45, "equip": .5, "edu": .3}, ("har dox arr theft def spy cens", 2), "jou med blo", (.1, .2), [None], [2, 3], "hddw"),
}
# which organisations there are: kind, where its people sit, regions served ("" its own), languages (native first, "-" before a working one, "~" before an interpreter)
O = """
regional_helpline LB _ ar -en -fr|regional_helpline TN _,africa ar fr -en|regional_helpline JO _ ar -en|regional_helpline IQ _ ar ckb -en|regional_helpline EG _ ar -en|regional_helpline KE _ sw en|regional_helpline NG _ en ha ~fr
regional_helpline SN _ fr wo -en|regional_helpline UG _ en lg -sw|regional_helpline ZA _ en zu -pt|regional_helpline ET _ am om -en|regional_helpline CM _ fr en|regional_helpline PH _ fil en|regional_helpline ID _ id -en
regional_helpline IN _ hi ta en|regional_helpline TW _ zh -en|regional_helpline PK _ ur pa -en|regional_helpline TH _ th my -en|regional_helpline NP _ ne -en -hi|regional_helpline BD _ bn -en|regional_helpline RS _ sr -en ~sq
regional_helpline DE _,eastern_europe_central_asia de ru -en ~uk|regional_helpline MX _ es -en|regional_helpline CO _ es -en|regional_helpline BR _ pt -es -en|regional_helpline AR _ es -pt -en|regional_helpline GT _ es quc|regional_helpline TR _ tr kmr -en
regional_helpline CR global es en -fr -ar -ru -pt|regional_helpline NL global en -nl -fr -es -ar ~fa ~ru
cert KE _ en sw|cert IN _ en hi|cert UA _ uk -en|cert GE _ ka -en|cert RS _ sr -en|cert MX _ es -en|cert BR _ pt -en
cert CO _ es|cert CA _ en fr|cert GB global en|cert TN _ ar fr|cert ZA _ en
legal_aid LB _ ar fr|legal_aid TN _ ar fr|legal_aid IQ _ ar ckb|legal_aid KE _ en sw|legal_aid CD _ fr sw ln|legal_aid ET _ am -en|legal_aid PH _ fil en
legal_aid IN _ hi en|legal_aid ID _ id -en|legal_aid MM _ my -en|legal_aid RU _ ru -en|legal_aid BY _,europe be ru|legal_aid AM _ hy -ru|legal_aid KZ _ ru kk
legal_aid DE _ de en ~ru ~ar|legal_aid MX _ es|legal_aid BR _ pt|legal_aid NI _ es|legal_aid GB global en -fr -es
psychosocial JO _ ar -en|psychosocial LB _ ar fr -en|psychosocial KE _ sw en|psychosocial SN _ fr ~wo|psychosocial IN _ hi en|psychosocial PH _ fil en|psychosocial UA _ uk ru
psychosocial DE _,eastern_europe_central_asia de ru -en ~fa|psychosocial MX _ es|psychosocial NL global en -fr -es ~ar
takedown_platform IN _ en hi -ur|takedown_platform NL global en|takedown_platform BR _ pt -es -en|takedown_platform CO _ es -en|takedown_platform KE _ en -sw|takedown_platform GB global en -fr|takedown_platform UA _,europe uk -ru -en
takedown_platform PH _ en fil
platform_desk EG _ ar -en|platform_desk PK _ ur en|platform_desk MX _ es -en|platform_desk NG _ en|platform_desk GE _ ka -ru -en|platform_desk DE _ de en
forensics_lab CA global en -fr|forensics_lab DE global en de|forensics_lab LB _ ar -en|forensics_lab MX _ es -en|forensics_lab KE _ en|forensics_lab IN _ en hi|forensics_lab TN _,africa fr ar
forensics_lab BR _ pt -en
ddos_hosting CA global en -fr|ddos_hosting NL global en|ddos_hosting BR _ pt -en|ddos_hosting ZA _ en|ddos_hosting TW _ zh -en|ddos_hosting LB _ ar -en|ddos_hosting PL global en
ddos_hosting PH _ en
funder DE global en -fr -es|funder KE _ en -fr|funder MX _ es -en|funder TH _ en -th -my|funder PL _ en -ru|funder LB _ ar -en|funder US global en es
equipment NL global en|equipment CO _ es|equipment UA _ uk -en
relocation GE _ -en ru ka|relocation TH _ -en -th ~my|relocation KE _ en -sw -fr|relocation CR _ es -en|relocation DE _ de en ~ar ~fa ~ru|relocation TN _ ar fr|relocation FR global fr en ~ar
relocation UG _ en -sw
language_desk SY _,europe kmr ar|language_desk AF _ fa ps|language_desk ET _ om am|language_desk HT _ ht fr|language_desk GT _ quc -es|language_desk TJ _ tg -ru|language_desk KH _ km -en
language_desk AZ _ az -ru|language_desk VN _ vi -en|language_desk CD _ ln sw fr
exile_media LT _,eastern_europe_central_asia be ru -en|exile_media GB _,middle_east_north_africa fa -en|exile_media TH _ my -en|exile_media CR _ es|exile_media TR _,middle_east_north_africa ar -tr -en|exile_media FR _,africa fr -sw ~am|exile_media TW _ zh -en
womens_rights EG _ ar|womens_rights PK _ ur -en|womens_rights IN _ hi -en|womens_rights MX _ es|womens_rights BR _ pt|womens_rights NG _ en -ha|womens_rights UG _ en -lg
womens_rights SN _ fr wo|womens_rights KG _ ky ru|womens_rights AF _,europe fa -en
lgbtq LB _ ar -en|lgbtq UG _ en|lgbtq GH _ en|lgbtq KZ _,europe ru -en|lgbtq ID _ id -en|lgbtq TR _ tr -en
environmental BR _ pt|environmental CO _ es|environmental GT _ es quc|environmental ID _ id|environmental PE _ es qu
trainer KE _ en sw|trainer SN _ fr|trainer ID _ id en|trainer GE _ ka ru|trainer DE global en -es -fr|trainer NP _ ne en
circumvention US global en -fa ~zh|circumvention RU _ ru -en|circumvention TW _ zh en|circumvention MX _ es -en
university_clinic CA global en|university_clinic ZA _ en|university_clinic AR _ es
press_union KE _ en sw|press_union MX _ es|press_union RS _ sr -en|press_union UA _ uk -ru|press_union PS _ ar -en
"""
P["GH"] = (AF, "Africa/Accra", ["en"], "en", "mf", [])
WORD1 = "Alder Amber Anchor Ash Beacon Birch Bracken Bramble Brook Canopy Cinder Clove Cobalt Copper Coral Cove Crane Delta Dune Egret Ember Fathom Fern Finch Flint Garnet Gale Grove Gull Harbour Hazel Heron Hollow Indigo Iris Ivory Jasper Juniper Kestrel Kiln Lark Larch Linden Lotus Maple Marsh Meadow Mistral Moss Myrtle Nettle Oasis Ochre Olive Onyx Orchard Osprey Otter Pebble Pine Plover Quartz Quill Raven Reed Ridge Rowan Sable Saffron Sedge Shale Sorrel Spruce Summit Swift Tamarind Teal Thicket Thistle Thorn Tide Umber Vale Verbena Walnut Wharf Willow Wren Yarrow Zephyr".split()
WORD2 = "Bridge Circle Commons Court Crossing Field Gate Hall Hearth House Lane Light Loop Path Point Quay Room Row Shelter Square Stairs Step Trail Watch Well Yard".split()
LABEL = {"regional_helpline": "Helpline", "cert": "Civil CERT", "legal_aid": "Legal Aid", "psychosocial": "Care Line", "takedown_platform": "Takedown Desk", "platform_desk": "Platform Desk",
         "forensics_lab": "Forensics", "ddos_hosting": "Hosting", "funder": "Fund", "equipment": "Equipment Pool", "relocation": "Safe Passage", "language_desk": "Language Desk",
         "exile_media": "Exile Media Support", "womens_rights": "Women's Network", "lgbtq": "Rainbow Network", "environmental": "Land Defence", "trainer": "Training", "circumvention": "Open Net",
         "university_clinic": "Security Clinic", "press_union": "Press Union"}
CAPACITY = ["under_1h", "2_4h", "5_10h", "10_20h", "over_20h"]
START = {"h": "within_hours", "d": "within_days", "w": "within_a_week", "4": "within_weeks"}


def names():
    both = [f"{a} {b}" for a in WORD1 for b in WORD2]
    R.shuffle(both)
    yield from both


def hours_of(kind, country):
    _, zone, _, _, week, off = P[country]
    clock, long = K[kind][4]
    if R.random() < clock:
        return "24/7"
    days = WEEK[week]
    weekly = []
    pick = R.random()
    if R.random() < long:  # a long-hours desk, every day or all but one
        f, t = R.choice([("07:00", "23:00"), ("08:00", "24:00"), ("06:00", "22:00"), ("08:00", "22:00"), ("09:00", "21:30")])
        weekly = [[d, f, t] for d in DAYS if d in days or R.random() < .7]
    elif kind == "university_clinic":
        weekly = [[d, "15:00", "19:30"] for d in days[::2]]
    elif pick < .12:  # evenings by volunteers
        weekly = [[d, "18:00", "22:30"] for d in days] + [["sat", "10:00", "14:00"]] * ("sat" not in days)
    elif pick < .2:  # two shifts about midday
        weekly = [[d, *span] for d in days for span in (("08:30", "12:30"), ("15:00", "19:00"))]
    elif pick < .27:  # a night desk: over midnight is two
        weekly = [[d, *span] for d in DAYS for span in (("00:00", "04:00"), ("20:00", "24:00"))]
    elif pick < .34:  # part of the week
        weekly = [[d, "10:00", "16:00"] for d in sorted(R.sample(days, 3), key=DAYS.index)]
    else:
        f, t = R.choice([("09:00", "17:00"), ("09:30", "18:00"), ("08:00", "16:30"), ("10:00", "18:30"), ("08:30", "17:30"), ("07:30", "15:30")])
        weekly = [[d, f, t] for d in days]
        if R.random() < .25:  # a short last day
            weekly[-1][2] = "13:00"
    hours = {"zone": zone, "weekly": sorted(weekly, key=lambda one: (DAYS.index(one[0]), one[1]))}
    if off and len(weekly) < 14 and R.random() < .75:
        hours["holidays"] = [f"2026-{day}" for day in off]
    elif R.random() < .06:  # a retreat of the whole team
        first = date(2026, 11, 2) + timedelta(R.randrange(8))
        hours["holidays"] = [str(first + timedelta(n)) for n in range(3)]
    return hours


def organisation(kind, country, regions, languages):
    always, sometimes, (types, fewer), served, _, levels, capacity, starts = K[kind]
    p = {}
    services = always.split() + [s for s, chance in sometimes.items() if R.random() < chance]
    if kind == "ddos_hosting" and not {"dos", "host"} & set(services):
        services.append("dos")
    if kind == "exile_media" and len(services) < 3:
        services += ["grant", "irs"]
    p["services"] = [S[s] for s in dict.fromkeys(services)]
    types = types.split()
    takes = [t for t in types if t not in R.sample(types, R.randint(0, fewer))]
    p["incident_types"] = [T[t] for t in takes]
    if R.random() < .18:
        rest = [t for t in T if t not in takes]
        p["excluded_types"] = [T[t] for t in R.sample(rest, min(len(rest), R.randint(1, 3)))]
    who = served.split()
    p["beneficiaries"] = [B[b] for b in who if who.index(b) < 2 or R.random() < .75]
    p["regions"] = [P[country][0] if r == "_" else r for r in regions.split(",")]
    if R.random() < .2:
        near = [c for c in P if P[c][0] in p["regions"] or p["regions"] == ["global"]]
        p["countries_excluded"] = sorted(R.sample([c for c in near if c != country], min(len(near) - 1, R.randint(1, 4))))
    p["languages"] = [{"tag": ({"pt": "pt-BR"}.get(l, l) if country == "BR" else {"zh": "zh-Hant"}.get(l, l) if country == "TW" else l),
                       "level": {"-": "working", "~": "interpreter"}.get(sign, "native")}
                      for l, sign in ((one.lstrip("-~"), one[0]) for one in languages)]
    p["hours"] = hours_of(kind, country)
    start = START[R.choice(starts)]
    p["start_time"] = start
    p["intake"] = start if R.random() < .8 else START[R.choice(starts)]
    dice = R.random()
    if dice < .06:
        p["intake"] = "not_accepting"
    elif dice < .085:
        p["intake"] = "closed_emergency"
    p["capacity"] = CAPACITY[R.choice(capacity)]
    base = {"within_hours": (2, 8, 48), "within_days": (12, 24, 72), "within_a_week": (48, 72, 168), "within_weeks": (120, 168, 336)}[start]
    if R.random() < .6:
        p["declared_response_hours"] = {k: max(1, round(v * R.choice([.5, 1, 1, 1.5]))) for k, v in zip(("emergency", "urgent", "normal"), base)}
    p["secure_channels"] = R.sample(["pgp", "signal", "matrix", "mattermost", "encrypted_list", "web_form", "onion", "watchfire"], R.randint(1, 4))
    p["initial_intake"] = R.random() < .6
    level = R.choice(levels)
    if level:
        p["forensic_level"] = level
    if "platform_escalation" in p["services"]:
        n = R.randint(4, 8) if kind in ("takedown_platform", "platform_desk") else R.randint(2, 5)
        p["platform_channels"] = sorted(R.sample(PLATFORMS, n), key=PLATFORMS.index)
        if R.random() < .8 and not {"facebook", "instagram"} & set(p["platform_channels"]):
            p["platform_channels"][:0] = ["facebook", "instagram"]
    age = R.choice([R.randint(1, 20)] * 7 + [R.randint(31, 80)] * 2 + [R.randint(95, 420)])
    p["confirmed_at"] = str(date(2026, 10, 22) - timedelta(age))
    return p


LOSES = {"services": .015, "incident_types": .17, "beneficiaries": .15, "regions": .06, "languages": .03, "hours": .13, "start_time": .25, "intake": .06, "capacity": .2,
         "secure_channels": .2, "initial_intake": .3, "forensic_level": .1, "platform_channels": .1, "confirmed_at": .06}


def twin(p, country, defect):
    """The same organisation with one thing different, for which a case would come back or be slow."""
    p = copy.deepcopy(p)
    if defect in ("not_accepting", "closed_emergency"):
        p["intake"] = defect
    elif defect == "country":
        near = [c for c in P if P[c][0] == P[country][0]]
        p["countries_excluded"] = sorted(R.sample(near, min(6, len(near))))
    elif defect == "types":
        lost = R.sample(p["incident_types"], min(3, len(p["incident_types"]) - 1))
        p["incident_types"] = [t for t in p["incident_types"] if t not in lost]
        p["excluded_types"] = lost
    elif defect == "language":
        p["languages"] = [{"tag": "de" if country != "DE" else "it", "level": "native"}, {"tag": "en", "level": "interpreter"}]
    elif defect == "night":
        p["hours"] = {"zone": P[country][1], "weekly": [[d, "00:00", "06:00"] for d in DAYS]}
    elif defect == "stale":
        p["confirmed_at"] = str(date(2025, 6, 1) + timedelta(R.randrange(200)))
    elif defect == "who":
        p["beneficiaries"] = [R.choice([B["ele"], B["res"], B["hum"]])]
    elif defect == "slow":
        p["intake"] = p["start_time"] = "within_weeks"
        p.pop("declared_response_hours", None)
    return p


def organisations():
    name = names()
    rows = [one.split() for line in O.strip().splitlines() for one in line.split("|")]
    made = []
    for kind, country, regions, *languages in rows:
        made.append((kind, country, organisation(kind, country, regions, languages)))
    many = 200 - len(made)
    assert many >= 0, many
    defects = ["not_accepting", "not_accepting", "closed_emergency", "country", "types", "language", "night", "stale", "who", "slow"]
    fit = [o for o in made if o[0] in ("regional_helpline", "legal_aid", "psychosocial", "takedown_platform", "forensics_lab", "ddos_hosting", "womens_rights", "relocation", "platform_desk", "cert")]
    for n, (kind, country, p) in enumerate(R.sample(fit, many)):
        made.append((kind, country, twin(p, country, defects[n % len(defects)])))
    R.shuffle(made)
    done = []
    for n, (kind, country, p) in enumerate(made, 1):
        for field, chance in LOSES.items():
            if field == "intake" and p["intake"] in ("not_accepting", "closed_emergency"):
                continue
            if R.random() < chance:
                p.pop(field, None)
        if R.random() < .03:  # an entry somebody began and never finished
            for field in R.sample(sorted(p), len(p) // 2):
                if field != "intake":
                    p.pop(field, None)
        done.append({"id": f"org-{n:03}", "name": f"{next(name)} {LABEL[kind]}", "kind": kind, "profile": p})
    return done


# ---------------------------------------------------------------- time
def local(at, hours):
    return at.astimezone(ZoneInfo(hours["zone"]))


def is_open(hours, at):
    if hours == "24/7":
        return True
    here = local(at, hours)
    if str(here.date()) in hours.get("holidays", []):
        return False
    now = here.strftime("%H:%M")
    return any(d == DAYS[here.weekday()] and f <= now < t for d, f, t in hours["weekly"])


def opens_in(hours, at):
    """Hours until somebody is there; 0 if now, 999 if not within ten days."""
    if is_open(hours, at):
        return 0.0
    zone, here, soonest = ZoneInfo(hours["zone"]), local(at, hours), 999.0
    for n in range(11):
        day = here.date() + timedelta(n)
        if str(day) in hours.get("holidays", []):
            continue
        for d, f, _ in hours["weekly"]:
            if d == DAYS[day.weekday()]:
                start = datetime(day.year, day.month, day.day, int(f[:2]), int(f[3:]), tzinfo=zone).astimezone(UTC)
                if start > at:
                    soonest = min(soonest, (start - at).total_seconds() / 3600)
    return soonest


# ---------------------------------------------------------------- the judge: README, "Principles of judgement"
# what an ask means: does it, at its edge
def work(ask, kind, who):
    """Services that do what is asked for an incident of this main type, and those that do it at its edge."""
    if ask == "take_over":
        return {"irs", "site"}, {"irc"}
    if ask == "second_opinion":
        if kind in ("malw", "dev", "spy", "notif"):
            return {"ana", "aa"}, {"irs"}
        if kind in ("web", "vuln", "intr", "malf", "dos"):
            return {"ana", "va", "pen", "ir"}, {"irs", "scan", "con"}
        if kind == "prev":
            return {"risk", "con", "bp", "ir"}, {"edu", "pen"}
        if kind in ("cens", "out", "comm"):
            return {"ana"}, {"tw", "irs"}
        return {"ana"}, {"irs", "con"}
    if ask == "takedown":
        if kind in ("msite", "soc", "malw", "web"):
            return {"ar"}, {"arc"}
        return {"ar", "plat"}, {"arc"}
    if ask == "hosting_or_ddos":
        return ({"dos"}, {"host"}) if kind == "dos" else ({"host"}, {"dos", "bc"})
    if ask == "psychosocial":
        return ({"psy"}, {"hum"})
    if ask == "funding_or_equipment":
        return {"grant", "equip"}, {"hum"}
    if ask == "language_or_local_context":
        return {"irs", "mon", "irc"}, {"awa", "edu", "con"}
    if ask == "vetting_vouch":
        return {"irc", "irs", "mon"}, {"edu", "con"}
    return {"forensic_analysis": ({"aa"}, set()), "platform_escalation": ({"plat"}, set()), "legal": ({"legal"}, set()), "relocation_or_physical": ({"relo"}, {"phys", "trans"}),
            "training": ({"edu"}, {"awa", "bp"})}[ask]


PERSON = {"take_over", "legal", "psychosocial", "relocation_or_physical", "language_or_local_context", "vetting_vouch", "training"}
THINGS = {"forensic_analysis", "platform_escalation", "takedown", "hosting_or_ddos", "second_opinion"}
ITSELF = {"legal", "psychosocial", "relocation_or_physical", "funding_or_equipment", "language_or_local_context", "vetting_vouch", "training"}
PLACE = {"language_or_local_context", "vetting_vouch"}
NEAR = [{"jou", "blo", "med"}, {"act", "hrd"}, {"hrd", "law"}, {"cso", "help", "hum"}]
SHORT_S, SHORT_T, SHORT_B = ({v: k for k, v in d.items()} for d in (S, T, B))


def judge(p, need, holidays=True, shift=0):
    """What speaks against sending this need there: wrong (W), late (W8), strong and mild doubts; and what ranks among equals."""
    wrong, late, strong, mild, fine = [], [], [], [], 0
    ask, prio, at = need["help_wanted"][0], need["priority"], datetime.fromisoformat(need["at"].replace("Z", "+00:00")) + timedelta(hours=shift)
    kind, who = SHORT_T[need["incident_types"][0]], SHORT_B[need["beneficiary"]]
    # W1-W3
    state = p.get("intake")
    if state in ("not_accepting", "closed_emergency"):
        wrong.append("takes no new cases" if state == "not_accepting" else "closed by an emergency of its own")
    if need.get("country") in p.get("countries_excluded", []):
        wrong.append("excludes the country")
    if set(need["incident_types"]) & set(p.get("excluded_types", [])):
        wrong.append("excludes the type")
    # the work: W4, S1, S6, M7, M8
    offered = {SHORT_S[s] for s in p.get("services", [])}
    does, edge = work(ask, kind, who)
    level = p.get("forensic_level")
    if "services" not in p:
        strong.append("does not state its services")
    elif ask == "forensic_analysis":
        if kind in ("malw", "msite", "soc") and "aa" in offered:
            mild += ["examines no devices"] * (level == "none")
        elif level == "none":
            wrong.append("examines no devices")
        elif "aa" in offered or level == "full_lab":
            if level == "triage":
                strong.append("a triage, no laboratory")
            elif level != "full_lab":
                mild.append("its laboratory is a partner's or not stated")
        elif level in ("triage", "partner_lab") and "ana" in offered:
            strong.append("a triage, no laboratory")
        else:
            wrong.append("does not do this")
    elif not offered & does:
        (strong if offered & edge else wrong).append("does this at its edge" if offered & edge else "does not do this")
    if ask == "funding_or_equipment" and offered & does:
        if kind in ("theft", "loss", "malf", "dev") and "equip" not in offered:
            mild.append("money alone, no devices")
        if kind not in ("theft", "loss", "malf", "dev") and "grant" not in offered:
            strong.append("devices alone, no money")
    through_platform = ask == "platform_escalation" or (ask == "takedown" and "plat" in does and "ar" not in offered)
    if through_platform and need.get("platforms") and "plat" in offered:
        channels = p.get("platform_channels")
        if channels is None:
            strong.append("does not state its channels")
        elif need["platforms"][0] not in channels:
            wrong.append("has no channel at the platform")
        elif set(need["platforms"]) - set(channels):
            mild.append("not all of the platforms")
    elif ask == "takedown" and "plat" in does and "ar" in offered and need.get("platforms") and need["platforms"][0] not in p.get("platform_channels", []):
        strong.append("no channel at the platform is stated")
    # its types: S2
    takes = p.get("incident_types")
    if takes is not None and need["incident_types"][0] not in takes:
        (mild if ask in ITSELF else strong).append("the type is not among its own")
    elif takes is None:
        fine += .5
    # the talk: W5, S5, S6, M1
    spoken = {}
    for one in p.get("languages", []):
        tag = one["tag"].split("-")[0]
        spoken[tag] = min(spoken.get(tag, 9), ["native", "working", "interpreter"].index(one["level"]))
    want = [l.split("-")[0] for l in need["languages"]]
    talk = ask in ("psychosocial",) or ask in PLACE
    if ask in PERSON:
        if "languages" not in p:
            strong.append("does not state its languages")
        elif not set(want) & set(spoken):
            wrong.append("speaks none of the languages")
        elif want[0] not in spoken:
            (strong if talk else mild).append("only a second language")
        elif spoken[want[0]] == 2:
            (strong if talk else mild).append("an interpreter")
        else:
            fine += spoken[want[0]]
    elif ask == "funding_or_equipment" or ask in THINGS:
        fine += 0 if set(want) & set(spoken) else 1
    # the place: W6, S3, S7, M2
    regions = p.get("regions")
    if regions is None:
        (strong if ask in PLACE else mild).append("does not state its regions")
    elif need["region"] not in regions:
        if "global" not in regions:
            (strong if ask in THINGS else wrong).append("another region")
        elif ask in PLACE:
            strong.append("global, where the place is the point")
        elif ask in ("legal", "relocation_or_physical"):
            mild.append("global")
        else:
            fine += 1
    # the person: W7, M3
    served = p.get("beneficiaries")
    if served is None:
        fine += .5
    elif who not in ("und", "fam", "oth") and need["beneficiary"] not in served:
        near = {B[b] for group in NEAR if who in group for b in group}
        (mild if near & set(served) else wrong).append("near to whom it serves" if near & set(served) else "does not serve them")
    # the clock: W8, S4, M4, M5, M9
    start = state if state in START.values() else p.get("start_time") if state is None else None
    hours = p.get("hours")
    if hours and hours != "24/7" and not holidays:
        hours = {k: v for k, v in hours.items() if k != "holidays"}
    wait = None if hours is None else opens_in(hours, at)
    said = p.get("declared_response_hours", {}).get(prio)
    if prio == "emergency":
        if start in ("within_a_week", "within_weeks"):
            late.append("begins too late")
        elif start != "within_hours":
            strong.append("begins within days" if start else "does not say when it begins")
        if wait is None:
            strong.append("does not state its hours")
        elif wait > 2:
            late.append(f"opens in {wait:.0f} h")
        elif wait > 1:
            strong.append("opens within two hours")
        elif wait > 0:
            mild.append("opens within the hour")
        if said and said > 12:
            strong.append(f"promises {said} h")
        elif said and said > 4:
            mild.append(f"promises {said} h")
    elif prio == "urgent":
        if start == "within_weeks":
            late.append("begins too late")
        elif start == "within_a_week":
            strong.append("begins within a week")
        elif not start:
            mild.append("does not say when it begins")
        if wait is not None and wait > 24:
            (strong if wait > 60 else mild).append(f"closed for {wait:.0f} h")
        if said and said > 24:
            (strong if said > 72 else mild).append(f"promises {said} h")
        fine += start == "within_days"
    else:
        if start == "within_weeks" and ask not in ("training", "funding_or_equipment"):
            mild.append("begins in weeks")
        elif not start:
            mild.append("does not say when it begins")
    cases = ask not in ("second_opinion", "language_or_local_context", "vetting_vouch", "platform_escalation")
    if p.get("capacity") == "under_1h" and cases:
        strong.append("under an hour a week")
    elif p.get("capacity") == "2_4h" and cases and prio != "normal":
        mild.append("little capacity")
    confirmed = p.get("confirmed_at")
    days = None if confirmed is None else (at.date() - date.fromisoformat(confirmed)).days
    if days is None or days > 90:
        mild.append("not confirmed for long" if days else "no date of confirmation")
    elif days > 30:
        fine += 1
    # the second ask
    for second in need["help_wanted"][1:]:
        does2, _ = work(second, kind, who)
        fine += 0 if offered & does2 or (second == "forensic_analysis" and level == "full_lab") else 2
    return {"wrong": wrong, "late": late, "strong": strong, "mild": mild, "points": 2 * len(mild) + fine, "wait": wait}


def grade(v):
    if v["wrong"]:
        return "X"
    if v["late"]:
        return "E"
    if v["strong"]:
        return "C" if len(v["strong"]) == 1 else "D"
    return "A" if len(v["mild"]) <= 1 else "B"


def label(need, orgs, **how):
    """right, acceptable, difficulty and all verdicts; None for right where nobody is left or too many are as good as equal."""
    verdicts = {o["id"]: judge(o["profile"], need, **how) for o in orgs}
    grades = {k: grade(v) for k, v in verdicts.items()}
    for one, v in verdicts.items():  # late by a few hours and nothing else comes before two things that are not known
        if grades[one] == "E" and len(v["late"]) == 1 and not v["strong"] and v["wait"] and v["wait"] <= 6:
            grades[one] = "D"
    best = min(grades.values())
    if best == "X":
        return None, [], "nobody", verdicts

    def order(one):
        v = verdicts[one]
        if best == "E":
            return (min(len(v["strong"]), 2), 0 if v["wait"] is not None else 1, round(v["wait"] or 0), v["points"], one)
        return (len(v["strong"]), v["points"] + len(v["late"]), one)
    group = sorted((k for k, g in grades.items() if g == best), key=order)
    first = order(group[0])
    if best == "E":
        right = [k for k in group if order(k)[:3] == first[:3]][:3]
    else:
        for margin in (1, .5, 0):
            right = [k for k in group if order(k)[0] == first[0] and order(k)[1] <= first[1] + margin]
            if len(right) <= 5:
                break
        if len(right) > 5:
            return None, [], "too many", verdicts
    following = sorted({g for g in grades.values() if g > best and g != "X"})[:1]
    rest = [k for k in group if k not in right] + sorted((k for k, g in grades.items() if g in following), key=order)
    return right, rest[:10], {"A": "plain", "B": "compromise", "C": "compromise"}.get(best, "last_resort"), verdicts


# ---------------------------------------------------------------- the needs of a desk
REGIONS = [(ME, 20), (LA, 18), (AF, 18), (AP, 19), (EC, 14), (EU, 8), (NA, 3)]
SOCIAL = ["facebook", "instagram", "x", "youtube", "tiktok", "telegram"]
# weight, types (a bar: one of), asks with weights, beneficiaries, priorities (emergency, urgent, normal), platforms
SCENES = [
    (60, "acc", "take_over:5 platform_escalation:5", "jou act hrd med blo cso", (2, 5, 3), "facebook instagram whatsapp google telegram x"),
    (16, "acc soc", "take_over:5 second_opinion:2", "jou hrd act cso law", (2, 6, 2), ""),
    (34, "soc|msite,soc|soc,malw", "second_opinion:4 takedown:3 take_over:3 forensic_analysis:1", "jou hrd cso act res help med", (1, 5, 4), ""),
    (12, "msite,imp", "takedown:1", "med cso ele", (2, 5, 3), ""),
    (30, "susp", "platform_escalation:9 legal:1", "act jou med blo mar cso", (1, 5, 5), "facebook instagram youtube x tiktok whatsapp"),
    (34, "har|har,imp", "take_over:4 platform_escalation:3 psychosocial:3 legal:2", "jou act mar hrd blo", (1, 5, 4), "facebook x instagram tiktok"),
    (24, "dox|dox,har", "takedown:3 platform_escalation:3 relocation_or_physical:3 take_over:2 psychosocial:1", "jou hrd act mar law ele", (4, 5, 1), "facebook x telegram instagram"),
    (22, "ncii", "takedown:4 platform_escalation:2 psychosocial:3 legal:2 take_over:1", "mar act jou und fam hrd", (3, 5, 2), "instagram facebook telegram tiktok"),
    (20, "imp|imp,def", "platform_escalation:5 takedown:4", "act jou med cso hrd", (1, 4, 5), "facebook instagram x telegram"),
    (10, "def", "legal:4 platform_escalation:3 language_or_local_context:4", "jou med hrd ele", (0, 4, 6), "facebook x youtube tiktok"),
    (30, "spy|spy,dev", "forensic_analysis:6 take_over:3 second_opinion:2", "jou hrd act law cso fam", (2, 6, 3), ""),
    (14, "notif|notif,spy", "forensic_analysis:6 take_over:3 second_opinion:1", "jou hrd act cso res", (2, 7, 1), ""),
    (22, "malw|dev,malw|dev", "forensic_analysis:5 take_over:4 second_opinion:2", "cso jou act med hrd res", (1, 5, 4), ""),
    (24, "dos", "hosting_or_ddos:9 second_opinion:1", "med cso ele hrd", (4, 5, 1), ""),
    (20, "web|web,intr", "take_over:4 hosting_or_ddos:3 second_opinion:3", "med cso hrd", (2, 6, 2), ""),
    (12, "cens", "hosting_or_ddos:4 second_opinion:4 language_or_local_context:1", "med cso jou blo", (1, 5, 4), ""),
    (16, "out|comm|out,comm", "language_or_local_context:3 take_over:3 second_opinion:3", "act jou cso med", (2, 5, 3), ""),
    (22, "arr|arr,theft", "platform_escalation:4 take_over:4 legal:5 psychosocial:1", "act hrd jou fam law mar", (7, 3, 0), "facebook google telegram whatsapp"),
    (22, "theft|theft,leak", "take_over:3 legal:3 funding_or_equipment:5 forensic_analysis:2", "jou hrd act cso med law", (2, 5, 3), ""),
    (6, "loss", "funding_or_equipment:3 take_over:1", "med cso jou", (0, 4, 6), ""),
    (10, "leak", "take_over:4 second_opinion:3 legal:3", "cso hrd jou med law", (2, 6, 2), ""),
    (12, "har,dox|arr|spy", "relocation_or_physical:1", "hrd jou act mar law fam", (5, 5, 0), ""),
    (8, "har|arr|ncii", "psychosocial:1", "hrd jou act fam mar", (1, 4, 5), ""),
    (16, "acc|spy|har", "vetting_vouch:1", "hrd act jou cso", (1, 6, 3), ""),
    (9, "intr|vuln|malf", "second_opinion:6 take_over:2", "cso med help hrd", (1, 4, 5), ""),
    (92, "prev", "training:5 second_opinion:3 funding_or_equipment:2", "cso hrd med jou act ele mar law", (0, 2, 8), ""),
]
SECOND = {"take_over": ["platform_escalation", "psychosocial", "legal"], "legal": ["psychosocial", "take_over"], "relocation_or_physical": ["psychosocial", "funding_or_equipment", "legal"],
          "forensic_analysis": ["take_over"], "takedown": ["psychosocial", "platform_escalation"], "platform_escalation": ["take_over"], "psychosocial": ["legal"], "hosting_or_ddos": ["take_over"],
          "training": ["second_opinion"], "funding_or_equipment": ["take_over", "legal"]}
# where people live in exile, and from where
EXILE = [("DE", "RU"), ("DE", "SY"), ("DE", "AF"), ("LT", "BY"), ("PL", "BY"), ("PL", "UA"), ("GE", "RU"), ("TR", "SY"), ("TR", "IR"), ("TH", "MM"), ("CR", "NI"), ("ES", "VE"), ("ES", "CU"), ("US", "VE"),
         ("GB", "IR"), ("FR", "CD"), ("UG", "SD"), ("EG", "SD"), ("KE", "ET"), ("PK", "AF"), ("TW", "HK"), ("CA", "AF"), ("FR", "DZ"), ("NL", "TR"), ("MX", "GT"), ("CO", "VE"), ("GB", "HK"), ("KZ", "RU")]
# moments a desk remembers: clocks change in Europe, Lebanon and Moldova (25 October), Palestine (24), Egypt (end of the 29th), the United States and Canada (1 November)
CHANGES = [datetime(2026, 10, 23, 23, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 10, 29, 21, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC)]


def weighted(pairs):
    return R.choices([a for a, _ in pairs], [b for _, b in pairs])[0]


def moment(country):
    dice, off = R.random(), P[country][5]
    if off and R.random() < .35:  # a day off there, by day
        at = datetime.fromisoformat(f"2026-{R.choice(off)}T07:00").replace(tzinfo=ZoneInfo(P[country][1])).astimezone(UTC) + timedelta(minutes=R.randint(0, 12 * 60))
    elif dice < .15:
        at = R.choice(CHANGES) + timedelta(minutes=R.randint(-20 * 60, 40 * 60))
    elif dice < .25:  # the days after: the hour is new, the habit old
        at = datetime(2026, 10, 26, tzinfo=UTC) + timedelta(minutes=R.randint(0, 2 * 24 * 60))
    else:
        at = FIRST + timedelta(minutes=R.randint(0, int((LAST - FIRST).total_seconds() // 60)))
    return at.strftime("%Y-%m-%dT%H:%M:00Z")


def need(small=.55):
    _, types, asks, who, urgency, platforms = weighted([(s, s[0]) for s in SCENES])
    types = R.choice(types.split("|")).replace(",", " ").split()
    ask = weighted([(a.split(":")[0], int(a.split(":")[1])) for a in asks.split()])
    one = {"at": None, "incident_types": [T[t] for t in types], "help_wanted": [ask]}
    if ask in SECOND and R.random() < .22:
        one["help_wanted"].append(R.choice(SECOND[ask]))
    who = who.split()
    one["beneficiary"] = B[R.choices(who, [len(who) + 2 - n for n in range(len(who))])[0]]
    if R.random() < .04:
        one["beneficiary"] = B["und"]
    if R.random() < .1:
        country, origin = R.choice(EXILE)
    else:
        region = weighted(REGIONS)
        country = origin = R.choice([c for c in P if P[c][0] == region])
    one["at"] = moment(country)
    one["region"] = P[country][0]
    if R.random() < .5:
        one["country"] = country
    spoken, second = P[origin][2], P[origin][3]
    languages = [R.choices(spoken, [5, 2, 1][:len(spoken)])[0]]
    if second not in languages and R.random() < 1 - (small if languages[0] not in ("ar", "es", "fr", "ru", "pt") else .55):
        languages.append(second)
    one["languages"] = [{"pt": "pt-BR"}.get(l, l) if origin == "BR" else l for l in languages]
    one["priority"] = weighted(list(zip(("emergency", "urgent", "normal"), urgency)))
    if platforms and (ask in ("platform_escalation", "takedown") or R.random() < .3):
        platforms = platforms.split()
        one["platforms"] = R.sample(platforms, 1 if R.random() < .8 else 2)
    return one


def reasons(need, right, verdicts, orgs):
    first = verdicts[right[0]]
    told = first["late"] + first["strong"] + first["mild"]
    text = f"{right[0]}: " + (", ".join(told) if told else "nothing against it")
    near = [(k, v["wrong"][0]) for k, v in verdicts.items() if len(v["wrong"]) == 1 and not v["late"] and not v["strong"] and len(v["mild"]) <= 1]
    near += [(k, v["late"][0]) for k, v in verdicts.items() if not v["wrong"] and len(v["late"]) == 1 and not v["strong"] and len(v["mild"]) <= 1 and k not in right]
    shown = sorted(near, key=lambda one: (one[1] == "does not do this", one[0]))[:4]
    return text + ("; not " + ", ".join(f"{k} ({why})" for k, why in shown) if shown else "")


def vague(one, orgs):
    """Whether the best is one who is only not known to be wrong, or the choice among many is arbitrary."""
    right, acceptable, _, verdicts = label(one, orgs)
    first = verdicts[right[0]]
    if one["help_wanted"][0] in PERSON and "does not state its languages" in first["strong"]:
        return int(one["id"][5:]) % 4 != 0
    near = [k for k, v in verdicts.items() if grade(v) == grade(first) and len(v["strong"]) == len(first["strong"]) and v["points"] <= first["points"] + 1]
    return len(near) > 5 and not first["late"]


def needs(orgs):
    done, dropped = [], collections.Counter()
    while len(done) < 500:
        one = need()
        right, acceptable, difficulty, verdicts = label(one, orgs)
        if right is None or (difficulty == "last_resort" and R.random() < .5):
            dropped[difficulty] += 1
            continue
        done.append({"id": f"need-{len(done) + 1:03}", **one, "right": right, "acceptable": acceptable, "why": reasons(one, right, verdicts, orgs), "difficulty": difficulty})
    redrawn = 0
    for n, one in enumerate(done):
        while vague(one, orgs):  # see README, "How it was made"
            redrawn += 1
            other = need(small=.15)
            right, acceptable, difficulty, verdicts = label(other, orgs)
            if right is not None:
                one = done[n] = {"id": one["id"], **other, "right": right, "acceptable": acceptable, "why": reasons(other, right, verdicts, orgs), "difficulty": difficulty}
    dropped["redrawn"] = redrawn
    path = os.path.join(HERE, "corrections.json")
    for key, change in (json.load(open(path)) if os.path.exists(path) else {}).items():
        one = next(n for n in done if n["id"] == key)
        one["right"], one["why"] = change["right"], change["why"]
        one["acceptable"] = change.get("acceptable", [k for k in one["acceptable"] if k not in change["right"]])
        one["difficulty"] = change.get("difficulty", one["difficulty"])
        one["corrected_by_hand"] = True
    return done, dropped


# ---------------------------------------------------------------- looking and checking
def load():
    return [json.load(open(os.path.join(HERE, f))) for f in ("organisations.json", "needs.json")]


def facts(p, n):
    """What bears on a need in a profile, as stated, in a line."""
    short = lambda d, key: " ".join(d[x] for x in p[key]) if key in p else "?"
    ask, prio, at = n["help_wanted"][0], n["priority"], datetime.fromisoformat(n["at"].replace("Z", "+00:00"))
    h = p.get("hours")
    types = "?" if "incident_types" not in p else " ".join(SHORT_T[t] if t in p["incident_types"] else f"no-{SHORT_T[t]}" for t in n["incident_types"])
    out = [short(SHORT_S, "services"), "types " + types]
    out += ["NOT " + short(SHORT_T, "excluded_types")] if "excluded_types" in p else []
    out += ["for " + short(SHORT_B, "beneficiaries"), "in " + ",".join("".join(w[0] for w in r.split("_")) if r != "global" else r for r in p.get("regions", ["?"]))]
    out += ["but " + ",".join(p["countries_excluded"])] if "countries_excluded" in p else []
    out += [" ".join(l["tag"] + ":" + l["level"][0] for l in p.get("languages", [])) or "lang?", "hours?" if h is None else "24/7" if h == "24/7" else f"opens in {opens_in(h, at):.1f}h" if not is_open(h, at) else "open"]
    out += [f"intake {p.get('intake', '? start ' + str(p.get('start_time')))}", f"{p.get('capacity', 'cap?')}", f"promise {p.get('declared_response_hours', {}).get(prio, '?')}h"]
    out += [f"lab {p.get('forensic_level', '?')}"] if ask in ("forensic_analysis", "second_opinion", "take_over") else []
    out += [f"chan {','.join(p.get('platform_channels', ['?']))}"] if n.get("platforms") and "platform_escalation" in p.get("services", []) else []
    return " | ".join(out + ["conf " + p.get("confirmed_at", "?")])


def line(n):
    at = datetime.fromisoformat(n["at"].replace("Z", "+00:00"))
    return (f"## {n['id']} {at:%a %d %b %H:%M}Z {n['priority']} | {'+'.join(SHORT_T[t] for t in n['incident_types'])} | wants {' then '.join(n['help_wanted'])} | {n['beneficiary']} | "
            f"{n['region']} {n.get('country', '(country not said)')} | {','.join(n['languages'])} | {','.join(n.get('platforms', []))}")


def figures(orgs, made):
    count = collections.Counter
    by = {o["id"]: o for o in orgs}
    print("organisations", count(o["kind"] for o in orgs))
    print("fields", count(f for o in orgs for f in o["profile"]))
    print("intake", count(o["profile"].get("intake") for o in orgs), "round the clock", sum(o["profile"].get("hours") == "24/7" for o in orgs), "holidays", sum("holidays" in o["profile"]["hours"] for o in orgs if "hours" in o["profile"]))
    for field in ("difficulty", "priority", "region"):
        print(field, count(n[field] for n in made))
    print("first type", count(SHORT_T[n["incident_types"][0]] for n in made))
    print("first ask", count(n["help_wanted"][0] for n in made), "two asks", sum(len(n["help_wanted"]) > 1 for n in made))
    print("language", count(n["languages"][0] for n in made))
    print("right", sorted(count(len(n["right"]) for n in made).items()), "acceptable", sorted(count(len(n["acceptable"]) for n in made).items()))
    often = count(k for n in made for k in n["right"])
    print("ever right", len(often), "most often", [(k, by[k]["kind"], by[k]["profile"].get("regions"), c) for k, c in often.most_common(8)])
    print("a near miss with one reason in", sum("; not " in n["why"] for n in made), "needs")
    free = [n for n in made if not n.get("corrected_by_hand")]
    differs = lambda **how: [n["id"] for n in free if set(label(n, orgs, **how)[0] or []) != set(n["right"])]
    print("right without holidays differs:", differs(holidays=False))
    # an hour wrong, where clocks had changed within the last week or would within the next
    print("right an hour off differs:", sorted(set(differs(shift=1) + differs(shift=-1))))
    print("wrong by:", count(w.split(" in ")[0] if w.startswith("opens") else w for n in made for o in orgs for w in judge(o["profile"], n)["wrong"] + judge(o["profile"], n)["late"]))


def check(orgs, made):
    """Every code is in its list, every id, hour, zone, country and date is one, labels hang together."""
    lists = {}
    folder = os.path.join(HERE, "../../../src/model/vocabulary")
    for f in os.listdir(folder):
        if f.endswith(".toml"):
            table = tomllib.load(open(os.path.join(folder, f), "rb"))
            lists[table["name"]] = {c["code"] for c in table["code"]}
            if table["name"] == "region":
                where = {c: one["code"] for one in table["code"] for c in one.get("countries", [])}
    bad = []

    def of(name, values, at):
        bad.extend((at, name, v) for v in values if v not in lists[name])
    assert len(orgs) == 200 and len({o["id"] for o in orgs}) == 200 and len({o["name"] for o in orgs}) == 200
    assert len(made) == 500 and len({n["id"] for n in made}) == 500
    for o in orgs:
        p, at = o["profile"], o["id"]
        for field, name in (("services", "service"), ("incident_types", "incident-type"), ("excluded_types", "incident-type"), ("beneficiaries", "beneficiary-type"), ("regions", "region"),
                            ("secure_channels", "secure-channel")):
            of(name, p.get(field, []), at)
            if field in p and (not p[field] or len(set(p[field])) != len(p[field])):
                bad.append((at, field, "empty or twice"))
        of("language-level", [l["level"] for l in p.get("languages", [])], at)
        of("intake-state", [p[f] for f in ("intake", "start_time") if f in p], at)
        of("capacity-band", [p["capacity"]] if "capacity" in p else [], at)
        of("forensic-level", [p["forensic_level"]] if "forensic_level" in p else [], at)
        of("priority", p.get("declared_response_hours", {}), at)
        if set(p.get("incident_types", [])) & set(p.get("excluded_types", [])):
            bad.append((at, "taken and excluded"))
        bad.extend((at, "country", c) for c in p.get("countries_excluded", []) if c not in where)
        bad.extend((at, "platform", c) for c in p.get("platform_channels", []) if c not in PLATFORMS)
        if "confirmed_at" in p and date.fromisoformat(p["confirmed_at"]) >= FIRST.date():
            bad.append((at, "confirmed later than the first need"))
        if isinstance(p.get("hours"), dict):
            ZoneInfo(p["hours"]["zone"])
            last = {}
            for d, f, t in p["hours"]["weekly"]:
                if d not in DAYS or not "00:00" <= f < t <= "24:00" or last.get(d, "") > f:
                    bad.append((at, "hours", d, f, t))
                last[d] = t
            [date.fromisoformat(d) for d in p["hours"].get("holidays", [])]
        known = set("services incident_types excluded_types beneficiaries regions countries_excluded languages hours start_time intake capacity declared_response_hours secure_channels "
                    "initial_intake forensic_level platform_channels confirmed_at".split())
        bad.extend((at, "field", f) for f in set(p) - known)
    ids = {o["id"] for o in orgs}
    by = {o["id"]: o["profile"] for o in orgs}
    for n in made:
        at = n["id"]
        of("incident-type", n["incident_types"], at)
        of("help-wanted", n["help_wanted"], at)
        of("beneficiary-type", [n["beneficiary"]], at)
        of("region", [n["region"]], at)
        of("priority", [n["priority"]], at)
        if "country" in n and where.get(n["country"]) != n["region"]:
            bad.append((at, "country", n["country"]))
        if not 1 <= len(n["right"]) <= 5 or len(n["acceptable"]) > 10 or set(n["right"]) & set(n["acceptable"]) or not set(n["right"] + n["acceptable"]) <= ids:
            bad.append((at, "labels"))
        if n["difficulty"] not in ("plain", "compromise", "last_resort"):
            bad.append((at, "difficulty"))
        for k in ids & set(n["right"] + n["acceptable"]):  # what comes back for sure, by whoever labelled it
            if by[k].get("intake") in ("not_accepting", "closed_emergency") or n.get("country") in by[k].get("countries_excluded", []) or set(n["incident_types"]) & set(by[k].get("excluded_types", [])):
                bad.append((at, "never", k))
    print(*bad, sep="\n")
    print(f"{len(bad)} problems")
    sys.exit(bool(bad))


def main():
    what, rest = (sys.argv[1] if len(sys.argv) > 1 else "make"), [f"need-{int(x):03}" for x in sys.argv[2:]]
    if what == "make":
        orgs = organisations()
        made, dropped = needs(orgs)
        for name, content in (("organisations.json", orgs), ("needs.json", made)):
            with open(os.path.join(HERE, name), "w") as out:
                json.dump(content, out, indent=1, ensure_ascii=False)
                out.write("\n")
        print("dropped", dict(dropped))
        return
    orgs, made = load()
    by = {o["id"]: o for o in orgs}
    if what == "blind":
        for n in (n for n in made if n["id"] in rest):
            right, acceptable, _, verdicts = label(n, orgs)
            others = sorted((k for k in by if k not in right + acceptable), key=lambda k: (len(verdicts[k]["wrong"]) + len(verdicts[k]["late"]), len(verdicts[k]["strong"]), verdicts[k]["points"]))
            shown = right + acceptable[:4] + others[:3]
            random.Random(n["id"]).shuffle(shown)
            print(line(n))
            for k in shown:
                print(" ", k[4:], facts(by[k]["profile"], n))
    elif what == "show":
        for n in (n for n in made if not rest or n["id"] in rest):
            print(line(n), f"\n   {n['difficulty']}: {n['right']} then {n['acceptable']}\n   {n['why']}")
    elif what == "figures":
        figures(orgs, made)
    elif what == "check":
        check(orgs, made)


if __name__ == "__main__":
    main()
