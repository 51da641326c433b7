//! Against the age project's own vectors, and against ourselves at every cut and flip.

use super::*;
use crate::model::bech32;
use crate::model::crypto::sha256;
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use std::io::{BufReader, Read, Write};

fn encrypt(content: &[u8], recipients: &[Recipient]) -> Vec<u8> {
    let mut writer = Encryptor::new(Vec::new(), recipients).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

/// What was given out before anything was found wrong, and what that was.
fn decrypt(file: &[u8], identities: &[Identity]) -> (Vec<u8>, Result<(), AgeError>) {
    let mut content = Vec::new();
    let mut reader = match Decryptor::new(BufReader::new(file), identities) {
        Ok(reader) => reader,
        Err(error) => return (content, Err(error)),
    };
    match reader.read_to_end(&mut content) {
        Ok(_) => (content, Ok(())),
        Err(error) => (content, Err(*error.into_inner().unwrap().downcast().unwrap())),
    }
}

struct Vector {
    name: String,
    expect: String,
    payload: Option<String>,
    identities: Vec<Identity>,
    file: Vec<u8>,
}

#[cfg(feature = "node")]
fn unpacked(body: &[u8]) -> Option<Vec<u8>> {
    Some(zstd::decode_all(body).unwrap())
}

/// The pure half has no zstd.
#[cfg(not(feature = "node"))]
fn unpacked(_: &[u8]) -> Option<Vec<u8>> {
    None
}

fn vectors() -> Vec<Vector> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/age");
    let mut vectors = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n").filter(|_| name != "README.md") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let values = |key: &str| head.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).collect::<Vec<_>>();
        let body = &bytes[end + 2..];
        let Some(file) = (if values("compressed").is_empty() { Some(body.to_vec()) } else { unpacked(body) }) else { continue };
        vectors.push(Vector {
            expect: values("expect")[0].to_owned(),
            payload: values("payload").first().map(|text| (*text).to_owned()),
            identities: values("identity").into_iter().map(|text| text.parse().unwrap()).collect(),
            name,
            file,
        });
    }
    vectors
}

#[test]
fn every_vector_of_the_age_project_ends_as_it_says() {
    let vectors = vectors();
    assert!(vectors.len() >= if cfg!(feature = "node") { 70 } else { 50 }, "{} vectors", vectors.len());
    for Vector { name, expect, payload, identities, file } in vectors {
        let (content, ended) = decrypt(&file, &identities);
        let got = match &ended {
            Ok(()) => "success",
            Err(AgeError::NoMatch) => "no match",
            Err(AgeError::Mac) => "HMAC failure",
            Err(AgeError::Damaged(_) | AgeError::Cut(_) | AgeError::Trailing(_)) => "payload failure",
            Err(AgeError::Passphrase) => "passphrase",
            Err(_) => "header failure",
        };
        // Passphrases are not read here: that file is known for what it is.
        let expect = if name == "scrypt" { "passphrase" } else { &expect };
        assert_eq!(got, expect, "{name}: {ended:?}");
        if let Some(payload) = payload.filter(|_| got == "success" || got == "payload failure") {
            assert_eq!(HEXLOWER.encode(&sha256(&[&content])), payload, "{name}: what was given out");
        }
    }
}

#[test]
fn nothing_is_given_out_behind_what_is_wrong() {
    for Vector { name, identities, file, .. } in vectors() {
        let Ok(mut reader) = Decryptor::new(BufReader::new(file.as_slice()), &identities) else { continue };
        if reader.read_to_end(&mut Vec::new()).is_ok() {
            continue;
        }
        for _ in 0..3 {
            assert!(reader.read(&mut [0; 64]).is_err(), "{name}");
        }
    }
    // A part of somebody else's between two of ours.
    let identity = Identity::generate();
    let mut file = encrypt(&vec![7; 2 * (64 << 10)], &[identity.recipient()]);
    let second = file.len() - (64 << 10) - 16;
    file.splice(second..second, vec![0; (64 << 10) + 16]);
    let mut reader = Decryptor::new(BufReader::new(file.as_slice()), &[identity]).unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
    assert!(reader.read(&mut [0; 64]).is_err());
}

#[test]
fn nothing_is_encrypted_to_a_point_of_small_order() {
    let identity = Identity::generate();
    assert!(Encryptor::new(Vec::new(), &[identity.recipient(), Recipient([0; 32])]).is_err());
}

#[test]
fn each_recipient_opens_a_file_and_nobody_else_does() {
    let (one, other, stranger) = (Identity::generate(), Identity::generate(), Identity::generate());
    for length in [0, 1, (64 << 10) - 1, 64 << 10, (64 << 10) + 1, 200_000] {
        let content: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let file = encrypt(&content, &[one.recipient(), other.recipient()]);
        for identity in [&one, &other] {
            let identity = identity.to_secret_text().parse().unwrap();
            let (got, ended) = decrypt(&file, &[identity]);
            assert!(ended.is_ok() && got == content, "{length}: {ended:?}");
        }
        assert!(matches!(decrypt(&file, &[stranger.to_secret_text().parse().unwrap()]).1, Err(AgeError::NoMatch)));
    }
}

#[test]
fn a_file_cut_between_two_chunks_is_known_as_cut() {
    let identity = Identity::generate();
    let file = encrypt(&vec![7; 3 * (64 << 10)], &[identity.recipient()]);
    let cut = file.len() - (64 << 10) - 16;
    let (content, ended) = decrypt(&file[..cut], &[identity]);
    assert_eq!(content.len(), 2 * (64 << 10), "whole chunks are content");
    assert_eq!(ended.unwrap_err().to_string(), "it is cut off after 131072 bytes of content");
}

#[test]
fn a_writer_that_was_not_finished_leaves_a_cut_file() {
    let identity = Identity::generate();
    // What has left by then.
    let mut file = Vec::new();
    let mut again = Encryptor::new(&mut file, &[identity.recipient()]).unwrap();
    again.write_all(&vec![7; 100_000]).unwrap();
    drop(again);
    assert!(matches!(decrypt(&file, &[identity]).1, Err(AgeError::Cut(65_536))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_cut_is_taken_for_the_whole(length in 0..70_000usize, at in 0.0..1.0f64) {
        let identity = Identity::generate();
        let content = vec![5; length];
        let file = encrypt(&content, &[identity.recipient()]);
        let cut = (file.len() as f64 * at) as usize;
        let (got, ended) = decrypt(&file[..cut], &[identity]);
        prop_assert!(ended.is_err());
        prop_assert!(content.starts_with(&got));
    }

    #[test]
    fn no_flipped_bit_is_passed_over(length in 0..70_000usize, at in 0.0..1.0f64, bit in 0..8u8) {
        let identity = Identity::generate();
        let content = vec![5; length];
        let mut file = encrypt(&content, &[identity.recipient()]);
        let place = (file.len() as f64 * at) as usize;
        file[place] ^= 1 << bit;
        let (got, ended) = decrypt(&file, &[identity]);
        prop_assert!(ended.is_err());
        prop_assert!(content.starts_with(&got), "nothing changed is given out");
    }
}

#[test]
fn recipients_and_identities_are_read_as_age_writes_them() {
    let identity: Identity = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0".parse().unwrap();
    assert_eq!(identity.to_secret_text().as_str(), "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0");
    let text = identity.recipient().to_string();
    assert_eq!(text.parse(), Ok(identity.recipient()));
    let file = format!("# created: 2026-11-22\n# public key: {text}\n{}\n", identity.to_secret_text().as_str());
    assert_eq!(identities(&file).unwrap()[0].recipient(), identity.recipient());
    assert!(!format!("{identity:?}").contains("SECRET"));
}

#[test]
fn what_is_no_recipient_is_told_from_what_is_nearly_one() {
    let identity = Identity::generate();
    let (secret, text) = (identity.to_secret_text(), identity.recipient().to_string());
    let said = |text: &str| text.parse::<Recipient>().unwrap_err().to_string();
    for secret in [secret.to_string(), format!("  {}", secret.to_lowercase()), format!("key={}", secret.as_str())] {
        let said = said(&secret);
        assert!(said.starts_with("that is a secret key (AGE-SECRET-KEY-1…), and a recipient is a public one\nhint: "), "{said}");
        assert!(!said.to_lowercase().contains(&secret[20..40].to_lowercase()), "a secret is not repeated");
    }
    // Cut anywhere, it is still a secret.
    for from in 0..40 {
        for secret in [secret.to_string(), secret.to_lowercase()] {
            for cut in [&secret[from..], &secret[from..74 - 5]] {
                let said = said(cut);
                assert!(!said.to_lowercase().contains(&secret[40..50].to_lowercase()), "a cut secret is not repeated: {said}");
            }
        }
    }
    assert!(said(&secret[11..]).starts_with("that is a secret key"), "KEY-1…");
    let slip = format!("{}{}", &text[..text.len() - 1], if text.ends_with('q') { 'p' } else { 'q' });
    assert_eq!(said(&slip), format!("`{slip}` is not an age recipient: its checksum does not fit\nhint: copy it again, whole"));
    let other = said("ssh-ed25519 AAAAC3Nz");
    assert!(other.starts_with("that is not an age recipient\nhint: it begins with `age1`"), "{other}");
    let hardware = bech32::encode("age1tag", &[2; 33]);
    assert!(said(&hardware).contains("is a recipient of a kind that this program does not write to"), "{}", said(&hardware));
    let plugin = bech32::encode("age-plugin-se-", &[2; 32]).to_uppercase();
    assert!(said(&plugin).starts_with("that is not an age recipient"), "{}", said(&plugin));
    let weak = bech32::encode("age", &[0; 32]);
    assert!(said(&weak).contains("is a recipient that keeps nothing secret"), "{}", said(&weak));
}

#[test]
fn what_is_no_identity_file_is_refused_in_words() {
    let said = |text: &str| identities(text).unwrap_err().to_string();
    assert!(said("age-encryption.org/v1\n-> scrypt").starts_with("it is protected by a passphrase, which is not read here\nhint: "));
    assert_eq!(said("# mine\nage1xyz\n"), "line 2 is not an X25519 identity (AGE-SECRET-KEY-1…)");
    assert!(said("# nothing\n").starts_with("it holds no identity\nhint: "));
}

#[test]
fn what_is_no_such_file_is_refused_in_words() {
    let identity = Identity::generate();
    let said = |file: &[u8]| decrypt(file, &[identity.to_secret_text().parse().unwrap()]).1.unwrap_err().to_string();
    for file in [&b"PK\x03\x04"[..], b"{}\n", b"\xff\xfe\n", b"watchfire-backup\n"] {
        assert_eq!(said(file), "it is not a file that age has encrypted");
    }
    for file in [&b""[..], b"age-enc", b"age-encryption.org/v1", b"age-encryption.org/v1\n-> X25519 "] {
        assert_eq!(said(file), "it is cut off within its header", "{file:?}");
    }
    assert_eq!(said(b"age-encryption.org/v2\n"), "it is in version `v2` of the age format, and this program reads v1");
    assert!(said(b"-----BEGIN AGE ENCRYPTED FILE-----\n").starts_with("it is in ASCII armour, which is not read here\nhint: "));
}
