//! Desk users from the command line, against a real node.

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_watchfire");

/// A running node, and files with passphrases beside it.
struct Place {
    directory: tempfile::TempDir,
    served: Option<Child>,
}

impl Place {
    fn new() -> Self {
        let mut place = Self { directory: tempfile::tempdir().expect("a temporary directory"), served: None };
        place.ok("init --name here --listen 127.0.0.1:0");
        for user in ["amina", "omar", "dana", "other"] {
            place.put(user, &format!("{user} has words of their own\n"), 0o600);
        }
        place.serve();
        place
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.args(line.split_whitespace()).current_dir(self.path()).env("WATCHFIRE_DATA", self.path().join("node"));
        command.env("WATCHFIRE_LISTEN", "127.0.0.1:0").env_remove("WATCHFIRE_USER").stdin(Stdio::null());
        // Names for examples are shared here.
        command.env("WATCHFIRE_GATE_RESERVED", "warn").env("WATCHFIRE_GATE_UNKNOWN_TLD", "warn");
        command
    }

    fn serve(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.path().join("node.log")).expect("a log");
        self.served = Some(self.command("serve").stdout(Stdio::null()).stderr(log).spawn().expect("it starts"));
        for _ in 0..400 {
            if self.run("health").status.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        self.ok("health");
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.served.take() {
            child.kill().expect("it was there");
            child.wait().expect("it is gone");
        }
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("it runs")
    }

    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "`{line}` ended with {:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).expect("JSON")
    }

    /// What a command ends with, and the first line that it says.
    fn refused(&self, line: &str) -> (Option<i32>, String) {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said.lines().next().unwrap_or_default().to_owned())
    }

    fn all_refused(&self, cases: &[(&str, i32, &str)]) {
        for (line, code, said) in cases {
            assert_eq!(self.refused(line), (Some(*code), format!("error: {said}")), "`{line}`");
        }
    }

    /// Amina, a director, and Omar, a handler.
    fn staffed() -> Self {
        let place = Self::new();
        place.ok("user add amina --role director --new-passphrase-file amina");
        place.ok("user add omar --role handler --as amina --passphrase-file amina --new-passphrase-file omar");
        place
    }

    /// Who is at the desk, as `user list` says it: name and role.
    fn users(&self) -> Vec<(String, String)> {
        let users = self.json("user list")["users"].as_array().expect("users").clone();
        let text = |user: &Value, key: &str| user[key].as_str().expect(key).to_owned();
        users.iter().map(|user| (text(user, "name"), text(user, "role"))).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.kill();
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
}

#[test]
fn directors_say_who_is_at_the_desk_and_it_outlives_the_process() {
    let mut place = Place::new();
    assert_eq!(place.ok("user list"), "no desk users yet; `watchfire user add NAME --role director` makes the first\n");
    assert_eq!(place.ok("user log"), "nothing was ever changed\n");
    place.all_refused(&[(
        "user add omar --role handler --new-passphrase-file omar",
        4,
        "the first desk user is a director, and nobody else signs for that",
    )]);
    place.ok("user add amina --role director --new-passphrase-file amina");
    place.ok("user add omar --role handler --as amina --passphrase-file amina --new-passphrase-file omar");
    place.all_refused(&[
        ("user add dana --role lead --new-passphrase-file dana", 2, "somebody at the desk has to sign this"),
        ("user add dana --role lead --as omar --passphrase-file omar --new-passphrase-file dana", 4, "handlers may not change desk users"),
        ("user add dana --role lead --as dana --passphrase-file dana --new-passphrase-file dana", 6, "no desk user is called `dana`"),
        (
            "user add omar --role lead --as amina --passphrase-file amina --new-passphrase-file omar",
            1,
            "there is a desk user called `omar` already",
        ),
        ("user role omar director --as omar --passphrase-file omar", 4, "handlers may not change desk users"),
        ("user role omar handler --as amina --passphrase-file amina", 1, "`omar` has that role already"),
        ("user role amina lead --as amina --passphrase-file amina", 4, "`amina` is the last director"),
        ("user remove amina --as amina --passphrase-file amina", 4, "`amina` is the last director"),
        ("user remove dana --as amina --passphrase-file amina", 6, "no desk user is called `dana`"),
    ]);
    assert_eq!(place.users(), pairs(&[("amina", "director"), ("omar", "handler")]), "nothing of it was made");
    let by_variable = place.command("user role omar lead --passphrase-file amina").env("WATCHFIRE_USER", "amina").status();
    assert!(by_variable.expect("it runs").success());
    place.kill();
    place.serve();
    assert_eq!(place.users(), pairs(&[("amina", "director"), ("omar", "lead")]));
    place.ok("user add dana --role director --as amina --passphrase-file amina --new-passphrase-file dana");
    place.ok("user remove amina --as dana --passphrase-file dana");
    place.all_refused(&[("user remove omar --as amina --passphrase-file amina", 6, "no desk user is called `amina`")]);
    assert_eq!(place.users(), pairs(&[("dana", "director"), ("omar", "lead")]));
}

#[test]
fn the_log_is_checked_and_goes_on_from_a_head_that_was_written_down() {
    let place = Place::staffed();
    let log = place.json("user log");
    let head = log["head"].as_str().expect("a head").to_owned();
    assert_eq!((&log["head"], log["changes"].as_array().map(Vec::len)), (&place.json("user list")["head"], Some(2)));
    for key in ["number", "at", "act", "name", "role", "key", "by", "by_key", "hash"] {
        assert!(log["changes"][1].get(key).is_some(), "{key}");
    }
    place.ok("user passphrase omar --passphrase-file omar --new-passphrase-file other");
    assert_eq!(place.json(&format!("user log --head {head}"))["since"], 2);
    let acts: Vec<Value> = place.json("user log")["changes"].as_array().expect("changes").iter().map(|one| one["act"].clone()).collect();
    assert_eq!(acts, ["add", "add", "passphrase"]);
    let never = "a".repeat(52);
    place.all_refused(&[(&format!("user log --head {never}"), 7, &format!("no change of the desk's users has the hash `{never}`"))]);
}

#[test]
fn a_passphrase_opens_one_key_alone_and_can_be_changed() {
    let place = Place::staffed();
    let wrong = "the passphrase does not open the key";
    place.all_refused(&[("user role omar lead --as amina --passphrase-file omar", 4, wrong)]);
    let key = place.json("user list")["users"][1]["key"].clone();
    place.ok("user passphrase omar --passphrase-file omar --new-passphrase-file other");
    assert_eq!(place.json("user list")["users"][1]["key"], key, "the key stays");
    place.all_refused(&[("user passphrase omar --passphrase-file omar --new-passphrase-file other", 4, wrong)]);
    place.ok("user key omar --as amina --passphrase-file amina --new-passphrase-file omar");
    assert_ne!(place.json("user list")["users"][1]["key"], key, "a new one");
    place.all_refused(&[("user passphrase omar --passphrase-file other --new-passphrase-file omar", 4, wrong)]);
    place.ok("user passphrase omar --passphrase-file omar --new-passphrase-file other");
}

#[test]
fn a_passphrase_comes_from_a_private_file_or_standard_input_or_a_terminal() {
    let place = Place::staffed();
    place.put("open", "amina has words of their own\n", 0o640);
    place.put("short", "eleven char\n", 0o600);
    place.all_refused(&[
        ("user role omar lead --as amina --passphrase-file open", 4, "`open` is readable by others (mode 0640)"),
        ("user role omar lead --as amina --passphrase-file nowhere", 6, "there is no file `nowhere`"),
        (
            "user passphrase omar --passphrase-file omar --new-passphrase-file short",
            2,
            "the passphrase has 11 characters, and 12 are the fewest",
        ),
        (
            "user passphrase omar --passphrase-file - --new-passphrase-file -",
            2,
            "only one of the two passphrases can come from standard input",
        ),
    ]);
    let words = std::fs::File::open(place.path().join("amina")).expect("its file");
    let piped = place.command("user role omar lead --as amina --passphrase-file -").stdin(words).status();
    assert!(piped.expect("it runs").success());
    assert_eq!(place.users()[1].1, "lead");
    // No session of this process has a terminal.
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(BINARY).args(["user", "role", "omar", "handler", "--as", "amina"]);
    let output = command.env("WATCHFIRE_DATA", place.path().join("node")).stdin(Stdio::null()).output().expect("setsid");
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = Some("error: there is no terminal on which to ask for the passphrase of `amina`");
    assert_eq!((output.status.code(), said.lines().next()), (Some(2), expected));
}

#[test]
fn no_name_of_a_user_stands_in_the_log_of_the_node() {
    let mut place = Place::staffed();
    place.refused("user add omar --role handler --as amina --passphrase-file amina --new-passphrase-file omar");
    place.refused("user role omar director --as omar --passphrase-file omar");
    place.refused("user remove amina --as amina --passphrase-file amina");
    place.ok("user remove omar --as amina --passphrase-file amina");
    place.kill();
    let log = std::fs::read_to_string(place.path().join("node.log")).expect("its log");
    assert!(log.contains("the desk's users have changed") && !log.contains("amina") && !log.contains("omar"), "{log}");
}

#[test]
fn red_leaves_by_two_people_and_the_first_is_not_the_second() {
    let (place, other) = (Place::new(), Place::new());
    place.put("card", &other.ok("card"), 0o600);
    place.ok("peer add card --name borealis");
    let share = "share red.example.org --tlp red --to borealis";
    let nobody = place.run(share);
    assert_eq!(nobody.status.code(), Some(3));
    let said = String::from_utf8_lossy(&nobody.stdout).into_owned();
    assert!(said.contains("TLP:RED and RESTRICTED leave by the word of two people, and this desk has no users yet"), "{said}");
    place.ok("user add amina --role director --new-passphrase-file amina");
    place.ok("user add omar --role handler --as amina --passphrase-file amina --new-passphrase-file omar");
    place.all_refused(&[(&format!("{share} --as omar --passphrase-file amina"), 4, "the passphrase does not open the key")]);
    assert_eq!(place.ok("holds"), "nothing is held\n", "the key is opened before anything is made");
    let held = place.json(&format!("{share} --now --as omar --passphrase-file omar"))["held"][0].clone();
    let (id, digest) = (held["id"].as_str().expect("an id").to_owned(), held["digest"].as_str().expect("a digest").to_owned());
    assert_eq!((&held["state"], &held["by"]), (&"second".into(), &"omar".into()), "`--now` does not skip the second person");
    assert!(place.ok("holds").contains("a second person (`watchfire approve`)"));
    let approve = format!("approve {id} --passphrase-file");
    place.all_refused(&[
        (&format!("{approve} omar --as omar --digest {digest}"), 4, "whoever released it cannot approve it"),
        (&format!("{approve} amina --as amina --digest abc"), 3, "what is held has another digest than `abc`"),
        (&format!("{approve} amina --as amina"), 2, "an approval is asked for on a terminal"),
        (&format!("{approve} amina --digest {digest}"), 2, "somebody at the desk has to sign this"),
    ]);
    assert_eq!(place.json("holds")[0]["state"], "second");
    let approved = place.json(&format!("{approve} amina --as amina --digest {digest}"));
    assert_eq!(approved["approved_by"], "amina");
    for _ in 0..200 {
        if place.ok("holds") == "nothing is held\n" {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let line = place.json("disclosures")[0].clone();
    assert_eq!((&line["by"], &line["approved_by"], &line["release_digest"]), (&"omar".into(), &"amina".into(), &digest.into()));
}

#[test]
fn what_waits_for_its_first_signature_gets_it_from_whoever_releases_it() {
    let (place, other) = (Place::staffed(), Place::new());
    place.put("card", &other.ok("card"), 0o600);
    place.ok("peer add card --name borealis");
    place.put("list.txt", "one.example.org\ntwo.example.org\n", 0o600);
    let held = place.json("import list.txt --format text --tlp red --to borealis")["held"][0].clone();
    let (id, digest) = (held["id"].as_str().expect("an id").to_owned(), held["digest"].as_str().expect("a digest").to_owned());
    assert_eq!(held["state"], "signature");
    let approve = format!("approve {id} --as amina --passphrase-file amina --digest {digest}");
    place.all_refused(&[
        (&approve, 4, "nobody has released it yet"),
        (&format!("release {id}"), 2, "somebody at the desk has to sign this"),
    ]);
    assert_eq!(place.json(&format!("release {id} --as omar --passphrase-file omar"))["by"], "omar");
    assert_eq!(place.json(&approve)["approved_by"], "amina");
}

#[test]
fn the_desk_key_goes_with_who_is_at_the_desk() {
    let place = Place::staffed();
    assert_eq!(place.ok("desk-key show"), "no desk key yet; `watchfire desk-key make --as USER` makes it\n");
    place.all_refused(&[
        ("desk-key make", 2, "somebody at the desk has to sign this"),
        ("desk-key rotate --as amina --passphrase-file amina", 2, "there is no desk key yet"),
        ("desk-key make --as omar --passphrase-file omar", 4, "handlers may not make the desk key"),
    ]);
    let opened_by = |view: &Value| view["keys"].as_array().expect("keys").iter().map(|key| key["opened_by"].clone()).collect::<Vec<_>>();
    let made = place.json("desk-key make --as amina --passphrase-file amina");
    assert_eq!((&made["card_names"], &opened_by(&made)[..]), (&1.into(), &[serde_json::json!(["amina", "omar"])][..]));
    place.all_refused(&[
        ("desk-key make --as amina --passphrase-file amina", 2, "there is a desk key already"),
        ("desk-key rotate --as omar --passphrase-file omar", 4, "handlers may not make the next desk key"),
    ]);
    let removed = place.run("user remove omar --as amina --passphrase-file amina");
    let said = String::from_utf8_lossy(&removed.stderr).into_owned();
    assert!(said.contains("desk key 2 is in force, since somebody who had the one before has it no more"), "{said}");
    assert_eq!(opened_by(&place.json("desk-key show")), [serde_json::json!(["amina"]), serde_json::json!(["amina"])]);
    // Whoever loses a passphrase loses no case: the others give what was sealed to the new key too.
    place.ok("user add dana --role director --as amina --passphrase-file amina --new-passphrase-file dana");
    place.ok("user key amina --as amina --passphrase-file amina --new-passphrase-file other");
    let shown = place.json("desk-key show");
    assert_eq!((opened_by(&shown), &shown["due"]), (vec![serde_json::json!(["amina", "dana"]); 3], &Value::Null));
    assert!(place.ok("status").contains("desk key      3, the next by "));
    assert_eq!(place.ok("desk-key openings"), "nothing that was sealed to this desk was opened\n");
    let root = place.path().join("node/keys/root.key");
    std::fs::rename(&root, place.path().join("away")).expect("it moves");
    let rotated = place.run("desk-key rotate --as dana --passphrase-file dana");
    assert!(rotated.status.success());
    let said = String::from_utf8_lossy(&rotated.stderr).into_owned();
    assert!(said.starts_with("the card still names desk key 3, and partners seal to that: the root key"), "{said}");
    place.all_refused(&[("desk-key publish", 4, "the root key is not here")]);
    std::fs::rename(place.path().join("away"), &root).expect("it moves back");
    assert_eq!(place.json("desk-key publish")["card_names"], 4);
}
