//! The factors: one function for each thing that is looked at. All numbers are thousandths.

use super::reason::{Reason, Scored, Warning};
use super::{Asked, Ranked, TRACK_MIN, Track, work};
use crate::model::language::Nearness;
use crate::model::profile::{Field, Profile};
use crate::model::vocabulary::Code;
use crate::model::{OrgId, Timestamp};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// A score as it grows smaller, and why.
#[derive(Default)]
pub(super) struct Tally {
    reasons: Vec<Scored<Reason>>,
    warnings: Vec<Scored<Warning>>,
}

impl Tally {
    fn reason(&mut self, permille: u32, what: Reason) {
        self.reasons.push(Scored { what, permille });
    }

    fn warning(&mut self, permille: u32, what: Warning) {
        self.warnings.push(Scored { what, permille });
    }

    /// The product of all factors, in 10^-15.
    pub(super) fn value(&self) -> u64 {
        let factors = self.reasons.iter().map(|one| one.permille).chain(self.warnings.iter().map(|one| one.permille));
        factors.fold(1_000_000_000_000_000, |value, permille| value / 1_000 * u64::from(permille))
    }

    pub(super) fn ranked(self, org: OrgId) -> Ranked {
        Ranked { org, score: (self.value() / 1_000_000_000_000).min(1_000) as u32, reasons: self.reasons, warnings: self.warnings }
    }
}

/// How soon something is to happen, by the case's priority.
struct Pace {
    /// Until somebody decides whether to take it, in milliseconds.
    decision_ms: u64,
    /// Until a person has opened it, in minutes.
    opened_minutes: u32,
    /// The factor of who opens only after the decision is due.
    closed: u32,
    /// The factor of who does not say when it is open.
    hours_unstated: u32,
    /// The factors of who begins within hours, days, a week and weeks.
    begins: [u32; 4],
    /// The factor of who does not say how soon it begins.
    intake_unstated: u32,
}

/// As the default timers of a referral.
const EMERGENCY: Pace = Pace {
    decision_ms: 4 * HOUR,
    opened_minutes: 60,
    closed: 300,
    hours_unstated: 800,
    begins: [1_000, 700, 450, 350],
    intake_unstated: 850,
};
const URGENT: Pace = Pace {
    decision_ms: 24 * HOUR,
    opened_minutes: 4 * 60,
    closed: 550,
    hours_unstated: 900,
    begins: [1_000, 950, 700, 500],
    intake_unstated: 900,
};
const NORMAL: Pace = Pace {
    decision_ms: 5 * 24 * HOUR,
    opened_minutes: 24 * 60,
    closed: 880,
    hours_unstated: 970,
    begins: [1_000, 1_000, 970, 850],
    intake_unstated: 970,
};

const INTAKE: [&str; 4] = ["within_hours", "within_days", "within_a_week", "within_weeks"];
const CAPACITY: [(&str, u32); 5] = [("under_1h", 750), ("2_4h", 850), ("5_10h", 930), ("10_20h", 970), ("over_20h", 1_000)];

/// Part of the way from one factor to 1.
const fn part(missed: u32, met: usize, of: usize) -> u32 {
    missed + (1_000 - missed) * met as u32 / of as u32
}

impl Asked<'_> {
    fn pace(&self) -> &'static Pace {
        match self.need.priority.as_ref().map(Code::as_str) {
            Some("emergency") => &EMERGENCY,
            Some("normal") => &NORMAL,
            _ => &URGENT,
        }
    }

    pub(super) fn work(&self, profile: &Profile, tally: &mut Tally) {
        let done = work::done(self.need, profile);
        let of = |wanted: bool| done.iter().filter(|(_, does)| *does == wanted).map(|(work, _)| work.clone()).collect::<Vec<_>>();
        let (does, does_not) = (of(true), of(false));
        match (does.is_empty(), does_not.is_empty()) {
            (true, true) => {}
            (true, false) if profile.services.is_empty() => tally.warning(600, Warning::Unstated(Field::Services)),
            (_, false) => {
                tally.warning(part(300, does.len(), done.len()), Warning::DoesNot(does_not));
                if !does.is_empty() {
                    tally.reason(1_000, Reason::Does(does));
                }
            }
            (false, true) => tally.reason(1_000, Reason::Does(does)),
        }
        if work::wants(self.need, "forensic_analysis") {
            match profile.forensic_level.as_ref().map(|level| (level, level.as_str())) {
                Some((_, "none")) => tally.warning(350, Warning::DoesNotExamine),
                Some((level, "full_lab")) => tally.reason(1_000, Reason::Examines(level.clone())),
                Some((level, "partner_lab")) => tally.reason(940, Reason::Examines(level.clone())),
                Some((level, "triage")) => tally.reason(850, Reason::Examines(level.clone())),
                Some((level, _)) => tally.warning(850, Warning::Unknown(Field::ForensicLevel, level.clone())),
                None => tally.warning(850, Warning::Unstated(Field::ForensicLevel)),
            }
        }
    }

    pub(super) fn types(&self, profile: &Profile, tally: &mut Tally) {
        let wanted = &self.need.incident_types;
        if wanted.is_empty() {
            return;
        }
        if profile.incident_types.is_empty() {
            return tally.warning(650, Warning::Unstated(Field::IncidentTypes));
        }
        let (mut takes, mut related, mut does_not) = (Vec::new(), Vec::new(), Vec::new());
        for kind in wanted {
            let near = self.related.get(kind).and_then(|others| others.intersection(&profile.incident_types).next());
            match (profile.incident_types.contains(kind), near) {
                (true, _) => takes.push(kind.clone()),
                (false, Some(near)) => related.push(near.clone()),
                (false, None) => does_not.push(kind.clone()),
            }
        }
        let permille = part(300, 2 * takes.len() + related.len(), 2 * wanted.len());
        let has_missed = !does_not.is_empty();
        let first = if has_missed { 1_000 } else { permille };
        if has_missed {
            tally.warning(permille, Warning::DoesNotTake(does_not));
        }
        match related.into_iter().next() {
            Some(near) => {
                tally.reason(first, Reason::TakesRelated(near));
                if !takes.is_empty() {
                    tally.reason(1_000, Reason::Takes(takes));
                }
            }
            None if !takes.is_empty() => tally.reason(first, Reason::Takes(takes)),
            None => {}
        }
    }

    pub(super) fn beneficiary(&self, profile: &Profile, tally: &mut Tally) {
        // Who is not said to be anybody is for everybody.
        let Some(wanted) = self.need.beneficiary.as_ref().filter(|one| !matches!(one.as_str(), "other" | "undisclosed")) else { return };
        match (profile.beneficiaries.is_empty(), profile.beneficiaries.contains(wanted)) {
            (true, _) => tally.warning(750, Warning::Unstated(Field::Beneficiaries)),
            (false, true) => tally.reason(1_000, Reason::Serves(wanted.clone())),
            (false, false) => tally.warning(350, Warning::DoesNotServe(wanted.clone())),
        }
    }

    pub(super) fn region(&self, profile: &Profile, tally: &mut Tally) {
        let Some(wanted) = &self.region else { return };
        let excluded = self.countries.intersection(&profile.countries_excluded).count();
        if self.need.country.is_none() && excluded > 0 {
            tally.warning(1_000 - (200 * excluded / self.countries.len().max(1)) as u32, Warning::ExcludesSome(excluded));
        }
        match (profile.takes_from(wanted), profile.regions.contains(wanted)) {
            (None, _) => tally.warning(600, Warning::Unstated(Field::Regions)),
            (Some(true), true) => tally.reason(1_000, Reason::Covers(wanted.clone())),
            (Some(true), false) => tally.reason(920, Reason::CoversAll),
            (Some(false), _) => tally.warning(200, Warning::DoesNotCover(wanted.clone())),
        }
    }

    pub(super) fn language(&self, profile: &Profile, tally: &mut Tally) {
        if self.need.languages.is_empty() {
            return;
        }
        if profile.languages.is_empty() {
            return tally.warning(600, Warning::Unstated(Field::Languages));
        }
        let mut best: Option<(u32, _, _)> = None;
        for (at, wanted) in self.need.languages.iter().enumerate() {
            for (tag, level) in &profile.languages {
                let Some(nearness) = wanted.nearness(tag) else { continue };
                let near = match nearness {
                    Nearness::Same => 1_000,
                    Nearness::Variety => 970,
                    Nearness::Member => 850,
                };
                let well = match level.as_ref().map(Code::as_str) {
                    Some("native") => 1_000,
                    Some("working") => 930,
                    Some("interpreter") => 750,
                    _ => 920,
                };
                // What comes later is what the person speaks less well.
                let permille = near * well / 1_000 * (1_000 - 30 * at.min(5) as u32) / 1_000;
                if best.as_ref().is_none_or(|(than, ..)| *than < permille) {
                    best = Some((permille, tag, level));
                }
            }
        }
        match best {
            None => tally.warning(200, Warning::DoesNotSpeak),
            Some((permille, tag, Some(level))) if level.as_str() == "interpreter" => {
                tally.warning(permille, Warning::Interpreter(tag.clone()));
            }
            Some((permille, tag, level)) => tally.reason(permille, Reason::Speaks(tag.clone(), level.clone())),
        }
    }

    pub(super) fn open(&self, profile: &Profile, tally: &mut Tally) {
        let (pace, at) = (self.pace(), self.need.at);
        let Some(hours) = &profile.hours else { return tally.warning(pace.hours_unstated, Warning::Unstated(Field::Hours)) };
        if hours.is_open(at) {
            let open = hours.open_between(at, at.plus(HOUR));
            return match open < HOUR && pace.decision_ms <= EMERGENCY.decision_ms {
                true => tally.warning(900, Warning::Closes(open / MINUTE)),
                false => tally.reason(1_000, Reason::Open),
            };
        }
        match hours.after(at, 0).map(|opens| opens.since(at)) {
            None => tally.warning(pace.closed, Warning::NeverOpens),
            Some(wait) => {
                let of_time = (wait.min(pace.decision_ms) * 1_000 / pace.decision_ms) as u32;
                let permille = 1_000 - (1_000 - pace.closed) * of_time / 1_000;
                match wait <= pace.decision_ms / 2 {
                    true => tally.reason(permille, Reason::Opens(wait / MINUTE)),
                    false => tally.warning(permille, Warning::OpensLate(wait / MINUTE)),
                }
            }
        }
    }

    pub(super) fn intake(&self, profile: &Profile, tally: &mut Tally) {
        let pace = self.pace();
        let Some(intake) = &profile.intake else { return tally.warning(pace.intake_unstated, Warning::Unstated(Field::Intake)) };
        match INTAKE.iter().position(|one| *one == intake.as_str()).map(|at| pace.begins[at]) {
            None => tally.warning(pace.intake_unstated, Warning::Unknown(Field::Intake, intake.clone())),
            Some(permille @ 900..) => tally.reason(permille, Reason::Begins(intake.clone())),
            Some(permille) => tally.warning(permille, Warning::BeginsLate(intake.clone())),
        }
    }

    pub(super) fn capacity(&self, profile: &Profile, tally: &mut Tally) {
        let Some(band) = &profile.capacity else { return tally.warning(930, Warning::Unstated(Field::Capacity)) };
        match CAPACITY.iter().find(|(one, _)| *one == band.as_str()) {
            None => tally.warning(930, Warning::Unknown(Field::Capacity, band.clone())),
            Some((_, permille @ 900..)) => tally.reason(*permille, Reason::HasTime(band.clone())),
            Some((_, permille)) => tally.warning(*permille, Warning::HasLittleTime(band.clone())),
        }
    }

    pub(super) fn response(&self, profile: &Profile, tally: &mut Tally) {
        let due = self.pace().opened_minutes;
        match self.need.priority.as_ref().and_then(|priority| profile.responses.get(priority)).copied() {
            None => tally.warning(960, Warning::Unstated(Field::Responses)),
            Some(minutes) if minutes <= due => tally.reason(1_000, Reason::Responds(minutes)),
            Some(minutes) => tally.warning(if minutes <= due * 4 { 920 } else { 850 }, Warning::RespondsLate(minutes)),
        }
    }

    pub(super) fn platforms(&self, profile: &Profile, tally: &mut Tally) {
        let wanted = &self.need.platforms;
        if wanted.is_empty() {
            return;
        }
        // Where nobody is to be asked there, that the platform is involved says little.
        let (missed, unstated) = if work::wants(self.need, "platform_escalation") { (400, 800) } else { (900, 960) };
        if profile.platform_channels.is_empty() {
            return tally.warning(unstated, Warning::Unstated(Field::PlatformChannels));
        }
        let reaches: Vec<Code> = wanted.intersection(&profile.platform_channels).cloned().collect();
        let does_not: Vec<Code> = wanted.difference(&profile.platform_channels).cloned().collect();
        if !does_not.is_empty() {
            tally.warning(part(missed, reaches.len(), wanted.len()), Warning::DoesNotReach(does_not));
        }
        if !reaches.is_empty() {
            tally.reason(1_000, Reason::Reaches(reaches));
        }
    }

    pub(super) fn track(&self, track: Option<Track>, tally: &mut Tally) {
        // Too few cases say nothing.
        let Some(track) = track.filter(|track| track.cases >= TRACK_MIN) else { return };
        let accepted = u64::from(track.accepted.min(track.cases)) * 100 / u64::from(track.cases);
        let minutes = track.acknowledged_ms / MINUTE;
        let is_slow = minutes > u64::from(self.pace().opened_minutes);
        let permille = 960 + 80 * accepted as u32 / 100 - if is_slow { 20 } else { 0 };
        tally.reason(permille, Reason::Track { cases: track.cases, accepted: accepted as u32, minutes });
    }
}

/// How long ago somebody has confirmed the profile.
pub(super) fn confirmed(profile: &Profile, now: Timestamp, tally: &mut Tally) {
    if profile.is_stale(now) {
        tally.warning(800, Warning::Stale(now.since(profile.confirmed) / (24 * HOUR)));
    }
}
