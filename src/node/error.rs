//! Why the node could not do what it was asked to, sorted by who must act.

use crate::config::ConfigError;
use crate::link::keys::KeysError;
use crate::model::{OrgId, Timestamp, Tlp};
use crate::rules::desk::Denied;
use crate::rules::label::Withheld;
use crate::rules::referral::Illegal;
use crate::store::{CommitError, OpenError, ReadError};
use std::path::PathBuf;

/// Exit codes of the command line (STYLE.md). The interface carries them along with each error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "u8", from = "u8")]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line, the settings or a value given cannot be read.
    Usage = 2,
    /// Policy refuses it.
    Refused = 3,
    /// An identity or a permission is missing or wrong.
    Permission = 4,
    /// A peer is not reached.
    Unreachable = 5,
    /// Nothing has that name.
    NotFound = 6,
    /// The store is locked or damaged.
    Store = 7,
}

impl From<Exit> for u8 {
    fn from(exit: Exit) -> Self {
        exit as Self
    }
}

/// A number that is none of the codes reads as [`Exit::Failed`].
impl From<u8> for Exit {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Refused,
            4 => Self::Permission,
            5 => Self::Unreachable,
            6 => Self::NotFound,
            7 => Self::Store,
            _ => Self::Failed,
        }
    }
}

/// Who must act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The people who run this node.
    Operator,
    /// The other organisation.
    Peer,
    /// The makers of this program.
    Us,
}

/// Why the node could not do it. The text's second line, where there is one, is `hint: …`: see [`NodeError::hint`].
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// There is no node in the data directory.
    #[error("there is no node in `{}`\nhint: `watchfire init` makes one; `--data` or $WATCHFIRE_DATA says where", .0.display())]
    NotInitialised(PathBuf),
    /// There is one already.
    #[error("`{}` holds a node already\nhint: choose another directory with `--data`; an identity is never overwritten", .0.display())]
    AlreadyInitialised(PathBuf),
    /// No process serves the data directory.
    #[error("the node in `{}` is not running\nhint: start it with `watchfire serve`", .0.display())]
    NotRunning(PathBuf),
    /// A secret file can be read by others, or not by us.
    #[error("`{}` {what}\nhint: {hint}", .path.display())]
    Permission {
        /// The file.
        path: PathBuf,
        /// What is wrong: `is readable by others`.
        what: String,
        /// The way out.
        hint: String,
    },
    /// A key that is kept elsewhere is needed here.
    #[error("{0}")]
    KeyAbsent(String),
    /// A file's content is not what it must be.
    #[error("`{}` is damaged: {what}\nhint: `watchfire restore` takes it back from a backup, into another directory", .path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The operating system refused something.
    #[error("failed to {doing}: {source}")]
    Io {
        /// What was tried: "write `…`".
        doing: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Another process has the store open.
    #[error(
        "the store in `{}` is open in another process\nhint: stop `watchfire serve` first, or use a command that talks to it", .0.display()
    )]
    StoreLocked(PathBuf),
    /// The store cannot be read.
    #[error("the store is damaged: {0}\nhint: `watchfire restore` takes it back from a backup, into another directory")]
    StoreDamaged(String),
    /// The store was written by a newer version.
    #[error("the store has version {found}, and this program reads up to {known}\nhint: run the newer version of watchfire that wrote it")]
    StoreNewer {
        /// The store's version.
        found: u64,
        /// The newest that we read.
        known: u64,
    },
    /// The store is another organisation's.
    #[error(
        "the store belongs to organisation `{found}`, the keys to `{ours}`\nhint: two data directories were mixed; put back what belongs together"
    )]
    StoreForeign {
        /// Whose it is.
        found: OrgId,
        /// Whose the keys are.
        ours: OrgId,
    },
    /// The store is being opened again after a failed write.
    #[error("the store cannot be read just now: {0}\nhint: try again in a moment; if it stays so, see the log of `watchfire serve`")]
    StoreUnavailable(String),
    /// A write failed, so the store only answers questions until the disk is better.
    #[error("the store takes no changes: {0}\nhint: make room on the disk; the node tries again by itself and nothing is lost")]
    StoreReadOnly(String),
    /// A policy lets somebody have more than the one in force, and nobody said yes to that.
    #[error(
        "somebody may have more than before, and the policy is not in force\nhint: look at it with `watchfire policy check`; `--widen` says yes to it"
    )]
    PolicyWidens,
    /// Something given cannot be read: a value, a card, an invitation, a time.
    #[error("{0}")]
    BadInput(String),
    /// An export's cursor is none of this store's.
    #[error(
        "the cursor is none of this node's for such an export: it was given for other labels or kinds, or the node was restored since\nhint: export \
         all once, without `--since`, in place of what earlier exports left; that gives a new cursor"
    )]
    UnknownCursor,
    /// A line of `denied-keys.txt` is no key.
    #[error(
        "line {line} of `{}` is not the SHA-256 of a public key in hex\nhint: 64 hex digits to a line, `#` begins a comment; mend the \
         line, then send SIGHUP to the node or start it", .path.display()
    )]
    BadDeniedKey {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: usize,
    },
    /// The file of ladders is none.
    #[error("`{}` is no timetable: {}{what}", .path.display(), .line.map_or_else(String::new, |line| format!("line {line}: ")))]
    BadTimers {
        /// The file.
        path: PathBuf,
        /// Which line, from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong, and what helps.
        what: String,
    },
    /// A file of the operator's with codes is none.
    #[error("`{}` is not a value list: {}{what}", .path.display(), .line.map_or_else(String::new, |line| format!("line {line}: ")))]
    BadVocabulary {
        /// The file.
        path: PathBuf,
        /// Which line, from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong, and what helps.
        what: String,
    },
    /// A file that the release gate needs is missing or wrong.
    #[error(
        "`{}`{} cannot be used by the release gate: {what}\nhint: mend it, or change `{setting}`, then send SIGHUP to the node or start it",
        .path.display(), .line.map_or_else(String::new, |line| format!(" line {line}"))
    )]
    GateFile {
        /// The file.
        path: PathBuf,
        /// Which line, from 1, where one is to blame.
        line: Option<usize>,
        /// What is wrong.
        what: String,
        /// The setting that names the file.
        setting: &'static str,
    },
    /// It does not fit how things stand here.
    #[error("{0}")]
    Conflict(String),
    /// No channel has that name, or there is none at all.
    #[error("{}", no_channel(.0.as_deref()))]
    NoChannel(Option<String>),
    /// No peer has that name or id.
    #[error("no peer is called `{0}`\nhint: `watchfire peer list` shows them")]
    UnknownPeer(String),
    /// No group has that name or id.
    #[error("no group is called `{0}`\nhint: `watchfire group list` shows them")]
    UnknownGroup(String),
    /// No consumer has that name.
    #[error("no consumer is called `{0}`\nhint: `watchfire consumer list` shows them")]
    UnknownConsumer(String),
    /// No feed has that name.
    #[error("no feed is called `{0}`\nhint: `watchfire feed list` shows them")]
    UnknownFeed(String),
    /// No member of a group has that name or id.
    #[error(
        "no member of `{group}` is called `{name}`\nhint: `watchfire group show {group}` shows them; one that is no peer has its id alone"
    )]
    UnknownMember {
        /// What was asked for.
        name: String,
        /// The group, as it was asked for.
        group: String,
    },
    /// Neither a peer nor a group has that name or id.
    #[error("no peer or group is called `{0}`\nhint: `watchfire peer list` and `watchfire group list` show them")]
    UnknownAudience(String),
    /// No record has that id or value.
    #[error(
        "there is no record `{0}`\nhint: `watchfire lookup VALUE` shows the ids of records; they are each node's own, so ask others for the \
         entry as LOG:POSITION, which is the same everywhere; referrals, calls, alerts and hand-overs are in `watchfire inbox`, `call list`, \
         `alert list` and `handover list`"
    )]
    UnknownRecord(String),
    /// No referral has that id.
    #[error("there is no referral `{0}`\nhint: `watchfire inbox` shows them; four characters of an id are enough where no other begins so")]
    UnknownReferral(String),
    /// This node has no profile.
    #[error("this node has no profile yet\nhint: `watchfire profile edit` makes one")]
    NoProfile,
    /// Nothing is known of an organisation's profile.
    #[error(
        "nothing is known of the profile of `{0}`\nhint: it is told to peers and in groups once it has one; what is older than 90 days is gone"
    )]
    UnknownProfile(String),
    /// Nothing of the desk's own has this id.
    #[error("there is no {what} `{id}`\nhint: `{list}` shows them")]
    UnknownOfDesk {
        /// What it would be.
        what: &'static str,
        /// As it was given.
        id: String,
        /// The command that lists them.
        list: &'static str,
    },
    /// It is not the time for that in a referral, or not ours to do.
    #[error("{0}\nhint: {hint}", hint = super::referral::way_out(*.0))]
    Referral(Illegal),
    /// The same, with what can be done as it stands.
    #[error("{why}\nhint: {hint}", hint = super::referral::moves_hint(state, moves))]
    NotNow {
        /// Why not.
        why: Illegal,
        /// Where it stands.
        state: &'static str,
        /// The commands that can be given.
        moves: Vec<String>,
    },
    /// Nothing is held under that id.
    #[error("nothing is held as `{0}`\nhint: `watchfire holds` shows what is; what has left is taken back with `watchfire recall`")]
    NotHeld(String),
    /// The record has not left yet.
    #[error("`{text}` has not left yet: it is held in `{hold}`\nhint: `watchfire undo {hold}` drops that release without a trace")]
    OnlyHeld {
        /// What was given.
        text: String,
        /// The release that it is in.
        hold: crate::model::ReleaseId,
    },
    /// The record has left, and is about to leave again.
    #[error(
        "`{text}` is held in `{hold}` as well, and would be said again\nhint: `watchfire undo {hold}` drops that release; then withdraw it"
    )]
    AlsoHeld {
        /// What was given.
        text: String,
        /// The release that it is in.
        hold: crate::model::ReleaseId,
    },
    /// The record was recalled, and nothing of it is left.
    #[error("`{text}` was recalled at {at} and is destroyed here\nhint: {hint}")]
    Recalled {
        /// What was given.
        text: String,
        /// When it was destroyed here.
        at: Timestamp,
        /// Where more is to be learned.
        hint: &'static str,
    },
    /// A value stands for several records.
    #[error("`{text}` stands for {count} records\nhint: `watchfire lookup` shows their ids; give one of them")]
    AmbiguousRecord {
        /// What was given.
        text: String,
        /// How many records it stands for.
        count: usize,
    },
    /// The name is in use.
    #[error("`{0}` is the name of another peer or group\nhint: choose another name; it is known here alone")]
    NameTaken(String),
    /// The organisation is a peer already.
    #[error(
        "that organisation is a peer already, called `{0}`\nhint: `watchfire peer show {0}` tells where it stands; to pair anew, `watchfire peer remove {0}` on both sides first"
    )]
    AlreadyPaired(String),
    /// The card or invitation is our own.
    #[error("that is this node's own {0}\nhint: give it to the other organisation, and use theirs here")]
    Ourselves(&'static str),
    /// The peer does not wait for its digits to be compared.
    #[error("`{0}` is not waiting for its digits to be confirmed\nhint: `watchfire peer show {0}` tells where it stands")]
    NotPairing(String),
    /// The digits are not the ones that both sides show.
    #[error(
        "the digits are not those of `{0}`\nhint: compare them by voice again; if they differ there too, somebody stands in between: \
         `watchfire peer remove {0}` and pair anew"
    )]
    DigitsDiffer(String),
    /// Only its owner, or its deputy, changes a group.
    #[error("only its owner changes the group `{0}`\nhint: ask the owner; `watchfire group show {0}` tells who it is")]
    NotOwner(String),
    /// Only its author takes a record back.
    #[error("the record `{0}` is another organisation's\nhint: only its author takes it back; ask them to")]
    NotAuthor(String),
    /// The gate withheld all of it.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// Somebody at the desk may not do it, or did not sign it.
    #[error(transparent)]
    Desk(#[from] Denied),
    /// A setting or label forbids it.
    #[error("a TLP:{tlp} record may not {what}\nhint: {hint}")]
    Label {
        /// The label.
        tlp: Tlp,
        /// What was wanted.
        what: &'static str,
        /// The way out.
        hint: &'static str,
    },
    /// A peer is not reached.
    #[error("`{peer}` is not reached: {diagnosis}")]
    Unreachable {
        /// Its name here, or its endpoint.
        peer: String,
        /// What was found, with its own hint line where there is one.
        diagnosis: String,
    },
    /// A peer is not who it must be, or does not accept us.
    #[error("the link to `{peer}` is refused: {diagnosis}")]
    LinkRefused {
        /// Its name here, or its endpoint.
        peer: String,
        /// What was found, with its own hint line where there is one.
        diagnosis: String,
    },
    /// The peer speaks no protocol version that we speak, or breaks the protocol.
    #[error("`{peer}` speaks another protocol: {diagnosis}\nhint: upgrade the older of the two nodes")]
    Protocol {
        /// Its name here, or its endpoint.
        peer: String,
        /// What was found.
        diagnosis: String,
    },
    /// The node is on its way down.
    #[error("the node is stopping\nhint: try again when it runs")]
    Stopping,
    /// The directory that a backup was to be restored into holds something.
    #[error("`{}` is not empty\nhint: restore into a directory that does not exist yet, with `--data`; nothing is ever overwritten", .0.display())]
    NotEmpty(PathBuf),
    /// A backup cannot be restored.
    #[error("`{file}` cannot be restored: {what}")]
    BadBackup {
        /// The file.
        file: String,
        /// What is wrong, with its own hint line where there is one.
        what: String,
    },
    /// A backup is for others.
    #[error("`{file}` cannot be restored: {what}")]
    NotForUs {
        /// The file.
        file: String,
        /// What is wrong, with its own hint line where there is one.
        what: String,
    },
    /// The node was restored, and what happened since is not known yet.
    #[error(
        "this node was restored and does not know yet what was recalled since; the word of these is awaited: {0}\nhint: `watchfire status` \
         shows for what; when a peer cannot be reached any more, `watchfire restore --waive` goes on without it"
    )]
    HeldBack(String),
    /// A fault of our own.
    #[error("a fault of watchfire's own: {0}\nhint: please report it, with the version that `watchfire --version` shows")]
    Internal(String),
}

impl NodeError {
    /// An error of the operating system while doing something: "write `…`".
    pub fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { doing: doing.into(), source }
    }

    /// A backup that cannot be restored.
    pub fn bad_backup(file: &str, error: &super::backup::BackupError) -> Self {
        use super::backup::BackupError::Age;
        use crate::formats::age::AgeError::{NoMatch, Passphrase};
        let (file, what) = (file.to_owned(), error.to_string());
        match error {
            Age(NoMatch | Passphrase) => Self::NotForUs { file, what },
            _ => Self::BadBackup { file, what },
        }
    }

    /// Its stable name in the interface.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotInitialised(_) => "not-initialised",
            Self::AlreadyInitialised(_) => "already-initialised",
            Self::NotRunning(_) => "not-running",
            Self::Permission { .. } => "permission",
            Self::KeyAbsent(_) => "key-absent",
            Self::BadFile { .. } => "bad-file",
            Self::Io { .. } => "io",
            Self::Config(_) => "config",
            Self::StoreLocked(_) => "store-locked",
            Self::StoreDamaged(_) => "store-damaged",
            Self::StoreNewer { .. } => "store-newer",
            Self::StoreForeign { .. } => "store-foreign",
            Self::StoreUnavailable(_) => "store-unavailable",
            Self::StoreReadOnly(_) => "store-read-only",
            Self::BadInput(_) => "bad-input",
            Self::UnknownCursor => "unknown-cursor",
            Self::PolicyWidens => "widens",
            Self::BadDeniedKey { .. } => "bad-denied-key",
            Self::GateFile { .. } => "gate-file",
            Self::BadTimers { .. } => "bad-timers",
            Self::BadVocabulary { .. } => "bad-vocabulary",
            Self::Conflict(_) => "conflict",
            Self::NoChannel(_) => "no-channel",
            Self::UnknownPeer(_) => "unknown-peer",
            Self::UnknownGroup(_) => "unknown-group",
            Self::UnknownConsumer(_) => "unknown-consumer",
            Self::UnknownFeed(_) => "unknown-feed",
            Self::UnknownMember { .. } => "unknown-member",
            Self::UnknownAudience(_) => "unknown-audience",
            Self::UnknownRecord(_) => "unknown-record",
            Self::NotHeld(_) => "not-held",
            Self::UnknownReferral(_) => "unknown-referral",
            Self::NoProfile => "no-profile",
            Self::UnknownProfile(_) => "unknown-profile",
            Self::UnknownOfDesk { .. } => "unknown-here",
            Self::Referral(_) | Self::NotNow { .. } => "not-now",
            Self::OnlyHeld { .. } => "only-held",
            Self::AlsoHeld { .. } => "also-held",
            Self::Recalled { .. } => "recalled",
            Self::AmbiguousRecord { .. } => "ambiguous-record",
            Self::NameTaken(_) => "name-taken",
            Self::AlreadyPaired(_) => "already-paired",
            Self::Ourselves(_) => "ourselves",
            Self::NotPairing(_) => "not-pairing",
            Self::DigitsDiffer(_) => "digits-differ",
            Self::NotOwner(_) => "not-owner",
            Self::NotAuthor(_) => "not-author",
            Self::Withheld(_) => "withheld",
            Self::Desk(Denied::NotNext | Denied::KeyMoved) => "conflict",
            Self::Desk(Denied::NameTaken(_)) => "name-taken",
            Self::Desk(Denied::UnknownUser(_)) => "unknown-user",
            Self::Desk(_) => "not-allowed",
            Self::Label { .. } => "label",
            Self::Unreachable { .. } => "unreachable",
            Self::LinkRefused { .. } => "link-refused",
            Self::Protocol { .. } => "protocol",
            Self::NotEmpty(_) => "not-empty",
            Self::BadBackup { .. } => "bad-backup",
            Self::NotForUs { .. } => "not-for-us",
            Self::HeldBack(_) => "held-back",
            Self::Stopping => "stopping",
            Self::Internal(_) => "internal",
        }
    }

    /// Where the mistake stands, for logs, which hold neither an error's text nor where the data lies.
    pub fn place(&self) -> Option<String> {
        match self {
            Self::BadDeniedKey { path, line } => Some(format!("{}:{line}", path.file_name()?.display())),
            Self::GateFile { path, line: Some(line), .. }
            | Self::BadTimers { path, line: Some(line), .. }
            | Self::BadVocabulary { path, line: Some(line), .. } => Some(format!("{}:{line}", path.file_name()?.display())),
            Self::GateFile { path, line: None, .. }
            | Self::BadTimers { path, line: None, .. }
            | Self::BadVocabulary { path, line: None, .. } => Some(path.file_name()?.display().to_string()),
            _ => None,
        }
    }

    /// The code that the command line ends with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::AlsoHeld { .. } => Exit::Failed,
            Self::Io { .. } | Self::NameTaken(_) | Self::AlreadyPaired(_) | Self::Ourselves(_) | Self::NotPairing(_) => Exit::Failed,
            Self::NotRunning(_) | Self::Stopping | Self::Internal(_) | Self::BadBackup { .. } | Self::Conflict(_) => Exit::Failed,
            Self::Config(_) | Self::BadInput(_) | Self::UnknownCursor | Self::BadDeniedKey { .. } | Self::GateFile { .. } => Exit::Usage,
            Self::BadTimers { .. } | Self::BadVocabulary { .. } => Exit::Usage,
            Self::AmbiguousRecord { .. } => Exit::Usage,
            Self::Referral(_) | Self::NotNow { .. } => Exit::Failed,
            Self::Withheld(_) | Self::Label { .. } | Self::HeldBack(_) | Self::PolicyWidens => Exit::Refused,
            Self::NotInitialised(_) | Self::AlreadyInitialised(_) | Self::Permission { .. } | Self::BadFile { .. } => Exit::Permission,
            Self::NotEmpty(_) | Self::NotForUs { .. } | Self::KeyAbsent(_) => Exit::Permission,
            Self::DigitsDiffer(_) | Self::NotOwner(_) | Self::NotAuthor(_) | Self::LinkRefused { .. } => Exit::Permission,
            Self::Desk(Denied::NotNext | Denied::KeyMoved | Denied::NameTaken(_) | Denied::SameRole(_)) => Exit::Failed,
            Self::Desk(Denied::UnknownUser(_)) => Exit::NotFound,
            Self::Desk(_) => Exit::Permission,
            Self::Unreachable { .. } | Self::Protocol { .. } => Exit::Unreachable,
            Self::NoChannel(_) | Self::UnknownPeer(_) | Self::UnknownGroup(_) | Self::UnknownConsumer(_) | Self::UnknownMember { .. } => {
                Exit::NotFound
            }
            Self::UnknownFeed(_)
            | Self::UnknownAudience(_)
            | Self::UnknownRecord(_)
            | Self::Recalled { .. }
            | Self::NotHeld(_)
            | Self::UnknownReferral(_)
            | Self::NoProfile
            | Self::UnknownProfile(_)
            | Self::UnknownOfDesk { .. }
            | Self::OnlyHeld { .. } => Exit::NotFound,
            Self::StoreLocked(_) | Self::StoreDamaged(_) | Self::StoreNewer { .. } | Self::StoreForeign { .. } => Exit::Store,
            Self::StoreUnavailable(_) | Self::StoreReadOnly(_) => Exit::Store,
        }
    }

    /// Who must act.
    pub const fn who(&self) -> Who {
        match self {
            Self::Unreachable { .. } | Self::LinkRefused { .. } | Self::Protocol { .. } => Who::Peer,
            Self::Internal(_) => Who::Us,
            _ => Who::Operator,
        }
    }

    /// The text without its hint.
    pub fn detail(&self) -> String {
        split_hint(&self.to_string()).0
    }

    /// What to try, where there is something.
    pub fn hint(&self) -> Option<String> {
        split_hint(&self.to_string()).1
    }
}

impl From<OpenError> for NodeError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AlreadyOpen(path) => Self::StoreLocked(path),
            OpenError::Newer { found, known } => Self::StoreNewer { found: found.into(), known: known.into() },
            OpenError::OtherOrganisation { found, ours } => Self::StoreForeign { found, ours },
            OpenError::Damaged { path, what } => Self::StoreDamaged(format!("`{}`: {what}", path.display())),
            OpenError::Io { path, source } => Self::io(format!("open the store `{}`", path.display()), source),
        }
    }
}

impl From<ReadError> for NodeError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged(damaged) => Self::StoreDamaged(split_hint(&damaged.to_string()).0),
            ReadError::Unavailable(why) => Self::StoreUnavailable(why),
        }
    }
}

impl From<CommitError> for NodeError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(refused) => Self::Internal(refused.to_string()),
            CommitError::ReadOnly(why) => Self::StoreReadOnly(why),
            CommitError::Damaged(damaged) => Self::StoreDamaged(split_hint(&damaged.to_string()).0),
            CommitError::Closed => Self::Stopping,
        }
    }
}

impl From<KeysError> for NodeError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::File { path, error } => Self::io(format!("read or write `{}`", path.display()), error),
            KeysError::TooOpen { path, mode } => {
                let hint = format!("`chmod 600 {}`, and think of who may have read it", path.display());
                Self::Permission { path, what: format!("is readable by others (mode {mode:04o})"), hint }
            }
            KeysError::Exists(path) => Self::AlreadyInitialised(path),
            KeysError::Content { path, what } => Self::BadFile { path, what: format!("it does not hold {what}") },
            KeysError::RootAbsent(_) | KeysError::NextRootAbsent(_) => Self::KeyAbsent(error.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// An error's text and the hint on its last line.
pub fn split_hint(text: &str) -> (String, Option<String>) {
    match text.split_once("\nhint: ") {
        Some((detail, hint)) => (detail.to_owned(), Some(hint.to_owned())),
        None => (text.to_owned(), None),
    }
}

fn no_channel(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("no channel is called `{name}`\nhint: `watchfire notify list` shows them"),
        None => "nobody is told of anything: there is no channel\nhint: `[[notify.channel]]` in watchfire.toml makes one; the node reads it when it \
                 starts"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> PathBuf {
        "/srv/w".into()
    }

    fn text() -> String {
        "amal".into()
    }

    #[test]
    fn every_error_has_its_text_its_name_and_its_exit_code() {
        let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let diagnosis = || "the certificate has expired\nhint: ask them to start their node".to_owned();
        let cases: Vec<(NodeError, &str, u8, &str)> = vec![
            (
                NodeError::NotInitialised(path()),
                "not-initialised",
                4,
                "there is no node in `/srv/w`\nhint: `watchfire init` makes one; `--data` or $WATCHFIRE_DATA says where",
            ),
            (
                NodeError::AlreadyInitialised(path()),
                "already-initialised",
                4,
                "`/srv/w` holds a node already\nhint: choose another directory with `--data`; an identity is never overwritten",
            ),
            (NodeError::NotRunning(path()), "not-running", 1, "the node in `/srv/w` is not running\nhint: start it with `watchfire serve`"),
            (
                NodeError::Permission { path: path(), what: "is readable by others".into(), hint: "`chmod 600 /srv/w`".into() },
                "permission",
                4,
                "`/srv/w` is readable by others\nhint: `chmod 600 /srv/w`",
            ),
            (
                NodeError::BadFile { path: path(), what: "it is empty".into() },
                "bad-file",
                4,
                "`/srv/w` is damaged: it is empty\nhint: `watchfire restore` takes it back from a backup, into another directory",
            ),
            (NodeError::io("read `/srv/w`", denied()), "io", 1, "failed to read `/srv/w`: permission denied"),
            (
                NodeError::Config(ConfigError::Read { file: path(), source: denied() }),
                "config",
                2,
                "failed to read `/srv/w`: permission denied",
            ),
            (
                NodeError::StoreLocked(path()),
                "store-locked",
                7,
                "the store in `/srv/w` is open in another process\n\
                 hint: stop `watchfire serve` first, or use a command that talks to it",
            ),
            (
                NodeError::StoreDamaged("bad checksum".into()),
                "store-damaged",
                7,
                "the store is damaged: bad checksum\n\
                 hint: `watchfire restore` takes it back from a backup, into another directory",
            ),
            (
                NodeError::StoreNewer { found: 3, known: 2 },
                "store-newer",
                7,
                "the store has version 3, and this program reads up to 2\nhint: run the newer version of watchfire that wrote it",
            ),
            (
                NodeError::StoreReadOnly("no space left on device".into()),
                "store-read-only",
                7,
                "the store takes no changes: no space left on device\n\
                 hint: make room on the disk; the node tries again by itself and nothing is lost",
            ),
            (
                NodeError::StoreForeign { found: OrgId([0; 32]), ours: OrgId([0xff; 32]) },
                "store-foreign",
                7,
                "the store belongs to organisation `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`, the keys to \
                 `777777777777777777777777777777777777777777777777777q`\n\
                 hint: two data directories were mixed; put back what belongs together",
            ),
            (
                NodeError::StoreUnavailable("it is being opened".into()),
                "store-unavailable",
                7,
                "the store cannot be read just now: it is being opened\n\
                 hint: try again in a moment; if it stays so, see the log of `watchfire serve`",
            ),
            (
                KeysError::RootAbsent("/srv/w/keys/root.key".into()).into(),
                "key-absent",
                4,
                "the root key is not here\nhint: put it back as `/srv/w/keys/root.key` for as long as this takes",
            ),
            (
                KeysError::NextRootAbsent("/srv/w/keys/next-root.key".into()).into(),
                "key-absent",
                4,
                "the next root key is not here\nhint: put it back as `/srv/w/keys/next-root.key` for as long as this takes",
            ),
            (NodeError::BadInput("`x` is not a card".into()), "bad-input", 2, "`x` is not a card"),
            (
                NodeError::UnknownCursor,
                "unknown-cursor",
                2,
                "the cursor is none of this node's for such an export: it was given for other labels or kinds, or the node was restored since\nhint: export all once, without `--since`, in place of what earlier exports left; that gives a new cursor",
            ),
            (
                NodeError::PolicyWidens,
                "widens",
                3,
                "somebody may have more than before, and the policy is not in force\nhint: look at it with `watchfire policy check`; `--widen` says yes to it",
            ),
            (
                NodeError::BadDeniedKey { path: path(), line: 2 },
                "bad-denied-key",
                2,
                "line 2 of `/srv/w` is not the SHA-256 of a public key in hex\nhint: 64 hex digits to a line, `#` begins a comment; mend \
                 the line, then send SIGHUP to the node or start it",
            ),
            (NodeError::Conflict("`amal` is not open".into()), "conflict", 1, "`amal` is not open"),
            (
                NodeError::NoChannel(Some("mail".into())),
                "no-channel",
                6,
                "no channel is called `mail`\nhint: `watchfire notify list` shows them",
            ),
            (
                NodeError::NoChannel(None),
                "no-channel",
                6,
                "nobody is told of anything: there is no channel\nhint: `[[notify.channel]]` in watchfire.toml makes one; the node reads it when it starts",
            ),
            (NodeError::UnknownPeer(text()), "unknown-peer", 6, "no peer is called `amal`\nhint: `watchfire peer list` shows them"),
            (NodeError::UnknownGroup(text()), "unknown-group", 6, "no group is called `amal`\nhint: `watchfire group list` shows them"),
            (
                NodeError::UnknownConsumer(text()),
                "unknown-consumer",
                6,
                "no consumer is called `amal`\nhint: `watchfire consumer list` shows them",
            ),
            (NodeError::UnknownFeed(text()), "unknown-feed", 6, "no feed is called `amal`\nhint: `watchfire feed list` shows them"),
            (
                NodeError::UnknownMember { name: text(), group: "circle".into() },
                "unknown-member",
                6,
                "no member of `circle` is called `amal`\nhint: `watchfire group show circle` shows them; one that is no peer has its id alone",
            ),
            (
                NodeError::UnknownAudience(text()),
                "unknown-audience",
                6,
                "no peer or group is called `amal`\nhint: `watchfire peer list` and `watchfire group list` show them",
            ),
            (
                NodeError::UnknownRecord(text()),
                "unknown-record",
                6,
                "there is no record `amal`\nhint: `watchfire lookup VALUE` shows the ids of records; they are each node's own, so ask \
                 others for the entry as LOG:POSITION, which is the same everywhere; referrals, calls, alerts and hand-overs are in \
                 `watchfire inbox`, `call list`, `alert list` and `handover list`",
            ),
            (
                NodeError::NotHeld(text()),
                "not-held",
                6,
                "nothing is held as `amal`\nhint: `watchfire holds` shows what is; what has left is taken back with `watchfire recall`",
            ),
            (NodeError::NoProfile, "no-profile", 6, "this node has no profile yet\nhint: `watchfire profile edit` makes one"),
            (
                NodeError::UnknownProfile(text()),
                "unknown-profile",
                6,
                "nothing is known of the profile of `amal`\nhint: it is told to peers and in groups once it has one; what is older than 90 days is gone",
            ),
            (
                NodeError::UnknownOfDesk { what: "hand-over", id: text(), list: "watchfire handover list" },
                "unknown-here",
                6,
                "there is no hand-over `amal`\nhint: `watchfire handover list` shows them",
            ),
            (
                NodeError::UnknownReferral(text()),
                "unknown-referral",
                6,
                "there is no referral `amal`\nhint: `watchfire inbox` shows them; four characters of an id are enough where no other begins so",
            ),
            (
                NodeError::Referral(Illegal::NotAcknowledged),
                "not-now",
                1,
                "no person has acknowledged it\nhint: `watchfire show` tells how it stands, and what can be done",
            ),
            (
                NodeError::NotNow {
                    why: Illegal::NotAcknowledged,
                    state: "delivered",
                    moves: vec!["watchfire ack k7qm2xpa".into(), "watchfire withdraw k7qm2xpa".into()],
                },
                "not-now",
                1,
                "no person has acknowledged it\nhint: it is `delivered`; you can `watchfire ack k7qm2xpa` or `watchfire withdraw k7qm2xpa`",
            ),
            (
                NodeError::NotNow { why: Illegal::Withdrawn, state: "purged", moves: Vec::new() },
                "not-now",
                1,
                "the referral was withdrawn\nhint: it is `purged`, and nothing is left for us to do in it",
            ),
            (
                NodeError::AlsoHeld { text: text(), hold: crate::model::ReleaseId([0; 5]) },
                "also-held",
                1,
                "`amal` is held in `aaaaaaaa` as well, and would be said again\nhint: `watchfire undo aaaaaaaa` drops that release; then withdraw it",
            ),
            (
                NodeError::OnlyHeld { text: text(), hold: crate::model::ReleaseId([0; 5]) },
                "only-held",
                6,
                "`amal` has not left yet: it is held in `aaaaaaaa`\nhint: `watchfire undo aaaaaaaa` drops that release without a trace",
            ),
            (
                NodeError::Recalled { text: text(), at: Timestamp(0), hint: "`watchfire receipts` shows who has complied" },
                "recalled",
                6,
                "`amal` was recalled at 1970-01-01T00:00:00.000Z and is destroyed here\nhint: `watchfire receipts` shows who has complied",
            ),
            (
                NodeError::GateFile {
                    path: "/srv/w/staff.txt".into(),
                    line: Some(3),
                    what: "it is no text".into(),
                    setting: "gate.deny_list",
                },
                "gate-file",
                2,
                "`/srv/w/staff.txt` line 3 cannot be used by the release gate: it is no text\nhint: mend it, or change `gate.deny_list`, \
                 then send SIGHUP to the node or start it",
            ),
            (
                NodeError::BadTimers {
                    path: "/srv/w/timers.toml".into(),
                    line: Some(3),
                    what: "it is no ladder\nhint: see the docs".into(),
                },
                "bad-timers",
                2,
                "`/srv/w/timers.toml` is no timetable: line 3: it is no ladder\nhint: see the docs",
            ),
            (
                NodeError::BadVocabulary {
                    path: "/srv/w/vocabularies/cause.toml".into(),
                    line: Some(3),
                    what: "the code `a` comes twice\nhint: put it right".into(),
                },
                "bad-vocabulary",
                2,
                "`/srv/w/vocabularies/cause.toml` is not a value list: line 3: the code `a` comes twice\nhint: put it right",
            ),
            (
                NodeError::AmbiguousRecord { text: text(), count: 2 },
                "ambiguous-record",
                2,
                "`amal` stands for 2 records\nhint: `watchfire lookup` shows their ids; give one of them",
            ),
            (
                NodeError::NameTaken(text()),
                "name-taken",
                1,
                "`amal` is the name of another peer or group\nhint: choose another name; it is known here alone",
            ),
            (
                NodeError::AlreadyPaired(text()),
                "already-paired",
                1,
                "that organisation is a peer already, called `amal`\nhint: `watchfire peer show amal` tells where it stands; to pair \
                 anew, `watchfire peer remove amal` on both sides first",
            ),
            (
                NodeError::Ourselves("card"),
                "ourselves",
                1,
                "that is this node's own card\nhint: give it to the other organisation, and use theirs here",
            ),
            (
                NodeError::NotPairing(text()),
                "not-pairing",
                1,
                "`amal` is not waiting for its digits to be confirmed\nhint: `watchfire peer show amal` tells where it stands",
            ),
            (
                NodeError::DigitsDiffer(text()),
                "digits-differ",
                4,
                "the digits are not those of `amal`\nhint: compare them by voice again; if they differ there too, somebody stands in \
                 between: `watchfire peer remove amal` and pair anew",
            ),
            (
                NodeError::NotOwner(text()),
                "not-owner",
                4,
                "only its owner changes the group `amal`\nhint: ask the owner; `watchfire group show amal` tells who it is",
            ),
            (
                NodeError::NotAuthor(text()),
                "not-author",
                4,
                "the record `amal` is another organisation's\nhint: only its author takes it back; ask them to",
            ),
            (
                NodeError::Withheld(Withheld::RedToGroup),
                "withheld",
                3,
                "TLP:RED never goes to a group\nhint: share it with one peer, or choose amber+strict",
            ),
            (
                Denied::Oneself.into(),
                "not-allowed",
                4,
                "whoever released it cannot approve it\nhint: another desk user does, with another key: `watchfire approve HOLD --as OTHER`",
            ),
            (
                Denied::UnknownUser("hana".parse().expect("a name")).into(),
                "unknown-user",
                6,
                "no desk user is called `hana`\nhint: `watchfire user list` shows them",
            ),
            (Denied::SameRole("hana".parse().expect("a name")).into(), "not-allowed", 1, "`hana` has that role already"),
            (
                NodeError::Label { tlp: Tlp::Red, what: "be exported", hint: "raise `--tlp-max`" },
                "label",
                3,
                "a TLP:red record may not be exported\nhint: raise `--tlp-max`",
            ),
            (
                NodeError::Unreachable { peer: text(), diagnosis: "connection refused".into() },
                "unreachable",
                5,
                "`amal` is not reached: connection refused",
            ),
            (
                NodeError::LinkRefused { peer: text(), diagnosis: diagnosis() },
                "link-refused",
                4,
                "the link to `amal` is refused: the certificate has expired\nhint: ask them to start their node",
            ),
            (
                NodeError::Protocol { peer: text(), diagnosis: "they speak 2, we speak 1".into() },
                "protocol",
                5,
                "`amal` speaks another protocol: they speak 2, we speak 1\nhint: upgrade the older of the two nodes",
            ),
            (
                NodeError::NotEmpty(path()),
                "not-empty",
                4,
                "`/srv/w` is not empty\nhint: restore into a directory that does not exist yet, with `--data`; nothing is ever overwritten",
            ),
            (
                NodeError::bad_backup("b.age", &crate::node::backup::BackupError::Cut),
                "bad-backup",
                1,
                "`b.age` cannot be restored: it ends before its end",
            ),
            (
                NodeError::bad_backup("b.age", &crate::formats::age::AgeError::NoMatch.into()),
                "not-for-us",
                4,
                "`b.age` cannot be restored: it is encrypted to other recipients\nhint: give the identity file that belongs to a recipient \
                 of this backup",
            ),
            (
                NodeError::HeldBack(text()),
                "held-back",
                3,
                "this node was restored and does not know yet what was recalled since; the word of these is awaited: amal\nhint: \
                 `watchfire status` shows for what; when a peer cannot be reached any more, `watchfire restore --waive` goes on without it",
            ),
            (NodeError::Stopping, "stopping", 1, "the node is stopping\nhint: try again when it runs"),
            (
                NodeError::Internal("it".into()),
                "internal",
                1,
                "a fault of watchfire's own: it\nhint: please report it, with the version that `watchfire --version` shows",
            ),
        ];
        for (error, code, exit, text) in &cases {
            assert_eq!((error.to_string().as_str(), error.code(), u8::from(error.exit())), (*text, *code, *exit));
            assert!(!error.detail().contains('\n') && error.hint().is_none_or(|hint| !hint.contains('\n')), "{code}: one line each");
        }
        crate::texts::all_are_there(include_str!("error.rs"), "NodeError", cases.iter().map(|(error, ..)| error));
    }

    #[test]
    fn exit_codes_survive_their_number() {
        for number in 0..8u8 {
            assert_eq!(u8::from(Exit::from(number)), number);
        }
        assert_eq!(Exit::from(99), Exit::Failed);
    }
}
