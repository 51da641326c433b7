//! What is sealed to the desk, for whoever has a key open: the desk key is made, given to others and opened here, in the command line's
//! process, and nowhere else.

use super::unlock::Unlocked;
use super::{Desk, output};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::UserKey;
use crate::model::desk::{Binding, Contact, DeskKey, KeyChange, KeyShare, Opening, SealSecret, Sealed, SignedChange, UserSealKey};
use crate::node::error::{Exit, NodeError};
use crate::node::view::DeskKeysView;
use crate::rules::desk::{Deed, Denied, Desk as Users, Due, opens};

/// A desk key whose secret half is open, with its number.
pub(super) type Secret = (u32, SealSecret);

/// How it stands, for one user. Who is at the desk is what the signed changes, replayed here, say, so that the node cannot have the secret half
/// sealed to a user of its own making.
struct State {
    users: Users,
    view: DeskKeysView,
}

async fn load(desk: &Desk, unlocked: &Unlocked) -> Result<State, Problem> {
    let changes: Vec<SignedChange> = desk.node().get(Target::new(&["user-log"])).await?;
    let users = Users::replay(unlocked.org, &changes).map_err(|(_, denied)| NodeError::from(denied))?;
    users.by_key(&user_key(unlocked)).ok_or_else(|| NodeError::from(Denied::NotAUser))?;
    Ok(State { users, view: desk.node().get(Target::new(&["desk-key"])).await? })
}

fn user_key(unlocked: &Unlocked) -> UserKey {
    UserKey(unlocked.key.public())
}

impl State {
    /// Those who are to have the secret half and whose sealing keys are known.
    fn entitled(&self) -> Vec<&UserSealKey> {
        let org = self.view.org_id;
        let keys = self.view.seal_keys.iter();
        keys.filter(|key| self.users.by_key(&key.user).is_some_and(opens) && key.verify(&org).is_ok()).collect()
    }

    /// Shares of a key for those who are to have one and have none.
    fn missing(&self, unlocked: &Unlocked, (number, secret): &Secret) -> Result<Vec<KeyShare>, Problem> {
        let Some(key) = self.view.keys.iter().find(|key| key.key.number == *number) else { return Ok(Vec::new()) };
        let lack = self.entitled().into_iter().filter(|to| !key.holders.contains(&to.user));
        lack.map(|to| KeyShare::seal(&unlocked.org, *number, secret, to).map_err(|error| failed(&error))).collect()
    }
}

/// The desk keys that a user can open. None where something keeps them from it; what comes after says what.
pub(super) async fn secrets(desk: &Desk, unlocked: &Unlocked) -> Vec<Secret> {
    match load(desk, unlocked).await {
        Ok(state) => opened(desk, unlocked, &state.view).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

async fn opened(desk: &Desk, unlocked: &Unlocked, view: &DeskKeysView) -> Result<Vec<Secret>, Problem> {
    if view.keys.is_empty() {
        return Ok(Vec::new());
    }
    let shares: Vec<KeyShare> = desk.node().get(Target::new(&["desk-key", "shares", unlocked.user.name.as_str()])).await?;
    let own = SealSecret::of_user(&unlocked.key);
    let open = |share: KeyShare| {
        let key = view.keys.iter().find(|key| key.key.number == share.number)?;
        Some((share.number, share.open(&unlocked.org, &key.key, &own).ok()?))
    };
    Ok(shares.into_iter().filter_map(open).collect())
}

/// What a user does for the desk key whenever their key is open: makes their own sealing key known, and gives the secret half to those who are
/// to have it and have none. What fails is told, and keeps nothing else from being done.
pub(super) async fn catch_up(desk: &Desk, unlocked: &Unlocked) {
    if let Err(problem) = try_catch_up(desk, unlocked, &[]).await {
        output::say(&format!("the desk key could not be looked after: {}", problem.detail));
    }
}

async fn try_catch_up(desk: &Desk, unlocked: &Unlocked, before: &[Secret]) -> Result<(), Problem> {
    register(desk, unlocked).await?;
    let state = load(desk, unlocked).await?;
    if !opens(&unlocked.user) || state.view.keys.is_empty() {
        return Ok(());
    }
    let own = opened(desk, unlocked, &state.view).await?;
    let mut shares = Vec::new();
    for secret in own.iter().chain(before.iter().filter(|(number, _)| !own.iter().any(|(own, _)| own == number))) {
        shares.extend(state.missing(unlocked, secret)?);
    }
    if shares.is_empty() {
        return Ok(());
    }
    change(desk, unlocked, &state, None, shares).await.map(drop)
}

async fn register(desk: &Desk, unlocked: &Unlocked) -> Result<(), Problem> {
    let view: DeskKeysView = desk.node().get(Target::new(&["desk-key"])).await?;
    if view.seal_keys.iter().any(|key| key.user == user_key(unlocked)) {
        return Ok(());
    }
    let key = UserSealKey::of(&unlocked.org, &unlocked.key);
    let _: DeskKeysView = desk.node().post(Target::new(&["desk-key", "users"]), &key).await?;
    Ok(())
}

/// After a change of the desk's users: whoever came gets the secret half, and where somebody left who had it, the next key is made. `secrets`
/// are those that were open before the change. What fails is told: the change was made.
pub(super) async fn follow(desk: &Desk, by: &Unlocked, new: Option<&Unlocked>, secrets: &[Secret]) {
    let followed = async {
        if let Some(new) = new {
            register(desk, new).await?;
        }
        let view: DeskKeysView = desk.node().get(Target::new(&["desk-key"])).await?;
        match view.due {
            Some(Due::SomebodyLeft) => next(desk, by, secrets).await.map(Some),
            _ => try_catch_up(desk, by, secrets).await.map(|()| None),
        }
    };
    match followed.await {
        Ok(Some(view)) => {
            let number = view.keys.last().map_or(0, |key| key.key.number);
            output::say(&format!("desk key {number} is in force, since somebody who had the one before has it no more"));
            unpublished(&view).iter().for_each(|line| output::say(line));
        }
        Ok(None) => {}
        Err(problem) => output::say(&format!(
            "the desk key could not be looked after: {}\nnext: `watchfire desk-key rotate --as USER`, by a lead or a director",
            problem.detail
        )),
    }
}

/// Makes the next desk key, or the first. `before` are secret halves that are open already.
///
/// # Errors
/// When the user may not, or another came first.
pub(super) async fn next(desk: &Desk, by: &Unlocked, before: &[Secret]) -> Result<DeskKeysView, Problem> {
    register(desk, by).await?;
    let state = load(desk, by).await?;
    let secret = SealSecret::generate();
    let number = state.view.keys.last().map_or(1, |key| key.key.number.saturating_add(1));
    let key = DeskKey { number, public: secret.public().clone(), created: Clock::system().now() };
    let mut shares = Vec::new();
    for to in state.entitled() {
        shares.push(KeyShare::seal(&by.org, number, &secret, to).map_err(|error| failed(&error))?);
    }
    let own = opened(desk, by, &state.view).await?;
    for earlier in own.iter().chain(before.iter().filter(|(number, _)| !own.iter().any(|(own, _)| own == number))) {
        shares.extend(state.missing(by, earlier)?);
    }
    change(desk, by, &state, Some(key), shares).await
}

async fn change(desk: &Desk, by: &Unlocked, state: &State, key: Option<DeskKey>, shares: Vec<KeyShare>) -> Result<DeskKeysView, Problem> {
    let change = KeyChange { key, shares, users: state.users.number(), at: Clock::system().now(), by: user_key(by) };
    desk.node().post(Target::new(&["desk-key"]), &change.sign(&by.org, &by.key)).await
}

/// Where the card does not name the newest key: why not, and what to do.
pub(super) fn unpublished(view: &DeskKeysView) -> Vec<String> {
    let newest = view.keys.last().map(|key| key.key.number);
    if newest == view.card_names {
        return Vec::new();
    }
    let names = view.card_names.map_or("no desk key".to_owned(), |number| format!("desk key {number}"));
    vec![
        format!("the card still names {names}, and partners seal to that: the root key, which signs the card, is not here"),
        "next: put `root.key` back into the key directory for as long as it takes, and `watchfire desk-key publish`".to_owned(),
    ]
}

/// Whether somebody may open what is sealed to the desk at all.
///
/// # Errors
/// When the role does not allow it; with who may.
pub(super) fn may_open(unlocked: &Unlocked) -> Result<(), Problem> {
    match opens(&unlocked.user) {
        true => Ok(()),
        false => Err(NodeError::from(Denied::Role(unlocked.user.role, Deed::OpenSealed)).into()),
    }
}

/// Opens what was sealed to our desk. That it is opened, by whom and when is written down first; where it cannot be, nothing is opened.
///
/// # Errors
/// When the user may not open, the key is not kept any more or was never given to them, it was sealed for something else, or the opening
/// cannot be written down.
pub(super) async fn open(desk: &Desk, unlocked: &Unlocked, sealed: &Sealed, binding: &Binding) -> Result<Contact, Problem> {
    may_open(unlocked)?;
    let state = load(desk, unlocked).await?;
    let number = state.view.keys.iter().find(|key| key.id == sealed.key()).map(|key| key.key.number);
    let secrets = opened(desk, unlocked, &state.view).await?;
    let secret = secrets.iter().find(|(open, _)| Some(*open) == number).ok_or_else(|| not_given(number))?;
    let at = Clock::system().now();
    let opening = Opening { sender: binding.sender, referral: binding.referral, key: sealed.key(), at, by: user_key(unlocked) };
    let () = desk.node().post(Target::new(&["openings"]), &opening.sign(&unlocked.org, &unlocked.key)).await?;
    Contact::open(sealed, &secret.1, binding).map_err(|error| failed(&error))
}

fn not_given(number: Option<u32>) -> Problem {
    let text = match number {
        Some(number) => format!(
            "desk key {number} is not given to you\nhint: whoever has it gives it to you with their next command that asks for a passphrase; `watchfire desk-key show` says who"
        ),
        None => "it was sealed to a desk key that is not kept any more, or never was this desk's\nhint: ask whoever sealed it to seal it to the newest"
            .to_owned(),
    };
    Problem::new("not-opened", Exit::Permission, &text)
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    Problem::new("not-opened", Exit::Failed, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::server::Socket;
    use crate::model::crypto::SigningKey;
    use crate::model::desk::{Act, Channel, Passphrase, Role, User, UserChange, WrappedKey};
    use crate::model::{OrgId, Timestamp};
    use crate::node::Node;
    use crate::node::view::{DeskKeyView, UserChanged, UsersView};
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    fn view(newest: Option<u32>, card_names: Option<u32>) -> DeskKeysView {
        let public = SealSecret::generate().public().clone();
        let key = |number| DeskKeyView {
            id: public.id(),
            key: DeskKey { number, public: public.clone(), created: Timestamp(5) },
            holders: vec![],
            opened_by: vec![],
        };
        let keys = newest.map(key).into_iter().collect();
        DeskKeysView { org_id: OrgId([1; 32]), users: 1, card_names, due: None, due_at: None, keys, seal_keys: vec![] }
    }

    #[test]
    fn a_card_that_names_an_older_key_is_told() {
        assert!(unpublished(&view(Some(2), Some(2))).is_empty());
        assert!(unpublished(&view(None, None)).is_empty());
        assert!(unpublished(&view(Some(2), Some(1)))[0].starts_with("the card still names desk key 1, and partners seal to that"));
        assert!(unpublished(&view(Some(1), None))[0].starts_with("the card still names no desk key"));
    }

    /// A node that answers on its socket, and whoever is at its desk.
    struct Place {
        node: Arc<Node>,
        desk: Desk,
        stop: CancellationToken,
        _directory: tempfile::TempDir,
    }

    impl Place {
        async fn new() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let data = directory.path().join("node");
            Node::init(&data, &[], &Clock::system()).expect("an identity");
            let node = Node::open_with(&data, crate::config::Config::default(), Clock::system()).expect("opens");
            let (socket, stop) = (Socket::bind(&data).expect("a socket"), CancellationToken::new());
            tokio::spawn(socket.serve(node.clone(), 1 << 20, 8, stop.clone()));
            Self { node, desk: Desk { data, json: true }, stop, _directory: directory }
        }

        fn somebody(&self, seed: u8, name: &str, role: Role) -> Unlocked {
            let key = SigningKey::from_seed([seed; 32]);
            let user = User { name: name.parse().expect("a name"), role, key: UserKey(key.public()) };
            Unlocked { org: self.node.org(), user, key }
        }

        async fn change(&self, act: Act, who: &Unlocked, by: &Unlocked) {
            let view: UsersView = self.desk.node().get(Target::new(&["users"])).await.expect("users");
            let words = Passphrase::new("four words nobody guesses").expect("long enough");
            let new = act == Act::Add;
            let wrapped = new.then(|| WrappedKey::seal(&view.org_id, &who.user, &who.key, &words).expect("memory"));
            let change = UserChange {
                number: view.number + 1,
                before: view.head,
                act,
                user: who.user.clone(),
                wrapped: wrapped.as_ref().map(WrappedKey::hash),
                at: Clock::system().now(),
                by: user_key(by),
            };
            let change = change.sign(&view.org_id, &by.key, new.then_some(&who.key));
            let secrets = secrets(&self.desk, by).await;
            let _: UsersView = self.desk.node().post(Target::new(&["users"]), &UserChanged { change, wrapped }).await.expect("may");
            follow(&self.desk, by, new.then_some(who), &secrets).await;
        }

        fn holders(&self) -> Vec<(u32, Vec<String>)> {
            let keys = self.node.desk_keys().expect("reads").keys;
            keys.iter().map(|key| (key.key.number, key.opened_by.iter().map(ToString::to_string).collect())).collect()
        }

        fn seal(&self, referral: u8) -> (Sealed, Binding) {
            let org = self.node.org();
            let public = self.node.desk_public(&org).expect("reads").expect("a desk key");
            let binding = Binding { sender: OrgId([9; 32]), recipient: org, referral: [referral; 16] };
            (contact().seal(&public, &binding).expect("seals"), binding)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            self.stop.cancel();
        }
    }

    fn contact() -> Contact {
        let channel = Channel { kind: "signal".into(), value: "planted-canary-5550100".into() };
        Contact { call: String::new(), channels: vec![channel], safe_times: String::new(), do_not_use: vec![], notes: String::new() }
    }

    fn named(holders: &[(u32, &[&str])]) -> Vec<(u32, Vec<String>)> {
        holders.iter().map(|(number, names)| (*number, names.iter().map(|name| (*name).to_owned()).collect())).collect()
    }

    #[tokio::test]
    async fn what_is_sealed_to_the_desk_opens_for_those_who_are_at_it() {
        let place = Place::new().await;
        let (amina, omar) = (place.somebody(1, "amina", Role::Director), place.somebody(2, "omar", Role::Handler));
        let (cora, dana) = (place.somebody(3, "cora", Role::Coordinator), place.somebody(4, "dana", Role::Handler));
        place.change(Act::Add, &amina, &amina).await;
        place.change(Act::Add, &omar, &amina).await;
        assert!(next(&place.desk, &omar, &[]).await.is_err(), "a director makes it");
        let view = next(&place.desk, &amina, &[]).await.expect("a director's");
        assert_eq!((view.card_names, view.due), (Some(1), None));
        assert_eq!(place.holders(), named(&[(1, &["amina", "omar"])]));
        place.change(Act::Add, &cora, &amina).await;
        assert_eq!(place.holders(), named(&[(1, &["amina", "omar"])]), "a coordinator gets none");

        let (sealed, binding) = place.seal(1);
        assert_eq!(open(&place.desk, &omar, &sealed, &binding).await, Ok(contact()));
        let refused = open(&place.desk, &cora, &sealed, &binding).await.expect_err("a coordinator");
        assert_eq!((refused.exit, refused.detail.as_str()), (Exit::Permission, "coordinators may not open what is sealed to the desk"));
        assert_eq!(refused.hint.as_deref(), Some("a handler, a lead or a director does; `watchfire user list` shows them"));
        let openings = place.node.openings().expect("reads");
        assert_eq!(openings.iter().map(|signed| signed.opening.by).collect::<Vec<_>>(), [user_key(&omar)]);
        let other = Binding { referral: [2; 16], ..binding };
        assert!(open(&place.desk, &omar, &sealed, &other).await.is_err(), "another case");

        place.change(Act::Remove, &omar, &amina).await;
        assert_eq!(place.holders(), named(&[(1, &["amina"]), (2, &["amina"])]), "who leaves makes the next one");
        assert!(open(&place.desk, &omar, &sealed, &binding).await.is_err());
        assert_eq!(open(&place.desk, &amina, &sealed, &binding).await, Ok(contact()), "the earlier one still opens");
        place.change(Act::Add, &dana, &amina).await;
        assert_eq!(place.holders(), named(&[(1, &["amina", "dana"]), (2, &["amina", "dana"])]));
        assert_eq!(open(&place.desk, &dana, &sealed, &binding).await, Ok(contact()), "for whoever comes to the desk too");

        let canary = b"planted-canary-5550100";
        let file = std::fs::read(place.desk.data.join("store").join(crate::store::FILE_NAME)).expect("the store");
        assert!(!file.windows(canary.len()).any(|bytes| bytes == canary));
    }

    #[tokio::test]
    async fn without_the_root_key_a_new_desk_key_is_kept_and_the_card_follows_later() {
        let place = Place::new().await;
        let amina = place.somebody(1, "amina", Role::Director);
        place.change(Act::Add, &amina, &amina).await;
        next(&place.desk, &amina, &[]).await.expect("a director's");
        let root = place.desk.data.join(crate::link::identity::DIRECTORY).join("root.key");
        let away = place.desk.data.join("away");
        std::fs::rename(&root, &away).expect("moves");
        let view = next(&place.desk, &amina, &[]).await.expect("a director's");
        assert_eq!((view.card_names, view.keys.len(), unpublished(&view).len()), (Some(1), 2, 2));
        let refused = place.desk.node().post::<DeskKeysView>(Target::new(&["desk-key", "publish"]), &()).await.expect_err("no root");
        assert_eq!(refused.detail, "the root key is not here");
        place.node.settle_desk_key().expect("it is waited for");
        std::fs::rename(&away, &root).expect("moves back");
        place.node.settle_desk_key().expect("the root is here");
        assert_eq!(place.node.desk_keys().expect("reads").card_names, Some(2));
        let card = place.node.keys.card();
        assert_eq!(
            Some(&card.content().desk_key.as_ref().expect("a key").public),
            place.node.desk_public(&card.org()).expect("reads").as_ref()
        );
    }

    #[test]
    fn a_key_that_is_not_at_hand_is_told_with_what_to_do() {
        let problem = not_given(Some(3));
        assert_eq!((problem.exit, problem.detail.as_str()), (Exit::Permission, "desk key 3 is not given to you"));
        assert_eq!(not_given(None).hint.as_deref(), Some("ask whoever sealed it to seal it to the newest"));
    }
}
