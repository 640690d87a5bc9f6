//! One cgroup of our own, from creation to removal.
//!
//! Owns the folder: it is removed when the value is dropped. What its files are called is in
//! `cgroup_v1` and `cgroup_v2`. Must not choose where it is made.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::quantity::Bytes;
use rustix::process::{Pid, Signal};

use super::Roots;

/// The files of one version of cgroups.
#[derive(Debug)]
pub(super) struct Files {
    /// Holds the limit.
    pub(super) limit: &'static str,
    /// Settings beside the limit, in order: name, value (`None`: the limit again), whether it must succeed.
    pub(super) also: &'static [(&'static str, Option<&'static str>, bool)],
    /// Holds the present use.
    pub(super) usage: &'static str,
    /// Hold how often the limit was hit: file and key (no key: the file is the number).
    pub(super) refused: &'static [(&'static str, Option<&'static str>)],
    /// Holds how many processes the kernel killed.
    pub(super) killed: (&'static str, Option<&'static str>),
}

/// What the kernel counts for a cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters {
    /// Memory in use, page cache included.
    pub(super) usage: Bytes,
    /// How often the limit was hit.
    pub(super) refused: u64,
    /// How many processes the kernel killed for lack of memory.
    pub(super) killed: u64,
}

/// A cgroup that we made.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: PathBuf,
    files: &'static Files,
}

impl Cgroup {
    /// The share of the budget at which the kernel steps in: above ours, so that we come first.
    pub(super) const SHARE: u64 = 105;

    /// Makes a cgroup, which holds its members to nothing yet.
    pub(super) fn make(files: &'static Files, folder: PathBuf) -> io::Result<Self> {
        fs::create_dir(&folder)?;
        Ok(Self { folder, files })
    }

    /// Holds its members to `limit`, and reads the limit back.
    pub(super) fn hold_to(&self, limit: Bytes) -> io::Result<()> {
        fs::write(self.folder.join(self.files.limit), limit.0.to_string())?;
        for (name, value, must) in self.files.also {
            let value = value.map_or_else(|| limit.0.to_string(), str::to_owned);
            match fs::write(self.folder.join(name), value) {
                Err(error) if *must => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        // The kernel rounds to pages, never up.
        match read_limit(&self.folder.join(self.files.limit)) {
            Some(in_force) if in_force <= limit => Ok(()),
            _ => Err(io::Error::other("the limit that was set does not read back")),
        }
    }

    /// Opens the file through which a process joins.
    pub(super) fn door(&self) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.folder.join("cgroup.procs"))
    }

    /// Reads the kernel's counters.
    pub(super) fn counters(&self) -> Counters {
        counters(self.files, &self.folder)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel lets go of a cgroup a moment after its last process is reaped.
        for _ in 0..100 {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BUSY.raw_os_error()) => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// Reads the counters of any cgroup.
pub(super) fn counters(files: &Files, folder: &Path) -> Counters {
    let number = |(name, key): (&str, Option<&str>)| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        let number = match key {
            None => text.trim(),
            Some(key) => text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?.trim(),
        };
        number.parse::<u64>().ok()
    };
    Counters {
        usage: Bytes(number((files.usage, None)).unwrap_or_default()),
        refused: files.refused.iter().filter_map(|file| number(*file)).sum(),
        killed: number(files.killed).unwrap_or_default(),
    }
}

/// Reads a limit; `None` when there is none (`max`, or version 1's huge number).
pub(super) fn read_limit(path: &Path) -> Option<Bytes> {
    let limit: u64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (limit < 1 << 60).then_some(Bytes(limit))
}

/// Returns the tightest limit of `folder` and all above it, up to `top`.
pub(super) fn tightest(folder: &Path, top: &Path, name: &str) -> Option<Bytes> {
    let line = folder.ancestors().take_while(|above| above.starts_with(top));
    line.filter_map(|above| read_limit(&above.join(name))).min()
}

/// Finds our own cgroup's folder in the hierarchy that `controller` names (empty: version 2), below `top`.
///
/// In a container the kernel may tell the host's path while only our part is mounted: then it is `top`.
pub(super) fn own_folder(roots: &Roots, controller: &str, top: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(roots.proc.join("self/cgroup")).ok()?;
    let path = parse_own(&text, controller)?;
    let folder = if path == "/" { top.to_owned() } else { top.join(path.trim_start_matches('/')) };
    let inside = !path.split('/').any(|part| part == "..");
    Some(if inside && folder.is_dir() { folder } else { top.to_owned() })
}

/// Finds the path of one hierarchy in `/proc/PID/cgroup`.
pub(super) fn parse_own<'a>(text: &'a str, controller: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        controllers.split(',').any(|name| name == controller).then_some(path)
    })
}

/// Makes and removes a cgroup below `above`, to see whether that works, and removes what a nix-culprit
/// that was killed has left there.
pub(super) fn try_out(files: &'static Files, above: &Path) -> Result<(), String> {
    sweep(above);
    let folder = above.join(format!("{PREFIX}{}-trial", std::process::id()));
    let tried = Cgroup::make(files, folder).and_then(|cgroup| cgroup.hold_to(Bytes(64 << 20)).and(cgroup.door()));
    tried.map(drop).map_err(|error| format!("no limit can be set below {}: {error}", above.display()))
}

/// How the folders of our cgroups begin; our process id follows.
pub(super) const PREFIX: &str = "nix-culprit-";

/// Removes cgroups whose maker is gone. Only empty ones can be removed, so nothing can be hurt.
fn sweep(above: &Path) {
    let Ok(entries) = fs::read_dir(above) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
        let gone = |maker| rustix::process::test_kill_process(maker) == Err(rustix::io::Errno::SRCH);
        if maker.and_then(Pid::from_raw).is_some_and(gone) {
            let _in_use = fs::remove_dir(entry.path());
        }
    }
}

/// Kills every member of a cgroup whose maker and warden are both lost, and removes it.
pub(super) fn abandon(folder: &Path) {
    for _ in 0..200 {
        let Ok(members) = fs::read_to_string(folder.join("cgroup.procs")) else { return };
        let pids = members.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw);
        pids.for_each(|pid| _ = rustix::process::kill_process(pid, Signal::KILL));
        if fs::remove_dir(folder).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_place_in_each_hierarchy_is_read() {
        let text = "9:name=systemd:/s\n4:cpu,memory:/a:b\n0::/user.slice/x.scope\n";
        assert_eq!(parse_own(text, "memory"), Some("/a:b"));
        assert_eq!(parse_own(text, ""), Some("/user.slice/x.scope"));
        assert_eq!(parse_own(text, "pids"), None);
        assert_eq!(parse_own("garbage\n", ""), None);
    }

    #[test]
    fn counters_come_from_keyed_and_from_plain_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("memory.current"), "4096\n").unwrap();
        fs::write(folder.path().join("memory.events"), "low 0\nmax 7\noom 1\noom_kill 2\noom_group_kill 0\n").unwrap();
        let seen = counters(&super::super::cgroup_v2::FILES, folder.path());
        assert_eq!(seen, Counters { usage: Bytes(4096), refused: 7, killed: 2 });
        fs::write(folder.path().join("memory.usage_in_bytes"), "8192\n").unwrap();
        fs::write(folder.path().join("memory.memsw.failcnt"), "3\n").unwrap();
        fs::write(folder.path().join("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n").unwrap();
        let seen = counters(&super::super::cgroup_v1::FILES, folder.path());
        assert_eq!(seen, Counters { usage: Bytes(8192), refused: 3, killed: 1 });
    }

    #[test]
    fn only_cgroups_whose_maker_is_gone_are_swept() {
        let above = tempfile::tempdir().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let names =
            [format!("nix-culprit-{}-1", gone.id()), format!("nix-culprit-{}-1", std::process::id()), "other".into()];
        names.iter().for_each(|name| fs::create_dir(above.path().join(name)).unwrap());
        sweep(above.path());
        let left: Vec<_> = names.iter().map(|name| above.path().join(name).exists()).collect();
        assert_eq!(left, [false, true, true]);
    }
}
