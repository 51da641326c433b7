//! Signatures of Standard Webhooks (<https://www.standardwebhooks.com>, version 1, symmetric).

use crate::model::crypto::HmacKey;
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// How a secret's text begins.
const PREFIX: &str = "whsec_";
/// A secret has 24 to 64 bytes, as the specification recommends.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The text is no secret of a webhook. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not `whsec_` and 24 to 64 bytes in base64")]
pub struct BadSecret;

/// What a webhook is signed with.
#[derive(Debug)]
pub struct WebhookSecret(HmacKey);

impl WebhookSecret {
    /// Reads `whsec_…`; blanks around it do not count.
    ///
    /// # Errors
    /// When it is not that.
    pub fn read(text: &str) -> Result<Self, BadSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(BadSecret)?;
        let bytes = Zeroizing::new(BASE64.decode(encoded.as_bytes()).map_err(|_| BadSecret)?);
        if !BYTES.contains(&bytes.len()) {
            return Err(BadSecret);
        }
        Ok(Self(HmacKey::new(&bytes)))
    }

    /// The header `webhook-signature`: over id, seconds since 1970 and body.
    pub fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let tag = self.0.tag(&[id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body]);
        format!("v1,{}", BASE64.encode(&tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test suite of the reference implementations.
    #[test]
    fn the_reference_signature_comes_out() {
        let secret = WebhookSecret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("a secret");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_%%%%", "whsec_MfKQ9r8GKYqrTwjU"] {
            let error = WebhookSecret::read(text).expect_err(text);
            assert_eq!(error.to_string(), "it is not `whsec_` and 24 to 64 bytes in base64");
        }
        let secret = WebhookSecret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        assert_eq!(format!("{secret:?}"), "WebhookSecret(HmacKey)");
    }
}
