//! Nothing moves in a referral without the signature of whoever may move it: partners that are paired, sign with their own keys, and write what is not
//! theirs to say.

use crate::cases;
use crate::harness::rogue::{ROGUE, Rogue, Stream};
use crate::harness::*;
use crate::referrals::{case, code, say};
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{LogState, batch_frames, decode_definition, encode_record, have_frames};
use watchfire::model::crypto::random;
use watchfire::model::log::{Audience, Batch, BatchEntry, Head, LogKey};
use watchfire::model::referral::{Message, Offer, Waiting, Words};
use watchfire::model::{GroupId, LogId, Record, RecordKind, ReferralId, SubjectRef};
use watchfire::node::referral::{Act, ReferralView};
use watchfire::node::view::GroupCreate;
use watchfire::rules::label::{Held, Way, outbound};
use watchfire::rules::policy::Allowance;
use watchfire::rules::referral::Step;
use watchfire::store::Conversation;
use watchfire::store::change::{Change, Meaning, Said, Verdict};

const NOT_THEIRS: &str = "this is the other side's to do";

/// A partner on a link with one node, and what it says there of referrals.
pub(crate) struct Line<'a> {
    federation: &'a Federation,
    who: Who,
    rogue: Rogue,
    stream: Stream,
    /// Where its log to the node alone stands.
    head: Head,
}

impl<'a> Line<'a> {
    pub(crate) async fn open(federation: &'a Federation, who: Who) -> Self {
        let rogue = Rogue::paired_with(federation, who).await;
        let stream = rogue.asked(Head::default()).await;
        Self { federation, who, rogue, stream, head: Head::default() }
    }

    /// What would be the next message to the node of whoever it speaks with about that referral, by all that the node holds of it.
    pub(crate) fn message(&self, id: &ReferralId, words: Words) -> Message {
        let snapshot = self.federation.node(self.who).store.snapshot().unwrap();
        let (number, seen, heard) = match snapshot.conversation(id).unwrap() {
            Some(known) => {
                let (before, theirs) = (known.of(known.row.side.other()), known.of(known.row.side));
                (before.len() as u64 + 1, theirs.len() as u64, theirs.last().map_or([0; 32], |last| last.heard))
            }
            None => (1, 0, [0; 32]),
        };
        Message { referral: *id, number, seen, heard, vocabulary: "2026-11".into(), words }
    }

    /// The log in which it speaks to the node alone.
    pub(crate) fn log(&self) -> LogId {
        self.rogue.log().id()
    }

    fn entry(&self, message: &Message) -> BatchEntry {
        self.entry_as(Record::Referral(message.clone()).kind(), message)
    }

    fn entry_as(&self, kind: RecordKind, message: &Message) -> BatchEntry {
        self.rogue.entry_of(kind.number(), encode_record(&Record::Referral(message.clone())))
    }

    /// Says it to the node alone, and hears what the node makes of it once all that follows is done.
    pub(crate) async fn say(&mut self, message: &Message) -> Verdict {
        self.say_as(Record::Referral(message.clone()).kind(), message).await
    }

    /// The same under a kind of record.
    pub(crate) async fn say_as(&mut self, kind: RecordKind, message: &Message) -> Verdict {
        let (batch, frames) = self.rogue.batch(self.head, vec![self.entry_as(kind, message)], &self.rogue.identity.log_key());
        self.head = batch.checkpoint.head;
        self.stream.say_all(frames).await;
        let ack = self.stream.acknowledged().await;
        assert_eq!((ack.log.as_slice(), ack.through), (&self.rogue.log().id().0[..], self.head.size));
        verdict(&ack)
    }

    /// The node takes it as a program does that does not know what it says.
    pub(crate) async fn is_kept_unread(&mut self, message: &Message) {
        let (batch, _) = self.rogue.batch(self.head, vec![self.entry(message)], &self.rogue.identity.log_key());
        let (node, key) = (self.federation.node(self.who), self.rogue.log());
        let head = batch.checkpoint.head;
        let mut understood = node.understand(&key, self.head, self.rogue.identity.log_key().public(), batch).unwrap();
        let Change::Receive { entries, .. } = &mut understood.change else { panic!("a batch is received") };
        let Message { referral, number, seen, heard, .. } = *message;
        entries[0].meaning = Meaning::Said(Said { referral, number, seen, heard, step: Step::Newer });
        entries[0].verdict = Verdict::Unsupported;
        understood.consequences.owes = false;
        let outcome = node.keep(key.id(), understood.change, &understood.consequences).await.unwrap();
        node.received(&key, outcome, understood.consequences).await.unwrap();
        self.head = head;
    }

    /// Says it in a group's log, where it has said nothing before. Which log that is, too.
    async fn say_in_group(&mut self, group: GroupId, message: &Message) -> (Verdict, LogKey) {
        let key = LogKey { audience: Audience::Group(group), ..self.rogue.log() };
        let (entries, signer) = (vec![self.entry(message)], self.rogue.identity.log_key());
        let batch = Batch::seal(key.id(), Head::default(), entries, [7; 32], self.rogue.now(), 1, &signer).unwrap();
        for frame in have_frames(&[LogState { key, head: batch.checkpoint.head }], &[]) {
            self.stream.say(frame.frame.unwrap()).await;
        }
        self.stream.until(|kind| matches!(kind, Kind::Want(want) if want.log == key.id().0)).await;
        let (us, reader, now) = (self.rogue.identity.org(), self.federation.org(self.who), self.rogue.now());
        let row = self.federation.node(self.who).store.snapshot().unwrap().group(&group).unwrap().unwrap();
        let definition = decode_definition(&row.definition.bytes).unwrap();
        let way = Way { log: &key, us: &us, reader: &reader, group: Some(&definition), joined: 0, allowance: Allowance::OPEN, now };
        let may = outbound(Held(batch), &way).unwrap();
        self.stream.say_all(batch_frames(&key, &may).into_iter().map(|frame| frame.frame.unwrap()).collect()).await;
        let ack = self.stream.acknowledged().await;
        assert_eq!((ack.log.as_slice(), ack.through), (&key.id().0[..], 1));
        (verdict(&ack), key)
    }
}

/// What a node makes of the only entry of a batch: it names all that are not simply taken.
fn verdict(ack: &wire::Ack) -> Verdict {
    let said = ack.verdicts.first().map_or(0, |one| u8::try_from(one.verdict).unwrap());
    Verdict::from_number(said).unwrap()
}

pub(crate) fn view(federation: &Federation, who: Who, id: &ReferralId) -> ReferralView {
    federation.node(who).referral_named_view(&id.to_string()).unwrap()
}

/// All that a node holds of a referral and makes of it.
pub(crate) fn held(federation: &Federation, who: Who, id: &ReferralId) -> Conversation {
    federation.node(who).store.snapshot().unwrap().conversation(id).unwrap().unwrap()
}

/// State and owner as a node shows them, and whether it shows that the two histories differ.
fn stands(federation: &Federation, who: Who, id: &ReferralId) -> (String, String, bool) {
    let line = view(federation, who, id).line;
    (line.state, line.owner, line.forked)
}

fn at(state: &str, owner: &str) -> (String, String, bool) {
    (state.into(), owner.into(), false)
}

fn at_odds(state: &str, owner: &str) -> (String, String, bool) {
    (state.into(), owner.into(), true)
}

/// Why the rogue's last message moved nothing, as people at a node are shown.
fn void(federation: &Federation, who: Who, id: &ReferralId) -> Option<String> {
    let said = view(federation, who, id).timeline.into_iter().filter(|message| message.by == ROGUE);
    said.max_by_key(|message| message.number).expect("it has said something").void
}

pub(crate) fn offer() -> Words {
    Words::Offer(Box::new(Offer { subject: SubjectRef(random()), ..cases::offer("the wrennock account was taken over") }))
}

fn accept() -> Words {
    Words::Accept { start: None, text: String::new() }
}

fn decline() -> Words {
    Words::Decline { reason: code("no_capacity"), text: String::new(), suggest: None }
}

/// What the origin of a case alone may say.
fn of_the_origin() -> Vec<Words> {
    vec![
        offer(),
        Words::Answer { question: 1, text: say("a mail service") },
        Words::Confirm { acceptance: 1, code: None },
        Words::Contact { sealed: vec![7; 512] },
        Words::Review { helped: Some(true), text: String::new() },
        Words::Close,
        Words::Withdraw { revoked: true, reason: None },
    ]
}

/// What its receiver alone may say.
fn of_the_receiver() -> Vec<Words> {
    vec![
        Words::Receipt,
        Words::Acknowledge,
        Words::Ask { text: say("which platform?") },
        accept(),
        decline(),
        Words::Refuse { reason: code("expired") },
        Words::Progress { waiting: Waiting::Platform, text: String::new() },
        Words::PassOn { to: None },
        Words::HandBack { reason: code("no_capacity"), text: String::new() },
        Words::Resolve { outcomes: vec![code("account_recovered")], text: String::new() },
        Words::Purge,
    ]
}

#[tokio::test]
async fn a_receiver_that_writes_what_is_the_origins_to_say_moves_nothing() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    let id = federation.refer(AMAL, case(&[ROGUE])).await;
    let first = line.message(&id, Words::Acknowledge);
    assert_eq!(line.say(&first).await, Verdict::Accepted);
    assert_eq!(stands(&federation, AMAL, &id), at("acknowledged", "us"));
    for (state, owner, said) in [("acknowledged", "us", 1), ("in_progress", ROGUE, 2)] {
        for words in of_the_origin() {
            let message = line.message(&id, words);
            let name = message.words.name();
            assert_eq!(line.say(&message).await, Verdict::Accepted, "{name}: it is kept");
            assert_eq!(stands(&federation, AMAL, &id), at(state, owner), "{name}");
            assert_eq!(void(&federation, AMAL, &id).as_deref(), Some(NOT_THEIRS), "{name}: and shown");
            assert!(view(&federation, AMAL, &id).offer.is_some(), "{name}: nothing is destroyed");
            assert_eq!(held(&federation, AMAL, &id).origin.len(), said, "{name}: the node answers nothing");
        }
        if owner == "us" {
            // What is the receiver's to say moves it, and the node confirms it.
            let message = line.message(&id, accept());
            assert_eq!(line.say(&message).await, Verdict::Accepted);
            assert_eq!(stands(&federation, AMAL, &id), at("in_progress", ROGUE));
            assert_eq!(void(&federation, AMAL, &id), None);
        }
    }
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    assert_eq!(view(&federation, AMAL, &id).line.state, "withdrawn", "by whose word it is");
    assert!(view(&federation, AMAL, &id).offer.is_none());
}

#[tokio::test]
async fn an_origin_that_writes_what_is_the_receivers_to_say_moves_nothing() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    let id = ReferralId(random());
    let message = line.message(&id, offer());
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    assert_eq!(stands(&federation, AMAL, &id), at("delivered", ROGUE));
    let mut forged = 0;
    for words in of_the_receiver() {
        let message = line.message(&id, words);
        let name = message.words.name();
        assert_eq!(line.say(&message).await, Verdict::Accepted, "{name}: it is kept");
        assert_eq!(stands(&federation, AMAL, &id), at("delivered", ROGUE), "{name}");
        assert_eq!(void(&federation, AMAL, &id).as_deref(), Some(NOT_THEIRS), "{name}: and shown");
        if matches!(message.words, Words::Accept { .. }) {
            forged = message.number;
        }
    }
    // Nor does it give the case to whoever has not accepted it.
    let message = line.message(&id, Words::Confirm { acceptance: forged, code: None });
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    assert_eq!(stands(&federation, AMAL, &id), at("delivered", ROGUE));
    assert_eq!(void(&federation, AMAL, &id).as_deref(), Some("there is no such acceptance"));
    assert_eq!(held(&federation, AMAL, &id).receiver.len(), 1, "the node has said that it is here, and nothing else");

    federation.act(AMAL, &id, Act::Ack).await;
    federation.act(AMAL, &id, Act::Accept { start: None, text: String::new() }).await;
    assert_eq!(stands(&federation, AMAL, &id), at("accepted", ROGUE));
    let acceptance = held(&federation, AMAL, &id).receiver.iter().position(|one| one.step == Step::Accept).unwrap() as u64 + 1;
    let message = line.message(&id, Words::Confirm { acceptance, code: None });
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    assert_eq!(stands(&federation, AMAL, &id), at("in_progress", "us"), "what is the origin's to say moves it");
    let message = line.message(&id, Words::Resolve { outcomes: vec![code("advice_given")], text: String::new() });
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    assert_eq!(stands(&federation, AMAL, &id), at("in_progress", "us"));
}

#[tokio::test]
async fn a_third_organisation_moves_nothing_between_two_others() {
    let federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    let both = |federation: &Federation| [AMAL, BOREALIS].map(|who| stands(federation, who, &id));
    assert_eq!(both(&federation), [at("delivered", "us"), at("delivered", "amal")]);
    let before = [AMAL, BOREALIS].map(|who| held(&federation, who, &id));
    // To each of the two as if it were the other.
    for (who, words) in [(AMAL, of_the_receiver()), (BOREALIS, of_the_origin())] {
        let mut line = Line::open(&federation, who).await;
        for words in words {
            let next = line.message(&id, words);
            let name = next.words.name();
            // The next that could come, and in the place of the first that did.
            for message in [Message { number: 1, ..next.clone() }, next] {
                assert_eq!(line.say(&message).await, Verdict::Invalid, "{name} {}", message.number);
                let after = [AMAL, BOREALIS].map(|who| held(&federation, who, &id));
                assert!(after == before, "{name} {}: {after:?}", message.number);
            }
        }
    }
    assert_eq!(both(&federation), [at("delivered", "us"), at("delivered", "amal")]);
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.settle().await;
    assert_eq!(both(&federation), [at("acknowledged", "us"), at("acknowledged", "amal")], "by the receiver's word");
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    federation.settle().await;
    assert_eq!(both(&federation), [at("purged", "us"), at("purged", "amal")], "by the origin's word");
}

#[tokio::test]
async fn a_message_about_a_referral_in_a_groups_log_moves_nothing() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    let request = GroupCreate { name: "partners".into(), members: vec![ROGUE.into()], ..GroupCreate::default() };
    let group = federation.node(AMAL).group_create(request).await.unwrap().group_id;
    let id = federation.refer(AMAL, case(&[ROGUE])).await;
    let before = held(&federation, AMAL, &id);
    let message = line.message(&id, Words::Acknowledge);
    let (verdict, log) = line.say_in_group(group, &message).await;
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(stands(&federation, AMAL, &id), at("sent", "us"));
    assert_eq!(held(&federation, AMAL, &id), before, "nor is it anything that was said in it");
    let kept = federation.node(AMAL).store.snapshot().unwrap().quarantine().unwrap();
    let why: Vec<_> = kept.iter().map(|one| (one.log, one.seq, one.row.verdict, one.row.problem.as_str())).collect();
    assert_eq!(why, [(log.id(), 1, Verdict::Invalid, "a message about a referral in a group's log")], "it is set apart with the reason");
    assert_eq!(line.say(&message).await, Verdict::Accepted, "the very same, where it belongs");
    assert_eq!(stands(&federation, AMAL, &id), at("acknowledged", "us"));
}

#[tokio::test]
async fn whoever_claims_to_have_heard_something_else_of_us_is_shown_to_be_at_odds() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    for (is_true, as_shown) in [(true, at("acknowledged", "us")), (false, at_odds("acknowledged", "us"))] {
        let id = federation.refer(AMAL, case(&[ROGUE])).await;
        let message = line.message(&id, Words::Acknowledge);
        let heard = if is_true { message.heard } else { [9; 32] };
        // To have opened it is its own to say, whatever it has heard; whose the case is stays.
        assert_eq!(line.say(&Message { heard, ..message }).await, Verdict::Accepted);
        assert_eq!(stands(&federation, AMAL, &id), as_shown);
        let listed = federation.node(AMAL).inbox(false).unwrap().into_iter().find(|one| one.referral == id).unwrap();
        assert_eq!(listed.forked, !is_true, "in the list too");
        let json = serde_json::to_value(view(&federation, AMAL, &id)).unwrap();
        assert_eq!(json.get("forked"), (!is_true).then_some(&serde_json::Value::Bool(true)), "and to programs");
    }
}

#[tokio::test]
async fn of_two_messages_with_one_number_the_first_counts_and_that_there_are_two_is_shown() {
    let federation = Federation::strangers(1).await;
    let mut line = Line::open(&federation, AMAL).await;
    let id = federation.refer(AMAL, case(&[ROGUE])).await;
    let first = line.message(&id, Words::Acknowledge);
    assert_eq!(line.say(&first).await, Verdict::Accepted);
    assert_eq!(line.say(&first).await, Verdict::Duplicate);
    assert_eq!(stands(&federation, AMAL, &id), at("acknowledged", "us"), "the same once more is nothing new");
    let said = |one: &Conversation| (one.origin.clone(), one.receiver.clone(), one.standing.clone());
    let before = held(&federation, AMAL, &id);
    for words in [decline(), accept()] {
        let name = words.name();
        assert_eq!(line.say(&Message { words, ..first.clone() }).await, Verdict::Invalid, "{name}");
        assert_eq!(stands(&federation, AMAL, &id), at_odds("acknowledged", "us"), "{name}");
        assert_eq!(said(&held(&federation, AMAL, &id)), said(&before), "{name}");
    }
    let shown = view(&federation, AMAL, &id).timeline.into_iter().filter(|message| message.by == ROGUE);
    assert_eq!(shown.map(|message| message.says).collect::<Vec<_>>(), ["acknowledge"]);
    // With a number of its own it would have moved it.
    let message = line.message(&id, decline());
    assert_eq!(line.say(&message).await, Verdict::Accepted);
    assert_eq!(stands(&federation, AMAL, &id), at_odds("declined", "us"));
}
