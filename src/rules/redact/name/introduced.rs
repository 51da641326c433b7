//! Names that nobody gave: told by what introduces them ("my name is", "меня зовут", "اسمي", a title), by a verb of calling or writing behind them, or by an
//! address in brackets. That is no recognition of names: one without such a word beside it is not found (`docs/redaction.md` has figures).

use super::{Word, is_cased, words};
use crate::rules::redact::Kind;
use crate::rules::redact::claim::Claims;
use crate::rules::redact::cue::{self, CLOSING, NAME, PERSON, Seen, TITLE, TOLD, VERB, is_letter, is_semitic, is_spaceless, is_word};
use aho_corasick::AhoCorasick;
use std::ops::Range;
use std::sync::LazyLock;

/// Most words of a name.
const WORDS_MAX: usize = 5;
/// How far behind a cue a name may begin, and how long it may be, in bytes.
const WINDOW: usize = 160;

/// Behind these, one word with a capital is not enough: they introduce other things as often.
const WEAK: [&str; 106] = [
    "a certain",
    "according to",
    "ako si",
    "alias",
    "also known as",
    "ask for",
    "assist",
    "ban",
    "ben",
    "bira",
    "bo",
    "boss",
    "bruder",
    "call",
    "call from",
    "co",
    "colleague",
    "cousin",
    "cousine",
    "doctor",
    "doctora",
    "ehefrau",
    "ehemann",
    "eri",
    "esi",
    "esq",
    "far",
    "father",
    "forwarded by",
    "forwarding what",
    "freund",
    "freundin",
    "habla",
    "heard from",
    "hello",
    "i am",
    "i'm",
    "ich bin",
    "ik ben",
    "je suis",
    "jestem",
    "jina",
    "known as",
    "kollege",
    "kollegin",
    "laut",
    "mama",
    "mann",
    "mas",
    "mere",
    "message",
    "message from",
    "mimi ni",
    "mor",
    "mutter",
    "nachbar",
    "nachbarin",
    "name",
    "name of",
    "named",
    "nom",
    "nombre",
    "nome",
    "phone",
    "phone call with",
    "received by",
    "received from",
    "ring",
    "saya adalah",
    "schwester",
    "secondo",
    "segun",
    "segundo",
    "selon",
    "sent by",
    "shared by",
    "si",
    "sister",
    "sohn",
    "sono",
    "sou",
    "sou a",
    "sou o",
    "soy",
    "sunt",
    "talk to",
    "talked to",
    "text",
    "thank you",
    "thanks",
    "this is",
    "tochter",
    "toi la",
    "told by",
    "uncle",
    "vater",
    "volgens",
    "writes",
    "written by",
    "zena",
    "аты",
    "за словами",
    "имя",
    "нэр",
    "по словам",
    "я",
];

/// Words with a capital that are no names: organisations, greetings, starts of sentences.
const NO_NAMES: [&str; 200] = [
    "abend",
    "access",
    "account",
    "after",
    "afternoon",
    "agency",
    "all",
    "amnesty",
    "and",
    "android",
    "apple",
    "at",
    "attacker",
    "attackers",
    "august",
    "before",
    "boa",
    "bom",
    "bonjour",
    "bonsoir",
    "budget",
    "buenas",
    "buenos",
    "buongiorno",
    "but",
    "call",
    "can",
    "card",
    "cell",
    "cert",
    "chao",
    "chapter",
    "chrome",
    "ciao",
    "cisco",
    "citizen",
    "civicert",
    "client",
    "co",
    "colleague",
    "colleagues",
    "committee",
    "company",
    "contact",
    "could",
    "cross",
    "customer",
    "dag",
    "day",
    "days",
    "dear",
    "december",
    "defenders",
    "desk",
    "digital",
    "e",
    "email",
    "emergency",
    "evening",
    "everyone",
    "facebook",
    "february",
    "federal",
    "foundation",
    "friday",
    "friend",
    "friends",
    "from",
    "front",
    "fund",
    "github",
    "gmail",
    "goedemorgen",
    "good",
    "google",
    "group",
    "guten",
    "habari",
    "hallo",
    "halo",
    "he",
    "hello",
    "help",
    "helpdesk",
    "helpline",
    "her",
    "here",
    "hi",
    "hola",
    "hotline",
    "human",
    "iban",
    "if",
    "in",
    "inc",
    "instagram",
    "institute",
    "intelligence",
    "international",
    "ip",
    "iphone",
    "it",
    "jambo",
    "january",
    "journalist",
    "july",
    "kaspersky",
    "kindly",
    "lab",
    "labs",
    "landline",
    "line",
    "linux",
    "ltd",
    "mail",
    "march",
    "media",
    "meeting",
    "merhaba",
    "meta",
    "microsoft",
    "ministry",
    "mobile",
    "monday",
    "morgen",
    "morning",
    "my",
    "nations",
    "network",
    "news",
    "note",
    "november",
    "now",
    "number",
    "october",
    "ola",
    "one",
    "our",
    "outlook",
    "passport",
    "password",
    "payment",
    "phone",
    "please",
    "police",
    "project",
    "red",
    "referral",
    "regards",
    "report",
    "reporters",
    "research",
    "rights",
    "salam",
    "salut",
    "saturday",
    "security",
    "selamat",
    "september",
    "server",
    "she",
    "signal",
    "since",
    "sir",
    "someone",
    "source",
    "ssn",
    "subject",
    "sunday",
    "support",
    "tag",
    "tage",
    "team",
    "telegram",
    "the",
    "there",
    "they",
    "this",
    "threat",
    "thursday",
    "ticket",
    "training",
    "tuesday",
    "twitter",
    "two",
    "union",
    "united",
    "university",
    "unknown",
    "url",
    "user",
    "victim",
    "victims",
    "we",
    "wednesday",
    "whatsapp",
    "when",
    "windows",
    "xin",
    "you",
];

/// Particles within a name of scripts with capitals.
const WITHIN: [&str; 28] = [
    "abu", "al", "ap", "bin", "binti", "da", "dal", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "e", "el", "ibn", "la",
    "las", "los", "of", "ter", "van", "von", "y", "zu",
];

/// Words at which a name ends in scripts without capitals: prepositions, particles, conjunctions, forms of "to be".
const STOPS: [&str; 141] = [
    "من",
    "في",
    "على",
    "عن",
    "الى",
    "مع",
    "هو",
    "هي",
    "التي",
    "الذي",
    "هذا",
    "هذه",
    "ان",
    "انه",
    "انها",
    "لا",
    "ثم",
    "او",
    "كان",
    "كانت",
    "قد",
    "وقد",
    "بعد",
    "قبل",
    "عند",
    "حيث",
    "وهو",
    "وهي",
    "ورقم",
    "وبريده",
    "وبريدها",
    "از",
    "در",
    "با",
    "به",
    "را",
    "است",
    "که",
    "و",
    "بود",
    "تا",
    "این",
    "نے",
    "کو",
    "سے",
    "کا",
    "کی",
    "کے",
    "ہے",
    "اور",
    "میں",
    "ने",
    "को",
    "से",
    "का",
    "की",
    "के",
    "है",
    "हैं",
    "और",
    "में",
    "पर",
    "जो",
    "ले",
    "लाई",
    "को",
    "এর",
    "কে",
    "থেকে",
    "এবং",
    "হয়",
    "ও",
    "של",
    "את",
    "על",
    "עם",
    "מ",
    "אל",
    "הוא",
    "היא",
    "כי",
    "ו",
    "ነው",
    "ናት",
    "እና",
    "ከ",
    "არის",
    "და",
    "է",
    "և",
    "ქვია",
    "மற்றும்",
    "என்பவர்",
    "అనే",
    "ಮತ್ತು",
    "ആണ്",
    "සහ",
    "ਨੇ",
    "ને",
    "ਅਕਾਲ",
    "هستم",
    "هستیم",
    "میباشم",
    "می",
    "شد",
    "کرد",
    "گفت",
    "রা",
    "ਨੂੰ",
    "ਦਾ",
    "ਦੀ",
    "ਦੇ",
    "ਹੈ",
    "ਤੋਂ",
    "છે",
    "నే",
    "కు",
    "హూ",
    "ہوں",
    "हूँ",
    "हूं",
    "হই",
    "অনুগ্রহ",
    "দয়া",
    "কৃপয়া",
    "تکایە",
    "ਕਿਰਪਾ",
    "براہ",
    "مہربانی",
    "कृपया",
    "لطفا",
    "دەکرێت",
    "దయచేసి",
    "தயவு",
    "કૃપા",
    "ದಯವಿಟ್ಟು",
    "ദയവായി",
    "אנא",
    "ይደውሉ",
    "እባክዎ",
    "გთხოვთ",
];

/// What follows a name in Han, Kana and Hangul.
const AFTER: [&str; 21] = [
    "先生",
    "女士",
    "小姐",
    "太太",
    "老師",
    "老师",
    "律師",
    "律师",
    "記者",
    "记者",
    "さん",
    "様",
    "氏",
    "君",
    "씨",
    "님",
    "기자",
    "변호사",
    "と申し",
    "と言い",
    "といい",
];
/// At these characters a name ends there.
const STOP_CHARS: &str = "的是從从在於于有說说打來来收到給给和與与及、は、がをにのでともへ은는이가을를의에와과로입";

pub(in crate::rules::redact) fn look(seen: &Seen<'_, '_>, claims: &mut Claims) {
    for at in 0..seen.cues.len() {
        let found = seen.cues[at];
        // A part of an address or of a name of a host.
        if claims.is_taken(found.start) {
            continue;
        }
        if found.class & (NAME | TOLD | CLOSING) != 0
            && let Some(range) = behind(seen, claims, found)
        {
            claims.over(Kind::Name, range);
        }
        if found.class & PERSON != 0
            && let Some(range) = called(seen, found)
            && claims.is_free(&range)
        {
            claims.over(Kind::Name, range);
        }
        if found.class & VERB != 0
            && let Some(range) = before(seen, found.start)
            && claims.is_free(&range)
        {
            claims.over(Kind::Name, range);
        }
    }
    possessive(seen, claims);
    beside_addresses(seen, claims);
    before_contacts(seen, claims);
    before_titles(seen, claims);
}

/// `журналистката Мария Иванова`: at least two words with capitals right behind a word for a person, whatever its ending.
fn called(seen: &Seen<'_, '_>, cue: cue::Cue) -> Option<Range<usize>> {
    let text = seen.view.text();
    let word = text[cue.end..].chars().take(24).take_while(|c| is_letter(*c)).map(char::len_utf8).sum::<usize>();
    let start = cue.end + word + 1;
    if !text[cue.end + word..].starts_with(' ') || !text[start..].starts_with(|c: char| c.is_uppercase()) {
        return None;
    }
    let mut end = (start + WINDOW).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let words = words(seen.view, start..end);
    let range = capitals(seen, &words)?;
    let count = words.iter().filter(|word| word.range.end <= range.end).count();
    (count >= 2 && !words[..count].iter().any(|word| is_cue(seen, &word.range))).then_some(range)
}

/// The name behind a cue.
fn behind(seen: &Seen<'_, '_>, claims: &Claims, cue: cue::Cue) -> Option<Range<usize>> {
    let text = seen.view.text();
    let rest = &text[cue.end..];
    let gap = rest.len() - rest.trim_start_matches([' ', ':', '"', '\'', '-', '=', '.', '\n', '\r', ',', '،', '、', '՝', '*', '(']).len();
    let between = &rest[..gap];
    let spaceless = text[..cue.end].chars().next_back().is_some_and(is_spaceless);
    if gap > 6 || (gap == 0 && !spaceless && rest.chars().next().is_some_and(is_letter)) || between.contains("\n\n") {
        return None;
    }
    // A comma introduces nothing, except behind a greeting; a bracket neither.
    let closing = cue.class & CLOSING != 0;
    let comma = between.starts_with([',', '،', '、']) && !between.contains('\n');
    if between.contains(['(']) {
        return None;
    }
    let start = cue.end + gap;
    let mut end = (start + WINDOW).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let words = words(seen.view, start..end);
    let first = words.first().filter(|word| word.range.start == start)?;
    if claims.is_taken(start) {
        return None;
    }
    let c = text[start..].chars().next()?;
    let colon = between.contains([':', '=']);
    // A letter ends with a name alone; what goes on is a sentence.
    let alone = |range: &Range<usize>| !closing || ends_there(&text[range.end..]);
    if is_spaceless(c) {
        if comma && !closing {
            return None;
        }
        let known = cue.class & NAME != 0 || !is_cjk(c) || FAMILIES.contains(c);
        return in_spaceless(seen, first, &words).filter(|range| known && (is_cjk(c) || alone(range)));
    }
    let cased = is_cased(c);
    let goes_on = |next: &Word| &text[first.range.end..next.range.start] == " ";
    let copula = cased && COPULAS.contains(&&seen.view.lower()[first.range.clone()]) && words.get(1).is_some_and(goes_on);
    let words = if copula { words.get(1..).filter(|words| !words.is_empty())? } else { &words[..] };
    let range = if cased { capitals(seen, words)? } else { caseless(seen, words).filter(alone)? };
    let count = words.iter().filter(|word| word.range.end <= range.end).count();
    let rest = &text[range.end..];
    // `her husband, Ali Hassan, …`: between commas, two words at least.
    if comma && !closing && !(cased && count > 1 && rest.starts_with(',')) {
        return None;
    }
    let stops = || words.get(count).is_some_and(|word| STOPS.contains(&&text[word.range.clone()]));
    if !cased && LOOSE.contains(&&seen.view.lower()[cue.start..cue.end]) && !(matches!(count, 2 | 3) && (ends_there(rest) || stops())) {
        return None;
    }
    // Where all is written in capitals, they tell nothing.
    let shouted = |part: &str| part.len() > 3 && part.chars().any(char::is_uppercase) && !part.chars().any(char::is_lowercase);
    if cased && !colon && shouted(&text[cue.start..cue.end]) && shouted(&text[range.clone()]) {
        return None;
    }
    let acronym = range.len() <= 5 && text[range.clone()].bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if cased && acronym && !colon {
        return None;
    }
    let word = &seen.view.lower()[cue.start..cue.end];
    if cased && count == 1 && !colon && WEAK.binary_search(&word).is_ok() {
        return None;
    }
    Some(range)
}

/// "I am" and words for relatives in scripts without capitals: what follows them is a name only if it ends soon.
const LOOSE: [&str; 45] = [
    "انا",
    "اخوها",
    "اخوه",
    "اختها",
    "اخته",
    "زوجها",
    "زوجته",
    "والدها",
    "والده",
    "والدتها",
    "والدته",
    "ابنها",
    "ابنه",
    "ابنتها",
    "ابنته",
    "صديقها",
    "صديقتها",
    "زميلها",
    "زميلتها",
    "من",
    "برادرش",
    "خواهرش",
    "همسرش",
    "پدرش",
    "مادرش",
    "پسرش",
    "دخترش",
    "دوستش",
    "همکارش",
    "میں",
    "بھائی",
    "بہن",
    "شوہر",
    "اخیها",
    "אני",
    "אחיה",
    "אחותה",
    "בעלה",
    "אשתו",
    "मैं",
    "भाई",
    "बहन",
    "पति",
    "पत्नी",
    "ভাই",
];

/// Whether a line, a clause or the text ends here.
fn ends_there(rest: &str) -> bool {
    rest.trim_start_matches([' ', '"'])
        .chars()
        .next()
        .is_none_or(|c| matches!(c, '\n' | '\r' | ',' | '،' | '.' | '।' | '۔' | '။' | '|' | '(' | '<' | '-' | '\0'))
}

/// "is", between who somebody is and the name.
const COPULAS: [&str; 18] =
    ["adalah", "ar", "e", "es", "est", "este", "is", "ist", "jest", "la", "là", "ni", "on", "was", "είναι", "ειναι", "это", "це"];

/// Words with capitals, particles between them.
fn capitals(seen: &Seen<'_, '_>, words: &[Word]) -> Option<Range<usize>> {
    let text = seen.view.text();
    let lower = seen.view.lower();
    let mut last: Option<usize> = None;
    for (at, word) in words.iter().enumerate().take(WORDS_MAX) {
        let joined = at == 0 || is_join(&text[words[at - 1].range.end..word.range.start]);
        let written = &lower[word.range.clone()];
        if !joined || (at == 0 || !WITHIN.contains(&written)) && !word.capital || NO_NAMES.binary_search(&written).is_ok() {
            break;
        }
        // A title goes with its name; another cue begins something else.
        if word.capital {
            last = Some(at);
        }
    }
    let last = last?;
    let only_titles = words[..=last].iter().all(|word| is_word(&lower[word.range.clone()], TITLE | NAME));
    // `AndroidMonitor`, `SpyApp247`: what a program is called.
    let only = &text[words[0].range.clone()];
    let program = last == 0
        && (only.chars().skip(1).any(char::is_uppercase) && only.chars().any(char::is_lowercase)
            || text[words[0].range.end..].starts_with(|c: char| c.is_ascii_digit() || c == '_'));
    if program && !only.starts_with("Mc") && !only.starts_with("Mac") && !only.starts_with("De") {
        return None;
    }
    let short = text[words[0].range.start..words[last].range.end].chars().count() < 2;
    (!only_titles && !short).then(|| words[0].range.start..words[last].range.end)
}

/// What stands between two parts of a name.
fn is_join(gap: &str) -> bool {
    matches!(gap, " " | "-" | "'" | ". " | "." | " '" | "\u{a0}")
}

/// Two words, a third if no particle comes: scripts without capitals.
fn caseless(seen: &Seen<'_, '_>, words: &[Word]) -> Option<Range<usize>> {
    let text = seen.view.text();
    let mut last = None;
    for (at, word) in words.iter().enumerate().take(4) {
        let written = &text[word.range.clone()];
        let joined = at == 0 || matches!(&text[words[at - 1].range.end..word.range.start], " " | "-");
        if at == 0 && !is_spaceless(written.chars().next().unwrap_or(' ')) && is_cue(seen, &word.range) {
            return None;
        }
        let semitic_and =
            at > 1 && is_semitic(written.chars().next().unwrap_or(' ')) && written.starts_with('و') && written.chars().count() > 4;
        let ended = at > 0 && STOPS.contains(&written) || semitic_and || at > 0 && is_cue(seen, &word.range);
        if !joined || ended || (at == 0 && STOPS.contains(&written)) {
            break;
        }
        last = Some(at);
    }
    let last = last?;
    let letters = text[words[0].range.clone()].chars().count();
    (letters >= 2).then(|| words[0].range.start..words[last].range.end)
}

fn is_cue(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let from = seen.cues.partition_point(|cue| cue.end < range.start);
    seen.cues[from..].iter().take(16).any(|cue| cue.start >= range.start && cue.end <= range.end && cue.class & !(NAME | TITLE | VERB) != 0)
}

/// Up to the next blank, and the next word; of Han, Kana and Hangul three or four characters.
fn in_spaceless(seen: &Seen<'_, '_>, first: &Word, words: &[Word]) -> Option<Range<usize>> {
    let text = seen.view.text();
    let copula = ["คือ", "เป็น", "ว่า", "ชื่อ"].iter().find(|word| text[first.range.clone()].starts_with(**word)).map_or(0, |word| word.len());
    let (first, words) = if copula == first.range.len() { (words.get(1)?, &words[1..]) } else { (first, words) };
    let start = first.range.start + if copula < first.range.len() { copula } else { 0 };
    let c = text[start..].chars().next()?;
    if is_cjk(c) {
        let mut end = start;
        for c in text[first.range.clone()].chars().take(if matches!(c, '\u{3040}'..='\u{30ff}') { 8 } else { 4 }) {
            if STOP_CHARS.contains(c) {
                break;
            }
            end += c.len_utf8();
        }
        let count = text[start..end].chars().count();
        // Chinese and Korean names have two to four; where the sentence goes on at once, three is the commonest.
        let goes_on = end == start + text[start..end].len() && end < first.range.end && !STOP_CHARS.contains(text[end..].chars().next()?);
        let end = if goes_on && count == 4 { start + text[start..end].chars().take(3).map(char::len_utf8).sum::<usize>() } else { end };
        return (count >= 2).then_some(start..end);
    }
    // Thai and its neighbours: the first name up to the blank, the last name if one follows and no other word of the lexicon is in it.
    let length = text[first.range.clone()].chars().count();
    // `มิถุนายน`: a title within a word.
    if length < 2 {
        return None;
    }
    let ends = if length <= 24 { first.range.end } else { return None };
    let second = words.get(1).filter(|word| {
        &text[ends..word.range.start] == " " && text[word.range.clone()].chars().count() <= 24 && !is_cue_within(seen, &word.range)
    });
    Some(start..second.map_or(ends, |word| word.range.end))
}

fn is_cue_within(seen: &Seen<'_, '_>, range: &Range<usize>) -> bool {
    let from = seen.cues.partition_point(|cue| cue.end <= range.start);
    seen.cues[from..].iter().take(16).any(|cue| cue.start == range.start && cue.class & !(NAME | TITLE) != 0)
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}')
}

/// Two to four words with capitals that a sentence begins with, before a verb at `at`.
fn before(seen: &Seen<'_, '_>, at: usize) -> Option<Range<usize>> {
    let text = seen.view.text();
    let trimmed = text[..at].trim_end_matches(' ').len();
    if at - trimmed > 2 || at == trimmed {
        return None;
    }
    let floor = seen.clause_start(trimmed);
    let floor = (floor..=trimmed).find(|at| text.is_char_boundary(*at))?;
    let words = words(seen.view, floor..trimmed);
    let mut first = words.len();
    while first > 0 && words.len() - first < 4 {
        let word = &words[first - 1];
        let gap_end = words.get(first).map_or(trimmed, |next| next.range.start);
        let gap = &text[word.range.end..gap_end];
        let joined = if first == words.len() { gap.is_empty() } else { is_join(gap) };
        let lower = &seen.view.lower()[word.range.clone()];
        let fits = word.capital || (first < words.len() && WITHIN.contains(&lower));
        if !joined || !fits || NO_NAMES.binary_search(&lower).is_ok() {
            break;
        }
        first -= 1;
    }
    let count = words.len() - first;
    let begins = first == 0 || words[first - 1].range.end < words.get(first)?.range.start;
    (count >= 2 && begins && words[first].capital).then(|| words[first].range.start..trimmed)
}

/// What people have: behind `'s` these make a capitalised word somebody's name.
const HAD: [&str; 36] = [
    "account",
    "address",
    "aunt",
    "boss",
    "brother",
    "computer",
    "cousin",
    "daughter",
    "device",
    "email",
    "employer",
    "family",
    "father",
    "flat",
    "friend",
    "home",
    "house",
    "husband",
    "laptop",
    "lawyer",
    "mail",
    "mailbox",
    "mother",
    "number",
    "office",
    "parents",
    "phone",
    "physician",
    "relatives",
    "sister",
    "son",
    "tablet",
    "uncle",
    "wife",
    "wireless",
    "workplace",
];

/// `Anna Kim's phone`, `Anna's sister`.
fn possessive(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let (text, lower) = (seen.view.text(), seen.view.lower());
    for at in memchr::memmem::find_iter(text.as_bytes(), b"'s ") {
        let had = lower[at + 3..].bytes().take(16).take_while(u8::is_ascii_alphabetic).count();
        if HAD.binary_search(&&lower[at + 3..at + 3 + had]).is_err() || claims.is_taken(at) {
            continue;
        }
        let floor = seen.clause_start(at);
        let Some(floor) = (floor..=at).find(|at| text.is_char_boundary(*at)) else { continue };
        let words = words(seen.view, floor..at);
        let named = |word: &Word| word.capital && !word.is_common(lower);
        let mut first = words.len();
        while first > 0
            && words.len() - first < 3
            && named(&words[first - 1])
            && words
                .get(first)
                .map_or(words[first - 1].range.end == at, |next| is_join(&text[words[first - 1].range.end..next.range.start]))
        {
            first -= 1;
        }
        let Some(range) = words.get(first).map(|word| word.range.start..at) else { continue };
        if range.len() >= 3 && claims.is_free(&range) {
            claims.over(Kind::Name, range);
        }
    }
}

impl Word {
    /// Whether it is a word with a capital that is no name.
    fn is_common(&self, lower: &str) -> bool {
        let word = &lower[self.range.clone()];
        NO_NAMES.binary_search(&word).is_ok() || is_word(word, PERSON | TITLE | NAME)
    }
}

/// `Anna Kim <…>`, `Anna Kim (+1 …)`: words with capitals before a bracket around what is a person's.
fn beside_addresses(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let text = seen.view.text();
    let bytes = text.as_bytes();
    let mut names = Vec::new();
    for (_, range) in claims.going().filter(|(kind, _)| matches!(kind, Kind::Email | Kind::Phone | Kind::Handle)) {
        let opens = text[..range.start].trim_end_matches(['<', '(', ' ', '"']);
        if !bytes[opens.len()..range.start].iter().any(|byte| matches!(byte, b'<' | b'(')) {
            continue;
        }
        if let Some(name) = before(seen, opens.len() + 1).filter(|_| bytes.get(opens.len()) == Some(&b' ')) {
            names.push(name);
        }
    }
    for name in names {
        if claims.is_free(&name) {
            claims.over(Kind::Name, name);
        }
    }
}

/// How far behind the start of a clause a number or an address of a person may follow the name that the clause begins with, in bytes.
const CONTACT: usize = 64;

/// `Anna Kim, +1 …`, `प्रिया यादव ने +91 …`: what a clause begins with whose next value is how to reach a person.
fn before_contacts(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let mut names = Vec::new();
    let mut last = 0;
    for (_, contact) in claims.going().filter(|(kind, _)| matches!(kind, Kind::Email | Kind::Phone | Kind::Handle | Kind::Ip | Kind::Id)) {
        let from = std::mem::replace(&mut last, contact.end);
        let start = seen.clause_start(contact.start).max(from);
        names.extend(subject(seen, start, contact.start).filter(|range| claims.is_free(range)));
    }
    for name in names {
        claims.over(Kind::Name, name);
    }
}

/// The name that a clause begins with: two to four words with capitals; in scripts without, two or three up to a particle or a known word.
fn subject(seen: &Seen<'_, '_>, start: usize, contact: usize) -> Option<Range<usize>> {
    let text = seen.view.text();
    let start = (start..contact).find(|at| text.is_char_boundary(*at) && text[*at..].starts_with(is_letter))?;
    let words = words(seen.view, start..contact);
    let first = words.first()?;
    let c = text[first.range.clone()].chars().next()?;
    let cased = is_cased(c);
    let range = if is_cjk(c) {
        let found = in_spaceless(seen, first, &words)?;
        let known = FAMILIES.contains(c);
        known.then_some(found)?
    } else if is_spaceless(c) {
        let ends = words.iter().take(3).position(|word| is_cue_at(seen, word.range.start))?;
        (ends > 0).then(|| first.range.start..words[ends - 1].range.end)?
    } else if cased {
        let range = capitals(seen, &words)?;
        let inner: Vec<&Word> = words.iter().take_while(|word| word.range.end <= range.end).collect();
        let said = inner.iter().any(|word| is_cue(seen, &word.range) || ARTICLES.contains(&&seen.view.lower()[word.range.clone()]));
        (!said && inner.len() >= 2 && inner.iter().any(|word| word.range.len() > 3)).then_some(range)?
    } else {
        let range = caseless(seen, &words)?;
        let count = words.iter().filter(|word| word.range.end <= range.end).count();
        (matches!(count, 2 | 3) && !is_cue(seen, &first.range)).then_some(range)?
    };
    (contact - range.end <= CONTACT && !is_cue_at(seen, range.start)).then_some(range)
}

/// What sentences begin with that is no part of a name.
const ARTICLES: [&str; 40] = [
    "a", "an", "as", "at", "av", "az", "das", "de", "den", "der", "det", "die", "ein", "eine", "el", "en", "et", "for", "he", "her", "his",
    "il", "in", "la", "las", "le", "les", "los", "my", "o", "os", "our", "she", "the", "their", "un", "una", "une", "uno", "um",
];

/// Whether a word of the lexicon that is no title begins there.
fn is_cue_at(seen: &Seen<'_, '_>, at: usize) -> bool {
    let from = seen.cues.partition_point(|cue| cue.end <= at);
    seen.cues[from..].iter().take(16).any(|cue| cue.start == at && cue.class & !(NAME | TITLE) != 0)
}

/// Family names of Chinese and Korean that between them most people have, in both forms of the characters.
const FAMILIES: &str = "柯莊庄巫官駱骆卓涂章齊齐甘游饒饶尤鄺邝歐欧區区單单柳岳聞闻包左季狄祁焦封霍甄耿尚葛舒紀纪項项路倪俞裴樊凌費费卞梅盛翟嚴苗關关車车溫闕阙辜粘翁苑連连鍾阮殷伍余華华佟賓宾牛米曲池鮑鲍畢毕時时王李張张劉刘陳陈楊杨黃黄趙赵吳吴周徐孫孙馬马朱胡郭何高林羅罗鄭郑梁謝谢宋唐許许韓韩馮冯鄧邓曹彭曾蕭萧田董潘袁蔡蔣蒋余于杜葉叶程魏蘇苏呂吕丁任盧卢姚沈鍾钟姜崔譚谭陸陆范汪廖石金韋韦賈贾夏付方鄒邹熊白孟秦邱侯江尹薛閻阎段雷龍龙黎史陶賀贺毛郝顧顾龔龚邵萬万覃武錢钱戴嚴严莫孔向常湯汤康易喬乔賴赖文施洪古游簡简童温溫김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구나민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모";

/// `王小明先生`, `田中さん`, `김민수 씨`.
fn before_titles(seen: &Seen<'_, '_>, claims: &mut Claims) {
    let text = seen.view.text();
    if text.is_ascii() {
        return;
    }
    let Some(titles) = &*TITLES else { return };
    for found in titles.find_iter(text) {
        let before = text[..found.start()].strip_suffix(' ').unwrap_or(&text[..found.start()]);
        let start = before
            .char_indices()
            .rev()
            .take(if AFTER[found.pattern().as_usize()].starts_with('と') { 4 } else { 3 })
            .take_while(|(_, c)| is_cjk(*c) && !STOP_CHARS.contains(*c))
            .last()
            .map(|(at, _)| at);
        let range = start.map(|start| start..before.len());
        if let Some(range) = range.filter(|range| text[range.clone()].chars().count() >= 2 && claims.is_free(range)) {
            claims.over(Kind::Name, range);
        }
    }
}

static TITLES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(AFTER).ok());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(NO_NAMES.is_sorted() && HAD.is_sorted());
        let mut weak = WEAK.to_vec();
        weak.sort_unstable();
        assert_eq!(weak, WEAK);
    }
}
