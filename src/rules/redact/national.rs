//! Numbers that states and banks give people, told by their check digits. Each function gets digits alone.

/// Luhn's check (ISO/IEC 7812-1 annex B): cards, IMEI, and many national numbers.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits.iter().rev().enumerate().map(|(at, digit)| luhn_value(at, *digit)).sum();
    digits.len() > 1 && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

fn luhn_value(at: usize, digit: u8) -> u32 {
    let value = u32::from(digit);
    match at % 2 {
        0 => value,
        _ => value * 2 / 10 + value * 2 % 10,
    }
}

/// A payment card: its length and the issuer's first digits, and Luhn's check.
pub(super) fn card(digits: &[u8]) -> bool {
    if !luhn(digits) || digits.windows(2).all(|pair| pair[0] == pair[1]) {
        return false;
    }
    let start = |length: usize| digits[..length].iter().fold(0u32, |value, digit| value * 10 + u32::from(*digit));
    match digits.len() {
        // Maestro.
        12 => matches!(start(2), 50 | 56..=58 | 67),
        13 => digits[0] == 4 || matches!(start(2), 50 | 56..=58 | 67),
        14 => matches!(start(2), 30 | 36 | 38 | 39),
        15 => matches!(start(2), 34 | 37) || matches!(start(4), 1800 | 2131) || start(3) == 122,
        16 => {
            matches!(digits[0], 4..=6) || matches!(start(4), 2200..=2204 | 2221..=2720 | 3500..=3599 | 8600 | 9792 | 9860) || start(2) == 81
        }
        17..=19 => matches!(digits[0], 4..=6) || start(2) == 81,
        _ => false,
    }
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

fn last(digits: &[u8]) -> u32 {
    digits.last().map_or(0, |digit| u32::from(*digit))
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}

fn is_date(month: u64, day: u64) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

fn varied(digits: &[u8]) -> bool {
    digits.iter().any(|digit| *digit != digits[0])
}

/// Whether a check or a date inside says that these digits are a person's number of some country, or of few that have such numbers.
pub(super) fn is_national(digits: &[u8]) -> bool {
    if !digits.iter().all(|digit| *digit < 10) || digits.is_empty() || !varied(digits) && digits.len() != 11 {
        return false;
    }
    match digits.len() {
        9 => nine(digits),
        10 => ten(digits),
        11 => eleven(digits),
        12 => {
            aadhaar(digits)
                || my_number(digits)
                || inn_12(digits)
                || personnummer(&digits[2..]) && is_date(number(&digits[4..6]), number(&digits[6..8]))
        }
        13 => thirteen(digits),
        14 => egypt(digits) || cnpj(digits),
        15 => nir(digits),
        16 => indonesia(digits),
        18 => china(digits),
        _ => false,
    }
}

/// Australia's TFN and ACN, Canada's SIN, the Netherlands' BSN, Portugal's NIF.
fn nine(digits: &[u8]) -> bool {
    let tfn = weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11);
    let acn = (10 - weighted(&digits[..8], &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == last(digits);
    let sin = luhn(digits) && digits[0] != 0 && digits[0] != 8;
    let bsn = (weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) + 11 * 9 - last(digits)).is_multiple_of(11);
    let nif = matches!(11 - weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11, 10 | 11) && last(digits) == 0
        || 11 - weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == last(digits);
    tfn || acn || sin || bsn || nif
}

/// The NHS, Iran, Ukraine, Bulgaria, Sweden, Denmark's date, Czechia and Slovakia, Australia's Medicare, the United States' NPI.
fn ten(digits: &[u8]) -> bool {
    let nhs = match 11 - weighted(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11 {
        11 => last(digits) == 0,
        check => check == last(digits),
    };
    let iran = match weighted(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11 {
        rest @ (0 | 1) => rest == last(digits),
        rest => 11 - rest == last(digits),
    };
    // Weights of Ukraine's RNOKPP, one of them negative.
    let ukraine = (weighted(&digits[1..9], &[5, 7, 9, 4, 6, 10, 5, 7]) + 11 * 9 - u32::from(digits[0])) % 11 % 10 == last(digits);
    let birth = is_date(number(&digits[2..4]) % 20, number(&digits[4..6])) && number(&digits[2..4]) < 53;
    let bulgaria = birth && weighted(&digits[..9], &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10 == last(digits);
    let czech = is_date(number(&digits[2..4]) % 50 % 20, number(&digits[4..6])) && number(digits).is_multiple_of(11);
    let denmark = is_date(number(&digits[2..4]), number(&digits[..2]));
    let medicare = matches!(digits[0], 2..=6) && weighted(&digits[..8], &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(digits[8]);
    let npi = matches!(digits[0], 1 | 2) && luhn(&[&[8, 0, 8, 4, 0], digits].concat());
    nhs || iran || ukraine || bulgaria || personnummer(digits) || czech || denmark || medicare || npi
}

fn personnummer(digits: &[u8]) -> bool {
    digits.len() == 10 && is_date(number(&digits[2..4]), number(&digits[4..6]) % 60) && luhn(digits)
}

/// Poland, Brazil, Turkey, Germany, Australia's ABN, Norway, Belgium, the Baltic states, Mexico's NSS, Croatia, Russia's SNILS, Medicare, Italy's VAT, Nigeria.
fn eleven(digits: &[u8]) -> bool {
    let dated = |at: usize| is_date(number(&digits[at + 2..at + 4]) % 20, number(&digits[at + 4..at + 6]));
    let pesel = dated(0) && (10 - weighted(&digits[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10 == last(digits);
    let norway = is_date(number(&digits[2..4]) % 40, number(&digits[..2]) % 40)
        && (weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1, 0])).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11);
    let belgium = is_date(number(&digits[2..4]) % 20, number(&digits[4..6]))
        && [number(&digits[..9]), 2_000_000_000 + number(&digits[..9])].iter().any(|value| 97 - value % 97 == number(&digits[9..]));
    let mexico = luhn(digits);
    let snils = snils(digits);
    let medicare = matches!(digits[0], 2..=6) && weighted(&digits[..8], &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(digits[8]);
    pesel
        || cpf(digits)
        || turkey(digits)
        || iso_7064(digits)
        || abn(digits)
        || norway
        || belgium
        || baltic(digits)
        || mexico
        || snils
        || medicare
}

fn cpf(digits: &[u8]) -> bool {
    let check = |length: usize| {
        let sum: u32 = digits[..length].iter().enumerate().map(|(at, digit)| u32::from(*digit) * (length + 1 - at) as u32).sum();
        sum * 10 % 11 % 10
    };
    varied(digits) && check(9) == u32::from(digits[9]) && check(10) == u32::from(digits[10])
}

fn cnpj(digits: &[u8]) -> bool {
    let check = |length: usize| {
        let weights = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
        let sum = weighted(&digits[..length], &weights[13 - length..]);
        if sum % 11 < 2 { 0 } else { 11 - sum % 11 }
    };
    varied(digits) && check(12) == u32::from(digits[12]) && check(13) == u32::from(digits[13])
}

fn turkey(digits: &[u8]) -> bool {
    let odd = weighted(&digits[..9], &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&digits[..8], &[0, 1, 0, 1, 0, 1, 0, 1]);
    let first = (odd * 7 + 100 - even) % 10;
    let sum: u32 = digits[..10].iter().map(|digit| u32::from(*digit)).sum();
    digits[0] != 0 && first == u32::from(digits[9]) && sum % 10 == u32::from(digits[10])
}

/// ISO/IEC 7064 MOD 11,10: Germany's tax number and Croatia's OIB.
fn iso_7064(digits: &[u8]) -> bool {
    let mut product = 10;
    for digit in &digits[..digits.len() - 1] {
        let sum = (u32::from(*digit) + product) % 10;
        product = if sum == 0 { 10 } else { sum } * 2 % 11;
    }
    varied(digits) && (11 - product) % 10 == last(digits)
}

fn abn(digits: &[u8]) -> bool {
    digits[0] != 0 && (weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10).is_multiple_of(89)
}

/// Estonia and Lithuania.
fn baltic(digits: &[u8]) -> bool {
    let first = weighted(&digits[..10], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let check = if first < 10 { first } else { weighted(&digits[..10], &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10 };
    matches!(digits[0], 1..=6) && is_date(number(&digits[3..5]), number(&digits[5..7])) && check == last(digits)
}

fn snils(digits: &[u8]) -> bool {
    let sum = u64::from(weighted(&digits[..9], &[9, 8, 7, 6, 5, 4, 3, 2, 1]));
    sum % 101 % 100 == number(&digits[9..])
}

fn inn_12(digits: &[u8]) -> bool {
    let first = weighted(&digits[..10], &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    let second = weighted(&digits[..11], &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    first == u32::from(digits[10]) && second == u32::from(digits[11])
}

/// Verhoeff's check over India's Aadhaar.
fn aadhaar(digits: &[u8]) -> bool {
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    // The dihedral group of order ten.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let mut check = 0;
    for (at, digit) in digits.iter().rev().enumerate() {
        let permuted = (0..at % 8).fold(*digit, |value, _| PERMUTED[usize::from(value)]);
        check = times(check, permuted);
    }
    matches!(digits[0], 2..=9) && check == 0
}

/// Japan.
fn my_number(digits: &[u8]) -> bool {
    let rest = weighted(&digits[..11], &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest <= 1 { 0 } else { 11 - rest }) == last(digits)
}

/// South Africa, Thailand, Korea, Romania, the former Yugoslavia.
fn thirteen(digits: &[u8]) -> bool {
    let dated = is_date(number(&digits[2..4]), number(&digits[4..6]));
    let south_africa = dated && luhn(digits) && digits[10] < 3;
    let thailand = digits[0] != 0 && (11 - weighted(&digits[..12], &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 10 == last(digits);
    // Korea stopped the check digit in 2020, so the date and the century's digit must do.
    let korea = dated && matches!(digits[6], 1..=8);
    let romania = matches!(digits[0], 1..=8) && is_date(number(&digits[3..5]), number(&digits[5..7])) && {
        let rest = weighted(&digits[..12], &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
        (if rest == 10 { 1 } else { rest }) == last(digits)
    };
    let jmbg = is_date(number(&digits[2..4]), number(&digits[..2])) && {
        let rest = 11 - weighted(&digits[..12], &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
        (if rest > 9 { 0 } else { rest }) == last(digits)
    };
    south_africa || thailand || korea || romania || jmbg
}

/// Egypt: the century, a date and a governorate.
fn egypt(digits: &[u8]) -> bool {
    matches!(digits[0], 2 | 3) && is_date(number(&digits[3..5]), number(&digits[5..7])) && matches!(number(&digits[7..9]), 1..=35 | 88)
}

/// France: 13 digits and their key.
fn nir(digits: &[u8]) -> bool {
    matches!(digits[0], 1..=4 | 7 | 8) && 97 - number(&digits[..13]) % 97 == number(&digits[13..])
}

/// Indonesia: a place, a date (women's days count from 41) and a number.
fn indonesia(digits: &[u8]) -> bool {
    (11..=94).contains(&number(&digits[..2])) && is_date(number(&digits[8..10]), number(&digits[6..8]) % 40)
}

/// China's 18 digits (GB 11643): ISO/IEC 7064 MOD 11-2; one that ends in X is looked at with its letter.
fn china(digits: &[u8]) -> bool {
    (1900..=2099).contains(&number(&digits[6..10]))
        && is_date(number(&digits[10..12]), number(&digits[12..14]))
        && china_check(digits) == last(digits)
}

fn china_check(digits: &[u8]) -> u32 {
    const CHECKS: [u32; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    CHECKS[(weighted(&digits[..17], &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11) as usize]
}

/// Letters and digits without anything between them, in upper case: a document or tax number that its form and check tell.
pub(super) fn is_lettered(text: &[u8]) -> bool {
    let digit = |at: usize| u32::from(text[at] - b'0');
    let letter = |at: usize| text[at].is_ascii_uppercase();
    let form = |wanted: &[u8]| {
        text.len() == wanted.len()
            && text.iter().zip(wanted).all(|(byte, kind)| match kind {
                b'0' => byte.is_ascii_digit(),
                b'A' => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            })
    };
    match text.len() {
        8 | 9 => {
            const NIF: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
            let spanish = |value: u64, at: usize| NIF[(value % 23) as usize] == text[at];
            let digits = |from: usize, to: usize| text[from..to].iter().fold(0u64, |value, byte| value * 10 + u64::from(byte - b'0'));
            form(b"00000000A") && spanish(digits(0, 8), 8)
                || form(b"0000000A") && spanish(digits(0, 7), 7)
                || form(b"A0000000A")
                    && matches!(text[0], b'X' | b'Y' | b'Z')
                    && spanish(u64::from(text[0] - b'X') * 10_000_000 + digits(1, 8), 8)
                || form(b"A0000000A") && singapore(text)
                || form(b"AA000000A") && is_nino(text)
                || form(b"**0******") && german(text)
                || form(b"*********") && text.iter().any(u8::is_ascii_uppercase) && letter(0) && german(text)
        }
        10 => {
            form(b"A000000000") && taiwan(text)
                || form(b"AAAAA0000A") && matches!(text[3], b'P' | b'C' | b'H' | b'F' | b'A' | b'T' | b'B' | b'L' | b'J' | b'G')
                // The fourth letter of India's PAN says what its holder is, but samples and typing errors have any, and its parts swapped.
                || form(b"AAAAA0000A") && !super::service::is_spoken(&text[..5])
                || form(b"A0000AAAAA") && !super::service::is_spoken(&text[5..])
                || form(b"A000000000") && luhn_lettered(text)
        }
        11 => form(b"0A*0A*0AA00") && text[0] != b'0' && ![1, 2, 4, 5, 7, 8].iter().any(|at| b"SLOIBZ".contains(&text[*at])),
        12 => form(b"00000000A000") && is_date(u64::from(digit(4) * 10 + digit(5)), u64::from((digit(2) * 10 + digit(3)) % 50)),
        13 => form(b"AAAA000000***") && is_date(u64::from(digit(6) * 10 + digit(7)), u64::from(digit(8) * 10 + digit(9))),
        15 => form(b"00AAAAA0000A*A*") && text[13] == b'Z',
        16 => {
            form(b"AAAAAA**A**A***A")
                && [6, 7, 9, 10, 12, 13, 14].iter().all(|at| text[*at].is_ascii_digit() || b"LMNPQRSTUV".contains(&text[*at]))
                && b"ABCDEHLMPRST".contains(&text[8])
        }
        18 => {
            form(b"AAAA000000AAAAAA**") && matches!(text[10], b'H' | b'M' | b'X')
                || form(b"00000000000000000A") && text[17] == b'X' && {
                    let digits: Vec<u8> = text[..17].iter().map(|byte| byte - b'0').chain([0]).collect();
                    china_check(&digits) == 10
                }
        }
        _ => false,
    }
}

fn is_nino(text: &[u8]) -> bool {
    let pair = [text[0], text[1]];
    !pair.iter().any(|byte| b"DFIQUV".contains(byte))
        && text[1] != b'O'
        && !["BG", "GB", "KN", "NK", "NT", "TN"].iter().any(|one| one.as_bytes() == pair)
        && matches!(text[8], b'A'..=b'D' | b'T')
}

fn singapore(text: &[u8]) -> bool {
    let sum: u32 = text[1..8].iter().zip([2, 7, 6, 5, 4, 3, 2]).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    let (extra, letters): (u32, &[u8; 11]) = match text[0] {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"KLJNPQRTUWX"),
        _ => return false,
    };
    let rest = (sum + extra) % 11;
    let rest = if text[0] == b'M' { 10 - rest } else { rest };
    letters[rest as usize] == text[8]
}

fn taiwan(text: &[u8]) -> bool {
    const ORDER: &[u8; 26] = b"ABCDEFGHJKLMNPQRSTUVXYWZIO";
    let Some(place) = ORDER.iter().position(|byte| *byte == text[0]) else { return false };
    let code = place as u32 + 10;
    let rest: u32 = text[1..].iter().zip([8, 7, 6, 5, 4, 3, 2, 1, 1]).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    matches!(text[1], b'1' | b'2' | b'8' | b'9') && (code / 10 + code % 10 * 9 + rest).is_multiple_of(10)
}

/// Germany's health insurance number: the letter as two digits, then Luhn's check from the left.
fn luhn_lettered(text: &[u8]) -> bool {
    let value = text[0] - b'A' + 1;
    let digits: Vec<u8> = [value / 10, value % 10].into_iter().chain(text[1..9].iter().map(|byte| byte - b'0')).collect();
    let sum: u32 = digits.iter().enumerate().map(|(at, digit)| luhn_value(at, *digit)).sum();
    sum % 10 == u32::from(text[9] - b'0')
}

/// Germany's identity card and passport: weights 7, 3, 1 (ICAO 9303), over eight characters.
fn german(text: &[u8]) -> bool {
    if text.len() != 9 || !text[8].is_ascii_digit() || !b"CFGHJKLMNPRTVWXYZ".contains(&text[0]) {
        return false;
    }
    // Letters that could be taken for digits or for words are left out.
    if !text.iter().all(|byte| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte)) {
        return false;
    }
    let value = |byte: u8| if byte.is_ascii_digit() { u32::from(byte - b'0') } else { u32::from(byte - b'A') + 10 };
    let sum: u32 = text[..8].iter().zip([7, 3, 1, 7, 3, 1, 7, 3]).map(|(byte, weight)| value(*byte) * weight).sum();
    text[1..].iter().filter(|byte| byte.is_ascii_digit()).count() >= 4 && sum % 10 == u32::from(text[8] - b'0')
}

/// The 31 characters of Finland's check.
pub(super) fn is_hetu(text: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    if text.len() != 11 || !text[..6].iter().chain(&text[7..10]).all(u8::is_ascii_digit) {
        return false;
    }
    let digits = [&text[..6], &text[7..10]].concat().iter().fold(0u64, |value, byte| value * 10 + u64::from(byte - b'0'));
    let day = u64::from(text[0] - b'0') * 10 + u64::from(text[1] - b'0');
    let month = u64::from(text[2] - b'0') * 10 + u64::from(text[3] - b'0');
    matches!(text[6], b'+' | b'-' | b'A'..=b'F' | b'U'..=b'Y')
        && is_date(month, day)
        && CHECKS[(digits % 31) as usize] == text[10].to_ascii_uppercase()
}

/// Lengths of IBANs by country (SWIFT's registry).
const IBANS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28DZ26EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IR26IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MA28MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SN28SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

/// How long an IBAN of a country is.
pub(super) fn iban_length(country: &[u8]) -> Option<usize> {
    let row = IBANS.as_bytes().chunks_exact(4).find(|row| row[..2] == *country)?;
    Some(usize::from(row[2] - b'0') * 10 + usize::from(row[3] - b'0'))
}

/// ISO/IEC 7064 MOD 97-10 over an IBAN in upper case.
pub(super) fn iban(text: &[u8]) -> bool {
    let rearranged = text[4..].iter().chain(&text[..4]);
    let rest = rearranged.fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect()
    }

    /// Published examples: of the authorities, of standards, of Wikipedia's articles on them.
    #[test]
    fn published_examples_hold_and_a_changed_digit_shows() {
        for (text, check) in [
            ("4111111111111111", card as fn(&[u8]) -> bool),
            ("378282246310005", card),
            ("30569309025904", card),
            ("490154203237518", luhn),
            ("44051401458", eleven),
            ("11144477735", cpf),
            ("10000000146", turkey),
            ("86095742719", iso_7064),
            ("51824753556", abn),
            ("234123412346", aadhaar),
            ("8001015009087", thirteen),
            ("3456789012347", thirteen),
            ("255081416802538", nir),
            ("440524188001010014", |digits| china_check(digits) == last(digits)),
            ("9434765919", ten),
            ("11222333000181", cnpj),
            ("37605030299", baltic),
            ("11223344595", snils),
        ] {
            let right = digits(text);
            assert!(check(&right), "{text}");
        }
        assert!(!card(&digits("4111111111111112")) && !cpf(&digits("11144477736")) && !turkey(&digits("10000000147")));
        assert!(!aadhaar(&digits("234123412347")) && !nir(&digits("255081416802539")) && !abn(&digits("51824753557")));
        assert!(!iso_7064(&digits("86095742718")) && !snils(&digits("11223344596")) && !cnpj(&digits("11222333000182")));
    }

    #[test]
    fn numbers_with_letters_hold_and_a_changed_letter_shows() {
        for text in [
            "12345678Z",
            "X1234567L",
            "S2740116C",
            "F2346401L",
            "AB123456C",
            "L01X00T44",
            "C01X00T41",
            "ABCPD1234Z",
            "A123456789",
            "A123456780",
            "RSSMRA85T10A562S",
            "HEGG560427MVZRRL04",
            "11010519491231002X",
            "1EG4TE5MK73",
        ] {
            assert!(is_lettered(text.as_bytes()), "{text}");
        }
        for text in ["12345678A", "X1234567M", "S2740116D", "BG123456C", "L01X00T47", "MALWARE16", "VIRUS2024A", "11010519491231003X"] {
            assert!(!is_lettered(text.as_bytes()), "{text}");
        }
        assert!(is_hetu(b"131052-308T") && !is_hetu(b"131052-308U"));
        assert!(iban(b"GB82WEST12345698765432") && !iban(b"GB82WEST12345698765433"));
        assert_eq!(iban_length(b"NO"), Some(15));
    }
}
