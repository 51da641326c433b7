//! csv

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use super::Item;

/// x
///
/// # Errors
pub fn read(_input: &mut dyn BufRead, _sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    Ok(())
}
