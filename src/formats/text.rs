//! Text: one value per line, or free text with values in it, defanged or not.
//!
//! Read as people write it: comments (`#`, `;`, `//`, `!`), bullets, hosts files (`0.0.0.0 name`), Loki's `value;score;comment`, ad blockers' `||name^`,
//! `kind: value`, and reports in prose. A line of which no value is taken is a problem. No records, and so no problems, are blank lines, comments, what
//! a hosts file says of the machine itself, and headings: lines that end with `:`, hold nothing but marks or a TLP label, or are a `[section]`.

use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use super::{
    Item, Problem,
    decode::{LINE_MAX, Line, Lines},
    extract::{self, Found, Unsure},
    words,
};
use crate::model::{Indicator, Observable, ObservableKind, Tlp};

/// Fields that begin an e-mail's header and nothing else.
const MAIL_FIELDS: [&str; 8] = [
    "received:",
    "authentication-results:",
    "received-spf:",
    "return-path:",
    "delivered-to:",
    "dkim-signature:",
    "arc-seal:",
    "x-received:",
];

/// Gives `sink` every indicator and every problem of `input`, in order, until it breaks. Needs memory for one line.
///
/// An e-mail address alone in the first line over values of other kinds is whom to ask, not an indicator. A whole e-mail with its header is not read: the addresses
/// in it are people's. What stands under a heading that calls it legitimate is not taken. A name that could be of two kinds is taken as what the
/// file's other names are. A comment or heading with a TLP label in it labels all that follows; the most restrictive counts.
///
/// # Errors
/// What reading gives; bad content is a problem, not an error.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    read_within(LINE_MAX, input, sink)
}

/// As [`read`], with lines of at most so many bytes.
///
/// # Errors
/// As [`read`].
pub fn read_within(line_bytes_max: usize, input: &mut dyn BufRead, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> io::Result<()> {
    let mut lines = Lines::within(line_bytes_max, input)?;
    let mut reader = Reader::new(line_bytes_max, sink);
    loop {
        let number = lines.number() + 1;
        let flow = match lines.read()? {
            None => break,
            Some(Line::TooLong) => reader.line(number, None),
            Some(Line::Text(text)) => reader.line(number, Some(&text)),
        };
        if flow.is_break() {
            return Ok(());
        }
    }
    reader.end();
    Ok(())
}

/// One value per line, in UTF-8.
///
/// # Errors
/// What writing gives.
pub fn write<'a>(values: impl IntoIterator<Item = &'a Observable>, out: &mut dyn Write) -> io::Result<()> {
    for value in values {
        writeln!(out, "{}", value.value())?;
    }
    Ok(())
}

pub(super) fn too_long(line_bytes_max: usize) -> String {
    format!("the line is longer than {line_bytes_max} bytes")
}

fn indicator(place: String, value: Observable, tlp: Option<Tlp>) -> Item {
    Item::indicator(place, Indicator::bare(value), tlp, false)
}

fn problem(place: String, what: String) -> Item {
    Item::Problem(Problem { place, what })
}

fn begins_mail(line: &str) -> bool {
    MAIL_FIELDS.iter().any(|field| line.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)))
}

/// `LEGITIMATE DOMAINS:`, `# benign`.
fn calls_legitimate(heading: &str) -> bool {
    let lower = heading.to_lowercase();
    ["legitimate", "benign", "non-malicious", "not malicious", "false positive", "allowlist", "whitelist"]
        .iter()
        .any(|word| lower.contains(word))
}

/// What is remembered from line to line.
pub(super) struct Reader<'a> {
    sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
    line_bytes_max: usize,
    begun: bool,
    /// This is an e-mail.
    mail: bool,
    /// The label that the file gives itself.
    tlp: Option<Tlp>,
    /// That label, or a stricter one in the line itself.
    line_tlp: Option<Tlp>,
    /// The section's heading calls its values legitimate.
    legitimate: bool,
    /// The kind of the last value that stood alone in a line.
    kind: Option<ObservableKind>,
    /// Values at the start that cannot be decided without the next one: an e-mail address in the first line, and names of two possible kinds.
    held: Vec<(u64, Held)>,
}

enum Held {
    Contact(Observable),
    Unsure(Unsure),
}

/// How many undecided names may stand before the first decided one.
const HELD_MAX: usize = 100;

impl<'a> Reader<'a> {
    pub(super) fn new(line_bytes_max: usize, sink: &'a mut dyn FnMut(Item) -> ControlFlow<()>) -> Self {
        Self { sink, line_bytes_max, begun: false, mail: false, tlp: None, line_tlp: None, legitimate: false, kind: None, held: Vec::new() }
    }

    /// The next line; `None` for one that is too long.
    pub(super) fn line(&mut self, number: u64, text: Option<&str>) -> ControlFlow<()> {
        let Some(text) = text else { return self.problem(number, too_long(self.line_bytes_max)) };
        if self.mail || text.trim().is_empty() {
            return ControlFlow::Continue(());
        }
        let first = !std::mem::replace(&mut self.begun, true);
        if first && begins_mail(text) {
            self.mail = true;
            let what = "this is a whole e-mail, and the addresses in it are people's\nhint: put the values that matter into a list";
            return self.problem(number, what.to_owned());
        }
        let found = extract::line(text);
        let label = words::tlp(text);
        if found.values.is_empty() {
            self.tlp = self.tlp.max(label);
        }
        self.line_tlp = self.tlp.max(label);
        if found == Found::default() && (text.trim_end().ends_with(':') || text.starts_with('#')) {
            self.legitimate = calls_legitimate(text);
        }
        self.found(number, found, first)
    }

    /// The end of the file: what is held is decided without help.
    pub(super) fn end(&mut self) {
        let _ = self.release();
    }

    fn found(&mut self, number: u64, found: Found, first: bool) -> ControlFlow<()> {
        for what in found.problems {
            self.problem(number, what)?;
        }
        for value in found.values {
            if self.legitimate {
                self.problem(number, format!("`{}` stands under a heading that calls it legitimate", value.value()))?;
            } else if first && value.kind() == ObservableKind::Email {
                self.held.push((number, Held::Contact(value)));
            } else {
                self.kind = Some(value.kind());
                self.release()?;
                (self.sink)(indicator(format!("line {number}"), value, self.line_tlp))?;
            }
        }
        match found.unsure {
            Some(unsure) if self.kind.is_none() && self.held.len() < HELD_MAX => self.held.push((number, Held::Unsure(unsure))),
            Some(unsure) => self.decide(number, unsure)?,
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn release(&mut self) -> ControlFlow<()> {
        for (number, held) in std::mem::take(&mut self.held) {
            match held {
                Held::Contact(value) if self.kind.is_none_or(|kind| kind == ObservableKind::Email) => {
                    (self.sink)(indicator(format!("line {number}"), value, self.line_tlp))?
                }
                Held::Contact(value) => {
                    let what = format!(
                        "`{}` stands over values of other kinds, so it is taken for a contact\nhint: `watchfire share` takes it if it is not",
                        value.value()
                    );
                    self.problem(number, what)?;
                }
                Held::Unsure(unsure) => self.decide(number, unsure)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn decide(&mut self, number: u64, unsure: Unsure) -> ControlFlow<()> {
        match unsure.as_kind(self.kind) {
            Some(value) => (self.sink)(indicator(format!("line {number}"), value, self.line_tlp)),
            None => self.problem(number, unsure.problem),
        }
    }

    fn problem(&mut self, number: u64, what: String) -> ControlFlow<()> {
        (self.sink)(problem(format!("line {number}"), what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every item as a line: `3 domain:example.com` or `3 ! what is wrong`.
    pub(crate) fn items(bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut input = bytes;
        read(&mut input, &mut |item| {
            found.push(shown(&item));
            ControlFlow::Continue(())
        })
        .expect("reading a slice");
        found
    }

    fn shown(item: &Item) -> String {
        match item {
            Item::Indicator { place, indicator, .. } => format!("{} {}", place.trim_start_matches("line "), indicator.observable),
            Item::Problem(problem) | Item::LeftOut(problem, _) | Item::Note(problem) => {
                format!("{} ! {}", problem.place.trim_start_matches("line "), problem.what.lines().next().unwrap_or(""))
            }
        }
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        let list = "# Domains\n\nevil.example.com\r\n  evil[.]example[.]org,\n- 192.0.2.1 # seen in May\n* hxxps://evil.example.net/a\n\
                    0.0.0.0 ads.example.com www.example.com\n127.0.0.1 localhost\n||blocked.example.com^$all\naddress=/sink.example.com/0.0.0.0\n\
                    mutex: Global\\Evil\nSHA256 hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n// a comment\n! a comment\n\
                    203.0.113.9;65\nevil.example.info;70;from a report\nSee the report, it is good.\n";
        assert_eq!(
            items(list.replace("example.com", "example-a.com").as_bytes()),
            [
                "3 domain:evil.example-a.com",
                "4 domain:evil.example.org",
                "5 ipv4:192.0.2.1",
                "6 url:https://evil.example.net/a",
                "7 domain:ads.example-a.com",
                "7 domain:www.example-a.com",
                "9 domain:blocked.example-a.com",
                "10 domain:sink.example-a.com",
                "11 mutex:Global\\Evil",
                "12 sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "15 ipv4:203.0.113.9",
                "16 domain:evil.example.info",
                "17 ! the line holds no value",
            ]
        );
    }

    #[test]
    fn a_line_of_which_nothing_is_taken_is_reported_unless_it_is_a_heading_or_a_comment() {
        assert_eq!(
            items(b"bluetoothfs\n\\\\svcsstat\\.exe;70\nJust a sentence about it.\nHostnames:\n-----\n127.0.0.1\n@@||good.example.com^\nnothing at hxxp://localhost/ here\n"),
            [
                "1 ! cannot tell what `bluetoothfs` is: it has no dot",
                "2 ! `\\\\svcsstat\\.exe` is a regular expression, which is not a value",
                "3 ! the line holds no value",
                "6 ! `127.0.0.1` is an address that every machine has",
                "7 ! `@@||good.example.com^` is a rule that blocks no host",
                "8 ! no value could be taken from `nothing at hxxp://localhost/ here`",
            ]
        );
        let none = "\n# a comment\n; one more\nSeen in the second week:\n[servers in use]\n== == ==\nThis list is TLP:GREEN\n127.0.0.1 localhost\n";
        assert_eq!(items(none.as_bytes()), [""; 0]);
    }

    #[test]
    fn values_are_found_in_reports_and_names_of_files_in_them_are_not() {
        let report = "The loader came from hxxp://evil[.]example[.]com/a.php?x=1, then asked 192[.]0[.]2[.]7 (port 443).\n\
                      - e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  bid,08.31.2020.doc from archive.zip\n\
                      It was seen by Booking.com and ASP.NET users; see support.example.net and evil[.]example[.]org.\n\
                      - 192.0.2.9 port 443 - c2[.]example[.]com - GET /background.png\n";
        assert_eq!(
            items(report.as_bytes()),
            [
                "1 url:http://evil.example.com/a.php?x=1",
                "1 ipv4:192.0.2.7",
                "2 sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "3 domain:evil.example.org",
                "4 ipv4:192.0.2.9",
                "4 domain:c2.example.com",
            ]
        );
    }

    #[test]
    fn what_a_heading_calls_legitimate_is_not_taken() {
        assert_eq!(
            items(b"C2 DOMAINS:\n\nevil.example.com\n\nTRAFFIC TO LEGITIMATE DOMAINS:\n\n- www.example.com\n\nFILES:\n\nd41d8cd98f00b204e9800998ecf8427e\n"),
            [
                "3 domain:evil.example.com",
                "7 ! `www.example.com` stands under a heading that calls it legitimate",
                "11 md5:d41d8cd98f00b204e9800998ecf8427e",
            ]
        );
    }

    #[test]
    fn a_label_in_a_heading_labels_what_follows() {
        let mut labels = Vec::new();
        read(
            &mut "evil.example.com\n# TLP:GREEN\nevil.example.org\nTLP:AMBER\nevil.example.net seen, TLP:RED\n# tlp:clear\n192.0.2.1\n"
                .as_bytes(),
            &mut |item| {
                if let Item::Indicator { tlp, .. } = item {
                    labels.push(tlp);
                }
                ControlFlow::Continue(())
            },
        )
        .expect("reading a slice");
        assert_eq!(labels, [None, Some(Tlp::Green), Some(Tlp::Red), Some(Tlp::Amber)]);
    }

    #[test]
    fn whom_to_ask_is_no_indicator() {
        assert_eq!(
            items(b"someone@example.org\nevil.example.com\n"),
            ["1 ! `someone@example.org` stands over values of other kinds, so it is taken for a contact", "2 domain:evil.example.com"]
        );
        assert_eq!(items(b"a@example.org\nb@example.org\n"), ["1 email:a@example.org", "2 email:b@example.org"]);
        assert_eq!(items(b"a@example.org\n"), ["1 email:a@example.org"]);
        let text = b"C2 servers: 5.6.7.8 and 5.6.7.9\nHer home IP was 41.90.120.7 that day\nWrite to jane.doe@example.org, the phishing mail came from bad@evil.example.com\n";
        let persons = |line: u8, what: &str| format!("{line} ! {what} in it may be a person's, by what stands beside it");
        assert_eq!(
            items(text),
            [
                "1 ipv4:5.6.7.8".to_owned(),
                "1 ipv4:5.6.7.9".to_owned(),
                persons(2, "an IP address"),
                persons(3, "an e-mail address"),
                "3 email:bad@evil.example.com".to_owned(),
            ]
        );
        assert_eq!(
            items(b"\nReceived: from mail.example.org by mx.example.com\nFrom: Some One <someone@example.org>\n"),
            ["2 ! this is a whole e-mail, and the addresses in it are people's"]
        );
    }

    #[test]
    fn a_name_of_two_possible_kinds_is_what_the_others_are() {
        assert_eq!(items(b"com.evil.support\ncom.evil.jxclient\n"), ["1 app_id:com.evil.support", "2 app_id:com.evil.jxclient"]);
        assert_eq!(items(b"evil.example.com\n2026.zip\n"), ["1 domain:evil.example.com", "2 domain:2026.zip"]);
        assert_eq!(items(b"2026.zip\n"), ["1 ! cannot tell what `2026.zip` is: it may be of kind `domain` or `file_name`"]);
    }

    #[test]
    fn a_long_line_costs_itself_and_a_break_stops_the_reading() {
        let list = format!("evil.example.com\n{}\nevil.example.org\n", "a.".repeat(40_000));
        assert_eq!(
            items(list.as_bytes()),
            ["1 domain:evil.example.com", "2 ! the line is longer than 65536 bytes", "3 domain:evil.example.org"]
        );
        let mut count = 0;
        read(&mut list.as_bytes(), &mut |_| {
            count += 1;
            ControlFlow::Break(())
        })
        .expect("reading a slice");
        assert_eq!(count, 1);
    }

    /// Each of these made some step look at every byte for every other one.
    #[test]
    fn lines_made_to_be_slow_are_not() {
        for unit in [
            "(", "[", "[.", "[(", "a.", "a@", ",", ".]", "\\.", "http://", "hxxp://[", "1.", ":", "::", "\"", "'", "=", ";", "[dot]",
            "\u{200d}", "а.",
        ] {
            for line in
                [unit.repeat(65_000 / unit.len()), unit.repeat(8_000 / unit.len()), format!("{} x", unit.repeat(8_000 / unit.len()))]
            {
                items(line.as_bytes());
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let values: Vec<Observable> = ["evil.example.com", "http://evil.example.com/a,b", "192.0.2.0/24", "+4915112345678"]
            .into_iter()
            .map(|text| Observable::guess(text).expect("a value"))
            .collect();
        let mut out = Vec::new();
        write(&values, &mut out).expect("writing to memory");
        let expected: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("{} {value}", at + 1)).collect();
        assert_eq!(items(&out), expected);
    }
}
