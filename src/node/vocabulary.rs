//! The value lists: read at the start, each replaced by a file of the operator's where there is one.

use super::error::NodeError;
use crate::model::vocabulary::{BadVocabulary, FILES, Vocabularies, Vocabulary};
use std::path::Path;

/// Where the operator's lists are, within the data directory: one file for each, `NAME.toml`.
pub const DIRECTORY: &str = "vocabularies";
/// A longer file is no list.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The lists in force in a data directory.
///
/// # Errors
/// When a file of the operator's cannot be read or is no list; with its name and line.
pub fn load(data: &Path) -> Result<Vocabularies, NodeError> {
    let directory = data.join(DIRECTORY);
    let mut own = Vec::new();
    for path in files(&directory)? {
        let list = read(&path)?;
        let expected = format!("{}.toml", list.name);
        if path.file_name().is_none_or(|name| *name != *expected) {
            return Err(bad(&path, None, &format!("it is the list `{}`\nhint: name it {expected}", list.name)));
        }
        own.push(list);
    }
    Ok(Vocabularies::new(shipped()?, own))
}

/// The lists that this program has.
///
/// # Errors
/// Never, as the tests see.
pub fn shipped() -> Result<Vec<Vocabulary>, NodeError> {
    let broken = |error: &dyn std::fmt::Display| NodeError::Internal(error.to_string());
    FILES.iter().map(|(_, text)| toml::from_str::<Vocabulary>(text).map_err(|error| broken(&error))).collect()
}

fn files(directory: &Path) -> Result<Vec<std::path::PathBuf>, NodeError> {
    let failed = |error| NodeError::io(format!("read `{}`", directory.display()), error);
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect::<Result<Vec<_>, _>>()?;
    let mut lists: Vec<_> = paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    lists.sort();
    Ok(lists)
}

/// A list of the operator's.
///
/// # Errors
/// When the file cannot be read or is no list; with its name and line.
pub fn read(path: &Path) -> Result<Vocabulary, NodeError> {
    use std::io::Read;
    let failed = |error| NodeError::io(format!("read `{}`", path.display()), error);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(bad(path, None, &format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    if text.trim().is_empty() {
        return Err(bad(path, Some(1), "it is empty"));
    }
    let list: Vocabulary = toml::from_str(&text).map_err(|error| {
        let (line, what) = crate::config::toml_error(&text, &error);
        bad(path, Some(line), &what)
    })?;
    list.check().map_err(|error| bad(path, line_of(&text, &error), &error.to_string()))?;
    Ok(list)
}

/// Where what does not hold stands, from 1.
fn line_of(text: &str, error: &BadVocabulary) -> Option<usize> {
    let (key, value) = error.blamed()?;
    let is_it = |line: &str| {
        let said = line.split_once('=').filter(|(name, _)| name.trim() == key).map(|(_, said)| said.trim());
        said.is_some_and(|said| value.is_none_or(|value| said.trim_matches(['"', '\'']) == value))
    };
    Some(text.lines().collect::<Vec<_>>().iter().rposition(|line| is_it(line))? + 1)
}

fn bad(path: &Path, line: Option<usize>, why: &str) -> NodeError {
    let name = path.file_stem().and_then(|name| name.to_str()).filter(|name| FILES.iter().any(|(known, _)| known == name));
    let hint = match why.contains("\nhint: ") {
        true => String::new(),
        false => format!(
            "\nhint: put it right, or take the file away and the shipped list counts again; `watchfire vocabulary {}` shows a list as its file has it",
            name.unwrap_or("outcome")
        ),
    };
    NodeError::BadVocabulary { path: path.to_owned(), line, what: format!("{why}{hint}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_lists_are_lists_of_one_edition() {
        let lists = shipped().unwrap();
        for (list, (name, _)) in lists.iter().zip(FILES) {
            assert_eq!((list.name.as_str(), list.check()), (name, Ok(())));
            assert_eq!(list.version, lists[0].version);
        }
        let all = Vocabularies::new(lists, Vec::new());
        assert_eq!(all.region_of("LB").map(ToString::to_string), Some("middle_east_north_africa".into()));
        assert_eq!(
            all.get("region").unwrap().entries.iter().map(|entry| entry.countries.len()).sum::<usize>(),
            249,
            "all but Antarctica, and Kosovo"
        );
        assert!(all.get("incident-type").unwrap().entries.iter().all(|entry| !entry.rsit.is_empty()), "each has its RSIT type");
    }

    #[test]
    fn an_operators_file_replaces_a_list_and_a_wrong_one_is_named() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(load(data.path()).unwrap().version(), "2026-11");
        let directory = data.path().join(DIRECTORY);
        std::fs::create_dir(&directory).unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
        write("notes.txt", "not read");
        write("nature.toml", "name = \"nature\"\nversion = \"own-1\"\n[[code]]\ncode = \"reactive\"\ntitle = \"Something happened\"\n");
        let lists = load(data.path()).unwrap();
        assert_eq!(lists.version(), "2026-11+nature=own-1");
        assert_eq!(lists.shown("nature", &"reactive".parse().unwrap()), "Something happened");
        write("cause.toml", "name = \"outcome\"\nversion = \"1\"\n[[code]]\ncode = \"a\"\ntitle = \"A\"\n");
        let error = load(data.path()).unwrap_err().to_string();
        assert!(error.contains("cause.toml` is not a value list: it is the list `outcome`\nhint: name it outcome.toml"), "{error}");
        write("cause.toml", "name = \"cause\"\nversion = \"1\"\ncode = 3\n");
        let error = load(data.path()).unwrap_err().to_string();
        assert!(error.contains("cause.toml` is not a value list: line 3"), "{error}");
        let head = "name = \"cause\"\nversion = \"1\"\n[[code]]\ncode = \"a\"\ntitle = \"A\"\n[[code]]\n";
        for (text, told) in [
            ("", "line 1: it is empty"),
            ("# nothing\n", "line 1: missing field `name`"),
            (&format!("{head}code = \"a\"\ntitle = \"B\"\n"), "line 7: the code `a` comes twice"),
            (&format!("{head}code = \"b\"\ntitle = \"\"\n"), "line 7: the title of `b` must have 1 to 200 characters"),
            (&format!("{head}code = \"b\"\ntitle = \"B\"\n").replace("\"1\"", "\"of us\""), "line 2: the version must"),
        ] {
            write("cause.toml", text);
            let error = load(data.path()).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(&format!("cause.toml` is not a value list: {told}")), "{said}");
            assert!(said.contains("\nhint: put it right, or take the file away") && said.ends_with("as its file has it"), "{said}");
            assert_eq!(error.place().as_deref(), told.split(": ").next().map(|line| line.replace("line ", "cause.toml:")).as_deref());
        }
        write("cause.toml", "");
        std::fs::remove_file(directory.join("cause.toml")).unwrap();
        write("priority.toml", "name = \"priority\"\nversion = \"1\"\n[[code]]\ncode = \"urgent\"\ntitle = \"Soon\"\n");
        let error = load(data.path()).unwrap_err().to_string();
        assert!(
            error.contains("priority.toml` is not a value list: the codes of `priority` must be emergency, urgent and normal"),
            "{error}"
        );
    }
}
