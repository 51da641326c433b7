//! How long everything may take, as the operator says it: `DIR/timers.toml`. What it leaves out has its default.

use super::super::error::NodeError;
use crate::rules::escalate::Timetable;
use std::path::Path;

/// The file's name within the data directory.
pub const FILE: &str = "timers.toml";
/// A longer file is no timetable: a thousand peers with ladders of their own are less.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The limits in force in a data directory.
///
/// # Errors
/// When the file cannot be read or is no timetable; with its place.
pub fn load(data: &Path) -> Result<Timetable, NodeError> {
    use std::io::Read;
    let path = data.join(FILE);
    let failed = |error| NodeError::io(format!("read `{}`", path.display()), error);
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Timetable::default()),
        file => file.map_err(failed)?,
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(bad(&path, None, &format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    toml::from_str(&text).map_err(|error| {
        // The place where it ends up wrong is the whole file where a ladder as such does not hold; that names the ladder.
        let line = error.span().filter(|span| span.start > 0).map(|_| crate::config::toml_error(&text, &error).0);
        bad(&path, line, error.message())
    })
}

fn bad(path: &Path, line: Option<usize>, why: &str) -> NodeError {
    let hint = if why.contains("\nhint: ") { "" } else { "\nhint: docs/escalation.md has an example" };
    NodeError::BadTimers { path: path.to_owned(), line, what: format!("{why}{hint}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OrgId, Priority};
    use crate::rules::escalate::Wait;

    #[test]
    fn the_file_says_what_is_not_as_usual_and_a_wrong_one_is_named() {
        let data = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(data.path().join(FILE), text).unwrap();
        assert_eq!(load(data.path()).unwrap(), Timetable::default());
        write("[emergency]\nacknowledgement = [{ after = \"30m\", act = \"tell_leads\" }]\n");
        let set = load(data.path()).unwrap();
        let ladder = |wait| set.ladder(&OrgId([1; 32]), Priority::Emergency, wait).rungs.len();
        assert_eq!((ladder(Wait::Acknowledgement), ladder(Wait::Decision)), (1, 2));
        let why = |text: &str| {
            write(text);
            load(data.path()).unwrap_err().to_string()
        };
        let ladder = why("[urgent]\nsilence = []\n");
        assert!(
            ladder.contains("timers.toml` is no timetable: ") && ladder.contains("`urgent.silence` has 0 rungs\nhint: a ladder"),
            "{ladder}"
        );
        let syntax = why("[urgent]\n\nsilense = 3\n");
        assert!(
            syntax.contains("timers.toml` is no timetable: line 3: ") && syntax.ends_with("docs/escalation.md has an example"),
            "{syntax}"
        );
    }
}
