//! `watchfire statistics`

use super::output::{self, table};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::statistics::StatisticsView;
use crate::rules::statistics::{Answers, Counters, Dimension, Period, Published, Share};
use std::collections::BTreeMap;

/// Count cases and referrals of a period, and how long things took
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// A month `2026-11`, a week `2026-W48`, a quarter `2026-Q4` or a year `2026`; this month where none is given
    #[arg(long)]
    period: Option<Period>,
    /// As it may be told to others: nothing that is about few cases, rounded to five; a month alone
    #[arg(long)]
    publish: bool,
}

const ABOUT: &str = "Count cases and referrals of a period, and how long things took

Counted when it happens, and kept when what was said is destroyed. A case counts once in the network, at whoever owned its outcome (`in.case`); whoever \
gave it away counts `out.handed_over`. Who did not agree to be counted is in the totals alone.";

const EXAMPLES: &str = "Examples:
  watchfire statistics --period 2026-11 --publish";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let mut target = Target::new(&["statistics"]);
    if let Some(period) = &args.period {
        target = target.with("period", &period.to_string());
    }
    let target = if args.publish { target.with("publish", "true") } else { target };
    let view: StatisticsView = desk.node().get(target).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &StatisticsView) -> String {
    let body = match (&view.counted, &view.published) {
        (Some(counted), _) => counts(counted) + &shares(&view.shares) + &times(view) + &answers(&view.platforms),
        (None, Some(published)) => told(published),
        (None, None) => String::new(),
    };
    let body = if body.is_empty() { "nothing was counted\n".into() } else { body };
    let least = view.least.map(|least| format!(", nothing about fewer than {least} cases, rounded to 5")).unwrap_or_default();
    format!("{}{least}\n{body}", view.period)
}

fn counts(counters: &Counters) -> String {
    let mut rows = Vec::new();
    for (measure, n) in &counters.totals {
        rows.push([measure.to_string(), String::new(), n.to_string()]);
        for (dimension, cells) in counters.tables.get(measure).into_iter().flatten() {
            rows.extend(cells.iter().map(|(code, n)| [String::new(), one(*dimension, code), n.to_string()]));
        }
    }
    table(["WHAT", "BY", "COUNT"], rows)
}

fn one(dimension: Dimension, code: &str) -> String {
    format!("{}: {code}", dimension.name())
}

fn times(view: &StatisticsView) -> String {
    let row = |time: &crate::node::statistics::TimeView| {
        let way = if time.way == crate::rules::statistics::Way::In { "in" } else { "out" };
        let span = serde_json::to_value(time.span).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let priority = time.priority.clone().unwrap_or_else(|| "all".into());
        [format!("{way}.{span}"), priority, time.count.to_string(), within(time.median_ms), within(time.most_ms)]
    };
    let times = table(["TIME", "PRIORITY", "COUNT", "HALF WITHIN", "90 % WITHIN"], view.times.iter().map(row).collect());
    if times.is_empty() { times } else { format!("\n{times}") }
}

fn told(published: &Published) -> String {
    let mut rows = Vec::new();
    for (measure, n) in &published.totals {
        rows.push([measure.to_string(), String::new(), n.to_string()]);
        for (dimension, row) in published.tables.get(measure).into_iter().flatten() {
            rows.extend(row.told.iter().map(|(code, n)| [String::new(), one(*dimension, code), n.to_string()]));
            rows.extend(row.together.map(|n| [String::new(), one(*dimension, "(others together)"), n.to_string()]));
        }
        for (name, pairs) in published.pairs.get(measure).into_iter().flatten() {
            for (code, cells) in &pairs.told {
                rows.extend(cells.iter().map(|(other, n)| [String::new(), format!("{name}: {code}, {other}"), n.to_string()]));
            }
        }
    }
    table(["WHAT", "BY", "COUNT"], rows) + &shares(&published.shares) + &answers(&published.platforms)
}

fn shares(shares: &BTreeMap<String, Share>) -> String {
    let row = |(name, share): (&String, &Share)| [name.clone(), share.of.to_string(), format!("{} %", share.percent)];
    let lines = table(["SHARE", "OF", "PER CENT"], shares.iter().map(row).collect());
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn answers(platforms: &BTreeMap<Dimension, BTreeMap<String, Answers>>) -> String {
    let row = |(by, code, one): (Dimension, &String, &Answers)| {
        let percent = one.answered_percent.map_or_else(|| "-".into(), |percent| format!("{percent} %"));
        let [half, most] = one.within_ms.map_or_else(|| ["-".to_owned(), "-".to_owned()], |both| both.map(within));
        [self::one(by, code), one.asked.to_string(), percent, half, most]
    };
    let all = platforms.iter().flat_map(|(by, codes)| codes.iter().map(|(code, one)| (*by, code, one)));
    let lines = table(["PLATFORMS", "ASKED", "ANSWERED", "HALF WITHIN", "90 % WITHIN"], all.map(row).collect());
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

/// `15 min`, `4 h`, `3 d`.
fn within(ms: Option<u64>) -> String {
    match ms.map(|ms| ms / 60_000) {
        None => "longer".into(),
        Some(minutes) if minutes < 120 => format!("{minutes} min"),
        Some(minutes) if minutes < 48 * 60 => format!("{} h", minutes / 60),
        Some(minutes) => format!("{} d", minutes / 60 / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_people_think_in() {
        let told = [60_000, 90 * 60_000, 2 * 3_600_000, 24 * 3_600_000, 172_800_000, 86_400_000 * 180].map(|ms| within(Some(ms)));
        assert_eq!(told, ["1 min", "90 min", "2 h", "24 h", "2 d", "180 d"]);
        assert_eq!(within(None), "longer");
    }

    #[test]
    fn a_period_of_which_nothing_was_counted_says_so() {
        let view = StatisticsView {
            period: "2026-11".parse().expect("a period"),
            vocabulary: String::new(),
            counted_under: Default::default(),
            shares: BTreeMap::new(),
            counted: None,
            times: Vec::new(),
            platforms: BTreeMap::new(),
            published: Some(Published::default()),
            least: Some(5),
        };
        assert_eq!(text(&view), "2026-11, nothing about fewer than 5 cases, rounded to 5\nnothing was counted\n");
    }
}
