//! The works that are measured, W1 to W7.

pub mod growth;
pub mod latency;
pub mod lookup;
pub mod memory;
pub mod referral;
pub mod throughput;
pub mod wire;

use std::path::PathBuf;

/// What is asked for on the command line.
pub struct Plan {
    works: Option<Vec<String>>,
    pub sizes: Vec<u64>,
    pub repeat: usize,
    pub smoke: bool,
    pub growth: Option<PathBuf>,
    pub child: Option<Vec<String>>,
}

impl Plan {
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut plan = Self { works: None, sizes: vec![1_000, 10_000, 100_000], repeat: 3, smoke: false, growth: None, child: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("`{argument}` needs a value"));
            match argument.as_str() {
                "--works" => plan.works = Some(value().split(',').map(Into::into).collect()),
                "--n" => plan.sizes = value().split(',').map(|size| size.parse().expect("a number")).collect(),
                "--repeat" => plan.repeat = value().parse().expect("a number"),
                "--growth" => plan.growth = Some(value().into()),
                "--smoke" => (plan.smoke, plan.sizes, plan.repeat) = (true, vec![1_000], 1),
                "--child" => plan.child = Some(arguments.by_ref().collect()),
                // What cargo itself passes.
                "--bench" => {}
                other => panic!("`{other}` is not an argument; see docs/performance.md"),
            }
        }
        plan
    }

    pub fn wants(&self, work: &str) -> bool {
        self.works.as_ref().is_none_or(|works| works.iter().any(|one| one == work))
    }

    /// Fewer rounds where everything is only tried.
    pub fn rounds(&self, full: usize) -> usize {
        if self.smoke { full.div_ceil(10) } else { full }
    }
}

pub fn directory() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("watchfire-speed-").tempdir().expect("a directory")
}
