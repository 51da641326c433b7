//! `watchfire doctor`

use super::output::{self, days};
use super::{Desk, Ended, init};
use crate::api::client::Target;
use crate::api::https;
use crate::clock::Clock;
use crate::config::{Effective, FILE};
use crate::link::links::{DENIED_KEYS, denied_keys};
use crate::model::{OrgId, Timestamp};
use crate::node::error::{Exit, NodeError, split_hint};
use crate::node::gate::warninglists::read_all;
use crate::node::view::{CheckVerdict, CheckView, DeskKeyStatus, PeerStatus, PeerView, RestoredView, StatusView};
use crate::node::{Node, escalate, notify, vocabulary};
use crate::rules::escalate::Timetable;
use crate::rules::notify::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

/// Look for what is wrong with this node and say what to do
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Look for what is wrong with this node and say what to do\n\nWorks whether the node runs or not. Servers by which people are told are connected to, and nobody is told of anything. Ends with 1 when something does not work."
)]
pub(super) struct Args {}

const EXAMPLES: &str = "Examples:
  watchfire doctor";

/// A clock that shows less than this program's year is wrong (2026-11-01T00:00:00Z).
const RELEASED: Timestamp = Timestamp(1_793_491_200_000);
/// An issuing CA with fewer days left wants its root soon.
const ISSUING_DAYS_MIN: i64 = 14;

/// A backup should be younger than this (7 days, in milliseconds): the half day a week that an administrator has.
const BACKUP_MS_MAX: u64 = 7 * 86_400_000;

/// All that was looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Findings {
    /// Whether nothing is bad.
    pub ok: bool,
    /// Each check.
    pub checks: Vec<CheckView>,
}

pub(super) async fn run(desk: &Desk) -> Ended {
    let clock = Clock::system();
    let now = clock.now();
    let mut checks = vec![
        files(&desk.data),
        next_root(&desk.data),
        time(&desk.data, clock.now()),
        settings(&desk.data),
        gate(&desk.data),
        warninglists(&desk.data),
        denied(&desk.data),
        timers(desk).await,
        lists(&desk.data),
    ];
    checks.extend(channels(&desk.data).await);
    checks.extend(programs(&desk.data, now));
    let running: Result<StatusView, _> = desk.node().get(Target::new(&["status"])).await;
    let (status, runs) = match running {
        Ok(status) => (Ok(status), true),
        Err(problem) if problem.code == "not-running" => (Node::open(&desk.data, clock).and_then(|node| node.status()), false),
        Err(problem) => {
            checks.push(check("node", CheckVerdict::Bad, problem.detail, problem.hint));
            return conclude(desk, checks);
        }
    };
    match &status {
        Ok(status) => checks.extend(inside(status, runs, now)),
        Err(error) => checks.push(failed("store", error)),
    }
    let listen = status.ok().and_then(|status| status.listen);
    checks.push(port(&desk.data, listen, runs));
    conclude(desk, checks)
}

fn conclude(desk: &Desk, checks: Vec<CheckView>) -> Ended {
    let findings = Findings { ok: checks.iter().all(|check| check.verdict != CheckVerdict::Bad), checks };
    output::answer(desk, &findings, text)?;
    Ok(if findings.ok { Exit::Done } else { Exit::Failed })
}

pub(super) fn text(findings: &Findings) -> String {
    let width = findings.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for check in &findings.checks {
        let verdict = match check.verdict {
            CheckVerdict::Ok => "ok",
            CheckVerdict::Skipped => "skipped",
            CheckVerdict::Warning => "warning",
            CheckVerdict::Bad => "bad",
        };
        text += &format!("{verdict:7}  {:width$}  {}\n", output::plain(&check.name), output::plain(&check.text));
        if let Some(hint) = &check.hint {
            text += &format!("{:7}  {:width$}  hint: {}\n", "", "", output::plain(hint));
        }
    }
    text + if findings.ok { "nothing is broken\n" } else { "something is broken\n" }
}

fn check(name: &str, verdict: CheckVerdict, text: impl Into<String>, hint: Option<String>) -> CheckView {
    CheckView { name: name.into(), verdict, text: text.into(), hint }
}

fn failed(name: &str, error: &NodeError) -> CheckView {
    let (detail, hint) = split_hint(&error.to_string());
    check(name, CheckVerdict::Bad, detail, hint)
}

/// Nobody but the owner may open anything in the data directory.
fn files(data: &Path) -> CheckView {
    let mut open = Vec::new();
    if let Err(error) = widely_open(data, 0, &mut open) {
        return failed("files", &NodeError::io(format!("read `{}`", data.display()), error));
    }
    match open.first() {
        None => check("files", CheckVerdict::Ok, "only the owner can open the data directory", None),
        Some(first) => {
            let hint = format!("`chmod -R go-rwx {}`", data.display());
            check("files", CheckVerdict::Bad, format!("others can open `{first}`, {} in all", open.len()), Some(hint))
        }
    }
}

/// Whoever steals the machine must not get the key that wins the organisation back.
pub(super) fn next_root(data: &Path) -> CheckView {
    let key = data.join(crate::link::identity::DIRECTORY).join("next-root.key");
    if !key.exists() {
        return check("next root", CheckVerdict::Ok, "its key is not on this machine", None);
    }
    let hint = "move it to paper or a stick in a safe: with it you win your organisation back when the root key is stolen";
    check("next root", CheckVerdict::Warning, format!("its key still lies here: `{}`", key.display()), Some(hint.into()))
}

/// A closed directory protects what is in it; so only what stands in an open one is looked at further.
fn widely_open(path: &Path, depth: usize, open: &mut Vec<String>) -> std::io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() || metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    // A service manager may keep the directory itself open to be entered.
    if depth > 0 || metadata.permissions().mode() & 0o022 != 0 {
        open.push(path.display().to_string());
    }
    if metadata.is_dir() && depth < 4 {
        for entry in fs::read_dir(path)? {
            widely_open(&entry?.path(), depth + 1, open)?;
        }
    }
    Ok(())
}

/// The clock shows no time before this program, and none before the store's last change.
fn time(data: &Path, now: Timestamp) -> CheckView {
    let hint = || Some("set the clock, and keep it set with NTP: certificates and expiry depend on it".to_owned());
    if now < RELEASED {
        return check("clock", CheckVerdict::Bad, format!("it shows {now}, which is before this program was made"), hint());
    }
    let changed = fs::metadata(data.join("store")).ok().and_then(|metadata| u64::try_from(metadata.mtime()).ok());
    match changed.map(|seconds| Timestamp(seconds.saturating_mul(1_000))) {
        Some(changed) if changed.since(now) > 600_000 => {
            check("clock", CheckVerdict::Bad, format!("it shows {now}, and the store was changed at {changed}"), hint())
        }
        _ => check("clock", CheckVerdict::Ok, format!("it shows {now}"), None),
    }
}

fn settings(data: &Path) -> CheckView {
    match Effective::load(&data.join(FILE)).map_err(NodeError::from) {
        Err(error) => failed("settings", &error),
        Ok(settings) if settings.config.endpoints.is_empty() => {
            let hint = Some("set `endpoints`, unless this node only dials".to_owned());
            let told = if init::listens_here(&settings.config.listen) { "an endpoint on this machine alone" } else { "no endpoint" };
            check("settings", CheckVerdict::Warning, format!("peers are told {told}"), hint)
        }
        Ok(_) => check("settings", CheckVerdict::Ok, "they can be used", None),
    }
}

/// Without a word on whom it protects, the gate knows nobody by name.
fn gate(data: &Path) -> CheckView {
    let Ok(Effective { config, .. }) = Effective::load(&data.join(FILE)) else {
        return check("gate", CheckVerdict::Skipped, "the settings cannot be read", None);
    };
    if let Err(error) = crate::node::gate::check(data, &config) {
        return failed("gate", &error);
    }
    let told = [
        ("gate.deny_list", config.gate.deny_list.is_some()),
        ("gate.victims", config.gate.victims.is_some()),
        ("gate.own", !config.gate.own.is_empty()),
    ];
    let missing: Vec<&str> = told.iter().filter(|(_, is_told)| !is_told).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return check("gate", CheckVerdict::Ok, "it is told whom it protects", None);
    }
    let hint = "docs/release-gate.md says what each is for; a restart puts them in force".to_owned();
    check("gate", CheckVerdict::Warning, format!("it is not told whom it protects: no {}", missing.join(", ")), Some(hint))
}

/// Without one the gate does not know what everybody uses, and neither do lists that something is blocked by.
pub(super) fn warninglists(data: &Path) -> CheckView {
    let Ok(Effective { config, .. }) = Effective::load(&data.join(FILE)) else {
        return check("warninglists", CheckVerdict::Skipped, "the settings cannot be read", None);
    };
    match read_all(data, &config) {
        Ok(lists) if lists.is_empty() => {
            let hint = "`watchfire warninglist import misp-warninglists/lists` (docs/operators-guide.md)".to_owned();
            let text = "there is none: what others need may be shared, and blocked by exports, as an attacker's";
            check("warninglists", CheckVerdict::Warning, text, Some(hint))
        }
        Ok(lists) => check("warninglists", CheckVerdict::Ok, output::count(lists.len() as u64, "list"), None),
        Err(error) => failed("warninglists", &error),
    }
}

/// A node with a bad line does not start, and does not read the others again.
pub(super) fn denied(data: &Path) -> CheckView {
    match denied_keys(&data.join(DENIED_KEYS)) {
        Ok(keys) => check("denied keys", CheckVerdict::Ok, format!("{} refused", output::count(keys.len() as u64, "key")), None),
        Err(error) => failed("denied keys", &error),
    }
}

/// With a timetable that is none a node does not start, and goes on with the one before where it runs.
async fn timers(desk: &Desk) -> CheckView {
    let timetable = match escalate::load_timetable(&desk.data) {
        Ok(timetable) => match named(desk, &timetable).await {
            Some(peers) => escalate::load_timetable_with(&desk.data, &peers),
            None => Ok(timetable),
        },
        bad => bad,
    };
    match timetable {
        Ok(_) if desk.data.join(escalate::FILE).exists() => check("timers", CheckVerdict::Ok, "`timers.toml` can be used", None),
        Ok(_) => check("timers", CheckVerdict::Ok, "as usual: there is no `timers.toml`", None),
        Err(error) => failed("timers", &error),
    }
}

/// Whose the names are that `timers.toml` has. `None` where no node runs: it is opened later, and looks for itself.
async fn named(desk: &Desk, timetable: &Timetable) -> Option<BTreeMap<String, OrgId>> {
    let mut peers = BTreeMap::new();
    for name in timetable.names() {
        match desk.node().get::<PeerView>(Target::new(&["peers", name])).await {
            Ok(peer) => drop(peers.insert(name.to_owned(), peer.status.org_id)),
            Err(problem) if problem.exit == Exit::NotFound => {}
            Err(_) => return None,
        }
    }
    Some(peers)
}

fn lists(data: &Path) -> CheckView {
    match vocabulary::load(data) {
        Ok(lists) => check("value lists", CheckVerdict::Ok, format!("they can be used: {}", lists.version()), None),
        Err(error) => failed("value lists", &error),
    }
}

/// Whoever is told by a way that is dead learns of nothing. Nobody is told of anything here.
pub(super) async fn channels(data: &Path) -> Vec<CheckView> {
    let Ok(Effective { config, .. }) = Effective::load(&data.join(FILE)) else {
        return vec![check("channels", CheckVerdict::Skipped, "the settings cannot be read", None)];
    };
    if config.notify.channel.is_empty() {
        let hint = "`[[notify.channel]]` in the settings makes one (docs/notifications.md)".to_owned();
        return vec![check("channels", CheckVerdict::Skipped, "nobody is told that something waits: there is no channel", Some(hint))];
    }
    let reached = notify::reach_channels(&config, data).await;
    let told = |(name, kind, reached): (String, &str, Result<(), Fault>)| {
        let hint =
            || format!("docs/notifications.md says what a channel of kind {kind} needs; `watchfire notify test {name}` tries it whole");
        let text = match reached {
            Ok(()) if kind == "command" => return check(&format!("channel {name}"), CheckVerdict::Ok, "its program can be run", None),
            Ok(()) => return check(&format!("channel {name}"), CheckVerdict::Ok, "it answers", None),
            Err(fault) => fault.to_string(),
        };
        check(&format!("channel {name}"), CheckVerdict::Bad, text, Some(hint()))
    };
    reached.into_iter().map(told).collect()
}

/// Where programs fetch, what they are shown; nothing where nothing is served.
pub(super) fn programs(data: &Path, now: Timestamp) -> Option<CheckView> {
    const SOON_MS: u64 = 14 * 86_400_000;
    let config = Effective::load(&data.join(FILE)).ok()?.config.https;
    let listen = config.listen.as_deref()?;
    let hint = || Some("renew it, then `kill -HUP` the node: it is read again".to_owned());
    Some(match https::look(data, &config) {
        Err(error) => failed("programs", &error),
        Ok(None) => check("programs", CheckVerdict::Ok, format!("`{listen}`; the certificate is made at the next start"), None),
        Ok(Some((_, until))) if until <= now => check("programs", CheckVerdict::Bad, format!("the certificate ended at {until}"), hint()),
        Ok(Some((_, until))) if until.since(now) < SOON_MS => {
            check("programs", CheckVerdict::Warning, format!("the certificate ends at {until}"), hint())
        }
        Ok(Some((fingerprint, _))) => check("programs", CheckVerdict::Ok, format!("`{listen}`, certificate {fingerprint}"), None),
    })
}

/// What the node knows of itself and of its peers.
fn inside(status: &StatusView, runs: bool, now: Timestamp) -> Vec<CheckView> {
    let store = match status.store.as_str() {
        "ok" => check("store", CheckVerdict::Ok, "it opens", None),
        why => check("store", CheckVerdict::Bad, why, None),
    };
    let node = match runs {
        true => check("node", CheckVerdict::Ok, format!("it runs since {}", output::time(Some(status.since))), None),
        false => check("node", CheckVerdict::Warning, "it does not run", Some("start it with `watchfire serve`".into())),
    };
    let mut checks = vec![node, store, certificates(status), backup(status.backup, now)];
    checks.extend(status.desk_key.as_ref().map(desk_key));
    checks.extend(status.restored.as_ref().map(restored));
    checks.extend(counts(&status.uncounted));
    checks.extend(status.peers.iter().map(|peer| reach(peer, runs)));
    checks
}

/// What was not backed up since is lost with the disk.
pub(super) fn backup(made: Option<Timestamp>, now: Timestamp) -> CheckView {
    let hint = || Some("`watchfire backup --to age1… OUT`, and keep it off this machine".to_owned());
    match made {
        None => check("backup", CheckVerdict::Warning, "none was ever made", hint()),
        Some(at) if now.since(at) > BACKUP_MS_MAX => {
            check("backup", CheckVerdict::Warning, format!("the last one was made at {}", output::time(Some(at))), hint())
        }
        Some(at) => check("backup", CheckVerdict::Ok, format!("the last one was made at {}", output::time(Some(at))), None),
    }
}

/// What partners seal to a key that somebody who has left can open is not sealed.
pub(super) fn desk_key(key: &DeskKeyStatus) -> CheckView {
    let hint = match (key.due, key.card_names == Some(key.number)) {
        (Some(_), _) => "`watchfire desk-key rotate --as USER`, by a lead or a director",
        (None, false) => "put `root.key` back into the key directory for as long as it takes, and `watchfire desk-key publish`",
        (None, true) => return check("desk key", CheckVerdict::Ok, super::status::desk_key(key), None),
    };
    check("desk key", CheckVerdict::Warning, super::status::desk_key(key), Some(hint.into()))
}

/// A restored node that holds back does not do what people expect of it.
pub(super) fn restored(view: &RestoredView) -> CheckView {
    let names: Vec<&str> = view.awaited_from().into_iter().collect();
    let text = format!("serves and exports nothing until it hears what happened since; awaited: {}", names.join(", "));
    let hint = "`watchfire status` shows for what; `watchfire restore --waive` goes on without";
    check("restored", CheckVerdict::Warning, text, Some(hint.into()))
}

/// What is damaged in one place may be in others.
pub(super) fn counts(uncounted: &[String]) -> Option<CheckView> {
    let text = format!("how many indicators were counted cannot be read, and is not counted further: {}", uncounted.join(", "));
    let hint = "nothing else is lost, and later months and weeks are counted; look whether the disk is well";
    (!uncounted.is_empty()).then(|| check("counts", CheckVerdict::Bad, text, Some(hint.into())))
}

fn certificates(status: &StatusView) -> CheckView {
    let (node, issuing) = (status.certificates.node_days, status.certificates.issuing_days);
    let text = format!("node {}, issuing CA {}", days(node), days(issuing));
    match (node, issuing) {
        (_, ..0) => check("certificates", CheckVerdict::Bad, text, Some("bring the root key here and run `watchfire serve`".into())),
        (..0, _) => check("certificates", CheckVerdict::Bad, text, Some("`watchfire serve` renews it".into())),
        (_, ..ISSUING_DAYS_MIN) => {
            check("certificates", CheckVerdict::Warning, text, Some("bring the root key here in time and run `watchfire serve`".into()))
        }
        _ => check("certificates", CheckVerdict::Ok, text, None),
    }
}

fn reach(peer: &PeerStatus, runs: bool) -> CheckView {
    let name = format!("peer {}", peer.name);
    match (peer.state.as_str(), &peer.problem) {
        ("connected", _) => {
            let left = peer.certificate_days.map(|left| format!(", certificate {}", days(left))).unwrap_or_default();
            check(&name, CheckVerdict::Ok, format!("connected{left}"), None)
        }
        ("suspended" | "removed", _) => check(&name, CheckVerdict::Skipped, peer.state.clone(), None),
        ("pairing", _) => {
            let hint = Some("compare the digits by voice, then `watchfire peer confirm` on both sides".to_owned());
            check(&name, CheckVerdict::Warning, "its digits are not confirmed on both sides", hint)
        }
        _ if !runs => check(&name, CheckVerdict::Skipped, "the node does not run", None),
        (_, Some(problem)) => check(&name, CheckVerdict::Bad, problem.text.clone(), problem.hint.clone()),
        (state, None) => check(&name, CheckVerdict::Warning, format!("{state}, for no reason known yet"), None),
    }
}

/// The port that peers connect to answers, or could be opened.
fn port(data: &Path, listen: Option<String>, runs: bool) -> CheckView {
    let Ok(settings) = Effective::load(&data.join(FILE)) else {
        return check("port", CheckVerdict::Skipped, "the settings cannot be used", None);
    };
    let text = listen.filter(|_| runs).unwrap_or(settings.config.listen);
    let Ok(address) = text.parse::<SocketAddr>() else {
        return check("port", CheckVerdict::Bad, format!("`{text}` is not an address and port"), None);
    };
    let tried = match runs {
        true => TcpStream::connect_timeout(&here(address), Duration::from_secs(3)).map(drop),
        false => TcpListener::bind(address).map(drop),
    };
    match tried {
        Ok(()) if runs => check("port", CheckVerdict::Ok, format!("{address} answers"), None),
        Ok(()) => check("port", CheckVerdict::Ok, format!("{address} is free"), None),
        Err(error) => {
            let hint = Some("choose another `listen` in the settings, or stop what uses the port".to_owned());
            check("port", CheckVerdict::Bad, format!("{address}: {error}"), hint)
        }
    }
}

/// An address that listens everywhere is tried on this machine.
fn here(address: SocketAddr) -> SocketAddr {
    let local = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    if address.ip().is_unspecified() { SocketAddr::new(local, address.port()) } else { address }
}
