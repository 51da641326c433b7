//! `watchfire volunteer`

use super::unlock::Signer;
use super::{Desk, Ended, call, input, output};
use crate::api::client::Target;
use crate::model::Timestamp;
use crate::node::call::{CallView, VolunteerRequest};

/// Say to the caller, and to nobody else, that we would help
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire volunteer k7qm2xpa --start 2026-12-01")]
pub(super) struct Args {
    /// The call's id, or the beginning of it
    id: String,
    /// When work could begin: 2026-12-01 or 2026-12-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::timestamp, conflicts_with = "withdraw")]
    start: Option<Timestamp>,
    /// Take it back
    #[arg(long)]
    withdraw: bool,
    #[command(flatten)]
    signer: Signer,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let Args { id, start, withdraw, signer } = args;
    let ask = signer.order(desk, "volunteer", &id, VolunteerRequest { start, withdraw }).await?;
    let view: CallView = desk.node().post(Target::new(&["calls", &id, "volunteer"]), &ask).await?;
    output::answer(desk, &view, call::text)
}
