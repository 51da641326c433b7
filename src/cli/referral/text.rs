//! A referral as it is printed.

use crate::cli::output::{due, facts, plain, time};
use crate::model::referral::Offer;
use crate::model::vocabulary::Code;
use crate::node::referral::{MessageView, PlatformView, ReferralView, Skeleton};

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
    also("priority", line.priority.map(|priority| priority.to_string()));
    also("code", view.introduction_code.clone());
    also("reference", Some(view.reference.clone()).filter(|text| !text.is_empty()));
    also("held", view.held.map(|held| format!("{held} (`watchfire undo {held}` drops it)")));
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
    let came = came.unwrap_or_else(|| format!(", waiting; due {}", super::platform::when(one)));
    format!("asked {} by {}{under} {}{again}{came} ({})\n", one.platform, one.channel, time(Some(one.opened)), one.escalation)
}

fn left(skeleton: &Skeleton) -> String {
    let Skeleton { nature, incident_types, region, reason, outcomes, .. } = skeleton;
    let codes = nature.iter().chain(incident_types).chain(region).chain(reason).chain(outcomes);
    codes.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is offered.
pub(crate) fn offer(offer: &Offer) -> String {
    facts(&offered(offer))
}

fn offered(offer: &Offer) -> Vec<(&'static str, String)> {
    let codes = |codes: &[Code]| codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let known = |known: Option<bool>| known.map(|known| if known { "yes" } else { "no" }.to_owned());
    let list = |list: &[Code]| Some(codes(list)).filter(|text| !text.is_empty());
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let languages: Vec<String> = offer.languages.iter().map(|language| language.tag.clone()).collect();
    let consent = &offer.consent;
    let may = [
        (consent.onward, "passing on"),
        (consent.platforms, "platforms"),
        (consent.statistics, "statistics"),
        (consent.indicators_only, "indicators alone"),
    ];
    let scope: Vec<&str> = may.iter().filter(|(allowed, _)| *allowed).map(|(_, what)| *what).collect();
    let vetting = offer.vetting.as_ref().map(|vetting| format!("{}, {}", vetting.result, vetting.method));
    let evidence = (!offer.evidence.is_empty()).then(|| format!("{} pieces, which stay with the origin", offer.evidence.len()));
    let all = [
        ("help wanted", list(&offer.help_wanted)),
        ("incident", list(&offer.incident_types)),
        ("nature", Some(offer.nature.to_string())),
        ("danger", known(offer.physical_danger)),
        ("ongoing", known(offer.ongoing)),
        ("interacted", list(&offer.interacted)),
        ("deadline", offer.deadline.map(|at| time(Some(at)))),
        ("week", offer.incident_week.map(|at| at.to_string()[..10].to_owned())),
        ("who", Some(format!("{}, {}", offer.beneficiary_type, offer.requester_kind))),
        ("careful", list(&offer.vulnerability)),
        ("region", Some([offer.region.to_string()].into_iter().chain(offer.country.clone()).collect::<Vec<_>>().join(", "))),
        ("languages", Some(languages.join(", ")).filter(|text| !text.is_empty())),
        (
            "consent",
            Some(format!("{}; {}", consent.basis, if scope.is_empty() { "this recipient alone".into() } else { scope.join(", ") })),
        ),
        ("vetting", vetting),
        ("platforms", list(&offer.platforms)),
        ("devices", list(&offer.devices)),
        ("evidence", evidence),
        ("campaign", said(&offer.campaign)),
        ("contact", Some(format!("{:?}", offer.hand_over).to_lowercase())),
        ("not by", list(&offer.do_not_use)),
        ("safe times", said(&offer.safe_times)),
        ("summary", said(&offer.summary)),
        ("done", said(&offer.steps_taken)),
    ];
    all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect()
}

fn said(message: &MessageView) -> String {
    let MessageView { at, by, user, says, particulars, text, void, .. } = message;
    let by = user.as_ref().map_or_else(|| plain(by), |user| format!("{} ({})", plain(by), plain(user)));
    let mut line = format!("{}  {by}: {says}", time(Some(*at)));
    particulars.iter().for_each(|(name, value)| line += &format!(", {name}: {}", plain(value)));
    if let Some(why) = void {
        line += &format!(" (moved nothing: {why})");
    }
    line.push('\n');
    // Each line of it stands in, so that nobody writes what looks like a line of the timeline.
    text.lines().for_each(|words| line += &format!("    {}\n", plain(words)));
    line
}
