//! Edge to disk: one redb file, one writer with group commit, snapshots for readers.

pub mod change;
