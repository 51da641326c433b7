//! Words that tell what a value beside them is, in some seventy languages (`cues.txt`), and how near to it they stand.

pub(super) use super::clause::is_copula;
pub(super) use super::fold::is_letter;
use super::fold::{folded, lowered};
use super::view::View;
use aho_corasick::{AhoCorasick, MatchKind};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

/// A set of classes of cues.
pub(super) type Class = u32;

pub(super) const PHONE: Class = 1;
pub(super) const ATTACKER: Class = 1 << 1;
pub(super) const PERSON: Class = 1 << 2;
pub(super) const ID: Class = 1 << 3;
pub(super) const BIRTH: Class = 1 << 4;
pub(super) const ADDRESS: Class = 1 << 5;
pub(super) const TICKET: Class = 1 << 6;
pub(super) const QUANTITY: Class = 1 << 7;
pub(super) const HANDLE: Class = 1 << 8;
pub(super) const ACCOUNT: Class = 1 << 9;
pub(super) const DEVICE: Class = 1 << 10;
pub(super) const SECRET: Class = 1 << 11;
pub(super) const NAME: Class = 1 << 12;
pub(super) const VERB: Class = 1 << 13;
pub(super) const TOLD: Class = 1 << 14;
pub(super) const TITLE: Class = 1 << 15;
pub(super) const CLOSING: Class = 1 << 16;
pub(super) const SENDER: Class = 1 << 17;
pub(super) const SENT: Class = 1 << 18;
pub(super) const TAKEN: Class = 1 << 19;
pub(super) const LOGIN: Class = 1 << 20;
pub(super) const LINE: Class = 1 << 21;
pub(super) const OUT: Class = 1 << 22;
pub(super) const OUTWARD: Class = 1 << 23;
pub(super) const OPEN: Class = 1 << 24;
pub(super) const FREED: Class = 1 << 25;
pub(super) const RELEASED: Class = 1 << 26;
pub(super) const MACHINE: Class = 1 << 27;
pub(super) const SITE: Class = 1 << 28;
pub(super) const COPIED: Class = 1 << 29;

const CLASSES: [(&str, Class); 30] = [
    ("phone", PHONE),
    ("attacker", ATTACKER),
    ("person", PERSON),
    ("id", ID),
    ("birth", BIRTH),
    ("address", ADDRESS),
    ("ticket", TICKET),
    ("quantity", QUANTITY),
    ("handle", HANDLE),
    ("account", ACCOUNT),
    ("device", DEVICE),
    ("secret", SECRET),
    ("name", NAME),
    ("verb", VERB),
    ("told", TOLD),
    ("title", TITLE),
    ("closing", CLOSING),
    ("sender", SENDER),
    ("sent", SENT),
    ("taken", TAKEN),
    ("login", LOGIN),
    ("line", LINE),
    ("out", OUT),
    ("outward", OUTWARD),
    ("open", OPEN),
    ("freed", FREED),
    ("released", RELEASED),
    ("machine", MACHINE),
    ("site", SITE),
    ("copied", COPIED),
];

/// A word of the lexicon: which classes it has as a whole word, and which as the beginning of one.
#[derive(Debug, Default, Clone, Copy)]
struct Entry {
    whole: Class,
    stem: Class,
}

struct Lexicon {
    words: AhoCorasick,
    entries: Vec<Entry>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let words = parse(include_str!("cues.txt"));
    let patterns: Vec<&String> = words.keys().collect();
    // The lexicon is a constant of ours and a test builds it; an automaton without words would find nothing.
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns).unwrap_or_else(|_| empty());
    Lexicon { words: automaton, entries: words.into_values().collect() }
});

fn empty() -> AhoCorasick {
    AhoCorasick::new::<_, &str>([]).unwrap_or_else(|error| unreachable!("{error}"))
}

fn parse(text: &str) -> BTreeMap<String, Entry> {
    let mut words: BTreeMap<String, Entry> = BTreeMap::new();
    let mut class = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            class = CLASSES.iter().find(|(one, _)| *one == name).map_or(0, |(_, class)| *class);
        } else if let Some((_, list)) = line.split_once(": ") {
            for written in list.split(", ") {
                let (stem, word) = written.trim().strip_suffix('*').map_or((false, written.trim()), |word| (true, word));
                let entry = words.entry(normal(word)).or_default();
                if stem { entry.stem |= class } else { entry.whole |= class }
            }
        }
    }
    words.remove("");
    words
}

/// As the words of the lexicon are compared.
pub(super) fn normal(word: &str) -> String {
    lowered(&folded(word))
}

/// A list of words as they are compared.
pub(super) fn normals(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| normal(word)).collect()
}

/// Whether a word, as [`normal`] makes it, is a title or another word of that class as a whole.
pub(super) fn is_word(word: &str, class: Class) -> bool {
    static WORDS: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| parse(include_str!("cues.txt")));
    WORDS.get(word).is_some_and(|entry| (entry.whole | entry.stem) & class != 0)
}

/// Scripts that put no blanks between words: a word is looked for inside text there.
pub(super) fn is_spaceless(c: char) -> bool {
    c >= '\u{e00}'
        && matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{2fdf}'
        | '\u{3005}'..='\u{3007}' | '\u{3031}'..='\u{318f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A cue in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cue {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) class: Class,
}

/// A text with its cues.
pub(super) struct Seen<'v, 's> {
    pub(super) view: &'v View<'s>,
    /// By where they end.
    pub(super) cues: Vec<Cue>,
    /// Where clauses end, once somebody asks.
    breaks: OnceCell<Vec<usize>>,
}

/// How far from a value a cue may stand, in bytes.
const REACH: usize = 160;
/// How many cues are looked at on one side of a value.
pub(super) const LOOKS_MAX: usize = 48;

/// The cue that stands nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) class: Class,
    /// The less, the nearer; what stands behind a value, or behind a comma, counts as farther.
    pub(super) cost: usize,
    /// Where it ends on the side of the value.
    pub(super) edge: usize,
}

impl<'v, 's> Seen<'v, 's> {
    pub(super) fn of(view: &'v View<'s>) -> Self {
        let lexicon = &*LEXICON;
        let text = view.lower();
        // `victim_ip=`: names of fields are words too.
        let spaced = if text.contains('_') { Cow::Owned(text.replace('_', " ")) } else { Cow::Borrowed(text) };
        let mut cues = Vec::new();
        for found in lexicon.words.find_overlapping_iter(&*spaced) {
            let entry = lexicon.entries[found.pattern().as_usize()];
            let class = class(text, found.start(), found.end(), entry);
            if class != 0 && !is_in_address(text, found.start(), found.end()) {
                cues.push(Cue { start: found.start(), end: found.end(), class });
            }
        }
        outvoted(&mut cues);
        Self { view, cues, breaks: OnceCell::new() }
    }

    /// The nearest cue of one of these classes in the clause of a value.
    pub(super) fn near(&self, range: &Range<usize>, classes: Class) -> Option<Near> {
        let before = self.before(range, classes);
        let after = self.after(range, classes);
        match (before, after) {
            (Some(before), Some(after)) if after.cost < before.cost => Some(after),
            (Some(before), _) => Some(before),
            (None, after) => after,
        }
    }

    /// The nearest cue before a value.
    pub(super) fn before(&self, range: &Range<usize>, classes: Class) -> Option<Near> {
        let bytes = self.view.bytes();
        let clause = self.clause_start(range.start);
        let until = self.cues.partition_point(|cue| cue.end <= range.start);
        let mut best: Option<Near> = None;
        for cue in self.cues[..until].iter().rev().take(LOOKS_MAX) {
            if cue.end + REACH < range.start || cue.end <= clause {
                break;
            }
            if cue.class & classes == 0 || cue.start < clause {
                continue;
            }
            let cost = distance(&bytes[cue.end..range.start]);
            match &mut best {
                Some(near) if near.cost < cost => break,
                Some(near) => near.class |= cue.class & classes,
                None => best = Some(Near { class: cue.class & classes, cost, edge: cue.end }),
            }
        }
        best
    }

    /// The nearest cue behind a value.
    pub(super) fn after(&self, range: &Range<usize>, classes: Class) -> Option<Near> {
        let bytes = self.view.bytes();
        let clause = self.clause_end(range.end);
        let from = self.cues.partition_point(|cue| cue.end <= range.end);
        // A full stop may be the last of a cue: `1972/10/11生。`.
        let within = |cue: &&Cue| cue.start >= range.end && cue.end <= clause + 1 && cue.class & classes != 0;
        // Cues are sorted by their ends; of those that begin soonest the longest tells most, and one that begins later is farther.
        let nearest = self.cues[from..]
            .iter()
            .take(LOOKS_MAX)
            .take_while(|cue| cue.start <= range.end + REACH)
            .filter(within)
            .min_by_key(|cue| cue.start)?;
        // `5.6.7.8 (attacker)`, `5.6.7.8 port 22 -- attacker`: what stands in brackets right behind a value, or as a remark, is about it.
        let gap = &bytes[range.end..nearest.start];
        let remark = [&b"-- "[..], b"<- ", b"# ", b"<< "].iter().any(|mark| gap.ends_with(mark));
        let cost = if remark || matches!(gap, b" (" | b" [" | b"(") { 0 } else { distance(gap) + 12 };
        Some(Near { class: nearest.class & classes, cost, edge: nearest.start })
    }

    /// Where the clause that `at` is in begins, at most [`REACH`] bytes and a word before.
    pub(super) fn clause_start(&self, at: usize) -> usize {
        let floor = at.saturating_sub(REACH + 40);
        let breaks = self.breaks();
        let before = breaks.partition_point(|place| *place < at);
        before.checked_sub(1).map(|last| breaks[last]).filter(|place| *place >= floor).map_or(floor, |place| place + 1)
    }

    /// Where the clause that `at` is in ends.
    pub(super) fn clause_end(&self, at: usize) -> usize {
        let ceiling = (at + REACH + 40).min(self.view.bytes().len());
        let breaks = self.breaks();
        breaks.get(breaks.partition_point(|place| *place < at)).copied().map_or(ceiling, |place| place.min(ceiling))
    }

    /// The bytes with which clauses end.
    fn breaks(&self) -> &[usize] {
        self.breaks.get_or_init(|| {
            let bytes = self.view.bytes();
            let mut breaks = Vec::new();
            let mut last = 0;
            for (at, byte) in bytes.iter().enumerate() {
                let read = &bytes[..=at];
                let ends = match byte {
                    b';' | b'!' => true,
                    b'?' | b'|' => !self.is_label(at),
                    // A value on the line under its heading.
                    b'\n' => last != b':' && !self.is_label(at),
                    b'.' => self.ends_sentence(bytes, at),
                    // Last bytes of the full stops of other scripts: U+3002, U+0964, U+061B, U+061F, U+06D4, U+1362, U+104B, U+0589.
                    0x82 => read.ends_with("。".as_bytes()),
                    0xa4 => read.ends_with("।".as_bytes()) || read.ends_with("፤".as_bytes()),
                    0x9b => read.ends_with("؛".as_bytes()),
                    0x9f => read.ends_with("؟".as_bytes()),
                    0x94 => read.ends_with("۔".as_bytes()),
                    0xa2 => read.ends_with("።".as_bytes()),
                    0x8b => read.ends_with("။".as_bytes()),
                    0x89 => read.ends_with("։".as_bytes()),
                    _ => false,
                };
                if ends {
                    breaks.push(at);
                }
                if !byte.is_ascii_whitespace() {
                    last = *byte;
                }
            }
            let items = items(self.view.lower());
            if !items.is_empty() {
                breaks.extend(items);
                breaks.sort_unstable();
                breaks.dedup();
            }
            breaks
        })
    }

    /// Whether what stands before `at` in its line or cell is a label or a short question and a value comes right behind it.
    fn is_label(&self, at: usize) -> bool {
        const LABEL_MAX: usize = 64;
        let bytes = self.view.bytes();
        let value = bytes[at + 1..].iter().take(64).skip_while(|byte| byte.is_ascii_whitespace() || **byte == b'|');
        let mut value = value.take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'|');
        if !value.any(|byte| byte.is_ascii_digit() || *byte == b'@') {
            return false;
        }
        let before = bytes[at.saturating_sub(LABEL_MAX)..at].trim_ascii_end();
        let label = before.rsplit(|byte| matches!(byte, b'\n' | b'|' | b'?' | b'.' | b';')).next().unwrap_or_default();
        label.len() < before.len().max(LABEL_MAX) && !label.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@')
    }

    /// A full stop ends a sentence where a capital, or a letter of a script without, follows a blank, unless the word before is an abbreviation.
    fn ends_sentence(&self, bytes: &[u8], at: usize) -> bool {
        if bytes.get(at + 1).is_some_and(|next| !next.is_ascii_whitespace()) {
            return false;
        }
        let rest = &self.view.text()[at + 1..];
        match rest.chars().find(|c| !c.is_whitespace()) {
            None => return true,
            Some(c) if c.is_lowercase() && !matches!(c, '\u{10d0}'..='\u{10ff}') || c.is_ascii_digit() || matches!(c, '+' | '(') => {
                return false;
            }
            Some(_) => {}
        }
        let word = self.view.lower()[..at].rsplit(|c: char| !is_letter(c)).next().unwrap_or("");
        // `NI no. ........ EL 557308 A`, `Personalausweisnr. L01X00T47`.
        !(ABBREVIATIONS.contains(&word) || bytes[..at].ends_with(b"..") || word.len() > 3 && word.ends_with("nr"))
    }
}

/// The bytes before the items of lists within a text: `1) … 2) …`, `(क) … (ख) …`, `erstens …, zweitens …`. What is said in one is not said of another.
/// A mark counts where it follows on the one before it, so that a bracket alone begins no item.
fn items(text: &str) -> Vec<usize> {
    /// Farthest from one mark to the next, in bytes.
    const ITEM_MAX: usize = 600;
    const LETTERS: [&str; 7] = ["abcdefgh", "абвгдежз", "कखगघङच", "ابجدهو", "一二三四五六七八", "گبپتث", "אבגדהו"];
    const WORDS: [[&str; 3]; 20] = [
        ["first", "second", "third"],
        ["firstly", "secondly", "thirdly"],
        ["primero", "segundo", "tercero"],
        ["premierement", "deuxiemement", "troisiemement"],
        ["primeiro", "segundo", "terceiro"],
        ["primo", "secondo", "terzo"],
        ["erstens", "zweitens", "drittens"],
        ["во-первых", "во-вторых", "в-третьих"],
        ["по-перше", "по-друге", "по-трете"],
        ["birincisi", "ikincisi", "ucuncusu"],
        ["birinci", "ikinci", "ucuncu"],
        ["pertama", "kedua", "ketiga"],
        ["thu nhat", "thu hai", "thu ba"],
        ["اولا", "ثانيا", "ثالثا"],
        ["اول", "دوم", "سوم"],
        ["पहला", "दूसरा", "तीसरा"],
        ["ประการแรก", "ประการที่สอง", "ประการที่สาม"],
        ["首先", "其次", "最後"],
        ["第一", "第二", "第三"],
        ["kwanza", "pili", "tatu"],
    ];
    /// Which series a mark is of, its place there, and whether it is a word.
    type Place = (usize, usize, bool);
    static MARKS: LazyLock<(Option<AhoCorasick>, Vec<Place>)> = LazyLock::new(|| {
        let mut words = Vec::new();
        let mut places = Vec::new();
        let mut add = |word: String, series: usize, place: usize, is_word: bool| {
            words.push(normal(&word));
            places.push((series, place, is_word));
        };
        for place in 0..9 {
            add(format!("{})", place + 1), 0, place, false);
        }
        for (series, letters) in LETTERS.iter().enumerate() {
            for (place, letter) in letters.chars().enumerate() {
                add(format!("{letter})"), 1 + series, place, false);
                if series == 4 {
                    add(format!("{letter}、"), 1 + series, place, false);
                }
            }
        }
        for (series, ordinals) in WORDS.iter().enumerate() {
            for (place, word) in ordinals.iter().enumerate() {
                add((*word).to_owned(), 1 + LETTERS.len() + series, place, true);
            }
        }
        (AhoCorasick::new(&words).ok(), places)
    });
    let (Some(marks), places) = (&MARKS.0, &MARKS.1) else { return Vec::new() };
    let bytes = text.as_bytes();
    // Of each series: the place that comes next, and where the mark before it stands.
    let mut last = vec![(0, 0); 1 + LETTERS.len() + WORDS.len()];
    let mut found = Vec::new();
    for mark in marks.find_overlapping_iter(text) {
        let (series, place, is_word) = places[mark.pattern().as_usize()];
        let open = usize::from(!is_word && bytes[..mark.start()].ends_with(b"("));
        let start = mark.start() - open;
        let before = text[..start].chars().next_back();
        let stands = before.is_none_or(|c| {
            !is_letter(c) && !c.is_ascii_digit() && !matches!(c, '(' | '-' | '+' | '/' | '.') || is_spaceless(c) && is_word
        });
        let behind = text[mark.end()..].chars().next();
        let ends =
            behind.is_some_and(|c| !is_word && (c == ' ' || is_letter(c) || series == 5) || is_word && (!is_letter(c) || is_spaceless(c)));
        // "her second telephone" begins no item.
        let opens = !is_word || text[..start].trim_end().chars().next_back().is_none_or(|c| !is_letter(c) || is_spaceless(c));
        if !stands || !ends || !opens {
            continue;
        }
        let (next, at) = last[series];
        if place > 0 && place == next && start.saturating_sub(at) <= ITEM_MAX {
            found.extend(at.checked_sub(1).filter(|_| place == 1));
            found.extend(start.checked_sub(1));
            last[series] = (place + 1, start);
        } else if place == 0 {
            last[series] = (1, start);
        }
    }
    found
}

/// Behind which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 56] = [
    "uz", "doc", "ars", "gor", "ogr", "cev", "yrd", "okt", "srita", "srta", "drg", "drs", "dra", "r", "ra", "rm", "tel", "mob", "no", "nr",
    "num", "dr", "mr", "mrs", "ms", "st", "apt", "ave", "rd", "blvd", "ext", "ph", "sr", "sra", "prof", "ing", "lic", "m", "mme", "mlle",
    "av", "cl", "cr", "gg", "jl", "kh", "hj", "тел", "моб", "г", "ул", "д", "кв", "стр", "им", "п",
];

pub(super) fn distance(gap: &[u8]) -> usize {
    // A letter of most other scripts takes two or three bytes and says as much as one or two.
    let wide = gap.iter().filter(|byte| **byte >= 0xc0).count();
    let narrow = gap.iter().filter(|byte| byte.is_ascii()).count();
    let commas = gap.iter().filter(|byte| matches!(byte, b',')).count();
    narrow + wide + commas * 6
}

fn class(text: &str, start: usize, end: usize, entry: Entry) -> Class {
    let (Some(first), Some(last)) = (text[start..end].chars().next(), text[start..end].chars().next_back()) else { return 0 };
    if is_letter(first) && !is_spaceless(first) && !begins_word(text, start, first, end - start) {
        return 0;
    }
    let next = text[end..].chars().next();
    // Thai and Lao: a vowel before its consonant, or a sign on it, makes both one syllable of another word (`เชื่อม` has no `ชื่อ` in it).
    if is_spaceless(first)
        && (text[..start].chars().next_back().is_some_and(leads) && !leads(first)
            || next.is_some_and(
                |c| matches!(c, '\u{e30}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eb0}'..='\u{ebc}' | '\u{ec8}'..='\u{ece}'),
            ))
    {
        return 0;
    }
    let whole = !is_letter(last) || is_spaceless(last) || !next.is_some_and(|c| is_letter(c) && !is_spaceless(c));
    if whole { entry.whole | entry.stem } else { entry.stem }
}

/// What a longer cue says of a part of itself holds: `di động` is no `động`, `took her to` no `her`.
fn outvoted(cues: &mut Vec<Cue>) {
    const WHO: Class = ATTACKER | PERSON | SENDER | SENT | FREED | COPIED;
    for at in 0..cues.len() {
        let Cue { start, end, class } = cues[at];
        // Of cues that end where this one does the longer come first.
        let within = cues[..at].iter_mut().rev().take(LOOKS_MAX).take_while(|cue| cue.end > start);
        within.filter(|cue| cue.start >= start && cue.end - cue.start < end - start).for_each(|cue| cue.class &= !overruled(class));
        let longer = cues[..at].iter().rev().take_while(|cue| cue.end == end).filter(|cue| cue.start < start);
        let gone = longer.fold(0, |gone, cue| gone | overruled(cue.class));
        cues[at].class &= !gone;
    }
    cues.retain(|cue| cue.class != 0);

    fn overruled(class: Class) -> Class {
        let quantity = if class & (PHONE | ID | ACCOUNT) != 0 && class & QUANTITY == 0 { QUANTITY } else { 0 };
        let who = if class & (WHO | OPEN) != 0 { WHO & !class } else { 0 };
        quantity | who
    }
}

/// Whether a word in ASCII is a part of a URL, an e-mail address or a name of a host, which says nothing of what stands beside that.
fn is_in_address(text: &str, start: usize, end: usize) -> bool {
    const SIDE: usize = 80;
    let bytes = text.as_bytes();
    if !bytes[start..end].iter().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let part = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'/' | b'%' | b'?' | b'&' | b'+' | b'~' | b'#')
    };
    let before = bytes[start.saturating_sub(SIDE)..start].iter().rev().take_while(|byte| part(byte)).count();
    let after = bytes[end..].iter().take(SIDE).take_while(|byte| part(byte)).count();
    let outside = [&bytes[start - before..start], &bytes[end..end + after]].concat();
    if !outside.iter().any(u8::is_ascii_alphanumeric) {
        return false;
    }
    let whole = &bytes[start - before..end + after];
    let scheme = bytes[..start - before].ends_with(b":") && whole.starts_with(b"//");
    let dotted = whole
        .windows(3)
        .any(|three| matches!(three, [one, b'.' | b'@', other] if one.is_ascii_alphanumeric() && other.is_ascii_alphabetic()));
    scheme || dotted
}

/// A vowel that is written before the consonant that it follows.
fn leads(c: char) -> bool {
    matches!(c, '\u{e40}'..='\u{e44}' | '\u{ec0}'..='\u{ec4}')
}

fn begins_word(text: &str, start: usize, first: char, length: usize) -> bool {
    let mut before = text[..start].chars().rev();
    match before.next() {
        None => true,
        Some(c) if !is_letter(c) || is_spaceless(c) => true,
        // Arabic and Hebrew write "and", "in", "to" and the article in one with the word.
        Some(_) if is_semitic(first) && length >= 6 => {
            let glued: Vec<char> = text[..start].chars().rev().take_while(|c| is_letter(*c)).take(4).collect();
            glued.len() <= 3 && glued.iter().all(|c| "والبفكلהובלמשכ".contains(*c))
        }
        // Amharic: "of", "in", "for", "from".
        Some(c) if matches!(first, '\u{1200}'..='\u{137f}') => "የበለከ".contains(c) && !text[..start - c.len_utf8()].ends_with(is_letter),
        Some(_) => false,
    }
}

pub(super) fn is_semitic(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{6ff}' | '\u{750}'..='\u{77f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(text: &str, value: &str, classes: Class) -> Option<Class> {
        let view = View::of(text);
        let start = view.text().find(value).unwrap();
        Seen::of(&view).near(&(start..start + value.len()), classes).map(|near| near.class)
    }

    #[test]
    fn the_lexicon_has_every_class_and_no_word_without_one() {
        let words = parse(include_str!("cues.txt"));
        assert!(words.len() > 2500, "{}", words.len());
        let all = words.values().fold(0, |all, entry| all | entry.whole | entry.stem);
        assert_eq!(all, (1 << CLASSES.len()) - 1);
        assert!(words.values().all(|entry| entry.whole | entry.stem != 0));
        assert_eq!(LEXICON.words.patterns_len(), words.len());
    }

    #[test]
    fn the_nearest_cue_of_the_clause_counts() {
        let text = "Source IP of the victim was 1.1.1.1; the phishing server was 2.2.2.2. Her phone 3 also";
        let who = PERSON | ATTACKER;
        assert_eq!(near(text, "1.1.1.1", who), Some(PERSON));
        assert_eq!(near(text, "2.2.2.2", who), Some(ATTACKER));
        assert_eq!(near(text, "3 also", who | PHONE), Some(PHONE));
        assert_eq!(near("5.6.7.8 (attacker) and then 1.2.3.4 (victim)", "1.2.3.4", who), Some(PERSON));
        assert_eq!(near("password for editor from 1.2.3.4 port 22 -- attacker; the editor", "1.2.3.4", who), Some(ATTACKER));
        assert_eq!(near("IP жертвы: 1.2.3.4, сервер злоумышленника 5.6.7.8", "1.2.3.4", who), Some(PERSON));
        assert_eq!(near("IP жертвы: 1.2.3.4, сервер злоумышленника 5.6.7.8", "5.6.7.8", who), Some(ATTACKER));
        assert_eq!(near("عنوان الضحية 1.2.3.4 وخادم المهاجم 5.6.7.8", "5.6.7.8", who), Some(ATTACKER));
        assert_eq!(near("受害者的位址1.2.3.4。釣魚伺服器5.6.7.8", "1.2.3.4", who), Some(PERSON));
        assert_eq!(near("no cue at all 1.2.3.4", "1.2.3.4", who), None);
    }

    #[test]
    fn what_is_said_in_one_item_of_a_list_is_not_said_of_another() {
        let who = PERSON | ATTACKER;
        for text in [
            "1) the hackers came 2) 2.2.2.2 is on",
            "(क) हैकरों का सर्वर (ख) 2.2.2.2 पर",
            "erstens die Angreifer, zweitens 2.2.2.2",
            "一、駭客的主機,二、2.2.2.2",
        ] {
            assert_eq!(near(text, "2.2.2.2", who), None, "{text}");
        }
        assert_eq!(near("the hackers (see 2) had 2.2.2.2", "2.2.2.2", who), Some(ATTACKER), "no list");
        assert_eq!(near("2) the hackers 1) 2.2.2.2", "2.2.2.2", who), Some(ATTACKER), "no row");
    }

    #[test]
    fn a_word_counts_as_a_word_and_a_stem_as_its_beginning() {
        assert_eq!(near("a hotel 5", "5", PHONE), None, "`tel` is no end of a word");
        assert_eq!(near("tel. 5", "5", PHONE), Some(PHONE));
        assert_eq!(near("telephones 5", "5", PHONE), Some(PHONE));
        assert_eq!(near("Позвонила с 5", "5", PHONE), Some(PHONE));
        assert_eq!(near("ورقم 5", "5", PHONE), Some(PHONE), "behind an `and` written in one with it");
    }

    #[test]
    fn a_longer_cue_outvotes_its_parts_and_a_part_of_an_address_is_none() {
        assert_eq!(near("in trang số 5", "5", QUANTITY), Some(QUANTITY));
        assert_eq!(near("a message took her to 5", "5", PERSON | ATTACKER), Some(ATTACKER));
        assert_eq!(near("send his build id 5", "5", QUANTITY | ID), Some(ID));
        assert_eq!(near("at http://a.xyz/campaign-front 5", "5", ATTACKER), None);
        assert_eq!(near("at phish.a.xyz 5", "5", ATTACKER), None);
        assert_eq!(near("d.o.b. 5", "5", BIRTH), Some(BIRTH));
        assert_eq!(near("phishing/malware 5", "5", ATTACKER), Some(ATTACKER));
    }
}
