//! Writes the profile file: all fields in order, each with what it may say beside it; what is not stated as an example behind a `#`.

use super::list;
use crate::model::profile::{Audiences, Field, Named, Own, Profile, Reach};
use crate::model::vocabulary::{Code, Vocabularies};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The longest line of codes in a comment, in characters.
const WIDTH: usize = 120;

const HEAD: &str = "\
# What our organisation says of itself, so that others know which cases to bring us.
#
# Say what holds and leave out the rest: a line with a # before it says nothing, and nobody guesses.
# Codes are those of the value lists: `watchfire vocabulary`.
";

const AUDIENCE: &str = "\
# Who may know a field: \"public\" (anybody), \"members\" (communities' groups, and peers), or the names of peers and groups in brackets, each of which
# is told by itself; [] is nobody. Without a line here, `pseudonym` and `initial_intake` are public; `countries_excluded`, `forensic_level` and
# `platform_channels` are for nobody; all others are for members.
";

/// The file of a profile, or the template where nothing is stated. `name` tells how a peer or a group is named here.
pub fn write(own: &Own, lists: &Vocabularies, name: impl Fn(Named) -> String) -> String {
    let Profile { hours, responses, .. } = &own.profile;
    let mut file = HEAD.to_owned();
    for field in Field::ALL.into_iter().filter(|field| !matches!(field, Field::Hours | Field::Responses)) {
        comment(&mut file, field, lists);
        match value(&own.profile, field) {
            Some(value) => _ = writeln!(file, "{field} = {value}"),
            None => _ = writeln!(file, "# {field} = {}", example(field)),
        }
    }
    comment(&mut file, Field::Hours, lists);
    match hours {
        Some(hours) => {
            _ = writeln!(file, "[hours]\ntime_zone = {}\nweekly = {}", text(hours.zone_name()), array(&hours.weekly()));
            _ = writeln!(file, "holidays = {}", array(&hours.holidays()));
        }
        None => file += "# [hours]\n# time_zone = \"Asia/Beirut\"\n# weekly = [\"mon-fri 09:00-17:00\"]\n# holidays = [\"2026-12-25\"]\n",
    }
    comment(&mut file, Field::Responses, lists);
    match responses.is_empty() {
        true => file += "# [responses]\n# emergency = \"2h\"\n# urgent = \"1d\"\n",
        false => {
            file += "[responses]\n";
            responses.iter().for_each(|(priority, minutes)| _ = writeln!(file, "{} = {}", key(priority), text(&time(*minutes))));
        }
    }
    audience(&mut file, &own.audiences, name);
    file
}

fn audience(file: &mut String, audiences: &Audiences, name: impl Fn(Named) -> String) {
    _ = write!(file, "\n{AUDIENCE}");
    if audiences.0.is_empty() {
        *file += "# [audience]\n# countries_excluded = \"members\"\n# services = \"public\"\n";
        return;
    }
    *file += "[audience]\n";
    for (field, reach) in &audiences.0 {
        let whom = match reach {
            Reach::Public => text("public"),
            Reach::Members => text("members"),
            Reach::Restricted(named) => array(&named.iter().map(|one| name(*one)).collect::<Vec<_>>()),
        };
        _ = writeln!(file, "{field} = {whom}");
    }
}

/// What a field is for, and the codes it may have.
fn comment(file: &mut String, field: Field, lists: &Vocabularies) {
    let about = match field {
        Field::DisplayName => "Our name, for members: one line of up to 80 characters.",
        Field::Pseudonym => "Our name for all others.",
        Field::Services => "What we do.",
        Field::IncidentTypes => "What we take.",
        Field::ExcludedTypes => "What we never take: we are not found for these.",
        Field::Beneficiaries => "Whom we serve.",
        Field::Causes => "What those work on.",
        Field::Regions => "Where we take cases from.",
        Field::CountriesExcluded => "Where we take none from: we are not found for these. Two letters (ISO 3166-1).",
        Field::Languages => "What we speak (tags of BCP 47), and how well.",
        Field::Hours => "When we are open, by our own clocks; `24/7` for always. Two intervals where it goes over midnight.",
        Field::Intake => "How soon we begin with a new case; or that we take none, and are not found.",
        Field::Capacity => "How much we can do in a week.",
        Field::Responses => "How soon a person looks at a new case, by its priority: `45m`, `2h`, `3d`.",
        Field::SecureChannels => "How we are reached.",
        Field::InitialIntake => "Whether we take cases from the public (true), or only referrals (false).",
        Field::ForensicLevel => "How far we can examine devices.",
        Field::PlatformChannels => "Platforms that we can reach, such as facebook; never whom there.",
        Field::Fees => "What we ask for our work: one line of up to 300 characters.",
        Field::Agreements => "Codes of practice and agreements that we have signed, by codes of your own choice.",
    };
    _ = writeln!(file, "\n# {about}");
    let Some(list) = list(field).and_then(|name| lists.get(name)) else { return };
    let mut line = "#  ".to_owned();
    for entry in &list.entries {
        if line.len() + entry.code.as_str().len() > WIDTH {
            _ = writeln!(file, "{line}");
            line = "#  ".to_owned();
        }
        _ = write!(line, " {}", entry.code);
    }
    _ = writeln!(file, "{line}");
}

fn value(profile: &Profile, field: Field) -> Option<String> {
    let one = |code: &Option<Code>| code.as_ref().map(|code| text(code.as_str()));
    let line = |line: &Option<String>| line.as_deref().map(text);
    match field {
        Field::DisplayName => line(&profile.display_name),
        Field::Pseudonym => line(&profile.pseudonym),
        Field::Services => many(&profile.services),
        Field::IncidentTypes => many(&profile.incident_types),
        Field::ExcludedTypes => many(&profile.excluded_types),
        Field::Beneficiaries => many(&profile.beneficiaries),
        Field::Causes => many(&profile.causes),
        Field::Regions => many(&profile.regions),
        Field::CountriesExcluded => many(&profile.countries_excluded),
        Field::Languages => {
            let said = profile.languages.iter().map(|(tag, level)| match level {
                Some(level) => format!("{tag} {level}"),
                None => tag.to_string(),
            });
            many(&said.collect())
        }
        Field::Intake => one(&profile.intake),
        Field::Capacity => one(&profile.capacity),
        Field::SecureChannels => many(&profile.secure_channels),
        Field::InitialIntake => profile.initial_intake.map(|takes| takes.to_string()),
        Field::ForensicLevel => one(&profile.forensic_level),
        Field::PlatformChannels => many(&profile.platform_channels),
        Field::Fees => line(&profile.fees),
        Field::Agreements => many(&profile.agreements),
        // Tables, which come behind all others.
        Field::Hours | Field::Responses => None,
    }
}

/// What somebody could say there.
const fn example(field: Field) -> &'static str {
    match field {
        Field::DisplayName => "\"Cedar Helpdesk\"",
        Field::Pseudonym => "\"A helpdesk in the Levant\"",
        Field::Services => "[\"incident_response_support\", \"artifact_analysis\"]",
        Field::IncidentTypes => "[\"account_compromise\", \"malware\"]",
        Field::ExcludedTypes => "[\"denial_of_service\"]",
        Field::Beneficiaries => "[\"journalist\", \"human_rights_defender\"]",
        Field::Causes => "[\"freedom-expression\"]",
        Field::Regions => "[\"middle_east_north_africa\"]",
        Field::CountriesExcluded => "[\"SY\"]",
        Field::Languages => "[\"ar native\", \"en working\", \"fr\"]",
        Field::Intake => "\"within_days\"",
        Field::Capacity => "\"5_10h\"",
        Field::SecureChannels => "[\"signal\", \"pgp\"]",
        Field::InitialIntake => "false",
        Field::ForensicLevel => "\"triage\"",
        Field::PlatformChannels => "[\"facebook\"]",
        Field::Fees => "\"none\"",
        Field::Agreements => "[\"code-of-practice-2019\"]",
        Field::Hours | Field::Responses => "",
    }
}

fn many<T: ToString>(values: &BTreeSet<T>) -> Option<String> {
    (!values.is_empty()).then(|| array(&values.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

/// A list: on one line where it fits, else a line for each.
fn array(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|one| text(one)).collect();
    match texts.iter().map(|one| one.len() + 2).sum::<usize>() < WIDTH - 20 {
        true => format!("[{}]", texts.join(", ")),
        false => format!("[\n    {},\n]", texts.join(",\n    ")),
    }
}

fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key, in quotes where it would be read as something else.
fn key(code: &Code) -> String {
    text(code.as_str())
}

/// The largest unit that says it.
fn time(minutes: u32) -> String {
    match minutes {
        minutes if minutes % (24 * 60) == 0 => format!("{}d", minutes / (24 * 60)),
        minutes if minutes % 60 == 0 => format!("{}h", minutes / 60),
        minutes => format!("{minutes}m"),
    }
}
