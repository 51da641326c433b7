//! How fast the whole is, beside the raw limits of the same run. See docs/performance.md.
//!
//! `cargo bench --bench speed` prints every figure; `-- --works w1,w3 --n 1000,10000 --repeat 5` some of them; `-- --smoke` checks in
//! seconds that everything still runs and that every control holds; `-- --growth FILE.svg` draws how the figures grow with N.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot go on ends")]

#[path = "../../tests/shared/cases.rs"]
mod cases;
mod corpus;
mod plot;
mod raw;
mod report;
mod rig;
mod works;

use report::{Report, load};
use works::{Plan, growth, latency, lookup, memory, referral, throughput, wire};

fn main() {
    let plan = Plan::from_arguments(std::env::args().skip(1));
    if let Some(child) = &plan.child {
        return memory::child(child);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut report = Report::default();
    println!("load average at the start: {}; {} cores", load(), std::thread::available_parallelism().map_or(0, Into::into));
    report.control("the generator makes the bytes that it always made", corpus::is_unchanged());
    runtime.block_on(run(&plan, &mut report));
    if !report.end() {
        std::process::exit(1);
    }
}

async fn run(plan: &Plan, report: &mut Report) {
    if let Some(file) = &plan.growth {
        return growth::draw(plan, file, report).await;
    }
    if plan.wants("control") {
        throughput::lying_disk(plan, report).await;
    }
    if plan.wants("w1") {
        throughput::import(plan, report).await;
    }
    if plan.wants("w2") {
        throughput::catch_up(plan, report).await;
    }
    if plan.wants("w3") {
        latency::one_new_indicator(plan, report).await;
        latency::nothing_new(plan, report).await;
    }
    if plan.wants("w4") {
        lookup::all(plan, report).await;
    }
    if plan.wants("w5") {
        wire::all(plan, report).await;
        memory::all(plan, report);
    }
    if plan.wants("w6") {
        throughput::eight_peers(plan, report).await;
    }
    if plan.wants("w7") {
        referral::offer_to_receipt(plan, report).await;
    }
}
