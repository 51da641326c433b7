//! Tables as they come, and our own read back.

use proptest::prelude::*;

use super::*;
use crate::model::ObservableKind;

fn all(bytes: &[u8]) -> Vec<Item> {
    let mut found = Vec::new();
    let mut input = bytes;
    read(&mut input, &mut |item| {
        found.push(item);
        ControlFlow::Continue(())
    })
    .expect("reading a slice");
    found
}

/// Every item as a line: `3 domain:example.com` or `3 ! what is wrong`.
fn items(bytes: &[u8]) -> Vec<String> {
    let shown = |item: &Item| match item {
        Item::Indicator { place, indicator, .. } => format!("{} {}", place.trim_start_matches("line "), indicator.observable),
        Item::Problem(problem) | Item::LeftOut(problem, _) => {
            format!("{} ! {}", problem.place.trim_start_matches("line "), problem.what.lines().next().unwrap_or(""))
        }
        Item::Note(problem) => format!("{} ? {}", problem.place.trim_start_matches("line "), problem.what),
    };
    all(bytes).iter().map(shown).collect()
}

#[test]
fn headers_and_delimiters_of_the_wild_are_read() {
    let expected = ["2 domain:evil.example.com", "3 ipv4:192.0.2.1"];
    for table in [
        "value,type,notes\nevil.example.com,hostname,see a.example.org\n192.0.2.1,ipaddress,\"x, y\"\n",
        "\u{feff}IOC, Valid From, Valid Until, Link\r\nevil[.]example.com,2023-02-14T00:00:00Z,2023-02-27T00:00:00Z,https://app.example.org/1\r\n192.0.2[.]1,,,\r\n",
        "Type;Indicator;Name\nDomain;evil[.]example[.]com;\nIP;192[.]0[.]2[.]1;\n",
        "domain\tip\tpubkey_md5\nevil.example.com\t\td41d8cd98f00b204e9800998ecf8427e\n\t192.0.2.1\td41d8cd98f00b204e9800998ecf8427e\n",
        "tlp|type|name|pattern\nwhite|indicator|evil.example.com|[a:b = 'c']\nwhite|indicator|192.0.2.1|\n",
        "Indicator,Kill chain\nevil.example.com,\"command-and-control\"\n192.0.2.1,\"command\n\n\"\n",
    ] {
        assert_eq!(items(table.as_bytes()), expected, "{table}");
    }
}

#[test]
fn a_table_without_a_header_is_read_by_what_stands_in_it() {
    assert_eq!(
        items(b"2026-08-16 01:04:58,someone,domain,evil.example.com,#phishing #kit,https://x.example/1\n2026-08-16 01:05:58,other,url,https://evil.example.com/a,,https://x.example/2\n"),
        ["1 domain:evil.example.com", "2 url:https://evil.example.com/a"]
    );
    assert_eq!(
        items(b"da39a3ee5e6b4b0d3255bfef95601890afd80709;a@evil[.]com;192.0.2[.]1\nda39a3ee5e6b4b0d3255bfef95601890afd80708;b@evil[.]com;192.0.2[.]2\n").len(),
        6
    );
    assert_eq!(
        items(b"d41d8cd98f00b204e9800998ecf8427e\xa0\nevil.example.com\n"),
        ["1 md5:d41d8cd98f00b204e9800998ecf8427e", "2 domain:evil.example.com"]
    );
}

#[test]
fn a_type_that_is_not_known_is_told_once_and_costs_no_value() {
    let table = "type,indicator\nIPv4 host,192.0.2.1\ndomain,evil.example.com\nIPv4 host,192.0.2.2\n-,192.0.2.3\nlure,evil.example.org\nlure,no value\n";
    let note = |word: &str| format!("the type `{word}` is not known, so the value was taken for what it looks like");
    let expected = [
        "2 ipv4:192.0.2.1".to_owned(),
        "3 domain:evil.example.com".to_owned(),
        "4 ipv4:192.0.2.2".to_owned(),
        "5 ipv4:192.0.2.3".to_owned(),
        "6 domain:evil.example.org".to_owned(),
        "7 ! cannot tell what `no value` is: it has the form of no kind".to_owned(),
        format!("2 and 1 more ? {}", note("IPv4 host")),
        format!("6 ? {}", note("lure")),
    ];
    assert_eq!(items(table.as_bytes()), expected);
    let words: String = (0..300).map(|word| format!("word{word},192.0.2.1\n")).collect();
    let notes = items(format!("type,indicator\n{words}").as_bytes()).iter().filter(|item| item.contains(" ? ")).count();
    assert_eq!(notes, 201, "however many words there are");
}

#[test]
fn what_a_row_says_of_its_value_is_kept() {
    let table = b"tlp,value,first_seen,valid_until,confidence,campaign,description,source\n\
        TLP:GREEN,evil.example.com,2020/10/29 00:39:44,2021-01-15,80,\"Pegasus, tlp:amber; NSO\",a note,SEKOIA\n";
    let found = all(table);
    let [Item::Indicator { indicator, tlp, .. }] = found.as_slice() else { panic!("{found:?}") };
    // The most restrictive label of the row counts.
    assert_eq!(*tlp, Some(Tlp::Amber));
    assert_eq!(indicator.valid_from.map(|time| time.to_string()).as_deref(), Some("2020-10-29T00:39:44.000Z"));
    assert_eq!(indicator.valid_until.map(|time| time.to_string()).as_deref(), Some("2021-01-15T00:00:00.000Z"));
    assert_eq!(indicator.confidence, Some(80));
    assert_eq!(indicator.labels, ["NSO", "Pegasus"]);
    assert_eq!((indicator.note.as_deref(), indicator.source.as_deref()), (Some("a note"), Some("SEKOIA")));
}

#[test]
fn tags_say_how_sure_a_rows_author_is_where_no_column_does() {
    let table = "value,confidence,tags\n\
        a.example.com,,\"APT 28; admiralty-scale:information-credibility=2; misp:confidence-level=\"\"rarely-confident\"\"\"\n\
        b.example.com,80,admiralty-scale:information-credibility=4\n\
        c.example.com,,admiralty-scale:information-credibility=6\n";
    let found = all(table.as_bytes());
    let told = |item: &Item| match item {
        Item::Indicator { indicator, .. } => (indicator.confidence, indicator.labels.join(" ")),
        other => panic!("{other:?}"),
    };
    let kept = "admiralty-scale:information-credibility=6";
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), [(Some(25), "APT 28".into()), (Some(80), String::new()), (None, kept.into())]);
}

#[test]
fn a_label_over_the_table_labels_every_row() {
    let labels: Vec<_> = all(b"# TLP:AMBER\nvalue,tlp\na.example.com,green\nb.example.com,red\nc.example.com,\n")
        .into_iter()
        .map(|item| match item {
            Item::Indicator { tlp, .. } => tlp,
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => panic!("{problem:?}"),
        })
        .collect();
    assert_eq!(labels, [Some(Tlp::Amber), Some(Tlp::Red), Some(Tlp::Amber)]);
}

#[test]
fn a_row_with_a_label_that_cannot_be_read_is_not_taken() {
    assert_eq!(
        items(b"value,tlp\nevil.example.com,secret\nevil.example.org,\n"),
        ["2 ! `secret` is not a TLP label: clear, green, amber, amber+strict or red", "3 domain:evil.example.org"]
    );
}

#[test]
fn what_stands_over_the_header_is_not_taken() {
    assert_eq!(
        items(b"Indicators of May, questions to someone@example.org\n\nvalue,type\nevil.example.com,domain\n"),
        ["1 ! `someone@example.org` stands before the header, so it is not taken", "4 domain:evil.example.com"]
    );
}

#[test]
fn a_cell_of_several_values_gives_all_of_them() {
    assert_eq!(
        items(b"value,entity_type,description\n\"d41d8cd98f00b204e9800998ecf8427e,da39a3ee5e6b4b0d3255bfef95601890afd80709\",file,a sample\nevil.exe,file,\n"),
        ["2 md5:d41d8cd98f00b204e9800998ecf8427e", "2 sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "3 file_name:evil.exe"]
    );
    assert_eq!(
        items("sha1,itw filename\nda39a3ee5e6b4b0d3255bfef95601890afd80709,\"Report - May.pdf.com, b.exe\"\nda39a3ee5e6b4b0d3255bfef95601890afd80708,\"a report, final.doc\"\n".as_bytes()),
        [
            "2 sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "2 file_name:Report - May.pdf.com",
            "2 file_name:b.exe",
            "3 sha1:da39a3ee5e6b4b0d3255bfef95601890afd80708",
            "3 file_name:a report, final.doc",
        ]
    );
    assert_eq!(
        items(b"c2_ip\tdomains\thost_header\n192.0.2.1\tevil.example.com,/a.html,192.0.2.2,/b\tNone\n192.0.2.3\tajax.example.org,/x\tevil.azureedge.net\n"),
        [
            "2 ipv4:192.0.2.1",
            "2 domain:evil.example.com",
            "2 ipv4:192.0.2.2",
            "3 ! `ajax.example.org,/x` may be a front, since the host header is `evil.azureedge.net`",
            "3 ipv4:192.0.2.3",
        ]
    );
}

#[test]
fn one_bad_row_costs_one_row() {
    assert_eq!(
        items(b"value,type\nevil.example.com\nnot a domain,domain\n,\n\"open,domain\nevil.example.org,domain,x,y\n=cmd|' /C calc'!A0,x\n"),
        [
            "2 domain:evil.example.com",
            "3 ! `not a domain` is not of kind `domain`: ` ` is not allowed in it",
            "5 ! a quote is opened and never closed",
            "6 domain:evil.example.org",
            "7 ! cannot tell what `=cmd|' /C calc'!A0` is: it has the form of no kind",
        ]
    );
}

#[test]
fn a_spreadsheet_finds_no_formula_in_what_is_written() {
    let mut indicator = Indicator::bare(Observable::parse(ObservableKind::PhoneNumber, "+49 151 12345678").expect("a number"));
    indicator.labels = vec!["=HYPERLINK(\"http://x\")".to_owned()];
    indicator.source = Some("@SUM(A1)".to_owned());
    indicator.note = Some("-1, and \"more\"".to_owned());
    let mut out = Vec::new();
    write([(&indicator, Some(Tlp::Green))], &mut out, true).expect("writing to memory");
    assert_eq!(
        String::from_utf8(out.clone()).expect("UTF-8"),
        "\u{feff}value,type,tlp,campaign,first_seen,valid_until,confidence,source,note\r\n\
         '+4915112345678,phone_number,green,\"'=HYPERLINK(\"\"http://x\"\")\",,,,'@SUM(A1),\"'-1, and \"\"more\"\"\"\r\n"
    );
    let expected = Item::indicator("line 2".to_owned(), indicator, Some(Tlp::Green), false);
    assert_eq!(all(&out), [expected]);
}

/// A value of each kind, with what is hard for CSV in it.
const VALUES: [(ObservableKind, &str); 14] = [
    (ObservableKind::Domain, "evil.example.com"),
    (ObservableKind::Url, "http://evil.example.com/a,b;c\"|x"),
    (ObservableKind::Ipv4Net, "192.0.2.0/24"),
    (ObservableKind::Ipv6, "2001:db8::1"),
    (ObservableKind::Email, "=a@evil.example.com"),
    (ObservableKind::FileName, "a, \"b\"; c.exe"),
    (ObservableKind::FilePath, "C:\\a, b\\c"),
    (ObservableKind::ProcessName, "-bash"),
    (ObservableKind::AppCertHash, "d41d8cd98f00b204e9800998ecf8427e"),
    (ObservableKind::PhoneNumber, "+4915112345678"),
    (ObservableKind::Mutex, "'=quoted|x"),
    (ObservableKind::RegistryKey, "HKLM\\Software\\a,b"),
    (ObservableKind::UserAgent, "Mozilla/5.0 (X11; Linux), like \"Gecko\""),
    (ObservableKind::Pattern, "[domain-name:value = 'a.example.com' AND url:value = 'http://b']"),
];

proptest! {
    #[test]
    fn what_is_written_is_read_again(at in 0usize..14, label in "[a-zA-Z=+@' -]{1,9}", confidence in proptest::option::of(0u8..=100), tlp in 0u8..5, time in 0u64..4_000_000_000_000, lasts in proptest::option::of(1u64..1_000_000_000), texts in "[a-z=+@,\"]{1,9}[ a-z]{0,9}[a-z]\\|[a-z;]{1,9}[a-z]") {
        let (kind, value) = VALUES[at];
        let mut indicator = Indicator::bare(Observable::parse(kind, value).expect("a value of its kind"));
        let label = label.trim().to_owned();
        prop_assume!(!is_blank(&label));
        indicator.labels = vec![label];
        indicator.confidence = confidence;
        indicator.valid_from = Some(crate::model::Timestamp(time));
        indicator.valid_until = lasts.map(|lasts| crate::model::Timestamp(time + lasts));
        let (source, note) = texts.split_once('|').expect("two texts");
        let note = note.trim();
        prop_assume!(!is_blank(source) && !is_blank(note));
        (indicator.source, indicator.note) = (Some(source.to_owned()), Some(note.to_owned()));
        let tlp = Tlp::from_number(tlp);
        let mut out = Vec::new();
        write([(&indicator, tlp)], &mut out, false).expect("writing to memory");
        let expected = Item::indicator("line 2".to_owned(), indicator, tlp, false);
        prop_assert_eq!(all(&out), [expected]);
    }

    #[test]
    fn no_bytes_stop_the_reader(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b','), Just(b'"'), Just(b'\n'), Just(b'.'), Just(b'a')], 0..300)) {
        all(&bytes);
        let mut input = bytes.as_slice();
        text::read(&mut input, &mut |_| ControlFlow::Continue(())).expect("reading a slice");
    }
}
