//! What waits on disk until the file has been read to its end.
//!
//! Three kinds of entry are gathered: an indicator, a fact about an indicator's version, and a fact that one object indicates another. They
//! are appended to the caller's scratch file in blocks of about [`BLOCK_BYTES`], indicators apart from facts. At the end the indicators
//! are taken up in portions of at most [`PORTION`]; for each portion the blocks of facts are read once, and those of indicators are stepped
//! over: facts are a tenth of a file, so a portion costs a tenth of it. So memory holds one portion, whatever the size of the file, and
//! file order is kept.

use super::Key;
use super::object::Pending;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// A file that the caller gives: read, written and thrown away afterwards.
pub trait Scratch: Read + Write + Seek {}
impl<T: Read + Write + Seek> Scratch for T {}

/// The most indicators in memory at once.
const PORTION: usize = 50_000;
/// The most bytes of waiting indicators in memory at once, 32 MiB.
pub(super) const PORTION_BYTES: usize = 32 << 20;
/// The most names that one indicator takes from its relationships.
const TARGETS_MAX: usize = 20;

/// A block of entries is written when it has so many bytes.
const BLOCK_BYTES: usize = 1 << 20;

const VERSION: u8 = 1;
const INDICATES: u8 = 2;

const FACTS: u8 = 1;
const INDICATORS: u8 = 2;
/// A block's kind and its length before its entries.
const BLOCK_HEAD: u64 = 1 + 4;

/// What the whole file says about one indicator's id.
#[derive(Default)]
pub(super) struct Facts {
    /// Who made the first version in the file.
    pub(super) creator: Option<Option<[u8; 16]>>,
    /// The newest version by that creator.
    pub(super) modified: i128,
    /// That creator has revoked it.
    pub(super) revoked: bool,
    /// What it indicates.
    pub(super) targets: Vec<Key>,
}

/// Appends entries.
pub(super) struct Writer<'a> {
    scratch: &'a mut dyn Scratch,
    start: u64,
    facts: Vec<u8>,
    indicators: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(scratch: &'a mut dyn Scratch) -> io::Result<Self> {
        let start = scratch.seek(SeekFrom::End(0))?;
        Ok(Self { scratch, start, facts: Vec::new(), indicators: Vec::new() })
    }

    pub(super) fn indicator(&mut self, pending: &Pending) -> io::Result<()> {
        self.facts.push(VERSION);
        self.facts.extend(pending.key);
        self.facts.push(u8::from(pending.creator.is_some()));
        self.facts.extend(pending.creator.unwrap_or_default());
        self.facts.extend(pending.modified.to_be_bytes());
        self.facts.push(u8::from(pending.revoked));
        let body = serde_json::to_vec(pending)?;
        self.indicators.extend(u32::try_from(body.len()).map_err(io::Error::other)?.to_be_bytes());
        self.indicators.extend(body);
        self.spill(BLOCK_BYTES)
    }

    pub(super) fn indicates(&mut self, source: &str, target: &str) -> io::Result<()> {
        self.facts.push(INDICATES);
        self.facts.extend(Key::of(source).0);
        self.facts.extend(Key::of(target).0);
        self.spill(BLOCK_BYTES)
    }

    /// Writes the blocks that have at least so many bytes.
    fn spill(&mut self, least: usize) -> io::Result<()> {
        for (kind, block) in [(FACTS, &mut self.facts), (INDICATORS, &mut self.indicators)] {
            if block.len() >= least {
                self.scratch.write_all(&[kind])?;
                self.scratch.write_all(&u32::try_from(block.len()).map_err(io::Error::other)?.to_be_bytes())?;
                self.scratch.write_all(block)?;
                block.clear();
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Reader<'a>> {
        self.spill(1)?;
        self.scratch.flush()?;
        Ok(Reader { scratch: self.scratch, start: self.start, next: self.start, block: Vec::new(), at: 0 })
    }
}

/// Reads the entries back in portions.
pub(super) struct Reader<'a> {
    scratch: &'a mut dyn Scratch,
    start: u64,
    /// Where the block behind the one in memory begins.
    next: u64,
    /// A block of indicators, and how far it is taken up.
    block: Vec<u8>,
    at: usize,
}

impl Reader<'_> {
    /// The next indicators with what the file says about each; empty when all were taken up.
    pub(super) fn portion(&mut self) -> io::Result<(Vec<Pending>, BTreeMap<Key, Facts>)> {
        let mut portion: Vec<Pending> = Vec::new();
        let mut bytes = 0;
        while portion.len() < PORTION && bytes < PORTION_BYTES {
            let Some(body) = self.indicator()? else { break };
            bytes += body.len();
            portion.push(serde_json::from_slice(body)?);
        }
        let mut facts: BTreeMap<Key, Facts> = portion.iter().map(|pending| (Key(pending.key), Facts::default())).collect();
        if !facts.is_empty() {
            self.note(&mut facts)?;
        }
        Ok((portion, facts))
    }

    fn indicator(&mut self) -> io::Result<Option<&[u8]>> {
        while self.at == self.block.len() {
            let Some((kind, length)) = head(self.scratch, self.next)? else { return Ok(None) };
            self.next += BLOCK_HEAD + length as u64;
            if kind == INDICATORS {
                self.block.resize(length, 0);
                self.scratch.read_exact(&mut self.block)?;
                self.at = 0;
            }
        }
        let mut rest = &self.block[self.at..];
        let length = u32::from_be_bytes(take(&mut rest)?) as usize;
        let body = rest.get(..length).ok_or_else(changed)?;
        self.at += 4 + length;
        Ok(Some(body))
    }

    /// Reads all facts, and notes those about the indicators of a portion.
    fn note(&mut self, facts: &mut BTreeMap<Key, Facts>) -> io::Result<()> {
        let mut place = self.start;
        let mut block = Vec::new();
        while let Some((kind, length)) = head(self.scratch, place)? {
            place += BLOCK_HEAD + length as u64;
            if kind == FACTS {
                block.resize(length, 0);
                self.scratch.read_exact(&mut block)?;
                let mut entries = block.as_slice();
                while !entries.is_empty() {
                    note_one(&mut entries, facts)?;
                }
            }
        }
        Ok(())
    }
}

/// The kind and length of the block at a place; `None` at the end.
fn head(scratch: &mut dyn Scratch, place: u64) -> io::Result<Option<(u8, usize)>> {
    scratch.seek(SeekFrom::Start(place))?;
    let mut kind = [0];
    if scratch.read(&mut kind)? == 0 {
        return Ok(None);
    }
    let mut length = [0; 4];
    scratch.read_exact(&mut length)?;
    Ok(Some((kind[0], u32::from_be_bytes(length) as usize)))
}

fn note_one(entries: &mut &[u8], facts: &mut BTreeMap<Key, Facts>) -> io::Result<()> {
    match take(entries)? {
        [VERSION] => {
            let key = Key(take(entries)?);
            let [known] = take(entries)?;
            let creator = take(entries)?;
            let modified = i128::from_be_bytes(take(entries)?);
            let [revoked] = take(entries)?;
            let Some(facts) = facts.get_mut(&key) else { return Ok(()) };
            let creator = (known == 1).then_some(creator);
            if *facts.creator.get_or_insert(creator) == creator {
                facts.modified = facts.modified.max(modified);
                facts.revoked |= revoked == 1;
            }
        }
        [INDICATES] => {
            let (source, target) = (Key(take(entries)?), Key(take(entries)?));
            let Some(facts) = facts.get_mut(&source) else { return Ok(()) };
            if facts.targets.len() < TARGETS_MAX && !facts.targets.contains(&target) {
                facts.targets.push(target);
            }
        }
        [_] => return Err(changed()),
    }
    Ok(())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> io::Result<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk().ok_or_else(changed)?;
    *bytes = rest;
    Ok(*taken)
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the scratch file was changed by someone else")
}
