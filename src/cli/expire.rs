//! `watchfire expire`

use super::output;
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::ExpireView;

/// Destroy what is past its retention date, on your word that the clock is right
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Destroy what is past its retention date, on your word that the clock is right\n\nThe node does so by itself once its clock has agreed with its peers' for a day. Expired records are hidden at once in any case."
)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire expire";

pub(super) async fn run(desk: &Desk) -> Ended {
    let view: ExpireView = desk.node().post(Target::new(&["expire"]), &()).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &ExpireView) -> String {
    format!("destroyed {}\n", output::count(view.destroyed, "record"))
}
