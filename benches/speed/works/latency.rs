//! W3: one new indicator, and nothing new.

use std::time::{Duration, Instant};

use super::{Plan, directory};
use crate::corpus;
use crate::raw::CACHE_BYTES;
use crate::report::{Must, Report, median, quantile, timed};
use crate::rig::{Wire, gather, warm};
use watchfire::store::raw::{RawRows, RawStore};

const SEED: u64 = 3;

/// From the import at one node until a lookup at the other finds it; beside it one redb commit of one such row, turn by turn.
pub async fn one_new_indicator(plan: &Plan, report: &mut Report) {
    for (k, most) in [(1, 4.0), (100, 8.0)] {
        let rounds = plan.rounds(if k == 1 { 300 } else { 60 }) as u64;
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        let directory = directory();
        let members = gather(directory.path(), 2, None).await;
        warm(&members, 99).await;
        // Rows of the kind that the reader ends up with, each a transaction of its own: taken from a store like it.
        let rows = rows_like_these(rounds).await;
        let file = RawStore::create(&directory.path().join("raw.redb"), CACHE_BYTES).expect("a file");
        for (round, part) in rows.parts(rounds as usize).iter().enumerate() {
            let first = 1_000 + round as u64 * k;
            let last = corpus::indicator(SEED, first + k - 1).0;
            let text = corpus::bundle(SEED, first, k);
            let began = Instant::now();
            let told = members[0].import_text(text).await;
            members[1].until_found(&last).await;
            ours.push(began.elapsed().as_secs_f64() * 1_000.0);
            assert_eq!(told.released, k, "every one is new");
            // What follows, such as the acknowledgement, is over before the other's turn.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let ((), time) = timed(|| file.commit(part).expect("it commits"));
            raw.push(time.as_secs_f64() * 1_000.0);
        }
        let p99 = quantile(&mut ours, 0.99);
        let (ours, raw) = (median(ours), median(raw));
        let figure = format!("{ours:.2} ms (p99 {p99:.2})");
        report.line(
            &format!("W3 {k} new, durable and found at B"),
            &figure,
            &format!("{raw:.2} ms a commit"),
            ours / raw,
            Must::AtMost(most),
        );
    }
}

async fn rows_like_these(count: u64) -> RawRows {
    let directory = directory();
    let mut members = gather(directory.path(), 2, None).await;
    warm(&members, 99).await;
    let before = members[1].held();
    members[0].import_text(corpus::bundle(SEED + 1, 0, count)).await;
    members[1].until_held(before + count).await;
    for member in &mut members {
        member.sleep().await;
    }
    RawRows::of(&members[1].store_file()).expect("the store reads")
}

/// What a link costs that has nothing to say.
pub async fn nothing_new(plan: &Plan, report: &mut Report) {
    let directory = directory();
    let wire = Wire::default();
    let mut members = gather(directory.path(), 2, Some(&wire)).await;
    warm(&members, 99).await;
    members[0].import_text(corpus::bundle(SEED, 0, 100)).await;
    members[1].until_found(&corpus::indicator(SEED, 99).0).await;
    wire.quiet(Duration::from_millis(500)).await;
    let idle_seconds = if plan.smoke { 1 } else { 10 };
    let before = wire.bytes();
    tokio::time::sleep(Duration::from_secs(idle_seconds)).await;
    let idle = wire.bytes() - before;
    report.plain(&format!("W3 idle link for {idle_seconds} s"), &format!("{idle} B"), idle as f64, Must::AtMost(200.0));
    // B goes and comes back: the first connection after that is the one that counts.
    members[1].sleep().await;
    wire.quiet(Duration::from_millis(200)).await;
    let (before, calls) = (wire.bytes(), wire.connections());
    members[1].wake().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let bytes = wire.quiet(Duration::from_millis(500)).await - before;
    let calls = wire.connections() - calls;
    report.plain(&format!("W3 reconnect, {calls} connections, handshakes too"), &format!("{bytes} B"), bytes as f64, Must::Nothing);
    let (bytes, flights) = wire.after_handshake();
    let told = format!("{bytes} B in {flights} flights");
    report.plain("W3 nothing new, after the handshake", &told, bytes as f64, Must::AtMost(400.0));
}
