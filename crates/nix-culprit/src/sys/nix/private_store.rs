//! Calls on a store of the case's own: what is valid there without having been copied, and what the user's store
//! gives it. The user's store is only read.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use nix_culprit_core::ids::DrvPath;
use nix_culprit_core::outcome::End;
use nix_culprit_core::store_path::NarHash;

use super::Nix;
use super::call::{EvalQuestion, scrubbed};
use crate::sys::child::{Call, Output, Stdin};

/// More than the names of all derivations of a large system take, in bytes.
const MOST_PATHS: usize = 64 << 20;

impl Nix {
    /// Builds the user's own evaluation as [`Nix::faithful`], in a store of its own.
    ///
    /// What would have to be built for it, with all that such a build needs, is not in that store: it is refused.
    #[must_use]
    pub fn pure(&self, store: &Path, copy: &Path, dir: &str, question: &EvalQuestion) -> Call {
        let mut options: Vec<OsString> = vec!["--store".into(), store.into()];
        options.extend(["--option", "build-users-group", ""].map(Into::into));
        options.extend(["--option", "allow-import-from-derivation", "false"].map(Into::into));
        self.own_evaluation(options, copy, dir, question)
    }

    /// Builds the call that makes sources with these hashes valid in a store, whether they are there or not.
    #[must_use]
    pub fn register(&self, store: &Path, hashes: &[NarHash]) -> Call {
        scrubbed(self.store_program())
            .args(["--load-db", "--option", "build-users-group", "", "--store"])
            .arg(store)
            .stdin(Stdin::Bytes(registration(hashes)))
    }

    /// Builds the call that lists all that a derivation needs, itself included, in a store of the case's own or in the
    /// user's.
    #[must_use]
    pub fn requisites(&self, store: Option<&Path>, drv_path: &DrvPath) -> Call {
        let call = scrubbed(self.store_program()).args(["--query", "--requisites"]).output(Output::Capture(MOST_PATHS));
        let call = match store {
            Some(store) => call.args(["--option", "build-users-group", "", "--store"]).arg(store),
            None => call,
        };
        call.arg(drv_path.as_str())
    }

    /// Builds the call that copies sources from the user's own store to another one; where one is not there, it fails.
    #[must_use]
    pub fn bring(&self, store: &Path, hashes: &[NarHash]) -> Call {
        scrubbed(self.program())
            .args(["copy", "--no-check-sigs", "--extra-experimental-features", "nix-command flakes"])
            .args(["--option", "substitute", "false", "--option", "build-users-group", ""])
            .arg("--to")
            .arg(store)
            .args(hashes.iter().map(|hash| hash.source_path().as_str().to_owned()))
    }
}

/// Reads the derivations among what [`Nix::requisites`] lists; nothing where it failed or listed more than is kept.
#[must_use]
pub fn read_requisites(stdout: &[u8], end: End) -> Option<BTreeSet<String>> {
    if end != End::Exited(0) || stdout.len() >= MOST_PATHS {
        return None;
    }
    let lines = std::str::from_utf8(stdout).ok()?.lines();
    Some(lines.filter(|line| line.parse::<DrvPath>().is_ok()).map(str::to_owned).collect())
}

/// Writes what `nix-store --load-db` reads of each path: its name, hash and size (0: not known), no deriver, no
/// references.
fn registration(hashes: &[NarHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| format!("{}\n{}\n0\n\n0\n", hash.source_path(), hash.to_hex()).into_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_are_told_from_their_sources() {
        let listed = b"/nix/store/a-x.patch\n/nix/store/b-c.drv\n/nix/store/d-e.drv\n";
        let all = read_requisites(listed, End::Exited(0)).unwrap();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["/nix/store/b-c.drv", "/nix/store/d-e.drv"]);
        assert_eq!(read_requisites(listed, End::Exited(1)), None);
        assert_eq!(read_requisites(b"\xff", End::Exited(0)), None);
    }

    #[test]
    fn a_path_is_registered_by_its_name_and_its_hash_in_hexadecimal_digits() {
        let hash: NarHash = "sha256-djTtB3ZiOeRQzmUy1PvcdDrbIabyPZxZNJOiHVCA3Tw=".parse().unwrap();
        let text = String::from_utf8(registration(&[hash, hash])).unwrap();
        let one = "/nix/store/2kqj9phy2jzf6lrs62g1wqj0qjfsid8n-source\n\
                   7634ed07766239e450ce6532d4fbdc743adb21a6f23d9c593493a21d5080dd3c\n0\n\n0\n";
        assert_eq!(text, format!("{one}{one}"));
    }
}
