//! `watchfire completions`

use super::{Cli, Ended, output};
use clap::CommandFactory;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

const EXAMPLES: &str = "Examples:
  watchfire completions bash > watchfire.bash";

pub(super) fn run(args: &Args) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "watchfire", &mut script);
    output::data(&String::from_utf8_lossy(&script))
}
