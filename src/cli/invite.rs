//! `watchfire invite`

use super::output::{self, time};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::node::view::InviteView;

/// Make an invitation that another organisation joins with, once
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire invite > invitation.txt";

pub(super) async fn run(desk: &Desk) -> Ended {
    let invite: InviteView = desk.node().post(Target::new(&["invitations"]), &()).await?;
    if !desk.json {
        talk(&invite).iter().for_each(|line| output::say(line));
    }
    output::answer(desk, &invite, |invite| format!("{}\n", invite.text))
}

/// What stands around the invitation, on standard error.
pub(super) fn talk(invite: &InviteView) -> Vec<String> {
    let mut lines: Vec<String> = invite.qr.lines().map(str::to_owned).collect();
    lines.push(format!("good for one organisation until {}; send it by any channel", time(Some(invite.expires))));
    lines.push("they run `watchfire join`; then compare by voice the digits that `watchfire peer show` shows: who used it in their place is noticed then; `watchfire peer confirm … --name NAME` gives them a name here".into());
    lines
}
