//! Settings of notices: how they are paced, and the channels by which people are told.

use crate::model::desk::Role;
use crate::rules::notify::{BadDigestTimes, DigestTimes, Retry};
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// So many channels at most.
const CHANNELS_MAX: usize = 16;
/// So many recipients, arguments and roles at most.
const ITEMS_MAX: usize = 32;

/// How people are told that something waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// The first wait before a notice that failed is tried again: a mail server that was restarted is back.
    pub retry_s_min: u64,
    /// The longest wait: once a channel is mended, all is told within the hour.
    pub retry_s_max: u64,
    /// A notice that has failed for so long is given up: a long week-end, behind which it is news no more.
    pub give_up_hours: u64,
    /// One try takes no longer.
    pub timeout_s_max: u64,
    /// So many on their way at a time, on one channel.
    pub at_once_max: u64,
    /// So many are told one by one at a time; more leave as one that counts them.
    pub burst_max: u64,
    /// So many are told one by one in an hour.
    pub per_hour_max: u64,
    /// The hour at which what is not urgent is told.
    pub digest_hour: u64,
    /// What is not urgent is told every so many hours; 0 for once a day.
    pub digest_every_hours: u64,
    /// Whose hours those are.
    pub time_zone: String,
    /// The channels.
    pub channel: Vec<Channel>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            retry_s_min: 10,
            retry_s_max: 3_600,
            give_up_hours: 72,
            timeout_s_max: 20,
            at_once_max: 4,
            burst_max: 10,
            per_hour_max: 60,
            digest_hour: 8,
            digest_every_hours: 0,
            time_zone: "UTC".into(),
            channel: Vec::new(),
        }
    }
}

impl Notify {
    /// When digests leave.
    ///
    /// # Errors
    /// When there is no such time zone.
    pub fn digest_times(&self) -> Result<DigestTimes, BadDigestTimes> {
        DigestTimes::new(self.digest_every_hours, self.digest_hour, &self.time_zone)
    }

    /// When what failed is tried again.
    pub fn retry(&self) -> Retry {
        let first_ms = self.retry_s_min.saturating_mul(1_000);
        let max_ms = self.retry_s_max.saturating_mul(1_000).max(first_ms);
        Retry { first_ms, max_ms, give_up_ms: self.give_up_hours.saturating_mul(3_600_000) }
    }
}

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A program that is given the notice as JSON.
    Command,
    /// A signed request (Standard Webhooks).
    Webhook,
    /// A mail.
    Email,
    /// An incoming webhook of Mattermost, or of what understands the same.
    Mattermost,
}

impl Kind {
    /// Its name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::Mattermost => "mattermost",
        }
    }
}

/// What a channel takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Minimum {
    /// Everything.
    #[default]
    Any,
    /// What is urgent.
    Urgent,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// TLS after `STARTTLS`, which must be offered.
    Starttls,
    /// None: to this machine alone.
    Plain,
}

/// A way to tell people, as it is written; [`Channel::means`] reads it. Relative paths start at the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// What people here call it: small letters, digits, `-`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it takes.
    #[serde(default)]
    pub minimum: Minimum,
    /// For whom it is; all, where none is named.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Whether what is not urgent waits for the digest; else it is told at once, which is for machines.
    #[serde(default = "yes")]
    pub digest: bool,
    /// `command`: the program's absolute path.
    pub program: Option<PathBuf>,
    /// `command`: its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// `webhook`: where to.
    pub url: Option<String>,
    /// `webhook`: the file with `whsec_…`, of mode 0600.
    pub secret_file: Option<PathBuf>,
    /// `mattermost`: the file with the URL, which is a secret, of mode 0600.
    pub url_file: Option<PathBuf>,
    /// Certificates, as PEM, that are trusted in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// `socks5://host:port` through which it is reached, or `none`; where it is not given, the node's `proxy`.
    pub proxy: Option<String>,
    /// `email`: `host:port` of the mail server.
    pub server: Option<String>,
    /// `email`: how it is spoken to.
    pub security: Option<Security>,
    /// `email`: who logs in there.
    pub user: Option<String>,
    /// `email`: the file with the password, of mode 0600.
    pub password_file: Option<PathBuf>,
    /// `email`: who writes.
    pub from: Option<String>,
    /// `email`: to whom.
    #[serde(default)]
    pub to: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// A channel's means, complete and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Runs a program.
    Command {
        /// Its path.
        program: PathBuf,
        /// Its arguments.
        args: Vec<String>,
    },
    /// Posts a signed request.
    Webhook {
        /// Where to.
        url: url::Url,
        /// The file with the secret.
        secret: PathBuf,
    },
    /// Sends a mail.
    Email {
        /// The server's name or address.
        host: String,
        /// Its port.
        port: u16,
        /// How it is spoken to.
        security: Security,
        /// Who logs in, and the file with the password.
        login: Option<(String, PathBuf)>,
        /// Who writes.
        from: Box<Mailbox>,
        /// To whom.
        to: Vec<Mailbox>,
    },
    /// Posts a line to a chat.
    Mattermost {
        /// The file with the URL.
        url: PathBuf,
    },
}

impl Channel {
    /// Its means.
    ///
    /// # Errors
    /// What is missing, wrong, or of another kind of channel, in words.
    pub fn means(&self) -> Result<Means, String> {
        let name = &self.name;
        let fits = |text: &str| {
            !text.is_empty()
                && text.len() <= 40
                && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !fits(name) {
            return Err(format!(
                "`{}` is no name for a channel: 1 to 40 small letters, digits or `-`",
                name.chars().take(60).collect::<String>()
            ));
        }
        self.check_foreign()?;
        if self.args.len().max(self.to.len()).max(self.roles.len()) > ITEMS_MAX {
            return Err(format!("`{name}` has more than {ITEMS_MAX} arguments, recipients or roles"));
        }
        if let Some(proxy) = self.proxy.as_deref()
            && proxy != "none"
            && !proxy.strip_prefix("socks5://").is_some_and(super::is_endpoint)
        {
            return Err(format!("the proxy of `{name}` is neither socks5://host:port nor none"));
        }
        let missing = |what: &str| format!("`{name}` has no `{what}`");
        match self.kind {
            Kind::Command => match &self.program {
                Some(program) if program.is_absolute() => Ok(Means::Command { program: program.clone(), args: self.args.clone() }),
                Some(_) => Err(format!("the program of `{name}` is no absolute path")),
                None => Err(missing("program")),
            },
            Kind::Webhook => {
                let url =
                    read_url(self.url.as_deref().ok_or_else(|| missing("url"))?).map_err(|what| format!("the URL of `{name}` {what}"))?;
                let secret = self.secret_file.clone().ok_or_else(|| missing("secret_file"))?;
                Ok(Means::Webhook { url, secret })
            }
            Kind::Mattermost => Ok(Means::Mattermost { url: self.url_file.clone().ok_or_else(|| missing("url_file"))? }),
            Kind::Email => self.email(&missing),
        }
    }

    fn email(&self, missing: &dyn Fn(&str) -> String) -> Result<Means, String> {
        let name = &self.name;
        let server = self.server.as_deref().ok_or_else(|| missing("server"))?;
        let endpoint = server.rsplit_once(':').filter(|_| super::is_endpoint(server));
        let (host, port) = endpoint
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .ok_or_else(|| format!("the server of `{name}` is not host:port"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let security = self.security.unwrap_or_default();
        if security == Security::Plain && !is_loopback(&host) {
            return Err(format!("`{name}` would send in the clear to another machine"));
        }
        let login = match (&self.user, &self.password_file) {
            (Some(user), Some(file)) => Some((user.clone(), file.clone())),
            (None, None) => None,
            (Some(_), None) => return Err(missing("password_file")),
            (None, Some(_)) => return Err(missing("user")),
        };
        let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|_| format!("`{name}` has an address that is none"));
        let from = Box::new(mailbox(self.from.as_ref().ok_or_else(|| missing("from"))?)?);
        let to = self.to.iter().map(mailbox).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(missing("to"));
        }
        Ok(Means::Email { host, port, security, login, from, to })
    }

    /// A key of another kind of channel is a mistake, not something to pass over.
    fn check_foreign(&self) -> Result<(), String> {
        let web = [Kind::Webhook, Kind::Mattermost, Kind::Email];
        let keys: [(&str, bool, &[Kind]); 13] = [
            ("program", self.program.is_some(), &[Kind::Command]),
            ("args", !self.args.is_empty(), &[Kind::Command]),
            ("url", self.url.is_some(), &[Kind::Webhook]),
            ("secret_file", self.secret_file.is_some(), &[Kind::Webhook]),
            ("url_file", self.url_file.is_some(), &[Kind::Mattermost]),
            ("ca_file", self.ca_file.is_some(), &web),
            ("proxy", self.proxy.is_some(), &web),
            ("server", self.server.is_some(), &[Kind::Email]),
            ("security", self.security.is_some(), &[Kind::Email]),
            ("user", self.user.is_some(), &[Kind::Email]),
            ("password_file", self.password_file.is_some(), &[Kind::Email]),
            ("from", self.from.is_some(), &[Kind::Email]),
            ("to", !self.to.is_empty(), &[Kind::Email]),
        ];
        match keys.iter().find(|(_, set, kinds)| *set && !kinds.contains(&self.kind)) {
            Some((key, ..)) => Err(format!("`{}` is of kind {} and has `{key}`", self.name, self.kind.name())),
            None => Ok(()),
        }
    }
}

/// Reads a URL that is posted to: `https`, or `http` to this machine. The URL is not repeated, as it may be a secret.
///
/// # Errors
/// What is wrong with it, in words that follow it.
pub fn read_url(text: &str) -> Result<url::Url, &'static str> {
    let url = url::Url::parse(text.trim()).map_err(|_| "is none")?;
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']));
    match (url.scheme(), host) {
        (_, None) => Err("names no host"),
        _ if !url.username().is_empty() || url.password().is_some() => Err("has a name or a password in it"),
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(host) => Ok(url),
        ("http", Some(_)) => Err("would send in the clear to another machine"),
        _ => Err("is not https"),
    }
}

/// Whether a host is this machine, by its address; or `localhost`.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether all channels can be used.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn check(channels: &[Channel]) -> Result<(), String> {
    if channels.len() > CHANNELS_MAX {
        return Err(format!("there are {} channels; up to {CHANNELS_MAX} are possible", channels.len()));
    }
    let mut names = BTreeSet::new();
    for channel in channels {
        channel.means()?;
        if !names.insert(&channel.name) {
            return Err(format!("two channels are called `{}`", channel.name));
        }
    }
    Ok(())
}

/// A path of the settings: relative ones start at the data directory.
pub fn within(data: &Path, path: &Path) -> PathBuf {
    data.join(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Effective;

    fn read(text: &str) -> Result<Effective, String> {
        Effective::parse(text, Path::new("watchfire.toml"), &|_| None).map_err(|error| error.to_string())
    }

    const GOOD: &str = r#"
[notify]
digest_hour = 7
time_zone = "Africa/Nairobi"

[[notify.channel]]
name = "pager"
kind = "command"
minimum = "urgent"
roles = ["lead", "director"]
program = "/usr/local/bin/page"

[[notify.channel]]
name = "tickets"
kind = "webhook"
digest = false
url = "https://tickets.example.org/hook"
secret_file = "tickets.secret"

[[notify.channel]]
name = "mail"
kind = "email"
server = "mail.example.org:587"
security = "starttls"
user = "watchfire"
password_file = "mail.password"
from = "watchfire@example.org"
to = ["desk@example.org"]

[[notify.channel]]
name = "chat"
kind = "mattermost"
url_file = "chat.url"
"#;

    #[test]
    fn each_kind_of_channel_is_read() {
        let config = read(GOOD).expect("good").config.notify;
        let kinds: Vec<_> = config.channel.iter().map(|channel| (channel.kind.name(), channel.digest)).collect();
        assert_eq!(kinds, [("command", true), ("webhook", false), ("email", true), ("mattermost", true)]);
        assert_eq!(config.channel[0].roles, [Role::Lead, Role::Director]);
        let shown = read(GOOD).expect("good");
        let setting = crate::config::SETTINGS.iter().find(|setting| setting.key == "notify.channel").expect("listed");
        assert_eq!(shown.value(setting), Some(toml::Value::Integer(4)));
    }

    #[test]
    fn what_is_wrong_with_a_channel_is_told_and_no_secret_is_repeated() {
        let cases = [
            ("name = 'Desk'\nkind = 'command'", "`Desk` is no name for a channel: 1 to 40 small letters, digits or `-`"),
            ("name = 'a'\nkind = 'command'", "`a` has no `program`"),
            ("name = 'a'\nkind = 'command'\nprogram = 'page'", "the program of `a` is no absolute path"),
            ("name = 'a'\nkind = 'command'\nprogram = '/p'\nurl = 'https://x/'", "`a` is of kind command and has `url`"),
            (
                "name = 'a'\nkind = 'webhook'\nurl = 'http://x.example/'\nsecret_file = 's'",
                "the URL of `a` would send in the clear to another machine",
            ),
            (
                "name = 'a'\nkind = 'webhook'\nurl = 'https://me:secret@x.example/'\nsecret_file = 's'",
                "the URL of `a` has a name or a password in it",
            ),
            ("name = 'a'\nkind = 'webhook'\nurl = 'ftp://x.example/'\nsecret_file = 's'", "the URL of `a` is not https"),
            ("name = 'a'\nkind = 'webhook'\nurl = 'https://x.example/'", "`a` has no `secret_file`"),
            ("name = 'a'\nkind = 'mattermost'", "`a` has no `url_file`"),
            (
                "name = 'a'\nkind = 'mattermost'\nurl_file = 'u'\nproxy = 'http://p:1'",
                "the proxy of `a` is neither socks5://host:port nor none",
            ),
            ("name = 'a'\nkind = 'email'\nserver = 'mail.example'", "the server of `a` is not host:port"),
            ("name = 'a'\nkind = 'email'\nserver = 'm.example:25'\nsecurity = 'plain'", "`a` would send in the clear to another machine"),
            ("name = 'a'\nkind = 'email'\nserver = 'm.example:25'\nuser = 'u'", "`a` has no `password_file`"),
            ("name = 'a'\nkind = 'email'\nserver = 'm.example:25'\nfrom = 'nobody'", "`a` has an address that is none"),
            ("name = 'a'\nkind = 'email'\nserver = 'm.example:25'\nfrom = 'w@m.example'", "`a` has no `to`"),
        ];
        for (channel, expected) in cases {
            let error = read(&format!("[[notify.channel]]\n{channel}\n")).expect_err(channel);
            let said = format!("`watchfire.toml` line 1: `notify.channel`: {expected}");
            assert_eq!(error.lines().next(), Some(said.as_str()));
        }
        let two = "[[notify.channel]]\nname = 'a'\nkind = 'mattermost'\nurl_file = 'u'\n";
        assert!(read(&two.repeat(2)).expect_err("two").contains("two channels are called `a`"));
        let zone = read("[notify]\ntime_zone = 'Mars'\n").expect_err("no zone");
        let expected = "`watchfire.toml` line 2: `notify.time_zone`: `Mars` is no time zone\nhint: `notify.time_zone`: whose hours those are, like Africa/Nairobi";
        assert_eq!(zone, expected);
        let unknown = read("[[notify.channel]]\nname = 'a'\nkind = 'mattermost'\nurl_flie = 'u'\n").expect_err("unknown");
        assert!(unknown.starts_with("`watchfire.toml` line 4: there is no setting `notify.channel.url_flie`"), "{unknown}");
    }

    #[test]
    fn the_clear_is_for_this_machine_alone() {
        for (url, good) in [
            ("http://127.0.0.1:8065/x", true),
            ("http://[::1]/x", true),
            ("http://localhost/x", true),
            ("http://127.0.0.1.example/x", false),
        ] {
            assert_eq!(read_url(url).is_ok(), good, "{url}");
        }
    }
}
