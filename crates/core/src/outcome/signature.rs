//! When two failures are the same.
//!
//! Owns the normalised form of messages and files. Must not decide what a failure means for a commit.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{Class, Outcome, plain};

/// What makes two failures the same: the class, and for errors of evaluated code the normalised message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The kind of end.
    pub class: Class,
    /// The message without what drifts from commit to commit and from run to run.
    pub message: Option<String>,
    /// The file inside its input, without a line: lines drift.
    pub file: Option<String>,
}

/// What differs between two runs that failed alike, and what stands for it. The order matters.
static DRIFT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        ("[‘’“”\"`]", "'"),
        // The fast way names one attribute; Nix's command line names the flake, and all that it tried.
        (r"^(?:the )?flake (?:'[^']*' )?does not provide attribute '.*$", "the flake does not provide the attribute"),
        // The fast way is restricted, the user's own command pure.
        (r"is forbidden in (?:restricted|pure evaluation|pure eval) mode.*$", "is forbidden"),
        // Store paths, also of a private store, and bare hashes before a name.
        (r"[^\s'(]*/nix/store/[0-9a-z]{32}-", "STORE/"),
        (r"\b[0-9abcdfghijklmnpqrsvwxyz]{32}-", "STORE/"),
        (r"(?:/private)?/(?:var/)?(?:tmp|folders)/[^\s':,)]+", "TMP"),
        (r"\bsha(?:1|256|512)[-:][0-9A-Za-z+/=]+", "HASH"),
        (r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b", "HASH"),
        (r"\b[0-9abcdfghijklmnpqrsvwxyz]{52}\b", "HASH"),
        (r"\b0x[0-9a-fA-F]+\b", "N"),
        // Lines and columns, amounts, times, process numbers and the like; not the numbers in names.
        (r":\d+(?::\d+)?\b", ":N"),
        (r"\b\d+(?:\.\d+)? ?(bytes|[KMGT]i?B|ms|s|seconds|frames|attempts?)\b", "N $1"),
        (r"\b\d{5,}\b", "N"),
    ]
    .into_iter()
    .map(|(pattern, instead)| (Regex::new(pattern).expect("the patterns are constant, and a test uses them"), instead))
    .collect()
});

impl Signature {
    /// Takes the signature of an outcome; `roots` are prefixes of paths to leave off, such as the folders
    /// that inputs were evaluated from.
    #[must_use]
    pub fn of(outcome: &Outcome, roots: &[&str]) -> Self {
        Self {
            class: outcome.class,
            message: outcome.message.as_deref().map(|message| normalise(message, roots)),
            file: outcome.position.as_ref().map(|position| inside_input(&position.file, roots)),
        }
    }

    /// Tells whether two failures are the same.
    ///
    /// A computation that ran away (out of memory, time-out, stack overflow, call depth, infinite
    /// recursion) ends at an arbitrary place, so the class decides. For all others the message must agree
    /// too, and, where neither has one, the file.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.class == other.class
            && (self.class.is_runaway()
                || (self.message == other.message && (self.message.is_some() || self.file == other.file)))
    }
}

impl fmt::Display for Signature {
    /// Shows `evaluation error: attribute 'x' missing (in pkgs/top-level/all-packages.nix)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class)?;
        if self.class.is_runaway() {
            return Ok(());
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " (in {file})")?;
        }
        Ok(())
    }
}

fn normalise(message: &str, roots: &[&str]) -> String {
    let mut text = without_roots(&plain(message), roots);
    for (pattern, instead) in DRIFT.iter() {
        if let std::borrow::Cow::Owned(changed) = pattern.replace_all(&text, *instead) {
            text = changed;
        }
    }
    text
}

/// Leaves off the longest roots first, and only where a path begins and a component ends.
fn without_roots(text: &str, roots: &[&str]) -> String {
    let mut roots: Vec<&str> = roots.iter().map(|root| root.trim_end_matches('/')).filter(|r| !r.is_empty()).collect();
    roots.sort_by_key(|root| std::cmp::Reverse(root.len()));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let begins = !out.ends_with(|before: char| before.is_alphanumeric() || matches!(before, '/' | '.' | '-' | '_'));
        let root = roots.iter().find(|root| begins && rest.strip_prefix(**root).is_some_and(|r| r.starts_with('/')));
        let skip = match root {
            Some(root) => root.len() + 1,
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[skip..];
    }
    out
}

/// Reduces a file to its path inside its input: `/nix/store/HASH-source/pkgs/x.nix` to `pkgs/x.nix`.
fn inside_input(file: &str, roots: &[&str]) -> String {
    static STORE_PATH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^.*?/nix/store/[0-9a-z]{32}-[^/]*/").expect("the pattern is constant, and a test uses it")
    });
    let file = without_roots(&plain(file), roots);
    STORE_PATH.replace(&file, "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Position;

    fn signature(class: Class, message: &str, file: &str) -> Signature {
        let position = Some(Position { file: file.to_owned(), line: 7, column: 3 });
        Signature::of(&Outcome { class, message: Some(message.to_owned()), position }, &["/clones/a/", "/clones/a/sub"])
    }

    const HASH: &str = "0123456789abcdfghijklmnpqrsvwxyz";

    #[test]
    fn what_drifts_between_runs_does_not_count() {
        for (one, other) in [
            (
                format!("getting status of '/nix/store/{HASH}-source/x.nix': No such file"),
                "getting status of '/other/nix/store/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-source/x.nix': No such file"
                    .into(),
            ),
            (
                format!("path '{HASH}-a.drv' is not valid"),
                "path 'aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb-a.drv' is not valid".into(),
            ),
            ("called without ‘a’ at /x.nix:12:3".into(), "called without 'a' at /x.nix:9:31".into()),
            ("heap of 461 MiB, 0xdeadbeef".into(), "heap of 7 MiB, 0x1".into()),
            ("cannot read '/tmp/nix-123-4/x'".into(), "cannot read '/tmp/nix-9-8/y'".into()),
            (format!("rev {}", "0".repeat(40)), format!("rev {}", "a".repeat(40))),
            ("got sha256-AAA= instead".into(), "got sha256-BBB= instead".into()),
            ("\x1b[31mred\x1b[0m".into(), "red".into()),
            (
                "the flake does not provide attribute 'packages.s.x'".into(),
                "flake 'path:/x/source' does not provide attribute 'packages.s.x.drvPath', 'a' or 'b'".into(),
            ),
            (
                "access to absolute path '/etc/x' is forbidden in restricted mode".into(),
                "access to absolute path '/etc/x' is forbidden in pure evaluation mode (use '--impure' to override)"
                    .into(),
            ),
        ] {
            let [one, other] = [one, other].map(|message| signature(Class::EvaluationError, &message, "/x.nix"));
            assert_eq!(one.message, other.message);
            assert!(one.matches(&other));
        }
    }

    #[test]
    fn names_with_numbers_stay_apart() {
        let [one, other] = ["python311", "python312"]
            .map(|name| signature(Class::EvaluationError, &format!("attribute '{name}' missing"), "/x.nix"));
        assert!(!one.matches(&other));
    }

    #[test]
    fn a_file_is_reduced_to_its_path_inside_its_input() {
        for file in
            [&format!("/nix/store/{HASH}-source/pkgs/x.nix"), "/clones/a/pkgs/x.nix", "/clones/a/sub/pkgs/x.nix"]
        {
            assert_eq!(signature(Class::EvaluationError, "m", file).file.unwrap(), "pkgs/x.nix");
        }
        assert_eq!(signature(Class::EvaluationError, "m", "/clones/ab/x.nix").file.unwrap(), "/clones/ab/x.nix");
    }

    #[test]
    fn a_runaway_matches_by_its_class_alone() {
        let one = signature(Class::InfiniteRecursion, "infinite recursion encountered", "/a.nix");
        let other = signature(Class::InfiniteRecursion, "x", "/b.nix");
        assert!(one.matches(&other));
        assert!(!one.matches(&signature(Class::CallDepth, "x", "/b.nix")));
        assert_eq!(one.to_string(), "infinite recursion");
    }

    #[test]
    fn two_failures_without_a_message_match_in_the_same_file_only() {
        let bare = |file: Option<&str>| Signature {
            class: Class::EvaluationError,
            message: None,
            file: file.map(str::to_owned),
        };
        assert!(bare(Some("a.nix")).matches(&bare(Some("a.nix"))));
        assert!(!bare(Some("a.nix")).matches(&bare(Some("b.nix"))));
    }

    #[test]
    fn a_signature_survives_the_journal() {
        let one = signature(Class::EvaluationError, "attribute 'x' missing", "/clones/a/x.nix");
        assert_eq!(one.to_string(), "evaluation error: attribute 'x' missing (in x.nix)");
        let json = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Signature>(&json).unwrap(), one);
    }
}
