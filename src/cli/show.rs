//! `watchfire show`

use super::output::{self, facts, plain, table, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::alert::AlertView;
use crate::node::call::CallView;
use crate::node::error::Exit;
use crate::node::handover::HandOverView;
use crate::node::referral::ReferralView;
use crate::node::view::RecordView;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Show a record and who else says the same, a referral with its timeline, a call, an alert or a hand-over
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// The record's id here, its value, or an entry as LOG:POSITION; or the id of a referral, a call, an alert or a hand-over, or the beginning of it
    id: String,
}

const ABOUT: &str = "Show a record and who else says the same, a referral with its timeline, a call, an alert or a hand-over

The first line says which of these the id is. Record ids are each node's own: to speak with others of a record, name its log and position, which are the same everywhere. LOG is the \
beginning of the log's id, as it is shown.";

const EXAMPLES: &str = "Examples:
  watchfire show weather4free.com";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    if may_be_a_referral(&args.id) {
        if let Some(shown) = one_of::<ReferralView>(desk, "referrals", &args.id, super::referral::text).await {
            return shown;
        }
        if let Some(shown) = one_of::<CallView>(desk, "calls", &args.id, super::call::text).await {
            return shown;
        }
        if let Some(shown) = one_of::<AlertView>(desk, "alerts", &args.id, super::alert::text).await {
            return shown;
        }
        if let Some(shown) = one_of::<HandOverView>(desk, "handovers", &args.id, super::handover::text).await {
            return shown;
        }
    }
    let record: RecordView = desk.node().get(Target::new(&["records", &args.id])).await?;
    if record.unconfirmed {
        output::say(super::lookup::UNCONFIRMED);
    }
    output::answer(desk, &record, text)
}

/// Shows one of these; `None` where none of them has that id.
async fn one_of<T: Serialize + DeserializeOwned>(desk: &Desk, list: &str, id: &str, text: impl FnOnce(&T) -> String) -> Option<Ended> {
    match desk.node().get::<T>(Target::new(&[list, id])).await {
        Err(problem) if problem.exit == Exit::NotFound => None,
        view => Some(view.and_then(|view| output::answer(desk, &view, text))),
    }
}

/// Whether it could be the id of a referral, or the beginning of one.
pub(super) fn may_be_a_referral(id: &str) -> bool {
    (4..=26).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphabetic() || (b'2'..=b'7').contains(&byte))
}

pub(super) fn text(record: &RecordView) -> String {
    let mut lines = vec![
        ("record", record.record.to_string()),
        ("value", format!("{} {}", record.kind, record.value)),
        ("author", format!("{} ({})", record.author_name, record.author)),
        ("label", record.label.marking()),
        ("state", record.state.clone()),
    ];
    let mut line = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    line("reason", record.reason.clone());
    line("valid from", record.valid_from.map(|at| time(Some(at))));
    line("valid until", record.valid_until.map(|at| time(Some(at))));
    let is_weighed = record.confidence.is_some() || record.opinions.is_some();
    let confidence = super::sighting::confidence(record.confidence, record.confidence_now);
    line("confidence", is_weighed.then(|| confidence.trim_start_matches("confidence ").to_owned()));
    line("labels", (!record.labels.is_empty()).then(|| record.labels.join(", ")));
    line("note", record.note.clone());
    line("source", record.source.clone());
    line("others", record.opinions.as_ref().map(super::sighting::opinions));
    line(
        "standing",
        super::sighting::standing(record.organisations, record.disputed).filter(|_| record.opinions.is_some() || record.disputed),
    );
    let mut text = facts(&lines);
    let rows = record.entries.iter().map(|entry| {
        let seq = entry.seq.map_or_else(|| "waiting".into(), |seq| seq.to_string());
        [output::short(&entry.log), seq, entry.audience_name.clone(), time(Some(entry.received)), time(entry.retention)]
    });
    let entries = table(["LOG", "POSITION", "AUDIENCE", "RECEIVED", "DESTROYED"], rows.collect());
    if !entries.is_empty() {
        text += "\n";
        text += &entries;
    }
    for also in &record.also {
        text += &format!("also said by {} ({}): {}\n", plain(&also.author_name), also.label.marking(), also.record);
    }
    text
}
