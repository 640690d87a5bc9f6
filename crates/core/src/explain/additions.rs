//! What commits add to files, as `git diff-tree --stdin -p -U0` tells it.

use std::collections::HashMap;

use crate::ids::CommitId;

/// What one commit adds: each file with its new lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Additions {
    /// The commit.
    pub commit: CommitId,
    /// The files that it adds lines to, with these lines.
    pub files: Vec<(String, Vec<String>)>,
    /// Those of them that it makes, perhaps out of others.
    pub made: Vec<String>,
}

impl Additions {
    /// Takes what the same commit adds to files that it moved, as told by a diff that knows the moves.
    pub fn take_moves(&mut self, moved: &Self) {
        for (path, lines) in &mut self.files {
            if let Some((_, added)) = moved.files.iter().find(|(to, _)| to == path) {
                lines.clone_from(added);
                self.made.retain(|made| made != path);
            }
        }
    }
}

/// Reads what git printed. What is no commit and no added line is passed over, and so is a line that the same commit takes
/// out elsewhere in the file: it was moved or indented, which adds nothing.
#[must_use]
pub fn read_additions(printed: &[u8]) -> Vec<Additions> {
    let mut all: Vec<Additions> = Vec::new();
    // By commit and file: the lines that are taken out, and how often.
    let mut removed: HashMap<(usize, usize), HashMap<String, usize>> = HashMap::new();
    // Within a hunk, what begins with `+++` is an added line as well.
    let mut left = 0usize;
    let mut is_made = false;
    for line in printed.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        if left > 0 && line.starts_with(['+', '-', '\\']) {
            if !line.starts_with('\\') {
                left -= 1;
            }
            if let Some(gone) = line.strip_prefix('-')
                && let Some(last) = all.last().filter(|last| !last.files.is_empty())
            {
                let file = removed.entry((all.len() - 1, last.files.len() - 1)).or_default();
                *file.entry(gone.trim().to_owned()).or_default() += 1;
            }
            if let Some(added) = line.strip_prefix('+')
                && let Some((_, lines)) = all.last_mut().and_then(|last| last.files.last_mut())
            {
                lines.push(added.to_owned());
            }
            continue;
        }
        left = 0;
        if let Ok(commit) = line.parse::<CommitId>() {
            all.push(Additions { commit, files: Vec::new(), made: Vec::new() });
        } else if let Some(from) = line.strip_prefix("--- ") {
            is_made = from == "/dev/null";
        } else if let (Some(path), Some(last)) = (named(&line), all.last_mut()) {
            // Of a file that was moved, its name comes twice where it was changed too.
            if last.files.last().is_none_or(|(file, _)| file != path) {
                last.files.push((path.to_owned(), Vec::new()));
            }
            if std::mem::take(&mut is_made) {
                last.made.push(path.to_owned());
            }
        } else if let Some(hunk) = line.strip_prefix("@@ -") {
            left = lines_of(hunk).unwrap_or(0);
        }
    }
    for ((commit, file), mut gone) in removed {
        all[commit].files[file].1.retain(|line| match gone.get_mut(line.trim()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            Some(_) | None => true,
        });
    }
    all
}

/// Returns the file that a line of a head says is changed, or moved to.
fn named(line: &str) -> Option<&str> {
    let changed = line.strip_prefix("+++ ").map(|path| path.strip_prefix("b/").unwrap_or(path));
    changed.or_else(|| line.strip_prefix("rename to "))
}

/// Counts the lines of a hunk by its head, without context: `12,2 +13,3 @@`.
fn lines_of(head: &str) -> Option<usize> {
    let mut sides = head.split(' ');
    let mut count = || -> Option<usize> {
        let side = sides.next()?.trim_start_matches('+');
        side.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    count()?.checked_add(count()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_is_added_is_told_also_where_it_looks_like_a_head() {
        let id = |digit: char| digit.to_string().repeat(40);
        let text = format!(
            "{}\ndiff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ head\n-old\n--- gone\n+new\n\
             +++ b/none\n@@ -9,0 +10 @@\n+last\n\\ No newline at end of file\n{}\ndiff --git a/y b/y\n--- a/y\n+++ b/y z\n@@ -3 +2,0 @@\n-less\n",
            id('a'),
            id('b')
        );
        let read = read_additions(text.as_bytes());
        assert_eq!(read.len(), 2);
        let lines = ["new", "++ b/none", "last"].map(str::to_owned).to_vec();
        assert_eq!(read[0].files, [("x".to_owned(), lines)]);
        assert_eq!((read[1].commit.to_string(), &read[1].files), (id('b'), &vec![("y z".to_owned(), Vec::new())]));
    }

    #[test]
    fn a_line_that_was_moved_is_not_added_and_one_that_was_copied_is_once() {
        let id = "a".repeat(40);
        let text = format!(
            "{id}\n--- a/x\n+++ b/x\n@@ -3 +2,0 @@\n-  wheel\n@@ -9,0 +9,2 @@\n+      wheel\n+  new\n--- a/y\n+++ b/y\n@@ -1 +1,2 @@\n-wheel\n+wheel\n+wheel\n"
        );
        let read = read_additions(text.as_bytes());
        let lines: Vec<&[String]> = read[0].files.iter().map(|(_, lines)| lines.as_slice()).collect();
        assert_eq!(lines, [["  new".to_owned()], ["wheel".to_owned()]]);
    }

    #[test]
    fn of_a_file_that_was_moved_only_what_is_new_is_added() {
        let id = "a".repeat(40);
        let head =
            |path: &str| format!("diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n");
        let plain = format!(
            "{id}\n{}@@ -0,0 +1,2 @@\n+wheel\n+new\n{}@@ -0,0 +1 @@\n+wheel\n{}@@ -0,0 +1 @@\n+wheel\n",
            head("x"),
            head("y"),
            head("z")
        );
        let mut read = read_additions(plain.as_bytes());
        assert_eq!(read[0].made, ["x", "y", "z"]);
        let moves = format!(
            "{id}\ndiff --git a/old/x b/x\nsimilarity index 90%\nrename from old/x\nrename to x\nindex 1..2 100644\n--- a/old/x\n\
             +++ b/x\n@@ -1,0 +2 @@\n+new\ndiff --git a/old/y b/y\nsimilarity index 100%\nrename from old/y\nrename to y\n"
        );
        let moves = read_additions(moves.as_bytes());
        assert!(moves[0].made.is_empty());
        read[0].take_moves(&moves[0]);
        let files = [("x", vec!["new"]), ("y", vec![]), ("z", vec!["wheel"])];
        let files =
            files.map(|(path, lines)| (path.to_owned(), lines.into_iter().map(str::to_owned).collect::<Vec<_>>()));
        assert_eq!(read[0].files, files);
        assert_eq!(read[0].made, ["z"]);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200), head in "@@ -[0-9,+ @]{0,30}\n") {
            let _ = read_additions(&[b"a".repeat(40).as_slice(), b"\n+++ b/x\n", head.as_bytes(), &bytes].concat());
        }
    }
}
