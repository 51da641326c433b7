//! `watchfire rotate`

use super::output;
use super::{Desk, Ended};
use crate::api::RotateLogKey;
use crate::api::client::Target;
use crate::node::view::{LogKeyView, RotateView};

/// Change the root key, or the log-signing key, so that a stolen one is worth nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Change the root key, or the log-signing key, so that a stolen one is worth nothing\n\nWithout an option the next root key becomes the root. Put `next-root.key` back into the key directory first. Issuing CA, node certificate and card follow, and a new next root key is made, to be moved off this machine again.\n\nWith `--log-key` a new key signs what this organisation shares; the root key must be in the key directory. The old key is kept until each log has its last position under it, and is destroyed then.\n\nPeers learn of either over their links."
)]
pub(super) struct Args {
    /// Change the log-signing key instead
    #[arg(long)]
    log_key: bool,
    /// The log-signing key may be in other hands: let nothing count any more that it, or one before it, has signed
    #[arg(long, requires = "log_key")]
    stolen: bool,
}

const EXAMPLES: &str = "Examples:
  watchfire rotate";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    if args.log_key {
        let view: LogKeyView = desk.node().post(Target::new(&["rotate-log-key"]), &RotateLogKey { stolen: args.stolen }).await?;
        return output::answer(desk, &view, log_key_text);
    }
    let view: RotateView = desk.node().post(Target::new(&["rotate"]), &()).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &RotateView) -> String {
    format!("the root has changed; this is card {}\nmove `{}` off this machine\n", view.card_number, view.next_root_key)
}

pub(super) fn log_key_text(view: &LogKeyView) -> String {
    let changed = format!("log-signing key {} is in force; this is card {}\n", view.log_key_number, view.card_number);
    match view.logs_waiting {
        0 => changed + "the old key was destroyed\n",
        logs => changed + &format!("the old key is kept until readers of {} are reached\n", output::count(logs, "log")),
    }
}
