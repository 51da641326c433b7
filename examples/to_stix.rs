//! Reads files of any format and writes one STIX 2.1 bundle: `to_stix FILE… > bundle.json`.
//!
//! What the command line does with a store between the two, without one: record ids are hashes of the values, the author is a made-up
//! organisation, unmarked values count as AMBER+STRICT. `tests/counts/validate.sh` holds the result against the OASIS validator.

use std::collections::BTreeSet;
use std::io::{BufReader, BufWriter, Cursor};
use std::ops::ControlFlow;
use watchfire::formats::export::Row;
use watchfire::formats::pattern::Dialect;
use watchfire::formats::stix::write::BundleWriter;
use watchfire::formats::{self, Item};
use watchfire::model::{Indicator, Label, OrgId, RecordId, Timestamp, Tlp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut writer = BundleWriter::new(BufWriter::new(std::io::stdout().lock()), Dialect::Standard)?;
    let mut seen = BTreeSet::new();
    for path in std::env::args().skip(1) {
        let mut failed = None;
        let mut sink = |item: Item| {
            if let Item::Indicator { indicator, tlp, class, pap, revoked, .. } = item
                && seen.insert(indicator.observable.clone())
                && let Err(error) = writer.write(&row(*indicator, Label::new(tlp.unwrap_or(Tlp::AmberStrict), class, pap), revoked))
            {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let mut input = BufReader::new(std::fs::File::open(&path)?);
        formats::read(&mut input, None, Some(&path), &mut Cursor::new(Vec::new()), &mut sink)?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    writer.finish()?;
    Ok(())
}

fn row(indicator: Indicator, label: Label, revoked: bool) -> Row {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, indicator.observable.to_string().as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_ref()[..16]);
    let at = Timestamp(1_767_225_600_000);
    Row {
        id: RecordId(id),
        observable: indicator.observable,
        tlp: label.tlp(),
        marks: formats::marks_of(label),
        author: OrgId([7; 32]),
        valid_from: indicator.valid_from,
        valid_until: indicator.valid_until,
        confidence: indicator.confidence,
        labels: indicator.labels,
        note: indicator.note,
        source: indicator.source,
        revoked,
        created: at,
        modified: at,
        met: Vec::new(),
    }
}
