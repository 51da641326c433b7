//! How to reach the person of a case: what is sealed to a desk in a cold referral, and stands nowhere else.

use super::seal_key::{SealPublic, SealSecret};
use super::sealed::{BadSealed, Binding, Sealed};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: u8 = 1;
/// The most channels, and the most that are not to be used.
const CHANNELS_MAX: usize = 12;
/// The longest texts, in bytes: together they stay below what may be sealed.
const KIND_MAX: usize = 40;
const VALUE_MAX: usize = 500;
const DO_NOT_USE_MAX: usize = 200;
const CALL_MAX: usize = 200;
const TIMES_MAX: usize = 1_000;
const NOTES_MAX: usize = 4_000;

/// The kinds of channels that people here may write, as they are printed. A partner's newer one is kept and shown as it is.
pub const KINDS: [&str; 30] = [
    "signal",
    "whatsapp",
    "telegram",
    "phone",
    "e-mail",
    "matrix",
    "wire",
    "threema",
    "session",
    "simplex",
    "briar",
    "xmpp",
    "delta-chat",
    "viber",
    "imo",
    "wechat",
    "line",
    "messenger",
    "facebook",
    "instagram",
    "x",
    "linkedin",
    "mastodon",
    "bluesky",
    "mattermost",
    "sms",
    "landline",
    "post",
    "in-person",
    "other",
];
/// How else some of them are written.
const SPELLINGS: [&str; 9] = ["telephone", "tel", "mobile", "cell", "email", "mail", "mailto", "twitter", "element"];

/// Whether it is a kind of channel that is known here, in whatever case it is written.
pub fn is_kind(text: &str) -> bool {
    let kind = text.trim().to_lowercase().replace(['_', ' '], "-");
    KINDS.iter().chain(&SPELLINGS).any(|known| *known == kind)
}

/// Why it is no contact. It says which part, and never what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadContact {
    /// A text is too long.
    #[error("the {0} of the contact have more than {1} bytes\nhint: leave out what is not needed to reach the person")]
    TooLong(&'static str, usize),
    /// Too many in a list.
    #[error("the contact has more than {CHANNELS_MAX} {0}\nhint: leave out what is not needed to reach the person")]
    TooMany(&'static str),
    /// Nothing to reach the person by, or a channel that says nothing.
    #[error("the contact has no channel, or one without kind or value\nhint: a channel is a kind, such as `signal`, and a value")]
    NoChannel,
    /// Characters that move what stands around them, or do not print.
    #[error("the {0} of the contact have control characters\nhint: give them as plain text")]
    Control(&'static str),
    /// What was opened is none.
    #[error("what was sealed is no contact that this program reads\nhint: ask whoever sealed it, or upgrade")]
    Malformed,
    /// It cannot be sealed, or opened.
    #[error(transparent)]
    Sealed(#[from] BadSealed),
}

/// A way to reach the person. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What it is: `signal`, `phone`, `e-mail`. 1 to 40 bytes.
    pub kind: String,
    /// The number, the address. 1 to 500 bytes.
    pub value: String,
}

/// How to reach the person. Wiped when dropped. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What to call the person; empty where that is not to be said. At most 200 bytes.
    #[serde(default)]
    pub call: String,
    /// Where, the best first. 1 to 12.
    pub channels: Vec<Channel>,
    /// When it is safe, in words, with the time zone. At most 1,000 bytes.
    #[serde(default)]
    pub safe_times: String,
    /// Which channels would endanger the person. At most 12, of 200 bytes each.
    #[serde(default)]
    pub do_not_use: Vec<String>,
    /// What else whoever writes or calls must know, such as who may answer. At most 4,000 bytes.
    #[serde(default)]
    pub notes: String,
}

impl Contact {
    /// Seals it to a desk.
    ///
    /// # Errors
    /// When it is out of its bounds.
    pub fn seal(&self, to: &SealPublic, binding: &Binding) -> Result<Sealed, BadContact> {
        Ok(Sealed::seal(to, binding, &self.encode()?)?)
    }

    /// Opens what [`Self::seal`] sealed.
    ///
    /// # Errors
    /// When it does not open, or is no contact.
    pub fn open(sealed: &Sealed, secret: &SealSecret, binding: &Binding) -> Result<Self, BadContact> {
        Self::decode(&sealed.open(secret, binding)?)
    }

    /// Each text that could tell who the person is, for the detectors: what is sealed must not stand in what is not. Times and kinds of
    /// channels are none.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let values = self.channels.iter().map(|channel| channel.value.as_str());
        std::iter::once(self.call.as_str()).chain(values).chain(self.do_not_use.iter().map(String::as_str)).filter(|text| !text.is_empty())
    }

    /// Whether it is within its bounds.
    ///
    /// # Errors
    /// What is not.
    pub fn check(&self) -> Result<(), BadContact> {
        let Self { call, channels, safe_times, do_not_use, notes } = self;
        if channels.iter().any(|channel| channel.kind.is_empty() || channel.value.is_empty()) || channels.is_empty() {
            return Err(BadContact::NoChannel);
        }
        for (what, count) in [("channels", channels.len()), ("channels that are not to be used", do_not_use.len())] {
            if count > CHANNELS_MAX {
                return Err(BadContact::TooMany(what));
            }
        }
        let kinds = channels.iter().map(|channel| ("kinds of the channels", &channel.kind, KIND_MAX));
        let values = channels.iter().map(|channel| ("values of the channels", &channel.value, VALUE_MAX));
        let not = do_not_use.iter().map(|text| ("channels that are not to be used", text, DO_NOT_USE_MAX));
        let others = [("words to call the person by", call, CALL_MAX), ("safe times", safe_times, TIMES_MAX), ("notes", notes, NOTES_MAX)];
        for (what, text, max) in kinds.chain(values).chain(not).chain(others) {
            if text.len() > max {
                return Err(BadContact::TooLong(what, max));
            }
            let lines = matches!(what, "notes" | "safe times");
            if text.chars().any(|c| (c.is_control() && !(lines && c == '\n')) || is_bidi(c)) {
                return Err(BadContact::Control(what));
            }
        }
        Ok(())
    }

    /// Version (1 byte), then the texts, each with its length (2 bytes, big-endian) before it, lists with their count (1 byte): call, channels
    /// (kind, value), safe times, channels not to be used, notes.
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, BadContact> {
        self.check()?;
        // Room enough that it never moves and leaves a copy.
        let mut bytes = Zeroizing::new(Vec::with_capacity(super::PLAINTEXT_MAX));
        let count = |list: usize| u8::try_from(list).expect("checked above");
        bytes.push(VERSION);
        put(&mut bytes, &self.call);
        bytes.push(count(self.channels.len()));
        for channel in &self.channels {
            put(&mut bytes, &channel.kind);
            put(&mut bytes, &channel.value);
        }
        put(&mut bytes, &self.safe_times);
        bytes.push(count(self.do_not_use.len()));
        self.do_not_use.iter().for_each(|text| put(&mut bytes, text));
        put(&mut bytes, &self.notes);
        Ok(bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, BadContact> {
        let mut rest = Rest(bytes);
        let contact = rest.contact().filter(|_| rest.0.is_empty()).ok_or(BadContact::Malformed)?;
        contact.check().map_err(|_| BadContact::Malformed)?;
        Ok(contact)
    }
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&u16::try_from(text.len()).expect("checked before").to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Marks that turn the direction of what stands around them: a number shown backwards reaches somebody else.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn contact(&mut self) -> Option<Contact> {
        if self.byte()? != VERSION {
            return None;
        }
        let call = self.text()?;
        let channels = self.list(|rest| Some(Channel { kind: rest.text()?, value: rest.text()? }))?;
        let safe_times = self.text()?;
        Some(Contact { call, channels, safe_times, do_not_use: self.list(Self::text)?, notes: self.text()? })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<String> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = usize::from(self.byte()?);
        if count > CHANNELS_MAX {
            return None;
        }
        // Room first: a list that grows leaves copies.
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(read(self)?);
        }
        Some(list)
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Channel")
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OrgId;

    const BINDING: Binding = Binding { sender: OrgId([1; 32]), recipient: OrgId([2; 32]), referral: [3; 16] };

    fn contact() -> Contact {
        Contact {
            call: "ليلى".into(),
            channels: vec![Channel { kind: "signal".into(), value: "+1 555 0100".into() }],
            safe_times: "weekdays after 18:00\nAfrica/Tunis".into(),
            do_not_use: vec!["the phone at work".into()],
            notes: "her brother may answer: say it is about the printer".into(),
        }
    }

    #[test]
    fn a_contact_opens_at_its_desk_as_it_was_sealed() {
        let secret = SealSecret::generate();
        let sealed = contact().seal(secret.public(), &BINDING).expect("seals");
        assert_eq!(Contact::open(&sealed, &secret, &BINDING), Ok(contact()));
        let other = Binding { referral: [4; 16], ..BINDING };
        assert!(matches!(Contact::open(&sealed, &secret, &other), Err(BadContact::Sealed(_))));
        let note = Sealed::seal(secret.public(), &BINDING, b"\x01hello").expect("seals");
        assert_eq!(Contact::open(&note, &secret, &BINDING), Err(BadContact::Malformed));
    }

    #[test]
    fn the_largest_contact_can_be_sealed() {
        let text = |length: usize| "x".repeat(length);
        let largest = Contact {
            call: text(CALL_MAX),
            channels: vec![Channel { kind: text(KIND_MAX), value: text(VALUE_MAX) }; CHANNELS_MAX],
            safe_times: text(TIMES_MAX),
            do_not_use: vec![text(DO_NOT_USE_MAX); CHANNELS_MAX],
            notes: text(NOTES_MAX),
        };
        let bytes = largest.encode().expect("within bounds");
        assert!(bytes.len() <= super::super::PLAINTEXT_MAX, "{}", bytes.len());
        assert_eq!(Contact::decode(&bytes), Ok(largest.clone()));
        let edits: [fn(&mut Contact); 7] = [
            |contact| contact.call.push('x'),
            |contact| contact.channels[3].kind.push('x'),
            |contact| contact.channels[11].value.push('x'),
            |contact| contact.channels.push(contact.channels[0].clone()),
            |contact| contact.do_not_use.push(String::new()),
            |contact| contact.safe_times.push('x'),
            |contact| contact.notes.push('x'),
        ];
        for (n, edit) in edits.iter().enumerate() {
            let mut over = largest.clone();
            edit(&mut over);
            assert!(over.check().is_err() && over.encode().is_err(), "edit {n}");
        }
    }

    #[test]
    fn what_says_nothing_or_shows_backwards_is_no_contact() {
        let with = |edit: fn(&mut Contact)| {
            let mut contact = contact();
            edit(&mut contact);
            contact.check()
        };
        assert_eq!(with(|contact| contact.channels.clear()), Err(BadContact::NoChannel));
        assert_eq!(with(|contact| contact.channels[0].value.clear()), Err(BadContact::NoChannel));
        assert_eq!(with(|contact| contact.channels[0].value.push('\u{202e}')), Err(BadContact::Control("values of the channels")));
        assert_eq!(with(|contact| contact.call.push('\n')), Err(BadContact::Control("words to call the person by")));
        assert_eq!(with(|contact| contact.notes.push('\n')), Ok(()), "notes have lines");
        assert_eq!(with(|contact| contact.notes.push('\u{1b}')), Err(BadContact::Control("notes")));
    }

    #[test]
    fn no_cut_and_no_changed_count_is_read_as_a_contact() {
        let bytes = contact().encode().expect("within bounds").to_vec();
        for cut in 0..bytes.len() {
            assert_eq!(Contact::decode(&bytes[..cut]), Err(BadContact::Malformed), "cut at {cut}");
        }
        assert_eq!(Contact::decode(&[&bytes[..], &[0]].concat()), Err(BadContact::Malformed));
        let mut other = bytes.clone();
        other[0] = 2;
        assert_eq!(Contact::decode(&other), Err(BadContact::Malformed));
    }

    #[test]
    fn the_detectors_are_told_each_value_that_could_tell_who_it_is() {
        assert_eq!(contact().values().collect::<Vec<_>>(), ["ليلى", "+1 555 0100", "the phone at work"]);
    }

    #[test]
    fn debug_prints_nothing_of_a_contact_and_an_error_none_of_its_values() {
        assert_eq!(format!("{:?}{:?}", contact(), contact().channels[0]), "ContactChannel");
        let mut wrong = contact();
        wrong.channels[0].value = "+1 555 0100\u{7}".into();
        assert!(!wrong.check().expect_err("control").to_string().contains("555"));
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let cases = [
            (
                BadContact::TooLong("notes", 4_000),
                "the notes of the contact have more than 4000 bytes\nhint: leave out what is not needed to reach the person",
            ),
            (
                BadContact::TooMany("channels"),
                "the contact has more than 12 channels\nhint: leave out what is not needed to reach the person",
            ),
            (
                BadContact::NoChannel,
                "the contact has no channel, or one without kind or value\nhint: a channel is a kind, such as `signal`, and a value",
            ),
            (BadContact::Control("notes"), "the notes of the contact have control characters\nhint: give them as plain text"),
            (BadContact::Malformed, "what was sealed is no contact that this program reads\nhint: ask whoever sealed it, or upgrade"),
            (
                BadSealed::Malformed.into(),
                "it is nothing sealed that this program reads\nhint: it was damaged on the way, or is of another version",
            ),
        ];
        crate::texts::all_say(include_str!("contact.rs"), "BadContact", &cases);
    }
}
