//! Partners are asked whether they have a case with the same contact: a miss tells neither side anything, and a hit is told when a person on each side agrees.

use crate::harness::rogue::{ROGUE, Rogue, Role, Stream};
use crate::harness::*;
use crate::referrals::case;
use data_encoding::BASE64;
use prost::Message;
use std::collections::BTreeSet;
use watchfire::link::convert::encode_record;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::model::crypto::{random, sha256_framed};
use watchfire::model::desk::{self, Roles};
use watchfire::model::duplicate::{
    Basis, Evaluated, MatchKey, MatchPublic, NotEvaluated, Purpose, Question, Round, Said, Subject, Value, claim,
};
use watchfire::model::log::Head;
use watchfire::model::{CheckId, OrgId, Record, RecordKind};
use watchfire::node::NodeError;
use watchfire::node::duplicate::{
    AllowRequest, CheckRequest, CheckView, CheckedView, Claim, ClaimRequest, ClaimSecret, DecideRequest, EvaluateRequest, FoundView, One,
};
use watchfire::node::referral::{Act, By, DeedRange};
use watchfire::rules::label::Withheld;
use watchfire::rules::notify;
use watchfire::store::change::Shelf;

const LEYLA: &str = "leyla@wrennock.example";
const NUMBER: &str = "+961 3 123 456";

fn fixed<const N: usize>(text: &str) -> [u8; N] {
    BASE64.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

/// What the asker's program says after an answer, as the command line reckons it.
fn ticket(subject: &Subject, question: &Question, view: &CheckedView) -> Result<[u8; 16], NotEvaluated> {
    let answer = view.answer.as_ref().expect("an answer");
    let evaluated = Evaluated { element: fixed(&answer.element), proof: fixed(&answer.proof) };
    let key = MatchPublic::from_bytes(&fixed::<32>(&view.key)).unwrap();
    let value = question.finish(subject.input(), &evaluated, &key)?;
    let round = Round::new(Purpose::Contact, (&view.us, &view.org), &view.check, question.blinded(), &fixed(&answer.nonce));
    Ok(claim(&value, &round, &BASE64.decode(answer.slots.as_bytes()).unwrap()))
}

impl Federation {
    /// What our own key makes of a contact: blinded, as the command line does it.
    async fn own_value(&self, who: Who, contact: &str) -> Value {
        let subject = Subject::typed(contact).unwrap();
        let question = Question::new(subject.input()).unwrap();
        let request = EvaluateRequest { blinded: vec![BASE64.encode(question.blinded())] };
        let view = self.node(who).evaluate_own(request, By::default()).await.unwrap();
        let (element, proof) = &view.evaluated[0];
        let evaluated = Evaluated { element: fixed(element), proof: fixed(proof) };
        question.finish(subject.input(), &evaluated, &MatchPublic::from_bytes(&fixed::<32>(&view.key)).unwrap()).unwrap()
    }

    async fn allow(&self, who: Who, contact: &str, with: &str) -> CheckId {
        self.allow_as(who, contact, with, |_| {}).await.unwrap()
    }

    async fn allow_as(&self, who: Who, contact: &str, with: &str, change: impl FnOnce(&mut AllowRequest)) -> Result<CheckId, NodeError> {
        let value = BASE64.encode(self.own_value(who, contact).await.bytes());
        let mut request =
            AllowRequest { values: vec![value], with: vec![with.into()], consent: Basis::Explicit, until: None, referral: None };
        change(&mut request);
        self.node(who).allow_duplicate(request, By::default()).await.map(|one| one.allowed)
    }

    /// One contact, one partner.
    async fn check(&self, who: Who, contact: &str, to: &str) -> CheckedView {
        let subject = Subject::typed(contact).unwrap();
        let question = Question::new(subject.input()).unwrap();
        let checks = vec![One { to: to.into(), blinded: BASE64.encode(question.blinded()) }];
        let request = CheckRequest { checks, consent: Basis::Verbal, referral: None };
        let view = self.node(who).check_duplicates(request, By::default()).await.unwrap().remove(0);
        if view.state == "answered" {
            let ticket = BASE64.encode(&ticket(&subject, &question, &view).unwrap());
            self.node(who)
                .claim_duplicates(ClaimRequest { claims: vec![Claim { check: view.check, secret: view.secret.clone(), ticket }] })
                .await
                .unwrap();
        }
        view
    }

    fn checks(&self, who: Who) -> Vec<CheckView> {
        self.node(who).duplicates().unwrap().checks
    }

    fn findings(&self, who: Who) -> Vec<FoundView> {
        self.node(who).duplicates().unwrap().found
    }

    async fn decide(&self, who: Who, check: &CheckId, tell: bool) -> Result<FoundView, NodeError> {
        self.node(who).decide_duplicate(&check.to_string(), DecideRequest { tell }, By::default()).await
    }

    async fn until_found(&self, who: Who, count: usize) {
        self.until("the check has found a case", || self.findings(who).len() == count).await;
    }

    /// Tickets are looked at beside the link: until those of all checks that were answered were.
    async fn nothing_is_found(&self, who: Who, asker: Who, contact: &str, with: &str) {
        let before = self.findings(who).len();
        self.check(asker, contact, with).await;
        // One that is a hit for certain comes after it.
        let (control, asker_name) = (format!("control:{}", word()), NAMES[asker.0]);
        let allowed = self.allow(who, &control, asker_name).await;
        self.check(asker, &control, with).await;
        self.until_found(who, before + 1).await;
        assert_eq!(self.findings(who).iter().filter(|view| view.allowed == [allowed]).count(), 1);
    }
}

#[tokio::test]
async fn a_hit_is_told_once_a_person_on_each_side_has_agreed() {
    let mut federation = Federation::of(2).await;
    federation.keep_secret("leyla@wrennock".into(), &[]);
    let allowed = federation.allow(BOREALIS, NUMBER, "amal").await;
    let check = federation.check(AMAL, "0096 13 123 456", "borealis").await.check;
    federation.until_found(BOREALIS, 1).await;
    federation.settle().await;
    let there = federation.findings(BOREALIS).remove(0);
    assert_eq!((there.check, there.peer.as_str(), there.state.as_str()), (check, "amal", "waits"));
    assert_eq!(there.allowed, [allowed]);
    assert_eq!(federation.checks(AMAL)[0].state, "asked", "nobody here knows before somebody there agrees");

    assert_eq!(federation.decide(BOREALIS, &check, true).await.unwrap().state, "agreed");
    federation.settle().await;
    let told = federation.checks(AMAL).remove(0);
    assert_eq!((told.check, told.peer.as_str(), told.state.as_str()), (check, "borealis", "found"));
    let again = federation.decide(BOREALIS, &check, false).await.unwrap_err();
    assert!(again.to_string().starts_with("it was decided already"), "{again}");
    // What leaves is disclosed, and what people did is written down on both sides.
    let lines = federation.node(BOREALIS).disclosures(Default::default()).unwrap();
    assert_eq!(lines.iter().filter(|line| line.kind == "match").count(), 1);
    let deeds =
        |who: Who| federation.node(who).deeds(&DeedRange::default()).unwrap().into_iter().map(|deed| deed.what).collect::<BTreeSet<_>>();
    assert_eq!(deeds(AMAL), BTreeSet::from(["duplicate asked".to_owned()]));
    assert_eq!(deeds(BOREALIS), ["duplicate agreed", "duplicate allowed", "duplicate evaluated"].map(str::to_owned).into());
    assert_eq!(federation.node(BOREALIS).duplicates().unwrap().answered[0].answered, 1);
}

#[tokio::test]
async fn a_refusal_and_silence_look_like_a_miss() {
    let federation = Federation::of(2).await;
    for contact in ["telegram:refused", "telegram:silent"] {
        federation.allow(BOREALIS, contact, "amal").await;
    }
    let missed = federation.check(AMAL, "telegram:missed", "borealis").await.check;
    let refused = federation.check(AMAL, "telegram:refused", "borealis").await.check;
    federation.until_found(BOREALIS, 1).await;
    federation.decide(BOREALIS, &refused, false).await.unwrap();
    let silent = federation.check(AMAL, "telegram:silent", "borealis").await.check;
    federation.until_found(BOREALIS, 2).await;
    federation.settle().await;
    let alike = |state: &str| {
        let views = federation.checks(AMAL);
        let of = |check: CheckId| {
            let view = views.iter().find(|view| view.check == check).expect("a check").clone();
            CheckView { check: missed, ..view }
        };
        assert_eq!(of(missed).state, state);
        assert_eq!((of(refused), of(silent)), (of(missed), of(missed)), "nobody could tell them apart");
    };
    alike("asked");
    // Nothing of it has come to amal, in no log.
    assert_eq!(federation.entries(AMAL, BOREALIS), 0);
    federation.pass(7 * DAY).await;
    alike("nothing_told");
    let late = federation.decide(BOREALIS, &silent, true).await.unwrap_err();
    assert!(late.to_string().starts_with("it is too late"), "{late}");
}

const LEADS: Roles = Roles::one(desk::Role::Lead);

/// Who at a desk is told that somebody tries too often, by each notice.
fn tries_told(federation: &Federation, who: Who) -> Vec<Roles> {
    let notices = federation.node(who).store.snapshot().unwrap().notices().unwrap().into_iter();
    let told = notices.filter_map(|row| match row.message {
        notify::Message::One(notice) if notice.event == notify::Event::MatchTries => Some(notice.to),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn what_is_answered_in_a_day_is_bounded_and_a_restart_forgives_nothing() {
    let mut federation = Federation::with(3, |_, config| {
        let channel = "[[channel]]\nname = \"page\"\nkind = \"command\"\nprogram = \"/bin/true\"\n";
        config.notify = toml::from_str(channel).unwrap();
        (config.duplicates.per_peer_max, config.duplicates.per_day_max) = (3, 4);
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(CEDAR, BOREALIS).await;
    federation.settle().await;
    for turn in 0..3 {
        assert_eq!(federation.check(AMAL, "telegram:x", "borealis").await.state, "answered", "turn {turn}");
    }
    assert!(tries_told(&federation, BOREALIS).is_empty(), "nobody is told of what is answered");
    assert_eq!(federation.check(AMAL, "telegram:x", "borealis").await.state, "used_up");
    assert_eq!(tries_told(&federation, BOREALIS), [LEADS]);
    federation.restart(BOREALIS).await;
    federation.settle().await;
    assert_eq!(federation.check(AMAL, "telegram:x", "borealis").await.state, "used_up", "after a restart too");
    assert_eq!(tries_told(&federation, BOREALIS), [LEADS], "once a day of the same");
    assert_eq!(federation.check(CEDAR, "telegram:x", "borealis").await.state, "answered", "the fourth of all");
    assert_eq!(federation.check(CEDAR, "telegram:x", "borealis").await.state, "used_up", "and the last");
    assert_eq!(tries_told(&federation, BOREALIS), [LEADS; 2], "and of each");
    assert!([AMAL, CEDAR].iter().all(|who| tries_told(&federation, *who).is_empty()), "where they asked too often");
    let answered = federation.node(BOREALIS).duplicates().unwrap().answered;
    let counts: BTreeSet<(String, u64, u64)> = answered.into_iter().map(|view| (view.peer, view.answered, view.refused)).collect();
    assert_eq!(counts, BTreeSet::from([("amal".to_owned(), 3, 2), ("cedar".to_owned(), 1, 1)]));
    assert_eq!(federation.logged("a peer asks more often than is answered"), 2, "once a day for each");
    assert_eq!(federation.checks(AMAL).iter().filter(|view| view.state == "refused").count(), 2);
    federation.pass(DAY).await;
    federation.settle().await;
    assert_eq!(federation.check(AMAL, "telegram:x", "borealis").await.state, "answered", "the next day");
    assert_eq!(tries_told(&federation, BOREALIS), [LEADS; 2]);
}

/// Who makes an organisation searches for an id that begins like a partner's (2^32 tries for eight bytes give two of them).
#[tokio::test]
async fn organisations_whose_ids_begin_alike_do_not_reset_each_others_counts() {
    let federation = Federation::with(1, |_, config| config.duplicates.per_peer_max = 2).await;
    let alike = [OrgId([7; 32]), OrgId(std::array::from_fn(|at| if at < 31 { 7 } else { 8 }))];
    for turn in 0..4_u8 {
        for peer in alike {
            let said =
                Said::Query { check: CheckId([turn; 16]), blinded: *Question::new(b"x").unwrap().blinded(), purpose: Purpose::Contact };
            // What would be answered goes to nobody: they are not paired. Counted it is before.
            assert!(federation.node(AMAL).clone().hear_duplicate(peer, said).await.unwrap().is_none());
        }
    }
    let answered = federation.node(AMAL).duplicates().unwrap().answered;
    let counts: BTreeSet<(String, u64)> = answered.into_iter().map(|view| (view.peer, view.answered)).collect();
    assert_eq!(counts, alike.map(|peer| (peer.to_string(), 2)).into());
}

#[tokio::test]
async fn nobody_at_the_desk_has_more_evaluated_in_a_day_than_is_set() {
    let mut federation = Federation::with(1, |_, config| config.duplicates.own_per_day_max = 3).await;
    for _ in 0..3 {
        federation.own_value(AMAL, NUMBER).await;
    }
    let blinded = BASE64.encode(Question::new(b"x").unwrap().blinded());
    let more = || EvaluateRequest { blinded: vec![blinded.clone()] };
    for turn in 0..3 {
        if turn == 2 {
            federation.restart(AMAL).await;
        }
        let error = federation.node(AMAL).evaluate_own(more(), By::default()).await.unwrap_err();
        assert!(error.to_string().starts_with("3 contacts are evaluated here in a day"), "{error}");
    }
    assert_eq!(federation.logged("more contacts than a day's are to be evaluated here"), 1, "once a day");
    let answered = federation.node(AMAL).duplicates().unwrap().answered;
    assert_eq!(answered.iter().map(|view| (view.peer.as_str(), view.answered, view.refused)).collect::<Vec<_>>(), [("us", 3, 3)]);
    federation.pass(DAY).await;
    assert!(federation.node(AMAL).evaluate_own(more(), By::default()).await.is_ok(), "the next day");
}

/// How long a write takes is seen from what else the peer sends meanwhile.
#[tokio::test]
async fn a_ticket_writes_as_often_where_it_finds_nothing() {
    let federation = Federation::of(2).await;
    federation.allow(BOREALIS, LEYLA, "amal").await;
    let nothing = || federation.node(BOREALIS).store.snapshot().unwrap().all_kept(Shelf::DuplicateNothing).unwrap();
    federation.check(AMAL, LEYLA, "borealis").await;
    federation.until_found(BOREALIS, 1).await;
    assert!(nothing().is_empty());
    for _ in 0..3 {
        federation.check(AMAL, "telegram:missed", "borealis").await;
    }
    federation.until("a miss is written too", || nothing().len() == 2).await;
    let found = federation.node(BOREALIS).store.snapshot().unwrap().all_kept(Shelf::DuplicateFound).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(nothing()[0].1.len(), found[0].1.len(), "of the same size");
    assert!(nothing().iter().all(|(_, bytes)| bytes.iter().all(|byte| *byte == 0)), "it says nothing of whose check it was");
}

#[tokio::test]
async fn a_node_that_is_told_to_answer_nobody_says_so() {
    let federation = Federation::with(2, |who, config| {
        if who == BOREALIS {
            config.duplicates.per_peer_max = 0;
        }
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    assert_eq!(federation.check(AMAL, "telegram:x", "borealis").await.state, "not_there");
}

#[tokio::test]
async fn what_may_be_matched_ends_with_its_time_its_consent_and_its_case() {
    let federation = Federation::of(3).await;
    federation.allow(BOREALIS, "telegram:cedars", "cedar").await;
    federation.nothing_is_found(BOREALIS, AMAL, "telegram:cedars", "borealis").await;
    // Its time.
    let until = Some(federation.clock.now().plus(DAY));
    federation.allow_as(BOREALIS, "telegram:short", "amal", |request| request.until = until).await.unwrap();
    federation.pass(DAY).await;
    federation.settle().await;
    federation.nothing_is_found(BOREALIS, AMAL, "telegram:short", "borealis").await;
    // Its case.
    let id = federation.refer(CEDAR, case(&["borealis"])).await;
    federation.settle().await;
    federation.allow_as(BOREALIS, "telegram:case", "amal", |request| request.referral = Some(id.to_string())).await.unwrap();
    let check = federation.check(AMAL, "telegram:case", "borealis").await.check;
    federation.until("the check has found a case", || federation.findings(BOREALIS).iter().any(|view| view.check == check)).await;
    let found = federation.findings(BOREALIS).into_iter().find(|view| view.check == check).unwrap();
    assert_eq!(found.referrals, [id]);
    federation.act(CEDAR, &id, Act::Withdraw { revoked: true }).await;
    federation.settle().await;
    let gone = federation.decide(BOREALIS, &check, true).await.unwrap_err();
    assert!(matches!(gone, NodeError::Withheld(Withheld::NoConsent)), "{gone}");
    federation.nothing_is_found(BOREALIS, AMAL, "telegram:case", "borealis").await;
    let allowed = || federation.node(BOREALIS).duplicates().unwrap().allowed;
    federation.until_upkeep("what is over is destroyed", || allowed().iter().all(|view| view.referral.is_none())).await;
}

#[tokio::test]
async fn whoever_answers_with_another_key_than_its_cards_is_told_nothing() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_as(Role::Called, &federation, AMAL).await;
    let mut stream = rogue.link().await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    let other = MatchKey::from_seed(&[9; 32]).unwrap();
    for (key, honest) in [(&*rogue.identity.match_key(), true), (&other, false)] {
        let subject = Subject::typed(LEYLA).unwrap();
        let question = Question::new(subject.input()).unwrap();
        let checks = vec![One { to: ROGUE.into(), blinded: BASE64.encode(question.blinded()) }];
        let request = CheckRequest { checks, consent: Basis::Explicit, referral: None };
        let node = federation.node(AMAL).clone();
        let asked = tokio::spawn(async move { node.check_duplicates(request, By::default()).await });
        let Kind::DuplicateQuery(query) = stream.until(|kind| matches!(kind, Kind::DuplicateQuery(_))).await else { unreachable!() };
        stream.say(Kind::DuplicateAnswer(answer(key, &query, &[]))).await;
        let view = asked.await.unwrap().unwrap().remove(0);
        assert_eq!(ticket(&subject, &question, &view).is_ok(), honest);
    }
}

/// An answer of somebody who has these values.
fn answer(key: &MatchKey, query: &wire::DuplicateQuery, slots: &[[u8; 16]]) -> wire::DuplicateAnswer {
    let evaluated = key.evaluate(&query.blinded.as_slice().try_into().unwrap()).unwrap();
    let mut all: Vec<[u8; 16]> = slots.iter().copied().chain(std::iter::repeat_with(random)).take(1_024).collect();
    all.sort_unstable();
    wire::DuplicateAnswer {
        check: query.check.clone(),
        evaluated: evaluated.element.to_vec(),
        proof: evaluated.proof.to_vec(),
        nonce: random::<32>().to_vec(),
        slots: all.concat(),
        ..Default::default()
    }
}

/// Eight bytes in a row that two sets of frames have in common: nothing that is random has any.
fn in_common(one: &[Vec<u8>], other: &[Vec<u8>]) -> usize {
    let runs = |frames: &[Vec<u8>]| frames.iter().flat_map(|frame| frame.windows(8).map(<[u8]>::to_vec)).collect::<BTreeSet<_>>();
    runs(one).intersection(&runs(other)).count()
}

/// What somebody who knows the contact would look for: it, and what is usually made of it.
fn derived(contact: &str) -> Vec<Vec<u8>> {
    let subject = Subject::typed(contact).unwrap();
    let texts = [contact.as_bytes().to_vec(), subject.input().to_vec()];
    let hashes = texts.iter().flat_map(|text| {
        let bare = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text).as_ref().to_vec();
        let long = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, text).as_ref().to_vec();
        let short = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text).as_ref().to_vec();
        [bare, long, short, sha256_framed("watchfire/duplicate/contact/v1", &[text]).to_vec()]
    });
    // Of a hash its first eight bytes are enough.
    texts.iter().cloned().chain(hashes.map(|hash| hash[..8].to_vec())).collect()
}

fn tells(frames: &[Vec<u8>], contact: &str) -> bool {
    derived(contact).iter().any(|wanted| frames.iter().any(|frame| frame.windows(wanted.len()).any(|window| window == wanted)))
}

/// Asks a peer that looks at everything, which has this contact or has not. The frames that it was sent.
async fn frames_of(federation: &Federation, rogue: &Rogue, stream: &mut Stream, contact: &str, has_it: bool, leaks: bool) -> Vec<Vec<u8>> {
    let subject = Subject::typed(contact).unwrap();
    let question = Question::new(subject.input()).unwrap();
    let checks = vec![One { to: ROGUE.into(), blinded: BASE64.encode(question.blinded()) }];
    let node = federation.node(AMAL).clone();
    let request = CheckRequest { checks, consent: Basis::Explicit, referral: None };
    let asked = tokio::spawn(async move { node.check_duplicates(request, By::default()).await });
    let Kind::DuplicateQuery(query) = stream.until(|kind| matches!(kind, Kind::DuplicateQuery(_))).await else { unreachable!() };
    let (key, asker, asked_org) = (rogue.identity.match_key(), federation.org(AMAL), rogue.identity.org());
    let mut answer = answer(&key, &query, &[]);
    if has_it {
        // As a node makes it of its own value.
        let own = Question::new(subject.input()).unwrap();
        let value = own.finish(subject.input(), &key.evaluate(own.blinded()).unwrap(), &key.public()).unwrap();
        let (check, blinded) = (CheckId(query.check.as_slice().try_into().unwrap()), query.blinded.as_slice().try_into().unwrap());
        let round = Round::new(Purpose::Contact, (&asker, &asked_org), &check, &blinded, &answer.nonce.as_slice().try_into().unwrap());
        answer.slots = watchfire::model::duplicate::slots([&value], &round);
    }
    stream.say(Kind::DuplicateAnswer(answer)).await;
    let view = asked.await.unwrap().unwrap().remove(0);
    let ticket = match leaks {
        // The planted fault: an asker that says a hash.
        true => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, subject.input()).as_ref()[..16].try_into().unwrap(),
        false => ticket(&subject, &question, &view).unwrap(),
    };
    let claims = vec![Claim { check: view.check, secret: view.secret.clone(), ticket: BASE64.encode(&ticket) }];
    federation.node(AMAL).claim_duplicates(ClaimRequest { claims }).await.unwrap();
    let Kind::DuplicateClaim(claim) = stream.until(|kind| matches!(kind, Kind::DuplicateClaim(_))).await else { unreachable!() };
    [Kind::DuplicateQuery(query), Kind::DuplicateClaim(claim)].map(|kind| wire::Frame { frame: Some(kind) }.encode_to_vec()).to_vec()
}

#[tokio::test]
async fn what_an_asker_sends_is_the_same_for_a_hit_and_a_miss_and_tells_nothing_of_the_contact() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_as(Role::Called, &federation, AMAL).await;
    let mut stream = rogue.link().await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    let mut all = Vec::new();
    for has_it in [false, true, false, true] {
        all.push(frames_of(&federation, &rogue, &mut stream, LEYLA, has_it, false).await);
    }
    let sizes = |frames: &[Vec<u8>]| frames.iter().map(Vec::len).collect::<Vec<_>>();
    assert!(all.iter().all(|frames| sizes(frames) == sizes(&all[0])), "one size, hit or miss");
    for (place, frames) in all.iter().enumerate() {
        assert!(!tells(frames, LEYLA));
        for other in &all[..place] {
            assert_eq!(in_common(frames, other), 0, "the same contact, asked again, has other bytes");
        }
    }
    // The control: the same search finds an asker that says a hash, both ways.
    let leaks = [
        frames_of(&federation, &rogue, &mut stream, LEYLA, false, true).await,
        frames_of(&federation, &rogue, &mut stream, LEYLA, false, true).await,
    ];
    assert!(tells(&leaks[0], LEYLA));
    assert!(in_common(&leaks[0], &leaks[1]) > 0);
}

#[tokio::test]
async fn what_the_asked_sends_is_the_same_for_a_hit_and_a_miss_and_has_nothing_in_common_from_one_time_to_the_next() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let mut stream = rogue.link().await;
    let mut answers = Vec::new();
    for turn in 0..4_u8 {
        if turn == 2 {
            federation.allow(AMAL, LEYLA, ROGUE).await;
        }
        let subject = Subject::typed(LEYLA).unwrap();
        let question = Question::new(subject.input()).unwrap();
        let check = CheckId([turn; 16]);
        stream
            .say(Kind::DuplicateQuery(wire::DuplicateQuery { check: check.0.to_vec(), blinded: question.blinded().to_vec(), purpose: 0 }))
            .await;
        let Kind::DuplicateAnswer(answer) = stream.until(|kind| matches!(kind, Kind::DuplicateAnswer(_))).await else { unreachable!() };
        // Under the key that the card names, and a slot is its own exactly where it is allowed.
        let evaluated =
            Evaluated { element: answer.evaluated.clone().try_into().unwrap(), proof: answer.proof.clone().try_into().unwrap() };
        let key = federation.node(AMAL).keys.card().content().match_key.expect("the card names it");
        let value = question.finish(subject.input(), &evaluated, &key).unwrap();
        let nonce: [u8; 32] = answer.nonce.clone().try_into().unwrap();
        let round = Round::new(Purpose::Contact, (&rogue.identity.org(), &federation.org(AMAL)), &check, question.blinded(), &nonce);
        let (once, twice) = (claim(&value, &round, &answer.slots), claim(&value, &round, &answer.slots));
        assert_eq!(once == twice, turn >= 2, "a ticket is the same each time, random bytes are not");
        answers.push(vec![wire::Frame { frame: Some(Kind::DuplicateAnswer(answer)) }.encode_to_vec()]);
        if turn == 3 {
            stream.say(Kind::DuplicateClaim(wire::DuplicateClaim { check: check.0.to_vec(), ticket: once.to_vec() })).await;
            // Again, and for another check: nothing more comes of it.
            stream.say(Kind::DuplicateClaim(wire::DuplicateClaim { check: check.0.to_vec(), ticket: once.to_vec() })).await;
            stream.say(Kind::DuplicateClaim(wire::DuplicateClaim { check: vec![2; 16], ticket: once.to_vec() })).await;
        }
    }
    federation.until_found(AMAL, 1).await;
    federation.pass(1_000).await;
    assert_eq!(federation.findings(AMAL).iter().map(|view| view.check).collect::<Vec<_>>(), [CheckId([3; 16])]);
    for (place, answer) in answers.iter().enumerate() {
        assert_eq!(answer[0].len(), answers[0][0].len(), "one size, whatever is allowed");
        assert!(!tells(answer, LEYLA));
        // The check's id is the asker's to choose, and has repeats here.
        assert!(answers[..place].iter().all(|other| in_common(answer, other) == 0));
    }
}

#[tokio::test]
async fn a_peer_that_is_suspended_or_breaks_off_is_not_asked_and_says_so() {
    let federation = Federation::of(2).await;
    federation.cut(AMAL, BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    let question = Question::new(b"x").unwrap();
    let checks = vec![One { to: "borealis".into(), blinded: BASE64.encode(question.blinded()) }];
    let request = CheckRequest { checks, consent: Basis::Verbal, referral: None };
    let error = federation.node(AMAL).check_duplicates(request, By::default()).await.unwrap_err();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{error}");
    assert!(federation.checks(AMAL).is_empty(), "nothing was asked");
    federation.heal(AMAL, BOREALIS);
    federation.settle().await;
    let stale =
        ClaimRequest { claims: vec![Claim { check: CheckId([1; 16]), secret: ClaimSecret::fresh(), ticket: BASE64.encode(&[0; 16]) }] };
    let error = federation.node(AMAL).claim_duplicates(stale).await.unwrap_err();
    assert!(error.to_string().starts_with("the check is not under way any more"), "{error}");
}

/// A check of amal's that the rogue has answered, and what follows.
async fn answered_by(federation: &Federation, rogue: &Rogue, stream: &mut Stream) -> Claim {
    let subject = Subject::typed(LEYLA).unwrap();
    let question = Question::new(subject.input()).unwrap();
    let checks = vec![One { to: ROGUE.into(), blinded: BASE64.encode(question.blinded()) }];
    let request = CheckRequest { checks, consent: Basis::Explicit, referral: None };
    let node = federation.node(AMAL).clone();
    let asked = tokio::spawn(async move { node.check_duplicates(request, By::default()).await });
    let Kind::DuplicateQuery(query) = stream.until(|kind| matches!(kind, Kind::DuplicateQuery(_))).await else { unreachable!() };
    stream.say(Kind::DuplicateAnswer(answer(&rogue.identity.match_key(), &query, &[]))).await;
    let view = asked.await.unwrap().unwrap().remove(0);
    Claim { check: view.check, ticket: BASE64.encode(&ticket(&subject, &question, &view).unwrap()), secret: view.secret }
}

#[tokio::test]
async fn what_is_told_of_a_check_counts_from_its_ticket_to_its_end() {
    let federation = Federation::with(1, |_, config| config.duplicates.answer_days = 1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let mut head = Head::default();
    let mut stream = rogue.asked(head).await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    let claim = async |claim: &Claim| federation.node(AMAL).claim_duplicates(ClaimRequest { claims: vec![claim.clone()] }).await;
    let mut tell = async |stream: &mut Stream, checks: &[&Claim]| {
        let entry = |one: &&Claim| rogue.entry_of(RecordKind::Match.number(), encode_record(&Record::Match(one.check)));
        let (batch, frames) = rogue.batch(head, checks.iter().map(entry).collect(), &rogue.identity.log_key());
        head = batch.checkpoint.head;
        stream.say_all(frames).await;
        assert!(stream.acknowledged().await.verdicts.is_empty(), "each is taken as a record");
    };
    let state = |one: &Claim| federation.checks(AMAL).into_iter().find(|view| view.check == one.check).unwrap().state;
    // Told before a ticket has left, of which nobody could know anything.
    let early = answered_by(&federation, &rogue, &mut stream).await;
    tell(&mut stream, &[&early]).await;
    claim(&early).await.unwrap();
    let control = answered_by(&federation, &rogue, &mut stream).await;
    claim(&control).await.unwrap();
    tell(&mut stream, &[&control]).await;
    federation.until("the control is found", || state(&control) == "found").await;
    assert_eq!(state(&early), "asked");
    // Told when its time is over.
    let late = answered_by(&federation, &rogue, &mut stream).await;
    claim(&late).await.unwrap();
    federation.pass(DAY).await;
    let control = answered_by(&federation, &rogue, &mut stream).await;
    claim(&control).await.unwrap();
    tell(&mut stream, &[&late, &control]).await;
    federation.until("the control is found", || state(&control) == "found").await;
    assert_eq!(state(&late), "nothing_told");
}

#[tokio::test]
async fn a_ticket_is_taken_from_whoever_started_the_check_alone() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let mut stream = rogue.link().await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    let right = answered_by(&federation, &rogue, &mut stream).await;
    let listed = serde_json::to_string(&federation.node(AMAL).duplicates().unwrap()).unwrap();
    assert!(listed.contains(&right.check.to_string()) && !listed.contains("secret"), "{listed}");
    let wrong = Claim { secret: ClaimSecret::fresh(), ..right.clone() };
    for claims in [vec![wrong.clone()], vec![right.clone(), wrong], vec![right.clone(), right.clone()]] {
        let error = federation.node(AMAL).claim_duplicates(ClaimRequest { claims }).await.unwrap_err();
        assert!(error.to_string().starts_with("the check is not under way any more"), "{error}");
    }
    federation.node(AMAL).claim_duplicates(ClaimRequest { claims: vec![right.clone()] }).await.unwrap();
    let Kind::DuplicateClaim(claim) = stream.until(|kind| matches!(kind, Kind::DuplicateClaim(_))).await else { unreachable!() };
    assert_eq!(BASE64.encode(&claim.ticket), right.ticket);
    // What nobody claims is not waited for for ever.
    let stale = answered_by(&federation, &rogue, &mut stream).await;
    federation.pass(11 * MINUTE).await;
    let error = federation.node(AMAL).claim_duplicates(ClaimRequest { claims: vec![stale] }).await.unwrap_err();
    assert!(error.to_string().starts_with("the check is not under way any more"), "{error}");
}
