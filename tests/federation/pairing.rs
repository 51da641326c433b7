//! Two organisations come to trust each other.

use crate::harness::rogue::guess;
use crate::harness::*;
use watchfire::config::Config;
use watchfire::model::Tlp;
use watchfire::node::NodeError;
use watchfire::node::view::PeerOptions;

/// Borealis joins by an invitation of Amal's; both know the other and have confirmed nothing. Returns the digits.
async fn joined(federation: &Federation) -> String {
    let invitation = federation.node(AMAL).invite().await.unwrap();
    let join = federation.node(BOREALIS).join(&invitation.text, Some("amal")).await.unwrap();
    let borealis = federation.org(BOREALIS).to_string();
    federation.until("amal knows who joined", || federation.node(AMAL).peer(&borealis).is_ok()).await;
    let there = federation.node(AMAL).peer(&borealis).unwrap();
    assert_eq!(there.digits.as_ref(), Some(&join.digits), "both sides show the same digits");
    assert_eq!(there.status.state, "pairing");
    join.digits
}

#[tokio::test]
async fn pairing_takes_an_invitation_and_a_confirmation_on_both_sides() {
    let federation = Federation::strangers(2).await;
    let digits = joined(&federation).await;
    let borealis = federation.org(BOREALIS).to_string();
    // The first confirms and shares; nothing goes before the second has confirmed.
    federation.node(AMAL).peer_confirm(&borealis, &digits).await.unwrap();
    federation.share(AMAL, "evil.example.org", Tlp::Amber, &borealis).await;
    federation.until("amal has tried", || federation.net.dialled(AMAL, BOREALIS) > 2).await;
    assert!(!federation.finds(BOREALIS, "evil.example.org"));
    let withheld = federation.try_share(BOREALIS, "other.example.org", Tlp::Amber, "amal").await.withheld;
    assert_eq!(withheld[0].reason, "the pairing is not confirmed here");
    assert_eq!(withheld[0].hint.as_deref(), Some("compare the digits by voice, then `watchfire peer confirm`"));
    assert!(!federation.node(AMAL).link_view(&federation.org(BOREALIS)).up);
    assert_eq!(federation.node(AMAL).link_view(&federation.org(BOREALIS)).failure.unwrap().code, "unconfirmed_there");
    federation.node(BOREALIS).peer_confirm("amal", &digits).await.unwrap();
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "evil.example.org"));
}

#[tokio::test]
async fn wrong_digits_confirm_nothing() {
    let federation = Federation::strangers(2).await;
    let digits = joined(&federation).await;
    let wrong: String =
        digits.chars().map(|digit| if digit.is_ascii_digit() { (b'0' + (digit as u8 - b'0' + 1) % 10) as char } else { digit }).collect();
    let refusal = federation.node(BOREALIS).peer_confirm("amal", &wrong).await;
    assert!(matches!(refusal, Err(NodeError::DigitsDiffer(_))), "{refusal:?}");
    assert_eq!(federation.node(BOREALIS).peer("amal").unwrap().status.state, "pairing");
    assert!(federation.node(BOREALIS).share(ask("evil.example.org", Tlp::Amber, "amal")).await.unwrap().released.is_empty());
}

#[tokio::test]
async fn digits_that_are_too_few_or_too_many_are_told_from_wrong_ones() {
    let federation = Federation::strangers(2).await;
    let digits: String = joined(&federation).await.chars().filter(char::is_ascii_digit).collect();
    for typed in [digits[..11].to_owned(), format!("{digits}0")] {
        let refusal = federation.node(BOREALIS).peer_confirm("amal", &typed).await.unwrap_err();
        let expected = format!(
            "{} digits were given, and there are 12\nhint: give all of them as the other side reads them out: `watchfire peer confirm amal 1234 5678 9012`",
            typed.len()
        );
        assert_eq!(refusal.to_string(), expected);
    }
    federation.node(BOREALIS).peer_confirm("amal", &digits).await.unwrap();
}

#[tokio::test]
async fn who_is_paired_already_is_told_so_and_uses_no_invitation_up() {
    let federation = Federation::of(3).await;
    let invitation = federation.node(AMAL).invite().await.unwrap();
    let again = federation.node(BOREALIS).join(&invitation.text, Some("other")).await.unwrap_err();
    let expected = "that organisation is a peer already, called `amal`\nhint: `watchfire peer show amal` tells where it stands; to pair anew, \
                    `watchfire peer remove amal` on both sides first";
    assert_eq!(again.to_string(), expected);
    federation.node(BOREALIS).peer_remove("amal").await.unwrap();
    let one_sided = federation.node(BOREALIS).join(&invitation.text, Some("other")).await.unwrap_err();
    let expected = "the other side has this organisation as a peer already\nhint: ask its administrator to run \
                    `watchfire peer remove` first, and for a new invitation";
    assert!(one_sided.to_string().ends_with(expected), "{one_sided}");
}

#[tokio::test]
async fn an_invitation_works_once_and_for_72_hours() {
    let federation = Federation::strangers(3).await;
    let invitation = federation.node(AMAL).invite().await.unwrap();
    federation.node(BOREALIS).join(&invitation.text, Some("amal")).await.unwrap();
    let used_up = federation.node(CEDAR).join(&invitation.text, Some("amal")).await.unwrap_err();
    let expected =
        "is refused: the invitation is not open there any more: it was used, tried too often, or has expired\nhint: ask for a new one";
    assert!(used_up.to_string().ends_with(expected), "{used_up}");
    let another = federation.node(AMAL).invite().await.unwrap();
    federation.clock.advance(72 * HOUR + 1);
    assert!(federation.node(CEDAR).join(&another.text, Some("amal")).await.is_err(), "it has expired");
    assert!(federation.node(CEDAR).peers().unwrap().is_empty());
}

#[tokio::test]
async fn an_invitation_outlives_a_restart_of_who_made_it() {
    let mut federation = Federation::strangers(3).await;
    let [used, open] = [federation.node(AMAL).invite().await.unwrap(), federation.node(AMAL).invite().await.unwrap()];
    federation.node(BOREALIS).join(&used.text, Some("amal")).await.unwrap();
    federation.restart(AMAL).await;
    assert!(federation.node(CEDAR).join(&used.text, Some("amal")).await.is_err(), "it was used up before the restart");
    federation.node(CEDAR).join(&open.text, Some("amal")).await.unwrap();
    federation.restart(AMAL).await;
    let kept = std::fs::read_to_string(federation.data(AMAL).join("keys/invitations")).unwrap();
    assert_eq!(kept, "", "nothing is left of those that were used");
    let late = federation.node(AMAL).invite().await.unwrap();
    assert!(!federation.holds(AMAL, late.text.trim_start_matches("watchfire-invite:")), "its secret is not in the store");
    federation.clock.advance(72 * HOUR + 1);
    federation.restart(AMAL).await;
    assert!(federation.node(BOREALIS).join(&late.text, Some("again")).await.is_err(), "it has expired");
    let kept = || std::fs::read_to_string(federation.data(AMAL).join("keys/invitations")).unwrap();
    federation.until_upkeep("its secret is destroyed", || kept().is_empty()).await;
}

#[tokio::test]
async fn an_invitation_that_cannot_be_kept_is_not_opened_and_the_disk_is_named() {
    let federation = Federation::strangers(2).await;
    let blocked = federation.data(AMAL).join("keys/invitations.new");
    std::fs::create_dir(&blocked).unwrap();
    assert_eq!(federation.node(AMAL).invite().await.unwrap_err().code(), "io");
    std::fs::remove_dir(&blocked).unwrap();
    for _ in 0..32 {
        federation.node(AMAL).invite().await.unwrap();
    }
    assert_eq!(federation.node(AMAL).invite().await.unwrap_err().code(), "conflict", "as many as may be open");
}

#[tokio::test]
async fn an_invitation_that_is_still_good_is_not_said_to_be_of_no_use() {
    let federation = Federation::strangers(2).await;
    let invitation = federation.node(AMAL).invite().await.unwrap();
    let blocked = federation.data(AMAL).join("keys/invitations.new");
    std::fs::create_dir(&blocked).unwrap();
    let refused = federation.node(BOREALIS).join(&invitation.text, Some("amal")).await.unwrap_err();
    assert!(refused.to_string().ends_with("is refused: the other side refused: the node cannot take more now"), "{refused}");
    std::fs::remove_dir(&blocked).unwrap();
    federation.node(BOREALIS).join(&invitation.text, Some("amal")).await.unwrap();
}

#[tokio::test]
async fn wrong_tries_count_over_a_restart() {
    let mut federation = Federation::strangers(2).await;
    let invitation = federation.node(AMAL).invite().await.unwrap();
    for _ in 0..3 {
        assert_eq!(guess(&federation, AMAL, &invitation.text).await, "the secret is wrong");
    }
    federation.restart(AMAL).await;
    for _ in 0..2 {
        assert_eq!(guess(&federation, AMAL, &invitation.text).await, "the secret is wrong");
    }
    assert!(federation.node(BOREALIS).join(&invitation.text, None).await.is_err(), "it has no tries left, with the right secret too");
    federation.restart(AMAL).await;
    assert!(federation.node(BOREALIS).join(&invitation.text, None).await.is_err());
}

#[tokio::test]
async fn three_wrong_tries_leave_a_right_one_after_a_restart() {
    let mut federation = Federation::strangers(2).await;
    let invitation = federation.node(AMAL).invite().await.unwrap();
    for _ in 0..3 {
        guess(&federation, AMAL, &invitation.text).await;
    }
    federation.restart(AMAL).await;
    guess(&federation, AMAL, &invitation.text).await;
    federation.node(BOREALIS).join(&invitation.text, Some("amal")).await.unwrap();
}

#[tokio::test]
async fn pairing_by_card_needs_both_cards() {
    let federation = Federation::strangers(2).await;
    let card = federation.node(BOREALIS).card().unwrap();
    federation.node(AMAL).peer_add(&card, "borealis", PeerOptions::default()).await.unwrap();
    let twice = federation.node(AMAL).peer_add(&card, "again", PeerOptions::default()).await;
    assert!(matches!(twice, Err(NodeError::AlreadyPaired(_))), "{twice:?}");
    federation.until("amal has tried", || federation.net.dialled(AMAL, BOREALIS) > 2).await;
    assert!(!federation.node(AMAL).link_view(&federation.org(BOREALIS)).up);
    let card = federation.node(AMAL).card().unwrap();
    federation.node(BOREALIS).peer_add(&card, "amal", PeerOptions::default()).await.unwrap();
    federation.settle().await;
    assert!(federation.node(AMAL).link_view(&federation.org(BOREALIS)).up);
}

#[tokio::test]
async fn suspending_a_peer_cuts_its_link_and_refuses_new_ones_until_it_is_resumed() {
    let federation = Federation::of(2).await;
    let borealis = federation.org(BOREALIS);
    let start = std::time::Instant::now();
    federation.node(AMAL).peer_suspend("borealis").await.unwrap();
    federation.until("the link is down", || !federation.node(AMAL).link_view(&borealis).up).await;
    assert!(start.elapsed().as_millis() < 1_000, "within a second");
    federation.until("borealis is told", || !federation.node(BOREALIS).link_view(&federation.org(AMAL)).up).await;
    let dialled = federation.net.dialled(BOREALIS, AMAL);
    federation.share(BOREALIS, "evil.example.org", Tlp::Amber, "amal").await;
    federation.until("borealis tries again", || federation.net.dialled(BOREALIS, AMAL) > dialled + 2).await;
    assert!(!federation.finds(AMAL, "evil.example.org"));
    let told = || federation.node(BOREALIS).link_view(&federation.org(AMAL)).failure.map(|failure| failure.code);
    federation.until("borealis knows why", || told().as_deref() == Some("suspended_there")).await;
    let withheld = federation.try_share(AMAL, "other.example.org", Tlp::Amber, "borealis").await.withheld;
    assert!(withheld[0].reason.contains("suspended"), "{withheld:?}");
    federation.node(AMAL).peer_resume("borealis").await.unwrap();
    federation.settle().await;
    assert!(federation.finds(AMAL, "evil.example.org"));
}

#[tokio::test]
async fn a_link_that_the_other_side_cuts_without_a_word_says_so_until_the_next_call() {
    // One of the two has dialled.
    for (remover, removed) in [(AMAL, BOREALIS), (BOREALIS, AMAL)] {
        let patient = |_, config: &mut Config| (config.link.reconnect_ms_min, config.link.reconnect_ms_max) = (60_000, 60_000);
        let federation = Federation::with(2, patient).await;
        federation.pair(AMAL, BOREALIS).await;
        federation.settle().await;
        let (here, there) = (federation.org(removed), federation.org(remover));
        federation.node(remover).peer_remove(&here.to_string()).await.unwrap();
        federation.until("the link is down", || !federation.node(removed).link_view(&there).up).await;
        let problem = federation.node(removed).peer(&there.to_string()).unwrap().status.problem.unwrap();
        assert_eq!(problem.text, "the stream ended: the other side closed the link without a reason, or it broke off");
        assert_eq!(problem.hint.as_deref(), Some("this node tries again by itself, and shows here what it is told then"));
    }
}

#[tokio::test]
async fn a_slip_in_the_deny_list_keeps_nobody_in_who_is_suspended() {
    let federation = Federation::of(2).await;
    std::fs::write(federation.data(AMAL).join("denied-keys.txt"), "abc\n").unwrap();
    federation.node(AMAL).peer_suspend("borealis").await.unwrap();
    federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
    let refused = federation.node(AMAL).reload().await.unwrap_err().remove(0);
    assert_eq!((refused.code(), u8::from(refused.exit())), ("bad-denied-key", 2));
    federation.node(AMAL).rotate().await.unwrap();
    std::fs::remove_file(federation.data(AMAL).join("denied-keys.txt")).unwrap();
    federation.node(AMAL).reload().await.unwrap();
    federation.node(AMAL).peer_resume("borealis").await.unwrap();
    federation.settle().await;
}

#[tokio::test]
async fn of_two_dials_at_once_one_stream_stays() {
    let federation = Federation::of(2).await;
    for _ in 0..5 {
        federation.cut(AMAL, BOREALIS);
        federation.until("the link is down", || !federation.node(AMAL).link_view(&federation.org(BOREALIS)).up).await;
        federation.heal(AMAL, BOREALIS);
        federation.settle().await;
    }
    federation.share(AMAL, "evil.example.org", Tlp::Amber, "borealis").await;
    federation.share(BOREALIS, "bad.example.org", Tlp::Amber, "amal").await;
    federation.settle().await;
    let dials = federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL);
    federation.clock.advance(HOUR);
    federation.settle().await;
    assert_eq!(federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL), dials, "nobody dials while a stream is up");
    assert!(federation.finds(BOREALIS, "evil.example.org") && federation.finds(AMAL, "bad.example.org"));
}

#[tokio::test]
async fn of_two_dials_that_overlap_one_stream_stays_on_both_sides() {
    let federation = Federation::of(2).await;
    for round in 1..=20 {
        federation.net.meet(AMAL, BOREALIS);
        federation.cut(AMAL, BOREALIS);
        let (amal, borealis) = (federation.org(AMAL), federation.org(BOREALIS));
        federation.until("the link is down", || !federation.node(AMAL).link_view(&borealis).up).await;
        federation.until("on both sides", || !federation.node(BOREALIS).link_view(&amal).up).await;
        federation.heal(AMAL, BOREALIS);
        federation.until("both dials are under way", || federation.net.met() == round).await;
        let value = format!("host{round}.example.org");
        federation.share(AMAL, &value, Tlp::Amber, "borealis").await;
        federation.share(BOREALIS, &value, Tlp::Amber, "amal").await;
        federation.settle().await;
        assert_eq!(federation.authors(AMAL, &value), [AMAL, BOREALIS]);
        assert_eq!(federation.authors(BOREALIS, &value), [AMAL, BOREALIS]);
    }
    let dials = || federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL);
    let before = dials();
    federation.clock.advance(HOUR);
    federation.settle().await;
    assert_eq!(dials(), before, "nobody dials while a stream is up");
}

#[tokio::test]
async fn nodes_reach_each_other_without_a_proxy_too() {
    let federation = Federation::with(2, |_, config| {
        config.proxy = None;
        config.endpoints.clear();
    })
    .await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    assert_eq!(federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL), 0, "through no proxy");
    federation.share(AMAL, "evil.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "evil.example.org"));
}

#[tokio::test]
async fn a_peer_is_reached_through_socks5_by_a_name_that_the_proxy_alone_knows() {
    let federation = Federation::of(2).await;
    assert_eq!(federation.node(AMAL).peer("borealis").unwrap().endpoints, ["borealis.test:7443"]);
    assert!(federation.net.dialled(AMAL, BOREALIS) + federation.net.dialled(BOREALIS, AMAL) > 0);
    federation.share(AMAL, "evil.example.org", Tlp::Amber, "borealis").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "evil.example.org"));
}
