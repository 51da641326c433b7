//! What a backup is once it is decrypted: a first line, a version, frames, and at the end the SHA-256 of all before it.
//!
//! ```text
//! "watchfire-backup\n" · version (u16)
//! frame     kind (u8) · length (u32) · content
//! kind 1    the manifest, JSON; the first frame
//! kind 2    a file: length of its name (u8) · name · content
//! kind 3    rows of a table: length of its name (u8) · name · rows as `store::archive` writes them
//! kind 4    the end: SHA-256 over everything before this frame
//! ```

use super::Manifest;
use crate::formats::age::AgeError;
use aws_lc_rs::digest::{Context, SHA256};
use std::io::{self, Read, Write};

const MAGIC: &[u8] = b"watchfire-backup\n";
/// The version of the format.
const FORMAT: u16 = 1;
/// No frame is longer: the manifest of 100,000 logs fits, as does every row.
const FRAME_BYTES_MAX: u32 = 64 << 20;

const MANIFEST: u8 = 1;
const FILE: u8 = 2;
const ROWS: u8 = 3;
const END: u8 = 4;

/// Why a backup cannot be restored. The text's second line, where there is one, is `hint: …`.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be decrypted.
    #[error(transparent)]
    Age(#[from] AgeError),
    /// It is something else.
    #[error("what is encrypted in it is not a backup of watchfire")]
    NotBackup,
    /// Another version of the format.
    #[error(
        "it is a backup of format {0}, and this program reads format {FORMAT}\nhint: restore it with the version of watchfire that made it"
    )]
    Format(u16),
    /// The store's schema is newer.
    #[error(
        "it was made by watchfire {program} with schema {schema} of the store, which this program does not know\nhint: restore it with that \
         version, or a newer one"
    )]
    Schema {
        /// The version that made it.
        program: String,
        /// Its store's schema.
        schema: u32,
    },
    /// It ends before its end.
    #[error("it ends before its end")]
    Cut,
    /// It does not hold what it says it holds.
    #[error("it is not whole: {0}")]
    Content(String),
    /// The system refuses something.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Cut;
        }
        match error.downcast::<AgeError>() {
            Ok(age) => Self::Age(age),
            Err(error) => Self::Io(error),
        }
    }
}

/// Writes frames.
pub(super) struct FrameWriter<W> {
    out: W,
    digest: Context,
}

impl<W: Write> FrameWriter<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut writer = Self { out, digest: Context::new(&SHA256) };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_be_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.out.write_all(bytes)
    }

    fn frame(&mut self, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).ok().filter(|length| *length <= FRAME_BYTES_MAX);
        let length = length.ok_or_else(|| io::Error::other("a part of the backup is longer than 64 MiB"))?;
        self.put(&[kind])?;
        self.put(&length.to_be_bytes())?;
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn named(&mut self, kind: u8, name: &str, content: &[u8]) -> io::Result<()> {
        let length = u8::try_from(name.len()).map_err(|_| io::Error::other("a name in the backup is too long"))?;
        self.frame(kind, &[&[length], name.as_bytes(), content])
    }

    pub(super) fn manifest(&mut self, manifest: &Manifest) -> io::Result<()> {
        self.frame(MANIFEST, &[&serde_json::to_vec(manifest)?])
    }

    pub(super) fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.named(FILE, name, content)
    }

    pub(super) fn rows(&mut self, table: &str, rows: &[u8]) -> io::Result<()> {
        self.named(ROWS, table, rows)
    }

    pub(super) fn end(mut self) -> io::Result<W> {
        let digest = self.digest.clone().finish();
        self.frame(END, &[digest.as_ref()])?;
        Ok(self.out)
    }
}

/// A frame as it is read. Not to be printed: keys are in some.
pub(super) enum Frame {
    Manifest(Box<Manifest>),
    File {
        name: String,
        content: zeroize::Zeroizing<Vec<u8>>,
    },
    Rows {
        table: String,
        rows: Vec<u8>,
    },
    /// All of it was there.
    End,
}

/// Reads frames.
pub(super) struct FrameReader<R> {
    input: R,
    digest: Context,
}

impl<R: Read> FrameReader<R> {
    pub(super) fn new(input: R) -> Result<Self, BackupError> {
        let mut reader = Self { input, digest: Context::new(&SHA256) };
        let mut magic = [0; MAGIC.len()];
        reader.take(&mut magic)?;
        if magic != MAGIC {
            return Err(BackupError::NotBackup);
        }
        let mut format = [0; 2];
        reader.take(&mut format)?;
        match u16::from_be_bytes(format) {
            FORMAT => Ok(reader),
            other => Err(BackupError::Format(other)),
        }
    }

    fn take(&mut self, into: &mut [u8]) -> Result<(), BackupError> {
        self.input.read_exact(into)?;
        self.digest.update(into);
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Frame, BackupError> {
        let before = self.digest.clone();
        let mut head = [0; 5];
        self.take(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        if length > FRAME_BYTES_MAX {
            return Err(content("a part of it is longer than it may be"));
        }
        let mut bytes = zeroize::Zeroizing::new(vec![0; length as usize]);
        self.take(&mut bytes)?;
        match kind {
            MANIFEST => {
                let manifest = serde_json::from_slice(&bytes).map_err(|_| content("its manifest cannot be read"))?;
                Ok(Frame::Manifest(Box::new(manifest)))
            }
            FILE => named(&bytes).map(|(name, content)| Frame::File { name, content: zeroize::Zeroizing::new(content.to_vec()) }),
            ROWS => named(&bytes).map(|(table, rows)| Frame::Rows { table, rows: rows.to_vec() }),
            END if before.finish().as_ref() == bytes.as_slice() => self.nothing_follows(),
            END => Err(content("its checksum does not fit")),
            _ => Err(content("a part of it is of a kind that this program does not know")),
        }
    }

    fn nothing_follows(&mut self) -> Result<Frame, BackupError> {
        // Reading on also checks that the encrypted file has ended.
        match self.input.read(&mut [0])? {
            0 => Ok(Frame::End),
            _ => Err(content("something follows its end")),
        }
    }
}

fn named(bytes: &[u8]) -> Result<(String, &[u8]), BackupError> {
    let parts = bytes.split_first().and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)));
    let (name, rest) = parts.ok_or_else(|| content("a name in it is cut"))?;
    let name = String::from_utf8(name.to_vec()).map_err(|_| content("a name in it is not text"))?;
    Ok((name, rest))
}

pub(super) fn content(what: &str) -> BackupError {
    BackupError::Content(what.to_owned())
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn why_a_backup_cannot_be_restored_is_told() {
        let cases = [
            (BackupError::Age(AgeError::NotAge), "it is not a file that age has encrypted"),
            (BackupError::NotBackup, "what is encrypted in it is not a backup of watchfire"),
            (
                BackupError::Format(9),
                "it is a backup of format 9, and this program reads format 1\nhint: restore it with the version of watchfire that made it",
            ),
            (
                BackupError::Schema { program: "9.0.0".into(), schema: 99 },
                "it was made by watchfire 9.0.0 with schema 99 of the store, which this program does not know\nhint: restore it with that version, or a newer one",
            ),
            (BackupError::Cut, "it ends before its end"),
            (BackupError::Content("two ends".into()), "it is not whole: two ends"),
            (BackupError::Io(io::Error::other("no disk")), "no disk"),
        ];
        crate::texts::all_say(include_str!("frame.rs"), "BackupError", &cases);
    }
}
