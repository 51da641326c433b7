//! Detectors: personal data in free text, found and replaced.
//!
//! [`Detector::find`] gives ranges in the text as it was written, sorted, none in another. It looks at a folded view of it (`fold.rs`, `view.rs`): compatibility
//! forms, digits of any script, invisible characters, defanged forms. What a value is, its form says, a check digit, or the words beside it (`cues.txt`, some
//! seventy languages). Attackers' values stay: what is defanged, what a word calls an attacker's, what the record gives as its indicator.
//!
//! Every pass is linear: automata, fixed windows, no backtracking. `docs/redaction.md` says what is found, what is not, and with which recall.

pub mod check;
mod claim;
mod clause;
mod confusable;
mod cue;
mod escape;
mod fold;
mod host;
mod known;
mod labelled;
mod mail;
mod name;
mod national;
mod number;
mod piece;
mod place;
mod replace;
mod secret;
mod sender;
mod service;
mod spelled;
#[cfg(test)]
mod tests;
mod token;
mod url;
mod view;
mod web;

pub use known::Known;
pub use replace::{REMEMBERED_MAX, Record};

use claim::Claims;
use cue::Seen;
use std::ops::Range;
use view::View;
pub(super) use view::placeholder;

/// What is found. Its name stands in the placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A postal address.
    Address,
    /// A date of birth.
    Birth,
    /// A payment card.
    Card,
    /// Coordinates.
    Coordinates,
    /// A value of the deny list or the sealed part that is none of the other kinds.
    Denied,
    /// A device: IMEI, MAC address, serial number.
    Device,
    /// A domain of the organisation or a beneficiary.
    Domain,
    /// An e-mail address of a person.
    Email,
    /// A person's name on a platform.
    Handle,
    /// A bank account.
    Iban,
    /// A document or national number.
    Id,
    /// An IP address of a person.
    Ip,
    /// A key: of a cloud, a service, a wallet, or a private key.
    Key,
    /// A person's name.
    Name,
    /// A telephone number.
    Phone,
    /// A password or one-time code.
    Secret,
    /// The number of a ticket or case.
    Ticket,
    /// A part of an attacker's URL that tells one recipient from another.
    Token,
    /// A URL with credentials or tokens.
    Url,
    /// A user's name in a path.
    User,
    /// A cryptocurrency address.
    Wallet,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::Address,
        Self::Birth,
        Self::Card,
        Self::Coordinates,
        Self::Denied,
        Self::Device,
        Self::Domain,
        Self::Email,
        Self::Handle,
        Self::Iban,
        Self::Id,
        Self::Ip,
        Self::Key,
        Self::Name,
        Self::Phone,
        Self::Secret,
        Self::Ticket,
        Self::Token,
        Self::Url,
        Self::User,
        Self::Wallet,
    ];

    /// As it stands in a placeholder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Birth => "birth",
            Self::Card => "card",
            Self::Coordinates => "coordinates",
            Self::Denied => "denied",
            Self::Device => "device",
            Self::Domain => "domain",
            Self::Email => "email",
            Self::Handle => "handle",
            Self::Iban => "iban",
            Self::Id => "id",
            Self::Ip => "ip",
            Self::Key => "key",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Secret => "secret",
            Self::Ticket => "ticket",
            Self::Token => "token",
            Self::Url => "url",
            Self::User => "user",
            Self::Wallet => "wallet",
        }
    }
}

/// A part of a text that is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// Finds personal data. Making one prepares what is known; it is used for any number of texts.
pub struct Detector {
    known: known::Values,
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Detector")
    }
}

/// A text is looked at in blocks of about this many bytes, so that memory is bounded.
const BLOCK: usize = 256 * 1024;
/// Two blocks have so many bytes in common: half of that is the longest value that is found wherever they meet, with the words around it.
const COMMON: usize = 32 * 1024;

impl Detector {
    /// A detector that knows this.
    pub fn new(known: &Known) -> Self {
        Self { known: known::Values::of(known) }
    }

    /// The same, for one record: what it gives as its indicators stays in its texts, unless it is also known to be a person's.
    #[must_use]
    pub fn keeping<'a>(&self, values: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> Self {
        Self { known: self.known.keeping(values.into_iter()) }
    }

    /// What is to go, in order, none overlapping another.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let mut found = Vec::new();
        let (mut start, mut decided) = (0, 0);
        loop {
            let end = start + block(&text[start..]);
            // What begins before the middle of what two blocks have in common is the first one's.
            let seam = if end == text.len() { end } else { text.floor_char_boundary(end - COMMON / 2) };
            self.block(&text[start..end], start, decided..seam, &mut found);
            if end == text.len() {
                return found;
            }
            (start, decided) = (text.floor_char_boundary(end - COMMON), seam);
        }
    }

    fn block(&self, text: &str, offset: usize, within: Range<usize>, found: &mut Vec<Finding>) {
        let view = View::of(text);
        let seen = Seen::of(&view);
        let mut claims = Claims::of(view.text().len());
        secret::look(&seen, &mut claims);
        web::look(&seen, &self.known, &mut claims);
        self.known.look(&view, &mut claims);
        self.known.names.look(&seen, &mut claims);
        token::look(&seen, &self.known, &mut claims);
        place::coordinates(&seen, &mut claims);
        labelled::look(&seen, &mut claims);
        number::look(&seen, &self.known, &mut claims);
        place::addresses(&seen, &mut claims);
        name::introduced(&seen, &mut claims);
        for (kind, range) in claims.going() {
            let range = view.origin(&range);
            let range = range.start + offset..range.end + offset;
            if range.start >= within.end || range.end <= within.start {
                continue;
            }
            // Two characters of the view may stand for one that was written.
            match found.last_mut() {
                Some(last) if last.range.end > range.start => {
                    last.range = last.range.start.min(range.start)..last.range.end.max(range.end);
                }
                _ => found.push(Finding { kind, range }),
            }
        }
    }
}

/// How long the first block of a text is: if it has an end of a line or a word near its end, up to there.
fn block(text: &str) -> usize {
    if text.len() <= BLOCK {
        return text.len();
    }
    let near = BLOCK - COMMON / 4;
    let bytes = &text.as_bytes()[near..BLOCK];
    let cut = memchr::memrchr(b'\n', bytes).or_else(|| memchr::memrchr(b' ', bytes)).map(|at| near + at + 1);
    cut.unwrap_or_else(|| text.floor_char_boundary(BLOCK))
}
