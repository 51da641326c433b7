//! The canonical text of a pattern.

use super::{Comparison, Join, Literal, Observation, Operand, Path, Pattern, Qualifier, Step};
use std::fmt::{Display, Formatter, Result};
use std::mem::{Discriminant, discriminant};

/// `'…'` with its two escapes.
pub(super) fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn joined<T: Display>(f: &mut Formatter<'_>, word: &str, members: &[T], wrap: impl Fn(&T) -> bool) -> Result {
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            write!(f, " {word} ")?;
        }
        if wrap(member) { write!(f, "({member})")? } else { write!(f, "{member}")? }
    }
    Ok(())
}

const fn word(join: Join) -> &'static str {
    match join {
        Join::FollowedBy => "FOLLOWEDBY",
        Join::Or => "OR",
        Join::And => "AND",
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.root.fmt(f)
    }
}

impl Display for Observation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Test(comparison) => write!(f, "[{comparison}]"),
            Self::Joined(join, members) => {
                joined(f, word(*join), members, |member| matches!(member, Self::Joined(inner, _) if inner < join))
            }
            Self::Qualified(inside, qualifier) if inside.needs_parentheses(qualifier) => write!(f, "({inside}) {qualifier}"),
            Self::Qualified(inside, qualifier) => write!(f, "{inside} {qualifier}"),
        }
    }
}

impl Observation {
    /// Without parentheses a qualifier would hold for the last of several, or be the second of its kind, which the grammar refuses.
    fn needs_parentheses(&self, qualifier: &Qualifier) -> bool {
        matches!(self, Self::Joined(..)) || self.qualifiers().contains(&discriminant(qualifier))
    }

    /// The kinds of qualifier that stand behind this without parentheses: at most three, since each stands there once.
    fn qualifiers(&self) -> Vec<Discriminant<Qualifier>> {
        let Self::Qualified(inside, qualifier) = self else { return Vec::new() };
        let kind = discriminant(qualifier);
        let mut before = inside.qualifiers();
        if before.contains(&kind) {
            before.clear();
        }
        before.push(kind);
        before
    }
}

impl Display for Qualifier {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Within(seconds) => write!(f, "WITHIN {seconds} SECONDS"),
            Self::Repeats(times) => write!(f, "REPEATS {times} TIMES"),
            Self::StartStop(start, stop) => write!(f, "START t'{start}' STOP t'{stop}'"),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match self {
            Self::Joined(join, members) => {
                joined(f, word(*join), members, |member| matches!(member, Self::Joined(inner, _) if inner < join))
            }
            Self::Test { path, negated, operator, operand } => write!(f, "{path} {}{operator} {operand}", not(negated)),
            Self::Exists { path, negated } => write!(f, "{}EXISTS {path}", not(negated)),
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:", self.object)?;
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Name(name) => {
                    f.write_str(if index == 0 { "" } else { "." })?;
                    f.write_str(&plain_or_quoted(name))?;
                }
                Step::Index(number) => write!(f, "[{number}]")?,
                Step::Any => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

fn plain_or_quoted(name: &str) -> String {
    let plain =
        !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain { name.to_owned() } else { quote(name) }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::One(literal) => literal.fmt(f),
            Self::Set(literals) => {
                let texts: Vec<String> = literals.iter().map(ToString::to_string).collect();
                write!(f, "({})", texts.join(", "))
            }
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(value) => f.write_str(&quote(value)),
            Self::Number(value) => f.write_str(value),
            Self::Truth(value) => write!(f, "{value}"),
            Self::Binary(value) => write!(f, "b'{value}'"),
            Self::Hex(value) => write!(f, "h'{value}'"),
            Self::Time(value) => write!(f, "t'{value}'"),
        }
    }
}
