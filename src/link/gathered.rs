//! What HTTP/2 writes in small pieces leaves in one: each write to a TLS stream is a record of its own, 22 bytes longer than what it carries,
//! and mostly a packet.

use super::one_task::Turns;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Pieces are gathered up to so many bytes; a longer one is written as it is.
const GATHERED_MAX: usize = 4_096;
/// Less than that is no message of ours, only what HTTP/2 says of itself (an acknowledgement, a window): it can wait for what comes next.
const MESSAGE_BYTES_MIN: usize = 32;

/// A stream that gathers what is written until it is flushed. The first flush, and each of control frames alone, waits for the next turn
/// of the connection's task: so the first call goes with what opens the connection, and its answer with what acknowledges that.
pub(super) struct Gathered<S> {
    stream: S,
    waiting: Vec<u8>,
    turns: Turns,
    /// The turn in which the flush under way began.
    since: Option<u64>,
    has_begun: bool,
}

impl<S> Gathered<S> {
    pub(super) const fn new(stream: S, turns: Turns) -> Self {
        Self { stream, waiting: Vec::new(), turns, since: None, has_begun: false }
    }

    /// Whether more may come in this turn that belongs to what is flushed.
    fn waits_for_more(&mut self) -> bool {
        let may_wait = !self.waiting.is_empty() && (self.waiting.len() < MESSAGE_BYTES_MIN || !self.has_begun);
        let now = self.turns.now();
        may_wait && *self.since.get_or_insert(now) == now
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    fn poll_let_go(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.waiting.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.waiting))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                written => drop(self.waiting.drain(..written)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        if self.waiting.len() + bytes.len() > GATHERED_MAX {
            ready!(self.poll_let_go(context))?;
        }
        if bytes.len() > GATHERED_MAX {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        self.waiting.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.waits_for_more() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_let_go(context))?;
        (self.since, self.has_begun) = (None, true);
        Pin::new(&mut self.stream).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_let_go(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Keeps each write by itself.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl AsyncWrite for Writes {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
            self.0.push(bytes.to_vec());
            Poll::Ready(Ok(bytes.len()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A stream whose first flush is over.
    async fn begun(turns: &Turns) -> Gathered<Writes> {
        let mut gathered = Gathered::new(Writes::default(), turns.clone());
        gathered.flush().await.unwrap();
        gathered
    }

    fn lengths(gathered: &Gathered<Writes>) -> Vec<usize> {
        gathered.stream.0.iter().map(Vec::len).collect()
    }

    #[tokio::test]
    async fn small_pieces_go_in_one_and_a_long_one_behind_them() {
        let mut gathered = begun(&Turns::default()).await;
        for length in [24, 33, 9, 70] {
            gathered.write_all(&vec![1; length]).await.unwrap();
        }
        assert!(lengths(&gathered).is_empty());
        gathered.flush().now_or_never().expect("a message does not wait").unwrap();
        assert_eq!(lengths(&gathered), [136]);
        gathered.write_all(&[2; 100]).await.unwrap();
        gathered.write_all(&[3; 16_384]).await.unwrap();
        assert_eq!(lengths(&gathered), [136, 100, 16_384], "in order");
    }

    #[tokio::test]
    async fn control_frames_wait_a_turn_for_what_comes_next_and_no_longer() {
        let turns = Turns::default();
        let mut gathered = begun(&turns).await;
        gathered.write_all(&[1; 22]).await.unwrap();
        assert!(gathered.flush().now_or_never().is_none());
        assert!(gathered.flush().now_or_never().is_none(), "however often it is flushed in one turn");
        gathered.write_all(&[2; 70]).await.unwrap();
        gathered.flush().now_or_never().expect("a message does not wait").unwrap();
        gathered.write_all(&[3; 17]).await.unwrap();
        assert!(gathered.flush().now_or_never().is_none());
        turns.begin();
        gathered.flush().now_or_never().expect("one turn is enough").unwrap();
        assert_eq!(lengths(&gathered), [92, 17]);
    }

    #[tokio::test]
    async fn what_opens_a_connection_waits_for_the_first_call() {
        let turns = Turns::default();
        let mut gathered = Gathered::new(Writes::default(), turns.clone());
        gathered.write_all(&[1; 138]).await.unwrap();
        assert!(gathered.flush().now_or_never().is_none());
        gathered.write_all(&[2; 48]).await.unwrap();
        turns.begin();
        gathered.flush().now_or_never().expect("it has waited").unwrap();
        gathered.write_all(&[3; 48]).await.unwrap();
        gathered.flush().now_or_never().expect("no other does").unwrap();
        assert_eq!(lengths(&gathered), [186, 48]);
    }

    #[tokio::test]
    async fn nothing_is_lost_on_a_stream_that_takes_little_at_a_time_or_ends() {
        let (near, mut far) = tokio::io::duplex(10);
        let sent: Vec<u8> = (0..9_000_u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            let mut gathered = Gathered::new(near, Turns::default());
            for piece in sent.chunks(700) {
                gathered.write_all(piece).await.unwrap();
            }
            gathered.shutdown().await.unwrap();
        });
        let mut read = Vec::new();
        far.read_to_end(&mut read).await.unwrap();
        writing.await.unwrap();
        assert_eq!(read, expected);
    }
}
