//! One plain list for each kind, a value a line.

use super::threads::Threads;
use super::{Files, Unsaid, Values, one_line};
use crate::formats::stix::Scratch;
use crate::model::{Observable, ObservableKind};
use std::io;

/// Lists named by kind: `domain.txt`, `sha256.txt`.
pub struct Lists<F: Files, S: Scratch> {
    files: F,
    lists: Threads<ObservableKind, S>,
}

impl<F: Files, S: Scratch> Lists<F, S> {
    /// Lists, for which `scratch` is an empty file.
    pub const fn new(files: F, scratch: S) -> Self {
        Self { files, lists: Threads::new(scratch) }
    }
}

impl<F: Files, S: Scratch> Values for Lists<F, S> {
    fn value(&mut self, observable: &Observable) -> io::Result<()> {
        self.lists.push(&observable.kind(), format!("{}\n", one_line(observable.value())).as_bytes())
    }

    fn finish(self: Box<Self>) -> io::Result<Unsaid> {
        let Self { mut files, mut lists } = *self;
        for kind in lists.groups() {
            files.begin(&format!("{kind}.txt"))?;
            lists.write(&kind, &mut files)?;
        }
        files.end()?;
        Ok(Unsaid::default())
    }
}
