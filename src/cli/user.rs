//! `watchfire user`

use super::output::{self, table, time};
use super::unlock::{Signer, Unlocked, closed};
use super::{Desk, Ended, passphrase, sealing, user_log};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::crypto::SigningKey;
use crate::model::desk::{Act, Role, User, UserChange, UserName, WrappedKey};
use crate::model::{OrgId, UserKey};
use crate::node::error::{Exit, NodeError};
use crate::node::view::{UserChanged, UserView, UsersView};
use crate::rules::desk::Denied;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Say who is at this desk, and what each is there for
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Say who is at this desk, and what each is there for\n\nA desk user has a key of its own under a passphrase. What leaves under TLP:RED, or as RESTRICTED, is signed by two of them. The first user is a director; directors add and remove the others. Names are known at this desk alone."
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  watchfire user list";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Add a user, who types a new passphrase; the first is a director and needs nobody's word
    #[command(after_help = "Examples:\n  watchfire user add amina --role director")]
    Add {
        /// What the others call them: small letters, digits, `.`, `-`, `_`
        name: UserName,
        /// What they are there for
        #[arg(long, value_parser = roles())]
        role: Role,
        #[command(flatten)]
        signer: Signer,
        #[command(flatten)]
        new: NewPassphrase,
    },
    /// List the users
    #[command(after_help = "Examples:\n  watchfire user list")]
    List,
    /// Remove a user; what waits for their word waits for another's
    #[command(after_help = "Examples:\n  watchfire user remove omar --as amina")]
    Remove {
        /// Whom
        name: UserName,
        #[command(flatten)]
        signer: Signer,
    },
    /// Give a user another role
    #[command(after_help = "Examples:\n  watchfire user role omar lead --as amina")]
    Role {
        /// Whom
        name: UserName,
        /// What they are there for from now on
        #[arg(value_parser = roles())]
        role: Role,
        #[command(flatten)]
        signer: Signer,
    },
    /// Give a user a new key, when the passphrase of the old one is lost or known to others
    #[command(after_help = "Examples:\n  watchfire user key omar --as amina")]
    Key {
        /// Whom; they type a new passphrase
        name: UserName,
        #[command(flatten)]
        signer: Signer,
        #[command(flatten)]
        new: NewPassphrase,
    },
    /// Change one's own passphrase; the key stays
    #[command(after_help = "Examples:\n  watchfire user passphrase omar")]
    Passphrase {
        /// Whose
        name: UserName,
        /// Read the passphrase up to now from this file, or from standard input (`-`)
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<String>,
        #[command(flatten)]
        new: NewPassphrase,
    },
    /// Check and list every change of the users, who made it, and the head, which is worth writing down elsewhere
    #[command(after_help = "Examples:\n  watchfire user log")]
    Log(user_log::Args),
}

/// Where a new passphrase comes from.
#[derive(Debug, clap::Args)]
struct NewPassphrase {
    /// Read the new passphrase from this file, or from standard input (`-`); asked for twice where none is given
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<String>,
}

/// Reads a role; help lists them.
fn roles() -> impl TypedValueParser<Value = Role> {
    PossibleValuesParser::new(Role::ALL.map(Role::name))
        .map(|name| Role::ALL.into_iter().find(|role| role.name() == name).expect("each possible value is a role's name"))
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let view = match args.command {
        Command::List => return output::answer(desk, &users(desk).await?, text),
        Command::Log(args) => return user_log::run(desk, &args).await,
        Command::Add { name, role, signer, new } => add(desk, name, role, &signer, &new).await?,
        Command::Remove { name, signer } => change(desk, &name, &signer, Act::Remove, |_| {}).await?,
        Command::Role { name, role, signer } => change(desk, &name, &signer, Act::Role, |user| user.role = role).await?,
        Command::Key { name, signer, new } => key(desk, &name, &signer, &new).await?,
        Command::Passphrase { name, passphrase_file, new } => rewrap(desk, name, passphrase_file, &new).await?,
    };
    output::answer(desk, &view, text)?;
    if !desk.json {
        talk(&view).iter().for_each(|line| output::say(line));
    }
    Ok(Exit::Done)
}

async fn users(desk: &Desk) -> Result<UsersView, Problem> {
    desk.node().get(Target::new(&["users"])).await
}

fn named(users: &UsersView, name: &UserName) -> Result<User, Problem> {
    let found = users.users.iter().find(|user| user.name == *name);
    let UserView { name, role, key, .. } = found.cloned().ok_or_else(|| NodeError::from(Denied::UnknownUser(name.clone())))?;
    Ok(User { name, role, key })
}

async fn add(desk: &Desk, name: UserName, role: Role, signer: &Signer, new: &NewPassphrase) -> Result<UsersView, Problem> {
    let users = users(desk).await?;
    if named(&users, &name).is_ok() {
        return Err(NodeError::from(Denied::NameTaken(name)).into());
    }
    one_stdin(signer.passphrase_file.as_deref(), new)?;
    let by = if users.users.is_empty() { None } else { Some(signer.unlock(desk).await?) };
    let (user, key, wrapped) = fresh(&users.org_id, name, role, new)?;
    let oneself = Unlocked { org: users.org_id, user: user.clone(), key };
    let by = by.as_ref().unwrap_or(&oneself);
    let view = signed(desk, Act::Add, user, Some(wrapped), &by.key, Some(&oneself.key)).await?;
    sealing::follow(desk, by, Some(&oneself), &[]).await;
    Ok(view)
}

/// What needs no new key.
async fn change(desk: &Desk, name: &UserName, signer: &Signer, act: Act, edit: impl FnOnce(&mut User)) -> Result<UsersView, Problem> {
    let mut user = named(&users(desk).await?, name)?;
    edit(&mut user);
    let by = signer.unlock(desk).await?;
    let secrets = sealing::secrets(desk, &by).await;
    let view = signed(desk, act, user, None, &by.key, None).await?;
    sealing::follow(desk, &by, None, &secrets).await;
    Ok(view)
}

async fn key(desk: &Desk, name: &UserName, signer: &Signer, new: &NewPassphrase) -> Result<UsersView, Problem> {
    let users = users(desk).await?;
    let User { name, role, .. } = named(&users, name)?;
    one_stdin(signer.passphrase_file.as_deref(), new)?;
    let by = signer.unlock(desk).await?;
    // What is sealed to the old key goes with it.
    let secrets = sealing::secrets(desk, &by).await;
    let (user, key, wrapped) = fresh(&users.org_id, name, role, new)?;
    let anew = Unlocked { org: users.org_id, user: user.clone(), key };
    let view = signed(desk, Act::Key, user, Some(wrapped), &by.key, Some(&anew.key)).await?;
    // Whoever changes their own key has signed with the one from before, which counts for nothing now.
    sealing::follow(desk, if by.user.name == anew.user.name { &anew } else { &by }, Some(&anew), &secrets).await;
    Ok(view)
}

async fn rewrap(desk: &Desk, name: UserName, file: Option<String>, new: &NewPassphrase) -> Result<UsersView, Problem> {
    one_stdin(file.as_deref(), new)?;
    let oneself = Signer { name: Some(name), passphrase_file: file }.unlock(desk).await?;
    let words = passphrase::new(&oneself.user.name, new.new_passphrase_file.as_deref())?;
    let wrapped = WrappedKey::seal(&oneself.org, &oneself.user, &oneself.key, &words).map_err(closed)?;
    signed(desk, Act::Passphrase, oneself.user, Some(wrapped), &oneself.key, None).await
}

fn one_stdin(file: Option<&str>, new: &NewPassphrase) -> Result<(), Problem> {
    if file == Some("-") && new.new_passphrase_file.as_deref() == Some("-") {
        return Err(NodeError::BadInput("only one of the two passphrases can come from standard input".into()).into());
    }
    Ok(())
}

/// A user with a key that was never another's, under a passphrase that is asked for now.
fn fresh(org: &OrgId, name: UserName, role: Role, new: &NewPassphrase) -> Result<(User, SigningKey, WrappedKey), Problem> {
    let words = passphrase::new(&name, new.new_passphrase_file.as_deref())?;
    let key = SigningKey::generate();
    let user = User { name, role, key: UserKey(key.public()) };
    let wrapped = WrappedKey::seal(org, &user, &key, &words).map_err(closed)?;
    Ok((user, key, wrapped))
}

/// Signs the change as the next one, asked for just now, since typing takes time.
async fn signed(
    desk: &Desk,
    act: Act,
    user: User,
    wrapped: Option<WrappedKey>,
    by: &SigningKey,
    new: Option<&SigningKey>,
) -> Result<UsersView, Problem> {
    let UsersView { org_id, number, head, .. } = users(desk).await?;
    let hash = wrapped.as_ref().map(WrappedKey::hash);
    let at = Clock::system().now();
    let change = UserChange { number: number + 1, before: head, act, user, wrapped: hash, at, by: UserKey(by.public()) };
    desk.node().post(Target::new(&["users"]), &UserChanged { change: change.sign(&org_id, by, new), wrapped }).await
}

pub(super) fn text(view: &UsersView) -> String {
    if view.users.is_empty() {
        return "no desk users yet; `watchfire user add NAME --role director` makes the first\n".into();
    }
    let row = |user: &UserView| [user.name.to_string(), user.role.to_string(), time(Some(user.since)), user.key.short()];
    table(["USER", "ROLE", "SINCE", "KEY"], view.users.iter().map(row).collect())
}

/// What would be missed later.
pub(super) fn talk(view: &UsersView) -> Vec<String> {
    let directors = view.users.iter().filter(|user| user.role == Role::Director).count();
    let signers = view.users.iter().filter(|user| user.role != Role::Coordinator).count();
    let mut lines = Vec::new();
    if directors == 1 {
        lines.push("next: add another director; nobody else can give the only one a new key when the passphrase is lost".to_owned());
    }
    if signers == 1 {
        lines.push("next: add a second person that may approve; until then nothing leaves under TLP:RED".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeskHash, Timestamp};

    fn view(users: &[(&str, Role)]) -> UsersView {
        let user = |(name, role): &(&str, Role)| UserView {
            name: name.parse().expect("a name"),
            role: *role,
            key: UserKey([0; 32]),
            since: Timestamp(1_795_339_800_000),
        };
        UsersView { org_id: OrgId([0; 32]), number: 2, head: DeskHash([0; 32]), users: users.iter().map(user).collect() }
    }

    #[test]
    fn users_are_a_table() {
        let expected = "\
USER   ROLE      SINCE                 KEY
amina  director  2026-11-22T09:30:00Z  aaaaaaaaaaaa
omar   handler   2026-11-22T09:30:00Z  aaaaaaaaaaaa
";
        assert_eq!(text(&view(&[("amina", Role::Director), ("omar", Role::Handler)])), expected);
        assert_eq!(text(&view(&[])), "no desk users yet; `watchfire user add NAME --role director` makes the first\n");
    }

    #[test]
    fn what_a_desk_lacks_is_told() {
        let director = "next: add another director; nobody else can give the only one a new key when the passphrase is lost";
        let second = "next: add a second person that may approve; until then nothing leaves under TLP:RED";
        assert_eq!(talk(&view(&[("amina", Role::Director)])), [director, second]);
        assert_eq!(talk(&view(&[("amina", Role::Director), ("cora", Role::Coordinator)])), [director, second]);
        assert_eq!(talk(&view(&[("amina", Role::Director), ("omar", Role::Handler)])), [director]);
        assert!(talk(&view(&[("amina", Role::Director), ("dana", Role::Director)])).is_empty());
        assert!(talk(&view(&[])).is_empty());
    }

    #[test]
    fn two_passphrases_do_not_both_come_from_standard_input() {
        let new = |file: &str| NewPassphrase { new_passphrase_file: Some(file.into()) };
        assert!(
            one_stdin(Some("-"), &new("words")).is_ok()
                && one_stdin(Some("words"), &new("-")).is_ok()
                && one_stdin(None, &new("-")).is_ok()
        );
        let refused = one_stdin(Some("-"), &new("-")).expect_err("both");
        assert_eq!(refused.detail, "only one of the two passphrases can come from standard input");
    }
}
