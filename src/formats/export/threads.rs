//! Many texts that grow side by side in one scratch file: what comes one value at a time and is written grouped. Memory holds a few bytes for each
//! group, and a bounded part of the texts.

use crate::formats::stix::Scratch;
use std::collections::BTreeMap;
use std::io::{self, SeekFrom, Write};

/// Bytes that wait in memory, of all groups together.
const WAITING_MAX: usize = 4 << 20;
/// Bytes of a piece in the scratch file before it is written apart.
const PIECE_BYTES: usize = 64 << 10;
/// In front of each piece: where the piece before begins, and how long this one is.
const HEAD: usize = 16;
const NONE: u64 = u64::MAX;

/// Texts by group.
pub(super) struct Threads<K, S> {
    scratch: S,
    end: u64,
    groups: BTreeMap<K, Thread>,
    waiting: usize,
}

struct Thread {
    /// Where its last piece in the scratch file begins.
    last: u64,
    waiting: Vec<u8>,
}

impl<K: Ord + Clone, S: Scratch> Threads<K, S> {
    /// In an empty scratch file.
    pub(super) const fn new(scratch: S) -> Self {
        Self { scratch, end: 0, groups: BTreeMap::new(), waiting: 0 }
    }

    /// Adds to a group's text.
    pub(super) fn push(&mut self, group: &K, bytes: &[u8]) -> io::Result<()> {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.clone(), Thread { last: NONE, waiting: Vec::new() });
        }
        let Some(thread) = self.groups.get_mut(group) else { return Ok(()) };
        thread.waiting.extend_from_slice(bytes);
        self.waiting += bytes.len();
        if thread.waiting.len() >= PIECE_BYTES {
            self.waiting -= put(&mut self.scratch, &mut self.end, thread)?;
        }
        if self.waiting >= WAITING_MAX {
            for thread in self.groups.values_mut() {
                put(&mut self.scratch, &mut self.end, thread)?;
            }
            self.waiting = 0;
        }
        Ok(())
    }

    /// The groups, ascending.
    pub(super) fn groups(&self) -> Vec<K> {
        self.groups.keys().cloned().collect()
    }

    /// Writes a group's text, in the order in which it came.
    pub(super) fn write(&mut self, group: &K, out: &mut dyn Write) -> io::Result<()> {
        let Some(thread) = self.groups.get(group) else { return Ok(()) };
        let mut pieces = Vec::new();
        let mut at = thread.last;
        while at != NONE {
            let mut head = [0; HEAD];
            self.scratch.seek(SeekFrom::Start(at))?;
            self.scratch.read_exact(&mut head)?;
            let number = |range: std::ops::Range<usize>| u64::from_le_bytes(head[range].try_into().unwrap_or_default());
            pieces.push((at + HEAD as u64, number(8..16)));
            at = number(0..8);
        }
        for (from, length) in pieces.into_iter().rev() {
            self.scratch.seek(SeekFrom::Start(from))?;
            let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            self.scratch.read_exact(&mut piece)?;
            out.write_all(&piece)?;
        }
        out.write_all(&thread.waiting)
    }
}

/// Puts what waits of a group into the scratch file; gives back how many bytes that were.
fn put<S: Scratch>(scratch: &mut S, end: &mut u64, thread: &mut Thread) -> io::Result<usize> {
    let length = thread.waiting.len();
    if length == 0 {
        return Ok(0);
    }
    scratch.seek(SeekFrom::Start(*end))?;
    scratch.write_all(&thread.last.to_le_bytes())?;
    scratch.write_all(&(length as u64).to_le_bytes())?;
    scratch.write_all(&thread.waiting)?;
    thread.last = *end;
    *end += (HEAD + length) as u64;
    thread.waiting = Vec::new();
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_comes_back_whole_and_in_order() {
        let mut threads = Threads::new(io::Cursor::new(Vec::new()));
        let mut expected: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for n in 0..200_000u32 {
            // Some groups are long and some short.
            let group = if n % 3 == 0 { 0 } else { (n.wrapping_mul(2_654_435_761) >> 24) as u8 };
            let text = format!("{n} of {group}, {}\n", "x".repeat((n % 60) as usize));
            threads.push(&group, text.as_bytes()).expect("memory");
            expected.entry(group).or_default().extend(text.bytes());
        }
        assert!(threads.end > 0, "nothing was put into the scratch file");
        assert_eq!(threads.groups(), expected.keys().copied().collect::<Vec<_>>());
        for (group, text) in expected {
            let mut found = Vec::new();
            threads.write(&group, &mut found).expect("memory");
            assert!(found == text, "group {group}");
        }
    }
}
