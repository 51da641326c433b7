//! STIX 2.1 as Amnesty's Mobile Verification Toolkit reads it.
//!
//! MVT takes a pattern apart at its `=` signs into exactly two pieces and takes quotes off the second: it dies of a value with a `=` in it, and reads
//! one with a quote or a backslash as another. It looks for an indicator's name in the malware that it is tied to, and takes a time that grows
//! with the square of a file's indicators; so the files are short.

use super::{Files, Form, Row, Unsaid};
use crate::formats::pattern::Dialect;
use crate::formats::stix::write::BundleWriter;
use crate::model::ObservableKind as K;
use std::io;

/// The most indicators in one file.
pub const SHARD: usize = 1_000;

/// The name that a hit shows where nobody has named a campaign.
const UNNAMED: &str = "no campaign named";

const NOT_READ: &str = "MVT does not look for this kind";
const MISREAD: &str = "MVT fails to read a value with such signs";

/// Files of at most [`SHARD`] indicators, `00001.stix2` and on, one for each value.
pub struct Mvt<F: Files> {
    files: Option<F>,
    bundle: Option<BundleWriter<F>>,
    in_file: usize,
    shards: u32,
    unsaid: Unsaid,
}

impl<F: Files> Mvt<F> {
    /// Into these files.
    pub fn new(files: F) -> Self {
        Self { files: Some(files), bundle: None, in_file: 0, shards: 0, unsaid: Unsaid::default() }
    }

    fn bundle(&mut self) -> io::Result<&mut BundleWriter<F>> {
        if self.in_file == SHARD
            && let Some(full) = self.bundle.take()
        {
            self.files = Some(full.finish()?);
        }
        if let Some(mut files) = self.files.take() {
            (self.in_file, self.shards) = (0, self.shards + 1);
            files.begin(&format!("{:05}.stix2", self.shards))?;
            self.bundle = Some(BundleWriter::new(files, Dialect::Mvt)?);
        }
        self.in_file += 1;
        self.bundle.as_mut().ok_or_else(|| io::Error::other("the file before failed"))
    }
}

impl<F: Files> Form for Mvt<F> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        let Some(newest) = rows.first() else { return Ok(()) };
        let (kind, value) = (newest.observable.kind(), newest.observable.value());
        if !is_read(kind) {
            return self.unsaid.left(kind, NOT_READ);
        }
        if value.contains(['=', '\'', '\\'])
            || value.starts_with(['[', ' '])
            || value.ends_with([']', ' '])
            || value.contains(char::is_control)
        {
            return self.unsaid.left(kind, MISREAD);
        }
        // One indicator for each value, with one name: a hit is shown once.
        let name = rows.iter().find_map(Row::campaign).unwrap_or(UNNAMED).to_owned();
        let names: Vec<&str> = newest.names().collect();
        let types = newest.labels.iter().filter(|label| !names.contains(&label.as_str())).cloned();
        let row = Row { labels: types.chain([name]).collect(), ..newest.clone() };
        self.bundle()?.write(&row)
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        if self.shards == 0 {
            self.bundle()?;
        }
        if let Some(last) = self.bundle.take() {
            last.finish()?.end()?;
        }
        Ok(self.unsaid)
    }
}

/// The kinds that MVT has a list of.
const fn is_read(kind: K) -> bool {
    matches!(
        kind,
        K::Domain
            | K::Ipv4
            | K::Url
            | K::Email
            | K::ProcessName
            | K::FileName
            | K::FilePath
            | K::Md5
            | K::Sha1
            | K::Sha256
            | K::AppId
            | K::AppCertHash
            | K::ConfigurationProfileId
            | K::AndroidProperty
    )
}
