//! `watchfire receipts`

use super::output::{self, table, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::{ExportedView, ReceiptView};

/// Tell who has complied with a withdrawal or a recall, and who has not
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record's id, or its value
    id: String,
    /// Only the exports that may have carried it; of others' records too
    #[arg(long)]
    exports: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire receipts weather4free.com";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let exports: Vec<ExportedView> = desk.node().get(Target::new(&["records", &args.id, "exports"])).await?;
    if args.exports {
        return output::answer(desk, &exports, |exports| exported(exports));
    }
    let receipts: Vec<ReceiptView> = desk.node().get(Target::new(&["records", &args.id, "receipts"])).await?;
    output::answer(desk, &receipts, |receipts| text(receipts) + &exported(&exports))
}

/// The exports that may have carried it; nothing where there is none.
pub(super) fn exported(exports: &[ExportedView]) -> String {
    if exports.is_empty() {
        return String::new();
    }
    let row = |one: &ExportedView| {
        let what = if one.whole { "everything" } else { "what had changed" };
        let gone = match (one.gone, &one.to) {
            (Some(at), _) => format!("gone since {}", time(Some(at))),
            (None, Some(to)) => format!("there until {to} fetches again"),
            (None, None) => format!("export {} whole again", one.format),
        };
        let format = one.to.as_ref().map_or_else(|| one.format.clone(), |to| format!("{} to {to}", one.format));
        [one.number.to_string(), time(Some(one.at)), format, one.ceiling.tlp.name().to_owned(), what.into(), gone]
    };
    format!("\n{}", table(["EXPORT", "AT", "FORMAT", "UP TO", "WHAT", "NOW"], exports.iter().map(row).collect()))
}

pub(super) fn text(receipts: &[ReceiptView]) -> String {
    if receipts.is_empty() {
        return "nobody holds it\n".into();
    }
    let rows = receipts.iter().map(|receipt| [receipt.peer.clone(), receipt.outcome.clone(), time(receipt.at)]);
    table(["PEER", "OUTCOME", "AT"], rows.collect())
}
