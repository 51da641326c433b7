//! What each role at a desk may order over the interface, request by request: the table of docs/desk.md.

use crate::cases;
use crate::desk::{self, Person};
use crate::harness::*;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt;
use watchfire::model::desk::{Ordered, Role, SignedOrder};
use watchfire::node::Node;
use watchfire::node::referral::{Act, ActRequest, AgainRequest, AnswerRequest, PingRequest, PlatformRequest, ReferRequest};
use watchfire::node::{alert, call, duplicate, feeds, handover, profile, serving, sighting};
use watchfire::rules::desk::{Deed, may};

const DIRECTOR: Person = desk::AMINA;
const HANDLER: Person = desk::OMAR;
const LEAD: Person = desk::DANA;
const COORDINATOR: Person = Person("samir", 4);
const PEOPLE: [(Role, Person); 4] =
    [(Role::Director, DIRECTOR), (Role::Handler, HANDLER), (Role::Lead, LEAD), (Role::Coordinator, COORDINATOR)];

/// A request as it is sent, by whoever signs it.
type Sent = Box<dyn Fn(&Node, Option<Person>) -> Value>;

struct Asked {
    path: String,
    deed: Deed,
    sent: Sent,
}

/// One request: its path, its name and what it is about in the order, what is asked for, and as what it counts.
fn asked<T: Serialize + DeserializeOwned + 'static>(
    path: &str,
    name: &'static str,
    about: &'static str,
    deed: Deed,
    request: Value,
) -> Asked {
    let request: T = serde_json::from_value(request).unwrap_or_else(|error| panic!("{path}: {error}"));
    let sent: Sent = Box::new(move |node, by| {
        let order: Option<SignedOrder> = by.map(|by| desk::order(node, name, about, &request, by));
        let request = serde_json::to_value(&request).unwrap();
        serde_json::to_value(Ordered { request, order }).unwrap()
    });
    Asked { path: path.to_owned(), deed, sent }
}

const NONE: &str = "k7qm2xpa";

/// Every request of the interface that counts by whose order it is.
fn all() -> Vec<Asked> {
    let refer = serde_json::to_value(cases::request(cases::offer("an account was taken over"), &["borealis"])).unwrap();
    let act = |act: Act| serde_json::to_value(ActRequest { act, now: true }).unwrap();
    let consent = "explicit";
    let feed = json!({"name": "lures", "kind": "list", "at": "/nowhere/at/all.txt", "every_s": 3600, "tlp": "green"});
    let consumer = json!({"name": "dns", "scopes": ["export"], "days": 30});
    let platform = json!({"platform": "facebook", "channel": "web_form"});
    let alert = json!({"to": "helplines", "incident_types": ["account_compromise"], "headline": "beware"});
    vec![
        asked::<ReferRequest>("/v1/referrals", "refer", "", Deed::Refer, refer),
        asked::<AgainRequest>("/v1/referrals/k7qm2xpa/again", "again", NONE, Deed::Refer, json!({})),
        asked::<ActRequest>("/v1/referrals/k7qm2xpa/act", "act", NONE, Deed::Work, act(Act::Ack)),
        asked::<ActRequest>("/v1/referrals/k7qm2xpa/act", "act", NONE, Deed::Refer, act(Act::Withdraw { revoked: false })),
        asked::<PlatformRequest>("/v1/referrals/k7qm2xpa/platforms", "platform-open", NONE, Deed::Work, platform),
        asked::<PingRequest>("/v1/platforms/k7qm2xpa/ping", "platform-ping", NONE, Deed::Work, json!({})),
        asked::<AnswerRequest>("/v1/platforms/k7qm2xpa/answer", "platform-answer", NONE, Deed::Work, json!({"outcome": "other"})),
        asked::<call::CallRequest>("/v1/calls", "call", "", Deed::Refer, json!({"to": "helplines", "help_wanted": ["take_over"]})),
        asked::<call::CloseRequest>("/v1/calls/k7qm2xpa/close", "call-close", NONE, Deed::Refer, json!({})),
        asked::<call::VolunteerRequest>("/v1/calls/k7qm2xpa/volunteer", "volunteer", NONE, Deed::Work, json!({})),
        asked::<alert::AlertRequest>("/v1/alerts", "alert", "", Deed::Alert, alert),
        asked::<alert::WithdrawRequest>("/v1/alerts/k7qm2xpa/withdraw", "alert-withdraw", NONE, Deed::Alert, json!({})),
        asked::<alert::ReadRequest>("/v1/alerts/k7qm2xpa/read", "alert-read", NONE, Deed::Work, json!({})),
        asked::<sighting::SightingRequest>("/v1/sightings", "sighting", "", Deed::Work, json!({"of": "login-lure.com"})),
        asked::<sighting::WithdrawSightingRequest>(
            "/v1/sightings/withdraw",
            "sighting-withdraw",
            "",
            Deed::Work,
            json!({"of": "login-lure.com"}),
        ),
        asked::<duplicate::SeenAskRequest>("/v1/seen", "seen-ask", "", Deed::Work, json!({"values": ["login-lure.com"], "to": ["nobody"]})),
        asked::<duplicate::SeenAllowRequest>(
            "/v1/seen/allowed",
            "seen-allow",
            "",
            Deed::Work,
            json!({"values": ["login-lure.com"], "with": ["nobody"]}),
        ),
        asked::<duplicate::SeenDisallowRequest>(
            "/v1/seen/disallowed",
            "seen-disallow",
            "",
            Deed::Work,
            json!({"values": ["login-lure.com"]}),
        ),
        asked::<handover::HandOverRequest>("/v1/handovers", "handover", "", Deed::Work, json!({"note": ""})),
        asked::<handover::AcceptRequest>("/v1/handovers/k7qm2xpa/accept", "handover-accept", NONE, Deed::Work, json!({})),
        asked::<duplicate::CheckRequest>(
            "/v1/duplicates",
            "duplicate-check",
            "",
            Deed::Duplicate,
            json!({"checks": [], "consent": consent}),
        ),
        asked::<duplicate::EvaluateRequest>("/v1/duplicates/evaluate", "duplicate-evaluate", "", Deed::Duplicate, json!({"blinded": []})),
        asked::<duplicate::AllowRequest>(
            "/v1/duplicates/allowed",
            "duplicate-allow",
            "",
            Deed::Duplicate,
            json!({"values": [], "with": [], "consent": consent}),
        ),
        asked::<duplicate::DisallowRequest>("/v1/duplicates/allowed/k7qm2xpa/end", "duplicate-disallow", NONE, Deed::Duplicate, json!({})),
        asked::<duplicate::DecideRequest>(
            "/v1/duplicates/found/k7qm2xpa",
            "duplicate-decide",
            NONE,
            Deed::Duplicate,
            json!({"tell": true}),
        ),
        asked::<profile::ProfileSet>("/v1/profile", "profile", "", Deed::Profile, json!({"text": "no profile"})),
        asked::<feeds::FeedAdd>("/v1/feeds", "feed-add", "", Deed::Feeds, feed),
        asked::<feeds::FeedRun>("/v1/feeds/k7qm2xpa/run", "feed-run", NONE, Deed::Feeds, json!({})),
        asked::<()>("/v1/feeds/k7qm2xpa/pause", "feed-pause", NONE, Deed::Feeds, Value::Null),
        asked::<()>("/v1/feeds/k7qm2xpa/resume", "feed-resume", NONE, Deed::Feeds, Value::Null),
        asked::<()>("/v1/feeds/k7qm2xpa/remove", "feed-remove", NONE, Deed::Feeds, Value::Null),
        asked::<serving::ConsumerAdd>("/v1/consumers", "consumer-add", "", Deed::Consumers, consumer),
        asked::<serving::ConsumerRenew>("/v1/consumers/k7qm2xpa/renew", "consumer-renew", NONE, Deed::Consumers, json!({"days": 30})),
        asked::<()>("/v1/consumers/k7qm2xpa/revoke", "consumer-revoke", NONE, Deed::Consumers, Value::Null),
        asked::<()>("/v1/consumers/k7qm2xpa/keep", "consumer-keep", NONE, Deed::Consumers, Value::Null),
    ]
}

/// The code of the problem; empty where it was done.
async fn code(router: &Router, asked: &Asked, body: Value) -> String {
    let request = Request::post(&asked.path).header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    if answer.status().is_success() {
        return String::new();
    }
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let problem: Value = serde_json::from_slice(&bytes).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_request_is_done_for_those_alone_whose_role_allows_it() {
    let federation = Federation::of(2).await;
    let node = federation.node(AMAL);
    let router = watchfire::api::router(node.clone(), 1 << 20);
    desk::staff(node).await;
    desk::add(node, LEAD, Role::Lead, DIRECTOR).await;
    desk::add(node, COORDINATOR, Role::Coordinator, DIRECTOR).await;
    let (all, mut refused) = (all(), 0);
    for asked in &all {
        let unsigned = code(&router, asked, (asked.sent)(node, None)).await;
        assert_eq!(unsigned, "not-allowed", "{} by nobody", asked.path);
        for (role, person) in PEOPLE {
            // Each order is another by its time.
            federation.tick(1);
            let said = code(&router, asked, (asked.sent)(node, Some(person))).await;
            assert_eq!(said == "not-allowed", !may(role, asked.deed), "{} by a {role}: `{said}`", asked.path);
            assert!(said != "bad-request" && said != "no-such-route", "{}: `{said}`", asked.path);
            refused += usize::from(said == "not-allowed");
        }
    }
    let deeds = node.deeds(&watchfire::node::referral::DeedRange::default()).unwrap();
    let written = deeds.iter().filter(|deed| deed.what.starts_with("refused: ")).count();
    assert_eq!((written, all.len()), (refused, 35), "each refusal is written down");
}

/// Whoever adds a request to the interface says here whose order it counts by, or that it counts by nobody's.
#[test]
fn every_request_that_is_ordered_is_among_them() {
    let sources = [
        include_str!("../../src/api/alerts.rs"),
        include_str!("../../src/api/calls.rs"),
        include_str!("../../src/api/consumers.rs"),
        include_str!("../../src/api/duplicates.rs"),
        include_str!("../../src/api/feeds.rs"),
        include_str!("../../src/api/handovers.rs"),
        include_str!("../../src/api/profiles.rs"),
        include_str!("../../src/api/referrals.rs"),
        include_str!("../../src/api/seen.rs"),
        include_str!("../../src/api/sightings.rs"),
    ];
    let ordered: usize = sources.iter().map(|source| source.matches(".ordered(").count()).sum();
    // `act` is two here: by what is done it is work, or takes a case back.
    assert_eq!(ordered + 1, all().len());
}
