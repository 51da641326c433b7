//! Calls for help and those who answer them. A code that is in no list of ours is kept.

use super::referral::{codes, read_codes, some_code, time, when};
use super::{Malformed, fixed, wire};
use crate::model::call::{Call, Volunteer};
use crate::model::{CallId, Priority, Timestamp};

/// A call as it is sent.
pub(super) fn to_wire(call: &Call) -> wire::Call {
    let Call { id, help_wanted, incident_types, languages, region, priority, priority_newer, expires, vocabulary } = call;
    wire::Call {
        call: id.0.to_vec(),
        help_wanted: codes(help_wanted),
        incident_types: codes(incident_types),
        languages: languages.iter().map(ToString::to_string).collect(),
        region: region.as_ref().map(ToString::to_string).unwrap_or_default(),
        priority: priority.to_wire(*priority_newer),
        expires: expires.0,
        vocabulary: vocabulary.clone(),
    }
}

/// Reads a call.
///
/// # Errors
/// When it is out of its bounds.
pub(super) fn from_wire(wire: wire::Call) -> Result<Call, Malformed> {
    let language = |text: &String| text.parse().map_err(|_| Malformed("a language is none"));
    let (priority, priority_newer) = Priority::from_wire(wire.priority);
    let call = Call {
        id: id(&wire.call)?,
        help_wanted: read_codes(&wire.help_wanted)?,
        incident_types: read_codes(&wire.incident_types)?,
        languages: wire.languages.iter().map(language).collect::<Result<_, _>>()?,
        region: some_code(&wire.region)?,
        priority,
        priority_newer,
        expires: Timestamp(wire.expires),
        vocabulary: wire.vocabulary,
    };
    call.check().map_err(|_| Malformed("a call says more than a call may, or less than it must"))?;
    Ok(call)
}

/// That somebody would help, as it is sent.
pub(super) fn volunteer_to_wire(volunteer: &Volunteer) -> wire::Volunteer {
    let Volunteer { call, start } = volunteer;
    wire::Volunteer { call: call.0.to_vec(), start: time(*start) }
}

/// Reads that somebody would help.
///
/// # Errors
/// When it names no call.
pub(super) fn volunteer_from_wire(wire: &wire::Volunteer) -> Result<Volunteer, Malformed> {
    Ok(Volunteer { call: id(&wire.call)?, start: when(wire.start) })
}

fn id(bytes: &[u8]) -> Result<CallId, Malformed> {
    fixed(bytes, "the id of a call has 16 bytes").map(CallId)
}

#[cfg(test)]
mod tests {
    use crate::link::convert::{decode_record, encode_record};
    use crate::model::call::{Call, Volunteer};
    use crate::model::crypto::sha256;
    use crate::model::{CallId, Priority, Record, RecordKind, Timestamp};
    use prost::Message;

    fn call(seed: u64) -> Call {
        // Words drawn from a hash: the test is the same each time.
        let at = |n: u64, below: u64| u64::from_be_bytes(sha256(&[&seed.to_be_bytes(), &n.to_be_bytes()])[..8].try_into().unwrap()) % below;
        let words = |from: u64, count: u64| {
            let mut words: Vec<_> =
                (0..count).map(|n| format!("w{}-{}", at(from + n, 1_000), at(from + n + 50, 9)).parse().unwrap()).collect();
            words.sort();
            words.dedup();
            words
        };
        let tags = ["ar", "fa", "pt-BR", "zh-Hant", "kab"];
        Call {
            id: CallId([at(1, 256) as u8; 16]),
            help_wanted: words(100, 1 + at(2, 16)),
            incident_types: words(200, at(3, 17)),
            languages: tags[..at(4, 6) as usize].iter().map(|tag| tag.parse().unwrap()).collect(),
            region: words(300, at(5, 2)).pop(),
            priority: if at(9, 4) == 0 { Priority::Emergency } else { Priority::ALL[at(6, 3) as usize] },
            priority_newer: (at(9, 4) == 0).then(|| 4 + at(10, 1_000) as u32),
            expires: Timestamp(at(7, u64::MAX >> 1)),
            vocabulary: format!("2026-{}", at(8, 100)),
        }
    }

    /// Every field of a body, with its number, by protobuf's own rules: nothing that we do not read is in it.
    fn fields(mut body: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        while !body.is_empty() {
            let key = prost::encoding::decode_varint(&mut body).unwrap();
            let value = match key & 7 {
                0 => prost::encoding::decode_varint(&mut body).unwrap().to_be_bytes().to_vec(),
                2 => {
                    let length = prost::encoding::decode_varint(&mut body).unwrap() as usize;
                    let (value, rest) = body.split_at(length);
                    body = rest;
                    value.to_vec()
                }
                other => panic!("wire type {other}"),
            };
            all.push((key >> 3, value));
        }
        all
    }

    #[test]
    fn a_call_carries_codes_tags_numbers_and_nothing_else() {
        for seed in 0..2_000 {
            let record = Record::Call(call(seed));
            let body = encode_record(&record);
            for (number, value) in fields(&body) {
                let text = String::from_utf8(value.clone());
                let fits = match number {
                    1 => value.len() == 16,
                    2 | 3 | 5 => text.unwrap().parse::<crate::model::vocabulary::Code>().is_ok(),
                    4 => text.unwrap().parse::<crate::model::language::LanguageTag>().is_ok(),
                    6 | 7 => value.len() == 8,
                    8 => !text.unwrap().contains(|c: char| c.is_whitespace() || c.is_alphabetic()),
                    _ => false,
                };
                assert!(fits, "seed {seed}: field {number}");
            }
            assert_eq!(decode_record(RecordKind::Call, &body), Ok(record), "seed {seed}");
        }
    }

    #[test]
    fn a_call_with_a_text_anywhere_is_none() {
        let whole = super::to_wire(&call(3));
        assert!(decode_record(RecordKind::Call, &whole.encode_to_vec()).is_ok());
        let text = || "call Maria in Tunis".to_owned();
        let spoilt: [fn(&mut super::wire::Call, String); 5] = [
            |call, text| call.help_wanted = vec![text],
            |call, text| call.incident_types = vec![text],
            |call, text| call.languages = vec![text],
            |call, text| call.region = text,
            |call, text| call.vocabulary = text,
        ];
        for spoil in spoilt {
            let mut wire = whole.clone();
            spoil(&mut wire, text());
            assert!(decode_record(RecordKind::Call, &wire.encode_to_vec()).is_err(), "{wire:?}");
        }
        // What is in a field that we do not know is not kept: the record, encoded again, is without it.
        let mut more = whole.encode_to_vec();
        prost::encoding::string::encode(99, &text(), &mut more);
        let read = decode_record(RecordKind::Call, &more).unwrap();
        assert_eq!(encode_record(&read), whole.encode_to_vec());
    }

    #[test]
    fn who_volunteers_is_read_back() {
        for start in [None, Some(Timestamp(1_800_000_000_000))] {
            let record = Record::Volunteer(Volunteer { call: CallId([3; 16]), start });
            assert_eq!(decode_record(RecordKind::Volunteer, &encode_record(&record)), Ok(record));
        }
        assert!(decode_record(RecordKind::Volunteer, &[]).is_err(), "of no call");
    }
}
