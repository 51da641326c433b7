//! The people at this node's desk: who they are, what they sign, how their keys are kept.
//!
//! Names are known inside the desk alone. They never leave the node, and logs say the short form of a key instead.

mod contact;
mod key;
mod order;
mod roles;
mod seal_key;
mod sealed;
mod statement;
mod user;
mod wrapped;

pub use contact::{BadContact, Channel, Contact, KINDS, is_kind};
pub use key::{DeskKey, KeyChange, KeyShare, Opening, SignedKeyChange, SignedOpening, UserSealKey};
pub use order::{Order, Ordered, SignedOrder, wanted};
pub use roles::Roles;
pub use seal_key::{BadSealKey, ENCAPSULATED_BYTES, SEAL_PUBLIC_BYTES, SealPublic, SealSecret};
pub use sealed::{BadSealed, Binding, PLAINTEXT_MAX, SEALED_MAX, Sealed};
pub use statement::{Approval, Release, SignedApproval, SignedRelease, Terms};
pub use user::{Act, BadUserName, Role, SignedChange, User, UserChange, UserName};
pub use wrapped::{BadPassphrase, BadWrapped, Cost, PASSPHRASE_MIN, Passphrase, WrappedKey};

/// A signature in JSON is base64.
mod signature_text {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(signature: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(signature))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
        let bytes = BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("a signature has 64 bytes"))
    }
}
