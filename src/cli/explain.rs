//! `watchfire explain`

use super::output::{self, plain};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::ExplainView;

/// Tell whether a record may go to somebody, and why
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record's id, or its value
    id: String,
    /// The peer or group
    #[arg(long, value_name = "PEER|GROUP")]
    to: String,
}

const EXAMPLES: &str = "Examples:
  watchfire explain weather4free.com --to smex";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let explained: ExplainView = desk.node().get(Target::new(&["records", &args.id, "explain"]).with("to", &args.to)).await?;
    output::answer(desk, &explained, text)
}

pub(super) fn text(explained: &ExplainView) -> String {
    let verdict = if explained.allowed { "may go to" } else { "may not go to" };
    let mut text = format!("{} {verdict} {} (rules {})\n", explained.record, plain(&explained.to), explained.rules);
    for step in &explained.steps {
        let sign = if step.ok { "yes" } else { "no" };
        text += &format!("  {sign:3}  {}: {}\n", plain(&step.rule), plain(&step.why));
    }
    text
}
