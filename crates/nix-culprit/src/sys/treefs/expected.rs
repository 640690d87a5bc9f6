//! Names looked up before a probe asks for them: those that an earlier one looked at.
//!
//! A probe waits for the answer to each name, a thousand times in a small evaluation; what the kernel has been told
//! already costs nothing. The warden looks them up: whoever waits for our answer cannot be killed before it has it, so it must
//! not be we who wait. Owns which names are looked up. What is looked up here counts as looked up by the probe, which
//! can only make two commits look less alike than they are. What is read does not: contents are merely decoded, and
//! each first read of a file still comes to us.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix_culprit_core::ids::CommitId;

use super::super::warden::Warden;
use super::objects::{Entry, Mode, ObjectId, Objects, ReadError};
use super::read_set::{Reads, Use};
use super::tree::Forest;

/// Somebody who looks names up until it is dropped.
#[derive(Debug)]
pub(super) struct Expecting(Arc<AtomicBool>);

impl Expecting {
    /// Has the warden look up the names in a commit's folder that are in a read-set.
    pub(super) fn start(
        forest: &Arc<Forest>,
        (repository, commit): (usize, &CommitId),
        folder: PathBuf,
        reads: &Arc<Reads>,
        warden: &Warden,
    ) -> Self {
        let over = Arc::<AtomicBool>::default();
        let (forest, commit, reads, ended) = (Arc::clone(forest), commit.clone(), Arc::clone(reads), Arc::clone(&over));
        let warden = warden.clone();
        let work = move || {
            let objects = forest.repository(repository);
            let Some(objects) = objects else { return };
            if let Ok(Some(root)) = objects.root(&commit) {
                // A probe that meets the same error makes something of it.
                let _unreadable = look_up(&forest, (&*objects, root), (&warden, folder), &reads, &ended);
            }
        };
        // Without a thread to spare the probe asks by itself.
        let _without = thread::Builder::new().name("expected".to_owned()).spawn(work);
        Self(over)
    }
}

impl Drop for Expecting {
    fn drop(&mut self) {
        // It is not waited for: it holds nothing, and what it looks at may hang.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks up all names that can be had without an error, then decodes what will be read of them.
fn look_up(
    forest: &Forest,
    (objects, root): (&dyn Objects, ObjectId),
    (warden, folder): (&Warden, PathBuf),
    reads: &Reads,
    over: &AtomicBool,
) -> Result<(), ReadError> {
    let (mut names, mut contents) = (Vec::new(), Vec::new());
    for (path, used) in &reads.uses {
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        match find(forest, (objects, root), path)? {
            Place::Beyond => continue,
            Place::Nothing | Place::Folder => {}
            Place::Content(id) => {
                // An error here would count as one of the probe.
                forest.size(objects, id)?;
                contents.extend((*used == Use::Read).then_some(id));
            }
        }
        names.extend(path.to_str().map(PathBuf::from));
    }
    let _gone = warden.look_up(folder, names);
    for id in contents {
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        forest.blob(objects, id)?;
    }
    Ok(())
}

/// What is at a path of a commit.
enum Place {
    /// A file's or a link's content.
    Content(ObjectId),
    Folder,
    Nothing,
    /// What it lies in is no folder here: a link may lead anywhere.
    Beyond,
}

fn find(forest: &Forest, (objects, root): (&dyn Objects, ObjectId), path: &Path) -> Result<Place, ReadError> {
    let mut at = (Mode::Tree, root);
    let mut names = path.iter();
    while let Some(name) = names.next() {
        let (Mode::Tree, tree) = at else { return Ok(Place::Beyond) };
        let entries = forest.entries(objects, tree)?;
        let Some(found) = named(name, &entries) else {
            let is_last = names.next().is_none();
            return Ok(if is_last { Place::Nothing } else { Place::Beyond });
        };
        at = found;
    }
    Ok(match at {
        (Mode::Tree | Mode::Submodule, _) => Place::Folder,
        (Mode::File | Mode::Executable | Mode::Symlink, id) => Place::Content(id),
    })
}

fn named(name: &OsStr, entries: &[Entry]) -> Option<(Mode, ObjectId)> {
    let at = entries.binary_search_by(|entry| (*entry.name).cmp(name.as_bytes())).ok()?;
    Some((entries[at].mode, entries[at].id))
}
