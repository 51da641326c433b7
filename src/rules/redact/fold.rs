//! Text as detectors see it: one spelling for what reads alike, with the way back to the bytes as they were written.
//!
//! Character by character: compatibility forms (NFKD), digits of every script as ASCII, marks and invisible characters gone, the many dashes, quotes
//! and blanks as one. A character becomes the same whatever stands beside it, so folding is idempotent and its map exact.

use icu_normalizer::DecomposingNormalizerBorrowed;
use std::sync::OnceLock;

/// What a character becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold<'a> {
    /// Itself.
    Same,
    /// Nothing: it is invisible, or a mark on the letter before it.
    Gone,
    /// Another character.
    One(char),
    /// Several.
    Many(&'a str),
}

/// 256 characters: what each becomes, computed when the first of them is met.
struct Page {
    folds: [u32; 256],
    /// Lower case of the same length in bytes, else the character itself.
    lower: [char; 256],
    letters: [bool; 256],
    many: Vec<String>,
}

const SAME: u32 = 0;
const GONE: u32 = u32::MAX;
const MANY: u32 = 0x8000_0000;

/// Up to the end of the supplementary multilingual plane; what lies above is Han, tags and private use.
static PAGES: [OnceLock<Page>; 0x200] = [const { OnceLock::new() }; 0x200];

fn page(c: char) -> Option<&'static Page> {
    let number = c as usize;
    Some(PAGES.get(number >> 8)?.get_or_init(|| Page::of(number & !0xff)))
}

/// What `c` becomes.
pub(super) fn fold(c: char) -> Fold<'static> {
    if matches!(c, ' '..='~') {
        return Fold::Same;
    }
    let number = c as usize;
    let Some(page) = page(c) else {
        return if matches!(number, 0xe0000..=0xe0fff) { Fold::Gone } else { Fold::Same };
    };
    match page.folds[number & 0xff] {
        SAME => Fold::Same,
        GONE => Fold::Gone,
        many if many & MANY != 0 => Fold::Many(&page.many[(many & !MANY) as usize]),
        one => char::from_u32(one).map_or(Fold::Same, Fold::One),
    }
}

impl Page {
    fn of(first: usize) -> Self {
        let mut page = Self { folds: [SAME; 256], lower: ['\0'; 256], letters: [false; 256], many: Vec::new() };
        for at in 0..256 {
            let Some(c) = u32::try_from(first + at).ok().and_then(char::from_u32) else { continue };
            page.lower[at] = lower_of(c);
            page.letters[at] = is_letter_of(c);
            let meant = spelled(c);
            let mut chars = meant.chars();
            page.folds[at] = match (chars.next(), chars.next()) {
                (None, _) => GONE,
                (Some(one), None) if one == c => SAME,
                (Some(one), None) => one as u32,
                _ => {
                    page.many.push(meant);
                    MANY | (page.many.len() - 1) as u32
                }
            };
        }
        page
    }
}

fn spelled(c: char) -> String {
    if is_invisible(c) {
        return String::new();
    }
    let plain = |c: char| digit(c).or_else(|| punctuation(c)).or_else(|| barred(c)).unwrap_or(c);
    let decomposed: Vec<char> = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(std::iter::once(c)).collect();
    let kept: String = decomposed.iter().copied().filter(|&c| !is_mark(c) && !is_invisible(c)).map(plain).collect();
    // Hangul's syllables and vowel signs of two parts stay whole: nothing is gained by taking them apart.
    let apart =
        decomposed.len() > 1 && kept.chars().count() == decomposed.len() && !kept.is_ascii() && !matches!(c, '\u{fb00}'..='\u{fdff}');
    if apart { c.to_string() } else { kept }
}

/// Invisible, or of no meaning but to layout: what Unicode calls default-ignorable, without Hangul's fillers being letters here.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{640}')
}

/// Marks that a reader may leave out: accents, vowel points of Hebrew and Arabic, nuktas. Vowel signs of Indic scripts, Thai or Burmese stay.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}'
        | '\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
        | '\u{6e7}' | '\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{93c}' | '\u{9bc}' | '\u{a3c}' | '\u{abc}' | '\u{b3c}' | '\u{135d}'..='\u{135f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{302a}'..='\u{302d}' | '\u{3099}' | '\u{309a}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// First digits of the scripts that have their own (Unicode 16, `Nd`); the other nine follow each.
const ZEROS: [char; 66] = [
    '\u{660}',
    '\u{6f0}',
    '\u{7c0}',
    '\u{966}',
    '\u{9e6}',
    '\u{a66}',
    '\u{ae6}',
    '\u{b66}',
    '\u{be6}',
    '\u{c66}',
    '\u{ce6}',
    '\u{d66}',
    '\u{de6}',
    '\u{e50}',
    '\u{ed0}',
    '\u{f20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17e0}',
    '\u{1810}',
    '\u{1946}',
    '\u{19d0}',
    '\u{1a80}',
    '\u{1a90}',
    '\u{1b50}',
    '\u{1bb0}',
    '\u{1c40}',
    '\u{1c50}',
    '\u{a620}',
    '\u{a8d0}',
    '\u{a900}',
    '\u{a9d0}',
    '\u{a9f0}',
    '\u{aa50}',
    '\u{abf0}',
    '\u{ff10}',
    '\u{104a0}',
    '\u{10d30}',
    '\u{10d40}',
    '\u{11066}',
    '\u{110f0}',
    '\u{11136}',
    '\u{111d0}',
    '\u{112f0}',
    '\u{11450}',
    '\u{114d0}',
    '\u{11650}',
    '\u{116c0}',
    '\u{116d0}',
    '\u{116da}',
    '\u{11730}',
    '\u{118e0}',
    '\u{11950}',
    '\u{11bf0}',
    '\u{11c50}',
    '\u{11d50}',
    '\u{11da0}',
    '\u{11f50}',
    '\u{16130}',
    '\u{16a60}',
    '\u{16ac0}',
    '\u{16b50}',
    '\u{16d70}',
    '\u{1ccf0}',
    '\u{1e140}',
    '\u{1e2f0}',
];

/// The ASCII digit of a digit of any script.
fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return None;
    }
    let before = ZEROS.partition_point(|zero| *zero <= c);
    let zero = ZEROS.get(before.checked_sub(1)?)?;
    char::from_digit((c as u32).checked_sub(*zero as u32).filter(|value| *value < 10)?, 10)
}

/// Letters that Unicode does not take apart, but people type without their bar, dot or turn.
fn barred(c: char) -> Option<char> {
    Some(match c {
        'ı' => 'i',
        'ł' => 'l',
        'Ł' => 'L',
        'đ' => 'd',
        'Đ' => 'D',
        'ø' => 'o',
        'Ø' => 'O',
        'ə' => 'e',
        'Ə' => 'E',
        _ => return None,
    })
}

fn punctuation(c: char) -> Option<char> {
    Some(match c {
        '\t' | '\n' | '\r' => return None,
        '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => '\n',
        _ if c.is_control() || c.is_whitespace() => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2e3a}' | '\u{2e3b}' | '\u{fe58}' | '\u{5be}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2b9}' | '\u{2bb}' | '\u{2032}' | '\u{a78c}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2033}' => '"',
        '\u{66b}' => '.',
        '\u{66c}' => ',',
        '\u{2215}' | '\u{2044}' | '\u{29f8}' => '/',
        '\u{2236}' | '\u{a789}' => ':',
        _ => return None,
    })
}

/// A text, folded. For what is compared with a text that was folded too.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match fold(c) {
            Fold::Same => out.push(c),
            Fold::Gone => {}
            Fold::One(one) => out.push(one),
            Fold::Many(many) => out.push_str(many),
        }
    }
    out
}

/// Lower case of the same length in bytes, so that positions hold in both; a letter whose lower case is longer or shorter stays.
pub(super) fn lowered(text: &str) -> String {
    text.chars().map(lower).collect()
}

/// As [`lowered`].
pub(super) fn lower(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    match page(c) {
        Some(page) => page.lower[c as usize & 0xff],
        None => c,
    }
}

fn lower_of(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
        _ => c,
    }
}

/// A letter, or a vowel sign or tone mark that belongs to one.
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    match page(c) {
        Some(page) => page.letters[c as usize & 0xff],
        None => c.is_alphabetic(),
    }
}

fn is_letter_of(c: char) -> bool {
    let mark = matches!(c, '\u{900}'..='\u{963}' | '\u{971}'..='\u{dff}' | '\u{e31}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eb1}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}'
        | '\u{f71}'..='\u{fbc}' | '\u{102b}'..='\u{103e}' | '\u{1056}'..='\u{1064}' | '\u{17b6}'..='\u{17d3}');
    c.is_alphabetic() || mark && !c.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_reads_alike_is_one_spelling() {
        for (written, meant) in [
            ("José", "Jose"),
            ("Jose\u{301}", "Jose"),
            ("۰۹۱۲ ٠٩ ०१ ၁၂ ๓๔ １２", "0912 09 01 12 34 12"),
            ("ａ＠ｂ．ｏｒｇ", "a@b.org"),
            ("a\u{200b}b\u{202e}c\u{feff}", "abc"),
            ("𝟎𝟏 𝐚", "01 a"),
            ("1\u{fe0f}\u{20e3}", "1"),
            ("+1–202‑555\u{a0}0100", "+1-202-555 0100"),
            ("مُحَمَّد", "محمد"),
            ("फ़ोन", "फोन"),
            ("ﬁ", "fi"),
        ] {
            assert_eq!(folded(written), meant, "{written}");
        }
    }

    #[test]
    fn the_digits_are_sorted_and_no_letters() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            assert!(zero.is_numeric() && digit(zero) == Some('0'), "{zero:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(text in any::<String>()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once.clone());
            let lower = lowered(&once);
            prop_assert_eq!(lower.len(), once.len());
        }
    }

    #[test]
    fn every_character_folds_to_what_folds_to_itself() {
        for c in '\0'..=char::MAX {
            let once = folded(c.encode_utf8(&mut [0; 4]));
            assert_eq!(folded(&once), once, "{c:?}");
        }
    }
}
