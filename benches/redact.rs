//! What looking for personal data costs, beside the raw limit measured in the same run: a pass over the same bytes that checks UTF-8 and looks for one byte.
//!
//! `cargo bench --bench redact --no-default-features`
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use watchfire::rules::redact::{Detector, Known};

/// As long as the texts are, so that a second suffices for each.
const BYTES: usize = 2 << 20;
const ROUNDS: usize = 5;

const ENGLISH: &str =
    "The report describes how the group moved through several networks over the course of a year and what was done about it afterwards.\n";
const RUSSIAN: &str = "В отчёте описано, как группа в течение года двигалась по нескольким сетям и что было сделано потом.\n";
const CHINESE: &str = "報告描述了該組織在一年中如何穿過多個網路以及之後採取了什麼措施。\n";
const ARABIC: &str = "يصف التقرير كيف تحركت المجموعة عبر عدة شبكات خلال عام وما الذي جرى بعد ذلك.\n";
const REFERRAL: &str = "Client Mckenzie Garcia called from (717)528-6233x573, mail rwhite@example.net; C2 evil[.]example, sample d41d8cd98f00b204e9800998ecf8427e.\n";

fn main() {
    let nobody = Detector::new(&Known::default());
    let known = (0..100).fold(Known::default(), |known, n| known.name(&format!("Firstname{n} Lastname{n}")));
    let known = Detector::new(&known);
    println!("text without hits");
    for (name, text) in [("English", ENGLISH), ("Russian", RUSSIAN), ("Chinese", CHINESE), ("Arabic", ARABIC)] {
        compare(name, &nobody, text);
    }
    compare("English, 100 known names", &known, ENGLISH);
    println!("text with hits");
    compare("referrals", &nobody, REFERRAL);
    println!("what would make a search that goes back slow");
    let usual = rate(&nobody, ENGLISH);
    let worst = [
        "@",
        "a@",
        "a@a.",
        "1 ",
        "1",
        "+1 (",
        "[",
        "[.]",
        "((((",
        "a.",
        ".",
        "://",
        "http://",
        "h",
        "hxxp",
        "phone ",
        "id 1",
        "name ",
        "name A ",
        "lives at ",
        "password:",
        "at dot ",
        "a at b dot ",
        "\\",
        ":",
        "::",
        "1:",
        "1.",
        "GB82 ",
        "AB 12 34 ",
        "\u{b0}",
        "12.34567, ",
        "[email-1]",
        "A B ",
        "\u{645}",
        "\u{738b}",
        "e\u{301}",
        "\u{200b}",
        "-----BEGIN PRIVATE KEY-----",
        "/home/",
        "x573",
        "1x1",
        "a@b.org ",
        "0912345678 ",
        "https://a.b/?token=12345678 ",
    ];
    let mut slowest = (f64::MAX, "");
    for piece in worst {
        let measured = rate(&nobody, piece);
        if measured < slowest.0 {
            slowest = (measured, piece);
        }
        println!("  {piece:32?} {measured:8.1} MB/s, {:.1} times as long as English", usual / measured);
    }
    println!("slowest: {:?}, {:.1} times as long as English", slowest.1, usual / slowest.0);
}

fn compare(name: &str, detector: &Detector, text: &str) {
    let bytes = text.repeat(BYTES / text.len() + 1).into_bytes();
    let raw = fastest(|| {
        black_box(std::str::from_utf8(&bytes).map(|text| memchr::memchr_iter(b'@', text.as_bytes()).count())).ok();
    });
    let raw = bytes.len() as f64 / raw.as_secs_f64() / 1e6;
    let found = rate(detector, text);
    println!("  {name:28} {found:8.1} MB/s, raw limit {raw:8.0} MB/s, ratio {:.4}", found / raw);
}

/// In MB/s, the fastest of some rounds.
fn rate(detector: &Detector, piece: &str) -> f64 {
    let text = piece.repeat(BYTES / piece.len() + 1);
    let took = fastest(|| {
        black_box(detector.find(&text));
    });
    text.len() as f64 / took.as_secs_f64() / 1e6
}

fn fastest(mut run: impl FnMut()) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}
