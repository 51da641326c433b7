//! The raw limit: the rows that our store ended up with, written straight with redb.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use watchfire::store::raw::{RawRows, RawStore};

use super::report::{cpu_seconds, timed};

/// What our store gives redb to cache, and so the raw one.
pub const CACHE_BYTES: usize = 32 << 20;

/// The best time that redb takes for these rows at 1,000 or 10,000 indicators per transaction, or all in one, and which it was.
pub struct Best {
    pub time: Duration,
    pub how: &'static str,
    pub file_bytes: u64,
    pub cpu: f64,
}

/// What a file takes on the disk. redb makes its file twice as long when it is full, and what was never written takes nothing.
pub fn disk_bytes(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |data| data.blocks() * 512)
}

/// Writes a store's rows anew in each of the three ways. The store must be closed.
pub fn best(store: &Path, indicators: u64, scratch: &Path) -> Best {
    let rows = RawRows::of(store).expect("the store reads");
    let ways = [("1,000 per transaction", 1_000), ("10,000 per transaction", 10_000), ("all in one transaction", u64::MAX)];
    let mut best: Option<Best> = None;
    for (how, per) in ways {
        let parts = rows.parts(indicators.div_ceil(per).max(1) as usize);
        if parts.len() == 1 && best.as_ref().is_some_and(|best| best.how.starts_with("1,000 ") && indicators <= 1_000) {
            continue;
        }
        let file = scratch.join("raw.redb");
        let _ = std::fs::remove_file(&file);
        let raw = RawStore::create(&file, CACHE_BYTES).expect("a file");
        let before = cpu_seconds();
        let ((), time) = timed(|| parts.iter().for_each(|part| raw.commit(part).expect("it commits")));
        let cpu = cpu_seconds() - before;
        drop(raw);
        assert_eq!(RawRows::of(&file).expect("it reads").count(), rows.count(), "the raw limit has written every row");
        let file_bytes = disk_bytes(&file);
        if best.as_ref().is_none_or(|best| time < best.time) {
            best = Some(Best { time, how, file_bytes, cpu });
        }
    }
    let _ = std::fs::remove_file(scratch.join("raw.redb"));
    best.expect("three ways")
}
