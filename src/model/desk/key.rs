//! The desk key: what partners seal to, and who at the desk has its secret half.
//!
//! The secret half is sealed to each user who may open, so that no process but theirs ever has it. Who gave it to whom is signed.

use super::seal_key::{BadSealKey, ENCAPSULATED_BYTES, SealPublic, SealSecret};
use crate::model::crypto::{BadSignature, SigningKey, framed, sha256_framed, verify_ed25519};
use crate::model::{DeskHash, OrgId, SealKeyId, Timestamp, UserKey};
use zeroize::Zeroizing;

const REGISTER: &str = "watchfire/desk/seal-key/v1";
const CHANGE: &str = "watchfire/desk/key-change/v1";
const SHARES: &str = "watchfire/desk/key-shares/v1";
const SHARE: &str = "watchfire/desk/key-share/v1";
const OPENING: &str = "watchfire/desk/opening/v1";

/// A user's public sealing key, and the user's word that it is. It follows from the key that signs, so there is one for ever.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UserSealKey {
    /// Whose.
    pub user: UserKey,
    /// The key.
    pub public: SealPublic,
    /// Ed25519 over it, by the user.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
}

impl UserSealKey {
    /// The one that belongs to a user's key.
    pub fn of(org: &OrgId, key: &SigningKey) -> Self {
        let (user, public) = (UserKey(key.public()), SealSecret::of_user(key).public().clone());
        let signature = key.sign(&framed(REGISTER, &[&org.0, &user.0, public.bytes()]));
        Self { user, public, signature }
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// When it is not the user's.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.user.0, &framed(REGISTER, &[&org.0, &self.user.0, self.public.bytes()]), &self.signature)
    }
}

/// A desk key, as the card names it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DeskKey {
    /// Counts the organisation's desk keys, from 1.
    pub number: u32,
    /// What is sealed to.
    pub public: SealPublic,
    /// When it was made, by its maker's clock.
    pub created: Timestamp,
}

impl DeskKey {
    /// How many bytes it has.
    pub const LENGTH: usize = 4 + 8 + super::SEAL_PUBLIC_BYTES;

    /// Number (4 bytes, big-endian), created (8), public key.
    pub fn encode(&self) -> Vec<u8> {
        [&self.number.to_be_bytes()[..], &self.created.0.to_be_bytes(), self.public.bytes()].concat()
    }

    /// Reads what [`Self::encode`] writes; `None` when it is not that.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (created, public) = rest.split_first_chunk()?;
        let number = u32::from_be_bytes(*number);
        let key = Self { number, public: SealPublic::from_bytes(public).ok()?, created: Timestamp(u64::from_be_bytes(*created)) };
        (number > 0).then_some(key)
    }
}

/// The secret half of a desk key, sealed to one user.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyShare {
    /// Which desk key.
    pub number: u32,
    /// To whom.
    pub user: UserKey,
    encapsulated: Box<[u8; ENCAPSULATED_BYTES]>,
    ciphertext: [u8; 48],
}

impl KeyShare {
    /// How many bytes it has beside number and user.
    pub const SEALED: usize = ENCAPSULATED_BYTES + 48;

    /// Seals the secret half of a desk key to a user.
    ///
    /// # Errors
    /// Never for a key that was checked.
    pub fn seal(org: &OrgId, number: u32, secret: &SealSecret, to: &UserSealKey) -> Result<Self, BadSealKey> {
        let aad = share_aad(org, number, secret.public().id(), &to.user);
        let (encapsulated, ciphertext) = to.public.seal(SHARE, &aad, secret.seed().as_slice())?;
        let ciphertext = ciphertext.as_slice().try_into().map_err(|_| BadSealKey::Closed)?;
        Ok(Self { number, user: to.user, encapsulated: Box::new(encapsulated), ciphertext })
    }

    /// Opens it, for the user with that sealing key.
    ///
    /// # Errors
    /// When it was sealed to another, for another key, or what is in it is not the secret half of `key`.
    pub fn open(&self, org: &OrgId, key: &DeskKey, secret: &SealSecret) -> Result<SealSecret, BadSealKey> {
        let aad = share_aad(org, key.number, key.public.id(), &self.user);
        let opened = secret.open(SHARE, &aad, &self.encapsulated, &self.ciphertext)?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(opened.as_slice().try_into().map_err(|_| BadSealKey::Closed)?);
        Some(SealSecret::from_seed(&seed)).filter(|opened| *opened.public() == key.public).ok_or(BadSealKey::Closed)
    }

    /// As it is kept beside number and user: encapsulated key (1,120 bytes), ciphertext (48).
    pub fn sealed(&self) -> Vec<u8> {
        [self.encapsulated.as_slice(), &self.ciphertext].concat()
    }

    /// Takes what [`Self::sealed`] gave; `None` when it is not that.
    pub fn new(number: u32, user: UserKey, sealed: &[u8]) -> Option<Self> {
        let (encapsulated, ciphertext) = sealed.split_first_chunk()?;
        Some(Self { number, user, encapsulated: Box::new(*encapsulated), ciphertext: ciphertext.try_into().ok()? })
    }
}

fn share_aad(org: &OrgId, number: u32, key: SealKeyId, user: &UserKey) -> Vec<u8> {
    framed(SHARE, &[&org.0, &number.to_be_bytes(), &key.0, &user.0])
}

impl std::fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyShare({}, {})", self.number, self.user.short())
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct ShareText {
    number: u32,
    user: UserKey,
    sealed: String,
}

impl serde::Serialize for KeyShare {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ShareText { number: self.number, user: self.user, sealed: data_encoding::BASE64.encode(&self.sealed()) }.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for KeyShare {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let ShareText { number, user, sealed } = ShareText::deserialize(deserializer)?;
        let sealed = data_encoding::BASE64.decode(sealed.as_bytes()).map_err(D::Error::custom)?;
        Self::new(number, user, &sealed).ok_or_else(|| D::Error::custom("it is no share of a desk key"))
    }
}

/// A new desk key, or shares of those that are there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyChange {
    /// The new key; `None` where only shares are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<DeskKey>,
    /// Who gets which secret half.
    pub shares: Vec<KeyShare>,
    /// The number of the last change of the desk's users that its maker knew.
    pub users: u64,
    /// When, by its maker's clock.
    pub at: Timestamp,
    /// Whose signature it bears.
    pub by: UserKey,
}

impl KeyChange {
    /// Signed by `by`.
    pub fn sign(self, org: &OrgId, by: &SigningKey) -> SignedKeyChange {
        SignedKeyChange { signature: by.sign(&self.message(org)), change: self }
    }

    /// What stands for the shares in what is signed.
    pub fn shares_hash(&self) -> DeskHash {
        let parts = self.shares.iter().map(|share| framed(SHARE, &[&share.number.to_be_bytes(), &share.user.0, &share.sealed()]));
        let parts: Vec<Vec<u8>> = parts.collect();
        DeskHash(sha256_framed(SHARES, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
    }

    fn message(&self, org: &OrgId) -> Vec<u8> {
        let key = self.key.as_ref().map(DeskKey::encode).unwrap_or_default();
        let parts: [&[u8]; 6] = [&org.0, &key, &self.shares_hash().0, &self.users.to_be_bytes(), &self.at.0.to_be_bytes(), &self.by.0];
        framed(CHANGE, &parts)
    }
}

/// A change and who stands for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedKeyChange {
    /// The change.
    #[serde(flatten)]
    pub change: KeyChange,
    /// Ed25519 over it, by `by`.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
}

impl SignedKeyChange {
    /// Checks the signature alone; `rules::desk` says whether whoever made it may.
    ///
    /// # Errors
    /// When it is not `by`'s.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.change.by.0, &self.change.message(org), &self.signature)
    }
}

/// Somebody opens what was sealed to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Opening {
    /// Who sealed it.
    pub sender: OrgId,
    /// The case.
    #[serde(with = "referral_text")]
    pub referral: [u8; 16],
    /// The key that it was sealed to.
    pub key: SealKeyId,
    /// When, by the clock of whoever opens.
    pub at: Timestamp,
    /// Who opens.
    pub by: UserKey,
}

impl Opening {
    /// Signed by `by`.
    pub fn sign(self, org: &OrgId, by: &SigningKey) -> SignedOpening {
        SignedOpening { signature: by.sign(&self.message(org)), opening: self }
    }

    fn message(&self, org: &OrgId) -> Vec<u8> {
        let Self { sender, referral, key, at, by } = self;
        framed(OPENING, &[&org.0, &sender.0, referral, &key.0, &at.0.to_be_bytes(), &by.0])
    }
}

/// An opening and who stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedOpening {
    /// What is opened.
    #[serde(flatten)]
    pub opening: Opening,
    /// Ed25519 over it, by `by`.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
}

impl SignedOpening {
    /// Checks the signature alone.
    ///
    /// # Errors
    /// When it is not `by`'s.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.opening.by.0, &self.opening.message(org), &self.signature)
    }
}

/// The id of a case is base32, as people see it.
mod referral_text {
    use crate::model::id::{base32, from_base32};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(referral: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base32(referral))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        let bytes = from_base32(&String::deserialize(deserializer)?).and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| D::Error::custom("the id of a case has 26 characters of base32"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: OrgId = OrgId([7; 32]);

    fn desk_key(number: u32, secret: &SealSecret) -> DeskKey {
        DeskKey { number, public: secret.public().clone(), created: Timestamp(5) }
    }

    #[test]
    fn a_sealing_key_counts_for_its_user_and_its_desk_alone() {
        let (amina, omar) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let registered = UserSealKey::of(&ORG, &amina);
        assert_eq!(registered.verify(&ORG), Ok(()));
        assert_eq!(registered.public, *SealSecret::of_user(&amina).public());
        assert_eq!(registered.verify(&OrgId([8; 32])), Err(BadSignature));
        let public = UserSealKey::of(&ORG, &omar).public;
        assert_eq!(UserSealKey { public, ..registered.clone() }.verify(&ORG), Err(BadSignature), "another's key");
        assert_eq!(UserSealKey { user: UserKey(omar.public()), ..registered }.verify(&ORG), Err(BadSignature));
    }

    #[test]
    fn a_share_opens_for_its_user_and_its_desk_key_alone() {
        let (amina, omar) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let secret = SealSecret::generate();
        let key = desk_key(3, &secret);
        let share = KeyShare::seal(&ORG, 3, &secret, &UserSealKey::of(&ORG, &amina)).expect("seals");
        let own = SealSecret::of_user(&amina);
        assert_eq!(share.open(&ORG, &key, &own).expect("opens").public(), secret.public());
        let closed = Err(BadSealKey::Closed);
        let opened = |share: &KeyShare, org: &OrgId, key: &DeskKey, own: &SealSecret| share.open(org, key, own).map(|_| ());
        assert_eq!(opened(&share, &ORG, &key, &SealSecret::of_user(&omar)), closed);
        assert_eq!(opened(&share, &OrgId([8; 32]), &key, &own), closed);
        assert_eq!(opened(&share, &ORG, &desk_key(4, &secret), &own), closed);
        assert_eq!(opened(&share, &ORG, &desk_key(3, &SealSecret::generate()), &own), closed);
        let others = KeyShare { user: UserKey(omar.public()), ..share.clone() };
        assert_eq!(opened(&others, &ORG, &key, &own), closed);
        assert_eq!(KeyShare::new(3, share.user, &share.sealed()), Some(share.clone()));
        assert_eq!(KeyShare::new(3, share.user, &share.sealed()[1..]), None);
        let json = serde_json::to_string(&share).expect("plain data");
        assert_eq!(serde_json::from_str::<KeyShare>(&json).expect("reads"), share);
    }

    #[test]
    fn a_share_of_another_secret_than_the_key_names_is_noticed() {
        let (amina, secret, other) = (SigningKey::from_seed([1; 32]), SealSecret::generate(), SealSecret::generate());
        // Whoever gives the share has put another secret under the right name.
        let aad = share_aad(&ORG, 3, secret.public().id(), &UserKey(amina.public()));
        let (encapsulated, ciphertext) = SealSecret::of_user(&amina).public().seal(SHARE, &aad, other.seed().as_slice()).expect("seals");
        let share = KeyShare {
            number: 3,
            user: UserKey(amina.public()),
            encapsulated: Box::new(encapsulated),
            ciphertext: ciphertext.as_slice().try_into().expect("48 bytes"),
        };
        assert_eq!(share.open(&ORG, &desk_key(3, &secret), &SealSecret::of_user(&amina)).map(|_| ()), Err(BadSealKey::Closed));
    }

    #[test]
    fn a_change_of_the_desk_key_holds_for_what_it_says_alone() {
        let amina = SigningKey::from_seed([1; 32]);
        let secret = SealSecret::generate();
        let share = KeyShare::seal(&ORG, 1, &secret, &UserSealKey::of(&ORG, &amina)).expect("seals");
        let by = UserKey(amina.public());
        let change = KeyChange { key: Some(desk_key(1, &secret)), shares: vec![share.clone()], users: 2, at: Timestamp(5), by };
        let signed = change.sign(&ORG, &amina);
        assert_eq!(signed.verify(&ORG), Ok(()));
        assert_eq!(signed.verify(&OrgId([8; 32])), Err(BadSignature));
        let edits: [fn(&mut KeyChange); 8] = [
            |change| change.key = None,
            |change| change.key.as_mut().expect("a key").number = 2,
            |change| change.key.as_mut().expect("a key").created = Timestamp(6),
            |change| change.shares.clear(),
            |change| change.shares[0].number = 2,
            |change| change.shares[0].ciphertext[0] ^= 1,
            |change| change.users = 3,
            |change| change.at = Timestamp(6),
        ];
        for (n, edit) in edits.iter().enumerate() {
            let mut other = signed.clone();
            edit(&mut other.change);
            assert_eq!(other.verify(&ORG), Err(BadSignature), "edit {n}");
        }
        let json = serde_json::to_string(&signed).expect("plain data");
        assert_eq!(serde_json::from_str::<SignedKeyChange>(&json).expect("reads"), signed);
    }

    #[test]
    fn an_opening_holds_for_what_it_says_alone() {
        let amina = SigningKey::from_seed([1; 32]);
        let by = UserKey(amina.public());
        let opening = Opening { sender: OrgId([1; 32]), referral: [2; 16], key: SealKeyId([3; 16]), at: Timestamp(5), by };
        let signed = opening.sign(&ORG, &amina);
        assert_eq!(signed.verify(&ORG), Ok(()));
        let others = [
            Opening { sender: OrgId([2; 32]), ..opening },
            Opening { referral: [3; 16], ..opening },
            Opening { key: SealKeyId([4; 16]), ..opening },
            Opening { at: Timestamp(6), ..opening },
            Opening { by: UserKey(SigningKey::from_seed([2; 32]).public()), ..opening },
        ];
        for other in others {
            assert_eq!(SignedOpening { opening: other, ..signed }.verify(&ORG), Err(BadSignature), "{other:?}");
        }
        let json = serde_json::to_string(&signed).expect("plain data");
        assert_eq!(serde_json::from_str::<SignedOpening>(&json).expect("reads"), signed);
    }

    #[test]
    fn a_desk_key_survives_its_bytes() {
        let key = desk_key(9, &SealSecret::generate());
        let bytes = key.encode();
        assert_eq!((bytes.len(), DeskKey::decode(&bytes)), (DeskKey::LENGTH, Some(key)));
        assert_eq!(DeskKey::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(DeskKey::decode(&[&[0; 4], &bytes[4..]].concat()), None, "numbers are from 1");
    }
}
