//! Cases that are handed over in the demo.

use super::story::Seen;
use super::team::Team;
use crate::cli::referral::refer;
use crate::model::ReferralId;
use crate::model::vocabulary::Code;
use crate::node::Node;
use crate::node::error::NodeError;
use crate::node::referral::{Act, ActRequest, By, ReferRequest, ReferralView};

/// A case without anybody in it, and to whom it goes.
fn case(to: &Node) -> Result<ReferRequest, NodeError> {
    let made_up = |problem: crate::api::Problem| NodeError::Internal(problem.detail);
    let mut request = refer::read("the template", refer::TEMPLATE).map_err(made_up)?;
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
