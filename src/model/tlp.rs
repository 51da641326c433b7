//! The Traffic Light Protocol, version 2.0 (FIRST, 2022).

/// A TLP 2.0 label, least restrictive first, so that the more restrictive of two is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tlp {
    /// Disclosure is not limited.
    Clear,
    /// Limited to the community.
    Green,
    /// Limited to the recipient's organisation and its clients.
    Amber,
    /// Limited to the recipient's organisation.
    #[serde(rename = "amber+strict")]
    AmberStrict,
    /// For the individual recipients only.
    Red,
}

/// The text was not a TLP label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a TLP label: clear, green, amber, amber+strict or red")]
pub struct BadTlp(String);

impl Tlp {
    /// Every label, least restrictive first.
    pub const ALL: [Self; 5] = [Self::Clear, Self::Green, Self::Amber, Self::AmberStrict, Self::Red];

    /// The number that stands for the label in headers and stores: its place in [`Self::ALL`].
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The label with that number; `None` above 4.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The standard's spelling, without the `TLP:` prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::AmberStrict => "amber+strict",
            Self::Red => "red",
        }
    }
}

impl std::fmt::Display for Tlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Any case, with or without `TLP:`, `amber-strict` and `amber_strict` too; TLP 1.0's `white` reads as `clear`.
impl std::str::FromStr for Tlp {
    type Err = BadTlp;
    fn from_str(text: &str) -> Result<Self, BadTlp> {
        let lower = text.trim().to_ascii_lowercase();
        let name = lower.strip_prefix("tlp:").unwrap_or(&lower).trim();
        match name {
            "clear" | "white" => Ok(Self::Clear),
            "green" => Ok(Self::Green),
            "amber" => Ok(Self::Amber),
            "amber+strict" | "amber-strict" | "amber_strict" => Ok(Self::AmberStrict),
            "red" => Ok(Self::Red),
            _ => Err(BadTlp(text.chars().take(40).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_ordered_by_what_they_restrict() {
        assert!(Tlp::ALL.is_sorted());
        assert_eq!(Tlp::Green.max(Tlp::AmberStrict), Tlp::AmberStrict);
    }

    #[test]
    fn every_spelling_seen_in_the_wild_is_read() {
        for (text, expected) in
            [("tlp:white", Tlp::Clear), ("TLP:GREEN", Tlp::Green), ("TLP:AMBER+STRICT", Tlp::AmberStrict), (" red", Tlp::Red)]
        {
            assert_eq!(text.parse(), Ok(expected));
        }
        assert!("tlp:unclear".parse::<Tlp>().is_err());
        for label in Tlp::ALL {
            assert_eq!(label.to_string().parse(), Ok(label));
            assert_eq!(Tlp::from_number(label.number()), Some(label));
        }
    }
}
