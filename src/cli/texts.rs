//! Every answer of the command line, word for word.

use super::demo::{self, Outcome, Step};
use super::{
    consumer, disclosures, doctor, explain, export, feed, group, holds, import, init, invite, join, lookup, notify, output, peer, preview,
    receipts, release, restore, rotate, seen, share, show, sighting, status, undo, warninglist, withdraw,
};
use crate::api::{Health, Problem};
use crate::formats;
use crate::model::record::WithdrawalMode;
use crate::model::sighting::SightingType;
use crate::model::{
    Ceiling, Class, EntryHash, GroupId, LogId, NoticeId, ObservableKind, OrgId, Pap, RecordId, ReleaseId, ShortId, Timestamp, Tlp,
};
use crate::node::backup::LogHead;
use crate::node::duplicate::{AnsweredView, SeenAnswer, SeenFoundView, SeenValueView, SeenView};
use crate::node::error::Exit;
use crate::node::feeds::{Counts, Fault, FaultView, FeedRunView, FeedView, Kind, Terms, WellKnown};
use crate::node::gate::{FindingView, JudgedView};
use crate::node::notify::{ChannelView, NoticeState, NoticeView, NoticesView, NotifyStatus, Tried};
use crate::node::serving::{ConsumerView, ConsumersView, HttpsView, TokenView};
use crate::node::sighting::{OpinionsView, SightingReport, SightingView, ToldView};
use crate::node::view::{
    AlsoView, AwaitedView, BackupView, CertificatesView, ChainView, CheckVerdict, CheckView, DiagnosisView, DisclosureView, EntryView,
    ExplainView, ExportedView, Field, GroupView, HeldView, HoldState, HoldView, ImportReport, InitView, InviteView, JoinView, LabelCount,
    LogKeyView, LogView, LookupView, MatchView, MemberView, PeerRemoveView, PeerStatus, PeerView, PreviewRecord, PreviewView, ReceiptView,
    RecordView, ReleasedView, RemovedView, RestoreFileView, RestoreView, RestoredView, ShareReport, StatusView, StepView, TakeBackView,
    WithheldView,
};
use crate::rules::consumer::{Grant, Produces, Scope};
use crate::rules::disclosed::Broken;
use crate::rules::lists::Severity;
use crate::rules::release::{Findings, Replaced};
use std::collections::BTreeMap;

/// 2026-11-22T09:30:00Z.
const AT: Timestamp = Timestamp(1_795_339_800_000);
const ORG: OrgId = OrgId([0; 32]);
const ORG_TEXT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const RECORD: RecordId = RecordId([0; 16]);

fn smex() -> PeerStatus {
    PeerStatus {
        name: "smex".into(),
        org_id: ORG,
        state: "connected".into(),
        behind: 0,
        ahead: 3,
        last_seen: Some(AT),
        problem: None,
        certificate_days: Some(6),
    }
}

fn unreachable() -> PeerStatus {
    let problem = DiagnosisView {
        code: "connection_refused".into(),
        text: "`node.example:7443` refused the connection".into(),
        hint: Some("is the other node running, and is the port right?".into()),
    };
    let (last_seen, certificate_days) = (None, None);
    PeerStatus { name: "amal".into(), state: "unreachable".into(), problem: Some(problem), last_seen, certificate_days, ..smex() }
}

#[test]
fn status_is_facts_peers_and_logs() {
    let log = LogView {
        id: LogId([0; 32]),
        author: ORG,
        author_name: "us".into(),
        audience: format!("group:{ORG_TEXT}"),
        audience_name: "partners".into(),
        incarnation: 1,
        size: 1_549,
        head: EntryHash([0; 32]),
        state: "open".into(),
    };
    let view = StatusView {
        org_id: ORG,
        name: "Helpline A".into(),
        version: "0.1.0".into(),
        since: AT,
        listen: Some("0.0.0.0:7443".into()),
        store: "ok".into(),
        records: BTreeMap::from([("indicator".into(), 1_549), ("receipt".into(), 1)]),
        logs: vec![log],
        peers: vec![unreachable(), smex()],
        certificates: CertificatesView { node_days: 6, issuing_days: 1 },
        backup: Some(AT),
        held: None,
        desk_key: None,
        restored: None,
        notify: None,
        uncounted: vec![],
    };
    let expected = "\
organisation  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
name          Helpline A
version       0.1.0, running since 2026-11-22T09:30:00Z
listening     0.0.0.0:7443
store         ok
certificates  node 6 days left, issuing CA 1 day left
last backup   2026-11-22T09:30:00Z
records       indicator 1549, receipt 1

PEER  STATE        BEHIND  AHEAD  LAST SEEN             CERTIFICATE  PROBLEM
amal  unreachable  0       3      -                     -            `node.example:7443` refused the connection
smex  connected    0       3      2026-11-22T09:30:00Z  6 days left

LOG           AUTHOR  AUDIENCE  SIZE  HEAD          STATE
aaaaaaaaaaaa  us      partners  1549  aaaaaaaaaaaa  open
";
    assert_eq!(status::text(&view), expected);
}

#[test]
fn health_is_one_line() {
    let certificates = CertificatesView { node_days: 6, issuing_days: -1 };
    let health = Health { ok: false, store: "ok".into(), certificates, restored: false };
    assert_eq!(super::health::text(&health), "store ok; certificates node 6 days left, issuing CA expired\n");
}

#[test]
fn a_changed_log_key_tells_what_becomes_of_the_old_one() {
    let view = |logs_waiting| LogKeyView { card_number: 7, log_key_number: 2, logs_waiting };
    let expected = "log-signing key 2 is in force; this is card 7\nthe old key was destroyed\n";
    assert_eq!(rotate::log_key_text(&view(0)), expected);
    let expected = "log-signing key 2 is in force; this is card 7\nthe old key is kept until readers of 1 log are reached\n";
    assert_eq!(rotate::log_key_text(&view(1)), expected);
}

#[test]
fn a_new_node_has_no_peers_and_no_records() {
    let view = StatusView {
        org_id: ORG,
        name: "A".into(),
        version: "0.1.0".into(),
        since: AT,
        listen: None,
        store: "read-only: no space left on device".into(),
        records: BTreeMap::new(),
        logs: vec![],
        peers: vec![],
        certificates: CertificatesView { node_days: -1, issuing_days: 0 },
        backup: None,
        held: None,
        desk_key: None,
        restored: None,
        notify: None,
        uncounted: vec![],
    };
    let expected = "\
organisation  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
name          A
version       0.1.0, running since 2026-11-22T09:30:00Z
listening     no
store         read-only: no space left on device
certificates  node expired, issuing CA 0 days left
last backup   never
records       none
";
    assert_eq!(status::text(&view), expected);
}

fn waiting_for_amal() -> RestoredView {
    let awaited =
        |audience: &str| AwaitedView { author_name: "us".into(), audience_name: audience.into(), from: vec!["amal".into(), "smex".into()] };
    RestoredView {
        at: AT,
        taken: Some(AT),
        awaited: vec![awaited("amal"), awaited("partners")],
        unheard: vec!["amal".into(), "smex".into()],
    }
}

#[test]
fn a_restored_node_says_what_it_waits_for_wherever_an_operator_looks() {
    let view = StatusView {
        org_id: ORG,
        name: "A".into(),
        version: "0.1.0".into(),
        since: AT,
        listen: None,
        store: "ok".into(),
        records: BTreeMap::new(),
        logs: vec![],
        peers: vec![],
        certificates: CertificatesView { node_days: 6, issuing_days: 80 },
        backup: Some(AT),
        held: None,
        desk_key: None,
        restored: Some(waiting_for_amal()),
        notify: None,
        uncounted: vec![],
    };
    let expected = "\
records       none

restored from the backup of 2026-11-22T09:30:00Z: serves and exports nothing until it knows what happened since
LOG OF  TO        AWAITED FROM
us      amal      amal or smex
us      partners  amal or smex
not heard yet: amal, smex
";
    assert!(status::text(&view).ends_with(expected), "{}", status::text(&view));
    let check = doctor::restored(&waiting_for_amal());
    assert_eq!(check.verdict, CheckVerdict::Warning);
    assert_eq!(check.text, "serves and exports nothing until it hears what happened since; awaited: amal, smex");
    let certificates = || CertificatesView { node_days: 6, issuing_days: 60 };
    let health = |restored| super::health::text(&Health { ok: true, store: "ok".into(), certificates: certificates(), restored });
    let days = "store ok; certificates node 6 days left, issuing CA 60 days left\n";
    assert_eq!(health(false), days);
    assert_eq!(
        health(true).strip_prefix(days).unwrap(),
        "restored: it serves and exports nothing yet; `watchfire status` shows what it waits for\n"
    );
    let expected = "\
this node serves and exports again
not heard: how the log of us to amal went on (amal, smex could tell)
not heard: how the log of us to partners went on (amal, smex could tell)
";
    assert_eq!(restore::waived(&waiting_for_amal()), expected);
}

#[test]
fn consumers_show_what_each_may_have_and_a_token_is_shown_once() {
    let grant = Grant {
        scopes: vec![Scope::Export],
        tlp_max: Tlp::Green,
        class_max: Class::Confidential,
        pap_max: None,
        least_confidence: None,
        produces: None,
        in_url: false,
        expires: AT,
        revoked: None,
        waits: false,
    };
    let one = ConsumerView {
        id: "00".repeat(16),
        name: "misp-lab".parse().unwrap(),
        state: "live".into(),
        created: AT,
        grant: grant.clone(),
        groups: vec!["partners".into()],
        to: None,
        used: Some(AT),
    };
    let produces = Some(Produces { to: crate::model::log::Audience::Direct(crate::model::OrgId([1; 32])), tlp: Tlp::Amber });
    let lure = Grant { scopes: vec![Scope::Produce], tlp_max: Tlp::Clear, produces, ..grant.clone() };
    let producer =
        ConsumerView { name: "gateway".parse().unwrap(), grant: lure, groups: vec![], to: Some("borealis".into()), ..one.clone() };
    let list = Grant { in_url: true, pap_max: Some(Pap::Amber), least_confidence: Some(40), ..grant };
    let other = ConsumerView { name: "list".parse().unwrap(), grant: list, groups: vec![], used: None, ..one.clone() };
    let https = Some(HttpsView { address: "192.0.2.1:8443".into(), fingerprint: "AB:CD".into() });
    let view = ConsumersView { https: https.clone(), consumers: vec![producer.clone(), other.clone(), one.clone()] };
    let expected = "\
https://192.0.2.1:8443, certificate AB:CD
CONSUMER  STATE  SCOPE                  MAY HAVE                                             MAY SAY                         UNTIL                 LAST HERE
gateway   live   produce                nothing                                              to borealis, amber or stricter  2026-11-22T09:30:00Z  2026-11-22T09:30:00Z
list      live   export in the address  up to green, confidential, PAP:AMBER, confidence 40                                  2026-11-22T09:30:00Z  -
misp-lab  live   export                 up to green, confidential, said in partners                                          2026-11-22T09:30:00Z  2026-11-22T09:30:00Z
";
    assert_eq!(consumer::list_text(&view), expected);
    let none = ConsumersView { https: None, consumers: vec![] };
    assert_eq!(consumer::list_text(&none), "the node answers nobody: `https.listen` in the settings says where\n");
    let expected = "\
consumer     misp-lab
token        wf_x
may have     up to green, confidential, said in partners
until        2026-11-22T09:30:00Z
address      https://192.0.2.1:8443/export/
certificate  AB:CD
the token is shown this once; docs/serving.md says where it is typed in
";
    let token = TokenView { consumer: one, token: "wf_x".into(), https };
    assert_eq!(consumer::token_text(&token), expected);
    let said = consumer::token_text(&TokenView { consumer: producer, ..token.clone() });
    assert!(said.contains("may have     nothing\nmay say      to borealis, amber or stricter\n"), "{said}");
    let in_url = consumer::token_text(&TokenView { consumer: other, https: None, ..token.clone() });
    assert!(in_url.contains("address   none: `https.listen` in the settings says where the node answers\n"), "{in_url}");
    assert_eq!(format!("{token:?}"), format!("TokenView({})", "00".repeat(16)), "a log would have it");
}

#[test]
fn feeds_show_how_they_are_how_far_behind_and_what_to_do() {
    let terms = Terms {
        kind: Kind::MispFeed,
        at: "https://feed.example/misp/".into(),
        every_s: 3_600,
        tlp: Tlp::Green,
        confidence_max: Some(50),
        well_known: WellKnown::Take,
        allow_local: true,
        secret_file: None,
        ca_file: None,
        to: None,
        groups: Vec::new(),
        tlp_max: None,
    };
    let good = FeedView {
        name: "circl".into(),
        terms: terms.clone(),
        state: "ok".into(),
        running: false,
        created: AT,
        records: 4_512,
        tried: Some(AT),
        succeeded: Some(AT),
        lag_s: Some(240),
        news: Some(AT),
        next: Some(AT),
        failures: 0,
        fault: None,
        passed: 0,
        not_passed: None,
    };
    let fault = FaultView::from(&Fault::Http(403));
    let (state, lag_s) = ("failing".to_owned(), Some(3 * 86_400));
    let bad = FeedView { name: "partner".into(), state, failures: 3, fault: Some(fault.clone()), lag_s, news: None, ..good.clone() };
    let stuck = FeedView {
        name: "hub".into(),
        terms: Terms { to: Some("helpers".into()), ..terms },
        passed: 4_000,
        not_passed: Some("the group's definition is stale".into()),
        ..good.clone()
    };
    let expected = "\
FEED     KIND       LABEL  STATE              INDICATORS  BEHIND  NEXT
circl    misp-feed  green  ok                 4512        4 min   2026-11-22T09:30:00Z
hub      misp-feed  green  ok, not passed on  4512        4 min   2026-11-22T09:30:00Z
partner  misp-feed  green  failing (http)     4512        3 d     2026-11-22T09:30:00Z
";
    assert_eq!(feed::list_text(&[good, stuck.clone(), bad.clone()]), expected);
    let shown = feed::show_text(&stuck);
    assert!(
        shown.contains("passed on to  helpers: 4000 of these\n") && shown.ends_with("not passed on: the group's definition is stale\n"),
        "{shown}"
    );
    let expected = "\
feed        partner
kind        misp-feed
at          https://feed.example/misp/
label       green
state       failing (http)
indicators  4512
behind      3 d
last tried  2026-11-22T09:30:00Z
last read   2026-11-22T09:30:00Z
last news   -
next        2026-11-22T09:30:00Z
well known  taken too
confidence  up to 50
address     may be one of this machine or its neighbours
the last 3 tries came to nothing: the server answered with 403
  hint: look at the file that `--secret-file` names
";
    assert_eq!(feed::show_text(&bad), expected);
    let counts = Counts { new: 3, unchanged: 12, gone: 1, left_out: 1, ..Counts::default() };
    let problems = vec![formats::Problem { place: "line 4".into(), what: "no value".into() }];
    let passing = Counts { passed: 2, asked: 3, unsaid: 1, ..counts };
    let run = FeedRunView { name: "hub".into(), dry_run: false, counts: passing, problems: Vec::new(), fault: None };
    let expected = "hub: 3 new, 0 changed, 12 as before, 1 gone, 1 left out\npassed on: 2; 3 once somebody says yes (`watchfire holds`), 0 kept back, 1 taken back there\n";
    assert_eq!(feed::run_text(&run), expected);
    let run = FeedRunView { name: "circl".into(), dry_run: true, counts, problems, fault: Some(fault) };
    let expected = "\
circl (nothing was taken): 3 new, 0 changed, 12 as before, 1 gone, 1 left out
  line 4: no value
it broke off: the server answered with 403
  hint: look at the file that `--secret-file` names
";
    assert_eq!(feed::run_text(&run), expected);
}

#[test]
fn the_doctor_looks_at_the_certificate_that_programs_are_shown() {
    let data = tempfile::tempdir().unwrap();
    let put = |settings: &str| std::fs::write(data.path().join("watchfire.toml"), settings).unwrap();
    put("");
    assert_eq!(doctor::programs(data.path(), AT), None);
    put("[https]\nlisten = '127.0.0.1:8443'\n");
    let found = doctor::programs(data.path(), AT).unwrap();
    assert_eq!(found.text, "`127.0.0.1:8443`; the certificate is made at the next start");
    put("[https]\nlisten = '127.0.0.1:8443'\ncert = 'cert.pem'\nkey = 'key.pem'\n");
    let found = doctor::programs(data.path(), AT).unwrap();
    assert_eq!(found.verdict, CheckVerdict::Bad);
    assert!(found.text.contains("cert.pem` cannot be used: "), "{}", found.text);
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    (parameters.not_before, parameters.not_after) = (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2026, 12, 1));
    std::fs::write(data.path().join("cert.pem"), parameters.self_signed(&pair).unwrap().pem()).unwrap();
    std::fs::write(data.path().join("key.pem"), pair.serialize_pem()).unwrap();
    let verdict = |at: Timestamp| doctor::programs(data.path(), at).map(|found| found.verdict);
    let day = 86_400_000;
    assert_eq!(verdict(Timestamp(AT.0 - 30 * day)), Some(CheckVerdict::Ok));
    assert_eq!(verdict(AT), Some(CheckVerdict::Warning));
    assert_eq!(verdict(AT.plus(30 * day)), Some(CheckVerdict::Bad));
}

#[test]
fn the_doctor_warns_where_no_warninglist_says_what_everybody_uses() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("watchfire.toml"), "").unwrap();
    let found = || doctor::warninglists(data.path());
    assert_eq!(found().verdict, CheckVerdict::Warning);
    std::fs::create_dir(data.path().join("warninglists")).unwrap();
    assert_eq!(found().verdict, CheckVerdict::Warning);
    let list = r#"{"name": "names", "version": 1, "type": "string", "list": ["signal.org"], "matching_attributes": ["domain"]}"#;
    std::fs::write(data.path().join("warninglists/names.json"), list).unwrap();
    assert_eq!((found().verdict, found().text.as_str()), (CheckVerdict::Ok, "1 list"));
    std::fs::write(data.path().join("warninglists/names.json"), "{").unwrap();
    assert_eq!(found().verdict, CheckVerdict::Bad);
}

#[test]
fn the_doctor_tells_what_is_not_counted_any_more() {
    assert_eq!(doctor::counts(&[]), None);
    let check = doctor::counts(&["2026-11".into(), "2026-W48".into()]).unwrap();
    assert_eq!((check.name.as_str(), check.verdict), ("counts", CheckVerdict::Bad));
    assert_eq!(check.text, "how many indicators were counted cannot be read, and is not counted further: 2026-11, 2026-W48");
    assert_eq!(check.hint.unwrap(), "nothing else is lost, and later months and weeks are counted; look whether the disk is well");
}

#[test]
fn the_doctor_knows_of_the_last_backup() {
    let day = 86_400_000;
    let verdict = |made: Option<Timestamp>| doctor::backup(made, AT).verdict;
    assert_eq!(verdict(Some(AT)), CheckVerdict::Ok);
    assert_eq!(verdict(Some(Timestamp(AT.0 - 7 * day))), CheckVerdict::Ok);
    assert_eq!(verdict(Some(Timestamp(AT.0 - 7 * day - 1))), CheckVerdict::Warning);
    assert_eq!(verdict(None), CheckVerdict::Warning);
    assert_eq!(doctor::backup(Some(AT), AT).text, "the last one was made at 2026-11-22T09:30:00Z");
    assert_eq!(doctor::backup(None, AT).text, "none was ever made");
}

#[test]
fn a_backup_and_its_restore_say_what_is_in_them() {
    let backup = BackupView {
        taken: AT,
        org_id: ORG,
        records: BTreeMap::from([("indicator".into(), 60)]),
        logs: 2,
        entries: 61,
        rows: 700,
        left_out: vec!["keys/next-root.key".into()],
    };
    let made = super::backup::Made { backup, out: "b.age".into(), bytes: 4_096, to: vec!["age1qq".into(), "age1zz".into()] };
    let expected = "\
backup     b.age, 4096 bytes
taken      2026-11-22T09:30:00Z
records    indicator 60
logs       2 with 61 entries
opens for  age1qq
opens for  age1zz
left out   keys/next-root.key
";
    assert_eq!(super::backup::text(&made), expected);
    let head = LogHead { id: LogId([0; 32]), author: ORG, size: 61, head: EntryHash([0; 32]) };
    let view = RestoreFileView {
        dry_run: true,
        org_id: ORG,
        taken: AT,
        age_seconds: 7_200,
        program: "0.1.0".into(),
        records: BTreeMap::from([("indicator".into(), 60)]),
        logs: vec![head],
        entries: 61,
        files: vec!["keys/id.key".into(), "watchfire.toml".into()],
        left_out: vec![],
        incarnation: None,
        data: "/srv/w".into(),
        free: false,
    };
    let expected = format!(
        "\
organisation  {ORG_TEXT}
taken         2026-11-22T09:30:00Z, 2 hours ago, by watchfire 0.1.0
records       indicator 60
logs          1 with 61 entries
files         keys/id.key, watchfire.toml

LOG           AUTHOR  SIZE  HEAD
aaaaaaaaaaaa  us      61    aaaaaaaaaaaa

"
    );
    assert_eq!(restore::restored(&view), format!("{expected}the backup is whole; nothing was written\n"));
    assert_eq!(restore::talk(&view), ["note: `/srv/w` is not empty, so this backup would not be restored into it"]);
    let view = RestoreFileView { dry_run: false, incarnation: Some(7), ..view };
    assert_eq!(restore::restored(&view), format!("{expected}restored into /srv/w; this node's logs go on in incarnation 7\n"));
    let expected = [
        "next: make sure that the old node never runs again",
        "next: look through the settings in `/srv/w/watchfire.toml`: addresses may be others here",
        "next: `watchfire serve --data /srv/w`; it serves and exports nothing before its peers have told what happened since",
    ];
    assert_eq!(restore::talk(&view), expected);
}

fn peer_view(status: PeerStatus) -> PeerView {
    PeerView {
        status,
        since: AT,
        endpoints: vec!["node.example:7443".into()],
        card_number: 1,
        allow_classical: false,
        proxy: None,
        digits: None,
        confirmed_here: false,
        groups: vec!["partners".into()],
        recalls: false,
    }
}

#[test]
fn a_peer_shows_where_it_stands() {
    let expected = "\
name           smex
organisation   aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
state          connected
paired         2026-11-22T09:30:00Z
last seen      2026-11-22T09:30:00Z
behind, ahead  0, 3
certificate    6 days left
endpoints      node.example:7443
proxy          none
classical too  no
groups         partners
";
    assert_eq!(peer::text(&peer_view(smex())), expected);
}

#[test]
fn a_peer_that_is_not_reached_shows_why_and_one_that_pairs_its_digits() {
    let view = PeerView {
        digits: Some("123456789012".into()),
        groups: vec![],
        endpoints: vec![],
        proxy: Some("socks5://127.0.0.1:9050".into()),
        ..peer_view(PeerStatus { state: "pairing".into(), ..unreachable() })
    };
    let expected = "\
name            amal
organisation    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
state           pairing
paired          2026-11-22T09:30:00Z
last seen       -
behind, ahead   0, 3
certificate     not seen yet
endpoints       none
proxy           socks5://127.0.0.1:9050
classical too   no
groups          none
digits          1234 5678 9012
confirmed here  no
problem         `node.example:7443` refused the connection
hint            is the other node running, and is the port right?
";
    assert_eq!(peer::text(&view), expected);
}

#[test]
fn a_peer_that_is_removed_shows_the_groups_that_it_left_and_those_in_which_it_stays() {
    let status = PeerStatus { state: "removed".into(), ..smex() };
    let mut view = PeerRemoveView { peer: peer_view(status), removed_from: vec!["circle".into(), "shelter".into()] };
    let text = peer::removed(&view);
    assert!(text.ends_with("groups         partners\nremoved from   circle, shelter\n"), "{text}");
    let expected = [
        "note: `smex` stays in these groups, whose other members still give it what is shared there: partners",
        "hint: ask their owners to remove it, or leave them; from a group of ours `watchfire group remove` takes it",
    ];
    assert_eq!(peer::talk(&view), expected);
    view.peer.groups.clear();
    view.removed_from.clear();
    assert!(peer::talk(&view).is_empty());
    assert_eq!(peer::removed(&view), peer::text(&view.peer));
}

#[test]
fn a_change_of_a_peer_says_what_comes_next() {
    let next = |done| peer::next(&peer_view(unreachable()), done);
    let look = "`watchfire peer show amal` tells where it stands\n";
    assert_eq!(next(peer::CONFIRMED), format!("amal: confirmed here; waiting for the other side\n{look}"));
    assert_eq!(next(peer::ADDED), format!("amal: added here; give them `watchfire card`, so that they add this node too\n{look}"));
    assert_eq!(next(peer::RESUMED), format!("amal: resumed; its link is opened again\n{look}"));
    assert_eq!(peer::next(&peer_view(smex()), peer::CONFIRMED), "smex: connected\n");
}

#[test]
fn empty_lists_say_how_to_fill_them() {
    assert_eq!(peer::list(&[]), "no peers yet; `watchfire invite` makes an invitation for one\n");
    assert_eq!(group::list(&[]), "no groups yet; `watchfire group create` makes one\n");
    assert_eq!(disclosures::text(&[]), "nothing has left\n");
    assert_eq!(receipts::text(&[]), "nobody holds it\n");
}

#[test]
fn an_invitation_says_what_to_do_with_it() {
    let view = InviteView { text: "WFI1abc".into(), qr: "##\n##".into(), expires: AT };
    let expected = [
        "##",
        "##",
        "good for one organisation until 2026-11-22T09:30:00Z; send it by any channel",
        "they run `watchfire join`; then compare by voice the digits that `watchfire peer show` shows: who used it in their place is noticed then; `watchfire peer confirm … --name NAME` gives them a name here",
    ];
    assert_eq!(invite::talk(&view), expected);
    let view = JoinView { name: "amal".into(), org_id: ORG, digits: "123456789012".into() };
    let expected = format!(
        "pairing with amal ({ORG_TEXT})\ndigits  1234 5678 9012\ncompare them by voice; if they are the same on both sides, run\n  \
         watchfire peer confirm amal 1234 5678 9012\n"
    );
    assert_eq!(join::text(&view), expected);
}

#[test]
fn a_group_shows_its_definition_and_its_members() {
    let view = GroupView {
        group_id: GroupId([0; 32]),
        name: "partners".into(),
        owner: ORG,
        owner_name: "us".into(),
        number: 2,
        hidden: false,
        community: true,
        history: false,
        deputy: Some(OrgId([1; 32])),
        confirmed: AT,
        state: "open".into(),
        members: vec![
            MemberView { org_id: ORG, name: Some("us".into()) },
            MemberView { org_id: OrgId([1; 32]), name: Some("smex".into()) },
            MemberView { org_id: OrgId([2; 32]), name: None },
        ],
    };
    let expected = "\
name        partners
group       aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
owner       us
deputy      smex
kind        visible
community   yes
history     no
state       open
definition  2, confirmed 2026-11-22T09:30:00Z

MEMBER  ORGANISATION
us      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
smex    aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq
-       aibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaiba
";
    assert_eq!(group::text(&view), expected);
    let expected = "\
GROUP     OWNER  MEMBERS  KIND     COMMUNITY  STATE  ID
partners  us     3        visible  yes        open   aaaaaaaaaaaa
";
    assert_eq!(group::list(&[view]), expected);
}

#[test]
fn a_share_that_is_over_when_it_leaves_says_so() {
    let expected = "note: `--valid-until` is 2026-11-22T09:30:00Z, which is over: readers have them as expired, in no live export";
    assert_eq!(share::over(AT, AT).as_deref(), Some(expected));
    assert_eq!(share::over(AT, Timestamp(AT.0 - 1)), None);
}

#[test]
fn a_share_lists_what_became_of_each_value() {
    let released = |value: &str| ReleasedView {
        record: RECORD,
        kind: ObservableKind::Domain,
        value: value.into(),
        before: None,
        held: false,
        findings: Findings::default(),
    };
    let relabelled = ReleasedView { before: Some(Tlp::Amber.into()), ..released("other.example") };
    let replaced = |field: &str, kind: &str| Replaced { field: field.into(), kind: kind.into(), count: 1 };
    let findings = Findings {
        replaced: vec![replaced("note", "email"), replaced("value", "token")],
        warnings: vec!["it is `a.example` of the warninglist `Parking`".into()],
        asks: vec![],
    };
    let found = ReleasedView { findings, ..released("a.example") };
    let unread = WithheldView { value: "y".into(), reason: "cannot tell what `y` is: it has no dot".into(), hint: None };
    let report = ShareReport {
        released: vec![released("evil.example"), relabelled, found],
        duplicate: vec![released("old.example")],
        withheld: vec![WithheldView {
            value: "x".into(),
            reason: "TLP:RED never goes to a group".into(),
            hint: Some("share it with one peer, or choose amber+strict".into()),
        }],
        invalid: vec![unread],
        ..ShareReport::default()
    };
    let expected = "\
released   domain evil.example  aaaaaaaaaaaaaaaaaaaaaaaaaa
released   domain other.example  aaaaaaaaaaaaaaaaaaaaaaaaaa
           shared there as TLP:AMBER before; the new label replaces it
           hint: what was passed on under the old label stays so; `watchfire recall` takes back what should never have left
released   domain a.example  aaaaaaaaaaaaaaaaaaaaaaaaaa
           leaves without 1 email in the note, 1 token in the value
           worth a look: it is `a.example` of the warninglist `Parking`
duplicate  domain old.example  aaaaaaaaaaaaaaaaaaaaaaaaaa
withheld   x: TLP:RED never goes to a group
           hint: share it with one peer, or choose amber+strict
invalid    y: cannot tell what `y` is: it has no dot
6 values: 3 released, 1 duplicate, 1 withheld, 1 invalid
";
    assert_eq!(share::text(&report), expected);
}

#[test]
fn an_exit_code_says_whether_anything_got_through() {
    let released = || ReleasedView {
        record: RECORD,
        kind: ObservableKind::Domain,
        value: "x".into(),
        before: None,
        held: false,
        findings: Findings::default(),
    };
    let not_out = || WithheldView { value: "x".into(), reason: "y".into(), hint: None };
    let share = |through, withheld, invalid| {
        let (duplicate, withheld, invalid) = (vec![released(); through], vec![not_out(); withheld], vec![not_out(); invalid]);
        share::exit(&ShareReport { released: vec![], duplicate, withheld, invalid, ..ShareReport::default() })
    };
    assert_eq!(share(1, 5, 5), Exit::Done);
    assert_eq!(share(0, 0, 0), Exit::Done);
    assert_eq!(share(0, 1, 1), Exit::Refused);
    assert_eq!(share(0, 0, 1), Exit::Usage);
    let report =
        |released, duplicate, withheld, invalid| ImportReport { released, duplicate, withheld, invalid, ..ImportReport::default() };
    assert_eq!(import::exit(&report(1, 0, 9, 9)), Exit::Done);
    assert_eq!(import::exit(&report(0, 1, 9, 9)), Exit::Done);
    assert_eq!(import::exit(&report(0, 0, 0, 0)), Exit::Done);
    assert_eq!(import::exit(&report(0, 0, 1, 9)), Exit::Refused);
    assert_eq!(import::exit(&report(0, 0, 0, 9)), Exit::Failed);
}

#[test]
fn an_import_counts_and_names_the_first_problems() {
    let mut report = ImportReport { read: 31, released: 4, duplicate: 1, withheld: 1, invalid: 25, ..ImportReport::default() };
    report.kinds = BTreeMap::from([("domain".into(), 3), ("sha256".into(), 1)]);
    for line in 1..=22 {
        report.problem(formats::Problem { place: format!("line {line}"), what: format!("`{line}.x` is not a domain") });
    }
    let text = import::text(&report);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "line 1: `1.x` is not a domain");
    assert_eq!(lines[19], "line 20: `20.x` is not a domain");
    let rest = [
        "and 2 problems more; `--json` lists the first 1000",
        "31 records read: 4 released, 1 duplicate, 1 withheld, 25 invalid",
        "kinds: domain 3, sha256 1",
    ];
    assert_eq!(lines[20..], rest);
    let left = ImportReport { read: 1_694, released: 1, invalid: 1, left_out: 1_692, ..ImportReport::default() };
    assert_eq!(import::text(&left), "1694 records read: 1 released, 0 duplicate, 0 withheld, 1 invalid, 1692 no indicators\n");
    assert_eq!(import::exit(&ImportReport { released: 0, ..left }), Exit::Failed);
    let dry = ImportReport { read: 1, released: 1, dry_run: true, ..ImportReport::default() };
    assert_eq!(import::text(&dry), "1 record read: 1 would be released, 0 duplicate, 0 withheld, 0 invalid\n");
}

#[test]
fn an_import_says_how_much_of_it_had_ended() {
    let report = ImportReport { read: 4, released: 4, ended: 3, ..ImportReport::default() };
    let expected = "\
4 records read: 4 released, 0 duplicate, 0 withheld, 0 invalid
3 of them had ended by what the file says: `watchfire lookup` finds them, and no export has them
";
    assert_eq!(import::text(&report), expected);
}

#[test]
fn an_import_under_another_label_says_what_it_replaces() {
    let relabelled = BTreeMap::from([("amber".into(), 2), ("clear".into(), 1)]);
    let mut report = ImportReport { read: 4, released: 4, relabelled, ..ImportReport::default() };
    let expected = "\
4 records read: 4 released, 0 duplicate, 0 withheld, 0 invalid
2 of them were shared there as TLP:AMBER before; the new label replaces it
1 of them were shared there as TLP:CLEAR before; the new label replaces it
    hint: what was passed on under the old label stays so; `watchfire recall` takes back what should never have left
";
    assert_eq!(import::text(&report), expected);
    report.dry_run = true;
    assert!(import::text(&report).contains("\n2 of them were shared there as TLP:AMBER before; the new label would replace it\n"));
}

#[test]
fn an_import_names_a_reason_once_with_its_first_places() {
    let mut report = ImportReport { read: 9, released: 1, invalid: 8, ..ImportReport::default() };
    for line in 1..=7 {
        let what = "the line holds no value\nhint: a comment begins with `#`";
        report.problem(formats::Problem { place: format!("line {line}"), what: what.into() });
    }
    report.problem(formats::Problem { place: "line 9".into(), what: "`x` is not a domain".into() });
    let expected = "\
line 1, line 2, line 3, line 4, line 5 and 2 more: the line holds no value
    hint: a comment begins with `#`
line 9: `x` is not a domain
9 records read: 1 released, 0 duplicate, 0 withheld, 8 invalid
";
    assert_eq!(import::text(&report), expected);
}

#[test]
fn several_reports_become_one_and_problems_stay_bounded() {
    let mut total = ImportReport::default();
    let mut one = ImportReport { read: 2_000, invalid: 2_000, ..ImportReport::default() };
    (0..1_500).for_each(|line| one.problem(formats::Problem { place: format!("line {line}"), what: "bad".into() }));
    total.absorb(one.clone(), Some("a.csv"));
    total.absorb(one, Some("b.csv"));
    assert_eq!((total.read, total.problems.len(), total.problems_more), (4_000, 1_000, 2_000));
    assert_eq!(total.problems[0].place, "a.csv: line 0");
}

fn opinions() -> OpinionsView {
    OpinionsView {
        seen: 3,
        seen_by: 2,
        seen_last: Some(AT),
        false_by: vec!["borealis".into(), "a member of partners".into()],
        expired_by: vec![],
        beyond: 1,
    }
}

#[test]
fn a_sighting_says_who_was_told_and_a_list_who_met_what() {
    let told = ToldView { record: RECORD, value: "evil.example".into(), author_name: "amal".into(), to: Some("partners".into()) };
    let withheld = WithheldView { value: "cedar".into(), reason: "no rule".into(), hint: Some("ask".into()) };
    let report = SightingReport { dry_run: false, told: vec![told], withheld: vec![withheld] };
    let rest = "not told: cedar: no rule\n  hint: ask\n";
    assert_eq!(sighting::told(&report), format!("told partners: evil.example of amal  aaaaaaaaaaaaaaaaaaaaaaaaaa\n{rest}"));
    let dry = SightingReport { dry_run: true, ..report };
    assert_eq!(sighting::told(&dry), format!("would tell partners: evil.example of amal  aaaaaaaaaaaaaaaaaaaaaaaaaa\n{rest}"));
    let of_a_feed = ToldView { author_name: "circl".into(), to: None, ..dry.told[0].clone() };
    let report = SightingReport { told: vec![of_a_feed], ..SightingReport::default() };
    assert_eq!(sighting::told(&report), "counts here: evil.example of the feed circl  aaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    let view = SightingView {
        record: RECORD,
        kind: ObservableKind::Domain,
        value: "evil.example".into(),
        author_name: "amal".into(),
        by: "us".into(),
        r#type: SightingType::FalsePositive,
        count: 2,
        first: AT,
        last: AT,
        told: AT,
        label: Tlp::AmberStrict.into(),
    };
    let expected = "\
TYPE            COUNT  LAST                  BY  OF    VALUE
false-positive  2      2026-11-22T09:30:00Z  us  amal  evil.example
";
    assert_eq!(sighting::lines(&[view]), expected);
    assert_eq!(sighting::lines(&[]), "nothing was met\n");
    assert_eq!(sighting::standing(1, false), None);
    assert_eq!(sighting::standing(1, true).as_deref(), Some("1 organisation says it or saw it, disputed"));
}

#[test]
fn what_partners_have_seen_is_told_by_value_and_what_may_be_asked_is_listed() {
    let answer = |value: &str, to: &str, state: &str| SeenAnswer { value: value.into(), to: to.into(), state: state.into() };
    let answers = [
        answer("evil.example", "amal", "nothing_told"),
        answer("evil.example", "borealis", "seen"),
        answer("evil.example", "cedar", "nothing_told"),
        answer("other.example", "amal", "not_linked"),
        answer("other.example", "borealis", "used_up"),
        answer("other.example", "cedar", "silent"),
        answer("other.example", "delta", "not_there"),
    ];
    let expected = "\
evil.example: seen by borealis; nothing told by amal, cedar
other.example: the day's questions are used up with borealis; no such question is answered by delta; no answer from cedar; no link to amal
";
    assert_eq!(seen::told(&answers), expected);
    let empty = SeenView { found: vec![], values: vec![], answered: vec![] };
    assert_eq!(seen::lines(&empty), "nobody may ask about anything\n");
    let view = SeenView {
        found: vec![SeenFoundView { at: AT, peer: "amal".into(), value: "evil.example".into() }],
        values: vec![SeenValueView {
            kind: ObservableKind::Domain,
            value: "evil.example".into(),
            with: vec!["amal".into(), "partners".into()],
            at: AT,
            until: AT,
            by: None,
        }],
        answered: vec![AnsweredView { day: AT, peer: "amal".into(), answered: 3, refused: 1 }],
    };
    let expected = "\
Partners have asked about what was seen here, and were told:
AT                    BY    VALUE
2026-11-22T09:30:00Z  amal  evil.example

KIND    VALUE         MAY ASK         UNTIL                 SAID BY
domain  evil.example  amal, partners  2026-11-22T09:30:00Z  -

DAY         PEER  ANSWERED  REFUSED
2026-11-22  amal  3         1
";
    assert_eq!(seen::lines(&view), expected);
}

#[test]
fn a_lookup_lists_matches_under_each_value() {
    let found = MatchView {
        record: RECORD,
        kind: ObservableKind::Domain,
        value: "evil.example".into(),
        author: ORG,
        author_name: "amal".into(),
        label: Tlp::AmberStrict.into(),
        r#match: "parent".into(),
        state: "live".into(),
        provenances: 1,
        audience_name: "partners".into(),
        log: LogId([0; 32]),
        seq: Some(7),
        received: AT,
        valid_until: None,
        reason: None,
        confidence: None,
        confidence_now: Some(41),
        opinions: None,
        organisations: 1,
        disputed: false,
    };
    let met = MatchView { confidence: Some(80), opinions: Some(opinions()), organisations: 3, disputed: true, ..found.clone() };
    let withdrawn = MatchView { state: "revoked".into(), reason: Some("sold\x07".into()), ..found.clone() };
    let view = |query: &str, matches, problem: Option<&str>, more| LookupView {
        query: query.into(),
        matches,
        problem: problem.map(str::to_owned),
        unclear: None,
        more,
        more_at_least: more > 100,
        unconfirmed: false,
    };
    let views = [
        view("a.evil.example", vec![found], None, 4),
        view("b.evil.example", vec![withdrawn], None, 0),
        view("c.evil.example", vec![met], None, 0),
        view("nothing.example", vec![], None, 0),
        view("much.example", vec![], None, 9_000),
        LookupView { unclear: Some("cannot tell what `roleaboutd` is".into()), ..view("roleaboutd", vec![], None, 0) },
        view("\x1b[2Jx", vec![], Some("what kind of value `x` is cannot be told"), 0),
    ];
    let expected = "\
a.evil.example: 5 records
  MATCH   KIND    VALUE         AUTHOR  TLP           STATE  RECORD
  parent  domain  evil.example  amal    amber+strict  live   aaaaaaaaaaaaaaaaaaaaaaaaaa
  and 4 more
b.evil.example: 1 record
  MATCH   KIND    VALUE         AUTHOR  TLP           STATE    RECORD
  parent  domain  evil.example  amal    amber+strict  revoked  aaaaaaaaaaaaaaaaaaaaaaaaaa
  aaaaaaaaaaaaaaaaaaaaaaaaaa was withdrawn: sold\\u{7}
c.evil.example: 1 record
  MATCH   KIND    VALUE         AUTHOR  TLP           STATE  RECORD
  parent  domain  evil.example  amal    amber+strict  live   aaaaaaaaaaaaaaaaaaaaaaaaaa
  aaaaaaaaaaaaaaaaaaaaaaaaaa: confidence 80, now 41 · seen 3 times by 2 organisations, last 2026-11-22T09:30:00Z · false positive says borealis, a member of partners · 1 word more than are kept
  evil.example: 3 organisations say it or saw it, disputed
nothing.example: not known
much.example: at least 9000 records
  and at least 9000 more
roleaboutd: not known as any kind of value (cannot tell what `roleaboutd` is)
\\u{1b}[2Jx: what kind of value `x` is cannot be told
";
    assert_eq!(lookup::text(&views), expected);
    assert_eq!(lookup::exit(&views), Exit::Done, "what could be read was looked up");
    assert_eq!(lookup::exit(&views[6..]), Exit::Usage);
}

#[test]
fn a_record_shows_what_its_author_says_and_who_else_says_it() {
    let entry = |seq| EntryView {
        log: LogId([0; 32]),
        audience_name: "partners".into(),
        seq,
        hash: None,
        holders: Vec::new(),
        received: AT,
        retention: seq.map(|_| AT),
    };
    let view = RecordView {
        record: RECORD,
        kind: ObservableKind::Domain,
        value: "evil.example".into(),
        author: ORG,
        author_name: "us".into(),
        label: Tlp::Green.into(),
        state: "live".into(),
        reason: None,
        valid_from: None,
        valid_until: Some(AT),
        confidence: Some(80),
        labels: vec!["Pegasus".into()],
        note: Some("seen\nin a lure".into()),
        source: Some("pegasus.stix2".into()),
        entries: vec![entry(Some(3)), entry(None)],
        also: vec![AlsoView { record: RECORD, author: ORG, author_name: "amal".into(), label: Tlp::Red.into() }],
        confidence_now: 41,
        opinions: None,
        organisations: 2,
        disputed: false,
        unconfirmed: false,
    };
    let expected = "\
record       aaaaaaaaaaaaaaaaaaaaaaaaaa
value        domain evil.example
author       us (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)
label        TLP:GREEN
state        live
valid until  2026-11-22T09:30:00Z
confidence   80, now 41
labels       Pegasus
note         seen
             in a lure
source       pegasus.stix2

LOG           POSITION  AUDIENCE  RECEIVED              DESTROYED
aaaaaaaaaaaa  3         partners  2026-11-22T09:30:00Z  2026-11-22T09:30:00Z
aaaaaaaaaaaa  waiting   partners  2026-11-22T09:30:00Z  -
also said by amal (TLP:RED): aaaaaaaaaaaaaaaaaaaaaaaaaa
";
    assert_eq!(show::text(&view), expected);
    let met = RecordView { opinions: Some(opinions()), disputed: true, ..view.clone() };
    let others = "\nothers       seen 3 times by 2 organisations, last 2026-11-22T09:30:00Z · false positive says borealis, a member of partners · 1 word more than are kept\nstanding     2 organisations say it or saw it, disputed\n";
    assert!(show::text(&met).contains(others), "{}", show::text(&met));
    let view = RecordView { state: "revoked".into(), reason: Some("the domain has a new owner".into()), ..view };
    assert!(
        show::text(&view).contains("\nstate        revoked\nreason       the domain has a new owner\nvalid until"),
        "{}",
        show::text(&view)
    );
}

#[test]
fn an_explanation_is_the_rules_own_trace() {
    let step = |rule: &str, ok, why: &str| StepView { rule: rule.into(), ok, why: why.into() };
    let view = ExplainView {
        record: RECORD,
        to: "partners".into(),
        allowed: false,
        rules: 1,
        steps: vec![step("author", true, "us says it as TLP:RED"), step("release", false, "TLP:RED never goes to a group")],
    };
    let expected = "\
aaaaaaaaaaaaaaaaaaaaaaaaaa may not go to partners (rules 1)
  yes  author: us says it as TLP:RED
  no   release: TLP:RED never goes to a group
";
    assert_eq!(explain::text(&view), expected);
}

#[test]
fn disclosures_receipts_withdrawals_and_restores() {
    let line = DisclosureView {
        number: 1,
        at: AT,
        audience: format!("direct:{ORG_TEXT}"),
        audience_name: "smex".into(),
        label: Tlp::Amber.into(),
        kind: "indicator".into(),
        count: 60,
        digest: "00".repeat(32),
        rules: 1,
        now: false,
        release: Some(ReleaseId([0; 5])),
        release_digest: None,
        recipients: vec![],
        retention: None,
        by: None,
        approved_by: None,
        replaced: BTreeMap::new(),
        hash: "00".repeat(32),
    };
    let older = DisclosureView { number: 2, now: true, release: None, ..line.clone() };
    let expected = "\
NUMBER  AT                    TO    TLP    KIND       RECORDS  DIGEST            RELEASE   HELD
1       2026-11-22T09:30:00Z  smex  amber  indicator  60       0000000000000000  aaaaaaaa  yes
2       2026-11-22T09:30:00Z  smex  amber  indicator  60       0000000000000000  -         no
";
    assert_eq!(disclosures::text(&[line, older]), expected);
    assert_eq!(disclosures::found(&[]), "no disclosure is like that\n");
    let whole = ChainView { ok: true, count: 2, head: "ab".repeat(32), problem: None, position: None };
    let expected = format!("2 disclosures hold, each following the one before\nhead: {}\n", "ab".repeat(32));
    assert_eq!(disclosures::chain(&whole), expected);
    let (problem, position) = (Some(Broken::Hash { position: 2 }.to_string()), Some(2));
    let expected = format!(
        "the disclosures do not hold: position 2: the line is not the one that was written after the line before it\nlast that holds: 1\nits hash: {}\n",
        "ab".repeat(32)
    );
    assert_eq!(disclosures::chain(&ChainView { ok: false, count: 1, problem, position, ..whole }), expected);
    let receipt = |peer: &str, outcome: &str, at| ReceiptView { peer: peer.into(), org_id: ORG, outcome: outcome.into(), at };
    let expected = "\
PEER  OUTCOME    AT
amal  destroyed  2026-11-22T09:30:00Z
smex  waiting    -
";
    assert_eq!(receipts::text(&[receipt("amal", "destroyed", Some(AT)), receipt("smex", "waiting", None)]), expected);
    let export = |number, whole, gone| ExportedView {
        number,
        at: AT,
        format: "stix".into(),
        ceiling: Ceiling { tlp: Tlp::Green, ..Ceiling::NONE },
        whole,
        to: None,
        gone,
    };
    let expected = "
EXPORT  AT                    FORMAT  UP TO  WHAT              NOW
1       2026-11-22T09:30:00Z  stix    green  everything        gone since 2026-11-22T09:30:00Z
2       2026-11-22T09:30:00Z  stix    green  what had changed  export stix whole again
";
    assert_eq!(receipts::exported(&[export(1, true, Some(AT)), export(2, false, None)]), expected);
    let fetched = ExportedView { to: Some("misp-lab".into()), ..export(3, true, None) };
    let expected = "
EXPORT  AT                    FORMAT            UP TO  WHAT        NOW
3       2026-11-22T09:30:00Z  stix to misp-lab  green  everything  there until misp-lab fetches again
";
    assert_eq!(receipts::exported(&[fetched]), expected);
    assert_eq!(receipts::exported(&[]), "");
    let told = vec!["amal".to_owned(), "smex".to_owned()];
    let view =
        TakeBackView { record: RECORD, mode: WithdrawalMode::Recall, entries: 2, unsent: 1, told, holders: 3, answered: 1, already: None };
    let expected = "\
recalled aaaaaaaaaaaaaaaaaaaaaaaaaa: 2 entries, 1 not sent yet
told: amal, smex
1 of 3 holders has answered; see `watchfire receipts aaaaaaaaaaaaaaaaaaaaaaaaaa`
";
    for (answered, holders, said) in [(0, 1, "0 of 1 holder has answered"), (1, 1, "1 of 1 holder has"), (0, 2, "0 of 2 holders have")] {
        assert!(withdraw::text(&TakeBackView { answered, holders, ..view.clone() }).contains(said), "{said}");
    }
    assert_eq!(withdraw::text(&view), expected);
    let view = TakeBackView { holders: 0, answered: 0, ..view };
    assert!(withdraw::text(&view).ends_with("told: amal, smex\nsee `watchfire receipts aaaaaaaaaaaaaaaaaaaaaaaaaa`\n"));
    let view = TakeBackView {
        record: RECORD,
        mode: WithdrawalMode::Withdraw,
        entries: 1,
        unsent: 0,
        told: vec![],
        holders: 0,
        answered: 0,
        already: None,
    };
    assert_eq!(withdraw::text(&view), "withdrawn aaaaaaaaaaaaaaaaaaaaaaaaaa: 1 entry, 0 not sent yet\nnobody has to be told\n");
    let again = TakeBackView { mode: WithdrawalMode::Recall, entries: 0, holders: 2, answered: 2, already: Some(AT), ..view };
    let expected = "\
already recalled aaaaaaaaaaaaaaaaaaaaaaaaaa at 2026-11-22T09:30:00Z
2 of 2 holders have answered; see `watchfire receipts aaaaaaaaaaaaaaaaaaaaaaaaaa`
";
    assert_eq!(withdraw::text(&again), expected);
    assert_eq!(restore::text(&RestoreView { incarnation: 2, closed: 3 }), "closed 3 logs; this node's logs go on in incarnation 2\n");
}

#[test]
fn the_doctor_warns_of_the_next_root_key() {
    let data = tempfile::tempdir().unwrap();
    let found = || doctor::text(&doctor::Findings { ok: true, checks: vec![doctor::next_root(data.path())] });
    assert_eq!(found(), "ok       next root  its key is not on this machine\nnothing is broken\n");
    std::fs::create_dir(data.path().join("keys")).unwrap();
    let key = data.path().join("keys/next-root.key");
    std::fs::write(&key, "").unwrap();
    let expected = format!(
        "warning  next root  its key still lies here: `{}`\n                    hint: move it to paper or a stick in a safe: with it you win \
         your organisation back when the root key is stolen\nnothing is broken\n",
        key.display()
    );
    assert_eq!(found(), expected);
}

#[test]
fn the_doctor_ends_with_a_verdict() {
    let check = |name: &str, verdict, text: &str, hint: Option<&str>| CheckView {
        name: name.into(),
        verdict,
        text: text.into(),
        hint: hint.map(str::to_owned),
    };
    let checks = vec![
        check("files", CheckVerdict::Ok, "only the owner can open the data directory", None),
        check("certificates", CheckVerdict::Warning, "node 6 days left, issuing CA 3 days left", Some("bring the root key here")),
        check("peer amal", CheckVerdict::Bad, "refused", Some("is it running?")),
        check("peer smex", CheckVerdict::Skipped, "suspended", None),
    ];
    let expected = "\
ok       files         only the owner can open the data directory
warning  certificates  node 6 days left, issuing CA 3 days left
                       hint: bring the root key here
bad      peer amal     refused
                       hint: is it running?
skipped  peer smex     suspended
something is broken
";
    assert_eq!(doctor::text(&doctor::Findings { ok: false, checks }), expected);
    assert_eq!(doctor::text(&doctor::Findings { ok: true, checks: vec![] }), "nothing is broken\n");
}

#[test]
fn init_says_what_it_made_and_what_comes_next() {
    let view = InitView {
        org_id: ORG,
        data: "/srv/w".into(),
        config: "/srv/w/watchfire.toml".into(),
        next_root_key: Some("/srv/w/keys/next-root.key".into()),
    };
    let expected = format!("organisation  {ORG_TEXT}\ndata          /srv/w\nsettings      /srv/w/watchfire.toml\n");
    assert_eq!(init::text(&view), expected);
    let expected = [
        "next: move `/srv/w/keys/next-root.key` off this machine; with it you win your organisation back when its root key is stolen",
        "next: set `endpoints` in the settings, or peers cannot reach this node, which then only calls them",
        "next: `watchfire serve` runs the node",
    ];
    assert_eq!(init::talk(&view, "0.0.0.0:7443", &[]), expected);
    let here = "next: set `endpoints` in the settings, or peers on other machines cannot reach this node, which then only calls them";
    assert_eq!(init::talk(&view, "127.0.0.1:7443", &[])[1], here);
}

#[test]
fn the_demo_tells_each_step_and_the_end() {
    let step = |name: &str, ok| Step { name: name.into(), ok, seconds: 1.234, detail: "seen".into() };
    assert_eq!(demo::line(&step("recall", true)), "ok     1.23 s  recall: seen\n");
    assert_eq!(demo::line(&step("recall", false)), "FAIL   1.23 s  recall: seen\n");
    let steps = vec![step("a", true), step("b", true)];
    assert_eq!(demo::ending(&Outcome { ok: true, steps }), "\n2 steps, each read back at the other organisations\n");
    let steps = vec![step("a", true), step("b", false)];
    assert_eq!(demo::ending(&Outcome { ok: false, steps }), "\n1 of 2 steps not as it should be\n");
    let expected = ["amal: watchfire status --data /tmp/amal", "interrupt to stop and to remove all of it"];
    assert_eq!(demo::kept(&[("amal", "/tmp/amal".into())]), expected);
}

#[test]
fn an_error_is_a_line_and_its_hint_another() {
    let problem = Problem::new("x", Exit::Failed, "it `\x07` failed\nhint: try again");
    assert_eq!(output::error_text(&problem, false), "error: it `\\u{7}` failed\nhint: try again\n");
    assert_eq!(output::error_text(&problem, true), "\x1b[1;31merror:\x1b[0m it `\\u{7}` failed\n\x1b[36mhint:\x1b[0m try again\n");
    assert_eq!(output::error_text(&Problem::new("x", Exit::Failed, "it failed"), false), "error: it failed\n");
    assert_eq!(output::error_json(&problem), r#"{"error":"x","hint":"try again","message":"it `\u0007` failed"}"#);
    let steering = Problem::new("x", Exit::Failed, "it `\u{202e}\u{9b}` failed");
    assert_eq!(output::error_json(&steering), r#"{"error":"x","message":"it `\u202e\u009b` failed"}"#);
}

#[test]
fn an_export_names_what_has_gone_and_ends_with_its_cursor() {
    let gone = |what: &str| RemovedView { record: RECORD, stix_id: "indicator--x".into(), what: what.into(), value: None };
    let withdrawn = RemovedView { value: Some("evil.example".into()), ..gone("withdrawn") };
    let expected = "\
REMOVED    VALUE         RECORD                      STIX ID
recalled   -             aaaaaaaaaaaaaaaaaaaaaaaaaa  indicator--x
withdrawn  evil.example  aaaaaaaaaaaaaaaaaaaaaaaaaa  indicator--x
cursor: 7
";
    assert_eq!(export::text(&[gone("recalled"), withdrawn], "7"), expected);
    assert_eq!(export::text(&[], "7"), "cursor: 7\n");
    assert!(export::text(&vec![gone("recalled"); 102], "7").ends_with("and 2 more; `--json` has all\ncursor: 7\n"));
}

#[test]
fn text_from_elsewhere_does_not_steer_the_terminal() {
    assert_eq!(output::plain("a\u{202e}b\rc\u{1b}]0;x"), "a\\u{202e}b\\u{d}c\\u{1b}]0;x");
    assert_eq!(output::plain("évil.example"), "évil.example");
}

#[test]
fn a_judged_value_says_what_becomes_of_it() {
    let finding = |severity, why: &str| FindingView { severity, why: why.into() };
    let judged = |value: &str, kind, findings: Vec<FindingView>| JudgedView {
        value: value.into(),
        kind,
        severity: findings.iter().map(|finding| finding.severity).max(),
        leaves_as: None,
        findings,
    };
    let plain = judged("evil.example", Some(ObservableKind::Domain), vec![]);
    assert_eq!(warninglist::told(&plain), "leaves   domain evil.example\n");
    let findings = vec![finding(Severity::Hold, "it is on a list"), finding(Severity::Warn, "it is on another")];
    let held =
        JudgedView { leaves_as: Some("http://a.example/".into()), ..judged("http://a.example/x", Some(ObservableKind::Url), findings) };
    let expected = "\
hold     url http://a.example/x
         leaves as http://a.example/
         hold: it is on a list
         warn: it is on another
";
    assert_eq!(warninglist::told(&held), expected);
    let unread = judged("y", None, vec![finding(Severity::Refuse, "cannot tell what `y` is")]);
    assert_eq!(warninglist::told(&unread), "refuse   y\n         refuse: cannot tell what `y` is\n");
}

#[test]
fn warninglists_are_a_table_with_how_strict_each_is() {
    let list = |name: &str, severity, unused| warninglist::ListView {
        name: name.into(),
        file: "a.json".into(),
        version: 20260101,
        entries: 1000,
        severity,
        unused,
        problems: vec![],
    };
    let lists = [list("Somebody's", Severity::Hold, 0), list("Parking domains", Severity::Refuse, 2)];
    let expected = "\
SEVERITY          ENTRIES  UNUSED  VERSION   NAME
hold              1000     0       20260101  Somebody's
refuse, set here  1000     2       20260101  Parking domains
";
    assert_eq!(warninglist::text(&lists), expected);
    assert_eq!(warninglist::text(&[]), "no warninglists; `watchfire warninglist import` takes MISP's\n");
}

/// Two indicators that are held.
fn held_release() -> HoldView {
    HoldView {
        id: Some(ReleaseId([0; 5])),
        referral: None,
        audience: format!("group:{ORG_TEXT}"),
        audience_name: "partners".into(),
        recipients: vec![MemberView { org_id: ORG, name: Some("smex".into()) }, MemberView { org_id: ORG, name: None }],
        made: AT,
        due: Some(AT.plus(30_000)),
        state: HoldState::Held,
        reason: None,
        count: 2,
        left: 0,
        labels: vec![LabelCount { label: Tlp::Amber.into(), kind: "indicator".into(), count: 2, retention: Some(AT) }],
        digest: "ab".repeat(32),
        replaced: BTreeMap::from([("email".into(), 1)]),
        warnings: BTreeMap::from([("`docs.google.com` is well known".into(), 1)]),
        asks: BTreeMap::new(),
        confirmed: false,
        by: None,
        approved_by: None,
    }
}

#[test]
fn what_was_just_held_says_until_when_and_how_it_is_undone() {
    let digest = "ab".repeat(32);
    let expected = format!(
        "held 2 records as aaaaaaaa until 2026-11-22T09:30:30Z\n    digest: {digest}\n    hint: `watchfire preview aaaaaaaa` shows what leaves; `watchfire undo aaaaaaaa` drops it without a trace\n"
    );
    assert_eq!(holds::held(&[held_release()]), expected);
    let asks = BTreeMap::from([("`pages.dev` is shared hosting".into(), 2)]);
    let text = holds::held(&[HoldView { state: HoldState::Asks, asks, ..held_release() }]);
    assert!(text.starts_with("held 2 records as aaaaaaaa: waits for a person's yes (`watchfire release`)\n"), "{text}");
    assert!(text.contains("\n    asks (2 records): `pages.dev` is shared hosting\n"), "{text}");
}

#[test]
fn holds_are_a_table_and_reasons_stand_below_it() {
    assert_eq!(holds::text(&[]), "nothing is held\n");
    let reason = Some("the peer is suspended\nhint: `watchfire peer resume` opens the link again".into());
    let kept = HoldView { state: HoldState::Kept, reason, ..held_release() };
    let expected = "\
RELEASE   REFERRAL  TO        TLP    RECORDS  DUE                   SIGNED BY  WAITS FOR
aaaaaaaa  bibqaaaa  partners  amber  2        2026-11-22T09:30:30Z             its time
aaaaaaaa  -         partners  amber  2        2026-11-22T09:30:30Z             the gate, which does not let it out now
aaaaaaaa: the peer is suspended
    hint: `watchfire peer resume` opens the link again
";
    let mut id = [0; 16];
    (id[0], id[1]) = (10, 3);
    let said = HoldView { referral: Some(crate::model::ReferralId(id)), ..held_release() };
    assert_eq!(holds::text(&[said.clone(), kept]), expected);
    assert!(holds::about(&said).contains("\nreferral    bibqaaaaaaaaaaaaaaaaaaaaaa\n"), "{}", holds::about(&said));
    let says = |state| holds::waits_for(&HoldView { state, ..held_release() });
    assert_eq!(says(HoldState::Preview), "nothing: this is a preview");
    assert_eq!(says(HoldState::Second), "a second person (`watchfire approve`)");
    assert_eq!(says(HoldState::Filling), "the end of its import");
    assert_eq!(says(HoldState::Unfinished), "a person: its import did not end (`watchfire release` or `undo`)");
    assert_eq!(says(HoldState::Restored), "a person: it comes from a backup (`watchfire release` or `undo`)");
}

#[test]
fn a_preview_is_the_release_and_each_record_field_by_field() {
    let fields = [("kind", "domain"), ("value", "evil.example"), ("note", "seen in [email-1]\nand \u{1b}[2Jagain\n")];
    let record = PreviewRecord {
        part: 0,
        label: Tlp::Amber.into(),
        kind: "indicator".into(),
        kind_number: 1,
        retention: Some(AT),
        fields: fields.map(|(name, value)| Field { name: name.into(), value: value.into() }).into(),
        replaced: vec![Replaced { field: "note".into(), kind: "email".into(), count: 1 }],
        warnings: vec!["`docs.google.com` is well known".into()],
        asks: vec!["`pages.dev` is shared hosting".into()],
        bytes: "AA==".into(),
    };
    let view = PreviewView { hold: held_release(), records: vec![record], more: 1 };
    let expected = format!(
        "\
release     aaaaaaaa
to          partners
recipients  smex, {ORG_TEXT}
records     2 indicators as TLP:AMBER, destroyed by all on 2026-11-22
due         2026-11-22T09:30:30Z
waits for   its time
replaced    email 1
digest      {}
warning (1 record): `docs.google.com` is well known

indicator  TLP:AMBER  until 2026-11-22T09:30:00Z
    kind   domain
    value  evil.example
    note   seen in [email-1]
           and \\u{{1b}}[2Jagain
    replaced in note: 1 email
    warning: `docs.google.com` is well known
    asks: `pages.dev` is shared hosting

and 1 record more; `--all` shows them
",
        "ab".repeat(32)
    );
    assert_eq!(preview::text(&view), expected);
    let expected = format!("said yes\n{}", &expected[..expected.find("\n\n").unwrap() + 1]);
    assert_eq!(release::text(&view.hold), expected);
}

#[test]
fn a_dry_run_says_what_would_be() {
    let hold = HoldView { id: None, due: None, state: HoldState::Preview, warnings: BTreeMap::new(), ..held_release() };
    let preview = PreviewView { hold, records: vec![], more: 2 };
    let released = ReleasedView {
        record: RECORD,
        kind: ObservableKind::Domain,
        value: "evil.example".into(),
        before: Some(Tlp::Clear.into()),
        held: false,
        findings: Findings::default(),
    };
    let report = ShareReport { released: vec![released], preview: vec![preview], dry_run: true, ..ShareReport::default() };
    let text = share::text(&report);
    assert!(text.starts_with("to          partners\n"), "{text}");
    assert!(text.contains("\nand 2 records more; without `--dry-run`, `watchfire preview --all` shows them\n"), "{text}");
    assert!(text.contains("\nwould go   domain evil.example  aaaaaaaaaaaaaaaaaaaaaaaaaa\n"), "{text}");
    assert!(text.contains("shared there as TLP:CLEAR before; the new label would replace it\n"), "{text}");
    assert!(text.ends_with("1 value: 1 would be released, 0 duplicate, 0 withheld, 0 invalid\n"), "{text}");
}

#[test]
fn what_was_undone_says_so_and_what_had_left_already() {
    assert_eq!(undo::text(&held_release()), "undone: 2 records to partners will not leave, and nobody learns of it\n");
    let text = undo::text(&HoldView { left: 10_000, ..held_release() });
    let expected = "10000 records of that release had left already\n    hint: `watchfire disclosures` shows them; `watchfire recall` takes back what should never have left\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn status_says_how_much_is_held_and_for_how_long() {
    let held = HeldView { releases: 1, records: 60, for_a_person: 0, next: Some(AT.plus(30_000)), since: AT };
    let expected =
        "held          60 records in 1 release, the oldest since 2026-11-22T09:30:00Z; the next leaves at 2026-11-22T09:30:30Z\n";
    assert_eq!(status::held_text(&held), expected);
    let held = HeldView { releases: 2, for_a_person: 2, next: None, ..held };
    let expected = "held          60 records in 2 releases, 2 for a person, the oldest since 2026-11-22T09:30:00Z; none leaves by itself\n";
    assert_eq!(status::held_text(&held), expected);
}

fn notice_view(channel: &str, event: &str, state: NoticeState, problem: Option<&str>) -> NoticeView {
    let failing = state == NoticeState::Failing;
    NoticeView {
        id: NoticeId([0; 16]),
        channel: channel.into(),
        event: event.into(),
        referral: failing.then_some(ShortId([7; 5])),
        state,
        queued: AT,
        failed: if failing { 3 } else { 0 },
        next: failing.then_some(AT),
        problem: problem.map(str::to_owned),
    }
}

#[test]
fn notices_are_listed_below_their_channels() {
    let channel = ChannelView {
        name: "mail".into(),
        kind: "email".into(),
        minimum: "any".into(),
        roles: vec!["handler".into(), "lead".into()],
        waiting: 2,
        failing: 1,
        given_up: 0,
    };
    let notices = vec![
        notice_view("mail", "offer-arrived", NoticeState::Failing, Some("nobody answers there")),
        notice_view("mail", "progress", NoticeState::Digest, None),
    ];
    let expected = "\
CHANNEL  KIND   TAKES  FOR            WAITING  FAILING  GIVEN UP
mail     email  any    handler, lead  2        1        0

CHANNEL  EVENT          REFERRAL  STATE    SINCE                 TRIES  NEXT                  PROBLEM
mail     offer-arrived  a4dqobyh  failing  2026-11-22T09:30:00Z  3      2026-11-22T09:30:00Z  nobody answers there
mail     progress       -         digest   2026-11-22T09:30:00Z  0      -
";
    assert_eq!(notify::text(&NoticesView { channels: vec![channel], notices }), expected);
    let none = NoticesView { channels: vec![], notices: vec![] };
    assert_eq!(notify::text(&none), "nobody is told of anything: there is no channel\n");
}

#[test]
fn a_test_says_what_became_of_it_on_each_channel() {
    let tried = |channel: &str, problem: Option<&str>| Tried {
        id: NoticeId([0; 16]),
        channel: channel.into(),
        delivered: problem.is_none(),
        problem: problem.map(str::to_owned),
    };
    let expected = "\
CHANNEL  OUTCOME        PROBLEM
mail     delivered
hook     not delivered  the web server answered 503
";
    assert_eq!(notify::tried_text(&[tried("mail", None), tried("hook", Some("the web server answered 503"))]), expected);
}

#[test]
fn the_status_counts_notices_where_there_is_somebody_to_tell() {
    let of = |failing, given_up| status::notices(&NotifyStatus { channels: 1, waiting: 3, failing, given_up });
    assert_eq!(of(0, 0), "notices       1 channel, 3 waiting\n");
    assert_eq!(of(2, 1), "notices       1 channel, 3 waiting, 2 failing, 1 given up: `watchfire notify list` says why\n");
}

#[test]
fn a_desk_key_that_is_due_is_told_with_what_to_do() {
    use crate::node::view::DeskKeyStatus;
    use crate::rules::desk::Due;
    let good = DeskKeyStatus { number: 3, card_names: Some(3), due: None, due_at: AT };
    let told = |key: &DeskKeyStatus| (doctor::desk_key(key).verdict, status::desk_key(key));
    assert_eq!(told(&good), (CheckVerdict::Ok, "3, the next by 2026-11-22T09:30:00Z".into()));
    let old = DeskKeyStatus { due: Some(Due::Old), ..good.clone() };
    assert_eq!(told(&old), (CheckVerdict::Warning, "3; the next is due".into()));
    let left = DeskKeyStatus { due: Some(Due::SomebodyLeft), ..good.clone() };
    assert_eq!(told(&left).1, "3; the next is due, since somebody has it who may not open any more");
    let behind = DeskKeyStatus { card_names: Some(2), ..good.clone() };
    assert_eq!(told(&behind), (CheckVerdict::Warning, "3, the next by 2026-11-22T09:30:00Z; the card still names 2".into()));
    assert!(doctor::desk_key(&behind).hint.expect("what to do").contains("desk-key publish"));
    assert!(status::desk_key(&DeskKeyStatus { card_names: None, ..good }).ends_with("; the card names none yet"));
}

#[test]
fn what_platforms_were_asked_is_told_in_a_line_each() {
    use crate::node::referral::PlatformView;
    let waiting = PlatformView {
        vocabulary: String::new(),
        escalation: "aaaaaaaa".parse().unwrap(),
        referral: crate::model::ReferralId([0; 16]),
        platform: "facebook".parse().unwrap(),
        channel: "partner_portal".parse().unwrap(),
        references: vec!["5-2938471".parse().unwrap()],
        state: "waiting".into(),
        opened: "2026-11-27T10:00:00Z".parse().unwrap(),
        by: None,
        pinged: vec!["2026-12-04T10:00:00Z".parse().unwrap()],
        due: Some("2026-12-11T10:00:00Z".parse().unwrap()),
        overdue: None,
        answered: None,
        outcome: None,
        partners: vec!["borealis".into()],
        rungs: Vec::new(),
    };
    let table = "ID        REFERRAL  PLATFORM  CHANNEL         REFERENCES  ASKED                 AGAIN  DUE                   OUTCOME
aaaaaaaa  aaaaaaaa  facebook  partner_portal  5-2938471   2026-11-27T10:00:00Z  1      2026-12-11T10:00:00Z  waiting\n";
    assert_eq!(super::referral::platform::lines(std::slice::from_ref(&waiting)), table);
    assert_eq!(super::referral::platform::lines(&[]), "no platform was asked\n");
    let text = super::referral::platform::text(&waiting);
    assert!(text.contains("who else reaches it  borealis\n") && text.contains("asked again          2026-12-04T10:00:00Z\n"), "{text}");
    let overdue = PlatformView { overdue: waiting.due, ..waiting.clone() };
    let says = |one: &PlatformView| super::referral::platform::lines(std::slice::from_ref(one));
    assert!(says(&overdue).contains("  overdue since 2026-12-11T10:00:00Z  waiting\n"), "{}", says(&overdue));
    let outcome = Some("account_recovered".parse().unwrap());
    let answered = PlatformView { state: "answered".into(), due: None, outcome, partners: Vec::new(), ..waiting };
    assert!(super::referral::platform::lines(&[answered]).contains("account_recovered"));
}

#[test]
fn what_several_organisations_report_is_told_with_who_and_when() {
    use crate::node::campaigns::{CampaignView, ReportView};
    let at = |text: &str| text.parse().unwrap();
    let report = |name: &str, count| ReportView {
        org_id: crate::model::OrgId([1; 32]),
        name: name.into(),
        count,
        first: at("2026-11-26T10:00:00Z"),
        last: at("2026-11-27T10:00:00Z"),
    };
    let view = CampaignView {
        campaign: crate::model::CampaignId([0; 16]),
        kind: "campaign".into(),
        name: Some("Pegasus".into()),
        since: at("2026-11-27T10:00:00Z"),
        last: at("2026-11-27T10:00:00Z"),
        goes_on: true,
        reports: vec![report("us", 1), report("borealis", 2)],
    };
    let expected = "ID        KIND      WHAT     ORGANISATIONS  SINCE                 LAST                  STATE
aaaaaaaa  campaign  Pegasus  2              2026-11-27T10:00:00Z  2026-11-27T10:00:00Z  goes on
aaaaaaaa  us: 1 report, 2026-11-26T10:00:00Z to 2026-11-27T10:00:00Z
aaaaaaaa  borealis: 2 reports, 2026-11-26T10:00:00Z to 2026-11-27T10:00:00Z\n";
    assert_eq!(super::campaigns::text(std::slice::from_ref(&view)), expected);
    assert!(!format!("{view:?} {:?}", view.reports[0]).contains("egasus"));
    let gone = CampaignView { name: None, goes_on: false, reports: Vec::new(), ..view };
    assert!(super::campaigns::text(&[gone]).contains("(destroyed)"));
    assert_eq!(super::campaigns::text(&[]), "nothing is reported by several organisations\n");
}
