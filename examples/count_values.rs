//! Counts the distinct values of each kind in files: `cargo run --example count_values -- FILE…`
//!
//! With `--problems` it prints what was not taken and why, with `--values` every value.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;

use watchfire::formats::{Item, csv, text};

fn main() -> std::io::Result<()> {
    let (options, files): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let asked = |option: &str| options.iter().any(|given| given == option);
    let mut total = BTreeSet::new();
    for file in files {
        let mut values = BTreeSet::new();
        let mut problems = 0;
        let mut sink = |item| {
            match item {
                Item::Indicator { indicator, .. } => {
                    values.insert(indicator.observable);
                }
                Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                    problems += 1;
                    if asked("--problems") {
                        println!("  {}: {}", problem.place, problem.what.replace('\n', " / "));
                    }
                }
            }
            ControlFlow::Continue(())
        };
        let mut input = BufReader::new(File::open(&file)?);
        match file.rsplit('.').next() {
            Some("csv" | "tsv") => csv::read(&mut input, &mut sink)?,
            _ => text::read(&mut input, &mut sink)?,
        }
        if asked("--values") {
            values.iter().for_each(|value| println!("  {value}"));
        }
        println!("{file}: {}, problems {problems}", counts(&values));
        total.extend(values);
    }
    println!("all: {}", counts(&total));
    Ok(())
}

fn counts(values: &BTreeSet<watchfire::model::Observable>) -> String {
    let mut kinds = BTreeMap::new();
    for value in values {
        *kinds.entry(value.kind()).or_insert(0) += 1;
    }
    kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}
