//! Passphrases: typed on the terminal without an echo, or read from a file that is its owner's alone. Never an argument or a variable of
//! the environment, which others can see.

use super::input;
use crate::api::Problem;
use crate::model::desk::{BadPassphrase, Passphrase, UserName};
use crate::node::error::{Exit, NodeError};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use zeroize::Zeroizing;

/// The terminal of this process, whatever its standard input and output are.
const TERMINAL: &str = "/dev/tty";
/// Nothing longer is read, in bytes.
const BYTES_MAX: usize = 8 << 10;

/// How often somebody may try.
const TRIES: usize = 3;

/// Asks until the passphrase opens something, three times at most; what is read from a file is tried once.
pub(super) fn until<T>(user: &UserName, file: Option<&str>, open: impl Fn(&Passphrase) -> Result<T, Problem>) -> Result<T, Problem> {
    if let Some(file) = file {
        return open(&from_file(file)?);
    }
    let mut terminal = terminal(user, "--passphrase-file")?;
    for _ in 1..TRIES {
        match ask(&mut terminal, &format!("passphrase of {user}: "))?.map_err(bad).and_then(|passphrase| open(&passphrase)) {
            Err(problem) => say(&mut terminal, &problem.detail)?,
            opened => return opened,
        }
    }
    open(&ask(&mut terminal, &format!("passphrase of {user}: "))?.map_err(bad)?)
}

/// Something else that is not to be seen, typed on the terminal without an echo.
pub(super) fn hidden(prompt: &str) -> Result<Zeroizing<String>, Problem> {
    let none = || {
        let text =
            "there is no terminal on which to ask for the contact\nhint: `--contact FILE` reads it from a file, `-` from standard input";
        Problem::new("no-terminal", Exit::Usage, text)
    };
    let mut terminal = File::options().read(true).write(true).open(TERMINAL).map_err(|_| none())?;
    let line = line_of(&mut terminal, prompt)?;
    line.ok_or_else(|| Problem::new("given-up", Exit::Failed, "nothing was typed\nhint: nobody was asked"))
}

/// A new passphrase, typed twice.
pub(super) fn new(user: &UserName, file: Option<&str>) -> Result<Passphrase, Problem> {
    if let Some(file) = file {
        return from_file(file);
    }
    let mut terminal = terminal(user, "--new-passphrase-file")?;
    let once = ask(&mut terminal, &format!("new passphrase of {user}: "))?.map_err(bad)?;
    let twice = ask(&mut terminal, "once more: ")?;
    if twice.is_ok_and(|twice| twice.is(&once)) { Ok(once) } else { Err(differ()) }
}

fn differ() -> Problem {
    NodeError::BadInput("the two passphrases are not the same\nhint: begin again; nothing was changed".into()).into()
}

fn bad(error: BadPassphrase) -> Problem {
    NodeError::BadInput(error.to_string()).into()
}

fn terminal(user: &UserName, option: &str) -> Result<File, Problem> {
    File::options().read(true).write(true).open(TERMINAL).map_err(|_| no_terminal(user, option))
}

fn no_terminal(user: &UserName, option: &str) -> Problem {
    let text = format!("there is no terminal on which to ask for the passphrase of `{user}`\nhint: `{option} FILE` reads it from a file");
    Problem::new("no-terminal", Exit::Usage, &text)
}

fn say(terminal: &mut File, line: &str) -> Result<(), Problem> {
    Ok(writeln!(terminal, "{}", super::output::plain(line)).map_err(failed)?)
}

fn failed(error: io::Error) -> NodeError {
    NodeError::io("read a passphrase from the terminal", error)
}

/// Asks once.
fn ask(terminal: &mut File, prompt: &str) -> Result<Result<Passphrase, BadPassphrase>, Problem> {
    let line = line_of(terminal, prompt)?;
    let given_up = || Problem::new("given-up", Exit::Failed, "no passphrase was typed\nhint: nothing was changed");
    Ok(Passphrase::new(&line.ok_or_else(given_up)?))
}

fn line_of(terminal: &mut File, prompt: &str) -> Result<Option<Zeroizing<String>>, Problem> {
    let line = {
        let _quiet = Quiet::on(terminal.try_clone().map_err(failed)?).map_err(failed)?;
        // Quiet first: nothing that is typed at the sight of the prompt is shown.
        write!(terminal, "{prompt}").map_err(failed)?;
        typed(terminal).map_err(failed)
    };
    writeln!(terminal).map_err(failed)?;
    Ok(line?)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn on(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        // Key by key, and interrupts as keys: a process that ended here would leave the terminal without an echo.
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that has gone shows nothing either.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// A line, key by key; `None` when it is given up with Ctrl-C or Ctrl-D, or the terminal has gone.
fn typed(terminal: &mut impl Read) -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(BYTES_MAX));
    let mut key = Zeroizing::new([0; 1]);
    loop {
        match terminal.read(key.as_mut_slice()) {
            Ok(0) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        match key[0] {
            b'\n' | b'\r' => break,
            0x03 | 0x04 | 0x1c => return Ok(None),
            0x08 | 0x7f => erase(&mut line),
            0x15 => line.clear(),
            other if line.len() < BYTES_MAX => line.push(other),
            _ => {}
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

/// Takes the last character back, whole.
fn erase(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
}

/// The one line of a file that nobody but its owner can open; `-` is standard input.
fn from_file(file: &str) -> Result<Passphrase, Problem> {
    if file == "-" {
        return first_line(io::stdin(), "standard input");
    }
    let opened = File::open(file).map_err(|error| input::unread(file, error))?;
    let metadata = opened.metadata().map_err(|error| input::unread(file, error))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if metadata.is_dir() {
        return Err(input::unread(file, io::ErrorKind::IsADirectory.into()));
    }
    if mode & 0o077 != 0 {
        let hint = format!("`chmod 600 {file}`, and think of who may have read it");
        return Err(NodeError::Permission { path: file.into(), what: format!("is readable by others (mode {mode:04o})"), hint }.into());
    }
    first_line(opened, file)
}

fn first_line(from: impl Read, name: &str) -> Result<Passphrase, Problem> {
    let mut text = Zeroizing::new(String::with_capacity(BYTES_MAX));
    from.take(BYTES_MAX as u64).read_to_string(&mut text).map_err(|error| input::unread(name, error))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Passphrase::new(line.strip_suffix('\r').unwrap_or(line)).map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    /// A terminal, and what stands behind its screen and keys.
    fn pair() -> (File, File) {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        (File::from(keys), terminal)
    }

    /// Waits until the screen shows this at its end. Returns all that it shows.
    fn until_shown(screen: &mut File, end: &str) -> String {
        let (mut shown, mut byte) = (Vec::new(), [0; 1]);
        while !shown.ends_with(end.as_bytes()) {
            screen.read_exact(&mut byte).unwrap();
            shown.push(byte[0]);
        }
        String::from_utf8(shown).unwrap()
    }

    #[test]
    fn what_is_typed_is_not_shown_and_the_terminal_is_as_before_afterwards() {
        let (mut keys, mut terminal) = pair();
        let before = tcgetattr(&terminal).unwrap().local_modes;
        assert!(before.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        let watched = terminal.try_clone().unwrap();
        let asked = std::thread::spawn(move || ask(&mut terminal, "passphrase of amina: "));
        until_shown(&mut keys, "amina: ");
        keys.write_all("wrong\u{15}four wørds nobody guessess\u{7f}ed\u{7f}\u{7f}\n".as_bytes()).unwrap();
        let passphrase = asked.join().unwrap().unwrap().unwrap();
        assert!(passphrase.is(&Passphrase::new("four wørds nobody guesses").unwrap()));
        assert_eq!(until_shown(&mut keys, "\n"), "\r\n", "nothing but the end of the line");
        assert_eq!(tcgetattr(&watched).unwrap().local_modes, before);
    }

    #[test]
    fn giving_up_leaves_the_terminal_as_it_was() {
        let (mut keys, mut terminal) = pair();
        let before = tcgetattr(&terminal).unwrap().local_modes;
        let watched = terminal.try_clone().unwrap();
        let asked = std::thread::spawn(move || ask(&mut terminal, "passphrase: "));
        until_shown(&mut keys, ": ");
        keys.write_all(b"four words\x03").unwrap();
        let problem = asked.join().unwrap().expect_err("given up");
        assert_eq!((problem.code.as_str(), problem.detail.as_str()), ("given-up", "no passphrase was typed"));
        assert_eq!(tcgetattr(&watched).unwrap().local_modes, before);
    }

    #[test]
    fn keys_take_back_and_give_up() {
        let line = |keys: &str| typed(&mut keys.as_bytes()).unwrap().map(|line| line.to_string());
        assert_eq!(line("abc\x7f\x08d\n").as_deref(), Some("ad"));
        assert_eq!(line("é\x7f\x7fa\r").as_deref(), Some("a"), "a character goes whole, and nothing is no error");
        assert_eq!(line("abc\x15\n").as_deref(), Some(""));
        for given_up in ["abc\x03", "\x04", "abc\x1c", "abc"] {
            assert_eq!(line(given_up), None, "{given_up:?}");
        }
        assert!(typed(&mut &b"\xff\n"[..]).is_err());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("words");
        let name = path.display().to_string();
        for (text, sound) in
            [("four words nobody guesses", true), ("four words nobody guesses\r\n", true), ("four words\nnobody guesses\n", false)]
        {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let read = from_file(&name).map(|passphrase| passphrase.is(&Passphrase::new("four words nobody guesses").unwrap()));
            assert_eq!(read.unwrap_or_default(), sound, "{text:?}");
        }
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = from_file(&name).expect_err("readable");
            assert_eq!((refused.exit, refused.detail), (Exit::Permission, format!("`{name}` is readable by others (mode {mode:04o})")));
            assert_eq!(refused.hint, Some(format!("`chmod 600 {name}`, and think of who may have read it")));
        }
        assert_eq!(from_file("nowhere").expect_err("missing").exit, Exit::NotFound);
        assert_eq!(from_file(&directory.path().display().to_string()).expect_err("a directory").exit, Exit::Usage);
    }

    #[test]
    fn what_is_missing_or_differs_is_told() {
        let problem = differ();
        assert_eq!(
            (problem.detail.as_str(), problem.hint.as_deref()),
            ("the two passphrases are not the same", Some("begin again; nothing was changed"))
        );
        let problem = no_terminal(&"amina".parse().unwrap(), "--passphrase-file");
        assert_eq!(problem.detail, "there is no terminal on which to ask for the passphrase of `amina`");
        assert_eq!((problem.exit, problem.hint.as_deref()), (Exit::Usage, Some("`--passphrase-file FILE` reads it from a file")));
    }
}
