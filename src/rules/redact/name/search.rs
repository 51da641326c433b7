//! Known names in a text: in any case, with or without accents, in another script, in parts, joined, inflected, or spelled with spaces or letters that only look right.

use super::key::{key, latin};
use super::known::{Level, Names, PARTICLES, is_han_or_hangul, is_title};
use super::{Word, is_cased, words};
use crate::rules::redact::Kind;
use crate::rules::redact::claim::Claims;
use crate::rules::redact::confusable::plain;
use crate::rules::redact::cue::{Seen, is_semitic, is_spaceless};
use crate::rules::redact::view::View;
use std::ops::Range;

/// Whether a word is first and last name in one.
#[derive(Clone, Copy)]
enum Joined {
    No,
    /// With an initial for one of the two.
    Short,
    Whole,
}

/// What the words of a text were heard as.
struct Heard {
    all: Vec<(Vec<(u32, Level)>, Joined)>,
    /// Which of them each word is.
    of: Vec<usize>,
}

impl Heard {
    /// Of which names the word is a part, and how surely.
    fn parts(&self, word: usize) -> &[(u32, Level)] {
        &self.all[self.of[word]].0
    }

    fn joined(&self, word: usize) -> Joined {
        self.all[self.of[word]].1
    }
}

impl Names {
    /// Claims what is found. What stays (an attacker's URL) loses a whole name, but no part that is a word of its own.
    pub(in crate::rules::redact) fn look(&self, seen: &Seen<'_, '_>, claims: &mut Claims) {
        if self.is_empty() {
            return;
        }
        let view = seen.view;
        let words = words(view, 0..view.text().len());
        let heard = self.hear_all(view, &words);
        let mut at = 0;
        while at < words.len() {
            let length = if heard.parts(at).is_empty() { 0 } else { self.run(view, &words, &heard, at, claims) };
            at += length.max(1);
        }
        for (at, word) in words.iter().enumerate() {
            match heard.joined(at) {
                Joined::Whole => claims.force(Kind::Name, word.range.clone()),
                Joined::Short if !claims.stays(word.range.start) => claims.over(Kind::Name, word.range.clone()),
                Joined::Short | Joined::No => {}
            }
        }
        self.spelled(view, &words, claims);
        self.within(view, &words, claims);
    }

    /// A word that comes again is looked up once.
    #[allow(clippy::disallowed_types, reason = "nothing iterates over it")]
    fn hear_all(&self, view: &View<'_>, words: &[Word]) -> Heard {
        let mut met = std::collections::HashMap::new();
        let mut heard = Heard { all: Vec::new(), of: Vec::with_capacity(words.len()) };
        for word in words {
            let joins = view.before(word.range.start) == Some('-');
            let index = *met.entry((&view.lower()[word.range.clone()], word.capital, joins)).or_insert_with(|| {
                heard.all.push((self.hear(view, word), self.joined(view, word)));
                heard.all.len() - 1
            });
            heard.of.push(index);
        }
        heard
    }

    /// Of which names a word is a part.
    fn hear(&self, view: &View<'_>, word: &Word) -> Vec<(u32, Level)> {
        let lower = &view.lower()[word.range.clone()];
        let mut found: Vec<(u32, Level)> = Vec::new();
        let mut add = |list: Option<&Vec<(u32, Level)>>, most: Level| {
            for &(index, level) in list.into_iter().flatten() {
                match found.iter_mut().find(|(one, _)| *one == index) {
                    Some((_, known)) => *known = (*known).max(level.min(most)),
                    None => found.push((index, level.min(most))),
                }
            }
        };
        add(self.parts.get(lower), Level::Written);
        let other_script = !lower.is_ascii();
        if other_script {
            add(self.parts.get(&plain(lower)), Level::Written);
        }
        let in_latin = if other_script { latin(lower) } else { lower.to_owned() };
        if other_script && !in_latin.is_empty() {
            add(self.parts.get(&in_latin), if in_latin.len() >= 3 { Level::Written } else { Level::Sound });
        }
        let first = lower.chars().next().unwrap_or(' ');
        if !is_spaceless(first) {
            self.inflected(lower, word.capital, &mut add);
        }
        if is_semitic(first) {
            let bare = lower.trim_start_matches(|c: char| "والبفكلהובלמשכ".contains(c));
            if bare.chars().count() >= 2 && bare.len() < lower.len() {
                add(self.parts.get(bare), Level::Written);
                add(self.keys.get(&key(&latin(bare))), Level::Sound);
            }
        }
        // Amharic writes "of", "in", "for" and "from" in one with the word.
        if let Some(bare) = lower.strip_prefix(['የ', 'በ', 'ለ', 'ከ']).filter(|bare| bare.chars().count() >= 2) {
            add(self.parts.get(bare), Level::Written);
            add(self.keys.get(&key(&latin(bare))), Level::Sound);
        }
        if is_han_or_hangul(lower) {
            return found;
        }
        let sound = key(&in_latin);
        if sound.len() <= 1 && other_script {
            add(self.keys.get(&sound), Level::Beside);
        }
        if !other_script && lower.len() <= 6 && (word.capital || view.before(word.range.start) == Some('-')) {
            add(self.syllables.get(&sound), Level::Sound);
        }
        if sound.len() >= 2 {
            // Alone, what only sounds alike must be a name by its capital, or come from a script without.
            let caseless = !is_cased(first);
            let alone = (word.capital || caseless) && (other_script || lower.chars().count() >= 5);
            add(self.keys.get(&sound), if alone { Level::Script } else { Level::Sound });
            if let Some(shorter) = sound.strip_suffix(['m', 'g', 'v']).filter(|rest| rest.len() >= 3 && other_script) {
                add(self.keys.get(shorter), if alone { Level::Script } else { Level::Sound });
            }
        }
        found
    }

    /// `Garcias`, `Матвієнком`, `ნინომ`: a known part with an ending.
    fn inflected(&self, lower: &str, capital: bool, add: &mut impl FnMut(Option<&Vec<(u32, Level)>>, Level)) {
        let first = lower.chars().next().unwrap_or(' ');
        let (most, allowed) = if lower.is_ascii() { (2, capital) } else { (4, capital || !is_cased(first)) };
        if !allowed || is_semitic(first) {
            return;
        }
        let mut stem = lower;
        for _ in 0..=most {
            if stem.chars().count() < 3 || (lower.is_ascii() && stem.len() < 4) {
                break;
            }
            add(self.stems.get(stem), Level::Written);
            if stem.len() < lower.len() && !lower.is_ascii() {
                add(self.parts.get(stem), Level::Short);
            }
            let Some((at, _)) = stem.char_indices().next_back() else { break };
            stem = &stem[..at];
        }
    }

    /// The longest run of words from `at` that are parts of one name; how many words it has if it was claimed.
    fn run(&self, view: &View<'_>, words: &[Word], heard: &Heard, at: usize, claims: &mut Claims) -> usize {
        let mut best: Option<(usize, u32, bool)> = None;
        for &(index, _) in heard.parts(at) {
            let (mut end, mut parts, mut level, mut sounds, mut sum) = (at, 0, Level::Beside, 0, 0);
            let mut seen_words: Vec<&str> = Vec::new();
            let mut next = at;
            while next < words.len() && next - at < 8 && (next == at || is_gap(view, words[next - 1].range.end..words[next].range.start)) {
                let text = &view.lower()[words[next].range.clone()];
                let end_before = end;
                end = next;
                match heard.parts(end).iter().find(|(one, _)| *one == index) {
                    Some(&(_, this)) => {
                        if this > Level::Beside && !seen_words.contains(&text) {
                            parts += 1;
                            seen_words.push(text);
                            sum += key(&latin(text)).len();
                        }
                        sounds += usize::from(this >= Level::Sound);
                        level = level.max(if this == Level::Short && !words[end].capital && text.chars().any(is_cased) {
                            Level::Sound
                        } else {
                            this
                        });
                    }
                    None if text.chars().count() == 1
                        && latin(text).chars().next().is_some_and(|c| self.initials[index as usize].contains(&c)) => {}
                    // It goes with the part behind it, if one comes.
                    None if next > at && PARTICLES.contains(&&*latin(text)) => {
                        end = end_before;
                        next += 1;
                        continue;
                    }
                    None => {
                        end = end_before;
                        break;
                    }
                }
                next += 1;
                end = next;
            }
            let sure = level >= Level::Script && (level != Level::Script || parts >= 1) || parts >= 2 && (sounds >= 2 && sum >= 4);
            // Each syllable of a Chinese or Korean name, one after the other.
            let sure = sure || parts >= 2 && end - at >= 3 && self.sizes[index as usize] == 1;
            let whole = parts >= 2 && parts >= self.sizes[index as usize].min(2);
            if sure && best.is_none_or(|(length, ..)| end - at > length) {
                best = Some((end - at, index, whole));
            }
        }
        let Some((length, index, whole)) = best else { return 0 };
        let start = self.initial_before(view, words, at, index);
        let (first, last) = (with_titles(view, words, start), at + length - 1);
        let range = words[first].range.start..words[last].range.end;
        let touches = range.clone().any(|place| claims.stays(place));
        if !touches {
            claims.over(Kind::Name, range);
        } else if whole {
            claims.force(Kind::Name, words[at].range.start..words[last].range.end);
        }
        length
    }

    /// `M. Garcia`: the initial belongs to the name.
    fn initial_before(&self, view: &View<'_>, words: &[Word], at: usize, index: u32) -> usize {
        let Some(before) = at.checked_sub(1) else { return at };
        let letter = &view.lower()[words[before].range.clone()];
        let near = is_gap(view, words[before].range.end..words[at].range.start);
        let initial =
            letter.chars().count() == 1 && latin(letter).chars().next().is_some_and(|c| self.initials[index as usize].contains(&c));
        if near && initial && (words[before].capital || view.before(words[at].range.start) != Some(' ')) { before } else { at }
    }

    /// `mckenziegarcia`, `mgarcia`.
    fn joined(&self, view: &View<'_>, word: &Word) -> Joined {
        let lower = &view.lower()[word.range.clone()];
        if lower.len() < 6 {
            return Joined::No;
        }
        let hit = self.joined.contains(lower)
            || !lower.is_ascii() && (self.joined.contains(&plain(lower)) || self.joined.contains(&latin(lower)));
        match hit {
            true => Joined::Whole,
            false if self.short.contains(lower) => Joined::Short,
            false => Joined::No,
        }
    }

    /// `M c k e n z i e`, `M.c.k.e.n.z.i.e`: letters apart.
    fn spelled(&self, view: &View<'_>, words: &[Word], claims: &mut Claims) {
        let single = |word: &Word| word.range.len() <= 4 && view.text()[word.range.clone()].chars().count() == 1;
        let mut at = 0;
        while at < words.len() {
            let mut end = at;
            while end < words.len() && single(&words[end]) && (end == at || words[end].range.start - words[end - 1].range.end <= 3) {
                end += 1;
            }
            if end - at >= 4 {
                let letters: String = words[at..end].iter().map(|word| &view.lower()[word.range.clone()]).collect();
                let letters = plain(&letters);
                let known = self.joined.contains(&letters)
                    || self.parts.get(&letters).is_some_and(|list| list.iter().any(|(_, level)| *level >= Level::Short))
                    || self.joined.iter().any(|whole| whole.len() >= 6 && letters.contains(whole.as_str()));
                if known {
                    claims.over(Kind::Name, words[at].range.start..words[end - 1].range.end);
                }
            }
            at = end.max(at + 1);
        }
    }

    /// In text without blanks between words.
    fn within(&self, view: &View<'_>, words: &[Word], claims: &mut Claims) {
        let lower = view.lower();
        if lower.is_ascii() {
            return;
        }
        if let Some(inside) = &self.inside {
            for found in inside.find_iter(lower) {
                claims.over(Kind::Name, found.range());
            }
        }
        let Some(inside) = &self.inside_latin else { return };
        let spaceless = |word: &Word| lower[word.range.clone()].chars().next().is_some_and(is_spaceless);
        let mut at = 0;
        while at < words.len() {
            // Two runs with a blank between them are first and last name as often as not.
            let first = at;
            at += 1;
            if !spaceless(&words[first]) {
                continue;
            }
            while at < words.len() && spaceless(&words[at]) && words[at].range.start - words[at - 1].range.end <= 3 {
                at += 1;
            }
            // In Latin letters, with the place of the character that each stands for.
            let (mut letters, mut places) = (String::new(), Vec::new());
            for word in &words[first..at] {
                for (within, c) in lower[word.range.clone()].char_indices() {
                    let spelled = latin(c.encode_utf8(&mut [0; 4]));
                    places.extend(std::iter::repeat_n((word.range.start + within, c.len_utf8()), spelled.len()));
                    letters.push_str(&spelled);
                }
            }
            for found in inside.find_iter(&letters) {
                let (start, _) = places[found.start()];
                let (last, length) = places[found.end() - 1];
                let begins = found.start() == 0 || places[found.start() - 1].0 != start;
                let ends = places.get(found.end()).is_none_or(|place| place.0 != last);
                if begins && ends {
                    claims.over(Kind::Name, start..last + length);
                }
            }
        }
    }
}

/// What may stand between two parts of a name.
fn is_gap(view: &View<'_>, range: Range<usize>) -> bool {
    range.len() <= 4
        && view.text()[range].chars().all(|c| matches!(c, ' ' | '.' | '-' | '_' | '\'' | ',' | '\u{b7}' | '+' | '\n' | '*' | '(' | ')'))
}

/// Where titles before a name begin.
fn with_titles(view: &View<'_>, words: &[Word], at: usize) -> usize {
    let mut first = at;
    while first > 0
        && is_gap(view, words[first - 1].range.end..words[first].range.start)
        && !view.text()[words[first - 1].range.end..words[first].range.start].contains([',', '\n'])
        && is_title(&view.lower()[words[first - 1].range.clone()])
    {
        first -= 1;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(names: &[&str], text: &str) -> String {
        let view = View::of(text);
        let seen = Seen::of(&view);
        let mut claims = Claims::of(view.text().len());
        Names::of(names.iter().copied()).look(&seen, &mut claims);
        let mut out = String::new();
        let mut from = 0;
        for (_, range) in claims.going() {
            let range = view.origin(&range);
            out += &text[from..range.start];
            out.push('#');
            from = range.end;
        }
        out + &text[from..]
    }

    #[test]
    fn a_known_name_is_found_in_every_form_it_takes() {
        for (name, text, expected) in [
            ("Mckenzie Garcia", "MCKENZIE GARCIA called", "# called"),
            ("Mckenzie Garcia", "Ms. Garcia's phone", "#'s phone"),
            ("Mckenzie Garcia", "Garcia, Mckenzie wrote", "# wrote"),
            ("Mckenzie Garcia", "user mckenziegarcia92 or mgarcia", "user #92 or #"),
            ("Mckenzie Garcia", "mckenzie.garcia and m_garcia", "# and #"),
            ("Mckenzie Garcia", "M c k e n z i e is here", "# is here"),
            ("Mckenzie Garcia", "Mсkеnziе (Cyrillic letters) came", "# (Cyrillic letters) came"),
            ("Mckenzie Garcia", "Mc\u{200b}kenzie Ｇａｒｃｉａ", "#"),
            ("José Muñoz", "Jose Munoz", "#"),
            ("JOSE MUNOZ", "José Muñoz", "#"),
            ("пан Хома Матвієнко", "пан Хома Матвієнко зателефонувала", "# зателефонувала"),
            ("пан Хома Матвієнко", "Хомі Матвієнку, про Матвієнка", "#, про #"),
            ("Khoma Matviienko", "від Хоми Матвієнка", "від #"),
            ("Хома Матвієнко", "Khoma Matvienko called", "# called"),
            ("محمد السيد", "Mohammed Al-Sayed called", "# called"),
            ("Mohammed El Sayed", "اتصل محمد السيد من", "اتصل # من"),
            ("محمد السيد", "ومحمد قال", "# قال"),
            ("王淑美", "王淑美從來電", "#從來電"),
            ("Wang Shumei", "王淑美從來電", "#從來電"),
            ("王淑美", "Wang Shu-mei called", "# called"),
            ("นายสมชาย ใจดี", "คุณสมชาย ใจดีโทรมา", "คุณ# #โทรมา"),
            ("प्रिया यादव", "प्रिया यादव ने फ़ोन", "# ने फ़ोन"),
            ("Priya Yadav", "प्रिया यादव ने फ़ोन", "# ने फ़ोन"),
            ("ნინო ბერიძე", "ნინომ დარეკა", "# დარეკა"),
            ("Nino Beridze", "ნინო ბერიძემ დარეკა", "# დარეკა"),
            ("ガリケ ベモ", "Garike Bemo called", "# called"),
            ("मनीष ज\u{93c}ोया", "Manish Zoya called", "# called"),
            ("קובי אבוטבול", "Kobi Avotvol called", "# called"),
            ("정훈우", "Jung Hoon-woo called", "# called"),
            ("박지연", "by Park Ji-yeon", "by #"),
            ("최도현", "Choi Do-hyun called", "# called"),
            ("강현훈", "Kang Hyun-hoon called", "# called"),
            ("임우은", "Lim Woo-eun called", "# called"),
            ("ሪቬ ሉኬሪ", "ሪ ቬ ሉ ኬ ሪ ነበሩ", "# ነበሩ"),
            ("סאןזור פאימוטא", "Sanzor Paimota called", "# called"),
        ] {
            assert_eq!(rest(&[name], text), expected, "{name}: {text}");
        }
    }

    #[test]
    fn what_only_resembles_a_known_name_stays() {
        for (name, text) in [
            ("Mckenzie Garcia", "the garage in Georgia"),
            ("Mark Long", "mark this as long as you like"),
            ("Mckenzie Garcia", "evil-garcia-brown.example is no person"),
            ("Ana de la Cruz", "de la and the"),
            ("Li Wei", "we like it"),
            ("Omar Said", "he said so"),
        ] {
            let view_text = rest(&[name], text);
            let expected = if text.contains("example") { "evil-#-brown.example is no person" } else { text };
            assert_eq!(view_text, expected, "{name}");
        }
    }
}
