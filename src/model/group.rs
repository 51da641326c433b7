//! Groups: named audiences, defined and signed by their owner.

use super::crypto::{SigningKey, framed, sha256_framed, verify_ed25519};
use super::{GroupId, OrgId, Timestamp};

/// A definition's number is at most so far above the one before, so that no number is the last.
const NUMBERS_AHEAD_MAX: u64 = 100_000;
/// How many members a group has at most.
pub const MEMBERS_MAX: usize = 500;
/// A member stops sending on a definition that was not confirmed for so long (14 days, in milliseconds).
pub const CONFIRMED_MS_MAX: u64 = 14 * 24 * 3_600_000;

/// Who sees whom in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Members know each other and may relay each other's logs.
    Visible,
    /// Members send to the owner alone, who relays; they learn of no other member.
    Hidden,
}

/// One numbered definition of a group, as its owner signed it. The highest number wins and never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The group.
    pub group: GroupId,
    /// The nonce that the group's id is made from.
    pub nonce: [u8; 16],
    /// The number, from 1.
    pub number: u64,
    /// The owner.
    pub owner: OrgId,
    /// Who takes over when the owner is lost: a member.
    pub deputy: Option<OrgId>,
    /// The group's name as the owner gives it; others may call it otherwise.
    pub name: String,
    /// Who sees whom.
    pub visibility: Visibility,
    /// Whether TLP:GREEN moves within it.
    pub community: bool,
    /// Whether a new member gets what was sent before it joined.
    pub history: bool,
    /// The members with their cards, the owner among them, ascending by id. In a hidden group: owner, deputy and the reader alone.
    pub members: Vec<Member>,
    /// When the owner signed it, by the owner's clock.
    pub confirmed: Timestamp,
    /// Whose signature it bears: the owner's, or the deputy's after a takeover.
    pub signer: OrgId,
    /// The owner's last definition, which names the deputy: there where the deputy signs, so that a newcomer can check its right to.
    pub appointment: Option<SignedDefinition>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The organisation.
    pub org: OrgId,
    /// Its card as it signed it. Verifies its logs and receipts; opens no link.
    pub card: Vec<u8>,
    /// With which definition it joined, the last time that it did: who was away may have missed that it was removed meanwhile. 0 where that is not
    /// told.
    pub since: u64,
}

/// The id of the group that an owner makes with a nonce.
pub fn group_id(owner: &OrgId, nonce: &[u8; 16]) -> GroupId {
    GroupId(sha256_framed("watchfire/group/v1", &[&owner.0, nonce]))
}

/// A definition as it travels: the exact bytes that were signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDefinition {
    /// The encoded definition.
    pub bytes: Vec<u8>,
    /// The Ed25519 signature by the signer's log-signing key.
    pub signature: [u8; 64],
}

impl SignedDefinition {
    /// Signs an encoded definition.
    pub fn sign(bytes: Vec<u8>, key: &SigningKey) -> Self {
        let signature = key.sign(&framed("watchfire/definition/v1", &[&bytes]));
        Self { bytes, signature }
    }

    /// Whether the signature is that key's.
    pub fn is_signed_by(&self, key: &[u8; 32]) -> bool {
        verify_ed25519(key, &framed("watchfire/definition/v1", &[&self.bytes]), &self.signature).is_ok()
    }
}

/// A definition beside the exact bytes that say it: what is decided by the one is sent as the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    definition: Definition,
    signed: SignedDefinition,
}

impl Defined {
    /// Reads what was signed, by the one decoder that there is (`link::convert`).
    ///
    /// # Errors
    /// When the bytes are no definition.
    pub fn read<E>(signed: SignedDefinition, decode: impl FnOnce(&[u8]) -> Result<Definition, E>) -> Result<Self, E> {
        let definition = decode(&signed.bytes)?;
        Ok(Self { definition, signed })
    }

    /// What it says.
    pub const fn get(&self) -> &Definition {
        &self.definition
    }

    /// As it was signed.
    pub const fn signed(&self) -> &SignedDefinition {
        &self.signed
    }
}

/// A hidden group's definition with every member and its card: for the head that does not sign for the group, and nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster(pub Defined);

impl Definition {
    /// Whether an organisation is one of those that everyone in the group knows: its owner or its deputy, as long as it is a member.
    pub fn is_head(&self, org: &OrgId) -> bool {
        (self.owner == *org || self.deputy == Some(*org)) && self.has(org)
    }

    /// Whether an organisation is a member.
    pub fn has(&self, org: &OrgId) -> bool {
        self.members.iter().any(|member| member.org == *org)
    }

    /// Whether it may follow `before`: same group and owner, a higher number, signed by the owner or by the deputy that the owner named.
    pub fn follows(&self, before: &Self) -> bool {
        // A member once promised that nobody sees it, or that newcomers get no history, keeps that promise.
        let promises_kept = self.visibility == before.visibility && (before.history || !self.history);
        let next = self.number > before.number && self.number - before.number <= NUMBERS_AHEAD_MAX;
        self.group == before.group && self.owner == before.owner && next && before.is_head(&self.signer) && promises_kept
    }

    /// Whether a definition holds in itself: the id fits, owner and deputy are members, one of them signed it, members ascend.
    pub fn is_sound(&self) -> bool {
        self.group == group_id(&self.owner, &self.nonce)
            && self.members.len() <= MEMBERS_MAX
            && self.members.is_sorted_by(|one, other| one.org < other.org)
            && self.has(&self.owner)
            && self.deputy.is_none_or(|deputy| self.has(&deputy))
            && self.is_head(&self.signer)
            && self.members.iter().all(|member| member.since <= self.number)
    }

    /// Whether members may still send on it at `now`.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.confirmed) <= CONFIRMED_MS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(number: u64) -> Definition {
        let (owner, nonce) = (OrgId([1; 32]), [7; 16]);
        let members = [1u8, 2].map(|org| Member { org: OrgId([org; 32]), card: vec![], since: 0 }).to_vec();
        Definition {
            group: group_id(&owner, &nonce),
            nonce,
            number,
            owner,
            deputy: Some(OrgId([2; 32])),
            name: "desk".into(),
            visibility: Visibility::Visible,
            community: true,
            history: true,
            members,
            confirmed: Timestamp(0),
            signer: owner,
            appointment: None,
        }
    }

    #[test]
    fn a_definition_never_goes_back_and_only_owner_or_deputy_replace_it() {
        let first = definition(1);
        assert!(first.is_sound());
        assert!(definition(2).follows(&first));
        assert!(!definition(1).follows(&first));
        assert!(Definition { signer: OrgId([2; 32]), ..definition(2) }.follows(&first));
        assert!(!Definition { signer: OrgId([3; 32]), ..definition(2) }.follows(&first));
    }

    #[test]
    fn a_deputy_that_is_no_member_heads_nothing() {
        let mut first = definition(1);
        first.members.pop();
        assert!(!first.is_sound() && !first.is_head(&OrgId([2; 32])));
        assert!(!Definition { signer: OrgId([2; 32]), ..definition(2) }.follows(&first));
        assert!(Definition { deputy: None, ..first.clone() }.is_sound());
        assert!(definition(2).follows(&first), "the owner may name it again");
    }

    #[test]
    fn a_definition_goes_stale_after_fourteen_days() {
        assert!(definition(1).is_fresh(Timestamp(CONFIRMED_MS_MAX)));
        assert!(!definition(1).is_fresh(Timestamp(CONFIRMED_MS_MAX + 1)));
    }
}
