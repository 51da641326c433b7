//! Words of the pattern language (STIX 2.1 §9, ANTLR grammar of the OASIS pattern validator).

use super::{PatternError, TEXT_BYTES_MAX};

/// A word, with strings already unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// `[`, `]`, `(`, `)`, `:`, `.`, `,`, `*`, `=`, `!=`, `<`, `>`, `<=`, `>=`.
    Sign(&'static str),
    /// A keyword in capitals, or an object type, property or truth value.
    Name(String),
    /// `'…'`, unescaped.
    Text(String),
    /// A number as it stands.
    Number(String),
    /// `b'…'`, base64.
    Binary(String),
    /// `h'…'`, hex digits.
    Hex(String),
    /// `t'…'`, an RFC 3339 time in UTC.
    Time(String),
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |text: &str| text.chars().take(40).collect::<String>().escape_debug().to_string();
        match self {
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::Name(text) | Self::Number(text) => write!(f, "`{}`", short(text)),
            Self::Text(_) => f.write_str("a string"),
            Self::Binary(_) | Self::Hex(_) => f.write_str("binary data"),
            Self::Time(_) => f.write_str("a time"),
        }
    }
}

/// The words, each with the byte where it begins; the last place is the text's end.
pub(super) fn words(text: &str) -> Result<Vec<(usize, Word)>, PatternError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(PatternError::new(TEXT_BYTES_MAX, "a pattern longer than 65,536 bytes"));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut words = Vec::new();
    while lexer.blank()? {
        let start = lexer.at;
        words.push((start, lexer.word()?));
    }
    Ok(words)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

const SIGNS: [(&str, &str); 18] = [
    ("==", "="),
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("[", "["),
    ("]", "]"),
    ("(", "("),
    (")", ")"),
    (":", ":"),
    (".", "."),
    (",", ","),
    ("*", "*"),
    ("+", "+"),
    ("-", "-"),
];

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, what: impl Into<String>) -> PatternError {
        PatternError::new(self.at, what)
    }

    /// Passes over blanks and comments; whether anything is left.
    fn blank(&mut self) -> Result<bool, PatternError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let comment = if let Some(inside) = trimmed.strip_prefix("/*") {
                let end = inside.find("*/").ok_or_else(|| self.error("a comment without its end"))?;
                end + 4
            } else if trimmed.starts_with("//") {
                trimmed.find(['\n', '\r']).unwrap_or(trimmed.len())
            } else {
                self.at = self.text.len() - trimmed.len();
                return Ok(!trimmed.is_empty());
            };
            self.at = self.text.len() - trimmed.len() + comment;
        }
    }

    fn word(&mut self) -> Result<Word, PatternError> {
        let rest = self.rest();
        if rest.starts_with('\'') {
            return self.quoted().map(Word::Text);
        }
        if let Some(literal) = self.prefixed()? {
            return Ok(literal);
        }
        if let Some(length) = number_length(rest) {
            return Ok(Word::Number(self.take(length)));
        }
        if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            return Ok(Word::Name(self.take(end)));
        }
        for (spelling, sign) in SIGNS {
            if rest.starts_with(spelling) && sign != "+" && sign != "-" {
                self.at += spelling.len();
                return Ok(Word::Sign(sign));
            }
        }
        let met = rest.chars().next().unwrap_or(' ');
        Err(self.error(format!("`{}`", met.escape_debug())))
    }

    fn take(&mut self, length: usize) -> String {
        let taken = self.rest()[..length].to_owned();
        self.at += length;
        taken
    }

    /// `'…'`; only `\'` and `\\` are escapes.
    fn quoted(&mut self) -> Result<String, PatternError> {
        let start = self.at;
        let mut value = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '\'' => {
                    self.at = start + 1 + offset + 1;
                    return Ok(value);
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('\'' | '\\'))) => value.push(escaped),
                    _ => return Err(PatternError::new(start + 1 + offset, "a single backslash; a backslash is written `\\\\`")),
                },
                _ => value.push(c),
            }
        }
        Err(PatternError::new(start, "a string without its closing quote"))
    }

    /// `b'…'`, `h'…'`, `t'…'`.
    fn prefixed(&mut self) -> Result<Option<Word>, PatternError> {
        let mut chars = self.rest().chars();
        let (Some(prefix @ ('b' | 'h' | 't')), Some('\'')) = (chars.next(), chars.next()) else {
            return Ok(None);
        };
        let start = self.at;
        self.at += 1;
        let value = self.quoted()?;
        let (good, word): (bool, fn(String) -> Word) = match prefix {
            'b' => (is_base64(&value), Word::Binary),
            'h' => (value.len().is_multiple_of(2) && value.bytes().all(|b| b.is_ascii_hexdigit()), Word::Hex),
            _ => (is_time(&value), Word::Time),
        };
        if good { Ok(Some(word(value))) } else { Err(PatternError::new(start, format!("a `{prefix}'…'` value that is not one"))) }
    }
}

/// The length of the number at the start of `text`, if there is one: `[+-]?` and `0`, `12`, `1.5` or `.5`.
fn number_length(text: &str) -> Option<usize> {
    let sign = usize::from(text.starts_with(['+', '-']));
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(sign);
    if text[sign + whole..].starts_with('.') {
        let fraction = digits(sign + whole + 1);
        if fraction > 0 {
            return Some(sign + whole + 1 + fraction);
        }
    }
    let leading_zero = whole > 1 && text[sign..].starts_with('0');
    (whole > 0 && !leading_zero).then_some(sign + whole)
}

fn is_base64(value: &str) -> bool {
    let body = value.trim_end_matches('=');
    let padding = value.len() - body.len();
    let symbols = body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/');
    value.len().is_multiple_of(4) && padding <= 2 && symbols && (padding == 0 || !body.is_empty())
}

/// `yyyy-mm-ddThh:mm:ss[.f…]Z` with each part in its range. Days are not held against their month: the grammar does not.
fn is_time(value: &str) -> bool {
    let bytes = value.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let Some(rest) = bytes.get(shape.len()..) else { return false };
    let shaped = shape.iter().zip(bytes).all(|(s, b)| if *s == b'd' { b.is_ascii_digit() } else { s == b });
    let part = |at: usize| value.get(at..at + 2).and_then(|two| two.parse::<u8>().ok()).unwrap_or(u8::MAX);
    let ranged = (1..=12).contains(&part(5)) && (1..=31).contains(&part(8)) && part(11) < 24 && part(14) < 60 && part(17) <= 60;
    let tail = match rest {
        [b'Z'] => true,
        [b'.', digits @ .., b'Z'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    shaped && ranged && tail
}
