//! No text takes the detectors longer than ten times as long as prose of its length, and twice the length takes twice the time: nothing goes back.
//!
//! Time is what the thread itself ran (Linux tells it), so that other programs on the machine change little; elsewhere the clock must do.
#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::time::{Duration, Instant};
use watchfire::rules::redact::{Detector, Known, Record};

const PROSE: &str =
    "The report describes how the group moved through several networks over the course of a year and what was done about it afterwards.\n";

/// What each detector would stumble over, repeated. One class a line.
const HOSTILE: [&str; 77] = [
    "1",
    "1 ",
    "1-",
    "1.",
    "1x1",
    "+1 (",
    "0912345678 ",
    "4111 1111 1111 1111 ",
    "GB82 ",
    "AB 12 34 ",
    "12.34567, ",
    "x573",
    "@",
    "a@",
    "a@a.",
    "a at ",
    "a at b dot ",
    "at dot ",
    "a@b.org ",
    "@a",
    "é@",
    "a . ",
    "(at)",
    ".",
    "a.",
    "..a",
    "://",
    "a://",
    "http://",
    "https://a.b/?token=12345678 ",
    "/?a=",
    "a/",
    "1.2.3.4 ",
    "1.2.3.4:",
    ":",
    "::",
    "1:",
    "a:b:",
    "\\",
    "\\.",
    "C:\\Users\\",
    "/home/",
    "%",
    "%41",
    "%40a.",
    "e\u{301}",
    "\u{301}",
    "\u{200b}",
    "a\u{200b}",
    "\u{ad}",
    "QUJDREVG1a",
    "\"",
    "\"'",
    "'s phone ",
    "[",
    "[.]",
    "((((",
    "[email-1]",
    "[email-",
    "hxxp",
    "-----BEGIN PRIVATE KEY-----",
    "name A ",
    "phone 1 ",
    "lives at ",
    "born 3 June ",
    "&#59",
    "%3",
    "5\n3rd ",
    "from a@b.org ",
    "victim: ",
    "- Victim: A B\n",
    "A: B <a@b.org>, ",
    "1/a(b)123456 ",
    "id number 12345 ",
    "\n",
    ". ",
    "\u{645} ",
];

/// How long the work takes, in time of this thread: repeated until it is long beside the steps in which that is told.
fn took(mut work: impl FnMut()) -> Duration {
    const ENOUGH: Duration = Duration::from_millis(40);
    let ran = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    let (before, clock) = (ran(), Instant::now());
    for rounds in 1.. {
        work();
        let so_far = match (before, ran()) {
            (Some(before), Some(now)) => now - before,
            _ => clock.elapsed(),
        };
        if so_far > ENOUGH {
            return so_far / rounds;
        }
    }
    Duration::ZERO
}

fn of_length(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len() + 1)
}

/// The classes that take longer than `factor` times prose of their length, and how many times as long.
fn slower(factor: f64, bytes: usize, work: &dyn Fn(&str)) -> Vec<(String, f64)> {
    let prose = of_length(PROSE, bytes);
    let usual = took(|| work(&prose)).as_secs_f64();
    let times = |piece: &&str| {
        let text = of_length(piece, bytes);
        (format!("{piece:?}"), took(|| work(&text)).as_secs_f64() / usual)
    };
    HOSTILE.iter().map(times).filter(|(_, times)| *times > factor).collect()
}

/// The same, of the time from a length to eight times it, where eight times as long is linear.
fn steeper(factor: f64, bytes: usize, work: &dyn Fn(&str)) -> Vec<(String, f64)> {
    let times = |piece: &&str| {
        let took = |bytes: usize| took(|| work(&of_length(piece, bytes))).as_secs_f64();
        (format!("{piece:?}"), took(bytes * 8) / took(bytes))
    };
    HOSTILE.iter().map(times).filter(|(_, times)| *times > factor).collect()
}

#[test]
fn no_text_is_slower_than_ten_times_prose_of_its_length() {
    let detector = Detector::new(&Known::default().name("Anna Kim").domain("ngo.example").value("+254 712 345 678").keep("evil.example"));
    let find = |text: &str| drop(detector.find(text));
    find(PROSE);
    let slow = slower(10.0, 64 << 10, &find);
    assert!(slow.is_empty(), "{slow:?}");
}

#[test]
fn twice_the_length_takes_twice_the_time() {
    let detector = Detector::new(&Known::default());
    let find = |text: &str| drop(detector.find(text));
    find(PROSE);
    // Three doublings: 8 times where it is linear, 64 where it is quadratic.
    let steep = steeper(24.0, 8 << 10, &find);
    assert!(steep.is_empty(), "{steep:?}");
    let redact = |text: &str| drop(Record::default().redact(&detector, text));
    let steep = steeper(24.0, 8 << 10, &redact);
    assert!(steep.is_empty(), "{steep:?}");
}

#[test]
fn a_planted_search_that_goes_back_is_seen() {
    // For each `@` back to the start of the text, as an expression that backtracks would.
    let planted = |text: &str| {
        let bytes = text.as_bytes();
        let steps: usize = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'@')
            .map(|(at, _)| at)
            .map(|at| bytes[..at].iter().rev().filter(|byte| **byte != b'\n').count())
            .sum();
        std::hint::black_box(steps);
    };
    assert!(steeper(24.0, 4 << 10, &planted).iter().any(|(piece, _)| piece == "\"@\""), "it takes 64 times as long");
}
