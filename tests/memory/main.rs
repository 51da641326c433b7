//! Two real processes hand over a case cold, and no plaintext of the sealed contact, no passphrase and no open key of a desk user is in the memory of either, in
//! their files, their logs or their frames. See docs/testing.md.
//!
//! ```text
//! cargo test --test memory -- --nocapture
//! ```

// A scenario says what it expects by failing, and looks at real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

#[path = "../desk/mod.rs"]
mod desk;
mod ear;
#[allow(dead_code, unused_imports)]
#[path = "../federation/harness/mod.rs"]
mod harness;
mod places;
#[path = "../processes/mod.rs"]
mod processes;
mod search;
#[path = "../skips/mod.rs"]
mod skips;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use ear::{Case, Ear};
use harness::word;
use hpke::{Deserializable, Kem, OpModeR, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::XWing};
use places::Seen;
use processes::{Org, until};
use search::Search;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use watchfire::api::client::{Client, Target};
use watchfire::link::identity::DIRECTORY;
use watchfire::model::ReferralId;
use watchfire::model::crypto::{SigningKey, framed, random};
use watchfire::model::desk::{KeyShare, Passphrase};
use watchfire::model::id::from_base32;
use watchfire::model::identity::Card;
use watchfire::node::view::{DeskKeysView, UserKeyView};

/// Stands in the summary: both nodes have to have it, and it is found by the same search.
const CONTROL: &str = "control: the summary";
/// Each node's own log-signing key, which it signs with.
const OWN_KEY: &str = "control: the log-signing key of";

/// What stands in the contact and nowhere else, and the file that says it.
struct Person {
    values: Vec<(String, Vec<u8>)>,
    file: String,
    /// By what the summary names them, which the command line takes out of it.
    named: String,
}

impl Person {
    fn new() -> Self {
        let [handle, mail, notes, never, times] = std::array::from_fn(|_| word());
        let [given, family] = ["Z", "K"].map(|first| format!("{first}{}", &word()[2..]));
        let digits: String = watchfire::model::crypto::random::<12>().iter().map(|byte| char::from(b'0' + byte % 10)).collect();
        let phone = format!("+93{digits}");
        let file = format!(
            "call = \"{given} {family}\"\nsafe_times = \"after {times}\"\nnotes = \"ask for {notes}\"\ndo_not_use = [\"{never}@canary-mail.org\"]\n\
             channels = [{{ kind = \"signal\", value = \"{handle}\" }}, {{ kind = \"phone\", value = \"{phone}\" }}, \
             {{ kind = \"e-mail\", value = \"{mail}@canary-mail.org\" }}]\n"
        );
        let named = format!("{given} {family} called from {phone} and wrote from {mail}@canary-mail.org.");
        let values = [
            ("given name", &given),
            ("family name", &family),
            ("handle", &handle),
            ("phone", &phone),
            ("phone's digits", &digits),
            ("mail", &mail),
            ("notes", &notes),
            ("never to be used", &never),
            ("safe times", &times),
        ];
        let values = values.into_iter().map(|(name, value)| (format!("contact: {name}"), value.clone().into_bytes())).collect();
        Self { values, file, named }
    }
}

/// An organisation with a desk of one, and what that one types.
struct Desk {
    org: Org,
    by: [String; 4],
    passphrase: String,
}

impl Desk {
    fn found(directory: &Path, name: &str) -> Self {
        let mut org = Org::found(directory, name);
        org.log = Some(directory.join(format!("{name}.log")));
        org.start();
        let passphrase = format!("{} {} {}", word(), word(), word());
        let file = private(directory, &format!("{name}.passphrase"), &format!("{passphrase}\n"));
        org.json(&["user", "add", "amina", "--role", "director", "--new-passphrase-file", &file]);
        let by = ["--as".into(), "amina".into(), "--passphrase-file".into(), file];
        let desk = Self { org, by, passphrase };
        desk.signed(&["desk-key", "make"]);
        desk
    }

    /// A command with the signature of the one at the desk.
    fn signed(&self, args: &[&str]) -> serde_json::Value {
        let by: Vec<&str> = self.by.iter().map(String::as_str).collect();
        self.org.json(&[args, &by].concat())
    }

    fn log(&self) -> &Path {
        self.org.log.as_deref().expect("it is kept")
    }

    fn card(&self) -> String {
        String::from_utf8(self.org.command(&["card"]).output().unwrap().stdout).unwrap()
    }

    fn until_stands(&self, id: &str, state: &str) {
        until(&format!("{id} is {state} at {}", self.org.name), || {
            let shown = self.org.try_json(&["show", id]).unwrap_or_default();
            (shown["state"] == state).then_some(()).ok_or_else(|| shown["state"].to_string())
        });
    }

    fn until_contact(&self, id: &str) {
        until("the contact has come", || {
            let asked = self.org.command(&["contact", id, "--json"]).output().unwrap();
            let said = String::from_utf8_lossy(&asked.stderr).into_owned();
            (!said.contains("no contact to open")).then_some(()).ok_or(said)
        });
    }

    /// Passphrase and open keys, as they are in the command line while it signs and opens: found out anew here.
    async fn secrets(&self) -> Vec<(String, Vec<u8>)> {
        let client = Client::new(&self.org.data);
        let user: UserKeyView = client.get(Target::new(&["users", "amina"])).await.unwrap();
        let opened = user.wrapped.open(&user.org_id, &user.user, &Passphrase::new(&self.passphrase).unwrap()).unwrap();
        let sealing = seal_seed(&opened);
        let keys: DeskKeysView = client.get(Target::new(&["desk-key"])).await.unwrap();
        let shares: Vec<KeyShare> = client.get(Target::new(&["desk-key", "shares", "amina"])).await.unwrap();
        let known = &keys.keys[0].key;
        let sealed = shares[0].sealed();
        let aad = framed(SHARE, &[&user.org_id.0, &known.number.to_be_bytes(), &known.public.id().0, &user.user.key.0]);
        let half = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &<XWing as Kem>::PrivateKey::from_bytes(&sealing).unwrap(),
            &<XWing as Kem>::EncappedKey::from_bytes(&sealed[..1_120]).unwrap(),
            SHARE.as_bytes(),
            &sealed[1_120..],
            &aad,
        );
        let named = |what: &str| format!("{what} at {}", self.org.name);
        vec![
            (named("passphrase"), self.passphrase.clone().into_bytes()),
            (named("signing key"), opened.seed().to_vec()),
            (named("sealing key"), sealing.to_vec()),
            (named("desk key"), half.expect("it is sealed to her")),
        ]
    }
}

const SHARE: &str = "watchfire/desk/key-share/v1";

/// What a user's sealing key follows from (docs/desk.md), said a second time.
fn seal_seed(signing: &SigningKey) -> [u8; 32] {
    struct Seed;
    impl KeyType for Seed {
        fn len(&self) -> usize {
            32
        }
    }
    let mut seed = [0; 32];
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(signing.seed().as_slice());
    extracted.expand(&[b"watchfire/desk/user-seal-key/v1".as_slice()], Seed).unwrap().fill(&mut seed).unwrap();
    seed
}

fn private(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().expect("UTF-8").to_owned()
}

/// What is looked for, where it was found, and what is wrong with that.
struct Hunt<'a> {
    search: Search,
    desks: [&'a Desk; 2],
    found: Vec<(String, Seen)>,
}

impl Hunt<'_> {
    /// Looks everywhere at this moment.
    fn look(&mut self, moment: &str) {
        for desk in self.desks {
            let name = &desk.org.name;
            let memory = places::memory(&self.search, desk.org.pid()).unwrap();
            let own = format!("{OWN_KEY} {name}");
            assert!(
                memory.whose().contains(own.as_str()),
                "{moment}: a key that the process has to have is not found in {} bytes",
                memory.bytes
            );
            self.keep(format!("memory of {name}, {moment}"), memory);
            self.keep(format!("files of {name}, {moment}"), places::files(&self.search, &desk.org.data));
            self.keep(format!("log of {name}, {moment}"), places::file(&self.search, desk.log()));
        }
    }

    /// As [`Self::look`], of the memory alone, as core files have it.
    fn look_in_cores(&mut self, directory: &Path, moment: &str) {
        for desk in self.desks {
            let (name, own) = (&desk.org.name, format!("{OWN_KEY} {}", desk.org.name));
            match places::core(&self.search, desk.org.pid(), directory) {
                Some(core) => {
                    assert!(core.whose().contains(own.as_str()), "{moment}: a core file of {name} has its own key in it");
                    self.keep(format!("core file of {name}, {moment}"), core);
                }
                None => {
                    skips::skipped("there is no gcore (gdb), or it may not write core files; processes' memory is read through /proc alone")
                }
            }
        }
    }

    fn keep(&mut self, place: String, seen: Seen) {
        println!("{place}: {} KiB, {:?}", seen.bytes >> 10, seen.whose());
        self.found.push((place, seen));
    }

    /// Where one of these was found.
    fn places_with(&self, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let with = self.found.iter().filter(|(_, seen)| seen.whose().into_iter().any(&wanted));
        with.map(|(place, _)| place.split(',').next().unwrap_or_default().to_owned()).collect()
    }

    /// These places, and the core files, where there are any.
    fn and_cores(&self, places: &[&str]) -> BTreeSet<String> {
        let cores = self.places_with(|_| true).into_iter().filter(|place| place.starts_with("core file"));
        places.iter().map(|place| (*place).to_owned()).chain(cores).collect()
    }

    fn verdict(&self) {
        let secret = |name: &str| !name.starts_with("control");
        let leaks: Vec<String> = self
            .found
            .iter()
            .flat_map(|(place, seen)| seen.found.iter().filter(|(name, _)| secret(name)).map(move |one| format!("{place}: {one:?}")))
            .collect();
        assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
        // The same search finds what has to be there, and a log that has it not is no proof that it is read: that it is kept at `trace` is seen from its size.
        let places = ["memory of amal", "memory of borealis", "files of amal", "files of borealis", "frames of amal", "frames of borealis"];
        let with_summary = self.places_with(|name| name == CONTROL);
        assert_eq!(with_summary, self.and_cores(&places), "the control is found where it has to be, and in no log");
        let keys = self.and_cores(&["memory of amal", "memory of borealis", "files of amal", "files of borealis"]);
        let with_keys = self.places_with(|name| name.starts_with(OWN_KEY));
        assert_eq!(with_keys, keys, "a node's own key is in its memory and its key file, and nowhere else");
    }
}

/// The seed of a node's own key.
fn log_key(desk: &Desk) -> (String, Vec<u8>) {
    let text = fs::read_to_string(desk.org.data.join(DIRECTORY).join("log.key")).unwrap();
    (format!("{OWN_KEY} {}", desk.org.name), from_base32(text.trim()).expect("a seed in base32"))
}

/// A case that comes to a desk from a partner of whom every frame is kept: accepted, its contact opened, and resolved with a text that has the summary's word.
async fn hand_on(mouth: Ear, case: Case, desk: &Desk, person: &Person, word: &str) -> Vec<u8> {
    let referral = ReferralId(random());
    let id = referral.to_string();
    let giving = tokio::spawn(async move { mouth.give_a_case(referral, case).await });
    desk.until_stands(&id, "delivered");
    desk.signed(&["ack", &id]);
    desk.signed(&["accept", &id, "--now"]);
    desk.until_stands(&id, "in_progress");
    desk.until_contact(&id);
    let opened = desk.signed(&["contact", &id]).to_string();
    assert!(person.values.iter().all(|(_, value)| opened.contains(std::str::from_utf8(value).unwrap())), "it opens, and is whole");
    desk.signed(&["resolve", &id, "--outcome", "advice_given", "--text", &format!("what is called {word} is done"), "--now"]);
    giving.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_but_the_command_line_ever_has_what_is_sealed_to_a_desk() {
    if let Err(why) = places::memory(&Search::of(&[]), std::process::id()) {
        return skips::skipped(&format!("no process's memory can be read here: {why}"));
    }
    let directory = tempfile::tempdir().unwrap();
    let [amal, borealis] = ["amal", "borealis"].map(|name| Desk::found(directory.path(), name));
    amal.org.pair(&borealis.org);
    let ear = Ear::of(&directory.path().join("ear"), Card::from_text(&amal.card()).unwrap());
    amal.org.json(&["peer", "add", &private(directory.path(), "ear.card", &ear.card()), "--name", "ear"]);
    let mouth = Ear::of(&directory.path().join("mouth"), Card::from_text(&borealis.card()).unwrap());
    borealis.org.json(&["peer", "add", &private(directory.path(), "mouth.card", &mouth.card()), "--name", "mouth"]);

    let (person, summary) = (Person::new(), word());
    let mut values = person.values.clone();
    for desk in [&amal, &borealis] {
        values.extend(desk.secrets().await);
        values.push(log_key(desk));
    }
    values.push((CONTROL.into(), summary.clone().into_bytes()));
    let search = Search::of(&values);
    println!("{} forms of {} values", search.size().0, search.size().1);
    // The same search, of the memory of a process that has all of it: this one.
    let planted = search.planted();
    let here = places::memory(&search, std::process::id()).unwrap();
    assert_eq!(here.found, search.everything(), "{} bytes were planted", planted.len());
    drop(planted);
    let mut hunt = Hunt { search, desks: [&amal, &borealis], found: Vec::new() };

    let contact = private(directory.path(), "contact.toml", &person.file);
    let template = include_str!("../../src/cli/referral/example.toml");
    let told = format!("{} What happened is called {summary}, ", person.named);
    let case = private(directory.path(), "case.toml", &template.replace("What happened, ", &told));
    let refer = |to: &str| {
        let referred = amal.signed(&["refer", "--file", &case, "--to", to, "--contact", &contact, "--now"]);
        referred["referral"].as_str().expect("an id").to_owned()
    };
    let id = refer("borealis");
    borealis.until_stands(&id, "delivered");
    hunt.look("offered");
    borealis.signed(&["ack", &id]);
    amal.until_stands(&id, "acknowledged");
    hunt.look("acknowledged");
    borealis.signed(&["accept", &id]);
    borealis.until_stands(&id, "in_progress");
    borealis.until_contact(&id);
    hunt.look("handed over");
    let opened = borealis.signed(&["contact", &id]).to_string();
    assert!(person.values.iter().all(|(_, value)| opened.contains(std::str::from_utf8(value).unwrap())), "it opens, and is whole");
    hunt.look("opened");
    hunt.look_in_cores(directory.path(), "opened");
    let case_of_ear = refer("ear");
    let (frames, case) = ear.take_a_case().await;
    let opened = serde_json::to_string(&case.contact).unwrap();
    assert!(opened.contains(std::str::from_utf8(&person.values[0].1).unwrap()), "what the ear heard opens with its key");
    hunt.keep("frames of amal, until the contact".into(), places::bytes(&hunt.search, &frames));
    let frames = hand_on(mouth, case, &borealis, &person, &summary).await;
    hunt.keep("frames of borealis, until it is resolved".into(), places::bytes(&hunt.search, &frames));
    hunt.look("heard");
    borealis.signed(&["resolve", &id, "--outcome", "advice_given"]);
    amal.until_stands(&id, "resolved");
    amal.signed(&["close", &id]);
    amal.signed(&["withdraw", &case_of_ear]);
    borealis.until_stands(&id, "closed");
    hunt.look("closed");
    for desk in [&amal, &borealis] {
        let lines = fs::read_to_string(desk.log()).unwrap();
        assert!(lines.contains("TRACE"), "the log is kept at `trace`: {:?}", lines.lines().take(5).collect::<Vec<_>>());
    }
    hunt.verdict();

    // A hole: whoever writes what stands in the contact into a text of a case, without `--contact`. The same search finds it in all places.
    let told = format!("{} What happened, ", std::str::from_utf8(&person.values[6].1).unwrap());
    let careless = private(directory.path(), "careless.toml", &template.replace("What happened, ", &told));
    let id = amal.signed(&["refer", "--file", &careless, "--to", "borealis", "--now"])["referral"].as_str().expect("an id").to_owned();
    borealis.until_stands(&id, "delivered");
    hunt.found.clear();
    hunt.look("with a hole");
    hunt.look_in_cores(directory.path(), "with a hole");
    let leaked = hunt.places_with(|name| name == person.values[6].0);
    let places = ["memory of amal", "memory of borealis", "files of amal", "files of borealis"];
    assert_eq!(leaked, hunt.and_cores(&places), "what was planted is found");
}
