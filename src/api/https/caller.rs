//! Who calls: a token in a header, or in the path where nothing else can be sent. Pure but for the counts of wrong ones.

use crate::model::Timestamp;
use crate::rules::consumer::{TOKEN_PREFIX, Way};
use axum::http::{HeaderMap, header};
use data_encoding::BASE64;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// So many addresses are counted at a time; with more all counts begin anew, which lets each try a few more.
const ADDRESSES_MAX: usize = 10_000;

/// A token that came with a request. `Debug` prints none.
#[derive(PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) token: String,
    pub(super) way: Way,
    /// The user that HTTP Basic named.
    pub(super) user: Option<String>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shown({:?})", self.way)
    }
}

/// The token of a request, and its path without it.
pub(super) fn shown<'p>(path: &'p str, headers: &HeaderMap) -> (Option<Shown>, &'p str) {
    if let Some((token, _)) = path.strip_prefix("/t/").and_then(|rest| rest.split_once('/')) {
        let rest = &path["/t/".len() + token.len()..];
        return (Some(Shown { token: token.to_owned(), way: Way::Path, user: None }), rest);
    }
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    (header.and_then(in_header), path)
}

/// `Bearer TOKEN` or `Token TOKEN`, `Basic …` with the token as the password, or the token alone, as MISP sends it.
fn in_header(value: &str) -> Option<Shown> {
    let header = |token: &str, user| Some(Shown { token: token.to_owned(), way: Way::Header, user });
    let value = value.trim();
    match value.split_once(' ') {
        None if value.starts_with(TOKEN_PREFIX) => header(value, None),
        Some((scheme, token)) if ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => header(token.trim(), None),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
            let pair = String::from_utf8(BASE64.decode(pair.trim().as_bytes()).ok()?).ok()?;
            let (user, token) = pair.split_once(':')?;
            header(token, Some(user.to_owned()))
        }
        _ => None,
    }
}

/// How many wrong tokens each address showed in this minute.
#[derive(Debug, Default)]
pub(super) struct Wrong(Mutex<BTreeMap<IpAddr, (u64, u64)>>);

impl Wrong {
    /// Counts one more. Returns how many there were in this minute, this one too.
    pub(super) fn count(&self, from: IpAddr, now: Timestamp) -> u64 {
        let minute = now.0 / 60_000;
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= ADDRESSES_MAX {
            counts.retain(|_, (at, _)| *at == minute);
            if counts.len() >= ADDRESSES_MAX {
                counts.clear();
            }
        }
        let (at, count) = counts.entry(from).or_default();
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, authorization: Option<&str>) -> Option<(String, Way, Option<String>)> {
        let headers = authorization.map(|value| (header::AUTHORIZATION, value.parse().unwrap())).into_iter().collect();
        shown(path, &headers).0.map(|shown| (shown.token, shown.way, shown.user))
    }

    #[test]
    fn a_token_comes_as_each_tool_sends_it() {
        let token = |user: Option<&str>| Some(("wf_x".to_owned(), Way::Header, user.map(str::to_owned)));
        assert_eq!(of("/export/csv", Some("Bearer wf_x")), token(None));
        assert_eq!(of("/export/csv", Some("bearer  wf_x ")), token(None));
        assert_eq!(of("/export/csv", Some("Token wf_x")), token(None));
        assert_eq!(of("/export/csv", Some("wf_x")), token(None));
        let basic = format!("Basic {}", BASE64.encode(b"misp:wf_x"));
        assert_eq!(of("/export/csv", Some(&basic)), token(Some("misp")));
        assert_eq!(of("/t/wf_x/export/csv", None), Some(("wf_x".into(), Way::Path, None)));
        assert_eq!(shown("/t/wf_x/export/csv", &HeaderMap::new()).1, "/export/csv");
        for none in ["", "Digest wf_x", "Basic !", "Basic d2ZfeA==", "something"] {
            assert_eq!(of("/export/csv", Some(none)), None, "{none}");
        }
        assert_eq!(of("/t/wf_x", None), None);
    }

    #[test]
    fn wrong_tokens_are_counted_by_address_and_minute() {
        let (wrong, one, other) = (Wrong::default(), "192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!([wrong.count(one, Timestamp(1)), wrong.count(one, Timestamp(2)), wrong.count(other, Timestamp(2))], [1, 2, 1]);
        assert_eq!(wrong.count(one, Timestamp(60_000)), 1);
    }
}
