//! The decisions. Pure: time and randomness are parameters.

pub mod label;
pub mod release;
pub mod retain;
