//! Identifiers: fixed-size byte strings, written in lower-case base32 (RFC 4648 §6, no padding).

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;

static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.translate.from.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    specification.translate.to.push_str("abcdefghijklmnopqrstuvwxyz");
    specification.encoding().expect("the alphabet has 32 distinct symbols")
});

/// Lower-case base32 without padding.
pub fn base32(bytes: &[u8]) -> String {
    BASE32.encode(bytes)
}

/// Reads what [`base32`] writes, upper case too; `None` when it is not that.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    BASE32.decode(text.as_bytes()).ok()
}

/// The text was not an identifier of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {length} characters of base32 (a-z, 2-7) are expected")]
pub struct BadId {
    text: String,
    kind: &'static str,
    length: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $size:expr, $kind:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&base32(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                let bad = || BadId { text: text.chars().take(80).collect(), kind: $kind, length: usize::div_ceil($size * 8, 5) };
                let bytes = from_base32(text).ok_or_else(bad)?;
                Ok(Self(bytes.try_into().map_err(|_| bad())?))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = std::array::TryFromSliceError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                Ok(Self(bytes.try_into()?))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// An organisation: the SHA-256 of its inception statement. Never changes.
    OrgId, 32, "an organisation id"
);
impl OrgId {
    /// What the ids begin with under which this node keeps what feeds say. No organisation's does: theirs are hashes.
    const FEED: [u8; 8] = *b"\0\0\0feed\0";

    /// The id of a feed of ours.
    pub fn feed(id: &[u8; 16]) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&Self::FEED);
        bytes[8..24].copy_from_slice(id);
        Self(bytes)
    }

    /// Whether it stands for a feed of ours, and for no organisation.
    pub fn is_feed(&self) -> bool {
        self.0.starts_with(&Self::FEED)
    }
}

id!(
    /// A group: the SHA-256 of its owner and a nonce.
    GroupId, 32, "a group id"
);
id!(
    /// A log: the SHA-256 of its author, incarnation and audience.
    LogId, 32, "a log id"
);
id!(
    /// An entry: the SHA-256 of its header. How messages refer to each other.
    EntryHash, 32, "an entry hash"
);
id!(
    /// A record as this node names it: `HMAC(own id key, author ‖ kind ‖ canonical value)`, cut to 16 bytes. Stable, and opaque to
    /// everyone else, so that a recalled value cannot be guessed from receipts, disclosures or exported ids.
    RecordId, 16, "a record id"
);

id!(
    /// A desk user's public key, Ed25519. Its beginning stands for the user where the name must not: in logs.
    UserKey,
    32,
    "a desk user's key"
);
id!(
    /// SHA-256 of something of the desk's: a change of its users, a wrapped key, a first signature. All zero before the first change.
    DeskHash,
    32,
    "a hash of the desk's"
);
id!(
    /// An X-Wing public key that things are sealed to, a desk's or a desk user's: the beginning of a SHA-256 of it.
    SealKeyId, 16, "the id of a key that is sealed to"
);
id!(
    /// A release of this node's: what was decided on together. Short, since people type it to undo it; known here alone.
    ReleaseId, 5, "the id of a release"
);
id!(
    /// A notice: hashed from what it tells of, so that what is told twice is one notice. Opaque to everyone else.
    NoticeId, 16, "the id of a notice"
);
id!(
    /// The beginning of a referral's id, which is random: enough for people to find the referral by at their own desk.
    ShortId, 5, "a short id"
);

impl ShortId {
    /// Of an id's bytes; `None` where there are fewer than 5.
    pub fn of(id: &[u8]) -> Option<Self> {
        id.first_chunk().map(|bytes| Self(*bytes))
    }
}

id!(
    /// A case as it is offered to one organisation: random, so that it tells nothing and two offers of a case do not look alike.
    ReferralId, 16, "the id of a referral"
);
id!(
    /// A case of this node's own, of which every offer is a referral. Random, and known here alone.
    CaseId, 16, "the id of a case"
);
id!(
    /// A call for help, as its author names it: random, so that it tells nothing.
    CallId, 16, "the id of a call"
);
id!(
    /// An alert, as its author names it: random, so that it tells nothing.
    AlertId, 16, "the id of an alert"
);
id!(
    /// A check for a duplicate, or a case's contacts that may be matched. Random; both sides of a check know it by it.
    CheckId, 16, "the id of a check"
);
id!(
    /// A hand-over from one shift to the next. Short, since people type it; known here alone.
    HandOverId, 5, "the id of a hand-over"
);
id!(
    /// What several organisations report: `HMAC(own id key, what it is)`, cut to 16 bytes. Stable, and opaque to everyone else.
    CampaignId, 16, "the id of a campaign"
);
id!(
    /// What a platform was asked for. Short, since people type it; known here alone.
    PlatformId, 5, "the id of a platform escalation"
);
id!(
    /// A person or an organisation in need, as one partner knows it: random for each of the two, and never computed from who it is.
    SubjectRef, 16, "the reference of a subject"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_in_either_case() {
        let id = OrgId([7; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 52);
    }

    #[test]
    fn a_bad_id_says_what_was_expected() {
        let error = "xyz".parse::<RecordId>().expect_err("too short");
        assert_eq!(error.to_string(), "`xyz` is not a record id: 26 characters of base32 (a-z, 2-7) are expected");
    }
}
