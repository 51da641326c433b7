//! `watchfire release`

use super::output;
use super::{Desk, Ended, holds};
use crate::api::client::Target;
use crate::node::view::HoldView;

/// Say yes to a release that waits for a person
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Say yes to a release that waits for a person\n\nIt does not shorten the time for which it is held, and does not stand for a second person."
)]
pub(super) struct Args {
    /// The release's id, as `watchfire holds` lists it
    #[arg(value_name = "RELEASE")]
    id: String,
}

const EXAMPLES: &str = "Examples:
  watchfire release k7qm2xpa";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let view: HoldView = desk.node().post(Target::new(&["holds", &args.id, "release"]), &()).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &HoldView) -> String {
    format!("said yes\n{}", holds::about(view))
}
