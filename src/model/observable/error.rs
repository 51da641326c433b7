//! Why a text is not an observable.

use super::ObservableKind;

/// A text that is not an observable of the kind asked for, or of any kind that can be told. `Display` shows at most 60 characters of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadObservable {
    /// The kind asked for; `None` where it was to be guessed.
    pub kind: Option<ObservableKind>,
    /// The text's first 60 characters, with controls and text-direction characters escaped.
    pub shown: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl std::error::Error for BadObservable {}

impl std::fmt::Display for BadObservable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "`{}` is not of kind `{kind}`: {}", self.shown, self.reason)?,
            None => write!(f, "cannot tell what `{}` is: {}", self.shown, self.reason)?,
        }
        match self.reason.hint() {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl BadObservable {
    pub(super) fn new(kind: Option<ObservableKind>, text: &str, reason: Reason) -> Self {
        Self { kind, shown: shown(text), reason }
    }
}

/// The first 60 characters, safe for a terminal.
pub fn shown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(60) {
        if super::refang::is_forbidden(c) || super::refang::is_zero_width(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(60).is_some() {
        out.push('…');
    }
    out
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing is left after blanks, quotes and brackets.
    #[error("it is empty")]
    Empty,
    /// Longer than the kind allows, in bytes.
    #[error("it is longer than {max} bytes")]
    TooLong {
        /// The bound, in bytes.
        max: usize,
    },
    /// A control character or one that changes the direction of text, which would make it look like something else.
    #[error("it holds a control or text-direction character")]
    Control,
    /// Brackets within brackets beyond reason.
    #[error("it is defanged more often than anybody would")]
    Defanged,
    /// A name without a dot cannot be reached on the internet.
    #[error("it has no dot")]
    NoDot,
    /// Two dots in a row, or a dot in front.
    #[error("it has an empty label")]
    EmptyLabel,
    /// RFC 1035 §2.3.4.
    #[error("a label of it is longer than 63 bytes")]
    LongLabel,
    /// A character that the kind does not allow.
    #[error("`{0}` is not allowed in it")]
    Character(char),
    /// The last label is a number, so a browser takes it for an IPv4 address.
    #[error("its last label is a number, and it is not an IPv4 address")]
    NumericTld,
    /// It has the form of a domain, but nothing on the internet ends so.
    #[error("its last label is no known top-level domain")]
    Tld,
    /// UTS 46 refuses it.
    #[error("it is not a valid internationalised name (UTS 46)")]
    Idn,
    /// The URL parser refuses it.
    #[error("it is not a URL")]
    Url,
    /// A URL without a host, such as `data:` or `file:`.
    #[error("it names no host")]
    NoHost,
    /// It is no address.
    #[error("it is not an IP address")]
    Address,
    /// Octal, hexadecimal, whole-number or short forms of IPv4.
    #[error("programs differ on octal, hexadecimal and short forms of IPv4")]
    LegacyIpv4,
    /// `fe80::1%eth0`.
    #[error("a zone id means something on one machine only")]
    Zone,
    /// The part behind the slash.
    #[error("its prefix length is not 1 to {max}")]
    Prefix {
        /// 32 or 128.
        max: u8,
    },
    /// It is no hash.
    #[error("it is not hexadecimal")]
    NotHex,
    /// The number of digits found.
    #[error("it has {0} hexadecimal digits")]
    HashLength(usize),
    /// It is no e-mail address.
    #[error("it is not an e-mail address")]
    Email,
    /// It is no telephone number.
    #[error("it is not a telephone number of 3 to 15 digits")]
    Phone,
    /// It does not look like an address of any currency.
    #[error("it is not a cryptocurrency address")]
    Cryptocurrency,
    /// It does not begin with a hive.
    #[error("it does not begin with a registry hive")]
    Hive,
    /// It is no STIX pattern.
    #[error("it is not a STIX pattern in square brackets")]
    Pattern,
    /// Both are as likely.
    #[error("it may be of kind `{0}` or `{1}`")]
    Ambiguous(ObservableKind, ObservableKind),
    /// It looks like nothing known.
    #[error("it has the form of no kind")]
    Unclear,
}

impl Reason {
    /// What to try, where there is something.
    pub const fn hint(self) -> Option<&'static str> {
        match self {
            Self::NoDot | Self::Tld | Self::Ambiguous(..) | Self::Unclear => {
                Some("say what it is with `--kind`, such as `--kind domain` or `--kind process_name`")
            }
            Self::LegacyIpv4 => Some("write it as four decimal numbers without leading zeros"),
            Self::Zone => Some("leave out the part behind `%`"),
            Self::HashLength(_) => Some("MD5 has 32, SHA-1 40, SHA-256 64 and SHA-512 128"),
            Self::Hive => Some("write it like `HKLM\\Software\\Name`"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_with_what_to_try() {
        const WHAT: &str = "say what it is with `--kind`, such as `--kind domain` or `--kind process_name`";
        let cases = [
            (Reason::Empty, "it is empty", None),
            (Reason::TooLong { max: 253 }, "it is longer than 253 bytes", None),
            (Reason::Control, "it holds a control or text-direction character", None),
            (Reason::Defanged, "it is defanged more often than anybody would", None),
            (Reason::NoDot, "it has no dot", Some(WHAT)),
            (Reason::EmptyLabel, "it has an empty label", None),
            (Reason::LongLabel, "a label of it is longer than 63 bytes", None),
            (Reason::Character('*'), "`*` is not allowed in it", None),
            (Reason::NumericTld, "its last label is a number, and it is not an IPv4 address", None),
            (Reason::Tld, "its last label is no known top-level domain", Some(WHAT)),
            (Reason::Idn, "it is not a valid internationalised name (UTS 46)", None),
            (Reason::Url, "it is not a URL", None),
            (Reason::NoHost, "it names no host", None),
            (Reason::Address, "it is not an IP address", None),
            (
                Reason::LegacyIpv4,
                "programs differ on octal, hexadecimal and short forms of IPv4",
                Some("write it as four decimal numbers without leading zeros"),
            ),
            (Reason::Zone, "a zone id means something on one machine only", Some("leave out the part behind `%`")),
            (Reason::Prefix { max: 32 }, "its prefix length is not 1 to 32", None),
            (Reason::NotHex, "it is not hexadecimal", None),
            (Reason::HashLength(31), "it has 31 hexadecimal digits", Some("MD5 has 32, SHA-1 40, SHA-256 64 and SHA-512 128")),
            (Reason::Email, "it is not an e-mail address", None),
            (Reason::Phone, "it is not a telephone number of 3 to 15 digits", None),
            (Reason::Cryptocurrency, "it is not a cryptocurrency address", None),
            (Reason::Hive, "it does not begin with a registry hive", Some("write it like `HKLM\\Software\\Name`")),
            (Reason::Pattern, "it is not a STIX pattern in square brackets", None),
            (Reason::Ambiguous(ObservableKind::Domain, ObservableKind::FileName), "it may be of kind `domain` or `file_name`", Some(WHAT)),
            (Reason::Unclear, "it has the form of no kind", Some(WHAT)),
        ];
        for (reason, text, hint) in cases {
            let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
            let error = |kind| BadObservable::new(kind, "a\u{202e}b", reason).to_string();
            assert_eq!(error(None), format!("cannot tell what `a\\u{{202e}}b` is: {text}{hint}"));
            assert_eq!(error(Some(ObservableKind::Url)), format!("`a\\u{{202e}}b` is not of kind `url`: {text}{hint}"));
        }
        crate::texts::all_say(include_str!("error.rs"), "Reason", &cases.map(|(reason, text, _)| (reason, text)));
    }

    #[test]
    fn no_more_than_sixty_characters_of_a_text_are_shown() {
        assert_eq!(shown(&"é".repeat(60)), "é".repeat(60));
        assert_eq!(shown(&"é".repeat(61)), "é".repeat(60) + "…");
    }
}
