//! What somebody met is told to the author of it, to nobody else, and without a name where that is asked.

use crate::groups::hidden;
use crate::harness::rogue::Rogue;
use crate::harness::*;
use watchfire::link::convert::encode_record;
use watchfire::model::log::{Audience, Head, LogKey};
use watchfire::model::sighting::{Sighting, SightingType};
use watchfire::model::{LogId, Record, RecordKind, Timestamp, Tlp};
use watchfire::node::NodeError;
use watchfire::node::referral::By;
use watchfire::node::serving::{Consumer, ConsumerAdd};
use watchfire::node::sighting::{OpinionsView, SightingReport, SightingRequest, WithdrawSightingRequest};
use watchfire::rules::consumer::{Scope, Way};
use watchfire::rules::notify::Event;
use watchfire::store::change::Verdict;

const LURE: &str = "login-lure.com";

fn met(what: SightingType, count: u32) -> SightingRequest {
    SightingRequest {
        of: LURE.into(),
        r#type: what,
        from: None,
        count,
        at: None,
        to_group: None,
        anonymous: false,
        tlp: Tlp::AmberStrict,
        dry_run: false,
    }
}

fn without_name(what: SightingType, count: u32) -> SightingRequest {
    SightingRequest { anonymous: true, ..met(what, count) }
}

impl Federation {
    async fn sees(&self, who: Who, request: SightingRequest) -> Result<SightingReport, NodeError> {
        let report = self.node(who).add_sighting(request, By::default()).await;
        self.settle().await;
        report
    }

    async fn unsees(&self, who: Who) -> u64 {
        let request = WithdrawSightingRequest { of: LURE.into(), r#type: None };
        let view = self.node(who).withdraw_sighting(request, By::default()).await.unwrap();
        self.settle().await;
        view.records
    }

    /// What somebody's lookup tells of the lure as its one author has it: opinions, organisations, whether it is disputed.
    fn standing(&self, who: Who) -> (Option<OpinionsView>, u32, bool) {
        let found = self.lookup(who, LURE);
        let one = found.iter().find(|one| one.opinions.is_some()).or(found.first()).unwrap_or_else(|| panic!("{who:?} holds it"));
        (one.opinions.clone(), one.organisations, one.disputed)
    }

    /// How often it was seen, by how many, and who says that it is nothing bad.
    fn words(&self, who: Who) -> (u64, u32, Vec<String>) {
        self.standing(who).0.map(|one| (one.seen, one.seen_by, one.false_by)).unwrap_or_default()
    }
}

#[tokio::test]
async fn an_author_alone_hears_what_was_met_of_its_record() {
    let mut federation = Federation::helplines(3).await;
    federation.share(CEDAR, LURE, Tlp::Amber, "helplines").await;
    federation.settle().await;
    let dry = federation.sees(AMAL, SightingRequest { dry_run: true, ..met(SightingType::Seen, 3) }).await.unwrap();
    assert_eq!((dry.told.len(), dry.told[0].to.as_deref(), federation.words(AMAL).0), (1, Some("cedar"), 0));
    federation.sees(AMAL, met(SightingType::Seen, 3)).await.unwrap();
    for who in [AMAL, CEDAR] {
        federation.restart(who).await;
    }
    federation.settle().await;
    assert_eq!([AMAL, BOREALIS, CEDAR].map(|who| federation.words(who)), [(3, 1, vec![]), (0, 0, vec![]), (3, 1, vec![])]);
    assert_eq!(federation.standing(CEDAR).1, 2, "cedar says it, and amal saw it");
    let listed = federation.node(CEDAR).sightings(Some(LURE), None).unwrap();
    assert_eq!((listed.len(), listed[0].by.as_str(), listed[0].count), (1, "amal", 3));
    assert_eq!(federation.noticed(CEDAR, Event::SightingFalse), 0, "of what was met nobody is told");

    // A later word replaces the earlier; what was taken back counts no more.
    federation.tick(1_000);
    federation.sees(AMAL, met(SightingType::Seen, 5)).await.unwrap();
    assert_eq!(federation.words(CEDAR), (5, 1, vec![]));
    assert_eq!(federation.unsees(AMAL).await, 1);
    assert_eq!([AMAL, CEDAR].map(|who| federation.words(who).0), [0, 0]);
    assert!(federation.node(CEDAR).sightings(None, None).unwrap().is_empty());
    let kept = |federation: &Federation, who| {
        federation.node(who).store.snapshot().unwrap().all_kept(watchfire::store::change::Shelf::Sighting).unwrap().len()
    };
    assert_eq!((kept(&federation, AMAL), kept(&federation, CEDAR)), (0, 1));
    federation.node(CEDAR).destroy_expired(true).await.unwrap();
    assert_eq!(kept(&federation, CEDAR), 0, "what counts no more is swept");
    let again = federation.node(AMAL).withdraw_sighting(WithdrawSightingRequest { of: LURE.into(), r#type: None }, By::default()).await;
    assert!(again.unwrap_err().to_string().starts_with("we have said nothing of it\nhint: "));
}

#[tokio::test]
async fn a_group_sees_that_somebody_doubts_what_others_saw() {
    let federation = Federation::helplines(3).await;
    federation.share(CEDAR, LURE, Tlp::Amber, "helplines").await;
    federation.settle().await;
    federation.sees(AMAL, SightingRequest { to_group: Some("helplines".into()), ..met(SightingType::Seen, 1) }).await.unwrap();
    federation.sees(BOREALIS, met(SightingType::FalsePositive, 1)).await.unwrap();
    let doubt = vec!["borealis".to_owned()];
    assert_eq!(federation.words(CEDAR), (1, 1, doubt));
    assert_eq!(federation.words(AMAL), (1, 1, vec![]), "a doubt is told to the author alone");
    assert_eq!(federation.words(BOREALIS), (1, 1, vec!["us".to_owned()]));
    assert_eq!([AMAL, BOREALIS, CEDAR].map(|who| federation.standing(who).2), [false, true, true]);
    assert_eq!([AMAL, BOREALIS, CEDAR].map(|who| federation.noticed(who, Event::SightingFalse)), [0, 0, 1]);
    assert_eq!(federation.unsees(BOREALIS).await, 1);
    assert_eq!((federation.words(CEDAR), federation.standing(CEDAR).2), ((1, 1, vec![]), false));
    // What is not shared in the group is nothing to it, and nobody tells itself.
    let ours = federation.node(CEDAR).add_sighting(met(SightingType::Seen, 1), By::default()).await.unwrap_err();
    assert!(ours.to_string().starts_with("only we say it"), "{ours}");
    let late = SightingRequest { at: Some(federation.clock.now().plus(1)), ..met(SightingType::Seen, 1) };
    assert!(matches!(federation.node(AMAL).add_sighting(late, By::default()).await, Err(NodeError::BadInput(_))));
}

/// A program that asks at somebody's node.
async fn program(federation: &Federation, who: Who, name: &str, tlp_max: Tlp, groups: &[&str]) -> Consumer {
    let add = ConsumerAdd {
        name: name.parse().unwrap(),
        scopes: vec![Scope::Api],
        tlp_max: Some(tlp_max),
        class_max: None,
        pap_max: None,
        least_confidence: None,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        to: None,
        tlp: None,
        days: 30,
        in_url: false,
    };
    let view = federation.node(who).add_consumer(add, By::default()).await.unwrap();
    federation.node(who).consumer_of(&view.token, Way::Header).unwrap().unwrap()
}

#[tokio::test]
async fn a_program_is_told_of_what_others_say_as_far_as_it_may_see_it() {
    let federation = Federation::helplines(3).await;
    federation.share(CEDAR, LURE, Tlp::Clear, "helplines").await;
    federation.settle().await;
    let all = program(&federation, CEDAR, "all", Tlp::AmberStrict, &[]).await;
    let green = program(&federation, CEDAR, "green", Tlp::Green, &[]).await;
    let of_group = program(&federation, CEDAR, "of-group", Tlp::AmberStrict, &["helplines"]).await;
    let told = |consumer: &Consumer| {
        let found = federation.node(CEDAR).looked_up(consumer, LURE, None).unwrap().unwrap();
        (found[0].organisations, found[0].disputed, found[0].confidence_now)
    };
    let of_each = || [&all, &green, &of_group].map(told);
    assert_eq!(of_each(), [(1, false, Some(50)); 3]);
    federation.sees(AMAL, SightingRequest { to_group: Some("helplines".into()), ..met(SightingType::Seen, 1) }).await.unwrap();
    // What is TLP:AMBER+STRICT changes nothing for whoever has TLP:GREEN at the most.
    assert_eq!(of_each(), [(2, false, Some(50)), (1, false, Some(50)), (2, false, Some(50))]);
    federation.sees(BOREALIS, met(SightingType::FalsePositive, 1)).await.unwrap();
    // What was told to the author alone changes nothing for whoever has what was said in the group.
    assert_eq!(of_each(), [(2, true, Some(25)), (1, false, Some(50)), (2, false, Some(50))]);
}

#[tokio::test]
async fn a_member_is_a_member_to_the_author_whoever_it_is() {
    let federation = Federation::helplines(3).await;
    federation.share(CEDAR, LURE, Tlp::Amber, "helplines").await;
    federation.settle().await;
    let report = federation.sees(BOREALIS, without_name(SightingType::Seen, 2)).await.unwrap();
    assert_eq!(report.told[0].to.as_deref(), Some("amal"), "its head tells it on");
    assert_eq!([AMAL, BOREALIS, CEDAR].map(|who| federation.words(who).0), [0, 2, 2]);
    let listed = federation.node(CEDAR).sightings(Some(LURE), None).unwrap();
    assert_eq!((listed.len(), listed[0].by.as_str()), (1, "a member of helplines"));
    assert_eq!(listed[0].last.0 % DAY, 0, "the day, not the time");
    let rows = federation.node(CEDAR).store.snapshot().unwrap().all_sightings(federation.clock.now()).unwrap();
    assert!(rows.iter().all(|row| row.reporter == federation.org(AMAL)));

    // The same word again replaces it, and what is taken back is taken back there too.
    federation.tick(1_000);
    federation.sees(BOREALIS, without_name(SightingType::Seen, 4)).await.unwrap();
    assert_eq!(federation.words(CEDAR), (4, 1, vec![]));
    federation.sees(BOREALIS, without_name(SightingType::FalsePositive, 1)).await.unwrap();
    assert_eq!(federation.words(CEDAR), (0, 0, vec!["a member of helplines".to_owned()]), "it has changed its mind");
    federation.unsees(BOREALIS).await;
    assert_eq!([BOREALIS, CEDAR].map(|who| federation.words(who)), [(0, 0, vec![]), (0, 0, vec![])]);
}

#[tokio::test]
async fn nobody_is_without_a_name_to_a_head_that_is_the_author_or_that_is_itself() {
    let federation = Federation::helplines(3).await;
    federation.share(AMAL, LURE, Tlp::Amber, "helplines").await;
    federation.share(CEDAR, "second-lure.com", Tlp::Amber, "helplines").await;
    federation.share(CEDAR, "third-lure.com", Tlp::Amber, "borealis").await;
    federation.settle().await;
    let ask = async |who, of: &str| {
        let request = SightingRequest { of: of.into(), ..without_name(SightingType::Seen, 1) };
        federation.node(who).add_sighting(request, By::default()).await.unwrap_err().to_string()
    };
    assert!(ask(BOREALIS, LURE).await.starts_with("the head of the group is its author, and would learn who says it\nhint: "));
    assert!(ask(AMAL, "second-lure.com").await.starts_with("we head the group"));
    assert!(ask(BOREALIS, "third-lure.com").await.starts_with("it was told to us alone"));
    let both = SightingRequest { of: "second-lure.com".into(), to_group: Some("helplines".into()), ..without_name(SightingType::Seen, 1) };
    let both = federation.node(BOREALIS).add_sighting(both, By::default()).await.unwrap_err().to_string();
    assert!(both.starts_with("all members of a group would learn who says it\nhint: "), "{both}");
}

#[tokio::test]
async fn a_head_passes_so_much_of_a_member_on_in_a_day() {
    let few = |_, config: &mut watchfire::config::Config| config.sighting.passed_on_max = 1;
    let federation = Federation::with(3, few).await;
    for (one, other) in [(AMAL, BOREALIS), (AMAL, CEDAR)] {
        federation.pair(one, other).await;
    }
    federation.group(AMAL, "helplines", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(CEDAR, LURE, Tlp::Amber, "helplines").await;
    federation.settle().await;
    federation.sees(BOREALIS, without_name(SightingType::Seen, 1)).await.unwrap();
    federation.tick(1_000);
    federation.sees(BOREALIS, without_name(SightingType::Seen, 9)).await.unwrap();
    assert_eq!(federation.words(CEDAR), (1, 1, vec![]), "that day no more");
}

#[tokio::test]
async fn in_a_hidden_group_whoever_says_the_value_hears_that_a_member_met_it() {
    let federation = hidden().await;
    federation.share(BOREALIS, LURE, Tlp::Amber, "shelter").await;
    federation.settle().await;
    assert_eq!(federation.authors(CEDAR, LURE), [AMAL]);
    let to_group = SightingRequest { to_group: Some("shelter".into()), ..met(SightingType::Seen, 1) };
    let refused = federation.node(CEDAR).add_sighting(to_group, By::default()).await.unwrap_err();
    assert!(refused.to_string().starts_with("in a hidden group its head alone would hear it\nhint: "), "{refused}");
    federation.sees(CEDAR, met(SightingType::FalsePositive, 1)).await.unwrap();
    assert_eq!(federation.words(AMAL).2, ["cedar"]);
    let at = federation.lookup(BOREALIS, LURE).into_iter().find(|one| one.author_name == "us").unwrap();
    assert_eq!(at.opinions.map(|one| one.false_by), Some(vec!["a member of shelter".to_owned()]));
    assert!(!federation.holds_bytes(BOREALIS, &federation.org(CEDAR).0), "who it was is nowhere in its store");
    federation.unsees(CEDAR).await;
    let at = federation.lookup(BOREALIS, LURE).into_iter().find(|one| one.author_name == "us").unwrap();
    assert_eq!((at.opinions, federation.words(AMAL).2.len()), (None, 0));
}

#[tokio::test]
async fn a_sighting_of_what_its_author_may_not_speak_of_is_invalid() {
    let federation = Federation::of(2).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    federation.share(AMAL, LURE, Tlp::Green, "borealis").await;
    federation.settle().await;
    let ours = LogKey { author: federation.org(AMAL), incarnation: 1, audience: Audience::Direct(federation.org(BOREALIS)) }.id();
    let theirs = LogKey { author: federation.org(BOREALIS), incarnation: 1, audience: Audience::Direct(federation.org(AMAL)) }.id();
    federation.share(BOREALIS, "second-lure.com", Tlp::Green, "amal").await;
    federation.settle().await;
    let now = federation.clock.now();
    let said = |log: LogId, last: Timestamp, passed_on| {
        let (what, count, first) = (SightingType::Seen, 1, Timestamp(1));
        let body = encode_record(&Record::Sighting(Sighting { log, seqs: vec![1], what, count, first, last, passed_on }));
        rogue.entry_of(RecordKind::Sighting.number(), body)
    };
    let entries = vec![
        said(ours, now, None),
        said(theirs, now, None),
        said(ours, now, Some([7; 8])),
        said(ours, now.plus(DAY + 60_000), None),
        said(LogId([9; 32]), now, None),
    ];
    let (_, frames) = rogue.batch(Head::default(), entries, &rogue.identity.log_key());
    let mut stream = rogue.asked(Head::default()).await;
    stream.say_all(frames).await;
    let verdicts: Vec<(u64, u32)> = stream.acknowledged().await.verdicts.iter().map(|one| (one.seq, one.verdict)).collect();
    let [invalid, filtered] = [Verdict::Invalid, Verdict::Filtered].map(|verdict| u32::from(verdict as u8));
    assert_eq!(verdicts, [(1, invalid), (2, invalid), (3, invalid), (4, invalid), (5, filtered)]);
    assert_eq!(federation.words(AMAL).0, 0, "of a log that it is not told it can have met nothing");
}
