//! What leaves of a profile: a projection, and nothing else.

use super::{Own, Profile, Reader};

/// A profile as far as some reader may know it. Only [`Own::projection`] makes one of our own, so that nothing else of it can become a record.
///
/// ```compile_fail,E0423
/// // A whole profile is no projection.
/// let whole = watchfire::model::profile::Projection(Default::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection(Profile);

impl Projection {
    /// What a body says that another wrote, or that left here before.
    #[cfg(any(feature = "node", test))]
    pub(crate) const fn heard(profile: Profile) -> Self {
        Self(profile)
    }

    /// What it says.
    pub const fn profile(&self) -> &Profile {
        &self.0
    }

    /// What it says, by itself.
    pub fn into_profile(self) -> Profile {
        self.0
    }

    /// Its free texts, for the gate's detectors, each with its name and its longest length in characters; not the organisation's own name, which is its
    /// own to give.
    pub fn texts_mut(&mut self) -> Vec<(&'static str, &mut String, usize)> {
        let mut texts = Vec::new();
        texts.extend(self.0.pseudonym.as_mut().map(|text| ("pseudonym", text, super::NAME_MAX)));
        texts.extend(self.0.fees.as_mut().map(|text| ("fees", text, super::FEES_MAX)));
        texts
    }

    /// Whether it says anything but when it was confirmed.
    pub fn says_something(&self) -> bool {
        let Profile { vocabulary, confirmed, .. } = &self.0;
        self.0 != Profile { vocabulary: vocabulary.clone(), confirmed: *confirmed, ..Profile::default() }
    }
}

impl Own {
    /// What a reader may know of it, as something that may become a record.
    pub fn projection(&self, reader: Reader) -> Projection {
        Projection(self.project(reader))
    }
}
