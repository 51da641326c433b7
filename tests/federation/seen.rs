//! Partners are asked whether they have seen a value: whoever has not learns nothing of it, and whoever has is told that somebody asks.

use crate::desk;
use crate::harness::rogue::{ROGUE, Rogue, Role, Stream};
use crate::harness::*;
use prost::Message;
use std::collections::BTreeSet;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::model::Timestamp;
use watchfire::model::crypto::{framed, random};
use watchfire::model::duplicate::{Purpose, Question};
use watchfire::node::NodeError;
use watchfire::node::duplicate::{SeenAllowRequest, SeenAnswer, SeenAskRequest, SeenDisallowRequest, SeenValueView};
use watchfire::node::referral::{By, DeedRange};
use watchfire::rules::lists::Severity;

const LURE: &str = "login-lure.com";
const OTHER: &str = "fresh-lure.com";

impl Federation {
    async fn allow_seen(&self, who: Who, values: &[&str], with: &str) -> Result<Vec<SeenValueView>, NodeError> {
        let request = SeenAllowRequest { values: texts(values), kind: None, with: vec![with.into()], until: None };
        self.node(who).allow_seen(request, By::default()).await
    }

    async fn ask_seen(&self, who: Who, values: &[&str], to: &[&str]) -> Result<Vec<SeenAnswer>, NodeError> {
        let request = SeenAskRequest { values: texts(values), kind: None, to: texts(to) };
        self.node(who).ask_seen(request, By::default()).await
    }

    /// What each says of each value.
    async fn said(&self, who: Who, values: &[&str], to: &[&str]) -> Vec<(String, String, String)> {
        let answers = self.ask_seen(who, values, to).await.unwrap();
        answers.into_iter().map(|one| (one.value, one.to, one.state)).collect()
    }

    /// Who asked about what there, and was told, once there are so many.
    async fn asked(&self, who: Who, count: usize) -> Vec<(String, String)> {
        let found = || self.node(who).seen_values().unwrap().found;
        self.until("people there are told who asked", || found().len() >= count).await;
        found().into_iter().map(|one| (one.peer, one.value)).collect()
    }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn said(all: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    all.iter().map(|(value, to, state)| ((*value).into(), (*to).into(), (*state).into())).collect()
}

#[tokio::test]
async fn a_group_is_asked_and_those_who_have_seen_it_and_let_us_ask_say_so() {
    let federation = Federation::of(4).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.allow_seen(BOREALIS, &["hxxps://login-lure[.]com/a", LURE], "partners").await.unwrap();
    // Dunya is in no group with Amal, and Cedar lets Borealis ask alone.
    federation.allow_seen(CEDAR, &[LURE], "borealis").await.unwrap();
    federation.allow_seen(DUNYA, &[LURE], "borealis").await.unwrap();
    let answers = federation.said(AMAL, &["LOGIN-LURE.com", OTHER], &["partners", "dunya"]).await;
    let expected = [
        (OTHER, "borealis", "nothing_told"),
        (OTHER, "cedar", "nothing_told"),
        (OTHER, "dunya", "nothing_told"),
        (LURE, "borealis", "seen"),
        (LURE, "cedar", "nothing_told"),
        (LURE, "dunya", "nothing_told"),
    ];
    assert_eq!(answers, said(&expected));
    assert_eq!(federation.asked(BOREALIS, 1).await, [("amal".to_owned(), LURE.to_owned())]);
    federation.settle().await;
    assert!([AMAL, CEDAR, DUNYA].iter().all(|who| federation.node(*who).seen_values().unwrap().found.is_empty()));
    // Whoever is no member any more is nobody whom it may be told.
    federation.node(AMAL).group_remove("partners", "borealis").await.unwrap();
    federation.settle().await;
    assert_eq!(federation.said(AMAL, &[LURE], &["borealis"]).await, said(&[(LURE, "borealis", "nothing_told")]));
}

#[tokio::test]
async fn what_may_be_asked_about_ends_with_its_time_and_by_a_word() {
    let mut federation = Federation::with(2, |_, config| config.seen.allowed_days_max = 30).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    federation.allow_seen(BOREALIS, &[LURE, OTHER], "amal").await.unwrap();
    federation.restart(BOREALIS).await;
    federation.settle().await;
    let both = |states: [&str; 2]| said(&[(OTHER, "borealis", states[0]), (LURE, "borealis", states[1])]);
    assert_eq!(federation.said(AMAL, &[LURE, OTHER], &["borealis"]).await, both(["seen", "seen"]));
    let end = SeenDisallowRequest { values: texts(&[LURE]), kind: None };
    federation.node(BOREALIS).disallow_seen(end.clone(), By::default()).await.unwrap();
    assert_eq!(federation.said(AMAL, &[LURE, OTHER], &["borealis"]).await, both(["seen", "nothing_told"]));
    let error = federation.node(BOREALIS).disallow_seen(end, By::default()).await.unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("`watchfire seen list` shows them"));
    // Before upkeep has come by.
    federation.tick(30 * DAY);
    assert_eq!(federation.said(AMAL, &[OTHER], &["borealis"]).await, said(&[(OTHER, "borealis", "nothing_told")]));
    federation.pass(DAY).await;
    federation.settle().await;
    assert_eq!(federation.said(AMAL, &[LURE, OTHER], &["borealis"]).await, both(["nothing_told", "nothing_told"]));
    federation.until_upkeep("it is gone", || federation.node(BOREALIS).seen_values().unwrap().values.is_empty()).await;
    let late = SeenAllowRequest { values: texts(&[LURE]), kind: None, with: texts(&["amal"]), until: Some(Timestamp(u64::MAX)) };
    let error = federation.node(BOREALIS).allow_seen(late, By::default()).await.unwrap_err();
    assert_eq!(error.detail(), "it may be asked about for 30 days at the most, from now on");
}

#[tokio::test]
async fn what_the_gate_would_hold_back_and_what_is_no_value_may_not_be_asked_about() {
    let federation = Federation::with(2, |_, config| config.gate.reserved = Severity::Hold).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    for (values, why) in [
        (&["192.0.2.7"][..], "`192.0.2.7`: it is reserved for examples and tests"),
        (&[LURE, "no value"][..], "cannot tell what `no value` is"),
        (&[][..], "no value is given, or more than 1000"),
    ] {
        let error = federation.allow_seen(AMAL, values, "borealis").await.unwrap_err();
        assert!(error.to_string().starts_with(why), "{error}");
    }
    let nobody = SeenAllowRequest { values: texts(&[LURE]), kind: None, with: Vec::new(), until: None };
    assert!(federation.node(AMAL).allow_seen(nobody, By::default()).await.is_err());
    assert!(matches!(federation.allow_seen(AMAL, &[LURE], "zephyr").await, Err(NodeError::UnknownAudience(_))));
    assert!(federation.node(AMAL).seen_values().unwrap().values.is_empty());
    assert!(federation.ask_seen(AMAL, &[LURE], &[]).await.is_err());
    let many: Vec<String> = (0..21).map(|n| format!("lure{n}.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(
        federation.ask_seen(AMAL, &many, &["borealis"]).await.unwrap_err().to_string().starts_with("no value is given, or more than 20")
    );
}

#[tokio::test]
async fn questions_of_a_day_are_counted_apart_from_checks_and_over_restarts() {
    let mut federation = Federation::with(3, |who, config| {
        if who == BOREALIS {
            (config.seen.per_peer_max, config.seen.per_day_max, config.duplicates.per_peer_max) = (3, 5, 1);
        }
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(CEDAR, BOREALIS).await;
    federation.settle().await;
    let states = async |federation: &Federation, who: Who, values: &[&str]| {
        let answers = federation.ask_seen(who, values, &["borealis"]).await.unwrap();
        answers.into_iter().map(|one| one.state).collect::<Vec<_>>()
    };
    assert_eq!(states(&federation, AMAL, &[LURE, OTHER]).await, ["nothing_told", "nothing_told"]);
    federation.restart(BOREALIS).await;
    federation.settle().await;
    let mut more = states(&federation, AMAL, &[LURE, OTHER]).await;
    more.sort();
    assert_eq!(more, ["nothing_told", "used_up"]);
    let mut others = states(&federation, CEDAR, &["a-lure.com", "b-lure.com", "c-lure.com"]).await;
    others.sort();
    assert_eq!(others, ["nothing_told", "nothing_told", "used_up"], "five of all in a day");
    let answered = federation.node(BOREALIS).seen_values().unwrap().answered;
    let counts: BTreeSet<(String, u64, u64)> = answered.into_iter().map(|view| (view.peer, view.answered, view.refused)).collect();
    assert_eq!(counts, BTreeSet::from([("amal".to_owned(), 3, 1), ("cedar".to_owned(), 2, 1)]));
    assert!(federation.node(BOREALIS).duplicates().unwrap().answered.is_empty(), "checks for duplicates are others");
    assert_eq!(federation.logged("a peer asks more often than is answered"), 2, "once a day for each");
}

#[tokio::test]
async fn whoever_is_not_linked_is_named_and_an_older_node_answers_no_such_question() {
    let mut federation = Federation::of(2).await;
    let borealis = federation.org(BOREALIS);
    federation.kill(BOREALIS);
    federation.until("the link is down", || !federation.node(AMAL).link_view(&borealis).up).await;
    assert_eq!(federation.said(AMAL, &[LURE], &["borealis"]).await, said(&[(LURE, "borealis", "not_linked")]));
    federation.start(BOREALIS).await;
    let rogue = Rogue::paired_as(Role::Called, &federation, AMAL).await;
    let mut stream = rogue.link().await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    let node = federation.node(AMAL).clone();
    let asked = tokio::spawn(async move {
        node.ask_seen(SeenAskRequest { values: texts(&[LURE]), kind: None, to: texts(&[ROGUE]) }, By::default()).await
    });
    let query = next_query(&mut stream).await;
    // As a node does that knows nothing of a purpose: about contacts, under the key of its card.
    let evaluated = rogue.identity.match_key().evaluate(&query.blinded.as_slice().try_into().unwrap()).unwrap();
    let mut slots: Vec<[u8; 16]> = std::iter::repeat_with(random).take(1_024).collect();
    slots.sort_unstable();
    let answer = wire::DuplicateAnswer {
        check: query.check.clone(),
        evaluated: evaluated.element.to_vec(),
        proof: evaluated.proof.to_vec(),
        nonce: random::<32>().to_vec(),
        slots: slots.concat(),
        ..Default::default()
    };
    stream.say(Kind::DuplicateAnswer(answer)).await;
    let answers = asked.await.unwrap().unwrap();
    assert_eq!(answers[0].state, "not_there");
}

async fn next_query(stream: &mut Stream) -> wire::DuplicateQuery {
    let Kind::DuplicateQuery(query) = stream.until(|kind| matches!(kind, Kind::DuplicateQuery(_))).await else { unreachable!() };
    query
}

/// What one asked of a rogue that keeps every frame: the query, and the claim that follows its answer.
async fn round(federation: &Federation, rogue: &Rogue, stream: &mut Stream, value: &str, knows: &[&str]) -> (String, Vec<Vec<u8>>) {
    let node = federation.node(AMAL).clone();
    let request = SeenAskRequest { values: texts(&[value]), kind: None, to: texts(&[ROGUE]) };
    let asked = tokio::spawn(async move { node.ask_seen(request, By::default()).await });
    let query = next_query(stream).await;
    let key = rogue.identity.seen_key();
    let blinded: [u8; 32] = query.blinded.as_slice().try_into().unwrap();
    let evaluated = key.evaluate(&blinded).unwrap();
    let nonce = random::<32>();
    let check = watchfire::model::CheckId(query.check.as_slice().try_into().unwrap());
    let sides = (&federation.org(AMAL), &rogue.identity.org());
    let round = watchfire::model::duplicate::Round::new(Purpose::Sighting, sides, &check, &blinded, &nonce);
    let values: Vec<_> = knows.iter().map(|one| key.value(&input(one)).unwrap()).collect();
    let answer = wire::DuplicateAnswer {
        check: query.check.clone(),
        evaluated: evaluated.element.to_vec(),
        proof: evaluated.proof.to_vec(),
        nonce: nonce.to_vec(),
        slots: watchfire::model::duplicate::slots(&values, &round),
        key: key.public().bytes().to_vec(),
        ..Default::default()
    };
    stream.say(Kind::DuplicateAnswer(answer)).await;
    let Kind::DuplicateClaim(claim) = stream.until(|kind| matches!(kind, Kind::DuplicateClaim(_))).await else { unreachable!() };
    let ticket: [u8; 16] = claim.ticket.as_slice().try_into().unwrap();
    let hit = watchfire::model::duplicate::tickets(&values, &round, &ticket);
    let of_the_value = key.value(&input(value)).unwrap();
    let its = watchfire::model::duplicate::tickets([&of_the_value], &round, &ticket);
    assert_eq!(its.is_empty(), hit.is_empty(), "on a miss it is not the value's, which the key could try out");
    let state = asked.await.unwrap().unwrap().remove(0).state;
    assert_eq!(!hit.is_empty(), state == "seen", "the ticket is right where it was seen alone");
    (state, vec![query.encode_to_vec(), claim.encode_to_vec()])
}

fn input(value: &str) -> Vec<u8> {
    let observable = watchfire::model::Observable::guess(value).unwrap();
    framed("watchfire/seen/input/v1", &[&[observable.kind().number()], observable.value().as_bytes()])
}

#[tokio::test]
async fn whoever_has_not_seen_it_gets_nothing_that_its_key_could_undo() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_as(Role::Called, &federation, AMAL).await;
    let mut stream = rogue.link().await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    let (state, frames) = round(&federation, &rogue, &mut stream, LURE, &[LURE, OTHER]).await;
    assert_eq!((state.as_str(), frames[0].len(), frames[1].len()), ("seen", 54, 36));
    let (state, missed) = round(&federation, &rogue, &mut stream, LURE, &[OTHER]).await;
    assert_eq!(state, "nothing_told");
    let (_, again) = round(&federation, &rogue, &mut stream, LURE, &[OTHER]).await;
    assert_eq!(missed.iter().map(Vec::len).collect::<Vec<_>>(), frames.iter().map(Vec::len).collect::<Vec<_>>(), "of the same sizes");
    let runs = |frames: &[Vec<u8>]| frames.iter().flat_map(|frame| frame.windows(8).map(<[u8]>::to_vec)).collect::<BTreeSet<_>>();
    assert!(runs(&missed).is_disjoint(&runs(&again)), "two questions about one value have nothing in common");
    let told = rogue.identity.seen_key().value(&input(LURE)).unwrap();
    assert!(runs(&missed).is_disjoint(&runs(&[told.bytes().to_vec(), LURE.as_bytes().to_vec()])));
}

#[tokio::test]
async fn what_a_newer_node_asks_is_refused_and_the_link_lives_on() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_as(Role::Called, &federation, AMAL).await;
    let mut stream = rogue.link().await;
    let query = |check: u8, purpose| {
        let blinded = Question::new(b"x").unwrap().blinded().to_vec();
        Kind::DuplicateQuery(wire::DuplicateQuery { check: vec![check; 16], blinded, purpose })
    };
    for (check, purpose, refused) in [(1, 7, 2), (2, 1, 0)] {
        stream.say(query(check, purpose)).await;
        let Kind::DuplicateAnswer(answer) = stream.until(|kind| matches!(kind, Kind::DuplicateAnswer(_))).await else { unreachable!() };
        assert_eq!((answer.check, answer.refused), (vec![check; 16], refused));
    }
}

#[tokio::test]
async fn who_lets_ask_and_who_asked_stand_in_the_deeds() {
    let federation = Federation::of(2).await;
    for who in [AMAL, BOREALIS] {
        desk::staff(federation.node(who)).await;
    }
    federation.allow_seen(BOREALIS, &[LURE], "amal").await.unwrap();
    federation.ask_seen(AMAL, &[LURE], &["borealis"]).await.unwrap();
    let deeds = |who: Who| federation.node(who).deeds(&DeedRange::default()).unwrap().into_iter().map(|deed| deed.what).collect::<Vec<_>>();
    assert_eq!((deeds(BOREALIS), deeds(AMAL)), (vec!["seen allowed".to_owned()], vec!["seen asked".to_owned()]));
}
