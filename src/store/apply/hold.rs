//! What is held: kept apart, undone without a trace, and taken out in the very transaction in which it leaves.

use super::release::decided_for;
use super::{Applied, Tx};
use crate::model::ReleaseId;
use crate::rules::disclosed::Line;
use crate::rules::release::Disclosure;
use crate::store::body::is_body;
use crate::store::change::{Outcome, Refused, ReleaseItem};
use crate::store::codec::Row;
use crate::store::error::{Damaged, Fault};
use crate::store::find;
use crate::store::hold::{HeldRow, HoldRow, pack};
use crate::store::rows::DisclosureRow;
use redb::ReadableTable;

impl Tx<'_> {
    pub(super) fn hold(&mut self, id: &ReleaseId, row: &HoldRow, part: Option<&(u32, Vec<ReleaseItem>)>, new: bool) -> Applied<Outcome> {
        if let Some((_, items)) = part {
            decided_for(&row.audience, items)?;
        }
        if !new && self.t.holds.get(&id.0)?.is_none() {
            return Err(Refused::NotHeld.into());
        }
        if let Some((part, items)) = part {
            self.put_part(id, *part, items)?;
        }
        self.put_hold(id, row)
    }

    /// The row, or nothing where nothing is left to wait for.
    fn put_hold(&mut self, id: &ReleaseId, row: &HoldRow) -> Applied<Outcome> {
        if row.parts.is_empty() && !row.filling {
            self.t.holds.remove(&id.0)?;
        } else {
            self.t.holds.insert(&id.0, row.encode().as_slice())?;
        }
        Ok(Outcome::Done)
    }

    fn put_part(&mut self, id: &ReleaseId, part: u32, items: &[ReleaseItem]) -> Applied<()> {
        let bytes = pack(items);
        if let Some(there) = find::row::<HeldRow, _, Fault>(&self.t.held, "held", (&id.0, part))? {
            if is_body::<Fault>(&self.t.bodies, there.body, &bytes)? {
                return Ok(());
            }
            self.destroy_body(there.body)?;
            self.t.held.remove((&id.0, part))?;
        }
        if !items.is_empty() {
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let row = HeldRow { body: self.put_body(&bytes)?, count };
            self.t.held.insert((&id.0, part), row.encode().as_slice())?;
        }
        Ok(())
    }

    /// A hold is undone: its bodies are destroyed, and nothing else was ever made of it.
    pub(super) fn unhold(&mut self, id: &ReleaseId) -> Applied<Outcome> {
        let mut parts = Vec::new();
        for row in self.t.held.range((&id.0, 0)..=(&id.0, u32::MAX))? {
            let (key, bytes) = row?;
            parts.push((key.value().1, find::decoded::<HeldRow>("held", &key.value(), bytes.value())?));
        }
        for (part, row) in parts {
            self.destroy_body(row.body)?;
            self.t.held.remove((&id.0, part))?;
        }
        self.t.holds.remove(&id.0)?;
        Ok(Outcome::Done)
    }

    /// A part leaves: what the newest disclosures say of this release must be what was previewed, byte for byte.
    pub(super) fn let_go(&mut self, id: &ReleaseId, part: u32) -> Applied<Outcome> {
        let row = find::row::<HoldRow, _, Fault>(&self.t.holds, "holds", &id.0)?;
        let held = find::row::<HeldRow, _, Fault>(&self.t.held, "held", (&id.0, part))?;
        let (Some(mut row), Some(held)) = (row, held) else { return Err(Refused::NotHeld.into()) };
        let lines = row.parts.remove(&part).ok_or_else(|| Damaged { table: "holds", key: id.to_string() })?;
        if row.waits_for_a_person() || !self.is_disclosed(id, &row, &lines)? {
            return Err(Refused::OtherBytes.into());
        }
        self.destroy_body(held.body)?;
        self.t.held.remove((&id.0, part))?;
        row.left += lines.iter().map(|line| line.count).sum::<u64>();
        self.put_hold(id, &row)
    }

    fn is_disclosed(&self, id: &ReleaseId, row: &HoldRow, lines: &[Line]) -> Applied<bool> {
        let last = self.counters.disclosure;
        let numbers = last.saturating_sub(lines.len() as u64) + 1..=last;
        let mut said = Vec::with_capacity(lines.len());
        for n in numbers {
            let written: Option<DisclosureRow> = find::row::<_, _, Fault>(&self.t.disclosures, "disclosures", n)?;
            let line = written.and_then(|row| serde_json::from_str::<Disclosure>(&row.line).ok());
            said.extend(line);
        }
        let is_this = |(said, line): (&Disclosure, &Line)| {
            let particulars = &said.particulars;
            said.audience == row.audience
                && (particulars.release, particulars.whole) == (Some(*id), Some(row.digest))
                && (said.label, said.kind, said.count, said.digest) == (line.label, line.kind, line.count, line.digest)
        };
        Ok(said.len() == lines.len() && said.iter().zip(lines).all(is_this))
    }
}
