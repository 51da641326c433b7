//! `watchfire pass-on`

use super::refer::{Options, read, text};
use crate::api::client::Target;
use crate::cli::output;
use crate::cli::unlock::{Signer, Unlocked};
use crate::cli::{Desk, Ended, input, second};
use crate::node::referral::ReferView;

/// Hand a case on that came to us, where its consent allows that
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(crate) struct Args {
    /// The referral by which the case came
    id: String,
    /// The case as TOML or JSON, as `watchfire refer` reads it; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    file: String,
    /// The peer that it goes to
    #[arg(long, value_name = "PEER")]
    to: Vec<String>,
    /// How to reach the person, TOML or JSON: sealed here to the desks of those who may get the case
    #[arg(long, value_name = "FILE")]
    contact: Option<String>,
    /// Who is asked next when nobody answers, in this order
    #[arg(long = "then", value_name = "PEER")]
    candidates: Vec<String>,
    #[command(flatten)]
    signer: Signer,
    /// Skip the hold; an emergency is never held
    #[arg(long)]
    now: bool,
    /// Show exactly what would leave, and pass nothing on
    #[arg(long)]
    dry_run: bool,
}

const ABOUT: &str = "Hand a case on that came to us, where its consent allows that

The referral by which it came stays open, and its origin is told that the case was passed on, not to whom. When it is withdrawn there, it is \
withdrawn from whoever has it from us.";

const EXAMPLES: &str = "Examples:
  watchfire pass-on k7qm2xpa --file case.toml --to cedar";

pub(crate) async fn run(desk: &Desk, args: Args) -> Ended {
    let Args { id, file, to, contact, candidates, signer, now, dry_run } = args;
    let mut request = read(&file, &input::file(&file)?)?;
    request.parent = Some(id);
    let options = Options { to, candidates, call: None, reference: None, contact, signer, now, dry_run };
    options.complete(desk, &mut request).await?;
    let by = options.signer.unlock_if_named(desk).await?;
    let ask = Unlocked::order_of(by.as_ref(), "refer", "", request)?;
    let mut view: ReferView = desk.node().post(Target::new(&["referrals"]), &ask).await?;
    second::sign_offers(desk, by.as_ref(), &mut view).await?;
    output::answer(desk, &view, text)
}
