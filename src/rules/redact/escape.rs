//! Characters that stand as `&#64;`, `&commat;` or `%40`: what was copied out of a page or of a link.

/// Names of entities (HTML Standard, 13.5) that stand for what addresses, numbers and names are written with. Sorted.
const NAMED: [(&str, char); 25] = [
    ("amp", '&'),
    ("apos", '\''),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("dash", '-'),
    ("emsp", ' '),
    ("ensp", ' '),
    ("gt", '>'),
    ("hyphen", '-'),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lt", '<'),
    ("mdash", '-'),
    ("nbsp", ' '),
    ("ndash", '-'),
    ("num", '#'),
    ("period", '.'),
    ("plus", '+'),
    ("quot", '"'),
    ("rpar", ')'),
    ("shy", '\u{ad}'),
    ("sol", '/'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

/// Longest entity between its marks.
const ENTITY_MAX: usize = 9;

/// Whether an escaped character may begin with the `%` or `&` that these bytes begin with.
pub(super) fn may_be(bytes: &[u8]) -> bool {
    match bytes {
        [b'%', first, second, ..] => first.is_ascii_hexdigit() && second.is_ascii_hexdigit(),
        [b'&', rest @ ..] => memchr::memchr(b';', &rest[..rest.len().min(ENTITY_MAX + 1)]).is_some(),
        _ => false,
    }
}

/// The entity that a `;` behind `text` ends: where it begins, and what it means.
pub(super) fn entity(text: &str) -> Option<(usize, char)> {
    let from = text.len().saturating_sub(ENTITY_MAX + 1);
    let start = from + memchr::memrchr(b'&', &text.as_bytes()[from..])?;
    let name = &text[start + 1..];
    let meant = match name.strip_prefix('#') {
        Some(number) => {
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let (digits, radix) = hexadecimal.map_or((number, 10), |digits| (digits, 16));
            let number = u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with(['+', '-']))?;
            char::from_u32(number).filter(|c| !c.is_control())?
        }
        None => NAMED[NAMED.binary_search_by_key(&name, |(known, _)| known).ok()?].1,
    };
    Some((start, meant))
}

/// The character that percent signs give whose last digit `last` comes behind `text` (RFC 3986, 2.1, of UTF-8): where it begins, and what it means.
pub(super) fn percent(text: &str, last: char) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    let value = |byte: u8| char::from(byte).to_digit(16);
    let mut low = last.to_digit(16)?;
    let mut end = bytes.len();
    let mut found = [0; 4];
    for first in (0..4).rev() {
        let [.., b'%', high] = bytes[..end] else { return None };
        found[first] = (value(high)? * 16 + low) as u8;
        let start = end - 2;
        if let Ok(meant) = std::str::from_utf8(&found[first..]) {
            let mut chars = meant.chars();
            return chars.next().filter(|c| !c.is_control() && chars.next().is_none()).map(|c| (start, c));
        }
        // The bytes before are of the same character: `%D0` before `%9C`.
        low = value(*bytes.get(start.checked_sub(1)?)?)?;
        end = start - 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::view::View;
    use super::*;

    #[test]
    fn the_names_are_sorted() {
        assert!(NAMED.is_sorted());
    }

    #[test]
    fn what_was_escaped_reads_as_it_was_meant() {
        for (written, meant) in [
            ("jane&#64;ngo&period;org", "jane@ngo.org"),
            ("&#x6A;&#x61;&#x6e;e", "jane"),
            ("+254&nbsp;712&nbsp;345", "+254 712 345"),
            ("jane%40ngo.org, %2B254%20712", "jane@ngo.org, +254 712"),
            ("%D0%90%D0%BD%D0%BD%D0%B0", "Анна"),
            ("%E1%83%90", "ა"),
            ("a &amp;amp; b", "a & b"),
            ("%APPDATA% and 100 %, AT&T; &nothing; &#0; %0a %FF%FE", "%APPDATA% and 100 %, AT&T; &nothing; &#0; %0a %FF%FE"),
            ("https://x.org/a%20b?c=%41 %41", "https://x.org/a%20b?c=%41 A"),
            ("GET /reset/jane%40ngo.org, e-mail/jane%40ngo.org", "GET /reset/jane@ngo.org, e-mail/jane@ngo.org"),
        ] {
            assert_eq!(View::of(written).text(), meant, "{written}");
        }
    }

    #[test]
    fn a_chain_of_escapes_is_no_chain_of_calls() {
        for text in [format!("x {};", "&#59".repeat(200_000)), format!("x {}33", "%3".repeat(200_000))] {
            assert!(View::of(&text).text().len() <= text.len());
        }
    }

    #[test]
    fn a_range_leads_back_to_all_that_was_escaped() {
        let written = "x %D0%90&#64;y";
        let view = View::of(written);
        assert_eq!(&written[view.origin(&(2..4))], "%D0%90");
        assert_eq!(&written[view.origin(&(4..5))], "&#64;");
    }
}
