//! The one decision: may this be done with that record, for those? Every sink asks it: what sends, relays, searches, lists, counts, exports, and what
//! makes statistics. Deny by default: whatever no rule grants is withheld.

use super::label::{AudienceState, Way, Withheld, may_enter, may_offer};
use super::policy::Terms;
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
    /// must reach everybody whom the entries reached, whatever their label.
    fn is_about_entries(&self) -> bool {
        [RecordKind::Withdrawal, RecordKind::Receipt, RecordKind::KeyChange].iter().any(|kind| kind.number() == self.kind)
    }

    /// Nothing is sent while a peer is suspended or a definition is stale. Were a withdrawal not in the log all the same, whoever holds what it takes
    /// back would never hear of it.
    fn is_withdrawal(&self) -> bool {
        self.kind == RecordKind::Withdrawal.number()
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
    /// Works on cases.
    Handler,
    /// Leads a shift.
    Lead,
    /// Answers for the desk.
    Director,
    /// Sees counts, never content.
    Coordinator,
}

impl Person {
    /// Everybody.
    pub const ALL: [Self; 5] = [Self::Operator, Self::Handler, Self::Lead, Self::Director, Self::Coordinator];
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

/// What is to be said of a rule that withholds nothing.
pub fn passed(rule: &str, label: Label) -> &'static str {
    match rule {
        "retention" => "its retention date has not passed",
        "peer" => "it is a peer with an open link",
        "membership" => "we are a member of the group",
        "definition" => "the group's definition is fresh, or there is none",
        "red" => "no TLP:RED in a group",
        "community" if label.tlp() == Tlp::Green => "the group is a community, within which TLP:GREEN moves",
        "community" => "the label asks for no community",
        "agreement" => "what was agreed with them covers the label",
        "ceiling" => "the label is within the ceiling",
        "audience" => "the reader is in the audience that its author gave it",
        "relay" => "a member may pass on up to amber",
        _ => "nothing in the way",
    }
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

/// One step of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub rule: &'static str,
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
        steps.push(Step { rule: action.name(), verdict: Ok(Some(granted)) });
    }
    steps
}

/// Writes down each thing that is looked at.
struct Eyes<'a>(&'a mut dyn FnMut(Step));

impl Eyes<'_> {
    fn look(&mut self, rule: &'static str, verdict: Result<(), Withheld>) -> Result<(), Withheld> {
        (self.0)(Step { rule, verdict: verdict.clone().map(|()| None) });
        verdict
    }
}

fn decide(action: Action, about: &About, to: &To<'_>, now: Timestamp, see: &mut dyn FnMut(Step)) -> Result<Granted, Withheld> {
    let mut eyes = Eyes(see);
    eyes.look("retention", within_retention(about, now))?;
    match (action, to) {
        (Action::Release, To::Audience { state, us }) => release(&mut eyes, about, *state, us, now),
        (Action::Send | Action::Relay, To::Reader(way)) => send(&mut eyes, action, about, way),
        (Action::Search | Action::List | Action::Export, To::Person(person)) => {
            let sees = if *person == Person::Coordinator { Err(Withheld::CountsAlone) } else { Ok(()) };
            eyes.look("role", sees).map(|()| Granted::OwnPeople)
        }
        (Action::Count | Action::Statistics, To::Person(_)) => Ok(Granted::CountAlone),
        (Action::Search | Action::List | Action::Count | Action::Export, To::Tool(ceiling)) => {
            let within = if ceiling.admits(about.label) { Ok(()) } else { Err(Withheld::AboveCeiling) };
            eyes.look("ceiling", within).map(|()| Granted::WithinCeiling)
        }
        (Action::Statistics, To::Tool(_) | To::Public) => {
            // That there is one more such record is itself for the named alone.
            let known = if about.label.needs_two() { Err(Withheld::NotCounted) } else { Ok(()) };
            eyes.look("counted", known).map(|()| Granted::CountAlone)
        }
        _ => eyes.look("way", Err(Withheld::NotThisWay)).map(|()| Granted::CountAlone),
    }
}

fn within_retention(about: &About, now: Timestamp) -> Result<(), Withheld> {
    let over = about.retention != Timestamp(0) && about.retention <= now;
    if over && !about.is_about_entries() { Err(Withheld::Expired) } else { Ok(()) }
}

fn release(eyes: &mut Eyes<'_>, about: &About, state: AudienceState<'_>, us: &OrgId, now: Timestamp) -> Result<Granted, Withheld> {
    match state {
        AudienceState::Unknown => eyes.look("audience", Err(Withheld::UnknownAudience))?,
        AudienceState::Unconfirmed => eyes.look("pairing", Err(Withheld::Unconfirmed))?,
        AudienceState::FormerGroup => eyes.look("membership", Err(Withheld::NotAMember))?,
        AudienceState::GroupNotAccepted => eyes.look("membership", Err(Withheld::NotAccepted))?,
        AudienceState::Peer { open, terms } => {
            eyes.look("peer", if open || about.is_withdrawal() { Ok(()) } else { Err(Withheld::Suspended) })?;
            agreement(eyes, about, &terms)?;
        }
        AudienceState::Group { definition, ceiling } => {
            if !about.is_about_entries() {
                eyes.look("red", if about.label.tlp() == Tlp::Red { Err(Withheld::RedToGroup) } else { Ok(()) })?;
            }
            eyes.look("membership", if definition.has(us) { Ok(()) } else { Err(Withheld::NotAMember) })?;
            eyes.look("definition", if definition.is_fresh(now) || about.is_withdrawal() { Ok(()) } else { Err(Withheld::StaleGroup) })?;
            if !about.is_about_entries() {
                eyes.look("community", may_enter(about.label.tlp(), definition))?;
                eyes.look("ceiling", if ceiling.admits(about.label) { Ok(()) } else { Err(Withheld::AboveGroupCeiling) })?;
            }
        }
    }
    Ok(Granted::ToAudience)
}

fn agreement(eyes: &mut Eyes<'_>, about: &About, terms: &Terms) -> Result<(), Withheld> {
    let verdict = match terms.ended {
        _ if about.is_about_entries() || terms.admit(about.label) => Ok(()),
        true => Err(Withheld::AgreementEnded),
        false => Err(Withheld::NoAgreement),
    };
    eyes.look("agreement", verdict)
}

fn send(eyes: &mut Eyes<'_>, action: Action, about: &About, way: &Way<'_>) -> Result<Granted, Withheld> {
    let (ours, its_own) = (way.log.author == *way.us, way.log.author == *way.reader);
    eyes.look("way", if (action == Action::Send) == (ours || its_own) { Ok(()) } else { Err(Withheld::NotThisWay) })?;
    eyes.look("audience", may_offer(way.log, way.us, way.reader, way.group))?;
    eyes.look("definition", way.fresh())?;
    if its_own {
        return Ok(Granted::ItsOwn);
    }
    if about.is_about_entries() {
        return Ok(Granted::AboutEntries);
    }
    let in_group = matches!(way.log.audience, Audience::Group(_));
    eyes.look("red", if in_group && about.label.tlp() == Tlp::Red { Err(Withheld::RedToGroup) } else { Ok(()) })?;
    agreement(eyes, about, &way.terms)?;
    eyes.look("ceiling", if way.terms.group.admits(about.label) { Ok(()) } else { Err(Withheld::AboveGroupCeiling) })?;
    if ours {
        return Ok(Granted::FirstHand);
    }
    eyes.look("relay", if about.label.tlp() <= Tlp::Amber { Ok(()) } else { Err(Withheld::NotRelayed) })?;
    Ok(Granted::Relayed)
}
