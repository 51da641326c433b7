//! `watchfire approve`

use super::output::{self, plain};
use super::unlock::Signer;
use super::{Desk, Ended, holds, preview};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::UserKey;
use crate::model::desk::Approval;
use crate::node::error::{Exit, NodeError};
use crate::node::view::{HoldTerms, HoldView, PreviewView};
use crate::rules::desk::Denied;
use data_encoding::HEXLOWER;
use std::io::{self, BufRead, IsTerminal};

/// Approve a release as the second person, after a look at exactly what would leave
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Approve a release as the second person, after a look at exactly what would leave\n\nIt shows the preview and asks for `yes`. Whoever released it cannot approve it. Both signatures are over what would leave, to whom and until when; when any of it changes, they are void."
)]
pub(super) struct Args {
    /// The release's id, as `watchfire holds` lists it
    #[arg(value_name = "RELEASE")]
    id: String,
    #[command(flatten)]
    signer: Signer,
    /// Do not ask: approve what has exactly this digest, which was looked at before
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
}

const EXAMPLES: &str = "Examples:
  watchfire approve k7qm2xpa --as omar";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let target = |part: &[&str]| Target::new(&[&["holds", args.id.as_str()], part].concat());
    let shown: PreviewView = desk.node().get(target(&[]).with("limit", "1000")).await?;
    let HoldTerms { released, .. } = desk.node().get(target(&["terms"])).await?;
    let released = released.ok_or_else(|| NodeError::from(Denied::NotReleased))?;
    match &args.digest {
        Some(digest) => must_be(digest, &shown.hold)?,
        None => ask(&shown)?,
    }
    // What was looked at, and not what it may have become since.
    must_be(&HEXLOWER.encode(&released.release.terms.digest), &shown.hold)?;
    let by = args.signer.unlock(desk).await?;
    let approval = Approval::of(&released, &by.org, UserKey(by.key.public()), Clock::system().now());
    let view: HoldView = desk.node().post(target(&["approve"]), &approval.sign(&by.org, &by.key)).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &HoldView) -> String {
    format!("approved\n{}", holds::about(view))
}

fn must_be(digest: &str, hold: &HoldView) -> Result<(), Problem> {
    if digest.trim().eq_ignore_ascii_case(&hold.digest) {
        return Ok(());
    }
    let text = format!("what is held has another digest than `{}`\nhint: look at it again with `watchfire preview`", plain(digest));
    Err(Problem::new("other-digest", Exit::Refused, &text))
}

fn ask(shown: &PreviewView) -> Result<(), Problem> {
    if !io::stdin().is_terminal() {
        let text =
            "an approval is asked for on a terminal\nhint: look at it with `watchfire preview`, then give its digest: `--digest DIGEST`";
        return Err(Problem::new("no-terminal", Exit::Usage, text));
    }
    preview::text(shown).lines().for_each(output::say);
    output::say("approve exactly this? `yes` and Enter approves, all else does not");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| NodeError::io("read standard input", error))?;
    if line.trim() == "yes" { Ok(()) } else { Err(given_up()) }
}

fn given_up() -> Problem {
    Problem::new("given-up", Exit::Failed, "it was not approved\nhint: it goes on waiting; `watchfire undo` drops it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_an_approval_from_being_made_is_told() {
        let problem = given_up();
        assert_eq!((problem.exit, problem.detail.as_str()), (Exit::Failed, "it was not approved"));
        assert_eq!(problem.hint.as_deref(), Some("it goes on waiting; `watchfire undo` drops it"));
    }
}
