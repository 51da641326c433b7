//! Where an export's files go: into one stream, as they are or as a tar archive with nothing in it of when and by whom it was made.

use super::view::{ExportFormat, ExportRequest};
use crate::formats::csv;
use crate::formats::export::{Adblock, Dnsmasq, Feed, Files, Form, Hosts, Lists, Mvt, Row, Rpz, Sigma, Suricata, Unsaid, Values, one_line};
use crate::formats::pattern::Dialect;
use crate::formats::stix::write::BundleWriter;
use crate::model::{Indicator, Observable};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::SpooledTempFile;

/// So many bytes of a file that is put together are kept in memory.
const IN_MEMORY: usize = 1 << 20;

/// How a request is to be written.
pub(super) enum Written<'o> {
    /// With each author's word on a value.
    Words(Box<dyn Form + 'o>),
    /// The values alone: nothing else has to be read.
    Values(Box<dyn Values + 'o>),
}

impl<'o> Written<'o> {
    /// Begins it.
    ///
    /// # Errors
    /// The output fails.
    pub(super) fn begin(request: &ExportRequest, data: &Path, out: &'o mut dyn Write) -> io::Result<Self> {
        let scratch = || tempfile::spooled_tempfile_in(IN_MEMORY, data);
        let folder = |out| Folder { archive: tar::Builder::new(out), data: data.to_owned(), file: None };
        Ok(match request.format {
            ExportFormat::Stix => Self::Words(Box::new(Stix(BundleWriter::new(out, Dialect::Standard)?))),
            ExportFormat::Csv => Self::Words(Box::new(Csv(csv::Writer::new(out, request.options.bom)?))),
            ExportFormat::Rpz => Self::Words(Box::new(Rpz::new(One(out), scratch(), &request.options.policy))),
            ExportFormat::Mvt => Self::Words(Box::new(Mvt::new(folder(out)))),
            ExportFormat::Misp => Self::Words(Box::new(Feed::new(folder(out), scratch()))),
            ExportFormat::Sigma => Self::Words(Box::new(Sigma::new(folder(out), scratch()))),
            ExportFormat::Atom => return Err(io::Error::other("alerts are no values, and are written apart")),
            ExportFormat::Text => Self::Values(Box::new(Text(out))),
            ExportFormat::Hosts => Self::Values(Box::new(Hosts::new(One(out))?)),
            ExportFormat::Dnsmasq => Self::Values(Box::new(Dnsmasq::new(One(out))?)),
            ExportFormat::Adblock => Self::Values(Box::new(Adblock::new(One(out))?)),
            ExportFormat::Suricata => Self::Values(Box::new(Suricata::new(folder(out), scratch()))),
            ExportFormat::Lists => Self::Values(Box::new(Lists::new(folder(out), scratch()))),
        })
    }

    /// Ends it, and tells what could not be said.
    ///
    /// # Errors
    /// The output or a scratch file fails.
    pub(super) fn finish(self) -> io::Result<Unsaid> {
        match self {
            Self::Words(form) => form.finish(),
            Self::Values(form) => form.finish(),
        }
    }
}

/// A format of one file: its name is its reader's business.
struct One<W>(W);

impl<W: Write> Files for One<W> {
    fn begin(&mut self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Write for One<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A tar archive. A file's length stands in front of it, so that each is put together first.
struct Folder<W: Write> {
    archive: tar::Builder<W>,
    data: PathBuf,
    file: Option<(String, io::BufWriter<SpooledTempFile>)>,
}

impl<W: Write> Folder<W> {
    fn end_file(&mut self) -> io::Result<()> {
        let Some((name, file)) = self.file.take() else { return Ok(()) };
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(file.seek(SeekFrom::End(0))?);
        header.set_mode(0o644);
        header.set_mtime(0);
        file.seek(SeekFrom::Start(0))?;
        self.archive.append_data(&mut header, name, &mut file)
    }
}

impl<W: Write> Files for Folder<W> {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        self.end_file()?;
        let file = tempfile::spooled_tempfile_in(IN_MEMORY, &self.data);
        self.file = Some((name.to_owned(), io::BufWriter::new(file)));
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.end_file()?;
        self.archive.finish()?;
        self.archive.get_mut().flush()
    }
}

impl<W: Write> Write for Folder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some((_, file)) => file.write(bytes),
            None => Err(io::Error::other("no file was begun")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A STIX bundle.
struct Stix<W: Write>(BundleWriter<W>);

impl<W: Write> Form for Stix<W> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.0.write(row))
    }

    fn finish(self: Box<Self>) -> io::Result<Unsaid> {
        self.0.finish().map(|_| Unsaid::default())
    }
}

/// A CSV file: what has no column of its own is among the campaigns.
struct Csv<W: Write>(csv::Writer<W>);

impl<W: Write> Form for Csv<W> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.0.row(&indicator(row), Some(row.tlp)))
    }

    fn finish(self: Box<Self>) -> io::Result<Unsaid> {
        self.0.finish().map(|()| Unsaid::default())
    }
}

fn indicator(row: &Row) -> Indicator {
    let Row { observable, valid_from, valid_until, confidence, labels, note, source, marks, .. } = row.clone();
    let labels = labels.into_iter().chain(marks).collect();
    Indicator { observable, valid_from, valid_until, confidence, labels, note, source }
}

/// Values, one per line.
struct Text<W: Write>(W);

impl<W: Write> Values for Text<W> {
    fn value(&mut self, observable: &Observable) -> io::Result<()> {
        writeln!(self.0, "{}", one_line(observable.value()))
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.0.flush().map(|()| Unsaid::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn an_archive_tells_nothing_but_names_and_contents() {
        let data = tempfile::tempdir().unwrap();
        let write = || {
            let mut out = Vec::new();
            let mut folder = Folder { archive: tar::Builder::new(&mut out), data: data.path().to_owned(), file: None };
            for (name, text) in [("a.txt", "one\n"), ("b.txt", "")] {
                folder.begin(name).unwrap();
                folder.write_all(text.as_bytes()).unwrap();
            }
            folder.end().unwrap();
            drop(folder);
            out
        };
        let archive = write();
        assert_eq!(archive, write());
        let mut read = tar::Archive::new(archive.as_slice());
        let files = read.entries().unwrap().map(|file| {
            let mut file = file.unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.path().unwrap().into_owned(), text, file.header().mtime().unwrap())
        });
        let files: Vec<_> = files.collect();
        assert_eq!(files, [("a.txt".into(), "one\n".to_owned(), 0), (PathBuf::from("b.txt"), String::new(), 0)]);
    }
}
