//! What an input of an input is, and what it is by the lock file of the flake that has it.

use std::path::Path;

use nix_culprit_core::flake::{Input, Lock};
use nix_culprit_core::ids::InputPath;

use super::CaseError;
use super::clones::Clones;
use super::investigation::node_of;

/// Returns a lock in which an input that follows has the node that its own flake's lock gives it; one that does not
/// follow stays as it is.
///
/// # Errors
/// When there is no clone at hand that has the lock of its flake, or that says nothing of it.
pub(super) fn with_own(lock: &Lock, input: &InputPath, clones: &mut Clones) -> Result<Lock, CaseError> {
    if let Some(Input::Node(_)) = edge(lock, input) {
        return Ok(lock.clone());
    }
    let unknown = |why: &str| CaseError::NoOwnNode { input: input.to_string(), why: why.to_owned() };
    let Some((name, above)) = input.0.split_last().filter(|(_, above)| !above.is_empty()) else {
        return Err(unknown("it is an input of the flake itself"));
    };
    let parent = InputPath(above.to_vec());
    let reference = lock.locked(&node_of(lock, &parent)?)?;
    let (Some(repository), Some(rev)) = (clones.at_hand(&parent, &reference)?, reference.rev()) else {
        return Err(unknown(&format!("there is no clone of {parent} at hand; name one: --repo {parent}=PATH")));
    };
    let file = Path::new(reference.dir.as_deref().unwrap_or_default()).join("flake.lock");
    let text = repository.file_at(&rev, &file)?.ok_or_else(|| unknown(&format!("{parent} has no flake.lock")))?;
    let label = format!("flake.lock of {parent}");
    let theirs = Lock::parse(&String::from_utf8_lossy(&text)).map_err(|source| CaseError::Lock { label, source })?;
    Ok(lock.with_own_node(&parent, name, &theirs)?)
}

/// Returns what an input is in the node that has it.
fn edge<'l>(lock: &'l Lock, input: &InputPath) -> Option<&'l Input> {
    let (name, above) = input.0.split_last()?;
    let parent = lock.resolve(&InputPath(above.to_vec())).ok()?;
    lock.node(&parent).ok()?.inputs.get(name)
}
