//! A program that is given the notice as JSON on its standard input. No shell, a clean environment, and nothing is read of what it says.

use crate::rules::notify::{Fault, Message};
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// All that a program finds in its environment.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Whether it is there and this user may run it.
pub(super) fn can_run(program: &Path) -> Result<(), Fault> {
    let is_file = std::fs::metadata(program).is_ok_and(|metadata| metadata.is_file());
    let may = is_file && rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok();
    if may { Ok(()) } else { Err(Fault::NotStarted) }
}

/// Runs it once. Whoever drops this ends the program, and what it has started.
pub(super) async fn run(program: &Path, args: &[String], message: &Message) -> Result<(), Fault> {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", PATH).current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running(command.spawn().map_err(|_| Fault::NotStarted)?);
    if let Some(mut stdin) = running.0.stdin.take() {
        // A program that reads nothing is no reason to fail: its exit code counts.
        let _ = stdin.write_all(format!("{}\n", message.json()).as_bytes()).await;
    }
    judged(running.0.wait().await.map_err(|_| Fault::NotStarted)?)
}

fn judged(status: ExitStatus) -> Result<(), Fault> {
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Fault::Exit(u16::try_from(code).unwrap_or(255))),
        None => Err(Fault::Exit(256)),
    }
}

/// A program under way. It leads a group of its own, which ends with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // None once it was waited for: its number may be another's by then.
        let id = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::model::desk::Role;
    use crate::rules::notify::{Event, Notice};
    use std::time::Duration;

    /// A shell: a script that was just written could be busy still when it is run.
    const SHELL: &str = "/bin/sh";

    fn script(text: &str, args: &[&str]) -> Vec<String> {
        ["-c", text, "hook"].iter().chain(args).map(|arg| (*arg).to_owned()).collect()
    }

    fn message() -> Message {
        Message::One(Notice::new(Event::Test, b"x", Role::Handler, Timestamp(0)))
    }

    #[tokio::test]
    async fn it_gets_json_and_arguments_and_hardly_an_environment() {
        let directory = tempfile::tempdir().unwrap();
        let hook = "cat >\"$1/body\"; env >\"$1/env\"; pwd >\"$1/pwd\"; echo \"$2\" >\"$1/arg\"; echo talk; echo talk >&2";
        let args = script(hook, &[&directory.path().display().to_string(), "$(id)"]);
        run(Path::new(SHELL), &args, &message()).await.unwrap();
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(read("body"), format!("{}\n", message().json()));
        let mut names: Vec<String> = read("env").lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
        // A shell adds these by itself.
        names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()));
        assert_eq!((names, read("pwd"), read("arg")), (vec!["PATH".to_owned()], "/\n".to_owned(), "$(id)\n".to_owned()));
    }

    #[tokio::test]
    async fn its_exit_code_is_kept() {
        for (hook, expected) in [("exit 7", Err(Fault::Exit(7))), ("kill -9 $$", Err(Fault::Exit(256))), ("exec <&-; exit 0", Ok(()))] {
            assert_eq!(run(Path::new(SHELL), &script(hook, &[]), &message()).await, expected, "{hook}");
        }
        assert_eq!(run(Path::new("/nowhere/hook"), &[], &message()).await, Err(Fault::NotStarted));
    }

    #[tokio::test]
    async fn one_that_takes_too_long_ends_with_what_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let args = script("sleep 1000 & echo $! >\"$1/child\"; wait", &[&directory.path().display().to_string()]);
        let ended = tokio::time::timeout(Duration::from_millis(500), run(Path::new(SHELL), &args, &message())).await;
        assert!(ended.is_err());
        let child = std::fs::read_to_string(directory.path().join("child")).unwrap();
        for _ in 0..200 {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it still runs");
    }
}
