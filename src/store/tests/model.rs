//! The store against the simplest thing that could be right: a list of what everybody said.

use super::fault::Faulty;
use super::*;
use crate::model::log::AbsentReason;
use crate::model::record::WithdrawalMode::{self, Recall, Withdraw};
use crate::store::ProvenanceState::{self, Live, Revoked, Superseded};
use crate::store::hold::HoldRow;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const VALUES: [&str; 5] = ["evil.example", "a.evil.example", "192.0.2.1", "b.example", "d41d8cd98f00b204e9800998ecf8427e"];
const AUTHORS: [OrgId; 3] = [US, PEER, OTHER];

#[derive(Debug, Clone)]
enum Step {
    Release(BTreeMap<usize, u8>),
    Append,
    Receive(usize, Vec<(usize, u8)>),
    TakeBack(usize, Vec<u64>, bool),
    Unqueue(usize, bool),
    Destroy(usize, u64),
    Hold(BTreeMap<usize, u8>),
    Undo,
    LetGo,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let said = || proptest::collection::vec((0..VALUES.len(), 0..2u8), 1..4);
    let step = prop_oneof![
        4 => proptest::collection::btree_map(0..VALUES.len(), 0..2u8, 1..4).prop_map(Step::Release),
        3 => Just(Step::Append),
        4 => (1..3usize, said()).prop_map(|(author, said)| Step::Receive(author, said)),
        3 => (0..3usize, proptest::collection::vec(1..9u64, 1..3), any::<bool>()).prop_map(|(author, seqs, recall)| Step::TakeBack(author, seqs, recall)),
        1 => (0..VALUES.len(), any::<bool>()).prop_map(|(value, recalled)| Step::Unqueue(value, recalled)),
        1 => (0..3usize, 1..9u64).prop_map(|(author, seq)| Step::Destroy(author, seq)),
        2 => proptest::collection::btree_map(0..VALUES.len(), 0..2u8, 1..4).prop_map(Step::Hold),
        1 => Just(Step::Undo),
        2 => Just(Step::LetGo),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What one author said of one value, in its order.
#[derive(Debug, Clone)]
struct Said {
    author: usize,
    value: usize,
    words: u8,
    /// The position; 0 while it waits.
    seq: u64,
    state: ProvenanceState,
}

#[derive(Default)]
struct Model {
    said: Vec<Said>,
    sizes: [u64; 3],
    taken_back: BTreeMap<(usize, u64), WithdrawalMode>,
    buried: BTreeSet<usize>,
    /// What is held, and said to nobody yet.
    held: BTreeMap<usize, u8>,
}

impl Model {
    fn say(&mut self, author: usize, value: usize, words: u8, seq: u64) {
        for one in self.of(author, value) {
            one.state = Superseded;
        }
        let state = if self.taken_back.contains_key(&(author, seq)) { Revoked } else { Live };
        self.said.push(Said { author, value, words, seq, state });
    }

    fn of(&mut self, author: usize, value: usize) -> impl DoubleEndedIterator<Item = &mut Said> {
        self.said.iter_mut().filter(move |one| one.author == author && one.value == value)
    }

    fn release(&mut self, value: usize, words: u8) {
        let again = self.of(0, value).next_back().is_some_and(|last| last.state == Live && last.words == words);
        if !self.buried.contains(&value) && !again {
            self.say(0, value, words, 0);
        }
    }

    /// Whether nothing of what is held was said or recalled since.
    fn may_leave(&mut self) -> bool {
        let held = self.held.clone();
        let news = |(value, words): (&usize, &u8)| {
            let again = self.of(0, *value).next_back().is_some_and(|last| last.state == Live && last.words == *words);
            !self.buried.contains(value) && !again
        };
        !held.is_empty() && held.iter().all(news)
    }

    fn append(&mut self) {
        for one in self.said.iter_mut().filter(|one| one.author == 0 && one.seq == 0) {
            self.sizes[0] += 1;
            one.seq = self.sizes[0];
        }
    }

    fn receive(&mut self, author: usize, said: &[(usize, u8)]) {
        for (value, words) in said {
            self.sizes[author] += 1;
            let seq = self.sizes[author];
            if self.taken_back.get(&(author, seq)) != Some(&Recall) {
                self.say(author, *value, *words, seq);
            }
        }
    }

    fn take_back(&mut self, author: usize, seqs: &[u64], mode: WithdrawalMode) {
        for seq in seqs {
            let strictest = self.taken_back.entry((author, *seq)).or_insert(mode);
            if mode == Recall {
                *strictest = Recall;
                let gone = self.said.iter().filter(|one| author == 0 && one.author == 0 && one.seq == *seq);
                self.buried.extend(gone.map(|one| one.value));
                self.destroy(author, *seq);
            } else if let Some(one) = self.said.iter_mut().find(|one| one.author == author && one.seq == *seq && one.state == Live) {
                one.state = Revoked;
            }
        }
    }

    fn destroy(&mut self, author: usize, seq: u64) {
        self.said.retain(|one| one.author != author || one.seq != seq);
    }

    fn unqueue(&mut self, value: usize, recalled: bool) {
        let before = self.said.len();
        self.said.retain(|one| one.author != 0 || one.value != value || one.seq != 0);
        let taken_back = self.taken_back.clone();
        if before != self.said.len()
            && let Some(last) = self.of(0, value).next_back()
        {
            last.state = if taken_back.contains_key(&(0, last.seq)) { Revoked } else { Live };
        }
        if recalled {
            self.buried.insert(value);
        }
    }

    fn shown(&self, value: usize) -> BTreeSet<(OrgId, u64, ProvenanceState)> {
        let shown = self.said.iter().filter(|one| one.value == value && one.state != Superseded);
        shown.map(|one| (AUTHORS[one.author], one.seq, one.state)).collect()
    }
}

struct Both {
    disk: Faulty,
    store: Option<Store>,
    logs: [Authored; 3],
    model: Model,
    clock: u64,
}

impl Both {
    fn new() -> Self {
        let disk = Faulty::default();
        let store = Some(Store::open_with(disk.factory(), Options::new(US)).unwrap());
        Self { disk, store, logs: AUTHORS.map(|author| Authored::by(author, GROUP)), model: Model::default(), clock: NOW.0 }
    }

    fn read(&self) -> Snapshot {
        self.store.as_ref().unwrap().snapshot().unwrap()
    }

    /// Makes a change, and makes it again, which must change nothing.
    fn commit_twice(&self, change: Change) {
        self.store.as_ref().unwrap().commit_blocking(change.clone()).unwrap();
        let once = content(&self.read());
        self.store.as_ref().unwrap().commit_blocking(change).unwrap();
        assert!(content(&self.read()) == once, "the same change twice");
    }

    fn step(&mut self, step: &Step) {
        self.clock += 1;
        let at = Timestamp(self.clock);
        match step {
            Step::Release(said) => {
                let items = said.iter().map(|(value, words)| item(GROUP, noted(*value, *words))).collect();
                self.commit_twice(Change::Release { audience: GROUP, items, disclosures: vec![disclosure(GROUP)], at });
                said.iter().for_each(|(value, words)| self.model.release(*value, *words));
            }
            Step::Append => {
                if !self.read().waiting(&GROUP, 1, 1).unwrap().is_empty() {
                    self.commit_twice(append_change(&self.read(), GROUP));
                    self.model.append();
                }
            }
            Step::Receive(author, said) => {
                let log = &mut self.logs[*author];
                let before = log.head;
                let bodies: Vec<_> = said.iter().map(|(value, words)| encode(&Record::Indicator(noted(*value, *words)))).collect();
                let batch = log.seal(&bodies.iter().map(|body| (1, body.as_slice())).collect::<Vec<_>>());
                let meanings = said.iter().map(|(value, _)| log.meaning(VALUES[*value])).collect();
                let change = log.receive(&batch, log.entries(&batch, before, meanings));
                self.commit_twice(change);
                self.model.receive(*author, said);
            }
            Step::TakeBack(author, seqs, recall) => {
                // Of our own log only what it has.
                let size = if *author == 0 { self.model.sizes[0] } else { u64::MAX };
                let seqs: Vec<u64> = seqs.iter().copied().filter(|seq| *seq <= size).collect();
                let mode = if *recall { Recall } else { Withdraw };
                let log = self.logs[*author].id();
                self.commit_twice(Change::TakeBack { log, seqs: seqs.clone(), mode, reason: "why".into(), at, bars: true });
                self.model.take_back(*author, &seqs, mode);
            }
            Step::Unqueue(value, recalled) => {
                let records = vec![record_id(&US, &observable(VALUES[*value]))];
                self.commit_twice(Change::Unqueue { records, recalled: *recalled, only: None, at });
                self.model.unqueue(*value, *recalled);
            }
            Step::Destroy(author, seq) => {
                let log = self.logs[*author].id();
                self.commit_twice(Change::Destroy { log, seqs: vec![*seq], reason: AbsentReason::Expired, at });
                self.model.destroy(*author, *seq);
            }
            Step::Hold(said) => {
                let items: Vec<_> = said.iter().map(|(value, words)| item(GROUP, noted(*value, *words))).collect();
                let mut row = hold::complete(HoldRow::new(GROUP, at));
                row.put_part(0, &items);
                self.commit_twice(Change::Hold { id: hold::ID, row: Box::new(row), part: Some((0, items)), new: true });
                self.model.held = said.clone();
            }
            Step::Undo => {
                self.commit_twice(Change::Unhold(hold::ID));
                self.model.held.clear();
            }
            Step::LetGo => self.let_go(),
            Step::Reopen => {
                self.store = None;
                self.store = Some(Store::open_with(self.disk.factory(), Options::new(US)).unwrap());
            }
        }
    }

    /// What is held leaves, all of it or nothing.
    fn let_go(&mut self) {
        let Some(row) = self.read().hold(&hold::ID).unwrap() else { return };
        let changes = hold::leave(&self.read(), hold::ID, &row, 0);
        let (before, may_leave) = (content(&self.read()), self.model.may_leave());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let made = runtime.block_on(self.store.as_ref().unwrap().commit_many(changes));
        assert_eq!(made.is_ok(), may_leave, "{made:?}");
        if may_leave {
            std::mem::take(&mut self.model.held).into_iter().for_each(|(value, words)| self.model.release(value, words));
        } else {
            assert!(content(&self.read()) == before, "a refusal changed something");
        }
    }

    fn check(&self) {
        let read = self.read();
        for (number, value) in VALUES.iter().enumerate() {
            let hits = read.lookup(&observable(value), NOW).unwrap().hits;
            let exact = hits.into_iter().filter(|hit| hit.observable == observable(value)).flat_map(|hit| hit.provenances);
            let shown: BTreeSet<_> = exact.map(|one| (one.author, one.seq, one.state)).collect();
            assert_eq!(shown, self.model.shown(number), "{value}");
        }
        let records: BTreeSet<_> = self.model.said.iter().map(|one| (one.author, one.value)).collect();
        assert_eq!(read.counts().unwrap()[&1], records.len() as u64);
        let values: BTreeSet<_> = self.model.said.iter().map(|one| one.value).collect();
        assert_eq!(read.observables().unwrap(), values.len() as u64);
        let held: usize = read.holds().unwrap().iter().map(|(_, row)| row.count() as usize).sum();
        assert_eq!(held, self.model.held.len());
        for (number, log) in self.logs.iter().enumerate() {
            self.check_log(&read, log, self.model.sizes[number]);
        }
        assert!(read.verify_disclosures().is_ok());
    }

    /// Every batch still verifies, whatever was destroyed in it.
    fn check_log(&self, read: &Snapshot, log: &Authored, size: u64) {
        let mut head = Head::default();
        while head.size < size {
            let batch = super::batch(read, &log.key, head.size + 1);
            batch.verify(log.id(), head, &log.signing().public()).unwrap();
            head = batch.checkpoint.head;
        }
        assert!(read.batch_at(&log.id(), size + 1).unwrap().is_none());
    }
}

fn noted(value: usize, words: u8) -> Indicator {
    Indicator { note: (words > 0).then(|| "more words".into()), ..indicator(VALUES[value]) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_store_holds_what_a_list_of_words_holds(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step);
            both.check();
        }
    }
}
