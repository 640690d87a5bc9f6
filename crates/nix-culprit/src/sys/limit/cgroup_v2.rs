//! Cgroups of version 2: what their files are called and where ours may be made.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::quantity::Bytes;

use super::Roots;
use super::cgroup::{self, Files};

/// The files of the memory controller.
pub(super) const FILES: Files = Files {
    limit: "memory.max",
    also: &[("memory.swap.max", Some("0"), false), ("memory.oom.group", Some("1"), false)],
    usage: "memory.current",
    refused: &[("memory.events", Some("max"))],
    killed: ("memory.events", Some("oom_kill")),
};

/// Finds the cgroup below which we may make our own, and tries it.
pub(super) fn find(roots: &Roots) -> Result<PathBuf, String> {
    let own = own(roots).ok_or("no cgroups of version 2")?;
    if !lists(&own.join("cgroup.controllers"), "memory") {
        return Err("the memory controller is not here (not delegated, or used by version 1)".to_owned());
    }
    if !lists(&own.join("cgroup.subtree_control"), "memory") {
        hand_down(&own)?;
    }
    cgroup::try_out(&FILES, &own).map(|()| own)
}

/// Returns the limit that we ourselves live under.
pub(super) fn own_limit(roots: &Roots) -> Option<Bytes> {
    cgroup::tightest(&own(roots)?, &roots.cgroup, FILES.limit)
}

fn own(roots: &Roots) -> Option<PathBuf> {
    cgroup::own_folder(roots, "", &roots.cgroup)
}

/// Lets the cgroups below `own` have limits of their own.
///
/// A cgroup that hands controllers down may hold no processes itself (the root excepted). Where we are
/// alone in it, as in a delegated scope made for us, we move to a leaf; other processes are not ours
/// to move.
fn hand_down(own: &Path) -> Result<(), String> {
    let control = own.join("cgroup.subtree_control");
    let Err(first) = fs::write(&control, "+memory") else { return Ok(()) };
    let refused = |error| format!("{} hands no memory limits down: {error}", own.display());
    let members = fs::read_to_string(own.join("cgroup.procs")).unwrap_or_default();
    if members.trim() != std::process::id().to_string() {
        return Err(refused(first));
    }
    let leaf = own.join("nix-culprit");
    let moved = match fs::create_dir(&leaf) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => fs::write(leaf.join("cgroup.procs"), "0"),
    };
    moved.and_then(|()| fs::write(&control, "+memory")).map_err(|error| {
        // Back to where we were: a failed try must leave nothing behind.
        let _back = fs::write(own.join("cgroup.procs"), "0");
        let _gone = fs::remove_dir(&leaf);
        refused(error)
    })
}

fn lists(file: &Path, controller: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.split_whitespace().any(|name| name == controller))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for the kernel's folder: files appear when written, limits read back as written.
    fn kernel(files: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut roots = Roots::usual("/nowhere".into());
        roots.proc = folder.path().join("proc");
        roots.cgroup = folder.path().join("cgroup");
        (folder, roots)
    }

    #[test]
    fn a_hierarchy_without_the_memory_controller_is_not_used() {
        let (_folder, roots) = kernel(&[("proc/self/cgroup", "0::/\n"), ("cgroup/cgroup.controllers", "hugetlb\n")]);
        assert!(find(&roots).unwrap_err().contains("memory controller is not here"));
    }

    #[test]
    fn a_cgroup_with_other_members_is_left_alone() {
        let (folder, roots) = kernel(&[
            ("proc/self/cgroup", "0::/a\n"),
            ("cgroup/a/cgroup.controllers", "cpu memory\n"),
            ("cgroup/a/cgroup.procs", "1\n2\n"),
            ("cgroup/a/cgroup.subtree_control/busy", ""),
        ]);
        assert!(find(&roots).unwrap_err().contains("hands no memory limits down"));
        assert!(!folder.path().join("cgroup/a/nix-culprit").exists());
    }
}
