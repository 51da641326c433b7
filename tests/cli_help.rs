//! Every help page, word for word, against `tests/expected/help.txt`. `WATCHFIRE_EXPECT=write cargo test` writes it anew.

use std::fmt::Write;
use std::process::Command;

const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expected/help.txt");

fn help(path: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchfire"));
    let output = command.args(path).arg("--help").env_remove("WATCHFIRE_DATA").env("NO_COLOR", "1").output().expect("it runs");
    assert!(output.status.success(), "`watchfire {} --help` ends with 0", path.join(" "));
    assert!(output.stderr.is_empty(), "help is data");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The names under `Commands:`.
fn commands(page: &str) -> Vec<String> {
    let section = page.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = section.lines().take_while(|line| !line.is_empty());
    // Continued descriptions are indented further.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

fn pages() -> Vec<(String, String)> {
    let top = help(&[]);
    let mut pages = Vec::new();
    for command in commands(&top) {
        let page = help(&[&command]);
        for below in commands(&page) {
            pages.push((format!("{command} {below}"), help(&[&command, &below])));
        }
        pages.push((command, page));
    }
    pages.push((String::new(), top));
    pages.sort();
    pages
}

#[test]
fn every_help_page_reads_as_it_should() {
    let mut all = String::new();
    for (name, page) in pages() {
        writeln!(all, "$ watchfire {name} --help\n{page}").expect("a string takes it");
    }
    if std::env::var_os("WATCHFIRE_EXPECT").is_some_and(|value| value == "write") {
        std::fs::write(EXPECTED, &all).expect("written");
    }
    let expected = std::fs::read_to_string(EXPECTED).expect("tests/expected/help.txt is there");
    assert!(all == expected, "help has changed; read it, then run `WATCHFIRE_EXPECT=write cargo test --test cli_help`:\n{all}");
}

#[test]
fn every_help_page_ends_with_one_example() {
    for (name, page) in pages() {
        let examples = page.split("\nExamples:\n").nth(1).unwrap_or_else(|| panic!("`{name}` has no example"));
        let lines: Vec<_> = examples.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(lines.len(), 1, "`{name}`: one example, and nothing after it");
        assert!(lines[0].starts_with("  watchfire "), "`{name}`: {}", lines[0]);
    }
}

#[test]
fn every_command_takes_data_and_json() {
    for (name, page) in pages() {
        assert!(page.contains("--data <DIR>") && page.contains("--json"), "`{name}`");
    }
}
