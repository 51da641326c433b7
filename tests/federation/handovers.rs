//! One shift hands over to the next, or hears that nobody took it.

use crate::desk;
use crate::harness::*;
use crate::referrals::case;
use watchfire::node::NodeError;
use watchfire::node::handover::HandOverRequest;
use watchfire::node::referral::{By, DeedRange};
use watchfire::rules::desk::Deed;
use watchfire::rules::notify::{Event, Message};

const NOTE: &str = "borealis answers at night";

fn request() -> HandOverRequest {
    HandOverRequest { note: NOTE.into(), risks: vec!["elections on Sunday".into()] }
}

#[tokio::test]
async fn a_hand_over_lists_what_is_open_and_is_accepted_once() {
    let mut federation = Federation::of(2).await;
    let id = federation.refer(AMAL, case(&["borealis"])).await;
    federation.settle().await;
    let made = federation.node(AMAL).open_handover(request(), By::default()).await.unwrap();
    assert_eq!((made.state.as_str(), made.items.len(), made.items[0].referral), ("open", 1, id));
    assert!(!made.items[0].waits.is_empty());
    federation.restart(AMAL).await;
    let node = federation.node(AMAL);
    let text = made.handover.to_string();
    assert_eq!(node.handover(&text[..4]).unwrap().note, NOTE);
    let accepted = node.accept_handover(&text, By::default()).await.unwrap();
    assert_eq!(accepted.state, "accepted");
    assert!(matches!(node.accept_handover(&text, By::default()).await, Err(NodeError::Conflict(_))));
    let mut deeds: Vec<String> = node.deeds(&DeedRange::default()).unwrap().into_iter().map(|deed| deed.what).collect();
    deeds.sort();
    assert_eq!(deeds, ["hand-over", "hand-over accepted", "offer"]);
    federation.settle().await;
    assert!(!federation.holds(BOREALIS, NOTE), "nothing of it leaves");
}

#[tokio::test]
async fn what_nobody_accepts_in_time_is_told_once_and_is_gone_after_90_days() {
    let federation = Federation::with(1, |_, config| config.handover.accept_minutes = 600_000 / 60_000).await;
    let node = federation.node(AMAL);
    let made = node.open_handover(request(), By::default()).await.unwrap();
    let taken = node.open_handover(request(), By::default()).await.unwrap();
    node.accept_handover(&taken.handover.to_string(), By::default()).await.unwrap();
    assert!(node.remind_of_handovers().await.unwrap().is_empty(), "it is not late yet");
    federation.clock.advance(600_000);
    // The upkeep may have been first.
    node.remind_of_handovers().await.unwrap();
    assert_eq!(node.handover(&made.handover.to_string()).unwrap().state, "late");
    assert!(node.remind_of_handovers().await.unwrap().is_empty(), "once");
    assert_eq!(federation.logged("nobody has accepted a hand-over in time"), 1);
    node.accept_handover(&made.handover.to_string(), By::default()).await.unwrap();
    federation.clock.advance(91 * 86_400_000);
    node.remind_of_handovers().await.unwrap();
    assert!(node.handovers().unwrap().is_empty());
}

#[tokio::test]
async fn leads_and_the_role_of_whoever_handed_over_are_told_that_nobody_has_accepted() {
    let federation = Federation::with(1, |_, config| {
        config.handover.accept_minutes = 10;
        let channel = "name = 'page'\nkind = 'command'\nprogram = '/bin/true'";
        config.notify.channel = vec![toml::from_str(channel).unwrap()];
    })
    .await;
    let node = federation.node(AMAL);
    desk::staff(node).await;
    let order = desk::order(node, "handover", "", &request(), desk::OMAR);
    let by = node.ordered("handover", "", &request(), Some(&order), Deed::Work).await.unwrap();
    node.open_handover(request(), by).await.unwrap();
    let told = |event: Event| {
        let notices = node.store.snapshot().unwrap().notices().unwrap();
        let to = notices.into_iter().filter_map(|row| match row.message {
            Message::One(notice) if notice.event == event => Some((notice.to.to_string(), notice.late)),
            _ => None,
        });
        to.collect::<Vec<_>>()
    };
    assert_eq!((told(Event::HandoverWaiting), told(Event::HandoverLate)), (vec![("handler".into(), false)], Vec::new()));
    federation.clock.advance(600_000);
    node.remind_of_handovers().await.unwrap();
    // Omar, who handed over, is a handler.
    assert_eq!(told(Event::HandoverLate), [("handler, lead".into(), false)], "one notice for both");
}

#[tokio::test]
async fn a_note_that_is_empty_or_too_long_is_refused_with_a_way_out() {
    let federation = Federation::of(1).await;
    for note in ["".to_owned(), " \n".into(), "x".repeat(2_001), "a\u{1b}[2J".into()] {
        let error = federation.node(AMAL).open_handover(HandOverRequest { note, risks: Vec::new() }, By::default()).await.unwrap_err();
        assert!(error.hint().is_some(), "{error}");
    }
    let risks = vec!["one".to_owned(); 21];
    assert!(federation.node(AMAL).open_handover(HandOverRequest { note: "n".into(), risks }, By::default()).await.is_err());
    assert!(matches!(federation.node(AMAL).handover("zzzz"), Err(NodeError::UnknownOfDesk { .. })));
}
