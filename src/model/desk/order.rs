//! What somebody at the desk wants the node to do, signed, where the desk has users: the node does it for those who may, and writes down who it was.

use crate::model::crypto::{BadSignature, SigningKey, framed, sha256_framed, verify_ed25519};
use crate::model::{OrgId, Timestamp, UserKey};

const ORDER: &str = "watchfire/desk/order/v1";
const WANTED: &str = "watchfire/desk/wanted/v1";

/// What is wanted, in one value: SHA-256 over the name of the request, whom it is about, and the request as it is sent.
pub fn wanted(name: &str, about: &str, request: &[u8]) -> [u8; 32] {
    sha256_framed(WANTED, &[name.as_bytes(), about.as_bytes(), request])
}

/// Somebody wants it done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// What, as [`wanted`] names it.
    #[serde(with = "super::statement::digest_text")]
    pub wanted: [u8; 32],
    /// Who.
    pub by: UserKey,
    /// When, by the signer's clock.
    pub at: Timestamp,
}

impl Order {
    /// Signed by `by`.
    pub fn sign(self, org: &OrgId, by: &SigningKey) -> SignedOrder {
        SignedOrder { signature: by.sign(&self.message(org)), order: self }
    }

    fn message(&self, org: &OrgId) -> Vec<u8> {
        framed(ORDER, &[&org.0, &self.wanted, &self.by.0, &self.at.0.to_be_bytes()])
    }
}

/// An order and who stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedOrder {
    /// What was signed.
    pub order: Order,
    /// Ed25519 over it.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
}

impl SignedOrder {
    /// Checks the signature alone; `rules::desk` says whether whoever made it may.
    ///
    /// # Errors
    /// When it is not `by`'s.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.order.by.0, &self.order.message(org), &self.signature)
    }
}

/// A request, and whose order it is, where the desk has users.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Ordered<T> {
    /// The request.
    pub request: T,
    /// Who wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<SignedOrder>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_for_one_desk_one_request_and_its_signer() {
        let key = SigningKey::from_seed([1; 32]);
        let (org, other) = (OrgId([7; 32]), OrgId([8; 32]));
        let order = Order { wanted: wanted("act", "a referral", b"{}"), by: UserKey(key.public()), at: Timestamp(5) };
        let signed = order.sign(&org, &key);
        assert_eq!(signed.verify(&org), Ok(()));
        assert_eq!(signed.verify(&other), Err(BadSignature), "another desk's");
        let edits: [fn(&mut Order); 3] =
            [|order| order.wanted[0] ^= 1, |order| order.by = UserKey([9; 32]), |order| order.at = Timestamp(6)];
        for edit in edits {
            let mut changed = signed;
            edit(&mut changed.order);
            assert_eq!(changed.verify(&org), Err(BadSignature));
        }
        let all = [wanted("act", "a", b"b"), wanted("act", "ab", b""), wanted("refer", "a", b"b"), wanted("act", "a", b"c")];
        assert!(all.iter().enumerate().all(|(place, one)| !all[..place].contains(one)));
    }
}
