//! A partner that keeps every frame as it comes out of the encryption: a case is handed to it cold, and it hands over one.

use crate::harness::rogue::{Rogue, Stream};
use prost::Message as _;
use std::collections::VecDeque;
use watchfire::clock::Clock;
use watchfire::link::convert::wire::{self, frame::Frame};
use watchfire::link::convert::{Assembled, BatchReader, LogState, decode_record, encode_record, have_frames};
use watchfire::link::identity::Identity;
use watchfire::model::crypto::random;
use watchfire::model::desk::{Binding, Contact, DeskKey, SealPublic, SealSecret, Sealed};
use watchfire::model::identity::Card;
use watchfire::model::log::{Audience, Body, Head, LogKey};
use watchfire::model::referral::{Message, Offer, Words, heard};
use watchfire::model::{OrgId, Record, RecordKind, ReferralId, SubjectRef};

pub struct Ear {
    rogue: Rogue,
    secret: SealSecret,
    peer: OrgId,
    /// The key of the peer's desk.
    desk: SealPublic,
}

/// A case as its offer and its contact say it.
pub struct Case {
    offer: Box<Offer>,
    vocabulary: String,
    pub contact: Contact,
}

impl Ear {
    /// A new organisation with a desk key, that knows this card.
    pub fn of(directory: &std::path::Path, card: Card) -> Self {
        let clock = Clock::system();
        let identity = Identity::create(directory, Vec::new(), clock.now()).unwrap();
        let secret = SealSecret::generate();
        let key = DeskKey { number: 1, public: secret.public().clone(), created: clock.now() };
        identity.set_desk_key(&key, clock.now()).unwrap();
        let peer = card.org();
        let desk = card.content().desk_key.as_ref().expect("its desk has a key").public.clone();
        Self { rogue: Rogue::calling(identity, card, clock), secret, peer, desk }
    }

    pub fn card(&self) -> String {
        self.rogue.identity.card().to_text()
    }

    /// Hears an offer, accepts it, and hears on until the contact has come, which it opens. All frames, and the case.
    pub async fn take_a_case(&self) -> (Vec<u8>, Case) {
        let mut line = Line::open(self).await;
        let Message { referral, vocabulary, words: Words::Offer(offer), .. } = line.next().await else { panic!("no offer comes first") };
        line.talk = Some((referral, vocabulary.clone()));
        line.say(vec![Words::Receipt, Words::Acknowledge, Words::Accept { start: None, text: String::new() }]).await;
        loop {
            if let Words::Contact { sealed } = line.next().await.words {
                let binding = Binding { sender: self.peer, recipient: self.rogue.identity.org(), referral: referral.0 };
                let contact = Contact::open(&Sealed::decode(&sealed).unwrap(), &self.secret, &binding).unwrap();
                return (line.frames, Case { offer, vocabulary, contact });
            }
        }
    }

    /// Hands a case over cold, and hears on until it is resolved. All frames.
    pub async fn give_a_case(&self, referral: ReferralId, case: Case) -> Vec<u8> {
        let mut line = Line::open(self).await;
        line.talk = Some((referral, case.vocabulary));
        line.say(vec![Words::Offer(Box::new(Offer { subject: SubjectRef(random()), ..*case.offer }))]).await;
        loop {
            let message = line.next().await;
            match message.words {
                Words::Accept { .. } => {
                    let binding = Binding { sender: self.rogue.identity.org(), recipient: self.peer, referral: referral.0 };
                    let sealed = case.contact.seal(&self.desk, &binding).unwrap().encode();
                    line.say(vec![Words::Confirm { acceptance: message.number, code: None }, Words::Contact { sealed }]).await;
                }
                Words::Resolve { .. } => return line.frames,
                _ => {}
            }
        }
    }
}

/// A link on which one case is spoken of.
struct Line<'a> {
    rogue: &'a Rogue,
    stream: Stream,
    theirs: LogKey,
    reader: BatchReader,
    /// Frames, and the contents of batches put together.
    frames: Vec<u8>,
    messages: VecDeque<Message>,
    /// Of how many of their messages it has heard, and what names those.
    heard: (u64, [u8; 32]),
    talk: Option<(ReferralId, String)>,
    said: u64,
    head: Head,
    /// Whether they have asked for its own log.
    wanted: bool,
}

impl<'a> Line<'a> {
    async fn open(ear: &'a Ear) -> Self {
        let rogue = &ear.rogue;
        let theirs = LogKey { author: ear.peer, incarnation: 1, audience: Audience::Direct(rogue.identity.org()) };
        let mut stream = rogue.link().await;
        stream.say_all(have(&[])).await;
        stream.say(Frame::Want(wire::Want { log: theirs.id().0.to_vec(), from: 1, credit: 1 << 20, ..Default::default() })).await;
        let (reader, frames, messages) = (BatchReader::default(), Vec::new(), VecDeque::new());
        let (heard, head) = ((0, [0; 32]), Head::default());
        Self { rogue, stream, theirs, reader, frames, messages, heard, talk: None, said: 0, head, wanted: false }
    }

    /// What they say next of a case.
    async fn next(&mut self) -> Message {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return message;
            }
            self.hear().await;
        }
    }

    /// Takes one frame.
    async fn hear(&mut self) {
        let frame = self.stream.hear().await.expect("the node goes on with the link");
        self.frames.extend(wire::Frame { frame: Some(frame.clone()) }.encode_to_vec());
        match frame {
            Frame::Batch(part) => {
                self.frames.extend(&part.chunk);
                // Each of these batches is one frame.
                let through = part.meta.as_ref().map(|meta| meta.first + u64::from(meta.count) - 1).expect("it has a beginning");
                let theirs = self.theirs;
                let Assembled::Batch(_, batch) = self.reader.push(part, |id| (*id == theirs.id()).then_some(theirs.audience)).unwrap()
                else {
                    return;
                };
                self.stream.say(Frame::Ack(wire::Ack { log: theirs.id().0.to_vec(), through, verdicts: Vec::new() })).await;
                for entry in &batch.entries {
                    let Body::Present(body) = &entry.body else { continue };
                    self.frames.extend(body);
                    let kind = RecordKind::from_number(entry.kind).expect("a kind that is known");
                    let Ok(Record::Referral(message)) = decode_record(kind, body) else { continue };
                    self.heard = (self.heard.0 + 1, heard(&self.heard.1, body));
                    self.messages.push_back(message);
                }
            }
            Frame::Want(want) if want.log == self.rogue.log().id().0 => self.wanted = true,
            Frame::Ack(ack) => assert!(ack.verdicts.is_empty(), "the node does not take what is said: {ack:?}"),
            Frame::Close(close) => panic!("the node closes: {close:?}"),
            _ => {}
        }
    }

    /// Says this of the case.
    async fn say(&mut self, words: Vec<Words>) {
        let (referral, vocabulary) = self.talk.clone().expect("it is about a case");
        let (seen, heard) = self.heard;
        let said = words.into_iter().map(|words| {
            self.said += 1;
            let record = Record::Referral(Message { referral, number: self.said, seen, heard, vocabulary: vocabulary.clone(), words });
            self.rogue.entry_of(record.kind().number(), encode_record(&record))
        });
        let (batch, frames) = self.rogue.batch(self.head, said.collect(), &self.rogue.identity.log_key());
        self.head = batch.checkpoint.head;
        self.stream.say_all(have(&[LogState { key: self.rogue.log(), head: self.head }])).await;
        while !self.wanted {
            self.hear().await;
        }
        self.stream.say_all(frames).await;
    }
}

fn have(logs: &[LogState]) -> Vec<Frame> {
    have_frames(logs, &[]).into_iter().filter_map(|frame| frame.frame).collect()
}
