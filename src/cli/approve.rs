//! `watchfire approve`

use super::output::{self, plain};
use super::preview::PAGE;
use super::unlock::Signer;
use super::{Desk, Ended, holds, input, preview};
use crate::api::Problem;
use crate::api::client::Target;
use crate::clock::Clock;
use crate::model::desk::Approval;
use crate::model::{Label, Timestamp, UserKey};
use crate::node;
use crate::node::error::{Exit, NodeError};
use crate::node::view::{HoldTerms, HoldView, PreviewRecord, PreviewView};
use crate::rules::desk::Denied;
use crate::rules::disclosed::{self, Leaving, Line};
use data_encoding::{BASE64, HEXLOWER};

/// Approve a release as the second person, after a look at exactly what would leave
#[derive(Debug, clap::Args)]
#[command(
    after_help = EXAMPLES,
    long_about = "Approve a release as the second person, after a look at exactly what would leave\n\nIt makes the digest anew from every record that would leave, shows the preview (the first thousand records; `watchfire preview --all` shows all) and asks for `yes`. Whoever released it cannot approve it. Both signatures are over what would leave, to whom and until when; when any of it changes, they are void."
)]
pub(super) struct Args {
    /// The release's id, as `watchfire holds` lists it
    #[arg(value_name = "RELEASE")]
    id: String,
    #[command(flatten)]
    signer: Signer,
    /// Do not ask: approve what has exactly this digest, which was looked at before
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
}

const EXAMPLES: &str = "Examples:
  watchfire approve k7qm2xpa --as omar";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let target = |part: &[&str]| Target::new(&[&["holds", args.id.as_str()], part].concat());
    let (shown, last) = look(desk, &args.id).await?;
    let HoldTerms { released, .. } = desk.node().get(target(&["terms"])).await?;
    let released = released.ok_or_else(|| NodeError::from(Denied::NotReleased))?;
    match &args.digest {
        Some(digest) => must_be(digest, &shown.hold)?,
        None => ask(&shown)?,
    }
    // What was looked at, and not what it may have become since, nor for anybody else.
    let terms = &released.release.terms;
    must_be(&HEXLOWER.encode(&terms.digest), &shown.hold)?;
    if (terms.audience.to_string(), Some(terms.hold), terms.retention) != (shown.hold.audience.clone(), shown.hold.id, last) {
        return Err(other_digest("what was signed first"));
    }
    let by = args.signer.unlock(desk).await?;
    let approval = Approval::of(&released, &by.org, UserKey(by.key.public()), Clock::system().now());
    let view: HoldView = desk.node().post(target(&["approve"]), &approval.sign(&by.org, &by.key)).await?;
    output::answer(desk, &view, text)
}

pub(super) fn text(view: &HoldView) -> String {
    format!("approved\n{}", holds::about(view))
}

/// The first records, and all of them held against the digest that will be signed: it is not signed on the node's word alone. Beside them when the last
/// holder destroys the last of them.
async fn look(desk: &Desk, id: &str) -> Result<(PreviewView, Timestamp), Problem> {
    let mut view = preview::page(desk, id, 0, PAGE).await?;
    let (mut made, mut seen, mut more) = (Remade::default(), view.records.len() as u64, view.more);
    made.take(&view.records)?;
    while more > 0 {
        let next = preview::page(desk, id, seen, PAGE).await?;
        seen += next.records.len() as u64;
        more = if next.records.is_empty() { 0 } else { next.more };
        made.take(&next.records)?;
    }
    view.more = view.hold.count.saturating_sub(view.records.len() as u64);
    let (digest, last) = made.end();
    must_be(&HEXLOWER.encode(&digest), &view.hold)?;
    Ok((view, last))
}

/// The digest of a release, made anew from its records.
#[derive(Default)]
struct Remade {
    lines: Vec<Line>,
    part: u32,
    records: Vec<(Label, u8, Timestamp, Vec<u8>)>,
}

impl Remade {
    fn take(&mut self, records: &[PreviewRecord]) -> Result<(), Problem> {
        for PreviewRecord { part, label, kind, kind_number, retention, fields, bytes, .. } in records {
            if *part != self.part {
                self.end_part();
                self.part = *part;
            }
            // What people read is what stands in the bytes.
            let body = BASE64.decode(bytes.as_bytes()).unwrap_or_default();
            if (node::kind_name(*kind_number), node::fields(*kind_number, &body)) != (kind.clone(), fields.clone()) {
                return Err(other_digest("the fields that are shown"));
            }
            self.records.push((*label, *kind_number, retention.unwrap_or(Timestamp(0)), body));
        }
        Ok(())
    }

    fn end_part(&mut self) {
        let records = std::mem::take(&mut self.records);
        let leaving: Vec<Leaving<'_>> = records
            .iter()
            .map(|(label, kind, retention, body)| Leaving { label: *label, kind: *kind, retention: *retention, body })
            .collect();
        self.lines.extend(disclosed::lines(&leaving));
    }

    fn end(mut self) -> ([u8; 32], Timestamp) {
        self.end_part();
        (disclosed::whole(&self.lines), disclosed::last(self.lines.iter().map(|line| line.retention)))
    }
}

fn must_be(digest: &str, hold: &HoldView) -> Result<(), Problem> {
    if digest.trim().eq_ignore_ascii_case(&hold.digest) {
        return Ok(());
    }
    Err(other_digest(&format!("`{}`", plain(digest))))
}

fn other_digest(than: &str) -> Problem {
    let text = format!("what is held has another digest than {than}\nhint: look at it again with `watchfire preview`");
    Problem::new("other-digest", Exit::Refused, &text)
}

fn ask(shown: &PreviewView) -> Result<(), Problem> {
    match input::says_yes(&preview::text(shown), "approve exactly this?")? {
        Some(true) => Ok(()),
        Some(false) => Err(given_up()),
        None => {
            let text = "an approval is asked for on a terminal\nhint: look at it with `watchfire preview`, then give its digest: `--digest DIGEST`";
            Err(Problem::new("no-terminal", Exit::Usage, text))
        }
    }
}

fn given_up() -> Problem {
    Problem::new("given-up", Exit::Failed, "it was not approved\nhint: it goes on waiting; `watchfire undo` drops it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(part: u32, body: &[u8]) -> PreviewRecord {
        PreviewRecord {
            part,
            label: crate::model::Tlp::Red.into(),
            kind: "receipt".into(),
            kind_number: 9,
            retention: None,
            fields: node::fields(9, body),
            replaced: Vec::new(),
            warnings: Vec::new(),
            asks: Vec::new(),
            bytes: BASE64.encode(body),
        }
    }

    /// What two pages of a release of two parts give.
    fn remade(pages: [&[PreviewRecord]; 2]) -> Option<[u8; 32]> {
        let mut made = Remade::default();
        pages.into_iter().try_for_each(|page| made.take(page)).ok().map(|()| made.end().0)
    }

    #[test]
    fn a_digest_is_made_anew_from_what_is_shown() {
        let line = |bodies: &[&[u8]]| {
            let leaving = |body: &&'static [u8]| Leaving { label: crate::model::Tlp::Red.into(), kind: 9, retention: Timestamp(0), body };
            let bodies: Vec<&'static [u8]> = bodies.iter().map(|body| &*body.to_vec().leak()).collect();
            disclosed::lines(&bodies.iter().map(leaving).collect::<Vec<_>>())
        };
        let digest = disclosed::whole(&[line(&[b"one", b"two"]), line(&[b"three"])].concat());
        let [one, two, three] = [record(0, b"one"), record(0, b"two"), record(1, b"three")];
        let pages = |first: &[&PreviewRecord], next: &[&PreviewRecord]| {
            let all = |page: &[&PreviewRecord]| page.iter().map(|record| (*record).clone()).collect::<Vec<_>>();
            remade([&all(first), &all(next)])
        };
        assert_eq!(pages(&[&one], &[&two, &three]), Some(digest));
        assert_ne!(pages(&[&two], &[&one, &three]), Some(digest), "another order");
        assert_ne!(pages(&[&one], &[&two]), Some(digest), "not all of it");
        let other_part = PreviewRecord { part: 1, ..two.clone() };
        assert_ne!(pages(&[&one], &[&other_part, &three]), Some(digest));
        let mut lies = two;
        lies.fields[0].value.push('!');
        assert_eq!(pages(&[&one], &[&lies]), None, "the fields are not the bytes'");
        let other_kind = PreviewRecord { kind: "indicator".into(), ..one };
        assert_eq!(pages(&[&other_kind], &[&three]), None, "the kind is another");
    }

    #[test]
    fn what_keeps_an_approval_from_being_made_is_told() {
        let problem = given_up();
        assert_eq!((problem.exit, problem.detail.as_str()), (Exit::Failed, "it was not approved"));
        assert_eq!(problem.hint.as_deref(), Some("it goes on waiting; `watchfire undo` drops it"));
    }
}
