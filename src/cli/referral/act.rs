//! What people do in a referral: `ack`, `ask`, `answer`, `accept`, `decline`, `choose`, `progress`, `hand-back`, `resolve`, `review`, `close`.

use crate::api::client::Target;
use crate::cli::output;
use crate::cli::unlock::{Signer, Unlocked};
use crate::cli::{Desk, Ended, input, second};
use crate::model::Timestamp;
use crate::model::referral::Waiting;
use crate::model::vocabulary::Code;
use crate::node::referral::{Act, ActRequest, ReferralView};

/// Which referral.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// The referral's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

/// What is said.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Text {
    /// What the other side reads; `-` reads standard input. No name belongs in it
    #[arg(long, default_value = "", hide_default_value = true)]
    text: String,
    /// Skip the hold
    #[arg(long)]
    now: bool,
}

/// Say that a person has opened a referral
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire ack k7qm2xpa")]
pub(crate) struct Ack {
    #[command(flatten)]
    which: Which,
}

/// Ask the origin of a referral
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire ask k7qm2xpa --text 'which platform is it on?'")]
pub(crate) struct Ask {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    text: Text,
}

/// Answer what the receiver of a referral has asked
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire answer k7qm2xpa --text 'on Telegram, since Monday'")]
pub(crate) struct Answer {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    text: Text,
}

/// Take a case over; it is ours once the origin has confirmed
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire accept k7qm2xpa --start 2026-12-01")]
pub(crate) struct Accept {
    #[command(flatten)]
    which: Which,
    /// When work will begin: 2026-12-01 or 2026-12-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    start: Option<Timestamp>,
    #[command(flatten)]
    text: Text,
}

/// Do not take a case, and say why
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire decline k7qm2xpa --reason no_capacity")]
pub(crate) struct Decline {
    #[command(flatten)]
    which: Which,
    /// Why: a code of `watchfire vocabulary decline-reason`
    #[arg(long)]
    reason: Code,
    /// Who would be the better partner; naming one tells that you know each other
    #[arg(long, value_name = "PEER")]
    suggest: Option<String>,
    #[command(flatten)]
    text: Text,
}

/// Choose among several who have accepted a case; it is withdrawn from the others
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire choose k7qm2xpa")]
pub(crate) struct Choose {
    #[command(flatten)]
    which: Which,
}

/// Tell the origin how a case stands
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire progress k7qm2xpa --waiting platform --text 'reported, no answer yet'")]
pub(crate) struct Progress {
    #[command(flatten)]
    which: Which,
    /// What is waited for
    #[arg(long, value_enum, default_value_t = Waits::Nothing)]
    waiting: Waits,
    #[command(flatten)]
    text: Text,
}

/// What a case waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Waits {
    /// The work goes on
    Nothing,
    /// For the person
    Beneficiary,
    /// For a platform
    Platform,
    /// For somebody else
    ThirdParty,
}

/// Hand a case back to where it came from
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire hand-back k7qm2xpa --reason safety_concern")]
pub(crate) struct HandBack {
    #[command(flatten)]
    which: Which,
    /// Why: a code of `watchfire vocabulary decline-reason`
    #[arg(long)]
    reason: Code,
    #[command(flatten)]
    text: Text,
}

/// Tell what came of a case
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire resolve k7qm2xpa --outcome account_recovered")]
pub(crate) struct Resolve {
    #[command(flatten)]
    which: Which,
    /// What came of it: a code of `watchfire vocabulary outcome`; once for each
    #[arg(long = "outcome", value_name = "CODE", required = true)]
    outcomes: Vec<Code>,
    #[command(flatten)]
    text: Text,
}

/// Tell the receiver what the person says of the outcome
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire review k7qm2xpa --helped true")]
pub(crate) struct Review {
    #[command(flatten)]
    which: Which,
    /// Whether the person was helped
    #[arg(long, value_name = "true|false")]
    helped: Option<bool>,
    #[command(flatten)]
    text: Text,
}

/// End a referral; both sides destroy what was said on its retention date
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire close k7qm2xpa")]
pub(crate) struct Close {
    #[command(flatten)]
    which: Which,
}

impl Text {
    fn read(self) -> Result<(String, bool), crate::api::Problem> {
        Ok((input::sentence(&self.text)?, self.now))
    }
}

impl From<Waits> for Waiting {
    fn from(waits: Waits) -> Self {
        match waits {
            Waits::Nothing => Self::Nothing,
            Waits::Beneficiary => Self::Beneficiary,
            Waits::Platform => Self::Platform,
            Waits::ThirdParty => Self::ThirdParty,
        }
    }
}

/// One act of a person.
#[derive(Debug)]
pub(crate) enum Acts {
    Ack(Ack),
    Ask(Ask),
    Answer(Answer),
    Accept(Accept),
    Decline(Decline),
    Choose(Choose),
    Progress(Progress),
    HandBack(HandBack),
    Resolve(Resolve),
    Review(Review),
    Close(Close),
}

pub(crate) async fn run(desk: &Desk, acts: Acts) -> Ended {
    let (which, act, now) = match acts {
        Acts::Ack(args) => (args.which, Act::Ack, true),
        Acts::Choose(args) => (args.which, Act::Choose, true),
        Acts::Close(args) => (args.which, Act::Close, true),
        Acts::Ask(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Ask { text }, now)
        }
        Acts::Answer(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Answer { text }, now)
        }
        Acts::Accept(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Accept { start: args.start, text }, now)
        }
        Acts::Decline(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Decline { reason: args.reason, text, suggest: args.suggest }, now)
        }
        Acts::Progress(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Progress { waiting: args.waiting.into(), text }, now)
        }
        Acts::HandBack(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::HandBack { reason: args.reason, text }, now)
        }
        Acts::Resolve(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Resolve { outcomes: args.outcomes, text }, now)
        }
        Acts::Review(args) => {
            let (text, now) = args.text.read()?;
            (args.which, Act::Review { helped: args.helped, text }, now)
        }
    };
    let view = act_in(desk, &which.signer, &which.id, act, now).await?;
    output::answer(desk, &view, done)
}

/// Does it, and gives back how the referral stands then. Where what is said has to be signed by two, whoever says it is the first of them.
pub(crate) async fn act_in(desk: &Desk, signer: &Signer, id: &str, act: Act, now: bool) -> Result<ReferralView, crate::api::Problem> {
    // These say nothing that is held: what is was said before.
    let says = !matches!(act, Act::Choose | Act::Withdraw { .. });
    let by = signer.unlock_if_named(desk).await?;
    let ask = Unlocked::order_of(by.as_ref(), "act", id, ActRequest { act, now })?;
    let view: ReferralView = desk.node().post(Target::new(&["referrals", id, "act"]), &ask).await?;
    if let (Some(by), Some(held)) = (&by, view.held.filter(|_| says && view.label.needs_two())) {
        second::sign(desk, by, &held).await?;
    }
    Ok(view)
}

/// In a line: how it stands now, and what is held of it.
pub(crate) fn done(view: &ReferralView) -> String {
    let line = &view.line;
    let mut text = format!("{}: {}, owner {}\n", line.referral, line.state, crate::cli::output::plain(&line.owner));
    if let Some(held) = view.held {
        let leaves = if view.label.needs_two() {
            format!("leaves when somebody else signs too (`watchfire approve {held}`)")
        } else {
            "leaves in a moment".into()
        };
        text += &format!("held as {held} and {leaves}; `watchfire undo {held}` drops it\n");
    }
    text + &super::text::found(&view.findings)
}
