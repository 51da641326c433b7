//! The board is looked at after something came: calls for help and alerts together, once for however much came meanwhile, and behind the links rather than
//! in them.

use super::Node;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// After a look there is none for so many times as long as it took: one author that posts without end has a tenth of a processor, and delays no batch.
const REST: u32 = 9;
/// But no longer than so.
const REST_MAX: Duration = Duration::from_secs(10);

impl Node {
    /// Does what follows from what came to the board, until `stop` fires. What rings before it listens is not lost; what was not looked at when the process
    /// dies is by the first upkeep of the next.
    pub async fn keep_tending(self: Arc<Self>, stop: CancellationToken) {
        let mut board = self.board_changed.listen();
        loop {
            if self.board_waits() {
                // How long work takes is no matter of the clock, which tests set.
                let (rung, began) = (self.board_changed.count(), Instant::now());
                self.tend_calls_or_later().await;
                self.tend_alerts_or_later().await;
                self.memory().tended = rung;
                let rest = began.elapsed().saturating_mul(REST).min(REST_MAX);
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(rest) => {}
                }
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = board.rung() => {}
            }
        }
    }

    /// Whether something came that was not looked at yet.
    pub(super) fn board_waits(&self) -> bool {
        self.board_changed.count() != self.memory().tended
    }
}
