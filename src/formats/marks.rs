//! What is said of a record among its labels, since no format has a field for it: `PAP:RED` (MISP's taxonomy) and `civicert:class="restricted"`.

use crate::model::{Class, Label, Pap};

/// Before a class among labels.
const CLASS: &str = "civicert:class=";

/// Whether a label says what may be done with a record, or whom it is for.
pub(super) fn is_mark(label: &str) -> bool {
    let starts = |with: &str| label.trim().get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    starts("PAP:") || starts(CLASS)
}

/// Sorts labels and takes out repeats; where there are too many, marks stay.
pub(super) fn bounded(labels: &mut Vec<String>, most: usize) {
    labels.sort_by(|one, other| (!is_mark(one), one).cmp(&(!is_mark(other), other)));
    labels.dedup();
    labels.truncate(most);
    labels.sort();
}

/// Takes marks out of labels. One that cannot be read counts as the most restrictive.
pub fn take_marks(labels: &mut Vec<String>) -> (Class, Pap) {
    let (mut class, mut pap) = (Class::Public, Pap::Clear);
    labels.retain(|label| {
        if !is_mark(label) {
            return true;
        }
        let text = label.trim();
        match text.get(..CLASS.len()).filter(|start| start.eq_ignore_ascii_case(CLASS)) {
            Some(start) => class = class.max(text[start.len()..].trim_matches('"').parse().unwrap_or(Class::Restricted)),
            None => pap = pap.max(text.parse().unwrap_or(Pap::Red)),
        }
        false
    });
    (class, pap)
}

/// What of a label no format has a field for, as labels that [`take_marks`] reads.
pub fn marks_of(label: Label) -> Vec<String> {
    let class = (label.class() == Class::Restricted).then(|| format!("{CLASS}\"{}\"", label.class()));
    let pap = (label.pap() > Pap::Clear).then(|| format!("PAP:{}", label.pap().name().to_uppercase()));
    class.into_iter().chain(pap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_they_are_written_and_nothing_else_is() {
        for label in Label::all() {
            let mut labels = vec!["Pegasus".to_owned(), "papua".to_owned()];
            labels.extend(marks_of(label));
            let (class, pap) = take_marks(&mut labels);
            assert_eq!(Label::new(label.tlp(), class, pap), label);
            assert_eq!(labels, ["Pegasus", "papua"]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_the_most_restrictive() {
        assert_eq!(take_marks(&mut vec!["pap:purple".into()]), (Class::Public, Pap::Red));
        assert_eq!(take_marks(&mut vec!["CiviCERT:class=\"secret\"".into()]), (Class::Restricted, Pap::Clear));
        assert_eq!(take_marks(&mut vec!["PAP:GREEN".into(), " pap:amber ".into()]), (Class::Public, Pap::Amber));
    }

    #[test]
    fn among_too_many_labels_the_marks_stay() {
        let mut labels: Vec<String> = ["a", "b", "c", "pap:red", "b"].map(String::from).to_vec();
        bounded(&mut labels, 2);
        assert_eq!(labels, ["a", "pap:red"]);
    }
}
