//! How soon a case needs somebody: the three priorities of the United Nations' inter-agency referral form.

/// A priority, the most pressing first. Names as in the vocabulary `priority`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Priority {
    /// Within a day, by night too.
    Emergency = 1,
    /// Within three days.
    Urgent = 2,
    /// Within two weeks.
    #[default]
    Normal = 3,
}

/// The text was not a priority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no priority\nhint: emergency, urgent or normal")]
pub struct BadPriority(String);

impl Priority {
    /// Each, the most pressing first.
    pub const ALL: [Self; 3] = [Self::Emergency, Self::Urgent, Self::Normal];

    /// The priority with that number in rows and on the wire.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| *one as u8 == number)
    }

    /// What has that number on the wire. One that this version does not know counts as the most urgent, so that somebody looks at it soon; its
    /// number stays beside it.
    pub fn from_wire(number: u32) -> (Self, Option<u32>) {
        let known = u8::try_from(number).ok().and_then(Self::from_number);
        known.map_or((Self::Emergency, Some(number)), |one| (one, None))
    }

    /// Its number on the wire, or the one that stands beside it.
    pub fn to_wire(self, newer: Option<u32>) -> u32 {
        newer.unwrap_or(u32::from(self as u8))
    }

    /// What people read: `emergency`, or `emergency (number 7 of a newer list)`.
    pub fn shown(self, newer: Option<u32>) -> String {
        newer.map_or_else(|| self.to_string(), |number| format!("{self} (number {number} of a newer list)"))
    }

    /// Its code in the vocabulary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Urgent => "urgent",
            Self::Normal => "normal",
        }
    }
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Any case, with blanks around it.
impl std::str::FromStr for Priority {
    type Err = BadPriority;
    fn from_str(text: &str) -> Result<Self, BadPriority> {
        let name = text.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| BadPriority(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_those_of_the_vocabulary() {
        let file = include_str!("vocabulary/priority.toml");
        let codes: Vec<&str> = file.lines().filter_map(|line| line.strip_prefix("code = ")).map(|code| code.trim_matches('"')).collect();
        assert_eq!(codes, Priority::ALL.map(Priority::name));
        for one in Priority::ALL {
            assert_eq!((one.to_string().parse(), serde_json::to_string(&one).unwrap()), (Ok(one), format!("\"{one}\"")));
        }
    }

    #[test]
    fn one_of_a_newer_program_is_the_most_urgent_and_keeps_its_number() {
        for one in Priority::ALL {
            assert_eq!(Priority::from_wire(one.to_wire(None)), (one, None));
        }
        for number in [0, 4, 257, u32::MAX] {
            let (priority, newer) = Priority::from_wire(number);
            assert_eq!((priority, newer, priority.to_wire(newer)), (Priority::Emergency, Some(number), number));
        }
        assert_eq!(Priority::Emergency.shown(Some(7)), "emergency (number 7 of a newer list)");
    }

    #[test]
    fn what_is_no_priority_is_told() {
        let error = "asap".parse::<Priority>().unwrap_err();
        assert_eq!(error.to_string(), "`asap` is no priority\nhint: emergency, urgent or normal");
        assert_eq!(" Urgent".parse(), Ok(Priority::Urgent));
    }
}
