//! Organisations as real processes of the built binary, with real TLS on loopback, that can be killed, frozen and cut off.

// Each test binary uses its own part.
#![allow(dead_code)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// The binary that is built with the test, or `$WATCHFIRE_BINARY`.
fn binary() -> std::ffi::OsString {
    std::env::var_os("WATCHFIRE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_watchfire").into())
}

/// Longer than anything here takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(50);

/// A port that is still free when a node that was down comes back to it. The system gives the ports above these (Linux from 32768, others from 49152) to
/// outgoing connections: one of those could take the port meanwhile, and a dial to a node that is down could even get its port and meet itself.
fn lasting_port() -> u16 {
    const PORTS: Range<u32> = 10_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = |turn: u32| PORTS.start + (std::process::id() + turn) % (PORTS.end - PORTS.start);
    let mut ports = PORTS.map(|_| number(NEXT.fetch_add(1, Ordering::Relaxed)) as u16);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// An organisation, whose node runs or not.
pub struct Org {
    pub name: String,
    pub data: PathBuf,
    /// The way to it, which can be cut.
    pub gate: Gate,
    node: Option<Child>,
    /// Where all that it logs is kept, at `trace`; only what is trouble where none is named.
    pub log: Option<PathBuf>,
    /// Lines of its logs that nobody wants to see: panics and errors.
    pub trouble: Arc<Mutex<Vec<String>>>,
}

impl Org {
    /// Founds an organisation; its node does not run yet.
    pub fn found(directory: &Path, name: &str) -> Self {
        let data = directory.join(name);
        let port = lasting_port();
        let gate = Gate::to(port);
        let org = Self { name: name.into(), data, gate, node: None, log: None, trouble: Arc::default() };
        let (listen, endpoint) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", org.gate.port));
        org.json(&["init", "--name", name, "--listen", &listen, "--endpoint", &endpoint]);
        let settings = org.data.join("watchfire.toml");
        let mut text = fs::read_to_string(&settings).expect("the settings");
        text += "\n[link]\nreconnect_ms_min = 20\nreconnect_ms_max = 200\nkeep_alive_ms = 2000\nkeep_alive_answer_ms_max = 2000\n";
        text += "\n[gate]\nreserved = \"warn\"\nunknown_tld = \"warn\"\nburst_records_min = 2147483648\n";
        // A cache that is full within minutes, so that growing is not mistaken for filling it.
        text += "\n[store]\ncache_bytes = 4194304\n";
        fs::write(&settings, text).expect("the settings");
        org
    }

    /// Starts the node. How long it took until it was ready.
    pub fn start(&mut self) -> Duration {
        let began = Instant::now();
        let mut command = self.command(&["serve"]);
        let mut kept = self.log.as_ref().map(|path| fs::File::options().create(true).append(true).open(path).expect("a log"));
        if kept.is_some() {
            command.env("WATCHFIRE_LOG", "trace");
        }
        let mut node = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let log = BufReader::new(node.stderr.take().expect("its log"));
        let (ready, is_ready) = mpsc::channel();
        let (trouble, name) = (self.trouble.clone(), self.name.clone());
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if let Some(kept) = &mut kept {
                    writeln!(kept, "{line}").expect("the log");
                }
                if line.contains(" ready ") {
                    let _ = ready.send(());
                }
                if line.contains("panicked") || line.contains("ERROR") || line.starts_with("error") {
                    trouble.lock().expect("trouble").push(format!("{name}: {line}"));
                }
            }
        });
        self.node = Some(node);
        if is_ready.recv_timeout(PATIENCE).is_err() {
            panic!("{} does not start: {:?}", self.name, self.trouble.lock().expect("trouble"));
        }
        began.elapsed()
    }

    pub fn pid(&self) -> u32 {
        self.node.as_ref().expect("it runs").id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut node) = self.node.take() {
            node.kill().expect("it was there");
            node.wait().expect("it is gone");
        }
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().expect("kill");
        assert!(done.success(), "kill -{name}");
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).env("WATCHFIRE_DATA", &self.data).env("RUST_BACKTRACE", "1").stdin(Stdio::null());
        command
    }

    /// What a command answers; `None` when it fails.
    pub fn try_json(&self, args: &[&str]) -> Option<Value> {
        let output = self.command(args).arg("--json").output().expect("it runs");
        output.status.success().then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: `{}` ended with {:?}: {said}", self.name, args.join(" "), output.status.code());
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Both know each other from now on.
    pub fn pair(&self, other: &Self) {
        for (here, there) in [(self, other), (other, self)] {
            let card = there.data.join("its-card");
            let text = there.command(&["card"]).output().expect("a card").stdout;
            fs::write(&card, text).expect("the card");
            here.json(&["peer", "add", &card.to_string_lossy(), "--name", &there.name]);
        }
    }

    /// Begins to import values for a peer or group.
    pub fn import(&self, values: BTreeSet<String>, to: &str) -> Import {
        let file = self.data.join(format!("import-{}", values.first().map_or("none", String::as_str)));
        fs::write(&file, values.iter().map(|value| format!("{value}\n")).collect::<String>()).expect("the file");
        let name = file.to_string_lossy().into_owned();
        let mut command = self.command(&["import", &name, "--format", "text", "--tlp", "amber", "--to", to, "--now", "--json"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        Import { values, child, file }
    }

    /// Which of these values are found.
    pub fn finds(&self, values: &BTreeSet<String>) -> BTreeSet<String> {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let mut found = BTreeSet::new();
        for some in values.chunks(1_000) {
            let answer = self.json(&[&["lookup"], some].concat());
            for one in answer.as_array().expect("a list") {
                let matches = one["matches"].as_array().expect("a list");
                if matches.iter().any(|one| one["match"] == "exact") {
                    found.insert(one["query"].as_str().expect("a value").to_owned());
                }
            }
        }
        found
    }

    /// What two nodes that are in step agree on: each log's size and head, and how many indicators there are. A direct log of others
    /// is theirs alone; with more than two nodes, only the logs to groups count.
    pub fn state(&self, of_groups: bool) -> (BTreeMap<String, (u64, String)>, u64) {
        let Some(status) = self.try_json(&["status"]) else { return Default::default() };
        let logs = status["logs"].as_array().expect("logs").iter();
        let logs = logs.filter(|log| !of_groups || log["audience"].as_str().is_some_and(|audience| audience.starts_with("group:")));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let logs = logs.map(|log| (text(&log["id"]), (log["size"].as_u64().unwrap_or_default(), text(&log["head"]))));
        (logs.collect(), status["records"]["indicator"].as_u64().unwrap_or_default())
    }
}

impl Org {
    /// Whether each of its peers has acknowledged all that is for it, waiting for its position or not.
    fn is_heard(&self) -> bool {
        let status = self.try_json(&["status"]).unwrap_or_default();
        status["peers"].as_array().is_some_and(|peers| peers.iter().all(|peer| peer["ahead"] == 0))
    }
}

impl Drop for Org {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An import under way.
pub struct Import {
    values: BTreeSet<String>,
    child: Child,
    file: PathBuf,
}

impl Import {
    /// The values that it has acknowledged: all of them when it ends well, else none.
    pub fn acknowledged(mut self) -> BTreeSet<String> {
        let mut answer = String::new();
        self.child.stdout.take().expect("its answer").read_to_string(&mut answer).expect("UTF-8");
        let well = self.child.wait().expect("it ends").success();
        fs::remove_file(&self.file).expect("the file");
        if !well {
            return BTreeSet::new();
        }
        let report: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(report["released"].as_u64(), Some(self.values.len() as u64), "an import that ends well releases all: {report}");
        self.values
    }
}

/// Waits until something is so; panics with what it says when it is not.
pub fn until(what: &str, mut is_so: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + PATIENCE;
    loop {
        match is_so() {
            Ok(()) => return,
            Err(why) if Instant::now() > end => panic!("not within {PATIENCE:?}: {what}: {why}"),
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}

/// Waits until all of these hold the same. Two that have as much waiting for its position each look equal before either has sent it.
pub fn until_equal(orgs: &[&Org]) {
    until("all hold the same", || {
        let states: Vec<_> = orgs.iter().map(|org| (org.name.clone(), org.state(orgs.len() > 2))).collect();
        let equal = states.windows(2).all(|two| two[0].1 == two[1].1) && !states[0].1.0.is_empty();
        (equal && orgs.iter().all(|org| org.is_heard())).then_some(()).ok_or_else(|| format!("{states:?}"))
    });
}

/// A way to a node that can be cut: a port that is carried to another.
pub struct Gate {
    pub port: u16,
    state: Arc<Mutex<GateState>>,
}

#[derive(Default)]
struct GateState {
    cut: bool,
    live: Vec<TcpStream>,
}

impl Gate {
    fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::<Mutex<GateState>>::default();
        let shared = state.clone();
        std::thread::spawn(move || {
            for dialler in listener.incoming().map_while(Result::ok) {
                let Ok(node) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let mut state = shared.lock().expect("the gate");
                let (Ok(one), Ok(other)) = (dialler.try_clone(), node.try_clone()) else { continue };
                if state.cut {
                    continue;
                }
                state.live.retain(|stream| stream.peer_addr().is_ok());
                state.live.extend([one, other]);
                carry(&dialler, &node);
                carry(&node, &dialler);
            }
        });
        Self { port, state }
    }

    /// Whoever is connected through it is cut off, and nobody gets through.
    pub fn cut(&self) {
        let mut state = self.state.lock().expect("the gate");
        state.cut = true;
        state.live.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    pub fn heal(&self) {
        self.state.lock().expect("the gate").cut = false;
    }
}

fn carry(from: &TcpStream, to: &TcpStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    std::thread::spawn(move || {
        let mut bytes = [0; 16 << 10];
        loop {
            match from.read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(length) if to.write_all(&bytes[..length]).is_err() => break,
                Ok(_) => {}
            }
        }
        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
    });
}
