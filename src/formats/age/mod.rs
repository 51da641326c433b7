//! The age file encryption format, version 1 (age-encryption.org/v1), as far as backups need it: files for one or more X25519
//! recipients, as streams. `age`, `rage` and their libraries read what this writes, and it reads what they write for such recipients.
//!
//! Not here: passphrases, SSH keys, plugins and armour. Why not a crate: see docs/dependencies.md.

mod header;
mod key;
mod stream;
#[cfg(test)]
mod tests;

pub use key::{BadIdentity, BadRecipient, Identity, Recipient, identities};
pub use stream::{Decryptor, Encryptor};

/// Why an encrypted file cannot be read. The text's second line, where there is one, is `hint: …`.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// It does not begin as such a file does.
    #[error("it is not a file that age has encrypted")]
    NotAge,
    /// It is in ASCII armour.
    #[error(
        "it is in ASCII armour, which is not read here\nhint: take the armour off: `age --decrypt` and `age --encrypt` without `--armor`"
    )]
    Armoured,
    /// Another version of the format.
    #[error("it is in version `{0}` of the age format, and this program reads v1")]
    Version(String),
    /// The header breaks the format.
    #[error("its header is damaged: {0}")]
    Header(&'static str),
    /// The file ends within its header.
    #[error("it is cut off within its header")]
    CutHeader,
    /// None of the identities opens it.
    #[error("it is encrypted to other recipients\nhint: give the identity file that belongs to a recipient of this backup")]
    NoMatch,
    /// It is locked by a passphrase.
    #[error("it is encrypted with a passphrase, which is not read here\nhint: decrypt it with `age` first, and encrypt it to a recipient")]
    Passphrase,
    /// The header was changed after it was made.
    #[error("its header was changed after it was made")]
    Mac,
    /// A part of the content is not what was written.
    #[error("it is damaged, or cut off, after {0} bytes of content")]
    Damaged(u64),
    /// It ends before its end, between two parts.
    #[error("it is cut off after {0} bytes of content")]
    Cut(u64),
    /// It goes on after its end.
    #[error("something follows its end, after {0} bytes of content")]
    Trailing(u64),
    /// The system refuses to read.
    #[error("it cannot be read: {0}")]
    Io(std::io::Error),
}

impl From<AgeError> for std::io::Error {
    fn from(error: AgeError) -> Self {
        match error {
            AgeError::Io(error) => error,
            other => Self::new(std::io::ErrorKind::InvalidData, other),
        }
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn each_error_says_what_is_wrong_with_the_file() {
        let cases = [
            (AgeError::NotAge, "it is not a file that age has encrypted"),
            (
                AgeError::Armoured,
                "it is in ASCII armour, which is not read here\nhint: take the armour off: `age --decrypt` and `age --encrypt` without `--armor`",
            ),
            (AgeError::Version("v2".into()), "it is in version `v2` of the age format, and this program reads v1"),
            (AgeError::Header("no recipient"), "its header is damaged: no recipient"),
            (AgeError::CutHeader, "it is cut off within its header"),
            (
                AgeError::NoMatch,
                "it is encrypted to other recipients\nhint: give the identity file that belongs to a recipient of this backup",
            ),
            (
                AgeError::Passphrase,
                "it is encrypted with a passphrase, which is not read here\nhint: decrypt it with `age` first, and encrypt it to a recipient",
            ),
            (AgeError::Mac, "its header was changed after it was made"),
            (AgeError::Damaged(7), "it is damaged, or cut off, after 7 bytes of content"),
            (AgeError::Cut(7), "it is cut off after 7 bytes of content"),
            (AgeError::Trailing(7), "something follows its end, after 7 bytes of content"),
            (AgeError::Io(std::io::Error::other("no disk")), "it cannot be read: no disk"),
        ];
        crate::texts::all_say(include_str!("mod.rs"), "AgeError", &cases);
    }
}
