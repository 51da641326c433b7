//! Who an organisation is: its root key, the chain of statements that names the current root, and the card that peers keep.
//!
//! Every statement is kept as the exact bytes that were signed, and each signature covers a context string for its type.

mod armour;
mod card;
mod chain;
mod endpoint;
mod key;
mod log_keys;
mod wire;

pub use armour::{BadArmour, TEXT_BYTES_MAX};
pub use card::{Card, CardContent, CardError, CardUpdateError};
pub use chain::{Chain, ChainError, ROTATIONS_MAX, Statement};
pub use endpoint::{BadEndpoint, Endpoint};
pub use key::{BadKey, P256Key, P256Public};
pub use log_keys::{EARLIER_MAX, EarlierLogKey, LogKey, LogKeys, STATEMENTS_MS};
pub use wire::Malformed;
