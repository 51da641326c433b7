//! Edge to peers: TLS, identity on the wire, pairing, and the one stream between two nodes.

pub mod convert;
