//! Bech32 (BIP 173), in which age writes its keys, and Bech32m (BIP 350), in which newer addresses are written. Without the limit of 90
//! characters, which neither age nor every currency keeps.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;
/// What the checksum of a right word comes to.
const BECH32: u32 = 1;
const BECH32M: u32 = 0x2bc8_30a3;

/// A word in lower case over its prefix and bytes.
pub(crate) fn encode(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let data = regroup(bytes, 8, 5, true).unwrap_or_default();
    let sum = polymod(spread(prefix).chain(data.iter().copied()).chain([0; CHECKSUM])) ^ BECH32;
    let checksum = (0..CHECKSUM).map(|at| (sum >> (5 * (CHECKSUM - 1 - at)) & 31) as u8);
    // Of its whole length from the start: a secret is not left behind where a string has grown.
    let mut word = Zeroizing::new(String::with_capacity(prefix.len() + 1 + data.len() + CHECKSUM));
    word.push_str(prefix);
    word.push('1');
    word.extend(data.iter().copied().chain(checksum).map(|value| char::from(ALPHABET[usize::from(value)])));
    word
}

/// Prefix (in lower case) and bytes of a word that is all in lower or all in upper case; `None` when it is none.
pub(crate) fn decode(word: &str) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let Word { prefix, values, sum } = Word::read(word)?;
    let bytes = regroup(&values[..values.len() - CHECKSUM], 5, 8, false)?;
    (sum == BECH32).then_some((prefix, bytes))
}

/// Whether a word, all in lower or all in upper case, has the form of an address and a right checksum, of either kind.
pub(crate) fn is_address(word: &str) -> bool {
    Word::read(word)
        .is_some_and(|Word { prefix, values, sum }| prefix.len() <= 83 && values.len() >= CHECKSUM + 2 && matches!(sum, BECH32 | BECH32M))
}

struct Word {
    /// In lower case.
    prefix: String,
    /// Groups of five bits, those of the checksum last.
    values: Zeroizing<Vec<u8>>,
    sum: u32,
}

impl Word {
    fn read(word: &str) -> Option<Self> {
        let mixed = word.bytes().any(|byte| byte.is_ascii_lowercase()) && word.bytes().any(|byte| byte.is_ascii_uppercase());
        if mixed || !word.bytes().all(|byte| (33..=126).contains(&byte)) {
            return None;
        }
        let lower = Zeroizing::new(word.to_ascii_lowercase());
        let (prefix, data) = lower.rsplit_once('1').filter(|(prefix, data)| !prefix.is_empty() && data.len() >= CHECKSUM)?;
        let value = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte).and_then(|at| u8::try_from(at).ok());
        let values = Zeroizing::new(data.bytes().map(value).collect::<Option<Vec<u8>>>()?);
        let sum = polymod(spread(prefix).chain(values.iter().copied()));
        Some(Self { prefix: prefix.to_owned(), values, sum })
    }
}

fn spread(prefix: &str) -> impl Iterator<Item = u8> {
    prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31))
}

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.fold(1, |sum, value| {
        let top = sum >> 25;
        let shifted = ((sum & 0x01ff_ffff) << 5) ^ u32::from(value);
        GENERATOR.iter().enumerate().fold(shifted, |sum, (bit, generator)| if (top >> bit) & 1 == 1 { sum ^ generator } else { sum })
    })
}

/// Groups of `from` bits as groups of `to` bits; what is left over is padded, or must be a padding of zeros.
fn regroup(values: &[u8], from: u32, to: u32, pad: bool) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(values.len() * 8 / to as usize + 2));
    let (mut held, mut bits) = (0u32, 0);
    for value in values {
        held = (held << from) | u32::from(*value);
        bits += from;
        while bits >= to {
            bits -= to;
            out.push((held >> bits & ((1 << to) - 1)) as u8);
        }
        held &= (1 << bits) - 1;
    }
    match (pad, bits) {
        (_, 0) => Some(out),
        (true, _) => {
            out.push((held << (to - bits) & ((1 << to) - 1)) as u8);
            Some(out)
        }
        (false, _) => (bits < from && held == 0).then_some(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_bip_173_are_read_and_wrong_ones_are_not() {
        for word in ["A12UEL5L", "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "?1ezyfcl"] {
            let (prefix, bytes) = decode(word).unwrap_or_else(|| panic!("{word}"));
            assert_eq!(*encode(&prefix, &bytes), word.to_ascii_lowercase());
        }
        for word in ["", "1qzzfhee", "A12UEL5l", "pzry9x0s0muk", "x1b4n0q5v", "li1dgmt3", "A1G7SGD8", "10a06t8", "a12uel5k"] {
            assert!(decode(word).is_none(), "{word}");
        }
    }
}
