//! Pairing over real TLS and gRPC, from the invitation to the first ordinary connection.

use crate::link::accept::{AcceptedConnection, Acceptor, Caller, HandshakeLimits};
use crate::link::diagnosis::Diagnosis;
use crate::link::dial::{DialOptions, connect, connect_for_pairing};
use crate::link::pairing::{Invitation, JoinError, PairingError, PairingOutcome, PairingService, TRIES_MAX, join};
use crate::link::serve::{Channel, Http2Limits, channel, serve};
use crate::link::testing::{NOW, Org};
use crate::link::trust::Standing;
use crate::link::wire::pairing_client::PairingClient;
use crate::link::wire::{PairingReveal, PairingStart};
use crate::model::identity::Endpoint;
use axum::Router;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

struct Inviting {
    org: Arc<Org>,
    endpoint: Endpoint,
    service: Arc<PairingService>,
    paired: mpsc::UnboundedReceiver<PairingOutcome>,
    refused: mpsc::UnboundedReceiver<Diagnosis>,
    /// How often the open invitations were written down.
    written: Arc<AtomicU64>,
}

/// A node that serves pairing to those who come by an invitation, and an empty router to peers.
async fn inviting() -> Inviting {
    let org = Arc::new(Org::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint = format!("127.0.0.1:{}", listener.local_addr().expect("bound").port()).parse().expect("an endpoint");
    let acceptor = Acceptor::new(org.tls.clone(), HandshakeLimits::default());
    let ((paired_in, paired), (refused_in, refused)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let persist = Arc::new(move |outcome| {
        let sent = paired_in.send(outcome).map_err(|_| PairingError::NotKept);
        Box::pin(std::future::ready(sent)) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>
    });
    let own = org.clone();
    let written = Arc::new(AtomicU64::new(0));
    let count = written.clone();
    let keep = Arc::new(move |_: &[crate::link::pairing::Kept]| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let service = PairingService::new(acceptor.clone(), Arc::new(move || own.card()), org.tls.clock.clone(), persist, keep);
    let router = service.router();
    let serving = move |connection: AcceptedConnection| {
        let app = if matches!(connection.caller, Caller::Pairing { .. }) { router.clone() } else { Router::new() };
        async move {
            serve(connection, app, &Http2Limits::default(), CancellationToken::new()).await;
        }
    };
    tokio::spawn(acceptor.run(listener, CancellationToken::new(), serving, move |_, found| drop(refused_in.send(found))));
    Inviting { org, endpoint, service, paired, refused, written }
}

impl Inviting {
    fn invite(&self) -> Invitation {
        let invitation = Invitation::new(self.org.id(), std::slice::from_ref(&self.endpoint), NOW).expect("has an endpoint");
        self.service.open(invitation.clone()).expect("opens");
        invitation
    }

    /// A client of whoever knows an invitation's label.
    async fn knock(&self, stranger: &Org, invitation: &Invitation) -> PairingClient<Channel> {
        let (label, org) = (invitation.label(), invitation.org());
        let connection = connect_for_pairing(&stranger.tls, &self.endpoint, &label, org, &DialOptions::default()).await;
        PairingClient::new(channel(connection.expect("knows the label"), &Http2Limits::default()).await.expect("speaks h2"))
    }
}

async fn join_as(joining: &Org, invitation: &Invitation) -> Result<PairingOutcome, JoinError> {
    join(&joining.tls, invitation, &joining.card(), &DialOptions::default(), &Http2Limits::default()).await
}

#[tokio::test]
async fn two_organisations_pair_by_an_invitation_and_connect_once_both_have_confirmed() {
    let (mut inviting, joining) = (inviting().await, Org::new());
    let invitation = Invitation::from_text(&inviting.invite().to_text()).expect("survives its text");
    let joined = join_as(&joining, &invitation).await.expect("joins");
    let invited = inviting.paired.recv().await.expect("paired");
    assert_eq!(joined.digits, invited.digits);
    assert_eq!((joined.card.org(), invited.card.org()), (inviting.org.id(), joining.id()));
    let options = DialOptions::default();
    let dial = || connect(&joining.tls, &inviting.endpoint, inviting.org.id(), &options);
    joining.trust(joined.card.clone(), Standing::Unconfirmed, false);
    inviting.org.trust(invited.card.clone(), Standing::Unconfirmed, false);
    assert_eq!(dial().await.map(drop), Err(Diagnosis::Unconfirmed(inviting.org.id())));
    joining.trust(joined.card, Standing::Active, false);
    assert_eq!(dial().await.map(drop), Err(Diagnosis::UnconfirmedThere));
    inviting.org.trust(invited.card, Standing::Active, false);
    dial().await.expect("both have confirmed");
}

#[tokio::test]
async fn an_invitation_works_once() {
    let (mut inviting, first, second) = (inviting().await, Org::new(), Org::new());
    let invitation = inviting.invite();
    join_as(&first, &invitation).await.expect("joins");
    inviting.paired.recv().await.expect("paired");
    let refused = join_as(&second, &invitation).await.expect_err("used up");
    assert!(matches!(refused, JoinError::Connection { diagnosis: Diagnosis::LabelUnknownThere }), "{refused}");
    assert_eq!(inviting.refused.recv().await, Some(Diagnosis::UnknownLabel));
}

#[tokio::test]
async fn an_invitation_that_has_expired_opens_no_door() {
    let (inviting, joining) = (inviting().await, Org::new());
    let invitation = inviting.invite();
    let late = invitation.expires().plus(1);
    joining.hands.set(late);
    assert!(matches!(join_as(&joining, &invitation).await, Err(JoinError::Pairing(PairingError::Expired(_)))));
    joining.hands.set(NOW);
    inviting.org.hands.set(late);
    let refused = join_as(&joining, &invitation).await.expect_err("expired there");
    assert!(matches!(refused, JoinError::Connection { diagnosis: Diagnosis::LabelUnknownThere }), "{refused}");
}

#[tokio::test]
async fn whoever_saw_the_label_but_not_the_secret_has_five_tries() {
    let (mut inviting, thief, joining) = (inviting().await, Org::new(), Org::new());
    let invitation = inviting.invite();
    for _ in 0..TRIES_MAX {
        let guess = PairingStart { commitment: vec![1; 32], proof: vec![2; 32] };
        let refused = inviting.knock(&thief, &invitation).await.start(guess).await.expect_err("wrong");
        assert_eq!(refused.message(), "the secret is wrong");
    }
    let refused = join_as(&joining, &invitation).await.expect_err("closed");
    assert!(matches!(refused, JoinError::Connection { diagnosis: Diagnosis::LabelUnknownThere }), "{refused}");
    assert!(inviting.paired.try_recv().is_err());
}

#[tokio::test]
async fn whoever_saw_the_label_has_the_invitations_written_down_for_a_try_alone() {
    let (inviting, thief) = (inviting().await, Org::new());
    let invitation = inviting.invite();
    let mut client = inviting.knock(&thief, &invitation).await;
    let before = inviting.written.load(Ordering::SeqCst);
    for _ in 0..20 {
        let refused = client.reveal(PairingReveal { nonce: vec![1; 32], card: Vec::new() }).await.expect_err("out of order");
        assert_eq!(refused.message(), "the messages do not fit together");
    }
    assert_eq!(inviting.written.load(Ordering::SeqCst), before);
    client.start(PairingStart { commitment: vec![1; 32], proof: vec![2; 32] }).await.expect_err("wrong");
    assert_eq!(inviting.written.load(Ordering::SeqCst), before + 1, "a try counts");
}

#[tokio::test]
async fn someone_else_behind_the_endpoint_is_refused_by_the_joiner() {
    let (inviting, joining) = (inviting().await, Org::new());
    let real = Org::new();
    let invitation = Invitation::new(real.id(), std::slice::from_ref(&inviting.endpoint), NOW).expect("has an endpoint");
    inviting.service.open(invitation.clone()).expect("opens");
    let refused = join_as(&joining, &invitation).await.expect_err("another organisation");
    assert!(matches!(refused, JoinError::Connection { diagnosis: Diagnosis::WrongOrganisation { .. } }), "{refused}");
}

#[tokio::test]
async fn the_pairing_service_is_out_of_reach_for_peers() {
    let (inviting, peer) = (inviting().await, Org::new());
    inviting.invite();
    inviting.org.trust(peer.card(), Standing::Active, false);
    peer.trust(inviting.org.card(), Standing::Active, false);
    let connection = connect(&peer.tls, &inviting.endpoint, inviting.org.id(), &DialOptions::default()).await.expect("connects");
    let channel = channel(connection, &Http2Limits::default()).await.expect("speaks h2");
    let refused = PairingClient::new(channel).start(PairingStart::default()).await.expect_err("no such service");
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
}
