//! `watchfire withdraw`

use super::output::{self, count, plain, time};
use super::referral::act::{act_in, done};
use super::show::may_be_a_referral;
use super::unlock::Signer;
use super::{Desk, Ended};
use crate::api::Reason;
use crate::api::client::Target;
use crate::model::record::{FALSE_POSITIVE, WithdrawalMode};
use crate::node::error::{Exit, NodeError};
use crate::node::referral::Act;
use crate::node::view::TakeBackView;

/// Take a record back as no longer valid, or a referral from everybody who has it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// The record's id, or its value; or a referral's id, or the beginning of it
    id: String,
    /// Of a record, why; the holders read it
    #[arg(long)]
    reason: Option<String>,
    /// Of a record: it was of nothing bad. Its holders read that, and it is counted on both sides
    #[arg(long, conflicts_with = "revoked")]
    false_positive: bool,
    /// Of a referral: the person has revoked the consent, so every offer of the case is withdrawn
    #[arg(long)]
    revoked: bool,
    #[command(flatten)]
    signer: Signer,
}

const ABOUT: &str = "Take a record back as no longer valid, or a referral from everybody who has it

A record stays findable as revoked. What was said in a referral is destroyed by whoever has it, and nothing but the fact that there was one is \
left; its reason travels to nobody.";

const EXAMPLES: &str = "Examples:
  watchfire withdraw weather4free.com --reason 'the domain has a new owner'";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    if args.revoked || !args.false_positive && may_be_a_referral(&args.id) {
        match act_in(desk, &args.signer, &args.id, Act::Withdraw { revoked: args.revoked }, true).await {
            Err(problem) if problem.exit == Exit::NotFound && !args.revoked => {}
            view => return output::answer(desk, &view?, done),
        }
    }
    let why = match (&args.reason, args.false_positive) {
        (Some(reason), true) => Some(format!("{FALSE_POSITIVE}: {reason}")),
        (None, true) => Some(FALSE_POSITIVE.into()),
        (reason, false) => reason.clone(),
    };
    let Some(reason) = why else {
        let text = "a record is withdrawn with a reason, which its holders read\nhint: `--reason 'the domain has a new owner'`";
        return Err(NodeError::BadInput(text.into()).into());
    };
    let ask = Reason { reason };
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
