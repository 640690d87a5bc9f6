//! Has what was written reach the disk, beside what is done next.
//!
//! Owns the thread. The next evaluation is begun meanwhile: to prepare it files are written, which would wait for the disk, too.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the next evaluation has to begin.
const START: Duration = Duration::from_millis(50);

/// What is on its way to the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    underway: Option<(Sender<()>, JoinHandle<io::Result<()>>)>,
}

impl Disk {
    /// Has all that was written to a file so far reach the disk soon. What was underway has reached it on return.
    ///
    /// # Errors
    /// When what was underway could not be written.
    pub(super) fn send(&mut self, file: &File) -> io::Result<()> {
        self.wait()?;
        let file = file.try_clone()?;
        let (hurry, hurried) = channel();
        let sync = move || {
            let _in_time = hurried.recv_timeout(START);
            file.sync_data()
        };
        self.underway = Some((hurry, std::thread::Builder::new().name("journal".to_owned()).spawn(sync)?));
        Ok(())
    }

    /// Waits until what was underway has reached the disk.
    ///
    /// # Errors
    /// When it could not be written.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        let Some((hurry, thread)) = self.underway.take() else { return Ok(()) };
        drop(hurry);
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that waits for the disk is gone")))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _lost = self.wait();
    }
}
