//! What happened in a run, as one hash: every frame that arrived and every commit, each with its time. And what the nodes logged.

use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use watchfire::model::crypto::sha256;

/// The trace of a run. Clones are the same one.
#[derive(Clone)]
pub struct Trace(Arc<Mutex<State>>);

struct State {
    hash: [u8; 32],
    events: u64,
    began: Instant,
    file: Option<std::fs::File>,
}

impl Trace {
    /// Begins now; each event goes to the file too, to find where two runs part.
    pub fn begin(file: Option<std::fs::File>) -> Self {
        Self(Arc::new(Mutex::new(State { hash: [0; 32], events: 0, began: Instant::now(), file })))
    }

    /// Milliseconds since the run began.
    pub fn at(&self) -> u64 {
        self.0.lock().unwrap().began.elapsed().as_millis() as u64
    }

    /// Notes an event: a few words, and bytes of which only the hash is kept.
    pub fn note(&self, words: &str, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap();
        let at = state.began.elapsed().as_micros();
        let digest = sha256(&[bytes]);
        let line = format!("{at} {words} {}", data_encoding::HEXLOWER.encode(&digest[..8]));
        state.hash = sha256(&[&state.hash, line.as_bytes()]);
        state.events += 1;
        if let Some(file) = &mut state.file {
            let _ = writeln!(file, "{line}");
        }
    }

    /// How many events there were, and the hash over all of them.
    pub fn sum(&self) -> (u64, String) {
        let state = self.0.lock().unwrap();
        (state.events, data_encoding::HEXLOWER.encode(&state.hash[..16]))
    }
}

/// A line that a node logged.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: u64,
    pub level: Level,
    pub text: String,
}

/// What the nodes log. Clones are the same.
#[derive(Clone)]
pub struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
    trace: Trace,
    aloud: bool,
    /// What stands in place of organisation ids.
    names: Vec<(String, &'static str)>,
}

impl Log {
    /// Collects from now on; aloud, it prints too.
    pub fn collect(trace: &Trace, names: Vec<(String, &'static str)>, aloud: bool) -> Self {
        let log = Self { lines: Arc::default(), trace: trace.clone(), aloud, names };
        let collecting = tracing_subscriber::registry().with(log.clone());
        tracing::subscriber::set_global_default(collecting).expect("nothing else collects");
        log
    }

    /// A line of the simulation's own.
    pub fn say(&self, text: String) {
        self.push(Level::INFO, text);
    }

    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    fn push(&self, level: Level, text: String) {
        let text = self.names.iter().fold(text, |text, (org, name)| text.replace(org, name));
        let line = Line { at: self.trace.at(), level, text };
        if self.aloud {
            eprintln!("{line}");
        }
        self.lines.lock().unwrap().push(line);
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>7}.{:03} {:5} {}", self.at / 1_000, self.at % 1_000, self.level, self.text)
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("watchfire") && *metadata.level() <= Level::DEBUG
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.push(*event.metadata().level(), text.0.trim().to_owned());
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => drop(write!(self.0, " {value:?}")),
            name => drop(write!(self.0, " {name}={value:?}")),
        }
    }
}
