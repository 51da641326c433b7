//! The whole table of labels against an oracle that was written from docs/labels.md alone.

#[rustfmt::skip]
mod oracle;

use oracle::{Agreement, Audience, Bound, Group, Reader, Said, Sink, To, Viewer};
use watchfire::model::desk::Role;
use watchfire::model::group::{CONFIRMED_MS_MAX, Definition, Member, Visibility, group_id};
use watchfire::model::log::{self, LogKey};
use watchfire::model::{Ceiling, Class, Label, OrgId, Pap, RecordKind, Timestamp, Tlp};
use watchfire::rules::label::{AudienceState, Way};
use watchfire::rules::may::{self, About, Action, Person, may, trace};
use watchfire::rules::policy::{self, Allowance, Policy};

const US: OrgId = OrgId([1; 32]);
const PEER: OrgId = OrgId([2; 32]);
const OTHER: OrgId = OrgId([3; 32]);
const NOW: Timestamp = Timestamp(CONFIRMED_MS_MAX + 1_000);
const BOUNDS: [Bound; 4] = [
    Bound { tlp: 4, class: 2, pap: 3 },
    Bound { tlp: 3, class: 1, pap: 1 },
    Bound { tlp: 2, class: 2, pap: 2 },
    Bound { tlp: 0, class: 0, pap: 0 },
];
const SINKS: [Sink; 8] = [Sink::Release, Sink::Send, Sink::Relay, Sink::Search, Sink::List, Sink::Count, Sink::Export, Sink::Statistics];

fn said() -> Vec<Said> {
    let mut all = Vec::new();
    for (tlp, class, pap) in (0..5).flat_map(|tlp| (0..3).flat_map(move |class| (0..4).map(move |pap| (tlp, class, pap)))) {
        for (about_entries, withdrawal, over) in
            [(false, false, false), (false, false, true), (true, false, false), (true, true, false), (true, true, true)]
        {
            all.push(Said { tlp, class, pap, about_entries, withdrawal, over });
        }
    }
    all
}

fn agreements() -> Vec<Agreement> {
    [Agreement::None, Agreement::Ended].into_iter().chain(BOUNDS.map(Agreement::Of)).collect()
}

fn ceilings() -> Vec<Option<Bound>> {
    [None].into_iter().chain(BOUNDS.map(Some)).collect()
}

fn tos() -> Vec<To> {
    let mut all: Vec<Audience> = vec![Audience::Unknown, Audience::Unconfirmed, Audience::Former, Audience::NotAccepted];
    all.extend(agreements().into_iter().flat_map(|one| [Audience::Suspended(one), Audience::Peer(one)]));
    let flags = || [false, true].into_iter();
    for (member, fresh, community) in flags().flat_map(|a| flags().flat_map(move |b| flags().map(move |c| (a, b, c)))) {
        all.extend(ceilings().into_iter().map(|ceiling| Audience::Group(Group { member, fresh, community, ceiling })));
    }
    let mut tos: Vec<To> = all.into_iter().map(To::Audience).collect();
    for agreement in agreements() {
        for (ours, its_own) in [(true, false), (false, true), (false, false)] {
            for (in_group, in_audience, fresh) in flags().flat_map(|a| flags().flat_map(move |b| flags().map(move |c| (a, b, c)))) {
                // Between two nodes there is no log of a third that is direct to one of them and in the audience of the other.
                let possible = in_group || ours || its_own || !in_audience;
                let ceilings = if in_group { ceilings() } else { vec![None] };
                let readers =
                    ceilings.into_iter().map(|ceiling| Reader { ours, its_own, in_group, in_audience, fresh, agreement, ceiling });
                tos.extend(readers.filter(|_| possible).map(To::Reader));
            }
        }
    }
    let people = [Viewer::Operator, Viewer::Handler, Viewer::Lead, Viewer::Director, Viewer::Coordinator, Viewer::Anybody];
    tos.extend(people.into_iter().chain(BOUNDS.map(Viewer::Tool)).map(To::Viewer));
    tos
}

fn ceiling(bound: Bound) -> Ceiling {
    let Bound { tlp, class, pap } = bound;
    Ceiling { tlp: Tlp::ALL[usize::from(tlp)], class: Class::ALL[usize::from(class)], pap: Pap::ALL[usize::from(pap)] }
}

fn about(said: Said) -> About {
    let label = Label::new(Tlp::ALL[usize::from(said.tlp)], Class::ALL[usize::from(said.class)], Pap::ALL[usize::from(said.pap)]);
    let kind = match (said.withdrawal, said.about_entries) {
        (true, _) => RecordKind::Withdrawal,
        (false, true) => RecordKind::Receipt,
        (false, false) => RecordKind::Indicator,
    };
    About { label, kind: kind.number(), retention: if said.over { NOW } else { NOW.plus(1) } }
}

const fn action(sink: Sink) -> Action {
    match sink {
        Sink::Release => Action::Release,
        Sink::Send => Action::Send,
        Sink::Relay => Action::Relay,
        Sink::Search => Action::Search,
        Sink::List => Action::List,
        Sink::Count => Action::Count,
        Sink::Export => Action::Export,
        Sink::Statistics => Action::Statistics,
    }
}

/// A policy with that agreement, or that ceiling for the group.
fn in_force(agreement: Agreement, group: Option<Bound>) -> Policy {
    let signed = |bound, until| policy::Agreement { ceiling: ceiling(bound), nda: Some("NDA".into()), until: Some(until) };
    let agreement = match agreement {
        Agreement::None => None,
        Agreement::Of(bound) => Some(signed(bound, NOW.plus(1))),
        Agreement::Ended => Some(signed(BOUNDS[0], NOW)),
    };
    Policy {
        peers: agreement.into_iter().map(|agreement| (PEER, agreement)).collect(),
        groups: group.into_iter().map(|bound| (group_id(&OTHER, &[0; 16]), ceiling(bound))).collect(),
        ..Policy::default()
    }
}

fn allowance(agreement: Agreement) -> Allowance {
    in_force(agreement, None).allowance(&PEER, NOW)
}

fn definition(members: &[OrgId], fresh: bool, community: bool) -> Definition {
    Definition {
        group: group_id(&OTHER, &[0; 16]),
        nonce: [0; 16],
        number: 1,
        owner: OTHER,
        deputy: None,
        name: String::new(),
        visibility: Visibility::Visible,
        community,
        history: true,
        members: members.iter().map(|org| Member { org: *org, card: vec![], since: 0 }).collect(),
        confirmed: if fresh { NOW } else { Timestamp(0) },
        signer: OTHER,
        appointment: None,
    }
}

/// What the rules say.
fn decided(sink: Sink, said: Said, to: To) -> bool {
    let (action, about) = (action(sink), about(said));
    let ask = |to: &may::To<'_>| {
        let verdict = may(action, &about, to, NOW);
        let steps = trace(action, &about, to, NOW);
        let last = steps.last().expect("something was looked at").verdict.clone();
        assert_eq!(last, verdict.clone().map(Some), "the trace ends with the decision");
        verdict.is_ok()
    };
    match to {
        To::Audience(Audience::Group(Group { member, fresh, community, ceiling })) => {
            let members: &[OrgId] = if member { &[US, PEER, OTHER] } else { &[PEER, OTHER] };
            let definition = definition(members, fresh, community);
            let ceiling = in_force(Agreement::None, ceiling).ceiling(&definition.group);
            ask(&may::To::Audience { state: AudienceState::Group { definition: &definition, ceiling }, us: &US })
        }
        To::Audience(audience) => {
            let state = match audience {
                Audience::Unknown | Audience::Group(_) => AudienceState::Unknown,
                Audience::Unconfirmed => AudienceState::Unconfirmed,
                Audience::Former => AudienceState::FormerGroup,
                Audience::NotAccepted => AudienceState::GroupNotAccepted,
                Audience::Suspended(agreement) => AudienceState::Peer { open: false, allowance: allowance(agreement) },
                Audience::Peer(agreement) => AudienceState::Peer { open: true, allowance: allowance(agreement) },
            };
            ask(&may::To::Audience { state, us: &US })
        }
        To::Reader(Reader { ours, its_own, in_group, in_audience, fresh, agreement, ceiling }) => {
            let author = if ours {
                US
            } else if its_own {
                PEER
            } else {
                OTHER
            };
            let members: &[OrgId] = if in_audience {
                &[US, PEER, OTHER]
            } else if its_own {
                &[PEER, OTHER]
            } else {
                &[US, OTHER]
            };
            let definition = definition(members, fresh, false);
            let audience = match (in_group, in_audience) {
                (true, _) => log::Audience::Group(definition.group),
                (false, true) => log::Audience::Direct(if ours { PEER } else { US }),
                (false, false) => log::Audience::Direct(OTHER),
            };
            let log = LogKey { author, incarnation: 1, audience };
            let allowance = in_force(agreement, ceiling).allowance_in(&audience, &PEER, NOW);
            let group = in_group.then_some(&definition);
            ask(&may::To::Reader(&Way { log: &log, us: &US, reader: &PEER, group, joined: 0, allowance, now: NOW }))
        }
        To::Viewer(viewer) => ask(&match viewer {
            Viewer::Operator => may::To::Person(Person::Operator),
            Viewer::Handler => may::To::Person(Person::User(Role::Handler)),
            Viewer::Lead => may::To::Person(Person::User(Role::Lead)),
            Viewer::Director => may::To::Person(Person::User(Role::Director)),
            Viewer::Coordinator => may::To::Person(Person::User(Role::Coordinator)),
            Viewer::Tool(bound) => may::To::Tool(ceiling(bound)),
            Viewer::Anybody => may::To::Public,
        }),
    }
}

/// Cells of the table, and those in which the two differ.
fn compare(rules: impl Fn(Sink, Said, To) -> bool) -> (usize, Vec<(Sink, Said, To)>) {
    let (said, tos) = (said(), tos());
    let cells = SINKS.into_iter().flat_map(|sink| said.iter().map(move |said| (sink, *said)));
    let cells: Vec<_> = cells.flat_map(|(sink, said)| tos.iter().map(move |to| (sink, said, *to))).collect();
    let differ = cells.iter().copied().filter(|(sink, said, to)| rules(*sink, *said, *to) != oracle::may(*sink, *said, *to)).collect();
    (cells.len(), differ)
}

#[test]
fn every_cell_of_the_table_is_as_the_document_says() {
    let (cells, differ) = compare(decided);
    let allowed = compare(|_, _, _| false).1.len();
    println!("{cells} cells, {allowed} of them allowed");
    assert!(cells >= 2_000 && allowed * 100 > cells, "a table of its size, and not of refusals alone");
    assert!(differ.is_empty(), "{} cells differ, such as {:?}", differ.len(), differ.first());
    assert!(include_str!("oracle.rs").lines().count() <= 100, "an oracle that is read at a glance");
}

/// A comparison that finds nothing in rules with a hole would find nothing in ours.
#[test]
fn each_planted_hole_is_found() {
    type Hole = fn(Sink, Said, To) -> bool;
    let holes: [(&str, Hole); 5] = [
        ("a lapsed agreement", |_, said, to| matches!(to, To::Reader(Reader { agreement: Agreement::Ended, .. })) && said.tlp == 2),
        ("a restricted record to a tool", |_, said, to| matches!(to, To::Viewer(Viewer::Tool(_))) && said.class == 2),
        ("amber+strict on", |sink, said, _| sink == Sink::Relay && said.tlp == 3),
        ("content for a coordinator", |sink, _, to| sink == Sink::List && to == To::Viewer(Viewer::Coordinator)),
        ("what has expired", |sink, said, _| sink == Sink::Export && said.over),
    ];
    for (name, hole) in holes {
        // As if the rules were the oracle's own but for the hole.
        let (_, differ) = compare(|sink, said, to| hole(sink, said, to) || oracle::may(sink, said, to));
        assert!(!differ.is_empty(), "{name}");
    }
}
