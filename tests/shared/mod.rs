//! Data that is not part of the project: `WATCHFIRE_SHARED` names the folder that has it (by default `../shared`).
#![allow(dead_code, reason = "each test uses a part")]

use crate::skips;
use std::path::{Path, PathBuf};

/// `data/NAME` of the shared folder, or a line that says that it is absent.
pub fn data(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("WATCHFIRE_SHARED").map_or_else(beside, PathBuf::from).join("data").join(name);
    if path.exists() {
        return Some(path);
    }
    skips::skipped(&format!("{} is absent (WATCHFIRE_SHARED names the folder that has `data`)", path.display()));
    None
}

/// Every file below a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("readable").path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
