//! The decisions: what may leave, to whom, and when it may be destroyed. Pure: state and time are parameters.

pub mod addressee;
pub mod alert;
pub mod blocking;
pub mod call;
pub mod campaigns;
pub mod consumer;
pub mod decay;
mod decode;
pub mod desk;
pub mod disclosed;
pub mod duplicate;
pub mod escalate;
pub mod gate;
pub mod label;
pub mod lists;
pub mod matching;
pub mod may;
pub mod notify;
pub mod policy;
pub mod reachable;
pub mod redact;
pub mod referral;
pub mod release;
pub mod retain;
pub mod sighting;
pub mod statistics;
pub mod volume;
