//! The body of a request that says something, within bounds: nobody holds a place by sending slowly, and nobody fills the memory.

use crate::config::Https;
use crate::node::serving::ProduceError;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// It is longer than that.
    #[error("{}", ProduceError::TooLong(*.0))]
    TooLong(u64),
    /// It did not come in time, in seconds.
    #[error("the body did not come within {0} seconds")]
    TooSlow(u64),
    /// It is packed.
    #[error("a body is taken as it is, not packed")]
    Packed,
    /// It broke off.
    #[error("the body broke off")]
    Broken,
}

impl Refused {
    /// With which status it is told.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Packed => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body whole.
pub(super) async fn read(body: &mut Incoming, headers: &HeaderMap, limits: &Https) -> Result<Vec<u8>, Refused> {
    let most = limits.body_bytes_max;
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Refused::Packed);
    }
    // Whoever waits to be asked for it need not send it first. Of others it is read up to there: cut off while they send, they might not read the answer.
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if headers.contains_key(header::EXPECT) && said.is_some_and(|said| said > most) {
        return Err(Refused::TooLong(most));
    }
    let reading = async {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::Broken)?;
            let data: &Bytes = match frame.data_ref() {
                Some(data) => data,
                None => continue,
            };
            if (bytes.len() + data.len()) as u64 > most {
                return Err(Refused::TooLong(most));
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes)
    };
    match tokio::time::timeout(Duration::from_secs(limits.body_s_max), reading).await {
        Ok(read) => read,
        Err(_) => Err(Refused::TooSlow(limits.body_s_max)),
    }
}
