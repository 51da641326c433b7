//! Prints how many distinct values of each kind the readers find in files: `count_kinds FILE|FOLDER…`.
//!
//! One JSON object: path → { "format", "kinds": { kind: distinct }, "items", "problems" }. With `--values KIND` the values
//! themselves, one per line; with `--problems` the problems; with `--all` also "values": { kind: [value] } and "told": [[place, reason]],
//! which `tests/counts/explain.py` holds against `tests/counts/count.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Cursor};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use watchfire::formats::{self, Item};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let problems = arguments.iter().position(|argument| argument == "--problems").map(|at| arguments.remove(at)).is_some();
    let values = arguments.iter().position(|argument| argument == "--values").map(|at| {
        arguments.remove(at);
        arguments.remove(at)
    });
    let everything = arguments.iter().position(|argument| argument == "--all").map(|at| arguments.remove(at)).is_some();
    let mut all = serde_json::Map::new();
    for argument in &arguments {
        for path in files(Path::new(argument))? {
            let mut counted = count(&path, values.as_deref(), problems)?;
            if !everything && let Some(counted) = counted.as_object_mut() {
                counted.remove("values");
                counted.remove("told");
            }
            all.insert(path.display().to_string(), counted);
        }
    }
    if values.is_none() && !problems {
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    entries.iter().try_fold(Vec::new(), |mut found, entry| {
        found.extend(files(entry)?);
        Ok(found)
    })
}

fn count(path: &Path, values: Option<&str>, problems: bool) -> Result<serde_json::Value, Box<dyn std::error::Error>> {
    let mut kinds: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut told = Vec::new();
    let mut sink = |item: Item| {
        match item {
            Item::Indicator { indicator, .. } => {
                let observable = indicator.observable;
                if values == Some(observable.kind().name()) {
                    println!("{}", observable.value());
                }
                kinds.entry(observable.kind().name()).or_default().insert(observable.value().to_owned());
            }
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) if problems => {
                println!("{}: {}: {}", path.display(), problem.place, problem.what)
            }
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => told.push((problem.place, problem.what)),
        }
        ControlFlow::Continue(())
    };
    let name = path.file_name().and_then(|name| name.to_str());
    let mut input = BufReader::new(std::fs::File::open(path)?);
    let summary = formats::read(&mut input, None, name, &mut Cursor::new(Vec::new()), &mut sink)?;
    let mut first = std::fs::read(path)?;
    first.truncate(formats::sniff::SNIFF_BYTES);
    let format = format!("{:?}", formats::sniff::detect(&first, name));
    let counts: BTreeMap<&str, usize> = kinds.iter().map(|(kind, values)| (*kind, values.len())).collect();
    let (items, problems) = (summary.indicators, summary.problems);
    Ok(serde_json::json!({ "format": format, "kinds": counts, "items": items, "problems": problems, "values": kinds, "told": told }))
}
