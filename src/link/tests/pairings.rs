//! pairings
