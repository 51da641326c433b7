//! `watchfire duplicate`: the one place where the contact of a check is known.

use super::output::{self, plain, table, time};
use super::unlock::{Signer, Unlocked};
use super::{Desk, Ended, input, passphrase, referral};
use crate::api::Problem;
use crate::api::client::Target;
use crate::model::desk::{Contact, Ordered};
use crate::model::duplicate::{Basis, Evaluated, MatchPublic, Purpose, Question, Round, Subject, claim};
use crate::model::{CheckId, Timestamp};
use crate::node::duplicate::{
    AllowRequest, AllowedOne, AnswerView, CheckRequest, CheckedView, Claim, ClaimRequest, DecideRequest, DisallowRequest, DuplicatesView,
    EvaluateRequest, EvaluatedView, FoundView, One,
};
use crate::node::error::{Exit, NodeError};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

/// Ask partners whether they have a case with the same contact, without telling them which
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate list", long_about = ABOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "Ask partners whether they have a case with the same contact, without telling them which

A partner that has no such case learns nothing but that somebody asked, and you learn nothing of its cases. Where it has one, and the person agreed \
there that partners may learn so, somebody at its desk is told that you ask, and you are told once that somebody agrees. A miss, a refusal \
and silence look the same. The contact never leaves this program.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(Check),
    Allow(Allow),
    Disallow(Disallow),
    List(List),
    Agree(Agree),
    Refuse(Refuse),
}

/// Where the contact comes from.
#[derive(Debug, Clone, clap::Args)]
struct Source {
    /// The referral whose sealed contact it is; without it, and without `--contact`, the terminal asks
    referral: Option<String>,
    /// Read the contact from this file, as `refer --contact` does, or from standard input (`-`)
    #[arg(long, value_name = "FILE")]
    contact: Option<String>,
    /// How the person agreed to this
    #[arg(long, value_enum)]
    consent: How,
    #[command(flatten)]
    signer: Signer,
}

/// How the person agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum How {
    /// In so many words
    Explicit,
    /// By word of mouth
    Verbal,
    /// Through somebody whom they trust
    ThroughIntermediary,
}

/// Ask partners about a contact; each that has it tells its desk that you ask
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate check --to smex --consent explicit --contact contact.toml")]
struct Check {
    #[command(flatten)]
    source: Source,
    /// Whom to ask; each contact counts as one of the tries that they answer in a day
    #[arg(long, value_name = "PEER", required = true)]
    to: Vec<String>,
}

/// Let partners match the contact of a case of ours
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate allow --with smex --consent explicit --contact contact.toml")]
struct Allow {
    #[command(flatten)]
    source: Source,
    /// Which partners may
    #[arg(long, value_name = "PEER", required = true)]
    with: Vec<String>,
    /// Until when: 2026-12-01 or 2026-12-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    until: Option<Timestamp>,
}

/// End that a contact may be matched
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate disallow k7qm2xpa")]
struct Disallow {
    /// What `duplicate allow` has printed, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

/// List checks, ours and those of partners that found a case, what may be matched, and how often we answered
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate list")]
struct List {}

/// Tell a partner that we have the case that it asks about
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate agree k7qm2xpa")]
struct Agree {
    /// The check's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

/// Tell a partner nothing: it looks as if there were no such case
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  watchfire duplicate refuse k7qm2xpa")]
struct Refuse {
    /// The check's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

/// What became of asking one partner; the same for a hit and a miss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AskedView {
    check: CheckId,
    to: String,
    state: String,
    until: Timestamp,
}

impl From<How> for Basis {
    fn from(how: How) -> Self {
        match how {
            How::Explicit => Self::Explicit,
            How::Verbal => Self::Verbal,
            How::ThroughIntermediary => Self::ThroughIntermediary,
        }
    }
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.command {
        Command::Check(args) => check(desk, args).await,
        Command::Allow(args) => allow(desk, args).await,
        Command::Disallow(Disallow { id, signer }) => {
            let ask = signer.order(desk, "duplicate-disallow", &id, DisallowRequest {}).await?;
            let ended: AllowedOne = desk.node().post(Target::new(&["duplicates", "allowed", &id, "end"]), &ask).await?;
            output::answer(desk, &ended, |ended| format!("{} contacts may not be matched any more\n", ended.contacts))
        }
        Command::List(List {}) => {
            let all: DuplicatesView = desk.node().get(Target::new(&["duplicates"])).await?;
            output::answer(desk, &all, lists)
        }
        Command::Agree(Agree { id, signer }) => decide(desk, &id, &signer, true).await,
        Command::Refuse(Refuse { id, signer }) => decide(desk, &id, &signer, false).await,
    }
}

async fn decide(desk: &Desk, id: &str, signer: &Signer, tell: bool) -> Ended {
    let ask = signer.order(desk, "duplicate-decide", id, DecideRequest { tell }).await?;
    let view: FoundView = desk.node().post(Target::new(&["duplicates", "found", id]), &ask).await?;
    output::answer(desk, &view, |view| format!("{}: {}\n", view.check, view.state))
}

fn ordered<T: Serialize>(by: Option<&Unlocked>, name: &str, request: T) -> Result<Ordered<T>, Problem> {
    match by {
        Some(by) => by.order(name, "", request),
        None => Ok(Ordered { request, order: None }),
    }
}

/// The contacts of the source, each once, and whose key is open.
async fn subjects(desk: &Desk, source: &Source) -> Result<(Vec<Subject>, Option<Unlocked>), Problem> {
    let (contact, by) = match (&source.contact, &source.referral) {
        (Some(file), _) => (referral::contact::read(file)?, source.signer.unlock_if_named(desk).await?),
        (None, Some(id)) => {
            let by = source.signer.unlock(desk).await?;
            (referral::contact::opened(desk, id, &by).await?, Some(by))
        }
        (None, None) => {
            let text = passphrase::hidden("contact (an address, a number with +, or SERVICE:NAME): ")?;
            let subject = Subject::typed(&text).map_err(|bad| NodeError::BadInput(bad.to_string()))?;
            return Ok((vec![subject], source.signer.unlock_if_named(desk).await?));
        }
    };
    Ok((of_contact(&contact)?, by))
}

/// Those channels that can be compared; what cannot is told by its kind.
fn of_contact(contact: &Contact) -> Result<Vec<Subject>, Problem> {
    let mut subjects: Vec<Subject> = Vec::new();
    for channel in &contact.channels {
        match Subject::of(channel) {
            Ok(subject) if !subjects.contains(&subject) => subjects.push(subject),
            Ok(_) => {}
            Err(bad) => {
                let why = bad.to_string();
                output::say(&format!("`{}` is left out: {}", plain(&channel.kind), why.lines().next().unwrap_or_default()));
            }
        }
    }
    if subjects.is_empty() {
        let text = "the contact has no channel that can be compared\nhint: an e-mail address, a number with `+`, or a name and its service";
        return Err(NodeError::BadInput(text.into()).into());
    }
    Ok(subjects)
}

fn blind(subject: &Subject) -> Result<Question, Problem> {
    Question::new(subject.input()).map_err(|bad| NodeError::BadInput(bad.to_string()).into())
}

async fn check(desk: &Desk, args: Check) -> Ended {
    let (subjects, by) = subjects(desk, &args.source).await?;
    let mut questions: Vec<(&Subject, Question)> = Vec::new();
    let mut checks = Vec::new();
    for to in &args.to {
        for subject in &subjects {
            let question = blind(subject)?;
            checks.push(One { to: to.clone(), blinded: BASE64.encode(question.blinded()) });
            questions.push((subject, question));
        }
    }
    let request = CheckRequest { checks, consent: args.source.consent.into(), referral: args.source.referral.clone() };
    let ask = ordered(by.as_ref(), "duplicate-check", request)?;
    let answers: Vec<CheckedView> = desk.node().post(Target::new(&["duplicates"]), &ask).await?;
    let mut claims = Vec::new();
    for ((subject, question), view) in questions.iter().zip(&answers) {
        if let Some(answer) = &view.answer {
            let ticket = ticket(subject, question, view, answer)?;
            claims.push(Claim { check: view.check, secret: view.secret.clone(), ticket });
        }
    }
    if !claims.is_empty() {
        let () = desk.node().post(Target::new(&["duplicates", "claims"]), &ClaimRequest { claims }).await?;
    }
    let asked: Vec<AskedView> = answers
        .into_iter()
        .map(|view| AskedView {
            check: view.check,
            to: view.to,
            state: if view.state == "answered" { "asked".into() } else { view.state },
            until: view.until,
        })
        .collect();
    let exit = if asked.iter().all(|one| one.state == "asked") { Exit::Done } else { Exit::Refused };
    output::answer(desk, &asked, |asked| asked.iter().map(line).collect())?;
    Ok(exit)
}

/// What follows an answer. Whether it is a ticket stays in here: a person hears of it once somebody there has agreed.
fn ticket(subject: &Subject, question: &Question, view: &CheckedView, answer: &AnswerView) -> Result<String, Problem> {
    let wrong = || {
        let text =
            format!("the answer of `{}` was not made with the key that its card names\nhint: tell them; nothing was told to them", view.to);
        Problem::new("wrong-key", Exit::Permission, &text)
    };
    let evaluated = Evaluated { element: fixed(&answer.element)?, proof: fixed(&answer.proof)? };
    let key = MatchPublic::from_bytes(&fixed::<32>(&view.key)?).map_err(|_| wrong())?;
    let value = question.finish(subject.input(), &evaluated, &key).map_err(|_| wrong())?;
    let round = Round::new(Purpose::Contact, (&view.us, &view.org), &view.check, question.blinded(), &fixed(&answer.nonce)?);
    let slots = BASE64.decode(answer.slots.as_bytes()).map_err(|_| unreadable())?;
    Ok(BASE64.encode(&claim(&value, &round, &slots)))
}

async fn allow(desk: &Desk, args: Allow) -> Ended {
    let (subjects, by) = subjects(desk, &args.source).await?;
    let questions: Vec<Question> = subjects.iter().map(blind).collect::<Result<_, _>>()?;
    let blinded = questions.iter().map(|question| BASE64.encode(question.blinded())).collect();
    let ask = ordered(by.as_ref(), "duplicate-evaluate", EvaluateRequest { blinded })?;
    let view: EvaluatedView = desk.node().post(Target::new(&["duplicates", "evaluate"]), &ask).await?;
    let key = MatchPublic::from_bytes(&fixed::<32>(&view.key)?).map_err(|_| unreadable())?;
    let mut values = Vec::new();
    for ((subject, question), (element, proof)) in subjects.iter().zip(&questions).zip(&view.evaluated) {
        let evaluated = Evaluated { element: fixed(element)?, proof: fixed(proof)? };
        let value = question.finish(subject.input(), &evaluated, &key).map_err(|error| NodeError::Internal(error.to_string()))?;
        values.push(BASE64.encode(value.bytes()));
    }
    let Allow { source, with, until } = args;
    let request = AllowRequest { values, with, consent: source.consent.into(), until, referral: source.referral };
    let ask = ordered(by.as_ref(), "duplicate-allow", request)?;
    let allowed: AllowedOne = desk.node().post(Target::new(&["duplicates", "allowed"]), &ask).await?;
    output::answer(desk, &allowed, |one| {
        format!("{}: {} contacts may be matched until {}\n", one.allowed, one.contacts, time(Some(one.until)))
    })
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], Problem> {
    BASE64.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(unreadable)
}

fn unreadable() -> Problem {
    NodeError::BadInput("what the node said of the check cannot be read\nhint: upgrade the older of node and command line".into()).into()
}

fn line(one: &AskedView) -> String {
    let (check, to) = (short(&one.check), plain(&one.to));
    match one.state.as_str() {
        "asked" => format!(
            "{check}: asked {to}; `duplicate list` tells if somebody there agrees to say that they have it, until {}\n",
            time(Some(one.until))
        ),
        "used_up" => format!("{check}: {to} answers no more checks today\n"),
        "not_there" => format!("{check}: {to} answers no checks\n"),
        _ => format!("{check}: {to} has not answered; the try may count all the same\n"),
    }
}

fn short(id: &CheckId) -> String {
    id.to_string().chars().take(8).collect()
}

fn lists(all: &DuplicatesView) -> String {
    let or = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    let found = all.found.iter().map(|view| {
        let of = view.referrals.iter().map(|id| id.to_string().chars().take(8).collect());
        let what: Vec<String> = of.chain(view.allowed.iter().map(short)).collect();
        [short(&view.check), plain(&view.peer), view.state.clone(), time(Some(view.at)), time(Some(view.until)), what.join(" ")]
    });
    let checks = all.checks.iter().map(|view| {
        [short(&view.check), plain(&view.peer), view.state.clone(), time(Some(view.at)), time(Some(view.until)), or(view.by.clone())]
    });
    let allowed = all.allowed.iter().map(|view| {
        let with = view.with.iter().map(|name| plain(name)).collect::<Vec<_>>().join(" ");
        [short(&view.allowed), view.contacts.to_string(), with, view.consent.name().to_owned(), time(Some(view.until)), or(view.by.clone())]
    });
    let answered = all.answered.iter().map(|view| {
        let day = view.day.to_string().chars().take(10).collect();
        [day, plain(&view.peer), view.answered.to_string(), view.refused.to_string()]
    });
    let parts = [
        ("a partner asks about a case of ours", table(["ID", "PEER", "STATE", "AT", "AGREE BY", "OF"], found.collect())),
        ("we asked", table(["ID", "PEER", "STATE", "AT", "TOLD BY", "BY"], checks.collect())),
        ("may be matched", table(["ID", "CONTACTS", "WITH", "CONSENT", "UNTIL", "BY"], allowed.collect())),
        ("we answered", table(["DAY", "PEER", "ANSWERED", "REFUSED"], answered.collect())),
    ];
    let parts: Vec<String> =
        parts.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(title, lines)| format!("{title}\n{lines}")).collect();
    if parts.is_empty() { "nobody has asked, and nothing may be matched\n".into() } else { parts.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Channel;
    use crate::model::duplicate::MatchKey;
    use crate::model::{CheckId, OrgId};
    use crate::node::duplicate::ClaimSecret;

    fn contact(channels: &[(&str, &str)]) -> Contact {
        Contact {
            call: String::new(),
            channels: channels.iter().map(|(kind, value)| Channel { kind: (*kind).into(), value: (*value).into() }).collect(),
            safe_times: String::new(),
            do_not_use: Vec::new(),
            notes: String::new(),
        }
    }

    #[test]
    fn each_way_to_reach_a_person_is_asked_about_once() {
        let all = contact(&[
            ("signal", "+961 3 123 456"),
            ("phone", "0096 13 123 456"),
            ("e-mail", "leyla@example.org"),
            ("phone", "03 123 456"),
        ]);
        assert_eq!(of_contact(&all).unwrap().len(), 2, "one number, one address; what has no country is left out");
        let none = of_contact(&contact(&[("phone", "03 123 456")])).unwrap_err();
        assert_eq!(none.detail, "the contact has no channel that can be compared");
    }

    #[test]
    fn nothing_is_told_to_whom_answers_with_another_key() {
        let (key, other) = (MatchKey::from_seed(&[1; 32]).unwrap(), MatchKey::from_seed(&[2; 32]).unwrap());
        let subject = Subject::typed("leyla@example.org").unwrap();
        let question = blind(&subject).unwrap();
        let view = CheckedView {
            check: CheckId([1; 16]),
            to: "borealis".into(),
            org: OrgId([2; 32]),
            us: OrgId([3; 32]),
            state: "answered".into(),
            until: Timestamp(1),
            key: BASE64.encode(key.public().bytes()),
            secret: ClaimSecret::fresh(),
            answer: None,
        };
        let answer = |key: &MatchKey| {
            let evaluated = key.evaluate(question.blinded()).unwrap();
            AnswerView {
                element: BASE64.encode(&evaluated.element),
                proof: BASE64.encode(&evaluated.proof),
                nonce: BASE64.encode(&[0; 32]),
                slots: BASE64.encode(&[0; 16]),
            }
        };
        let problem = ticket(&subject, &question, &view, &answer(&other)).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("wrong-key", Exit::Permission));
        assert_eq!(problem.detail, "the answer of `borealis` was not made with the key that its card names");
        assert!(ticket(&subject, &question, &view, &answer(&key)).is_ok());
    }
}
