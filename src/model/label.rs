//! Labels: TLP 2.0, the CiviCERT information class and PAP as one lattice.
//!
//! The class follows from the TLP but for one step: RESTRICTED is said beside it. What contradicts itself becomes the more restrictive of both
//! readings, so there are seven pairs of TLP and class, each with four PAPs:
//!
//! | class | TLP |
//! |---|---|
//! | PUBLIC | clear |
//! | CONFIDENTIAL | green, amber, amber+strict, red |
//! | RESTRICTED | amber+strict, red |
//!
//! Whom a RESTRICTED record names is the audience of its log, so that no list of names travels: one organisation, or one group.

use super::Tlp;

/// The Permissible Actions Protocol, least restrictive first. What is not marked counts as clear: its TLP binds it, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pap {
    /// No restriction.
    #[default]
    Clear,
    /// Active actions are allowed: to block, to ping.
    Green,
    /// Passive checks are allowed, at third parties too.
    Amber,
    /// Nothing that the attacker could notice: detection in one's own logs and devices.
    Red,
}

/// The classes of the CiviCERT information management policy, least restrictive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// For anybody.
    Public,
    /// For members; for others only who need to know and have signed.
    Confidential,
    /// For the named audience alone.
    Restricted,
}

/// The text was not a label of that protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLabel {
    /// Not a PAP.
    #[error("`{0}` is not a PAP label: clear, green, amber or red")]
    Pap(String),
    /// Not a class.
    #[error("`{0}` is not a class: public, confidential or restricted")]
    Class(String),
}

impl Pap {
    /// Every label, least restrictive first.
    pub const ALL: [Self; 4] = [Self::Clear, Self::Green, Self::Amber, Self::Red];

    /// The taxonomy's spelling, without the `PAP:` prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

impl Class {
    /// Every class, least restrictive first.
    pub const ALL: [Self; 3] = [Self::Public, Self::Confidential, Self::Restricted];

    /// The policy's word, in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }

    /// The class that a TLP label means where no class is said.
    pub const fn of(tlp: Tlp) -> Self {
        match tlp {
            Tlp::Clear => Self::Public,
            Tlp::Green | Tlp::Amber | Tlp::AmberStrict | Tlp::Red => Self::Confidential,
        }
    }

    /// The least restrictive TLP label that does not contradict it.
    const fn tlp_min(self) -> Tlp {
        match self {
            Self::Public => Tlp::Clear,
            Self::Confidential => Tlp::Green,
            Self::Restricted => Tlp::AmberStrict,
        }
    }
}

impl std::fmt::Display for Pap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Any case, with or without `PAP:`; `white` reads as `clear`.
impl std::str::FromStr for Pap {
    type Err = BadLabel;
    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let lower = text.trim().to_ascii_lowercase();
        match lower.strip_prefix("pap:").unwrap_or(&lower).trim() {
            "clear" | "white" => Ok(Self::Clear),
            "green" => Ok(Self::Green),
            "amber" => Ok(Self::Amber),
            "red" => Ok(Self::Red),
            _ => Err(BadLabel::Pap(text.chars().take(40).collect())),
        }
    }
}

/// Any case.
impl std::str::FromStr for Class {
    type Err = BadLabel;
    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let lower = text.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|class| class.name() == lower).ok_or_else(|| BadLabel::Class(text.chars().take(40).collect()))
    }
}

/// What binds whoever holds a record. One byte in headers and stores.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "Said", into = "Said")]
pub struct Label {
    tlp: Tlp,
    class: Class,
    pap: Pap,
}

/// A label as it stands in JSON: `class` and `pap` only where they say more than `tlp`, as it was before there were any.
#[derive(serde::Serialize, serde::Deserialize)]
struct Said {
    tlp: Tlp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(default, skip_serializing_if = "is_clear")]
    pap: Pap,
}

fn is_clear(pap: &Pap) -> bool {
    *pap == Pap::Clear
}

impl From<Said> for Label {
    fn from(Said { tlp, class, pap }: Said) -> Self {
        Self::said(tlp, class, pap)
    }
}

impl From<Label> for Said {
    fn from(Label { tlp, class, pap }: Label) -> Self {
        Self { tlp, class: Some(class).filter(|class| *class != Class::of(tlp)), pap }
    }
}

impl From<Tlp> for Label {
    fn from(tlp: Tlp) -> Self {
        Self { tlp, class: Class::of(tlp), pap: Pap::Clear }
    }
}

/// Bits of the byte: 0 to 2 TLP, 3 RESTRICTED, 4 and 5 PAP; the others are 0.
const RESTRICTED: u8 = 1 << 3;
const PAP_SHIFT: u8 = 4;

impl Label {
    /// The least restrictive label that is at least each of these.
    pub fn new(tlp: Tlp, class: Class, pap: Pap) -> Self {
        let tlp = tlp.max(class.tlp_min());
        Self { tlp, class: class.max(Class::of(tlp)), pap }
    }

    /// As people say it: without a class, the one that the TLP means.
    pub fn said(tlp: Tlp, class: Option<Class>, pap: Pap) -> Self {
        Self::new(tlp, class.unwrap_or(Class::of(tlp)), pap)
    }

    /// Every label, each once.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).filter_map(Self::from_byte)
    }

    /// The more restrictive of both in each part.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self::new(self.tlp.max(other.tlp), self.class.max(other.class), self.pap.max(other.pap))
    }

    /// Who may see it.
    pub const fn tlp(self) -> Tlp {
        self.tlp
    }

    /// Whom it is meant for.
    pub const fn class(self) -> Class {
        self.class
    }

    /// What may be done with it.
    pub const fn pap(self) -> Pap {
        self.pap
    }

    /// Whether two people have to agree before it leaves: TLP:RED and RESTRICTED.
    pub fn needs_two(self) -> bool {
        self.tlp == Tlp::Red || self.class == Class::Restricted
    }

    /// As a marking: `TLP:AMBER+STRICT`, `TLP:RED RESTRICTED`, `TLP:GREEN PAP:RED`.
    pub fn marking(self) -> String {
        format!("TLP:{self}").to_uppercase()
    }

    /// The byte that stands for it. Without RESTRICTED and PAP it is the TLP's number.
    pub const fn byte(self) -> u8 {
        let restricted = if matches!(self.class, Class::Restricted) { RESTRICTED } else { 0 };
        self.tlp.number() | restricted | (self.pap as u8) << PAP_SHIFT
    }

    /// What [`Self::byte`] gives; `None` for any other number, so that bytes under a signature have one reading.
    pub fn from_byte(byte: u8) -> Option<Self> {
        let tlp = Tlp::from_number(byte & 0b111)?;
        let class = if byte & RESTRICTED == 0 { Class::of(tlp) } else { Class::Restricted };
        let pap = *Pap::ALL.get(usize::from(byte >> PAP_SHIFT))?;
        Some(Self::new(tlp, class, pap)).filter(|label| label.byte() == byte)
    }
}

/// The most that somebody may hold, or that may pass somewhere: a label passes where each of its parts does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceiling {
    /// The highest TLP.
    #[serde(rename = "tlp_max")]
    pub tlp: Tlp,
    /// The highest class.
    #[serde(rename = "class_max", default = "restricted")]
    pub class: Class,
    /// The highest PAP.
    #[serde(rename = "pap_max", default = "red")]
    pub pap: Pap,
}

const fn restricted() -> Class {
    Class::Restricted
}

const fn red() -> Pap {
    Pap::Red
}

impl Ceiling {
    /// Everything passes.
    pub const NONE: Self = Self { tlp: Tlp::Red, class: Class::Restricted, pap: Pap::Red };

    /// Whether a label passes.
    pub fn admits(&self, label: Label) -> bool {
        label.tlp <= self.tlp && label.class <= self.class && label.pap <= self.pap
    }
}

/// As people read it: `amber+strict`, `red restricted`, `green PAP:RED`. Without RESTRICTED and PAP it is the TLP's name.
impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.tlp)?;
        if self.class == Class::Restricted {
            write!(f, " restricted")?;
        }
        if self.pap > Pap::Clear {
            write!(f, " PAP:{}", self.pap.name().to_uppercase())?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether one restricts no more than another does.
    fn within(one: Label, most: Label) -> bool {
        one.join(most) == most
    }

    fn said() -> impl Iterator<Item = (Tlp, Class, Pap)> {
        let pairs = Tlp::ALL.into_iter().flat_map(|tlp| Class::ALL.map(|class| (tlp, class)));
        pairs.flat_map(|(tlp, class)| Pap::ALL.map(|pap| (tlp, class, pap)))
    }

    #[test]
    fn there_are_seven_pairs_each_with_four_paps() {
        assert_eq!(Label::all().count(), 28);
        let made: std::collections::BTreeSet<Label> = said().map(|(tlp, class, pap)| Label::new(tlp, class, pap)).collect();
        assert_eq!(made, Label::all().collect());
    }

    #[test]
    fn a_label_is_never_less_than_what_was_said() {
        for (tlp, class, pap) in said() {
            let label = Label::new(tlp, class, pap);
            assert!(label.tlp() >= tlp && label.class() >= class && label.pap() == pap, "{label}");
            let below = Label::all().filter(|other| other.tlp() >= tlp && other.class() >= class && other.pap() >= pap);
            assert!(below.into_iter().all(|other| within(label, other)), "{label} is the least of them");
        }
    }

    #[test]
    fn the_most_restrictive_wins_in_any_order() {
        for one in Label::all() {
            assert_eq!(one.join(one), one);
            for two in Label::all() {
                let both = one.join(two);
                assert_eq!(both, two.join(one));
                assert!(within(one, both) && within(two, both));
                for three in Label::all() {
                    assert_eq!(both.join(three), one.join(two.join(three)));
                    if within(one, three) && within(two, three) {
                        assert!(within(both, three), "{both} is the least above {one} and {two}");
                    }
                }
            }
        }
    }

    #[test]
    fn each_byte_has_one_reading() {
        for byte in 0..=u8::MAX {
            assert!(Label::from_byte(byte).is_none_or(|label| label.byte() == byte));
        }
        for label in Label::all() {
            assert_eq!(Label::from_byte(label.byte()), Some(label));
        }
        for tlp in Tlp::ALL {
            assert_eq!(Label::from(tlp).byte(), tlp.number(), "what was written before there were classes reads as before");
        }
        assert_eq!(Label::from_byte(Tlp::Green.number() | RESTRICTED), None, "TLP:GREEN contradicts RESTRICTED");
    }

    #[test]
    fn a_label_reads_as_it_is_written() {
        let cases = [
            (Label::from(Tlp::Amber), "amber"),
            (Label::new(Tlp::Clear, Class::Restricted, Pap::Clear), "amber+strict restricted"),
            (Label::new(Tlp::Green, Class::Public, Pap::Red), "green PAP:RED"),
        ];
        for (label, text) in cases {
            assert_eq!(label.to_string(), text);
            assert_eq!(label.marking(), format!("TLP:{}", text.to_uppercase()));
        }
        for label in Label::all() {
            let json = serde_json::to_string(&label).unwrap();
            assert_eq!(serde_json::from_str::<Label>(&json).unwrap(), label, "{json}");
        }
        assert_eq!(serde_json::from_str::<Label>(r#"{"tlp":"amber"}"#).unwrap(), Label::from(Tlp::Amber));
        for pap in Pap::ALL {
            assert_eq!(format!("PAP:{}", pap.name().to_uppercase()).parse(), Ok(pap));
        }
        for class in Class::ALL {
            assert_eq!(class.to_string().parse(), Ok(class));
        }
        assert_eq!("PAP:BLUE".parse::<Pap>().unwrap_err().to_string(), "`PAP:BLUE` is not a PAP label: clear, green, amber or red");
        assert_eq!("secret".parse::<Class>().unwrap_err().to_string(), "`secret` is not a class: public, confidential or restricted");
    }
}
