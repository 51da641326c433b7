//! The few cryptographic operations the model needs, over aws-lc-rs.

use aws_lc_rs::{aead, digest, hmac, rand, signature};
use signature::KeyPair;
use zeroize::Zeroizing;

/// SHA-256 of the parts one after the other, without separators.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    fixed(context.finish().as_ref())
}

/// SHA-256 of all that there is to read, and how many bytes that is.
///
/// # Errors
/// When it cannot be read.
pub fn sha256_of(mut from: impl std::io::Read) -> std::io::Result<([u8; 32], u64)> {
    let (mut context, mut size, mut buffer) = (digest::Context::new(&digest::SHA256), 0, vec![0; 64 << 10]);
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((fixed(context.finish().as_ref()), size)),
            Ok(count) => {
                context.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// SHA-256 of a context string and the parts, each with its length (u64, big-endian) before it, so that no two lists of parts collide.
pub fn sha256_framed(context: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = digest::Context::new(&digest::SHA256);
    for part in std::iter::once(&context.as_bytes()).chain(parts) {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    fixed(digest.finish().as_ref())
}

/// A context string and the parts, each with its length (u64, big-endian) before it: what signatures and identifiers are made over.
pub fn framed(context: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + context.len() + parts.iter().map(|part| part.len() + 8).sum::<usize>());
    for part in std::iter::once(&context.as_bytes()).chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// HMAC-SHA-256 of the parts one after the other, without separators.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    HmacKey::new(key).tag(parts)
}

/// A key for many tags: half of the work of a short tag is its key's.
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Of these bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// HMAC-SHA-256 of the parts one after the other, without separators.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        fixed(context.sign().as_ref())
    }
}

impl std::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HmacKey")
    }
}

/// A key of ChaCha20-Poly1305 (RFC 8439).
pub fn chacha_key(key: &[u8; 32]) -> aead::LessSafeKey {
    aead::LessSafeKey::new(aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key).expect("ChaCha20-Poly1305 takes 32 bytes"))
}

/// `N` bytes from the operating system's generator.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done then.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[cfg(feature = "simulation")]
    if crate::simulation::fill(&mut bytes) {
        return bytes;
    }
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Whether two byte strings are equal, in time that tells nothing of where they differ.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

fn fixed(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().expect("SHA-256 has 32 bytes")
}

/// A signature did not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// An Ed25519 signing key, such as the log-signing key. `Debug` prints the public half.
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    pair: signature::Ed25519KeyPair,
}

impl SigningKey {
    /// A fresh key.
    pub fn generate() -> Self {
        Self::from_seed(random())
    }

    /// The key of a seed, as its file keeps it.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = signature::Ed25519KeyPair::from_seed_unchecked(&seed).expect("every 32 bytes are an Ed25519 seed");
        Self { seed: Zeroizing::new(seed), pair }
    }

    /// The seed, to be written to a file of mode 0600 and nowhere else.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        fixed(self.pair.public_key().as_ref())
    }

    /// The signature over the message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).as_ref().try_into().expect("Ed25519 signatures have 64 bytes")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", data_encoding::HEXLOWER.encode(&self.public()))
    }
}

/// Checks an Ed25519 signature (RFC 8032).
///
/// # Errors
/// When it is not that key's signature over that message.
pub fn verify_ed25519(public: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    if is_small_order(public) {
        return Err(BadSignature);
    }
    signature::UnparsedPublicKey::new(&signature::ED25519, public).verify(message, signature).map_err(|_| BadSignature)
}

/// Whether a public key is one of the points of small order, in any encoding: under such a key anyone can sign.
fn is_small_order(public: &[u8; 32]) -> bool {
    /// The y coordinates of the eight points, and those of them that have a second encoding (y + p below 2²⁵⁵), little-endian.
    const SMALL: [&str; 7] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let mut y = *public;
    y[31] &= 0x7f;
    let y = data_encoding::HEXLOWER.encode(&y);
    SMALL.contains(&y.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let key = SigningKey::from_seed([1; 32]);
        let signature = key.sign(b"fire");
        assert_eq!(verify_ed25519(&key.public(), b"fire", &signature), Ok(()));
        assert_eq!(verify_ed25519(&key.public(), b"fire!", &signature), Err(BadSignature));
        assert_eq!(verify_ed25519(&SigningKey::from_seed([2; 32]).public(), b"fire", &signature), Err(BadSignature));
    }

    #[test]
    fn a_key_of_small_order_verifies_nothing() {
        // S = 0 and R = A, the neutral point: a signature over anything, if such a key counted.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = [0; 64];
        forged[..32].copy_from_slice(&neutral);
        assert_eq!(verify_ed25519(&neutral, b"anything", &forged), Err(BadSignature));
        assert!(is_small_order(&[0; 32]));
        assert!(!is_small_order(&SigningKey::from_seed([1; 32]).public()));
    }

    #[test]
    fn framing_keeps_neighbouring_parts_apart() {
        assert_ne!(sha256_framed("c", &[b"ab", b"c"]), sha256_framed("c", &[b"a", b"bc"]));
        assert_ne!(sha256_framed("c", &[b"a"]), sha256_framed("c", &[b"a", b""]));
    }

    #[test]
    fn hmac_matches_the_first_vector_of_rfc_4231() {
        let tag = hmac_sha256(&[0x0b; 20], &[b"Hi ", b"There"]);
        assert_eq!(data_encoding::HEXLOWER.encode(&tag), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn debug_of_a_key_does_not_print_its_seed() {
        let key = SigningKey::from_seed([0xaa; 32]);
        assert!(!format!("{key:?}").contains(&"aa".repeat(8)));
    }
}
