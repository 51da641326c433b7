//! `watchfire desk-key`

use super::output::{self, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, sealing};
use crate::api::client::Target;
use crate::model::desk::SignedOpening;
use crate::model::id::base32;
use crate::node::error::{Exit, NodeError};
use crate::node::view::{DeskKeyView, DeskKeysView, UserView, UsersView};
use crate::rules::desk::Due;

/// Make and show the key to which partners seal what only people of this desk may read
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Make and show the key to which partners seal what only people of this desk may read\n\nIts secret half is sealed to each handler, lead and director, and opens with their passphrase; the node never has it. Removing one of them, or giving one a new key, makes the next one; so does a lead or a director every 90 days. Our card names it, and the root key signs the card."
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire desk-key show";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the keys, who can open them, and when the next one is due
    #[command(after_help = "Examples:\n  watchfire desk-key show")]
    Show,
    /// Make the first one; a director does
    #[command(after_help = "Examples:\n  watchfire desk-key make --as amina")]
    Make(Signer),
    /// Make the next one; a lead or a director does
    #[command(after_help = "Examples:\n  watchfire desk-key rotate --as amina")]
    Rotate(Signer),
    /// Put the newest one into our card, where the root key was not at hand when it was made
    #[command(after_help = "Examples:\n  watchfire desk-key publish")]
    Publish,
    /// List who opened what was sealed to this desk
    #[command(after_help = "Examples:\n  watchfire desk-key openings")]
    Openings,
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let keys = async || desk.node().get::<DeskKeysView>(Target::new(&["desk-key"])).await;
    let view = match args.command {
        Command::Show => keys().await?,
        Command::Publish => desk.node().post(Target::new(&["desk-key", "publish"]), &()).await?,
        Command::Openings => return openings(desk).await,
        Command::Make(signer) => {
            let by = signer.unlock(desk).await?;
            if !keys().await?.keys.is_empty() {
                let text = "there is a desk key already\nhint: `watchfire desk-key rotate --as USER` makes the next one";
                return Err(NodeError::BadInput(text.into()).into());
            }
            sealing::next(desk, &by, &[]).await?
        }
        Command::Rotate(signer) => {
            let by = signer.unlock(desk).await?;
            if keys().await?.keys.is_empty() {
                let text = "there is no desk key yet\nhint: `watchfire desk-key make --as USER` makes it";
                return Err(NodeError::BadInput(text.into()).into());
            }
            sealing::next(desk, &by, &[]).await?
        }
    };
    output::answer(desk, &view, text)?;
    if !desk.json {
        talk(&view).iter().for_each(|line| output::say(line));
    }
    Ok(Exit::Done)
}

pub(super) fn text(view: &DeskKeysView) -> String {
    if view.keys.is_empty() {
        return "no desk key yet; `watchfire desk-key make --as USER` makes it\n".into();
    }
    let row = |one: &DeskKeyView| {
        let names: Vec<_> = one.opened_by.iter().map(ToString::to_string).collect();
        let card = if view.card_names == Some(one.key.number) { "yes" } else { "no" };
        [one.key.number.to_string(), one.id.to_string(), time(Some(one.key.created)), card.into(), names.join(", ")]
    };
    table(["NUMBER", "KEY", "MADE", "IN CARD", "OPENED BY"], view.keys.iter().map(row).collect())
}

/// What is to be done.
pub(super) fn talk(view: &DeskKeysView) -> Vec<String> {
    let mut lines = sealing::unpublished(view);
    match view.due {
        Some(Due::SomebodyLeft) => {
            lines.push("next: `watchfire desk-key rotate --as USER`: somebody has the newest key who may not open any more".into())
        }
        Some(Due::Old) => lines.push("next: `watchfire desk-key rotate --as USER`: the newest key is older than 90 days".into()),
        Some(Due::None) | None => {}
    }
    if let [.., newest] = &*view.keys
        && newest.holders.len() == 1
    {
        lines.push("next: add another person who opens it; when one alone does and loses the passphrase, nobody can".into());
    }
    lines
}

async fn openings(desk: &Desk) -> Ended {
    let UsersView { users, org_id, .. } = desk.node().get(Target::new(&["users"])).await?;
    let openings: Vec<SignedOpening> = desk.node().get(Target::new(&["openings"])).await?;
    if let Some(wrong) = openings.iter().find(|signed| signed.verify(&org_id).is_err()) {
        let text = format!("an opening of case `{}` does not bear the signature that it names", base32(&wrong.opening.referral));
        return Err(NodeError::StoreDamaged(text).into());
    }
    output::answer(desk, &openings, |openings| openings_text(openings, &users))
}

fn openings_text(openings: &[SignedOpening], users: &[UserView]) -> String {
    if openings.is_empty() {
        return "nothing that was sealed to this desk was opened\n".into();
    }
    let row = |signed: &SignedOpening| {
        let opening = &signed.opening;
        let user = users.iter().find(|user| user.key == opening.by);
        let by = user.map_or_else(|| opening.by.short(), |user| user.name.to_string());
        [time(Some(opening.at)), by, base32(&opening.referral), output::short(&opening.sender)]
    };
    table(["OPENED", "BY", "CASE", "SEALED BY"], openings.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::SigningKey;
    use crate::model::desk::{DeskKey, Opening, Role, SealPublic, SealSecret};
    use crate::model::{OrgId, SealKeyId, Timestamp, UserKey};
    use zeroize::Zeroizing;

    fn public() -> SealPublic {
        SealSecret::from_seed(&Zeroizing::new([7; 32])).public().clone()
    }

    fn view(opened_by: &[&str]) -> DeskKeysView {
        let key = DeskKeyView {
            id: SealKeyId([0; 16]),
            key: DeskKey { number: 3, public: public(), created: Timestamp(1_795_339_800_000) },
            holders: opened_by.iter().map(|_| UserKey([1; 32])).collect(),
            opened_by: opened_by.iter().map(|name| name.parse().expect("a name")).collect(),
        };
        DeskKeysView { org_id: OrgId([1; 32]), users: 1, card_names: Some(3), due: None, due_at: None, keys: vec![key], seal_keys: vec![] }
    }

    #[test]
    fn keys_are_a_table() {
        let expected = "\
NUMBER  KEY                         MADE                  IN CARD  OPENED BY
3       aaaaaaaaaaaaaaaaaaaaaaaaaa  2026-11-22T09:30:00Z  yes      amina, omar
";
        assert_eq!(text(&view(&["amina", "omar"])), expected);
        let none = DeskKeysView { keys: vec![], ..view(&[]) };
        assert_eq!(text(&none), "no desk key yet; `watchfire desk-key make --as USER` makes it\n");
    }

    #[test]
    fn what_is_to_be_done_is_told() {
        assert!(talk(&view(&["amina", "omar"])).is_empty());
        assert!(talk(&view(&["amina"]))[0].starts_with("next: add another person"));
        let due = |due| talk(&DeskKeysView { due: Some(due), ..view(&["amina", "omar"]) });
        assert!(due(Due::SomebodyLeft)[0].ends_with("somebody has the newest key who may not open any more"));
        assert!(due(Due::Old)[0].ends_with("the newest key is older than 90 days"));
        let away = talk(&DeskKeysView { card_names: Some(2), ..view(&["amina", "omar"]) });
        assert!(away[1].contains("watchfire desk-key publish"));
    }

    #[test]
    fn openings_are_a_table_with_the_names_of_users() {
        let (amina, gone) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let opening = |key: &SigningKey| {
            let by = UserKey(key.public());
            let at = Timestamp(1_795_339_800_000);
            Opening { sender: OrgId([0; 32]), referral: [0; 16], key: SealKeyId([0; 16]), at, by }.sign(&OrgId([1; 32]), key)
        };
        let key = UserKey(amina.public());
        let users = [UserView { name: "amina".parse().expect("a name"), role: Role::Handler, key, since: Timestamp(5) }];
        let text = openings_text(&[opening(&amina), opening(&gone)], &users);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].starts_with("2026-11-22T09:30:00Z  amina"), "{text}");
        assert!(lines[2].contains(&UserKey(gone.public()).short()), "{text}");
        assert_eq!(openings_text(&[], &users), "nothing that was sealed to this desk was opened\n");
    }
}
