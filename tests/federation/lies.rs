//! A paired peer that lies, as the one that calls and as the one that is called: the link ends with a reason, soon and within bounds
//! of memory, and nothing of it is kept but what proves the lie.

use crate::harness::rogue::{ROGUE, Rogue, Role, Stream};
use crate::harness::*;
use prost::Message;
use std::time::{Duration, Instant};
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{LogState as Offered, have_frames, wire_checkpoint};
use watchfire::model::crypto::SigningKey;
use watchfire::model::log::{Audience, Batch, Head, LogKey};
use watchfire::model::{EntryHash, OrgId, Tlp};
use watchfire::store::LogState;

const EVIL: &str = "evil.example.org";
const NOWHERE: Head = Head { size: 1, hash: EntryHash([7; 32]) };
/// Within this a link ends that should.
const SOON: Duration = Duration::from_secs(10);
/// How much more memory a lie may take, in bytes.
const MEMORY_MAX: u64 = 64 << 20;

/// One lie: what is said once the log was asked for, and with which word the link ends.
struct Lie {
    name: &'static str,
    say: fn(&Rogue) -> Vec<Kind>,
    /// `batch` where the evidence is kept.
    code: &'static str,
}

const fn lie(name: &'static str, code: &'static str, say: fn(&Rogue) -> Vec<Kind>) -> Lie {
    Lie { name, say, code }
}

/// A batch of the rogue's log with its description or its content changed.
fn changed(rogue: &Rogue, change: impl FnOnce(&mut wire::BatchMeta, &mut wire::BatchContent)) -> Vec<Kind> {
    let (_, frames) = rogue.batch(Head::default(), vec![rogue.entry(EVIL), rogue.entry("b.example.org")], &rogue.identity.log_key());
    let [Kind::Batch(part)] = <[Kind; 1]>::try_from(frames).unwrap() else { unreachable!() };
    let (mut meta, mut content) = (part.meta.unwrap(), wire::BatchContent::decode(&part.chunk[..]).unwrap());
    let length = content.encoded_len();
    change(&mut meta, &mut content);
    let chunk = content.encode_to_vec();
    if meta.length as usize == length {
        meta.length = chunk.len() as u32;
    }
    vec![Kind::Batch(wire::Batch { meta: Some(meta), chunk: chunk.into(), last: true })]
}

/// A good batch of another log, sent as if it were of the one that was asked for.
fn of_another(rogue: &Rogue, key: LogKey) -> Vec<Kind> {
    let seal =
        |log| Batch::seal(log, Head::default(), vec![rogue.entry(EVIL)], [7; 32], rogue.now(), 0, &rogue.identity.log_key()).unwrap();
    let (batch, own) = (seal(key.id()), seal(rogue.log().id()));
    // The checkpoint is of the other log; the frame names the one that was asked for.
    let frames = rogue.frames(&rogue.log(), &own);
    let Some(Kind::Batch(mut part)) = frames.into_iter().next() else { unreachable!() };
    if let Some(meta) = &mut part.meta {
        meta.checkpoint = Some(wire_checkpoint(&batch.checkpoint));
    }
    vec![Kind::Batch(part)]
}

fn stranger() -> OrgId {
    OrgId([42; 32])
}

fn definition(length: usize) -> Vec<Kind> {
    let part = |last| Kind::Definition(wire::DefinitionPart { chunk: vec![1; 60 << 10], last });
    (0..length.div_ceil(60 << 10)).map(|_| part(false)).chain([part(true)]).collect()
}

fn lies() -> Vec<Lie> {
    vec![
        lie("another author's batch", "batch", |rogue| of_another(rogue, LogKey { author: stranger(), ..rogue.log() })),
        lie("a batch for another audience", "batch", |rogue| {
            of_another(rogue, LogKey { audience: Audience::Direct(stranger()), ..rogue.log() })
        }),
        lie("a batch of another incarnation", "batch", |rogue| of_another(rogue, LogKey { incarnation: 2, ..rogue.log() })),
        lie("a batch signed with another key", "batch", |rogue| {
            rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &SigningKey::generate()).1
        }),
        lie("another salt", "batch", |rogue| changed(rogue, |_, content| content.seed[0] ^= 1)),
        lie("another time", "batch", |rogue| changed(rogue, |_, content| content.created_delta[0] += 1)),
        lie("another body", "batch", |rogue| changed(rogue, |_, content| content.bodies[3] ^= 1)),
        lie("an empty batch", "batch", |rogue| {
            changed(rogue, |meta, content| {
                meta.count = 0;
                *content = wire::BatchContent::default();
            })
        }),
        lie("fewer entries than said", "protocol", |rogue| changed(rogue, |meta, _| meta.count = 3)),
        lie("more bytes than said", "protocol", |rogue| changed(rogue, |meta, _| meta.length = 10)),
        lie("fewer bytes than said", "protocol", |rogue| changed(rogue, |meta, _| meta.length += 10_000)),
        lie("no checkpoint", "protocol", |rogue| changed(rogue, |meta, _| meta.checkpoint = None)),
        lie("a compressed batch", "protocol", |rogue| changed(rogue, |meta, _| meta.zstd = true)),
        lie("a position beyond all", "batch", |rogue| changed(rogue, |meta, _| meta.first = u64::MAX)),
        lie("a batch that never ends", "protocol", |rogue| {
            let Some(Kind::Batch(first)) = rogue.batch(Head::default(), vec![rogue.entry(EVIL)], &rogue.identity.log_key()).1.pop() else {
                unreachable!()
            };
            let meta = first.meta.map(|meta| wire::BatchMeta { length: 1 << 20, ..meta });
            let part = |meta| Kind::Batch(wire::Batch { meta, chunk: vec![0; 60 << 10].into(), last: false });
            std::iter::once(part(meta)).chain((0..200).map(|_| part(None))).collect()
        }),
        lie("empty parts without end", "protocol", |rogue| {
            let mut kinds = changed(rogue, |meta, _| meta.length = 1_000);
            if let Some(Kind::Batch(part)) = kinds.first_mut() {
                (part.chunk, part.last) = (Vec::new().into(), false);
            }
            kinds
        }),
        lie("a batch within a batch", "protocol", |rogue| {
            let mut kinds = changed(rogue, |meta, _| meta.length += 1);
            if let Some(Kind::Batch(part)) = kinds.first_mut() {
                part.last = false;
            }
            let again = kinds.clone();
            kinds.into_iter().chain(again).collect()
        }),
        lie("a start that nobody signed", "protocol", |rogue| {
            changed(rogue, |meta, _| {
                meta.start = true;
                meta.checkpoint.as_mut().unwrap().signature = vec![1; 64];
            })
        }),
        lie("a definition without end", "protocol", |_| definition(3 << 20)),
        lie("an empty part of a definition", "protocol", |_| vec![Kind::Definition(wire::DefinitionPart { chunk: vec![], last: false })]),
        lie("a definition that is none", "protocol", |_| {
            vec![Kind::Definition(wire::DefinitionPart { chunk: vec![0xff; 99], last: true })]
        }),
        lie("more bodies asked for than may be", "protocol", |rogue| {
            vec![Kind::Want(wire::Want { log: rogue.log().id().0.to_vec(), positions: (1..=1_000).collect(), ..Default::default() })]
        }),
        lie("a log id of three bytes", "protocol", |_| vec![Kind::Want(wire::Want { log: vec![1, 2, 3], ..Default::default() })]),
        lie("more verdicts than entries", "protocol", |rogue| {
            let verdicts = (0..1_500).map(|seq| wire::ack::Verdict { seq, verdict: 1 }).collect();
            vec![Kind::Ack(wire::Ack { log: rogue.log().id().0.to_vec(), through: 1, verdicts })]
        }),
        lie("a log with two audiences", "protocol", |_| {
            let log = wire::have::Log { author: stranger().0.to_vec(), direct: vec![1; 32], group: vec![2; 32], ..Default::default() };
            vec![Kind::Have(wire::Have { logs: vec![log], ..Default::default() })]
        }),
        lie("bodies of no log", "protocol", |_| vec![Kind::Bodies(wire::Bodies { log: vec![1], items: Vec::new() })]),
        lie("a conflict that is none", "protocol", |_| vec![Kind::Conflict(wire::Conflict::default())]),
        lie("a recall that is none", "protocol", |_| {
            vec![Kind::Recall(wire::SignedRecall { statement: vec![0xff; 10], signature: vec![1; 64] })]
        }),
        lie("a second hello", "protocol", |rogue| vec![Kind::Hello(rogue.hello(vec![1]))]),
        lie("groups without end", "protocol", |_| {
            let groups = |page: u64| {
                (0..1_000).map(move |number| {
                    let id = [page.to_be_bytes(), u64::to_be_bytes(number), [0; 8], [0; 8]].concat();
                    wire::have::Group { id, number: 1, roster: 0 }
                })
            };
            (0..20).map(|page| Kind::Have(wire::Have { groups: groups(page).collect(), ..Default::default() })).collect()
        }),
    ]
}

/// Memory is that of a whole process: a test that measures it has one of its own, where no other test runs.
async fn alone(name: &str, test: impl Future<Output = ()>) {
    const ALONE: &str = "WATCHFIRE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return test.await;
    }
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    let ran = program.args([&format!("lies::{name}"), "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    print!("{said}");
    assert!(ran.status.success() && said.contains("1 passed"), "{}", String::from_utf8_lossy(&ran.stderr));
}

fn memory() -> Option<u64> {
    let pages: u64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4_096)
}

async fn tell_all(role: Role) {
    let mut federation = Federation::strangers(1).await;
    federation.expect_error("a batch does not verify");
    let rogue = Rogue::paired_as(role, &federation, AMAL).await;
    let (before, mut slowest) = (memory(), Duration::ZERO);
    let mut kept = 0;
    let mut wrong = Vec::new();
    for Lie { name, say, code } in lies() {
        // Each batch has a time of its own, so no evidence is the same as another.
        federation.clock.advance(SECOND);
        let mut stream = rogue.asked(NOWHERE).await;
        let began = Instant::now();
        stream.say_all(say(&rogue)).await;
        let Ok((found, words)) = tokio::time::timeout(SOON, stream.closed()).await else {
            wrong.push(format!("{name}: the link does not end"));
            continue;
        };
        let took = began.elapsed();
        if found != code {
            wrong.push(format!("{name}: `{found}`, {words}"));
        }
        assert!(took < SOON, "{name} took {took:?}");
        slowest = slowest.max(took);
        kept += usize::from(found == "batch");
        let snapshot = federation.node(AMAL).store.snapshot().unwrap();
        assert_eq!(snapshot.suspicious().unwrap().len(), kept, "{name}: the evidence, and nothing else");
        assert!(snapshot.logs().unwrap().is_empty() && snapshot.groups().unwrap().is_empty(), "{name}: something is stored");
        assert!(!federation.finds(AMAL, EVIL));
    }
    assert_eq!(wrong, [""; 0]);
    let grown = before.zip(memory()).map(|(before, after)| after.saturating_sub(before));
    println!("{role:?}: {} lies, the slowest told after {slowest:?}, memory {grown:?} bytes", lies().len());
    assert!(grown.is_none_or(|grown| grown < MEMORY_MAX), "{grown:?} bytes of memory");
    assert!(federation.node(AMAL).peer(ROGUE).unwrap().status.problem.is_some(), "the operator is told");
    // It tells the truth at last, and is heard.
    let (batch, frames) = rogue.batch(Head::default(), vec![rogue.entry("true.example.org")], &rogue.identity.log_key());
    let mut stream = rogue.asked(batch.checkpoint.head).await;
    stream.say_all(frames).await;
    assert_eq!(stream.acknowledged().await.through, 1);
    assert!(federation.finds(AMAL, "true.example.org"));
}

#[tokio::test]
async fn a_caller_that_lies_is_told_so_and_nothing_is_stored() {
    alone("a_caller_that_lies_is_told_so_and_nothing_is_stored", tell_all(Role::Caller)).await;
}

#[tokio::test]
async fn a_called_peer_that_lies_is_told_so_and_nothing_is_stored() {
    alone("a_called_peer_that_lies_is_told_so_and_nothing_is_stored", tell_all(Role::Called)).await;
}

/// What the node holds of the rogue's only log.
fn held(federation: &Federation, rogue: &Rogue) -> watchfire::store::LogInfo {
    federation.node(AMAL).store.snapshot().unwrap().log(&rogue.log().id()).unwrap().unwrap()
}

/// The rogue says two entries, and then has a stream on which it offers more.
async fn two_said(role: Role) -> (Federation, Rogue, Batch, Stream) {
    let mut federation = Federation::strangers(1).await;
    federation.expect_error("two histories");
    let rogue = Rogue::paired_as(role, &federation, AMAL).await;
    let entries = vec![rogue.entry("a.example.org"), rogue.entry("b.example.org")];
    let (batch, frames) = rogue.batch(Head::default(), entries, &rogue.identity.log_key());
    let mut stream = rogue.asked(batch.checkpoint.head).await;
    stream.say_all(frames).await;
    assert_eq!(stream.acknowledged().await.through, 2);
    (federation, rogue, batch, stream)
}

#[tokio::test]
async fn a_forked_log_is_proved_and_halted_however_it_comes() {
    for role in [Role::Caller, Role::Called] {
        // The same positions anew; one that reaches beyond them; one within them.
        for fork in [2, 3, 1] {
            let (federation, rogue, _, mut stream) = two_said(role).await;
            let entries = (0..fork).map(|number| rogue.entry(&format!("fork{number}.example.org"))).collect();
            let (_, frames) = rogue.batch(Head::default(), entries, &rogue.identity.log_key());
            stream.say_all(frames).await;
            federation.until("it is proved", || held(&federation, &rogue).state == LogState::Halted).await;
            let snapshot = federation.node(AMAL).store.snapshot().unwrap();
            assert_eq!(snapshot.evidence().unwrap().len(), 1, "{role:?}, {fork} entries");
            assert!(!federation.finds(AMAL, "fork0.example.org") && federation.finds(AMAL, "a.example.org"));
            assert_eq!(held(&federation, &rogue).head.size, 2);
        }
    }
}

#[tokio::test]
async fn what_follows_the_other_history_of_a_halted_log_was_under_way_and_ends_no_link() {
    let (federation, rogue, _, mut stream) = two_said(Role::Caller).await;
    let entries = ["c.example.org", "d.example.org"].map(|value| rogue.entry(value)).into();
    let (fork, frames) = rogue.batch(Head::default(), entries, &rogue.identity.log_key());
    stream.say_all(frames).await;
    federation.until("it is proved", || held(&federation, &rogue).state == LogState::Halted).await;
    let (_, behind) = rogue.batch(fork.checkpoint.head, vec![rogue.entry("behind.example.org")], &rogue.identity.log_key());
    // Twice: what the log was left for is not asked for either.
    stream.say_all(behind.clone()).await;
    stream.say_all(behind).await;
    federation.share(AMAL, EVIL, Tlp::Amber, ROGUE).await;
    stream.until(|kind| matches!(kind, Kind::Have(_))).await;
    assert!(!federation.finds(AMAL, "behind.example.org"));
    assert_eq!(federation.node(AMAL).store.snapshot().unwrap().suspicious().unwrap().len(), 0, "it is no one's fault");
}

#[tokio::test]
async fn a_log_that_is_offered_with_another_head_gets_our_history_once() {
    let (federation, rogue, _, mut stream) = two_said(Role::Caller).await;
    let offer = || have_frames(&[Offered { key: rogue.log(), head: Head { size: 2, hash: EntryHash([9; 32]) } }], &[]);
    for _ in 0..500 {
        for frame in offer() {
            stream.say(frame.frame.unwrap()).await;
        }
    }
    stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
    let mut conflicts = 0;
    while let Some(kind) = stream.hear().await {
        conflicts += usize::from(matches!(kind, Kind::Conflict(_)));
    }
    assert_eq!(conflicts, 1, "what is claimed and not signed costs no more than one answer");
    assert_eq!(held(&federation, &rogue).state, LogState::Open, "a claim proves nothing");
}

#[tokio::test]
async fn a_log_that_never_gets_on_ends_the_link() {
    alone("a_log_that_never_gets_on_ends_the_link", never_gets_on()).await;
}

async fn never_gets_on() {
    let federation = Federation::with(1, |_, config| config.link.in_flight_bytes_max = 1 << 20).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let mut stream = rogue.asked(NOWHERE).await;
    let before = memory();
    let body = vec![b'x'; 8 << 10];
    for number in 0..200_u64 {
        let gap = Head { size: 10 + number, hash: EntryHash([3; 32]) };
        let entries = vec![rogue.entry_of(1, body.clone()); 6];
        stream.say_all(rogue.batch(gap, entries, &rogue.identity.log_key()).1).await;
    }
    assert_eq!(stream.closed().await, ("protocol".into(), "batches that do not follow what was asked for".into()));
    let grown = before.zip(memory()).map(|(before, after)| after.saturating_sub(before));
    assert!(grown.is_none_or(|grown| grown < MEMORY_MAX), "{grown:?} bytes of memory");
    assert!(federation.node(AMAL).store.snapshot().unwrap().logs().unwrap().is_empty());
}

#[tokio::test]
async fn a_gap_that_is_closed_when_it_is_asked_for_stops_nothing() {
    let (federation, rogue, batch, mut stream) = two_said(Role::Caller).await;
    let (third, _) = rogue.batch(batch.checkpoint.head, vec![rogue.entry("c.example.org")], &rogue.identity.log_key());
    let (_, fourth) = rogue.batch(third.checkpoint.head, vec![rogue.entry("d.example.org")], &rogue.identity.log_key());
    stream.say_all(fourth.clone()).await;
    let Kind::Want(want) = stream.until(|kind| matches!(kind, Kind::Want(_))).await else { unreachable!() };
    assert_eq!(want.from, 3);
    stream.say_all(rogue.frames(&rogue.log(), &third)).await;
    stream.say_all(fourth).await;
    while stream.acknowledged().await.through < 4 {}
    assert!(federation.finds(AMAL, "d.example.org"));
}

#[tokio::test]
async fn a_bomb_in_a_groups_log_is_not_unpacked() {
    alone("a_bomb_in_a_groups_log_is_not_unpacked", bomb()).await;
}

/// A batch of a group's log may be compressed: what it unpacks to is bounded before it is unpacked.
async fn bomb() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let group = federation.node(AMAL).group_create(group_of(ROGUE)).await.unwrap().group_id;
    let key = LogKey { audience: Audience::Group(group), ..rogue.log() };
    let batch =
        Batch::seal(key.id(), Head::default(), vec![rogue.entry(EVIL)], [7; 32], rogue.now(), 1, &rogue.identity.log_key()).unwrap();
    for length in [1_000, 1 << 20, 3 << 20] {
        let mut stream = rogue.link().await;
        for frame in have_frames(&[Offered { key, head: batch.checkpoint.head }], &[]) {
            stream.say(frame.frame.unwrap()).await;
        }
        stream.until(|kind| matches!(kind, Kind::Want(want) if want.log == key.id().0)).await;
        let before = memory();
        let bomb = zstd::bulk::compress(&vec![0; 256 << 20], 3).unwrap();
        let spent = before.zip(memory());
        let meta = wire::BatchMeta { log: key.id().0.to_vec(), first: 1, count: 1, length, zstd: true, ..Default::default() };
        let meta = wire::BatchMeta { checkpoint: Some(wire_checkpoint(&batch.checkpoint)), ..meta };
        stream.say(Kind::Batch(wire::Batch { meta: Some(meta), chunk: bomb.into(), last: true })).await;
        let (code, words) = stream.closed().await;
        assert_eq!(code, "protocol", "{words}");
        let grown = spent.zip(memory()).map(|((_, before), after)| after.saturating_sub(before));
        assert!(grown.is_none_or(|grown| grown < MEMORY_MAX), "{length}: {grown:?} bytes of memory");
    }
    assert!(!federation.finds(AMAL, EVIL));
}

fn group_of(member: &str) -> watchfire::node::view::GroupCreate {
    watchfire::node::view::GroupCreate { name: "partners".into(), members: vec![member.into()], ..Default::default() }
}
