//! A way to tell people, ready to be used.

use super::{command, email, web};
use crate::config::Config;
use crate::config::notify::{self as settings, Kind, Means, Minimum};
use crate::model::Timestamp;
use crate::model::desk::Roles;
use crate::rules::notify::{Fault, Message, Notice};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest file with a secret that is read.
pub(in crate::node) const SECRET_BYTES_MAX: u64 = 64 << 10;
/// The longest file of certificates that is read.
pub(in crate::node) const CA_BYTES_MAX: u64 = 1 << 20;

/// A way to tell people.
#[derive(Debug)]
pub struct Channel {
    /// What people here call it.
    pub name: String,
    /// Its place in the settings, from 1: what the log calls it.
    pub number: usize,
    /// What it is.
    pub kind: Kind,
    /// Whether it takes only what is urgent.
    pub urgent_only: bool,
    /// For whom it is.
    pub roles: Roles,
    /// Whether what is not urgent waits for its digest.
    pub digest: bool,
    means: Means,
    ca: Option<PathBuf>,
    /// `None` where it is reached directly.
    proxy: Option<String>,
    data: PathBuf,
    timeout: Duration,
}

impl Channel {
    /// Those of the settings. What cannot be used was refused when the settings were read.
    pub(in crate::node) fn all(config: &Config, data: &Path) -> Vec<Arc<Self>> {
        let numbered = config.notify.channel.iter().zip(1..);
        numbered.filter_map(|(channel, number)| Some(Arc::new(Self::of(channel, number, config, data)?))).collect()
    }

    fn of(channel: &settings::Channel, number: usize, config: &Config, data: &Path) -> Option<Self> {
        let means = match channel.means() {
            Ok(means) => means,
            Err(_) => {
                tracing::error!(channel = number, "a channel of the settings cannot be used");
                return None;
            }
        };
        let roles = channel.roles.iter().copied().map(Roles::one).reduce(Roles::and).unwrap_or(Roles::ALL);
        let proxy = channel.proxy.clone().or_else(|| config.proxy.clone()).filter(|proxy| proxy != "none");
        Some(Self {
            name: channel.name.clone(),
            number,
            kind: channel.kind,
            urgent_only: channel.minimum == Minimum::Urgent,
            roles,
            digest: channel.digest,
            means,
            ca: channel.ca_file.as_deref().map(|file| settings::within(data, file)),
            proxy,
            data: data.to_owned(),
            timeout: Duration::from_secs(config.notify.timeout_s_max),
        })
    }

    /// Whether it is told of this.
    pub fn takes(&self, notice: &Notice) -> bool {
        (notice.urgent || !self.urgent_only) && self.roles.meet(notice.to)
    }

    /// Tells it once. `now` stands in what is sent.
    ///
    /// # Errors
    /// Why it may not have been told.
    pub(super) async fn send(&self, message: &Message, now: Timestamp) -> Result<(), Fault> {
        let sending = async {
            match &self.means {
                Means::Command { program, args } => command::run(program, args, message).await,
                Means::Webhook { url, secret } => web::webhook(self, url, secret, message, now).await,
                Means::Mattermost { url } => web::mattermost(self, url, message).await,
                Means::Email { host, port, security, login, from, to } => {
                    let server = email::Server { host, port: *port, security: *security, login: login.as_ref() };
                    email::send(self, &server, from, to, message, now).await
                }
            }
        };
        tokio::time::timeout(self.timeout, sending).await.unwrap_or(Err(Fault::TimedOut))
    }

    /// Goes as far as telling it would, and tells nothing.
    ///
    /// # Errors
    /// Why it would not be told.
    pub(super) async fn reach(&self) -> Result<(), Fault> {
        let reaching = async {
            match &self.means {
                Means::Command { program, .. } => command::can_run(program),
                Means::Webhook { url, secret } => web::reach_webhook(self, url, secret).await,
                Means::Mattermost { url } => web::reach_mattermost(self, url).await,
                Means::Email { host, port, security, login, .. } => {
                    let server = email::Server { host, port: *port, security: *security, login: login.as_ref() };
                    email::reach(self, &server).await
                }
            }
        };
        tokio::time::timeout(self.timeout, reaching).await.unwrap_or(Err(Fault::TimedOut))
    }

    /// The proxy through which a host is reached; this machine never is through one.
    pub(super) fn proxy_to(&self, host: &str) -> Option<&str> {
        self.proxy.as_deref().filter(|_| !settings::is_loopback(host))
    }

    /// The certificates that are trusted in place of the system's, as PEM.
    pub(super) fn ca(&self) -> Result<Option<Vec<u8>>, Fault> {
        self.ca.as_deref().map(|file| read(file, CA_BYTES_MAX, false)).transpose()
    }

    /// A secret, without the blanks around it; from a file that nobody but its owner can read.
    pub(super) fn secret(&self, file: &Path) -> Result<Zeroizing<String>, Fault> {
        let bytes = Zeroizing::new(read(&settings::within(&self.data, file), SECRET_BYTES_MAX, true)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| Fault::File)?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    }
}

/// A file that is not longer than that, and where it is private one that nobody but its owner can read.
pub(in crate::node) fn read(path: &Path, bytes_max: u64, private: bool) -> Result<Vec<u8>, Fault> {
    let file = std::fs::File::open(path).map_err(|_| Fault::File)?;
    let metadata = file.metadata().map_err(|_| Fault::File)?;
    if !metadata.is_file() || metadata.len() > bytes_max || (private && metadata.permissions().mode() & 0o077 != 0) {
        return Err(Fault::File);
    }
    // Whole at once, so that no part of a secret is left where it grew.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(bytes_max).read_to_end(&mut bytes).map_err(|_| Fault::File)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desk::Role;
    use crate::rules::notify::Event;

    fn channel(text: &str, data: &Path) -> Arc<Channel> {
        let notify = toml::from_str(&format!("[[channel]]\nname = 'a'\nkind = 'mattermost'\nurl_file = 'url'\n{text}")).unwrap();
        let config = Config { notify, proxy: Some("socks5://127.0.0.1:9050".into()), ..Config::default() };
        Channel::all(&config, data).remove(0)
    }

    #[test]
    fn a_channel_takes_what_is_urgent_enough_and_for_its_people() {
        let notice = |urgent, to: Roles| Notice { urgent, ..Notice::new(Event::Question, b"x", to, Timestamp(0)) };
        let [handlers, leads] = [Role::Handler, Role::Lead].map(Roles::one);
        let all = channel("", Path::new("/"));
        assert!(Role::ALL.iter().all(|role| all.takes(&notice(false, Roles::one(*role)))));
        let some = channel("minimum = 'urgent'\nroles = ['director', 'lead']", Path::new("/"));
        assert!(some.takes(&notice(true, leads)) && some.takes(&notice(true, handlers.and(leads))));
        assert!(!some.takes(&notice(false, leads)) && !some.takes(&notice(true, handlers)));
    }

    #[test]
    fn what_the_node_reaches_through_a_proxy_its_channels_do_too() {
        let path = Path::new("/");
        assert_eq!(channel("", path).proxy_to("chat.example"), Some("socks5://127.0.0.1:9050"));
        assert_eq!(channel("", path).proxy_to("127.0.0.1"), None);
        assert_eq!(channel("proxy = 'none'", path).proxy_to("chat.example"), None);
        assert_eq!(channel("proxy = 'socks5://other:1'", path).proxy_to("chat.example"), Some("socks5://other:1"));
    }

    #[test]
    fn a_secret_that_others_can_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let (file, channel) = (directory.path().join("url"), channel("", directory.path()));
        assert_eq!(channel.secret(Path::new("url")).unwrap_err(), Fault::File);
        std::fs::write(&file, " https://chat.example/hooks/x\n").unwrap();
        for (mode, good) in [(0o600, true), (0o640, false), (0o604, false), (0o400, true)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let secret = channel.secret(Path::new("url")).map(|secret| secret.as_str().to_owned());
            assert_eq!(secret, if good { Ok("https://chat.example/hooks/x".into()) } else { Err(Fault::File) }, "{mode:o}");
        }
    }
}
