//! W4: lookups, in process and over the local interface.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Plan, directory};
use crate::corpus;
use crate::raw::CACHE_BYTES;
use crate::report::{Must, Report, median, per_second, quantile, rate, timed};
use crate::rig::{Disk, Member, make_group};
use tokio_util::sync::CancellationToken;
use watchfire::api::client::{Client, Target};
use watchfire::api::server::Socket;
use watchfire::model::Observable;
use watchfire::model::observable::search_key;
use watchfire::node::view::LookupView;
use watchfire::store::raw::{RawRows, RawStore};

const SEED: u64 = 4;

/// In process for each size; over the socket for the last.
pub async fn all(plan: &Plan, report: &mut Report) {
    for &count in &plan.sizes {
        let directory = directory();
        let mut member = Member::start(directory.path(), "alone", None, Disk::Honest).await;
        make_group(&member, Vec::new()).await;
        member.import_text(corpus::bundle(SEED, 0, count)).await;
        in_process(plan, report, &mut member, count).await;
        if Some(&count) == plan.sizes.last() {
            over_the_socket(plan, report, &member, count).await;
        }
    }
}

/// Values in no order that a page cache would like.
fn asked(count: u64, total: usize) -> Vec<String> {
    (0..total as u64).map(|at| corpus::indicator(SEED, at.wrapping_mul(2_654_435_761) % count).0).collect()
}

/// Gives back how many exact lookups go in a second.
pub async fn in_process(plan: &Plan, report: &mut Report, member: &mut Member, count: u64) -> f64 {
    let values = asked(count, plan.rounds(20_000));
    let observables: Vec<Observable> = values.iter().map(|value| Observable::guess(value).expect("a value")).collect();
    let now = member.node().clock.now();
    let node = member.node().clone();
    // One thread, one look-up after the other, each from the value as it stands in a question.
    let exact = || {
        let snapshot = node.store.snapshot().expect("the store reads");
        observables.iter().filter(|one| snapshot.said_of(one, now).expect("the store reads").is_some()).count()
    };
    let all_matches = || {
        let snapshot = node.store.snapshot().expect("the store reads");
        observables.iter().filter(|one| !snapshot.lookup(one, now).expect("the store reads").hits.is_empty()).count()
    };
    let views = || node.lookup(&values[..values.len().min(10_000)]).expect("the store reads").len();
    let (mut exact_rates, mut all_rates, mut view_rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.repeat {
        let (found, time) = timed(exact);
        report_missing(report, found, observables.len());
        exact_rates.push(rate(found as u64, time));
        let (found, time) = timed(all_matches);
        report_missing(report, found, observables.len());
        all_rates.push(rate(found as u64, time));
        let (answered, time) = timed(views);
        view_rates.push(rate(answered as u64, time));
    }
    let absent = Observable::guess("never-imported.org").expect("a value");
    let found = node.store.snapshot().expect("the store reads").said_of(&absent, now).expect("the store reads").is_some();
    if found {
        report.control("what was not imported is not found", false);
    }
    drop(node);
    member.sleep().await;
    let directory = directory();
    let raw = RawStore::create(&directory.path().join("raw.redb"), CACHE_BYTES).expect("a file");
    RawRows::of(&member.store_file()).expect("it reads").parts(1).iter().for_each(|part| raw.commit(part).expect("it commits"));
    let reader = raw.reader().expect("it reads");
    let (mut point_rates, mut answer_rates) = (Vec::new(), Vec::new());
    for _ in 0..plan.repeat {
        let (found, time) = timed(|| keys(&observables).filter(|key| reader.number(key).expect("it reads").is_some()).count());
        point_rates.push(rate(found as u64, time));
        let (found, time) = timed(|| keys(&observables).filter(|key| reader.answer(key).expect("it reads") > 0).count());
        answer_rates.push(rate(found as u64, time));
    }
    member.wake().await;
    let (exact, all, views) = (median(exact_rates), median(all_rates), median(view_rates));
    let (point, answer) = (median(point_rates), median(answer_rates));
    let beside = format!("{} (the answer's rows)", per_second(answer));
    report.line(&format!("W4 exact lookup among {count}"), &per_second(exact), &beside, exact / answer, Must::AtLeast(0.6));
    report.line("W4   the same beside one bare row", &per_second(exact), &per_second(point), exact / point, Must::Nothing);
    report.line("W4   all matches (parents, networks ...)", &per_second(all), &beside, all / answer, Must::Nothing);
    report.line("W4   from text to answer, batches of 10,000", &per_second(views), &beside, views / answer, Must::Nothing);
    exact
}

fn keys(observables: &[Observable]) -> impl Iterator<Item = Vec<u8>> {
    observables.iter().map(search_key)
}

fn report_missing(report: &mut Report, found: usize, asked: usize) {
    if found != asked {
        report.control(&format!("every value that was imported is found: {found} of {asked}"), false);
    }
}

async fn over_the_socket(plan: &Plan, report: &mut Report, member: &Member, count: u64) {
    let stop = CancellationToken::new();
    let socket = Socket::bind(&member.data).expect("a socket");
    let serving = tokio::spawn(socket.serve(member.node().clone(), 4 << 20, 64, stop.clone()));
    for clients in [1, 16] {
        let each = plan.rounds(2_000) / clients;
        let values = Arc::new(asked(count, each * clients));
        let began = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|at| tokio::spawn(ask_one_by_one(Client::new(&member.data), values.clone(), at * each..(at + 1) * each)))
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.expect("no panic"));
        }
        tell(report, &format!("W4 over the socket, {clients} clients"), each * clients, began.elapsed(), &mut times);
    }
    let (batches, client) = (plan.rounds(50), Client::new(&member.data));
    let (mut times, began) = (Vec::new(), Instant::now());
    for at in 0..batches {
        let values = asked(count, 1_000 * (at + 1)).split_off(1_000 * at);
        times.extend(ask(&client, values).await);
    }
    tell(report, "W4 over the socket, 1,000 values at a time", batches * 1_000, began.elapsed(), &mut times);
    stop.cancel();
    let _ = serving.await;
}

async fn ask_one_by_one(client: Client, values: Arc<Vec<String>>, which: std::ops::Range<usize>) -> Vec<f64> {
    let mut times = Vec::new();
    for value in &values[which] {
        times.extend(ask(&client, vec![value.clone()]).await);
    }
    times
}

async fn ask(client: &Client, values: Vec<String>) -> Option<f64> {
    let (asked, began) = (values.len(), Instant::now());
    let found: Vec<LookupView> = client.post(Target::new(&["lookup"]), &serde_json::json!({ "values": values })).await.expect("an answer");
    let time = began.elapsed();
    assert_eq!(found.iter().filter(|one| !one.matches.is_empty()).count(), asked, "every value is found");
    Some(time.as_secs_f64() * 1_000.0)
}

fn tell(report: &mut Report, work: &str, count: usize, time: Duration, times: &mut [f64]) {
    let (p50, p99) = (quantile(times, 0.5), quantile(times, 0.99));
    report.plain(work, &format!("{} p50 {p50:.2} p99 {p99:.2} ms", per_second(rate(count as u64, time))), p50, Must::Nothing);
}
