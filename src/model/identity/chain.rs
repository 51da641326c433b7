//! The chain of statements that names the current root: one inception, then rotations.
//!
//! Each statement commits to the hash of the next root key, and a rotation is signed by the key that it reveals. So whoever steals
//! the current root alone cannot name the next one.

use super::key::{P256Key, P256Public};
use super::wire::{Malformed, Reader, Writer};
use crate::model::crypto::{framed, sha256_framed};
use crate::model::{OrgId, Timestamp};

/// How many rotations a chain may have: one a week for over a year, and a bound on what a foreign card makes us verify.
pub const ROTATIONS_MAX: usize = 64;
const INCEPTION: &str = "watchfire/inception/v1";
const ROTATION: &str = "watchfire/rotation/v1";
const WIRE_VERSION: u8 = 1;

/// A statement as it was signed: the exact bytes and the signature over its context string and them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The exact bytes. Inception: version (1 byte), root public key (65), commitment to the next (32), nonce (16), created (8).
    /// Rotation: version (1), organisation (32), number from 1 (4), SHA-256 of the statement before (32), revealed root public
    /// key (65), commitment to the next (32), created (8).
    pub bytes: Vec<u8>,
    /// ECDSA P-256 with SHA-256 in DER form, by the root key in the statement.
    pub signature: Vec<u8>,
}

/// Why a chain does not name a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The bytes are not a statement.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// There is no inception.
    #[error("the chain is empty")]
    Empty,
    /// More than [`ROTATIONS_MAX`].
    #[error("the chain has `{0}` rotations, more than {ROTATIONS_MAX}")]
    TooLong(usize),
    /// A statement's signature is not its root's.
    #[error("the signature of statement `{0}` does not verify")]
    BadSignature(usize),
    /// A rotation reveals a key that nobody committed to.
    #[error("statement `{0}` reveals a root key that the one before did not commit to")]
    NotCommitted(usize),
    /// A rotation belongs to another organisation, number or predecessor.
    #[error("statement `{0}` does not follow the one before")]
    NotNext(usize),
}

/// A verified chain. Made by [`Chain::incept`], [`Chain::rotate`] and [`Chain::verify`] alone, so the root it names is the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    org: OrgId,
    root: P256Public,
    next: [u8; 32],
    statements: Vec<Statement>,
}

impl Chain {
    /// A new organisation: its root signs a statement that commits to the next root.
    pub fn incept(root: &P256Key, next: &P256Public, nonce: [u8; 16], now: Timestamp) -> Self {
        let bytes =
            Writer(vec![WIRE_VERSION]).fixed(&root.public().0).fixed(&next.commitment()).fixed(&nonce).fixed(&now.0.to_be_bytes()).0;
        let org = OrgId(sha256_framed(INCEPTION, &[&bytes]));
        let signature = root.sign(&framed(INCEPTION, &[&bytes]));
        Self { org, root: root.public(), next: next.commitment(), statements: vec![Statement { bytes, signature }] }
    }

    /// The chain with one rotation more: `revealed` becomes the root, `next` is the key it commits to.
    ///
    /// # Errors
    /// When `revealed` is not the key that was committed to, or the chain is full.
    pub fn rotate(&self, revealed: &P256Key, next: &P256Public, now: Timestamp) -> Result<Self, ChainError> {
        let number = self.statements.len();
        let bytes = Writer(vec![WIRE_VERSION])
            .fixed(&self.org.0)
            .fixed(&(number as u32).to_be_bytes())
            .fixed(&self.head())
            .fixed(&revealed.public().0)
            .fixed(&next.commitment())
            .fixed(&now.0.to_be_bytes())
            .0;
        let signature = revealed.sign(&framed(ROTATION, &[&bytes]));
        self.clone().follow(Statement { bytes, signature })
    }

    /// Checks every statement and names the current root.
    ///
    /// # Errors
    /// At the first statement that does not hold.
    pub fn verify(statements: &[Statement]) -> Result<Self, ChainError> {
        let (first, rotations) = statements.split_first().ok_or(ChainError::Empty)?;
        if rotations.len() > ROTATIONS_MAX {
            return Err(ChainError::TooLong(rotations.len()));
        }
        rotations.iter().try_fold(Self::begin(first)?, |chain, statement| chain.follow(statement.clone()))
    }

    fn begin(statement: &Statement) -> Result<Self, ChainError> {
        let mut reader = Reader::new(&statement.bytes, "inception statement");
        reader.version(WIRE_VERSION)?;
        let (root, next) = (P256Public(reader.array()?), reader.array()?);
        let (_nonce, _created) = (reader.array::<16>()?, reader.u64()?);
        reader.end()?;
        let signed = framed(INCEPTION, &[&statement.bytes]);
        root.verify(&signed, &statement.signature).map_err(|_| ChainError::BadSignature(0))?;
        let org = OrgId(sha256_framed(INCEPTION, &[&statement.bytes]));
        Ok(Self { org, root, next, statements: vec![statement.clone()] })
    }

    fn follow(mut self, statement: Statement) -> Result<Self, ChainError> {
        let number = self.statements.len();
        if number > ROTATIONS_MAX {
            return Err(ChainError::TooLong(number));
        }
        let mut reader = Reader::new(&statement.bytes, "rotation statement");
        reader.version(WIRE_VERSION)?;
        let place = (OrgId(reader.array()?), reader.u32()? as usize, reader.array::<32>()?);
        let (root, next, _created) = (P256Public(reader.array()?), reader.array()?, reader.u64()?);
        reader.end()?;
        if place != (self.org, number, self.head()) {
            return Err(ChainError::NotNext(number));
        }
        if root.commitment() != self.next {
            return Err(ChainError::NotCommitted(number));
        }
        let signed = framed(ROTATION, &[&statement.bytes]);
        root.verify(&signed, &statement.signature).map_err(|_| ChainError::BadSignature(number))?;
        (self.root, self.next) = (root, next);
        self.statements.push(statement);
        Ok(self)
    }

    fn head(&self) -> [u8; 32] {
        let last = self.statements.last().expect("a chain has an inception");
        sha256_framed("watchfire/statement/v1", &[&last.bytes])
    }

    /// The organisation: the hash of its inception statement.
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// The current root.
    pub const fn root(&self) -> P256Public {
        self.root
    }

    /// How often the root was rotated.
    pub fn rotations(&self) -> usize {
        self.statements.len() - 1
    }

    /// The statements, inception first.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether this chain is `earlier` or continues it: the only way in which a known chain may change.
    pub fn continues(&self, earlier: &Self) -> bool {
        let same = |(one, other): (&Statement, &Statement)| one.bytes == other.bytes;
        self.statements.len() >= earlier.statements.len() && self.statements.iter().zip(&earlier.statements).all(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> (P256Key, P256Key, Chain) {
        let (root, next) = (P256Key::generate(), P256Key::generate());
        let chain = Chain::incept(&root, &next.public(), [7; 16], Timestamp(1));
        (root, next, chain)
    }

    #[test]
    fn the_organisation_id_is_the_same_before_and_after_a_rotation() {
        let (root, next, chain) = start();
        assert_eq!(chain.root(), root.public());
        let after = P256Key::generate();
        let rotated = chain.rotate(&next, &after.public(), Timestamp(2)).expect("committed");
        assert_eq!((rotated.org(), rotated.root()), (chain.org(), next.public()));
        assert_eq!(Chain::verify(rotated.statements()), Ok(rotated.clone()));
        assert!(rotated.continues(&chain) && !chain.continues(&rotated));
        let again = rotated.rotate(&after, &root.public(), Timestamp(3)).expect("committed");
        assert_eq!(again.rotations(), 2);
    }

    #[test]
    fn a_stolen_root_cannot_rotate_its_owner_out() {
        let (root, _, chain) = start();
        let thiefs = P256Key::generate();
        assert_eq!(chain.rotate(&thiefs, &thiefs.public(), Timestamp(2)), Err(ChainError::NotCommitted(1)));
        assert_eq!(chain.rotate(&root, &thiefs.public(), Timestamp(2)), Err(ChainError::NotCommitted(1)));
    }

    #[test]
    fn a_revealed_key_that_only_the_thief_signed_for_is_refused() {
        let (root, next, chain) = start();
        let honest = chain.rotate(&next, &P256Key::generate().public(), Timestamp(2)).expect("committed");
        let mut forged = honest.statements().to_vec();
        forged[1].signature = root.sign(&framed(ROTATION, &[&forged[1].bytes]));
        assert_eq!(Chain::verify(&forged), Err(ChainError::BadSignature(1)));
    }

    #[test]
    fn every_changed_byte_of_a_chain_is_noticed() {
        let (_, next, chain) = start();
        let chain = chain.rotate(&next, &P256Key::generate().public(), Timestamp(2)).expect("committed");
        for (statement, place) in
            (0..2).flat_map(|statement| (0..chain.statements()[statement].bytes.len()).map(move |place| (statement, place)))
        {
            let mut changed = chain.statements().to_vec();
            changed[statement].bytes[place] ^= 1;
            assert!(Chain::verify(&changed).is_err(), "byte {place} of statement {statement}");
        }
    }

    #[test]
    fn a_rotation_of_another_organisation_or_place_does_not_follow() {
        let (_, next, chain) = start();
        let (_, _, other) = start();
        let rotated = chain.rotate(&next, &P256Key::generate().public(), Timestamp(2)).expect("committed");
        let mixed = [other.statements()[0].clone(), rotated.statements()[1].clone()];
        assert_eq!(Chain::verify(&mixed), Err(ChainError::NotNext(1)));
        let doubled = [rotated.statements(), &rotated.statements()[1..]].concat();
        assert_eq!(Chain::verify(&doubled), Err(ChainError::NotNext(2)));
        assert_eq!(Chain::verify(&[]), Err(ChainError::Empty));
    }

    #[test]
    fn an_inception_signed_as_something_else_is_refused() {
        let (root, _, chain) = start();
        let bytes = chain.statements()[0].bytes.clone();
        let signature = root.sign(&framed(ROTATION, &[&bytes]));
        assert_eq!(Chain::verify(&[Statement { bytes, signature }]), Err(ChainError::BadSignature(0)));
    }

    #[test]
    fn what_is_wrong_with_a_chain_is_told_in_words() {
        let cases = [
            (Malformed("statement").into(), "malformed statement"),
            (ChainError::Empty, "the chain is empty"),
            (ChainError::TooLong(65), "the chain has `65` rotations, more than 64"),
            (ChainError::BadSignature(2), "the signature of statement `2` does not verify"),
            (ChainError::NotCommitted(2), "statement `2` reveals a root key that the one before did not commit to"),
            (ChainError::NotNext(2), "statement `2` does not follow the one before"),
        ];
        crate::texts::all_say(include_str!("chain.rs"), "ChainError", &cases);
    }
}
