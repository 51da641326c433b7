//! Cold hand-overs: how to reach the person goes sealed to the desk that got the case, once it has it, and to nobody else.

use crate::cases::code;
use crate::desk;
use crate::harness::*;
use crate::referrals::case;
use data_encoding::{BASE64, HEXLOWER};
use watchfire::model::crypto::{random, sha256};
use watchfire::model::desk::{
    BadContact, BadSealed, Binding, Channel, Contact, DeskKey, KeyChange, KeyShare, Opening, SealSecret, Sealed, UserSealKey,
};
use watchfire::model::referral::{Evidence, HandOver, Priority};
use watchfire::model::{ReferralId, UserKey};
use watchfire::node::Node;
use watchfire::node::referral::{Act, AgainRequest, By, ReferRequest};

const NO_CONTACT: &str = "no contact is sealed for this offer, and the receiver would have to reach the person\n\
    hint: refer the case anew with `--contact FILE`, which seals it to that desk; or hand it over warm";

/// Three desks, each with people and a key that the others know.
async fn desks() -> Federation {
    let federation = Federation::of(3).await;
    for who in federation.everyone() {
        make_desk_key(federation.node(who)).await;
    }
    federation.settle().await;
    for (one, other) in federation.everyone().flat_map(|one| federation.everyone().map(move |other| (one, other))) {
        let key = |at: Who| federation.node(at).desk_public(&federation.org(other)).unwrap();
        assert!(key(one).is_some() && key(one) == key(other), "{one:?} knows to what is sealed for {other:?}");
    }
    federation
}

/// The first key of a desk, made as the command line makes it: its secret half is for Amina and Omar alone.
async fn make_desk_key(node: &Node) {
    desk::staff(node).await;
    let (org, at, secret) = (node.org(), node.clock.now(), SealSecret::generate());
    let mut shares = Vec::new();
    for person in [desk::AMINA, desk::OMAR] {
        let to = UserSealKey::of(&org, &person.key());
        node.register_seal_key(to.clone()).await.unwrap();
        shares.push(KeyShare::seal(&org, 1, &secret, &to).unwrap());
    }
    let key = Some(DeskKey { number: 1, public: secret.public().clone(), created: at });
    let (users, by) = (node.users().unwrap().number, UserKey(desk::AMINA.key().public()));
    let change = KeyChange { key, shares, users, at, by }.sign(&org, &desk::AMINA.key());
    assert_eq!(node.change_desk_key(change).await.unwrap().card_names, Some(1));
}

/// How to reach somebody, with a number that is in no node's store, log or frame when the federation ends.
fn contact(federation: &mut Federation) -> Contact {
    let channel = Channel { kind: "signal".into(), value: federation.secret(&[]) };
    Contact { call: String::new(), channels: vec![channel], safe_times: String::new(), do_not_use: Vec::new(), notes: String::new() }
}

/// The case cold, with a contact that is sealed for these and for the desk itself, as the command line does it.
fn sealed(federation: &Federation, from: Who, to: &[Who], contact: &Contact, mut request: ReferRequest) -> ReferRequest {
    let seal = |who: Who, referral: ReferralId| {
        let key = federation.node(from).desk_public(&federation.org(who)).unwrap().expect("its desk has a key");
        let binding = Binding { sender: federation.org(from), recipient: federation.org(who), referral: referral.0 };
        BASE64.encode(&contact.seal(&key, &binding).unwrap().encode())
    };
    request.offer.hand_over = HandOver::Cold;
    for who in to {
        let referral = ReferralId(random());
        request.contacts.insert(NAMES[who.0].into(), seal(*who, referral));
        request.referrals.insert(NAMES[who.0].into(), referral);
    }
    let first = request.referrals[&request.to[0]];
    request.contacts.insert("us".into(), seal(from, first));
    request
}

/// What a node has sealed of a case, as Omar opens it with the key of a desk.
fn open(federation: &Federation, at: Who, with: Who, id: &ReferralId) -> Result<Contact, BadContact> {
    let (node, org) = (federation.node(with), federation.org(with));
    let (key, share) = (node.desk_keys().unwrap().keys.remove(0).key, node.key_shares("omar").unwrap().remove(0));
    let secret = share.open(&org, &key, &SealSecret::of_user(&desk::OMAR.key())).unwrap();
    let view = federation.node(at).sealed_contact(&id.to_string()).unwrap();
    let binding = Binding { sender: view.sender, recipient: federation.org(at), referral: view.referral.0 };
    Contact::open(&Sealed::decode(&BASE64.decode(view.sealed.as_bytes()).unwrap()).unwrap(), &secret, &binding)
}

fn opened(federation: &Federation, who: Who, id: &ReferralId) -> Contact {
    open(federation, who, who, id).unwrap()
}

/// The same once Omar has signed that he opens it, and the node has written that down, as the command line does it.
async fn opened_by_omar(federation: &Federation, who: Who, id: &ReferralId) -> Contact {
    let (node, omar) = (federation.node(who), desk::OMAR.key());
    let view = node.sealed_contact(&id.to_string()).unwrap();
    let key = node.desk_keys().unwrap().keys.remove(0).id;
    let opening = Opening { sender: view.sender, referral: view.referral.0, key, at: node.clock.now(), by: UserKey(omar.public()) };
    node.note_opening(opening.sign(&node.org(), &omar)).await.unwrap();
    opened(federation, who, id)
}

/// That there is nothing to open of a case.
fn is_closed(federation: &Federation, who: Who, id: &ReferralId) -> bool {
    let error = federation.node(who).sealed_contact(&id.to_string()).err();
    error.is_some_and(|error| error.detail() == "there is no contact to open here" && error.hint().is_some())
}

/// Whether a node has these bytes in its store, in pages that are free now too.
async fn has(federation: &Federation, who: Who, bytes: &[u8]) -> bool {
    let before = federation.holds_bytes(who, bytes);
    federation.node(who).store.compact().await.unwrap();
    before || federation.holds_bytes(who, bytes)
}

/// Whether a node has what was sealed, as bytes or as text: some of the ciphertext, where base64 has it in whole letters.
async fn has_sealed(federation: &Federation, who: Who, sealed: &str) -> bool {
    let part = &BASE64.decode(sealed.as_bytes()).unwrap()[1_140..1_188];
    has(federation, who, part).await || has(federation, who, BASE64.encode(part).as_bytes()).await
}

/// What one side has said in a referral, as a node shows it.
fn said(federation: &Federation, who: Who, id: &ReferralId, by: &str) -> Vec<String> {
    let view = federation.node(who).referral_named_view(&id.to_string()).unwrap();
    view.timeline.into_iter().filter(|message| message.by == by).map(|message| message.says).collect()
}

async fn accept(federation: &Federation, who: Who, id: &ReferralId) {
    federation.act(who, id, Act::Ack).await;
    federation.act(who, id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
}

/// Waits until a case is withdrawn from Borealis, which has never got how to reach the person.
async fn borealis_never_got_it(federation: &Federation, id: &ReferralId, sealed: &[&str]) {
    let state = || federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap().line.state;
    federation.until_upkeep("it is withdrawn from Borealis", || state() == "purged").await;
    assert_eq!(said(federation, BOREALIS, id, "amal"), ["offer", "withdraw"]);
    assert!(is_closed(federation, BOREALIS, id));
    for one in sealed {
        assert!(!has_sealed(federation, BOREALIS, one).await);
    }
}

#[tokio::test]
async fn a_contact_goes_to_whom_the_case_was_given_alone() {
    let mut federation = desks().await;
    let contact = contact(&mut federation);
    let request = sealed(&federation, AMAL, &[BOREALIS, CEDAR], &contact, case(&["borealis", "cedar"]));
    let [to_borealis, to_cedar] = ["borealis", "cedar"].map(|name| request.contacts[name].clone());
    let ids = ["borealis", "cedar"].map(|name| request.referrals[name]);
    let view = federation.node(AMAL).refer(request, By::default()).await.unwrap();
    assert_eq!([view.offers[0].referral, view.offers[1].referral], ids, "what was sealed is bound to them");
    assert_eq!(view.introduction_code, None, "nobody has to come");
    federation.settle().await;
    for (who, id) in [(BOREALIS, ids[0]), (CEDAR, ids[1])] {
        accept(&federation, who, &id).await;
    }
    for (who, id) in [(BOREALIS, ids[0]), (CEDAR, ids[1])] {
        assert_eq!(said(&federation, who, &id, "amal"), ["offer"], "who has accepted does not have the case yet");
        assert!(is_closed(&federation, who, &id));
        assert!(!has_sealed(&federation, who, &to_borealis).await && !has_sealed(&federation, who, &to_cedar).await);
    }
    assert!(has_sealed(&federation, AMAL, &to_borealis).await && has_sealed(&federation, AMAL, &to_cedar).await);

    federation.act(AMAL, &ids[1], Act::Choose).await;
    federation.settle().await;
    assert_eq!(said(&federation, AMAL, &ids[1], "us"), ["offer", "confirm", "contact"]);
    assert_eq!(said(&federation, CEDAR, &ids[1], "amal"), ["offer", "confirm", "contact"]);
    assert_eq!(opened(&federation, CEDAR, &ids[1]), contact);
    let key = federation.node(CEDAR).desk_keys().unwrap().keys.remove(0).id;
    let others = open(&federation, CEDAR, BOREALIS, &ids[1]);
    assert_eq!(others, Err(BadContact::Sealed(BadSealed::OtherKey(key))), "another desk's key does not open it");
    borealis_never_got_it(&federation, &ids[0], &[&to_borealis, &to_cedar]).await;
    assert!(has_sealed(&federation, CEDAR, &to_cedar).await && !has_sealed(&federation, CEDAR, &to_borealis).await);
    for id in &ids {
        assert_eq!(opened(&federation, AMAL, id), contact, "the desk has a copy of its own");
    }
}

#[tokio::test]
async fn what_the_receiver_has_opened_is_gone_there_once_it_is_withdrawn() {
    let mut federation = desks().await;
    let contact = contact(&mut federation);
    let number = contact.channels[0].value.clone();
    for revoked in [false, true] {
        let request = sealed(&federation, AMAL, &[BOREALIS], &contact, case(&["borealis"]));
        let [theirs, ours] = ["borealis", "us"].map(|name| request.contacts[name].clone());
        let id = federation.refer(AMAL, request).await;
        federation.settle().await;
        accept(&federation, BOREALIS, &id).await;
        assert_eq!(opened_by_omar(&federation, BOREALIS, &id).await, contact);
        assert_eq!(opened(&federation, AMAL, &id), contact);
        assert!(has_sealed(&federation, BOREALIS, &theirs).await);
        assert!(has_sealed(&federation, AMAL, &theirs).await && has_sealed(&federation, AMAL, &ours).await);

        federation.act(AMAL, &id, Act::Withdraw { revoked }).await;
        federation.settle().await;
        let state = |who: Who| federation.node(who).referral_named_view(&id.to_string()).unwrap().line.state;
        federation.until_upkeep("it is gone there, and said to be", || [AMAL, BOREALIS].map(state) == ["purged", "purged"]).await;
        for who in [AMAL, BOREALIS] {
            // Open, it never was in a store, in pages that are free now either; closed, it was, and may stand in those until they are wiped.
            assert!(!has(&federation, who, number.as_bytes()).await);
            federation.node(who).store.compact().await.unwrap();
        }
        assert!(is_closed(&federation, BOREALIS, &id), "nothing is left to open");
        assert!(!has_sealed(&federation, BOREALIS, &theirs).await);
        // Who only called it off may offer the case to somebody else; a consent that is revoked leaves nothing to anybody.
        assert_eq!(is_closed(&federation, AMAL, &id), revoked);
        assert_eq!(has_sealed(&federation, AMAL, &ours).await, !revoked);
        assert!(!revoked || !has_sealed(&federation, AMAL, &theirs).await);
    }
    let openings = federation.node(BOREALIS).openings().unwrap();
    assert!(openings.len() == 2 && openings.iter().all(|one| one.opening.by == UserKey(desk::OMAR.key().public())), "who had it stays");
}

#[tokio::test]
async fn whom_the_clock_asks_next_gets_what_was_sealed_for_it() {
    let mut federation = desks().await;
    let contact = contact(&mut federation);
    let mut request = ReferRequest { candidates: vec!["cedar".into()], automatic: true, ..case(&["borealis"]) };
    request.offer.priority = Priority::Emergency;
    let request = sealed(&federation, AMAL, &[BOREALIS, CEDAR], &contact, request);
    let [to_borealis, to_cedar] = ["borealis", "cedar"].map(|name| request.contacts[name].clone());
    let [first, next] = ["borealis", "cedar"].map(|name| request.referrals[name]);
    assert_eq!(federation.refer(AMAL, request).await, first);
    federation.settle().await;
    assert!(federation.node(CEDAR).inbox(true).unwrap().is_empty(), "it is not asked yet");
    for minutes in [60, 30, 30] {
        federation.pass(minutes * MINUTE).await;
    }
    let asked = || federation.node(AMAL).inbox(true).unwrap().iter().any(|line| line.referral == next && line.peer == "cedar");
    federation.until_upkeep("the clock has asked Cedar, as was planned", asked).await;
    federation.settle().await;
    accept(&federation, CEDAR, &next).await;
    // Two were asked, so a person chooses.
    assert_eq!(said(&federation, CEDAR, &next, "amal"), ["offer"]);
    assert!(is_closed(&federation, CEDAR, &next) && !has_sealed(&federation, CEDAR, &to_cedar).await);
    federation.act(AMAL, &next, Act::Choose).await;
    federation.settle().await;
    assert_eq!(said(&federation, CEDAR, &next, "amal"), ["offer", "confirm", "contact"]);
    assert_eq!(opened(&federation, CEDAR, &next), contact);
    assert!(has_sealed(&federation, CEDAR, &to_cedar).await && !has_sealed(&federation, CEDAR, &to_borealis).await);
    borealis_never_got_it(&federation, &first, &[&to_borealis, &to_cedar]).await;
}

/// Why a case cannot be offered again.
async fn again(federation: &Federation, id: &ReferralId, to: &[&str], candidates: &[&str]) -> String {
    let names = |all: &[&str]| -> Vec<String> { all.iter().map(|name| (*name).to_owned()).collect() };
    let request = AgainRequest { to: names(to), candidates: names(candidates), call: None, now: true };
    federation.node(AMAL).refer_again(&id.to_string(), request, By::default()).await.unwrap_err().to_string()
}

#[tokio::test]
async fn nobody_is_asked_for_whom_no_contact_was_sealed() {
    let mut federation = desks().await;
    let contact = contact(&mut federation);
    let refused = async |request: ReferRequest| federation.node(AMAL).refer(request, By::default()).await.unwrap_err().to_string();
    let lacking = "in a cold hand-over the receiver has to reach the person, and no contact was sealed\n\
        hint: `--contact FILE` seals how to reach the person to each desk; or hand it over warm";
    let for_borealis = |request: ReferRequest| sealed(&federation, AMAL, &[BOREALIS], &contact, request);
    assert_eq!(refused(for_borealis(case(&["borealis", "cedar"]))).await, lacking);
    assert_eq!(refused(for_borealis(ReferRequest { candidates: vec!["cedar".into()], ..case(&["borealis"]) })).await, lacking);
    let mut open = for_borealis(case(&["borealis"]));
    open.contacts.insert("borealis".into(), BASE64.encode(b"signal: +1 555 0100"));
    assert_eq!(refused(open).await, "the contact for `borealis` is not sealed\nhint: `watchfire refer --contact FILE` seals it");
    let mut unbound = for_borealis(case(&["borealis"]));
    unbound.referrals.clear();
    assert_eq!(refused(unbound).await, NO_CONTACT, "what is sealed is bound to an offer");
    assert!(federation.node(AMAL).inbox(true).unwrap().is_empty(), "what was refused left nothing");

    let recipients = vec!["borealis".into(), "cedar".into()];
    let request = for_borealis(ReferRequest { recipients, ..case(&["borealis"]) });
    let id = federation.refer(AMAL, request.clone()).await;
    assert_eq!(refused(request).await, format!("there is a referral `{id}` already\nhint: seal the contact anew"));
    federation.settle().await;
    assert_eq!(again(&federation, &id, &["cedar"], &[]).await, NO_CONTACT);
    assert_eq!(again(&federation, &id, &[], &["cedar"]).await, NO_CONTACT);
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Decline { reason: code("no_capacity"), text: String::new(), suggest: None }).await;
    federation.settle().await;
    federation.act(AMAL, &id, Act::Close).await;
    assert_eq!(again(&federation, &id, &["borealis"], &[]).await, NO_CONTACT, "what is sealed serves for one offer");
    federation.settle().await;
    assert_eq!(federation.node(AMAL).inbox(true).unwrap().len(), 1);
    assert!(federation.node(CEDAR).inbox(true).unwrap().is_empty());
}

#[tokio::test]
async fn whoever_passes_a_case_on_seals_the_contact_anew() {
    let mut federation = desks().await;
    let contact = contact(&mut federation);
    for onward in [false, true] {
        let mut request = case(&["cedar"]);
        request.offer.consent.onward = onward;
        let id = federation.refer(AMAL, sealed(&federation, AMAL, &[CEDAR], &contact, request)).await;
        federation.settle().await;
        accept(&federation, CEDAR, &id).await;
        let theirs = opened(&federation, CEDAR, &id);
        assert_eq!(theirs, contact);
        let on = ReferRequest { parent: Some(id.to_string()), ..case(&["borealis"]) };
        let on = sealed(&federation, CEDAR, &[BOREALIS], &theirs, on);
        let (to_borealis, child) = (on.contacts["borealis"].clone(), on.referrals["borealis"]);
        if !onward {
            let error = federation.node(CEDAR).refer(on, By::default()).await.unwrap_err();
            assert_eq!(error.detail(), "it came under a consent that does not allow to pass it on");
            assert!(!has_sealed(&federation, CEDAR, &to_borealis).await, "what was refused left nothing");
            continue;
        }
        assert_eq!(federation.refer(CEDAR, on).await, child);
        federation.settle().await;
        assert!(is_closed(&federation, BOREALIS, &child) && !has_sealed(&federation, BOREALIS, &to_borealis).await);
        accept(&federation, BOREALIS, &child).await;
        assert_eq!(said(&federation, BOREALIS, &child, "cedar"), ["offer", "confirm", "contact"]);
        assert_eq!(opened(&federation, BOREALIS, &child), contact);
        assert_eq!(federation.node(BOREALIS).sealed_contact(&child.to_string()).unwrap().sender, federation.org(CEDAR));
        assert_eq!(opened(&federation, CEDAR, &child), contact, "its own copy");
        assert!(said(&federation, AMAL, &id, "cedar").iter().any(|says| says == "pass-on"));
        assert!(has_sealed(&federation, BOREALIS, &to_borealis).await && !has_sealed(&federation, AMAL, &to_borealis).await);
    }
}

#[tokio::test]
async fn of_evidence_kind_hash_and_size_travel_alone() {
    let mut federation = Federation::of(3).await;
    let file = format!("an image with {} in it", federation.secret(&[]));
    let piece = Evidence { kind: code("disk_image"), sha256: sha256(&[file.as_bytes()]), size: file.len() as u64 };
    let mut request = case(&["borealis"]);
    request.offer.evidence = vec![piece.clone()];
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    let offer = federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap().offer.unwrap();
    let said = serde_json::json!([{ "kind": "disk_image", "sha256": HEXLOWER.encode(&piece.sha256), "size": file.len() }]);
    assert_eq!(serde_json::to_value(&offer.evidence).unwrap(), said, "and nothing else");
    assert!(has(&federation, AMAL, &piece.sha256).await && has(&federation, BOREALIS, &piece.sha256).await);
    assert!(!has(&federation, CEDAR, &piece.sha256).await);
}
