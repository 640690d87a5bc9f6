//! A search as the text that `git bisect log` prints and `git bisect replay` reads.

use std::fmt::Write;

use super::culprit::Culprit;
use super::range::{Relation, relation};
use super::search::{Search, Step};
use super::settings::Goal;
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
    let last_new = verdicts_for_git(search, |_, _, _| ());
    let _ = writeln!(log, "{}\ngit bisect {new} {}", line(new, &search.ends().new), search.ends().new);
    for id in &search.ends().old {
        let _ = writeln!(log, "{}\ngit bisect {old} {id}", line(old, id));
    }
    verdicts_for_git(search, |id, verdict, use_it| {
        let term = match side(verdict, goal) {
            Side::Old => old,
            Side::New => new,
            Side::Skip => "skip",
        };
        let _ = writeln!(log, "{}", line(term, id));
        if let Verdict::Skip(reason) = verdict {
            let _ = writeln!(log, "# because: {}", printable(reason));
        }
        if !use_it {
            log.push_str("# (does not change the range)\n");
            return;
        }
        match relation(search.graph(), id, &last_new) {
            // git would ask for the merge bases first, although they follow.
            Ok(Relation::Diverged { merge_bases }) if term == old => {
                for base in merge_bases {
                    let _ =
                        writeln!(log, "{}\n# (an ancestor of the former)\ngit bisect {old} {base}", line(old, &base));
                }
            }
            Ok(_) | Err(_) => {
                let _ = writeln!(log, "git bisect {term} {id}");
            }
        }
    });
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

enum Side {
    Old,
    New,
    Skip,
}

const fn side(verdict: &Verdict, goal: Goal) -> Side {
    match (verdict, goal) {
        (Verdict::Skip(_), _) => Side::Skip,
        (Verdict::Good, Goal::FirstBad) | (Verdict::Bad, Goal::FirstGood) => Side::Old,
        (Verdict::Bad, Goal::FirstBad) | (Verdict::Good, Goal::FirstGood) => Side::New,
    }
}

/// Goes through the verdicts and tells which ones git should hear; returns the commit that git then takes for
/// the latest with the change.
fn verdicts_for_git(search: &Search, mut each: impl FnMut(&CommitId, &Verdict, bool)) -> CommitId {
    let mut latest = search.ends().new.clone();
    for (id, verdict) in search.recorded() {
        let is_new = matches!(side(verdict, search.settings().goal), Side::New);
        let use_it = search.counts(id, verdict) && (!is_new || search.is_before(id, &latest));
        each(id, verdict, use_it);
        if use_it && is_new {
            latest = id.clone();
        }
    }
    latest
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, graph_of};
    use super::super::{Ends, Settings};
    use super::*;

    #[test]
    fn the_log_reads_like_one_of_git() {
        // 0 - 1 - 2 - 3 - 5, 0 - 4 - 5
        let graph = graph_of(&[(5, vec![3, 4]), (4, vec![0]), (3, vec![2]), (2, vec![1]), (1, vec![0]), (0, vec![])]);
        let ends = Ends { old: vec![commit(0)], new: commit(5) };
        let mut search = Search::new(graph, ends, Settings { goal: Goal::FirstGood, ..Settings::default() }).unwrap();
        search.record(&commit(3), &Verdict::Good).unwrap();
        search.record(&commit(4), &Verdict::Bad).unwrap();
        search.record(&commit(2), &Verdict::Skip("no\x1b[0m attribute".to_owned())).unwrap();
        search.record(&commit(1), &Verdict::Bad).unwrap();
        let log = bisect_log(&search, |id| format!("title\n{}", &id.as_str()[39..]));
        insta::assert_snapshot!(log, @r#"
        git bisect start '--term-new=fixed' '--term-old=broken'
        # fixed: [1715609d00000000000000000000000000000005] title 5
        git bisect fixed 1715609d00000000000000000000000000000005
        # broken: [0000000000000000000000000000000000000000] title 0
        git bisect broken 0000000000000000000000000000000000000000
        # fixed: [daa66d2b00000000000000000000000000000003] title 3
        git bisect fixed daa66d2b00000000000000000000000000000003
        # broken: [78dde6e400000000000000000000000000000004] title 4
        # broken: [0000000000000000000000000000000000000000] title 0
        # (an ancestor of the former)
        git bisect broken 0000000000000000000000000000000000000000
        # skip: [3c6ef37200000000000000000000000000000002] title 2
        # because: no [0m attribute
        git bisect skip 3c6ef37200000000000000000000000000000002
        # broken: [9e3779b900000000000000000000000000000001] title 1
        git bisect broken 9e3779b900000000000000000000000000000001
        # only skipped commits left to test
        # possible first fixed commit: [3c6ef37200000000000000000000000000000002] title 2
        # possible first fixed commit: [daa66d2b00000000000000000000000000000003] title 3
        "#);
    }
}
