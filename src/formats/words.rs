//! Words that people put before values and over columns.

use crate::model::{
    ObservableKind::{self, *},
    Tlp,
};

/// What a word says of the values beside or below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// They are of this kind.
    Kind(ObservableKind),
    /// They are hashes, of the algorithm that their length tells.
    Hash,
    /// They are hashes or names of files.
    File,
    /// They are hosts: domains or addresses.
    Host,
}

/// The word in lower case, with `_` for everything that is not a letter or digit.
pub(super) fn normal(word: &str) -> String {
    let mut out = String::new();
    for c in word.trim_matches(|c: char| !c.is_alphanumeric()).chars().take(64) {
        match c.is_alphanumeric() {
            true => out.extend(c.to_lowercase()),
            false if out.ends_with('_') => {}
            false => out.push('_'),
        }
    }
    out
}

/// What a normalised word says, in the spellings of CSV headers, type columns, MISP, STIX and OTX.
pub(super) fn means(word: &str) -> Option<Means> {
    Some(match word {
        "domain" | "domains" | "domain_name" | "domain_names" | "domainname" | "hostname" | "hostnames" | "fqdn" | "fqdns"
        | "c2_domain" | "c2_domains" | "domain_name_value" | "dns" => Means::Kind(Domain),
        "host" | "hosts" | "c2" | "c2_server" | "c2_servers" | "c2_host" | "c_c" | "ip_domain" | "domain_ip" | "server" | "cnc" => {
            Means::Host
        }
        "url"
        | "urls"
        | "uri"
        | "c2_url"
        | "url_value"
        | "associated_url"
        | "associated_urls"
        | "distribution_url"
        | "distribution_url_observed"
        | "download_url"
        | "payload_url"
        | "phishing_url" => Means::Kind(Url),
        "ip" | "ips" | "ip_address" | "ip_addresses" | "ipaddress" | "ipaddr" | "ipv4" | "ipv4_addr" | "ipv4_address" | "ip_v4"
        | "ip_dst" | "ip_src" | "c2_ip" | "dst_ip" | "src_ip" | "address" | "ipv4_addr_value" | "ip_dst_port" | "ip_src_port"
        | "ip_port" => Means::Kind(Ipv4),
        "ipv6" | "ipv6_addr" | "ipv6_address" | "ip_v6" | "ipv6_addr_value" => Means::Kind(Ipv6),
        "cidr" | "network" | "ip_range" | "ipv4_net" | "netblock" | "subnet" => Means::Kind(Ipv4Net),
        "ipv6_net" => Means::Kind(Ipv6Net),
        "email"
        | "emails"
        | "e_mail"
        | "mail"
        | "email_address"
        | "e_mail_address"
        | "email_addr"
        | "emailaddress"
        | "email_src"
        | "email_dst"
        | "emailwhois"
        | "sender"
        | "whois_registrant_email" => Means::Kind(Email),
        "md5" | "md5_hash" | "hash_md5" | "file_md5" | "filehash_md5" | "md5sum" => Means::Kind(Md5),
        "sha1" | "sha_1" | "sha1_hash" | "hash_sha1" | "file_sha1" | "filehash_sha1" | "sha1sum" => Means::Kind(Sha1),
        "sha256" | "sha_256" | "sha256_hash" | "hash_sha256" | "file_sha256" | "filehash_sha256" | "sha256sum" => Means::Kind(Sha256),
        "sha512" | "sha_512" | "sha512_hash" | "hash_sha512" | "file_sha512" | "sha512sum" => Means::Kind(Sha512),
        "hash" | "hashes" | "file_hash" | "file_hashes" | "filehash" | "sample" | "checksum" => Means::Hash,
        "file" | "files" => Means::File,
        "filename" | "file_name" | "filenames" | "itw_filename" => Means::Kind(FileName),
        "filepath" | "file_path" | "path" | "file_paths" => Means::Kind(FilePath),
        "process" | "process_name" | "processes" => Means::Kind(ProcessName),
        "app_id" | "package" | "package_name" | "packages" | "bundle_id" | "bundle" | "mobile_application_id" | "android_package" => {
            Means::Kind(AppId)
        }
        "certificate" | "cert_hash" | "certificate_hash" | "app_cert_hash" | "cert" | "x509_fingerprint_sha1" => Means::Kind(AppCertHash),
        "configuration_profile_id" | "config_profile" | "profile_id" | "configuration_profile" => Means::Kind(ConfigurationProfileId),
        "android_property" | "property" => Means::Kind(AndroidProperty),
        "phone" | "phone_number" | "telephone" | "msisdn" => Means::Kind(PhoneNumber),
        "mutex" | "mutant" => Means::Kind(Mutex),
        "registry" | "registry_key" | "regkey" | "reg_key" | "windows_registry_key" => Means::Kind(RegistryKey),
        "user_agent" | "useragent" | "http_user_agent" => Means::Kind(UserAgent),
        "btc" | "xmr" | "bitcoin" | "bitcoin_address" | "wallet" | "cryptocurrency_address" | "crypto_address" | "eth" | "dash" => {
            Means::Kind(CryptocurrencyAddress)
        }
        "pattern" | "stix_pattern" => Means::Kind(Pattern),
        _ => return None,
    })
}

/// The most restrictive TLP label named in a text, written as `TLP:AMBER` or `tlp: amber`.
pub(super) fn tlp(text: &str) -> Option<Tlp> {
    if !["tlp:", "TLP:", "Tlp:"].iter().any(|mark| text.contains(mark)) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let label = |at: usize| {
        let rest = lower[at + 4..].trim_start();
        rest[..rest.find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, '+' | '-' | '_'))).unwrap_or(rest.len())].parse().ok()
    };
    lower.match_indices("tlp:").filter_map(|(at, _)| label(at)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_headings() {
        assert_eq!(tlp("# TLP:GREEN, but the second part tlp: Amber+Strict."), Some(Tlp::AmberStrict));
        assert_eq!(tlp("TLP:WHITE"), Some(Tlp::Clear));
        assert_eq!(tlp("TLP:unclear tlp"), None);
    }
}
