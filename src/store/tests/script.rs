//! What a store goes through in its life, by chance from a seed: every kind of change, several at once, and compaction.

use super::campaign::Dice;
use super::small::peer;
use super::*;
use crate::model::desk::Act;
use crate::model::group::SignedDefinition;
use crate::model::log::{AbsentReason, Branch, Equivocation, Salts};
use crate::model::record::{ReceiptOutcome, WithdrawalMode};
use crate::model::{ReleaseId, UserKey};
use crate::store::change::{GroupRow, RecallRow};
use crate::store::hold::HoldRow;

const VALUES: u64 = 14;

pub(super) enum Step {
    Commit(Vec<Change>),
    Compact,
}

/// The same steps for the same seed, as long as each is made before the next is asked for.
pub(super) struct Script {
    dice: Dice,
    logs: [Authored; 2],
    /// Whole batches that were received without one of their bodies.
    thin: Vec<(crate::model::LogId, Batch, Vec<Received>)>,
    steps: u64,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        let logs = [PEER, OTHER].map(|author| Authored::by(author, GROUP));
        Self { dice: Dice::new(seed), logs, thin: Vec::new(), steps: 0 }
    }

    fn now(&self) -> Timestamp {
        NOW.plus(self.steps)
    }

    fn value(&mut self) -> String {
        match self.dice.below(VALUES) {
            n if n < 3 => format!("192.0.2.{n}"),
            n if n < 6 => format!("a.host{n}.example"),
            n => format!("host{n}.example"),
        }
    }

    fn audience(&mut self) -> Audience {
        *self.dice.pick(&[GROUP, GROUP, TO_PEER])
    }

    /// The next step of a store that stands so.
    pub(super) fn next(&mut self, read: &Snapshot) -> Step {
        self.steps += 1;
        match self.dice.below(26) {
            0..5 => Step::Commit(vec![self.release()]),
            5..9 => Step::Commit(vec![self.append(read)]),
            9..13 => Step::Commit(vec![self.receive()]),
            13..15 => Step::Commit(vec![self.take_back(read)]),
            15 => Step::Commit(vec![self.fill()]),
            16 => Step::Commit(vec![self.unqueue(), self.destroy(read)]),
            17 => Step::Commit(self.equivocation()),
            18 => Step::Compact,
            19..22 => Step::Commit(self.hold(read)),
            22 => {
                let next = read.incarnation().unwrap() + 1;
                Step::Commit(vec![if self.dice.one_in(3) { Change::Incarnation(next) } else { self.start_at() }])
            }
            23 => Step::Commit(vec![self.user(read)]),
            _ => {
                let many = self.dice.between(1, 5);
                Step::Commit((0..many).map(|_| self.small(read)).collect())
            }
        }
    }

    fn release(&mut self) -> Change {
        let audience = self.audience();
        let mut items = Vec::new();
        for _ in 0..self.dice.between(1, 7) {
            let note = self.dice.one_in(3).then(|| format!("words {}", self.dice.below(3)));
            let value = self.value();
            let mut item = item(audience, Indicator { note, ..indicator(&value) });
            if self.dice.one_in(6) {
                item.inside = vec![observable("inside.example"), observable(&self.value())];
            }
            // One value stands in a request once.
            if !items.iter().any(|other: &ReleaseItem| other.record == item.record) {
                items.push(item);
            }
        }
        if self.dice.one_in(4) {
            let unnamed = released(audience, Record::KeyChange([self.steps as u8; 32]), Tlp::Green);
            items.push(ReleaseItem { record: None, inside: Vec::new(), released: unnamed, findings: Findings::default(), said: None });
        }
        Change::Release { audience, items, disclosures: vec![disclosure(audience)], at: self.now() }
    }

    /// Something is held, undone, or leaves.
    fn hold(&mut self, read: &Snapshot) -> Vec<Change> {
        let holds = read.holds().unwrap();
        let Some((id, row)) = holds.first().filter(|_| holds.len() > 2 || self.dice.one_in(2)).cloned() else {
            let Change::Release { audience, items, .. } = self.release() else { unreachable!() };
            let mut row = hold::complete(HoldRow::new(audience, self.now()));
            row.put_part(0, &items);
            return vec![Change::Hold { id: ReleaseId([self.steps as u8; 5]), row: Box::new(row), part: Some((0, items)), new: true }];
        };
        if self.dice.one_in(2) {
            return vec![Change::Unhold(id)];
        }
        // What was said since is refused, and nothing is lost by that.
        let items = hold::passed(read.held(&id, 0).unwrap());
        let news = items.iter().all(|item| !hold::is_known(read, item));
        if news { hold::leave(read, id, &row, 0) } else { vec![Change::Unhold(id)] }
    }

    fn append(&mut self, read: &Snapshot) -> Change {
        let audience = self.audience();
        if read.waiting(&audience, 1, 1).unwrap().is_empty() { self.release() } else { append_change(read, audience) }
    }

    fn receive(&mut self) -> Change {
        let values: Vec<String> = (0..self.dice.between(1, 6)).map(|_| self.value()).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let log = &mut self.logs[self.dice.below(2) as usize];
        let before = log.head;
        if self.dice.one_in(6) {
            let batch = log.seal(&[(1, b"not a record"), (10, b"new words")]);
            let mut entries = log.entries(&batch, before, vec![Meaning::None, Meaning::None]);
            (entries[0].verdict, entries[0].problem) = (Verdict::Invalid, Some("no value".into()));
            return log.receive(&batch, entries);
        }
        let (batch, mut entries) = log.indicators(&values);
        if !self.dice.one_in(3) {
            return log.receive(&batch, entries);
        }
        self.thin.push((log.id(), batch.clone(), entries.clone()));
        entries[0].meaning = Meaning::None;
        let first = batch.first;
        log.receive(&batch.without(|seq| (seq == first).then_some(AbsentReason::Withheld)), entries)
    }

    fn fill(&mut self) -> Change {
        let Some((log, batch, entries)) = self.thin.pop() else { return self.receive() };
        let (Salts::Seed(seed), Body::Present(body)) = (&batch.salts, &batch.entries[0].body) else { unreachable!() };
        let salt = crate::model::log::salt(seed, batch.first);
        Change::Fill { log, seq: batch.first, salt, body: body.clone(), received: entries[0].clone(), at: self.now() }
    }

    /// Some positions of a log; also of one that we hold nothing of.
    fn positions(&mut self, read: &Snapshot) -> (crate::model::LogId, Vec<u64>) {
        let logs = read.logs().unwrap();
        let (log, size) = match logs.is_empty() || self.dice.one_in(8) {
            true => (self.logs[0].id(), 9),
            false => (self.dice.pick(&logs).id, 0),
        };
        let size = logs.iter().find(|row| row.id == log).map_or(size, |row| row.head.size);
        (log, (0..self.dice.between(1, 4)).map(|_| self.dice.between(1, size + 2)).collect())
    }

    fn take_back(&mut self, read: &Snapshot) -> Change {
        let (log, seqs) = self.positions(read);
        let mode = *self.dice.pick(&[WithdrawalMode::Recall, WithdrawalMode::Withdraw]);
        // Of our own logs only what they have.
        let ours = read.log(&log).unwrap().filter(|row| row.key.author == US);
        let seqs = seqs.into_iter().filter(|seq| ours.as_ref().is_none_or(|row| *seq <= row.head.size)).collect();
        Change::TakeBack { log, seqs, mode, reason: "a mistake".into(), at: self.now(), bars: true }
    }

    fn unqueue(&mut self) -> Change {
        let records = vec![record_id(&US, &observable(&self.value()))];
        Change::Unqueue { records, recalled: self.dice.one_in(4), only: None, at: self.now() }
    }

    fn destroy(&mut self, read: &Snapshot) -> Change {
        let (log, seqs) = self.positions(read);
        Change::Destroy { log, seqs, reason: AbsentReason::Expired, at: self.now() }
    }

    /// An author that nothing else comes of.
    fn stranger(&self) -> Authored {
        let mut org = [77; 32];
        org[..8].copy_from_slice(&self.steps.to_be_bytes());
        Authored::by(OrgId(org), GROUP)
    }

    fn start_at(&mut self) -> Change {
        let mut log = self.stranger();
        let (old, _) = log.indicators(&["old.example"]);
        Change::StartAt { log: log.key, author_key: log.signing().public(), checkpoint: old.checkpoint }
    }

    /// A log comes, and the proof that its author signed another.
    fn equivocation(&mut self) -> Vec<Change> {
        let (mut log, mut twin) = (self.stranger(), self.stranger());
        let (batch, entries) = log.indicators(&[&self.value()]);
        let (other, _) = twin.indicators(&["other.example"]);
        let branch = |batch: &Batch| Branch { from: batch.checkpoint.head, headers: vec![], checkpoint: batch.checkpoint.clone() };
        let proof = Equivocation::prove(branch(&batch), branch(&other), &[log.signing().public()]).unwrap();
        vec![log.receive(&batch, entries), Change::Evidence { log: log.key, proof, at: self.now() }]
    }

    /// Somebody comes to the desk, or has the key under another passphrase.
    fn user(&mut self, read: &Snapshot) -> Change {
        let number = read.user_changes().unwrap().len() as u64 + 1;
        let (act, key) = if number > 1 && self.dice.one_in(2) { (Act::Passphrase, 1) } else { (Act::Add, number as u8) };
        let gone = self.dice.one_in(4).then_some(UserKey([key; 32]));
        let wrapped = Some(Box::new(super::user::wrapped(self.steps as u8)));
        Change::User { change: Box::new(super::user::change(number, act, key)), wrapped, gone }
    }

    fn small(&mut self, read: &Snapshot) -> Change {
        let at = self.now();
        let (log, seqs) = self.positions(read);
        match self.dice.below(10) {
            9 => Change::Owe { log, first: seqs[0], owed: self.dice.one_in(2) },
            0 | 1 => Change::Acked { peer: PEER, log, through: seqs[0], verdicts: vec![(seqs[0], 3)], at },
            2 => Change::Receipt { holder: OTHER, log, outcomes: vec![(seqs[0], ReceiptOutcome::Destroyed)], at },
            3 | 4 => Change::PutPeer(Box::new(peer(&format!("north {}", self.steps)))),
            5 => Change::PutGroup(Box::new(self.group())),
            6 => {
                let row = RecallRow { author: OTHER, log, audience: GROUP, signed: vec![self.steps as u8; 200], at };
                Change::Recall { id: [self.steps as u8; 32], row: Box::new(row) }
            }
            7 => Change::Suspicious { peer: PEER, what: format!("step {}", self.steps), bytes: vec![7; 300], at },
            _ => Change::Put("cursor", (!self.dice.one_in(3)).then(|| vec![self.steps as u8; 40])),
        }
    }

    fn group(&self) -> GroupRow {
        let (number, group) = (self.steps, GroupId([9; 32]));
        let definition = SignedDefinition { bytes: vec![number as u8; 900], signature: [2; 64] };
        let (roster, joined) = (vec![PEER, OTHER], [(PEER, number)].into());
        GroupRow { group, name: "desk".into(), definition, number, roster, joined, left: false }
    }
}

/// Makes a step. What came of it, but for compaction, which a failing disk may put off.
pub(super) fn make(store: &Store, step: Step, runtime: &tokio::runtime::Runtime) -> Result<Vec<Outcome>, CommitError> {
    match step {
        Step::Commit(mut changes) if changes.len() == 1 => store.commit_blocking(changes.remove(0)).map(|outcome| vec![outcome]),
        Step::Commit(changes) => runtime.block_on(store.commit_many(changes)),
        Step::Compact => runtime.block_on(store.compact()).map(|_| Vec::new()),
    }
}
