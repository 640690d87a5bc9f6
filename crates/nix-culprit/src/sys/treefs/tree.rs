//! The file system without FUSE: numbered nodes, names, contents, and who looked at what.
//!
//! Owns the layout `VIEW/COMMIT/source/…`, in which a number stands for a commit, the numbers of its nodes and the read-sets.
//! Must not know how it is mounted, nor where objects are stored.
//!
//! Every view has nodes of its own, so the kernel, which remembers what it was told about a node
//! for ever, asks anew for each view: that is how a read-set is complete although the same file was
//! read a moment ago for another probe. What costs time, the decoding of objects, is shared by object id.

use std::collections::hash_map;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use nix_culprit_core::ids::CommitId;

use super::cache::Cache;
use super::objects::{Entry, Mode, ObjectId, Objects, ReadError};
use super::read_set::{ReadSet, Reads, Use};

/// The last component of every commit's path: Nix names store paths after it.
pub(super) const SOURCE: &str = "source";

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The node belongs to a view that has ended.
    Stale,
    /// Names can only be looked up in directories.
    NotADirectory,
    /// A directory has no content to read.
    IsADirectory,
    /// Only a symbolic link has a target.
    NotALink,
    /// The object is missing or damaged.
    Unreadable,
}

/// What is known of a node without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    /// Its number.
    pub(super) node: u64,
    /// What it is.
    pub(super) mode: Mode,
    /// The length of its content in bytes; 0 for a directory.
    pub(super) size: u64,
}

/// The answer to a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is there, and stays as it is.
    Found(Attributes),
    /// It is not there, and never will be: it is not in the commit.
    Never,
    /// It is not there now: a view, repository or commit that may still come.
    NotYet,
}

/// Which blobs of a commit are meant.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Those at these paths.
    Paths(&'a BTreeSet<PathBuf>),
    /// All whose names end so.
    Ending(&'a str),
}

/// One directory, file or link of one view.
#[derive(Debug)]
struct Node {
    place: Place,
    view: Option<Arc<View>>,
    children: Mutex<HashMap<Box<[u8]>, u64>>,
}

/// Where in the layout a node is.
#[derive(Debug)]
enum Place {
    Root,
    View,
    Commit(Arc<Shown>),
    Inside { shown: Arc<Shown>, path: PathBuf, mode: Mode, id: ObjectId },
}

/// What one probe is shown.
#[derive(Debug, Default)]
struct View {
    /// Its nodes, `None` when it has ended.
    nodes: Mutex<Option<Vec<u64>>>,
    /// The commits by the numbers that are their names: a short name is less to compare for Nix.
    named: Mutex<Vec<(usize, CommitId)>>,
    shown: Mutex<BTreeMap<(usize, CommitId), Arc<Shown>>>,
    /// How many reads of objects it waits for.
    reading: Arc<AtomicUsize>,
}

/// A commit that one probe is shown.
struct Shown {
    objects: Arc<dyn Objects>,
    root: ObjectId,
    reads: Mutex<Reads>,
    reading: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Shown {
    /// Begins the record: the commit's top was found.
    fn new(objects: Arc<dyn Objects>, root: ObjectId, reading: Arc<AtomicUsize>) -> Self {
        let mut reads = Reads::default();
        reads.note(Path::new(""), Use::Found);
        Self { objects, root, reads: Mutex::new(reads), reading }
    }

    fn note(&self, path: &Path, used: Use) {
        lock(&self.reads).note(path, used);
    }

    /// Counts a read of an object for as long as the answer lives: on a disk or a server that is gone it can hang.
    fn reading(&self) -> Reading<'_> {
        Reading::of(&self.reading)
    }

    fn refuse(&self, path: &Path, _why: ReadError) -> Refusal {
        lock(&self.reads).unreadable.insert(path.to_owned());
        Refusal::Unreadable
    }
}

/// A read of an object that is going on.
struct Reading<'a>(&'a AtomicUsize);

impl<'a> Reading<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The whole: repositories, views, nodes, and objects that were read.
pub(super) struct Forest {
    repositories: RwLock<Vec<Arc<dyn Objects>>>,
    nodes: RwLock<HashMap<u64, Arc<Node>>>,
    next: AtomicU64,
    listings: Arc<Mutex<Cache<ObjectId, Arc<[Entry]>>>>,
    blobs: Arc<Mutex<Cache<ObjectId, Arc<[u8]>>>>,
    sizes: Arc<Mutex<Cache<ObjectId, u64>>>,
}

impl Forest {
    /// The number of the top directory, as FUSE wants it.
    pub(super) const ROOT: u64 = 1;
    /// The most bytes of decoded trees that are kept.
    const LISTINGS: usize = 32 << 20;
    /// The most bytes of blobs that are kept.
    const BLOBS: usize = 32 << 20;
    /// The most bytes of lengths of blobs that are kept: those of some hundred thousand.
    const SIZES: usize = 16 << 20;

    /// Makes a forest of repositories, numbered from 0.
    pub(super) fn new(repositories: Vec<Arc<dyn Objects>>) -> Self {
        let root = Node { place: Place::Root, view: None, children: Mutex::default() };
        Self {
            repositories: RwLock::new(repositories),
            nodes: RwLock::new(HashMap::from([(Self::ROOT, Arc::new(root))])),
            next: AtomicU64::new(Self::ROOT + 1),
            listings: Arc::new(Mutex::new(Cache::within(Self::LISTINGS))),
            blobs: Arc::new(Mutex::new(Cache::within(Self::BLOBS))),
            sizes: Arc::new(Mutex::new(Cache::within(Self::SIZES))),
        }
    }

    /// Makes a forest whose top directory is one commit, as the view numbered [`Self::ROOT`]; objects that were read
    /// are shared with this one. None where there is no such commit.
    pub(super) fn alone(&self, repository: usize, commit: &CommitId) -> Result<Option<Self>, ReadError> {
        let Some(objects) = self.repository(repository) else { return Ok(None) };
        let Some(root) = objects.root(commit)? else { return Ok(None) };
        let reading = Arc::<AtomicUsize>::default();
        let shown = Arc::new(Shown::new(objects, root, Arc::clone(&reading)));
        let view = Arc::new(View {
            nodes: Mutex::new(Some(vec![Self::ROOT])),
            named: Mutex::default(),
            shown: Mutex::new(BTreeMap::from([((repository, commit.clone()), Arc::clone(&shown))])),
            reading,
        });
        let place = Place::Inside { shown, path: PathBuf::new(), mode: Mode::Tree, id: root };
        let top = Node { place, view: Some(view), children: Mutex::default() };
        Ok(Some(Self {
            repositories: RwLock::default(),
            nodes: RwLock::new(HashMap::from([(Self::ROOT, Arc::new(top))])),
            next: AtomicU64::new(Self::ROOT + 1),
            listings: Arc::clone(&self.listings),
            blobs: Arc::clone(&self.blobs),
            sizes: Arc::clone(&self.sizes),
        }))
    }

    /// Returns a repository by its number.
    pub(super) fn repository(&self, number: usize) -> Option<Arc<dyn Objects>> {
        self.repositories.read().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }

    /// Adds a repository and returns its number.
    pub(super) fn add(&self, objects: Arc<dyn Objects>) -> usize {
        let mut repositories = self.repositories.write().unwrap_or_else(PoisonError::into_inner);
        repositories.push(objects);
        repositories.len() - 1
    }

    /// Lists blobs of a commit that its repository lacks, each once.
    ///
    /// # Errors
    /// A tree cannot be read. A commit that is not there has none.
    pub(super) fn lacking(
        &self,
        repository: usize,
        commit: &CommitId,
        wanted: Wanted<'_>,
    ) -> Result<Vec<ObjectId>, ReadError> {
        let Some(objects) = self.repository(repository) else { return Ok(Vec::new()) };
        let Some(root) = objects.root(commit)? else { return Ok(Vec::new()) };
        let blobs = match wanted {
            Wanted::Paths(paths) => blobs_at(&*objects, root, paths)?,
            Wanted::Ending(ending) => blobs_ending(&*objects, root, ending)?,
        };
        Ok(objects.lacking(blobs.into_iter().collect()))
    }

    /// Begins a view; its number is its name in the top directory.
    pub(super) fn begin_view(&self) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let view = Arc::new(View { nodes: Mutex::new(Some(vec![number])), ..View::default() });
        let node = Node { place: Place::View, view: Some(view), children: Mutex::default() };
        self.nodes.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::new(node));
        number
    }

    /// Returns the name of a commit of a repository in a view. Who looks it up finds it if it exists.
    pub(super) fn name(&self, view: u64, repository: usize, commit: &CommitId) -> usize {
        let Some(view) = self.node(view).ok().and_then(|node| node.view.clone()) else { return 0 };
        let mut named = lock(&view.named);
        let known = named.iter().position(|(other, there)| (*other, there) == (repository, commit));
        known.unwrap_or_else(|| {
            named.push((repository, commit.clone()));
            named.len() - 1
        })
    }

    /// Returns what was looked at in a view so far.
    pub(super) fn read_set(&self, view: u64) -> ReadSet {
        let Some(view) = self.node(view).ok().and_then(|node| node.view.clone()) else { return ReadSet::new() };
        let shown = lock(&view.shown);
        shown.iter().map(|(name, shown)| (name.clone(), lock(&shown.reads).clone())).collect()
    }

    /// Tells whether a view waits for an object.
    pub(super) fn is_reading(&self, view: u64) -> bool {
        let view = self.node(view).ok().and_then(|node| node.view.clone());
        view.is_some_and(|view| view.reading.load(Ordering::SeqCst) > 0)
    }

    /// Ends a view: its nodes are gone, and its name is not found any more.
    pub(super) fn end_view(&self, view: u64) {
        let Some(view) = self.node(view).ok().and_then(|node| node.view.clone()) else { return };
        let ended = lock(&view.nodes).take().unwrap_or_default();
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        for node in ended {
            nodes.remove(&node);
        }
    }

    /// Looks a name up in a directory.
    pub(super) fn lookup(&self, parent: u64, name: &[u8]) -> Result<Answer, Refusal> {
        let node = self.node(parent)?;
        let known = lock(&node.children).get(name).copied();
        if let Some(known) = known {
            return self.attributes(known).map(Answer::Found);
        }
        let place = match &node.place {
            Place::Root => {
                let view = number(name).filter(|view| self.node(*view).is_ok_and(|node| node.is_view()));
                return view.map_or(Ok(Answer::NotYet), |view| self.attributes(view).map(Answer::Found));
            }
            Place::View => self.show(&node, name)?.map(Place::Commit),
            Place::Commit(shown) => (name == SOURCE.as_bytes()).then(|| Place::Inside {
                shown: Arc::clone(shown),
                path: PathBuf::new(),
                mode: Mode::Tree,
                id: shown.root,
            }),
            Place::Inside { shown, path, mode, id } => {
                let below = path.join(OsStr::from_bytes(name));
                let entries = match mode {
                    Mode::Tree => self.listing(shown, path, *id)?,
                    Mode::Submodule => Arc::from([]),
                    Mode::File | Mode::Executable | Mode::Symlink => return Err(Refusal::NotADirectory),
                };
                let Ok(at) = entries.binary_search_by(|entry| (*entry.name).cmp(name)) else {
                    shown.note(&below, Use::Missing);
                    return Ok(Answer::Never);
                };
                shown.note(&below, Use::Found);
                let Entry { mode, id, .. } = entries[at];
                Some(Place::Inside { shown: Arc::clone(shown), path: below, mode, id })
            }
        };
        match place {
            Some(place) => self.attributes(self.grow(&node, name, place)?).map(Answer::Found),
            None => Ok(Answer::NotYet),
        }
    }

    /// Returns what is known of a node without reading it.
    pub(super) fn attributes(&self, number: u64) -> Result<Attributes, Refusal> {
        let node = self.node(number)?;
        let (mode, size) = match &node.place {
            Place::Root | Place::View | Place::Commit(_) => (Mode::Tree, 0),
            Place::Inside { mode: mode @ (Mode::Tree | Mode::Submodule), .. } => (*mode, 0),
            Place::Inside { shown, path, mode: mode @ (Mode::File | Mode::Executable | Mode::Symlink), id } => {
                let _reading = shown.reading();
                let size = self.size(&*shown.objects, *id).map_err(|error| shown.refuse(path, error))?;
                if size == 0 {
                    // The kernel will not ask for the content of an empty file: this tells all of it.
                    shown.note(path, Use::Read);
                }
                (*mode, size)
            }
        };
        Ok(Attributes { node: number, mode, size })
    }

    /// Returns a directory's entries in byte order; above `source` only names that are certain.
    pub(super) fn list(&self, directory: u64) -> Result<Arc<[Entry]>, Refusal> {
        let node = self.node(directory)?;
        match &node.place {
            Place::Root | Place::View => Ok(Arc::from([])),
            Place::Commit(shown) => {
                Ok(Arc::from([Entry { name: SOURCE.as_bytes().into(), mode: Mode::Tree, id: shown.root }]))
            }
            Place::Inside { shown, path, mode: Mode::Tree, id } => {
                let entries = self.listing(shown, path, *id)?;
                shown.note(path, Use::Listed);
                Ok(entries)
            }
            Place::Inside { shown, path, mode: Mode::Submodule, .. } => {
                shown.note(path, Use::Listed);
                Ok(Arc::from([]))
            }
            Place::Inside { .. } => Err(Refusal::NotADirectory),
        }
    }

    /// Returns the target of a symbolic link.
    pub(super) fn target(&self, link: u64) -> Result<Arc<[u8]>, Refusal> {
        match &self.node(link)?.place {
            Place::Inside { shown, path, mode: Mode::Symlink, id } => self.content(shown, path, *id),
            _ => Err(Refusal::NotALink),
        }
    }

    /// Returns a file's whole content.
    pub(super) fn read(&self, file: u64) -> Result<Arc<[u8]>, Refusal> {
        match &self.node(file)?.place {
            Place::Inside { shown, path, mode: Mode::File | Mode::Executable, id } => self.content(shown, path, *id),
            _ => Err(Refusal::IsADirectory),
        }
    }

    fn node(&self, number: u64) -> Result<Arc<Node>, Refusal> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.get(&number).cloned().ok_or(Refusal::Stale)
    }

    /// Finds the commit of this name and begins to record what is looked at in it.
    fn show(&self, node: &Node, name: &[u8]) -> Result<Option<Arc<Shown>>, Refusal> {
        let (Some(at), Some(view)) = (number(name).and_then(|at| usize::try_from(at).ok()), &node.view) else {
            return Ok(None);
        };
        let Some((repository, commit)) = lock(&view.named).get(at).cloned() else { return Ok(None) };
        let Some(objects) = self.repository(repository) else { return Ok(None) };
        let root = {
            let _reading = Reading::of(&view.reading);
            objects.root(&commit).map_err(|_error| Refusal::Unreadable)?
        };
        let Some(root) = root else { return Ok(None) };
        let mut shown = lock(&view.shown);
        let shown = shown.entry((repository, commit));
        let shown = shown.or_insert_with(|| Arc::new(Shown::new(objects, root, Arc::clone(&view.reading))));
        Ok(Some(Arc::clone(shown)))
    }

    /// Gives a name its node, the same one to all who ask at the same time.
    fn grow(&self, parent: &Node, name: &[u8], place: Place) -> Result<u64, Refusal> {
        let mut children = lock(&parent.children);
        if let Some(known) = children.get(name) {
            return Ok(*known);
        }
        let view = parent.view.clone().ok_or(Refusal::Stale)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        {
            // Taken first and held, so that the view cannot end between the two.
            let mut nodes = lock(&view.nodes);
            nodes.as_mut().ok_or(Refusal::Stale)?.push(number);
            let node = Node { place, view: Some(Arc::clone(&view)), children: Mutex::default() };
            self.nodes.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::new(node));
        }
        children.insert(name.into(), number);
        Ok(number)
    }

    /// Returns a tree's entries in byte order.
    fn listing(&self, shown: &Shown, path: &Path, id: ObjectId) -> Result<Arc<[Entry]>, Refusal> {
        let _reading = shown.reading();
        self.entries(&*shown.objects, id).map_err(|error| shown.refuse(path, error))
    }

    /// Returns a blob, and records that it was read.
    fn content(&self, shown: &Shown, path: &Path, id: ObjectId) -> Result<Arc<[u8]>, Refusal> {
        shown.note(path, Use::Read);
        let _reading = shown.reading();
        self.blob(&*shown.objects, id).map_err(|error| shown.refuse(path, error))
    }

    /// Returns a tree's entries in byte order, read once.
    pub(super) fn entries(&self, objects: &dyn Objects, id: ObjectId) -> Result<Arc<[Entry]>, ReadError> {
        if let Some(kept) = lock(&self.listings).get(id) {
            return Ok(kept);
        }
        let mut entries = objects.tree(id)?;
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let weight = entries.iter().map(|entry| size_of::<Entry>() + entry.name.len()).sum();
        let entries: Arc<[Entry]> = entries.into();
        lock(&self.listings).put(id, Arc::clone(&entries), weight);
        Ok(entries)
    }

    /// Returns a blob, read once.
    pub(super) fn blob(&self, objects: &dyn Objects, id: ObjectId) -> Result<Arc<[u8]>, ReadError> {
        if let Some(kept) = lock(&self.blobs).get(id) {
            return Ok(kept);
        }
        let content: Arc<[u8]> = objects.blob(id)?.into();
        lock(&self.blobs).put(id, Arc::clone(&content), content.len());
        Ok(content)
    }

    /// Returns the length of a blob, looked at once.
    pub(super) fn size(&self, objects: &dyn Objects, id: ObjectId) -> Result<u64, ReadError> {
        if let Some(kept) = lock(&self.sizes).get(id) {
            return Ok(kept);
        }
        let size = objects.size(id)?;
        lock(&self.sizes).put(id, size, size_of::<(ObjectId, u64)>());
        Ok(size)
    }
}

/// Finds the blobs at these paths; where there is none, there is nothing to find.
fn blobs_at(objects: &dyn Objects, root: ObjectId, paths: &BTreeSet<PathBuf>) -> Result<BTreeSet<ObjectId>, ReadError> {
    type Names = HashMap<Box<[u8]>, (Mode, ObjectId)>;
    let mut listings: HashMap<ObjectId, Names> = HashMap::new();
    let mut found = BTreeSet::new();
    for path in paths {
        let mut at = Some((Mode::Tree, root));
        for name in path {
            let Some((Mode::Tree, tree)) = at else {
                at = None;
                break;
            };
            if let hash_map::Entry::Vacant(empty) = listings.entry(tree) {
                let entries = objects.tree(tree)?.into_iter();
                empty.insert(entries.map(|entry| (entry.name, (entry.mode, entry.id))).collect());
            }
            at = listings[&tree].get(name.as_bytes()).copied();
        }
        found.extend(at.filter(|(mode, _)| is_blob(*mode)).map(|(_, id)| id));
    }
    Ok(found)
}

/// Finds the blobs whose names end so, in all directories.
fn blobs_ending(objects: &dyn Objects, root: ObjectId, ending: &str) -> Result<BTreeSet<ObjectId>, ReadError> {
    let (mut found, mut seen, mut trees) = (BTreeSet::new(), BTreeSet::from([root]), vec![root]);
    while let Some(tree) = trees.pop() {
        for entry in objects.tree(tree)? {
            if entry.mode == Mode::Tree && seen.insert(entry.id) {
                trees.push(entry.id);
            } else if is_blob(entry.mode) && entry.name.ends_with(ending.as_bytes()) {
                found.insert(entry.id);
            }
        }
    }
    Ok(found)
}

fn is_blob(mode: Mode) -> bool {
    match mode {
        Mode::File | Mode::Executable | Mode::Symlink => true,
        Mode::Tree | Mode::Submodule => false,
    }
}

impl Node {
    fn is_view(&self) -> bool {
        matches!(self.place, Place::View)
    }
}

/// Reads a decimal number as we write it: no sign, no leading zero.
fn number(name: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(name).ok()?;
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// Locks; a thread that panicked leaves whole values behind here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
