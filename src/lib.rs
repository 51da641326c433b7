//! Watchfire: one organisation's node in a federation of helplines and CERTs.
//!
//! The folders are the architecture (docs/ARCHITECTURE.md): `model`, `rules` and `formats` are pure and build without the
//! `node` feature; `node` tells what happens, one file per event; `link`, `store`, `api` and `cli` are edges.

pub mod formats;
pub mod model;
pub mod rules;

#[cfg(test)]
#[path = "../tests/campaign/mod.rs"]
mod campaign;
#[cfg(test)]
#[path = "../tests/skips/mod.rs"]
mod skips;
#[cfg(test)]
mod texts;

#[cfg(feature = "node")]
pub mod api;
#[cfg(feature = "node")]
pub mod cli;
#[cfg(feature = "node")]
pub mod clock;
#[cfg(feature = "node")]
pub mod config;
#[cfg(feature = "node")]
pub mod link;
#[cfg(feature = "node")]
pub mod node;
#[cfg(feature = "simulation")]
pub mod simulation;
#[cfg(feature = "node")]
pub mod store;
