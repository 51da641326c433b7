use super::*;
use proptest::prelude::*;

fn decided(url: &str) -> Decision {
    look(&Observable::parse(ObservableKind::Url, url).expect(url), false, &Settings::default())
}

fn told(url: &str) -> String {
    match decided(url) {
        Decision::Keep => "kept".into(),
        Decision::Stripped { url, what } => format!("{} {what:?}", url.value()),
        Decision::Withhold { reason } => format!("withheld {reason:?}"),
    }
}

#[test]
fn what_names_a_person_is_taken_off() {
    for (url, expected) in [
        ("http://evil.ru/update/index.php?emp=someone@victim.org", "http://evil.ru/update/index.php [Email]"),
        ("http://evil.ru/index.php?a=1&e=someone%40victim.org&b=2", "http://evil.ru/index.php?a=1&b=2 [Email]"),
        ("http://evil.ru/login/someone@victim.org/next?x=1", "http://evil.ru/login/ [Email]"),
        ("http://evil.ru/login#c29tZW9uZUB2aWN0aW0ub3Jn", "http://evil.ru/login [Email]"),
        ("http://evil.ru/736f6d656f6e654076696374696d2e6f7267/a.exe", "http://evil.ru/ [Email]"),
        ("http://evil.ru/a?p=%2B4915112345678", "http://evil.ru/a [Phone]"),
        ("http://evil.ru/a?phone=015112345678&lang=de", "http://evil.ru/a?lang=de [Personal]"),
        ("http://evil.ru/a?user_name=somebody", "http://evil.ru/a [Personal]"),
        ("http://evil.ru/q?n=x#/welcome/someone@victim.org", "http://evil.ru/q?n=x [Email]"),
    ] {
        assert_eq!(told(url), expected, "{url}");
    }
}

#[test]
fn what_is_good_for_one_person_or_one_visit_is_taken_off() {
    for (url, expected) in [
        ("https://evil.ru/ZB7s9Dk", "https://evil.ru/ [Token]"),
        ("https://evil.ru/a/8c047334f78b4f64e9494de0f92c3230", "https://evil.ru/a/ [Token]"),
        ("https://evil.ru/x/a097d607-7759-4aaa-b6e2-bfe5c43df76e/login.php?a=b", "https://evil.ru/x/ [Token]"),
        ("https://evil.ru/a?ticket=Eq5ivbUf", "https://evil.ru/a [OneTime]"),
        ("https://evil.ru/a?rid=aB3dE5f&page=2", "https://evil.ru/a?page=2 [OneTime]"),
        ("https://evil.ru/a?label=38d5d963ea7b76e6df243da9ec4a9205", "https://evil.ru/a [Token]"),
        ("https://evil.ru/a?38d5d963ea7b76e6df243da9ec4a9205", "https://evil.ru/a [Token]"),
        ("https://evil.ru/a?r=391C7CE85D88&x=windows10x64", "https://evil.ru/a?x=windows10x64 [Token]"),
        ("https://evil.ru/a?token=&#x41;&#x62;&#x33;&#x64;", "https://evil.ru/a?token=& [Token]"),
        ("https://evil.ru/a;jsessionid=ABC123?b=c", "https://evil.ru/ [OneTime]"),
        ("https://evil.ru/verify/78421905", "https://evil.ru/verify/ [OneTime]"),
        ("https://evil.ru/a?e=x@y.org&token=1&b=2", "https://evil.ru/a?b=2 [Email, OneTime]"),
    ] {
        assert_eq!(told(url), expected, "{url}");
    }
}

#[test]
fn what_tells_of_nobody_is_kept() {
    for url in [
        "http://evil.ru/",
        "http://evil.ru/wp-content/uploads/2023/02/Pass_55555_Setup.rar",
        "http://176.124.192.200/bef7fb05c9ef6540.php",
        "http://fall2sleep.xyz/aN7jD0qO6kT5bK5bQ4eR8fE1xP7hL2vK/softokn3.dll",
        "http://evil.ru/setting.php?banana=[hostname]&apple=[username]&user=%3Cname%3E",
        "http://evil.ru/view.php?type=apple&seed=",
        "http://evil.ru/oferta/jacuzzi-ogrodowe-6-osobowe-z-podswietlenirm-led/712187165",
        "http://evil.ru/guard.js?v=1786440650870",
        "https://evil.ru/2024/12/serbia-a-digital-prison-spyware-and-cellebrite-used-on-journalists-and-activists/",
        "https://evil.ru/#/",
        "https://evil.ru/a#ThreatIntel",
        "http://1qx7r7mj78molew3.live/",
        "http://bluewh6bk2qt6wjib7qxdtplhgbwbi3p7cgofwnshfl5xo3xgwgstrid.onion/",
        "http://1qx7r7mj78molew3.co.uk/",
        "http://a.bluewh6bk2qt6wjib7qxdtplhgbwbi3p7cgofwnshfl5xo3xgwgstrid.onion/",
        "http://[2606:4700::1]/a",
        "tcp://evil.ru:443",
        "file://evil.ru@SSL/DavWWWRoot/a.bat",
    ] {
        assert_eq!(told(url), "kept", "{url}");
    }
}

#[test]
fn on_a_host_that_is_everybodys_the_token_is_the_page() {
    for (url, expected) in [
        ("https://docs.google.com/uc?export=download&id=1ARlBo7gOjk-tWA0KdEgmqXBde_dH1hsy", "kept"),
        ("https://bit.ly/ZB7s9Dk", "kept"),
        ("https://pub-7018b3240dea4c67b01648963fcbc60a.r2.dev/setup_Assigned.msi", "kept"),
        ("https://firebasestorage.googleapis.com/v0/b/a/o/b.js?alt=media&token=a097d607-7759-4aaa-b6e2-bfe5c43df76e", "kept"),
        ("https://www.youtube.com/watch?v=awbjkwCMQ7E&fbclid=iwy2xj", "https://www.youtube.com/watch?v=awbjkwCMQ7E [OneTime]"),
        ("https://docs.google.com/forms/d/1?entry.1=someone@victim.org", "https://docs.google.com/forms/d/1 [Email]"),
        ("https://bit.ly/?e=someone@victim.org", "withheld Email"),
    ] {
        assert_eq!(told(url), expected, "{url}");
    }
    let url = Observable::parse(ObservableKind::Url, "https://files.hosting.net/ZB7s9Dk").expect("a URL");
    assert!(matches!(look(&url, false, &Settings::default()), Decision::Stripped { .. }));
    assert_eq!(look(&url, true, &Settings::default()), Decision::Keep, "the caller knows better");
}

#[test]
fn a_name_of_its_own_for_one_target_is_withheld() {
    for url in [
        "https://8c047334f78b4f64e9494de0f92c3230.evil.ru/",
        "https://login.a097d607-7759-4aaa-b6e2-bfe5c43df76e.evil.ru/a",
        "https://736f6d656f6e654076696374696d2e6f7267.evil.ru/",
        "https://onxw2zlpnzsua5tjmn2gs3jon5zgo.evil.ru/",
    ] {
        assert_eq!(told(url), "withheld Label", "{url}");
    }
    for url in ["https://mail.evil.ru/", "https://login-microsoftonline-com.evil.ru/", "https://xn--80akhbyknj4f.evil.ru/"] {
        assert_eq!(told(url), "kept", "{url}");
    }
}

#[test]
fn other_kinds_are_kept() {
    let domain = |name: &str| look(&Observable::parse(ObservableKind::Domain, name).expect(name), false, &Settings::default());
    assert_eq!(domain("1qx7r7mj78molew3.evil.ru"), Decision::Withhold { reason: Trace::Label });
    for name in ["evil.ru", "jdgsle772icibskap6.live", "login.evil.ru", "pub-7018b3240dea4c67b01648963fcbc60a.r2.dev"] {
        assert_eq!(domain(name), Decision::Keep, "{name}");
    }
    let email = Observable::parse(ObservableKind::Email, "someone@victim.org").expect("an address");
    assert_eq!(look(&email, false, &Settings::default()), Decision::Keep);
}

#[test]
fn user_names_are_gone_before_anybody_looks() {
    let url = Observable::parse(ObservableKind::Url, "http://someone:secret@evil.ru/a").expect("a URL");
    assert_eq!(url.value(), "http://evil.ru/a");
}

#[test]
fn a_pattern_with_a_telling_url_in_it_is_withheld() {
    let parts =
        |urls: &[&str]| -> Vec<Observable> { urls.iter().map(|url| Observable::parse(ObservableKind::Url, url).expect(url)).collect() };
    let settings = Settings::default();
    assert_eq!(look_in_pattern(&parts(&["http://evil.ru/a", "http://evil.ru/b.php"]), &settings), Decision::Keep);
    let telling = parts(&["http://evil.ru/a", "http://evil.ru/?e=someone@victim.org"]);
    assert_eq!(look_in_pattern(&telling, &settings), Decision::Withhold { reason: Trace::Email });
    assert_eq!(look_in_pattern(&[], &settings), Decision::Keep);
}

#[test]
fn every_trace_has_its_words() {
    let cases = [
        (Trace::Email, "an e-mail address"),
        (Trace::Phone, "a telephone number"),
        (Trace::Personal, "a parameter that names a person or a machine"),
        (Trace::OneTime, "a one-time parameter"),
        (Trace::Token, "a token"),
        (Trace::Label, "a host name made for one target"),
    ];
    crate::texts::all_say(include_str!("mod.rs"), "Trace", &cases);
}

/// Numbers that are the same each time (xorshift).
struct Lot(u64);

impl Lot {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        (0..length).map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())])).collect()
    }
}

/// Of tokens as kits draw them, so many are found; `docs/release-gate.md` has the figures.
#[test]
fn most_tokens_that_are_drawn_by_lot_are_taken_off() {
    const SMALL: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    const BOTH: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const HEX: &str = "0123456789abcdef";
    let mut lot = Lot(0x2026_1122);
    for (name, alphabet, length, percent_min) in [
        ("base62", BOTH, 7, 60),
        ("base62", BOTH, 10, 80),
        ("base62", BOTH, 16, 95),
        ("base62", BOTH, 32, 99),
        ("base36", SMALL, 10, 50),
        ("base36", SMALL, 16, 80),
        ("base36", SMALL, 32, 95),
        ("hexadecimal", HEX, 16, 95),
        ("hexadecimal", HEX, 32, 99),
    ] {
        let mut found = 0;
        for _ in 0..1_000 {
            let url = format!("https://evil.ru/a/{}", lot.text(alphabet, length));
            found += usize::from(decided(&url) != Decision::Keep);
        }
        println!("{name} of {length}: {}.{} %", found / 10, found % 10);
        assert!(found >= percent_min * 10, "{name} of {length}: {found} of 1,000");
    }
}

/// Parts of real URLs, put together anyhow.
fn any_url() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,9}",
        "[A-Za-z0-9]{4,40}",
        "[0-9a-f]{8,40}",
        "[a-z]{1,5}@[a-z]{1,6}\\.(org|de)",
        "[a-z]{1,5}%40[a-z]{1,6}\\.org",
        "\\+49[0-9]{8,12}",
        "[a-z;=,.%+@!~_-]{0,12}",
        Just("token=abc".to_owned()),
        Just("e=YUBiLm9yZw==".to_owned()),
        Just("file.exe".to_owned()),
    ];
    let pieces = proptest::collection::vec(piece, 0..6);
    (prop_oneof![Just("evil.ru"), Just("a.b.evil.ru"), Just("bit.ly"), Just("93.184.216.34:81")], pieces.clone(), pieces.clone(), pieces)
        .prop_map(|(host, path, query, fragment)| format!("http://{host}/{}?{}#{}", path.join("/"), query.join("&"), fragment.join("&")))
}

proptest! {
    #[test]
    fn what_is_left_is_kept_and_no_longer_than_before(text in any_url()) {
        let Ok(url) = Observable::parse(ObservableKind::Url, &text) else { return Ok(()) };
        if let Decision::Stripped { url: left, what } = look(&url, false, &Settings::default()) {
            prop_assert_eq!(look(&left, false, &Settings::default()), Decision::Keep, "{} left {}", url, left);
            prop_assert!(left.value().len() < url.value().len());
            prop_assert!(!what.is_empty());
        }
    }

    #[test]
    fn an_address_in_a_query_never_stays(local in "[a-z]{1,8}", name in "[a-z]{1,8}", key in "[a-z]{1,6}") {
        let url = format!("http://evil.ru/a?x=1&{key}={local}@{name}.org&y=2");
        if let Decision::Stripped { url, .. } = decided(&url) {
            prop_assert!(!url.value().contains('@'));
        } else {
            prop_assert!(false, "{} is kept", url);
        }
    }

    #[test]
    fn no_url_is_too_odd(text in ".{0,200}") {
        if let Ok(url) = Observable::parse(ObservableKind::Url, &format!("http://evil.ru/{text}")) {
            look(&url, false, &Settings::default());
        }
    }
}
