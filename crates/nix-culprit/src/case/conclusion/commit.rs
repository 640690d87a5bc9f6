//! What people are told of a commit: who, what, by which pull request, and what of it the evaluation looked at.

use std::collections::BTreeSet;
use std::path::Path;

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::pull_request::pull_request;
use nix_culprit_core::read_set::Reads;
use nix_culprit_core::report::Timestamp;
use nix_culprit_core::report::model::{Commit, Evaluated, PullRequest, Subject};
use nix_culprit_core::text::printable;

use super::Source;
use crate::case::CaseError;
use crate::case::prober::{Prober, Record};

/// How many files of a commit the report names.
const FILES: usize = 12;

/// Reads what people are told of a commit.
pub(super) fn commit_of(source: Source<'_>, prober: &Prober<'_>, id: &CommitId) -> Result<Commit, CaseError> {
    let commit = source.repository.commit(id)?;
    let merge = source.repository.merge_that_brought_in(id, source.tip)?;
    let web = source.reference.web();
    let by_merge = merge.as_ref().and_then(|merge| pull_request(&merge.title, &merge.body));
    let request = by_merge.or_else(|| pull_request(&commit.title, &commit.body));
    let pull_request = request.map(|request| PullRequest {
        url: web.as_ref().and_then(|web| web.pull_request_url(request.number)),
        number: request.number,
        title: request.title,
    });
    let name = |file: &crate::sys::git::FileChange| printable(&file.path.to_string_lossy());
    Ok(Commit {
        revision: id.clone(),
        author: Some(commit.author.name),
        date: Timestamp::from_unix(commit.committed.seconds),
        title: commit.title,
        files: commit.files.iter().take(FILES).map(name).collect(),
        file_count: commit.files.len(),
        evaluated: evaluated(source, prober, id, commit.parents.first())?,
        url: web.as_ref().map(|web| web.commit_url(id)),
        pull_request,
        merge: merge.map(|merge| merge.id).filter(|merge| merge != id),
    })
}

/// Tells what of a commit the probes of it and of its first parent looked at; nothing where neither is known.
fn evaluated(
    source: Source<'_>,
    prober: &Prober<'_>,
    id: &CommitId,
    parent: Option<&CommitId>,
) -> Result<Option<Evaluated>, CaseError> {
    let Some(parent) = parent else { return Ok(None) };
    // What settled a probe looked at the same.
    let ran = |commit: &CommitId| {
        let is_it =
            |record: &&Record| matches!(&record.subject, Subject::Commit { revision, .. } if revision == commit);
        prober.records().iter().filter(is_it).find_map(|record| record.settled_by.clone())
    };
    let clone = source.repository.git_dir();
    let reads: Vec<Reads> = [id, parent]
        .into_iter()
        .filter_map(|commit| prober.reads(clone, commit).or_else(|| prober.reads(clone, &ran(commit)?)))
        .collect();
    if reads.is_empty() {
        return Ok(None);
    }
    let changes = source.repository.changed(parent, id)?;
    let seen = changes.iter().filter(|change| reads.iter().any(|reads| reads.saw(change)));
    let paths: BTreeSet<&Path> = seen.map(|change| change.path.as_path()).collect();
    let files = paths.iter().take(FILES).map(|path| printable(&path.to_string_lossy())).collect();
    Ok(Some(Evaluated { files, count: paths.len() }))
}
