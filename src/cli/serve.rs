//! `watchfire serve`

use super::{Desk, Ended, provision};
use crate::api::https::Https;
use crate::api::server::Socket;
use crate::clock::Clock;
use crate::config::{Effective, FILE};
use crate::node::Node;
use crate::node::error::{Exit, NodeError};
use crate::node::view::PeerOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Run the node until it is told to stop
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Run the node until it is told to stop\n\nSIGTERM and SIGINT stop it in order, SIGHUP reads certificates, peers, cards, timers.toml and what the release gate is told again; settings are read at the start. The log goes to standard error and never holds a name, a value or a text."
)]
pub(super) struct Args {
    /// Log as JSON, one object a line
    #[arg(long)]
    log_json: bool,
    /// Pair with every card in this directory that is not known yet; the peer is called like the file
    #[arg(long, value_name = "DIR")]
    cards: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  watchfire serve --log-json";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let file = desk.data.join(FILE);
    if !file.exists() {
        return Err(NodeError::NotInitialised(desk.data.clone()).into());
    }
    let config = Effective::load(&file).map_err(NodeError::from)?.config;
    log_to_stderr(&config.log, args.log_json);
    let node = Node::open(&desk.data, Clock::system())?;
    let address = node.listen().await?;
    let socket = Socket::bind(&desk.data)?;
    let https = Https::bind(&node).await?;
    let stop = CancellationToken::new();
    let signals = Signals::new()?;
    if let Some(cards) = &args.cards {
        pair_with(&node, cards).await?;
    }
    let (requests, connections) = (size(config.api.request_bytes_max), size(config.api.connections_max));
    let desk_socket = tokio::spawn(socket.serve(node.clone(), requests, connections, stop.clone()));
    let show_anew: ShowAnew = https.as_ref().map(|https| Box::new(https.reloader()) as _);
    let programs = tokio::spawn({
        let stop = stop.clone();
        async move {
            if let Some(https) = https {
                https.serve(stop).await;
            }
        }
    });
    let obeying = tokio::spawn(signals.obey(node.clone(), args.cards.clone(), show_anew, stop.clone()));
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), vocabularies = node.vocabularies.version(), "ready");
    let ended = node.run(stop.clone()).await;
    stop.cancel();
    let _ = tokio::join!(desk_socket, programs, obeying);
    tracing::info!("stopped");
    ended?;
    Ok(Exit::Done)
}

/// Reads the certificate again that programs are shown.
type ShowAnew = Option<Box<dyn Fn() -> Result<(), NodeError> + Send + Sync>>;

async fn reload(node: &Node, cards: Option<&Path>, show_anew: &ShowAnew) -> Result<(), Vec<NodeError>> {
    let paired = match cards {
        Some(cards) => pair_with(node, cards).await,
        None => Ok(()),
    };
    let mut failed: Vec<NodeError> = paired.err().into_iter().collect();
    failed.extend(node.reload().await.err().into_iter().flatten());
    failed.extend(show_anew.as_ref().and_then(|show| show().err()));
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Pairs with every card of a directory whose organisation is not known yet. A card that cannot be used is told and passed over.
async fn pair_with(node: &Node, cards: &Path) -> Result<(), NodeError> {
    for (name, text) in provision::cards(cards)? {
        // Whoever was removed, or waits for its digits, is the operator's to decide on.
        if let Ok(card) = crate::model::identity::Card::from_text(&text)
            && (card.org() == node.org() || node.knows(&card.org())?)
        {
            continue;
        }
        match node.peer_add(&text, &name, PeerOptions::default()).await {
            Ok(_) => tracing::info!("paired by card"),
            Err(NodeError::AlreadyPaired(_) | NodeError::Ourselves(_)) => {}
            Err(error) => tracing::error!(code = error.code(), "a card in the directory of cards was passed over"),
        }
    }
    Ok(())
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn log_to_stderr(filter: &str, json: bool) {
    // The settings were checked when they were read.
    let filter = EnvFilter::builder().parse_lossy(filter);
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).with_ansi(false);
    if json { log.json().flatten_event(true).init() } else { log.with_target(false).init() }
}

/// The signals that the node obeys.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, NodeError> {
        let take = |kind| signal(kind).map_err(|error| NodeError::io("take signals", error));
        let (terminate, interrupt, hang_up) = (take(SignalKind::terminate())?, take(SignalKind::interrupt())?, take(SignalKind::hangup())?);
        Ok(Self { terminate, interrupt, hang_up })
    }

    async fn obey(mut self, node: Arc<Node>, cards: Option<PathBuf>, show_anew: ShowAnew, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = self.terminate.recv() => return stop.cancel(),
                _ = self.interrupt.recv() => return stop.cancel(),
                _ = self.hang_up.recv() => match reload(&node, cards.as_deref(), &show_anew).await {
                    Ok(()) => tracing::info!("reloaded"),
                    Err(failed) => for error in failed {
                        let (code, place) = (error.code(), error.place());
                        tracing::error!(code, place, "failed to reload; of what could not be read, what was in force stays");
                    }
                },
            }
        }
    }
}
