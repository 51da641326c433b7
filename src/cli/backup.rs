//! `watchfire backup`

use super::output::{self, count, counts, facts, time};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::api::{BackupMade, BackupRequest, Problem, recipients};
use crate::clock::Clock;
use crate::formats::age::{Identity, Recipient};
use crate::node::Node;
use crate::node::error::{Exit, NodeError};
use crate::node::view::BackupView;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Write all that another machine needs to go on as this organisation, encrypted
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Write all that another machine needs to go on as this organisation, encrypted\n\nThe node may run meanwhile. In the backup are the store, the settings and the keys, with the root key if it is here; the next root key is left out. It is an age file: whoever has the identity of one of its recipients opens it with `watchfire restore`, `age` or `rage`, and is then this organisation. Keep identities off this machine."
)]
pub(super) struct Args {
    /// Where to; `-` for standard output
    #[arg(required_unless_present = "new_identity")]
    out: Option<PathBuf>,
    /// Encrypt to this recipient, the public key of an age identity; once for each
    #[arg(long, value_name = "AGE1…", required_unless_present = "new_identity")]
    to: Vec<String>,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
    /// Make an identity in a new file instead, and print the recipient that belongs to it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "to", "force"])]
    new_identity: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  watchfire backup --to \"$(watchfire backup --new-identity backup.key)\" backup.age";

/// A backup that was made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Made {
    /// What is in it.
    #[serde(flatten)]
    pub backup: BackupView,
    /// Where it is.
    pub out: String,
    /// How long it is.
    pub bytes: u64,
    /// To whom it is encrypted.
    pub to: Vec<String>,
}

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    if let Some(file) = &args.new_identity {
        return new_identity(desk, file);
    }
    let to = recipients(&args.to)?;
    let out = args.out.as_deref().unwrap_or_else(|| Path::new("-"));
    let (backup, bytes) = if out == Path::new("-") { to_stdout(desk, &to).await? } else { to_file(desk, &to, out, args.force).await? };
    let made = Made { backup, out: out.display().to_string(), bytes, to: to.iter().map(ToString::to_string).collect() };
    note(desk, &made).await;
    if out == Path::new("-") {
        output::say(text(&made).trim_end());
        return Ok(Exit::Done);
    }
    output::answer(desk, &made, text)
}

pub(super) fn text(made: &Made) -> String {
    let Made { backup, out, bytes, to } = made;
    let mut lines = vec![
        ("backup", format!("{out}, {}", count(*bytes, "byte"))),
        ("taken", time(Some(backup.taken))),
        ("records", counts(&backup.records)),
        ("logs", format!("{} with {}", backup.logs, entries(backup.entries))),
    ];
    lines.extend(to.iter().map(|recipient| ("opens for", recipient.clone())));
    lines.extend(backup.left_out.iter().map(|name| ("left out", name.clone())));
    facts(&lines)
}

/// `1 entry`, `2 entries`.
pub(super) fn entries(number: u64) -> String {
    if number == 1 { "1 entry".into() } else { format!("{number} entries") }
}

async fn to_stdout(desk: &Desk, to: &[Recipient]) -> Result<(BackupView, u64), Problem> {
    if io::stdout().is_terminal() {
        let text = "a backup is no text for a terminal\nhint: name a file, or send `-` on: `watchfire backup --to … - | …`";
        return Err(NodeError::BadInput(text.into()).into());
    }
    write(desk, to, input::stdout()?.into_std().await).await
}

/// Into a file beside the wanted one, for its owner alone, which takes its place when all is there and on the disk.
async fn to_file(desk: &Desk, to: &[Recipient], path: &Path, force: bool) -> Result<(BackupView, u64), Problem> {
    let failed = |error: io::Error| NodeError::io(format!("write `{}`", path.display()), error);
    let there = || {
        let text = format!("`{}` is there already\nhint: choose another name, or replace it with `--force`", path.display());
        Problem::from(NodeError::BadInput(text))
    };
    if !force && !path.is_dir() && path.symlink_metadata().is_ok() {
        return Err(there());
    }
    let temporary = output::beside(path, tempfile::Builder::new().prefix(".watchfire-backup-"))?;
    let written = write(desk, to, temporary.reopen().map_err(failed)?).await?;
    temporary.as_file().sync_all().map_err(failed)?;
    if force {
        temporary.persist(path).map_err(|error| failed(error.error))?;
    } else {
        temporary.persist_noclobber(path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => there(),
            _ => failed(error.error).into(),
        })?;
    }
    fs::File::open(output::directory(path)).and_then(|directory| directory.sync_all()).map_err(failed)?;
    Ok(written)
}

/// From the running node; where none runs, from the store itself.
async fn write(desk: &Desk, to: &[Recipient], out: fs::File) -> Result<(BackupView, u64), Problem> {
    let bar = bar();
    let request = BackupRequest { to: to.iter().map(ToString::to_string).collect() };
    let mut file = tokio::fs::File::from_std(out.try_clone().map_err(|error| NodeError::io("write the backup", error))?);
    let mut bytes = 0;
    let running = desk.node();
    let streamed = running.backup(&request, &mut file, |more| {
        bytes += more;
        bar.set_position(bytes);
    });
    let made = match streamed.await {
        Err(problem) if problem.code == "not-running" => at_rest(desk, to.to_vec(), out).await?,
        made => (made?, bytes),
    };
    bar.finish_and_clear();
    Ok(made)
}

async fn at_rest(desk: &Desk, to: Vec<Recipient>, out: fs::File) -> Result<(BackupView, u64), Problem> {
    let node = Node::open(&desk.data, Clock::system())?;
    let work = move || {
        let backup = node.begin_backup()?;
        let mut out = Counted { out: io::BufWriter::new(out), bytes: 0 };
        backup.write(&to, &mut out)?;
        let view = backup.manifest().view();
        drop(backup);
        node.store.close();
        Ok::<_, NodeError>((view, out.bytes))
    };
    Ok(tokio::task::spawn_blocking(work).await.map_err(|fault| NodeError::Internal(fault.to_string()))??)
}

struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Tells the node that the backup is safe, for the doctor's sake. That it cannot be told is no reason to call the backup bad.
async fn note(desk: &Desk, made: &Made) {
    let taken = made.backup.taken;
    let told: Result<(), Problem> = desk.node().post(Target::new(&["backup", "made"]), &BackupMade { taken }).await;
    let told = match told {
        Err(problem) if problem.code == "not-running" => match Node::open(&desk.data, Clock::system()) {
            Ok(node) => node.backup_made(taken).await.map_err(Problem::from),
            Err(error) => Err(error.into()),
        },
        told => told,
    };
    if let Err(problem) = told {
        output::say(&format!("note: the backup is whole, but `watchfire doctor` will not know of it: {}", problem.detail));
    }
}

pub(super) fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.with_style(ProgressStyle::with_template("{spinner} {bytes}  {bytes_per_sec}").expect("a constant template"))
}

/// Makes an identity in a file of its own, for its owner alone.
fn new_identity(desk: &Desk, path: &Path) -> Ended {
    let identity = Identity::generate();
    let recipient = identity.recipient().to_string();
    let mut text = zeroize::Zeroizing::new(String::with_capacity(512));
    text.push_str(&format!("# created: {}\n# public key: {recipient}\n", time(Some(Clock::system().now()))));
    text.push_str(&identity.to_secret_text());
    text.push('\n');
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => NodeError::BadInput(format!(
            "`{}` is there already\nhint: choose another name; an identity is never overwritten",
            path.display()
        )),
        _ => NodeError::io(format!("write `{}`", path.display()), error),
    })?;
    let view = NewIdentity { recipient, identity: path.display().to_string() };
    output::answer(desk, &view, |view| format!("{}\n", view.recipient))?;
    if !desk.json {
        output::say(&format!(
            "next: keep `{}` off this machine, and a second copy of it elsewhere; without it no backup opens",
            path.display()
        ));
    }
    Ok(Exit::Done)
}

/// An identity that was made.
#[derive(Debug, Serialize, Deserialize)]
struct NewIdentity {
    /// What `--to` takes.
    recipient: String,
    /// The file with the secret.
    identity: String,
}

/// The identities in a file.
pub(super) fn identities(file: &str) -> Result<Vec<Identity>, Problem> {
    let text = match file {
        "-" => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(file),
    };
    let text = zeroize::Zeroizing::new(text.map_err(|error| match error.kind() {
        // What age has encrypted is no text.
        io::ErrorKind::InvalidData => {
            NodeError::BadInput(format!("`{file}` is not a file of identities: {}", crate::formats::age::BadIdentity::Empty)).into()
        }
        _ => input::unread(file, error),
    })?);
    let bad = |error: crate::formats::age::BadIdentity| NodeError::BadInput(format!("`{file}` is not a file of identities: {error}"));
    Ok(crate::formats::age::identities(&text).map_err(bad)?)
}
