//! Recipients (`age1…`) and identities (`AGE-SECRET-KEY-1…`).

use crate::model::bech32;
use crate::model::crypto::random;
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use std::str::FromStr;
use zeroize::Zeroizing;

const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";
/// Where the secret part of an identity begins, also of one that was cut.
const SECRET: &str = "key-1";

/// Why a text is no recipient. It never repeats a secret key, and so nothing that does not look like a recipient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecipient {
    /// The secret half was given.
    #[error(
        "that is a secret key (AGE-SECRET-KEY-1…), and a recipient is a public one\nhint: give the `age1…` that stands in the identity file \
         as `public key`; whoever could read the secret one just now can read every backup made to it, so make a new one"
    )]
    Secret,
    /// A kind of recipient that is not written here.
    #[error("`{0}` is a recipient of a kind that this program does not write to\nhint: give an X25519 recipient: `age1` and 58 letters")]
    Kind(String),
    /// Something else.
    #[error(
        "that is not an age recipient\nhint: it begins with `age1`; `age-keygen`, or `watchfire backup --new-identity FILE`, makes one"
    )]
    Other,
    /// It looks like one, with a slip in it.
    #[error("`{0}` is not an age recipient: its checksum does not fit\nhint: copy it again, whole")]
    Checksum(String),
    /// A point under which anything could be read by anyone.
    #[error("`{0}` is a recipient that keeps nothing secret\nhint: make another identity")]
    Weak(String),
}

/// Why a file holds no identity that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIdentity {
    /// It is locked by a passphrase.
    #[error(
        "it is protected by a passphrase, which is not read here\nhint: `age --decrypt -o KEYFILE FILE` unlocks it; delete KEYFILE afterwards"
    )]
    Locked,
    /// A line that is no identity.
    #[error("line {0} is not an X25519 identity (AGE-SECRET-KEY-1…)")]
    Line(usize),
    /// Nothing.
    #[error("it holds no identity\nhint: the file that `age-keygen`, or `watchfire backup --new-identity FILE`, has made is wanted")]
    Empty,
}

/// Somebody to whom a file is encrypted: the public half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient(pub(super) [u8; 32]);

impl FromStr for Recipient {
    type Err = BadRecipient;

    fn from_str(text: &str) -> Result<Self, BadRecipient> {
        let text = text.trim();
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        if lower.contains(IDENTITY) || lower.contains(SECRET) {
            return Err(BadRecipient::Secret);
        }
        let shown = || text.chars().filter(|c| !c.is_control()).take(80).collect::<String>();
        let Some((prefix, bytes)) = bech32::decode(text) else {
            let looks_right = text.starts_with("age1") && !text.contains(char::is_whitespace);
            return Err(if looks_right { BadRecipient::Checksum(shown()) } else { BadRecipient::Other });
        };
        // age writes recipients in lower case and refuses them otherwise.
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(point) if prefix == RECIPIENT && !text.starts_with('A') => {
                let recipient = Self(point);
                // The library refuses a point of small order when it agrees with it.
                let usable = Identity::generate().agree(&recipient).is_some();
                if usable { Ok(recipient) } else { Err(BadRecipient::Weak(shown())) }
            }
            // Identities of plugins begin with `AGE-PLUGIN-`, their recipients with `age1`.
            _ if prefix == RECIPIENT || prefix.starts_with("age1") => Err(BadRecipient::Kind(shown())),
            _ => Err(BadRecipient::Other),
        }
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT, &self.0))
    }
}

/// Who can open a file: the secret half. `Debug` prints the public one.
pub struct Identity {
    secret: Zeroizing<[u8; 32]>,
    key: PrivateKey,
    public: [u8; 32],
}

impl Identity {
    /// A fresh one.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn generate() -> Self {
        Self::of(Zeroizing::new(random())).expect("every 32 bytes are an X25519 key")
    }

    fn of(secret: Zeroizing<[u8; 32]>) -> Option<Self> {
        let key = PrivateKey::from_private_key(&X25519, secret.as_slice()).ok()?;
        let public = key.compute_public_key().ok()?.as_ref().try_into().ok()?;
        Some(Self { secret, key, public })
    }

    /// To whom a file must be encrypted for this one to open it.
    pub const fn recipient(&self) -> Recipient {
        Recipient(self.public)
    }

    /// The secret as age writes it, for a file of mode 0600 and nothing else.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let mut text = bech32::encode(IDENTITY, self.secret.as_slice());
        text.make_ascii_uppercase();
        text
    }

    /// What both sides know; `None` for a share of small order.
    pub(super) fn agree(&self, with: &Recipient) -> Option<Zeroizing<[u8; 32]>> {
        let share = UnparsedPublicKey::new(&X25519, with.0);
        let shared = agree(&self.key, share, (), |shared| <[u8; 32]>::try_from(shared).map(Zeroizing::new).map_err(|_| ())).ok()?;
        shared.iter().any(|byte| *byte != 0).then_some(shared)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (prefix, bytes) = bech32::decode(text).ok_or(())?;
        let secret = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| ())?);
        // age writes secrets in upper case and refuses them otherwise.
        if prefix != IDENTITY || text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(());
        }
        Self::of(secret).ok_or(())
    }
}

/// The identities in a file as `age-keygen` makes it: one to a line, `#` begins a comment.
///
/// # Errors
/// When it is locked, holds anything else, or nothing.
pub fn identities(text: &str) -> Result<Vec<Identity>, BadIdentity> {
    if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") {
        return Err(BadIdentity::Locked);
    }
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if !line.is_empty() && !line.starts_with('#') {
            found.push(line.parse().map_err(|()| BadIdentity::Line(number))?);
        }
    }
    if found.is_empty() { Err(BadIdentity::Empty) } else { Ok(found) }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn what_is_no_recipient_or_identity_is_told_without_repeating_a_secret() {
        let cases = [
            (
                BadRecipient::Secret,
                "that is a secret key (AGE-SECRET-KEY-1…), and a recipient is a public one\nhint: give the `age1…` that stands in the identity file as `public key`; whoever could read the secret one just now can read every backup made to it, so make a new one",
            ),
            (
                BadRecipient::Kind("age1tag1x".into()),
                "`age1tag1x` is a recipient of a kind that this program does not write to\nhint: give an X25519 recipient: `age1` and 58 letters",
            ),
            (
                BadRecipient::Other,
                "that is not an age recipient\nhint: it begins with `age1`; `age-keygen`, or `watchfire backup --new-identity FILE`, makes one",
            ),
            (
                BadRecipient::Checksum("age1x".into()),
                "`age1x` is not an age recipient: its checksum does not fit\nhint: copy it again, whole",
            ),
            (BadRecipient::Weak("age1x".into()), "`age1x` is a recipient that keeps nothing secret\nhint: make another identity"),
        ];
        crate::texts::all_say(include_str!("key.rs"), "BadRecipient", &cases);
        let cases = [
            (
                BadIdentity::Locked,
                "it is protected by a passphrase, which is not read here\nhint: `age --decrypt -o KEYFILE FILE` unlocks it; delete KEYFILE afterwards",
            ),
            (BadIdentity::Line(3), "line 3 is not an X25519 identity (AGE-SECRET-KEY-1…)"),
            (
                BadIdentity::Empty,
                "it holds no identity\nhint: the file that `age-keygen`, or `watchfire backup --new-identity FILE`, has made is wanted",
            ),
        ];
        crate::texts::all_say(include_str!("key.rs"), "BadIdentity", &cases);
    }
}
