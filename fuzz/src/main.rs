//! libFuzzer's entry. `WATCHFIRE_FUZZ_TARGET` names the target; with `WATCHFIRE_FUZZ_SEEDS` its seeds are written to that folder, and that is all.
#![no_main]

mod targets;

use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;
use targets::{TARGETS, Target};

static TARGET: OnceLock<&'static Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("WATCHFIRE_FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target `{name}`"))
}

fuzz_target!(
    init: {
        let target = TARGET.get_or_init(chosen);
        if let Some(folder) = std::env::var_os("WATCHFIRE_FUZZ_SEEDS") {
            for (number, seed) in (target.seeds)().iter().enumerate() {
                let path = std::path::Path::new(&folder).join(format!("seed-{number:03}"));
                std::fs::write(path, seed).expect("the folder takes seeds");
            }
            std::process::exit(0);
        }
    },
    |data: &[u8]| {
        (TARGET.get_or_init(chosen).run)(data);
    }
);
