//! `watchfire deeds`

use super::output::{self, table, time};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::Timestamp;
use crate::model::desk::UserName;
use crate::node::referral::DeedView;

/// List who did what with referrals, calls, alerts, hand-overs and checks for duplicates
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// Only about the one whose id begins so
    #[arg(value_name = "ID")]
    about: Option<String>,
    /// Only of this user of the desk
    #[arg(long, value_name = "USER")]
    by: Option<UserName>,
    /// Only from this time on: 2027-01-31 or 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    since: Option<Timestamp>,
    /// Only up to this time
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    until: Option<Timestamp>,
    /// The newest of them, at most so many, up to 1000
    #[arg(long, default_value_t = 1_000, value_name = "COUNT")]
    limit: usize,
}

const ABOUT: &str = "List who did what with referrals, calls, alerts, hand-overs and checks for duplicates

Each was written down with what it did, in one step, after the user's signature and role had been checked (docs/desk.md says which role may what). Names stay at this desk.";

const EXAMPLES: &str = "Examples:
  watchfire deeds --limit 20";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let mut target = Target::new(&["deeds"]).with("limit", &args.limit.to_string());
    let (by, since, until) =
        (args.by.as_ref().map(UserName::to_string), args.since.map(|at| at.to_string()), args.until.map(|at| at.to_string()));
    for (key, value) in [("about", &args.about), ("by", &by), ("since", &since), ("until", &until)] {
        if let Some(value) = value {
            target = target.with(key, value);
        }
    }
    let deeds: Vec<DeedView> = desk.node().get(target).await?;
    output::answer(desk, &deeds, |deeds| text(deeds))
}

pub(super) fn text(deeds: &[DeedView]) -> String {
    if deeds.is_empty() {
        return "no deed is like that\n".into();
    }
    let row = |deed: &DeedView| {
        let about: String = if deed.about.0 == [0; 16] { "-".into() } else { deed.about.to_string().chars().take(8).collect() };
        [time(Some(deed.at)), deed.by.clone().unwrap_or_else(|| "-".into()), deed.what.clone(), about]
    };
    table(["AT", "BY", "WHAT", "ABOUT"], deeds.iter().map(row).collect())
}
