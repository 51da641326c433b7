//! W1, W2 and W6: how many indicators in a second.

use std::time::{Duration, Instant};

use super::{Plan, directory};
use crate::corpus;
use crate::raw::{self, Best, disk_bytes};
use crate::report::{Must, Report, cpu_seconds, median, per_second, rate};
use crate::rig::{Disk, Member, gather, lies_told, make_group, warm};

const SEED: u64 = 1;

/// One measurement and the raw limit measured right after it.
pub struct Pair {
    pub ours: Duration,
    pub raw: Best,
    pub store_bytes: u64,
    /// Seconds of CPU, all threads.
    pub cpu: f64,
}

/// Medians of the pairs; the ratio is that of each pair, so that what the machine does meanwhile meets both.
fn tell(report: &mut Report, work: &str, count: u64, pairs: &[Pair], least: f64) {
    let ours = median(pairs.iter().map(|pair| rate(count, pair.ours)).collect());
    let raw = median(pairs.iter().map(|pair| rate(count, pair.raw.time)).collect());
    let ratio = median(pairs.iter().map(|pair| pair.raw.time.as_secs_f64() / pair.ours.as_secs_f64()).collect());
    let how = pairs.last().map_or("", |pair| pair.raw.how);
    report.line(work, &per_second(ours), &format!("{} ({how})", per_second(raw)), ratio, Must::AtLeast(least));
    if count >= 10_000 {
        let each = |seconds: f64| seconds * 1e6 / count as f64;
        let ours = median(pairs.iter().map(|pair| each(pair.cpu)).collect());
        let raw = median(pairs.iter().map(|pair| each(pair.raw.cpu)).collect());
        let work = format!("{}   CPU for one, all threads", &work[..2]);
        report.line(&work, &format!("{ours:.1} us"), &format!("{raw:.1} us"), ours / raw, Must::Nothing);
    }
}

/// W1: a STIX file becomes durable.
pub async fn import(plan: &Plan, report: &mut Report) {
    for &count in &plan.sizes {
        let mut pairs = Vec::new();
        for round in 0..plan.repeat as u64 {
            pairs.push(import_once(report, SEED + round, count).await);
        }
        tell(report, &format!("W1 import of {count}"), count, &pairs, 0.5);
        let disk = median(pairs.iter().map(|pair| pair.store_bytes as f64 / pair.raw.file_bytes as f64).collect());
        let each = median(pairs.iter().map(|pair| pair.store_bytes as f64 / count as f64).collect());
        let raw = median(pairs.iter().map(|pair| pair.raw.file_bytes as f64 / count as f64).collect());
        report.line(
            &format!("W5 disk of {count}"),
            &format!("{each:.0} B each"),
            &format!("{raw:.0} B each"),
            disk,
            if count >= 10_000 { Must::AtMost(1.1) } else { Must::Nothing },
        );
    }
}

pub async fn import_once(report: &mut Report, seed: u64, count: u64) -> Pair {
    let directory = directory();
    let mut member = Member::start(directory.path(), "alone", None, Disk::Honest).await;
    make_group(&member, Vec::new()).await;
    let file = directory.path().join("bundle.json");
    corpus::write(&file, seed, count).expect("a file");
    let (began, before) = (Instant::now(), cpu_seconds());
    let told = member.import(&file).await;
    let (ours, cpu) = (began.elapsed(), cpu_seconds() - before);
    if told.released != count {
        report.control(&format!("all of {count} were released, not {}", told.released), false);
    }
    let last = corpus::indicator(seed, count - 1).0;
    if !member.finds(&last) || member.finds("never-imported.org") {
        report.control("what was imported is found, and nothing else", false);
    }
    member.sleep().await;
    let store_bytes = disk_bytes(&member.store_file());
    let raw = raw::best(&member.store_file(), count, directory.path());
    Pair { ours, raw, store_bytes, cpu }
}

/// W2: an empty peer catches up over mutual TLS.
pub async fn catch_up(plan: &Plan, report: &mut Report) {
    for &count in &plan.sizes {
        let mut pairs = Vec::new();
        for round in 0..plan.repeat as u64 {
            pairs.push(catch_up_once(report, SEED + round, count).await);
        }
        tell(report, &format!("W2 catch-up of {count}"), count, &pairs, 0.5);
    }
}

pub async fn catch_up_once(report: &mut Report, seed: u64, count: u64) -> Pair {
    let directory = directory();
    let mut members = gather(directory.path(), 2, None).await;
    warm(&members, 99).await;
    let (before, file) = (members[1].held(), directory.path().join("bundle.json"));
    members[1].sleep().await;
    corpus::write(&file, seed, count).expect("a file");
    members[0].import(&file).await;
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    members[1].wake().await;
    members[1].until_held(before + count).await;
    let (ours, cpu) = (began.elapsed(), cpu_seconds() - cpu_before);
    let last = corpus::indicator(seed, count - 1).0;
    if !members[1].finds(&last) || members[1].finds("never-imported.org") {
        report.control("what was sent is found at the reader, and nothing else", false);
    }
    members[0].sleep().await;
    members[1].sleep().await;
    let store_bytes = disk_bytes(&members[1].store_file());
    let raw = raw::best(&members[1].store_file(), count, directory.path());
    Pair { ours, raw, store_bytes, cpu }
}

/// W6: eight empty peers catch up at the same time.
pub async fn eight_peers(plan: &Plan, report: &mut Report) {
    const PEERS: u64 = 8;
    let count = if plan.smoke { 1_000 } else { 10_000 };
    let mut pairs = Vec::new();
    for round in 0..plan.repeat as u64 {
        let directory = directory();
        let mut members = gather(directory.path(), 1 + PEERS as usize, None).await;
        warm(&members, 99).await;
        let before: Vec<u64> = members.iter().map(Member::held).collect();
        for member in &mut members[1..] {
            member.sleep().await;
        }
        members[0].import_text(corpus::bundle(SEED + round, 0, count)).await;
        let (began, cpu_before) = (Instant::now(), cpu_seconds());
        for member in &mut members[1..] {
            member.wake().await;
        }
        for (member, before) in members.iter().zip(&before).skip(1) {
            member.until_held(before + count).await;
        }
        let (ours, cpu) = (began.elapsed(), cpu_seconds() - cpu_before);
        let last = corpus::indicator(SEED + round, count - 1).0;
        if !members[1..].iter().all(|member| member.finds(&last)) {
            report.control("all eight have all", false);
        }
        for member in &mut members {
            member.sleep().await;
        }
        let raw = raw::best(&members[1].store_file(), count, directory.path());
        // The figure is the sum over all readers.
        pairs.push(Pair { ours: ours / PEERS as u32, raw, store_bytes: 0, cpu: cpu / PEERS as f64 });
    }
    tell(report, &format!("W6 eight peers catch up with {count}, sum"), count, &pairs, 0.4);
}

/// A disk that skips the sync must show: else ours was never waited for. That each import asks for its two syncs holds anywhere; by the clock it
/// is told only where there is time for enough of them, in turn on both disks, since a disk may sync in next to no time.
pub async fn lying_disk(plan: &Plan, report: &mut Report) {
    let rounds = plan.rounds(200) as u64;
    let directories = [directory(), directory()];
    let mut members = Vec::new();
    for (disk, directory) in [Disk::Honest, Disk::Lying].into_iter().zip(&directories) {
        let member = Member::start(directory.path(), "alone", None, disk).await;
        make_group(&member, Vec::new()).await;
        members.push((member, Vec::new()));
    }
    let asked_before = lies_told();
    for at in 0..rounds {
        for (member, times) in &mut members {
            let text = corpus::bundle(SEED, at, 1);
            let began = Instant::now();
            member.import_text(text).await;
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let asked = lies_told() - asked_before;
    let mut rates = Vec::new();
    for (mut member, times) in members {
        member.sleep().await;
        rates.push(1.0 / median(times));
    }
    let (honest, lying) = (rates[0], rates[1]);
    report.line("imports of one, on a disk that does not sync", &per_second(lying), &per_second(honest), lying / honest, Must::Nothing);
    report.control(&format!("{rounds} imports ask for two syncs each, or more: {asked}"), asked >= 2 * rounds);
    if !plan.smoke {
        report.control("a disk that does not sync shows in the rate (more than 1.2 times)", lying > honest * 1.2);
    }
}
