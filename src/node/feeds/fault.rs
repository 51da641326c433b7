//! Why a feed gave nothing, sorted out for the people who run the node.

/// Why nothing was taken of a feed this time. What it gave before stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no address that can be fetched from.
    #[error("it is no address that can be fetched from\nhint: http or https, without a login in it")]
    BadUrl,
    /// The address is not of the public internet.
    #[error("the address is closed: {0}\nhint: `watchfire feed add --allow-local` lets one feed reach its own address here")]
    Closed(&'static str),
    /// Nobody knows the name.
    #[error("the name cannot be resolved\nhint: look at the address and at this machine's resolver")]
    Unresolved,
    /// Nobody answers.
    #[error("nobody answers there\nhint: it is tried again")]
    Unreachable,
    /// The proxy does not reach it.
    #[error("the proxy does not reach it\nhint: look at `proxy` in the settings, and whether it runs")]
    Proxy,
    /// The certificate is not one to trust.
    #[error("its certificate is not to be trusted\nhint: `watchfire feed add --ca-file` names the one that is")]
    Tls,
    /// It took too long.
    #[error("it takes too long\nhint: `feeds.answer_s_max` and `feeds.whole_s_max` say how long it may")]
    TimedOut,
    /// The connection broke off.
    #[error("the connection broke off\nhint: it is tried again")]
    Broken,
    /// The server answered with this status.
    #[error("the server answered with {0}\nhint: {hint}", hint = status_hint(*.0))]
    Http(u16),
    /// The server answered with this status, and wants to be left alone for so many seconds.
    #[error("the server answered with {0}, and is to be left alone for {1} s\nhint: it is tried again then; `--every` says how often")]
    Later(u16, u64),
    /// It was sent on and on.
    #[error("it is sent from one address to the next\nhint: `feeds.redirects_max` says how often; give the last address")]
    Redirects,
    /// It was sent from https to http.
    #[error("it is sent on from https to http\nhint: ask the source for an address that stays with https")]
    Downgrade,
    /// It is longer than this setting allows.
    #[error("it is longer than may be\nhint: `{0}` says how long")]
    TooLong(&'static str),
    /// It is packed in a way that was not asked for, or damaged.
    #[error("what came cannot be unpacked\nhint: it is tried again; gzip is what is understood")]
    Coding,
    /// The secret would be read on its way.
    #[error("the secret would go over http\nhint: use https")]
    SecretInClear,
    /// A file that it needs cannot be read, or others can read it.
    #[error("a file with its secret or certificates cannot be used\nhint: it must be there and short, and a secret's have mode 0600")]
    File,
    /// The disk takes nothing.
    #[error("the disk takes nothing\nhint: look whether it is full")]
    Disk,
    /// The folder that is watched cannot be read.
    #[error("the folder cannot be read\nhint: look whether it is there, and whether the node may read it")]
    Folder,
    /// It is not what it was said to be.
    #[error("it is not what it should be: {0}\nhint: look at the address and at `--kind`")]
    NotThat(&'static str),
    /// A group whose word is written somewhere is none of ours.
    #[error("a group of it is none of ours any more\nhint: add the feed again, with groups that `watchfire status` lists")]
    NoGroup,
    /// There is more than one run does.
    #[error("there is more to write than one run does\nhint: the next goes on; `feeds.fetches_max` says how many pages one has")]
    More,
    /// There is more than this setting allows.
    #[error("there is more in it than is taken\nhint: `{0}` says how much")]
    TooMany(&'static str),
    /// Much of what was there is gone.
    #[error(
        "much of what it had is gone at once, so nothing was taken back\nhint: look at the source; `watchfire feed run --accept-removals` believes it"
    )]
    Shrunk,
}

impl Fault {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadUrl => "bad-url",
            Self::Closed(_) => "closed",
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::TimedOut => "timeout",
            Self::Broken => "broken",
            Self::Http(_) => "http",
            Self::Later(..) => "later",
            Self::Redirects => "redirects",
            Self::Downgrade => "downgrade",
            Self::TooLong(_) => "too-long",
            Self::Coding => "coding",
            Self::SecretInClear => "secret-in-clear",
            Self::File => "file",
            Self::Disk => "disk",
            Self::Folder => "folder",
            Self::NotThat(_) => "not-that",
            Self::NoGroup => "no-group",
            Self::More => "more",
            Self::TooMany(_) => "too-many",
            Self::Shrunk => "shrunk",
        }
    }
}

const fn status_hint(status: u16) -> &'static str {
    match status {
        300..=399 => "give the address that it sends on to",
        401 | 403 => "look at the file that `--secret-file` names",
        404 | 410 => "look at the address; the source may have moved",
        429 => "it is asked too often; `--every` says how often",
        _ => "it is tried again",
    }
}
