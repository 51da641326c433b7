use super::*;
use crate::model::{GroupId, OrgId};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const PEER: Named = Named::Org(OrgId([2; 32]));
const GROUP: Named = Named::Group(GroupId([3; 32]));

fn lists() -> Vocabularies {
    let data = tempfile::tempdir().unwrap();
    crate::node::vocabulary::load(data.path()).unwrap()
}

fn named(name: &str) -> Option<Named> {
    match name {
        "atlas" => Some(PEER),
        "levant" => Some(GROUP),
        _ => None,
    }
}

fn name(named: Named) -> String {
    if named == PEER { "atlas" } else { "levant" }.to_owned()
}

fn taken(text: &str) -> Own {
    read(text, NOW, &lists(), named).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    read(text, NOW, &lists(), named).unwrap_err().to_string()
}

/// All fields, in words that are in the lists.
fn full() -> Own {
    let mut profile = crate::model::profile::tests::full();
    profile.vocabulary = lists().version();
    profile.incident_types.retain(|kind| kind.as_str() != "not_in_our_list");
    profile.display_name = Some("\"Cedar\" \\ Helpdesk \u{645}".into());
    let audiences = [
        (Field::PlatformChannels, Reach::Restricted([PEER, GROUP].into())),
        (Field::Services, Reach::Public),
        (Field::Hours, Reach::Restricted(BTreeSet::new())),
    ];
    Own { profile, audiences: Audiences(audiences.into()) }
}

#[test]
fn a_profile_is_read_as_it_was_written() {
    let own = full();
    let text = write(&own, &lists(), name);
    assert_eq!(taken(&text), own, "{text}");
    assert_eq!(write(&taken(&text), &lists(), name), text);
}

#[test]
fn a_template_says_nothing_and_its_examples_say_something_of_each_field() {
    let nothing =
        Own { profile: Profile { vocabulary: lists().version(), confirmed: NOW, ..Profile::default() }, audiences: Audiences::default() };
    let template = write(&nothing, &lists(), name);
    assert_eq!(taken(&template), nothing);
    let is_example = |line: &str| line.contains(" = ") && !line.contains(": ") || line.starts_with("# [");
    let said: Vec<&str> = template.lines().filter(|line| is_example(line)).map(|line| line.trim_start_matches("# ")).collect();
    let own = taken(&said.join("\n"));
    let again = write(&own, &lists(), name);
    assert!(again.lines().all(|line| !(line.starts_with("# ") && line.contains(" = "))), "no field without an example: {again}");
    assert_eq!(own.audiences.reach(Field::CountriesExcluded), Reach::Members);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_way_out() {
    let told = [
        (
            "\nservices = [\n  \"incident_analysis\",\n  \"artefact_analysis\",\n]\n",
            "line 4: `services`: there is no `artefact_analysis` in the list `service`\nhint: did you mean `artifact_analysis`? `watchfire vocabulary service` shows all",
        ),
        (
            "regions = [\"the moon\"]",
            "line 1: `regions`: `the moon` is no code\nhint: a code has up to 64 of a-z, 0-9, `_` and `-`, and begins with a letter or a digit",
        ),
        (
            "capacity = \"endless_and_more\"",
            "line 1: `capacity`: there is no `endless_and_more` in the list `capacity-band`\nhint: `watchfire vocabulary capacity-band` shows what there is",
        ),
        ("\nfees = \"\"", "line 2: `fees` must be one line of 1 to 300 characters\nhint: to say nothing of it, leave the line out"),
        ("languages = [\"ar\", \"ar native\"]", "line 1: `languages`: `ar` comes twice\nhint: leave one of them"),
        (
            "languages = [\"arabic\"]",
            "line 1: `languages`: `arabic` is no language\nhint: a tag of BCP 47, such as `ar`, `fa`, `pt-BR` or `zh-Hant`",
        ),
        (
            "languages = [\"ar very well\"]",
            "line 1: `languages`: there is no `very` in the list `language-level`\nhint: `watchfire vocabulary language-level` shows what there is",
        ),
        (
            "countries_excluded = [\"XX\"]",
            "line 1: `countries_excluded`: `XX` is no country\nhint: two capital letters of ISO 3166-1, such as `LB`; `watchfire vocabulary region` has them",
        ),
        (
            "countries_excluded = [\"UK\"]",
            "line 1: `countries_excluded`: `UK` is no country\nhint: did you mean `GB`? countries are those of ISO 3166-1",
        ),
        (
            "countries_excluded = [\"AQ\"]",
            "line 1: `countries_excluded`: no region has the country `AQ`\nhint: `watchfire vocabulary region` shows which countries each region has",
        ),
        (
            "[hours]\ntime_zone = \"Asia/Beyrouth\"\nweekly = [\"24/7\"]",
            "line 2: `hours`: `Asia/Beyrouth` is no time zone\nhint: one of the tz database, such as Asia/Beirut",
        ),
        (
            "[hours]\ntime_zone = \"UTC\"\nweekly = [\n\"mon 09:00-17:00\",\n\"mon 16:00-18:00\"]",
            "line 5: `hours`: `mon 16:00-18:00` overlaps another interval\nhint: such as `mon-fri 09:00-17:00`",
        ),
        ("[responses]\nemergency = \"soon\"", "line 2: `responses`: `soon` is no time up to 90 days\nhint: such as `45m`, `2h` or `3d`"),
        (
            "[audience]\nservices = [\"atlas\", \"bolt\"]",
            "line 2: `audience`: no peer or group is named `bolt`\nhint: `watchfire peer list` and `watchfire group list` show who there is",
        ),
        (
            "[audience]\nservices = \"atlas\"",
            "line 2: `audience`: `atlas` is no audience\nhint: `\"public\"`, `\"members\"`, or names in brackets: `services = [\"atlas\"]`",
        ),
        (
            "[audience]\nweather = \"public\"",
            "line 2: `audience`: there is no field `weather`\nhint: `watchfire profile template` shows all fields",
        ),
        (
            "incident_types = [\"malware\"]\nexcluded_types = [\"malware\"]",
            "line 2: `malware` is both taken and excluded\nhint: leave it in one of `incident_types` and `excluded_types`",
        ),
    ];
    for (text, expected) in told {
        assert_eq!(refused(text), expected);
    }
    let misplaced = refused("[responses]\nemergency = \"2h\"\n[hours]\ntime_zone = \"UTC\"\nweekly = [\"24/7\"]\nfees = \"none\"");
    assert!(
        misplaced.starts_with("line 6: unknown field `fees`")
            && misplaced.ends_with("it belongs at the top, before the first line in brackets"),
        "{misplaced}"
    );
    assert!(refused("services = 3").starts_with("line 1: "));
    assert!(refused("[audience]\nservices = 3").starts_with("line 2: "));
    assert!(refused("servces = []").ends_with("`watchfire profile template` shows all fields"));
    assert!(refused(&"#".repeat(FILE_BYTES_MAX + 1)).contains("longer than"));
}

#[test]
fn times_are_minutes_hours_or_days() {
    assert_eq!(["45m", "2h", " 3d ", "90d"].map(minutes), [Some(45), Some(120), Some(4_320), Some(129_600)]);
    for text in ["", "h", "2", "2w", "-2h", "0m", "91d", "2.5h", "\u{661}h", "99999999999d"] {
        assert_eq!(minutes(text), None, "{text}");
    }
}
