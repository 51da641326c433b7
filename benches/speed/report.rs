//! What is printed: our figure, the raw limit of the same run, their ratio, and what the ratio must reach.

use std::time::{Duration, Instant};

/// Everything measured in one run.
#[derive(Default)]
pub struct Report {
    controls_failed: Vec<String>,
    short: usize,
}

/// What a ratio must be.
#[derive(Clone, Copy)]
pub enum Must {
    AtLeast(f64),
    AtMost(f64),
    /// Nothing: it is printed for those who want to know.
    Nothing,
}

impl Report {
    /// One line: ours, the raw limit, the ratio.
    pub fn line(&mut self, work: &str, ours: &str, raw: &str, ratio: f64, must: Must) {
        let verdict = match must {
            Must::AtLeast(least) if ratio >= least => format!(">= {least}: reached"),
            Must::AtLeast(least) => format!(">= {least}: SHORT"),
            Must::AtMost(most) if ratio <= most => format!("<= {most}: reached"),
            Must::AtMost(most) => format!("<= {most}: SHORT"),
            Must::Nothing => String::new(),
        };
        self.short += usize::from(verdict.ends_with("SHORT"));
        println!("{work:<42} {ours:>22}   raw {raw:>30}   ratio {ratio:>6.2}  {verdict}");
    }

    /// A line without a raw limit beside it.
    pub fn plain(&mut self, work: &str, ours: &str, figure: f64, must: Must) {
        self.line(work, ours, "-", figure, must);
    }

    /// What must hold for a figure to mean anything.
    pub fn control(&mut self, what: &str, holds: bool) {
        println!("control: {what}: {}", if holds { "ok" } else { "FAILED" });
        if !holds {
            self.controls_failed.push(what.to_owned());
        }
    }

    /// Tells how it went; `false` when a control failed, so that the figures mean nothing.
    pub fn end(&self) -> bool {
        println!("load average at the end: {}", load());
        println!("{} figures fall short; {} controls failed", self.short, self.controls_failed.len());
        self.controls_failed.is_empty()
    }
}

/// The machine's load averages.
pub fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or_else(|_| "unknown".into(), |text| text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

pub fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

pub fn per_second(rate: f64) -> String {
    format!("{rate:.0}/s")
}

pub fn median(mut figures: Vec<f64>) -> f64 {
    quantile(&mut figures, 0.5)
}

/// The figure below which such a part of them lies.
pub fn quantile(figures: &mut [f64], part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = ((figures.len() as f64 * part) as usize).min(figures.len().saturating_sub(1));
    figures.get(at).copied().unwrap_or(f64::NAN)
}

/// Seconds of CPU that this process has used, all threads. Beside a machine's other work this tells more than a clock.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}
