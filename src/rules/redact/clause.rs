//! Sentences: which of the words around a value are said of it, and which of another.

use super::cue::{ATTACKER, Class, Cue, LINE, LOGIN, LOOKS_MAX, Near, PERSON, SITE, Seen, distance, is_letter, normals};
use super::view::HIDDEN;
use aho_corasick::AhoCorasick;
use std::ops::Range;
use std::sync::LazyLock;

/// What separates the parts of a sentence.
const COMMAS: [char; 5] = [',', '،', '、', '፣', '၊'];

impl Seen<'_, '_> {
    /// The nearest cue, of those in the part between commas that a value is in first; behind a copula (`1.2.3.4 is the attacker's`) and in an apposition, the one that follows.
    pub(super) fn about(&self, range: &Range<usize>, classes: Class) -> Option<Near> {
        const BESIDE: usize = 8;
        const FOLLOWS: usize = 44;
        let text = self.view.text();
        let floor = |at: usize| text.floor_char_boundary(at.min(text.len()));
        let (before, after) = (self.before(range, classes), self.after(range, classes));
        if before.is_none() && after.is_none() {
            return None;
        }
        let part = self.part_start(range.start);
        let opens = !text[part..range.start].contains(is_letter);
        let clause_end = floor(self.clause_end(range.end)).max(range.end);
        let comma = text[range.end..clause_end].find(COMMAS).unwrap_or(clause_end - range.end);
        let part_end = range.end + first_contrast(&self.view.lower()[range.end..clause_end]).map_or(comma, |at| at.min(comma));
        let inside = before.filter(|near| near.edge > part);
        let behind = after.filter(|near| near.edge <= part_end);
        let is = |near: &Near| near.cost <= FOLLOWS && is_copula(&self.view.lower()[range.end..near.edge]);
        match (inside, behind) {
            (Some(inside), Some(behind)) if inside.cost > BESIDE && is(&behind) || behind.cost < inside.cost => Some(behind),
            (Some(inside), _) => Some(inside),
            (None, Some(behind)) => Some(behind),
            // Alone between commas, it is another word for what stands before.
            (None, None)
                if part_end == range.end && before.is_some_and(|near| near.cost <= 2 * BESIDE) && !after.is_some_and(|near| is(&near)) =>
            {
                before
            }
            (None, None) => {
                // Behind a comma a clause of its own may begin, which is about something else.
                let apposed = || part_end == range.end && !begins_clause(&self.view.lower()[part_end..]);
                after.filter(|near| near.cost <= FOLLOWS && (opens || apposed())).or(before)
            }
        }
    }

    /// Whether the nearest word before a value that says who logs in is one for an attacker: `the attacker logged in from 1.2.3.4`.
    pub(super) fn is_attackers_login(&self, range: &Range<usize>) -> bool {
        let clause = self.clause_start(range.start);
        let until = self.cues.partition_point(|cue| cue.end <= range.start);
        let before = || self.cues[..until].iter().rev().take(LOOKS_MAX).take_while(|cue| cue.end > clause);
        let logins: Vec<&Cue> = before().filter(|cue| cue.class & LOGIN != 0).collect();
        let free = |cue: &&Cue| {
            cue.class & (PERSON | ATTACKER) != 0 && !logins.iter().any(|login| login.start <= cue.start && cue.end <= login.end)
        };
        before().find(free).is_some_and(|cue| cue.class & PERSON == 0)
    }

    /// Whether the part between commas that a value is in, up to the word for a way into the internet, is about an attacker: `the attackers' router 1.2.3.4`.
    pub(super) fn is_attackers_line(&self, range: &Range<usize>) -> bool {
        let part = self.part_start(range.start);
        let until = self.cues.partition_point(|cue| cue.end <= range.start);
        let before = self.cues[..until].iter().rev().take(LOOKS_MAX).take_while(|cue| cue.end > part);
        let mut who = before.filter(|cue| cue.class & (PERSON | ATTACKER) != 0 && cue.class & LINE == 0);
        who.next().is_some_and(|cue| cue.class & PERSON == 0)
    }

    /// Where the part of a sentence between commas that `at` is in begins.
    pub(super) fn part_start(&self, at: usize) -> usize {
        let text = self.view.text();
        let clause = text.floor_char_boundary(self.clause_start(at).min(at));
        let comma = text[clause..at].rfind(COMMAS);
        let contrast = last_contrast(&self.view.lower()[clause..at]);
        // A full stop before a digit ends no clause, since `No. 5` has one; here it does.
        comma.max(contrast).max(text[clause..at].rfind(". ")).map_or(clause, |found| clause + found)
    }

    /// What the relative clause or the apposition right behind a value says of whose it is: `1.2.3.4, an address that she has never seen, …`.
    /// With `reasons` a clause that says why (`because …`) counts too: why an address is to be blocked tells whose it is, why somebody is written to does not.
    pub(super) fn apposed(&self, range: &Range<usize>, reasons: bool) -> Option<Class> {
        /// Longest such part, in bytes.
        const APPOSED_MAX: usize = 120;
        const SKIPPED: [char; 5] = [',', '،', '、', ' ', '—'];
        const SKIPPED_COMMAS: [char; 4] = [',', '،', '、', '—'];
        let lower = self.view.lower();
        let next = self.cues.partition_point(|cue| cue.end <= range.end);
        if self.cues.get(next).is_none_or(|cue| cue.start > range.end + APPOSED_MAX) {
            return None;
        }
        let clause = self.clause_end(range.end).min(range.end + APPOSED_MAX);
        let behind = &lower[range.end..lower.floor_char_boundary(clause.max(range.end))];
        let gap = behind.len() - behind.trim_start_matches(SKIPPED).len();
        let comma = behind[..gap].contains(SKIPPED_COMMAS);
        if gap == 0 || !is_relative(&behind[gap..], comma) || !reasons && says_why(&behind[gap..]) {
            return None;
        }
        // "…, die Angreifer kamen": an article before a noun, and no pronoun.
        let part = &self.view.text()[range.end + gap..];
        if part.split(' ').nth(1).is_some_and(|word| word.starts_with(char::is_uppercase))
            && part.starts_with('d')
            && part.as_bytes().get(3) == Some(&b' ')
        {
            return None;
        }
        let start = range.end + gap;
        let end = start + behind[gap..].find(COMMAS).unwrap_or(behind.len() - gap);
        let from = self.cues.partition_point(|cue| cue.end <= start);
        let within = self.cues[from..].iter().take(LOOKS_MAX).take_while(|cue| cue.end <= end).filter(|cue| cue.start >= start);
        // "which is the router of the house, and not theirs".
        let mut line = false;
        let mut place = 0;
        let said = within.fold(0, |said, cue| {
            line |= said & ATTACKER == 0 && cue.class & LINE != 0;
            place |= cue.class & (LINE | SITE);
            said | if line { PERSON } else { cue.class & (ATTACKER | PERSON) }
        });
        let named = is_reason(&behind[gap..]);
        // Whoever does not know it is a person too.
        if said & ATTACKER != 0 {
            Some(ATTACKER)
        } else if named && place != 0 {
            Some(PERSON | place)
        } else {
            (said & PERSON != 0).then_some(PERSON)
        }
    }

    /// The cue that the next sentence begins with, if it has no value of its own: `1.2.3.4. That was the attacker.`
    pub(super) fn beyond(&self, range: &Range<usize>, classes: Class) -> Option<Near> {
        const REMARK: usize = 32;
        let bytes = self.view.bytes();
        let end = self.clause_end(range.end);
        let next = (end + 1).min(bytes.len());
        let remark = next..self.clause_end(next).max(next);
        if bytes.get(remark.end) == Some(&b'?')
            || bytes[range.end..remark.end].iter().any(|byte| byte.is_ascii_digit() || matches!(*byte, b'@' | b'\n' | HIDDEN))
        {
            return None;
        }
        let from = self.cues.partition_point(|cue| cue.end <= next);
        let nearest =
            self.cues[from..].iter().take(LOOKS_MAX).filter(|cue| cue.start >= next && cue.end <= remark.end && cue.class & classes != 0);
        let nearest = nearest.min_by_key(|cue| cue.start)?;
        let cost = distance(&bytes[next..nearest.start]);
        (cost <= REMARK).then_some(Near { class: nearest.class & classes, cost, edge: nearest.start })
    }
}

/// Whether what stands between a value and a word behind it says that the one is the other.
pub(super) fn is_copula(gap: &str) -> bool {
    static SPACED: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "is",
            "was",
            "are",
            "belongs",
            "that's",
            "which",
            "es",
            "era",
            "fue",
            "son",
            "pertenece",
            "est",
            "c'est",
            "etait",
            "appartient",
            "e",
            "foi",
            "eh",
            "pertence",
            "ist",
            "war",
            "das",
            "gehort",
            "to",
            "jest",
            "byl",
            "nalezy",
            "это",
            "был",
            "была",
            "принадлежит",
            "оказался",
            "це",
            "був",
            "належить",
            "ise",
            "bu",
            "adalah",
            "itu",
            "ini",
            "ialah",
            "merupakan",
            "milik",
            "là",
            "thuoc",
            "của",
            "ni",
            "ilikuwa",
            "هو",
            "هي",
            "وهو",
            "وهي",
            "كان",
            "كانت",
            "ده",
            "دي",
            "وده",
            "ودي",
            "يعود",
            "היא",
            "הוא",
            "זה",
            "זו",
            "שייך",
            "שייכת",
            "हा",
            "হলো",
            "হচ্ছে",
            "არის",
            "იყო",
            "ეს",
            "ነው",
        ])
    });
    static GLUED: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&["คือ", "เป็น", "ซึ่ง", "နှင့်", "သည်", "က", "是", "為", "为", "則是", "屬於", "属于", "は", "が", "는", "은", "이 ", "가 "])
    });
    let gap = gap.trim_start_matches([' ', '\'', '"', ')', ']', ':', '/']);
    let word = gap.split(' ').next().unwrap_or("");
    // In Portuguese and Italian "and that" begins with what may be "is".
    gap.starts_with(['-', '=', '('])
        || !gap.starts_with("e que ") && !gap.starts_with("e che ") && SPACED.iter().any(|one| one == word)
        || GLUED.iter().any(|one| gap.starts_with(&**one))
}

/// Words that set one thing against another: what stands on their two sides is said of two values.
static CONTRASTS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = normals(&[
        " and that ",
        " y que ",
        " et que ",
        " e que ",
        " e che ",
        " und dass ",
        " и что ",
        " і що ",
        " while ",
        " whereas ",
        " whilst ",
        " although ",
        " but ",
        " mientras ",
        " pero ",
        " alors que ",
        " tandis que ",
        " mais ",
        " während ",
        " wohingegen ",
        " aber ",
        " enquanto ",
        " mas ",
        " mentre ",
        " invece ",
        " terwijl ",
        " maar ",
        " тогда как ",
        " в то время как ",
        " но ",
        " тоді як ",
        " натомість ",
        " але ",
        " podczas gdy ",
        " natomiast ",
        " oysa ",
        " sedangkan ",
        " sementara ",
        " tetapi ",
        " trong khi ",
        " còn ",
        " nhưng ",
        "ส่วน",
        "ขณะที่",
        "แต่",
        " जबकि ",
        " लेकिन ",
        " بينما ",
        " اما ",
        " لكن ",
        " در حالی که ",
        " ولی ",
        " جبکہ ",
        "而",
        "但",
        " ואילו ",
        " אבל ",
        " huku ",
        " ilhali ",
        " lakini ",
        "一方",
    ]);
    AhoCorasick::new(words).ok()
});

fn first_contrast(text: &str) -> Option<usize> {
    CONTRASTS.as_ref()?.find(text).map(|found| found.start())
}

fn last_contrast(text: &str) -> Option<usize> {
    CONTRASTS.as_ref()?.find_iter(text).last().map(|found| found.end() - 1).map(|at| text.floor_char_boundary(at))
}

/// Whether a clause of its own begins behind a comma.
fn begins_clause(behind: &str) -> bool {
    static CONJUNCTIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "and",
            "but",
            "while",
            "whereas",
            "as",
            "when",
            "although",
            "so",
            "y",
            "pero",
            "mientras",
            "cuando",
            "et",
            "mais",
            "alors",
            "tandis",
            "quand",
            "e",
            "mas",
            "enquanto",
            "ma",
            "mentre",
            "und",
            "aber",
            "während",
            "als",
            "en",
            "maar",
            "terwijl",
            "а",
            "но",
            "и",
            "тогда",
            "когда",
            "а",
            "але",
            "і",
            "та",
            "тоді",
            "коли",
            "a",
            "ale",
            "i",
            "ve",
            "ama",
            "oysa",
            "dan",
            "tapi",
            "tetapi",
            "sedangkan",
            "sementara",
            "còn",
            "và",
            "nhưng",
            "na",
            "lakini",
            "huku",
            "و",
            "اما",
            "بينما",
            "لكن",
            "ولی",
            "در",
            "और",
            "लेकिन",
            "जबकि",
            "جبکہ",
        ])
    });
    let behind = behind.trim_start_matches([',', '،', '、', ' ']);
    let word = behind.split(' ').next().unwrap_or("");
    CONJUNCTIONS.iter().any(|one| one == word) || ["而", "但", "並", "ส่วน", "ขณะที่", "แต่"].iter().any(|one| behind.starts_with(one))
}

/// Whether a part of a sentence goes on about the value before it: with a relative pronoun, or behind a comma with a verb or another word for an address.
fn is_relative(part: &str, comma: bool) -> bool {
    static PRONOUNS: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&["which", "that", "que", "qui", "cual", "yang", "ambayo", "الذي", "التي", "اللي", "که", "जो", "שהוא", "שהיא", "ki", "som"])
    });
    static BEHIND_COMMA: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "dont",
            "die",
            "der",
            "das",
            "welche",
            "welcher",
            "welches",
            "dat",
            "che",
            "który",
            "która",
            "które",
            "którego",
            "której",
            "который",
            "которая",
            "которое",
            "которого",
            "которой",
            "который",
            "що",
            "что",
            "який",
            "яка",
            "яке",
            "якого",
            "якої",
            "mà",
            "whose",
            "address",
            "belonging",
            "belongs",
            "is",
            "was",
            "host",
            "machine",
            "dirección",
            "equipo",
            "máquina",
            "corresponde",
            "pertenece",
            "es",
            "era",
            "adresse",
            "est",
            "était",
            "appartient",
            "soit",
            "endereço",
            "pertence",
            "foi",
            "ist",
            "war",
            "gehört",
            "also",
            "maschine",
            "indirizzo",
            "lugar",
            "endroit",
            "place",
            "adres",
            "adresu",
            "узел",
            "узла",
            "адрес",
            "это",
            "машина",
            "хост",
            "вузол",
            "вузла",
            "адреса",
            "це",
            "alamat",
            "milik",
            "adalah",
            "địa",
            "nơi",
            "là",
            "của",
            "وهو",
            "وهي",
            "عنوان",
            "وهذا",
            "يعود",
            "نشانی",
            "آدرس",
            "یعنی",
            "متعلق",
            "यानी",
            "अर्थात",
            "כתובת",
            "yani",
            "anwani",
            "jest",
            "należy",
            "denn",
            "weil",
            "because",
            "since",
            "porque",
            "pues",
            "car",
            "parce",
            "puisque",
            "pois",
            "perché",
            "omdat",
            "bo",
            "ponieważ",
            "to",
            "потому",
            "так",
            "поскольку",
            "бо",
            "оскільки",
            "тому",
            "çünkü",
            "zira",
            "orası",
            "burası",
            "bu",
            "karena",
            "sebab",
            "itu",
            "vì",
            "bởi",
            "đó",
            "đây",
            "لانه",
            "لأنه",
            "لأنها",
            "لان",
            "فهو",
            "فهي",
            "هذا",
            "چون",
            "زیرا",
            "این",
            "آن",
            "کیونکہ",
            "یہ",
            "यह",
            "वह",
            "क्योंकि",
            "ये",
            "כי",
            "זו",
            "זה",
            "kwa",
            "hiyo",
            "huo",
            "it",
            "it's",
            "that's",
            "eso",
            "c'est",
            "isso",
            "das",
        ])
    });
    const ARTICLES: [&str; 16] =
        ["a", "an", "the", "un", "una", "une", "uma", "um", "la", "el", "eine", "ein", "een", "sebuah", "mot", "یک"];
    const GLUED: [&str; 11] = ["即", "這", "这", "是", "此", "屬", "属", "為", "那", "因", "該"];
    let mut words = part.split([' ', ',', '.', '\n']);
    let first = words.next().unwrap_or("");
    let article = comma && ARTICLES.contains(&first);
    let word = if article { words.next().unwrap_or("") } else { first };
    // "la que": a pronoun; "the that" is none.
    PRONOUNS.iter().any(|one| one == word)
        || ["ซึ่ง", "เพราะ", "เนื่องจาก", "อันเป็น"].iter().any(|one| part.starts_with(one))
        || comma && (BEHIND_COMMA.iter().any(|one| one == word) || GLUED.iter().any(|one| part.starts_with(one)))
}

/// Whether a part of a sentence says why: "because …".
fn says_why(part: &str) -> bool {
    static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "because",
            "since",
            "as",
            "denn",
            "weil",
            "da",
            "porque",
            "pues",
            "ya",
            "car",
            "parce",
            "puisque",
            "pois",
            "perché",
            "omdat",
            "bo",
            "ponieważ",
            "потому",
            "так",
            "поскольку",
            "бо",
            "оскільки",
            "тому",
            "çünkü",
            "zira",
            "karena",
            "sebab",
            "vì",
            "bởi",
            "لانه",
            "لأنه",
            "لأنها",
            "لان",
            "لأن",
            "چون",
            "زیرا",
            "کیونکہ",
            "क्योंकि",
            "כי",
            "kwa",
            "kwani",
            "gdyż",
        ])
    });
    let first = part.split([' ', ',', '.', '\n']).next().unwrap_or("");
    WORDS.iter().any(|word| word == first) || ["เพราะ", "เนื่องจาก", "因"].iter().any(|one| part.starts_with(one))
}

/// Whether a part of a sentence says what the value before it is: "which is …", "denn das ist …", and not "whom she has never seen".
fn is_reason(part: &str) -> bool {
    static COPULAS: LazyLock<Vec<String>> = LazyLock::new(|| {
        normals(&[
            "is",
            "was",
            "it's",
            "that's",
            "belongs",
            "es",
            "era",
            "son",
            "pertenece",
            "est",
            "c'est",
            "appartient",
            "é",
            "pertence",
            "è",
            "ist",
            "war",
            "gehört",
            "jest",
            "это",
            "принадлежит",
            "находится",
            "стоит",
            "там",
            "це",
            "належить",
            "там",
            "bu",
            "orası",
            "adalah",
            "itu",
            "milik",
            "merupakan",
            "là",
            "của",
            "đó",
            "لانه",
            "لأنه",
            "لأنها",
            "وهو",
            "وهي",
            "فهو",
            "فهي",
            "هذا",
            "هو",
            "هي",
            "این",
            "آن",
            "است",
            "यह",
            "वह",
            "ये",
            "है",
            "זה",
            "זו",
            "ni",
            "hiyo",
        ])
    });
    const GLUED: [&str; 8] = ["是", "為", "属", "屬", "即", "เป็น", "คือ", "ของ"];
    const WORDS: usize = 5;
    let mut words = part.split([' ', ',', '.', '\n']).take(WORDS);
    let glued = part.char_indices().nth(12).map_or(part, |(at, _)| &part[..at]);
    words.any(|word| COPULAS.iter().any(|one| one == word)) || GLUED.iter().any(|one| glued.contains(one))
}

#[cfg(test)]
mod tests {
    use crate::rules::redact::{Detector, Known, Record};

    fn redacted(text: &str) -> String {
        Record::default().redact(&Detector::new(&Known::default()), text)
    }

    #[test]
    fn a_relative_clause_or_an_apposition_says_whose_a_value_is() {
        for text in [
            "her account was opened from 5.6.7.8, an address that she has never seen",
            "son compte a été ouvert depuis 5.6.7.8, adresse qu'elle n'a jamais vue",
            "her account was used from 5.6.7.8 that nobody in the family recognises",
            "lleva un correo de legal@pressnews.org, que es el atacante",
        ] {
            assert_eq!(redacted(text), text);
        }
        assert_eq!(redacted("zu Hause hat sie 5.6.7.8, die Angreifer kamen später"), "zu Hause hat sie [ip-1], die Angreifer kamen später");
        assert_eq!(
            redacted("we saw 5.6.7.8, which is the router of the hostel, not the intruder"),
            "we saw [ip-1], which is the router of the hostel, not the intruder"
        );
    }

    #[test]
    fn why_somebody_is_written_to_says_nothing_of_whose_the_address_is() {
        for text in [
            "ส่งเอกสารไปที่อีเมลของน้องชาย krit.dee@hotmail.com เพราะเครื่องของเขาติดไวรัสของคนร้าย",
            "ป้าขอให้ส่งไฟล์ไปที่อีเมลของหลาน nam.chai@hotmail.com เพราะเครื่องของป้าติดไวรัส",
            "ask at nam.chai@hotmail.com because the attacker reads the other one",
            "escriban a nam.chai@hotmail.com porque el atacante lee la otra",
            "please write to her brother, k.dee@hotmail.com, because it is the hackers who read hers",
            "bitte an p.lang@posteo.de, weil das Konto beim Angreifer ist",
        ] {
            assert!(redacted(text).contains("[email-1]"), "{}", redacted(text));
        }
        let text = "bitte 5.6.7.8 sperren, weil dort der Server der Angreifer steht";
        assert_eq!(redacted(text), text);
    }

    #[test]
    fn what_stands_beyond_a_contrast_is_said_of_something_else() {
        for (text, expected) in [
            (
                "по договору ей выделен 5.6.7.8, а чужой сеанс был открыт с 5.6.7.9",
                "по договору ей выделен [ip-1], а чужой сеанс был открыт с 5.6.7.9",
            ),
            ("उन्हें 5.6.7.8 मिला था जबकि अनजान सत्र 5.6.7.9 से खोला गया", "उन्हें [ip-1] मिला था जबकि अनजान सत्र 5.6.7.9 से खोला गया"),
            (
                "they were online through 5.6.7.8 while the intruder used 5.6.7.9",
                "they were online through [ip-1] while the intruder used 5.6.7.9",
            ),
            ("usa 5.6.7.8 e que o acesso indevido partiu de 5.6.7.9", "usa [ip-1] e que o acesso indevido partiu de 5.6.7.9"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

    #[test]
    fn a_way_into_the_internet_is_a_persons_unless_the_part_is_about_an_attacker() {
        assert_eq!(redacted("the attack began when the router had 5.6.7.8"), "the attack began when the router had 5.6.7.8");
        assert_eq!(
            redacted("during the attack, the router of the hostel had 5.6.7.8"),
            "during the attack, the router of the hostel had [ip-1]"
        );
        assert_eq!(redacted("the attackers' router 5.6.7.8 was rented"), "the attackers' router 5.6.7.8 was rented");
    }

    #[test]
    fn what_holds_a_word_and_says_nothing_of_whose_it_is_counts_for_nobody() {
        let link = "https://1drv.ms/f/s!BqT7yLm2pXz9vWk4nRa";
        assert_eq!(redacted(&format!("Not phishing: {link}")), "Not phishing: [url-1]");
        assert_eq!(redacted(&format!("Phishing: {link}")), format!("Phishing: {link}"));
    }
}
