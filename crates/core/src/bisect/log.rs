//! A search as the text that `git bisect log` prints and `git bisect replay` reads.

use std::fmt::Write;

use super::culprit::Culprit;
use super::search::{Goal, Search, Step};
use crate::ids::CommitId;
use crate::outcome::Verdict;

/// Writes a search as a log of `git bisect`, with the titles that `title` gives.
///
/// Replaying it brings git to the same suspects. Verdicts that would mislead git, which knows only the
/// latest bad commit, are comments.
#[must_use]
pub fn bisect_log(search: &Search, title: impl Fn(&CommitId) -> String) -> String {
    let goal = search.settings().goal;
    let (old, new) = if goal == Goal::FirstBad { ("good", "bad") } else { ("broken", "fixed") };
    let mut log = "git bisect start".to_owned();
    if goal == Goal::FirstGood {
        // git's own good and bad always mean "before" and "after".
        let _ = write!(log, " '--term-new={new}' '--term-old={old}'");
    }
    log.push('\n');
    let line = |what: &str, id: &CommitId| format!("# {what}: [{id}] {}", printable(&title(id))).trim_end().to_owned();
    let mut latest = search.ends().new.clone();
    let _ = writeln!(log, "{}\ngit bisect {new} {latest}", line(new, &latest));
    for id in &search.ends().old {
        let _ = writeln!(log, "{}\ngit bisect {old} {id}", line(old, id));
    }
    for (id, verdict) in search.recorded() {
        let term = match (verdict, goal) {
            (Verdict::Skip(_), _) => "skip",
            (Verdict::Good, Goal::FirstBad) | (Verdict::Bad, Goal::FirstGood) => old,
            (Verdict::Bad, Goal::FirstBad) | (Verdict::Good, Goal::FirstGood) => new,
        };
        let _ = writeln!(log, "{}", line(term, id));
        if let Verdict::Skip(reason) = verdict {
            let _ = writeln!(log, "# because: {}", printable(reason));
        }
        let misleads = term == new && !search.is_before(id, &latest);
        if misleads || !search.counts(id, verdict) {
            log.push_str("# (does not change the range)\n");
            continue;
        }
        let _ = writeln!(log, "git bisect {term} {id}");
        if term == new {
            latest = id.clone();
        }
    }
    if let Step::Done(finding) = search.next() {
        match finding.culprit {
            Culprit::Commit { commit, .. } => log.push_str(&(line(&format!("first {new} commit"), &commit) + "\n")),
            Culprit::OneOf { commits, .. } => {
                log.push_str("# only skipped commits left to test\n");
                for id in commits {
                    log.push_str(&(line(&format!("possible first {new} commit"), &id) + "\n"));
                }
            }
        }
    }
    log
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
