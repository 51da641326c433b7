//! A peer that is paired and does not keep to the protocol gets a reason and nothing else.

use crate::harness::rogue::{ROGUE, Rogue};
use crate::harness::*;
use prost::Message;
use tokio_util::sync::CancellationToken;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{LogState, Recall, have_frames, sign_recall};
use watchfire::link::session::{Ended, Session, outbox};
use watchfire::model::crypto::SigningKey;
use watchfire::model::log::{Audience, Head, LogKey};
use watchfire::model::record::{Withdrawal, WithdrawalMode};
use watchfire::model::{EntryHash, Tlp};
use watchfire::node::view::GroupCreate;
use watchfire::store::change::Verdict;

const EVIL: &str = "evil.example.org";
const NOWHERE: Head = Head { size: 1, hash: EntryHash([7; 32]) };

async fn alone() -> (Federation, Rogue) {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    (federation, rogue)
}

/// Nothing came in, and the operator is told why the link is down.
async fn nothing_came(federation: &Federation, code: &str) {
    assert!(!federation.finds(AMAL, EVIL));
    let rogue = || federation.node(AMAL).peer(ROGUE).unwrap().status;
    federation.until("the link is down", || rogue().state == "unreachable").await;
    assert_eq!(rogue().problem.unwrap().code, code);
}

#[tokio::test]
async fn an_incompatible_version_is_told_in_words() {
    let (_federation, rogue) = alone().await;
    let mut stream = rogue.connect().await;
    stream.say(Kind::Hello(rogue.hello(vec![98, 99]))).await;
    assert_eq!(stream.closed().await, ("version".into(), "the peer speaks protocol versions [98, 99], and we speak [1]".into()));
}

#[tokio::test]
async fn whoever_does_not_say_hello_first_is_told_so() {
    let (_federation, rogue) = alone().await;
    let mut stream = rogue.connect().await;
    stream.say(Kind::Have(wire::Have { complete: true, ..Default::default() })).await;
    assert_eq!(stream.closed().await, ("protocol".into(), "the first frame is not a hello".into()));
}

#[tokio::test]
async fn what_a_peer_says_when_it_closes_is_cut_short_from_its_first_frame_on() {
    let (federation, rogue) = alone().await;
    let close = wire::Close { code: "x".repeat(50_000), words: "\u{1b}[31m".repeat(5_000) };
    let said = tokio_stream::iter([Ok(wire::Frame { frame: Some(Kind::Close(close)) })]);
    let (outbox, _frames) = outbox();
    let session = Session::new(federation.node(AMAL).clone(), rogue.identity.org(), outbox, CancellationToken::new()).unwrap();
    let Ended::ByPeer { code, words } = session.run(said, || ()).await else { panic!("the peer has closed it") };
    assert_eq!((code.len(), words.len()), (200, 200));
    assert!(!words.contains('\u{1b}'));
}

#[tokio::test]
async fn nothing_that_a_peer_says_when_it_closes_stands_in_the_log() {
    let (mut federation, rogue) = alone().await;
    let secret = federation.secret(&[]);
    let mut stream = rogue.link().await;
    federation.until("the link is up", || federation.node(AMAL).link_view(&rogue.identity.org()).up).await;
    stream.say(Kind::Close(wire::Close { code: secret.clone(), words: secret.clone() })).await;
    nothing_came(&federation, &secret).await;
    assert!(federation.node(AMAL).peer(ROGUE).unwrap().status.problem.unwrap().text.contains(&secret), "the operator is told");
}

#[tokio::test]
async fn a_batch_with_anothers_signature_is_kept_as_evidence_alone() {
    let (mut federation, rogue) = alone().await;
    federation.expect_error("a batch does not verify");
    let mut stream = rogue.asked(NOWHERE).await;
    let (_, frames) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &SigningKey::generate());
    stream.say_all(frames).await;
    assert_eq!(stream.closed().await.0, "batch");
    nothing_came(&federation, "protocol").await;
    let suspicious = federation.node(AMAL).store.snapshot().unwrap().suspicious().unwrap();
    assert_eq!((suspicious.len(), suspicious[0].peer), (1, rogue.identity.org()));
    assert!(suspicious[0].what.contains("not signed by the log's author") && !suspicious[0].bytes.is_empty());
}

#[tokio::test]
async fn a_batch_that_follows_no_known_entry_is_kept_as_evidence_alone() {
    let (mut federation, rogue) = alone().await;
    federation.expect_error("a batch does not verify");
    let mut stream = rogue.asked(NOWHERE).await;
    let elsewhere = Head { size: 0, hash: EntryHash([9; 32]) };
    let (_, frames) = rogue.batch(elsewhere, vec![rogue.entry(EVIL)], &rogue.identity.log_key());
    stream.say_all(frames).await;
    assert_eq!(stream.closed().await.0, "batch");
    nothing_came(&federation, "protocol").await;
    assert_eq!(federation.node(AMAL).store.snapshot().unwrap().suspicious().unwrap().len(), 1);
    assert!(federation.node(AMAL).store.snapshot().unwrap().logs().unwrap().is_empty());
}

#[tokio::test]
async fn a_batch_that_nobody_asked_for_ends_the_link() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.link().await;
    let (_, frames) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key());
    stream.say_all(frames).await;
    let (code, words) = stream.closed().await;
    assert_eq!((code.as_str(), words.as_str()), ("protocol", "a batch of a log that was not asked for"));
    nothing_came(&federation, "protocol").await;
}

#[tokio::test]
async fn a_log_that_the_peer_may_not_give_is_not_asked_for() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.link().await;
    let amal = federation.org(AMAL);
    let stranger = Rogue::paired_with_nobody(&federation).org();
    let keys = [
        LogKey { author: stranger, incarnation: 1, audience: Audience::Direct(amal) },
        LogKey { author: rogue.identity.org(), incarnation: 1, audience: Audience::Direct(stranger) },
        LogKey { author: rogue.identity.org(), incarnation: 1, audience: Audience::Group(watchfire::model::GroupId([3; 32])) },
        LogKey { author: amal, incarnation: 1, audience: Audience::Direct(stranger) },
    ];
    let logs: Vec<LogState> = keys.iter().chain([&rogue.log()]).map(|key| LogState { key: *key, head: NOWHERE }).collect();
    for frame in have_frames(&logs, &[]) {
        stream.say(frame.frame.unwrap()).await;
    }
    let Kind::Want(want) = stream.until(|kind| matches!(kind, Kind::Want(_))).await else { unreachable!() };
    assert_eq!(want.log, rogue.log().id().0, "the first that it asks for is the last that was offered");
}

#[tokio::test]
async fn a_batch_beyond_the_bounds_ends_the_link() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.asked(NOWHERE).await;
    let meta = wire::BatchMeta { log: rogue.log().id().0.to_vec(), first: 1, count: 1_001, length: 10, ..Default::default() };
    stream.say(Kind::Batch(wire::Batch { meta: Some(meta), chunk: vec![0; 10].into(), last: true })).await;
    assert_eq!(stream.closed().await.1, "the batch is larger than any may be");
    nothing_came(&federation, "protocol").await;
    // A content that is small on the wire and large when it is decompressed: of no use in a direct log, bounded in a group log.
    let mut stream = rogue.asked(NOWHERE).await;
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    let meta = wire::BatchMeta { log: rogue.log().id().0.to_vec(), first: 1, count: 1, length: 1_000, zstd: true, ..Default::default() };
    let (batch, _) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key());
    let meta = wire::BatchMeta { checkpoint: Some(watchfire::link::convert::wire_checkpoint(&batch.checkpoint)), ..meta };
    stream.say(Kind::Batch(wire::Batch { meta: Some(meta), chunk: bomb.into(), last: true })).await;
    assert_eq!(stream.closed().await.1, "a batch of a direct log is not compressed");
}

#[tokio::test]
async fn a_frame_beyond_64_kib_ends_the_link() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.link().await;
    stream.say(Kind::Card(vec![0; 70 << 10])).await;
    while stream.hear().await.is_some() {}
    nothing_came(&federation, "stream").await;
}

#[tokio::test]
async fn a_label_that_does_not_exist_ends_the_link() {
    let (federation, rogue) = alone().await;
    for tlp in [5, 99, 1_000] {
        let mut stream = rogue.asked(NOWHERE).await;
        let (_, frames) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key());
        let [Kind::Batch(part)] = <[Kind; 1]>::try_from(frames).unwrap() else { unreachable!() };
        let mut content = wire::BatchContent::decode(&part.chunk[..]).unwrap();
        content.label = vec![tlp];
        let chunk = content.encode_to_vec();
        let meta = part.meta.map(|meta| wire::BatchMeta { length: chunk.len() as u32, ..meta });
        stream.say(Kind::Batch(wire::Batch { meta, chunk: chunk.into(), last: true })).await;
        assert_eq!(stream.closed().await.0, "protocol");
        nothing_came(&federation, "protocol").await;
    }
}

#[tokio::test]
async fn nobody_on_the_way_changes_a_label() {
    let (mut federation, rogue) = alone().await;
    federation.expect_error("a batch does not verify");
    let mut stream = rogue.asked(NOWHERE).await;
    let (_, frames) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key());
    let [Kind::Batch(part)] = <[Kind; 1]>::try_from(frames).unwrap() else { unreachable!() };
    let mut content = wire::BatchContent::decode(&part.chunk[..]).unwrap();
    content.label = vec![u32::from(Tlp::Clear.number())];
    let chunk = content.encode_to_vec();
    let meta = part.meta.map(|meta| wire::BatchMeta { length: chunk.len() as u32, ..meta });
    stream.say(Kind::Batch(wire::Batch { meta, chunk: chunk.into(), last: true })).await;
    assert_eq!(stream.closed().await, ("batch".into(), "the chain of headers does not lead to the signed head".into()));
    nothing_came(&federation, "protocol").await;
}

#[tokio::test]
async fn one_bad_record_never_stops_a_log_and_a_newer_kind_is_kept() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.asked(NOWHERE).await;
    let entries = vec![
        rogue.entry("first.example.org"),
        rogue.entry_of(1, b"not an indicator".to_vec()),
        rogue.entry_of(77, b"from the future".to_vec()),
        rogue.entry("last.example.org"),
    ];
    let (batch, frames) = rogue.batch(Head::default(), entries, &rogue.identity.log_key());
    stream.say_all(frames).await;
    let ack = stream.acknowledged().await;
    let verdicts: Vec<(u64, u32)> = ack.verdicts.iter().map(|verdict| (verdict.seq, verdict.verdict)).collect();
    assert_eq!((ack.through, verdicts), (4, vec![(2, Verdict::Invalid as u32), (3, Verdict::Unsupported as u32)]));
    assert!(federation.finds(AMAL, "first.example.org") && federation.finds(AMAL, "last.example.org"));
    let snapshot = federation.node(AMAL).store.snapshot().unwrap();
    let kept = |seq| snapshot.body(&rogue.log().id(), seq).unwrap().unwrap().0;
    assert_eq!((kept(2), kept(3)), (b"not an indicator".to_vec(), b"from the future".to_vec()));
    assert_eq!(snapshot.quarantine().unwrap().len(), 2);
    drop(snapshot);
    // The log goes on.
    let (_, frames) = rogue.batch(batch.checkpoint.head, vec![rogue.entry("later.example.org")], &rogue.identity.log_key());
    stream.say_all(frames).await;
    assert_eq!(stream.acknowledged().await.through, 5);
    assert!(federation.finds(AMAL, "later.example.org"));
}

#[tokio::test]
async fn what_came_before_is_acknowledged_again_and_stored_once() {
    let (federation, rogue) = alone().await;
    let (batch, frames) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key());
    for _ in 0..2 {
        let mut stream = rogue.asked(batch.checkpoint.head).await;
        stream.say_all(frames.clone()).await;
        assert_eq!(stream.acknowledged().await.through, 1);
        stream.say_all(frames.clone()).await;
        assert_eq!(stream.acknowledged().await.through, 1);
    }
    assert_eq!(federation.indicators(AMAL), 1);
}

#[tokio::test]
async fn passing_a_quota_is_a_typed_refusal_that_reconnecting_does_not_lift() {
    let federation = Federation::with(1, |_, config| config.link.records_per_day_max = 5).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let values: Vec<_> = (0..6).map(|number| rogue.entry(&format!("host{number}.example.org"))).collect();
    let (batch, frames) = rogue.batch(Head::default(), values, &rogue.identity.log_key());
    for _ in 0..2 {
        let mut stream = rogue.asked(batch.checkpoint.head).await;
        stream.say_all(frames.clone()).await;
        assert_eq!(stream.closed().await, ("limit".into(), "more than 5 entries in a day".into()));
    }
    nothing_came(&federation, "limit").await;
    assert_eq!(federation.indicators(AMAL), 0);
    federation.clock.advance(DAY);
    let again = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key());
    let mut stream = rogue.asked(again.0.checkpoint.head).await;
    stream.say_all(again.1).await;
    assert_eq!(stream.acknowledged().await.through, 1, "another day, another quota");
}

#[tokio::test]
async fn too_many_frames_in_a_second_are_a_typed_refusal() {
    let federation = Federation::with(1, |_, config| config.link.frames_per_second_max = 50).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let mut stream = rogue.link().await;
    for _ in 0..60 {
        stream.say(Kind::Have(wire::Have::default())).await;
    }
    assert_eq!(stream.closed().await, ("limit".into(), "more than 50 frames in a second".into()));
    nothing_came(&federation, "limit").await;
}

#[tokio::test]
async fn acknowledging_what_was_not_sent_ends_the_link() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.link().await;
    federation.share(AMAL, "mine.example.org", Tlp::Amber, ROGUE).await;
    for frame in have_frames(&[], &[]) {
        stream.say(frame.frame.unwrap()).await;
    }
    federation.until("it has a position", || federation.node(AMAL).status().unwrap().logs.len() == 1).await;
    let log = federation.node(AMAL).status().unwrap().logs[0].id.0.to_vec();
    stream.say(Kind::Want(wire::Want { log: log.clone(), from: 1, credit: 1 << 20, ..Default::default() })).await;
    stream.until(|kind| matches!(kind, Kind::Batch(_))).await;
    stream.say(Kind::Ack(wire::Ack { log, through: 9, verdicts: Vec::new() })).await;
    assert_eq!(stream.closed().await.1, "an acknowledgement of what was not sent");
}

#[tokio::test]
async fn nobody_recalls_what_another_has_said() {
    let federation = Federation::of(2).await;
    federation.share(BOREALIS, EVIL, Tlp::Amber, "amal").await;
    federation.settle().await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let log = federation.node(BOREALIS).status().unwrap().logs[0].id;
    let withdrawal = Withdrawal { log, seqs: vec![1], mode: WithdrawalMode::Recall, reason: "gone".into() };
    let own = Recall { author: rogue.identity.org(), withdrawal: withdrawal.clone(), at: federation.clock.now(), group: None };
    let mut stream = rogue.link().await;
    stream.say(Kind::Recall(sign_recall(&own, &rogue.identity.log_key()))).await;
    let forged = Recall { author: federation.org(BOREALIS), ..own };
    stream.say(Kind::Recall(sign_recall(&forged, &rogue.identity.log_key()))).await;
    assert_eq!(stream.closed().await.0, "protocol");
    assert!(federation.finds(AMAL, EVIL));
    federation.settle().await;
    assert!(federation.finds(AMAL, EVIL) && federation.finds(BOREALIS, EVIL));
}

#[tokio::test]
async fn nobody_defines_anothers_group() {
    let federation = Federation::of(2).await;
    let group = federation.group(BOREALIS, "partners", &[AMAL]).await;
    federation.settle().await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let row = federation.node(AMAL).store.snapshot().unwrap().group(&group).unwrap().unwrap();
    let mut definition = watchfire::link::convert::decode_definition(&row.definition.bytes).unwrap();
    definition.number += 1;
    let bytes = watchfire::link::convert::encode_definition(&definition);
    let signed = watchfire::model::group::SignedDefinition::sign(bytes, &rogue.identity.log_key());
    let chunk = wire::SignedDefinition { definition: signed.bytes, signature: signed.signature.to_vec() }.encode_to_vec();
    let mut stream = rogue.link().await;
    stream.say(Kind::Definition(wire::DefinitionPart { chunk, last: true })).await;
    // What it says next is heard after that.
    stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
    assert_eq!(stream.closed().await.1, "a second hello");
    assert_eq!(federation.node(AMAL).group("partners").unwrap().number, 1);
}

#[tokio::test]
async fn an_acknowledgement_may_come_after_the_reader_has_asked_again() {
    let (federation, rogue) = alone().await;
    let mut stream = rogue.link().await;
    stream.say(Kind::Have(wire::Have { complete: true, ..Default::default() })).await;
    federation.share(AMAL, EVIL, Tlp::Amber, ROGUE).await;
    let log = federation.node(AMAL).store.snapshot().unwrap().our_log_key(&Audience::Direct(rogue.identity.org())).unwrap().id();
    let want = |from| Kind::Want(wire::Want { log: log.0.to_vec(), from, credit: 1 << 20, ..Default::default() });
    stream.say(want(1)).await;
    stream.until(|kind| matches!(kind, Kind::Batch(_))).await;
    let ack = Kind::Ack(wire::Ack { log: log.0.to_vec(), through: 1, ..Default::default() });
    stream.say_all(vec![want(1), ack]).await;
    federation.until("the acknowledgement counts", || federation.acknowledged_by(AMAL, &log, &rogue.identity.org()) == 1).await;
}

/// Whether a card comes before the node has said what it holds, to who says that it has this number of it.
async fn gets_a_card(rogue: &Rogue, known_card: u64) -> bool {
    let mut stream = rogue.connect().await;
    stream.say(Kind::Hello(wire::Hello { known_card, ..rogue.hello(vec![1]) })).await;
    loop {
        match stream.hear().await.expect("the stream goes on") {
            Kind::Card(_) => return true,
            Kind::Have(_) => return false,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_card_goes_only_to_who_has_an_older_one() {
    let (federation, rogue) = alone().await;
    let number = federation.node(AMAL).keys.card().content().number;
    assert!(gets_a_card(&rogue, number - 1).await);
    assert!(!gets_a_card(&rogue, number).await);
}

#[tokio::test]
async fn a_definition_goes_only_to_who_has_an_older_one() {
    let (federation, rogue) = alone().await;
    let request = GroupCreate { name: "all".into(), members: vec![ROGUE.into()], ..GroupCreate::default() };
    let group = federation.node(AMAL).group_create(request).await.unwrap().group_id;
    let number = federation.node(AMAL).store.snapshot().unwrap().group(&group).unwrap().unwrap().number;
    let holds = |number| {
        let groups = vec![wire::have::Group { id: group.0.to_vec(), number, roster: 0 }];
        Kind::Have(wire::Have { groups, complete: true, ..Default::default() })
    };
    let mut stream = rogue.link().await;
    stream.say(holds(number - 1)).await;
    stream.until(|kind| matches!(kind, Kind::Definition(_))).await;
    let mut stream = rogue.link().await;
    // What it would say without being told comes right behind this.
    stream.until(|kind| matches!(kind, Kind::Have(_))).await;
    stream.say(holds(number)).await;
    // It ends the stream with this, and what it has said until then is heard.
    stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
    while let Some(kind) = stream.hear().await {
        assert!(!matches!(kind, Kind::Definition(_)), "it has that one");
    }
}

#[tokio::test]
async fn what_is_said_in_a_group_goes_only_behind_the_newest_definition_however_early_it_is_asked_for() {
    let (federation, rogue) = alone().await;
    let request = GroupCreate { name: "all".into(), members: vec![ROGUE.into()], ..GroupCreate::default() };
    let group = federation.node(AMAL).group_create(request).await.unwrap().group_id;
    let mut stream = rogue.link().await;
    stream.say(Kind::Have(wire::Have { complete: true, ..Default::default() })).await;
    federation.share(AMAL, EVIL, Tlp::Amber, "all").await;
    let log = federation.node(AMAL).store.snapshot().unwrap().our_log_key(&Audience::Group(group)).unwrap().id();
    let mut stream = rogue.link().await;
    stream.say(Kind::Want(wire::Want { log: log.0.to_vec(), from: 1, credit: 1 << 20, ..Default::default() })).await;
    // What it offers is asked for once the other has been looked at.
    for mut frame in have_frames(&[LogState { key: rogue.log(), head: Head::default() }], &[]) {
        let Some(Kind::Have(have)) = &mut frame.frame else { unreachable!() };
        have.complete = false;
        stream.say(frame.frame.unwrap()).await;
    }
    let told = stream.until(|kind| matches!(kind, Kind::Want(_) | Kind::Batch(_))).await;
    assert!(matches!(told, Kind::Want(_)), "it is not known which definition the reader holds");
    stream.say(Kind::Have(wire::Have { complete: true, ..Default::default() })).await;
    let told = stream.until(|kind| matches!(kind, Kind::Definition(_) | Kind::Batch(_))).await;
    assert!(matches!(told, Kind::Definition(_)));
    stream.until(|kind| matches!(kind, Kind::Batch(_))).await;
}
