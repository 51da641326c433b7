//! `watchfire restore`

use super::output;
use super::{Desk, Ended};
use crate::clock::Clock;
use crate::node::Node;
use crate::node::view::RestoreView;

/// Say that this data directory was restored from a copy
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Say that this data directory was restored from a copy\n\nA copy cannot know that it is old. This closes its logs and goes on in new ones, so that no position is signed twice; what the copy lacks is fetched back from the peers. Run it before `watchfire serve`."
)]
pub(super) struct Args {
    /// Do it
    #[arg(long, required = true)]
    declare: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire restore --declare";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    debug_assert!(args.declare, "clap requires it");
    let node = Node::open(&desk.data, Clock::system())?;
    let view = node.declare_restore().await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &RestoreView) -> String {
    format!("closed {}; this node's logs go on in incarnation {}\n", output::count(view.closed, "log"), view.incarnation)
}
