//! To which partner: those who could take exactly this case are shown first, the best first, with the reasons.

use super::typed::texts;
use super::{Answer, Wizard};
use crate::cli::matching;
use crate::cli::output::{plain, time};
use crate::cli::referral::begun::Begun;
use crate::node::profile::{MatchView, RankedView};
use std::io::{self, BufRead, Write};

/// Of so many partners the reasons are shown: those of more would push the best off the screen.
const REASONS_MAX: usize = 5;

impl<R: BufRead, W: Write> Wizard<'_, R, W> {
    pub(super) fn partner(&mut self, case: &mut Begun) -> io::Result<()> {
        let said = case.clone();
        self.ask(case, "to", |my| {
            let question = "To which partner? A number or a name; several where you want to choose among those who accept";
            my.partners(&said, question, &[], true)
        })
    }

    /// Who is asked when nobody answers, and how.
    pub(super) fn next_partners(&mut self, case: &mut Begun) -> io::Result<()> {
        let (said, to) = (case.clone(), case.texts("to"));
        self.ask(case, "candidates", |my| match my.peers.iter().all(|peer| to.contains(peer)) {
            true => Ok(texts(Vec::new())),
            false => my.partners(&said, "Who next, if nobody answers, in which order? (Enter: nobody)", &to, false),
        })?;
        let next = !case.texts("candidates").is_empty();
        self.ask(case, "automatic", |my| match next {
            true => my.yes("Ask the next one without asking you again?", Some(false)),
            false => Ok(Some(false.into())),
        })
    }

    /// Asks for partners, of whom these are not asked for again.
    fn partners(&mut self, case: &Begun, question: &str, not: &[String], some: bool) -> Answer {
        let all: Vec<String> = self.peers.iter().filter(|peer| !not.contains(peer)).cloned().collect();
        let numbered = self.listed(case, &all)?;
        loop {
            let names = self.choose(question, &numbered, &all)?;
            if !names.is_empty() || !some {
                return Ok(texts(names));
            }
            self.slip("at least one is needed", "a number or a name")?;
        }
    }

    /// Shows who there is, as far as anything is known of them for this case, and returns who can be chosen by which number.
    fn listed(&mut self, case: &Begun, all: &[String]) -> io::Result<Vec<String>> {
        let need = matching::of_case("the case", &case.written()).map_err(|problem| problem.detail);
        let view = need.and_then(|need| (self.rank)(&need));
        self.say("")?;
        match view {
            Ok(view) if !(view.ranked.is_empty() && view.excluded.is_empty()) => return self.ranked(&view, all),
            Ok(_) => self.say("No partner has told a profile, so that nobody is ranked. All of them:")?,
            Err(why) => self.say(&format!("Nobody is ranked: {}. All partners:", plain(&why)))?,
        }
        all.iter().zip(1..).try_for_each(|(peer, number): (_, usize)| self.say(&format!("  {number:>2}  {peer}")))?;
        Ok(all.to_vec())
    }

    fn ranked(&mut self, view: &MatchView, all: &[String]) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        self.say("Who could take it, the best first (0 to 1,000); nothing of the case has left:")?;
        for one in view.ranked.iter().filter(|one| all.contains(&one.name)) {
            names.push(one.name.clone());
            let stale = if one.stale { format!(", profile of {}", time(Some(one.confirmed))) } else { String::new() };
            self.say(&format!("  {:>2}  {} ({}{stale})", names.len(), plain(&one.name), one.score))?;
            if names.len() <= REASONS_MAX {
                self.reasons(one)?;
            }
        }
        if names.len() > REASONS_MAX {
            self.say("      (`watchfire match --case` with the file has the reasons of all)")?;
        }
        for name in view.unknown.iter().filter_map(|one| one.name.as_ref()).filter(|name| all.contains(name)) {
            names.push(name.clone());
            self.say(&format!("  {:>2}  {}: has told no profile", names.len(), plain(name)))?;
        }
        for one in view.excluded.iter().filter(|one| all.contains(&one.name)) {
            self.say(&format!("   -  {}: {}", plain(&one.name), plain(&one.why)))?;
        }
        Ok(names)
    }

    fn reasons(&mut self, one: &RankedView) -> io::Result<()> {
        for (sign, all) in [('+', &one.reasons), ('-', &one.warnings)] {
            if !all.is_empty() {
                self.say(&format!("      {sign} {}", plain(&all.join("; "))))?;
            }
        }
        Ok(())
    }
}
