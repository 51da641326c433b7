//! Who is put into groups, who heads them, and what a member may have of what came before it.

use crate::harness::rogue::{ROGUE, Rogue};
use crate::harness::*;
use prost::Message;
use watchfire::formats::Format;
use watchfire::link::convert::wire::{self, frame::Frame as Kind};
use watchfire::link::convert::{encode_definition, have_frames};
use watchfire::link::identity::Identity;
use watchfire::model::group::{Definition, Member, SignedDefinition, Visibility, group_id};
use watchfire::model::log::Audience;
use watchfire::model::{OrgId, Tlp};
use watchfire::node::view::PeerOptions;

const EVIL: &str = "evil.example.org";

fn members(federation: &Federation, who: Who, group: &str) -> Vec<OrgId> {
    let members = federation.node(who).group(group).unwrap().members;
    members.iter().map(|member| member.org_id).collect()
}

fn state(federation: &Federation, who: Who, group: &str) -> String {
    federation.node(who).group(group).map(|group| group.state).unwrap_or_default()
}

/// Amal's hidden group of Cedar and Dunya, whose deputy is Borealis. Cedar and Dunya know nothing of each other.
async fn hidden_with_a_deputy() -> Federation {
    let federation = Federation::strangers(4).await;
    for member in [BOREALIS, CEDAR, DUNYA] {
        federation.pair(AMAL, member).await;
    }
    let change = |group: &mut watchfire::node::view::GroupCreate| {
        (group.hidden, group.deputy) = (true, Some("borealis".into()));
    };
    federation.settle().await;
    federation.group_with(AMAL, "shelter", &[CEDAR, DUNYA], change).await;
    federation.settle().await;
    federation
}

#[tokio::test]
async fn two_changes_of_a_group_at_one_moment_both_count() {
    let federation = Federation::around_amal(4).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    let amal = federation.node(AMAL);
    let (one, other) = tokio::join!(amal.group_add("partners", "cedar"), amal.group_add("partners", "dunya"));
    one.and(other).unwrap();
    federation.settle().await;
    for who in federation.everyone() {
        assert_eq!(members(&federation, who, "partners").len(), 4, "{who:?}");
    }
}

#[tokio::test]
async fn the_deputy_of_a_hidden_group_knows_its_members_and_nobody_else_does() {
    let federation = hidden_with_a_deputy().await;
    assert_eq!(members(&federation, BOREALIS, "shelter").len(), 4, "the deputy knows all");
    for (who, other) in [(CEDAR, DUNYA), (DUNYA, CEDAR)] {
        assert_eq!(members(&federation, who, "shelter").len(), 3, "the heads and itself");
        assert!(!federation.holds_bytes(who, &federation.org(other).0), "nothing at {who:?} names {other:?}");
        assert!(federation.node(who).store.snapshot().unwrap().rosters().unwrap().is_empty());
    }
    let keys = federation.node(BOREALIS).log_keys(&federation.org(DUNYA)).unwrap();
    assert_eq!(keys.current().public, federation.node(DUNYA).keys.log_key().public(), "with their cards");
    // A new member is told to the deputy as well, and one that went is forgotten.
    federation.node(AMAL).group_remove("shelter", "dunya").await.unwrap();
    federation.settle().await;
    assert_eq!(members(&federation, BOREALIS, "shelter").len(), 3);
}

#[tokio::test]
async fn the_deputy_of_a_hidden_group_takes_over_and_relays_as_its_head() {
    let mut federation = hidden_with_a_deputy().await;
    federation.share(CEDAR, "old.example.org", Tlp::Amber, "shelter").await;
    federation.until("dunya has it", || federation.finds(DUNYA, "old.example.org")).await;
    federation.settle().await;
    federation.kill(AMAL);
    federation.restart(BOREALIS).await;
    // The members pair with the deputy, whom the group has shown them; each by itself.
    federation.pair(BOREALIS, CEDAR).await;
    federation.pair(BOREALIS, DUNYA).await;
    federation.settle().await;
    let meanwhile: Vec<String> = (0..30).map(|number| format!("meanwhile{number}.example.org")).collect();
    federation.import(CEDAR, meanwhile.join("\n"), Format::Text, Tlp::Amber, "shelter").await;
    federation.settle().await;
    assert!(meanwhile.iter().all(|value| federation.finds(BOREALIS, value) && !federation.finds(DUNYA, value)));
    let lines = |federation: &Federation| federation.node(BOREALIS).store.snapshot().unwrap().verify_disclosures().unwrap();
    let before = lines(&federation);
    let view = federation.node(BOREALIS).group_take_over("shelter").await.unwrap();
    assert_eq!(view.members.len(), 4);
    assert_eq!(lines(&federation), before + 1, "what waited is passed on in one run");
    federation.until("dunya has it", || meanwhile.iter().all(|value| federation.finds(DUNYA, value))).await;
    federation.share(DUNYA, EVIL, Tlp::Amber, "shelter").await;
    federation.until("cedar has it", || federation.finds(CEDAR, EVIL)).await;
    federation.settle().await;
    assert_eq!(federation.authors(CEDAR, EVIL), [BOREALIS], "the deputy passes it on as its own");
    let old = federation.lookup(DUNYA, "old.example.org");
    assert_eq!(old.len(), 1, "what the owner had passed on is not said twice");
    federation.recall(DUNYA, EVIL).await;
    federation.until("cedar has destroyed it", || !federation.finds(CEDAR, EVIL)).await;
    federation.settle().await;
    for (who, other) in [(CEDAR, DUNYA), (DUNYA, CEDAR)] {
        assert!(!federation.holds_bytes(who, &federation.org(other).0), "nothing at {who:?} names {other:?}");
    }
    // The owner is back: it learns what its deputy has done, and of the members that its deputy knows.
    federation.node(BOREALIS).group_remove("shelter", "dunya").await.unwrap();
    federation.settle().await;
    federation.start(AMAL).await;
    federation.settle().await;
    assert_eq!(members(&federation, AMAL, "shelter"), members(&federation, BOREALIS, "shelter"));
    assert_eq!(members(&federation, AMAL, "shelter").len(), 3);
    federation.node(AMAL).group_take_over("shelter").await.unwrap();
    federation.settle().await;
    assert_eq!(members(&federation, BOREALIS, "shelter").len(), 3);
    federation.share(CEDAR, "last.example.org", Tlp::Amber, "shelter").await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "last.example.org"));
}

#[tokio::test]
async fn a_deputy_that_was_removed_takes_nothing_over() {
    for hidden in [false, true] {
        let federation = Federation::of(3).await;
        let change = |group: &mut watchfire::node::view::GroupCreate| (group.hidden, group.deputy) = (hidden, Some("cedar".into()));
        let group = federation.group_with(AMAL, "circle", &[BOREALIS], change).await;
        federation.settle().await;
        let cedar = federation.org(CEDAR);
        let named = federation.node(CEDAR).store.snapshot().unwrap().group(&group).unwrap().unwrap().definition;
        federation.node(AMAL).group_remove("circle", "cedar").await.unwrap();
        federation.until("cedar knows", || state(&federation, CEDAR, "circle") == "left").await;
        federation.settle().await;
        let refused = federation.node(CEDAR).group_take_over("circle").await.unwrap_err().to_string();
        assert_eq!(
            refused,
            "we are not in the group `circle`\nhint: `watchfire group show circle` tells whose it is; `watchfire group accept circle` \
             where it waits or we left it, else its owner adds us"
        );
        // As if it had not heard of it, or would not.
        let before = watchfire::link::convert::decode_definition(&named.bytes).unwrap();
        let members = before.members.iter().filter(|member| member.org != federation.org(BOREALIS)).cloned().collect();
        let seized = Definition { number: before.number + 1_000, signer: cedar, members, appointment: Some(named), ..before };
        let seized = SignedDefinition::sign(encode_definition(&seized), &federation.node(CEDAR).keys.log_key());
        for who in [AMAL, BOREALIS] {
            assert!(!federation.node(who).take_definition(&cedar, seized.clone()).await.unwrap(), "{who:?}, hidden {hidden}");
            assert_eq!(federation.node(who).group("circle").unwrap().deputy, None);
            assert_eq!(self::members(&federation, who, "circle").len(), 2);
        }
    }
}

#[tokio::test]
async fn the_owner_alone_names_the_deputy_and_a_member_it_is() {
    let federation = Federation::of(4).await;
    federation.group_with(AMAL, "shelter", &[BOREALIS, CEDAR], |group| group.hidden = true).await;
    federation.settle().await;
    let deputy = |who: Who| federation.node(who).group("shelter").unwrap().deputy;
    let amal = federation.node(AMAL);
    let refused = amal.group_deputy("shelter", Some("dunya")).await.unwrap_err().to_string();
    assert_eq!(refused, "`dunya` is not a member of the group `shelter`\nhint: `watchfire group add shelter dunya` makes it one");
    for (next, before) in [(BOREALIS, CEDAR), (CEDAR, BOREALIS)] {
        amal.group_deputy("shelter", Some(NAMES[next.0])).await.unwrap();
        federation.until("the deputy has the list", || members(&federation, next, "shelter").len() == 3).await;
        federation.settle().await;
        assert_eq!([deputy(next), deputy(before)], [Some(federation.org(next)); 2], "everyone knows the heads");
        assert!(federation.node(before).store.snapshot().unwrap().rosters().unwrap().is_empty(), "the list is forgotten");
        assert!(federation.node(before).group_take_over("shelter").await.is_err());
    }
    let cedar = federation.node(CEDAR);
    assert!(cedar.group_deputy("shelter", Some("borealis")).await.is_err());
    let refused = cedar.group_remove("shelter", &federation.org(CEDAR).to_string()).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "whoever signs for a group stays in it\nhint: `watchfire group leave shelter` takes us out, and its owner is to be told"
    );
    amal.group_deputy("shelter", None).await.unwrap();
    federation.settle().await;
    assert_eq!([AMAL, BOREALIS, CEDAR].map(deputy), [None; 3]);
}

#[tokio::test]
async fn a_list_of_members_is_taken_from_the_head_that_signs_alone() {
    let federation = hidden_with_a_deputy().await;
    let group = federation.node(AMAL).group("shelter").unwrap().group_id;
    let whole = federation.node(BOREALIS).store.snapshot().unwrap().roster(&group).unwrap().unwrap();
    let amal = federation.org(AMAL);
    assert!(!federation.node(CEDAR).take_roster(&amal, whole.clone()).await.unwrap(), "cedar is no head");
    assert!(!federation.node(CEDAR).take_definition(&amal, whole.clone()).await.unwrap());
    let cedar = federation.org(CEDAR);
    assert!(!federation.node(BOREALIS).take_roster(&cedar, whole.clone()).await.unwrap(), "cedar does not sign for it");
    let mut definition = watchfire::link::convert::decode_definition(&whole.bytes).unwrap();
    definition.members.retain(|member| member.org != cedar);
    let forged = SignedDefinition::sign(encode_definition(&definition), &federation.node(CEDAR).keys.log_key());
    assert!(!federation.node(BOREALIS).take_roster(&amal, forged).await.unwrap(), "another's signature");
    assert_eq!(members(&federation, BOREALIS, "shelter").len(), 4);
}

#[tokio::test]
async fn green_moves_in_a_community_alone_and_explain_tells_it() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "circle", &[BOREALIS]).await;
    federation.group_with(AMAL, "community", &[BOREALIS], |group| group.community = true).await;
    federation.settle().await;
    let report = federation.try_share(AMAL, EVIL, Tlp::Green, "circle").await;
    assert!(report.released.is_empty() && report.withheld[0].reason.contains("community"), "{report:?}");
    assert!(report.withheld[0].hint.as_deref().unwrap().contains("amber"), "{report:?}");
    for tlp in [Tlp::Clear, Tlp::Amber, Tlp::AmberStrict] {
        federation.share(AMAL, &format!("{}.example.org", tlp.name().replace('+', "-")), tlp, "circle").await;
    }
    federation.share(AMAL, EVIL, Tlp::Green, "community").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, EVIL));
    let told = |to: &str| {
        let explained = federation.node(AMAL).explain(EVIL, to).unwrap();
        let steps: Vec<String> = explained.steps.iter().map(|step| format!("{}: {}", step.rule, step.why)).collect();
        (explained.allowed, steps.join("\n"))
    };
    let (allowed, steps) = told("community");
    assert!(allowed && steps.contains("community: the group is a community, within which TLP:GREEN moves"), "{steps}");
    let (allowed, steps) = told("circle");
    let to_its_author = federation.node(BOREALIS).explain(EVIL, "amal").unwrap();
    let relay = to_its_author.steps.iter().find(|step| step.rule.ends_with("send")).unwrap();
    assert_eq!(relay.why, "it is the reader's own: a node that was restored fetches it back, whatever the label");
    assert!(!allowed && steps.contains("community: TLP:GREEN moves within a community, and this group is not one"), "{steps}");
    assert!(federation.node(BOREALIS).group_community("circle", true).await.is_err(), "its owner alone says what it is");
    federation.node(AMAL).group_community("circle", true).await.unwrap();
    federation.settle().await;
    federation.share(BOREALIS, "green.example.org", Tlp::Green, "circle").await;
    federation.settle().await;
    assert!(federation.finds(AMAL, "green.example.org"));
}

#[tokio::test]
async fn a_member_without_history_gets_nothing_from_before_however_it_asks() {
    let federation = Federation::strangers(2).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    for number in 0..3 {
        federation.share(AMAL, &format!("old{number}.example.org"), Tlp::Amber, "partners").await;
        federation.settle().await;
    }
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    federation.node(AMAL).group_add("partners", ROGUE).await.unwrap();
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    let log = federation.node(AMAL).status().unwrap().logs[0].id.0.to_vec();
    for from in 1..=3 {
        let mut stream = rogue.link().await;
        for frame in have_frames(&[], &[]) {
            stream.say(frame.frame.unwrap()).await;
        }
        let want = |positions| wire::Want { log: log.clone(), from: 0, positions, ..Default::default() };
        stream.say(Kind::Want(want(vec![1, 2, 3, 4]))).await;
        stream.say(Kind::Want(wire::Want { from, credit: 1 << 20, ..want(vec![]) })).await;
        let Kind::Bodies(bodies) = stream.until(|kind| matches!(kind, Kind::Bodies(_))).await else { unreachable!() };
        assert_eq!(bodies.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [4]);
        let Kind::Batch(start) = stream.until(|kind| matches!(kind, Kind::Batch(_))).await else { unreachable!() };
        let meta = start.meta.unwrap();
        assert!(meta.start && start.chunk.is_empty(), "asked from {from}");
        assert_eq!((meta.first, meta.checkpoint.unwrap().size), (4, 3), "asked from {from}");
        let Kind::Batch(next) = stream.until(|kind| matches!(kind, Kind::Batch(_))).await else { unreachable!() };
        assert_eq!(next.meta.unwrap().first, 4);
        stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
        stream.closed().await;
    }
}

#[tokio::test]
async fn a_member_that_comes_back_goes_on_without_what_was_said_meanwhile() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(AMAL, "before.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.node(AMAL).group_remove("partners", "cedar").await.unwrap();
    federation.settle().await;
    federation.share(AMAL, "meanwhile.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.node(AMAL).group_add("partners", "cedar").await.unwrap();
    federation.settle().await;
    federation.share(AMAL, "after.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    for (value, found) in [("before", true), ("meanwhile", false), ("after", true)] {
        assert_eq!(federation.finds(CEDAR, &format!("{value}.example.org")), found, "{value}");
    }
    assert!(federation.finds(BOREALIS, "meanwhile.example.org"));
    federation.recall(AMAL, "before.example.org").await;
    federation.settle().await;
    assert!(!federation.finds(CEDAR, "before.example.org"), "what it has from before is still destroyed");
}

#[tokio::test]
async fn more_groups_of_one_owner_than_the_bound_wait_for_the_operators_word() {
    let federation = Federation::with(2, |_, config| config.link.groups_per_owner_max = 1).await;
    federation.pair(AMAL, BOREALIS).await;
    federation.settle().await;
    federation.group(AMAL, "first", &[BOREALIS]).await;
    federation.settle().await;
    federation.group(AMAL, "second", &[BOREALIS]).await;
    federation.until("borealis has heard of it", || state(&federation, BOREALIS, "second") == "waiting").await;
    assert_eq!(state(&federation, BOREALIS, "first"), "open");
    for group in ["first", "second"] {
        federation.share(AMAL, &format!("{group}.example.org"), Tlp::Amber, group).await;
    }
    federation.until("the first came", || federation.finds(BOREALIS, "first.example.org")).await;
    let report = federation.try_share(BOREALIS, EVIL, Tlp::Amber, "second").await;
    assert!(report.released.is_empty(), "nothing of ours enters it");
    assert!(!federation.finds(BOREALIS, "second.example.org"), "and nothing of it is taken");
    federation.node(BOREALIS).group_accept("second").await.unwrap();
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "second.example.org"));
    federation.share(BOREALIS, EVIL, Tlp::Amber, "second").await;
    federation.settle().await;
    assert!(federation.finds(AMAL, EVIL));
}

#[tokio::test]
async fn whoever_leaves_a_group_stays_out_whatever_its_owner_defines() {
    let mut federation = Federation::of(2).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    federation.share(AMAL, "old.example.org", Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.node(AMAL).group_leave("partners").await.is_err(), "its own group nobody leaves");
    federation.node(BOREALIS).group_leave("partners").await.unwrap();
    federation.restart(BOREALIS).await;
    federation.pass(8 * DAY).await;
    federation.until_upkeep("amal confirms it", || federation.node(AMAL).group("partners").unwrap().number == 2).await;
    federation.share(AMAL, "new.example.org", Tlp::Amber, "partners").await;
    federation.until("borealis knows", || federation.node(BOREALIS).group("partners").unwrap().number == 2).await;
    // What is for it alone comes, one after the other; by then the group's would have come too.
    for value in ["one.example.org", "two.example.org"] {
        federation.share(AMAL, value, Tlp::Amber, "borealis").await;
        federation.until("it came", || federation.finds(BOREALIS, value)).await;
    }
    assert_eq!(state(&federation, BOREALIS, "partners"), "left");
    assert!(!federation.finds(BOREALIS, "new.example.org") && federation.finds(BOREALIS, "old.example.org"));
    federation.node(BOREALIS).group_accept("partners").await.unwrap();
    federation.settle().await;
    assert!(federation.finds(BOREALIS, "new.example.org"), "it may come back");
}

#[tokio::test]
async fn on_a_stale_definition_nothing_is_caught_up_or_relayed_but_recalls() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.settle().await;
    federation.share(BOREALIS, EVIL, Tlp::Amber, "partners").await;
    federation.settle().await;
    federation.cut(AMAL, BOREALIS);
    federation.cut(AMAL, CEDAR);
    federation.cut(BOREALIS, CEDAR);
    federation.share(BOREALIS, "early.example.org", Tlp::Amber, "partners").await;
    federation.pass(15 * DAY).await;
    federation.heal(BOREALIS, CEDAR);
    federation.until("they meet", || federation.node(CEDAR).link_view(&federation.org(BOREALIS)).up).await;
    federation.recall(BOREALIS, EVIL).await;
    federation.until("the recall came", || !federation.finds(CEDAR, EVIL)).await;
    federation.settle().await;
    assert!(!federation.finds(CEDAR, "early.example.org"), "who has left since is not known");
    federation.heal(AMAL, BOREALIS);
    federation.heal(AMAL, CEDAR);
    federation.until_upkeep("the owner's word has come", || federation.finds(CEDAR, "early.example.org")).await;
    federation.settle().await;
}

/// A group of an owner whom nobody knows, whose deputy the rogue is.
fn of_an_invented_owner(owner: &Identity, rogue: &Identity, victim: &Federation) -> SignedDefinition {
    let nonce = watchfire::model::crypto::random();
    let member = |identity: &Identity| Member { org: identity.org(), card: identity.card().bytes().to_vec(), since: 0 };
    let amal = Member { org: victim.org(AMAL), card: victim.node(AMAL).keys.card().bytes().to_vec(), since: 0 };
    let mut members = vec![member(owner), member(rogue), amal];
    members.sort_by_key(|member| member.org);
    let appointed = Definition {
        group: group_id(&owner.org(), &nonce),
        nonce,
        number: 1,
        owner: owner.org(),
        deputy: Some(rogue.org()),
        name: "friends".into(),
        visibility: Visibility::Visible,
        community: true,
        history: true,
        members,
        confirmed: victim.clock.now(),
        signer: owner.org(),
        appointment: None,
    };
    let appointment = Some(SignedDefinition::sign(encode_definition(&appointed), &owner.log_key()));
    let taken_over = Definition { number: 2, signer: rogue.org(), appointment, ..appointed };
    SignedDefinition::sign(encode_definition(&taken_over), &rogue.log_key())
}

#[tokio::test]
async fn groups_of_invented_owners_wait_and_are_bounded() {
    let federation = Federation::strangers(1).await;
    let rogue = Rogue::paired_with(&federation, AMAL).await;
    let owner = Rogue::paired_with_nobody(&federation);
    let mut stream = rogue.link().await;
    for _ in 0..60 {
        let signed = of_an_invented_owner(&owner, &rogue.identity, &federation);
        let chunk = wire::SignedDefinition { definition: signed.bytes, signature: signed.signature.to_vec() }.encode_to_vec();
        stream.say(Kind::Definition(wire::DefinitionPart { chunk, last: true })).await;
    }
    stream.say(Kind::Hello(rogue.hello(vec![1]))).await;
    stream.closed().await;
    let groups = federation.node(AMAL).groups().unwrap();
    assert_eq!(groups.len(), 50, "so many may wait");
    assert!(groups.iter().all(|group| group.state == "waiting"));
    // With the owner's pairing they are the owner's to make.
    federation.node(AMAL).peer_add(&owner.card().to_text(), "owner", PeerOptions::default()).await.unwrap();
    let signed = of_an_invented_owner(&owner, &rogue.identity, &federation);
    assert!(federation.node(AMAL).take_definition(&rogue.identity.org(), signed).await.unwrap());
    let groups = federation.node(AMAL).groups().unwrap();
    let open: Vec<_> = groups.iter().filter(|group| group.state == "open").collect();
    assert_eq!(open.len(), 1);
    let audience = Audience::Group(open[0].group_id);
    assert!(federation.node(AMAL).store.snapshot().unwrap().our_log(&audience).unwrap().is_none(), "nothing of ours is in it");
}
