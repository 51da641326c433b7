//! What an everyday case leaves as it is: one list with what holds then, of which somebody picks what is to be said otherwise.

use super::typed::{said, texts, words};
use super::{Answer, Wizard};
use crate::cli::output::plain;
use crate::cli::referral::begun::Begun;
use crate::cli::referral::form;
use crate::model::Tlp;
use crate::model::crypto::sha256_of;
use crate::model::referral::{EVIDENCE_MAX, INDICATORS_MAX};
use data_encoding::HEXLOWER;
use std::io::{self, BufRead, Write};
use toml::Value;

/// A matter that can be left as it is.
struct Matter {
    /// By which it is picked.
    name: &'static str,
    title: &'static str,
    /// What holds where nobody picks it, in words.
    unless: &'static str,
    /// The same as the case has it; `None` where it then says nothing.
    default: Option<&'static str>,
    /// Of which list that is a code.
    list: Option<&'static str>,
    /// Its places in the case. Where there are several, the first is asked first.
    fields: &'static [&'static str],
}

const fn left_out(name: &'static str, fields: &'static [&'static str], title: &'static str, unless: &'static str) -> Matter {
    Matter { name, title, unless, default: None, list: None, fields }
}

const fn holds(
    name: &'static str,
    fields: &'static [&'static str],
    title: &'static str,
    code: &'static str,
    list: Option<&'static str>,
) -> Matter {
    Matter { name, title, unless: code, default: Some(code), list, fields }
}

const VETTING: [&str; 5] =
    ["offer.vetting.method", "offer.vetting.vouched_by", "offer.vetting.date", "offer.vetting.expires", "offer.vetting.result"];
const MATTERS: [Matter; 22] = [
    left_out("reference", &["reference"], "What your desk calls the case; it never leaves", "nothing"),
    left_out("candidates", &["candidates", "automatic"], "Who is asked next, if nobody answers", "nobody"),
    holds("tlp", &["tlp"], "Its label", Tlp::AmberStrict.name(), None),
    holds("nature", &["offer.nature"], "Whether it has happened", "reactive", Some("nature")),
    left_out("ongoing", &["offer.ongoing"], "Whether it still goes on", "not known"),
    left_out("interacted", &["offer.interacted"], "What the person did before they knew", "nothing"),
    holds("requester_kind", &["offer.requester_kind"], "Who asked you", "individual", Some("requester-kind")),
    left_out("platforms", &["offer.platforms"], "On which platforms it is", "none"),
    left_out("steps_taken", &["offer.steps_taken"], "What was done already", "nothing"),
    Matter { unless: "the person (warm)", ..holds("hand_over", &["offer.hand_over"], "Who makes the first contact", "warm", None) },
    left_out("vulnerability", &["offer.vulnerability"], "What to be careful about", "nothing"),
    left_out("do_not_use", &["offer.do_not_use"], "Ways by which the person must not be reached", "none"),
    left_out("safe_times", &["offer.safe_times"], "When it is safe to reach the person", "always"),
    left_out("causes", &["offer.causes"], "For which causes they stand", "not told"),
    left_out("services", &["offer.services"], "Which services are wanted", "not told"),
    left_out("devices", &["offer.devices"], "Which devices it is about", "not told"),
    left_out("deadline", &["offer.deadline"], "On which day it will be too late", "none"),
    left_out("evidence", &["offer.evidence"], "Evidence that can be asked for", "none"),
    left_out("indicators", &["offer.indicators"], "Indicators that the partner has", "none"),
    left_out("campaign", &["offer.campaign"], "The campaign that it seems to belong to", "none"),
    left_out("expires", &["offer.expires"], "On which day the offer ends", "it has no end"),
    left_out("vetting", &VETTING, "Whether the person was looked into (vetted)", "no"),
];

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    pub(super) fn rest(&mut self, case: &mut Begun) -> io::Result<()> {
        if self.contact {
            case.keep(vec![("offer.hand_over", Some("cold".into()))])?;
        }
        self.pick(case)?;
        self.ask(case, "reference", |my| {
            my.line_of("What does your desk call the case? It never leaves; a number, not a name (Enter: nothing)", "reference").map(said)
        })?;
        self.next_partners(case)?;
        self.recipients(case)?;
        self.ask(case, "tlp", Self::label)?;
        self.ask(case, "offer.nature", |my| my.code("Has it happened?", "nature", Some("reactive")))?;
        self.ask(case, "offer.ongoing", |my| my.maybe("Does it still go on?"))?;
        self.ask(case, "offer.interacted", |my| {
            my.codes("What did the person do before they knew? (Enter: nothing)", "interaction", false)
        })?;
        self.ask(case, "offer.requester_kind", |my| my.code("Who asked you?", "requester-kind", Some("individual")))?;
        self.ask(case, "offer.platforms", Self::platforms)?;
        self.ask(case, "offer.steps_taken", |my| my.text("What was done already?", "steps_taken", false))?;
        self.ask(case, "offer.hand_over", Self::hand_over)?;
        self.ask(case, "offer.vulnerability", |my| my.codes("What to be careful about? (Enter: nothing)", "vulnerability", false))?;
        self.ask(case, "offer.do_not_use", |my| {
            my.codes("By which ways must the person not be reached? (Enter: none)", "contact-channel", false)
        })?;
        self.ask(case, "offer.safe_times", |my| {
            my.line_of("When is it safe to reach the person? (Enter: always)", "safe_times").map(said)
        })?;
        self.ask(case, "offer.causes", |my| my.codes("For which causes do they stand? (Enter: not told)", "cause", false))?;
        self.ask(case, "offer.services", |my| my.codes("Which services are wanted? (Enter: not told)", "service", false))?;
        self.ask(case, "offer.devices", |my| my.codes("Which devices? (Enter: not told)", "device", false))?;
        self.ask(case, "offer.deadline", |my| my.coming_day("On which day will it be too late? (Enter: none)", ""))?;
        self.evidence(case)?;
        let to = [case.texts("to"), case.texts("candidates")].concat();
        self.ask(case, "offer.indicators", |my| my.indicators(&to))?;
        self.ask(case, "offer.campaign", |my| {
            my.line_of("To which campaign does it seem to belong, by the name that reports give it? (Enter: none)", "campaign").map(said)
        })?;
        self.ask(case, "offer.expires", |my| my.coming_day("On which day does the offer end? (Enter: it has no end)", ""))?;
        self.vetting(case)
    }

    /// Has somebody pick, of all that nobody has said anything of; what they do not pick is answered with that.
    fn pick(&mut self, case: &mut Begun) -> io::Result<()> {
        let open: Vec<&Matter> = MATTERS.iter().filter(|matter| case.are_untouched(matter.fields) && self.can_be_left(matter)).collect();
        if open.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = open.iter().map(|matter| matter.name.to_owned()).collect();
        self.say("\nAll else is left like this:")?;
        for (matter, number) in open.iter().zip(1..) {
            self.choice(number, &format!("{}: {}", matter.title, matter.unless), matter.name)?;
        }
        let picked = self.choose("Change any of it? Numbers or names, with blanks between (Enter: nothing)", &names, &names)?;
        let mut answers = Vec::new();
        for matter in open {
            match picked.iter().any(|name| name == matter.name) {
                // Not untouched any more: whoever goes on with it is asked this, and not to pick again.
                true => answers.push((matter.fields[0], Some(vec![form::FILL_IN].into()))),
                false => answers.extend(matter.fields.iter().map(|field| (*field, matter.default.map(Value::from)))),
            }
        }
        case.keep(answers)
    }

    /// Whether what holds then is something here: an operator's list need not have that code.
    fn can_be_left(&self, matter: &Matter) -> bool {
        matter.list.is_none_or(|list| self.is_code(list, matter.default))
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

    fn hand_over(&mut self) -> Answer {
        while !self.yes_or_no("Does the person contact the partner themselves (warm)?", Some(true))? {
            let hint =
                "Ctrl-C ends this; `watchfire refer --contact-template` prints a file for the contact, and then go on with `--contact`";
            self.slip("for a cold hand-over the partner needs a contact", hint)?;
        }
        Ok(Some("warm".into()))
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
        self.ask(case, "offer.vetting.method", |my| my.code("How was the person looked into (vetted)?", "vetting-method", None))?;
        let vouched = case.text("offer.vetting.method") == Some("vouched");
        self.ask(case, "offer.vetting.vouched_by", |my| if vouched { my.number("How many vouched?") } else { Ok(None) })?;
        self.ask(case, "offer.vetting.date", |my| my.past_day("On which day was that?"))?;
        self.ask(case, "offer.vetting.expires", |my| my.coming_day("Until which day does it count? (Enter: no end)", ""))?;
        self.ask(case, "offer.vetting.result", |my| my.code("With what result?", "vetting-result", None))
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
