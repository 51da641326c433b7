//! Something is fetched from an address that others chose. A name is resolved once, every address that it has is looked at, and the connection goes to one
//! of those: nobody can answer differently in between. Redirects are followed here, each looked at in the same way.

use super::fault::Fault;
use crate::node::notify::{channel, net};
use crate::rules::notify::Fault as NetFault;
use crate::rules::reachable::{closed, closed_name};
use data_encoding::BASE64;
use flate2::read::MultiGzDecoder;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Position, Url};

/// The addresses of a name.
pub(super) type Resolver = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// So many addresses of a name are tried.
const ADDRESSES_MAX: usize = 8;
/// So many bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest tag that is kept, in bytes.
const TAG_BYTES_MAX: usize = 1_000;

/// The resolver of the system.
pub(super) fn system() -> Resolver {
    Arc::new(|host, port| Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.take(64).collect()) }))
}

/// How far a fetch may go.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// A connection, and a TLS handshake, takes no longer.
    pub(super) connect: Duration,
    /// Nor does it take longer until an answer begins.
    pub(super) answer: Duration,
    /// Nor all of it.
    pub(super) whole: Duration,
    /// So many bytes come over the wire.
    pub(super) bytes_max: u64,
    /// And so many once they are unpacked.
    pub(super) unpacked_max: u64,
    /// So many redirects are followed.
    pub(super) redirects_max: u64,
}

/// What a source said of what was fetched, to be told to it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
}

/// Who fetches, and by which way.
pub(super) struct Fetcher {
    pub(super) resolver: Resolver,
    /// `socks5://host:port` through which everything is reached but what a feed may reach here.
    pub(super) proxy: Option<String>,
    /// Where what was fetched is kept until it is read.
    pub(super) data: PathBuf,
    pub(super) limits: Limits,
}

/// What is fetched.
pub(super) struct Ask<'a> {
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// The address of the feed: its secret goes nowhere else, and where `local` says so its addresses are not looked at.
    pub(super) home: &'a Url,
    pub(super) local: bool,
    /// A file with what stands in `Authorization`.
    pub(super) secret: Option<&'a Path>,
    /// A file with the certificates that are trusted in place of the system's.
    pub(super) ca: Option<&'a Path>,
    pub(super) validators: Option<&'a Validators>,
    /// JSON that is posted. It goes to no other origin, whatever the server says.
    pub(super) post: Option<Bytes>,
}

/// What came.
pub(super) struct Fetched {
    pub(super) headers: HeaderMap,
    /// `None` where it is as it was.
    pub(super) body: Option<Body>,
}

/// A body on disk.
pub(super) struct Body {
    file: File,
    packed: bool,
    unpacked_max: u64,
    /// The setting that says so.
    bound: &'static str,
}

impl Fetched {
    pub(super) fn validators(&self) -> Validators {
        let text = |name: HeaderName| self.headers.get(name)?.to_str().ok().filter(|text| text.len() <= TAG_BYTES_MAX).map(str::to_owned);
        Validators { etag: text(ETAG), modified: text(LAST_MODIFIED) }
    }
}

impl Body {
    /// Its bytes, unpacked, up to the bound: what is longer is an error where it is read.
    pub(super) fn reader(mut self) -> io::Result<Box<dyn Read + Send>> {
        self.file.seek(SeekFrom::Start(0))?;
        let file = io::BufReader::with_capacity(64 << 10, self.file);
        let (left, bound) = (self.unpacked_max, self.bound);
        Ok(match self.packed {
            true => Box::new(Capped { inner: MultiGzDecoder::new(file), left, bound }),
            false => Box::new(Capped { inner: file, left, bound }),
        })
    }

    /// All of it, where it is short.
    pub(super) fn whole(self) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        self.reader().and_then(|mut reader| reader.read_to_end(&mut bytes)).map_err(|error| read_fault(&error))?;
        Ok(bytes)
    }

    /// All of it, where it has no more bytes than that setting allows.
    pub(super) fn whole_within(mut self, most: u64, bound: &'static str) -> Result<Vec<u8>, Fault> {
        if most < self.unpacked_max {
            (self.unpacked_max, self.bound) = (most, bound);
        }
        self.whole()
    }
}

/// Why a body cannot be read.
pub(super) fn read_fault(error: &io::Error) -> Fault {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Fault>()).cloned().unwrap_or(Fault::Coding)
}

/// A reader that fails rather than go on for ever.
struct Capped<R> {
    inner: R,
    left: u64,
    bound: &'static str,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, Fault::TooLong(self.bound));
        self.left = self.left.checked_sub(count as u64).ok_or_else(too_long)?;
        Ok(count)
    }
}

impl Fetcher {
    /// Fetches.
    ///
    /// # Errors
    /// Why nothing of it may be used.
    pub(super) async fn fetch(&self, ask: &Ask<'_>) -> Result<Fetched, Fault> {
        tokio::time::timeout(self.limits.whole, self.follow(ask)).await.unwrap_or(Err(Fault::TimedOut))
    }

    async fn follow(&self, ask: &Ask<'_>) -> Result<Fetched, Fault> {
        let mut url = ask.url.clone();
        for _ in 0..=self.limits.redirects_max {
            let (response, _connection) = self.answer(ask, &url).await?;
            let status = response.status();
            if status == StatusCode::NOT_MODIFIED && ask.validators.is_some() {
                return Ok(Fetched { headers: response.headers().clone(), body: None });
            }
            if !status.is_redirection() {
                return self.take(response).await;
            }
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).ok_or(Fault::Http(status.as_u16()))?;
            let next = url.join(to).map_err(|_| Fault::BadUrl)?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(Fault::Downgrade);
            }
            // The others would turn it into a question, and what is posted is meant for the feed's own server.
            let same = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) && next.origin() == url.origin();
            if ask.post.is_some() && !same {
                return Err(Fault::Http(status.as_u16()));
            }
            url = next;
        }
        Err(Fault::Redirects)
    }

    /// The head of the answer, with the connection that its body comes over.
    async fn answer(&self, ask: &Ask<'_>, url: &Url) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), Fault> {
        let at_home = url.origin() == ask.home.origin();
        let request = self.request(ask, url, at_home)?;
        let open = async {
            let stream = self.dial(url, at_home && ask.local).await?;
            match (url.scheme(), url.host_str()) {
                ("https", Some(host)) => {
                    let ca = ask.ca.map(|file| channel::read(file, channel::CA_BYTES_MAX, false)).transpose().map_err(of_net)?;
                    speak(net::tls_with(ca, stream, host.trim_matches(['[', ']'])).await.map_err(of_net)?).await
                }
                _ => speak(stream).await,
            }
        };
        let (mut sender, connection) = within(self.limits.connect, open).await?;
        let response = within(self.limits.answer, async { sender.send_request(request).await.map_err(|_| Fault::Broken) }).await?;
        Ok((response, connection))
    }

    fn request(&self, ask: &Ask<'_>, url: &Url, at_home: bool) -> Result<Request<Full<Bytes>>, Fault> {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(Fault::BadUrl);
        }
        let host = url.host_str().ok_or(Fault::BadUrl)?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut request = Request::builder()
            .method(if ask.post.is_some() { Method::POST } else { Method::GET })
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(HOST, host)
            .header(USER_AGENT, "watchfire")
            .header(ACCEPT, ask.accept)
            .header(ACCEPT_ENCODING, "gzip");
        if ask.post.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let validators = ask.validators.map(|known| [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)]);
        for (name, value) in validators.into_iter().flatten() {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(file) = ask.secret.filter(|_| at_home) {
            // Who listens on the way would have it.
            if url.scheme() != "https" && !ask.local {
                return Err(Fault::SecretInClear);
            }
            request = request.header(AUTHORIZATION, secret(file)?);
        }
        request.body(Full::new(ask.post.clone().unwrap_or_default())).map_err(|_| Fault::BadUrl)
    }

    /// Connects to an address that was looked at, or through the proxy, which resolves names itself.
    async fn dial(&self, url: &Url, local: bool) -> Result<TcpStream, Fault> {
        let port = url.port_or_known_default().ok_or(Fault::BadUrl)?;
        let host = url.host().ok_or(Fault::BadUrl)?;
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if !local {
            let why = match (literal, &host) {
                (Some(address), _) => closed(address),
                (None, Host::Domain(name)) => closed_name(name),
                _ => None,
            };
            if let Some(why) = why {
                return Err(Fault::Closed(why));
            }
            if let Some(proxy) = &self.proxy {
                let host = literal.map_or_else(|| host.to_string(), |address| address.to_string());
                return net::through(proxy, &host, port).await.map_err(of_net);
            }
        }
        let addresses = match literal {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => (self.resolver)(host.to_string(), port).await.map_err(|_| Fault::Unresolved)?,
        };
        // One that is closed among others that are not is what somebody who wants in would answer.
        if !local && let Some(why) = addresses.iter().find_map(|address| closed(address.ip())) {
            return Err(Fault::Closed(why));
        }
        for address in addresses.iter().take(ADDRESSES_MAX) {
            if let Ok(stream) = TcpStream::connect(SocketAddr::new(address.ip(), port)).await {
                return Ok(stream);
            }
        }
        Err(if addresses.is_empty() { Fault::Unresolved } else { Fault::Unreachable })
    }

    /// Writes what comes to disk, within the bounds.
    async fn take(&self, response: Response<Incoming>) -> Result<Fetched, Fault> {
        let (head, mut body) = response.into_parts();
        if matches!(head.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            && let Some(seconds) = wait_s(&head.headers)
        {
            return Err(Fault::Later(head.status.as_u16(), seconds));
        }
        if head.status != StatusCode::OK {
            return Err(Fault::Http(head.status.as_u16()));
        }
        let packed = match head.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => false,
            Some(b"gzip") => true,
            Some(_) => return Err(Fault::Coding),
        };
        let mut file = tempfile::tempfile_in(&self.data).map_err(|_| Fault::Disk)?;
        let mut bytes = 0_u64;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Fault::Broken)?.into_data() else { continue };
            bytes += data.len() as u64;
            if bytes > self.limits.bytes_max {
                return Err(Fault::TooLong("feeds.bytes_max"));
            }
            file.write_all(&data).map_err(|_| Fault::Disk)?;
        }
        let body = Body { file, packed, unpacked_max: self.limits.unpacked_max, bound: "feeds.unpacked_bytes_max" };
        Ok(Fetched { headers: head.headers, body: Some(body) })
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::time::timeout(time, work).await.unwrap_or(Err(Fault::TimedOut))
}

/// How long a server wants to be left alone, in seconds: `Retry-After` is a number of them, or a date (RFC 9110, section 10.2.3), which counts from
/// the server's own clock.
fn wait_s(headers: &HeaderMap) -> Option<u64> {
    let after = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    after.parse().ok().or_else(|| {
        let until = date(headers, RETRY_AFTER)?;
        Some(until.saturating_sub(date(headers, DATE)?))
    })
}

/// A time that a header names, in seconds since 1970.
pub(super) fn date(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    let at = jiff::fmt::rfc2822::parse(headers.get(name)?.to_str().ok()?.trim()).ok()?;
    u64::try_from(at.timestamp().as_second()).ok()
}

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

async fn speak<S>(stream: S) -> Result<(Sender, AbortOnDropHandle<()>), Fault>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = hyper::client::conn::http1::Builder::new();
    http.max_buf_size(HEAD_BYTES_MAX);
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(|_| Fault::Broken)?;
    let driving = tokio::spawn(async move { drop(connection.await) });
    Ok((sender, AbortOnDropHandle::new(driving)))
}

fn of_net(fault: NetFault) -> Fault {
    match fault {
        NetFault::Proxy => Fault::Proxy,
        NetFault::Tls => Fault::Tls,
        NetFault::File => Fault::File,
        _ => Fault::Unreachable,
    }
}

/// What stands in `Authorization`: the file's line; of `Basic user:password` the latter packed as the header wants it.
fn secret(file: &Path) -> Result<HeaderValue, Fault> {
    let bytes = zeroize::Zeroizing::new(channel::read(file, channel::SECRET_BYTES_MAX, true).map_err(of_net)?);
    let line = std::str::from_utf8(&bytes).map_err(|_| Fault::File)?.trim();
    let value = match line.strip_prefix("Basic ") {
        Some(login) if login.contains(':') => zeroize::Zeroizing::new(format!("Basic {}", BASE64.encode(login.as_bytes()))),
        _ => zeroize::Zeroizing::new(line.to_owned()),
    };
    if value.is_empty() {
        return Err(Fault::File);
    }
    let mut value = HeaderValue::from_str(&value).map_err(|_| Fault::File)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that gives every caller the same answer, and keeps what it was asked.
    struct Server {
        port: u16,
        asked: Arc<Mutex<Vec<String>>>,
        came: Arc<AtomicUsize>,
        _serving: AbortOnDropHandle<()>,
    }

    impl Server {
        async fn at(address: &str, answer: Vec<u8>) -> Self {
            let listener = TcpListener::bind(address).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let (asked, came) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
            let (heard, count) = (asked.clone(), came.clone());
            let serving = tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    count.fetch_add(1, SeqCst);
                    let mut head = vec![0; 8 << 10];
                    let length = stream.read(&mut head).await.unwrap_or(0);
                    heard.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).into_owned());
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                }
            });
            Self { port, asked, came, _serving: AbortOnDropHandle::new(serving) }
        }

        async fn of(answer: impl Into<Vec<u8>>) -> Self {
            Self::at("127.0.0.1:0", answer.into()).await
        }

        fn came(&self) -> usize {
            self.came.load(SeqCst)
        }
    }

    fn limits() -> Limits {
        let second = Duration::from_secs(1);
        Limits { connect: second, answer: second, whole: 3 * second, bytes_max: 1_000, unpacked_max: 10_000, redirects_max: 3 }
    }

    /// Whoever is asked for the address of a name says this, one after the other.
    fn resolver(answers: &[&[&str]]) -> (Resolver, Arc<AtomicUsize>) {
        let answers: Vec<Vec<IpAddr>> = answers.iter().map(|all| all.iter().map(|one| one.parse().unwrap()).collect()).collect();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let resolver: Resolver = Arc::new(move |_, port| {
            let at = count.fetch_add(1, SeqCst).min(answers.len() - 1);
            let addresses = answers[at].iter().map(|ip| SocketAddr::new(*ip, port)).collect();
            Box::pin(std::future::ready(Ok(addresses)))
        });
        (resolver, asked)
    }

    fn fetcher(resolver: Resolver) -> Fetcher {
        Fetcher { resolver, proxy: None, data: std::env::temp_dir(), limits: limits() }
    }

    async fn fetch(fetcher: &Fetcher, url: &str, local: bool) -> Result<Fetched, Fault> {
        let Ok(url) = Url::parse(url) else { return Err(Fault::BadUrl) };
        fetch_with(fetcher, Ask { local, ..ask(&url) }).await
    }

    fn ask(url: &Url) -> Ask<'_> {
        Ask { url: url.clone(), accept: "*/*", home: url, local: true, secret: None, ca: None, validators: None, post: None }
    }

    async fn fetch_with(fetcher: &Fetcher, ask: Ask<'_>) -> Result<Fetched, Fault> {
        fetcher.fetch(&ask).await
    }

    fn fault(result: Result<Fetched, Fault>) -> Fault {
        result.err().expect("it is not fetched")
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

    /// Loopback, private, link-local and metadata addresses, as they may be written in an address.
    const SPELLINGS: [&str; 96] = [
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "2130706433",
        "2130706433.",
        "0x7f000001",
        "0x7F000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "0x7f.0x0.0x0.0x1",
        "0177.0.0.1",
        "0177.0.0.01",
        "0177.1",
        "017700000001",
        "00000177.0.0.1",
        "127.0x1",
        "127.0.0x0.1",
        "127.00.00.01",
        "0x7f.0.1",
        "%31%32%37.0.0.1",
        "127%2e0%2e0%2e1",
        "127。0。0。1",
        "127．0．0．1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "127｡1",
        "0",
        "0.0.0.0",
        "0x0",
        "00",
        "0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ｌｏｃａｌｈｏｓｔ",
        "foo.localhost",
        "localhost.localdomain",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000:0000:0000:0000:0000:0000:0000:0001]",
        "[::]",
        "[0::0]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:7f00:0001::1]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd00::1]",
        "[fd00:ec2::254]",
        "[ff02::1]",
        "[ff01::1]",
        "[100::1]",
        "[2001:db8::1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[::ffff:169.254.169.254]",
        "10.0.0.1",
        "10.1",
        "0xa000001",
        "167772161",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "192.168.1",
        "3232235521",
        "0xc0a80001",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "169.254.169.254.",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "metadata.google.internal",
        "metadata",
    ];

    #[tokio::test]
    async fn no_spelling_of_a_closed_address_is_connected_to() {
        let (server, six) = (Server::of(OK).await, Server::at("[::1]:0", OK.into()).await);
        // Whatever name is left, its address is ours.
        let (resolver, _) = resolver(&[&["127.0.0.1"]]);
        let fetcher = fetcher(resolver);
        for spelling in SPELLINGS {
            for port in [server.port, six.port] {
                let fault = fault(fetch(&fetcher, &format!("http://{spelling}:{port}/"), false).await);
                assert!(matches!(fault, Fault::Closed(_) | Fault::BadUrl), "{spelling}: {fault:?}");
            }
        }
        assert_eq!((server.came(), six.came()), (0, 0));
        // They are there to be connected to.
        for url in [
            format!("http://127.1:{}/", server.port),
            format!("http://somewhere.example:{}/", server.port),
            format!("http://[::1]:{}/", six.port),
        ] {
            assert_eq!(fetch(&fetcher, &url, true).await.unwrap().body.unwrap().whole().unwrap(), b"hi");
        }
        assert_eq!((server.came(), six.came()), (2, 1));
    }

    #[tokio::test]
    async fn a_name_whose_address_is_closed_is_not_connected_to_and_is_resolved_once() {
        let server = Server::of(OK).await;
        let closed: [&[&str]; 5] =
            [&["127.0.0.1"], &["::ffff:127.0.0.1"], &["192.0.1.1", "127.0.0.1"], &["::1"], &["127.0.0.1", "192.0.1.1"]];
        for answers in closed {
            let (resolver, asked) = resolver(&[answers]);
            let fault = fault(fetch(&fetcher(resolver), &format!("http://rebind.example.org:{}/", server.port), false).await);
            assert!(matches!(fault, Fault::Closed(_)), "{answers:?}: {fault:?}");
            assert_eq!(asked.load(SeqCst), 1);
        }
        // The first answer is open and the next is not: there is no next question. Nobody has the first address.
        let (resolver, asked) = resolver(&[&["192.0.1.1"], &["127.0.0.1"]]);
        let mut fetcher = fetcher(resolver);
        fetcher.limits.connect = Duration::from_millis(50);
        let fault = fault(fetch(&fetcher, &format!("http://rebind.example.org:{}/", server.port), false).await);
        assert!(matches!(fault, Fault::TimedOut | Fault::Unreachable), "{fault:?}");
        assert_eq!((asked.load(SeqCst), server.came()), (1, 0));
    }

    #[tokio::test]
    async fn a_redirect_is_looked_at_like_any_address_and_takes_no_secret_along() {
        let inner = Server::of(OK).await;
        let (resolver, _) = resolver(&[&["127.0.0.1"]]);
        let fetcher = fetcher(resolver);
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "Basic amal:pass\n").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let spelt = SPELLINGS.iter().map(|spelling| format!("http://{spelling}:{}/", inner.port));
        for to in spelt.chain([format!("//rebind.example.org:{}/x", inner.port), "http://169.254.169.254/".into()]) {
            let outer = Server::of(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")).await;
            let home = Url::parse(&format!("http://127.0.0.1:{}/list", outer.port)).unwrap();
            // That one feed may reach its own address, and nothing else.
            let fault = fault(fetch_with(&fetcher, Ask { secret: Some(&key), ..ask(&home) }).await);
            // What is not ASCII is no address that a server could send.
            assert!(matches!(fault, Fault::Closed(_) | Fault::BadUrl | Fault::Http(302)), "{to}: {fault:?}");
            assert!(outer.asked.lock().unwrap()[0].contains("authorization: Basic YW1hbDpwYXNz\r\n"));
        }
        assert_eq!(inner.came(), 0);
        let round = Server::of("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
        let url = format!("http://127.0.0.1:{}/", round.port);
        assert_eq!(fault(fetch(&fetcher, &url, true).await), Fault::Redirects);
        assert_eq!(round.came(), 4);
    }

    #[tokio::test]
    async fn a_secret_stays_with_its_feed_and_goes_nowhere_in_clear() {
        let (resolver, _) = resolver(&[&["127.0.0.1"]]);
        let fetcher = fetcher(resolver);
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "0123\n").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let home = Url::parse("http://127.0.0.1:9/").unwrap();
        assert_eq!(fault(fetch_with(&fetcher, Ask { secret: Some(&key), ..ask(&home) }).await), Fault::File);
        assert_eq!(fault(fetch_with(&fetcher, Ask { secret: Some(&key), local: false, ..ask(&home) }).await), Fault::SecretInClear);
        let elsewhere = Url::parse("http://127.0.0.2:9/").unwrap();
        let request = fetcher.request(&Ask { secret: Some(&key), ..ask(&home) }, &elsewhere, false).unwrap();
        assert!(!request.headers().contains_key(AUTHORIZATION));
    }

    #[tokio::test]
    async fn what_is_too_long_packed_or_not_or_too_slow_is_given_up() {
        let (resolver, _) = resolver(&[&["127.0.0.1"]]);
        let fetcher = fetcher(resolver);
        let at = |server: &Server| format!("http://127.0.0.1:{}/", server.port);
        let long = Server::of(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1_001))).await;
        assert_eq!(fault(fetch(&fetcher, &at(&long), true).await), Fault::TooLong("feeds.bytes_max"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&[b'x'; 100_000]).unwrap();
        let packed = gzip.finish().unwrap();
        assert!(packed.len() < 1_000);
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", packed.len()).into_bytes();
        answer.extend(packed);
        let bomb = Server::of(answer).await;
        let unpacked = async || fetch(&fetcher, &at(&bomb), true).await.unwrap().body.unwrap();
        assert_eq!(unpacked().await.whole().err(), Some(Fault::TooLong("feeds.unpacked_bytes_max")));
        // Of two bounds it is the narrower that is told.
        let within = async |most| unpacked().await.whole_within(most, "feeds.taxii_page_bytes_max").err();
        assert_eq!(within(10).await, Some(Fault::TooLong("feeds.taxii_page_bytes_max")));
        assert_eq!(within(1 << 40).await, Some(Fault::TooLong("feeds.unpacked_bytes_max")));
        let slow = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", slow.local_addr().unwrap());
        // Long before the whole would be over.
        let patient = Fetcher {
            limits: Limits { whole: Duration::from_secs(600), ..limits() },
            resolver: fetcher.resolver.clone(),
            proxy: None,
            data: std::env::temp_dir(),
        };
        let slow = tokio::time::timeout(Duration::from_secs(20), fetch(&patient, &url, true)).await;
        assert_eq!(fault(slow.unwrap()), Fault::TimedOut);
        let odd = Server::of("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx").await;
        assert_eq!(fault(fetch(&fetcher, &at(&odd), true).await), Fault::Coding);
        let cut = Server::of("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi").await;
        assert_eq!(fault(fetch(&fetcher, &at(&cut), true).await), Fault::Broken);
    }

    #[tokio::test]
    async fn a_redirect_brings_no_login_and_what_drips_is_given_up() {
        let (resolver, _) = resolver(&[&["127.0.0.1"]]);
        let mut fetcher = fetcher(resolver);
        let ok = Server::of(OK).await;
        let to = format!("HTTP/1.1 302 Found\r\nLocation: http://amal:pass@127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n", ok.port);
        let outer = Server::of(to).await;
        assert_eq!(fault(fetch(&fetcher, &format!("http://127.0.0.1:{}/", outer.port), true).await), Fault::BadUrl);
        assert_eq!(ok.came(), 0);
        // It begins at once, and goes on for ever.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let dripping = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        fetcher.limits.whole = Duration::from_millis(300);
        assert_eq!(fault(fetch(&fetcher, &url, true).await), Fault::TimedOut);
        dripping.abort();
    }

    #[tokio::test]
    async fn through_a_proxy_closed_addresses_and_local_names_are_refused_all_the_same() {
        let proxy = Server::of("").await;
        let (resolver, asked) = resolver(&[&["127.0.0.1"]]);
        let fetcher = Fetcher { proxy: Some(format!("socks5://127.0.0.1:{}", proxy.port)), ..fetcher(resolver) };
        for host in ["127.0.0.1", "0x7f.1", "[::1]", "localhost", "169.254.169.254", "metadata.google.internal"] {
            assert!(matches!(fault(fetch(&fetcher, &format!("http://{host}/"), false).await), Fault::Closed(_)), "{host}");
        }
        assert_eq!(proxy.came(), 0);
        assert_eq!(fault(fetch(&fetcher, "http://feed.example.org/", false).await), Fault::Proxy);
        // The proxy was asked, and nobody here for the name.
        assert_eq!((proxy.came(), asked.load(SeqCst)), (1, 0));
    }

    #[tokio::test]
    async fn what_has_not_changed_is_not_fetched_again() {
        let (resolver, _) = resolver(&[&["127.0.0.1"]]);
        let fetcher = fetcher(resolver);
        let server = Server::of("HTTP/1.1 304 Not Modified\r\n\r\n").await;
        let url = Url::parse(&format!("http://127.0.0.1:{}/", server.port)).unwrap();
        let validators = Validators { etag: Some("\"a\"".into()), modified: Some("Fri, 27 Nov 2026 10:00:00 GMT".into()) };
        let fetched = fetch_with(&fetcher, Ask { validators: Some(&validators), ..ask(&url) }).await.unwrap();
        assert!(fetched.body.is_none());
        let asked = server.asked.lock().unwrap()[0].clone();
        assert!(
            asked.contains("if-none-match: \"a\"\r\n") && asked.contains("if-modified-since: Fri, 27 Nov 2026 10:00:00 GMT\r\n"),
            "{asked}"
        );
    }
}
