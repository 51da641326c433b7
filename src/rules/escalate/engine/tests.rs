use super::*;
use crate::rules::referral::{Message, Progress, Step, standing};

const PEER: OrgId = OrgId([2; 32]);
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A node whose wall clock is right until it is stepped.
struct Desk {
    engine: Engine,
    case: Case,
    now: Moment,
    logs: [Vec<Message>; 2],
}

impl Desk {
    fn new(side: Side, priority: Priority, desks: Desks, now: &str) -> Self {
        let now = Moment { wall: at(now), monotonic_ms: 7 };
        let case = Case { referral: [1; 16], side, priority, peer: PEER, retention: Timestamp(0), beside: Beside::default() };
        Self { engine: Engine::load(Timetable::default(), desks, [], now), case, now, logs: Default::default() }
    }

    fn says(&mut self, side: Side, step: Step) -> &mut Self {
        let seen = self.logs[1 - side as usize].len() as u64;
        self.logs[side as usize].push(Message { seen, step });
        let known = standing(&self.logs[0], &self.logs[1]);
        assert_eq!(known.illegal, []);
        self.engine.align(&self.case, &known, self.now);
        self
    }

    fn pass(&mut self, milliseconds: u64) -> Vec<(Wait, u8, Act)> {
        self.now.monotonic_ms += milliseconds;
        self.step(milliseconds as i64);
        self.fired()
    }

    fn step(&mut self, milliseconds: i64) {
        self.now.wall = Timestamp(self.now.wall.0.saturating_add_signed(milliseconds));
    }

    fn fired(&mut self) -> Vec<(Wait, u8, Act)> {
        self.engine.look(self.now).into_iter().map(|one| (one.wait, u8::try_from(one.rung).expect("few"), one.act)).collect()
    }

    /// The process dies and comes back after so long, with what was written.
    fn restart(&mut self, milliseconds: u64) {
        let rows: Vec<Watch> = self.engine.running().map(|(watch, _)| watch.clone()).collect();
        let rows = rows.iter().map(|row| serde_json::from_str::<Watch>(&serde_json::to_string(row).unwrap()).unwrap());
        self.now = Moment { wall: self.now.wall.plus(milliseconds), monotonic_ms: 3 };
        self.engine = Engine::load(self.engine.timetable.clone(), self.engine.desks.clone(), rows, self.now);
    }
}

fn emergency() -> Desk {
    let mut desk = Desk::new(Side::Origin, Priority::Emergency, Desks::default(), "2026-11-27T22:00:00Z");
    desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Receipt);
    desk
}

#[test]
fn an_emergency_goes_up_the_ladder_at_60_90_and_120_minutes() {
    let mut desk = emergency();
    assert_eq!(desk.pass(60 * MINUTE - 1), []);
    assert_eq!(desk.pass(1), [(Wait::Acknowledgement, 0, Act::TellLeads)]);
    assert_eq!(desk.pass(30 * MINUTE), [(Wait::Acknowledgement, 1, Act::TellDirector)]);
    assert_eq!(desk.pass(30 * MINUTE), [(Wait::Acknowledgement, 2, Act::OfferNext)]);
    assert_eq!(desk.pass(12 * HOUR - 1), []);
    assert_eq!(desk.pass(1), [(Wait::Acknowledgement, 3, Act::TellDirector)], "nobody has answered, so it is told again");
    assert_eq!(desk.pass(12 * HOUR), [(Wait::Acknowledgement, 4, Act::TellDirector)]);
    assert_eq!(desk.pass(40 * HOUR), [(Wait::Acknowledgement, 7, Act::TellDirector)], "of those that were missed the last one alone");
    assert_eq!(desk.pass(8 * HOUR), [(Wait::Acknowledgement, 8, Act::TellDirector)]);
    desk.says(Side::Receiver, Step::Acknowledge);
    assert!(desk.pass(12 * HOUR).iter().all(|(wait, ..)| *wait != Wait::Acknowledgement), "somebody has opened it");
    let mut seen_in_time = emergency();
    seen_in_time.pass(59 * MINUTE);
    seen_in_time.says(Side::Receiver, Step::Acknowledge);
    assert_eq!(seen_in_time.pass(60 * MINUTE), [], "somebody has opened it");
}

#[test]
fn what_became_due_while_the_node_was_down_is_done_once_with_one_notice() {
    let mut desk = emergency();
    desk.restart(5 * HOUR);
    let fired = desk.engine.look(desk.now);
    let told: Vec<_> = fired.iter().map(|one| (one.act, one.late, one.notify)).collect();
    assert_eq!(told, [(Act::TellLeads, true, false), (Act::TellDirector, true, false), (Act::OfferNext, true, true)]);
    desk.restart(MINUTE);
    assert_eq!(desk.fired(), [], "nor after another restart");
}

#[test]
fn a_notice_has_the_same_id_when_it_is_told_again() {
    let (mut desk, mut other) = (emergency(), emergency());
    let id = |desk: &mut Desk| desk.engine.look(desk.now).into_iter().map(|one| one.notice_id).collect::<Vec<_>>();
    desk.restart(2 * HOUR);
    other.restart(3 * HOUR);
    let (one, again) = (id(&mut desk), id(&mut other));
    assert!(one == again && one.len() == 3 && one[0] != one[1] && one[1] != one[2]);
}

#[test]
fn a_step_of_the_wall_clock_moves_no_rung() {
    for by in [600_000_i64, -600_000, 40 * 365 * 24 * HOUR as i64] {
        let mut desk = emergency();
        assert_eq!(desk.pass(55 * MINUTE), []);
        desk.step(by);
        assert_eq!(desk.fired(), [], "{by}");
        assert_eq!(desk.pass(5 * MINUTE - 1), [], "{by}");
        assert_eq!(desk.pass(1).len(), 1, "{by}");
        desk.step(-by);
        desk.fired();
        desk.restart(29 * MINUTE);
        assert_eq!(desk.fired(), [], "{by}");
        assert_eq!(desk.pass(MINUTE), [(Wait::Acknowledgement, 1, Act::TellDirector)], "{by}");
    }
}

#[test]
fn urgent_ones_wait_for_the_receivers_hours_and_emergencies_do_not() {
    let beirut = Hours::new("Asia/Beirut", &["mon-fri 09:00-17:00".to_owned()], &[]).unwrap();
    let at_origin = Desks { own: None, peers: [(PEER, beirut.clone())].into() };
    let at_receiver = Desks { own: Some(beirut), peers: BTreeMap::new() };
    // Friday, an hour before they close.
    for (side, desks) in [(Side::Origin, at_origin), (Side::Receiver, at_receiver)] {
        let due = |priority| {
            let mut desk = Desk::new(side, priority, desks.clone(), "2026-11-27T14:00:00Z");
            desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Receipt);
            desk.engine.next_due().unwrap()
        };
        assert_eq!(due(Priority::Emergency), at("2026-11-27T15:00:00Z"));
        assert_eq!(due(Priority::Urgent), at("2026-11-30T09:00:00Z"), "an hour on Friday, two on Monday");
        assert_eq!(due(Priority::Normal), at("2026-11-30T14:00:00Z"), "a day of theirs");
    }
}

#[test]
fn a_desk_that_is_hardly_ever_open_stops_no_clock() {
    let never = Hours::new("UTC", &["mon 00:00-00:01".to_owned()], &[]).unwrap();
    let mut desk = Desk::new(Side::Origin, Priority::Urgent, Desks { own: None, peers: [(PEER, never)].into() }, "2026-11-27T00:00:00Z");
    desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Receipt);
    assert_eq!(desk.engine.next_due(), Some(at("2026-12-25T03:00:00Z")), "three hours and four weeks");
}

#[test]
fn a_question_stops_the_decision_for_a_while_only() {
    let mut desk = Desk::new(Side::Receiver, Priority::Emergency, Desks::default(), "2026-11-27T00:00:00Z");
    desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Acknowledge);
    desk.pass(HOUR);
    desk.says(Side::Receiver, Step::Ask);
    let decision = |desk: &Desk| desk.engine.running().find(|(watch, _)| watch.wait == Wait::Decision).unwrap().1;
    assert_eq!(decision(&desk), Some(at("2026-11-27T05:00:00Z")), "two hours are left, and it waits for two at most");
    desk.pass(HOUR);
    desk.says(Side::Origin, Step::Answer(2));
    assert_eq!(decision(&desk), Some(at("2026-11-27T04:00:00Z")), "it waited for one");
    desk.says(Side::Receiver, Step::Ask);
    assert_eq!(decision(&desk), Some(at("2026-11-27T05:00:00Z")), "one is left");
    desk.pass(90 * MINUTE);
    desk.step(-600_000);
    desk.fired();
    assert_eq!(decision(&desk), Some(at("2026-11-27T04:50:00Z")), "the same moment by a clock that was stepped");
}

#[test]
fn a_report_begins_silence_anew_and_nothing_else_does() {
    let mut desk = Desk::new(Side::Origin, Priority::Emergency, Desks::default(), "2026-11-27T00:00:00Z");
    desk.says(Side::Origin, Step::Offer).says(Side::Receiver, Step::Acknowledge).says(Side::Receiver, Step::Accept);
    desk.says(Side::Origin, Step::Confirm(2)).says(Side::Receiver, Step::Seen);
    let started = |desk: &Desk, wait| desk.engine.running().find(|(watch, _)| watch.wait == wait).map(|(watch, _)| watch.started);
    desk.pass(HOUR);
    desk.says(Side::Origin, Step::Contact);
    assert_eq!(started(&desk, Wait::Silence), Some(at("2026-11-27T00:00:00Z")));
    assert_eq!(started(&desk, Wait::FirstAction), Some(at("2026-11-27T00:00:00Z")));
    desk.says(Side::Receiver, Step::Progress(Progress::Working));
    assert_eq!((started(&desk, Wait::Silence), started(&desk, Wait::FirstAction)), (Some(at("2026-11-27T01:00:00Z")), None));
}

#[test]
fn what_ends_is_gone_from_the_rows_and_what_goes_on_is_not_written_again() {
    let mut desk = emergency();
    let keys = |rows: &[Watch]| rows.iter().map(|row| row.wait).collect::<Vec<_>>();
    let first = desk.engine.take_changes();
    assert_eq!((keys(&first.put), first.gone), (vec![Wait::Acknowledgement], vec![([1; 16], Wait::Receipt)]));
    desk.engine.align(&desk.case, &standing(&desk.logs[0], &desk.logs[1]), desk.now);
    assert_eq!(desk.engine.take_changes(), Changes::default());
    desk.engine.end([1; 16]);
    assert_eq!(desk.engine.take_changes().gone, [([1; 16], Wait::Acknowledgement)]);
    assert_eq!((desk.engine.next_due(), desk.engine.next_in_ms(desk.now)), (None, LOOK_MS_MAX));
}

#[test]
fn a_platform_is_asked_again_after_a_week_and_two() {
    let mut desk = Desk::new(Side::Origin, Priority::Urgent, Desks::default(), "2026-11-27T00:00:00Z");
    let asked = desk.now.wall;
    desk.engine.watch_platform(&desk.case, 0, asked, desk.now);
    assert_eq!(desk.pass(7 * 24 * HOUR), [(Wait::Platform, 0, Act::TellHandler)]);
    desk.engine.watch_platform(&desk.case, 0, asked, desk.now);
    assert_eq!(desk.pass(7 * 24 * HOUR), [(Wait::Platform, 1, Act::TellHandler)]);
    assert_eq!(desk.pass(7 * 24 * HOUR), [(Wait::Platform, 2, Act::ProposeNext)]);
}

#[test]
fn a_ping_begins_the_ladder_anew_and_an_answer_ends_it() {
    let mut desk = Desk::new(Side::Origin, Priority::Urgent, Desks::default(), "2026-11-27T00:00:00Z");
    desk.engine.watch_platform(&desk.case, 0, desk.now.wall, desk.now);
    assert_eq!(desk.pass(8 * 24 * HOUR), [(Wait::Platform, 0, Act::TellHandler)]);
    let pinged = desk.now.wall;
    desk.engine.watch_platform(&desk.case, 1, pinged, desk.now);
    desk.restart(2 * 24 * HOUR);
    desk.engine.watch_platform(&desk.case, 1, pinged, desk.now);
    assert_eq!(desk.pass(5 * 24 * HOUR - 1), [], "a week from the ping on");
    assert_eq!(desk.pass(1), [(Wait::Platform, 0, Act::TellHandler)]);
    desk.engine.end_platform([1; 16]);
    assert_eq!(desk.pass(30 * 24 * HOUR), []);
    assert_eq!(desk.engine.take_changes().gone, [([1; 16], Wait::Platform)]);
}

#[test]
fn a_clock_that_would_offer_the_case_waits_where_nobody_may_yet_and_no_other_does() {
    let mut desk = emergency();
    desk.restart(2 * HOUR);
    let mut urgent = desk.case;
    (urgent.referral, urgent.priority) = ([2; 16], Priority::Urgent);
    let known = standing(&desk.logs[0], &desk.logs[1]);
    desk.engine.align_since(&urgent, &known, at("2026-11-27T20:00:00Z"), desk.now);
    assert_eq!(desk.engine.due(desk.now), [[1; 16], [2; 16]].into());
    let fired = desk.engine.look_where(desk.now, |_| false);
    assert_eq!(
        fired.iter().map(|one| (one.referral, one.act)).collect::<Vec<_>>(),
        [([2; 16], Act::TellHandler), ([2; 16], Act::ProposeNext)]
    );
    assert_eq!(desk.fired().len(), 3, "all of the other's ladder, so that one notice tells of it");
}

#[test]
fn a_clock_that_was_not_written_begins_when_its_message_came_all_the_same() {
    let mut desk = Desk::new(Side::Origin, Priority::Emergency, Desks::default(), "2026-11-27T22:00:00Z");
    desk.logs[0].push(Message { seen: 0, step: Step::Offer });
    let (known, said) = (standing(&desk.logs[0], &[]), desk.now.wall);
    desk.restart(4 * MINUTE);
    desk.engine.align_since(&desk.case, &known, said, desk.now);
    assert_eq!(desk.pass(MINUTE - 1), []);
    assert_eq!(desk.pass(1), [(Wait::Receipt, 0, Act::TellHandler)]);
}
