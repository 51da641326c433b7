//! Several organisations report the same within a short time: when that is told, and what counts as the same.
//!
//! What is the same is a campaign by its name, or a value. Who reports is the author, whoever brought the record here. When it was reported is when it came
//! to us: what was on its way for a day counts as of today, since nobody else's clock decides anything here.

use crate::model::{OrgId, Timestamp};
use icu_normalizer::ComposingNormalizerBorrowed;
use std::collections::BTreeSet;

/// When several are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// So many organisations.
    pub organisations: u64,
    /// Within so many milliseconds.
    pub window_ms: u64,
}

/// That something was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Raised {
    /// Since when there were enough.
    pub since: Timestamp,
    /// When a report came last while there were.
    pub last: Timestamp,
}

/// What a report comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Too few report the same.
    Few,
    /// It was told already, and goes on.
    GoesOn(Raised),
    /// It is to be told.
    Raise(Raised),
}

/// What a report at `at` comes to, beside all others that hold: whose, and when each came. It is told once, and again only when no report within a whole window
/// found enough of them.
pub fn judge(limits: Limits, before: Option<Raised>, reports: impl IntoIterator<Item = (OrgId, Timestamp)>, at: Timestamp) -> Verdict {
    let is_within = |came: Timestamp| came <= at && at.since(came) <= limits.window_ms;
    let orgs: BTreeSet<OrgId> = reports.into_iter().filter(|(_, came)| is_within(*came)).map(|(org, _)| org).collect();
    match before {
        _ if (orgs.len() as u64) < limits.organisations => Verdict::Few,
        Some(Raised { since, last }) if at.since(last) <= limits.window_ms => Verdict::GoesOn(Raised { since, last: last.max(at) }),
        _ => Verdict::Raise(Raised { since: at, last: at }),
    }
}

/// Fewest and most characters of a campaign's name.
const CHARACTERS: std::ops::RangeInclusive<usize> = 3..=100;

/// MISP's galaxies that name somebody's doing; all others, and all taxonomies, sort things and name none.
const GALAXIES: [&str; 12] = [
    "actor",
    "intrusion-set",
    "malware",
    "campaign",
    "ransomware",
    "botnet",
    "banker",
    "stealer",
    "rat",
    "backdoor",
    "surveillance-vendor",
    "tool",
];

/// Words that describe and do not name: what STIX 2.1 calls kinds of indicators, malware and actors, and what people write into labels.
const GENERIC: &str = "adware anonymization anomalous activity apt attack attribution backdoor banker benign blocklist bot botnet bootkit c&c c2 campaign cnc command and \
control compromised credential credentials crime criminal ddos domain downloader dropper email espionage exploit exploit kit fraud hacktivist hash indicator indicators \
infrastructure insider ioc iocs ip keylogger loader malicious malware mail mobile nation state network osint payload phish phishing ransomware rat remote access trojan \
resource exploitation rogue security software rootkit scam screen capture smishing sms sophisticated spam spear spearphishing spoofing spy spyware stalkerware state \
sponsored stealer suspicious targeted threat trojan unknown url virus vishing watchlist webshell wiper worm";

/// A label as a campaign's name, where it is one: without what writes the same name differently. A label of a taxonomy, or of describing words alone, names none.
pub fn name_of(label: &str) -> Option<String> {
    let label = ComposingNormalizerBorrowed::new_nfkc().normalize(label.trim()).to_lowercase();
    let named = match label.strip_prefix("misp-galaxy:") {
        Some(tag) => {
            let (galaxy, name) = tag.split_once('=')?;
            let tells = galaxy.split('_').any(|galaxy| GALAXIES.iter().any(|one| galaxy == *one || galaxy.ends_with(&format!("-{one}"))));
            tells.then(|| name.trim_matches('"').to_owned())?
        }
        // `type:osint`, `workflow:state="draft"`: a machine's tag.
        None if label.contains([':', '=']) => return None,
        None => label,
    };
    let words: Vec<&str> = named.split(|c: char| c.is_whitespace() || c == '-' || c == '_').filter(|word| !word.is_empty()).collect();
    let name = words.join(" ");
    let generic = |word: &str| GENERIC.split_whitespace().any(|one| one == word);
    let has_letters = |word: &str| word.chars().any(char::is_alphabetic);
    // `APT 28` and `campaign 12` name one, `phishing 2026` and `2026` do not.
    let is_number = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_digit()) && !(word.len() == 4 && (word.starts_with("19") || word.starts_with("20")))
    };
    let names = |word: &&str| !generic(word) && (has_letters(word) || is_number(word));
    let is_one = CHARACTERS.contains(&name.chars().count()) && words.iter().any(names) && words.iter().any(|word| has_letters(word));
    is_one.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Campaign, Dice};

    const LIMITS: Limits = Limits { organisations: 3, window_ms: 48 };

    /// A report that came, and until when it held.
    #[derive(Debug, Clone, Copy)]
    struct Report {
        org: u8,
        at: u64,
        /// From this report on it does not.
        withdrawn: Option<usize>,
    }

    fn org(n: u8) -> OrgId {
        OrgId([n; 32])
    }

    /// As the node goes about it: one report after the other, keeping what was raised.
    fn raised(reports: &[Report]) -> Vec<u64> {
        let (mut before, mut raised) = (None, Vec::new());
        for (place, report) in reports.iter().enumerate() {
            if report.withdrawn.is_some_and(|from| from <= place) {
                continue;
            }
            let holds = |one: &&Report| one.withdrawn.is_none_or(|from| from > place);
            let all = reports[..=place].iter().filter(holds).map(|one| (org(one.org), Timestamp(one.at)));
            match judge(LIMITS, before, all, Timestamp(report.at)) {
                Verdict::Few => {}
                Verdict::GoesOn(now) => before = Some(now),
                Verdict::Raise(now) => {
                    before = Some(now);
                    raised.push(report.at);
                }
            }
        }
        raised
    }

    /// The same from the words of the rule alone: nothing is remembered, everything is counted each time.
    fn oracle(reports: &[Report]) -> Vec<u64> {
        let enough = |place: usize| {
            let now = reports[place];
            let mut seen = [false; 8];
            for one in &reports[..=place] {
                let gone = matches!(one.withdrawn, Some(from) if from <= place);
                if !gone && one.at + LIMITS.window_ms >= now.at {
                    seen[usize::from(one.org)] = true;
                }
            }
            let itself_gone = matches!(now.withdrawn, Some(from) if from <= place);
            !itself_gone && seen.iter().filter(|seen| **seen).count() as u64 >= LIMITS.organisations
        };
        let mut raised = Vec::new();
        for place in (0..reports.len()).filter(|place| enough(*place)) {
            let at = reports[place].at;
            let recently = (0..place).rev().find(|earlier| enough(*earlier));
            if recently.is_none_or(|earlier| at - reports[earlier].at > LIMITS.window_ms) {
                raised.push(at);
            }
        }
        raised
    }

    /// Every order of five reports of up to four organisations, near and far from each other, each of which may be withdrawn before the last.
    #[test]
    fn every_short_history_is_judged_as_the_words_say() {
        const GAPS: [u64; 3] = [1, 30, 49];
        let (mut histories, mut told) = (0_u64, 0_u64);
        for code in 0..(4_u64 * 3).pow(5) {
            let (mut rest, mut at, mut reports) = (code, 0, Vec::new());
            for _ in 0..5 {
                at += GAPS[(rest % 3) as usize];
                reports.push(Report { org: (rest / 3 % 4) as u8, at, withdrawn: None });
                rest /= 12;
            }
            // Whoever is withdrawn, from the next report on or from the last.
            for (of, from) in [(None, 0), (Some(0), 1), (Some(0), 4), (Some(1), 3), (Some(2), 4)] {
                let mut history = reports.clone();
                if let Some(of) = of {
                    let one: &mut Report = &mut history[of];
                    one.withdrawn = Some(from);
                }
                let expected = oracle(&history);
                assert_eq!(raised(&history), expected, "{history:?}");
                (histories, told) = (histories + 1, told + u64::from(!expected.is_empty()));
            }
        }
        assert!(histories > 1_000_000 && told > histories / 100, "{told} of {histories}");
    }

    #[test]
    fn long_histories_are_judged_as_the_words_say() {
        let mut campaign = Campaign::new("campaigns-window", "histories", 2_000);
        while let Some(seed) = campaign.next() {
            let mut dice = Dice::new(seed);
            let (mut at, mut reports) = (0, Vec::new());
            let many = dice.between(3, 40) as usize;
            let orgs = dice.between(2, 6);
            for place in 0..many {
                at += if dice.one_in(6) { dice.between(40, 120) } else { dice.below(20) };
                let withdrawn = dice.one_in(4).then(|| place + 1 + dice.below(6) as usize);
                reports.push(Report { org: dice.below(orgs) as u8, at, withdrawn });
            }
            assert_eq!(raised(&reports), oracle(&reports), "seed {seed}: {reports:?}");
            campaign.reached(1);
        }
    }

    #[test]
    fn one_organisation_is_one_however_often_it_says_so() {
        let reports =
            |orgs: &[u8]| -> Vec<Report> { orgs.iter().zip(1..).map(|(org, at)| Report { org: *org, at, withdrawn: None }).collect() };
        assert!(raised(&reports(&[1, 1, 1, 1, 2, 2, 1])).is_empty());
        assert_eq!(raised(&reports(&[1, 2, 2, 3, 4, 1, 3])), [4], "once");
    }

    #[test]
    fn a_campaigns_name_is_one_however_it_is_written_and_a_describing_word_is_none() {
        for label in [
            "Pegasus",
            " pegasus ",
            "PEGASUS",
            "\u{ff30}egasus",
            "misp-galaxy:mitre-malware=\"Pegasus\"",
            "misp-galaxy:surveillance-vendor=\"Pegasus\"",
        ] {
            assert_eq!(name_of(label).as_deref(), Some("pegasus"), "{label}");
        }
        assert_eq!(name_of("Operation Dust_Storm"), name_of("operation dust-storm"));
        assert_eq!(["APT 28", "campaign-12"].map(|label| name_of(label).unwrap()), ["apt 28", "campaign 12"]);
        let none = [
            "phishing",
            "Malicious-Activity",
            "spear phishing",
            "type:OSINT",
            "workflow:state=\"draft\"",
            "misp-galaxy:mitre-attack-pattern=\"Phishing - T1566\"",
            "",
            "ab",
            "12345",
            "phishing 2026",
            "C2",
            "Remote Access Trojan",
        ];
        for label in none {
            assert_eq!(name_of(label), None, "{label}");
        }
        assert_eq!(name_of(&"x".repeat(101)), None);
    }
}
