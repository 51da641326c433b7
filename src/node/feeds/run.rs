//! A feed is read: when it is due, or when somebody says so. What fails is tried again, later each time, and holds up no other feed.

use super::fault::Fault;
use super::fetch::{self, Ask, Fetched, Fetcher, Limits, Validators};
use super::row::{FeedRow, Kind};
use super::take::Reading;
use super::view::{Counts, FeedRun, FeedRunView};
use super::{Run, Stop};
use crate::config::notify::within;
use crate::model::Timestamp;
use crate::model::crypto::random;
use crate::node::{Node, NodeError};
use hyper::body::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

/// What is due is looked at so often, in milliseconds.
const LOOK_MS: u64 = 5_000;
/// What fails is tried again after so long at most, unless its own schedule is longer (a day, in seconds).
const BACK_OFF_S_MAX: u64 = 86_400;
/// And after so long the first time.
const BACK_OFF_S_MIN: u64 = 60;

/// While it is there the feed is being read, and nobody else begins.
pub(super) struct Turn {
    node: Arc<Node>,
    id: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.node.feeding.running().remove(&self.id);
    }
}

impl Node {
    /// Reads feeds when they are due, until `stop` fires.
    pub(crate) async fn keep_feeding(self: Arc<Self>, stop: CancellationToken) {
        let mut changes = self.feeding.changed.listen();
        let at_once = usize::try_from(self.config.feeds.at_once_max).unwrap_or(usize::MAX);
        let mut under_way = JoinSet::new();
        loop {
            while under_way.try_join_next().is_some() {}
            let due = self.due_feeds().unwrap_or_else(|error| {
                tracing::warn!(code = error.code(), "it cannot be read which feeds are due");
                Vec::new()
            });
            for feed in due.into_iter().take(at_once.saturating_sub(under_way.len())) {
                // Taken before its task begins: the next look must not find it due once more.
                let Some(turn) = self.turn_of(&feed) else { continue };
                let node = self.clone();
                under_way.spawn(async move {
                    let id = feed.id.clone();
                    match node.run_feed(feed, FeedRun::default(), turn).await {
                        Ok(view) => {
                            let (Counts { new, changed, gone, left_out, .. }, fault) = (view.counts, view.fault.map(|fault| fault.code));
                            tracing::info!(feed = id, new, changed, gone, left_out, fault, "a feed was read");
                        }
                        Err(error) => tracing::warn!(feed = id, code = error.code(), "a feed cannot be taken in"),
                    }
                });
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = changes.rung() => {}
                _ = under_way.join_next(), if !under_way.is_empty() => {}
                () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {}
            }
        }
    }

    pub(super) fn due_feeds(&self) -> Result<Vec<FeedRow>, NodeError> {
        let (snapshot, now) = (self.store.snapshot()?, self.clock.now());
        let mut due = Vec::new();
        for row in super::row::all(&snapshot)?.into_iter().filter(|row| !row.paused) {
            let next = row.state(&snapshot)?.next;
            if next <= now && !self.feeding.running().contains(&row.id) {
                due.push((next, row));
            }
        }
        // Whoever waits longest comes first.
        due.sort_by_key(|(next, _)| *next);
        Ok(due.into_iter().map(|(_, row)| row).collect())
    }

    /// Reads a feed, whatever its schedule.
    ///
    /// # Errors
    /// When there is none of that name, it is being read, or the store takes no changes. What is wrong with the source is told in the view.
    pub async fn feed_now(self: &Arc<Self>, name: &str, how: FeedRun) -> Result<FeedRunView, NodeError> {
        let feed = self.feed_named(&self.store.snapshot()?, name)?;
        // Whoever asked may go away meanwhile.
        let node = self.clone();
        let Some(turn) = self.turn_of(&feed) else {
            return Err(NodeError::Conflict(format!("`{}` is being read\nhint: `watchfire feed list` shows when that is over", feed.name)));
        };
        let run = tokio::spawn(async move { node.run_feed(feed, how, turn).await });
        run.await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    /// `None` while it is being read.
    pub(super) fn turn_of(self: &Arc<Self>, feed: &FeedRow) -> Option<Turn> {
        self.feeding.running().insert(feed.id.clone()).then(|| Turn { node: self.clone(), id: feed.id.clone() })
    }

    async fn run_feed(self: &Arc<Self>, feed: FeedRow, how: FeedRun, _turn: Turn) -> Result<FeedRunView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (state, known) = (feed.state(&snapshot)?, feed.known(&snapshot)?);
        drop(snapshot);
        let now = self.clock.now();
        let mut run = Run::new(feed, state, known, how);
        run.state.tried = Some(now);
        run.state.next = later(now, run.feed.terms.every_s);
        if !how.dry_run {
            run.state.begin_again_if_due(&self.renewal(&run.feed.terms), now);
            // Should it be what ends the process, the next start does not begin with it.
            self.write_state(&run).await?;
        }
        let ended = match run.feed.terms.kind {
            Kind::List => self.read_list(&mut run).await,
            Kind::Folder => self.read_folder(&mut run).await,
            Kind::MispFeed => self.read_misp_feed(&mut run).await,
            Kind::Taxii => self.read_taxii(&mut run).await,
            Kind::Misp => self.read_misp(&mut run).await,
            Kind::MispPush => self.push_misp(&mut run).await,
        };
        let fault = match ended {
            Ok(()) => None,
            Err(Stop::Fault(fault)) => Some(fault),
            Err(Stop::Node(error)) => return Err(error),
            Err(Stop::Removed) => return Err(NodeError::UnknownFeed(run.feed.name)),
        };
        if !how.dry_run {
            // Whatever came of the source: what was taken before may not have been passed on yet.
            let not_passed = match self.pass_feed_on(&mut run).await {
                Ok(not_passed) => not_passed,
                Err(Stop::Removed) => return Err(NodeError::UnknownFeed(run.feed.name)),
                Err(Stop::Fault(fault)) => Some(fault.to_string()),
                Err(Stop::Node(error)) => return Err(error),
            };
            self.ended(&mut run, fault.as_ref(), not_passed).await?;
        }
        let Run { feed, counts, problems, .. } = run;
        Ok(FeedRunView { name: feed.name, dry_run: how.dry_run, counts, problems, fault: fault.as_ref().map(Into::into) })
    }

    /// Writes down how it went, beside how far it was by the last transaction.
    async fn ended(&self, run: &mut Run, fault: Option<&Fault>, not_passed: Option<String>) -> Result<(), NodeError> {
        let (now, every_s) = (self.clock.now(), run.feed.terms.every_s);
        // What was to be written with what was not taken counts for nothing.
        let mut state = run.feed.state(&self.store.snapshot()?)?;
        (state.fault, state.not_passed) = (fault.map(Into::into), not_passed);
        match fault {
            None => (state.failures, state.succeeded, state.next) = (0, Some(now), later(now, every_s)),
            Some(fault) => {
                state.failures = state.failures.saturating_add(1);
                let most = every_s.max(BACK_OFF_S_MAX);
                let wait = BACK_OFF_S_MIN.max(every_s / 8).saturating_mul(1 << (state.failures - 1).min(16));
                let wait = if run.has_news { wait.min(every_s) } else { wait };
                // A server that asks for more patience has it, within the same bound.
                let (wait, asked) = (wait.min(most), if let Fault::Later(_, seconds) = fault { (*seconds).min(most) } else { 0 });
                state.next = later(now, wait).max(now.plus(asked.saturating_mul(1_000)));
            }
        }
        run.state = state;
        self.write_state(run).await
    }

    async fn write_state(&self, run: &Run) -> Result<(), NodeError> {
        let _turn = self.feeding.turn.lock().await;
        self.store.settled().await;
        if super::row::all(&self.store.snapshot()?)?.iter().any(|row| row.id == run.feed.id) {
            self.commit(run.feed.state_kept(&run.state)?).await?;
        }
        Ok(())
    }

    async fn read_list(self: &Arc<Self>, run: &mut Run) -> Result<(), Stop> {
        let url = address(&run.feed.terms.at)?;
        let fetched = self.fetch_for(run, &url, Fetch { validators: Some(run.state.validators.clone()), ..Fetch::default() }).await?;
        let validators = fetched.validators();
        let name = url.path_segments().and_then(|mut parts| parts.next_back()).map(str::to_owned);
        let Some(body) = fetched.body else { return Ok(()) };
        let mut reading = Reading::default();
        let whole = super::take::part("");
        reading.parts.insert(whole, BTreeSet::new());
        let reader = body.reader().map_err(|_| Fault::Disk)?;
        let read =
            self.read_apart(run, reading, move |node, feed, reading| node.read_feed(feed, reader, name.as_deref(), &|_| whole, reading));
        let reading = read.await?;
        run.state.validators = validators;
        self.take(run, reading, None).await
    }

    /// Reads on a thread that may wait for the disk.
    pub(super) async fn read_apart<F>(self: &Arc<Self>, run: &Run, mut reading: Reading, read: F) -> Result<Reading, Stop>
    where
        F: FnOnce(&Node, &FeedRow, &mut Reading) -> Result<(), Stop> + Send + 'static,
    {
        let (node, feed) = (self.clone(), run.feed.clone());
        let reading = tokio::task::spawn_blocking(move || read(&node, &feed, &mut reading).map(|()| reading));
        reading.await.map_err(|fault| NodeError::Internal(fault.to_string()))?
    }

    /// Fetches something of a feed.
    pub(super) async fn fetch_for(&self, run: &Run, url: &Url, fetch: Fetch) -> Result<Fetched, Fault> {
        let (terms, home) = (&run.feed.terms, address(&run.feed.terms.at)?);
        let file = |file: &Option<std::path::PathBuf>| file.as_deref().map(|file| within(&self.data, file));
        let (secret, ca) = (file(&terms.secret_file), file(&terms.ca_file));
        let ask = Ask {
            url: url.clone(),
            accept: fetch.accept.unwrap_or("*/*"),
            home: &home,
            local: terms.allow_local,
            secret: secret.as_deref(),
            ca: ca.as_deref(),
            // What was fetched before was not kept by a try, and is to be looked at whole.
            validators: fetch.validators.as_ref().filter(|_| !run.how.dry_run && !run.how.accept_removals),
            post: fetch.post,
        };
        self.fetcher().fetch(&ask).await
    }

    fn fetcher(&self) -> Fetcher {
        let settings = &self.config.feeds;
        let limits = Limits {
            connect: Duration::from_secs(settings.connect_s_max),
            answer: Duration::from_secs(settings.answer_s_max),
            whole: Duration::from_secs(settings.whole_s_max),
            bytes_max: settings.bytes_max,
            unpacked_max: settings.unpacked_bytes_max,
            redirects_max: settings.redirects_max,
        };
        Fetcher { resolver: fetch::system(), proxy: self.config.proxy.clone(), data: self.data.clone(), limits }
    }
}

/// How something is fetched.
#[derive(Default)]
pub(super) struct Fetch {
    pub(super) accept: Option<&'static str>,
    pub(super) validators: Option<Validators>,
    /// JSON to be posted.
    pub(super) post: Option<Bytes>,
}

pub(super) fn address(text: &str) -> Result<Url, Fault> {
    Url::parse(text).map_err(|_| Fault::BadUrl)
}

/// In so many seconds, give or take a tenth: what many ask at the full hour is asked apart.
fn later(now: Timestamp, seconds: u64) -> Timestamp {
    let tenth = seconds.saturating_mul(100);
    let jitter = u64::from_be_bytes(random()) % (2 * tenth).max(1);
    now.plus(seconds.saturating_mul(1_000).saturating_sub(tenth).saturating_add(jitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_at_the_full_hour() {
        let waits: Vec<u64> = (0..200).map(|_| later(Timestamp(0), 3_600).0).collect();
        assert!(waits.iter().all(|wait| (3_240_000..3_960_000).contains(wait)));
        assert!(waits.iter().min() < Some(&3_400_000) && waits.iter().max() > Some(&3_800_000));
    }
}
