//! Bodies as blocking readers and writers, for work that runs on threads of its own. Bounded on the way: a fast side waits.

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use std::io::{self, Read, Write};
use tokio::sync::mpsc;

/// Chunks on their way between a body and a thread.
const CHUNKS_MAX: usize = 8;
/// Bytes that a writer gathers before it passes them on.
const CHUNK_BYTES: usize = 64 << 10;

/// A request's body, read by a blocking thread.
pub(super) struct BodyReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
    ended: bool,
}

impl BodyReader {
    /// Starts to read a body. When the reader is dropped, the rest is read and thrown away, so that the sender, which may not listen
    /// before it has sent everything, learns how it ended.
    pub(super) fn new(body: Body) -> Self {
        let (sender, chunks) = mpsc::channel(CHUNKS_MAX);
        tokio::spawn(async move {
            let mut body = body.into_data_stream();
            let mut wanted = true;
            while let Some(chunk) = body.next().await {
                let broken = chunk.is_err();
                if wanted && !matches!(&chunk, Ok(chunk) if chunk.is_empty()) {
                    wanted = sender.send(chunk.map_err(io::Error::other)).await.is_ok();
                }
                if broken {
                    return;
                }
            }
            // An empty piece says that this is the end, and not that whoever sent was cut off.
            let _ = sender.send(Ok(Bytes::new())).await;
        });
        Self { chunks, chunk: Bytes::new(), ended: false }
    }
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.chunk = chunk?,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it broke off")),
            }
            self.ended = self.chunk.is_empty();
        }
        let count = into.len().min(self.chunk.len());
        into[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}

/// A response's body, written by a blocking thread.
pub(super) struct BodyWriter {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
}

impl BodyWriter {
    /// A writer, and the chunks that it writes.
    pub(super) fn new() -> (Self, mpsc::Receiver<io::Result<Bytes>>) {
        let (chunks, receiver) = mpsc::channel(CHUNKS_MAX);
        (Self { chunks, chunk: Vec::with_capacity(CHUNK_BYTES) }, receiver)
    }

    /// Breaks the body off, so that its reader does not take it for whole.
    pub(super) fn fail(self, error: io::Error) {
        // A reader that has gone needs no telling.
        let _ = self.chunks.blocking_send(Err(error));
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        self.chunks.blocking_send(Ok(chunk.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
