//! `watchfire card`

use super::output;
use super::{Desk, Ended};
use crate::api::Card;
use crate::api::client::Target;

/// Print this node's signed card, for other organisations to add
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire card > our-card.txt";

pub(super) async fn run(desk: &Desk) -> Ended {
    let card: Card = desk.node().get(Target::new(&["card"])).await?;
    output::answer(desk, &card, |card| format!("{}\n", card.card.trim_end()))
}
