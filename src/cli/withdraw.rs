//! `watchfire withdraw`

use super::output::{self, count, plain};
use super::{Desk, Ended};
use crate::api::Reason;
use crate::api::client::Target;
use crate::model::record::WithdrawalMode;
use crate::node::view::TakeBackView;

/// Take a record back as no longer valid; it stays findable as revoked
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record's id, or its value
    id: String,
    /// Why; the holders read it
    #[arg(long)]
    reason: String,
}

const EXAMPLES: &str = "Examples:
  watchfire withdraw weather4free.com --reason 'the domain has a new owner'";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let ask = Reason { reason: args.reason.clone() };
    let view: TakeBackView = desk.node().post(Target::new(&["records", &args.id, "withdraw"]), &ask).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &TakeBackView) -> String {
    let done = match view.mode {
        WithdrawalMode::Withdraw => "withdrawn",
        WithdrawalMode::Recall => "recalled",
    };
    let mut text =
        format!("{done} {}: {}, {} not sent yet\n", view.record, count(view.entries, "entry").replace("entrys", "entries"), view.unsent);
    match view.told.as_slice() {
        [] => text += "nobody has to be told\n",
        told => {
            let TakeBackView { record, holders, answered, .. } = view;
            text += &format!("told: {}\n", plain(&told.join(", ")));
            let have = if *answered == 1 || *holders == 1 { "has" } else { "have" };
            text += &match holders {
                // They could not be counted.
                0 => format!("see `watchfire receipts {record}`\n"),
                _ => format!("{answered} of {} {have} answered; see `watchfire receipts {record}`\n", count(*holders, "holder")),
            };
        }
    }
    text
}
