//! Who may fetch and say something over HTTPS: programs of partners and of our own, each with a token. Pure.

use crate::model::log::Audience;
use crate::model::{Ceiling, Class, Pap, Timestamp, Tlp};

/// What a token begins with, so that scanners for leaked secrets know it.
pub const TOKEN_PREFIX: &str = "wf_";

/// A name is so many characters long at most.
const NAME_CHARS_MAX: usize = 40;

/// A consumer's name: `misp-borealis`. It goes through HTTP Basic, so it is plain ASCII and has no colon.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsumerName(String);

/// It is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a consumer\nhint: 1 to 40 small letters and digits, `.`, `-` and `_`, beginning with a letter or a digit")]
pub struct BadConsumerName(String);

/// Whether it is a name that needs no quotes anywhere: 1 to 40 small letters and digits, `.`, `-` and `_`, beginning with a letter or a digit.
pub fn is_plain_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= NAME_CHARS_MAX && text.starts_with(letter) && text.chars().all(|c| letter(c) || ".-_".contains(c))
}

impl std::str::FromStr for ConsumerName {
    type Err = BadConsumerName;
    fn from_str(text: &str) -> Result<Self, BadConsumerName> {
        if is_plain_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadConsumerName(text.chars().filter(|c| !c.is_control()).take(80).collect()))
        }
    }
}

impl TryFrom<String> for ConsumerName {
    type Error = BadConsumerName;
    fn try_from(text: String) -> Result<Self, BadConsumerName> {
        text.parse()
    }
}

impl From<ConsumerName> for String {
    fn from(name: ConsumerName) -> Self {
        name.0
    }
}

impl ConsumerName {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ConsumerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Every export under `/export/`.
    Export,
    /// TAXII, to read.
    Taxii,
    /// MISP's REST, as far as it is answered.
    Misp,
    /// REST, to read: indicators, look-ups, alerts.
    Api,
    /// Indicators are said with it, to the one audience that was settled.
    Produce,
    /// Authors are told with it what was met of their indicators, as far as it may see these.
    Sight,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [Self::Export, Self::Taxii, Self::Misp, Self::Api, Self::Produce, Self::Sight];

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Taxii => "taxii",
            Self::Misp => "misp",
            Self::Api => "api",
            Self::Produce => "produce",
            Self::Sight => "sight",
        }
    }

    /// Whether it opens something of what is held here, as far as a ceiling allows.
    pub const fn reads(self) -> bool {
        !matches!(self, Self::Produce)
    }
}

impl std::str::FromStr for Scope {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| format!("`{text}` is no scope\nhint: there are {}", names()))
    }
}

/// How a token came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// In a header: proxies and browsers keep none.
    Header,
    /// In the path, where logs of others may keep it.
    Path,
}

/// What a producer says goes there, under this label or a stricter one. It is settled once, by people: no request changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Produces {
    /// The peer or the group.
    pub to: Audience,
    /// The label of what comes with none, and the least of what comes with one.
    pub tlp: Tlp,
}

/// A producer asks for a label that is laxer than what was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{asked}` is laxer than `{least}`, which was settled for this producer\nhint: leave the label out, or give a stricter one")]
pub struct TooLax {
    /// What was asked for.
    pub asked: Tlp,
    /// What was settled.
    pub least: Tlp,
}

impl Produces {
    /// The label of what is sent, where the request asks for one.
    ///
    /// # Errors
    /// When it asks for a laxer one.
    pub fn label(&self, asked: Option<Tlp>) -> Result<Tlp, TooLax> {
        match asked {
            Some(asked) if asked < self.tlp => Err(TooLax { asked, least: self.tlp }),
            asked => Ok(asked.unwrap_or(self.tlp)),
        }
    }
}

/// What was settled for a consumer when it was added.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// What for.
    pub scopes: Vec<Scope>,
    /// Nothing of a stricter TLP. Never TLP:RED.
    pub tlp_max: Tlp,
    /// Nothing of a higher class.
    pub class_max: Class,
    /// Nothing of a higher PAP; where it is not given, what each format may have by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pap_max: Option<Pap>,
    /// Nothing of which one may be less sure at the beginning of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_confidence: Option<u8>,
    /// Where what it says goes, and how it is labelled; nothing where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produces: Option<Produces>,
    /// Whether the token may stand in the path.
    pub in_url: bool,
    /// From when on it counts for nothing.
    pub expires: Timestamp,
    /// Since when it counts for nothing, because somebody here said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Timestamp>,
    /// Whether the node was restored, and nobody has said since that it still counts: it may have been revoked after the backup.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waits: bool,
}

/// Why a token opens nothing. Whoever calls is told none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// The node was restored, and nobody has said since that it still counts.
    Waits,
    /// It stood in the path, and may not.
    InUrl,
}

impl Grant {
    /// Whether a token opens anything.
    ///
    /// # Errors
    /// When it does not.
    pub fn opens(&self, way: Way, now: Timestamp) -> Result<(), Shut> {
        match way {
            _ if self.revoked.is_some() => Err(Shut::Revoked),
            _ if self.expires <= now => Err(Shut::Expired),
            _ if self.waits => Err(Shut::Waits),
            Way::Path if !self.in_url => Err(Shut::InUrl),
            Way::Path | Way::Header => Ok(()),
        }
    }

    /// How far what is written for it goes. `is_noticed` says whether an attacker notices that the format is in use: then PAP:GREEN, where nothing else
    /// was settled. TLP:RED is for people by name: no program has it, whatever stands in the row.
    pub fn ceiling(&self, is_noticed: bool) -> Ceiling {
        let usual = if is_noticed { Pap::Green } else { Pap::Red };
        Ceiling { tlp: self.tlp_max.min(Tlp::AmberStrict), class: self.class_max, pap: self.pap_max.unwrap_or(usual) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            scopes: vec![Scope::Export],
            tlp_max: Tlp::Green,
            class_max: Class::Confidential,
            pap_max: None,
            least_confidence: None,
            produces: None,
            in_url: false,
            expires: Timestamp(1_000),
            revoked: None,
            waits: false,
        }
    }

    #[test]
    fn a_token_counts_until_it_expires_is_revoked_or_the_node_is_restored_and_stands_in_a_path_where_that_was_settled() {
        assert_eq!(grant().opens(Way::Header, Timestamp(999)), Ok(()));
        assert_eq!(grant().opens(Way::Header, Timestamp(1_000)), Err(Shut::Expired));
        assert_eq!(grant().opens(Way::Path, Timestamp(999)), Err(Shut::InUrl));
        assert_eq!(Grant { in_url: true, ..grant() }.opens(Way::Path, Timestamp(999)), Ok(()));
        let revoked = Grant { revoked: Some(Timestamp(5)), ..grant() };
        assert_eq!(revoked.opens(Way::Header, Timestamp(6)), Err(Shut::Revoked));
        let restored = Grant { waits: true, ..grant() };
        assert_eq!(restored.opens(Way::Header, Timestamp(6)), Err(Shut::Waits));
    }

    #[test]
    fn no_program_has_red_and_what_attackers_notice_is_pap_green_unless_more_was_settled() {
        let most = Grant { tlp_max: Tlp::Red, class_max: Class::Restricted, ..grant() };
        assert_eq!(most.ceiling(false), Ceiling { tlp: Tlp::AmberStrict, class: Class::Restricted, pap: Pap::Red });
        assert_eq!(most.ceiling(true).pap, Pap::Green);
        assert_eq!(Grant { pap_max: Some(Pap::Amber), ..most }.ceiling(true).pap, Pap::Amber);
    }

    #[test]
    fn a_producer_may_be_stricter_and_never_laxer() {
        let produces = Produces { to: Audience::Direct(crate::model::OrgId([1; 32])), tlp: Tlp::Amber };
        assert_eq!([None, Some(Tlp::Amber), Some(Tlp::Red)].map(|asked| produces.label(asked)), [Tlp::Amber, Tlp::Amber, Tlp::Red].map(Ok));
        for laxer in [Tlp::Clear, Tlp::Green] {
            assert_eq!(produces.label(Some(laxer)), Err(TooLax { asked: laxer, least: Tlp::Amber }));
        }
        assert!(Scope::ALL.into_iter().filter(|scope| !scope.reads()).eq([Scope::Produce]));
    }

    #[test]
    fn a_name_goes_through_http_basic() {
        for good in ["misp", "a", "0-9._x"] {
            assert!(good.parse::<ConsumerName>().is_ok(), "{good}");
        }
        for bad in ["", "Misp", "a:b", "-a", "é", "a b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
            let error = bad.parse::<ConsumerName>().expect_err(bad).to_string();
            assert!(error.contains("\nhint: 1 to 40 small letters"), "{error}");
        }
    }
}
