//! Names, paths, registry keys and telephone numbers: the kinds that are taken nearly as they are written.

use super::error::Reason;

/// Names of processes, files, apps, properties, mutexes.
pub(super) const NAME_MAX: usize = 1024;
/// Paths (Windows allows 32,767 characters; nobody shares those).
pub(super) const PATH_MAX: usize = 4096;
/// STIX patterns.
pub(super) const PATTERN_MAX: usize = 64 * 1024;

/// The last part of a path is a file's name; a text with a separator in it is a path.
pub(super) fn is_path(text: &str) -> bool {
    text.contains('/') || text.contains('\\')
}

/// Whether the text begins as an absolute path does on Unix or Windows, or with a variable that stands for one.
pub(super) fn is_absolute_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/');
    let variable =
        || text.strip_prefix('%').and_then(|rest| rest.split_once('%')).is_some_and(|(name, rest)| is_variable(name) && is_path(rest));
    let unix = text.starts_with('/') && !text.starts_with("//") && text.len() > 1;
    drive || unix || text.starts_with("\\\\") || text.starts_with("~/") || variable()
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'(' | b')'))
}

/// A path keeps its case; backslashes that were doubled for a string literal become one again, but for the two in front of a share's name.
pub(super) fn path(text: &str) -> String {
    let text = unquote(text);
    if !text.contains("\\\\") {
        return text.to_owned();
    }
    let share = text.starts_with("\\\\");
    let mut out = String::with_capacity(text.len());
    if share {
        out.push('\\');
    }
    for c in text.chars() {
        if c != '\\' || !out.ends_with('\\') || (share && out.len() == 1) {
            out.push(c);
        }
    }
    out
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map_or(text, str::trim)
}

/// Abbreviations and kernel forms of the hives, in lower case, with the name that STIX 2.1 §6.17 asks for.
const HIVES: [(&str, &str); 16] = [
    ("hklm", "HKEY_LOCAL_MACHINE"),
    ("hkey_local_machine", "HKEY_LOCAL_MACHINE"),
    ("registry\\machine", "HKEY_LOCAL_MACHINE"),
    ("hkcu", "HKEY_CURRENT_USER"),
    ("hkey_current_user", "HKEY_CURRENT_USER"),
    ("hkcr", "HKEY_CLASSES_ROOT"),
    ("hkey_classes_root", "HKEY_CLASSES_ROOT"),
    ("hku", "HKEY_USERS"),
    ("hkus", "HKEY_USERS"),
    ("hkey_users", "HKEY_USERS"),
    ("registry\\user", "HKEY_USERS"),
    ("hkcc", "HKEY_CURRENT_CONFIG"),
    ("hkey_current_config", "HKEY_CURRENT_CONFIG"),
    ("hkpd", "HKEY_PERFORMANCE_DATA"),
    ("hkey_performance_data", "HKEY_PERFORMANCE_DATA"),
    ("hkey_dyn_data", "HKEY_DYN_DATA"),
];

/// A registry key: the hive's long name, then the key in lower case, since Windows compares keys without case.
pub(super) fn registry_key(text: &str) -> Result<String, Reason> {
    let single = path(text).to_lowercase();
    let single = single.trim_matches('\\');
    let single = single.strip_prefix("computer\\").unwrap_or(single);
    let (hive, rest) =
        HIVES.iter().find_map(|&(short, long)| Some((long, rest_of_key(single.strip_prefix(short)?)?))).ok_or(Reason::Hive)?;
    let rest = rest.trim_matches('\\').trim_end();
    Ok(if rest.is_empty() { hive.to_owned() } else { format!("{hive}\\{}", rest.trim_end_matches('\\')) })
}

/// What follows the hive, if the hive ends there. PowerShell writes `HKLM:\`.
fn rest_of_key(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    (rest.is_empty() || rest.starts_with('\\')).then_some(rest)
}

/// A telephone number: `+` and digits (E.164) where it is international, else its digits. Digits of any common script, `00` for `+`.
pub(super) fn phone_number(text: &str) -> Result<String, Reason> {
    let text = text.get(..4).filter(|start| start.eq_ignore_ascii_case("tel:")).map_or(text, |_| &text[4..]);
    let mut number = String::new();
    for c in text.trim().chars() {
        match c {
            '+' | '\u{ff0b}' if number.is_empty() => number.push('+'),
            ' ' | '\u{a0}' | '-' | '\u{2010}'..='\u{2013}' | '.' | '/' | '(' | ')' => {}
            _ => number.push(digit(c).ok_or(Reason::Phone)?),
        }
    }
    let number = match number.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => number,
    };
    let digits = number.trim_start_matches('+');
    let least = if digits.len() == number.len() { 3 } else { 7 };
    let fits = (least..=15).contains(&digits.len()) && !(number.starts_with('+') && digits.starts_with('0'));
    if fits { Ok(number) } else { Err(Reason::Phone) }
}

/// Zeros of the scripts whose digits people dial.
const ZEROS: [u32; 13] = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0xff10];

fn digit(c: char) -> Option<char> {
    let zero = ZEROS.iter().find(|&&zero| (zero..zero + 10).contains(&u32::from(c)))?;
    char::from_digit(u32::from(c) - zero, 10)
}

/// A STIX pattern with its blanks outside quotes reduced to one each.
pub(super) fn pattern(text: &str) -> Result<String, Reason> {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped, mut blank) = (false, false, false);
    for c in text.trim().chars() {
        if !quoted && c.is_whitespace() {
            blank = true;
            continue;
        }
        if super::refang::is_forbidden(c) {
            return Err(Reason::Control);
        }
        if std::mem::take(&mut blank) && !out.is_empty() {
            out.push(' ');
        }
        quoted ^= c == '\'' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        out.push(c);
    }
    let balanced = !quoted && out.starts_with(['[', '(']) && out.contains('[') && out.contains(']');
    if balanced { Ok(out) } else { Err(Reason::Pattern) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_keys_are_compared_without_case_under_the_long_hive() {
        for text in [
            "HKLM\\Software\\Evil",
            "hkey_local_machine\\SOFTWARE\\evil\\",
            "HKLM:\\Software\\Evil",
            "HKLM\\\\Software\\\\Evil",
            "\\REGISTRY\\MACHINE\\Software\\Evil",
            "Computer\\HKEY_LOCAL_MACHINE\\Software\\Evil",
        ] {
            assert_eq!(registry_key(text).as_deref(), Ok("HKEY_LOCAL_MACHINE\\software\\evil"), "{text}");
        }
        assert_eq!(registry_key("HKLMX\\Software"), Err(Reason::Hive));
        assert_eq!(registry_key("Software\\Evil"), Err(Reason::Hive));
    }

    #[test]
    fn telephone_numbers_are_e164_where_they_can_be() {
        for (text, expected) in [
            ("+49 (151) 123-456-78", "+4915112345678"),
            ("0049 151 12345678", "+4915112345678"),
            ("tel:+4915112345678", "+4915112345678"),
            ("\u{6f0}\u{6f0}\u{6f9}\u{6f8}\u{6f2}\u{6f1}\u{6f1}\u{6f2}\u{6f3}\u{6f4}\u{6f5}", "+98211 2345".replace(' ', "").as_str()),
            ("0151 12345678", "015112345678"),
            ("22456", "22456"),
        ] {
            assert_eq!(phone_number(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["12", "+0151", "+1234567890123456", "call me", "+12-34"] {
            assert_eq!(phone_number(text), Err(Reason::Phone), "{text}");
        }
    }

    #[test]
    fn paths_keep_their_case_and_lose_doubled_backslashes() {
        assert_eq!(path("C:\\\\Windows\\\\Temp\\\\A.exe"), "C:\\Windows\\Temp\\A.exe");
        assert_eq!(path("\\\\server\\share\\A"), "\\\\server\\share\\A");
        assert_eq!(path("\"/private/var/tmp/A b\""), "/private/var/tmp/A b");
    }

    #[test]
    fn blanks_in_patterns_count_inside_quotes_only() {
        assert_eq!(pattern(" [a:b  =\n'x  y'] ").as_deref(), Ok("[a:b = 'x  y']"));
        assert_eq!(pattern("[a:b = 'it\\'s  so']").as_deref(), Ok("[a:b = 'it\\'s  so']"));
        assert_eq!(pattern("a:b = 'x'"), Err(Reason::Pattern));
        assert_eq!(pattern("[a:b = 'x]"), Err(Reason::Pattern));
    }
}
