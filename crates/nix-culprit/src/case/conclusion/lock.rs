//! What the report tells of the locks.

use nix_culprit_core::flake::{Change, ChangeKind, FlakeRef, Link, Lock, Place};
use nix_culprit_core::ids::{InputPath, NodeKey};
use nix_culprit_core::report::Timestamp;
use nix_culprit_core::report::model::{LockChange, LockChangeKind, LockInput, LockedAt};

pub(super) fn lock_change(change: &Change) -> LockChange {
    let own = |link: &Link| match link {
        Link::Own(reference) => Some(locked_at(reference)),
        Link::Follows(_) => None,
    };
    let (kind, from, to) = match &change.kind {
        ChangeKind::Added { to } => (LockChangeKind::Added, None, own(to)),
        ChangeKind::Removed { from } => (LockChangeKind::Removed, own(from), None),
        ChangeKind::Moved { from, to, place } => {
            let kind = match place {
                Place::Same => LockChangeKind::Updated,
                Place::Other => LockChangeKind::Moved,
            };
            (kind, Some(locked_at(from)), Some(locked_at(to)))
        }
        ChangeKind::Follows { from, to } => (LockChangeKind::Follows, own(from), own(to)),
        ChangeKind::Declared => (LockChangeKind::Moved, None, None),
    };
    LockChange { input: change.path().clone(), kind, from, to }
}

/// Lists the inputs of a lock; none where one leads nowhere, which the evaluation has told of already.
pub(super) fn lock_inputs(lock: &Lock) -> Vec<LockInput> {
    let own = lock.paths();
    let input = |(input, key): (InputPath, NodeKey)| {
        let follows = own.get(&key).filter(|path| **path != input).cloned();
        let at = if follows.is_none() { lock.locked(&key).ok().as_ref().map(locked_at) } else { None };
        LockInput { input, follows, at }
    };
    lock.inputs().unwrap_or_default().into_iter().map(input).collect()
}

fn locked_at(reference: &FlakeRef) -> LockedAt {
    let date =
        reference.extra.number("lastModified").and_then(|time| i64::try_from(time).ok()).map(Timestamp::from_unix);
    LockedAt { revision: reference.rev(), date }
}
