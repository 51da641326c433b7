//! A person is asked, slips, stops and goes on.

use super::*;
use crate::cli::referral::refer;
use crate::node::referral::ReferRequest;

/// What comes of these answers, in a directory in which nothing was kept before, or goes on with what was.
fn ask(directory: &std::path::Path, kept: Option<&str>, typed: &str) -> (io::Result<Begun>, String) {
    let lists = crate::node::vocabulary::load(std::path::Path::new("nowhere")).unwrap();
    let peers = ["borealis".to_owned(), "cedar".to_owned()];
    let mut begun = match kept {
        Some(file) => Begun::of(file, &std::fs::read_to_string(file).unwrap()).unwrap().unwrap(),
        None => Begun::new(directory, &QUESTIONS),
    };
    let (mut shown, today) = (Vec::new(), "2026-11-27T09:00:00Z".parse().unwrap());
    let entry_of = |what: &str, to: &[String]| match what {
        "evil.example.org" if *to == peers => Ok(EntryHash([7; 32])),
        _ => Err(format!("`{what}` is in no log that they read\nhint: share it")),
    };
    let mut wizard =
        Wizard { from: typed.as_bytes(), to: &mut shown, lists: &lists, today, peers: &peers, contact: false, entry_of: &entry_of };
    let done = wizard.case(&mut begun).map(|()| begun);
    (done, String::from_utf8(shown).unwrap())
}

fn case_of(begun: &Begun) -> ReferRequest {
    refer::read("case", &begun.written()).unwrap_or_else(|problem| panic!("{}", problem.detail))
}

/// Answers to everything up to the consent.
const WHAT: &str = "T-2026-113\n1\ncedar\nyes\n\n\n1 malware\nnormal\nno\nyes\nclicked\n\njournalist\nmiddle_east_north_africa\n\nar fr\n\
                    take_over forensic_analysis\n\nIt was taken over.\nOn Monday.\n\n\nyes\nwomen\nno\n\nyes\nvouched\n2\n2026-11-20\n\npassed\n";
const CONSENT: &str = "yes\nverbal\ntoday\nintermediary\n2027-05-27\nno\nno\nyes\nno\nsignal\n";

fn only_file(directory: &std::path::Path) -> String {
    let all: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1);
    all[0].display().to_string()
}

#[test]
fn answers_make_a_case_that_can_be_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{CONSENT}"));
    let case = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}")));
    assert_eq!((case.to.as_slice(), case.candidates.as_slice()), (&["borealis".to_owned()][..], &["cedar".to_owned()][..]));
    assert_eq!((case.reference.as_str(), case.automatic, case.recipients), ("T-2026-113", true, vec!["borealis".into(), "cedar".into()]));
    let offer = serde_json::to_value(&case.offer).unwrap();
    let expected = serde_json::json!({
        "nature": "reactive", "incident_types": ["account_compromise", "malware"], "priority": "normal", "physical_danger": false,
        "ongoing": true, "interacted": ["clicked"], "subject": offer["subject"], "requester_kind": "individual",
        "beneficiary_type": "journalist", "region": "middle_east_north_africa", "languages": [{"tag": "ar"}, {"tag": "fr"}],
        "vulnerability": ["women"],
        "consent": {
            "basis": "verbal", "onward": false, "platforms": true, "indicators_only": false, "statistics": false,
            "obtained": "2026-11-27T00:00:00.000Z", "obtained_by": "intermediary", "expires": "2027-05-27T00:00:00.000Z",
            "revocation_channel": "signal",
        },
        "vetting": {"method": "vouched", "result": "passed", "vouched_by": 2, "date": "2026-11-20T00:00:00.000Z"},
        "help_wanted": ["take_over", "forensic_analysis"], "summary": "It was taken over.\nOn Monday.", "hand_over": "warm",
    });
    assert_eq!(offer, expected, "{shown}");
    assert_eq!(case.offer.check(), Ok(()));
    assert_eq!(only_file(directory.path()), directory.path().join("case-T-2026-113.toml").display().to_string());
}

#[test]
fn what_is_attached_is_asked_where_somebody_wants_it() {
    let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = files.path().join("mail of amina.eml");
    std::fs::write(&file, "abc").unwrap();
    let (file, place) = (file.display().to_string(), files.path().display().to_string());
    let said = format!(
        "women\nno\nevidence pictures\nuntil, Evidence indicators campaign\n{place}\n{place}/none\n{file}\nemial\nemail\n{file}\n\n\
         other.example.org\nevil.example.org evil.example.org\nPegasus\n2026-11-27\n2026-12-10\n"
    );
    let typed = format!("{}{CONSENT}", WHAT.replacen("women\nno\n\n", &said, 1));
    let (begun, shown) = ask(directory.path(), None, &typed);
    let offer = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let expected = serde_json::json!([{"kind": "email", "sha256": abc, "size": 3}]);
    assert_eq!(serde_json::to_value(&offer.evidence).unwrap(), expected);
    assert_eq!((offer.indicators.as_slice(), offer.campaign.as_str()), (&[EntryHash([7; 32])][..], "Pegasus"));
    assert_eq!(offer.expires.map(|day| day.to_string()).as_deref(), Some("2026-12-10T00:00:00.000Z"));
    for told in [
        "`pictures` is none of them\nhint: some of evidence, indicators, campaign, until, or Enter",
        "cannot be read: it is no file\nhint: the path of a file",
        &format!("3 bytes, SHA-256 {abc}"),
        "`emial` is no code of `evidence-kind`\nhint: did you mean `email`?",
        "that piece is there already",
        "`other.example.org` is in no log that they read\nhint: share it",
        "that day has come already",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let kept = std::fs::read_to_string(only_file(directory.path())).unwrap();
    assert!(!kept.contains("amina"), "a file's name may be somebody's: {kept}");
    // Who is interrupted after a piece goes on with the next.
    let directory = tempfile::tempdir().unwrap();
    let until_kind = typed.split_inclusive("\nemail\n").next().unwrap();
    assert!(ask(directory.path(), None, until_kind).0.is_err());
    let rest = typed.split_once("\nemail\n").unwrap().1;
    let (begun, shown) = ask(directory.path(), Some(&only_file(directory.path())), rest);
    let again = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
    assert_eq!(again.evidence, offer.evidence);
    assert!(!shown.contains("Anything else"), "{shown}");
}

#[test]
fn a_slip_is_told_at_once_with_the_way_out_and_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let slips = [
        ("T-2026-113\n1", "T-2026-113\n9\n1", "`9` is none of them\nhint: one of borealis, cedar, or its number"),
        ("africa\n\nar", "africa\nuk\nXX\n\nar", "`UK` is no country\nhint: did you mean `GB`?"),
        ("malware", "malwar\n1 malware", "`malwar` is no code of `incident-type`\nhint: did you mean `malware`?"),
        ("\nno\nyes\nclicked", "\nmaybe\nno\nyes\nclicked", "hint: yes, no, or Enter where it is not known"),
        ("ar fr", "arabic\nar fr", "`arabic` is no language\nhint: a tag of BCP 47"),
        ("2026-11-20", "2026-12-20\n20.11.2026\n2026-11-20", "that day has not come\nhint: a day until today"),
        ("2026-11-20", "20.11.2026\n2026-11-20", "`20.11.2026` is no day\nhint: write it like 2026-11-27"),
        ("journalist", "\njournalist", "an answer is needed\nhint: a number from 1 to "),
    ];
    for (right, slip, told) in slips {
        let (begun, shown) = ask(directory.path(), None, &format!("{}{CONSENT}", WHAT.replacen(right, slip, 1)));
        assert!(shown.contains(told), "{told}: {shown}");
        assert_eq!(case_of(&begun.expect(told)).offer.priority, crate::model::referral::Priority::Normal);
    }
}

#[test]
fn no_answer_about_the_consent_is_made_up() {
    let directory = tempfile::tempdir().unwrap();
    let answers: Vec<&str> = CONSENT.lines().collect();
    for at in 0..answers.len() {
        let mut with_enter = answers.clone();
        with_enter.insert(at, "");
        let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{}\n", with_enter.join("\n")));
        assert_eq!(shown.matches("hint: ").count(), 1, "Enter is no answer to question {at} of the consent: {shown}");
        assert!(begun.is_ok());
        let (begun, _) = ask(directory.path(), None, &format!("{WHAT}{}", answers[..at].join("\n")));
        assert!(begun.is_err());
    }
}

#[test]
fn whatever_was_answered_when_it_ended_is_not_asked_again() {
    let all = format!("{WHAT}{CONSENT}");
    let lines: Vec<&str> = all.lines().collect();
    // The gate of a group, and lines of one text, are no answers of their own.
    let mut whole = 0;
    for at in 1..lines.len() {
        let directory = tempfile::tempdir().unwrap();
        let (begun, _) = ask(directory.path(), None, &(lines[..at].join("\n") + "\n"));
        assert!(begun.is_err(), "{at}");
        let file = only_file(directory.path());
        let kept = std::fs::read_to_string(&file).unwrap();
        let error = refer::read(&file, &kept).expect_err("it is not whole").detail;
        assert!(error.contains("is not filled in"), "{error}");
        let (begun, shown) = ask(directory.path(), Some(&file), &(lines[at..].join("\n") + "\n"));
        if let Ok(begun) = begun {
            whole += usize::from(case_of(&begun).offer.vetting.is_some_and(|vetting| vetting.vouched_by == 2));
        } else {
            assert!((20..=22).contains(&at) || lines[at - 1] == "yes", "{at}: {shown}");
        }
    }
    assert!(whole >= lines.len() - 5, "{whole} of {}", lines.len());
}

#[test]
fn all_that_an_offer_says_is_asked_or_left_to_the_file() {
    const LEFT: [&str; 1] = ["offer.incident_week"];
    let template: String = refer::TEMPLATE.lines().map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n").collect();
    let fields = template.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned());
    let known: Vec<&str> = QUESTIONS.iter().chain(&LEFT).flat_map(|field| field.split('.')).collect();
    for field in fields.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) {
        assert!(known.contains(&field.as_str()) || field == "earlier", "{field}");
    }
}
