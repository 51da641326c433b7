//! How W1, W2 and W4 grow with N, as a plot.

use std::path::Path;

use super::{Plan, directory, lookup, throughput};
use crate::corpus;
use crate::plot::{Curve, svg};
use crate::report::{Must, Report, rate};
use crate::rig::{Disk, Member, make_group};

/// The sizes of the plot; `--n` gives others.
const SIZES: [u64; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];

pub async fn draw(plan: &Plan, file: &Path, report: &mut Report) {
    let asked_for = plan.sizes != [1_000, 10_000, 100_000];
    let sizes = if asked_for { plan.sizes.clone() } else { SIZES.to_vec() };
    let mut curves: Vec<Curve> = ["W1 import", "W1 raw redb", "W2 catch-up", "W4 exact lookup"].map(Curve::new).into();
    for count in sizes {
        let pair = throughput::import_once(report, 1, count).await;
        curves[0].points.push((count as f64, rate(count, pair.ours)));
        curves[1].points.push((count as f64, rate(count, pair.raw.time)));
        let pair = throughput::catch_up_once(report, 1, count).await;
        curves[2].points.push((count as f64, rate(count, pair.ours)));
        let directory = directory();
        let mut member = Member::start(directory.path(), "alone", None, Disk::Honest).await;
        make_group(&member, Vec::new()).await;
        member.import_text(corpus::bundle(4, 0, count)).await;
        curves[3].points.push((count as f64, lookup::in_process(plan, report, &mut member, count).await));
        for curve in &curves {
            println!("{:<16} {count:>9} {:>10.0}/s", curve.name, curve.points.last().map_or(f64::NAN, |point| point.1));
        }
    }
    for curve in &curves {
        let (first, last) = (curve.points[0], curve.points[curve.points.len() - 1]);
        // N log N: the time for one grows no faster than log N.
        let growth = (first.1 / last.1) / (last.0.ln() / first.0.ln());
        report.plain(&format!("{}: time for one, grown beside log N", curve.name), "", growth, Must::AtMost(1.0));
    }
    std::fs::write(file, svg("Indicators in a second, by how many there are", &curves)).expect("the plot is written");
    println!("drawn: {}", file.display());
}
