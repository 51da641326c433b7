//! Profiles: each reader gets the fields of its audience and no other, and peers are ranked by what they told.

use crate::harness::*;
use watchfire::model::vocabulary::Code;
use watchfire::node::NodeError;
use watchfire::node::profile::{MatchView, NeedRequest, ProfileSet, ProfileView, PublishView};
use watchfire::node::referral::By;

const DAY_MS: u64 = 86_400_000;

fn code(text: &str) -> Code {
    text.parse().unwrap()
}

/// A desk that takes over cases of taken accounts.
fn desk(more: &str, audience: &str) -> String {
    format!(
        "services = [\"incident_response_support\"]\nincident_types = [\"account_compromise\"]\n\
         regions = [\"middle_east_north_africa\"]\nlanguages = [\"ar native\"]\n{more}\n[audience]\n{audience}\n"
    )
}

fn need() -> NeedRequest {
    NeedRequest {
        incident_types: vec![code("account_compromise")],
        help_wanted: vec![code("take_over")],
        region: Some(code("middle_east_north_africa")),
        languages: vec!["ar".into()],
        priority: Some(code("urgent")),
        ..NeedRequest::default()
    }
}

impl Federation {
    pub(crate) async fn profile(&self, who: Who, text: &str) -> PublishView {
        self.try_profile(who, Some(text)).await.unwrap()
    }

    async fn try_profile(&self, who: Who, text: Option<&str>) -> Result<PublishView, NodeError> {
        self.node(who).profile_set(ProfileSet { text: text.map(str::to_owned) }, By::default()).await
    }

    fn profile_seen(&self, who: Who, of: Who) -> Option<ProfileView> {
        let org = self.org(of).to_string();
        match self.node(who).profile_view(Some(&org), None) {
            Ok(view) => Some(view),
            Err(NodeError::UnknownProfile(_)) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// The values of a field as somebody sees them.
    fn states(&self, who: Who, of: Who, field: &str) -> Vec<String> {
        let view = self.profile_seen(who, of);
        view.into_iter().flat_map(|view| view.fields).filter(|one| one.name == field).flat_map(|one| one.values).collect()
    }

    fn matching(&self, who: Who) -> MatchView {
        self.node(who).match_need(&need()).unwrap()
    }

    /// Who ranks, in order.
    fn ranked(&self, who: Who) -> Vec<String> {
        self.matching(who).ranked.into_iter().map(|one| one.name).collect()
    }
}

fn whats(view: &PublishView) -> Vec<(String, String)> {
    let mut whats: Vec<_> = view.audiences.iter().map(|told| (told.name.clone(), told.what.clone())).collect();
    whats.sort();
    whats
}

#[tokio::test]
async fn each_reader_gets_the_fields_of_its_audience_and_no_other() {
    let mut federation = Federation::of(3).await;
    // What stands in a restricted field is nowhere but with the named, in no frame and no store: the harness looks when it is dropped.
    let restricted = federation.secret(&[AMAL, BOREALIS]);
    let nobodys = federation.secret(&[AMAL]);
    let lists = federation.data(AMAL).join("vocabularies");
    std::fs::create_dir(&lists).unwrap();
    let own = format!("name = \"platform\"\nversion = \"own-1\"\n[[code]]\ncode = \"{restricted}\"\ntitle = \"Ours\"\n");
    std::fs::write(lists.join("platform.toml"), own).unwrap();
    federation.restart(AMAL).await;
    let text = desk(
        &format!("pseudonym = \"A desk in the Levant\"\nplatform_channels = [\"{restricted}\"]\nagreements = [\"{nobodys}\"]"),
        "platform_channels = [\"borealis\"]\nagreements = []",
    );
    let view = federation.profile(AMAL, &text).await;
    assert_eq!(whats(&view), [("borealis".into(), "new".into()), ("cedar".into(), "new".into())]);
    federation.settle().await;
    assert_eq!(federation.states(BOREALIS, AMAL, "platform_channels"), std::slice::from_ref(&restricted));
    assert_eq!(federation.states(CEDAR, AMAL, "platform_channels"), Vec::<String>::new());
    for who in [BOREALIS, CEDAR] {
        assert_eq!(federation.states(who, AMAL, "services"), ["incident_response_support"]);
        assert_eq!(federation.states(who, AMAL, "agreements"), Vec::<String>::new());
        assert_eq!(federation.states(who, AMAL, "pseudonym"), ["A desk in the Levant"]);
    }
    assert!(federation.holds(BOREALIS, &restricted) && !federation.holds(CEDAR, &restricted));
    assert!(!federation.holds(BOREALIS, &nobodys) && !federation.holds(CEDAR, &nobodys));
    // As the person at the desk sees beforehand.
    let seen = federation.node(AMAL).profile_view(None, Some("cedar")).unwrap();
    assert!(!seen.fields.iter().any(|field| field.name == "platform_channels" || field.name == "agreements"));
}

#[tokio::test]
async fn a_group_that_is_no_community_is_told_what_is_public_and_a_hidden_one_nothing() {
    let federation = Federation::of(2).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.group_with(AMAL, "community", &[BOREALIS], |create| create.community = true).await;
    federation.group_with(AMAL, "sources", &[BOREALIS], |create| create.hidden = true).await;
    federation.settle().await;
    let view = federation.profile(AMAL, &desk("pseudonym = \"A desk\"", "")).await;
    let told: Vec<(&str, usize)> = view.audiences.iter().map(|told| (told.name.as_str(), told.fields.len())).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.contains(&("partners", 1)) && told.contains(&("community", 5)) && told.contains(&("borealis", 5)), "{told:?}");
}

#[tokio::test]
async fn a_newer_profile_supersedes_the_older_and_destroys_it() {
    let federation = Federation::of(2).await;
    let (old, new) = (word(), word());
    federation.profile(AMAL, &desk(&format!("agreements = [\"{old}\"]"), "")).await;
    federation.settle().await;
    assert!(federation.holds(BOREALIS, &old));
    federation.profile(AMAL, &desk(&format!("agreements = [\"{new}\"]"), "")).await;
    federation.settle().await;
    assert_eq!(federation.states(BOREALIS, AMAL, "agreements"), [new]);
    let bodies = |who: Who| federation.node(who).store.snapshot().unwrap().heard_profiles().unwrap().len();
    assert_eq!((bodies(AMAL), bodies(BOREALIS)), (1, 1), "one for each log");
    let kept = |who: Who| {
        let status = federation.node(who).status().unwrap();
        status.records.get("profile").copied().unwrap_or_default()
    };
    assert_eq!((kept(AMAL), kept(BOREALIS)), (1, 1), "the older one's body is destroyed");
    // What is not stated any more is not known any more.
    federation.profile(AMAL, &desk("", "")).await;
    federation.settle().await;
    assert_eq!(federation.states(BOREALIS, AMAL, "agreements"), Vec::<String>::new());
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again_before_it_is_about_to_be_stale() {
    let federation = Federation::of(2).await;
    let sent = || federation.entries(BOREALIS, AMAL);
    federation.profile(AMAL, &desk("", "")).await;
    federation.settle().await;
    let before = sent();
    assert_eq!(whats(&federation.profile(AMAL, &desk("", "")).await), [("borealis".into(), "unchanged".into())]);
    federation.settle().await;
    assert_eq!(sent(), before);
    federation.pass(24 * DAY_MS).await;
    assert_eq!(whats(&federation.try_profile(AMAL, None).await.unwrap()), [("borealis".into(), "unchanged".into())]);
    federation.pass(2 * DAY_MS).await;
    assert_eq!(whats(&federation.try_profile(AMAL, None).await.unwrap()), [("borealis".into(), "confirmed".into())]);
    federation.settle().await;
    assert_eq!(sent(), before + 1);
    assert!(!federation.profile_seen(BOREALIS, AMAL).unwrap().stale);
    federation.pass(31 * DAY_MS).await;
    assert!(federation.profile_seen(BOREALIS, AMAL).unwrap().stale, "nobody confirmed it for 31 days");
}

#[tokio::test]
async fn a_stale_profile_ranks_lower_and_who_takes_no_cases_never_ranks() {
    let federation = Federation::around_amal(4).await;
    federation.profile(BOREALIS, &desk("intake = \"within_days\"", "")).await;
    federation.settle().await;
    federation.pass(31 * DAY_MS).await;
    federation.profile(CEDAR, &desk("intake = \"within_days\"", "")).await;
    federation.profile(DUNYA, &desk("intake = \"not_accepting\"", "")).await;
    federation.settle().await;
    let matching = federation.matching(AMAL);
    let ranked: Vec<(&str, bool)> = matching.ranked.iter().map(|one| (one.name.as_str(), one.stale)).collect();
    assert_eq!(ranked, [("cedar", false), ("borealis", true)]);
    assert!(matching.ranked[1].warnings.iter().any(|warning| warning.starts_with("not confirmed for 31 days")), "{matching:?}");
    assert_eq!(matching.excluded.len(), 1);
    assert_eq!(matching.excluded[0].why, "takes no new cases");
    // Ninety days after it was sent nothing of it is left to rank by.
    federation.pass(60 * DAY_MS).await;
    assert_eq!(federation.ranked(AMAL), ["cedar"]);
}

#[tokio::test]
async fn who_is_in_a_group_and_no_peer_is_known_there_and_not_offered() {
    let federation = Federation::around_amal(3).await;
    federation.group_with(AMAL, "community", &[BOREALIS, CEDAR], |create| create.community = true).await;
    federation.settle().await;
    federation.profile(BOREALIS, &desk("", "")).await;
    federation.settle().await;
    assert_eq!(federation.states(CEDAR, BOREALIS, "services"), ["incident_response_support"], "as a member of the group");
    assert_eq!(federation.ranked(CEDAR), Vec::<String>::new(), "nobody can refer to it");
    assert_eq!(federation.ranked(AMAL), ["borealis"]);
    assert!(federation.node(CEDAR).profile_of(&federation.org(BOREALIS)).unwrap().is_some());
}

#[tokio::test]
async fn a_new_peer_and_a_new_member_are_told_by_themselves_and_a_removed_peer_is_not_ranked() {
    let federation = Federation::strangers(3).await;
    federation.pair(AMAL, BOREALIS).await;
    let view = federation.profile(BOREALIS, &desk("", "")).await;
    assert_eq!(view.audiences.len(), 1);
    federation.pair(BOREALIS, CEDAR).await;
    federation.settle().await;
    federation.until_upkeep("cedar is told", || federation.profile_seen(CEDAR, BOREALIS).is_some()).await;
    federation.settle().await;
    assert_eq!(federation.ranked(CEDAR), ["borealis"]);
    federation.node(CEDAR).peer_remove("borealis").await.unwrap();
    assert_eq!(federation.ranked(CEDAR), Vec::<String>::new());
    assert_eq!(federation.ranked(AMAL), ["borealis"]);
}

#[tokio::test]
async fn what_is_in_no_list_of_ours_survives_and_is_no_refusal() {
    let mut federation = Federation::of(2).await;
    let rules = federation.data(AMAL).join("vocabularies");
    std::fs::create_dir_all(&rules).unwrap();
    let node = federation.node(AMAL);
    let mut list = node.vocabularies.get("capacity-band").unwrap().clone();
    list.version = "amal-1".into();
    let mut newer = list.entries[0].clone();
    newer.code = code("by_moonlight");
    list.entries.push(newer);
    std::fs::write(rules.join("capacity-band.toml"), toml::to_string(&list).unwrap()).unwrap();
    federation.restart(AMAL).await;
    federation.profile(AMAL, &desk("capacity = \"by_moonlight\"", "")).await;
    federation.settle().await;
    assert_eq!(federation.states(BOREALIS, AMAL, "capacity"), ["by_moonlight"]);
    let matching = federation.matching(BOREALIS);
    assert!(matching.ranked[0].warnings.iter().any(|warning| warning.contains("`by_moonlight`")), "{matching:?}");
}

#[tokio::test]
async fn the_gate_looks_at_what_a_profile_says_in_words_but_not_at_our_own_name() {
    let federation = Federation::of(2).await;
    let view =
        federation.profile(AMAL, &desk("display_name = \"Anna Kim Foundation\"\nfees = \"ask anna.kim@example.org about them\"", "")).await;
    federation.settle().await;
    assert_eq!(view.audiences[0].findings.replaced[0].field, "fees");
    assert!(!federation.holds(BOREALIS, "anna.kim@example.org"));
    assert_eq!(federation.states(BOREALIS, AMAL, "display_name"), ["Anna Kim Foundation"]);
}

#[tokio::test]
async fn there_is_nothing_to_confirm_before_there_is_a_profile() {
    let federation = Federation::of(1).await;
    assert!(matches!(federation.try_profile(AMAL, None).await, Err(NodeError::NoProfile)));
    let wrong = federation.try_profile(AMAL, Some("services = [\"incident_response_suport\"]")).await.unwrap_err();
    assert!(wrong.to_string().starts_with("line 1: `services`: there is no"), "{wrong}");
    assert!(federation.node(AMAL).profile_check("services = [\"scanning\"]").unwrap().dry_run);
}
