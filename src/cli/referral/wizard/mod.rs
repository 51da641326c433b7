//! `watchfire refer` on a terminal: asks what a case says, checks each answer at once, and keeps it.

#[cfg(test)]
mod tests;
mod typed;

pub(super) use typed::is_yes;

use super::begun::Begun;
use super::form;
use crate::cli::output::plain;
use crate::model::country::Country;
use crate::model::crypto::sha256_of;
use crate::model::language::LanguageTag;
use crate::model::referral::{EVIDENCE_MAX, INDICATORS_MAX, LANGUAGES_MAX};
use crate::model::vocabulary::Vocabularies;
use crate::model::{EntryHash, Timestamp, Tlp};
use data_encoding::HEXLOWER;
use std::io::{self, BufRead, Write};
use toml::Value;
use typed::{said, texts, words};

/// Everything that is asked, by its place in the case, in the order of asking. The consent has no default anywhere: it is the person's word.
pub(super) const QUESTIONS: [&str; 47] = [
    "reference",
    "to",
    "candidates",
    "automatic",
    "tlp",
    "offer.nature",
    "offer.incident_types",
    "offer.priority",
    "offer.physical_danger",
    "offer.ongoing",
    "offer.interacted",
    "offer.requester_kind",
    "offer.beneficiary_type",
    "offer.region",
    "offer.country",
    "offer.languages",
    "offer.help_wanted",
    "offer.platforms",
    "offer.summary",
    "offer.steps_taken",
    "offer.hand_over",
    "offer.vulnerability",
    "offer.do_not_use",
    "offer.safe_times",
    "offer.causes",
    "offer.services",
    "offer.devices",
    "offer.deadline",
    "offer.evidence",
    "offer.indicators",
    "offer.campaign",
    "offer.expires",
    "offer.vetting.method",
    "offer.vetting.vouched_by",
    "offer.vetting.date",
    "offer.vetting.expires",
    "offer.vetting.result",
    "recipients",
    "offer.consent.basis",
    "offer.consent.obtained",
    "offer.consent.obtained_by",
    "offer.consent.expires",
    "offer.consent.indicators_only",
    "offer.consent.onward",
    "offer.consent.platforms",
    "offer.consent.statistics",
    "offer.consent.revocation_channel",
];
/// What is asked only where somebody wants to say more.
const MORE: [&str; 6] = ["offer.do_not_use", "offer.safe_times", "offer.causes", "offer.services", "offer.devices", "offer.deadline"];
/// What can be attached, by the words in which it is asked for.
const ATTACHED: [(&str, &str); 4] =
    [("evidence", "offer.evidence"), ("indicators", "offer.indicators"), ("campaign", "offer.campaign"), ("until", "offer.expires")];
const VETTING: [&str; 5] =
    ["offer.vetting.method", "offer.vetting.vouched_by", "offer.vetting.date", "offer.vetting.expires", "offer.vetting.result"];

/// Finds the entry of a value or a record that all of these partners have, or says why there is none.
pub(super) type EntryOf<'a> = dyn Fn(&str, &[String]) -> Result<EntryHash, String> + 'a;

/// Asks a person.
pub(super) struct Wizard<'a, R, W> {
    /// What they type.
    pub(super) from: R,
    /// What they read.
    pub(super) to: W,
    /// The codes.
    pub(super) lists: &'a Vocabularies,
    /// The day.
    pub(super) today: Timestamp,
    /// Who there is, by the names of peers.
    pub(super) peers: &'a [String],
    /// Whether a contact is at hand, which a cold hand-over needs.
    pub(super) contact: bool,
    /// How indicators are found.
    pub(super) entry_of: &'a EntryOf<'a>,
}

/// What becomes of an answer: kept, or nothing is said.
type Answer = io::Result<Option<Value>>;

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    /// Asks all that is not answered, and keeps each answer as soon as it is one.
    ///
    /// # Errors
    /// When nobody answers any more, or an answer cannot be kept.
    pub(super) fn case(&mut self, case: &mut Begun) -> io::Result<()> {
        self.say(
            "Who the person is does not belong in what follows: no name, no address, no account, no ticket's number but as the reference.",
        )?;
        self.whom(case)?;
        self.what(case)?;
        self.more(case)?;
        self.attached(case)?;
        self.vetting(case)?;
        self.consent(case)
    }

    fn ask(&mut self, case: &mut Begun, field: &str, how: impl FnOnce(&mut Self) -> Answer) -> io::Result<()> {
        if case.is_missing(field) {
            let answer = how(self)?;
            case.keep(vec![(field, answer)])?;
        }
        Ok(())
    }

    fn whom(&mut self, case: &mut Begun) -> io::Result<()> {
        self.ask(case, "reference", |my| {
            my.line_of("What does your desk call the case? It never leaves; a number, not a name (Enter: nothing)", "reference").map(said)
        })?;
        let peers = self.peers.to_vec();
        self.ask(case, "to", |my| my.peers("To which partner? Several where you want to choose among those who accept", &peers, true))?;
        let to = case.texts("to");
        let then: Vec<String> = peers.into_iter().filter(|peer| !to.contains(peer)).collect();
        self.ask(case, "candidates", |my| match then.is_empty() {
            true => Ok(texts(Vec::new())),
            false => my.peers("Who next, if nobody answers, in which order? (Enter: nobody)", &then, false),
        })?;
        let next = !case.texts("candidates").is_empty();
        self.ask(case, "automatic", |my| match next {
            true => my.yes("Ask the next one without asking you again?", Some(false)),
            false => Ok(Some(false.into())),
        })?;
        self.ask(case, "tlp", |my| my.label())
    }

    fn what(&mut self, case: &mut Begun) -> io::Result<()> {
        self.ask(case, "offer.nature", |my| my.code("Has it happened?", "nature", Some("reactive")))?;
        self.ask(case, "offer.incident_types", |my| my.codes("What happened? One or more", "incident-type", true))?;
        self.ask(case, "offer.priority", |my| my.code("How soon? Within 24 hours, 72 hours, or two weeks", "priority", Some("urgent")))?;
        self.ask(case, "offer.physical_danger", |my| my.maybe("Is somebody in physical danger?"))?;
        self.ask(case, "offer.ongoing", |my| my.maybe("Does it still go on?"))?;
        self.ask(case, "offer.interacted", |my| {
            my.codes("What did the person do before they knew? (Enter: nothing)", "interaction", false)
        })?;
        self.ask(case, "offer.requester_kind", |my| my.code("Who asked you?", "requester-kind", Some("individual")))?;
        self.ask(case, "offer.beneficiary_type", |my| my.code("Who needs help?", "beneficiary-type", None))?;
        self.ask(case, "offer.region", |my| my.code("In which region?", "region", None))?;
        self.ask(case, "offer.country", Self::country)?;
        self.ask(case, "offer.languages", Self::languages)?;
        self.ask(case, "offer.help_wanted", |my| my.codes("What help is wanted? One or more", "help-wanted", true))?;
        self.ask(case, "offer.platforms", |my| my.codes("On which platforms is it? (Enter: none)", "platform", false))?;
        self.ask(case, "offer.summary", |my| my.text("What is it about, in a few sentences?", "summary", true))?;
        self.ask(case, "offer.steps_taken", |my| my.text("What was done already?", "steps_taken", false))?;
        if self.contact {
            return case.keep(vec![("offer.hand_over", Some("cold".into()))]);
        }
        self.ask(case, "offer.hand_over", Self::hand_over)
    }

    fn more(&mut self, case: &mut Begun) -> io::Result<()> {
        self.ask(case, "offer.vulnerability", |my| my.codes("What to be careful about? (Enter: nothing)", "vulnerability", false))?;
        if MORE.iter().all(|field| case.is_missing(field)) {
            let question = "Say more: ways and times that are not safe, causes, services, devices, a deadline?";
            if !self.yes_or_no(question, Some(false))? {
                return case.keep(MORE.map(|field| (field, None)).to_vec());
            }
        }
        self.ask(case, "offer.do_not_use", |my| {
            my.codes("By which ways must the person not be reached? (Enter: none)", "contact-channel", false)
        })?;
        self.ask(case, "offer.safe_times", |my| {
            my.line_of("When is it safe to reach the person? (Enter: always)", "safe_times").map(said)
        })?;
        self.ask(case, "offer.causes", |my| my.codes("For which causes do they stand? (Enter: not told)", "cause", false))?;
        self.ask(case, "offer.services", |my| my.codes("Which services are wanted? (Enter: not told)", "service", false))?;
        self.ask(case, "offer.devices", |my| my.codes("Which devices? (Enter: not told)", "device", false))?;
        self.ask(case, "offer.deadline", |my| my.coming_day("On which day will it be too late? (Enter: none)", ""))
    }

    fn attached(&mut self, case: &mut Begun) -> io::Result<()> {
        if case.are_untouched(&ATTACHED.map(|(_, field)| field)) {
            let wanted = self.attachments()?;
            let left_out = ATTACHED.iter().filter(|(word, _)| !wanted.contains(word));
            case.keep(left_out.map(|(_, field)| (*field, None)).collect())?;
        }
        self.evidence(case)?;
        let to = [case.texts("to"), case.texts("candidates")].concat();
        self.ask(case, "offer.indicators", |my| my.indicators(&to))?;
        self.ask(case, "offer.campaign", |my| {
            my.line_of("To which campaign does it seem to belong, by the name that reports give it? (Enter: none)", "campaign").map(said)
        })?;
        self.ask(case, "offer.expires", |my| my.coming_day("On which day does the offer end? (Enter: it has no end)", ""))
    }

    /// Which of these somebody wants to attach.
    fn attachments(&mut self) -> io::Result<Vec<&'static str>> {
        let all = ATTACHED.map(|(word, _)| word);
        'again: loop {
            let typed = self.line("Anything else to attach? (evidence, indicators, campaign, until; Enter: nothing)")?;
            let mut wanted = Vec::new();
            for word in words(&typed) {
                match all.iter().find(|known| **known == word.to_lowercase()) {
                    Some(known) => wanted.push(*known),
                    None => {
                        self.slip(&format!("`{word}` is none of them"), &format!("some of {}, or Enter", all.join(", ")))?;
                        continue 'again;
                    }
                }
            }
            return Ok(wanted);
        }
    }

    /// Pieces of evidence, each by a file that is read here and stays here. Each is kept as soon as it is one.
    fn evidence(&mut self, case: &mut Begun) -> io::Result<()> {
        const FIELD: &str = "offer.evidence";
        while case.is_missing(FIELD) {
            let mut pieces = case.tables(FIELD);
            let question = "Which file is evidence? It stays here: its kind, its size and its SHA-256 are told (Enter: no more)";
            let typed = if pieces.len() < EVIDENCE_MAX { self.line(question)? } else { String::new() };
            if typed.is_empty() {
                return case.keep(vec![(FIELD, Some(Value::Array(pieces)))]);
            }
            let (sha256, size) = match measured(&typed) {
                Ok((hash, size)) => (HEXLOWER.encode(&hash), size),
                Err(why) => {
                    self.slip(
                        &format!("`{}` cannot be read: {why}", plain(&typed)),
                        "the path of a file, from this directory or from `/`",
                    )?;
                    continue;
                }
            };
            if pieces.iter().any(|piece| piece.get("sha256").and_then(Value::as_str) == Some(sha256.as_str())) {
                self.slip("that piece is there already", "another file, or Enter")?;
                continue;
            }
            self.say(&format!("{size} bytes, SHA-256 {sha256}"))?;
            let kind = self.code("What is it?", "evidence-kind", None)?;
            let piece =
                [("kind".into(), kind.unwrap_or_else(|| "".into())), ("sha256".into(), sha256.into()), ("size".into(), size.into())];
            pieces.push(Value::Table(piece.into_iter().collect()));
            // Until somebody says that there are no more, the next is asked.
            pieces.push(form::FILL_IN.into());
            case.keep(vec![(FIELD, Some(Value::Array(pieces)))])?;
        }
        Ok(())
    }

    fn indicators(&mut self, to: &[String]) -> Answer {
        'again: loop {
            let question =
                "Which indicators of the case does the partner have? Values or ids of records, with blanks between (Enter: none)";
            let typed = self.line(question)?;
            let mut hashes: Vec<String> = Vec::new();
            for word in words(&typed) {
                match (self.entry_of)(word, to) {
                    Ok(hash) if hashes.contains(&hash.to_string()) => {}
                    Ok(hash) => hashes.push(hash.to_string()),
                    Err(why) => {
                        self.say(&why)?;
                        continue 'again;
                    }
                }
            }
            match hashes.len() {
                count if count > INDICATORS_MAX => self.slip("that are too many", &format!("name up to {INDICATORS_MAX}"))?,
                _ => return Ok(texts(hashes)),
            }
        }
    }

    fn vetting(&mut self, case: &mut Begun) -> io::Result<()> {
        if VETTING.iter().all(|field| case.is_missing(field)) && !self.yes_or_no("Was the person looked into (vetted)?", Some(false))? {
            return case.keep(vec![("offer.vetting", None)]);
        }
        self.ask(case, "offer.vetting.method", |my| my.code("How?", "vetting-method", None))?;
        let vouched = case.text("offer.vetting.method") == Some("vouched");
        self.ask(case, "offer.vetting.vouched_by", |my| if vouched { my.number("How many vouched?") } else { Ok(None) })?;
        self.ask(case, "offer.vetting.date", |my| my.past_day("On which day?"))?;
        self.ask(case, "offer.vetting.expires", |my| my.coming_day("Until which day does it count? (Enter: no end)", ""))?;
        self.ask(case, "offer.vetting.result", |my| my.code("With what result?", "vetting-result", None))
    }

    fn consent(&mut self, case: &mut Begun) -> io::Result<()> {
        let all: Vec<String> = case.texts("to").into_iter().chain(case.texts("candidates")).collect();
        self.ask(case, "recipients", |my| {
            let question = format!("Is the consent for each of these: {}?", all.join(", "));
            while !my.yes_or_no(&question, None)? {
                my.slip(
                    "nobody else is given the case",
                    "Ctrl-C ends this; `to` and `candidates` of the file that is kept can be changed",
                )?;
            }
            Ok(texts(all))
        })?;
        self.ask(case, "offer.consent.basis", |my| my.code("How did the person agree?", "consent-basis", None))?;
        self.ask(case, "offer.consent.obtained", |my| my.past_day("On which day was that?"))?;
        self.ask(case, "offer.consent.obtained_by", |my| my.code("Who asked the person?", "consent-role", None))?;
        self.ask(case, "offer.consent.expires", |my| {
            my.coming_day("From which day on may nothing leave any more? `none` where the person named no day", "none")
        })?;
        // Where indicators alone may be given away, the node lets nothing of the case out, and says so.
        self.ask(case, "offer.consent.indicators_only", |my| my.yes("May indicators alone be given away, and nothing of the case?", None))?;
        self.ask(case, "offer.consent.onward", |my| my.yes("May the partner pass it on?", None))?;
        self.ask(case, "offer.consent.platforms", |my| my.yes("May platforms be told?", None))?;
        self.ask(case, "offer.consent.statistics", |my| my.yes("May it be counted in what is published?", None))?;
        self.ask(case, "offer.consent.revocation_channel", |my| {
            my.code("By which way can the person take it back? `none` where there is none", "contact-channel", Some("none"))
        })
    }

    fn label(&mut self) -> Answer {
        loop {
            match self.line("Label: clear, green, amber, amber+strict or red? [amber+strict]")?.as_str() {
                "" => return Ok(Some(Tlp::AmberStrict.name().into())),
                typed if typed.parse::<Tlp>().is_ok() => return Ok(Some(typed.into())),
                typed => self.slip(&format!("`{typed}` is not a TLP label"), "choose clear, green, amber, amber+strict or red")?,
            }
        }
    }

    fn country(&mut self) -> Answer {
        loop {
            let typed = self.line("In which country? The partner is told (two letters, such as LB; Enter: not told)")?.to_uppercase();
            match Country::assigned(&typed) {
                _ if typed.is_empty() => return Ok(None),
                Ok(_) => return Ok(Some(typed.into())),
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    fn languages(&mut self) -> Answer {
        loop {
            let typed = self.line("Which languages does the person speak, best first? (such as `ar es-MX`; Enter: not known)")?;
            let tags: Result<Vec<LanguageTag>, _> = words(&typed).map(str::parse).collect();
            match tags {
                Ok(tags) if tags.len() > LANGUAGES_MAX => self.slip("that are too many", &format!("name up to {LANGUAGES_MAX}"))?,
                Ok(tags) => {
                    let entry = |tag: LanguageTag| Value::Table([("tag".to_owned(), Value::from(tag.to_string()))].into_iter().collect());
                    return Ok(Some(Value::Array(tags.into_iter().map(entry).collect())));
                }
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    fn hand_over(&mut self) -> Answer {
        while !self.yes_or_no("Does the person contact the partner themselves (warm)?", Some(true))? {
            let hint =
                "Ctrl-C ends this; `watchfire refer --contact-template` prints a file for the contact, and then go on with `--contact`";
            self.slip("for a cold hand-over the partner needs a contact", hint)?;
        }
        Ok(Some("warm".into()))
    }
}

/// What a file has in it: its SHA-256 and its size. Only a file: what else has a path may have no end.
fn measured(path: &str) -> io::Result<([u8; 32], i64)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let (hash, size) = sha256_of(std::fs::File::open(path)?)?;
    Ok((hash, i64::try_from(size).map_err(io::Error::other)?))
}
