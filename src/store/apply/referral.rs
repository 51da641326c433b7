//! Messages about referrals: known by their number on their side, whatever log or incarnation they stand in.

use super::{Applied, Log, Tx};
use crate::model::log::Audience;
use crate::model::referral::heard;
use crate::model::{Label, OrgId, ReferralId, Timestamp};
use crate::rules::referral::{Side, Step};
use crate::store::change::{Outcome, ReferralMark, Refused, Said, Shelf, Verdict};
use crate::store::codec::Row;
use crate::store::error::Fault;
use crate::store::find;
use crate::store::referral::{MessageRow, ReferralRow, side_number};
use redb::ReadableTable;

/// So many messages of one side about one referral are kept: a lively conversation has some dozens.
const MESSAGES_MAX: u64 = 1_000;

/// So many may be missing before one: those that were taken back before they came.
const GAP_MAX: u64 = 32;
/// The same before a word that ends a conversation which is known here: more than a lively one has, or nobody would hear that all of it is destroyed.
const LAST_GAP_MAX: u64 = 256;
/// A date of the other side's counts for at most so long (400 days, in milliseconds).
const RETENTION_MS_MAX: u64 = 400 * 86_400_000;

/// Whose word it is, where it stands, and of when.
struct Place {
    peer: OrgId,
    ours: bool,
    entry: Entry,
}

/// What its entry's header says, and when it was written or came.
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) retention: Timestamp,
    pub(super) label: Label,
}

impl Tx<'_> {
    /// A message of ours. Refused unless it is the next one.
    pub(super) fn say(&mut self, peer: &OrgId, said: &Said, body: &[u8], number: u64, entry: Entry) -> Applied<()> {
        let place = Place { peer: *peer, ours: true, entry };
        match self.put_message(&place, said, body, number, false)? {
            Verdict::Accepted | Verdict::Duplicate => Ok(()),
            _ => Err(Refused::ReferralMoved.into()),
        }
    }

    /// Refused unless [`Self::say`] would take this message as a new one.
    pub(super) fn is_next(&self, peer: &OrgId, said: &Said, entry: Entry) -> Applied<()> {
        let row = self.referral_for(&Place { peer: *peer, ours: true, entry }, said)?.filter(|row| row.peer == *peer);
        let row = row.ok_or(Refused::ReferralMoved)?;
        let last = self.last_message(&said.referral, row.side)?.map_or(0, |(number, _)| number);
        if said.number == last + 1 && said.number <= MESSAGES_MAX { Ok(()) } else { Err(Refused::ReferralMoved.into()) }
    }

    /// A message that came, in a log of the other side's or in a tail of our own.
    pub(super) fn hear(&mut self, log: &Log, said: &Said, body: &[u8], number: u64, entry: Entry) -> Applied<Verdict> {
        let Audience::Direct(reader) = log.row.key.audience else { return Ok(Verdict::Invalid) };
        let author = log.row.key.author;
        let (peer, ours) = if author == self.us { (reader, true) } else { (author, false) };
        self.put_message(&Place { peer, ours, entry }, said, body, number, true)
    }

    fn put_message(&mut self, place: &Place, said: &Said, body: &[u8], number: u64, gaps: bool) -> Applied<Verdict> {
        let id = said.referral;
        let is_known = self.t.referrals.get(&id.0)?.is_some();
        let Some(mut row) = self.referral_for(place, said)? else {
            // All that was of it is gone, or it is another's; or it begins with what this program does not know, which is read by one that does.
            return Ok(if said.step == Step::Newer && said.number == 1 { Verdict::Unsupported } else { Verdict::Filtered });
        };
        if row.peer != place.peer || said.number == 0 || said.number > MESSAGES_MAX {
            return Ok(Verdict::Invalid);
        }
        let side = if place.ours { row.side } else { row.side.other() };
        let before = self.last_message(&id, side)?;
        let last = before.map_or(0, |(number, _)| number);
        if said.number <= last {
            let there = self.message(&id, side, said.number)?;
            let earlier = self.message(&id, side, said.number - 1)?.map_or([0; 32], |row| row.heard);
            let is_it = |there: &MessageRow| there.heard == heard(&earlier, body);
            match there {
                // It was kept by a program that did not know what it says.
                Some(there) if there.step == Step::Newer && said.step != Step::Newer && is_it(&there) => {
                    let known = MessageRow { step: said.step, ..there };
                    self.t.messages.insert((&id.0, side_number(side), said.number), known.encode().as_slice())?;
                    row.over = false;
                    self.put_referral(&id, &row)?;
                    return Ok(Verdict::Accepted);
                }
                Some(there) if there.step == Step::Gone || is_it(&there) => return Ok(Verdict::Duplicate),
                _ => {}
            }
            row.forked = true;
            self.put_referral(&id, &row)?;
            return Ok(Verdict::Invalid);
        }
        let ends = is_known && matches!(said.step, Step::Withdraw | Step::Close | Step::Purge);
        let gap_max = if ends { LAST_GAP_MAX } else { GAP_MAX };
        if said.number > last + 1 && (!gaps || said.number - last > gap_max) {
            return Ok(Verdict::Invalid);
        }
        if last == 0 && !place.ours {
            let most = match said.step {
                Step::Offer => Some(self.referrals_max),
                // What was refused must be withdrawn all the same: its row is over as soon as that is answered.
                Step::Withdraw => Some(self.referrals_max.saturating_mul(2)),
                _ => None,
            };
            if most.map(|most| self.has_open(&place.peer, most)).transpose()?.unwrap_or(false) {
                return Ok(Verdict::Refused);
            }
        }
        let mut through = before.map_or([0; 32], |(_, row)| row.heard);
        let seen = before.map_or(0, |(_, row)| row.seen);
        for missing in last + 1..said.number {
            through = heard(&through, b"");
            let gone = MessageRow { at: place.entry.at, step: Step::Gone, seen, heard: through, body: 0 };
            self.t.messages.insert((&id.0, side_number(side), missing), gone.encode().as_slice())?;
        }
        let message = MessageRow { at: place.entry.at, step: said.step, seen: said.seen, heard: heard(&through, body), body: number };
        self.t.messages.insert((&id.0, side_number(side), said.number), message.encode().as_slice())?;
        // Of what we took back before it came the other side knows no more than that there was something.
        let withdrawn = self.has_withdrawn(&id)?;
        if !place.ours && !withdrawn && !self.has_heard_us(&id, side.other(), said)? {
            row.forked = true;
        }
        row.over = false;
        self.put_referral(&id, &row)?;
        Ok(Verdict::Accepted)
    }

    /// The referral's row, made where the message begins it; `None` where it is unknown.
    fn referral_for(&self, place: &Place, said: &Said) -> Applied<Option<ReferralRow>> {
        let known = find::row::<ReferralRow, _, Fault>(&self.t.referrals, "referrals", &said.referral.0)?;
        let Place { peer, ours, entry: Entry { at, retention, label } } = place;
        let side = if *ours { Side::Origin } else { Side::Receiver };
        let latest = at.plus(RETENTION_MS_MAX);
        let retention = if retention.0 == 0 || *retention > latest { latest } else { *retention };
        let (opened, label) = (*at, *label);
        let new = ReferralRow { peer: *peer, side, opened, retention, label, over: false, forked: false };
        let begins = said.number == 1 && said.step == Step::Offer;
        // What was withdrawn before it came: whoever withdrew it waits to hear that nothing of it is here.
        let came_too_late = !ours && said.number > 1 && said.number <= GAP_MAX && said.step == Step::Withdraw;
        Ok(known.or((begins || came_too_late).then_some(new)))
    }

    /// Whether what it says to have heard of us is what we said. What we have not said, or have lost, nobody can tell.
    fn has_heard_us(&self, id: &ReferralId, side: Side, said: &Said) -> Applied<bool> {
        let there = self.message(id, side, said.seen)?;
        Ok(there.is_none_or(|there| there.heard == said.heard))
    }

    fn has_open(&self, peer: &OrgId, many: u64) -> Applied<bool> {
        let mut open = 0_u64;
        for row in self.t.referrals.iter()? {
            let (id, bytes) = row?;
            let row: ReferralRow = find::decoded("referrals", &id.value(), bytes.value())?;
            open += u64::from(row.peer == *peer && row.side == Side::Receiver && !row.over);
        }
        Ok(open >= many)
    }

    fn has_withdrawn(&self, id: &ReferralId) -> Applied<bool> {
        for row in self.t.messages.range((&id.0, side_number(Side::Origin), 0)..=(&id.0, side_number(Side::Origin), u64::MAX))? {
            let (key, bytes) = row?;
            if find::decoded::<MessageRow>("messages", &key.value(), bytes.value())?.step == Step::Withdraw {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn message(&self, id: &ReferralId, side: Side, number: u64) -> Applied<Option<MessageRow>> {
        find::row::<MessageRow, _, Fault>(&self.t.messages, "messages", (&id.0, side_number(side), number))
    }

    fn last_message(&self, id: &ReferralId, side: Side) -> Applied<Option<(u64, MessageRow)>> {
        let range = (&id.0, side_number(side), 0)..=(&id.0, side_number(side), u64::MAX);
        let Some(row) = self.t.messages.range(range)?.next_back() else { return Ok(None) };
        let (key, bytes) = row?;
        let key = key.value();
        Ok(Some((key.2, find::decoded("messages", &key, bytes.value())?)))
    }

    fn put_referral(&mut self, id: &ReferralId, row: &ReferralRow) -> Applied<()> {
        self.t.referrals.insert(&id.0, row.encode().as_slice())?;
        Ok(())
    }

    pub(super) fn mark_referral(&mut self, id: &ReferralId, mark: ReferralMark) -> Applied<Outcome> {
        if let Some(mut row) = find::row::<ReferralRow, _, Fault>(&self.t.referrals, "referrals", &id.0)? {
            match mark {
                ReferralMark::Over => row.over = true,
                ReferralMark::Forked => row.forked = true,
            }
            self.put_referral(id, &row)?;
        }
        Ok(Outcome::Done)
    }

    pub(super) fn keep(&mut self, shelf: Shelf, id: &[u8; 16], row: Option<&[u8]>) -> Applied<Outcome> {
        match row {
            Some(row) => drop(self.t.shelves.insert((shelf as u8, id), row)?),
            None => drop(self.t.shelves.remove((shelf as u8, id))?),
        }
        Ok(Outcome::Done)
    }
}
