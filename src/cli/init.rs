//! `watchfire init`

use super::output::{self, facts};
use super::{Desk, Ended};
use crate::clock::Clock;
use crate::config::{Effective, FILE, initial, is_endpoint};
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::view::InitView;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Make this organisation's identity, store and settings
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What people here call this node; it stands in no certificate
    #[arg(long, value_parser = name)]
    name: String,
    /// Address and port that peers connect to
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:7443", value_parser = listen)]
    listen: String,
    /// host:port at which peers reach this node; once for each
    #[arg(long = "endpoint", value_name = "HOST:PORT", value_parser = endpoint)]
    endpoints: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  watchfire init --data ./node --name 'Helpline A' --listen 127.0.0.1:7443 --endpoint 127.0.0.1:7443";

pub(super) fn run(desk: &Desk, args: &Args) -> Ended {
    let view = make(&desk.data, &args.name, &args.listen, &args.endpoints, Clock::system())?;
    output::answer(desk, &view, text)?;
    if !desk.json {
        talk(&view, &args.listen, &args.endpoints).iter().for_each(|line| output::say(line));
    }
    Ok(crate::node::error::Exit::Done)
}

/// Makes a node in a directory that has none; the directory is made if need be, for its owner alone.
pub(super) fn make(data: &Path, name: &str, listen: &str, endpoints: &[String], clock: Clock) -> Result<InitView, NodeError> {
    let file = data.join(FILE);
    let text = initial(name, listen, endpoints);
    // Checked before anything is written; a variable has no say in what the file holds.
    Effective::parse(&text, &file, &|_| None)?;
    if file.exists() {
        return Err(NodeError::AlreadyInitialised(data.into()));
    }
    let failed = |path: &Path| {
        let doing = format!("make `{}`", path.display());
        move |error| NodeError::io(doing, error)
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed(data))?;
    let view = Node::init(data, endpoints, &clock)?;
    // The settings come last: a directory with settings has an identity and a store.
    let written = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(failed(&file))?;
    Ok(view)
}

fn name(text: &str) -> Result<String, String> {
    let sound = !text.trim().is_empty() && !text.chars().any(char::is_control);
    if sound { Ok(text.into()) } else { Err("it is not a name\nhint: what people here call this node, like 'Helpline A'".into()) }
}

fn listen(text: &str) -> Result<String, String> {
    let is_address = text.parse::<SocketAddr>().is_ok();
    if is_address { Ok(text.into()) } else { Err("it is not an address and port\nhint: like 0.0.0.0:7443 or [::]:7443".into()) }
}

fn endpoint(text: &str) -> Result<String, String> {
    if is_endpoint(text) { Ok(text.into()) } else { Err("it is not host:port\nhint: like node.example.org:7443".into()) }
}

pub(super) fn text(view: &InitView) -> String {
    facts(&[("organisation", view.org_id.to_string()), ("data", view.data.clone()), ("settings", view.config.clone())])
}

/// Whether only this machine reaches an address: a node that listens there gives it to its peers where no endpoint is set.
pub(super) fn listens_here(listen: &str) -> bool {
    listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

/// What to do next, on standard error.
pub(super) fn talk(view: &InitView, listen: &str, endpoints: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(key) = &view.next_root_key {
        lines.push(format!("next: move `{key}` off this machine; with it you win your organisation back when its root key is stolen"));
    }
    if endpoints.is_empty() {
        let who = if listens_here(listen) { "peers on other machines" } else { "peers" };
        lines.push(format!("next: set `endpoints` in the settings, or {who} cannot reach this node, which then only calls them"));
    }
    lines.push("next: `watchfire serve` runs the node".into());
    lines
}
