//! What the link refuses, hides and survives, over real TLS on loopback.

mod certificates;
mod der;
mod handshakes;
mod kinds;
mod lifecycle;
mod pairings;
mod privacy;
