//! Backups of one node: what is in them, and every way in which one is refused.

use super::*;
use crate::clock::Clock;
use crate::formats::age::{Decryptor, Encryptor, Identity};
use crate::node::view::PeerOptions;
use proptest::prelude::*;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::LazyLock;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct Home {
    directory: tempfile::TempDir,
    node: Arc<Node>,
}

impl Home {
    /// A node with a peer and what is needed for its settings.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("node");
        Node::init(&data, &[], &clock()).unwrap();
        fs::write(data.join(config::FILE), config::initial("home", "127.0.0.1:0", &[])).unwrap();
        fs::write(data.join(DENIED_KEYS), "# none\n").unwrap();
        let node = Node::open(&data, clock()).unwrap();
        Self { directory, node }
    }

    fn backup(&self, to: &Identity) -> Vec<u8> {
        let mut out = Vec::new();
        self.node.begin_backup().unwrap().write(&[to.recipient()], &mut out).unwrap();
        out
    }
}

fn clock() -> Clock {
    Clock::manual(NOW)
}

fn again(identity: &Identity) -> Identity {
    identity.to_secret_text().parse().unwrap()
}

/// Every path below a directory, with its mode and content.
fn picture(of: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            all.extend(picture(&path));
            all.insert(path, (mode, Vec::new()));
        } else {
            all.insert(path.clone(), (mode, fs::read(&path).unwrap()));
        }
    }
    all
}

/// One backup for many tests, and who opens it.
static ONE: LazyLock<(Identity, Vec<u8>)> = LazyLock::new(|| {
    let (home, identity) = (Home::new(), Identity::generate());
    let backup = home.backup(&identity);
    (identity, backup)
});

fn read(backup: &[u8]) -> Result<Manifest, BackupError> {
    read_backup(backup, std::slice::from_ref(&ONE.0))
}

/// A backup with another plain text.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut plain = Vec::new();
    Decryptor::new(ONE.1.as_slice(), std::slice::from_ref(&ONE.0)).unwrap().read_to_end(&mut plain).unwrap();
    change(&mut plain);
    let mut writer = Encryptor::new(Vec::new(), &[ONE.0.recipient()]).unwrap();
    writer.write_all(&plain).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn a_restored_directory_is_its_owners_alone_and_the_node_in_it_is_the_same_organisation() {
    let (home, identity) = (Home::new(), Identity::generate());
    let (other, elsewhere) = (Home::new(), home.directory.path().join("deep/elsewhere"));
    let card = other.node.card().unwrap();
    home.node.peer_add(&card, "other", PeerOptions::default()).await.unwrap();
    home.node.backup_made(Timestamp(7)).await.unwrap();
    let backup = home.backup(&identity);
    let (identities, into) = ([again(&identity)], elsewhere.clone());
    let work = move || restore_backup(backup.as_slice(), &identities, &into, &clock(), "b.age").unwrap();
    let (manifest, incarnation) = tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(manifest.left_out, ["keys/next-root.key"]);
    assert_eq!(incarnation, NOW.0 / 1_000);
    let files = picture(&elsewhere);
    for (path, (mode, _)) in &files {
        assert_eq!(*mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    for name in ["keys/root.key", "keys/identity.pem", "keys/node.pem", "keys/log.key", "keys/id.key", config::FILE, DENIED_KEYS] {
        let (before, after) = (fs::read(home.node.data.join(name)).unwrap(), &files[&elsewhere.join(name)].1);
        assert!(before == *after, "{name} is as it was");
    }
    assert!(!elsewhere.join("keys/next-root.key").exists() && !elsewhere.join("restore.partial").exists());
    let node = Node::open(&elsewhere, clock()).unwrap();
    assert_eq!((node.org(), node.card().unwrap()), (home.node.org(), home.node.card().unwrap()));
    assert_eq!(node.peers().unwrap()[0].status.name, "other");
    assert_eq!(node.status().unwrap().backup, Some(NOW), "this backup was the last");
    assert!(node.is_restored());
    assert_eq!(node.store.snapshot().unwrap().incarnation().unwrap(), incarnation);
}

#[test]
fn a_dry_run_says_what_would_come() {
    let manifest = read(&ONE.1).unwrap();
    assert_eq!((manifest.taken, manifest.incarnation), (NOW, 1));
    assert!(manifest.files.contains(&"keys/identity.pem".to_owned()) && !manifest.files.contains(&"keys/next-root.key".to_owned()));
}

#[test]
fn a_directory_that_holds_anything_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("letter.txt"), "dear").unwrap();
    let before = picture(directory.path());
    let refused = restore_backup(ONE.1.as_slice(), &[again(&ONE.0)], directory.path(), &clock(), "b.age").unwrap_err();
    assert_eq!(refused.code(), "not-empty");
    assert!(picture(directory.path()) == before && !is_free(directory.path()));
    // What a restore that was killed has left is none of that.
    fs::remove_file(directory.path().join("letter.txt")).unwrap();
    fs::create_dir_all(directory.path().join("restore.partial/store")).unwrap();
    assert!(is_free(directory.path()));
    restore_backup(ONE.1.as_slice(), &[again(&ONE.0)], directory.path(), &clock(), "b.age").unwrap();
    assert!(!directory.path().join("restore.partial").exists());
}

#[test]
fn each_wrong_file_is_refused_with_its_own_words_and_nothing_is_left_behind() {
    let said = |backup: &[u8], identity: &Identity| {
        let directory = tempfile::tempdir().unwrap();
        let into = directory.path().join("new");
        let error = restore_backup(backup, &[again(identity)], &into, &clock(), "b.age").unwrap_err();
        assert!(!into.exists(), "nothing is left behind after `{error}`");
        let dry = read_backup(backup, &[again(identity)]).unwrap_err();
        assert_eq!(error.to_string(), format!("`b.age` cannot be restored: {dry}"), "a dry run says the same");
        dry.to_string().lines().next().unwrap().to_owned()
    };
    assert_eq!(said(&ONE.1, &Identity::generate()), "it is encrypted to other recipients");
    assert_eq!(said(b"PK\x03\x04\n", &ONE.0), "it is not a file that age has encrypted");
    assert_eq!(said(&changed(|plain| plain[0] = b'W'), &ONE.0), "what is encrypted in it is not a backup of watchfire");
    assert_eq!(said(&changed(|plain| plain[18] = 9), &ONE.0), "it is a backup of format 9, and this program reads format 1");
    assert_eq!(said(&changed(|plain| plain.truncate(10)), &ONE.0), "it ends before its end");
    assert_eq!(said(&changed(|plain| plain.truncate(plain.len() - 40)), &ONE.0), "it ends before its end");
    assert_eq!(said(&changed(|plain| plain.push(0)), &ONE.0), "it is not whole: something follows its end");
    let last = |plain: &mut Vec<u8>| *plain.last_mut().unwrap() ^= 1;
    assert_eq!(said(&changed(last), &ONE.0), "it is not whole: its checksum does not fit");
    let schema = |plain: &mut Vec<u8>| {
        let at = plain.windows(12).position(|bytes| bytes == b"\"schema\":11,").unwrap();
        plain[at + 9..at + 11].copy_from_slice(b"99");
    };
    assert_eq!(
        said(&changed(schema), &ONE.0),
        "it was made by watchfire 0.1.0 with schema 99 of the store, which this program does not know"
    );
    assert!(said(&ONE.1[..ONE.1.len() - 1], &ONE.0).starts_with("it is damaged, or cut off, after "));
}

#[test]
fn a_file_name_never_leads_out_of_the_directory() {
    for name in ["../x", "keys/../x", "keys/", "/etc/x", "store", "store/watchfire.redb", "desk.sock", ".ssh", "keys/.x", "a/b", "x\0"] {
        assert!(!read::is_ours(name), "{name}");
    }
    for name in ["watchfire.toml", "denied-keys.txt", "keys/log.key", "keys/next-root.key"] {
        assert!(read::is_ours(name), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_cut_backup_is_restored(at in 0.0..1.0f64) {
        let cut = (ONE.1.len() as f64 * at) as usize;
        prop_assert!(read(&ONE.1[..cut]).is_err());
    }

    #[test]
    fn no_flipped_backup_is_restored(at in 0.0..1.0f64, bit in 0..8u8) {
        let mut backup = ONE.1.clone();
        let place = (backup.len() as f64 * at) as usize;
        backup[place] ^= 1 << bit;
        prop_assert!(read(&backup).is_err());
    }

    /// Whoever has the recipient can write a file that decrypts.
    #[test]
    fn a_forged_content_never_panics_and_never_leaves_half_a_directory(at in 0.0..1.0f64, byte in any::<u8>()) {
        let forged = changed(|plain| {
            let place = (plain.len() as f64 * at) as usize;
            plain[place] = plain[place].wrapping_add(byte.max(1));
        });
        let directory = tempfile::tempdir().unwrap();
        let into = directory.path().join("new");
        prop_assert!(restore_backup(forged.as_slice(), &[again(&ONE.0)], &into, &clock(), "b.age").is_err());
        prop_assert!(!into.exists());
    }
}

/// Whether a type has `Debug`: where it has, the constant of its own goes before the trait's.
struct Shown<T>(std::marker::PhantomData<T>);

impl<T: std::fmt::Debug> Shown<T> {
    const IS: bool = true;
}

trait NotShown {
    const IS: bool = false;
}

impl<T> NotShown for Shown<T> {}

#[test]
fn no_frame_can_be_printed_since_keys_are_in_some() {
    const { assert!(Shown::<Manifest>::IS && !Shown::<super::frame::Frame>::IS) };
}
