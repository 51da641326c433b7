//! Known names, of the sealed part and of the deny list, made ready to be looked for: their parts, how those sound, what they are joined to.

use super::key::{key, latin};
use super::words;
use crate::rules::redact::confusable::plain;
use crate::rules::redact::cue::{TITLE, is_spaceless, is_word, normal};
use crate::rules::redact::view::View;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// How surely a word is a part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Only beside a surer part: a title, `de`, `al`, an initial.
    Beside,
    /// It sounds so.
    Sound,
    /// It sounds so, is of some length, and is in another script than was given.
    Script,
    /// It is written so, but is short, or a word of its own.
    Short,
    /// It is written so.
    Written,
}

pub(super) type Parts = BTreeMap<String, Vec<(u32, Level)>>;

/// Known names, ready to be looked for.
#[derive(Default)]
pub(in crate::rules::redact) struct Names {
    pub(super) count: u32,
    pub(super) parts: Parts,
    /// Beginnings of parts to which endings are added.
    pub(super) stems: Parts,
    pub(super) keys: Parts,
    /// How each syllable of a Chinese or Korean name sounds: `hoon` is written for `훈`, `choi` for `최`.
    pub(super) syllables: Parts,
    pub(super) joined: BTreeSet<String>,
    /// The same with an initial for one of the two: less sure.
    pub(super) short: BTreeSet<String>,
    pub(super) initials: Vec<Vec<char>>,
    /// How many parts that count each name has.
    pub(super) sizes: Vec<usize>,
    /// In scripts without blanks.
    pub(super) inside: Option<AhoCorasick>,
    /// Of the same scripts, in Latin letters.
    pub(super) inside_latin: Option<AhoCorasick>,
}

/// Parts of names that are none alone.
pub(super) const PARTICLES: [&str; 60] = [
    "abd", "abu", "ad", "af", "al", "an", "ap", "as", "at", "aw", "ben", "bent", "bin", "bint", "binti", "da", "dal", "de", "del", "della",
    "den", "der", "des", "di", "do", "dos", "du", "e", "el", "em", "en", "et", "ha", "i", "ibn", "la", "las", "le", "los", "mac", "mc",
    "o", "of", "ould", "san", "santa", "st", "ter", "the", "um", "umm", "und", "van", "vd", "von", "y", "z", "zu", "zum", "zur",
];

/// Korean family names that are spelled otherwise than they are written.
const SPELLED: [(char, &str); 6] = [('박', "park"), ('이', "lee"), ('임', "lim"), ('노', "roh"), ('류', "ryu"), ('심', "shim")];

/// Names that are words too: alone they count with a capital.
static WORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    "angel april august autumn baker bell bill bishop black blue bond booth brook brown bush butler carpenter carter case cash chance chase \
     christian clay cliff close cook cooper cross dawn day dean duke earl faith fisher ford forest fox frank freeman gene glass grace grant gray \
     green grey hall hill holiday hope hunter ivy jack joy judge june king lane lee lily long love mark mason may miller moon noble page park \
     parker pearl pierce porter power price quick reed rich rose said sharp short small smart song stone street summer sunny taylor wall waters \
     white will wood young"
        .split(' ')
        .collect()
});

impl Names {
    pub(in crate::rules::redact) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        let (mut inside, mut inside_latin) = (BTreeSet::new(), BTreeSet::new());
        for name in names {
            all.add(name, &mut inside, &mut inside_latin);
        }
        let automaton = |patterns: BTreeSet<String>| {
            (!patterns.is_empty()).then(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok()).flatten()
        };
        all.inside = automaton(inside);
        all.inside_latin = automaton(inside_latin);
        all
    }

    pub(in crate::rules::redact) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, name: &str, inside: &mut BTreeSet<String>, inside_latin: &mut BTreeSet<String>) {
        self.one(name, inside, inside_latin);
        // `WangShuMei`: syllables or names that a capital begins.
        // `Ne'mati`: a sign for a sound that is no letter of ours, written or not.
        let bare: String = name.chars().filter(|c| !matches!(c, '\'' | '`' | '\u{2bb}'..='\u{2bf}' | '\u{2018}' | '\u{2019}')).collect();
        if bare != name {
            self.one(&bare, inside, inside_latin);
        }
        // What folding takes away is heard: `ガ` is `ga`, `ज़` is `za`.
        let marked = name.replace("ज\u{93c}", "\u{95b}");
        if marked.contains(|c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{95b}')) {
            self.one(&any_ascii::any_ascii(&marked), inside, inside_latin);
        }
        let humps = split_humps(name);
        if humps != name {
            self.one(&humps, inside, inside_latin);
        }
    }

    fn one(&mut self, name: &str, inside: &mut BTreeSet<String>, inside_latin: &mut BTreeSet<String>) {
        let lower = normal(name);
        let view = View::of(&lower);
        let parts: Vec<String> = words(&view, 0..view.text().len()).into_iter().map(|word| view.text()[word.range].to_owned()).collect();
        if parts.is_empty() {
            return;
        }
        let index = self.count;
        self.count += 1;
        let leads = parts.iter().take_while(|part| is_title(part)).count() % parts.len();
        let counted: Vec<&String> = parts[leads..].iter().filter(|part| !PARTICLES.contains(&part.as_str())).collect();
        self.sizes.push(counted.len().max(1));
        self.initials.push(counted.iter().filter_map(|part| latin(part).chars().next()).collect());
        for (at, part) in parts.iter().enumerate() {
            self.part(index, part, parts.len(), at < leads);
            // The article of Arabic and Hebrew, which transliterations put apart or leave out.
            let bare = part.strip_prefix("ال").or_else(|| part.strip_prefix('ה')).filter(|bare| bare.chars().count() >= 3);
            if let Some(bare) = bare {
                self.part(index, bare, parts.len().max(2), at < leads);
            }
        }
        let spaceless = parts.iter().any(|part| part.chars().all(is_spaceless));
        if let Some(bare) = parts.first().and_then(|first| without_title(first)) {
            self.part(index, bare, parts.len().max(2), false);
            if bare.chars().count() >= 3 {
                inside.insert(bare.to_owned());
            }
        }
        if spaceless {
            self.spaceless(index, &parts, inside);
        }
        let whole: Vec<String> = counted.iter().map(|part| latin(part)).filter(|part| !part.is_empty()).collect();
        self.join(&whole, inside_latin);
        let written: Vec<String> = counted.iter().map(|part| (*part).clone()).collect();
        self.join(&written, &mut BTreeSet::new());
    }

    fn part(&mut self, index: u32, part: &str, of: usize, title: bool) {
        let letters = part.chars().count();
        let level = if PARTICLES.contains(&part) || title || letters < 2 {
            Level::Beside
        } else if (letters < 3 && of > 1 || letters < 4 && part.is_ascii() && of > 1) || WORDS.contains(part) {
            Level::Short
        } else {
            Level::Written
        };
        push(&mut self.parts, part.to_owned(), (index, level));
        let looks = plain(part);
        push(&mut self.parts, looks, (index, level));
        if level == Level::Beside {
            return;
        }
        let in_latin = latin(part);
        if in_latin.len() >= 3 && !part.is_ascii() {
            let level = if in_latin.len() < 4 || WORDS.contains(&*in_latin) { Level::Short } else { level };
            push(&mut self.parts, in_latin.clone(), (index, level));
        }
        let stem = part.trim_end_matches(is_ending);
        if stem.chars().count() >= 3 && level == Level::Written {
            push(&mut self.stems, stem.to_owned(), (index, level));
        }
        self.sound(index, key(&in_latin));
        // Hebrew has one letter for `v` and `o`, one for `b` and `v`, and one for `p` and `f`.
        if part.contains(['\u{5d1}', '\u{5d5}', '\u{5e4}']) {
            for at in 0..8 {
                let one = |bit: usize, pair: [&'static str; 2]| pair[at >> bit & 1];
                let spelled = part
                    .replace('\u{5d5}', one(0, ["w", "v"]))
                    .replace('\u{5d1}', one(1, ["b", "v"]))
                    .replace('\u{5e4}', one(2, ["p", "f"]));
                self.sound(index, key(&latin(&spelled)));
            }
        }
    }

    fn sound(&mut self, index: u32, sound: String) {
        let level = match sound.len() {
            0 => Level::Beside,
            1..4 => Level::Sound,
            _ => Level::Script,
        };
        push(&mut self.keys, sound, (index, level));
    }

    /// Whole and in the parts that stand alone: a Chinese or Korean given name of two characters, a Thai or Burmese first or last name.
    fn spaceless(&mut self, index: u32, parts: &[String], inside: &mut BTreeSet<String>) {
        let whole: String = parts.concat();
        inside.insert(whole.clone());
        if parts.len() > 1 {
            let reversed: String = parts.iter().rev().map(String::as_str).collect();
            inside.insert(reversed);
            inside.insert(parts.join(" "));
            let least = |part: &String| if is_cjk(part) { 2 } else { 3 };
            inside.extend(parts.iter().filter(|part| part.chars().count() >= least(part) && !is_title(part)).cloned());
        } else if is_han_or_hangul(&whole) && matches!(whole.chars().count(), 2..=4) {
            let given: String = whole.chars().skip(1).collect();
            if given.chars().count() > 1 {
                inside.insert(given.clone());
                self.part(index, &given, 2, false);
            }
            // Each syllable, as others write them: `Wang Shu-mei`.
            for c in whole.chars() {
                let syllable = latin(c.encode_utf8(&mut [0; 4]));
                if let Some((_, spelled)) = SPELLED.iter().find(|(family, _)| *family == c) {
                    push(&mut self.syllables, key(spelled), (index, Level::Sound));
                }
                // Koreans write `k`, `t` and `ch` as often as `g`, `d` and `j`.
                let hard = [('g', "k"), ('d', "t"), ('j', "ch")]
                    .into_iter()
                    .find_map(|(soft, hard)| Some(format!("{hard}{}", syllable.strip_prefix(soft)?)));
                for sound in [Some(&syllable), hard.as_ref()].into_iter().flatten().map(|spelled| key(spelled)) {
                    let heard = if sound.len() > 1 { Level::Sound } else { Level::Beside };
                    push(&mut self.syllables, sound, (index, heard));
                }
                push(&mut self.parts, syllable, (index, Level::Short));
            }
        }
    }

    /// First and last name in one word, in either order, and with an initial for the first.
    fn join(&mut self, parts: &[String], inside_latin: &mut BTreeSet<String>) {
        if let [only] = parts {
            if only.len() >= 5 && only.is_ascii() {
                inside_latin.insert(only.clone());
            }
            return;
        }
        let [first, .., last] = parts else { return };
        let all: String = parts.concat();
        let reversed: String = parts.iter().rev().map(String::as_str).collect();
        for whole in [all, reversed, format!("{first}{last}"), format!("{last}{first}")] {
            if whole.chars().count() >= 5 {
                inside_latin.insert(whole.clone());
            }
            // Six letters, or four syllables of a script that has a letter for each.
            if whole.len() >= if whole.is_ascii() { 6 } else { 12 } {
                self.joined.insert(plain(&whole));
                self.joined.insert(whole);
            }
        }
        let initial = |part: &str| part.chars().next().map(String::from).unwrap_or_default();
        for short in [format!("{}{last}", initial(first)), format!("{last}{}", initial(first)), format!("{first}{}", initial(last))] {
            if short.chars().count() >= 6 {
                self.short.insert(short);
            }
        }
    }
}

fn push(map: &mut Parts, text: String, part: (u32, Level)) {
    let list = map.entry(text).or_default();
    if !list.contains(&part) {
        list.push(part);
    }
}

/// With a blank before each capital that follows a small letter.
fn split_humps(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut small = false;
    for c in name.chars() {
        if small && c.is_uppercase() {
            out.push(' ');
        }
        small = c.is_lowercase();
        out.push(c);
    }
    out
}

fn is_ending(c: char) -> bool {
    "aeiouyаеиоуыэюяьієαεηιουωςაეიოუ".contains(c)
}

pub(super) fn is_title(part: &str) -> bool {
    is_word(part, TITLE)
}

/// What is left of a word behind the title that is written in one with it, as in Thai.
fn without_title(word: &str) -> Option<&str> {
    word.char_indices()
        .skip(1)
        .take(8)
        .filter(|(at, c)| is_spaceless(*c) && is_title(&word[..*at]))
        .last()
        .map(|(at, _)| &word[at..])
        .filter(|rest| rest.chars().count() >= 2)
}

fn is_cjk(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'))
}

pub(super) fn is_han_or_hangul(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7ff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(PARTICLES.is_sorted());
    }
}
