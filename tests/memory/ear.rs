//! A partner that keeps every frame as it comes out of the encryption: a case is handed to it cold, it accepts, and hears what a partner hears.

use crate::harness::rogue::{Rogue, Stream};
use prost::Message as _;
use watchfire::clock::Clock;
use watchfire::link::convert::wire::{self, frame::Frame};
use watchfire::link::convert::{Assembled, BatchReader, LogState, decode_record, encode_record, have_frames};
use watchfire::link::identity::Identity;
use watchfire::model::desk::{Binding, Contact, DeskKey, SealSecret, Sealed};
use watchfire::model::identity::Card;
use watchfire::model::log::{Audience, Body, Head, LogKey};
use watchfire::model::referral::{Message, Words, heard};
use watchfire::model::{OrgId, Record, RecordKind};

pub struct Ear {
    rogue: Rogue,
    secret: SealSecret,
    peer: OrgId,
}

/// What it heard.
pub struct Heard {
    /// Frames, and the contents of batches put together.
    pub frames: Vec<u8>,
    /// How to reach the person, opened with the desk key of the ear.
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
        Self { rogue: Rogue::calling(identity, card, clock), secret, peer }
    }

    pub fn card(&self) -> String {
        self.rogue.identity.card().to_text()
    }

    /// Hears an offer, accepts it, and hears on until the contact has come.
    pub async fn take_the_case(&self) -> Heard {
        let org = self.rogue.identity.org();
        let theirs = LogKey { author: self.peer, incarnation: 1, audience: Audience::Direct(org) };
        let mut stream = self.rogue.link().await;
        stream.say_all(have_frames(&[], &[]).into_iter().filter_map(|frame| frame.frame).collect()).await;
        let log = theirs.id().0.to_vec();
        stream.say(Frame::Want(wire::Want { log: log.clone(), from: 1, credit: 1 << 20, ..Default::default() })).await;
        let (mut frames, mut reader) = (Vec::new(), BatchReader::default());
        while let Some(frame) = stream.hear().await {
            frames.extend(wire::Frame { frame: Some(frame.clone()) }.encode_to_vec());
            match frame {
                Frame::Batch(part) => {
                    frames.extend(&part.chunk);
                    let through = part.meta.as_ref().map(|meta| meta.first + u64::from(meta.count) - 1);
                    let Assembled::Batch(_, batch) = reader.push(part, |id| (*id == theirs.id()).then_some(theirs.audience)).unwrap()
                    else {
                        continue;
                    };
                    // Each of these batches is one frame.
                    let through = through.expect("it has a beginning");
                    stream.say(Frame::Ack(wire::Ack { log: log.clone(), through, verdicts: Vec::new() })).await;
                    for entry in &batch.entries {
                        let Body::Present(body) = &entry.body else { continue };
                        frames.extend(body);
                        let kind = RecordKind::from_number(entry.kind).expect("a kind that is known");
                        let Ok(Record::Referral(message)) = decode_record(kind, body) else { continue };
                        match message.words {
                            Words::Offer(_) => self.accept(&mut stream, &message, body).await,
                            Words::Contact { sealed } => {
                                let binding = Binding { sender: self.peer, recipient: org, referral: message.referral.0 };
                                let contact = Contact::open(&Sealed::decode(&sealed).unwrap(), &self.secret, &binding).unwrap();
                                return Heard { frames, contact };
                            }
                            _ => {}
                        }
                    }
                }
                // Its own log is asked for by now.
                Frame::Want(want) if want.log == self.rogue.log().id().0 => {}
                Frame::Close(close) => panic!("the node closes: {close:?}"),
                _ => {}
            }
        }
        panic!("the node ends the link before the contact came");
    }

    /// Says that the offer came, that a person has opened it, and that they will take the case.
    async fn accept(&self, stream: &mut Stream, offer: &Message, body: &[u8]) {
        let words = [Words::Receipt, Words::Acknowledge, Words::Accept { start: None, text: String::new() }];
        let said = words.into_iter().zip(1..).map(|(words, number)| {
            let heard = heard(&[0; 32], body);
            let message = Message { referral: offer.referral, number, seen: 1, heard, vocabulary: offer.vocabulary.clone(), words };
            let record = Record::Referral(message);
            self.rogue.entry_of(record.kind().number(), encode_record(&record))
        });
        let (batch, frames) = self.rogue.batch(Head::default(), said.collect(), &self.rogue.identity.log_key());
        let state = LogState { key: self.rogue.log(), head: batch.checkpoint.head };
        stream.say_all(have_frames(&[state], &[]).into_iter().filter_map(|frame| frame.frame).collect()).await;
        stream.until(|frame| matches!(frame, Frame::Want(want) if want.log == self.rogue.log().id().0)).await;
        stream.say_all(frames).await;
    }
}
