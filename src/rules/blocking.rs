//! What may enter a list that something is blocked by, or somebody woken: the attacker's alone. A public suffix, the apex of a host that everybody
//! uses, what a warninglist names and, of what covers all below a name, what is above that stay out, whatever a record says of them; a name below a shared host, and a page on it, may enter.

use super::addressee::is_everybodys;
use super::lists::{Finding, Reach, Severity, Source};
use crate::model::{Observable, ObservableKind};
use std::net::IpAddr;

/// Why a value stays out.
pub const PUBLIC_SUFFIX: &str = "everybody may have a name below it (public suffix list)";
/// Why a value stays out.
pub const SHARED: &str = "everybody may have a page or a name there";
/// Why a value stays out.
pub const LISTED: &str = "a warninglist names it: more than the attacker would be hit";
/// Why a value stays out.
pub const RESERVED: &str = "nobody on the internet has it, or everybody";
/// Why a value stays out.
pub const OURS: &str = "it is ours, a partner's or a victim's";

/// Whether a value may enter; `judged` is what the gate says of it, and `covers` whether what lies below a name is hit with it.
///
/// # Errors
/// Why it stays out.
pub fn may_enter(observable: &Observable, judged: &[(Severity, Finding)], covers: bool) -> Result<(), &'static str> {
    // A URL of nothing but its host is all of that host.
    let host = match observable.kind() {
        ObservableKind::Domain => Some(observable.value()),
        ObservableKind::Url if observable.is_bare_url() => observable.host(),
        _ => None,
    };
    match host {
        Some(host) if host.parse::<IpAddr>().is_err() && is_public_suffix(host) => return Err(PUBLIC_SUFFIX),
        Some(host) if is_everybodys(host) => return Err(SHARED),
        _ => {}
    }
    let counts = |finding: &Finding| finding.reach != Reach::Above || (covers && finding.part.is_none());
    judged.iter().filter(|(_, finding)| counts(finding)).try_for_each(|(severity, finding)| {
        let whole = matches!(finding.reach, Reach::Itself | Reach::Within | Reach::Around | Reach::Above);
        match finding.source {
            Source::Warninglist { .. } if whole || (finding.reach == Reach::Below && *severity > Severity::Warn) => Err(LISTED),
            Source::Reserved(_) if *severity > Severity::Warn => Err(RESERVED),
            Source::Infrastructure { .. } => Err(OURS),
            Source::Warninglist { .. } | Source::Reserved(_) => Ok(()),
        }
    })
}

/// Whether organisations that have nothing to do with each other have names below this one: under a registry, or at a host for everybody.
fn is_public_suffix(name: &str) -> bool {
    psl::suffix_str(name).is_none_or(|suffix| suffix.len() == name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enters(kind: ObservableKind, value: &str, judged: &[(Severity, Finding)]) -> Result<(), &'static str> {
        may_enter(&Observable::parse(kind, value).expect("a value"), judged, true)
    }

    #[test]
    fn a_suffix_stays_out_and_what_is_below_it_does_not() {
        for suffix in ["com", "co.uk", "github.io", "web.app", "duckdns.org", "s3.amazonaws.com", "xn--p1ai"] {
            assert!(is_public_suffix(suffix), "{suffix}");
        }
        for name in ["evil.com", "evil.co.uk", "evil.github.io", "a.evil.duckdns.org"] {
            assert_eq!(enters(ObservableKind::Domain, name, &[]), Ok(()), "{name}");
        }
        assert_eq!(enters(ObservableKind::Domain, "github.io", &[]), Err(PUBLIC_SUFFIX));
    }

    #[test]
    fn what_everybody_uses_stays_out_without_any_list_and_a_page_or_a_name_there_does_not() {
        use ObservableKind::{Domain, Url};
        for name in [
            "wordpress.com",
            "www.wordpress.com",
            "github.com",
            "google.com",
            "t.me",
            "bit.ly",
            "sharepoint.com",
            "api.github.com",
            "docs.google.com",
        ] {
            assert_eq!(enters(Domain, name, &[]), Err(SHARED), "{name}");
            for whole in [format!("https://{name}/"), format!("http://{name}:8080/")] {
                assert_eq!(enters(Url, &whole, &[]), Err(SHARED), "{whole}");
            }
            for there in [format!("https://{name}/evil"), format!("https://{name}/?id=7")] {
                assert_eq!(enters(Url, &there, &[]), Ok(()), "{there}");
            }
        }
        assert_eq!(enters(Url, "https://github.io/", &[]), Err(PUBLIC_SUFFIX));
        for name in
            ["evil.wordpress.com", "evil-sharepoint.com", "wwww-github.com", "evil.storage.googleapis.com", "docs.google.com.evil.net"]
        {
            assert_eq!(enters(Domain, name, &[]), Ok(()), "{name}");
        }
        for url in ["https://evil.net/", "http://192.0.2.1/", "http://[2001:db8::1]/", "https://evil.wordpress.com/"] {
            assert_eq!(enters(Url, url, &[]), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_a_list_names_stays_out_whole_and_a_page_on_it_does_not() {
        let listed = |reach, severity| {
            let source = Source::Warninglist { name: "list".into(), entry: "entry".into() };
            [(severity, Finding { severity, source, reach, part: None })]
        };
        for (reach, severity, enters_it) in [
            (Reach::Itself, Severity::Warn, false),
            (Reach::Within, Severity::Warn, false),
            (Reach::Around, Severity::Hold, false),
            (Reach::Above, Severity::Warn, false),
            (Reach::Below, Severity::Hold, false),
            (Reach::Below, Severity::Warn, true),
            (Reach::On, Severity::Hold, true),
        ] {
            let found = enters(ObservableKind::Domain, "evil.example", &listed(reach, severity));
            assert_eq!(found.is_ok(), enters_it, "{reach:?} {severity:?}");
        }
        let ours = [(
            Severity::Hold,
            Finding {
                severity: Severity::Hold,
                source: Source::Infrastructure { whose: super::super::lists::Whose::Partner, entry: "x".into() },
                reach: Reach::On,
                part: None,
            },
        )];
        assert_eq!(enters(ObservableKind::Url, "https://partner.example/", &ours), Err(OURS));
    }
}
