//! Notices as the store keeps them: what is told, by which channels it still is to be, and how far that came.
//!
//! Lost when the process dies: nothing. A notice is made together with what caused it, and stays until its channel has it, or it was given up.

use super::codec::{Reader, Row, Writer};
use crate::model::desk::Roles;
use crate::model::{NoticeId, ShortId, Timestamp};
use crate::rules::notify::{Digest, Event, Fault, Message, Notice, Priority};

/// So many notices are kept, those of the last week that were told already among them. What is not urgent leaves a quarter of that to what is.
pub const NOTICES_MAX: u64 = 20_000;

/// A change of notices.
#[derive(Debug, Clone)]
pub enum NoticeChange {
    /// A notice is to be told by these channels. Nothing happens where one of that id was queued before and is not forgotten, where no channel takes it,
    /// and where there are [`NOTICES_MAX`].
    Queue {
        /// The notice.
        notice: Box<Notice>,
        /// The names of the channels, and whether it waits for their digest.
        channels: Vec<(String, bool)>,
        /// When.
        at: Timestamp,
    },
    /// A channel has it.
    Delivered {
        /// The channel.
        channel: String,
        /// The notice.
        id: NoticeId,
    },
    /// A try has failed: how it stands now. Nothing where it does not wait any more.
    Failed {
        /// The channel.
        channel: String,
        /// The notice.
        id: NoticeId,
        /// How it stands.
        row: DeliveryRow,
    },
    /// Several notices of a channel become one, which is told at once.
    Gathered {
        /// The channel.
        channel: String,
        /// The one.
        digest: Box<Digest>,
        /// Those in it.
        members: Vec<NoticeId>,
        /// When.
        at: Timestamp,
    },
    /// What was queued before is forgotten where nothing of it waits; what waits for a channel that is not among these is forgotten too.
    Forget {
        /// The time.
        before: Timestamp,
        /// The names of all channels there are.
        channels: Vec<String>,
    },
}

/// Table `notices`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// What is told.
    pub message: Message,
    /// When it was queued.
    pub queued: Timestamp,
}

/// How a notice stands on a channel. Table `deliveries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryRow {
    /// It waits for the digest.
    Digest,
    /// It is to be told.
    Due {
        /// How often that has failed.
        failed: u32,
        /// Not before.
        at: Timestamp,
        /// Why it failed last.
        fault: Option<Fault>,
    },
    /// It has failed for too long.
    GivenUp {
        /// How often it has failed.
        failed: u32,
        /// When it was given up.
        at: Timestamp,
        /// Why it failed last.
        fault: Fault,
    },
}

impl DeliveryRow {
    /// One that was never tried.
    pub const fn fresh(at: Timestamp) -> Self {
        Self::Due { failed: 0, at, fault: None }
    }
}

impl Row for NoticeRow {
    fn encode(&self) -> Vec<u8> {
        let row = Writer::default().time(self.queued);
        match &self.message {
            Message::One(Notice { id, event, referral, priority, rung, urgent, late, to, at }) => row
                .u8(1)
                .fixed(&id.0)
                .u8(*event as u8)
                .option(referral.as_ref(), |row, id| row.fixed(&id.0))
                .option(*priority, |row, priority| row.u8(priority as u8))
                .option(*rung, Writer::u8)
                .u8(flags(*urgent, *late))
                .u8(to.number())
                .time(*at),
            Message::Digest(Digest { id, counts, urgent, late, from, until }) => {
                let many = counts.len().try_into().unwrap_or(u8::MAX);
                let row = row.u8(2).fixed(&id.0).u8(flags(*urgent, *late)).time(*from).time(*until).u8(many);
                counts.iter().fold(row, |row, (event, count)| row.u8(*event as u8).u32(*count))
            }
        }
        .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let queued = row.time()?;
        let message = match row.u8()? {
            1 => {
                let (id, event) = (NoticeId(row.fixed()?), Event::from_number(row.u8()?)?);
                let referral = row.option(|row| row.fixed().map(ShortId))?;
                let priority = row.option(|row| Priority::from_number(row.u8()?))?;
                let rung = row.option(Reader::u8)?;
                let (urgent, late) = read_flags(&mut row)?;
                let (to, at) = (Roles::from_number(row.u8()?)?, row.time()?);
                Message::One(Notice { id, event, referral, priority, rung, urgent, late, to, at })
            }
            2 => {
                let (id, (urgent, late)) = (NoticeId(row.fixed()?), read_flags(&mut row)?);
                let (from, until) = (row.time()?, row.time()?);
                let counts = (0..row.u8()?).map(|_| Some((Event::from_number(row.u8()?)?, row.u32()?))).collect::<Option<_>>()?;
                Message::Digest(Digest { id, counts, urgent, late, from, until })
            }
            _ => return None,
        };
        row.end(Self { message, queued })
    }
}

const URGENT: u8 = 1;
const LATE: u8 = 2;

fn flags(urgent: bool, late: bool) -> u8 {
    (u8::from(urgent) * URGENT) | (u8::from(late) * LATE)
}

fn read_flags(row: &mut Reader<'_>) -> Option<(bool, bool)> {
    let flags = row.u8()?;
    (flags & !(URGENT | LATE) == 0).then_some((flags & URGENT != 0, flags & LATE != 0))
}

impl Row for DeliveryRow {
    fn encode(&self) -> Vec<u8> {
        let row = Writer::default();
        match self {
            Self::Digest => row.u8(1),
            Self::Due { failed, at, fault } => row.u8(2).u32(*failed).time(*at).option(*fault, put_fault),
            Self::GivenUp { failed, at, fault } => put_fault(row.u8(3).u32(*failed).time(*at), *fault),
        }
        .done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let read = match row.u8()? {
            1 => Self::Digest,
            2 => Self::Due { failed: row.u32()?, at: row.time()?, fault: row.option(fault)? },
            3 => Self::GivenUp { failed: row.u32()?, at: row.time()?, fault: fault(&mut row)? },
            _ => return None,
        };
        row.end(read)
    }
}

fn put_fault(row: Writer, fault: Fault) -> Writer {
    let (kind, detail) = fault.numbers();
    row.u8(kind).u32(detail.into())
}

fn fault(row: &mut Reader<'_>) -> Option<Fault> {
    let kind = row.u8()?;
    Fault::from_numbers(kind, row.u32()?.try_into().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Role;

    fn survives<R: Row + PartialEq + std::fmt::Debug>(row: &R) {
        let bytes = row.encode();
        assert_eq!(R::decode(&bytes).as_ref(), Some(row));
        for length in 0..bytes.len() {
            assert_eq!(R::decode(&bytes[..length]), None, "{length} of {}", bytes.len());
        }
        assert_eq!(R::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn rows_survive_their_bytes_and_no_part_of_them_is_one() {
        let mut notice = Notice::new(Event::RungReached, b"cause", Role::Lead, Timestamp(7));
        survives(&NoticeRow { message: Message::One(notice.clone()), queued: Timestamp(8) });
        notice = Notice { referral: Some(ShortId([1; 5])), priority: Some(Priority::Urgent), rung: Some(3), urgent: false, ..notice };
        survives(&NoticeRow { message: Message::One(notice.clone()), queued: Timestamp(8) });
        notice = Notice { late: true, to: Roles::one(Role::Handler).and(Role::Director.into()), ..notice };
        survives(&NoticeRow { message: Message::One(notice.clone()), queued: Timestamp(8) });
        let digest = Digest::of(&[notice]).expect("one");
        survives(&NoticeRow { message: Message::Digest(digest), queued: Timestamp(8) });
        survives(&DeliveryRow::Digest);
        survives(&DeliveryRow::fresh(Timestamp(1)));
        survives(&DeliveryRow::Due { failed: 3, at: Timestamp(1), fault: Some(Fault::Http(503)) });
        survives(&DeliveryRow::GivenUp { failed: 3, at: Timestamp(1), fault: Fault::Exit(256) });
    }

    /// As they were written when a notice was for one role and none was late.
    #[test]
    fn rows_of_before_are_read() {
        let id = [9; 16];
        let parts: [&[u8]; 9] =
            [&[0, 0, 0, 0, 0, 0, 0, 8, 1], &id, &[11], &[1, 1, 1, 1, 1, 1], &[1, 2], &[1, 3], &[1], &[2], &[0, 0, 0, 0, 0, 0, 0, 7]];
        let notice = Notice {
            id: NoticeId(id),
            event: Event::RungReached,
            referral: Some(ShortId([1; 5])),
            priority: Some(Priority::Urgent),
            rung: Some(3),
            urgent: true,
            late: false,
            to: Role::Lead.into(),
            at: Timestamp(7),
        };
        let row = NoticeRow { message: Message::One(notice), queued: Timestamp(8) };
        assert_eq!((NoticeRow::decode(&parts.concat()), row.encode()), (Some(row), parts.concat()));
        let parts: [&[u8]; 6] =
            [&[0, 0, 0, 0, 0, 0, 0, 8, 2], &id, &[1], &[0, 0, 0, 0, 0, 0, 0, 5], &[0, 0, 0, 0, 0, 0, 0, 7], &[1, 11, 0, 0, 0, 4]];
        let counts = [(Event::RungReached, 4)].into();
        let digest = Digest { id: NoticeId(id), counts, urgent: true, late: false, from: Timestamp(5), until: Timestamp(7) };
        let row = NoticeRow { message: Message::Digest(digest), queued: Timestamp(8) };
        assert_eq!((NoticeRow::decode(&parts.concat()), row.encode()), (Some(row), parts.concat()));
    }
}
