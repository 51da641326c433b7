//! What holds of every observable, tested over all kinds.

use proptest::prelude::*;

use super::{
    lookup::{Match, Place, lookups, meanings, pattern_lookups},
    *,
};

fn guessed(text: &str) -> String {
    Observable::guess(text).map_or_else(|bad| bad.to_string(), |observable| observable.to_string())
}

fn parsed(kind: ObservableKind, text: &str) -> String {
    Observable::parse(kind, text).map_or_else(|bad| bad.to_string(), |observable| observable.to_string())
}

#[test]
fn a_pasted_value_is_what_an_analyst_would_mean() {
    for (text, expected) in [
        ("hxxps://evil[.]example[.]com/a", "url:https://evil.example.com/a"),
        ("evil[.]example[.]com/a", "url:http://evil.example.com/a"),
        ("evil.example.com/", "domain:evil.example.com"),
        ("Evil.Example.COM.", "domain:evil.example.com"),
        ("evil.example.com:8443", "domain:evil.example.com"),
        ("192[.]0[.]2[.]1", "ipv4:192.0.2.1"),
        ("192.0.2.1:443", "ipv4:192.0.2.1"),
        ("192.0.2.1/x", "url:http://192.0.2.1/x"),
        ("192.0.2.9/24", "ipv4_net:192.0.2.0/24"),
        ("[2001:db8::1]:443", "ipv6:2001:db8::1"),
        ("Some One <Some.One@Example.com>", "email:some.one@example.com"),
        ("D41D8CD98F00B204E9800998ECF8427E", "md5:d41d8cd98f00b204e9800998ecf8427e"),
        ("sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("+49 151 1234567", "phone_number:+491511234567"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "cryptocurrency_address:1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("HKCU\\Software\\Evil", "registry_key:HKEY_CURRENT_USER\\software\\evil"),
        ("/private/var/tmp/hooker", "file_path:/private/var/tmp/hooker"),
        ("C:\\Windows\\Temp\\a.exe", "file_path:C:\\Windows\\Temp\\a.exe"),
        ("%APPDATA%\\a.exe", "file_path:%APPDATA%\\a.exe"),
        ("roleaccountd.plist", "file_name:roleaccountd.plist"),
        ("Urgent invoice.docx", "file_name:Urgent invoice.docx"),
        ("com.xdja.safekeyservice", "app_id:com.xdja.safekeyservice"),
        ("Mozilla/5.0 (X11; Linux)", "user_agent:Mozilla/5.0 (X11; Linux)"),
        ("[domain-name:value = 'evil.example.com']", "pattern:[domain-name:value = 'evil.example.com']"),
        ("abcdefghijklmnop.onion", "domain:abcdefghijklmnop.onion"),
    ] {
        assert_eq!(guessed(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_told_says_so_and_names_the_way_out() {
    let hint = "\nhint: say what it is with `--kind`, such as `--kind domain` or `--kind process_name`";
    for (text, expected) in [
        ("bluetoothfs", format!("cannot tell what `bluetoothfs` is: it has no dot{hint}")),
        ("invoice.zip", format!("cannot tell what `invoice.zip` is: it may be of kind `domain` or `file_name`{hint}")),
        (
            "com.apple.rapports.events",
            format!("cannot tell what `com.apple.rapports.events` is: it may be of kind `domain` or `app_id`{hint}"),
        ),
        ("core.framework", format!("cannot tell what `core.framework` is: its last label is no known top-level domain{hint}")),
        ("just some words", format!("cannot tell what `just some words` is: it has the form of no kind{hint}")),
        ("", "cannot tell what `` is: it is empty".to_owned()),
        ("evil\u{202e}moc.com", "cannot tell what `evil\\u{202e}moc.com` is: it holds a control or text-direction character".to_owned()),
        (
            "0177.0.0.1",
            "cannot tell what `0177.0.0.1` is: programs differ on octal, hexadecimal and short forms of IPv4\n\
             hint: write it as four decimal numbers without leading zeros"
                .to_owned(),
        ),
        (
            "d41d8cd98f00b204e9800998ecf842",
            "cannot tell what `d41d8cd98f00b204e9800998ecf842` is: it has 30 hexadecimal digits\n\
             hint: MD5 has 32, SHA-1 40, SHA-256 64 and SHA-512 128"
                .to_owned(),
        ),
    ] {
        assert_eq!(guessed(text), expected);
    }
    assert_eq!(parsed(ObservableKind::Domain, "localhost"), format!("`localhost` is not of kind `domain`: it has no dot{hint}"));
}

#[test]
fn sources_that_mix_kinds_up_give_the_more_exact_one() {
    use ObservableKind::*;
    for (kind, text, expected) in [
        (Domain, "192.0.2.1", "ipv4:192.0.2.1"),
        (Domain, "192.0.2.0/24", "ipv4_net:192.0.2.0/24"),
        (Domain, "http://evil.example.com", "url:http://evil.example.com/"),
        (Domain, "evil.example.com/path", "url:http://evil.example.com/path"),
        (Domain, "evil.example.com/", "domain:evil.example.com"),
        (Domain, "evil.example.com:8080", "domain:evil.example.com"),
        (Domain, "a@evil.example.com", "email:a@evil.example.com"),
        (Domain, "evil.unknowntld", "domain:evil.unknowntld"),
        (Url, "evil.example.com", "domain:evil.example.com"),
        (Url, "evil.example.com/", "url:http://evil.example.com/"),
        (Url, "evil.example.com:8080", "url:http://evil.example.com:8080/"),
        (Url, "192.0.2.1:8080", "url:http://192.0.2.1:8080/"),
        (Url, "192.0.2.1", "ipv4:192.0.2.1"),
        (Url, "[2001:db8::1]:8080", "url:http://[2001:db8::1]:8080/"),
        (Ipv4, "192.0.2.0/24", "ipv4_net:192.0.2.0/24"),
        (Ipv4Net, "192.0.2.1/32", "ipv4:192.0.2.1"),
        (Ipv6, "::ffff:192.0.2.1", "ipv4:192.0.2.1"),
        (FileName, "/private/var/tmp/a", "file_path:/private/var/tmp/a"),
        (AppId, "com.example[.]App", "app_id:com.example.App"),
        (AppCertHash, "D4:1D:8C:D9:8F:00:B2:04:E9:80:09:98:EC:F8:42:7E", "app_cert_hash:d41d8cd98f00b204e9800998ecf8427e"),
        (Mutex, " Global\\Evil ", "mutex:Global\\Evil"),
    ] {
        assert_eq!(parsed(kind, text), expected, "{kind} {text}");
    }
}

/// Texts of every kind, well-formed and not.
fn text() -> impl Strategy<Value = String> {
    let dot = prop_oneof![Just("."), Just("[.]"), Just("(dot)"), Just("\\."), Just("\u{3002}"), Just(" [.] "), Just("[[.]]")];
    let label = "[a-zA-Z0-9_-]{1,8}|[ä-öа-яα-ω]{1,5}|xn--[a-z0-9]{1,6}|[0-9]{1,3}";
    let name = prop::collection::vec((label, dot), 1..5)
        .prop_map(|parts| parts.into_iter().map(|(label, dot)| format!("{label}{dot}")).collect::<String>() + "com");
    let scheme = prop_oneof![Just("http"), Just("hxxps"), Just("tcp"), Just("HTTP"), Just("h**p"), Just("x.y"), Just("file")];
    prop_oneof![
        name.clone(),
        (scheme, name.clone(), "(:[0-9]{1,5})?", "(/[ -~ä]{0,12})?")
            .prop_map(|(scheme, name, port, path)| format!("{scheme}://{name}{port}{path}")),
        (name.clone(), "[/?#:][ -~]{0,8}").prop_map(|(name, tail)| format!("{name}{tail}")),
        ("[a-zA-Z0-9.+_%-]{1,9}", name).prop_map(|(local, name)| format!("{local}@{name}")),
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
        (any::<std::net::IpAddr>(), 0u8..130).prop_map(|(address, length)| format!("{address}/{length}")),
        "[0-9a-fA-F]{32}|[0-9A-F]{40}|[0-9a-f]{64}|[0-9a-f]{128}",
        "\\+[0-9 ()-]{5,18}|HKLM\\\\[A-Za-z\\\\]{0,9}|HKCU[:]?\\\\.{0,9}|/[a-zA-Z/.]{1,9}|C:\\\\[ -~]{1,9}|0x[0-9a-fA-F]{40}",
        "\\[[a-z:= ']{0,20}\\]|[a-z]{1,6}\\.(exe|docx|zip)|com\\.[a-z]{3,9}\\.[a-z]{3,9}",
        "[\\[\\](){}<>.,;'\"dot@:/\\\\ a]{0,14}",
        "\\PC{0,20}",
        ".{0,20}",
    ]
}

#[test]
fn an_address_that_looks_like_a_path_is_taken_only_by_its_kind() {
    for text in ["Some One <some/one@example.org>", "mailto:some/one@example.org", "mailto:a#b@example.org"] {
        assert!(Observable::guess(text).is_err(), "{text}");
        let address = Observable::parse(ObservableKind::Email, text).expect("an address by its kind");
        assert!(address.value().ends_with("@example.org"));
    }
}

#[test]
fn what_one_pass_lays_bare_the_next_takes_off() {
    for text in ["HKCU\\\u{feff}\\", "0.com/`.)a", "HKCU\\\"\\"] {
        let first = Observable::guess(text).unwrap();
        assert_eq!(Observable::parse(first.kind(), first.value()), Ok(first.clone()), "{text:?}");
        assert_eq!(Observable::guess(first.value()), Ok(first), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_canonical_form_is_its_own_canonical_form(text in text(), kind in 0usize..24) {
        let kind = ObservableKind::ALL[kind];
        if let Ok(first) = Observable::parse(kind, &text) {
            let second = Observable::parse(first.kind(), first.value());
            prop_assert_eq!(second.as_ref(), Ok(&first));
            let third = Observable::parse(kind, first.value());
            prop_assert_eq!(third.map(|third| third.value), Ok(first.value));
        }
    }

    #[test]
    fn a_guessed_value_is_guessed_the_same_again(text in text()) {
        if let Ok(first) = Observable::guess(&text) {
            prop_assert_eq!(Observable::guess(first.value()), Ok(first.clone()));
            prop_assert_eq!(Observable::parse(first.kind(), first.value()), Ok(first));
        }
    }

    #[test]
    fn every_key_that_holds_a_value_gives_it_back(text in text(), kind in 0usize..24) {
        if let Ok(observable) = Observable::parse(ObservableKind::ALL[kind], &text) {
            prop_assert_eq!(from_search_key(&search_key(&observable)), Some(observable));
        }
    }

    #[test]
    fn keys_from_foreign_bytes_give_only_observables_that_have_that_key(key in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(observable) = from_search_key(&key) {
            prop_assert_eq!(search_key(&observable), key);
        }
    }

    #[test]
    fn address_and_network_are_found_from_each_other(address in any::<u32>(), base in any::<u32>(), length in 1u8..32) {
        let text = std::net::Ipv4Addr::from(address).to_string();
        let near = std::net::Ipv4Addr::from(if base % 2 == 0 { address ^ (base % 4096) } else { base });
        let address = Observable::parse(ObservableKind::Ipv4, &text);
        let network = Observable::parse(ObservableKind::Ipv4Net, &format!("{near}/{length}"));
        let (Ok(address), Ok(network)) = (address, network) else { return Err(TestCaseError::fail("both are valid")) };
        let mask = u32::MAX << (32 - u32::from(length));
        let inside = text.parse::<std::net::Ipv4Addr>().is_ok_and(|address| u32::from(address) & mask == u32::from(near) & mask);
        prop_assert_eq!(finds(&network, &address), inside.then_some(Match::InNetwork));
        prop_assert_eq!(finds(&address, &network), inside.then_some(Match::ContainsAddress));
    }

    #[test]
    fn one_network_in_another_is_found_from_both(a in any::<u128>(), shift in 0u32..128, one in 1u8..128, other in 1u8..128) {
        let b = a ^ (1u128 << shift);
        let net = |bits: u128, length: u8| Observable::parse(ObservableKind::Ipv6Net, &format!("{}/{length}", std::net::Ipv6Addr::from(bits)));
        let (Ok(outer), Ok(inner)) = (net(a, one.min(other)), net(b, one.max(other))) else { return Ok(()) };
        prop_assume!(outer.kind() == ObservableKind::Ipv6Net && inner.kind() == ObservableKind::Ipv6Net);
        let inside = (a ^ b).leading_zeros() >= u32::from(one.min(other));
        let (down, up) = match (inside, one == other) {
            (false, _) => (None, None),
            (true, true) => (Some(Match::Exact), Some(Match::Exact)),
            (true, false) => (Some(Match::InNetwork), Some(Match::ContainsAddress)),
        };
        prop_assert_eq!(finds(&outer, &inner), down);
        prop_assert_eq!(finds(&inner, &outer), up);
    }
}

/// How `query` finds `stored`, if it does; finding it twice is a failure.
fn finds(query: &Observable, stored: &Observable) -> Option<Match> {
    let key = search_key(stored);
    let hits: Vec<Match> = lookups(query)
        .into_iter()
        .filter(|lookup| match &lookup.place {
            Place::Key(wanted) => *wanted == key,
            Place::Range(range) => range.contains(&key),
        })
        .map(|lookup| lookup.matches)
        .collect();
    assert!(hits.len() <= 1, "{query} finds {stored} as {hits:?}");
    hits.first().copied()
}

#[test]
fn a_query_finds_what_is_above_and_below_it_and_no_look_alike() {
    use ObservableKind::*;
    let of = |kind, text| Observable::parse(kind, text).expect("a value of its kind");
    for (query, stored, expected) in [
        (of(Domain, "example.com"), of(Domain, "example.com"), Some(Match::Exact)),
        (of(Domain, "a.b.example.com"), of(Domain, "example.com"), Some(Match::Parent)),
        (of(Domain, "a.b.example.com"), of(Domain, "b.example.com"), Some(Match::Parent)),
        (of(Domain, "example.com"), of(Domain, "a.b.example.com"), Some(Match::Subdomain)),
        (of(Domain, "example.com"), of(Domain, "-a.example.com"), Some(Match::Subdomain)),
        (of(Domain, "example.com"), of(Domain, "notexample.com"), None),
        (of(Domain, "example.com"), of(Domain, "example.com.evil.org"), None),
        (of(Domain, "example.com"), of(Domain, "example-a.com"), None),
        (of(Url, "http://a.example.com/x"), of(Domain, "example.com"), Some(Match::Parent)),
        (of(Url, "http://a.example.com/x"), of(Domain, "a.example.com"), Some(Match::Exact)),
        (of(Url, "http://192.0.2.1:81/x"), of(Ipv4, "192.0.2.1"), Some(Match::Exact)),
        (of(Url, "http://[2001:db8::1]:81/x"), of(Ipv6Net, "2001:db8::/32"), Some(Match::ContainsAddress)),
        (of(Email, "x@a.example.com"), of(Domain, "example.com"), Some(Match::Parent)),
        (of(Md5, "d41d8cd98f00b204e9800998ecf8427e"), of(AppCertHash, "d41d8cd98f00b204e9800998ecf8427e"), Some(Match::Exact)),
        (of(Domain, "example.com"), of(Url, "http://example.com/"), None),
    ] {
        assert_eq!(finds(&query, &stored), expected, "{query} -> {stored}");
    }
}

#[test]
fn patterns_are_found_by_what_is_in_them() {
    let query = Observable::parse(ObservableKind::Url, "http://a.example.com/x").expect("a URL");
    let found = pattern_lookups(&query);
    assert!(found.iter().all(|lookup| lookup.matches == Match::InPattern));
    let host = Observable::parse(ObservableKind::Domain, "a.example.com").expect("a domain");
    assert!(found.iter().any(|lookup| lookup.place == Place::Key(search_key(&host))));
}

#[test]
fn an_app_id_asked_for_without_its_kind_is_found() {
    let app = Observable::parse(ObservableKind::AppId, "com.spy.app").expect("an app id");
    assert!(meanings("com.spy.app").contains(&app));
    assert!(meanings("").is_empty());
}

#[test]
fn a_long_value_has_a_short_key_of_its_own() {
    let long = |end: &str| Observable::parse(ObservableKind::Url, &format!("http://example.com/{}{end}", "a".repeat(2000))).expect("a URL");
    let (one, other) = (search_key(&long("1")), search_key(&long("2")));
    assert!(one != other && one.len() <= 514);
    assert_eq!(from_search_key(&one), None);
}

#[test]
fn what_a_value_names_is_told() {
    use ObservableKind::*;
    let of = |kind, text: &str| Observable::parse(kind, text).expect(text);
    for (kind, text, host, network, bare) in [
        (Domain, "a.example.com", Some("a.example.com"), None, false),
        (Url, "http://a.example.com:81/", Some("a.example.com"), None, true),
        (Url, "http://a.example.com/b/", Some("a.example.com"), None, false),
        (Url, "http://a.example.com/?b", Some("a.example.com"), None, false),
        (Url, "tcp://192.0.2.1:443", Some("192.0.2.1"), None, true),
        (Email, "x@example.com", Some("example.com"), None, false),
        (Ipv4, "192.0.2.1", Some("192.0.2.1"), Some("192.0.2.1/32"), false),
        (Ipv6Net, "2001:db8::/32", None, Some("2001:db8::/32"), false),
        (FileName, "a.exe", None, None, false),
    ] {
        let value = of(kind, text);
        let told = (value.host(), value.network().map(|network| network.to_string()), value.is_bare_url());
        assert_eq!(told, (host, network.map(str::to_owned), bare), "{text}");
    }
}
