//! What each format writes of one set of values, and what it does not.

use super::*;
use crate::model::ObservableKind as K;

type Shared<T> = std::rc::Rc<std::cell::RefCell<T>>;

/// Files that stay in memory, by their names.
#[derive(Default)]
struct Kept(Shared<Vec<(String, Vec<u8>)>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().last_mut().expect("a file was begun").1.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Files for Kept {
    fn begin(&mut self, name: &str) -> io::Result<()> {
        self.0.borrow_mut().push((name.to_owned(), Vec::new()));
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A record about a value.
pub(in crate::formats) fn row(number: u32, kind: K, value: &str) -> Row {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Row {
        id: RecordId(id),
        observable: Observable::parse(kind, value).expect("a value"),
        tlp: Tlp::Green,
        marks: vec![],
        author: OrgId([9; 32]),
        valid_from: None,
        valid_until: None,
        confidence: None,
        labels: vec!["Pegasus".into()],
        note: None,
        source: None,
        revoked: false,
        created: Timestamp(1_700_000_000_000),
        modified: Timestamp(1_700_000_001_000),
        met: vec![],
    }
}

/// One value of each kind, in the order in which a store gives them.
fn samples() -> Vec<Row> {
    let (md5, sha1, sha256, cert) = ("0a".repeat(16), "1b".repeat(20), "2c".repeat(32), "3d".repeat(20));
    let values = [
        (K::Domain, "evil.example"),
        (K::Domain, "below.evil.example"),
        (K::Domain, "notevil.example"),
        (K::Url, "https://evil.example/?a=b"),
        (K::Url, "https://host.example/page"),
        (K::Ipv4, "198.51.100.7"),
        (K::Ipv6, "2001:db8::7"),
        (K::Ipv4Net, "203.0.113.0/24"),
        (K::Email, "a@evil.example"),
        (K::FileName, "it's.exe"),
        (K::FilePath, "/private/var/tmp/x"),
        (K::Md5, &md5),
        (K::Sha1, &sha1),
        (K::Sha256, &sha256),
        (K::ProcessName, "roleaboutd"),
        (K::AppId, "com.example.spy"),
        (K::AppCertHash, &cert),
        (K::ConfigurationProfileId, "com.example.profile"),
        (K::AndroidProperty, "ro.example.spy"),
        (K::PhoneNumber, "+31612345678"),
        (K::Mutex, "Global\\x"),
        (K::RegistryKey, r"HKLM\Software\X"),
        (K::UserAgent, "Bot/1.0 (x; y)"),
        (K::Pattern, "[domain-name:value = 'a.example' AND file:size > 10]"),
    ];
    values.iter().zip(1..).map(|((kind, value), number)| row(number, *kind, value)).collect()
}

type Written = (Vec<(String, String)>, Unsaid);

/// A form of either kind.
enum Any<'f> {
    Words(Box<dyn Form + 'f>),
    Values(Box<dyn Values + 'f>),
}

fn write<'f>(rows: &[Row], form: impl FnOnce(Kept) -> Any<'f>) -> Written {
    let kept = Kept::default();
    let files = kept.0.clone();
    let mut form = form(kept);
    for row in rows {
        match &mut form {
            Any::Words(form) => form.value(std::slice::from_ref(row)),
            Any::Values(form) => form.value(&row.observable),
        }
        .expect("memory");
    }
    let unsaid = match form {
        Any::Words(form) => form.finish(),
        Any::Values(form) => form.finish(),
    };
    let files = files.borrow().iter().map(|(name, bytes)| (name.clone(), String::from_utf8(bytes.clone()).expect("text"))).collect();
    (files, unsaid.expect("memory"))
}

fn scratch() -> io::Cursor<Vec<u8>> {
    io::Cursor::new(Vec::new())
}

/// All formats of this folder by name, each written anew.
fn all(rows: &[Row]) -> Vec<(&'static str, Written)> {
    vec![
        ("mvt", write(rows, |files| Any::Words(Box::new(Mvt::new(files))))),
        ("misp", write(rows, |files| Any::Words(Box::new(Feed::new(files, scratch()))))),
        ("suricata", write(rows, |files| Any::Values(Box::new(Suricata::new(files, scratch()))))),
        ("rpz", write(rows, |files| Any::Words(Box::new(Rpz::new(files, scratch(), &Policy::Nxdomain))))),
        ("hosts", write(rows, |files| Any::Values(Box::new(Hosts::new(files).expect("memory"))))),
        ("dnsmasq", write(rows, |files| Any::Values(Box::new(Dnsmasq::new(files).expect("memory"))))),
        ("adblock", write(rows, |files| Any::Values(Box::new(Adblock::new(files).expect("memory"))))),
        ("sigma", write(rows, |files| Any::Words(Box::new(Sigma::new(files, scratch()))))),
        ("lists", write(rows, |files| Any::Values(Box::new(Lists::new(files, scratch()))))),
    ]
}

fn one(rows: &[Row], name: &str) -> Written {
    all(rows).into_iter().find(|(format, _)| *format == name).expect("a format").1
}

#[test]
fn the_same_values_give_the_same_bytes_and_every_value_is_said_or_counted() {
    let rows = samples();
    assert_eq!(all(&rows), all(&rows));
    for (name, (files, unsaid)) in all(&rows) {
        let is_said = |row: &&Row| {
            let value = row.observable.value();
            let encoded = data_encoding::BASE64.encode(value.as_bytes());
            let json = serde_json::to_string(value).expect("JSON");
            let forms = [value, &encoded, json.trim_matches('"'), &value.replace('\'', "''").replace('?', "\\?")];
            let zone = row.observable.network().is_some_and(|network| {
                let first = network.addr().to_string().split(['.', ':']).next().unwrap_or_default().to_owned();
                files.iter().any(|(_, text)| text.lines().any(|line| line.contains(&format!("{first}.rpz-ip"))))
            });
            zone || files.iter().any(|(_, text)| forms.iter().any(|form| text.contains(form)))
        };
        // A name below one that is blocked with all below it is covered by that.
        let covered = |row: &&Row| row.observable.value() == "below.evil.example" && ["rpz", "dnsmasq", "adblock"].contains(&name);
        let mut silent: BTreeMap<K, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| !is_said(row) && !covered(row)) {
            *silent.entry(row.observable.kind()).or_default() += 1;
        }
        let mut told: BTreeMap<K, u64> = BTreeMap::new();
        unsaid.lines().for_each(|(count, kind, _)| *told.entry(kind).or_default() += count);
        assert_eq!(silent, told, "{name}: each value is either said or counted");
    }
    let nothing = all(&[]);
    assert!(nothing.iter().all(|(_, (_, unsaid))| unsaid.count() == 0));
}

#[test]
fn mvt_gets_what_it_reads_in_short_files_each_with_a_name() {
    let mut rows: Vec<Row> = (0..2_500).map(|n| row(n, K::Domain, &format!("evil{n}.example"))).collect();
    rows[0].labels.clear();
    let (files, unsaid) = one(&rows, "mvt");
    assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["00001.stix2", "00002.stix2", "00003.stix2"]);
    assert_eq!(unsaid.count(), 0);
    for (_, text) in &files {
        let bundle: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let objects = bundle["objects"].as_array().expect("objects");
        let count = |kind: &str| objects.iter().filter(|object| object["type"] == kind).count();
        assert!(count("indicator") <= SHARD && count("indicator") == count("relationship") && count("malware") > 0);
    }
    let (_, unsaid) = one(&samples(), "mvt");
    let left: Vec<K> = unsaid.lines().map(|(_, kind, _)| kind).collect();
    assert_eq!(left, [K::Url, K::Ipv6, K::Ipv4Net, K::FileName, K::PhoneNumber, K::Mutex, K::RegistryKey, K::UserAgent, K::Pattern]);
}

#[test]
fn names_below_a_blocked_name_are_left_out_where_it_covers_them_and_look_alikes_are_not() {
    let rows = samples();
    let zone = &one(&rows, "rpz").0[0].1;
    assert!(zone.starts_with("$TTL 300\n@ SOA localhost. hostmaster.localhost. 1 "), "{zone}");
    assert!(zone.contains("\nevil.example CNAME .\n") && zone.contains("\n*.evil.example CNAME .\n"), "{zone}");
    assert!(!zone.contains("below.evil") && zone.contains("\nnotevil.example CNAME .\n"), "{zone}");
    assert!(zone.contains("\n32.7.100.51.198.rpz-ip CNAME .\n"), "{zone}");
    assert_eq!(one(&rows, "dnsmasq").0[0].1, "local=/evil.example/\nlocal=/notevil.example/\n");
    assert_eq!(one(&rows, "hosts").0[0].1, "0.0.0.0 evil.example\n0.0.0.0 below.evil.example\n0.0.0.0 notevil.example\n");
    let list = &one(&rows, "adblock").0[0].1;
    assert!(
        list.contains("\n||evil.example^\n") && !list.contains("||below") && list.contains("\n|https://host.example/page^\n"),
        "{list}"
    );
}

#[test]
fn each_policy_of_a_zone_is_read_and_written() {
    for (text, target) in
        [("nxdomain", "."), ("nodata", "*."), ("drop", "rpz-drop."), ("passthru", "rpz-passthru."), ("why.example", "why.example.")]
    {
        let policy: Policy = text.parse().expect("a policy");
        assert_eq!(policy.to_string(), text);
        let zone = write(&samples()[..1], |files| Any::Words(Box::new(Rpz::new(files, scratch(), &policy)))).0;
        assert!(zone[0].1.ends_with(&format!("\nevil.example CNAME {target}\n")), "{}", zone[0].1);
    }
    assert!("no policy".parse::<Policy>().is_err());
}

#[test]
fn a_feed_has_an_event_for_each_author_and_campaign_and_names_them_last() {
    let mut rows = samples();
    rows[1].author = OrgId([8; 32]);
    rows[2].labels = vec!["Predator".into(), "PAP:AMBER".into()];
    rows[3].revoked = true;
    rows[4].tlp = Tlp::Amber;
    rows[5].confidence = Some(75);
    let (files, unsaid) = one(&rows, "misp");
    assert_eq!(unsaid.count(), 0);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.len(), &names[3..]), (5, ["hashes.csv", "manifest.json"].as_slice()));
    let manifest: serde_json::Value = serde_json::from_str(&files[4].1).expect("JSON");
    let mut attributes = 0;
    for (name, text) in &files[..3] {
        let event: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let event = &event["Event"];
        let listed = &manifest[name.strip_suffix(".json").expect("a name")];
        assert_eq!((&event["info"], &event["timestamp"]), (&listed["info"], &listed["timestamp"]));
        attributes += event["Attribute"].as_array().expect("attributes").len();
    }
    assert_eq!(attributes, rows.len());
    assert_eq!(files[3].1.lines().count(), rows.len() - 1, "what was withdrawn has no hash");
    let whole = files[..3].iter().map(|(_, text)| text.as_str()).collect::<String>();
    assert!(whole.contains("\"deleted\":true") && whole.contains("tlp:amber") && whole.contains("Predator"));
    assert_eq!(whole.matches(r#"{"name":"admiralty-scale:information-credibility=\"2\""}"#).count(), 1, "{whole}");
}

#[test]
fn suricata_gets_a_few_rules_and_the_lists_that_they_load() {
    let (files, _) = one(&samples(), "suricata");
    let rules = &files.iter().find(|(name, _)| name == "watchfire.rules").expect("rules").1;
    for loaded in rules.split("load ").skip(1).map(|rest| rest.split([';', ',']).next().unwrap_or_default()) {
        assert!(files.iter().any(|(name, _)| name == loaded), "{loaded}");
    }
    let mut sids: Vec<&str> = rules.split("sid:").skip(1).map(|rest| rest.split(';').next().unwrap_or_default()).collect();
    let count = sids.len();
    sids.dedup();
    assert_eq!(sids.len(), count, "{rules}");
    // The strongest hash has the lowest number, which is the one that is computed.
    let number_of = |keyword: &str| {
        let rule = rules.lines().find(|line| line.contains(keyword)).expect(keyword);
        rule.split("sid:").nth(1).and_then(|rest| rest.split(';').next()).and_then(|sid| sid.parse::<u32>().ok())
    };
    assert!(number_of("filesha256:") < number_of("filesha1:") && number_of("filesha1:") < number_of("filemd5:"), "{rules}");
    assert!(rules.starts_with("# Of a file"), "{rules}");
    assert!(rules.contains("tls.sni; to_lowercase; pcrexform:\"\\.((?:[^.]+\\.){1}[^.]+)$\"; dataset"), "{rules}");
}

#[test]
fn what_suricata_does_not_find_below_a_name_of_many_labels_is_told() {
    let (six, seven) = (row(1, K::Domain, "a.b.c.d.evil.example"), row(2, K::Domain, "a.b.c.d.e.evil.example"));
    let (files, unsaid) = one(&[six, seven], "suricata");
    let told = (1, K::Domain, "what lies below a name of more than six labels; the name itself is in it");
    assert_eq!(unsaid.lines().collect::<Vec<_>>(), [told]);
    // Both are looked for as they are, and below the one of six alone.
    let text = |name: &str| files.iter().find(|(file, _)| file == name).expect(name).1.as_str();
    assert_eq!(text("watchfire-names.lst").lines().count(), 2);
    let rules = text("watchfire.rules");
    assert_eq!((rules.matches("{5}").count(), rules.matches("pcrexform").count()), (3, 3), "{rules}");
}

#[test]
fn no_file_is_begun_twice_in_whatever_order_values_come() {
    let mut rows = samples();
    rows.extend((100..120).map(|n| row(n, K::Ipv4, &format!("198.51.100.{n}"))));
    let (there, back) = (all(&rows), all(&rows.iter().rev().cloned().collect::<Vec<_>>()));
    for ((name, (files, unsaid)), (_, (others, also))) in there.into_iter().zip(back) {
        let names = |files: &[(String, String)]| files.iter().map(|(name, _)| name.clone()).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names(&files).len(), files.len(), "{name}");
        assert_eq!((names(&files), unsaid), (names(&others), also), "{name}");
    }
}

#[test]
fn sigma_has_a_rule_for_each_campaign_and_source_and_ends_it_before_it_is_long() {
    let rows: Vec<Row> = (0..1_500).map(|n| row(n, K::Domain, &format!("evil{n}.example"))).collect();
    let (files, _) = one(&rows, "sigma");
    assert_eq!(files.len(), 2);
    assert!(files[0].1.contains("\n            - '.evil0.example'\n") && files[0].1.contains("\n    - tlp.green\n"), "{}", files[0].1);
    let (files, unsaid) = one(&samples(), "sigma");
    assert_eq!(files.len(), 8);
    assert!(unsaid.count() > 0);
}
