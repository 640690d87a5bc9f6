//! The search for the smallest set of parts that turns good into bad: asked for the next set, told the verdict.
//!
//! Delta debugging after Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002): their
//! `dd` narrows down to one part that makes the difference, their `ddmin` (by complements) makes sure that no part
//! of the result can be left out. Owns the verdicts, and works the next step out of them anew each time: the same
//! verdicts give the same steps, in whatever order they came.

use std::collections::{BTreeMap, BTreeSet};

use crate::outcome::Verdict;

/// Some of the parts, by number.
pub type Parts = BTreeSet<usize>;

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// If the parts that are likely are right, seeing that all is good without them is enough.
    Enough,
    /// Until the smallest set is proven, and whether it is good without it.
    One,
    /// Until all sets are known that have no part in common.
    All,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Probe the good lock with these parts as in the bad one.
    Probe(Parts),
    /// Nothing: it is found.
    Done(Finding),
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// With all parts but this one it is good. Whether the others matter was not tried.
    Needed(usize),
    /// Each of these sets is bad by itself; at least one.
    Sets {
        /// They have no part in common. The first one was searched first; the others only with [`Extent::All`].
        sets: Vec<Smallest>,
        /// What all parts without the only culprit of the only set came to, where that was asked for.
        without: Option<Verdict>,
    },
}

/// A set that is bad, while all other parts are as in the good lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smallest {
    /// Its parts, in order.
    pub members: Vec<Member>,
}

/// A part of the smallest set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The part.
    pub part: usize,
    /// What the set without this part came to: good, or a skip, where it is only needed to evaluate at all. None
    /// where that was not tried any more, because too much had to be skipped.
    pub without: Option<Verdict>,
}

impl Smallest {
    /// Returns the parts without which the set is good: where it can be searched what they changed.
    pub fn culprits(&self) -> impl Iterator<Item = usize> {
        self.members.iter().filter(|member| member.without == Some(Verdict::Good)).map(|member| member.part)
    }

    /// Returns all parts of the set.
    #[must_use]
    pub fn parts(&self) -> Parts {
        self.members.iter().map(|member| member.part).collect()
    }

    /// Tells whether every part was seen to be needed.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.members.iter().all(|member| member.without.is_some())
    }
}

/// How many skips are taken before what is not known yet counts as skipped.
const fn most_skips(parts: usize) -> usize {
    let most = 3 * parts + 6;
    if most < 40 { most } else { 40 }
}

/// Returns the most probes that [`Extent::One`] takes for a set of `size` out of `parts`, where no probe is skipped
/// and more parts never make a bad set good.
#[must_use]
pub const fn most_probes(parts: usize, size: usize) -> usize {
    let halvings = if parts < 2 { 0 } else { (parts - 1).ilog2() as usize + 1 };
    // For each: halving the inputs and then what is below, a hint that was wrong, asking for those found so far;
    // then leaving out halves, quarters, … and each one; and what all others come to.
    size * (2 * halvings + 2) + 2 * size + 1
}

/// The search.
#[derive(Debug, Clone)]
pub struct Search {
    /// By part: the part above it.
    above: Vec<Option<usize>>,
    likely: Parts,
    extent: Extent,
    known: BTreeMap<Parts, Verdict>,
}

impl Search {
    /// Begins with the good lock being good and the bad one being bad.
    ///
    /// `above` has for each part the one that it belongs below; parts are in the order in which they are suspected,
    /// after those in `likely`. There must be one part at least.
    #[must_use]
    pub fn new(above: Vec<Option<usize>>, likely: Parts, extent: Extent) -> Self {
        let known = BTreeMap::from([(Parts::new(), Verdict::Good), ((0..above.len()).collect(), Verdict::Bad)]);
        Self { above, likely, extent, known }
    }

    /// Takes the verdict on a set.
    pub fn record(&mut self, set: Parts, verdict: Verdict) {
        self.known.insert(set, verdict);
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(&self) -> Step {
        match self.run() {
            Ok(finding) => Step::Done(finding),
            Err(Unknown(set)) => Step::Probe(set),
        }
    }

    /// Goes the whole way with the verdicts that are known, up to the first that is not.
    fn run(&self) -> Result<Finding, Unknown> {
        let all: Parts = (0..self.above.len()).collect();
        let (pass, fail) = self.narrow(Parts::new(), all.clone())?;
        let found: Parts = &fail - &pass;
        if let (Extent::Enough, Some(part), true) = (self.extent, only(&found), fail == all)
            && all.len() > 1
            && self.likely.contains(&part)
        {
            return Ok(Finding::Needed(part));
        }
        let mut sets = vec![self.smallest(found, fail)?];
        let mut without = None;
        let mut rest: Parts = &all - &sets[0].parts();
        let culprits: Vec<usize> = sets[0].culprits().collect();
        if let [culprit] = culprits.as_slice() {
            let mut others = all.clone();
            others.remove(culprit);
            without = Some(self.ask(&others)?);
        }
        while self.extent == Extent::All && !rest.is_empty() && self.ask(&rest)? == Verdict::Bad {
            let (pass, fail) = self.narrow(Parts::new(), rest.clone())?;
            let set = self.smallest(&fail - &pass, fail)?;
            rest = &rest - &set.parts();
            sets.push(set);
        }
        Ok(Finding::Sets { sets, without })
    }

    /// Narrows two sets down, a bad one and a smaller one that is not bad, until they differ by one part, or nothing
    /// between them is good or bad.
    fn narrow(&self, mut pass: Parts, mut fail: Parts) -> Result<(Parts, Parts), Unknown> {
        'narrower: while fail.len() - pass.len() > 1 {
            for some in self.splits(&(&fail - &pass)) {
                // The smaller one of the two is more likely to be bad, which takes longer to see.
                let without: Parts = &fail - &some;
                match self.ask(&without)? {
                    Verdict::Good => pass = without,
                    Verdict::Bad => fail = without,
                    Verdict::Skip(_) => {
                        let with: Parts = &pass | &some;
                        match self.ask(&with)? {
                            Verdict::Good => pass = with,
                            Verdict::Bad => fail = with,
                            Verdict::Skip(_) => continue,
                        }
                    }
                }
                continue 'narrower;
            }
            break;
        }
        Ok((pass, fail))
    }

    /// Finds a smallest set within a bad one, when a part of it is found already.
    fn smallest(&self, mut found: Parts, mut within: Parts) -> Result<Smallest, Unknown> {
        while found != within && self.ask(&found)? != Verdict::Bad {
            let (pass, fail) = self.narrow(found.clone(), within)?;
            found.extend(&fail - &pass);
            within = fail;
        }
        self.without_each(found)
    }

    /// Leaves out of a bad set what can be left out: halves of it, quarters, and so on down to each part.
    fn without_each(&self, mut set: Parts) -> Result<Smallest, Unknown> {
        let mut size = (set.len() / 2).max(1);
        'again: loop {
            let parts: Vec<usize> = set.iter().copied().collect();
            if parts.len() > 1 {
                for chunk in parts.chunks(size) {
                    let left: Parts = &set - &chunk.iter().copied().collect();
                    if !left.is_empty() && self.ask(&left)? == Verdict::Bad {
                        set = left;
                        size = size.min((set.len() / 2).max(1));
                        continue 'again;
                    }
                }
                if size > 1 {
                    size /= 2;
                    continue;
                }
            }
            let without = |part: usize| self.known.get(&parts.iter().copied().filter(|other| *other != part).collect());
            let members = parts.iter().map(|part| Member { part: *part, without: without(*part).cloned() }).collect();
            return Ok(Smallest { members });
        }
    }

    /// Says in which ways some parts can be divided, the most telling first: none of them, but not all.
    fn splits(&self, open: &Parts) -> Vec<Parts> {
        let mut splits = Vec::new();
        let likely: Parts = open & &self.likely;
        if !likely.is_empty() && likely.len() < open.len() {
            splits.push(likely);
        }
        // Inputs with all below them hang together; within one of them, each part is by itself.
        let mut groups: BTreeMap<usize, Parts> = BTreeMap::new();
        for part in open {
            let mut top = *part;
            let mut at = *part;
            while let Some(above) = self.above[at] {
                at = above;
                if open.contains(&at) {
                    top = at;
                }
            }
            groups.entry(top).or_default().insert(*part);
        }
        let units: Vec<Parts> = if groups.len() > 1 {
            groups.into_values().collect()
        } else {
            open.iter().map(|at| Parts::from([*at])).collect()
        };
        let (first, _) = units.split_at(units.len() / 2);
        splits.push(first.iter().flatten().copied().collect());
        let mut size = units.len().div_ceil(2);
        while size > 1 {
            size = size.div_ceil(2);
            splits.extend(units.chunks(size).map(|chunk| chunk.iter().flatten().copied().collect()));
        }
        splits
    }

    fn ask(&self, set: &Parts) -> Result<Verdict, Unknown> {
        if let Some(verdict) = self.known.get(set) {
            return Ok(verdict.clone());
        }
        let skips = self.known.values().filter(|verdict| matches!(verdict, Verdict::Skip(_))).count();
        if skips >= most_skips(self.above.len()) {
            return Ok(Verdict::Skip("not tried: too much had to be skipped".to_owned()));
        }
        Err(Unknown(set.clone()))
    }
}

/// A verdict that is not known.
struct Unknown(Parts);

fn only(set: &Parts) -> Option<usize> {
    set.first().copied().filter(|_| set.len() == 1)
}

#[cfg(test)]
mod tests;
