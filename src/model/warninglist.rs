//! Warninglists: values that are well known and therefore rarely an attacker's, as MISP publishes them (MISP/misp-warninglists).

use ipnet::IpNet;

use super::observable::Kinds;

/// A list, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warninglist {
    /// Its name, by which MISP tells lists apart.
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// Grows with each change; often a date as a number.
    pub version: u64,
    /// The kinds of observable that it speaks of.
    pub kinds: Kinds,
    /// What is on it.
    pub entries: Entries,
}

/// What is on a list, by how it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entries {
    /// Networks: an address or a network in one of them is on the list.
    Cidr(Vec<IpNet>),
    /// Names, in lower case and without dots at their ends: a host with this name or below it is on the list.
    Hostname(Vec<String>),
    /// Values in canonical form: the same value is on the list.
    String(Vec<String>),
    /// Pieces, ASCII in lower case: a value with the piece anywhere in it is on the list, whatever its case.
    Substring(Vec<String>),
    /// Regular expressions: a value in which one finds something is on the list.
    Regex(Vec<Expression>),
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Cidr(entries) => entries.len(),
            Self::Hostname(entries) | Self::String(entries) | Self::Substring(entries) => entries.len(),
            Self::Regex(entries) => entries.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A regular expression that the `regex` crate takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// As its author wrote it, with delimiters and flags.
    pub written: String,
    /// As the `regex` crate reads it over bytes, with its flags at the front.
    pub pattern: String,
}
