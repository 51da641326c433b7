//! The content, in chunks of 64 KiB, each sealed under its number; the last one is marked, so that a cut is seen.

use super::AgeError;
use super::header::{self, FileKey, hkdf};
use super::key::{Identity, Recipient};
use crate::model::crypto::{chacha_key, random};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use std::io::{self, BufRead, Read, Write};
use zeroize::Zeroizing;

const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
const NONCE: usize = 16;

/// A chunk's number, of eleven bytes, and whether it is the last.
pub(super) fn nonce(number: u64, last: bool) -> Nonce {
    let mut bytes = [0; 12];
    bytes[3..11].copy_from_slice(&number.to_be_bytes());
    bytes[11] = last.into();
    Nonce::assume_unique_for_key(bytes)
}

/// Encrypts what is written to it. Without [`Self::finish`] the output is a cut file, and is known as one.
pub struct Encryptor<W> {
    out: W,
    key: LessSafeKey,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Encryptor<W> {
    /// Writes the header. Who is none of the recipients can read nothing but how many there are.
    ///
    /// # Errors
    /// When the output fails, or a recipient keeps nothing secret.
    pub fn new(mut out: W, recipients: &[Recipient]) -> io::Result<Self> {
        let file_key: FileKey = Zeroizing::new(random());
        out.write_all(&header::write(&file_key, recipients).map_err(io::Error::other)?)?;
        let salt = random::<NONCE>();
        out.write_all(&salt)?;
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Ok(Self { out, key: chacha_key(&hkdf(file_key.as_slice(), &salt, b"payload")), number: 0, chunk })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let sealed = self.key.seal_in_place_append_tag(nonce(self.number, last), Aad::empty(), &mut *self.chunk);
        sealed.map_err(|_| io::Error::other("a part could not be encrypted"))?;
        self.number += 1;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }

    /// Writes the last chunk and gives the output back.
    ///
    /// # Errors
    /// When the output fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Encryptor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk is written once it is known not to be the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let count = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Decrypts what it reads from a file. Gives out nothing that was not checked; what is wrong comes as an error with an [`AgeError`] in it.
pub struct Decryptor<R> {
    input: R,
    key: LessSafeKey,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
    at: usize,
    /// Bytes of content given out in the chunks before.
    before: u64,
    ended: bool,
    /// What is told once the present chunk was read.
    wrong: Option<AgeError>,
    /// Whether that was told.
    broken: bool,
}

impl<R: BufRead> Decryptor<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is no such file, is damaged, or is not for any of these identities.
    pub fn new(mut input: R, identities: &[Identity]) -> Result<Self, AgeError> {
        let file_key = header::read(&mut input, identities)?;
        let mut salt = [0; NONCE];
        input.read_exact(&mut salt).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => AgeError::CutHeader,
            _ => AgeError::Io(error),
        })?;
        let key = chacha_key(&hkdf(file_key.as_slice(), &salt, b"payload"));
        Ok(Self {
            input,
            key,
            number: 0,
            chunk: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)),
            at: 0,
            before: 0,
            ended: false,
            wrong: None,
            broken: false,
        })
    }

    fn next(&mut self) -> Result<(), AgeError> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        if self.broken {
            return Err(AgeError::Damaged(self.before));
        }
        self.before += self.chunk.len() as u64;
        self.chunk.clear();
        self.at = 0;
        let mut sealed = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        self.input.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut sealed).map_err(AgeError::Io)?;
        let last = self.input.fill_buf().map_err(AgeError::Io)?.is_empty();
        if sealed.is_empty() {
            return Err(AgeError::Cut(self.before));
        }
        self.chunk.extend_from_slice(&sealed);
        let opened = self.open(last);
        match opened {
            // Only an empty file has an empty chunk.
            Ok(0) if self.number > 0 => return Err(AgeError::Damaged(self.before)),
            Ok(length) => self.chunk.truncate(length),
            Err(()) => {
                let (length, wrong) = self.diagnose(&sealed, last)?;
                self.chunk.truncate(length);
                self.wrong = Some(wrong);
            }
        }
        self.ended = last && self.wrong.is_none();
        self.number += 1;
        Ok(())
    }

    fn open(&mut self, last: bool) -> Result<usize, ()> {
        let opened = self.key.open_in_place(nonce(self.number, last), Aad::empty(), &mut self.chunk);
        opened.map(|bytes| bytes.len()).map_err(|_| ())
    }

    /// Looks at a chunk that does not open as what it seems. One that opens as the other is content all the same, of a file that was cut
    /// behind it or goes on: its length, and what is wrong.
    fn diagnose(&mut self, sealed: &[u8], last: bool) -> Result<(usize, AgeError), AgeError> {
        self.chunk.clear();
        self.chunk.extend_from_slice(sealed);
        match self.open(!last) {
            // All chunks but the last are full.
            Ok(length) if length == CHUNK => {
                let through = self.before + length as u64;
                Ok((length, if last { AgeError::Cut(through) } else { AgeError::Trailing(through) }))
            }
            _ => {
                self.chunk.clear();
                Err(AgeError::Damaged(self.before))
            }
        }
    }
}

impl<R: BufRead> Read for Decryptor<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() && !self.ended {
            if let Err(wrong) = self.next() {
                // Nothing of a part that does not hold is given out, nor of those behind it.
                self.chunk.clear();
                self.at = 0;
                self.broken = true;
                return Err(wrong.into());
            }
        }
        let count = into.len().min(self.chunk.len() - self.at);
        into[..count].copy_from_slice(&self.chunk[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
