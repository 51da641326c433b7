//! Alerts. A code that is in no list of ours is kept.

use super::record::observable;
use super::referral::{codes, read_codes};
use super::wire::{self, alert::Value};
use super::{Malformed, fixed};
use crate::model::alert::Alert;
use crate::model::{AlertId, Observable, Priority, Timestamp};

/// An alert as it is sent.
pub(super) fn to_wire(alert: &Alert) -> wire::Alert {
    let Alert { id, incident_types, countries, regions, priority, priority_newer, headline, advice, valid_until, indicators, vocabulary } =
        alert;
    let value = |one: &Observable| Value { kind: u32::from(one.kind().number()), value: one.value().to_owned() };
    wire::Alert {
        alert: id.0.to_vec(),
        incident_types: codes(incident_types),
        countries: countries.iter().map(ToString::to_string).collect(),
        regions: codes(regions),
        priority: priority.to_wire(*priority_newer),
        headline: headline.clone(),
        advice: advice.clone(),
        valid_until: valid_until.0,
        indicators: indicators.iter().map(value).collect(),
        vocabulary: vocabulary.clone(),
    }
}

/// Reads an alert.
///
/// # Errors
/// When it is out of its bounds.
pub(super) fn from_wire(wire: wire::Alert) -> Result<Alert, Malformed> {
    let country = |text: &String| text.parse().map_err(|_| Malformed("a country is none"));
    let (priority, priority_newer) = Priority::from_wire(wire.priority);
    let alert = Alert {
        id: AlertId(fixed(&wire.alert, "the id of an alert has 16 bytes")?),
        incident_types: read_codes(&wire.incident_types)?,
        countries: wire.countries.iter().map(country).collect::<Result<_, _>>()?,
        regions: read_codes(&wire.regions)?,
        priority,
        priority_newer,
        headline: wire.headline,
        advice: wire.advice,
        valid_until: Timestamp(wire.valid_until),
        indicators: wire.indicators.iter().map(|one| observable(one.kind, &one.value)).collect::<Result<_, _>>()?,
        vocabulary: wire.vocabulary,
    };
    alert.check().map_err(|_| Malformed("an alert says more than an alert may, or less than it must"))?;
    Ok(alert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::convert::{decode_record, encode_record};
    use crate::model::alert::tests::alert;
    use crate::model::{Record, RecordKind};
    use prost::Message;

    #[test]
    fn an_alert_is_read_back_and_one_out_of_its_bounds_is_not() {
        let record = Record::Alert(Box::new(alert(&["malware"], &["LB"], &["africa"])));
        assert_eq!(decode_record(RecordKind::Alert, &encode_record(&record)), Ok(record));
        let newer = Alert { priority: Priority::Emergency, priority_newer: Some(7), ..alert(&["malware"], &[], &[]) };
        let record = Record::Alert(Box::new(newer));
        assert_eq!(decode_record(RecordKind::Alert, &encode_record(&record)), Ok(record), "the number of a newer list is kept");
        let spoilt: [fn(&mut wire::Alert); 6] = [
            |alert| alert.alert.truncate(15),
            |alert| alert.headline = "x".repeat(121),
            |alert| alert.countries = vec!["lb".into()],
            |alert| alert.regions = vec!["near Tunis".into()],
            |alert| alert.indicators[0].value = "EVIL.example".into(),
            |alert| alert.vocabulary = "call Maria".into(),
        ];
        for spoil in spoilt {
            let mut wire = to_wire(&alert(&["malware"], &["LB"], &["africa"]));
            spoil(&mut wire);
            assert!(decode_record(RecordKind::Alert, &wire.encode_to_vec()).is_err(), "{wire:?}");
        }
    }
}
