//! `watchfire peer`

use super::output::{self, days, facts, time, yes};
use super::{Desk, Ended, input, status};
use crate::api::client::Target;
use crate::api::{Digits, PeerAdd, Rename};
use crate::node::view::{PeerOptions, PeerRemoveView, PeerView};

/// Add, inspect, rename, suspend and remove peers
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire peer list";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Pair with a card that was checked by other means than the digits
    #[command(after_help = "Examples:\n  watchfire peer add card.txt --name smex")]
    Add {
        /// The card: a file, its text, or `-`
        card: String,
        /// What the organisation is called here
        #[arg(long)]
        name: String,
        /// Also accept a key exchange without a post-quantum half
        #[arg(long)]
        allow_classical: bool,
        /// Dial it through this SOCKS5 proxy: socks5://host:port
        #[arg(long, value_name = "URL")]
        proxy: Option<String>,
    },
    /// List the peers
    #[command(after_help = "Examples:\n  watchfire peer list")]
    List,
    /// Tell where a peer stands and why it is not reached
    #[command(after_help = "Examples:\n  watchfire peer show smex")]
    Show {
        /// Its name or organisation id
        name: String,
    },
    /// End a peer's links for now
    #[command(
        after_help = "Examples:\n  watchfire peer suspend smex --recalls",
        long_about = "End a peer's links for now\n\nWithout `--recalls` no connection is made or taken, which is right where its keys may be stolen. With it, links carry recalls of both sides and what became of them, and nothing else, so that what should never have left is still destroyed there. Give the command again to change it."
    )]
    Suspend {
        /// Its name or organisation id
        name: String,
        /// Let recalls through, its own and ours, and nothing else
        #[arg(long)]
        recalls: bool,
    },
    /// Open a suspended peer's links again
    #[command(after_help = "Examples:\n  watchfire peer resume smex")]
    Resume {
        /// Its name or organisation id
        name: String,
    },
    /// End a peer for good, in the groups of ours too; what it sent stays
    #[command(after_help = "Examples:\n  watchfire peer remove smex")]
    Remove {
        /// Its name or organisation id
        name: String,
    },
    /// Confirm that the twelve digits are the same on both sides
    #[command(after_help = "Examples:\n  watchfire peer confirm peer-x4k2pa 1234 5678 9012 --name amal")]
    Confirm {
        /// Its name or organisation id
        peer: String,
        /// The twelve digits as the other side reads them out
        #[arg(required = true, num_args = 1..)]
        digits: Vec<String>,
        /// What the organisation is called here from now on
        #[arg(long)]
        name: Option<String>,
    },
    /// Give a peer another name, which is known here alone
    #[command(after_help = "Examples:\n  watchfire peer rename peer-x4k2pa amal")]
    Rename {
        /// Its name or organisation id
        peer: String,
        /// What it is called here from now on
        name: String,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let node = desk.node();
    let peer = |name: &str, action: &str| Target::new(&["peers", name, action]);
    let view: PeerView = match args.command {
        Command::List => {
            let peers: Vec<PeerView> = node.get(Target::new(&["peers"])).await?;
            return output::answer(desk, &peers, |peers| list(peers));
        }
        Command::Add { card, name, allow_classical, proxy } => {
            let ask = PeerAdd { card: input::text(&card)?, name, options: PeerOptions { allow_classical, proxy } };
            let view: PeerView = node.post(Target::new(&["peers"]), &ask).await?;
            return output::answer(desk, &view, |view| next(view, ADDED));
        }
        Command::Show { name } => node.get(Target::new(&["peers", &name])).await?,
        Command::Suspend { name, recalls } => {
            let target = peer(&name, "suspend");
            node.post(if recalls { target.with("recalls", "true") } else { target }, &()).await?
        }
        Command::Resume { name } => {
            let view: PeerView = node.post(peer(&name, "resume"), &()).await?;
            return output::answer(desk, &view, |view| next(view, RESUMED));
        }
        Command::Remove { name } => {
            let view: PeerRemoveView = node.delete(Target::new(&["peers", &name])).await?;
            talk(&view).iter().for_each(|line| output::say(line));
            return output::answer(desk, &view, removed);
        }
        Command::Confirm { peer: old, digits, name } => {
            let view: PeerView = node.post(peer(&old, "confirm"), &Digits { digits: digits.concat(), name }).await?;
            return output::answer(desk, &view, |view| next(view, CONFIRMED));
        }
        Command::Rename { peer: old, name } => node.post(peer(&old, "rename"), &Rename { name }).await?,
    };
    output::answer(desk, &view, text)
}

/// After `peer add`.
pub(super) const ADDED: &str = "added here; give them `watchfire card`, so that they add this node too";
/// After `peer confirm`.
pub(super) const CONFIRMED: &str = "confirmed here; waiting for the other side";
/// After `peer resume`.
pub(super) const RESUMED: &str = "resumed; its link is opened again";

/// What was done and what comes next: the link that follows from it is not up yet.
pub(super) fn next(peer: &PeerView, done: &str) -> String {
    let name = output::plain(&peer.status.name);
    match peer.status.state.as_str() {
        "connected" => format!("{name}: connected\n"),
        _ => format!("{name}: {done}\n`watchfire peer show {name}` tells where it stands\n"),
    }
}

pub(super) fn list(peers: &[PeerView]) -> String {
    match peers {
        [] => "no peers yet; `watchfire invite` makes an invitation for one\n".into(),
        peers => status::peers(peers.iter().map(|peer| &peer.status)),
    }
}

pub(super) fn text(peer: &PeerView) -> String {
    facts(&lines(peer))
}

fn lines(peer: &PeerView) -> Vec<(&'static str, String)> {
    let status = &peer.status;
    let mut lines = vec![
        ("name", status.name.clone()),
        ("organisation", status.org_id.to_string()),
        ("state", status.state.clone()),
        ("paired", time(Some(peer.since))),
        ("last seen", time(status.last_seen)),
        ("behind, ahead", format!("{}, {}", status.behind, status.ahead)),
        ("certificate", status.certificate_days.map_or_else(|| "not seen yet".into(), days)),
        ("endpoints", if peer.endpoints.is_empty() { "none".into() } else { peer.endpoints.join(", ") }),
        ("proxy", peer.proxy.clone().unwrap_or_else(|| "none".into())),
        ("classical too", yes(peer.allow_classical)),
        ("groups", if peer.groups.is_empty() { "none".into() } else { peer.groups.join(", ") }),
    ];
    if peer.recalls {
        lines.push(("carried", "recalls alone".into()));
    }
    if let Some(digits) = &peer.digits {
        lines.push(("digits", grouped(digits)));
        lines.push(("confirmed here", yes(peer.confirmed_here)));
    }
    if let Some(problem) = &status.problem {
        lines.push(("problem", problem.text.clone()));
        lines.extend(problem.hint.clone().map(|hint| ("hint", hint)));
    }
    lines
}

pub(super) fn removed(view: &PeerRemoveView) -> String {
    let mut lines = lines(&view.peer);
    if !view.removed_from.is_empty() {
        lines.push(("removed from", view.removed_from.join(", ")));
    }
    facts(&lines)
}

/// What removing a peer here does not end.
pub(super) fn talk(view: &PeerRemoveView) -> Vec<String> {
    let PeerView { status, groups, .. } = &view.peer;
    if groups.is_empty() {
        return Vec::new();
    }
    let (name, groups) = (&status.name, groups.join(", "));
    vec![
        format!("note: `{name}` stays in these groups, whose other members still give it what is shared there: {groups}"),
        "hint: ask their owners to remove it, or leave them; from a group of ours `watchfire group remove` takes it".into(),
    ]
}

/// Twelve digits in groups of four, as they are read out.
pub(super) fn grouped(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().filter(char::is_ascii_digit).collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
