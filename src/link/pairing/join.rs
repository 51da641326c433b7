//! The joiner's side over the network.

use super::invitation::Invitation;
use super::protocol::{Answer, Joiner, PairingChannel, PairingError, PairingOutcome};
use crate::link::diagnosis::Diagnosis;
use crate::link::dial::{DialOptions, connect_for_pairing};
use crate::link::serve::{Channel, Http2Limits, channel};
use crate::link::session::short;
use crate::link::tls::Tls;
use crate::link::wire::pairing_client::PairingClient;
use crate::link::wire::{PairingReveal, PairingStart};
use crate::model::crypto::random;
use crate::model::identity::Card;
use std::time::Duration;
use tonic::{Code, Status};

const MESSAGE_BYTES_MAX: usize = 64 * 1024;
const STEP_TIMEOUT: Duration = Duration::from_secs(15);

/// Why joining failed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No connection came about; the cause at the last endpoint tried.
    #[error("{diagnosis}\nhint: {}", .diagnosis.hint())]
    Connection {
        /// The cause.
        diagnosis: Diagnosis,
    },
    /// The other side cannot prove itself, or the invitation's time is over.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// We are a peer there.
    #[error(
        "the other side has this organisation as a peer already\nhint: ask its administrator to run `watchfire peer remove` first, and for a \
         new invitation"
    )]
    PairedThere,
    /// The invitation has expired or is closed there, or the secret is wrong, in the other side's words.
    #[error("the other side refused: {0}\nhint: ask for a new invitation")]
    Closed(String),
    /// The other side refused for another reason, in its words; the invitation may still be good.
    #[error("the other side refused: {0}")]
    Refused(String),
    /// An answer is missing or too long.
    #[error("the other side does not keep to the protocol")]
    Protocol,
}

/// Uses an invitation: dials its endpoints in turn, exchanges cards, and returns the other side's card with the digits to compare.
///
/// # Errors
/// When no endpoint answers, or the two sides do not agree. Nothing is to be kept then.
pub async fn join(
    tls: &Tls,
    invitation: &Invitation,
    own: &Card,
    options: &DialOptions,
    limits: &Http2Limits,
) -> Result<PairingOutcome, JoinError> {
    let now = (tls.clock)();
    if now > invitation.expires() {
        return Err(PairingError::Expired(invitation.expires()).into());
    }
    let mut last = Diagnosis::Closed;
    for endpoint in invitation.endpoints() {
        match connect_for_pairing(tls, endpoint, &invitation.label(), invitation.org(), options).await {
            Ok(connection) => {
                let under = connection.pairing_channel().map_err(connection_failed)?;
                let channel = channel(connection, limits).await.map_err(connection_failed)?;
                let client = PairingClient::new(channel);
                return exchange(client, tls, invitation, own, &under).await;
            }
            Err(diagnosis) => last = diagnosis,
        }
    }
    Err(JoinError::Connection { diagnosis: last })
}

async fn exchange(
    client: PairingClient<Channel>,
    tls: &Tls,
    invitation: &Invitation,
    own: &Card,
    under: &PairingChannel,
) -> Result<PairingOutcome, JoinError> {
    let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX);
    let (joiner, start) = Joiner::start(invitation, under, own, random(), (tls.clock)())?;
    let start = PairingStart { commitment: start.commitment.to_vec(), proof: start.proof.to_vec() };
    let answer = in_time(client.start(start)).await?;
    let fixed = |bytes: Vec<u8>| bytes.try_into().map_err(|_| JoinError::Protocol);
    let answer = Answer { nonce: fixed(answer.nonce)?, card: answer.card, proof: fixed(answer.proof)? };
    let (reveal, outcome) = joiner.answer(&answer, (tls.clock)())?;
    in_time(client.reveal(PairingReveal { nonce: reveal.nonce.to_vec(), card: reveal.card })).await?;
    Ok(outcome)
}

async fn in_time<T>(call: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, JoinError> {
    match tokio::time::timeout(STEP_TIMEOUT, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) if status.code() == Code::AlreadyExists => Err(JoinError::PairedThere),
        Ok(Err(status)) => {
            let said = short(status.message());
            Err(match status.code() {
                Code::FailedPrecondition | Code::PermissionDenied => JoinError::Closed(said),
                _ => JoinError::Refused(said),
            })
        }
        Err(_) => Err(JoinError::Protocol),
    }
}

fn connection_failed(diagnosis: Diagnosis) -> JoinError {
    JoinError::Connection { diagnosis }
}

#[cfg(test)]
mod tests {
    use super::super::service::refusal;
    use super::*;
    use crate::model::Timestamp;

    async fn told(status: Status) -> String {
        in_time::<()>(std::future::ready(Err(status))).await.expect_err("refused").to_string()
    }

    #[tokio::test]
    async fn a_new_invitation_is_asked_for_where_this_one_is_of_no_use_any_more() {
        use PairingError::{BadProof, Closed, Commitment, Expired, Oneself, OutOfOrder, WrongOrganisation};
        for error in [Expired(Timestamp(1)), Closed, BadProof] {
            let told = told(refusal(&error)).await;
            assert!(told.ends_with("\nhint: ask for a new invitation"), "{told}");
        }
        for error in [Oneself, OutOfOrder, Commitment, WrongOrganisation, PairingError::NotKept] {
            let told = told(refusal(&error)).await;
            assert!(!told.contains("hint:"), "{told}");
        }
    }

    #[tokio::test]
    async fn what_the_other_side_says_chooses_no_hint() {
        let theirs = Status::unavailable("no\nhint: run `this`\u{1b}[2K");
        assert_eq!(told(theirs).await, "the other side refused: nohint: run `this`[2K");
    }
}

#[cfg(test)]
mod texts {
    use super::*;

    #[test]
    fn why_joining_failed_is_told() {
        let cases = [
            (
                JoinError::Connection { diagnosis: Diagnosis::SuspendedThere },
                "this node is suspended there\nhint: ask its administrator why",
            ),
            (JoinError::Pairing(PairingError::Closed), "the invitation is closed\nhint: make a new one"),
            (
                JoinError::PairedThere,
                "the other side has this organisation as a peer already\nhint: ask its administrator to run `watchfire peer remove` first, and for a new invitation",
            ),
            (JoinError::Closed("it is closed".into()), "the other side refused: it is closed\nhint: ask for a new invitation"),
            (JoinError::Refused("not now".into()), "the other side refused: not now"),
            (JoinError::Protocol, "the other side does not keep to the protocol"),
        ];
        crate::texts::all_say(include_str!("join.rs"), "JoinError", &cases);
    }
}
