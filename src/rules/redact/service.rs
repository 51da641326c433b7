//! Services where people have accounts, share files, meet, are written about or get parcels (`services.txt`), and which links there are somebody's.

use super::cue::{ATTACKER, COPIED, PERSON, Seen, is_copula};
use super::sender::is_lure_host;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

/// What people have at a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Files: whoever has the link has them.
    Share,
    /// A way in.
    Account,
    /// A meeting or a chat.
    Room,
    /// What is on its way to them.
    Parcel,
    /// A page that says who they are.
    Profile,
}

struct Service {
    sort: Sort,
    /// What the path begins with, in lower case and without the first `/`.
    path: &'static str,
}

static SERVICES: LazyLock<BTreeMap<&'static str, Vec<Service>>> = LazyLock::new(|| {
    let mut services: BTreeMap<&str, Vec<Service>> = BTreeMap::new();
    let mut sort = None;
    for line in include_str!("services.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line {
            "[share]" => sort = Some(Sort::Share),
            "[account]" => sort = Some(Sort::Account),
            "[room]" => sort = Some(Sort::Room),
            "[parcel]" => sort = Some(Sort::Parcel),
            "[profile]" => sort = Some(Sort::Profile),
            _ => {
                let (host, path) = line.split_once('/').unwrap_or((line, ""));
                let Some(sort) = sort else { continue };
                services.entry(host).or_default().push(Service { sort, path });
            }
        }
    }
    services
});

/// The services of a host and of those that it is under, the longer name first.
fn services(host: &str) -> impl Iterator<Item = &'static Service> + '_ {
    /// No service has more labels than that.
    const LABELS_MAX: usize = 6;
    let tails = std::iter::successors(Some(host), |tail| tail.split_once('.').map(|(_, rest)| rest));
    tails.take(LABELS_MAX).filter_map(|tail| SERVICES.get(tail)).flatten()
}

/// Whether people have accounts there.
pub(super) fn is_service(host: &str) -> bool {
    services(host).any(|service| service.sort != Sort::Profile || service.path.is_empty() || host.split('.').count() <= 3)
}

/// Whether a URL's host and path (`rest`, from its `/`) are of a link that lets in whoever has it, or tells who somebody is.
pub(super) fn is_somebodys(host: &str, rest: &str) -> Option<Sort> {
    let lower = rest.to_ascii_lowercase();
    let path = lower.strip_prefix('/').unwrap_or(&lower);
    let own = services(host).filter(|service| path.starts_with(service.path)).find(|service| {
        let behind = rest.len() - path.len() + service.path.len();
        let mut parts = rest.get(behind..).unwrap_or("").split(['/', '?', '&', '#', '=', ':']).filter(|part| !part.is_empty());
        match service.sort {
            Sort::Share => parts.any(is_key),
            Sort::Account if !service.path.is_empty() => parts.any(is_key),
            Sort::Account => {
                lets_in(rest) || parts.any(|part| part.len() >= 16 && is_key(part) && !part.bytes().all(|byte| byte.is_ascii_digit()))
            }
            Sort::Room => parts.any(|part| is_key(part) || is_room(part)),
            Sort::Parcel => parts.any(|part| part.len() >= 8 && part.bytes().filter(u8::is_ascii_digit).count() >= 6),
            Sort::Profile => false,
        }
    });
    match own {
        Some(service) => Some(service.sort),
        None if is_lure_host(host) => None,
        None if is_cloud(rest) => Some(Sort::Share),
        None => lets_in(rest).then_some(Sort::Account),
    }
}

/// Nextcloud and ownCloud on any host (`/s/TOKEN`), and a key behind a `#` of what is encrypted for whom has it.
fn is_cloud(rest: &str) -> bool {
    let path = rest.split(['?', '#']).next().unwrap_or("");
    let mut before = "";
    for part in path.split('/') {
        if matches!(before, "s" | "f" | "d" | "share" | "shared" | "invite" | "i" | "dl" | "u") && part.len() >= 12 && is_key(part) {
            return true;
        }
        before = part;
    }
    let fragment = rest.split_once('#').map_or("", |(_, fragment)| fragment);
    fragment.split(['/', '&', '=', ':']).any(|part| part.len() >= 16 && is_key(part) && classes(part) >= 2)
}

/// Words of paths and names of parameters that let their recipient in, or change what they have; a part of a word counts.
const WORDS: [&str; 62] = [
    "abmelden",
    "accept",
    "access",
    "activ",
    "aktiv",
    "anmeld",
    "approve",
    "auth",
    "baja",
    "bestatig",
    "bestaetig",
    "cancel",
    "change",
    "clave",
    "codigo",
    "confirm",
    "contrase",
    "dang-ky",
    "descadastr",
    "desinscr",
    "device",
    "einladung",
    "email",
    "enroll",
    "forgot",
    "freigabe",
    "invit",
    "join",
    "kata-sandi",
    "kennwort",
    "login",
    "magic",
    "mfa",
    "motdepasse",
    "mot-de-passe",
    "oauth",
    "onboard",
    "one-time",
    "opt-out",
    "optout",
    "otp",
    "parol",
    "pass",
    "preferenc",
    "reauth",
    "recover",
    "recup",
    "redefin",
    "register",
    "reinit",
    "reset",
    "restab",
    "restore",
    "rueckset",
    "senha",
    "session",
    "share",
    "sifre",
    "sign",
    "unlock",
    "unsub",
    "verif",
];

/// Whether a path speaks of a way in and what stands behind that is made for one recipient.
fn lets_in(rest: &str) -> bool {
    let lower = rest.to_ascii_lowercase();
    let Some(word) = WORDS.iter().filter_map(|word| lower.find(word)).min() else { return false };
    let hex = |part: &str| matches!(part.len(), 32 | 40 | 64) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    // `uid`, `token`: behind the names of parameters, not the names.
    rest[word..].split(['/', '?', '&', '#', '=']).skip(1).any(|part| part.len() >= 16 && (is_key(part) && classes(part) >= 2 || hex(part)))
}

/// How many of digits, capitals and small letters there are.
fn classes(part: &str) -> usize {
    let has = |is: fn(&u8) -> bool| usize::from(part.bytes().any(|byte| is(&byte)));
    has(u8::is_ascii_digit) + has(u8::is_ascii_uppercase) + has(u8::is_ascii_lowercase)
}

/// Whether a part of a URL is what a machine made up, by its form: no word, no title, no name of a file.
pub(super) fn is_key(part: &str) -> bool {
    const LEAST: usize = 6;
    let pieces = part.split(['-', '_', '.', '!', '~', '+', '%', ',', '$', '@']).filter(|piece| !piece.is_empty());
    let mut long = 0;
    for piece in pieces {
        let bytes = piece.as_bytes();
        if !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return false;
        }
        let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
        let capitals = bytes.iter().filter(|byte| byte.is_ascii_uppercase()).count();
        let letters = bytes.len() - digits;
        // A word, in small letters or with a capital or in capitals, and a number before or behind it.
        let changes = bytes.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
        let cased = bytes.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
        let numbered =
            digits >= 8 && letters == 0 || digits > 0 && letters > 0 && (changes >= 2 || digits >= 3 && letters < 4 && bytes.len() >= 8);
        let shouted = capitals == letters && digits == 0 && letters >= 8 && !is_spoken(bytes);
        let mixed = cased >= 2 && letters >= 8 && !is_title(bytes)
            || cased >= 1
                && capitals >= 3
                && letters >= 8
                && bytes.windows(2).any(|two| two.iter().all(u8::is_ascii_uppercase))
                && !is_spoken(bytes);
        let hidden = letters >= 14 && digits == 0 && !is_spoken(bytes);
        if numbered || shouted || mixed || hidden {
            long += bytes.len();
        }
    }
    long >= LEAST
}

/// `TheLongReport`: words with a capital each.
fn is_title(letters: &[u8]) -> bool {
    letters.first().is_some_and(u8::is_ascii_alphabetic)
        && letters[1..].split(u8::is_ascii_uppercase).all(|rest| rest.len() >= 2 && rest.iter().all(u8::is_ascii_lowercase))
}

/// Whether letters can be said: no five consonants in a row, and a vowel in four.
pub(super) fn is_spoken(letters: &[u8]) -> bool {
    let is_vowel = |byte: &u8| matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let vowels = letters.iter().filter(|byte| is_vowel(byte)).count();
    let run = letters.split(is_vowel).map(<[u8]>::len).max().unwrap_or(0);
    run < 5 && vowels * 4 >= letters.len()
}

/// `abc-defg-hij`, `85912345678`, `DeskMeetingAnna`: what a room of a meeting is called.
fn is_room(part: &str) -> bool {
    const COMMON: [&str; 12] = [
        "meetup-join",
        "pricing",
        "download",
        "features",
        "support",
        "business",
        "signin",
        "invite",
        "channels",
        "security",
        "privacy",
        "contact",
    ];
    part.len() >= 6
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !COMMON.contains(&part)
}

/// First parts of paths that are no names.
const NO_NAMES: [&str; 60] = [
    "about",
    "account",
    "accounts",
    "add",
    "ads",
    "blog",
    "business",
    "channel",
    "checkpoint",
    "confirmemail.php",
    "developers",
    "docs",
    "events",
    "explore",
    "features",
    "files",
    "groups",
    "hacked",
    "hashtag",
    "help",
    "home",
    "i",
    "intent",
    "joinchat",
    "legal",
    "login",
    "login.php",
    "marketplace",
    "messages",
    "mvt-project",
    "notes",
    "p",
    "pages",
    "people",
    "photo",
    "policies",
    "posts",
    "pricing",
    "privacy",
    "profile",
    "profile.php",
    "recover",
    "reel",
    "s",
    "search",
    "security",
    "settings",
    "share",
    "sharer",
    "sharer.php",
    "signup",
    "status",
    "stories",
    "story.php",
    "support",
    "terms",
    "tr",
    "video",
    "watch",
    "wiki",
];

/// Where in `rest` (path, query and fragment) the name of somebody stands who has a page at that host.
pub(super) fn profile(host: &str, rest: &str) -> Option<Range<usize>> {
    let host =
        ["www.", "m.", "mobile.", "web.", "mbasic.", "es-la.", "touch."].iter().find_map(|front| host.strip_prefix(front)).unwrap_or(host);
    let host = match host.split_once('.') {
        // `de.linkedin.com`
        Some((country, "linkedin.com")) if country.len() == 2 => "linkedin.com",
        _ => host,
    };
    let lower = rest.to_ascii_lowercase();
    let path = lower.strip_prefix('/')?;
    let pages = SERVICES.get(host)?.iter().filter(|service| service.sort == Sort::Profile);
    // `facebook.com/people/` before `facebook.com/`.
    let page = pages.filter(|page| path.starts_with(&page.path.to_ascii_lowercase())).max_by_key(|page| page.path.len())?;
    let start = 1 + page.path.len();
    let name = rest[start..].split(['/', '?', '#']).next().unwrap_or("");
    let behind = &rest[start + name.len()..];
    if matches!(&*name.to_ascii_lowercase(), "profile.php" | "story.php" | "citations") {
        // `profile.php?id=100012345678`
        let digits = behind.bytes().filter(u8::is_ascii_digit).count();
        return (digits >= 6).then_some(start..rest.len());
    }
    // A project or a film is no page of a person.
    let alone = matches!(host, "github.com" | "gitlab.com" | "codeberg.org" | "medium.com" | "youtube.com") && behind.len() > 1;
    let plain = name.trim_start_matches('@').to_ascii_lowercase();
    (name.len() >= 2 && !alone && NO_NAMES.binary_search(&&*plain).is_err()).then(|| start..start + name.len())
}

/// Whether words call a link the attacker's: one before it that stands nearer than any for a person, or one behind it that says so of it.
pub(super) fn is_called_attackers(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    /// As far as the subject of a short sentence stands from its object.
    const BEFORE: usize = 40;
    /// As far as one behind a blank or a mark.
    const BEHIND: usize = 16;
    const COPULA: usize = 44;
    let (before, after) = (seen.before(range, PERSON | ATTACKER), seen.after(range, PERSON | ATTACKER));
    let is_attackers = |class| class & PERSON == 0;
    let lower = seen.view.lower();
    // "Her page … was copied by the fraudsters": a word for its owner right before it.
    const OWNED: usize = 16;
    if before.is_some_and(|before| !is_attackers(before.class) && before.cost <= OWNED) && after.is_none_or(|after| after.cost != 0) {
        return false;
    }
    if let Some(after) = after {
        let gap = &lower[range.end..after.edge];
        if after.cost <= COPULA && !gap.contains([',', '،', '、']) && is_copula(gap) {
            return is_attackers(after.class);
        }
        if after.cost <= BEHIND && !gap.contains([',', '،', '、']) && before.is_none_or(|before| before.cost > after.cost) {
            return is_attackers(after.class);
        }
    }
    // "Samples came from … and …": other addresses between are passed over.
    let passed = |edge: usize| lower[edge..range.start].split(' ').filter(|word| word.contains("://")).map(str::len).sum::<usize>();
    before.is_some_and(|before| is_attackers(before.class) && before.cost <= BEFORE + passed(before.edge))
}

/// `her page … was cloned`: whether it is said of a page that it was copied, which is somebody's. Its copy is an attacker's.
pub(super) fn is_copied(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    const BEFORE: usize = 36;
    const BEHIND: usize = 40;
    let commas = |gap: &str| gap.contains(['.', ';', '،', ',']);
    let text = seen.view.text();
    let said = seen.before(range, COPIED).filter(|near| near.cost <= BEFORE && !commas(&text[near.edge..range.start]));
    let blamed = |from: usize| seen.before(range, ATTACKER).is_some_and(|near| near.edge > from);
    if said.is_some_and(|near| !blamed(near.edge)) {
        return true;
    }
    let Some(near) = seen.after(range, COPIED).filter(|near| near.cost <= BEHIND) else { return false };
    // "… is the impostor's, which was cloned from hers".
    let gap = &text[range.end..near.edge];
    let other =
        seen.after(range, ATTACKER).is_some_and(|other| other.edge < near.edge && is_copula(&seen.view.lower()[range.end..other.edge]));
    !other && !commas(gap) && !gap.contains("://")
}

/// Whether it stands in a list of such values: the line before or behind it has one and no word.
pub(super) fn is_listed(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    const LINE_MAX: usize = 300;
    let bytes = seen.view.bytes();
    let before = bytes[range.start.saturating_sub(LINE_MAX)..range.start].strip_suffix(b"\n");
    let after = bytes[range.end..bytes.len().min(range.end + LINE_MAX)].strip_prefix(b"\n");
    let bare = |line: &[u8]| {
        let line = line.trim_ascii();
        line.len() >= 7
            && !line.iter().any(u8::is_ascii_whitespace)
            && line.iter().any(|byte| matches!(byte, b'.' | b':'))
            && !line.ends_with(b":")
    };
    before.and_then(|before| before.rsplit(|byte| *byte == b'\n').next()).is_some_and(bare)
        || after.and_then(|after| after.split(|byte| *byte == b'\n').next()).is_some_and(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_the_tables_are_sorted() {
        assert!(SERVICES.len() > 400 && NO_NAMES.is_sorted() && WORDS.len() > 60);
        assert!(SERVICES.keys().all(|host| host.contains('.') && host.is_ascii() && *host == host.to_lowercase()));
    }

    #[test]
    fn a_key_is_told_from_a_word_by_its_form() {
        for key in [
            "1CCGLFbLg5c44kZoqDp9aZ67aWnMdcEzU",
            "6TJ6KYHEYD",
            "LSTLHUQBGR",
            "s!fUIIhQoADACdwzS6eNDUxj",
            "aai26nnijdvatqr",
            "oye6FJV0rnnjBD8",
            "MzKko0QD",
            "9f0e5d7a7465daf4e744cfad7a37559f",
            "1AbCdEfGh_jK-lMnOpQ",
            "t-8Xk2mQv9Lr3",
            "85912345678",
        ] {
            assert!(is_key(key), "{key}");
        }
        for word in [
            "document",
            "report2024.pdf",
            "my-drive",
            "a-long-title-of-some-article-2024",
            "TheLongReport",
            "MeetingNotes",
            "GoogleDriveHelp",
            "v1.2.3",
            "2024-01-31",
            "index.php",
            "README",
            "INTRODUCTION",
            "folder-view",
            "en-US",
        ] {
            assert!(!is_key(word), "{word}");
        }
    }

    #[test]
    fn a_link_is_somebodys_by_its_service_and_its_key() {
        for (host, rest) in [
            ("drive.google.com", "/file/d/1fE9PhfyCVNJ1kPdnfHY3ih1cmsbQ9Kc5/view?usp=drive_link"),
            ("mega.nz", "/file/CMoXlmTB#zaEz5NzC6rW36VWy5EgJW2hCLfgzTb63I0Zrjg65igA"),
            ("drive.proton.me", "/urls/LSTLHUQBGR#WNDY0uio5Bhc"),
            ("cloud.kleiner-verein.de", "/index.php/s/aB3dE5fG7hJ9kLm"),
            ("us02web.zoom.us", "/j/85912345678?pwd=Zm9vYmFy"),
            ("meet.google.com", "/abc-defg-hij"),
            ("pan.baidu.com", "/s/1aBcD2eFgH3iJkL4"),
            ("chat.whatsapp.com", "/GzP4kLmN8qR2sTuV6wX0yZ"),
            ("t.me", "/+AbC3dEf5GhIjKlMn"),
            ("www.dhl.de", "/de/sendungsverfolgung.html?piececode=00340434161094042557"),
            ("members.choir.org", "/password/reset/8f14e45fceea167a5a36dedd4bea2543"),
            ("news.choir.org", "/unsubscribe?k=aZ3kP9qLm2Xw7Rt5"),
            ("www.facebook.com", "/recover/code/?u=100051447912491&n=627401"),
        ] {
            assert!(is_somebodys(host, rest).is_some(), "{host}{rest}");
        }
        for (host, rest) in [
            ("drive.google.com", "/drive/my-drive"),
            ("support.google.com", "/mail/answer/8494?hl=en"),
            ("www.dropbox.com", "/help/sharing-links"),
            ("example-news.org", "/2024/01/31/a-long-title"),
            ("zoom.us", "/pricing"),
            ("docs.google.com", "/forms"),
            ("secure-reset.top", "/reset/8f14e45fceea167a5a36dedd4bea2543"),
            ("github.com", "/mvt-project/mvt"),
        ] {
            assert!(is_somebodys(host, rest).is_none(), "{host}{rest}");
        }
    }

    #[test]
    fn a_page_of_a_person_is_told_from_one_of_the_service() {
        for (host, rest, name) in [
            ("de.linkedin.com", "/in/anna-kim-73f5a846", "anna-kim-73f5a846"),
            ("m.facebook.com", "/profile.php?id=100012345678", "profile.php?id=100012345678"),
            ("vk.com", "/id12345", "id12345"),
            ("www.tiktok.com", "/@anna.k", "@anna.k"),
            ("zalo.me", "/0912345678", "0912345678"),
        ] {
            assert_eq!(profile(host, rest).map(|range| &rest[range]), Some(name), "{host}{rest}");
        }
        for (host, rest) in [("facebook.com", "/help"), ("github.com", "/rust-lang/rust"), ("x.com", "/search?q=a"), ("evil.com", "/anna")]
        {
            assert_eq!(profile(host, rest), None, "{host}{rest}");
        }
    }
}
