//! Names that nobody gave: told by what introduces them ("my name is", "меня зовут", "اسمي", a title), by a verb of calling or writing behind them, or by an
//! address in brackets. That is no recognition of names: one without such a word beside it is not found (`docs/redaction.md` has figures).

use super::beside;
use super::words::{COPULAS, FAMILIES, LOOSE, NO_NAMES, STOP_CHARS, STOPS, WEAK, WITHIN};
use super::{Word, few_words, is_cased};
use crate::rules::redact::Kind;
use crate::rules::redact::claim::Claims;
use crate::rules::redact::cue::{
    self, CLOSING, Class, LINE, MACHINE, NAME, PERSON, SITE, Seen, TITLE, TOLD, VERB, is_letter, is_semitic, is_spaceless, is_word,
};
use std::ops::Range;

/// Most words of a name.
const WORDS_MAX: usize = 5;

/// How far behind a cue a name may begin, and how long it may be, in bytes.
const WINDOW: usize = 160;

pub(in crate::rules::redact) fn look(seen: &Seen<'_, '_>, claims: &mut Claims) {
    for at in 0..seen.cues.len() {
        let found = seen.cues[at];
        // A part of an address or of a name of a host; what only sounds like a known name (`اسمي` like Sami) introduces all the same.
        if claims.is_taken(found.start) && claims.goes_at(found.start) != Some(Kind::Name) {
            continue;
        }
        if found.class & (NAME | TOLD | CLOSING) != 0
            && let Some(range) = behind(seen, claims, found)
        {
            claims.over(Kind::Name, range);
        }
        if found.class & (PERSON | NAME) != 0
            && let Some(range) = beside::labelled(seen, found)
            && claims.is_name_or_free(&range)
        {
            claims.over(Kind::Name, range);
        }
        if found.class & PERSON != 0
            && let Some(range) = called(seen, found)
            && claims.is_name_or_free(&range)
        {
            claims.over(Kind::Name, range);
        }
        if found.class & VERB != 0
            && let Some(range) = beside::before(seen, found.start)
            && claims.is_name_or_free(&range)
        {
            claims.over(Kind::Name, range);
        }
    }
    beside::possessive(seen, claims);
    beside::beside_addresses(seen, claims);
    beside::before_contacts(seen, claims);
    beside::before_titles(seen, claims);
}

/// `журналистката Мария Иванова`: at least two words with capitals right behind a word for a person, whatever its ending.
fn called(seen: &Seen<'_, '_>, cue: cue::Cue) -> Option<Range<usize>> {
    let text = seen.view.text();
    let word = text[cue.end..].chars().take(24).take_while(|c| is_letter(*c)).map(char::len_utf8).sum::<usize>();
    let start = cue.end + word + 1;
    if !text[cue.end + word..].starts_with(' ') || !text[start..].starts_with(|c: char| c.is_uppercase()) {
        return None;
    }
    let mut end = (start + WINDOW).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let words = few_words(seen.view, start..end, WORDS_MAX + 3);
    let range = capitals(seen, &words)?;
    let count = words.iter().filter(|word| word.range.end <= range.end).count();
    (count >= 2 && !words[..count].iter().any(|word| is_cue(seen, &word.range))).then_some(range)
}

/// The name behind a cue.
fn behind(seen: &Seen<'_, '_>, claims: &Claims, cue: cue::Cue) -> Option<Range<usize>> {
    let text = seen.view.text();
    let rest = &text[cue.end..];
    let gap = rest.len() - rest.trim_start_matches([' ', ':', '"', '\'', '-', '=', '.', '\n', '\r', ',', '،', '、', '՝', '*', '(']).len();
    let between = &rest[..gap];
    let spaceless = text[..cue.end].chars().next_back().is_some_and(is_spaceless);
    if gap > 6 || (gap == 0 && !spaceless && rest.chars().next().is_some_and(is_letter)) || between.contains("\n\n") {
        return None;
    }
    // A comma introduces nothing, except behind a greeting; a bracket neither.
    let closing = cue.class & CLOSING != 0;
    let comma = between.starts_with([',', '،', '、']) && !between.contains('\n');
    if between.contains(['(']) {
        return None;
    }
    let start = cue.end + gap;
    let mut end = (start + WINDOW).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let words = few_words(seen.view, start..end, WORDS_MAX + 3);
    let first = words.first().filter(|word| word.range.start == start)?;
    // A part of it that is known, or sounds like one that is, does not end it.
    if claims.is_taken(start) && claims.goes_at(start) != Some(Kind::Name) {
        return None;
    }
    let c = text[start..].chars().next()?;
    let colon = between.contains([':', '=']);
    // A letter ends with a name alone; what goes on is a sentence.
    let alone = |range: &Range<usize>| !closing || ends_there(&text[range.end..]);
    if is_spaceless(c) {
        if comma && !closing {
            return None;
        }
        let known = (cue.class & NAME != 0 || !is_cjk(c) || FAMILIES.contains(c)) && !(is_cjk(c) && beside::is_cue_at(seen, start));
        return in_spaceless(seen, first, &words).filter(|range| known && (is_cjk(c) || alone(range)));
    }
    let cased = is_cased(c);
    let goes_on = |next: &Word| &text[first.range.end..next.range.start] == " ";
    let copula = cased && COPULAS.contains(&&seen.view.lower()[first.range.clone()]) && words.get(1).is_some_and(goes_on);
    let words = if copula { words.get(1..).filter(|words| !words.is_empty())? } else { &words[..] };
    let range = if cased { capitals(seen, words)? } else { caseless(seen, words).filter(alone)? };
    let count = words.iter().filter(|word| word.range.end <= range.end).count();
    let rest = &text[range.end..];
    // `her husband, Ali Hassan, …`: between commas, two words at least.
    if comma && !closing && !(cased && count > 1 && rest.starts_with(',')) {
        return None;
    }
    let stops = || words.get(count).is_some_and(|word| STOPS.contains(&&text[word.range.clone()]));
    if !cased && LOOSE.contains(&&seen.view.lower()[cue.start..cue.end]) && !(matches!(count, 2 | 3) && (ends_there(rest) || stops())) {
        return None;
    }
    // Where all is written in capitals, they tell nothing.
    let shouted = |part: &str| part.len() > 3 && part.chars().any(char::is_uppercase) && !part.chars().any(char::is_lowercase);
    if cased && !colon && shouted(&text[cue.start..cue.end]) && shouted(&text[range.clone()]) {
        return None;
    }
    let acronym = range.len() <= 5 && text[range.clone()].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if cased && acronym && !colon {
        return None;
    }
    let word = &seen.view.lower()[cue.start..cue.end];
    if cased && count == 1 && !colon && WEAK.binary_search(&word).is_ok() {
        return None;
    }
    Some(range)
}

/// Whether a line, a clause or the text ends here.
fn ends_there(rest: &str) -> bool {
    rest.trim_start_matches([' ', '"'])
        .chars()
        .next()
        .is_none_or(|c| matches!(c, '\n' | '\r' | ',' | '،' | '.' | '।' | '۔' | '။' | '|' | '(' | '<' | '-' | '\0'))
}

/// Words with capitals, particles between them.
pub(super) fn capitals(seen: &Seen<'_, '_>, words: &[Word]) -> Option<Range<usize>> {
    let text = seen.view.text();
    let lower = seen.view.lower();
    let mut last: Option<usize> = None;
    for (at, word) in words.iter().enumerate().take(WORDS_MAX) {
        let joined = at == 0 || is_join(&text[words[at - 1].range.end..word.range.start]);
        let written = &lower[word.range.clone()];
        // `Мар'яна`, `Ng'ang'a`; but `Anna's`.
        let inner = at > 0 && text[..word.range.start].ends_with('\'') && !["s", "t", "d", "m", "ll", "re", "ve"].contains(&written);
        // Folded, `Thế` reads `the`.
        let common = NO_NAMES.binary_search(&written).is_ok() && seen.view.origin(&word.range).len() == word.range.len();
        if !joined || (at == 0 || !WITHIN.contains(&written)) && !word.capital && !inner || common {
            break;
        }
        // A title goes with its name; another cue begins something else.
        if word.capital || inner {
            last = Some(at);
        }
    }
    let last = last?;
    let only_titles = words[..=last].iter().all(|word| is_word(&lower[word.range.clone()], TITLE | NAME));
    // `AndroidMonitor`, `SpyApp247`: what a program is called.
    let only = &text[words[0].range.clone()];
    let program = last == 0
        && (only.chars().skip(1).any(char::is_uppercase) && only.chars().any(char::is_lowercase)
            || text[words[0].range.end..].starts_with(|c: char| c.is_ascii_digit() || c == '_'));
    if program && !only.starts_with("Mc") && !only.starts_with("Mac") && !only.starts_with("De") {
        return None;
    }
    let short = text[words[0].range.start..words[last].range.end].chars().count() < 2;
    (!only_titles && !short).then(|| words[0].range.start..words[last].range.end)
}

/// What stands between two parts of a name.
pub(super) fn is_join(gap: &str) -> bool {
    matches!(gap, " " | "  " | "-" | "'" | ". " | "." | " '")
}

/// Two words, a third if no particle comes: scripts without capitals.
pub(super) fn caseless(seen: &Seen<'_, '_>, words: &[Word]) -> Option<Range<usize>> {
    let text = seen.view.text();
    let mut last = None;
    for (at, word) in words.iter().enumerate().take(4) {
        let written = &text[word.range.clone()];
        let joined = at == 0 || matches!(&text[words[at - 1].range.end..word.range.start], " " | "  " | "-" | "'");
        // A name may begin like a word for a thing (`گوشی`, a telephone).
        if at == 0 && !is_spaceless(written.chars().next().unwrap_or(' ')) && is_cue_beside(seen, &word.range, MACHINE | LINE | SITE) {
            return None;
        }
        let semitic_and =
            at > 1 && is_semitic(written.chars().next().unwrap_or(' ')) && written.starts_with('و') && written.chars().count() > 4;
        let ended = at > 0 && STOPS.contains(&written) || semitic_and || at > 0 && is_cue(seen, &word.range);
        if !joined || ended || (at == 0 && STOPS.contains(&written)) {
            break;
        }
        last = Some(at);
    }
    let last = last?;
    let letters = text[words[0].range.clone()].chars().count();
    (letters >= 2).then(|| words[0].range.start..words[last].range.end)
}

pub(super) fn is_cue(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    is_cue_beside(seen, range, 0)
}

/// Whether a word is a cue, of another class than these.
fn is_cue_beside(seen: &Seen<'_, '_>, range: &Range<usize>, classes: Class) -> bool {
    let from = seen.cues.partition_point(|cue| cue.end < range.start);
    seen.cues[from..]
        .iter()
        .take(16)
        .any(|cue| cue.start >= range.start && cue.end <= range.end && cue.class & !(NAME | TITLE | VERB | classes) != 0)
}

/// Up to the next blank, and the next word; of Han, Kana and Hangul three or four characters.
pub(super) fn in_spaceless(seen: &Seen<'_, '_>, first: &Word, words: &[Word]) -> Option<Range<usize>> {
    let text = seen.view.text();
    let copula = ["คือ", "เป็น", "ว่า", "ชื่อ"].iter().find(|word| text[first.range.clone()].starts_with(**word)).map_or(0, |word| word.len());
    let (first, words, start) = if copula == first.range.len() {
        let next = words.get(1)?;
        (next, &words[1..], next.range.start)
    } else {
        (first, words, first.range.start + copula)
    };
    let c = text[start..].chars().next()?;
    if is_cjk(c) {
        if let Some(end) = behind_family(text, first, words) {
            return Some(start..end);
        }
        let mut end = start;
        for c in text[start..first.range.end].chars().take(if matches!(c, '\u{3040}'..='\u{30ff}') { 8 } else { 4 }) {
            if STOP_CHARS.contains(c) {
                break;
            }
            end += c.len_utf8();
        }
        // `サトウ ハナコです`: the first name behind a blank, in the same letters.
        let katakana = |c: &char| matches!(c, '\u{30a1}'..='\u{30fc}');
        if let Some(next) =
            words.get(1).filter(|next| text[start..end].chars().all(|c| katakana(&c)) && is_join(&text[end..next.range.start]))
        {
            end = next.range.start + text[next.range.clone()].chars().take(8).take_while(katakana).map(char::len_utf8).sum::<usize>();
        }
        let count = text[start..end].chars().count();
        // Chinese and Korean names have two to four; where the sentence goes on at once, three is the commonest.
        let goes_on = end == start + text[start..end].len() && end < first.range.end && !STOP_CHARS.contains(text[end..].chars().next()?);
        let end = if goes_on && count == 4 { start + text[start..end].chars().take(3).map(char::len_utf8).sum::<usize>() } else { end };
        return (count >= 2).then_some(start..end);
    }
    // Thai and its neighbours: the first name up to the blank, the last name if one follows and no other word of the lexicon is in it.
    let length = text[first.range.clone()].chars().count();
    // `มิถุนายน`: a title within a word.
    if length < 2 {
        return None;
    }
    let ends = if length <= 24 { first.range.end } else { return None };
    let second = words.get(1).filter(|word| {
        matches!(&text[ends..word.range.start], " " | "  ")
            && text[word.range.clone()].chars().count() <= 24
            && !is_cue_within(seen, &word.range)
    });
    Some(start..second.map_or(ends, |word| word.range.end))
}

/// Where a Korean name of three syllables ends whatever they are, as the second is a particle elsewhere, and where one ends whose family name stands apart.
fn behind_family(text: &str, first: &Word, words: &[Word]) -> Option<usize> {
    let mut run = text[first.range.clone()].chars();
    let family = run.next().filter(|c| FAMILIES.contains(*c))?;
    let up_to = |word: &Range<usize>, most: usize| word.start + text[word.clone()].chars().take(most).map(char::len_utf8).sum::<usize>();
    if run.next().is_some() {
        let hangul = matches!(family, '\u{ac00}'..='\u{d7ff}') && text[first.range.clone()].chars().count() >= 3;
        return hangul.then(|| up_to(&first.range, 3));
    }
    let given = words.get(1).filter(|word| matches!(&text[first.range.end..word.range.start], " " | "  "))?;
    text[given.range.clone()].starts_with(is_cjk).then(|| up_to(&given.range, 2))
}

fn is_cue_within(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let from = seen.cues.partition_point(|cue| cue.end <= range.start);
    seen.cues[from..].iter().take(16).any(|cue| cue.start == range.start && cue.class & !(NAME | TITLE) != 0)
}

pub(super) fn is_cjk(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}')
}
