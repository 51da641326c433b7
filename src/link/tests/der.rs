//! Certificates taken apart and put together again: what no library would write.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
const BITS: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
const EXTENSIONS: u8 = 0xa3;

/// Contents of object identifiers.
pub(super) const SAN: &[u8] = &[0x55, 0x1d, 0x11];
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
pub(super) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        length @ ..=0x7f => vec![length as u8],
        length @ 0x80..=0xff => vec![0x81, length as u8],
        length => [&[0x82], (length as u16).to_be_bytes().as_slice()].concat(),
    };
    [&[tag], length.as_slice(), content].concat()
}

pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// The length of the header, and of the content.
fn lengths(bytes: &[u8]) -> (usize, usize) {
    match bytes[1] {
        short @ ..=0x7f => (2, short.into()),
        0x81 => (3, bytes[2].into()),
        _ => (4, u16::from_be_bytes([bytes[2], bytes[3]]).into()),
    }
}

/// The parts of a value, each with its header.
pub(super) fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (header, content) = lengths(bytes);
    let mut rest = &bytes[header..header + content];
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (header, content) = lengths(rest);
        parts.push(rest[..header + content].to_vec());
        rest = &rest[header + content..];
    }
    parts
}

/// A certificate whose inner parts (version, serial, algorithm, issuer, validity, subject, key, extensions) were changed, signed anew.
pub(super) fn resigned(certificate: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let outer = split(certificate);
    let mut parts = split(&outer[0]);
    change(&mut parts);
    let inner = sequence(&parts);
    let signature = tlv(BITS, &[vec![0], sign(&inner)].concat());
    sequence(&[inner, outer[1].clone(), signature])
}

pub(super) fn with_outer_algorithm(certificate: &[u8], algorithm: Vec<u8>) -> Vec<u8> {
    let mut outer = split(certificate);
    outer[1] = algorithm;
    sequence(&outer)
}

/// Changes the list of extensions.
pub(super) fn extensions(parts: &mut [Vec<u8>], change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let last = parts.last_mut().expect("a certificate has parts");
    let mut all = split(&split(last)[0]);
    change(&mut all);
    *last = tlv(EXTENSIONS, &sequence(&all));
}

/// The extension with this identifier.
pub(super) fn find(all: &[Vec<u8>], identifier: &[u8]) -> Option<Vec<u8>> {
    all.iter().find(|extension| split(extension)[0] == tlv(OID, identifier)).cloned()
}

/// Gives an extension another value.
pub(super) fn set_extension(parts: &mut [Vec<u8>], identifier: &[u8], value: Vec<u8>) {
    extensions(parts, |all| {
        all.retain(|extension| split(extension)[0] != tlv(OID, identifier));
        all.push(sequence(&[tlv(OID, identifier), tlv(OCTETS, &value)]));
    });
}

/// A certificate with one bit of its public key flipped, and the signature left as it was.
pub(super) fn flipped(certificate: &[u8], key_bytes: usize) -> Vec<u8> {
    let outer = split(certificate);
    let mut parts = split(&outer[0]);
    let at = parts[6].len() - key_bytes / 2;
    parts[6][at] ^= 1;
    sequence(&[sequence(&parts), outer[1].clone(), outer[2].clone()])
}
