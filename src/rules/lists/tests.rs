use super::*;
use crate::model::observable::Kinds;
use crate::model::warninglist::{Entries, Expression, Warninglist};
use ObservableKind::*;

fn value(kind: ObservableKind, text: &str) -> Observable {
    Observable::parse(kind, text).expect(text)
}

fn rated(name: &str, kinds: &[ObservableKind], entries: Entries, severity: Severity) -> Rated {
    let kinds = if kinds.is_empty() { Kinds::ALL } else { kinds.iter().copied().collect() };
    let list = Warninglist { name: name.into(), description: String::new(), version: 1, kinds, entries };
    Rated { list, severity, tenants: false }
}

fn texts(entries: &[&str]) -> Vec<String> {
    entries.iter().map(|&entry| entry.to_owned()).collect()
}

fn lists() -> Lists {
    let hosts = [Domain, Url];
    Lists::new([
        rated("popular", &hosts, Entries::Hostname(texts(&["google.com", "blogspot.com", "198.18.0.9"])), Severity::Hold),
        Rated { tenants: true, ..rated("hosting", &hosts, Entries::Hostname(texts(&["blogspot.com", "pages.dev"])), Severity::Hold) },
        rated("exact", &hosts, Entries::String(texts(&["google.com", "gmail.com"])), Severity::Warn),
        rated("ranges", &[Ipv4, Ipv4Net, Ipv6, Ipv6Net], networks(&["17.0.0.0/8", "17.1.0.0/16", "2620:149::/32"]), Severity::Hold),
        rated("disposable", &[Email], Entries::Substring(texts(&["0-mail.com", "mail.com"])), Severity::Warn),
        rated("contacts", &[Email], expressions(&["(?i-u:^(security|abuse)\\@.*\\..*$)"]), Severity::Refuse),
    ])
}

fn networks(texts: &[&str]) -> Entries {
    Entries::Cidr(texts.iter().map(|text| text.parse().expect("a network")).collect())
}

fn expressions(patterns: &[&str]) -> Entries {
    Entries::Regex(patterns.iter().map(|&pattern| Expression { written: format!("/{pattern}/"), pattern: pattern.into() }).collect())
}

/// `Hold popular google.com Below`, strictest first.
fn told(gate: &Gate, observable: &Observable) -> Vec<String> {
    told_with(gate, observable, &[])
}

fn told_with(gate: &Gate, observable: &Observable, inside: &[Observable]) -> Vec<String> {
    let line = |finding: &Finding| {
        let (severity, reach) = (finding.severity, finding.reach);
        match &finding.source {
            Source::Warninglist { name, entry } => format!("{severity:?} {name} {entry} {reach:?}"),
            Source::Reserved(reserved) => format!("{severity:?} {reserved:?} {reach:?}"),
            Source::Infrastructure { whose, entry } => format!("{severity:?} {whose:?} {entry} {reach:?}"),
        }
    };
    gate.judge(observable, inside).findings().iter().map(line).collect()
}

fn on_lists(kind: ObservableKind, text: &str) -> Vec<String> {
    told(&Gate { lists: lists(), ..Gate::default() }, &value(kind, text))
}

const NONE: [&str; 0] = [];

#[test]
fn a_name_is_on_a_list_of_host_names_with_what_is_below_it_and_on_one_of_strings_alone() {
    assert_eq!(on_lists(Domain, "google.com"), ["Hold popular google.com Itself", "Warn exact google.com Itself"]);
    assert_eq!(on_lists(Domain, "mail.google.com"), ["Hold popular google.com Below"]);
    assert_eq!(on_lists(Domain, "notgoogle.com"), NONE);
    assert_eq!(on_lists(Domain, "google.com.evil.ru"), NONE);
    assert_eq!(on_lists(Domain, "www.gmail.com"), NONE);
    assert_eq!(on_lists(Email, "someone@google.com"), NONE, "the list is for domains and URLs");
}

#[test]
fn a_page_on_a_popular_host_is_a_warning_and_the_host_is_held() {
    assert_eq!(on_lists(Url, "https://google.com/"), ["Hold popular google.com On", "Warn exact google.com On"]);
    assert_eq!(on_lists(Url, "https://docs.google.com/forms/d/1"), ["Warn popular google.com On"]);
    assert_eq!(on_lists(Url, "http://198.18.0.9:81/")[1..], ["Hold popular 198.18.0.9 On"]);
}

#[test]
fn a_tenant_is_not_its_landlord() {
    assert_eq!(on_lists(Domain, "evil.blogspot.com"), ["Warn popular blogspot.com Below", "Warn hosting blogspot.com Below"]);
    assert_eq!(on_lists(Domain, "blogspot.com"), ["Hold popular blogspot.com Itself", "Hold hosting blogspot.com Itself"]);
    let refused = Rated { severity: Severity::Refuse, ..rated("ours", &[], Entries::Hostname(texts(&["us.pages.dev"])), Severity::Refuse) };
    let hosting = Rated { tenants: true, ..rated("hosting", &[], Entries::Hostname(texts(&["pages.dev"])), Severity::Hold) };
    let gate = Gate { lists: Lists::new([refused, hosting]), ..Gate::default() };
    assert_eq!(told(&gate, &value(Url, "https://us.pages.dev/a"))[0], "Refuse ours us.pages.dev On", "what is refused stays refused");
}

#[test]
fn a_host_of_which_a_list_speaks_is_not_the_attackers_alone() {
    let gate = Gate { lists: lists(), ..Gate::default() };
    for (kind, text, expected) in [
        (Url, "https://evil.blogspot.com/a", true),
        (Domain, "evil.blogspot.com", true),
        (Domain, "blogspot.com", false),
        (Url, "https://evil.ru/a", false),
        (Ipv4, "17.1.2.3", false),
    ] {
        assert_eq!(gate.is_on_shared_host(&value(kind, text)), expected, "{text}");
    }
}

#[test]
fn addresses_and_networks_are_in_ranges_and_wider_networks_are_not() {
    assert_eq!(on_lists(Ipv4, "17.1.2.3"), ["Hold ranges 17.1.0.0/16 Within", "Hold ranges 17.0.0.0/8 Within"]);
    assert_eq!(on_lists(Ipv4Net, "17.1.0.0/16"), ["Hold ranges 17.1.0.0/16 Itself", "Hold ranges 17.0.0.0/8 Within"]);
    assert_eq!(on_lists(Ipv4Net, "16.0.0.0/7"), NONE);
    assert_eq!(on_lists(Ipv6, "2620:149::1"), ["Hold ranges 2620:149::/32 Within"]);
    assert_eq!(on_lists(Url, "http://17.1.2.3/a"), NONE, "the list is for addresses");
}

#[test]
fn pieces_and_expressions_are_found_once_for_each_list() {
    assert_eq!(on_lists(Email, "x@10-mail.com"), ["Warn disposable 0-mail.com Mentions"]);
    assert_eq!(
        on_lists(Email, "abuse@hotmail.com"),
        ["Refuse contacts /(?i-u:^(security|abuse)\\@.*\\..*$)/ Mentions", "Warn disposable mail.com Mentions",]
    );
}

#[test]
fn expressions_that_are_too_large_together_are_tried_apart() {
    let each = |n: usize| format!("(?-u:x{n}[a-f]{{1,2000}}y)");
    let patterns: Vec<String> = (0..200).map(each).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let lists = Lists::new([rated("many", &[], expressions(&patterns), Severity::Warn)]);
    let gate = Gate { lists, ..Gate::default() };
    assert_eq!(told(&gate, &value(Mutex, "x199abcdefy")).len(), 1);
    assert_eq!(told(&gate, &value(Mutex, "x0ay")).len(), 1);
}

fn guarded(whose: Whose) -> Gate {
    let entries = [
        value(Domain, "helpline.org"),
        value(Ipv4, "93.184.216.34"),
        value(Ipv4Net, "81.2.69.0/24"),
        value(Ipv6Net, "2a02:1234::/32"),
        value(Email, "someone@gmail.com"),
        value(PhoneNumber, "+4915112345678"),
        value(Url, "https://mail.desk.net/webmail"),
    ];
    Gate { guarded: vec![Infrastructure::new(whose, entries)], ..Gate::default() }
}

#[test]
fn whoever_says_a_name_above_a_listed_one_is_told() {
    let lists = Lists::new([
        rated("soft", &[], Entries::Hostname(texts(&["soft.parked.net"])), Severity::Warn),
        rated("hosts", &[], Entries::Hostname(texts(&["ocsp.issuer.net", "issuer.org", "a.b.issuer.co.uk"])), Severity::Refuse),
        rated("strings", &[Domain], Entries::String(texts(&["www.bank.example", "https://x.web.net/", "198.51.100.7"])), Severity::Hold),
        rated("hashes", &[Md5], Entries::String(texts(&["deep.nothing.net"])), Severity::Hold),
    ]);
    let gate = Gate { lists, ..Gate::default() };
    for (text, entry) in [
        ("issuer.net", "hosts ocsp.issuer.net"),
        ("b.issuer.co.uk", "hosts a.b.issuer.co.uk"),
        ("issuer.co.uk", "hosts a.b.issuer.co.uk"),
        ("bank.example", "strings www.bank.example"),
    ] {
        let told: Vec<String> = told(&gate, &value(Domain, text)).into_iter().filter(|told| told.ends_with("Above")).collect();
        assert_eq!(told, [format!("Warn {entry} Above")], "{text}");
    }
    for text in ["parked.net", "web.net", "nothing.net", "anissuer.net", "issuer.org", "x.issuer.net"] {
        assert!(!told(&gate, &value(Domain, text)).iter().any(|told| told.ends_with("Above")), "{text}");
    }
}

#[test]
fn what_is_guarded_is_refused_with_all_that_is_at_and_under_it() {
    for whose in [Whose::Own, Whose::Partner, Whose::Victim] {
        let gate = guarded(whose);
        for (kind, text, expected) in [
            (Domain, "helpline.org", "helpline.org Itself"),
            (Domain, "mx1.helpline.org", "helpline.org Below"),
            (Url, "https://www.helpline.org/donate?x=1", "helpline.org On"),
            (Email, "desk@helpline.org", "helpline.org On"),
            (Ipv4, "93.184.216.34", "93.184.216.34/32 Itself"),
            (Url, "http://93.184.216.34:8080/", "93.184.216.34/32 On"),
            (Ipv4, "81.2.69.142", "81.2.69.0/24 Within"),
            (Ipv4Net, "81.2.69.128/25", "81.2.69.0/24 Within"),
            (Ipv6, "2a02:1234::7", "2a02:1234::/32 Within"),
            (Ipv6, "64:ff9b::93.184.216.34", "93.184.216.34/32 Itself"),
            (Ipv6, "2002:5db8:d822::1", "93.184.216.34/32 Itself"),
            (Email, "someone@gmail.com", "someone@gmail.com Itself"),
            (PhoneNumber, "+4915112345678", "+4915112345678 Itself"),
            (Domain, "34.216.184.93.in-addr.arpa", "93.184.216.34/32 Within"),
            (Domain, "mail.desk.net", "mail.desk.net Itself"),
        ] {
            // A card stands for its very host: whoever writes it may name anybody's domain.
            let is_below = text != "helpline.org" && expected.starts_with("helpline.org");
            let expected = match whose {
                Whose::Partner if is_below && !text.contains('@') => vec![],
                _ => vec![format!("Refuse {whose:?} {expected}")],
            };
            assert_eq!(told(&gate, &value(kind, text)), expected, "{text}");
        }
        assert_eq!(told(&gate, &value(Ipv4Net, "93.184.0.0/16")), [format!("Hold {whose:?} 93.184.216.34/32 Around")]);
        let above = if whose == Whose::Partner { vec![] } else { vec![format!("Warn {whose:?} mail.desk.net Above")] };
        assert_eq!(told(&gate, &value(Domain, "desk.net")), above);
        for (kind, text) in [(Domain, "myhelpline.org"), (Domain, "helpline.orga.net"), (Ipv4, "93.184.216.35"), (Url, "https://desk.net/")]
        {
            assert_eq!(told(&gate, &value(kind, text)), NONE, "{text}");
        }
    }
}

#[test]
fn a_victim_is_not_even_mentioned_and_our_own_name_in_an_attackers_leaves() {
    let (victims, own) = (guarded(Whose::Victim), guarded(Whose::Own));
    for (kind, text) in [
        (Domain, "helpline.org.evil.ru"),
        (Domain, "helpline-org.evil.ru"),
        (Domain, "login-helplineorg.ru"),
        (Domain, "93-184-216-34.dsl.provider.net"),
        (Domain, "34.216.184.93.dynamic.provider.net"),
        (Url, "https://evil.ru/helpline.org/login"),
        (Url, "https://evil.ru/login?u=desk%40helpline.org"),
        (Url, "https://evil.ru/login?u=desk%2540helpline%252eorg"),
        (Url, "https://evil.ru/#ZGVza0BoZWxwbGluZS5vcmc="),
        (Url, "https://evil.ru/a?c=someone@gmail.com"),
        (FilePath, "/Users/desk@helpline.org/a"),
        (UserAgent, "curl to helpline.org"),
    ] {
        let observable = value(kind, text);
        let findings = victims.judge(&observable, &[]);
        let strictest = findings.strictest().unwrap_or_else(|| panic!("{text} leaves"));
        assert_eq!((strictest.severity, strictest.reach), (Severity::Refuse, Reach::Mentions), "{text}");
        assert_eq!(told(&own, &observable), NONE, "{text}");
    }
    for (kind, text) in [
        (Ipv4, "34.216.184.93"),
        (Domain, "unhelpline.org"),
        (Domain, "193-184-216-34.net"),
        (Url, "https://evil.ru/helpline.organ"),
        (Domain, "helpline.ru"),
    ] {
        assert_eq!(told(&victims, &value(kind, text)), NONE, "{text}");
    }
}

#[test]
fn what_is_in_a_pattern_is_found() {
    let text = "[domain-name:value LIKE '%.helpline.org' AND ipv4-addr:value = '10.0.0.1']";
    let (pattern, inside) =
        (value(Pattern, text), [value(Ipv4, "10.0.0.1"), value(Domain, "mx.helpline.org"), value(Domain, "google.com")]);
    let mut gate = guarded(Whose::Own);
    gate.lists = lists();
    assert_eq!(
        told_with(&gate, &pattern, &inside),
        [
            "Refuse Own helpline.org Below",
            "Hold Private Itself",
            "Hold popular google.com Itself",
            "Hold Own helpline.org Mentions",
            "Warn exact google.com Itself",
        ]
    );
    assert_eq!(told_with(&gate, &pattern, &[]), ["Hold Own helpline.org Mentions"]);
    assert_eq!(told_with(&guarded(Whose::Victim), &pattern, &[]), ["Refuse Victim helpline.org Mentions"]);
    let judgement = gate.judge(&pattern, &inside);
    assert_eq!(judgement.findings()[1].part, Some(value(Ipv4, "10.0.0.1")));
}

#[test]
fn a_finding_says_why_and_names_no_victim() {
    let said = |gate: &Gate, observable: &Observable, inside: &[Observable]| {
        gate.judge(observable, inside).strictest().map(ToString::to_string).unwrap_or_default()
    };
    let gate = Gate { lists: lists(), ..Gate::default() };
    assert_eq!(said(&gate, &value(Domain, "mail.google.com"), &[]), "it is a name below `google.com` of the warninglist `popular`");
    assert_eq!(said(&gate, &value(Ipv4, "10.0.0.1"), &[]), "it is a private address, the inside of somebody's network");
    assert_eq!(said(&gate, &value(Url, "http://a.local/"), &[]), "it is on a name that is known inside a network alone");
    let pattern = value(Pattern, "[ipv4-addr:value = '10.0.0.1' OR url:value = 'x']");
    let inside = [value(Ipv4, "10.0.0.1")];
    assert_eq!(said(&gate, &pattern, &inside), "of `10.0.0.1` in the pattern: it is a private address, the inside of somebody's network");
    assert_eq!(
        said(&guarded(Whose::Own), &value(Ipv4Net, "93.184.0.0/16"), &[]),
        "it is a network around `93.184.216.34/32`, which is our own"
    );
    assert_eq!(said(&guarded(Whose::Partner), &value(Url, "https://helpline.org/a"), &[]), "it is on `helpline.org`, which is a partner's");
    let victims = guarded(Whose::Victim);
    let finding = victims.judge(&value(Domain, "helpline-org.evil.ru"), &[]).findings()[0].clone();
    assert_eq!(finding.to_string(), "it mentions what belongs to somebody whom the deny list or `gate.victims` protects");
    assert!(!format!("{finding:?} {victims:?}").contains("helpline"));
}

#[test]
fn the_order_of_severities_is_their_strictness() {
    assert!(Severity::Refuse > Severity::Hold && Severity::Hold > Severity::Warn);
}
