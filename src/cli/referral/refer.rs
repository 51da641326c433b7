//! `watchfire refer`

use super::wizard::Wizard;
use crate::api::Problem;
use crate::api::client::Target;
use crate::cli::output::{self, plain};
use crate::cli::unlock::{Signer, Unlocked};
use crate::cli::{Desk, Ended, input};
use crate::clock::Clock;
use crate::model::desk::Ordered;
use crate::node::error::NodeError;
use crate::node::referral::{AgainRequest, ReferRequest, ReferView};
use crate::node::view::PeerView;
use std::io::{self, IsTerminal};

/// Hand a case to a partner
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(crate) struct Args {
    /// The case as TOML or JSON; `-` reads standard input. Without it you are asked, on a terminal
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Offer the case of this referral to somebody else, whom its consent names
    #[arg(long, value_name = "REFERRAL", requires = "to", conflicts_with_all = ["file", "candidates", "dry_run"])]
    again: Option<String>,
    /// The peer that it goes to; once for each, among whom you choose when several accept
    #[arg(long, value_name = "PEER")]
    to: Vec<String>,
    /// How to reach the person, TOML or JSON: sealed here to the desks of those who may get the case, so that they make the first contact
    #[arg(long, value_name = "FILE", conflicts_with = "again")]
    contact: Option<String>,
    /// Who is asked next when nobody answers, in this order
    #[arg(long = "then", value_name = "PEER")]
    candidates: Vec<String>,
    /// The call of ours for which these peers volunteered; the others are told that somebody was chosen
    #[arg(long, value_name = "CALL", requires = "to")]
    call: Option<String>,
    #[command(flatten)]
    signer: Signer,
    /// Skip the hold; an emergency is never held
    #[arg(long)]
    now: bool,
    /// Show exactly what would leave, and refer nothing
    #[arg(long)]
    dry_run: bool,
    /// Print a file to fill in
    #[arg(long, conflicts_with_all = ["file", "again", "to", "candidates", "call", "dry_run"])]
    template: bool,
}

const ABOUT: &str = "Hand a case to a partner

What leaves is what the file says under [offer], after the gate has looked at it. Who the person is does not belong there. The case stays \
yours until the partner has accepted it and your node has confirmed that, which it does by itself when nobody else was asked.";

const EXAMPLES: &str = "Examples:
  watchfire refer --file case.toml --to borealis --then cedar";

/// What `--template` prints.
pub(crate) const TEMPLATE: &str = include_str!("template.toml");

pub(crate) async fn run(desk: &Desk, args: Args) -> Ended {
    let Args { file, again, contact, to, candidates, call, signer, now, dry_run, template } = args;
    if template {
        return output::data(TEMPLATE);
    }
    if let Some(id) = again {
        let ask = signer.order(desk, "again", &id, AgainRequest { to, call, now }).await?;
        let view: ReferView = desk.node().post(Target::new(&["referrals", &id, "again"]), &ask).await?;
        return output::answer(desk, &view, text);
    }
    let asked = file.is_none();
    let mut request = match &file {
        Some(file) => read(file, &input::file(file)?)?,
        None => ask(desk, &to).await?,
    };
    // Whom the file names is whom the consent is for, whoever is named here.
    if request.recipients.is_empty() && !request.to.is_empty() {
        request.recipients = request.to.iter().chain(&request.candidates).cloned().collect();
    }
    if !to.is_empty() {
        request.to = to;
    }
    if !candidates.is_empty() {
        request.candidates = candidates;
    }
    request.call = call.or(request.call);
    (request.now, request.dry_run) = (request.now || now, request.dry_run || dry_run);
    if let Some(file) = contact {
        super::contact::seal(desk, &super::contact::read(&file)?, &mut request).await?;
    }
    // One passphrase for both requests.
    let by = match &signer.name {
        Some(_) => Some(signer.unlock(desk).await?),
        None => None,
    };
    if asked && !dry_run {
        let dry = ReferRequest { dry_run: true, ..request.clone() };
        if !input::says_yes(text(&post(desk, by.as_ref(), dry).await?).trim_end(), "does this leave?")?.unwrap_or(false) {
            return Err(NodeError::Conflict("nothing was referred".into()).into());
        }
    }
    output::answer(desk, &post(desk, by.as_ref(), request).await?, text)
}

/// Asks a person for a case.
async fn ask(desk: &Desk, to: &[String]) -> Result<ReferRequest, Problem> {
    if !io::stdin().is_terminal() {
        let text = "there is no case\nhint: `--file FILE`, or a terminal on which you can be asked; `--template` prints a file to fill in";
        return Err(NodeError::BadInput(text.into()).into());
    }
    let peers: Vec<PeerView> = desk.node().get(Target::new(&["peers"])).await?;
    let names: Vec<String> = peers.into_iter().map(|peer| peer.status.name).collect();
    let lists = crate::node::vocabulary::load(&desk.data)?;
    let mut wizard = Wizard { from: io::stdin().lock(), to: io::stderr(), lists: &lists, today: Clock::system().now() };
    Ok(wizard.case(&names, to.to_vec()).map_err(|error| NodeError::io("ask for a case", error))?)
}

/// Has a case referred, by somebody's order where somebody was named.
async fn post(desk: &Desk, by: Option<&Unlocked>, request: ReferRequest) -> Result<ReferView, Problem> {
    let ask = match by {
        Some(by) => by.order("refer", "", request)?,
        None => Ordered { request, order: None },
    };
    desk.node().post(Target::new(&["referrals"]), &ask).await
}

/// Reads a case, TOML or JSON.
pub(crate) fn read(file: &str, text: &str) -> Result<ReferRequest, Problem> {
    let bad = |why: String| {
        let hint = "hint: `watchfire refer --template` prints one to fill in; `watchfire vocabulary` lists the codes";
        Problem::from(NodeError::BadInput(format!("`{file}` is not a case: {why}\n{hint}")))
    };
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| bad(format!("line {}: {error}", error.line())));
    }
    toml::from_str(text).map_err(|error| {
        let (line, what) = crate::config::toml_error(text, &error);
        bad(format!("line {line}: {what}"))
    })
}

pub(crate) fn text(view: &ReferView) -> String {
    let mut text = String::new();
    if let Some(offer) = &view.offer {
        let names: Vec<String> = view.offers.iter().map(|offer| plain(&offer.name)).collect();
        text += &format!("{}would leave to {}\n", super::text::offer(offer), names.join(", "));
    }
    for offer in view.offers.iter().filter(|_| view.offer.is_none()) {
        let state = offer.held.as_ref().map_or("sent", |_| "gated");
        text += &format!("{} to {}: {state}\n", offer.referral, plain(&offer.name));
        if let Some(id) = offer.held.as_ref().and_then(|hold| hold.id) {
            text += &format!("held as {id}; `watchfire preview {id}` shows what leaves, `watchfire undo {id}` drops it\n");
        }
    }
    if let Some(code) = &view.introduction_code {
        text += &format!("introduction code, for the person to say: {code}\n");
    }
    for replaced in &view.findings.replaced {
        text += &format!("{} replaced in {}: {}\n", replaced.count, replaced.field, replaced.kind);
    }
    view.findings.warnings.iter().for_each(|warning| text += &format!("warning: {}\n", plain(warning)));
    text
}
