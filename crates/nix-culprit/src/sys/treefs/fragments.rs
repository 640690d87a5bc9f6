//! Archives of folders, kept between hashes: what two commits have in common is read and decoded once.
//!
//! Owns how much is kept. Must not know the format of archives.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::objects::ObjectId;

/// The most bytes of archives that are kept.
const MOST: usize = 48 << 20;
/// The largest archive of a folder that is kept as a whole; of a larger one, those of the folders in it are.
const LARGEST: usize = 256 << 10;

/// Archives of folders, by the hash that git has of the folder.
#[derive(Debug)]
pub(super) struct Fragments {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    folders: HashMap<ObjectId, Fragment>,
    bytes: usize,
}

/// The archive of one folder, a part of one that was seen.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    whole: Arc<[u8]>,
    part: Range<usize>,
}

impl Fragment {
    /// Returns the archive.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.whole[self.part.clone()]
    }
}

impl Default for Fragments {
    fn default() -> Self {
        Self { most: MOST, kept: Mutex::default() }
    }
}

impl Fragments {
    /// Returns the archive of a folder, if it was kept.
    pub(super) fn get(&self, folder: ObjectId) -> Option<Fragment> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).folders.get(&folder).cloned()
    }

    fn keep(&self, whole: &[u8], folders: Vec<(ObjectId, Range<usize>)>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + whole.len() > self.most {
            return;
        }
        kept.bytes += whole.len();
        let whole: Arc<[u8]> = whole.into();
        for (folder, part) in folders {
            kept.folders.insert(folder, Fragment { whole: Arc::clone(&whole), part });
        }
    }
}

/// Sees an archive go by, and keeps those of the folders in it.
pub(super) struct Cutter<'f> {
    fragments: &'f Fragments,
    largest: usize,
    /// What went by since the first folder began that may yet be kept as a whole.
    passed: Vec<u8>,
    /// The folders that have begun, and where, unless they are too large.
    open: Vec<(ObjectId, Option<usize>)>,
    /// Those that ended, in this order; none of them lies in another one.
    ended: Vec<Ended>,
}

/// A folder, and all that are in it.
struct Ended {
    part: Range<usize>,
    folders: Vec<(ObjectId, Range<usize>)>,
}

impl<'f> Cutter<'f> {
    /// Begins an archive.
    pub(super) const fn new(fragments: &'f Fragments) -> Self {
        Self { fragments, largest: LARGEST, passed: Vec::new(), open: Vec::new(), ended: Vec::new() }
    }

    /// Begins a folder.
    pub(super) fn enter(&mut self, folder: ObjectId) {
        self.open.push((folder, Some(self.passed.len())));
    }

    /// Takes the next bytes.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        if !self.open.iter().any(|(_, start)| start.is_some()) {
            return;
        }
        self.passed.extend_from_slice(bytes);
        let (end, largest) = (self.passed.len(), self.largest);
        // The outer ones are at least as large as the inner ones.
        let too_large = self.open.iter_mut().filter(|(_, start)| start.is_some_and(|start| end - start > largest));
        if too_large.map(|(_, start)| *start = None).count() > 0 {
            self.flush();
        }
    }

    /// Ends the folder that began last.
    pub(super) fn leave(&mut self) {
        let Some((folder, Some(start))) = self.open.pop() else { return };
        let part = start..self.passed.len();
        let within = self.ended.partition_point(|ended| ended.part.start < start);
        let mut folders: Vec<_> = self.ended.drain(within..).flat_map(|ended| ended.folders).collect();
        folders.push((folder, part.clone()));
        self.ended.push(Ended { part, folders });
        if !self.open.iter().any(|(_, start)| start.is_some()) {
            self.flush();
        }
    }

    /// Keeps the folders that are in none that may yet be kept as a whole, and forgets what went by before that one.
    fn flush(&mut self) {
        let from = self.open.iter().find_map(|(_, start)| *start).unwrap_or(self.passed.len());
        let out = self.ended.partition_point(|ended| ended.part.start < from);
        for Ended { part, folders } in self.ended.drain(..out) {
            let folders = folders.into_iter().map(|(folder, of)| (folder, of.start - part.start..of.end - part.start));
            self.fragments.keep(&self.passed[part.clone()], folders.collect());
        }
        self.passed.drain(..from);
        self.open.iter_mut().filter_map(|(_, start)| start.as_mut()).for_each(|start| *start -= from);
        for Ended { part, folders } in &mut self.ended {
            for part in std::iter::once(part).chain(folders.iter_mut().map(|(_, part)| part)) {
                *part = part.start - from..part.end - from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn folder(number: u64) -> ObjectId {
        ObjectId::from_hex(format!("{number:040x}").as_bytes()).unwrap()
    }

    /// A folder as text: its bytes and the folders in it.
    #[derive(Debug, Clone)]
    enum Node {
        Bytes(Vec<u8>),
        Folder(Vec<Node>),
    }

    fn nodes() -> impl Strategy<Value = Node> {
        let bytes = prop::collection::vec(any::<u8>(), 0..40).prop_map(Node::Bytes);
        bytes.prop_recursive(5, 60, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Node::Folder))
    }

    /// Lets a node go by, and returns its archive; the folders are numbered as they begin.
    fn pass(node: &Node, cutter: &mut Cutter<'_>, all: &mut Vec<Vec<u8>>) -> Vec<u8> {
        match node {
            Node::Bytes(bytes) => {
                cutter.pass(bytes);
                bytes.clone()
            }
            Node::Folder(nodes) => {
                let number = all.len();
                all.push(Vec::new());
                cutter.enter(folder(number as u64));
                cutter.pass(b"(");
                let inner: Vec<u8> = nodes.iter().flat_map(|node| pass(node, cutter, all)).collect();
                cutter.pass(b")");
                cutter.leave();
                all[number] = [b"(", &inner[..], b")"].concat();
                all[number].clone()
            }
        }
    }

    proptest! {
        #[test]
        fn all_folders_are_kept_as_they_went_by_but_for_those_that_are_too_large(node in nodes(), largest in 1_usize..200) {
            let fragments = Fragments::default();
            let mut cutter = Cutter { largest, ..Cutter::new(&fragments) };
            let mut all = Vec::new();
            pass(&node, &mut cutter, &mut all);
            prop_assert!(cutter.passed.is_empty() && cutter.ended.is_empty());
            for (number, archive) in all.iter().enumerate() {
                let kept = fragments.get(folder(number as u64));
                let expected = (archive.len() <= largest).then_some(&archive[..]);
                prop_assert_eq!(kept.as_ref().map(Fragment::bytes), expected);
            }
        }
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let fragments = Fragments { most: 10, ..Fragments::default() };
        let mut cutter = Cutter::new(&fragments);
        for number in 0..4 {
            cutter.enter(folder(number));
            cutter.pass(b"1234");
            cutter.leave();
        }
        assert_eq!([0, 1, 2, 3].map(|number| fragments.get(folder(number)).is_some()), [true, true, false, false]);
        assert_eq!(fragments.kept.lock().unwrap().bytes, 8);
    }
}
