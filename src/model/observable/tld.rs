//! Top-level domains: how a name on the internet is told from `com.example.app` and `report.docx` when nobody says which it is.
//!
//! `tlds.txt` is IANA's list as MISP/misp-warninglists carries it (lists/tlds, version of November 2026, CC0-1.0), in lower case and sorted. A name
//! whose kind is given never asks it, so a top-level domain younger than the list costs a `--kind domain`, not the indicator.

use std::sync::LazyLock;

static TLDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("tlds.txt").lines().collect());

/// Names under which hosts are reached though IANA does not list them (RFC 7686, I2P, Namecoin, OpenNIC and Handshake's commonest).
const OTHERS: [&str; 6] = ["onion", "i2p", "bit", "bazar", "lib", "coin"];

/// Extensions of files that people name in reports, none of which is a top-level domain. Sorted.
const EXTENSIONS: [&str; 103] = [
    "7z",
    "aar",
    "apk",
    "apks",
    "asar",
    "asp",
    "aspx",
    "avi",
    "bak",
    "bat",
    "bin",
    "bmp",
    "bz2",
    "cfg",
    "cgi",
    "chm",
    "class",
    "cmd",
    "cpl",
    "crx",
    "csv",
    "dat",
    "db",
    "deb",
    "dex",
    "dll",
    "dmg",
    "doc",
    "docm",
    "docx",
    "dotm",
    "drv",
    "dylib",
    "elf",
    "eml",
    "exe",
    "gif",
    "gz",
    "hta",
    "htm",
    "html",
    "hwp",
    "hwpx",
    "ico",
    "ics",
    "img",
    "inf",
    "ini",
    "ipa",
    "iqy",
    "iso",
    "jar",
    "jpeg",
    "jpg",
    "js",
    "jse",
    "json",
    "jsp",
    "ko",
    "lnk",
    "log",
    "lzh",
    "mobileconfig",
    "mp3",
    "mp4",
    "msg",
    "msi",
    "msix",
    "ocx",
    "odt",
    "odex",
    "pdf",
    "php",
    "pkg",
    "plist",
    "png",
    "pps",
    "ppt",
    "pptm",
    "pptx",
    "ps1",
    "psm1",
    "pub",
    "rar",
    "reg",
    "rtf",
    "scr",
    "sct",
    "svg",
    "swf",
    "sys",
    "tar",
    "tgz",
    "tmp",
    "txt",
    "vbe",
    "vbs",
    "vhd",
    "vhdx",
    "xls",
    "xlsm",
    "xlsx",
    "xml",
];

/// Extensions that are top-level domains too and that nobody can tell apart in a name of two labels.
const BOTH: [&str; 2] = ["mov", "zip"];

/// Whether a name may end so on the internet. `label` in lower case, as A-label.
pub fn is_tld(label: &str) -> bool {
    TLDS.binary_search(&label).is_ok() || OTHERS.contains(&label)
}

/// Whether a file's name may end so, and nothing on the internet does. `label` in lower case.
pub fn is_extension(label: &str) -> bool {
    EXTENSIONS.contains(&label) && !is_tld(label)
}

/// Whether it may be either.
pub fn is_both(label: &str) -> bool {
    BOTH.contains(&label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_in_lower_case() {
        assert!(TLDS.len() > 1400 && TLDS.is_sorted());
        assert!(TLDS.iter().all(|tld| tld.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')));
        assert!(is_tld("com") && is_tld("xn--p1ai") && is_tld("onion") && !is_tld("docx"));
    }
}
