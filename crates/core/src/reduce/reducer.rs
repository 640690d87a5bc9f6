//! The reducer: asked for candidates, told whether each still fails in the same way.
//!
//! Pass by pass, and in a pass level by level from the outside in, pieces are taken out of the project: all at once,
//! then in halves, quarters and so on, down to single ones. Whatever keeps failing is the new project. The passes are
//! repeated until none takes anything away: then no single piece of any pass can go (1-minimal).
//!
//! The same answers give the same candidates, so a reduction that was interrupted is gone on with by telling the answers
//! again. Answers are kept by the content of a candidate: nothing is asked twice.

use std::collections::HashMap;

use super::edit::Piece;
use super::passes::Pass;
use super::project::{Digest, Project};

/// What came of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It fails in the same way as the whole project.
    Fails,
    /// It does not fail, fails in another way, or nothing can be said.
    Otherwise,
}

/// A smaller project that might still fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The project.
    pub project: Project,
    /// Its digest.
    pub digest: Digest,
    /// What was left out.
    pub pass: Pass,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Try this candidate.
    Try(Box<Candidate>),
    /// Nothing: no single piece can go.
    Done,
}

/// The reduction of one project.
#[derive(Debug, Clone)]
pub struct Reducer {
    passes: Vec<Pass>,
    /// All projects that failed, each smaller than the one before; the whole one is the first.
    steps: Vec<Project>,
    /// By which pass each step but the first was made.
    taken: Vec<Pass>,
    answers: HashMap<Digest, Tried>,
    at: Place,
    /// Whether a pass of this round has taken anything away.
    progress: bool,
}

/// How far a round has come.
#[derive(Debug, Clone)]
struct Place {
    pass: usize,
    level: usize,
    /// The project that the pieces belong to.
    base: Project,
    /// The pieces of the level, largest first.
    pieces: Vec<Piece>,
    /// By piece: whether it is out.
    out: Vec<bool>,
    /// How many pieces are taken out at once.
    chunk: usize,
    /// The first piece of the next chunk.
    next: usize,
}

impl Reducer {
    /// Begins with a project that fails, and these passes.
    #[must_use]
    pub fn new(project: Project, passes: &[Pass]) -> Self {
        let at = Place { pass: 0, level: 0, base: project.clone(), pieces: vec![], out: vec![], chunk: 0, next: 0 };
        let mut reducer = Self {
            passes: passes.to_vec(),
            steps: vec![project],
            taken: Vec::new(),
            answers: HashMap::new(),
            at,
            progress: false,
        };
        reducer.enter_level();
        reducer
    }

    /// Returns the smallest project so far that fails in the same way.
    #[must_use]
    pub fn smallest(&self) -> &Project {
        self.steps.last().expect("the whole project is one")
    }

    /// Returns all projects on the way to the smallest one, from the whole one on; each fails in the same way.
    #[must_use]
    pub fn steps(&self) -> &[Project] {
        &self.steps
    }

    /// Returns the passes that led from each step to the next one.
    #[must_use]
    pub fn passes_taken(&self) -> &[Pass] {
        &self.taken
    }

    /// Returns the next step, after all answers so far.
    #[must_use]
    pub fn step(&mut self) -> Step {
        loop {
            if self.passes.is_empty() {
                return Step::Done;
            }
            let Some(end) = self.chunk_end() else {
                if !self.turn_over() {
                    return Step::Done;
                }
                continue;
            };
            match self.candidate(self.at.next, end) {
                None => self.at.next = end,
                Some(candidate) => match self.answers.get(&candidate.digest) {
                    None => return Step::Try(Box::new(candidate)),
                    Some(Tried::Otherwise) => self.at.next = end,
                    Some(Tried::Fails) => self.accept(candidate.project, end),
                },
            }
        }
    }

    /// Returns up to `count` candidates worth trying at the same time: the next one, and those that come next if none of
    /// those before them fails, as most do not.
    #[must_use]
    pub fn candidates(&mut self, count: usize) -> Vec<Candidate> {
        let Step::Try(first) = self.step() else { return Vec::new() };
        let mut found = vec![*first];
        let mut next = self.at.next + self.at.chunk;
        while found.len() < count && next < self.at.pieces.len() {
            let end = (next + self.at.chunk).min(self.at.pieces.len());
            if let Some(candidate) = self.candidate(next, end)
                && !self.answers.contains_key(&candidate.digest)
                && found.iter().all(|other| other.digest != candidate.digest)
            {
                found.push(candidate);
            }
            next = end;
        }
        found
    }

    /// Takes note of what came of a candidate, whether it was asked for or not.
    pub fn record(&mut self, digest: Digest, tried: Tried) {
        self.answers.insert(digest, tried);
    }

    /// Where the next chunk ends; none at the end of the level.
    fn chunk_end(&mut self) -> Option<usize> {
        let at = &mut self.at;
        loop {
            while at.next < at.pieces.len() && at.out[at.next] {
                at.next += 1;
            }
            if at.next < at.pieces.len() {
                return Some((at.next + at.chunk).min(at.pieces.len()));
            }
            if at.chunk <= 1 {
                return None;
            }
            (at.chunk, at.next) = (at.chunk.div_ceil(2), 0);
        }
    }

    /// The base without the pieces that are out, and without those from `start` to `end`; none where that is no smaller
    /// project.
    fn candidate(&self, start: usize, end: usize) -> Option<Candidate> {
        let at = &self.at;
        let out = at.pieces.iter().enumerate().filter(|(number, _)| at.out[*number] || (start..end).contains(number));
        let project = at.base.edited(out.flat_map(|(_, piece)| &piece.edits))?;
        (project.size() < self.smallest().size() || fewer_files(&project, self.smallest())).then(|| Candidate {
            digest: project.digest(),
            project,
            pass: self.passes[at.pass],
        })
    }

    fn accept(&mut self, project: Project, end: usize) {
        self.at.out[self.at.next..end].fill(true);
        self.at.next = end;
        self.steps.push(project);
        self.taken.push(self.passes[self.at.pass]);
        self.progress = true;
    }

    /// Goes on with the next level, pass or round; false when a whole round took nothing away.
    fn turn_over(&mut self) -> bool {
        if self.at.pieces.is_empty() {
            self.at.level = 0;
            self.at.pass += 1;
            if self.at.pass == self.passes.len() {
                if !self.progress {
                    // Stays at the end, whatever is asked.
                    self.at.pass -= 1;
                    return false;
                }
                (self.at.pass, self.progress) = (0, false);
            }
        } else {
            self.at.level += 1;
        }
        self.enter_level();
        true
    }

    /// Takes the pieces of the next level that has any; none when the pass has no deeper ones.
    fn enter_level(&mut self) {
        let base = self.smallest().clone();
        let at = &mut self.at;
        at.base = base;
        let Some(pass) = self.passes.get(at.pass) else { return };
        let all = pass.pieces(&at.base);
        let level = all.iter().map(|piece| piece.level).filter(|level| *level >= at.level).min();
        at.level = level.unwrap_or(at.level);
        at.pieces = all.into_iter().filter(|piece| Some(piece.level) == level).collect();
        at.pieces.sort_by_key(|piece| std::cmp::Reverse(piece.saves));
        at.out = vec![false; at.pieces.len()];
        (at.chunk, at.next) = (at.pieces.len(), 0);
    }
}

/// Tells whether a project has fewer files, and is no larger.
fn fewer_files(one: &Project, other: &Project) -> bool {
    one.size() == other.size() && one.files().count() < other.files().count()
}

#[cfg(test)]
mod tests;
