//! Servers on loopback that keep every byte they get.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use watchfire::clock::Clock;
use watchfire::model::Timestamp;

/// An answer that never comes.
pub const HANGS: u16 = 0;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `webhook-id`, where there is one.
    pub id: String,
    /// When, by the clock of the test.
    pub at: Timestamp,
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> String {
        let find =
            |line: &str| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned());
        self.head.lines().find_map(find).unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Request>>,
    answer: AtomicU16,
    clock: Mutex<Option<Clock>>,
    go: Notify,
}

/// A web server.
pub struct Web {
    port: u16,
    seen: Arc<Seen>,
}

impl Web {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen { answer: 200.into(), ..Seen::default() });
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, seen }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/x", self.port)
    }

    /// Answers with this status from now on.
    pub fn answer(&self, status: u16) {
        self.seen.answer.store(status, Ordering::SeqCst);
    }

    /// Answers those that hang.
    pub fn let_go(&self) {
        self.seen.go.notify_waiters();
    }

    /// Notes when requests come by this clock.
    pub fn by(&self, clock: &Clock) {
        *self.seen.clock.lock().unwrap() = Some(clock.clone());
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.requests.lock().unwrap().len()
    }

    pub fn ids(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.id).collect()
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.requests().iter().flat_map(|request| [request.head.as_bytes(), request.body.as_bytes()].concat()).collect()
    }
}

async fn serve(stream: TcpStream, seen: Arc<Seen>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let at = seen.clock.lock().unwrap().as_ref().map(Clock::now).unwrap_or_default();
    let mut request = Request { id: String::new(), at, head, body: String::new() };
    let mut body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    (request.id, request.body) = (request.header("webhook-id"), String::from_utf8(body).unwrap());
    let go = seen.go.notified();
    tokio::pin!(go);
    go.as_mut().enable();
    let answer = seen.answer.load(Ordering::SeqCst);
    seen.requests.lock().unwrap().push(request);
    if answer == HANGS {
        go.await;
    }
    let answer = if answer == HANGS { 200 } else { answer };
    let _ = stream.write_all(format!("HTTP/1.1 {answer} X\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
}

/// A mail server that takes everything.
pub struct Mail {
    port: u16,
    seen: Arc<Mutex<(Vec<u8>, usize)>>,
}

impl Mail {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<(Vec<u8>, usize)>>::default();
        let shared = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = shared.clone();
                tokio::spawn(async move { talk(stream, &seen).await.unwrap_or_default() });
            }
        });
        Self { port, seen }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().1
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().0.clone()
    }
}

async fn talk(stream: TcpStream, seen: &Mutex<(Vec<u8>, usize)>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.invalid ESMTP\r\n").await?;
    let mut in_mail = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        seen.lock().unwrap().0.extend_from_slice(line.as_bytes());
        let answer: &[u8] = match line.trim_end() {
            "." if in_mail => {
                in_mail = false;
                seen.lock().unwrap().1 += 1;
                b"250 taken\r\n"
            }
            _ if in_mail => continue,
            "DATA" => {
                in_mail = true;
                b"354 go on\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await?;
    }
}
