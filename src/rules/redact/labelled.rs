//! Values that nothing but the word before them tells: `passport ZZ 45 26 02`, `password: …`, `ticket 48213`, `Instagram: some_one`.

use super::Kind;
use super::claim::Claims;
use super::cue::{ACCOUNT, BIRTH, Cue, DEVICE, HANDLE, ID, SECRET, Seen, TICKET, is_letter, is_spaceless};
use super::service::is_spoken;
use super::web::{Whose, whose};
use crate::model::observable::tld;
use std::ops::Range;
use std::sync::LazyLock;

/// Between a word and its value, in bytes.
const GAP_MAX: usize = 48;
/// Words between them, such as "number is".
const BETWEEN_MAX: usize = 4;
/// Longest value, in bytes.
const VALUE_MAX: usize = 40;

pub(super) fn look(seen: &Seen<'_, '_>, claims: &mut Claims) {
    for at in 0..seen.cues.len() {
        let cue = seen.cues[at];
        if cue.class & SECRET != 0 {
            secret(seen, claims, cue);
        }
        if cue.class & (ID | ACCOUNT | DEVICE | TICKET) != 0 {
            number(seen, claims, cue);
        }
        if cue.class & ID != 0 {
            number_before(seen, claims, cue);
        }
        if cue.class & HANDLE != 0 {
            handle(seen, claims, cue);
        }
        if cue.class & BIRTH != 0 {
            birth(seen, claims, cue);
            birth_before(seen, claims, cue);
        }
    }
}

/// Where the word that a stem begins ends.
fn word_end(seen: &Seen<'_, '_>, end: usize) -> usize {
    let text = seen.view.text();
    // A stem ends with a letter.
    if text[..end].chars().next_back().is_some_and(|c| is_spaceless(c) || !is_letter(c)) {
        return end;
    }
    end + text[end..].chars().take(24).take_while(|c| is_letter(*c)).map(char::len_utf8).sum::<usize>()
}

fn number(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue) {
    let bytes = seen.view.bytes();
    let start = word_end(seen, cue.end);
    // Letters of most scripts have two or three bytes.
    let limit = seen.clause_end(start).min(start + 3 * GAP_MAX + VALUE_MAX);
    let mut at = start;
    let mut gap = 0;
    for _ in 0..=BETWEEN_MAX {
        while at < limit && !is_value(bytes[at]) {
            if bytes[at] == super::view::HIDDEN || gap > GAP_MAX {
                return;
            }
            gap += 1;
            at += if bytes[at].is_ascii() { 1 } else { seen.view.after(at).map_or(1, char::len_utf8) };
        }
        if at >= limit {
            return;
        }
        let end = at + bytes[at..limit].iter().take_while(|byte| is_value(**byte)).count();
        let word = &bytes[at..end];
        if word.is_empty() {
            return;
        }
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        let opens = digits > 0 || word.len() <= 3 && word.iter().all(u8::is_ascii_uppercase) && next_has_digit(bytes, end, limit);
        if opens {
            value(seen, claims, cue, at..end);
            return;
        }
        gap += end - at;
        at = end;
    }
}

/// `U42300525 numaralı pasaport`, `號碼305937558的護照`: the number of a document right before the word for it.
fn number_before(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue) {
    const LINKS_MAX: usize = 40;
    static LINKS: LazyLock<Vec<String>> = LazyLock::new(|| {
        super::cue::normals(&[
            "numaralı",
            "nolu",
            "no'lu",
            "no lu",
            "sayılı",
            "号的",
            "號的",
            "号",
            "號",
            "的",
            "नंबर का",
            "नंबर वाला",
            "नंबर वाले",
            "नंबर के",
            "नंबर की",
            "नंबर वाली",
            "संख्या वाला",
            "संख्या का",
            "संख्या वाले",
            "नंबर",
            "نمبر کا",
            "نمبر والا",
            "の",
            "番の",
            "号の",
            "번",
            "번호의",
            "numbered",
            "-numaralı",
            "is the number of the",
            "is the number of her",
            "is the number of his",
            "is her",
            "is his",
            "es el número de la",
            "es el número del",
            "es el número de su",
            "est le numéro du",
            "est le numéro de la",
            "é o número do",
            "é o número da",
            "ist die nummer des",
            "ist die nummer ihres",
            "ist die nummer seines",
            "это номер",
            "це номер",
            "- номер",
            "là số",
            "adalah nomor",
            "هو رقم",
            "هي رقم",
            "شماره",
            "คือเลข",
            "เป็นเลข",
            "คือหมายเลข",
        ])
    });
    let lower = seen.view.lower();
    let bytes = seen.view.bytes();
    let floor = lower.ceil_char_boundary(cue.start.saturating_sub(LINKS_MAX));
    let before = lower[floor..cue.start].trim_end();
    let gap = before.len() - before.trim_end_matches(|c: char| !c.is_ascii_digit()).len();
    let link = before[before.len() - gap..].trim();
    // A letter may be the last of a number.
    let end = floor + before.len() - gap;
    let end = end + bytes[end..cue.start].iter().take(2).take_while(|byte| byte.is_ascii_uppercase()).count();
    let link = if end > floor + before.len() - gap { lower[end..floor + before.len()].trim() } else { link };
    if link.is_empty() || !LINKS.iter().any(|one| one == link) {
        return;
    }
    let length = bytes[..end].iter().rev().take(VALUE_MAX).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let range = end - length..end;
    let word = &bytes[range.clone()];
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let glued = range.start > 0 && matches!(bytes[range.start - 1], b'.' | b'/' | b'_' | b'-' | b'@' | b':' | b',');
    if (6..=14).contains(&length) && digits >= 4 && !glued && !word.iter().any(u8::is_ascii_lowercase) && claims.is_free(&range) {
        claims.redact(Kind::Id, range);
    }
}

fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn next_has_digit(bytes: &[u8], end: usize, limit: usize) -> bool {
    let rest = &bytes[end..limit.min(bytes.len()).max(end)];
    let Some(b' ' | b'-' | b'/') = rest.first() else { return false };
    rest[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).take(6).any(u8::is_ascii_digit)
}

/// A value with the groups that belong to it: those with digits, and a letter or two at the end.
fn value(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue, first: Range<usize>) {
    let bytes = seen.view.bytes();
    let letters_first = bytes[first.clone()].iter().all(u8::is_ascii_alphabetic);
    let mut end = first.end;
    while end - first.start < VALUE_MAX {
        let mark = bytes.get(end).copied();
        if !matches!(mark, Some(b' ' | b'-' | b'/' | b'.')) {
            break;
        }
        let part = bytes[end + 1..].iter().take(VALUE_MAX).take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let group = &bytes[end + 1..end + 1 + part];
        let digits = group.iter().any(u8::is_ascii_digit);
        let last = matches!(part, 1..=2)
            && group.iter().all(u8::is_ascii_uppercase)
            && (letters_first || !bytes.get(end + 1 + part).is_some_and(|byte| matches!(byte, b'.' | b'\'')));
        let blank = mark == Some(b' ');
        // A date, an amount or another number may follow; a group of a document's number has up to five.
        let fits = (digits && (part <= if letters_first { 9 } else { 5 } || !blank)) || last || !blank && part > 0 && part <= 4;
        if part == 0 || !fits || claims.is_taken(end + 1) {
            break;
        }
        end += 1 + part;
    }
    let range = first.start..end;
    let text = &bytes[range.clone()];
    // `TCP 4983`: a word for something else between.
    const UNITS: [&[u8]; 22] = [
        b"TCP", b"UDP", b"PID", b"MD5", b"SHA", b"RFC", b"CVE", b"ISO", b"UTC", b"GMT", b"KB", b"MB", b"GB", b"TB", b"IP", b"AS", b"EUR",
        b"USD", b"GBP", b"UID", b"CPU", b"RAM",
    ];
    if letters_first && UNITS.contains(&&bytes[first.clone()]) {
        return;
    }
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = text.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let least = if cue.class & TICKET != 0 { 3 } else { 4 };
    let prefixed = first.start > 0 && matches!(bytes[first.start - 1], b'+' | b'.' | b'/' | b'_' | b'-' | b'@');
    let hexadecimal = text.starts_with(b"0x");
    // `Reisepass JCF7NK3ZZ3`: as long as a document's number, in capitals and digits mixed, right behind its word.
    let printed = cue.class & ID != 0
        && (8..=12).contains(&text.len())
        && (2..least).contains(&digits)
        && letters + digits == text.len()
        && !text.iter().any(u8::is_ascii_lowercase)
        && (text.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count() >= 2 || !is_spoken(text))
        && first.start - cue.end <= 20;
    // `Personalausweisnummer GTXPMYLFV0`: letters but for a digit, right behind the word.
    let behind = word_end(seen, cue.end);
    let lettered = cue.class & ID != 0
        && (6..=12).contains(&text.len())
        && digits >= 1
        && letters + digits == text.len()
        && letters >= 3
        && !text.iter().any(u8::is_ascii_lowercase)
        && !is_spoken(&text[..text.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1)])
        && first.start.saturating_sub(behind) <= 6;
    let unit = letters > 0 && letters < 4 && digits < 5 && text[..].iter().take_while(|byte| byte.is_ascii_digit()).count() == digits;
    // `report 18.12.2018.gz`, `\doc\ce81b018.jpg`.
    let behind = bytes[end..].iter().take(8).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
    let name = &seen.view.lower()[first.start..end + behind];
    let file = name.rsplit_once('.').is_some_and(|(_, last)| tld::is_extension(last)) || first.start > 0 && bytes[first.start - 1] == b'\\';
    if digits < least && !printed && !lettered
        || hexadecimal
        || prefixed
        || file
        || unit && !lettered
        || is_date(text)
        || text.len() >= 32 && text.iter().all(u8::is_ascii_hexdigit)
    {
        return;
    }
    // A telephone number between the word and its end: numbers are judged with everything that stands around them.
    if letters == 0 && cue.class & (ID | ACCOUNT | DEVICE | TICKET) != 0 {
        return;
    }
    let kind = if cue.class & TICKET != 0 && cue.class & ID == 0 {
        Kind::Ticket
    } else if cue.class & DEVICE != 0 {
        Kind::Device
    } else {
        Kind::Id
    };
    if claims.is_free(&range) {
        claims.redact(kind, range);
    }
}

/// `born on 3rd June 1979`, `nació el 3 de mayo de 1990`, `1979年6月3日`: a day, at most four words, and a year, or a month, a day and a year.
fn birth(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue) {
    const WORDS_MAX: usize = 4;
    const DATE_MAX: usize = 60;
    let text = seen.view.text();
    let from = word_end(seen, cue.end);
    // No clause ends with the full stop of `3. Mai`.
    let farthest = text.len().min(from + GAP_MAX + DATE_MAX);
    let line = memchr::memchr2(b'\n', b';', &text.as_bytes()[from..farthest]).map_or(farthest, |end| from + end);
    let limit = (from..=line).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
    let part = &text[from..limit];
    let number = |at: usize| part[at..].bytes().take_while(u8::is_ascii_digit).count();
    let is_year = |at: usize| number(at) == 4 && matches!(part[at..at + 4].parse::<u32>(), Ok(1290..=1450 | 1900..=2100 | 2450..=2600));
    let Some(first) = part.find(|c: char| c.is_ascii_digit()).filter(|first| *first <= GAP_MAX) else { return };
    if let Some(written) = national_date(part, first) {
        let range = from + written.start..from + written.end;
        if claims.is_free(&range) {
            claims.redact(Kind::Birth, range);
        }
        return;
    }
    // The month may stand before the day: one word with a capital.
    let month = part[..first]
        .trim_end_matches([' ', '.'])
        .rsplit(' ')
        .next()
        .filter(|word| word.starts_with(char::is_uppercase) && word.chars().all(is_letter));
    let (start, end) = if is_year(first) {
        let rest = &part[first + 4..];
        let Some(day) = rest.find(['日', '일']).filter(|day| *day <= 20 && rest.starts_with(['年', '년'])) else { return };
        (first, first + 4 + day + '日'.len_utf8())
    } else if matches!(number(first), 1 | 2) {
        let rest = first + number(first);
        let Some(year) = (rest..part.len().min(rest + DATE_MAX)).find(|at| part.is_char_boundary(*at) && number(*at) > 0) else { return };
        let between = &part[rest..year];
        let plain = between.chars().all(|c| is_letter(c) || matches!(c, ' ' | '.' | ',' | '-' | '/' | '\''));
        if !is_year(year) || !plain || between.split_whitespace().count() > WORDS_MAX || !between.chars().any(is_letter) && month.is_none()
        {
            return;
        }
        let start = month.filter(|_| !between.chars().any(|c| is_letter(c) && !c.is_lowercase()) && between.trim().len() <= 3);
        (start.map_or(first, |word| part[..first].rfind(word).unwrap_or(first)), year + 4)
    } else {
        return;
    };
    let range = from + start..from + end;
    if claims.is_free(&range) {
        claims.redact(Kind::Birth, range);
    }
}

/// `民國75年3月1日`, `7 tháng 9 năm 1987`, `ngày 7/9 năm 1987`, `7 ต.ค. พ.ศ. 2499`: dates whose parts have a word each.
fn national_date(part: &str, first: usize) -> Option<Range<usize>> {
    const WORD_MAX: usize = 24;
    let number = |at: usize| part[at..].bytes().take_while(u8::is_ascii_digit).count();
    let mut at = first;
    let mut words = Vec::new();
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let digits = number(at);
        if digits == 0 {
            break;
        }
        sizes.push((at, digits));
        at += digits;
        let word = part[at..].find(|c: char| c.is_ascii_digit() || c == '\n' || c == ',').unwrap_or(part.len() - at).min(WORD_MAX);
        let word = part.get(at..at + word)?;
        words.push(word);
        if number(at + word.len()) == 0 {
            break;
        }
        at += word.len();
    }
    let [(_, year), (_, month), (day, days)] = sizes[..] else { return None };
    if words[0].trim() == "年"
        && words[1].trim() == "月"
        && words[2].trim_start().starts_with(['日', '號', '号'])
        && year <= 4
        && month <= 2
        && days <= 2
    {
        let end = day + days + words[2].len() - words[2].trim_start().len() + '日'.len_utf8();
        let era =
            ["民國", "民国", "昭和", "平成", "令和", "大正", "西元", "公元"].iter().find(|era| part[..first].trim_end().ends_with(**era));
        let start = era.map_or(first, |era| part[..first].rfind(era).unwrap_or(first));
        return Some(start..end);
    }
    // Vietnam's, as the view has it: without its marks.
    let vietnamese = |word: &str, one: &str| super::cue::normal(word.trim()) == super::cue::normal(one);
    (vietnamese(words[0], "tháng") && vietnamese(words[1], "năm") && days == 4).then(|| first..day + days)
}

/// `27 Mart 1972 doğumlu`, `1979年6月3日生まれ`: a day, a month in words and a year right before the word.
fn birth_before(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue) {
    const BEFORE_MAX: usize = 64;
    let text = seen.view.text();
    let floor = text.ceil_char_boundary(cue.start.saturating_sub(BEFORE_MAX));
    let part = &text[floor..cue.start];
    let part = &part[part.rfind(['\n', ';', ':', '(']).map_or(0, |at| at + 1)..];
    let start = cue.start - part.len();
    let digit = |c: char| c.is_ascii_digit();
    let Some(last) = part.rfind(digit).map(|at| at + 1).filter(|last| part.len() - last <= 16) else { return };
    let year = last - part[..last].bytes().rev().take_while(u8::is_ascii_digit).count();
    let range = if part[last..].starts_with(['日', '일']) {
        let Some(at) = part.find(digit) else { return };
        let Some(written) = national_date(part, at) else { return };
        start + written.start..start + written.end
    } else {
        let is_year = last - year == 4 && matches!(part[year..last].parse::<u32>(), Ok(1290..=1450 | 1900..=2100 | 2450..=2600));
        let Some(day) = part[..year].rfind(digit).map(|at| at + 1) else { return };
        let between = &part[day..year];
        let first = day - part[..day].bytes().rev().take_while(u8::is_ascii_digit).count();
        let month = between.chars().any(is_letter) && between.split_whitespace().count() <= 3 && !between.contains(',');
        let stands = first == 0 || part[..first].ends_with(' ');
        if !is_year || day - first > 2 || !month || !stands || part[last..].contains(',') {
            return;
        }
        start + first..start + last
    };
    if claims.is_free(&range) {
        claims.redact(Kind::Birth, range);
    }
}

fn is_date(text: &[u8]) -> bool {
    let year = |text: &[u8]| {
        matches!(text, [b'1', b'9', ..] | [b'2', b'0', ..])
            && text.len() > 6
            && text[..4].iter().all(u8::is_ascii_digit)
            && text[4] == b'-'
            && text[5].is_ascii_digit()
            && text[6].is_ascii_digit()
    };
    if year(text) {
        return true;
    }
    let parts: Vec<&[u8]> = text.split(|byte| matches!(byte, b'-' | b'/' | b'.')).collect();
    matches!(parts[..], [first, second, third] if [first, second, third].iter().all(|part| part.iter().all(u8::is_ascii_digit)) && (first.len() == 4 || third.len() == 4) && second.len() <= 2)
}

/// What follows "password:" or the like: up to the next blank.
fn secret(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue) {
    let text = seen.view.text();
    let start = word_end(seen, cue.end);
    let rest = &text[start..];
    let gap = rest.len() - rest.trim_start_matches([' ', ':', '=', '"', '\'', '`', '-', '>']).len();
    let mut between = &rest[..gap];
    let mut from = start + gap;
    for word in ["is ", "was ", "es ", "est ", "ist ", "e ", "هي ", "هو ", "है ", "是"] {
        if let Some(after) = text[from..].strip_prefix(word) {
            from = text.len() - after.trim_start_matches([' ', ':', '"', '\'', '`']).len();
            between = ":";
            break;
        }
    }
    let end = from
        + text[from..]
            .bytes()
            .take(128)
            .take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'`' | b'<' | b'>' | 0))
            .count();
    let Some(value) = text.get(from..end) else { return };
    let value = value.trim_end_matches(['.', ',', ';', ')', '\'', '!', '?', ']']);
    let said = between.contains([':', '=', '"', '\'', '`']);
    let mixed = value.bytes().any(|byte| byte.is_ascii_digit()) && value.len() >= 4;
    let fits = value.len() >= 3
        && gap <= 8
        && (said && (mixed || value.bytes().any(|byte| byte.is_ascii_punctuation()) || !text[end..].starts_with(' ') || value.len() >= 8)
            || mixed && gap > 0);
    let range = from..from + value.len();
    if fits && !value.contains("://") && claims.is_free(&range) {
        claims.redact(Kind::Secret, range);
    }
}

/// A user's name behind a word for a platform or an account.
fn handle(seen: &Seen<'_, '_>, claims: &mut Claims, cue: Cue) {
    let text = seen.view.text();
    let start = word_end(seen, cue.end);
    let rest = &text[start..];
    let gap = rest.len() - rest.trim_start_matches([' ', ':', '=', '"', '\'', '(']).len();
    let between = &rest[..gap];
    let from = start + gap;
    let end =
        from + text[from..].bytes().take(64).take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')).count();
    let value = text[from..end].trim_end_matches(['.', '-']);
    let range = from..from + value.len();
    let bytes = value.as_bytes();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let marked = bytes.contains(&b'_')
        || bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_lowercase)
        || bytes.contains(&b'.') && letters > 3;
    let said = between.contains([':', '=', '"']);
    let file = value
        .rsplit_once('.')
        .is_some_and(|(_, last)| tld::is_extension(&last.to_ascii_lowercase()) || tld::is_tld(&last.to_ascii_lowercase()));
    let follows = file || text[range.end..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '@' | '(' | '\\' | '='));
    let fits = value.len() >= 4
        && letters >= 2
        && gap > 0
        && gap <= 4
        && (marked || said && cue.end - cue.start > 4 && bytes.iter().all(u8::is_ascii_lowercase) && !text[range.end..].starts_with(' '));
    if fits && !follows && claims.is_free(&range) && whose(seen, &range) != Whose::Attacker {
        claims.redact(Kind::Handle, range);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known, Record};

    #[test]
    fn dates_of_birth_go_with_their_month_in_words() {
        for (text, expected) in [
            ("DOB: 3rd June 1979, tall", "DOB: [birth-1], tall"),
            ("nacida el 3 de mayo de 1990 en Cali", "nacida el [birth-1] en Cali"),
            ("geboren am 3. Mai 1980, ledig", "geboren am [birth-1], ledig"),
            ("d.o.b. 12/05/1980", "d.o.b. [birth-1]"),
            ("born June 3, 1979.", "born [birth-1]."),
            ("مواليد 12 آذار 1990", "مواليد [birth-1]"),
            ("родилась 5 мая 1990 года", "родилась [birth-1] года"),
            ("生年月日 1979年6月3日", "生年月日 [birth-1]"),
            ("seen 3 June 1979", "seen 3 June 1979"),
            ("生日:民國75年3月1日,女", "生日:[birth-1],女"),
            ("1979年6月3日生まれ", "[birth-1]生まれ"),
            ("Ngày sinh: 7 tháng 9 năm 1987", "Ngày sinh: [birth-1]"),
            ("Sahibi 27 Mart 1972 doğumlu", "Sahibi [birth-1] doğumlu"),
            ("geboren am 9.5.1981", "geboren am [birth-1]"),
            ("Geb.-Dat.: 19.8.1990", "Geb.-Dat.: [birth-1]"),
            ("она 19.01.1984 р.н.", "она [birth-1] р.н."),
            ("學生,1974/08/26出生", "學生,[birth-1]出生"),
            ("Звернулась (нар. 29.05.1988)", "Звернулась (нар. [birth-1])"),
            ("زادروز: 1347/11/09", "زادروز: [birth-1]"),
            ("که در 1355/07/27 به دنیا آمده است", "که در [birth-1] به دنیا آمده است"),
            ("學生,民國75年3月1日出生", "學生,[birth-1]出生"),
            ("相符,1972/10/11生。附件", "相符,[birth-1]生。附件"),
            ("version 9.5.1981", "version 9.5.1981"),
            ("born on the 5 boats", "born on the 5 boats"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }

    #[test]
    fn documents_go_by_their_form_and_counts_and_ports_stay() {
        for (text, expected) in [
            ("Reisepass JCF7NK3ZZ3, passt", "Reisepass [id-1], passt"),
            ("(Personalausweisnr. YFF0G4CWW2)", "(Personalausweisnr. [id-1])"),
            ("паспорт КС 163032 звірено", "паспорт [id-1] звірено"),
            ("NI no. ........ EL 557308 A", "NI no. ........ [id-1]"),
            ("PAN ABCND1234Z", "PAN [id-1]"),
            ("my number is415-555-0132", "my number is[phone-1]"),
            ("Cel 321.5001320. Le", "Cel [phone-1]. Le"),
            ("In Q2 we closed 459 tickets", "In Q2 we closed 459 tickets"),
            ("ticket 48213 is open", "ticket [ticket-1] is open"),
            ("build of the agent listens on TCP 6718", "build of the agent listens on TCP 6718"),
            ("sample VIRUS2024A", "sample VIRUS2024A"),
            ("son adresse IPv6 fixe : voir 12 pages", "son adresse IPv6 fixe : voir 12 pages"),
            ("saldırganın 5.6.7.8 adresi 26 dakikada 103 deneme yapmış", "saldırganın 5.6.7.8 adresi 26 dakikada 103 deneme yapmış"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }
    #[test]
    fn a_documents_number_goes_before_its_word_far_behind_it_and_with_hardly_a_digit() {
        for (text, expected) in [
            ("U42888809 numaralı pasaportun fotoğrafı", "[id-1] numaralı pasaportun fotoğrafı"),
            ("號碼P305937558的護照影本", "號碼[id-1]的護照影本"),
            ("U42888809 numaralı ürün", "U42888809 numaralı ürün"),
            ("पासपोर्ट की तस्वीर, जिसका नंबर P8964631 है", "पासपोर्ट की तस्वीर, जिसका नंबर [id-1] है"),
            ("Personalausweisnummer GTXPMYLFV0 und", "Personalausweisnummer [id-1] und"),
            ("passport LONDON1 gate", "passport LONDON1 gate"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }
}
