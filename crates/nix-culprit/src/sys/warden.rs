//! The warden: nix-culprit itself, run again as a small process that outlives it by a moment.
//!
//! Owns what must happen even when the tool is killed by SIGKILL. A warden listens on a socket to the
//! tool; its end without a goodbye means that the tool is gone. There are two kinds: one for each
//! guarded run (it starts and watches the program, see `limit::watch`), and one that stands by to
//! unmount and remove what the tool has put into the world. Must not print.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::sync::OnceLock;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::child::{self, Call, Start};
use super::interrupt::Interrupt;
#[cfg(target_os = "linux")]
use super::limit::watch::{Answer, Plan, Ready, Stage};
use super::namespace::Namespace;
#[cfg(target_os = "linux")]
use super::namespace::{self, Mounter};

/// How long a warden may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the tool says to a warden, one JSON document a line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Be ready for a run.
    #[cfg(target_os = "linux")]
    Ready(Box<Stage>),
    /// Run this; after it single bytes follow.
    #[cfg(target_os = "linux")]
    Run(Box<Plan>),
    /// Do this if I am killed.
    Hold(Duty),
    /// This is done already.
    Release(Duty),
    /// Mount here, in a namespace of your own, and send what is needed to serve and to enter it.
    #[cfg(target_os = "linux")]
    Mount(PathBuf),
    /// Unmount this there.
    Detach(PathBuf),
    /// End this there, with an error for whoever waits for an answer.
    Abort(PathBuf),
    /// Look these names up in a folder, beside all else.
    LookUp(PathBuf, Vec<PathBuf>),
    /// All is well, end without doing anything.
    Bye,
}

impl Request {
    pub(super) fn line(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// What is to be undone when the tool is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// Unmounts a file system.
    Unmount(PathBuf),
    /// Removes a folder and all in it.
    Remove(PathBuf),
}

/// A warden that stands by; dropping the last clone tells it that all is well.
#[derive(Debug, Clone)]
pub struct Warden {
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    socket: Mutex<UnixStream>,
    /// The way to what it mounted.
    #[cfg(target_os = "linux")]
    inside: OnceLock<Namespace>,
    process: Mutex<std::process::Child>,
}

impl Warden {
    /// Starts a warden; `program` is nix-culprit itself (never a test's harness).
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let command = Call::new(program).args(["warden", &theirs.as_raw_fd().to_string()]).command();
        let process = child::spawn(command, Start { pass: Some(theirs), ..Start::plain() })?;
        ours.set_read_timeout(Some(PATIENCE))?;
        let line = Line {
            socket: Mutex::new(ours),
            #[cfg(target_os = "linux")]
            inside: OnceLock::new(),
            process: Mutex::new(process),
        };
        Ok(Self { line: Arc::new(line) })
    }

    /// Puts a duty on the warden for as long as the returned value lives; the duty itself is not done
    /// when it is dropped, that is its owner's part.
    ///
    /// # Errors
    /// When the warden is gone.
    pub fn hold(&self, duty: Duty) -> io::Result<Held> {
        self.line.say(&Request::Hold(duty.clone()))?;
        Ok(Held { duty, line: Arc::clone(&self.line) })
    }

    /// Has names looked up in a folder; does not wait for that.
    ///
    /// # Errors
    /// When the warden is gone, or a name is no text.
    pub(super) fn look_up(&self, folder: PathBuf, names: Vec<PathBuf>) -> io::Result<()> {
        self.line.say(&Request::LookUp(folder, names))
    }

    /// Has FUSE mounted in the warden's own namespace, as seen from there only, and returns the device on
    /// which requests arrive. Such a mount ends with the processes that are inside, so it needs no duty.
    pub(super) fn mount(&self, at: &Path) -> io::Result<OwnedFd> {
        #[cfg(not(target_os = "linux"))]
        return super::fuse::mount(at);
        #[cfg(target_os = "linux")]
        self.mount_inside(at)
    }

    #[cfg(target_os = "linux")]
    fn mount_inside(&self, at: &Path) -> io::Result<OwnedFd> {
        let socket = self.line.socket.lock().unwrap_or_else(PoisonError::into_inner);
        (&*socket).write_all(&Request::Mount(at.to_owned()).line()?)?;
        let (device, inside) = namespace::mounted(&socket)?;
        let _first = self.line.inside.set(inside);
        Ok(device)
    }

    /// Unmounts what [`Warden::mount`] mounted, also while somebody uses it.
    pub(super) fn detach(&self, at: &Path) {
        let _gone = self.line.say(&Request::Detach(at.to_owned()));
    }

    /// Ends what [`Warden::mount`] mounted, with an error for whoever waits for an answer.
    pub(super) fn abort(&self, at: &Path) {
        let _gone = self.line.say(&Request::Abort(at.to_owned()));
    }

    /// Returns the namespace that whoever reads the mounts of this warden must be in; none: they are
    /// where everybody sees them.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        #[cfg(target_os = "linux")]
        return self.line.inside.get();
        #[cfg(not(target_os = "linux"))]
        None
    }
}

impl Line {
    fn say(&self, request: &Request) -> io::Result<()> {
        let line = request.line()?;
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _gone = self.say(&Request::Bye);
        let _reaped = self.process.get_mut().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

/// A duty that the warden holds.
#[derive(Debug)]
#[must_use = "dropping it releases the warden from its duty"]
pub struct Held {
    duty: Duty,
    line: Arc<Line>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let _gone = self.line.say(&Request::Release(self.duty.clone()));
    }
}

/// Lives a warden's life on the socket with this number: the hidden subcommand `warden`.
///
/// Takes the socket over, so it is called once, by `main`, before anything else is opened.
///
/// # Errors
/// When the number is no socket, or the tool talks nonsense.
pub fn serve(number: RawFd) -> io::Result<()> {
    let socket = fs::metadata(format!("/dev/fd/{number}"))?.file_type().is_socket();
    if number <= 2 || !socket {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a warden is started by nix-culprit itself"));
    }
    #[expect(unsafe_code, reason = "the socket comes from the parent process, as a bare number")]
    // SAFETY: it is an open socket that the tool passed to this process alone, under this number, and
    // nothing else here has taken it over: this is the first thing that the process does.
    let mut socket = UnixStream::from(unsafe { OwnedFd::from_raw_fd(number) });
    // It must not reach the programs that we start.
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let mut heard = Vec::new();
    let Some(first) = hear(&socket, &mut heard)? else { return Ok(()) };
    match first {
        #[cfg(target_os = "linux")]
        Request::Ready(stage) => {
            let ready = Ready::new(*stage);
            // The tool may end, or find that there is nothing more to run.
            let Some(Request::Run(plan)) = hear(&socket, &mut heard)? else { return Ok(()) };
            let answer = match ready {
                Ok(ready) => ready.run(&plan, &socket, &heard),
                Err(error) => Answer::not_started(&error),
            };
            socket.set_nonblocking(false)?;
            // If the tool is gone nobody reads it.
            let _gone = socket.write_all(&serde_json::to_vec(&answer)?);
            Ok(())
        }
        first => {
            #[cfg(target_os = "linux")]
            let mut mounter = Mounter::new(socket.try_clone()?);
            stand_by(
                first,
                BufReader::new(io::Cursor::new(heard).chain(socket)),
                #[cfg(target_os = "linux")]
                &mut mounter,
            )
        }
    }
}

/// Hears one request; `heard` is what came of the next ones. None: the tool is gone.
fn hear(mut socket: &UnixStream, heard: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let rest = heard.split_off(end + 1);
            let line = std::mem::replace(heard, rest);
            return Ok(Some(serde_json::from_slice(&line)?));
        }
        match socket.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(count) => heard.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Keeps the list of duties, and does them, last first, if the tool ends without a goodbye.
fn stand_by(first: Request, more: impl BufRead, #[cfg(target_os = "linux")] mounter: &mut Mounter) -> io::Result<()> {
    let mut duties = Vec::new();
    let lines = more.lines().map_while(Result::ok).map(|line| serde_json::from_str(&line).map_err(io::Error::from));
    for request in std::iter::once(Ok(first)).chain(lines) {
        match request? {
            Request::Hold(duty) => duties.push(duty),
            Request::Release(duty) => {
                if let Some(at) = duties.iter().rposition(|held| *held == duty) {
                    duties.remove(at);
                }
            }
            #[cfg(target_os = "linux")]
            Request::Mount(at) => mounter.mount(&at)?,
            #[cfg(target_os = "linux")]
            Request::Detach(at) => mounter.detach(&at),
            #[cfg(target_os = "linux")]
            Request::Abort(at) => mounter.abort(&at),
            #[cfg(not(target_os = "linux"))]
            Request::Detach(_) | Request::Abort(_) => {}
            Request::Bye => return Ok(()),
            // In a process that is not the one that answers: a kill of that one would never end, waiting for itself.
            Request::LookUp(folder, names) => {
                let work = move || names.iter().for_each(|name| _ = fs::symlink_metadata(folder.join(name)));
                let _without = std::thread::Builder::new().name("expected".to_owned()).spawn(work);
            }
            #[cfg(target_os = "linux")]
            Request::Ready(_) | Request::Run(_) => {
                return Err(io::Error::other("a warden that stands by runs nothing"));
            }
        }
    }
    duties.iter().rev().for_each(perform);
    Ok(())
}

fn perform(duty: &Duty) {
    match duty {
        Duty::Unmount(path) => {
            let helpers = ["fusermount3", "fusermount"].into_iter().map(|name| Call::new(name).args(["-u", "-z"]));
            for helper in helpers.chain([Call::new("umount").arg("-l")]) {
                let call = helper.arg(path.as_path());
                if child::output(&call, Some(Duration::from_secs(5)), &Interrupt::new())
                    .is_ok_and(|done| done.success())
                {
                    return;
                }
            }
        }
        Duty::Remove(path) => {
            // Other processes of the tool may need a moment to end and to stop writing there.
            for _ in 0..20 {
                match fs::remove_dir_all(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    Ok(()) | Err(_) => return,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounter() -> Mounter {
        Mounter::new(UnixStream::pair().unwrap().0)
    }

    fn told(requests: &[Request]) -> Vec<u8> {
        requests.iter().flat_map(|request| serde_json::to_vec(request).unwrap().into_iter().chain([b'\n'])).collect()
    }

    #[test]
    fn a_tool_that_vanishes_leaves_its_folders_to_the_warden() {
        let above = tempfile::tempdir().unwrap();
        let [mine, released] = ["mine", "released"].map(|name| above.path().join(name));
        [&mine, &released].iter().for_each(|folder| fs::create_dir_all(folder.join("deep")).unwrap());
        let more = [Request::Hold(Duty::Remove(mine.clone())), Request::Release(Duty::Remove(released.clone()))];
        stand_by(Request::Hold(Duty::Remove(released.clone())), told(&more).as_slice(), &mut mounter()).unwrap();
        assert_eq!((mine.exists(), released.exists()), (false, true));
    }

    #[test]
    fn a_goodbye_leaves_everything_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let hold = Request::Hold(Duty::Remove(folder.path().to_owned()));
        stand_by(hold, told(&[Request::Bye]).as_slice(), &mut mounter()).unwrap();
        assert!(folder.path().exists());
    }
}
