//! Where it is looked: the memory of a process, and all files of a directory.

use crate::search::Search;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What was found, and how much was looked at.
#[derive(Debug, Default)]
pub struct Seen {
    pub found: BTreeSet<(String, &'static str)>,
    pub bytes: u64,
}

impl Seen {
    pub fn whose(&self) -> BTreeSet<&str> {
        self.found.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn look(&mut self, search: &Search, bytes: &[u8]) {
        self.found.extend(search.find(bytes));
        self.bytes += bytes.len() as u64;
    }
}

/// How much is read at a time.
const PART: u64 = 4 << 20;

/// All that a process has mapped and may read: heap, stacks, what was allocated, the program itself, read through `/proc`.
///
/// # Errors
/// Why the system does not let us.
pub fn memory(search: &Search, pid: u32) -> Result<Seen, String> {
    let said = |what: &str, error: std::io::Error| format!("{what} of process {pid}: {error}");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).map_err(|error| said("maps", error))?;
    let file = File::open(format!("/proc/{pid}/mem")).map_err(|error| said("memory", error))?;
    let mut seen = Seen::default();
    let mut buffer = vec![0; PART as usize];
    let longest = search.longest() as u64;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        // The kernel's own page, which is in no process's memory, is not read through it.
        if !rights.starts_with('r') || line.ends_with("[vsyscall]") {
            continue;
        }
        let (start, end) = range.split_once('-').ok_or("a line of maps has no range")?;
        let number = |text: &str| u64::from_str_radix(text, 16).map_err(|error| format!("maps: {error}"));
        let (mut at, end) = (number(start)?, number(end)?);
        while at < end {
            let want = (end - at).min(PART) as usize;
            match file.read_at(&mut buffer[..want], at) {
                Ok(0) => break,
                Ok(count) => {
                    seen.look(search, &buffer[..count]);
                    // What lies across two parts is whole in the second.
                    at = if at + count as u64 >= end { end } else { (at + count as u64 - longest.min(count as u64 - 1)).max(at + 1) };
                }
                // Device pages ([vvar]), or what was given back since the list was made.
                Err(error) if [Some(5), Some(14)].contains(&error.raw_os_error()) || error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(said("memory", error)),
            }
        }
    }
    Ok(seen)
}

/// As [`memory`], of a core file that gdb's `gcore` writes; `None` where there is none, or it may not.
pub fn core(search: &Search, pid: u32, scratch: &Path) -> Option<Seen> {
    let to = scratch.join("core");
    let mut command = Command::new("gcore");
    command.arg("-o").arg(&to).arg(pid.to_string()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().ok().filter(|status| status.success())?;
    let file = scratch.join(format!("core.{pid}"));
    let mut seen = Seen::default();
    seen.look(search, &fs::read(&file).ok()?);
    fs::remove_file(file).ok()?;
    Some(seen)
}

/// Every file below a directory, and its name.
pub fn files(search: &Search, directory: &Path) -> Seen {
    let mut seen = Seen::default();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a directory") {
            let (path, kind) = entry.map(|entry| (entry.path(), entry.file_type().expect("its kind"))).expect("an entry");
            seen.look(search, path.as_os_str().as_encoded_bytes());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                match fs::read(&path) {
                    Ok(bytes) => seen.look(search, &bytes),
                    // Written anew meanwhile: what is there now has been looked at, or will be.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => panic!("{}: {error}", path.display()),
                }
            }
        }
    }
    seen
}

/// One file.
pub fn file(search: &Search, path: &Path) -> Seen {
    let mut seen = Seen::default();
    seen.look(search, &fs::read(path).expect("a file"));
    seen
}

pub fn bytes(search: &Search, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    seen.look(search, bytes);
    seen
}
