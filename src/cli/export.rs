//! `watchfire export`

mod folder;

use super::output::{self, table};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::formats::export::Policy;
use crate::model::{Class, ObservableKind, Pap, Tlp};
use crate::node::error::{Exit, NodeError};
use crate::node::view::{ExportFormat, RemovedView, UnsaidView};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Write what is held as files for other tools
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Write what is held as files for other tools\n\nstix, csv, text, rpz (a response policy zone), hosts, dnsmasq and adblock (uBlock Origin, AdGuard, Pi-hole) are one file each; so is atom, a feed of the alerts that hold, TLP:GREEN at the most, and of nothing else. mvt (STIX as MVT reads it), misp (a feed), suricata, sigma and lists (one for each kind) are several: `--out` names their folder, and without it a tar archive is written. What an earlier export left in that folder is replaced, and no other file is touched; an export with `--since` goes into a folder that holds none.\n\nWithdrawn, recalled and expired records are left out; stix and misp have withdrawn ones as such. Public suffixes, hosts that everybody uses and what warninglists name are in no list that blocks or alerts. What a format cannot say is told on standard error, by kind and reason.\n\nThe last line on standard error is a cursor, which tells nothing by itself; with `--since` the next export of the same labels and kinds goes on from there, and the lines before name what has gone since, for whoever reads the earlier files: what was withdrawn by its value, where nobody else says it, and all else by ids alone, since what was recalled is destroyed. With `--json` standard error has all of this as one object, `{\"cursor\", \"removed\": [{\"record\", \"stix_id\", \"what\", \"value\"}], \"unsaid\": [{\"count\", \"kind\", \"why\"}]}`."
)]
pub(super) struct Args {
    /// How it is written
    #[arg(value_parser = ["stix", "mvt", "misp", "suricata", "rpz", "hosts", "dnsmasq", "adblock", "sigma", "lists", "csv", "text", "atom"])]
    format: String,
    /// Write to this file, which is replaced as a whole, or into this folder where the format is several files; standard output where it is not given
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Nothing more restricted than this label: amber+strict where it is not given
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp_max: Option<Tlp>,
    /// Nothing of a higher class: public, confidential (where it is not given) or restricted
    #[arg(long, value_name = "CLASS", value_parser = input::class)]
    class_max: Option<Class>,
    /// Nothing of a higher PAP: green for what blocks (where it is not given), amber for what is looked up elsewhere; red for all other formats where it is not given
    #[arg(long, value_name = "PAP", value_parser = input::pap)]
    pap_max: Option<Pap>,
    /// Only what came or changed after this cursor, which an export of the same labels and kinds gave
    #[arg(long, value_name = "CURSOR")]
    since: Option<String>,
    /// Only this kind; once for each
    #[arg(long = "kind", value_name = "KIND", value_parser = input::kinds())]
    kinds: Vec<ObservableKind>,
    /// What a resolver answers for a name in the zone: nxdomain (where it is not given), nodata, drop, passthru (it only writes to its log), or a host to go to
    #[arg(long, value_name = "POLICY")]
    policy: Option<Policy>,
    /// Begin a CSV file with a byte-order mark, which Excel needs
    #[arg(long)]
    bom: bool,
    /// Nothing of which one may be less sure today, 0 to 100: its author's confidence, decayed since it was last said or seen
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    least_confidence: Option<u8>,
}

const EXAMPLES: &str = "Examples:
  watchfire export stix --tlp-max green --out indicators.stix2";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let format = ExportFormat::ALL.into_iter().find(|format| format.name() == args.format).expect("clap lists the formats");
    for (given, option, wanted) in [(args.policy.is_some(), "policy", ExportFormat::Rpz), (args.bom, "bom", ExportFormat::Csv)] {
        if given && format != wanted {
            let text = format!("`--{option}` is for `{}` alone\nhint: leave it out", wanted.name());
            return Err(NodeError::BadInput(text).into());
        }
    }
    let target = query(Target::new(&["export"]), args);
    let done = match &args.out {
        Some(folder) if format.is_folder() => folder::write(desk, target, folder, args.since.is_some()).await?,
        Some(path) => to_file(desk, target, path).await?,
        None => desk.node().export(target, &mut input::stdout()?).await?,
    };
    // Asked for after the cursor was given, so that nothing falls between this export and the next.
    let removed: Vec<RemovedView> = match &args.since {
        Some(_) => desk.node().get(query(Target::new(&["export", "removed"]), args)).await?,
        None => Vec::new(),
    };
    let Some((cursor, unsaid)) = done else { return Ok(Exit::Done) };
    if desk.json {
        output::say(&output::json_line(&serde_json::json!({ "cursor": cursor, "removed": removed, "unsaid": unsaid })));
    } else {
        unsaid.iter().for_each(|one| output::say(&format!("left out: {} of kind {}: {}", one.count, one.kind, one.why)));
        text(&removed, &cursor).lines().for_each(output::say);
    }
    Ok(Exit::Done)
}

/// How many removed records are shown; `--json` has all.
const SHOWN_MAX: usize = 100;

pub(super) fn text(removed: &[RemovedView], cursor: &str) -> String {
    let value = |one: &RemovedView| one.value.clone().unwrap_or_else(|| "-".into());
    let rows = removed.iter().take(SHOWN_MAX).map(|one| [one.what.clone(), value(one), one.record.to_string(), one.stix_id.clone()]);
    let mut text = table(["REMOVED", "VALUE", "RECORD", "STIX ID"], rows.collect());
    if removed.len() > SHOWN_MAX {
        text += &format!("and {} more; `--json` has all\n", removed.len() - SHOWN_MAX);
    }
    text + &format!("cursor: {cursor}\n")
}

fn query(target: Target, args: &Args) -> Target {
    let mut target = target.with("format", &args.format);
    if let Some(tlp) = args.tlp_max {
        target = target.with("tlp_max", tlp.name());
    }
    if let Some(class) = args.class_max {
        target = target.with("class_max", class.name());
    }
    if let Some(pap) = args.pap_max {
        target = target.with("pap_max", pap.name());
    }
    if let Some(since) = &args.since {
        target = target.with("since", since);
    }
    if let Some(least) = args.least_confidence {
        target = target.with("least_confidence", &least.to_string());
    }
    if let Some(policy) = &args.policy {
        target = target.with("policy", &policy.to_string());
    }
    if args.bom {
        target = target.with("bom", "true");
    }
    if !args.kinds.is_empty() {
        target = target.with("kinds", &args.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(","));
    }
    target
}

/// The cursor, and what was not said.
type Told = Option<(String, Vec<UnsaidView>)>;

/// Into a file beside the wanted one, which is replaced when all is there: a reader never sees half of it.
async fn to_file(desk: &Desk, target: Target, path: &Path) -> Result<Told, crate::api::Problem> {
    let failed = |error: std::io::Error| NodeError::io(format!("write `{}`", path.display()), error);
    // As readable as the umask makes any file, since other tools read it.
    let mode = std::fs::Permissions::from_mode(0o666);
    let temporary = output::beside(path, tempfile::Builder::new().permissions(mode))?;
    let mut file = tokio::fs::File::from_std(temporary.reopen().map_err(failed)?);
    let told = desk.node().export(target, &mut file).await?;
    file.sync_all().await.map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(told)
}
