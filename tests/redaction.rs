//! The detectors on labelled texts. Most are not part of the project: `WATCHFIRE_SHARED` names the folder that has them (by default `../shared`).
//! `data/redaction/sentences.json` is: sentences in 29 locales written for the project, under its licence, with values that Faker made up.
//! Figures by locale and script stand in docs/redaction.md.

mod shared;
mod skips;

use watchfire::rules::redact::check::{Table, check};
use watchfire::rules::redact::{Detector, Known};

fn measured(name: &str) -> Option<(Table, Vec<String>)> {
    let json = std::fs::read_to_string(shared::data(&format!("pii/{name}"))?).expect("readable");
    let mut misses = Vec::new();
    let table = check(&json, &mut |miss| misses.push(format!("{}: {}: {}", miss.locale, miss.what, miss.value))).expect("cases");
    Some((table, misses))
}

#[test]
fn referrals_in_nineteen_locales_lose_what_is_personal_and_keep_what_is_not() {
    let Some((table, misses)) = measured("referrals_synthetic.json") else { return };
    let all = &table.all;
    assert!(all.structured.ratio() >= 0.99 && all.precision.ratio() >= 0.95, "{misses:#?}");
    assert!(all.known_names.ratio() >= 0.99 && all.keep.ratio() >= 0.99, "{misses:#?}");
    for (locale, figures) in &table.locales {
        assert!(figures.structured.ratio() >= 0.95 && figures.keep.ratio() >= 0.95, "{locale}: {misses:#?}");
    }
}

#[test]
fn notes_chats_forms_and_logs_in_29_locales_lose_what_is_personal_and_keep_what_is_not() {
    let mut misses = Vec::new();
    let table = check(include_str!("data/redaction/sentences.json"), &mut |miss| {
        misses.push(format!("{}: {}: {}", miss.locale, miss.what, miss.value))
    });
    let table = table.expect("cases");
    let all = &table.all;
    assert!(table.locales.len() == 29 && all.cases > 180);
    assert!(all.structured.ratio() >= 0.99 && all.precision.ratio() >= 0.99 && all.keep.ratio() >= 0.99, "{misses:#?}");
    assert!(all.known_names.ratio() >= 0.99 && all.dates.ratio() >= 0.99 && all.other_names.ratio() >= 0.85, "{misses:#?}");
}

#[test]
fn documents_with_a_check_digit_are_found_alone() {
    let Some((table, misses)) = measured("presidio_recognizer_cases.json") else { return };
    assert!(table.all.structured.ratio() >= 0.95, "{} {misses:#?}", table.all.structured.ratio());
}

#[test]
fn telephone_numbers_of_all_regions_are_found_with_their_prefix_and_behind_a_word_without() {
    let Some(rows) = shared::data("pii/phone_examples.csv").map(|file| std::fs::read_to_string(file).expect("readable")) else { return };
    let detector = Detector::new(&Known::default());
    let whole = |text: &str, number: &str| {
        let start = text.find(number).expect("it is there");
        let found = detector.find(text);
        let digits = number.char_indices().filter(|(_, c)| c.is_ascii_digit());
        digits.clone().count() > 0 && digits.into_iter().all(|(at, _)| found.iter().any(|finding| finding.range.contains(&(start + at))))
    };
    let (mut numbers, mut with_prefix, mut without) = (0, 0, 0);
    for row in rows.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let [_, _, "yes", e164, international, national, ..] = cells[..] else { continue };
        if international.bytes().filter(u8::is_ascii_digit).count() < 8 || national.bytes().filter(u8::is_ascii_digit).count() < 6 {
            continue;
        }
        numbers += 1;
        with_prefix +=
            usize::from(whole(&format!("Reach her at {international}, please"), international) && whole(&format!("tel {e164}"), e164));
        without += usize::from(whole(&format!("Her phone number is {national}."), national));
    }
    println!("{numbers} numbers, {with_prefix} with and {without} without their prefix");
    assert!(numbers > 300 && with_prefix * 100 >= numbers * 99 && without * 100 >= numbers * 97, "{numbers} {with_prefix} {without}");
}
