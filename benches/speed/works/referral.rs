//! W7: a case is offered, until its origin durably knows that the other node has it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Plan, directory};
use crate::cases;
use crate::report::{Must, Report, median, quantile, timed};
use crate::rig::{Disk, Member, pair};
use watchfire::model::ReferralId;
use watchfire::node::referral::{By, ReferRequest};

/// Three commits have to follow one another, with two syncs each; what is written beside them may be four more, and a disk that is busy has another batch.
const SYNCS_MAX: f64 = 12.0;
/// What a sync of the raw file follows on: one page.
const PAGE: usize = 4_096;

/// Offers one case after the other to the other end of a live link, each until the machine's receipt is in the origin's store; in turn with a raw
/// append and sync to a file beside both stores. The syncs of both stores are counted.
pub async fn offer_to_receipt(plan: &Plan, report: &mut Report) {
    let rounds = plan.rounds(300);
    let directory = directory();
    let origin = Member::start(directory.path(), "origin", None, Disk::Counted).await;
    let receiver = Member::start(directory.path(), "receiver", None, Disk::Counted).await;
    pair(&origin, &receiver).await;
    let mut raw = RawFile::create(&directory.path().join("raw"));
    // The first offers meet a link that comes up, and caches that are empty.
    for _ in 0..5 {
        refer(&origin).await;
    }
    let (mut ours, mut syncs, mut until_receipt, mut all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut first = Vec::new();
    for _ in 0..rounds {
        quiet(&origin, &receiver).await;
        let before = [origin.syncs(), receiver.syncs()];
        let began = Instant::now();
        let (id, durable) = refer(&origin).await;
        let took = began.elapsed();
        until_receipt.push([origin.syncs() - before[0], receiver.syncs() - before[1]]);
        quiet(&origin, &receiver).await;
        all.push([origin.syncs() - before[0], receiver.syncs() - before[1]]);
        assert!(is_delivered(&receiver, &id), "the receiver has it, too");
        ours.push(ms(took));
        first.push(ms(durable));
        syncs.push(ms(raw.append_and_sync()));
    }
    let p99 = quantile(&mut ours, 0.99);
    let (ours, first, sync) = (median(ours), median(first), median(syncs));
    let middle = |counts: &[[u64; 2]], at: usize| median(counts.iter().map(|count| count[at] as f64).collect());
    let figure = format!("{ours:.2} ms (p99 {p99:.2})");
    report.line("W7 offer, until its receipt is durable", &figure, &format!("{sync:.3} ms a sync"), ours / sync, Must::Nothing);
    report.line(
        "W7   of which the offer at its origin",
        &format!("{first:.2} ms"),
        &format!("{sync:.3} ms a sync"),
        first / sync,
        Must::Nothing,
    );
    for (what, counts) in [("until then", &until_receipt), ("until nothing more is written", &all)] {
        let [at_origin, at_receiver] = [0, 1].map(|at| middle(counts, at));
        let told = format!("{at_origin} + {at_receiver}");
        report.plain(&format!("W7   syncs {what}, origin + receiver"), &told, at_origin + at_receiver, Must::Nothing);
    }
    let most = until_receipt.iter().map(|[one, other]| (one + other) as f64).collect();
    report.control("no more than 12 syncs one after the other until its receipt is durable", median(most) <= SYNCS_MAX);
    report.control(
        "each offer asks for two syncs in each of three commits, or more",
        until_receipt.iter().all(|[one, other]| *one >= 4 && *other >= 2),
    );
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Until neither store has synced for a while.
async fn quiet(origin: &Member, receiver: &Member) {
    loop {
        let before = origin.syncs() + receiver.syncs();
        tokio::time::sleep(Duration::from_millis(30)).await;
        if origin.syncs() + receiver.syncs() == before {
            return;
        }
    }
}

fn is_delivered(at: &Member, id: &ReferralId) -> bool {
    let snapshot = at.node().store.snapshot().expect("the store reads");
    snapshot.conversation(id).expect("the store reads").is_some_and(|one| one.standing.receiver.receipt)
}

/// Which, and how long it took until it was durable here.
async fn refer(origin: &Member) -> (ReferralId, Duration) {
    let began = Instant::now();
    let view = origin.node().refer(request(), By::default()).await.expect("it is offered");
    let durable = began.elapsed();
    origin.until(|origin| is_delivered(origin, &view.referral)).await;
    (view.referral, durable)
}

/// A file that grows, beside the stores.
struct RawFile(File);

impl RawFile {
    fn create(file: &Path) -> Self {
        Self(File::create(file).expect("a file"))
    }

    fn append_and_sync(&mut self) -> Duration {
        let ((), time) = timed(|| {
            self.0.write_all(&[7; PAGE]).expect("it is written");
            self.0.sync_data().expect("it is synced");
        });
        time
    }
}

fn request() -> ReferRequest {
    let summary = "The account was taken over on Monday, after a message with a link; the person cannot get in any more.";
    cases::request(cases::offer(summary), &["receiver"])
}
