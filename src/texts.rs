//! For tests: what errors say, word for word.

use std::fmt::Display;
use std::mem::discriminant;

/// Each case says exactly this, and no variant of that enum, whose source this is, is without a case.
pub fn all_say<E: Display>(source: &str, name: &str, cases: &[(E, &str)]) {
    for (error, text) in cases {
        assert_eq!(error.to_string(), *text);
    }
    all_are_there(source, name, cases.iter().map(|(error, _)| error));
}

/// No variant of the enum is missing.
pub fn all_are_there<'a, E: 'a>(source: &str, name: &str, errors: impl Iterator<Item = &'a E>) {
    let (_, rest) = source.split_once(&format!("pub enum {name} {{\n")).expect("its definition");
    let (body, _) = rest.split_once("\n}\n").expect("its end");
    let mut variants = Vec::new();
    for variant in errors.map(discriminant) {
        if !variants.contains(&variant) {
            variants.push(variant);
        }
    }
    assert_eq!(variants.len(), body.matches("#[error(").count(), "each variant of `{name}` has its case");
}
