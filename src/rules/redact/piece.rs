//! Numbers by their form: how long their groups are, what stands between them, and whether that is a date, an amount or a telephone number.

use std::ops::Range;

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) range: Range<usize>,
    /// What stands before the group: `+`, `(`, both, or nothing.
    pub(super) plus: bool,
    pub(super) bracket: bool,
    /// What stands between the group before and this one, the most telling of it; 0 for the first.
    pub(super) between: u8,
}

pub(super) struct Piece {
    pub(super) digits: Vec<u8>,
    pub(super) sizes: Vec<usize>,
    /// Between the groups.
    pub(super) between: Vec<u8>,
    pub(super) plus: bool,
    pub(super) bracket: bool,
    /// The number of all groups of digits, for dates.
    pub(super) values: Vec<u32>,
}

impl Piece {
    pub(super) fn of(bytes: &[u8], groups: &[Group]) -> Self {
        let digits: Vec<u8> = groups.iter().flat_map(|group| bytes[group.range.clone()].iter().map(|byte| byte - b'0')).collect();
        let values = groups
            .iter()
            .map(|group| bytes[group.range.clone()].iter().take(9).fold(0, |value, byte| value * 10 + u32::from(byte - b'0')))
            .collect();
        Self {
            digits,
            sizes: groups.iter().map(|group| group.range.len()).collect(),
            between: groups[1..].iter().map(|group| group.between).collect(),
            plus: groups[0].plus,
            bracket: groups.iter().any(|group| group.bracket),
            values,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.digits.len()
    }

    pub(super) fn is_one(&self) -> bool {
        self.sizes.len() == 1
    }

    /// The same mark between all groups.
    pub(super) fn is_uniform(&self) -> bool {
        self.between.windows(2).all(|pair| pair[0] == pair[1])
    }

    pub(super) fn only(&self, mark: u8) -> bool {
        !self.between.is_empty() && self.between.iter().all(|between| *between == mark)
    }

    /// Groups of three behind a first one, as amounts are written.
    pub(super) fn is_amount(&self) -> bool {
        self.sizes.len() > 1
            && self.digits[0] != 0
            && !self.plus
            && !self.bracket
            && self.sizes[0] <= 3
            && self.sizes[1..].iter().all(|size| *size == 3)
            && (self.only(1) || self.only(b'.'))
    }

    pub(super) fn date(&self) -> Option<Date> {
        let valid = |year: u32, month: u32, day: u32| {
            ((1900..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Date { whole_year: true })
        };
        let [first, second, third] = *self.values.get(..3)? else { return None };
        let same = self.between.get(..2).is_some_and(|pair| pair[0] == pair[1] && matches!(pair[0], b'-' | b'/' | b'.' | 1));
        if !same || self.plus || self.bracket || self.sizes.len() != 3 {
            return None;
        }
        match (self.sizes[0], self.sizes[1], self.sizes[2]) {
            (4, 1..=2, 1..=2) => valid(first, second, third).or_else(|| persian(first, second, third)),
            (1..=2, 1..=2, 4) => {
                valid(third, second, first).or_else(|| valid(third, first, second)).or_else(|| persian(third, second, first))
            }
            (1..=2, 1..=2, 2) if self.between[0] != 1 => {
                valid(2000 + third, second, first).or_else(|| valid(2000 + third, first, second)).map(|_| Date { whole_year: false })
            }
            _ => None,
        }
    }
}

/// A date of the Persian or the Islamic calendar, whose years are in the fourteenth and fifteenth century; of the Buddhist one, in the twenty-sixth.
pub(super) fn persian(year: u32, month: u32, day: u32) -> Option<Date> {
    (matches!(year, 1290..=1450 | 2450..=2600) && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Date { whole_year: true })
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Date {
    /// The year has four digits, so that it can hardly be anything else.
    pub(super) whole_year: bool,
}

/// Forms that are nothing else.
pub(super) fn is_phone_form(piece: &Piece) -> bool {
    let length = piece.len();
    let sizes = &piece.sizes[..];
    let dialled = |plus: bool| plus && (7..=16).contains(&length) && piece.digits[0] != 0;
    let abroad = piece.digits.starts_with(&[0, 0])
        && (10..=17).contains(&length)
        && piece.digits[2..].iter().any(|digit| *digit != 0)
        && !piece.only(b'.');
    let american = matches!(sizes, [3, 3, 4] | [1, 3, 3, 4] | [3, 1, 3, 3, 4] | [2, 1, 3, 3, 4])
        && !piece.between.contains(&b'/')
        && !(piece.only(1) && piece.digits[0] == 0 && length == 10 && sizes.len() > 3);
    // `1.000 (1.000)`: two figures.
    let figures = piece.between.contains(&b'.') && sizes.contains(&1) && length < 10;
    let bracketed = piece.bracket && (6..=14).contains(&length) && sizes.len() > 1 && !figures;
    let trunk = piece.digits[0] == 0
        && piece.digits.get(1).is_some_and(|digit| *digit != 0 || sizes.len() > 1)
        && match sizes.len() {
            1 => (9..=12).contains(&length),
            _ => {
                (8..=13).contains(&length)
                    && sizes.iter().all(|size| *size <= 9)
                    && sizes.last().is_some_and(|size| *size >= 2)
                    && !piece.between[1..].contains(&b'/')
            }
        };
    dialled(piece.plus) || abroad || american || bracketed || trunk
}

/// What is a telephone number or an account more often than anything else.
pub(super) fn is_likely(piece: &Piece) -> bool {
    let length = piece.len();
    match piece.sizes.len() {
        1 => (10..=15).contains(&length) && !is_clock(piece),
        2 => {
            (9..=13).contains(&length)
                && piece.sizes.iter().all(|size| (2..=8).contains(size))
                && (piece.only(1) || piece.only(b'-'))
                && piece.sizes[1] >= 4
                // `2024-00123`: the number of an invoice or a report.
                && !(piece.sizes[0] == 4 && piece.only(b'-') && (1990..=2100).contains(&piece.values[0]))
        }
        _ => {
            (9..=13).contains(&length)
                && piece.sizes.iter().all(|size| (1..=5).contains(size))
                && piece.sizes[1..].iter().all(|size| *size >= 2)
                && !piece.between.contains(&b'/')
        }
    }
}

/// Seconds or milliseconds since 1970, from 2004 to 2033.
pub(super) fn is_clock(piece: &Piece) -> bool {
    match piece.len() {
        10 => piece.digits[0] == 1 && piece.digits[1] != 0,
        13 => piece.digits[0] == 1,
        _ => false,
    }
}

pub(super) fn is_stamp(piece: &Piece) -> bool {
    let value = |from: usize, to: usize| piece.digits[from..to].iter().fold(0u32, |value, digit| value * 10 + u32::from(*digit));
    piece.is_one()
        && matches!(piece.len(), 8 | 10 | 12 | 14)
        && (1970..=2049).contains(&value(0, 4))
        && (1..=12).contains(&value(4, 6))
        && (1..=31).contains(&value(6, 8))
        && (piece.len() < 10 || value(8, 10) < 24)
}

pub(super) fn is_years(piece: &Piece) -> bool {
    // A year and a month.
    if piece.sizes == [4, 2] && piece.only(b'-') && (1900..=2100).contains(&piece.values[0]) {
        return true;
    }
    piece.sizes.iter().all(|size| *size == 4) && piece.values.iter().all(|value| (1900..=2100).contains(value)) && piece.sizes.len() <= 3
}

pub(super) fn single_digits(piece: &Piece) -> bool {
    piece.sizes.len() >= 7 && piece.sizes.iter().all(|size| *size == 1)
}
