//! Open invitations over a restart: a file of mode 0600 in the key directory, a line for each with the tries that it has left. The secret
//! stands there and nowhere else; not in the store, which is copied whole for a backup.

use super::invitation::Invitation;
use crate::link::keys::{KeysError, read_text, write};
use crate::model::Timestamp;
use std::path::Path;
use zeroize::Zeroizing;

/// So many invitations may be open at once, so that their file stays within what is read of one.
pub(super) const OPEN_MAX: usize = 32;

/// An invitation and the tries that it has left.
pub type Kept = (Invitation, u8);

/// Replaces the file whole.
///
/// # Errors
/// When it cannot be written.
pub fn keep(path: &Path, invitations: &[Kept]) -> Result<(), KeysError> {
    let mut text = Zeroizing::new(String::with_capacity(invitations.len() * 2_048));
    for (invitation, tries_left) in invitations {
        text.push_str(&format!("{tries_left} {}\n", *Zeroizing::new(invitation.to_text())));
    }
    write(path, text.as_bytes())
}

/// The invitations that are still open at `now`; none where there is no file. A line that cannot be read is dropped: an invitation too few
/// is made again, one too many is not to be had.
///
/// # Errors
/// When the file cannot be read, or others than its owner can.
pub fn kept(path: &Path, now: Timestamp) -> Result<Vec<Kept>, KeysError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(path)?;
    let read = |line: &str| {
        let (tries_left, text) = line.split_once(' ')?;
        Some((Invitation::from_text(text).ok()?, tries_left.parse().ok()?))
    };
    let lines: Vec<Option<Kept>> = text.lines().map(read).collect();
    let damaged = lines.iter().filter(|line| line.is_none()).count();
    if damaged > 0 {
        tracing::warn!(damaged, "invitations that were open cannot be read any more");
    }
    Ok(lines.into_iter().flatten().filter(|(invitation, tries_left)| *tries_left > 0 && now <= invitation.expires()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::keys::INVITATIONS;
    use crate::model::OrgId;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn open_invitations_survive_their_file_and_expired_or_damaged_ones_do_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(INVITATIONS);
        assert_eq!(kept(&path, Timestamp(0)).expect("reads"), []);
        let endpoints = ["node.example:7443".parse().expect("an endpoint")];
        let [first, second] = [1_000, 9_000].map(|at| Invitation::lasting(OrgId([7; 32]), &endpoints, Timestamp(at), 500).expect("made"));
        keep(&path, &[(first.clone(), 5), (second.clone(), 2), (second.clone(), 0)]).expect("writes");
        assert_eq!(fs::metadata(&path).expect("stat").permissions().mode() & 0o777, 0o600);
        assert_eq!(kept(&path, Timestamp(1_000)).expect("reads"), [(first, 5), (second.clone(), 2)]);
        assert_eq!(kept(&path, Timestamp(9_000)).expect("reads"), [(second.clone(), 2)]);
        let text = fs::read_to_string(&path).expect("reads");
        write(&path, text.replacen("watchfire", "Xatchfire", 1).as_bytes()).expect("writes");
        assert_eq!(kept(&path, Timestamp(0)).expect("reads"), [(second, 2)]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(matches!(kept(&path, Timestamp(0)), Err(KeysError::TooOpen { .. })));
    }

    #[test]
    fn as_many_as_may_be_open_fit_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(INVITATIONS);
        let host = format!("{}.example", ["a".repeat(60).as_str(); 3].join("."));
        let endpoints: Vec<_> = (1..=4).map(|port| format!("{host}:{port}").parse().expect("an endpoint")).collect();
        let many: Vec<Kept> =
            (0..OPEN_MAX).map(|_| (Invitation::new(OrgId([7; 32]), &endpoints, Timestamp(0)).expect("made"), 5)).collect();
        keep(&path, &many).expect("writes");
        assert_eq!(kept(&path, Timestamp(0)).expect("reads"), many);
    }
}
