//! Feeds are added, shown, paused and removed by people.

use super::row::{FeedRow, Kind, StateRow, Terms, all};
use super::run::address;
use super::view::{FeedAdd, FeedView};
use crate::config::notify::within;
use crate::model::crypto::random;
use crate::model::record::WithdrawalMode;
use crate::model::{ReferralId, Timestamp, Tlp};
use crate::node::notify::channel;
use crate::node::referral::By;
use crate::node::{Node, NodeError};
use crate::rules::consumer::is_plain_name;
use crate::store::Snapshot;
use crate::store::change::{Change, Shelf};
use data_encoding::HEXLOWER;
use std::path::Path;

/// So many records of a removed feed are taken back in one transaction.
const REMOVED_AT_ONCE: usize = 10_000;

impl Node {
    /// Adds a feed. It is read for the first time at once.
    ///
    /// # Errors
    /// When the name is taken, what was settled cannot be done, there are too many, or the store takes no changes.
    pub async fn add_feed(&self, add: FeedAdd, by: By) -> Result<FeedView, NodeError> {
        let FeedAdd { name, mut terms } = add;
        if !is_plain_name(&name) {
            let hint = "hint: 1 to 40 small letters and digits, `.`, `-` and `_`, beginning with a letter or a digit";
            return Err(NodeError::BadInput(format!("`{}` is no name of a feed\n{hint}", name.escape_debug())));
        }
        self.check_terms(&terms)?;
        if let Some(to) = &mut terms.to {
            let audience = self.audience(to)?;
            self.passable(&terms.tlp.into(), audience)?;
            *to = super::pass::text(&audience);
        }
        // By id: what a group is called here may change.
        terms.groups = terms.groups.iter().map(|name| Ok(self.group_named(name)?.group.to_string())).collect::<Result<_, NodeError>>()?;
        let _turn = self.feeding.turn.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        let rows = all(&snapshot)?;
        if rows.iter().any(|row| row.name == name) {
            let hint = "hint: choose another name; `watchfire feed remove` ends the one that is there";
            return Err(NodeError::Conflict(format!("there is a feed called `{name}` already\n{hint}")));
        }
        let most = self.config.feeds.feeds_max;
        if rows.len() as u64 >= most {
            let hint = "hint: `watchfire feed remove` ends one; `feeds.feeds_max` says how many there may be";
            return Err(NodeError::Conflict(format!("there are {most} feeds already\n{hint}")));
        }
        let row = FeedRow { id: HEXLOWER.encode(&random::<16>()), name, created: self.clock.now(), paused: false, terms };
        self.commit_many(vec![row.kept()?, self.deed(by, "feed added", &ReferralId(row.id()?), 0)]).await?;
        self.feeding.changed.ring();
        self.feed_view(&self.store.snapshot()?, row)
    }

    fn check_terms(&self, terms: &Terms) -> Result<(), NodeError> {
        let bad = |text: String| Err(NodeError::BadInput(text));
        let least = self.config.feeds.every_s_min;
        if terms.every_s < least {
            return bad(format!("a feed is read every {least} seconds at most\nhint: `--every 1h`; `feeds.every_s_min` is the bound"));
        }
        if terms.confidence_max.is_some_and(|most| most > 100) {
            return bad("confidence goes from 0 to 100".into());
        }
        if (terms.kind == Kind::MispPush) == terms.groups.is_empty() {
            return bad("`misp-push` writes what was said in groups, and no other kind does\nhint: `--kind misp-push --group GROUP`".into());
        }
        if terms.to.is_some() && (terms.kind == Kind::MispPush || terms.tlp > Tlp::Green) {
            let hint = "hint: `--tlp green` or `clear`, where its source lets it go that far; what it labels more strictly stays here all the same";
            return bad(format!("only what may go further than to us is passed on by itself\n{hint}"));
        }
        if terms.tlp_max == Some(Tlp::Red) {
            return bad("nothing that is TLP:RED leaves by itself\nhint: `--tlp-max amber+strict` is the most".into());
        }
        match terms.kind {
            Kind::Folder if !Path::new(&terms.at).is_absolute() => {
                bad("the folder is not named from `/` on\nhint: give its whole path".into())
            }
            Kind::Folder if !Path::new(&terms.at).is_dir() => bad(format!("`{}` is no folder here", terms.at.escape_debug())),
            Kind::Folder => Ok(()),
            _ => {
                let url = address(&terms.at).ok().filter(|url| {
                    let login = !url.username().is_empty() || url.password().is_some();
                    matches!(url.scheme(), "http" | "https") && url.has_host() && !login
                });
                let Some(url) = url else {
                    return bad(
                        "it is no address of a feed\nhint: http or https; a login goes into a file that `--secret-file` names".into()
                    );
                };
                if terms.secret_file.is_some() && url.scheme() != "https" && !terms.allow_local {
                    return bad("the secret would go over http\nhint: use https".into());
                }
                let files = [(&terms.secret_file, channel::SECRET_BYTES_MAX, true), (&terms.ca_file, channel::CA_BYTES_MAX, false)];
                for (file, most, private) in files {
                    if let Some(file) = file
                        && channel::read(&within(&self.data, file), most, private).is_err()
                    {
                        let hint = "hint: it must be there and short, and a secret's file have mode 0600";
                        return bad(format!("`{}` cannot be used\n{hint}", file.display()));
                    }
                }
                Ok(())
            }
        }
    }

    /// Every feed, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn feeds(&self) -> Result<Vec<FeedView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let views = all(&snapshot)?.into_iter().map(|row| self.feed_view(&snapshot, row));
        let mut views = views.collect::<Result<Vec<_>, NodeError>>()?;
        views.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(views)
    }

    /// A feed.
    ///
    /// # Errors
    /// When there is none of that name, or the store cannot be read.
    pub fn feed(&self, name: &str) -> Result<FeedView, NodeError> {
        let snapshot = self.store.snapshot()?;
        self.feed_view(&snapshot, self.feed_named(&snapshot, name)?)
    }

    /// Leaves a feed alone until it is resumed, or reads it again from now on.
    ///
    /// # Errors
    /// When there is none of that name, or the store takes no changes.
    pub async fn pause_feed(&self, name: &str, paused: bool, by: By) -> Result<FeedView, NodeError> {
        let _turn = self.feeding.turn.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        let mut row = self.feed_named(&snapshot, name)?;
        row.paused = paused;
        let what = if paused { "feed paused" } else { "feed resumed" };
        let mut changes = vec![row.kept()?, self.deed(by, what, &ReferralId(row.id()?), 0)];
        if !paused {
            changes.push(row.state_kept(&StateRow { next: Timestamp(0), ..row.state(&snapshot)? })?);
        }
        self.commit_many(changes).await?;
        self.feeding.changed.ring();
        self.feed_view(&self.store.snapshot()?, row)
    }

    /// Ends a feed; all that it says is taken back. A run of it that is under way writes nothing more.
    ///
    /// # Errors
    /// When there is none of that name, or the store takes no changes.
    pub async fn remove_feed(&self, name: &str, by: By) -> Result<FeedView, NodeError> {
        let _passing = self.feeding.passing.lock().await;
        let _turn = self.feeding.turn.lock().await;
        self.store.settled().await;
        let snapshot = self.store.snapshot()?;
        let row = self.feed_named(&snapshot, name)?;
        let view = self.feed_view(&snapshot, row.clone())?;
        let (known, log, at) = (row.known(&snapshot)?, row.log(self.org())?.id(), self.clock.now());
        drop(snapshot);
        // The feed itself goes last: what breaks off in between is told to try again.
        self.take_back_passed(&row).await?;
        // What was written into a server stays there; only how far it was written goes.
        let shelf = if row.terms.kind == Kind::MispPush { Shelf::FeedItem } else { Shelf::FeedBeside };
        for keys in row.kept_keys(&self.store.snapshot()?, shelf)?.chunks(REMOVED_AT_ONCE) {
            let gone = keys.iter().map(|key| Ok(Change::Keep { shelf, id: row.under(*key)?, row: None }));
            self.commit_many(gone.collect::<Result<Vec<_>, NodeError>>()?).await?;
        }
        let items: Vec<(u64, u64)> = known.items.iter().map(|(key, item)| (*key, item.seq)).collect();
        for some in items.chunks(REMOVED_AT_ONCE) {
            let mut seqs: Vec<u64> = some.iter().map(|(_, seq)| *seq).collect();
            seqs.sort_unstable();
            let reason = "the feed was removed".to_owned();
            let mut changes = vec![Change::TakeBack { log, seqs, mode: WithdrawalMode::Withdraw, reason, at, bars: false }];
            for (key, _) in some {
                changes.push(row.item(*key, None)?);
            }
            self.commit_many(changes).await?;
        }
        let gone = |shelf| Ok::<_, NodeError>(Change::Keep { shelf, id: row.id()?, row: None });
        let deed = self.deed(by, "feed removed", &ReferralId(row.id()?), 0);
        self.commit_many(vec![gone(Shelf::Feed)?, gone(Shelf::FeedState)?, deed]).await?;
        Ok(view)
    }

    pub(super) fn feed_named(&self, snapshot: &Snapshot, name: &str) -> Result<FeedRow, NodeError> {
        all(snapshot)?.into_iter().find(|row| row.name == name).ok_or_else(|| NodeError::UnknownFeed(name.to_owned()))
    }

    fn feed_view(&self, snapshot: &Snapshot, mut row: FeedRow) -> Result<FeedView, NodeError> {
        let state = row.state(snapshot)?;
        let counts = (row.kept_keys(snapshot, Shelf::FeedItem)?.len() as u64, row.passed_on(snapshot)?);
        if let Some(to) = &mut row.terms.to {
            *to = self.audience(to).and_then(|audience| self.audience_name(&audience)).unwrap_or_else(|_| to.clone());
        }
        for group in &mut row.terms.groups {
            *group = self.group_named(group).map_or_else(|_| group.clone(), |row| row.name);
        }
        let running = self.feeding.running().contains(&row.id);
        Ok(FeedView::of(row, state, counts, running, self.clock.now()))
    }
}
