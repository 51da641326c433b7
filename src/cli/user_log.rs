//! `watchfire user log`: every change of the desk's users, checked here, whatever the node says of it.

use super::output::{self, count, table, time};
use super::{Desk, Ended};
use crate::api::Problem;
use crate::api::client::Target;
use crate::model::desk::{Act, Role, SignedChange, UserName};
use crate::model::{DeskHash, OrgId, Timestamp, UserKey};
use crate::node::error::Exit;
use crate::node::view::UsersView;
use crate::rules::desk::Desk as Users;
use serde::{Deserialize, Serialize};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also check that the log goes on from this head, which was written down before
    #[arg(long, value_name = "HASH")]
    head: Option<DeskHash>,
}

/// The log, each change of which holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Log {
    /// The hash of the last change.
    pub head: DeskHash,
    /// The number of the change whose hash was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The changes, oldest first.
    pub changes: Vec<Logged>,
}

/// A change of the desk's users.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Logged {
    /// Its number.
    pub number: u64,
    /// When it was signed.
    pub at: Timestamp,
    /// What it did.
    pub act: Act,
    /// To whom.
    pub name: UserName,
    /// Their role from then on, or up to then.
    pub role: Role,
    /// Their key.
    pub key: UserKey,
    /// Who signed it.
    pub by: UserName,
    /// With which key.
    pub by_key: UserKey,
    /// Its hash.
    pub hash: DeskHash,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let UsersView { org_id, .. } = desk.node().get(Target::new(&["users"])).await?;
    let changes: Vec<SignedChange> = desk.node().get(Target::new(&["user-log"])).await?;
    let log = read(org_id, &changes, args.head)?;
    output::answer(desk, &log, text)
}

/// Replays the changes.
///
/// # Errors
/// At the first that does not hold, or when the head that was written down is none of theirs.
pub(super) fn read(org: OrgId, changes: &[SignedChange], head: Option<DeskHash>) -> Result<Log, Problem> {
    let mut users = Users::new(org);
    let mut logged = Vec::with_capacity(changes.len());
    for signed in changes {
        let change = &signed.change;
        let by = users.by_key(&change.by).map_or_else(|| change.user.name.clone(), |user| user.name.clone());
        users.apply(signed).map_err(|denied| {
            let (why, _) = crate::node::error::split_hint(&denied.to_string());
            let text = format!(
                "change {} of the desk's users does not hold: {why}\nhint: the store was changed by other means than this program; who is at the desk is not known any more",
                users.number() + 1
            );
            Problem::new("users-damaged", Exit::Store, &text)
        })?;
        let (number, at, act, by_key, hash) = (change.number, change.at, change.act, change.by, users.head());
        let user = change.user.clone();
        logged.push(Logged { number, at, act, name: user.name, role: user.role, key: user.key, by, by_key, hash });
    }
    let since = match head {
        Some(head) => Some(logged.iter().find(|one| one.hash == head).map(|one| one.number).ok_or_else(|| gone(&head))?),
        None => None,
    };
    Ok(Log { head: users.head(), since, changes: logged })
}

fn gone(head: &DeskHash) -> Problem {
    let text = format!(
        "no change of the desk's users has the hash `{head}`\nhint: if it was a head once, the log was cut or replaced since; find out by whom before anything is approved"
    );
    Problem::new("users-replaced", Exit::Store, &text)
}

pub(super) fn text(log: &Log) -> String {
    if log.changes.is_empty() {
        return "nothing was ever changed\n".into();
    }
    let row = |one: &Logged| {
        let what = match one.act {
            Act::Add => "added",
            Act::Role => "another role",
            Act::Key => "new key",
            Act::Passphrase => "new passphrase",
            Act::Remove => "removed",
        };
        let (number, at) = (one.number.to_string(), time(Some(one.at)));
        [number, at, one.name.to_string(), what.into(), one.role.to_string(), one.key.short(), one.by.to_string()]
    };
    let mut text = table(["NUMBER", "AT", "USER", "WHAT", "ROLE", "KEY", "BY"], log.changes.iter().map(row).collect());
    if let Some(since) = log.since {
        text += &format!("it goes on from change {since}, the head that was given\n");
    }
    text + &format!("{} hold; head {}\n", count(log.changes.len() as u64, "change"), log.head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crypto::SigningKey;
    use crate::model::desk::{User, UserChange};

    const ORG: OrgId = OrgId([7; 32]);

    /// Amina adds herself, then Omar, makes him lead, and removes him.
    fn changes() -> Vec<SignedChange> {
        let (amina, omar) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let steps = [
            (Act::Add, "amina", Role::Director, &amina),
            (Act::Add, "omar", Role::Handler, &omar),
            (Act::Role, "omar", Role::Lead, &omar),
            (Act::Remove, "omar", Role::Lead, &omar),
        ];
        let mut users = Users::new(ORG);
        steps
            .into_iter()
            .map(|(act, name, role, key)| {
                let user = User { name: name.parse().expect("a name"), role, key: UserKey(key.public()) };
                let wrapped = (act == Act::Add).then_some(DeskHash([3; 32]));
                let (number, before, by) = (users.number() + 1, users.head(), UserKey(amina.public()));
                let change = UserChange { number, before, act, user, wrapped, at: Timestamp(1_795_339_800_000), by };
                let signed = change.sign(&ORG, &amina, (act == Act::Add).then_some(key));
                users.apply(&signed).expect("it may be made");
                signed
            })
            .collect()
    }

    #[test]
    fn the_log_says_who_did_what_and_ends_with_its_head() {
        let changes = changes();
        let log = read(ORG, &changes, Some(changes[1].hash(&ORG))).expect("holds");
        let (amina, omar) = (changes[0].change.user.key.short(), changes[1].change.user.key.short());
        let expected = format!(
            "\
NUMBER  AT                    USER   WHAT          ROLE      KEY           BY
1       2026-11-22T09:30:00Z  amina  added         director  {amina}  amina
2       2026-11-22T09:30:00Z  omar   added         handler   {omar}  amina
3       2026-11-22T09:30:00Z  omar   another role  lead      {omar}  amina
4       2026-11-22T09:30:00Z  omar   removed       lead      {omar}  amina
it goes on from change 2, the head that was given
4 changes hold; head {}
",
            changes[3].hash(&ORG)
        );
        assert_eq!(text(&log), expected);
        assert_eq!(text(&read(ORG, &[], None).expect("empty")), "nothing was ever changed\n");
    }

    #[test]
    fn a_change_that_does_not_hold_is_named() {
        let mut changes = changes();
        changes[2].change.user.role = Role::Director;
        let problem = read(ORG, &changes, None).expect_err("changed");
        assert_eq!(
            (problem.exit, problem.detail.as_str()),
            (Exit::Store, "change 3 of the desk's users does not hold: the signature does not verify")
        );
        let hint = "the store was changed by other means than this program; who is at the desk is not known any more";
        assert_eq!(problem.hint.as_deref(), Some(hint));
    }

    #[test]
    fn a_log_that_was_cut_is_told_by_its_head_alone() {
        let changes = changes();
        let head = changes[3].hash(&ORG);
        assert!(read(ORG, &changes[..3], None).is_ok());
        let problem = read(ORG, &changes[..3], Some(head)).expect_err("cut");
        assert_eq!((problem.exit, problem.detail), (Exit::Store, format!("no change of the desk's users has the hash `{head}`")));
        let hint = "if it was a head once, the log was cut or replaced since; find out by whom before anything is approved";
        assert_eq!(problem.hint.as_deref(), Some(hint));
    }
}
