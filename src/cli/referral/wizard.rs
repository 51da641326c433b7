//! `watchfire refer` on a terminal: asks what a case needs, a handful of questions, each with its codes.

use crate::model::SubjectRef;
use crate::model::Timestamp;
use crate::model::referral::{Consent, HandOver, Language, Offer, Priority};
use crate::model::vocabulary::{Code, Vocabularies};
use crate::node::referral::ReferRequest;
use std::io::{self, BufRead, Write};

/// So often a question is asked again before the wizard gives up.
const TRIES: usize = 5;
/// Longest text of several lines in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

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
}

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    /// The whole case.
    ///
    /// # Errors
    /// When nobody answers any more.
    pub(super) fn case(&mut self, peers: &[String], to: Vec<String>) -> io::Result<ReferRequest> {
        self.say("Who the person is does not belong in what follows: no name, no address, no account, no ticket's number.")?;
        let to = match to.is_empty() {
            true => vec![self.one_of("To which partner?", peers, None)?],
            false => to,
        };
        let then: Vec<String> = peers.iter().filter(|peer| !to.contains(peer)).cloned().collect();
        let candidates = if then.is_empty() { Vec::new() } else { self.some_of("Who next, if nobody answers? (Enter: nobody)", &then)? };
        let incident_types = self.codes("What happened?", "incident-type", true)?;
        let priority = self.code("How soon?", "priority", Some("urgent"))?;
        let priority = Priority::ALL.into_iter().find(|one| one.name() == priority.to_string()).unwrap_or(Priority::Emergency);
        let help_wanted = self.codes("What help is wanted?", "help-wanted", true)?;
        let beneficiary_type = self.code("Who needs it?", "beneficiary-type", None)?;
        let region = self.code("In which region?", "region", None)?;
        let languages = self.languages()?;
        let summary = self.text("What is it about? End with an empty line.")?;
        let steps_taken = self.text("What was done already? End with an empty line.")?;
        let warm = self.yes("Does the person contact the partner themselves (warm)?", true)?;
        let consent = self.consent()?;
        let offer = Offer {
            expires: None,
            nature: self.lists_code("nature", "reactive"),
            incident_types,
            priority,
            physical_danger: None,
            ongoing: None,
            interacted: Vec::new(),
            deadline: None,
            incident_week: None,
            subject: SubjectRef([0; 16]),
            requester_kind: self.lists_code("requester-kind", "individual"),
            beneficiary_type,
            causes: Vec::new(),
            region,
            country: None,
            languages,
            vulnerability: Vec::new(),
            consent,
            vetting: None,
            help_wanted,
            services: Vec::new(),
            summary,
            steps_taken,
            devices: Vec::new(),
            platforms: Vec::new(),
            evidence: Vec::new(),
            indicators: Vec::new(),
            campaign: String::new(),
            hand_over: if warm { HandOver::Warm } else { HandOver::Cold },
            do_not_use: Vec::new(),
            safe_times: String::new(),
        };
        let automatic = !candidates.is_empty() && self.yes("Ask the next one without asking you again?", false)?;
        Ok(ReferRequest { to, candidates, automatic, ..ReferRequest::of(offer) })
    }

    fn consent(&mut self) -> io::Result<Consent> {
        let basis = ["explicit", "verbal", "through_intermediary", "vital_interest"].map(str::to_owned);
        let basis = self.one_of("How did the person agree?", &basis, Some("explicit"))?;
        let onward = self.yes("May the partner pass it on?", false)?;
        let platforms = self.yes("May platforms be told?", false)?;
        let statistics = self.yes("May it be counted in what is published?", true)?;
        Ok(Consent {
            basis: code(&basis),
            onward,
            platforms,
            indicators_only: false,
            statistics,
            obtained: self.today,
            obtained_by: code("handler"),
            expires: None,
            revocation_channel: None,
        })
    }

    fn languages(&mut self) -> io::Result<Vec<Language>> {
        let typed = self.line("Which languages does the person speak? (such as `ar fr`, best first)")?;
        let tags = typed.split([' ', ',']).filter(|tag| !tag.is_empty());
        Ok(tags.map(|tag| Language { tag: tag.to_owned(), level: None }).collect())
    }

    /// A code of a list that there is; where an operator replaced the list, its first.
    fn lists_code(&self, list: &str, wanted: &str) -> Code {
        let entries = self.lists.get(list).map(|list| list.entries.as_slice()).unwrap_or_default();
        let found = entries.iter().find(|entry| entry.code.to_string() == wanted).or(entries.first());
        found.map_or_else(|| code(wanted), |entry| entry.code.clone())
    }

    fn code(&mut self, question: &str, list: &str, default: Option<&str>) -> io::Result<Code> {
        let all = self.titles(list)?;
        Ok(code(&self.one_of(question, &all, default)?))
    }

    fn codes(&mut self, question: &str, list: &str, some: bool) -> io::Result<Vec<Code>> {
        let all = self.titles(list)?;
        for _ in 0..TRIES {
            let chosen = self.some_of(question, &all)?;
            if !chosen.is_empty() || !some {
                return Ok(chosen.iter().map(|chosen| code(chosen)).collect());
            }
            self.say("at least one is needed")?;
        }
        Err(nobody())
    }

    /// Shows a list with its numbers; gives back its codes.
    fn titles(&mut self, list: &str) -> io::Result<Vec<String>> {
        let entries = self.lists.get(list).map(|list| list.entries.clone()).unwrap_or_default();
        for (entry, number) in entries.iter().zip(1..) {
            self.say(&format!("  {number:>2}  {}  ({})", entry.title, entry.code))?;
        }
        Ok(entries.into_iter().map(|entry| entry.code.to_string()).collect())
    }

    fn one_of(&mut self, question: &str, all: &[String], default: Option<&str>) -> io::Result<String> {
        let hint = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        for _ in 0..TRIES {
            let typed = self.line(&format!("{question}{hint}"))?;
            let chosen = match (typed.as_str(), default) {
                ("", Some(default)) => Some(default.to_owned()),
                (typed, _) => chosen(typed, all),
            };
            match chosen {
                Some(chosen) => return Ok(chosen),
                None => self.say(&format!("one of: {}", all.join(", ")))?,
            }
        }
        Err(nobody())
    }

    fn some_of(&mut self, question: &str, all: &[String]) -> io::Result<Vec<String>> {
        for _ in 0..TRIES {
            let typed = self.line(question)?;
            let parts: Vec<&str> = typed.split([' ', ',']).filter(|part| !part.is_empty()).collect();
            let found: Option<Vec<String>> = parts.iter().map(|part| chosen(part, all)).collect();
            match found {
                Some(found) => return Ok(found),
                None => self.say(&format!("numbers or codes, with blanks between: {}", all.join(", ")))?,
            }
        }
        Err(nobody())
    }

    fn yes(&mut self, question: &str, default: bool) -> io::Result<bool> {
        for _ in 0..TRIES {
            let typed = self.line(&format!("{question} [{}]", if default { "yes" } else { "no" }))?;
            match typed.to_lowercase().as_str() {
                "" => return Ok(default),
                "yes" | "y" => return Ok(true),
                "no" | "n" => return Ok(false),
                _ => self.say("yes or no")?,
            }
        }
        Err(nobody())
    }

    fn text(&mut self, question: &str) -> io::Result<String> {
        let mut text = self.line(question)?;
        while text.len() < TEXT_BYTES_MAX && !text.is_empty() {
            match self.line("")? {
                line if line.is_empty() => break,
                line => {
                    text.push('\n');
                    text += &line;
                }
            }
        }
        Ok(text)
    }

    fn line(&mut self, question: &str) -> io::Result<String> {
        if question.is_empty() {
            write!(self.to, "  ")?
        } else {
            write!(self.to, "{question} ")?
        }
        self.to.flush()?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(nobody());
        }
        Ok(line.trim().to_owned())
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }
}

/// What was typed: a number of the list, or one of it.
fn chosen(typed: &str, all: &[String]) -> Option<String> {
    let by_number = typed.parse::<usize>().ok().and_then(|number| all.get(number.checked_sub(1)?));
    by_number.or_else(|| all.iter().find(|one| *one == typed)).cloned()
}

fn nobody() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answers")
}

/// Codes that are written here or come from the lists, which hold nothing else.
fn code(text: &str) -> Code {
    text.parse().unwrap_or_else(|_| "other".parse().expect("a code"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(typed: &str) -> (io::Result<ReferRequest>, String) {
        let lists = crate::node::vocabulary::load(std::path::Path::new("nowhere")).unwrap();
        let mut shown = Vec::new();
        let mut wizard = Wizard { from: typed.as_bytes(), to: &mut shown, lists: &lists, today: Timestamp(1_795_000_000_000) };
        let case = wizard.case(&["borealis".into(), "cedar".into()], Vec::new());
        (case, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn a_handful_of_answers_makes_a_case_that_can_be_sent() {
        let answers = "borealis\n1\n1\n\ntake_over forensic_analysis\njournalist\nmiddle_east_north_africa\nar fr\nIt was taken over.\nOn Monday.\n\n\nyes\n\nno\n\n\nyes\n";
        let (case, shown) = ask(answers);
        let case = case.unwrap();
        assert_eq!((case.to.as_slice(), case.candidates.as_slice()), (&["borealis".to_owned()][..], &["cedar".to_owned()][..]));
        let offer = &case.offer;
        assert_eq!((offer.priority, offer.help_wanted.len(), offer.languages.len()), (Priority::Urgent, 2, 2));
        assert_eq!(offer.summary, "It was taken over.\nOn Monday.");
        assert_eq!((offer.hand_over, offer.consent.onward, case.automatic), (HandOver::Warm, false, true), "{shown}");
        assert_eq!(offer.check(), Ok(()));
    }

    #[test]
    fn what_is_no_answer_is_asked_again_and_an_end_of_input_ends_it() {
        let (case, shown) = ask("nobody\n9\n");
        assert_eq!(case.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(shown.contains("one of: borealis, cedar"), "{shown}");
    }
}
