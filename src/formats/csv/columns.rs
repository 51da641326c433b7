//! What the columns of a table hold: by their header, or by what stands in them.

use crate::formats::words::{self, Means};
use crate::model::{Observable, Timestamp};

use super::record::split;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Values; of the kind that the header says, or else the row's type, or else any.
    Value(Option<Means>),
    /// Values, if no other column has them: a name or a pattern.
    Weak,
    /// The kind of the row's values.
    Type,
    Tlp,
    From,
    Until,
    Confidence,
    Label,
    Note,
    Source,
    /// The name that a request claims to go to while it goes elsewhere (domain fronting).
    HostHeader,
    /// No header: values if they look like ones.
    Unnamed,
    Other,
}

pub(super) fn of_header(header: &str) -> Role {
    let word = words::normal(header);
    match word.as_str() {
        "" => Role::Unnamed,
        "value"
        | "values"
        | "indicator"
        | "indicators"
        | "indicator_value"
        | "ioc"
        | "iocs"
        | "ioc_value"
        | "observable"
        | "observables"
        | "observable_value"
        | "artifact"
        | "artefact"
        | "attribute"
        | "attribute_value"
        | "entity"
        | "indicator_of_compromise" => Role::Value(None),
        "name" | "pattern" | "data" | "stix_pattern" => Role::Weak,
        "type" | "types" | "kind" | "indicator_type" | "entity_type" | "ioc_type" | "observable_type" | "observable_types"
        | "attribute_type" | "value_type" => Role::Type,
        "tlp" | "tlp_label" | "marking" | "tlp_marking" => Role::Tlp,
        "valid_from" | "first_seen" | "firstseen" | "first_seen_utc" | "timestamp" | "date" | "created" | "creation_date"
        | "date_added" | "dateadded" => Role::From,
        "valid_until" | "end_of_validity" | "valid_to" | "expires" | "expiration" | "expiration_date" | "expiry" => Role::Until,
        "confidence" => Role::Confidence,
        "campaign" | "campaigns" | "malware" | "malware_family" | "family" | "tags" | "tag" | "labels" | "label" | "threat"
        | "threat_actor" | "actor" | "app" | "threat_type" | "malware_printable" => Role::Label,
        "description" | "notes" | "note" | "comment" | "comments" | "context" | "details" => Role::Note,
        "source" | "sources" | "feed" | "report" => Role::Source,
        "host_header" => Role::HostHeader,
        _ => words::means(&word).map_or(Role::Other, |means| Role::Value(Some(means))),
    }
}

/// The columns that a row names, if the row is a header: a column of values is among them, and no cell is a value.
pub(super) fn header(cells: &[String]) -> Option<Vec<Role>> {
    let mut roles: Vec<Role> = cells.iter().map(|cell| of_header(cell)).collect();
    let strong = roles.iter().any(|role| matches!(role, Role::Value(_)));
    let weak = roles.contains(&Role::Weak) && cells.len() > 1;
    let known = roles.iter().filter(|role| !matches!(role, Role::Other | Role::Unnamed)).count();
    let named = cells.iter().filter(|cell| !cell.is_empty()).count();
    let long = cells.iter().any(|cell| cell.len() > 64);
    if !(strong || weak) || long || known * 3 < named || cells.iter().any(|cell| Observable::guess(cell).is_ok()) {
        return None;
    }
    // One column of names is enough, and better without patterns.
    let name = cells.iter().position(|cell| words::normal(cell) == "name").filter(|_| !strong);
    for (at, role) in roles.iter_mut().enumerate() {
        if *role == Role::Weak {
            *role = if !strong && name.is_none_or(|name| name == at) { Role::Value(None) } else { Role::Other };
        }
    }
    Some(roles)
}

/// The columns of rows without a header, by what stands in most of their cells.
pub(super) fn without_header(lines: &[(u64, String)], delimiter: char) -> Vec<Role> {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|(_, line)| split(line, delimiter).0)
        .collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut roles: Vec<Role> = (0..width).map(|column| of_cells(rows.iter().filter_map(|row| row.get(column)))).collect();
    let Some(types) = roles.iter().position(|role| *role == Role::Type) else { return roles };
    // The column that most often holds what its row's type says; the first of several, since links to sources come later.
    let fits = |column: usize| {
        let holds = |row: &&Vec<String>| {
            let means = row.get(types).and_then(|word| words::means(&words::normal(word)));
            row.get(column).is_some_and(|cell| means.is_some() && crate::formats::extract::meant(means, cell).is_ok())
        };
        rows.iter().filter(holds).count()
    };
    let best = (0..width).filter(|&column| matches!(roles[column], Role::Value(_))).rev().max_by_key(|&column| fits(column));
    for (column, role) in roles.iter_mut().enumerate() {
        if matches!(role, Role::Value(_)) && Some(column) != best {
            *role = Role::Other;
        }
    }
    roles
}

fn of_cells<'a>(cells: impl Iterator<Item = &'a String>) -> Role {
    let cells: Vec<&String> = cells.filter(|cell| !cell.is_empty()).collect();
    let most = |holds: &dyn Fn(&str) -> bool| cells.iter().filter(|cell| holds(cell)).count() * 2 > cells.len();
    if most(&|cell| date(cell).is_some()) {
        Role::From
    } else if most(&|cell| words::means(&words::normal(cell)).is_some()) {
        Role::Type
    } else if most(&|cell| cell.starts_with('#')) {
        Role::Label
    } else if most(&|cell| Observable::guess(cell).is_ok()) {
        Role::Value(None)
    } else {
        Role::Other
    }
}

/// A date or time in the year-first forms found in tables; one without a zone is UTC. Day-first and month-first forms cannot be told apart and give `None`.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches("UTC").trim_end();
    let year = text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let separator = text[year.len()..].chars().next().filter(|c| matches!(c, '-' | '/'))?;
    let mut iso = if separator == '/' { text.replacen('/', "-", 2) } else { text.to_owned() };
    if iso.len() > 10 {
        if iso.get(10..11) == Some(" ") {
            iso.replace_range(10..11, "T");
        }
        let zoned = iso.ends_with('Z') || iso.get(11..).is_some_and(|time| time.contains(['+', '-']));
        if !zoned {
            iso.push('Z');
        }
    }
    iso.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_forms_of_tables() {
        for (text, expected) in [
            ("2020/10/29 00:39:44", "2020-10-29T00:39:44.000Z"),
            ("2026-08-16 01:04:58", "2026-08-16T01:04:58.000Z"),
            ("2019-01-07 07:13:47 UTC", "2019-01-07T07:13:47.000Z"),
            ("2022/06/13", "2022-06-13T00:00:00.000Z"),
            ("2021-07-27T15:47:18.224083Z", "2021-07-27T15:47:18.224Z"),
            ("2021-07-27T15:47:18+02:00", "2021-07-27T13:47:18.000Z"),
        ] {
            assert_eq!(date(text).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in ["12/31/2018 9:30:26pm", "", "2020", "192.0.2.1"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_row_with_a_value_in_it_is_no_header() {
        let cells = |text: &str| split(text, ',').0;
        assert_eq!(header(&cells("type,indicator,app")), Some(vec![Role::Type, Role::Value(None), Role::Label]));
        assert_eq!(header(&cells("tlp,type,name,pattern")), Some(vec![Role::Tlp, Role::Type, Role::Value(None), Role::Other]));
        assert_eq!(header(&cells("domain,evil.example.com")), None);
        assert_eq!(header(&cells("just,some,words")), None);
    }
}
