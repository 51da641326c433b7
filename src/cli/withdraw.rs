//! `watchfire withdraw`

use super::output::{self, count, plain, time};
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
    let TakeBackView { record, entries, unsent, holders, answered, .. } = view;
    let mut text = match (view.already, view.told.as_slice()) {
        (Some(at), _) => format!("already recalled {record} at {}\n", time(Some(at))),
        (None, told) => {
            let told = if told.is_empty() { "nobody has to be told".into() } else { format!("told: {}", plain(&told.join(", "))) };
            format!("{done} {record}: {}, {unsent} not sent yet\n{told}\n", count(*entries, "entry").replace("entrys", "entries"))
        }
    };
    let have = if *answered == 1 || *holders == 1 { "has" } else { "have" };
    if *holders > 0 {
        text += &format!("{answered} of {} {have} answered; see `watchfire receipts {record}`\n", count(*holders, "holder"));
    } else if !view.told.is_empty() {
        // They could not be counted.
        text += &format!("see `watchfire receipts {record}`\n");
    }
    text
}
