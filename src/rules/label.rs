//! Labels: which label may go to which audience, and who may pass what on. Deny by default.

use super::may::{About, Action, To, may};
use super::policy::Allowance;
use crate::model::duplicate::Said;
use crate::model::group::{Defined, Definition, Roster, Visibility};
use crate::model::identity::Card;
use crate::model::log::{AbsentReason, Audience, Batch, BatchEntry, Branch, Checkpoint, Entry, Header, LogKey};
use crate::model::record::{SignedRecall, SignedReceipt};
use crate::model::{Ceiling, OrgId, Timestamp, Tlp};
use crate::rules::addressee::Trace;

/// The version of these rules, written into every disclosure.
pub const RULES_VERSION: u32 = 3;

/// What counts for a record that neither its source nor the one who imports it marks.
pub const UNMARKED: Tlp = Tlp::AmberStrict;

/// What an audience is, as far as the rules look at it.
#[derive(Debug, Clone, Copy)]
pub enum AudienceState<'a> {
    /// A peer that both sides have confirmed; `open` is false while it is suspended.
    Peer {
        /// Whether links to it are open.
        open: bool,
        /// What it may hold.
        allowance: Allowance,
    },
    /// A peer whose digits nobody here has confirmed.
    Unconfirmed,
    /// A group in whose definition in force we are a member.
    Group {
        /// The definition.
        definition: &'a Definition,
        /// How far the group may go.
        ceiling: Ceiling,
    },
    /// A group in whose newest definition we are not.
    FormerGroup,
    /// A group that waits for a word of the people here, or that they have left.
    GroupNotAccepted,
    /// Nobody we know.
    Unknown,
}

impl AudienceState<'_> {
    /// A peer with an open link that may hold whatever a label lets it hold.
    pub const OPEN: Self = Self::Peer { open: true, allowance: Allowance::OPEN };
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
        "TLP:RED and RESTRICTED leave by the word of two people, and this desk has no users yet\nhint: `watchfire user add NAME --role director` adds the first; docs/desk.md says more"
    )]
    NobodyAtTheDesk,
    /// The author recalled this value itself.
    #[error("we recalled this value, so it is not shared again")]
    Recalled,
    /// It does not fit an entry.
    #[error("it is longer than an entry may be\nhint: shorten the note, or split the pattern")]
    TooLong,
    /// Its value tells whom it was sent to, and without that no indicator is left.
    #[error("its value tells whom it was sent to, by {0}\nhint: share the host or the domain above it alone, where that is the attacker's")]
    Addressee(Trace),
    /// The value is no attacker's.
    #[error("{why}\nhint: {hint}")]
    NotAnAttackers {
        /// What decided, without a victim's name.
        why: String,
        /// The way out.
        hint: &'static str,
    },
    /// A person has to say yes, and has not.
    #[error("it needs a person's word: {0}\nhint: `watchfire holds` shows what waits for one")]
    NeedsWord(String),
    /// The reader is not in the audience.
    #[error("the reader is not in the audience")]
    NotInAudience,
    /// The label forbids passing it on.
    #[error("the label forbids passing it on")]
    NotRelayed,
    /// It was said before the reader joined a group that gives new members no history.
    #[error("it was said before the reader joined, and the group gives no history")]
    BeforeJoining,
    /// It was sealed under a definition of the group that is newer than the one held here: who was removed with it is not known here.
    #[error("it was sealed under a definition of the group that has not come here yet")]
    DefinitionToCome,
    /// No agreement with the peer covers the label.
    #[error("no agreement with them covers this label\nhint: `watchfire policy show` says what they may hold; a new policy changes it")]
    NoAgreement,
    /// The agreement with the peer has ended.
    #[error("the agreement with them has ended, so they may hold only what is public\nhint: `watchfire policy show` says since when")]
    AgreementEnded,
    /// The label is above the group's ceiling.
    #[error("the label is above the ceiling of that group\nhint: `watchfire policy show` names it; share it with single peers instead")]
    AboveGroupCeiling,
    /// The label is above what may be written there.
    #[error("the label is above what may be written there")]
    AboveCeiling,
    /// Coordinators see counts.
    #[error("a coordinator sees counts, never content")]
    CountsAlone,
    /// Nobody but the named may know that there is one more.
    #[error("TLP:RED and RESTRICTED records are in no published count")]
    NotCounted,
    /// Its retention date has passed.
    #[error("its retention date has passed")]
    Expired,
    /// Lists or settings of the gate changed while it was held.
    #[error(
        "the gate would let it out as something else by now\nhint: `watchfire undo` it and share it again; the preview shows what leaves then"
    )]
    Changed,
    /// No rule allows this action for those.
    #[error("no rule allows that for them")]
    NotThisWay,
    /// Nothing says that the person agreed to it.
    #[error("there is no consent for it\nhint: a case leaves under a consent alone; `watchfire refer --help` shows how it is given")]
    NoConsent,
    /// The consent has ended.
    #[error("the consent has ended\nhint: ask the person anew, and refer it with the new consent")]
    ConsentExpired,
    /// The consent does not name the recipient.
    #[error("the consent does not name this recipient\nhint: ask the person, and name it among `recipients`")]
    NotConsented,
    /// The consent is for indicators alone.
    #[error("the consent is for indicators alone\nhint: share the indicators; the case stays here")]
    IndicatorsOnly,
    /// It came under a consent that does not allow to pass it on.
    #[error(
        "it came under a consent that does not allow to pass it on\nhint: `watchfire hand-back` gives it back, and its `--text` can say who could take it"
    )]
    NotOnward,
    /// The consent says nothing of platforms.
    #[error("the consent does not allow to tell a platform\nhint: ask the person, and refer it with `platforms = true` in the new consent")]
    NoPlatforms,
    /// It would travel under more than the person agreed to.
    #[error("it would travel under more than was agreed to\nhint: nothing widens a consent but a new one")]
    WiderConsent,
    /// A referral is for one organisation.
    #[error("it is for one organisation alone, and this is a group\nhint: `watchfire call` asks a group, without anything of the case")]
    ReferralToGroup,
    /// A call for help asks a group.
    #[error("a call for help asks a group, and this is one organisation\nhint: `watchfire refer` hands a case to one")]
    CallToOne,
    /// Whoever volunteers says so to the caller alone.
    #[error("whoever volunteers says so to the caller alone, and this is a group\nhint: pair with the caller first")]
    VolunteerToGroup,
    /// What was met is told to those who have the record already.
    #[error(
        "a sighting is for the author of what was met, the group that has it, or that group's head\nhint: `watchfire show` tells who says it"
    )]
    SightingElsewhere,
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
    /// What the reader may hold.
    pub allowance: Allowance,
    /// The time. On a definition that its signer has not confirmed for long nothing is sent: who has left since is not known here.
    pub now: Timestamp,
}

impl Way<'_> {
    fn open(&self) -> Result<(), Withheld> {
        may_offer(self.log, self.us, self.reader, self.group)
    }

    /// Whether the group's definition is fresh enough to send anything on it; an author's own goes back to it all the same.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn fresh(&self) -> Result<(), Withheld> {
        let its_own = self.log.author == *self.reader;
        let fresh = self.group.is_none_or(|group| group.is_fresh(self.now));
        if its_own || fresh { Ok(()) } else { Err(Withheld::StaleGroup) }
    }

    /// Whether the body of an entry may go this way.
    fn body(&self, about: &About) -> Result<(), Withheld> {
        let first_hand = self.log.author == *self.us || self.log.author == *self.reader;
        let action = if first_hand { Action::Send } else { Action::Relay };
        may(action, about, &To::Reader(self), self.now).map(drop)
    }

    fn since_joining(&self, signed_under: u64) -> Result<(), Withheld> {
        if signed_under < self.joined { Err(Withheld::BeforeJoining) } else { Ok(()) }
    }

    /// Whether we know who was in the group when something of another's was sealed. A relay that is behind would pass it on to members who had
    /// been removed by then. An author knows whom it wrote for, and its own goes back to it all the same.
    ///
    /// # Errors
    /// When the definition that it was sealed under has not come.
    fn defined(&self, sealed_under: u64) -> Result<(), Withheld> {
        let relayed = self.log.author != *self.reader && self.log.author != *self.us;
        let known = self.group.is_none_or(|group| sealed_under <= group.number);
        if relayed && !known { Err(Withheld::DefinitionToCome) } else { Ok(()) }
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
    way.defined(batch.checkpoint.definition)?;
    way.since_joining(batch.checkpoint.definition)?;
    let withheld: Vec<u64> =
        batch.entries.iter().zip(batch.first..).filter(|(entry, _)| way.body(&about_entry(entry)).is_err()).map(|(_, seq)| seq).collect();
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
    way.defined(signed_under)?;
    way.since_joining(signed_under)?;
    let Held(entry) = held;
    let Header { label, kind, retention, .. } = entry.header;
    way.body(&About { label, kind, retention })?;
    Ok(Outbound(entry))
}

const fn about_entry(entry: &BatchEntry) -> About {
    let BatchEntry { label, kind, retention, .. } = *entry;
    About { label, kind, retention }
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

/// What is said of a check for a duplicate, for a peer with an open link and for nobody else.
///
/// # Errors
/// When the reader is none.
pub fn outbound_duplicate(held: Held<Said>, reader: AudienceState<'_>) -> Result<Outbound<Said>, Withheld> {
    match reader {
        AudienceState::Peer { open: true, .. } => Ok(Outbound(held.0)),
        AudienceState::Peer { open: false, .. } => Err(Withheld::Suspended),
        AudienceState::Unconfirmed => Err(Withheld::Unconfirmed),
        _ => Err(Withheld::UnknownAudience),
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
    use crate::model::crypto::SigningKey;
    use crate::model::group::{CONFIRMED_MS_MAX, Member, SignedDefinition, group_id};
    use crate::model::log::{BatchEntry, Head, salt};
    use crate::model::{GroupId, RecordKind};

    const US: OrgId = OrgId([1; 32]);

    fn about(kind: u8, tlp: Tlp) -> About {
        About { label: tlp.into(), kind, retention: Timestamp(0) }
    }

    fn may_release(tlp: Tlp, state: AudienceState<'_>, us: &OrgId, now: Timestamp) -> Result<(), Withheld> {
        may(Action::Release, &about(1, tlp), &To::Audience { state, us }, now).map(drop)
    }

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
            members: [US, PEER, THIRD].map(|org| Member { org, card: vec![], since: 0 }).to_vec(),
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
            let verdict = may_release(tlp, AudienceState::Group { definition: &definition, ceiling: Ceiling::NONE }, &US, Timestamp(0));
            assert_eq!(verdict.is_err(), tlp == Tlp::Red, "{tlp}");
            assert_eq!(may_release(tlp, AudienceState::OPEN, &US, Timestamp(0)), Ok(()));
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
        assert_eq!(
            may_release(Tlp::Clear, AudienceState::Group { definition: &group(Visibility::Visible), ceiling: Ceiling::NONE }, &US, stale),
            Err(Withheld::StaleGroup)
        );
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
            let into = |group| may_release(tlp, AudienceState::Group { definition: group, ceiling: Ceiling::NONE }, &US, Timestamp(0));
            let expected = match tlp {
                Tlp::Red => [Err(Withheld::RedToGroup), Err(Withheld::RedToGroup)],
                Tlp::Green => [Err(Withheld::GreenOutsideCommunity), Ok(())],
                _ => [Ok(()), Ok(())],
            };
            assert_eq!([into(&closed), into(&community)], expected, "{tlp}");
        }
    }

    fn way<'a>(log: &'a LogKey, reader: &'a OrgId, group: &'a Definition, joined: u64) -> Way<'a> {
        Way { log, us: &US, reader, group: Some(group), joined, allowance: Allowance::OPEN, now: Timestamp(0) }
    }

    /// A batch of one entry in a group's log, sealed under a definition, and that entry.
    fn sealed(log: &LogKey, definition: u64) -> (Batch, Entry) {
        let body = crate::model::log::Body::Present(vec![1]);
        let entry = BatchEntry { created: Timestamp(1), kind: 1, label: Tlp::Amber.into(), retention: Timestamp(0), body };
        let key = SigningKey::from_seed([7; 32]);
        let batch = Batch::seal(log.id(), Head::default(), vec![entry], [5; 32], Timestamp(1), definition, &key).unwrap();
        let header = batch.headers(log.id(), Head::default()).unwrap().remove(0);
        let entry = Entry { header, body: batch.entries[0].body.clone(), salt: Some(salt(&[5; 32], 1)) };
        (batch, entry)
    }

    #[test]
    fn a_relay_waits_for_the_definition_under_which_something_was_sealed() {
        let group = Definition { number: 4, ..group(Visibility::Visible) };
        let log = |author| LogKey { author, incarnation: 1, audience: Audience::Group(group.group) };
        for (sealed_under, known) in [(3, true), (4, true), (5, false)] {
            for (author, reader, goes) in [(PEER, THIRD, known), (PEER, PEER, true), (US, THIRD, true)] {
                let log = log(author);
                let (batch, entry) = sealed(&log, sealed_under);
                let way = way(&log, &reader, &group, 0);
                assert_eq!(outbound(Held(batch.clone()), &way).is_ok(), goes, "{sealed_under}");
                assert_eq!(outbound_entry(Held(entry.clone()), sealed_under, &way).is_ok(), goes, "{sealed_under}");
            }
        }
    }

    #[test]
    fn what_was_signed_before_a_reader_joined_is_not_for_it_however_it_asks() {
        let group = Definition { number: 5, ..group(Visibility::Visible) };
        let log = LogKey { author: US, incarnation: 1, audience: Audience::Group(group.group) };
        let (batch, entry) = sealed(&log, 4);
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
            let entry = BatchEntry { created: Timestamp(1), kind: 1, label: Tlp::Red.into(), retention: Timestamp(0), body };
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
            let members = members.iter().map(|org| Member { org: *org, card: vec![], since: 0 }).collect();
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
        let group = group(Visibility::Visible);
        let log = |author| LogKey { author, incarnation: 1, audience: Audience::Group(group.group) };
        let (theirs, ours) = (log(PEER), log(US));
        for tlp in Tlp::ALL {
            let (relay, send) = (way(&theirs, &THIRD, &group, 0), way(&ours, &THIRD, &group, 0));
            assert_eq!(relay.body(&about(1, tlp)).is_ok(), tlp <= Tlp::Amber, "{tlp}");
            assert_eq!(relay.body(&about(RecordKind::Withdrawal.number(), tlp)), Ok(()));
            assert_eq!(relay.body(&about(RecordKind::KeyChange.number(), tlp)), Ok(()));
            assert_eq!(send.body(&about(1, tlp)).is_ok(), tlp != Tlp::Red);
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
                "TLP:RED and RESTRICTED leave by the word of two people, and this desk has no users yet\nhint: `watchfire user add NAME --role director` adds the first; docs/desk.md says more",
            ),
            (Withheld::Recalled, "we recalled this value, so it is not shared again"),
            (Withheld::TooLong, "it is longer than an entry may be\nhint: shorten the note, or split the pattern"),
            (
                Withheld::Addressee(Trace::Token),
                "its value tells whom it was sent to, by a token\nhint: share the host or the domain above it alone, where that is the attacker's",
            ),
            (
                Withheld::NotAnAttackers { why: "it is a private address".into(), hint: "leave it out" },
                "it is a private address\nhint: leave it out",
            ),
            (
                Withheld::NeedsWord("it is on a list".into()),
                "it needs a person's word: it is on a list\nhint: `watchfire holds` shows what waits for one",
            ),
            (Withheld::NotInAudience, "the reader is not in the audience"),
            (Withheld::NotRelayed, "the label forbids passing it on"),
            (Withheld::BeforeJoining, "it was said before the reader joined, and the group gives no history"),
            (Withheld::DefinitionToCome, "it was sealed under a definition of the group that has not come here yet"),
            (
                Withheld::NoAgreement,
                "no agreement with them covers this label\nhint: `watchfire policy show` says what they may hold; a new policy changes it",
            ),
            (
                Withheld::AgreementEnded,
                "the agreement with them has ended, so they may hold only what is public\nhint: `watchfire policy show` says since when",
            ),
            (
                Withheld::AboveGroupCeiling,
                "the label is above the ceiling of that group\nhint: `watchfire policy show` names it; share it with single peers instead",
            ),
            (Withheld::AboveCeiling, "the label is above what may be written there"),
            (Withheld::CountsAlone, "a coordinator sees counts, never content"),
            (Withheld::NotCounted, "TLP:RED and RESTRICTED records are in no published count"),
            (Withheld::Expired, "its retention date has passed"),
            (
                Withheld::Changed,
                "the gate would let it out as something else by now\nhint: `watchfire undo` it and share it again; the preview shows what leaves then",
            ),
            (Withheld::NotThisWay, "no rule allows that for them"),
            (
                Withheld::NoConsent,
                "there is no consent for it\nhint: a case leaves under a consent alone; `watchfire refer --help` shows how it is given",
            ),
            (Withheld::ConsentExpired, "the consent has ended\nhint: ask the person anew, and refer it with the new consent"),
            (Withheld::NotConsented, "the consent does not name this recipient\nhint: ask the person, and name it among `recipients`"),
            (Withheld::IndicatorsOnly, "the consent is for indicators alone\nhint: share the indicators; the case stays here"),
            (
                Withheld::NotOnward,
                "it came under a consent that does not allow to pass it on\nhint: `watchfire hand-back` gives it back, and its `--text` can say who could take it",
            ),
            (
                Withheld::NoPlatforms,
                "the consent does not allow to tell a platform\nhint: ask the person, and refer it with `platforms = true` in the new consent",
            ),
            (Withheld::WiderConsent, "it would travel under more than was agreed to\nhint: nothing widens a consent but a new one"),
            (
                Withheld::ReferralToGroup,
                "it is for one organisation alone, and this is a group\nhint: `watchfire call` asks a group, without anything of the case",
            ),
            (
                Withheld::CallToOne,
                "a call for help asks a group, and this is one organisation\nhint: `watchfire refer` hands a case to one",
            ),
            (
                Withheld::VolunteerToGroup,
                "whoever volunteers says so to the caller alone, and this is a group\nhint: pair with the caller first",
            ),
            (
                Withheld::SightingElsewhere,
                "a sighting is for the author of what was met, the group that has it, or that group's head\nhint: `watchfire show` tells who says it",
            ),
        ];
        crate::texts::all_say(include_str!("label.rs"), "Withheld", &cases);
    }
}
