//! What the node answers and what it is asked, as the interface and the command line show it. Keys are stable (DESIGN §11).

mod held;
mod sealing;

pub use held::*;
pub use sealing::*;

use crate::formats::export::Policy;
use crate::formats::{Format, Problem, take_marks};
use crate::model::desk::{Role, SignedChange, User, UserName, WrappedKey};
use crate::model::record::WithdrawalMode;
use crate::model::{
    Ceiling, Class, DeskHash, EntryHash, GroupId, Label, LogId, ObservableKind, OrgId, Pap, RecordId, ReleaseId, Timestamp, Tlp, UserKey,
};
use crate::node::backup::{LogHead, Manifest};
use crate::node::sighting::OpinionsView;
use crate::rules::release::Findings;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A node that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitView {
    /// Its organisation's id.
    pub org_id: OrgId,
    /// The data directory.
    pub data: String,
    /// The settings file.
    pub config: String,
    /// The file with the next root key, to be kept apart from this machine.
    pub next_root_key: Option<String>,
}

/// What the node holds and whom it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The organisation's id.
    pub org_id: OrgId,
    /// The name in the settings; known here alone.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// When the node started.
    pub since: Timestamp,
    /// The address that peers reach, `None` when nothing listens.
    pub listen: Option<String>,
    /// Whether the store takes changes: `ok`, or why not.
    pub store: String,
    /// How many records are held, by the name of their kind; destroyed and expired ones are not counted.
    pub records: BTreeMap<String, u64>,
    /// The logs, our own first.
    pub logs: Vec<LogView>,
    /// The peers, by name.
    pub peers: Vec<PeerStatus>,
    /// Our own certificates.
    pub certificates: CertificatesView,
    /// When the last backup was made; `None` when there was none.
    #[serde(default)]
    pub backup: Option<Timestamp>,
    /// What is held and has not left yet; `None` when nothing is.
    #[serde(default)]
    pub held: Option<HeldView>,
    /// How the desk key stands; `None` for a desk without one.
    #[serde(default)]
    pub desk_key: Option<DeskKeyStatus>,
    /// What is awaited after a restore, while nothing is served or exported; `None` on an ordinary node.
    #[serde(default)]
    pub restored: Option<RestoredView>,
    /// Notices that wait or were given up; `None` where nobody is told of anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<super::notify::NotifyStatus>,
    /// Months and weeks of which it cannot be read how many indicators were counted: their rows are damaged, and all else goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncounted: Vec<String>,
}

/// A node that was restored, and holds back what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredView {
    /// When it was restored.
    pub at: Timestamp,
    /// When the backup was made; `None` where a copy was declared to be one.
    pub taken: Option<Timestamp>,
    /// Of what nobody has told yet how it went on.
    pub awaited: Vec<AwaitedView>,
    /// Peers that have not told everything yet, by name here: those that are awaited, and those that would know no more than others.
    pub unheard: Vec<String>,
}

impl RestoredView {
    /// Those whose word is awaited, by name here.
    pub fn awaited_from(&self) -> BTreeSet<&str> {
        self.awaited.iter().flat_map(|one| &one.from).map(String::as_str).collect()
    }
}

/// A log, a group or a queue that a restored node waits to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedView {
    /// The author's name here; `us` for our own.
    pub author_name: String,
    /// The peer's or group's name here; `us` for us.
    pub audience_name: String,
    /// Peers of which one's word is enough, by name here.
    pub from: Vec<String>,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// When its snapshot was taken.
    pub taken: Timestamp,
    /// Whose it is.
    pub org_id: OrgId,
    /// How many records, by the name of their kind.
    pub records: BTreeMap<String, u64>,
    /// How many logs.
    pub logs: u64,
    /// How many entries they have.
    pub entries: u64,
    /// How many rows of the store.
    pub rows: u64,
    /// Files that were there and are not in it.
    pub left_out: Vec<String>,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogView {
    /// Its id.
    pub id: LogId,
    /// Who writes it.
    pub author: OrgId,
    /// The author's name here; `us` for our own.
    pub author_name: String,
    /// Who may hold it: `direct:ID` or `group:ID`.
    pub audience: String,
    /// The peer's or group's name here; `us` for us.
    pub audience_name: String,
    /// The log's life between restores.
    pub incarnation: u64,
    /// How many entries.
    pub size: u64,
    /// The hash of its last header.
    pub head: EntryHash,
    /// `open`, `closed` (an earlier incarnation) or `equivocated` (its author signed two histories).
    pub state: String,
}

/// Where a peer stands, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Its name here.
    pub name: String,
    /// The organisation.
    pub org_id: OrgId,
    /// `pairing`, `connected`, `unreachable`, `suspended` or `removed`.
    pub state: String,
    /// Entries of theirs that we lack.
    pub behind: u64,
    /// Entries of ours that they lack.
    pub ahead: u64,
    /// When a link to it was last up; now, while it is.
    pub last_seen: Option<Timestamp>,
    /// Why there is no link.
    pub problem: Option<DiagnosisView>,
    /// Days until the certificate that it showed last runs out.
    pub certificate_days: Option<i64>,
}

/// What is wrong with a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiagnosisView {
    /// Its stable name: `expired`, `connection-refused`, ….
    pub code: String,
    /// In words.
    pub text: String,
    /// What to try.
    pub hint: Option<String>,
}

/// Days until our certificates run out; below zero when they have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesView {
    /// The node certificate; it renews by itself.
    pub node_days: i64,
    /// The issuing CA; the root renews it.
    pub issuing_days: i64,
}

/// What a peer may be told when it is added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerOptions {
    /// Whether a key exchange without a post-quantum half is allowed.
    #[serde(default)]
    pub allow_classical: bool,
    /// `socks5://host:port` through which its endpoints are dialled.
    #[serde(default)]
    pub proxy: Option<String>,
}

/// A peer, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// Where it stands.
    #[serde(flatten)]
    pub status: PeerStatus,
    /// When it was paired.
    pub since: Timestamp,
    /// Where it is dialled.
    pub endpoints: Vec<String>,
    /// The number of its card.
    pub card_number: u64,
    /// Whether a key exchange without a post-quantum half is allowed.
    pub allow_classical: bool,
    /// Through which proxy it is dialled.
    pub proxy: Option<String>,
    /// While pairing: the twelve digits that both sides compare.
    pub digits: Option<String>,
    /// While pairing: whether the people here have confirmed them.
    pub confirmed_here: bool,
    /// The groups that it shares with us, by name.
    pub groups: Vec<String>,
    /// While it is suspended: whether links still carry recalls, and nothing else.
    #[serde(default)]
    pub recalls: bool,
}

/// A peer that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRemoveView {
    /// What it is now; its groups are those in which it stays.
    #[serde(flatten)]
    pub peer: PeerView,
    /// The groups of ours from which it was removed, by name.
    pub removed_from: Vec<String>,
}

/// An open invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteView {
    /// What the other organisation gives to `watchfire join`.
    pub text: String,
    /// The same as a picture of text blocks.
    pub qr: String,
    /// When it ends.
    pub expires: Timestamp,
}

/// A pairing that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinView {
    /// The peer's name here.
    pub name: String,
    /// The organisation.
    pub org_id: OrgId,
    /// The twelve digits that both sides compare by voice.
    pub digits: String,
}

/// A group to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCreate {
    /// Its name.
    pub name: String,
    /// Names or ids of the peers in it.
    pub members: Vec<String>,
    /// Whether TLP:GREEN moves within it.
    #[serde(default)]
    pub community: bool,
    /// Whether members learn of no other member.
    #[serde(default)]
    pub hidden: bool,
    /// Whether a new member gets what was sent before it joined.
    #[serde(default)]
    pub history: bool,
    /// Who takes over when the owner is lost: a peer's name or id.
    #[serde(default)]
    pub deputy: Option<String>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// The group.
    pub group_id: GroupId,
    /// Its name here.
    pub name: String,
    /// The owner.
    pub owner: OrgId,
    /// The owner's name here; `us` for us.
    pub owner_name: String,
    /// The number of the definition in force.
    pub number: u64,
    /// Whether members learn of no other member.
    pub hidden: bool,
    /// Whether TLP:GREEN moves within it.
    pub community: bool,
    /// Whether a new member gets what was sent before it joined.
    pub history: bool,
    /// Who takes over when the owner is lost.
    pub deputy: Option<OrgId>,
    /// When the owner last confirmed it.
    pub confirmed: Timestamp,
    /// `open`, `stale` (not confirmed for 14 days), `waiting` (for the operator's word) or `left`.
    pub state: String,
    /// The members as far as we may know them.
    pub members: Vec<MemberView>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// The organisation.
    pub org_id: OrgId,
    /// Its name here: a peer's, `us`, or nothing for one that is no peer of ours.
    pub name: Option<String>,
}

/// Values to be shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRequest {
    /// The values, defanged or not.
    pub values: Vec<String>,
    /// Their kind; guessed from each value where it is not given.
    #[serde(default)]
    pub kind: Option<ObservableKind>,
    /// The label's TLP.
    pub tlp: Tlp,
    /// Its class, where it is more than what the TLP means.
    #[serde(default)]
    pub class: Option<Class>,
    /// What may be done with it.
    #[serde(default)]
    pub pap: Pap,
    /// A peer's or group's name or id.
    pub to: String,
    /// A sentence for the reader.
    #[serde(default)]
    pub note: Option<String>,
    /// After this they leave live exports.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
    /// Malware, campaign or threat-actor names.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Skips the hold.
    #[serde(default)]
    pub now: bool,
    /// Judges everything, and shares nothing.
    #[serde(default)]
    pub dry_run: bool,
}

impl ShareRequest {
    /// Values under a label, at once and with nothing besides.
    pub fn now(values: Vec<String>, tlp: Tlp, to: &str) -> Self {
        let (kind, class, pap, note, valid_until) = (None, None, Pap::Clear, None, None);
        Self { values, kind, tlp, class, pap, to: to.into(), note, valid_until, labels: Vec::new(), now: true, dry_run: false }
    }

    /// The label that was asked for, marks among `labels` included.
    pub fn label(&self) -> Label {
        let (class, pap) = take_marks(&mut self.labels.clone());
        Label::said(self.tlp, self.class, self.pap).join(Label::new(self.tlp, class, pap))
    }
}

/// What became of values that were shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareReport {
    /// Those that go out.
    pub released: Vec<ReleasedView>,
    /// Those that the audience has already.
    #[serde(default)]
    pub duplicate: Vec<ReleasedView>,
    /// Those that the gate keeps back, with the reason.
    pub withheld: Vec<WithheldView>,
    /// Those that cannot be read as values.
    #[serde(default)]
    pub invalid: Vec<WithheldView>,
    /// What those that go out are held in: the releases that they leave with.
    #[serde(default)]
    pub held: Vec<HoldView>,
    /// Whether nothing was shared because nothing was to be.
    #[serde(default)]
    pub dry_run: bool,
    /// Where nothing was to be shared: what would leave.
    #[serde(default)]
    pub preview: Vec<PreviewView>,
}

/// A value that goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedView {
    /// The record's id.
    pub record: RecordId,
    /// Its kind.
    pub kind: ObservableKind,
    /// Its canonical form.
    pub value: String,
    /// The label under which the audience had it before, where that was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Label>,
    /// Whether it is held and leaves later, or when a person says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// What the gate found: what gave way to placeholders, and what is worth a look.
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
}

/// A value that does not go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithheldView {
    /// As it was given.
    pub value: String,
    /// Why not.
    pub reason: String,
    /// What to try.
    #[serde(default)]
    pub hint: Option<String>,
}

/// A file to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequest {
    /// The label's TLP; a stricter one in the file wins.
    pub tlp: Tlp,
    /// Its class, where it is more than what the TLP means.
    pub class: Option<Class>,
    /// What may be done with it; a stricter one in the file wins.
    pub pap: Pap,
    /// A peer's or group's name or id.
    pub to: String,
    /// The format; found out where it is not given.
    pub format: Option<Format>,
    /// Reads and judges everything, and shares nothing.
    pub dry_run: bool,
    /// The file's name, for the format's sake and as the source; never its path.
    pub file_name: Option<String>,
    /// Skips the hold.
    pub now: bool,
    /// Under which name its records count, for bursts; imports without one count together.
    pub source: Option<String>,
}

impl ImportRequest {
    /// A file of a format under a label, at once and with nothing besides.
    pub fn now(format: Format, tlp: Tlp, to: &str) -> Self {
        let (class, pap, file_name, source) = (None, Pap::Clear, None, None);
        Self { tlp, class, pap, to: to.into(), format: Some(format), dry_run: false, file_name, now: true, source }
    }

    /// The label that was asked for.
    pub fn label(&self) -> Label {
        Label::said(self.tlp, self.class, self.pap)
    }
}

/// How far an import is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProgress {
    /// Bytes read.
    pub bytes: u64,
    /// Records read.
    pub read: u64,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Records read: the sum of the next five.
    pub read: u64,
    /// Those that go out.
    pub released: u64,
    /// Those that the audience has already, or that stand in the file before.
    pub duplicate: u64,
    /// Those that the gate keeps back.
    pub withheld: u64,
    /// Those that are no record.
    pub invalid: u64,
    /// Those that are no indicators, or of a kind that is not understood: of MISP a comment or a file, of STIX what was seen.
    #[serde(default)]
    pub left_out: u64,
    /// How many of those that go out were valid until a day that has passed: `lookup` finds them, and no export has them.
    #[serde(default)]
    pub ended: u64,
    /// What was not taken and why, and what was not understood of what was taken; the first 1,000.
    pub problems: Vec<Problem>,
    /// How many problems there are beyond those.
    #[serde(default)]
    pub problems_more: u64,
    /// How many records of each kind were taken, by the kind's name.
    #[serde(default)]
    pub kinds: BTreeMap<String, u64>,
    /// How many of those that go out the audience had under another label before, by that label's name.
    #[serde(default)]
    pub relabelled: BTreeMap<String, u64>,
    /// How many parts of texts and values gave way to placeholders or were taken off, by kind.
    #[serde(default)]
    pub replaced: BTreeMap<String, u64>,
    /// Whether nothing was shared because nothing was to be.
    #[serde(default)]
    pub dry_run: bool,
    /// What those that go out are held in: the releases that they leave with.
    #[serde(default)]
    pub held: Vec<HoldView>,
    /// Where nothing was to be shared: what would leave, with the first 100 records.
    #[serde(default)]
    pub preview: Vec<PreviewView>,
}

/// How many problems a report names at most.
pub const PROBLEMS_MAX: usize = 1_000;

impl ImportReport {
    /// Takes another file's report into this one; `file` goes before the place of its problems.
    pub fn absorb(&mut self, other: Self, file: Option<&str>) {
        self.read += other.read;
        self.released += other.released;
        self.duplicate += other.duplicate;
        self.withheld += other.withheld;
        self.invalid += other.invalid;
        self.left_out += other.left_out;
        self.ended += other.ended;
        self.problems_more += other.problems_more;
        self.dry_run |= other.dry_run;
        self.held.extend(other.held);
        self.preview.extend(other.preview);
        for (kind, count) in other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (label, count) in other.relabelled {
            *self.relabelled.entry(label).or_default() += count;
        }
        for (kind, count) in other.replaced {
            *self.replaced.entry(kind).or_default() += count;
        }
        for mut problem in other.problems {
            if let Some(file) = file {
                problem.place = format!("{file}: {}", problem.place);
            }
            self.problem(problem);
        }
    }

    /// How many records a person has to say yes to before they go out.
    pub fn waiting(&self) -> u64 {
        let waits = |state: HoldState| !matches!(state, HoldState::Held | HoldState::Kept);
        self.held.iter().filter(|hold| waits(hold.state)).map(|hold| hold.count).sum()
    }

    /// Notes a problem, or counts it when there are enough.
    pub fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.problems_more += 1;
        }
    }
}

/// What is to be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRequest {
    /// How it is written.
    pub format: ExportFormat,
    /// Nothing more restricted than this.
    pub ceiling: Ceiling,
    /// Only what was said in these groups; empty for all.
    pub groups: Vec<GroupId>,
    /// Only what came or changed after this cursor, which an earlier export gave.
    pub since: Option<String>,
    /// Only these kinds; all where it is empty.
    pub kinds: Vec<ObservableKind>,
    /// What the format leaves to whoever asks.
    pub options: ExportOptions,
}

/// What a format leaves to whoever asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExportOptions {
    /// What a resolver answers for names in a response policy zone.
    pub policy: Policy,
    /// Whether a CSV file begins with a byte-order mark, which Excel needs to read UTF-8.
    pub bom: bool,
    /// Nothing of which one may be less sure at the beginning of the day (docs/life.md).
    pub least_confidence: Option<u8>,
    /// Whether STIX tells how often indicators were met.
    pub sightings: bool,
}

/// The formats that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A STIX 2.1 bundle.
    Stix,
    /// STIX as MVT reads it, in files of at most 1,000 indicators.
    Mvt,
    /// A MISP feed.
    Misp,
    /// Rules for Suricata 7 and the lists that they load.
    Suricata,
    /// A response policy zone.
    Rpz,
    /// A hosts file.
    Hosts,
    /// Lines for dnsmasq.
    Dnsmasq,
    /// A list for uBlock Origin, AdGuard and Pi-hole.
    Adblock,
    /// Sigma rules.
    Sigma,
    /// One plain list for each kind.
    Lists,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One value per line.
    Text,
    /// Alerts, not indicators, as a feed.
    Atom,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 13] = [
        Self::Stix,
        Self::Mvt,
        Self::Misp,
        Self::Suricata,
        Self::Rpz,
        Self::Hosts,
        Self::Dnsmasq,
        Self::Adblock,
        Self::Sigma,
        Self::Lists,
        Self::Csv,
        Self::Text,
        Self::Atom,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stix => "stix",
            Self::Mvt => "mvt",
            Self::Misp => "misp",
            Self::Suricata => "suricata",
            Self::Rpz => "rpz",
            Self::Hosts => "hosts",
            Self::Dnsmasq => "dnsmasq",
            Self::Adblock => "adblock",
            Self::Sigma => "sigma",
            Self::Lists => "lists",
            Self::Csv => "csv",
            Self::Text => "text",
            Self::Atom => "atom",
        }
    }

    /// Whether it is several files: a folder, or a tar archive on the way there.
    pub const fn is_folder(self) -> bool {
        matches!(self, Self::Mvt | Self::Misp | Self::Suricata | Self::Sigma | Self::Lists)
    }

    /// Whether something is blocked, or somebody woken, by what is in it: then what is not the attacker's alone stays out.
    pub const fn acts(self) -> bool {
        matches!(self, Self::Suricata | Self::Rpz | Self::Hosts | Self::Dnsmasq | Self::Adblock | Self::Sigma | Self::Lists)
    }

    /// Whether what acts on a name in it acts on all below the name.
    pub const fn covers_below(self) -> bool {
        self.acts() && !matches!(self, Self::Hosts | Self::Lists)
    }

    /// Whether an attacker may notice that it is in use: PAP:GREEN and milder alone, where nothing else is asked for.
    pub const fn is_noticed(self) -> bool {
        matches!(self, Self::Rpz | Self::Hosts | Self::Dnsmasq | Self::Adblock)
    }

    /// Whether its versions have numbers, by which others tell what is newer.
    pub const fn is_numbered(self) -> bool {
        matches!(self, Self::Rpz)
    }

    /// Whether it can say that a record was withdrawn.
    pub const fn tells_withdrawn(self) -> bool {
        matches!(self, Self::Stix | Self::Misp)
    }
}

/// What an export could not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsaidView {
    /// How many values.
    pub count: u64,
    /// Of which kind.
    pub kind: String,
    /// Why.
    pub why: String,
}

/// A record that earlier exports may have carried and that does not hold any more, or not for such an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedView {
    /// The record's id.
    pub record: RecordId,
    /// The id of its indicator in STIX exports.
    pub stix_id: String,
    /// `recalled`, `withdrawn`, `expired` (it was, or is about to be, destroyed on its retention date) or `relabelled` (above the asked label).
    pub what: String,
    /// Its value, where it was withdrawn and nobody else whose word such an export has still says it: who reads a list can take it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What is known of one queried value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupView {
    /// As it was asked.
    pub query: String,
    /// What is held, exact matches first.
    pub matches: Vec<MatchView>,
    /// Why it could not be looked up: it is no value of any kind, or not of the kind that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why its kind cannot be told; it was looked up under each kind that it can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear: Option<String>,
    /// How many matches there are beyond those shown.
    #[serde(default)]
    pub more: u64,
    /// Whether `more` is only what was counted: looking on was not worth it.
    #[serde(default)]
    pub more_at_least: bool,
    /// Whether the node was restored and has not heard yet what was recalled since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

/// A record that a lookup found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchView {
    /// The record's id.
    pub record: RecordId,
    /// Its kind.
    pub kind: ObservableKind,
    /// Its canonical form.
    pub value: String,
    /// Who says it.
    pub author: OrgId,
    /// The author's name here; `us` for us.
    pub author_name: String,
    /// The label: `tlp`, `class` and `pap`.
    #[serde(flatten)]
    pub label: Label,
    /// How it was found: `exact`, `parent`, `subdomain`, `network` (the address lies in it), `in_network` (it lies in the network),
    /// `on_host` (a URL on the domain or address, an e-mail address at the domain), `on_subdomain` (on a subdomain), `on_network` (a URL on
    /// an address in the network) or `pattern` (a pattern with the value in it).
    pub r#match: String,
    /// `live`, `expired` (past its `valid_until`) or `revoked`.
    pub state: String,
    /// How many organisations say the same value.
    pub provenances: u32,
    /// Who else has it, by name here.
    pub audience_name: String,
    /// The log that it came in.
    pub log: LogId,
    /// Its position there; `None` while it waits for one.
    pub seq: Option<u64>,
    /// When it came here, or was released here.
    pub received: Timestamp,
    /// After this it leaves live exports.
    pub valid_until: Option<Timestamp>,
    /// Why its author took it back, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// As its author said it, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u8>,
    /// What is left of that at the beginning of the day (docs/life.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_now: Option<u8>,
    /// What others say of it, where anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opinions: Option<OpinionsView>,
    /// How many organisations say the value or saw it.
    #[serde(default)]
    pub organisations: u32,
    /// Whether somebody says that the value is of nothing bad while somebody else says it or saw it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disputed: bool,
}

/// A record, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordView {
    /// The record's id.
    pub record: RecordId,
    /// Its kind.
    pub kind: ObservableKind,
    /// Its canonical form.
    pub value: String,
    /// Who says it.
    pub author: OrgId,
    /// The author's name here; `us` for us.
    pub author_name: String,
    /// The label: `tlp`, `class` and `pap`.
    #[serde(flatten)]
    pub label: Label,
    /// `live`, `expired` or `revoked`.
    pub state: String,
    /// Why its author took it back, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// From when it is of use.
    pub valid_from: Option<Timestamp>,
    /// After this it leaves live exports.
    pub valid_until: Option<Timestamp>,
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// Malware, campaign or threat-actor names.
    pub labels: Vec<String>,
    /// A sentence for the reader.
    pub note: Option<String>,
    /// Where the author has it from.
    pub source: Option<String>,
    /// The positions that hold it.
    pub entries: Vec<EntryView>,
    /// Who else says the same value: their records' ids.
    pub also: Vec<AlsoView>,
    /// What is left of the confidence at the beginning of the day; of one that was not said, of 50 (docs/life.md).
    #[serde(default)]
    pub confidence_now: u8,
    /// What others say of it, where anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opinions: Option<OpinionsView>,
    /// How many organisations say the value or saw it.
    #[serde(default)]
    pub organisations: u32,
    /// Whether somebody says that the value is of nothing bad while somebody else says it or saw it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disputed: bool,
    /// Whether the node was restored and has not heard yet what was recalled since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

/// A position that holds a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The log.
    pub log: LogId,
    /// Who may hold it, by name here.
    pub audience_name: String,
    /// The position; `None` while it waits for one.
    pub seq: Option<u64>,
    /// The entry's hash, by which an offer names it; `None` while it waits for a position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<EntryHash>,
    /// Who else holds it, or will: the log's author and whoever it goes to, by their names here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<String>,
    /// When it came here, or was released here.
    pub received: Timestamp,
    /// When every holder destroys it; `None` for never.
    pub retention: Option<Timestamp>,
}

/// Another organisation's record of the same value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlsoView {
    /// The record's id.
    pub record: RecordId,
    /// Who says it.
    pub author: OrgId,
    /// The author's name here; `us` for us.
    pub author_name: String,
    /// The label: `tlp`, `class` and `pap`.
    #[serde(flatten)]
    pub label: Label,
}

/// Why a record may or may not go to somebody: the rules' own trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainView {
    /// The record.
    pub record: RecordId,
    /// To whom, by name here.
    pub to: String,
    /// The decision.
    pub allowed: bool,
    /// The version of the rules.
    pub rules: u32,
    /// What was looked at, in order; the first `no` decides.
    pub steps: Vec<StepView>,
}

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// What was looked at.
    pub rule: String,
    /// Whether it stands in the way.
    pub ok: bool,
    /// What was found.
    pub why: String,
}

/// The policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// Which one it is; 0 for what holds without one.
    pub number: u64,
    /// Since when it is in force.
    pub since: Option<Timestamp>,
    /// What a peer may hold without an agreement.
    pub without_agreement: Ceiling,
    /// Agreements.
    pub peers: Vec<AgreementView>,
    /// Groups' ceilings.
    pub groups: Vec<GroupCeilingView>,
}

/// How far a group may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCeilingView {
    /// The group.
    pub group: GroupId,
    /// Its name here.
    pub name: String,
    /// How far.
    #[serde(flatten)]
    pub ceiling: Ceiling,
}

/// An agreement with a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementView {
    /// The peer.
    pub org: OrgId,
    /// Its name here.
    pub name: String,
    /// What it may hold.
    #[serde(flatten)]
    pub ceiling: Ceiling,
    /// What was signed.
    pub nda: Option<String>,
    /// From then on it may hold only what is public.
    pub until: Option<Timestamp>,
    /// Whether that has come.
    pub ended: bool,
}

/// What a policy would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCheckView {
    /// How many records were looked at.
    pub records: u64,
    /// Which would reach somebody no more, or somebody besides.
    pub changes: Vec<AudienceChangeView>,
    /// Whether anybody may have more than before, be there such a record already or not.
    pub widens: bool,
}

/// Records that would change audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceChangeView {
    /// Who, by name here.
    pub reader: String,
    /// Who says them, by name here.
    pub author: String,
    /// To whom they were said, by name here.
    pub audience: String,
    /// The release in which they are held, where nobody has them yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Their label.
    #[serde(flatten)]
    pub label: Label,
    /// Whether the reader may have them then.
    pub allowed: bool,
    /// Why.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Some of them.
    pub records: Vec<RecordId>,
}

/// Which disclosures are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisclosureRange {
    /// From this number on.
    #[serde(default)]
    pub from: u64,
    /// At most so many; 1,000 where it is 0 or more than that.
    #[serde(default)]
    pub limit: u64,
    /// Only with this record of ours: its id or its value.
    #[serde(default)]
    pub record: Option<String>,
    /// Only to this peer, in a group too, or to this group: a name or id.
    #[serde(default)]
    pub to: Option<String>,
    /// Only from this time on.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Only up to this time.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// What left, to whom, under which label and which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisclosureView {
    /// Its number, from 1.
    pub number: u64,
    /// When the gate decided.
    pub at: Timestamp,
    /// Who gets it: `direct:ID` or `group:ID`.
    pub audience: String,
    /// The peer's or group's name here.
    pub audience_name: String,
    /// The label: `tlp`, `class` and `pap`.
    #[serde(flatten)]
    pub label: Label,
    /// The kind of record.
    pub kind: String,
    /// How many records.
    pub count: u64,
    /// SHA-256 over what leaves, in hex.
    pub digest: String,
    /// The version of the rules that let it out.
    pub rules: u32,
    /// Whether there was no hold.
    #[serde(default)]
    pub now: bool,
    /// The release that it is part of.
    #[serde(default)]
    pub release: Option<ReleaseId>,
    /// The digest of the whole release as it was previewed, in hex.
    #[serde(default)]
    pub release_digest: Option<String>,
    /// Who was in the audience at that moment, as far as was known.
    #[serde(default)]
    pub recipients: Vec<MemberView>,
    /// When every holder destroys the last of it; `None` for never, and in lines from before it was written down.
    #[serde(default)]
    pub retention: Option<Timestamp>,
    /// The desk user that asked for it.
    #[serde(default)]
    pub by: Option<String>,
    /// The second person that approved.
    #[serde(default)]
    pub approved_by: Option<String>,
    /// Places that gave way to placeholders, by kind.
    #[serde(default)]
    pub replaced: BTreeMap<String, u64>,
    /// SHA-256 over the hash of the line before and this line, in hex.
    #[serde(default)]
    pub hash: String,
}

/// What taking a record back did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeBackView {
    /// The record.
    pub record: RecordId,
    /// Whether the bodies are destroyed.
    pub mode: WithdrawalMode,
    /// How many positions it held.
    pub entries: u64,
    /// How many copies had not left yet and never will.
    pub unsent: u64,
    /// Who is told, by name here.
    pub told: Vec<String>,
    /// How many organisations it concerns.
    #[serde(default)]
    pub holders: u64,
    /// How many of them have said what became of it.
    #[serde(default)]
    pub answered: u64,
    /// When it had been recalled already: then nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already: Option<Timestamp>,
}

/// What became of a record at a holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    /// The holder's name here, or its id.
    pub peer: String,
    /// The organisation.
    pub org_id: OrgId,
    /// `destroyed`, `absent`, `revoked`, `waiting` (it has not said yet), `suspended` (it is not told while it is, but with `--recalls`) or
    /// `cannot be told` (nothing of ours reaches it any more); for a record that was not taken back `held` or `waiting`.
    pub outcome: String,
    /// When the holder did it, or last said what it holds.
    pub at: Option<Timestamp>,
}

/// An export that may have carried a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedView {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Its format.
    pub format: String,
    /// Nothing more restricted was in it.
    pub ceiling: Ceiling,
    /// Whether everything was in it, and not only what had changed.
    pub whole: bool,
    /// The consumer that fetched it; nobody where it was made at the desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When the same format was first written whole, for the same, after the record was taken back: whoever reads that one has it no more.
    pub gone: Option<Timestamp>,
}

/// What a declared restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreView {
    /// The incarnation that our logs go on in.
    pub incarnation: u64,
    /// How many logs of ours were closed.
    pub closed: u64,
}

/// A backup that was read, and restored or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFileView {
    /// Whether nothing was written because nothing was to be.
    pub dry_run: bool,
    /// Whose it is.
    pub org_id: OrgId,
    /// When its snapshot was taken.
    pub taken: Timestamp,
    /// How long ago that is.
    pub age_seconds: u64,
    /// The version of watchfire that made it.
    pub program: String,
    /// How many records, by the name of their kind.
    pub records: BTreeMap<String, u64>,
    /// Every log and its head.
    pub logs: Vec<LogHead>,
    /// How many entries they have.
    pub entries: u64,
    /// The files in it.
    pub files: Vec<String>,
    /// Files that were there and are not in it.
    pub left_out: Vec<String>,
    /// The incarnation that our logs go on in; `None` when nothing was written.
    pub incarnation: Option<u64>,
    /// The data directory.
    pub data: String,
    /// Whether that was empty before.
    pub free: bool,
}

impl RestoreFileView {
    /// Of what a backup says of itself.
    pub fn of(manifest: Manifest, incarnation: Option<u64>, now: &Timestamp, data: &std::path::Path, free: bool) -> Self {
        let Manifest { program, org, taken, records, logs, files, left_out, .. } = manifest;
        Self {
            dry_run: incarnation.is_none(),
            org_id: org,
            taken,
            age_seconds: now.since(taken) / 1_000,
            program,
            records,
            entries: logs.iter().map(|log| log.size).sum(),
            logs,
            files,
            left_out,
            incarnation,
            data: data.display().to_string(),
            free,
        }
    }
}

/// What rotating the root did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateView {
    /// The number of the new card.
    pub card_number: u64,
    /// The file with the new next root key, to be kept apart from this machine.
    pub next_root_key: String,
}

/// What changing the log-signing key did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogKeyView {
    /// The number of the new card.
    pub card_number: u64,
    /// The number of the new key.
    pub log_key_number: u32,
    /// Logs that still need the old one: their last position under it is given when a reader is reached.
    pub logs_waiting: u64,
}

/// What destroying expired records did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireView {
    /// How many records.
    pub destroyed: u64,
}

/// One thing that `watchfire doctor` looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// What was looked at.
    pub name: String,
    /// What was found.
    pub verdict: CheckVerdict,
    /// In words.
    pub text: String,
    /// What to try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckVerdict {
    /// All is well.
    Ok,
    /// It could not be looked at, for a reason that is none of the node's fault.
    Skipped,
    /// It works, and will not for ever.
    Warning,
    /// It does not work.
    Bad,
}

/// Somebody at the desk. Names are known here alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// What the others here call them.
    pub name: UserName,
    /// What they are there for.
    pub role: Role,
    /// Their public key.
    pub key: UserKey,
    /// When they came to the desk.
    pub since: Timestamp,
}

/// Who is at the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersView {
    /// The organisation.
    pub org_id: OrgId,
    /// How many changes there were.
    pub number: u64,
    /// The hash of the last one, to be written down elsewhere; all zero before the first.
    pub head: DeskHash,
    /// The users, by name.
    pub users: Vec<UserView>,
}

/// A user and the secret key under its passphrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserKeyView {
    /// The organisation.
    pub org_id: OrgId,
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// The key.
    pub wrapped: WrappedKey,
}

/// A change of the desk's users, signed in the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChanged {
    /// The change.
    pub change: SignedChange,
    /// The wrapped key that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<WrappedKey>,
}
