//! `watchfire redact`

use super::output::{self, table};
use super::{Desk, Ended};
use crate::api::Problem;
use crate::node::error::{Exit, NodeError};
use crate::rules::redact::check::{self, CheckError, Figures, Share, Table};
use crate::rules::redact::{Detector, Kind, Known, Record};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};

/// Replace personal data in a text, from standard input to standard output
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    long_about = "Replace personal data in a text, from standard input to standard output\n\nWhat is found gives way to placeholders such as `[email-1]`: the same value has the same one throughout. What is an attacker's stays, as far as the text tells. Names are found where they are on the deny list, or where words introduce them; read what comes out before you pass it on."
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Names, domains, addresses and numbers that must go wherever they stand, one a line; once for each file
    #[arg(long, value_name = "FILE")]
    deny: Vec<PathBuf>,
    /// Values that stay, such as the record's own indicators, one a line; once for each file
    #[arg(long, value_name = "FILE")]
    keep: Vec<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  watchfire redact --deny staff.txt < referral.txt";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Measure the detectors on labelled texts
    #[command(after_help = "Examples:\n  watchfire redact check referrals.json")]
    Check {
        /// JSON files of cases: text, what is to go, what is to stay; `-` reads standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Say on standard error what was missed, wrongly replaced or lost, with its text
        #[arg(long)]
        misses: bool,
    },
}

pub(super) fn run(desk: &Desk, args: &Args) -> Ended {
    match &args.command {
        Some(Command::Check { files, misses }) => measure(desk, files, *misses),
        None => {
            let mut known = Known::default();
            for file in &args.deny {
                known = known.deny_list(&read(file)?);
            }
            for file in &args.keep {
                known = read(file)?.lines().filter(|line| !line.trim().is_empty()).fold(known, |known, line| known.keep(line.trim()));
            }
            filter(&Detector::new(&known), desk.json, &mut io::stdin().lock(), &mut io::stdout().lock())
        }
    }
}

/// Longest list of known values, and longest file of cases.
const FILE_BYTES_MAX: u64 = 256 << 20;

fn read(path: &Path) -> Result<String, Problem> {
    read_within(path, FILE_BYTES_MAX)
}

fn read_within(path: &Path, bytes_max: u64) -> Result<String, Problem> {
    let open = || -> io::Result<String> {
        let mut text = Vec::new();
        if path == Path::new("-") {
            io::stdin().lock().take(bytes_max + 1).read_to_end(&mut text)?;
        } else {
            std::fs::File::open(path)?.take(bytes_max + 1).read_to_end(&mut text)?;
        }
        // The half of a deny list would let through what the other half names.
        if text.len() as u64 > bytes_max {
            return Err(io::Error::other(format!("it is longer than {bytes_max} bytes")));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    open().map_err(|error| NodeError::io(format!("read `{}`", path.display()), error).into())
}

/// A part of the input is looked at when it has so many bytes, at the end of a line.
const PART: usize = 64 * 1024;
/// So long is a part at most: a line, or a private key from its first line to its last.
const PART_MAX: usize = 1024 * 1024;
/// So much of a longer line is looked at again with what follows it: no value is longer.
const VALUE_MAX: usize = 16 * 1024;
/// So much of what came out is looked at again with what follows it.
const BEFORE: usize = 512;

fn filter(detector: &Detector, json: bool, input: &mut dyn BufRead, out: &mut dyn Write) -> Ended {
    let mut record = Record::default();
    let mut part = Vec::new();
    // What came out last of a line that goes on: the words there say what follows.
    let mut before = String::new();
    let mut foreign = false;
    loop {
        let ended = fill(&mut part, input).map_err(|error| NodeError::io("read standard input", error))?;
        let cut = if ended || part.ends_with(b"\n") { part.len() } else { cut(detector, &part) };
        let rest = part.split_off(cut);
        let text = String::from_utf8_lossy(&part);
        foreign |= matches!(text, std::borrow::Cow::Owned(_));
        let text = behind(detector, &mut record, &before, &text);
        before =
            if rest.is_empty() { String::new() } else { text[text.ceil_char_boundary(text.len().saturating_sub(BEFORE))..].to_owned() };
        let line = if json { format!("{}\n", output::json_line(&serde_json::json!({ "text": text }))) } else { text };
        if (!part.is_empty() && !write(out, &line)?) || ended {
            break;
        }
        part = rest;
    }
    let counts = record.counts();
    if json {
        let counts: BTreeMap<&str, u64> = counts.iter().map(|(kind, count)| (kind.name(), *count)).collect();
        write(out, &format!("{}\n", output::json_line(&serde_json::json!({ "replaced": counts }))))?;
    } else {
        output::say(&summary(counts));
    }
    if foreign {
        output::say("note: some bytes are no UTF-8 and came out as U+FFFD");
    }
    Ok(Exit::Done)
}

/// A text redacted that goes on behind one that was redacted.
fn behind(detector: &Detector, record: &mut Record, before: &str, text: &str) -> String {
    let both = record.redact(detector, &format!("{before}{text}"));
    match both.strip_prefix(before) {
        Some(text) => text.to_owned(),
        None => record.redact(detector, text),
    }
}

/// Where a line that is too long for a part is cut: at a blank if one is near, and at no value.
fn cut(detector: &Detector, part: &[u8]) -> usize {
    let latest = part.len().saturating_sub(VALUE_MAX);
    let window = &part[latest.saturating_sub(VALUE_MAX)..latest];
    let at = window.iter().rposition(u8::is_ascii_whitespace).map_or(latest, |at| latest - window.len() + at);
    let at = (at.saturating_sub(3)..=at).rev().find(|at| !matches!(part.get(*at), Some(0x80..=0xbf))).unwrap_or(at);
    let start = (at.saturating_sub(VALUE_MAX)..=at).find(|start| !matches!(part[*start], 0x80..=0xbf)).unwrap_or(at);
    let Ok(around) = std::str::from_utf8(&part[start..]) else { return at };
    let across = detector.find(around).into_iter().find(|finding| (finding.range.start + 1..finding.range.end).contains(&(at - start)));
    across.map_or(at, |finding| start + finding.range.start)
}

/// False when nobody reads any more.
fn write(out: &mut dyn Write, text: &str) -> Result<bool, Problem> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(NodeError::io("write to standard output", error).into()),
    }
}

/// Reads whole lines until a part is long enough. True at the end of the input.
fn fill(part: &mut Vec<u8>, input: &mut dyn BufRead) -> io::Result<bool> {
    while part.len() < PART || (in_private_key(part) && part.len() < PART_MAX) {
        let read = input.take((PART_MAX - part.len()) as u64).read_until(b'\n', part)?;
        if read == 0 {
            return Ok(true);
        }
    }
    // A line that is longer than a part ends between two characters.
    let mut missing = 0;
    while std::str::from_utf8(part).is_err_and(|error| error.error_len().is_none()) && missing < 3 {
        missing += 1;
        if input.take(1).read_to_end(part)? == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn in_private_key(part: &[u8]) -> bool {
    let last = |mark: &[u8]| memchr::memmem::rfind(part, mark);
    last(b"PRIVATE KEY-----").is_some() && last(b"-----BEGIN ") > last(b"-----END ")
}

fn summary(counts: &BTreeMap<Kind, u64>) -> String {
    let total: u64 = counts.values().sum();
    if total == 0 {
        return "nothing was replaced".to_owned();
    }
    let kinds: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
    format!("replaced {total}: {}", kinds.join(", "))
}

fn measure(desk: &Desk, files: &[PathBuf], misses: bool) -> Ended {
    let mut all = Table::default();
    for file in files {
        let mut miss = |miss: check::Miss| {
            if misses {
                output::say(&format!("{}: {}: {} || {}", miss.locale, miss.what, miss.value, miss.text));
            }
        };
        let one = check::check(&read(file)?, &mut miss).map_err(|error| unread(file, &error))?;
        all.join(&one);
    }
    output::answer(desk, &all, text)
}

fn unread(file: &Path, error: &CheckError) -> Problem {
    Problem::new("bad-cases", Exit::Usage, &format!("`{}`: {error}", file.display()))
}

fn text(all: &Table) -> String {
    let row = |name: &str, figures: &Figures| {
        let Figures { cases, structured, precision, known_names, other_names, addresses, dates, keep, .. } = figures;
        let shares = [structured, precision, known_names, other_names, addresses, dates, keep].map(|share| percent(*share));
        let [structured, precision, known, other, addresses, dates, keep] = shares;
        [name.to_owned(), cases.to_string(), structured, precision, known, other, addresses, dates, keep]
    };
    let rows: Vec<_> = all.locales.iter().map(|(locale, figures)| row(locale, figures)).chain([row("all", &all.all)]).collect();
    let head = ["LOCALE", "CASES", "STRUCTURED", "PRECISION", "KNOWN NAMES", "OTHER NAMES", "ADDRESSES", "DATES", "KEEP"];
    let list = |shares: &BTreeMap<String, Share>| -> Vec<[String; 3]> {
        shares.iter().map(|(name, share)| [name.clone(), share.of.to_string(), percent(*share)]).collect()
    };
    let parts = [
        table(head, rows),
        table(["TYPE", "LABELS", "RECALL"], list(&all.types)),
        table(["SCRIPT OF OTHER NAMES", "LABELS", "RECALL"], list(&all.scripts)),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn percent(share: Share) -> String {
    if share.of == 0 { "-".to_owned() } else { format!("{:.1} %", share.ratio() * 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(json: bool, text: &[u8]) -> String {
        let mut out = Vec::new();
        filter(&Detector::new(&Known::default()), json, &mut io::BufReader::new(text), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_comes_out_with_placeholders_and_its_line_ends() {
        assert_eq!(filtered(false, b"Call +1 202 555 0143.\r\nOr +1 (202) 555-0143\n"), "Call [phone-1].\r\nOr [phone-1]\n");
        assert_eq!(filtered(false, b""), "");
        assert_eq!(filtered(true, b"Call +1 202 555 0143"), "{\"text\":\"Call [phone-1]\"}\n{\"replaced\":{\"phone\":1}}\n");
        assert_eq!(filtered(false, b"caf\xe9 +1 202 555 0143"), "caf\u{fffd} [phone-1]");
    }

    #[test]
    fn parts_end_with_a_line_and_no_value_is_cut() {
        let line = "some words and +1 202 555 0143 and more words, for a long time\n";
        let text = line.repeat(5000);
        assert_eq!(filtered(false, text.as_bytes()), line.replace("+1 202 555 0143", "[phone-1]").repeat(5000));
        let endless = "é".repeat(PART_MAX);
        assert_eq!(filtered(false, endless.as_bytes()), endless);
    }

    #[test]
    fn a_value_is_found_wherever_a_long_line_is_cut() {
        let cut = PART_MAX - VALUE_MAX;
        for (value, rest) in
            [("call +1 202 555 0143", "call "), ("passport no. K1234567", "passport no. "), ("mail jane.doe@periodico.mx", "mail ")]
        {
            for place in [cut - 25, cut - 8, PART_MAX - 10] {
                let text = |value: &str| format!("{}{value} {}", "some words ".repeat(place / 11), "and more ".repeat(5_000));
                let out = filtered(false, text(value).as_bytes());
                let start = out.find(rest).unwrap_or(0);
                let shown: String = out[start..].chars().take(40).collect();
                assert!(out[start + rest.len()..].starts_with('['), "{place}: {shown}");
                assert!(out.contains("-1] and more") && out.len() < text(value).len(), "{place}: {shown}");
            }
        }
    }

    #[test]
    fn a_list_that_is_longer_than_is_read_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345678").unwrap();
        assert_eq!(read_within(file.path(), 8).unwrap(), "12345678");
        let refused = read_within(file.path(), 7).unwrap_err();
        assert_eq!(refused.exit, Exit::Failed);
        assert!(format!("{refused:?}").contains("it is longer than 7 bytes"), "{refused:?}");
    }

    #[test]
    fn a_private_key_goes_whole_wherever_a_part_would_end() {
        let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n", "MIIEpAIBAAKCAQEA7bq\n".repeat(400));
        for before in [PART - 40, PART - 4000] {
            let text = format!("{}\n{key}after\n", "x ".repeat(before / 2));
            let out = filtered(false, text.as_bytes());
            assert!(out.ends_with("\n[key-1]\nafter\n"), "{}", &out[out.len() - 80..]);
        }
    }

    #[test]
    fn what_was_measured_is_a_table() {
        let json = r#"[{"locale":"en_US","text":"Call +1 202 555 0143","redact":[{"type":"PHONE","start":5,"end":20}],"keep":[]}]"#;
        let measured = check::check(json, &mut |_| {}).unwrap();
        assert_eq!(
            text(&measured),
            "LOCALE  CASES  STRUCTURED  PRECISION  KNOWN NAMES  OTHER NAMES  ADDRESSES  DATES  KEEP
en_US   1      100.0 %     100.0 %    -            -            -          -      -
all     1      100.0 %     100.0 %    -            -            -          -      -

TYPE   LABELS  RECALL
PHONE  1       100.0 %
"
        );
        assert_eq!(unread(Path::new("a.json"), &CheckError::Form).exit, Exit::Usage);
        assert_eq!(summary(&BTreeMap::from([(Kind::Email, 2), (Kind::Phone, 1)])), "replaced 3: 2 email, 1 phone");
        assert_eq!(summary(&BTreeMap::new()), "nothing was replaced");
    }
}
