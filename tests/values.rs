//! Canonical forms and readers on real files. Those files are not part of the project: `WATCHFIRE_SHARED` names the folder that has them (by default `../shared`),
//! and without it these tests say that they are skipped.

mod skips;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use watchfire::formats::{Item, csv, text};
use watchfire::model::{Observable, ObservableKind};

/// The folder with the data, or a message that the test is skipped.
fn data(test: &str) -> Option<PathBuf> {
    let shared =
        std::env::var_os("WATCHFIRE_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let data = shared.join("data");
    if data.is_dir() {
        return Some(data);
    }
    skips::skipped(&format!("{test}: {} is absent; set WATCHFIRE_SHARED to the folder that has `data`", data.display()));
    None
}

fn json(path: &Path) -> Vec<serde_json::Value> {
    serde_json::from_str(&fs::read_to_string(path).expect("the file is readable")).expect("the file is a JSON array")
}

fn read(path: &Path) -> (BTreeSet<Observable>, Vec<String>) {
    let mut values = BTreeSet::new();
    let mut problems = Vec::new();
    let mut sink = |item| {
        match item {
            Item::Indicator { indicator, .. } => {
                values.insert(indicator.observable);
            }
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                problems.push(format!("{}: {}", problem.place, problem.what))
            }
        }
        ControlFlow::Continue(())
    };
    let mut input = BufReader::new(fs::File::open(path).expect("the file is readable"));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv" | "tsv") => csv::read(&mut input, &mut sink),
        _ => text::read(&mut input, &mut sink),
    }
    .expect("the file is readable");
    (values, problems)
}

fn counts<'a>(values: impl IntoIterator<Item = &'a Observable>) -> String {
    let mut kinds = BTreeMap::new();
    for value in values {
        *kinds.entry(value.kind()).or_insert(0) += 1;
    }
    kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

/// `http` and `https` URLs of the WHATWG suite: ours is theirs but for what our canonical form leaves out on purpose.
#[test]
fn urls_are_what_the_whatwg_suite_says() {
    let Some(data) = data("urls_are_what_the_whatwg_suite_says") else { return };
    let mut checked = 0;
    for case in json(&data.join("idna/urltestdata.json")) {
        let (Some(input), Some(href)) = (case["input"].as_str(), case["href"].as_str()) else { continue };
        let host = case["hostname"].as_str().unwrap_or("");
        let web = ["http://", "https://"].iter().any(|scheme| input.starts_with(scheme));
        let whole = watchfire::model::observable::strip(input) == input;
        let plain = whole
            && !input.contains(['[', '(', '{', '\\', '<'])
            && !input.chars().any(|c| c.is_control() || "\u{ad}\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{202d}\u{202e}".contains(c))
            && host.contains('.')
            && !host.ends_with('.');
        let left_out = case["username"] != "" || case["password"] != "" || href.ends_with(['?', '#', ',', '`']) || href.contains("?#");
        if !web || !plain || left_out || host.contains(|c: char| !(c.is_ascii_alphanumeric() || ".-_".contains(c))) {
            continue;
        }
        let ours = Observable::parse(ObservableKind::Url, input);
        assert_eq!(ours.as_ref().map(Observable::value), Ok(href), "{input}");
        checked += 1;
    }
    assert!(checked > 60, "only {checked} cases");
}

#[test]
fn names_with_a_label_in_punycode_are_their_own_form() {
    let Some(data) = data("names_with_a_label_in_punycode_are_their_own_form") else { return };
    let names = fs::read_to_string(data.join("idna/real_xn_domains.txt")).expect("the file is readable");
    let refused: Vec<_> = names
        .lines()
        .filter(|name| Observable::parse(ObservableKind::Domain, name).map(|value| value.value() != *name) != Ok(false))
        .collect();
    assert_eq!(refused, [""; 0]);
    let table = fs::read_to_string(data.join("idna/homographs.csv")).expect("the file is readable");
    let mut checked = 0;
    for row in table.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>()).filter(|row| row.get(3) == Some(&"yes")) {
        let ours = Observable::parse(ObservableKind::Domain, row[1]);
        assert_eq!(ours.as_ref().map(Observable::value), Ok(row[2]), "{row:?}");
        checked += 1;
    }
    assert!(checked > 100, "only {checked} rows");
}

/// The lines of a GPL test file: looked at, never copied.
#[test]
fn defanged_lines_are_taken_and_debris_is_not() {
    let Some(data) = data("defanged_lines_are_taken_and_debris_is_not") else { return };
    let valid = fs::read_to_string(data.join("defang/iocextract_valid.txt")).expect("the file is readable");
    // Not ours: a host without a dot, a comma for a dot, an IPv6 address without brackets in a URL.
    let strange = |line: &str| line.contains("example,com") || line.contains("http://fdc4") || *line == *"456-7890";
    let lost: Vec<_> = valid.lines().filter(|line| !strange(line) && Observable::guess(line).is_err()).collect();
    assert_eq!(lost, [""; 0]);
    let invalid = fs::read_to_string(data.join("defang/iocextract_invalid.txt")).expect("the file is readable");
    let taken: Vec<_> = invalid.lines().filter_map(|line| Observable::guess(line).ok()).map(|value| value.to_string()).collect();
    assert_eq!(taken, ["ipv4_net:100.20.30.0/24"]);
}

/// Distinct values per kind in whole folders; a change here is a change of what an import takes.
#[test]
fn the_same_values_are_found_in_every_list_and_table() {
    let Some(data) = data("the_same_values_are_found_in_every_list_and_table") else { return };
    let folder = |name: &str| {
        let mut all = BTreeSet::new();
        let mut problems = 0;
        let mut folders = vec![data.join(name)];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).expect("the folder is readable").map(|entry| entry.expect("the entry is readable").path()) {
                match path.extension().and_then(|extension| extension.to_str()) {
                    _ if path.is_dir() => folders.push(path),
                    Some("yaml") => {}
                    _ => {
                        let (values, found) = read(&path);
                        problems += found.len();
                        all.extend(values);
                    }
                }
            }
        }
        format!("{}, problems {problems}", counts(&all))
    };
    let found: Vec<(&str, String)> = EXPECTED.iter().map(|&(name, _)| (name, folder(name))).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(name, counts)| (*name, counts.as_str())).collect();
    assert_eq!(found, EXPECTED);
}

const EXPECTED: [(&str, &str); 9] = [
    ("csv/carbonblack", "domain 173, url 1, ipv4 808, md5 2, problems 446"),
    ("csv/sekoia", "domain 982, url 1258, ipv4 735, ipv6 1, email 6, md5 353, sha1 349, sha256 1136, sha512 101, problems 0"),
    ("csv/stalkerware", "domain 957, url 2, ipv4 66, sha256 3228, app_id 200, app_cert_hash 650, problems 0"),
    ("csv/tweetfeed", "domain 4875, url 683, ipv4 730, md5 28, sha256 88, problems 2"),
    ("csv/unit42", "domain 2335, url 158, ipv4 205, email 2, file_name 17, file_path 47, md5 279, sha1 43, sha256 1264, problems 493"),
    ("csv/volexity", "domain 359, url 61, ipv4 146, email 5, md5 159, sha1 159, sha256 244, problems 1"),
    ("lists/amnesty", "domain 1864, ipv4 610, email 52, file_name 1, file_path 6, sha256 254, app_id 2, problems 82"),
    ("lists/mvt-indicators", "domain 833, email 36, file_path 17, sha256 9, app_id 6, problems 3"),
    ("lists/loki", "domain 1656, ipv4 118, file_path 60, problems 3784"),
];

#[test]
fn hostile_tables_and_texts_are_survived() {
    let Some(data) = data("hostile_tables_and_texts_are_survived") else { return };
    for (name, expected, problems) in [
        ("csv_cell_1mb.csv", "", 1),
        ("csv_dup_header.csv", "domain 2", 0),
        ("csv_formula.csv", "domain 1", 6),
        ("csv_header_only.csv", "", 0),
        ("csv_latin1.csv", "domain 1", 0),
        ("csv_mixed_eol.csv", "domain 3", 0),
        ("csv_nul.csv", "domain 1", 1),
        ("csv_ragged.csv", "domain 3", 0),
        ("csv_semicolon.csv", "domain 2", 0),
        ("csv_unterminated.csv", "domain 1", 1),
        ("csv_utf16.csv", "domain 1", 0),
        ("csv_zero_width.csv", "domain 3", 1),
    ] {
        let (values, found) = read(&data.join("hostile/made").join(name));
        assert_eq!((counts(&values).as_str(), found.len()), (expected, problems), "{name}: {found:#?}");
    }
}
