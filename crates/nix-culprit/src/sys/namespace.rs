//! A user and mount namespace of our own, in which an unprivileged user may mount.
//!
//! Owns making it, entering it and mounting in it. Only the process that made it lives there, and the
//! evaluations that read what is mounted: the tool itself stays outside, so that `sudo`, `ssh` and
//! everything else that looks at owners finds the world as it is. Nobody outside sees the mount, and
//! the kernel ends it with the last process inside.
//!
//! Inside, our user and group are themselves, and all others look like `nobody`. Rights to files are
//! what they were, supplementary groups included; only programs with the set-user-id bit give none.

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use serde::{Deserialize, Serialize};

use super::{descriptors, fuse};

/// The way into a namespace; it exists as long as somebody has it or is inside.
#[derive(Debug, Clone)]
pub struct Namespace {
    ends: Arc<Ends>,
}

#[derive(Debug)]
struct Ends {
    user: OwnedFd,
    mount: OwnedFd,
}

impl Namespace {
    /// Makes one and goes into it. Only for a process with a single thread.
    fn make() -> io::Result<Self> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        #[expect(unsafe_code, reason = "rustix marks it so because of the flag FILES, which is not used here")]
        // SAFETY: descriptors stay shared; only the user and the mounts are parted.
        unsafe {
            unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
        }
        // The kernel wants it said that no group can be got rid of, before it believes a group map.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
        let open = |end: &str| File::open(format!("/proc/self/ns/{end}")).map(OwnedFd::from);
        Ok(Self { ends: Arc::new(Ends { user: open("user")?, mount: open("mnt")? }) })
    }

    /// Tells whether it is the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ends, &other.ends)
    }

    /// Prepares to go in with a new process, which keeps its working folder.
    pub(super) fn entrance(&self) -> Entrance {
        let folder = std::env::current_dir().ok().and_then(|folder| CString::new(folder.as_os_str().as_bytes()).ok());
        Entrance { namespace: self.clone(), folder }
    }
}

/// What a new process needs to go in.
#[derive(Debug)]
pub(super) struct Entrance {
    namespace: Namespace,
    folder: Option<CString>,
}

impl Entrance {
    /// Goes in. Bare system calls: it is for the moment between fork and exec.
    pub(super) fn enter(&self) -> rustix::io::Result<()> {
        let ends = &self.namespace.ends;
        move_into_link_name_space(ends.user.as_fd(), Some(LinkNameSpaceType::User))?;
        move_into_link_name_space(ends.mount.as_fd(), Some(LinkNameSpaceType::Mount))?;
        // It is at the top of the file system now.
        self.folder.as_deref().map_or(Ok(()), rustix::process::chdir)
    }
}

/// Answers requests to mount, in the process that lives inside.
#[derive(Debug)]
pub(super) struct Mounter {
    socket: UnixStream,
    inside: Option<Namespace>,
}

/// The answer to a request to mount; the open files go with it.
#[derive(Debug, Serialize, Deserialize)]
enum Mounted {
    Done,
    Refused(Option<i32>, String),
}

impl Mounter {
    /// Answers on this socket. Nothing is made before the first request.
    pub(super) const fn new(socket: UnixStream) -> Self {
        Self { socket, inside: None }
    }

    /// Mounts, and sends the device and the ways in; or says why not.
    pub(super) fn mount(&mut self, at: &Path) -> io::Result<()> {
        match self.try_mount(at) {
            Ok((device, Namespace { ends })) => {
                let files = [device.as_fd(), ends.user.as_fd(), ends.mount.as_fd()];
                descriptors::send(&self.socket, &serde_json::to_vec(&Mounted::Done)?, &files)
            }
            Err(error) => {
                let refused = Mounted::Refused(error.raw_os_error(), error.to_string());
                descriptors::send(&self.socket, &serde_json::to_vec(&refused)?, &[])
            }
        }
    }

    fn try_mount(&mut self, at: &Path) -> io::Result<(OwnedFd, Namespace)> {
        let inside = match &self.inside {
            Some(inside) => inside.clone(),
            None => self.inside.insert(Namespace::make()?).clone(),
        };
        Ok((fuse::mount(at)?, inside))
    }

    /// Unmounts lazily what was mounted here.
    pub(super) fn detach(&self, at: &Path) {
        if self.inside.is_some() {
            let _gone = rustix::mount::unmount(at, rustix::mount::UnmountFlags::DETACH);
        }
    }

    /// Ends what was mounted here, with an error for whoever waits for an answer.
    pub(super) fn abort(&self, at: &Path) {
        if self.inside.is_some() {
            let _gone = fuse::abort(at, None);
        }
    }
}

/// Reads the answer to a request to mount.
pub(super) fn mounted(socket: &UnixStream) -> io::Result<(OwnedFd, Namespace)> {
    let (bytes, files) = descriptors::receive(socket)?;
    match serde_json::from_slice(&bytes)? {
        Mounted::Done => {
            let [device, user, mount] = <[OwnedFd; 3]>::try_from(files)
                .map_err(|files| io::Error::other(format!("{} files came in place of three", files.len())))?;
            Ok((device, Namespace { ends: Arc::new(Ends { user, mount }) }))
        }
        Mounted::Refused(number, text) => {
            Err(number.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error))
        }
    }
}

/// Says which setting of the machine forbids users namespaces of their own, if one does.
#[must_use]
pub fn forbidden_by(proc: &Path) -> Option<String> {
    let settings = [
        ("kernel/unprivileged_userns_clone", "0"),
        ("user/max_user_namespaces", "0"),
        ("user/max_mnt_namespaces", "0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ];
    settings.iter().find_map(|(setting, forbids)| {
        let path: PathBuf = proc.join("sys").join(setting);
        let value = fs::read_to_string(path).ok()?;
        (value.trim() == *forbids).then(|| format!("{} is {forbids}", setting.replace('/', ".")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_forbids_it_is_named() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(forbidden_by(proc.path()), None);
        let user = proc.path().join("sys/user");
        fs::create_dir_all(&user).unwrap();
        fs::write(user.join("max_user_namespaces"), "96365\n").unwrap();
        assert_eq!(forbidden_by(proc.path()), None);
        fs::write(user.join("max_user_namespaces"), "0\n").unwrap();
        assert_eq!(forbidden_by(proc.path()).as_deref(), Some("user.max_user_namespaces is 0"));
    }
}
