//! Alerts as a feed (Atom, RFC 4287), for watchers, rooms where people talk and readers of news. Ids are made of what they stand for, so that an entry is the
//! same one in each feed; the same alerts give the same bytes.

use crate::formats::stix::write::NAMESPACE;
use crate::model::alert::Alert;
use crate::model::{GroupId, Observable, ObservableKind, OrgId, Timestamp, Tlp};
use std::io::{self, Write};
use uuid::Uuid;

/// An alert that holds.
#[derive(Debug, Clone)]
pub struct Warning {
    /// Who warns.
    pub author: OrgId,
    /// Its label.
    pub tlp: Tlp,
    /// When it came here, or, of ours, was written.
    pub at: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
    /// What it says.
    pub alert: Alert,
    /// Its types in the Reference Security Incident Taxonomy, each as `category:type`.
    pub rsit: Vec<String>,
}

/// Writes a feed of what was said in these groups, everywhere where there is none, the newest first.
///
/// # Errors
/// The output fails.
pub fn atom(out: &mut dyn Write, groups: &[GroupId], warnings: &[Warning]) -> io::Result<()> {
    let mut newest: Vec<&Warning> = warnings.iter().collect();
    newest.sort_by_key(|one| (std::cmp::Reverse(one.at), one.author, one.alert.id));
    let of = groups.iter().flat_map(|group| group.0).collect::<Vec<u8>>();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">")?;
    writeln!(out, "<id>{}</id>\n<title>Alerts</title>", id(&[b"alert-feed:", &of]))?;
    // A feed of nothing has to have been changed at some time, too.
    writeln!(out, "<updated>{}</updated>", newest.first().map_or(Timestamp(0), |one| one.at))?;
    newest.into_iter().try_for_each(|warning| entry(out, warning))?;
    writeln!(out, "</feed>")?;
    out.flush()
}

fn entry(out: &mut dyn Write, warning: &Warning) -> io::Result<()> {
    let Warning { author, tlp, at, alert, rsit, .. } = warning;
    writeln!(out, "<entry>\n<id>{}</id>", id(&[b"alert:", &author.0, &alert.id.0]))?;
    writeln!(out, "<title>{}</title>", escaped(&alert.headline))?;
    writeln!(out, "<author><name>{author}</name></author>\n<published>{at}</published>\n<updated>{at}</updated>")?;
    writeln!(out, "<category term=\"tlp:{}\"/>\n<category term=\"priority:{}\"/>", tlp.name(), alert.priority)?;
    alert.incident_types.iter().try_for_each(|code| writeln!(out, "<category term=\"{}\"/>", escaped(code.as_str())))?;
    // As MISP's machine tags, which readers outside of the network know.
    for (category, kind) in rsit.iter().filter_map(|one| one.split_once(':')) {
        writeln!(out, "<category term=\"{}\"/>", escaped(&format!("rsit:{category}=\"{kind}\"")))?;
    }
    writeln!(out, "<content type=\"text\">{}</content>\n</entry>", escaped(&content(warning)))
}

fn content(Warning { tlp, until, alert, .. }: &Warning) -> String {
    let places: Vec<&str> = alert.countries.iter().map(|one| one.as_str()).chain(alert.regions.iter().map(|one| one.as_str())).collect();
    let places = if places.is_empty() { "everywhere".into() } else { places.join(", ") };
    let advice = if alert.advice.trim().is_empty() { String::new() } else { format!("{}\n\n", alert.advice.trim()) };
    let values: String = alert.indicators.iter().map(|one| format!("\nLook for: {}", defanged(one))).collect();
    format!("{advice}Where: {places}\nUntil: {until}\nTLP:{}{values}", tlp.name().to_uppercase())
}

/// A value on which nobody can click.
fn defanged(observable: &Observable) -> String {
    use ObservableKind as K;
    let value = observable.value();
    match observable.kind() {
        K::Domain | K::Url | K::Email | K::Ipv4 | K::Ipv4Net => {
            value.replacen("http", "hxxp", usize::from(value.starts_with("http"))).replace('.', "[.]")
        }
        _ => value.into(),
    }
}

fn id(parts: &[&[u8]]) -> String {
    Uuid::new_v5(&NAMESPACE, &parts.concat()).urn().to_string()
}

/// A text in XML. What XML cannot have is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() && !matches!(c, '\n' | '\t') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::tests::alert;

    fn warning(author: u8, at: u64) -> Warning {
        let alert = alert(&["account_compromise"], &["LB"], &["africa"]);
        Warning {
            author: OrgId([author; 32]),
            tlp: Tlp::Green,
            at: Timestamp(at),
            until: alert.valid_until,
            alert,
            rsit: vec!["intrusions:privileged-account-compromise".into()],
        }
    }

    fn written(groups: &[GroupId], warnings: &[Warning]) -> String {
        let mut out = Vec::new();
        atom(&mut out, groups, warnings).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_entry_says_what_an_alert_says_and_nothing_of_it_is_xml() {
        let mut one = warning(1, 1_795_339_800_000);
        one.alert.headline = "<b>&\"' \u{7}\u{ffff}é".into();
        let text = written(&[], &[one]);
        assert!(text.contains("<title>&lt;b&gt;&amp;&quot;' é</title>"), "{text}");
        assert!(text.contains("<updated>2026-11-22T09:30:00.000Z</updated>"), "{text}");
        assert!(text.contains("\n<category term=\"account_compromise\"/>\n"), "{text}");
        assert!(text.contains("\n<category term=\"rsit:intrusions=&quot;privileged-account-compromise&quot;\"/>\n"), "{text}");
        let content = "turn on two factors\nask who was called\n\nWhere: LB, africa\nUntil: 2027-01-15T08:00:00.000Z\nTLP:GREEN\nLook for: login-lure[.]com<";
        assert!(text.contains(content), "{text}");
    }

    #[test]
    fn ids_stay_and_the_newest_is_first_in_whatever_order_they_come() {
        let (old, new) = (warning(1, 1_000), warning(2, 2_000));
        let text = written(&[], &[old.clone(), new.clone()]);
        assert_eq!(text, written(&[], &[new.clone(), old.clone()]));
        let ids = |text: &str| text.lines().filter(|line| line.starts_with("<id>")).map(str::to_owned).collect::<Vec<_>>();
        let [feed, first, second] = ids(&text).try_into().unwrap();
        assert_eq!(ids(&written(&[], &[new])), [feed.clone(), first.clone()]);
        let there = ids(&written(&[GroupId([3; 32])], &[old]));
        assert_eq!(there[1], second);
        assert_ne!(there[0], feed);
        assert!(first != second && feed.starts_with("<id>urn:uuid:"), "{feed}");
    }

    #[test]
    fn a_feed_of_nothing_is_one() {
        assert!(written(&[], &[]).ends_with("<title>Alerts</title>\n<updated>1970-01-01T00:00:00.000Z</updated>\n</feed>\n"));
    }

    #[test]
    fn nobody_can_click_on_a_value() {
        let cases = [
            ("https://a.example/x.html", "hxxps://a[.]example/x[.]html"),
            ("a@http.example", "a@http[.]example"),
            ("198.51.100.7", "198[.]51[.]100[.]7"),
        ];
        for (value, shown) in cases {
            assert_eq!(defanged(&Observable::guess(value).unwrap()), shown);
        }
    }
}
