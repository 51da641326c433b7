//! How long everything may take, as the operator says it: `DIR/timers.toml`. What it leaves out has its default.

use super::super::error::NodeError;
use crate::model::OrgId;
use crate::rules::escalate::{BadTimetable, Timetable};
use crate::store::Snapshot;
use crate::store::change::PeerState;
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name within the data directory.
pub const FILE: &str = "timers.toml";
/// A longer file is no timetable: a thousand peers with ladders of their own are less.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The limits in a data directory, with peers that are called by their names as they are.
///
/// # Errors
/// When the file cannot be read or is no timetable; with its place.
pub fn load(data: &Path) -> Result<Timetable, NodeError> {
    read(data).map(|(timetable, _)| timetable)
}

/// The limits in force: each name stands for the peer that has it in the store.
///
/// # Errors
/// As [`load`], and when a name is nobody's.
pub fn load_for(data: &Path, snapshot: &Snapshot) -> Result<Timetable, NodeError> {
    let mut peers = snapshot.peers()?;
    // A removed peer gives its name up to a living one.
    peers.sort_by_key(|peer| peer.state != PeerState::Removed);
    load_with(data, &peers.into_iter().map(|peer| (peer.name, peer.org)).collect())
}

/// As [`load_for`], of peers that are known otherwise.
///
/// # Errors
/// As [`load_for`].
pub fn load_with(data: &Path, peers: &BTreeMap<String, OrgId>) -> Result<Timetable, NodeError> {
    let (timetable, text) = read(data)?;
    timetable.resolved(peers).map_err(|error| {
        let line = match &error {
            BadTimetable::Unknown(name) | BadTimetable::Twice(name) => line_of(&text, name),
            _ => None,
        };
        bad(&data.join(FILE), line, &error.to_string())
    })
}

/// The line at which a peer is named first.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let all = toml::de::DeTable::parse(text).ok()?;
    let (_, peers) = all.get_ref().iter().find(|(key, _)| key.get_ref() == "peers")?;
    let (key, _) = peers.get_ref().as_table()?.iter().find(|(key, _)| key.get_ref() == name)?;
    Some(text.get(..key.span().start)?.matches('\n').count() + 1)
}

fn read(data: &Path) -> Result<(Timetable, String), NodeError> {
    use std::io::Read;
    let path = data.join(FILE);
    let failed = |error| NodeError::io(format!("read `{}`", path.display()), error);
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Default::default()),
        file => file.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(bad(&path, None, &format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    let timetable = toml::from_str(&text).map_err(|error| {
        // The place where it ends up wrong is the whole file where a ladder as such does not hold; that names the ladder.
        let line = error.span().filter(|span| span.start > 0).map(|_| crate::config::toml_error(&text, &error).0);
        bad(&path, line, error.message())
    })?;
    Ok((timetable, text))
}

fn bad(path: &Path, line: Option<usize>, why: &str) -> NodeError {
    let hint = if why.contains("\nhint: ") { "" } else { "\nhint: docs/escalation.md has an example" };
    NodeError::BadTimers { path: path.to_owned(), line, what: format!("{why}{hint}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::model::{Priority, Timestamp};
    use crate::node::Node;
    use crate::node::view::PeerOptions;
    use crate::rules::escalate::Wait;

    #[test]
    fn the_file_says_what_is_not_as_usual_and_a_wrong_one_is_named() {
        let data = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(data.path().join(FILE), text).unwrap();
        assert_eq!(load(data.path()).unwrap(), Timetable::default());
        write("[emergency]\nacknowledgement = [{ after = \"30m\", act = \"tell_leads\" }]\n");
        let set = load(data.path()).unwrap();
        let ladder = |wait| set.ladder(&OrgId([1; 32]), Priority::Emergency, wait).rungs.len();
        assert_eq!((ladder(Wait::Acknowledgement), ladder(Wait::Decision)), (1, 2));
        let why = |text: &str| {
            write(text);
            load(data.path()).unwrap_err().to_string()
        };
        let ladder = why("[urgent]\nsilence = []\n");
        assert!(
            ladder.contains("timers.toml` is no timetable: ") && ladder.contains("`urgent.silence` has 0 rungs\nhint: a ladder"),
            "{ladder}"
        );
        let syntax = why("[urgent]\n\nsilense = 3\n");
        assert!(
            syntax.contains("timers.toml` is no timetable: line 3: ") && syntax.ends_with("docs/escalation.md has an example"),
            "{syntax}"
        );
    }

    #[tokio::test]
    async fn a_peer_is_called_by_its_name_and_a_name_that_is_nobodys_is_told_with_its_line() {
        let (directory, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Timestamp(1_800_000_000_000)));
        let open = |name: &str| {
            let data = directory.path().join(name);
            if !data.exists() {
                Node::init(&data, &[format!("{name}.example:7443")], &clock).unwrap();
            }
            Node::open_with(&data, Config::default(), clock.clone())
        };
        let (amal, borealis) = (open("amal").unwrap(), open("borealis").unwrap());
        amal.peer_add(&borealis.card().unwrap(), "borealis", PeerOptions::default()).await.unwrap();
        let file = directory.path().join("amal").join(FILE);
        let write = |name: &str| {
            std::fs::write(
                &file,
                format!("[again]\nslow = \"2w\"\n\n[peers.{name}.urgent]\nanswer = [{{ after = \"2h\", act = \"digest\" }}]\n"),
            )
            .unwrap();
        };
        let rungs =
            |node: &Node| super::super::lock(&node.clocks.timetable).ladder(&borealis.org(), Priority::Urgent, Wait::Answer).rungs.len();
        assert_eq!(rungs(&amal), 2, "the default");
        write("borealis");
        amal.reload_timers().unwrap();
        assert_eq!(rungs(&amal), 1);
        let renamed = amal.peer_rename("borealis", "north").await.unwrap_err().to_string();
        let id = borealis.org();
        assert_eq!(
            renamed,
            format!(
                "`timers.toml` calls `borealis` by this name\nhint: write its id there, which is {id}, send SIGHUP to the node, and rename it then"
            )
        );
        // Added later, or never: the ladders before stay, and a node does not start.
        write("cedar");
        let nobody = amal.reload_timers().unwrap_err().to_string();
        let told = "timers.toml` is no timetable: line 4: `peers.cedar`: no peer is called so\nhint: `watchfire peer list` has the names; ";
        assert!(nobody.contains(told), "{nobody}");
        assert_eq!(rungs(&amal), 1);
        amal.store.close();
        drop(amal);
        assert_eq!(open("amal").map(drop).unwrap_err().to_string(), nobody);
        write(&id.to_string());
        let amal = open("amal").unwrap();
        assert_eq!(rungs(&amal), 1);
        // By its id it may be called otherwise, and a removed one is known still.
        amal.peer_rename("borealis", "north").await.unwrap();
        write("north");
        amal.peer_remove("north").await.unwrap();
        amal.reload_timers().unwrap();
        assert_eq!(rungs(&amal), 1);
    }
}
