//! `watchfire preview`

use super::output::{self, below, count, plain, time};
use super::{Desk, Ended, holds};
use crate::api::client::Target;
use crate::node::view::{PreviewRecord, PreviewView};

/// Show exactly what would leave, field by field, with its digest
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Show exactly what would leave, field by field, with its digest\n\nThe fields are read back from the bytes that leave; `--json` has the bytes too. What has not been held yet is shown by `watchfire share --dry-run` and `watchfire import --dry-run`."
)]
pub(super) struct Args {
    /// The release's id, as `watchfire holds` lists it
    #[arg(value_name = "RELEASE")]
    id: String,
    /// Leave out so many records
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    skip: u64,
    /// Show at most so many records, up to 1000
    #[arg(long, default_value_t = 20, value_name = "COUNT", conflicts_with = "all")]
    limit: u64,
    /// Show every record
    #[arg(long)]
    all: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire preview k7qm2xpa";

/// So many records are asked for at a time when all are wanted.
pub(super) const PAGE: u64 = 1_000;

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let mut view = page(desk, &args.id, args.skip, if args.all { PAGE } else { args.limit.max(1) }).await?;
    while args.all && view.more > 0 {
        let next = page(desk, &args.id, args.skip + view.records.len() as u64, PAGE).await?;
        view.more = if next.records.is_empty() { 0 } else { next.more };
        view.records.extend(next.records);
    }
    output::answer(desk, &view, text)
}

pub(super) async fn page(desk: &Desk, id: &str, skip: u64, limit: u64) -> Result<PreviewView, crate::api::Problem> {
    let target = Target::new(&["holds", id]).with("skip", &skip.to_string()).with("limit", &limit.to_string());
    desk.node().get(target).await
}

pub(super) fn text(view: &PreviewView) -> String {
    let records = view.records.iter().map(record).collect::<String>();
    let hint = if view.hold.id.is_some() { "`--all` shows them" } else { "without `--dry-run`, `watchfire preview --all` shows them" };
    let more = if view.more > 0 { format!("\nand {} more; {hint}\n", count(view.more, "record")) } else { String::new() };
    holds::about(&view.hold) + &records + &more
}

fn record(record: &PreviewRecord) -> String {
    let PreviewRecord { label, kind, retention, fields, replaced, warnings, asks, .. } = record;
    let mut text = format!("\n{kind}  {}  until {}\n", label.marking(), retention.map_or_else(|| "ever".into(), |at| time(Some(at))));
    let width = fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
    text.extend(fields.iter().map(|field| format!("    {:width$}  {}\n", field.name, below(&field.value, width + 6))));
    text.extend(replaced.iter().map(|one| format!("    replaced in {}: {} {}\n", one.field, one.count, plain(&one.kind))));
    text.extend(warnings.iter().map(|warning| format!("    warning: {}\n", plain(warning))));
    text.extend(asks.iter().map(|ask| format!("    asks: {}\n", plain(ask))));
    text
}
