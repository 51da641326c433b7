//! Calls for help: a group is asked with codes alone, those who could say so to the caller, who chooses one; nobody is left waiting, and no call is forgotten.

use crate::harness::rogue::Rogue;
use crate::harness::*;
use crate::referrals::{case, code};
use watchfire::model::call::Call;
use watchfire::model::referral::Priority;
use watchfire::model::{CallId, Record, RecordKind, Tlp};
use watchfire::node::NodeError;
use watchfire::node::call::{CallRequest, CallView, VolunteerRequest};
use watchfire::node::referral::{Act, AgainRequest, By, ReferRequest};
use watchfire::rules::label::Withheld;
use watchfire::rules::notify::{Event, Message};
use watchfire::store::change::Verdict;

pub fn request(priority: Priority) -> CallRequest {
    CallRequest {
        to: "helplines".into(),
        help_wanted: vec![code("take_over")],
        incident_types: vec![code("account_compromise")],
        languages: vec!["ar".parse().unwrap()],
        region: Some(code("middle_east_north_africa")),
        priority,
        until: None,
        tlp: Tlp::Amber,
    }
}

impl Federation {
    /// So many organisations that are told of what waits, all of them in one group.
    pub(crate) async fn helplines(count: usize) -> Self {
        let told = |_, config: &mut watchfire::config::Config| {
            let channel = "[[channel]]\nname = \"page\"\nkind = \"command\"\nprogram = \"/bin/true\"\n";
            config.notify = toml::from_str(channel).unwrap();
            config.call.open_max = 3;
        };
        let federation = Self::with(count, told).await;
        for one in 0..count {
            for other in one + 1..count {
                federation.pair(Who(one), Who(other)).await;
            }
        }
        federation.settle().await;
        let others: Vec<Who> = federation.everyone().filter(|who| *who != AMAL).collect();
        federation.group(AMAL, "helplines", &others).await;
        federation.settle().await;
        federation
    }

    async fn call(&self, who: Who, priority: Priority) -> CallId {
        let view = self.node(who).open_call(request(priority), By::default()).await.unwrap();
        self.settle().await;
        view.call
    }

    async fn volunteers(&self, who: Who, id: &CallId, withdraw: bool) -> Result<CallView, NodeError> {
        let request = VolunteerRequest { start: None, withdraw };
        self.node(who).volunteer(&id.to_string(), request, By::default()).await
    }

    fn call_at(&self, who: Who, id: &CallId) -> CallView {
        self.node(who).call_view_of(&id.to_string()).unwrap()
    }

    /// Who volunteers, as the caller has them.
    fn offers(&self, who: Who, id: &CallId) -> Vec<String> {
        let mut names: Vec<String> = self.call_at(who, id).volunteers.into_iter().map(|one| one.name).collect();
        names.sort();
        names
    }

    fn states_of(&self, id: &CallId, all: &[Who]) -> Vec<String> {
        all.iter().map(|who| self.call_at(*who, id).state).collect()
    }

    /// How many notices of a kind a node has made.
    pub(crate) fn noticed(&self, who: Who, event: Event) -> usize {
        let notices = self.node(who).store.snapshot().unwrap().notices().unwrap();
        notices.iter().filter(|row| matches!(&row.message, Message::One(notice) if notice.event == event)).count()
    }

    fn to(name: &str, call: &CallId) -> ReferRequest {
        ReferRequest { call: Some(call.to_string()), ..case(&[name]) }
    }
}

#[tokio::test]
async fn two_volunteer_one_is_chosen_and_gets_the_case_and_the_other_is_told() {
    let mut federation = Federation::helplines(4).await;
    let id = federation.call(AMAL, Priority::Urgent).await;
    assert_eq!(federation.states_of(&id, &[AMAL, BOREALIS, CEDAR, DUNYA]), ["open"; 4]);
    assert_eq!(federation.noticed(BOREALIS, Event::CallArrived), 1);
    federation.volunteers(BOREALIS, &id, false).await.unwrap();
    federation.volunteers(CEDAR, &id, false).await.unwrap();
    federation.settle().await;
    assert_eq!(federation.offers(AMAL, &id), ["borealis", "cedar"]);
    assert_eq!(federation.noticed(AMAL, Event::Volunteered), 2);
    assert!(federation.offers(DUNYA, &id).is_empty(), "who volunteers is the caller's to know");
    for who in [AMAL, BOREALIS] {
        federation.restart(who).await;
    }
    federation.settle().await;
    assert_eq!(federation.offers(AMAL, &id), ["borealis", "cedar"]);
    assert!(federation.call_at(BOREALIS, &id).volunteered.is_some());

    // Nobody is referred to who has not volunteered, and consent decides all the same.
    let stranger = federation.node(AMAL).refer(Federation::to("dunya", &id), By::default()).await.unwrap_err();
    assert!(stranger.to_string().starts_with("`dunya` has not volunteered"), "{stranger}");
    let unnamed = ReferRequest { recipients: vec!["dunya".into()], ..Federation::to("cedar", &id) };
    let refused = federation.node(AMAL).refer(unnamed, By::default()).await.unwrap_err();
    assert!(matches!(refused, NodeError::Withheld(Withheld::NotConsented)), "{refused}");
    assert_eq!(federation.states_of(&id, &[AMAL]), ["open"], "nothing has left");

    let referral = federation.refer(AMAL, Federation::to("cedar", &id)).await;
    federation.settle().await;
    assert_eq!(federation.states_of(&id, &[AMAL, BOREALIS, CEDAR, DUNYA]), ["chosen"; 4]);
    let chosen: Vec<_> = federation.call_at(AMAL, &id).volunteers.into_iter().filter_map(|one| one.referral).collect();
    assert_eq!(chosen, [referral]);
    assert_eq!(federation.node(CEDAR).inbox(false).unwrap().len(), 1);
    let ended = [BOREALIS, CEDAR, DUNYA].map(|who| federation.noticed(who, Event::CallEnded));
    assert_eq!(ended, [1, 1, 0], "who volunteered is not left waiting, and nobody else is told");

    // The one who was chosen does not take it: the other is still there to be asked.
    let again = AgainRequest { to: vec!["borealis".into()], candidates: Vec::new(), call: Some(id.to_string()), now: true };
    let unasked = federation.node(AMAL).refer_again(&referral.to_string(), again.clone(), By::default()).await.unwrap_err();
    assert!(matches!(unasked, NodeError::Withheld(Withheld::NotConsented)), "the consent names cedar alone: {unasked}");
    for who in [BOREALIS, CEDAR, DUNYA] {
        assert!(!federation.holds(who, "our ticket 4711") && federation.noticed(who, Event::CallArrived) == 1);
    }
}

#[tokio::test]
async fn whoever_is_chosen_among_those_who_accept_is_told_so_and_the_other_that_it_is_not() {
    let federation = Federation::helplines(3).await;
    let [_, chosen] = federation.two_accept().await;
    let told = |event| [BOREALIS, CEDAR].map(|who| federation.noticed(who, event));
    assert_eq!(told(Event::Confirmed), [0, 0], "a person at Amal is to choose");
    federation.act(AMAL, &chosen, Act::Choose).await;
    federation.settle().await;
    federation.until_upkeep("the other is told", || told(Event::Withdrawn) == [1, 0]).await;
    assert_eq!(told(Event::Confirmed), [0, 1]);
}

#[tokio::test]
async fn nothing_of_a_case_is_in_a_call_and_its_body_reads_back_byte_for_byte() {
    let federation = Federation::helplines(2).await;
    let id = federation.call(AMAL, Priority::Emergency).await;
    let posts = federation.node(BOREALIS).store.snapshot().unwrap().posts(&[RecordKind::Call.number()]).unwrap();
    let [post] = posts.as_slice() else { panic!("one call: {}", posts.len()) };
    let Record::Call(call) = watchfire::link::convert::decode_record(RecordKind::Call, &post.body).unwrap() else { panic!("a call") };
    assert_eq!(watchfire::link::convert::encode_record(&Record::Call(call.clone())), post.body, "no byte is there that we do not read");
    let Call { id: told, help_wanted, incident_types, languages, region, priority, priority_newer, expires, vocabulary } = call;
    assert_eq!((told, priority, priority_newer), (id, Priority::Emergency, None));
    assert_eq!((help_wanted, incident_types), (vec![code("take_over")], vec![code("account_compromise")]));
    assert_eq!((languages.len(), region), (1, Some(code("middle_east_north_africa"))));
    assert_eq!(expires, federation.clock.now().plus(24 * HOUR));
    assert_eq!(vocabulary, federation.node(AMAL).vocabularies.version());
    assert!(!federation.holds(BOREALIS, "wrennock"));
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_told_until_it_ends() {
    let mut federation = Federation::helplines(2).await;
    let id = federation.call(AMAL, Priority::Emergency).await;
    let rungs = |federation: &Federation| federation.noticed(AMAL, Event::CallWaits);
    let node = federation.node(AMAL).clone();
    for (minutes, expected) in [(14, 0), (1, 1), (14, 1), (1, 2), (30, 3), (120, 3)] {
        federation.clock.advance(minutes * MINUTE);
        node.tend_calls().await.unwrap();
        assert_eq!(rungs(&federation), expected, "after {minutes} minutes more");
    }
    drop(node);
    federation.restart(AMAL).await;
    federation.node(AMAL).tend_calls().await.unwrap();
    assert_eq!(rungs(&federation), 3, "once each, whatever restarts there are");
    // Somebody volunteers: from then on a person here is waited for.
    federation.settle().await;
    federation.volunteers(BOREALIS, &id, false).await.unwrap();
    federation.settle().await;
    federation.clock.advance(15 * MINUTE);
    federation.node(AMAL).tend_calls().await.unwrap();
    assert_eq!(rungs(&federation), 4);
    federation.pass(24 * HOUR).await;
    federation.node(AMAL).tend_calls().await.unwrap();
    federation.node(BOREALIS).tend_calls().await.unwrap();
    assert_eq!(federation.states_of(&id, &[AMAL, BOREALIS]), ["expired"; 2]);
    assert_eq!(rungs(&federation), 6, "the second rung, and that it ended");
    assert_eq!(federation.noticed(BOREALIS, Event::CallEnded), 1);
    assert!(federation.node(AMAL).calls(false).unwrap().is_empty());
    federation.pass(32 * 24 * HOUR).await;
    for who in [AMAL, BOREALIS] {
        federation.node(who).destroy_expired(true).await.unwrap();
        federation.clock.advance(31 * DAY);
        federation.node(who).tend_calls().await.unwrap();
        assert!(federation.node(who).calls(true).unwrap().is_empty(), "what is kept of it goes");
    }
    assert_eq!(rungs(&federation), 0, "and nothing is told anew: what was told is forgotten with the week");
}

#[tokio::test]
async fn a_volunteer_takes_it_back_and_what_crosses_a_close_changes_nothing() {
    let federation = Federation::helplines(3).await;
    let (one, two) = (federation.call(AMAL, Priority::Normal).await, federation.call(BOREALIS, Priority::Normal).await);
    federation.volunteers(CEDAR, &one, false).await.unwrap();
    federation.volunteers(CEDAR, &two, false).await.unwrap();
    federation.volunteers(AMAL, &two, false).await.unwrap();
    federation.settle().await;
    assert_eq!(
        (federation.offers(AMAL, &one), federation.offers(BOREALIS, &two)),
        (vec!["cedar".into()], vec!["amal".into(), "cedar".into()])
    );
    let twice = federation.volunteers(CEDAR, &one, false).await.unwrap_err();
    assert!(twice.to_string().starts_with("we volunteer for this call already"), "{twice}");
    federation.volunteers(CEDAR, &one, true).await.unwrap();
    federation.settle().await;
    assert!(federation.offers(AMAL, &one).is_empty() && federation.call_at(CEDAR, &one).volunteered.is_none());
    assert_eq!(federation.offers(BOREALIS, &two), ["amal", "cedar"], "of that call alone");

    // Cedar volunteers while the caller, whom it does not reach, ends the call.
    federation.cut(AMAL, CEDAR);
    federation.cut(BOREALIS, CEDAR);
    federation.volunteers(CEDAR, &one, false).await.unwrap();
    federation.node(AMAL).close_call(&one.to_string(), By::default()).await.unwrap();
    assert!(federation.node(AMAL).close_call(&one.to_string(), By::default()).await.is_err(), "once");
    federation.heal(AMAL, CEDAR);
    federation.heal(BOREALIS, CEDAR);
    federation.settle().await;
    assert_eq!(federation.states_of(&one, &[AMAL, BOREALIS, CEDAR]), ["closed"; 3]);
    assert_eq!(federation.noticed(CEDAR, Event::CallEnded), 1);
    assert_eq!(federation.noticed(AMAL, Event::Volunteered), 1, "the late word asks nobody for anything");
    let late = federation.volunteers(BOREALIS, &one, false).await.unwrap_err();
    assert_eq!(late.to_string(), "nobody is looked for any more: the call is closed");
}

#[tokio::test]
async fn whoever_volunteered_hears_the_end_also_of_a_call_of_which_nothing_is_left() {
    let federation = Federation::helplines(3).await;
    let id = federation.call(BOREALIS, Priority::Urgent).await;
    federation.volunteers(CEDAR, &id, false).await.unwrap();
    federation.settle().await;
    federation.node(AMAL).group_remove("helplines", "borealis").await.unwrap();
    federation.settle().await;
    federation.node(CEDAR).tend_calls().await.unwrap();
    assert!(federation.node(CEDAR).calls(true).unwrap().is_empty());
    assert_eq!(federation.noticed(CEDAR, Event::CallEnded), 1);
    federation.node(CEDAR).tend_calls().await.unwrap();
    assert_eq!(federation.noticed(CEDAR, Event::CallEnded), 1, "once");
}

#[tokio::test]
async fn a_call_that_never_left_is_closed_without_a_word_to_anybody() {
    let mut federation = Federation::helplines(2).await;
    federation.kill(BOREALIS);
    federation.restart(AMAL).await;
    let id = federation.node(AMAL).open_call(request(Priority::Urgent), By::default()).await.unwrap().call;
    assert_eq!(federation.states_of(&id, &[AMAL]), ["open"]);
    federation.node(AMAL).close_call(&id.to_string(), By::default()).await.unwrap();
    federation.start(BOREALIS).await;
    federation.settle().await;
    assert!(federation.node(BOREALIS).calls(true).unwrap().is_empty());
    assert_eq!(federation.states_of(&id, &[AMAL]), ["closed"]);
}

#[tokio::test]
async fn who_left_or_is_suspended_is_not_heard_and_open_calls_are_bounded() {
    let federation = Federation::helplines(3).await;
    let ids = [federation.call(BOREALIS, Priority::Normal).await, federation.call(BOREALIS, Priority::Normal).await];
    federation.call(BOREALIS, Priority::Normal).await;
    let many = federation.node(BOREALIS).open_call(request(Priority::Normal), By::default()).await.unwrap_err();
    assert!(many.to_string().starts_with("3 calls of ours are open"), "{many}");
    assert_eq!(federation.node(CEDAR).calls(false).unwrap().len(), 3);
    federation.node(BOREALIS).close_call(&ids[0].to_string(), By::default()).await.unwrap();
    federation.call(BOREALIS, Priority::Normal).await;
    federation.node(CEDAR).peer_suspend("borealis").await.unwrap();
    assert!(federation.node(CEDAR).calls(true).unwrap().is_empty(), "whom we have suspended we do not hear");
    federation.node(CEDAR).peer_resume("borealis").await.unwrap();
    federation.settle().await;
    federation.node(AMAL).group_remove("helplines", "borealis").await.unwrap();
    federation.settle().await;
    assert!(federation.node(CEDAR).calls(true).unwrap().is_empty(), "nor who is a member no more");
    let left = federation.node(BOREALIS).open_call(request(Priority::Normal), By::default()).await.unwrap_err();
    assert!(matches!(left, NodeError::Withheld(Withheld::NotAMember | Withheld::UnknownAudience)), "{left}");
}

#[tokio::test]
async fn what_is_asked_badly_is_refused_with_a_way_out() {
    let federation = Federation::helplines(2).await;
    let node = federation.node(AMAL);
    let open = |change: fn(&mut CallRequest)| {
        let mut request = request(Priority::Normal);
        change(&mut request);
        node.open_call(request, By::default())
    };
    let bad: [fn(&mut CallRequest); 5] = [
        |request| request.help_wanted.clear(),
        |request| request.help_wanted = vec![code("call_maria")],
        |request| request.region = Some(code("maria_lives_here")),
        |request| request.until = Some(watchfire::model::Timestamp(u64::MAX)),
        |request| request.tlp = Tlp::Red,
    ];
    for change in bad {
        let error = open(change).await.unwrap_err();
        assert!(error.hint().is_some(), "{error}");
    }
    let direct = open(|request| request.to = "borealis".into()).await.unwrap_err();
    assert!(matches!(direct, NodeError::UnknownGroup(_)), "{direct}");
    federation.group_with(BOREALIS, "circle", &[AMAL], |group| group.hidden = true).await;
    federation.settle().await;
    let hidden = open(|request| request.to = "circle".into()).await.unwrap_err();
    assert!(
        hidden.to_string().starts_with("in a hidden group its head alone would hear the call\nhint: `borealis` heads it: "),
        "{hidden}"
    );
    let ours = federation.call(AMAL, Priority::Normal).await;
    assert!(federation.volunteers(AMAL, &ours, false).await.is_err());
    assert!(federation.node(BOREALIS).close_call(&ours.to_string(), By::default()).await.is_err(), "another's");
    assert!(federation.volunteers(BOREALIS, &ours, true).await.is_err(), "nothing to take back");
}

#[tokio::test]
async fn a_call_in_a_direct_log_is_invalid_and_one_author_fills_no_board() {
    let federation = Federation::of(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let call = |n: u16| Call {
        id: CallId(std::array::from_fn(|at| n.to_be_bytes()[at % 2])),
        help_wanted: vec![code("take_over")],
        incident_types: Vec::new(),
        languages: Vec::new(),
        region: None,
        priority: Priority::Urgent,
        priority_newer: None,
        expires: federation.clock.now().plus(HOUR),
        vocabulary: "2026-11".into(),
    };
    let volunteer = |n: u16| Record::Volunteer(watchfire::model::call::Volunteer { call: call(n).id, start: None });
    let mut entries = vec![rogue.entry_of(RecordKind::Call.number(), watchfire::link::convert::encode_record(&Record::Call(call(1))))];
    let posts = 1_005;
    for n in 0..posts {
        entries.push(rogue.entry_of(RecordKind::Volunteer.number(), watchfire::link::convert::encode_record(&volunteer(n))));
    }
    let mut head = watchfire::model::log::Head::default();
    let mut verdicts = Vec::new();
    let mut stream = rogue.asked(head).await;
    for entries in entries.chunks(900) {
        let (batch, frames) = rogue.batch(head, entries.to_vec(), &rogue.identity.log_key());
        stream.say_all(frames).await;
        verdicts.extend(stream.acknowledged().await.verdicts);
        head = batch.checkpoint.head;
    }
    let of = |verdict: Verdict| verdicts.iter().filter(|one| one.verdict == u32::from(verdict as u8)).count();
    assert_eq!((of(Verdict::Invalid), of(Verdict::Filtered)), (1, 5), "{verdicts:?}");
    let held = federation.node(AMAL).store.snapshot().unwrap().posts(&[RecordKind::Volunteer.number()]).unwrap().len();
    assert_eq!(held, 1_000);
    // To be kept for ever, as their author has it: they go when they can be good for nothing any more, those beyond the board too.
    federation.clock.advance(44 * DAY - 1);
    federation.node(AMAL).destroy_expired(true).await.unwrap();
    let left = || federation.node(AMAL).store.snapshot().unwrap().posts(&[RecordKind::Volunteer.number()]).unwrap().len();
    assert_eq!(left(), 1_000);
    federation.clock.advance(1);
    assert_eq!(federation.node(AMAL).destroy_expired(true).await.unwrap(), 1_006);
    assert_eq!(left(), 0);
}
