//! `watchfire recall`

use super::{Desk, Ended, output, withdraw};
use crate::api::Reason;
use crate::api::client::Target;
use crate::node::view::TakeBackView;

/// Take a record back that should never have left; every holder destroys it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record's id, or its value
    id: String,
    /// Why; it is sent to the holders
    #[arg(long)]
    reason: String,
}

const EXAMPLES: &str = "Examples:
  watchfire recall weather4free.com --reason 'shared by mistake'";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let ask = Reason { reason: args.reason.clone() };
    let view: TakeBackView = desk.node().post(Target::new(&["records", &args.id, "recall"]), &ask).await?;
    output::answer(desk, &view, withdraw::text)
}
