//! What happens, one file per event.
