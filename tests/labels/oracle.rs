//! An oracle for the decision table, written from docs/labels.md alone.
//!
//! TLP: 0 clear, 1 green, 2 amber, 3 amber+strict, 4 red. Class: 0 public, 1 confidential,
//! 2 restricted. PAP: 0 clear, 1 green, 2 amber, 3 red.

/// A record as its label was said. `about_entries`: a message about entries, `withdrawal`: that one; `over`: past its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said { pub tlp: u8, pub class: u8, pub pap: u8, pub about_entries: bool, pub withdrawal: bool, pub over: bool }
/// The most that may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound { pub tlp: u8, pub class: u8, pub pap: u8 }
/// What the policy says of a peer; `None`: it does not name the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement { None, Of(Bound), Ended }
/// `ceiling` is `None` where the policy does not name the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group { pub member: bool, pub fresh: bool, pub community: bool, pub ceiling: Option<Bound> }
/// Whom a release is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Unknown, Unconfirmed, Former, NotAccepted, Suspended(Agreement), Peer(Agreement), Group(Group),
}
/// Who reads a log over a link. `ours`: the log is ours; `its_own`: the reader is its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    pub ours: bool, pub its_own: bool, pub in_group: bool, pub in_audience: bool, pub fresh: bool,
    pub agreement: Agreement, pub ceiling: Option<Bound>,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer { Operator, Handler, Lead, Director, Coordinator, Tool(Bound), Anybody }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink { Release, Send, Relay, Search, List, Count, Export, Statistics }
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To { Audience(Audience), Reader(Reader), Viewer(Viewer) }

/// For a peer or a group that the policy does not name: red, confidential, red.
const UNNAMED: Bound = Bound { tlp: 4, class: 1, pap: 3 };
/// For a peer whose agreement has ended: clear, public, red.
const ENDED: Bound = Bound { tlp: 0, class: 0, pap: 3 };

/// Whether the record may go to `to` through `sink`.
pub fn may(sink: Sink, said: Said, to: To) -> bool {
    if said.over && !said.about_entries {
        return false;
    }
    match (sink, to) {
        (Sink::Release, To::Audience(audience)) => release(said, audience),
        (Sink::Send, To::Reader(r)) => (r.ours || r.its_own) && read(said, r),
        (Sink::Relay, To::Reader(r)) => !r.ours && !r.its_own && read(said, r),
        (Sink::Release | Sink::Send | Sink::Relay, _) => false,
        (_, To::Viewer(viewer)) => view(sink, said, viewer),
        _ => false,
    }
}
fn release(said: Said, audience: Audience) -> bool {
    match audience {
        Audience::Peer(agreement) => said.about_entries || passes(said, held_by(agreement)),
        Audience::Suspended(_) => said.withdrawal,
        Audience::Group(g) => {
            let tlp = tlp(said);
            let label = tlp != 4 && (tlp != 1 || g.community);
            let admitted = label && passes(said, g.ceiling.unwrap_or(UNNAMED));
            g.member && (g.fresh || said.withdrawal) && (said.about_entries || admitted)
        }
        _ => false,
    }
}
fn read(said: Said, r: Reader) -> bool {
    let stale = r.in_group && !r.fresh;
    let label = !(r.in_group && tlp(said) == 4) && (r.ours || tlp(said) <= 2);
    let in_group = !r.in_group || passes(said, r.ceiling.unwrap_or(UNNAMED));
    let admitted = said.about_entries || (label && in_group && passes(said, held_by(r.agreement)));
    r.in_audience && (r.its_own || (!stale && admitted))
}
fn view(sink: Sink, said: Said, viewer: Viewer) -> bool {
    match (viewer, sink) {
        (Viewer::Coordinator, _) => matches!(sink, Sink::Count | Sink::Statistics),
        (Viewer::Tool(_) | Viewer::Anybody, Sink::Statistics) => {
            tlp(said) != 4 && said.class != 2
        }
        (Viewer::Tool(ceiling), _) => passes(said, ceiling),
        (Viewer::Anybody, _) => false,
        _ => true, // operator, handler, lead, director
    }
}
fn held_by(agreement: Agreement) -> Bound {
    match agreement { Agreement::None => UNNAMED, Agreement::Of(bound) => bound, Agreement::Ended => ENDED }
}
/// Each part passes. All but clear is at least confidential.
fn passes(said: Said, most: Bound) -> bool {
    let class = said.class.max(u8::from(tlp(said) > 0));
    tlp(said) <= most.tlp && class <= most.class && said.pap <= most.pap
}
/// Confidential raises clear to green; restricted raises anything below to amber+strict.
fn tlp(said: Said) -> u8 {
    said.tlp.max(match said.class { 0 => 0, 1 => 1, _ => 3 })
}
