//! Pairing by invitation: two organisations that share one secret exchange cards, and two people compare twelve digits.
//!
//! ```text
//! joiner                                             inviter
//!   ── commitment = H(nonce j, card j), MAC ──────────►   one of five tries
//!   ◄────────────────── nonce i, card i, MAC ──────────
//!   ── nonce j, card j ───────────────────────────────►   commitment checked, invitation used up
//!            both show digits = H(card i, card j, nonce i, nonce j)
//! ```
//!
//! The MACs are keyed by the secret, which is never sent, and bound to this TLS connection by its exporter, so they are worth nothing
//! on another. The joiner has fixed its nonce before it sees the inviter's, and the inviter sends its own before it sees the
//! joiner's, so neither side, nor anyone in between, can steer the digits.

mod invitation;
mod join;
mod kept;
mod protocol;
mod service;

pub use invitation::{BadInvitation, Invitation, LIFE_MS};
pub use join::{JoinError, join};
pub use kept::{Kept, keep, kept};
pub use protocol::{PairingChannel, PairingError, PairingOutcome, TRIES_MAX, digits_agree};
pub use service::{Keep, NotOpened, PairingService, Persist};
