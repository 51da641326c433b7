//! One plain list for each kind, a value a line.

use super::{Files, Form, Row, Unsaid, one_line};
use crate::model::ObservableKind;
use std::io;

/// Lists named by kind: `domain.txt`, `sha256.txt`. Values come by kind, so that one file is open at a time.
pub struct Lists<F: Files>(F, Option<ObservableKind>);

impl<F: Files> Lists<F> {
    /// Lists into these files.
    pub const fn new(files: F) -> Self {
        Self(files, None)
    }
}

impl<F: Files> Form for Lists<F> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        let Some(observable) = rows.first().map(|row| &row.observable) else { return Ok(()) };
        if self.1.replace(observable.kind()) != Some(observable.kind()) {
            self.0.begin(&format!("{}.txt", observable.kind()))?;
        }
        writeln!(self.0, "{}", one_line(observable.value()))
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        self.0.end()?;
        Ok(Unsaid::default())
    }
}
