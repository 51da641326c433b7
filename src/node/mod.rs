//! What happens, one file per event.

pub mod error;
pub mod view;
