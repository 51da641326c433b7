//! A referral as it is printed.

use crate::cli::output::{due, facts, plain, time};
use crate::model::Timestamp;
use crate::model::referral::{Consent, HandOver, Offer, Vetting};
use crate::model::vocabulary::Code;
use crate::node::referral::{MessageView, PlatformView, ReferralView, Skeleton};
use crate::rules::release::Findings;
use data_encoding::HEXLOWER;

/// The whole of it: how it stands, what is offered, the timeline.
pub(crate) fn referral(view: &ReferralView) -> String {
    let line = &view.line;
    let mut lines = vec![
        ("referral", line.referral.to_string()),
        ("state", line.state.clone()),
        ("owner", line.owner.clone()),
        (if line.side == "origin" { "offered to" } else { "offered by" }, line.peer.clone()),
        ("label", view.label.marking()),
        ("waits", if line.waits.is_empty() { "for nothing".into() } else { line.waits.join("; ") }),
    ];
    let mut also = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    also("due", line.overdue.or(line.due).map(|_| due(line.due, line.overdue)));
    // What is offered says it where that is here.
    also("priority", line.priority.filter(|_| view.offer.is_none()).map(|priority| priority.to_string()));
    also("code", view.introduction_code.clone());
    also("reference", Some(view.reference.clone()).filter(|text| !text.is_empty()));
    also("held", view.held.map(|held| format!("{held} (`watchfire undo {held}` drops it)")));
    also("not taken", view.not_taken.map(|why| format!("by their node: {}", why.words())));
    also("destroyed", view.retention.map(|at| time(Some(at))));
    also("you can", Some(commands(&view.moves)).filter(|text| !text.is_empty()));
    also("differs", line.forked.then(|| "the two sides' histories of it differ: call them".to_owned()));
    let mut text = facts(&lines);
    text += "\n";
    match &view.offer {
        Some(offer) => text += &facts(&offered(offer)),
        None => text += &format!("what was offered is destroyed; it was about {}\n", left(&view.skeleton)),
    }
    if let Some(proposal) = &view.proposal {
        let names: Vec<String> = proposal.candidates.iter().map(|name| plain(name)).collect();
        let whom = if names.is_empty() { "no candidate is named".into() } else { format!("next would be {}", names.join(", ")) };
        let how = format!("`watchfire refer --again {} --to PEER` asks somebody else", line.referral);
        text += &format!("nobody answers since {}: {whom}; {how}\n", time(Some(proposal.since)));
    }
    for other in &view.others {
        text += &format!("also offered to {}: {} ({})\n", plain(&other.peer), other.state, other.referral);
    }
    view.platforms.iter().for_each(|one| text += &asked(one));
    text += "\n";
    view.timeline.iter().for_each(|message| text += &said(message));
    text
}

/// The commands that can be given, without what each of them needs.
fn commands(moves: &[String]) -> String {
    moves.iter().filter_map(|line| line.split(' ').nth(1)).collect::<Vec<_>>().join(", ")
}

fn asked(one: &PlatformView) -> String {
    let references: Vec<&str> = one.references.iter().map(crate::model::platform::Reference::as_str).collect();
    let under = if references.is_empty() { String::new() } else { format!(" as {}", references.join(", ")) };
    let again = one.pinged.last().map(|at| format!(", again {}", time(Some(*at)))).unwrap_or_default();
    let came = one.outcome.as_ref().map(|outcome| format!(", {} {}: {outcome}", one.state, time(one.answered)));
    let came = came.unwrap_or_else(|| format!(", waiting; due {}", due(one.due, one.overdue)));
    format!("asked {} by {}{under} {}{again}{came} ({})\n", one.platform, one.channel, time(Some(one.opened)), one.escalation)
}

fn left(skeleton: &Skeleton) -> String {
    let Skeleton { nature, incident_types, region, reason, outcomes, .. } = skeleton;
    let codes = nature.iter().chain(incident_types).chain(region).chain(reason).chain(outcomes);
    codes.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What the gate replaced, and what it has to say.
pub(crate) fn found(findings: &Findings) -> String {
    let mut text = String::new();
    for replaced in &findings.replaced {
        text += &format!("{} replaced in {}: {}\n", replaced.count, replaced.field, replaced.kind);
    }
    findings.warnings.iter().for_each(|warning| text += &format!("warning: {}\n", plain(warning)));
    text
}

/// What is offered.
pub(crate) fn offer(offer: &Offer) -> String {
    facts(&offered(offer))
}

/// Everything that an offer says. No field is passed over with `..`: a new one has to be shown.
fn offered(offer: &Offer) -> Vec<(&'static str, String)> {
    let Offer {
        expires,
        nature,
        incident_types,
        priority,
        priority_newer,
        physical_danger,
        ongoing,
        interacted,
        deadline,
        incident_week,
        // Random for each partner: it tells a person nothing.
        subject: _,
        requester_kind,
        beneficiary_type,
        causes,
        region,
        country,
        languages,
        vulnerability,
        consent,
        vetting,
        help_wanted,
        services,
        summary,
        steps_taken,
        devices,
        platforms,
        evidence,
        indicators,
        campaign,
        hand_over,
        do_not_use,
        safe_times,
    } = offer;
    let codes = |codes: &[Code]| codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let known = |known: Option<bool>| known.map(|known| if known { "yes" } else { "no" }.to_owned());
    let list = |list: &[Code]| Some(codes(list)).filter(|text| !text.is_empty());
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let spoken = languages.iter().map(|one| match &one.level {
        Some(level) => format!("{} ({level})", one.tag),
        None => one.tag.clone(),
    });
    let pieces = evidence.iter().map(|one| format!("{} of {} bytes, SHA-256 {}", one.kind, one.size, HEXLOWER.encode(&one.sha256)));
    let evidence = Some(pieces.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty());
    let all = [
        ("priority", Some(priority.shown(*priority_newer))),
        ("open until", expires.map(|at| time(Some(at)))),
        ("help wanted", list(help_wanted)),
        ("services", list(services)),
        ("incident", list(incident_types)),
        ("nature", Some(nature.to_string())),
        ("causes", list(causes)),
        ("danger", known(*physical_danger)),
        ("ongoing", known(*ongoing)),
        ("interacted", list(interacted)),
        ("deadline", deadline.map(date)),
        ("week", incident_week.map(date)),
        ("who", Some(format!("{beneficiary_type}, {requester_kind}"))),
        ("careful", list(vulnerability)),
        ("region", Some([region.to_string()].into_iter().chain(country.clone()).collect::<Vec<_>>().join(", "))),
        ("languages", Some(spoken.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())),
        ("consent", Some(consented(consent))),
        ("vetting", vetting.as_ref().map(vetted)),
        ("platforms", list(platforms)),
        ("devices", list(devices)),
        ("evidence", evidence.map(|pieces| format!("{pieces}; it stays with the origin"))),
        ("indicators", Some(indicators.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())),
        ("campaign", said(campaign)),
        ("contact", Some(made_by(*hand_over))),
        ("not by", list(do_not_use)),
        ("safe times", said(safe_times)),
        ("summary", said(summary)),
        ("done", said(steps_taken)),
    ];
    all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

/// Who makes the first contact, in a word.
fn made_by(hand_over: HandOver) -> String {
    match hand_over {
        HandOver::Warm => "warm".into(),
        HandOver::Cold => "cold".into(),
        HandOver::Newer(number) => format!("in a way that this version does not know (number {number}): ask the origin"),
    }
}

/// Under which consent, and until when.
fn consented(consent: &Consent) -> String {
    let Consent { basis, onward, platforms, indicators_only, statistics, obtained, obtained_by, expires, revocation_channel } = consent;
    let may = [(*onward, "passing on"), (*platforms, "platforms"), (*statistics, "statistics"), (*indicators_only, "indicators alone")];
    let scope: Vec<&str> = may.iter().filter(|(allowed, _)| *allowed).map(|(_, what)| *what).collect();
    let scope = if scope.is_empty() { "this recipient alone".into() } else { scope.join(", ") };
    let end = expires.map_or_else(|| "without an end".into(), |at| format!("until {}", date(at)));
    let back = revocation_channel.as_ref().map(|channel| format!("; taken back by {channel}")).unwrap_or_default();
    format!("{basis}; {scope}; of {} by {obtained_by}, {end}{back}", date(*obtained))
}

/// How and when the person was looked into.
fn vetted(vetting: &Vetting) -> String {
    let Vetting { method, result, vouched_by, date: day, expires } = vetting;
    let by = if *vouched_by > 0 { format!(" by {vouched_by}") } else { String::new() };
    let end = expires.map(|at| format!(", until {}", date(at))).unwrap_or_default();
    format!("{result}, {method}{by}, {}{end}", date(*day))
}

/// The day of a time.
fn date(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

fn said(message: &MessageView) -> String {
    let MessageView { at, by, user, says, particulars, text, void, destroyed, .. } = message;
    let by = user.as_ref().map_or_else(|| plain(by), |user| format!("{} ({})", plain(by), plain(user)));
    let mut line = format!("{}  {by}: {says}", time(Some(*at)));
    particulars.iter().for_each(|(name, value)| line += &format!(", {name}: {}", plain(value)));
    // Where nothing is known but that, the word stands there already.
    if *destroyed && says != "destroyed" {
        line += " (its words are destroyed)";
    }
    if let Some(why) = void {
        line += &format!(" (moved nothing: {why})");
    }
    line.push('\n');
    // Each line of it stands in, so that nobody writes what looks like a line of the timeline.
    text.lines().for_each(|words| line += &format!("    {}\n", plain(words)));
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Every text and number in it, and the names of what is true.
    fn leaves(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.values().for_each(|value| leaves(value, out)),
            Value::Array(values) => values.iter().for_each(|value| leaves(value, out)),
            Value::Bool(_) | Value::Null => {}
            Value::Number(number) => out.push(number.to_string()),
            // Days are shown as days.
            Value::String(text) if text.ends_with("T00:00:00.000Z") => out.push(text[..10].to_owned()),
            Value::String(text) => out.push(text.clone()),
        }
    }

    #[test]
    fn what_the_gate_found_is_said_after_an_act() {
        let found = json!({
            "replaced": [{"field": "text", "kind": "email", "count": 2}], "warnings": ["it may be another's"], "asks": [],
        });
        let view = json!({
            "referral": "a".repeat(26), "state": "in_progress", "owner": "us", "side": "receiver", "peer": "smex", "priority": null, "due": null,
            "waits": [], "opened": "2026-11-27T00:00:00Z", "peer_id": format!("{}a", "c".repeat(51)), "tlp": "amber", "offer": null, "skeleton": {},
            "retention": null, "timeline": [], "findings": found, "held": "k7qm2xpa",
        });
        let said = crate::cli::referral::act::done(&serde_json::from_value(view).expect("a view"));
        let expected = format!(
            "{}: in_progress, owner us\nheld as k7qm2xpa and leaves in a moment; `watchfire undo k7qm2xpa` drops it\n2 replaced in text: email\n\
             warning: it may be another's\n",
            "a".repeat(26)
        );
        assert_eq!(said, expected);
    }

    #[test]
    fn everything_that_an_offer_says_is_shown() {
        let day = |day: u8| format!("2026-11-{day:02}T00:00:00.000Z");
        let said = json!({
            "expires": day(1), "nature": "reactive", "incident_types": ["malware"], "priority": "urgent", "physical_danger": true,
            "ongoing": false, "interacted": ["clicked"], "deadline": day(2), "incident_week": day(3), "requester_kind": "individual",
            "beneficiary_type": "journalist", "causes": ["privacy"], "region": "europe", "country": "LB",
            "languages": [{"tag": "fa", "level": "fluent"}], "vulnerability": ["women"],
            "consent": {
                "basis": "verbal", "onward": true, "platforms": true, "statistics": true, "indicators_only": true, "obtained": day(4),
                "obtained_by": "intermediary", "expires": day(5), "revocation_channel": "signal",
            },
            "vetting": {"method": "vouched", "result": "passed", "vouched_by": 7, "date": day(6), "expires": day(7)},
            "help_wanted": ["take_over"], "services": ["scanning"], "summary": "what it is about", "steps_taken": "what was done",
            "devices": ["router"], "platforms": ["telegram"],
            "evidence": [{"kind": "sample", "sha256": "ab".repeat(32), "size": 4711}], "indicators": [format!("{}a", "c".repeat(51))],
            "campaign": "Wrennock", "hand_over": "cold", "do_not_use": ["matrix"], "safe_times": "at noon",
        });
        let offer: Offer = serde_json::from_value(said).expect("an offer");
        let (text, mut all) = (super::offer(&offer), Vec::new());
        let mut whole = serde_json::to_value(&offer).expect("JSON");
        whole.as_object_mut().expect("fields").remove("subject");
        leaves(&whole, &mut all);
        assert!(all.len() > 38, "{}", all.len());
        for one in all {
            assert!(text.contains(&one), "`{one}` is not shown:\n{text}");
        }
        for one in ["passing on", "platforms", "statistics", "indicators alone", "danger", "ongoing"] {
            assert!(text.contains(one), "{one}");
        }
    }
}
