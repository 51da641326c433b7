//! Letters that look like others (UTS 39 names the notion): for comparing alone, never for what is written.

/// Letters of Cyrillic, Greek, Armenian and others, and the Latin letter that each looks like. In lower case, folded, sorted.
const LOOKS: [(char, char); 66] = [
    ('ı', 'i'),
    ('ł', 'l'),
    ('ſ', 's'),
    ('ƅ', 'b'),
    ('ɑ', 'a'),
    ('ɡ', 'g'),
    ('ɩ', 'i'),
    ('ɪ', 'i'),
    ('ʏ', 'y'),
    ('α', 'a'),
    ('γ', 'y'),
    ('ε', 'e'),
    ('η', 'n'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('σ', 'o'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('ω', 'w'),
    ('а', 'a'),
    ('в', 'b'),
    ('г', 'r'),
    ('е', 'e'),
    ('з', '3'),
    ('и', 'u'),
    ('к', 'k'),
    ('м', 'm'),
    ('н', 'h'),
    ('о', 'o'),
    ('п', 'n'),
    ('р', 'p'),
    ('с', 'c'),
    ('т', 't'),
    ('у', 'y'),
    ('х', 'x'),
    ('ь', 'b'),
    ('ѕ', 's'),
    ('і', 'i'),
    ('ј', 'j'),
    ('ѡ', 'w'),
    ('ѵ', 'v'),
    ('ү', 'y'),
    ('һ', 'h'),
    ('ӏ', 'l'),
    ('ԁ', 'd'),
    ('ԛ', 'q'),
    ('ԝ', 'w'),
    ('ա', 'w'),
    ('գ', 'q'),
    ('զ', 'q'),
    ('հ', 'h'),
    ('ո', 'n'),
    ('ռ', 'n'),
    ('ս', 'u'),
    ('օ', 'o'),
    ('ᴀ', 'a'),
    ('ᴄ', 'c'),
    ('ᴅ', 'd'),
    ('ᴏ', 'o'),
    ('ᴛ', 't'),
    ('ᴜ', 'u'),
    ('ᴠ', 'v'),
];

/// The letter that `c` looks like, or itself.
pub(super) fn look(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    LOOKS.binary_search_by_key(&c, |(one, _)| *one).map_or(c, |at| LOOKS[at].1)
}

/// A word in lower case with every letter as what it looks like.
pub(super) fn plain(word: &str) -> String {
    word.chars().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_borrowed_letters_reads_as_it_looks() {
        assert!(LOOKS.is_sorted());
        assert_eq!(plain("раураl"), "paypal");
        assert_eq!(plain("ехаmрlе"), "example");
    }
}
