//! The difference of two trees in pieces: taken apart into hunks, these into lines, and put together again in part.

use std::ops::Range;
use std::path::{Path, PathBuf};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::model::Hunk;
use crate::isolate::Parts;
use crate::read_set::Kind;

/// A path that is not the same in two trees, no folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path from the top of the trees.
    pub path: PathBuf,
    /// What it is in the first tree, if it is there.
    pub before: Option<Entry>,
    /// What it is in the second tree, if it is there.
    pub after: Option<Entry>,
}

/// A file, a link or a submodule in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The hash of its object.
    pub id: String,
    /// What is in it, where that is known.
    pub content: Option<Vec<u8>>,
}

/// What a path becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// It is not there.
    Gone,
    /// It is as in the second tree.
    Second(Entry),
    /// It is a file of its own.
    Text(Kind, Vec<u8>),
}

/// A difference in pieces, each of which can be there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    changes: Vec<Change>,
    pieces: Vec<Piece>,
    /// By piece: the one that it belongs to, if it is not the first one of its file or hunk.
    above: Vec<Option<usize>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// The number of the change.
    change: usize,
    /// Which lines stand for which; none: all of the path.
    lines: Option<(Range<usize>, Range<usize>)>,
}

impl Pieces {
    /// Takes a difference apart into hunks without surrounding lines. What is no change of a text stays whole: a file
    /// that comes, goes or becomes executable, a binary file, a link, a submodule.
    #[must_use]
    pub fn hunks(changes: Vec<Change>) -> Self {
        let (mut pieces, mut above) = (Vec::new(), Vec::new());
        for (number, change) in changes.iter().enumerate() {
            let first = pieces.len();
            match texts(change) {
                None => pieces.push(Piece { change: number, lines: None }),
                Some((before, after)) => {
                    let hunks = differences(&lines_of(before), &lines_of(after));
                    pieces.extend(hunks.into_iter().map(|lines| Piece { change: number, lines: Some(lines) }));
                }
            }
            above.extend((first..pieces.len()).map(|piece| (piece > first).then_some(first)));
        }
        Self { changes, pieces, above }
    }

    /// Takes some of the pieces apart into lines, and leaves out all others. Where as many lines come as go, a line
    /// goes with the one in its place; else each comes or goes by itself.
    #[must_use]
    pub fn lines(&self, of: &Parts) -> Self {
        let (mut pieces, mut above) = (Vec::new(), Vec::new());
        for piece in of.iter().filter_map(|part| self.pieces.get(*part)) {
            let first = pieces.len();
            match &piece.lines {
                None => pieces.push(piece.clone()),
                Some((old, new)) => {
                    let single = |lines| Piece { change: piece.change, lines: Some(lines) };
                    if old.len() == new.len() {
                        let pairs = old.clone().zip(new.clone());
                        pieces.extend(pairs.map(|(old, new)| single((old..old + 1, new..new + 1))));
                    } else {
                        pieces.extend(old.clone().map(|line| single((line..line + 1, new.start..new.start))));
                        pieces.extend(new.clone().map(|line| single((old.end..old.end, line..line + 1))));
                    }
                }
            }
            above.extend((first..pieces.len()).map(|piece| (piece > first).then_some(first)));
        }
        Self { changes: self.changes.clone(), pieces, above }
    }

    /// Returns how many pieces there are; they are numbered from 0.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Returns by piece the one that it belongs to: the first of its file or hunk, which belongs to none.
    #[must_use]
    pub fn above(&self) -> &[Option<usize>] {
        &self.above
    }

    /// Returns the change that a piece is of.
    #[must_use]
    pub fn change_of(&self, piece: usize) -> Option<&Change> {
        Some(&self.changes[self.pieces.get(piece)?.change])
    }

    /// Returns what differs from the first tree when only these pieces are there.
    #[must_use]
    pub fn with(&self, chosen: &Parts) -> Vec<(&Path, Content)> {
        let mut all: Vec<(&Path, Content)> = Vec::new();
        let mut chosen = chosen.iter().filter_map(|part| self.pieces.get(*part)).peekable();
        while let Some(piece) = chosen.next() {
            let change = &self.changes[piece.change];
            let content = match (&piece.lines, texts(change), &change.after) {
                (Some(first), Some((before, after)), Some(entry)) => {
                    let mut ranges = vec![first];
                    while let Some(Piece { lines: Some(lines), .. }) =
                        chosen.next_if(|next| next.change == piece.change)
                    {
                        ranges.push(lines);
                    }
                    Content::Text(entry.kind, put_together(&lines_of(before), &lines_of(after), &ranges))
                }
                (Some(_) | None, _, Some(entry)) => Content::Second(entry.clone()),
                (Some(_) | None, _, None) => Content::Gone,
            };
            all.push((&change.path, content));
        }
        all
    }

    /// Returns what people are told of some pieces: those that follow each other as one hunk.
    #[must_use]
    pub fn told(&self, chosen: &Parts) -> Vec<Hunk> {
        let mut hunks: Vec<Hunk> = Vec::new();
        let mut last: Option<&Piece> = None;
        for piece in chosen.iter().filter_map(|part| self.pieces.get(*part)) {
            let change = &self.changes[piece.change];
            let (Some((old, new)), Some((before, after))) = (&piece.lines, texts(change)) else {
                let file = change.path.to_string_lossy().into_owned();
                hunks.push(Hunk {
                    file,
                    line: None,
                    removed: vec![],
                    added: vec![],
                    whole: Some(what_becomes(change)),
                });
                last = None;
                continue;
            };
            let (removed, added) = (shown(before, old), shown(after, new));
            let follows = last.is_some_and(|last| {
                last.change == piece.change && last.lines.as_ref().is_some_and(|(before, _)| before.end == old.start)
            });
            match hunks.last_mut().filter(|_| follows) {
                Some(hunk) => {
                    hunk.removed.extend(removed);
                    hunk.added.extend(added);
                }
                None => {
                    let file = change.path.to_string_lossy().into_owned();
                    hunks.push(Hunk { file, line: Some(old.start + 1), removed, added, whole: None });
                }
            }
            last = Some(piece);
        }
        hunks
    }
}

/// Returns both texts of a change, if it changes a text and nothing else.
fn texts(change: &Change) -> Option<(&[u8], &[u8])> {
    let (before, after) = (change.before.as_ref()?, change.after.as_ref()?);
    let is_file = matches!(before.kind, Kind::File | Kind::Executable);
    let (old, new) = (before.content.as_deref()?, after.content.as_deref()?);
    let is_text = !old.contains(&0) && !new.contains(&0);
    (before.kind == after.kind && is_file && is_text).then_some((old, new))
}

fn what_becomes(change: &Change) -> String {
    let kind = |entry: &Entry| match entry.kind {
        Kind::Folder => "folder",
        Kind::File | Kind::Executable => "file",
        Kind::Link => "link",
        Kind::Submodule => "submodule",
    };
    match (&change.before, &change.after) {
        (None, Some(after)) => format!("new {}", kind(after)),
        (Some(before), None) => format!("{} removed", kind(before)),
        (Some(before), Some(after)) if before.kind != after.kind => match (before.kind, after.kind) {
            (Kind::File, Kind::Executable) => "file becomes executable".to_owned(),
            (Kind::Executable, Kind::File) => "file is not executable any more".to_owned(),
            _ => format!("{} becomes a {}", kind(before), kind(after)),
        },
        (Some(_), Some(after)) => format!("{} changed as a whole", kind(after)),
        (None, None) => "nothing".to_owned(),
    }
}

fn lines_of(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

fn shown(text: &[u8], lines: &Range<usize>) -> Vec<String> {
    let show = |line: &[u8]| String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned();
    lines_of(text).into_iter().skip(lines.start).take(lines.len()).map(show).collect()
}

/// Lists the runs of lines that differ.
fn differences(old: &[&[u8]], new: &[&[u8]]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut runs: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        if let DiffOp::Equal { .. } = op {
            continue;
        }
        let (old, new) = (op.old_range(), op.new_range());
        match runs.last_mut().filter(|last| last.0.end == old.start && last.1.end == new.start) {
            Some(last) => (last.0.end, last.1.end) = (old.end, new.end),
            None => runs.push((old, new)),
        }
    }
    runs
}

fn put_together(old: &[&[u8]], new: &[&[u8]], ranges: &[&(Range<usize>, Range<usize>)]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut done = 0;
    for (before, after) in ranges {
        text.extend(old[done..before.start].concat());
        text.extend(new[after.clone()].concat());
        done = before.end;
    }
    text.extend(old[done..].concat());
    text
}

#[cfg(test)]
mod tests;
