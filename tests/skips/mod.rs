//! What a test cannot look at here, said where people and `.ci/run` see it.

use std::io::Write;

/// Prints the reason, and adds it to the file that `WATCHFIRE_SKIPS` names: of tests that pass, cargo shows nothing.
pub fn skipped(why: &str) {
    println!("skipped: {why}");
    if let Some(path) = std::env::var_os("WATCHFIRE_SKIPS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).expect("the file of skips");
        file.write_all(format!("{why}\n").as_bytes()).expect("the file of skips");
    }
}
