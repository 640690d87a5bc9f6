//! Measures how long a history's changed paths take to read and to ask, and what they need of memory:
//! `git rev-list BRANCH | cargo run --release --example changed_paths GIT_DIR PATH…`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use nix_culprit::sys::git::{Git, Repository};
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit_core::ids::CommitId;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let folder = words.next().ok_or("name a git directory")?;
    let repository = Repository::open(&Git::new("git", &Interrupt::new())?, Path::new(&folder))?;
    let commits: Vec<CommitId> =
        std::io::read_to_string(std::io::stdin())?.lines().map(str::parse).collect::<Result<_, _>>()?;
    let before = resident()?;
    let began = Instant::now();
    let history = repository.changed_paths(&commits, &mut std::io::sink())?;
    let read = began.elapsed();
    let began = Instant::now();
    let touching = history.touching(&words.map(PathBuf::from).collect()).len();
    let asked = began.elapsed();
    let grown = resident()?.saturating_sub(before) / 1024;
    #[expect(clippy::print_stdout, reason = "it is what an example is for")]
    {
        println!(
            "{} commits: read in {read:.2?}, {grown} MiB; {touching} touch them, asked in {asked:.2?}",
            commits.len()
        );
    }
    Ok(())
}

/// Returns the largest resident memory so far, in KiB.
fn resident() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
