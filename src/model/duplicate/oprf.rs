//! The pseudorandom function: RFC 9497, ristretto255-SHA512, mode VOPRF (the `voprf` crate). Every node has a key, and its card names the public half.

use crate::model::crypto::{random, sha256_framed};
use rand_core::{CryptoRng, RngCore};
use voprf::{BlindedElement, EvaluationElement, Group, Proof, Ristretto255, VoprfClient, VoprfServer};
use zeroize::Zeroizing;

const KEY_INFO: &[u8] = b"watchfire/duplicate/key/v1";
const SEEN_KEY_INFO: &[u8] = b"watchfire/seen/key/v1";
const VALUE: &str = "watchfire/duplicate/value/v1";

/// The one source of randomness, for a crate that wants it as a generator.
struct Randomness;

impl RngCore for Randomness {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(random())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(random())
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            let bytes = Zeroizing::new(random::<32>());
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Randomness {}

/// The bytes are no element of the group, or its neutral one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no element of the group")]
pub struct BadElement;

/// The answer was not made with the key that the card names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was not made with the key that the card names")]
pub struct NotEvaluated;

/// The public half of a node's key: a group element that is not the neutral one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchPublic([u8; 32]);

impl MatchPublic {
    /// Of its canonical bytes.
    ///
    /// # Errors
    /// When they are none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadElement> {
        <Ristretto255 as Group>::deserialize_elem(bytes).map_err(|_| BadElement)?;
        Ok(Self(bytes.try_into().map_err(|_| BadElement)?))
    }

    /// The canonical bytes (RFC 9496).
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A node's key. `Debug` prints nothing of it.
pub struct MatchKey(VoprfServer<Ristretto255>);

impl std::fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MatchKey")
    }
}

impl MatchKey {
    /// The key of a seed, as its file keeps it (RFC 9497 §3.2.1, `DeriveKeyPair`).
    ///
    /// # Errors
    /// When it gives none, which no seed is known to do.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, BadElement> {
        VoprfServer::new_from_seed(seed, KEY_INFO).map(Self).map_err(|_| BadElement)
    }

    /// The key for values that were seen, of the same seed: nothing under one key tells of the other.
    ///
    /// # Errors
    /// As [`Self::from_seed`].
    pub fn for_sightings(seed: &[u8; 32]) -> Result<Self, BadElement> {
        VoprfServer::new_from_seed(seed, SEEN_KEY_INFO).map(Self).map_err(|_| BadElement)
    }

    /// What the function makes of an input of ours.
    ///
    /// # Errors
    /// When the input is longer than 65,535 bytes.
    pub fn value(&self, input: &[u8]) -> Result<Value, BadElement> {
        let output = self.0.evaluate(input).map_err(|_| BadElement)?;
        Ok(Value(Zeroizing::new(sha256_framed(VALUE, &[&output]))))
    }

    /// The public half.
    pub fn public(&self) -> MatchPublic {
        MatchPublic(<Ristretto255 as Group>::serialize_elem(self.0.get_public_key()).into())
    }

    /// Evaluates what somebody has blinded, with a proof.
    ///
    /// # Errors
    /// When it is no group element.
    pub fn evaluate(&self, blinded: &[u8; 32]) -> Result<Evaluated, BadElement> {
        let blinded = BlindedElement::deserialize(blinded).map_err(|_| BadElement)?;
        let result = self.0.blind_evaluate(&mut Randomness, &blinded);
        let proof: &[u8] = &result.proof.serialize();
        Ok(Evaluated { element: result.message.serialize().into(), proof: proof.try_into().map_err(|_| BadElement)? })
    }
}

/// What an evaluation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluated {
    /// The blinded element under the key.
    pub element: [u8; 32],
    /// That it is under that key and no other (RFC 9497 §2.2): two scalars.
    pub proof: [u8; 64],
}

/// A blinded input, with what unblinds the answer. Lives in the asker's program alone and is wiped when dropped.
pub struct Question {
    state: VoprfClient<Ristretto255>,
    blinded: [u8; 32],
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Question")
    }
}

impl Question {
    /// Blinds an input under a fresh factor: what is sent is uniformly random, whatever the input.
    ///
    /// # Errors
    /// When the input is longer than 65,535 bytes.
    pub fn new(input: &[u8]) -> Result<Self, BadElement> {
        let result = VoprfClient::blind(input, &mut Randomness).map_err(|_| BadElement)?;
        Ok(Self { blinded: result.message.serialize().into(), state: result.state })
    }

    /// What is sent.
    pub const fn blinded(&self) -> &[u8; 32] {
        &self.blinded
    }

    /// The function's value, once the proof was checked against the public key.
    ///
    /// # Errors
    /// When the answer was made with another key, or is none.
    pub fn finish(&self, input: &[u8], answer: &Evaluated, key: &MatchPublic) -> Result<Value, NotEvaluated> {
        let output = self.output(input, answer, key)?;
        Ok(Value(Zeroizing::new(sha256_framed(VALUE, &[output.as_slice()]))))
    }

    fn output(&self, input: &[u8], answer: &Evaluated, key: &MatchPublic) -> Result<Zeroizing<Vec<u8>>, NotEvaluated> {
        let element = EvaluationElement::deserialize(&answer.element).map_err(|_| NotEvaluated)?;
        let proof = Proof::deserialize(&answer.proof).map_err(|_| NotEvaluated)?;
        let key = <Ristretto255 as Group>::deserialize_elem(&key.0).map_err(|_| NotEvaluated)?;
        let output = self.state.finalize(input, &element, &proof, key).map_err(|_| NotEvaluated)?;
        Ok(Zeroizing::new(output.to_vec()))
    }
}

/// What the function makes of an input: random to whoever has not the key, and the same each time. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(pub(super) Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
}

impl Value {
    /// As the node of whoever has the key keeps it.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for that node alone.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        HEXLOWER.decode(text.as_bytes()).expect("hex").try_into().expect("its length")
    }

    /// RFC 9497, appendix A.1.2: ristretto255-SHA512 in mode VOPRF, the vectors of batch size 1.
    const SECRET: &str = "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909";
    const PUBLIC: &str = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e";
    const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
    /// Input, blinded element, evaluation element, proof, output.
    const VECTORS: [[&str; 5]; 2] = [
        [
            "00",
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
        ],
        [
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
            "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
            "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
        ],
    ];

    #[test]
    fn the_key_pair_of_the_rfc_is_derived_from_its_seed() {
        let derived = VoprfServer::<Ristretto255>::new_from_seed(&[0xa3; 32], b"test key").expect("a key");
        let key = MatchKey(derived);
        assert_eq!(HEXLOWER.encode(&key.0.serialize()[..32]), SECRET);
        assert_eq!(HEXLOWER.encode(key.public().bytes()), PUBLIC);
    }

    #[test]
    fn evaluations_and_outputs_are_those_of_the_rfc() {
        let key = MatchKey(VoprfServer::new_with_key(&hex::<32>(SECRET)).expect("a scalar"));
        for [input, blinded, element, proof, output] in VECTORS {
            let input = HEXLOWER.decode(input.as_bytes()).expect("hex");
            let mine = key.evaluate(&hex(blinded)).expect("evaluates");
            assert_eq!(HEXLOWER.encode(&mine.element), element);
            // The client of the vector: its blinding factor and what it sent.
            let state = VoprfClient::deserialize(&[hex::<32>(BLIND), hex(blinded)].concat()).expect("a client");
            let question = Question { state, blinded: hex(blinded) };
            let theirs = Evaluated { element: hex(element), proof: hex(proof) };
            for answer in [theirs, mine] {
                let got = question.output(&input, &answer, &key.public()).expect("the proof holds");
                assert_eq!(HEXLOWER.encode(&got), output);
            }
        }
    }

    #[test]
    fn an_answer_under_another_key_or_a_changed_one_is_refused() {
        let (key, other) = (MatchKey::from_seed(&[1; 32]).expect("a key"), MatchKey::from_seed(&[2; 32]).expect("a key"));
        let question = Question::new(b"somebody").expect("blinds");
        let answer = other.evaluate(question.blinded()).expect("evaluates");
        assert_eq!(question.finish(b"somebody", &answer, &key.public()), Err(NotEvaluated));
        let good = key.evaluate(question.blinded()).expect("evaluates");
        assert!(question.finish(b"somebody", &good, &key.public()).is_ok());
        for place in 0..64 {
            let mut proof = good.proof;
            proof[place] ^= 1;
            assert_eq!(question.finish(b"somebody", &Evaluated { proof, ..good }, &key.public()), Err(NotEvaluated), "byte {place}");
        }
        assert_eq!(question.finish(b"somebody", &Evaluated { element: answer.element, ..good }, &key.public()), Err(NotEvaluated));
    }

    #[test]
    fn an_input_has_one_value_under_a_key_and_never_the_same_question() {
        let key = MatchKey::from_seed(&[1; 32]).expect("a key");
        let ask = |input: &[u8]| {
            let question = Question::new(input).expect("blinds");
            let value = question.finish(input, &key.evaluate(question.blinded()).expect("evaluates"), &key.public()).expect("holds");
            (*question.blinded(), value)
        };
        let ((first, one), (second, again), (_, other)) = (ask(b"a"), ask(b"a"), ask(b"b"));
        assert_ne!(first, second);
        assert_eq!(one, again);
        assert_eq!(key.value(b"a").as_ref(), Ok(&one), "as whoever has the key reckons it");
        assert_ne!(MatchKey::for_sightings(&[1; 32]).expect("a key").value(b"a").as_ref(), Ok(&one), "the other key of the seed");
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}{key:?}"), "ValueMatchKey");
    }

    #[test]
    fn the_neutral_element_and_what_is_no_element_are_refused() {
        let key = MatchKey::from_seed(&[1; 32]).expect("a key");
        for bytes in [[0; 32], [0xff; 32], {
            let mut odd = [0; 32];
            odd[0] = 1;
            odd
        }] {
            assert_eq!(key.evaluate(&bytes), Err(BadElement));
            assert_eq!(MatchPublic::from_bytes(&bytes), Err(BadElement));
        }
        assert_eq!(MatchPublic::from_bytes(&[1; 31]), Err(BadElement));
    }
}
