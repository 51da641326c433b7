//! Keys that things are sealed to: HPKE (RFC 9180), Base mode, X-Wing (ML-KEM-768 with X25519), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! The desk has one, and each of its users. Base mode says nothing of who sealed: what carries a sealed thing is signed.

use crate::model::SealKeyId;
use crate::model::crypto::{SigningKey, random, sha256_framed};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use std::convert::Infallible;
use zeroize::{Zeroize, Zeroizing};

const KEY_ID: &str = "watchfire/desk/seal-key-id/v1";
const OF_USER: &[u8] = b"watchfire/desk/user-seal-key/v1";

/// The length of a public key.
pub const SEAL_PUBLIC_BYTES: usize = 1216;
/// The length of an encapsulated key, which stands before each ciphertext.
pub const ENCAPSULATED_BYTES: usize = 1120;

/// The bytes are no public key, or what was sealed does not open. Nobody can tell why it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSealKey {
    /// No X-Wing public key.
    #[error("it is no key to seal to\nhint: it was damaged on the way, or is of another version")]
    Public,
    /// It was sealed to another key, for something else, or was changed.
    #[error("it does not open with this key\nhint: it was sealed to another key, for another case, or was changed on the way")]
    Closed,
}

/// The public half: what is sealed to it, its secret half opens. 1,216 bytes, checked to be a key. `Debug` prints its id.
#[derive(Clone, PartialEq, Eq)]
pub struct SealPublic(Box<[u8; SEAL_PUBLIC_BYTES]>);

impl SealPublic {
    /// Takes the bytes of a public key.
    ///
    /// # Errors
    /// When they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSealKey> {
        <XWing as Kem>::PublicKey::from_bytes(bytes).map_err(|_| BadSealKey::Public)?;
        Ok(Self(Box::new(bytes.try_into().map_err(|_| BadSealKey::Public)?)))
    }

    /// Its bytes: ML-KEM-768's 1,184, then X25519's 32.
    pub fn bytes(&self) -> &[u8; SEAL_PUBLIC_BYTES] {
        &self.0
    }

    /// What it is named by: the beginning of a SHA-256 of it.
    pub fn id(&self) -> SealKeyId {
        let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = sha256_framed(KEY_ID, &[&*self.0]);
        SealKeyId(hash)
    }

    /// Seals to it, with randomness of the operating system's. `info` is the context; `aad` must be given again to open. Encapsulated key and ciphertext,
    /// which is 16 bytes longer than the plaintext.
    ///
    /// # Errors
    /// Never for a key that was checked; the library's word is passed on.
    pub(super) fn seal(&self, info: &str, aad: &[u8], plaintext: &[u8]) -> Result<([u8; ENCAPSULATED_BYTES], Vec<u8>), BadSealKey> {
        self.seal_with(&mut Random, info, aad, plaintext)
    }

    fn seal_with(
        &self,
        random: &mut impl TryCryptoRng<Error = Infallible>,
        info: &str,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<([u8; ENCAPSULATED_BYTES], Vec<u8>), BadSealKey> {
        let key = <XWing as Kem>::PublicKey::from_bytes(self.0.as_slice()).map_err(|_| BadSealKey::Public)?;
        let sealed = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &key,
            info.as_bytes(),
            plaintext,
            aad,
            random,
        );
        let (encapsulated, ciphertext) = sealed.map_err(|_| BadSealKey::Public)?;
        let mut bytes = [0; ENCAPSULATED_BYTES];
        encapsulated.write_exact(&mut bytes);
        Ok((bytes, ciphertext))
    }
}

impl std::fmt::Debug for SealPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealPublic({})", self.id())
    }
}

/// In JSON it is base64.
impl serde::Serialize for SealPublic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(self.0.as_slice()))
    }
}

impl<'de> serde::Deserialize<'de> for SealPublic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let bytes = data_encoding::BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        Self::from_bytes(&bytes).map_err(|_| D::Error::custom("it is no key to seal to"))
    }
}

/// The secret half: 32 bytes, wiped when dropped. In the process of whoever opens, never in the node's. `Debug` prints the public half's id.
pub struct SealSecret {
    seed: Zeroizing<[u8; 32]>,
    public: SealPublic,
}

impl SealSecret {
    /// A fresh key.
    pub fn generate() -> Self {
        Self::from_seed(&Zeroizing::new(random()))
    }

    /// The key of its 32 bytes.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        let mut public = Box::new([0; SEAL_PUBLIC_BYTES]);
        <XWing as Kem>::sk_to_pk(&key(seed)).write_exact(public.as_mut_slice());
        Self { seed: seed.clone(), public: SealPublic(public) }
    }

    /// The key of a desk user: it follows from the one that the user signs with (HKDF-SHA256, RFC 5869), so that one passphrase opens both.
    pub fn of_user(signing: &SigningKey) -> Self {
        /// HKDF's output: the 32 bytes of an X-Wing secret key.
        struct Seed;
        impl KeyType for Seed {
            fn len(&self) -> usize {
                32
            }
        }
        let mut seed = Zeroizing::new([0; 32]);
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(signing.seed().as_slice());
        let expanded = extracted.expand(&[OF_USER], Seed).and_then(|expanded| expanded.fill(seed.as_mut_slice()));
        expanded.expect("HKDF-SHA256 gives 32 bytes");
        Self::from_seed(&seed)
    }

    /// The 32 bytes, to be sealed and nothing else.
    pub(super) fn seed(&self) -> &Zeroizing<[u8; 32]> {
        &self.seed
    }

    /// The public half.
    pub const fn public(&self) -> &SealPublic {
        &self.public
    }

    /// Opens what was sealed to the public half with the same `info` and `aad`.
    ///
    /// # Errors
    /// When it does not open.
    pub(super) fn open(
        &self,
        info: &str,
        aad: &[u8],
        encapsulated: &[u8; ENCAPSULATED_BYTES],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BadSealKey> {
        let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| BadSealKey::Closed)?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &key(&self.seed),
            &encapsulated,
            info.as_bytes(),
            ciphertext,
            aad,
        );
        opened.map(Zeroizing::new).map_err(|_| BadSealKey::Closed)
    }
}

impl std::fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealSecret({})", self.public.id())
    }
}

fn key(seed: &Zeroizing<[u8; 32]>) -> <XWing as Kem>::PrivateKey {
    <XWing as Kem>::PrivateKey::from_bytes(seed.as_slice()).expect("every 32 bytes are an X-Wing secret key")
}

/// The one source of randomness that all else has, as `hpke` wants it.
struct Random;

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(random()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(random()))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for part in to.chunks_mut(32) {
            let mut bytes: [u8; 32] = random();
            part.copy_from_slice(&bytes[..part.len()]);
            bytes.zeroize();
        }
        Ok(())
    }
}

impl TryCryptoRng for Random {}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: data_encoding::Encoding = data_encoding::HEXLOWER;

    #[test]
    fn what_is_sealed_opens_with_its_key_its_context_and_its_data_alone() {
        let secret = SealSecret::generate();
        let (encapsulated, ciphertext) = secret.public().seal("info", b"aad", b"fire").expect("seals");
        assert_eq!(secret.open("info", b"aad", &encapsulated, &ciphertext).expect("opens").as_slice(), b"fire");
        let closed = |secret: &SealSecret, info: &str, aad: &[u8], encapsulated: &[u8; ENCAPSULATED_BYTES], ciphertext: &[u8]| {
            assert_eq!(secret.open(info, aad, encapsulated, ciphertext), Err(BadSealKey::Closed));
        };
        closed(&SealSecret::generate(), "info", b"aad", &encapsulated, &ciphertext);
        closed(&secret, "other", b"aad", &encapsulated, &ciphertext);
        closed(&secret, "info", b"add", &encapsulated, &ciphertext);
        closed(&secret, "info", b"aad", &encapsulated, &ciphertext[1..]);
        closed(&secret, "info", b"aad", &encapsulated, b"");
        for place in [0, 1087, 1088, ENCAPSULATED_BYTES - 1] {
            let mut changed = encapsulated;
            changed[place] ^= 1;
            closed(&secret, "info", b"aad", &changed, &ciphertext);
        }
    }

    #[test]
    fn the_kem_is_that_of_the_draft() {
        // draft-connolly-cfrg-xwing-kem-09, appendix C, the first vector: seed and the ends of the public key.
        let seed = HEX.decode(b"7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26").expect("hex");
        let secret = SealSecret::from_seed(&Zeroizing::new(seed.try_into().expect("32 bytes")));
        let public = HEX.encode(secret.public().bytes());
        assert!(public.starts_with("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5"), "{public}");
        assert!(public.ends_with("859edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534"), "{public}");
    }

    #[test]
    fn the_key_of_a_user_follows_from_the_one_that_it_signs_with() {
        let signing = SigningKey::from_seed([1; 32]);
        let secret = SealSecret::of_user(&signing);
        assert_eq!(secret.public(), SealSecret::of_user(&signing).public());
        assert_ne!(secret.public(), SealSecret::of_user(&SigningKey::from_seed([2; 32])).public());
        assert_ne!(secret.seed().as_slice(), signing.seed().as_slice(), "it gives the signing key away to nobody");
        // Made with Python's cryptography 48 (OpenSSL 4.0): HKDF(SHA256(), 32, salt=None, info=OF_USER).derive(bytes([1]) * 32).
        assert_eq!(HEX.encode(secret.seed().as_slice()), "361990640383da954764fca41a244b65237628d1be03a20fd2d7a3af0c7ae2ca");
    }

    #[test]
    fn bytes_that_are_no_key_are_none() {
        let public = SealSecret::generate().public().clone();
        assert_eq!(SealPublic::from_bytes(public.bytes()), Ok(public.clone()));
        assert_eq!(SealPublic::from_bytes(&public.bytes()[1..]), Err(BadSealKey::Public));
        // A coefficient above the modulus (FIPS 203 §7.2).
        let mut changed = *public.bytes();
        changed[..3].fill(255);
        assert_eq!(SealPublic::from_bytes(&changed), Err(BadSealKey::Public));
        let json = serde_json::to_string(&public).expect("plain data");
        assert_eq!(serde_json::from_str::<SealPublic>(&json).expect("reads"), public);
        assert!(serde_json::from_str::<SealPublic>("\"AAAA\"").is_err());
    }

    #[test]
    fn debug_prints_no_secret() {
        let secret = SealSecret::from_seed(&Zeroizing::new([0xaa; 32]));
        let text = format!("{secret:?}");
        assert_eq!(text, format!("SealSecret({})", secret.public().id()));
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let cases = [
            (BadSealKey::Public, "it is no key to seal to\nhint: it was damaged on the way, or is of another version"),
            (
                BadSealKey::Closed,
                "it does not open with this key\nhint: it was sealed to another key, for another case, or was changed on the way",
            ),
        ];
        crate::texts::all_say(include_str!("seal_key.rs"), "BadSealKey", &cases);
    }
}
