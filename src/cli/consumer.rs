//! `watchfire consumer …`

use super::output::{self, facts, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::{Class, Pap, Tlp};
use crate::node::serving::{ConsumerAdd, ConsumerRenew, ConsumerView, ConsumersView, HttpsView, TokenView};
use crate::rules::consumer::{ConsumerName, Scope};

/// Programs that may fetch exports or say something over HTTPS, each with a token
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Add one, and print its token, which is never shown again
    #[command(after_help = ADD)]
    Add(Add),
    /// Show them, and when each was last here
    #[command(after_help = LIST)]
    List,
    /// Give one a new token; the old one counts for nothing from then on
    #[command(after_help = RENEW)]
    Renew {
        /// Which
        name: String,
        /// For how long
        #[arg(long, value_name = "DAYS", value_parser = days, default_value = "365d")]
        expires: u64,
        #[command(flatten)]
        signer: Signer,
    },
    /// After a restore: say that one was not revoked since, and its token still counts
    #[command(after_help = KEEP)]
    Keep {
        /// Which
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// End one at once
    #[command(after_help = REVOKE)]
    Revoke {
        /// Which
        name: String,
        #[command(flatten)]
        signer: Signer,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What it is called here, and its user name where a tool asks for one: small letters, digits, `.`, `-` and `_`
    name: ConsumerName,
    /// What its token is good for: `export` for the files of `watchfire export`, `taxii` for TAXII 2.1, `misp` for MISP's REST, `api` for what /api/v1/
    /// has, `produce` to say indicators, `sight` to tell authors what it met of what it may see
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = SCOPES, default_value = "export")]
    scopes: Vec<String>,
    /// Nothing more restricted than this label; never red. Needed for all but `produce`
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp_max: Option<Tlp>,
    /// Nothing of a higher class: public, confidential (where it is not given) or restricted
    #[arg(long, value_name = "CLASS", value_parser = input::class)]
    class_max: Option<Class>,
    /// Nothing of a higher PAP; where it is not given green for what blocks, red for all else
    #[arg(long, value_name = "PAP", value_parser = input::pap)]
    pap_max: Option<Pap>,
    /// Nothing of which one may be less sure today, 0 to 100, as with `watchfire export`; not for `api`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=100))]
    least_confidence: Option<u8>,
    /// Only what was said in this group; once for each
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Where what a producer says goes; it cannot choose
    #[arg(long, value_name = "PEER|GROUP")]
    to: Option<String>,
    /// The label of what a producer says; it may give a stricter one, and none that is laxer
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp: Option<Tlp>,
    /// For how long
    #[arg(long, value_name = "DAYS", value_parser = days, default_value = "365d")]
    expires: u64,
    /// The token may stand in the address, for what can send no header: filter lists, feed readers. Addresses stand in logs
    #[arg(long)]
    in_url: bool,
    #[command(flatten)]
    signer: Signer,
}

/// What a token may be good for.
const SCOPES: [&str; 6] = ["export", "taxii", "misp", "api", "produce", "sight"];

const ABOUT: &str = "Programs that may fetch exports or say something over HTTPS, each with a token

`https.listen` in the settings says where the node answers them. Each has its own ceiling: nothing above it is in what it fetches, and nothing that \
was not said in its groups, where some are named. What a producer says goes the way of `watchfire import`, to the one peer or group that was settled. Of a \
token the node keeps nothing but a digest. docs/serving.md has what to type into each tool.";

const EXAMPLES: &str = "Examples:
  watchfire consumer list";
const ADD: &str = "Examples:
  watchfire consumer add misp-lab --tlp-max green --expires 90d";
const LIST: &str = "Examples:
  watchfire consumer list";
const RENEW: &str = "Examples:
  watchfire consumer renew misp-lab";
const KEEP: &str = "Examples:
  watchfire consumer keep misp-lab";
const REVOKE: &str = "Examples:
  watchfire consumer revoke misp-lab";

/// `365d`, or `365`.
fn days(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().ok().filter(|days| *days > 0).ok_or_else(|| format!("`{text}` is no number of days, like 365d"))
}

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.what {
        What::Add(add) => {
            let Add { name, scopes, tlp_max, class_max, pap_max, least_confidence, groups, to, tlp, expires, in_url, signer } = add;
            let scopes = scopes.iter().filter_map(|name| Scope::ALL.into_iter().find(|scope| scope.name() == name)).collect();
            let request =
                ConsumerAdd { name, scopes, tlp_max, class_max, pap_max, least_confidence, groups, to, tlp, days: expires, in_url };
            let ask = signer.order(desk, "consumer-add", "", request).await?;
            let view: TokenView = desk.node().post(Target::new(&["consumers"]), &ask).await?;
            output::answer(desk, &view, token_text)
        }
        What::List => {
            let view: ConsumersView = desk.node().get(Target::new(&["consumers"])).await?;
            output::answer(desk, &view, list_text)
        }
        What::Renew { name, expires, signer } => {
            let ask = signer.order(desk, "consumer-renew", &name, ConsumerRenew { days: expires }).await?;
            let view: TokenView = desk.node().post(Target::new(&["consumers", &name, "renew"]), &ask).await?;
            output::answer(desk, &view, token_text)
        }
        What::Keep { name, signer } => {
            let ask = signer.order(desk, "consumer-keep", &name, ()).await?;
            let view: ConsumerView = desk.node().post(Target::new(&["consumers", &name, "keep"]), &ask).await?;
            output::answer(desk, &view, |view| format!("{}: its token counts, until {}\n", view.name, time(Some(view.grant.expires))))
        }
        What::Revoke { name, signer } => {
            let ask = signer.order(desk, "consumer-revoke", &name, ()).await?;
            let view: ConsumerView = desk.node().post(Target::new(&["consumers", &name, "revoke"]), &ask).await?;
            output::answer(desk, &view, |view| format!("{}: revoked; its token counts for nothing any more\n", view.name))
        }
    }
}

pub(super) fn token_text(view: &TokenView) -> String {
    let TokenView { consumer, token, https } = view;
    let mut rows = vec![("consumer", consumer.name.to_string()), ("token", token.clone()), ("may have", may_have(consumer))];
    rows.extend(says(consumer).map(|says| ("may say", says)));
    rows.push(("until", time(Some(consumer.grant.expires))));
    let path = if consumer.grant.in_url { format!("/t/{token}/export/") } else { "/export/".to_owned() };
    match https {
        Some(https) => rows.extend([("address", format!("https://{}{path}", https.address)), ("certificate", https.fingerprint.clone())]),
        None => rows.push(("address", "none: `https.listen` in the settings says where the node answers".to_owned())),
    }
    facts(&rows) + "the token is shown this once; docs/serving.md says where it is typed in\n"
}

fn may_have(consumer: &ConsumerView) -> String {
    let grant = &consumer.grant;
    if !grant.scopes.iter().any(|scope| scope.reads()) {
        return "nothing".to_owned();
    }
    let mut text = format!("up to {}, {}", grant.tlp_max, grant.class_max.name());
    if let Some(pap) = grant.pap_max {
        text += &format!(", PAP:{}", pap.name().to_uppercase());
    }
    if let Some(least) = grant.least_confidence {
        text += &format!(", confidence {least}");
    }
    if !consumer.groups.is_empty() {
        text += &format!(", said in {}", consumer.groups.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", "));
    }
    text
}

/// Where what it says goes.
fn says(consumer: &ConsumerView) -> Option<String> {
    let (produces, to) = (consumer.grant.produces.as_ref()?, consumer.to.as_deref().unwrap_or_default());
    Some(format!("to {}, {} or stricter", plain(to), produces.tlp))
}

pub(super) fn list_text(view: &ConsumersView) -> String {
    let row = |one: &ConsumerView| {
        let scopes = one.grant.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",");
        let way = if one.grant.in_url { " in the address" } else { "" };
        let may_say = says(one).unwrap_or_default();
        let (until, used) = (time(Some(one.grant.expires)), time(one.used));
        [one.name.to_string(), one.state.clone(), format!("{scopes}{way}"), may_have(one), may_say, until, used]
    };
    let at = match &view.https {
        Some(HttpsView { address, fingerprint }) => format!("https://{address}, certificate {fingerprint}\n"),
        None => "the node answers nobody: `https.listen` in the settings says where\n".to_owned(),
    };
    at + &table(["CONSUMER", "STATE", "SCOPE", "MAY HAVE", "MAY SAY", "UNTIL", "LAST HERE"], view.consumers.iter().map(row).collect())
}
