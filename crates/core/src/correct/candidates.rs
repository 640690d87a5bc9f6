//! Which corrections may help in a case, in the order in which they are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::edges::{self, Edge, Edges};
use super::model::Before;
use super::refusal::{Grounds, Refusal};
use crate::explain::Why;
use crate::ids::{CommitId, InputPath};

/// What is known of a case that has a bearing on its correction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Commits at which an input was good, or is likely to be.
    pub keep: Vec<Keeping>,
    /// The commits that made the change, with their inputs.
    pub culprits: Vec<(InputPath, CommitId)>,
    /// The inputs that the failure goes through, the one with most of it first.
    pub owners: Vec<InputPath>,
    /// All inputs of the failing lock that are nodes of their own, those nearest to the root first.
    pub inputs: Vec<InputPath>,
    /// What inputs of inputs follow, and could follow, in the failing lock.
    pub edges: Edges,
    /// The other Nix programs that the user named.
    pub nix: Vec<NixAtHand>,
    /// One of each other version of Nix that is installed.
    pub installed: Vec<NixAtHand>,
    /// The files that the failure goes through, by input.
    pub files: BTreeMap<InputPath, BTreeSet<PathBuf>>,
    /// Whether heads of pull requests are tried.
    pub pull_requests: PullRequests,
    /// The package that nixpkgs refused, if that is how it fails.
    pub refusal: Option<Refusal>,
}

/// A Nix that is not the one that the case was searched with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NixAtHand {
    /// Its version, such as `Nix 2.34.8`.
    pub version: String,
    /// Its program.
    pub program: PathBuf,
}

/// A commit that an input could be kept at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// The input.
    pub input: InputPath,
    /// The commit.
    pub commit: CommitId,
    /// Which one that is.
    pub before: Before,
}

/// A correction that may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidate {
    /// An input stays before the culprit.
    Keep(Keeping),
    /// An input goes on: to its newest commit and, if that helps, to the first that does.
    Forward(InputPath),
    /// The culprit is taken back.
    Revert {
        /// The input.
        input: InputPath,
        /// The culprit.
        commit: CommitId,
    },
    /// Another Nix evaluates it.
    Nix(NixAtHand),
    /// Nixpkgs is allowed what it refuses.
    Allow(Refusal),
    /// An input of an input does not follow any more.
    Own(InputPath),
    /// An input of an input follows another one.
    Follow(Edge),
    /// An input of an input does not follow any more, and alone stays before the culprit.
    Apart {
        /// The input of an input, and the commit.
        keeping: Keeping,
        /// The input that it follows.
        from: InputPath,
    },
    /// An input goes to the head of one of its pull requests; which there are is still to be found out.
    PullRequests(InputPath),
    /// An input goes to the head of this one.
    PullRequest(Head),
}

/// The head of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The input.
    pub input: InputPath,
    /// Its name in the repository, such as `refs/pull/12/head`.
    pub reference: String,
    /// Its commit.
    pub commit: CommitId,
}

/// Whether heads of pull requests are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullRequests {
    /// They are not.
    #[default]
    Unused,
    /// They are.
    Used,
}

impl Candidate {
    /// Says what it is, for people; holds names of inputs as they are.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Keep(Keeping { input, commit, .. }) => format!("keep {input} at {}", commit.short()),
            Self::Forward(input) => format!("move {input} on"),
            Self::Revert { input, commit } => format!("take back {} in {input}", commit.short()),
            Self::Nix(NixAtHand { version, program }) => format!("use {version} ({})", program.display()),
            Self::Allow(Refusal { package, grounds }) => match grounds {
                Grounds::Lacks(permission) => format!("allow {package}, although {permission}"),
                Grounds::Problems(_) | Grounds::Other => format!("allow {package}"),
            },
            Self::Own(input) => format!("let {input} follow nothing"),
            Self::Follow(Edge { input, target }) => format!("let {input} follow {target}"),
            Self::Apart { keeping: Keeping { input, commit, .. }, .. } => {
                format!("keep {input} alone at {}", commit.short())
            }
            Self::PullRequests(input) => format!("take a pull request of {input}"),
            Self::PullRequest(Head { input, reference, commit }) => {
                format!("take {} ({}) of {input}", request(reference), commit.short())
            }
        }
    }
}

/// Returns what people call a pull request, given the name of its head.
#[must_use]
pub fn request(reference: &str) -> String {
    let number = |prefix: &str| reference.strip_prefix(prefix)?.strip_suffix("/head");
    match (number("refs/pull/"), number("refs/merge-requests/")) {
        (Some(number), _) => format!("pull request {number}"),
        (None, Some(number)) => format!("merge request {number}"),
        (None, None) => reference.to_owned(),
    }
}

/// Returns what may help, most promising first.
#[must_use]
pub fn candidates(facts: &Facts) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    let mut add = |candidate: Candidate| {
        if !all.contains(&candidate) {
            all.push(candidate);
        }
    };
    // One evaluation, and it says why it fails.
    facts.refusal.iter().for_each(|refusal| add(Candidate::Allow(refusal.clone())));
    let mut kept: Vec<&CommitId> = Vec::new();
    for keeping in &facts.keep {
        if !kept.contains(&&keeping.commit) {
            kept.push(&keeping.commit);
            add(Candidate::Keep(keeping.clone()));
        }
    }
    let known = |input: &&InputPath| facts.inputs.contains(input);
    facts.owners.iter().filter(known).for_each(|input| add(Candidate::Forward(input.clone())));
    facts.keep.iter().filter(|keeping| facts.inputs.contains(&keeping.input)).for_each(|keeping| {
        add(Candidate::Forward(keeping.input.clone()));
    });
    for (input, commit) in &facts.culprits {
        add(Candidate::Revert { input: input.clone(), commit: commit.clone() });
    }
    facts.nix.iter().for_each(|nix| add(Candidate::Nix(nix.clone())));
    edges::candidates(facts).into_iter().for_each(&mut add);
    facts.inputs.iter().for_each(|input| add(Candidate::Forward(input.clone())));
    if facts.pull_requests == PullRequests::Used {
        let suspects = facts.owners.iter().filter(known).chain(facts.keep.iter().map(|keeping| &keeping.input));
        suspects.chain(&facts.inputs).for_each(|input| add(Candidate::PullRequests(input.clone())));
    }
    facts.installed.iter().for_each(|nix| add(Candidate::Nix(nix.clone())));
    all
}

/// Returns the inputs that a failure goes through, the one with most of it first; not the flake itself.
#[must_use]
pub fn owners(why: &Why) -> Vec<InputPath> {
    let mut counted: Vec<(InputPath, usize)> = Vec::new();
    let mut count = |input: &InputPath| match counted.iter_mut().find(|(known, _)| known == input) {
        Some((_, count)) => *count += 1,
        None => counted.push((input.clone(), 1)),
    };
    match why {
        Why::Cycle(cycle) => {
            // Where values are made anew a repair is likelier than where the loop merely goes through.
            cycle.fresh.iter().for_each(|fresh| count(&fresh.place.input));
            let fresh = counted.len();
            let mut through: Vec<(InputPath, usize)> = Vec::new();
            for (input, _) in &cycle.files {
                match through.iter_mut().find(|(known, _)| known == input) {
                    Some((_, count)) => *count += 1,
                    None => through.push((input.clone(), 1)),
                }
            }
            through.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            counted.extend(through);
            counted[..fresh].sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        Why::Error(root) => {
            root.place.iter().for_each(|place| count(&place.input));
            root.frames.iter().for_each(|frame| count(&frame.place.input));
            counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        Why::Heavier(heavier) => {
            let places = heavier.functions.iter().filter_map(|more| more.place.as_ref());
            places.for_each(|place| count(&place.input));
            counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        Why::Unknown => {}
    }
    let mut owners: Vec<InputPath> = Vec::new();
    for (input, _) in counted {
        if !input.0.is_empty() && !owners.contains(&input) {
            owners.push(input);
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::super::refusal::Permission;
    use super::*;
    use crate::explain::{Certainty, Cycle, ErrorRoot, FrameTold, Fresh, Place};

    fn path(text: &str) -> InputPath {
        let Ok(path) = text.parse();
        path
    }

    fn place(input: &str) -> Place {
        Place { input: path(input), path: "default.nix".to_owned(), line: 1, source: None }
    }

    fn paths(inputs: &[InputPath]) -> Vec<String> {
        inputs.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_input_in_which_values_are_made_anew_owns_most_of_a_cycle() {
        let cycle = |fresh: &[&str]| {
            Why::Cycle(Cycle {
                edges: Vec::new(),
                certainty: Certainty::Confirmed,
                growth: Vec::new(),
                fresh: fresh.iter().map(|input| Fresh { place: place(input), call: "override".to_owned() }).collect(),
                files: ["pkgs", "", "overlay", "pkgs"].map(|input| (path(input), "x.nix".to_owned())).to_vec(),
            })
        };
        assert_eq!(paths(&owners(&cycle(&["overlay"]))), ["overlay", "pkgs"]);
        assert_eq!(paths(&owners(&cycle(&[]))), ["pkgs", "overlay"]);
        assert_eq!(paths(&owners(&cycle(&["", "other", "pkgs", "pkgs"]))), ["pkgs", "other", "overlay"]);
    }

    #[test]
    fn an_error_is_owned_by_the_inputs_that_its_way_goes_through() {
        let frame = |input: &str| FrameTold { what: "while calling".to_owned(), place: place(input) };
        let root = ErrorRoot {
            message: "boom".to_owned(),
            place: Some(place("b")),
            frames: vec![frame("a"), frame(""), frame("a")],
        };
        assert_eq!(paths(&owners(&Why::Error(root))), ["a", "b"]);
        assert!(owners(&Why::Unknown).is_empty());
    }

    #[test]
    fn a_pull_request_is_named_as_its_server_names_it() {
        assert_eq!(request("refs/pull/12/head"), "pull request 12");
        assert_eq!(request("refs/merge-requests/3/head"), "merge request 3");
        assert_eq!(request("refs/heads/x"), "refs/heads/x");
    }

    #[test]
    fn what_is_known_to_be_good_is_tried_first_then_owners_then_all_others_and_each_once() {
        let keep = |commit: char, before| Keeping {
            input: path("pkgs"),
            commit: commit.to_string().repeat(40).parse().unwrap(),
            before,
        };
        let facts = Facts {
            keep: vec![keep('a', Before::Merge), keep('b', Before::Culprit), keep('a', Before::Culprit)],
            culprits: vec![(path("pkgs"), "c".repeat(40).parse().unwrap())],
            owners: vec![path("overlay"), path("gone"), path("pkgs")],
            inputs: ["pkgs", "overlay", "tools", "overlay/lib"].map(path).to_vec(),
            nix: vec![NixAtHand { version: "Nix 2.8.0".to_owned(), program: "/old/nix".into() }],
            installed: vec![NixAtHand { version: "Lix 2.91.0".to_owned(), program: "/bin/nix".into() }],
            pull_requests: PullRequests::Used,
            files: BTreeMap::new(),
            refusal: Some(Refusal { package: "x-1".to_owned(), grounds: Grounds::Lacks(Permission::Unfree) }),
            ..Facts::default()
        };
        let words: Vec<String> = candidates(&facts).iter().map(Candidate::words).collect();
        let expected = [
            "allow x-1, although its license is unfree",
            "keep pkgs at aaaaaaaaaaaa",
            "keep pkgs at bbbbbbbbbbbb",
            "move overlay on",
            "move pkgs on",
            "take back cccccccccccc in pkgs",
            "use Nix 2.8.0 (/old/nix)",
            "move tools on",
            "move overlay/lib on",
            "take a pull request of overlay",
            "take a pull request of pkgs",
            "take a pull request of tools",
            "take a pull request of overlay/lib",
            "use Lix 2.91.0 (/bin/nix)",
        ];
        assert_eq!(words, expected);
        assert!(candidates(&Facts::default()).is_empty());
    }
}
