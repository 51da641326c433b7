//! Regular expressions as PHP's `preg_match` takes them: a delimiter, the expression, the delimiter again, flags.
//!
//! MISP runs PCRE, which can need exponential time for an expression that somebody else wrote. We run the `regex` crate, which needs linear
//! time and has no look-around and no back references: an expression that needs those is refused and reported. What both read
//! differently is written anew: `\<`, blanks and brackets in classes.

use crate::model::warninglist::Expression;

/// Why an expression is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadExpression {
    /// No delimiters.
    #[error("the regular expression has no delimiters\nhint: MISP writes `/…/i`")]
    Delimiter,
    /// A flag that changes what is matched in a way that we cannot follow.
    #[error(
        "the flag `{0}` of the regular expression is not known here\nhint: `g`, `i`, `m`, `s`, `u`, `x`, `A`, `D`, `S`, `U`, `X` and `n` are"
    )]
    Flag(char),
    /// It needs too much.
    #[error("the regular expression takes more than {max} bytes of memory\nhint: shorten its repetitions")]
    TooLarge {
        /// The most that one may take.
        max: usize,
    },
    /// Not linear, or not an expression.
    #[error("the regular expression cannot be used: {0}\nhint: look-around and back references need another way to say it")]
    Syntax(String),
}

/// The expression in the dialect of the `regex` crate, over bytes.
pub(super) fn read(written: &str, bytes_max: usize) -> Result<Expression, BadExpression> {
    let (body, flags) = split(written).ok_or(BadExpression::Delimiter)?;
    let (mut on, mut off, mut anchored) = (String::new(), "u", false);
    for flag in flags.chars() {
        match flag {
            'i' | 'm' | 's' | 'x' | 'U' => on.push(flag),
            'u' => off = "",
            'A' => anchored = true,
            // About how PCRE works, not about what it finds; `$` before a last line end makes no difference where there is none.
            'g' | 'D' | 'S' | 'X' | 'n' | '\r' | '\n' | ' ' => {}
            other => return Err(BadExpression::Flag(other)),
        }
    }
    if off.is_empty() {
        on.push('u');
    }
    let minus = if off.is_empty() { "" } else { "-" };
    let start = if anchored { "\\A" } else { "" };
    let body = translate(body);
    // With the flag `x` a comment runs to the end of its line, so what closes the group stands on the next.
    let end = if on.contains('x') { "\n)" } else { ")" };
    let pattern = format!("(?{on}{minus}{off}:{start}{body}{end}");
    match regex::bytes::RegexBuilder::new(&pattern).size_limit(bytes_max).nest_limit(NESTED_MAX).build() {
        Ok(_) => Ok(Expression { written: written.to_owned(), pattern }),
        Err(regex::Error::CompiledTooBig(max)) => Err(BadExpression::TooLarge { max }),
        Err(error) => Err(BadExpression::Syntax(last_line(&error.to_string()))),
    }
}

/// How deep groups may stand in groups.
const NESTED_MAX: u32 = 50;

/// The crate draws the expression over several lines, and says in the last one what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// The expression between the delimiters, and the flags behind them.
fn split(written: &str) -> Option<(&str, &str)> {
    let written = written.trim_start();
    let open = written.chars().next()?;
    if open.is_alphanumeric() || open.is_whitespace() || matches!(open, '\\' | '\0') || !open.is_ascii() {
        return None;
    }
    let close = match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        same => same,
    };
    let rest = &written[1..];
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == close && depth == 0 => return Some((&rest[..at], &rest[at + 1..])),
            _ if c == close => depth -= 1,
            _ if c == open => depth += 1,
            _ => {}
        }
    }
    None
}

/// Writes anew what PCRE and the `regex` crate read differently.
fn translate(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    // In a class: how many characters of it were seen.
    let mut class: Option<usize> = None;
    while let Some(c) = chars.next() {
        let seen = class;
        class = class.map(|seen| seen + 1);
        match (c, seen) {
            ('\\', _) => match chars.next() {
                Some(literal @ ('<' | '>')) => out.push(literal),
                Some(' ') => out.push_str("\\x20"),
                // A class of line ends in PCRE, one character in the crate: left to be refused.
                Some('v') => out.push_str("\\V"),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            ('[', None) => {
                out.push('[');
                class = Some(0);
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            (']', Some(1..)) => {
                out.push(']');
                class = None;
            }
            // Literal in PCRE; in the crate a class in a class, or an operation on classes.
            ('[', Some(_)) if chars.peek() == Some(&':') => {
                out.push('[');
                // `[:alpha:]` to its end.
                while let Some(inner) = chars.next() {
                    out.push(inner);
                    if inner == ':' && chars.next_if_eq(&']').is_some() {
                        out.push(']');
                        break;
                    }
                }
            }
            (literal @ ('[' | '&' | '~'), Some(_)) => out.extend(['\\', literal]),
            (']', Some(0)) => out.push_str("\\]"),
            ('-', Some(_)) if chars.peek() == Some(&'-') => {
                chars.next();
                out.push_str("-\\-");
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(written: &str, value: &str) -> bool {
        let expression = read(written, 1 << 18).expect("an expression");
        regex::bytes::Regex::new(&expression.pattern).expect("checked").is_match(value.as_bytes())
    }

    #[test]
    fn delimiters_and_flags_are_phps() {
        assert!(finds("/^(security|noc)\\@.*\\..*$/i", "NOC@example.org"));
        assert!(!finds("/^noc@/", "NOC@example.org"));
        assert!(finds("#a/b#", "xa/bx"));
        assert!(finds("{a{2}}", "aa"));
        assert!(finds("/a\\/b/g", "a/b"));
        assert!(finds("~b~", "abc") && !finds("~b~A", "abc"));
        assert!(finds("/a b # comment/x", "ab"));
        assert!(finds("/^\\w$/u", "é") && !finds("/^\\w$/", "é"));
    }

    #[test]
    fn what_the_two_dialects_read_differently_means_what_php_means() {
        assert!(finds("/\\<b\\>/", "a<b>c") && !finds("/\\<b\\>/", "b"));
        assert!(finds("/^[[a]$/", "[") && finds("/^[]a]$/", "]") && finds("/^[^]a]$/", "b") && !finds("/^[^]a]$/", "]"));
        assert!(finds("/^[a&&b]$/", "&") && finds("/^[+--]$/", ",") && finds("/^[~~x]$/", "~"));
        assert!(finds("/^[[:digit:]a]$/", "7") && !finds("/^[[:digit:]a]$/", "]"));
        assert!(finds("/a\\ b/", "a b"));
    }

    #[test]
    fn what_needs_more_than_linear_time_is_refused_in_words() {
        for (written, what) in
            [("/(?=a)b/", "look-around"), ("/(a)\\1/", "backreferences"), ("/\\va/", "unrecognized escape"), ("/(a/", "unclosed group")]
        {
            let error = read(written, 1 << 18).expect_err(written).to_string();
            assert!(error.contains(what) && error.contains("hint: "), "{error}");
        }
        assert_eq!(read("abc", 1 << 18), Err(BadExpression::Delimiter));
        assert_eq!(read("/abc", 1 << 18), Err(BadExpression::Delimiter));
        assert_eq!(read("/a/e", 1 << 18), Err(BadExpression::Flag('e')));
        assert_eq!(read("/(a{1000}){1000}/", 1 << 18), Err(BadExpression::TooLarge { max: 1 << 18 }));
        assert!(matches!(read(&format!("/{}a{}/", "(".repeat(60), ")".repeat(60)), 1 << 18), Err(BadExpression::Syntax(_))));
    }

    #[test]
    fn every_refusal_has_its_words() {
        use BadExpression::*;
        let cases = [
            (Delimiter, "the regular expression has no delimiters\nhint: MISP writes `/…/i`"),
            (
                Flag('e'),
                "the flag `e` of the regular expression is not known here\nhint: `g`, `i`, `m`, `s`, `u`, `x`, `A`, `D`, `S`, `U`, `X` and `n` are",
            ),
            (TooLarge { max: 7 }, "the regular expression takes more than 7 bytes of memory\nhint: shorten its repetitions"),
            (
                Syntax("unclosed group".into()),
                "the regular expression cannot be used: unclosed group\nhint: look-around and back references need another way to say it",
            ),
        ];
        crate::texts::all_say(include_str!("php_regex.rs"), "BadExpression", &cases);
    }
}
