//! Edge to operators: one file per command.

mod alert;
mod approve;
mod backup;
mod call;
mod campaigns;
mod card;
mod completions;
mod config;
mod consumer;
mod deeds;
mod demo;
mod desk_key;
mod disclosures;
mod doctor;
mod duplicate;
mod expire;
mod explain;
mod export;
mod feed;
mod group;
mod handover;
mod health;
mod holds;
mod import;
mod init;
mod input;
mod invite;
mod join;
mod lookup;
mod matching;
mod notify;
mod output;
mod passphrase;
mod peer;
mod policy;
mod preview;
mod profile;
mod provision;
mod recall;
mod receipts;
mod redact;
mod referral;
mod release;
mod restore;
mod rotate;
mod sealing;
mod second;
mod seen;
mod serve;
mod share;
mod show;
mod sighting;
mod statistics;
mod status;
#[cfg(test)]
mod texts;
mod undo;
mod unlock;
mod user;
mod user_log;
mod vocabulary;
mod volunteer;
mod warninglist;
mod withdraw;

use crate::api::Problem;
use crate::api::client::Client;
use crate::node::error::Exit;
use clap::{Parser, Subcommand};
use referral::act::Acts;
use std::path::PathBuf;
use std::process::ExitCode;

/// One organisation's node in a federation that shares redacted threat indicators
#[derive(Debug, Parser)]
#[command(name = "watchfire", version, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Data directory; where none is given, the platform's place for state
    #[arg(long, global = true, env = "WATCHFIRE_DATA", value_name = "DIR", hide_env_values = true)]
    data: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire demo";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Provision(provision::Args),
    Serve(serve::Args),
    Status(status::Args),
    Card(card::Args),
    Peer(peer::Args),
    Invite(invite::Args),
    Join(join::Args),
    Group(group::Args),
    Share(share::Args),
    Import(import::Args),
    Holds(holds::Args),
    Preview(preview::Args),
    Undo(undo::Args),
    Release(release::Args),
    Export(export::Args),
    Consumer(consumer::Args),
    Feed(feed::Args),
    Lookup(lookup::Args),
    Campaigns(campaigns::Args),
    Show(show::Args),
    Explain(explain::Args),
    Deeds(deeds::Args),
    Disclosures(disclosures::Args),
    Policy(policy::Args),
    Profile(profile::Args),
    Match(matching::Args),
    Refer(referral::refer::Args),
    Inbox(referral::inbox::Args),
    Timers(referral::timers::Args),
    Ack(referral::act::Ack),
    Ask(referral::act::Ask),
    Answer(referral::act::Answer),
    Accept(referral::act::Accept),
    Decline(referral::act::Decline),
    Choose(referral::act::Choose),
    Progress(referral::act::Progress),
    HandBack(referral::act::HandBack),
    Resolve(referral::act::Resolve),
    Review(referral::act::Review),
    Close(referral::act::Close),
    Platform(referral::platform::Args),
    PassOn(referral::pass_on::Args),
    Contact(referral::contact::Args),
    Sighting(sighting::Args),
    Seen(seen::Args),
    Alert(alert::Args),
    Call(call::Args),
    Volunteer(volunteer::Args),
    Duplicate(duplicate::Args),
    Handover(handover::Args),
    Statistics(statistics::Args),
    Withdraw(withdraw::Args),
    Recall(recall::Args),
    Receipts(receipts::Args),
    Redact(redact::Args),
    Warninglist(warninglist::Args),
    Vocabulary(vocabulary::Args),
    Approve(approve::Args),
    User(user::Args),
    Notify(notify::Args),
    DeskKey(desk_key::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Rotate(rotate::Args),
    Expire(expire::Args),
    Doctor(doctor::Args),
    Health(health::Args),
    Config(config::Args),
    Completions(completions::Args),
}

/// What a command works with.
struct Desk {
    /// The data directory.
    data: PathBuf,
    /// Whether JSON is wanted.
    json: bool,
}

impl Desk {
    /// The running node.
    fn node(&self) -> Client {
        Client::new(&self.data)
    }
}

/// How a command ended.
type Ended = Result<Exit, Problem>;

/// Runs the command line and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows where each is printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let json = cli.json;
    let ended = run(cli);
    if let Err(problem) = &ended {
        output::error(problem, json);
    }
    let exit = ended.unwrap_or_else(|problem| problem.exit);
    ExitCode::from(u8::from(exit))
}

fn run(cli: Cli) -> Ended {
    let data = cli.data.unwrap_or_else(|| crate::config::default_data(&|name| std::env::var(name).ok()));
    let desk = Desk { data, json: cli.json };
    let mut builder = match cli.command {
        Command::Serve(_) | Command::Demo(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = builder.enable_all().build().map_err(|error| crate::node::error::NodeError::io("start the runtime", error))?;
    let ended = runtime.block_on(dispatch(&desk, cli.command));
    // A thread may still wait for standard input; nobody waits for it.
    runtime.shutdown_background();
    ended
}

async fn dispatch(desk: &Desk, command: Command) -> Ended {
    match command {
        Command::Demo(args) => demo::run(desk, args).await,
        Command::Init(args) => init::run(desk, &args),
        Command::Provision(args) => provision::run(desk, &args),
        Command::Serve(args) => serve::run(desk, &args).await,
        Command::Status(_) => status::run(desk).await,
        Command::Card(_) => card::run(desk).await,
        Command::Peer(args) => peer::run(desk, args).await,
        Command::Invite(_) => invite::run(desk).await,
        Command::Join(args) => join::run(desk, args).await,
        Command::Group(args) => group::run(desk, args).await,
        Command::Share(args) => share::run(desk, args).await,
        Command::Import(args) => import::run(desk, &args).await,
        Command::Holds(_) => holds::run(desk).await,
        Command::Preview(args) => preview::run(desk, &args).await,
        Command::Undo(args) => undo::run(desk, &args).await,
        Command::Release(args) => release::run(desk, &args).await,
        Command::Export(args) => export::run(desk, &args).await,
        Command::Consumer(args) => consumer::run(desk, args).await,
        Command::Feed(args) => feed::run(desk, args).await,
        Command::Campaigns(args) => campaigns::run(desk, &args).await,
        Command::Lookup(args) => lookup::run(desk, &args).await,
        Command::Show(args) => show::run(desk, &args).await,
        Command::Explain(args) => explain::run(desk, &args).await,
        Command::Deeds(args) => deeds::run(desk, &args).await,
        Command::Disclosures(args) => disclosures::run(desk, &args).await,
        Command::Policy(args) => policy::run(desk, args).await,
        Command::Profile(args) => profile::run(desk, args).await,
        Command::Match(args) => matching::run(desk, args).await,
        Command::Refer(args) => referral::refer::run(desk, args).await,
        Command::Inbox(args) => referral::inbox::run(desk, &args).await,
        Command::Timers(args) => referral::timers::run(desk, &args).await,
        Command::Ack(args) => referral::act::run(desk, Acts::Ack(args)).await,
        Command::Ask(args) => referral::act::run(desk, Acts::Ask(args)).await,
        Command::Answer(args) => referral::act::run(desk, Acts::Answer(args)).await,
        Command::Accept(args) => referral::act::run(desk, Acts::Accept(args)).await,
        Command::Decline(args) => referral::act::run(desk, Acts::Decline(args)).await,
        Command::Choose(args) => referral::act::run(desk, Acts::Choose(args)).await,
        Command::Progress(args) => referral::act::run(desk, Acts::Progress(args)).await,
        Command::HandBack(args) => referral::act::run(desk, Acts::HandBack(args)).await,
        Command::Resolve(args) => referral::act::run(desk, Acts::Resolve(args)).await,
        Command::Review(args) => referral::act::run(desk, Acts::Review(args)).await,
        Command::Close(args) => referral::act::run(desk, Acts::Close(args)).await,
        Command::Contact(args) => referral::contact::run(desk, &args).await,
        Command::Platform(args) => referral::platform::run(desk, args).await,
        Command::PassOn(args) => referral::pass_on::run(desk, args).await,
        Command::Sighting(args) => sighting::run(desk, args).await,
        Command::Seen(args) => seen::run(desk, args).await,
        Command::Alert(args) => alert::run(desk, args).await,
        Command::Call(args) => call::run(desk, args).await,
        Command::Volunteer(args) => volunteer::run(desk, args).await,
        Command::Duplicate(args) => duplicate::run(desk, args).await,
        Command::Handover(args) => handover::run(desk, args).await,
        Command::Statistics(args) => statistics::run(desk, &args).await,
        Command::Withdraw(args) => withdraw::run(desk, &args).await,
        Command::Recall(args) => recall::run(desk, &args).await,
        Command::Receipts(args) => receipts::run(desk, &args).await,
        Command::Redact(args) => redact::run(desk, &args),
        Command::Warninglist(args) => warninglist::run(desk, args).await,
        Command::Vocabulary(args) => vocabulary::run(desk, &args),
        Command::Approve(args) => approve::run(desk, &args).await,
        Command::User(args) => user::run(desk, args).await,
        Command::Notify(args) => notify::run(desk, args).await,
        Command::DeskKey(args) => desk_key::run(desk, args).await,
        Command::Rotate(args) => rotate::run(desk, &args).await,
        Command::Expire(_) => expire::run(desk).await,
        Command::Backup(args) => backup::run(desk, &args).await,
        Command::Restore(args) => restore::run(desk, &args).await,
        Command::Doctor(_) => doctor::run(desk).await,
        Command::Health(_) => health::run(desk).await,
        Command::Config(args) => config::run(desk, &args),
        Command::Completions(args) => completions::run(&args),
    }
}
