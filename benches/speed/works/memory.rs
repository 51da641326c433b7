//! W5: memory, of a process of its own.

use std::path::Path;
use std::process::Command;

use super::{Plan, directory};
use crate::corpus;
use crate::report::{Must, Report};
use crate::rig::{Disk, Member, make_group};

/// Memory at rest and at its peak.
pub fn all(plan: &Plan, report: &mut Report) {
    let mut peaks = Vec::new();
    // One more, four times as large: what grows with N would show there.
    let more = plan.sizes.last().filter(|_| !plan.smoke).map(|last| last * 4);
    for (at, count) in plan.sizes.iter().copied().chain(more).enumerate() {
        let directory = directory();
        let file = directory.path().join("bundle.json");
        corpus::write(&file, 5, count).expect("a file");
        let figures = in_child(&["import", &directory.path().display().to_string(), &file.display().to_string()]);
        let &[idle, after, peak] = figures.as_slice() else { panic!("the child told {figures:?}") };
        if at == 0 {
            report.plain("W5 memory of an idle node", &megabytes(idle), idle / 1e6, Must::AtMost(24.0));
        }
        report.plain(&format!("W5 memory after importing {count}"), &megabytes(after), after / 1e6, Must::AtMost(100.0));
        report.plain(&format!("W5 peak while importing {count}"), &megabytes(peak), peak / 1e6, Must::Nothing);
        peaks.push(peak);
    }
    if let (Some(&small), Some(&large)) = (peaks.get(peaks.len().saturating_sub(2)), peaks.last())
        && peaks.len() > 1
    {
        let (small_text, large_text) = (megabytes(small), megabytes(large));
        report.line("W5 peak, the largest beside the next", &large_text, &small_text, large / small, Must::AtMost(1.5));
    }
}

fn megabytes(bytes: f64) -> String {
    format!("{:.1} MB", bytes / 1e6)
}

fn in_child(arguments: &[&str]) -> Vec<f64> {
    let program = std::env::current_exe().expect("our own path");
    let output = Command::new(program).arg("--child").args(arguments).output().expect("a child");
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_else(|| panic!("the child said nothing: {}", String::from_utf8_lossy(&output.stderr)));
    last.split(' ').map(|figure| figure.parse().expect("a figure")).collect()
}

/// The child: a node that starts, imports and tells its memory.
pub fn child(arguments: &[String]) {
    let [what, directory, file] = arguments else { panic!("three arguments") };
    assert_eq!(what, "import");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut member = Member::start(Path::new(directory), "alone", None, Disk::Honest).await;
        make_group(&member, Vec::new()).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let idle = memory("VmRSS");
        member.import(Path::new(file)).await;
        let (after, peak) = (memory("VmRSS"), memory("VmHWM"));
        member.sleep().await;
        println!("{idle} {after} {peak}");
    });
}

/// Bytes, as Linux counts them for this process.
fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<f64>().ok()).map_or(f64::NAN, |kilobytes| kilobytes * 1_024.0)
}
