//! A MISP feed: `manifest.json` says which events there are and when each changed last, and each is a file. Only what changed is fetched.

use super::fault::Fault;
use super::fetch::Validators;
use super::misp::{UNSETTLED, mark, number};
use super::renew::turn;
use super::run::{Fetch, address};
use super::take::{Reading, part};
use super::{Run, Stop};
use crate::node::Node;
use hyper::header::DATE;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use url::Url;

/// What a manifest says of an event, as far as it matters here. Times come as numbers and as strings.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    timestamp: serde_json::Value,
}

impl Node {
    pub(super) async fn read_misp_feed(self: &Arc<Self>, run: &mut Run) -> Result<(), Stop> {
        let root = root(&run.feed.terms.at)?;
        let at = |name: &str| root.join(name).map_err(|_| Fault::BadUrl);
        let fetch = Fetch { validators: Some(run.state.validators.clone()), ..Fetch::default() };
        let fetched = self.fetch_for(run, &at("manifest.json")?, fetch).await?;
        let validators = fetched.validators();
        let now = super::fetch::date(&fetched.headers, DATE).unwrap_or(self.clock.now().0 / 1_000);
        let Some(body) = fetched.body else { return Ok(()) };
        let manifest = manifest(&body.whole()?, now, self.config.feeds.events_max)?;
        // Until all that it names was read, it is fetched whole.
        run.state.validators = Validators::default();
        let all: BTreeSet<u64> = manifest.keys().map(|uuid| part(uuid)).collect();
        let again = run.how.dry_run || run.how.accept_removals;
        let is_settled = |version: &String| !version.ends_with(UNSETTLED);
        let is_known = |uuid: &String, version: &String| is_settled(version) && run.state.parts.get(uuid) == Some(version);
        let changed = manifest.iter().filter(|(uuid, version)| again || !is_known(uuid, version));
        let mut changed: Vec<(String, String)> = changed.map(|(uuid, version)| (uuid.clone(), version.clone())).collect();
        changed.sort_by_key(|(uuid, version)| turn(run.state.parts.get(uuid), version));
        let most = usize::try_from(self.config.feeds.fetches_max).unwrap_or(usize::MAX);
        let (mut failed, is_all) = (None, changed.len() <= most);
        for (uuid, version) in changed.into_iter().take(most) {
            let before = run.state.clone();
            run.state.parts.insert(uuid.clone(), version);
            match self.read_event(run, &at(&format!("{uuid}.json"))?, part(&uuid)).await {
                Ok(()) => {}
                // Manifests name files that are gone: what is known of the event stays, and the others are taken.
                Err(Stop::Fault(fault @ (Fault::Http(_) | Fault::NotThat(_) | Fault::TooLong(_) | Fault::TooMany(_) | Fault::Coding))) => {
                    run.state = before;
                    failed.get_or_insert(fault);
                }
                Err(stop) => return Err(stop),
            }
        }
        run.state.parts.retain(|uuid, _| manifest.contains_key(uuid));
        if failed.is_none() && is_all && manifest.values().all(is_settled) {
            run.state.validators = validators;
        }
        self.take(run, Reading::default(), Some(&all)).await?;
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }

    async fn read_event(self: &Arc<Self>, run: &mut Run, url: &Url, part: u64) -> Result<(), Stop> {
        let fetched = self.fetch_for(run, url, Fetch::default()).await?;
        let Some(body) = fetched.body else { return Ok(()) };
        let reader = body.reader().map_err(|_| Fault::Disk)?;
        let mut reading = Reading::default();
        reading.parts.insert(part, BTreeSet::new());
        let reading =
            self.read_apart(run, reading, move |node, feed, reading| node.read_feed(feed, reader, Some("event.json"), &|_| part, reading));
        let reading = reading.await?;
        self.take(run, reading, None).await
    }
}

/// The folder of a feed, whether its manifest was named or not.
fn root(at: &str) -> Result<Url, Fault> {
    let mut url = address(at)?;
    if !url.path().ends_with('/') {
        let path = match url.path().strip_suffix("manifest.json") {
            Some(folder) => folder.to_owned(),
            None => format!("{}/", url.path()),
        };
        url.set_path(&path);
    }
    Ok(url)
}

/// The events of a manifest, read at a time of the server in seconds, each with its version. What is no uuid would be an address of the manifest's
/// choice.
fn manifest(bytes: &[u8], now: u64, most: u64) -> Result<BTreeMap<String, String>, Fault> {
    let all: BTreeMap<String, Event> = serde_json::from_slice(bytes).map_err(|_| Fault::NotThat("there is no manifest"))?;
    if all.len() as u64 > most {
        return Err(Fault::TooMany("feeds.events_max"));
    }
    let is_uuid = |name: &str| name.len() == 36 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !all.keys().all(|name| is_uuid(name)) {
        return Err(Fault::NotThat("its manifest names something that is no event"));
    }
    let version = |event: Event| {
        let mark = number(&event.timestamp).map_or("", |at| mark(at, now));
        format!("{}{mark}", event.timestamp)
    };
    Ok(all.into_iter().map(|(uuid, event)| (uuid, version(event))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_events_and_no_addresses() {
        let good = br#"{"deba275d-e3f9-54f1-80c8-6b06887a75f4":{"timestamp":"1","info":"x"},"8a8269e4-ace7-5cff-94f0-409521ae4f0c":{"timestamp":2}}"#;
        assert_eq!(manifest(good, 5, 2).unwrap().into_values().collect::<Vec<_>>(), ["2", "\"1\""]);
        assert_eq!(manifest(good, 5, 1), Err(Fault::TooMany("feeds.events_max")));
        assert_eq!(manifest(good, 3, 2).unwrap().into_values().collect::<Vec<_>>(), ["2?", "\"1\"?"], "just now");
        let ahead = br#"{"deba275d-e3f9-54f1-80c8-6b06887a75f4":{"timestamp":4102444800}}"#;
        assert_eq!(manifest(ahead, 5, 2).unwrap().into_values().collect::<Vec<_>>(), ["4102444800"], "it is read once");
        for bad in ["[]", "", "<html>", r#"{"../../../../etc/passwd":{}}"#, r#"{"http://127.0.0.1/":{}}"#] {
            assert!(matches!(manifest(bad.as_bytes(), 5, 2), Err(Fault::NotThat(_))), "{bad}");
        }
    }

    #[test]
    fn a_feed_is_named_by_its_folder_or_its_manifest() {
        for at in ["https://feed.example/misp", "https://feed.example/misp/", "https://feed.example/misp/manifest.json"] {
            assert_eq!(root(at).unwrap().as_str(), "https://feed.example/misp/", "{at}");
        }
    }
}
