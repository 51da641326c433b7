//! Settings: `DIR/watchfire.toml`, each overridden by an environment variable, each with a default that needs no change.
//!
//! [`SETTINGS`] lists them all; `watchfire config show` prints what is in force and where it comes from.

pub mod notify;

use crate::model::Observable;
use crate::rules::decay::{Class, Pace, class};
use crate::rules::lists::{Severities, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use notify::Notify;

/// The settings file's name within the data directory.
pub const FILE: &str = "watchfire.toml";
/// The name of the socket for the command line and scripts, within the data directory.
pub const SOCKET: &str = "desk.sock";

/// All settings. Every one has a default; a key that is not here is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What people here call this node; it leaves the machine in no certificate.
    pub name: String,
    /// Address and port that peers connect to; port 0 takes a free one.
    pub listen: String,
    /// `host:port` at which peers reach this node, as its card tells them.
    pub endpoints: Vec<String>,
    /// `socks5://host:port` through which peers are dialled.
    pub proxy: Option<String>,
    /// What is logged: a level, or directives as `tracing` reads them.
    pub log: String,
    /// See [`Records`].
    pub records: Records,
    /// See [`Referral`].
    pub referral: Referral,
    /// See [`HandOver`].
    pub handover: HandOver,
    /// See [`Call`].
    pub call: Call,
    /// See [`Sighting`].
    pub sighting: Sighting,
    /// See [`Decay`].
    pub decay: Decay,
    /// See [`Alert`].
    pub alert: Alert,
    /// See [`Campaigns`].
    pub campaigns: Campaigns,
    /// See [`Duplicates`].
    pub duplicates: Duplicates,
    /// See [`Seen`].
    pub seen: Seen,
    /// See [`Statistics`].
    pub statistics: Statistics,
    /// See [`Release`].
    pub release: Release,
    /// See [`Link`].
    pub link: Link,
    /// See [`Pairing`].
    pub pairing: Pairing,
    /// See [`Import`].
    pub import: Import,
    /// See [`Gate`].
    pub gate: Gate,
    /// See [`Store`].
    pub store: Store,
    /// See [`Api`].
    pub api: Api,
    /// See [`Https`].
    pub https: Https,
    /// Feeds that are taken in.
    pub feeds: Feeds,
    /// See [`Notify`].
    pub notify: Notify,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: u64,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

section!(
    /// What is shared.
    Records {
        /// Every holder destroys a record of ours after so many days.
        retention_days: 1_095,
        /// So many exports are remembered, the newest, so that it can be told who has what was taken back: 200 programs, each four times a day for a month.
        exports_max: 20_000,
    }
);
section!(
    /// Cases that are handed to others.
    Referral {
        /// Both sides destroy everything about a case of ours after so many days.
        retention_days: 365,
        /// A case of ours of which something came is closed by the node so many days later, where nobody did; 0 for never. By then the clocks of `review` and
        /// `closing` have told everybody.
        close_days: 90,
        /// So many escalations to platforms are kept of one referral: a person is on a handful of platforms, and each may be asked for a few things.
        platforms_max: 20,
        /// So many referrals of one partner may be open here at a time; its node is told that more are not taken. Ten years of a busy partner.
        open_max: 2_000,
    }
);
section!(
    /// Hand-overs between shifts.
    HandOver {
        /// A hand-over that nobody has accepted for so many minutes is told to whoever handed over.
        accept_minutes: 30,
    }
);
/// Several organisations report the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Campaigns {
    /// So many of them are several, this one included.
    pub organisations: u64,
    /// Within so many hours.
    pub window_hours: u64,
    /// Of one organisation so many different names are remembered at a time; what it makes up beyond that counts for nothing.
    pub per_author_max: u64,
    /// So many names and so many values are told within the window; more are not, since nobody reads them.
    pub raised_max: u64,
    /// Labels that are no campaign's name here, beside those that never are.
    pub ignore: Vec<String>,
}

impl Default for Campaigns {
    fn default() -> Self {
        Self { organisations: 3, window_hours: 48, per_author_max: 1_000, raised_max: 50, ignore: Vec::new() }
    }
}

section!(
    /// Calls for help.
    Call {
        /// So many calls of one organisation are open at a time, ours too: a busy desk opens about ten cases a day.
        open_max: 20,
        /// So many volunteers of one call are shown and told of.
        volunteers_max: 50,
    }
);
section!(
    /// Sightings.
    Sighting {
        /// So many sightings of one member are passed on without its name in a day (UTC); 0 passes none on. Each entry counts: a busy desk that
        /// looks its day's cases up meets a few dozen, and the author of what was met sees all of them as words of nobody.
        passed_on_max: 200,
    }
);
section!(
    /// How fast confidence in indicators decays (docs/life.md).
    Decay {
        /// After so many days nothing is left of the confidence in an address or network: hosts change hands within weeks.
        address_days: 60,
        /// In tenths: 20 has it lose most of it early, since most of what moves moves soon.
        address_speed_tenths: 20,
        /// The same of domains, URLs, e-mail addresses and phone numbers: kept for a campaign's months, and paid for by the year.
        name_days: 180,
        /// Evenly.
        name_speed_tenths: 10,
        /// The same of hashes and all else: a file stays what it is, and forensics look back for years.
        artefact_days: 1_825,
        /// Late: what is still found after years is still bad.
        artefact_speed_tenths: 3,
    }
);
impl Decay {
    /// How fast this kind decays.
    pub const fn pace(&self, kind: crate::model::ObservableKind) -> Pace {
        let (days, speed_tenths) = match class(kind) {
            Class::Address => (self.address_days, self.address_speed_tenths),
            Class::Name => (self.name_days, self.name_speed_tenths),
            Class::Artefact => (self.artefact_days, self.artefact_speed_tenths),
        };
        Pace { days, speed_tenths }
    }
}

section!(
    /// Alerts.
    Alert {
        /// So many alerts of one organisation hold at a time, ours too: who warns of twenty things at once warns of none.
        open_max: 20,
    }
);
section!(
    /// Checks for duplicates.
    Duplicates {
        /// So many checks of one peer are answered in a day (UTC); 0 answers none. A desk opens about ten cases a day, and checks some twice.
        per_peer_max: 20,
        /// So many of all peers together.
        per_day_max: 100,
        /// So many contacts of ours are evaluated in a day under our own key, for `duplicate allow`: ten times what a desk opens, with two ways to
        /// reach each person.
        own_per_day_max: 200,
        /// For so many days somebody here may tell that we have the case; the asker waits as long.
        answer_days: 7,
        /// A contact may be matched for so many days at the most, then somebody has to say so anew.
        allowed_days_max: 180,
        /// A check waits so many seconds for the other node's answer.
        wait_s_max: 20,
    }
);
section!(
    /// Questions about what was seen.
    Seen {
        /// So many questions of one peer are answered in a day (UTC); 0 answers none. A case has a dozen values, and a desk a dozen such cases.
        per_peer_max: 200,
        /// So many of all peers together.
        per_day_max: 2_000,
        /// A value may be asked about for so many days at the most, then somebody has to say so anew.
        allowed_days_max: 365,
    }
);
section!(
    /// Statistics.
    Statistics {
        /// Nothing is published that is about fewer cases.
        least: 5,
    }
);
section!(
    /// How what is shared leaves.
    Release {
        /// It is held so long, in seconds, and can be undone meanwhile; 0 for scripts and tests, and each disclosure says so.
        hold_s: 30,
    }
);
section!(
    /// Limits of the links to peers.
    Link {
        /// A TLS handshake that takes longer is given up.
        handshake_ms_max: 5_000,
        /// So many unfinished handshakes at a time; for one more, the oldest of the busiest source ends.
        half_open_max: 256,
        /// Handshakes with a right label in a second; each costs about a millisecond of one core, so a tenth of it.
        handshakes_per_second_max: 100,
        /// The same from one address: an honest peer needs one, and several may come through one NAT or one Tor service.
        source_handshakes_per_second_max: 20,
        /// Calls at a time on one connection; a link is one.
        streams_max: 16,
        /// HTTP/2 frames of any type in a second: what the frames of `frames_per_second_max` take at their full size, 130 MB.
        http2_frames_per_second_max: 10_000,
        /// HTTP/2 frames in a second that carry nothing (PING, SETTINGS, resets, window updates …): a peer that reads 100 MB in
        /// a second sends 100 window updates.
        control_frames_per_second_max: 500,
        /// A peer that sends nothing for so long is asked whether it is there.
        keep_alive_ms: 20_000,
        /// A peer that does not answer that for so long is gone.
        keep_alive_answer_ms_max: 10_000,
        /// Bytes sent to a peer, or asked from it, that are not acknowledged yet.
        in_flight_bytes_max: 8 << 20,
        /// Frames that a peer may send in a second.
        frames_per_second_max: 2_000,
        /// Records that a peer may send in a day.
        records_per_day_max: 5_000_000,
        /// Bytes that a peer may send in a day.
        bytes_per_day_max: 4 << 30,
        /// The first wait before a peer is dialled again; each next is longer, with jitter.
        reconnect_ms_min: 500,
        /// The longest wait before a peer is dialled again.
        reconnect_ms_max: 60_000,
        /// Groups of one owner that a peer may put us into without the operator's word; further ones wait for it.
        groups_per_owner_max: 20,
        /// Positions that one author may take back of entries that have not come.
        taken_back_ahead_max: 20_000,
        /// On stopping, links get so long to end in order.
        drain_ms_max: 2_000,
    }
);
section!(
    /// Limits of pairing.
    Pairing {
        /// An invitation ends after so many hours.
        invitation_hours: 72,
    }
);
section!(
    /// Limits of imports.
    Import {
        /// Disk space for what a file refers to before it says it.
        scratch_bytes_max: 8 << 30,
        /// A longer line of text or CSV is a problem of its own and skipped.
        line_bytes_max: 64 << 10,
        /// A larger JSON object or attribute is a problem of its own and skipped.
        object_bytes_max: 16 << 20,
    }
);
/// What the release gate is told. Relative paths start at the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Names, domains, addresses and numbers that leave in no text and as no value, one a line.
    pub deny_list: Option<PathBuf>,
    /// Values that stay in texts, one a line.
    pub keep_list: Option<PathBuf>,
    /// Domains, addresses and networks of this organisation.
    pub own: Vec<String>,
    /// Domains, addresses, networks and numbers of victims, one a line.
    pub victims: Option<PathBuf>,
    /// MISP warninglists; `warninglists` in the data directory where none is given.
    pub warninglists: Option<PathBuf>,
    /// What addresses and names for examples mean.
    pub reserved: Severity,
    /// What names under no known top-level domain mean.
    pub unknown_tld: Severity,
    /// So many records of one source in a day are never a burst.
    pub burst_records_min: u64,
}

impl Default for Gate {
    fn default() -> Self {
        let severities = Severities::default();
        Self {
            deny_list: None,
            keep_list: None,
            own: Vec::new(),
            victims: None,
            warninglists: None,
            reserved: severities.documentation,
            unknown_tld: severities.no_such_tld,
            burst_records_min: 500,
        }
    }
}

section!(
    /// Limits of the store.
    Store {
        /// Memory for pages of the store.
        cache_bytes: 32 << 20,
    }
);
section!(
    /// Limits of the local interface.
    Api {
        /// The longest request, imports aside.
        request_bytes_max: 4 << 20,
        /// So many connections at a time.
        connections_max: 64,
    }
);

section!(
    /// Feeds that are taken in (docs/feeds.md).
    Feeds {
        /// So many of them.
        feeds_max: 100,
        /// So many are read at a time: one that hangs holds up no other.
        at_once_max: 4,
        /// None is asked more often than every so many seconds.
        every_s_min: 60,
        /// A connection, with its TLS handshake, takes no longer.
        connect_s_max: 15,
        /// Nor does it take longer until an answer begins.
        answer_s_max: 60,
        /// Nor one fetch in all: 256 MiB in that time is 450 kB in a second.
        whole_s_max: 600,
        /// So many bytes of one file come over the wire.
        bytes_max: 256 << 20,
        /// And so many once they are unpacked.
        unpacked_bytes_max: 1 << 30,
        /// So many redirects are followed.
        redirects_max: 5,
        /// So many indicators of one feed are held: each takes some 500 bytes of memory while the feed is read.
        records_max: 1_000_000,
        /// So many files or pages are fetched in one run of a MISP feed, a TAXII collection or a MISP server; the next run goes on.
        fetches_max: 500,
        /// So many files of a folder: each takes some 100 bytes of what is kept of the feed.
        files_max: 10_000,
        /// So many events of a MISP feed or server: each takes some 100 bytes of what is kept of the feed.
        events_max: 100_000,
        /// A MISP server gives and takes so many attributes at a time: 5,000 are some 5 MB.
        misp_page_attributes: 5_000,
        /// And so many bytes of them, which are held in memory some three times over.
        misp_page_bytes_max: 64 << 20,
        /// A page of a collection has so many objects at most: the store is read for each. A server is asked for 1,000, and may give what it likes.
        taxii_page_objects_max: 100_000,
        /// And so many bytes, which are held in memory some three times over.
        taxii_page_bytes_max: 128 << 20,
    }
);

/// Where programs of others fetch exports (docs/serving.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Https {
    /// Address and port; nothing is served where it is not given.
    pub listen: Option<String>,
    /// The certificate and those that lead to it, as PEM; one of our own making where it is not given. A relative path starts at the data directory.
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Names and addresses in a certificate of our own making.
    pub names: Vec<String>,
    /// So many connections at a time: a dozen programs, each with a few.
    pub connections_max: u64,
    /// So many of one address: several programs may come through one proxy.
    pub source_connections_max: u64,
    /// A TLS handshake that takes longer is given up.
    pub handshake_ms_max: u64,
    /// The head of a request comes within so many seconds, also on a connection that waits for its next one.
    pub header_s_max: u64,
    /// The head of a request has so many bytes at most; a token and a browser's own fields have less than 2,000.
    pub header_bytes_max: u64,
    /// Within so many seconds an answer begins: the largest export is written in a minute or two.
    pub answer_s_max: u64,
    /// A connection ends after so many seconds, however slowly it is read: 1 GB in that time is 1 MB in a second.
    pub connection_s_max: u64,
    /// So many requests of one consumer are answered at a time.
    pub requests_per_consumer_max: u64,
    /// So many wrong tokens of one address in a minute are answered at once; more are answered a second later.
    pub failures_per_minute_max: u64,
    /// So many exports are kept on disk: thirteen formats for a few kinds of consumers.
    pub cache_exports_max: u64,
    /// Of so many bytes in all; a longer one is not served.
    pub cache_bytes_max: u64,
    /// A page of TAXII has so many objects at most, and as many where the caller says nothing: OpenCTI asks for one page in each interval.
    pub taxii_page_max: u64,
    /// And so many bytes of them, but for the first; of a page of what changed too.
    pub taxii_page_bytes_max: u64,
    /// A collection has so many objects at most: each takes some 200 bytes of memory.
    pub taxii_objects_max: u64,
    /// An answer of MISP's REST has so many bytes at most: some 200,000 attributes with what MISP says of each.
    pub misp_answer_bytes_max: u64,
    /// So many events that a program has added are known as its, those that wait for being published among them.
    pub misp_drafts_max: u64,
    /// Those that wait have so many bytes at most: some 60,000 attributes.
    pub misp_drafts_bytes_max: u64,
    /// They are forgotten after so many days.
    pub misp_draft_days: u64,
    /// So many consumers.
    pub consumers_max: u64,
    /// A token counts for so many days at most.
    pub token_days_max: u64,
    /// Whoever waits for something new waits so many seconds at most: less than proxies leave a connection alone.
    pub wait_s_max: u64,
    /// A page of what changed has so many lines at most.
    pub lines_max: u64,
    /// What a producer sends has so many bytes at most: some 10,000 values with what belongs to each.
    pub body_bytes_max: u64,
    /// It has come within so many seconds: 4 MiB in that time is 70 kB in a second.
    pub body_s_max: u64,
    /// So many records stand in one request: what a person may have to look at as one release.
    pub produced_records_max: u64,
    /// A producer is taken so many requests from in a day: one in a minute, and some.
    pub producer_requests_per_day_max: u64,
    /// And so many records in all of them; what is more than it usually sends waits for a person long before.
    pub producer_records_per_day_max: u64,
    /// What became of a request is told for so many hours to whoever asks, or sends it again with the same key.
    pub submissions_h: u64,
}

impl Default for Https {
    fn default() -> Self {
        Self {
            listen: None,
            cert: None,
            key: None,
            names: vec!["localhost".into()],
            connections_max: 64,
            source_connections_max: 16,
            handshake_ms_max: 5_000,
            header_s_max: 15,
            header_bytes_max: 16 << 10,
            answer_s_max: 300,
            connection_s_max: 900,
            requests_per_consumer_max: 4,
            failures_per_minute_max: 10,
            cache_exports_max: 64,
            cache_bytes_max: 4 << 30,
            taxii_page_max: 1_000,
            taxii_page_bytes_max: 8 << 20,
            taxii_objects_max: 500_000,
            misp_answer_bytes_max: 256 << 20,
            misp_drafts_max: 1_000,
            misp_drafts_bytes_max: 16 << 20,
            misp_draft_days: 30,
            consumers_max: 200,
            token_days_max: 730,
            wait_s_max: 50,
            lines_max: 5_000,
            body_bytes_max: 4 << 20,
            body_s_max: 60,
            produced_records_max: 5_000,
            producer_requests_per_day_max: 2_000,
            producer_records_per_day_max: 100_000,
            submissions_h: 24,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "watchfire".into(),
            listen: "0.0.0.0:7443".into(),
            endpoints: Vec::new(),
            proxy: None,
            log: "info".into(),
            records: Records::default(),
            referral: Referral::default(),
            handover: HandOver::default(),
            call: Call::default(),
            sighting: Sighting::default(),
            decay: Decay::default(),
            alert: Alert::default(),
            campaigns: Campaigns::default(),
            duplicates: Duplicates::default(),
            seen: Seen::default(),
            statistics: Statistics::default(),
            release: Release::default(),
            link: Link::default(),
            pairing: Pairing::default(),
            import: Import::default(),
            gate: Gate::default(),
            store: Store::default(),
            api: Api::default(),
            https: Https::default(),
            feeds: Feeds::default(),
            notify: Notify::default(),
        }
    }
}

/// One setting, as `config show` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key: `link.keep_alive_ms`.
    pub key: &'static str,
    /// Least and greatest value of a number.
    pub range: Option<(u64, u64)>,
    /// What it does, in a line.
    pub about: &'static str,
}

const fn text(key: &'static str, about: &'static str) -> Setting {
    Setting { key, range: None, about }
}

const fn number(key: &'static str, min: u64, max: u64, about: &'static str) -> Setting {
    Setting { key, range: Some((min, max)), about }
}

/// Every setting, in the order of the file.
pub const SETTINGS: [Setting; 131] = [
    text("name", "what people here call this node"),
    text("listen", "address and port that peers connect to"),
    text("endpoints", "host:port at which peers reach this node, as its card tells them"),
    text("proxy", "socks5://host:port through which peers are dialled"),
    text("log", "what is logged: error, warn, info, debug, trace, or directives"),
    number("records.retention_days", 1, 36_500, "every holder destroys a record of ours after so many days"),
    number("records.exports_max", 1_000, 1_000_000, "exports that are remembered, to tell who has what was taken back"),
    number("referral.retention_days", 1, 3_650, "both sides destroy everything about a case of ours after so many days"),
    number("referral.close_days", 0, 3_650, "a case of ours of which something came is closed by itself so many days later; 0 for never"),
    number("referral.platforms_max", 1, 1_000, "escalations to platforms that are kept of one referral"),
    number("referral.open_max", 1, 100_000, "referrals of one partner that may be open here at a time; more are not taken"),
    number("handover.accept_minutes", 1, 1_440, "a hand-over not accepted for so long is told to whoever handed over"),
    number("call.open_max", 1, 1_000, "calls for help of one organisation that are open at a time"),
    number("call.volunteers_max", 1, 1_000, "volunteers of one call that are shown and told of"),
    number("sighting.passed_on_max", 0, 1_000_000, "sightings of one member passed on without its name in a day; 0: none"),
    number("decay.address_days", 1, 36_500, "after so many days nothing is left of the confidence in an address or network"),
    number("decay.address_speed_tenths", 1, 100, "10: evenly; more: most of it early; less: most of it late"),
    number("decay.name_days", 1, 36_500, "the same of domains, URLs, e-mail addresses and phone numbers"),
    number("decay.name_speed_tenths", 1, 100, "the same of these"),
    number("decay.artefact_days", 1, 36_500, "the same of hashes and all else"),
    number("decay.artefact_speed_tenths", 1, 100, "the same of these"),
    number("alert.open_max", 1, 1_000, "alerts of one organisation that hold at a time"),
    number("campaigns.organisations", 2, 1_000, "so many organisations that report the same are several"),
    number("campaigns.window_hours", 1, 720, "within so many hours"),
    number("campaigns.per_author_max", 10, 1_000_000, "names of one organisation that are remembered at a time"),
    number("campaigns.raised_max", 1, 10_000, "so many names, and so many values, are told within the window"),
    text("campaigns.ignore", "labels that are no campaign's name here, beside those that never are"),
    number("duplicates.per_peer_max", 0, 10_000, "checks for duplicates of one peer that are answered in a day; 0: none"),
    number("duplicates.per_day_max", 0, 100_000, "the same of all peers together"),
    number("duplicates.own_per_day_max", 0, 100_000, "contacts that people here let be matched in a day; 0: none"),
    number("duplicates.answer_days", 1, 30, "for so long somebody may tell what a check has found"),
    number("duplicates.allowed_days_max", 1, 730, "a contact may be matched for so long at the most"),
    number("duplicates.wait_s_max", 1, 300, "a check waits so long for the other node's answer"),
    number("seen.per_peer_max", 0, 100_000, "questions of one peer about what was seen that are answered in a day; 0: none"),
    number("seen.per_day_max", 0, 1_000_000, "the same of all peers together"),
    number("seen.allowed_days_max", 1, 3_650, "a value may be asked about for so long at the most"),
    number("statistics.least", 3, 1_000, "nothing is published that is about fewer cases"),
    number("release.hold_s", 0, 86_400, "what is shared is held so long and can be undone; 0: it leaves at once"),
    number("link.handshake_ms_max", 100, 600_000, "a TLS handshake that takes longer is given up"),
    number("link.half_open_max", 1, 65_536, "unfinished handshakes at a time"),
    number("link.handshakes_per_second_max", 1, 1_000_000, "handshakes in a second, of callers that know a label"),
    number("link.source_handshakes_per_second_max", 1, 1_000_000, "the same from one address"),
    number("link.streams_max", 1, 1_000, "calls at a time on one connection"),
    number("link.http2_frames_per_second_max", 100, 10_000_000, "HTTP/2 frames that a peer may send in a second"),
    number("link.control_frames_per_second_max", 50, 10_000_000, "HTTP/2 frames in a second that carry nothing, such as PING"),
    number("link.keep_alive_ms", 100, 3_600_000, "a peer silent for so long is asked whether it is there"),
    number("link.keep_alive_answer_ms_max", 100, 600_000, "a peer that does not answer that for so long is gone"),
    number("link.in_flight_bytes_max", 1 << 20, 1 << 30, "bytes to or from a peer that are not acknowledged"),
    number("link.frames_per_second_max", 10, 1_000_000, "frames that a peer may send in a second"),
    number("link.records_per_day_max", 1, 1 << 40, "records that a peer may send in a day"),
    number("link.bytes_per_day_max", 1 << 20, 1 << 50, "bytes that a peer may send in a day"),
    number("link.reconnect_ms_min", 10, 3_600_000, "first wait before a peer is dialled again"),
    number("link.reconnect_ms_max", 10, 86_400_000, "longest wait before a peer is dialled again"),
    number("link.groups_per_owner_max", 0, 10_000, "groups of one owner taken without the operator's word"),
    number("link.taken_back_ahead_max", 1_000, 1 << 40, "positions one author may take back before they have come"),
    number("link.drain_ms_max", 0, 60_000, "on stopping, links get so long to end in order"),
    number("pairing.invitation_hours", 1, 720, "an invitation ends after so many hours"),
    number("import.scratch_bytes_max", 1 << 20, 1 << 50, "disk for what a file refers to before it says it"),
    number("import.line_bytes_max", 1 << 10, 1 << 30, "a longer line of text or CSV is skipped, and told"),
    number("import.object_bytes_max", 1 << 10, 1 << 30, "a larger JSON object or attribute is skipped, and told"),
    text("gate.deny_list", "file of names, domains, addresses and numbers that never leave, one a line"),
    text("gate.keep_list", "file of values that stay in texts, one a line"),
    text("gate.own", "domains, addresses and networks of this organisation"),
    text("gate.victims", "file of domains, addresses and numbers of victims, one a line"),
    text("gate.warninglists", "directory of warninglists; `warninglists` in the data directory where none is given"),
    text("gate.reserved", "what addresses and names for examples mean: warn, hold or refuse"),
    text("gate.unknown_tld", "what names under no known top-level domain mean: warn, hold or refuse"),
    number("gate.burst_records_min", 1, 1 << 31, "records of one source in a day that are never a burst"),
    number("store.cache_bytes", 1 << 20, 1 << 40, "memory for pages of the store"),
    number("api.request_bytes_max", 1 << 10, 1 << 30, "the longest request to the local interface, imports aside"),
    number("api.connections_max", 1, 4_096, "connections to the local interface at a time"),
    text("https.listen", "address and port at which programs fetch exports; none: nowhere"),
    text("https.cert", "file of its certificate, PEM; one of the node's own making where none is given"),
    text("https.key", "file of the certificate's key, PEM"),
    text("https.names", "names and addresses in a certificate of the node's own making"),
    number("https.connections_max", 1, 4_096, "connections at a time"),
    number("https.source_connections_max", 1, 4_096, "connections of one address at a time"),
    number("https.handshake_ms_max", 100, 600_000, "a TLS handshake that takes longer is given up"),
    number("https.header_s_max", 1, 600, "the head of a request comes within so many seconds"),
    number("https.header_bytes_max", 8 << 10, 1 << 20, "bytes of the head of a request"),
    number("https.answer_s_max", 1, 3_600, "an answer begins within so many seconds"),
    number("https.connection_s_max", 10, 86_400, "a connection ends after so many seconds"),
    number("https.requests_per_consumer_max", 1, 1_000, "requests of one consumer at a time"),
    number("https.failures_per_minute_max", 1, 10_000, "wrong tokens of one address in a minute that are answered at once"),
    number("https.cache_exports_max", 1, 10_000, "exports that are kept on disk to be fetched again"),
    number("https.cache_bytes_max", 1 << 20, 1 << 50, "bytes of them; a longer one is not served"),
    number("https.taxii_page_max", 10, 100_000, "objects of one page of TAXII"),
    number("https.taxii_page_bytes_max", 64 << 10, 1 << 30, "bytes of them, but for the first; of a page of what changed too"),
    number("https.taxii_objects_max", 1_000, 100_000_000, "objects of a collection of TAXII; a larger one is not served"),
    number("https.misp_answer_bytes_max", 64 << 10, 1 << 40, "bytes of an answer of MISP's REST; a longer one is refused"),
    number("https.misp_drafts_max", 1, 100_000, "events that one program has added"),
    number("https.misp_drafts_bytes_max", 1 << 10, 1 << 30, "bytes of those that wait for being published"),
    number("https.misp_draft_days", 1, 3_650, "they are known for so many days after they were changed last"),
    number("https.consumers_max", 1, 10_000, "consumers that may fetch"),
    number("https.token_days_max", 1, 3_650, "a token counts for so many days at most"),
    number("https.wait_s_max", 1, 300, "whoever waits for something new waits so many seconds at most"),
    number("https.lines_max", 10, 100_000, "lines of one page of what changed"),
    number("https.body_bytes_max", 1 << 10, 64 << 20, "bytes of what a producer sends in one request"),
    number("https.body_s_max", 1, 3_600, "it has come within so many seconds"),
    number("https.produced_records_max", 1, 10_000, "records in one request of a producer"),
    number("https.producer_requests_per_day_max", 1, 1_000_000, "requests of one producer in a day"),
    number("https.producer_records_per_day_max", 1, 100_000_000, "records in them"),
    number("https.submissions_h", 1, 720, "what became of a request is told for so many hours"),
    number("feeds.feeds_max", 0, 10_000, "feeds that are taken in"),
    number("feeds.at_once_max", 1, 64, "of them are read at a time"),
    number("feeds.every_s_min", 1, 86_400, "no feed is asked more often than every so many seconds"),
    number("feeds.connect_s_max", 1, 600, "a connection to a feed, and its TLS handshake, within so many seconds"),
    number("feeds.answer_s_max", 1, 3_600, "a feed's answer begins within so many seconds"),
    number("feeds.whole_s_max", 1, 86_400, "one file of a feed is there within so many seconds"),
    number("feeds.bytes_max", 1 << 10, 1 << 40, "bytes of one file of a feed as they come"),
    number("feeds.unpacked_bytes_max", 1 << 10, 1 << 40, "bytes of it once unpacked"),
    number("feeds.redirects_max", 0, 20, "redirects that are followed"),
    number("feeds.records_max", 1, 10_000_000, "indicators of one feed"),
    number("feeds.fetches_max", 1, 100_000, "files or pages that are fetched in one run of a feed"),
    number("feeds.files_max", 1, 1_000_000, "files of a folder that is a feed"),
    number("feeds.events_max", 1, 1_000_000, "events of one MISP feed or server"),
    number("feeds.misp_page_attributes", 1, 100_000, "attributes that a MISP server gives or takes at a time"),
    number("feeds.misp_page_bytes_max", 1 << 10, 1 << 30, "bytes of them"),
    number("feeds.taxii_page_objects_max", 1, 10_000_000, "objects of one page of a TAXII collection"),
    number("feeds.taxii_page_bytes_max", 1 << 10, 1 << 30, "bytes of it"),
    number("notify.retry_s_min", 1, 86_400, "first wait before a notice that failed is tried again"),
    number("notify.retry_s_max", 1, 86_400, "longest wait before a notice is tried again"),
    number("notify.give_up_hours", 1, 168, "a notice that has failed for so long is given up"),
    number("notify.timeout_s_max", 1, 300, "one try at a notice takes no longer"),
    number("notify.at_once_max", 1, 64, "notices on their way at a time on one channel"),
    number("notify.burst_max", 1, 1_000, "notices told one by one at a time; more leave as one that counts them"),
    number("notify.per_hour_max", 1, 3_600, "notices told one by one in an hour, on one channel"),
    number("notify.digest_hour", 0, 23, "hour at which what is not urgent is told, in `notify.time_zone`"),
    number("notify.digest_every_hours", 0, 168, "what is not urgent is told every so many hours; 0: once a day"),
    text("notify.time_zone", "whose hours those are"),
    text("notify.channel", "`[[notify.channel]]`: ways to tell people; how many there are"),
];

impl Setting {
    /// The environment variable that overrides it: `WATCHFIRE_LINK_KEEP_ALIVE_MS`.
    pub fn variable(&self) -> String {
        format!("WATCHFIRE_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// Where a setting in force comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Nobody has set it.
    Default,
    /// The settings file.
    File,
    /// An environment variable.
    Env,
}

/// Settings that cannot be used. Names the place, the key and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read `{}`: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line of the file is wrong.
    #[error("`{}` line {line}: {what}\nhint: {hint}", .file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with the key.
        what: String,
        /// The way out.
        hint: String,
    },
    /// An environment variable is wrong.
    #[error("${variable}: {what}\nhint: {hint}")]
    Variable {
        /// The variable.
        variable: String,
        /// What is wrong.
        what: String,
        /// The way out.
        hint: String,
    },
}

/// Settings in force, and where each comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    sources: BTreeMap<&'static str, Source>,
}

impl Effective {
    /// Reads the file (a missing one is an empty one) and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, or a setting is unknown, of another type or out of its range.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::load_with(file, &|name| std::env::var(name).ok())
    }

    fn load_with(file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Read { file: file.into(), source }),
        };
        Self::parse(&text, file, environment)
    }

    /// Reads settings from a file's text and an environment.
    ///
    /// # Errors
    /// When a setting is unknown, of another type or out of its range.
    pub fn parse(text: &str, file: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let place = Place { text, file };
        let mut config: Config = toml::from_str(text).map_err(|error| place.syntax(&error))?;
        let written: toml::Table = toml::from_str(text).map_err(|error| place.syntax(&error))?;
        let mut sources: BTreeMap<&'static str, Source> = BTreeMap::new();
        for setting in &SETTINGS {
            sources.insert(setting.key, if leaf(&written, setting.key).is_some() { Source::File } else { Source::Default });
        }
        for setting in &SETTINGS {
            if let Some(value) = environment(&setting.variable()) {
                config = overridden(&config, setting, &value)?;
                sources.insert(setting.key, Source::Env);
            }
        }
        let effective = Self { config, sources };
        for setting in &SETTINGS {
            if let Err(what) = effective.check(setting) {
                return Err(match effective.source(setting) {
                    Source::Env => ConfigError::Variable { variable: setting.variable(), what, hint: setting.hint() },
                    _ => place.at(setting, what),
                });
            }
        }
        Ok(effective)
    }

    /// Where a setting comes from.
    pub fn source(&self, setting: &Setting) -> Source {
        self.sources.get(setting.key).copied().unwrap_or(Source::Default)
    }

    /// A setting's value as the file would write it; `None` where it is not set and has no default.
    pub fn value(&self, setting: &Setting) -> Option<toml::Value> {
        match leaf(&table(&self.config), setting.key)? {
            // Tables of their own, which say what is kept in which file.
            toml::Value::Array(tables) if setting.key == "notify.channel" => i64::try_from(tables.len()).ok().map(toml::Value::Integer),
            value => Some(value.clone()),
        }
    }

    fn check(&self, setting: &Setting) -> Result<(), String> {
        let (config, key) = (&self.config, setting.key);
        if let (Some((min, max)), Some(value)) = (setting.range, self.value(setting)) {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok()).unwrap_or(u64::MAX);
            return if (min..=max).contains(&number) { Ok(()) } else { Err(format!("`{key}` is {number}; {min} to {max} is possible")) };
        }
        match key {
            "listen" if config.listen.parse::<std::net::SocketAddr>().is_err() => {
                Err(format!("`listen` is `{}`, which is not an address and port", config.listen))
            }
            "https.listen" => match config.https.listen.as_deref() {
                Some(listen) if listen.parse::<std::net::SocketAddr>().is_err() => {
                    Err(format!("`https.listen` is `{listen}`, which is not an address and port"))
                }
                _ => Ok(()),
            },
            "https.cert" | "https.key" if config.https.cert.is_some() != config.https.key.is_some() => {
                Err("of `https.cert` and `https.key` one is missing".into())
            }
            "endpoints" => match config.endpoints.iter().find(|endpoint| !is_endpoint(endpoint)) {
                Some(endpoint) => Err(format!("`endpoints` has `{endpoint}`, which is not host:port")),
                None => Ok(()),
            },
            "proxy" => match config.proxy.as_deref() {
                Some(proxy) if !proxy.strip_prefix("socks5://").is_some_and(is_endpoint) => {
                    Err(format!("`proxy` is `{proxy}`, which is not socks5://host:port"))
                }
                _ => Ok(()),
            },
            "gate.own" => match config.gate.own.iter().find(|value| Observable::guess(value).is_err()) {
                Some(value) => Err(format!("`gate.own` has `{value}`, which is no domain, address or network")),
                None => Ok(()),
            },
            "notify.time_zone" => match config.notify.digest_times() {
                Err(error) => Err(format!("`notify.time_zone`: {error}")),
                Ok(_) => Ok(()),
            },
            "notify.channel" => notify::check(&config.notify.channel).map_err(|what| format!("`notify.channel`: {what}")),
            "log" => match tracing_subscriber::EnvFilter::builder().parse(&config.log) {
                Err(_) => Err(format!("`log` is `{}`, which is neither a level nor directives", config.log)),
                Ok(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Whether it reads as `host:port`; a host is a DNS name, an IPv4 address or an IPv6 address in brackets.
pub fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_ok = match bracketed {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.len() <= 253 && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    };
    host_ok && port.parse::<u16>().is_ok_and(|port| port > 0)
}

impl Setting {
    fn hint(&self) -> String {
        let example = match self.key {
            "listen" => ", like 0.0.0.0:7443 or [::]:7443",
            "https.listen" => ", like 127.0.0.1:8443 or [::]:8443",
            "endpoints" => ", like [\"node.example.org:7443\"]",
            "proxy" => ", like socks5://127.0.0.1:9050",
            "notify.time_zone" => ", like Africa/Nairobi",
            "notify.channel" => "; `docs/notifications.md` has examples of each kind",
            "gate.own" => ", like [\"helpline.org\", \"198.51.100.0/24\"]",
            _ => "",
        };
        format!("`{}`: {}{example}", self.key, self.about)
    }
}

/// The text of the file that `init` writes.
pub fn initial(name: &str, listen: &str, endpoints: &[String]) -> String {
    let string = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let endpoints = endpoints.iter().map(|endpoint| string(endpoint)).collect::<Vec<_>>().join(", ");
    format!(
        "# Settings of this Watchfire node. `watchfire config show` lists all of them with their defaults.\n\
         name = {}\nlisten = {}\nendpoints = [{endpoints}]\n",
        string(name),
        string(listen)
    )
}

/// The data directory that is used when neither `--data` nor `$WATCHFIRE_DATA` names one: systemd's `$STATE_DIRECTORY`, else the
/// platform's place for a program's state.
pub fn default_data(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(state) = set("STATE_DIRECTORY") {
        return state;
    }
    match set("HOME") {
        Some(home) if cfg!(target_os = "macos") => home.join("Library/Application Support/watchfire"),
        Some(home) => set("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state")).join("watchfire"),
        None => "/var/lib/watchfire".into(),
    }
}

fn table(config: &Config) -> toml::Table {
    toml::Table::try_from(config).expect("settings are strings, lists and numbers below 2^63")
}

fn leaf<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    match key.split_once('.') {
        None => table.get(key),
        Some((section, key)) => table.get(section)?.as_table()?.get(key),
    }
}

/// The settings with one of them replaced by a variable's text; a list's items stand between commas.
fn overridden(config: &Config, setting: &Setting, text: &str) -> Result<Config, ConfigError> {
    let wrong = |what: String| ConfigError::Variable { variable: setting.variable(), what, hint: setting.hint() };
    let mut table = table(config);
    let value = match leaf(&table, setting.key) {
        Some(toml::Value::Integer(_)) => match text.parse::<i64>() {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => return Err(wrong(format!("`{text}` is not a whole number"))),
        },
        Some(toml::Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            toml::Value::Array(items.map(|item| toml::Value::String(item.into())).collect())
        }
        _ => toml::Value::String(text.into()),
    };
    let (within, key) = match setting.key.split_once('.') {
        None => (&mut table, setting.key),
        Some((section, key)) => (table.get_mut(section).and_then(toml::Value::as_table_mut).expect("every section is written"), key),
    };
    within.insert(key.into(), value);
    table.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))
}

/// The line of a TOML text that is wrong, and what is, in one line.
pub(crate) fn toml_error(text: &str, error: &toml::de::Error) -> (usize, String) {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text[..at].matches('\n').count() + 1;
    (line, error.message().lines().next().unwrap_or_default().to_owned())
}

/// A settings file, for errors that name the line.
struct Place<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Place<'_> {
    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let (line, message) = toml_error(self.text, error);
        let key = self.key_of(line);
        let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let known = key.as_deref().and_then(|key| SETTINGS.iter().find(|setting| setting.key == key));
        let (what, hint) = match (unknown, known) {
            (Some(name), _) => {
                (format!("there is no setting `{}`", key.as_deref().unwrap_or(name)), suggestion(key.as_deref().unwrap_or(name)))
            }
            (None, Some(setting)) => (format!("`{}`: {message}", setting.key), setting.hint()),
            (None, None) => (message, "the file is TOML: `key = value` lines, text in double quotes".into()),
        };
        ConfigError::Line { file: self.file.into(), line, what, hint }
    }

    fn at(&self, setting: &Setting, what: String) -> ConfigError {
        let line = (1..=self.text.lines().count()).find(|line| self.key_of(*line).as_deref() == Some(setting.key)).unwrap_or(1);
        ConfigError::Line { file: self.file.into(), line, what, hint: setting.hint() }
    }

    /// The full key of the setting on a line, by the section header above it.
    fn key_of(&self, line: usize) -> Option<String> {
        let mut section = None;
        for (number, text) in self.text.lines().enumerate().map(|(index, text)| (index + 1, text.trim())) {
            if let Some(name) =
                text.strip_prefix('[').and_then(|rest| rest.trim_start_matches('[').split(']').next()).filter(|_| !text.contains('='))
            {
                section = Some(name.trim().to_owned());
            }
            if number == line {
                let key = text.split_once('=').map(|(key, _)| key.trim().to_owned());
                return match (section, key) {
                    (Some(section), Some(key)) => Some(format!("{section}.{key}")),
                    (Some(section), None) => Some(section),
                    (None, key) => key,
                };
            }
        }
        None
    }
}

/// The setting that was perhaps meant, else where all are listed.
fn suggestion(key: &str) -> String {
    let nearest = SETTINGS.iter().map(|setting| (distance(key, setting.key), setting.key)).min();
    match nearest {
        // Of a short word nothing would be left.
        Some((distance, name)) if distance <= 3.min(key.len() / 2) => format!("did you mean `{name}`?"),
        _ => "`watchfire config show` lists all settings".into(),
    }
}

/// Levenshtein's distance in bytes.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let replaced = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Effective, String> {
        let get = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Effective::parse(text, Path::new("watchfire.toml"), &get).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_gives_the_defaults_and_every_default_is_within_its_range() {
        let effective = read("", &[]).expect("defaults hold");
        assert_eq!(effective.config, Config::default());
        assert!(SETTINGS.iter().all(|setting| effective.source(setting) == Source::Default));
    }

    #[test]
    fn every_setting_is_listed() {
        let mut listed: Vec<_> = SETTINGS.iter().map(|setting| setting.key.to_owned()).collect();
        let unset =
            ["https.listen", "https.cert", "https.key", "proxy", "gate.deny_list", "gate.keep_list", "gate.victims", "gate.warninglists"];
        let mut present: Vec<String> = unset.map(str::to_owned).into();
        for (key, value) in table(&Config::default()) {
            match value {
                toml::Value::Table(section) => present.extend(section.keys().map(|inner| format!("{key}.{inner}"))),
                _ => present.push(key),
            }
        }
        listed.sort();
        present.sort();
        assert_eq!(listed, present);
    }

    #[test]
    fn a_variable_beats_the_file_and_the_file_beats_the_default() {
        let text = "listen = '127.0.0.1:1'\n[link]\nkeep_alive_ms = 300\n";
        let environment = [("WATCHFIRE_LINK_KEEP_ALIVE_MS", "400"), ("WATCHFIRE_ENDPOINTS", "a.example:1, b.example:2")];
        let effective = read(text, &environment).expect("valid");
        assert_eq!(effective.config.link.keep_alive_ms, 400);
        assert_eq!(effective.config.endpoints, ["a.example:1", "b.example:2"]);
        let source = |key| effective.source(SETTINGS.iter().find(|setting| setting.key == key).expect("listed"));
        assert_eq!(source("link.keep_alive_ms"), Source::Env);
        assert_eq!(source("listen"), Source::File);
        assert_eq!(source("log"), Source::Default);
    }

    #[test]
    fn each_error_names_line_key_and_way_out() {
        let cases = [
            ("name = 'a'\nlisen = 'x'\n", "`watchfire.toml` line 2: there is no setting `lisen`\nhint: did you mean `listen`?"),
            ("foo = 1\n", "`watchfire.toml` line 1: there is no setting `foo`\nhint: `watchfire config show` lists all settings"),
            ("nmae = 'a'\n", "`watchfire.toml` line 1: there is no setting `nmae`\nhint: did you mean `name`?"),
            (
                "[link]\n\nkeepalive = 3\n",
                "`watchfire.toml` line 3: there is no setting `link.keepalive`\nhint: `watchfire config show` lists all settings",
            ),
            (
                "[link]\nhalf_open_max = 'many'\n",
                "`watchfire.toml` line 2: `link.half_open_max`: invalid type: string \"many\", expected u64\n\
                 hint: `link.half_open_max`: unfinished handshakes at a time",
            ),
            (
                "[link]\nhalf_open_max = 0\n",
                "`watchfire.toml` line 2: `link.half_open_max` is 0; 1 to 65536 is possible\n\
                 hint: `link.half_open_max`: unfinished handshakes at a time",
            ),
            (
                "\nlisten = 'everywhere'\n",
                "`watchfire.toml` line 2: `listen` is `everywhere`, which is not an address and port\n\
                 hint: `listen`: address and port that peers connect to, like 0.0.0.0:7443 or [::]:7443",
            ),
            (
                "endpoints = ['a.example']\n",
                "`watchfire.toml` line 1: `endpoints` has `a.example`, which is not host:port\n\
                 hint: `endpoints`: host:port at which peers reach this node, as its card tells them, like [\"node.example.org:7443\"]",
            ),
            (
                "proxy = 'http://a:1'\n",
                "`watchfire.toml` line 1: `proxy` is `http://a:1`, which is not socks5://host:port\n\
                 hint: `proxy`: socks5://host:port through which peers are dialled, like socks5://127.0.0.1:9050",
            ),
            (
                "[gate]\nown = ['helpline.org', 'our desk']\n",
                "`watchfire.toml` line 2: `gate.own` has `our desk`, which is no domain, address or network\n\
                 hint: `gate.own`: domains, addresses and networks of this organisation, like [\"helpline.org\", \"198.51.100.0/24\"]",
            ),
            (
                "[gate]\nreserved = 'never'\n",
                "`watchfire.toml` line 2: `gate.reserved`: unknown variant `never`, expected one of `warn`, `hold`, `refuse`\n\
                 hint: `gate.reserved`: what addresses and names for examples mean: warn, hold or refuse",
            ),
            (
                "[https]\nlisten = '8443'\n",
                "`watchfire.toml` line 2: `https.listen` is `8443`, which is not an address and port\n\
                 hint: `https.listen`: address and port at which programs fetch exports; none: nowhere, like 127.0.0.1:8443 or [::]:8443",
            ),
            (
                "[https]\ncert = 'a.pem'\n",
                "`watchfire.toml` line 2: of `https.cert` and `https.key` one is missing\n\
                 hint: `https.cert`: file of its certificate, PEM; one of the node's own making where none is given",
            ),
            (
                "log = 'wat=ever='\n",
                "`watchfire.toml` line 1: `log` is `wat=ever=`, which is neither a level nor directives\n\
                 hint: `log`: what is logged: error, warn, info, debug, trace, or directives",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text, &[]).expect_err(text), expected);
        }
    }

    #[test]
    fn a_bad_variable_is_named() {
        assert_eq!(
            read("", &[("WATCHFIRE_STORE_CACHE_BYTES", "lots")]).expect_err("not a number"),
            "$WATCHFIRE_STORE_CACHE_BYTES: `lots` is not a whole number\nhint: `store.cache_bytes`: memory for pages of the store"
        );
    }

    #[test]
    fn what_init_writes_is_read_again() {
        let endpoints = vec!["node.example.org:7443".to_owned()];
        let effective = read(&initial("The \"Desk\"", "127.0.0.1:0", &endpoints), &[]).expect("valid");
        assert_eq!((effective.config.name.as_str(), effective.config.listen.as_str()), ("The \"Desk\"", "127.0.0.1:0"));
        assert_eq!(effective.config.endpoints, endpoints);
    }

    #[test]
    fn the_data_directory_follows_the_platform() {
        let of = |pairs: &'static [(&str, &str)]| {
            default_data(&move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(of(&[("STATE_DIRECTORY", "/var/lib/w"), ("HOME", "/root")]), Path::new("/var/lib/w"));
        assert_eq!(of(&[]), Path::new("/var/lib/watchfire"));
        #[cfg(target_os = "linux")]
        assert_eq!(of(&[("HOME", "/home/a"), ("XDG_STATE_HOME", "")]), Path::new("/home/a/.local/state/watchfire"));
    }

    /// `docs/configuration.md` as it must be.
    fn page() -> String {
        let defaults = Effective::parse("", Path::new("watchfire.toml"), &|_| None).expect("nothing is set");
        let mut page = String::from(
            "# Settings\n\nThey stand in `DIR/watchfire.toml`, a section for what is before the dot, and are read when the node starts. `watchfire config show` prints those in force and \
             where each comes\nfrom, `watchfire config check` looks for mistakes, `watchfire doctor` too. Each can be set by a variable: `link.keep_alive_ms` by \
             `WATCHFIRE_LINK_KEEP_ALIVE_MS`. The defaults need no\nchange.\n\nBeside it stand files that the operator may write: `timers.toml` (docs/escalation.md), `vocabularies/NAME.toml` \
             (docs/vocabularies.md), `denied-keys.txt`, and what `[gate]` names\n(docs/release-gate.md). `watchfire doctor` reads all of them.\n\n\
             | setting | default | from – to | |\n|---|---|---|---|\n",
        );
        for setting in &SETTINGS {
            let default = defaults.value(setting).map_or_else(|| "none".to_owned(), |value| format!("`{value}`"));
            let range = setting.range.map_or_else(String::new, |(least, most)| format!("{least} – {most}"));
            page += &format!("| `{}` | {default} | {range} | {} |\n", setting.key, setting.about);
        }
        page
    }

    #[test]
    fn every_setting_stands_in_the_docs_with_its_default_and_in_the_changelog() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let docs = root.join("docs/configuration.md");
        if std::env::var_os("WATCHFIRE_EXPECT").is_some_and(|value| value == "write") {
            std::fs::write(&docs, page()).expect("written");
        }
        assert_eq!(std::fs::read_to_string(&docs).expect("the docs"), page(), "WATCHFIRE_EXPECT=write writes it");
        let changelog = std::fs::read_to_string(root.join("CHANGELOG.md")).expect("the changelog");
        let missing: Vec<&str> =
            SETTINGS.iter().map(|setting| setting.key).filter(|key| !changelog.contains(&format!("`{key}`"))).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }
}
