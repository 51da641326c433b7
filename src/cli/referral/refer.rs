//! `watchfire refer`

use super::begun::Begun;
use super::form;
use super::wizard::{QUESTIONS, Wizard, is_yes};
use crate::api::Problem;
use crate::api::client::{Client, Target};
use crate::cli::output::{self, plain};
use crate::cli::unlock::{Signer, Unlocked};
use crate::cli::{Desk, Ended, holds, input, second};
use crate::clock::Clock;
use crate::model::EntryHash;
use crate::model::referral::{Offer, check_line};
use crate::node::error::NodeError;
use crate::node::profile::NeedRequest;
use crate::node::referral::{AgainRequest, ReferRequest, ReferView};
use crate::node::view::{HoldState, PeerStatus, PeerView, RecordView};
use serde_json::Value;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use toml::Table;

/// Hand a case to a partner
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(crate) struct Args {
    /// A case that you were asked for and that was kept: you are asked for the rest. Any other file is taken as by `--file`
    #[arg(value_name = "KEPT", conflicts_with_all = ["file", "again"])]
    kept: Option<String>,
    /// The case as TOML or JSON; `-` reads standard input. Without it you are asked, on a terminal
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Offer the case of this referral to somebody else, whom its consent names: to the next candidate where `--to` names nobody
    #[arg(long, value_name = "REFERRAL", conflicts_with_all = ["file", "dry_run"])]
    again: Option<String>,
    /// The peer that it goes to; once for each, among whom you choose when several accept
    #[arg(long, value_name = "PEER")]
    to: Vec<String>,
    /// What your desk calls the case: a number, not a name. It never leaves
    #[arg(long, value_name = "TEXT", conflicts_with = "again")]
    reference: Option<String>,
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
    #[arg(long, conflicts_with_all = ["kept", "file", "again", "to", "reference", "contact", "candidates", "call", "dry_run"])]
    template: bool,
    /// Print a file for `--contact` to fill in
    #[arg(long, conflicts_with_all = ["kept", "template", "file", "again", "to", "reference", "contact", "candidates", "call", "dry_run"])]
    contact_template: bool,
}

const ABOUT: &str = "Hand a case to a partner

What leaves is what the file says under [offer], after the gate has looked at it. Who the person is does not belong there. The case stays \
yours until the partner has accepted it and your node has confirmed that, which it does by itself when nobody else was asked.";

const EXAMPLES: &str = "Examples:
  watchfire refer --file case.toml --to borealis --then cedar";

/// What `--template` prints.
pub(crate) const TEMPLATE: &str = include_str!("template.toml");
/// A case that is filled in, with nobody in it: for the demo and for tests.
pub(crate) const EXAMPLE: &str = include_str!("example.toml");

pub(crate) async fn run(desk: &Desk, args: Args) -> Ended {
    let Args { kept, file, again, reference, contact, to, candidates, call, signer, now, dry_run, template, contact_template } = args;
    if template || contact_template {
        return output::data(if template { TEMPLATE } else { super::contact::TEMPLATE });
    }
    if let Some(id) = again {
        let by = signer.unlock_if_named(desk).await?;
        let ask = Unlocked::order_of(by.as_ref(), "again", &id, AgainRequest { to, candidates, call, now })?;
        let mut view: ReferView = desk.node().post(Target::new(&["referrals", &id, "again"]), &ask).await?;
        second::sign_offers(desk, by.as_ref(), &mut view).await?;
        return output::answer(desk, &view, text);
    }
    let options = Options { to, candidates, call, reference, contact, signer, now, dry_run };
    let text = kept.as_deref().or(file.as_deref()).map(input::file).transpose()?;
    let begun = match (&kept, &text) {
        (Some(name), Some(text)) => Begun::of(name, text).map_err(|error| no_case(name, &input::toml_error(text, &error)))?,
        (None, None) => Some(Begun::new(Path::new("."), &QUESTIONS)),
        _ => None,
    };
    let Some(mut begun) = begun else {
        let mut request = read(kept.or(file).as_deref().unwrap_or_default(), &text.unwrap_or_default())?;
        options.complete(desk, &mut request).await?;
        let by = options.signer.unlock_if_named(desk).await?;
        let mut view = post(desk, by.as_ref(), request).await?;
        second::sign_offers(desk, by.as_ref(), &mut view).await?;
        return output::answer(desk, &view, self::text);
    };
    let done = refer_begun(desk, &options, &mut begun).await;
    // What was answered is worth more than the minute in which it was typed.
    if let Some(file) = begun.file().filter(|file| file.exists()) {
        let file = plain(&file.display().to_string());
        output::say(&format!("kept in {file}; go on with `watchfire refer {file}`"));
    }
    let (by, mut view) = done?;
    second::sign_offers(desk, by.as_ref(), &mut view).await?;
    output::answer(desk, &view, self::text)
}

/// What is said beside the case.
pub(super) struct Options {
    pub(super) to: Vec<String>,
    pub(super) candidates: Vec<String>,
    pub(super) call: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) signer: Signer,
    pub(super) now: bool,
    pub(super) dry_run: bool,
}

impl Options {
    /// A case with all that was said beside it, and its contact sealed.
    pub(super) async fn complete(&self, desk: &Desk, request: &mut ReferRequest) -> Result<(), Problem> {
        // Whom the file names is whom the consent is for, whoever is named here.
        if request.recipients.is_empty() && !request.to.is_empty() {
            request.recipients = request.to.iter().chain(&request.candidates).cloned().collect();
        }
        if !self.to.is_empty() {
            request.to.clone_from(&self.to);
        }
        if !self.candidates.is_empty() {
            request.candidates.clone_from(&self.candidates);
        }
        if let Some(reference) = &self.reference {
            request.reference.clone_from(reference);
        }
        request.call = self.call.clone().or(request.call.take());
        (request.now, request.dry_run) = (request.now || self.now, request.dry_run || self.dry_run);
        if let Some(file) = &self.contact {
            super::contact::seal(desk, &super::contact::read(file)?, request).await?;
        }
        Ok(())
    }
}

/// Asks for what a case still needs and refers it. Its file is deleted once it is referred, or nobody wants it.
async fn refer_begun(desk: &Desk, options: &Options, begun: &mut Begun) -> Result<(Option<Unlocked>, ReferView), Problem> {
    let interrupted = async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Problem::from(NodeError::Conflict("it was interrupted, and nothing was referred".into())),
            Err(error) => NodeError::io("wait for an interrupt", error).into(),
        }
    };
    let asked = tokio::select! {
        asked = asked(desk, options, begun) => asked?,
        problem = interrupted => return Err(problem),
    };
    let (by, request) = match asked {
        Asked::Refer(by, request) => (by, *request),
        Asked::Shown(view) => return Ok((None, *view)),
        Asked::No => {
            begun.delete();
            return Err(NodeError::Conflict("nothing was referred, and nothing is kept".into()).into());
        }
    };
    // From here on it may have left: an interrupt would only hide that.
    let view = post(desk, by.as_ref(), request).await?;
    begun.delete();
    Ok((by, view))
}

/// What a person wants with the case that they were asked for.
enum Asked {
    Refer(Option<Unlocked>, Box<ReferRequest>),
    /// It was only looked at.
    Shown(Box<ReferView>),
    No,
}

async fn asked(desk: &Desk, options: &Options, begun: &mut Begun) -> Result<Asked, Problem> {
    if !io::stdin().is_terminal() {
        let text = "there is no case\nhint: `--file FILE`, or a terminal on which you can be asked; `--template` prints a file to fill in";
        return Err(NodeError::BadInput(text.into()).into());
    }
    if let Some(file) = &options.contact {
        // A slip in it is told before anything is asked.
        super::contact::read(file)?;
    }
    let peers: Vec<PeerView> = desk.node().get(Target::new(&["peers"])).await?;
    let names: Vec<String> = peers.into_iter().map(|peer| peer.status).filter(is_open).map(|peer| peer.name).collect();
    if names.is_empty() {
        let text = "there is no partner to whom a case could go\nhint: `watchfire invite` pairs with one; `watchfire peer list` has all";
        return Err(NodeError::Conflict(text.into()).into());
    }
    for (field, given) in [("to", &options.to), ("candidates", &options.candidates)] {
        if !given.is_empty() {
            begun.answer(field, given.clone().into());
        }
    }
    if let Some(reference) = &options.reference {
        check_line("reference", reference).map_err(|error| NodeError::BadInput(error.to_string()))?;
        begun.answer("reference", reference.clone().into());
    }
    let lists = crate::node::vocabulary::load(&desk.data)?;
    let contact = options.contact.is_some();
    let (node, runtime) = (desk.node(), tokio::runtime::Handle::current());
    let said = begun.clone();
    // In a thread of its own, which an interrupt leaves behind: nothing else ends a wait for somebody who types.
    let answered = apart(move || {
        let mut said = said;
        let entry_of = |what: &str, to: &[String]| runtime.block_on(entry_of(&node, what, to));
        let (from, today) = (io::stdin().lock(), Clock::system().now());
        let rank = |need: &NeedRequest| {
            let ranked = runtime.block_on(node.post(Target::new(&["match"]), need));
            ranked.map_err(|problem: Problem| problem.detail)
        };
        let mut wizard = Wizard { from, to: io::stderr(), lists: &lists, today, peers: &names, rank: &rank, contact, entry_of: &entry_of };
        let done = wizard.case(&mut said);
        (said, done)
    });
    let (said, done) = answered.await?;
    *begun = said;
    done.map_err(|error| NodeError::io("ask for a case", error))?;
    let mut request = read(&begun.file().unwrap_or(Path::new("the case")).display().to_string(), &begun.written())?;
    options.complete(desk, &mut request).await?;
    // One passphrase for both requests.
    let by = options.signer.unlock_if_named(desk).await?;
    let view = post(desk, by.as_ref(), ReferRequest { dry_run: true, ..request.clone() }).await?;
    if options.dry_run {
        return Ok(Asked::Shown(Box::new(view)));
    }
    loop {
        text(&view).lines().for_each(output::say);
        output::say("does this leave? yes or no");
        let typed = apart(|| {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).map(|read| (read > 0).then_some(line))
        });
        let typed = typed.await?.map_err(|error| NodeError::io("read standard input", error))?;
        match typed.as_deref().map(|line| is_yes(line.trim())) {
            Some(Some(true)) => return Ok(Asked::Refer(by, Box::new(request))),
            Some(Some(false)) => return Ok(Asked::No),
            Some(None) => {}
            None => return Err(NodeError::Conflict("nobody answers, and nothing was referred".into()).into()),
        }
    }
}

/// Whether something can be offered to a peer now.
fn is_open(peer: &PeerStatus) -> bool {
    ["connected", "unreachable"].contains(&peer.state.as_str())
}

/// The entry of a record that all of these have: its hash, or why there is none.
async fn entry_of(node: &Client, what: &str, to: &[String]) -> Result<EntryHash, String> {
    let record = node.get::<RecordView>(Target::new(&["records", what])).await.map_err(|problem| match problem.hint {
        Some(hint) => format!("{}\nhint: {hint}", problem.detail),
        None => problem.detail,
    })?;
    let theirs = record.entries.iter().filter(|entry| to.iter().all(|peer| entry.holders.contains(peer)));
    theirs.max_by_key(|entry| entry.received).and_then(|entry| entry.hash).ok_or_else(|| {
        let hint = "hint: share it with each of them first, or leave it out";
        format!("`{}` is in no log that {} read\n{hint}", plain(what), plain(&to.join(" and ")))
    })
}

/// Waits for a person in a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let (done, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || drop(done.send(work())));
    wait.await.map_err(|_| NodeError::Internal("what asked for a case has ended".into()).into())
}

/// Has a case referred, by somebody's order where somebody was named.
async fn post(desk: &Desk, by: Option<&Unlocked>, request: ReferRequest) -> Result<ReferView, Problem> {
    let ask = Unlocked::order_of(by, "refer", "", request)?;
    desk.node().post(Target::new(&["referrals"]), &ask).await
}

/// Reads a case, TOML or JSON, that is filled in.
pub(crate) fn read(file: &str, text: &str) -> Result<ReferRequest, Problem> {
    let all: Value = input::toml_or_json(text).map_err(|why| no_case(file, &why))?;
    if let Some(problem) = form::problem(file, &form::unfilled(&all)) {
        return Err(problem);
    }
    input::toml_or_json(text).map_err(|why| no_case(file, &why))
}

/// What a case says so far: its offer, in which the words of [`EXAMPLE`] stand where it says nothing yet, and what it says of that itself.
///
/// # Errors
/// When it is no TOML or JSON, or a value is none of its field; with the line or the field.
pub(crate) fn read_so_far(file: &str, text: &str) -> Result<(Offer, Table), Problem> {
    let bad = |why: &dyn std::fmt::Display| no_case(file, &why.to_string());
    let said: Value = input::toml_or_json(text).map_err(|why| bad(&why))?;
    let said = Table::try_from(form::without_gaps(said)).map_err(|error| bad(&error))?;
    let mut case: Table = toml::from_str(EXAMPLE).map_err(|error| bad(&error))?;
    lay_over(&mut case, said.clone());
    let request: ReferRequest = case.try_into().map_err(|error: toml::de::Error| {
        let told = error.to_string();
        let (what, place) = told.trim_end().rsplit_once("\nin `").unwrap_or((told.trim_end(), ""));
        bad(&[place.trim_end_matches('`'), what].iter().filter(|text| !text.is_empty()).copied().collect::<Vec<_>>().join(": "))
    })?;
    let of_offer = said.get("offer").and_then(|offer| offer.as_table().cloned());
    Ok((request.offer, of_offer.unwrap_or_default()))
}

fn lay_over(below: &mut Table, above: Table) {
    for (field, value) in above {
        match (below.get_mut(&field), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            (_, value) => drop(below.insert(field, value)),
        }
    }
}

fn no_case(file: &str, why: &str) -> Problem {
    let hint = "hint: `watchfire refer --template` prints one to fill in; `watchfire vocabulary` lists the codes";
    NodeError::BadInput(format!("`{file}` is not a case: {why}\n{hint}")).into()
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
        if let Some(hold) = offer.held.as_ref().filter(|hold| !matches!(hold.state, HoldState::Held | HoldState::Preview)) {
            text += &format!("waits for {}\n", holds::waits_for(hold));
        }
    }
    if let Some(code) = &view.introduction_code {
        text += &format!("introduction code, for the person to say: {code}\n");
    }
    text + &super::text::found(&view.findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNFILLED: [&str; 9] = [
        "offer.beneficiary_type",
        "offer.consent.basis",
        "offer.consent.obtained",
        "offer.help_wanted",
        "offer.incident_types",
        "offer.languages.tag",
        "offer.region",
        "offer.steps_taken",
        "offer.summary",
    ];

    fn told(text: &str) -> (String, Option<String>) {
        let Err(problem) = read("case.toml", text) else { panic!("it is taken") };
        (problem.detail, problem.hint)
    }

    #[test]
    fn a_template_that_nobody_filled_in_is_no_case_and_each_gap_is_named() {
        let (text, hint) = told(TEMPLATE);
        assert_eq!(text, format!("`case.toml` is not filled in: {} still say `FILL IN`", UNFILLED.join(", ")));
        assert_eq!(hint.as_deref(), Some("write over each what holds, or leave the line out"));
        let one = EXAMPLE.replace("What was done already.", "FILL IN");
        assert_eq!(told(&one).0, "`case.toml` is not filled in: offer.steps_taken still says `FILL IN`");
        let json = serde_json::to_string(&toml::from_str::<serde_json::Value>(&one).unwrap()).unwrap();
        assert_eq!(told(&json).0, "`case.toml` is not filled in: offer.steps_taken still says `FILL IN`");
        assert!(read("case.toml", &EXAMPLE.replace("What was done already.", "asked them to FILL IN a form")).is_ok());
    }

    #[test]
    fn the_template_has_each_field_that_is_filled_in_and_what_it_leaves_out_can_be_put_in() {
        fn fields(value: &serde_json::Value, at: &str, all: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| fields(value, &format!("{at}.{key}"), all)),
                _ => all.push(at.to_owned()),
            }
        }
        let of = |text: &str| {
            let mut all = Vec::new();
            fields(&toml::from_str(text).unwrap(), "", &mut all);
            all
        };
        let with_all: String = TEMPLATE.lines().map(|line| with_optional(line) + "\n").collect();
        let template = of(&with_all);
        let missing: Vec<String> = of(EXAMPLE).into_iter().filter(|field| !template.contains(field)).collect();
        assert_eq!(missing, Vec::<String>::new());
        for field in [".recipients", ".offer.consent.expires", ".offer.consent.indicators_only", ".offer.country"] {
            assert!(template.contains(&field.to_owned()), "{field}");
        }
        let filled = UNFILLED.iter().fold(with_all, |text, field| filled(&text, field));
        let case = read("case.toml", &filled).unwrap_or_else(|problem| panic!("{}", problem.detail));
        assert!(case.offer.consent.expires.is_some() && !case.offer.consent.indicators_only);
        assert_eq!(case.offer.check(), Ok(()));
    }

    /// A line of the template that may be put in by taking its `#` away.
    fn with_optional(line: &str) -> String {
        let is_field =
            |rest: &str| rest.split_once(" = ").is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        line.strip_prefix("# ").filter(|rest| is_field(rest)).unwrap_or(line).to_owned()
    }

    fn filled(text: &str, field: &str) -> String {
        let name = match field {
            "offer.languages.tag" => "languages",
            _ => field.rsplit('.').next().unwrap(),
        };
        let like = match name {
            "basis" => "explicit",
            "obtained" => "2026-11-27",
            "languages" => "ar",
            _ => "other",
        };
        let at = text.find(&format!("\n{name} = ")).unwrap();
        format!("{}{}", &text[..at], text[at..].replacen("FILL IN", like, 1))
    }
}
