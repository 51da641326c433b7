//! Whom we trust for what: one bundle per organisation, and the connections that live under it.
//!
//! There is no common CA: an organisation's certificates are judged against its own card alone, so a stolen CA can only pretend to
//! be its owner.

use super::certificate::anchor;
use super::diagnosis::Diagnosis;
use super::profile::{self, Claims, Violation};
use crate::model::identity::Card;
use crate::model::{OrgId, Timestamp};
use arc_swap::ArcSwap;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use webpki::{EndEntityCert, KeyUsage};

/// Signatures that certificates may carry.
pub(super) static SIGNATURES: [&dyn SignatureVerificationAlgorithm; 2] = [webpki::aws_lc_rs::ECDSA_P256_SHA256, webpki::aws_lc_rs::ED25519];

/// How a paired organisation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Cards were exchanged, the twelve digits not yet confirmed here.
    Unconfirmed,
    /// Paired.
    Active,
    /// Paired, and cut off until it is resumed.
    Suspended,
    /// Suspended, but for links that carry recalls alone; what these carry is decided above.
    RecallsAlone,
}

/// What is trusted of one organisation.
#[derive(Debug, Clone)]
pub struct TrustBundle {
    card: Card,
    /// How it stands; only an active one may connect, and one from which recalls are taken.
    pub standing: Standing,
    /// Whether it may connect without post-quantum key exchange.
    pub allow_classical: bool,
    newest_ca: Timestamp,
}

impl TrustBundle {
    /// The bundle of a card.
    ///
    /// # Errors
    /// When an issuing CA in the card does not have the profile or is not the root's.
    pub fn new(card: Card, standing: Standing, allow_classical: bool) -> Result<Self, Violation> {
        let mut newest_ca = Timestamp(0);
        for der in &card.content().issuing_cas {
            newest_ca = newest_ca.max(profile::listed_issuing_ca(der, &card.chain().root())?.not_before);
        }
        Ok(Self { card, standing, allow_classical, newest_ca })
    }

    /// The card.
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// An issuing CA counts when the card lists it, or when the root made it after the newest that the card lists: so a peer with
    /// last month's card meets a renewed CA without ado, and a card that no longer lists a stolen CA ends it.
    fn lists(&self, issuing_ca: &CertificateDer<'_>, claims: &Claims) -> bool {
        let listed = self.card.content().issuing_cas.iter().any(|der| der.as_slice() == issuing_ca.as_ref());
        listed || claims.issuing_ca.not_before > self.newest_ca
    }
}

/// Every bundle, and the keys that are refused whoever shows them. A value: a change replaces the whole.
#[derive(Debug, Clone, Default)]
pub struct TrustBundles {
    /// By organisation. A removed one is not in it.
    pub peers: BTreeMap<OrgId, TrustBundle>,
    /// SHA-256 over the public keys (SubjectPublicKeyInfo) of leaves and issuing CAs that are refused.
    pub denied: BTreeSet<[u8; 32]>,
}

/// What is known of the connection on which a chain was shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    pub(super) now: Timestamp,
    /// Who must be at the other end, for one that we dialled.
    pub(super) expected: Option<OrgId>,
    /// The connection has no post-quantum key exchange.
    pub(super) classical: bool,
}

impl TrustBundles {
    /// The last word on a chain: profile, then the organisation that it names, then a valid path to that organisation's current root,
    /// then whether we want to talk to it at all.
    pub(super) fn judge(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], at: Circumstances) -> Result<OrgId, Diagnosis> {
        let claims = profile::inspect(leaf, rest)?;
        let org = claims.org;
        if let Some(expected) = at.expected.filter(|expected| *expected != org) {
            return Err(Diagnosis::WrongOrganisation { expected, found: org });
        }
        let bundle = self.peers.get(&org).ok_or(Diagnosis::NotPaired(org))?;
        check_path(leaf, rest, &claims, &bundle.card, at.now)?;
        if !bundle.lists(&rest[0], &claims) {
            return Err(Diagnosis::IssuerWithdrawn(org));
        }
        if claims.keys.iter().any(|key| self.denied.contains(key)) {
            return Err(Diagnosis::Denied(org));
        }
        self.check_standing(org, at.classical).map(|()| org)
    }

    /// Whether an organisation may be connected now.
    ///
    /// # Errors
    /// When it is not paired, not confirmed, suspended, or the connection is classical without leave.
    pub fn check_standing(&self, org: OrgId, classical: bool) -> Result<(), Diagnosis> {
        let bundle = self.peers.get(&org).ok_or(Diagnosis::NotPaired(org))?;
        match bundle.standing {
            Standing::Suspended => Err(Diagnosis::Suspended(org)),
            Standing::Unconfirmed => Err(Diagnosis::Unconfirmed(org)),
            Standing::Active | Standing::RecallsAlone if classical && !bundle.allow_classical => Err(Diagnosis::Classical(org)),
            Standing::Active | Standing::RecallsAlone => Ok(()),
        }
    }

    /// Whether an organisation's connections carry something else than under `old`.
    fn carries_otherwise(&self, old: &Self, org: OrgId) -> bool {
        let recalls_alone = |bundles: &Self| bundles.peers.get(&org).map(|bundle| bundle.standing == Standing::RecallsAlone);
        recalls_alone(self) != recalls_alone(old)
    }

    /// Whether a key that `old` took from an organisation may be refused now.
    fn takes_back(&self, old: &Self, org: OrgId) -> bool {
        let listed = |bundles: &Self| bundles.peers.get(&org).map(|bundle| bundle.card.content().issuing_cas.clone()).unwrap_or_default();
        let now = listed(self);
        !self.denied.is_subset(&old.denied) || listed(old).iter().any(|der| !now.contains(der))
    }

    /// Whether anyone at all may connect without post-quantum key exchange.
    pub(super) fn allow_classical_to_anyone(&self) -> bool {
        let connects = |standing| matches!(standing, Standing::Active | Standing::RecallsAlone);
        self.peers.values().any(|bundle| bundle.allow_classical && connects(bundle.standing))
    }
}

/// Checks a chain that was shown with a card that came over the same connection: pairing, where no bundle exists yet.
pub(super) fn check_path(
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    claims: &Claims,
    card: &Card,
    now: Timestamp,
) -> Result<(), Diagnosis> {
    for validity in [claims.leaf, claims.issuing_ca] {
        if now < validity.not_before {
            return Err(Diagnosis::NotYetValid { not_before: validity.not_before, now });
        }
        if now > validity.not_after {
            return Err(Diagnosis::Expired { not_after: validity.not_after, now });
        }
    }
    let untrusted = |error: webpki::Error| match error {
        webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => Diagnosis::UntrustedRoot(claims.org),
        other => Diagnosis::Profile(Violation::Chain(format!("{other:?}"))),
    };
    let end = EndEntityCert::try_from(leaf).map_err(untrusted)?;
    let anchors = [anchor(&card.chain().root())];
    let time = UnixTime::since_unix_epoch(Duration::from_millis(now.0));
    for usage in [KeyUsage::client_auth(), KeyUsage::server_auth()] {
        let path = end.verify_for_usage(&SIGNATURES, &anchors, rest, time, usage, None, None).map_err(untrusted)?;
        if path.intermediate_certificates().count() != 1 {
            return Err(Violation::Chain("the leaf is not issued by the issuing CA".into()).into());
        }
    }
    Ok(())
}

/// The trust that is in force, and the connections that live under it: replacing the one ends those of the other that it no longer
/// allows.
#[derive(Debug, Default)]
pub struct Trust {
    bundles: ArcSwap<TrustBundles>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    live: BTreeMap<u64, Live>,
}

/// Connections to one organisation at a time: one, both dials while they overlap, and as many that are being replaced, doubled.
pub const CONNECTIONS_PER_PEER_MAX: usize = 8;

impl Connections {
    /// The oldest ends when there are as many as may be, so whoever opens ever more pushes out his own.
    fn make_room(&mut self, org: OrgId) {
        let mut own = self.live.values().filter(|live| live.org == org && !live.kill.is_cancelled());
        if own.clone().count() >= CONNECTIONS_PER_PEER_MAX
            && let Some(oldest) = own.next()
        {
            oldest.kill.cancel();
        }
    }
}

#[derive(Debug)]
struct Live {
    org: OrgId,
    classical: bool,
    kill: CancellationToken,
}

impl Trust {
    /// With these bundles, and no connection.
    pub fn new(bundles: TrustBundles) -> Arc<Self> {
        Arc::new(Self { bundles: ArcSwap::from_pointee(bundles), connections: Mutex::default() })
    }

    /// The bundles in force.
    pub fn load(&self) -> Arc<TrustBundles> {
        self.bundles.load_full()
    }

    /// Puts other bundles in force: new connections are judged by them, and live ones end that they do not allow, that carry another kind
    /// of thing from now on, or that may rest on a key which they deny or no longer list (an honest peer connects again at once).
    pub fn replace(&self, bundles: TrustBundles) {
        let old = self.bundles.swap(Arc::new(bundles));
        let new = self.load();
        let over = |live: &&Live| {
            let refused = new.check_standing(live.org, live.classical).is_err();
            refused || new.takes_back(&old, live.org) || new.carries_otherwise(&old, live.org)
        };
        for live in self.lock().live.values().filter(over) {
            live.kill.cancel();
        }
    }

    /// Ends every live connection of an organisation, such as when it shows that it has another card.
    pub fn cut(&self, org: OrgId) {
        for live in self.lock().live.values().filter(|live| live.org == org) {
            live.kill.cancel();
        }
    }

    /// How many connections to an organisation live.
    pub fn live(&self, org: OrgId) -> usize {
        self.lock().live.values().filter(|live| live.org == org).count()
    }

    /// Counts a connection that was just judged. Looks again afterwards: bundles may have been replaced during the handshake.
    pub(super) fn admit(self: &Arc<Self>, org: OrgId, classical: bool) -> Result<Admission, Diagnosis> {
        let kill = CancellationToken::new();
        let id = {
            let mut connections = self.lock();
            connections.make_room(org);
            connections.next += 1;
            let id = connections.next;
            connections.live.insert(id, Live { org, classical, kill: kill.clone() });
            id
        };
        let admission = Admission { trust: self.clone(), id, kill };
        self.load().check_standing(org, classical).map(|()| admission)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live connection's place in the count; given back when dropped.
#[derive(Debug)]
pub struct Admission {
    trust: Arc<Trust>,
    id: u64,
    kill: CancellationToken,
}

impl Admission {
    /// Fires when the organisation is suspended or removed.
    pub fn killed(&self) -> CancellationToken {
        self.kill.clone()
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.trust.lock().live.remove(&self.id);
    }
}
