//! One spelling for a name in any script: what is left of it when scripts, vowels and the habits of transliteration are taken off.

/// A word in Latin letters, lower case, nothing else.
pub(super) fn latin(word: &str) -> String {
    // any_ascii leaves the alif and the alef out; people write it.
    let word: String = word.chars().map(|c| if matches!(c, 'ا' | 'آ' | 'أ' | 'إ' | 'ٱ' | 'א') { 'a' } else { c }).collect();
    any_ascii::any_ascii(&word).chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

/// What the spellings of one name in several scripts have in common: its consonants, in classes. `Mohammed`, `Muhamad`, `محمد` and `Мохаммед` are one.
///
/// Scripts that write no vowels have nothing else; what transliterations confuse is one class: g, h, gh, kh; k, q, c; b, p; s, sh, sch; w, y, and vowels are nothing.
pub(super) fn key(latin: &str) -> String {
    let bytes = latin.as_bytes();
    let mut out = String::with_capacity(bytes.len());
    let mut last = 0;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (class, length): (&str, usize) = match rest {
            [b's', b'h', b'c', b'h', ..] => ("sc", 4),
            [b's', b'c', b'h', ..] | [b't', b'c', b'h', ..] | [b'd', b'z', b'h', ..] => (
                if rest[0] == b's' {
                    "s"
                } else if rest[0] == b't' {
                    "c"
                } else {
                    "j"
                },
                3,
            ),
            [b'k' | b'g', b'h', ..] => ("g", 2),
            [b's' | b'z', b'h', ..] => ("s", 2),
            [b'c', b'h', ..] | [b't', b's' | b'z', ..] => ("c", 2),
            [b'p', b'h', ..] => ("f", 2),
            [b't' | b'd', b'h', ..] => (if rest[0] == b't' { "t" } else { "d" }, 2),
            [b'd', b'j', ..] => ("j", 2),
            [b'c', b'k', ..] => ("k", 2),
            [b'x', ..] => ("ks", 1),
            [b'c', b'e' | b'i' | b'y', ..] => ("s", 1),
            [b'q' | b'k' | b'c', ..] => ("k", 1),
            [b'g', ..] => ("g", 1),
            // Nobody hears it at the end of a word, nor behind a vowel before a consonant as German writes it.
            [b'h'] => ("", 1),
            [b'h', ..] => ("g", 1),
            [b'p' | b'b', ..] => ("b", 1),
            [b'z' | b's', ..] => ("s", 1),
            [b'a' | b'e' | b'i' | b'o' | b'u' | b'y' | b'w', ..] => ("", 1),
            [b'v', ..] => ("v", 1),
            [b'f', ..] => ("f", 1),
            [b'd', ..] => ("d", 1),
            [b't', ..] => ("t", 1),
            [b'j', ..] => ("j", 1),
            [b'l', ..] => ("l", 1),
            [b'm', ..] => ("m", 1),
            [b'n', ..] => ("n", 1),
            [b'r', ..] => ("r", 1),
            _ => ("", 1),
        };
        // A doubled consonant is one, two with a vowel between them are two.
        let first = class.bytes().next().unwrap_or(0);
        if first != 0 && first != last {
            out.push_str(class);
        }
        last = class.bytes().last().unwrap_or(0);
        at += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_have_one_key() {
        for names in [
            &["Mohammed", "Muhammad", "Mohamed", "محمد", "Мохаммед"][..],
            &["Aleksandr", "Alexander", "Александр"],
            &["Matviienko", "Matvienko", "Матвієнко"],
            &["Khalid", "Halid", "خالد", "Халид"],
            &["Katerina", "Caterina", "Катерина", "Κατερίνα"],
            &["Yusuf", "Yousef", "Youssouf", "يوسف"],
            &["Chaykovskiy", "Tchaikovsky", "Чайковский"],
            &["Nino", "ნინო"],
            &["Priya", "प्रिया"],
        ] {
            let keys: Vec<String> = names.iter().map(|name| key(&latin(name))).collect();
            assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{names:?} {keys:?}");
        }
        assert_ne!(key("garcia"), key("gonzalez"));
    }
}
