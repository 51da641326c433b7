use super::*;

fn list(json: &str) -> (Warninglist, Vec<String>) {
    let (list, problems) = read(&mut json.as_bytes()).expect("a list");
    (list, problems.into_iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect())
}

fn of(kind: &str, attributes: &str, entries: &str) -> (Entries, Vec<String>) {
    let json =
        format!(r#"{{"name":"n","description":"d","version":3,"type":"{kind}","matching_attributes":{attributes},"list":{entries}}}"#);
    let (list, problems) = list(&json);
    (list.entries, problems)
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn every_field_is_read() {
    let (list, problems) = list(
        r#"{"description":"Blocks","list":["10.0.0.0/8"],"matching_attributes":["ip-src","ip-dst|port"],"name":"RFC 1918","type":"cidr","version":4,"more":[{}]}"#,
    );
    assert_eq!((list.name.as_str(), list.description.as_str(), list.version), ("RFC 1918", "Blocks", 4));
    let kinds: Vec<&str> = list.kinds.iter().map(ObservableKind::name).collect();
    assert_eq!(kinds, ["ipv4", "ipv6", "ipv4_net", "ipv6_net"]);
    assert_eq!(list.entries, Entries::Cidr(vec!["10.0.0.0/8".parse().expect("a network")]));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn the_liberties_that_misp_takes_are_taken() {
    let (bare, _) = list(r#"{"name":"n","list":["evil.example"]}"#);
    assert_eq!((bare.version, bare.kinds, bare.entries.len()), (1, Kinds::ALL, 1));
    let (odd, _) = list(
        r#"{"name":"n","type":["hostname"],"version":"20260811","matching_attributes":[],"list":{"a.example":"a comment","b.example":""}}"#,
    );
    assert_eq!((odd.version, odd.kinds), (20_260_811, Kinds::ALL));
    assert_eq!(odd.entries, Entries::Hostname(texts(&["a.example", "b.example"])));
}

#[test]
fn a_bad_entry_costs_itself_alone() {
    let (entries, problems) = of(
        "cidr",
        r#"["ip-src"]"#,
        r#"["192.0.2.0/33","198.51.100.7","x",7,"","2001:DB8::/32","::ffff:10.0.0.0/104","10.1.2.3/8","0.0.0.0/0"]"#,
    );
    let networks: Vec<IpNet> =
        ["0.0.0.0/0", "10.0.0.0/8", "198.51.100.7/32", "2001:db8::/32"].iter().map(|text| text.parse().expect("a network")).collect();
    assert_eq!(entries, Entries::Cidr(networks));
    assert_eq!(
        problems,
        [
            "list[0]: `192.0.2.0/33` is neither an address nor a network",
            "list[2]: `x` is neither an address nor a network",
            "list[4]: the entry is empty",
            "list[3]: the entry is not a text",
        ]
    );
}

#[test]
fn host_names_lose_their_dots_and_their_case() {
    let (entries, problems) =
        of("hostname", r#"["domain"]"#, r#"[".EihBank.com","barclays","vakıfbank.example","a.example/path","192.0.2.1","b.example.","-"]"#);
    let expected = ["-", "192.0.2.1", "b.example", "barclays", "eihbank.com", "xn--vakfbank-vkb.example"];
    assert_eq!(entries, Entries::Hostname(texts(&expected)));
    assert_eq!(problems, ["list[3]: `a.example/path` is not a host name"]);
}

#[test]
fn strings_are_in_the_canonical_form_of_their_kinds() {
    let md5 = "D41D8CD98F00B204E9800998ECF8427E";
    let (entries, problems) =
        of("string", r#"["domain","url","md5","ssdeep"]"#, &format!(r#"["Example.COM",".google.com","{md5}","AAA","3::"]"#));
    assert_eq!(entries, Entries::String(texts(&["d41d8cd98f00b204e9800998ecf8427e", "example.com", "google.com"])));
    assert_eq!(
        problems,
        [
            "matching_attributes: no value here is of the type `ssdeep`",
            "list[3] and 1 more: the entry is none of the values that the list is for, so nothing can be equal to it",
        ]
    );
}

#[test]
fn a_combined_attribute_type_counts_only_where_there_is_no_other() {
    let kinds = |attributes: &str| {
        let (list, _) = list(&format!(r#"{{"name":"n","matching_attributes":{attributes},"list":[]}}"#));
        list.kinds.iter().map(ObservableKind::name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kinds(r#"["email-src","domain|ip"]"#), "email");
    assert_eq!(kinds(r#"["domain|ip"]"#), "domain ipv4 ipv6 ipv4_net ipv6_net");
    assert_eq!(kinds(r#"["filename|md5"]"#), "file_name file_path md5");
    assert_eq!(kinds(r#"["ssdeep"]"#), "");
    assert_eq!(kinds(r#"["md5","ALL"]"#), ObservableKind::ALL.map(ObservableKind::name).join(" "));
}

#[test]
fn every_bound_holds_and_says_so() {
    let tight = Bounds { file_bytes_max: 200, entries_max: 2, entry_bytes_max: 12, expressions_max: 1, ..Bounds::default() };
    let within = |json: &str| read_within(tight, &mut json.as_bytes()).map(|(list, problems)| (list.entries.len(), problems));
    let long = format!(r#"{{"name":"n","list":["{}"]}}"#, "a".repeat(200));
    assert_eq!(
        within(&long).expect_err("long").to_string(),
        "the warninglist is longer than 200 bytes\nhint: split its entries over several lists"
    );
    let (count, problems) =
        within(r#"{"name":"n","type":"hostname","list":["a.example","a.very.long.example","c.example","d.example"]}"#).expect("a list");
    assert_eq!(count, 1);
    let told: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(told, ["only the first 2 entries are taken, 2 more are not", "the entry is longer than 12 bytes"]);
    let (count, problems) = within(r#"{"name":"n","type":"regex","list":["/a/","/b/"]}"#).expect("a list");
    assert_eq!((count, problems[0].what.as_str()), (1, "only 1 regular expressions are taken"));
}

#[test]
fn what_is_no_list_says_what_is_wrong_and_where() {
    let hint = "\nhint: a MISP warninglist is one object with `name`, `type` and `list`";
    for (json, text) in [
        ("{\"name\":\"n\",\n\"list\":[1,}", format!("not a warninglist: expected value at line 2, column 11{hint}")),
        ("[]", format!("not a warninglist: invalid type: sequence, expected a warninglist's object at line 1, column 0{hint}")),
        ("{\"list\":[]}", format!("not a warninglist: `name` is missing or empty{hint}")),
        ("{\"name\":\"n\"}", format!("not a warninglist: `list` is missing or empty{hint}")),
        (
            "{\"name\":\"n\",\"type\":\"cdir\",\"list\":[]}",
            "the warninglist's type `cdir` is unknown\nhint: the types are `cidr`, `hostname`, `string`, `substring` and `regex`"
                .to_owned(),
        ),
    ] {
        assert_eq!(read(&mut json.as_bytes()).expect_err(json).to_string(), text);
    }
}

#[test]
fn a_broken_input_is_told_as_one() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    assert_eq!(read(&mut Broken).expect_err("broken").to_string(), "failed to read the warninglist: the disk is gone");
}
