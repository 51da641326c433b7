//! What happens in the demo. A step is `ok` when the other organisations show it; the first looks at each of the three.

use super::second::Person;
use super::team::Team;
use super::{Broken, Outcome, Step};
use crate::api::Problem;
use crate::formats::Format;
use crate::model::Tlp;
use crate::model::desk::{Role, SignedApproval};
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::view::{GroupCreate, ImportReport, ImportRequest, MatchView, Page, PeerOptions, ShareRequest};

/// 60 real domains of Pegasus's infrastructure (examples/README.md says whose and under which licence).
const INDICATORS: &[u8] = include_bytes!("../../../examples/pegasus-60.stix2");
/// How many.
const INDICATOR_COUNT: u64 = 60;
/// The group of all three.
const GROUP: &str = "partners";
/// The one that is taken back.
const RECALLED: &str = "weather4free.com";
/// The one that only Borealis may know.
const RED: &str = "smscentro.com";

/// The one that is undone before anybody gets it.
const UNDONE: &str = "shared-too-soon.com";

/// What a step has seen: whether it is as it should be, and in words.
pub(super) type Seen = Result<(bool, String), NodeError>;

/// Tells it, step by step. A step that fails ends the story, since the next ones stand on it.
pub(super) async fn tell(
    team: &mut Team,
    broken: Option<Broken>,
    mut aloud: impl FnMut(&Step) -> Result<(), Problem>,
) -> Result<Outcome, Problem> {
    let mut steps: Vec<Step> = Vec::new();
    macro_rules! step {
        ($name:expr, $seen:expr) => {{
            let start = team.clock.monotonic_ms();
            let seen: Seen = $seen.await;
            let (ok, detail) = seen.unwrap_or_else(|error| (false, error.detail()));
            let seconds = (team.clock.monotonic_ms() - start) as f64 / 1_000.0;
            let step = Step { name: $name.into(), ok, seconds, detail };
            aloud(&step)?;
            steps.push(step);
            if !ok {
                return Ok(Outcome { ok: false, steps });
            }
        }};
    }
    step!("identities", identities(team));
    step!("pair by invitation", invitation(team));
    step!("pair by card", cards(team));
    step!("make a group", group(team));
    if broken == Some(Broken::Node) {
        team.members[2].stop();
    }
    step!("share indicators", share(team));
    step!("keep red out of the group", red_to_group(team));
    step!("share red with one", red_to_one(team));
    step!("hold, preview and undo", undo(team));
    step!("recall", recall(team));
    step!("receipts", receipts(team));
    step!("refuse to share it again", again(team));
    step!("hand a case over", super::case::handed_over(team));
    step!("withdraw a case", super::case::withdrawn(team));
    step!("nobody answers", super::case::timed_out(team, broken == Some(Broken::Clock)));
    Ok(Outcome { ok: true, steps })
}

/// Every node runs and has an identity of its own.
async fn identities(team: &Team) -> Seen {
    let mut ids = Vec::new();
    for member in &team.members {
        let status = member.node.status()?;
        ids.push(status.org_id);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok((ids.len() == team.members.len(), format!("{}, each with its own root key, store and TLS endpoint", team_names(team))))
}

/// Amal invites, Borealis joins, two people compare twelve digits, both confirm.
async fn invitation(team: &Team) -> Seen {
    let [amal, borealis, _] = nodes(team);
    let invite = amal.invite().await?;
    let join = borealis.join(&invite.text, Some("amal")).await?;
    let us = borealis.status()?.org_id.to_string();
    let mut shown = None;
    team.until(|| {
        shown = amal.peer(&us).ok().and_then(|peer| peer.digits);
        shown.is_some()
    })
    .await;
    if shown.as_deref() != Some(join.digits.as_str()) {
        return Ok((false, "the two sides do not show the same digits".into()));
    }
    let confirmed = amal.peer_confirm(&us, &join.digits).await?;
    borealis.peer_confirm("amal", &join.digits).await?;
    let name_there = confirmed.status.name;
    let linked = team.until(|| connected(amal, &name_there) && connected(borealis, "amal")).await;
    Ok((linked, format!("both saw {} and confirmed; mutual TLS 1.3 with X25519MLKEM768 is up", crate::cli::peer::grouped(&join.digits))))
}

/// Cedar pairs with both by cards that were checked by other means.
async fn cards(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    let card = cedar.card()?;
    for (node, name) in [(amal, "amal"), (borealis, "borealis")] {
        node.peer_add(&card, "cedar", PeerOptions::default()).await?;
        cedar.peer_add(&node.card()?, name, PeerOptions::default()).await?;
    }
    let linked = team
        .until(|| connected(amal, "cedar") && connected(borealis, "cedar") && connected(cedar, "amal") && connected(cedar, "borealis"))
        .await;
    Ok((linked, "cedar is linked with amal and borealis".into()))
}

/// Amal makes a community of the three; the others see it.
async fn group(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    let members = vec![borealis.status()?.org_id.to_string(), cedar.status()?.org_id.to_string()];
    let made = amal.group_create(GroupCreate { name: GROUP.into(), members, community: true, ..GroupCreate::default() }).await?;
    let there = |node: &Node| node.groups().is_ok_and(|groups| groups.iter().any(|group| group.group_id == made.group_id));
    let seen = team.until(|| there(borealis) && there(cedar)).await;
    Ok((seen, format!("`{GROUP}`, a community of three, signed by amal and held by all")))
}

/// Amal shares the file with the group; both others find every value.
async fn share(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    let report = import(team, Tlp::Green).await?;
    if (report.read, report.released) != (INDICATOR_COUNT, INDICATOR_COUNT) {
        return Ok((false, format!("{} read, {} released, {} expected", report.read, report.released, INDICATOR_COUNT)));
    }
    let us = amal.status()?.org_id;
    let held = |node: &Node| {
        let of_amal = |found: &MatchView| found.author == us && found.r#match == "exact" && found.label.tlp() == Tlp::Green;
        values().iter().filter(|value| found(node, value).iter().any(of_amal)).count()
    };
    let (mut there, mut also) = (0, 0);
    let total = INDICATOR_COUNT as usize;
    let all = team
        .until(|| {
            (there, also) = (held(borealis), held(cedar));
            (there, also) == (total, total)
        })
        .await;
    Ok((all, format!("amal shares {total} domains of Pegasus as TLP:GREEN; borealis finds {there}, cedar finds {also}")))
}

/// The gate does not let TLP:RED into a group.
async fn red_to_group(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    let report = amal.share(ask(RED, Tlp::Red, GROUP)).await?;
    let reason = report.withheld.first().map(|withheld| withheld.reason.clone()).unwrap_or_default();
    let nowhere = settled(team).await && !red(borealis) && !red(cedar);
    Ok((nowhere && report.released.is_empty() && report.withheld.len() == 1, format!("withheld: {reason}")))
}

/// TLP:RED goes to one organisation and to no other, by the word of two people; the first cannot be the second too.
async fn red_to_one(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    let to = borealis.status()?.org_id.to_string();
    let nobody = amal.share(ask(RED, Tlp::Red, &to)).await?;
    let amina = Person::come(amal, "amina", Role::Director, None).await?;
    let omar = Person::come(amal, "omar", Role::Handler, Some(&amina)).await?;
    let held = amal.share(ask(RED, Tlp::Red, &to)).await?.held;
    let id = held.first().and_then(|hold| hold.id).ok_or(NodeError::Internal("it is not held".into()))?;
    let released = omar.release(amal, &id).await?;
    let own = amal.approve(&id.to_string(), omar.approval(amal, &released)).await;
    let replayed = SignedApproval { signature: released.signature, ..amina.approval(amal, &released) };
    let replayed = amal.approve(&id.to_string(), replayed).await;
    let waits = nobody.withheld.len() == 1 && own.is_err() && replayed.is_err() && settled(team).await && !red(borealis);
    amal.approve(&id.to_string(), amina.approval(amal, &released)).await?;
    let seen = team.until(|| red(borealis)).await && settled(team).await;
    let why = own.err().map(|error| error.detail()).unwrap_or_default();
    let told =
        format!("omar releases it, and is refused as the second ({why}); amina approves; borealis has it as TLP:RED, cedar does not");
    Ok((waits && seen && red(borealis) && !red(cedar), told))
}

/// What Amal shares is held, read back from the bytes that would leave, undone, and never arrives.
async fn undo(team: &Team) -> Seen {
    let [amal, ..] = nodes(team);
    let report = amal.share(ShareRequest { now: false, ..ask(UNDONE, Tlp::Green, GROUP) }).await?;
    let Some(id) = report.held.first().and_then(|held| held.id).map(|id| id.to_string()) else {
        return Ok((false, "nothing was held".into()));
    };
    let preview = amal.preview(&id, Page::default())?;
    let shown = preview.records.first().is_some_and(|record| record.fields.iter().any(|field| field.value == UNDONE));
    amal.undo(&id, None).await?;
    let nowhere = settled(team).await && nodes(team).iter().all(|node| found(node, UNDONE).is_empty());
    let digest: String = preview.hold.digest.chars().take(16).collect();
    Ok((
        shown && nowhere && amal.holds()?.is_empty(),
        format!("`{UNDONE}` was held as {id}, digest {digest}…, previewed and undone: nobody got it"),
    ))
}

/// Amal takes one value back; it is gone at both others.
async fn recall(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    amal.recall(RECALLED, "shared by mistake").await?;
    let seen = team.until(|| gone(amal) && gone(borealis) && gone(cedar)).await;
    Ok((seen, format!("`{RECALLED}` is gone at amal, borealis and cedar")))
}

/// Both others have signed that they destroyed it.
async fn receipts(team: &Team) -> Seen {
    let [amal, borealis, cedar] = nodes(team);
    let mut expected = [borealis.status()?.org_id, cedar.status()?.org_id];
    expected.sort_unstable();
    let seen = team
        .until(|| {
            let receipts = amal.receipts(RECALLED).unwrap_or_default();
            let mut complied: Vec<_> =
                receipts.iter().filter(|receipt| receipt.outcome == "destroyed").map(|receipt| receipt.org_id).collect();
            complied.sort_unstable();
            complied == expected
        })
        .await;
    Ok((seen, "borealis and cedar have signed that they destroyed it".into()))
}

/// The same file again: the recalled value is withheld, the rest is there already.
async fn again(team: &Team) -> Seen {
    let report = import(team, Tlp::Green).await?;
    let [_, borealis, cedar] = nodes(team);
    let nowhere = settled(team).await && gone(borealis) && gone(cedar);
    let as_expected = nowhere && report.released == 0 && report.withheld == 1 && report.duplicate == INDICATOR_COUNT - 1;
    Ok((
        as_expected,
        format!("the same file again: {} duplicate, {} withheld, {} released", report.duplicate, report.withheld, report.released),
    ))
}

async fn import(team: &Team, tlp: Tlp) -> Result<ImportReport, NodeError> {
    let node = team.members[0].node.clone();
    let file_name = Some("pegasus-60.stix2".to_owned());
    let ask = ImportRequest { file_name, ..ImportRequest::now(Format::Stix, tlp, GROUP) };
    let work = tokio::task::spawn_blocking(move || node.import(ask, Box::new(INDICATORS), &mut |_| {}));
    work.await.map_err(|fault| NodeError::Internal(fault.to_string()))?
}

fn ask(value: &str, tlp: Tlp, to: &str) -> ShareRequest {
    ShareRequest::now(vec![value.to_owned()], tlp, to)
}

/// The domains in the file, read without any of the code that is shown: each pattern is `[domain-name:value='…']`.
fn values() -> Vec<&'static str> {
    let text = std::str::from_utf8(INDICATORS).expect("the example is UTF-8");
    text.split("domain-name:value='").skip(1).filter_map(|rest| rest.split('\'').next()).collect()
}

fn found(node: &Node, value: &str) -> Vec<MatchView> {
    let found = node.lookup(&[value.to_owned()]).unwrap_or_default();
    found.into_iter().flat_map(|one| one.matches).filter(|found| found.value == value).collect()
}

fn red(node: &Node) -> bool {
    found(node, RED).iter().any(|found| found.label.tlp() == Tlp::Red)
}

fn gone(node: &Node) -> bool {
    node.lookup(&[RECALLED.to_owned()]).is_ok_and(|found| found.iter().all(|one| one.matches.is_empty()))
}

/// Waits until nothing is under way any more, so that what is not there does not come either.
async fn settled(team: &Team) -> bool {
    let still = |node: &Node| {
        let peers = node.peers().unwrap_or_default();
        !peers.is_empty()
            && peers.iter().all(|peer| (peer.status.state.as_str(), peer.status.behind, peer.status.ahead) == ("connected", 0, 0))
    };
    team.until(|| nodes(team).into_iter().all(still)).await
}

fn connected(node: &Node, peer: &str) -> bool {
    node.peer(peer).is_ok_and(|peer| peer.status.state == "connected")
}

fn nodes(team: &Team) -> [&Node; 3] {
    [&team.members[0].node, &team.members[1].node, &team.members[2].node]
}

fn team_names(team: &Team) -> String {
    team.members.iter().map(|member| member.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_holds_what_the_story_is_told_of() {
        let mut values = values();
        assert_eq!(values.len() as u64, INDICATOR_COUNT);
        assert!(values.contains(&RECALLED) && values.contains(&RED));
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len() as u64, INDICATOR_COUNT);
    }
}
