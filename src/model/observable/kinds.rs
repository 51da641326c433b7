//! Sets of kinds.

use super::ObservableKind;

/// A set of kinds of observable.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u32);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether the kind is in it.
    pub const fn has(self, kind: ObservableKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Whether none is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// With this kind as well.
    #[must_use]
    pub const fn with(self, kind: ObservableKind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its kinds, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = ObservableKind> {
        ObservableKind::ALL.into_iter().filter(move |&kind| self.has(kind))
    }

    const fn bit(kind: ObservableKind) -> u32 {
        1 << kind.number()
    }
}

impl FromIterator<ObservableKind> for Kinds {
    fn from_iter<T: IntoIterator<Item = ObservableKind>>(kinds: T) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

impl std::fmt::Debug for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::ALL { f.write_str("all") } else { f.debug_set().entries(self.iter().map(ObservableKind::name)).finish() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        for kind in ObservableKind::ALL {
            assert_eq!(Kinds::NONE.with(kind).iter().collect::<Vec<_>>(), [kind]);
            assert!(Kinds::ALL.has(kind));
        }
        let two: Kinds = [ObservableKind::Url, ObservableKind::Domain].into_iter().collect();
        assert_eq!(format!("{two:?}"), r#"{"domain", "url"}"#);
    }
}
