//! How sure somebody is, as MISP's tags say it, since MISP has no field for it. Numbers are those of STIX 2.1 (appendix A) where it has the scale.

/// What is written: how credible the information is, by how sure one is at least.
const CREDIBILITY: &str = "admiralty-scale:information-credibility";
const WRITTEN: [(u8, &str); 5] = [(80, "1"), (60, "2"), (40, "3"), (20, "4"), (0, "5")];

/// What is read: tags with a value, and the number that each stands for.
const READ: [(&str, &[(&str, u8)]); 4] = [
    // `6` says that it cannot be judged, which is no number.
    (CREDIBILITY, &[("1", 90), ("2", 70), ("3", 50), ("4", 30), ("5", 10)]),
    ("estimative-language:confidence-in-analytic-judgment", &[("low", 15), ("moderate", 50), ("high", 85)]),
    (
        "estimative-language:likelihood-probability",
        &[
            ("almost-no-chance", 5),
            ("very-unlikely", 15),
            ("unlikely", 30),
            ("roughly-even-chance", 50),
            ("likely", 70),
            ("very-likely", 85),
            ("almost-certain", 95),
        ],
    ),
    // Not in STIX: the taxonomy's own numbers.
    (
        "misp:confidence-level",
        &[("completely-confident", 100), ("usually-confident", 75), ("fairly-confident", 50), ("rarely-confident", 25), ("unconfident", 0)],
    ),
];

/// The tag that says it, 0 to 100.
pub fn confidence_tag(confidence: u8) -> String {
    let value = WRITTEN.iter().find(|(least, _)| confidence >= *least).map_or("5", |(_, value)| value);
    format!("{CREDIBILITY}=\"{value}\"")
}

/// What a tag says of it, 0 to 100; `None` where it says nothing of it.
pub fn confidence_of(tag: &str) -> Option<u8> {
    let (predicate, value) = tag.trim().split_once('=')?;
    let (_, values) = READ.iter().find(|(known, _)| known.eq_ignore_ascii_case(predicate.trim()))?;
    let value = value.trim().trim_matches('"');
    values.iter().find(|(known, _)| known.eq_ignore_ascii_case(value)).map(|(_, confidence)| *confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_within_its_step_and_written_again_as_it_was() {
        for confidence in 0..=100 {
            let tag = confidence_tag(confidence);
            let read = confidence_of(&tag).unwrap();
            assert!(read.abs_diff(confidence) <= 10, "{confidence} as {tag} is {read}");
            assert_eq!(confidence_tag(read), tag);
        }
        assert_eq!(
            [100, 80, 79, 20, 19].map(confidence_tag).map(|tag| tag[tag.len() - 2..].to_owned()),
            ["1\"", "1\"", "2\"", "4\"", "5\""]
        );
    }

    #[test]
    fn tags_of_four_scales_are_read_and_what_cannot_be_judged_is_nothing() {
        let cases = [
            ("admiralty-scale:information-credibility=\"2\"", Some(70)),
            ("Admiralty-Scale:Information-Credibility=2", Some(70)),
            ("estimative-language:confidence-in-analytic-judgment=\"moderate\"", Some(50)),
            ("estimative-language:likelihood-probability=\"almost-certain\"", Some(95)),
            ("misp:confidence-level=\"completely-confident\"", Some(100)),
            ("admiralty-scale:information-credibility=\"6\"", None),
            ("misp:confidence-level=\"confidence-cannot-be-evaluated\"", None),
            // Of the source, not of what it says.
            ("admiralty-scale:source-reliability=\"a\"", None),
            ("rsit:fraud=\"phishing\"", None),
            ("Pegasus", None),
        ];
        for (tag, confidence) in cases {
            assert_eq!(confidence_of(tag), confidence, "{tag}");
        }
    }
}
