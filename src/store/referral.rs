//! The rows of referrals.

use super::codec::{Reader, Row, Writer};
use crate::model::{Label, OrgId, Timestamp};
use crate::rules::referral::{Progress, Side, Step};

/// Table `referrals`: what stands of a referral whatever becomes of its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferralRow {
    /// The other organisation.
    pub peer: OrgId,
    /// Which side we are.
    pub side: Side,
    /// When its first message was written or came, by our clock.
    pub opened: Timestamp,
    /// When every body of it is destroyed; 0 for never.
    pub retention: Timestamp,
    /// The label of the offer.
    pub label: Label,
    /// Whether nothing is left to be done.
    pub over: bool,
    /// Whether the two sides' histories differ.
    pub forked: bool,
}

impl Row for ReferralRow {
    fn encode(&self) -> Vec<u8> {
        let Self { peer, side, opened, retention, label, over, forked } = self;
        let row = Writer::default().fixed(&peer.0).u8(side_number(*side)).time(*opened).time(*retention);
        row.u8(label.byte()).u8(u8::from(*over)).u8(u8::from(*forked)).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let (peer, side) = (OrgId(row.fixed()?), side_of(row.u8()?)?);
        let (opened, retention) = (row.time()?, row.time()?);
        let label = Label::from_byte(row.u8()?)?;
        let (over, forked) = (flag(row.u8()?)?, flag(row.u8()?)?);
        row.end(Self { peer, side, opened, retention, label, over, forked })
    }
}

/// Table `messages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRow {
    /// When it was written or came, by our clock.
    pub at: Timestamp,
    /// What it does.
    pub step: Step,
    /// How many of the other side's its writer had seen.
    pub seen: u64,
    /// This side's messages through this one, as `model::referral::heard` names them.
    pub heard: [u8; 32],
    /// The number of its body; 0 where it never came.
    pub body: u64,
}

impl Row for MessageRow {
    fn encode(&self) -> Vec<u8> {
        let Self { at, step, seen, heard, body } = self;
        let (step, of) = step_numbers(*step);
        Writer::default().time(*at).u8(step).u64(of).u64(*seen).fixed(heard).u64(*body).done()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut row = Reader(bytes);
        let at = row.time()?;
        let step = step_of(row.u8()?, row.u64()?)?;
        let (seen, heard, body) = (row.u64()?, row.fixed()?, row.u64()?);
        row.end(Self { at, step, seen, heard, body })
    }
}

/// A side as a key.
pub(super) const fn side_number(side: Side) -> u8 {
    match side {
        Side::Origin => 1,
        Side::Receiver => 2,
    }
}

pub(super) const fn side_of(number: u8) -> Option<Side> {
    match number {
        1 => Some(Side::Origin),
        2 => Some(Side::Receiver),
        _ => None,
    }
}

const fn flag(number: u8) -> Option<bool> {
    match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

const fn step_numbers(step: Step) -> (u8, u64) {
    match step {
        Step::Offer => (1, 0),
        Step::Receipt => (2, 0),
        Step::Refuse => (3, 0),
        Step::Acknowledge => (4, 0),
        Step::Ask => (5, 0),
        Step::Answer(question) => (6, question),
        Step::Accept => (7, 0),
        Step::Decline => (8, 0),
        Step::Confirm(acceptance) => (9, acceptance),
        Step::Contact => (10, 0),
        Step::Progress(Progress::Working) => (11, 1),
        Step::Progress(Progress::WaitingBeneficiary) => (11, 2),
        Step::Progress(Progress::WaitingPlatform) => (11, 3),
        Step::Progress(Progress::WaitingThirdParty) => (11, 4),
        Step::Progress(Progress::Newer(number)) => (11, number as u64),
        Step::PassOn => (12, 0),
        Step::HandBack => (13, 0),
        Step::Resolve => (14, 0),
        Step::Review => (15, 0),
        Step::Close => (16, 0),
        Step::Withdraw => (17, 0),
        Step::Purge => (18, 0),
        Step::Seen => (19, 0),
        Step::Gone => (20, 0),
        Step::Newer => (21, 0),
    }
}

const fn step_of(number: u8, of: u64) -> Option<Step> {
    Some(match (number, of) {
        (1, 0) => Step::Offer,
        (2, 0) => Step::Receipt,
        (3, 0) => Step::Refuse,
        (4, 0) => Step::Acknowledge,
        (5, 0) => Step::Ask,
        (6, question) => Step::Answer(question),
        (7, 0) => Step::Accept,
        (8, 0) => Step::Decline,
        (9, acceptance) => Step::Confirm(acceptance),
        (10, 0) => Step::Contact,
        (11, 1) => Step::Progress(Progress::Working),
        (11, 2) => Step::Progress(Progress::WaitingBeneficiary),
        (11, 3) => Step::Progress(Progress::WaitingPlatform),
        (11, 4) => Step::Progress(Progress::WaitingThirdParty),
        // A program that knows the number reads it as what it is.
        (11, newer) if newer <= u32::MAX as u64 => Step::Progress(Progress::Newer(newer as u32)),
        (12, 0) => Step::PassOn,
        (13, 0) => Step::HandBack,
        (14, 0) => Step::Resolve,
        (15, 0) => Step::Review,
        (16, 0) => Step::Close,
        (17, 0) => Step::Withdraw,
        (18, 0) => Step::Purge,
        (19, 0) => Step::Seen,
        (20, 0) => Step::Gone,
        (21, 0) => Step::Newer,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_survives_its_row() {
        let steps = (1..=21).flat_map(|number| (0..=4).filter_map(move |of| step_of(number, of)));
        let mut count = 0;
        for step in steps {
            let row = MessageRow { at: Timestamp(7), step, seen: 3, heard: [9; 32], body: 12 };
            assert_eq!(MessageRow::decode(&row.encode()), Some(row));
            count += 1;
        }
        // 18 that name nothing; one with a state of the work and two that name a message, tried with five numbers.
        assert_eq!(count, 18 + 3 * 5);
        let row = ReferralRow {
            peer: OrgId([1; 32]),
            side: Side::Receiver,
            opened: Timestamp(1),
            retention: Timestamp(2),
            label: crate::model::Tlp::Amber.into(),
            over: true,
            forked: false,
        };
        assert_eq!(ReferralRow::decode(&row.encode()), Some(row));
    }
}
