//! The two sides of a pairing as state machines: no network, no clock, no randomness of their own.

use super::invitation::Invitation;
use crate::link::diagnosis::Diagnosis;
use crate::link::profile;
use crate::link::trust::{Standing, TrustBundle, check_path};
use crate::model::Timestamp;
use crate::model::crypto::{equal, framed, hmac_sha256, sha256_framed};
use crate::model::identity::{Card, CardError};
use rustls_pki_types::CertificateDer;

/// How often an invitation may be tried. Each start counts, right or wrong, so nobody gets many looks at a fresh nonce.
pub const TRIES_MAX: u8 = 5;

/// The TLS connection under a pairing.
#[derive(Debug, Clone)]
pub struct PairingChannel {
    /// What the TLS exporter gives for it: the same on both sides of one connection, and on no other.
    pub binding: [u8; 32],
    /// The chain that the other side showed, and proved to hold the leaf's key of.
    pub theirs: Vec<CertificateDer<'static>>,
}

impl PairingChannel {
    pub(in crate::link) fn of<D>(tls: &rustls::ConnectionCommon<D>) -> Result<Self, Diagnosis> {
        let binding = tls.export_keying_material([0; 32], b"EXPORTER-watchfire-pairing-v1", None);
        let binding = binding.map_err(|error| Diagnosis::of_tls(&error))?;
        let theirs = tls.peer_certificates().ok_or(Diagnosis::NoCertificate)?;
        Ok(Self { binding, theirs: theirs.iter().map(|der| der.clone().into_owned()).collect() })
    }
}

/// What both sides have when cards are exchanged: nothing is trusted until two people have compared the digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairingOutcome {
    /// The other side's card.
    pub card: Card,
    /// Twelve digits, in three groups of four.
    pub digits: String,
}

/// Why a pairing does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// Its 72 hours are over.
    #[error("the invitation expired at `{0}`\nhint: ask for a new one")]
    Expired(Timestamp),
    /// It was used, or tried too often.
    #[error("the invitation is closed\nhint: make a new one")]
    Closed,
    /// The other side does not know the secret, or sits between the two.
    #[error("the other side does not know the invitation's secret")]
    BadProof,
    /// A message came that does not fit here.
    #[error("the other side does not keep to the protocol")]
    OutOfOrder,
    /// The nonce and card are not what was committed to.
    #[error("the other side revealed something else than it had committed to")]
    Commitment,
    /// The card does not hold.
    #[error("the other side's card does not hold: {0}")]
    Card(#[from] CardError),
    /// The connection's certificate is not the card's, or breaks the profile.
    #[error("the other side's certificate does not fit its card: {0}")]
    Certificate(#[from] Diagnosis),
    /// The card is another organisation's than the invitation names.
    #[error("the card is not of the organisation that invited")]
    WrongOrganisation,
    /// The organisation is a peer, open or suspended, on the inviter's side.
    #[error("the organisation is a peer already")]
    AlreadyPaired,
    /// The inviter could not write it down.
    #[error("the pairing could not be kept")]
    NotKept,
    /// One's own invitation.
    #[error("an organisation cannot pair with itself")]
    Oneself,
}

/// The joiner's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) commitment: [u8; 32],
    pub(super) proof: [u8; 32],
}

/// The inviter's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) nonce: [u8; 32],
    pub(super) card: Vec<u8>,
    pub(super) proof: [u8; 32],
}

/// The joiner's second message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reveal {
    pub(super) nonce: [u8; 32],
    pub(super) card: Vec<u8>,
}

/// The inviter's side of one invitation.
#[derive(Debug)]
pub(super) struct Inviter {
    invitation: Invitation,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody is in the middle of it.
    Open { tries_left: u8 },
    /// Someone who knows the secret has committed. Lost when the process dies: the joiner starts again.
    Started { tries_left: u8, binding: [u8; 32], commitment: [u8; 32], nonce: [u8; 32], card: Box<Card> },
    /// Used up.
    Closed,
}

impl Inviter {
    pub(super) const fn new(invitation: Invitation) -> Self {
        Self::with(invitation, TRIES_MAX)
    }

    /// One that was tried before.
    pub(super) const fn with(invitation: Invitation, tries_left: u8) -> Self {
        Self { invitation, state: State::Open { tries_left } }
    }

    /// What is kept of it over a restart: nothing once it is used up.
    pub(super) fn kept(&self) -> Option<(Invitation, u8)> {
        match self.state {
            State::Open { tries_left } | State::Started { tries_left, .. } => Some((self.invitation.clone(), tries_left)),
            State::Closed => None,
        }
    }

    /// Whether anyone can still use it.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        !matches!(self.state, State::Closed | State::Open { tries_left: 0 }) && now <= self.invitation.expires()
    }

    /// The last moment at which it can be used.
    pub(super) const fn expires(&self) -> Timestamp {
        self.invitation.expires()
    }

    /// Counts a try, checks the proof, and answers with our nonce and card.
    pub(super) fn start(
        &mut self,
        channel: &PairingChannel,
        start: &Start,
        nonce: [u8; 32],
        own: &Card,
        now: Timestamp,
    ) -> Result<Answer, PairingError> {
        let (State::Open { tries_left } | State::Started { tries_left, .. }) = self.state else { return Err(PairingError::Closed) };
        check_time(&self.invitation, now)?;
        let tries_left = tries_left.checked_sub(1).ok_or(PairingError::Closed)?;
        self.count(tries_left);
        if !equal(&start_proof(&self.invitation, channel, &start.commitment), &start.proof) {
            return Err(PairingError::BadProof);
        }
        let (binding, commitment, card) = (channel.binding, start.commitment, own.bytes().to_vec());
        let proof = answer_proof(&self.invitation, channel, &start.commitment, &nonce, &card);
        self.state = State::Started { tries_left, binding, commitment, nonce, card: Box::new(own.clone()) };
        Ok(Answer { nonce, card, proof })
    }

    /// A wrong guess costs a try, and does not disturb whoever is in the middle of a right one.
    const fn count(&mut self, left: u8) {
        if let State::Open { tries_left } | State::Started { tries_left, .. } = &mut self.state {
            *tries_left = left;
        }
    }

    /// Checks what was committed to and the card; the invitation is used up by a card that holds.
    pub(super) fn reveal(&mut self, channel: &PairingChannel, reveal: &Reveal, now: Timestamp) -> Result<PairingOutcome, PairingError> {
        check_time(&self.invitation, now)?;
        let State::Started { tries_left, binding, commitment, nonce, card: own } = &self.state else {
            return Err(PairingError::OutOfOrder);
        };
        if *binding != channel.binding {
            return Err(PairingError::OutOfOrder);
        }
        let (tries_left, kept, nonce, own) = (*tries_left, *commitment, *nonce, own.clone());
        self.state = State::Open { tries_left };
        if kept != self::commitment(&reveal.nonce, &reveal.card) {
            return Err(PairingError::Commitment);
        }
        let theirs = check_card(&reveal.card, channel, &own, now)?;
        self.state = State::Closed;
        let digits = digits([&own, &theirs], [&nonce, &reveal.nonce]);
        Ok(PairingOutcome { card: theirs, digits })
    }
}

/// The joiner's side.
pub(super) struct Joiner<'a> {
    invitation: &'a Invitation,
    channel: &'a PairingChannel,
    own: &'a Card,
    nonce: [u8; 32],
}

impl<'a> Joiner<'a> {
    /// Commits to a nonce and our card.
    pub(super) fn start(
        invitation: &'a Invitation,
        channel: &'a PairingChannel,
        own: &'a Card,
        nonce: [u8; 32],
        now: Timestamp,
    ) -> Result<(Self, Start), PairingError> {
        check_time(invitation, now)?;
        if invitation.org() == own.org() {
            return Err(PairingError::Oneself);
        }
        let commitment = commitment(&nonce, own.bytes());
        let proof = start_proof(invitation, channel, &commitment);
        Ok((Self { invitation, channel, own, nonce }, Start { commitment, proof }))
    }

    /// Checks the answer, and reveals.
    pub(super) fn answer(self, answer: &Answer, now: Timestamp) -> Result<(Reveal, PairingOutcome), PairingError> {
        let commitment = commitment(&self.nonce, self.own.bytes());
        let expected = answer_proof(self.invitation, self.channel, &commitment, &answer.nonce, &answer.card);
        if !equal(&expected, &answer.proof) {
            return Err(PairingError::BadProof);
        }
        let theirs = check_card(&answer.card, self.channel, self.own, now)?;
        if theirs.org() != self.invitation.org() {
            return Err(PairingError::WrongOrganisation);
        }
        let digits = digits([&theirs, self.own], [&answer.nonce, &self.nonce]);
        Ok((Reveal { nonce: self.nonce, card: self.own.bytes().to_vec() }, PairingOutcome { card: theirs, digits }))
    }
}

/// Whether what a person typed is these digits, whatever stands between them.
pub fn digits_agree(typed: &str, digits: &str) -> bool {
    let only = |text: &str| text.chars().filter(|character| !matches!(character, ' ' | '-' | '.')).collect::<String>();
    !only(digits).is_empty() && equal(only(typed).as_bytes(), only(digits).as_bytes())
}

fn check_time(invitation: &Invitation, now: Timestamp) -> Result<(), PairingError> {
    if now <= invitation.expires() { Ok(()) } else { Err(PairingError::Expired(invitation.expires())) }
}

/// The card must hold, be another's than ours, and its root must stand behind the certificate whose key this connection proved.
fn check_card(bytes: &[u8], channel: &PairingChannel, own: &Card, now: Timestamp) -> Result<Card, PairingError> {
    let card = Card::from_bytes(bytes)?;
    if card.org() == own.org() {
        return Err(PairingError::Oneself);
    }
    let (leaf, rest) = channel.theirs.split_first().ok_or(Diagnosis::NoCertificate)?;
    let claims = profile::inspect(leaf, rest).map_err(Diagnosis::from)?;
    if claims.org != card.org() {
        return Err(Diagnosis::WrongOrganisation { expected: card.org(), found: claims.org }.into());
    }
    check_path(leaf, rest, &claims, &card, now)?;
    TrustBundle::new(card.clone(), Standing::Unconfirmed, false).map_err(Diagnosis::from)?;
    Ok(card)
}

fn commitment(nonce: &[u8; 32], card: &[u8]) -> [u8; 32] {
    sha256_framed("watchfire/pairing-commitment/v1", &[nonce, card])
}

fn start_proof(invitation: &Invitation, channel: &PairingChannel, commitment: &[u8; 32]) -> [u8; 32] {
    let message = framed("watchfire/pairing-start/v1", &[&channel.binding, &invitation.org().0, commitment]);
    hmac_sha256(invitation.secret(), &[&message])
}

fn answer_proof(invitation: &Invitation, channel: &PairingChannel, commitment: &[u8; 32], nonce: &[u8; 32], card: &[u8]) -> [u8; 32] {
    let message = framed("watchfire/pairing-answer/v1", &[&channel.binding, &invitation.org().0, commitment, nonce, card]);
    hmac_sha256(invitation.secret(), &[&message])
}

/// Inviter first. 10^12 divides 2^128 with a remainder that favours no digit by more than 10^-26.
fn digits(cards: [&Card; 2], nonces: [&[u8; 32]; 2]) -> String {
    let hash = sha256_framed("watchfire/pairing-digits/v1", &[cards[0].bytes(), cards[1].bytes(), nonces[0], nonces[1]]);
    let (head, _) = hash.split_first_chunk::<16>().expect("a hash has 32 bytes");
    let number = format!("{:012}", u128::from_be_bytes(*head) % 1_000_000_000_000);
    format!("{} {} {}", &number[..4], &number[4..8], &number[8..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::testing::{NOW, Org};

    struct Scene {
        inviting: Org,
        joining: Org,
        invitation: Invitation,
    }

    impl Scene {
        fn new() -> Self {
            let (inviting, joining) = (Org::new(), Org::new());
            let endpoint = "node.example:7443".parse().expect("an endpoint");
            let invitation = Invitation::new(inviting.id(), &[endpoint], NOW).expect("has an endpoint");
            Self { inviting, joining, invitation }
        }
        fn inviters_view(&self) -> PairingChannel {
            PairingChannel { binding: [9; 32], theirs: self.joining.node.chain().to_vec() }
        }
        fn joiners_view(&self) -> PairingChannel {
            PairingChannel { binding: [9; 32], theirs: self.inviting.node.chain().to_vec() }
        }
    }

    #[test]
    fn what_two_people_compare_is_as_the_wire_vectors_have_it() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../../tests/vectors/v1.json")).expect("JSON");
        let card = |whose: &str| Card::from_text(vectors["cards"][whose]["text"].as_str().expect("a text")).expect("a card");
        let told = |name: &str| vectors["pairing"][name].as_str().expect("a text");
        let hash =
            |name: &str| <[u8; 32]>::try_from(data_encoding::HEXLOWER.decode(told(name).as_bytes()).expect("hex")).expect("32 bytes");
        let (inviter, joiner) = (card("inviter"), card("joiner"));
        let invitation = Invitation::from_text(told("invitation")).expect("an invitation");
        let channel = PairingChannel { binding: hash("binding"), theirs: Vec::new() };
        let (nonce_i, nonce_j) = (hash("nonce_inviter"), hash("nonce_joiner"));
        let commitment = commitment(&nonce_j, joiner.bytes());
        assert_eq!(commitment, hash("commitment"));
        assert_eq!(start_proof(&invitation, &channel, &commitment), hash("start_mac"));
        assert_eq!(answer_proof(&invitation, &channel, &commitment, &nonce_i, inviter.bytes()), hash("answer_mac"));
        assert_eq!(digits([&inviter, &joiner], [&nonce_i, &nonce_j]), told("digits"));
    }

    #[test]
    fn both_sides_see_the_same_twelve_digits_and_each_others_card() {
        let scene = Scene::new();
        let (theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        let mut inviter = Inviter::new(scene.invitation.clone());
        let (joiner, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        let answer = inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW).expect("answers");
        let (reveal, joined) = joiner.answer(&answer, NOW).expect("holds");
        let invited = inviter.reveal(&theirs, &reveal, NOW).expect("holds");
        assert_eq!(joined.digits, invited.digits);
        assert_eq!(joined.digits.len(), 14);
        assert_eq!((joined.card.org(), invited.card.org()), (scene.inviting.id(), scene.joining.id()));
        assert!(!inviter.is_open(NOW));
        assert_eq!(inviter.start(&theirs, &start, [3; 32], &scene.inviting.card(), NOW), Err(PairingError::Closed));
    }

    #[test]
    fn five_wrong_secrets_close_an_invitation_for_the_right_one_too() {
        let scene = Scene::new();
        let (theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        let guess = Invitation::new(scene.inviting.id(), scene.invitation.endpoints(), NOW).expect("has an endpoint");
        let mut inviter = Inviter::new(scene.invitation.clone());
        for _ in 0..TRIES_MAX {
            assert!(inviter.is_open(NOW));
            let (_, start) = Joiner::start(&guess, &ours, &own, [1; 32], NOW).expect("starts");
            assert_eq!(inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW), Err(PairingError::BadProof));
        }
        let (_, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        assert_eq!(inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW), Err(PairingError::Closed));
        assert!(!inviter.is_open(NOW));
    }

    #[test]
    fn an_expired_invitation_is_refused_on_both_sides() {
        let scene = Scene::new();
        let (theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        let late = scene.invitation.expires().plus(1);
        assert!(matches!(Joiner::start(&scene.invitation, &ours, &own, [1; 32], late), Err(PairingError::Expired(_))));
        let (_, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        let mut inviter = Inviter::new(scene.invitation.clone());
        assert!(matches!(inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), late), Err(PairingError::Expired(_))));
        assert!(!inviter.is_open(late));
    }

    #[test]
    fn a_proof_is_worth_nothing_on_another_connection() {
        let scene = Scene::new();
        let (mut theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        theirs.binding = [8; 32];
        let (_, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        let mut inviter = Inviter::new(scene.invitation.clone());
        assert_eq!(inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW), Err(PairingError::BadProof));
    }

    #[test]
    fn a_reveal_on_another_connection_than_the_start_is_refused() {
        let scene = Scene::new();
        let (theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        let mut inviter = Inviter::new(scene.invitation.clone());
        let (joiner, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        let answer = inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW).expect("answers");
        let (reveal, _) = joiner.answer(&answer, NOW).expect("holds");
        let elsewhere = PairingChannel { binding: [8; 32], ..theirs.clone() };
        assert_eq!(inviter.reveal(&elsewhere, &reveal, NOW), Err(PairingError::OutOfOrder));
        inviter.reveal(&theirs, &reveal, NOW).expect("the right connection still goes on");
    }

    #[test]
    fn a_wrong_guess_does_not_disturb_whoever_is_in_the_middle_of_a_right_one() {
        let scene = Scene::new();
        let (theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        let mut inviter = Inviter::new(scene.invitation.clone());
        let (joiner, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        let answer = inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW).expect("answers");
        let wrong = Start { commitment: [0; 32], proof: [0; 32] };
        assert_eq!(inviter.start(&theirs, &wrong, [3; 32], &scene.inviting.card(), NOW), Err(PairingError::BadProof));
        let (reveal, _) = joiner.answer(&answer, NOW).expect("holds");
        inviter.reveal(&theirs, &reveal, NOW).expect("goes on");
    }

    #[test]
    fn a_go_between_who_knows_the_secret_makes_the_digits_differ() {
        let (scene, between) = (Scene::new(), Org::new());
        let (own, inviting) = (scene.joining.card(), scene.inviting.card());
        let mut inviter = Inviter::new(scene.invitation.clone());
        // towards the inviter, the go-between is a joiner with its own card
        let (left_in, left_out) = (
            PairingChannel { binding: [1; 32], theirs: between.node.chain().to_vec() },
            PairingChannel { binding: [1; 32], theirs: scene.inviting.node.chain().to_vec() },
        );
        let between_card = between.card();
        let (false_joiner, start) = Joiner::start(&scene.invitation, &left_out, &between_card, [5; 32], NOW).expect("starts");
        let answer = inviter.start(&left_in, &start, [2; 32], &inviting, NOW).expect("answers");
        let (reveal, _) = false_joiner.answer(&answer, NOW).expect("holds");
        let invited = inviter.reveal(&left_in, &reveal, NOW).expect("holds");
        // towards the joiner it cannot be the inviter: neither with its own card, nor with the inviter's on its own connection
        let right = PairingChannel { binding: [3; 32], theirs: between.node.chain().to_vec() };
        let (joiner, start) = Joiner::start(&scene.invitation, &right, &own, [6; 32], NOW).expect("starts");
        let forged = |card: &Card| Answer {
            nonce: answer.nonce,
            card: card.bytes().to_vec(),
            proof: answer_proof(&scene.invitation, &right, &start.commitment, &answer.nonce, card.bytes()),
        };
        assert!(matches!(joiner.answer(&forged(&inviting), NOW), Err(PairingError::Certificate(Diagnosis::WrongOrganisation { .. }))));
        let (joiner, _) = Joiner::start(&scene.invitation, &right, &own, [6; 32], NOW).expect("starts");
        assert_eq!(joiner.answer(&forged(&between_card), NOW).map(drop), Err(PairingError::WrongOrganisation));
        // and had the joiner been given another organisation's invitation, the digits would tell
        assert_ne!(digits([&between_card, &own], [&answer.nonce, &[6; 32]]), invited.digits);
    }

    #[test]
    fn a_nonce_or_card_other_than_committed_is_refused_and_costs_a_try() {
        let scene = Scene::new();
        let (theirs, ours, own) = (scene.inviters_view(), scene.joiners_view(), scene.joining.card());
        let mut inviter = Inviter::new(scene.invitation.clone());
        let (joiner, start) = Joiner::start(&scene.invitation, &ours, &own, [1; 32], NOW).expect("starts");
        let answer = inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW).expect("answers");
        let (mut reveal, _) = joiner.answer(&answer, NOW).expect("holds");
        reveal.nonce = [7; 32];
        assert_eq!(inviter.reveal(&theirs, &reveal, NOW), Err(PairingError::Commitment));
        reveal.nonce = [1; 32];
        assert_eq!(inviter.reveal(&theirs, &reveal, NOW), Err(PairingError::OutOfOrder));
    }

    #[test]
    fn another_organisations_card_is_refused_for_want_of_its_key() {
        let (scene, other) = (Scene::new(), Org::new());
        let (theirs, ours, stolen) = (scene.inviters_view(), scene.joiners_view(), other.card());
        let mut inviter = Inviter::new(scene.invitation.clone());
        let (joiner, start) = Joiner::start(&scene.invitation, &ours, &stolen, [1; 32], NOW).expect("starts");
        let answer = inviter.start(&theirs, &start, [2; 32], &scene.inviting.card(), NOW).expect("answers");
        let (reveal, _) = joiner.answer(&answer, NOW).expect("holds");
        assert!(matches!(inviter.reveal(&theirs, &reveal, NOW), Err(PairingError::Certificate(Diagnosis::WrongOrganisation { .. }))));
    }

    #[test]
    fn typed_digits_agree_with_or_without_gaps() {
        assert!(digits_agree("123456789012", "1234 5678 9012"));
        assert!(digits_agree("1234-5678 9012", "1234 5678 9012"));
        assert!(!digits_agree("1234 5678 9013", "1234 5678 9012"));
        assert!(!digits_agree("", "") && !digits_agree("", "1234 5678 9012"));
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn why_a_pairing_does_not_go_on_is_told() {
        let cases = [
            (PairingError::Expired(Timestamp(0)), "the invitation expired at `1970-01-01T00:00:00.000Z`\nhint: ask for a new one"),
            (PairingError::Closed, "the invitation is closed\nhint: make a new one"),
            (PairingError::BadProof, "the other side does not know the invitation's secret"),
            (PairingError::OutOfOrder, "the other side does not keep to the protocol"),
            (PairingError::Commitment, "the other side revealed something else than it had committed to"),
            (
                PairingError::Card(CardError::BadSignature),
                "the other side's card does not hold: the card is not signed by its organisation's root",
            ),
            (
                PairingError::Certificate(Diagnosis::NoCertificate),
                "the other side's certificate does not fit its card: the other side showed no certificate",
            ),
            (PairingError::WrongOrganisation, "the card is not of the organisation that invited"),
            (PairingError::AlreadyPaired, "the organisation is a peer already"),
            (PairingError::NotKept, "the pairing could not be kept"),
            (PairingError::Oneself, "an organisation cannot pair with itself"),
        ];
        crate::texts::all_say(include_str!("protocol.rs"), "PairingError", &cases);
    }
}
