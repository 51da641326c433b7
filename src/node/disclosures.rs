//! What left: searched, checked, and given out for others to check.

use std::collections::BTreeMap;
use std::io::Write;

use super::second::named;
use super::status::Names;
use super::view::{ChainView, DisclosureRange, DisclosureView, MemberView};
use super::{Node, NodeError};
use crate::model::log::Audience;
use crate::model::{Observable, RecordId, RecordKind, Timestamp};
use crate::rules::disclosed::{Broken, Chain, Exported, is_among};
use crate::rules::release::{Disclosure, Particulars};
use crate::store::{DisclosureLine, Snapshot};
use data_encoding::{BASE64, HEXLOWER};

/// How many disclosures are listed at once.
const LISTED_MAX: u64 = 1_000;
/// How many lines are read at a time.
const LINES: u64 = 1_000;

/// What a line is looked for by.
struct Wanted {
    record: Option<RecordId>,
    to: Option<Audience>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Wanted {
    fn takes(&self, snapshot: &Snapshot, n: u64, line: &Disclosure) -> Result<bool, NodeError> {
        let to = match self.to {
            Some(Audience::Direct(org)) => line.audience == Audience::Direct(org) || line.particulars.recipients.contains(&org),
            Some(group @ Audience::Group(_)) => line.audience == group,
            None => true,
        };
        let in_time = self.since.is_none_or(|since| line.at >= since) && self.until.is_none_or(|until| line.at <= until);
        if !to || !in_time {
            return Ok(false);
        }
        let Some(record) = self.record else { return Ok(true) };
        Ok(snapshot.disclosed(n)?.is_some_and(|packed| is_among(&packed, &record)))
    }
}

impl Node {
    /// What left, to whom, under which label and which rules: a look through the lines, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read, or what is looked for is no record, value, peer or group.
    pub fn disclosures(&self, range: DisclosureRange) -> Result<Vec<DisclosureView>, NodeError> {
        let snapshot = self.store.snapshot()?;
        let (names, people) = (Names::of(&snapshot)?, Self::user_names(&snapshot)?);
        let limit = if (1..=LISTED_MAX).contains(&range.limit) { range.limit } else { LISTED_MAX };
        let record = range.record.as_deref().map(|text| self.record_looked_for(text)).transpose()?;
        let to = range.to.as_deref().map(|name| self.audience(name)).transpose()?;
        let wanted = Wanted { record, to, since: range.since, until: range.until };
        let (mut from, mut views) = (range.from.max(1), Vec::new());
        loop {
            let lines = snapshot.disclosures(from..=from.saturating_add(LINES - 1))?;
            let Some(last) = lines.last().map(|line| line.n) else { return Ok(views) };
            for line in lines {
                let disclosure = read(&line)?;
                if wanted.takes(&snapshot, line.n, &disclosure)? {
                    views.push(view(&line, disclosure, &names, &people));
                }
                if views.len() as u64 == limit {
                    return Ok(views);
                }
            }
            from = last.saturating_add(1);
        }
    }

    /// A record of ours by its id or value, whether or not it is held any more.
    fn record_looked_for(&self, text: &str) -> Result<RecordId, NodeError> {
        if let Ok(record) = text.parse() {
            return Ok(record);
        }
        let observable = Observable::guess(text).map_err(|error| NodeError::BadInput(error.to_string()))?;
        Ok(self.record_id(&self.org(), &observable))
    }

    /// Checks the chain of disclosures in the store, to its end, and that a head that was written down is in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn verify_disclosures(&self, head: Option<[u8; 32]>) -> Result<ChainView, NodeError> {
        let snapshot = self.store.snapshot()?;
        let mut check = Check::for_head(head);
        each(&snapshot, |line, records| {
            check.take(line.n, &line.json, &line.hash, records.as_deref());
            Ok(!check.is_broken())
        })?;
        Ok(check.end())
    }

    /// Writes every disclosure as a line of JSON that [`verify_file`] reads without a node.
    ///
    /// # Errors
    /// When the store cannot be read or `out` takes no more.
    pub fn export_disclosures(&self, out: &mut dyn Write) -> Result<(), NodeError> {
        let snapshot = self.store.snapshot()?;
        let failed = |error| NodeError::io("write the disclosures", error);
        each(&snapshot, |line, records| {
            let records = records.map(|packed| BASE64.encode(&packed));
            let line = Exported { number: line.n, hash: line.hash, line: line.json, records };
            serde_json::to_writer(&mut *out, &line).map_err(|error| failed(error.into()))?;
            out.write_all(b"\n").map_err(failed)?;
            Ok(true)
        })
    }
}

/// Every line with its packed ids, until `take` wants no more.
fn each(snapshot: &Snapshot, mut take: impl FnMut(DisclosureLine, Option<Vec<u8>>) -> Result<bool, NodeError>) -> Result<(), NodeError> {
    let mut from = 1;
    loop {
        let lines = snapshot.disclosures(from..=from.saturating_add(LINES - 1))?;
        let Some(last) = lines.last().map(|line| line.n) else { return Ok(()) };
        for line in lines {
            let records = snapshot.disclosed(line.n)?;
            if !take(line, records)? {
                return Ok(());
            }
        }
        from = last.saturating_add(1);
    }
}

/// Checks the lines of a file that [`Node::export_disclosures`] wrote.
pub fn verify_file(lines: impl Iterator<Item = std::io::Result<String>>, head: Option<[u8; 32]>) -> std::io::Result<ChainView> {
    let mut check = Check::for_head(head);
    for line in lines {
        let line = line?;
        let read: Option<(Exported, Option<Vec<u8>>)> =
            serde_json::from_str(&line).ok().and_then(|line: Exported| line.ids().map(|ids| (line, ids)));
        match read {
            Some((line, ids)) => check.take(line.number, &line.line, &line.hash, ids.as_deref()),
            None => check.stop(Broken::Unreadable { position: check.chain.next() }),
        }
        if check.is_broken() {
            break;
        }
    }
    Ok(check.end())
}

/// A chain that is checked.
struct Check {
    chain: Chain,
    /// The head that was written down, until it is passed.
    awaited: Option<[u8; 32]>,
    broken: Option<Broken>,
}

impl Check {
    fn for_head(head: Option<[u8; 32]>) -> Self {
        Self { chain: Chain::default(), awaited: head, broken: None }
    }

    fn take(&mut self, number: u64, line: &str, hash: &[u8; 32], records: Option<&[u8]>) {
        match self.chain.follow(number, line, hash, records) {
            Ok(_) if self.awaited == Some(*hash) => self.awaited = None,
            Ok(_) => {}
            Err(broken) => self.stop(broken),
        }
    }

    fn stop(&mut self, broken: Broken) {
        self.broken = Some(broken);
    }

    const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    fn end(self) -> ChainView {
        let Self { chain, awaited, broken } = self;
        let broken = broken.or(awaited.map(|_| Broken::Head));
        let position = broken.as_ref().and_then(Broken::position);
        let head = HEXLOWER.encode(&chain.head);
        ChainView { ok: broken.is_none(), count: chain.count, head, problem: broken.map(|broken| broken.to_string()), position }
    }
}

fn read(line: &DisclosureLine) -> Result<Disclosure, NodeError> {
    serde_json::from_str(&line.json).map_err(|error| NodeError::StoreDamaged(format!("disclosure {}: {error}", line.n)))
}

fn view(line: &DisclosureLine, disclosure: Disclosure, names: &Names, people: &BTreeMap<String, String>) -> DisclosureView {
    let Disclosure { at, audience, label, kind, count, digest, rules, now, particulars } = disclosure;
    let Particulars { release, whole, recipients, retention, by, approved_by, replaced, records: _ } = particulars;
    let recipient = |org| MemberView { org_id: org, name: names.known(&org) };
    DisclosureView {
        number: line.n,
        at,
        audience: audience.to_string(),
        audience_name: names.audience(&audience),
        label,
        kind: RecordKind::from_number(kind).map_or_else(|| format!("kind {kind}"), |kind| kind.name().to_owned()),
        count,
        digest: HEXLOWER.encode(&digest),
        rules,
        now,
        release,
        release_digest: whole.map(|digest| HEXLOWER.encode(&digest)),
        recipients: recipients.into_iter().map(recipient).collect(),
        retention,
        by: named(people, by),
        approved_by: named(people, approved_by),
        replaced,
        hash: HEXLOWER.encode(&line.hash),
    }
}
