//! What was drawn by lot and not written by a person: mixed runs, hexadecimal, UUIDs.
//!
//! What tells them is how often two neighbours surprise: letters and digits that meet, capitals within a word, letters that hardly ever follow each
//! other in names of sites. `Scx7gLCD` has four surprises in seven neighbours, `windows10setup` two in thirteen. Shannon's entropy of so short texts tells
//! little: that of `powerpool-malware-exploits` is higher than that of many hashes.

use super::Settings;

/// Whether the text, one part of a URL, has a token in it.
pub(super) fn is_long(text: &str, settings: &Settings) -> bool {
    let min = settings.token_chars_min;
    if text.len() < min {
        return false;
    }
    if is_uuid(text) {
        return true;
    }
    let pieces = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| piece.len() >= PIECE_MIN);
    let random: usize = pieces.filter(|piece| is_random(piece, settings)).map(str::len).sum();
    random >= min
}

/// Whether the text is a token that is shorter: nothing but letters and digits, and both, or both cases.
pub(super) fn is_short(text: &str, settings: &Settings) -> bool {
    let min = settings.short_token_chars_min;
    min > 0 && text.len() >= min && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && is_random(text, settings)
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562).
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `piece` is of letters and digits alone.
fn is_random(piece: &str, settings: &Settings) -> bool {
    let count = |is: fn(&u8) -> bool| piece.bytes().filter(is).count();
    let (digits, capitals) = (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase));
    let letters = piece.len() - digits;
    if letters == 0 {
        // Times, prices and numbers of articles have fewer.
        return digits >= DIGITS_MIN;
    }
    let is_hexadecimal = piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal && piece.len() >= HEXADECIMAL_MIN && digits * 5 >= piece.len() && letters >= 2 {
        return true;
    }
    // Of letters of one case alone only long ones are no words of some language.
    let is_one_case = digits == 0 && (capitals == 0 || capitals == letters);
    (!is_one_case || piece.len() >= LETTERS_MIN) && surprises(piece) * 100 >= (piece.len() - 1) * settings.surprise_percent_min
}

/// Shorter pieces between hyphens say nothing.
const PIECE_MIN: usize = 6;
/// Digits alone are a token from here on.
const DIGITS_MIN: usize = 20;
/// Hexadecimal digits, some of them letters, are a token from here on however they follow each other.
const HEXADECIMAL_MIN: usize = 16;
/// Letters of one case alone are looked at from here on.
const LETTERS_MIN: usize = 12;

/// How many pairs of neighbours surprise. A capital before a small letter does not, so `LoginPage` has one.
fn surprises(text: &str) -> usize {
    text.as_bytes().windows(2).filter(|pair| is_surprise(pair[0], pair[1])).count()
}

fn is_surprise(before: u8, now: u8) -> bool {
    match (before, now) {
        (b'0'..=b'9', b'0'..=b'9') => false,
        (b'a'..=b'z', b'A'..=b'Z') => true,
        (b'a'..=b'z' | b'A'..=b'Z', b'a'..=b'z' | b'A'..=b'Z') => {
            let row = usize::from(before.to_ascii_lowercase() - b'a');
            !FOLLOWS.get(row).is_some_and(|row| row.as_bytes().contains(&now.to_ascii_lowercase()))
        }
        _ => true,
    }
}

/// For each letter from `a` to `z` those that follow it in names of sites: each pair makes up more than 0.06 % of all, and together they are 93 %. Counted in
/// the 6,733 different labels of MISP/misp-warninglists' alexa, bank-website, cloudflare-top5k, security-provider-blogpost, url-shortener and
/// whats-my-ip (CC0-1.0).
const FOLLOWS: [&str; 26] = [
    "abcdfghijklmnoprstuvwyz",
    "abceilnorstuy",
    "abcdehiklnorstuy",
    "abcdefgimnorstu",
    "abcdefgilmnoprstuvwxy",
    "aefilorst",
    "aehilnorstu",
    "aeiorstu",
    "abcdefgklmnoprstuvxz",
    "a",
    "abeiorstu",
    "abcdeilmostuy",
    "abcegimopsuy",
    "abcdefgiklnostuvy",
    "abcdfgiklmnoprstuvwx",
    "abcehiloprstu",
    "u",
    "abcdegiklmnoprstuvy",
    "abcdefhiklmnopstuwy",
    "abcdefhilmnoprstuvwy",
    "abcdeilmnprst",
    "aeio",
    "aehios",
    "aci",
    "abeinopst",
    "aeo",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn long(text: &str) -> bool {
        is_long(text, &Settings::default())
    }

    fn short(text: &str) -> bool {
        is_short(text, &Settings::default())
    }

    #[test]
    fn tokens_are_told_from_words() {
        for text in [
            "8c047334f78b4f64e9494de0f92c3230",
            "2ccaf544c0cf7de7",
            "a097d607-7759-4aaa-b6e2-bfe5c43df76e",
            "aN7jD0qO6kT5bK5bQ4eR8fE1xP7hL2vK",
            "t94xjdvc9lypquqd",
            "1ARlBo7gOjk-tWA0KdEgmqXBde_dH1hsy",
            "fe92zg-1785395387-f69b742ac74c",
            "zpasrmlfidmobvpx",
            "12345678901234567890",
        ] {
            assert!(long(text), "{text}");
        }
        for text in [
            "powerpool-malware-exploits-zero-day-vulnerability",
            "predator-in-the-wires-ahmed-eltantawy-targeted-with-predator-spyware",
            "controllerscompetition",
            "comprehensiveness",
            "ScreenConnect.ClientSetup",
            "WindowsDefenderUpdateService",
            "2024-12-31-serbia-digital-prison",
            "rechtsschutzversicherung",
            "intesasanpaolo-login",
            "1786440650870",
            "escada-multifuncional-de-alum-nio-4x4-com-16-degraus",
            "samsung-galaxy-s23-ultra-256gb",
            "Setup_v2_64bit_windows",
        ] {
            assert!(!long(text), "{text}");
        }
    }

    #[test]
    fn short_tokens_change_all_the_time() {
        for text in ["Scx7gLCD", "ZB7s9Dk", "6uEVXvM6", "t94xjdvc9b", "6yl7e0ohze", "a8gouejopj"] {
            assert!(short(text), "{text}");
        }
        for text in ["index", "windows10x64", "LoginPage", "login2", "cmdline", "GetUserInfo", "v2", "admin123", "2024"] {
            assert!(!short(text), "{text}");
        }
    }

    #[test]
    fn a_threshold_of_nothing_turns_short_tokens_off() {
        assert!(!is_short("Scx7gLCD", &Settings { short_token_chars_min: 0, ..Settings::default() }));
    }
}
