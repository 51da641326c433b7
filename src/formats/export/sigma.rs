//! Sigma rules: one for each campaign and source of logs, and more where there are many values, since long lists make a rule slow.

use super::threads::Threads;
use super::{About, Files, Form, Row, Unsaid, one_line};
use crate::formats::stix::Scratch;
use crate::formats::stix::write::NAMESPACE;
use crate::model::{ObservableKind as K, Timestamp};
use std::collections::BTreeMap;
use std::io;
use uuid::Uuid;

/// The most values in one rule.
const VALUES_MAX: usize = 1_000;
const UNNAMED: &str = "indicators without a campaign";
/// The longest name of a campaign in a title, in characters.
const NAME_CHARS_MAX: usize = 120;

const NO_LOG: &str = "no usual log has this kind";

/// Where it would be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Logs {
    Dns,
    Pages,
    Agents,
    Connections,
    Networks,
    Hashes,
    Files,
    Registry,
}

impl Logs {
    const fn of(kind: K) -> Option<Self> {
        Some(match kind {
            K::Domain => Self::Dns,
            K::Url => Self::Pages,
            K::UserAgent => Self::Agents,
            K::Ipv4 | K::Ipv6 => Self::Connections,
            K::Ipv4Net | K::Ipv6Net => Self::Networks,
            K::Md5 | K::Sha1 | K::Sha256 => Self::Hashes,
            K::FileName | K::FilePath => Self::Files,
            K::RegistryKey => Self::Registry,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Dns => "names in DNS",
            Self::Pages => "pages",
            Self::Agents => "user agents",
            Self::Connections => "addresses",
            Self::Networks => "networks",
            Self::Hashes => "hashes",
            Self::Files => "files",
            Self::Registry => "registry keys",
        }
    }

    /// `logsource` and the fields that are looked at.
    const fn source(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Dns => ("    category: dns\n", &["query", "query|endswith"]),
            Self::Pages => ("    category: proxy\n", &["c-uri"]),
            Self::Agents => ("    category: proxy\n", &["c-useragent"]),
            Self::Connections => ("    category: firewall\n", &["dst_ip"]),
            Self::Networks => ("    category: firewall\n", &["dst_ip|cidr"]),
            Self::Hashes => ("    category: process_creation\n    product: windows\n", &["Hashes|contains"]),
            Self::Files => ("    category: file_event\n    product: windows\n", &["TargetFilename|endswith"]),
            Self::Registry => ("    category: registry_event\n    product: windows\n", &["TargetObject|startswith"]),
        }
    }
}

/// A rule, and which of its fields.
type Key = (Rule, usize);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    campaign: String,
    logs: Logs,
    part: usize,
}

/// `UUID.yml` for each rule.
pub struct Sigma<F: Files, S: Scratch> {
    files: F,
    threads: Threads<Key, S>,
    values: BTreeMap<(String, Logs), usize>,
    rules: BTreeMap<Rule, About>,
    unsaid: Unsaid,
}

impl<F: Files, S: Scratch> Sigma<F, S> {
    /// Rules, for which `scratch` is an empty file.
    pub fn new(files: F, scratch: S) -> Self {
        Self { files, threads: Threads::new(scratch), values: BTreeMap::new(), rules: BTreeMap::new(), unsaid: Unsaid::default() }
    }
}

impl<F: Files, S: Scratch> Form for Sigma<F, S> {
    fn value(&mut self, rows: &[Row]) -> io::Result<()> {
        let Some(row) = rows.first() else { return Ok(()) };
        let (kind, value) = (row.observable.kind(), row.observable.value());
        let Some(logs) = Logs::of(kind) else { return self.unsaid.left(kind, NO_LOG) };
        let campaign = rows.iter().find_map(Row::campaign).unwrap_or(UNNAMED);
        let campaign: String = one_line(campaign).chars().take(NAME_CHARS_MAX).collect();
        let count = self.values.entry((campaign.clone(), logs)).or_default();
        let rule = Rule { campaign, logs, part: *count / VALUES_MAX };
        *count += 1;
        let about = self.rules.remove(&rule).map_or_else(|| About::of(row), |about| about.with(row));
        self.rules.insert(rule.clone(), about);
        let literals = match kind {
            K::Domain => vec![value.to_owned(), format!(".{value}")],
            K::Md5 => vec![format!("MD5={value}")],
            K::Sha1 => vec![format!("SHA1={value}")],
            K::Sha256 => vec![format!("SHA256={value}")],
            K::FileName => vec![format!("\\{value}")],
            _ => vec![value.to_owned()],
        };
        for (field, literal) in literals.iter().enumerate() {
            self.threads.push(&(rule.clone(), field), format!("            - {}\n", quoted(&plain(literal))).as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<Unsaid> {
        let Self { files, threads, rules, .. } = &mut *self;
        for (rule, About { first, last, tlp }) in rules.iter() {
            let name = format!("sigma:{}\0{}\0{}", rule.campaign, rule.logs.name(), rule.part);
            let id = Uuid::new_v5(&NAMESPACE, name.as_bytes());
            let date = |time: &Timestamp| time.to_string().chars().take(10).collect::<String>();
            let part = if rule.part == 0 { String::new() } else { format!(", part {}", rule.part + 1) };
            let (source, fields) = rule.logs.source();
            files.begin(&format!("{id}.yml"))?;
            writeln!(files, "title: {}", quoted(&format!("{} of {}{part}", capital(rule.logs.name()), rule.campaign)))?;
            writeln!(files, "id: {id}\nstatus: experimental")?;
            writeln!(files, "description: Indicators that partners share with each other over Watchfire.")?;
            writeln!(files, "author: Watchfire\ndate: {}\nmodified: {}", date(first), date(last))?;
            writeln!(files, "tags:\n    - tlp.{}", tlp.name().replace('+', "-"))?;
            write!(files, "logsource:\n{source}detection:\n")?;
            for (at, field) in fields.iter().enumerate() {
                writeln!(files, "    shared{at}:\n        {field}:")?;
                threads.write(&(rule.clone(), at), files)?;
            }
            writeln!(files, "    condition: 1 of shared*\nfalsepositives:\n    - none known\nlevel: high")?;
        }
        files.end()?;
        Ok(self.unsaid)
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// A text in YAML.
fn quoted(text: &str) -> String {
    format!("'{}'", one_line(text).replace('\'', "''"))
}

/// A value as Sigma reads it as nothing but itself: wildcards are escaped, and backslashes where they would escape something.
fn plain(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        let run = rest.len() - rest.trim_start_matches('\\').len();
        let (this, next) = rest.split_at(run.max(c.len_utf8()));
        match c {
            '\\' if run > 1 || next.starts_with(['*', '?']) => out.push_str(&this.repeat(2)),
            '*' | '?' => out.extend(['\\', c]),
            _ => out.push_str(this),
        }
        rest = next;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_nothing_but_itself_to_sigma() {
        let cases = [
            (r"C:\Windows\x.dll", r"C:\Windows\x.dll"),
            (r"\\server\x", r"\\\\server\x"),
            ("a*b?", r"a\*b\?"),
            (r"a\*b", r"a\\\*b"),
            ("ünï*", r"ünï\*"),
            ("", ""),
        ];
        for (value, written) in cases {
            assert_eq!(plain(value), written, "{value}");
        }
        assert_eq!(quoted("it's *"), "'it''s *'");
    }
}
