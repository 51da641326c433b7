//! MISP events, in every wrapper in which they are published.
//!
//! What becomes an indicator: an attribute (of an event or of an object in it) whose type is an observable and whose `to_ids` is
//! true or absent. `to_ids: false` is MISP's way of saying "context, do not detect on it", so it is reported and not taken,
//! with two exceptions:
//!
//! - a publisher who sets `to_ids` on none of an event's attributes does not use the flag (much of what ESET publishes is
//!   so); then all observables are taken;
//! - `appid` of an `android-app` object, whose template has no other way (`text`, never `to_ids`).
//!
//! E-mail recipients (`email-dst`, `target-*`) are victims as often as not, and are taken only where `to_ids` is true.
//! Tags of four scales say how sure the author is (`confidence.rs`), an attribute's own before its event's.
//! Composite types give each of their parts; ports are dropped. A comment's last line may say where the value is from (`Source: …`), and a `last_seen` that lies
//! ahead of the attribute's own time says until when it holds.

mod attribute;
mod confidence;
pub mod read;
pub mod rest;
mod types;

pub(super) use attribute::comment;
pub use attribute::flag;
pub(super) use confidence::{confidence_of, confidence_tag};
pub use read::read_within;
pub(super) use types::kinds;
