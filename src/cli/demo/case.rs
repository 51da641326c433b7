//! Cases that are handed over in the demo.

use super::story::Seen;
use super::team::{GUEST, Team};
use crate::cli::referral::refer;
use crate::model::ReferralId;
use crate::model::referral::Priority;
use crate::model::vocabulary::Code;
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::referral::{Act, ActRequest, By, ReferRequest, ReferralView};
use crate::node::view::PeerOptions;
use crate::rules::label::Withheld;
use std::collections::BTreeSet;

/// How long Amal waits for somebody to open an emergency, in this demo.
const LADDER: &str =
    "[emergency]\nacknowledgement = [{ after = \"1s\", act = \"tell_leads\" }, { after = \"3s\", act = \"offer_next\" }]\n";

/// A case without anybody in it, and to whom it goes.
fn case(to: &Node) -> Result<ReferRequest, NodeError> {
    let made_up = |problem: crate::api::Problem| NodeError::Internal(problem.detail);
    let mut request = refer::read("the example", refer::EXAMPLE).map_err(made_up)?;
    request.to = vec![to.status()?.org_id.to_string()];
    request.now = true;
    Ok(request)
}

async fn act(node: &Node, id: &ReferralId, act: Act) -> Result<ReferralView, NodeError> {
    node.act(&id.to_string(), ActRequest { act, now: true }, By::default()).await
}

fn state(node: &Node, id: &ReferralId) -> Option<(String, String)> {
    node.referral_named_view(&id.to_string()).ok().map(|view| (view.line.state, view.line.side))
}

async fn stands(team: &Team, node: &Node, id: &ReferralId, wanted: &str) -> bool {
    team.until(|| state(node, id).is_some_and(|(state, _)| state == wanted)).await
}

/// Amal hands a case to Borealis, which works on it until Amal closes it.
pub(super) async fn handed_over(team: &Team) -> Seen {
    let (amal, borealis) = (&team.members[0].node, &team.members[1].node);
    let id = amal.refer(case(borealis)?, By::default()).await?.referral;
    let mut ok = stands(team, amal, &id, "delivered").await;
    act(borealis, &id, Act::Ack).await?;
    act(borealis, &id, Act::Ask { text: "which platform is it on?".into() }).await?;
    ok &= stands(team, amal, &id, "needs_info").await;
    act(amal, &id, Act::Answer { text: "a mail service".into() }).await?;
    ok &= stands(team, borealis, &id, "acknowledged").await;
    act(borealis, &id, Act::Accept { start: None, text: String::new() }).await?;
    ok &= stands(team, borealis, &id, "in_progress").await;
    let owners = [amal, borealis].map(|node| node.referral_named_view(&id.to_string()).map(|view| view.line.owner));
    let outcome: Code = "account_recovered".parse().map_err(|_| NodeError::Internal("no code".into()))?;
    act(borealis, &id, Act::Resolve { outcomes: vec![outcome], text: String::new() }).await?;
    ok &= stands(team, amal, &id, "resolved").await;
    act(amal, &id, Act::Review { helped: Some(true), text: String::new() }).await?;
    act(amal, &id, Act::Close).await?;
    ok &= stands(team, borealis, &id, "closed").await;
    let [here, there] = owners;
    let (here, there) = (here?, there?);
    let told = "receipt by the machine, opened by a person, asked and answered, accepted, confirmed, resolved, reviewed, closed";
    Ok((ok && here != "us" && there == "us", format!("{told}; at each moment one of the two owned it")))
}

/// Amal withdraws a case that Borealis has opened: nothing of it is left at either.
pub(super) async fn withdrawn(team: &Team) -> Seen {
    let (amal, borealis) = (&team.members[0].node, &team.members[1].node);
    let id = amal.refer(case(borealis)?, By::default()).await?.referral;
    let mut ok = stands(team, amal, &id, "delivered").await;
    act(borealis, &id, Act::Ack).await?;
    act(amal, &id, Act::Withdraw { revoked: true }).await?;
    for node in [amal, borealis] {
        ok &= stands(team, node, &id, "purged").await;
        ok &= node.referral_named_view(&id.to_string())?.offer.is_none();
    }
    Ok((ok, "the consent was revoked: what was offered is destroyed at amal and borealis, and borealis has said so".into()))
}

/// An emergency that nobody at Borealis opens goes to Cedar by itself; Dunya, which Amal would ask, is not named in the consent, and so is no candidate. Where the clocks are
/// `stopped` they wait as long as usual.
pub(super) async fn timed_out(team: &mut Team, stopped: bool) -> Seen {
    let dunya = team.join(GUEST).await?;
    let [amal, borealis, cedar] = [0, 1, 2].map(|at| team.members[at].node.clone());
    amal.peer_add(&dunya.card()?, GUEST, PeerOptions::default()).await?;
    dunya.peer_add(&amal.card()?, "amal", PeerOptions::default()).await?;
    if !stopped {
        team.members[0].set_timers(LADDER)?;
    }
    let org = |node: &Node| node.status().map(|status| status.org_id.to_string());
    let mut request = case(&borealis)?;
    request.offer.priority = Priority::Emergency;
    request.recipients = vec![org(&borealis)?, org(&cedar)?];
    request.automatic = true;
    request.candidates = vec![org(&dunya)?];
    let mut ok = matches!(amal.refer(request.clone(), By::default()).await, Err(NodeError::Withheld(Withheld::NotConsented)));
    request.candidates = vec![org(&cedar)?];
    let first = amal.refer(request, By::default()).await?.referral;
    ok &= stands(team, &amal, &first, "delivered").await;
    let mut second = None;
    let came = team.until(|| {
        second = cedar.inbox(true).ok().and_then(|lines| lines.first().map(|line| line.referral));
        second.is_some()
    });
    let (true, Some(second)) = (came.await, second) else {
        return Ok((false, "nobody at borealis opens it, and nobody else is asked".into()));
    };
    act(&cedar, &second, Act::Ack).await?;
    act(&cedar, &second, Act::Accept { start: None, text: String::new() }).await?;
    ok &= stands(team, &amal, &second, "accepted").await;
    act(&amal, &second, Act::Choose).await?;
    ok &= stands(team, &cedar, &second, "in_progress").await;
    // Nobody has to withdraw it: whoever is not chosen is told by the node.
    ok &= stands(team, &borealis, &first, "purged").await;
    ok &= amal.referral_named_view(&second.to_string())?.line.owner != "us"
        && cedar.referral_named_view(&second.to_string())?.line.owner == "us";
    let asked: BTreeSet<String> = amal.inbox(true)?.into_iter().map(|line| line.peer).collect();
    let linked =
        |node: &Node| node.peers().is_ok_and(|peers| peers.iter().all(|peer| peer.status.behind == 0 && peer.status.state == "connected"));
    ok &= team.until(|| linked(&dunya)).await && dunya.inbox(true)?.is_empty() && !asked.contains(GUEST);
    let rungs = amal.referral_named_view(&first.to_string())?.timeline.into_iter().filter(|message| message.by == "the clock").count();
    let told = "nobody at borealis opens an emergency; after 3 s the clock asks cedar, which acknowledges, accepts and owns it, and borealis has nothing any more";
    Ok((ok && rungs == 2, format!("{told}; {GUEST}, whom the consent does not name, is never asked")))
}
