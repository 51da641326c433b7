//! How long each wait may take, by priority, and its ladder: settings, each with a default, and per peer where they were agreed otherwise.

use super::{Act, Span, Wait};
use crate::model::{OrgId, Priority};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many rungs a ladder has at most.
const RUNGS_MAX: usize = 8;
/// How many peers have settings of their own at most.
const PEERS_MAX: usize = 1_000;

/// One step of a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// When, from the wait's beginning.
    pub after: Span,
    /// What then.
    pub act: Act,
}

/// A clock's ladder, and how it goes on behind its end: what the last rung does is done again and again, until somebody does what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder<'a> {
    /// The earliest first; never empty.
    pub rungs: &'a [Rung],
    /// How long after the last one it is repeated, and after each time.
    pub again: Span,
}

impl Ladder<'_> {
    /// The how-manieth repetition the rung of a number is, which counts from 0 and goes on behind the ladder's end; 0 for the ladder's own.
    pub fn repetition(&self, rung: u32) -> u32 {
        rung.saturating_sub(u32::try_from(self.rungs.len()).unwrap_or(u32::MAX).saturating_sub(1))
    }

    /// What the rung of a number does.
    pub fn act(&self, rung: u32) -> Option<Act> {
        match self.repetition(rung) {
            0 => self.rungs.get(rung as usize).map(|rung| rung.act),
            _ => self.rungs.last().map(|rung| rung.act.again()),
        }
    }

    /// How long after the beginning the rung of a number is, by a measure of spans.
    pub(super) fn after(&self, rung: u32, measure: impl Fn(Span) -> u64) -> Option<u64> {
        let own = self.rungs.get(..=rung as usize).unwrap_or(self.rungs);
        // A short day of a desk may be less than the hours of the rung before.
        let reached = own.iter().map(|rung| measure(rung.after)).max()?;
        // A desk that is never open has days of no length.
        let again = Some(measure(self.again)).filter(|long| *long > 0).unwrap_or_else(|| self.again.wall_ms());
        Some(reached.saturating_add(again.saturating_mul(u64::from(self.repetition(rung)))))
    }
}

type Ladders = BTreeMap<Wait, Vec<Rung>>;

/// How long everything may take. Complete: what a file leaves out has its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Timetable {
    ladders: BTreeMap<Priority, Ladders>,
    pause_max: BTreeMap<Priority, Span>,
    delay_max: Span,
    again: BTreeMap<Priority, Span>,
    again_slow: Span,
    peers: BTreeMap<OrgId, Peer>,
    /// Those that are called by a name, of which nobody has said yet whose it is.
    named: BTreeMap<String, Peer>,
}

/// How long after the end of a ladder its last act is repeated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Again {
    #[serde(skip_serializing_if = "Option::is_none")]
    emergency: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    urgent: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normal: Option<Span>,
    /// For what hurries nobody, whatever the priority: review, closing, purge and platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<Span>,
}

impl Again {
    const fn of(self, priority: Priority, wait: Wait) -> Option<Span> {
        match priority {
            _ if wait.is_slow() => self.slow,
            Priority::Emergency => self.emergency,
            Priority::Urgent => self.urgent,
            Priority::Normal => self.normal,
        }
    }
}

/// A timetable as it is written: what is named replaces the default, a ladder as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    emergency: Ladders,
    urgent: Ladders,
    normal: Ladders,
    /// For how long questions stop the decision's clock in all, by the wall.
    pause_max: BTreeMap<Priority, Span>,
    /// For how long declared hours put a rung off at most, beyond its span by the wall.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_max: Option<Span>,
    again: Again,
    /// By their ids, or by the names that they have here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    peers: BTreeMap<String, Peer>,
}

/// What was agreed with one organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Peer {
    emergency: Ladders,
    urgent: Ladders,
    normal: Ladders,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pause_max: BTreeMap<Priority, Span>,
    again: Again,
}

impl Peer {
    fn of(&self, priority: Priority) -> &Ladders {
        match priority {
            Priority::Emergency => &self.emergency,
            Priority::Urgent => &self.urgent,
            Priority::Normal => &self.normal,
        }
    }
}

/// Why a timetable is none. `place` is as in the file: `urgent.decision`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTimetable {
    /// A ladder has none or too many.
    #[error("`{place}` has {count} rungs\nhint: a ladder has 1 to {RUNGS_MAX}")]
    Count {
        /// Where.
        place: String,
        /// How many.
        count: usize,
    },
    /// A rung is not later than the one before.
    #[error("`{place}`: {later} is not later than {earlier}\nhint: rungs ascend")]
    Order {
        /// Where.
        place: String,
        /// The rung before.
        earlier: Span,
        /// The rung that should be later.
        later: Span,
    },
    /// A rung tells fewer people than the one before.
    #[error(
        "`{place}`: the rung at {after} does less than the one before\nhint: digest, tell_handler, tell_leads, propose_next, tell_director, propose_to_director, offer_next"
    )]
    Descends {
        /// Where.
        place: String,
        /// The rung.
        after: Span,
    },
    /// Nobody else may be offered the case while that is waited for.
    #[error("`{place}`: offer_next cannot be done there, as the case is another's or accepted\nhint: propose_next")]
    Offer {
        /// Where.
        place: String,
    },
    /// Too many peers.
    #[error("`peers` has {0} organisations\nhint: up to {PEERS_MAX}")]
    Peers(usize),
    /// No peer has that name.
    #[error(
        "`peers.{0}`: no peer is called so\nhint: `watchfire peer list` has the names; add a peer before the file names it, or write its id"
    )]
    Unknown(String),
    /// One organisation has two sets of ladders.
    #[error("`peers.{0}` is in the file twice\nhint: call it by its name or by its id, once")]
    Twice(String),
}

impl Default for Timetable {
    fn default() -> Self {
        let ladders = Priority::ALL.map(|priority| (priority, Wait::ALL.map(|wait| (wait, default(priority, wait))).into()));
        // A question does not stop an emergency for long; a person may be hard to reach in a week.
        let pause_max = [(Priority::Emergency, Span::hours(2)), (Priority::Urgent, Span::days(1)), (Priority::Normal, Span::weeks(1))];
        // Each shift hears of it once, where somebody may be in danger.
        let again = [(Priority::Emergency, Span::hours(12)), (Priority::Urgent, Span::hours(12)), (Priority::Normal, Span::days(1))];
        Self {
            ladders: ladders.into(),
            pause_max: pause_max.into(),
            delay_max: Span::weeks(4),
            again: again.into(),
            again_slow: Span::weeks(1),
            peers: BTreeMap::new(),
            named: BTreeMap::new(),
        }
    }
}

/// The ladders when nothing is set. A breach offers the next candidate in an emergency, proposes one when it is urgent, and is a line in the digest otherwise; what
/// follows is for a breach that nobody minds. Limits to receipt, acknowledgement, decision, first action and silence are those that the network's desks keep.
fn default(priority: Priority, wait: Wait) -> Vec<Rung> {
    use Act::*;
    let (m, h, d, w) = (Span::minutes, Span::hours, Span::days, Span::weeks);
    let rungs: &[(Span, Act)] = match (priority, wait) {
        // A machine answers within seconds: minutes are an outage. To wait for it as for a person would waste the time that there is.
        (Priority::Emergency, Wait::Receipt) => &[(m(5), TellHandler), (m(15), TellLeads), (m(30), OfferNext)],
        (Priority::Urgent, Wait::Receipt) => &[(m(30), ProposeNext), (h(2), TellDirector)],
        (Priority::Normal, Wait::Receipt) => &[(h(6), Digest), (d(1), TellHandler), (d(3), TellLeads)],
        // The ladder of a desk that has one: leads, director, then the promise that was given in public.
        (Priority::Emergency, Wait::Acknowledgement) => &[(m(60), TellLeads), (m(90), TellDirector), (m(120), OfferNext)],
        (Priority::Urgent, Wait::Acknowledgement) => &[(h(3), TellHandler), (h(4), ProposeNext), (h(8), TellDirector)],
        (Priority::Normal, Wait::Acknowledgement) => &[(d(1), Digest), (d(3), TellHandler), (w(1), TellLeads)],
        (Priority::Emergency, Wait::Decision) => &[(h(3), TellLeads), (h(4), OfferNext)],
        (Priority::Urgent, Wait::Decision) => &[(d(1), ProposeNext), (d(2), TellDirector)],
        (Priority::Normal, Wait::Decision) => &[(d(5), Digest), (w(2), TellHandler), (w(3), TellLeads)],
        // A question stops the decision for a while only, so an answer has to come before that is over.
        (Priority::Emergency, Wait::Answer) => &[(m(30), TellHandler), (m(60), TellLeads), (m(120), TellDirector)],
        (Priority::Urgent, Wait::Answer) => &[(h(4), TellHandler), (d(1), TellLeads)],
        (Priority::Normal, Wait::Answer) => &[(d(3), Digest), (w(1), TellHandler), (w(2), TellLeads)],
        // Somebody has said yes, and only our own desk keeps the person waiting: as soon as an acknowledgement.
        (Priority::Emergency, Wait::Confirmation) => &[(m(15), TellHandler), (m(30), TellLeads), (m(60), TellDirector)],
        (Priority::Urgent, Wait::Confirmation) => &[(h(2), TellHandler), (h(4), TellLeads), (d(1), TellDirector)],
        (Priority::Normal, Wait::Confirmation) => &[(d(1), Digest), (d(2), TellHandler), (w(1), TellLeads)],
        // Machines again. Until then both may believe that the other has the case, so somebody calls.
        (Priority::Emergency, Wait::HandOver | Wait::Return) => &[(m(5), TellHandler), (m(15), TellLeads), (m(30), TellDirector)],
        (Priority::Urgent, Wait::HandOver | Wait::Return) => &[(m(30), TellHandler), (h(2), TellLeads), (d(1), TellDirector)],
        (Priority::Normal, Wait::HandOver | Wait::Return) => &[(h(6), Digest), (d(1), TellHandler), (d(3), TellLeads)],
        // The case is the receiver's: somebody else can have it only when a person withdraws it.
        (Priority::Emergency, Wait::FirstAction) => &[(h(12), TellHandler), (h(24), ProposeNext), (h(26), TellDirector)],
        (Priority::Urgent, Wait::FirstAction) => &[(d(3), ProposeNext), (d(4), TellDirector)],
        (Priority::Normal, Wait::FirstAction) => &[(w(2), Digest), (w(3), TellHandler), (w(4), TellLeads)],
        (Priority::Emergency, Wait::Silence) => &[(h(12), ProposeNext), (h(18), TellDirector)],
        (Priority::Urgent, Wait::Silence) => &[(d(2), ProposeNext), (d(4), TellDirector)],
        (Priority::Normal, Wait::Silence) => &[(w(1), Digest), (w(2), TellHandler), (w(4), TellLeads)],
        // The case is ours again and no one works on it: as long as an offer that is not acknowledged may wait, and shorter, as time was lost.
        (Priority::Emergency, Wait::Next) => &[(m(15), TellHandler), (m(30), TellLeads), (m(60), OfferNext)],
        (Priority::Urgent, Wait::Next) => &[(h(2), TellHandler), (h(4), ProposeNext), (d(1), TellDirector)],
        (Priority::Normal, Wait::Next) => &[(d(2), Digest), (w(1), TellHandler), (w(2), TellLeads)],
        // Nobody is in danger by these; a desk that leaves them open holds what it could destroy.
        (Priority::Emergency | Priority::Urgent, Wait::Review) => &[(w(1), Digest), (w(2), TellHandler), (w(4), TellLeads)],
        (Priority::Normal, Wait::Review) => &[(w(2), Digest), (w(4), TellHandler)],
        (_, Wait::Closing) => &[(w(2), Digest), (w(4), TellHandler), (w(8), TellLeads)],
        // Machines, but one of them may be switched off over a week-end. What is not destroyed is a danger, whatever the priority was.
        (_, Wait::Purge) => &[(d(1), TellHandler), (d(3), TellLeads), (w(1), TellDirector)],
        // Platforms take weeks: ask again, once more, then an organisation that has another channel.
        (_, Wait::Platform) => &[(d(7), TellHandler), (d(14), TellHandler), (d(21), ProposeNext)],
    };
    rungs.iter().map(|(after, act)| Rung { after: *after, act: *act }).collect()
}

impl Timetable {
    /// The ladder of a wait for a peer's part.
    pub fn ladder(&self, peer: &OrgId, priority: Priority, wait: Wait) -> Ladder<'_> {
        let agreed = self.peers.get(peer);
        let own = agreed.and_then(|peer| peer.of(priority).get(&wait));
        let rungs = own.or_else(|| self.ladders.get(&priority).and_then(|all| all.get(&wait))).map_or(&[][..], Vec::as_slice);
        let again = if wait.is_slow() { None } else { self.again.get(&priority) };
        let again = agreed.and_then(|peer| peer.again.of(priority, wait)).unwrap_or_else(|| *again.unwrap_or(&self.again_slow));
        Ladder { rungs, again }
    }

    /// The names of which nobody has said yet whose they are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Puts organisations in the place of their names.
    ///
    /// # Errors
    /// When a name is nobody's, or the organisation has ladders already.
    pub fn resolved(mut self, peers: &BTreeMap<String, OrgId>) -> Result<Self, BadTimetable> {
        for (name, ladders) in std::mem::take(&mut self.named) {
            let Some(org) = peers.get(&name) else { return Err(BadTimetable::Unknown(name)) };
            if self.peers.insert(*org, ladders).is_some() {
                return Err(BadTimetable::Twice(name));
            }
        }
        Ok(self)
    }

    /// For how many milliseconds by the wall questions stop the decision's clock with a peer in all.
    pub fn pause_ms_max(&self, peer: &OrgId, priority: Priority) -> u64 {
        let agreed = self.peers.get(peer).and_then(|peer| peer.pause_max.get(&priority));
        agreed.or_else(|| self.pause_max.get(&priority)).map_or(0, |span| span.wall_ms())
    }

    /// For how many milliseconds declared hours put a rung off at most, beyond its span by the wall.
    pub const fn delay_ms_max(&self) -> u64 {
        self.delay_max.wall_ms()
    }
}

fn check(place: &str, ladders: &Ladders) -> Result<(), BadTimetable> {
    for (wait, rungs) in ladders {
        let place = || format!("{place}.{}", wait.name());
        if rungs.is_empty() || rungs.len() > RUNGS_MAX {
            return Err(BadTimetable::Count { place: place(), count: rungs.len() });
        }
        for pair in rungs.windows(2) {
            let [earlier, later] = [pair[0], pair[1]];
            if later.after.wall_ms() <= earlier.after.wall_ms() {
                return Err(BadTimetable::Order { place: place(), earlier: earlier.after, later: later.after });
            }
            if later.act < earlier.act {
                return Err(BadTimetable::Descends { place: place(), after: later.after });
            }
        }
        if !wait.may_offer_next() && rungs.iter().any(|rung| rung.act == Act::OfferNext) {
            return Err(BadTimetable::Offer { place: place() });
        }
    }
    Ok(())
}

impl TryFrom<Settings> for Timetable {
    type Error = BadTimetable;

    fn try_from(settings: Settings) -> Result<Self, BadTimetable> {
        let Settings { emergency, urgent, normal, pause_max, delay_max, again, peers } = settings;
        let mut all = Self::default();
        for (priority, given) in Priority::ALL.into_iter().zip([emergency, urgent, normal]) {
            check(priority.name(), &given)?;
            all.ladders.entry(priority).or_default().extend(given);
        }
        if peers.len() > PEERS_MAX {
            return Err(BadTimetable::Peers(peers.len()));
        }
        for (called, peer) in peers {
            for priority in Priority::ALL {
                check(&format!("peers.{called}.{priority}"), peer.of(priority))?;
            }
            match called.parse() {
                Ok(org) => drop(all.peers.insert(org, peer)),
                Err(_) => drop(all.named.insert(called, peer)),
            }
        }
        all.pause_max.extend(pause_max);
        let set = Priority::ALL.into_iter().zip([again.emergency, again.urgent, again.normal]);
        all.again.extend(set.filter_map(|(priority, span)| Some((priority, span?))));
        let again_slow = again.slow.unwrap_or(all.again_slow);
        Ok(Self { delay_max: delay_max.unwrap_or(all.delay_max), again_slow, ..all })
    }
}

impl From<Timetable> for Settings {
    fn from(mut all: Timetable) -> Self {
        let mut of = |priority| all.ladders.remove(&priority).unwrap_or_default();
        let (emergency, urgent, normal) = (of(Priority::Emergency), of(Priority::Urgent), of(Priority::Normal));
        let span = |priority| all.again.get(&priority).copied();
        let again = Again {
            emergency: span(Priority::Emergency),
            urgent: span(Priority::Urgent),
            normal: span(Priority::Normal),
            slow: Some(all.again_slow),
        };
        let peers = all.peers.into_iter().map(|(org, peer)| (org.to_string(), peer)).chain(all.named).collect();
        Self { emergency, urgent, normal, pause_max: all.pause_max, delay_max: Some(all.delay_max), again, peers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: OrgId = OrgId([7; 32]);

    fn read(json: &str) -> Result<Timetable, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn said(timetable: &Timetable, priority: Priority, wait: Wait) -> String {
        timetable
            .ladder(&PEER, priority, wait)
            .rungs
            .iter()
            .map(|rung| format!("{} {:?}", rung.after, rung.act))
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[test]
    fn limits_are_those_of_the_network() {
        let all = Timetable::default();
        let first = |wait| Priority::ALL.map(|priority| all.ladder(&PEER, priority, wait).rungs[0].after.to_string());
        assert_eq!(said(&all, Priority::Emergency, Wait::Acknowledgement), "60m TellLeads, 90m TellDirector, 120m OfferNext");
        assert_eq!(first(Wait::Receipt), ["5m", "30m", "6h"]);
        let breach = |wait| {
            [(Priority::Emergency, Act::ProposeNext), (Priority::Urgent, Act::ProposeNext), (Priority::Normal, Act::Digest)].map(
                |(priority, act)| {
                    let ladder = all.ladder(&PEER, priority, wait).rungs;
                    ladder.iter().find(|rung| rung.act >= act && rung.act != Act::TellDirector).unwrap().after.to_string()
                },
            )
        };
        assert_eq!(breach(Wait::Acknowledgement), ["120m", "4h", "1d"]);
        assert_eq!(breach(Wait::Decision), ["4h", "1d", "5d"]);
        assert_eq!(breach(Wait::FirstAction), ["24h", "3d", "2w"]);
        assert_eq!(breach(Wait::Silence), ["12h", "2d", "1w"]);
        assert_eq!(said(&all, Priority::Urgent, Wait::Platform), "7d TellHandler, 14d TellHandler, 21d ProposeNext");
    }

    #[test]
    fn every_wait_has_a_ladder_that_holds() {
        let all = Timetable::default();
        for priority in Priority::ALL {
            assert!(Wait::ALL.iter().all(|wait| !all.ladder(&PEER, priority, *wait).rungs.is_empty()));
            check(priority.name(), &all.ladders[&priority]).unwrap();
        }
    }

    #[test]
    fn a_timetable_is_read_as_it_is_written_and_what_is_left_out_has_its_default() {
        let all = Timetable::default();
        assert_eq!(read("{}").unwrap(), all);
        assert_eq!(read(&serde_json::to_string(&all).unwrap()).unwrap(), all);
        let text = format!(
            r#"{{"emergency": {{"acknowledgement": [{{"after": "30m", "act": "tell_director"}}]}}, "pause_max": {{"urgent": "4h"}},
            "peers": {{"{PEER}": {{"emergency": {{"decision": [{{"after": "2h", "act": "offer_next"}}]}}}}}}}}"#
        );
        let set = read(&text).unwrap();
        assert_eq!(said(&set, Priority::Emergency, Wait::Acknowledgement), "30m TellDirector");
        assert_eq!(said(&set, Priority::Emergency, Wait::Decision), "2h OfferNext");
        assert_eq!(set.ladder(&OrgId([8; 32]), Priority::Emergency, Wait::Decision).rungs.len(), 2, "another peer's");
        assert_eq!(said(&set, Priority::Emergency, Wait::Silence), said(&all, Priority::Emergency, Wait::Silence));
        assert_eq!(
            (set.pause_ms_max(&PEER, Priority::Urgent), set.pause_ms_max(&PEER, Priority::Emergency)),
            (4 * 3_600_000, 2 * 3_600_000)
        );
        assert_eq!(read(&serde_json::to_string(&set).unwrap()).unwrap(), set);
    }

    #[test]
    fn pauses_and_repetitions_are_agreed_with_one_peer_too() {
        let (agreed, other) = (PEER, OrgId([8; 32]));
        let all = read(&format!(
            r#"{{"peers": {{"{agreed}": {{"pause_max": {{"urgent": "8h"}}, "again": {{"urgent": "2h", "slow": "3d"}}}}}}}}"#
        ))
        .unwrap();
        assert_eq!(read(&serde_json::to_string(&all).unwrap()).unwrap(), all);
        let hour = 3_600_000;
        let pauses = |peer| [Priority::Emergency, Priority::Urgent].map(|priority| all.pause_ms_max(&peer, priority) / hour);
        assert_eq!((pauses(agreed), pauses(other)), ([2, 8], [2, 24]));
        let again = |peer, wait| all.ladder(&peer, Priority::Urgent, wait).again.to_string();
        assert_eq!([Wait::Silence, Wait::Purge].map(|wait| again(agreed, wait)), ["2h", "3d"]);
        assert_eq!([Wait::Silence, Wait::Purge].map(|wait| again(other, wait)), ["12h", "1w"]);
        assert_eq!(all.ladder(&agreed, Priority::Emergency, Wait::Silence).again.to_string(), "12h", "what is left out stays");
    }

    #[test]
    fn behind_its_end_a_ladder_goes_on() {
        let all = read(r#"{"again": {"urgent": "6h", "slow": "2w"}}"#).unwrap();
        assert_eq!(read(&serde_json::to_string(&all).unwrap()).unwrap(), all);
        let again = |priority, wait| all.ladder(&PEER, priority, wait).again.to_string();
        assert_eq!(Priority::ALL.map(|priority| again(priority, Wait::Silence)), ["12h", "6h", "1d"]);
        assert_eq!(Priority::ALL.map(|priority| again(priority, Wait::Purge)), ["2w", "2w", "2w"]);
        let ladder = all.ladder(&PEER, Priority::Emergency, Wait::Acknowledgement);
        assert_eq!([0, 2, 3, 9].map(|rung| ladder.repetition(rung)), [0, 0, 1, 7]);
        assert_eq!(
            [1, 2, 3, 9].map(|rung| ladder.act(rung).unwrap()),
            [Act::TellDirector, Act::OfferNext, Act::TellDirector, Act::TellDirector]
        );
        let hours = |rung| ladder.after(rung, Span::wall_ms).unwrap() / 3_600_000;
        assert_eq!([0, 2, 3, 4].map(hours), [1, 2, 14, 26]);
        assert!(read(r#"{"again": {"soon": "1d"}}"#).unwrap_err().contains("unknown field `soon`"));
    }

    #[test]
    fn a_peer_is_called_by_its_id_or_by_its_name() {
        let ladder = r#"{"normal": {"decision": [{"after": "2h", "act": "tell_leads"}]}}"#;
        let named = read(&format!(r#"{{"peers": {{"cedar": {ladder}}}}}"#)).unwrap();
        let of_peer = |all: &Timetable| said(all, Priority::Normal, Wait::Decision);
        assert_ne!(of_peer(&named), "2h TellLeads", "nobody has said whose the name is");
        assert_eq!(named.names().collect::<Vec<_>>(), ["cedar"]);
        assert_eq!(read(&serde_json::to_string(&named).unwrap()).unwrap(), named);
        let known = BTreeMap::from([("cedar".to_owned(), PEER), ("dunya".to_owned(), OrgId([8; 32]))]);
        let resolved = named.clone().resolved(&known).unwrap();
        assert_eq!((of_peer(&resolved).as_str(), resolved.names().count()), ("2h TellLeads", 0));
        assert_eq!(resolved, read(&format!(r#"{{"peers": {{"{PEER}": {ladder}}}}}"#)).unwrap());
        let unknown = named.resolved(&BTreeMap::new()).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "`peers.cedar`: no peer is called so\nhint: `watchfire peer list` has the names; add a peer before the file names it, or write its id"
        );
        let twice = read(&format!(r#"{{"peers": {{"cedar": {ladder}, "{PEER}": {ladder}}}}}"#)).unwrap().resolved(&known).unwrap_err();
        assert_eq!(twice.to_string(), "`peers.cedar` is in the file twice\nhint: call it by its name or by its id, once");
    }

    #[test]
    fn what_is_no_timetable_is_told() {
        let why = |ladder: &str| read(&format!(r#"{{"urgent": {{{ladder}}}}}"#)).unwrap_err();
        let rung = |after: &str, act: &str| format!(r#"{{"after": "{after}", "act": "{act}"}}"#);
        let two = |one: &str, other: &str| format!(r#""silence": [{one}, {other}]"#);
        assert!(why(r#""silence": []"#).starts_with("`urgent.silence` has 0 rungs\nhint: a ladder has 1 to 8"));
        let nine: Vec<String> = (1..=9).map(|n| rung(&format!("{n}h"), "digest")).collect();
        assert!(why(&format!(r#""silence": [{}]"#, nine.join(","))).starts_with("`urgent.silence` has 9 rungs"));
        let order = why(&two(&rung("24h", "digest"), &rung("1d", "digest")));
        assert!(order.starts_with("`urgent.silence`: 1d is not later than 24h\nhint: rungs ascend"), "{order}");
        let descends = why(&two(&rung("1h", "tell_leads"), &rung("2h", "tell_handler")));
        assert!(descends.starts_with("`urgent.silence`: the rung at 2h does less than the one before\nhint: "), "{descends}");
        let offer = why(&format!(r#""silence": [{}]"#, rung("1h", "offer_next")));
        assert!(offer.starts_with("`urgent.silence`: offer_next cannot be done there"), "{offer}");
        assert!(why(r#""silense": []"#).contains("unknown variant `silense`"));
        assert!(why(&format!(r#""silence": [{}]"#, rung("soon", "digest"))).starts_with("`soon` is no span of time"));
        assert!(read(r#"{"urgnt": {}}"#).unwrap_err().contains("unknown field `urgnt`"));
        let peer = format!(r#"{{"peers": {{"{PEER}": {{"normal": {{"next": []}}}}}}}}"#);
        assert!(read(&peer).unwrap_err().starts_with(&format!("`peers.{PEER}.normal.next` has 0 rungs")));
    }
}
