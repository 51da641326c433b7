//! `name at domain dot org`, in the words that people use for the two marks.

use super::claim::Claims;
use super::cue::{Seen, is_letter, is_spaceless};
use super::known::Values;
use super::mail::email;
use super::web::is_top;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::LazyLock;

/// Words for `@`. Folded and in lower case.
const ATS: [&str; 122] = [
    "at",
    "arroba",
    "arobase",
    "arobas",
    "chiocciola",
    "chiocciolina",
    "klammeraffe",
    "affenschwanz",
    "apenstaartje",
    "snabel-a",
    "snabela",
    "kukac",
    "malpa",
    "zavinac",
    "собака",
    "собачка",
    "собачки",
    "эт",
    "равлик",
    "песик",
    "ет",
    "آت",
    "ات",
    "ادساین",
    "कुत्ता",
    "एट",
    "แอท",
    "แอด",
    "艾特",
    "小老鼠",
    "アット",
    "アットマーク",
    "골뱅이",
    "שטרודל",
    "et",
    "ət",
    "acong",
    "a cong",
    "a keong",
    "papaki",
    "παπακι",
    "маймунско",
    "majmunce",
    "arond",
    "coada de maimuta",
    "snabel",
    "alfa krøll",
    "kryllalfa",
    "miukumauku",
    "kissanhanta",
    "ит",
    "ит белгиси",
    "айкулак",
    "ayqulaq",
    "kuchukcha",
    "кучук",
    "շնիկ",
    "շնիկիկ",
    "ատ",
    "էթ",
    "ეთ",
    "ეტი",
    "ঐট",
    "অ্যাট",
    "এট",
    "অ্যাট দ্য রেট",
    "ऐट",
    "अट",
    "ऍट",
    "ऐट द रेट",
    "एट द रेट",
    "at the rate",
    "at the rate of",
    "at sign",
    "at-sign",
    "at-zeichen",
    "signo arroba",
    "ਐਟ",
    "ਏਟ",
    "ઍટ",
    "એટ",
    "அட்",
    "ஆட்",
    "அட்டு",
    "అట్",
    "ఎట్",
    "యాట్",
    "ಆಟ್",
    "ಎಟ್",
    "ಅಟ್",
    "അറ്റ്",
    "ആറ്റ്",
    "ඇට්",
    "အက်",
    "အတ်",
    "အက်တ်",
    "អេត",
    "អាត់",
    "ແອັດ",
    "ແອດ",
    "แอ็ด",
    "แอต",
    "แอ็ท",
    "แอ็ต",
    "圈a",
    "圈",
    "엣",
    "앳",
    "ኣት",
    "አት",
    "ኤት",
    "ئەت",
    "ئات",
    "ئێت",
    "ایٹ",
    "اٹ",
    "اٹ دی ریٹ",
    "ایت",
    "كروية",
    "כרוכית",
    "אט",
    "at işareti",
];

/// Words for `.`.
const DOTS: [&str; 93] = [
    "dot",
    "punto",
    "point",
    "ponto",
    "punkt",
    "punt",
    "kropka",
    "tecka",
    "bodka",
    "pont",
    "piste",
    "nokta",
    "titik",
    "cham",
    "chấm",
    "nukta",
    "точка",
    "тчк",
    "крапка",
    "кропка",
    "نقطة",
    "نقطه",
    "دات",
    "دوت",
    "डॉट",
    "บิดจุด",
    "จุด",
    "點",
    "点",
    "ドット",
    "점",
    "닷",
    "נקודה",
    "წერტილი",
    "nöqtə",
    "pikë",
    "pika",
    "կետ",
    "կէտ",
    "డాట్",
    "చుక్క",
    "టాట్",
    "டாட்",
    "புள்ளி",
    "ಡಾಟ್",
    "ಚುಕ್ಕಿ",
    "ഡോട്ട്",
    "ඩොට්",
    "තිත",
    "ڈاٹ",
    "نقطہ",
    "ਡਾਟ",
    "ਡੌਟ",
    "ડોટ",
    "ডট",
    "बिंदु",
    "बिन्दु",
    "डाट",
    "ဒေါ့",
    "ဒေါ့တ်",
    "အစက်",
    "ដត",
    "ចុច",
    "ຈຸດ",
    "ດອດ",
    "ดอท",
    "ด็อท",
    "ดอต",
    "чекит",
    "нүкте",
    "нокта",
    "nuqta",
    "xal",
    "خاڵ",
    "نوقتە",
    "ნოქტე",
    "ነጥብ",
    "دت",
    "τελεια",
    "punct",
    "tocka",
    "tačka",
    "тачка",
    "tochka",
    "taskas",
    "punkts",
    "punktum",
    "prik",
    "цэг",
    "ټکی",
    "dhibic",
    "tuldok",
    "도트",
];

static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let folded: Vec<String> = ATS.iter().map(|word| super::cue::normal(word)).collect();
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::DFA)).build(folded).ok()
});

static DOT_WORDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| DOTS.iter().map(|word| super::cue::normal(word)).collect());

/// Longest of them, in bytes.
const DOT_MAX: usize = 40;

/// The length of the word for a dot that a text begins with.
fn dot(text: &str) -> Option<usize> {
    let first = text.bytes().next()?;
    let sorted_before = DOT_WORDS.range::<str, _>((Bound::Unbounded, Bound::Included(text))).rev();
    sorted_before.take_while(|word| word.as_bytes()[0] == first).find(|word| text.starts_with(word.as_str())).map(String::len)
}

/// Words before "at" that say that a place follows, not a mailbox.
const NOT_NAMES: [&str; 44] = [
    "are",
    "arrived",
    "available",
    "based",
    "be",
    "been",
    "browse",
    "call",
    "connect",
    "connected",
    "contact",
    "download",
    "email",
    "find",
    "found",
    "go",
    "here",
    "him",
    "her",
    "hosted",
    "is",
    "it",
    "live",
    "located",
    "look",
    "looking",
    "mail",
    "me",
    "meet",
    "online",
    "page",
    "point",
    "pointed",
    "points",
    "reach",
    "register",
    "registered",
    "resolves",
    "server",
    "site",
    "them",
    "us",
    "visit",
    "website",
];

pub(super) fn look(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let Some(words) = &*WORDS else { return };
    let lower = seen.view.lower();
    let mut from = 0;
    for found in words.find_iter(lower) {
        if found.start() < from {
            continue;
        }
        if let Some(range) = address(lower, found.start(), found.end()).filter(|range| range.start >= from && claims.is_free(range)) {
            from = range.end;
            // Read with its marks, so that a known address is known.
            email(seen, known, claims, range);
        }
    }
}

fn address(text: &str, at: usize, end: usize) -> Option<std::ops::Range<usize>> {
    let first = text[at..].chars().next()?;
    let apart = |c: Option<char>| c.is_none_or(|c| !is_letter(c) || is_spaceless(first));
    if !apart(text[..at].chars().next_back()) || !apart(text[end..].chars().next()) {
        return None;
    }
    let before = text[..at].trim_end_matches([' ', '-', '_', '(', '[', '{', '<']);
    let start = local_start(before);
    let local = &before[start..];
    let stop = domain(text, end)?;
    let bad = local.is_empty() || NOT_NAMES.binary_search(&local).is_ok() || at - before.len() > 3;
    (!bad).then_some(start..stop)
}

/// The start of the local part that a text ends with: one word, or several with dots or words for dots between them.
fn local_start(text: &str) -> usize {
    let word = |text: &str| {
        let kept = text.trim_end_matches(|c: char| c.is_alphanumeric() && !is_spaceless(c) || matches!(c, '.' | '_' | '-' | '+' | '%'));
        kept.len() + (text[kept.len()..].len() - text[kept.len()..].trim_start_matches(['.', '-', '_', '+']).len())
    };
    let floor = text.len().saturating_sub(120);
    let mut start = word(text);
    for _ in 0..3 {
        let before = text[..start].trim_end_matches(' ');
        let last = before.bytes().rev().take(DOT_MAX).position(|byte| byte == b' ');
        let Some(dot) = last.map(|length| before.len() - length).filter(|dot| DOT_WORDS.contains(&before[*dot..])) else { break };
        let rest = before[..dot].trim_end_matches(' ');
        let next = word(rest);
        if next == rest.len() || next < floor {
            break;
        }
        start = next;
    }
    start
}

/// Where a domain ends whose dots are spelled: at least one word for a dot, and a top-level domain at the end.
fn domain(text: &str, start: usize) -> Option<usize> {
    let mut at = skip(text, start, 3)?;
    let mut best = None;
    let mut spelled = false;
    for labels in 1..=6 {
        let end = at + text[at..].bytes().take(63).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
        let end = if end == at {
            at + text[at..].chars().take(63).take_while(|c| is_letter(*c) && !is_spaceless(*c)).map(char::len_utf8).sum::<usize>()
        } else {
            end
        };
        if end == at {
            break;
        }
        if labels > 1 && spelled && is_top(&text[at..end]) {
            best = Some(end);
        }
        let Some(dot) = skip(text, end, 3) else { break };
        let rest = &text[dot..];
        let Some(length) = self::dot(rest).or_else(|| rest.starts_with('.').then_some(1)) else { break };
        spelled |= length > 1;
        let Some(next) = skip(text, dot + length, 3) else { break };
        at = next;
    }
    best
}

/// Past blanks, if not too many.
fn skip(text: &str, at: usize, most: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let blanks = rest.len() - rest.trim_start_matches([' ', '-', '_', '(', ')', '[', ']', '{', '}', '<', '>']).len();
    (blanks <= most).then_some(at + blanks)
}
