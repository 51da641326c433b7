//! What being on a warninglist means.

use super::Severity;
use crate::model::Warninglist;

/// A list, and what being on it means.
#[derive(Debug, Clone)]
pub struct Rated {
    /// The list.
    pub list: Warninglist,
    /// What being on it means.
    pub severity: Severity,
    /// Whether whoever likes can have a name below its entries, as with shared hosting: then such a name is its tenant's, not the entry's owner's.
    pub tenants: bool,
}

impl Rated {
    /// The list as [`suggested`] rates it.
    pub fn usual(list: Warninglist) -> Self {
        let (severity, tenants) = suggested(&list.name);
        Self { list, severity, tenants }
    }
}

/// What to make of a list where nobody says: its severity, and whether its entries have tenants. `name` is the list's own; a list that is not known is held.
///
/// A value is refused where an attacker cannot have it, and only warned of where attackers have such values as often as others (sinkholes and
/// parked addresses, addresses behind large networks, shorteners).
pub fn suggested(name: &str) -> (Severity, bool) {
    match name {
        "List of known hashes for empty files"
        | "List of known hashes with common false-positives (based on Florian Roth input list)"
        | "List of hashes for EICAR test virus"
        | "List of RFC 1918 CIDR blocks"
        | "List of RFC 3849 CIDR blocks"
        | "List of RFC 5735 CIDR blocks"
        | "List of RFC 6598 CIDR blocks"
        | "List of IPv6 link local blocks"
        | "List of RFC 5771 multicast CIDR blocks"
        | "List of RFC 6761 Special-Use Domain Names"
        | "TLDs as known by IANA"
        | "CRL and OCSP domains"
        | "Captive Portal Detection Hostnames"
        | "Unattributed phone number." => (Severity::Refuse, false),
        "List of LOTS (Living Off Trusted Sites) Project Domains" => (Severity::Hold, true),
        "List of known Akamai IP ranges"
        | "List of known Cloudflare IP ranges"
        | "List of known Fastly IP address ranges"
        | "List of known sinkholes"
        | "Parking domains"
        | "List of disposable email domains"
        | "List of known security providers/vendors blog domain" => (Severity::Warn, false),
        _ => (Severity::Hold, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_nobody_knows_is_held() {
        assert_eq!(suggested("Somebody's list"), (Severity::Hold, false));
        assert_eq!(suggested("List of RFC 1918 CIDR blocks"), (Severity::Refuse, false));
    }
}
