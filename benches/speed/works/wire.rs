//! W5: bytes on the wire for each indicator, all of them: headers, salts, signatures, HTTP/2, TLS, both ways.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Plan, directory};
use crate::corpus;
use crate::report::{Must, Report};
use crate::rig::{Wire, gather, sorted_values, warm};
use watchfire::formats::{self, Format, Item};

/// Real sets stand beside the project; without them only the generated ones are measured.
fn real_sets() -> Vec<PathBuf> {
    let shared = std::env::var_os("WATCHFIRE_SHARED").map_or_else(|| Path::new("../shared").to_owned(), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(shared.join("data/stix")) else {
        println!("SKIP  real sets on the wire: there is no data in {}", shared.display());
        return Vec::new();
    };
    let mut sets: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    sets.sort();
    sets
}

pub async fn all(plan: &Plan, report: &mut Report) {
    for &count in plan.sizes.iter().filter(|size| **size <= 100_000) {
        measure(report, &format!("generated {count}"), corpus::bundle(6, 0, count)).await;
    }
    let sets = if plan.smoke { Vec::new() } else { real_sets() };
    for set in sets {
        let Ok(text) = std::fs::read_to_string(&set) else { continue };
        let name = set.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if values(&text).len() >= 100 {
            measure(report, &name, text).await;
        }
    }
}

/// The distinct values that an import would take.
fn values(text: &str) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    let mut scratch = std::io::Cursor::new(Vec::new());
    let mut sink = |item: Item| {
        if let Item::Indicator { indicator, revoked: false, .. } = item {
            values.insert(indicator.observable.value().to_owned());
        }
        std::ops::ControlFlow::Continue(())
    };
    let _ = formats::read(&mut text.as_bytes(), Some(Format::Stix), None, &mut scratch, &mut sink);
    values
}

async fn measure(report: &mut Report, name: &str, text: String) {
    let (directory, wire, values) = (directory(), Wire::default(), values(&text));
    let members = gather(directory.path(), 2, Some(&wire)).await;
    warm(&members, 99).await;
    wire.quiet(Duration::from_millis(300)).await;
    let (bytes, held) = (wire.bytes(), members[1].held());
    let told = members[0].import_text(text).await;
    members[1].until_held(held + told.released).await;
    let bytes = wire.quiet(Duration::from_millis(300)).await - bytes;
    let packed = zstd::bulk::compress(&sorted_values(&values), 19).expect("zstd packs").len();
    let (count, limit) = (told.released as f64, 1.5 * packed as f64 + 6.0 * told.released as f64);
    report.line(
        &format!("W5 wire, {name} ({})", told.released),
        &format!("{:.1} B each", bytes as f64 / count),
        &format!("{:.1} x 1.5 + 6 = {:.1} B each", packed as f64 / count, limit / count),
        bytes as f64 / limit,
        Must::AtMost(1.0),
    );
}
