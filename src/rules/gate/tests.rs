use super::*;
use crate::formats::pattern;
use crate::model::log::Audience;
use crate::model::record::{Receipt, ReceiptOutcome, Withdrawal, WithdrawalMode};
use crate::model::warninglist::{Entries, Warninglist};
use crate::model::{EntryHash, Indicator, LogId, OrgId, Record, Timestamp, Tlp};
use crate::rules::label::{AudienceState, Withheld};
use crate::rules::lists::{Lists, Rated};
use crate::rules::redact::Known;
use crate::rules::release::{Draft, Look, NOTE_MAX, PASSED_ON, Passed, REASON_MAX, release};
use proptest::prelude::*;

const DENY: &str = "Anna Kim\nanna@helpline.org\n+254 712 345 678\nshelter.org\n";

/// A gate that knows a deny list, what is ours, a victim, a partner and a warninglist.
fn gate() -> Gate {
    let guess = |value: &str| Observable::guess(value).unwrap();
    let hosts = |name: &str, hosts: &[&str], severity| Rated {
        list: Warninglist {
            name: name.into(),
            description: String::new(),
            version: 1,
            kinds: crate::model::observable::Kinds::ALL,
            entries: Entries::Hostname(hosts.iter().map(|host| (*host).to_owned()).collect()),
        },
        severity,
        tenants: false,
    };
    let lists = Lists::new([
        hosts("popular", &["popular.com"], Severity::Hold),
        hosts("vendors", &["vendor.com"], Severity::Warn),
        hosts("captive", &["captive.com"], Severity::Refuse),
    ]);
    let own = Infrastructure::new(Whose::Own, [guess("helpline.org"), guess("198.51.100.0/24")]);
    let victims = Infrastructure::new(Whose::Victim, [guess("victim.org"), guess("anna@helpline.org"), guess("shelter.org")]);
    let known = Known::default().deny_list(DENY).domain("helpline.org").domain("victim.org");
    let lists = lists::Gate { lists, guarded: vec![own, victims], ..lists::Gate::default() };
    let told = Told {
        detector: Detector::new(&known),
        has_names: true,
        lists,
        addressee: addressee::Settings::default(),
        clean: Clean::default(),
    };
    Gate { told: Arc::new(told), partners: Arc::new(Infrastructure::new(Whose::Partner, [guess("node.partner.org")])) }
}

fn out_as(origin: Origin, record: Record) -> Result<Passed, Withheld> {
    let inside = match &record {
        Record::Indicator(indicator) if indicator.observable.kind() == ObservableKind::Pattern => {
            pattern::observables(indicator.observable.value())
        }
        _ => Vec::new(),
    };
    let (us, peer) = (OrgId([1; 32]), OrgId([2; 32]));
    let draft = Draft { record, label: Tlp::Amber.into(), audience: Audience::Direct(peer), retention: Timestamp(7) };
    let gate = gate();
    let look = Look { gate: &gate, inside: &inside, origin, permission: None };
    release(draft, AudienceState::OPEN, &us, Timestamp(0), look)
}

fn out(record: Record) -> Result<Passed, Withheld> {
    out_as(Origin::Ours, record)
}

fn bare(value: &str) -> Indicator {
    Indicator::bare(Observable::guess(value).unwrap())
}

fn noted(value: &str, note: &str) -> Indicator {
    Indicator { note: Some(note.into()), ..bare(value) }
}

fn left(indicator: Indicator) -> (Indicator, Findings) {
    let passed = out(Record::Indicator(indicator)).unwrap();
    match &passed.draft.get().record {
        Record::Indicator(indicator) => (indicator.clone(), passed.findings),
        other => panic!("an indicator stays one: {other:?}"),
    }
}

fn note(value: &str, note: &str) -> String {
    left(noted(value, note)).0.note.unwrap()
}

fn replaced(findings: &Findings) -> Vec<String> {
    findings.replaced.iter().map(|one| format!("{} {} {}", one.field, one.count, one.kind)).collect()
}

fn why(value: &str) -> String {
    out(Record::Indicator(bare(value))).unwrap_err().to_string()
}

#[test]
fn a_value_that_is_no_attackers_is_refused_with_the_reason() {
    for (value, said) in [
        (
            "10.1.2.3",
            "it is a private address, the inside of somebody's network\nhint: leave it out: it is nobody's on the internet, or everybody's",
        ),
        ("192.0.2.7", "it is reserved for examples and tests\nhint: leave it out; for trainings `gate.reserved` may be `warn`"),
        (
            "d41d8cd98f00b204e9800998ecf8427e",
            "it is the hash of an empty file\nhint: leave it out: it is nobody's on the internet, or everybody's",
        ),
        ("mail.helpline.org", "it is a name below `helpline.org`, which is our own\nhint: leave it out; `gate.own` says what is ours"),
        (
            "http://victim.org.evil.ru/login",
            "it mentions what belongs to somebody whom the deny list or `gate.victims` protects\nhint: leave it out: it tells who was attacked",
        ),
        (
            "captive.com",
            "it is `captive.com` of the warninglist `captive`\nhint: `watchfire warninglist list` shows the lists and how strict each is",
        ),
        (
            "https://a8f3k2l9q0x7z5b1.evil.ru/",
            "its value tells whom it was sent to, by a host name made for one target\nhint: share the host or the domain above it alone, where that is the attacker's",
        ),
    ] {
        assert_eq!(why(value), said, "{value}");
    }
}

#[test]
fn what_is_held_asks_a_person_and_what_is_only_odd_is_told() {
    let (_, findings) = left(bare("popular.com"));
    assert_eq!((findings.asks, findings.warnings.len()), (vec!["it is `popular.com` of the warninglist `popular`".to_owned()], 0));
    let (_, findings) = left(bare("vendor.com"));
    assert_eq!((findings.asks.len(), findings.warnings), (0, vec!["it is `vendor.com` of the warninglist `vendors`".to_owned()]));
    let (_, findings) = left(bare("evil.ru"));
    assert!(findings.is_empty());
}

#[test]
fn a_partners_card_asks_for_attention_and_refuses_nothing() {
    let (_, findings) = left(bare("https://node.partner.org/x"));
    assert_eq!(findings.asks, ["it is on `node.partner.org`, which is a partner's"]);
}

#[test]
fn a_url_leaves_without_what_tells_of_its_reader() {
    let (indicator, findings) = left(bare("http://evil.ru/login?email=jane.doe@ngo.org"));
    assert_eq!((indicator.observable.value(), replaced(&findings)), ("http://evil.ru/login", vec!["value 1 token".to_owned()]));
    // What is left is judged, not what was given.
    let left_of = |value: &str| left(bare(value)).0.observable.value().to_owned();
    assert_eq!(left_of("http://evil.ru/login?email=jane@victim.org"), "http://evil.ru/login");
    assert_eq!(left_of("http://evil.ru/Xh77da2kQ9zR4tLm"), "http://evil.ru/");
}

#[test]
fn a_pattern_cannot_be_stripped_so_it_stays_here() {
    let pattern = Observable::parse(ObservableKind::Pattern, "[url:value = 'http://evil.ru/login?email=jane.doe@ngo.org']").unwrap();
    let withheld = out(Record::Indicator(Indicator::bare(pattern))).unwrap_err();
    assert!(matches!(withheld, Withheld::Addressee(_)), "{withheld}");
}

#[test]
fn personal_data_leaves_no_field() {
    let indicator = Indicator {
        note: Some("Anna Kim got it and wrote to bob@ngo.org, or call +1 202 555 0143".into()),
        source: Some("report by Anna Kim".into()),
        labels: vec!["Anna Kim".into(), "pegasus".into()],
        ..bare("evil.ru")
    };
    let (left, findings) = left(indicator);
    assert_eq!(left.note.as_deref(), Some("[name-1] got it and wrote to [email-1], or call [phone-1]"));
    assert_eq!(left.source.as_deref(), Some("report by [name-1]"), "one person has one placeholder in all fields");
    assert_eq!(left.labels, ["[name-1]", "pegasus"]);
    assert_eq!(replaced(&findings), ["note 1 email", "note 1 name", "note 1 phone", "source 1 name", "label 1 name"]);
}

#[test]
fn two_people_never_share_a_placeholder_whichever_field_comes_first() {
    let (left, _) = left(Indicator { labels: vec!["[name-1]".into()], ..noted("evil.ru", "for Anna Kim") });
    assert_eq!((left.note.as_deref(), left.labels[0].as_str()), (Some("for [name-2]"), "[name-1]"));
}

#[test]
fn no_way_of_writing_hides_a_name_or_an_address() {
    for text in [
        "ANNA KIM",
        "Kim, Anna",
        "anna\u{200b}@helpline.org",
        "ａｎｎａ@helpline.org",
        "anna [at] helpline [dot] org",
        "аnnа@helpline.org",
        "Anna\u{ad} Kim",
        "+254-712-345-678",
        "٠٧١٢٣٤٥٦٧٨",
        "www.shelter[.]org",
        "hxxps://portal.victim[.]org/x",
    ] {
        let left = note("evil.ru", &format!("told by {text} today"));
        let rest: String = left.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        assert!(left.contains('[') && left.contains("-1]") && !rest.contains("anna") && !rest.contains("kim"), "{text}: {left}");
        for gone in ["helpline", "shelter", "victim", "712", "345"] {
            assert!(!rest.contains(gone), "{text}: {left}");
        }
    }
}

#[test]
fn what_is_the_attackers_stays_in_texts() {
    for (value, text) in [
        ("evil.ru", "served from evil[.]ru and hxxp://evil[.]ru/pay, dropped 44d88612fea8a8f36de82e1278abb02f"),
        ("http://evil.ru/pay", "http://evil.ru/pay asks for a card"),
        ("phish@evil.ru", "sent by phish@evil.ru, answers go to phish@evil.ru"),
        ("+12025550143", "calls come from +1 202 555 0143"),
        ("203.0.115.7", "the victim connected to 203.0.115.7"),
        ("44d88612fea8a8f36de82e1278abb02f", "the file 44d88612fea8a8f36de82e1278abb02f"),
    ] {
        assert_eq!(note(value, text), text, "{value}");
    }
    assert_eq!(note("evil.ru", "sent by phish@evil.com"), "sent by [email-1]", "another's address is a person's");
    assert_eq!(note("http://evil.ru/login?email=jane.doe@ngo.org", "sent to jane.doe@ngo.org"), "sent to [email-1]");
}

#[test]
fn a_denied_name_in_a_value_of_words_asks_a_person() {
    for (kind, value, asked) in [
        (ObservableKind::FileName, "invoice Anna Kim.pdf", "its value holds what may be somebody's name"),
        (ObservableKind::FilePath, "C:\\Users\\jane\\AppData\\evil.exe", "its value holds what may be somebody's user"),
    ] {
        let (_, findings) = left(Indicator::bare(Observable::parse(kind, value).unwrap()));
        assert_eq!(findings.asks, [asked], "{value}");
    }
    let (_, findings) = left(Indicator::bare(Observable::parse(ObservableKind::FileName, "invoice.pdf").unwrap()));
    assert!(findings.is_empty());
}

#[test]
fn texts_are_cut_after_they_were_redacted_and_never_within_a_placeholder() {
    // The number would be cut in the middle, and half of it is no number.
    let text = format!("{} +254 712 345 678 and more", "x".repeat(NOTE_MAX - 8));
    let left = note("evil.ru", &text);
    assert!(left.ends_with('x') || left.ends_with(' '), "{}", &left[left.len() - 20..]);
    let text = format!("{} +254 712 345 678 and more", "x".repeat(NOTE_MAX - 11));
    assert!(note("evil.ru", &text).ends_with("[denied-1]"), "what fits stays");
    // Behind a long secret there is room again.
    let left = note("evil.ru", &"jane.doe.of.the.desk@ngo.org, ".repeat(100));
    assert_eq!(left, "[email-1], ".repeat(100));
}

#[test]
fn what_a_member_said_is_passed_on_with_its_value_as_it_is() {
    let url = "http://evil.ru/login?email=jane.doe@ngo.org";
    let indicator = Indicator { source: Some(PASSED_ON.into()), ..noted(url, "Anna Kim got it") };
    let passed = out_as(Origin::PassedOn, Record::Indicator(indicator)).unwrap();
    let Record::Indicator(left) = &passed.draft.get().record else { panic!("an indicator stays one") };
    assert_eq!((left.observable.value(), left.note.as_deref()), (url, Some("[name-1] got it")));
    assert_eq!(left.source.as_deref(), Some(PASSED_ON));
    for value in ["popular.com", "captive.com", "10.1.2.3", "node.partner.org"] {
        let passed = out_as(Origin::PassedOn, Record::Indicator(bare(value))).unwrap();
        assert!(passed.findings.is_empty(), "its author's gate has decided: {value}");
    }
    for value in ["victim.org", "helpline.org"] {
        assert!(out_as(Origin::PassedOn, Record::Indicator(bare(value))).is_err(), "{value}");
    }
}

#[test]
fn what_takes_back_is_never_held_up_and_names_nobody() {
    let reason = format!("Anna Kim of victim.org asked{}", "!".repeat(REASON_MAX));
    let record =
        |reason: String| Record::Withdrawal(Withdrawal { log: LogId([3; 32]), seqs: vec![1], mode: WithdrawalMode::Recall, reason });
    let passed = out(record(reason)).unwrap();
    let Record::Withdrawal(left) = &passed.draft.get().record else { panic!("it stays one") };
    assert!(left.reason.starts_with("[name-1] of [domain-1] asked!") && left.reason.chars().count() == REASON_MAX, "{}", left.reason);
    assert!(passed.findings.asks.is_empty());
}

#[test]
fn what_leaves_of_each_kind_of_record_is_this_and_nothing_else() {
    let indicator = Indicator {
        observable: Observable::guess("http://evil.ru/login?email=jane.doe@ngo.org").unwrap(),
        valid_from: Some(Timestamp(1)),
        valid_until: Some(Timestamp(2)),
        confidence: Some(80),
        labels: vec!["pegasus".into()],
        note: Some("for Anna Kim".into()),
        source: Some("a report".into()),
    };
    let withdrawal =
        Withdrawal { log: LogId([3; 32]), seqs: vec![1, 2], mode: WithdrawalMode::Withdraw, reason: "Anna Kim was wrong".into() };
    let outcomes = vec![(1, ReceiptOutcome::Destroyed)];
    let receipt = Receipt { log: LogId([4; 32]), outcomes, at: Timestamp(5), withdrawal: Some(EntryHash([6; 32])) };
    let records = [Record::Indicator(indicator), Record::Withdrawal(withdrawal), Record::Receipt(receipt), Record::KeyChange([7; 32])];
    // A match leaves under a consent alone, even to a peer.
    assert!(matches!(out(Record::Match(crate::model::CheckId([7; 16]))), Err(Withheld::NoConsent | Withheld::ReferralToGroup)));
    let expected = [
        r#"Indicator(Indicator { observable: Observable { kind: Url, value: "http://evil.ru/login" }, valid_from: Some(Timestamp(1)), valid_until: Some(Timestamp(2)), confidence: Some(80), labels: ["pegasus"], note: Some("for [name-1]"), source: Some("a report") })"#,
        r#"Withdrawal(Withdrawal { log: ambqgaydambqgaydambqgaydambqgaydambqgaydambqgaydambq, seqs: [1, 2], mode: Withdraw, reason: "[name-1] was wrong" })"#,
        r#"Receipt(Receipt { log: aqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqca, outcomes: [(1, Destroyed)], at: Timestamp(5), withdrawal: Some(aydambqgaydambqgaydambqgaydambqgaydambqgaydambqgayda) })"#,
        r#"KeyChange([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7])"#,
    ];
    for (record, expected) in records.into_iter().zip(expected) {
        let passed = out(record).unwrap();
        assert_eq!(format!("{:?}", passed.draft.get().record), expected);
    }
}

fn texts() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "Anna Kim",
        "anna@helpline.org",
        "+254 712 345 678",
        "victim[.]org",
        "evil[.]ru",
        "http://evil.ru/a?email=a@b.org",
        "[email-1]",
        "[name-7]",
        "[name-",
        "passport",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "\n",
        ", ",
        " ",
        "call",
        "my name is Bob Ray",
        "password: hunter22",
        "x",
        "é",
        "\u{200b}",
        "192.0.2.1",
    ]);
    proptest::collection::vec(prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => ".{0,12}".boxed()], 0..14)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_was_released_is_released_as_it_is(
        value in proptest::sample::select(vec!["evil.ru", "http://evil.ru/login?email=jane.doe@ngo.org", "http://evil.ru/u/Xh77da2kQ9zR4tLm", "phish@evil.ru", "vendor.com"]),
        note in proptest::option::of(texts()),
        source in proptest::option::of(texts()),
        labels in proptest::collection::vec(texts(), 0..4),
        times in 0usize..60,
    ) {
        let note = note.map(|note| note.repeat(times));
        let (once, _) = left(Indicator { note, source, labels, ..bare(value) });
        let (twice, findings) = left(once.clone());
        prop_assert_eq!(&twice, &once);
        prop_assert!(findings.replaced.is_empty(), "{:?}", findings);
    }
}

#[test]
fn addresses_that_are_written_into_one_another_go_as_a_whole() {
    for times in [8, 10, 40] {
        let note = Some(format!("see {} there", "anna@helpline.org".repeat(times)));
        let (once, _) = left(Indicator { note, ..bare("evil.ru") });
        let note = once.note.clone().expect("a note");
        assert!(!note.contains("anna") && !note.contains("helpline") && note.starts_with("see [") && note.ends_with("] there"), "{note}");
        assert_eq!(left(once.clone()).0, once);
    }
}

#[test]
fn a_text_in_which_nothing_was_is_not_looked_at_again_and_none_that_has_something_is_remembered() {
    let gate = gate();
    let looked = |text: &str| gate.texts(Vec::new()).are_clean(std::iter::once(text));
    for _ in 0..2 {
        assert!(looked("weekly report") && !looked("ask Anna Kim, anna@helpline.org"));
    }
    assert!(gate.told.clean.knows("weekly report") && !gate.told.clean.knows("ask Anna Kim, anna@helpline.org"));
    assert_eq!(format!("{:?}", gate.told.clean), "Clean(1)", "without the text");
    // Bounded, by number and by length.
    (0..CLEAN_MAX + 10).for_each(|n| gate.told.clean.note(&format!("report {n}")));
    gate.told.clean.note(&"a".repeat(CLEAN_BYTES_MAX + 1));
    assert!(gate.told.clean.texts().len() <= CLEAN_MAX && !gate.told.clean.knows(&"a".repeat(CLEAN_BYTES_MAX + 1)));
}

#[test]
fn a_call_is_for_no_single_organisation_and_an_alert_leaves_without_what_its_texts_tell() {
    let call = crate::model::call::tests::call(&["take_over"], crate::model::Priority::Urgent);
    assert_eq!(out_as(Origin::Ours, Record::Call(call)), Err(Withheld::CallToOne));
    let mut alert = crate::model::alert::tests::alert(&["malware"], &["LB"], &[]);
    alert.headline = "Anna Kim was called".into();
    alert.advice = "call +254 712 345 678, look for evil.com".into();
    alert.indicators = vec![Observable::guess("evil.com").unwrap()];
    let Ok(Passed { draft, findings }) = out_as(Origin::Ours, Record::Alert(Box::new(alert.clone()))) else { panic!("it leaves") };
    let Record::Alert(out) = &draft.get().record else { panic!("an alert") };
    assert!(
        !out.headline.contains("Anna") && !out.advice.contains("712") && out.advice.contains("evil.com"),
        "{} {}",
        out.headline,
        out.advice
    );
    let fields: Vec<&str> = findings.replaced.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["headline", "advice"]);
    // A value in it is judged as an indicator's is.
    for value in ["captive.com", "victim.org", "helpline.org"] {
        alert.indicators = vec![Observable::guess(value).unwrap()];
        assert!(out_as(Origin::Ours, Record::Alert(Box::new(alert.clone()))).is_err(), "{value}");
    }
}
