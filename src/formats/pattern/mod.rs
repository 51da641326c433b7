//! STIX patterns (STIX 2.1 §9): a full parser of the language, one canonical text, and the observables inside.
//!
//! A pattern that says no more than "this property has this value", for a property that we know, is that observable. Every
//! other pattern is kept as a pattern: what it says about a combination would be lost in its parts. The observables in it are
//! listed by [`observables`], so that lookup finds them. That includes `[a OR b]`, which is one indicator of its author
//! with one identity, not several.

mod lex;
mod map;
mod parse;
mod print;

pub use map::{Dialect, Refused, address, indicated, observables, valued, write};

/// The longest pattern that is read, 64 KiB.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// The deepest nesting of parentheses that is read.
pub const DEPTH_MAX: usize = 64;
/// The most comparisons, list elements and path steps that one pattern may have.
pub const PARTS_MAX: usize = 10_000;

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a STIX pattern: {what} at character {at}\nhint: STIX 2.1 §9 has the grammar; `[domain-name:value = 'example.com']` is a pattern"
)]
pub struct PatternError {
    /// Where, in bytes from 0.
    pub at: usize,
    /// What was met.
    pub what: String,
}

impl PatternError {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// A parsed pattern. Its `Display` is the canonical text: one blank between words, `=` and `!=` for their other spellings,
/// parentheses only where they are needed, path steps quoted only where they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    root: Observation,
}

/// What is looked for in one or more observations.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Observation {
    /// `[…]`: one observation.
    Test(Comparison),
    /// Several, joined by `FOLLOWEDBY`, `OR` or `AND`.
    Joined(Join, Vec<Observation>),
    /// With a qualifier behind it.
    Qualified(Box<Observation>, Qualifier),
}

/// How observations or comparisons are joined, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Join {
    FollowedBy,
    Or,
    And,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Qualifier {
    /// `WITHIN n SECONDS`.
    Within(String),
    /// `REPEATS n TIMES`.
    Repeats(String),
    /// `START t'…' STOP t'…'`.
    StartStop(String, String),
}

/// What one observation must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Comparison {
    Joined(Join, Vec<Comparison>),
    Test { path: Path, negated: bool, operator: &'static str, operand: Operand },
    Exists { path: Path, negated: bool },
}

/// `type:step.step[*]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Path {
    object: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(String),
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    One(Literal),
    Set(Vec<Literal>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Literal {
    Text(String),
    Number(String),
    Truth(bool),
    Binary(String),
    Hex(String),
    Time(String),
}

impl std::str::FromStr for Pattern {
    type Err = PatternError;
    fn from_str(text: &str) -> Result<Self, PatternError> {
        parse::pattern(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObservableKind as K;

    #[derive(serde::Deserialize)]
    struct Case {
        pattern: String,
        valid: bool,
    }

    #[test]
    fn every_case_of_the_oasis_validator_is_judged_alike() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/data/patterns/valid_invalid.json")).expect("the cases");
        assert!(cases.len() > 90);
        for case in cases {
            let parsed = case.pattern.parse::<Pattern>();
            assert_eq!(parsed.is_ok(), case.valid, "{}: {parsed:?}", case.pattern);
            if let Err(error) = parsed {
                assert!(error.at <= case.pattern.len() && error.to_string().contains("at character"), "{error}");
            }
        }
    }

    #[test]
    fn the_canonical_text_is_stable_and_means_the_same() {
        for (text, expected) in [
            ("[ a:b=='x'AND/* c */a:c<>1 ]//end", "[a:b = 'x' AND a:c != 1]"),
            ("[(a:b = 1 OR (a:c = 2)) AND a:d IN('x','y')]", "[(a:b = 1 OR a:c = 2) AND a:d IN ('x', 'y')]"),
            ("([a:b=1]) AND ([a:b=2] OR [a:b=3])WITHIN 5 SECONDS", "[a:b = 1] AND ([a:b = 2] OR [a:b = 3]) WITHIN 5 SECONDS"),
            ("[file:hashes.'MD5' = 'd41d8cd98f00b204e9800998ecf8427e']", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"),
            (r"[a:'b c'[*].d NOT LIKE 'it\'s \\ %']", r"[a:'b c'[*].d NOT LIKE 'it\'s \\ %']"),
            (
                "[a:b = t'2024-01-15T12:30:45Z' OR a:b = h'FF' OR a:b = b'AAAA' OR a:b = -1.5 OR a:b = true]",
                "[a:b = t'2024-01-15T12:30:45Z' OR a:b = h'ff' OR a:b = b'AAAA' OR a:b = -1.5 OR a:b = true]",
            ),
            (
                "(([a:b=1] REPEATS 2 TIMES) WITHIN 5 SECONDS) REPEATS 3 TIMES",
                "([a:b = 1] REPEATS 2 TIMES WITHIN 5 SECONDS) REPEATS 3 TIMES",
            ),
            ("[a:b=1]REPEATS +2 TIMES FOLLOWEDBY [NOT EXISTS a:b]", "[a:b = 1] REPEATS 2 TIMES FOLLOWEDBY [NOT EXISTS a:b]"),
        ] {
            let pattern: Pattern = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(pattern.to_string(), expected);
            assert_eq!(expected.parse().as_ref(), Ok(&pattern), "{expected}");
        }
    }

    #[test]
    fn nesting_and_size_are_bounded() {
        let deep = |levels: usize| format!("{}[a:b=1]{}", "(".repeat(levels), ")".repeat(levels));
        assert!(deep(DEPTH_MAX).parse::<Pattern>().is_ok());
        assert!(deep(DEPTH_MAX + 1).parse::<Pattern>().is_err());
        let wide = |parts: usize| format!("[a:b IN ({})]", vec!["1"; parts].join(","));
        assert!(wide(PARTS_MAX - 10).parse::<Pattern>().is_ok());
        assert!(wide(PARTS_MAX + 1).parse::<Pattern>().is_err());
        assert!(format!("[a:b='{}']", "x".repeat(TEXT_BYTES_MAX)).parse::<Pattern>().is_err());
        assert!("(".repeat(60_000).parse::<Pattern>().is_err());
    }

    #[test]
    fn one_equality_on_a_known_property_is_that_observable() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        for (text, kind, value) in [
            ("[domain-name:value='example.com']", K::Domain, "example.com"),
            ("[ipv4-addr:value = '198.51.100.7/32']", K::Ipv4, "198.51.100.7"),
            ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", K::Ipv4Net, "198.51.100.0/24"),
            ("[domain-name:value = '198.51.100.7']", K::Ipv4, "198.51.100.7"),
            (&format!("[file:hashes.md5='{md5}']"), K::Md5, md5),
            (&format!("[file:hashes.'SHA-1' = '{}']", sha1.to_uppercase()), K::Sha1, sha1),
            (&format!("[app:cert.sha1='{sha1}']"), K::AppCertHash, sha1),
            ("[app:id='com.example.spy']", K::AppId, "com.example.spy"),
            ("[file:path='/private/var/x']", K::FilePath, "/private/var/x"),
            (r"[file:name = 'a.dll' AND file:parent_directory_ref.path = 'C:\\Windows']", K::FilePath, r"C:\Windows\a.dll"),
            ("[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Bot/1.0']", K::UserAgent, "Bot/1.0"),
        ] {
            let observable = indicated(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((observable.kind(), observable.value()), (kind, value), "{text}");
        }
    }

    #[test]
    fn anything_else_stays_a_pattern_and_lookup_finds_what_is_in_it() {
        let sides = |text: &str| {
            (indicated(text).expect("a pattern").kind(), observables(text).iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let text = "[domain-name:value = 'a.example' OR domain-name:value = 'b.example']";
        assert_eq!(sides(text), (K::Pattern, vec!["domain:a.example".into(), "domain:b.example".into()]));
        let text = "[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.1/32']";
        assert_eq!(sides(text), (K::Pattern, vec!["domain:a.example".into(), "ipv4:198.51.100.1".into()]));
        let text = "[domain-name:value != 'a.example'] AND [process:command_line = 'x']";
        assert_eq!(sides(text), (K::Pattern, vec![]));
        assert_eq!(observables("no pattern"), vec![]);
    }

    #[test]
    fn what_has_no_canonical_form_but_is_an_indicator_stays_a_pattern() {
        let text = r"[windows-registry-key:key = 'Software\\Run']";
        assert_eq!(indicated(text).map(|observable| observable.to_string()), Ok(format!("pattern:{text}")));
        for text in
            ["[url:value = 'http://nowhere']", "[domain-name:value = 'nowhere']", "[windows-registry-key:key = ' ']", "[x:'a b' = 1]"]
        {
            assert!(indicated(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in r"[\[\]()a-z:.,*='\\ <>!0-9+-]{0,60}|.{0,40}") {
            if let Ok(pattern) = text.parse::<Pattern>() {
                let canonical = pattern.to_string();
                proptest::prop_assert_eq!(canonical.parse::<Pattern>().map(|again| again.to_string()), Ok(canonical));
            }
        }

        #[test]
        fn any_string_survives_its_quotes(value in ".{0,40}") {
            let text = format!("[x:y = {}]", print::quote(&value));
            proptest::prop_assert_eq!(text.parse::<Pattern>().map(|pattern| pattern.to_string()), Ok(text));
        }
    }
}
