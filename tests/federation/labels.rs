//! Labels beyond TLP, the operator's policy, and what somebody sees who may not see everything.

use crate::harness::*;
use std::collections::BTreeSet;
use watchfire::formats::Format;
use watchfire::model::{Ceiling, Class, Label, Pap, Tlp};
use watchfire::node::NodeError;
use watchfire::node::view::{DisclosureView, ExportFormat, ExportRequest, ShareRequest};
use watchfire::rules::may::To;

const EVIL: &str = "evil.example.org";
const GREEN: Ceiling = Ceiling { tlp: Tlp::Green, class: Class::Confidential, pap: Pap::Red };

async fn activate(federation: &Federation, who: Who, policy: &str) -> watchfire::node::view::PolicyCheckView {
    let node = federation.node(who);
    let checked = node.check_policy(policy).unwrap();
    let activated = node.activate_policy(policy, true).await.unwrap();
    assert_eq!(checked, activated, "what was foretold is what changed");
    activated
}

#[tokio::test]
async fn class_and_pap_travel_with_the_record() {
    let federation = Federation::of(2).await;
    let request = ShareRequest { class: Some(Class::Confidential), pap: Pap::Red, ..ask(EVIL, Tlp::Clear, "borealis") };
    let report = federation.node(AMAL).share(request).await.unwrap();
    assert_eq!(report.released.len(), 1);
    federation.settle().await;
    let label = Label::new(Tlp::Green, Class::Confidential, Pap::Red);
    assert_eq!(federation.lookup(BOREALIS, EVIL)[0].label, label, "confidential raises clear to green");
}

#[tokio::test]
async fn what_is_marked_in_a_file_is_marked_on_the_way_and_in_the_file_that_comes_out() {
    let federation = Federation::of(2).await;
    let csv = "value,type,tlp,campaign\nevil.example.org,domain,green,Pegasus; PAP:AMBER\n";
    let report = federation.import(AMAL, csv.to_owned(), Format::Csv, Tlp::Clear, "borealis").await;
    assert_eq!(report.released, 1, "{report:?}");
    federation.settle().await;
    let found = federation.lookup(BOREALIS, EVIL);
    assert_eq!(found[0].label, Label::new(Tlp::Green, Class::Confidential, Pap::Amber));
    assert!(federation.export(BOREALIS, ExportFormat::Csv).contains("Pegasus; PAP:AMBER"));
    let stix = federation.export(BOREALIS, ExportFormat::Stix);
    assert!(stix.contains("PAP:AMBER") && !stix.contains(r#""name":"PAP:AMBER""#), "no malware of that name: {stix}");
}

#[tokio::test]
async fn restricted_needs_an_agreement_and_ends_with_it() {
    let federation = Federation::of(2).await;
    let restricted = |value: &str| ShareRequest { class: Some(Class::Restricted), ..ask(value, Tlp::AmberStrict, "borealis") };
    let refused = federation.node(AMAL).share(restricted(EVIL)).await.unwrap();
    assert_eq!(refused.withheld[0].reason, "no agreement with them covers this label");
    let error = federation.node(AMAL).check_policy("[peers.borealis]\nclass_max = \"restricted\"\n").unwrap_err();
    assert!(error.to_string().contains("`peers.borealis`: RESTRICTED asks for a signed agreement"), "{error}");
    let policy = "[peers.borealis]\nclass_max = \"restricted\"\nnda = \"NDA-7\"\nuntil = \"1970-01-01\"\n";
    activate(&federation, AMAL, policy).await;
    let refused = federation.node(AMAL).share(restricted(EVIL)).await.unwrap();
    assert_eq!(refused.withheld[0].reason, "the agreement with them has ended, so they may hold only what is public");
    let view = federation.node(AMAL).policy_view().unwrap();
    assert!(view.number == 1 && view.peers[0].ended && view.peers[0].nda.as_deref() == Some("NDA-7"));
}

#[tokio::test]
async fn a_peer_gets_of_a_groups_log_what_its_agreement_covers_and_the_rest_once_it_does() {
    let federation = Federation::of(3).await;
    federation.group(AMAL, "partners", &[BOREALIS, CEDAR]).await;
    federation.share(AMAL, "soft.example.org", Tlp::Clear, "partners").await;
    federation.settle().await;
    activate(&federation, AMAL, "[peers.cedar]\ntlp_max = \"amber\"\n").await;
    federation.share(AMAL, EVIL, Tlp::AmberStrict, "partners").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, EVIL) && federation.finds(CEDAR, "soft.example.org"));
    assert!(!federation.finds(CEDAR, EVIL), "its hash alone");
    let disclosures = federation.node(AMAL).disclosures(Default::default()).unwrap();
    let recipients = |line: &DisclosureView| line.recipients.iter().map(|one| one.name.clone().unwrap()).collect::<BTreeSet<_>>();
    let lines: Vec<BTreeSet<String>> = disclosures.iter().filter(|line| line.kind == "indicator").map(recipients).collect();
    assert_eq!(
        lines,
        [["borealis", "cedar"].map(String::from).into(), ["borealis"].map(String::from).into()],
        "who got it, and not who is in the group"
    );
    let explained = federation.node(AMAL).explain(EVIL, "cedar").unwrap();
    assert!(!explained.allowed, "{explained:?}");
    let last = explained.steps.last().unwrap();
    assert_eq!((last.ok, last.why.as_str()), (false, "no agreement with them covers this label"));
    assert!(federation.node(AMAL).explain(EVIL, "borealis").unwrap().allowed);
    let check = federation.node(AMAL).check_policy("").unwrap();
    let change = &check.changes[0];
    assert_eq!((check.changes.len(), change.reader.as_str(), change.allowed, change.count), (1, "cedar", true, 1), "{check:?}");
    assert_eq!(change.label, Label::from(Tlp::AmberStrict));
    activate(&federation, AMAL, "").await;
    federation.until("it is asked for again, and given", || federation.finds(CEDAR, EVIL)).await;
}

#[tokio::test]
async fn a_groups_ceiling_holds_back_what_is_above_it() {
    let federation = Federation::of(2).await;
    federation.group(AMAL, "partners", &[BOREALIS]).await;
    federation.settle().await;
    activate(&federation, AMAL, "[groups.partners]\ntlp_max = \"amber\"\n").await;
    let report = federation.try_share(AMAL, EVIL, Tlp::AmberStrict, "partners").await;
    assert_eq!(report.withheld[0].reason, "the label is above the ceiling of that group");
    federation.share(AMAL, EVIL, Tlp::Amber, "partners").await;
    federation.settle().await;
    assert!(federation.finds(BOREALIS, EVIL));
    // A withdrawal goes wherever the record went, whatever the policy says by then.
    activate(&federation, AMAL, "[groups.partners]\ntlp_max = \"clear\"\n[peers.borealis]\ntlp_max = \"clear\"\n").await;
    federation.node(AMAL).withdraw(EVIL, "a false positive").await.unwrap();
    federation.settle().await;
    assert!(federation.lookup(BOREALIS, EVIL).iter().all(|found| found.state == "revoked"));
}

#[tokio::test]
async fn what_somebody_may_not_see_changes_no_byte_of_an_answer() {
    let federation = Federation::of(3).await;
    federation.share(AMAL, "www.example.org", Tlp::Clear, "borealis").await;
    federation.settle().await;
    let values = [EVIL.to_owned(), "example.org".to_owned(), "www.example.org".to_owned()];
    let green =
        |format, since| ExportRequest { format, ceiling: GREEN, groups: Vec::new(), since, kinds: vec![], options: Default::default() };
    let cursor = federation.cursor(AMAL, &green(ExportFormat::Stix, None));
    let unbounded = |since| ExportRequest { ceiling: Ceiling::NONE, ..green(ExportFormat::Stix, since) };
    let of_all = federation.cursor(AMAL, &unbounded(None));
    let answers = || {
        let node = federation.node(AMAL);
        let mut answers = Vec::new();
        let since = green(ExportFormat::Stix, Some(cursor.clone()));
        answers.push(federation.export_as(AMAL, &since));
        answers.push(serde_json::to_string(&node.removed(&since).unwrap()).unwrap());
        answers.push(format!("a cursor of {} letters", federation.cursor(AMAL, &since).len()));
        for format in [ExportFormat::Stix, ExportFormat::Csv, ExportFormat::Text] {
            answers.push(federation.export_as(AMAL, &green(format, None)));
        }
        let found = node.lookup_for(&values, None, &To::Tool(GREEN)).unwrap();
        answers.push(serde_json::to_string(&found).unwrap());
        answers
    };
    let at_cedar = || serde_json::to_string(&federation.node(CEDAR).lookup(&values).unwrap()).unwrap();
    let (before, cedar_before) = (answers(), at_cedar());
    assert!(before[3..].iter().all(|answer| answer.contains("www.example.org")));
    // The same value by another author under a stricter label, one below a value that is asked for, and one that is asked for itself.
    for (who, value, to) in [(BOREALIS, "www.example.org", "amal"), (BOREALIS, "a.www.example.org", "amal"), (AMAL, EVIL, "borealis")] {
        federation.share(who, value, Tlp::AmberStrict, to).await;
    }
    federation.settle().await;
    let all = federation.node(AMAL).lookup(&values).unwrap();
    assert_eq!(all.iter().map(|one| one.matches.len()).sum::<usize>(), 8, "people here see all of them: {all:?}");
    assert_eq!(before, answers());
    assert_eq!(cedar_before, at_cedar());
    // Our own record itself, told to others under a stricter label.
    federation.share(AMAL, "www.example.org", Tlp::AmberStrict, "cedar").await;
    federation.settle().await;
    assert_eq!(before, answers());
    // Nor does it when it changes and goes.
    federation.node(BOREALIS).withdraw("a.www.example.org", "a false positive").await.unwrap();
    federation.recall(AMAL, EVIL).await;
    federation.recall(BOREALIS, "www.example.org").await;
    federation.settle().await;
    assert!(!federation.finds(AMAL, EVIL));
    assert_eq!(before, answers());
    let removed = federation.node(AMAL).removed(&unbounded(Some(of_all))).unwrap();
    assert!(removed.len() >= 3, "who may see all of it is told");
    let other = federation.node(AMAL).removed(&unbounded(Some(cursor)));
    assert!(matches!(other, Err(NodeError::UnknownCursor)), "what one export carried says nothing of what another did");
}
