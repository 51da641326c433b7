//! Why a connection did not come about, or ended: one value per cause, each with a stable code, a sentence and what to try.
//!
//! A TLS alert carries one byte. The ones that we send say which of our reasons it was (`Diagnosis::alert`); the ones that we
//! receive are read back the same way (`Diagnosis::of_alert`). What the other side learns is only ever about itself.

use super::profile::Violation;
use crate::model::identity::Endpoint;
use crate::model::{OrgId, Timestamp};
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use std::sync::Arc;

/// What went on when time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reaching the address, or the proxy.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Waiting for the first frame, which is the other side's verdict.
    Verdict,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Diagnosis {
    /// Their certificate ends in another root than their card's.
    #[error("the certificate of `{0}` does not lead to its current root")]
    UntrustedRoot(OrgId),
    /// Somebody else answered.
    #[error("`{found}` answered where `{expected}` was expected")]
    WrongOrganisation {
        /// Whom we dialled.
        expected: OrgId,
        /// Whose name the certificate bears.
        found: OrgId,
    },
    /// Their certificate's time is over, or our clock is ahead.
    #[error("the certificate expired at `{not_after}`; it is `{now}` here")]
    Expired {
        /// The certificate's last moment.
        not_after: Timestamp,
        /// Our clock.
        now: Timestamp,
    },
    /// Their certificate's time has not come, or our clock is behind.
    #[error("the certificate is not valid before `{not_before}`; it is `{now}` here")]
    NotYetValid {
        /// The certificate's first moment.
        not_before: Timestamp,
        /// Our clock.
        now: Timestamp,
    },
    /// Their certificate is not as ours are.
    #[error("the certificate breaks the profile: {0}")]
    Profile(#[from] Violation),
    /// Their card no longer lists the issuing CA.
    #[error("the issuing CA of `{0}` is not in its card any more")]
    IssuerWithdrawn(OrgId),
    /// The key is on our deny list.
    #[error("the key that `{0}` shows is on the deny list")]
    Denied(OrgId),
    /// We know nothing of it.
    #[error("`{0}` is not paired with this node")]
    NotPaired(OrgId),
    /// Cards were exchanged, nobody has confirmed the digits here.
    #[error("the pairing with `{0}` is not confirmed here")]
    Unconfirmed(OrgId),
    /// We have suspended it.
    #[error("`{0}` is suspended here")]
    Suspended(OrgId),
    /// It came without post-quantum key exchange, and has no leave to.
    #[error("`{0}` came without post-quantum key exchange")]
    Classical(OrgId),
    /// They showed no certificate.
    #[error("the other side showed no certificate")]
    NoCertificate,
    /// The caller did not know today's label.
    #[error("the caller knows none of this node's labels")]
    UnknownLabel,
    /// No TLS version in common.
    #[error("the other side does not speak TLS 1.3")]
    ProtocolVersion,
    /// No key exchange in common.
    #[error("the other side does not offer X25519MLKEM768")]
    NoPostQuantum,
    /// No application protocol in common.
    #[error("the other side does not speak h2")]
    Alpn,
    /// What came is no TLS.
    #[error("the other side does not speak TLS")]
    NotTls,
    /// The handshake failed in another way.
    #[error("TLS: {0}")]
    Tls(String),
    /// The name has no address.
    #[error("`{host}` could not be resolved: {detail}")]
    NameResolution {
        /// The host name.
        host: String,
        /// What the resolver said.
        detail: String,
    },
    /// Nothing listens there.
    #[error("`{0}` refused the connection")]
    ConnectionRefused(Endpoint),
    /// The network has no way there.
    #[error("`{endpoint}` could not be reached: {detail}")]
    Unreachable {
        /// Where.
        endpoint: Endpoint,
        /// What the operating system said.
        detail: String,
    },
    /// Nothing came in time.
    #[error("no answer within `{seconds}` seconds ({})", .stage.words())]
    Timeout {
        /// What was waited for.
        stage: Stage,
        /// For how long.
        seconds: u64,
    },
    /// It was still in its handshake when the place was needed.
    #[error("given up for newer callers: too many handshakes at once")]
    Crowded,
    /// Too many handshakes came in this second, in all or from this source.
    #[error("turned away: more handshakes in a second than are allowed")]
    TooOften,
    /// As many came to pair as may at one time.
    #[error("turned away: too many came to pair at once")]
    PairingsFull,
    /// The connection ended without a word.
    #[error("the connection was closed without a reason")]
    Closed,
    /// The proxy could not be reached, or refused.
    #[error("the SOCKS5 proxy failed: {0}")]
    Proxy(String),
    /// An onion address, and no proxy to reach it.
    #[error("`{0}` is an onion address, and no SOCKS5 proxy is configured")]
    OnionWithoutProxy(Endpoint),
    /// It does not know the label that its card's knock key made.
    #[error("the other side does not know the label that its card gives")]
    LabelUnknownThere,
    /// It does not trust our certificate.
    #[error("the other side does not trust our certificate: not paired there, removed there, or it has an old card")]
    UntrustedThere,
    /// It finds our certificate expired or not yet valid.
    #[error("the other side finds our certificate expired or not yet valid")]
    ExpiredThere,
    /// It has suspended us.
    #[error("this node is suspended there")]
    SuspendedThere,
    /// Nobody has confirmed the digits there.
    #[error("the pairing is not yet confirmed there")]
    UnconfirmedThere,
    /// Our key is on its deny list, or our issuing CA is not in the card that it has.
    #[error("the other side refuses our key: it is denied, or its issuing CA was withdrawn")]
    DeniedThere,
    /// Our certificate breaks its profile.
    #[error("the other side finds that our certificate breaks the profile")]
    ProfileThere,
    /// It does not let us come without post-quantum key exchange.
    #[error("the other side requires post-quantum key exchange of us")]
    ClassicalThere,
    /// Any other alert (RFC 8446 §6).
    #[error("the other side ended the handshake with alert `{0}`")]
    Alert(u8),
}

impl Stage {
    const fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Handshake => "during the handshake",
            Self::Verdict => "waiting for the first frame",
        }
    }
}

impl Diagnosis {
    /// The stable name, for `--json`, metrics and the console.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UntrustedRoot(_) => "untrusted_root",
            Self::WrongOrganisation { .. } => "wrong_organisation",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Profile(_) => "profile",
            Self::IssuerWithdrawn(_) => "issuer_withdrawn",
            Self::Denied(_) => "denied",
            Self::NotPaired(_) => "not_paired",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Suspended(_) => "suspended",
            Self::Classical(_) => "classical",
            Self::NoCertificate => "no_certificate",
            Self::UnknownLabel => "unknown_label",
            Self::ProtocolVersion => "protocol_version",
            Self::NoPostQuantum => "no_post_quantum",
            Self::Alpn => "alpn",
            Self::NotTls => "not_tls",
            Self::Tls(_) => "tls",
            Self::NameResolution { .. } => "name_resolution",
            Self::ConnectionRefused(_) => "connection_refused",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Crowded => "crowded",
            Self::TooOften => "too_often",
            Self::PairingsFull => "pairings_full",
            Self::Closed => "closed",
            Self::Proxy(_) => "proxy",
            Self::OnionWithoutProxy(_) => "onion_without_proxy",
            Self::LabelUnknownThere => "label_unknown_there",
            Self::UntrustedThere => "untrusted_there",
            Self::ExpiredThere => "expired_there",
            Self::SuspendedThere => "suspended_there",
            Self::UnconfirmedThere => "unconfirmed_there",
            Self::DeniedThere => "denied_there",
            Self::ProfileThere => "profile_there",
            Self::ClassicalThere => "classical_there",
            Self::Alert(_) => "alert",
        }
    }

    /// The peer whose call a key that is no longer accepted turned away; its chain led to its root.
    pub(super) const fn refused_peer(&self) -> Option<OrgId> {
        match self {
            Self::Denied(org) | Self::IssuerWithdrawn(org) => Some(*org),
            _ => None,
        }
    }

    /// What to try, as one sentence without a full stop.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::UntrustedRoot(_) => "it may have rotated its root: ask for its new card and add it with `watchfire peer add`",
            Self::WrongOrganisation { .. } => {
                "the endpoint in its card leads elsewhere: ask for its new card, and be wary until you have it"
            }
            Self::Expired { .. } | Self::NotYetValid { .. } => {
                "compare the clocks of both machines; if they agree, the other node does not renew its certificates"
            }
            Self::Profile(_) => "the other node must be updated, or it is not a watchfire node",
            Self::IssuerWithdrawn(_) => "it still uses a withdrawn key: ask it, by other means, whether that key was stolen",
            Self::Denied(_) => "if that was a mistake, take the key out of `denied-keys.txt` and send SIGHUP to the node",
            Self::NotPaired(_) => "pair with `watchfire invite`, or add its card with `watchfire peer add`",
            Self::Unconfirmed(_) => "compare the twelve digits by voice, then run `watchfire peer confirm`",
            Self::Suspended(_) => "run `watchfire peer resume` to let it in again",
            Self::Classical(_) | Self::NoPostQuantum => "the other node must be updated, or be allowed classical key exchange explicitly",
            Self::NoCertificate | Self::NotTls | Self::Alpn | Self::ProtocolVersion => {
                "check that the endpoint is a watchfire node's and that nothing in between ends TLS"
            }
            Self::UnknownLabel => "a prober, or a peer with an old card or a wrong date",
            Self::Tls(_) | Self::Alert(_) | Self::Closed => "see the other node's log for its side of this attempt",
            Self::Crowded | Self::TooOften => "someone may be flooding the port: see where the calls come from",
            Self::PairingsFull => "whoever saw an invitation may be flooding the port: wait until it has expired, and make a new one",
            Self::NameResolution { .. } => "check the name in its card, and this machine's DNS",
            Self::ConnectionRefused(_) => "is the other node running, and is the port right?",
            Self::Unreachable { .. } | Self::Timeout { .. } => "check the network and the firewalls on both sides",
            Self::Proxy(_) => "check that the proxy runs where `watchfire.toml` says",
            Self::OnionWithoutProxy(_) => "set the SOCKS5 proxy in `watchfire.toml`, such as Tor's at 127.0.0.1:9050",
            Self::LabelUnknownThere => "the card is old, or a clock is off by more than a day: ask for its new card",
            Self::UntrustedThere => "send it your current card; if it has removed you, ask why",
            Self::ExpiredThere => "compare the clocks of both machines, and see `watchfire status` for the days left",
            Self::SuspendedThere => "ask its administrator why",
            Self::UnconfirmedThere => "ask its administrator to run `watchfire peer confirm` with the twelve digits",
            Self::DeniedThere => "send it your current card, and ask its administrator",
            Self::ProfileThere => "update this node, or the other",
            Self::ClassicalThere => "update this node, or ask for leave to use classical key exchange",
        }
    }

    /// The error that makes rustls send the alert for this reason. [`Diagnosis::of_alert`] is its inverse.
    pub(super) fn alert(&self) -> CertificateError {
        match self {
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            Self::UntrustedRoot(_) | Self::NotPaired(_) | Self::WrongOrganisation { .. } => CertificateError::UnknownIssuer,
            Self::IssuerWithdrawn(_) | Self::Denied(_) => CertificateError::Revoked,
            Self::Suspended(_) => CertificateError::ApplicationVerificationFailure,
            Self::Unconfirmed(_) => CertificateError::BadEncoding,
            Self::Classical(_) => CertificateError::InvalidPurpose,
            other => CertificateError::Other(rustls::OtherError(Arc::new(other.clone()))),
        }
    }

    /// What an alert means when a watchfire node sent it.
    pub(super) fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::UnknownCA => Self::UntrustedThere,
            AlertDescription::CertificateExpired => Self::ExpiredThere,
            AlertDescription::CertificateRevoked => Self::DeniedThere,
            AlertDescription::AccessDenied => Self::SuspendedThere,
            AlertDescription::BadCertificate => Self::UnconfirmedThere,
            AlertDescription::UnsupportedCertificate => Self::ClassicalThere,
            AlertDescription::CertificateUnknown => Self::ProfileThere,
            AlertDescription::UnrecognisedName => Self::LabelUnknownThere,
            AlertDescription::ProtocolVersion => Self::ProtocolVersion,
            AlertDescription::HandshakeFailure => Self::NoPostQuantum,
            AlertDescription::NoApplicationProtocol => Self::Alpn,
            other => Self::Alert(other.into()),
        }
    }

    /// What a TLS error means.
    pub(super) fn of_tls(error: &Error) -> Self {
        match error {
            Error::AlertReceived(alert) => Self::of_alert(*alert),
            Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon | PeerIncompatible::KeyShareExtensionRequired) => {
                Self::NoPostQuantum
            }
            Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls13RequiredForQuic
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension,
            ) => Self::ProtocolVersion,
            Error::NoApplicationProtocol => Self::Alpn,
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidMessage(_) => Self::NotTls,
            other => Self::Tls(other.to_string()),
        }
    }

    /// What an I/O error during or after a handshake means: the TLS error in it, if there is one.
    pub(super) fn of_io(error: &std::io::Error) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(inner) = source {
            if let Some(tls) = inner.downcast_ref::<Error>() {
                return Self::of_tls(tls);
            }
            source = inner.source();
        }
        Self::Closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn each() -> Vec<Diagnosis> {
        let (org, endpoint) = (OrgId([1; 32]), "node.example:7443".parse::<Endpoint>().expect("an endpoint"));
        let (not_after, not_before, now) = (Timestamp(1), Timestamp(3), Timestamp(2));
        vec![
            Diagnosis::UntrustedRoot(org),
            Diagnosis::WrongOrganisation { expected: org, found: org },
            Diagnosis::Expired { not_after, now },
            Diagnosis::NotYetValid { not_before, now },
            Diagnosis::Profile(Violation::Usages),
            Diagnosis::IssuerWithdrawn(org),
            Diagnosis::Denied(org),
            Diagnosis::NotPaired(org),
            Diagnosis::Unconfirmed(org),
            Diagnosis::Suspended(org),
            Diagnosis::Classical(org),
            Diagnosis::NoCertificate,
            Diagnosis::UnknownLabel,
            Diagnosis::ProtocolVersion,
            Diagnosis::NoPostQuantum,
            Diagnosis::Alpn,
            Diagnosis::NotTls,
            Diagnosis::Tls("x".into()),
            Diagnosis::NameResolution { host: "x".into(), detail: "y".into() },
            Diagnosis::ConnectionRefused(endpoint.clone()),
            Diagnosis::Unreachable { endpoint: endpoint.clone(), detail: "y".into() },
            Diagnosis::Timeout { stage: Stage::Connect, seconds: 1 },
            Diagnosis::Crowded,
            Diagnosis::TooOften,
            Diagnosis::PairingsFull,
            Diagnosis::Closed,
            Diagnosis::Proxy("x".into()),
            Diagnosis::OnionWithoutProxy(endpoint),
            Diagnosis::LabelUnknownThere,
            Diagnosis::UntrustedThere,
            Diagnosis::ExpiredThere,
            Diagnosis::SuspendedThere,
            Diagnosis::UnconfirmedThere,
            Diagnosis::DeniedThere,
            Diagnosis::ProfileThere,
            Diagnosis::ClassicalThere,
            Diagnosis::Alert(80),
        ]
    }

    #[test]
    fn every_diagnosis_has_a_code_of_its_own_and_reads_like_our_other_texts() {
        let all = each();
        assert_eq!(all.iter().map(Diagnosis::code).collect::<BTreeSet<_>>().len(), all.len());
        for diagnosis in all {
            for text in [diagnosis.to_string(), diagnosis.hint().to_owned()] {
                assert!(!text.ends_with('.') && !text.is_empty(), "{text}");
            }
        }
    }

    /// In the order of [`each`].
    #[test]
    fn every_diagnosis_is_told_in_words_and_with_what_to_try() {
        let cases = [
            (
                "the certificate of `ORG` does not lead to its current root",
                "it may have rotated its root: ask for its new card and add it with `watchfire peer add`",
            ),
            (
                "`ORG` answered where `ORG` was expected",
                "the endpoint in its card leads elsewhere: ask for its new card, and be wary until you have it",
            ),
            (
                "the certificate expired at `1970-01-01T00:00:00.001Z`; it is `1970-01-01T00:00:00.002Z` here",
                "compare the clocks of both machines; if they agree, the other node does not renew its certificates",
            ),
            (
                "the certificate is not valid before `1970-01-01T00:00:00.003Z`; it is `1970-01-01T00:00:00.002Z` here",
                "compare the clocks of both machines; if they agree, the other node does not renew its certificates",
            ),
            (
                "the certificate breaks the profile: the leaf is not for client and server use both, by signature",
                "the other node must be updated, or it is not a watchfire node",
            ),
            (
                "the issuing CA of `ORG` is not in its card any more",
                "it still uses a withdrawn key: ask it, by other means, whether that key was stolen",
            ),
            (
                "the key that `ORG` shows is on the deny list",
                "if that was a mistake, take the key out of `denied-keys.txt` and send SIGHUP to the node",
            ),
            ("`ORG` is not paired with this node", "pair with `watchfire invite`, or add its card with `watchfire peer add`"),
            ("the pairing with `ORG` is not confirmed here", "compare the twelve digits by voice, then run `watchfire peer confirm`"),
            ("`ORG` is suspended here", "run `watchfire peer resume` to let it in again"),
            (
                "`ORG` came without post-quantum key exchange",
                "the other node must be updated, or be allowed classical key exchange explicitly",
            ),
            ("the other side showed no certificate", "check that the endpoint is a watchfire node's and that nothing in between ends TLS"),
            ("the caller knows none of this node's labels", "a prober, or a peer with an old card or a wrong date"),
            ("the other side does not speak TLS 1.3", "check that the endpoint is a watchfire node's and that nothing in between ends TLS"),
            (
                "the other side does not offer X25519MLKEM768",
                "the other node must be updated, or be allowed classical key exchange explicitly",
            ),
            ("the other side does not speak h2", "check that the endpoint is a watchfire node's and that nothing in between ends TLS"),
            ("the other side does not speak TLS", "check that the endpoint is a watchfire node's and that nothing in between ends TLS"),
            ("TLS: x", "see the other node's log for its side of this attempt"),
            ("`x` could not be resolved: y", "check the name in its card, and this machine's DNS"),
            ("`node.example:7443` refused the connection", "is the other node running, and is the port right?"),
            ("`node.example:7443` could not be reached: y", "check the network and the firewalls on both sides"),
            ("no answer within `1` seconds (connecting)", "check the network and the firewalls on both sides"),
            ("given up for newer callers: too many handshakes at once", "someone may be flooding the port: see where the calls come from"),
            (
                "turned away: more handshakes in a second than are allowed",
                "someone may be flooding the port: see where the calls come from",
            ),
            (
                "turned away: too many came to pair at once",
                "whoever saw an invitation may be flooding the port: wait until it has expired, and make a new one",
            ),
            ("the connection was closed without a reason", "see the other node's log for its side of this attempt"),
            ("the SOCKS5 proxy failed: x", "check that the proxy runs where `watchfire.toml` says"),
            (
                "`node.example:7443` is an onion address, and no SOCKS5 proxy is configured",
                "set the SOCKS5 proxy in `watchfire.toml`, such as Tor's at 127.0.0.1:9050",
            ),
            (
                "the other side does not know the label that its card gives",
                "the card is old, or a clock is off by more than a day: ask for its new card",
            ),
            (
                "the other side does not trust our certificate: not paired there, removed there, or it has an old card",
                "send it your current card; if it has removed you, ask why",
            ),
            (
                "the other side finds our certificate expired or not yet valid",
                "compare the clocks of both machines, and see `watchfire status` for the days left",
            ),
            ("this node is suspended there", "ask its administrator why"),
            ("the pairing is not yet confirmed there", "ask its administrator to run `watchfire peer confirm` with the twelve digits"),
            (
                "the other side refuses our key: it is denied, or its issuing CA was withdrawn",
                "send it your current card, and ask its administrator",
            ),
            ("the other side finds that our certificate breaks the profile", "update this node, or the other"),
            ("the other side requires post-quantum key exchange of us", "update this node, or ask for leave to use classical key exchange"),
            ("the other side ended the handshake with alert `80`", "see the other node's log for its side of this attempt"),
        ];
        let all = each();
        crate::texts::all_are_there(include_str!("diagnosis.rs"), "Diagnosis", all.iter());
        assert_eq!(all.len(), cases.len());
        for (diagnosis, (text, hint)) in all.iter().zip(cases) {
            let said = diagnosis.to_string().replace(&OrgId([1; 32]).to_string(), "ORG");
            assert_eq!((said.as_str(), diagnosis.hint()), (text, hint));
        }
    }

    #[test]
    fn a_diagnosis_says_both_times_and_both_organisations() {
        let all = each();
        let (wrong, expired) = (&all[1], &all[2]);
        let org = OrgId([1; 32]);
        assert_eq!(wrong.to_string(), format!("`{org}` answered where `{org}` was expected"));
        assert_eq!(expired.to_string(), "the certificate expired at `1970-01-01T00:00:00.001Z`; it is `1970-01-01T00:00:00.002Z` here");
    }
}
