//! Platforms are asked about cases: under a consent for that, with a clock of their own, and nothing of it leaves but that one is waited for.

use crate::harness::*;
use crate::referrals::{case, code};
use watchfire::formats::age::Identity;
use watchfire::model::referral::Priority;
use watchfire::model::{PlatformId, ReferralId};
use watchfire::node::NodeError;
use watchfire::node::profile::NeedRequest;
use watchfire::node::referral::{Act, AnswerRequest, By, DeedRange, PingRequest, PlatformRequest, PlatformView};
use watchfire::rules::escalate::Wait;
use watchfire::rules::label::Withheld;
use watchfire::rules::referral::Illegal;
use watchfire::rules::statistics::{Dimension, Event, Measure, Way};

const REFERENCE: &str = "CASE-5-2938471";

fn request() -> PlatformRequest {
    PlatformRequest { platform: code("facebook"), channel: code("partner_portal"), references: vec![REFERENCE.parse().unwrap()] }
}

impl Federation {
    async fn open(&self, who: Who, id: &ReferralId) -> Result<PlatformView, NodeError> {
        self.node(who).open_platform(&id.to_string(), request(), By::default()).await
    }

    async fn answered(&self, who: Who, id: &PlatformId, outcome: &str) -> PlatformView {
        let request = AnswerRequest { outcome: code(outcome) };
        self.node(who).answer_platform(&id.to_string(), request, By::default()).await.unwrap()
    }

    /// A case that Borealis works on for Amal.
    async fn handed(&self) -> ReferralId {
        let id = self.refer(AMAL, case(&["borealis"])).await;
        self.settle().await;
        self.act(BOREALIS, &id, Act::Ack).await;
        self.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
        self.settle().await;
        id
    }

    fn state(&self, who: Who, id: &ReferralId) -> String {
        self.node(who).referral_named_view(&id.to_string()).unwrap().line.state
    }

    /// Rungs of its clock that were reached since it was asked last.
    fn climbed(&self, who: Who) -> Vec<u8> {
        self.node(who).platforms(None).unwrap().iter().flat_map(|one| &one.rungs).map(|rung| u8::try_from(rung.rung).unwrap()).collect()
    }

    fn counted_platforms(&self, who: Who, event: Event) -> Option<u64> {
        let counters = self.node(who).statistics(None, false).unwrap().counted.unwrap();
        let tables = counters.tables.get(&Measure { way: Way::Out, event })?;
        tables.get(&Dimension::Platform)?.get("facebook").copied()
    }
}

#[tokio::test]
async fn a_platform_is_asked_under_a_consent_that_says_so_and_by_whoever_has_the_case() {
    let federation = Federation::of(2).await;
    let mut request = case(&["borealis"]);
    request.offer.consent.platforms = false;
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    assert!(matches!(federation.open(AMAL, &id).await, Err(NodeError::Withheld(Withheld::NoPlatforms))));
    assert!(matches!(federation.open(BOREALIS, &id).await, Err(NodeError::Referral(Illegal::NotConfirmed))), "it is not theirs");
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    assert!(matches!(federation.open(BOREALIS, &id).await, Err(NodeError::Withheld(Withheld::NoPlatforms))));
    assert_eq!(federation.state(AMAL, &id), "in_progress", "nothing was told");
    for who in [AMAL, BOREALIS] {
        assert_eq!(federation.node(who).platforms(None).unwrap(), []);
    }
}

#[tokio::test]
async fn the_other_side_hears_that_a_platform_is_waited_for_and_nothing_of_it() {
    let federation = Federation::of(2).await;
    let id = federation.handed().await;
    let one = federation.open(BOREALIS, &id).await.unwrap();
    federation.settle().await;
    federation.until("it was told", || federation.state(AMAL, &id) == "waiting_platform").await;
    let other = federation.open(BOREALIS, &id).await.unwrap();
    let view = federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap();
    assert_eq!(view.platforms.len(), 2);
    assert!(view.line.waits.contains(&"for a platform to answer".to_owned()), "{:?}", view.line.waits);
    let told = view.timeline.iter().filter(|message| message.says == "progress").count();
    assert_eq!(told, 1, "a second one is no news to the other side");
    assert_eq!(federation.answered(BOREALIS, &one.escalation, "content_removed").await.state, "answered");
    federation.settle().await;
    assert_eq!(federation.state(AMAL, &id), "waiting_platform", "another is waited for");
    assert_eq!(federation.answered(BOREALIS, &other.escalation, "platform_unresponsive").await.state, "ended");
    federation.settle().await;
    federation.until("the work goes on", || federation.state(AMAL, &id) == "in_progress").await;
    for text in [REFERENCE, "partner_portal"] {
        assert!(!federation.holds(AMAL, text), "{text} stays here");
        assert!(!federation.log().contains(text));
    }
    let again = federation.node(BOREALIS).ping_platform(&one.escalation.to_string(), PingRequest::default(), By::default()).await;
    assert!(matches!(again, Err(NodeError::Conflict(_))));
    let mut deeds: Vec<String> =
        federation.node(BOREALIS).deeds(&DeedRange::default()).unwrap().into_iter().map(|deed| deed.what).collect();
    deeds.retain(|deed| deed.starts_with("platform"));
    deeds.sort();
    assert_eq!(deeds, ["platform answer", "platform answer", "platform open", "platform open"]);
    assert_eq!(federation.counted_platforms(BOREALIS, Event::PlatformAsked), Some(2));
    assert_eq!(federation.counted_platforms(BOREALIS, Event::PlatformAnswered), Some(1), "no answer is none");
}

#[tokio::test]
async fn its_clock_reminds_after_a_week_over_restarts_until_a_ping_or_an_answer() {
    let mut federation = Federation::of(2).await;
    let id = federation.handed().await;
    let one = federation.open(BOREALIS, &id).await.unwrap().escalation;
    let clocks = |federation: &Federation| {
        let timers = federation.node(BOREALIS).timers(Some(&id.to_string())).unwrap();
        timers.into_iter().filter(|timer| timer.wait == Wait::Platform).map(|timer| (timer.escalation, timer.referral)).collect::<Vec<_>>()
    };
    assert_eq!(clocks(&federation), [(Some(one), id)]);
    federation.pass(7 * DAY - HOUR).await;
    federation.restart(BOREALIS).await;
    federation.settle().await;
    assert_eq!(federation.climbed(BOREALIS), [0; 0]);
    federation.pass(2 * HOUR).await;
    federation.until_upkeep("the first rung", || federation.climbed(BOREALIS) == [1]).await;
    let view = federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap();
    assert!(view.timeline.iter().any(|one| one.by == "the clock" && one.particulars[0].1 == "for a platform to answer"));
    federation.node(BOREALIS).ping_platform(&one.to_string()[..4], PingRequest::default(), By::default()).await.unwrap();
    federation.restart(BOREALIS).await;
    federation.settle().await;
    assert_eq!(federation.climbed(BOREALIS), [0; 0], "a ping begins it anew");
    federation.pass(7 * DAY + HOUR).await;
    federation.until_upkeep("the first rung again", || federation.climbed(BOREALIS) == [1]).await;
    federation.pass(7 * DAY).await;
    federation.until_upkeep("the second", || federation.climbed(BOREALIS) == [1, 2]).await;
    federation.answered(BOREALIS, &one, "declined").await;
    assert_eq!(clocks(&federation), []);
    federation.restart(BOREALIS).await;
    federation.settle().await;
    federation.pass(15 * DAY).await;
    assert_eq!((clocks(&federation), federation.climbed(BOREALIS)), (Vec::new(), vec![1, 2]));
}

#[tokio::test]
async fn it_goes_with_the_case_at_both_sides_and_stays_counted() {
    let mut federation = Federation::of(2).await;
    let id = federation.handed().await;
    for who in [AMAL, BOREALIS] {
        federation.open(who, &id).await.unwrap();
    }
    federation.settle().await;
    assert!(federation.holds(AMAL, REFERENCE) && federation.holds(BOREALIS, REFERENCE), "the search finds what is there");
    federation.act(AMAL, &id, Act::Withdraw { revoked: true }).await;
    federation.settle().await;
    let gone = |who: Who| federation.node(who).platforms(None).unwrap().is_empty();
    federation.until_upkeep("nothing is left", || gone(AMAL) && gone(BOREALIS)).await;
    for who in [AMAL, BOREALIS] {
        assert!(federation.node(who).timers(None).unwrap().iter().all(|timer| timer.wait != Wait::Platform));
        assert_eq!(federation.counted_platforms(who, Event::PlatformAsked), Some(1));
    }
    federation.restart(BOREALIS).await;
    federation.settle().await;
    assert!(federation.node(BOREALIS).timers(None).unwrap().iter().all(|timer| timer.wait != Wait::Platform));
}

#[tokio::test]
async fn what_could_be_somebodys_or_is_in_no_list_is_refused_and_so_is_too_much() {
    let federation = Federation::with(2, |_, config| config.referral.platforms_max = 2).await;
    federation.pair(AMAL, BOREALIS).await;
    let mut urgent = case(&["borealis"]);
    urgent.offer.priority = Priority::Emergency;
    let id = federation.refer(AMAL, urgent).await;
    federation.settle().await;
    let card = PlatformRequest { references: vec!["4111-1111-1111-1111".parse().unwrap()], ..request() };
    let six = (0..6).map(|n| format!("{n}-2938471").parse().unwrap()).collect();
    let bad = [
        PlatformRequest { channel: code("pigeon"), ..request() },
        PlatformRequest { platform: code("user-1234567"), ..request() },
        PlatformRequest { references: six, ..request() },
        card,
    ];
    for request in bad {
        let error = federation.node(AMAL).open_platform(&id.to_string(), request, By::default()).await.unwrap_err();
        assert!(matches!(error, NodeError::BadInput(_)) && error.hint().is_some(), "{error}");
    }
    federation.open(AMAL, &id).await.unwrap();
    let one = federation.open(AMAL, &id).await.unwrap();
    assert!(matches!(federation.open(AMAL, &id).await, Err(NodeError::Conflict(_))));
    let pigeon = AnswerRequest { outcome: code("pigeon") };
    assert!(federation.node(AMAL).answer_platform(&one.escalation.to_string(), pigeon, By::default()).await.is_err());
    assert!(matches!(
        federation.node(AMAL).ping_platform("zzzz", PingRequest::default(), By::default()).await,
        Err(NodeError::UnknownOfDesk { .. })
    ));
}

#[tokio::test]
async fn no_platform_is_asked_about_a_referral_that_is_closed() {
    let federation = Federation::of(2).await;
    let id = federation.handed().await;
    federation.act(BOREALIS, &id, Act::Resolve { outcomes: vec![code("advice_given")], text: String::new() }).await;
    federation.settle().await;
    federation.open(AMAL, &id).await.unwrap();
    federation.act(AMAL, &id, Act::Close).await;
    federation.settle().await;
    for who in [AMAL, BOREALIS] {
        let error = federation.open(who, &id).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the referral is closed, and no platform is asked about it any more\nhint: `watchfire inbox` shows under which referral a case goes on; \
             what is new is referred anew"
        );
    }
}

#[tokio::test]
async fn a_platform_of_no_list_is_a_slip_of_ours_and_a_newer_code_of_a_partner() {
    let mut federation = Federation::of(2).await;
    let mut request = case(&["borealis"]);
    request.offer.platforms = vec![code("facebok")];
    let refused = federation.node(AMAL).refer(request.clone(), By::default()).await.unwrap_err();
    let said = "`facebok` is no code of `platform`\nhint: did you mean `facebook`? `watchfire vocabulary platform` shows all";
    assert_eq!(refused.to_string(), said);
    // So is one in the ways that would endanger the person, of which a telephone call is one.
    let mut unsafe_ways = case(&["borealis"]);
    unsafe_ways.offer.do_not_use = vec![code("telephone"), code("sms"), code("whatsap")];
    let refused = federation.node(AMAL).refer(unsafe_ways.clone(), By::default()).await.unwrap_err().to_string();
    assert!(refused.starts_with("`whatsap` is no code of `contact-channel`\nhint: did you mean `whatsapp`?"), "{refused}");
    unsafe_ways.offer.do_not_use.pop();
    let id = federation.refer(AMAL, unsafe_ways).await;
    federation.settle().await;
    let shown = federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap();
    assert_eq!(shown.offer.unwrap().do_not_use, [code("telephone"), code("sms")]);
    // A slip in a country is one too.
    for (country, meant) in [("UK", "did you mean `GB`?"), ("XX", "such as `LB`")] {
        let mut request = case(&["borealis"]);
        request.offer.country = Some(country.into());
        let refused = federation.node(AMAL).refer(request, By::default()).await.unwrap_err().to_string();
        assert!(refused.starts_with(&format!("`{country}` is no country\nhint: ")) && refused.contains(meant), "{refused}");
        let refused =
            federation.node(AMAL).publish_alert(crate::alerts::request("borealis", &[country], &[]), By::default()).await.unwrap_err();
        assert!(refused.to_string().contains(meant), "{refused}");
        let need = NeedRequest { country: Some(country.into()), ..NeedRequest::default() };
        assert!(federation.node(AMAL).match_need(&need).unwrap_err().to_string().contains(meant));
    }
    // Amal's desk asks a platform that nobody else has in a list.
    let lists = federation.data(AMAL).join("vocabularies");
    std::fs::create_dir(&lists).unwrap();
    let own = "name = \"platform\"\nversion = \"amal-1\"\n[[code]]\ncode = \"facebok\"\ntitle = \"A newer one\"\n";
    std::fs::write(lists.join("platform.toml"), own).unwrap();
    federation.restart(AMAL).await;
    let id = federation.refer(AMAL, request).await;
    federation.settle().await;
    let shown = federation.node(BOREALIS).referral_named_view(&id.to_string()).unwrap();
    assert_eq!(shown.offer.unwrap().platforms, [code("facebok")], "it is kept and shown");
    federation.act(BOREALIS, &id, Act::Ack).await;
    federation.act(BOREALIS, &id, Act::Accept { start: None, text: String::new() }).await;
    federation.settle().await;
    let open = |platform: &str| PlatformRequest { platform: code(platform), ..self::request() };
    let error = federation.node(BOREALIS).open_platform(&id.to_string(), open("telegrm"), By::default()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`telegrm` is no code of `platform`\nhint: did you mean `telegram`? `watchfire vocabulary platform` shows all"
    );
    let asked = federation.node(BOREALIS).open_platform(&id.to_string(), open("facebok"), By::default()).await.unwrap();
    assert_eq!(asked.platform, code("facebok"), "the case names it");
}

#[tokio::test]
async fn a_node_that_was_put_back_from_a_backup_still_waits() {
    let mut federation = Federation::of(2).await;
    let id = federation.handed().await;
    let one = federation.open(BOREALIS, &id).await.unwrap().escalation;
    federation.settle().await;
    let identity = Identity::generate();
    let (backup, _) = federation.backup(BOREALIS, identity.recipient()).await;
    federation.restore(BOREALIS, &backup, &identity);
    federation.start(BOREALIS).await;
    federation.settle().await;
    let view = federation.node(BOREALIS).platforms(Some(&id.to_string())).unwrap().remove(0);
    assert_eq!((view.escalation, view.references.len(), view.state.as_str()), (one, 1, "waiting"));
    federation.until_upkeep("its clock runs", || federation.node(BOREALIS).platforms(None).unwrap()[0].due.is_some()).await;
}
