//! What the nodes log, by federation.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// A line of the log.
#[derive(Debug, Clone)]
pub struct Line {
    pub level: Level,
    pub text: String,
}

thread_local! {
    static FEDERATION: Cell<u64> = const { Cell::new(0) };
}

static LINES: Mutex<BTreeMap<u64, Vec<Line>>> = Mutex::new(BTreeMap::new());
static START: Once = Once::new();

/// What this thread logs from now on belongs to that federation.
pub fn belong(federation: u64) {
    START.call_once(|| {
        let collecting = tracing_subscriber::registry().with(Collect);
        tracing::subscriber::set_global_default(collecting).expect("nothing else collects");
    });
    FEDERATION.with(|cell| cell.set(federation));
}

/// The federation that this thread belongs to.
pub fn current() -> u64 {
    FEDERATION.with(Cell::get)
}

/// What a federation has logged; threads that belong to none (the stores' writers) count for all.
pub fn lines(federation: u64) -> Vec<Line> {
    let lines = lock();
    [0, federation].iter().filter_map(|number| lines.get(number)).flatten().cloned().collect()
}

fn lock() -> MutexGuard<'static, BTreeMap<u64, Vec<Line>>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether lines of every crate and level are kept, as `log = "trace"` has them.
static EVERYTHING: AtomicBool = AtomicBool::new(false);

/// From now on; before the first federation, as who does not log is asked once.
#[allow(dead_code)] // As `Federation::log`.
pub fn collect_everything() {
    EVERYTHING.store(true, Ordering::Relaxed);
}

struct Collect;

impl<S: Subscriber> Layer<S> for Collect {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        EVERYTHING.load(Ordering::Relaxed)
            || ["watchfire", "federation"].iter().any(|ours| metadata.target().starts_with(ours))
            || *metadata.level() <= Level::WARN
    }

    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut text = Text(String::new());
        span.record(&mut text);
        let line = Line { level: Level::TRACE, text: format!("{}:{}", span.metadata().name(), text.0) };
        lock().entry(current()).or_default().push(line);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let line = Line { level: *event.metadata().level(), text: format!("{}:{}", event.metadata().target(), text.0) };
        lock().entry(current()).or_default().push(line);
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
