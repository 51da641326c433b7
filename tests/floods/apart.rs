//! Where attackers run: on threads of the lowest priority, so that the attacked are slowed by what reaches them and not by what making it costs.

use std::future::Future;
use std::process::Command;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

static ATTACKERS: LazyLock<Runtime> = LazyLock::new(|| {
    let attackers = Builder::new_multi_thread().worker_threads(2).on_thread_start(stand_back).enable_all().build();
    attackers.expect("a runtime for the attackers")
});

pub fn spawn<F: Future<Output: Send> + Send + 'static>(attack: F) -> JoinHandle<F::Output> {
    ATTACKERS.spawn(attack)
}

/// Gives this thread the lowest priority. Threads have numbers of their own on Linux; elsewhere attackers and attacked share the cores alike.
fn stand_back() {
    let number = std::fs::read_link("/proc/thread-self").ok();
    let niced = number
        .as_deref()
        .and_then(|path| path.file_name())
        .map(|number| Command::new("renice").args(["-n", "19", "-p"]).arg(number).output());
    if !niced.is_some_and(|done| done.is_ok_and(|done| done.status.success())) {
        println!("the attackers take as much of the cores as the attacked");
    }
}
