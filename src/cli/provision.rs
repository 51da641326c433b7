//! `watchfire provision`

use super::init;
use super::output;
use super::{Desk, Ended};
use crate::api::Problem;
use crate::clock::Clock;
use crate::config::FILE;
use crate::link::identity::Identity;
use crate::node::error::NodeError;
use serde::Serialize;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Make identities and a directory of cards for a federation that is set up by machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Make identities and a directory of cards for a federation that is set up by machine\n\nMakes DIR/NAME, a data directory, and DIR/cards/NAME.card for each organisation. What is there already is left as it is, so it can be run again. The nodes pair with each other by `watchfire serve --cards DIR/cards`."
)]
pub(super) struct Args {
    /// Who is to own what is made
    #[arg(long, value_name = "UID:GID", value_parser = owner)]
    owner: Option<(u32, u32)>,
    /// Where
    dir: PathBuf,
    /// An organisation, and the host:port at which its peers reach it
    #[arg(required = true, value_name = "NAME=HOST:PORT", value_parser = member)]
    members: Vec<Member>,
}

const EXAMPLES: &str = "Examples:
  watchfire provision ./federation north=127.0.0.1:7443 south=127.0.0.1:7444";

#[derive(Debug, Clone)]
struct Member {
    name: String,
    endpoint: String,
    port: u16,
}

fn owner(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    parsed.ok_or_else(|| format!("`{text}` is not UID:GID, such as 10001:10001"))
}

fn member(text: &str) -> Result<Member, String> {
    let (name, endpoint) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=HOST:PORT"))?;
    let sound = !name.is_empty() && name != "cards" && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !sound {
        return Err(format!("`{name}` is not a name: letters, digits, `-` and `_`, and not `cards`"));
    }
    let parsed: crate::model::identity::Endpoint = endpoint.parse().map_err(|error| format!("{error}"))?;
    Ok(Member { name: name.to_owned(), endpoint: parsed.to_string(), port: parsed.port() })
}

/// What became of one organisation.
#[derive(Debug, Serialize)]
struct Made {
    name: String,
    org_id: crate::model::OrgId,
    made: bool,
}

pub(super) fn run(desk: &Desk, args: &Args) -> Ended {
    let cards = args.dir.join("cards");
    make_directory(&cards, 0o755)?;
    let mut made = Vec::new();
    for member in &args.members {
        made.push(provision(&args.dir, member)?);
        own(&args.dir.join(&member.name), args.owner)?;
    }
    own(&cards, args.owner)?;
    output::answer(desk, &made, |made| {
        let line = |one: &Made| format!("{}  {}  {}\n", one.name, one.org_id, if one.made { "made" } else { "was there" });
        made.iter().map(line).collect()
    })
}

/// Makes one organisation, and its card where that is missing.
fn provision(dir: &Path, member: &Member) -> Result<Made, Problem> {
    let data = dir.join(&member.name);
    make_directory(&data, 0o700)?;
    let made = !data.join(FILE).exists();
    if made {
        let listen = format!("0.0.0.0:{}", member.port);
        init::make(&data, &member.name, &listen, std::slice::from_ref(&member.endpoint), Clock::system())?;
    }
    let identity = Identity::load(&data, Clock::system().now()).map_err(NodeError::from)?;
    let card = dir.join("cards").join(&member.name).with_extension("card");
    let text = identity.card().to_text();
    if fs::read_to_string(&card).ok().as_deref() != Some(text.as_str()) {
        // Written beside and renamed, so that a link in its place is replaced and not followed.
        crate::link::keys::write(&card, text.as_bytes()).map_err(NodeError::from)?;
        fs::set_permissions(&card, fs::Permissions::from_mode(0o644))
            .map_err(|error| NodeError::io(format!("open `{}`", card.display()), error))?;
    }
    Ok(Made { name: member.name.clone(), org_id: identity.org(), made })
}

fn make_directory(path: &Path, mode: u32) -> Result<(), NodeError> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .map_err(|error| NodeError::io(format!("make `{}`", path.display()), error))
}

/// Gives a directory and everything in it to its owner.
fn own(path: &Path, owner: Option<(u32, u32)>) -> Result<(), NodeError> {
    let Some((uid, gid)) = owner else { return Ok(()) };
    let failed = |error| NodeError::io(format!("give `{}` to its owner", path.display()), error);
    // A link is given away itself, never what it leads to.
    if path.symlink_metadata().map_err(failed)?.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            own(&entry.map_err(failed)?.path(), owner)?;
        }
    }
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(failed)
}

/// Reads a directory of cards: the name is the file's, without its ending.
pub(super) fn cards(dir: &Path) -> Result<Vec<(String, String)>, NodeError> {
    let failed = |error| NodeError::io(format!("read the cards in `{}`", dir.display()), error);
    let mut cards = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let (Some(name), Some("card")) = (path.file_stem().and_then(|name| name.to_str()), path.extension().and_then(|end| end.to_str()))
        else {
            continue;
        };
        if path.metadata().map_err(failed)?.len() > crate::model::identity::TEXT_BYTES_MAX as u64 {
            return Err(NodeError::BadInput(format!("`{}` is longer than any card", path.display())));
        }
        cards.push((name.to_owned(), fs::read_to_string(&path).map_err(failed)?));
    }
    cards.sort();
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provisioning_again_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let one = member("north=127.0.0.1:7443").unwrap();
        let desk = dir.path();
        make_directory(&desk.join("cards"), 0o755).unwrap();
        assert!(provision(desk, &one).unwrap().made);
        let before = cards(&desk.join("cards")).unwrap();
        assert!(!provision(desk, &one).unwrap().made);
        assert_eq!(cards(&desk.join("cards")).unwrap(), before);
        assert_eq!(before[0].0, "north");
        assert_eq!(fs::metadata(desk.join("north")).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_name_that_is_no_file_name_is_refused() {
        for bad in ["../x=h:1", "cards=h:1", "=h:1", "north", "north=h"] {
            assert!(member(bad).is_err(), "{bad}");
        }
        assert!(owner("10001").is_err());
        assert_eq!(owner("1:2"), Ok((1, 2)));
    }
}
