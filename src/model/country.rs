//! Countries: ISO 3166-1 alpha-2.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A country, by two capital letters. Whether there is one of that code is asked of what people here write ([`Country::assigned`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// It is no country.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no country\nhint: {hint}", text = .0, hint = hint(.0))]
pub struct BadCountry(String);

/// Kosovo: ISO 3166-1 leaves this code to its users, and CLDR, the European Commission, the IMF and others use it so.
const KOSOVO: &str = "XK";

/// All of ISO 3166-1 alpha-2 that are officially assigned (249, of 2026).
const ASSIGNED: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD \
    CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF \
    GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN \
    KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI \
    SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
    VN VU WF WS YE YT ZA ZM ZW";

/// What people write in place of a code, and the code.
const MEANT: [(&str, &str); 2] = [("UK", "GB"), ("EL", "GR")];

fn hint(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let meant = MEANT.iter().find(|(written, _)| *written == upper).map(|(_, code)| (*code).to_owned());
    match meant.or_else(|| Country::assigned(&upper).is_ok().then_some(upper)) {
        Some(code) => format!("did you mean `{code}`? countries are those of ISO 3166-1"),
        None => "two capital letters of ISO 3166-1, such as `LB`; `watchfire vocabulary region` has them".into(),
    }
}

impl Country {
    /// A country that there is: what people here write. What comes from a peer is kept as it is, with [`str::parse`] alone.
    ///
    /// # Errors
    /// When ISO 3166-1 has no country of that code, and it is not `XK`; with the code that is meant, where it is known.
    pub fn assigned(text: &str) -> Result<Self, BadCountry> {
        let country: Self = text.parse()?;
        let is_one = text == KOSOVO || ASSIGNED.split(' ').any(|code| code == text);
        if is_one { Ok(country) } else { Err(BadCountry(text.to_owned())) }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::str::FromStr for Country {
    type Err = BadCountry;

    fn from_str(text: &str) -> Result<Self, BadCountry> {
        match text.as_bytes() {
            [one, two] if one.is_ascii_uppercase() && two.is_ascii_uppercase() => Ok(Self([*one, *two])),
            _ => Err(BadCountry(text.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = BadCountry;

    fn try_from(text: String) -> Result<Self, BadCountry> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!("LB".parse::<Country>().unwrap().to_string(), "LB");
        for text in ["", "L", "lb", "LBN", "L1", "É"] {
            assert!(text.parse::<Country>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn people_write_countries_of_the_standard_alone() {
        let told = |text: &str| Country::assigned(text).map(|country| country.to_string()).map_err(|error| error.to_string());
        assert_eq!(told("GB").as_deref(), Ok("GB"));
        assert_eq!(told("XK").as_deref(), Ok("XK"), "user-assigned, and everybody means Kosovo by it");
        for (text, code) in [("UK", "GB"), ("EL", "GR"), ("lb", "LB"), ("uk", "GB"), ("xk", "XK")] {
            let expected = format!("`{text}` is no country\nhint: did you mean `{code}`? countries are those of ISO 3166-1");
            assert_eq!(told(text), Err(expected));
        }
        for text in ["XX", "ZZ", "EU", "XN", "", "A ", " A", "LBN"] {
            assert!(told(text).is_err_and(|error| error.contains("such as `LB`")), "{text}");
        }
        let codes: Vec<&str> = ASSIGNED.split(' ').collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted());
        // The regions leave out Antarctica alone.
        let regions = include_str!("vocabulary/region.toml");
        let missing: Vec<&&str> = codes.iter().filter(|code| !regions.contains(&format!("\"{code}\""))).collect();
        assert_eq!(missing, [&"AQ"]);
        assert!(regions.contains("\"XK\""));
    }
}
