//! A person is asked, slips, stops and goes on.

use super::*;
use crate::cli::referral::refer;
use crate::model::OrgId;
use crate::node::profile::{ExcludedView, RankedView};
use crate::node::referral::ReferRequest;
use crate::node::view::MemberView;
use std::cell::RefCell;
use std::path::Path;

const PEERS: [&str; 2] = ["borealis", "cedar"];

/// What comes of these answers where nobody can be ranked.
fn ask(directory: &Path, kept: Option<&str>, typed: &str) -> (io::Result<Begun>, String) {
    ask_ranked(directory, kept, typed, &PEERS, &|_| Err("the node is busy".into()))
}

/// What comes of these answers, in a directory in which nothing was kept before, or goes on with what was.
fn ask_ranked(directory: &Path, kept: Option<&str>, typed: &str, peers: &[&str], rank: &Rank<'_>) -> (io::Result<Begun>, String) {
    let lists = crate::node::vocabulary::load(Path::new("nowhere")).unwrap();
    let peers: Vec<String> = peers.iter().map(|&peer| peer.to_owned()).collect();
    let mut begun = match kept {
        Some(file) => Begun::of(file, &std::fs::read_to_string(file).unwrap()).unwrap().unwrap(),
        None => Begun::new(directory, &QUESTIONS),
    };
    let (mut shown, today) = (Vec::new(), "2026-11-27T09:00:00Z".parse().unwrap());
    let entry_of = |what: &str, to: &[String]| match what {
        "evil.example.org" if *to == peers => Ok(EntryHash([7; 32])),
        _ => Err(format!("`{what}` is in no log that they read\nhint: share it")),
    };
    let (from, contact) = (typed.as_bytes(), false);
    let mut wizard = Wizard { from, to: &mut shown, lists: &lists, today, peers: &peers, rank, contact, entry_of: &entry_of };
    let done = wizard.case(&mut begun).map(|()| begun);
    (done, String::from_utf8(shown).unwrap())
}

fn case_of(begun: &Begun) -> ReferRequest {
    refer::read("case", &begun.written()).unwrap_or_else(|problem| panic!("{}", problem.detail))
}

/// The answers of an everyday case, each to one question.
const EVERYDAY: [&str; 14] = [
    "account_compromise",
    "take_over",
    "",
    "no",
    "journalist",
    "middle_east_north_africa",
    "ar",
    "borealis",
    // A text ends with an empty line.
    "It was taken over.\n",
    "yes",
    "verbal today handler",
    "none",
    "none none",
    "",
];

/// Answers to everything up to the consent.
const WHAT: &str = "1 malware\ntake_over forensic_analysis\nnormal\nno\njournalist\nmiddle_east_north_africa\nar fr\nborealis\n\
                    It was taken over.\nOn Monday.\n\n";
const CONSENT: &str = "yes\nverbal today intermediary\nplatforms\n2027-05-27 signal\n";
/// What is said otherwise than it stands.
const OTHERWISE: &str = "reference candidates 5 interacted vulnerability vetting\nT-2026-113\ncedar\nyes\nyes\nyes\nclicked\nwomen\n\
                         vouched\n2\n2026-11-20\n\npassed\n";

fn only_file(directory: &Path) -> String {
    let all: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1);
    all[0].display().to_string()
}

#[test]
fn an_everyday_case_takes_fourteen_answers() {
    let directory = tempfile::tempdir().unwrap();
    let typed = EVERYDAY.join("\n") + "\n";
    let (begun, shown) = ask(directory.path(), None, &typed);
    let begun = begun.unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert!(!shown.contains("hint: "), "{shown}");
    let case = case_of(&begun);
    assert_eq!((case.to.as_slice(), case.recipients.as_slice()), (&["borealis".to_owned()][..], &["borealis".to_owned()][..]));
    assert_eq!((case.candidates.len(), case.automatic, case.tlp, case.reference.as_str()), (0, false, crate::model::Tlp::AmberStrict, ""));
    let offer = serde_json::to_value(&case.offer).unwrap();
    let expected = serde_json::json!({
        "nature": "reactive", "incident_types": ["account_compromise"], "priority": "urgent", "physical_danger": false,
        "subject": offer["subject"], "requester_kind": "individual", "beneficiary_type": "journalist",
        "region": "middle_east_north_africa", "languages": [{"tag": "ar"}],
        "consent": {
            "basis": "verbal", "onward": false, "platforms": false, "indicators_only": false, "statistics": false,
            "obtained": "2026-11-27T00:00:00.000Z", "obtained_by": "handler",
        },
        "help_wanted": ["take_over"], "summary": "It was taken over.", "hand_over": "warm",
    });
    assert_eq!(offer, expected, "{shown}");
    assert_eq!(case.offer.check(), Ok(()));
}

#[test]
fn answers_make_a_case_that_can_be_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{CONSENT}{OTHERWISE}"));
    let case = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}")));
    assert_eq!((case.to.as_slice(), case.candidates.as_slice()), (&["borealis".to_owned()][..], &["cedar".to_owned()][..]));
    assert_eq!((case.reference.as_str(), case.automatic, case.recipients), ("T-2026-113", true, PEERS.map(str::to_owned).to_vec()));
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
}

#[test]
fn whatever_was_asked_one_by_one_can_be_said_still() {
    let directory = tempfile::tempdir().unwrap();
    let others = "tlp nature requester_kind platforms steps_taken hand_over do_not_use safe_times causes services devices deadline campaign expires\n\
                  red\npreventative\nalert\ntelegram\nA reset.\n\nno\nyes\nsms\nat noon\nprivacy\nscanning\nrouter\n2026-12-24\n\
                  Wrennock\n2026-12-10\n";
    let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{CONSENT}{others}"));
    let case = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}")));
    assert!(shown.contains("for a cold hand-over the partner needs a contact\nhint: Ctrl-C ends this; "), "{shown}");
    assert_eq!(case.tlp, crate::model::Tlp::Red);
    let offer = serde_json::to_value(&case.offer).unwrap();
    for (field, value) in [
        ("nature", serde_json::json!("preventative")),
        ("requester_kind", "alert".into()),
        ("platforms", serde_json::json!(["telegram"])),
        ("steps_taken", "A reset.".into()),
        ("hand_over", "warm".into()),
        ("do_not_use", serde_json::json!(["sms"])),
        ("safe_times", "at noon".into()),
        ("causes", serde_json::json!(["privacy"])),
        ("services", serde_json::json!(["scanning"])),
        ("devices", serde_json::json!(["router"])),
        ("deadline", "2026-12-24T00:00:00.000Z".into()),
        ("campaign", "Wrennock".into()),
        ("expires", "2026-12-10T00:00:00.000Z".into()),
    ] {
        assert_eq!(offer[field], value, "{field}");
    }
}

fn ranked(rank: u64, name: &str, score: u32) -> RankedView {
    let (reasons, warnings) = (vec!["does take over".into(), format!("{name} is open")], vec!["says nothing of capacity".into()]);
    let confirmed = "2026-09-01T00:00:00Z".parse().unwrap();
    RankedView { rank, org_id: OrgId([1; 32]), name: name.into(), score, reasons, warnings, confirmed, stale: name == "borealis" }
}

#[test]
fn who_could_take_it_is_shown_for_exactly_that_case_before_it_is_asked_to_whom() {
    let needs = RefCell::new(Vec::new());
    let rank = |need: &NeedRequest| {
        needs.borrow_mut().push(serde_json::to_value(need).unwrap());
        let excluded = vec![ExcludedView { org_id: OrgId([3; 32]), name: "dana".into(), why: "takes no new cases".into() }];
        let unknown = vec![MemberView { org_id: OrgId([4; 32]), name: Some("elm".into()) }];
        Ok(MatchView { ranked: vec![ranked(1, "cedar", 900), ranked(2, "borealis", 410)], excluded, unknown })
    };
    let directory = tempfile::tempdir().unwrap();
    let peers = ["borealis", "cedar", "dana", "elm"];
    // Nobody is chosen by Enter, and whoever takes none by no number.
    let typed = format!("{WHAT}{CONSENT}candidates\n2 dana\nno\nyes\n");
    let typed = typed.replacen("middle_east_north_africa", "lb", 1).replacen("\nborealis\n", "\n\n4\n1\n", 1);
    let (begun, shown) = ask_ranked(directory.path(), None, &typed, &peers, &rank);
    let case = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}")));
    let list = "Who could take it, the best first (0 to 1,000); nothing of the case has left:\n\
                \x20  1  cedar (900)\n      + does take over; cedar is open\n      - says nothing of capacity\n\
                \x20  2  borealis (410, profile of 2026-09-01T00:00:00Z)\n      + does take over; borealis is open\n      - says nothing of capacity\n\
                \x20  3  elm: has told no profile\n   -  dana: takes no new cases\nTo which partner?";
    assert!(shown.contains(list), "{shown}");
    for told in
        ["at least one is needed\nhint: a number or a name", "`4` is none of them\nhint: one of borealis, cedar, dana, elm, or its number"]
    {
        assert!(shown.contains(told), "{shown}");
    }
    // Who comes next is ranked alike, without whom it goes to.
    assert!(shown.contains("\n   1  borealis (410, ") && shown.contains("\n   2  elm: "), "{shown}");
    assert_eq!((case.to, case.candidates), (vec!["cedar".to_owned()], vec!["elm".to_owned(), "dana".to_owned()]));
    assert_eq!(case.recipients, ["cedar", "elm", "dana"]);
    let expected = serde_json::json!({
        "incident_types": ["account_compromise", "malware"], "help_wanted": ["take_over", "forensic_analysis"], "services": [],
        "beneficiary": "journalist", "region": "middle_east_north_africa", "country": "LB", "languages": ["ar", "fr"],
        "priority": "normal", "platforms": [],
    });
    assert_eq!(*needs.borrow(), [expected.clone(), expected]);
}

#[test]
fn where_nobody_can_be_ranked_all_are_listed_and_that_is_said() {
    let nobody = |_: &NeedRequest| {
        let unknown = PEERS.map(|name| MemberView { org_id: OrgId([4; 32]), name: Some(name.into()) }).to_vec();
        Ok(MatchView { ranked: Vec::new(), excluded: Vec::new(), unknown })
    };
    let busy = |_: &NeedRequest| Err("the node is busy".to_owned());
    for (rank, told) in [
        (&nobody as &Rank<'_>, "No partner has told a profile, so that nobody is ranked. All of them:"),
        (&busy, "Nobody is ranked: the node is busy. All partners:"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let typed = format!("{WHAT}{CONSENT}\n").replacen("\nborealis\n", "\n2\n", 1);
        let (begun, shown) = ask_ranked(directory.path(), None, &typed, &PEERS, rank);
        assert_eq!(case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).to, ["cedar"]);
        assert!(shown.contains(&format!("{told}\n   1  borealis\n   2  cedar\nTo which partner?")), "{shown}");
    }
}

#[test]
fn on_which_platform_it_is_is_asked_first_where_somebody_is_to_ask_there() {
    let directory = tempfile::tempdir().unwrap();
    let typed = format!("{WHAT}{CONSENT}\n").replacen("take_over forensic_analysis\n", "takedown\ntelegram facebook\n", 1);
    let (begun, shown) = ask(directory.path(), None, &typed);
    let case = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}")));
    assert_eq!(case.offer.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), ["telegram", "facebook"]);
    assert!(!shown.contains("(platforms)\nChange") && shown.matches("On which platforms").count() == 1, "{shown}");
}

#[test]
fn a_region_is_that_of_the_country_or_what_was_said_beside_it() {
    for (typed, region, country) in [
        ("LB", "middle_east_north_africa", Some("LB")),
        ("xk", "europe", Some("XK")),
        ("europe lb", "europe", Some("LB")),
        ("3", "eastern_europe_central_asia", None),
        ("aq\nglobal AQ", "global", Some("AQ")),
        ("europe africa\nLB IR\n\nnowhere\nafrica", "africa", None),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{CONSENT}\n").replacen("middle_east_north_africa", typed, 1));
        let offer = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
        assert_eq!((offer.region.as_str(), offer.country.as_deref()), (region, country), "{typed}");
    }
}

#[test]
fn what_is_attached_is_asked_where_somebody_wants_it() {
    let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = files.path().join("mail of amina.eml");
    std::fs::write(&file, "abc").unwrap();
    let (file, place) = (file.display().to_string(), files.path().display().to_string());
    let typed = format!(
        "{WHAT}{CONSENT}evidence pictures\nexpires, evidence indicators campaign candidates\ncedar\nno\nyes\n{place}\n{place}/none\n{file}\n\
         emial\nemail\n{file}\n\nother.example.org\nevil.example.org evil.example.org\nPegasus\n2026-11-27\n2026-12-10\n"
    );
    let (begun, shown) = ask(directory.path(), None, &typed);
    let offer = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let expected = serde_json::json!([{"kind": "email", "sha256": abc, "size": 3}]);
    assert_eq!(serde_json::to_value(&offer.evidence).unwrap(), expected);
    assert_eq!((offer.indicators.as_slice(), offer.campaign.as_str()), (&[EntryHash([7; 32])][..], "Pegasus"));
    assert_eq!(offer.expires.map(|day| day.to_string()).as_deref(), Some("2026-12-10T00:00:00.000Z"));
    for told in [
        "`pictures` is none of them\nhint: one of reference, candidates, ",
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
    assert!(!shown.contains("Change any of it?"), "{shown}");
}

#[test]
fn a_slip_is_told_at_once_with_the_way_out_and_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let slips = [
        ("\nborealis", "\n9\nborealis", "`9` is none of them\nhint: one of borealis, cedar, or its number"),
        ("middle_east_north_africa", "uk\nafrica", "`UK` is no country\nhint: did you mean `GB`?"),
        ("middle_east_north_africa", "afrika\nafrica", "`afrika` is no code of `region`\nhint: did you mean `africa`?"),
        ("middle_east_north_africa", "europe africa\nafrica", "that is more than one place\nhint: one region, one country, or"),
        ("1 malware", "malwar\n1 malware", "`malwar` is no code of `incident-type`\nhint: did you mean `malware`?"),
        ("\nno\njournalist", "\nmaybe\nno\njournalist", "hint: yes, no, or Enter where it is not known"),
        ("ar fr", "arabic\nar fr", "`arabic` is no language\nhint: a tag of BCP 47"),
        ("2026-11-20", "2026-12-20\n20.11.2026\n2026-11-20", "that day has not come\nhint: a day until today"),
        ("2026-11-20", "20.11.2026\n2026-11-20", "`20.11.2026` is no day\nhint: write it like 2026-11-27"),
        ("journalist", "\njournalist", "an answer is needed\nhint: a number from 1 to "),
        (
            "verbal today",
            "verbal tomorrow\nverbal today",
            "`tomorrow` is no answer to that\nhint: one word for each, such as `verbal today handler`",
        ),
        ("verbal today", "verbal 2026-12-20\nverbal today", "that day has not come\nhint: a day until today"),
        ("verbal today", "verbal explicit\nverbal today", "`explicit` is no answer to that"),
        ("2027-05-27", "2026-11-27 signal\n2027-05-27", "that day has come already\nhint: a day after today"),
        ("\nplatforms\n", "\n2 none\n2\n", "that is nothing and something\nhint: either `none`"),
    ];
    for (right, slip, told) in slips {
        let whole = format!("{WHAT}{CONSENT}{OTHERWISE}");
        let (begun, shown) = ask(directory.path(), None, &whole.replacen(right, slip, 1));
        assert!(shown.contains(told), "{told}: {shown}");
        let case = case_of(&begun.expect(told));
        assert_eq!(case.offer.priority, crate::model::referral::Priority::Normal);
        assert_eq!((case.offer.consent.basis.as_str(), case.offer.consent.platforms, case.offer.consent.onward), ("verbal", true, false));
    }
}

#[test]
fn no_answer_about_the_consent_is_made_up() {
    let directory = tempfile::tempdir().unwrap();
    let answers: Vec<&str> = CONSENT.lines().collect();
    for at in 0..answers.len() {
        let mut with_enter = answers.clone();
        with_enter.insert(at, "");
        let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{}\n\n", with_enter.join("\n")));
        assert_eq!(shown.matches("hint: ").count(), 1, "Enter is no answer to question {at} of the consent: {shown}");
        assert!(begun.is_ok());
        let (begun, _) = ask(directory.path(), None, &format!("{WHAT}{}", answers[..at].join("\n")));
        assert!(begun.is_err());
    }
    // What an answer leaves out is asked by itself.
    let apart = CONSENT.replace("verbal today intermediary", "intermediary\n2\ntoday").replace("2027-05-27 signal", "signal\n\n2027-05-27");
    let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{apart}\n"));
    let consent = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer.consent;
    assert_eq!((consent.basis.as_str(), consent.obtained_by.as_str()), ("verbal", "intermediary"));
    for told in [
        "How did the person agree, on which day was that?",
        "(in one line, such as `verbal today`)",
        "On which day was that? (such as `today`)",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    // Numbers go on from one list to the next.
    let numbers = CONSENT.replace("verbal today intermediary", "8 2 2026-11-27");
    let consent = case_of(&ask(directory.path(), None, &format!("{WHAT}{numbers}\n")).0.unwrap()).offer.consent;
    assert_eq!((consent.basis.as_str(), consent.obtained_by.as_str()), ("verbal", "intermediary"));
}

#[test]
fn whatever_was_answered_when_it_ended_is_not_asked_again() {
    let all = format!("{WHAT}{CONSENT}{OTHERWISE}");
    let lines: Vec<&str> = all.lines().collect();
    let text_ends = lines.iter().position(|line| *line == "On Monday.").unwrap() + 1;
    for at in 1..lines.len() {
        let directory = tempfile::tempdir().unwrap();
        let (begun, _) = ask(directory.path(), None, &(lines[..at].join("\n") + "\n"));
        assert!(begun.is_err(), "{at}");
        let file = only_file(directory.path());
        let kept = std::fs::read_to_string(&file).unwrap();
        let error = refer::read(&file, &kept).expect_err("it is not whole").detail;
        assert!(error.contains("is not filled in"), "{error}");
        // Of a text whose end was not told nothing is kept.
        if at == text_ends {
            continue;
        }
        let (begun, shown) = ask(directory.path(), Some(&file), &(lines[at..].join("\n") + "\n"));
        let case = case_of(&begun.unwrap_or_else(|error| panic!("{at}: {error}: {shown}")));
        assert!(case.offer.vetting.is_some_and(|vetting| vetting.vouched_by == 2) && case.recipients == PEERS, "{at}");
        assert!(!shown.contains("hint: "), "{at}: {shown}");
    }
}

/// The program asked in another order before, and kept what it had in the same file.
#[test]
fn a_case_that_was_begun_in_another_order_is_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    let mut begun = Begun::new(directory.path(), &QUESTIONS);
    let texts = |all: &[&str]| Some(Value::from(all.to_vec()));
    let first_half = [
        ("reference", Some("T-2026-113".into())),
        ("to", texts(&["borealis"])),
        ("candidates", texts(&["cedar"])),
        ("automatic", Some(true.into())),
        ("tlp", Some("amber".into())),
        ("offer.nature", Some("reactive".into())),
        ("offer.incident_types", texts(&["malware"])),
        ("offer.priority", Some("normal".into())),
        ("offer.physical_danger", None),
        ("offer.ongoing", Some(true.into())),
        ("offer.interacted", texts(&[])),
        ("offer.requester_kind", Some("individual".into())),
        ("offer.beneficiary_type", Some("journalist".into())),
        ("offer.region", Some("europe".into())),
    ];
    begun.keep(first_half.to_vec()).unwrap();
    let rest = "take_over\nLB\nar\nIt was taken over.\n\nyes\nverbal today handler\nnone\nnone none\n\n";
    let (done, shown) = ask(directory.path(), Some(&only_file(directory.path())), rest);
    let case = case_of(&done.unwrap_or_else(|error| panic!("{error}: {shown}")));
    assert_eq!((case.reference.as_str(), case.automatic, case.tlp), ("T-2026-113", true, crate::model::Tlp::Amber));
    assert_eq!(
        (case.to, case.candidates, case.recipients),
        (vec!["borealis".into()], vec!["cedar".into()], PEERS.map(str::to_owned).to_vec())
    );
    assert_eq!((case.offer.country.as_deref(), case.offer.ongoing, case.offer.vetting.is_none()), (Some("LB"), Some(true), true));

    // Further on: half of the vetting and of the consent, and of the list only what nobody was asked.
    let further = [
        ("offer.vetting.method", Some("vouched".into())),
        ("offer.consent.basis", Some("verbal".into())),
        ("offer.consent.onward", Some(true.into())),
        ("offer.help_wanted", texts(&["legal"])),
        ("offer.country", None),
        ("offer.languages", texts(&[])),
        ("offer.summary", Some("It was taken over.".into())),
    ];
    begun.keep(further.to_vec()).unwrap();
    let rest = "yes\n2026-11-20 lead\n1\nnone none\n\n3\n2026-11-20\n\npassed\n";
    let (done, shown) = ask(directory.path(), Some(&only_file(directory.path())), rest);
    let offer = case_of(&done.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
    assert_eq!((offer.consent.onward, offer.consent.platforms, offer.consent.statistics), (true, true, false));
    assert_eq!(offer.vetting.map(|vetting| vetting.vouched_by), Some(3));
    for not in ["(vetting)", "(ongoing)", "(tlp)", "(onward)"] {
        assert!(!shown.contains(not), "{not}: {shown}");
    }
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
