//! `watchfire receipts`

use super::output::{self, table, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::ReceiptView;

/// Tell who has complied with a withdrawal or a recall, and who has not
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record's id, or its value
    id: String,
}

const EXAMPLES: &str = "Examples:
  watchfire receipts weather4free.com";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let receipts: Vec<ReceiptView> = desk.node().get(Target::new(&["records", &args.id, "receipts"])).await?;
    output::answer(desk, &receipts, |receipts| text(receipts))
}

pub(super) fn text(receipts: &[ReceiptView]) -> String {
    if receipts.is_empty() {
        return "nobody holds it\n".into();
    }
    let rows = receipts.iter().map(|receipt| [receipt.peer.clone(), receipt.outcome.clone(), time(receipt.at)]);
    table(["PEER", "OUTCOME", "AT"], rows.collect())
}
