//! `watchfire match`

use super::output::{self, plain, time};
use super::{Desk, Ended, input, referral};
use crate::api::Problem;
use crate::api::client::Target;
use crate::model::Timestamp;
use crate::model::vocabulary::Code;
use crate::node::error::NodeError;
use crate::node::profile::{MatchView, NeedRequest};

/// Find the peers that could take a case, the best first, with the reasons
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// What is needed, as TOML or JSON with the fields below; `-` reads standard input
    #[arg(long = "need", value_name = "FILE")]
    need: Option<String>,
    /// A case as `watchfire refer` takes it or has kept it, filled in or not; what it says so far decides
    #[arg(long = "case", value_name = "FILE", conflicts_with = "need")]
    case: Option<String>,
    /// What happened, the main thing first: a code of `watchfire vocabulary incident-type`
    #[arg(long = "incident", value_name = "CODE")]
    incident_types: Vec<Code>,
    /// What is to be done, the main thing first: a code of `watchfire vocabulary help-wanted`
    #[arg(long = "help-wanted", value_name = "CODE")]
    help_wanted: Vec<Code>,
    /// What is to be done, as a service: a code of `watchfire vocabulary service`
    #[arg(long = "service", value_name = "CODE")]
    services: Vec<Code>,
    /// Who is helped: a code of `watchfire vocabulary beneficiary-type`
    #[arg(long, value_name = "CODE")]
    beneficiary: Option<Code>,
    /// Where: a code of `watchfire vocabulary region`
    #[arg(long, value_name = "CODE")]
    region: Option<Code>,
    /// Where exactly, in two letters; for whoever takes no cases from there
    #[arg(long, value_name = "COUNTRY")]
    country: Option<String>,
    /// A language in which the case can be held, the best first: ar, es-MX
    #[arg(long = "language", value_name = "TAG")]
    languages: Vec<String>,
    /// How soon: emergency, urgent or normal
    #[arg(long, value_name = "CODE")]
    priority: Option<Code>,
    /// A platform that is involved, such as facebook
    #[arg(long = "platform", value_name = "CODE")]
    platforms: Vec<Code>,
    /// When somebody is to look at it: 2026-12-01 or 2026-12-01T12:00:00Z; now where nothing is said
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    at: Option<Timestamp>,
}

const ABOUT: &str = "Find the peers that could take a case, the best first, with the reasons

Nothing of it leaves: your node ranks by what the profiles of your open peers say, as far as you may know them, and, from five cases on, by what \
became of your own referrals to them. You decide; the rank is 0 to 1,000, and the factors stand beside the reasons.";

const EXAMPLES: &str = "Examples:
  watchfire match --incident account_compromise --help-wanted take_over --language ar";

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    let Args { need, case, incident_types, help_wanted, services, beneficiary, region, country, languages, priority, platforms, at } = args;
    let mut request = match (&need, &case) {
        (Some(file), _) => read(file, &input::file(file)?)?,
        (None, Some(file)) => of_case(file, &input::file(file)?)?,
        (None, None) => NeedRequest::default(),
    };
    // What is said here counts before what the file says.
    over(&mut request.incident_types, incident_types);
    over(&mut request.help_wanted, help_wanted);
    over(&mut request.services, services);
    over(&mut request.languages, languages);
    over(&mut request.platforms, platforms);
    request.beneficiary = beneficiary.or(request.beneficiary);
    request.region = region.or(request.region);
    request.country = country.or(request.country);
    request.priority = priority.or(request.priority);
    request.at = at.or(request.at);
    // How soon alone does not tell one from another.
    if request == (NeedRequest { priority: request.priority.clone(), ..NeedRequest::default() }) {
        let text = "nothing is asked for\nhint: `--incident` and `--help-wanted` say what, `--need FILE` or `--case FILE` all of it";
        return Err(NodeError::BadInput(text.into()).into());
    }
    let view: MatchView = desk.node().post(Target::new(&["match"]), &request).await?;
    output::answer(desk, &view, text)
}

fn over<T>(there: &mut Vec<T>, said: Vec<T>) {
    if !said.is_empty() {
        *there = said;
    }
}

/// Reads a need, TOML or JSON.
fn read(file: &str, text: &str) -> Result<NeedRequest, Problem> {
    input::toml_or_json(text).map_err(|why| {
        let hint =
            "hint: fields are incident_types, help_wanted, services, beneficiary, region, country, languages, priority, platforms and at";
        NodeError::BadInput(format!("`{file}` is not a need: {why}\n{hint}")).into()
    })
}

/// What a case asks for, as far as it says that: what is left out or says `FILL IN` asks for nothing.
///
/// # Errors
/// When it is no case, or a value of it is wrong.
pub(super) fn of_case(file: &str, text: &str) -> Result<NeedRequest, Problem> {
    let (offer, said) = referral::refer::read_so_far(file, text)?;
    let says = |field: &str| said.contains_key(field);
    let codes = |field: &str, codes: Vec<Code>| if says(field) { codes } else { Vec::new() };
    let languages = offer.languages.into_iter().map(|language| language.tag);
    Ok(NeedRequest {
        incident_types: codes("incident_types", offer.incident_types),
        help_wanted: codes("help_wanted", offer.help_wanted),
        services: codes("services", offer.services),
        beneficiary: Some(offer.beneficiary_type).filter(|_| says("beneficiary_type")),
        region: Some(offer.region).filter(|_| says("region")),
        country: offer.country.filter(|_| says("country")),
        languages: languages.filter(|_| says("languages")).collect(),
        priority: offer.priority.name().parse().ok().filter(|_| says("priority")),
        platforms: codes("platforms", offer.platforms),
        at: None,
    })
}

pub(super) fn text(view: &MatchView) -> String {
    let mut text = String::new();
    for one in &view.ranked {
        let stale = if one.stale { format!(", profile of {}", time(Some(one.confirmed))) } else { String::new() };
        text += &format!("{}. {} ({}{stale})\n", one.rank, plain(&one.name), one.score);
        one.reasons.iter().for_each(|reason| text += &format!("   + {}\n", plain(reason)));
        one.warnings.iter().for_each(|warning| text += &format!("   - {}\n", plain(warning)));
    }
    if view.ranked.is_empty() {
        text += "nobody ranks\n";
    }
    view.excluded.iter().for_each(|one| text += &format!("not {}: {}\n", plain(&one.name), plain(&one.why)));
    for one in &view.unknown {
        text += &format!("no profile: {}\n", plain(one.name.as_deref().unwrap_or_default()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OrgId;
    use crate::node::profile::{ExcludedView, RankedView};
    use crate::node::view::MemberView;

    #[test]
    fn who_could_take_it_is_told_with_the_reasons_and_who_could_not_with_one() {
        let org_id = OrgId([1; 32]);
        let ranked = RankedView {
            rank: 1,
            org_id,
            name: "borealis".into(),
            score: 870,
            reasons: vec!["does take over".into(), "is open".into()],
            warnings: vec!["says nothing of capacity (x0.90)".into()],
            confirmed: Timestamp(1_795_000_000_000),
            stale: true,
        };
        let view = MatchView {
            ranked: vec![ranked],
            excluded: vec![ExcludedView { org_id, name: "cedar".into(), why: "takes no new cases".into() }],
            unknown: vec![MemberView { org_id, name: Some("dana".into()) }],
        };
        assert_eq!(
            text(&view),
            "1. borealis (870, profile of 2026-11-18T11:06:40Z)\n   + does take over\n   + is open\n   - says nothing of capacity (x0.90)\n\
             not cedar: takes no new cases\nno profile: dana\n"
        );
        let nobody = MatchView { ranked: Vec::new(), excluded: Vec::new(), unknown: Vec::new() };
        assert_eq!(text(&nobody), "nobody ranks\n");
    }

    #[test]
    fn a_need_is_read_as_toml_or_json_and_a_slip_of_the_pen_is_told() {
        let need = read("need.toml", "incident_types = [\"malware\"]\nlanguages = [\"ar\"]\n").expect("TOML");
        assert_eq!(need, read("need.json", r#"{"incident_types": ["malware"], "languages": ["ar"]}"#).expect("JSON"));
        let slip = read("need.toml", "incident_types = [\"malware\"]\nregions = [\"x\"]").expect_err("no such field");
        assert!(slip.detail.starts_with("`need.toml` is not a need: line 2: "), "{}", slip.detail);
    }

    #[test]
    fn a_case_is_a_need() {
        let need = of_case("case.toml", referral::refer::EXAMPLE).expect("a case");
        assert_eq!(need.priority, "urgent".parse().ok());
        assert_eq!(need.languages, ["ar"]);
    }

    #[test]
    fn a_case_that_is_half_filled_in_asks_for_what_it_says_so_far() {
        let template = referral::refer::TEMPLATE;
        let urgent = NeedRequest { priority: "urgent".parse().ok(), ..NeedRequest::default() };
        assert_eq!(of_case("case.toml", template).expect("a template"), urgent);
        let half = template.replacen("incident_types = [\"FILL IN\"]", "incident_types = [\"malware\", \"FILL IN\"]", 1);
        let half = half.replacen("# country = \"LB\"", "country = \"LB\"", 1);
        let expected = NeedRequest { incident_types: vec!["malware".parse().expect("a code")], country: Some("LB".into()), ..urgent };
        assert_eq!(of_case("case.toml", &half).expect("half a case"), expected);
        let little =
            r#"{"offer": {"help_wanted": ["legal"], "languages": [{"tag": "fa"}, {"tag": "FILL IN"}], "country": null, "consent": {}}}"#;
        let expected =
            NeedRequest { help_wanted: vec!["legal".parse().expect("a code")], languages: vec!["fa".into()], ..NeedRequest::default() };
        assert_eq!(of_case("case.json", little).expect("a little of a case"), expected);
        assert_eq!(of_case("case.toml", "").expect("nothing of a case"), NeedRequest::default());
    }

    #[test]
    fn a_wrong_value_of_half_a_case_is_told_with_its_place() {
        let told = |text: &str| of_case("case.toml", text).expect_err(text).detail;
        for (text, place) in [
            ("[offer]\npriority = \"soon\"", "offer.priority: "),
            ("[offer]\nregoin = \"europe\"", "offer: unknown field `regoin`"),
            ("[offer]\nincident_types = \"malware\"", "offer.incident_types: "),
            ("[offer.consent]\nonward = \"perhaps\"", "offer.consent.onward: "),
            ("offer = 1", "offer: "),
            ("[offer]\npriority = ", "line 2: "),
        ] {
            assert!(told(text).starts_with(&format!("`case.toml` is not a case: {place}")), "{}", told(text));
        }
    }
}
