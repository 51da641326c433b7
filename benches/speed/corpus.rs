//! Deterministic indicators: one seed and number, the same bytes on any machine. A quarter each of domains, URLs, IPv4 addresses and SHA-256
//! hashes, about 600 bytes of STIX 2.1 each.

use std::fmt::Write;
use std::io;
use std::path::Path;

use data_encoding::HEXLOWER;
use uuid::{Builder, Uuid};
use watchfire::model::crypto::sha256;

const NAMESPACE: Uuid = Uuid::from_u128(0x6f1c9d0e_6f5e_4c0b_9a53_5a3bb1a8f0aa);
const WORDS: [&str; 34] = [
    "account", "secure", "login", "update", "verify", "portal", "mail", "cloud", "office", "document", "invoice", "payment", "delivery",
    "parcel", "support", "service", "help", "relief", "human", "rights", "media", "press", "union", "network", "signal", "archive",
    "backup", "drive", "share", "event", "ticket", "donation", "campaign", "petition",
];
const TLDS: [&str; 10] = ["com", "net", "org", "info", "top", "xyz", "online", "site", "live", "click"];
const ACTS: [&str; 5] = ["phishing", "malware-delivery", "command-and-control", "spyware", "credential-theft"];
const GREEN: &str = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da";
/// 2025-01-01T00:00:00Z.
const EPOCH: i64 = 1_735_689_600;

/// One indicator: its value and its STIX object.
pub fn indicator(seed: u64, i: u64) -> (String, String) {
    let h = sha256(&[format!("{seed}/{i}").as_bytes()]);
    let word = |at: usize| WORDS[h[at] as usize % WORDS.len()];
    let domain = format!("{}-{}-{}.{}", word(0), word(1), HEXLOWER.encode(&h[6..10]), TLDS[h[10] as usize % TLDS.len()]);
    let (kind, value, pattern) = match i % 4 {
        0 => ("domain-name", domain.clone(), format!("[domain-name:value = '{domain}']")),
        1 => {
            // Nothing in it that the gate takes for a token: what is asked for at the reader is what was imported.
            let url = format!("https://{domain}/{}/{}/{}.html", word(2), word(3), word(11));
            ("url", url.clone(), format!("[url:value = '{url}']"))
        }
        2 => {
            let address = address(seed, i / 4);
            ("ipv4-addr", address.clone(), format!("[ipv4-addr:value = '{address}']"))
        }
        _ => {
            let hash = HEXLOWER.encode(&sha256(&[&h]));
            ("file-sha256", hash.clone(), format!("[file:hashes.'SHA-256' = '{hash}']"))
        }
    };
    let id = Builder::from_random_bytes(h[16..32].try_into().expect("16 bytes")).into_uuid();
    let created = time(EPOCH + (i as i64 * 3) % (86_400 * 300), u32::from(h[12]) * 3);
    let act = ACTS[h[13] as usize % ACTS.len()];
    let org = Uuid::new_v5(&NAMESPACE, format!("org{seed}").as_bytes());
    let confidence = 50 + h[14] % 50;
    let object = format!(
        "{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--{id}\",\"created_by_ref\":\"identity--{org}\",\
         \"created\":\"{created}\",\"modified\":\"{created}\",\"name\":\"{act} {kind} seen against {}\",\
         \"indicator_types\":[\"malicious-activity\"],\"pattern\":\"{pattern}\",\"pattern_type\":\"stix\",\"valid_from\":\"{created}\",\
         \"labels\":[\"{act}\",\"sector:civil-society\"],\"confidence\":{confidence},\"object_marking_refs\":[\"{GREEN}\"]}}",
        word(4)
    );
    (value, object)
}

/// First octets in none of whose networks anything is reserved: private addresses are not let out.
const FIRST: [u8; 20] = [5, 23, 31, 37, 45, 51, 62, 77, 80, 87, 91, 94, 104, 109, 141, 151, 176, 185, 193, 212];

/// Unicast addresses without repeats.
fn address(seed: u64, n: u64) -> String {
    let x = (n + seed * 50_000_017) % (20 * 254 * 254 * 254);
    let (a, x) = (x % 254, x / 254);
    let (b, x) = (x % 254, x / 254);
    let (c, x) = (x % 254, x / 254);
    format!("{}.{}.{b}.{}", FIRST[x as usize % FIRST.len()], 1 + c, 1 + a)
}

fn time(seconds: i64, milliseconds: u32) -> String {
    let at = jiff::Timestamp::new(seconds, milliseconds as i32 * 1_000_000).expect("within range");
    format!("{at:.3}")
}

/// A STIX 2.1 bundle of the indicators `first..first + count`, and the identity that made them.
pub fn bundle(seed: u64, first: u64, count: u64) -> String {
    let mut text = String::new();
    let id = Uuid::new_v5(&NAMESPACE, format!("b{seed}/{count}").as_bytes());
    let org = Uuid::new_v5(&NAMESPACE, format!("org{seed}").as_bytes());
    let (start, created) = ("\"spec_version\":\"2.1\"", time(EPOCH, 0));
    let _ = write!(
        text,
        "{{\"type\":\"bundle\",\"id\":\"bundle--{id}\",\"objects\":[\n{{\"type\":\"identity\",{start},\"id\":\"identity--{org}\",\
         \"created\":\"{created}\",\"modified\":\"{created}\",\"name\":\"Example CERT {seed}\",\"identity_class\":\"organization\"}}"
    );
    for i in first..first + count {
        let _ = write!(text, ",\n{}", indicator(seed, i).1);
    }
    text.push_str("\n]}\n");
    text
}

/// Writes a bundle to a file.
pub fn write(file: &Path, seed: u64, count: u64) -> io::Result<()> {
    std::fs::write(file, bundle(seed, 0, count))
}

/// Whether the generator still makes the bytes that the published figures were measured with.
pub fn is_unchanged() -> bool {
    HEXLOWER.encode(&sha256(&[bundle(7, 0, 100).as_bytes()])) == "6fbe9bc9ab03d3d07ddb5f80044df5c6d69a5c067464e1f208fb5acb88fffdc0"
}
