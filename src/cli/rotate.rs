//! `watchfire rotate`

use super::output;
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::RotateView;

/// Make the next root key the root, so that a stolen root key is worth nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Make the next root key the root, so that a stolen root key is worth nothing\n\nPut `next-root.key` back into the key directory first. Issuing CA, node certificate and card follow, and a new next root key is made, to be moved off this machine again. Peers learn of it over their links."
)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire rotate";

pub(super) async fn run(desk: &Desk) -> Ended {
    let view: RotateView = desk.node().post(Target::new(&["rotate"]), &()).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &RotateView) -> String {
    format!("the root has changed; this is card {}\nmove `{}` off this machine\n", view.card_number, view.next_root_key)
}
