//! File hashes: lower-case hex of the algorithm's length.

use super::{ObservableKind, error::Reason};

/// The hash kind with that many hex digits.
pub(super) const fn kind_of_length(digits: usize) -> Option<ObservableKind> {
    match digits {
        32 => Some(ObservableKind::Md5),
        40 => Some(ObservableKind::Sha1),
        64 => Some(ObservableKind::Sha256),
        128 => Some(ObservableKind::Sha512),
        _ => None,
    }
}

/// The canonical form of a hash of `kind`. `text` is refanged already. A certificate's hash may be MD5, SHA-1, SHA-256, SHA-384 or SHA-512, and
/// may have colons between its bytes.
pub(super) fn canonical(kind: ObservableKind, text: &str) -> Result<String, Reason> {
    let digits = match kind {
        ObservableKind::AppCertHash if text.contains([':', ' ']) => without_separators(text)?,
        _ => text.to_ascii_lowercase(),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Reason::NotHex);
    }
    let fits = match kind {
        ObservableKind::AppCertHash => digits.len() == 96 || kind_of_length(digits.len()).is_some(),
        _ => kind_of_length(digits.len()) == Some(kind),
    };
    if fits { Ok(digits) } else { Err(Reason::HashLength(digits.len())) }
}

/// `AB:CD:…` or `AB CD …`, two digits each.
fn without_separators(text: &str) -> Result<String, Reason> {
    let mut digits = String::with_capacity(text.len());
    for pair in text.split([':', ' ']) {
        if pair.len() != 2 {
            return Err(Reason::NotHex);
        }
        digits.push_str(pair);
    }
    digits.make_ascii_lowercase();
    Ok(digits)
}
