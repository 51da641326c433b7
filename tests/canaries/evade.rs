//! How values are hidden. Each evasion says for which it makes sense by giving `None` for the others.

use super::make::{Kind, Value};
use super::tongues::{Order, Tongue};
use icu_normalizer::DecomposingNormalizerBorrowed;

pub struct Evasion {
    pub name: &'static str,
    pub hide: fn(Kind, &Value, &Tongue) -> Option<String>,
    /// Whether only a part of a name is planted.
    pub part: bool,
}

impl Evasion {
    /// The part of a name without an initial.
    pub fn bare<'t>(&self, hidden: &'t str) -> &'t str {
        hidden.rsplit(". ").next().unwrap_or(hidden)
    }
}

const fn whole(name: &'static str, hide: fn(Kind, &Value, &Tongue) -> Option<String>) -> Evasion {
    Evasion { name, hide, part: false }
}

const fn part(name: &'static str, hide: fn(Kind, &Value, &Tongue) -> Option<String>) -> Evasion {
    Evasion { name, hide, part: true }
}

pub const EVASIONS: [Evasion; 58] = [
    whole("native digits", native),
    whole("a blank between all", |kind, value, _| {
        (!matches!(kind, Kind::Ip | Kind::Url | Kind::Introduced)).then(|| between(&value.plain().replace(' ', ""), " "))
    }),
    whole("no-break spaces", |_, value, _| gaps(value, "\u{a0}")),
    whole("thin spaces", |_, value, _| gaps(value, "\u{2009}")),
    whole("narrow and figure spaces", |_, value, _| gaps(value, "\u{202f}\u{2007}")),
    whole("ideographic spaces", |_, value, _| gaps(value, "\u{3000}")),
    whole("line break", |kind, value, _| (kind != Kind::Introduced).then(|| line_break(value))?),
    whole("zero-width spaces", |_, value, _| Some(between(&value.plain(), "\u{200b}"))),
    whole("zero-width non-joiners", |_, value, _| Some(between(&value.plain(), "\u{200c}"))),
    whole("zero-width joiners", |_, value, _| Some(between(&value.plain(), "\u{200d}"))),
    whole("word joiners", |_, value, _| Some(between(&value.plain(), "\u{2060}"))),
    whole("byte-order marks", |_, value, _| Some(between(&value.plain(), "\u{feff}"))),
    whole("soft hyphens", |_, value, _| Some(between(&value.plain(), "\u{ad}"))),
    whole("direction marks", |_, value, _| Some(between(&value.plain(), "\u{200e}\u{200f}"))),
    whole("isolates", |_, value, _| Some(format!("\u{2068}{}\u{2069}", between(&value.plain(), "\u{2066}\u{2069}")))),
    whole("embeddings", |_, value, _| Some(format!("\u{202b}{}\u{202c}", value.plain()))),
    whole("variation selectors", |_, value, _| Some(between(&value.plain(), "\u{fe0f}"))),
    whole("tag characters", |_, value, _| Some(between(&value.plain(), "\u{e0061}"))),
    whole("full width", |_, value, _| map(value, |c| c.is_ascii_graphic().then(|| shifted(c, '!', 0xff01)))),
    whole("mathematical bold", |_, value, _| map(value, |c| alphanumeric(c, 0x1d400, 0x1d41a, 0x1d7ce))),
    whole("mathematical monospace", |_, value, _| map(value, |c| alphanumeric(c, 0x1d670, 0x1d68a, 0x1d7f6))),
    whole("circled", |_, value, _| {
        map(value, |c| match c {
            '0' => Some('⓪'),
            '1'..='9' => Some(shifted(c, '1', 0x2460)),
            _ => alphanumeric(c, 0x24b6, 0x24d0, 0),
        })
    }),
    whole("superscript", |_, value, _| number(value)?.chars().map(|c| Some(superscript(c))).collect()),
    whole("subscript", |_, value, _| {
        number(value)?.chars().map(|c| Some(if c.is_ascii_digit() { shifted(c, '0', 0x2080) } else { c })).collect()
    }),
    whole("keycaps", |_, value, _| {
        Some(number(value)?.chars().map(|c| if c.is_ascii_digit() { format!("{c}\u{fe0f}\u{20e3}") } else { c.into() }).collect())
    }),
    whole("Cyrillic look-alikes", |_, value, _| looks(value, "aаeеoоpрcсyуxхiіjјsѕ", "Cyrillic")),
    whole("Greek look-alikes", |_, value, _| looks(value, "oοvνiιuυpρaαkκxχ", "Greek")),
    whole("accents added", |_, value, tongue| (tongue.cased || !matches!(value, Value::Name { .. })).then(|| marked(value, '\u{301}'))),
    whole("struck through", |_, value, tongue| (tongue.cased || !matches!(value, Value::Name { .. })).then(|| marked(value, '\u{336}'))),
    whole("decomposed", |_, value, _| Some(DecomposingNormalizerBorrowed::new_nfd().normalize(&value.plain()).into_owned())),
    whole("upper case", |_, value, _| Some(value.plain().to_uppercase())),
    whole("lower case", |kind, value, _| (kind != Kind::Introduced).then(|| value.plain().to_lowercase())),
    whole("alternating case", |kind, value, _| {
        let alternate = |(at, c): (usize, char)| if at % 2 == 0 { c.to_lowercase().next() } else { c.to_uppercase().next() };
        (kind != Kind::Introduced).then(|| value.plain().chars().enumerate().filter_map(alternate).collect())
    }),
    whole("dots", |kind, value, _| (kind != Kind::Introduced).then(|| gaps(value, "."))?),
    whole("hyphens", |kind, value, _| (kind != Kind::Introduced).then(|| gaps(value, "-"))?),
    whole("no-break hyphens", |kind, value, _| (kind != Kind::Introduced).then(|| gaps(value, "\u{2011}"))?),
    whole("en dashes", |kind, value, _| (kind != Kind::Introduced).then(|| gaps(value, "–"))?),
    whole("em dashes, spaced", |kind, value, _| (!kind.is_name()).then(|| gaps(value, " — "))?),
    whole("minus signs", |kind, value, _| (!kind.is_name()).then(|| gaps(value, "\u{2212}"))?),
    whole("slashes", |kind, value, _| (kind != Kind::Introduced).then(|| gaps(value, "/"))?),
    whole("underscores", |kind, value, _| (kind == Kind::Denied).then(|| gaps(value, "_"))?),
    whole("brackets", bracketed),
    whole("at and dot in words", |_, value, tongue| mail(value, &format!(" {} ", tongue.at), &format!(" {} ", tongue.dot))),
    whole("[at] and [dot]", |_, value, _| mail(value, "[at]", "[dot]")),
    whole("(at) and (dot)", |_, value, _| mail(value, " (at) ", " (dot) ")),
    whole("{at} and {dot}", |_, value, _| mail(value, "{at}", "{dot}")),
    whole("defanged", defanged),
    whole("percent signs", |_, value, _| escaped(value, |c| (!c.is_alphanumeric()).then(|| percent(c)))),
    whole("percent signs for all", |_, value, _| escaped(value, |c| Some(percent(c)))),
    whole("entities", |_, value, _| {
        escaped(value, |c| match c {
            ' ' => Some("&nbsp;".into()),
            '@' => Some("&commat;".into()),
            _ => (!c.is_alphanumeric()).then(|| format!("&#{};", c as u32)),
        })
    }),
    whole("entities for all", |_, value, _| escaped(value, |c| Some(format!("&#x{:x};", c as u32)))),
    whole("Surname, Given", |kind, value, _| match value {
        Value::Name { given: [given, _], family: [family, _], order: Order::Given } if kind == Kind::Denied => {
            Some(format!("{family}, {given}"))
        }
        _ => None,
    }),
    whole("joined", |kind, value, tongue| match value {
        Value::Name { given: [given, _], family: [family, _], order } if kind == Kind::Denied && *order != Order::Joined => {
            Some(format!("{given}{family}")).filter(|_| !tongue.cased).or_else(|| Some(format!("{given}{family}").to_lowercase()))
        }
        _ => None,
    }),
    whole("possessive", |kind, value, tongue| (kind.is_name() && tongue.script == "Latin").then(|| format!("{}'s", value.plain()))),
    whole("transliterated", |kind, value, tongue| match value {
        // Burmese names are written in Latin letters by their sound, which no letter tells.
        Value::Name { given: [_, given], family: [_, family], order }
            if kind == Kind::Denied && !["Latin", "Burmese"].contains(&tongue.script) =>
        {
            Some(if *order == Order::Given { format!("{given} {family}") } else { format!("{family} {given}") })
        }
        _ => None,
    }),
    part("last name alone", |kind, value, _| match value {
        Value::Name { family: [family, _], order, .. } if kind == Kind::Denied && *order != Order::Joined => Some(family.clone()),
        _ => None,
    }),
    part("first name alone", |kind, value, _| match value {
        Value::Name { given: [given, _], .. } if kind == Kind::Denied => Some(given.clone()),
        _ => None,
    }),
    part("initial", |kind, value, tongue| match value {
        Value::Name { given: [given, _], family: [family, _], .. } if kind == Kind::Denied && tongue.cased => {
            Some(format!("{}. {family}", given.chars().next()?))
        }
        _ => None,
    }),
];

fn number(value: &Value) -> Option<String> {
    matches!(value, Value::Number { .. }).then(|| value.plain())
}

fn native(_: Kind, value: &Value, tongue: &Tongue) -> Option<String> {
    let zero = tongue.zero?;
    if matches!(value, Value::Number { .. } | Value::Ip(_)) {
        map(value, |c| c.is_ascii_digit().then(|| shifted(c, '0', zero as u32)))
    } else {
        None
    }
}

fn shifted(c: char, from: char, to: u32) -> char {
    char::from_u32(to + (c as u32 - from as u32)).unwrap_or(c)
}

/// The letter or digit of a style whose capitals, small letters and digits begin there; 0 where it has no digits.
fn alphanumeric(c: char, capitals: u32, small: u32, digits: u32) -> Option<char> {
    match c {
        'A'..='Z' => Some(shifted(c, 'A', capitals)),
        'a'..='z' => Some(shifted(c, 'a', small)),
        '0'..='9' if digits > 0 => Some(shifted(c, '0', digits)),
        _ => None,
    }
}

fn superscript(c: char) -> char {
    match c {
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0'..='9' => shifted(c, '0', 0x2070),
        _ => c,
    }
}

fn between(text: &str, mark: &str) -> String {
    text.chars().map(String::from).collect::<Vec<_>>().join(mark)
}

/// What stands between the groups of a number and the parts of a name.
fn gaps(value: &Value, gap: &str) -> Option<String> {
    match value {
        Value::Number { plus, groups } => Some(format!("{}{}", if *plus { "+" } else { "" }, groups.join(gap))),
        Value::Name { given: [given, _], family: [family, _], order } => {
            Some(if *order == Order::Given { format!("{given}{gap}{family}") } else { format!("{family}{gap}{given}") })
        }
        _ => None,
    }
}

fn map(value: &Value, to: impl Fn(char) -> Option<char>) -> Option<String> {
    let plain = value.plain();
    let changed: String = plain.chars().map(|c| to(c).unwrap_or(c)).collect();
    (changed != plain).then_some(changed)
}

fn line_break(value: &Value) -> Option<String> {
    match value {
        Value::Number { plus, groups } if groups.len() > 1 => {
            let (first, rest) = groups.split_at(groups.len() / 2);
            Some(format!("{}{}\n{}", if *plus { "+" } else { "" }, first.join(" "), rest.join(" ")))
        }
        Value::Mail { local, host } => Some(format!("{local}@\n{host}")),
        Value::Name { order: Order::Joined, .. } => None,
        Value::Name { .. } => gaps(value, "\n"),
        _ => None,
    }
}

/// Pairs of a letter and one that looks like it; names of that script are written with Latin letters instead.
fn looks(value: &Value, pairs: &str, script: &str) -> Option<String> {
    let pairs: Vec<char> = pairs.chars().collect();
    let to = |c: char| pairs.chunks_exact(2).find(|pair| pair[0] == c).map(|pair| pair[1]);
    let back = |c: char| pairs.chunks_exact(2).find(|pair| pair[1] == c).map(|pair| pair[0]);
    match value {
        Value::Name { given: [given, _], .. } if !given.is_ascii() && given.chars().all(|c| !c.is_ascii()) => {
            let ours = if script == "Cyrillic" { '\u{400}'..='\u{4ff}' } else { '\u{370}'..='\u{3ff}' };
            if given.chars().all(|c| ours.contains(&c)) { map(value, back) } else { None }
        }
        Value::Number { .. } | Value::Ip(_) => None,
        // The name of the host; a token is read by machines.
        Value::Link { start, token } => {
            let (scheme, rest) = start.split_at("https://".len());
            let (host, path) = rest.split_at(rest.find('/')?);
            Some(format!("{scheme}{}{path}{token}", host.chars().map(|c| to(c).unwrap_or(c)).collect::<String>()))
        }
        _ => map(value, to),
    }
}

fn marked(value: &Value, mark: char) -> String {
    value.plain().chars().flat_map(|c| std::iter::once(c).chain(c.is_alphanumeric().then_some(mark))).collect()
}

fn bracketed(kind: Kind, value: &Value, _: &Tongue) -> Option<String> {
    match value {
        Value::Number { plus: true, groups } => Some(format!("+{} ({}) {}", groups[0], groups[1], groups[2..].join(" "))),
        Value::Mail { .. } => Some(format!("<{}>", value.plain())),
        Value::Ip(text) => Some(format!("[{text}]")),
        Value::Name { given: [given, _], family: [family, _], order } if kind == Kind::Denied && *order != Order::Joined => {
            Some(format!("{given} ({family})"))
        }
        _ => None,
    }
}

fn mail(value: &Value, at: &str, dot: &str) -> Option<String> {
    match value {
        Value::Mail { local, host } => Some(format!("{local}{at}{}", host.replace('.', dot))),
        Value::Ip(text) if at != "@" && dot.contains(['[', '(', '{']) => Some(text.replace('.', dot)),
        _ => None,
    }
}

fn defanged(_: Kind, value: &Value, _: &Tongue) -> Option<String> {
    match value {
        Value::Mail { local, host } => Some(format!("{local}[@]{}", host.replace('.', "[.]"))),
        Value::Ip(text) => Some(text.replace('.', "[.]")),
        Value::Link { start, token } => Some(format!("{}{token}", start.replace("https", "hxxps").replace('.', "[.]"))),
        _ => None,
    }
}

fn percent(c: char) -> String {
    c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Of a URL only the token, as the rest is read by machines.
fn escaped(value: &Value, to: impl Fn(char) -> Option<String>) -> Option<String> {
    let (start, text) = match value {
        Value::Link { start, token } => (start.as_str(), token.clone()),
        _ => ("", value.plain()),
    };
    let changed: String = text.chars().map(|c| to(c).unwrap_or_else(|| c.into())).collect();
    (changed != text).then(|| format!("{start}{changed}"))
}
