//! How much memory a run gets when nobody said so.
//!
//! Owns the default budget, from the machine's free memory and our own cgroup's limit. Reads kernel
//! files only.

use std::fs;
use std::path::Path;

use nix_culprit_core::quantity::Bytes;

use super::{Roots, cgroup_v1, cgroup_v2};

/// The share of what is free that a run gets by default: the rest keeps the desktop, the page cache
/// that Nix's file reads live from, and our own overshoot out of swap.
const SHARE: u64 = 60;

/// Below this no flake evaluates at all, so a smaller default would only mislead.
const LEAST: Bytes = Bytes(256 << 20);

/// Returns how much memory could be used here without swapping: what the machine has available, or
/// the limit of our own cgroup if that is less; `None` when neither can be read.
#[must_use]
pub fn free(roots: &Roots) -> Option<Bytes> {
    let own = [cgroup_v2::own_limit(roots), cgroup_v1::own_limit(roots)];
    own.into_iter().flatten().chain(available(&roots.proc)).min()
}

/// Returns the budget for a run when nobody said one.
#[must_use]
pub fn default(roots: &Roots) -> Bytes {
    free(roots).map_or(Bytes(2 << 30), |free| free.percent(SHARE).max(LEAST))
}

/// Reads `MemAvailable`.
fn available(proc: &Path) -> Option<Bytes> {
    parse_available(&fs::read_to_string(proc.join("meminfo")).ok()?)
}

fn parse_available(meminfo: &str) -> Option<Bytes> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.saturating_mul(1024)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cgroups: &str, limits: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("proc/meminfo", "MemTotal:       16000000 kB\nMemAvailable:   10485760 kB\n");
        write("proc/self/cgroup", cgroups);
        limits.iter().for_each(|(path, text)| write(&format!("cgroup/{path}"), text));
        let mut roots = Roots::usual("/nowhere".into());
        roots.proc = folder.path().join("proc");
        roots.cgroup = folder.path().join("cgroup");
        (folder, roots)
    }

    #[test]
    fn without_a_limit_of_our_own_a_share_of_the_free_memory_is_taken() {
        let (_folder, roots) = machine("0::/\n", &[]);
        assert_eq!(default(&roots), Bytes(6 << 30));
    }

    #[test]
    fn the_tightest_limit_of_our_cgroup_and_all_above_lowers_the_default() {
        let files = [("a/b/memory.max", "max\n"), ("a/memory.max", "1073741824\n")];
        let (_folder, roots) = machine("0::/a/b\n", &files);
        assert_eq!(free(&roots), Some(Bytes(1 << 30)));
        let files = [
            ("memory/x/y/memory.limit_in_bytes", "2147483648\n"),
            ("memory/x/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        let (_folder, roots) = machine("4:memory:/x/y\n0::/\n", &files);
        assert_eq!(free(&roots), Some(Bytes(2 << 30)));
    }

    #[test]
    fn a_container_that_sees_its_own_cgroup_as_the_root_is_understood() {
        let (_folder, roots) = machine("4:memory:/docker/0123\n", &[("memory/memory.limit_in_bytes", "536870912\n")]);
        assert_eq!(free(&roots), Some(Bytes(512 << 20)));
        assert_eq!(default(&roots), Bytes(512 << 20).percent(60));
        let (_folder, roots) = machine("0::/\n", &[("memory.max", "104857600\n")]);
        assert_eq!(default(&roots), LEAST);
    }

    #[test]
    fn unreadable_kernel_files_give_a_modest_default() {
        let mut roots = Roots::usual("/nowhere".into());
        roots.proc = "/nowhere".into();
        roots.cgroup = "/nowhere".into();
        assert_eq!((free(&roots), default(&roots)), (None, Bytes(2 << 30)));
    }
}
