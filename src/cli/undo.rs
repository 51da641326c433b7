//! `watchfire undo`

use super::output::{self, count, plain};
use super::unlock::Signer;
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::HoldView;

/// Drop a release that is held: nobody ever gets any of it
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Drop a release that is held: nobody ever gets any of it\n\nWhat was said in a referral, and an alert, is dropped by somebody who may say it: `--as` says who."
)]
pub(super) struct Args {
    /// The release's id, as `watchfire holds` lists it
    #[arg(value_name = "RELEASE")]
    id: String,
    #[command(flatten)]
    signer: Signer,
}

const EXAMPLES: &str = "Examples:
  watchfire undo k7qm2xpa";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let order = args.signer.order(desk, "undo", &args.id, ()).await?;
    let view: HoldView = desk.node().post(Target::new(&["holds", &args.id, "undo"]), &order).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &HoldView) -> String {
    let to = plain(&view.audience_name);
    let mut text = format!("undone: {} to {to} will not leave, and nobody learns of it\n", count(view.count, "record"));
    if view.left > 0 {
        text += &format!("{} of that release had left already\n", count(view.left, "record"));
        text += "    hint: `watchfire disclosures` shows them; `watchfire recall` takes back what should never have left\n";
    }
    text
}
