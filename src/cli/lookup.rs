//! `watchfire lookup`

use super::output::{self, count, plain, table};
use super::{Desk, Ended, input, sighting};
use crate::api::client::Target;
use crate::api::{FOR_TOOLS, LookupRequest};
use crate::model::{Ceiling, ObservableKind, Tlp};
use crate::node::error::Exit;
use crate::node::view::LookupView;
use std::collections::BTreeMap;

/// Tell what is known of values: exactly, of parent and sub domains, of networks, of URLs on a host
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// The values, defanged or not; `-` reads lines from standard input
    #[arg(required = true, value_name = "VALUE")]
    values: Vec<String>,
    /// Their kind; where it is not given they are looked up under each that they can have
    #[arg(long, value_parser = input::kinds())]
    kind: Option<ObservableKind>,
    /// Answer as to somebody who may have nothing more restricted than this label
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp_max: Option<Tlp>,
}

const ABOUT: &str = "Tell what is known of values: exactly, of parent and sub domains, of networks, of URLs on a host

MATCH says how a record was found: exact · parent (a domain above) · subdomain · network (the address lies in it) · in_network (it lies in \
the network) · on_host (a URL on the domain or address, an e-mail address at the domain) · on_subdomain · on_network (a URL on an address in \
the network) · pattern (it stands in a pattern).

RECORD is this node's own id for the record; to others it says nothing. `show` has the log and position of each, which are the same everywhere.

Ends with 0 also when nothing is known, and with 2 when none can be a value, or one of the kind that was given.";

const EXAMPLES: &str = "Examples:
  watchfire lookup weather4free.com 'mail[.]weather4free[.]com' 192.0.2.7";

/// What a restored node says of what it finds.
pub(super) const UNCONFIRMED: &str = "note: this node was restored and does not know yet what was recalled since; do not pass this on";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let ask = LookupRequest {
        values: input::values(&args.values)?,
        kind: args.kind,
        ceiling: args.tlp_max.map(|tlp| Ceiling { tlp, ..FOR_TOOLS }),
    };
    let found: Vec<LookupView> = desk.node().post(Target::new(&["lookup"]), &ask).await?;
    if found.iter().any(|one| one.unconfirmed && !one.matches.is_empty()) {
        output::say(UNCONFIRMED);
    }
    output::answer(desk, &found, |found| text(found))?;
    Ok(exit(&found))
}

/// A matter of usage when none of it could be looked up. That a value is not known is an answer.
pub(super) fn exit(found: &[LookupView]) -> Exit {
    if !found.is_empty() && found.iter().all(|one| one.problem.is_some()) { Exit::Usage } else { Exit::Done }
}

pub(super) fn text(found: &[LookupView]) -> String {
    let mut text = String::new();
    for one in found {
        let records = one.matches.len() as u64 + one.more;
        let said = match (&one.problem, records) {
            (Some(problem), _) => plain(problem),
            (None, 0) => match &one.unclear {
                Some(why) => format!("not known as any kind of value ({})", plain(why)),
                None => "not known".into(),
            },
            (None, number) if one.more_at_least => format!("at least {}", count(number, "record")),
            (None, number) => count(number, "record"),
        };
        text += &format!("{}: {said}\n", plain(&one.query));
        let rows = one.matches.iter().map(|found| {
            let (kind, tlp) = (found.kind.to_string(), found.label.to_string());
            [
                format!("  {}", found.r#match),
                kind,
                found.value.clone(),
                found.author_name.clone(),
                tlp,
                found.state.clone(),
                found.record.to_string(),
            ]
        });
        text += &table(["  MATCH", "KIND", "VALUE", "AUTHOR", "TLP", "STATE", "RECORD"], rows.collect());
        for (record, reason) in one.matches.iter().filter_map(|found| Some((found.record, found.reason.as_ref()?))) {
            text += &format!("  {record} was withdrawn: {}\n", plain(reason));
        }
        for found in one.matches.iter().filter(|found| found.confidence.is_some() || found.opinions.is_some()) {
            let confidence = found.confidence_now.map(|now| sighting::confidence(found.confidence, now));
            let parts: Vec<String> = confidence.into_iter().chain(found.opinions.as_ref().map(sighting::opinions)).collect();
            text += &format!("  {}: {}\n", found.record, parts.join(" · "));
        }
        let standings = one.matches.iter().filter(|found| found.opinions.is_some() || found.disputed);
        let standings = standings.filter_map(|found| Some((&found.value, sighting::standing(found.organisations, found.disputed)?)));
        for (value, standing) in standings.collect::<BTreeMap<_, _>>() {
            text += &format!("  {}: {standing}\n", plain(value));
        }
        if one.more > 0 {
            text += &format!("  and {}{} more\n", if one.more_at_least { "at least " } else { "" }, one.more);
        }
    }
    text
}
