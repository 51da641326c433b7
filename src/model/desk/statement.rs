//! What two people sign before a TLP:RED record leaves: the one who releases it, and another who approves that.

use crate::model::crypto::{BadSignature, SigningKey, framed, sha256_framed, verify_ed25519};
use crate::model::log::Audience;
use crate::model::{DeskHash, OrgId, ReleaseId, Timestamp, UserKey};

const RELEASE: &str = "watchfire/desk/release/v1";
const APPROVAL: &str = "watchfire/desk/approve/v1";
const RELEASED: &str = "watchfire/desk/released/v1";

/// What both sign: exactly what would leave, to whom, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Terms {
    /// The hold: of two releases of the same, each has signatures of its own.
    pub hold: ReleaseId,
    /// The digest that the preview shows.
    #[serde(with = "digest_text")]
    pub digest: [u8; 32],
    /// Who gets it.
    pub audience: Audience,
    /// When every holder destroys it; 0 for never.
    pub retention: Timestamp,
}

impl Terms {
    fn parts(&self) -> [Vec<u8>; 5] {
        let (kind, id) = match &self.audience {
            Audience::Direct(org) => (1, &org.0),
            Audience::Group(group) => (2, &group.0),
        };
        [self.hold.0.to_vec(), self.digest.to_vec(), vec![kind], id.to_vec(), self.retention.0.to_be_bytes().to_vec()]
    }
}

/// Somebody wants it to leave: the first signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// What.
    pub terms: Terms,
    /// Who.
    pub by: UserKey,
    /// When, by the signer's clock.
    pub at: Timestamp,
}

impl Release {
    /// Signed by `by`.
    pub fn sign(self, org: &OrgId, by: &SigningKey) -> SignedRelease {
        SignedRelease { signature: by.sign(&self.message(org)), release: self }
    }

    fn message(&self, org: &OrgId) -> Vec<u8> {
        let [hold, digest, kind, audience, retention] = self.terms.parts();
        framed(RELEASE, &[&org.0, &hold, &digest, &kind, &audience, &retention, &self.by.0, &self.at.0.to_be_bytes()])
    }
}

/// The first signature, and what it is made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedRelease {
    /// What was signed.
    pub release: Release,
    /// Ed25519 over it.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
}

impl SignedRelease {
    /// Checks the signature alone; `rules::desk` says whether whoever made it may.
    ///
    /// # Errors
    /// When it is not `by`'s.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.release.by.0, &self.release.message(org), &self.signature)
    }

    /// What an approval names as the first signature.
    pub fn hash(&self, org: &OrgId) -> DeskHash {
        DeskHash(sha256_framed(RELEASED, &[&self.release.message(org), &self.signature]))
    }
}

/// Another agrees: the second signature.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Approval {
    /// What: the same that was signed first.
    pub terms: Terms,
    /// The hash of the first signature.
    pub released: DeskHash,
    /// Who made that.
    pub releaser: UserKey,
    /// Who approves.
    pub by: UserKey,
    /// When, by the signer's clock.
    pub at: Timestamp,
}

impl Approval {
    /// Of what was signed first.
    pub fn of(released: &SignedRelease, org: &OrgId, by: UserKey, at: Timestamp) -> Self {
        Self { terms: released.release.terms, released: released.hash(org), releaser: released.release.by, by, at }
    }

    /// Signed by `by`.
    pub fn sign(self, org: &OrgId, by: &SigningKey) -> SignedApproval {
        SignedApproval { signature: by.sign(&self.message(org)), approval: self }
    }

    fn message(&self, org: &OrgId) -> Vec<u8> {
        let Self { terms, released, releaser, by, at } = self;
        let [hold, digest, kind, audience, retention] = terms.parts();
        let parts: [&[u8]; 10] =
            [&org.0, &hold, &digest, &kind, &audience, &retention, &released.0, &releaser.0, &by.0, &at.0.to_be_bytes()];
        framed(APPROVAL, &parts)
    }
}

/// The second signature, and what it is made over.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedApproval {
    /// What was signed.
    pub approval: Approval,
    /// Ed25519 over it.
    #[serde(with = "super::signature_text")]
    pub signature: [u8; 64],
}

impl SignedApproval {
    /// Checks the signature alone; `rules::desk` says whether whoever made it may.
    ///
    /// # Errors
    /// When it is not `by`'s.
    pub fn verify(&self, org: &OrgId) -> Result<(), BadSignature> {
        verify_ed25519(&self.approval.by.0, &self.approval.message(org), &self.signature)
    }
}

/// A digest in JSON is hex, as previews show it.
pub(super) mod digest_text {
    use data_encoding::HEXLOWER;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::model::desk) fn serialize<S: Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(digest))
    }

    pub(in crate::model::desk) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let bytes = HEXLOWER.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("a digest has 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;

    const ORG: OrgId = OrgId([7; 32]);

    fn terms() -> Terms {
        Terms { hold: ReleaseId([7; 5]), digest: [1; 32], audience: Audience::Direct(OrgId([2; 32])), retention: Timestamp(9) }
    }

    fn other_terms() -> [Terms; 5] {
        let terms = terms();
        [
            Terms { digest: [3; 32], ..terms },
            Terms { hold: ReleaseId([8; 5]), ..terms },
            Terms { audience: Audience::Direct(OrgId([3; 32])), ..terms },
            Terms { audience: Audience::Group(GroupId([2; 32])), ..terms },
            Terms { retention: Timestamp(0), ..terms },
        ]
    }

    #[test]
    fn a_first_signature_holds_for_what_it_says_alone() {
        let key = SigningKey::from_seed([1; 32]);
        let release = Release { terms: terms(), by: UserKey(key.public()), at: Timestamp(5) };
        let signed = release.sign(&ORG, &key);
        assert_eq!(signed.verify(&ORG), Ok(()));
        assert_eq!(signed.verify(&OrgId([8; 32])), Err(BadSignature));
        let mut others: Vec<Release> = other_terms().map(|terms| Release { terms, ..release }).to_vec();
        others.push(Release { by: UserKey(SigningKey::from_seed([2; 32]).public()), ..release });
        others.push(Release { at: Timestamp(6), ..release });
        for other in others {
            let other = SignedRelease { release: other, ..signed };
            assert_eq!(other.verify(&ORG), Err(BadSignature), "{other:?}");
            assert_ne!(other.hash(&ORG), signed.hash(&ORG));
        }
    }

    #[test]
    fn a_second_signature_holds_for_what_it_says_alone() {
        let key = SigningKey::from_seed([1; 32]);
        let by = UserKey(key.public());
        let approval = Approval { terms: terms(), released: DeskHash([4; 32]), releaser: UserKey([5; 32]), by, at: Timestamp(5) };
        let signed = approval.clone().sign(&ORG, &key);
        assert_eq!(signed.verify(&ORG), Ok(()));
        assert_eq!(signed.verify(&OrgId([8; 32])), Err(BadSignature));
        let mut others: Vec<Approval> = other_terms().map(|terms| Approval { terms, ..approval.clone() }).to_vec();
        others.push(Approval { released: DeskHash([5; 32]), ..approval.clone() });
        others.push(Approval { releaser: UserKey([6; 32]), ..approval.clone() });
        others.push(Approval { by: UserKey(SigningKey::from_seed([2; 32]).public()), ..approval.clone() });
        others.push(Approval { at: Timestamp(6), ..approval });
        for other in others {
            let other = SignedApproval { approval: other, ..signed.clone() };
            assert_eq!(other.verify(&ORG), Err(BadSignature), "{other:?}");
        }
    }
}
