//! What the person agreed to. Each of it is somebody's express word: Enter answers nothing.

use super::Wizard;
use super::typed::{slip, words};
use crate::cli::referral::begun::Begun;
use std::io::{self, BufRead, Write};
use toml::Value;

/// A part of the consent that is one word of an answer.
#[derive(Clone, Copy)]
struct Part {
    field: &'static str,
    question: &'static str,
    /// A word that answers it.
    such_as: &'static str,
    is: Is,
}

#[derive(Clone, Copy)]
enum Is {
    /// A code of this list.
    Code(&'static str),
    CodeOrNone(&'static str),
    PastDay,
    ComingDayOrNone,
}

const GIVEN: [Part; 3] = [
    Part { field: "offer.consent.basis", question: "how did the person agree", such_as: "verbal", is: Is::Code("consent-basis") },
    Part { field: "offer.consent.obtained", question: "on which day was that", such_as: "today", is: Is::PastDay },
    Part { field: "offer.consent.obtained_by", question: "who asked the person", such_as: "handler", is: Is::Code("consent-role") },
];
const ENDED: [Part; 2] = [
    Part {
        field: "offer.consent.expires",
        question: "from which day on may nothing leave any more (or `none`)",
        such_as: "2027-05-27",
        is: Is::ComingDayOrNone,
    },
    Part {
        field: "offer.consent.revocation_channel",
        question: "by which way can the person take it back (or `none`)",
        such_as: "signal",
        is: Is::CodeOrNone("contact-channel"),
    },
];
/// What may have been agreed to besides that the partner gets the case, with its place.
const BESIDES: [(&str, &str, &str); 4] = [
    ("onward", "offer.consent.onward", "That the partner passes it on"),
    ("platforms", "offer.consent.platforms", "That platforms are told"),
    ("statistics", "offer.consent.statistics", "That it is counted in what is published"),
    // Where indicators alone may be given away, the node lets nothing of the case out, and says so.
    ("indicators_only", "offer.consent.indicators_only", "To indicators alone being given away, and nothing of the case"),
];
const NOTHING: &str = "none";

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    pub(super) fn consent(&mut self, case: &mut Begun) -> io::Result<()> {
        self.recipients(case)?;
        self.parts(case, &GIVEN)?;
        self.besides(case)?;
        self.parts(case, &ENDED)
    }

    /// That the person agreed to each partner who is named and whom the consent does not name yet.
    pub(super) fn recipients(&mut self, case: &mut Begun) -> io::Result<()> {
        let mut agreed = case.texts("recipients");
        let new: Vec<String> =
            [case.texts("to"), case.texts("candidates")].concat().into_iter().filter(|name| !agreed.contains(name)).collect();
        if new.is_empty() && !case.is_missing("recipients") {
            return Ok(());
        }
        let question = format!("Is the consent for each of these: {}?", new.join(", "));
        while !self.yes_or_no(&question, None)? {
            self.slip("nobody else is given the case", "Ctrl-C ends this; `to` and `candidates` of the file that is kept can be changed")?;
        }
        agreed.extend(new);
        case.keep(vec![("recipients", Some(agreed.into()))])
    }

    /// Asks for several parts at once, a word for each in any order. Those that were answered are kept, and the others asked again.
    fn parts(&mut self, case: &mut Begun, parts: &[Part]) -> io::Result<()> {
        loop {
            // Numbers go on from list to list, so that each is of one code.
            let (mut open, mut before) = (Vec::new(), 0);
            for part in parts.iter().filter(|part| case.is_missing(part.field)) {
                open.push((*part, before));
                if let Some(list) = part.is.list() {
                    self.show(list, before)?;
                    before += self.length(list);
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            let asked =
                |of: fn(&Part) -> &'static str, between: &str| open.iter().map(|(part, _)| of(part)).collect::<Vec<_>>().join(between);
            let such_as = asked(|part| part.such_as, " ");
            let together = if open.len() > 1 { "in one line, " } else { "" };
            let mut question = format!("{}? ({together}such as `{such_as}`)", asked(|part| part.question, ", "));
            question[..1].make_ascii_uppercase();
            let answers = loop {
                let typed = self.line(&question)?;
                match self.answers(&open, &typed) {
                    Ok(answers) if answers.is_empty() => self.slip("an answer is needed", &format!("such as `{such_as}`"))?,
                    Ok(answers) => break answers,
                    Err(slip) => self.say(&slip)?,
                }
            };
            case.keep(answers)?;
        }
    }

    /// Each word as the answer to the first part that it answers; with each part stands how many numbers are before its own.
    fn answers(&self, open: &[(Part, usize)], typed: &str) -> Result<Vec<(&'static str, Option<Value>)>, String> {
        let mut answers: Vec<(&'static str, Option<Value>)> = Vec::new();
        for word in words(typed) {
            let mut left = open.iter().filter(|(part, _)| answers.iter().all(|(field, _)| *field != part.field));
            let found = left.find_map(|(part, before)| Some((part.field, self.answer(part.is, *before, word)?)));
            let Some((field, answer)) = found else {
                let such_as = open.iter().map(|(part, _)| part.such_as).collect::<Vec<_>>().join(" ");
                let hint = format!("one word for each, such as `{such_as}`; a day is written like 2026-11-27");
                return Err(slip(&format!("`{word}` is no answer to that"), &hint));
            };
            answers.push((field, answer?));
        }
        Ok(answers)
    }

    /// What a word says of a part; `None` where it is none of its words.
    fn answer(&self, is: Is, before: usize, word: &str) -> Option<Result<Option<Value>, String>> {
        match is {
            Is::CodeOrNone(_) | Is::ComingDayOrNone if word == NOTHING => Some(Ok(None)),
            Is::Code(list) | Is::CodeOrNone(list) => {
                let word = match word.parse::<usize>() {
                    Ok(number) => number.checked_sub(before)?.to_string(),
                    Err(_) => word.to_owned(),
                };
                self.chosen(list, &word).map(|code| Ok(Some(code.into())))
            }
            Is::PastDay => self.day(word).map(|_| self.past(word).map(Some)),
            Is::ComingDayOrNone => self.day(word).map(|_| self.coming(word).map(Some)),
        }
    }

    /// All that may have been agreed to besides, in one answer: what is not named there was not agreed to.
    fn besides(&mut self, case: &mut Begun) -> io::Result<()> {
        let open: Vec<_> = BESIDES.iter().filter(|(_, field, _)| case.is_missing(field)).collect();
        if open.is_empty() {
            return Ok(());
        }
        self.say("")?;
        let choices = open.iter().map(|(name, _, title)| (*name, *title)).chain([(NOTHING, "To nothing else")]);
        for ((name, title), number) in choices.clone().zip(1..) {
            self.choice(number, title, name)?;
        }
        let names: Vec<String> = choices.map(|(name, _)| name.to_owned()).collect();
        let agreed = loop {
            let chosen = self.choose("What else did the person agree to? All of it, or `none`", &names, &names)?;
            match chosen.iter().any(|name| name == NOTHING) {
                _ if chosen.is_empty() => self.slip("an answer is needed", "numbers or names, or `none`")?,
                true if chosen.len() > 1 => self.slip("that is nothing and something", "either `none`, or all that was agreed to")?,
                _ => break chosen,
            }
        };
        case.keep(open.iter().map(|(name, field, _)| (*field, Some(agreed.iter().any(|one| one == name).into()))).collect())
    }
}

impl Is {
    fn list(self) -> Option<&'static str> {
        match self {
            Self::Code(list) | Self::CodeOrNone(list) => Some(list),
            Self::PastDay | Self::ComingDayOrNone => None,
        }
    }
}
