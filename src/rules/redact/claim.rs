//! Who has which part of a text: what is to go, and what is an attacker's and stays.

use super::Kind;
use std::collections::BTreeMap;
use std::ops::Range;

/// The claims of a text. The first comes first: a part that is taken is not taken again, except by [`Claims::over`] and [`Claims::force`].
pub(super) struct Claims {
    /// For each byte: free, to go, or to stay.
    owners: Vec<Owner>,
    /// What is to go, by where it starts: where it ends, and what it is. None overlaps another.
    going: BTreeMap<usize, (usize, Kind)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Free,
    Goes,
    Stays,
}

impl Claims {
    pub(super) fn of(length: usize) -> Self {
        Self { owners: vec![Owner::Free; length], going: BTreeMap::new() }
    }

    /// Whether nobody has any of it.
    pub(super) fn is_free(&self, range: &Range<usize>) -> bool {
        self.owners.get(range.clone()).is_some_and(|part| part.iter().all(|owner| *owner == Owner::Free))
    }

    /// Whether it may go as a name: nobody has any of it, but for names that go already, of which it may be more (`Fatima`, where only that is known,
    /// of `Fatima Zahra wrote`).
    pub(super) fn is_name_or_free(&self, range: &Range<usize>) -> bool {
        let Some(part) = self.owners.get(range.clone()) else { return false };
        let names =
            || self.going.range(..range.end).rev().take_while(|(_, (end, _))| *end > range.start).all(|(_, (_, kind))| *kind == Kind::Name);
        !part.contains(&Owner::Stays) && names()
    }

    pub(super) fn is_taken(&self, at: usize) -> bool {
        self.owners.get(at).is_some_and(|owner| *owner != Owner::Free)
    }

    /// Whether that byte is of what stays.
    pub(super) fn stays(&self, at: usize) -> bool {
        self.owners.get(at) == Some(&Owner::Stays)
    }

    /// Takes a part that is to go. False if somebody has some of it.
    pub(super) fn redact(&mut self, kind: Kind, range: Range<usize>) -> bool {
        let free = !range.is_empty() && self.is_free(&range);
        if free {
            self.owners[range.clone()].fill(Owner::Goes);
            self.going.insert(range.start, (range.end, kind));
        }
        free
    }

    /// Takes a part that stays.
    pub(super) fn keep(&mut self, range: Range<usize>) -> bool {
        let free = !range.is_empty() && self.is_free(&range);
        if free {
            self.owners[range].fill(Owner::Stays);
        }
        free
    }

    /// Takes what is free in a part, and in one piece with it what was to go anyway; what stays is left out.
    pub(super) fn over(&mut self, kind: Kind, range: Range<usize>) {
        if range.end > self.owners.len() {
            return;
        }
        let mut from = range.start;
        while from < range.end {
            let stays = self.owners[from] == Owner::Stays;
            let length = self.owners[from..range.end].iter().take_while(|owner| (**owner == Owner::Stays) == stays).count();
            if !stays {
                self.swallow(kind, from..from + length);
            }
            from += length;
        }
    }

    /// `range` has nothing in it that stays. What only begins or ends in it is taken in whole.
    fn swallow(&mut self, kind: Kind, range: Range<usize>) {
        let mut whole = range.clone();
        while let Some((&start, &(end, _))) = self.going.range(..range.end).next_back().filter(|(_, (end, _))| *end > range.start) {
            whole = whole.start.min(start)..whole.end.max(end);
            self.going.remove(&start);
        }
        self.owners[whole.clone()].fill(Owner::Goes);
        self.going.insert(whole.start, (whole.end, kind));
    }

    /// Takes a part whatever it was: a known name in what would stay.
    pub(super) fn force(&mut self, kind: Kind, range: Range<usize>) {
        if range.is_empty() || range.end > self.owners.len() || self.owners[range.clone()].iter().all(|owner| *owner == Owner::Goes) {
            return;
        }
        self.owners[range.clone()].iter_mut().filter(|owner| **owner == Owner::Stays).for_each(|owner| *owner = Owner::Free);
        self.over(kind, range);
    }

    /// What that byte is to go as.
    pub(super) fn goes_at(&self, at: usize) -> Option<Kind> {
        self.going.range(..=at).next_back().filter(|(_, (end, _))| *end > at).map(|(_, (_, kind))| *kind)
    }

    /// What goes last before `at`, and where it ends.
    pub(super) fn last_before(&self, at: usize) -> Option<(Kind, usize)> {
        self.going.range(..at).next_back().map(|(_, (end, kind))| (*kind, *end))
    }

    /// What is to go, in order.
    pub(super) fn going(&self) -> impl Iterator<Item = (Kind, Range<usize>)> + '_ {
        self.going.iter().map(|(&start, &(end, kind))| (kind, start..end))
    }
}
