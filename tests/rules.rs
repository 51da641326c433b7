//! The rules against oracles that say the same in another way: sets of who may tell whom, and a table of labels.

use proptest::prelude::*;
use std::sync::Arc;
use watchfire::model::crypto::SigningKey;
use watchfire::model::group::{CONFIRMED_MS_MAX, Definition, Member, Visibility, group_id};
use watchfire::model::log::{AbsentReason, Audience, Batch, BatchEntry, Body, Head, LogKey};
use watchfire::model::{Ceiling, Indicator, Observable, ObservableKind, OrgId, Record, RecordKind, Timestamp, Tlp};
use watchfire::rules::gate::{Gate, Origin, Told};
use watchfire::rules::label::{AudienceState, Held, Way, Withheld, may_enter, may_offer, outbound};
use watchfire::rules::lists::{self, Severities, Severity};
use watchfire::rules::may::{About, Action, To, may};
use watchfire::rules::policy::Allowance;
use watchfire::rules::release::{Draft, LABEL_MAX, LABELS_MAX, Look, NOTE_MAX, SOURCE_MAX, release};
use watchfire::rules::retain::{AGREES_MS, clocks_agree, has_expired};

/// Five organisations are enough for author, sender, reader, owner and deputy to be all different.
const ORGS: u8 = 5;

fn org(number: u8) -> OrgId {
    OrgId([number; 32])
}

fn orgs() -> impl Iterator<Item = OrgId> {
    (0..ORGS).map(org)
}

prop_compose! {
    fn definitions()(
        owner in 0..ORGS,
        deputy in proptest::option::of(0..ORGS),
        members in proptest::collection::btree_set(0..ORGS, 2..=usize::from(ORGS)),
        hidden in any::<bool>(),
        community in any::<bool>(),
        history in any::<bool>(),
        confirmed in 0..3 * CONFIRMED_MS_MAX,
    ) -> Definition {
        let members = members.into_iter().chain([owner]).collect::<std::collections::BTreeSet<_>>();
        Definition {
            group: group_id(&org(owner), &[0; 16]),
            nonce: [0; 16],
            number: 1,
            owner: org(owner),
            deputy: deputy.map(org),
            name: String::new(),
            visibility: if hidden { Visibility::Hidden } else { Visibility::Visible },
            community,
            history,
            members: members.into_iter().map(|number| Member { org: org(number), card: Vec::new(), since: 0 }).collect(),
            confirmed: Timestamp(confirmed),
            signer: org(owner),
            appointment: None,
        }
    }
}

fn labels() -> impl Strategy<Value = Tlp> {
    proptest::sample::select(Tlp::ALL.to_vec())
}

/// TLP 2.0 by the sentence: RED is for individuals; GREEN for a community; AMBER and AMBER+STRICT stay with those they are given to;
/// CLEAR goes anywhere.
const ENTERS: [(Tlp, bool, bool); 5] = [
    // label, a community, any other group
    (Tlp::Clear, true, true),
    (Tlp::Green, true, false),
    (Tlp::Amber, true, true),
    (Tlp::AmberStrict, true, true),
    (Tlp::Red, false, false),
];

fn may_release(tlp: Tlp, state: AudienceState<'_>, us: &OrgId, now: Timestamp) -> Result<(), Withheld> {
    let about = About { label: tlp.into(), kind: 1, retention: Timestamp(0) };
    may(Action::Release, &about, &To::Audience { state, us }, now).map(drop)
}

fn enters(tlp: Tlp, community: bool) -> bool {
    let (_, open, closed) = ENTERS.into_iter().find(|(label, ..)| *label == tlp).expect("every label stands in the table");
    if community { open } else { closed }
}

/// Everyone who may tell whom of a log, as a list of pairs.
fn tellers(log: &LogKey, group: Option<&Definition>) -> Vec<(OrgId, OrgId)> {
    let all: Vec<(OrgId, OrgId)> = orgs().flat_map(|from| orgs().map(move |to| (from, to))).collect();
    match (log.audience, group) {
        (Audience::Direct(to), _) => vec![(log.author, to), (to, log.author)],
        (Audience::Group(_), None) => Vec::new(),
        (Audience::Group(_), Some(group)) => {
            let members: Vec<OrgId> = group.members.iter().map(|member| member.org).collect();
            let heads: Vec<OrgId> = [Some(group.owner), group.deputy].into_iter().flatten().collect();
            let within = all.into_iter().filter(|(from, to)| members.contains(from) && members.contains(to));
            match group.visibility {
                Visibility::Visible => within.collect(),
                Visibility::Hidden => within
                    .filter(|(from, to)| [from, to].into_iter().any(|one| heads.contains(one)))
                    .filter(|(from, to)| [*from, *to].contains(&log.author))
                    .collect(),
            }
        }
    }
}

fn log(author: u8, to: Option<u8>, group: &Definition) -> LogKey {
    let audience = to.map_or(Audience::Group(group.group), |to| Audience::Direct(org(to)));
    LogKey { author: org(author), incarnation: 1, audience }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_label_enters_what_the_table_says(tlp in labels(), group in definitions(), us in 0..ORGS, now in 0..5 * CONFIRMED_MS_MAX, open in any::<bool>()) {
        let (us, now) = (org(us), Timestamp(now));
        prop_assert_eq!(may_enter(tlp, &group).is_ok(), enters(tlp, group.community));
        let fresh = now.0.saturating_sub(group.confirmed.0) <= CONFIRMED_MS_MAX;
        let member = group.members.iter().any(|member| member.org == us);
        let expected = enters(tlp, group.community) && fresh && member;
        prop_assert_eq!(may_release(tlp, AudienceState::Group { definition: &group, ceiling: Ceiling::NONE }, &us, now).is_ok(), expected);
        prop_assert_eq!(may_release(tlp, AudienceState::Peer { open, allowance: Allowance::OPEN }, &us, now).is_ok(), open);
        prop_assert!(may_release(tlp, AudienceState::Unknown, &us, now).is_err());
    }

    #[test]
    fn a_log_goes_along_the_listed_pairs_and_no_others(author in 0..ORGS, to in proptest::option::of(0..ORGS), group in definitions(), known in any::<bool>()) {
        let log = log(author, to, &group);
        let known = known.then_some(&group);
        let pairs = tellers(&log, known);
        for (us, reader) in orgs().flat_map(|us| orgs().map(move |reader| (us, reader))).filter(|(us, reader)| us != reader) {
            prop_assert_eq!(may_offer(&log, &us, &reader, known).is_ok(), pairs.contains(&(us, reader)), "{:?} to {:?}", us, reader);
        }
    }

    #[test]
    fn a_batch_leaves_without_what_its_sender_may_not_pass_on(
        author in 0..ORGS,
        to in proptest::option::of(0..ORGS),
        group in definitions(),
        us in 0..ORGS,
        reader in 0..ORGS,
        entries in proptest::collection::vec((proptest::sample::select(vec![1u8, 8, 9, 10, 77]), labels()), 1..6),
        signed_under in 0u64..4,
        joined in 0u64..4,
        now in 0..5 * CONFIRMED_MS_MAX,
    ) {
        prop_assume!(us != reader);
        let (log, us, reader, now) = (log(author, to, &group), org(us), org(reader), Timestamp(now));
        let entry = |(kind, tlp): &(u8, Tlp)| BatchEntry {
            created: Timestamp(0),
            kind: *kind,
            label: (*tlp).into(),
            retention: Timestamp(0),
            body: Body::Present(vec![*kind]),
        };
        let key = SigningKey::from_seed([3; 32]);
        let sealed = Batch::seal(log.id(), Head::default(), entries.iter().map(entry).collect(), [1; 32], now, signed_under, &key).unwrap();
        let in_group = matches!(log.audience, Audience::Group(_));
        let group = in_group.then_some(&group);
        let way = Way { log: &log, us: &us, reader: &reader, group, joined, allowance: Allowance::OPEN, now };
        let fresh = group.is_none_or(|group| now.0.saturating_sub(group.confirmed.0) <= CONFIRMED_MS_MAX) || log.author == reader;
        // Whoever passes another's on knows who was in the group when it was sealed.
        let known = log.author == us || log.author == reader || group.is_none_or(|group| signed_under <= group.number);
        let open = tellers(&log, group).contains(&(us, reader)) && fresh && known && signed_under >= joined;
        let sent = outbound(Held(sealed.clone()), &way);
        prop_assert_eq!(sent.is_ok(), open);
        let Ok(sent) = sent else { return Ok(()) };
        let sent = sent.get();
        // What is withheld gives way to its hash, and the rest is what was signed: so the reader can check the whole.
        prop_assert!(sent.verify(log.id(), Head::default(), &key.public()).is_ok());
        for ((kind, tlp), entry) in entries.iter().zip(&sent.entries) {
            let first_hand = log.author == us || log.author == reader;
            let about_entries = [RecordKind::Withdrawal, RecordKind::Receipt, RecordKind::KeyChange].map(RecordKind::number).contains(kind);
            let red_in_group = in_group && *tlp == Tlp::Red;
            let its_author_or_up_to_amber = log.author == us || [Tlp::Clear, Tlp::Green, Tlp::Amber].contains(tlp);
            let passes = log.author == reader || about_entries || (!red_in_group && its_author_or_up_to_amber);
            let about = About { label: (*tlp).into(), kind: *kind, retention: Timestamp(0) };
            let action = if first_hand { Action::Send } else { Action::Relay };
            prop_assert_eq!(may(action, &about, &To::Reader(&way), now).is_ok(), passes);
            match &entry.body {
                Body::Present(body) => prop_assert!(passes && body == &[*kind]),
                Body::Absent { reason, .. } => prop_assert!(!passes && *reason == AbsentReason::Withheld),
            }
        }
    }
}

/// A gate that was told nothing, and lets names for examples through.
fn lenient() -> Gate {
    let reserved = Severities { documentation: Severity::Warn, ..Severities::default() };
    Gate { told: Arc::new(Told { lists: lists::Gate { reserved, ..lists::Gate::default() }, ..Told::default() }), ..Gate::default() }
}

proptest! {
    #[test]
    fn what_the_gate_lets_out_is_within_its_bounds_and_says_nothing_new(
        note in proptest::option::of(".{0,3000}"),
        source in proptest::option::of(".{0,400}"),
        labels_of in proptest::collection::vec(".{0,200}", 0..40),
        tlp in labels(),
        open in any::<bool>(),
    ) {
        let observable = Observable::parse(ObservableKind::Domain, "evil.example").unwrap();
        let indicator = Indicator { note: note.clone(), source: source.clone(), labels: labels_of.clone(), ..Indicator::bare(observable) };
        let draft = Draft { record: Record::Indicator(indicator), label: tlp.into(), audience: Audience::Direct(org(1)), retention: Timestamp(7) };
        let gate = lenient();
        let look = Look { gate: &gate, inside: &[], origin: Origin::Ours, permission: None };
        let out = release(draft, AudienceState::Peer { open, allowance: Allowance::OPEN }, &org(0), Timestamp(0), look);
        prop_assert_eq!(out.is_ok(), open);
        let Ok(out) = out else { return Ok(()) };
        // What gives way to placeholders is not what was given.
        prop_assume!(out.findings.replaced.is_empty());
        let out = out.draft.get();
        prop_assert_eq!((out.label, out.audience, out.retention), (tlp.into(), Audience::Direct(org(1)), Timestamp(7)));
        let Record::Indicator(left) = &out.record else { panic!("an indicator stays one") };
        let within = |text: &Option<String>, before: &Option<String>, most: usize| match (text, before) {
            (Some(text), Some(before)) => text.chars().count() <= most && before.starts_with(text.as_str()),
            (None, None) => true,
            _ => false,
        };
        prop_assert!(within(&left.note, &note, NOTE_MAX) && within(&left.source, &source, SOURCE_MAX));
        prop_assert!(left.labels.len() <= LABELS_MAX);
        prop_assert!(left.labels.iter().zip(&labels_of).all(|(left, before)| left.chars().count() <= LABEL_MAX && before.starts_with(left.as_str())));
    }

    #[test]
    fn clocks_agree_when_two_do_or_the_one_there_is_and_no_more_disagree(offsets in proptest::collection::vec(-3i64..=3, 0..7), peers in 0usize..7) {
        // In units of the tolerance: 1 is within it, 2 is not.
        let in_ms: Vec<i64> = offsets.iter().map(|offset| offset * AGREES_MS as i64).collect();
        let yes = offsets.iter().filter(|offset| (-1..=1).contains(*offset)).count();
        let no = offsets.len() - yes;
        let enough = if peers >= 2 { yes >= 2 } else { yes >= 1 };
        prop_assert_eq!(clocks_agree(&in_ms, peers), enough && yes > no);
    }

    #[test]
    fn what_has_expired_stays_expired(retention in 0u64..100, now in 0u64..100, later in 0u64..100) {
        let (retention, now, later) = (Timestamp(retention), Timestamp(now), Timestamp(now + later));
        prop_assert!(!has_expired(retention, now) || has_expired(retention, later));
        prop_assert_eq!(has_expired(retention, now), retention.0 > 0 && retention.0 <= now.0);
    }
}
