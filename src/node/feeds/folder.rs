//! A folder whose files are taken in as they come, change and go.

use super::fault::Fault;
use super::take::{Reading, part};
use super::{Run, Stop};
use crate::node::Node;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

impl Node {
    pub(super) async fn read_folder(self: &Arc<Self>, run: &mut Run) -> Result<(), Stop> {
        let folder = run.feed.terms.at.clone();
        let (bytes_max, files_max) = (self.config.feeds.bytes_max, self.config.feeds.files_max);
        let files = tokio::task::spawn_blocking(move || files(Path::new(&folder), files_max)).await.map_err(|_| Fault::Folder)??;
        let known = run.state.parts.clone();
        let new = |name: &str, version: &String| run.how.dry_run || run.how.accept_removals || known.get(name) != Some(version);
        let changed: Vec<String> = files.iter().filter(|(name, version)| new(name, version)).map(|(name, _)| name.clone()).collect();
        // What cannot be read stays as it was, and is told; the others are taken.
        let (mut failed, all) = (None, files.keys().map(|name| part(name)).collect());
        for name in changed {
            let whole = part(&name);
            let mut reading = Reading::default();
            reading.parts.insert(whole, Default::default());
            let path = Path::new(&run.feed.terms.at).join(&name);
            let read_name = name.clone();
            let read = self.read_apart(run, reading, move |node, feed, reading| {
                let file = std::fs::File::open(&path).map_err(|_| Fault::Folder)?;
                let metadata = file.metadata().map_err(|_| Fault::Folder)?;
                if metadata.len() > bytes_max {
                    return Err(Fault::TooLong("feeds.bytes_max").into());
                }
                let input = Box::new(std::io::Read::take(file, bytes_max));
                node.read_feed(feed, input, Some(&read_name), &|_| whole, reading)
            });
            let (read, before) = (read.await, run.state.clone());
            let taken = match read {
                Ok(reading) => {
                    run.state.parts.insert(name.clone(), files[&name].clone());
                    self.take(run, reading, None).await
                }
                Err(stop) => Err(stop),
            };
            match taken {
                Ok(()) => {}
                Err(Stop::Fault(fault)) => {
                    run.state = before;
                    failed.get_or_insert(fault);
                }
                Err(stop) => return Err(stop),
            }
        }
        run.state.parts.retain(|name, _| files.contains_key(name));
        self.take(run, Reading::default(), Some(&all)).await?;
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

/// The files of a folder, each with its version. What is hidden, or looks as if it were still being written, waits; links are not followed.
fn files(folder: &Path, most: u64) -> Result<BTreeMap<String, String>, Fault> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|_| Fault::Folder)? {
        let entry = entry.map_err(|_| Fault::Folder)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let waits = name.starts_with('.') || [".tmp", ".part", ".swp", "~"].iter().any(|end| name.ends_with(end));
        if waits || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let metadata = entry.metadata().map_err(|_| Fault::Folder)?;
        let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos());
        files.insert(name, format!("{changed}-{}", metadata.len()));
        if files.len() as u64 > most {
            return Err(Fault::TooMany("feeds.files_max"));
        }
    }
    Ok(files)
}
