//! What sealing to a desk and opening cost, beside the raw KEM in the same run: encapsulation to the same key, and decapsulation.
//!
//! `cargo bench --bench seal --no-default-features`
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use hpke::aead::ExportOnlyAead;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS};
use watchfire::model::OrgId;
use watchfire::model::crypto::random;
use watchfire::model::desk::{Binding, SealSecret, Sealed};
use zeroize::Zeroizing;

const ROUNDS: usize = 400;
const PLAINTEXT: usize = 2 << 10;
/// What a handler waits for at the most, once for each candidate.
const SEAL_MAX: Duration = Duration::from_millis(1);
const OPEN_MAX: Duration = Duration::from_millis(2);

fn main() {
    let seed = Zeroizing::new(random());
    let secret = SealSecret::from_seed(&seed);
    let binding = Binding { sender: OrgId([1; 32]), recipient: OrgId([2; 32]), referral: [3; 16] };
    let plaintext = vec![b'x'; PLAINTEXT];
    let seal = || Sealed::seal(secret.public(), &binding, &plaintext).expect("seals");
    let sealed = seal();

    let raw_secret = <XWing as Kem>::PrivateKey::from_bytes(seed.as_slice()).expect("32 bytes");
    let raw_public = <XWing as Kem>::PublicKey::from_bytes(secret.public().bytes()).expect("a key");
    // The KEM and its key schedule, with nothing to encrypt: the library gives no access to the KEM alone.
    let encapsulate = || {
        hpke::setup_sender_with_rng::<ExportOnlyAead, HkdfSha256, XWing>(&OpModeS::Base, &raw_public, b"", &mut Random)
            .expect("encapsulates")
            .0
    };
    let encapsulated = encapsulate();
    let decapsulate =
        || hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(&OpModeR::Base, &raw_secret, &encapsulated, b"").map(|_| ());

    let [sealing, raw_seal] = medians(seal, encapsulate);
    let [opening, raw_open] = medians(|| sealed.open(&secret, &binding).expect("opens"), decapsulate);
    println!("{PLAINTEXT} bytes, median of {ROUNDS}");
    line("seal", sealing, raw_seal, SEAL_MAX);
    line("open", opening, raw_open, OPEN_MAX);
    println!("key  {:7.1} us to make", micros(medians(SealSecret::generate, || ())[0]));
    assert!(sealing <= SEAL_MAX && opening <= OPEN_MAX, "too slow");
}

fn line(what: &str, took: Duration, raw: Duration, max: Duration) {
    let ratio = took.as_secs_f64() / raw.as_secs_f64();
    println!("{what} {:7.1} us, the KEM alone {:7.1} us, ratio {ratio:.2}; {:.0} us are allowed", micros(took), micros(raw), micros(max));
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// One after the other, so that both see the same machine.
fn medians<T, U>(one: impl Fn() -> T, other: impl Fn() -> U) -> [Duration; 2] {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ones.push(time(&one));
        others.push(time(&other));
    }
    [ones, others].map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2]
    })
}

fn time<T>(work: impl Fn() -> T) -> Duration {
    let began = Instant::now();
    black_box(work());
    began.elapsed()
}

struct Random;

impl TryRng for Random {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(random()))
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_le_bytes(random()))
    }
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Self::Error> {
        to.chunks_mut(32).for_each(|part| part.copy_from_slice(&random::<32>()[..part.len()]));
        Ok(())
    }
}

impl TryCryptoRng for Random {}
