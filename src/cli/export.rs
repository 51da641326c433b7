//! `watchfire export`

use super::output;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::{ObservableKind, Tlp};
use crate::node::error::{Exit, NodeError};
use crate::node::view::ExportFormat;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Write what is held as a file for other tools
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Write what is held as a file for other tools\n\nWithdrawn, recalled and expired records are left out of text and CSV; STIX has withdrawn ones as revoked. The last line on standard error is a cursor; with `--since` the next export goes on from there."
)]
pub(super) struct Args {
    /// How it is written
    #[arg(value_parser = ["stix", "csv", "text"])]
    format: String,
    /// Write to this file, which is replaced as a whole; standard output where it is not given
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Nothing more restricted than this label
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp_max: Option<Tlp>,
    /// Only what came or changed after this cursor
    #[arg(long, value_name = "CURSOR")]
    since: Option<u64>,
    /// Only this kind; once for each
    #[arg(long = "kind", value_name = "KIND", value_parser = input::kinds())]
    kinds: Vec<ObservableKind>,
}

const EXAMPLES: &str = "Examples:
  watchfire export stix --tlp-max green --out indicators.stix2";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    debug_assert!(ExportFormat::ALL.iter().any(|format| format.name() == args.format), "clap lists the formats");
    let mut target = Target::new(&["export"]).with("format", &args.format);
    if let Some(tlp) = args.tlp_max {
        target = target.with("tlp_max", tlp.name());
    }
    if let Some(since) = args.since {
        target = target.with("since", &since.to_string());
    }
    if !args.kinds.is_empty() {
        target = target.with("kinds", &args.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(","));
    }
    let cursor = match &args.out {
        Some(path) => to_file(desk, target, path).await?,
        None => desk.node().export(target, &mut input::stdout()?).await?,
    };
    if let Some(cursor) = cursor {
        output::say(&format!("cursor: {cursor}"));
    }
    Ok(Exit::Done)
}

/// Into a file beside the wanted one, which is replaced when all is there: a reader never sees half of it.
async fn to_file(desk: &Desk, target: Target, path: &Path) -> Result<Option<u64>, crate::api::Problem> {
    let failed = |error: std::io::Error| NodeError::io(format!("write `{}`", path.display()), error);
    // As readable as the umask makes any file, since other tools read it.
    let mode = std::fs::Permissions::from_mode(0o666);
    let temporary = output::beside(path, tempfile::Builder::new().permissions(mode))?;
    let mut file = tokio::fs::File::from_std(temporary.reopen().map_err(failed)?);
    let cursor = desk.node().export(target, &mut file).await?;
    file.sync_all().await.map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(cursor)
}
