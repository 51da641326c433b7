//! Text that survives mail and chat: one base64 block between two lines, with a checksum that tells a typing error from a forgery.

use crate::model::crypto::sha256;
use data_encoding::BASE64;

/// The longest text that is looked at, in bytes.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
const CHECKSUM: usize = 4;
const LINE: usize = 64;

/// The text was not an armoured block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadArmour {
    /// Over [`TEXT_BYTES_MAX`].
    #[error("the text has more than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// One of the two lines is missing.
    #[error("no block between `-----BEGIN {0}-----` and `-----END {0}-----`\nhint: copy the whole block, both lines included")]
    NoBlock(&'static str),
    /// What stands between them is not base64.
    #[error("the block is not base64\nhint: it was changed on the way; send it again as a file")]
    NotBase64,
    /// It is, but characters were changed or lost.
    #[error("the checksum of the block is wrong\nhint: it was changed or cut on the way; send it again as a file")]
    Checksum,
}

/// The block, with a line end after its last line.
pub(super) fn write(label: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(&[bytes, &sha256(&[bytes])[..CHECKSUM]].concat());
    let mut block = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(LINE) {
        block.extend(line.iter().map(|byte| char::from(*byte)));
        block.push('\n');
    }
    block + &format!("-----END {label}-----\n")
}

/// The bytes of the first such block in a text; white space in it and text around it do not matter.
pub(super) fn read(label: &'static str, text: &str) -> Result<Vec<u8>, BadArmour> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(BadArmour::TooLong);
    }
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----")).ok_or(BadArmour::NoBlock(label))?;
    let (block, _) = rest.split_once(&format!("-----END {label}-----")).ok_or(BadArmour::NoBlock(label))?;
    let packed: String = block.split_whitespace().map(|line| line.trim_start_matches('>')).collect();
    let bytes = BASE64.decode(packed.as_bytes()).map_err(|_| BadArmour::NotBase64)?;
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(BadArmour::Checksum)?;
    if sha256(&[body])[..CHECKSUM] == *checksum { Ok(body.to_vec()) } else { Err(BadArmour::Checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_survives_quoting_and_indenting() {
        let bytes: Vec<u8> = (0..=255).collect();
        let block = write("X", &bytes);
        assert_eq!(read("X", &block), Ok(bytes.clone()));
        let quoted: String = block.lines().map(|line| format!("> {line}\r\n")).collect();
        assert_eq!(read("X", &format!("Hello,\n{quoted}\nbye")), Ok(bytes));
    }

    #[test]
    fn a_damaged_block_says_how() {
        let block = write("X", &[1; 100]);
        assert_eq!(read("Y", &block), Err(BadArmour::NoBlock("Y")));
        assert_eq!(read("X", &block.replacen("AQEB", "AQEC", 1)), Err(BadArmour::Checksum));
        assert_eq!(read("X", &block.replacen("AQEB", "A*EB", 1)), Err(BadArmour::NotBase64));
        assert_eq!(read("X", &"x".repeat(TEXT_BYTES_MAX + 1)), Err(BadArmour::TooLong));
    }

    #[test]
    fn a_bad_block_is_told_in_words() {
        let cases = [
            (BadArmour::TooLong, "the text has more than 65536 bytes"),
            (
                BadArmour::NoBlock("X"),
                "no block between `-----BEGIN X-----` and `-----END X-----`\nhint: copy the whole block, both lines included",
            ),
            (BadArmour::NotBase64, "the block is not base64\nhint: it was changed on the way; send it again as a file"),
            (BadArmour::Checksum, "the checksum of the block is wrong\nhint: it was changed or cut on the way; send it again as a file"),
        ];
        crate::texts::all_say(include_str!("armour.rs"), "BadArmour", &cases);
    }
}
