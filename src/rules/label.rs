//! Labels: which label may go to which audience, and who may pass what on. Deny by default.

use crate::model::group::{Defined, Definition, Roster, Visibility};
use crate::model::identity::Card;
use crate::model::log::{AbsentReason, Audience, Batch, Branch, Checkpoint, Entry, LogKey};
use crate::model::record::{SignedRecall, SignedReceipt};
use crate::model::{OrgId, RecordKind, Timestamp, Tlp};

/// The version of these rules, written into every disclosure.
pub const RULES_VERSION: u32 = 2;

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
    /// A peer whose digits nobody here has confirmed.
    Unconfirmed,
    /// A group in whose definition in force we are a member.
    Group(&'a Definition),
    /// A group in whose newest definition we are not.
    FormerGroup,
    /// A group that waits for a word of the people here, or that they have left.
    GroupNotAccepted,
    /// Nobody we know.
    Unknown,
}

/// Why something may not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// TLP:RED is for individual recipients.
    #[error("TLP:RED never goes to a group\nhint: share it with one peer, or choose amber+strict")]
    RedToGroup,
    /// TLP:GREEN lets its readers pass it on within their community, and this group is a closed circle.
    #[error(
        "TLP:GREEN moves within a community, and this group is not one\nhint: choose amber, which stays with its members; its owner makes it one with `watchfire group community`"
    )]
    GreenOutsideCommunity,
    /// The audience is not a peer or group that we know, so it is nobody.
    #[error("the audience is not a peer or a group of ours\nhint: `watchfire peer list` and `watchfire group list` show them")]
    UnknownAudience,
    /// The peer is suspended.
    #[error("the peer is suspended\nhint: `watchfire peer resume` opens the link again")]
    Suspended,
    /// The pairing is not confirmed here.
    #[error("the pairing is not confirmed here\nhint: compare the digits by voice, then `watchfire peer confirm`")]
    Unconfirmed,
    /// The group's definition was not confirmed for 14 days.
    #[error("the group's definition was not confirmed for 14 days\nhint: its owner's node confirms it when it is reached again")]
    StaleGroup,
    /// We are not a member of the group any more.
    #[error("we are not a member of that group any more\nhint: `watchfire group show` names its owner; ask there")]
    NotAMember,
    /// Nobody here has taken us into the group.
    #[error("we do not take part in that group\nhint: `watchfire group accept` changes that")]
    NotAccepted,
    /// It takes the word of two people, and there is nobody at the desk.
    #[error(
        "TLP:RED leaves by the word of two people, and this desk has no users yet\nhint: `watchfire user add NAME --role director` adds the first; docs/desk.md says more"
    )]
    NobodyAtTheDesk,
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
    /// It was said before the reader joined a group that gives new members no history.
    #[error("it was said before the reader joined, and the group gives no history")]
    BeforeJoining,
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
        AudienceState::Unconfirmed => Err(Withheld::Unconfirmed),
        AudienceState::FormerGroup => Err(Withheld::NotAMember),
        AudienceState::GroupNotAccepted => Err(Withheld::NotAccepted),
        AudienceState::Group(_) if tlp == Tlp::Red => Err(Withheld::RedToGroup),
        AudienceState::Group(definition) if !definition.has(us) => Err(Withheld::NotAMember),
        AudienceState::Group(definition) if !definition.is_fresh(now) => Err(Withheld::StaleGroup),
        AudienceState::Group(definition) => may_enter(tlp, definition),
    }
}

/// Whether a label may stand in a group's log. TLP:RED is for single recipients. TLP:GREEN lets each reader pass a record on within its
/// community, so whoever chose a closed circle would say less with the group than with the label: only a community takes it. CLEAR
/// may go anywhere; AMBER and AMBER+STRICT stay with the members, whatever the group is.
///
/// # Errors
/// The reason, when it may not.
pub fn may_enter(tlp: Tlp, group: &Definition) -> Result<(), Withheld> {
    match tlp {
        Tlp::Red => Err(Withheld::RedToGroup),
        Tlp::Green if !group.community => Err(Withheld::GreenOutsideCommunity),
        Tlp::Clear | Tlp::Green | Tlp::Amber | Tlp::AmberStrict => Ok(()),
    }
}

/// Whether a whole log may be offered to a reader: ours to its audience, or another member's group log to a member.
///
/// # Errors
/// The reason, when it may not.
pub fn may_offer(log: &LogKey, us: &OrgId, reader: &OrgId, group: Option<&Definition>) -> Result<(), Withheld> {
    #[cfg(feature = "simulation")]
    if crate::simulation::planted(crate::simulation::Bug::SkipEntitlement) {
        return Ok(());
    }
    match (log.audience, group) {
        (Audience::Direct(to), _) if log.author == *us && to == *reader => Ok(()),
        // A reader may fetch its own tail back from whoever held it.
        (Audience::Direct(to), _) if log.author == *reader && to == *us => Ok(()),
        (Audience::Group(_), Some(definition)) if definition.has(reader) && definition.has(us) => match definition.visibility {
            Visibility::Visible => Ok(()),
            // Members of a hidden group send to its owner (or deputy) alone; the owner's own log goes to all of them.
            Visibility::Hidden
                if (log.author == *us || log.author == *reader) && (definition.is_head(reader) || definition.is_head(us)) =>
            {
                Ok(())
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

/// Of which log, from whom and to whom: what the rules look at before anything of a log is sent.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The log.
    pub log: &'a LogKey,
    /// Who would send it.
    pub us: &'a OrgId,
    /// Who would get it.
    pub reader: &'a OrgId,
    /// The definition in force of the log's group, with everyone in it that we know.
    pub group: Option<&'a Definition>,
    /// The number of the definition with which the reader joined: what was signed under an earlier one is not for it. 0 where all is: in
    /// direct logs, for a log's own author, and in groups that give new members their history.
    pub joined: u64,
    /// The time. On a definition that its signer has not confirmed for long nothing is sent: who has left since is not known here.
    pub now: Timestamp,
}

impl Way<'_> {
    fn open(&self) -> Result<(), Withheld> {
        may_offer(self.log, self.us, self.reader, self.group)
    }

    fn fresh(&self) -> Result<(), Withheld> {
        let its_own = self.log.author == *self.reader;
        let fresh = self.group.is_none_or(|group| group.is_fresh(self.now));
        if its_own || fresh { Ok(()) } else { Err(Withheld::StaleGroup) }
    }

    /// Whether the body of an entry may go this way. TLP:RED is in no group's log of ours; if it is all the same, it does not leave.
    fn body(&self, kind: u8, tlp: Tlp) -> Result<(), Withheld> {
        if self.log.author == *self.us && matches!(self.log.audience, Audience::Group(_)) && tlp == Tlp::Red {
            return Err(Withheld::RedToGroup);
        }
        may_send_body(kind, tlp, &self.log.author, self.us, self.reader)
    }

    fn since_joining(&self, signed_under: u64) -> Result<(), Withheld> {
        if signed_under < self.joined { Err(Withheld::BeforeJoining) } else { Ok(()) }
    }
}

/// A held batch as it may be sent to a reader: bodies that this node may not pass on give way to their hashes.
///
/// # Errors
/// The reason, when the reader may not have the log at all, or not these entries of it.
pub fn outbound(held: Held<Batch>, way: &Way<'_>) -> Result<Outbound<Batch>, Withheld> {
    way.open()?;
    way.fresh()?;
    let Held(batch) = held;
    way.since_joining(batch.checkpoint.definition)?;
    let withheld: Vec<u64> =
        batch.entries.iter().zip(batch.first..).filter(|(entry, _)| way.body(entry.kind, entry.tlp).is_err()).map(|(_, seq)| seq).collect();
    if withheld.is_empty() {
        return Ok(Outbound(batch));
    }
    Ok(Outbound(batch.without(|seq| withheld.binary_search(&seq).is_ok().then_some(AbsentReason::Withheld))))
}

/// The checkpoint at which a log starts for a reader: the author signed it under a definition without the reader.
///
/// # Errors
/// The reason, when the reader may not have the log, or may have what comes before.
pub fn outbound_start(held: Held<Checkpoint>, way: &Way<'_>) -> Result<Outbound<Checkpoint>, Withheld> {
    way.open()?;
    way.fresh()?;
    match way.since_joining(held.0.definition) {
        Err(Withheld::BeforeJoining) => Ok(Outbound(held.0)),
        _ => Err(Withheld::NotInAudience),
    }
}

/// An entry whose body a reader asked for; `signed_under` is the definition that its checkpoint names.
///
/// # Errors
/// The reason, when the reader may not have the log, or this body of it.
pub fn outbound_entry(held: Held<Entry>, signed_under: u64, way: &Way<'_>) -> Result<Outbound<Entry>, Withheld> {
    way.open()?;
    way.fresh()?;
    way.since_joining(signed_under)?;
    let Held(entry) = held;
    way.body(entry.header.kind, entry.header.tlp)?;
    Ok(Outbound(entry))
}

/// Our history of a log, for a reader that holds another.
///
/// # Errors
/// The reason, when the reader may not have the log, or not this part of it.
pub fn outbound_branch(held: Held<Branch>, way: &Way<'_>) -> Result<Outbound<Branch>, Withheld> {
    way.open()?;
    way.since_joining(held.0.checkpoint.definition)?;
    Ok(Outbound(held.0))
}

/// A recall, ours or another's, for whoever may hold the log that it is about. Ours also for a reader that has left the audience since
/// and has `acknowledged` what it recalls.
///
/// # Errors
/// The reason, when it does not concern the reader.
pub fn outbound_recall(
    held: Held<SignedRecall>,
    us: &OrgId,
    reader: &OrgId,
    group: Option<&Definition>,
    acknowledged: bool,
) -> Result<Outbound<SignedRecall>, Withheld> {
    let Held(recall) = held;
    if recall.author == *reader {
        return Err(Withheld::NotInAudience);
    }
    let log = LogKey { author: recall.author, incarnation: 0, audience: recall.audience };
    match may_offer(&log, us, reader, group) {
        Err(_) if recall.author == *us && acknowledged => Ok(Outbound(recall)),
        verdict => verdict.map(|()| Outbound(recall)),
    }
}

/// Our receipt for a recall, which is its author's alone.
///
/// # Errors
/// When it is not ours, or the reader is not the author.
pub fn outbound_receipt(held: Held<SignedReceipt>, us: &OrgId, reader: &OrgId) -> Result<Outbound<SignedReceipt>, Withheld> {
    let for_its_author = held.0.holder == *us && held.0.author == *reader;
    if for_its_author { Ok(Outbound(held.0)) } else { Err(Withheld::NotInAudience) }
}

/// A group's definition as a reader may see it. `whole` is the definition in force with everyone in it.
///
/// # Errors
/// When it shows more than the reader may know: a hidden group's other members, or a group's members to one that is none.
pub fn outbound_definition(held: Held<Defined>, whole: &Definition, us: &OrgId, reader: &OrgId) -> Result<Outbound<Defined>, Withheld> {
    let Held(defined) = held;
    let shown = defined.get();
    let same = shown.group == whole.group && shown.number == whole.number && whole.has(us);
    let is_member = whole.has(reader);
    let in_full = is_member && shown.visibility == Visibility::Visible && whole.visibility == Visibility::Visible;
    let may_know = |org: &OrgId| whole.is_head(org) || (is_member && org == reader);
    let no_more_than_due = shown.signer == *us && shown.members.iter().all(|member| may_know(&member.org));
    if same && (in_full || no_more_than_due) { Ok(Outbound(defined)) } else { Err(Withheld::NotInAudience) }
}

/// The whole list of a hidden group's members, from the head that signs for the group to the other head: so that a deputy can take over,
/// and an owner that was away learns what its deputy did. Nobody else ever gets it.
///
/// # Errors
/// When the reader is not the other head, or the group is not ours to sign.
pub fn outbound_roster(held: Held<Roster>, whole: &Definition, us: &OrgId, reader: &OrgId) -> Result<Outbound<Roster>, Withheld> {
    let Held(Roster(defined)) = held;
    let shown = defined.get();
    let same = shown.group == whole.group && shown.number == whole.number;
    let ours = whole.visibility == Visibility::Hidden && whole.signer == *us && shown.signer == *us;
    if same && ours && reader != us && whole.is_head(reader) && whole.has(reader) {
        Ok(Outbound(Roster(defined)))
    } else {
        Err(Withheld::NotInAudience)
    }
}

/// Our own card, for a peer. Another's card is only ever sent inside a group's definition.
///
/// # Errors
/// When it is not ours.
pub fn outbound_card(held: Held<Card>, us: &OrgId) -> Result<Outbound<Card>, Withheld> {
    if held.0.org() == *us { Ok(Outbound(held.0)) } else { Err(Withheld::NotInAudience) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GroupId;
    use crate::model::crypto::SigningKey;
    use crate::model::group::{CONFIRMED_MS_MAX, Member, SignedDefinition, group_id};
    use crate::model::log::{BatchEntry, Head, salt};

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
            let definition = Definition { community: true, ..definition.clone() };
            let verdict = may_release(tlp, AudienceState::Group(&definition), &US, Timestamp(0));
            assert_eq!(verdict.is_err(), tlp == Tlp::Red, "{tlp}");
            assert_eq!(may_release(tlp, AudienceState::Peer { open: true }, &US, Timestamp(0)), Ok(()));
        }
    }

    #[test]
    fn nobody_is_the_audience_by_default() {
        for tlp in Tlp::ALL {
            let closed = |state| may_release(tlp, state, &US, Timestamp(0)).unwrap_err();
            assert_eq!(closed(AudienceState::Unknown), Withheld::UnknownAudience);
            assert_eq!(closed(AudienceState::Unconfirmed), Withheld::Unconfirmed);
            assert_eq!(closed(AudienceState::FormerGroup), Withheld::NotAMember);
            assert_eq!(closed(AudienceState::GroupNotAccepted), Withheld::NotAccepted);
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
    fn green_moves_within_a_community_alone() {
        let closed = group(Visibility::Visible);
        let community = Definition { community: true, ..closed.clone() };
        for tlp in Tlp::ALL {
            let into = |group| may_release(tlp, AudienceState::Group(group), &US, Timestamp(0));
            let expected = match tlp {
                Tlp::Red => [Err(Withheld::RedToGroup), Err(Withheld::RedToGroup)],
                Tlp::Green => [Err(Withheld::GreenOutsideCommunity), Ok(())],
                _ => [Ok(()), Ok(())],
            };
            assert_eq!([into(&closed), into(&community)], expected, "{tlp}");
        }
    }

    fn way<'a>(log: &'a LogKey, reader: &'a OrgId, group: &'a Definition, joined: u64) -> Way<'a> {
        Way { log, us: &US, reader, group: Some(group), joined, now: Timestamp(0) }
    }

    #[test]
    fn what_was_signed_before_a_reader_joined_is_not_for_it_however_it_asks() {
        let group = group(Visibility::Visible);
        let log = LogKey { author: US, incarnation: 1, audience: Audience::Group(group.group) };
        let key = SigningKey::from_seed([7; 32]);
        let entry = BatchEntry {
            created: Timestamp(1),
            kind: 1,
            tlp: Tlp::Amber,
            retention: Timestamp(0),
            body: crate::model::log::Body::Present(vec![1]),
        };
        let batch = Batch::seal(log.id(), Head::default(), vec![entry], [5; 32], Timestamp(1), 4, &key).unwrap();
        let header = batch.headers(log.id(), Head::default()).unwrap().remove(0);
        let entry = Entry { header, body: batch.entries[0].body.clone(), salt: Some(salt(&[5; 32], 1)) };
        let branch = Branch { from: batch.checkpoint.head, headers: vec![], checkpoint: batch.checkpoint.clone() };
        for (joined, open) in [(0, true), (4, true), (5, false)] {
            let way = way(&log, &THIRD, &group, joined);
            assert_eq!(outbound(Held(batch.clone()), &way).is_ok(), open, "{joined}");
            assert_eq!(outbound_entry(Held(entry.clone()), 4, &way).is_ok(), open, "{joined}");
            assert_eq!(outbound_branch(Held(branch.clone()), &way).is_ok(), open, "{joined}");
            assert_eq!(outbound_start(Held(batch.checkpoint.clone()), &way).is_ok(), !open, "{joined}");
        }
        let late = Way { now: Timestamp(CONFIRMED_MS_MAX + 1), ..way(&log, &THIRD, &group, 0) };
        assert_eq!(outbound(Held(batch.clone()), &late).map(drop), Err(Withheld::StaleGroup), "nor is anything on a stale definition");
        assert_eq!(outbound_entry(Held(entry), 4, &late).map(drop), Err(Withheld::StaleGroup));
        let stranger = OrgId([9; 32]);
        let way = way(&log, &stranger, &group, 5);
        assert!(outbound_start(Held(batch.checkpoint.clone()), &way).is_err(), "a stranger learns of no checkpoint");
        assert!(outbound_branch(Held(branch), &Way { joined: 0, ..way }).is_err(), "nor of a history");
    }

    #[test]
    fn a_red_body_of_ours_leaves_no_group_log_even_if_it_stands_there() {
        let group = group(Visibility::Visible);
        let key = SigningKey::from_seed([7; 32]);
        for (audience, leaves) in [(Audience::Group(group.group), false), (Audience::Direct(PEER), true)] {
            let log = LogKey { author: US, incarnation: 1, audience };
            let body = crate::model::log::Body::Present(vec![1]);
            let entry = BatchEntry { created: Timestamp(1), kind: 1, tlp: Tlp::Red, retention: Timestamp(0), body };
            let batch = Batch::seal(log.id(), Head::default(), vec![entry], [5; 32], Timestamp(1), 0, &key).unwrap();
            let header = batch.headers(log.id(), Head::default()).unwrap().remove(0);
            let entry = Entry { header, body: batch.entries[0].body.clone(), salt: Some(salt(&[5; 32], 1)) };
            let way = way(&log, &PEER, &group, 0);
            assert_eq!(outbound_entry(Held(entry), 0, &way).is_ok(), leaves);
            let sent = outbound(Held(batch), &way).unwrap();
            assert_eq!(matches!(sent.get().entries[0].body, crate::model::log::Body::Present(_)), leaves);
        }
    }

    #[test]
    fn a_recall_goes_to_whom_it_concerns_and_not_back_to_its_author() {
        let group = group(Visibility::Visible);
        let recall = |author, audience| Held(SignedRecall { author, audience, statement: vec![], signature: vec![] });
        let to_group = Audience::Group(group.group);
        assert!(outbound_recall(recall(US, to_group), &US, &PEER, Some(&group), false).is_ok());
        assert!(outbound_recall(recall(PEER, to_group), &US, &THIRD, Some(&group), false).is_ok());
        assert!(outbound_recall(recall(PEER, to_group), &US, &PEER, Some(&group), true).is_err());
        for (former, group) in [(OrgId([9; 32]), Some(&group)), (PEER, None)] {
            assert!(outbound_recall(recall(US, to_group), &US, &former, group, false).is_err());
            assert!(outbound_recall(recall(US, to_group), &US, &former, group, true).is_ok(), "a former member that has it");
            assert!(outbound_recall(recall(THIRD, to_group), &US, &former, group, true).is_err(), "from its author alone");
        }
        assert!(outbound_recall(recall(US, Audience::Direct(PEER)), &US, &PEER, None, false).is_ok());
        assert!(outbound_recall(recall(US, Audience::Direct(PEER)), &US, &THIRD, None, false).is_err());
        let receipt = |holder, author| Held(SignedReceipt { holder, author, statement: vec![], signature: vec![] });
        assert!(outbound_receipt(receipt(US, PEER), &US, &PEER).is_ok());
        assert!(outbound_receipt(receipt(US, PEER), &US, &THIRD).is_err());
        assert!(outbound_receipt(receipt(THIRD, PEER), &US, &PEER).is_err());
    }

    #[test]
    fn a_hidden_groups_members_are_shown_to_its_other_head_alone() {
        let whole = Definition { deputy: Some(PEER), ..group(Visibility::Hidden) };
        let shown = |members: &[OrgId]| {
            let members = members.iter().map(|org| Member { org: *org, card: vec![] }).collect();
            let definition = Definition { members, ..whole.clone() };
            let signed = SignedDefinition::sign(vec![], &SigningKey::from_seed([1; 32]));
            Defined::read(signed, |_| Ok::<_, ()>(definition)).unwrap()
        };
        let (all, due) = (shown(&[US, PEER, THIRD]), shown(&[US, PEER]));
        for reader in [PEER, THIRD] {
            assert!(outbound_definition(Held(all.clone()), &whole, &US, &reader).is_ok() == (reader == THIRD), "heads and the reader");
            assert!(outbound_definition(Held(due.clone()), &whole, &US, &reader).is_ok());
            assert!(outbound_roster(Held(Roster(all.clone())), &whole, &US, &reader).is_ok() == (reader == PEER));
        }
        assert!(outbound_definition(Held(due), &whole, &PEER, &THIRD).is_err(), "only its signer shows it");
        assert!(outbound_roster(Held(Roster(all)), &group(Visibility::Visible), &US, &PEER).is_err());
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

    #[test]
    fn what_is_withheld_says_why() {
        let cases = [
            (Withheld::RedToGroup, "TLP:RED never goes to a group\nhint: share it with one peer, or choose amber+strict"),
            (
                Withheld::GreenOutsideCommunity,
                "TLP:GREEN moves within a community, and this group is not one\nhint: choose amber, which stays with its members; its owner makes it one with `watchfire group community`",
            ),
            (
                Withheld::UnknownAudience,
                "the audience is not a peer or a group of ours\nhint: `watchfire peer list` and `watchfire group list` show them",
            ),
            (Withheld::Suspended, "the peer is suspended\nhint: `watchfire peer resume` opens the link again"),
            (Withheld::Unconfirmed, "the pairing is not confirmed here\nhint: compare the digits by voice, then `watchfire peer confirm`"),
            (Withheld::NotAccepted, "we do not take part in that group\nhint: `watchfire group accept` changes that"),
            (
                Withheld::StaleGroup,
                "the group's definition was not confirmed for 14 days\nhint: its owner's node confirms it when it is reached again",
            ),
            (Withheld::NotAMember, "we are not a member of that group any more\nhint: `watchfire group show` names its owner; ask there"),
            (
                Withheld::NobodyAtTheDesk,
                "TLP:RED leaves by the word of two people, and this desk has no users yet\nhint: `watchfire user add NAME --role director` adds the first; docs/desk.md says more",
            ),
            (Withheld::Recalled, "we recalled this value, so it is not shared again"),
            (Withheld::TooLong, "it is longer than an entry may be\nhint: shorten the note, or split the pattern"),
            (Withheld::NotInAudience, "the reader is not in the audience"),
            (Withheld::NotRelayed, "the label forbids passing it on"),
            (Withheld::BeforeJoining, "it was said before the reader joined, and the group gives no history"),
        ];
        crate::texts::all_say(include_str!("label.rs"), "Withheld", &cases);
    }
}
