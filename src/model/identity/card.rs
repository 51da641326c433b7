//! The card: what a peer needs to reach an organisation and to check what it says. Numbered, and signed by the root.
//!
//! The root must be at hand to make one, so a card changes when the issuing CA (90 days), the log key, the knock key or the
//! endpoints do; the node certificates (7 days) are not in it, and the root may stay offline in between.

use super::armour::{self, BadArmour};
use super::chain::{Chain, ChainError, ROTATIONS_MAX, Statement};
use super::endpoint::Endpoint;
use super::key::P256Key;
use super::log_keys::{self, EarlierLogKey, LogKey, LogKeys};
use super::wire::{Malformed, Reader, Writer};
use crate::model::crypto::{framed, sha256_framed};
use crate::model::desk::DeskKey;
use crate::model::duplicate::MatchPublic;
use crate::model::{OrgId, Timestamp};

const CONTEXT: &str = "watchfire/card/v1";
const LABEL: &str = "WATCHFIRE CARD";
const WIRE_VERSION: u8 = 1;
/// The longest card, in bytes: its text stays below [`armour::TEXT_BYTES_MAX`].
const BYTES_MAX: usize = 40 * 1024;
const ISSUING_CAS_MAX: usize = 3;
const CERTIFICATE_BYTES_MAX: usize = 4096;
const ENDPOINTS_MAX: usize = 8;
const PROTOCOLS_MAX: usize = 8;
const EXTENSIONS_MAX: usize = 16;
/// The extension that names the desk key.
const DESK_KEY: u16 = 1;
/// The extension that lists the earlier log-signing keys.
const EARLIER_LOG_KEYS: u16 = 2;
/// The extension that commits the organisation to the key with which it answers checks for duplicates.
const MATCH_KEY: u16 = 3;

/// What an organisation says in its card, beside its chain. Unknown extensions of a newer version are kept in the card's bytes;
/// extension 1 belongs to the desk key, 2 to the earlier log-signing keys, 3 to the key for checks for duplicates.
#[derive(Clone, PartialEq, Eq)]
pub struct CardContent {
    /// Counts the cards of one root, from 1.
    pub number: u64,
    /// The issuing CA's certificate (DER), newest first; the one before it stays listed while its node certificates live. 1 to 3.
    pub issuing_cas: Vec<Vec<u8>>,
    /// Checks the signatures of its logs.
    pub log_key: LogKey,
    /// The log-signing keys before it, newest first. At most [`log_keys::EARLIER_MAX`].
    pub earlier_log_keys: Vec<EarlierLogKey>,
    /// What is sealed to its desk, is sealed to; none for one without a desk.
    pub desk_key: Option<DeskKey>,
    /// Under which it answers checks for duplicates, the same for everybody who asks; none for one from before there were any.
    pub match_key: Option<MatchPublic>,
    /// Makes the daily label with which its peers knock. Secret among those who hold the card.
    pub knock_key: [u8; 32],
    /// Where its node listens, preferred first; none for one that only dials. At most 8.
    pub endpoints: Vec<Endpoint>,
    /// Versions of the link protocol that it speaks, preferred first. 1 to 8.
    pub protocols: Vec<u16>,
    /// When it was signed.
    pub created: Timestamp,
}

/// Prints everything but the knock key.
impl std::fmt::Debug for CardContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CardContent(number {}, log key {}, {} endpoints)", self.number, self.log_key.number, self.endpoints.len())
    }
}

/// A verified card. Made by [`Card::sign`] and [`Card::from_bytes`] alone. `Debug` prints its organisation and number.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    chain: Chain,
    content: CardContent,
    bytes: Vec<u8>,
}

/// Why bytes or a text are not a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The text is not an armoured card.
    #[error(transparent)]
    Armour(#[from] BadArmour),
    /// The bytes are not a card.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its chain names no root.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It is not signed by the root that its chain names.
    #[error("the card is not signed by its organisation's root")]
    BadSignature,
    /// The key that was to sign it is not the current root.
    #[error("the root key at hand is not the current root of `{0}`")]
    NotTheRoot(OrgId),
}

/// Why a card does not replace the one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardUpdateError {
    /// It is another organisation's.
    #[error("the card belongs to `{found}`, not to `{expected}`")]
    OtherOrganisation {
        /// Whose card is known.
        expected: OrgId,
        /// Whose card came.
        found: OrgId,
    },
    /// Its chain leaves the known one, or ends before it.
    #[error("the card does not continue the known chain of root keys")]
    OtherChain,
    /// Its number is not above the known one.
    #[error("the card has number `{found}`, and number `{known}` is known")]
    NotNewer {
        /// The known card's number.
        known: u64,
        /// The number that came.
        found: u64,
    },
}

impl Card {
    /// Signs a card.
    ///
    /// # Errors
    /// When `root` is not the chain's current root, or the content is out of its bounds.
    pub fn sign(chain: &Chain, content: CardContent, root: &P256Key) -> Result<Self, CardError> {
        if root.public() != chain.root() {
            return Err(CardError::NotTheRoot(chain.org()));
        }
        content.check()?;
        let body = content.encode(chain);
        let signature = root.sign(&framed(CONTEXT, &[&body]));
        Self::from_bytes(&Writer::default().bytes(&body).bytes(&signature).0)
    }

    /// Reads and verifies a card: its chain, then the root's signature.
    ///
    /// # Errors
    /// When anything in it does not hold.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CardError> {
        if bytes.len() > BYTES_MAX {
            return Err(Malformed("card").into());
        }
        let mut reader = Reader::new(bytes, "card");
        let (body, signature) = (reader.bytes()?, reader.bytes()?);
        reader.end()?;
        let (statements, content) = decode(body)?;
        content.check()?;
        let chain = Chain::verify(&statements)?;
        chain.root().verify(&framed(CONTEXT, &[body]), signature).map_err(|_| CardError::BadSignature)?;
        Ok(Self { chain, content, bytes: bytes.to_vec() })
    }

    /// Reads and verifies a card's text, as [`Card::to_text`] writes it.
    ///
    /// # Errors
    /// When it is damaged, or anything in it does not hold.
    pub fn from_text(text: &str) -> Result<Self, CardError> {
        Self::from_bytes(&armour::read(LABEL, text)?)
    }

    /// The card as a block of text for mail, chat or a file.
    pub fn to_text(&self) -> String {
        armour::write(LABEL, &self.bytes)
    }

    /// The exact bytes, signature included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The log-signing keys that it names.
    pub fn log_keys(&self) -> LogKeys {
        LogKeys::of(&self.content)
    }

    /// SHA-256 over the exact bytes, with its context.
    pub fn digest(&self) -> [u8; 32] {
        sha256_framed("watchfire/card-digest/v1", &[&self.bytes])
    }

    /// The organisation.
    pub const fn org(&self) -> OrgId {
        self.chain.org()
    }

    /// Its chain of root keys.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What it says.
    pub const fn content(&self) -> &CardContent {
        &self.content
    }

    /// Whether this card replaces `known`: same organisation, a chain that continues the known one, and either a rotation more or a
    /// higher number. A rotation outranks any number, so that whoever stole a root cannot exhaust the numbers.
    ///
    /// # Errors
    /// When it does not, with the reason.
    pub fn check_update(&self, known: &Self) -> Result<(), CardUpdateError> {
        if self.org() != known.org() {
            return Err(CardUpdateError::OtherOrganisation { expected: known.org(), found: self.org() });
        }
        if !self.chain.continues(&known.chain) {
            return Err(CardUpdateError::OtherChain);
        }
        let (rank, known_rank) = (self.rank(), known.rank());
        if rank > known_rank { Ok(()) } else { Err(CardUpdateError::NotNewer { known: known_rank.1, found: rank.1 }) }
    }

    /// Whether [`Card::check_update`] agrees.
    pub fn newer_than(&self, known: &Self) -> bool {
        self.check_update(known).is_ok()
    }

    fn rank(&self) -> (usize, u64) {
        (self.chain.rotations(), self.content.number)
    }
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Card({}, number {})", self.org(), self.content.number)
    }
}

impl CardContent {
    fn check(&self) -> Result<(), Malformed> {
        let cas = (1..=ISSUING_CAS_MAX).contains(&self.issuing_cas.len())
            && self.issuing_cas.iter().all(|der| (1..=CERTIFICATE_BYTES_MAX).contains(&der.len()));
        let lists = self.endpoints.len() <= ENDPOINTS_MAX && (1..=PROTOCOLS_MAX).contains(&self.protocols.len());
        let keys = self.log_key.number > 0 && log_keys::is_sound(&self.log_key, &self.earlier_log_keys);
        if cas && lists && keys && self.number > 0 { Ok(()) } else { Err(Malformed("card")) }
    }

    fn encode(&self, chain: &Chain) -> Vec<u8> {
        let earlier = (!self.earlier_log_keys.is_empty()).then(|| (EARLIER_LOG_KEYS, log_keys::encode(&self.earlier_log_keys)));
        let desk = self.desk_key.as_ref().map(|key| (DESK_KEY, key.encode()));
        let matching = self.match_key.as_ref().map(|key| (MATCH_KEY, key.bytes().to_vec()));
        let extensions: Vec<(u16, Vec<u8>)> = desk.into_iter().chain(earlier).chain(matching).collect();
        Writer(vec![WIRE_VERSION])
            .fixed(&chain.org().0)
            .fixed(&self.number.to_be_bytes())
            .list(chain.statements(), |out, statement| out.bytes(&statement.bytes).bytes(&statement.signature))
            .list(&self.issuing_cas, |out, der| out.bytes(der))
            .fixed(&self.log_key.number.to_be_bytes())
            .fixed(&self.log_key.public)
            .fixed(&self.knock_key)
            .list(&self.endpoints, |out, endpoint| out.bytes(endpoint.to_string().as_bytes()))
            .list(&self.protocols, |out, version| out.fixed(&version.to_be_bytes()))
            .fixed(&self.created.0.to_be_bytes())
            .list(&extensions, |out, (tag, bytes)| out.fixed(&tag.to_be_bytes()).bytes(bytes))
            .0
    }
}

/// Everything but the signature. The organisation id is repeated in the body so that a reader finds it without the chain; it must agree.
fn decode(body: &[u8]) -> Result<(Vec<Statement>, CardContent), CardError> {
    let mut reader = Reader::new(body, "card");
    reader.version(WIRE_VERSION)?;
    let org = OrgId(reader.array()?);
    let number = reader.u64()?;
    let statement = |reader: &mut Reader<'_>| Ok(Statement { bytes: reader.bytes()?.to_vec(), signature: reader.bytes()?.to_vec() });
    let statements = reader.list(ROTATIONS_MAX + 1, statement)?;
    let mut content = CardContent {
        number,
        issuing_cas: reader.list(ISSUING_CAS_MAX, |reader| Ok(reader.bytes()?.to_vec()))?,
        log_key: LogKey { number: reader.u32()?, public: reader.array()? },
        earlier_log_keys: Vec::new(),
        desk_key: None,
        match_key: None,
        knock_key: reader.array()?,
        endpoints: reader.list(ENDPOINTS_MAX, endpoint)?,
        protocols: reader.list(PROTOCOLS_MAX, Reader::u16)?,
        created: Timestamp(reader.u64()?),
    };
    let extensions = reader.list(EXTENSIONS_MAX, |reader| Ok((reader.u16()?, reader.bytes()?)))?;
    reader.end()?;
    if let Some((_, bytes)) = extensions.iter().find(|(tag, _)| *tag == EARLIER_LOG_KEYS) {
        content.earlier_log_keys = log_keys::decode(bytes)?;
    }
    if let Some((_, bytes)) = extensions.iter().find(|(tag, _)| *tag == DESK_KEY) {
        content.desk_key = Some(DeskKey::decode(bytes).ok_or(Malformed("card"))?);
    }
    if let Some((_, bytes)) = extensions.iter().find(|(tag, _)| *tag == MATCH_KEY) {
        content.match_key = Some(MatchPublic::from_bytes(bytes).map_err(|_| Malformed("card"))?);
    }
    let inception = statements.first().map(|statement| sha256_framed("watchfire/inception/v1", &[&statement.bytes]));
    if inception == Some(org.0) { Ok((statements, content)) } else { Err(Malformed("card").into()) }
}

fn endpoint(reader: &mut Reader<'_>) -> Result<Endpoint, Malformed> {
    let text = std::str::from_utf8(reader.bytes()?).map_err(|_| Malformed("card"))?;
    text.parse().map_err(|_| Malformed("card"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Owner {
        root: P256Key,
        next: P256Key,
        chain: Chain,
    }

    fn owner() -> Owner {
        let (root, next) = (P256Key::generate(), P256Key::generate());
        let chain = Chain::incept(&root, &next.public(), [1; 16], Timestamp(1));
        Owner { root, next, chain }
    }

    fn content(number: u64) -> CardContent {
        CardContent {
            number,
            issuing_cas: vec![vec![1; 400]],
            log_key: LogKey { number: 1, public: [2; 32] },
            earlier_log_keys: vec![],
            desk_key: None,
            match_key: None,
            knock_key: [3; 32],
            endpoints: vec!["node.example:7443".parse().expect("valid")],
            protocols: vec![1],
            created: Timestamp(5),
        }
    }

    #[test]
    fn a_card_survives_its_text() {
        let owner = owner();
        let card = Card::sign(&owner.chain, content(1), &owner.root).expect("signs");
        assert_eq!(Card::from_text(&card.to_text()), Ok(card.clone()));
        assert_eq!(card.content(), &content(1));
        assert_eq!(card.org(), owner.chain.org());
    }

    #[test]
    fn every_changed_byte_of_a_card_is_noticed() {
        let owner = owner();
        let card = Card::sign(&owner.chain, content(1), &owner.root).expect("signs");
        for place in 0..card.bytes().len() {
            let mut bytes = card.bytes().to_vec();
            bytes[place] ^= 1;
            assert!(Card::from_bytes(&bytes).is_err(), "byte {place}");
            assert!(Card::from_bytes(&card.bytes()[..place]).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_card_signed_by_another_key_is_refused() {
        let (owner, thief) = (owner(), owner());
        assert_eq!(Card::sign(&owner.chain, content(1), &thief.root), Err(CardError::NotTheRoot(owner.chain.org())));
        let body = content(1).encode(&owner.chain);
        let signature = thief.root.sign(&framed(CONTEXT, &[&body]));
        assert_eq!(Card::from_bytes(&Writer::default().bytes(&body).bytes(&signature).0), Err(CardError::BadSignature));
    }

    #[test]
    fn a_card_never_goes_back() {
        let owner = owner();
        let [first, second] = [1, 2].map(|number| Card::sign(&owner.chain, content(number), &owner.root).expect("signs"));
        assert_eq!(second.check_update(&first), Ok(()));
        assert_eq!(first.check_update(&second), Err(CardUpdateError::NotNewer { known: 2, found: 1 }));
        assert!(!first.newer_than(&first));
        let other = self::owner();
        let foreign = Card::sign(&other.chain, content(9), &other.root).expect("signs");
        assert!(matches!(foreign.check_update(&first), Err(CardUpdateError::OtherOrganisation { .. })));
    }

    #[test]
    fn a_rotation_outranks_every_number_that_a_stolen_root_signed() {
        let owner = owner();
        let stolen = Card::sign(&owner.chain, content(u64::MAX), &owner.root).expect("signs");
        let rotated = owner.chain.rotate(&owner.next, &P256Key::generate().public(), Timestamp(2)).expect("committed");
        let card = Card::sign(&rotated, content(1), &owner.next).expect("signs");
        assert_eq!(card.check_update(&stolen), Ok(()));
        assert_eq!(stolen.check_update(&card), Err(CardUpdateError::OtherChain));
    }

    #[test]
    fn a_newer_version_may_add_extensions() {
        let owner = owner();
        let mut body = content(1).encode(&owner.chain);
        body.pop();
        let body = Writer(body).list(&[(900_u16, [7_u8; 9])], |out, (tag, value)| out.fixed(&tag.to_be_bytes()).bytes(value)).0;
        let signature = owner.root.sign(&framed(CONTEXT, &[&body]));
        let bytes = Writer::default().bytes(&body).bytes(&signature).0;
        assert_eq!(Card::from_bytes(&bytes).expect("reads").bytes(), bytes);
    }

    #[test]
    fn a_card_lists_the_log_keys_before_the_one_in_force() {
        let owner = owner();
        let old = EarlierLogKey { key: LogKey { number: 1, public: [9; 32] }, retired: Timestamp(4), stolen: true };
        let log_key = LogKey { number: 2, public: [2; 32] };
        let content = CardContent { log_key, earlier_log_keys: vec![old], ..content(2) };
        let card = Card::sign(&owner.chain, content.clone(), &owner.root).expect("signs");
        assert_eq!(Card::from_bytes(card.bytes()).expect("reads").content(), &content);
        assert_eq!(card.log_keys().ever(), [[2; 32], [9; 32]]);
        let twice = CardContent { earlier_log_keys: vec![old, old], ..content };
        assert!(Card::sign(&owner.chain, twice, &owner.root).is_err());
    }

    #[test]
    fn a_card_names_the_desk_key_and_one_from_before_has_none() {
        let owner = owner();
        let public = crate::model::desk::SealSecret::generate().public().clone();
        let desk_key = Some(DeskKey { number: 3, public, created: Timestamp(4) });
        let old = EarlierLogKey { key: LogKey { number: 1, public: [9; 32] }, retired: Timestamp(4), stolen: false };
        let log_key = LogKey { number: 2, public: [2; 32] };
        let content = CardContent { desk_key, log_key, earlier_log_keys: vec![old], ..content(2) };
        let card = Card::sign(&owner.chain, content.clone(), &owner.root).expect("signs");
        assert_eq!(Card::from_text(&card.to_text()).expect("reads").content(), &content);
        let without = CardContent { desk_key: None, ..content };
        let before = Card::sign(&owner.chain, without, &owner.root).expect("signs");
        assert_eq!(before.content().desk_key, None);
        let length = |card: &Card| card.content().encode(&owner.chain).len();
        assert_eq!(length(&card), length(&before) + DeskKey::LENGTH + 4, "and nothing else");
    }

    #[test]
    fn a_card_commits_to_the_key_for_duplicates_and_refuses_one_that_is_none() {
        let owner = owner();
        let key = crate::model::duplicate::MatchKey::from_seed(&[7; 32]).expect("a key").public();
        let with = CardContent { match_key: Some(key), ..content(1) };
        let card = Card::sign(&owner.chain, with.clone(), &owner.root).expect("signs");
        assert_eq!(Card::from_text(&card.to_text()).expect("reads").content(), &with);
        let mut body = content(1).encode(&owner.chain);
        body.pop();
        let body = Writer(body).list(&[(MATCH_KEY, [0_u8; 32])], |out, (tag, value)| out.fixed(&tag.to_be_bytes()).bytes(value)).0;
        let signature = owner.root.sign(&framed(CONTEXT, &[&body]));
        assert!(Card::from_bytes(&Writer::default().bytes(&body).bytes(&signature).0).is_err());
    }

    #[test]
    fn a_card_with_a_desk_key_that_is_none_is_refused() {
        let owner = owner();
        let mut body = content(1).encode(&owner.chain);
        body.pop();
        let body = Writer(body).list(&[(DESK_KEY, [7_u8; 9])], |out, (tag, value)| out.fixed(&tag.to_be_bytes()).bytes(value)).0;
        let signature = owner.root.sign(&framed(CONTEXT, &[&body]));
        assert!(Card::from_bytes(&Writer::default().bytes(&body).bytes(&signature).0).is_err());
    }

    #[test]
    fn debug_of_a_card_does_not_print_the_knock_key() {
        let owner = owner();
        let card = Card::sign(&owner.chain, content(1), &owner.root).expect("signs");
        assert!(!format!("{card:?}{:?}", card.content()).contains("3, 3, 3"));
    }

    #[test]
    fn what_is_wrong_with_a_card_is_told_in_words() {
        let org = OrgId([0; 32]);
        let cases = [
            (BadArmour::NotBase64.into(), "the block is not base64\nhint: it was changed on the way; send it again as a file"),
            (Malformed("card").into(), "malformed card"),
            (ChainError::Empty.into(), "the chain is empty"),
            (CardError::BadSignature, "the card is not signed by its organisation's root"),
            (
                CardError::NotTheRoot(org),
                "the root key at hand is not the current root of `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`",
            ),
        ];
        crate::texts::all_say(include_str!("card.rs"), "CardError", &cases);
        let cases = [
            (
                CardUpdateError::OtherOrganisation { expected: org, found: org },
                "the card belongs to `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`, not to `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`",
            ),
            (CardUpdateError::OtherChain, "the card does not continue the known chain of root keys"),
            (CardUpdateError::NotNewer { known: 3, found: 2 }, "the card has number `2`, and number `3` is known"),
        ];
        crate::texts::all_say(include_str!("card.rs"), "CardUpdateError", &cases);
    }
}
