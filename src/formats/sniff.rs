//! Which format a file has: told by its first bytes, by its name where they leave it open.

use super::Format;

/// How many first bytes are looked at; more are not needed.
pub const SNIFF_BYTES: usize = 8 << 10;

/// The format of a file that begins with `first_bytes`.
///
/// JSON is STIX or MISP by its keys; everything else is CSV where its lines have a delimiter in common, and text otherwise.
/// The extension decides between CSV and text, and for JSON whose beginning tells nothing.
pub fn detect(first_bytes: &[u8], file_name: Option<&str>) -> Format {
    let bytes = &first_bytes[..first_bytes.len().min(SNIFF_BYTES)];
    let name = file_name.unwrap_or("").to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let json_name = matches!(extension, "json" | "stix" | "stix2" | "ndjson" | "jsonl" | "misp");
    if is_json(start) || json_name {
        return json(start, extension);
    }
    match extension {
        "csv" | "tsv" | "psv" => Format::Csv,
        _ if is_table(bytes) => Format::Csv,
        _ => Format::Text,
    }
}

/// Why a file that begins so is not read at all, if it is not: an archive, XML, or JSON in UTF-16.
pub fn refused(first_bytes: &[u8]) -> Option<&'static str> {
    let start = first_bytes.trim_ascii_start();
    match first_bytes {
        [0x1f, 0x8b, ..] => Some("compressed with gzip\nhint: `gunzip -c FILE | watchfire import -`"),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some("a ZIP archive\nhint: unpack it and import the files in it"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("compressed with zstd\nhint: `zstd -dc FILE | watchfire import -`"),
        [0xff, 0xfe, b'{' | b'[', 0, ..] | [0xfe, 0xff, 0, b'{' | b'[', ..] | [b'{' | b'[', 0, ..] => {
            Some("JSON in UTF-16\nhint: `iconv -f UTF-16 -t UTF-8 FILE | watchfire import -`")
        }
        _ if start.starts_with(b"<?xml") || start.starts_with(b"<stix:") || start.starts_with(b"<!DOCTYPE") => {
            Some("XML; STIX 1 and OpenIOC are not read\nhint: ask for STIX 2.1, or convert it with stix2-elevator")
        }
        _ => None,
    }
}

/// A `{` before a key or `}`, a `[` before another value. A defanged `[.]` or an INI section is no JSON.
fn is_json(start: &[u8]) -> bool {
    let Some((first, rest)) = start.split_first() else { return false };
    let next = rest.trim_ascii_start().first().copied();
    match first {
        b'{' => matches!(next, None | Some(b'"' | b'}')),
        b'[' => matches!(next, None | Some(b'{' | b'[' | b'"')) || (next == Some(b']') && start.trim_ascii_end().len() <= 8),
        _ => false,
    }
}

fn json(start: &[u8], extension: &str) -> Format {
    let text = String::from_utf8_lossy(start);
    let has = |key: &str| text.contains(&format!("\"{key}\""));
    let first = |keys: &[&str]| keys.iter().filter_map(|key| text.find(&format!("\"{key}\""))).min();
    let misp = first(&[
        "Event",
        "response",
        "Attribute",
        "Object",
        "Orgc",
        "Tag",
        "to_ids",
        "threat_level_id",
        "orgc_id",
        "event_id",
        "GalaxyCluster",
    ]);
    let stix = first(&["objects", "spec_version", "pattern_type", "object_marking_refs", "created_by_ref", "x_mitre_version"]);
    let typed = has("type") && (text.contains("--") || has("bundle"));
    match (stix, misp) {
        (Some(stix), Some(misp)) => {
            if misp < stix && !typed {
                Format::Misp
            } else {
                Format::Stix
            }
        }
        (Some(_), None) => Format::Stix,
        (None, Some(_)) if !typed => Format::Misp,
        (None, Some(_)) => {
            if extension == "stix2" {
                Format::Stix
            } else {
                Format::Misp
            }
        }
        (None, None) => Format::Stix,
    }
}

/// Whether the first lines that are no comment mostly have the same delimiter, as often as each other.
fn is_table(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with(['#', '/'])).take(21).collect();
    if lines.len() > 2 {
        lines.pop();
    }
    [',', ';', '\t', '|'].iter().any(|delimiter| {
        let counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, *delimiter)).collect();
        let header = counts.first().copied().unwrap_or(0);
        let alike = counts.iter().filter(|count| **count == header).count();
        header > 0 && counts.len() > 1 && alike * 10 >= counts.len() * 7 && !looks_like_prose(&lines, *delimiter)
    })
}

fn outside_quotes(line: &str, delimiter: char) -> usize {
    let mut quoted = false;
    line.chars()
        .filter(|c| {
            quoted ^= *c == '"';
            *c == delimiter && !quoted
        })
        .count()
}

/// Sentences have a blank behind each comma and several words between.
fn looks_like_prose(lines: &[&str], delimiter: char) -> bool {
    let words: usize = lines.iter().map(|line| line.split_whitespace().count()).sum();
    let cells: usize = lines.iter().map(|line| line.matches(delimiter).count() + 1).sum();
    matches!(delimiter, ',' | ';') && words > cells * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_format() {
        for (bytes, name, expected) in [
            (r#"{"type": "bundle", "id": "bundle--1", "objects": ["#, None, Format::Stix),
            ("\u{feff}\n[{\"type\":\"indicator\",\"id\":\"indicator--1\"", None, Format::Stix),
            (r#"{"more": true, "objects": [{"#, Some("page.json"), Format::Stix),
            (r#"{"response": [ { "Event": {"#, None, Format::Misp),
            (r#"{"uuid": "1", "Attribute": [{"type":"link"}"#, None, Format::Misp),
            ("domain,date\na.example,2026-01-01\nb.example,2026-01-02\n", None, Format::Csv),
            ("value;type\n\"a;b\";url\nc;d\n", Some("list.txt"), Format::Csv),
            ("one.example\ntwo[.]example\n", None, Format::Text),
            ("[.]example\n", None, Format::Text),
            ("We saw these, among others, last week.\nThey are listed below, as they were found.\n", None, Format::Text),
            ("", None, Format::Text),
        ] {
            assert_eq!(detect(bytes.as_bytes(), name), expected, "{bytes}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            detect(&bytes, None);
        }
    }
}
