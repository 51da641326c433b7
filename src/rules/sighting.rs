//! Sightings: to whom one may be told, whose word counts, and what several of them come to.

use super::label::Withheld;
use super::referral::Permission;
use crate::model::group::{Definition, Visibility};
use crate::model::log::{Audience, LogKey};
use crate::model::sighting::{Sighting, SightingType, Tag};
use crate::model::{GroupId, OrgId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The clock of whoever says when something was met may be ahead of ours by so many milliseconds (a day).
pub const AHEAD_MS: u64 = 86_400_000;

/// Whether a sighting may go into our log to an audience: to the author of what was met, into the log of the very group that has it, or to
/// that group's head, who tells the author without our name.
///
/// # Errors
/// When it may not.
pub fn permits_sighting(permission: Option<&Permission<'_>>, sighting: &Sighting, audience: &Audience, us: &OrgId) -> Result<(), Withheld> {
    let Some(Permission::Sighting { log, group }) = permission else { return Err(Withheld::SightingElsewhere) };
    let group = group.filter(|group| log.audience == Audience::Group(group.group));
    let is_head = |org: &OrgId| group.is_some_and(|group| group.signer == *org);
    let may = log.id() == sighting.log
        && match audience {
            Audience::Direct(to) if sighting.passed_on.is_some() => *to == log.author && is_head(us),
            Audience::Direct(to) => *to == log.author || is_head(to),
            Audience::Group(_) => {
                sighting.passed_on.is_none()
                    && *audience == log.audience
                    && group.is_some_and(|group| group.visibility == Visibility::Visible)
            }
        };
    if may { Ok(()) } else { Err(Withheld::SightingElsewhere) }
}

/// What a sighting that came is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Its author's own word.
    Said,
    /// A member of this group's word, told by its head.
    Member(GroupId),
    /// For us to tell the author of what was met, without the name of whoever told us.
    ToPassOn,
}

/// What a sighting in another's log is, given the log that it is about and that log's group; or why it is nothing.
///
/// # Errors
/// When that log may not speak of what is in the other.
pub fn heard(sighting: &Sighting, of: &LogKey, about: &LogKey, group: Option<&Definition>, us: &OrgId) -> Result<Heard, &'static str> {
    match (of.audience, sighting.passed_on, about.audience) {
        (Audience::Group(_), None, audience) if audience == of.audience => Ok(Heard::Said),
        (Audience::Group(_), ..) => Err("a sighting in a group's log of what is not that group's"),
        (Audience::Direct(_), None, _) if about.author == *us && was_told(&of.author, about, group) => Ok(Heard::Said),
        (Audience::Direct(_), None, _) if group.is_some_and(|group| group.signer == *us && group.has(&of.author)) => Ok(Heard::ToPassOn),
        (Audience::Direct(_), Some(_), Audience::Group(id))
            if about.author == *us && group.is_some_and(|group| group.is_head(&of.author)) =>
        {
            Ok(Heard::Member(id))
        }
        (Audience::Direct(_), ..) => Err("a sighting of what its author has no word on for us"),
    }
}

/// Whether somebody is told what stands in a log: of anything else it can have met nothing.
fn was_told(org: &OrgId, log: &LogKey, group: Option<&Definition>) -> bool {
    match log.audience {
        Audience::Direct(to) => to == *org,
        Audience::Group(_) => group.is_some_and(|group| group.has(org)),
    }
}

/// Whose word a sighting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reporter {
    /// An organisation's.
    Org(OrgId),
    /// A member's of a group, whose name its head keeps.
    Member(GroupId, Tag),
}

/// One word about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Whose.
    pub by: Reporter,
    /// What.
    pub what: SightingType,
    /// How often it was met.
    pub count: u32,
    /// When it was met last.
    pub last: Timestamp,
    /// When it was said.
    pub told: Timestamp,
}

/// What words about one record come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opinions {
    /// How often it was met.
    pub seen: u64,
    /// By whom.
    pub seen_by: BTreeSet<Reporter>,
    /// When last.
    pub seen_last: Option<Timestamp>,
    /// Who says that it is of nothing bad.
    pub false_by: BTreeSet<Reporter>,
    /// Who says that it is of no use any more.
    pub expired_by: BTreeSet<Reporter>,
}

impl Opinions {
    /// Of each reporter the newest word of each type counts, whichever of the record's entries it is about; and of `seen` and `false positive`,
    /// which contradict each other, the newer.
    pub fn of(words: impl IntoIterator<Item = Word>) -> Self {
        let mut newest: BTreeMap<(Reporter, SightingType), Word> = BTreeMap::new();
        for word in words {
            let known = newest.entry((word.by, word.what)).or_insert(word);
            if (word.told, word.count) > (known.told, known.count) {
                *known = word;
            }
        }
        let mut opinions = Self::default();
        for ((by, what), word) in &newest {
            let other = match what {
                SightingType::Seen => newest.get(&(*by, SightingType::FalsePositive)),
                SightingType::FalsePositive => newest.get(&(*by, SightingType::Seen)),
                SightingType::Expired => None,
            };
            // Said at one time, the doubt counts.
            let is_newer = |other: &Word| (word.told, *what) > (other.told, other.what);
            if !other.is_none_or(is_newer) {
                continue;
            }
            match what {
                SightingType::Seen => {
                    opinions.seen = opinions.seen.saturating_add(u64::from(word.count));
                    opinions.seen_by.insert(*by);
                    opinions.seen_last = opinions.seen_last.max(Some(word.last));
                }
                SightingType::FalsePositive => drop(opinions.false_by.insert(*by)),
                SightingType::Expired => drop(opinions.expired_by.insert(*by)),
            }
        }
        opinions
    }

    /// Whether nobody has said anything.
    pub fn is_empty(&self) -> bool {
        self.seen_by.is_empty() && self.false_by.is_empty() && self.expired_by.is_empty()
    }
}

/// What is held of a value over all its authors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Corroboration {
    /// Who says it or saw it.
    for_it: BTreeSet<Reporter>,
    /// Who says that it is of nothing bad.
    against: BTreeSet<Reporter>,
}

impl Corroboration {
    /// Adds what one author says, as far as it holds, and what others say of it.
    pub fn add(&mut self, author: Option<OrgId>, opinions: &Opinions) {
        self.for_it.extend(author.map(Reporter::Org));
        self.for_it.extend(&opinions.seen_by);
        self.against.extend(&opinions.false_by);
    }

    /// How many organisations say it or saw it. A member whose name is kept counts as one, though it may be one of the others.
    pub fn organisations(&self) -> usize {
        self.for_it.len()
    }

    /// Whether somebody says that it is of nothing bad while somebody else says it or saw it.
    pub fn is_disputed(&self) -> bool {
        self.against.iter().any(|one| self.for_it.iter().any(|other| one != other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::group::{Member, group_id};

    const AUTHOR: OrgId = OrgId([1; 32]);
    const US: OrgId = OrgId([2; 32]);
    const HEAD: OrgId = OrgId([3; 32]);
    const MEMBER: OrgId = OrgId([4; 32]);

    fn definition(visibility: Visibility) -> Definition {
        let members = [AUTHOR, US, HEAD, MEMBER].map(|org| Member { org, card: vec![], since: 0 }).to_vec();
        Definition {
            group: group_id(&HEAD, &[7; 16]),
            nonce: [7; 16],
            number: 1,
            owner: HEAD,
            deputy: None,
            name: "desk".into(),
            visibility,
            community: false,
            history: false,
            members,
            confirmed: Timestamp(0),
            signer: HEAD,
            appointment: None,
        }
    }

    fn sighting(log: &LogKey, passed_on: Option<Tag>) -> Sighting {
        let (first, last) = (Timestamp(1), Timestamp(2));
        Sighting { log: log.id(), seqs: vec![1], what: SightingType::Seen, count: 1, first, last, passed_on }
    }

    fn key(author: OrgId, audience: Audience) -> LogKey {
        LogKey { author, audience, incarnation: 1 }
    }

    #[test]
    fn a_sighting_goes_to_the_author_the_very_group_or_its_head_and_nowhere_else() {
        let group = definition(Visibility::Visible);
        let log = key(AUTHOR, Audience::Group(group.group));
        let ask = |group: &Definition, passed_on, audience, us: OrgId| {
            permits_sighting(Some(&Permission::Sighting { log: &log, group: Some(group) }), &sighting(&log, passed_on), &audience, &us)
        };
        let (ours, no) = (Audience::Group(group.group), Err(Withheld::SightingElsewhere));
        for (audience, expected) in [
            (Audience::Direct(AUTHOR), Ok(())),
            (Audience::Direct(HEAD), Ok(())),
            (ours, Ok(())),
            (Audience::Direct(MEMBER), no.clone()),
            (Audience::Group(GroupId([9; 32])), no.clone()),
        ] {
            assert_eq!(ask(&group, None, audience, US), expected, "{audience:?}");
        }
        let hidden = definition(Visibility::Hidden);
        assert_eq!(ask(&hidden, None, ours, US), no, "its head alone would hear it there");
        // A tag is the head's to say, and the author's alone to hear.
        assert_eq!(ask(&group, Some([5; 8]), Audience::Direct(AUTHOR), HEAD), Ok(()));
        assert_eq!(ask(&group, Some([5; 8]), Audience::Direct(AUTHOR), US), no);
        assert_eq!(ask(&group, Some([5; 8]), ours, HEAD), no);
        // What nobody vouches for, and another log than the one that is named.
        assert_eq!(permits_sighting(None, &sighting(&log, None), &Audience::Direct(AUTHOR), &US), no);
        let other = key(AUTHOR, Audience::Direct(US));
        let permission = Permission::Sighting { log: &other, group: None };
        assert_eq!(permits_sighting(Some(&permission), &sighting(&log, None), &Audience::Direct(AUTHOR), &US), no);
        assert_eq!(permits_sighting(Some(&permission), &sighting(&other, None), &Audience::Direct(AUTHOR), &US), Ok(()));
        assert_eq!(permits_sighting(Some(&permission), &sighting(&other, None), &Audience::Direct(HEAD), &US), no);
    }

    #[test]
    fn what_comes_is_of_a_log_that_its_author_may_speak_of() {
        let group = definition(Visibility::Visible);
        let to_group = Audience::Group(group.group);
        let (to_us, about) = (key(MEMBER, Audience::Direct(US)), key(US, to_group));
        let ask = |of: &LogKey, about: &LogKey, passed_on, us: OrgId| heard(&sighting(about, passed_on), of, about, Some(&group), &us);
        assert_eq!(ask(&to_us, &about, None, US), Ok(Heard::Said));
        assert_eq!(ask(&key(MEMBER, to_group), &key(AUTHOR, to_group), None, US), Ok(Heard::Said));
        assert!(ask(&key(MEMBER, to_group), &key(AUTHOR, Audience::Direct(US)), None, US).is_err());
        assert!(ask(&key(MEMBER, to_group), &about, Some([1; 8]), US).is_err());
        // Of ours that it was never told.
        assert!(ask(&to_us, &key(US, Audience::Direct(AUTHOR)), None, US).is_err());
        assert_eq!(ask(&to_us, &key(US, Audience::Direct(MEMBER)), None, US), Ok(Heard::Said));
        assert!(ask(&key(OrgId([8; 32]), Audience::Direct(US)), &about, None, US).is_err(), "no member");
        // Of another's to us: only where we head the group that both are in.
        assert!(ask(&to_us, &key(AUTHOR, to_group), None, US).is_err());
        assert_eq!(ask(&key(MEMBER, Audience::Direct(HEAD)), &key(AUTHOR, to_group), None, HEAD), Ok(Heard::ToPassOn));
        assert!(ask(&key(OrgId([8; 32]), Audience::Direct(HEAD)), &key(AUTHOR, to_group), None, HEAD).is_err(), "no member");
        // For a member speaks the head alone.
        assert_eq!(ask(&key(HEAD, Audience::Direct(US)), &about, Some([1; 8]), US), Ok(Heard::Member(group.group)));
        assert!(ask(&to_us, &about, Some([1; 8]), US).is_err());
        assert!(ask(&key(HEAD, Audience::Direct(US)), &key(US, Audience::Direct(MEMBER)), Some([1; 8]), US).is_err());
    }

    fn word(by: u8, what: SightingType, count: u32, told: u64) -> Word {
        Word { by: Reporter::Org(OrgId([by; 32])), what, count, last: Timestamp(told), told: Timestamp(told) }
    }

    #[test]
    fn the_newest_word_of_each_counts_and_seen_and_false_contradict() {
        use SightingType::{Expired, FalsePositive, Seen};
        let words =
            [word(1, Seen, 3, 10), word(1, Seen, 5, 20), word(2, Seen, 2, 15), word(2, FalsePositive, 1, 30), word(3, Expired, 1, 5)];
        let opinions = Opinions::of(words);
        assert_eq!((opinions.seen, opinions.seen_by.len(), opinions.seen_last), (5, 1, Some(Timestamp(20))));
        assert_eq!((opinions.false_by.len(), opinions.expired_by.len()), (1, 1));
        let again = Opinions::of(words.into_iter().chain([word(2, Seen, 4, 40)]));
        assert_eq!((again.seen, again.false_by.len()), (9, 0), "it has changed its mind");
        let at_once = Opinions::of([word(1, Seen, 1, 5), word(1, FalsePositive, 1, 5)]);
        assert_eq!((at_once.seen, at_once.false_by.len()), (0, 1));
        assert!(Opinions::of([]).is_empty() && !again.is_empty());
    }

    #[test]
    fn a_dispute_takes_two() {
        let opinions = Opinions::of([word(1, SightingType::Seen, 3, 10), word(2, SightingType::FalsePositive, 1, 10)]);
        let mut both = Corroboration::default();
        both.add(Some(OrgId([1; 32])), &opinions);
        both.add(Some(OrgId([3; 32])), &Opinions::default());
        assert_eq!((both.organisations(), both.is_disputed()), (2, true));
        let mut alone = Corroboration::default();
        alone.add(Some(OrgId([2; 32])), &Opinions::of([word(2, SightingType::FalsePositive, 1, 10)]));
        assert!(!alone.is_disputed(), "it doubts its own word");
        let mut gone = Corroboration::default();
        gone.add(None, &Opinions::of([word(2, SightingType::FalsePositive, 1, 10)]));
        assert!(!gone.is_disputed() && gone.organisations() == 0, "nobody says it any more");
    }
}
