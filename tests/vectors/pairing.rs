//! Cards and what two people compare when they pair.
//!
//! Signatures with a root key and invitations' secrets are never the same twice, so the cards and the invitation are kept as they were
//! first written down; all else follows from them.

use serde_json::{Value, json};
use watchfire::link::identity::Identity;
use watchfire::link::knock;
use watchfire::link::pairing::Invitation;
use watchfire::model::Timestamp;
use watchfire::model::crypto::{framed, hmac_sha256, sha256_framed};
use watchfire::model::identity::Card;

use super::hex;

const MADE: Timestamp = Timestamp(1_626_602_400_000);
const DAY_MS: u64 = 86_400_000;
const NONCES: [[u8; 32]; 2] = [[0x21; 32], [0x42; 32]];
const BINDING: [u8; 32] = [0x63; 32];

/// The cards' texts, inviter first, and the invitation's, if they are written down.
fn kept(written: &Value) -> Option<([String; 2], String)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let card = |whose: &str| text(&written["cards"][whose]["text"]);
    Some(([card("inviter")?, card("joiner")?], text(&written["pairing"]["invitation"])?))
}

/// The inviter has changed its root once and its log-signing key twice, the second time because it was stolen.
fn made() -> ([String; 2], String) {
    let directory = tempfile::tempdir().expect("a directory");
    let create = |name: &str, endpoints: &[&str]| {
        let endpoints = endpoints.iter().map(|one| one.parse().expect("an endpoint")).collect();
        Identity::create(&directory.path().join(name), endpoints, MADE).expect("an identity")
    };
    let inviter = create("inviter", &["node.example:7443", "[2001:db8::1]:7443"]);
    inviter.rotate_root(MADE.plus(DAY_MS)).expect("rotates");
    inviter.rotate_log(MADE.plus(2 * DAY_MS), false).expect("rotates");
    inviter.rotate_log(MADE.plus(3 * DAY_MS), true).expect("rotates");
    let endpoints = inviter.card().content().endpoints.clone();
    let invitation = Invitation::new(inviter.org(), &endpoints, MADE.plus(4 * DAY_MS)).expect("an endpoint").to_text();
    ([inviter.card().to_text(), create("joiner", &[]).card().to_text()], invitation)
}

fn card_vector(card: &Card) -> Value {
    let content = card.content();
    let earlier = |one: &watchfire::model::identity::EarlierLogKey| json!({"number": one.key.number, "public": hex(&one.key.public), "retired": one.retired.0, "stolen": one.stolen});
    json!({
        "text": card.to_text(),
        "org": hex(&card.org().0),
        "number": content.number,
        "root": hex(&card.chain().root().0),
        "rotations": card.chain().rotations(),
        "issuing_cas": content.issuing_cas.iter().map(|ca| hex(ca)).collect::<Vec<_>>(),
        "log_key": {"number": content.log_key.number, "public": hex(&content.log_key.public)},
        "earlier_log_keys": content.earlier_log_keys.iter().map(earlier).collect::<Vec<_>>(),
        "knock_key": hex(&content.knock_key),
        "label_of_day_18826": knock::label(&content.knock_key, Timestamp(18_826 * DAY_MS)),
        "endpoints": content.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "protocols": content.protocols,
        "created": content.created.0,
    })
}

/// The secret stands behind version, organisation and expiry.
fn secret(invitation: &str) -> Vec<u8> {
    let text = invitation.strip_prefix("watchfire-invite:").expect("its prefix").to_ascii_uppercase();
    data_encoding::BASE32_NOPAD.decode(text.as_bytes()).expect("base32")[41..61].to_vec()
}

/// As docs/protocol.md says it; `link/pairing/protocol.rs` compares its own with it.
fn pairing_vector(cards: [&Card; 2], text: &str) -> Value {
    let [card_i, card_j] = cards.map(Card::bytes);
    let [nonce_i, nonce_j] = &NONCES;
    let invitation = Invitation::from_text(text).expect("an invitation");
    let (secret, inviter) = (secret(text), invitation.org().0);
    let commitment = sha256_framed("watchfire/pairing-commitment/v1", &[nonce_j, card_j]);
    let start = framed("watchfire/pairing-start/v1", &[&BINDING, &inviter, &commitment]);
    let answer = framed("watchfire/pairing-answer/v1", &[&BINDING, &inviter, &commitment, nonce_i, card_i]);
    let hash = sha256_framed("watchfire/pairing-digits/v1", &[card_i, card_j, nonce_i, nonce_j]);
    let number = u128::from_be_bytes(hash[..16].try_into().expect("16 bytes")) % 1_000_000_000_000;
    let digits = format!("{number:012}");
    json!({
        "invitation": text,
        "expires": invitation.expires().0,
        "label": invitation.label(),
        "nonce_inviter": hex(nonce_i),
        "nonce_joiner": hex(nonce_j),
        "binding": hex(&BINDING),
        "commitment": hex(&commitment),
        "start_mac": hex(&hmac_sha256(&secret, &[&start])),
        "answer_mac": hex(&hmac_sha256(&secret, &[&answer])),
        "digits": format!("{} {} {}", &digits[..4], &digits[4..8], &digits[8..]),
    })
}

fn cards_of(texts: &[String; 2]) -> [Card; 2] {
    texts.each_ref().map(|text| Card::from_text(text).expect("a card"))
}

/// Cards and pairing, from what is written down or anew.
pub fn vectors(written: &Value) -> (Value, Value) {
    let (texts, invitation) = kept(written).unwrap_or_else(made);
    let [inviter, joiner] = cards_of(&texts);
    let pairing = pairing_vector([&inviter, &joiner], &invitation);
    (json!({"inviter": card_vector(&inviter), "joiner": card_vector(&joiner)}), pairing)
}

/// In every place in turn, one flipped bit.
pub fn assert_that_every_byte_of_a_card_counts(written: &Value) {
    let (texts, _) = kept(written).expect("they are written down");
    for card in cards_of(&texts) {
        for at in 0..card.bytes().len() {
            let mut flipped = card.bytes().to_vec();
            flipped[at] ^= 1;
            assert!(Card::from_bytes(&flipped).is_err(), "byte {at}");
        }
    }
}
