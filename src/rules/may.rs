//! The one decision: may this be done with that record, for those? Every sink asks it: what sends, relays, searches, lists, counts, exports, and what
//! makes statistics. Deny by default: whatever no rule grants is withheld.

use super::label::{AudienceState, Way, Withheld, may_enter, may_offer};
use super::policy::Allowance;
use crate::model::desk::Role;
use crate::model::log::Audience;
use crate::model::{Ceiling, Label, OrgId, RecordKind, Timestamp, Tlp};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// To put a record of ours into a log of ours.
    Release,
    /// To send a body of our log to a reader, or an author's own back to it.
    Send,
    /// To send a body of another's log to a reader.
    Relay,
    /// To answer what is known of a value.
    Search,
    /// To show a record, or records one after the other.
    List,
    /// To count records, without anything of them.
    Count,
    /// To write records for other programs: files, feeds, TAXII.
    Export,
    /// To count records into what is published or given to a coordinator elsewhere.
    Statistics,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] =
        [Self::Release, Self::Send, Self::Relay, Self::Search, Self::List, Self::Count, Self::Export, Self::Statistics];

    /// As it stands in a trace.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Send => "send",
            Self::Relay => "relay",
            Self::Search => "search",
            Self::List => "list",
            Self::Count => "count",
            Self::Export => "export",
            Self::Statistics => "statistics",
        }
    }
}

/// What the rules look at of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// The label.
    pub label: Label,
    /// The number of its kind.
    pub kind: u8,
    /// When every holder destroys it; 0 for never.
    pub retention: Timestamp,
}

impl About {
    /// Whether it is about entries and not a record of its own: what an author takes back, who has complied, and with which key a log goes on
    /// must reach everybody whom the entries reached, whatever their label. So must what says of a referral how it stands, and nothing else.
    pub fn is_about_entries(&self) -> bool {
        let about = [RecordKind::Withdrawal, RecordKind::Receipt, RecordKind::KeyChange, RecordKind::ReferralStep];
        about.iter().any(|kind| kind.number() == self.kind)
    }

    /// Nothing is sent while a peer is suspended or a definition is stale. Were a withdrawal not in the log all the same, whoever holds what it takes
    /// back would never hear of it.
    fn is_withdrawal(&self) -> bool {
        self.kind == RecordKind::Withdrawal.number() || self.kind == RecordKind::ReferralStep.number()
    }
}

/// For whom.
#[derive(Debug, Clone, Copy)]
pub enum To<'a> {
    /// The audience of a log of ours.
    Audience {
        /// What it is.
        state: AudienceState<'a>,
        /// Who would release.
        us: &'a OrgId,
    },
    /// A reader of a log, over a link.
    Reader(&'a Way<'a>),
    /// Somebody of our own.
    Person(Person),
    /// A program that reads what we write, and how far that may go.
    Tool(Ceiling),
    /// Anybody: what is published.
    Public,
}

/// Somebody of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// Whoever has the node's own files.
    Operator,
    /// A desk user.
    User(Role),
}

/// The rule that granted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Granted {
    /// The audience may have this label.
    ToAudience,
    /// We wrote it for them.
    FirstHand,
    /// It is the reader's own: a node that was restored fetches it back.
    ItsOwn,
    /// Up to AMBER a member passes on to the others what a member said.
    Relayed,
    /// It is about entries, which the reader may have.
    AboutEntries,
    /// Our own people see what we hold.
    OwnPeople,
    /// A count shows nothing of what is counted.
    CountAlone,
    /// The label is within what may be written there.
    WithinCeiling,
}

impl Granted {
    /// In words.
    pub const fn why(self) -> &'static str {
        match self {
            Self::ToAudience => "the audience may have this label",
            Self::FirstHand => "we wrote it for them",
            Self::ItsOwn => "it is the reader's own: a node that was restored fetches it back, whatever the label",
            Self::Relayed => "the label allows to pass it on",
            Self::AboutEntries => "it is about entries that the reader may have",
            Self::OwnPeople => "our own people see what we hold",
            Self::CountAlone => "a count shows nothing of what is counted",
            Self::WithinCeiling => "the label is within what may be written there",
        }
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Its retention date.
    Retention,
    /// Whether there is a rule for those at all.
    Way,
    /// Who the audience is, or of it the reader.
    Audience,
    /// Whether a pairing is confirmed.
    Pairing,
    /// Whether a peer's link is open.
    Peer,
    /// Whether we belong to a group.
    Membership,
    /// Whether a group's definition is fresh.
    Definition,
    /// TLP:RED.
    Red,
    /// TLP:GREEN.
    Community,
    /// What was agreed with a peer.
    Agreement,
    /// How far a group or a tool may go.
    Ceiling,
    /// What a member passes on.
    Relay,
    /// What a desk user is there for.
    Role,
    /// What is counted for others.
    Counted,
    /// What was asked: the last step of what is granted.
    Asked(Action),
}

impl Rule {
    /// As it stands in a trace.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retention => "retention",
            Self::Way => "way",
            Self::Audience => "audience",
            Self::Pairing => "pairing",
            Self::Peer => "peer",
            Self::Membership => "membership",
            Self::Definition => "definition",
            Self::Red => "red",
            Self::Community => "community",
            Self::Agreement => "agreement",
            Self::Ceiling => "ceiling",
            Self::Relay => "relay",
            Self::Role => "role",
            Self::Counted => "counted",
            Self::Asked(action) => action.name(),
        }
    }

    /// What is to be said where it withholds nothing.
    pub fn passed(self, label: Label) -> &'static str {
        match self {
            Self::Retention => "its retention date has not passed",
            Self::Way | Self::Asked(_) => "there is a rule for them",
            Self::Audience => "the reader is in the audience that its author gave it",
            Self::Pairing => "the pairing is confirmed",
            Self::Peer => "it is a peer with an open link",
            Self::Membership => "we are a member of the group",
            Self::Definition => "the group's definition is fresh, or there is none",
            Self::Red => "no TLP:RED in a group",
            Self::Community if label.tlp() == Tlp::Green => "the group is a community, within which TLP:GREEN moves",
            Self::Community => "the label asks for no community",
            Self::Agreement => "what was agreed with them covers the label",
            Self::Ceiling => "the label is within the ceiling",
            Self::Relay => "a member may pass on up to amber",
            Self::Role => "the role sees content",
            Self::Counted => "it is in published counts",
        }
    }
}

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub rule: Rule,
    /// What came of it: nothing in the way, what grants it, or what withholds it.
    pub verdict: Result<Option<Granted>, Withheld>,
}

/// Whether it may be done.
///
/// # Errors
/// The rule that withholds it.
pub fn may(action: Action, about: &About, to: &To<'_>, now: Timestamp) -> Result<Granted, Withheld> {
    decide(action, about, to, now, &mut |_| {})
}

/// The same decision, with everything that was looked at on the way; the last step decides.
pub fn trace(action: Action, about: &About, to: &To<'_>, now: Timestamp) -> Vec<Step> {
    let mut steps = Vec::new();
    let decided = decide(action, about, to, now, &mut |step| steps.push(step));
    if let Ok(granted) = decided {
        steps.push(Step { rule: Rule::Asked(action), verdict: Ok(Some(granted)) });
    }
    steps
}

/// Writes down each thing that is looked at.
struct Eyes<'a>(&'a mut dyn FnMut(Step));

impl Eyes<'_> {
    fn look(&mut self, rule: Rule, verdict: Result<(), Withheld>) -> Result<(), Withheld> {
        (self.0)(Step { rule, verdict: verdict.clone().map(|()| None) });
        verdict
    }

    fn need(&mut self, rule: Rule, holds: bool, else_: Withheld) -> Result<(), Withheld> {
        self.look(rule, if holds { Ok(()) } else { Err(else_) })
    }

    fn refuse<T>(&mut self, rule: Rule, withheld: Withheld) -> Result<T, Withheld> {
        (self.0)(Step { rule, verdict: Err(withheld.clone()) });
        Err(withheld)
    }
}

fn decide(action: Action, about: &About, to: &To<'_>, now: Timestamp, see: &mut dyn FnMut(Step)) -> Result<Granted, Withheld> {
    let mut eyes = Eyes(see);
    let is_over = about.retention != Timestamp(0) && about.retention <= now;
    eyes.need(Rule::Retention, !is_over || about.is_about_entries(), Withheld::Expired)?;
    match (action, to) {
        (Action::Release, To::Audience { state, us }) => release(&mut eyes, about, *state, us, now),
        (Action::Send | Action::Relay, To::Reader(way)) => send(&mut eyes, action, about, way),
        (Action::Search | Action::List | Action::Export, To::Person(person)) => {
            eyes.need(Rule::Role, *person != Person::User(Role::Coordinator), Withheld::CountsAlone)?;
            Ok(Granted::OwnPeople)
        }
        (Action::Count | Action::Statistics, To::Person(_)) => Ok(Granted::CountAlone),
        (Action::Search | Action::List | Action::Count | Action::Export, To::Tool(ceiling)) => {
            eyes.need(Rule::Ceiling, ceiling.admits(about.label), Withheld::AboveCeiling)?;
            Ok(Granted::WithinCeiling)
        }
        (Action::Statistics, To::Tool(_) | To::Public) => {
            // That there is one more such record is itself for the named alone.
            eyes.need(Rule::Counted, !about.label.needs_two(), Withheld::NotCounted)?;
            Ok(Granted::CountAlone)
        }
        _ => eyes.refuse(Rule::Way, Withheld::NotThisWay),
    }
}

fn release(eyes: &mut Eyes<'_>, about: &About, state: AudienceState<'_>, us: &OrgId, now: Timestamp) -> Result<Granted, Withheld> {
    match state {
        AudienceState::Unknown => eyes.refuse(Rule::Audience, Withheld::UnknownAudience),
        AudienceState::Unconfirmed => eyes.refuse(Rule::Pairing, Withheld::Unconfirmed),
        AudienceState::FormerGroup => eyes.refuse(Rule::Membership, Withheld::NotAMember),
        AudienceState::GroupNotAccepted => eyes.refuse(Rule::Membership, Withheld::NotAccepted),
        AudienceState::Peer { open, allowance } => {
            eyes.need(Rule::Peer, open || about.is_withdrawal(), Withheld::Suspended)?;
            agreement(eyes, about, &allowance)?;
            Ok(Granted::ToAudience)
        }
        AudienceState::Group { definition, ceiling } => {
            let bound = !about.is_about_entries();
            if bound {
                eyes.need(Rule::Red, about.label.tlp() != Tlp::Red, Withheld::RedToGroup)?;
            }
            eyes.need(Rule::Membership, definition.has(us), Withheld::NotAMember)?;
            eyes.need(Rule::Definition, definition.is_fresh(now) || about.is_withdrawal(), Withheld::StaleGroup)?;
            if bound {
                eyes.look(Rule::Community, may_enter(about.label.tlp(), definition))?;
                eyes.need(Rule::Ceiling, ceiling.admits(about.label), Withheld::AboveGroupCeiling)?;
            }
            Ok(Granted::ToAudience)
        }
    }
}

fn agreement(eyes: &mut Eyes<'_>, about: &About, allowance: &Allowance) -> Result<(), Withheld> {
    let without = if allowance.ended { Withheld::AgreementEnded } else { Withheld::NoAgreement };
    eyes.need(Rule::Agreement, about.is_about_entries() || allowance.admits(about.label), without)
}

fn send(eyes: &mut Eyes<'_>, action: Action, about: &About, way: &Way<'_>) -> Result<Granted, Withheld> {
    let (ours, its_own) = (way.log.author == *way.us, way.log.author == *way.reader);
    eyes.need(Rule::Way, (action == Action::Send) == (ours || its_own), Withheld::NotThisWay)?;
    eyes.look(Rule::Audience, may_offer(way.log, way.us, way.reader, way.group))?;
    eyes.look(Rule::Definition, way.fresh())?;
    if its_own {
        return Ok(Granted::ItsOwn);
    }
    if about.is_about_entries() {
        return Ok(Granted::AboutEntries);
    }
    let in_group = matches!(way.log.audience, Audience::Group(_));
    eyes.need(Rule::Red, !in_group || about.label.tlp() != Tlp::Red, Withheld::RedToGroup)?;
    agreement(eyes, about, &way.allowance)?;
    eyes.need(Rule::Ceiling, way.allowance.group.admits(about.label), Withheld::AboveGroupCeiling)?;
    if ours {
        return Ok(Granted::FirstHand);
    }
    eyes.need(Rule::Relay, about.label.tlp() <= Tlp::Amber, Withheld::NotRelayed)?;
    Ok(Granted::Relayed)
}
