//! Cgroups of version 1: what their files are called and where ours may be made.

use std::path::{Path, PathBuf};

use nix_culprit_core::quantity::Bytes;

use super::Roots;
use super::cgroup::{self, Files};

/// The files of the memory controller.
///
/// Without the second limit memory would go to swap instead of being refused; kernels without swap
/// accounting lack it. Where both exist and are equal, failures count in the second.
pub(super) const FILES: Files = Files {
    limit: "memory.limit_in_bytes",
    also: &[("memory.memsw.limit_in_bytes", None, false), ("memory.swappiness", Some("0"), false)],
    usage: "memory.usage_in_bytes",
    refused: &[("memory.memsw.failcnt", None), ("memory.failcnt", None)],
    killed: ("memory.oom_control", Some("oom_kill")),
};

/// Finds the cgroup below which we may make our own, and tries it.
pub(super) fn find(roots: &Roots) -> Result<PathBuf, String> {
    let own = own(roots).ok_or("no memory controller of version 1")?;
    cgroup::try_out(&FILES, &own).map(|()| own)
}

/// Returns the limit that we ourselves live under.
pub(super) fn own_limit(roots: &Roots) -> Option<Bytes> {
    cgroup::tightest(&own(roots)?, &top(roots), FILES.limit)
}

fn top(roots: &Roots) -> PathBuf {
    roots.cgroup.join("memory")
}

fn own(roots: &Roots) -> Option<PathBuf> {
    cgroup::own_folder(roots, "memory", &top(roots)).filter(|folder: &PathBuf| Path::is_dir(folder))
}
