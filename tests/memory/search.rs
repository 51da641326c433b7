//! Looks for values in bytes, in every form in which a program could have kept them.

use std::collections::{BTreeMap, BTreeSet};

/// What is looked for: a value in one of its forms.
struct Needle {
    whose: usize,
    form: &'static str,
    bytes: Vec<u8>,
}

/// All forms of some values. Forms are told from any four bytes in a row, which every occurrence has at a place that is looked at: a search of a hundred
/// megabytes takes a moment even where nothing is optimised.
pub struct Search {
    names: Vec<String>,
    needles: Vec<Needle>,
    /// By four bytes: the needles that have them, and where.
    fours: BTreeMap<u32, Vec<(usize, usize)>>,
    /// Whether there may be any, by a hash of the four.
    maybe: Vec<bool>,
    step: usize,
}

/// The shortest form that is looked for; a shorter one would be found by chance.
const SHORTEST: usize = 12;

impl Search {
    /// Texts and keys, each with what it is called.
    pub fn of(values: &[(String, Vec<u8>)]) -> Self {
        let names = values.iter().map(|(name, _)| name.clone()).collect();
        let mut needles = Vec::new();
        for (whose, (_, value)) in values.iter().enumerate() {
            let mut known = BTreeSet::new();
            for (form, bytes) in forms(value) {
                assert!(bytes.len() >= SHORTEST, "too short to be told from chance");
                if known.insert(bytes.clone()) {
                    needles.push(Needle { whose, form, bytes });
                }
            }
        }
        let step = needles.iter().map(|needle| needle.bytes.len()).min().unwrap_or(SHORTEST) - 3;
        let (mut fours, mut maybe) = (BTreeMap::<u32, Vec<_>>::new(), vec![false; 1 << 20]);
        for (number, needle) in needles.iter().enumerate() {
            for at in 0..step {
                let four = four(&needle.bytes, at);
                maybe[hash(four)] = true;
                fours.entry(four).or_default().push((number, at));
            }
        }
        Self { names, needles, fours, maybe, step }
    }

    /// How many forms of how many values it knows.
    pub fn size(&self) -> (usize, usize) {
        (self.needles.len(), self.names.len())
    }

    /// The longest form, in bytes.
    pub fn longest(&self) -> usize {
        self.needles.iter().map(|needle| needle.bytes.len()).max().unwrap_or(0)
    }

    /// What is in these bytes: whose, in which form.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<(String, &'static str)> {
        let mut found = BTreeSet::new();
        let mut at = 0;
        while at + 3 < bytes.len() {
            let four = four(bytes, at);
            if self.maybe[hash(four)] {
                for (number, offset) in self.fours.get(&four).into_iter().flatten() {
                    let needle = &self.needles[*number];
                    if at >= *offset && bytes[at - offset..].starts_with(&needle.bytes) {
                        found.insert((self.names[needle.whose].clone(), needle.form));
                    }
                }
            }
            at += self.step;
        }
        found
    }

    /// Every form, one after the other: what a search must find when it is put somewhere.
    pub fn planted(&self) -> Vec<u8> {
        self.needles.iter().flat_map(|needle| [&needle.bytes[..], b"\n"].concat()).collect()
    }

    /// All that is to be found in [`Self::planted`].
    pub fn everything(&self) -> BTreeSet<(String, &'static str)> {
        self.needles.iter().map(|needle| (self.names[needle.whose].clone(), needle.form)).collect()
    }
}

fn four(bytes: &[u8], at: usize) -> u32 {
    u32::from(bytes[at]) << 24 | u32::from(bytes[at + 1]) << 16 | u32::from(bytes[at + 2]) << 8 | u32::from(bytes[at + 3])
}

fn hash(four: u32) -> usize {
    (four.wrapping_mul(0x9e37_79b1) >> 12) as usize
}

/// A value as it is, and as it may be written.
fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |upper: bool| -> Vec<u8> {
        let digit = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        value.iter().map(digit).collect::<String>().into_bytes()
    };
    let listed = |gap: &str| value.iter().map(u8::to_string).collect::<Vec<_>>().join(gap).into_bytes();
    let mut forms = vec![
        ("itself", value.to_vec()),
        ("hex", hex(false)),
        ("hex", hex(true)),
        ("numbers", listed(",")),
        ("numbers", listed(", ")),
        ("reversed", value.iter().rev().copied().collect()),
    ];
    for (name, alphabet) in [("base64", data_encoding::BASE64), ("base64url", data_encoding::BASE64URL)] {
        // Where it begins within three bytes that are encoded together; what others have a part in is left out.
        for before in 0..3 {
            let encoded = alphabet.encode(&[&vec![0; before], value].concat()).into_bytes();
            forms.push((name, encoded[[0, 2, 3][before]..(before + value.len()) * 8 / 6].to_vec()));
        }
    }
    for before in 0..5 {
        let encoded = data_encoding::BASE32_NOPAD.encode(&[&vec![0; before], value].concat());
        let whole = encoded[[0, 2, 4, 5, 7][before]..(before + value.len()) * 8 / 5].to_owned();
        forms.push(("base32", whole.to_lowercase().into_bytes()));
        forms.push(("base32", whole.into_bytes()));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        forms.push(("small letters", text.to_lowercase().into_bytes()));
        forms.push(("capitals", text.to_uppercase().into_bytes()));
        forms.push(("utf-16le", text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        forms.push(("utf-16be", text.encode_utf16().flat_map(u16::to_be_bytes).collect()));
        forms.push(("utf-32", text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()));
        let escaped = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        forms.push(("percent", text.bytes().map(escaped).collect::<String>().into_bytes()));
    }
    forms
}

#[test]
fn every_form_is_found_wherever_it_stands_and_nothing_else() {
    let search = Search::of(&[("a".into(), b"zqabcdefghij".to_vec()), ("b".into(), vec![0, 255, 1, 254, 2, 253, 3, 252, 4, 251, 5, 250])]);
    assert_eq!(search.size().1, 2);
    assert_eq!(search.find(&search.planted()), search.everything());
    let all = search.everything();
    for needle in &search.needles {
        for before in 0..40 {
            let bytes = [&vec![b'.'; before][..], &needle.bytes, b"."].concat();
            assert!(search.find(&bytes).contains(&(search.names[needle.whose].clone(), needle.form)), "{} after {before}", needle.form);
            let mut broken = bytes;
            broken[before + needle.bytes.len() / 2] ^= 0x40;
            assert!(search.find(&broken).len() < all.len());
        }
    }
    assert!(search.find(&vec![b'.'; 1_000]).is_empty() && search.find(b"").is_empty() && search.find(b"z").is_empty());
}

#[test]
fn what_is_encoded_with_something_around_it_is_found_at_each_place() {
    let search = Search::of(&[("word".into(), b"zqabcdefghij".to_vec())]);
    for before in 0..9 {
        for after in 0..4 {
            let text = [&vec![b'x'; before][..], b"zqabcdefghij", &vec![b'y'; after][..]].concat();
            let found = search.find(data_encoding::BASE64.encode(&text).as_bytes());
            assert!(found.iter().any(|(_, form)| form.starts_with("base64")), "{before} before, {after} after");
            let found = search.find(data_encoding::BASE32_NOPAD.encode(&text).to_lowercase().as_bytes());
            assert!(found.iter().any(|(_, form)| *form == "base32"), "{before} before, {after} after");
        }
    }
}
