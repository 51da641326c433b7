//! STIX 2.0 and 2.1, read and written.
//!
//! What becomes an indicator: `indicator` objects with a STIX pattern, and nothing else. A cyber-observable object that stands
//! alone or in `observed-data` is something seen, not something to look for (a bundle about a case names the victim's
//! addresses so), and is reported, not taken. Names of malware, campaigns and actors that an indicator `indicates` become its
//! labels, beside its own `labels` and `indicator_types`.

pub mod markings;
mod object;
mod pending;
pub mod read;
pub mod write;

pub use pending::Scratch;
pub use read::read_within;

/// What our `external_references` say of the one that names where an author has an indicator from.
const SOURCE: &str = "where the author has it from";

/// An object's id, shortened: the first half of its SHA-256, so that ids of any length cost the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn of(id: &str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, id.as_bytes());
        let first: Option<&[u8; 16]> = digest.as_ref().first_chunk();
        Self(u128::from_be_bytes(*first.expect("SHA-256 has 32 bytes")))
    }
}
