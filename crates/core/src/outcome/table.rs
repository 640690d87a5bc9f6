//! The words that tell one kind of end from another.
//!
//! Owns the table of markers. Must not decide whether a text can be believed: see `classify`.
//!
//! To extend it: run `script/capture-outcomes` with the new version, see which sample fails, and add the
//! words as that version prints them, with the versions in which they were seen.

use super::Class;

/// Where in a message its words must be. The beginning matters: Nix quotes what evaluated code chose
/// (names, paths) only after words of its own.
enum Words {
    /// The message is this.
    Whole(&'static str),
    /// The message starts so.
    Start(&'static str),
    /// The message starts with the first and has the second somewhere behind it.
    StartThen(&'static str, &'static str),
}

use Class::{
    BuildFailure, CallDepth, EvaluationError, FetchFailure, HashMismatch, ImportFromDerivation, InfiniteRecursion,
    Interrupted, NixTooOld, NixUnusable, OutOfMemory, Refused, StackOverflow,
};
use Words::{Start, StartThen, Whole};

/// The first row that fits counts.
static MARKERS: &[(Class, Words)] = &[
    // Nix, on evaluation. All versions unless noted.
    (OutOfMemory, Whole("out of memory")),
    (InfiniteRecursion, Whole("infinite recursion encountered")),
    (CallDepth, Whole("stack overflow; max-call-depth exceeded")), // 2.20
    (StackOverflow, Whole("stack overflow (possible infinite recursion)")),
    // Package sets, in their own words.
    (
        NixTooOld,
        StartThen("evaluation aborted with the following error message: '", "requires an implementation of Nix"),
    ),
    (NixTooOld, StartThen("evaluation aborted with the following error message: '", "requires Nix >=")),
    (EvaluationError, Start("evaluation aborted with the following error message: '")),
    (Refused, StartThen("Package ", ", refusing to evaluate.")),
    (Refused, Start("Refusing to evaluate package '")), // nixpkgs 26.11
    // Fetching.
    (FetchFailure, Start("unable to download '")),
    (FetchFailure, Start("program 'git' failed with exit code ")), // to 2.19
    (FetchFailure, Start("program 'tar' failed with exit code ")), // 2.3
    (FetchFailure, Start("Cannot find Git revision '")),
    (FetchFailure, Start("Failed to fetch git repository")), // newer than 2.26
    (FetchFailure, StartThen("Git repository ", " does not exist")),
    (FetchFailure, Start("resolving Git reference '")), // libgit2, 2.20
    (FetchFailure, Start("getting Git object '")),      // libgit2, 2.20
    (FetchFailure, Start("Failed to open archive")),    // 2.26
    (FetchFailure, Start("failed to open archive")),    // 2.4
    (HashMismatch, Start("hash mismatch in ")),
    (HashMismatch, Start("NAR hash mismatch in ")),
    // Building.
    (BuildFailure, StartThen("builder for '", "' failed")), // to 2.28
    (BuildFailure, Start("Cannot build '")),                // 2.29
    (BuildFailure, StartThen("build of '", "' failed")),
    (ImportFromDerivation, StartThen("cannot build '", "'allow-import-from-derivation' is disabled")),
    (ImportFromDerivation, StartThen("attempted to realize '", "'allow-import-from-derivation' is false")), // 2.3
    // Nix and this machine.
    (Interrupted, Whole("interrupted by the user")),
    (Interrupted, StartThen("download of '", "' was interrupted")), // 2.3, 2.8
    (NixUnusable, Start("experimental Nix feature '")),
    (NixUnusable, Start("cannot connect to socket at '")),
    (NixUnusable, Start("cannot connect to daemon at '")), // 2.3
    (NixUnusable, Start("unrecognised flag '")),
    (NixUnusable, Start("current Nix store schema is version ")),
];

/// Returns the kind of end that a message speaks of, if it has words of the table.
///
/// This proves nothing: evaluated code can say the same. It serves to explain, and to withhold a verdict.
#[must_use]
pub fn claim(message: &str) -> Option<Class> {
    MARKERS.iter().find(|(_, words)| words.fit(message)).map(|(class, _)| *class)
}

impl Words {
    fn fit(&self, message: &str) -> bool {
        match self {
            Self::Whole(text) => message == *text,
            Self::Start(text) => message.starts_with(text),
            Self::StartThen(start, then) => message.strip_prefix(start).is_some_and(|rest| rest.contains(then)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nix_own_words_are_not_found_behind_a_name_that_evaluated_code_chose() {
        assert_eq!(claim("infinite recursion encountered"), Some(InfiniteRecursion));
        assert_eq!(claim("attribute 'infinite recursion encountered' missing"), None);
        assert_eq!(claim("attribute 'unable to download 'x' missing"), None);
        assert_eq!(claim("out of memory, says the package"), None);
    }

    #[test]
    fn every_row_can_be_reached() {
        for (index, (_, words)) in MARKERS.iter().enumerate() {
            let message = match words {
                Whole(text) | Start(text) => (*text).to_owned(),
                StartThen(start, then) => format!("{start}x {then}"),
            };
            assert_eq!(MARKERS.iter().position(|(_, words)| words.fit(&message)), Some(index), "{message}");
        }
    }
}
