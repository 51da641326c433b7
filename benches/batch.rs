//! What chaining, signing and verifying batches costs, beside the raw limit measured in the same run: SHA-256 over the same bytes.
//!
//! `cargo bench --bench batch`
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use watchfire::model::crypto::{SigningKey, sha256};
use watchfire::model::log::{Audience, BATCH_ENTRIES_MAX, Batch, BatchEntry, Body, Head, Header, LogKey};
use watchfire::model::{GroupId, Observable, ObservableKind, OrgId, Timestamp, Tlp};

const ROUNDS: usize = 50;
const BODY_BYTES: usize = 40;

fn main() {
    let key = SigningKey::from_seed([1; 32]);
    let log = LogKey { author: OrgId([1; 32]), incarnation: 1, audience: Audience::Group(GroupId([2; 32])) }.id();
    let entries: Vec<BatchEntry> = (0..BATCH_ENTRIES_MAX).map(entry).collect();
    let seal = |entries: Vec<BatchEntry>| {
        Batch::seal(log, Head::default(), entries, [3; 32], Timestamp(0), 0, &key).expect("a batch within its bounds")
    };
    let batch = seal(entries.clone());
    let bytes = vec![7; BATCH_ENTRIES_MAX * (Header::LENGTH + 32 + BODY_BYTES)];
    let raw = rate("SHA-256 over the same bytes, the raw limit", || {
        black_box(sha256(&[&bytes]));
    });
    let sealed = rate("chain and sign", || drop(black_box(seal(entries.clone()))));
    let verified = rate("chain and verify", || drop(black_box(batch.verify(log, Head::default(), &key.public()))));
    let guessed = rate("canonical form of a domain", || {
        for n in 0..BATCH_ENTRIES_MAX {
            drop(black_box(Observable::parse(ObservableKind::Domain, &format!("host{n}.example.org"))));
        }
    });
    println!("ratio to the raw limit: sign {:.3}, verify {:.3}, canonical form {:.3}", sealed / raw, verified / raw, guessed / raw);
}

fn entry(n: usize) -> BatchEntry {
    let mut body = format!("host{n}.example.org").into_bytes();
    body.resize(BODY_BYTES, b'.');
    BatchEntry { created: Timestamp(0), kind: 1, label: Tlp::Green.into(), retention: Timestamp(0), body: Body::Present(body) }
}

/// Entries per second, the best of all rounds.
fn rate(what: &str, mut work: impl FnMut()) -> f64 {
    let best = (0..ROUNDS).map(|_| timed(&mut work)).min().unwrap_or(Duration::MAX);
    let rate = BATCH_ENTRIES_MAX as f64 / best.as_secs_f64();
    println!("{what}: {rate:.0} entries/s");
    rate
}

fn timed(work: &mut impl FnMut()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}
