//! `watchfire refer` on a terminal: a person is asked, slips, stops halfway, and goes on with what was kept.

// A scenario says what it expects by failing, and looks at real time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod processes;

use processes::{Org, until};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

/// A command with a person before it.
struct Asked {
    keys: File,
    screen: Arc<Mutex<String>>,
    /// So many bytes of the screen were read already.
    seen: usize,
    /// So many questions were answered.
    answers: usize,
    child: Child,
}

impl Asked {
    fn new(org: &Org, directory: &Path, args: &[&str]) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let terminal = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = org.command(args);
        command.current_dir(directory).stdin(terminal()).stdout(terminal()).stderr(terminal());
        let child = command.spawn().unwrap();
        let keys = File::from(keys);
        let (mut from, screen) = (keys.try_clone().unwrap(), Arc::<Mutex<String>>::default());
        let shown = screen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal that nobody has open any more cannot be read.
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { keys, screen, seen: 0, answers: 0, child }
    }

    /// Waits until it asks this, and answers.
    fn answer(&mut self, question: &str, typed: &str) {
        self.shows(question);
        self.keys.write_all(typed.as_bytes()).unwrap();
        self.keys.write_all(b"\n").unwrap();
        self.answers += 1;
    }

    fn answer_all(&mut self, answers: &[(&str, &str)]) {
        answers.iter().for_each(|(question, typed)| self.answer(question, typed));
    }

    fn shows(&mut self, text: &str) {
        let mut end = 0;
        until(text, || {
            let screen = self.screen.lock().unwrap();
            match screen[self.seen..].find(text) {
                Some(at) => {
                    end = self.seen + at + text.len();
                    Ok(())
                }
                None => Err(screen[self.seen..].to_owned()),
            }
        });
        self.seen = end;
    }

    fn interrupt(&self) {
        assert!(Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success());
    }

    /// What it ended with.
    fn ends(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// The first half of what is asked.
const HALF: [(&str, &str); 6] = [
    ("What happened?", "account_compromise"),
    ("What help is wanted?", "take_over"),
    ("How soon?", "normal"),
    ("in physical danger?", "no"),
    ("Who needs help?", "journalist"),
    ("Where is the person?", "europe"),
];
/// The other half.
const REST: [(&str, &str); 7] = [
    ("Which languages does the person speak", "ar"),
    ("To which partner?", "1"),
    ("What is it about", "An account was taken over.\n"),
    ("Is the consent for each of these: ", "yes"),
    ("How did the person agree, on which day was that, who asked the person?", "explicit today handler"),
    ("What else did the person agree to?", "none"),
    ("From which day on may nothing leave any more", "none signal"),
];
const PICK: &str = "Change any of it?";
/// An everyday case leaves with so many answers; docs/referrals.md says so.
const ANSWERS_MAX: usize = 15;

fn kept(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn referrals(org: &Org) -> usize {
    org.json(&["inbox", "--all"]).as_array().unwrap().len()
}

#[test]
fn a_person_who_is_asked_loses_no_answer() {
    let place = tempfile::tempdir().unwrap();
    let (mut smex, mut borealis) = (Org::found(place.path(), "smex"), Org::found(place.path(), "borealis"));
    smex.start();
    borealis.start();
    smex.pair(&borealis);
    let desk = place.path().join("desk");
    fs::create_dir(&desk).unwrap();
    let file = desk.join("case-T-2026-113.toml");

    // Interrupted halfway: what was answered is there, for its owner alone.
    let mut asked = Asked::new(&smex, &desk, &["refer", "--reference", "T-2026-113"]);
    asked.answer_all(&HALF);
    asked.shows("Which languages does the person speak");
    asked.interrupt();
    asked.shows("kept in case-T-2026-113.toml; go on with `watchfire refer case-T-2026-113.toml`");
    asked.shows("it was interrupted, and nothing was referred");
    assert_eq!(asked.ends(), Some(1));
    assert_eq!(kept(&desk), std::slice::from_ref(&file));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // Gone on with it, with a slip; nobody answers any more before it leaves.
    let mut asked = Asked::new(&smex, &desk, &["refer", "case-T-2026-113.toml"]);
    asked.answer("Which languages does the person speak", "arabic");
    asked.shows("`arabic` is no language");
    asked.answer_all(&REST);
    asked.answer(PICK, "");
    asked.shows("An account was taken over.");
    asked.shows("does this leave? yes or no");
    asked.keys.write_all(b"\x04").unwrap();
    asked.shows("kept in case-T-2026-113.toml");
    assert_eq!(asked.ends(), Some(1));
    assert_eq!((referrals(&smex), kept(&desk).len()), (0, 1));

    // The node refuses it: a day of consent that was put there by hand.
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, whole.replace("indicators_only = false", "indicators_only = true")).unwrap();
    let mut asked = Asked::new(&smex, &desk, &["refer", "case-T-2026-113.toml"]);
    asked.shows("kept in case-T-2026-113.toml");
    assert_eq!(asked.ends(), Some(3));
    fs::write(&file, whole).unwrap();

    // All is answered: nothing is asked but whether it leaves. Then it is kept no longer.
    let mut asked = Asked::new(&smex, &desk, &["refer", "case-T-2026-113.toml"]);
    asked.answer("does this leave?", "maybe");
    asked.answer("does this leave?", "yes");
    asked.shows("to borealis");
    assert_eq!(asked.ends(), Some(0));
    assert_eq!((referrals(&smex), kept(&desk).len()), (1, 0));

    // From beginning to end with what can be attached, and then no.
    let mail = place.path().join("mail.eml").display().to_string();
    fs::write(&mail, "abc").unwrap();
    smex.json(&["share", "evil.example.org", "--tlp", "amber", "--to", "borealis", "--now"]);
    let hash = || smex.json(&["show", "evil.example.org"])["entries"][0]["hash"].as_str().map(str::to_owned);
    until("it has a position", || hash().map(drop).ok_or_else(|| "it waits".into()));
    let mut asked = Asked::new(&smex, &desk, &["refer", "--reference", "T-2026-113"]);
    asked.answer_all(&HALF);
    asked.answer_all(&REST);
    asked.answer_all(&[
        (PICK, "evidence indicators"),
        ("Which file is evidence?", mail.as_str()),
        ("What is it?", "email"),
        ("Which file is evidence?", ""),
        ("Which indicators of the case does the partner have?", "none.example.org"),
        ("there is no record `none.example.org`", "evil.example.org"),
    ]);
    asked.shows("email of 3 bytes, SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    asked.shows(&hash().unwrap());
    asked.shows("does this leave?");
    assert_eq!(kept(&desk).len(), 1);
    asked.keys.write_all(b"no\n").unwrap();
    asked.shows("nothing was referred, and nothing is kept");
    assert_eq!(asked.ends(), Some(1));
    assert_eq!((referrals(&smex), kept(&desk).len()), (1, 0));
}

#[test]
fn an_everyday_case_takes_fifteen_answers_and_the_better_partner_stands_first() {
    let place = tempfile::tempdir().unwrap();
    let [mut smex, mut borealis, mut cedar] = ["smex", "borealis", "cedar"].map(|name| Org::found(place.path(), name));
    for org in [&mut smex, &mut borealis, &mut cedar] {
        org.start();
    }
    let desk = place.path().join("desk");
    fs::create_dir(&desk).unwrap();

    // Who has no partner is told so before anything is asked.
    let mut asked = Asked::new(&smex, &desk, &["refer"]);
    asked.shows("there is no partner to whom a case could go");
    assert_eq!((asked.ends(), kept(&desk).len()), (Some(1), 0));

    for (org, profile) in [
        (&borealis, "services = [\"education_training\"]\nlanguages = [\"fr native\"]\n"),
        (&cedar, "services = [\"incident_response_support\"]\nlanguages = [\"ar native\"]\n"),
    ] {
        let file = place.path().join(format!("{}.toml", org.name)).display().to_string();
        fs::write(&file, profile).unwrap();
        smex.pair(org);
        org.json(&["profile", "set", &file]);
        until("its profile is known", || smex.try_json(&["profile", "show", &org.name]).map(drop).ok_or_else(|| org.name.clone()));
    }

    let mut asked = Asked::new(&smex, &desk, &["refer"]);
    asked.answer_all(&HALF);
    asked.answer_all(&REST[..1]);
    for shown in ["  1  cedar (", "+ does take over", "  2  borealis ("] {
        asked.shows(shown);
    }
    asked.answer_all(&REST[1..]);
    asked.shows("Its label: amber+strict");
    asked.answer(PICK, "");
    asked.answer("does this leave?", "yes");
    asked.shows("to cedar");
    assert!(asked.answers <= ANSWERS_MAX, "{}", asked.answers);
    assert_eq!(asked.ends(), Some(0));
    assert_eq!((referrals(&smex), kept(&desk).len()), (1, 0));
    assert!(include_str!("../docs/referrals.md").contains("fifteen answers"));
}
