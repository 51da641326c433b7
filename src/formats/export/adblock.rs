//! A filter list for uBlock Origin, AdGuard, AdGuard Home and Pi-hole.

use super::{Above, Files, Unsaid, Values};
use crate::model::{Observable, ObservableKind};
use std::io;

const NOT_OF_A_PAGE: &str = "a browser's filter knows names, addresses and pages alone";
const SIGNS: &str = "the address of the page has signs that mean something else in a filter";

/// Names and addresses with all below them, and single pages: what a page loads, and the page itself, which `$document` alone stops from being opened. `||name^` is
/// what every one of these programs reads; `$all` is not.
pub struct Adblock<F: Files>(F, Above, Unsaid);

impl<F: Files> Adblock<F> {
    /// Begins the list.
    ///
    /// # Errors
    /// The output fails.
    pub fn new(mut files: F) -> io::Result<Self> {
        files.begin("adblock.txt")?;
        files.write_all(b"! Title: Watchfire\n! Description: indicators that partners share\n! Expires: 12 hours\n")?;
        Ok(Self(files, Above::default(), Unsaid::default()))
    }
}

impl<F: Files> Values for Adblock<F> {
    fn value(&mut self, observable: &Observable) -> io::Result<()> {
        let value = observable.value();
        match observable.kind() {
            ObservableKind::Domain if self.1.covers(value) => Ok(()),
            ObservableKind::Domain | ObservableKind::Ipv4 => writeln!(self.0, "||{value}^"),
            ObservableKind::Ipv6 => writeln!(self.0, "||[{value}]^"),
            kind @ ObservableKind::Url if value.contains(['*', '^', '|', '$', '#', ',', ' ', '\'', '"', '\\']) => self.2.left(kind, SIGNS),
            // The page itself, and with a query behind it.
            ObservableKind::Url if value.ends_with('/') => writeln!(self.0, "|{value}\n|{value}$document"),
            ObservableKind::Url => writeln!(self.0, "|{value}^\n|{value}^$document"),
            kind => self.2.left(kind, NOT_OF_A_PAGE),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.0.end()?;
        Ok(self.2)
    }
}
