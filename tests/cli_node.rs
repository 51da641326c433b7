//! The command line against real nodes: every help example runs, `--json` has the promised keys, exit codes are as promised.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use watchfire::node::view::ExportFormat;

const BINARY: &str = env!("CARGO_BIN_EXE_watchfire");
/// A case that is filled in.
const CASE: &str = include_str!("../src/cli/referral/example.toml");
const PEGASUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pegasus-60.stix2");

/// A working directory with a node's data directory `node` in it.
struct Place {
    directory: tempfile::TempDir,
    served: Option<Child>,
    /// How long its node holds what is shared, in seconds.
    hold_s: u64,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory"), served: None, hold_s: 0 }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A shell that finds `watchfire`, works here and means this node.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let search =
            format!("{}:{}", Path::new(BINARY).parent().expect("a directory").display(), std::env::var("PATH").unwrap_or_default());
        command.args(["-c", line]).current_dir(self.path()).env("PATH", search).env("WATCHFIRE_DATA", self.path().join("node"));
        command.env("WATCHFIRE_LISTEN", "127.0.0.1:0").env("WATCHFIRE_RELEASE_HOLD_S", self.hold_s.to_string()).stdin(Stdio::null());
        // Names for examples are shared here.
        command.env("WATCHFIRE_GATE_RESERVED", "warn").env("WATCHFIRE_GATE_UNKNOWN_TLD", "warn");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.shell(line).output().expect("a shell")
    }

    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "`{line}` ended with {:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(line)).unwrap_or_else(|error| panic!("`{line}`: {error}"))
    }

    /// What a command ends with, and all that it says on standard error, with `HERE` for this directory; not the help that
    /// clap adds behind a blank line.
    fn refused(&self, line: &str) -> (Option<i32>, String) {
        let output = self.run(line);
        let said = String::from_utf8_lossy(&output.stderr).replace(&self.path().display().to_string(), "HERE");
        let said = said.split("\n\n").next().unwrap_or_default().trim_end();
        (output.status.code(), said.to_owned())
    }

    /// Each command ends so and says exactly this.
    fn all_refused(&self, cases: &[(&str, i32, &str)]) {
        let other = |(line, code, said): &(&str, i32, &str)| {
            let refused = self.refused(line);
            (refused != (Some(*code), (*said).to_owned())).then(|| format!("`{line}` ended with {:?}:\n{}\n", refused.0, refused.1))
        };
        let other: Vec<_> = cases.iter().filter_map(other).collect();
        assert!(other.is_empty(), "{}", other.join("\n"));
    }

    fn serve(&mut self, line: &str) {
        let log = std::fs::File::options().create(true).append(true).open(self.path().join("node.log")).expect("a log");
        let child = self.shell(&format!("exec {line}")).stdout(Stdio::null()).stderr(log).spawn().expect("it starts");
        self.served = Some(child);
        self.wait("watchfire health");
    }

    /// Until a command succeeds.
    fn wait(&self, line: &str) {
        for _ in 0..200 {
            if self.run(line).status.success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        self.ok(line);
    }

    /// A made and running node.
    fn node(name: &str) -> Self {
        let mut place = Self::new();
        place.ok(&format!("watchfire init --data node --name {name} --listen 127.0.0.1:0"));
        place.serve("watchfire serve");
        place
    }

    /// What the node logs meanwhile.
    fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("node.log")).expect("its log")
    }

    /// Tells the node to read its files again, and waits until its log has so many lines with this in them.
    fn hang_up(&self, said: &str, times: usize) {
        self.ok(&format!("kill -HUP {}", self.served.as_ref().expect("it runs").id()));
        self.wait(&format!("test $(grep -c '{said}' node.log) -ge {times}"));
    }

    /// Ends the node in order; what it ended with.
    fn stop(&mut self) -> Option<i32> {
        let mut child = self.served.take()?;
        self.ok(&format!("kill -TERM {}", child.id()));
        child.wait().expect("it ends").code()
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("written");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(child) = &mut self.served {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The example at the end of a command's help.
fn example(command: &str) -> String {
    let mut words: Vec<&str> = command.split_whitespace().collect();
    words.push("--help");
    let output = Command::new(BINARY).args(words).output().expect("it runs");
    let page = String::from_utf8(output.stdout).expect("UTF-8");
    let examples = page.split("\nExamples:\n").nth(1).unwrap_or_else(|| panic!("`{command}` has no example"));
    examples.trim().to_owned()
}

#[test]
fn every_help_example_runs_against_a_real_node() {
    let (smex, amal) = (Place::node("smex"), Place::node("amal"));
    let mut here = Place::new();
    let mut seen = BTreeSet::new();
    let mut take = |command: &'static str| {
        seen.insert(command.to_owned());
        example(command)
    };
    here.ok(&take("init"));
    here.ok(&take("provision"));
    here.put("watchfire.toml", &std::fs::read_to_string(here.path().join("node/watchfire.toml")).expect("made by init"));
    here.put("card.txt", &smex.ok("watchfire card"));
    here.put("pegasus.stix2", &std::fs::read_to_string(PEGASUS).expect("the example file"));
    here.put(
        "referrals.json",
        &std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/referrals.json")).expect("the example file"),
    );
    here.put("policy.toml", "[peers.smex]\nclass_max = \"restricted\"\nnda = \"NDA-2026-04\"\nuntil = \"2099-06-30\"\n");
    here.put("list.json", r#"{"name":"Top sites","version":3,"type":"hostname","list":["popular-site.com"]}"#);
    let profile = "pseudonym = \"A desk\"\nservices = [\"incident_response_support\"]\nplatform_channels = [\"facebook\"]\n[audience]\nplatform_channels = [\"smex\"]\n";
    here.put("profile.toml", profile);
    here.put("staff.txt", "Anna Kim\nngo.example\n");
    here.put("referral.txt", "Ask Anna about hxxps://evil[.]example\n");
    std::fs::create_dir(here.path().join("drop")).expect("made");
    here.put("drop/list.txt", "hxxps://bad[.]smex-feed[.]org\n");
    let line = take("serve");
    here.serve(&line);
    // They know us, so that the link that our example opens comes up and the doctor finds nothing broken.
    smex.put("here.txt", &here.ok("watchfire card"));
    smex.ok("watchfire peer add here.txt --name here");
    for command in [
        "health",
        "status",
        "card",
        "config",
        "config show",
        "config check",
        "completions",
        "peer add",
        "peer",
        "peer list",
        "peer show",
        "group create",
        "group",
        "group list",
        "group show",
        "group remove",
        "group add",
        "group deputy",
        "group community",
        "group take-over",
        "profile",
        "profile template",
        "profile check",
        "profile set",
        "profile show",
        "profile confirm",
        "match",
        "share",
        "import",
        "lookup",
        "show",
        "explain",
        "policy",
        "policy show",
        "policy check",
        "holds",
        "deeds",
        "disclosures",
        "disclosures verify",
        "receipts",
        "redact",
        "redact check",
        "warninglist",
        "warninglist import",
        "warninglist list",
        "warninglist check",
        "warninglist remove",
        "export",
        "consumer",
        "consumer list",
        "consumer add",
        "consumer renew",
        "consumer keep",
        "consumer revoke",
        "feed",
        "feed add",
        "feed list",
        "feed show",
        "feed pause",
        "feed resume",
        "feed run",
        "feed remove",
        "withdraw",
        "peer suspend",
        "peer resume",
        "invite",
        "notify list",
    ] {
        here.ok(&take(command));
    }
    referrals(&here, &smex, &mut take);
    calls(&here, &smex, &mut take);
    alerts(&here, &smex, &mut take);
    sightings(&here, &smex, &mut take);
    asked_about(&here, &smex, &mut take);
    here.ok(&format!("EDITOR=true {}", take("profile edit")));
    here.all_refused(&[
        (
            "EDITOR='sed -i s/incident_response_support/incident_response_suport/' watchfire profile edit --yes 2>&1 \
             | sed 's/profile-[A-Za-z0-9]*/profile-X/; s/line [0-9]*/line N/' >&2; exit 2",
            2,
            "what you wrote is in `HERE/node/profile-X.toml`; `watchfire profile set` takes it from there\nerror: line N: `services`: there is no `incident_response_suport` in the list `service`\nhint: did you mean `incident_response_support`? `watchfire vocabulary service` shows all",
        ),
        (
            "EDITOR=false watchfire profile edit",
            2,
            "error: the editor ended with an error\nhint: $VISUAL or $EDITOR names another",
        ),
        (
            "EDITOR='sed -i s/A.desk/Another.desk/' watchfire profile edit 2>&1 | sed '/^what you wrote/d' >&2; exit 2",
            2,
            "error: nobody is there to be asked\nhint: `--yes` does not ask",
        ),
        ("watchfire match", 2, "error: nothing is asked for\nhint: `--incident` and `--help-wanted` say what, `--need FILE` or `--case FILE` all of it"),
        ("watchfire match --incident malwere", 2, "error: there is no `malwere` in the list `incident-type`\nhint: did you mean `malware`? `watchfire vocabulary incident-type` shows all"),
        (
            "watchfire profile show smex",
            6,
            "error: nothing is known of the profile of `smex`\nhint: it is told to peers and in groups once it has one; what is older than 90 days is gone",
        ),
    ]);
    let edited = here.ok("EDITOR='sed -i s/facebook/telegram/' watchfire profile edit --yes");
    assert!(edited.starts_with("the profile is in force, confirmed "), "{edited}");
    let profile = here.json("watchfire profile show --json");
    has(&profile, &["org_id", "name", "confirmed", "stale", "fields"]);
    assert!(profile["fields"].as_array().expect("fields").iter().any(|field| field["values"][0] == "telegram"), "{profile}");
    assert!(!here.ok("watchfire profile show --for public").contains("telegram"));
    here.put("case.toml", CASE);
    has(&here.json("watchfire match --case case.toml --json"), &["ranked", "excluded", "unknown"]);
    assert!(here.ok("watchfire match --case case.toml").ends_with("no profile: smex\n"));
    smex.ok("watchfire group create newsletter --member here");
    here.wait("watchfire group show newsletter");
    here.ok(&take("group leave"));
    here.ok(&take("group accept"));
    here.ok("umask 077 && echo four words nobody guesses > words");
    here.ok(&(take("user add") + " --new-passphrase-file words"));
    here.ok("watchfire user add omar --role handler --as amina --passphrase-file words --new-passphrase-file words");
    here.ok(&(take("user role") + " --passphrase-file words"));
    here.ok(&(take("user key") + " --passphrase-file words --new-passphrase-file words"));
    here.ok(&(take("user passphrase") + " --passphrase-file words --new-passphrase-file words"));
    here.ok(&take("user list"));
    here.ok(&take("user"));
    here.ok(&take("user log"));
    here.ok(&(take("desk-key make") + " --passphrase-file words"));
    here.ok(&(take("desk-key rotate") + " --passphrase-file words"));
    for command in ["desk-key", "desk-key show", "desk-key publish", "desk-key openings"] {
        here.ok(&take(command));
    }
    cold(&here, &smex, &take("contact"));
    duplicates(&here, &smex, &mut take);
    here.ok(&take("vocabulary"));
    here.ok(&take("statistics"));
    here.ok(&(take("handover open") + " --as omar --passphrase-file words"));
    here.ok(&take("handover list"));
    here.ok(&take("handover"));
    let handover = here.json("watchfire handover list --json")[0]["handover"].as_str().expect("an id").to_owned();
    let shown = here.ok(&take("handover show").replace("k7qm2xpa", &handover));
    assert_eq!(here.ok(&format!("watchfire show {handover}")), shown);
    here.ok(&(take("handover accept").replace("k7qm2xpa", &handover) + " --as amina --passphrase-file words"));
    let red = "watchfire share red-lure.com --tlp red --to smex --as amina --passphrase-file words --json";
    let held = here.json(red)["held"][0].clone();
    let (id, digest) = (held["id"].as_str().expect("an id"), held["digest"].as_str().expect("a digest"));
    here.ok(&(take("approve").replace("k7qm2xpa", id) + " --passphrase-file words --digest " + digest));
    // Whoever refers is the first of the two that TLP:RED needs.
    here.put("red.toml", &CASE.replace("tlp = \"amber+strict\"", "tlp = \"red\""));
    let refer = "watchfire refer --file red.toml --to smex --as amina --passphrase-file words --json";
    let offer = here.json(refer)["offers"][0].clone();
    assert_eq!(offer["held"]["state"], "second", "{offer}");
    let (id, digest) = (offer["held"]["id"].as_str().expect("an id"), offer["held"]["digest"].as_str().expect("a digest"));
    let referral = offer["referral"].as_str().expect("an id");
    let listed = here.ok("watchfire holds");
    assert!(listed.lines().any(|line| line.starts_with(&format!("{id}  {}  smex", &referral[..8]))), "{listed}");
    assert!(here.ok(&format!("watchfire show {referral}")).contains("you can     preview, undo\n"));
    let alone = format!("watchfire approve {id} --as amina --passphrase-file words --digest {digest}");
    assert!(!here.run(&alone).status.success(), "nobody is two people");
    here.ok(&format!("watchfire approve {id} --as omar --passphrase-file words --digest {digest}"));
    here.wait(&format!("watchfire show {referral} | grep -q 'state       delivered'"));
    here.ok(&(take("user remove") + " --passphrase-file words"));
    here.ok(&take("backup"));
    here.ok(&take("recall"));
    here.ok(&take("expire"));
    here.ok(&take("rotate"));
    assert_eq!(here.json("watchfire rotate --log-key --stolen --json")["log_key_number"], 2);
    here.wait(&take("doctor"));
    here.put("invitation.txt", &amal.ok("watchfire invite"));
    here.ok(&take("join"));
    let digits = here.json("watchfire peer show amal --json")["digits"].as_str().expect("digits").to_owned();
    let too_few = "error: 4 digits were given, and there are 12\nhint: give all of them as the other side reads them out: `watchfire peer confirm amal 1234 5678 9012`";
    here.all_refused(&[("watchfire peer confirm amal 1234", 2, too_few)]);
    here.ok("watchfire peer rename amal peer-x4k2pa");
    here.ok(&take("peer confirm").replace("1234 5678 9012", &digits));
    here.ok("watchfire peer rename amal peer-x4k2pa");
    here.ok(&take("peer rename"));
    here.ok(&(take("policy activate") + " --widen"));
    assert_eq!(here.stop(), Some(0));
    here.hold_s = 3_600;
    here.serve(&line);
    let held =
        here.json("watchfire share undone-lure.com --tlp amber --to smex --json")["held"][0]["id"].as_str().expect("an id").to_owned();
    for command in ["preview", "release", "undo"] {
        here.ok(&take(command).replace("k7qm2xpa", &held));
    }
    here.ok(&take("peer remove"));
    assert_eq!(here.stop(), Some(0), "SIGTERM ends it in order");
    here.ok(&take("restore"));
    // The demo has a test of its own, and channels have real servers in tests/notices.
    seen.extend(["demo".into(), "notify".into(), "notify test".into()]);
    assert_eq!(seen, commands(), "each command's example is run");
}

/// A case whose person we have to reach: it comes sealed, once the case is ours, and is opened with a passphrase.
fn cold(here: &Place, smex: &Place, line: &str) {
    smex.put("contact.toml", "call = \"Zarlasht\"\nchannels = [{ kind = \"signal\", value = \"+93 70 123 4567\" }]\n");
    smex.put("cold.toml", &CASE.replace("What happened", "Zarlasht called from +93701234567. What happened"));
    not_filled_in(smex);
    smex.wait("watchfire refer --file cold.toml --to here --contact contact.toml --dry-run");
    let id = smex.json("watchfire refer --file cold.toml --to here --contact contact.toml --json")["referral"]
        .as_str()
        .expect("an id")
        .to_owned();
    here.wait(&format!("watchfire show {id}"));
    let shown = here.ok(&format!("watchfire show {id}"));
    assert!(!shown.contains("Zarlasht") && !shown.contains("701234567"), "{shown}");
    let by = "--as amina --passphrase-file words";
    here.ok(&format!("watchfire user add dana --role coordinator {by} --new-passphrase-file words"));
    let may_not = (
        Some(4),
        "error: coordinators may not open what is sealed to the desk\nhint: a handler, a lead or a director does; `watchfire user list` shows them"
            .to_owned(),
    );
    let opened_by_dana = || here.refused(&format!("watchfire contact {id} --as dana --passphrase-file words"));
    assert_eq!(opened_by_dana(), may_not, "whether there is one is not hers to know");
    let early = here.refused(&format!("watchfire contact {id} {by}")).1;
    assert!(early.starts_with("error: there is no contact to open here"), "{early}");
    let unsigned = here.refused(&format!("watchfire ack {id}"));
    assert_eq!(unsigned.0, Some(4), "{}", unsigned.1);
    here.ok(&format!("watchfire ack {id} {by}"));
    here.ok(&format!("watchfire accept {id} {by}"));
    let open = format!("{} --passphrase-file words", line.replace("k7qm2xpa", &id));
    here.wait(&open);
    let contact = here.ok(&open);
    assert!(contact.contains("Zarlasht") && contact.contains("+93 70 123 4567"), "{contact}");
    assert_eq!(opened_by_dana(), may_not);
    let openings = here.ok("watchfire desk-key openings");
    assert!(openings.contains("amina") && !openings.contains("dana"), "{openings}");
    let deeds = |also: &str| -> Vec<String> {
        let deeds = here.json(&format!("watchfire deeds {id} --json {also}"));
        let deed = |deed: &Value| format!("{} {}", deed["by"].as_str().unwrap_or("-"), deed["what"].as_str().expect("what"));
        deeds.as_array().expect("a list").iter().map(deed).collect()
    };
    let all = ["amina acknowledge", "amina accept"];
    assert_eq!((deeds(""), deeds("--by amina"), deeds("--since 2026-01-01")), (all.map(str::to_owned).into(), deeds(""), deeds("")));
    assert_eq!((deeds("--limit 1"), deeds("--by dana"), deeds("--until 2026-01-01")), (vec![all[1].to_owned()], Vec::new(), Vec::new()));
    let listed = here.ok(&format!("watchfire deeds {id}"));
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["AT", "BY", "WHAT", "ABOUT"]);
    assert_eq!(lines[1][1..], ["amina", "acknowledge", &id[..8]]);
    let timeline = here.ok(&format!("watchfire show {id}"));
    assert!(timeline.contains("us (amina): accept"), "{timeline}");
}

/// Nobody sends a form that nobody has filled in.
fn not_filled_in(at: &Place) {
    at.ok("watchfire refer --template > form.toml");
    at.ok("umask 077 && watchfire refer --contact-template > form-contact.toml");
    let gaps = "offer.beneficiary_type, offer.consent.basis, offer.consent.obtained, offer.help_wanted, offer.incident_types, offer.languages.tag, \
                offer.region, offer.steps_taken, offer.summary";
    let hint = "hint: write over each what holds, or leave the line out";
    let case = format!("error: `form.toml` is not filled in: {gaps} still say `FILL IN`\n{hint}");
    let contact = format!("error: `form-contact.toml` is not filled in: channels.kind, channels.value still say `FILL IN`\n{hint}");
    at.all_refused(&[
        ("watchfire refer --file form.toml --to here", 2, &case),
        ("watchfire pass-on k7qm2xpa --file form.toml --to here", 2, &case),
        (
            "watchfire match --case form.toml",
            2,
            "error: nothing is asked for\nhint: `--incident` and `--help-wanted` say what, `--need FILE` or `--case FILE` all of it",
        ),
        ("watchfire refer --file cold.toml --to here --contact form-contact.toml", 2, &contact),
        ("watchfire duplicate check --to here --consent verbal --contact form-contact.toml", 2, &contact),
    ]);
}

/// The examples about alerts, from both sides.
fn alerts(here: &Place, smex: &Place, take: &mut impl FnMut(&'static str) -> String) {
    let publish = take("alert publish").replace("helplines", "askers");
    let published = here.json(&format!("{publish} --advice 'ask anna@ngo.org' --json"));
    has(&published, &["alert", "state", "held", "preview", "findings"]);
    let id = published["alert"].as_str().expect("an id").to_owned();
    smex.wait(&format!("watchfire alert show {id} | grep 'a lure for lawyers'"));
    assert!(smex.ok(&format!("watchfire alert show {id}")).contains("ask [email-1]"));
    assert!(smex.ok(&format!("watchfire show {id}")).starts_with("alert "), "the first line says what it is");
    smex.ok(&format!("watchfire alert read {id}"));
    let alert = smex.json(&format!("watchfire alert show {id} --json"));
    has(&alert, &["alert", "org_id", "name", "audience", "state", "priority", "headline", "advice", "valid_until", "read", "matches"]);
    here.ok(&take("alert"));
    here.ok(&take("alert list"));
    for command in ["alert show", "alert read", "alert withdraw"] {
        here.ok(&take(command).replace("k7qm2xpa", &id));
    }
    smex.wait(&format!("watchfire alert show {id} | grep withdrawn"));
    here.all_refused(&[("watchfire alert show zzzz", 6, "error: there is no alert `zzzz`\nhint: `watchfire alert list` shows them")]);
}

/// The examples about what was seen: smex lets us ask.
fn asked_about(here: &Place, smex: &Place, take: &mut impl FnMut(&'static str) -> String) {
    smex.ok("printf 'fresh-lure.com\n# a comment\nweather4free.com\n' | watchfire seen allow - --with here");
    assert_eq!(here.ok(&take("seen ask")), "weather4free.com: seen by smex\n");
    let answers = here.json("watchfire seen ask fresh-lure.com nobody-lure.com --to smex --json");
    assert_eq!(answers[1]["state"], "nothing_told", "{answers}");
    smex.wait("watchfire seen list | grep -c 'here  fresh-lure.com' | grep -qx 1");
    has(&smex.json("watchfire seen list --json"), &["found", "values", "answered"]);
    assert!(here.ok(&take("seen allow")).starts_with("smex may ask about 1 value until "));
    assert!(here.ok(&take("seen")).contains("weather4free.com  smex"));
    here.ok(&take("seen list"));
    assert_eq!(here.ok(&take("seen disallow")), "nobody may ask about 1 value any more\n");
    let unknown = "error: there is no value that may be asked about `weather4free.com`\nhint: `watchfire seen list` shows them";
    here.all_refused(&[("watchfire seen disallow weather4free.com", 6, unknown)]);
}

/// The examples about sightings: what smex says is met here.
fn sightings(here: &Place, smex: &Place, take: &mut impl FnMut(&'static str) -> String) {
    smex.ok("watchfire share weather4free.com --tlp amber --to here");
    here.wait("watchfire lookup weather4free.com | grep smex");
    assert!(here.ok(&take("sighting add")).starts_with("would tell smex: weather4free.com of smex  "));
    let report = here.json("watchfire sighting add weather4free.com --type false-positive --json");
    has(&report, &["dry_run", "told", "withheld"]);
    smex.wait("watchfire show weather4free.com | grep 'false positive says here'");
    for command in ["sighting", "sighting list"] {
        assert!(here.ok(&take(command)).contains("false-positive"));
    }
    has(
        &here.json("watchfire sighting list --json")[0],
        &["record", "kind", "value", "author_name", "by", "type", "count", "last", "told"],
    );
    assert_eq!(here.ok(&take("sighting withdraw")), "taken back of 1 record\n");
    smex.wait("! watchfire show weather4free.com | grep 'false positive says here'");
    let nothing = "error: we have said nothing of it\nhint: `watchfire sighting list` shows what we said";
    let nobody = "error: there is no record `nobody-lure.com`";
    here.all_refused(&[("watchfire sighting withdraw weather4free.com", 1, nothing)]);
    let failed = here.run("watchfire sighting add nobody-lure.com");
    assert!(String::from_utf8_lossy(&failed.stderr).starts_with(nobody), "{failed:?}");
}

/// The examples about calls for help, from both sides.
fn calls(here: &Place, smex: &Place, take: &mut impl FnMut(&'static str) -> String) {
    here.ok("watchfire group create askers --member smex");
    smex.wait("watchfire group show askers");
    let open = take("call open").replace("helplines", "askers");
    let opened = |line: &str| here.json(&format!("{line} --json"))["call"].as_str().expect("an id").to_owned();
    let id = opened(&open);
    here.ok(&take("call"));
    here.ok(&take("call list"));
    here.ok(&take("call show").replace("k7qm2xpa", &id));
    assert!(here.ok(&format!("watchfire show {id}")).starts_with("call "), "the first line says what it is");
    smex.wait(&format!("watchfire volunteer {id}"));
    here.wait(&format!("watchfire call show {id} | grep 'smex: volunteers since'"));
    here.ok(&format!("watchfire refer --file case.toml --call {id} --to smex"));
    smex.wait(&format!("watchfire call show {id} | grep chosen"));
    let call = here.json(&format!("watchfire call show {id} --json"));
    has(&call, &["call", "org_id", "name", "group", "state", "priority", "help_wanted", "since", "expires", "volunteered", "volunteers"]);
    assert!(call["volunteers"][0]["referral"].is_string(), "{call}");
    let id = opened(&open);
    here.ok(&take("call close").replace("k7qm2xpa", &id));
    let theirs = smex.json("watchfire call open --to askers --help-wanted take_over --json")["call"].as_str().expect("an id").to_owned();
    here.wait(&format!("watchfire call show {theirs}"));
    here.ok(&take("volunteer").replace("k7qm2xpa", &theirs));
    here.ok(&format!("watchfire volunteer {theirs} --withdraw"));
    here.all_refused(&[
        ("watchfire call show zzzz", 6, "error: there is no call `zzzz`\nhint: `watchfire call list` shows them"),
        (
            "watchfire call open --to askers --help-wanted take_ovr",
            2,
            "error: `take_ovr` is no code of `help-wanted`\nhint: did you mean `take_over`? `watchfire vocabulary help-wanted` shows all",
        ),
    ]);
}

/// Each asks the other about the person of the case that went between them.
fn duplicates(here: &Place, smex: &Place, take: &mut impl FnMut(&'static str) -> String) {
    let by = "--as omar --passphrase-file words";
    here.put("contact.toml", "channels = [{ kind = \"phone\", value = \"0093 701 234 567\" }, { kind = \"phone\", value = \"701\" }]\n");
    here.put("nobody.toml", "channels = [{ kind = \"telegram\", value = \"nobody\" }]\n");
    smex.ok("watchfire duplicate allow --with here --consent explicit --contact contact.toml");
    let unsigned = here.refused(&take("duplicate check"));
    assert_eq!(unsigned.0, Some(4), "{}", unsigned.1);
    let line = format!("{} {by}", take("duplicate check"));
    let (hit, miss) = (here.ok(&line), here.ok(&line.replace("contact.toml", "nobody.toml")));
    let like = |text: &str| text.split_once(": asked smex; `duplicate list` tells if").map(|(id, _)| id.len());
    assert_eq!((like(&hit), like(&miss)), (Some(8), Some(8)), "a hit is told no other than a miss: {hit}{miss}");
    smex.wait("watchfire duplicate list --json | grep -q '\"waits\"'");
    let found = smex.json("watchfire duplicate list --json")["found"].clone();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    has(&found[0], &["check", "peer", "state", "until", "allowed", "referrals"]);
    smex.ok(&format!("watchfire duplicate agree {}", found[0]["check"].as_str().expect("an id")));
    here.wait("watchfire duplicate list --json | grep -q '\"found\"'");
    has(&here.json("watchfire duplicate list --json"), &["found", "checks", "allowed", "answered"]);
    // The other way around, from a sealed contact that is opened for it.
    let case = here.json("watchfire inbox --all --json");
    let sealed = case.as_array().expect("referrals").iter().find_map(|one| {
        let id = one["referral"].as_str()?.to_owned();
        here.run(&format!("watchfire contact {id} --as amina --passphrase-file words")).status.success().then_some(id)
    });
    let sealed = sealed.expect("one came cold");
    here.ok(&format!("{} {by}", take("duplicate allow")));
    here.ok(&format!("watchfire duplicate allow {sealed} --with smex --consent verbal {by}"));
    for _ in 0..2 {
        smex.ok("watchfire duplicate check --to here --consent verbal --contact contact.toml");
    }
    here.wait("test \"$(watchfire duplicate list --json | grep -c '\"waits\"')\" = 2");
    let view = here.json("watchfire duplicate list --json");
    let id = |list: &str, at: usize, key: &str| view[list][at][key].as_str().expect("an id").to_owned();
    assert_eq!(view["found"][0]["allowed"].as_array().map(Vec::len), Some(2), "both are of that person: {view}");
    here.ok(&format!("{} {by}", take("duplicate agree").replace("k7qm2xpa", &id("found", 0, "check"))));
    here.ok(&format!("{} {by}", take("duplicate refuse").replace("k7qm2xpa", &id("found", 1, "check"))));
    here.ok(&format!("{} {by}", take("duplicate disallow").replace("k7qm2xpa", &id("allowed", 0, "allowed"))));
    for command in ["duplicate", "duplicate list"] {
        let lists = here.ok(&take(command));
        assert!(lists.contains("agreed") && lists.contains("refused") && lists.contains("may be matched"), "{lists}");
        assert!(!lists.contains("93701234567"), "{lists}");
    }
    let nobody = here.refused("watchfire duplicate check --to smex --consent explicit --contact words");
    assert!(nobody.0 == Some(2) && !nobody.1.contains("nobody guesses"), "{}", nobody.1);
}

/// The examples about referrals, from both sides.
fn referrals(here: &Place, smex: &Place, take: &mut impl FnMut(&'static str) -> String) {
    let case = CASE.replace("onward = false", "onward = true").replace("platforms = false", "platforms = true");
    here.put("case.toml", &case);
    smex.put("case.toml", &case);
    let stands = |at: &Place, id: &str, state: &str| {
        at.wait(&format!("test \"$(watchfire show {id} --json | grep -c '\"state\": \"{state}\"')\" = 1"));
    };
    let offered = |from: &Place, at: &Place, line: &str| {
        let id = from.json(&format!("{line} --json"))["referral"].as_str().expect("an id").to_owned();
        stands(at, &id, "delivered");
        id
    };
    // It comes to us, and is worked on until it is resolved.
    let id = offered(smex, here, "watchfire refer --file case.toml --to here");
    let with = |line: String| line.replace("k7qm2xpa", &id);
    here.ok(&take("inbox"));
    let timers = here.json(&(take("timers") + " --json"));
    has(&timers[0], &["referral", "peer", "side", "priority", "wait", "waits", "whose", "since", "due", "act", "rungs", "recorded"]);
    assert_eq!((&timers[0]["wait"], &timers[0]["whose"]), (&"acknowledgement".into(), &"us".into()));
    assert!(here.ok(&format!("watchfire timers {id}")).contains("for a person to open it"));
    assert!(here.json("watchfire inbox --json")[0]["due"].is_string());
    here.ok(&with(take("ack")));
    here.ok(&with(take("ask")));
    stands(smex, &id, "needs_info");
    smex.ok(&format!("watchfire answer {id} --text 'a mail service'"));
    here.ok(&with(take("accept")));
    stands(here, &id, "in_progress");
    here.ok(&with(take("progress")));
    let asked = here.json(&(with(take("platform open")) + " --json"));
    has(
        &asked,
        &["escalation", "referral", "platform", "channel", "references", "state", "opened", "pinged", "due", "answered", "outcome"],
    );
    let escalation = asked["escalation"].as_str().expect("an id").to_owned();
    stands(smex, &id, "waiting_platform");
    for command in ["platform", "platform list"] {
        assert!(here.ok(&take(command)).contains(&escalation));
    }
    here.ok(&take("platform ping").replace("k7qm2xpa", &escalation));
    here.ok(&take("platform answer").replace("k7qm2xpa", &escalation));
    assert!(here.ok(&format!("watchfire show {id}")).contains("asked facebook by web_form as 1-2938471 "));
    here.all_refused(&[(
        &format!("watchfire platform ping {escalation}"),
        1,
        "error: the platform is not waited for any more\nhint: `watchfire platform open` asks it for something else",
    )]);
    assert_eq!(here.ok(&take("campaigns")), "nothing is reported by several organisations\n");
    let on = with(take("pass-on")).replace("cedar", "smex");
    here.ok(&on);
    here.ok(&with(take("resolve")));
    stands(smex, &id, "resolved");
    // One is declined, one handed back.
    for (command, before) in [("decline", false), ("hand-back", true)] {
        let id = offered(smex, here, "watchfire refer --file case.toml --to here");
        here.ok(&format!("watchfire ack {id}"));
        if before {
            here.ok(&format!("watchfire accept {id}"));
            stands(here, &id, "in_progress");
        }
        here.ok(&take(command).replace("k7qm2xpa", &id));
        stands(smex, &id, if before { "handed_back" } else { "declined" });
    }
    // One goes from us, is withdrawn, and is offered again: then a person chooses.
    let line = take("refer").replace("borealis", "smex").replace(" --then cedar", "");
    let first = offered(here, smex, &line);
    here.ok(&format!("watchfire withdraw {first}"));
    stands(here, &first, "purged");
    let id = offered(here, smex, &format!("watchfire refer --again {first} --to smex"));
    smex.ok(&format!("watchfire ack {id}"));
    smex.ok(&format!("watchfire ask {id} --text 'since when?'"));
    stands(here, &id, "needs_info");
    here.ok(&take("answer").replace("k7qm2xpa", &id));
    smex.ok(&format!("watchfire accept {id}"));
    stands(here, &id, "accepted");
    here.ok(&take("choose").replace("k7qm2xpa", &id));
    stands(smex, &id, "in_progress");
    smex.ok(&format!("watchfire resolve {id} --outcome advice_given"));
    stands(here, &id, "resolved");
    here.ok(&take("review").replace("k7qm2xpa", &id));
    here.ok(&take("close").replace("k7qm2xpa", &id));
    stands(smex, &id, "closed");
}

/// Every command that has a help page, the top one aside.
fn commands() -> BTreeSet<String> {
    let expected = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expected/help.txt")).expect("the help pages");
    let names = expected.lines().filter_map(|line| line.strip_prefix("$ watchfire ")?.strip_suffix(" --help"));
    names.filter(|name| !name.trim().is_empty()).map(str::to_owned).collect()
}

/// Whether all these keys are there.
fn has(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "`{key}` is missing in {value}");
    }
}

#[test]
fn who_could_take_a_case_is_ranked_by_who_is_open_at_the_time_that_is_asked_about() {
    let (here, smex, amal) = (Place::node("here"), Place::node("smex"), Place::node("amal"));
    let card = here.ok("watchfire card");
    // One by day, one by night.
    let hours = [(&smex, "smex", "\"mon-sun 06:00-18:00\""), (&amal, "amal", "\"mon-sun 18:00-24:00\", \"mon-sun 00:00-06:00\"")];
    for (place, name, weekly) in hours {
        place.put("here.txt", &card);
        place.ok("watchfire peer add here.txt --name here");
        here.put("card.txt", &place.ok("watchfire card"));
        here.ok(&format!("watchfire peer add card.txt --name {name}"));
        let profile = "services = [\"incident_response_support\"]\n[hours]\ntime_zone = \"UTC\"\n";
        place.put("profile.toml", &format!("{profile}weekly = [{weekly}]\n"));
        place.ok("watchfire profile set profile.toml");
    }
    ["smex", "amal"].iter().for_each(|name| here.wait(&format!("watchfire profile show {name}")));
    let asked = "watchfire match --help-wanted take_over --priority emergency --at";
    // Who is ranked, and whether it is open or opens only later.
    let ranked = |at: &str| -> Vec<(String, bool, bool)> {
        let view = here.json(&format!("{asked} {at} --json"));
        let says = |one: &Value, which: &str, what: &str| {
            one[which].as_array().expect("a list").iter().any(|said| said.as_str().is_some_and(|said| said.starts_with(what)))
        };
        let one = |one: &Value| {
            let name = one["name"].as_str().expect("a name").to_owned();
            (name, says(one, "reasons", "is open"), says(one, "warnings", "opens only in 9 h"))
        };
        view["ranked"].as_array().expect("a list").iter().map(one).collect()
    };
    let (open, closed) = (|name: &str| (name.to_owned(), true, false), |name: &str| (name.to_owned(), false, true));
    assert_eq!(ranked("2027-03-03T09:00:00Z"), [open("smex"), closed("amal")]);
    assert_eq!(ranked("2027-03-03T21:00:00Z"), [open("amal"), closed("smex")]);
    let told = here.ok(&format!("{asked} 2027-03-03T21:00:00Z"));
    assert!(told.starts_with("1. amal (") && told.contains("\n2. smex (") && told.contains("opens only in 9 h"), "{told}");
    let (code, said) = here.refused(&format!("{asked} tonight"));
    assert!(code == Some(2) && said.contains("it is not a time"), "{said}");
}

#[test]
fn a_policy_is_shown_as_the_file_that_it_is_read_from_and_widens_on_somebodys_word_alone() {
    let (here, smex) = (Place::node("here"), Place::node("smex"));
    here.put("card.txt", &smex.ok("watchfire card"));
    here.ok("watchfire peer add card.txt --name smex");
    here.ok("watchfire group create newsletter --member smex");
    let policy =
        "[peers.smex]\ntlp_max = \"green\"\nnda = \"a \\\"b\\\"\"\nuntil = \"2099-06-30\"\n[groups.newsletter]\npap_max = \"amber\"\n";
    here.put("policy.toml", policy);
    here.ok("watchfire share evil-login.com --tlp amber --to smex");
    here.ok("watchfire policy activate policy.toml");
    let (shown, file) = (here.json("watchfire policy show --json"), here.ok("watchfire policy show --toml"));
    here.put("shown.toml", &file);
    assert!(here.ok("watchfire policy check shown.toml").starts_with("no audience would change"), "{file}");
    here.ok("watchfire policy activate shown.toml");
    let again = here.json("watchfire policy show --json");
    assert_eq!((&again["peers"], &again["groups"]), (&shown["peers"], &shown["groups"]), "{file}");
    here.put("open.toml", "");
    let widens = "error: somebody may have more than before, and the policy is not in force\nhint: look at it with `watchfire policy check`; `--widen` says yes to it";
    here.all_refused(&[("watchfire policy activate open.toml </dev/null", 3, widens)]);
    assert_eq!(here.json("watchfire policy show --json")["number"], again["number"]);
    assert!(here.ok("watchfire policy activate open.toml --widen").contains("smex may have 1 record"));
}

#[test]
fn warninglists_decide_as_soon_as_they_are_kept() {
    let (here, smex) = (Place::node("here"), Place::node("smex"));
    here.put("card.txt", &smex.ok("watchfire card"));
    here.ok("watchfire peer add card.txt --name smex");
    let list = |name: &str, host: &str| format!(r#"{{"name":"{name}","version":1,"type":"hostname","list":["{host}","not a host!"]}}"#);
    for (directory, name, host) in [("one", "Mine", "popular-site.com"), ("two", "Parking domains", "parked-site.com")] {
        std::fs::create_dir_all(here.path().join("lists").join(directory)).expect("a directory");
        here.put(&format!("lists/{directory}/list.json"), &list(name, host));
    }
    let kept = here.json("watchfire warninglist import lists --json");
    assert_eq!((kept[0]["name"].as_str(), kept[0]["severity"].as_str(), kept[0]["unused"].as_u64()), (Some("Mine"), Some("hold"), Some(1)));
    assert_eq!(kept[1]["severity"], "warn");
    let shared = here.ok("watchfire share popular-site.com --tlp amber --to smex");
    assert!(shared.starts_with("held       domain popular-site.com"), "{shared}");
    assert!(shared.contains("asks (1 record): it is `popular-site.com` of the warninglist `Mine`"), "{shared}");
    assert!(here.ok("watchfire holds").contains("a person's yes"), "whatever the settings say of time");
    here.ok("watchfire warninglist import lists/one/list.json --severity refuse");
    let judged = here.json("watchfire warninglist check popular-site.com 10.0.0.1 evil-login.com --json");
    let severities: Vec<_> = judged.as_array().expect("a list").iter().map(|one| one["severity"].as_str()).collect();
    assert_eq!(severities, [Some("refuse"), Some("refuse"), None]);
    let told = here.ok("watchfire warninglist check popular-site.com");
    assert_eq!(told, "refuse   domain popular-site.com\n         refuse: it is `popular-site.com` of the warninglist `Mine`\n");
    // Their files are the owner's alone, and what was said of a list stays where the list is.
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(here.path().join("node/warninglists").join(name)).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("severities.toml"), mode(kept[0]["file"].as_str().expect("a name"))), (0o700, 0o600, 0o600));
    assert!(here.ok("watchfire warninglist list").contains("refuse, set here"));
    here.ok("watchfire warninglist remove Mine");
    here.ok("watchfire share popular-site.com --tlp amber --to smex");
    here.put("cards.json", "{}");
    here.all_refused(&[
        ("watchfire warninglist remove Mine", 6, "error: there is no warninglist `Mine`\nhint: `watchfire warninglist list` shows them"),
        (
            "watchfire warninglist import cards.json",
            2,
            "error: `cards.json`: not a warninglist: `name` is missing or empty\nhint: a MISP warninglist is one object with `name`, `type` and `list`",
        ),
        (
            "watchfire warninglist import node/keys",
            2,
            "error: `node/keys` holds no warninglist\nhint: name a directory with `*.json` files, or one with directories that hold a `list.json`",
        ),
    ]);
}

#[test]
fn a_node_does_not_start_without_what_its_gate_is_told() {
    let mut here = Place::node("here");
    here.stop();
    here.all_refused(&[(
        "WATCHFIRE_GATE_DENY_LIST=staff.txt watchfire serve",
        2,
        "error: `HERE/node/staff.txt` cannot be used by the release gate: there is no such file\nhint: mend it, or change `gate.deny_list`, \
         then send SIGHUP to the node or start it",
    )]);
    here.put("node/victims.txt", "victim.org\nour best friend\n");
    here.all_refused(&[(
        "WATCHFIRE_GATE_VICTIMS=victims.txt watchfire serve",
        2,
        "error: `HERE/node/victims.txt` line 2 cannot be used by the release gate: it is no domain, address, e-mail address or telephone \
         number with its country\nhint: mend it, or change `gate.victims`, then send SIGHUP to the node or start it",
    )]);
}

#[test]
fn json_has_the_promised_keys() {
    let (here, smex) = (Place::node("here"), Place::node("smex"));
    smex.put("card.txt", &here.ok("watchfire card"));
    here.put("card.txt", &smex.ok("watchfire card"));
    here.put("pegasus.stix2", &std::fs::read_to_string(PEGASUS).expect("the example file"));
    smex.ok("watchfire peer add card.txt --name here");
    here.ok("watchfire peer add card.txt --name smex");
    has(&here.json("watchfire group create partners --member smex --community --json"), &["group_id"]);
    let import = here.json("watchfire import pegasus.stix2 --tlp green --to partners --json");
    has(&import, &["read", "released", "duplicate", "withheld", "invalid", "problems"]);
    assert_eq!((import["read"].as_u64(), import["released"].as_u64()), (Some(60), Some(60)));
    let again = here.json("cat pegasus.stix2 | watchfire import - --tlp green --to partners --json");
    assert_eq!((again["released"].as_u64(), again["duplicate"].as_u64()), (Some(0), Some(60)));
    let dry = here.json("printf 'new-lure.com\\n' | watchfire import - --format text --dry-run --tlp green --to partners --json");
    assert_eq!(dry["released"], 1);
    let dry = here.json("watchfire import pegasus.stix2 --dry-run --tlp green --to partners --json");
    assert_eq!((dry["released"].as_u64(), dry["duplicate"].as_u64()), (Some(0), Some(60)), "a dry run judges as the import would");
    smex.wait("watchfire lookup weather4free.com --json | grep -q exact");
    let status = here.json("watchfire status --json");
    has(&status, &["org_id", "version", "records", "logs", "peers"]);
    assert_eq!(status["records"]["indicator"], 60, "a dry run leaves nothing");
    has(&status["logs"][0], &["id", "author", "audience", "size", "head"]);
    has(&status["peers"][0], &["name", "org_id", "state", "behind", "ahead", "last_seen"]);
    let lookup = smex.json("watchfire lookup www.weather4free.com nothing.example --json");
    has(&lookup[0], &["query", "matches"]);
    has(&lookup[0]["matches"][0], &["record", "kind", "value", "author", "tlp", "match"]);
    assert_eq!((&lookup[0]["matches"][0]["match"], &lookup[0]["matches"][0]["author"]), (&"parent".into(), &status["org_id"]));
    assert_eq!(lookup[1]["matches"], Value::Array(vec![]));
    let share = here.json("watchfire share fresh-lure.com --tlp amber+strict --to smex --json");
    has(&share, &["released", "withheld"]);
    // Neither looks like what it is, and both are found by what they are.
    for (value, kind) in [("roleaccountd", "process_name"), ("login-mail.example", "domain")] {
        here.ok(&format!("watchfire share {value} --kind {kind} --tlp amber+strict --to smex"));
        smex.wait(&format!("watchfire lookup {value} --json | grep -q '\"kind\": *\"{kind}\"'"));
    }
    // The README's: a host under no known top-level domain, found by the URL on it.
    here.ok("watchfire share 'hxxps://login-mail[.]example/verify' --tlp amber --to smex");
    for host in ["login-mail.example", "'login-mail[.]example' --kind domain"] {
        smex.wait(&format!("watchfire lookup {host} --json | grep -q '\"on_host\"'"));
    }
    let failed = here.run("watchfire show nothing.example --json");
    let error: Value = serde_json::from_slice(&failed.stderr).expect("an error is JSON too");
    assert_eq!((failed.status.code(), &error["error"]), (Some(6), &"unknown-record".into()));
    has(&error, &["error", "message", "hint"]);
    let before = here.run("watchfire export stix --out before.stix2 && watchfire export text --tlp-max clear --out clear.txt");
    let said = String::from_utf8_lossy(&before.stderr).into_owned();
    let cursor = said.lines().find_map(|line| line.strip_prefix("cursor: ")).expect("an export ends with its cursor");
    here.wait("watchfire receipts weather4free.com --exports | grep -q 'stix '");
    here.ok("watchfire recall weather4free.com --reason mistake");
    let carried = here.json("watchfire receipts weather4free.com --exports --json");
    assert_eq!((carried.as_array().map(Vec::len), &carried[0]["format"], &carried[0]["gone"]), (Some(1), &"stix".into(), &Value::Null));
    let other = here.run("watchfire export text --since 1 --json");
    let error: Value = serde_json::from_slice(&other.stderr).expect("an error is JSON too");
    assert_eq!((other.status.code(), &error["error"]), (Some(2), &"unknown-cursor".into()));
    let since = here.run(&format!("watchfire export text --since={cursor} --json"));
    let told: Value = serde_json::from_slice(&since.stderr).expect("what it says is JSON too");
    has(&told, &["cursor", "removed"]);
    has(&told["removed"][0], &["record", "stix_id", "what"]);
    assert!(told["removed"][0].get("value").is_none(), "what was recalled has none any more: {told}");
    here.ok("watchfire export mvt --tlp-max green --out for-mvt && grep -q '\"indicator\"' for-mvt/00001.stix2");
    here.ok("watchfire export mvt --tlp-max green --out for-mvt && test $(ls for-mvt | wc -l) = 1");
    here.ok("watchfire export rpz --policy passthru --out watchfire.rpz && grep -q '^fresh-lure.com CNAME rpz-passthru.$' watchfire.rpz");
    here.ok("watchfire export lists | tar -tf - | grep -qx domain.txt");
    let left = here.run("watchfire export rpz --json >watchfire.rpz");
    let told: Value = serde_json::from_slice(&left.stderr).expect("JSON");
    has(&told["unsaid"][0], &["count", "kind", "why"]);
    let (code, other) = here.refused("mkdir mine && touch mine/x && watchfire export mvt --out mine");
    assert_eq!((code, other.starts_with("error: `mine` has files that no export made\nhint: ")), (Some(2), true), "{other}");
    here.ok("watchfire export stix --out after.stix2");
    here.wait("watchfire receipts weather4free.com | grep -q 'gone since'");
    smex.wait("watchfire lookup weather4free.com | grep -q 'not known'");
    here.wait("watchfire receipts weather4free.com | grep -q destroyed");
    has(&here.json("watchfire receipts weather4free.com --json")[0], &["peer", "outcome", "at"]);
    let dry = here.json("watchfire import pegasus.stix2 --dry-run --tlp green --to partners --json");
    assert_eq!((dry["duplicate"].as_u64(), dry["withheld"].as_u64()), (Some(59), Some(1)), "what was recalled is not shared again");
    let stix: Value = serde_json::from_str(&smex.ok("watchfire export stix --tlp-max green")).expect("a bundle");
    let indicators = stix["objects"].as_array().expect("objects").iter().filter(|object| object["type"] == "indicator").count();
    assert_eq!(indicators, 59, "what was recalled is not exported");
    assert_eq!(smex.ok("watchfire export text --tlp-max green").lines().count(), 59);
}

/// What an export writes to standard output, and what it tells beside it.
fn export(here: &Place, format: &str, since: Option<&str>) -> (Vec<u8>, Value) {
    let since = since.map(|cursor| format!(" --since={cursor}")).unwrap_or_default();
    let output = here.run(&format!("watchfire export {format}{since} --json"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{format}: {said}");
    let told = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{format}: {error}: {said}"));
    (output.stdout, told)
}

/// Which of these values stand in an export, as they are or as Suricata's lists have them.
fn within<const N: usize>(body: &[u8], values: [&str; N]) -> [bool; N] {
    let is_in = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
    values.map(|value| is_in(value) || is_in(&data_encoding::BASE64.encode(value.as_bytes())))
}

#[test]
fn an_export_since_a_cursor_has_what_is_new_alone_and_names_what_was_withdrawn() {
    let (here, smex) = (Place::node("here"), Place::node("smex"));
    smex.put("card.txt", &here.ok("watchfire card"));
    here.put("card.txt", &smex.ok("watchfire card"));
    smex.ok("watchfire peer add card.txt --name here");
    here.ok("watchfire peer add card.txt --name smex");
    // What has left, and stands in a log, is withdrawn and not merely dropped.
    let share = |value: &str| {
        here.ok(&format!("watchfire share {value} --tlp amber --to smex"));
        smex.wait(&format!("watchfire lookup {value} --json | grep -q exact"));
    };
    let formats: Vec<ExportFormat> = ExportFormat::ALL.into_iter().filter(|format| *format != ExportFormat::Atom).collect();
    let names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    let values = ["first-lure.com", "second-lure.com", "third-lure.com"];
    let cursor = |told: &Value| told["cursor"].as_str().expect("a cursor").to_owned();
    share(values[0]);
    share(values[1]);
    let mut cursors = BTreeMap::new();
    for format in &names {
        let (body, told) = export(&here, format, None);
        assert_eq!(within(&body, values), [true, true, false], "{format}");
        cursors.insert(*format, cursor(&told));
    }
    share(values[2]);
    for format in &names {
        let (body, told) = export(&here, format, Some(cursors[format].as_str()));
        assert_eq!((within(&body, values), &told["removed"]), ([false, false, true], &serde_json::json!([])), "{format}");
        cursors.insert(*format, cursor(&told));
    }
    here.ok("watchfire withdraw second-lure.com --reason mistake");
    let removed = |told: &Value| {
        let one = &told["removed"][0];
        (told["removed"].as_array().map(Vec::len), one["what"].clone(), one["value"].clone())
    };
    for format in &formats {
        let (body, told) = export(&here, format.name(), Some(cursors[format.name()].as_str()));
        assert_eq!(within(&body, values), [false, format.tells_withdrawn(), false], "{}", format.name());
        assert_eq!(removed(&told), (Some(1), "withdrawn".into(), values[1].into()), "{}", format.name());
    }
    let said = here.run(&format!("watchfire export lists --since={} >lists.tar", cursors["lists"]));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.lines().any(|line| line.starts_with("withdrawn  second-lure.com  ")), "{said}");
    // Whoever reads a list is not to take out what somebody else says.
    smex.ok("watchfire share second-lure.com --tlp amber --to here");
    here.wait("watchfire lookup second-lure.com --json | grep -q '\"author_name\": *\"smex\"'");
    let (body, told) = export(&here, "lists", Some(cursors["lists"].as_str()));
    assert_eq!((within(&body, values), removed(&told)), ([false, true, false], (Some(1), "withdrawn".into(), Value::Null)));
    for format in formats.iter().filter(|format| format.is_folder()).map(|format| format.name()) {
        let since = format!("--since={}", cursors[format]);
        here.ok(&format!("watchfire export {format} --out all-{format}"));
        let files = format!("cat all-{format}/* | sha256sum");
        let before = here.ok(&files);
        let refused = format!(
            "error: `all-{format}` holds an export, and what has not changed since would be taken out of it\nhint: name another folder, or leave `--since` out to write everything anew"
        );
        here.all_refused(&[(&format!("watchfire export {format} --out all-{format} {since}"), 2, &refused)]);
        assert_eq!(here.ok(&files), before, "{format}");
        here.ok(&format!("watchfire export {format} --out new-{format} {since}"));
    }
}

#[test]
fn what_is_shared_is_previewed_held_and_undone_from_the_command_line() {
    let (mut here, smex) = (Place::node("here"), Place::node("smex"));
    smex.put("card.txt", &here.ok("watchfire card"));
    here.put("card.txt", &smex.ok("watchfire card"));
    smex.ok("watchfire peer add card.txt --name here");
    here.ok("watchfire peer add card.txt --name smex");
    here.stop();
    here.hold_s = 3_600;
    here.serve("watchfire serve");
    let share = "watchfire share held-lure.com --note 'seen in June' --tlp amber --to smex";
    let dry = here.json(&format!("{share} --dry-run --json"));
    assert_eq!(here.ok("watchfire holds"), "nothing is held\n");
    let report = here.json(&format!("{share} --json"));
    let held = &report["held"][0];
    has(held, &["id", "audience_name", "recipients", "due", "state", "count", "labels", "digest"]);
    assert_eq!((&held["digest"], &held["state"]), (&dry["preview"][0]["digest"], &"held".into()));
    let id = held["id"].as_str().expect("an id").to_owned();
    let preview = here.json(&format!("watchfire preview {id} --json"));
    assert_eq!(preview["records"][0]["bytes"], dry["preview"][0]["records"][0]["bytes"]);
    let text = here.ok(&format!("watchfire preview {id}"));
    for said in
        ["recipients  smex\n", "1 indicator as TLP:AMBER, destroyed by all on ", "    value  held-lure.com\n", "    note   seen in June\n"]
    {
        assert!(text.contains(said), "{text}");
    }
    assert!(here.ok("watchfire holds").contains("its time"));
    assert!(here.ok("watchfire status").contains("held          1 record in 1 release, the oldest since "));
    let only_held = format!(
        "error: `held-lure.com` has not left yet: it is held in `{id}`\nhint: `watchfire undo {id}` drops that release without a trace"
    );
    here.all_refused(&[("watchfire recall held-lure.com --reason mistake", 6, &only_held)]);
    assert_eq!(here.ok(&format!("watchfire undo {id}")), "undone: 1 record to smex will not leave, and nobody learns of it\n");
    let gone = format!(
        "error: nothing is held as `{id}`\nhint: `watchfire holds` shows what is; what has left is taken back with `watchfire recall`"
    );
    here.all_refused(&[(&format!("watchfire undo {id}"), 6, &gone), (&format!("watchfire preview {id}"), 6, &gone)]);
    assert_eq!(here.ok("watchfire disclosures"), "nothing has left\n");
    here.ok(&format!("{share} --now"));
    smex.wait("watchfire lookup held-lure.com --json | grep -q exact");
    let line = here.json("watchfire disclosures --record held-lure.com --to smex --since 2026-01-01 --json");
    assert_eq!((&line[0]["now"], &line[0]["recipients"][0]["name"], &line[0]["count"]), (&true.into(), &"smex".into(), &1.into()));
    assert_eq!(here.ok("watchfire disclosures --record other-lure.com"), "no disclosure is like that\n");
}

#[test]
fn disclosures_are_exported_and_checked_where_no_node_is() {
    let (here, smex) = (Place::node("here"), Place::node("smex"));
    here.put("card.txt", &smex.ok("watchfire card"));
    here.ok("watchfire peer add card.txt --name smex");
    for value in ["one-lure.com", "two-lure.com", "three-lure.com"] {
        here.ok(&format!("watchfire share {value} --tlp amber --to smex"));
    }
    here.ok("watchfire disclosures --export all.jsonl && watchfire disclosures --export - >piped.jsonl && cmp all.jsonl piped.jsonl");
    let elsewhere = Place::new();
    let all = std::fs::read_to_string(here.path().join("all.jsonl")).expect("written");
    elsewhere.put("all.jsonl", &all);
    let said = elsewhere.ok("watchfire disclosures verify all.jsonl");
    assert_eq!(said, here.ok("watchfire disclosures verify"));
    let head = said.trim().rsplit(' ').next().expect("a head").to_owned();
    assert_eq!(said, format!("3 disclosures hold, each following the one before\nhead: {head}\n"));
    elsewhere.ok(&format!("watchfire disclosures verify - --head {head} <all.jsonl"));
    elsewhere.put("changed.jsonl", &all.replacen("amber", "clear", 3).replacen("clear", "amber", 1));
    let output = elsewhere.run("watchfire disclosures verify changed.jsonl");
    assert_eq!(output.status.code(), Some(7));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("the disclosures do not hold: position 2: "));
    let output = elsewhere.run(&format!("head -n 2 all.jsonl | watchfire disclosures verify - --head {head}"));
    assert_eq!(output.status.code(), Some(7), "a chain that was cut is told by its head alone");
    let bad = "error: `abc` is not the hash of a disclosure\nhint: `watchfire disclosures verify` prints the head as 64 hex digits";
    elsewhere.all_refused(&[("watchfire disclosures verify all.jsonl --head abc", 2, bad)]);
    let missing = "error: there is no file `nowhere.jsonl`\nhint: `-` reads standard input";
    elsewhere.all_refused(&[("watchfire disclosures verify nowhere.jsonl", 6, missing)]);
}

#[test]
fn a_backup_is_made_and_restored_from_the_command_line() {
    let mut here = Place::node("here");
    let smex = Place::node("smex");
    smex.put("card.txt", &here.ok("watchfire card"));
    here.put("card.txt", &smex.ok("watchfire card"));
    smex.ok("watchfire peer add card.txt --name here");
    here.ok("watchfire peer add card.txt --name smex");
    here.ok("watchfire share fresh-lure.com --tlp green --to smex");
    smex.wait("watchfire lookup fresh-lure.com --json | grep -q exact");
    assert!(here.ok("watchfire doctor --json").contains("none was ever made"));
    let recipient = here.ok("watchfire backup --new-identity backup.key").trim().to_owned();
    let made = here.json(&format!("watchfire backup --to {recipient} backup.age --json"));
    has(&made, &["taken", "org_id", "records", "logs", "entries", "out", "bytes", "to", "left_out"]);
    assert_eq!((&made["records"]["indicator"], &made["left_out"][0]), (&1.into(), &"keys/next-root.key".into()));
    assert!(here.ok("watchfire doctor --json").contains("the last one was made at"));
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(here.path().join(name)).expect("made").permissions().mode() & 0o777
    };
    assert_eq!((mode("backup.age"), mode("backup.key")), (0o600, 0o600));
    let refused = [
        (
            format!("watchfire backup --to {recipient} backup.age"),
            2,
            "error: `backup.age` is there already\nhint: choose another name, or replace it with `--force`",
        ),
        (format!("watchfire backup --to {recipient} node"), 2, "error: `node` is a directory\nhint: name a file in it"),
        (
            "watchfire backup --new-identity backup.key".into(),
            2,
            "error: `backup.key` is there already\nhint: choose another name; an identity is never overwritten",
        ),
        (
            "watchfire backup --to \"$(tail -n 1 backup.key)\" x.age".into(),
            2,
            "error: that is a secret key (AGE-SECRET-KEY-1…), and a recipient is a public one\nhint: give the `age1…` that stands in the identity file as `public key`; whoever could read the secret one just now can read every backup made to it, so make a new one",
        ),
        (
            "watchfire backup --to age1nonsense x.age".into(),
            2,
            "error: `age1nonsense` is not an age recipient: its checksum does not fit\nhint: copy it again, whole",
        ),
        ("watchfire backup x.age".into(), 2, "error: the following required arguments were not provided:\n  --to <AGE1…>"),
        (
            "watchfire restore backup.age --identity missing.key".into(),
            6,
            "error: there is no file `missing.key`\nhint: `-` reads standard input",
        ),
        (
            "watchfire restore missing.age --identity backup.key --data r".into(),
            6,
            "error: there is no file `missing.age`\nhint: `-` reads standard input",
        ),
        (
            "watchfire restore backup.age --identity backup.age --data r".into(),
            2,
            "error: `backup.age` is not a file of identities: it holds no identity\nhint: the file that `age-keygen`, or `watchfire backup --new-identity FILE`, has made is wanted",
        ),
        (
            "watchfire restore backup.age --identity backup.key".into(),
            4,
            "error: `HERE/node` is not empty\nhint: restore into a directory that does not exist yet, with `--data`; nothing is ever overwritten",
        ),
        (
            "watchfire restore backup.key --identity backup.key --data r".into(),
            1,
            "error: `backup.key` cannot be restored: it is not a file that age has encrypted",
        ),
        (
            "head -c 5000 backup.age | watchfire restore - --identity backup.key --data r".into(),
            1,
            "error: `-` cannot be restored: it is damaged, or cut off, after 0 bytes of content",
        ),
        ("watchfire restore - --identity - --data r".into(), 2, "error: only one of backup and identity can come from standard input"),
        ("watchfire restore --waive".into(), 1, "error: this node holds nothing back: it was not restored, or has gone on already"),
    ];
    here.all_refused(&refused.each_ref().map(|(line, code, said)| (line.as_str(), *code, *said)));
    assert!(!here.path().join("r").exists() && !here.path().join("x.age").exists(), "what was refused leaves nothing");
    here.ok(&format!("watchfire backup --to {recipient} backup.age --force"));
    here.ok(&format!("watchfire backup --to {recipient} - >piped.age && watchfire restore piped.age --identity backup.key --dry-run"));
    // A dry run changes nothing, not even beside itself.
    let everything = "find . ! -name '*.sock' ! -path './node/store/*' -type f | sort | xargs sha256sum";
    let before = here.ok(everything);
    let dry = here.json("watchfire restore backup.age --identity backup.key --data r --dry-run --json");
    has(&dry, &["dry_run", "org_id", "taken", "age_seconds", "records", "logs", "entries", "files", "left_out"]);
    assert_eq!((&dry["dry_run"], &dry["incarnation"], &dry["org_id"]), (&true.into(), &Value::Null, &made["org_id"]));
    assert!(here.ok(everything) == before && !here.path().join("r").exists());
    // Restored, it serves nothing until smex was heard.
    assert_eq!(here.stop(), Some(0));
    let at_rest = here.json(&format!("watchfire backup --to {recipient} at-rest.age --json"));
    assert_eq!(at_rest["entries"], made["entries"], "a node that does not run is backed up as well");
    here.ok("watchfire restore at-rest.age --identity backup.key --data restored && rm -rf node && mv restored node");
    let mut smex = smex;
    assert_eq!(smex.stop(), Some(0));
    here.serve("watchfire serve");
    assert!(here.ok("watchfire health").contains("restored: it serves and exports nothing yet"));
    let (code, first) = here.refused("watchfire export text");
    assert_eq!(
        (code, first.split(';').next()),
        (Some(3), Some("error: this node was restored and does not know yet what was recalled since"))
    );
    let looked_up = here.run("watchfire lookup fresh-lure.com");
    assert!(String::from_utf8_lossy(&looked_up.stderr).starts_with("note: this node was restored"), "what it finds is marked");
    assert!(here.ok("watchfire status").contains("not heard yet: smex"));
    assert!(here.ok("watchfire restore --waive").starts_with("this node serves and exports again\n"));
    assert_eq!(here.ok("watchfire export text"), "fresh-lure.com\n");
}

#[test]
fn exit_codes_say_what_kind_of_no_it_was() {
    let mut here = Place::node("here");
    let cases = [
        (
            "watchfire share",
            2,
            "error: the following required arguments were not provided:\n  --tlp <TLP>\n  --to <PEER|GROUP>\n  <VALUE>...",
        ),
        (
            "watchfire peer add node/watchfire.toml --name x",
            2,
            "error: this is not a card: no block between `-----BEGIN WATCHFIRE CARD-----` and `-----END WATCHFIRE CARD-----`\nhint: copy the whole block, both lines included",
        ),
        ("watchfire peer show nobody", 6, "error: no peer is called `nobody`\nhint: `watchfire peer list` shows them"),
        ("watchfire group show nothing", 6, "error: no group is called `nothing`\nhint: `watchfire group list` shows them"),
        (
            "watchfire share fresh-lure.com --tlp green --to nobody",
            6,
            "error: no peer or group is called `nobody`\nhint: `watchfire peer list` and `watchfire group list` show them",
        ),
        (
            "watchfire show a.example",
            6,
            "error: there is no record `a.example`\nhint: `watchfire lookup VALUE` shows the ids of records; they are each node's own, so ask others for the entry as LOG:POSITION, which is the same everywhere; referrals, calls, alerts and hand-overs are in `watchfire inbox`, `call list`, `alert list` and `handover list`",
        ),
        (
            "watchfire import missing.csv --tlp green --to nobody",
            6,
            "error: there is no file `missing.csv`\nhint: `-` reads standard input",
        ),
        (
            "watchfire import node/watchfire.toml --tlp green --to nobody",
            6,
            "error: no peer or group is called `nobody`\nhint: `watchfire peer list` and `watchfire group list` show them",
        ),
        (
            "watchfire init --name again",
            4,
            "error: `HERE/node` holds a node already\nhint: choose another directory with `--data`; an identity is never overwritten",
        ),
        (
            "watchfire serve",
            7,
            "error: the store in `HERE/node/store/watchfire.redb` is open in another process\nhint: stop `watchfire serve` first, or use a command that talks to it",
        ),
        (
            "watchfire restore --declare",
            7,
            "error: the store in `HERE/node/store/watchfire.redb` is open in another process\nhint: stop `watchfire serve` first, or use a command that talks to it",
        ),
        (
            "watchfire status --data elsewhere",
            4,
            "error: there is no node in `elsewhere`\nhint: `watchfire init` makes one; `--data` or $WATCHFIRE_DATA says where",
        ),
        (
            "watchfire health --data elsewhere",
            1,
            "error: there is no node in `elsewhere`\nhint: `watchfire init` makes one; `--data` or $WATCHFIRE_DATA says where",
        ),
        ("watchfire config check missing.toml", 6, "error: there is no file `missing.toml`\nhint: `-` reads standard input"),
        (
            "WATCHFIRE_LISTEN=x watchfire config show",
            2,
            "error: $WATCHFIRE_LISTEN: `listen` is `x`, which is not an address and port\nhint: `listen`: address and port that peers connect to, like 0.0.0.0:7443 or [::]:7443",
        ),
    ];
    here.all_refused(&cases);
    let cases = [
        ("watchfire import . --tlp green --to nobody", 2, "error: `.` is a directory\nhint: name a file in it"),
        ("watchfire export text --out nowhere/x", 2, "error: there is no directory `nowhere`\nhint: make it first, or write elsewhere"),
        ("watchfire export text --out .", 2, "error: `.` is a directory\nhint: name a file in it"),
        (
            "watchfire share a.com --to nobody --tlp purple",
            2,
            "error: invalid value 'purple' for '--tlp <TLP>': it is not a TLP label\nhint: choose clear, green, amber, amber+strict or red",
        ),
        (
            "watchfire share a.com --to nobody --tlp red --valid-until tomorrow",
            2,
            "error: invalid value 'tomorrow' for '--valid-until <TIME>': it is not a time\nhint: write it like 2027-01-31 or 2027-01-31T12:00:00Z",
        ),
        (
            "watchfire init --name a --listen foo",
            2,
            "error: invalid value 'foo' for '--listen <ADDR>': it is not an address and port\nhint: like 0.0.0.0:7443 or [::]:7443",
        ),
        (
            "watchfire init --name ''",
            2,
            "error: invalid value '' for '--name <NAME>': it is not a name\nhint: what people here call this node, like 'Helpline A'",
        ),
        (
            "watchfire init --name a --endpoint foo",
            2,
            "error: invalid value 'foo' for '--endpoint <HOST:PORT>': it is not host:port\nhint: like node.example.org:7443",
        ),
        (
            "watchfire lookup x --kind nothing",
            2,
            "error: invalid value 'nothing' for '--kind <KIND>'\n  [possible values: domain, url, ipv4, ipv6, ipv4_net, ipv6_net, email, file_name, file_path, md5, sha1, sha256, sha512, process_name, app_id, app_cert_hash, configuration_profile_id, android_property, phone_number, mutex, registry_key, user_agent, cryptocurrency_address, pattern]",
        ),
        ("watchfire peer add nofile --name x", 6, "error: there is no file `nofile`\nhint: `-` reads standard input"),
        ("watchfire join nofile", 6, "error: there is no file `nofile`\nhint: `-` reads standard input"),
        ("watchfire lookup ''", 2, ""),
        ("watchfire lookup 'no value' --kind domain", 2, ""),
    ];
    here.all_refused(&cases);
    let smex = Place::node("smex");
    here.put("card.txt", &smex.ok("watchfire card"));
    here.ok("watchfire peer add card.txt --name smex && watchfire peer remove smex");
    let not_suspended = "error: `smex` is not suspended\nhint: `watchfire peer show smex` tells where it stands";
    here.all_refused(&[("watchfire peer resume smex", 1, not_suspended)]);
    here.put("own.txt", &here.ok("watchfire card"));
    let us = here.json("watchfire status --json")["org_id"].as_str().expect("an id").to_owned();
    let remove_us = format!("watchfire group remove partners {us}");
    let cases = [
        (
            "watchfire peer confirm smex 1234",
            1,
            "error: `smex` is not waiting for its digits to be confirmed\nhint: `watchfire peer show smex` tells where it stands",
        ),
        (
            "watchfire peer add own.txt --name me",
            1,
            "error: that is this node's own card\nhint: give it to the other organisation, and use theirs here",
        ),
        (
            "watchfire peer add card.txt --name=-x",
            1,
            "error: that organisation is a peer already, called `smex`\nhint: `watchfire peer show smex` tells where it stands; to pair anew, `watchfire peer remove smex` on both sides first",
        ),
        (
            "watchfire group create smex --member smex",
            1,
            "error: `smex` is the name of another peer or group\nhint: choose another name; it is known here alone",
        ),
        (
            "watchfire group remove partners smex && watchfire group add partners nobody",
            6,
            "error: no peer is called `nobody`\nhint: `watchfire peer list` shows them",
        ),
        ("watchfire group leave partners", 1, "error: `partners` is ours\nhint: remove its members instead"),
        (&remove_us, 1, "error: a group keeps its owner\nhint: the deputy takes over when the owner is lost"),
        (
            "watchfire peer suspend smex && watchfire peer confirm smex 123456789012",
            1,
            "error: `smex` is not waiting for its digits to be confirmed\nhint: `watchfire peer show smex` tells where it stands",
        ),
        ("watchfire share fresh-lure.com --tlp red --to smex", 3, ""),
        (
            "watchfire group create more --member smex",
            1,
            "error: `smex` is not an open peer\nhint: `watchfire peer show smex` tells where it stands",
        ),
        (
            "watchfire peer resume smex && watchfire group add partners smex && watchfire share fresh-lure.com --tlp red --to partners",
            3,
            "",
        ),
        ("watchfire share fresh-lure.com --tlp green --to partners", 3, ""),
        ("watchfire share 'no value' --tlp amber --to partners", 2, ""),
        (
            "watchfire export text --kind x",
            2,
            "error: invalid value 'x' for '--kind <KIND>'\n  [possible values: domain, url, ipv4, ipv6, ipv4_net, ipv6_net, email, file_name, file_path, md5, sha1, sha256, sha512, process_name, app_id, app_cert_hash, configuration_profile_id, android_property, phone_number, mutex, registry_key, user_agent, cryptocurrency_address, pattern]",
        ),
    ];
    here.ok("watchfire peer add card.txt --name smex && watchfire group create partners --member smex");
    here.all_refused(&cases);
    for (name, members) in [("several", "--member smex smex"), ("each", "--member smex --member smex")] {
        here.ok(&format!("watchfire group create {name} {members}"));
    }
    assert_eq!(here.refused("watchfire group deputy partners").0, Some(2));
    here.ok("watchfire group deputy partners smex");
    assert!(here.ok("watchfire group deputy partners --none").contains("\ndeputy      none\n"));
    here.ok("watchfire group remove partners smex");
    let cases = [
        (
            "watchfire group remove partners nobody",
            6,
            "error: no member of `partners` is called `nobody`\nhint: `watchfire group show partners` shows them; one that is no peer has its id alone",
        ),
        (
            "watchfire group deputy partners smex",
            1,
            "error: `smex` is not a member of the group `partners`\nhint: `watchfire group add partners smex` makes it one",
        ),
    ];
    here.all_refused(&cases);
    for unknown in ["'no value' fresh-lure.com", "roleaboutd", "login-mail.example", "abcdefgh.onion", "fresh-lure.com --kind domain"] {
        assert_eq!(
            here.run(&format!("watchfire lookup {unknown}")).status.code(),
            Some(0),
            "that nothing is known of {unknown} is an answer"
        );
    }
    here.ok("watchfire group community partners yes");
    assert_eq!(here.run("watchfire share fresh-lure.com --tlp green --to partners").status.code(), Some(0));
    assert_eq!(here.stop(), Some(0));
    here.all_refused(&[("watchfire status", 1, "error: the node in `HERE/node` is not running\nhint: start it with `watchfire serve`")]);
}

/// The SHA-256 of the public key of a card's issuing CA, in hex: its SubjectPublicKeyInfo is the one of a P-256 key in it.
fn key_of(card: &str) -> String {
    use watchfire::model::{crypto::sha256, identity::Card};
    let card = Card::from_text(card).expect("a card");
    let der = &card.content().issuing_cas[0];
    let head = [&[0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01][..], &[0x06, 0x08, 0x2a]].concat();
    let at = der.windows(head.len()).position(|bytes| bytes == head).expect("a P-256 key");
    sha256(&[&der[at..at + 91]]).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_key_on_the_deny_list_ends_the_link_at_sighup_and_both_sides_say_why() {
    let (mut here, smex) = (Place::node("here"), Place::node("smex"));
    let card = smex.ok("watchfire card");
    here.put("card.txt", &card);
    smex.put("card.txt", &here.ok("watchfire card"));
    smex.ok("watchfire peer add card.txt --name here");
    here.ok("watchfire peer add card.txt --name smex");
    here.wait("watchfire peer show smex | grep -q connected");
    smex.wait("watchfire peer show here | grep -q connected");
    // A slip lets nobody in: what was in force stays, and the log says where it is.
    here.put("node/denied-keys.txt", "# stolen in May\nabc\n");
    here.hang_up("failed to reload", 1);
    let line = here.log().lines().find(|line| line.contains("failed to reload")).expect("said").to_owned();
    assert!(line.contains("code=\"bad-denied-key\" place=\"denied-keys.txt:2\""), "{line}");
    let doctor = here.run("watchfire doctor");
    let said = String::from_utf8_lossy(&doctor.stdout);
    let expected =
        format!("line 2 of `{}` is not the SHA-256 of a public key in hex\n", here.path().join("node/denied-keys.txt").display());
    assert!(doctor.status.code() == Some(1) && said.contains(&expected) && said.contains("hint: 64 hex digits to a line"), "{said}");
    here.put("node/denied-keys.txt", &format!("{}  # stolen in May\n", key_of(&card)));
    here.hang_up(" reloaded", 1);
    here.wait("watchfire peer show smex --json | grep -q '\"denied\"'");
    smex.wait("watchfire peer show here --json | grep -q '\"denied_there\"'");
    let org = here.json("watchfire peer show smex --json")["org_id"].as_str().expect("an id").to_owned();
    let problem = here.ok("watchfire peer show smex | sed -n 's/^problem *//p; s/^hint *//p'");
    let expected = format!(
        "the key that `{org}` shows is on the deny list\nif that was a mistake, take the key out of `denied-keys.txt` and send SIGHUP to the node\n"
    );
    assert_eq!(problem, expected);
    let problem = smex.ok("watchfire peer show here | sed -n 's/^problem *//p; s/^hint *//p'");
    let expected = "the other side refuses our key: it is denied, or its issuing CA was withdrawn\nsend it your current card, and ask its \
                    administrator\n";
    assert_eq!(problem, expected);
    here.wait(&format!("grep -q 'peer={org} code=\"denied\"' node.log"));
    assert!(here.ok("watchfire doctor --json || true").contains("1 key refused"));
    here.put("node/denied-keys.txt", "# none\n");
    here.hang_up(" reloaded", 2);
    here.wait("watchfire peer show smex | grep -q connected");
    // With a bad line the next start is refused, in the same words.
    here.put("node/denied-keys.txt", "abc\n");
    assert_eq!(here.stop(), Some(0));
    let expected = "error: line 1 of `HERE/node/denied-keys.txt` is not the SHA-256 of a public key in hex\nhint: 64 hex digits to a line, `#` begins a comment; mend the line, then send SIGHUP to the node or start it";
    here.all_refused(&[("watchfire serve", 2, expected)]);
}

#[test]
fn of_two_processes_that_start_on_one_store_the_second_is_refused_in_words() {
    let mut place = Place::new();
    place.ok("watchfire init --data node --name twice --listen 127.0.0.1:0");
    for _ in 0..3 {
        let start = || place.shell("exec watchfire serve").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut both = [start(), start()];
        let look = |_| {
            std::thread::sleep(Duration::from_millis(10));
            both.iter_mut().position(|child| child.try_wait().expect("it is ours").is_some())
        };
        let ended = (0..3_000).find_map(look).expect("one of the two ends");
        let [first, second] = both;
        let (refused, running) = if ended == 0 { (first, second) } else { (second, first) };
        let refused = refused.wait_with_output().expect("it has ended");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(7), "{said}");
        assert!(said.contains("is open in another process\nhint: stop `watchfire serve` first"), "{said}");
        place.served = Some(running);
        place.wait("watchfire health");
        assert_eq!(place.stop(), Some(0), "the other is well");
    }
}

#[test]
fn the_demo_succeeds_and_a_broken_node_makes_it_fail() {
    let here = Place::new();
    let told = here.json(&example("demo"));
    assert_eq!(told["ok"], true, "{told}");
    for step in told["steps"].as_array().expect("steps") {
        has(step, &["name", "ok", "seconds"]);
        assert_eq!(step["ok"], true, "{step}");
    }
    for (broken, at) in [("--break --patience 2", "share indicators"), ("--break=clock --patience 10", "nobody answers")] {
        let broken = here.run(&format!("watchfire demo --json {broken}"));
        assert_eq!(broken.status.code(), Some(1));
        let told: Value = serde_json::from_slice(&broken.stdout).expect("JSON");
        assert_eq!(told["ok"], false, "{told}");
        let last = told["steps"].as_array().and_then(|steps| steps.last()).expect("a step");
        assert_eq!((&last["name"], &last["ok"]), (&Value::from(at), &Value::Bool(false)), "{told}");
    }
}

const RUNG: &str = "[{ after = \"1h\", act = \"tell_leads\" }]";

#[test]
fn a_timetable_with_a_slip_is_told_at_sighup_and_by_the_doctor_and_the_one_before_stays() {
    let (mut here, smex) = (Place::node("here"), Place::node("smex"));
    here.put("card.txt", &smex.ok("watchfire card"));
    smex.put("card.txt", &here.ok("watchfire card"));
    smex.ok("watchfire peer add card.txt --name here");
    here.ok("watchfire peer add card.txt --name smex");
    smex.put("case.toml", CASE);
    smex.wait("watchfire peer show here | grep -q connected");
    let id = smex.json("watchfire refer --file case.toml --to here --json")["referral"].as_str().expect("an id").to_owned();
    here.wait(&format!("watchfire show {id}"));
    let rungs = |at: &Place| at.json(&format!("watchfire timers {id} --json"))[0]["rungs"].clone();
    let ladder = |text: &str| format!("[urgent]\nacknowledgement = [{text}]\n");
    here.put("node/timers.toml", &ladder("{ after = \"1h\", act = \"tell_leads\" }"));
    here.hang_up(" reloaded", 1);
    assert_eq!(rungs(&here), 1);
    here.put("node/timers.toml", &ladder("\n{ after = \"1h\", act = \"tell_leads\" },\n{ after = \"2h\", act = \"shout\" }"));
    here.hang_up("failed to reload", 1);
    let line = here.log().lines().find(|line| line.contains("failed to reload")).expect("said").to_owned();
    assert!(line.contains("code=\"bad-timers\" place=\"timers.toml:4\""), "{line}");
    assert_eq!(rungs(&here), 1, "what was in force stays");
    // A second slip hides no first one.
    here.put("node/denied-keys.txt", "abc\n");
    here.hang_up("place=.denied-keys.txt:1", 1);
    here.wait("test $(grep -c 'place=.timers.toml:4' node.log) -ge 2");
    here.ok("rm node/denied-keys.txt");
    let doctor = here.run("watchfire doctor");
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let told = format!("`{}` is no timetable: line 4: ", here.path().join("node/timers.toml").display());
    assert!(doctor.status.code() == Some(1) && said.contains(&told), "{said}");
    // A peer is called by its name, and one that is nobody's is a slip as another.
    let called = |name: &str| format!("[peers.smex.urgent]\nacknowledgement = []\n[peers.{name}.normal]\n").replace("[]", RUNG);
    here.put("node/timers.toml", &called("smex"));
    here.hang_up(" reloaded", 2);
    assert_eq!(rungs(&here), 1);
    let checked = here.ok("watchfire config check");
    assert!(checked.ends_with("is not looked at here, but by `watchfire doctor`: smex\n"), "{checked}");
    assert!(String::from_utf8_lossy(&here.run("watchfire doctor").stdout).contains("`timers.toml` can be used"));
    here.put("node/timers.toml", &called("cedar"));
    here.hang_up("failed to reload.* place=.timers.toml:3", 1);
    assert_eq!(here.json("watchfire config check --json")["names"], serde_json::json!(["cedar", "smex"]));
    let said = String::from_utf8_lossy(&here.run("watchfire doctor").stdout).into_owned();
    assert!(said.contains("is no timetable: line 3: `peers.cedar`: no peer is called so"), "{said}");
    here.ok("mkdir node/vocabularies");
    here.put("node/vocabularies/outcome.toml", "name = 3\n");
    let said = String::from_utf8_lossy(&here.run("watchfire doctor").stdout).into_owned();
    assert!(said.contains("outcome.toml` is not a value list: line 1: "), "{said}");
    here.hang_up("code=.bad-vocabulary. place=.outcome.toml:1", 1);
    assert!(
        here.ok("watchfire vocabulary outcome 2> told").contains("code = \"resolved_fully\""),
        "the shipped list helps to put it right"
    );
    assert!(here.ok("cat told").contains("outcome.toml` is not a value list: line 1: "));
    assert_eq!(here.run("watchfire vocabulary").status.code(), Some(2));
    here.ok("rm -r node/vocabularies node/timers.toml");
    let said = String::from_utf8_lossy(&here.run("watchfire doctor").stdout).into_owned();
    assert!(
        said.contains("there is no `timers.toml`") && !said.contains("is no timetable") && !said.contains("is not a value list"),
        "{said}"
    );
    assert_eq!(here.stop(), Some(0));
}

#[test]
fn the_doctor_finds_a_channel_that_is_dead() {
    let mut here = Place::node("here");
    let said = |here: &Place| String::from_utf8_lossy(&here.run("watchfire doctor").stdout).into_owned();
    assert!(said(&here).contains("nobody is told that something waits: there is no channel"));
    here.stop();
    // A port that was free a moment ago, and on which nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let settings = std::fs::read_to_string(here.path().join("node/watchfire.toml")).expect("settings");
    let channel = |name: &str, rest: &str| format!("\n[[notify.channel]]\nname = \"{name}\"\n{rest}\n");
    let mail = format!("kind = \"email\"\nserver = \"{closed}\"\nsecurity = \"plain\"\nfrom = \"a@x.org\"\nto = [\"b@x.org\"]");
    let more = channel("mail", &mail)
        + &channel("page", "kind = \"command\"\nprogram = \"/nowhere/page\"")
        + &channel("good", "kind = \"command\"\nprogram = \"/bin/true\"");
    here.put("node/watchfire.toml", &(settings + &more));
    let doctor = here.run("watchfire doctor");
    assert_eq!(doctor.status.code(), Some(1));
    let lines: Vec<Vec<String>> = said(&here).lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    let has = |line: &str| lines.iter().any(|words| words.join(" ").starts_with(line));
    assert!(has("bad channel mail nobody answers there"), "{lines:?}");
    assert!(has("bad channel page the program cannot be started"), "{lines:?}");
    assert!(has("ok channel good its program can be run"), "{lines:?}");
    assert!(
        has("hint: docs/notifications.md says what a channel of kind email needs; `watchfire notify test mail` tries it whole"),
        "{lines:?}"
    );
}
