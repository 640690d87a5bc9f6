//! A pipe with a name, for programs that write only to files.
//!
//! Owns its making, its opening and its removal. Reading never blocks, also when nobody ever writes: it is open for
//! writing here as well, so that there is no end to wait for.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};

/// How much the pipe holds, so that its writer seldom waits: as much as anybody may ask for.
const ROOM: usize = 1 << 20;

/// A pipe with a name; it goes with this value.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    file: File,
}

impl Fifo {
    /// Makes a pipe under a name, in place of what an earlier run left there.
    ///
    /// # Errors
    /// When the folder does not take it.
    pub fn new(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let file = File::from(open(path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?);
        // It is a matter of speed only.
        #[cfg(target_os = "linux")]
        let _as_it_is = rustix::pipe::fcntl_setpipe_size(&file, ROOM);
        Ok(Self { path: path.to_owned(), file })
    }

    /// Returns its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the end to read from, without blocking.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};

    #[test]
    fn a_pipe_that_nobody_writes_to_does_not_block_and_goes_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        fs::write(&path, "left by a run that was killed").unwrap();
        let fifo = Fifo::new(&path).unwrap();
        let mut chunk = [0; 8];
        let empty = fifo.file().read(&mut chunk).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        File::options().write(true).open(fifo.path()).unwrap().write_all(b"told").unwrap();
        assert_eq!(fifo.file().read(&mut chunk).unwrap(), 4);
        // The writer is gone, and still there is nothing to wait for.
        assert_eq!(fifo.file().read(&mut chunk).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(fifo);
        assert!(!path.exists());
    }
}
