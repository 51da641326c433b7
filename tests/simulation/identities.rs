//! The five organisations' keys: made once, so that every run on every machine has the same organisation ids and cards. They are nobody's.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use watchfire::link::identity::{DIRECTORY, Identity};
use watchfire::model::identity::Endpoint;
use watchfire::model::{OrgId, Timestamp};

pub const NAMES: [&str; 5] = ["amal", "borealis", "cedar", "dunya", "ember"];

/// When every run begins, on a right clock: 15 January 2027. The certificates in the file begin here.
pub const START: Timestamp = Timestamp(1_800_000_000_000);

/// The next midnight: consents count to the day.
pub const MIDNIGHT: Timestamp = Timestamp(1_800_057_600_000);

const FILE: &str = include_str!("identities.json");

/// Each organisation's key files, in base64, by name.
type Files = BTreeMap<String, BTreeMap<String, String>>;

/// Unpacks the keys into data directories.
pub fn unpack() -> tempfile::TempDir {
    // Each start of a node syncs a key file: memory does that at no price.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let files: Files = serde_json::from_str(FILE).expect("`identities.json` is made by `-- identities`");
    for (name, keys) in files {
        let data = directory.path().join(name).join(DIRECTORY);
        fs::create_dir_all(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        for (file, text) in keys {
            let bytes = data_encoding::BASE64.decode(text.as_bytes()).unwrap();
            let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(data.join(file)).unwrap();
            std::io::Write::write_all(&mut out, &bytes).unwrap();
        }
    }
    directory
}

/// The organisations of those directories, in the order of their names.
pub fn orgs(directory: &Path) -> Vec<OrgId> {
    NAMES.iter().map(|name| Identity::load(&directory.join(name), START).unwrap().org()).collect()
}

/// Makes the file anew. Recorded seeds mean something else afterwards.
pub fn make() -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut files = Files::new();
    for name in NAMES {
        let data = directory.path().join(name);
        let endpoint: Endpoint = format!("{name}.example:7443").parse().unwrap();
        Identity::create(&data, vec![endpoint], Timestamp(START.0 - 3_600_000)).unwrap();
        // The root keys are needed for nothing here.
        for file in ["identity.pem", "node.pem", "log.key", "id.key"] {
            let text = data_encoding::BASE64.encode(&fs::read(data.join(DIRECTORY).join(file)).unwrap());
            files.entry(name.to_owned()).or_default().insert(file.to_owned(), text);
        }
    }
    serde_json::to_string_pretty(&files).unwrap() + "\n"
}
