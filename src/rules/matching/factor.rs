//! The factors: one function for each thing that is looked at. All numbers are thousandths.

use super::reason::{Reason, Scored, Warning};
use super::work::{self, Fit, With};
use super::{Asked, Ranked, TRACK_MIN, Track};
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
    /// Until somebody must look at it, in milliseconds: who opens before is nearly as good as who is open.
    look_ms: u64,
    /// Until somebody decides whether to take it, in milliseconds.
    decision_ms: u64,
    /// Until a person has opened it, in minutes.
    opened_minutes: u32,
    /// The factors of who opens when somebody must look at it, just after, and when the decision is due or later.
    closed: [u32; 3],
    /// The factor of who does not say when it is open.
    hours_unstated: u32,
    /// The factors of who begins within hours, days, a week and weeks.
    begins: [u32; 4],
    /// The factor of who does not say how soon it begins.
    intake_unstated: u32,
}

/// As the default timers of a referral.
const EMERGENCY: Pace = Pace {
    look_ms: 2 * HOUR,
    decision_ms: 24 * HOUR,
    opened_minutes: 60,
    closed: [920, 240, 160],
    hours_unstated: 550,
    begins: [1_000, 200, 140, 100],
    intake_unstated: 750,
};
const URGENT: Pace = Pace {
    look_ms: 24 * HOUR,
    decision_ms: 72 * HOUR,
    opened_minutes: 4 * 60,
    closed: [960, 820, 750],
    hours_unstated: 930,
    begins: [1_000, 970, 720, 550],
    intake_unstated: 930,
};
const NORMAL: Pace = Pace {
    look_ms: 3 * 24 * HOUR,
    decision_ms: 5 * 24 * HOUR,
    opened_minutes: 24 * 60,
    closed: [990, 970, 950],
    hours_unstated: 970,
    begins: [1_000, 1_000, 960, 850],
    intake_unstated: 950,
};

const INTAKE: [&str; 4] = ["within_hours", "within_days", "within_a_week", "within_weeks"];
const CAPACITY: [(&str, u32); 5] = [("under_1h", 920), ("2_4h", 960), ("5_10h", 975), ("10_20h", 990), ("over_20h", 1_000)];
/// Who has less than an hour a week cannot take a case over.
const TOO_LITTLE: u32 = 600;

/// So far from one factor down to another as a time is of a whole.
fn between(from: u32, to: u32, time: u64, of: u64) -> u32 {
    from - ((u64::from(from - to) * time.min(of)) / of.max(1)) as u32
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
        let mut does = Vec::new();
        for (at, (work, fit)) in work::fits(self.need, profile).into_iter().enumerate() {
            let is_main = at == 0;
            match (fit, is_main) {
                (Fit::Core, _) => does.push(work),
                (Fit::Edge, _) => tally.reason(if is_main { 700 } else { 940 }, Reason::DoesNear(work)),
                (Fit::Unstated, true) => tally.warning(400, Warning::Unstated(Field::Services)),
                (Fit::Unstated, false) => {}
                (Fit::Not, _) => tally.warning(if is_main { 50 } else { 860 }, Warning::DoesNot(work)),
            }
        }
        if !does.is_empty() {
            tally.reason(1_000, Reason::Does(does));
        }
        if let Some(focus) = work::focus(self.need, profile) {
            let permille = 900 + focus / 10;
            if focus < 500 {
                tally.warning(permille, Warning::Generalist);
            } else {
                tally.reason(permille, Reason::Specialist);
            }
        }
        if work::wants(self.need, "forensic_analysis") {
            match profile.forensic_level.as_ref().map(|level| (level, level.as_str())) {
                Some((_, "none")) => tally.warning(800, Warning::DoesNotExamine),
                Some((level, "full_lab")) => tally.reason(1_000, Reason::Examines(level.clone())),
                Some((level, "partner_lab")) => tally.reason(960, Reason::Examines(level.clone())),
                Some((level, "triage")) => tally.reason(960, Reason::Examines(level.clone())),
                Some((level, _)) => tally.warning(960, Warning::Unknown(Field::ForensicLevel, level.clone())),
                None => tally.warning(960, Warning::Unstated(Field::ForensicLevel)),
            }
        }
    }

    pub(super) fn types(&self, profile: &Profile, tally: &mut Tally) {
        let Some(main) = self.need.incident_types.first() else { return };
        if profile.incident_types.is_empty() {
            return tally.warning(920, Warning::Unstated(Field::IncidentTypes));
        }
        let wanted = self.need.incident_types.iter();
        let (takes, does_not): (Vec<Code>, Vec<Code>) = wanted.cloned().partition(|kind| profile.incident_types.contains(kind));
        let near = self.related.get(main).and_then(|others| others.intersection(&profile.incident_types).next());
        match (takes.contains(main), near) {
            (true, _) => {}
            (false, Some(near)) => tally.reason(850, Reason::TakesRelated(near.clone())),
            (false, None) => tally.warning(780, Warning::DoesNotTake(vec![main.clone()])),
        }
        let others: Vec<Code> = does_not.into_iter().filter(|kind| kind != main).collect();
        if !others.is_empty() {
            tally.warning(960, Warning::DoesNotTake(others));
        }
        if !takes.is_empty() {
            tally.reason(1_000, Reason::Takes(takes));
        }
    }

    pub(super) fn beneficiary(&self, profile: &Profile, tally: &mut Tally) {
        // Who is not said to be anybody is for everybody.
        let Some(wanted) = self.need.beneficiary.as_ref().filter(|one| !matches!(one.as_str(), "other" | "undisclosed")) else { return };
        match (profile.beneficiaries.is_empty(), profile.beneficiaries.contains(wanted)) {
            (true, _) => tally.warning(920, Warning::Unstated(Field::Beneficiaries)),
            (false, true) => tally.reason(1_000, Reason::Serves(wanted.clone())),
            // Who serves the person will hear their family.
            (false, false) if wanted.as_str() == "family_or_close_contact" => tally.warning(600, Warning::DoesNotServe(wanted.clone())),
            (false, false) => tally.warning(200, Warning::DoesNotServe(wanted.clone())),
        }
    }

    pub(super) fn region(&self, profile: &Profile, tally: &mut Tally) {
        let Some(wanted) = &self.region else { return };
        let excluded = self.countries.intersection(&profile.countries_excluded).count();
        if self.need.country.is_none() && excluded > 0 {
            tally.warning(1_000 - (200 * excluded / self.countries.len().max(1)) as u32, Warning::ExcludesSome(excluded));
        }
        let (missed, unstated, everywhere) = match work::with(self.need) {
            With::Person => (150, 880, 900),
            With::Context => (150, 880, 780),
            With::Thing => (700, 950, 960),
        };
        match (profile.takes_from(wanted), profile.regions.contains(wanted)) {
            (None, _) => tally.warning(unstated, Warning::Unstated(Field::Regions)),
            (Some(true), true) => tally.reason(1_000, Reason::Covers(wanted.clone())),
            (Some(true), false) => tally.reason(everywhere, Reason::CoversAll),
            (Some(false), _) => tally.warning(missed, Warning::DoesNotCover(wanted.clone())),
        }
    }

    pub(super) fn language(&self, profile: &Profile, tally: &mut Tally) {
        if self.need.languages.is_empty() {
            return;
        }
        let (missed, unstated, second, interpreter, working) = match work::with(self.need) {
            With::Person => (150, 750, 850, 780, 970),
            With::Context => (150, 750, 720, 780, 970),
            With::Thing => (780, 920, 940, 900, 985),
        };
        if profile.languages.is_empty() {
            return tally.warning(unstated, Warning::Unstated(Field::Languages));
        }
        let mut best: Option<(u32, _, _)> = None;
        for (at, wanted) in self.need.languages.iter().enumerate() {
            for (tag, level) in &profile.languages {
                let Some(nearness) = wanted.nearness(tag) else { continue };
                let near = match nearness {
                    Nearness::Same => 1_000,
                    Nearness::Variety => 990,
                    Nearness::Member => 850,
                };
                let well = match level.as_ref().map(Code::as_str) {
                    Some("native") => 1_000,
                    Some("interpreter") => interpreter,
                    _ => working,
                };
                // What comes later is what the person speaks less well.
                let order = if at == 0 { 1_000 } else { second };
                let permille = near * well / 1_000 * order / 1_000;
                if best.as_ref().is_none_or(|(than, ..)| *than < permille) {
                    best = Some((permille, tag, level));
                }
            }
        }
        match best {
            None => tally.warning(missed, Warning::DoesNotSpeak),
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
            return match open < HOUR && pace.look_ms <= EMERGENCY.look_ms {
                true => tally.warning(970, Warning::Closes(open / MINUTE)),
                false => tally.reason(1_000, Reason::Open),
            };
        }
        match hours.after(at, 0).map(|opens| opens.since(at)) {
            None => tally.warning(pace.closed[2], Warning::NeverOpens),
            Some(wait) if wait <= pace.look_ms => {
                let permille = between(1_000, pace.closed[0], wait, pace.look_ms);
                tally.reason(permille, Reason::Opens(wait / MINUTE));
            }
            Some(wait) => {
                let permille = between(pace.closed[1], pace.closed[2], wait - pace.look_ms, pace.decision_ms - pace.look_ms);
                tally.warning(permille, Warning::OpensLate(wait / MINUTE));
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
        let Some(band) = &profile.capacity else { return tally.warning(965, Warning::Unstated(Field::Capacity)) };
        if band.as_str() == "under_1h" && work::wants(self.need, "take_over") {
            return tally.warning(TOO_LITTLE, Warning::HasLittleTime(band.clone()));
        }
        match CAPACITY.iter().find(|(one, _)| *one == band.as_str()) {
            None => tally.warning(965, Warning::Unknown(Field::Capacity, band.clone())),
            Some((_, permille @ 950..)) => tally.reason(*permille, Reason::HasTime(band.clone())),
            Some((_, permille)) => tally.warning(*permille, Warning::HasLittleTime(band.clone())),
        }
    }

    pub(super) fn response(&self, profile: &Profile, tally: &mut Tally) {
        let due = self.pace().opened_minutes;
        match self.need.priority.as_ref().and_then(|priority| profile.responses.get(priority)).copied() {
            None => tally.warning(970, Warning::Unstated(Field::Responses)),
            Some(minutes) if minutes <= due => tally.reason(1_000, Reason::Responds(minutes)),
            Some(minutes) => tally.warning(if minutes <= due * 4 { 970 } else { 900 }, Warning::RespondsLate(minutes)),
        }
    }

    pub(super) fn platforms(&self, profile: &Profile, tally: &mut Tally) {
        let wanted = &self.need.platforms;
        if wanted.is_empty() {
            return;
        }
        // Where nobody is to be asked there, that the platform is involved says little.
        let (missed, unstated) = match (work::wants(self.need, "platform_escalation"), work::asks_platforms(self.need)) {
            (true, _) => (250, 800),
            (false, true) => (800, 930),
            (false, false) => (990, 995),
        };
        if profile.platform_channels.is_empty() {
            return tally.warning(unstated, Warning::Unstated(Field::PlatformChannels));
        }
        let reaches: Vec<Code> = wanted.intersection(&profile.platform_channels).cloned().collect();
        let does_not: Vec<Code> = wanted.difference(&profile.platform_channels).cloned().collect();
        if !does_not.is_empty() {
            let permille = missed + (1_000 - missed) * reaches.len() as u32 / wanted.len() as u32;
            tally.warning(permille, Warning::DoesNotReach(does_not));
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
    let days = now.since(profile.confirmed) / (24 * HOUR);
    if profile.is_stale(now) {
        tally.warning(if days <= 90 { 850 } else { 700 }, Warning::Stale(days));
    }
}
