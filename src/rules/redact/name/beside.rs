//! Names told by what stands behind them: a verb, a possessive, an address in brackets, the number under which a person is reached, a title of Han, Kana or Hangul.

use super::introduced::{capitals, caseless, in_spaceless, is_cjk, is_cue, is_join};
use super::words::{AFTER, ARTICLES, FAMILIES, HAD, NO_NAMES, STOP_CHARS, WITHIN};
use super::{Word, is_cased, words};
use crate::rules::redact::Kind;
use crate::rules::redact::claim::Claims;
use crate::rules::redact::cue::{Cue, NAME, PERSON, Seen, TITLE, is_letter, is_spaceless, is_word};
use aho_corasick::AhoCorasick;
use std::ops::Range;
use std::sync::LazyLock;

/// Two to six words with capitals that a sentence begins with, before a verb at `at`.
pub(super) fn before(seen: &Seen<'_, '_>, at: usize) -> Option<Range<usize>> {
    let text = seen.view.text();
    let trimmed = text[..at].trim_end_matches(' ').len();
    if at - trimmed > 2 || at == trimmed {
        return None;
    }
    let floor = seen.clause_start(trimmed);
    let floor = (floor..=trimmed).find(|at| text.is_char_boundary(*at))?;
    let words = words(seen.view, floor..trimmed);
    let mut first = words.len();
    while first > 0 && words.len() - first < 6 {
        let word = &words[first - 1];
        let gap_end = words.get(first).map_or(trimmed, |next| next.range.start);
        let gap = &text[word.range.end..gap_end];
        let joined = if first == words.len() { matches!(gap, "" | ".") } else { is_join(gap) };
        let lower = &seen.view.lower()[word.range.clone()];
        let fits = word.capital || (first < words.len() && WITHIN.contains(&lower));
        if !joined || !fits || NO_NAMES.binary_search(&lower).is_ok() {
            break;
        }
        first -= 1;
    }
    // `Die Mandantin meldet`.
    while words.get(first).is_some_and(|word| ARTICLES.contains(&&seen.view.lower()[word.range.clone()])) {
        first += 1;
    }
    let count = words.len() - first;
    let begins = first == 0 || words[first - 1].range.end < words.get(first)?.range.start;
    (count >= 2 && begins && words[first].capital).then(|| words[first].range.start..trimmed)
}

/// `- Mağdur: Ayşe Kaya`: a line whose label has a word for a person and whose rest is a name alone. A chat's lines begin with the time.
pub(super) fn labelled(seen: &Seen<'_, '_>, cue: Cue) -> Option<Range<usize>> {
    const LABEL_MAX: usize = 60;
    let text = seen.view.text();
    let mut floor = cue.start.saturating_sub(LABEL_MAX);
    while !text.is_char_boundary(floor) {
        floor += 1;
    }
    let line = text[floor..cue.start].rfind('\n').map_or((floor == 0).then_some(0), |at| Some(floor + at + 1))?;
    let label =
        |part: &str| part.chars().all(|c| is_letter(c) || matches!(c, ' ' | '-' | '*' | '\u{2022}' | '\u{b7}' | '\u{30fb}' | '.' | '\''));
    let rest = &text[cue.end..];
    let mark = rest.char_indices().take(LABEL_MAX / 2).find(|(_, c)| matches!(c, ':' | '\u{1366}' | '\n') || is_dash(rest, *c))?;
    if !label(&text[line..cue.start]) || !label(&rest[..mark.0]) || mark.1 == '\n' {
        return None;
    }
    let from = cue.end + mark.0 + mark.1.len_utf8();
    let value = text[from..].split('\n').next().unwrap_or("");
    let start = from + (value.len() - value.trim_start().len());
    let end = from + value.trim_end().len();
    let fits = |c: char| is_letter(c) || matches!(c, ' ' | '-' | '\'' | '.');
    if value.len() > 2 * LABEL_MAX || start >= end || !text[start..end].chars().all(fits) {
        return None;
    }
    let words = words(seen.view, start..end);
    let cased = text[start..].starts_with(is_cased);
    let named =
        |word: &Word| word.capital || WITHIN.contains(&&seen.view.lower()[word.range.clone()]) || text[..word.range.start].ends_with('\'');
    let count = if cased { (2..=6).contains(&words.len()) && words.iter().all(named) } else { (1..=4).contains(&words.len()) };
    (count && !words.iter().any(|word| is_cue(seen, &word.range))).then_some(start..end)
}

/// Burmese puts a dash where others put a colon.
fn is_dash(rest: &str, c: char) -> bool {
    c == '-' && rest.starts_with(" - ") && rest.len() > 3
}

/// Longest name before a possessive, in bytes.
const POSSESSOR: usize = 80;

/// `Anna Kim's phone`, `Anna's sister`.
pub(super) fn possessive(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let (text, lower) = (seen.view.text(), seen.view.lower());
    for at in memchr::memmem::find_iter(text.as_bytes(), b"'s ") {
        let had = lower[at + 3..].bytes().take(16).take_while(u8::is_ascii_alphabetic).count();
        if HAD.binary_search(&&lower[at + 3..at + 3 + had]).is_err() || claims.is_taken(at) && claims.goes_at(at) != Some(Kind::Name) {
            continue;
        }
        let floor = seen.clause_start(at).max(at.saturating_sub(POSSESSOR));
        let Some(floor) = (floor..=at).find(|at| text.is_char_boundary(*at)) else { continue };
        let words = words(seen.view, floor..at);
        let named = |word: &Word| word.capital && !word.is_common(lower);
        let mut first = words.len();
        while first > 0
            && words.len() - first < 3
            && named(&words[first - 1])
            && words
                .get(first)
                .map_or(words[first - 1].range.end == at, |next| is_join(&text[words[first - 1].range.end..next.range.start]))
        {
            first -= 1;
        }
        let Some(range) = words.get(first).map(|word| word.range.start..at) else { continue };
        if range.len() >= 3 && claims.is_name_or_free(&range) {
            claims.over(Kind::Name, range);
        }
    }
}

impl Word {
    /// Whether it is a word with a capital that is no name.
    fn is_common(&self, lower: &str) -> bool {
        let word = &lower[self.range.clone()];
        NO_NAMES.binary_search(&word).is_ok() || is_word(word, PERSON | TITLE | NAME)
    }
}

/// `Anna Kim <…>`, `Anna Kim (+1 …)`: words with capitals before a bracket around what is a person's.
pub(super) fn beside_addresses(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let mut names = Vec::new();
    for (_, range) in claims.going().filter(|(kind, _)| matches!(kind, Kind::Email | Kind::Phone | Kind::Handle)) {
        let opens = text[..range.start].trim_end_matches(['<', '(', ' ', '"']);
        if !bytes[opens.len()..range.start].iter().any(|byte| matches!(byte, b'<' | b'(')) {
            continue;
        }
        if let Some(name) = before(seen, opens.len() + 1).filter(|_| bytes.get(opens.len()) == Some(&b' ')) {
            names.push(name);
        } else if bytes[..range.start].ends_with(b"<") {
            names.extend(display_name(text, opens.len()));
        }
    }
    for name in names {
        if claims.is_name_or_free(&name) {
            claims.over(Kind::Name, name);
        }
    }
}

/// `From: … <`: what a header has between its colon, or a quotation its start, and the address in angle brackets.
fn display_name(text: &str, end: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 90;
    let mut start = end;
    for (at, c) in text[..end].char_indices().rev() {
        if !(is_letter(c) || matches!(c, ' ' | '.' | '-' | '\'')) {
            let opens = matches!(c, ':' | '"' | '\n' | ',');
            return (opens && end - start > 3 && end - start < LONGEST)
                .then(|| start + text[start..end].len() - text[start..end].trim_start().len()..end);
        }
        if end - at > LONGEST {
            return None;
        }
        start = at;
    }
    None
}

/// How far behind the start of a clause a number or an address of a person may follow the name that the clause begins with, in bytes.
const CONTACT: usize = 64;

/// `Anna Kim, +1 …`, `प्रिया यादव ने +91 …`: what a clause begins with whose next value is how to reach a person.
pub(super) fn before_contacts(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let mut names = Vec::new();
    let mut last = 0;
    for (_, contact) in
        claims.going().filter(|(kind, _)| matches!(kind, Kind::Email | Kind::Phone | Kind::Handle | Kind::Ip | Kind::Id | Kind::Denied))
    {
        let from = std::mem::replace(&mut last, contact.end);
        let start = seen.clause_start(contact.start).max(from);
        names.extend(subject(seen, start, contact.start).filter(|range| claims.is_name_or_free(range)));
    }
    for name in names {
        claims.over(Kind::Name, name);
    }
}

/// The name that a clause begins with: two to four words with capitals; in scripts without, two or three up to a particle or a known word.
fn subject(seen: &Seen<'_, '_>, start: usize, contact: usize) -> Option<Range<usize>> {
    let text = seen.view.text();
    let start = (start..contact).find(|at| text.is_char_boundary(*at))?;
    // `Note of the shift: Anna Kim, …`.
    let start = text[start..contact].find(": ").map_or(start, |at| start + at);
    let start = (start..contact).find(|at| text.is_char_boundary(*at) && text[*at..].starts_with(is_letter))?;
    let words = words(seen.view, start..contact);
    let first = words.first()?;
    let c = text[first.range.clone()].chars().next()?;
    let cased = is_cased(c);
    let range = if is_cjk(c) {
        let found = in_spaceless(seen, first, &words)?;
        let known = FAMILIES.contains(c);
        known.then_some(found)?
    } else if is_spaceless(c) {
        let ends = words.iter().take(3).position(|word| is_cue_at(seen, word.range.start))?;
        (ends > 0).then(|| first.range.start..words[ends - 1].range.end)?
    } else if cased {
        let range = capitals(seen, &words)?;
        let inner: Vec<&Word> = words.iter().take_while(|word| word.range.end <= range.end).collect();
        let said = inner.iter().any(|word| is_cue(seen, &word.range) || ARTICLES.contains(&&seen.view.lower()[word.range.clone()]));
        (!said && inner.len() >= 2 && inner.iter().any(|word| word.range.len() > 3)).then_some(range)?
    } else {
        let range = caseless(seen, &words)?;
        let count = words.iter().filter(|word| word.range.end <= range.end).count();
        (matches!(count, 2 | 3) && !is_cue(seen, &first.range)).then_some(range)?
    };
    (contact - range.end <= CONTACT && !is_cue_at(seen, range.start)).then_some(range)
}

/// Whether a word of the lexicon that is no title begins there.
pub(super) fn is_cue_at(seen: &Seen<'_, '_>, at: usize) -> bool {
    let from = seen.cues.partition_point(|cue| cue.end <= at);
    seen.cues[from..].iter().take(16).any(|cue| cue.start == at && cue.class & !(NAME | TITLE) != 0)
}

/// `王小明先生`, `田中さん`, `김민수 씨`.
pub(super) fn before_titles(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let text = seen.view.text();
    if text.is_ascii() {
        return;
    }
    let Some(titles) = &*TITLES else { return };
    for found in titles.find_iter(text) {
        let before = text[..found.start()].strip_suffix(' ').unwrap_or(&text[..found.start()]);
        let start = before
            .char_indices()
            .rev()
            .take(if AFTER[found.pattern().as_usize()].starts_with('と') { 4 } else { 3 })
            .take_while(|(_, c)| is_cjk(*c) && !STOP_CHARS.contains(*c))
            .last()
            .map(|(at, _)| at);
        let range = start.map(|start| start..before.len());
        if let Some(range) = range.filter(|range| text[range.clone()].chars().count() >= 2 && claims.is_name_or_free(range)) {
            claims.over(Kind::Name, range);
        }
    }
}

static TITLES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(AFTER).ok());

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known, Record};

    #[test]
    fn labels_headers_and_notes_introduce_names() {
        for (text, expected) in [
            ("- Mağdur: Seyhan Demir\n- Telefon: yok", "- Mağdur: [name-1]\n- Telefon: yok"),
            ("• المتضررة: ترانيم جرار", "• المتضررة: [name-1]"),
            ("ተጎጂ፦ ሀና ገብሬ", "ተጎጂ፦ [name-1]"),
            ("[10:16] member: Sounds Fine", "[10:16] member: Sounds Fine"),
            ("फ़्रॉम: श्यामा चोपरा <p.verma@proton.me>", "फ़्रॉम: [name-1] <[email-1]>"),
            ("Schichtnotiz: Elfi Gude, freie Kraft, Handy 0221 666 05 91", "Schichtnotiz: [name-1], freie Kraft, Handy [phone-1]"),
            ("пані Марʼяна Твердохліб зателефонувала", "пані [name-1] зателефонувала"),
            ("Tên: Nhật Thế Bùi", "Tên: [name-1]"),
            ("my name is Joan Ng'ang'a", "my name is [name-1]"),
            ("Die Mandantin meldet sich", "Die Mandantin meldet sich"),
            ("Das Büro Süd meldet sich", "Das [name-1] meldet sich"),
            ("受害者電話 0912-345-678", "受害者電話 [phone-1]"),
            ("Anna Kim's phone", "[name-1]'s phone"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }
}
