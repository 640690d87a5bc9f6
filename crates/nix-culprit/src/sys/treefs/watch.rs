//! Giving up reads that hang, so that a probe which waits for one can end.
//!
//! A process that waits for a file system's answer cannot even be killed. Objects can be on a disk that is gone; then
//! the kernel has to be told that no answer will come. That ends the whole mount, and with it the case's probing; the
//! alternative would be a process that never ends.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Inner;
use crate::sys::interrupt::{Asked, Interrupt};

/// How often is looked.
const TICK: Duration = Duration::from_millis(100);
/// How long a read may go on after the probe should have ended: it was asked in order, and killed, by then.
const GRACE: Duration = Duration::from_secs(3);

/// Watches one view's reads until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the watch"]
pub struct Watch {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches a view whose probe should have ended at `end`, or when somebody asks to stop.
    pub(super) fn start(inner: Arc<Inner>, view: u64, end: Option<Instant>, interrupt: &Interrupt) -> Self {
        let (over, hear) = channel();
        let interrupt = interrupt.clone();
        let thread = std::thread::Builder::new().name("mount-watch".to_owned());
        // Without a thread to spare nobody watches, and all else is as it is.
        let thread = thread.spawn(move || watch(&inner, view, end, &interrupt, &hear)).ok();
        Self { over: Some(over), thread }
    }
}

fn watch(inner: &Inner, view: u64, end: Option<Instant>, interrupt: &Interrupt, over: &Receiver<()>) {
    let mut due = end;
    while over.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        if interrupt.asked() > Asked::No {
            due = Some(due.map_or(now, |due| due.min(now)));
        }
        if due.is_some_and(|due| now >= due + GRACE) && inner.forest.is_reading(view) {
            return inner.give_up();
        }
    }
    // The probe is over, and nobody is there to wait for a read; readahead may need a moment.
    let began = Instant::now();
    while inner.forest.is_reading(view) {
        if began.elapsed() >= GRACE {
            return inner.give_up();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // It has no way to panic.
            let _ended = thread.join();
        }
    }
}
