//! How it is noted that something still follows from a received batch: among the node's own values.

use crate::model::LogId;
use data_encoding::HEXLOWER;

/// Before every such name, and before no other.
pub(super) const OWED: &str = "owed/";

/// The name for a log's batch that begins at a position.
pub(super) fn owed_name(log: &LogId, first: u64) -> String {
    format!("{OWED}{}/{first:020}", HEXLOWER.encode(&log.0))
}

/// Reads what [`owed_name`] writes.
pub(super) fn read_owed_name(name: &str) -> Option<(LogId, u64)> {
    let (log, first) = name.strip_prefix(OWED)?.split_once('/')?;
    let log = HEXLOWER.decode(log.as_bytes()).ok()?.try_into().ok()?;
    Some((LogId(log), first.parse().ok()?))
}
