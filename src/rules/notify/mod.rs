//! Notices: what people are told, and when. A notice has no content, and its types leave no place for any: codes of closed lists, the beginning of
//! a random id, a number and times. No name, no organisation, no text.

mod fault;
mod pace;
mod webhook;
mod words;

pub use crate::model::Priority;
pub use fault::Fault;
pub use pace::{BadDigestTimes, Bucket, DigestTimes, Retry};
pub use webhook::{BadSecret, WebhookSecret};

use crate::model::crypto::sha256_framed;
use crate::model::desk::Roles;
use crate::model::{NoticeId, ShortId, Timestamp};
use std::collections::BTreeMap;

/// Declares the events, each with its number in the store, its stable code and what people read.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $number:literal $code:literal $words:literal;)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Event { $($(#[$doc])* $name = $number,)* }

        impl Event {
            /// Every event, by number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its stable code, as machines are told it: `offer-arrived`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What people read: `a referral waits`.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => $words,)* }
            }
        }
    };
}

events! {
    /// A referral came.
    OfferArrived 1 "offer-arrived" "a referral waits";
    /// A person at the other side has opened our referral.
    Acknowledged 2 "acknowledged" "a referral was acknowledged";
    /// The other side takes our referral over.
    Accepted 3 "accepted" "a referral was accepted";
    /// The other side does not take our referral over.
    Declined 4 "declined" "a referral was declined";
    /// The other side asks something.
    Question 5 "question" "a question about a referral waits";
    /// The other side has answered.
    Answer 6 "answer" "an answer about a referral came";
    /// The other side tells how it stands.
    Progress 7 "progress" "a referral made progress";
    /// The other side is done.
    Resolved 8 "resolved" "a referral was resolved";
    /// The other side has called its referral off.
    Withdrawn 9 "withdrawn" "a referral was withdrawn";
    /// The case is ours again.
    HandedBack 10 "handed-back" "a referral was handed back";
    /// A clock ran out.
    RungReached 11 "rung-reached" "a referral has waited too long";
    /// A shift's hand-over is to be taken.
    HandoverWaiting 12 "handover-waiting" "a hand-over between shifts waits";
    /// An alert came that concerns cases here.
    AlertArrived 13 "alert-arrived" "an alert waits";
    /// Several organisations report the same campaign.
    ManyReportTheSame 14 "many-report-the-same" "several organisations report the same";
    /// Somebody matches more often than is usual.
    MatchTries 15 "match-tries" "there are many tries at matching";
    /// Somebody here tries whether notices come.
    Test 16 "test" "this is a test";
    /// A group that we are in is asked for help.
    CallArrived 20 "call-arrived" "a call for help waits";
    /// Somebody would take what a call of ours is about.
    Volunteered 21 "volunteered" "somebody volunteers for a call";
    /// Nobody has volunteered for a call of ours, or nobody here has chosen.
    CallWaits 22 "call-waits" "a call for help has waited too long";
    /// A call for which we volunteered is over.
    CallEnded 23 "call-ended" "a call for help is over";
    /// An alert concerns a case here.
    AlertMatches 24 "alert-matches" "an alert concerns a referral";
    /// A partner asks about a case that we have.
    DuplicateWaits 26 "duplicate-waits" "a partner asks about a case";
    /// A partner tells that they have a case of ours.
    DuplicateFound 27 "duplicate-found" "a partner has told what a check found";
    /// Nobody has taken a shift's hand-over in time.
    HandoverLate 28 "handover-late" "nobody has accepted a hand-over between shifts";
    /// The other side has handed over to us what we accepted.
    Confirmed 29 "confirmed" "a referral was handed over to this desk";
    /// What is to leave waits for a person here: for a look, or for a second signature.
    ReleaseWaits 30 "release-waits" "a release waits for a person";
    /// Another organisation says that an indicator of ours is of nothing bad.
    SightingFalse 31 "sighting-false" "somebody says that an indicator of ours is a false positive";
    /// A partner asks about a value that people here have seen.
    SightingAsked 32 "sighting-asked" "a partner asks about something that was seen here";
    /// The other side's node has not taken what was said in a referral.
    NotTaken 33 "not-taken" "a partner's node does not take what was sent in a referral";
}

impl Event {
    /// The event with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| *event as u8 == number)
    }
}

/// What one notice tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id, the same however often it is made or sent.
    pub id: NoticeId,
    /// What kind of thing happened.
    pub event: Event,
    /// The referral that it is about; of a call, an alert or a hand-over, that.
    pub referral: Option<ShortId>,
    /// How soon the referral is to be looked at.
    pub priority: Option<Priority>,
    /// Which rung of the ladder was reached, from 1.
    pub rung: Option<u8>,
    /// Whether it is told at once; else it waits for the digest.
    pub urgent: bool,
    /// Whether it became due while the node was away, so that it is told together with all else that did.
    pub late: bool,
    /// Who is to be told.
    pub to: Roles,
    /// When it happened.
    pub at: Timestamp,
}

impl Notice {
    /// The id of a notice about `cause`: bytes that name what happened and nothing else (the whole id of a referral and the number of a message, say), so
    /// that the same cause gives the same id. A cause of few possible values must hold something random, since an id can be tried out.
    pub fn id_of(event: Event, cause: &[u8], rung: Option<u8>, to: impl Into<Roles>) -> NoticeId {
        let rung = [rung.map_or(0, |_| 1), rung.unwrap_or_default()];
        first(&sha256_framed("watchfire notice v1", &[&[event as u8], cause, &rung, &[to.into().number()]]))
    }

    /// One that is told at once, about no referral; the rest is set where it is known.
    pub fn new(event: Event, cause: &[u8], to: impl Into<Roles>, at: Timestamp) -> Self {
        let to = to.into();
        let id = Self::id_of(event, cause, None, to);
        Self { id, event, referral: None, priority: None, rung: None, urgent: true, late: false, to, at }
    }
}

fn first(hash: &[u8; 32]) -> NoticeId {
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    NoticeId(id)
}

/// Several notices in one: how many of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Its id, made of those of the notices in it.
    pub id: NoticeId,
    /// How many there are of each event.
    pub counts: BTreeMap<Event, u32>,
    /// Whether there are urgent ones in it, which were too many to be told one by one.
    pub urgent: bool,
    /// Whether all of them became due while the node was away.
    pub late: bool,
    /// When the first happened.
    pub from: Timestamp,
    /// When the last happened.
    pub until: Timestamp,
}

impl Digest {
    /// Of these notices, in any order; `None` of none.
    pub fn of(notices: &[Notice]) -> Option<Self> {
        let mut ids: Vec<[u8; 16]> = notices.iter().map(|notice| notice.id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut counts = BTreeMap::new();
        for notice in notices {
            *counts.entry(notice.event).or_insert(0) += 1;
        }
        let (from, until) = (notices.iter().map(|notice| notice.at).min()?, notices.iter().map(|notice| notice.at).max()?);
        let id = first(&sha256_framed("watchfire digest v1", &[ids.as_flattened()]));
        let (urgent, late) = (notices.iter().any(|notice| notice.urgent), notices.iter().all(|notice| notice.late));
        Some(Self { id, counts, urgent, late, from, until })
    }

    /// How many notices are in it.
    pub fn count(&self) -> u32 {
        self.counts.values().sum()
    }
}

/// What is sent: a notice, or several in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// One notice.
    One(Notice),
    /// Several.
    Digest(Digest),
}

impl Message {
    /// Its id.
    pub const fn id(&self) -> NoticeId {
        match self {
            Self::One(notice) => notice.id,
            Self::Digest(digest) => digest.id,
        }
    }

    /// When it happened; of several, when the last did.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::One(notice) => notice.at,
            Self::Digest(digest) => digest.until,
        }
    }

    /// The code of its kind: an event's, or `digest`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::One(notice) => notice.event.code(),
            Self::Digest(_) => "digest",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Role;

    #[test]
    fn every_event_has_a_number_and_a_code_of_its_own() {
        let codes: std::collections::BTreeSet<_> = Event::ALL.iter().map(|event| event.code()).collect();
        assert_eq!(codes.len(), Event::ALL.len());
        for event in Event::ALL {
            assert_eq!(Event::from_number(*event as u8), Some(*event));
        }
        assert_eq!(Event::from_number(0), None);
    }

    #[test]
    fn the_same_cause_has_the_same_id_and_no_other_has_it() {
        let id = |event, cause: &[u8], rung, to: Role| Notice::id_of(event, cause, rung, to);
        let one = id(Event::RungReached, b"a", Some(1), Role::Lead);
        assert_eq!(one, id(Event::RungReached, b"a", Some(1), Role::Lead));
        let others = [
            id(Event::Question, b"a", Some(1), Role::Lead),
            id(Event::RungReached, b"b", Some(1), Role::Lead),
            id(Event::RungReached, b"a", Some(2), Role::Lead),
            id(Event::RungReached, b"a", None, Role::Lead),
            id(Event::RungReached, b"a", Some(1), Role::Director),
            Notice::id_of(Event::RungReached, b"a", Some(1), Roles::one(Role::Handler).and(Role::Lead.into())),
        ];
        assert!(!others.contains(&one));
    }

    /// Notices that were told before there were sets of roles stay known.
    #[test]
    fn the_id_for_a_single_role_is_the_one_it_always_was() {
        let id = Notice::id_of(Event::RungReached, b"a", Some(1), Role::Lead);
        assert_eq!(id.to_string(), "n45tczjhhgsyf6o7pvj2wpvtea");
    }

    #[test]
    fn a_digest_counts_by_event_and_is_the_same_in_any_order() {
        let notice = |n: u8, event, at| Notice::new(event, &[n], Role::Handler, Timestamp(at));
        let three = [notice(1, Event::Question, 30), notice(2, Event::Progress, 10), notice(3, Event::Question, 20)];
        let digest = Digest::of(&three).expect("three");
        assert_eq!(digest.counts, BTreeMap::from([(Event::Question, 2), (Event::Progress, 1)]));
        assert_eq!((digest.from, digest.until, digest.count()), (Timestamp(10), Timestamp(30), 3));
        let mut turned = three.clone();
        turned.reverse();
        assert_eq!(Digest::of(&turned), Some(digest.clone()));
        assert_ne!(Digest::of(&three[..2]).expect("two").id, digest.id);
        assert_eq!(Digest::of(&[]), None);
        let late = three.clone().map(|notice| Notice { late: true, ..notice });
        assert!(Digest::of(&late).expect("three").late);
        assert!(!Digest::of(&[late[0].clone(), three[1].clone()]).expect("two").late, "not all of them are");
    }
}
