//! What can go wrong, by who must act.

use super::change::Refused;
use std::path::PathBuf;

/// A row that this program did not write so, or that was damaged since.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "row `{key}` of table `{table}` is damaged\nhint: `watchfire doctor` checks the store; `watchfire restore` takes it back from a backup"
)]
pub struct Damaged {
    /// The table's name.
    pub table: &'static str,
    /// The row's key.
    pub key: String,
}

/// Why a store cannot be opened. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store `{0}` is open in another process\nhint: is `watchfire serve` running? other commands talk to it over its socket")]
    AlreadyOpen(PathBuf),
    /// A newer program wrote it.
    #[error("the store has schema {found}, and this program reads up to {known}\nhint: run the newer version of watchfire that wrote it")]
    Newer {
        /// The store's schema version.
        found: u32,
        /// The newest that this program reads.
        known: u32,
    },
    /// It belongs to another organisation.
    #[error(
        "the store belongs to organisation `{found}`, not to `{ours}`\nhint: the keys and the store of two data directories were mixed"
    )]
    OtherOrganisation {
        /// Whose it is.
        found: crate::model::OrgId,
        /// Whose we are.
        ours: crate::model::OrgId,
    },
    /// It is not a store, or broken.
    #[error(
        "the store `{path}` is damaged: {what}\nhint: `watchfire restore` takes it back from a backup; copying a live store never gives a good one"
    )]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What redb says.
        what: String,
    },
    /// The directory or the file cannot be read or written.
    #[error("cannot open the store `{path}`: {source}\nhint: check that the directory exists, is yours and has space")]
    Io {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The change does not fit what the store holds. The caller prepares it again, or not.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The disk does not take writes. The change may be on disk all the same; it can be made again.
    #[error(
        "the store is read-only for now: {0}\nhint: check space and health of the disk; the node goes on by itself when it takes writes again"
    )]
    ReadOnly(String),
    /// A row that the change needs is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A row is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The disk does not answer, or the store is being opened again after a failed write. Take a new snapshot.
    #[error("the store cannot be read just now: {0}")]
    Unavailable(String),
}

/// Why a transaction did not go through.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The change does not fit.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A row is damaged.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// redb or the disk.
    #[error(transparent)]
    Storage(#[from] redb::Error),
}

/// redb's errors, each its own type, are all the storage's to us.
macro_rules! storage {
    ($($error:ty),*) => {
        $(
            impl From<$error> for Fault {
                fn from(error: $error) -> Self {
                    Self::Storage(error.into())
                }
            }

            impl From<$error> for ReadError {
                fn from(error: $error) -> Self {
                    Self::Unavailable(error.to_string())
                }
            }
        )*
    };
}
storage!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

/// What a read fails with in either half.
pub(super) trait Failure: From<redb::StorageError> + From<Damaged> {}
impl<T: From<redb::StorageError> + From<Damaged>> Failure for T {}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn each_error_of_the_store_says_who_must_act() {
        use crate::model::OrgId;
        let damaged = Damaged { table: "logs", key: "7".into() };
        let row = "row `7` of table `logs` is damaged\nhint: `watchfire doctor` checks the store; `watchfire restore` takes it back from a backup";
        let path = PathBuf::from("D/watchfire.redb");
        let cases = [
            (
                OpenError::AlreadyOpen(path.clone()),
                "the store `D/watchfire.redb` is open in another process\nhint: is `watchfire serve` running? other commands talk to it over its socket".to_owned(),
            ),
            (
                OpenError::Newer { found: 9, known: 5 },
                "the store has schema 9, and this program reads up to 5\nhint: run the newer version of watchfire that wrote it".to_owned(),
            ),
            (
                OpenError::OtherOrganisation { found: OrgId([1; 32]), ours: OrgId([2; 32]) },
                format!("the store belongs to organisation `{}`, not to `{}`\nhint: the keys and the store of two data directories were mixed", OrgId([1; 32]), OrgId([2; 32])),
            ),
            (
                OpenError::Damaged { path: path.clone(), what: "no header".into() },
                "the store `D/watchfire.redb` is damaged: no header\nhint: `watchfire restore` takes it back from a backup; copying a live store never gives a good one".to_owned(),
            ),
            (
                OpenError::Io { path, source: std::io::Error::other("no disk") },
                "cannot open the store `D/watchfire.redb`: no disk\nhint: check that the directory exists, is yours and has space".to_owned(),
            ),
        ];
        cases.iter().for_each(|(error, text)| assert_eq!(error.to_string(), *text));
        crate::texts::all_are_there(include_str!("error.rs"), "OpenError", cases.iter().map(|(error, _)| error));
        let cases = [
            (CommitError::Refused(Refused::HeadMoved), "the log has grown since"),
            (
                CommitError::ReadOnly("no space".into()),
                "the store is read-only for now: no space\nhint: check space and health of the disk; the node goes on by itself when it takes writes again",
            ),
            (CommitError::Damaged(damaged.clone()), row),
            (CommitError::Closed, "the store is closed"),
        ];
        crate::texts::all_say(include_str!("error.rs"), "CommitError", &cases);
        let cases =
            [(ReadError::Damaged(damaged), row), (ReadError::Unavailable("no disk".into()), "the store cannot be read just now: no disk")];
        crate::texts::all_say(include_str!("error.rs"), "ReadError", &cases);
    }
}
