//! `docs/handlers-day.md` is true: each command in it runs, in its order, between two real nodes, and prints what stands there but for ids and times.
//! `WATCHFIRE_EXPECT=write cargo test --test handlers_day` writes what they print into it.

// A panic is the report, in helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// The test waits for real processes.
#![allow(clippy::disallowed_methods)]

mod processes;

use processes::Org;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use watchfire::model::Timestamp;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/handlers-day.md");
const CASE: &str = include_str!("../src/cli/referral/example.toml");
/// So long something of the other node, or of a hold, may take until it shows.
const PATIENCE: Duration = Duration::from_secs(60);
/// When the day on the page begins.
const MORNING: &str = "2026-11-27T07:00:00Z";
/// What only looks, and is asked again until what is expected has come.
const LOOKS: [&str; 8] = ["inbox", "show", "match", "list", "timers", "contact", "--dry-run", "holds"];

/// The two desks, and who sits there.
struct Day {
    directory: tempfile::TempDir,
    orgs: Vec<Org>,
    began: Timestamp,
    /// Ids on the page, whole or their beginnings, and those of this run.
    ids: BTreeMap<String, String>,
}

impl Day {
    fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let began = watchfire::clock::Clock::system().now();
        let mut orgs: Vec<Org> = ["amal", "borealis"].iter().map(|name| Org::found(directory.path(), name)).collect();
        for org in &mut orgs {
            let settings = org.data.join("watchfire.toml");
            let text = fs::read_to_string(&settings).unwrap() + "\n[release]\nhold_s = 1\n";
            fs::write(&settings, text).unwrap();
            org.start();
        }
        let day = Self { directory, orgs, began, ids: BTreeMap::new() };
        day.orgs[0].pair(&day.orgs[1]);
        day.fill();
        day
    }

    /// What was there before the morning: people, keys, a group, a profile, a case that came in the night, and the hand-over.
    fn fill(&self) {
        let put = |name: &str, text: &str| fs::write(self.directory.path().join(name), text).unwrap();
        let told = |what: &str, done: &str| {
            let case = CASE.replace("What happened, in a few sentences, without anybody's name.", what);
            case.replace("What was done already.", done)
        };
        put("case.toml", &told("A reporter clicked a link in a message, and somebody else reads along.", "Other devices were signed out."));
        let cold = told("Strangers write to a reporter at night, and know where she lives.", "Her address was taken off two pages.");
        put("cold.toml", &cold.replace("account_compromise", "online_harassment"));
        let night =
            told("The mail account of a reporter was taken over; the number for recovery was changed.", "A new address was set up.");
        put("night.toml", &night.replace("platforms = false", "platforms = true"));
        let contact = "call = \"Layla\"\nsafe_times = \"weekdays after 18:00, Asia/Beirut\"\n[[channels]]\nkind = \"signal\"\nvalue = \"+961 3 123 456\"\n";
        put("contact.toml", contact);
        let profile = [
            "services = [\"incident_response_support\", \"artifact_analysis\"]",
            "forensic_level = \"triage\"",
            "incident_types = [\"account_compromise\", \"online_harassment\", \"surveillance_spyware_suspicion\"]",
            "languages = [\"ar native\"]",
            "regions = [\"middle_east_north_africa\"]",
            "intake = \"within_days\"\n",
        ];
        put("profile.toml", &profile.join("\n"));
        self.must("noor@amal", "umask 077 && echo four words nobody guesses > words");
        for (desk, director, handlers) in [("amal", "amina", &["noor", "omar"][..]), ("borealis", "lena", &["sami"])] {
            let first = format!("{director}@{desk}");
            let new = "--passphrase-file words --new-passphrase-file words";
            self.must(&first, &format!("watchfire user add {director} --role director --new-passphrase-file words"));
            handlers.iter().for_each(|name| drop(self.must(&first, &format!("watchfire user add {name} --role handler {new}"))));
            self.must(&first, "watchfire desk-key make --passphrase-file words");
        }
        self.must("lena@borealis", "watchfire profile set profile.toml --passphrase-file words");
        self.must("amina@amal", "watchfire group create helplines --member borealis");
        self.soon("sami@borealis", "watchfire group show helplines");
        self.soon("noor@amal", "watchfire profile show borealis");
        self.must("sami@borealis", "watchfire refer --file night.toml --to amal --now --passphrase-file words");
        self.soon("omar@amal", "watchfire inbox | grep delivered");
        self.must(
            "omar@amal",
            "watchfire handover open --note 'a case of Borealis came at four, and nobody has opened it' --passphrase-file words",
        );
    }

    /// What a command prints, errors too, and whether it succeeded.
    fn run(&self, who: &str, line: &str) -> (String, bool) {
        let (user, desk) = who.split_once('@').unwrap();
        let org = self.orgs.iter().find(|org| org.name == desk).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_watchfire")).parent().unwrap().display().to_string();
        let search = format!("{binary}:{}", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{{ {line}; }} 2>&1")]).current_dir(self.directory.path()).env("PATH", search);
        command.env("WATCHFIRE_DATA", &org.data).env("WATCHFIRE_USER", user).stdin(Stdio::null());
        let output = command.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.success())
    }

    fn must(&self, who: &str, line: &str) -> String {
        let (said, done) = self.run(who, line);
        assert!(done, "{who}$ {line}\n{said}");
        said
    }

    fn soon(&self, who: &str, line: &str) -> String {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let (said, done) = self.run(who, line);
            if done {
                return said;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.must(who, line)
    }

    /// A line of the page as it runs here: with the ids of this run, and with the passphrase that a person would type.
    fn runs(&self, who: &str, line: &str) -> String {
        let line: String = words(line).map(|word| self.ids.get(word).map_or(word, String::as_str)).collect();
        let help = self.must(who, &format!("{line} --help"));
        if help.contains("--passphrase-file") { format!("{line} --passphrase-file words") } else { line }
    }

    /// Whether a command printed what the page says; ids that it has for the first time are bound to those of the page.
    fn is_as_told(&mut self, told: &str, said: &str) -> bool {
        let (told, said) = (without_times(told), without_times(said));
        let (mut told, mut said) = (words(&told), words(&said));
        let mut bound = self.ids.clone();
        loop {
            match (told.next(), said.next()) {
                (None, None) => break,
                (Some(told), Some(said)) if told == said && !is_id(told) => {}
                (Some(told), Some(said)) if is_id(told) && told.len() == said.len() && is_word(said) => {
                    for length in [told.len(), told.len().min(8)] {
                        if bound.entry(told[..length].to_owned()).or_insert_with(|| said[..length].to_owned()) != &said[..length] {
                            return false;
                        }
                    }
                }
                _ => return false,
            }
        }
        self.ids = bound;
        true
    }

    /// Until nothing is held, and both desks see each referral alike: what one of them did has come to the other.
    fn settle(&self) {
        let all = |who: &str, line: &str| -> serde_json::Value { serde_json::from_str(&self.must(who, line)).unwrap() };
        let states = |who: &str| -> BTreeSet<(String, String)> {
            let rows = all(who, "watchfire inbox --all --json");
            let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
            rows.as_array().unwrap().iter().map(|row| (text(row, "referral"), text(row, "state"))).collect()
        };
        let is_still = || {
            let held = |who: &str| !all(who, "watchfire holds --json").as_array().unwrap().is_empty();
            !held("amina@amal") && !held("lena@borealis") && states("amina@amal") == states("lena@borealis")
        };
        let until = Instant::now() + PATIENCE;
        while !is_still() {
            assert!(Instant::now() < until, "the desks do not see the same");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The ids that there are at both desks, whole and their beginnings: some of them look like words.
    fn ids_there(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for who in ["amina@amal", "lena@borealis"] {
            for line in ["handover list", "inbox --all", "platform list", "call list --all", "alert list --all", "holds"] {
                let rows: serde_json::Value = serde_json::from_str(&self.must(who, &format!("watchfire {line} --json"))).unwrap();
                for row in rows.as_array().into_iter().flatten() {
                    let of = |key: &str| row[key].as_str().map(str::to_owned);
                    let ids = ["handover", "referral", "escalation", "call", "alert", "id", "release"].into_iter().filter_map(of);
                    ids.filter(|id| is_word(id) && id.len() >= 8).for_each(|id| all.extend([id[..8].to_owned(), id]));
                }
            }
        }
        all
    }

    /// What a command printed, as it is written down: with an id of the page for each, and the day's times.
    fn written(&mut self, said: &str) -> String {
        let mut there = self.ids_there();
        // What is held leaves in a moment, and what a person says is in no list.
        for line in said.lines() {
            there.extend(line.strip_prefix("held as ").and_then(|rest| rest.split(' ').next()).map(str::to_owned));
            if line.starts_with("introduction code") || line.starts_with("code ") {
                there.extend(line.split(' ').next_back().into_iter().flat_map(|code| code.split('-')).map(str::to_owned));
            }
        }
        let mut page: BTreeMap<String, String> = self.ids.iter().map(|(page, real)| (real.clone(), page.clone())).collect();
        let text: String = words(said)
            .map(|word| {
                if let Some(known) = page.get(word) {
                    return known.clone();
                }
                if !(there.contains(word) || is_word(word) && word.len() >= 26) {
                    return word.to_owned();
                }
                let mut new = stand_in(self.ids.len(), word.len());
                if let Some(known) = page.get(&word[..word.len().min(8)]) {
                    new.replace_range(..8, known);
                }
                for length in [word.len(), word.len().min(8)] {
                    self.ids.insert(new[..length].to_owned(), word[..length].to_owned());
                    page.insert(word[..length].to_owned(), new[..length].to_owned());
                }
                new
            })
            .collect();
        let morning: Timestamp = MORNING.parse().unwrap();
        map_times(&text, |at| {
            let at: Timestamp = at.parse().unwrap();
            let moved = Timestamp((morning.0 + at.0).saturating_sub(self.began.0));
            format!("{}Z", &moved.to_string()[..19])
        })
    }
}

/// An id for the page: never one that a reader could take for a word.
fn stand_in(number: usize, length: usize) -> String {
    let letters = b"abcdefghijkmnpqrstuvwxyz";
    let mut state = number as u64 * 2_654_435_761 + 97;
    (0..length)
        .map(|at| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if at % 4 == 1 {
                char::from(b'2' + (state >> 33) as u8 % 6)
            } else {
                char::from(letters[(state >> 33) as usize % letters.len()])
            }
        })
        .collect()
}

/// Runs of letters and digits, and what stands between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c: char| c.is_ascii_alphanumeric() != first.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word)
    })
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// On the page an id has letters and digits, which no word has.
fn is_id(text: &str) -> bool {
    text.len() >= 4 && is_word(text) && text.bytes().any(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Each time of a text as `change` has it.
fn map_times(text: &str, change: impl Fn(&str) -> String) -> String {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:ddZ";
    let fits =
        |bytes: &[u8]| SHAPE.iter().zip(bytes).all(|(shape, byte)| if *shape == b'd' { byte.is_ascii_digit() } else { shape == byte });
    let (mut changed, mut rest) = (String::new(), text);
    while let Some(at) = (0..rest.len()).find(|at| rest.len() >= at + SHAPE.len() && fits(&rest.as_bytes()[*at..])) {
        changed += &rest[..at];
        changed += &change(&rest[at..at + SHAPE.len()]);
        rest = &rest[at + SHAPE.len()..];
    }
    changed + rest
}

fn without_times(text: &str) -> String {
    map_times(text, |_| "TIME".into())
}

/// A part of the page: text, or a command with what it prints.
enum Part {
    Text(String),
    Command { who: String, line: String, prints: String },
}

fn parts(page: &str) -> Vec<Part> {
    let (mut parts, mut within) = (Vec::new(), false);
    for line in page.split_inclusive('\n') {
        let command = line.trim_end().split_once("$ watchfire ").filter(|(who, _)| within && who.contains('@') && !who.contains(' '));
        match (command, parts.last_mut()) {
            (Some((who, rest)), _) => {
                parts.push(Part::Command { who: who.into(), line: format!("watchfire {rest}"), prints: String::new() });
            }
            (None, Some(Part::Command { prints, .. })) if within && line != "```\n" => prints.push_str(line),
            (None, Some(Part::Text(text))) => text.push_str(line),
            (None, _) => parts.push(Part::Text(line.into())),
        }
        within = match line {
            "```console\n" => true,
            "```\n" => false,
            _ => within,
        };
    }
    parts
}

#[test]
fn a_handlers_day_is_as_it_stands_in_the_docs() {
    let page = fs::read_to_string(PAGE).unwrap();
    let writes = std::env::var_os("WATCHFIRE_EXPECT").is_some_and(|value| value == "write");
    let (mut day, mut written) = (Day::begin(), String::new());
    let mut all = parts(&page).into_iter();
    let mut commands = 0;
    while let Some(part) = all.next() {
        let Part::Command { who, line, prints } = part else {
            let Part::Text(text) = part else { unreachable!() };
            written += &text;
            continue;
        };
        commands += 1;
        let looks = line.split_whitespace().any(|word| LOOKS.contains(&word));
        if writes {
            std::thread::sleep(Duration::from_millis(2_500));
            let (said, done) = day.run(&who, &day.runs(&who, &line));
            written += &format!("{who}$ {line}\n{}", if done { day.written(&said) } else { prints });
            if !done {
                eprintln!("{who}$ {line}\n{said}");
                for rest in all.by_ref() {
                    match rest {
                        Part::Text(text) => written += &text,
                        Part::Command { who, line, prints } => written += &format!("{who}$ {line}\n{prints}"),
                    }
                }
            }
            continue;
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let (said, done) = day.run(&who, &day.runs(&who, &line));
            if done && day.is_as_told(&prints, &said) {
                day.settle();
                break;
            }
            // What was done is done; what only looks may have looked too early, and what is refused may have come too early.
            assert!(Instant::now() < until && (looks || !done), "{who}$ {line}\nthe page says:\n{prints}\nit printed:\n{said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    if writes {
        fs::write(PAGE, written).unwrap();
    }
    assert!(commands > 30, "{commands} commands");
}

#[test]
fn another_word_or_another_id_is_seen() {
    let mut day = Day { directory: tempfile::tempdir().unwrap(), orgs: Vec::new(), began: Timestamp(0), ids: BTreeMap::new() };
    let page = "k7qm2xpa to borealis: sent 2026-11-27T07:00:00Z\n";
    assert!(day.is_as_told(page, "abcdefgh to borealis: sent 2027-01-01T00:00:01Z\n"));
    assert!(!day.is_as_told(page, "abcdefgh to borealis: gated 2027-01-01T00:00:01Z\n"), "another word");
    assert!(!day.is_as_told(page, "bbcdefgh to borealis: sent 2027-01-01T00:00:01Z\n"), "another id");
    assert!(!day.is_as_told(page, "abcdefgh to borealis: sent 2027-01-01T00:00:01Z\nmore\n"), "more");
    assert!(!day.is_as_told("to borealis\n", "to  borealis\n"), "other blanks");
    assert_eq!(day.ids["k7qm2xpa"], "abcdefgh");
    assert!((0..40).all(|number| is_id(&stand_in(number, 4)) && stand_in(number, 26).len() == 26));
}
