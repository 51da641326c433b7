//! What one organisation seals to the desk of another, or to its own: how to reach the person of a case.
//!
//! Whose it is, for whom and of which case stands in what is authenticated, and once more inside. Its length is a multiple of 512 bytes and
//! more, so that it tells little.

use super::seal_key::{BadSealKey, ENCAPSULATED_BYTES, SealPublic, SealSecret};
use crate::model::crypto::{equal, framed};
use crate::model::{OrgId, SealKeyId};
use zeroize::Zeroizing;

const CONTEXT: &str = "watchfire/desk/sealed/v1";
const WIRE_VERSION: u8 = 1;
const INSIDE_VERSION: u8 = 1;
/// Version, sender, recipient, referral, length.
const HEAD: usize = 1 + 32 + 32 + 16 + 2;
const BLOCK: usize = 512;
const TAG: usize = 16;

/// The longest plaintext: 16 KiB.
pub const PLAINTEXT_MAX: usize = 16 << 10;
/// The most bytes that [`Sealed::encode`] gives.
pub const SEALED_MAX: usize = 1 + 16 + ENCAPSULATED_BYTES + (HEAD + PLAINTEXT_MAX).next_multiple_of(BLOCK) + TAG;

/// Whose it is, for whom, and of which case: given again to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Who seals.
    pub sender: OrgId,
    /// Whose desk opens.
    pub recipient: OrgId,
    /// The case, as both name it.
    pub referral: [u8; 16],
}

impl Binding {
    fn aad(&self, key: SealKeyId) -> Vec<u8> {
        framed(CONTEXT, &[&[WIRE_VERSION], &self.sender.0, &self.recipient.0, &self.referral, &key.0])
    }

    fn inside(&self) -> [u8; HEAD - 2] {
        let mut head = [INSIDE_VERSION; HEAD - 2];
        head[1..33].copy_from_slice(&self.sender.0);
        head[33..65].copy_from_slice(&self.recipient.0);
        head[65..].copy_from_slice(&self.referral);
        head
    }
}

/// Why something cannot be sealed, read or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSealed {
    /// The bytes are none.
    #[error("it is nothing sealed that this program reads\nhint: it was damaged on the way, or is of another version")]
    Malformed,
    /// More than may be sealed.
    #[error("{0} bytes are to be sealed, and {PLAINTEXT_MAX} are the most\nhint: leave out what is not needed to reach the person")]
    TooLong(usize),
    /// It was sealed to another key than the one at hand.
    #[error("it was sealed to the key `{0}`, and that is not here\nhint: `watchfire desk-key show` shows the keys that are")]
    OtherKey(SealKeyId),
    /// The key, or what opens.
    #[error(transparent)]
    Key(#[from] BadSealKey),
}

/// Something sealed. `Debug` prints the key and the length.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    key: SealKeyId,
    encapsulated: Box<[u8; ENCAPSULATED_BYTES]>,
    ciphertext: Vec<u8>,
}

impl Sealed {
    /// Seals to a desk.
    ///
    /// # Errors
    /// When it is too long.
    pub fn seal(to: &SealPublic, binding: &Binding, plaintext: &[u8]) -> Result<Self, BadSealed> {
        let length = u16::try_from(plaintext.len()).ok().filter(|_| plaintext.len() <= PLAINTEXT_MAX);
        let length = length.ok_or(BadSealed::TooLong(plaintext.len()))?;
        let padded = (HEAD + plaintext.len()).next_multiple_of(BLOCK);
        let mut inside = Zeroizing::new(Vec::with_capacity(padded));
        inside.extend_from_slice(&binding.inside());
        inside.extend_from_slice(&length.to_be_bytes());
        inside.extend_from_slice(plaintext);
        inside.resize(padded, 0);
        let key = to.id();
        let (encapsulated, ciphertext) = to.seal(CONTEXT, &binding.aad(key), &inside)?;
        Ok(Self { key, encapsulated: Box::new(encapsulated), ciphertext })
    }

    /// Opens it. The plaintext is wiped when dropped.
    ///
    /// # Errors
    /// When it was sealed to another key, by or for others, of another case, or was changed.
    pub fn open(&self, secret: &SealSecret, binding: &Binding) -> Result<Zeroizing<Vec<u8>>, BadSealed> {
        if secret.public().id() != self.key {
            return Err(BadSealed::OtherKey(self.key));
        }
        let inside = secret.open(CONTEXT, &binding.aad(self.key), &self.encapsulated, &self.ciphertext)?;
        let (head, rest) = inside.split_at_checked(HEAD - 2).ok_or(BadSealed::Malformed)?;
        let (length, rest) = rest.split_first_chunk().ok_or(BadSealed::Malformed)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (plaintext, padding) = rest.split_at_checked(length).ok_or(BadSealed::Malformed)?;
        let sound = equal(head, &binding.inside()) && padding.len() < BLOCK && padding.iter().all(|byte| *byte == 0);
        if !sound || length > PLAINTEXT_MAX {
            return Err(BadSealed::Malformed);
        }
        Ok(Zeroizing::new(plaintext.to_vec()))
    }

    /// The key that it was sealed to.
    pub const fn key(&self) -> SealKeyId {
        self.key
    }

    /// As it travels and is kept: version (1 byte), key id (16), encapsulated key (1,120), ciphertext (a multiple of 512, and 16). At most
    /// [`SEALED_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        [&[WIRE_VERSION][..], &self.key.0, self.encapsulated.as_slice(), &self.ciphertext].concat()
    }

    /// Reads what [`Self::encode`] writes. It is not opened: whoever carries it cannot.
    ///
    /// # Errors
    /// When it is not that.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadSealed> {
        let malformed = BadSealed::Malformed;
        let bytes = Some(bytes).filter(|bytes| bytes.len() <= SEALED_MAX).ok_or(malformed)?;
        let (version, rest) = bytes.split_first().ok_or(malformed)?;
        let (key, rest) = rest.split_first_chunk().ok_or(malformed)?;
        let (encapsulated, ciphertext) = rest.split_first_chunk().ok_or(malformed)?;
        let padded = ciphertext.len().checked_sub(TAG).ok_or(malformed)?;
        if *version != WIRE_VERSION || padded == 0 || !padded.is_multiple_of(BLOCK) {
            return Err(malformed);
        }
        Ok(Self { key: SealKeyId(*key), encapsulated: Box::new(*encapsulated), ciphertext: ciphertext.to_vec() })
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed(to {}, {} bytes)", self.key, self.ciphertext.len())
    }
}

/// In JSON it is base64.
impl serde::Serialize for Sealed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&data_encoding::BASE64.encode(&self.encode()))
    }
}

impl<'de> serde::Deserialize<'de> for Sealed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let bytes = data_encoding::BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        Self::decode(&bytes).map_err(|_| D::Error::custom("it is nothing sealed that this program reads"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    const BINDING: Binding = Binding { sender: OrgId([1; 32]), recipient: OrgId([2; 32]), referral: [3; 16] };

    fn secret() -> SealSecret {
        SealSecret::from_seed(&Zeroizing::new([7; 32]))
    }

    #[test]
    fn what_is_sealed_opens_for_its_desk_its_case_and_its_sender_alone() {
        let secret = secret();
        let sealed = Sealed::seal(secret.public(), &BINDING, b"signal: +1 555 0100").expect("seals");
        let sealed = Sealed::decode(&sealed.encode()).expect("reads");
        assert_eq!(sealed.open(&secret, &BINDING).expect("opens").as_slice(), b"signal: +1 555 0100");
        let others = [
            Binding { sender: OrgId([2; 32]), ..BINDING },
            Binding { recipient: OrgId([1; 32]), ..BINDING },
            Binding { referral: [4; 16], ..BINDING },
            Binding { sender: BINDING.recipient, recipient: BINDING.sender, ..BINDING },
        ];
        for other in others {
            assert_eq!(sealed.open(&secret, &other), Err(BadSealKey::Closed.into()), "{other:?}");
        }
        let stranger = SealSecret::generate();
        assert_eq!(sealed.open(&stranger, &BINDING), Err(BadSealed::OtherKey(secret.public().id())));
    }

    #[test]
    fn every_changed_byte_of_what_is_sealed_is_noticed() {
        let secret = secret();
        let bytes = Sealed::seal(secret.public(), &BINDING, b"fire").expect("seals").encode();
        // The ends of each field, and every 37th byte: an opening takes a while in a test.
        let ends = [0, 1, 16, 17, 1136, 1137, bytes.len() - 17, bytes.len() - 16, bytes.len() - 1];
        for place in ends.into_iter().chain((0..bytes.len()).step_by(37)) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let opened = Sealed::decode(&changed).and_then(|sealed| sealed.open(&secret, &BINDING).map(|_| ()));
            assert!(opened.is_err(), "byte {place}");
        }
        for cut in [0, 1, 17, 1137, 1153, bytes.len() - 1] {
            assert_eq!(Sealed::decode(&bytes[..cut]), Err(BadSealed::Malformed), "cut at {cut}");
        }
        assert_eq!(Sealed::decode(&[bytes, vec![0]].concat()), Err(BadSealed::Malformed));
    }

    #[test]
    fn its_length_tells_no_more_than_a_number_of_blocks() {
        let public = secret().public().clone();
        let length = |bytes: usize| Sealed::seal(&public, &BINDING, &vec![b'x'; bytes]).expect("seals").encode().len();
        let first = 1 + 16 + ENCAPSULATED_BYTES + BLOCK + TAG;
        assert_eq!([0, 1, 300, BLOCK - HEAD].map(length), [first; 4]);
        assert_eq!([BLOCK - HEAD + 1, 2 * BLOCK - HEAD].map(length), [first + BLOCK; 2]);
        assert_eq!(length(PLAINTEXT_MAX), SEALED_MAX);
        assert_eq!(Sealed::seal(&public, &BINDING, &vec![0; PLAINTEXT_MAX + 1]), Err(BadSealed::TooLong(PLAINTEXT_MAX + 1)));
        assert_eq!(Sealed::seal(&public, &BINDING, &vec![0; 70_000]), Err(BadSealed::TooLong(70_000)), "more than two bytes count");
    }

    #[test]
    fn a_plaintext_of_any_length_survives() {
        let secret = secret();
        for length in [0, 1, BLOCK - HEAD - 1, BLOCK - HEAD, BLOCK - HEAD + 1, 4_096, PLAINTEXT_MAX - 1, PLAINTEXT_MAX] {
            let plaintext: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let sealed = Sealed::seal(secret.public(), &BINDING, &plaintext).expect("seals");
            assert_eq!(sealed.open(&secret, &BINDING).expect("opens").as_slice(), plaintext, "{length} bytes");
        }
    }

    /// What is sealed with this inside, by somebody who has the key and keeps to no rule.
    fn sealed_inside(inside: &[u8]) -> Sealed {
        let public = secret().public().clone();
        let (encapsulated, ciphertext) = public.seal(CONTEXT, &BINDING.aad(public.id()), inside).expect("seals");
        Sealed { key: public.id(), encapsulated: Box::new(encapsulated), ciphertext }
    }

    #[test]
    fn what_a_sender_puts_inside_wrongly_does_not_open() {
        let mut inside = BINDING.inside().to_vec();
        inside.extend([0, 4]);
        inside.extend(b"fire");
        inside.resize(BLOCK, 0);
        assert_eq!(sealed_inside(&inside).open(&secret(), &BINDING).expect("opens").as_slice(), b"fire");
        let wrong = |place: usize, byte: u8| {
            let mut inside = inside.clone();
            inside[place] = byte;
            assert_eq!(sealed_inside(&inside).open(&secret(), &BINDING), Err(BadSealed::Malformed), "byte {place}");
        };
        wrong(0, 2); // version
        wrong(1, 9); // sender
        wrong(64, 9); // recipient
        wrong(80, 9); // referral
        wrong(HEAD - 2, 2); // length: beyond the end
        wrong(BLOCK - 1, 1); // padding
        inside.resize(2 * BLOCK, 0);
        assert_eq!(sealed_inside(&inside).open(&secret(), &BINDING), Err(BadSealed::Malformed), "a block too many");
        assert_eq!(sealed_inside(&[]).open(&secret(), &BINDING), Err(BadSealed::Malformed));
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        seed: String,
        public: String,
        sender: String,
        recipient: String,
        referral: String,
        plaintext: String,
        sealed: String,
    }

    /// Made by tests/vectors/sealed.py: Python's cryptography, with OpenSSL's ML-KEM and X25519 below. It has opened what this program sealed, too.
    #[test]
    fn what_another_implementation_sealed_opens() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../../tests/vectors/sealed-v1.json")).expect("JSON");
        assert!(!vectors.is_empty());
        for vector in vectors {
            let bytes = |text: &str| HEXLOWER.decode(text.as_bytes()).expect("hex");
            let secret = SealSecret::from_seed(&Zeroizing::new(bytes(&vector.seed).try_into().expect("32 bytes")));
            assert_eq!(HEXLOWER.encode(secret.public().bytes()), vector.public);
            let org = |text: &str| OrgId(bytes(text).try_into().expect("32 bytes"));
            let referral = bytes(&vector.referral).try_into().expect("16 bytes");
            let binding = Binding { sender: org(&vector.sender), recipient: org(&vector.recipient), referral };
            let sealed = Sealed::decode(&bytes(&vector.sealed)).expect("reads");
            assert_eq!(HEXLOWER.encode(&sealed.open(&secret, &binding).expect("opens")), vector.plaintext);
        }
    }

    #[test]
    fn it_survives_json_and_debug_prints_nothing_of_it() {
        let sealed = Sealed::seal(secret().public(), &BINDING, b"fire").expect("seals");
        let json = serde_json::to_string(&sealed).expect("plain data");
        assert_eq!(serde_json::from_str::<Sealed>(&json).expect("reads"), sealed);
        assert!(serde_json::from_str::<Sealed>("\"AAAA\"").is_err());
        assert_eq!(format!("{sealed:?}"), format!("Sealed(to {}, 528 bytes)", secret().public().id()));
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let cases = [
            (
                BadSealed::Malformed,
                "it is nothing sealed that this program reads\nhint: it was damaged on the way, or is of another version",
            ),
            (
                BadSealed::TooLong(20_000),
                "20000 bytes are to be sealed, and 16384 are the most\nhint: leave out what is not needed to reach the person",
            ),
            (
                BadSealed::OtherKey(SealKeyId([0; 16])),
                "it was sealed to the key `aaaaaaaaaaaaaaaaaaaaaaaaaa`, and that is not here\nhint: `watchfire desk-key show` shows the keys that are",
            ),
            (BadSealKey::Public.into(), "it is no key to seal to\nhint: it was damaged on the way, or is of another version"),
        ];
        crate::texts::all_say(include_str!("sealed.rs"), "BadSealed", &cases);
    }
}
