//! Canaries: personal values, drawn by a seed, each in a script, hidden by an evasion, in a sentence that introduces it.

use super::evade::{EVASIONS, Evasion};
use super::search::folded;
use super::tongues::{Order, TONGUES, Tongue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What a canary is, in the order of [`Tongue::sentences`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Email,
    Phone,
    Iban,
    Card,
    Id,
    Ip,
    Url,
    /// A name on the deny list, which nothing introduces.
    Denied,
    /// A name that nobody knows, which a word introduces.
    Introduced,
}

impl Kind {
    pub const ALL: [Self; 9] =
        [Self::Email, Self::Phone, Self::Iban, Self::Card, Self::Id, Self::Ip, Self::Url, Self::Denied, Self::Introduced];

    pub const fn is_name(self) -> bool {
        matches!(self, Self::Denied | Self::Introduced)
    }
}

/// A value before it is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Groups of digits, or of letters and digits (IBAN), with a `+` before them or without.
    Number {
        plus: bool,
        groups: Vec<String>,
    },
    Mail {
        local: String,
        host: String,
    },
    Ip(String),
    /// `https://host/path?token=` and the token.
    Link {
        start: String,
        token: String,
    },
    /// First and last name, as written in the script and in Latin letters.
    Name {
        given: [String; 2],
        family: [String; 2],
        order: Order,
    },
}

impl Value {
    /// As people write it.
    pub fn plain(&self) -> String {
        match self {
            Self::Number { plus, groups } => format!("{}{}", if *plus { "+" } else { "" }, groups.join(" ")),
            Self::Mail { local, host } => format!("{local}@{host}"),
            Self::Ip(text) => text.clone(),
            Self::Link { start, token } => format!("{start}{token}"),
            Self::Name { given: [given, _], family: [family, _], order } => match order {
                Order::Given => format!("{given} {family}"),
                Order::Family => format!("{family} {given}"),
                Order::Joined => format!("{family}{given}"),
            },
        }
    }

    /// What must not be found, as the value is without any evasion: each of these alone tells whom it is.
    fn telling(&self) -> Vec<String> {
        match self {
            Self::Number { groups, .. } => {
                let all = groups.concat();
                // Without its beginning too; nine digits do not come about by chance.
                vec![all.chars().skip(all.len().saturating_sub(9).min(4)).collect(), all]
            }
            Self::Mail { local, .. } => vec![local.clone()],
            Self::Ip(text) => vec![text.clone()],
            Self::Link { token, .. } => vec![token.clone()],
            Self::Name { given: [given, _], family: [family, _], .. } => vec![format!("{given}{family}"), format!("{family}{given}")],
        }
    }
}

pub struct Canary {
    pub kind: Kind,
    pub script: &'static str,
    pub evasion: &'static str,
    pub value: Value,
    /// As it is planted.
    pub hidden: String,
    /// The sentence with it.
    pub text: String,
    /// What is looked for, folded.
    pub needles: BTreeSet<String>,
}

impl std::fmt::Display for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, {}, {}: {:?}", self.kind, self.script, self.evasion, self.text)
    }
}

impl Canary {
    /// The smallest parts that must not be left over: six digits in a row, three letters of a name that belong to it alone.
    pub fn is_left_in(&self, text: &str) -> bool {
        let left = folded(&without_placeholders(text));
        let tongue = TONGUES.iter().position(|tongue| tongue.script == self.script).unwrap_or(0);
        let frame = &SENTENCES[tongue][self.kind as usize];
        let windows = |needle: &str, size: usize| {
            let chars: Vec<char> = needle.chars().collect();
            let size = size.min(chars.len());
            chars.windows(size).any(|part| {
                let part: String = part.iter().collect();
                !frame.contains(&part) && left.contains(&part)
            })
        };
        let size = match self.kind {
            Kind::Phone | Kind::Iban | Kind::Card | Kind::Id | Kind::Ip => 5,
            Kind::Url => 8,
            Kind::Email => 6,
            _ if self.needles.iter().any(|needle| needle.chars().count() < 4) => 2,
            _ => 4,
        };
        let parts = match &self.value {
            Value::Name { given: [given, _], family: [family, _], order } if *order != Order::Joined => vec![folded(given), folded(family)],
            _ => Vec::new(),
        };
        self.needles.iter().any(|needle| windows(needle, size)) || parts.iter().any(|part| windows(part, 9))
    }
}

fn without_placeholders(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        out += &rest[..open];
        let inside = &rest[open + 1..];
        match inside.split_once(']') {
            Some((word, after)) if word.split_once('-').is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit())) => {
                out.push(' ');
                rest = after;
            }
            _ => {
                out.push('[');
                rest = inside;
            }
        }
    }
    out + rest
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Lots(pub u64);

impl Lots {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn digits(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(10) as u8).collect()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// The sentences, folded.
static SENTENCES: LazyLock<Vec<Vec<String>>> =
    LazyLock::new(|| TONGUES.iter().map(|tongue| tongue.sentences.iter().map(|text| folded(text)).collect()).collect());

/// What may be planted: a kind in a script behind an evasion, where that makes sense.
pub type Cell = (Kind, usize, usize);

/// Every cell that is populated.
pub fn cells() -> Vec<Cell> {
    let mut lots = Lots(0);
    let mut cells = Vec::new();
    for kind in Kind::ALL {
        for (script, tongue) in TONGUES.iter().enumerate() {
            for (at, evasion) in EVASIONS.iter().enumerate() {
                // Whether it can be hidden so depends on the value's form, which is the same in every draw but for accents.
                let can = (0..8).any(|_| hide(evasion, kind, &draw(kind, tongue, &mut lots), tongue).is_some());
                if can {
                    cells.push((kind, script, at));
                }
            }
        }
    }
    cells
}

fn hide(evasion: &Evasion, kind: Kind, value: &Value, tongue: &Tongue) -> Option<String> {
    (evasion.hide)(kind, value, tongue).filter(|hidden| *hidden != value.plain())
}

/// So many canaries: each cell once before any comes twice, in an order that the seed says.
pub fn canaries(seed: u64, count: usize) -> Vec<Canary> {
    let mut lots = Lots(seed);
    let mut cells = cells();
    lots.shuffle(&mut cells);
    spread(&mut cells);
    let mut made: Vec<Canary> = Vec::new();
    let mut taken = BTreeSet::new();
    for cell in cells.iter().cycle().take(count) {
        made.push(one(*cell, &mut lots, &mut taken));
    }
    made
}

/// Those first that show a script with an evasion, or a kind with one, for the first time: with few canaries each pair is there all the same.
fn spread(cells: &mut [Cell]) {
    let (mut scripts, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    cells.sort_by_cached_key(|(kind, script, evasion)| {
        let new = [scripts.insert((*script, *evasion)), kinds.insert((*kind, *evasion))];
        !new.contains(&true)
    });
}

/// A canary of a cell that shares no needle with another.
pub fn one((kind, script, evasion): Cell, lots: &mut Lots, taken: &mut BTreeSet<String>) -> Canary {
    let (tongue, evasion) = (&TONGUES[script], &EVASIONS[evasion]);
    loop {
        let value = draw(kind, tongue, lots);
        let Some(hidden) = hide(evasion, kind, &value, tongue) else { continue };
        let mut needles: BTreeSet<String> = value.telling().iter().map(|text| folded(text)).collect();
        match (&value, evasion.part) {
            // Only a part of it is planted: that alone is looked for.
            (Value::Name { .. }, true) => needles = BTreeSet::from([folded(evasion.bare(&hidden))]),
            // Where a URL leads stays, if it is an attacker's; its token tells to whom it was sent.
            (Value::Link { .. }, _) => drop(needles.insert(folded(hidden.rsplit(['=', '＝']).next().unwrap_or("")))),
            _ => drop(needles.insert(folded(&hidden))),
        }
        // `Joined` names have two characters beside the first, which is short for a needle: those that sentences have are not drawn.
        let clash =
            |needle: &String| TONGUES.iter().any(|tongue| tongue.sentences.iter().any(|text| folded(text).contains(needle.as_str())));
        let whole = folded(&value.plain());
        // Five letters or fewer come about by chance among the bytes of a store.
        if needles.iter().any(|needle| needle.len() < 6 || taken.contains(needle) || clash(needle)) || !taken.insert(whole) {
            continue;
        }
        taken.extend(needles.iter().cloned());
        let text = tongue.sentences[kind as usize].replace("{}", &hidden);
        return Canary { kind, script: tongue.script, evasion: evasion.name, value, hidden, text, needles };
    }
}

fn draw(kind: Kind, tongue: &Tongue, lots: &mut Lots) -> Value {
    match kind {
        Kind::Email => {
            let local = format!("{}.{}{}", latin(lots, 3), latin(lots, 3), lots.below(90) + 10);
            Value::Mail { local, host: (*lots.one(&["gmail.com", "proton.me", "riseup.net", "yahoo.co.uk", "gmx.de"])).into() }
        }
        Kind::Phone => {
            let digits = tongue.phone.chars().map(|c| if c == 'x' { char::from(b'1' + lots.below(9) as u8) } else { c });
            Value::Number { plus: true, groups: digits.collect::<String>().split(' ').map(Into::into).collect() }
        }
        Kind::Iban => iban(lots),
        Kind::Card => {
            let mut digits = lots.digits(15);
            digits[0] = 4;
            digits.push(luhn(&digits));
            Value::Number { plus: false, groups: groups(&digits, &[4, 4, 4, 4]) }
        }
        Kind::Id => national(tongue.script, lots),
        Kind::Ip => {
            let octets = [*lots.one(&[41, 78, 91, 154, 197]), lots.below(200) + 20, lots.below(150) + 100, lots.below(150) + 100];
            Value::Ip(octets.map(|octet| octet.to_string()).join("."))
        }
        Kind::Url => {
            let letters = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz";
            let token = (0..24).map(|at| if at % 3 == 2 { char::from(b'2' + lots.below(8) as u8) } else { char::from(*lots.one(letters)) });
            Value::Link { start: "https://accounts.tutamail.com/reset?token=".into(), token: token.collect() }
        }
        Kind::Denied | Kind::Introduced => name(tongue, lots),
    }
}

fn latin(lots: &mut Lots, pieces: usize) -> String {
    const PIECES: [&str; 16] = ["ba", "co", "di", "fe", "gu", "ha", "jo", "ki", "le", "mu", "no", "pi", "ra", "so", "ve", "xi"];
    (0..pieces).map(|_| *lots.one(&PIECES)).collect()
}

fn name(tongue: &Tongue, lots: &mut Lots) -> Value {
    let mut pick = |count: usize| -> [String; 2] {
        let pieces: Vec<_> = (0..count).map(|_| *lots.one(tongue.pieces)).collect();
        let written: String = pieces.iter().map(|(written, _)| *written).collect();
        let latin: Vec<&str> = pieces.iter().map(|(_, latin)| *latin).collect();
        [if tongue.cased { capital(&written) } else { written }, capital(&latin.join(if tongue.order == Order::Joined { "-" } else { "" }))]
    };
    let given = pick(2);
    let family = if tongue.families.is_empty() {
        pick(3)
    } else {
        let (written, latin) = *lots.one(tongue.families);
        [written.into(), latin.into()]
    };
    Value::Name { given, family, order: tongue.order }
}

pub fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn groups(digits: &[u8], sizes: &[usize]) -> Vec<String> {
    let mut rest = digits.iter().map(|digit| char::from(b'0' + digit));
    sizes.iter().map(|size| rest.by_ref().take(*size).collect()).collect()
}

fn luhn(digits: &[u8]) -> u8 {
    let doubled = digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { *digit });
    (10 - doubled.map(u32::from).sum::<u32>() % 10) as u8 % 10
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Germany's, with its two check digits (ISO 13616).
fn iban(lots: &mut Lots) -> Value {
    let digits = lots.digits(18);
    // `DE00` at the end, letters as numbers.
    let rest = digits.iter().chain(&[1, 3, 1, 4, 0, 0]).fold(0u64, |rest, digit| (rest * 10 + u64::from(*digit)) % 97);
    let body: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    let all = format!("DE{:02}{body}", 98 - rest);
    let mut groups: Vec<String> = Vec::new();
    for c in all.chars() {
        match groups.last_mut() {
            Some(last) if last.len() < 4 => last.push(c),
            _ => groups.push(c.into()),
        }
    }
    Value::Number { plus: false, groups }
}

/// A number that the state gives, of a country where the language is spoken; of Turkey where none with a check digit is known to us.
fn national(script: &str, lots: &mut Lots) -> Value {
    let birth =
        |lots: &mut Lots| [lots.below(90) + 10, lots.below(12) + 1, lots.below(28) + 1].map(|part| [(part / 10) as u8, (part % 10) as u8]);
    let (digits, sizes): (Vec<u8>, &[usize]) = match script {
        "Latin" => {
            let mut digits = lots.digits(9);
            for length in [9, 10] {
                let sum: u32 = digits.iter().enumerate().map(|(at, digit)| u32::from(*digit) * (length + 1 - at as u32)).sum();
                digits.push((sum * 10 % 11 % 10) as u8);
            }
            (digits, &[3, 3, 3, 2])
        }
        "Cyrillic" => {
            let mut digits = lots.digits(9);
            let check = weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
            digits.extend([(check / 10) as u8, (check % 10) as u8]);
            (digits, &[3, 3, 3, 2])
        }
        "Greek" => {
            let [year, month, day] = birth(lots);
            let mut digits = [day, month, year].concat();
            digits.extend(lots.digits(4));
            digits.push(luhn(&digits));
            (digits, &[6, 5])
        }
        "Hebrew" => {
            let mut digits = [vec![3], lots.digits(7)].concat();
            digits.push(luhn(&digits));
            (digits, &[9])
        }
        "Arabic" => {
            let [year, month, day] = birth(lots);
            ([vec![2], [year, month, day].concat(), vec![0, 1], lots.digits(5)].concat(), &[14])
        }
        "Persian" => {
            let mut digits = [vec![4], lots.digits(8)].concat();
            let rest = weighted(&digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            digits.push(if rest < 2 { rest } else { 11 - rest } as u8);
            (digits, &[3, 6, 1])
        }
        "Devanagari" => {
            let mut digits = [vec![5], lots.digits(10)].concat();
            digits.push(verhoeff(&digits));
            (digits, &[4, 4, 4])
        }
        "Thai" => {
            let mut digits = [vec![1], lots.digits(11)].concat();
            digits.push(((11 - weighted(&digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10) as u8);
            (digits, &[1, 4, 5, 2, 1])
        }
        "Han" => loop {
            let [year, month, day] = birth(lots);
            let mut digits = [vec![1, 1, 0, 1, 0, 5, 1, 9], [year, month, day].concat(), lots.digits(3)].concat();
            let rest = weighted(&digits, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
            // One in eleven ends with an X.
            if rest != 2 {
                digits.push(((12 - rest) % 11) as u8);
                break (digits, &[6, 8, 4]);
            }
        },
        "Kana" => {
            let mut digits = lots.digits(11);
            let rest = weighted(&digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
            digits.push(if rest < 2 { 0 } else { 11 - rest } as u8);
            (digits, &[4, 4, 4])
        }
        "Hangul" => {
            let [year, month, day] = birth(lots);
            ([[year, month, day].concat(), vec![2], lots.digits(6)].concat(), &[6, 7])
        }
        _ => {
            let mut digits = [vec![lots.below(9) as u8 + 1], lots.digits(8)].concat();
            let (odd, even) = (weighted(&digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]), weighted(&digits, &[0, 1, 0, 1, 0, 1, 0, 1]));
            digits.push(((odd * 7 + 100 - even) % 10) as u8);
            digits.push((digits.iter().map(|digit| u32::from(*digit)).sum::<u32>() % 10) as u8);
            (digits, &[3, 3, 3, 2])
        }
    };
    Value::Number { plus: false, groups: groups(&digits, sizes) }
}

/// Verhoeff's check digit, by the reflections and rotations of a pentagon.
fn verhoeff(digits: &[u8]) -> u8 {
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let times = |a: u8, b: u8| match (a / 5, b / 5) {
        (0, 0) => (a + b) % 5,
        (0, _) => (a + b) % 5 + 5,
        (_, 0) => (a + 5 - b) % 5 + 5,
        _ => (a + 5 - b) % 5,
    };
    let check = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |check, (at, digit)| times(check, (0..(at + 1) % 8).fold(*digit, |value, _| PERMUTED[usize::from(value)])));
    (0..10).find(|one| times(check, *one) == 0).unwrap_or(0)
}

/// How many cells of scripts and evasions are populated, by kind.
pub fn table() -> BTreeMap<(&'static str, &'static str), usize> {
    let mut table = BTreeMap::new();
    for (_, script, evasion) in cells() {
        *table.entry((EVASIONS[evasion].name, TONGUES[script].script)).or_default() += 1;
    }
    table
}
