//! The gate for indicators' values: what is well known, reserved, empty, or somebody's whom the gate protects does not leave unseen.
//!
//! An indicator's value is data about the attacker and may leave. [`Gate::judge`] finds the values that are something else, by four sources:
//! warninglists ([`Lists`]), ranges and names that nobody on the internet has ([`reserved`]), hashes of nothing, and the infrastructure of this
//! organisation, of its partners and of victims ([`Infrastructure`]). Each finding names the entry that decided it. What a URL tells of the one
//! who was sent it is judged apart.

mod guarded;
mod networks;
mod rated;
pub mod reserved;
mod warning;

pub use guarded::{Infrastructure, Whose};
pub use rated::{Rated, suggested};
pub use reserved::{Reserved, Severities};
pub use warning::Lists;

use crate::model::{Observable, ObservableKind};

/// What a finding means for the value, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It leaves; whoever shares it is told.
    Warn,
    /// It waits for a person.
    Hold,
    /// It does not leave.
    Refuse,
}

/// How a value relates to the entry that it was found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is the entry.
    Itself,
    /// It is a name below the entry.
    Below,
    /// It is a name that the entry is below: what covers all of it covers the entry.
    Above,
    /// It is a URL or an e-mail address on the entry or on a name below it.
    On,
    /// It is an address or a network in the entry.
    Within,
    /// It is a network that the entry lies in.
    Around,
    /// The entry, or one way to write it, stands somewhere in the value.
    Mentions,
}

/// Where an entry stands.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// On a warninglist.
    Warninglist {
        /// The list's name.
        name: String,
        /// The entry, as it is compared.
        entry: String,
    },
    /// In no list: nobody on the internet has it, or everybody.
    Reserved(Reserved),
    /// Among what is ours or our partners', or a victim's.
    Infrastructure {
        /// Whose.
        whose: Whose,
        /// The entry; a victim's is told to people here and to nobody else.
        entry: String,
    },
}

/// A victim's name enters no log.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Warninglist { name, entry } => write!(f, "Warninglist({name:?}, {entry:?})"),
            Self::Reserved(reserved) => write!(f, "Reserved({reserved:?})"),
            Self::Infrastructure { whose: Whose::Victim, .. } => f.write_str("Infrastructure(Victim)"),
            Self::Infrastructure { whose, entry } => write!(f, "Infrastructure({whose:?}, {entry:?})"),
        }
    }
}

/// One reason to look at a value again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it means.
    pub severity: Severity,
    /// The entry that decided.
    pub source: Source,
    /// How the value relates to it.
    pub reach: Reach,
    /// For a pattern: the value in it that was found, where it was one.
    pub part: Option<Observable>,
}

impl std::fmt::Display for Finding {
    /// Why, in words that name no victim.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reach = match self.reach {
            Reach::Itself => "it is",
            Reach::Below => "it is a name below",
            Reach::Above => "it is a name above",
            Reach::On => "it is on",
            Reach::Within => "it lies in",
            Reach::Around => "it is a network around",
            Reach::Mentions => "it mentions",
        };
        match (&self.part, &self.source) {
            (Some(part), Source::Warninglist { .. } | Source::Reserved(_)) => write!(f, "of `{}` in the pattern: {reach} ", part.value())?,
            (Some(_), Source::Infrastructure { .. }) => write!(f, "of a value in the pattern: {reach} ")?,
            (None, _) => write!(f, "{reach} ")?,
        }
        match &self.source {
            Source::Warninglist { name, entry } => write!(f, "`{entry}` of the warninglist `{name}`"),
            Source::Reserved(reserved) => write!(f, "{reserved}"),
            Source::Infrastructure { whose: Whose::Victim, .. } => {
                f.write_str("what belongs to somebody whom the deny list or `gate.victims` protects")
            }
            Source::Infrastructure { whose: Whose::Own, entry } => write!(f, "`{entry}`, which is our own"),
            Source::Infrastructure { whose: Whose::Partner, entry } => write!(f, "`{entry}`, which is a partner's"),
        }
    }
}

/// All that was found, strictest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    findings: Vec<Finding>,
}

impl Judgement {
    /// The finding that decides; `None` where nothing was found.
    pub fn strictest(&self) -> Option<&Finding> {
        self.findings.first()
    }

    /// All of them, strictest first; of equals in the order in which they were looked for.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// All that values are held against.
#[derive(Debug, Default)]
pub struct Gate {
    /// Warninglists, each with its severity.
    pub lists: Lists,
    /// Our own names, addresses and networks, our partners' and victims'.
    pub guarded: Vec<Infrastructure>,
    /// What the built-in decisions mean, where that can be chosen.
    pub reserved: Severities,
}

impl Gate {
    /// Everything that is to be said of a value. `inside` are the observables in a pattern (`formats::pattern::observables`), empty for every
    /// other kind.
    ///
    /// What is reserved, or well known, may stand in a pattern as what is left out (`NOT ISSUBSET '10.0.0.0/8'`), so there it is for a person to
    /// see and not refused. What is guarded is refused there too.
    pub fn judge(&self, observable: &Observable, inside: &[Observable]) -> Judgement {
        self.judge_beside(observable, inside, &Infrastructure::default())
    }

    /// The same, held against one more infrastructure: one that changes more often than the rest.
    pub fn judge_beside(&self, observable: &Observable, inside: &[Observable], more: &Infrastructure) -> Judgement {
        let mut findings = Vec::new();
        self.one(observable, more, &mut findings);
        for part in inside {
            let mut of_part = Vec::new();
            self.one(part, more, &mut of_part);
            findings.extend(of_part.into_iter().map(|finding| in_pattern(finding, part)));
        }
        if observable.kind() == ObservableKind::Pattern {
            for infrastructure in self.guarded.iter().chain([more]) {
                findings.extend(infrastructure.mentioned(observable.value(), Severity::Hold));
            }
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Judgement { findings }
    }

    /// Whether a warninglist speaks of the host that a URL or an e-mail address is on, or of a domain's parent: then the host is not the attacker's
    /// alone, which is what [`super::addressee::look`] wants to know.
    pub fn is_on_shared_host(&self, observable: &Observable) -> bool {
        let mut findings = Vec::new();
        self.lists.look(observable, &mut findings);
        findings.iter().any(|finding| matches!(finding.reach, Reach::On | Reach::Below))
    }

    fn one(&self, observable: &Observable, more: &Infrastructure, findings: &mut Vec<Finding>) {
        if let Some(reserved) = reserved::of(observable) {
            let reach =
                if observable.host() == Some(observable.value()) || observable.host().is_none() { Reach::Itself } else { Reach::On };
            findings.push(Finding { severity: self.reserved.of(reserved), source: Source::Reserved(reserved), reach, part: None });
        }
        for infrastructure in self.guarded.iter().chain([more]) {
            infrastructure.look(observable, findings);
        }
        self.lists.look(observable, findings);
    }
}

/// So many labels has the longest name above another that is looked at: a list of long names is no way to fill memory.
const ABOVE_LABELS_MAX: usize = 6;

/// The names above one, the last label alone and very long ones left out.
fn names_above(name: &str) -> impl Iterator<Item = &str> {
    let above = std::iter::successors(name.split_once('.'), |(_, above)| above.split_once('.')).map(|(_, above)| above);
    above.filter(|above| (1..ABOVE_LABELS_MAX).contains(&above.bytes().filter(|byte| *byte == b'.').count()))
}

fn in_pattern(finding: Finding, part: &Observable) -> Finding {
    let severity = match finding.source {
        Source::Infrastructure { .. } => finding.severity,
        Source::Warninglist { .. } | Source::Reserved(_) => finding.severity.min(Severity::Hold),
    };
    Finding { severity, part: Some(part.clone()), ..finding }
}

#[cfg(test)]
mod tests;
