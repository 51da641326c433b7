//! `watchfire release`

use super::output;
use super::unlock::{Signer, nobody};
use super::{Desk, Ended, holds, second};
use crate::api::client::Target;
use crate::node::view::{HoldState, HoldView};

/// Say yes to a release that waits for a person
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Say yes to a release that waits for a person\n\nWith `--as` it is also the first of the two signatures that TLP:RED needs. Where the gate asked, the time for which it is held begins then. It does not stand for a second person.\n\nWhat was said in a referral, and an alert, is released by somebody who may say it: `--as` says who."
)]
pub(super) struct Args {
    /// The release's id, as `watchfire holds` lists it
    #[arg(value_name = "RELEASE")]
    id: String,
    #[command(flatten)]
    signer: Signer,
}

const EXAMPLES: &str = "Examples:
  watchfire release k7qm2xpa";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    // One passphrase for both signatures.
    let by = match &args.signer.name {
        Some(_) => Some(args.signer.unlock(desk).await?),
        None => None,
    };
    let order = by.as_ref().map(|by| by.order("release", &args.id, ())).transpose()?;
    let mut view: HoldView = desk.node().post(Target::new(&["holds", &args.id, "release"]), &order).await?;
    if let Some(id) = view.id.filter(|_| view.state == HoldState::Signature) {
        view = second::sign(desk, &by.ok_or_else(nobody)?, &id).await?;
    }
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &HoldView) -> String {
    format!("said yes\n{}", holds::about(view))
}
