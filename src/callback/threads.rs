//! The threads on which callbacks are made.
//!
//! Clients and upstreams wait for an answer; an application does not know yet what it is about to
//! be told. So callbacks have threads of their own, fewer than the rest and a little behind it:
//! however many are due, a send or a `deliver_sm` never queues behind them. They keep a share of
//! a busy machine all the same.

use std::{
    io,
    num::NonZero,
    thread::{self, available_parallelism},
};

use rustix::{
    process::{getpriority_process, setpriority_process},
    thread::gettid,
};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};
use tracing::debug;

/// What they are called, for those who look at the process.
const NAME: &str = "callbacks";
/// Added to the nice value of the process: some two fifths of the weight of another thread.
const NICER_BY: i32 = 4;

/// Threads of their own; what still runs on them ends when they are dropped.
#[derive(Debug)]
pub struct Threads(Option<Runtime>);

impl Threads {
    /// One for every two processors, at least one.
    pub fn start() -> io::Result<Threads> {
        let processors = available_parallelism().map_or(1, NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads((processors / 2).max(1))
            .thread_name(NAME)
            .on_thread_start(stand_back)
            .enable_all()
            .build()?;
        Ok(Threads(Some(runtime)))
    }

    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let runtime = self.0.as_ref().expect("it is there until the drop");
        runtime.spawn(work)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Nobody waits here: this may be a thread of another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Lets other threads of the process go first.
fn stand_back() {
    // On Linux a priority is a thread's.
    let me = Some(gettid());
    let done = getpriority_process(me).and_then(|now| setpriority_process(me, now + NICER_BY));
    if let Err(e) = done {
        debug!(thread = thread::current().name(), error = %e, "it stays as urgent as the rest");
    }
}
