//! Names of hosts, which stay unless they are ours, and addresses of machines and network cards.

use super::Kind;
use super::claim::Claims;
use super::cue::{
    ATTACKER, FREED, LINE, LOGIN, LOOKS_MAX, MACHINE, OUT, OUTWARD, PERSON, QUANTITY, RELEASED, SITE, Seen, TAKEN, is_letter, is_spaceless,
    normals,
};
use super::known::Values;
use super::service::is_service;
use super::url::{url, url_end};
use super::view::Fanged;
use super::web::{SIDE_MAX, Whose, begins, host_end, is_cell, stands_behind, whose};
use crate::model::observable::tld;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

pub(super) fn hosts(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut from = 0;
    for at in memchr::memchr_iter(b'.', bytes) {
        let between = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii() || *byte == b'-');
        if at < from || at == 0 || !between(bytes.get(at - 1)) || !between(bytes.get(at + 1)) || claims.is_taken(at) {
            continue;
        }
        let start = host_start(seen.view.text(), at);
        // The end of a longer row of numbers is no address.
        let first = !bytes[..start].ends_with(b".") || !bytes[..start - 1].last().is_some_and(u8::is_ascii_digit);
        if let Some(range) = dotted_quad(bytes, start).filter(|_| first) {
            from = range.end;
            ipv4(seen, known, claims, range);
            continue;
        }
        from = at + 1;
        let Some(end) = host_end(seen.view.text(), start, false) else { continue };
        from = end;
        host(seen, known, claims, start..end);
    }
}

fn host_start(text: &str, dot: usize) -> usize {
    let bytes = text.as_bytes();
    let floor = dot.saturating_sub(SIDE_MAX);
    let mut start = dot;
    while start > floor && (bytes[start - 1].is_ascii_alphanumeric() || matches!(bytes[start - 1], b'-' | b'_')) {
        start -= 1;
    }
    for (at, c) in text[..start].char_indices().rev() {
        let foreign = !c.is_ascii() && is_letter(c) && !(is_spaceless(c) && start < dot);
        if at < floor || !(foreign || start < dot && !text.is_char_boundary(dot) || c == '-' && start < dot) {
            break;
        }
        start = at;
    }
    start
}

fn host(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>) {
    let text = seen.view.text();
    let name = &seen.view.lower()[range.clone()];
    // A file's name, or a method of a program's object, unless it was defanged.
    let last = name.rsplit('.').next().unwrap_or("");
    // `H.No. 12`, `the end.It was`: a full stop between two words.
    let written = &text[range.end - last.len()..range.end];
    let glued = written.starts_with(|c: char| c.is_ascii_uppercase()) && written.contains(|c: char| c.is_ascii_lowercase());
    if glued && seen.view.fanged(&range).is_none() {
        return;
    }
    if tld::is_both(last) && seen.view.fanged(&range).is_none() {
        claims.keep(range);
        return;
    }
    if known.is_own_host(name) {
        claims.redact(Kind::Domain, range);
        return;
    }
    let end = match text.as_bytes().get(range.end) {
        Some(b'/' | b'?') => url_end(text, range.end),
        Some(b':') if text.as_bytes().get(range.end + 1).is_some_and(u8::is_ascii_digit) => url_end(text, range.end),
        _ => range.end,
    };
    if end > range.end {
        url(seen, known, claims, range.start..end, range.start);
    } else {
        claims.keep(range);
    }
}

/// Four numbers up to 255, from `start`, with a port or a prefix behind them.
fn dotted_quad(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let mut at = start;
    for part in 0..4 {
        let digits = bytes[at..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        let value = bytes[at..at + digits].iter().fold(0u32, |value, byte| value * 10 + u32::from(byte - b'0'));
        if !matches!(digits, 1..=3) || value > 255 {
            return None;
        }
        at += digits;
        if part < 3 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    let goes_on = match bytes.get(at) {
        Some(b'.') => bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(b'-') => bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic),
        Some(byte) => byte.is_ascii_alphanumeric() || *byte == b'_',
        None => false,
    };
    (!goes_on).then_some(start..at)
}

fn ipv4(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>) {
    let bytes = seen.view.bytes();
    let Ok(address) = seen.view.text()[range.clone()].parse::<Ipv4Addr>() else { return };
    let tail = match bytes.get(range.end) {
        Some(b':' | b'/') => bytes[range.end + 1..].iter().take(6).take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let whole = range.start..if tail > 0 { range.end + 1 + tail } else { range.end };
    // `1.2.3.4/gate.php`: a URL without its scheme.
    if bytes.get(range.end) == Some(&b'/') && tail == 0 || bytes.get(whole.end) == Some(&b'/') {
        let end = url_end(seen.view.text(), range.end);
        if end > range.end + 1 {
            url(seen, known, claims, range.start..end, range.start);
            return;
        }
    }
    let is_net = bytes.get(range.end) == Some(&b'/') && tail > 0;
    ip(seen, known, claims, range, whole, IpAddr::V4(address), is_net);
}

pub(super) fn ipv6(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let part = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut from = 0;
    for at in memchr::memchr_iter(b':', bytes) {
        if at < from || !bytes.get(at + 1).is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':') {
            continue;
        }
        let start = at - bytes[from..at].iter().rev().take(40).take_while(|byte| part(byte)).count();
        let end = at + bytes[at..].iter().take(64).take_while(|byte| part(byte)).count();
        from = end.max(at + 1);
        let text = seen.view.text()[start..end].trim_end_matches([':', '.']);
        let text = if seen.view.text()[start..end].ends_with("::") && !text.contains("::") {
            &seen.view.text()[start..start + text.len() + 2]
        } else {
            text
        };
        let range = start..start + text.len();
        let glued = seen.view.before(start).is_some_and(|c| c.is_alphanumeric() && !is_spaceless(c) || matches!(c, '_' | '-'))
            || seen.view.after(range.end).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        if glued || !claims.is_free(&range) {
            continue;
        }
        if mac(text.as_bytes()) {
            claims.redact(Kind::Device, range);
        } else if let Ok(address) = text.parse::<Ipv6Addr>() {
            let prefix = match bytes.get(range.end) {
                Some(b'/') => bytes[range.end + 1..].iter().take(4).take_while(|byte| byte.is_ascii_digit()).count(),
                _ => 0,
            };
            let whole = range.start..if prefix > 0 { range.end + 1 + prefix } else { range.end };
            ip(seen, known, claims, range, whole, IpAddr::V6(address), prefix > 0);
        }
    }
}

/// `00:1A:2B:3C:4D:5E`.
fn mac(text: &[u8]) -> bool {
    text.len() == 17
        && text.iter().enumerate().all(|(at, byte)| if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_hexdigit() })
        && text.iter().any(|byte| !matches!(byte, b'0' | b':'))
}

fn ip(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, range: Range<usize>, whole: Range<usize>, address: IpAddr, is_net: bool) {
    let written = &seen.view.lower()[range.clone()];
    if known.has_value(written) {
        claims.redact(Kind::Ip, whole);
        return;
    }
    let version = seen.before(&range, QUANTITY).is_some_and(|near| near.cost <= 3);
    let own = match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_unspecified() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unspecified(),
    };
    if known.keeps(written) || own || version {
        claims.keep(whole);
        return;
    }
    // What is defanged is a person's only where no attack is spoken of beside it.
    let fanged = seen.view.fanged(&range) == Some(Fanged::Mark);
    if fanged && (seen.near(&range, PERSON).is_none() || seen.near(&range, ATTACKER).is_some()) {
        claims.keep(whole);
        return;
    }
    let freed = is_freed(seen, &whole);
    let machine = is_victims_machine(seen, &whole);
    let sure = freed || machine;
    let told = match whose(seen, &whole) {
        _ if is_contacted(seen, &whole) && !freed => Whose::Attacker,
        _ if machine && is_taken(seen, &whole) => Whose::Person,
        told => match seen.apposed(&whole, true) {
            Some(ATTACKER) => Whose::Attacker,
            Some(_) if told == Whose::Unsaid => Whose::Person,
            // "…, denn das ist der Anschluss des Büros": more than what stands before.
            Some(class) if class & (LINE | SITE) != 0 => Whose::Person,
            _ if sure => Whose::Person,
            _ => told,
        },
    };
    let told = match told {
        Whose::Person if sure => told,
        Whose::Attacker if address.is_ipv6() && is_far_from_attackers(seen, &whole) => Whose::Unsaid,
        Whose::Person if is_behind_attackers(seen, claims, &whole) => Whose::Attacker,
        Whose::Person | Whose::Unsaid if is_destination(seen, &whole) => Whose::Attacker,
        told => told,
    };
    let goes = match told {
        Whose::Person => true,
        Whose::Attacker => false,
        Whose::Unsaid if known.indicators => false,
        Whose::Unsaid => {
            // `evil.example (203.0.113.7)`: where that is. A word such as "from" would leave open who came from there.
            let attackers = seen.beyond(&whole, PERSON | ATTACKER).is_some_and(|near| near.class & PERSON == 0);
            !attackers
                && !is_behind_attackers(seen, claims, &whole)
                && !is_local_network(address)
                && !is_net
                && seen.view.fanged(&range).is_none()
                && !is_cell(seen, &whole)
                && is_in_sentence(seen, &whole)
        }
    };
    if goes {
        claims.redact(Kind::Ip, whole);
    } else {
        claims.keep(whole);
    }
}

/// `evil.example (203.0.113.7)`, `evil.example now runs on 203.0.113.7`: whether a value that stays is before it in its clause, with no word for a person between.
fn is_behind_attackers(seen: &Seen<'_, '_>, claims: &Claims, range: &Range<usize>) -> bool {
    const NEAR: usize = 60;
    let clause = seen.clause_start(range.start).max(range.start.saturating_sub(NEAR));
    let before = (clause..range.start).rev().take_while(|at| !claims.is_taken(*at) || claims.stays(*at)).find(|at| claims.stays(*at));
    let Some(end) = before else { return false };
    let start = (range.start.saturating_sub(NEAR * 4)..end).rev().take_while(|at| claims.stays(*at)).last().unwrap_or(end);
    let lower = &seen.view.lower().as_bytes()[start..=end];
    let host = lower.split(|byte| matches!(byte, b'@' | b'/')).rfind(|part| part.contains(&b'.')).unwrap_or(lower);
    let own = std::str::from_utf8(host).is_ok_and(is_service);
    !own && seen.near(range, PERSON | LINE | LOGIN).is_none_or(|near| near.edge <= start)
}

/// `was communicating with 203.0.113.7`: whether words right beside it say that something on a machine spoke to it.
fn is_contacted(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    /// Room for "the address".
    const BEFORE: usize = 24;
    /// What stands behind a value counts as farther (`after`).
    const BEHIND: usize = 16;
    let person = seen.before(range, PERSON | LINE).map(|near| near.edge);
    seen.before(range, OUT).is_some_and(|near| near.cost <= BEFORE && person.is_none_or(|person| person <= near.edge))
        || seen.after(range, OUTWARD).is_some_and(|near| near.cost <= BEHIND)
}

/// `unblock 203.0.113.7`: whether words beside it say that it is to be reached again.
fn is_freed(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    const BEFORE: usize = 20;
    const BEHIND: usize = 26;
    let plain = |between: Range<usize>| !seen.view.text()[between].contains([',', '،', '、']);
    seen.before(range, FREED).is_some_and(|near| {
        let attacker = seen.before(range, ATTACKER).is_some_and(|other| other.edge > near.edge);
        near.cost <= BEFORE && !attacker && plain(near.edge..range.start)
    }) || seen.after(range, RELEASED).is_some_and(|near| near.cost <= BEHIND && plain(range.end..near.edge))
}

/// `her infected laptop, address 203.0.113.7`: whether it is called the address of what a person works on, which is the victim's though an attack is spoken of.
fn is_victims_machine(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    /// Longest part between a machine and its address, in bytes.
    const BETWEEN: usize = 96;
    /// How far before a machine its owner stands, in bytes.
    const OWNER: usize = 40;
    let lower = seen.view.lower();
    let (first, last) = (seen.clause_start(range.start), seen.clause_end(range.end));
    let until = seen.cues.partition_point(|cue| cue.end <= range.start);
    let before = seen.cues[..until].iter().rev().take(LOOKS_MAX).take_while(|cue| cue.end > first && cue.end + BETWEEN > range.start);
    let named = before.filter(|cue| cue.class & MACHINE != 0).find(|cue| {
        let gap = &lower[cue.end..range.start];
        let ending = if lower[..cue.end].ends_with(is_spaceless) { 0 } else { gap.len() - gap.trim_start_matches(is_letter).len() };
        let phrase = cue.end + ending..range.start;
        let owned = || {
            let within = |class| seen.before(range, class).is_some_and(|near| near.edge > phrase.start);
            within(TAKEN) || within(PERSON) && !blamed(seen, &phrase)
        };
        is_address_phrase(&gap[ending..]).is_some_and(|owner| owner == 0 || owned())
    });
    let named = named.or_else(|| {
        let from = seen.cues.partition_point(|cue| cue.end <= range.end);
        let behind = seen.cues[from..].iter().take(LOOKS_MAX).take_while(|cue| cue.start < range.end + BETWEEN);
        let mut behind = behind.filter(|cue| cue.class & MACHINE != 0 && cue.start >= range.end && cue.end <= last);
        behind.find(|cue| is_attribute(&lower[range.end..cue.start]) && !blamed(seen, &(range.end..cue.start)))
    });
    // "the attacker's laptop, address …", "a computer at …".
    named.is_some_and(|cue| {
        let part = lower.floor_char_boundary(seen.part_start(cue.start).max(cue.start.saturating_sub(OWNER)));
        let word = lower[part..cue.start].trim_end().rsplit(' ').next().unwrap_or("");
        !blamed(seen, &(part..cue.start)) && !INDEFINITE.contains(&word)
    })
}

/// Before what nobody is said to own.
const INDEFINITE: [&str; 19] = [
    "a", "an", "another", "some", "un", "una", "otro", "otra", "une", "autre", "um", "uma", "outro", "outra", "ein", "einem", "einen",
    "sebuah", "mot",
];

/// Whether the last word in `part` for somebody is one for an attacker, and none for what an attack did: `the intruder's`, but not `infected`.
fn blamed(seen: &Seen<'_, '_>, part: &Range<usize>) -> bool {
    let until = seen.cues.partition_point(|cue| cue.end <= part.end);
    let near = seen.cues[..until].iter().rev().take(LOOKS_MAX).take_while(|cue| cue.end > part.start);
    let mut within = near.filter(|cue| cue.start >= part.start && cue.class & (ATTACKER | OUT | TAKEN | PERSON) != 0);
    let Some(last) = within.next() else { return false };
    let over = within.take_while(|cue| cue.end > last.start).fold(last.class, |all, cue| all | cue.class);
    over & (TAKEN | PERSON) == 0
}

/// Whether right behind a value it is said what an attack did to it: `203.0.113.7, was infected by …`.
fn is_taken(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    const BEHIND: usize = 36;
    seen.after(range, TAKEN).is_some_and(|near| near.cost <= BEHIND)
}

/// Whether what stands between a machine and a value ends with words such as "with the address": how much before them is left, which may name an owner.
fn is_address_phrase(gap: &str) -> Option<usize> {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "address",
            "addr",
            "ip",
            "ips",
            "ipv4",
            "ipv6",
            "with",
            "whose",
            "its",
            "the",
            "at",
            "had",
            "has",
            "having",
            "is",
            "was",
            "being",
            "on",
            "day",
            "that",
            "which",
            "con",
            "dirección",
            "cuya",
            "cuyo",
            "en",
            "es",
            "era",
            "tenía",
            "tiene",
            "la",
            "el",
            "su",
            "que",
            "avec",
            "adresse",
            "dont",
            "l'adresse",
            "est",
            "était",
            "com",
            "endereço",
            "cujo",
            "no",
            "o",
            "tinha",
            "indirizzo",
            "cui",
            "il",
            "mit",
            "der",
            "dessen",
            "deren",
            "ip-adresse",
            "lautet",
            "lautete",
            "war",
            "ist",
            "unter",
            "hatte",
            "с",
            "адресом",
            "адрес",
            "по",
            "адресу",
            "айпи",
            "ip-адресом",
            "ip-адрес",
            "ip-адресу",
            "чей",
            "которого",
            "его",
            "её",
            "у",
            "з",
            "із",
            "адресою",
            "адреса",
            "за",
            "якого",
            "його",
            "ip-адреса",
            "ip-адресою",
            "beralamat",
            "alamat",
            "dengan",
            "yang",
            "alamatnya",
            "di",
            "ber-ip",
            "có",
            "địa",
            "chỉ",
            "với",
            "là",
            "mang",
            "ở",
            "tại",
            "بعنوان",
            "عنوانه",
            "عنوانها",
            "العنوان",
            "ذو",
            "ذي",
            "وعنوانه",
            "وعنوانها",
            "صاحب",
            "عنوان",
            "الذي",
            "على",
            "با",
            "نشانی",
            "به",
            "آدرس",
            "که",
            "اش",
            "نشانی‌اش",
            "آدرسش",
            "جس",
            "کا",
            "پتہ",
            "जिसका",
            "पता",
            "आईपी",
            "का",
            "שכתובתו",
            "בכתובת",
            "כתובת",
            "כתובתו",
            "yenye",
            "anwani",
            "ya",
            "yake",
            "ambayo",
            "adresi",
            "ip'si",
            "met",
            "adres",
            "z",
            "adresem",
            "adresie",
        ])
    });
    static GLUED: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "ที่อยู่",
            "หมายเลข",
            "ไอพี",
            "ซึ่ง",
            "เลข",
            "ที่",
            "มี",
            "อยู่",
            "位址",
            "地址",
            "為",
            "为",
            "是",
            "的",
            "アドレス",
            "の",
            "は",
            "が",
            "使用",
        ])
    });
    const OWNER_MAX: usize = 48;
    let mut rest = gap;
    let mut said = false;
    loop {
        rest = rest.trim_end_matches([' ', ',', '،', '、', ':', '(', '-', '–', '"', '=']);
        if rest.is_empty() {
            return Some(0);
        }
        if let Some(left) = GLUED.iter().find_map(|word| rest.strip_suffix(&**word)) {
            (rest, said) = (left, true);
            continue;
        }
        let word = rest.rsplit([' ', ',', '(', ':', '،', '、', ')']).next().unwrap_or("");
        if word.is_empty() || !WORDS.iter().any(|one| one == word) {
            // A comma, a bracket or a word between an owner and the address.
            return (said || rest.len() < gap.trim_end().len())
                .then_some(rest.len())
                .filter(|left| *left <= OWNER_MAX && !rest.contains(['.', '?']));
        }
        said = true;
        rest = &rest[..rest.len() - word.len()];
    }
}

/// Whether what stands between a value and a machine makes the one an attribute of the other: `203.0.113.7 adresli bilgisayar`, `203.0.113.7的筆電`.
fn is_attribute(gap: &str) -> bool {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "adresli",
            "adresindeki",
            "adresine sahip",
            "ip'li",
            "ip adresli",
            "पते वाला",
            "पते वाले",
            "पता वाला",
            "वाला",
            "वाले",
            "पते का",
            "پتے والا",
            "پتے والے",
            "的",
            "のアドレスを持つ",
            "の",
            "주소의",
        ])
    });
    const GAP_MAX: usize = 72;
    let gap = gap.trim_start_matches([' ', ')', '\'']);
    gap.len() <= GAP_MAX && !gap.contains([',', '،', '、', '.', '。']) && WORDS.iter().any(|word| gap.starts_with(&**word))
}

/// An IPv6 address is most often a subscriber's: a word for an attacker must stand near it, with no comma between.
fn is_far_from_attackers(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    const NEAR: usize = 48;
    seen.near(range, ATTACKER).is_none_or(|near| near.cost > NEAR) && !is_destination(seen, range)
}

/// `beacon to 203.0.113.7`: whether a word right before it says that something went there.
fn is_destination(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    static TO: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "to", "towards", "toward", "a", "à", "an", "về", "lên", "hacia", "vers", "para", "nach", "zu", "zur", "verso", "к", "на", "до",
            "ke", "kepada", "menuju", "tới", "đến", "sang", "kwenda", "kuelekea", "الى", "نحو", "به", "سوی", "אל", "तक", "ወደ", "naar",
            "till", "προς", "către", "->",
        ])
    });
    // Behind it, of languages that say so there.
    static BEHIND: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[" adresine", " sunucusuna", " को ", " کو ", "に", "へ", " 로 데이터", "로 데이터", "로 전송", "로 보내"])
    });
    static GLUED: LazyLock<Vec<String>> = LazyLock::new(|| normals(&["ไปยัง", "ไปที่", "到", "往", "至", "連", "连", "向"]));
    let person = seen.after(range, PERSON).is_some_and(|near| near.cost <= 24);
    // "corresponds to", "assigned to": no way that something went.
    static EQUAL: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "corresponds",
            "corresponding",
            "assigned",
            "belongs",
            "belonging",
            "changed",
            "set",
            "equals",
            "mapped",
            "similar",
            "corresponde",
            "correspondía",
            "pertenece",
            "asignada",
            "asignado",
            "cambió",
            "igual",
            "correspond",
            "correspondait",
            "appartient",
            "attribuée",
            "changé",
            "pertence",
            "atribuído",
            "atribuída",
            "mudou",
            "gehört",
            "gehörte",
            "gehören",
            "entspricht",
            "geändert",
            "vergeben",
            "assegnato",
            "corrisponde",
            "appartiene",
            "изменился",
            "сменился",
            "змінився",
            "relativa",
            "vinculada",
            "vinculado",
            "ligada",
            "ligado",
            "liée",
            "lié",
            "similaire",
            "semejante",
        ])
    });
    let lower = seen.view.lower();
    let before = &lower[lower.floor_char_boundary(range.start.saturating_sub(40))..range.start];
    let equal = before.split_whitespace().rev().nth(1).is_some_and(|word| EQUAL.iter().any(|one| one == word));
    begins(seen, range, &BEHIND) || !equal && !person && stands_behind(seen, range, &TO, &GLUED)
}

fn is_local_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local() || address.is_multicast(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast(),
    }
}

/// Whether words stand around it in its line; a list has none.
fn is_in_sentence(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[range.start.saturating_sub(200)..range.start])
        .map_or(range.start.saturating_sub(200), |at| range.start.saturating_sub(200) + at + 1);
    let limit = (range.end + 200).min(bytes.len());
    let end = memchr::memchr(b'\n', &bytes[range.end..limit]).map_or(limit, |at| range.end + at);
    let words = |part: &[u8]| {
        part.split(u8::is_ascii_whitespace)
            .filter(|word| {
                word.len() > 1
                    && word.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii() || matches!(byte, b',' | b'.' | b':'))
            })
            .count()
    };
    // A row of letters of a script without blanks has a word in every two or three.
    const SPACELESS_MIN: usize = 5;
    let spaceless = |part: &[u8]| String::from_utf8_lossy(part).chars().filter(|c| is_spaceless(*c)).take(SPACELESS_MIN).count();
    words(&bytes[start..range.start]) + words(&bytes[range.end..end]) >= 2
        || spaceless(&bytes[start..range.start]) + spaceless(&bytes[range.end..end]) >= SPACELESS_MIN
}

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known, Record};

    #[test]
    fn an_address_of_a_machine_goes_in_a_sentence_of_any_script_and_stays_in_a_list() {
        for (text, expected) in [
            ("เมื่อวาน 5.6.7.8", "เมื่อวาน [ip-1]"),
            ("昨天有人用5.6.7.8上網", "昨天有人用[ip-1]上網"),
            ("昨天 5.6.7.8", "昨天 5.6.7.8"),
            ("it was 5.6.7.8", "it was [ip-1]"),
            ("5.6.7.8\n5.6.7.9", "5.6.7.8\n5.6.7.9"),
            ("06.80.74.71.24", "[phone-1]"),
            (
                "the log: 5.6.7.8 is the editor at home, 5.6.7.9 is the intruder",
                "the log: [ip-1] is the editor at home, 5.6.7.9 is the intruder",
            ),
            ("편집자 로그: 5.6.7.8 는 편집자 본인 집, 5.6.7.9 는 침입자", "편집자 로그: [ip-1] 는 편집자 본인 집, 5.6.7.9 는 침입자"),
            ("the proxy of our newsroom saw traffic to 5.6.7.8 all night", "the proxy of our newsroom saw traffic to 5.6.7.8 all night"),
            ("the site evil-x.cc runs on 5.6.7.8 now", "the site evil-x.cc runs on 5.6.7.8 now"),
            ("she was on facebook.com from 5.6.7.8 again", "she was on facebook.com from [ip-1] again"),
            ("the log has 5.6.7.8. That was the intruder.", "the log has 5.6.7.8. That was the intruder."),
            ("the log has 5.6.7.8. Who was the intruder?", "the log has [ip-1]. Who was the intruder?"),
            ("the attacker logged in from 5.6.7.8 at night", "the attacker logged in from 5.6.7.8 at night"),
            ("the client logged in from 5.6.7.8 at night", "the client logged in from [ip-1] at night"),
            ("telefonu her dakika 5.6.7.8 adresine bağlanıyor", "telefonu her dakika 5.6.7.8 adresine bağlanıyor"),
            ("her machine called home at 5[.]6[.]7[.]8", "her machine called home at 5[.]6[.]7[.]8"),
            ("victim_ip=5.6.7.8, attacker_ip=5.6.7.9", "victim_ip=[ip-1], attacker_ip=5.6.7.9"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }

    #[test]
    fn what_something_on_a_machine_spoke_to_stays_though_the_machine_is_a_persons() {
        for text in [
            "her phone was communicating with 5.6.7.8 every hour",
            "su celular enviaba datos a 5.6.7.8 cada hora",
            "son téléphone échange avec 5.6.7.8 sans cesse",
            "ponselnya terus menghubungi 5.6.7.8 tanpa henti",
            "उनका फ़ोन 5.6.7.8 से जुड़ रहा था",
            "她的手機一直回報到5.6.7.8",
            "her laptop was beaconing to 2a0e:1c80:11:4::1f",
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), text);
        }
        for (text, expected) in [
            ("her subscription corresponds to 5.6.7.8 today", "her subscription corresponds to [ip-1] today"),
            (
                "after months of worry about attackers in many places and in many ways she was at 2a00:1:2:3::4 again",
                "after months of worry about attackers in many places and in many ways she was at [ip-1] again",
            ),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected);
        }
    }
    #[test]
    fn the_address_of_what_a_person_works_on_is_the_victims_though_an_attack_is_spoken_of() {
        for (text, expected) in [
            (
                "the malware came from the attackers and the infected laptop, address 5.6.7.8, is with us",
                "the malware came from the attackers and the infected laptop, address [ip-1], is with us",
            ),
            (
                "the computer, at 5.6.7.8, was infected by a trojan of the hackers",
                "the computer, at [ip-1], was infected by a trojan of the hackers",
            ),
            (
                "o computador infectado, com endereço 5.6.7.8, foi atacado por um vírus",
                "o computador infectado, com endereço [ip-1], foi atacado por um vírus",
            ),
            ("заражённый ноутбук с адресом 5.6.7.8 атаковали хакеры", "заражённый ноутбук с адресом [ip-1] атаковали хакеры"),
            ("被駭客植入病毒、位址為5.6.7.8的筆電", "被駭客植入病毒、位址為[ip-1]的筆電"),
            ("ноутбук злоумышленника с адресом 5.6.7.8 нашли", "ноутбук злоумышленника с адресом 5.6.7.8 нашли"),
            ("a computer at 5.6.7.8 attacked the mailbox", "a computer at 5.6.7.8 attacked the mailbox"),
            ("her infected laptop was beaconing to 5.6.7.8 every hour", "her infected laptop was beaconing to 5.6.7.8 every hour"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_to_be_reached_again_is_a_persons_and_a_reason_behind_an_address_says_whose_it_is() {
        for (text, expected) in [
            ("block 5.6.7.8 and unblock 5.6.7.9, the hackers are gone", "block 5.6.7.8 and unblock [ip-1], the hackers are gone"),
            ("after the hackers came: 5.6.7.8 wieder freigeben", "after the hackers came: [ip-1] wieder freigeben"),
            (
                "zweitens 5.6.7.8 sperren, weil dort der Server der Angreifer steht, drittens 5.6.7.9, denn das ist der Anschluss des Büros",
                "zweitens 5.6.7.8 sperren, weil dort der Server der Angreifer steht, drittens [ip-1], denn das ist der Anschluss des Büros",
            ),
            (
                "封鎖 5.6.7.8,那是駭客的主機;解除對 2a00:1:2:3::4 的封鎖,那是夥伴辦公室的網路",
                "封鎖 5.6.7.8,那是駭客的主機;解除對 [ip-1] 的封鎖,那是夥伴辦公室的網路",
            ),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }
}
