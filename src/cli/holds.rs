//! `watchfire holds`

use super::output::{self, count, counts, facts, plain, table, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::{HoldState, HoldView, LabelCount};

/// List what is held and has not left yet
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire holds";

pub(super) async fn run(desk: &Desk) -> Ended {
    let holds: Vec<HoldView> = desk.node().get(Target::new(&["holds"])).await?;
    output::answer(desk, &holds, |holds| text(holds))
}

pub(super) fn text(holds: &[HoldView]) -> String {
    if holds.is_empty() {
        return "nothing is held\n".into();
    }
    let rows = holds.iter().map(|one| {
        let tlp = one.labels.iter().map(|label| label.label.to_string()).collect::<Vec<_>>().join(", ");
        let by = one.by.iter().chain(&one.approved_by).map(String::as_str).collect::<Vec<_>>().join(", ");
        let referral = one.referral.map_or_else(|| "-".into(), |referral| referral.to_string().chars().take(8).collect());
        [id(one), referral, one.audience_name.clone(), tlp, one.count.to_string(), time(one.due), plain(&by), waits_for(one).into()]
    });
    let reasons = holds.iter().filter_map(|one| one.reason.as_ref().map(|reason| reason_text(&id(one), reason)));
    table(["RELEASE", "REFERRAL", "TO", "TLP", "RECORDS", "DUE", "SIGNED BY", "WAITS FOR"], rows.collect()) + &reasons.collect::<String>()
}

fn id(hold: &HoldView) -> String {
    hold.id.map_or_else(|| "-".into(), |id| id.to_string())
}

/// A reason, and its hint on a line of its own.
fn reason_text(id: &str, reason: &str) -> String {
    let (reason, hint) = crate::node::error::split_hint(reason);
    format!("{id}: {}\n", plain(&reason)) + &hint.map(|hint| format!("    hint: {}\n", plain(&hint))).unwrap_or_default()
}

/// What keeps a release here, in words.
pub(super) const fn waits_for(hold: &HoldView) -> &'static str {
    match hold.state {
        HoldState::Preview => "nothing: this is a preview",
        HoldState::Held => "its time",
        HoldState::Asks => "a person's yes (`watchfire release`)",
        HoldState::Signature => "a first signature (`watchfire release --as`)",
        HoldState::Second => "a second person (`watchfire approve`)",
        HoldState::Filling => "the end of its import",
        HoldState::Unfinished => "a person: its import did not end (`watchfire release` or `undo`)",
        HoldState::Restored => "a person: it comes from a backup (`watchfire release` or `undo`)",
        HoldState::Kept => "the gate, which does not let it out now",
    }
}

/// What is known of a release besides its records.
pub(super) fn about(hold: &HoldView) -> String {
    let recipients: Vec<String> = hold.recipients.iter().map(|one| one.name.clone().unwrap_or_else(|| one.org_id.to_string())).collect();
    let labels: Vec<String> = hold.labels.iter().map(label).collect();
    let mut lines =
        vec![("to", hold.audience_name.clone()), ("recipients", or_none(recipients.join(", "))), ("records", labels.join("; "))];
    if let Some(id) = hold.id {
        lines.insert(0, ("release", id.to_string()));
        lines.extend(hold.referral.map(|referral| ("referral", referral.to_string())));
        lines.push(("due", time(hold.due)));
        lines.push(("waits for", waits_for(hold).into()));
    }
    if hold.left > 0 {
        lines.push(("left already", count(hold.left, "record")));
    }
    lines.push(("replaced", counts(&hold.replaced)));
    lines.extend(hold.by.iter().map(|by| ("asked for by", by.clone())));
    lines.extend(hold.approved_by.iter().map(|by| ("approved by", by.clone())));
    lines.push(("digest", hold.digest.clone()));
    let found = |what: &str, of: (&String, &u64)| format!("{what} ({}): {}\n", count(*of.1, "record"), plain(of.0));
    let mut text = facts(&lines);
    text.extend(hold.warnings.iter().map(|one| found("warning", one)));
    text.extend(hold.asks.iter().map(|one| found("asks", one)));
    text + &hold.reason.as_ref().map(|reason| reason_text("reason", reason)).unwrap_or_default()
}

fn label(one: &LabelCount) -> String {
    let LabelCount { label, kind, count: number, retention } = one;
    let until = retention.map_or_else(|| "kept for ever".into(), |at| format!("destroyed by all on {}", &time(Some(at))[..10]));
    format!("{} as {}, {until}", count(*number, kind), label.marking())
}

fn or_none(text: String) -> String {
    if text.is_empty() { "nobody".into() } else { text }
}

/// What to say of releases that were just made and are held.
pub(super) fn held(holds: &[HoldView]) -> String {
    holds.iter().map(held_one).collect()
}

fn held_one(hold: &HoldView) -> String {
    let (id, records) = (id(hold), count(hold.count, "record"));
    let mut text = match hold.state {
        HoldState::Held => format!("held {records} as {id} until {}\n", time(hold.due)),
        _ => format!("held {records} as {id}: waits for {}\n", waits_for(hold)),
    };
    text += &format!("    digest: {}\n", hold.digest);
    text.extend(hold.asks.iter().map(|(ask, number)| format!("    asks ({}): {}\n", count(*number, "record"), plain(ask))));
    text + &format!("    hint: `watchfire preview {id}` shows what leaves; `watchfire undo {id}` drops it without a trace\n")
}
