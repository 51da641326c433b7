//! What waits on disk until the file has been read to its end.
//!
//! Three kinds of entry are appended to the caller's scratch file: an indicator, a fact about an indicator's version, and a
//! fact that one object indicates another. At the end the indicators are taken up in portions of at most [`PORTION`]; for each
//! portion the facts are passed once. So memory holds one portion, whatever the size of the file, and file order is kept.

use super::Key;
use super::object::Pending;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;

/// A file that the caller gives: read, written and thrown away afterwards.
pub trait Scratch: Read + Write + Seek {}
impl<T: Read + Write + Seek> Scratch for T {}

/// The most indicators of which the facts are in memory at once: some 10 MB.
const PORTION: usize = 50_000;
/// The most names that one indicator takes from its relationships.
const TARGETS_MAX: usize = 20;

const VERSION: u8 = 1;
const INDICATES: u8 = 2;
const INDICATOR: u8 = 3;

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
    out: BufWriter<&'a mut dyn Scratch>,
    start: u64,
    /// One entry, kept for its room.
    entry: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(scratch: &'a mut dyn Scratch) -> io::Result<Self> {
        let start = scratch.seek(SeekFrom::End(0))?;
        Ok(Self { out: BufWriter::with_capacity(1 << 16, scratch), start, entry: Vec::new() })
    }

    pub(super) fn indicator(&mut self, pending: &Pending) -> io::Result<()> {
        let entry = &mut self.entry;
        entry.clear();
        entry.push(VERSION);
        entry.extend_from_slice(&pending.key.0.to_be_bytes());
        entry.push(u8::from(pending.creator.is_some()));
        entry.extend_from_slice(&pending.creator.map_or(0, |creator| creator.0).to_be_bytes());
        entry.extend_from_slice(&pending.modified.to_be_bytes());
        entry.push(u8::from(pending.revoked));
        entry.extend_from_slice(&[INDICATOR, 0, 0, 0, 0]);
        let start = entry.len();
        pending.encode(entry);
        let length = u32::try_from(entry.len() - start).map_err(io::Error::other)?;
        entry[start - 4..start].copy_from_slice(&length.to_be_bytes());
        self.out.write_all(entry)
    }

    pub(super) fn indicates(&mut self, source: &str, target: &str) -> io::Result<()> {
        self.out.write_all(&[INDICATES])?;
        self.out.write_all(&Key::of(source).0.to_be_bytes())?;
        self.out.write_all(&Key::of(target).0.to_be_bytes())
    }

    pub(super) fn finish(self) -> io::Result<Reader<'a>> {
        let start = self.start;
        let scratch = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Reader { scratch, start, next: start })
    }
}

/// Reads the entries back in portions.
pub(super) struct Reader<'a> {
    scratch: &'a mut dyn Scratch,
    start: u64,
    next: u64,
}

/// Indicators that come one after the other in the file, and what the whole file says about each.
pub(super) struct Portion {
    start: u64,
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
        let mut portion = Portion { start: self.next, count: 0, facts: BTreeMap::new() };
        let mut input = at(self.scratch, self.next)?;
        while portion.count < PORTION
            && let Some(entry) = Entry::read(&mut input, false)?
        {
            self.next += entry.length();
            match entry {
                Entry::Version { key, .. } => drop(portion.facts.entry(key).or_default()),
                Entry::Indicator { .. } => portion.count += 1,
                Entry::Indicates { .. } => {}
            }
        }
        if portion.count == 0 {
            return Ok(None);
        }
        let mut input = at(self.scratch, self.start)?;
        while let Some(entry) = Entry::read(&mut input, false)? {
            entry.note(&mut portion.facts);
        }
        Ok(Some(portion))
    }

    /// Gives each indicator of a portion to `take`, with its facts, until that breaks.
    pub(super) fn each(
        &mut self,
        portion: &Portion,
        mut take: impl FnMut(Pending, Option<&Facts>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let mut input = at(self.scratch, portion.start)?;
        let mut left = portion.count;
        while left > 0
            && let Some(entry) = Entry::read(&mut input, true)?
        {
            let Entry::Indicator { body, .. } = entry else { continue };
            left -= 1;
            let pending = Pending::decode(&body).ok_or_else(changed)?;
            let facts = portion.facts.get(&pending.key);
            if take(pending, facts).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn at(scratch: &mut dyn Scratch, place: u64) -> io::Result<BufReader<&mut dyn Scratch>> {
    scratch.seek(SeekFrom::Start(place))?;
    Ok(BufReader::with_capacity(1 << 16, scratch))
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the scratch file was changed by someone else")
}

enum Entry {
    Version { key: Key, creator: Option<Key>, modified: i128, revoked: bool },
    Indicates { source: Key, target: Key },
    Indicator { length: u32, body: Vec<u8> },
}

impl Entry {
    /// The next entry; an indicator's body only `with_body`.
    fn read(input: &mut BufReader<&mut dyn Scratch>, with_body: bool) -> io::Result<Option<Self>> {
        if input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let entry = match array::<1>(input)? {
            [VERSION] => {
                let key = read_key(input)?;
                let [known] = array(input)?;
                let creator = read_key(input)?;
                let modified = i128::from_be_bytes(array(input)?);
                let [revoked] = array(input)?;
                Self::Version { key, creator: (known == 1).then_some(creator), modified, revoked: revoked == 1 }
            }
            [INDICATES] => Self::Indicates { source: read_key(input)?, target: read_key(input)? },
            [INDICATOR] => {
                let length = u32::from_be_bytes(array(input)?);
                let mut body = Vec::new();
                if with_body {
                    body = vec![0; length as usize];
                    input.read_exact(&mut body)?;
                } else {
                    input.seek_relative(i64::from(length))?;
                }
                Self::Indicator { length, body }
            }
            [_] => return Err(changed()),
        };
        Ok(Some(entry))
    }

    const fn length(&self) -> u64 {
        match self {
            Self::Version { .. } => 1 + 16 + 1 + 16 + 16 + 1,
            Self::Indicates { .. } => 1 + 16 + 16,
            Self::Indicator { length, .. } => 1 + 4 + *length as u64,
        }
    }

    fn note(self, facts: &mut BTreeMap<Key, Facts>) {
        match self {
            Self::Version { key, creator, modified, revoked } => {
                let Some(facts) = facts.get_mut(&key) else { return };
                if *facts.creator.get_or_insert(creator) == creator {
                    facts.modified = facts.modified.max(modified);
                    facts.revoked |= revoked;
                }
            }
            Self::Indicates { source, target } => {
                let Some(facts) = facts.get_mut(&source) else { return };
                if facts.targets.len() < TARGETS_MAX && !facts.targets.contains(&target) {
                    facts.targets.push(target);
                }
            }
            Self::Indicator { .. } => {}
        }
    }
}

fn read_key(input: &mut impl Read) -> io::Result<Key> {
    Ok(Key(u128::from_be_bytes(array(input)?)))
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    input.read_exact(&mut array)?;
    Ok(array)
}
