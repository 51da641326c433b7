//! Cryptocurrency addresses.

use aws_lc_rs::digest::{SHA256, digest};

use super::error::Reason;
use crate::model::bech32;

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The canonical form of an address of any currency: hexadecimal (`0x…`) and bech32 in lower case, base58 as written, a URI scheme such as
/// `bitcoin:` left out. The checksum is not asked for: the source says what it is.
pub(super) fn canonical(text: &str) -> Result<String, Reason> {
    let text = text.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).map_or(text, |(_, rest)| rest);
    let text = text.split('?').next().unwrap_or(text);
    let lower = text.to_ascii_lowercase();
    if is_ethereum(&lower) || bech32::is_address(text) {
        return Ok(lower);
    }
    let fits = (20..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(text.to_owned()) } else { Err(Reason::Cryptocurrency) }
}

/// Whether a text that nobody has named is an address: Bitcoin and its kin with a right checksum, Ethereum, or Monero by its form.
pub(super) fn is_certain(text: &str) -> bool {
    match text.len() {
        25..=35 => is_base58_check(text),
        42 if text.starts_with("0x") || text.starts_with("0X") => is_ethereum(&text.to_ascii_lowercase()),
        95 | 106 => text.starts_with(['4', '8']) && text.bytes().all(|byte| BASE58.contains(&byte)),
        36..=110 => bech32::is_address(text),
        _ => false,
    }
}

fn is_scheme(scheme: &str) -> bool {
    !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_ethereum(lower: &str) -> bool {
    lower.strip_prefix("0x").is_some_and(|digits| digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// 25 bytes, the last four of which are the start of the double SHA-256 of the rest.
fn is_base58_check(text: &str) -> bool {
    let Some(bytes) = base58(text) else { return false };
    let (payload, checksum) = bytes.split_at(21);
    let twice = digest(&SHA256, digest(&SHA256, payload).as_ref());
    twice.as_ref()[..4] == *checksum
}

fn base58(text: &str) -> Option<[u8; 25]> {
    let mut out = [0; 25];
    for byte in text.bytes() {
        let mut carry = BASE58.iter().position(|&c| c == byte)?;
        for place in out.iter_mut().rev() {
            carry += usize::from(*place) * 58;
            *place = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_a_right_checksum_are_told_without_a_kind() {
        // The genesis block's address, BIP 173's and BIP 350's examples, a contract.
        for text in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe",
        ] {
            assert!(is_certain(text), "{text}");
        }
        for text in
            ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "0x1234", "averyordinarywordoflength"]
        {
            assert!(!is_certain(text), "{text}");
        }
    }

    #[test]
    fn one_address_has_one_form() {
        assert_eq!(
            canonical("bitcoin:BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4?amount=1").as_deref(),
            Ok("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
        );
        assert_eq!(canonical("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa").as_deref(), Ok("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert_eq!(canonical("not an address"), Err(Reason::Cryptocurrency));
    }
}
