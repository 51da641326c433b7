//! What a release says of itself, the same before it leaves (preview) and after (disclosure), and the chain that disclosures are.

use super::release::{Disclosure, Encoded, Findings, digest};
use crate::model::crypto::{equal, sha256, sha256_framed};
use crate::model::{Label, RecordId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// So many bytes of a record's id stand in what is packed: enough to find it, and no more than a search needs.
pub const ID_BYTES: usize = 8;

/// The records of a release that have one label and kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// The label.
    #[serde(flatten)]
    pub label: Label,
    /// The number of the records' kind.
    pub kind: u8,
    /// How many.
    pub count: u64,
    /// SHA-256 over their bodies, as [`digest`] makes it.
    #[serde(with = "super::release::hex32")]
    pub digest: [u8; 32],
    /// When the last holder destroys the last of them; 0 for never.
    pub retention: Timestamp,
}

/// What a line says of a record is made of.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// The label.
    pub label: Label,
    /// The number of its kind.
    pub kind: u8,
    /// When every holder destroys it; 0 for never.
    pub retention: Timestamp,
    /// The bytes that leave.
    pub body: &'a [u8],
}

impl<'a> From<&'a Encoded> for Leaving<'a> {
    fn from(Encoded { label, kind, retention, body, .. }: &'a Encoded) -> Self {
        Self { label: *label, kind: *kind, retention: *retention, body }
    }
}

/// The lines of records in the order in which they leave, by label and kind.
pub fn lines(records: &[Leaving<'_>]) -> Vec<Line> {
    let labels: BTreeSet<(Label, u8)> = records.iter().map(|record| (record.label, record.kind)).collect();
    let line = |(label, kind)| {
        let of_line = || records.iter().filter(|record| (record.label, record.kind) == (label, kind));
        let digest = digest(of_line().map(|record| record.body));
        Line { label, kind, count: of_line().count() as u64, digest, retention: last(of_line().map(|record| record.retention)) }
    };
    labels.into_iter().map(line).collect()
}

/// The latest of retention dates; 0, for never, is later than all.
pub(crate) fn last(dates: impl Iterator<Item = Timestamp>) -> Timestamp {
    let key = |date: &Timestamp| date.0.checked_sub(1).unwrap_or(u64::MAX);
    dates.max_by_key(key).unwrap_or(Timestamp(0))
}

/// The digest of a whole release: SHA-256 over label, kind, count and digest of each of its lines, in order.
pub fn whole(lines: &[Line]) -> [u8; 32] {
    let lines: Vec<Vec<u8>> =
        lines.iter().map(|line| [&[line.label.byte(), line.kind][..], &line.count.to_be_bytes(), &line.digest].concat()).collect();
    let parts: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    sha256_framed("watchfire/release/v1", &parts)
}

/// How many places gave way to placeholders, by the placeholders' kind.
pub fn replaced<'a>(findings: impl Iterator<Item = &'a Findings>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for replaced in findings.flat_map(|findings| &findings.replaced) {
        *counts.entry(replaced.kind.clone()).or_default() += replaced.count;
    }
    counts
}

/// The beginnings of records' ids, sorted, one after the other: what a disclosure keeps to be found by.
pub fn packed_ids(records: impl Iterator<Item = RecordId>) -> Vec<u8> {
    let mut ids: Vec<[u8; ID_BYTES]> = records.filter_map(|record| record.0.first_chunk().copied()).collect();
    ids.sort_unstable();
    ids.concat()
}

/// Whether a record's id is among what [`packed_ids`] packed. One in 2⁶⁴ that is not is taken for one that is.
pub fn is_among(packed: &[u8], record: &RecordId) -> bool {
    let (ids, _) = packed.as_chunks::<ID_BYTES>();
    record.0.first_chunk().is_some_and(|id| ids.binary_search(id).is_ok())
}

/// The line of a disclosure, filled in over the records that it stands for, with their packed ids; `None` where there are none.
pub fn filled(template: &Disclosure, records: &[(Option<RecordId>, &Encoded, &Findings)]) -> Option<(Disclosure, Vec<u8>)> {
    let of_line: Vec<_> = records.iter().filter(|(_, one, _)| (one.label, one.kind) == (template.label, template.kind)).collect();
    let encoded: Vec<Leaving<'_>> = of_line.iter().map(|(_, encoded, _)| (*encoded).into()).collect();
    let Line { count, digest, retention, .. } = lines(&encoded).pop()?;
    let mut line = Disclosure { count, digest, ..template.clone() };
    line.particulars.retention = (retention != Timestamp(0)).then_some(retention);
    line.particulars.replaced = replaced(of_line.iter().map(|(_, _, findings)| *findings));
    let ids = packed_ids(of_line.iter().filter_map(|(record, _, _)| *record));
    line.particulars.records = (!ids.is_empty()).then(|| sha256(&[&ids]));
    Some((line, ids))
}

/// The hash of a line that follows the line with the hash `before`; all zero before the first.
pub fn chained(before: &[u8; 32], line: &str) -> [u8; 32] {
    sha256(&[before, line.as_bytes()])
}

/// What is wrong with a chain of disclosures, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Another number stands where this one must.
    #[error("position {position}: number {found} stands there")]
    Number {
        /// The position, from 1.
        position: u64,
        /// What stands there.
        found: u64,
    },
    /// The line is not the one that its hash was made of, or does not follow the one before.
    #[error("position {position}: the line is not the one that was written after the line before it")]
    Hash {
        /// The position, from 1.
        position: u64,
    },
    /// The list of records is not the one that the line names.
    #[error("position {position}: the list of its records is not the one that was written")]
    Records {
        /// The position, from 1.
        position: u64,
    },
    /// What stands there cannot be read.
    #[error("position {position}: what stands there is no disclosure")]
    Unreadable {
        /// The position, from 1.
        position: u64,
    },
    /// The chain ends elsewhere than it did when its head was written down.
    #[error("the chain holds, and the head that was given is not in it: it was cut or written anew")]
    Head,
}

impl Broken {
    /// The first wrong position, from 1; `None` where no position is wrong.
    pub const fn position(&self) -> Option<u64> {
        match self {
            Self::Number { position, .. } | Self::Hash { position } | Self::Records { position } | Self::Unreadable { position } => {
                Some(*position)
            }
            Self::Head => None,
        }
    }
}

/// Follows a chain, line by line.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// How many lines were followed.
    pub count: u64,
    /// The hash of the last.
    pub head: [u8; 32],
}

impl Chain {
    /// The position that comes next.
    pub const fn next(&self) -> u64 {
        self.count + 1
    }

    /// Takes the next line. `records` are the packed ids that are kept beside it.
    ///
    /// # Errors
    /// What is wrong at this position; nothing after it says anything any more.
    pub fn follow(&mut self, number: u64, line: &str, hash: &[u8; 32], records: Option<&[u8]>) -> Result<Disclosure, Broken> {
        let position = self.next();
        if number != position {
            return Err(Broken::Number { position, found: number });
        }
        if !equal(&chained(&self.head, line), hash) {
            return Err(Broken::Hash { position });
        }
        let disclosure: Disclosure = serde_json::from_str(line).map_err(|_| Broken::Unreadable { position })?;
        if records.map(|records| sha256(&[records])) != disclosure.particulars.records {
            return Err(Broken::Records { position });
        }
        (self.count, self.head) = (position, *hash);
        Ok(disclosure)
    }
}

/// A disclosure in a file, one line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// Its number, from 1.
    pub number: u64,
    /// SHA-256 over the hash of the line before (all zero before the first) and this line.
    #[serde(with = "super::release::hex32")]
    pub hash: [u8; 32],
    /// The line: a [`Disclosure`] as JSON, byte for byte as it was written.
    pub line: String,
    /// The packed ids of its records, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<String>,
}

impl Exported {
    /// The packed ids; `None` where they are no base64.
    pub fn ids(&self) -> Option<Option<Vec<u8>>> {
        let decode = |text: &String| data_encoding::BASE64.decode(text.as_bytes()).ok();
        self.records.as_ref().map_or(Some(None), |text| decode(text).map(Some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OrgId;
    use crate::model::Tlp;
    use crate::model::log::Audience;
    use crate::rules::release::{Particulars, Replaced};

    fn encoded(body: &str, tlp: Tlp, retention: u64) -> Encoded {
        let (audience, retention) = (Audience::Direct(OrgId([2; 32])), Timestamp(retention));
        Encoded { audience, kind: 1, observable: None, valid_until: None, body: body.into(), label: tlp.into(), retention }
    }

    fn template(tlp: Tlp) -> Disclosure {
        let audience = Audience::Direct(OrgId([2; 32]));
        let particulars = Particulars { recipients: vec![OrgId([2; 32])], ..Particulars::default() };
        Disclosure { at: Timestamp(1), audience, label: tlp.into(), kind: 1, count: 0, digest: [0; 32], rules: 2, now: false, particulars }
    }

    /// Number, line, hash and packed ids.
    type Written = (u64, String, [u8; 32], Option<Vec<u8>>);

    /// Lines of a chain.
    fn chain_of(count: u8) -> Vec<Written> {
        let (mut head, mut lines) = ([0; 32], Vec::new());
        for n in 1..=count {
            let record = encoded(&format!("body {n}"), Tlp::Amber, 0);
            let id = (n % 3 != 0).then_some(RecordId([n; 16]));
            let (line, ids) = filled(&template(Tlp::Amber), &[(id, &record, &Findings::default())]).unwrap();
            let line = serde_json::to_string(&line).unwrap();
            head = chained(&head, &line);
            lines.push((u64::from(n), line, head, id.map(|_| ids)));
        }
        lines
    }

    fn follow(lines: &[Written]) -> Result<Chain, Broken> {
        let mut chain = Chain::default();
        for (n, line, hash, ids) in lines {
            chain.follow(*n, line, hash, ids.as_deref())?;
        }
        Ok(chain)
    }

    #[test]
    fn a_whole_chain_holds_and_ends_in_its_head() {
        let lines = chain_of(7);
        let chain = follow(&lines).unwrap();
        assert_eq!((chain.count, chain.head), (7, lines[6].2));
        assert_eq!(follow(&[]).unwrap().head, [0; 32]);
    }

    #[test]
    fn a_line_that_was_changed_is_found_where_it_stands_at_every_position() {
        for at in 0..7 {
            let position = at as u64 + 1;
            for byte in [0, 10, 40] {
                let mut lines = chain_of(7);
                let mut bytes = lines[at].1.clone().into_bytes();
                bytes[byte] ^= 1;
                lines[at].1 = String::from_utf8(bytes).unwrap();
                assert_eq!(follow(&lines).unwrap_err(), Broken::Hash { position });
            }
            let mut lines = chain_of(7);
            lines[at].2[0] ^= 1;
            assert_eq!(follow(&lines).unwrap_err(), Broken::Hash { position });
            let mut lines = chain_of(7);
            match &mut lines[at].3 {
                Some(ids) => ids[0] ^= 1,
                none => *none = Some(vec![0; 8]),
            }
            assert_eq!(follow(&lines).unwrap_err(), Broken::Records { position });
            let mut lines = chain_of(7);
            lines[at].3 = lines[at].3.take().map_or_else(|| Some(Vec::new()), |_| None);
            assert_eq!(follow(&lines).unwrap_err(), Broken::Records { position });
        }
    }

    #[test]
    fn a_line_that_was_taken_out_put_in_or_moved_is_found_where_it_is_missing() {
        for at in 0..7 {
            let position = at as u64 + 1;
            let mut lines = chain_of(7);
            lines.remove(at);
            let expected = if at == 6 { None } else { Some(Broken::Number { position, found: position + 1 }) };
            assert_eq!(follow(&lines).err(), expected, "only the head tells that the end was cut");
            // Numbered anew, it does not follow.
            lines.iter_mut().zip(1..).for_each(|(line, n)| line.0 = n);
            assert_eq!(follow(&lines).err(), expected.map(|_| Broken::Hash { position }));
            let mut lines = chain_of(7);
            lines.insert(at, lines[at].clone());
            lines.iter_mut().zip(1..).for_each(|(line, n)| line.0 = n);
            assert_eq!(follow(&lines).unwrap_err(), Broken::Hash { position: position + 1 });
            if at < 6 {
                let mut lines = chain_of(7);
                lines.swap(at, at + 1);
                assert_eq!(follow(&lines).unwrap_err(), Broken::Number { position, found: position + 1 });
                lines.iter_mut().zip(1..).for_each(|(line, n)| line.0 = n);
                assert_eq!(follow(&lines).unwrap_err(), Broken::Hash { position });
            }
        }
    }

    #[test]
    fn what_is_no_disclosure_is_said_to_be_none() {
        let line = "{}".to_owned();
        let hash = chained(&[0; 32], &line);
        assert_eq!(Chain::default().follow(1, &line, &hash, None).unwrap_err(), Broken::Unreadable { position: 1 });
    }

    #[test]
    fn a_line_from_before_particulars_were_written_down_reads_and_verifies() {
        let line = format!(
            r#"{{"at":"2026-11-22T09:30:00.000Z","audience":{{"direct":"{}"}},"tlp":"amber","kind":1,"count":2,"digest":"{}","rules":1,"now":true}}"#,
            OrgId([2; 32]),
            "00".repeat(32)
        );
        let hash = chained(&[0; 32], &line);
        let read = Chain::default().follow(1, &line, &hash, None).unwrap();
        assert_eq!((read.count, &read.particulars), (2, &Particulars::default()));
        assert_eq!(serde_json::to_string(&read).unwrap(), line, "and nothing is added to what it says");
    }

    #[test]
    fn a_line_stands_for_the_records_of_its_label_alone() {
        let (one, red, other) = (encoded("a", Tlp::Amber, 5), encoded("b", Tlp::Red, 0), encoded("c", Tlp::Amber, 9));
        let found =
            |count| Findings { replaced: vec![Replaced { field: "note".into(), kind: "email".into(), count }], ..Findings::default() };
        let (first, second) = (found(1), found(2));
        let records = [(Some(RecordId([9; 16])), &one, &first), (None, &red, &second), (Some(RecordId([3; 16])), &other, &second)];
        let (line, ids) = filled(&template(Tlp::Amber), &records).unwrap();
        assert_eq!((line.count, line.digest), (2, digest([b"a".as_slice(), b"c"])));
        assert_eq!(line.particulars.retention, Some(Timestamp(9)));
        assert_eq!(line.particulars.replaced, BTreeMap::from([("email".into(), 3)]));
        assert_eq!(ids, [[3; 8], [9; 8]].concat());
        assert!(is_among(&ids, &RecordId([3; 16])) && is_among(&ids, &RecordId([9; 16])) && !is_among(&ids, &RecordId([4; 16])));
        let (line, ids) = filled(&template(Tlp::Red), &records).unwrap();
        assert_eq!((line.count, line.particulars.retention, line.particulars.records, ids.len()), (1, None, None, 0));
        assert_eq!(filled(&template(Tlp::Green), &records), None);
    }

    #[test]
    fn the_digest_of_a_release_is_over_all_that_its_lines_say() {
        let (one, red) = (encoded("a", Tlp::Amber, 5), encoded("b", Tlp::Red, 0));
        let all = lines(&[(&one).into(), (&red).into()]);
        assert_eq!(all.iter().map(|line| (line.label, line.count)).collect::<Vec<_>>(), [(Tlp::Amber.into(), 1), (Tlp::Red.into(), 1)]);
        let digest = whole(&all);
        assert_ne!(digest, whole(&all[..1]));
        let changes: [fn(&mut Line); 4] =
            [|line| line.label = Tlp::Clear.into(), |line| line.kind = 2, |line| line.count = 2, |line| line.digest[0] ^= 1];
        for change in changes {
            let mut other = all.clone();
            change(&mut other[1]);
            assert_ne!(digest, whole(&other));
        }
    }

    #[test]
    fn what_is_wrong_with_a_chain_is_told() {
        let cases = [
            (Broken::Number { position: 2, found: 3 }, "position 2: number 3 stands there"),
            (Broken::Hash { position: 2 }, "position 2: the line is not the one that was written after the line before it"),
            (Broken::Records { position: 2 }, "position 2: the list of its records is not the one that was written"),
            (Broken::Unreadable { position: 2 }, "position 2: what stands there is no disclosure"),
            (Broken::Head, "the chain holds, and the head that was given is not in it: it was cut or written anew"),
        ];
        cases.iter().for_each(|(broken, text)| assert_eq!(broken.to_string(), *text));
        crate::texts::all_are_there(include_str!("disclosed.rs"), "Broken", cases.iter().map(|(broken, _)| broken));
    }
}
