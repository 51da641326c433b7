//! `watchfire join`

use super::output;
use super::{Desk, Ended, input, peer};
use crate::api::Join;
use crate::api::client::Target;
use crate::node::view::JoinView;

/// Take up another organisation's invitation
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The invitation: its text, a file, or `-`
    invitation: String,
    /// What the inviting organisation is called here; its id's beginning where nothing is given
    #[arg(long)]
    name: Option<String>,
}

const EXAMPLES: &str = "Examples:
  watchfire join invitation.txt --name amal";

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let ask = Join { invitation: input::text(&args.invitation)?, name: args.name };
    let join: JoinView = desk.node().post(Target::new(&["join"]), &ask).await?;
    output::answer(desk, &join, text)
}

pub(super) fn text(join: &JoinView) -> String {
    let JoinView { name, org_id, digits } = join;
    let digits = peer::grouped(digits);
    format!(
        "pairing with {} ({org_id})\ndigits  {digits}\ncompare them by voice; if they are the same on both sides, run\n  \
         watchfire peer confirm {} {digits}\n",
        output::plain(name),
        output::plain(name)
    )
}
