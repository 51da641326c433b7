//! `watchfire group`

use super::output::{self, facts, short, table, time, yes};
use super::{Desk, Ended};
use crate::api::client::Target;
use crate::api::{GroupAdd, GroupCommunity, GroupDeputy};
use crate::node::view::{GroupCreate, GroupView};

/// Make groups and change who is in them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire group list";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a group that this organisation owns
    #[command(
        after_help = "Examples:\n  watchfire group create partners --member smex --community",
        override_usage = "watchfire group create [OPTIONS] <NAME> --member <PEER>..."
    )]
    Create {
        /// Its name
        name: String,
        /// The peers in it
        #[arg(long = "member", value_name = "PEER", required = true, num_args = 1..)]
        members: Vec<String>,
        /// TLP:GREEN moves within it
        #[arg(long)]
        community: bool,
        /// Members learn of no other member; the owner relays
        #[arg(long)]
        hidden: bool,
        /// A new member also gets what was sent before it joined
        #[arg(long)]
        history: bool,
        /// The member that takes over when the owner is lost
        #[arg(long, value_name = "PEER")]
        deputy: Option<String>,
    },
    /// Add a peer
    #[command(after_help = "Examples:\n  watchfire group add partners smex")]
    Add {
        /// The group's name or id
        group: String,
        /// The peer's name or id
        peer: String,
    },
    /// Remove a peer, as deputy too; what it has stays with it
    #[command(after_help = "Examples:\n  watchfire group remove partners smex")]
    Remove {
        /// The group's name or id
        group: String,
        /// The peer's name or id
        peer: String,
    },
    /// Say whether TLP:GREEN moves within a group from now on
    #[command(after_help = "Examples:\n  watchfire group community partners yes")]
    Community {
        /// The group's name or id
        group: String,
        /// Whether it does
        #[arg(value_parser = ["yes", "no"])]
        community: String,
    },
    /// Name the member that takes over when the owner is lost, or nobody
    #[command(after_help = "Examples:\n  watchfire group deputy partners smex")]
    Deputy {
        /// The group's name or id
        group: String,
        /// The member's name or id
        #[arg(required_unless_present = "none")]
        peer: Option<String>,
        /// Nobody takes over
        #[arg(long, conflicts_with = "peer")]
        none: bool,
    },
    /// Accept a group that another defines and that waits for it, or come back to one that was left
    #[command(after_help = "Examples:\n  watchfire group accept newsletter")]
    Accept {
        /// The group's name or id
        group: String,
    },
    /// Leave a group that another defines; what came stays, and its owner is to be told by other means
    #[command(after_help = "Examples:\n  watchfire group leave newsletter")]
    Leave {
        /// The group's name or id
        group: String,
    },
    /// Sign for a group from now on: as its deputy, when its owner is lost, or as its owner again
    #[command(after_help = "Examples:\n  watchfire group take-over partners")]
    TakeOver {
        /// The group's name or id
        group: String,
    },
    /// List the groups
    #[command(after_help = "Examples:\n  watchfire group list")]
    List,
    /// Tell who is in a group
    #[command(after_help = "Examples:\n  watchfire group show partners")]
    Show {
        /// The group's name or id
        group: String,
    },
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let node = desk.node();
    let view: GroupView = match args.command {
        Command::List => {
            let groups: Vec<GroupView> = node.get(Target::new(&["groups"])).await?;
            return output::answer(desk, &groups, |groups| list(groups));
        }
        Command::Create { name, members, community, hidden, history, deputy } => {
            let ask = GroupCreate { name, members, community, hidden, history, deputy };
            node.post(Target::new(&["groups"]), &ask).await?
        }
        Command::Add { group, peer } => node.post(Target::new(&["groups", &group, "members"]), &GroupAdd { peer }).await?,
        Command::Remove { group, peer } => node.delete(Target::new(&["groups", &group, "members", &peer])).await?,
        Command::Community { group, community } => {
            let ask = GroupCommunity { community: community == "yes" };
            node.post(Target::new(&["groups", &group, "community"]), &ask).await?
        }
        Command::Deputy { group, peer, none: _ } => node.post(Target::new(&["groups", &group, "deputy"]), &GroupDeputy { peer }).await?,
        Command::Accept { group } => node.post(Target::new(&["groups", &group, "accept"]), &()).await?,
        Command::Leave { group } => node.post(Target::new(&["groups", &group, "leave"]), &()).await?,
        Command::TakeOver { group } => node.post(Target::new(&["groups", &group, "take-over"]), &()).await?,
        Command::Show { group } => node.get(Target::new(&["groups", &group])).await?,
    };
    output::answer(desk, &view, text)
}

pub(super) fn list(groups: &[GroupView]) -> String {
    if groups.is_empty() {
        return "no groups yet; `watchfire group create` makes one\n".into();
    }
    let rows = groups.iter().map(|group| {
        let kind = if group.hidden { "hidden" } else { "visible" };
        let (members, owner) = (group.members.len().to_string(), group.owner_name.clone());
        [group.name.clone(), owner, members, kind.into(), yes(group.community), group.state.clone(), short(&group.group_id)]
    });
    table(["GROUP", "OWNER", "MEMBERS", "KIND", "COMMUNITY", "STATE", "ID"], rows.collect())
}

pub(super) fn text(group: &GroupView) -> String {
    let deputy = group.deputy.map(|deputy| {
        let named = group.members.iter().find(|member| member.org_id == deputy).and_then(|member| member.name.clone());
        named.unwrap_or_else(|| deputy.to_string())
    });
    let mut text = facts(&[
        ("name", group.name.clone()),
        ("group", group.group_id.to_string()),
        ("owner", group.owner_name.clone()),
        ("deputy", deputy.unwrap_or_else(|| "none".into())),
        ("kind", if group.hidden { "hidden".into() } else { "visible".into() }),
        ("community", yes(group.community)),
        ("history", yes(group.history)),
        ("state", group.state.clone()),
        ("definition", format!("{}, confirmed {}", group.number, time(Some(group.confirmed)))),
    ]);
    let rows = group.members.iter().map(|member| [member.name.clone().unwrap_or_else(|| "-".into()), member.org_id.to_string()]);
    text += "\n";
    text += &table(["MEMBER", "ORGANISATION"], rows.collect());
    text
}
