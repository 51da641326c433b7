//! `watchfire profile …`

use super::output::{self, plain, table, time};
use super::unlock::Signer;
use super::{Desk, Ended, input};
use crate::api::Problem;
use crate::api::client::Target;
use crate::node::error::{Exit, NodeError};
use crate::node::profile::{FieldView, ProfileFile, ProfileSet, ProfileView, PublishView};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// What organisations say of themselves, so that others know which cases they take
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, long_about = ABOUT)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show a profile
    #[command(after_help = SHOW)]
    Show {
        /// Whose, as far as it told you; ours where nobody is named
        peer: Option<String>,
        /// Ours, as far as this peer or group may know it; `public` for anybody
        #[arg(long = "for", value_name = "NAME", conflicts_with = "peer")]
        reader: Option<String>,
    },
    /// Change ours in an editor ($VISUAL or $EDITOR), and tell it
    #[command(after_help = EDIT)]
    Edit {
        /// Do not ask before it is put in force and told
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        signer: Signer,
    },
    /// Tell what each audience would be told by a profile file, and change nothing
    #[command(after_help = CHECK)]
    Check {
        /// The profile file; `-` reads standard input
        file: String,
    },
    /// Put a profile file in force, and tell each audience what it may know of it
    #[command(after_help = SET)]
    Set {
        /// The profile file; `-` reads standard input
        file: String,
        #[command(flatten)]
        signer: Signer,
    },
    /// Say that all of ours still holds: after 30 days without that others see it marked
    #[command(after_help = CONFIRM)]
    Confirm {
        #[command(flatten)]
        signer: Signer,
    },
    /// Print a file to fill in, with every code that there is
    #[command(after_help = TEMPLATE)]
    Template,
}

const ABOUT: &str = "What organisations say of themselves, so that others know which cases they take

Ours is a file (`watchfire profile template`). Each field has an audience: anybody, members, or those whom you name; each peer and each group is \
sent what it may know, and nothing else. Where nothing changed nothing is sent, unless the last that was sent is 25 days older.";

const EXAMPLES: &str = "Examples:
  watchfire profile template";
const SHOW: &str = "Examples:
  watchfire profile show --for smex";
const EDIT: &str = "Examples:
  watchfire profile edit";
const CHECK: &str = "Examples:
  watchfire profile check profile.toml";
const SET: &str = "Examples:
  watchfire profile set profile.toml";
const CONFIRM: &str = "Examples:
  watchfire profile confirm";
const TEMPLATE: &str = "Examples:
  watchfire profile template";

pub(super) async fn run(desk: &Desk, args: Args) -> Ended {
    match args.what {
        What::Show { peer, reader } => {
            let mut target = Target::new(&["profile"]);
            for (key, value) in [("who", peer), ("reader", reader)] {
                target = match value {
                    Some(value) => target.with(key, &value),
                    None => target,
                };
            }
            let view: ProfileView = desk.node().get(target).await?;
            output::answer(desk, &view, shown)
        }
        What::Edit { yes, signer } => edit(desk, yes, &signer).await,
        What::Check { file } => {
            let view = check(desk, input::file(&file)?).await?;
            output::answer(desk, &view, told)
        }
        What::Set { file, signer } => {
            let view = set(desk, &signer, Some(input::file(&file)?)).await?;
            output::answer(desk, &view, told)
        }
        What::Confirm { signer } => {
            let view = set(desk, &signer, None).await?;
            output::answer(desk, &view, told)
        }
        What::Template => {
            let file: ProfileFile = desk.node().get(Target::new(&["profile", "file"]).with("template", "true")).await?;
            output::answer(desk, &file, |file| file.text.clone())
        }
    }
}

async fn check(desk: &Desk, text: String) -> Result<PublishView, Problem> {
    desk.node().post(Target::new(&["profile", "check"]), &ProfileFile { text }).await
}

async fn set(desk: &Desk, signer: &Signer, text: Option<String>) -> Result<PublishView, Problem> {
    let ask = signer.order(desk, "profile", "", ProfileSet { text }).await?;
    desk.node().post(Target::new(&["profile"]), &ask).await
}

/// The file is edited beside the store, where nobody else reads it; what is not taken stays there for another try.
async fn edit(desk: &Desk, yes: bool, signer: &Signer) -> Ended {
    let file: ProfileFile = desk.node().get(Target::new(&["profile", "file"])).await?;
    let written = |error| NodeError::io("write the profile file", error);
    let mut edited = tempfile::Builder::new().prefix("profile-").suffix(".toml").tempfile_in(&desk.data).map_err(written)?;
    edited.write_all(file.text.as_bytes()).and_then(|()| edited.flush()).map_err(written)?;
    open(edited.path())?;
    let text = input::file(&edited.path().display().to_string())?;
    if text.trim() == file.text.trim() {
        output::say("nothing was changed, and nothing is told; `watchfire profile confirm` says that all of it still holds");
        return Ok(Exit::Done);
    }
    let took = take(desk, yes, signer, text).await;
    if took.is_err()
        && let Ok((_, path)) = edited.keep()
    {
        output::say(&format!("what you wrote is in `{}`; `watchfire profile set` takes it from there", path.display()));
    }
    took
}

/// What was edited is checked, shown, and put in force on a person's word.
async fn take(desk: &Desk, yes: bool, signer: &Signer, text: String) -> Ended {
    let would = check(desk, text.clone()).await?;
    if !yes {
        match input::says_yes(&told(&would), "put it in force, and tell them?")? {
            Some(true) => {}
            Some(false) => return Err(NodeError::BadInput("it was not put in force".into()).into()),
            None => return Err(NodeError::BadInput("nobody is there to be asked\nhint: `--yes` does not ask".into()).into()),
        }
    }
    let view = set(desk, signer, Some(text)).await?;
    output::answer(desk, &view, told)
}

fn open(path: &Path) -> Result<(), Problem> {
    let named = ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok()).find(|editor| !editor.trim().is_empty());
    let editor = named.unwrap_or_else(|| "vi".into());
    // As other tools do: an editor may come with options.
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(path).status();
    match status.map_err(|error| NodeError::io("start the editor", error))?.success() {
        true => Ok(()),
        false => Err(NodeError::BadInput("the editor ended with an error\nhint: $VISUAL or $EDITOR names another".into()).into()),
    }
}

pub(super) fn shown(view: &ProfileView) -> String {
    let mut text = format!("{}, confirmed {}", plain(&view.name), time(Some(view.confirmed)));
    if view.stale {
        text += " (stale: more than 30 days ago)";
    }
    if let Some(received) = view.received {
        text += &format!(", came {}", time(Some(received)));
    }
    if !view.said_to.is_empty() {
        text += &format!(", said to {}", plain(&view.said_to.join(", ")));
    }
    text.push('\n');
    let known_to = |field: &FieldView| match &field.known_to {
        None => String::new(),
        Some(nobody) if nobody.is_empty() => "nobody".into(),
        Some(whom) => whom.join(", "),
    };
    let row = |field: &FieldView| [field.name.clone(), field.values.join(", "), known_to(field)];
    let rows: Vec<_> = view.fields.iter().map(row).collect();
    match rows.is_empty() {
        true => text + "nothing is stated\n",
        false => text + &table(["FIELD", "SAYS", if rows.iter().any(|row| !row[2].is_empty()) { "KNOWN TO" } else { "" }], rows),
    }
}

pub(super) fn told(view: &PublishView) -> String {
    let begin = if view.dry_run { "the profile would be told so" } else { "the profile is in force" };
    let mut text = format!("{begin}, confirmed {}\n", time(Some(view.confirmed)));
    let row = |told: &crate::node::profile::ToldView| [told.name.clone(), told.what.clone(), told.fields.join(", ")];
    let rows: Vec<_> = view.audiences.iter().map(row).collect();
    text += &match rows.is_empty() {
        true => "there is nobody to tell yet; whoever becomes a peer is told then\n".to_owned(),
        false => table(["TO", "WHAT", "MAY KNOW"], rows),
    };
    for told in &view.audiences {
        let name = plain(&told.name);
        text.extend(told.reason.iter().map(|reason| format!("withheld from {name}: {}\n", plain(reason))));
        for replaced in &told.findings.replaced {
            text += &format!("to {name}: {} replaced in {}: {}\n", replaced.count, replaced.field, replaced.kind);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OrgId, Timestamp};
    use crate::node::profile::ToldView;
    use crate::rules::release::{Findings, Replaced};

    #[test]
    fn a_profile_is_shown_with_who_may_know_what() {
        let field = |name: &str, values: &[&str], known_to: Option<&[&str]>| FieldView {
            name: name.into(),
            values: values.iter().map(ToString::to_string).collect(),
            known_to: known_to.map(|whom| whom.iter().map(ToString::to_string).collect()),
        };
        let mut view = ProfileView {
            org_id: OrgId([1; 32]),
            name: "us".into(),
            confirmed: Timestamp(1_795_000_000_000),
            stale: false,
            received: None,
            said_to: Vec::new(),
            fields: vec![
                field("services", &["incident_response_support", "artifact_analysis"], Some(&["members"])),
                field("forensic_level", &["triage"], Some(&[])),
            ],
        };
        assert_eq!(
            shown(&view),
            "us, confirmed 2026-11-18T11:06:40Z\n\
             FIELD           SAYS                                          KNOWN TO\n\
             services        incident_response_support, artifact_analysis  members\n\
             forensic_level  triage                                        nobody\n"
        );
        (view.name, view.stale) = ("cedar\u{202e}".into(), true);
        (view.received, view.said_to) = (Some(Timestamp(1_795_000_060_000)), vec!["us".into(), "levant".into()]);
        view.fields = vec![field("intake", &["within_days"], None)];
        assert_eq!(
            shown(&view),
            "cedar\\u{202e}, confirmed 2026-11-18T11:06:40Z (stale: more than 30 days ago), came 2026-11-18T11:07:40Z, said to us, levant\n\
             FIELD   SAYS\nintake  within_days\n"
        );
        view.fields.clear();
        assert!(shown(&view).ends_with("nothing is stated\n"));
    }

    #[test]
    fn it_is_told_what_each_audience_is_told() {
        let mut view = PublishView { confirmed: Timestamp(1_795_000_000_000), dry_run: true, audiences: Vec::new() };
        let begin = "the profile would be told so, confirmed 2026-11-18T11:06:40Z\n";
        assert_eq!(told(&view), format!("{begin}there is nobody to tell yet; whoever becomes a peer is told then\n"));
        let findings =
            Findings { replaced: vec![Replaced { field: "fees".into(), kind: "email".into(), count: 1 }], ..Findings::default() };
        view.dry_run = false;
        view.audiences = vec![
            ToldView {
                audience: "direct:x".into(),
                name: "smex".into(),
                what: "new".into(),
                fields: vec!["fees".into()],
                reason: None,
                findings,
            },
            ToldView {
                audience: "group:y".into(),
                name: "levant".into(),
                what: "withheld".into(),
                fields: vec!["pseudonym".into()],
                reason: Some("the group may not".into()),
                findings: Findings::default(),
            },
        ];
        assert_eq!(
            told(&view),
            "the profile is in force, confirmed 2026-11-18T11:06:40Z\n\
             TO      WHAT      MAY KNOW\nsmex    new       fees\nlevant  withheld  pseudonym\n\
             to smex: 1 replaced in fees: email\nwithheld from levant: the group may not\n"
        );
    }
}
