//! An export of several files into a folder.

use super::Told;
use crate::api::Problem;
use crate::api::client::Target;
use crate::cli::Desk;
use crate::node::error::NodeError;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

/// Lists the files of the last export in a folder, so that the next knows which of them are its own to take away.
const MARKER: &str = ".watchfire-export";

/// Writes what the node gives, each file replaced as a whole. A folder with files that no export made is left alone. So is one that holds an export where
/// `is_rest` says that only what changed since a cursor is written: the files of all that has not would go.
pub(super) async fn write(desk: &Desk, target: Target, folder: &Path, is_rest: bool) -> Result<Told, Problem> {
    let failed = |error: io::Error| NodeError::io(format!("write into `{}`", folder.display()), error);
    fs::create_dir(folder).or_else(|error| if folder.is_dir() { Ok(()) } else { Err(error) }).map_err(failed)?;
    let before = listed(folder).map_err(failed)?;
    if is_rest && before.is_some() {
        let text = format!(
            "`{}` holds an export, and what has not changed since would be taken out of it\nhint: name another folder, or leave `--since` out to write everything anew",
            folder.display()
        );
        return Err(NodeError::BadInput(text).into());
    }
    if before.is_none() && fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let text = format!(
            "`{}` has files that no export made\nhint: name a new or an empty folder; what an export left in it is replaced",
            folder.display()
        );
        return Err(NodeError::BadInput(text).into());
    }
    let archive = tempfile::tempfile_in(folder).map_err(failed)?;
    let mut file = tokio::fs::File::from_std(archive.try_clone().map_err(failed)?);
    let told = desk.node().export(target, &mut file).await?;
    drop(file);
    let (folder, before) = (folder.to_owned(), before.unwrap_or_default());
    let unpacked = tokio::task::spawn_blocking(move || unpack(archive, &folder, before));
    unpacked.await.map_err(|fault| NodeError::Internal(fault.to_string()))?.map_err(failed)?;
    Ok(told)
}

fn listed(folder: &Path) -> io::Result<Option<BTreeSet<String>>> {
    match fs::read_to_string(folder.join(MARKER)) {
        // What somebody wrote into it is taken away nowhere else.
        Ok(text) => Ok(Some(text.lines().filter(|name| plain(Path::new(name)).is_ok()).map(str::to_owned).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn unpack(mut archive: File, folder: &Path, before: BTreeSet<String>) -> io::Result<()> {
    archive.rewind()?;
    let mut files = tar::Archive::new(io::BufReader::new(&archive));
    let now = files.entries()?.map(|entry| plain(&entry?.path()?)).collect::<io::Result<BTreeSet<String>>>()?;
    // Until all is there, files of both exports are in the folder.
    mark(folder, before.union(&now))?;
    archive.rewind()?;
    let mut files = tar::Archive::new(io::BufReader::new(&archive));
    for entry in files.entries()? {
        let mut entry = entry?;
        let name = plain(&entry.path()?)?;
        let permissions = fs::Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
        io::copy(&mut entry, &mut file)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(&name)).map_err(|error| error.error)?;
    }
    for gone in before.difference(&now) {
        match fs::remove_file(folder.join(gone)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    mark(folder, now.iter())
}

fn mark<'n>(folder: &Path, mut names: impl Iterator<Item = &'n String>) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    names.try_for_each(|name| writeln!(file, "{name}"))?;
    file.persist(folder.join(MARKER)).map_err(|error| error.error)?;
    Ok(())
}

/// The name of a file in the folder itself.
fn plain(path: &Path) -> io::Result<String> {
    let mut parts = path.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) if !name.to_string_lossy().starts_with('.') => Ok(name.to_string_lossy().into_owned()),
        _ => Err(io::Error::other(format!("the archive has a file `{}`", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> File {
        let mut out = tar::Builder::new(tempfile::tempfile().unwrap());
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            // As the name stands, so that a hostile one is written too.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            out.append(&header, text.as_bytes()).unwrap();
        }
        out.into_inner().unwrap()
    }

    #[test]
    fn what_the_last_export_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        unpack(archive(&[("a.txt", "1"), ("b.txt", "2")]), folder.path(), BTreeSet::new()).unwrap();
        fs::write(folder.path().join("mine.txt"), "3").unwrap();
        let before = listed(folder.path()).unwrap().unwrap();
        unpack(archive(&[("b.txt", "4")]), folder.path(), before).unwrap();
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!((text("a.txt"), text("b.txt"), text("mine.txt")), (None, Some("4".into()), Some("3".into())));
        assert_eq!(listed(folder.path()).unwrap().unwrap(), BTreeSet::from(["b.txt".to_owned()]));
    }

    #[test]
    fn what_a_list_names_elsewhere_stays() {
        let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let folder = home.path().join("out");
        fs::create_dir(&folder).unwrap();
        fs::write(home.path().join("mine"), "1").unwrap();
        fs::write(folder.join(MARKER), format!("../mine\n{}\na.txt\n", outside.path().display())).unwrap();
        let before = listed(&folder).unwrap().unwrap();
        assert_eq!(before, BTreeSet::from(["a.txt".to_owned()]));
        unpack(archive(&[("b.txt", "2")]), &folder, before).unwrap();
        assert!(home.path().join("mine").exists() && outside.path().exists());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../x", "/tmp/x", "a/b", ".hidden", ".."] {
            assert!(unpack(archive(&[(name, "1")]), folder.path(), BTreeSet::new()).is_err(), "{name}");
        }
        assert!(!folder.path().parent().unwrap().join("x").exists());
    }
}
