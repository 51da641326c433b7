//! Every file of the shared data survives its reader. The data is not part of the project: without it these tests say so and pass.

mod shared;
mod skips;

use std::io::{BufReader, Cursor};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use shared::{data, files};
use watchfire::formats::{self, Format, Item, sniff};
use watchfire::model::Tlp;

#[derive(Default)]
struct Told {
    indicators: Vec<(String, Option<Tlp>, bool)>,
    problems: Vec<String>,
}

fn read(path: &Path) -> Told {
    let mut told = Told::default();
    let mut notes = 0;
    let mut sink = |item: Item| {
        notes += u64::from(matches!(item, Item::Note(_)));
        match item {
            Item::Indicator { indicator, tlp, revoked, .. } => told.indicators.push((indicator.observable.to_string(), tlp, revoked)),
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                assert!(!problem.place.is_empty() && !problem.what.is_empty(), "{}: a problem without a place or a reason", path.display());
                assert!(problem.what.len() < 2_000, "{}: a reason of {} bytes", path.display(), problem.what.len());
                told.problems.push(problem.what);
            }
        }
        ControlFlow::Continue(())
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let mut input = BufReader::new(std::fs::File::open(path).expect("readable"));
    let summary = formats::read(&mut input, None, name, &mut Cursor::new(Vec::new()), &mut sink).expect("only I/O fails");
    assert_eq!(summary.indicators, told.indicators.len() as u64, "{}", path.display());
    assert_eq!(summary.problems + notes, told.problems.len() as u64, "{}", path.display());
    told
}

#[test]
fn every_real_and_hostile_file_is_survived() {
    let Some(data) = data("") else { return };
    let folders = ["stix", "stix20", "misp", "misp-feed-tweetfeed", "csv", "lists", "taxii", "hostile"];
    let paths: Vec<PathBuf> = folders.iter().flat_map(|folder| files(&data.join(folder))).collect();
    assert!(paths.len() > 600, "only {} files", paths.len());
    let silent = |path: &&PathBuf| {
        let told = read(path);
        told.indicators.is_empty() && told.problems.is_empty()
    };
    let silent: Vec<String> = paths.iter().filter(silent).map(|path| path.display().to_string()).collect();
    let nothing_in_them: Vec<&String> = silent.iter().filter(|path| !has_no_record(path)).collect();
    assert!(nothing_in_them.is_empty(), "nothing was told of {nothing_in_them:?}");
}

/// Files that are whole and have no record in them: of these there is nothing to tell. STIX that only describes,
/// an event without attributes, an empty page.
fn has_no_record(path: &str) -> bool {
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("readable")).replace([' ', '\n', '\r'], "");
    let described = ["identity", "malware", "relationship", "intrusion-set", "marking-definition", "tool", "campaign"];
    let stix = text.contains("\"type\":\"") && !text.contains("\"type\":\"indicator\"");
    let only_described = stix && described.iter().any(|kind| text.contains(&format!("\"type\":\"{kind}\"")));
    // A comma too many is borne: `[,]` is an empty array.
    let ends = ["{}", "[]", "[,]", "\"objects\":[]}", "\"response\":[]}", "[{}]"];
    let empty = text.is_empty() || (ends.iter().any(|end| text.trim().ends_with(end)) && text.len() < 200);
    let no_attributes = text.contains("\"info\":") && !text.contains("\"value\":");
    let header_alone = path.ends_with("made/csv_header_only.csv");
    // What the lists beside it are, in sentences.
    only_described || empty || no_attributes || header_alone || path.ends_with("lists/loki/README.txt")
}

#[test]
fn the_readers_agree_with_the_published_numbers() {
    let Some(data) = data("") else { return };
    for (file, expected, problems) in [
        ("stix/pegasus.stix2", 1549, 0),
        ("stix/cytrox.stix2", 343, 0),
        ("stix/rcs.stix2", 40, 0),
        ("stix/stalkerware.stix2", 5046, 0),
        // One domain of Predator's has no dot.
        ("stix/predator.stix2", 584, 1),
        ("misp-feed-tweetfeed/bf69bf49-4afd-532f-bacf-fb4e150fd2c4.json", 1187, 0),
        ("misp/eset/machete__misp-machete-event.json", 389, 1),
    ] {
        let told = read(&data.join(file));
        assert_eq!((told.indicators.len(), told.problems.len()), (expected, problems), "{file}: {:?}", told.problems);
    }
}

#[test]
fn what_a_hostile_file_says_soundly_is_taken_and_nothing_else() {
    let Some(data) = data("") else { return };
    #[derive(serde::Deserialize)]
    struct Expected {
        good_indicators: Option<usize>,
    }
    let folder = data.join("hostile/made");
    let text = std::fs::read_to_string(folder.join("EXPECT.json")).expect("the list");
    let expected: std::collections::BTreeMap<String, Expected> = serde_json::from_str(&text).expect("a list");
    for (file, expected) in expected {
        let Some(good) = expected.good_indicators else { continue };
        // `external_references: {}` is wrong too, but nothing that we read.
        let ignored = usize::from(file == "types_wrong.stix2");
        // The reader takes one version and names the others.
        assert_eq!(read(&folder.join(&file)).indicators.len(), good + ignored, "{file}");
    }
}

#[test]
fn a_marking_that_lies_or_is_unknown_never_widens_an_audience() {
    let Some(data) = data("") else { return };
    let labels = |file: &str| -> Vec<Option<Tlp>> {
        read(&data.join("hostile/made").join(file)).indicators.iter().map(|(_, tlp, _)| *tlp).collect()
    };
    assert!(labels("tlp_lying_definition.stix2").iter().all(|tlp| *tlp == Some(Tlp::Red)));
    assert!(labels("tlp_granular.stix2").iter().all(|tlp| *tlp == Some(Tlp::Red)));
    assert!(labels("misp_tags_bad.json").iter().all(|tlp| *tlp == Some(Tlp::Red)));
    assert!(!labels("tlp_conflict.stix2").contains(&Some(Tlp::Clear)));
    assert!(labels("misp_feed_hostile/38cbe9d9-b3b7-49aa-925f-cd07866c45da.json").len() == 2);
}

#[test]
fn the_format_of_every_file_is_told_by_its_content() {
    let Some(data) = data("") else { return };
    let told = |path: &Path, name: Option<&str>| {
        let mut bytes = std::fs::read(path).expect("readable");
        bytes.truncate(sniff::SNIFF_BYTES);
        sniff::detect(&bytes, name)
    };
    // JSON by its content alone.
    let no_json = ["hashes.csv", "manifest.json", "meta.json", "dnsbirthday"];
    for (folder, expected) in [
        ("stix/unit42", Format::Stix),
        ("stix20", Format::Stix),
        ("taxii/tweetfeed/pages", Format::Stix),
        ("misp/eset", Format::Misp),
        ("misp/misp-stix", Format::Misp),
        ("misp-feed-tweetfeed", Format::Misp),
    ] {
        for path in files(&data.join(folder)) {
            let name = path.display().to_string();
            if !no_json.iter().any(|other| name.contains(other)) {
                assert_eq!(told(&path, None), expected, "{name}");
            }
        }
    }
    // Tables and lists with the help of their names: a table of one column looks like a list.
    for path in ["csv", "lists"].iter().flat_map(|folder| files(&data.join(folder))) {
        let name = path.display().to_string();
        let format = told(&path, Some(&name));
        let expected = if name.ends_with(".csv") || name.ends_with(".tsv") { Format::Csv } else { Format::Text };
        assert!(format == expected || (expected == Format::Text && format == Format::Csv), "{name}: {format:?}");
    }
}

/// Every attribute of an event, those of its objects too.
fn attributes(event: &serde_json::Value) -> u64 {
    let own = |of: &serde_json::Value| of["Attribute"].as_array().map_or(0, |all| all.len() as u64);
    own(event) + event["Object"].as_array().into_iter().flatten().map(own).sum::<u64>()
}

#[test]
fn every_attribute_of_an_event_is_an_indicator_or_is_counted_among_what_is_not_taken() {
    let Some(data) = data("") else { return };
    let mut looked_at = 0;
    for path in files(&data.join("misp")).iter().chain(&files(&data.join("misp-feed-tweetfeed"))) {
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).expect("readable")) else { continue };
        let event = json.get("Event").unwrap_or(&json);
        let (mut places, mut not_taken) = (std::collections::BTreeSet::new(), 0);
        let mut sink = |item: Item| {
            match item {
                Item::Indicator { place, .. } | Item::Problem(formats::Problem { place, .. }) => drop(places.insert(place)),
                // Sightings stand beside attributes.
                Item::LeftOut(problem, _) if problem.what.starts_with("a sighting") => {}
                Item::LeftOut(_, count) => not_taken += count,
                Item::Note(_) => {}
            }
            ControlFlow::Continue(())
        };
        let mut input = BufReader::new(std::fs::File::open(path).expect("readable"));
        formats::read(&mut input, Some(Format::Misp), None, &mut Cursor::new(Vec::new()), &mut sink).expect("only I/O fails");
        if attributes(event) > 0 {
            looked_at += 1;
            assert_eq!(places.len() as u64 + not_taken, attributes(event), "{}", path.display());
        }
    }
    assert!(looked_at > 40, "only {looked_at} files");
}
