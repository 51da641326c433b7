//! Scenarios on a whole federation: real nodes, real mutual TLS, real stores, in one process, on one clock that the test moves.
//!
//! [`harness::Federation`] cuts and heals links, kills and restarts nodes, waits until nothing moves, and checks when it is dropped
//! what must hold after every scenario (DESIGN §9).

// A scenario says what it expects by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The harness looks at real time to bound how long it waits; the nodes never do.
#![allow(clippy::disallowed_methods)]

#[path = "../campaign/mod.rs"]
mod campaign;
#[path = "../shared/cases.rs"]
mod cases;
#[path = "../desk/mod.rs"]
mod desk;
mod harness;

mod alerts;
mod backup;
mod calls;
mod campaigns;
mod cold;
mod control;
mod counters;
mod deeds;
mod disks;
mod duplicates;
mod exports;
mod gate;
mod groups;
mod handovers;
mod holds;
mod hostile;
mod keys;
mod labels;
mod lies;
mod links;
mod lives;
mod membership;
mod newer;
mod next_offers;
mod nothing_new;
mod open_cases;
mod pairing;
mod platforms;
mod profiles;
mod recalls;
mod recalls_alone;
mod referrals;
mod roles;
mod second;
mod seen;
mod sharing;
mod sightings;
mod signatures;
mod time;
mod timers;
