//! Which inputs of inputs could follow another input, or cease to, as far as a lock tells.

use super::candidates::{Candidate, Facts, Keeping};
use crate::flake::{Input, Lock};
use crate::ids::InputPath;

/// An input of an input of the flake, and another input that it is, or could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The input of an input.
    pub input: InputPath,
    /// The other one.
    pub target: InputPath,
}

/// The edges of a lock that an edit of the flake could change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edges {
    /// Inputs of inputs that follow, with the inputs that they end at.
    pub follows: Vec<Edge>,
    /// Inputs of inputs that are locked by themselves to another commit of a repository that the flake has too.
    pub doubles: Vec<Edge>,
}

impl Edges {
    /// Reads a lock. What is deeper in it than the inputs of inputs is left out, as are inputs that follow another one
    /// of the same parent: that was declared by the parent's own flake.
    #[must_use]
    pub fn of(lock: &Lock) -> Self {
        let mut edges = Self::default();
        let Some(root) = lock.nodes.get(&lock.root) else { return edges };
        let own = lock.paths();
        for (parent, key) in nodes(&root.inputs) {
            let Some(node) = lock.nodes.get(key) else { continue };
            for (name, input) in &node.inputs {
                let path = InputPath(vec![parent.clone(), name.clone()]);
                match input {
                    Input::Follows(target) if target.0.first() == Some(parent) => {}
                    Input::Follows(_) => {
                        let end = lock.resolve(&path).ok().and_then(|key| own.get(&key));
                        if let Some(target) = end.filter(|target| !target.0.is_empty()) {
                            edges.follows.push(Edge { input: path, target: target.clone() });
                        }
                    }
                    Input::Node(key) => {
                        let twins = nodes(&root.inputs)
                            .filter(|(other, twin)| *other != parent && is_double(lock, (key, twin)));
                        let edge = |(other, _): (&String, _)| Edge {
                            input: path.clone(),
                            target: InputPath(vec![other.clone()]),
                        };
                        edges.doubles.extend(twins.map(edge));
                    }
                }
            }
        }
        edges
    }
}

type Inputs = std::collections::BTreeMap<String, Input>;

fn nodes(inputs: &Inputs) -> impl Iterator<Item = (&String, &crate::ids::NodeKey)> {
    inputs.iter().filter_map(|(name, input)| match input {
        Input::Node(key) => Some((name, key)),
        Input::Follows(_) => None,
    })
}

/// Tells whether two nodes are different commits of the same repository, used alike.
fn is_double(lock: &Lock, (one, two): (&crate::ids::NodeKey, &crate::ids::NodeKey)) -> bool {
    let (Ok(first), Ok(second)) = (lock.locked(one), lock.locked(two)) else { return false };
    let flake = |key| lock.nodes.get(key).map(|node| node.flake);
    let dirs = first.dir == second.dir && flake(one) == flake(two);
    dirs && first.same_place(&second) && first.rev().is_some() && first.rev() != second.rev()
}

/// Returns which of a case's edges may be changed with some hope: those at an input at fault, or of one that the failure
/// goes through; those of such a one first.
pub(super) fn candidates(facts: &Facts) -> Vec<Candidate> {
    let at_fault = |input: &InputPath| {
        facts.keep.iter().any(|keeping| keeping.input == *input) || facts.culprits.iter().any(|(own, _)| own == input)
    };
    let owned = |input: &InputPath| facts.owners.iter().any(|owner| input.is_below(owner));
    let follows = || facts.edges.follows.iter().filter(|edge| at_fault(&edge.target) || owned(&edge.input));
    let concerns = |edge: &&Edge| at_fault(&edge.input) || at_fault(&edge.target) || owned(&edge.input);
    let doubles = facts.edges.doubles.iter().filter(concerns);
    let own = follows().map(|edge| (edge.input.clone(), Candidate::Own(edge.input.clone())));
    let follow = doubles.map(|edge| (edge.input.clone(), Candidate::Follow(edge.clone())));
    let apart = follows().filter_map(|edge| {
        let keeping = facts.keep.iter().find(|keeping| keeping.input == edge.target)?;
        let keeping = Keeping { input: edge.input.clone(), ..keeping.clone() };
        Some((edge.input.clone(), Candidate::Apart { keeping, from: edge.target.clone() }))
    });
    let mut all: Vec<(InputPath, Candidate)> = own.chain(follow).chain(apart).collect();
    all.sort_by_key(|(input, _)| !owned(input));
    all.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::Before;
    use super::*;
    use crate::flake::sample::{lock, path};

    fn shown(edges: &[Edge]) -> Vec<String> {
        edges.iter().map(|edge| format!("{}>{}", edge.input, edge.target)).collect()
    }

    #[test]
    fn a_lock_tells_which_inputs_follow_and_which_could() {
        let lock = lock(
            "pkgs=1 a=1 a/pkgs>pkgs a/u=1 a/v>a/u b=1 b/pkgs=2 b/p>a/pkgs c=1 c/pkgs=1 c/c=2 d>b/pkgs d2=1 d2/e=1 d2/e/pkgs=3",
        );
        let edges = Edges::of(&lock);
        assert_eq!(shown(&edges.follows), ["a/pkgs>pkgs", "b/p>pkgs"]);
        // The same commit would change nothing, and an input is no input of its own.
        assert_eq!(shown(&edges.doubles), ["b/pkgs>pkgs"]);
    }

    #[test]
    fn only_edges_at_the_input_at_fault_or_of_an_owner_are_tried() {
        let commit = |digit: &str| digit.repeat(40).parse().unwrap();
        let lock = lock("pkgs=1 lib=1 a=1 a/pkgs>pkgs a/lib>lib b=1 b/pkgs=2 b/lib>lib c=1 c/lib=2");
        let keep = |digit, before| Keeping { input: path("pkgs"), commit: commit(digit), before };
        let facts = Facts {
            keep: vec![keep("5", Before::Merge), keep("6", Before::Culprit)],
            culprits: vec![(path("pkgs"), commit("7"))],
            owners: vec![path("b")],
            edges: Edges::of(&lock),
            ..Facts::default()
        };
        let words: Vec<String> = candidates(&facts).iter().map(Candidate::words).collect();
        let expected = [
            "let b/lib follow nothing",
            "let b/pkgs follow pkgs",
            "let a/pkgs follow nothing",
            "keep a/pkgs alone at 555555555555",
        ];
        assert_eq!(words, expected);
        assert!(candidates(&Facts { edges: Edges::of(&lock), ..Facts::default() }).is_empty());
    }
}
