//! A contact in the one form in which it is compared. Lives in the command line's process alone.

use crate::model::crypto::framed;
use crate::model::desk::Channel;
use crate::model::{Observable, ObservableKind};
use icu_normalizer::DecomposingNormalizerBorrowed;
use zeroize::Zeroizing;

const CONTEXT: &str = "watchfire/duplicate/contact/v1";
/// The longest handle and the longest name of a service, in bytes.
const HANDLE_MAX: usize = 254;
const SERVICE_MAX: usize = 40;
/// Services whose names are numbers that can be called.
const CALLED: [&str; 10] = ["phone", "telephone", "tel", "mobile", "cell", "sms", "signal", "whatsapp", "viber", "imo"];
/// Names of e-mail.
const MAILED: [&str; 4] = ["e-mail", "email", "mail", "mailto"];

/// Why a contact cannot be compared. It never says what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSubject {
    /// A number without its country.
    #[error("it is a number without `+` and the code of its country\nhint: write it as it is called from abroad: +961 …")]
    NoCountry,
    /// An e-mail address that is none.
    #[error("it is no e-mail address\nhint: name@host, and nothing around it")]
    Email,
    /// A handle without its service.
    #[error("it does not say where\nhint: write the service before it, such as `telegram:NAME`")]
    NoService,
    /// Empty, too long, or with characters that are none of a name.
    #[error("it is no contact\nhint: an e-mail address, a number with `+`, or `SERVICE:NAME`, up to 254 bytes")]
    Malformed,
}

/// A contact in canonical form. Wiped when dropped. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject")
    }
}

impl Subject {
    /// What stands in for the contact: its kind, the service of a handle, and the value, so that no two kinds have an input in common.
    pub fn input(&self) -> &[u8] {
        &self.0
    }

    /// A channel of a sealed contact. A number is the same person's whatever service it is for.
    ///
    /// # Errors
    /// When it cannot be compared.
    pub fn of(channel: &Channel) -> Result<Self, BadSubject> {
        let service = channel.kind.trim().to_lowercase();
        let value = channel.value.trim();
        if MAILED.contains(&service.as_str()) {
            return Self::email(value);
        }
        let called = CALLED.contains(&service.as_str());
        if called || value.starts_with(['+', '\u{ff0b}']) {
            return match Observable::parse(ObservableKind::PhoneNumber, value) {
                Ok(number) if number.value().starts_with('+') => Ok(Self::new("phone", "", number.value())),
                Ok(_) if called => Err(BadSubject::NoCountry),
                // Some of these services have names, too.
                _ => Self::handle(&service, value),
            };
        }
        Self::handle(&service, value)
    }

    /// A contact as somebody types it: an e-mail address, a number with `+`, or `service:name`.
    ///
    /// # Errors
    /// When it cannot be compared.
    pub fn typed(text: &str) -> Result<Self, BadSubject> {
        let text = text.trim();
        if text.starts_with(['+', '\u{ff0b}']) || text.starts_with("00") {
            return Self::of(&Channel { kind: "phone".into(), value: text.into() });
        }
        match text.split_once(':') {
            Some((service, name)) => Self::of(&Channel { kind: service.into(), value: name.into() }),
            None if text.contains('@') && !text.starts_with('@') => Self::email(text),
            None if !text.is_empty() && text.chars().all(|c| c.is_numeric() || " -./()".contains(c)) => Err(BadSubject::NoCountry),
            None => Err(BadSubject::NoService),
        }
    }

    fn email(value: &str) -> Result<Self, BadSubject> {
        let address = Observable::parse(ObservableKind::Email, value).map_err(|_| BadSubject::Email)?;
        Ok(Self::new("email", "", address.value()))
    }

    /// Letters in their compatibility form and in lower case, without `@` before them and without what does not print.
    fn handle(service: &str, value: &str) -> Result<Self, BadSubject> {
        let is_service = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if service.is_empty() || service.len() > SERVICE_MAX || !service.chars().all(is_service) {
            return Err(BadSubject::Malformed);
        }
        let folded = Zeroizing::new(folded(value));
        let name = folded.strip_prefix('@').unwrap_or(&folded);
        if name.is_empty() || name.len() > HANDLE_MAX || name.chars().any(char::is_control) {
            return Err(BadSubject::Malformed);
        }
        Ok(Self::new("handle", service, name))
    }

    fn new(kind: &str, service: &str, value: &str) -> Self {
        Self(Zeroizing::new(framed(CONTEXT, &[kind.as_bytes(), service.as_bytes(), value.as_bytes()])))
    }
}

fn folded(value: &str) -> String {
    let forms = DecomposingNormalizerBorrowed::new_nfkd();
    let is_seen =
        |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}');
    let lower: String = forms.normalize(value.trim()).chars().filter(is_seen).flat_map(char::to_lowercase).collect();
    forms.normalize(&lower).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, value: &str) -> Result<Subject, BadSubject> {
        Subject::of(&Channel { kind: kind.into(), value: value.into() })
    }

    #[test]
    fn one_contact_has_one_form_however_it_is_written() {
        let number = Subject::typed("+961 3 123 456");
        assert!(number.is_ok());
        for (kind, value) in [
            ("signal", "+961 (3) 123-456"),
            ("Phone", "00961 3 123 456"),
            ("whatsapp", "+\u{0669}\u{0666}\u{0661}3123456"),
            ("telegram", "+9613123456"),
        ] {
            assert_eq!(of(kind, value), number, "{kind} {value}");
        }
        assert_eq!(of("e-mail", "Leyla@EXAMPLE.org"), Subject::typed("leyla@example.org"));
        assert_eq!(of("email", "leyla@bücher.example"), Subject::typed("leyla@xn--bcher-kva.example"));
        for value in ["@Leyla_K", "leyla_k", "\u{ff4c}eyla_K\u{200b}", " leyla_k "] {
            assert_eq!(of("Telegram", value), Subject::typed("telegram:leyla_k"), "{value}");
        }
    }

    #[test]
    fn no_two_kinds_have_an_input_in_common() {
        let all =
            [of("telegram", "leyla"), of("wire", "leyla"), of("telegram", "leyl"), of("e-mail", "leyla@x.org"), of("xmpp", "leyla@x.org")];
        for (place, one) in all.iter().enumerate() {
            assert!(one.is_ok() && !all[..place].contains(one), "{place}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_told_without_what_it_is() {
        let cases = [
            (
                BadSubject::NoCountry,
                "it is a number without `+` and the code of its country\nhint: write it as it is called from abroad: +961 …",
            ),
            (BadSubject::Email, "it is no e-mail address\nhint: name@host, and nothing around it"),
            (BadSubject::NoService, "it does not say where\nhint: write the service before it, such as `telegram:NAME`"),
            (BadSubject::Malformed, "it is no contact\nhint: an e-mail address, a number with `+`, or `SERVICE:NAME`, up to 254 bytes"),
        ];
        crate::texts::all_say(include_str!("contact.rs"), "BadSubject", &cases);
        for (text, bad) in [
            ("03 123 456", BadSubject::NoCountry),
            ("phone:03 123 456", BadSubject::NoCountry),
            ("email:leyla", BadSubject::Email),
            ("leyla", BadSubject::NoService),
            ("@leyla", BadSubject::NoService),
            ("", BadSubject::NoService),
            ("tele gram:leyla", BadSubject::Malformed),
            ("telegram:@", BadSubject::Malformed),
            ("telegram:a\u{7}b", BadSubject::Malformed),
        ] {
            assert_eq!(Subject::typed(text), Err(bad), "{text}");
        }
        assert_eq!(Subject::typed(&format!("x:{}", "y".repeat(255))), Err(BadSubject::Malformed));
        assert_eq!(format!("{:?}", Subject::typed("telegram:leyla")), "Ok(Subject)");
    }
}
