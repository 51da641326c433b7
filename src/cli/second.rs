//! What two people sign of a release that is held: the first signature, made here with a key that is opened here.

use super::Desk;
use super::unlock::{Signer, Unlocked};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::desk::Release;
use crate::model::{ReleaseId, UserKey};
use crate::node::referral::ReferView;
use crate::node::view::{HoldState, HoldTerms, HoldView};

/// Signs those of these releases that wait for a first signature, where somebody was named who does. Others go on waiting for it.
///
/// # Errors
/// When the passphrase does not open the key, or the node does not take a signature.
pub(super) async fn sign_all(desk: &Desk, signer: &Signer, unlocked: Option<Unlocked>, holds: &mut [HoldView]) -> Result<(), Problem> {
    let mut unlocked = unlocked;
    for hold in holds.iter_mut().filter(|hold| hold.state == HoldState::Signature) {
        let Some(id) = hold.id.filter(|_| signer.name.is_some()) else { continue };
        let by = match unlocked.take() {
            Some(open) => open,
            None => signer.unlock(desk).await?,
        };
        *hold = sign(desk, &by, &id).await?;
        unlocked = Some(by);
    }
    Ok(())
}

/// Signs those of the offers that were just made by somebody's order which wait for a first signature: whoever orders that a case leaves is the first of the two.
///
/// # Errors
/// When the node does not take a signature.
pub(super) async fn sign_offers(desk: &Desk, by: Option<&Unlocked>, view: &mut ReferView) -> Result<(), Problem> {
    let Some(by) = by else { return Ok(()) };
    for hold in view.offers.iter_mut().filter_map(|offer| offer.held.as_mut()).filter(|hold| hold.state == HoldState::Signature) {
        if let Some(id) = hold.id {
            *hold = sign(desk, by, &id).await?;
        }
    }
    Ok(())
}

/// Signs a release, over what the node holds at this moment.
pub(super) async fn sign(desk: &Desk, by: &Unlocked, id: &ReleaseId) -> Result<HoldView, Problem> {
    let id = id.to_string();
    let HoldTerms { terms, .. } = desk.node().get(Target::new(&["holds", &id, "terms"])).await?;
    let release = Release { terms, by: UserKey(by.key.public()), at: Clock::system().now() };
    desk.node().post(Target::new(&["holds", &id, "sign"]), &release.sign(&by.org, &by.key)).await
}

/// Opens the key early, where it is known that it will be needed: a wrong passphrase is told before anything is held.
pub(super) async fn early(desk: &Desk, signer: &Signer, needed: bool) -> Result<Option<Unlocked>, Problem> {
    if needed && signer.name.is_some() { Ok(Some(signer.unlock(desk).await?)) } else { Ok(None) }
}
