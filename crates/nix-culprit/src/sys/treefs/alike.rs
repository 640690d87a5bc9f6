//! Whether two commits are alike for somebody who looked at some paths of the one.
//!
//! Owns the walk through both trees: what has the same hash is passed over, and so is what nobody looked at. Must not
//! decide what is seen of a change; that is the core's part.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix_culprit_core::read_set::{Changed, Kind, Reads};

use super::objects::{Mode, ObjectId, Objects, ReadError};

type Entries = BTreeMap<Box<[u8]>, (Mode, ObjectId)>;

/// Tells whether nothing that was looked at in the first tree differs in the second. In doubt something does.
pub(super) fn are_alike(
    objects: &dyn Objects,
    (one, other): (ObjectId, ObjectId),
    reads: &Reads,
) -> Result<bool, ReadError> {
    let is_whole = reads.unreadable.is_empty();
    Ok(is_whole && (one == other || !differ(objects, Path::new(""), (Some(one), Some(other)), reads)?))
}

/// Tells whether a difference between two folders at the same path was seen; none: there is no folder in that tree.
fn differ(
    objects: &dyn Objects,
    folder: &Path,
    (one, other): (Option<ObjectId>, Option<ObjectId>),
    reads: &Reads,
) -> Result<bool, ReadError> {
    let (one, other) = (entries(objects, one)?, entries(objects, other)?);
    let names: BTreeSet<&[u8]> = one.keys().chain(other.keys()).map(|name| &**name).collect();
    for name in names {
        let (before, after) = (one.get(name).copied(), other.get(name).copied());
        if before == after {
            continue;
        }
        let path = folder.join(OsStr::from_bytes(name));
        let kind = |entry: Option<(Mode, ObjectId)>| entry.map(|(mode, _)| kind(mode));
        let change = Changed { path, before: kind(before), after: kind(after) };
        if reads.saw(&change) {
            return Ok(true);
        }
        let folders = (folder_of(before), folder_of(after));
        if folders != (None, None)
            && looked_below(reads, &change.path)
            && differ(objects, &change.path, folders, reads)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells whether anything at a path or below it was looked at.
fn looked_below(reads: &Reads, path: &Path) -> bool {
    let from = (Bound::Included(path), Bound::Unbounded);
    reads.uses.range::<Path, _>(from).next().is_some_and(|(first, _)| first.starts_with(path))
}

fn entries(objects: &dyn Objects, folder: Option<ObjectId>) -> Result<Entries, ReadError> {
    let Some(folder) = folder else { return Ok(Entries::new()) };
    Ok(objects.tree(folder)?.into_iter().map(|entry| (entry.name, (entry.mode, entry.id))).collect())
}

fn folder_of(entry: Option<(Mode, ObjectId)>) -> Option<ObjectId> {
    match entry? {
        (Mode::Tree, id) => Some(id),
        (Mode::File | Mode::Executable | Mode::Symlink | Mode::Submodule, _) => None,
    }
}

const fn kind(mode: Mode) -> Kind {
    match mode {
        Mode::Tree => Kind::Folder,
        Mode::File => Kind::File,
        Mode::Executable => Kind::Executable,
        Mode::Symlink => Kind::Link,
        Mode::Submodule => Kind::Submodule,
    }
}
