//! What the link refuses, hides and survives, over real TLS on loopback.

mod certificates;
mod handshakes;
mod lifecycle;
mod pairings;
mod privacy;
