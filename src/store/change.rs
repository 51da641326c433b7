//! Everything that changes the store, as values: one change is one journal entry, applied by one function, so that replaying
//! the changes rebuilds the same logical content. Applying a change twice changes nothing more.

use super::hold::HoldRow;
use super::sealing::SealingChange;
use super::sighting::SightingRow;
use crate::model::desk::{SignedChange, WrappedKey};
use crate::model::group::SignedDefinition;
use crate::model::log::{AbsentReason, Audience, Batch, Equivocation, Header, LogKey};
use crate::model::record::{ReceiptOutcome, WithdrawalMode};
use crate::model::sighting::Sighting;
use crate::model::{Ceiling, EntryHash, GroupId, Label, LogId, Observable, OrgId, RecordId, ReferralId, ReleaseId, Timestamp, UserKey};
use crate::rules::referral::Step;
use std::collections::BTreeMap;

use crate::rules::release::{Disclosure, Encoded, Findings, Released};

/// A change to the store.
#[derive(Debug, Clone)]
pub enum Change {
    /// What the gate let out waits for its position in our log to that audience. Refused with [`Refused::OtherAudience`] unless the gate
    /// decided for that audience. Outcome: [`Outcome::Released`], one per item.
    Release {
        /// Who gets it.
        audience: Audience,
        /// The released records.
        items: Vec<ReleaseItem>,
        /// What the gate wrote down, one line per label, over the items that are neither duplicates nor recalled (the store
        /// recomputes `count` and `digest` over those, and writes no line of count 0).
        disclosures: Vec<Disclosure>,
        /// When.
        at: Timestamp,
    },
    /// Waiting records of our own get their positions: a batch that we have just signed. Refused with
    /// [`Refused::HeadMoved`] unless it follows the log's head, so that nothing is positioned twice, and with
    /// [`Refused::WaitingMoved`] unless every entry still waits with the same content.
    Append {
        /// Our log.
        log: LogKey,
        /// The batch.
        batch: Batch,
        /// The headers of its entries.
        headers: Vec<Header>,
        /// The waiting items that they are, as `waiting` gave them, in order.
        waiting: Vec<u64>,
    },
    /// What the gate let out gets its positions at once: [`Change::Release`] and [`Change::Append`] in one, where nothing else waits for
    /// the audience; for indicators of which none was said to it before and none is recalled, or for one message about a referral. Refused as
    /// `Append` is, and with [`Refused::WaitingMoved`] when one of these does not hold; as `Release` is too, and with
    /// [`Refused::ReferralMoved`] unless the message is the next one of ours. Outcome: [`Outcome::Released`], one per item.
    Publish {
        /// Our log.
        log: LogKey,
        /// The batches, one after the other, each with the headers of its entries.
        batches: Vec<(Batch, Vec<Header>)>,
        /// The released records that the entries are, in their order.
        items: Vec<ReleaseItem>,
        /// As in [`Change::Release`].
        disclosures: Vec<Disclosure>,
        /// When.
        at: Timestamp,
    },
    /// What the gate let out is held, or a hold changes: its row is made or replaced, and a part of its records with it. A part of no
    /// records is taken out. Refused with [`Refused::NotHeld`] where the hold is not there and not new, and with
    /// [`Refused::OtherAudience`] as `Release` is.
    Hold {
        /// The release.
        id: ReleaseId,
        /// Its row from now on; gone when it has no parts and is not filled any more.
        row: Box<HoldRow>,
        /// The number and the records of a part.
        part: Option<(u32, Vec<ReleaseItem>)>,
        /// Whether it may be new.
        new: bool,
    },
    /// A hold is undone: nothing of it is left, and nobody ever had any of it.
    Unhold(ReleaseId),
    /// A part of a hold leaves: made right behind the `Release` or `Publish` of its records, with it or not at all. Refused with
    /// [`Refused::NotHeld`] where it is not there any more, and with [`Refused::OtherBytes`] unless the newest disclosures are of
    /// exactly its records, or while a person is waited for.
    LetGo {
        /// The release.
        id: ReleaseId,
        /// The part.
        part: u32,
    },
    /// A verified batch of another's log (or our own tail, fetched back). Refused with [`Refused::HeadMoved`] unless it follows.
    Receive {
        /// The log.
        log: LogKey,
        /// Ed25519 key that later batches of this log are signed with.
        author_key: [u8; 32],
        /// The batch, with absent bodies where there are some.
        batch: Batch,
        /// Header, verdict and meaning of each entry, in order.
        entries: Vec<Received>,
        /// When, by our clock.
        at: Timestamp,
    },
    /// Something follows from a received batch that is still to be done, or now is: a receipt, what a hidden group's owner passes on.
    /// Made together with [`Change::Receive`], so that it is not forgotten when we die in between.
    Owe {
        /// The log.
        log: LogId,
        /// The batch's first position.
        first: u64,
        /// Whether it is still to be done.
        owed: bool,
    },
    /// Starts a log of another author at a signed checkpoint instead of at its first entry (a group without history).
    StartAt {
        /// The log.
        log: LogKey,
        /// The author's log-signing key there.
        author_key: [u8; 32],
        /// The checkpoint.
        checkpoint: crate::model::log::Checkpoint,
    },
    /// The author takes entries back, whether we hold them yet or not: known from its log, or from a recall ahead of it.
    /// Outcome: [`Outcome::TakenBack`].
    TakeBack {
        /// The log that holds them.
        log: LogId,
        /// Their positions.
        seqs: Vec<u64>,
        /// Whether the bodies are destroyed.
        mode: WithdrawalMode,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
        /// Whether what is recalled of our own may not be shared again.
        bars: bool,
    },
    /// Our own waiting items are taken back before they had a position: they never leave.
    Unqueue {
        /// Our records.
        records: Vec<RecordId>,
        /// Whether the value may not be shared again.
        recalled: bool,
        /// Only what waits for this audience.
        only: Option<Audience>,
        /// When.
        at: Timestamp,
    },
    /// Waiting items of our own that had left already, as our tail shows that was fetched back after a restore. Outcome: [`Outcome::Done`].
    Dequeue {
        /// Who got them.
        audience: Audience,
        /// Their numbers.
        waiting: Vec<u64>,
        /// When.
        at: Timestamp,
    },
    /// A peer has entries durably. Outcome: [`Outcome::Done`].
    Acked {
        /// The peer.
        peer: OrgId,
        /// The log.
        log: LogId,
        /// Through this position.
        through: u64,
        /// Position and number of every verdict that is not simply `accepted`.
        verdicts: Vec<(u64, u8)>,
        /// When.
        at: Timestamp,
    },
    /// A holder said what became of an entry of ours.
    Receipt {
        /// The holder.
        holder: OrgId,
        /// The entries' log.
        log: LogId,
        /// Position and outcome.
        outcomes: Vec<(u64, ReceiptOutcome)>,
        /// When the holder did it.
        at: Timestamp,
    },
    /// Retention dates have passed (or an operator's word): bodies are destroyed, headers stay.
    Destroy {
        /// The log.
        log: LogId,
        /// The positions.
        seqs: Vec<u64>,
        /// Why.
        reason: AbsentReason,
        /// When.
        at: Timestamp,
    },
    /// We met entries of another author: said in the transaction that releases it.
    Sighted(Vec<SightingRow>),
    /// A body that was absent came from elsewhere; its hash was checked against the header.
    Fill {
        /// The log.
        log: LogId,
        /// The position.
        seq: u64,
        /// The salt.
        salt: [u8; 32],
        /// The body.
        body: Vec<u8>,
        /// Its verdict and meaning.
        received: Received,
        /// When.
        at: Timestamp,
    },
    /// A peer's row is made or replaced.
    PutPeer(Box<PeerRow>),
    /// A peer has a newer card.
    PutCard {
        /// The peer.
        org: OrgId,
        /// The card, as it signed it.
        card: Vec<u8>,
    },
    /// A group's row is made or replaced.
    PutGroup(Box<GroupRow>),
    /// A recall that runs ahead of its log, kept for those who have not seen it.
    Recall {
        /// SHA-256 of what is signed.
        id: [u8; 32],
        /// The recall.
        row: Box<RecallRow>,
    },
    /// A peer has a recall durably; nothing where no such recall is kept.
    RecallTold {
        /// The peer.
        peer: OrgId,
        /// The recall's id.
        recall: [u8; 32],
        /// When.
        at: Timestamp,
    },
    /// A peer holds less of a log of ours than it once had: it was restored from a copy, and is told every recall again.
    RecallsUntold(OrgId),
    /// The whole definition of a hidden group whose head we are; `None` when we are no more.
    PutRoster {
        /// The group.
        group: GroupId,
        /// The definition with every member.
        roster: Option<SignedDefinition>,
    },
    /// The operator's word, or that it is waited for, on a group that another defines.
    Consent {
        /// The group.
        group: GroupId,
        /// What it is.
        consent: Consent,
    },
    /// What is held was written to a file for other tools; the newest 1,000 of these are kept.
    Exported(Box<ExportRow>),
    /// Proof of equivocation: kept, and the log is not taken any more.
    Evidence {
        /// The log.
        log: LogKey,
        /// The proof.
        proof: Equivocation,
        /// When.
        at: Timestamp,
    },
    /// What failed verification, kept apart: at most 64 KiB each, the newest 1,000.
    Suspicious {
        /// Who sent it.
        peer: OrgId,
        /// What was wrong.
        what: String,
        /// The bytes.
        bytes: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// The desk's users change. Whoever commits it has checked that the change may be made. Refused with [`Refused::UsersMoved`] unless its
    /// number is the next.
    User {
        /// The change, as it was signed.
        change: Box<SignedChange>,
        /// The user's new key, or the same under a new passphrase.
        wrapped: Option<Box<WrappedKey>>,
        /// A key that is no user's any more.
        gone: Option<UserKey>,
    },
    /// Something of the desk's own is kept, or is gone where there is none.
    Keep {
        /// Where.
        shelf: Shelf,
        /// Under which id.
        id: [u8; 16],
        /// What.
        row: Option<Vec<u8>>,
    },
    /// A referral is over, or is seen to be one whose two histories differ.
    MarkReferral {
        /// The referral.
        id: ReferralId,
        /// What is to be remembered.
        mark: ReferralMark,
    },
    /// Something of what is sealed to the desk changes. Whoever commits it has checked that it may.
    Sealing(Box<SealingChange>),
    /// Our logs go on in this incarnation; all earlier logs of ours are closed. Waiting items move along. Never goes down.
    Incarnation(u64),
    /// People are told, or were.
    Notice(super::notice::NoticeChange),
    /// Any small named value of the node's own (`None` removes it).
    Put(&'static str, Option<Vec<u8>>),
}

/// What is kept of the desk's own, beside what travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Shelf {
    /// Cases of ours.
    Case = 1,
    /// What we know of a referral and the other side does not.
    Referral = 2,
    /// What people at the desk did with referrals: the audit.
    Deed = 3,
    /// Clocks that run.
    Watch = 8,
    /// Rungs of ladders that were reached. An id begins with the first 8 bytes of the referral's.
    Rung = 9,
    /// Our own profile, whole.
    Profile = 10,
    /// Where each organisation's newest profile stands, by author and audience.
    HeardProfile = 11,
    /// What of our profile each audience was told last.
    ToldProfile = 12,
    /// Counters, by period: its text, padded with zeros.
    Count = 20,
    /// How many indicators were said, seen and withdrawn as false, by period as [`Self::Count`]. Written by the changes that bring them.
    Tally = 22,
    /// Hand-overs between shifts.
    HandOver = 21,
    /// The board: [`super::posted::Posted`], by author, log and position.
    Posted = 30,
    /// What we alone keep of calls for help, by author and call.
    Call = 31,
    /// What we alone keep of alerts, by author and alert.
    Alert = 32,
    /// What platforms were asked for. An id begins with the first 8 bytes of the referral's.
    Platform = 40,
    /// Who reported which campaign, by its name. An id begins with the first 8 bytes of the campaign's.
    Report = 41,
    /// What several organisations reported, once that was told.
    Campaign = 42,
    /// Contacts of ours that may be matched, under our key.
    DuplicateAllowed = 50,
    /// Checks of ours.
    DuplicateAsked = 51,
    /// Checks of others that found a case of ours.
    DuplicateFound = 52,
    /// How often each peer was answered in a day. An id begins with the day's number.
    DuplicateDay = 53,
    /// Zeros, written where a ticket has found nothing: as much as where it has.
    DuplicateNothing = 54,
    /// Values that may be asked about, each under the beginning of what our key makes of it.
    Seen = 55,
    /// Questions of others about such a value.
    SeenFound = 56,
    /// How often each peer was answered about values in a day. An id begins with the day's number.
    SeenDay = 57,
    /// Programs that may fetch or say something, each under the first half of its token's SHA-256.
    Consumer = 60,
    /// When each of them was last here, by its own id.
    ConsumerUse = 61,
    /// What a producer sent, by what tells it from all else: its own id and the key that came with it, hashed.
    Submission = 62,
    /// How much each producer has sent in a day, by its own id.
    ProducerDay = 63,
    /// Who said a record of ours. An id begins with the record's, and goes on with the producer's.
    Claim = 64,
    /// Events that programs have added, their attributes aside. An id begins with the program's.
    Event = 65,
    /// What they say, until they are published, under the same ids.
    EventBody = 66,
    /// Feeds, by the id that their author's begins with.
    Feed = 70,
    /// How far each of them is, and how it went.
    FeedState = 71,
    /// What each of them says. An id begins with the feed's, and goes on with the beginning of the record's.
    FeedItem = 72,
    /// What of it was passed on, under the same ids.
    FeedPassed = 73,
    /// What pages of a collection have said of objects on others. An id begins with the feed's.
    FeedBeside = 74,
    /// What was met of which entry, as others and we say it: [`SightingRow`]. An id begins with eight bytes that stand for the entry.
    Sighting = 80,
    /// How many words about an entry came beyond those that are kept, under the same beginning.
    SightingMore = 81,
    /// How much of each member was passed on in a day. An id begins with the day's number.
    SightingDay = 82,
}

/// What is remembered of a referral besides its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferralMark {
    /// Nothing is left to be done.
    Over,
    /// The other side has heard something else from us than we have said, or the other way around.
    Forked,
}

/// One released record. Only the gate's word lets a record into a log of ours:
///
/// ```
/// use watchfire::rules::release::{Encoded, Released};
/// use watchfire::store::change::ReleaseItem;
///
/// fn queue(released: Released<Encoded>) -> ReleaseItem {
///     ReleaseItem { record: None, inside: vec![], released, findings: Default::default(), said: None }
/// }
/// ```
///
/// ```compile_fail,E0308
/// use watchfire::rules::release::Encoded;
/// use watchfire::store::change::ReleaseItem;
///
/// fn queue(released: Encoded) -> ReleaseItem {
///     ReleaseItem { record: None, inside: vec![], released, findings: Default::default(), said: None }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ReleaseItem {
    /// Our id for it, where it is an indicator.
    pub record: Option<RecordId>,
    /// Observables inside a pattern, found by lookup too.
    pub inside: Vec<Observable>,
    /// The record, exactly as it leaves.
    pub released: Released<Encoded>,
    /// What people are told of it before it leaves.
    pub findings: Findings,
    /// Where it is a message about a referral: which.
    pub said: Option<Said>,
}

/// A message about a referral, as far as the store must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The referral.
    pub referral: ReferralId,
    /// Its number on its side.
    pub number: u64,
    /// How many of the other side's its writer had seen.
    pub seen: u64,
    /// Which, as `model::referral::heard` names them.
    pub heard: [u8; 32],
    /// What it does.
    pub step: Step,
}

/// What an entry of another author means, decided before it is stored.
#[derive(Debug, Clone)]
pub struct Received {
    /// The header.
    pub header: Header,
    /// The verdict.
    pub verdict: Verdict,
    /// What is wrong with it, where it is not accepted; kept in quarantine beside it.
    pub problem: Option<String>,
    /// Its meaning; `None` where the body is absent, invalid or of a kind that we do not know.
    pub meaning: Meaning,
}

/// What a body says, as far as the store must know.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// Nothing that the store acts on.
    None,
    /// An indicator.
    Indicator {
        /// Our id for it.
        record: RecordId,
        /// What it is about.
        observable: Observable,
        /// Observables inside a pattern, found by lookup too.
        inside: Vec<Observable>,
        /// See `Indicator::valid_until`.
        valid_until: Option<Timestamp>,
    },
    /// The author takes back entries; applied as [`Change::TakeBack`], but only to logs of the same author.
    TakeBack {
        /// The log that holds them.
        log: LogId,
        /// Their positions.
        seqs: Vec<u64>,
        /// Whether the bodies are destroyed.
        mode: WithdrawalMode,
        /// Why.
        reason: String,
    },
    /// What became of entries of ours (or of another's: kept as well).
    Receipt {
        /// The entries' log.
        log: LogId,
        /// Position and outcome.
        outcomes: Vec<(u64, ReceiptOutcome)>,
        /// When the holder did it.
        at: Timestamp,
    },
    /// Later batches of this log are signed with this key.
    KeyChange([u8; 32]),
    /// A message about a referral.
    Said(Said),
    /// What its author says of itself: supersedes what it said before in the same log.
    Profile,
    /// Something that stands on the board, such as a call for help.
    Posted,
    /// Somebody met entries that we hold.
    Sighting {
        /// What is said.
        sighting: Sighting,
        /// Whether its reporter is a member whose name its head keeps: of which group.
        member: Option<GroupId>,
    },
    /// The same, for us to pass on, and not kept here beside its entry.
    SightingToPassOn,
    /// A check of ours was about a case of its author's; what follows is the node's to do.
    Match,
}

impl Meaning {
    /// Whether something follows from it once it is durable.
    pub const fn is_followed(&self) -> bool {
        matches!(self, Self::TakeBack { .. } | Self::Match | Self::Sighting { .. } | Self::SightingToPassOn)
    }
}

/// What became of an entry at its receiver. The number stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Verdict {
    /// Taken.
    Accepted = 0,
    /// Held already, with the same content.
    Duplicate = 1,
    /// The author has said something newer of the same value.
    Superseded = 2,
    /// Local policy does not want it.
    Filtered = 3,
    /// Its label contradicts its audience.
    Refused = 4,
    /// It is not a record of its kind; kept in quarantine with the reason.
    Invalid = 5,
    /// Of a newer kind; kept, and read after an upgrade.
    Unsupported = 6,
}

impl Verdict {
    /// The verdict with that number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Accepted),
            1 => Some(Self::Duplicate),
            2 => Some(Self::Superseded),
            3 => Some(Self::Filtered),
            4 => Some(Self::Refused),
            5 => Some(Self::Invalid),
            6 => Some(Self::Unsupported),
            _ => None,
        }
    }
}

/// A peer as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PeerRow {
    /// The organisation.
    pub org: OrgId,
    /// The name that the local administrator gives it.
    pub name: String,
    /// The newest card, as the peer signed it.
    #[serde(with = "card_text")]
    pub card: Vec<u8>,
    /// Where it stands.
    pub state: PeerState,
    /// Whether a key exchange without a post-quantum half is allowed.
    pub allow_classical: bool,
    /// `socks5://host:port` through which its endpoints are dialled.
    pub proxy: Option<String>,
    /// When it was paired.
    pub since: Timestamp,
    /// While pairing: the twelve digits, and who has confirmed them.
    pub pairing: Option<PairingRow>,
    /// While suspended: whether a link may carry recalls and nothing else.
    #[serde(default)]
    pub recalls: bool,
}

/// A card in a row is base64, since a name is looked for among all rows. Before schema 6 it was a list of numbers.
mod card_text {
    use data_encoding::BASE64;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;
    use std::borrow::Cow;

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Card<'a> {
        Text(#[serde(borrow)] Cow<'a, str>),
        Numbers(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(card: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(card))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        match Card::deserialize(deserializer)? {
            Card::Text(text) => BASE64.decode(text.as_bytes()).map_err(D::Error::custom),
            Card::Numbers(bytes) => Ok(bytes),
        }
    }
}

/// Where a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// The digits are not confirmed on both sides.
    Pairing,
    /// Links are open.
    Open,
    /// The administrator has closed its links for now.
    Suspended,
    /// The administrator has ended it; kept so that what it sent stays explained.
    Removed,
}

/// A pairing under way.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PairingRow {
    /// The twelve digits.
    pub digits: String,
    /// Whether the people here have confirmed them.
    pub confirmed_here: bool,
}

/// A recall that runs ahead of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecallRow {
    /// Its author.
    pub author: OrgId,
    /// The log of the recalled entries.
    pub log: LogId,
    /// That log's audience: whom it concerns.
    pub audience: Audience,
    /// The recall, exactly as its author signed it.
    pub signed: Vec<u8>,
    /// When we made it or got it.
    pub at: Timestamp,
}

/// An export, so that it can be told which ones carried what was taken back since.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExportRow {
    /// When.
    pub at: Timestamp,
    /// The format's name.
    pub format: String,
    /// Nothing more restricted was in it.
    #[serde(flatten)]
    pub ceiling: Ceiling,
    /// Where only what changed since was asked for: the time of that cursor.
    pub since: Option<Timestamp>,
    /// The consumer that fetched it, by name; nobody where it was made at the desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A group as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: GroupId,
    /// The name that the local administrator gives it, else the owner's.
    pub name: String,
    /// The definition in force, as it was signed.
    pub definition: SignedDefinition,
    /// Its number.
    pub number: u64,
    /// In a hidden group of ours: the whole list of members, which nobody else gets.
    pub roster: Vec<OrgId>,
    /// With which definition each member joined, as far as we know.
    pub joined: BTreeMap<OrgId, u64>,
    /// Whether we have left or were removed.
    pub left: bool,
}

/// Where the operator of this node stands to a group that another defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Consent {
    /// More than is taken without a word: nothing of it is taken or given until the operator accepts it.
    Waiting = 0,
    /// Accepted.
    Accepted = 1,
    /// Left: nothing of it is taken or given, whatever its owner defines.
    Left = 2,
}

impl Consent {
    /// The consent with that number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Waiting),
            1 => Some(Self::Accepted),
            2 => Some(Self::Left),
            _ => None,
        }
    }
}

/// What a change did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to tell.
    Done,
    /// For each item of a release, what became of it.
    Released(Vec<ReleaseOutcome>),
    /// For each position taken back, what became of it here.
    TakenBack(Vec<(u64, ReceiptOutcome)>),
    /// The final verdict of each entry of a received batch (duplicates and superseded ones are found by the store), and what
    /// became of positions that its withdrawals took back.
    Received {
        /// One per entry, in order.
        verdicts: Vec<Verdict>,
        /// What became of positions taken back, per withdrawal.
        taken_back: Vec<TakenBack>,
    },
}

/// What became of positions that a received withdrawal took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// The withdrawal's entry.
    pub withdrawal: EntryHash,
    /// The log of the positions.
    pub log: LogId,
    /// How they were taken back.
    pub mode: WithdrawalMode,
    /// Position and outcome.
    pub outcomes: Vec<(u64, ReceiptOutcome)>,
    /// Whether some of it is of a kind that stands on the board.
    pub posted: bool,
}

/// What became of one item of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// It waits for its position, or has one.
    Queued {
        /// The label under which the audience had the value last, where that holds and was another.
        before: Option<Label>,
    },
    /// The audience has it with the same content and label.
    Duplicate,
    /// We recalled this value; it is not shared again.
    Recalled,
}

impl ReleaseOutcome {
    /// What is queued and replaces no other label.
    pub const NEWS: Self = Self::Queued { before: None };

    /// Whether it leaves.
    pub const fn is_queued(self) -> bool {
        matches!(self, Self::Queued { .. })
    }
}

/// Why a change was not made. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The log has grown since the change was prepared.
    #[error("the log has grown since")]
    HeadMoved,
    /// The log is closed, or its author was caught signing two histories.
    #[error("the log takes no more entries")]
    LogClosed,
    /// The waiting items are not those any more that the batch was made of.
    #[error("the waiting items have changed since")]
    WaitingMoved,
    /// Another change of the desk's users has this number.
    #[error("the desk's users have changed since")]
    UsersMoved,
    /// Another desk key has this number, or one that is named is not kept any more.
    #[error("the desk key has changed since")]
    KeyMoved,
    /// A record was released for another audience.
    #[error("a record was released for another audience")]
    OtherAudience,
    /// The hold, or a part of it, was undone or has left.
    #[error("it is not held any more")]
    NotHeld,
    /// What would leave is not what was held.
    #[error("what would leave is not what was held")]
    OtherBytes,
    /// A message about the referral has this number already, or the one before it is missing.
    #[error("the conversation has moved since")]
    ReferralMoved,
}
