//! Search keys: bytes under which the store finds observables, ordered so that what belongs together is one range.
//!
//! A key is the kind's number, then:
//!
//! | kind | bytes |
//! |---|---|
//! | domain | labels from the last to the first, each followed by a zero byte: `com\0example\0`. All subdomains of a name begin with its key, no look-alike does |
//! | address | 4 or 16 bytes, so that the addresses in a network are one range |
//! | network | 4 or 16 bytes, then the prefix length: the networks over an address are at most 31 or 127 single keys, those in a network one range |
//! | hashes | their bytes |
//! | any other | the value; above [`PLAIN_MAX`] bytes its first 480 bytes, a byte and the value's SHA-256, which cannot be read back |

use std::net::{Ipv4Addr, Ipv6Addr};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

use super::{Observable, ObservableKind::*};
use crate::model::ObservableKind;

/// Values up to this many bytes stand in their key whole.
pub const PLAIN_MAX: usize = 512;
const HEAD: usize = 480;
/// Longer than any whole value can be, so the two cannot be mixed up.
const HASHED_LENGTH: usize = HEAD + 1 + 32;

/// The key of an observable, at most 514 bytes.
pub fn search_key(observable: &Observable) -> Vec<u8> {
    let value = observable.value();
    let mut key = Vec::with_capacity(value.len().min(HASHED_LENGTH) + 2);
    key.push(observable.kind().number());
    match observable.kind() {
        Domain => push_labels(&mut key, value),
        Ipv4 | Ipv6 | Ipv4Net | Ipv6Net => push_network(&mut key, observable),
        Md5 | Sha1 | Sha256 | Sha512 | AppCertHash => match HEXLOWER.decode(value.as_bytes()) {
            Ok(bytes) => key.extend(bytes),
            Err(_) => key.extend_from_slice(value.as_bytes()),
        },
        _ if value.len() <= PLAIN_MAX => key.extend_from_slice(value.as_bytes()),
        _ => {
            key.extend_from_slice(&value.as_bytes()[..HEAD]);
            key.push(0);
            key.extend_from_slice(digest(&SHA256, value.as_bytes()).as_ref());
        }
    }
    key
}

/// The observable of a key; `None` for a long value, whose key holds a hash, and for bytes that [`search_key`] did not make.
pub fn from_search_key(key: &[u8]) -> Option<Observable> {
    let (&number, rest) = key.split_first()?;
    let kind = ObservableKind::from_number(number)?;
    let value = match kind {
        Domain => labels(rest)?,
        Ipv4 => Ipv4Addr::from(<[u8; 4]>::try_from(rest).ok()?).to_string(),
        Ipv6 => Ipv6Addr::from(<[u8; 16]>::try_from(rest).ok()?).to_string(),
        Ipv4Net | Ipv6Net => network(rest)?,
        Md5 | Sha1 | Sha256 | Sha512 | AppCertHash => HEXLOWER.encode(rest),
        _ if rest.len() <= PLAIN_MAX => String::from_utf8(rest.to_vec()).ok()?,
        _ => return None,
    };
    Observable::parse(kind, &value).ok().filter(|observable| observable.kind == kind && observable.value == value)
}

pub(super) fn push_labels(key: &mut Vec<u8>, name: &str) {
    for label in name.rsplit('.') {
        key.extend_from_slice(label.as_bytes());
        key.push(0);
    }
}

fn labels(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\0')?;
    let mut labels: Vec<&str> = text.split('\0').collect();
    labels.reverse();
    Some(labels.join("."))
}

fn push_network(key: &mut Vec<u8>, observable: &Observable) {
    let (address, length) = match observable.value().split_once('/') {
        Some((address, length)) => (address, length.parse::<u8>().ok()),
        None => (observable.value(), None),
    };
    match address.parse() {
        Ok(std::net::IpAddr::V4(address)) => key.extend(address.octets()),
        Ok(std::net::IpAddr::V6(address)) => key.extend(address.octets()),
        // The canonical form of these kinds always parses.
        Err(_) => {}
    }
    key.extend(length);
}

fn network(bytes: &[u8]) -> Option<String> {
    let (&length, address) = bytes.split_last()?;
    if let Ok(octets) = <[u8; 4]>::try_from(address) {
        return Some(format!("{}/{length}", Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(address).ok().map(|octets| format!("{}/{length}", Ipv6Addr::from(octets)))
}
