//! Organisations change the key that signs their logs, and others learn of it at different times.

use crate::harness::rogue::{ROGUE, Rogue};
use crate::harness::*;
use std::sync::Arc;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{Recall, encode_definition, encode_record, have_frames, sign_recall};
use watchfire::model::crypto::SigningKey;
use watchfire::model::group::SignedDefinition;
use watchfire::model::log::{Audience, Head, LogKey};
use watchfire::model::record::{Withdrawal, WithdrawalMode};
use watchfire::model::{Record, RecordKind, Tlp};
use watchfire::node::view::PeerOptions;

/// Puts a new log-signing key in force, and lets a second pass so that what comes later is later.
async fn change_key(federation: &Federation, who: Who) -> u64 {
    change(federation, who, false).await
}

async fn change(federation: &Federation, who: Who, stolen: bool) -> u64 {
    federation.clock.advance(MINUTE);
    let view = federation.node(who).rotate_log_key(stolen).await.unwrap();
    federation.clock.advance(MINUTE);
    view.logs_waiting
}

/// The kinds of the entries of an author's logs to a group or a peer at a node.
fn kinds(federation: &Federation, who: Who, author: Who) -> Vec<Vec<u8>> {
    let snapshot = federation.node(who).store.snapshot().unwrap();
    let logs = snapshot.logs_of(&federation.org(author)).unwrap();
    logs.iter()
        .map(|log| (1..=log.head.size).filter_map(|seq| snapshot.header(&log.id, seq).unwrap()).map(|one| one.kind).collect())
        .collect()
}

/// The numbers of the keys with which an author's batches at a node are signed, in the order of their logs.
fn signers(federation: &Federation, who: Who, author: Who) -> Vec<Vec<u32>> {
    let node = federation.node(who);
    let keys = node.log_keys(&federation.org(author)).unwrap();
    let snapshot = node.store.snapshot().unwrap();
    let of_log = |log: &watchfire::store::LogInfo| {
        let mut numbers = Vec::new();
        let mut next = log.start + 1;
        while let Some(held) = snapshot.batch_at(&log.id, next).unwrap() {
            let signer = held.0.checkpoint.signer(&keys.ever()).unwrap();
            numbers.push(keys.number(&signer).unwrap());
            next = held.0.checkpoint.head.size + 1;
        }
        numbers
    };
    snapshot.logs_of(&federation.org(author)).unwrap().iter().map(of_log).collect()
}

#[tokio::test]
async fn a_new_key_signs_after_the_last_position_of_the_old_one() {
    let federation = Federation::of(2).await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let old = federation.node(AMAL).keys.log_key();
    assert_eq!(change_key(&federation, AMAL).await, 0);
    federation.share(AMAL, "new.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "new.example.org"));
    assert_eq!(kinds(&federation, BOREALIS, AMAL), [[1, 10, 1]]);
    assert_eq!(signers(&federation, BOREALIS, AMAL), [[1, 1, 2]]);
    assert_ne!(federation.node(AMAL).keys.log_key().public(), old.public());
    assert!(federation.node(AMAL).keys.former_log_keys().is_empty(), "the old key was destroyed");
    assert!(!federation.data(AMAL).join("keys/log-1.key").exists());
}

#[tokio::test]
async fn a_key_changes_while_a_peer_is_away_and_the_node_is_killed() {
    let mut federation = Federation::of(3).await;
    for name in ["borealis", "cedar"] {
        federation.share(AMAL, "old.example.org", Tlp::Amber, name).await;
    }
    federation.settle().await;
    federation.kill(CEDAR);
    federation.restart(AMAL).await;
    federation.settle().await;
    federation.share(AMAL, "waits.example.org", Tlp::Amber, "cedar").await;
    assert_eq!(change_key(&federation, AMAL).await, 1, "cedar was not seen since the start");
    assert_eq!(change_key(&federation, AMAL).await, 1);
    federation.restart(AMAL).await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "cedar").await;
    federation.settle().await;
    assert_eq!(federation.node(AMAL).keys.former_log_keys().into_keys().collect::<Vec<_>>(), [1], "key 2 has signed nothing there");
    federation.start(CEDAR).await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, "waits.example.org") && federation.finds(CEDAR, "new.example.org"));
    assert_eq!(signers(&federation, CEDAR, AMAL), [[1, 1, 3]]);
    assert_eq!(signers(&federation, BOREALIS, AMAL), [[1, 1, 2]], "its log went from key to key");
    assert_eq!(kinds(&federation, BOREALIS, AMAL), [[1, 10, 10]]);
    federation.until_upkeep("the old keys are destroyed", || federation.node(AMAL).keys.former_log_keys().is_empty()).await;
}

/// Amal, Borealis and Cedar; Amal and Cedar are not paired, and know each other by the group alone.
async fn group_with_relay(history: bool) -> Federation {
    let federation = Federation::strangers(3).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.pair(BOREALIS, CEDAR).await;
    federation.settle().await;
    federation.group_with(BOREALIS, "partners", &[AMAL, CEDAR], |group| group.history = history).await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn who_reads_through_a_relay_learns_of_a_new_key_from_the_group() {
    let federation = group_with_relay(true).await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    let number = federation.node(CEDAR).group("partners").unwrap().number;
    change_key(&federation, AMAL).await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, "new.example.org"));
    assert_eq!(signers(&federation, CEDAR, AMAL), [[1, 1, 2]]);
    assert_eq!(federation.node(CEDAR).group("partners").unwrap().number, number + 1, "the owner has told of the new card");
    federation.recall(AMAL, "old.example.org").await;
    federation.settle().await;
    assert!(!federation.finds(CEDAR, "old.example.org"));
}

#[tokio::test]
async fn an_owner_that_changes_its_key_goes_on_defining_its_group() {
    let federation = group_with_relay(true).await;
    change_key(&federation, BOREALIS).await;
    federation.settle().await;
    for who in [AMAL, CEDAR] {
        assert_eq!(federation.node(who).group("partners").unwrap().number, 2);
    }
    federation.share(BOREALIS, "new.example.org", Tlp::Amber, "partners").await;
    federation.share(AMAL, "other.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "new.example.org") && federation.finds(CEDAR, "other.example.org"));
}

#[tokio::test]
async fn a_newcomer_reads_history_across_two_changes_of_key_from_the_author_or_a_relay() {
    for relayed in [false, true] {
        let mut federation = Federation::strangers(3).await;
        federation.pair(AMAL, BOREALIS).await;
        federation.group_with(BOREALIS, "partners", &[AMAL], |group| group.history = true).await;
        federation.settle().await;
        for number in 1..=3 {
            federation.share(AMAL, &format!("host{number}.example.org"), Tlp::Amber, "partners").await;
            federation.settle().await;
            if number < 3 {
                change_key(&federation, AMAL).await;
                federation.settle().await;
            }
        }
        federation.pair(BOREALIS, CEDAR).await;
        if relayed {
            federation.kill(AMAL);
        } else {
            federation.pair(AMAL, CEDAR).await;
        }
        federation.settle().await;
        federation.node(BOREALIS).group_add("partners", "cedar").await.unwrap();
        federation.settle().await;
        for number in 1..=3 {
            assert!(federation.finds(CEDAR, &format!("host{number}.example.org")), "host{number}, relayed {relayed}");
        }
        if relayed {
            federation.start(AMAL).await;
            federation.settle().await;
        }
        assert_eq!(signers(&federation, CEDAR, AMAL), [[1, 1, 2, 2, 3]]);
    }
}

#[tokio::test]
async fn a_log_that_starts_at_a_checkpoint_under_the_old_key_goes_on_under_the_new() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    federation.share(AMAL, "before.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    change_key(&federation, AMAL).await;
    federation.settle().await;
    federation.node(AMAL).group_add("partners", "cedar").await.unwrap();
    federation.settle().await;
    federation.share(AMAL, "after.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, "after.example.org") && !federation.finds(CEDAR, "before.example.org"));
}

#[tokio::test]
async fn a_copy_from_before_a_change_of_key_changes_it_again_and_is_believed() {
    let mut federation = Federation::of(2).await;
    for text in ["restored copy", "does not verify"] {
        federation.expect_error(text);
    }
    federation.share(AMAL, "old.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let copy = federation.copy(AMAL).await;
    change_key(&federation, AMAL).await;
    federation.share(AMAL, "tail.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.clock.advance(HOUR);
    federation.put_back(AMAL, &copy).await;
    federation.start(AMAL).await;
    change_key(&federation, AMAL).await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "borealis").await;
    federation.until("it is believed", || federation.finds(BOREALIS, "new.example.org")).await;
    // What was signed with the key that is lost is nobody's any more: it is not fetched back.
    federation.gives_up_on(&[AMAL, BOREALIS]);
}

#[tokio::test]
async fn a_copy_from_after_a_change_of_key_fetches_back_what_both_keys_signed() {
    let mut federation = Federation::of(2).await;
    federation.expect_error("restored copy");
    let empty = federation.copy(AMAL).await;
    federation.settle().await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    change_key(&federation, AMAL).await;
    federation.share(AMAL, "tail.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    // The keys are those of today, the store is not.
    let keys = federation.data(AMAL).join("keys");
    std::fs::remove_dir_all(empty.join("keys")).unwrap();
    let status = std::process::Command::new("cp").arg("-rp").arg(&keys).arg(empty.join("keys")).status().unwrap();
    assert!(status.success());
    federation.clock.advance(HOUR);
    federation.put_back(AMAL, &empty).await;
    federation.start(AMAL).await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "old.example.org") && federation.finds(AMAL, "tail.example.org"));
    federation.share(AMAL, "new.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "new.example.org"));
}

#[tokio::test]
async fn after_a_theft_history_is_read_from_its_author_and_nothing_under_the_old_key_counts() {
    let federation = Federation::strangers(3).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.group_with(BOREALIS, "partners", &[AMAL], |group| group.history = true).await;
    federation.settle().await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    change(&federation, AMAL, true).await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert_eq!(signers(&federation, BOREALIS, AMAL), [[1, 2, 2]], "the last position under the old key came signed anew");
    // A newcomer that knows a relay alone gets nothing that only the old key vouches for, and the link stays.
    federation.pair(BOREALIS, CEDAR).await;
    federation.until("they are linked", || federation.node(CEDAR).link_view(&federation.org(BOREALIS)).up).await;
    federation.node(BOREALIS).group_add("partners", "cedar").await.unwrap();
    federation.share(BOREALIS, "relay.example.org", Tlp::Amber, "partners").await;
    federation.until("the relay's own is there", || federation.finds(CEDAR, "relay.example.org")).await;
    assert!(!federation.finds(CEDAR, "old.example.org"));
    assert!(federation.node(CEDAR).link_view(&federation.org(BOREALIS)).up);
    // From the author it gets all.
    federation.pair(AMAL, CEDAR).await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, "old.example.org") && federation.finds(CEDAR, "new.example.org"));
    assert_eq!(signers(&federation, CEDAR, AMAL), [[2, 2, 2]]);
}

/// A group of Amal's with Borealis and a rogue member that has stolen Borealis' log-signing key before Borealis changed it.
struct Theft {
    federation: Federation,
    rogue: Rogue,
    old: Arc<SigningKey>,
    audience: Audience,
}

impl Theft {
    async fn before_the_change() -> Self {
        let federation = Federation::of(2).await;
        let rogue = Rogue::paired_with(&federation, AMAL).await;
        let request = watchfire::node::view::GroupCreate {
            name: "partners".into(),
            members: vec!["borealis".into(), ROGUE.into()],
            history: true,
            ..Default::default()
        };
        let group = federation.node(AMAL).group_create(request).await.unwrap().group_id;
        federation.settle().await;
        federation.share(BOREALIS, "true.example.org", Tlp::Amber, "partners").await;
        federation.settle().await;
        let old = federation.node(BOREALIS).keys.log_key();
        Self { federation, rogue, old, audience: Audience::Group(group) }
    }

    fn log(&self, incarnation: u64) -> LogKey {
        LogKey { author: self.federation.org(BOREALIS), incarnation, audience: self.audience }
    }

    /// A batch of Borealis' log under the old key, offered and sent by the rogue. Returns whether Amal took it.
    async fn forges(&self, log: LogKey, head: Head) -> bool {
        let mut stream = self.rogue.link().await;
        let entry = self.rogue.entry("forged.example.org");
        let batch =
            watchfire::model::log::Batch::seal(log.id(), head, vec![entry], [7; 32], self.federation.clock.now(), 1, &self.old).unwrap();
        for frame in have_frames(&[watchfire::link::convert::LogState { key: log, head: batch.checkpoint.head }], &[]) {
            stream.say(frame.frame.unwrap()).await;
        }
        stream.until(|kind| matches!(kind, Kind::Want(want) if want.log == log.id().0)).await;
        for frame in self.group_frames(&log, &batch) {
            stream.say(frame).await;
        }
        self.heard(stream).await;
        self.federation.finds(AMAL, "forged.example.org")
    }

    fn group_frames(&self, log: &LogKey, batch: &watchfire::model::log::Batch) -> Vec<Kind> {
        let Audience::Group(group) = self.audience else { unreachable!() };
        let row = self.federation.node(AMAL).store.snapshot().unwrap().group(&group).unwrap().unwrap();
        let definition = watchfire::link::convert::decode_definition(&row.definition.bytes).unwrap();
        let held = watchfire::rules::label::Held(batch.clone());
        let (us, to) = (self.rogue.identity.org(), self.federation.org(AMAL));
        let now = self.federation.clock.now();
        let way = watchfire::rules::label::Way {
            log,
            us: &us,
            reader: &to,
            group: Some(&definition),
            joined: 0,
            allowance: watchfire::rules::policy::Allowance::OPEN,
            now,
        };
        let may = watchfire::rules::label::outbound(held, &way).unwrap();
        watchfire::link::convert::batch_frames(log, &may).into_iter().map(|frame| frame.frame.unwrap()).collect()
    }

    /// Everything that was said was heard: a second hello is refused after it.
    async fn heard(&self, mut stream: crate::harness::rogue::Stream) {
        stream.say(Kind::Hello(self.rogue.hello(vec![1]))).await;
        stream.closed().await;
    }

    /// A recall of what Borealis says, under the old key, by the rogue.
    async fn recalls(&self, log: &LogKey, days_ago: u64) {
        let withdrawal = Withdrawal { log: log.id(), seqs: vec![1], mode: WithdrawalMode::Recall, reason: "gone".into() };
        let Audience::Group(group) = self.audience else { unreachable!() };
        let at = watchfire::model::Timestamp(self.federation.clock.now().0 - days_ago * DAY);
        let recall = Recall { author: self.federation.org(BOREALIS), withdrawal, at, group: Some(group) };
        let mut stream = self.rogue.link().await;
        stream.say(Kind::Recall(sign_recall(&recall, &self.old))).await;
        self.heard(stream).await;
    }

    /// What the thief says is in its victim's name from here on: nothing is asked of the two.
    fn is_believed(&mut self) {
        self.federation.gives_up_on(&[AMAL, BOREALIS]);
        for text in ["restored copy", "two histories", "does not verify"] {
            self.federation.expect_error(text);
        }
    }

    fn head(&self) -> Head {
        self.federation.node(AMAL).store.snapshot().unwrap().log(&self.log(1).id()).unwrap().unwrap().head
    }
}

#[tokio::test]
async fn a_stolen_key_signs_nothing_after_its_last_position_and_opens_no_log() {
    // Before the change the thief is believed, else nothing here could fail.
    let mut control = Theft::before_the_change().await;
    control.is_believed();
    assert!(control.forges(control.log(1), control.head()).await);
    let mut theft = Theft::before_the_change().await;
    change_key(&theft.federation, BOREALIS).await;
    theft.federation.settle().await;
    assert!(!theft.forges(theft.log(1), theft.head()).await, "beyond its last position");
    let later = theft.federation.clock.now().0 / 1_000;
    assert!(!theft.forges(theft.log(later), Head::default()).await, "in an incarnation after it");
    theft.is_believed();
    assert!(theft.forges(theft.log(2), Head::default()).await, "said in the threat model: in one before it, unless it is called stolen");
}

#[tokio::test]
async fn a_key_that_is_called_stolen_signs_nothing_at_all() {
    let theft = Theft::before_the_change().await;
    change(&theft.federation, BOREALIS, true).await;
    theft.federation.settle().await;
    assert!(!theft.forges(theft.log(2), Head::default()).await);
    theft.recalls(&theft.log(1), 1).await;
    assert!(theft.federation.finds(AMAL, "true.example.org"));
}

#[tokio::test]
async fn a_recall_under_the_old_key_counts_if_it_was_made_in_time_and_comes_in_time() {
    let theft = Theft::before_the_change().await;
    change_key(&theft.federation, BOREALIS).await;
    theft.federation.settle().await;
    theft.recalls(&theft.log(1), 0).await;
    assert!(theft.federation.finds(AMAL, "true.example.org"), "made after the change");
    theft.recalls(&theft.log(1), 1).await;
    assert!(!theft.federation.finds(AMAL, "true.example.org"), "as one that a relay passes on late");
}

#[tokio::test]
async fn a_recall_from_before_reaches_a_peer_that_was_away_long_after() {
    let mut federation = Federation::of(2).await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.recall(AMAL, "old.example.org").await;
    change_key(&federation, AMAL).await;
    federation.kill(BOREALIS);
    federation.clock.advance(100 * DAY);
    federation.restart(AMAL).await;
    let renewed = federation.node(AMAL).keys.card();
    federation.start(BOREALIS).await;
    federation.heal(AMAL, BOREALIS);
    // Both certificates have run out: the two exchange cards again.
    for (here, there) in [(AMAL, BOREALIS), (BOREALIS, AMAL)] {
        let name = NAMES[there.0];
        federation.node(here).peer_remove(name).await.unwrap();
        let card = federation.node(there).card().unwrap();
        federation.node(here).peer_add(&card, name, PeerOptions::default()).await.unwrap();
    }
    assert!(renewed.log_keys().has_earlier());
    federation.settle().await;
    assert!(!federation.finds(BOREALIS, "old.example.org"));
}

#[tokio::test]
async fn the_old_key_defines_no_group_once_the_new_one_is_known() {
    for known in [false, true] {
        let federation = Federation::of(2).await;
        let rogue = Rogue::paired_with(&federation, AMAL).await;
        let group = federation.group(BOREALIS, "partners", &[AMAL]).await;
        federation.settle().await;
        let old = federation.node(BOREALIS).keys.log_key();
        if known {
            change_key(&federation, BOREALIS).await;
            federation.settle().await;
        }
        let row = federation.node(AMAL).store.snapshot().unwrap().group(&group).unwrap().unwrap();
        let mut definition = watchfire::link::convert::decode_definition(&row.definition.bytes).unwrap();
        definition.number += 1;
        definition.community = true;
        let signed = SignedDefinition::sign(encode_definition(&definition), &old);
        let message = wire::SignedDefinition { definition: signed.bytes, signature: signed.signature.to_vec() };
        let mut stream = rogue.link().await;
        let chunk = prost::Message::encode_to_vec(&message);
        stream.say(Kind::Definition(wire::DefinitionPart { chunk, last: true })).await;
        stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
        stream.closed().await;
        assert_eq!(federation.node(AMAL).group("partners").unwrap().community, !known);
    }
}

#[tokio::test]
async fn an_author_that_changes_its_key_after_a_fork_is_proven_all_the_same() {
    for tells_us_last in [false, true] {
        let mut federation = Federation::of(1).await;
        federation.expect_error("two histories");
        let rogue = Rogue::paired_with(&federation, AMAL).await;
        let (one, _) = rogue.batch(Head::default(), vec![rogue.entry("one.example.org")], &rogue.identity.log_key());
        // To another it says something else, signs that with its next key, and calls this one stolen.
        rogue.identity.rotate_log(federation.clock.now().plus(MINUTE), true).unwrap();
        let (other, _) = rogue.batch(Head::default(), vec![rogue.entry("other.example.org")], &rogue.identity.log_key());
        let (told, hidden) = if tells_us_last { (other, one) } else { (one, other) };
        let card = Kind::Card(rogue.identity.card().bytes().to_vec());
        let mut stream = rogue.link().await;
        if tells_us_last {
            stream.say(card.clone()).await;
        }
        for frame in have_frames(&[watchfire::link::convert::LogState { key: rogue.log(), head: told.checkpoint.head }], &[]) {
            stream.say(frame.frame.unwrap()).await;
        }
        stream.until(|kind| matches!(kind, Kind::Want(_))).await;
        stream.say_all(rogue.frames(&rogue.log(), &told)).await;
        assert_eq!(stream.acknowledged().await.through, 1);
        stream.say(card).await;
        let branch = watchfire::model::log::Branch { from: hidden.checkpoint.head, headers: Vec::new(), checkpoint: hidden.checkpoint };
        let (log, us, to) = (rogue.log(), rogue.identity.org(), federation.org(AMAL));
        let way = watchfire::rules::label::Way {
            log: &log,
            us: &us,
            reader: &to,
            group: None,
            joined: 0,
            allowance: watchfire::rules::policy::Allowance::OPEN,
            now: federation.clock.now(),
        };
        let may = watchfire::rules::label::outbound_branch(watchfire::rules::label::Held(branch), &way).unwrap();
        stream.say(watchfire::link::convert::conflict_frame(&may).frame.unwrap()).await;
        stream.until(|kind| matches!(kind, Kind::Conflict(_))).await;
        let evidence = federation.node(AMAL).store.snapshot().unwrap().evidence().unwrap();
        assert_eq!((evidence.len(), evidence[0].log), (1, rogue.log()));
    }
}

#[tokio::test]
async fn whoever_has_the_new_key_alone_changes_no_log_back() {
    let federation = Federation::of(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let old = rogue.identity.log_key();
    rogue.identity.rotate_log(federation.clock.now(), false).unwrap();
    let new = rogue.identity.log_key();
    let back = rogue.entry_of(RecordKind::KeyChange.number(), encode_record(&Record::KeyChange(old.public())));
    let mut stream = rogue.link().await;
    stream.say(Kind::Card(rogue.identity.card().bytes().to_vec())).await;
    let (batch, frames) = rogue.batch(Head::default(), vec![back], &new);
    for frame in have_frames(&[watchfire::link::convert::LogState { key: rogue.log(), head: batch.checkpoint.head }], &[]) {
        stream.say(frame.frame.unwrap()).await;
    }
    stream.until(|kind| matches!(kind, Kind::Want(_))).await;
    stream.say_all(frames).await;
    assert_eq!(stream.acknowledged().await.through, 1);
    let log = federation.node(AMAL).store.snapshot().unwrap().log(&rogue.log().id()).unwrap().unwrap();
    assert_eq!(log.author_key, new.public());
}
