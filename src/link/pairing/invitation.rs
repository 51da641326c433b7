//! The invitation: where to knock, who will answer, and a secret that works once.

use crate::link::certificate::DAY_MS;
use crate::link::knock::invitation_label;
use crate::model::crypto::{random, sha256};
use crate::model::id::{base32, from_base32};
use crate::model::identity::Endpoint;
use crate::model::{OrgId, Timestamp};
use zeroize::Zeroizing;

/// How long an invitation is open, in milliseconds: 72 hours.
pub const LIFE_MS: u64 = 3 * DAY_MS;
const PREFIX: &str = "watchfire-invite:";
const WIRE_VERSION: u8 = 1;
const SECRET: usize = 20;
const CHECKSUM: usize = 4;
const TEXT_BYTES_MAX: usize = 2048;
const ENDPOINTS_MAX: usize = 4;

/// A single-use invitation. `Debug` hides the secret; [`Invitation::to_text`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    org: OrgId,
    expires: Timestamp,
    secret: Zeroizing<[u8; SECRET]>,
    endpoints: Vec<Endpoint>,
}

/// Why a text is not an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadInvitation {
    /// It does not look like one.
    #[error("not an invitation: it begins with `{PREFIX}`")]
    Prefix,
    /// It was changed or cut.
    #[error("the invitation was changed or cut on the way\nhint: copy it again, or scan the QR code")]
    Damaged,
    /// It has no endpoint, so nobody could use it.
    #[error("an invitation needs an endpoint\nhint: name one with `watchfire init --endpoint HOST:PORT`")]
    NoEndpoint,
}

impl Invitation {
    /// A fresh one, open for [`LIFE_MS`], with at most the first four endpoints.
    ///
    /// # Errors
    /// Without an endpoint.
    pub fn new(org: OrgId, endpoints: &[Endpoint], now: Timestamp) -> Result<Self, BadInvitation> {
        Self::lasting(org, endpoints, now, LIFE_MS)
    }

    /// As [`Self::new`], for another time than 72 hours, in milliseconds.
    ///
    /// # Errors
    /// When there is no endpoint.
    pub fn lasting(org: OrgId, endpoints: &[Endpoint], now: Timestamp, life_ms: u64) -> Result<Self, BadInvitation> {
        let endpoints: Vec<_> = endpoints.iter().take(ENDPOINTS_MAX).cloned().collect();
        if endpoints.is_empty() {
            return Err(BadInvitation::NoEndpoint);
        }
        Ok(Self { org, expires: now.plus(life_ms), secret: Zeroizing::new(random()), endpoints })
    }

    /// Who invites.
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// Where it listens.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The last moment at which it can be used.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The label to knock with. Names the invitation without telling its secret.
    pub fn label(&self) -> String {
        invitation_label(&*self.secret)
    }

    pub(super) fn secret(&self) -> &[u8] {
        &*self.secret
    }

    /// One line, secret included, for a channel that is trusted as far as the secret matters.
    pub fn to_text(&self) -> String {
        let endpoints = self.endpoints.iter().map(Endpoint::to_string).collect::<Vec<_>>().join(",");
        let mut bytes = vec![WIRE_VERSION];
        bytes.extend_from_slice(&self.org.0);
        bytes.extend_from_slice(&self.expires.0.to_be_bytes());
        bytes.extend_from_slice(&*self.secret);
        bytes.extend_from_slice(endpoints.as_bytes());
        bytes.extend_from_slice(&sha256(&[&bytes])[..CHECKSUM]);
        format!("{PREFIX}{}", base32(&bytes))
    }

    /// The text as a QR code of block characters, for a terminal; `None` if it should not fit.
    pub fn to_qr(&self) -> Option<String> {
        let code = qrcode::QrCode::new(self.to_text().to_ascii_uppercase()).ok()?; // upper case packs tighter
        Some(code.render::<qrcode::render::unicode::Dense1x2>().build())
    }

    /// Reads what [`Invitation::to_text`] writes, in any case, with white space or line breaks in it.
    ///
    /// # Errors
    /// When it is not that.
    pub fn from_text(text: &str) -> Result<Self, BadInvitation> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(BadInvitation::Damaged);
        }
        let packed: String = text.split_whitespace().collect::<String>().to_ascii_lowercase();
        let body = packed.strip_prefix(PREFIX).ok_or(BadInvitation::Prefix)?;
        let bytes = Zeroizing::new(from_base32(body).ok_or(BadInvitation::Damaged)?);
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(BadInvitation::Damaged)?;
        if sha256(&[body])[..CHECKSUM] != *checksum {
            return Err(BadInvitation::Damaged);
        }
        Self::decode(body).ok_or(BadInvitation::Damaged)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let ([WIRE_VERSION], rest) = bytes.split_first_chunk()? else { return None };
        let (org, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (secret, rest) = rest.split_first_chunk()?;
        let endpoints: Vec<Endpoint> = std::str::from_utf8(rest).ok()?.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let expires = Timestamp(u64::from_be_bytes(*expires));
        (endpoints.len() <= ENDPOINTS_MAX).then_some(Self { org: OrgId(*org), expires, secret: Zeroizing::new(*secret), endpoints })
    }
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation({})", self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        let endpoints = ["node.example:7443", "abc.onion:443"].map(|text| text.parse().expect("an endpoint"));
        Invitation::new(OrgId([7; 32]), &endpoints, Timestamp(5)).expect("has endpoints")
    }

    #[test]
    fn an_invitation_survives_its_text_and_its_qr_code_is_readable_text() {
        let invitation = invitation();
        let text = invitation.to_text();
        assert_eq!(Invitation::from_text(&text), Ok(invitation.clone()));
        assert_eq!(Invitation::from_text(&text.to_uppercase()), Ok(invitation.clone()));
        assert_eq!(Invitation::from_text(&format!("{}\n  {}", &text[..50], &text[50..])), Ok(invitation.clone()));
        assert!(invitation.to_qr().is_some_and(|code| code.lines().count() > 10));
    }

    #[test]
    fn a_changed_invitation_is_refused() {
        let text = invitation().to_text();
        assert_eq!(Invitation::from_text("hello"), Err(BadInvitation::Prefix));
        assert_eq!(Invitation::from_text(&text[..text.len() - 2]), Err(BadInvitation::Damaged));
        for place in PREFIX.len()..text.len() - 1 {
            let other = if &text[place..=place] == "a" { "b" } else { "a" };
            let changed = format!("{}{other}{}", &text[..place], &text[place + 1..]);
            assert_eq!(Invitation::from_text(&changed), Err(BadInvitation::Damaged), "character {place}");
        }
    }

    #[test]
    fn neither_debug_nor_the_label_tells_the_secret() {
        let invitation = invitation();
        let secret = base32(invitation.secret());
        assert!(!format!("{invitation:?}").contains(&secret));
        assert_ne!(invitation.label(), secret);
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn what_is_no_invitation_says_why() {
        let cases = [
            (BadInvitation::Prefix, "not an invitation: it begins with `watchfire-invite:`"),
            (BadInvitation::Damaged, "the invitation was changed or cut on the way\nhint: copy it again, or scan the QR code"),
            (BadInvitation::NoEndpoint, "an invitation needs an endpoint\nhint: name one with `watchfire init --endpoint HOST:PORT`"),
        ];
        crate::texts::all_say(include_str!("invitation.rs"), "BadInvitation", &cases);
    }
}
