//! A case that is being asked for on a terminal: every answer is written to a file at once, so that none is lost.

use super::form;
use crate::cli::output;
use crate::model::crypto::random;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use toml::{Table, Value};

/// The first line of such a file. Only a file that has it is written over and deleted: another one is somebody's own.
const MARK: &str = "# A case that `watchfire refer` is asking for.";
/// Longest reference that a file is named by, in characters.
const NAME_MAX: usize = 40;

/// The answers so far. A question that nobody has answered yet stands there as `FILL IN`.
#[derive(Clone)]
pub(super) struct Begun {
    directory: PathBuf,
    /// Known to whoever waits for the answers too, who may be interrupted.
    file: Arc<OnceLock<PathBuf>>,
    answers: Table,
}

impl Begun {
    /// A case of which nothing is answered. Its file is made with the first answer, in this directory.
    pub(super) fn new(directory: &Path, questions: &[&str]) -> Self {
        let mut begun = Self { directory: directory.to_owned(), file: Arc::default(), answers: Table::new() };
        questions.iter().for_each(|field| put(&mut begun.answers, field, Some(form::FILL_IN.into())));
        begun
    }

    /// The case of a file that was begun so; `None` where the text is of another file.
    ///
    /// # Errors
    /// When it is no TOML any more.
    pub(super) fn of(file: &str, text: &str) -> Result<Option<Self>, toml::de::Error> {
        if !text.starts_with(MARK) {
            return Ok(None);
        }
        let path = PathBuf::from(file);
        let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).to_owned();
        Ok(Some(Self { directory, file: Arc::new(OnceLock::from(path)), answers: toml::from_str(text)? }))
    }

    /// Where it is kept, once something is.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.get().map(PathBuf::as_path)
    }

    /// Whether nobody has answered this.
    pub(super) fn is_missing(&self, field: &str) -> bool {
        let value = self.at(field).and_then(|value| serde_json::to_value(value).ok());
        value.is_some_and(|value| !form::unfilled(&value).is_empty())
    }

    /// The texts of a list, without its gaps.
    pub(super) fn texts(&self, field: &str) -> Vec<String> {
        let list = self.at(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).filter(|text| !form::is_unfilled(text)).map(str::to_owned).collect()
    }

    /// The tables of a list.
    pub(super) fn tables(&self, field: &str) -> Vec<Value> {
        let list = self.at(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter(|value| value.is_table()).cloned().collect()
    }

    /// Whether nothing was ever answered to any of these, not even in part.
    pub(super) fn are_untouched(&self, fields: &[&str]) -> bool {
        fields.iter().all(|field| self.text(field) == Some(form::FILL_IN))
    }

    /// The answer, where it is one text.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.at(field).and_then(Value::as_str)
    }

    /// Keeps answers, `None` for what the case does not say; durable once it returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn keep(&mut self, answers: Vec<(&str, Option<Value>)>) -> io::Result<()> {
        answers.into_iter().for_each(|(field, answer)| put(&mut self.answers, field, answer));
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            let hint = "hint: go into a directory in which you may write; answers are kept there";
            io::Error::other(format!("{what}: {error}\n{hint}"))
        };
        // Nobody but its owner reads such a file: mode 0600.
        let place = self.directory.display().to_string();
        let mut file = tempfile::NamedTempFile::new_in(&self.directory).map_err(|error| failed(&place, &error))?;
        file.write_all(self.written().as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(|error| failed(&place, &error))?;
        match self.file() {
            Some(path) => file.persist(path).map(drop).map_err(|error| failed(&place, &error.error)),
            None => {
                // Two cases of one reference are two files.
                let names = [self.name(None), self.name(Some(random())), self.name(Some(random()))];
                for name in names {
                    let path = self.directory.join(name);
                    file = match file.persist_noclobber(&path) {
                        Ok(_) => {
                            let path = path.strip_prefix(".").map(Path::to_owned).unwrap_or(path);
                            return self.file.set(path).map_err(|path| failed(&path.display().to_string(), &"it is kept elsewhere"));
                        }
                        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => error.file,
                        Err(error) => return Err(failed(&place, &error.error)),
                    };
                }
                Err(failed(&place, &"there are files of that name already"))
            }
        }
    }

    /// Takes an answer that was given beside the questions; it is kept with the next.
    pub(super) fn answer(&mut self, field: &str, answer: Value) {
        put(&mut self.answers, field, Some(answer));
    }

    /// The case as its file has it.
    pub(super) fn written(&self) -> String {
        let hint = "# `watchfire refer FILE` goes on with it: what says FILL IN is asked. It is deleted once the case is referred.\n\
                    # Codes are those of `watchfire vocabulary NAME`; `watchfire refer --template` tells what each field is.";
        format!("{MARK}\n{hint}\n{}", self.answers)
    }

    /// Deletes the file: the case is referred, or nobody wants it any more.
    pub(super) fn delete(&self) {
        let Some(file) = self.file() else { return };
        if let Err(error) = std::fs::remove_file(file) {
            output::say(&format!(
                "warning: `{}` was not deleted ({}); it has the case in it",
                output::plain(&file.display().to_string()),
                error.kind()
            ));
        }
    }

    /// A reference without a digit may be somebody's name, which no file here is named by.
    fn name(&self, more: Option<[u8; 4]>) -> String {
        let is_plain =
            |text: &&str| text.len() <= NAME_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let reference = self.text("reference").filter(is_plain).filter(|text| text.bytes().any(|byte| byte.is_ascii_digit()));
        let tail = |bytes: [u8; 4]| data_encoding::HEXLOWER.encode(&bytes);
        match (reference, more) {
            (Some(reference), None) => format!("case-{reference}.toml"),
            (Some(reference), Some(more)) => format!("case-{reference}-{}.toml", tail(more)),
            (None, more) => format!("case-{}.toml", tail(more.unwrap_or_else(random))),
        }
    }

    fn at(&self, field: &str) -> Option<&Value> {
        let (mut table, mut rest) = (&self.answers, field);
        while let Some((first, behind)) = rest.split_once('.') {
            (table, rest) = (table.get(first)?.as_table()?, behind);
        }
        table.get(rest)
    }
}

/// Puts an answer in its place, or takes away what is there, and with it a table of which nothing is left.
fn put(table: &mut Table, field: &str, answer: Option<Value>) {
    match (field.split_once('.'), answer) {
        (Some((first, rest)), answer) => {
            let inner = table.entry(first).or_insert_with(|| Table::new().into());
            if !inner.is_table() {
                *inner = Table::new().into();
            }
            let Value::Table(inner) = inner else { return };
            put(inner, rest, answer);
            if inner.is_empty() {
                table.remove(first);
            }
        }
        (None, Some(answer)) => drop(table.insert(field.to_owned(), answer)),
        (None, None) => drop(table.remove(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const QUESTIONS: [&str; 3] = ["reference", "to", "offer.consent.basis"];

    fn first(reference: &str) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let mut begun = Begun::new(directory.path(), &QUESTIONS);
        begun.keep(vec![("reference", Some(reference.into()))]).unwrap();
        let file = begun.file().unwrap().to_owned();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        (directory, name)
    }

    #[test]
    fn a_file_is_its_owners_and_is_named_by_nobody() {
        assert_eq!(first("T-2026-113").1, "case-T-2026-113.toml");
        for name in ["", "anna", "Ann/1", "../1", "a 1", &"1".repeat(41)] {
            let file = first(name).1;
            assert_eq!((file.len(), &file[..5]), ("case-01234567.toml".len(), "case-"), "{name}: {file}");
            assert!(file[5..13].bytes().all(|byte| byte.is_ascii_hexdigit()), "{file}");
        }
        let (directory, _kept) = first("T-1");
        let mut second = Begun::new(directory.path(), &QUESTIONS);
        second.keep(vec![("reference", Some("T-1".into()))]).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "the first is not written over");
    }

    #[test]
    fn what_is_kept_is_gone_on_with_and_another_file_is_none() {
        let (directory, name) = first("T-1");
        let file = directory.path().join(name).display().to_string();
        let mut begun = Begun::of(&file, &std::fs::read_to_string(&file).unwrap()).unwrap().unwrap();
        assert_eq!(QUESTIONS.map(|field| begun.is_missing(field)), [false, true, true]);
        begun.keep(vec![("to", Some(vec!["cedar"].into())), ("offer.consent.basis", None)]).unwrap();
        let again = Begun::of(&file, &std::fs::read_to_string(&file).unwrap()).unwrap().unwrap();
        assert_eq!(QUESTIONS.map(|field| again.is_missing(field)), [false; 3]);
        assert_eq!((again.text("reference"), again.texts("to")), (Some("T-1"), vec!["cedar".to_owned()]));
        again.delete();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(Begun::of("case.toml", super::super::refer::TEMPLATE).unwrap().is_none());
    }
}
