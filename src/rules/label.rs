//! Labels: which label may go to which audience, and who may pass what on. Deny by default.

use crate::model::group::{Definition, Visibility};
use crate::model::log::{AbsentReason, Audience, Batch, LogKey};
use crate::model::{OrgId, RecordKind, Timestamp, Tlp};

/// The version of these rules, written into every disclosure.
pub const RULES_VERSION: u32 = 1;

/// What counts for a record that neither its source nor the one who imports it marks.
pub const UNMARKED: Tlp = Tlp::AmberStrict;

/// What an audience is, as far as the rules look at it.
#[derive(Debug, Clone, Copy)]
pub enum AudienceState<'a> {
    /// A peer that both sides have confirmed; `open` is false while it is suspended.
    Peer {
        /// Whether links to it are open.
        open: bool,
    },
    /// A group in whose definition in force we are a member.
    Group(&'a Definition),
    /// Nobody we know.
    Unknown,
}

/// Why something may not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// TLP:RED is for individual recipients.
    #[error("TLP:RED never goes to a group\nhint: share it with one peer, or choose amber+strict")]
    RedToGroup,
    /// The audience is not a peer or group that we know, so it is nobody.
    #[error("the audience is not a peer or a group of ours\nhint: `watchfire peer list` and `watchfire group list` show them")]
    UnknownAudience,
    /// The peer is suspended.
    #[error("the peer is suspended\nhint: `watchfire peer resume` opens the link again")]
    Suspended,
    /// The group's definition was not confirmed for 14 days.
    #[error("the group's definition was not confirmed for 14 days\nhint: its owner's node confirms it when it is reached again")]
    StaleGroup,
    /// We are not a member of the group.
    #[error("we are not a member of that group")]
    NotAMember,
    /// The author recalled this value itself.
    #[error("we recalled this value, so it is not shared again")]
    Recalled,
    /// It does not fit an entry.
    #[error("it is longer than an entry may be\nhint: shorten the note, or split the pattern")]
    TooLong,
    /// The reader is not in the audience.
    #[error("the reader is not in the audience")]
    NotInAudience,
    /// The label forbids passing it on.
    #[error("the label forbids passing it on")]
    NotRelayed,
}

/// Whether a record of ours with this label may be released to this audience.
///
/// # Errors
/// The reason, when it may not.
pub fn may_release(tlp: Tlp, audience: AudienceState<'_>, us: &OrgId, now: Timestamp) -> Result<(), Withheld> {
    match audience {
        AudienceState::Unknown => Err(Withheld::UnknownAudience),
        AudienceState::Peer { open: false } => Err(Withheld::Suspended),
        AudienceState::Peer { open: true } => Ok(()),
        AudienceState::Group(_) if tlp == Tlp::Red => Err(Withheld::RedToGroup),
        AudienceState::Group(definition) if !definition.has(us) => Err(Withheld::NotAMember),
        AudienceState::Group(definition) if !definition.is_fresh(now) => Err(Withheld::StaleGroup),
        AudienceState::Group(_) => Ok(()),
    }
}

/// Whether a whole log may be offered to a reader: ours to its audience, or another member's group log to a member.
///
/// # Errors
/// The reason, when it may not.
pub fn may_offer(log: &LogKey, us: &OrgId, reader: &OrgId, group: Option<&Definition>) -> Result<(), Withheld> {
    match (log.audience, group) {
        (Audience::Direct(to), _) if log.author == *us && to == *reader => Ok(()),
        // A reader may fetch its own tail back from whoever held it.
        (Audience::Direct(to), _) if log.author == *reader && to == *us => Ok(()),
        (Audience::Group(_), Some(definition)) if definition.has(reader) && definition.has(us) => match definition.visibility {
            Visibility::Visible => Ok(()),
            // Members of a hidden group send to its owner (or deputy) alone; the owner's own log goes to all of them.
            Visibility::Hidden if log.author == *us || log.author == *reader => {
                let to_head = *reader == definition.owner || Some(*reader) == definition.deputy;
                let from_head = *us == definition.owner || Some(*us) == definition.deputy;
                if to_head || from_head { Ok(()) } else { Err(Withheld::NotInAudience) }
            }
            Visibility::Hidden => Err(Withheld::NotInAudience),
        },
        _ => Err(Withheld::NotInAudience),
    }
}

/// Whether the body of an entry with this label may be sent to a reader of its log. The author may always; a relay only up to AMBER.
///
/// # Errors
/// The reason, when it may not.
pub fn may_send_body(kind: u8, tlp: Tlp, author: &OrgId, us: &OrgId, reader: &OrgId) -> Result<(), Withheld> {
    let first_hand = author == us || author == reader;
    // What a member takes back, who has complied, and with which key a log goes on must reach every other member.
    let about_entries = [RecordKind::Withdrawal, RecordKind::Receipt, RecordKind::KeyChange].iter().any(|one| one.number() == kind);
    if first_hand || about_entries || tlp <= Tlp::Amber { Ok(()) } else { Err(Withheld::NotRelayed) }
}

/// Something that a store holds: nothing can send it.
#[derive(Debug, Clone)]
pub struct Held<T>(pub T);

/// Something that may be sent to one reader. Made by [`outbound`] alone, at each send.
///
/// ```compile_fail,E0423
/// // Nothing outside the rules makes one.
/// let forged = watchfire::rules::label::Outbound(0);
/// ```
#[derive(Debug)]
pub struct Outbound<T>(T);

impl<T> Outbound<T> {
    /// What may be sent.
    pub fn get(&self) -> &T {
        &self.0
    }
}

/// A held batch as it may be sent to a reader: bodies that this node may not pass on give way to their hashes.
///
/// # Errors
/// The reason, when the reader may not have the log at all.
pub fn outbound(
    held: Held<Batch>,
    log: &LogKey,
    us: &OrgId,
    reader: &OrgId,
    group: Option<&Definition>,
) -> Result<Outbound<Batch>, Withheld> {
    may_offer(log, us, reader, group)?;
    let Held(batch) = held;
    let withheld: Vec<u64> = batch
        .entries
        .iter()
        .zip(batch.first..)
        .filter(|(entry, _)| may_send_body(entry.kind, entry.tlp, &log.author, us, reader).is_err())
        .map(|(_, seq)| seq)
        .collect();
    if withheld.is_empty() {
        return Ok(Outbound(batch));
    }
    Ok(Outbound(batch.without(|seq| withheld.binary_search(&seq).is_ok().then_some(AbsentReason::Withheld))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;
    use crate::model::group::{CONFIRMED_MS_MAX, Member, group_id};

    const US: OrgId = OrgId([1; 32]);
    const PEER: OrgId = OrgId([2; 32]);
    const THIRD: OrgId = OrgId([3; 32]);

    fn group(visibility: Visibility) -> Definition {
        Definition {
            group: group_id(&US, &[0; 16]),
            nonce: [0; 16],
            number: 1,
            owner: US,
            deputy: None,
            name: String::new(),
            visibility,
            community: false,
            history: true,
            members: [US, PEER, THIRD].map(|org| Member { org, card: vec![] }).to_vec(),
            confirmed: Timestamp(0),
            signer: US,
            appointment: None,
        }
    }

    #[test]
    fn a_red_record_never_enters_a_group_log() {
        let definition = group(Visibility::Visible);
        for tlp in Tlp::ALL {
            let verdict = may_release(tlp, AudienceState::Group(&definition), &US, Timestamp(0));
            assert_eq!(verdict.is_err(), tlp == Tlp::Red, "{tlp}");
            assert_eq!(may_release(tlp, AudienceState::Peer { open: true }, &US, Timestamp(0)), Ok(()));
        }
    }

    #[test]
    fn nobody_is_the_audience_by_default() {
        for tlp in Tlp::ALL {
            assert_eq!(may_release(tlp, AudienceState::Unknown, &US, Timestamp(0)), Err(Withheld::UnknownAudience));
        }
        let stale = Timestamp(CONFIRMED_MS_MAX + 1);
        assert_eq!(may_release(Tlp::Clear, AudienceState::Group(&group(Visibility::Visible)), &US, stale), Err(Withheld::StaleGroup));
    }

    #[test]
    fn a_direct_log_is_offered_to_its_reader_and_its_author_alone() {
        let log = |author, to| LogKey { author, incarnation: 1, audience: Audience::Direct(to) };
        assert_eq!(may_offer(&log(US, PEER), &US, &PEER, None), Ok(()));
        assert_eq!(may_offer(&log(PEER, US), &US, &PEER, None), Ok(()));
        assert!(may_offer(&log(US, PEER), &US, &THIRD, None).is_err());
        assert!(may_offer(&log(PEER, US), &US, &THIRD, None).is_err());
    }

    #[test]
    fn a_group_log_is_relayed_among_members_of_a_visible_group_alone() {
        let log = |author| LogKey { author, incarnation: 1, audience: Audience::Group(group(Visibility::Visible).group) };
        let visible = group(Visibility::Visible);
        let hidden = group(Visibility::Hidden);
        assert_eq!(may_offer(&log(PEER), &US, &THIRD, Some(&visible)), Ok(()));
        assert!(may_offer(&log(PEER), &US, &OrgId([9; 32]), Some(&visible)).is_err());
        assert!(may_offer(&log(PEER), &US, &THIRD, None).is_err());
        assert!(may_offer(&log(PEER), &US, &THIRD, Some(&hidden)).is_err(), "the owner re-releases, it does not relay");
        assert_eq!(may_offer(&log(US), &US, &THIRD, Some(&hidden)), Ok(()));
        assert!(may_offer(&log(PEER), &PEER, &THIRD, Some(&hidden)).is_err(), "members of a hidden group send to the owner alone");
        assert_eq!(may_offer(&log(PEER), &PEER, &US, Some(&hidden)), Ok(()));
        let other = LogKey { audience: Audience::Group(GroupId([9; 32])), ..log(US) };
        assert!(may_offer(&other, &US, &THIRD, None).is_err());
    }

    #[test]
    fn a_relay_passes_on_up_to_amber() {
        for tlp in Tlp::ALL {
            assert_eq!(may_send_body(1, tlp, &PEER, &US, &THIRD).is_ok(), tlp <= Tlp::Amber, "{tlp}");
            assert_eq!(may_send_body(RecordKind::Withdrawal.number(), tlp, &PEER, &US, &THIRD), Ok(()));
            assert_eq!(may_send_body(RecordKind::KeyChange.number(), tlp, &PEER, &US, &THIRD), Ok(()));
            assert_eq!(may_send_body(1, tlp, &US, &US, &THIRD), Ok(()));
        }
    }
}
