//! The text in which detectors look: folded, defanged forms undone, placeholders hidden, each byte with the range that it stands for.

use super::escape;
use super::fold::{Fold, fold, lowered};
use std::borrow::Cow;
use std::ops::Range;

/// Stands for a byte of a placeholder that the text already had: nothing is looked for in one, and nothing reaches across it.
pub(super) const HIDDEN: u8 = 0;

/// How a character of the view was defanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fanged {
    /// `[.]`, `\.`, `(:)`: what people write around an attacker's value.
    Mark,
    /// `[at]`, `(dot)`: also what people write to hide an address of theirs from harvesters.
    Word,
    /// `hxxp`.
    Scheme,
}

/// A piece of text as detectors see it.
pub(super) struct View<'a> {
    source: &'a str,
    text: Cow<'a, str>,
    lower: String,
    /// For each byte of `text` where its character begins and ends in `source`; `None` where both are the same.
    map: Option<Vec<(u32, u32)>>,
    fangs: Vec<(usize, Fanged)>,
}

impl<'a> View<'a> {
    /// `source` is at most 4 GiB long; callers cut it into blocks.
    pub(super) fn of(source: &'a str) -> Self {
        if is_plain(source) {
            return Self { source, text: Cow::Borrowed(source), lower: source.to_ascii_lowercase(), map: None, fangs: Vec::new() };
        }
        let mut writer = Writer {
            out: String::with_capacity(source.len()),
            map: Vec::with_capacity(source.len()),
            fangs: Vec::new(),
            skipping: false,
            path: false,
        };
        writer.write(source);
        let Writer { out, map, fangs, .. } = writer;
        let text = hide_placeholders(out);
        let lower = lowered(&text);
        Self { source, text: Cow::Owned(text), lower, map: Some(map), fangs }
    }

    /// The folded text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// It in lower case, byte by byte at the same places.
    pub(super) fn lower(&self) -> &str {
        &self.lower
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// What was written there.
    pub(super) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        match &self.map {
            None => range.clone(),
            Some(map) => {
                let start = map.get(range.start).map_or(self.source.len(), |&(start, _)| start as usize);
                let end = range.end.checked_sub(1).and_then(|last| map.get(last)).map_or(start, |&(_, end)| end as usize);
                start..end.max(start)
            }
        }
    }

    /// How what stands there was defanged; `Mark` before `Scheme` before `Word`.
    pub(super) fn fanged(&self, range: &Range<usize>) -> Option<Fanged> {
        let from = self.fangs.partition_point(|(at, _)| *at < range.start);
        let within = self.fangs[from..].iter().take_while(|(at, _)| *at < range.end).map(|(_, how)| *how);
        within.min_by_key(|how| match how {
            Fanged::Mark => 0,
            Fanged::Scheme => 1,
            Fanged::Word => 2,
        })
    }

    /// The character that ends at `at`.
    pub(super) fn before(&self, at: usize) -> Option<char> {
        self.text.get(..at)?.chars().next_back()
    }

    /// The character that begins at `at`.
    pub(super) fn after(&self, at: usize) -> Option<char> {
        self.text.get(at..)?.chars().next()
    }
}

/// ASCII without anything that would be undone: the way of nearly all machine-made text.
fn is_plain(text: &str) -> bool {
    const TABLE: [bool; 256] = {
        let mut table = [false; 256];
        let mut at = 0x20;
        while at < 0x7f {
            table[at] = true;
            at += 1;
        }
        table[b'\n' as usize] = true;
        table[b'\r' as usize] = true;
        table[b'\t' as usize] = true;
        table[b'[' as usize] = false;
        table[b'\\' as usize] = false;
        table
    };
    if !text.bytes().all(|byte| TABLE[usize::from(byte)]) {
        return false;
    }
    let bytes = text.as_bytes();
    let bracketed = memchr::memchr3_iter(b'(', b'{', b'<', bytes).any(|at| may_be_bracketed(&bytes[at + 1..]));
    let escaped = memchr::memchr2_iter(b'%', b'&', bytes).any(|at| escape::may_be(&bytes[at..]));
    !bracketed && !escaped && !memchr::memchr2_iter(b'x', b'X', bytes).any(|at| at > 0 && bytes[at - 1].eq_ignore_ascii_case(&b'h'))
}

fn may_be_bracketed(after: &[u8]) -> bool {
    let window = &after[..after.len().min(INSIDE_MAX + 1)];
    memchr::memchr3(b')', b'}', b'>', window).is_some_and(|end| means(&window[..end]).is_some())
}

/// Longest word between brackets, with blanks around it.
const INSIDE_MAX: usize = 16;

/// What stands between brackets, and what it means. Folded and in lower case.
const BRACKETED: [(&str, &str, Fanged); 36] = [
    (".", ".", Fanged::Mark),
    ("@", "@", Fanged::Mark),
    (":", ":", Fanged::Mark),
    ("://", "://", Fanged::Mark),
    (":/", ":/", Fanged::Mark),
    ("//", "//", Fanged::Mark),
    ("/", "/", Fanged::Mark),
    ("http", "http", Fanged::Scheme),
    ("https", "https", Fanged::Scheme),
    ("http://", "http://", Fanged::Scheme),
    ("https://", "https://", Fanged::Scheme),
    ("www", "www", Fanged::Mark),
    ("dot", ".", Fanged::Word),
    ("d0t", ".", Fanged::Word),
    ("punkt", ".", Fanged::Word),
    ("punto", ".", Fanged::Word),
    ("point", ".", Fanged::Word),
    ("ponto", ".", Fanged::Word),
    ("nokta", ".", Fanged::Word),
    ("titik", ".", Fanged::Word),
    ("kropka", ".", Fanged::Word),
    ("точка", ".", Fanged::Word),
    ("тчк", ".", Fanged::Word),
    ("крапка", ".", Fanged::Word),
    ("نقطة", ".", Fanged::Word),
    ("نقطه", ".", Fanged::Word),
    ("点", ".", Fanged::Word),
    ("at", "@", Fanged::Word),
    ("ät", "@", Fanged::Word),
    ("a", "@", Fanged::Word),
    ("arroba", "@", Fanged::Word),
    ("arobase", "@", Fanged::Word),
    ("chiocciola", "@", Fanged::Word),
    ("собака", "@", Fanged::Word),
    ("собачка", "@", Fanged::Word),
    ("علامة", "@", Fanged::Word),
];

fn means(inside: &[u8]) -> Option<(&'static str, Fanged)> {
    let inside = std::str::from_utf8(inside).ok()?.trim_matches(' ');
    if inside.is_empty() {
        return None;
    }
    let found = BRACKETED.iter().find(|(written, ..)| inside == *written || inside.eq_ignore_ascii_case(written))?;
    Some((found.1, found.2))
}

struct Writer {
    out: String,
    map: Vec<(u32, u32)>,
    fangs: Vec<(usize, Fanged)>,
    /// Blanks behind `[.]` and `[at]` belong to it.
    skipping: bool,
    /// The word is a URL, or has a `?` in it: what is escaped there is a URL's own.
    path: bool,
}

impl Writer {
    fn write(&mut self, source: &str) {
        for (at, c) in source.char_indices() {
            self.character(c, (at as u32, (at + c.len_utf8()) as u32));
        }
    }

    fn character(&mut self, c: char, range: (u32, u32)) {
        self.folded(c, range, Self::push);
    }

    fn folded(&mut self, c: char, range: (u32, u32), push: fn(&mut Self, char, (u32, u32))) {
        match fold(c) {
            Fold::Same => push(self, c, range),
            Fold::One(one) => push(self, one, range),
            Fold::Many(many) => many.chars().for_each(|one| push(self, one, range)),
            // It belongs to the character before it: a mark must not stay behind when its letter goes.
            Fold::Gone => self.stretch(range.1),
        }
    }

    fn stretch(&mut self, end: u32) {
        if let Some(&(start, _)) = self.map.last() {
            for place in self.map.iter_mut().rev().take_while(|(begins, _)| *begins == start) {
                place.1 = end;
            }
        }
    }

    fn push(&mut self, c: char, range: (u32, u32)) {
        let escaped = match c {
            ';' => escape::entity(&self.out),
            _ if c.is_ascii_hexdigit() && !self.path => escape::percent(&self.out, c),
            _ => None,
        };
        match escaped {
            Some((start, meant)) => self.unescape(start, meant, range.1),
            None => self.plain(c, range),
        }
    }

    /// A character that ends no escaped one.
    fn plain(&mut self, c: char, range: (u32, u32)) {
        if self.skipping && c == ' ' {
            return self.stretch(range.1);
        }
        self.skipping = false;
        match c {
            ']' | ')' | '}' | '>' if self.close(range.1) => return,
            '\u{1161}'..='\u{11c2}' => {
                if let Some(syllable) = self.out.chars().next_back().and_then(|before| syllable(before, c)) {
                    return self.compose(syllable, range.1);
                }
            }
            _ => {}
        }
        match c {
            // `\.` between letters.
            '.' | '/' if self.out.ends_with('\\') => self.escaped(c, range),
            'p' | 'P' if self.is_scheme() => self.scheme(),
            _ => {}
        }
        self.put(c, range);
    }

    /// The last character and the one behind it are this one.
    fn compose(&mut self, both: char, end: u32) {
        let start = self.out.char_indices().next_back().map_or(0, |(at, _)| at);
        let (begins, _) = self.map[start];
        self.truncate(start);
        self.put(both, (begins, end));
    }

    /// What was escaped from `start` on stands there as what it means. It ends no other escaped character, so that a chain of them is no chain of calls.
    fn unescape(&mut self, start: usize, meant: char, end: u32) {
        let (begins, _) = self.map[start];
        self.truncate(start);
        self.folded(meant, (begins, end), Self::plain);
    }

    fn put(&mut self, c: char, range: (u32, u32)) {
        self.path = !c.is_whitespace() && (self.path || c == '?' || c == '/' && self.is_on_a_host());
        self.out.push(c);
        self.map.resize(self.out.len(), range);
    }

    /// Whether the word so far is a host, or goes on behind `://`.
    fn is_on_a_host(&self) -> bool {
        const HOST_MAX: usize = 64;
        let from = self.out.floor_char_boundary(self.out.len().saturating_sub(HOST_MAX));
        let word = self.out[from..].rsplit(char::is_whitespace).next().unwrap_or("");
        word.ends_with(":/") || word.contains('.')
    }

    fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
        self.map.truncate(length);
        while self.fangs.last().is_some_and(|(at, _)| *at >= length) {
            self.fangs.pop();
        }
    }

    /// `[.]` and the like: gone back to the bracket that opened, if what stands between means something.
    fn close(&mut self, end: u32) -> bool {
        let from = self.out.len().saturating_sub(INSIDE_MAX);
        let Some(open) = self.out.as_bytes()[from..].iter().rposition(|byte| matches!(byte, b'[' | b'(' | b'{' | b'<')).map(|at| from + at)
        else {
            return false;
        };
        let Some((meant, how)) = means(&self.out.as_bytes()[open + 1..]) else { return false };
        // `(a)` is a list's letter or an article unless an address goes on.
        if how == Fanged::Word && meant == "@" && self.out.len() - open <= 2 && !self.out[..open].ends_with('_') {
            return false;
        }
        let (start, _) = self.map[open];
        self.truncate(open);
        if matches!(meant, "." | "@") {
            let kept = self.out.trim_end_matches(' ').len().max(self.out.len().saturating_sub(4));
            let blanks = self.out.as_bytes()[kept..].iter().all(|byte| *byte == b' ');
            if blanks {
                self.truncate(kept);
            }
            self.skipping = true;
        }
        self.fangs.push((self.out.len(), how));
        for c in meant.chars() {
            self.put(c, (start, end));
        }
        true
    }

    fn escaped(&mut self, c: char, range: (u32, u32)) {
        let length = self.out.len() - self.out.bytes().rev().take_while(|byte| *byte == b'\\').count();
        let follows = self.out[..length]
            .bytes()
            .next_back()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || (c == '/' && matches!(byte, b'/' | b':')));
        if !follows {
            return;
        }
        self.truncate(length);
        self.fangs.push((length, Fanged::Mark));
        let _ = range;
    }

    fn is_scheme(&self) -> bool {
        let (out, length) = (self.out.as_bytes(), self.out.len());
        let starts = length >= 3 && (length == 3 || !out[length - 4].is_ascii_alphanumeric());
        let mark = |byte: u8| matches!(byte, b'x' | b'X' | b'*');
        starts && out[length - 3].eq_ignore_ascii_case(&b'h') && mark(out[length - 2]) && mark(out[length - 1])
    }

    fn scheme(&mut self) {
        let length = self.out.len() - 2;
        self.out.truncate(length);
        self.out.push_str("tt");
        self.fangs.push((length, Fanged::Scheme));
    }
}

/// The syllable of Hangul that two letters are, or one without a last letter and that (Unicode, 3.12).
fn syllable(before: char, c: char) -> Option<char> {
    let (before, c) = (before as u32, c as u32);
    match (before, c) {
        (0x1100..=0x1112, 0x1161..=0x1175) => char::from_u32(0xac00 + ((before - 0x1100) * 21 + c - 0x1161) * 28),
        (0xac00..=0xd7a3, 0x11a8..=0x11c2) if (before - 0xac00).is_multiple_of(28) => char::from_u32(before + c - 0x11a7),
        _ => None,
    }
}

/// `[phone-12]` and the like become bytes that are nothing.
fn hide_placeholders(text: String) -> String {
    let first = memchr::memchr_iter(b'[', text.as_bytes()).find(|at| placeholder(&text.as_bytes()[*at..]).is_some());
    let Some(mut from) = first else { return text };
    let mut out = text.into_bytes();
    while let Some(open) = memchr::memchr(b'[', &out[from..]).map(|at| from + at) {
        from = open + 1;
        if let Some(length) = placeholder(&out[open..]) {
            out[open..open + length].fill(HIDDEN);
            from = open + length;
        }
    }
    // A placeholder is ASCII, and so is what hides it.
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The length of the placeholder at the start of a text, if one is there.
pub(in crate::rules) fn placeholder(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"[")?;
    let close = memchr::memchr(b']', &inside[..inside.len().min(24)])?;
    let dash = inside[..close].iter().rposition(|byte| *byte == b'-')?;
    let (kind, number) = (&inside[..dash], &inside[dash + 1..close]);
    let is_number = matches!(number.len(), 1..=6) && number.iter().all(u8::is_ascii_digit) && number[0] != b'0';
    let is_kind = super::Kind::ALL.iter().any(|one| one.name().as_bytes() == kind);
    (is_number && is_kind).then_some(close + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_defanged_reads_as_it_was_meant() {
        for (written, meant, how) in [
            ("evil[.]example[.]com", "evil.example.com", Some(Fanged::Mark)),
            ("hxxps://evil[.]com", "https://evil.com", Some(Fanged::Mark)),
            ("hXXp://evil.com", "http://evil.com", Some(Fanged::Scheme)),
            ("a [at] b (dot) org", "a@b.org", Some(Fanged::Word)),
            ("a(собака)b(точка)ru", "a@b.ru", Some(Fanged::Word)),
            ("evil[[.]]com", "evil.com", Some(Fanged::Mark)),
            ("evil\\.com", "evil.com", Some(Fanged::Mark)),
            ("1[.]2[.]3[.]4", "1.2.3.4", Some(Fanged::Mark)),
            ("hxxp[:]//x[.]y", "http://x.y", Some(Fanged::Mark)),
            ("(a) first, (b) second", "(a) first, (b) second", None),
            ("\u{110b}\u{1175}\u{11b7}\u{110b}\u{1173}\u{11ab}", "임은", None),
            ("no change [here]", "no change [here]", None),
        ] {
            let view = View::of(written);
            assert_eq!((view.text(), view.fanged(&(0..view.text().len()))), (meant, how), "{written}");
        }
    }

    #[test]
    fn a_range_leads_back_to_what_was_written() {
        let written = "mail ｊｏｓｅ\u{301}\u{200b}[at]x[.]org now";
        let view = View::of(written);
        let start = view.text().find("jose").unwrap();
        let end = view.text().find(" now").unwrap();
        assert_eq!(&written[view.origin(&(start..end))], "ｊｏｓｅ\u{301}\u{200b}[at]x[.]org");
        assert_eq!(&written[view.origin(&(start..start + 4))], "ｊｏｓｅ\u{301}\u{200b}", "a mark goes with its letter");
    }

    #[test]
    fn placeholders_are_hidden_and_what_only_looks_like_one_is_not() {
        assert_eq!(View::of("x [phone-1] y").text().bytes().filter(|byte| *byte == HIDDEN).count(), 9);
        for text in ["[phone-1234567]", "[phone-01]", "[other-1]", "[phone-]", "[phone-1"] {
            assert!(!View::of(text).bytes().contains(&HIDDEN), "{text}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_within_the_source_and_on_its_characters(text in "([a-z.@ ()\\[\\]\\\\xhp:/]|\\PC){0,60}") {
            let view = View::of(&text);
            prop_assert_eq!(view.lower().len(), view.text().len());
            let places: Vec<usize> = view.text().char_indices().map(|(at, _)| at).chain([view.text().len()]).collect();
            let mut last = 0;
            for pair in places.windows(2) {
                let range = view.origin(&(pair[0]..pair[1]));
                prop_assert!(text.get(range.clone()).is_some() && range.start >= last);
                last = range.start;
            }
        }

        #[test]
        fn the_view_of_a_view_is_itself(text in "([a-z.@ ()\\[\\]\\\\xhp:/]|\\PC){0,60}") {
            let once = View::of(&text).text().to_owned();
            let twice = View::of(&once).text().to_owned();
            prop_assert_eq!(twice, once);
        }
    }
}
