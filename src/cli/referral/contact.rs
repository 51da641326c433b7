//! How to reach the person of a case, in a cold hand-over: sealed here to each desk that may get the case, and opened here by whoever at ours may. No
//! node ever sees it.

use crate::api::Problem;
use crate::api::client::Target;
use crate::cli::unlock::{Signer, Unlocked};
use crate::cli::{Desk, Ended, input, output, sealing};
use crate::model::crypto::random;
use crate::model::desk::{BadContact, Binding, Contact, KINDS, SealPublic, Sealed, is_kind};
use crate::model::referral::HandOver;
use crate::model::{OrgId, ReferralId};
use crate::node::error::NodeError;
use crate::node::referral::{ContactView, ReferRequest};
use crate::node::view::{PeerView, StatusView};
use crate::rules::redact::{Detector, Known, Record};
use data_encoding::BASE64;
use std::collections::BTreeMap;

/// Show how to reach the person of a case that was handed over cold; the opening is written down
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(crate) struct Args {
    /// The referral's id, or the beginning of it
    id: String,
    #[command(flatten)]
    signer: Signer,
}

const ABOUT: &str = "Show how to reach the person of a case that was handed over cold; the opening is written down

It comes once the case is this desk's own, sealed to the desk key, and is opened here with the passphrase of a handler, lead or director. \
`watchfire desk-key openings` lists who opened what; that binds honest nodes alone.";

const EXAMPLES: &str = "Examples:
  watchfire contact k7qm2xpa --as amina";

pub(crate) async fn run(desk: &Desk, args: &Args) -> Ended {
    let unlocked = args.signer.unlock(desk).await?;
    let contact = opened(desk, &args.id, &unlocked).await?;
    output::answer(desk, &contact, text)
}

/// What was sealed for a case, opened; that is written down.
pub(in super::super) async fn opened(desk: &Desk, id: &str, unlocked: &Unlocked) -> Result<Contact, Problem> {
    // Whether there is one is for those who may open it.
    sealing::may_open(unlocked)?;
    let view: ContactView = desk.node().get(Target::new(&["referrals", id, "contact"])).await?;
    let bytes = BASE64.decode(view.sealed.as_bytes()).ok();
    let sealed = bytes.and_then(|bytes| Sealed::decode(&bytes).ok());
    let sealed =
        sealed.ok_or_else(|| NodeError::BadInput("the sealed contact cannot be read\nhint: ask the origin to send it anew".into()))?;
    let binding = Binding { sender: view.sender, recipient: unlocked.org, referral: view.referral.0 };
    sealing::open(desk, unlocked, &sealed, &binding).await
}

fn text(contact: &Contact) -> String {
    let mut text = String::new();
    if !contact.call.is_empty() {
        text += &format!("call them   {}\n", output::plain(&contact.call));
    }
    for channel in &contact.channels {
        text += &format!("{:<11} {}\n", output::plain(&channel.kind), output::plain(&channel.value));
    }
    for (name, value) in [("safe times", &contact.safe_times), ("notes", &contact.notes)] {
        if !value.is_empty() {
            text += &format!("{name:<11} {}\n", output::plain(value));
        }
    }
    if !contact.do_not_use.is_empty() {
        text += &format!("not by      {}\n", output::plain(&contact.do_not_use.join(", ")));
    }
    text
}

/// What `refer --contact-template` prints.
pub(super) const TEMPLATE: &str = include_str!("contact.toml");

/// Reads a contact, TOML or JSON. What is wrong with it is told without what stands there.
pub(in super::super) fn read(file: &str) -> Result<Contact, Problem> {
    let text = zeroize::Zeroizing::new(input::file(file)?);
    let bad = |why: String, hint: &str| Problem::from(NodeError::BadInput(format!("`{file}` is not a contact: {why}\nhint: {hint}")));
    // A key that is none may be what belonged behind it; so its line is told and not the key.
    let contact: Result<Contact, (usize, bool)> = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| (error.line(), is_unknown_key(&error.to_string())))
    } else {
        toml::from_str(&text).map_err(|error| (crate::config::toml_error(&text, &error).0, is_unknown_key(error.message())))
    };
    let contact = contact.map_err(|(line, is_key)| match is_key {
        true => bad(format!("line {line} has a key that there is not"), KEYS),
        false => bad(format!("line {line} cannot be read"), TEMPLATED),
    })?;
    if let Some(problem) = super::form::problem(file, &unfilled(&contact)) {
        return Err(problem);
    }
    contact.check().map_err(|error: BadContact| bad(error.to_string().lines().next().unwrap_or_default().to_owned(), TEMPLATED))?;
    match contact.channels.iter().position(|channel| !is_kind(&channel.kind)) {
        Some(at) => {
            Err(bad(format!("the kind of channel {} is none that is known", at + 1), &format!("the kinds are {}", KINDS.join(", "))))
        }
        None => Ok(contact),
    }
}

const KEYS: &str = "the keys are call, channels, safe_times, do_not_use and notes, and of a channel kind and value";
const TEMPLATED: &str = "`watchfire refer --contact-template` prints one to fill in";

fn is_unknown_key(error: &str) -> bool {
    error.starts_with("unknown field")
}

fn unfilled(contact: &Contact) -> Vec<String> {
    let channels = contact.channels.iter().flat_map(|one| [("channels.kind", one.kind.as_str()), ("channels.value", one.value.as_str())]);
    let texts = [("call", &contact.call), ("safe_times", &contact.safe_times), ("notes", &contact.notes)];
    let not = contact.do_not_use.iter().map(|text| ("do_not_use", text.as_str()));
    let all = channels.chain(texts.map(|(name, text)| (name, text.as_str()))).chain(not);
    let mut names: Vec<String> = all.filter(|(_, text)| super::form::is_unfilled(text)).map(|(name, _)| name.to_owned()).collect();
    names.dedup();
    names
}

/// Seals a contact for each organisation that the case may go to, and for our own desk; and takes out of the texts what stands in it.
pub(super) async fn seal(desk: &Desk, contact: &Contact, request: &mut ReferRequest) -> Result<(), Problem> {
    request.offer.hand_over = HandOver::Cold;
    let replaced = without(contact, request);
    if !replaced.is_empty() {
        let counts: Vec<String> = replaced.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        output::say(&format!("replaced in the texts before the node gets them: {}", counts.join(", ")));
    }
    let status: StatusView = desk.node().get(Target::new(&["status"])).await?;
    let us = status.org_id;
    for name in request.to.iter().chain(&request.candidates).cloned().collect::<Vec<String>>() {
        let peer: PeerView = desk.node().get(Target::new(&["peers", &name])).await?;
        let key: Option<SealPublic> = desk.node().get(Target::new(&["desk-key", "of", &name])).await?;
        let key = key.ok_or_else(|| no_key(&name))?;
        let referral = ReferralId(random());
        request.contacts.insert(name.clone(), sealed(contact, &key, us, peer.status.org_id, referral)?);
        request.referrals.insert(name, referral);
    }
    let keys: crate::node::view::DeskKeysView = desk.node().get(Target::new(&["desk-key"])).await?;
    if let Some(newest) = keys.keys.iter().max_by_key(|key| key.key.number) {
        let first = request.to.first().and_then(|name| request.referrals.get(name)).copied().unwrap_or(ReferralId([0; 16]));
        request.contacts.insert("us".into(), sealed(contact, &newest.key.public, us, us, first)?);
    }
    Ok(())
}

fn sealed(contact: &Contact, key: &SealPublic, sender: OrgId, recipient: OrgId, referral: ReferralId) -> Result<String, Problem> {
    let sealed = contact.seal(key, &Binding { sender, recipient, referral: referral.0 });
    Ok(BASE64.encode(&sealed.map_err(|error| NodeError::BadInput(error.to_string()))?.encode()))
}

fn no_key(name: &str) -> Problem {
    let text = format!(
        "`{name}` has no desk key, so nothing can be sealed to it\nhint: hand the case over warm, or ask them to `watchfire desk-key make`"
    );
    NodeError::Conflict(text).into()
}

/// Takes what stands in a contact out of the texts of a case, in any script that the detectors know, and whatever else they find. How much of what.
fn without(contact: &Contact, request: &mut ReferRequest) -> BTreeMap<&'static str, usize> {
    let mut known = contact.values().fold(Known::default(), |known, value| known.value(value));
    if !contact.call.is_empty() {
        known = known.name(&contact.call);
    }
    let detector = Detector::new(&known);
    let (mut record, mut replaced) = (Record::default(), BTreeMap::new());
    for (_, text, _) in request.offer.texts_mut() {
        for finding in detector.find(text) {
            *replaced.entry(finding.kind.name()).or_default() += 1;
        }
        *text = record.redact(&detector, text);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::referral::refer;
    use crate::model::desk::Channel;

    #[test]
    fn what_is_sealed_stands_in_no_text_of_the_offer() {
        let contact = Contact {
            call: "Amina Haddad".into(),
            channels: vec![Channel { kind: "signal".into(), value: "+961 3 123 456".into() }],
            safe_times: String::new(),
            do_not_use: Vec::new(),
            notes: String::new(),
        };
        let mut request = refer::read("the example", refer::EXAMPLE).unwrap();
        request.offer.summary = "Haddad, Amina writes from +9613123456; أمينة حداد is afraid".into();
        without(&contact, &mut request);
        let summary = &request.offer.summary;
        assert!(!summary.contains("Amina") && !summary.contains("Haddad") && !summary.contains("9613123456"), "{summary}");
        assert!(!summary.contains("أمينة"), "{summary}");
    }

    #[test]
    fn a_part_of_a_name_that_is_known_hides_no_other_part() {
        let contact = |call: &str| Contact {
            call: call.into(),
            channels: vec![Channel { kind: "signal".into(), value: "+961 3 123 456".into() }],
            safe_times: String::new(),
            do_not_use: Vec::new(),
            notes: String::new(),
        };
        for text in [
            "Fatima Zahra wrote to us.",
            "Fatima Zahra (+961 3 123 456) lost her account.",
            "My name is Fatima Zahra.",
            "Fatima Zahra's sister called.",
        ] {
            for call in ["Fatima", "Zahra", "Fatima Z", "Mrs Zahra", "Fatima Zahra", "Somebody Else", ""] {
                let mut request = refer::read("the example", refer::EXAMPLE).unwrap();
                request.offer.summary = text.into();
                without(&contact(call), &mut request);
                let summary = &request.offer.summary;
                assert!(!summary.contains("Fatima") && !summary.contains("Zahra"), "{call}: {summary}");
            }
        }
    }

    /// What is wrong with a contact file, and what helps.
    fn told(text: &str) -> (String, String) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("contact.toml");
        std::fs::write(&file, text).unwrap();
        let problem = read(&file.display().to_string()).map(drop).unwrap_err();
        (problem.detail.replace(&file.display().to_string(), "FILE"), problem.hint.unwrap_or_default())
    }

    #[test]
    fn a_file_that_is_no_contact_is_told_without_what_stands_there() {
        let (text, hint) = told("channels = [{ kind = \"signal\", value = 4711815 }]\n");
        assert_eq!(text, "`FILE` is not a contact: line 1 cannot be read");
        assert_eq!(hint, "`watchfire refer --contact-template` prints one to fill in");
    }

    #[test]
    fn a_key_that_there_is_not_is_told_by_its_line_with_those_that_there_are() {
        let keys = "the keys are call, channels, safe_times, do_not_use and notes, and of a channel kind and value";
        let channel = "[[channels]]\nkind = \"signal\"\nvalue = \"+1 555 0100\"\n";
        let (text, hint) = told(&format!("call = \"\"\n4711815 = \"\"\n{channel}"));
        assert_eq!((text.as_str(), hint.as_str()), ("`FILE` is not a contact: line 2 has a key that there is not", keys));
        let (text, hint) = told(&format!("{channel}number = \"4711815\"\n"));
        assert_eq!((text.as_str(), hint.as_str()), ("`FILE` is not a contact: line 4 has a key that there is not", keys));
        let (text, hint) = told("{\n\"4711815\": 1}");
        assert_eq!((text.as_str(), hint.as_str()), ("`FILE` is not a contact: line 2 has a key that there is not", keys));
    }

    #[test]
    fn a_kind_that_nobody_knows_is_told_by_its_place_with_those_that_are_known() {
        let with = |kind: &str| format!("channels = [{{ kind = \"Signal\", value = \"a\" }}, {{ kind = \"{kind}\", value = \"b\" }}]");
        let (text, hint) = told(&with("signall"));
        assert_eq!(text, "`FILE` is not a contact: the kind of channel 2 is none that is known");
        assert!(hint.starts_with("the kinds are signal, ") && hint.ends_with(", other"), "{hint}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("contact.toml");
        std::fs::write(&file, with("e-mail")).unwrap();
        assert!(read(&file.display().to_string()).is_ok());
    }

    #[test]
    fn a_template_of_a_contact_that_nobody_filled_in_is_none() {
        let (text, hint) = told(TEMPLATE);
        assert_eq!(text, "`FILE` is not filled in: channels.kind, channels.value still say `FILL IN`");
        assert!(hint.starts_with("write over each what holds"), "{hint}");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("contact.toml");
        let filled = TEMPLATE.replacen("FILL IN", "signal", 1).replacen("FILL IN", "+1 555 0100", 1);
        std::fs::write(&file, filled).unwrap();
        let contact = read(&file.display().to_string()).unwrap();
        assert_eq!((contact.channels.len(), contact.values().count()), (1, 1));
    }
}
