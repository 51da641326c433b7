//! Numbers: telephones, cards, ids, dates of birth, tickets; and what is none of them.
//!
//! A run is digits with what people put between them. Of a run, the longest piece that is something is taken, then the next. What it is, its form says
//! (a `+`, brackets, groups), a check digit, or the nearest word; hashes, versions, amounts, dates and names of files are left alone.

use super::Kind;
use super::claim::Claims;
use super::cue::{
    ACCOUNT, ATTACKER, BIRTH, DEVICE, HANDLE, ID, LOOKS_MAX, Near, PERSON, PHONE, QUANTITY, SECRET, Seen, TAKEN, TICKET, is_copula,
    is_letter, is_spaceless,
};
use super::known::Values;
use super::national;
use super::piece::{Group, Piece, is_clock, is_likely, is_phone_form, is_stamp, is_years, single_digits};
use super::view::HIDDEN;
use std::ops::Range;

/// Most groups of a run; nobody writes a number in more.
const GROUPS_MAX: usize = 16;
/// Fewest digits of what is looked at: words around fewer need not be read.
const DIGITS_MIN: usize = 3;
/// How far from a telephone number the next of a list may stand, in bytes.
const LIST_MAX: usize = 32;
/// Most digits of what is looked at.
const DIGITS_MAX: usize = 34;

/// Digits, and what stands between them.
struct Run {
    start: usize,
    end: usize,
    groups: Vec<Group>,
}

/// What words say of a run, the nearest first.
struct Said {
    nearest: Option<(u32, usize)>,
    phone: Option<usize>,
    birth: Option<usize>,
    quantity: bool,
    /// `home 577211045`, `office +1 305 887 0034, home 577 211 045`: a place of a person, or another telephone number, right before it.
    beside: bool,
}

pub(super) fn look(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims) {
    let bytes = seen.view.bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + found;
        let run = parse(bytes, start, claims);
        at = run.end.max(start + 1);
        if !claims.is_taken(start) && !run.groups.is_empty() && begins(seen, &run) {
            match broken(seen, claims, &run) {
                Some(end) => at = end,
                None => pieces(seen, known, claims, &run),
            }
        }
    }
}

fn parse(bytes: &[u8], first: usize, claims: &Claims) -> Run {
    let mut run = Run { start: first, end: first, groups: Vec::new() };
    let mut at = first;
    let (mut plus, mut bracket, mut between) = (false, false, 0);
    // What stands before the first digit belongs to the number.
    while run.start > 0 && first - run.start < 3 && !claims.is_taken(run.start - 1) {
        match bytes[run.start - 1] {
            b'+' => plus = true,
            b'(' => bracket = true,
            b' ' if run.start > 1 && bytes[run.start - 2] == b'+' => {}
            _ => break,
        }
        run.start -= 1;
    }
    while run.groups.len() < GROUPS_MAX {
        let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if end == at || claims.is_taken(at) {
            break;
        }
        // A unit, or the start of a word: the group before was the last, unless it is an extension.
        let time = run.groups.len() == 2 && bytes.get(end) == Some(&b'T') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        let glued = !time && bytes.get(end).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let extension =
            bytes.get(end).is_some_and(|byte| matches!(byte, b'x' | b'X')) && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if glued && !extension {
            // So that the rest of it is not taken for a number of its own.
            let rest = bytes[end..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            if run.groups.is_empty() {
                run.end = end + rest;
            }
            break;
        }
        run.groups.push(Group { range: at..end, plus, bracket, between });
        run.end = end;
        let Some(next) = separator(bytes, end) else { break };
        (at, plus, bracket, between) = next;
    }
    run
}

/// What separates two groups: where the next begins, whether it has a `+` or `(` before it, and what stands between.
fn separator(bytes: &[u8], end: usize) -> Option<(usize, bool, bool, u8)> {
    let mut at = end;
    let (mut plus, mut bracket, mut between) = (false, false, 0);
    while at < end + 4 {
        match bytes.get(at)? {
            byte if byte.is_ascii_digit() => return (between != 0).then_some((at, plus, bracket, between)),
            b' ' => between = between.max(1),
            b'-' if between <= 1 || between == b')' => between = b'-',
            b'.' if between == 0 => between = b'.',
            b'/' if between == 0 || between == b')' => between = b'/',
            b')' if between == 0 => between = b')',
            b'(' if !bracket => {
                bracket = true;
                between = between.max(1);
            }
            b'+' if between != 0 => plus = true,
            _ => return None,
        }
        at += 1;
    }
    None
}

/// `is415-555-0132`: a telephone number of North America behind a short word, without the blank between.
fn is_glued_phone(seen: &Seen<'_, '_>, run: &Run) -> bool {
    const WORD_MAX: usize = 8;
    let before = &seen.view.bytes()[..run.start];
    let word = before.iter().rev().take(WORD_MAX).take_while(|byte| byte.is_ascii_lowercase()).count();
    let stands = before[..before.len() - word].last().is_none_or(|byte| matches!(byte, b' ' | b'\n'));
    let dashed = run.groups.iter().skip(1).all(|group| group.between == b'-');
    (2..WORD_MAX).contains(&word) && stands && dashed && run.groups.iter().map(|group| group.range.len()).eq([3, 3, 4])
}

/// Whether a number may begin here: not in the middle of a word, a name of a file, a path.
fn begins(seen: &Seen<'_, '_>, run: &Run) -> bool {
    let bytes = seen.view.bytes();
    let Some(before) = seen.view.before(run.start) else { return true };
    match before {
        _ if before.is_ascii_alphabetic() => is_glued_phone(seen, run),
        '_' | '\\' | '%' | '$' | '€' | '£' | '¥' | '₹' | '₽' | '&' => false,
        // The rest of an amount.
        ',' if run.groups[0].range.len() == 3 => !bytes[..run.start - 1].last().is_some_and(u8::is_ascii_digit),
        '-' | '/' | '.' => {
            !bytes[..run.start - 1].last().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'.'))
        }
        _ => true,
    }
}

/// Whether it goes on as a word, a name of a file or an amount.
fn goes_on(bytes: &[u8], end: usize) -> bool {
    match bytes.get(end) {
        Some(b'-' | b'/' | b'.') => bytes.get(end + 1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_'),
        Some(b'%' | b'\\' | b'$') => true,
        Some(byte) => byte.is_ascii_alphabetic() && !matches!(byte, b'x' | b'X') || *byte == b'_',
        None => false,
    }
}

/// A number that goes on in the next line, where a check digit or what is lacking behind a `+` says so. Where it ends, if it was claimed.
fn broken(seen: &Seen<'_, '_>, claims: &mut Claims, run: &Run) -> Option<usize> {
    let bytes = seen.view.bytes();
    let next = next_line(bytes, run)?;
    let rest = parse(bytes, next, claims);
    // Glued to a word, or somebody's already.
    if rest.start < next || rest.groups.is_empty() {
        return None;
    }
    let digits: usize = run.groups.iter().map(|group| group.range.len()).sum();
    let mut groups = run.groups.clone();
    groups.extend(rest.groups);
    groups[run.groups.len()].between = 1;
    for last in (run.groups.len()..groups.len()).rev() {
        let range = run.start..groups[last].range.end;
        let piece = Piece::of(bytes, &groups[..=last]);
        if goes_on(bytes, range.end) || piece.sizes.iter().any(|size| *size > 8) {
            continue;
        }
        let kind = if piece.plus && digits < 8 && (9..=15).contains(&piece.len()) {
            Kind::Phone
        } else if (13..=19).contains(&piece.len()) && national::card(&piece.digits) {
            Kind::Card
        } else if !piece.plus && national::is_national(&piece.digits) && seen.before(&range, ID).is_some_and(|near| near.cost <= 24) {
            Kind::Id
        } else {
            continue;
        };
        claims.redact(kind, range.clone());
        return Some(range.end);
    }
    None
}

/// Where the next line begins with a digit, if the line that a run ends does not begin with it, as columns of numbers do.
fn next_line(bytes: &[u8], run: &Run) -> Option<usize> {
    let blanks = |at: usize| bytes[at..].iter().take(3).take_while(|byte| matches!(byte, b' ' | b'\r')).count();
    let end = run.end + blanks(run.end);
    let begins = bytes[..run.start].iter().rev().find(|byte| **byte != b' ').is_none_or(|byte| *byte == b'\n');
    if begins || bytes.get(end) != Some(&b'\n') {
        return None;
    }
    let next = end + 1 + blanks(end + 1);
    bytes.get(next).is_some_and(u8::is_ascii_digit).then_some(next)
}

fn pieces(seen: &Seen<'_, '_>, known: &Values, claims: &mut Claims, run: &Run) {
    // `10.0.19045.3930`, `1.3.6.1.4.1`: a version, or the number of an object.
    let sizes: Vec<usize> = run.groups.iter().map(|group| group.range.len()).collect();
    let version = sizes.len() >= 3
        && run.groups[1..].iter().all(|group| group.between == b'.')
        && sizes.contains(&1)
        && sizes[1..].iter().any(|size| *size != 3)
        // `9.5.1981`
        && !(sizes.len() == 3 && Piece::of(seen.view.bytes(), &run.groups).date().is_some_and(|date| date.whole_year));
    // A UUID without letters.
    let number =
        |piece: &Piece| national::is_national(&piece.digits) && seen.near(&(run.start..run.end), ID).is_some_and(|near| near.cost <= 40);
    if version && !run.groups[0].plus && !number(&Piece::of(seen.view.bytes(), &run.groups)) || sizes == [8, 4, 4, 4, 12] {
        return;
    }
    if run.groups.iter().map(|group| group.range.len()).sum::<usize>() < DIGITS_MIN {
        return;
    }
    let mut said = said(seen, run.start..run.end);
    let clause = seen.clause_start(run.start).max(run.start.saturating_sub(LIST_MAX));
    said.beside |= claims.last_before(run.start).is_some_and(|(kind, end)| kind == Kind::Phone && end >= clause);
    let mut from = 0;
    'next: while from < run.groups.len() {
        // A time may follow a date, and its digits are no part of anything.
        if let Some(date) =
            run.groups.get(from..from + 3).filter(|groups| Piece::of(seen.view.bytes(), groups).date().is_some_and(|date| date.whole_year))
        {
            if said.birth.is_some_and(|cost| cost <= 60) {
                claims.redact(Kind::Birth, date[0].range.start..date[2].range.end);
            }
            from += 3;
            continue;
        }
        for to in (from..run.groups.len()).rev() {
            let groups = &run.groups[from..=to];
            let end = run.groups[to].range.end;
            let start =
                if from == 0 { run.start } else { groups[0].range.start - usize::from(groups[0].plus) - usize::from(groups[0].bracket) };
            if goes_on(seen.view.bytes(), end) {
                continue;
            }
            // Most of the pieces of a long row of numbers have too many digits to be anything.
            if !(DIGITS_MIN..=DIGITS_MAX).contains(&groups.iter().map(|group| group.range.len()).sum()) {
                continue;
            }
            let piece = Piece::of(seen.view.bytes(), groups);
            match judge(seen, known, &piece, &said, &(start..end)) {
                Verdict::Nothing => {}
                Verdict::Leave => {
                    from = to + 1;
                    continue 'next;
                }
                Verdict::Is(kind) => {
                    let start = if kind == Kind::Id && from == 0 { series(seen, start) } else { start };
                    let end = if kind == Kind::Phone { extension(seen.view.bytes(), end) } else { end };
                    let end = end
                        + usize::from(
                            groups.iter().filter(|group| group.bracket).count() > 0
                                && seen.view.bytes().get(end) == Some(&b')')
                                && start < groups[0].range.start
                                && groups.len() == 1,
                        );
                    claims.redact(kind, start..end);
                    from = to + 1;
                    while run.groups.get(from).is_some_and(|group| group.range.start < end) {
                        from += 1;
                    }
                    continue 'next;
                }
            }
        }
        from += 1;
    }
}

/// `x573`, `ext. 12`, `доб. 12` behind a telephone number.
fn extension(bytes: &[u8], end: usize) -> usize {
    const WORDS: [&str; 14] =
        ["extension", "ext.", "ext", "x", "X", "#", "доб.", "доб", "poste", "int.", "anexo", "ramal", "durchwahl", "dahili"];
    let rest = &bytes[end..bytes.len().min(end + 24)];
    let blanks = rest.iter().take(2).take_while(|byte| matches!(byte, b' ' | b',')).count();
    for word in WORDS {
        let Some(behind) = rest[blanks..]
            .get(..word.len())
            .filter(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            .map(|_| &rest[blanks + word.len()..])
        else {
            continue;
        };
        let skip = behind.iter().take(2).take_while(|byte| matches!(byte, b' ' | b':')).count();
        let digits = behind[skip..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if matches!(digits, 1..=6) {
            return end + blanks + word.len() + skip + digits;
        }
    }
    end
}

fn said(seen: &Seen<'_, '_>, range: Range<usize>) -> Said {
    const KINDS: u32 = PHONE | ID | TICKET | DEVICE | ACCOUNT | HANDLE | SECRET;
    let nearest = seen.near(&range, KINDS).map(|near| numbered(seen, &range, near, KINDS)).map(|near| (near.class, near.cost));
    let phone = seen.near(&range, PHONE).map(|near| near.cost);
    // Of several dates behind one word the first is meant.
    let first = |near: &Near| {
        near.edge > range.start || !seen.view.bytes()[near.edge..range.start].iter().any(|byte| byte.is_ascii_digit() || *byte == HIDDEN)
    };
    // `ne` and the like stand before a date, and are other words in other languages.
    let short = |near: &Near| {
        let word = seen.view.text().get(near.edge..).unwrap_or("");
        // `19.01.1984 р.н.`, `1974/08/26出生`.
        let abbreviated = word.split('.').nth(1).is_some_and(|next| next.chars().next().is_some_and(is_letter));
        let short = word.chars().take(4).take_while(|c| is_letter(*c)).count() < 4;
        // `1355/07/27 به دنیا آمده`: several words are no other word.
        let until = seen.cues.partition_point(|cue| cue.end <= near.edge);
        let several = seen.cues[until..]
            .iter()
            .take(LOOKS_MAX)
            .any(|cue| cue.start == near.edge && cue.class & BIRTH != 0 && seen.view.text()[cue.start..cue.end].contains(' '));
        near.edge >= range.end && short && !abbreviated && !several && !word.starts_with(is_spaceless)
    };
    let birth = seen.near(&range, BIRTH).filter(first).filter(|near| !short(near)).map(|near| near.cost);
    // `linea 55 9872 6541`: a line of a text, or a telephone's.
    let before = seen.before(&range, QUANTITY | PHONE).is_some_and(|near| near.cost <= 8 && near.class == QUANTITY);
    let after = seen.after(&range, QUANTITY).is_some_and(|near| near.cost <= 14);
    let beside = seen.before(&range, PERSON).is_some_and(|near| near.cost <= 3);
    Said { nearest, phone, birth, quantity: before || after, beside }
}

/// `passport number`, `জাতীয় পরিচয়পত্র নম্বর`: a word for any number is one for what stands right before it.
fn numbered(seen: &Seen<'_, '_>, range: &Range<usize>, near: Near, kinds: u32) -> Near {
    const BESIDE: usize = 10;
    if near.class & kinds != PHONE || near.edge > range.start {
        return near;
    }
    let until = seen.cues.partition_point(|cue| cue.end <= near.edge);
    let ending = seen.cues[..until].iter().rev().take_while(|cue| cue.end == near.edge && cue.class & PHONE != 0);
    let Some(start) = ending.map(|cue| cue.start).min() else { return near };
    let before = seen.before(&(start..start), kinds).filter(|before| before.cost <= BESIDE && before.class & PHONE == 0);
    let joined =
        |before: &Near| !seen.view.bytes()[before.edge..start].iter().any(|byte| matches!(byte, b',' | b':' | b'0'..=b'9' | b'/' | b'\n'));
    before.filter(joined).map_or(near, |before| Near { class: before.class, ..near })
}

enum Verdict {
    /// Nothing of itself; a shorter piece may be.
    Nothing,
    /// It is something that stays.
    Leave,
    Is(Kind),
}

fn judge(seen: &Seen<'_, '_>, known: &Values, piece: &Piece, said: &Said, range: &Range<usize>) -> Verdict {
    let length = piece.len();
    if known.keeps_digits(&piece.digits) {
        return Verdict::Leave;
    }
    if length >= 6 && known.has_digits(&piece.digits) {
        return Verdict::Is(Kind::Phone);
    }
    let nearest = |class: u32| said.nearest.is_some_and(|(near, _)| near & class != 0);
    let close = |class: u32, cost: usize| said.nearest.is_some_and(|(near, at)| near & class != 0 && at <= cost);
    if piece.date().is_some() || is_stamp(piece) && !nearest(PHONE | ID) {
        let birth = said.birth.is_some_and(|cost| cost <= 60);
        return if birth { Verdict::Is(Kind::Birth) } else { Verdict::Leave };
    }
    let one_form = piece.is_one() || piece.only(1) || piece.only(b'-') || piece.sizes == [4, 4, 4, 4] && piece.only(b'.');
    let one_mark = one_form || piece.is_uniform() && piece.sizes.len() > 2;
    if one_mark && national::card(&piece.digits) && (piece.is_one() || piece.sizes.iter().all(|size| (3..=7).contains(size))) {
        return Verdict::Is(Kind::Card);
    }
    if close(ACCOUNT, 40) && one_form && (12..=19).contains(&length) && national::luhn(&piece.digits) {
        return Verdict::Is(Kind::Card);
    }
    if let Some(kind) = document(piece, said, nearest(ID | ACCOUNT), close(PHONE, 16)) {
        return Verdict::Is(kind);
    }
    if is_phone_form(piece) && !(piece.is_one() && said.quantity && !piece.plus) {
        return if is_attackers(seen, range) { Verdict::Leave } else { Verdict::Is(Kind::Phone) };
    }
    if close(TICKET, 18) && is_numbered(seen, piece, range) && (piece.is_one() || piece.only(b'-') && length >= 5)
        || seen.view.before(range.start) == Some('#') && piece.is_one() && length >= 4
    {
        return Verdict::Is(Kind::Ticket);
    }
    if close(SECRET, 20) && (4..=8).contains(&length) && one_form {
        return Verdict::Is(Kind::Secret);
    }
    if close(DEVICE, 30) && length >= 8 {
        return Verdict::Is(Kind::Device);
    }
    let reach = if piece.is_amount() { 20 } else { 60 };
    // `80.878.257`, `900.123.456-7`.
    let in_thousands = match piece.sizes[..] {
        [first, 3, 3] | [first, 3, 3, 3] => first <= 3 && piece.only(b'.'),
        [first, 3, 3, 1] => first <= 3 && piece.between == [b'.', b'.', b'-'],
        _ => false,
    };
    if close(ID | ACCOUNT | HANDLE, reach) && length >= 5 && (one_form || in_thousands) && !said.quantity && !is_years(piece) {
        return Verdict::Is(Kind::Id);
    }
    if said.beside
        && (7..=12).contains(&length)
        && !said.quantity
        && !is_years(piece)
        && !is_clock(piece)
        && (!piece.only(b'.') || piece.sizes == [3, 7])
    {
        return Verdict::Is(Kind::Phone);
    }
    if piece.is_amount() && piece.only(b'.') && piece.sizes.len() > 2 && !close(PHONE, 24) {
        return Verdict::Leave;
    }
    if said.quantity || is_years(piece) || piece.is_amount() && !close(PHONE, 24) {
        return Verdict::Nothing;
    }
    let whole_groups = piece.sizes.len() == 1
        || piece.sizes == [3, 7]
        || piece.sizes.iter().all(|size| *size <= 6) && piece.sizes.last().is_some_and(|size| *size >= 2);
    if is_short_number(seen, piece, range) {
        return Verdict::Is(Kind::Phone);
    }
    let said_so = said.phone.is_some_and(|cost| cost <= 70)
        && (6..=15).contains(&length)
        && (whole_groups || single_digits(piece))
        && piece.between.iter().filter(|between| **between == b'/').count() <= 1;
    if said_so || is_likely(piece) || length >= 9 && single_digits(piece) {
        return if is_attackers(seen, range) { Verdict::Leave } else { Verdict::Is(Kind::Phone) };
    }
    Verdict::Nothing
}

/// `called from number 102`: three to five digits right behind a word for a number, with another for a telephone in the clause. One alone introduces rooms, rows and errors.
fn is_short_number(seen: &Seen<'_, '_>, piece: &Piece, range: &Range<usize>) -> bool {
    const BESIDE: usize = 4;
    let year = piece.len() == 4 && (1900..=2100).contains(&piece.values[0]);
    let Some(near) = seen.before(range, PHONE).filter(|near| near.cost <= BESIDE) else { return false };
    // The other word must end before the one beside the number begins.
    let until = seen.cues.partition_point(|cue| cue.end <= near.edge);
    let ending = seen.cues[..until].iter().rev().take_while(|cue| cue.end == near.edge);
    let word = ending.filter(|cue| cue.class & PHONE != 0).map(|cue| cue.start).min();
    let other = word.and_then(|start| seen.before(&(start..start), PHONE));
    (3..=5).contains(&piece.len()) && piece.is_one() && !year && other.is_some()
}

/// Documents by form or check digit.
fn document(piece: &Piece, said: &Said, id_nearest: bool, phone_near: bool) -> Option<Kind> {
    let length = piece.len();
    let (one, dashed) = (piece.is_one(), piece.only(b'-'));
    if length == 15 && national::luhn(&piece.digits) && (one || dashed || piece.only(1)) && !piece.plus {
        return Some(Kind::Device);
    }
    // The United States' number, and others of that form; Pakistan's.
    if piece.sizes == [3, 2, 4] && (dashed || id_nearest) || piece.sizes == [5, 7, 1] && dashed {
        return Some(Kind::Id);
    }
    let cpf = piece.sizes == [3, 3, 3, 2] && piece.between == [b'.', b'.', b'-'];
    let cnpj = piece.sizes == [2, 3, 3, 4, 2];
    let korea = piece.sizes == [6, 7] && dashed;
    let sweden = (piece.sizes == [6, 4] || piece.sizes == [8, 4]) && dashed;
    let split = piece.sizes == [4, 4, 4]
        || piece.sizes == [3, 3, 3]
        || piece.sizes == [2, 3, 3, 3]
        || piece.sizes == [3, 3, 4] && id_nearest && !phone_near
        || piece.sizes == [3, 3, 3, 2];
    let medicare = piece.sizes == [4, 5, 1] && piece.only(1);
    let formed = medicare || cpf || cnpj || korea || sweden || split && (piece.only(1) || piece.only(b'-'));
    if piece.plus || piece.bracket {
        return None;
    }
    if formed && national::is_national(&piece.digits) {
        return Some(Kind::Id);
    }
    if id_nearest && !one && piece.is_uniform() && national::is_national(&piece.digits) {
        return Some(Kind::Id);
    }
    let checked = one && !said.quantity && national::is_national(&piece.digits);
    (checked && !phone_near).then_some(Kind::Id)
}

/// `20240131`, `20240131120000`: a date, or a date and a time.
/// `КС 163032`: where a document's series of two capitals begins that is not in Latin letters.
fn series(seen: &Seen<'_, '_>, start: usize) -> usize {
    let before = &seen.view.text()[..start];
    let letters = before.strip_suffix(' ').unwrap_or(before);
    let mut last = letters.char_indices().rev();
    match (last.next(), last.next(), last.next()) {
        (Some((_, second)), Some((at, first)), edge)
            if [first, second].iter().all(|c| !c.is_ascii() && c.is_uppercase()) && edge.is_none_or(|(_, c)| !is_letter(c)) =>
        {
            at
        }
        _ => start,
    }
}

/// Whether a number is a ticket's: `432 tickets` is how many there were, and a year before a word is a year.
fn is_numbered(seen: &Seen<'_, '_>, piece: &Piece, range: &Range<usize>) -> bool {
    let said = |near: Near| near.cost <= 18 && !seen.view.bytes()[near.edge..range.start].contains(&b',');
    seen.view.before(range.start) == Some('#')
        || seen.before(range, TICKET).is_some_and(said)
        || piece.len() >= 5
            && seen
                .after(range, TICKET)
                .is_some_and(|near| seen.view.bytes()[range.end..near.edge].iter().any(|byte| !byte.is_ascii_whitespace()))
}

/// A number from which the attacker called: only where a word says so right before it, since most numbers are people's.
fn is_attackers(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    const NEAR: usize = 24;
    // Another value, a name or a clause between the two: the word is about that.
    let other = |gap: &str| {
        gap.contains([',', '\n', '@', '/', '\0']) || gap.contains(char::is_uppercase) || gap.trim_end_matches(['.', ' ', ':']).contains('.')
    };
    let attacker = seen.before(range, ATTACKER).filter(|near| near.cost <= NEAR && !other(&seen.view.text()[near.edge..range.start]));
    // `the scammer's number is +44 …`, `attacker: +44 …`: whom scammers call is more often said than whence.
    let is_named = |near: &Near| {
        let gap = seen.view.lower()[near.edge..range.start].trim_end_matches([' ', '"', '(']);
        let possessive = gap.split_once("'s ").is_some_and(|(rest, noun)| ![rest, noun].iter().any(|part| part.contains(' ')));
        possessive
            || gap.ends_with([':', '='])
            || gap.rsplit(' ').next().is_some_and(is_copula) && seen.before(range, PHONE).is_some_and(|phone| phone.edge > near.edge)
    };
    let person = seen.before(range, PERSON);
    // A number that was stolen, or published, is the victim's.
    let taken = |near: &Near| seen.before(range, TAKEN).is_some_and(|taken| taken.cost <= near.cost + 16);
    attacker.is_some_and(|attacker| {
        person.is_none_or(|person| person.cost > attacker.cost) && attacker.class & PERSON == 0 && is_named(&attacker) && !taken(&attacker)
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known, Record};

    #[test]
    fn numbers_are_what_their_form_and_the_words_before_them_say() {
        for (text, expected) in [
            ("national identity card number 85721866804933650.", "national identity card number [id-1]."),
            ("জাতীয় পরিচয়পত্র নম্বর ৭৮৯৯৭৩০৯১৮৩৭৩৪৪৭২", "জাতীয় পরিচয়পত্র নম্বর [id-1]"),
            ("شناختی کارڈ نمبر 61101-5196752-9", "شناختی کارڈ نمبر [id-1]"),
            ("cédula 80.878.257, recibió", "cédula [id-1], recibió"),
            ("cédula 5.277.604.134", "cédula [id-1]"),
            ("C.C. 1.098.765.432", "C.C. [id-1]"),
            ("RG 12.345.678-9", "RG [id-1]"),
            ("invoice 2024-00123", "invoice 2024-00123"),
            ("NIT 900.123.456-7", "NIT [id-1]"),
            ("los 1.098.765.432 habitantes", "los 1.098.765.432 habitantes"),
            ("version 5.277.604.134", "version 5.277.604.134"),
            ("80.878.257 habitantes", "80.878.257 habitantes"),
            ("sitio falso evil-x.com, celular 315 302 0820", "sitio falso evil-x.com, celular [phone-1]"),
            ("the scammer's number is +44 7700 900123", "the scammer's number is +44 7700 900123"),
            ("Server Demir 0324 486 08 52 arıyor", "Server Demir [phone-1] arıyor"),
            ("My line is +254733789019", "My line is [phone-1]"),
            ("số căn cước công dân 031186289451", "số căn cước công dân [phone-1]"),
            ("số di động 0912345678", "số di động [phone-1]"),
            ("ဖုန်းနံပါတ် - 09-425991146", "ဖုန်းနံပါတ် - [phone-1]"),
            ("Téléphone : 06.80.74.71.24", "Téléphone : [phone-1]"),
            ("วันเกิด: 21/08/2519", "วันเกิด: [birth-1]"),
            ("perdió la línea 3206940502", "perdió la línea [phone-1]"),
            ("página 3206940502", "página 3206940502"),
            ("Fone: (81) 9.2654.3240", "Fone: [phone-1]"),
            ("office 577211045", "office [phone-1]"),
            ("praca +48 673 436 782, dom 511 505 157", "praca [phone-1], dom [phone-2]"),
            ("the hackers had stolen number +44 7700 900123", "the hackers had stolen number [phone-1]"),
            ("the scammers keep ringing 07911 841 280", "the scammers keep ringing [phone-1]"),
            ("犯人が090-1234-5678に電話", "犯人が[phone-1]に電話"),
            ("¿Pasaporte? B0667251. Gracias", "¿Pasaporte? [id-1]. Gracias"),
            ("Passport\nB0667251", "Passport\n[id-1]"),
            ("| Passport | B0667251 |", "| Passport | [id-1] |"),
            ("passport_no=B0667251", "passport_no=[id-1]"),
        ] {
            assert_eq!(Record::default().redact(&Detector::new(&Known::default()), text), expected, "{text}");
        }
    }
}
