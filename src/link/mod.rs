//! Edge to peers: who they are, how a connection to them is made, and what is spoken over it.
//!
//! Only this folder knows about TLS, certificates and protobuf.

pub mod accept;
pub mod certificate;
pub mod convert;
pub mod diagnosis;
pub mod dial;
pub mod frames;
mod gathered;
pub mod identity;
pub mod keys;
pub mod knock;
pub mod limits;
pub mod links;
mod one_task;
pub mod packed;
pub mod pairing;
pub mod profile;
pub mod serve;
pub mod session;
#[cfg(feature = "simulation")]
pub mod simulated;
pub mod tls;
pub mod trust;

/// What `proto/` becomes. Only this folder uses it.
#[allow(missing_docs, clippy::all)]
pub mod wire {
    tonic::include_proto!("watchfire.v1");
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
