//! What evaluations of earlier cases came to: the cache of observations.
//!
//! Owns what determines a result, and which results are worth keeping. Whatever is wrong with the cache, an
//! investigation goes on without it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::outcome::Observation;
use nix_culprit_core::quantity::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::assignment::Assignment;
use super::evaluator::{Evaluated, Target};
use super::kept::same_within;
use super::trees::LookedAt;
use crate::sys::cache::{Cache, CacheError};

/// How large the cache may grow.
const MOST: u64 = 128 << 20;

/// What an evaluation may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    pub(super) memory: Bytes,
    pub(super) time: Duration,
}

/// An evaluation that ended, with what it was allowed and what it looked at, if that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) limits: Limits,
    pub(super) observation: Observation,
    pub(super) attr: Option<AttrPath>,
    pub(super) looked_at: Option<BTreeMap<NodeKey, LookedAt>>,
}

/// The cache, as one case uses it.
#[derive(Debug)]
pub(super) struct Remembered {
    cache: Option<Cache>,
    /// All that determines results and is the same throughout the case.
    case: Vec<u8>,
    /// What is wrong with the cache, until it was told.
    complaint: Option<String>,
}

impl Remembered {
    /// Remembers nothing.
    pub(super) const fn nothing() -> Self {
        Self { cache: None, case: Vec::new(), complaint: None }
    }

    /// Opens the cache; `case` is all that determines results and is the same throughout the case.
    pub(super) fn open(path: &Path, case: &[&[u8]]) -> Self {
        let mut remembered = Self { case: digest(case), ..Self::nothing() };
        match Cache::open(path, MOST) {
            Ok(cache) => remembered.cache = Some(cache),
            Err(error) => remembered.give_up(&error),
        }
        remembered
    }

    /// Says why there is no cache.
    pub(super) fn without(complaint: &str) -> Self {
        Self { complaint: Some(complaint.to_owned()), ..Self::nothing() }
    }

    /// Returns what is wrong with the cache, once.
    pub(super) fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// Finds an evaluation of the very same that ends in the same way within these limits.
    pub(super) fn find(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        limits: Limits,
    ) -> Option<Memory> {
        let key = self.key(assignment, mode, target)?;
        let texts = match self.cache.as_ref()?.get(&key) {
            Ok(texts) => texts,
            Err(error) => {
                self.give_up(&error);
                return None;
            }
        };
        let memories = texts.iter().filter_map(|text| serde_json::from_str::<Memory>(text).ok());
        memories.into_iter().find(|memory| memory.holds_within(limits))
    }

    /// Keeps an evaluation that ended for the code's sake alone.
    pub(super) fn keep(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        evaluated: &Evaluated,
        (limits, looked_at): (Limits, Option<BTreeMap<NodeKey, LookedAt>>),
    ) {
        let Some(key) = self.key(assignment, mode, target).filter(|_| evaluated.repeatable) else { return };
        let (observation, attr) = (evaluated.observation.clone(), evaluated.attr.clone());
        let mut memory = Memory { limits, observation, attr, looked_at };
        // Names of files that are no text cannot be written.
        let text = serde_json::to_string(&memory).or_else(|_| {
            memory.looked_at = None;
            serde_json::to_string(&memory)
        });
        let variant = format!("{} {}", limits.memory.0, limits.time.as_millis());
        if let (Some(cache), Ok(text)) = (&self.cache, text)
            && let Err(error) = cache.put(&key, &variant, &text)
        {
            self.give_up(&error);
        }
    }

    /// Returns the digest of all that determines a result; nothing where an input is not locked to one content.
    fn key(&self, assignment: &Assignment, mode: Mode, target: &Target) -> Option<String> {
        self.cache.as_ref()?;
        // What determines results in the case is its own flake.nix.
        if assignment.flake.is_some() {
            return None;
        }
        let table = assignment.lock.inputs_table().ok()?;
        let is_locked = |key: &NodeKey| {
            let locked = table.nodes[key].fetch.as_ref();
            locked.is_none_or(|locked| locked.text("narHash").is_some() || locked.text("rev").is_some())
        };
        if !table.nodes.keys().all(is_locked) {
            return None;
        }
        // An input that is shown as a folder has no store path, which an evaluation can see.
        let shown = assignment.clones.keys().map(|key| key.0.as_str()).collect::<Vec<_>>().join("\0");
        let target = serde_json::to_vec(target).ok()?;
        let lock = assignment.lock.to_json();
        let parts = [&self.case, mode.words().as_bytes(), shown.as_bytes(), &target, lock.as_bytes()];
        Some(digest(&parts).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn give_up(&mut self, error: &CacheError) {
        self.cache = None;
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        self.complaint = Some(format!("goes on without the cache of observations: {error}{cause}"));
    }
}

impl Memory {
    /// Tells whether it ends in the same way within other limits. Twice the time it took: machines differ from day to day.
    fn holds_within(&self, wanted: Limits) -> bool {
        let in_time = wanted.time >= self.limits.time || self.observation.wall.saturating_mul(2) <= wanted.time;
        in_time && same_within(&self.observation, self.limits.memory, wanted.memory)
    }
}

/// Returns the digest of texts, kept apart.
fn digest(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().to_vec()
}

/// Returns the digest of a folder's names, contents, links and executable bits, without one file of it.
pub(super) fn digest_of_folder(folder: &Path, without: &Path) -> std::io::Result<Vec<u8>> {
    let mut whole = Sha256::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        if path == without {
            continue;
        }
        let name = path.strip_prefix(folder).unwrap_or(&path).as_os_str().as_encoded_bytes();
        let metadata = fs::symlink_metadata(&path)?;
        let part = if metadata.is_dir() {
            let mut below: Vec<_> =
                fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
            below.sort();
            todo.extend(below);
            digest(&[name, b"folder"])
        } else if metadata.is_symlink() {
            digest(&[name, b"link", fs::read_link(&path)?.as_os_str().as_encoded_bytes()])
        } else {
            let kind: &[u8] = if metadata.permissions().mode() & 0o100 == 0 { b"file" } else { b"executable" };
            digest(&[name, kind, &fs::read(&path)?])
        };
        whole.update(part);
    }
    Ok(whole.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::flake::Lock;
    use nix_culprit_core::outcome::Class;

    use super::super::evaluator::Yields;
    use super::super::fake::{Truth, assign, commit};
    use super::*;

    const LIMITS: Limits = Limits { memory: Bytes(1000 << 20), time: Duration::from_secs(60) };

    fn target() -> Target {
        Target::Attr("devShells.default".parse().unwrap(), Yields::Derivation)
    }

    fn evaluated(truth: &Truth) -> Evaluated {
        Evaluated { observation: truth.observation(), attr: None, repeatable: true }
    }

    fn keep(remembered: &mut Remembered, at: usize, truth: &Truth) {
        let evaluated = evaluated(truth);
        remembered.keep(&assign(&commit(at)).unwrap(), Mode::Fast, &target(), &evaluated, (LIMITS, None));
    }

    fn find(remembered: &mut Remembered, at: usize, limits: Limits) -> Option<Class> {
        let found = remembered.find(&assign(&commit(at)).unwrap(), Mode::Fast, &target(), limits);
        found.map(|memory| memory.observation.outcome.class)
    }

    #[test]
    fn the_very_same_evaluation_is_known_to_another_case_and_no_other_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut one = Remembered::open(&path, &[b"nix 2.34", b"flake"]);
        keep(&mut one, 1, &Truth::Good);
        let mut same = Remembered::open(&path, &[b"nix 2.34", b"flake"]);
        assert_eq!(find(&mut same, 1, LIMITS), Some(Class::Success));
        assert_eq!(find(&mut same, 2, LIMITS), None, "another commit");
        let assignment = assign(&commit(1)).unwrap();
        assert_eq!(same.find(&assignment, Mode::Faithful, &target(), LIMITS), None, "another way");
        let other = Target::Attr("packages.default".parse().unwrap(), Yields::Derivation);
        assert_eq!(same.find(&assignment, Mode::Fast, &other, LIMITS), None, "another target");
        let shown = Assignment { clones: [(NodeKey("pkgs".to_owned()), "/clone".into())].into(), ..assignment };
        assert_eq!(same.find(&shown, Mode::Fast, &target(), LIMITS), None, "shown as a folder");
        for other in [&[&b"nix 2.35"[..], b"flake"], &[b"nix 2.34", b"flake!"], &[b"nix 2.34f", b"lake"]] {
            assert_eq!(find(&mut Remembered::open(&path, other), 1, LIMITS), None, "another case");
        }
    }

    #[test]
    fn other_limits_count_where_they_cannot_make_a_difference() {
        let folder = tempfile::tempdir().unwrap();
        let mut remembered = Remembered::open(&folder.path().join("cache"), &[]);
        // Good needs 300 MiB and 2 seconds, bad 512 MiB and more.
        keep(&mut remembered, 1, &Truth::Good);
        keep(&mut remembered, 2, &Truth::Bad);
        let within = |memory: u64, seconds| Limits { memory: Bytes(memory << 20), time: Duration::from_secs(seconds) };
        for (memory, seconds, good, bad) in [
            (1000, 60, true, true),
            (4000, 600, true, false),
            (599, 60, false, true),
            (1000, 4, true, false),
            (1000, 3, false, false),
        ] {
            let limits = within(memory, seconds);
            assert_eq!(find(&mut remembered, 1, limits).is_some(), good, "good, {limits:?}");
            assert_eq!(find(&mut remembered, 2, limits).is_some(), bad, "bad, {limits:?}");
        }
    }

    #[test]
    fn an_end_that_is_not_the_codes_alone_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut remembered = Remembered::open(&folder.path().join("cache"), &[]);
        let outside = Evaluated { repeatable: false, ..evaluated(&Truth::Good) };
        let assignment = assign(&commit(1)).unwrap();
        remembered.keep(&assignment, Mode::Fast, &target(), &outside, (LIMITS, None));
        assert_eq!(find(&mut remembered, 1, LIMITS), None);
    }

    #[test]
    fn an_input_that_is_not_locked_to_one_content_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut remembered = Remembered::open(&folder.path().join("cache"), &[]);
        let loose = r#"{"version":7,"root":"root","nodes":{"root":{"inputs":{"a":"a"}},
            "a":{"locked":{"type":"path","path":"/somewhere"}}}}"#;
        let assignment = Assignment { lock: Lock::parse(loose).unwrap(), clones: BTreeMap::new(), flake: None };
        remembered.keep(&assignment, Mode::Fast, &target(), &evaluated(&Truth::Good), (LIMITS, None));
        assert_eq!(remembered.find(&assignment, Mode::Fast, &target(), LIMITS), None);
        assert_eq!(remembered.complaint(), None);
    }

    #[test]
    fn without_a_cache_it_goes_on_with_one_word_about_it() {
        let mut remembered = Remembered::open(Path::new("/proc/nowhere/cache"), &[]);
        keep(&mut remembered, 1, &Truth::Good);
        assert_eq!(find(&mut remembered, 1, LIMITS), None);
        let complaint = remembered.complaint().unwrap();
        assert!(
            complaint.starts_with("goes on without the cache of observations: could not use /proc/"),
            "{complaint}"
        );
        assert_eq!(remembered.complaint(), None);
    }

    #[test]
    fn a_folder_is_another_one_when_anything_in_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        let digest = || digest_of_folder(&top, &top.join("flake.lock")).unwrap();
        fs::create_dir_all(top.join("a")).unwrap();
        fs::write(top.join("a/b"), "1").unwrap();
        fs::write(top.join("flake.lock"), "1").unwrap();
        let mut seen = vec![digest()];
        fs::write(top.join("flake.lock"), "2").unwrap();
        assert_eq!(digest(), seen[0], "the lock is no part of it");
        fs::write(top.join("a/b"), "2").unwrap();
        seen.push(digest());
        fs::set_permissions(top.join("a/b"), fs::Permissions::from_mode(0o755)).unwrap();
        seen.push(digest());
        std::os::unix::fs::symlink("a/b", top.join("c")).unwrap();
        seen.push(digest());
        fs::create_dir(top.join("d")).unwrap();
        seen.push(digest());
        let different: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(different.len(), seen.len());
    }
}
