//! The decisions. Pure: time and randomness are parameters.
