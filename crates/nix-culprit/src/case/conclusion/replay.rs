//! What a replay needs: the two decisive runs, and where their inputs come from.

use nix_culprit_core::bisect::Culprit;
use nix_culprit_core::flake::Revision;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::report::model::{End, FrozenInput, ReplayInput, ReplayRun, ReplaySource, Report, Subject};

use super::Searched;
use crate::case::prober::Prober;

/// Collects what a replay needs, if one commit was found and both decisive probes were made.
pub(super) fn replay(searched: &Searched<'_>, report: &Report, prober: &Prober<'_>) -> Option<ReplayInput> {
    let Culprit::Commit { commit, parents, .. } = &searched.found.finding.culprit else { return None };
    let input = report.input.as_ref()?.path.clone();
    let parent = &parents.first()?.commit;
    let run = |wanted: &CommitId| {
        let seen = prober.records().iter().rev().find_map(|record| match &record.subject {
            Subject::Commit { revision, .. } if revision == wanted => Some(&record.observation),
            _ => None,
        });
        let end = |end: &Option<End>| {
            end.as_ref().filter(|end| end.revision.as_ref() == Some(wanted)).map(|end| end.observation.clone())
        };
        let observation = seen.cloned().or_else(|| end(&report.good)).or_else(|| end(&report.bad))?;
        Some(ReplayRun { revision: wanted.clone(), outcome: observation.outcome })
    };
    let at = |commit: &CommitId| {
        let lock = searched.base.with_revision(searched.node, &Revision::bare(commit)).ok()?;
        Some(lock.locked(searched.node).ok()?.to_url())
    };
    let source = if searched.reference.web().is_some() {
        ReplaySource::References { before: at(parent)?, after: at(commit)? }
    } else {
        ReplaySource::Clone { url: searched.reference.clone_url()? }
    };
    let frozen = searched.base.paths().into_iter().filter(|(_, path)| path.is_below(&input) && *path != input);
    let frozen = frozen.filter_map(|(key, path)| {
        Some(FrozenInput { input: path, reference: searched.base.locked(&key).ok()?.to_url() })
    });
    let question = prober.target().question();
    Some(ReplayInput {
        frozen: frozen.collect(),
        source,
        dir: searched.reference.dir.clone(),
        attribute: question.attr,
        arguments: question.apply.into_iter().flat_map(|function| ["--apply", function]).map(str::to_owned).collect(),
        lock: searched.base.to_json(),
        before: run(parent)?,
        after: run(commit)?,
        input,
    })
}
