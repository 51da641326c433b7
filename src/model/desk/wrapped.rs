//! A desk user's secret key as it is kept: sealed under a passphrase. It is opened in the command line's process alone.
//!
//! Argon2id (RFC 9106) makes a key of the passphrase, AES-256-GCM seals the seed with it. Whose key it is and what the opening costs are
//! authenticated with it.

use super::user::User;
use crate::model::crypto::{SigningKey, framed, random, sha256_framed};
use crate::model::{DeskHash, OrgId};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use icu_normalizer::ComposingNormalizerBorrowed;
use zeroize::Zeroizing;

const SEALED: &str = "watchfire/desk/wrapped/v1";
const HASH: &str = "watchfire/desk/wrapped-hash/v1";
const WIRE_VERSION: u8 = 1;

/// The shortest passphrase, in characters.
pub const PASSPHRASE_MIN: usize = 12;
/// The longest, in characters.
const PASSPHRASE_MAX: usize = 1_000;

/// The text cannot be a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassphrase {
    /// Too few characters.
    #[error(
        "the passphrase has {0} characters, and {PASSPHRASE_MIN} are the fewest\nhint: four or more words that nobody would guess together"
    )]
    Short(usize),
    /// Too many characters.
    #[error("the passphrase has {0} characters, and {PASSPHRASE_MAX} are the most\nhint: is it another file?")]
    Long(usize),
    /// It would not be typed again on another keyboard.
    #[error("the passphrase has a control character in it\nhint: give it in one line")]
    Control,
}

/// A passphrase, in one normal form (NFC), so that it is the same from every keyboard. `Debug` does not print it.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a text.
    ///
    /// # Errors
    /// When it is too short or too long, or has a control character in it.
    pub fn new(text: &str) -> Result<Self, BadPassphrase> {
        // Room enough that it never moves and leaves a copy: NFC has at most three times the bytes (UAX 15).
        let mut normal = Zeroizing::new(String::with_capacity(text.len() * 3));
        normal.extend(ComposingNormalizerBorrowed::new_nfc().normalize_iter(text.chars()));
        match normal.chars().count() {
            count if count < PASSPHRASE_MIN => Err(BadPassphrase::Short(count)),
            count if count > PASSPHRASE_MAX => Err(BadPassphrase::Long(count)),
            _ if normal.chars().any(char::is_control) => Err(BadPassphrase::Control),
            _ => Ok(Self(normal)),
        }
    }

    /// Whether both are the same, as when one is typed twice.
    pub fn is(&self, other: &Self) -> bool {
        crate::model::crypto::equal(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

/// What an opening costs. It stands beside the sealed key, so that later keys can cost more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    memory_kib: u32,
    /// How often it is gone through.
    passes: u32,
    /// How many lanes it has.
    lanes: u32,
}

impl Cost {
    /// What new keys cost, and the least that any does: RFC 9106 §4's second choice with one lane, some 0.2 s.
    pub const LEAST: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };
    /// The most that is taken from a file: 1 GiB, so that nobody's file makes us burn.
    const MOST: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 16 };

    /// The cost, where it is within bounds.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Option<Self> {
        let sound = (Self::LEAST.memory_kib..=Self::MOST.memory_kib).contains(&memory_kib)
            && (Self::LEAST.passes..=Self::MOST.passes).contains(&passes)
            && (Self::LEAST.lanes..=Self::MOST.lanes).contains(&lanes);
        sound.then_some(Self { memory_kib, passes, lanes })
    }

    /// The key that a passphrase makes.
    fn stretch(&self, passphrase: &Passphrase, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, BadWrapped> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|_| BadWrapped::Malformed)?;
        let count = params.block_count();
        let mut blocks: Zeroizing<Vec<Block>> = Zeroizing::default();
        blocks.try_reserve_exact(count).map_err(|_| BadWrapped::Memory(self.memory_kib >> 10))?;
        blocks.resize(count, Block::default());
        let mut key = Zeroizing::new([0; 32]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let made = argon2.hash_password_into_with_memory(passphrase.0.as_bytes(), salt, key.as_mut_slice(), blocks.as_mut_slice());
        made.map(|()| key).map_err(|_| BadWrapped::Malformed)
    }

    fn parts(&self) -> [[u8; 4]; 3] {
        [self.memory_kib.to_be_bytes(), self.passes.to_be_bytes(), self.lanes.to_be_bytes()]
    }
}

/// Why a wrapped key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadWrapped {
    /// The bytes are none, or its cost is out of bounds.
    #[error(
        "it is no wrapped key that this program reads\nhint: `watchfire doctor` checks the store; a director gives a new key with `watchfire user key`"
    )]
    Malformed,
    /// Another passphrase, another user's key, or changed bytes: nobody can tell which.
    #[error("the passphrase does not open the key\nhint: try again; when it is lost, a director gives a new key with `watchfire user key`")]
    Passphrase,
    /// The machine has no memory for it.
    #[error("{0} MiB of memory are wanted for the passphrase, and are not there\nhint: try again when the machine has less to do")]
    Memory(u32),
}

/// A user's secret key under a passphrase.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    cost: Cost,
    salt: [u8; 16],
    nonce: [u8; 12],
    /// The seed and the tag.
    sealed: [u8; 48],
}

impl WrappedKey {
    /// How many bytes it has.
    pub const LENGTH: usize = 1 + 12 + 16 + 12 + 48;

    /// Seals a user's key. Takes as long as [`Cost::LEAST`] does.
    ///
    /// # Errors
    /// When the machine has no memory for it.
    pub fn seal(org: &OrgId, user: &User, key: &SigningKey, passphrase: &Passphrase) -> Result<Self, BadWrapped> {
        let (cost, salt, nonce) = (Cost::LEAST, random(), random());
        let sealing = Self::cipher(cost.stretch(passphrase, &salt)?.as_slice());
        let mut bytes = Zeroizing::new(Vec::with_capacity(48));
        bytes.extend_from_slice(key.seed().as_slice());
        let mut wrapped = Self { cost, salt, nonce, sealed: [0; 48] };
        let aad = Aad::from(wrapped.bound_to(org, user));
        sealing.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *bytes).expect("AES-256-GCM seals 32 bytes");
        wrapped.sealed = bytes.as_slice().try_into().expect("32 bytes and a tag of 16");
        Ok(wrapped)
    }

    /// Opens it. Takes as long as its cost says.
    ///
    /// # Errors
    /// When the passphrase is another, it is not this user's key, or the machine has no memory for it.
    pub fn open(&self, org: &OrgId, user: &User, passphrase: &Passphrase) -> Result<SigningKey, BadWrapped> {
        let opening = Self::cipher(self.cost.stretch(passphrase, &self.salt)?.as_slice());
        let mut bytes = Zeroizing::new(self.sealed);
        let aad = Aad::from(self.bound_to(org, user));
        let opened = opening.open_in_place(Nonce::assume_unique_for_key(self.nonce), aad, bytes.as_mut_slice());
        let seed: Zeroizing<[u8; 32]> =
            Zeroizing::new(opened.ok().and_then(|seed| (&*seed).try_into().ok()).ok_or(BadWrapped::Passphrase)?);
        let key = SigningKey::from_seed(*seed);
        if key.public() == user.key.0 { Ok(key) } else { Err(BadWrapped::Passphrase) }
    }

    fn cipher(key: &[u8]) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256-GCM takes 32 bytes"))
    }

    fn bound_to(&self, org: &OrgId, user: &User) -> Vec<u8> {
        let [memory, passes, lanes] = self.cost.parts();
        framed(SEALED, &[&org.0, user.name.as_str().as_bytes(), &user.key.0, &memory, &passes, &lanes, &self.salt])
    }

    /// What the change that brings it names it by.
    pub fn hash(&self) -> DeskHash {
        DeskHash(sha256_framed(HASH, &[&self.encode()]))
    }

    /// As it is kept: version (1 byte), memory in KiB, passes and lanes (4 each, big-endian), salt (16), nonce (12), sealed seed and tag (48).
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LENGTH);
        bytes.push(WIRE_VERSION);
        bytes.extend(self.cost.parts().concat());
        bytes.extend([&self.salt[..], &self.nonce, &self.sealed].concat());
        bytes
    }

    /// Reads what [`Self::encode`] writes.
    ///
    /// # Errors
    /// When it is not that, or opening it would cost more than is taken, or less than is safe.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadWrapped> {
        let bytes: &[u8; Self::LENGTH] = bytes.try_into().map_err(|_| BadWrapped::Malformed)?;
        let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let cost = Cost::new(number(1), number(5), number(9)).filter(|_| bytes[0] == WIRE_VERSION).ok_or(BadWrapped::Malformed)?;
        let (mut salt, mut nonce, mut sealed) = ([0; 16], [0; 12], [0; 48]);
        salt.copy_from_slice(&bytes[13..29]);
        nonce.copy_from_slice(&bytes[29..41]);
        sealed.copy_from_slice(&bytes[41..]);
        Ok(Self { cost, salt, nonce, sealed })
    }
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrappedKey({})", self.hash())
    }
}

/// In JSON it is base64.
impl serde::Serialize for WrappedKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(&self.encode()))
    }
}

impl<'de> serde::Deserialize<'de> for WrappedKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let bytes = data_encoding::BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        Self::decode(&bytes).map_err(|_| D::Error::custom("it is no wrapped key that this program reads"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserKey;
    use crate::model::desk::Role;

    const ORG: OrgId = OrgId([7; 32]);

    fn user(name: &str, key: &SigningKey) -> User {
        User { name: name.parse().expect("a name"), role: Role::Handler, key: UserKey(key.public()) }
    }

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).expect("long enough")
    }

    #[test]
    fn a_key_opens_with_its_passphrase_for_its_user_and_for_nothing_else() {
        let key = SigningKey::from_seed([1; 32]);
        let amina = user("amina", &key);
        let words = passphrase("four words nobody guesses");
        let wrapped = WrappedKey::seal(&ORG, &amina, &key, &words).expect("memory");
        assert_eq!(WrappedKey::decode(&wrapped.encode()), Ok(wrapped.clone()));
        let opened = wrapped.open(&ORG, &amina, &words).expect("opens");
        assert_eq!(opened.public(), key.public());
        let wrong = BadWrapped::Passphrase;
        assert_eq!(wrapped.open(&ORG, &amina, &passphrase("four words nobody guessed")).expect_err("wrong"), wrong);
        assert_eq!(wrapped.open(&ORG, &user("omar", &key), &words).expect_err("another's"), wrong);
        assert_eq!(wrapped.open(&ORG, &user("amina", &SigningKey::from_seed([2; 32])), &words).expect_err("another key"), wrong);
        assert_eq!(wrapped.open(&OrgId([8; 32]), &amina, &words).expect_err("another desk"), wrong);
        assert!(!wrapped.encode().windows(32).any(|bytes| bytes == key.seed().as_slice()));
    }

    #[test]
    fn a_role_is_no_part_of_a_wrapped_key_so_that_it_can_change() {
        let key = SigningKey::from_seed([1; 32]);
        let words = passphrase("four words nobody guesses");
        let wrapped = WrappedKey::seal(&ORG, &user("amina", &key), &key, &words).expect("memory");
        let lead = User { role: Role::Lead, ..user("amina", &key) };
        assert!(wrapped.open(&ORG, &lead, &words).is_ok());
    }

    #[test]
    fn a_changed_cost_salt_nonce_or_seal_does_not_open() {
        let key = SigningKey::from_seed([1; 32]);
        let (amina, words) = (user("amina", &key), passphrase("four words nobody guesses"));
        let wrapped = WrappedKey::seal(&ORG, &amina, &key, &words).expect("memory");
        // The last byte of each number and field; version and high bytes are out of bounds already.
        for place in [4, 8, 12, 28, 40, 41, 88] {
            let mut bytes = wrapped.encode();
            bytes[place] ^= if place == 8 { 4 } else { 1 };
            if place == 12 {
                bytes[place] = 2;
            }
            let changed = WrappedKey::decode(&bytes).expect("within bounds");
            assert_eq!(changed.open(&ORG, &amina, &words).expect_err("changed"), BadWrapped::Passphrase, "byte {place}");
        }
    }

    #[test]
    fn a_cost_out_of_bounds_is_never_paid() {
        let cases = [(65_535, 3, 1), (65_536, 2, 1), (65_536, 3, 0), (1_048_577, 3, 1), (65_536, 17, 1), (65_536, 3, 17), (u32::MAX, 3, 1)];
        for (memory, passes, lanes) in cases {
            assert_eq!(Cost::new(memory, passes, lanes), None, "{memory} {passes} {lanes}");
        }
        assert_eq!(Cost::new(65_536, 3, 1), Some(Cost::LEAST));
        assert!(Cost::new(1 << 20, 16, 16).is_some());
        let mut bytes = vec![0; WrappedKey::LENGTH];
        bytes[0] = 1;
        bytes[1..5].fill(255);
        (bytes[8], bytes[12]) = (3, 1);
        assert_eq!(WrappedKey::decode(&bytes), Err(BadWrapped::Malformed));
        assert_eq!(WrappedKey::decode(&bytes[1..]), Err(BadWrapped::Malformed));
    }

    #[test]
    fn argon2id_is_that_of_rfc_9106() {
        // Made with OpenSSL 3: 64 MiB, 3 passes, 1 lane, through Python's cryptography 48.
        let key = Cost::LEAST.stretch(&passphrase("four words nobody guesses"), b"0123456789abcdef").expect("memory");
        assert_eq!(data_encoding::HEXLOWER.encode(key.as_slice()), "527233439dee8e82e0cb339221eda351bffdec0297b838d97ae96a6a94329cea");
    }

    #[test]
    fn a_passphrase_is_the_same_from_every_keyboard() {
        assert!(passphrase("cafe\u{301} au lait noir").is(&passphrase("café au lait noir")));
        assert!(!passphrase("cafe au lait noir").is(&passphrase("café au lait noir")));
        assert_eq!(Passphrase::new("elevenchars").expect_err("short"), BadPassphrase::Short(11));
        assert_eq!(Passphrase::new("cafe\u{301}1234567").expect_err("short"), BadPassphrase::Short(11), "characters, not bytes");
        assert_eq!(Passphrase::new(&"x".repeat(1_001)).expect_err("long"), BadPassphrase::Long(1_001));
        assert_eq!(Passphrase::new("two lines\nof words").expect_err("lines"), BadPassphrase::Control);
        assert_eq!(format!("{:?}", passphrase("four words nobody guesses")), "Passphrase");
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let cases = [
            (
                BadPassphrase::Short(3),
                "the passphrase has 3 characters, and 12 are the fewest\nhint: four or more words that nobody would guess together",
            ),
            (BadPassphrase::Long(2_000), "the passphrase has 2000 characters, and 1000 are the most\nhint: is it another file?"),
            (BadPassphrase::Control, "the passphrase has a control character in it\nhint: give it in one line"),
        ];
        crate::texts::all_say(include_str!("wrapped.rs"), "BadPassphrase", &cases);
        let cases = [
            (
                BadWrapped::Malformed,
                "it is no wrapped key that this program reads\nhint: `watchfire doctor` checks the store; a director gives a new key with `watchfire user key`",
            ),
            (
                BadWrapped::Passphrase,
                "the passphrase does not open the key\nhint: try again; when it is lost, a director gives a new key with `watchfire user key`",
            ),
            (
                BadWrapped::Memory(64),
                "64 MiB of memory are wanted for the passphrase, and are not there\nhint: try again when the machine has less to do",
            ),
        ];
        crate::texts::all_say(include_str!("wrapped.rs"), "BadWrapped", &cases);
    }
}
