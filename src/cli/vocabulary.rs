//! `watchfire vocabulary`

use super::output::{self, plain, table};
use super::{Desk, Ended};
use crate::model::vocabulary::{Vocabularies, Vocabulary};
use crate::node::error::NodeError;
use crate::node::vocabulary;
use serde::Serialize;
use std::path::PathBuf;

/// Show the value lists that referrals and profiles are made of, and check your own
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Show the value lists that referrals and profiles are made of, and check your own\n\nA file `DIR/vocabularies/NAME.toml` replaces a list; give it a version of your own. Codes that a partner's newer list has are shown as they are."
)]
pub(super) struct Args {
    /// One list, as its file has it; all names where none is given
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Check this file instead
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    check: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  watchfire vocabulary decline-reason";

/// A list in short.
#[derive(Debug, Serialize)]
pub(super) struct Short {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) codes: usize,
    pub(super) own: bool,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Ended {
    if let Some(path) = &args.check {
        let list = vocabulary::read(path)?;
        return output::answer(desk, &short(&list, true), |short| {
            format!("{}: {} codes, version {}\n", short.name, short.codes, short.version)
        });
    }
    let lists = match (vocabulary::load(&desk.data), &args.name) {
        // What is shown is what helps to put the file right.
        (Err(error), Some(_)) => {
            error
                .to_string()
                .lines()
                .next()
                .into_iter()
                .for_each(|line| output::say(&format!("warning: {}; the shipped list is shown", plain(line))));
            Vocabularies::new(vocabulary::shipped()?, Vec::new())
        }
        (lists, _) => lists?,
    };
    match &args.name {
        None => output::answer(desk, &shorts(&lists), |lists| names(lists)),
        Some(name) => match lists.get(name) {
            Some(list) => {
                // As its file has it, to be changed and put in place.
                let file = toml::to_string(list).map_err(|error| NodeError::Internal(error.to_string()))?;
                output::answer(desk, list, |_| file)
            }
            None => {
                let names: Vec<_> = lists.iter().map(|(list, _)| list.name.clone()).collect();
                Err(NodeError::BadInput(format!("there is no list `{}`\nhint: there are {}", plain(name), names.join(", "))).into())
            }
        },
    }
}

fn short(list: &Vocabulary, own: bool) -> Short {
    Short { name: list.name.clone(), version: list.version.clone(), codes: list.entries.len(), own }
}

fn shorts(lists: &Vocabularies) -> Vec<Short> {
    lists.iter().map(|(list, own)| short(list, own)).collect()
}

pub(super) fn names(lists: &[Short]) -> String {
    let whose = |own: bool| if own { "yours" } else { "shipped" }.to_owned();
    let row = |list: &Short| [list.name.clone(), list.codes.to_string(), plain(&list.version), whose(list.own)];
    table(["LIST", "CODES", "VERSION", "WHOSE"], lists.iter().map(row).collect())
}
