//! `watchfire refer` on a terminal: asks what a case says, checks each answer at once, and keeps it.

use super::begun::Begun;
use super::form;
use crate::cli::output::plain;
use crate::model::country::Country;
use crate::model::crypto::sha256_of;
use crate::model::language::LanguageTag;
use crate::model::referral::{CODES_MAX, EVIDENCE_MAX, INDICATORS_MAX, LANGUAGES_MAX, check_line, check_text};
use crate::model::vocabulary::Vocabularies;
use crate::model::{EntryHash, Timestamp, Tlp};
use crate::node::profile_file::nearest;
use data_encoding::HEXLOWER;
use std::io::{self, BufRead, Write};
use toml::Value;

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
/// Longest text of several lines in bytes: more is not read.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// A day begins nowhere more than so long before it does in UTC (14 hours).
const AHEAD_MS_MAX: u64 = 14 * 3_600_000;

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

    /// One code of a list. A default that is no code of it, as `none`, is no answer of its own.
    fn code(&mut self, question: &str, list: &str, default: Option<&str>) -> Answer {
        self.show(list)?;
        loop {
            let none = default.filter(|default| *default == "none");
            let shown = default.filter(|_| none.is_none() && self.is_code(list, default)).map(|default| format!(" [{default}]"));
            let typed = self.line(&format!("{question}{}", shown.clone().unwrap_or_default()))?;
            match (typed.as_str(), &shown) {
                (typed, _) if none == Some(typed) => return Ok(None),
                ("", Some(_)) => return Ok(default.map(Into::into)),
                (typed, _) => match self.chosen(list, typed) {
                    Some(code) => return Ok(Some(code.into())),
                    None => self.no_code(list, typed)?,
                },
            }
        }
    }

    fn codes(&mut self, question: &str, list: &str, some: bool) -> Answer {
        self.show(list)?;
        'again: loop {
            let typed = self.line(question)?;
            let mut codes: Vec<String> = Vec::new();
            for word in words(&typed) {
                match self.chosen(list, word) {
                    Some(code) if codes.contains(&code) => {}
                    Some(code) => codes.push(code),
                    None => {
                        self.no_code(list, word)?;
                        continue 'again;
                    }
                }
            }
            match codes.len() {
                0 if some => self.slip("at least one is needed", "numbers or codes, with blanks between")?,
                count if count > CODES_MAX => self.slip("that are too many", &format!("choose up to {CODES_MAX}"))?,
                _ => return Ok(texts(codes)),
            }
        }
    }

    /// What was typed: a code of the list, or its number there.
    fn chosen(&self, list: &str, typed: &str) -> Option<String> {
        let entries = &self.lists.get(list)?.entries;
        let by_number = typed.parse::<usize>().ok().and_then(|number| entries.get(number.checked_sub(1)?));
        let found = entries.iter().find(|entry| entry.code.as_str() == typed).or(by_number);
        found.map(|entry| entry.code.to_string())
    }

    fn is_code(&self, list: &str, code: Option<&str>) -> bool {
        self.lists.get(list).is_some_and(|list| list.entries.iter().any(|entry| Some(entry.code.as_str()) == code))
    }

    fn no_code(&mut self, list: &str, typed: &str) -> io::Result<()> {
        let hint = match self.lists.get(list) {
            Some(known) if typed.starts_with(|c: char| c.is_ascii_lowercase()) => nearest(known, typed),
            Some(known) => format!("a number from 1 to {}, or a code", known.entries.len()),
            None => "a code".into(),
        };
        self.slip(&if typed.is_empty() { "an answer is needed".into() } else { format!("`{typed}` is no code of `{list}`") }, &hint)
    }

    /// Shows a list with its numbers.
    fn show(&mut self, list: &str) -> io::Result<()> {
        let entries = self.lists.get(list).map(|list| list.entries.clone()).unwrap_or_default();
        self.say("")?;
        entries.iter().zip(1..).try_for_each(|(entry, number)| self.say(&format!("  {number:>2}  {}  ({})", entry.title, entry.code)))
    }

    fn peers(&mut self, question: &str, peers: &[String], some: bool) -> Answer {
        self.say("")?;
        peers.iter().zip(1..).try_for_each(|(peer, number): (_, usize)| self.say(&format!("  {number:>2}  {peer}")))?;
        'again: loop {
            let typed = self.line(question)?;
            let mut names: Vec<String> = Vec::new();
            for word in words(&typed) {
                let by_number = word.parse::<usize>().ok().and_then(|number| peers.get(number.checked_sub(1)?));
                match peers.iter().find(|peer| *peer == word).or(by_number) {
                    Some(name) if names.contains(name) => {}
                    Some(name) => names.push(name.clone()),
                    None => {
                        self.slip(&format!("`{word}` is none of them"), &format!("one of {}, or its number", peers.join(", ")))?;
                        continue 'again;
                    }
                }
            }
            match names.is_empty() && some {
                true => self.slip("at least one is needed", &format!("one of {}, or its number", peers.join(", ")))?,
                false => return Ok(texts(names)),
            }
        }
    }

    fn yes(&mut self, question: &str, default: Option<bool>) -> Answer {
        Ok(Some(self.yes_or_no(question, default)?.into()))
    }

    fn yes_or_no(&mut self, question: &str, default: Option<bool>) -> io::Result<bool> {
        let shown = default.map_or(" (yes or no)", |default| if default { " [yes]" } else { " [no]" });
        loop {
            let typed = self.line(&format!("{question}{shown}"))?;
            match (is_yes(&typed), default) {
                (Some(answer), _) => return Ok(answer),
                (None, Some(default)) if typed.is_empty() => return Ok(default),
                _ => self.slip("that is no answer", "yes or no")?,
            }
        }
    }

    /// Yes, no, or nothing is said of it.
    fn maybe(&mut self, question: &str) -> Answer {
        loop {
            let typed = self.line(&format!("{question} (yes or no; Enter: not known)"))?;
            match is_yes(&typed) {
                Some(answer) => return Ok(Some(answer.into())),
                None if typed.is_empty() => return Ok(None),
                None => self.slip("that is no answer", "yes, no, or Enter where it is not known")?,
            }
        }
    }

    fn number(&mut self, question: &str) -> Answer {
        loop {
            match self.line(question)?.parse::<u16>() {
                Ok(number) if number > 0 => return Ok(Some(i64::from(number).into())),
                _ => self.slip("that is no number of people", "such as 2")?,
            }
        }
    }

    /// A day that has begun somewhere.
    fn past_day(&mut self, question: &str) -> Answer {
        loop {
            let typed = self.line(&format!("{question} (such as 2026-11-27, or `today`)"))?;
            match self.day(&typed) {
                Some(day) if day.0 > self.today.plus(AHEAD_MS_MAX).0 => self.slip("that day has not come", "a day until today")?,
                Some(day) => return Ok(Some(day.to_string()[..10].into())),
                None => self.slip(&format!("`{typed}` is no day"), "write it like 2026-11-27")?,
            }
        }
    }

    /// A day that is not over, or the word for none.
    fn coming_day(&mut self, question: &str, none: &str) -> Answer {
        loop {
            let typed = self.line(question)?;
            match self.day(&typed) {
                _ if typed == none => return Ok(None),
                Some(day) if day <= self.today => self.slip("that day has come already", "a day after today")?,
                Some(day) => return Ok(Some(day.to_string()[..10].into())),
                None => self.slip(&format!("`{typed}` is no day"), "write it like 2027-05-27")?,
            }
        }
    }

    fn day(&self, typed: &str) -> Option<Timestamp> {
        let today = self.today.to_string();
        let text = if typed == "today" { &today[..10] } else { typed };
        (text.len() == 10).then(|| text.parse().ok()).flatten()
    }

    /// Several lines.
    fn text(&mut self, question: &str, field: &'static str, needed: bool) -> Answer {
        loop {
            let mut text = self.line(&format!("{question} End with an empty line.\n "))?;
            while text.len() < TEXT_BYTES_MAX && !text.is_empty() {
                match self.line(" ")? {
                    line if line.is_empty() => break,
                    line => text += &format!("\n{line}"),
                }
            }
            match check_text(field, &text) {
                Ok(()) if text.is_empty() && needed => self.slip("something is needed", "a sentence, without anybody's name")?,
                Ok(()) => return Ok(said(text)),
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    fn line_of(&mut self, question: &str, field: &'static str) -> io::Result<String> {
        loop {
            let typed = self.line(question)?;
            match check_line(field, &typed) {
                Ok(()) => return Ok(typed),
                Err(error) => self.slip_of(&error)?,
            }
        }
    }

    fn line(&mut self, question: &str) -> io::Result<String> {
        write!(self.to, "{question} ")?;
        self.to.flush()?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answers"));
        }
        Ok(line.trim().to_owned())
    }

    fn slip(&mut self, wrong: &str, hint: &str) -> io::Result<()> {
        self.say(&format!("{wrong}\nhint: {hint}"))
    }

    fn slip_of(&mut self, error: &impl std::fmt::Display) -> io::Result<()> {
        self.say(&error.to_string())
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }
}

/// Whether somebody says yes or no; `None` for all else.
pub(super) fn is_yes(typed: &str) -> Option<bool> {
    match typed.to_lowercase().as_str() {
        "yes" | "y" => Some(true),
        "no" | "n" => Some(false),
        _ => None,
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

fn words(typed: &str) -> impl Iterator<Item = &str> {
    typed.split([' ', ',']).filter(|word| !word.is_empty())
}

fn texts(all: Vec<String>) -> Option<Value> {
    Some(all.into())
}

fn said(text: String) -> Option<Value> {
    Some(text).filter(|text| !text.is_empty()).map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::referral::refer;
    use crate::node::referral::ReferRequest;

    /// What comes of these answers, in a directory in which nothing was kept before, or goes on with what was.
    fn ask(directory: &std::path::Path, kept: Option<&str>, typed: &str) -> (io::Result<Begun>, String) {
        let lists = crate::node::vocabulary::load(std::path::Path::new("nowhere")).unwrap();
        let peers = ["borealis".to_owned(), "cedar".to_owned()];
        let mut begun = match kept {
            Some(file) => Begun::of(file, &std::fs::read_to_string(file).unwrap()).unwrap().unwrap(),
            None => Begun::new(directory, &QUESTIONS),
        };
        let (mut shown, today) = (Vec::new(), "2026-11-27T09:00:00Z".parse().unwrap());
        let entry_of = |what: &str, to: &[String]| match what {
            "evil.example.org" if *to == peers => Ok(EntryHash([7; 32])),
            _ => Err(format!("`{what}` is in no log that they read\nhint: share it")),
        };
        let mut wizard =
            Wizard { from: typed.as_bytes(), to: &mut shown, lists: &lists, today, peers: &peers, contact: false, entry_of: &entry_of };
        let done = wizard.case(&mut begun).map(|()| begun);
        (done, String::from_utf8(shown).unwrap())
    }

    fn case_of(begun: &Begun) -> ReferRequest {
        refer::read("case", &begun.written()).unwrap_or_else(|problem| panic!("{}", problem.detail))
    }

    /// Answers to everything up to the consent.
    const WHAT: &str = "T-2026-113\n1\ncedar\nyes\n\n\n1 malware\nnormal\nno\nyes\nclicked\n\njournalist\nmiddle_east_north_africa\n\nar fr\n\
                        take_over forensic_analysis\n\nIt was taken over.\nOn Monday.\n\n\nyes\nwomen\nno\n\nyes\nvouched\n2\n2026-11-20\n\npassed\n";
    const CONSENT: &str = "yes\nverbal\ntoday\nintermediary\n2027-05-27\nno\nno\nyes\nno\nsignal\n";

    fn only_file(directory: &std::path::Path) -> String {
        let all: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(all.len(), 1);
        all[0].display().to_string()
    }

    #[test]
    fn answers_make_a_case_that_can_be_sent() {
        let directory = tempfile::tempdir().unwrap();
        let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{CONSENT}"));
        let case = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}")));
        assert_eq!((case.to.as_slice(), case.candidates.as_slice()), (&["borealis".to_owned()][..], &["cedar".to_owned()][..]));
        assert_eq!(
            (case.reference.as_str(), case.automatic, case.recipients),
            ("T-2026-113", true, vec!["borealis".into(), "cedar".into()])
        );
        let offer = serde_json::to_value(&case.offer).unwrap();
        let expected = serde_json::json!({
            "nature": "reactive", "incident_types": ["account_compromise", "malware"], "priority": "normal", "physical_danger": false,
            "ongoing": true, "interacted": ["clicked"], "subject": offer["subject"], "requester_kind": "individual",
            "beneficiary_type": "journalist", "region": "middle_east_north_africa", "languages": [{"tag": "ar"}, {"tag": "fr"}],
            "vulnerability": ["women"],
            "consent": {
                "basis": "verbal", "onward": false, "platforms": true, "indicators_only": false, "statistics": false,
                "obtained": "2026-11-27T00:00:00.000Z", "obtained_by": "intermediary", "expires": "2027-05-27T00:00:00.000Z",
                "revocation_channel": "signal",
            },
            "vetting": {"method": "vouched", "result": "passed", "vouched_by": 2, "date": "2026-11-20T00:00:00.000Z"},
            "help_wanted": ["take_over", "forensic_analysis"], "summary": "It was taken over.\nOn Monday.", "hand_over": "warm",
        });
        assert_eq!(offer, expected, "{shown}");
        assert_eq!(case.offer.check(), Ok(()));
        assert_eq!(only_file(directory.path()), directory.path().join("case-T-2026-113.toml").display().to_string());
    }

    #[test]
    fn what_is_attached_is_asked_where_somebody_wants_it() {
        let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = files.path().join("mail of amina.eml");
        std::fs::write(&file, "abc").unwrap();
        let (file, place) = (file.display().to_string(), files.path().display().to_string());
        let said = format!(
            "women\nno\nevidence pictures\nuntil, Evidence indicators campaign\n{place}\n{place}/none\n{file}\nemial\nemail\n{file}\n\n\
             other.example.org\nevil.example.org evil.example.org\nPegasus\n2026-11-27\n2026-12-10\n"
        );
        let typed = format!("{}{CONSENT}", WHAT.replacen("women\nno\n\n", &said, 1));
        let (begun, shown) = ask(directory.path(), None, &typed);
        let offer = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = serde_json::json!([{"kind": "email", "sha256": abc, "size": 3}]);
        assert_eq!(serde_json::to_value(&offer.evidence).unwrap(), expected);
        assert_eq!((offer.indicators.as_slice(), offer.campaign.as_str()), (&[EntryHash([7; 32])][..], "Pegasus"));
        assert_eq!(offer.expires.map(|day| day.to_string()).as_deref(), Some("2026-12-10T00:00:00.000Z"));
        for told in [
            "`pictures` is none of them\nhint: some of evidence, indicators, campaign, until, or Enter",
            "cannot be read: it is no file\nhint: the path of a file",
            &format!("3 bytes, SHA-256 {abc}"),
            "`emial` is no code of `evidence-kind`\nhint: did you mean `email`?",
            "that piece is there already",
            "`other.example.org` is in no log that they read\nhint: share it",
            "that day has come already",
        ] {
            assert!(shown.contains(told), "{told}: {shown}");
        }
        let kept = std::fs::read_to_string(only_file(directory.path())).unwrap();
        assert!(!kept.contains("amina"), "a file's name may be somebody's: {kept}");
        // Who is interrupted after a piece goes on with the next.
        let directory = tempfile::tempdir().unwrap();
        let until_kind = typed.split_inclusive("\nemail\n").next().unwrap();
        assert!(ask(directory.path(), None, until_kind).0.is_err());
        let rest = typed.split_once("\nemail\n").unwrap().1;
        let (begun, shown) = ask(directory.path(), Some(&only_file(directory.path())), rest);
        let again = case_of(&begun.unwrap_or_else(|error| panic!("{error}: {shown}"))).offer;
        assert_eq!(again.evidence, offer.evidence);
        assert!(!shown.contains("Anything else"), "{shown}");
    }

    #[test]
    fn a_slip_is_told_at_once_with_the_way_out_and_asked_again() {
        let directory = tempfile::tempdir().unwrap();
        let slips = [
            ("T-2026-113\n1", "T-2026-113\n9\n1", "`9` is none of them\nhint: one of borealis, cedar, or its number"),
            ("africa\n\nar", "africa\nuk\nXX\n\nar", "`UK` is no country\nhint: did you mean `GB`?"),
            ("malware", "malwar\n1 malware", "`malwar` is no code of `incident-type`\nhint: did you mean `malware`?"),
            ("\nno\nyes\nclicked", "\nmaybe\nno\nyes\nclicked", "hint: yes, no, or Enter where it is not known"),
            ("ar fr", "arabic\nar fr", "`arabic` is no language\nhint: a tag of BCP 47"),
            ("2026-11-20", "2026-12-20\n20.11.2026\n2026-11-20", "that day has not come\nhint: a day until today"),
            ("2026-11-20", "20.11.2026\n2026-11-20", "`20.11.2026` is no day\nhint: write it like 2026-11-27"),
            ("journalist", "\njournalist", "an answer is needed\nhint: a number from 1 to "),
        ];
        for (right, slip, told) in slips {
            let (begun, shown) = ask(directory.path(), None, &format!("{}{CONSENT}", WHAT.replacen(right, slip, 1)));
            assert!(shown.contains(told), "{told}: {shown}");
            assert_eq!(case_of(&begun.expect(told)).offer.priority, crate::model::referral::Priority::Normal);
        }
    }

    #[test]
    fn no_answer_about_the_consent_is_made_up() {
        let directory = tempfile::tempdir().unwrap();
        let answers: Vec<&str> = CONSENT.lines().collect();
        for at in 0..answers.len() {
            let mut with_enter = answers.clone();
            with_enter.insert(at, "");
            let (begun, shown) = ask(directory.path(), None, &format!("{WHAT}{}\n", with_enter.join("\n")));
            assert_eq!(shown.matches("hint: ").count(), 1, "Enter is no answer to question {at} of the consent: {shown}");
            assert!(begun.is_ok());
            let (begun, _) = ask(directory.path(), None, &format!("{WHAT}{}", answers[..at].join("\n")));
            assert!(begun.is_err());
        }
    }

    #[test]
    fn whatever_was_answered_when_it_ended_is_not_asked_again() {
        let all = format!("{WHAT}{CONSENT}");
        let lines: Vec<&str> = all.lines().collect();
        // The gate of a group, and lines of one text, are no answers of their own.
        let mut whole = 0;
        for at in 1..lines.len() {
            let directory = tempfile::tempdir().unwrap();
            let (begun, _) = ask(directory.path(), None, &(lines[..at].join("\n") + "\n"));
            assert!(begun.is_err(), "{at}");
            let file = only_file(directory.path());
            let kept = std::fs::read_to_string(&file).unwrap();
            let error = refer::read(&file, &kept).expect_err("it is not whole").detail;
            assert!(error.contains("is not filled in"), "{error}");
            let (begun, shown) = ask(directory.path(), Some(&file), &(lines[at..].join("\n") + "\n"));
            if let Ok(begun) = begun {
                whole += usize::from(case_of(&begun).offer.vetting.is_some_and(|vetting| vetting.vouched_by == 2));
            } else {
                assert!((20..=22).contains(&at) || lines[at - 1] == "yes", "{at}: {shown}");
            }
        }
        assert!(whole >= lines.len() - 5, "{whole} of {}", lines.len());
    }

    #[test]
    fn all_that_an_offer_says_is_asked_or_left_to_the_file() {
        const LEFT: [&str; 1] = ["offer.incident_week"];
        let template: String = refer::TEMPLATE.lines().map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n").collect();
        let fields = template.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned());
        let known: Vec<&str> = QUESTIONS.iter().chain(&LEFT).flat_map(|field| field.split('.')).collect();
        for field in fields.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')) {
            assert!(known.contains(&field.as_str()) || field == "earlier", "{field}");
        }
    }
}
