//! Desk users, and the signed changes of them: numbered, each with the hash of the one before, so that they are their own audit log.

use crate::model::crypto::{BadSignature, SigningKey, framed, sha256_framed, verify_ed25519};
use crate::model::{DeskHash, OrgId, Timestamp, UserKey};

/// What the signature of a change is made over.
const CHANGE: &str = "watchfire/desk/user/v1";
/// What a user's new key signs, so that nobody is given a key that is another's.
const POSSESSION: &str = "watchfire/desk/key/v1";
/// What the next change names as the one before.
const HEAD: &str = "watchfire/desk/user-head/v1";

impl UserKey {
    /// As much of it as people can tell keys apart by: twelve characters.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

/// What somebody at the desk is there for. `rules::desk` says what each may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Role {
    /// Works on cases.
    Handler = 1,
    /// Leads handlers.
    Lead = 2,
    /// Answers for the desk, and says who is at it.
    Director = 3,
    /// Arranges work, without a say on what leaves.
    Coordinator = 4,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Handler, Self::Lead, Self::Director, Self::Coordinator];

    /// The role with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| *role as u8 == number)
    }

    /// Its name, as it is given and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Lead => "lead",
            Self::Director => "director",
            Self::Coordinator => "coordinator",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is no name of a desk user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name for a desk user\nhint: 1 to 40 small letters, digits, `.`, `-` or `_`, beginning with a letter or a digit")]
pub struct BadUserName(String);

/// What a desk user is called, here alone: 1 to 40 characters, small letters of any script, digits, `.`, `-`, `_`. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for UserName {
    type Err = BadUserName;
    fn from_str(text: &str) -> Result<Self, BadUserName> {
        // In one form, so that a name is the same from every keyboard.
        let name: String = icu_normalizer::ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
        let letter = |c: char| c.is_alphanumeric() && !c.is_uppercase();
        let sound = name.chars().count() <= 40
            && name.chars().next().is_some_and(letter)
            && name.chars().all(|c| letter(c) || is_mark(c) || matches!(c, '.' | '-' | '_'));
        if sound { Ok(Self(name)) } else { Err(BadUserName(text.chars().filter(|c| !c.is_control()).take(80).collect())) }
    }
}

/// Signs that stand on or beside a letter, without which names in many scripts cannot be written.
fn is_mark(c: char) -> bool {
    let class = icu_normalizer::properties::CanonicalCombiningClassMapBorrowed::new().get_u8(c);
    class != 0
}

impl TryFrom<String> for UserName {
    type Error = BadUserName;
    fn try_from(text: String) -> Result<Self, BadUserName> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserName")
    }
}

/// Somebody at the desk. `Debug` prints the key.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct User {
    /// What the others at the desk call them.
    pub name: UserName,
    /// What they are there for.
    pub role: Role,
    /// Whom their signatures are checked against.
    pub key: UserKey,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({}, {})", self.key.short(), self.role)
    }
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Act {
    /// Somebody comes to the desk.
    Add = 1,
    /// A user has another role.
    Role = 2,
    /// A user has a new key, after the old one was lost.
    Key = 3,
    /// A user's key is kept under another passphrase.
    Passphrase = 4,
    /// A user leaves the desk.
    Remove = 5,
}

impl Act {
    /// The act with that number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Add, Self::Role, Self::Key, Self::Passphrase, Self::Remove].into_iter().find(|act| *act as u8 == number)
    }
}

/// A change of the desk's users.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UserChange {
    /// Its number, from 1.
    pub number: u64,
    /// The hash of the change before; all zero before the first.
    pub before: DeskHash,
    /// What it does.
    pub act: Act,
    /// The user as they are from then on; as they were, where they are removed.
    pub user: User,
    /// The hash of their wrapped key from then on; `None` where it stays, or goes with them.
    pub wrapped: Option<DeskHash>,
    /// When, by the signer's clock.
    pub at: Timestamp,
    /// Whose signature it bears.
    pub by: UserKey,
}

impl UserChange {
    /// Signed by `by`, and by the user's own key where that is new.
    pub fn sign(self, org: &OrgId, by: &SigningKey, new: Option<&SigningKey>) -> SignedChange {
        let signature = by.sign(&self.message(CHANGE, org));
        let possession = new.map(|key| key.sign(&self.message(POSSESSION, org)));
        SignedChange { change: self, signature, possession }
    }

    /// The organisation is signed too: a change at one desk is none at another.
    fn message(&self, context: &str, org: &OrgId) -> Vec<u8> {
        let Self { number, before, act, user, wrapped, at, by } = self;
        let wrapped = wrapped.as_ref().map_or(&[][..], |hash| &hash.0);
        framed(
            context,
            &[
                &org.0,
                &number.to_be_bytes(),
                &before.0,
                &[*act as u8],
                user.name.as_str().as_bytes(),
                &[user.role as u8],
                &user.key.0,
                wrapped,
                &at.0.to_be_bytes(),
                &by.0,
            ],
        )
    }
}

/// A change and who stands for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedChange {
    /// The change.
    #[serde(flatten)]
    pub change: UserChange,
    /// Ed25519 over it, by `by`.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
    /// Ed25519 over it, by the user's key, where that is new.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "possession_text")]
    pub possession: Option<[u8; 64]>,
}

impl SignedChange {
    /// Checks the signature, and that the holder of a new key has agreed. Not whether the change may be made: `rules::desk` says that.
    ///
    /// # Errors
    /// When one of them is not what it must be, or is missing or too many.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.change.by.0, &self.change.message(CHANGE, org), &self.signature)?;
        match (matches!(self.change.act, Act::Add | Act::Key), &self.possession) {
            (true, Some(signature)) => verify_ed25519(&self.change.user.key.0, &self.change.message(POSSESSION, org), signature),
            (false, None) => Ok(()),
            _ => Err(BadSignature),
        }
    }

    /// What the next change names as the one before.
    pub fn hash(&self, org: &OrgId) -> DeskHash {
        let possession = self.possession.as_ref().map_or(&[][..], |signature| signature);
        DeskHash(sha256_framed(HEAD, &[&self.change.message(CHANGE, org), &self.signature, possession]))
    }
}

mod possession_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "super::super::signature_text")] [u8; 64]);

    pub(super) fn serialize<S: Serializer>(signature: &Option<[u8; 64]>, serializer: S) -> Result<S::Ok, S::Error> {
        signature.map(Text).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 64]>, D::Error> {
        Ok(Option::<Text>::deserialize(deserializer)?.map(|text| text.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: OrgId = OrgId([7; 32]);

    fn change(key: &SigningKey) -> UserChange {
        let key = UserKey(key.public());
        let user = User { name: "amina".parse().expect("a name"), role: Role::Director, key };
        let wrapped = Some(DeskHash([3; 32]));
        UserChange { number: 1, before: DeskHash([0; 32]), act: Act::Add, user, wrapped, at: Timestamp(5), by: key }
    }

    #[test]
    fn a_change_holds_for_its_content_its_organisation_and_its_signers() {
        let key = SigningKey::from_seed([1; 32]);
        let signed = change(&key).sign(&ORG, &key, Some(&key));
        assert_eq!(signed.verify(&ORG), Ok(()));
        assert_eq!(signed.verify(&OrgId([8; 32])), Err(BadSignature), "another desk's");
        let edits: [fn(&mut UserChange); 8] = [
            |change| change.number = 2,
            |change| change.before = DeskHash([1; 32]),
            |change| change.act = Act::Key,
            |change| change.user.name = "aminata".parse().expect("a name"),
            |change| change.user.role = Role::Lead,
            |change| change.wrapped = None,
            |change| change.at = Timestamp(6),
            |change| change.by = UserKey([9; 32]),
        ];
        for (n, edit) in edits.iter().enumerate() {
            let mut other = signed.clone();
            edit(&mut other.change);
            assert_eq!(other.verify(&ORG), Err(BadSignature), "edit {n}");
            assert_ne!(other.hash(&ORG), signed.hash(&ORG), "edit {n}");
        }
    }

    #[test]
    fn nobody_is_given_a_key_whose_holder_has_not_agreed() {
        let (director, other) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let mut change = change(&other);
        change.by = UserKey(director.public());
        assert_eq!(change.clone().sign(&ORG, &director, Some(&other)).verify(&ORG), Ok(()));
        assert_eq!(change.clone().sign(&ORG, &director, Some(&director)).verify(&ORG), Err(BadSignature));
        assert_eq!(change.clone().sign(&ORG, &director, None).verify(&ORG), Err(BadSignature));
        let agreed = change.clone().sign(&ORG, &director, Some(&other));
        let swapped = SignedChange { signature: agreed.possession.expect("agreed"), possession: Some(agreed.signature), ..agreed };
        assert_eq!(swapped.verify(&ORG), Err(BadSignature), "each signs under a context of its own");
        change.act = Act::Role;
        assert_eq!(change.sign(&ORG, &director, Some(&other)).verify(&ORG), Err(BadSignature), "one signature too many");
    }

    #[test]
    fn a_change_survives_json() {
        let key = SigningKey::from_seed([1; 32]);
        let mut signed = change(&key).sign(&ORG, &key, Some(&key));
        for _ in 0..2 {
            let json = serde_json::to_string(&signed).expect("plain data");
            assert_eq!(serde_json::from_str::<SignedChange>(&json).expect(&json), signed);
            (signed.possession, signed.change.wrapped) = (None, None);
        }
    }

    #[test]
    fn names_are_small_letters_of_any_script() {
        for name in ["amina", "o.ruiz-2", "ليلى", "सीता", "bjørn", "cafe\u{301}"] {
            assert!(name.parse::<UserName>().is_ok(), "{name}");
        }
        assert_eq!("cafe\u{301}".parse::<UserName>(), "café".parse::<UserName>());
        for name in ["", "Amina", "-a", ".a", "a b", "a/b", "a\u{202e}b", "a\n", &"x".repeat(41)] {
            assert!(name.parse::<UserName>().is_err(), "{name:?}");
        }
        assert_eq!(
            "A\nb".parse::<UserName>().expect_err("none").to_string(),
            "`Ab` is not a name for a desk user\nhint: 1 to 40 small letters, digits, `.`, `-` or `_`, beginning with a letter or a digit"
        );
    }

    #[test]
    fn debug_prints_no_name() {
        let key = SigningKey::from_seed([1; 32]);
        let text = format!("{:?}", change(&key).sign(&ORG, &key, Some(&key)));
        assert!(!text.contains("amina") && text.contains(&UserKey(key.public()).short()), "{text}");
    }

    #[test]
    fn numbers_of_roles_and_acts_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_number(role as u8), Some(role));
        }
        for act in [Act::Add, Act::Role, Act::Key, Act::Passphrase, Act::Remove] {
            assert_eq!(Act::from_number(act as u8), Some(act));
        }
        assert_eq!((Role::from_number(0), Role::from_number(5), Act::from_number(0), Act::from_number(6)), (None, None, None, None));
    }
}
