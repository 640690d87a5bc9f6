//! The pull request that a commit came by, read from the commit's message.
//!
//! Owns the spellings that forges write. Must not guess from other texts, and knows no hosts.

use crate::text::printable;

/// A pull or merge request, named by the number that its forge gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// The number on the forge.
    pub number: u64,
    /// Its title, printable; absent where the message does not hold it.
    pub title: Option<String>,
}

/// Finds the pull request that a commit with this title and body came by.
///
/// Knows GitHub's merges, squashes and merge queue, Gitea's and Forgejo's merges, Bitbucket's, and
/// GitLab's `See merge request` line; other titles give none.
#[must_use]
pub fn pull_request(title: &str, body: &str) -> Option<PullRequest> {
    let title = title.trim();
    github_merge(title, body)
        .or_else(|| gitea_merge(title))
        .or_else(|| bitbucket_merge(title, body))
        .or_else(|| gitlab_merge(title, body))
        .or_else(|| squash(title))
}

/// `Merge pull request #123 from user/branch`, the pull request's title in the body.
fn github_merge(title: &str, body: &str) -> Option<PullRequest> {
    let (number, rest) = leading_number(title.strip_prefix("Merge pull request #")?)?;
    rest.starts_with(" from ").then(|| PullRequest { number, title: first_line(body) })
}

/// `Merge pull request 'TITLE' (#123) from user/branch into main`.
fn gitea_merge(title: &str) -> Option<PullRequest> {
    let rest = title.strip_prefix("Merge pull request '")?;
    let (name, rest) = rest.rsplit_once("' (#")?;
    let (number, rest) = leading_number(rest)?;
    rest.starts_with(')').then(|| PullRequest { number, title: first_line(name) })
}

/// `Merged in branch (pull request #123)`, the title in the body.
fn bitbucket_merge(title: &str, body: &str) -> Option<PullRequest> {
    let rest = title.strip_prefix("Merged in ")?;
    let (_, rest) = rest.rsplit_once(" (pull request #")?;
    let (number, rest) = leading_number(rest)?;
    (rest == ")").then(|| PullRequest { number, title: first_line(body) })
}

/// `Merge branch 'x' into 'main'`, with `See merge request group/project!12` as a line of the body.
fn gitlab_merge(title: &str, body: &str) -> Option<PullRequest> {
    let number = body.lines().rev().find_map(|line| {
        let (project, number) = line.trim().strip_prefix("See merge request ")?.rsplit_once('!')?;
        let (number, rest) = leading_number(number)?;
        (rest.is_empty() && !project.contains(char::is_whitespace)).then_some(number)
    })?;
    let named = if title.starts_with("Merge branch ") { first_line(body) } else { first_line(title) };
    Some(PullRequest { number, title: named.filter(|line| !line.starts_with("See merge request ")) })
}

/// `TITLE (#123)`, as GitHub and Gitea name a squashed pull request.
fn squash(title: &str) -> Option<PullRequest> {
    let (name, rest) = title.rsplit_once(" (#")?;
    let (number, rest) = leading_number(rest)?;
    (rest == ")").then(|| PullRequest { number, title: first_line(name) })
}

fn leading_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse().ok().filter(|number| *number > 0)?;
    Some((number, &text[digits..]))
}

fn first_line(text: &str) -> Option<String> {
    text.lines().map(printable).find(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(title: &str, body: &str) -> Option<(u64, Option<String>)> {
        pull_request(title, body).map(|found| (found.number, found.title))
    }

    #[test]
    fn the_merges_of_each_forge_are_read() {
        let title = Some("python3: use wheel".to_owned());
        for (subject, body) in [
            ("Merge pull request #12 from user/wheel", "python3: use wheel\n\nmore"),
            ("Merge pull request #12 from user/wheel", "\n\npython3: use wheel"),
            ("Merge pull request 'python3: use wheel' (#12) from user/wheel into main", "Reviewed-on: x"),
            ("Merged in wheel (pull request #12)", "python3: use wheel\n\nApproved-by: x"),
            ("Merge branch 'wheel' into 'main'", "python3: use wheel\n\nSee merge request group/sub/proj!12"),
            ("python3: use wheel (#12)", "text"),
        ] {
            assert_eq!(found(subject, body), Some((12, title.clone())), "{subject}");
        }
    }

    #[test]
    fn a_merge_without_body_has_a_number_and_no_title() {
        assert_eq!(found("Merge pull request #7 from a/b", ""), Some((7, None)));
        assert_eq!(found("Merge branch 'a' into 'b'", "See merge request g/p!7"), Some((7, None)));
    }

    #[test]
    fn other_titles_are_no_pull_requests() {
        for (subject, body) in [
            ("python3: 3.10 -> 3.11", "Change-Id: I0123456789abcdef\nReviewed-on: https://review/c/x/+/7"),
            ("fix #12", ""),
            ("(#12)", ""),
            ("x (#12) y", ""),
            ("x (#0)", ""),
            ("x (#99999999999999999999999)", ""),
            ("Merge pull request #", ""),
            ("Merge pull request #12", ""),
            ("Merge branch 'a' into 'b'", "see merge request of g!7 there"),
            ("Merge remote-tracking branch 'origin/master' into staging", ""),
            ("", ""),
        ] {
            assert_eq!(found(subject, body), None, "{subject}");
        }
    }

    #[test]
    fn a_revert_names_its_own_pull_request_not_the_reverted_one() {
        assert_eq!(found("Revert \"x (#12)\"", ""), None);
        assert_eq!(found("Revert \"x (#12)\" (#13)", "").map(|(number, _)| number), Some(13));
    }

    #[test]
    fn a_title_cannot_carry_escape_sequences() {
        let hostile = "\x1b]0;owned\x07\x1b[2Jnice\u{202e} title";
        assert_eq!(found("Merge pull request #1 from a/b", hostile), Some((1, Some("nice title".into()))));
        assert_eq!(found(&format!("{hostile} (#1)"), ""), Some((1, Some("nice title".into()))));
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(title in "(Merge pull request ['#]|Merged in )?.{0,30}(\\(#)?.{0,9}", body in ".{0,40}") {
            let _ = pull_request(&title, &body);
        }
    }
}
