//! What the release gate costs for a record, beside labels and projection alone.
//!
//! `cargo bench --bench gate --no-default-features`
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use watchfire::model::log::Audience;
use watchfire::model::{Indicator, Observable, ObservableKind, OrgId, Record, Timestamp, Tlp};
use watchfire::rules::gate::{Gate, Origin, Told};
use watchfire::rules::label::AudienceState;
use watchfire::rules::redact::{Detector, Known};
use watchfire::rules::release::{Draft, Look, release};

const RECORDS: usize = 100_000;

fn main() {
    let nothing = Gate::default();
    let known = (0..100).fold(Known::default(), |known, n| known.name(&format!("Firstname{n} Lastname{n}")));
    let told = Told { detector: Detector::new(&known), has_names: true, ..Told::default() };
    let names = Gate { told: Arc::new(told), ..Gate::default() };
    let texts = |note: Option<&str>| (note.map(str::to_owned), Some("weekly report".to_owned()), vec!["pegasus".to_owned()]);
    println!("each record once, in µs; labels and projection alone are the same without texts and with the value left as it is");
    for (name, (note, source, labels)) in [
        ("value alone", (None, None, Vec::new())),
        ("value, source, label", texts(None)),
        ("and a note", texts(Some("seen in messages that ask for a code; the page copies a bank's"))),
        ("and a note with an address", texts(Some("seen by jane.doe@ngo.net in messages that ask for a code"))),
    ] {
        let indicator =
            |n: usize| Indicator { note: note.clone(), source: source.clone(), labels: labels.clone(), ..Indicator::bare(value(n)) };
        let bare = |n: usize| Indicator::bare(value(n));
        let base = measured(&nothing, Origin::PassedOn, bare);
        let plain = measured(&nothing, Origin::Ours, indicator);
        let denied = measured(&names, Origin::Ours, indicator);
        println!("{name:28} alone {base:5.2}   gate {plain:6.2}   gate with 100 names {denied:6.2}");
    }
}

/// Domains, addresses, URLs and hashes.
fn value(n: usize) -> Observable {
    let (kind, text) = match n % 4 {
        0 => (ObservableKind::Domain, format!("host{n}.evil-login.com")),
        1 => (ObservableKind::Ipv4, format!("45.84.{}.{}", n / 250 % 250, n % 250)),
        2 => (ObservableKind::Sha256, format!("{n:064x}")),
        _ => (ObservableKind::Url, format!("https://cdn{n}.evil-login.com/load?id={n}")),
    };
    Observable::parse(kind, &text).expect("a value")
}

/// Microseconds for each record.
fn measured(gate: &Gate, origin: Origin, indicator: impl Fn(usize) -> Indicator) -> f64 {
    let (us, peer) = (OrgId([1; 32]), OrgId([2; 32]));
    let audience = Audience::Direct(peer);
    let draft = |n| Draft { record: Record::Indicator(indicator(n)), label: Tlp::Amber.into(), audience, retention: Timestamp(0) };
    let drafts: Vec<Draft> = (0..RECORDS).map(draft).collect();
    let began = Instant::now();
    for draft in drafts {
        let look = Look { gate, inside: &[], origin, permission: None };
        let _ = black_box(release(draft, AudienceState::OPEN, &us, Timestamp(0), look));
    }
    began.elapsed().as_secs_f64() * 1e6 / RECORDS as f64
}
