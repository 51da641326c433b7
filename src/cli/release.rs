//! `watchfire release`

use super::output;
use super::unlock::Signer;
use super::{Desk, Ended, holds, second};
use crate::api::client::Target;
use crate::node::view::{HoldState, HoldView};

/// Say yes to a release that waits for a person
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Say yes to a release that waits for a person\n\nWith `--as` it is also the first of the two signatures that TLP:RED needs. Where the gate asked, the time for which it is held begins then. It does not stand for a second person."
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
    let mut view: HoldView = desk.node().post(Target::new(&["holds", &args.id, "release"]), &()).await?;
    if let Some(id) = view.id.filter(|_| view.state == HoldState::Signature) {
        view = second::sign(desk, &args.signer.unlock(desk).await?, &id).await?;
    }
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &HoldView) -> String {
    format!("said yes\n{}", holds::about(view))
}
