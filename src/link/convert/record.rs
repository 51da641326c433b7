//! Records, and recalls and receipts that travel by themselves.

use prost::Message;

use super::profile::{decode_profile, encode_projection};
use super::{Malformed, alert, call, fixed, referral, wire};
use crate::model::crypto::{SigningKey, framed, verify_ed25519};
use crate::model::profile::Projection;
use crate::model::record::{Receipt, ReceiptOutcome, SignedReceipt, Withdrawal, WithdrawalMode};
use crate::model::referral::Words;
use crate::model::sighting::{Sighting, SightingType};
use crate::model::{CheckId, EntryHash, GroupId, Indicator, LogId, Observable, ObservableKind, OrgId, Record, RecordKind, Timestamp};
use crate::rules::release::{LABEL_MAX, LABELS_MAX, NOTE_MAX, REASON_MAX, SOURCE_MAX};

/// How many positions one withdrawal or receipt names at most.
pub const SEQS_MAX: usize = 1_000;
/// Longest statement of a recall in bytes: so many positions of up to ten bytes, 500 characters of reason, and the ids.
const RECALL_BYTES_MAX: usize = 16 << 10;

/// The body of a record: exactly the bytes that are hashed, signed and sent.
pub fn encode_record(record: &Record) -> Vec<u8> {
    match record {
        Record::Indicator(indicator) => indicator_to_wire(indicator).encode_to_vec(),
        Record::Sighting(sighting) => sighting_to_wire(sighting).encode_to_vec(),
        Record::Profile(projection) => encode_projection(projection),
        Record::Referral(message) => referral::to_wire(message).encode_to_vec(),
        Record::Withdrawal(withdrawal) => withdrawal_to_wire(withdrawal).encode_to_vec(),
        Record::Receipt(receipt) => receipt_to_wire(receipt).encode_to_vec(),
        Record::KeyChange(key) => wire::KeyChange { key: key.to_vec() }.encode_to_vec(),
        Record::Alert(alert) => alert::to_wire(alert).encode_to_vec(),
        Record::Call(call) => call::to_wire(call).encode_to_vec(),
        Record::Volunteer(volunteer) => call::volunteer_to_wire(volunteer).encode_to_vec(),
        Record::Match(check) => wire::Match { check: check.0.to_vec() }.encode_to_vec(),
    }
}

/// Reads a body of a known kind. Values that are not in canonical form are refused: a peer must not choose how we index.
///
/// # Errors
/// When the bytes are not a record of that kind within its bounds.
pub fn decode_record(kind: RecordKind, body: &[u8]) -> Result<Record, Malformed> {
    Ok(match kind {
        RecordKind::Indicator => Record::Indicator(indicator_from_wire(decode(body)?)?),
        RecordKind::Sighting => Record::Sighting(sighting_from_wire(decode(body)?)?),
        RecordKind::Profile => Record::Profile(Box::new(Projection::heard(decode_profile(body)?))),
        RecordKind::Referral | RecordKind::ReferralStep => {
            let record = Record::Referral(referral::from_wire(decode(body)?)?);
            let is_newer = matches!(&record, Record::Referral(message) if message.words == Words::Newer);
            // What is let through because it says nothing must say nothing. Of what is newer, the program that knows it tells.
            if record.kind() != kind && !is_newer {
                return Err(Malformed("a step of a referral says nothing of the case, and what says something is no step"));
            }
            record
        }
        RecordKind::Withdrawal => Record::Withdrawal(withdrawal_from_wire(decode(body)?)?),
        RecordKind::Receipt => Record::Receipt(receipt_from_wire(decode(body)?)?),
        RecordKind::Match => Record::Match(CheckId(fixed(&decode::<wire::Match>(body)?.check, "the id of a check has 16 bytes")?)),
        RecordKind::KeyChange => Record::KeyChange(fixed(&decode::<wire::KeyChange>(body)?.key, "a key has 32 bytes")?),
        RecordKind::Alert => Record::Alert(Box::new(alert::from_wire(decode(body)?)?)),
        RecordKind::Call => Record::Call(call::from_wire(decode(body)?)?),
        RecordKind::Volunteer => Record::Volunteer(call::volunteer_from_wire(&decode(body)?)?),
    })
}

fn decode<T: Message + Default>(bytes: &[u8]) -> Result<T, Malformed> {
    T::decode(bytes).map_err(|_| Malformed("the body is not a record of its kind"))
}

fn indicator_to_wire(indicator: &Indicator) -> wire::Indicator {
    let Indicator { observable, valid_from, valid_until, confidence, labels, note, source } = indicator;
    wire::Indicator {
        kind: u32::from(observable.kind().number()),
        value: observable.value().to_owned(),
        valid_from: valid_from.map_or(0, |time| time.0),
        valid_until: valid_until.map_or(0, |time| time.0),
        confidence: confidence.map(u32::from),
        labels: labels.clone(),
        note: note.clone().unwrap_or_default(),
        source: source.clone().unwrap_or_default(),
    }
}

fn indicator_from_wire(wire: wire::Indicator) -> Result<Indicator, Malformed> {
    let observable = observable(wire.kind, &wire.value)?;
    let labels_fit = wire.labels.len() <= LABELS_MAX && wire.labels.iter().all(|label| is_short_line(label, LABEL_MAX));
    if !labels_fit || !is_short(&wire.note, NOTE_MAX) || !is_short_line(&wire.source, SOURCE_MAX) {
        return Err(Malformed("a text is too long or has control characters"));
    }
    let confidence = match wire.confidence {
        Some(value @ 0..=100) => Some(value as u8),
        Some(_) => return Err(Malformed("confidence goes from 0 to 100")),
        None => None,
    };
    let time = |value: u64| (value != 0).then_some(Timestamp(value));
    let text = |value: String| (!value.is_empty()).then_some(value);
    Ok(Indicator {
        observable,
        valid_from: time(wire.valid_from),
        valid_until: time(wire.valid_until),
        confidence,
        labels: wire.labels,
        note: text(wire.note),
        source: text(wire.source),
    })
}

fn sighting_to_wire(sighting: &Sighting) -> wire::Sighting {
    let Sighting { log, seqs, what, count, first, last, passed_on } = sighting;
    wire::Sighting {
        log: log.0.to_vec(),
        seqs: seqs.clone(),
        what: u32::from(what.number()),
        count: *count,
        first: first.0,
        last: last.0,
        passed_on: passed_on.map(Vec::from).unwrap_or_default(),
    }
}

fn sighting_from_wire(wire: wire::Sighting) -> Result<Sighting, Malformed> {
    let wire::Sighting { log, seqs, what, count, first, last, passed_on } = wire;
    let what = u8::try_from(what).ok().and_then(SightingType::from_number).ok_or(Malformed("an unknown type of sighting"))?;
    if count == 0 || first == 0 || last < first {
        return Err(Malformed("a sighting is of something that was met, first and then last"));
    }
    let passed_on = match passed_on.as_slice() {
        [] => None,
        tag => Some(fixed(tag, "what stands for a member has 8 bytes")?),
    };
    if seqs.is_empty() {
        return Err(Malformed("a sighting names what was met"));
    }
    let (log, seqs) = (LogId(fixed(&log, "the id of a log has 32 bytes")?), ascending(seqs)?);
    Ok(Sighting { log, seqs, what, count, first: Timestamp(first), last: Timestamp(last), passed_on })
}

/// A value in canonical form, and no other: a peer must not choose how we index.
pub(super) fn observable(kind: u32, value: &str) -> Result<Observable, Malformed> {
    let kind = u8::try_from(kind).ok().and_then(ObservableKind::from_number).ok_or(Malformed("an unknown kind of observable"))?;
    let observable = Observable::parse(kind, value).map_err(|_| Malformed("the value does not fit its kind"))?;
    if observable.kind() != kind || observable.value() != value {
        return Err(Malformed("the value is not in canonical form"));
    }
    Ok(observable)
}

fn is_short(text: &str, characters: usize) -> bool {
    text.len() <= characters * 4 && text.chars().count() <= characters && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

pub(super) fn is_short_line(text: &str, characters: usize) -> bool {
    is_short(text, characters) && !text.contains(['\n', '\t'])
}

fn withdrawal_to_wire(withdrawal: &Withdrawal) -> wire::Withdrawal {
    let mode = match withdrawal.mode {
        WithdrawalMode::Withdraw => wire::withdrawal::Mode::Withdraw,
        WithdrawalMode::Recall => wire::withdrawal::Mode::Recall,
    };
    wire::Withdrawal { log: withdrawal.log.0.to_vec(), seqs: withdrawal.seqs.clone(), mode: mode.into(), reason: withdrawal.reason.clone() }
}

fn withdrawal_from_wire(wire: wire::Withdrawal) -> Result<Withdrawal, Malformed> {
    let mode = match wire.mode() {
        wire::withdrawal::Mode::Withdraw => WithdrawalMode::Withdraw,
        wire::withdrawal::Mode::Recall => WithdrawalMode::Recall,
        wire::withdrawal::Mode::Unspecified => return Err(Malformed("a withdrawal says how")),
    };
    if !is_short(&wire.reason, REASON_MAX) {
        return Err(Malformed("a reason is too long or has control characters"));
    }
    Ok(Withdrawal { log: LogId(fixed(&wire.log, "a log id has 32 bytes")?), seqs: ascending(wire.seqs)?, mode, reason: wire.reason })
}

fn ascending(seqs: Vec<u64>) -> Result<Vec<u64>, Malformed> {
    let sound = seqs.len() <= SEQS_MAX && seqs.is_sorted_by(|one, other| one < other) && seqs.first() != Some(&0);
    sound.then_some(seqs).ok_or(Malformed("positions ascend from 1 without repeats"))
}

fn receipt_to_wire(receipt: &Receipt) -> wire::Receipt {
    let of = |wanted| receipt.outcomes.iter().filter(|(_, outcome)| *outcome == wanted).map(|(seq, _)| *seq).collect();
    wire::Receipt {
        log: receipt.log.0.to_vec(),
        destroyed: of(ReceiptOutcome::Destroyed),
        absent: of(ReceiptOutcome::Absent),
        revoked: of(ReceiptOutcome::Revoked),
        at: receipt.at.0,
        withdrawal: receipt.withdrawal.map(|hash| hash.0.to_vec()).unwrap_or_default(),
    }
}

fn receipt_from_wire(wire: wire::Receipt) -> Result<Receipt, Malformed> {
    let mut outcomes = Vec::new();
    for (seqs, outcome) in
        [(wire.destroyed, ReceiptOutcome::Destroyed), (wire.absent, ReceiptOutcome::Absent), (wire.revoked, ReceiptOutcome::Revoked)]
    {
        outcomes.extend(ascending(seqs)?.into_iter().map(|seq| (seq, outcome)));
    }
    outcomes.sort_unstable();
    let withdrawal = match wire.withdrawal.as_slice() {
        [] => None,
        bytes => Some(EntryHash(fixed(bytes, "an entry hash has 32 bytes")?)),
    };
    Ok(Receipt { log: LogId(fixed(&wire.log, "a log id has 32 bytes")?), outcomes, at: Timestamp(wire.at), withdrawal })
}

/// A recall that travels ahead of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The author of the log.
    pub author: OrgId,
    /// What is taken back.
    pub withdrawal: Withdrawal,
    /// When, by the author's clock.
    pub at: Timestamp,
    /// The group whose members it concerns; `None` for a direct log.
    pub group: Option<GroupId>,
}

const RECALL_CONTEXT: &str = "watchfire/recall/v1";

/// Signs a recall so that it can travel ahead of its log and through relays.
pub fn sign_recall(recall: &Recall, key: &SigningKey) -> wire::SignedRecall {
    let statement = wire::RecallStatement {
        author: recall.author.0.to_vec(),
        withdrawal: Some(withdrawal_to_wire(&recall.withdrawal)),
        at: recall.at.0,
        group: recall.group.map(|group| group.0.to_vec()).unwrap_or_default(),
    }
    .encode_to_vec();
    let signature = key.sign(&framed(RECALL_CONTEXT, &[&statement])).to_vec();
    wire::SignedRecall { statement, signature }
}

/// The same statement under another key of its author's.
pub fn sign_recall_again(signed: &wire::SignedRecall, key: &SigningKey) -> wire::SignedRecall {
    let signature = key.sign(&framed(RECALL_CONTEXT, &[&signed.statement])).to_vec();
    wire::SignedRecall { statement: signed.statement.clone(), signature }
}

/// Who says that it has signed a recall, and the group whose members it concerns. Nothing is checked.
///
/// # Errors
/// When it is not a recall.
pub fn recall_author(signed: &wire::SignedRecall) -> Result<(OrgId, Option<GroupId>), Malformed> {
    let wire: wire::RecallStatement = decode(&signed.statement)?;
    Ok((OrgId(fixed(&wire.author, "an organisation id has 32 bytes")?), group_of(&wire)?))
}

fn group_of(wire: &wire::RecallStatement) -> Result<Option<GroupId>, Malformed> {
    match wire.group.as_slice() {
        [] => Ok(None),
        bytes => Ok(Some(GroupId(fixed(bytes, "a group id has 32 bytes")?))),
    }
}

/// Reads a recall; `author_keys` gives the log-signing keys of an organisation that count for what it said at a time, of which one must
/// have signed.
///
/// # Errors
/// When it is not a recall, or not signed by its author.
pub fn read_signed_recall(
    signed: &wire::SignedRecall,
    author_keys: impl Fn(&OrgId, Timestamp) -> Vec<[u8; 32]>,
) -> Result<Recall, Malformed> {
    if signed.statement.len() > RECALL_BYTES_MAX {
        return Err(Malformed("a recall has at most 16 KiB"));
    }
    let wire: wire::RecallStatement = decode(&signed.statement)?;
    let author = OrgId(fixed(&wire.author, "an organisation id has 32 bytes")?);
    let message = framed(RECALL_CONTEXT, &[&signed.statement]);
    if !author_keys(&author, Timestamp(wire.at)).iter().any(|key| verify_ed25519(key, &message, &signed.signature).is_ok()) {
        return Err(Malformed("the recall is not signed by its author"));
    }
    let group = group_of(&wire)?;
    let withdrawal = withdrawal_from_wire(wire.withdrawal.ok_or(Malformed("a recall says what"))?)?;
    Ok(Recall { author, withdrawal, at: Timestamp(wire.at), group })
}

const RECEIPT_CONTEXT: &str = "watchfire/receipt/v1";

/// Signs a receipt so that it can travel outside our log.
pub fn sign_receipt(holder: OrgId, author: OrgId, receipt: &Receipt, key: &SigningKey) -> SignedReceipt {
    let receipt = Some(receipt_to_wire(receipt));
    let statement = wire::ReceiptStatement { holder: holder.0.to_vec(), author: author.0.to_vec(), receipt }.encode_to_vec();
    let signature = key.sign(&framed(RECEIPT_CONTEXT, &[&statement])).to_vec();
    SignedReceipt { holder, author, statement, signature }
}

/// Reads a receipt of `holder` for `author`, signed by one of the holder's keys.
///
/// # Errors
/// When it is not a receipt, another's, or not signed by its holder.
pub fn read_signed_receipt(
    signed: &wire::SignedReceipt,
    holder: &OrgId,
    author: &OrgId,
    holder_keys: &[[u8; 32]],
) -> Result<Receipt, Malformed> {
    let message = framed(RECEIPT_CONTEXT, &[&signed.statement]);
    if !holder_keys.iter().any(|key| verify_ed25519(key, &message, &signed.signature).is_ok()) {
        return Err(Malformed("the receipt is not signed by its holder"));
    }
    let wire: wire::ReceiptStatement = decode(&signed.statement)?;
    if wire.holder != holder.0 || wire.author != author.0 {
        return Err(Malformed("the receipt is another's"));
    }
    receipt_from_wire(wire.receipt.ok_or(Malformed("a receipt says what"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recall_counts_only_with_its_authors_signature() {
        let (key, other) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let withdrawal = Withdrawal { log: LogId([3; 32]), seqs: vec![1, 5], mode: WithdrawalMode::Recall, reason: "a name".into() };
        let recall = Recall { author: OrgId([4; 32]), withdrawal, at: Timestamp(7), group: None };
        let signed = sign_recall(&recall, &key);
        assert_eq!(read_signed_recall(&signed, |_, _| vec![other.public(), key.public()]), Ok(recall));
        assert!(read_signed_recall(&signed, |_, _| vec![other.public()]).is_err());
        assert!(read_signed_recall(&signed, |_, _| vec![]).is_err());
    }

    #[test]
    fn a_receipt_counts_only_with_its_holders_signature_and_for_its_author() {
        let (key, other) = (SigningKey::from_seed([1; 32]), SigningKey::from_seed([2; 32]));
        let (holder, author) = (OrgId([1; 32]), OrgId([2; 32]));
        let outcomes = vec![(1, ReceiptOutcome::Destroyed), (4, ReceiptOutcome::Absent)];
        let receipt = Receipt { log: LogId([3; 32]), outcomes, at: Timestamp(7), withdrawal: None };
        let signed = sign_receipt(holder, author, &receipt, &key);
        let wire = wire::SignedReceipt { statement: signed.statement, signature: signed.signature };
        let read = |holder, author, key: &SigningKey| read_signed_receipt(&wire, holder, author, &[key.public()]);
        assert_eq!(read(&holder, &author, &key), Ok(receipt));
        assert!(read(&holder, &author, &other).is_err());
        assert!(read(&author, &author, &key).is_err());
        assert!(read(&holder, &holder, &key).is_err());
    }

    #[test]
    fn a_sighting_is_read_back_and_one_that_says_nothing_is_refused() {
        let (log, first, last) = (LogId([4; 32]), Timestamp(5), Timestamp(6));
        let said = Sighting { log, seqs: vec![1, 9], what: SightingType::Expired, count: 3, first, last, passed_on: None };
        for said in [said.clone(), Sighting { passed_on: Some([7; 8]), last: first, ..said.clone() }] {
            let body = encode_record(&Record::Sighting(said.clone()));
            assert_eq!(decode_record(RecordKind::Sighting, &body), Ok(Record::Sighting(said)));
        }
        let wire = sighting_to_wire(&said);
        let bad = [
            wire::Sighting { seqs: vec![], ..wire.clone() },
            wire::Sighting { seqs: vec![2, 1], ..wire.clone() },
            wire::Sighting { seqs: (1..=SEQS_MAX as u64 + 1).collect(), ..wire.clone() },
            wire::Sighting { what: 0, ..wire.clone() },
            wire::Sighting { what: 4, ..wire.clone() },
            wire::Sighting { count: 0, ..wire.clone() },
            wire::Sighting { first: 0, ..wire.clone() },
            wire::Sighting { last: 4, ..wire.clone() },
            wire::Sighting { passed_on: vec![1; 7], ..wire.clone() },
            wire::Sighting { log: vec![], ..wire.clone() },
        ];
        for bad in bad {
            assert!(decode_record(RecordKind::Sighting, &bad.encode_to_vec()).is_err(), "{bad:?}");
        }
        assert!(decode_record(RecordKind::Sighting, &wire.encode_to_vec()).is_ok());
    }

    #[test]
    fn positions_that_do_not_ascend_are_refused() {
        assert!(ascending(vec![1, 2, 9]).is_ok());
        for bad in [vec![2, 1], vec![1, 1], vec![0, 1]] {
            assert!(ascending(bad).is_err());
        }
    }
}
