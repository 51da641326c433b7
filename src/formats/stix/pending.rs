//! What waits on disk until the file has been read to its end.
//!
//! Three kinds of entry are gathered: an indicator, a fact about an indicator's version, and a fact that one object indicates another. They
//! are appended to the caller's scratch file in blocks of about [`BLOCK_BYTES`], indicators apart from facts. At the end the indicators
//! are taken up in portions of at most [`PORTION`]; for each portion the blocks of facts are read once, and those of indicators are stepped
//! over: facts are a tenth of a file, so a portion costs a tenth of it. Memory holds a block and the facts of one portion, never its
//! indicators, whatever the size of the file, and file order is kept.

use super::Key;
use super::object::{Pending, take, take_key};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;

/// A file that the caller gives: read, written and thrown away afterwards.
pub trait Scratch: Read + Write + Seek {}
impl<T: Read + Write + Seek> Scratch for T {}

/// The most indicators whose facts are in memory at once.
const PORTION: usize = 50_000;
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
    pub(super) creator: Option<Option<Key>>,
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
        self.facts.extend(pending.key.0.to_be_bytes());
        self.facts.push(u8::from(pending.creator.is_some()));
        self.facts.extend(pending.creator.map_or(0, |creator| creator.0).to_be_bytes());
        self.facts.extend(pending.modified.to_be_bytes());
        self.facts.push(u8::from(pending.revoked));
        let start = self.indicators.len();
        self.indicators.extend([0; 4]);
        pending.encode(&mut self.indicators);
        let length = u32::try_from(self.indicators.len() - start - 4).map_err(io::Error::other)?;
        self.indicators[start..start + 4].copy_from_slice(&length.to_be_bytes());
        self.spill(BLOCK_BYTES)
    }

    pub(super) fn indicates(&mut self, source: &str, target: &str) -> io::Result<()> {
        self.facts.push(INDICATES);
        self.facts.extend(Key::of(source).0.to_be_bytes());
        self.facts.extend(Key::of(target).0.to_be_bytes());
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
        Ok(Reader { scratch: self.scratch, start: self.start, here: self.start, next: self.start, block: Vec::new(), at: 0 })
    }
}

/// Takes up what was appended.
pub(super) struct Reader<'a> {
    scratch: &'a mut dyn Scratch,
    start: u64,
    /// Where the block in memory begins, and the one behind it.
    here: u64,
    next: u64,
    /// A block of indicators, and how far it is taken up.
    block: Vec<u8>,
    at: usize,
}

/// Indicators that come one after the other in the file, and what the whole file says about each.
pub(super) struct Portion {
    /// The block of the first one, and its place there.
    block: u64,
    at: usize,
    count: usize,
    facts: BTreeMap<Key, Facts>,
}

impl Portion {
    /// How many indicators it has.
    pub(super) const fn len(&self) -> usize {
        self.count
    }
}

impl Reader<'_> {
    /// The next indicators; `None` when all were taken up. Memory holds their keys and facts, not themselves.
    pub(super) fn portion(&mut self) -> io::Result<Option<Portion>> {
        let mut portion = Portion { block: self.here, at: self.at, count: 0, facts: BTreeMap::new() };
        while portion.count < PORTION
            && let Some((key, _)) = self.indicator()?
        {
            portion.facts.entry(key).or_default();
            portion.count += 1;
        }
        if portion.count == 0 {
            return Ok(None);
        }
        self.note(&mut portion.facts)?;
        Ok(Some(portion))
    }

    /// Gives each indicator of a portion to `take`, with its facts, until that breaks.
    pub(super) fn each(
        &mut self,
        portion: &Portion,
        mut take: impl FnMut(Pending, Option<&Facts>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        self.go_back_to(portion)?;
        for _ in 0..portion.count {
            let Some((key, body)) = self.indicator()? else { return Err(changed()) };
            let pending = Pending::decode(body).ok_or_else(changed)?;
            if take(pending, portion.facts.get(&key)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn go_back_to(&mut self, portion: &Portion) -> io::Result<()> {
        if self.here != portion.block {
            (self.next, self.at) = (portion.block, 0);
            self.block.clear();
            self.load()?;
        }
        self.at = portion.at;
        Ok(())
    }

    /// The next indicator's key and body, which begins with it.
    fn indicator(&mut self) -> io::Result<Option<(Key, &[u8])>> {
        if self.at == self.block.len() && !self.load()? {
            return Ok(None);
        }
        let mut rest = &self.block[self.at..];
        let length = u32::from_be_bytes(take(&mut rest).ok_or_else(changed)?) as usize;
        let body = rest.get(..length).ok_or_else(changed)?;
        let key = take_key(&mut &*body).ok_or_else(changed)?;
        self.at += 4 + length;
        Ok(Some((key, body)))
    }

    /// Reads the next block of indicators; `false` at the end.
    fn load(&mut self) -> io::Result<bool> {
        let mut place = self.next;
        while let Some((kind, length)) = head(self.scratch, place)? {
            let next = place + BLOCK_HEAD + length as u64;
            if kind == INDICATORS {
                self.block.resize(length, 0);
                self.scratch.read_exact(&mut self.block)?;
                (self.here, self.next, self.at) = (place, next, 0);
                return Ok(true);
            }
            place = next;
        }
        Ok(false)
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
                    note_one(&mut entries, facts).ok_or_else(changed)?;
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

/// `None` for what is no fact.
fn note_one(entries: &mut &[u8], facts: &mut BTreeMap<Key, Facts>) -> Option<()> {
    match take(entries)? {
        [VERSION] => {
            let key = take_key(entries)?;
            let [known] = take(entries)?;
            let creator = take_key(entries)?;
            let modified = i128::from_be_bytes(take(entries)?);
            let [revoked] = take(entries)?;
            let Some(facts) = facts.get_mut(&key) else { return Some(()) };
            let creator = (known == 1).then_some(creator);
            if *facts.creator.get_or_insert(creator) == creator {
                facts.modified = facts.modified.max(modified);
                facts.revoked |= revoked == 1;
            }
        }
        [INDICATES] => {
            let (source, target) = (take_key(entries)?, take_key(entries)?);
            let Some(facts) = facts.get_mut(&source) else { return Some(()) };
            if facts.targets.len() < TARGETS_MAX && !facts.targets.contains(&target) {
                facts.targets.push(target);
            }
        }
        [_] => return None,
    }
    Some(())
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the scratch file was changed by someone else")
}
