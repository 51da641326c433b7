//! Requests as a helpline had them in a year, and the people at three desks who answer them, or do not. Who carries their messages is a [`play::Network`]'s to say:
//! the rules alone, simulated nodes, or real ones.

// Each test binary uses its own part.
#![allow(dead_code)]

pub mod model;
pub mod nodes;
pub mod play;
pub mod report;
