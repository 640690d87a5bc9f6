//! Asking for a FUSE mount: the kernel, or the helper `fusermount3`, which may where we may not.
//!
//! Owns the options of the mount and its end. Must not answer the kernel's requests; that is
//! `treefs`' part.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::Signal;

use super::child::{self, Call, Start};
use super::descriptors;
use super::interrupt::Interrupt;

/// What the mount is called in lists of mounts.
const NAME: &str = "nix-culprit";
/// The kernel's side of every FUSE file system.
const DEVICE: &str = "/dev/fuse";
/// The helper's names, the newer one first.
const HELPERS: [&str; 2] = ["fusermount3", "fusermount"];
/// How long the helper may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Mounts by ourselves: for root, and for whoever is in a user namespace of their own. Returns the
/// open device on which requests arrive.
pub(super) fn mount(at: &Path) -> io::Result<OwnedFd> {
    let device = File::options().read(true).write(true).open(DEVICE);
    let device = device.map_err(|error| io::Error::new(error.kind(), format!("{DEVICE}: {error}")))?;
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let options = format!("fd={},rootmode=40000,user_id={uid},group_id={gid}", device.as_raw_fd());
    let options = CString::new(options).expect("numbers have no zero byte");
    let flags = MountFlags::RDONLY | MountFlags::NOATIME | MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount(NAME, at, "fuse", flags, options.as_c_str())?;
    Ok(device.into())
}

/// Mounts by `fusermount3`, a program of the system that may mount FUSE for any user.
pub(super) fn mount_by_helper(at: &Path) -> io::Result<OwnedFd> {
    let mut first = None;
    for helper in HELPERS {
        match ask(helper, at) {
            Ok(device) => return Ok(device),
            Err(error) => _ = first.get_or_insert(error),
        }
    }
    Err(first.expect("one was tried"))
}

fn ask(helper: &str, at: &Path) -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    let theirs = OwnedFd::from(theirs);
    let options = format!("ro,noatime,nosuid,nodev,fsname={NAME}");
    let call = Call::new(helper).args(["-o", &options, "--"]).arg(at);
    let mut command = call.env("_FUSE_COMMFD", theirs.as_raw_fd().to_string()).command();
    command.stderr(Stdio::piped());
    let started = child::spawn(command, Start { pass: Some(theirs), ..Start::plain() });
    let mut started = started.map_err(|error| io::Error::new(error.kind(), format!("{helper}: {error}")))?;
    ours.set_read_timeout(Some(PATIENCE))?;
    let device = descriptors::receive(&ours).ok().and_then(|(_, files)| files.into_iter().next());
    if device.is_none() {
        child::signal_group(&started, Signal::KILL);
    }
    let mut complaint = String::new();
    if let Some(stderr) = &mut started.stderr {
        let _unheard = stderr.take(4096).read_to_string(&mut complaint);
    }
    started.wait()?;
    // It begins with its name.
    device.ok_or_else(|| io::Error::other(complaint.trim().to_owned()))
}

/// Returns the number of the connection behind a mount: that of its device, which nobody has to answer for.
pub(super) fn connection(at: &Path) -> Option<u32> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mut mount = mounts.lines().map(|line| line.split(' ')).filter_map(|mut fields| {
        let device = fields.nth(2)?;
        (fields.nth(1)? == at.to_str()?).then(|| device.split_once(':')?.1.parse().ok()).flatten()
    });
    mount.next_back()
}

/// Ends the connection behind a mount: whoever waits for an answer gets an error.
pub(super) fn abort(at: &Path, connection: Option<u32>) -> io::Result<()> {
    if let Some(connection) = connection {
        return std::fs::write(format!("/sys/fs/fuse/connections/{connection}/abort"), "1");
    }
    // With force the kernel ends it before it looks whether it can be unmounted.
    Ok(rustix::mount::unmount(at, UnmountFlags::FORCE | UnmountFlags::DETACH)?)
}

/// Unmounts lazily: by ourselves where we may, else with the helper that may.
pub(super) fn detach(at: &Path) -> io::Result<()> {
    let Err(refused) = rustix::mount::unmount(at, UnmountFlags::DETACH) else { return Ok(()) };
    if refused != rustix::io::Errno::PERM {
        return Err(refused.into());
    }
    let mut complaint = String::new();
    for helper in HELPERS {
        let call = Call::new(helper).args(["-u", "-z", "--"]).arg(at);
        match child::output(&call, Some(PATIENCE), &Interrupt::new()) {
            Ok(done) if done.success() => return Ok(()),
            Ok(done) => complaint = String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            Err(_) if !complaint.is_empty() => {}
            Err(error) => complaint = error.to_string(),
        }
    }
    Err(io::Error::other(complaint))
}
