//! What a call for help has come to: whether it is open, and who volunteers. A pure fold over what stands in the logs: the order in which it came decides
//! nothing.

use crate::model::call::{Call, OPEN_MS_MAX, Volunteer};
use crate::model::desk::Role;
use crate::model::{CallId, GroupId, OrgId, Priority, Timestamp};
use std::collections::BTreeMap;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Something that stands in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<T> {
    /// Who says it.
    pub author: OrgId,
    /// Incarnation and position: what an author said first has the lower one.
    pub place: (u64, u64),
    /// When it came here, or, of ours, was written.
    pub at: Timestamp,
    /// Why it was taken back, where it was.
    pub gone: Option<String>,
    /// What is said.
    pub what: T,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Somebody is looked for.
    Open,
    /// Its author has chosen somebody.
    Chosen,
    /// Its author looks for nobody any more.
    Closed,
    /// Nobody was chosen in time.
    Expired,
}

impl State {
    /// As people and programs read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Chosen => "chosen",
            Self::Closed => "closed",
            Self::Expired => "expired",
        }
    }

    /// The reason with which a call that ended so is withdrawn.
    pub const fn reason(self) -> &'static str {
        self.name()
    }

    /// What a withdrawal with that reason says. Other words are nobody's to read: it is closed.
    pub fn of_reason(reason: &str) -> Self {
        if reason == Self::Chosen.reason() { Self::Chosen } else { Self::Closed }
    }
}

/// A call, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who calls.
    pub author: OrgId,
    /// The group that is asked.
    pub group: GroupId,
    /// When it came here, or, of ours, was written.
    pub at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// The call.
    pub call: Call,
}

/// When a call ends that is not taken back. Whatever its author says, it is open for 14 days at the most.
pub fn ends_at(call: &Call, at: Timestamp) -> Timestamp {
    call.expires.min(at.plus(OPEN_MS_MAX))
}

/// Where a call stands that was not taken back.
pub fn state_at(call: &Call, at: Timestamp, now: Timestamp) -> State {
    if now < ends_at(call, at) { State::Open } else { State::Expired }
}

/// Every call, in the order of author and place. A call is known by its author and its id: the first that has them counts, and it is over once any is
/// taken back. Of one author as many are open at a time as there is room for; what is more is not heard until another has ended.
pub fn calls(said: Vec<(GroupId, Said<Call>)>, room: impl Fn(&OrgId) -> usize, now: Timestamp) -> Vec<Standing> {
    let mut said = said;
    said.sort_by_key(|(group, one)| (one.author, one.place, *group));
    let mut known: BTreeMap<(OrgId, CallId), usize> = BTreeMap::new();
    let mut all: Vec<Standing> = Vec::new();
    for (group, Said { author, at, gone, what, .. }) in said {
        let state = gone.map_or_else(|| state_at(&what, at, now), |reason| State::of_reason(&reason));
        match known.get(&(author, what.id)).and_then(|place| all.get_mut(*place)) {
            Some(first) if matches!(state, State::Chosen | State::Closed) && matches!(first.state, State::Open | State::Expired) => {
                first.state = state;
            }
            Some(_) => {}
            None => {
                known.insert((author, what.id), all.len());
                all.push(Standing { author, group, at, state, call: what });
            }
        }
    }
    let mut open: BTreeMap<OrgId, usize> = BTreeMap::new();
    all.retain(|one| {
        let many = open.entry(one.author).or_default();
        *many += usize::from(one.state == State::Open);
        one.state != State::Open || *many <= room(&one.author)
    });
    all
}

/// Somebody who would help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Who.
    pub org: OrgId,
    /// When work could begin, where that is said.
    pub start: Option<Timestamp>,
    /// Since when we know.
    pub at: Timestamp,
}

/// Who volunteers for a call of ours: of each the last word that was not taken back, who came first before the others, so many at the most.
pub fn volunteers(id: &CallId, said: &[Said<Volunteer>], most: usize) -> Vec<Offer> {
    let mut last: BTreeMap<OrgId, &Said<Volunteer>> = BTreeMap::new();
    for one in said.iter().filter(|one| one.what.call == *id && one.gone.is_none()) {
        let newest = last.entry(one.author).or_insert(one);
        if newest.place < one.place {
            *newest = one;
        }
    }
    let mut offers: Vec<Offer> = last.into_values().map(|one| Offer { org: one.author, start: one.what.start, at: one.at }).collect();
    offers.sort_by_key(|offer| (offer.at, offer.org));
    offers.truncate(most);
    offers
}

/// What a call of ours waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// That somebody volunteers.
    Volunteer,
    /// That a person here chooses one of those who do.
    Choice,
}

/// After how long, in milliseconds, who here is told that it still waits.
pub const fn ladder(wait: Wait, priority: Priority) -> &'static [(u64, Role)] {
    match (wait, priority) {
        (Wait::Volunteer, Priority::Emergency) => {
            &[(15 * MINUTE_MS, Role::Handler), (30 * MINUTE_MS, Role::Lead), (HOUR_MS, Role::Director)]
        }
        (Wait::Choice, Priority::Emergency) => &[(15 * MINUTE_MS, Role::Handler), (30 * MINUTE_MS, Role::Lead)],
        (Wait::Volunteer, Priority::Urgent) => &[(4 * HOUR_MS, Role::Handler), (DAY_MS, Role::Lead), (2 * DAY_MS, Role::Director)],
        (Wait::Choice, Priority::Urgent) => &[(4 * HOUR_MS, Role::Handler), (DAY_MS, Role::Lead)],
        (_, Priority::Normal) => &[(2 * DAY_MS, Role::Handler), (4 * DAY_MS, Role::Lead)],
    }
}

/// How many rungs of a ladder were reached.
pub fn reached(wait: Wait, priority: Priority, since: Timestamp, now: Timestamp) -> u8 {
    let reached = ladder(wait, priority).iter().filter(|(after, _)| now.since(since) >= *after).count();
    u8::try_from(reached).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::call::tests::call;
    use crate::model::crypto::sha256;

    const OPENED: Timestamp = Timestamp(1_799_900_000_000);
    const GROUP: GroupId = GroupId([9; 32]);

    fn said<T>(author: u8, seq: u64, gone: Option<&str>, what: T) -> Said<T> {
        Said { author: OrgId([author; 32]), place: (1, seq), at: OPENED.plus(seq), gone: gone.map(str::to_owned), what }
    }

    fn numbered(n: u8) -> Call {
        Call { id: CallId([n; 16]), ..call(&["take_over"], Priority::Urgent) }
    }

    fn states(said: &[(GroupId, Said<Call>)], now: Timestamp) -> Vec<State> {
        calls(said.to_vec(), |_| 20, now).iter().map(|one| one.state).collect()
    }

    #[test]
    fn a_call_is_open_until_it_is_taken_back_or_its_time_has_passed() {
        let expires = call(&["take_over"], Priority::Urgent).expires;
        let one = |gone| vec![(GROUP, said(1, 1, gone, numbered(1)))];
        assert_eq!(states(&one(None), OPENED.plus(5)), [State::Open]);
        assert_eq!(states(&one(None), expires), [State::Expired]);
        assert_eq!(states(&one(Some("chosen")), OPENED.plus(5)), [State::Chosen]);
        assert_eq!(states(&one(Some("closed")), expires), [State::Closed]);
        assert_eq!(states(&one(Some("ask Maria")), OPENED.plus(5)), [State::Closed], "words are not read");
        let mut endless = one(None);
        endless[0].1.what.expires = Timestamp(u64::MAX);
        assert_eq!(states(&endless, OPENED.plus(1 + OPEN_MS_MAX)), [State::Expired]);
    }

    #[test]
    fn one_author_has_so_many_open_calls_and_takes_no_place_from_others() {
        let mut all: Vec<_> = (1..=5).map(|n| (GROUP, said(1, u64::from(n), (n == 2).then_some("closed"), numbered(n)))).collect();
        all.push((GROUP, said(2, 1, None, numbered(1))));
        let kept: Vec<(u8, u8)> = calls(all, |_| 3, OPENED.plus(9)).iter().map(|one| (one.author.0[0], one.call.id.0[0])).collect();
        assert_eq!(kept, [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)], "the fifth is one too many");
    }

    #[test]
    fn an_id_belongs_to_its_author_and_counts_once() {
        let all = vec![
            (GROUP, said(1, 1, None, numbered(1))),
            (GROUP, said(1, 7, Some("chosen"), numbered(1))),
            (GROUP, said(2, 1, None, numbered(1))),
        ];
        assert_eq!(states(&all, OPENED.plus(9)), [State::Chosen, State::Open]);
    }

    #[test]
    fn of_each_volunteer_the_last_word_counts_and_what_was_taken_back_does_not() {
        let volunteer = |start: u64| Volunteer { call: CallId([1; 16]), start: Some(Timestamp(start)) };
        let other = Volunteer { call: CallId([2; 16]), start: None };
        let all = [
            said(3, 4, None, volunteer(30)),
            said(2, 2, Some("closed"), volunteer(1)),
            said(2, 5, None, volunteer(20)),
            said(4, 1, Some("closed"), volunteer(40)),
            said(5, 1, None, other),
        ];
        let offers = volunteers(&CallId([1; 16]), &all, 9);
        assert_eq!(offers.iter().map(|one| (one.org.0[0], one.start.unwrap().0)).collect::<Vec<_>>(), [(3, 30), (2, 20)]);
        assert_eq!(volunteers(&CallId([1; 16]), &all, 1).len(), 1);
    }

    /// Every order in which things can come gives the same: a shuffle for each of 500 seeds, doubles included.
    #[test]
    fn the_order_in_which_it_came_decides_nothing() {
        let mut all: Vec<(GroupId, Said<Call>)> = Vec::new();
        let mut offers: Vec<Said<Volunteer>> = Vec::new();
        for n in 1..=8_u8 {
            let gone = [None, Some("chosen"), Some("closed")][usize::from(n % 3)];
            all.push((GROUP, said(n % 3, u64::from(n), gone, numbered(n % 5))));
            offers.push(said(n % 4, u64::from(n), gone.filter(|_| n % 2 == 0), Volunteer { call: CallId([n % 2; 16]), start: None }));
        }
        let now = OPENED.plus(50);
        let expected = (calls(all.clone(), |_| 2, now), volunteers(&CallId([1; 16]), &offers, 9));
        for seed in 0_u64..500 {
            let key = |place: usize| sha256(&[&seed.to_be_bytes(), &place.to_be_bytes()]);
            let mut order: Vec<usize> = (0..8).collect();
            order.sort_by_key(|place| key(*place));
            order.push(order[0]);
            let shuffled = order.iter().map(|place| all[*place].clone()).collect();
            let told: Vec<_> = order.iter().map(|place| offers[*place].clone()).collect();
            assert_eq!((calls(shuffled, |_| 2, now), volunteers(&CallId([1; 16]), &told, 9)), expected, "seed {seed}");
        }
    }

    #[test]
    fn a_ladder_climbs_and_ends_before_the_call_does() {
        for priority in Priority::ALL {
            for wait in [Wait::Volunteer, Wait::Choice] {
                let rungs = ladder(wait, priority);
                assert!(rungs.is_sorted_by_key(|(after, _)| *after));
                assert!(rungs.iter().all(|(after, _)| *after < Call::open_ms(priority)));
                let at = |after: u64| reached(wait, priority, OPENED, OPENED.plus(after));
                assert_eq!((at(0), at(rungs[0].0 - 1), at(rungs[0].0)), (0, 0, 1));
                assert_eq!(usize::from(at(Call::open_ms(priority))), rungs.len());
            }
        }
    }
}
