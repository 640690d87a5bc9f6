//! A project: files by path, and what a set of edits makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::edit::{Edit, Pointer};
use super::layout;
use super::passes::{arguments, data};

/// What is in a project's files; two projects with the same digest are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 16]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The files of a project by their path from its top; links and executable bits are the keeper's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    files: BTreeMap<PathBuf, Arc<[u8]>>,
    /// The names on the path to what is evaluated.
    attributes: Arc<[String]>,
    /// The files that the evaluation of the whole opens, where that is known.
    opened: Option<Arc<BTreeSet<PathBuf>>>,
}

impl Project {
    /// Makes a project of files.
    pub fn new(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(path, content)| (path, content.into())).collect();
        Self { files, attributes: Arc::default(), opened: None }
    }

    /// Says what is evaluated, so that passes can leave out what is done for other names: a system, most often.
    #[must_use]
    pub fn evaluated_at(self, attributes: &[String]) -> Self {
        Self { attributes: attributes.into(), ..self }
    }

    /// Says which files an evaluation opens, if that is known, so that the others go first, and at once.
    #[must_use]
    pub fn with_opened(self, opened: Option<BTreeSet<PathBuf>>) -> Self {
        Self { opened: opened.map(Arc::new), ..self }
    }

    /// Tells whether an evaluation is known not to open a file.
    pub(super) fn leaves_closed(&self, path: &Path) -> bool {
        self.opened.as_ref().is_some_and(|opened| !opened.contains(path))
    }

    /// Lists the names on the path to what is evaluated.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str)
    }

    /// Lists the files in order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, content)| (path.as_path(), &**content))
    }

    /// Returns the content of a file, if it is there.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(path).map(|content| &**content)
    }

    /// Returns the content of a file that is text.
    #[must_use]
    pub fn text(&self, path: &Path) -> Option<&str> {
        std::str::from_utf8(self.file(path)?).ok()
    }

    /// Lists the files whose names end in `.extension` and which are text.
    pub(super) fn texts<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = (&'a Path, &'a str)> {
        self.files()
            .filter(move |(path, _)| path.extension().is_some_and(|own| own == extension))
            .filter_map(|(path, content)| Some((path, std::str::from_utf8(content).ok()?)))
    }

    /// Returns the sum of the files' sizes in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.files.values().map(|content| content.len()).sum()
    }

    /// Returns the digest of all paths and contents.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digest = Sha256::new();
        for (path, content) in self.files() {
            let path = path.as_os_str().as_encoded_bytes();
            digest.update(path.len().to_le_bytes());
            digest.update(path);
            digest.update(content.len().to_le_bytes());
            digest.update(content);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&digest.finalize()[..16]);
        Digest(short)
    }

    /// Lays the Nix files out for people.
    #[must_use]
    pub fn laid_out(&self) -> Self {
        let shown = self.texts("nix").map(|(path, text)| (path.to_owned(), layout::laid_out(text).into_bytes().into()));
        let shown: Vec<(PathBuf, Arc<[u8]>)> = shown.collect();
        let mut project = self.clone();
        project.files.extend(shown);
        project
    }

    /// Applies edits, all made for this very project; none where the result would not parse, or they contradict.
    ///
    /// What one edit deletes is gone, also where another one would have changed it.
    #[must_use]
    pub fn edited<'a>(&self, edits: impl IntoIterator<Item = &'a Edit>) -> Option<Self> {
        let mut removed: BTreeSet<&Path> = BTreeSet::new();
        let mut splices: BTreeMap<&Path, Vec<Splice<'a>>> = BTreeMap::new();
        let mut data: BTreeMap<&Path, Vec<&Pointer>> = BTreeMap::new();
        let mut unnamed: BTreeMap<(&Path, usize), BTreeSet<usize>> = BTreeMap::new();
        for edit in edits {
            match edit {
                Edit::RemoveFile(path) => _ = removed.insert(path),
                Edit::Splice { file, start, end, with } => {
                    splices.entry(file).or_default().push(Splice { start: *start, end: *end, with });
                }
                Edit::RemoveArgument { file, pattern, argument } => {
                    unnamed.entry((file, *pattern)).or_default().insert(*argument);
                }
                Edit::RemoveDatum { file, pointer } => data.entry(file).or_default().push(pointer),
            }
        }
        for ((file, pattern), gone) in unnamed {
            let deletions = arguments::deletions(self.text(file)?, pattern, &gone)?;
            splices.entry(file).or_default().extend(deletions.map(|(start, end)| Splice { start, end, with: "" }));
        }
        let mut files = self.files.clone();
        for (path, splices) in splices {
            let before = self.text(path)?;
            let text = spliced(before, splices)?;
            if path.extension().is_some_and(|extension| extension == "nix") && !super::tree::is_sound(before, &text) {
                return None;
            }
            files.insert(path.to_owned(), text.into_bytes().into());
        }
        for (path, pointers) in data {
            let text = data::without(path, self.text(path)?, &pointers)?;
            files.insert(path.to_owned(), text.into_bytes().into());
        }
        files.retain(|path, _| !removed.contains(path.as_path()));
        Some(Self { files, attributes: Arc::clone(&self.attributes), opened: self.opened.clone() })
    }
}

/// Text in place of a range of bytes.
#[derive(Debug, Clone, Copy)]
struct Splice<'a> {
    start: usize,
    end: usize,
    with: &'a str,
}

fn spliced(text: &str, mut splices: Vec<Splice<'_>>) -> Option<String> {
    splices.sort_by_key(|splice| (splice.start, std::cmp::Reverse(splice.end)));
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for Splice { start, end, with } in splices {
        if start >= done {
            out.push_str(text.get(done..start)?);
            out.push_str(with);
            done = end;
        } else if end > done {
            // Deletions may overlap, as those of two neighbours with one comma between them.
            if !with.is_empty() {
                return None;
            }
            done = end;
        }
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Project {
        Project::new([(PathBuf::from("x.nix"), text.as_bytes().to_vec())])
    }

    fn splice(start: usize, end: usize, with: &str) -> Edit {
        Edit::Splice { file: "x.nix".into(), start, end, with: with.to_owned() }
    }

    fn text(project: &Project) -> &str {
        project.text(Path::new("x.nix")).unwrap()
    }

    #[test]
    fn edits_of_one_file_are_applied_together_and_deletions_may_overlap() {
        let edits = [splice(2, 5, ""), splice(4, 6, ""), splice(8, 9, "null")];
        assert_eq!(text(&project("[ a b c d ]").edited(&edits).unwrap()), "[ c null ]");
        assert_eq!(project("[ a b c d ]").edited(&[splice(2, 5, ""), splice(4, 6, "x")]), None);
    }

    #[test]
    fn what_would_not_parse_is_no_project() {
        assert_eq!(project("{ a = 1; }").edited(&[splice(0, 1, "")]), None);
        assert!(project("{ a = 1; }").edited(&[splice(2, 8, "")]).is_some());
    }

    #[test]
    fn a_file_that_is_removed_is_gone_whatever_else_is_edited() {
        let edits = [splice(0, 0, " "), Edit::RemoveFile("x.nix".into())];
        assert_eq!(project("{ }").edited(&edits).unwrap(), Project::default());
    }

    #[test]
    fn a_digest_tells_apart_where_a_name_ends_and_a_content_begins() {
        let one = Project::new([("a".into(), b"bc".to_vec())]);
        let other = Project::new([("ab".into(), b"c".to_vec())]);
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.digest(), one.clone().digest());
    }
}
