//! Why one ranks where it does, in words.

use crate::model::country::Country;
use crate::model::language::LanguageTag;
use crate::model::profile::Field;
use crate::model::vocabulary::Code;
use std::fmt;

/// Something that was looked at, with its factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored<T> {
    /// What.
    pub what: T,
    /// What the score was multiplied by, in thousandths.
    pub permille: u32,
}

/// What speaks for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It does what is asked for.
    Does(Vec<Code>),
    /// It does what is next to this.
    DoesNear(Code),
    /// It does little else.
    Specialist,
    /// It examines devices so far.
    Examines(Code),
    /// It takes these types.
    Takes(Vec<Code>),
    /// It takes a type that is related to one that is asked for.
    TakesRelated(Code),
    /// It serves those.
    Serves(Code),
    /// It takes cases from there.
    Covers(Code),
    /// It takes cases from everywhere.
    CoversAll,
    /// It speaks this, so well where it says so.
    Speaks(LanguageTag, Option<Code>),
    /// It is open.
    Open,
    /// It opens in so many minutes, before a decision is due.
    Opens(u64),
    /// It begins so soon.
    Begins(Code),
    /// It has so much time a week.
    HasTime(Code),
    /// It looks at a new case within so many minutes.
    Responds(u32),
    /// It reaches these platforms.
    Reaches(Vec<Code>),
    /// Of so many cases of ours it accepted so many in a hundred, and had opened half within so many minutes.
    Track {
        /// How many.
        cases: u32,
        /// In a hundred.
        accepted: u32,
        /// Minutes.
        minutes: u64,
    },
}

/// What speaks against an organisation, or is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Its profile, as far as we know it, says nothing of this.
    Unstated(Field),
    /// It says something that is in no list of ours.
    Unknown(Field, Code),
    /// It does not say that it does this.
    DoesNot(Code),
    /// It does this and much else.
    Generalist,
    /// It does not examine devices.
    DoesNotExamine,
    /// It does not say that it takes these types.
    DoesNotTake(Vec<Code>),
    /// It serves others.
    DoesNotServe(Code),
    /// It takes cases from elsewhere.
    DoesNotCover(Code),
    /// It excludes so many countries of the region, and we have not said which it is.
    ExcludesSome(usize),
    /// It speaks none of the languages.
    DoesNotSpeak,
    /// It speaks it through an interpreter.
    Interpreter(LanguageTag),
    /// It closes in so many minutes.
    Closes(u64),
    /// It opens only in so many minutes.
    OpensLate(u64),
    /// It opens on no day that is known.
    NeverOpens,
    /// It begins only so late.
    BeginsLate(Code),
    /// It has only so much time a week.
    HasLittleTime(Code),
    /// It looks at a new case only within so many minutes.
    RespondsLate(u32),
    /// It does not say that it reaches these platforms.
    DoesNotReach(Vec<Code>),
    /// Nobody has confirmed its profile for so many days.
    Stale(u64),
}

/// Why an organisation does not rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It takes no new cases.
    NotAccepting,
    /// It is closed because of an emergency.
    ClosedEmergency,
    /// It never takes this type.
    ExcludedType(Code),
    /// It takes none from this country.
    ExcludedCountry(Country),
    /// It takes none from any country of this region.
    ExcludedRegion(Code),
}

impl<T: fmt::Display> fmt::Display for Scored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.permille {
            1_000 => self.what.fmt(f),
            permille => write!(f, "{} (x{}.{:02})", self.what, permille / 1_000, permille % 1_000 / 10),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Does(work) => write!(f, "does {}", words(work)),
            Self::DoesNear(work) => write!(f, "does what is next to {}", word(work)),
            Self::Specialist => f.write_str("does little else"),
            Self::Examines(level) => write!(f, "examines devices: {}", word(level)),
            Self::Takes(types) => write!(f, "takes {}", words(types)),
            Self::TakesRelated(kind) => write!(f, "takes {}, which is related", word(kind)),
            Self::Serves(beneficiary) => write!(f, "serves {}", word(beneficiary)),
            Self::Covers(region) => write!(f, "takes cases from {}", word(region)),
            Self::CoversAll => f.write_str("takes cases from everywhere"),
            Self::Speaks(tag, None) => write!(f, "speaks {tag}"),
            Self::Speaks(tag, Some(level)) => write!(f, "speaks {tag}: {}", word(level)),
            Self::Open => f.write_str("is open"),
            Self::Opens(minutes) => write!(f, "opens in {}", long(*minutes)),
            Self::Begins(intake) => write!(f, "begins {}", word(intake)),
            Self::HasTime(band) => write!(f, "has time: {} a week", word(band)),
            Self::Responds(minutes) => write!(f, "looks at a case within {}", long(u64::from(*minutes))),
            Self::Reaches(platforms) => write!(f, "reaches {}", words(platforms)),
            Self::Track { cases, accepted, minutes } => {
                write!(f, "accepted {accepted}% of {cases} cases of ours, and had opened half within {}", long(*minutes))
            }
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstated(field) => write!(f, "says nothing of {}", field.name().replace('_', " ")),
            Self::Unknown(field, code) => write!(f, "says `{code}` of {}, which is not in our list", field.name().replace('_', " ")),
            Self::DoesNot(work) => write!(f, "does not say that it does {}", word(work)),
            Self::Generalist => f.write_str("does this and much else"),
            Self::DoesNotExamine => f.write_str("does not examine devices"),
            Self::DoesNotTake(types) => write!(f, "does not say that it takes {}", words(types)),
            Self::DoesNotServe(beneficiary) => write!(f, "does not say that it serves {}", word(beneficiary)),
            Self::DoesNotCover(region) => write!(f, "takes no cases from {}", word(region)),
            Self::ExcludesSome(count) => write!(f, "excludes {count} countries of the region"),
            Self::DoesNotSpeak => f.write_str("speaks none of the languages"),
            Self::Interpreter(tag) => write!(f, "speaks {tag} through an interpreter"),
            Self::Closes(minutes) => write!(f, "closes in {}", long(*minutes)),
            Self::OpensLate(minutes) => write!(f, "opens only in {}", long(*minutes)),
            Self::NeverOpens => f.write_str("opens on no day of the next two years"),
            Self::BeginsLate(intake) => write!(f, "begins only {}", word(intake)),
            Self::HasLittleTime(band) => write!(f, "has little time: {} a week", word(band)),
            Self::RespondsLate(minutes) => write!(f, "looks at a case only within {}", long(u64::from(*minutes))),
            Self::DoesNotReach(platforms) => write!(f, "does not say that it reaches {}", words(platforms)),
            Self::Stale(days) => write!(f, "not confirmed for {days} days"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAccepting => f.write_str("takes no new cases"),
            Self::ClosedEmergency => f.write_str("closed because of an emergency"),
            Self::ExcludedType(kind) => write!(f, "never takes {}", word(kind)),
            Self::ExcludedCountry(country) => write!(f, "takes no cases from {country}"),
            Self::ExcludedRegion(region) => write!(f, "takes no cases from any country of {}", word(region)),
        }
    }
}

fn word(code: &Code) -> String {
    code.as_str().replace('_', " ")
}

fn words(codes: &[Code]) -> String {
    codes.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Minutes as people say them.
fn long(minutes: u64) -> String {
    match minutes {
        0..120 => format!("{minutes} min"),
        120..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}
