//! `watchfire status`

use super::output::{self, counts, days, facts, short, table, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::notify::NotifyStatus;
use crate::node::view::{DeskKeyStatus, HeldView, LogView, PeerStatus, RestoredView, StatusView};
use crate::rules::desk::Due;

/// What the node holds and whom it reaches
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire status --json";

pub(super) async fn run(desk: &Desk) -> Ended {
    let status: StatusView = desk.node().get(Target::new(&["status"])).await?;
    output::answer(desk, &status, text)
}

pub(super) fn text(status: &StatusView) -> String {
    let certificates = &status.certificates;
    let mut text = facts(&[
        ("organisation", status.org_id.to_string()),
        ("name", status.name.clone()),
        ("version", format!("{}, running since {}", status.version, time(Some(status.since)))),
        ("listening", status.listen.clone().unwrap_or_else(|| "no".into())),
        ("store", status.store.clone()),
        ("certificates", format!("node {}, issuing CA {}", days(certificates.node_days), days(certificates.issuing_days))),
        ("last backup", status.backup.map_or_else(|| "never".into(), |at| time(Some(at)))),
        ("records", counts(&status.records)),
    ]);
    if let Some(held) = &status.held {
        text += &held_text(held);
    }
    if let Some(notify) = &status.notify {
        text += &notices(notify);
    }
    if let Some(key) = &status.desk_key {
        text += &format!("desk key      {}\n", desk_key(key));
    }
    if let Some(restored) = &status.restored {
        text += "\n";
        text += &held_back(restored);
    }
    if !status.peers.is_empty() {
        text += "\n";
        text += &peers(status.peers.iter());
    }
    if !status.logs.is_empty() {
        text += "\n";
        text += &logs(&status.logs);
    }
    text
}

/// How much is held, and for how long.
pub(super) fn held_text(held: &HeldView) -> String {
    let next = held.next.map_or_else(|| "none leaves by itself".into(), |next| format!("the next leaves at {}", time(Some(next))));
    let person = if held.for_a_person > 0 { format!(", {} for a person", held.for_a_person) } else { String::new() };
    let (records, releases) = (output::count(held.records, "record"), output::count(held.releases, "release"));
    format!("held          {records} in {releases}{person}, the oldest since {}; {next}\n", time(Some(held.since)))
}

/// How many notices wait.
pub(super) fn notices(notify: &NotifyStatus) -> String {
    let channels = output::count(notify.channels, "channel");
    let mut text = format!("notices       {channels}, {} waiting", notify.waiting);
    if notify.failing > 0 {
        text += &format!(", {} failing", notify.failing);
    }
    if notify.given_up > 0 {
        text += &format!(", {} given up: `watchfire notify list` says why", notify.given_up);
    }
    text + "\n"
}

/// Which desk key is in force, and what is to be done about it.
pub(super) fn desk_key(key: &DeskKeyStatus) -> String {
    let due = match key.due {
        Some(Due::SomebodyLeft) => "; the next is due, since somebody has it who may not open any more".into(),
        Some(Due::Old | Due::None) => "; the next is due".into(),
        None => format!(", the next by {}", time(Some(key.due_at))),
    };
    let card = match key.card_names {
        Some(number) if number == key.number => String::new(),
        Some(number) => format!("; the card still names {number}"),
        None => "; the card names none yet".into(),
    };
    format!("{}{due}{card}", key.number)
}

/// What a restored node waits for.
fn held_back(restored: &RestoredView) -> String {
    let of = restored.taken.map_or_else(|| "a copy".into(), |taken| format!("the backup of {}", time(Some(taken))));
    let mut text = format!("restored from {of}: serves and exports nothing until it knows what happened since\n");
    let rows = restored.awaited.iter().map(|one| [one.author_name.clone(), one.audience_name.clone(), one.from.join(" or ")]);
    text += &table(["LOG OF", "TO", "AWAITED FROM"], rows.collect());
    if !restored.unheard.is_empty() {
        text += &format!("not heard yet: {}\n", output::plain(&restored.unheard.join(", ")));
    }
    text
}

/// A line for each peer.
pub(super) fn peers<'a>(peers: impl Iterator<Item = &'a PeerStatus>) -> String {
    let rows = peers.map(|peer| {
        let certificate = peer.certificate_days.map_or_else(|| "-".into(), days);
        let problem = peer.problem.as_ref().map(|problem| problem.text.clone()).unwrap_or_default();
        let counts = [peer.behind.to_string(), peer.ahead.to_string()];
        let [behind, ahead] = counts;
        [peer.name.clone(), peer.state.clone(), behind, ahead, time(peer.last_seen), certificate, problem]
    });
    table(["PEER", "STATE", "BEHIND", "AHEAD", "LAST SEEN", "CERTIFICATE", "PROBLEM"], rows.collect())
}

fn logs(logs: &[LogView]) -> String {
    let rows = logs.iter().map(|log| {
        [short(&log.id), log.author_name.clone(), log.audience_name.clone(), log.size.to_string(), short(&log.head), log.state.clone()]
    });
    table(["LOG", "AUTHOR", "AUDIENCE", "SIZE", "HEAD", "STATE"], rows.collect())
}
