//! ECDSA P-256 keys: root, issuing CA and node.

use crate::model::crypto::{BadSignature, sha256_framed};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

/// The public half: an uncompressed point (SEC 1 §2.3.3), 65 bytes. Not checked to be on the curve until it verifies something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct P256Public(pub [u8; 65]);

impl P256Public {
    /// Checks a signature (ECDSA with SHA-256, DER form).
    ///
    /// # Errors
    /// When it is not this key's signature over that message, or this is no key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(message, signature).map_err(|_| BadSignature)
    }

    /// What a statement commits to before the key itself is shown.
    pub fn commitment(&self) -> [u8; 32] {
        sha256_framed("watchfire/next-root/v1", &[&self.0])
    }
}

impl std::fmt::Debug for P256Public {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "P256Public({})", data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// The bytes were not a P-256 private key in PKCS#8 form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key in PKCS#8 form")]
pub struct BadKey;

/// A P-256 key pair. `Debug` prints the public half.
pub struct P256Key {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
}

impl P256Key {
    /// A fresh key.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing safe can be done then.
    pub fn generate() -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let document = document.expect("the operating system gives random bytes");
        Self::from_pkcs8(document.as_ref()).expect("a key just made is a key")
    }

    /// The key of a PKCS#8 document (RFC 5958), as its file keeps it.
    ///
    /// # Errors
    /// When it is not a P-256 private key.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes).map_err(|_| BadKey)?;
        Ok(Self { pkcs8: Zeroizing::new(bytes.to_vec()), pair })
    }

    /// The PKCS#8 document, to be written to a file of mode 0600 and nowhere else.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half as bytes, uncompressed.
    pub fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The public half.
    pub fn public(&self) -> P256Public {
        P256Public(self.public_bytes().try_into().expect("an uncompressed P-256 point has 65 bytes"))
    }

    /// The signature over the message, in DER form, at most 72 bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature.expect("the operating system gives random bytes").as_ref().to_vec()
    }
}

impl Clone for P256Key {
    fn clone(&self) -> Self {
        Self::from_pkcs8(&self.pkcs8).expect("a key that was read once is read again")
    }
}

impl std::fmt::Debug for P256Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "P256Key({:?})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file_and_signs_as_before() {
        let key = P256Key::generate();
        let again = P256Key::from_pkcs8(key.pkcs8()).expect("reads");
        let signature = again.sign(b"fire");
        assert_eq!(key.public().verify(b"fire", &signature), Ok(()));
        assert_eq!(key.public().verify(b"ash", &signature), Err(BadSignature));
        assert_eq!(P256Key::generate().public().verify(b"fire", &signature), Err(BadSignature));
    }

    #[test]
    fn debug_of_a_key_does_not_print_its_private_half() {
        let key = P256Key::generate();
        let private = data_encoding::HEXLOWER.encode(&key.pkcs8()[36..60]);
        assert!(!format!("{key:?}").contains(&private));
    }
}
