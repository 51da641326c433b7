//! A case as tests and benchmarks offer it: an account was taken over, of one journalist who agreed to everything but passing on. Whoever needs another changes
//! what is different.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a code that is none is a mistake of the test")]

use watchfire::model::referral::{Consent, HandOver, Offer, Priority};
use watchfire::model::vocabulary::Code;
use watchfire::model::{SubjectRef, Timestamp};
use watchfire::node::referral::ReferRequest;

pub fn code(text: &str) -> Code {
    text.parse().expect("a code")
}

fn consent() -> Consent {
    Consent {
        basis: code("explicit"),
        onward: false,
        platforms: true,
        indicators_only: false,
        statistics: true,
        obtained: Timestamp(1_795_000_000_000),
        obtained_by: code("handler"),
        expires: None,
        revocation_channel: None,
    }
}

/// What is told of the case.
pub fn offer(summary: &str) -> Offer {
    Offer {
        expires: None,
        nature: code("reactive"),
        incident_types: vec![code("account_compromise")],
        priority: Priority::Urgent,
        priority_newer: None,
        physical_danger: Some(false),
        ongoing: Some(true),
        interacted: Vec::new(),
        deadline: None,
        incident_week: None,
        subject: SubjectRef([0; 16]),
        requester_kind: code("individual"),
        beneficiary_type: code("journalist"),
        causes: Vec::new(),
        region: code("middle_east_north_africa"),
        country: None,
        languages: Vec::new(),
        vulnerability: Vec::new(),
        consent: consent(),
        vetting: None,
        help_wanted: vec![code("take_over")],
        services: Vec::new(),
        summary: summary.into(),
        steps_taken: String::new(),
        devices: Vec::new(),
        platforms: Vec::new(),
        evidence: Vec::new(),
        indicators: Vec::new(),
        campaign: String::new(),
        hand_over: HandOver::Warm,
        do_not_use: Vec::new(),
        safe_times: String::new(),
    }
}

/// To whom it goes, at once.
pub fn request(offer: Offer, to: &[&str]) -> ReferRequest {
    ReferRequest { to: to.iter().map(|name| (*name).to_owned()).collect(), now: true, ..ReferRequest::of(offer) }
}
