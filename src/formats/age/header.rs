//! The header: one stanza for each recipient, with the file key wrapped for it, and a MAC over all of it.

use super::key::{BadRecipient, Identity, Recipient};
use super::{AgeError, stream};
use crate::model::crypto::{chacha_key, equal, hmac_sha256};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use data_encoding::BASE64_NOPAD;
use std::io::{BufRead, Read};
use zeroize::Zeroizing;

/// The key of one file.
pub(super) type FileKey = Zeroizing<[u8; 16]>;

pub(super) const VERSION: &str = "age-encryption.org/v1";
const MAGIC: &str = "age-encryption.org/";
const X25519_INFO: &[u8] = b"age-encryption.org/v1/X25519";
/// A line of a stanza's body has so many characters, the last one fewer.
const COLUMNS: usize = 64;
/// A header with more bytes than this is refused before it is read: 2,000 recipients fit.
const HEADER_BYTES_MAX: u64 = 256 << 10;

/// 32 bytes of HKDF-SHA-256.
pub(super) fn hkdf(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    struct Bytes32;
    impl KeyType for Bytes32 {
        fn len(&self) -> usize {
            32
        }
    }
    let mut key = Zeroizing::new([0; 32]);
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = extracted.expand(&[info], Bytes32).and_then(|output| output.fill(key.as_mut_slice()));
    filled.expect("HKDF gives 32 bytes");
    key
}

/// A header that wraps the file key for each recipient.
///
/// # Errors
/// When a recipient keeps nothing secret.
pub(super) fn write(file_key: &FileKey, recipients: &[Recipient]) -> Result<Vec<u8>, BadRecipient> {
    let mut text = format!("{VERSION}\n");
    for recipient in recipients {
        let (share, body) = wrap(file_key, recipient)?;
        text += &format!("-> X25519 {}\n{}\n", BASE64_NOPAD.encode(&share), BASE64_NOPAD.encode(&body));
    }
    text += "---";
    let mac = mac(file_key, text.as_bytes());
    text += &format!(" {}\n", BASE64_NOPAD.encode(&mac));
    Ok(text.into_bytes())
}

fn wrap(file_key: &FileKey, recipient: &Recipient) -> Result<([u8; 32], Vec<u8>), BadRecipient> {
    let one = Identity::generate();
    let shared = one.agree(recipient).ok_or_else(|| BadRecipient::Weak(recipient.to_string()))?;
    let key = wrap_key(&shared, &one.recipient(), recipient);
    let mut body = file_key.to_vec();
    chacha_key(&key)
        .seal_in_place_append_tag(stream::nonce(0, false), aws_lc_rs::aead::Aad::empty(), &mut body)
        .expect("16 bytes are sealed");
    Ok((one.recipient().0, body))
}

fn wrap_key(shared: &[u8; 32], share: &Recipient, recipient: &Recipient) -> Zeroizing<[u8; 32]> {
    hkdf(shared, &[share.0, recipient.0].concat(), X25519_INFO)
}

fn mac(file_key: &FileKey, header: &[u8]) -> [u8; 32] {
    hmac_sha256(hkdf(file_key.as_slice(), &[], b"header").as_slice(), &[header])
}

/// One recipient's part.
struct Stanza {
    kind: String,
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// Reads a header and unwraps the file key with the first identity that fits.
pub(super) fn read(input: &mut impl BufRead, identities: &[Identity]) -> Result<FileKey, AgeError> {
    let mut lines = Lines { input: input.take(HEADER_BYTES_MAX), seen: Vec::new() };
    begin(&mut lines)?;
    let (stanzas, covered, mac_text) = stanzas(&mut lines)?;
    let given = fixed::<32>(&mac_text).ok_or(AgeError::Header("its MAC is not 32 bytes in base64"))?;
    if stanzas.len() > 1 && stanzas.iter().any(|stanza| stanza.kind == "scrypt") {
        return Err(AgeError::Header("a passphrase stands beside other recipients"));
    }
    let Some(file_key) = unwrap(&stanzas, identities)? else {
        return Err(if stanzas.iter().any(|stanza| stanza.kind == "scrypt") { AgeError::Passphrase } else { AgeError::NoMatch });
    };
    if equal(&mac(&file_key, &lines.seen[..covered]), &given) { Ok(file_key) } else { Err(AgeError::Mac) }
}

fn begin(lines: &mut Lines<impl BufRead>) -> Result<(), AgeError> {
    let first = lines.next()?;
    match first.strip_prefix(MAGIC) {
        Some("v1") => Ok(()),
        Some(other) => Err(AgeError::Version(other.chars().filter(|c| !c.is_control()).take(20).collect())),
        None if first.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") => Err(AgeError::Armoured),
        None => Err(AgeError::NotAge),
    }
}

/// All stanzas, how many bytes the MAC covers, and the MAC.
fn stanzas(lines: &mut Lines<impl BufRead>) -> Result<(Vec<Stanza>, usize, String), AgeError> {
    let mut stanzas = Vec::new();
    loop {
        let before = lines.seen.len();
        let line = lines.next()?;
        if let Some(rest) = line.strip_prefix("---") {
            let mac = rest.strip_prefix(' ').ok_or(AgeError::Header("its last line has no MAC"))?;
            let none = stanzas.is_empty().then_some(AgeError::Header("it has no recipient"));
            return none.map_or_else(|| Ok((stanzas, before + 3, mac.to_owned())), Err);
        }
        let words = line.strip_prefix("-> ").ok_or(AgeError::Header("a recipient does not begin with `-> `"))?;
        let mut words = words.split(' ').map(str::to_owned);
        let visible = |word: &String| !word.is_empty() && word.bytes().all(|byte| (33..=126).contains(&byte));
        if !words.clone().all(|word| visible(&word)) {
            return Err(AgeError::Header("a recipient's line has an empty or unprintable word"));
        }
        let kind = words.next().unwrap_or_default();
        stanzas.push(Stanza { kind, arguments: words.collect(), body: body(lines)? });
    }
}

fn body(lines: &mut Lines<impl BufRead>) -> Result<Vec<u8>, AgeError> {
    let mut text = String::new();
    loop {
        let line = lines.next()?;
        if line.len() > COLUMNS {
            return Err(AgeError::Header("a line of a recipient's body is too long"));
        }
        text += &line;
        if line.len() < COLUMNS {
            return BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| AgeError::Header("a recipient's body is not base64"));
        }
    }
}

fn unwrap(stanzas: &[Stanza], identities: &[Identity]) -> Result<Option<FileKey>, AgeError> {
    let mut found = None;
    for stanza in stanzas.iter().filter(|stanza| stanza.kind == "X25519") {
        let [share] = stanza.arguments.as_slice() else { return Err(AgeError::Header("a recipient has more or fewer arguments than one")) };
        let share = Recipient(fixed(share).ok_or(AgeError::Header("a recipient's share is not 32 bytes in base64"))?);
        if stanza.body.len() != 32 {
            return Err(AgeError::Header("a wrapped key does not have 32 bytes"));
        }
        for identity in identities {
            let shared = identity.agree(&share).ok_or(AgeError::Header("a recipient's share is of small order"))?;
            let key = wrap_key(&shared, &share, &identity.recipient());
            let mut body = Zeroizing::new(stanza.body.clone());
            let opened = chacha_key(&key).open_in_place(stream::nonce(0, false), aws_lc_rs::aead::Aad::empty(), &mut body);
            if let Ok(bytes) = opened {
                found = found.or(<[u8; 16]>::try_from(&*bytes).ok().map(Zeroizing::new));
            }
        }
    }
    Ok(found)
}

fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// Lines that end with a line feed, and all bytes of them so far.
struct Lines<R> {
    input: std::io::Take<R>,
    seen: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<String, AgeError> {
        let from = self.seen.len();
        self.input.read_until(b'\n', &mut self.seen).map_err(AgeError::Io)?;
        let line = &self.seen[from..];
        let text = |line: &[u8]| String::from_utf8(line.to_vec()).ok();
        match line.split_last() {
            Some((b'\n', line)) => text(line).ok_or(if from == 0 { AgeError::NotAge } else { AgeError::Header("it is not text") }),
            // A first line that is no beginning of ours is another kind of file, not a cut one.
            _ if from == 0 && !line.is_empty() && !format!("{VERSION}\n").as_bytes().starts_with(line) => Err(AgeError::NotAge),
            _ if self.input.limit() == 0 => Err(AgeError::Header("it is too long")),
            _ => Err(AgeError::CutHeader),
        }
    }
}
