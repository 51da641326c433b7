//! Names of people: those that are known, in every form that they take, and those that a text introduces.

mod beside;
mod introduced;
mod key;
mod known;
mod search;
mod words;

pub(super) use introduced::look as introduced;
pub(super) use known::Names;

use super::cue::{is_letter, is_spaceless};
use super::view::View;
use std::ops::Range;

/// A word of a text: letters alone.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) range: Range<usize>,
    /// It begins with a capital.
    pub(super) capital: bool,
}

/// The words of a part of a text. Scripts without blanks give one for each run of letters.
pub(super) fn words(view: &View<'_>, range: Range<usize>) -> Vec<Word> {
    few_words(view, range, usize::MAX)
}

/// As many of them, the first.
pub(super) fn few_words(view: &View<'_>, range: Range<usize>, most: usize) -> Vec<Word> {
    let text = view.text();
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<(Word, bool)> = None;
    for (at, c) in text[range.clone()].char_indices() {
        let at = range.start + at;
        let letter = is_letter(c);
        let spaceless = is_spaceless(c);
        if let Some((word, was)) = &mut open {
            if letter && *was == spaceless {
                word.range.end = at + c.len_utf8();
                continue;
            }
            words.extend(open.take().map(|(word, _)| word));
            if words.len() >= most {
                return words;
            }
        }
        if letter {
            open = Some((Word { range: at..at + c.len_utf8(), capital: c.is_uppercase() }, spaceless));
        }
    }
    words.extend(open.map(|(word, _)| word));
    words
}

/// Whether its script has capitals; Georgian has them for headings alone.
pub(super) fn is_cased(c: char) -> bool {
    (c.is_uppercase() || c.is_lowercase()) && !matches!(c, '\u{10a0}'..='\u{10ff}' | '\u{1c90}'..='\u{1cbf}')
}
