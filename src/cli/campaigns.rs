//! `watchfire campaigns`

use super::output::{self, count, plain, table, time};
use super::{Desk, Ended, input};
use crate::api::client::Target;
use crate::model::Tlp;
use crate::node::campaigns::CampaignView;

/// List what several organisations report at the same time
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    /// Answer as to somebody who may have nothing more restricted than this label
    #[arg(long, value_name = "TLP", value_parser = input::tlp)]
    tlp_max: Option<Tlp>,
}

const ABOUT: &str = "List what several organisations report at the same time

A campaign by its name, or a value, that `campaigns.organisations` organisations (3, this one included) have reported within `campaigns.window_hours` (48) \
of each other, by when it came here. Leads are told once. Nothing of it leaves by itself; it is shown for 14 days.";

const EXAMPLES: &str = "Examples:
  watchfire campaigns";

pub(super) async fn run(desk: &Desk, args: &Args) -> Ended {
    let target = Target::new(&["campaigns"]);
    let target = match args.tlp_max {
        Some(tlp) => target.with("tlp_max", tlp.name()),
        None => target,
    };
    let all: Vec<CampaignView> = desk.node().get(target).await?;
    output::answer(desk, &all, |all| text(all))
}

pub(super) fn text(all: &[CampaignView]) -> String {
    let row = |view: &CampaignView| {
        let id: String = view.campaign.to_string().chars().take(8).collect();
        let name = view.name.as_ref().map_or_else(|| "(destroyed)".into(), |name| plain(name));
        let state = if view.goes_on { "goes on" } else { "quiet" };
        [id, view.kind.clone(), name, view.reports.len().to_string(), time(Some(view.since)), time(Some(view.last)), state.into()]
    };
    let mut lines = table(["ID", "KIND", "WHAT", "ORGANISATIONS", "SINCE", "LAST", "STATE"], all.iter().map(row).collect());
    if lines.is_empty() {
        return "nothing is reported by several organisations\n".into();
    }
    for view in all {
        let id: String = view.campaign.to_string().chars().take(8).collect();
        for report in &view.reports {
            let span = format!("{} to {}", time(Some(report.first)), time(Some(report.last)));
            lines += &format!("{id}  {}: {}, {span}\n", plain(&report.name), count(report.count, "report"));
        }
    }
    lines
}
