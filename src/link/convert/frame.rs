//! What stands in frames beside batches: what is held, checkpoints, bodies that were asked for, branches of a log.

use super::{Malformed, fixed, wire};
use crate::model::crypto::sha256_framed;
use crate::model::log::{Audience, Branch, Checkpoint, Head, Header, LogKey};
use crate::model::{EntryHash, GroupId, LogId, OrgId, Timestamp};

/// A log as one side says it holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// The log.
    pub key: LogKey,
    /// Where it stands there.
    pub head: Head,
}

/// A group's definition as one side says it holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupState {
    /// The group.
    pub group: GroupId,
    /// The number of the definition in force there.
    pub number: u64,
    /// The number of the newest whole list of a hidden group's members that is held there; 0 for none.
    pub roster: u64,
}

/// Logs in one frame, so that it stays under 64 KiB.
const LOGS_PER_FRAME: usize = 300;
/// Most logs and groups that one side may say it holds in one frame.
const LOGS_MAX: usize = 1_000;

/// The frames that tell what we hold.
pub fn have_frames(logs: &[LogState], groups: &[GroupState]) -> Vec<wire::Frame> {
    let mut frames: Vec<wire::Have> =
        logs.chunks(LOGS_PER_FRAME).map(|logs| wire::Have { logs: logs.iter().map(wire_log).collect(), ..Default::default() }).collect();
    if frames.is_empty() {
        frames.push(wire::Have::default());
    }
    for groups in groups.chunks(LOGS_PER_FRAME) {
        let group = |one: &GroupState| wire::have::Group { id: one.group.0.to_vec(), number: one.number, roster: one.roster };
        frames.push(wire::Have { groups: groups.iter().map(group).collect(), ..Default::default() });
    }
    if let Some(last) = frames.last_mut() {
        last.complete = true;
    }
    frames.into_iter().map(|have| wire::Frame { frame: Some(wire::frame::Frame::Have(have)) }).collect()
}

/// The same frames from a node that holds back after a restore, which it says.
pub fn holding_back(mut frames: Vec<wire::Frame>) -> Vec<wire::Frame> {
    for frame in &mut frames {
        if let Some(wire::frame::Frame::Have(have)) = &mut frame.frame {
            have.holds_back = have.complete;
        }
    }
    frames
}

fn wire_log(log: &LogState) -> wire::have::Log {
    let (direct, group) = match log.key.audience {
        Audience::Direct(org) => (org.0.to_vec(), Vec::new()),
        Audience::Group(group) => (Vec::new(), group.0.to_vec()),
    };
    wire::have::Log {
        author: log.key.author.0.to_vec(),
        incarnation: log.key.incarnation,
        direct,
        group,
        size: log.head.size,
        head: log.head.hash.0.to_vec(),
    }
}

/// What one side says it holds: logs, and group definitions.
pub type Holdings = (Vec<LogState>, Vec<GroupState>);

/// The digest that stands for a whole `Have` in a hello: what one organisation holds of all that it shares with another, and with how much
/// credit it asks for more. It names its sender before its receiver, so that nobody passes without knowing the list: our own, sent
/// back to us, is another.
pub fn digest_of_holdings(from: &OrgId, to: &OrgId, credit: u64, (logs, groups): &Holdings) -> [u8; 16] {
    let mut logs: Vec<_> = logs.iter().map(|log| (log.key.id().0, log.head.size.to_be_bytes(), log.head.hash.0)).collect();
    logs.sort_unstable();
    let logs: Vec<u8> = logs.into_iter().flat_map(|(id, size, head)| [&id[..], &size, &head].concat()).collect();
    let mut groups: Vec<_> = groups.iter().map(|one| (one.group.0, one.number.to_be_bytes(), one.roster.to_be_bytes())).collect();
    groups.sort_unstable();
    let groups: Vec<u8> = groups.into_iter().flat_map(|(id, number, roster)| [&id[..], &number, &roster].concat()).collect();
    let whole = sha256_framed("watchfire/holds/v1", &[&from.0, &to.0, &credit.to_be_bytes(), &logs, &groups]);
    let mut digest = [0; 16];
    digest.copy_from_slice(&whole[..16]);
    digest
}

/// What the other side says it holds: logs, and the numbers of group definitions.
///
/// # Errors
/// When a field has not its length, or there are too many.
pub fn read_have(have: &wire::Have) -> Result<Holdings, Malformed> {
    if have.logs.len() > LOGS_MAX || have.groups.len() > LOGS_MAX {
        return Err(Malformed("too many logs in one frame"));
    }
    let logs = have.logs.iter().map(read_log).collect::<Result<_, _>>()?;
    let group = |one: &wire::have::Group| {
        let group = GroupId(fixed(&one.id, "a group id has 32 bytes")?);
        Ok(GroupState { group, number: one.number, roster: one.roster })
    };
    Ok((logs, have.groups.iter().map(group).collect::<Result<_, Malformed>>()?))
}

fn read_log(log: &wire::have::Log) -> Result<LogState, Malformed> {
    let audience = match (log.direct.as_slice(), log.group.as_slice()) {
        (direct, []) => Audience::Direct(OrgId(fixed(direct, "an organisation id has 32 bytes")?)),
        ([], group) => Audience::Group(GroupId(fixed(group, "a group id has 32 bytes")?)),
        _ => return Err(Malformed("a log has one audience")),
    };
    let author = OrgId(fixed(&log.author, "an organisation id has 32 bytes")?);
    let hash = EntryHash(fixed(&log.head, "an entry hash has 32 bytes")?);
    Ok(LogState { key: LogKey { author, incarnation: log.incarnation, audience }, head: Head { size: log.size, hash } })
}

/// A log id from the wire.
///
/// # Errors
/// When it has not 32 bytes.
pub fn log_id(bytes: &[u8]) -> Result<LogId, Malformed> {
    fixed(bytes, "a log id has 32 bytes").map(LogId)
}

/// A checkpoint for the wire; its log is told beside it.
pub fn wire_checkpoint(checkpoint: &Checkpoint) -> wire::Checkpoint {
    wire::Checkpoint {
        size: checkpoint.head.size,
        head: checkpoint.head.hash.0.to_vec(),
        time: checkpoint.time.0,
        definition: checkpoint.definition,
        signature: checkpoint.signature.to_vec(),
    }
}

/// A checkpoint from the wire. Its signature is not checked here.
///
/// # Errors
/// When a field has not its length.
pub fn read_checkpoint(log: LogId, wire: &wire::Checkpoint) -> Result<Checkpoint, Malformed> {
    if wire.size > i64::MAX as u64 {
        return Err(Malformed("no log has so many entries"));
    }
    Ok(Checkpoint {
        log,
        head: Head { size: wire.size, hash: EntryHash(fixed(&wire.head, "an entry hash has 32 bytes")?) },
        time: Timestamp(wire.time),
        definition: wire.definition,
        signature: fixed(&wire.signature, "a signature has 64 bytes")?,
    })
}

/// A body that was asked for: position, salt, body.
pub type SaltedBody = (u64, [u8; 32], Vec<u8>);

/// Bodies that were asked for.
///
/// # Errors
/// When a field has not its length.
pub fn read_bodies(bodies: wire::Bodies) -> Result<(LogId, Vec<SaltedBody>), Malformed> {
    let log = log_id(&bodies.log)?;
    let items = bodies.items.into_iter().map(|item| Ok((item.seq, fixed(&item.salt, "a salt has 32 bytes")?, item.body)));
    Ok((log, items.collect::<Result<_, Malformed>>()?))
}

/// What a header says beyond its place: created, kind, label, retention, body hash and length. 54 bytes, so that a batch's headers fit
/// one frame.
const HEADER_REST: usize = 54;
/// Where in an encoded header that begins: after version, log, position and the hash before.
const HEADER_PLACE: usize = Header::LENGTH - HEADER_REST;

/// One history of a log for the wire.
pub(super) fn wire_branch(branch: &Branch) -> wire::Conflict {
    let headers = branch.headers.iter().flat_map(|header| header.encode().into_iter().skip(HEADER_PLACE)).collect();
    let checkpoint = Some(wire_checkpoint(&branch.checkpoint));
    let wire = wire::conflict::Branch { hash: branch.from.hash.0.to_vec(), headers, checkpoint };
    wire::Conflict { log: branch.checkpoint.log.0.to_vec(), size: branch.from.size, branch: Some(wire) }
}

/// One history of a log from the wire. Whether it holds is not checked here.
///
/// # Errors
/// When a field has not its length.
pub fn read_branch(conflict: &wire::Conflict) -> Result<Branch, Malformed> {
    let branch = conflict.branch.as_ref().ok_or(Malformed("a conflict without its branch"))?;
    let log = log_id(&conflict.log)?;
    let from = Head { size: conflict.size, hash: EntryHash(fixed(&branch.hash, "an entry hash has 32 bytes")?) };
    let chunks = branch.headers.chunks_exact(HEADER_REST);
    if !chunks.remainder().is_empty() {
        return Err(Malformed("a header is cut off"));
    }
    let (mut at, mut headers) = (from, Vec::new());
    for chunk in chunks {
        let seq = at.size.checked_add(1).ok_or(Malformed("a position beyond the last one"))?;
        let mut bytes = vec![Header::VERSION];
        for part in [log.0.as_slice(), &seq.to_be_bytes(), &at.hash.0, chunk] {
            bytes.extend_from_slice(part);
        }
        let header = Header::decode(&bytes).map_err(|_| Malformed("not an entry header"))?;
        at = Head { size: seq, hash: header.hash() };
        headers.push(header);
    }
    let checkpoint = read_checkpoint(log, branch.checkpoint.as_ref().ok_or(Malformed("a branch without checkpoint"))?)?;
    Ok(Branch { from, headers, checkpoint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_survives_the_wire() {
        let key = LogKey { author: OrgId([1; 32]), incarnation: 3, audience: Audience::Direct(OrgId([2; 32])) };
        let logs: Vec<_> = (0..700)
            .map(|n| LogState { key: LogKey { incarnation: n, ..key }, head: Head { size: n, hash: EntryHash([n as u8; 32]) } })
            .collect();
        let groups = vec![GroupState { group: GroupId([4; 32]), number: 7, roster: 6 }];
        let mut got = (Vec::new(), Vec::new());
        for frame in have_frames(&logs, &groups) {
            assert!(prost::Message::encoded_len(&frame) <= 64 << 10);
            let Some(wire::frame::Frame::Have(have)) = frame.frame else { panic!("only what is held") };
            let (logs, groups) = read_have(&have).unwrap();
            got.0.extend(logs);
            got.1.extend(groups);
        }
        assert_eq!(got, (logs, groups));
    }

    #[test]
    fn the_digest_of_what_is_held_tells_every_difference_and_not_the_order() {
        let (here, there) = (OrgId([1; 32]), OrgId([2; 32]));
        let log = |n: u8| {
            let key = LogKey { author: here, incarnation: n.into(), audience: Audience::Direct(there) };
            LogState { key, head: Head { size: n.into(), hash: EntryHash([n; 32]) } }
        };
        let group = |n: u8| GroupState { group: GroupId([n; 32]), number: n.into(), roster: 0 };
        let holdings = (vec![log(1), log(2)], vec![group(1), group(2)]);
        let of = |holdings: &Holdings| digest_of_holdings(&here, &there, 7, holdings);
        let turned = (vec![log(2), log(1)], vec![group(2), group(1)]);
        assert_eq!(of(&holdings), of(&turned));
        let changed = |change: &dyn Fn(&mut Holdings)| {
            let mut other = holdings.clone();
            change(&mut other);
            of(&other)
        };
        let all = [
            of(&holdings),
            digest_of_holdings(&there, &here, 7, &holdings),
            digest_of_holdings(&here, &there, 8, &holdings),
            of(&Holdings::default()),
            changed(&|(logs, _)| logs.truncate(1)),
            changed(&|(logs, _)| logs[0].head.size += 1),
            changed(&|(logs, _)| logs[0].head.hash = EntryHash([9; 32])),
            changed(&|(logs, _)| logs[0].key.incarnation += 7),
            changed(&|(logs, _)| logs[0].key.audience = Audience::Group(GroupId(there.0))),
            changed(&|(_, groups)| groups.truncate(1)),
            changed(&|(_, groups)| groups[0].number += 1),
            changed(&|(_, groups)| groups[0].roster += 1),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
