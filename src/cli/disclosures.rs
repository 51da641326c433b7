//! `watchfire disclosures`

use super::output::{self, table, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::DisclosureView;

/// List what left, to whom, under which label and which rules
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// From this number on
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    from: u64,
    /// At most so many, up to 1000
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    limit: u64,
}

const EXAMPLES: &str = "Examples:
  watchfire disclosures --limit 20";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let target = Target::new(&["disclosures"]).with("from", &args.from.to_string()).with("limit", &args.limit.to_string());
    let disclosures: Vec<DisclosureView> = desk.node().get(target).await?;
    output::answer(desk, &disclosures, |disclosures| text(disclosures))
}

pub(super) fn text(disclosures: &[DisclosureView]) -> String {
    if disclosures.is_empty() {
        return "nothing has left\n".into();
    }
    let rows = disclosures.iter().map(|one| {
        let (number, count, tlp) = (one.number.to_string(), one.count.to_string(), one.label.to_string());
        [number, time(Some(one.at)), one.audience_name.clone(), tlp, one.kind.clone(), count, one.digest.chars().take(16).collect()]
    });
    table(["NUMBER", "AT", "TO", "TLP", "KIND", "RECORDS", "DIGEST"], rows.collect())
}
