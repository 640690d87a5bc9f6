//! A process and all its descendants: who they are and how much memory they hold.
//!
//! Owns reading `/proc`. Must not signal anybody.
//!
//! Every orphan below a warden comes back to the warden (it is a "child subreaper"), so the
//! descendants are complete: a new session, a new process group or a double fork hides nobody.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix_culprit_core::quantity::Bytes;

/// What a tree holds, by the cheap way of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Resident {
    /// Every process's own pages, and the shared ones of the process that has most of them.
    pub(super) total: Bytes,
    /// How many processes hold more than a twentieth of that.
    pub(super) large: usize,
}

/// Reads one `/proc`.
#[derive(Debug)]
pub(super) struct Tree {
    proc: PathBuf,
    page: u64,
    path: String,
    buffer: Vec<u8>,
}

impl Tree {
    pub(super) fn new(proc: PathBuf) -> Self {
        Self { proc, page: rustix::param::page_size() as u64, path: String::new(), buffer: vec![0; 4096] }
    }

    /// Returns the process ids of all descendants of `root`, not `root` itself.
    pub(super) fn descendants(&mut self, root: u32) -> Vec<u32> {
        let mut found = Vec::new();
        if !self.children(root, &mut found) {
            return self.scan(root);
        }
        let mut next = 0;
        while let Some(pid) = found.get(next).copied() {
            self.children(pid, &mut found);
            next += 1;
        }
        found
    }

    /// Adds up the resident memory of some processes; those that are gone count nothing.
    pub(super) fn resident(&mut self, pids: &[u32]) -> Resident {
        let (mut own, mut shared, mut each) = (0, 0, Vec::with_capacity(pids.len()));
        for pid in pids {
            if let Some((resident, part)) = self.read(*pid, "statm").and_then(parse_statm) {
                own += resident.saturating_sub(part);
                shared = shared.max(part);
                each.push(resident.saturating_sub(part));
            }
        }
        let large = each.iter().filter(|pages| *pages * 20 > own).count();
        Resident { total: Bytes((own + shared).saturating_mul(self.page)), large }
    }

    /// Adds up the memory of some processes, pages shared by several counted once; slow (it walks their
    /// page tables). `None` when none may be read.
    pub(super) fn proportional(&mut self, pids: &[u32]) -> Option<Bytes> {
        pids.iter()
            .filter_map(|pid| self.read(*pid, "smaps_rollup").and_then(parse_pss))
            .reduce(|a, b| Bytes(a.0 + b.0))
    }

    /// Appends the children of one process; tells whether the kernel lists them at all.
    fn children(&mut self, pid: u32, into: &mut Vec<u32>) -> bool {
        self.path.clear();
        let _never = write!(self.path, "{pid}/task");
        let folder = self.proc.join(&self.path);
        let Ok(about) = fs::metadata(&folder) else { return true };
        // A folder has a link from each folder in it, so this tells how many threads there are. Most
        // processes have one, and then the folder need not be listed, which is what costs most here.
        if about.nlink() == 3 {
            return self.children_of_thread(pid, pid, into);
        }
        let mut listed = false;
        for thread in fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Some(thread) = thread.file_name().to_str().and_then(|name| name.parse().ok()) {
                listed |= self.children_of_thread(pid, thread, into);
            }
        }
        listed
    }

    fn children_of_thread(&mut self, pid: u32, thread: u32, into: &mut Vec<u32>) -> bool {
        let text = self.read(pid, format_args!("task/{thread}/children"));
        let Some(text) = text else { return false };
        into.extend(text.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        true
    }

    /// Finds the descendants by everybody's parent, for kernels that do not list children.
    fn scan(&mut self, root: u32) -> Vec<u32> {
        let Ok(entries) = fs::read_dir(&self.proc) else { return Vec::new() };
        let pids: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for pid in pids {
            if let Some(parent) = self.read(pid, "stat").and_then(parse_parent) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut found = children.remove(&root).unwrap_or_default();
        let mut next = 0;
        while let Some(pid) = found.get(next) {
            let more = children.remove(pid).unwrap_or_default();
            found.extend(more);
            next += 1;
        }
        found
    }

    /// Reads one file of one process; `None` when it is gone.
    fn read(&mut self, pid: u32, file: impl fmt::Display) -> Option<&str> {
        self.path.clear();
        write!(self.path, "{pid}/{file}").ok()?;
        let mut file = File::open(self.proc.join(&self.path)).ok()?;
        let mut filled = 0;
        loop {
            let count = file.read(&mut self.buffer[filled..]).ok()?;
            filled += count;
            // The kernel gives these files in pieces of up to a page: a short one is the last.
            if count == 0 || (filled < 1024 && filled < self.buffer.len()) {
                break;
            }
            if filled == self.buffer.len() {
                self.buffer.resize(2 * filled, 0);
            }
        }
        std::str::from_utf8(&self.buffer[..filled]).ok()
    }
}

/// Reads resident and shared pages out of `statm`.
fn parse_statm(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.split_ascii_whitespace().skip(1).map(|field| field.parse().ok());
    Some((fields.next()??, fields.next()??))
}

/// Reads the proportional share out of `smaps_rollup`.
fn parse_pss(text: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes(kib.saturating_mul(1024)))
}

/// Reads the parent out of `stat`; the name before it is in parentheses and may hold any character.
fn parse_parent(text: &str) -> Option<u32> {
    text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stand-in for `/proc`: process, parent, resident pages, shared pages.
    fn proc(processes: &[(u32, u32, u64, u64)], lists_children: bool) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for (pid, parent, resident, shared) in processes {
            let own = folder.path().join(pid.to_string());
            let task = own.join(format!("task/{pid}"));
            fs::create_dir_all(&task).unwrap();
            fs::write(own.join("statm"), format!("9999 {resident} {shared} 1 0 5 0\n")).unwrap();
            fs::write(own.join("stat"), format!("{pid} (a ) 7 b) S {parent} 1 1 0\n")).unwrap();
            if lists_children {
                let children: String = processes.iter().filter(|p| p.1 == *pid).map(|p| format!("{} ", p.0)).collect();
                fs::write(task.join("children"), children).unwrap();
            }
        }
        let mut tree = Tree::new(folder.path().to_owned());
        tree.page = 1;
        (folder, tree)
    }

    const FAMILY: [(u32, u32, u64, u64); 5] =
        [(10, 1, 100, 10), (20, 10, 1000, 300), (30, 20, 500, 200), (31, 20, 5, 1), (99, 1, 7777, 0)];

    #[test]
    fn descendants_are_found_with_and_without_the_kernels_lists() {
        for lists_children in [true, false] {
            let (_folder, mut tree) = proc(&FAMILY, lists_children);
            let mut found = tree.descendants(10);
            found.sort_unstable();
            assert_eq!(found, [20, 30, 31], "lists: {lists_children}");
            assert_eq!(tree.descendants(30), [0; 0]);
        }
    }

    #[test]
    fn shared_pages_count_once_and_the_dead_count_nothing() {
        let (_folder, mut tree) = proc(&FAMILY, true);
        let seen = tree.resident(&[20, 30, 31, 12345]);
        assert_eq!(seen, Resident { total: Bytes(700 + 300 + 4 + 300), large: 2 });
        assert_eq!(tree.proportional(&[20]), None);
    }

    #[test]
    fn our_own_process_is_read_from_the_real_kernel() {
        let mut tree = Tree::new("/proc".into());
        let me = std::process::id();
        assert!(tree.resident(&[me]).total > Bytes::MIB);
        let mut child = std::process::Command::new("sleep").arg("10").spawn().unwrap();
        assert!(tree.descendants(me).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn odd_kernel_text_is_no_reason_to_panic() {
        for text in ["", "1", "a b c", ") ", "1 (x", "Pss: many kB"] {
            assert_eq!((parse_statm(text), parse_pss(text), parse_parent(text)), (None, None, None), "{text:?}");
        }
        assert_eq!(parse_pss("Rss: 5 kB\nPss:                 12 kB\nPss_Anon: 3 kB\n"), Some(Bytes(12 << 10)));
    }
}
