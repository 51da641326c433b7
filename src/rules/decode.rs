//! What stands in a text behind percent signs, hexadecimal, base64 and base32: the ways in which phishing URLs carry whom they were sent to.

use data_encoding::{BASE32_NOPAD_NOCASE, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};

/// Shorter runs say too little, and decode to something too often.
const RUN_MIN: usize = 8;
/// How often a text is unpacked again.
const ROUNDS_MAX: usize = 3;
/// The most texts that one text is unpacked to.
const TEXTS_MAX: usize = 200;

/// The text with its percent-encoding undone, as often as it changes something; what is no UTF-8 is replaced.
pub(super) fn percent(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..ROUNDS_MAX {
        if !text.contains('%') {
            break;
        }
        let decoded = percent_once(&text);
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text
}

fn percent_once(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|pair| HEXLOWER_PERMISSIVE.decode(pair).ok());
        match pair.as_deref() {
            Some([byte]) => {
                out.push(*byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Readable texts that runs of the text stand for in base64, base32 or hexadecimal, and what stands in those again. The text itself is not among them.
pub(super) fn hidden(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut from = 0;
    let mut layer = vec![text.to_owned()];
    for _ in 0..ROUNDS_MAX {
        for text in &layer {
            for run in text.split(|c: char| !is_packed(c)) {
                found.extend(readings(run));
            }
            if found.len() > TEXTS_MAX {
                found.truncate(TEXTS_MAX);
                return found;
            }
        }
        layer = found[from..].iter().map(|text| percent(text)).collect();
        from = found.len();
        if layer.is_empty() {
            break;
        }
    }
    found
}

/// What one run of letters, digits and base64's other characters can be read as.
pub(super) fn readings(run: &str) -> Vec<String> {
    let mut found = Vec::new();
    // `/` stands in base64 and between the parts of a path: the run is read whole, then by parts.
    let whole = std::iter::once(run.trim_matches('/'));
    let parts = run.split('/').filter(|_| run.contains('/'));
    // A value may stand behind its name.
    for piece in whole.chain(parts).flat_map(|piece| std::iter::once(piece).chain(piece.split_once('=').map(|(_, value)| value))) {
        let piece = piece.trim_end_matches('=');
        if piece.len() < RUN_MIN || found.len() > TEXTS_MAX {
            continue;
        }
        for encoding in [HEXLOWER_PERMISSIVE, BASE64_NOPAD, BASE64URL_NOPAD, BASE32_NOPAD_NOCASE] {
            found.extend(decode(&encoding, piece).and_then(readable));
        }
    }
    found.dedup();
    found
}

/// Undoes an encoding; of what was cut, the whole groups.
fn decode(encoding: &data_encoding::Encoding, piece: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = encoding.decode(piece.as_bytes()) {
        return Some(bytes);
    }
    let group = if encoding.bit_width() == 5 { 8 } else { 4 };
    let whole = piece.len() - piece.len() % group;
    encoding.decode(piece.get(..whole)?.as_bytes()).ok()
}

/// UTF-8 without controls, as what people write is.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let sound = !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\0'));
    sound.then_some(text)
}

fn is_packed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percent_signs_are_undone_as_often_as_they_were_put() {
        assert_eq!(percent("a%40b.org"), "a@b.org");
        assert_eq!(percent("a%2540b.org"), "a@b.org");
        assert_eq!(percent("100%"), "100%");
        assert_eq!(percent("%zz%4"), "%zz%4");
    }

    #[test]
    fn what_is_packed_is_read() {
        let address = "someone@victim.org";
        for packed in [
            "c29tZW9uZUB2aWN0aW0ub3Jn",
            "736f6d656f6e654076696374696d2e6f7267",
            "c29tZW9uZUB2aWN0aW0ub3Jn==",
            "onxw2zlpnzsua5tjmn2gs3joN5ZGO",
        ] {
            for text in [format!("/login/{packed}"), format!("?e={packed}&x=1"), format!("#{packed}"), format!("/{packed}/a")] {
                assert!(hidden(&text).iter().any(|found| found == address), "{text}: {:?}", hidden(&text));
            }
        }
        // Twice.
        assert!(hidden("YzI5dFpXOXVaVUIyYVdOMGFXMHViM0pu").iter().any(|found| found == address));
        assert_eq!(hidden("/index.html?page=2"), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_too_odd_to_be_read(text in ".{0,300}") {
            percent(&text);
            prop_assert!(hidden(&text).len() <= TEXTS_MAX);
        }
    }
}
