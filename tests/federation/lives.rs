//! Nodes that die, come back, come back older than they were, or live twice.

use crate::campaign::{Campaign, Dice};
use crate::harness::*;
use watchfire::formats::Format;
use watchfire::model::{Ceiling, Tlp};
use watchfire::node::error::NodeError;
use watchfire::node::view::{ExportFormat, ExportRequest};
use watchfire::store::LogState;

fn domains(prefix: &str, count: usize) -> String {
    (0..count).map(|number| format!("{prefix}{number}.example.org\n")).collect()
}

#[tokio::test]
async fn a_reader_killed_in_the_middle_of_an_import_loses_nothing_and_takes_nothing_twice() {
    let mut federation = Federation::of(2).await;
    let importing = federation.start_import(AMAL, domains("host", 4_000), "borealis");
    for killed in 1..=3 {
        let enough = killed * 700;
        federation.until("some have arrived", || federation.indicators(BOREALIS) >= enough).await;
        let acknowledged = federation.acknowledged(AMAL, BOREALIS);
        federation.kill(BOREALIS);
        federation.start(BOREALIS).await;
        assert!(federation.indicators(BOREALIS) >= acknowledged, "what was acknowledged is there");
    }
    assert_eq!(importing.await.unwrap().unwrap().released, 4_000);
    federation.settle().await;
    assert_eq!(federation.indicators(BOREALIS), 4_000);
    assert_eq!(federation.entries(BOREALIS, AMAL), 4_000);
}

#[tokio::test]
async fn an_author_killed_in_the_middle_of_an_import_goes_on_where_it_was() {
    let mut federation = Federation::of(2).await;
    let importing = federation.start_import(AMAL, domains("host", 12_000), "borealis");
    federation.until("some have arrived", || federation.indicators(BOREALIS) >= 500).await;
    federation.kill(AMAL);
    drop(importing);
    let arrived = federation.indicators(BOREALIS);
    federation.start(AMAL).await;
    assert!(federation.indicators(AMAL) >= arrived, "nothing left that is not held");
    let again = federation.import(AMAL, domains("host", 12_000), Format::Text, Tlp::Amber, "borealis").await;
    assert_eq!(again.released + again.duplicate, 12_000);
    federation.settle().await;
    assert_eq!((federation.indicators(AMAL), federation.indicators(BOREALIS)), (12_000, 12_000));
    assert_eq!(federation.entries(BOREALIS, AMAL), 12_000, "each value has one position");
}

#[tokio::test]
async fn a_node_stopped_in_order_comes_back_with_everything() {
    let mut federation = Federation::of(2).await;
    federation.share(AMAL, "one.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    federation.stop(AMAL).await;
    federation.share(BOREALIS, "two.example.org", Tlp::Amber, "amal").await;
    federation.start(AMAL).await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "two.example.org") && federation.finds(AMAL, "one.example.org"));
}

/// Amal has shared with Borealis and the group, was copied, and has gone further.
async fn gone_further() -> (Federation, std::path::PathBuf) {
    let mut federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "borealis").await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    let copy = federation.copy(AMAL).await;
    federation.share(AMAL, "tail.example.org", Tlp::Amber, "borealis").await;
    federation.share(AMAL, "tail.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    (federation, copy)
}

/// What must hold after any restore of Amal's.
async fn is_whole_again(federation: &Federation) {
    assert!(federation.finds(AMAL, "tail.example.org"), "its tail was fetched back");
    federation.share(AMAL, "new.example.org", Tlp::Amber, "borealis").await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "new.example.org") && federation.finds(CEDAR, "new.example.org"));
    let amal = federation.org(AMAL);
    for who in federation.everyone() {
        let snapshot = federation.node(who).store.snapshot().unwrap();
        assert!(snapshot.evidence().unwrap().is_empty(), "no position was signed twice");
        let logs = snapshot.logs_of(&amal).unwrap();
        let mut incarnations: Vec<u64> = logs.iter().map(|log| log.key.incarnation).collect();
        incarnations.sort_unstable();
        incarnations.dedup();
        assert_eq!(incarnations.len(), 2, "one restore, one new incarnation: {incarnations:?}");
    }
}

#[tokio::test]
async fn an_old_copy_learns_from_its_peers_that_it_is_old() {
    let (mut federation, copy) = gone_further().await;
    federation.expect_error("restored copy");
    federation.clock.advance(HOUR);
    federation.put_back(AMAL, &copy).await;
    federation.start(AMAL).await;
    federation.settle().await;
    is_whole_again(&federation).await;
}

#[tokio::test]
async fn what_an_old_copy_shares_before_it_learns_goes_into_the_next_incarnation() {
    let (mut federation, copy) = gone_further().await;
    federation.expect_error("restored copy");
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.put_back(AMAL, &copy).await;
    federation.start(AMAL).await;
    federation.share(AMAL, "lonely.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.heal(AMAL, BOREALIS);
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "lonely.example.org") && federation.finds(CEDAR, "lonely.example.org"));
    is_whole_again(&federation).await;
}

#[tokio::test]
async fn a_declared_restore_opens_the_next_incarnation_before_anyone_is_asked() {
    let (mut federation, copy) = gone_further().await;
    let whole = |since| ExportRequest {
        format: ExportFormat::Text,
        ceiling: Ceiling::NONE,
        groups: Vec::new(),
        since,
        kinds: Vec::new(),
        options: Default::default(),
    };
    let cursor = federation.cursor(AMAL, &whole(None));
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.put_back(AMAL, &copy).await;
    federation.start(AMAL).await;
    let refused = federation.node(AMAL).begin_export(whole(Some(cursor))).err();
    assert!(matches!(refused, Some(NodeError::UnknownCursor)), "events are counted anew: a cursor from before would pass over some");
    let view = federation.node(AMAL).declare_restore().await.unwrap();
    assert_eq!(view.closed, 2);
    federation.heal(AMAL, BOREALIS);
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    is_whole_again(&federation).await;
}

#[tokio::test]
async fn what_a_hidden_groups_owner_fetches_back_after_its_recall_is_taken_back_again() {
    let mut federation = Federation::of(3).await;
    federation.expect_error("restored copy");
    federation.group_with(AMAL, "shelter", &[BOREALIS, CEDAR], |group| group.hidden = true).await;
    federation.settle().await;
    federation.share(BOREALIS, "old.example.org", Tlp::Amber, "shelter").await;
    federation.settle().await;
    let copy = federation.copy(AMAL).await;
    federation.clock.advance(HOUR);
    // At one moment, so with one retention date.
    federation.share(BOREALIS, "secret.example.org", Tlp::Amber, "shelter").await;
    federation.share(BOREALIS, "own.example.org", Tlp::Amber, "shelter").await;
    federation.share(CEDAR, "kept.example.org", Tlp::Amber, "shelter").await;
    federation.settle().await;
    assert!(federation.finds(CEDAR, "secret.example.org"));
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.clock.advance(HOUR);
    federation.put_back(AMAL, &copy).await;
    federation.start(AMAL).await;
    federation.share(AMAL, "own.example.org", Tlp::Amber, "shelter").await;
    for value in ["secret.example.org", "own.example.org"] {
        federation.recall(BOREALIS, value).await;
    }
    // The recalls come before what would name it. Whose the rest of the tail is, only Cedar can tell.
    federation.heal(AMAL, BOREALIS);
    federation.until("the tail has come", || federation.finds(AMAL, "kept.example.org")).await;
    federation.clock.advance(HOUR);
    federation.pass(SECOND).await;
    assert!(federation.finds(AMAL, "kept.example.org"), "nobody recalled it");
    federation.heal(AMAL, CEDAR);
    federation.settle().await;
    for who in federation.everyone() {
        assert!(!federation.finds(who, "secret.example.org"), "{who:?} holds what was recalled");
        for value in ["old.example.org", "kept.example.org", "own.example.org"] {
            assert!(federation.finds(who, value), "{who:?} lost {value}, which was not");
        }
    }
}

#[tokio::test]
async fn a_recall_of_what_an_earlier_incarnation_said_is_obeyed() {
    let (mut federation, copy) = gone_further().await;
    federation.expect_error("restored copy");
    federation.put_back(AMAL, &copy).await;
    federation.start(AMAL).await;
    federation.settle().await;
    federation.recall(AMAL, "tail.example.org").await;
    federation.settle().await;
    assert!(federation.everyone().all(|who| !federation.finds(who, "tail.example.org")));
    let outcomes = federation.outcomes(AMAL, "tail.example.org");
    assert!(outcomes.len() == 2 && outcomes.iter().all(|(_, outcome)| outcome == "destroyed"), "{outcomes:?}");
}

/// The state of Amal's logs at a node.
fn states(federation: &Federation, who: Who, of: watchfire::model::OrgId) -> Vec<LogState> {
    federation.node(who).store.snapshot().unwrap().logs_of(&of).unwrap().iter().map(|log| log.state).collect()
}

#[tokio::test]
async fn two_histories_under_one_signature_are_proved_and_the_author_goes_on_in_the_next_incarnation() {
    let mut federation = Federation::of(3).await;
    for text in ["two histories", "restored copy"] {
        federation.expect_error(text);
    }
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(AMAL, "both.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    let amal = federation.org(AMAL);
    let copy = federation.copy(AMAL).await;
    // One of the two meets Borealis alone, the other Cedar alone.
    federation.settle().await;
    federation.cut(AMAL, CEDAR);
    federation.cut(BOREALIS, CEDAR);
    federation.cut(DUNYA, BOREALIS);
    let twin = federation.twin(AMAL, &copy).await;
    federation.share(AMAL, "first.example.org", Tlp::Amber, "partners").await;
    federation.share(twin, "second.example.org", Tlp::Amber, "partners").await;
    federation
        .until("both were told", || federation.finds(BOREALIS, "first.example.org") && federation.finds(CEDAR, "second.example.org"))
        .await;
    federation.kill(twin);
    federation.heal(BOREALIS, CEDAR);
    federation
        .until("both hold the proof", || {
            [BOREALIS, CEDAR].iter().all(|who| federation.node(*who).store.snapshot().unwrap().evidence().unwrap().len() == 1)
        })
        .await;
    for who in [BOREALIS, CEDAR] {
        assert_eq!(states(&federation, who, amal), [LogState::Halted]);
    }
    assert!(!federation.finds(BOREALIS, "second.example.org") && !federation.finds(CEDAR, "first.example.org"));
    // What it has recalled is still destroyed.
    federation.recall(AMAL, "both.example.org").await;
    federation.until("both obey", || !federation.finds(BOREALIS, "both.example.org") && !federation.finds(CEDAR, "both.example.org")).await;
    // The author learns of it from whoever holds the other history.
    federation.heal(AMAL, CEDAR);
    federation
        .until("the author holds the proof", || !federation.node(AMAL).store.snapshot().unwrap().evidence().unwrap().is_empty())
        .await;
    federation.share(AMAL, "third.example.org", Tlp::Amber, "partners").await;
    federation
        .until("it goes on", || federation.finds(BOREALIS, "third.example.org") && federation.finds(CEDAR, "third.example.org"))
        .await;
    assert_eq!(states(&federation, CEDAR, amal).iter().filter(|state| **state == LogState::Open).count(), 1);
}

#[tokio::test]
async fn a_second_fork_of_an_incarnation_that_was_left_opens_no_other() {
    let mut federation = Federation::of(3).await;
    for text in ["two histories", "restored copy"] {
        federation.expect_error(text);
    }
    for name in ["borealis", "cedar"] {
        federation.share(AMAL, "both.example.org", Tlp::Amber, name).await;
    }
    federation.settle().await;
    let copy = federation.copy(AMAL).await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    let twin = federation.twin(AMAL, &copy).await;
    for (name, reader) in [("borealis", BOREALIS), ("cedar", CEDAR)] {
        federation.share(AMAL, "first.example.org", Tlp::Amber, name).await;
        federation.share(twin, "second.example.org", Tlp::Amber, name).await;
        federation.until("it was told", || federation.finds(reader, "second.example.org")).await;
    }
    federation.kill(twin);
    let snapshot = |federation: &Federation| federation.node(AMAL).store.snapshot().unwrap();
    let proofs = |federation: &Federation| snapshot(federation).evidence().unwrap().len();
    federation.heal(AMAL, CEDAR);
    federation.until("one fork is proven", || proofs(&federation) == 1).await;
    federation.until("it goes on", || snapshot(&federation).incarnation().unwrap() > 1).await;
    let incarnation = snapshot(&federation).incarnation().unwrap();
    federation.clock.advance(HOUR);
    federation.heal(AMAL, BOREALIS);
    federation.until("the other fork is proven", || proofs(&federation) == 2).await;
    federation.settle().await;
    assert_eq!(snapshot(&federation).incarnation().unwrap(), incarnation);
    for reader in [BOREALIS, CEDAR] {
        federation.until("the reader is told what the forked log says", || federation.finds(reader, "first.example.org")).await;
    }
}

/// How a restored copy comes back into the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Return {
    /// Whoever holds the tail is there.
    HoldersPresent,
    /// They come later; until then the copy is alone.
    HoldersLate,
    /// They come later, and the restore was declared.
    Declared,
    /// One who holds nothing of the tail is met first.
    StrangerFirst,
}

const RETURNS: [Return; 4] = [Return::HoldersPresent, Return::HoldersLate, Return::Declared, Return::StrangerFirst];

/// Amal is copied at some moment, goes on, and is put back.
struct Restores {
    federation: Federation,
    dice: Dice,
    values: Vec<String>,
    forks: usize,
}

impl Restores {
    async fn new(seed: u64) -> Self {
        // It is stopped for each copy; nobody needs to be seen off.
        let mut federation = Federation::with(3, |_, config| config.link.drain_ms_max = 20).await;
        for (one, other) in [(AMAL, BOREALIS), (AMAL, CEDAR), (BOREALIS, CEDAR)] {
            federation.pair(one, other).await;
        }
        federation.settle().await;
        for text in ["restored copy", "two histories", "does not verify"] {
            federation.expect_error(text);
        }
        federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
        federation.settle().await;
        Self { federation, dice: Dice::new(seed), values: Vec::new(), forks: 0 }
    }

    /// A few values for the group; whoever is linked gets them.
    async fn say(&mut self, few: u64) {
        for _ in 0..few {
            let value = format!("v{}.example.org", self.values.len());
            self.federation.share(AMAL, &value, Tlp::Amber, "partners").await;
            self.values.push(value);
        }
    }

    fn all_three(&self, cut: bool) {
        for (one, other) in [(AMAL, BOREALIS), (AMAL, CEDAR), (BOREALIS, CEDAR)] {
            if cut { self.federation.cut(one, other) } else { self.federation.heal(one, other) }
        }
    }

    async fn round(&mut self, how: Return) {
        self.federation.clock.advance(HOUR);
        let before = self.dice.below(3);
        self.say(before).await;
        self.federation.settle().await;
        let copy = self.federation.copy(AMAL).await;
        self.federation.settle().await;
        let holder = *self.dice.pick(&[BOREALIS, CEDAR]);
        let other = if holder == BOREALIS { CEDAR } else { BOREALIS };
        if how == Return::StrangerFirst {
            self.federation.cut(AMAL, other);
            self.federation.cut(BOREALIS, CEDAR);
        }
        let tail = self.dice.between(1, 4);
        self.say(tail).await;
        self.federation.settle().await;
        if how != Return::HoldersPresent {
            self.all_three(true);
        }
        self.federation.clock.advance(HOUR);
        self.federation.put_back(AMAL, &copy).await;
        self.federation.start(AMAL).await;
        if how == Return::Declared {
            self.federation.node(AMAL).declare_restore().await.unwrap();
        }
        let lonely = self.dice.between(1, tail + 2);
        if how == Return::StrangerFirst {
            self.federation.heal(AMAL, other);
            self.say(lonely).await;
            let last = self.values.last().unwrap().clone();
            self.federation.until("the stranger has it", || self.federation.finds(other, &last)).await;
            self.forks += 1;
        } else {
            self.say(lonely).await;
        }
        let mut links = vec![(AMAL, holder), (AMAL, other), (BOREALIS, CEDAR)];
        while !links.is_empty() {
            let (one, other) = links.swap_remove(self.dice.below(links.len() as u64) as usize);
            self.federation.heal(one, other);
        }
        self.federation.settle().await;
        self.check(how).await;
    }

    async fn check(&mut self, how: Return) {
        self.say(1).await;
        self.federation.settle().await;
        let proven = |who| self.federation.node(who).store.snapshot().unwrap().evidence().unwrap().into_iter().map(|proof| proof.log.id());
        let all: std::collections::BTreeSet<_> = [AMAL, BOREALIS, CEDAR].into_iter().flat_map(proven).collect();
        assert_eq!(all.len(), self.forks, "{how:?}: positions are signed twice where nobody could tell, and only there");
        assert_eq!(proven(AMAL).count(), self.forks, "{how:?}: their author knows of it");
        // What only the other history had its author has from nobody, and its holder keeps it.
        for (number, value) in self.values.iter().enumerate() {
            let holders: Vec<Who> = [AMAL, BOREALIS, CEDAR].into_iter().filter(|who| self.federation.finds(*who, value)).collect();
            assert!(!holders.is_empty(), "{how:?}: value {number} is lost");
            let everybody = holders.len() == 3 || (self.forks > 0 && !holders.contains(&AMAL));
            assert!(everybody, "{how:?}: value {number} of {} is held by {holders:?} alone", self.values.len());
        }
    }
}

#[tokio::test]
async fn a_copy_put_back_at_any_moment_signs_nothing_twice_where_somebody_can_tell_and_loses_nothing() {
    let mut campaign = Campaign::new("restores", "restores", 50);
    while let Some(seed) = campaign.next() {
        let mut restores = Restores::new(seed).await;
        for _ in 0..10.min(campaign.left()) {
            let how = *restores.dice.pick(&RETURNS);
            restores.round(how).await;
            campaign.reached(1);
        }
    }
}
