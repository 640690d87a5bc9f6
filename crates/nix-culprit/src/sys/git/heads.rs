//! Commits without their files, read from git's packs without a call of git, and kept; so is what git said of their ancestry.
//!
//! Owns what was read. Of what has not the plain form that git itself writes (another encoding, a damaged line), it says
//! nothing: then git is asked, which knows how to read that.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use gix_hash::ObjectId;
use gix_object::{Find as _, Kind};
use gix_odb::HandleArc;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::text::{printable, printable_lines};

use super::commit::{Commit, Person};
use super::date::Timestamp;

/// How many commits are kept in memory.
const MOST: usize = 1000;

/// How many packs a repository may come to have while it is open: every fetch into a clone without contents adds one.
const PACKS: u16 = 4096;

/// Commits without their files, by the git folder that has them.
#[derive(Default)]
pub(super) struct Heads {
    known: BTreeMap<(PathBuf, CommitId), Commit>,
    /// By which merge a tip got a commit: commit, tip, merge.
    merges: BTreeMap<(PathBuf, CommitId, CommitId), Option<CommitId>>,
    /// The best common ancestors of two commits.
    bases: BTreeMap<(PathBuf, CommitId, CommitId), Vec<CommitId>>,
    /// The open packs of a git folder; none where they cannot be read.
    packs: BTreeMap<PathBuf, Option<HandleArc>>,
}

impl fmt::Debug for Heads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Heads {
    /// Returns a commit that was read before.
    pub(super) fn known(&self, common_dir: &Path, id: &CommitId) -> Option<Commit> {
        self.known.get(&(common_dir.to_owned(), id.clone())).cloned()
    }

    /// Keeps a commit: it can never change, and each step of a search asks for the same few again.
    pub(super) fn keep(&mut self, common_dir: &Path, commit: &Commit) {
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert((common_dir.to_owned(), commit.id.clone()), commit.clone());
    }

    /// Returns the merge by which a tip got a commit, if that was found out before.
    pub(super) fn known_merge(&self, common_dir: &Path, id: &CommitId, tip: &CommitId) -> Option<Option<CommitId>> {
        self.merges.get(&(common_dir.to_owned(), id.clone(), tip.clone())).cloned()
    }

    /// Keeps by which merge a tip got a commit, or that it got it by none: to find it out takes a walk over all between.
    pub(super) fn keep_merge(
        &mut self,
        common_dir: &Path,
        (id, tip): (&CommitId, &CommitId),
        merge: Option<&CommitId>,
    ) {
        self.merges.insert((common_dir.to_owned(), id.clone(), tip.clone()), merge.cloned());
    }

    /// Returns the best common ancestors of two commits, if they were found out before.
    pub(super) fn known_bases(&self, common_dir: &Path, one: &CommitId, other: &CommitId) -> Option<Vec<CommitId>> {
        self.bases.get(&(common_dir.to_owned(), one.clone(), other.clone())).cloned()
    }

    /// Keeps the best common ancestors of two commits.
    pub(super) fn keep_bases(&mut self, common_dir: &Path, (one, other): (&CommitId, &CommitId), bases: &[CommitId]) {
        self.bases.insert((common_dir.to_owned(), one.clone(), other.clone()), bases.to_vec());
    }

    /// Reads a commit from the packs, if it is there and has the plain form.
    pub(super) fn read(&mut self, common_dir: &Path, id: &CommitId) -> Option<Commit> {
        let hash = ObjectId::from_hex(id.as_str().as_bytes()).ok()?;
        let open = || {
            let slots = gix_odb::store::init::Slots::Given(PACKS);
            let options = gix_odb::store::init::Options { slots, ..Default::default() };
            let store = gix_odb::at_opts(common_dir.join("objects"), hash.kind(), None, options).ok()?;
            store.into_arc().ok()
        };
        let packs = self.packs.entry(common_dir.to_owned()).or_insert_with(open).as_ref()?;
        let mut bytes = Vec::new();
        let found = packs.try_find(&hash, &mut bytes).ok()??;
        if found.kind != Kind::Commit {
            return None;
        }
        parse(id, &bytes)
    }
}

/// Reads a commit as git keeps it.
fn parse(id: &CommitId, bytes: &[u8]) -> Option<Commit> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    let (header, message) = text.split_once("\n\n")?;
    let mut lines = header.lines();
    lines.next()?.strip_prefix("tree ")?;
    let (mut parents, mut author, mut committer) = (Vec::new(), None, None);
    for line in lines {
        let (key, value) = line.split_once(' ')?;
        match key {
            "parent" => parents.push(value.parse().ok()?),
            "author" if author.is_none() => author = Some(signed(value)?),
            "committer" if committer.is_none() => committer = Some(signed(value)?),
            "author" | "committer" | "encoding" => return None,
            // Signatures and the like, and the lines that go on with them.
            _ => {}
        }
    }
    let (author, authored) = author?;
    let (_, committed) = committer?;
    let (title, body) = paragraphs(message);
    let (title, body) = (printable(&title), printable_lines(body).trim().to_owned());
    Some(Commit { id: id.clone(), parents, author, authored, committed, title, body, files: vec![] })
}

/// Reads `NAME <MAIL> SECONDS ZONE`.
fn signed(line: &str) -> Option<(Person, Timestamp)> {
    let (name, rest) = line.split_once(" <")?;
    let (email, moment) = rest.split_once("> ")?;
    let is_plain = |text: &str| text.trim() == text && !text.contains(['<', '>']);
    let (seconds, zone) = moment.split_once(' ')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Git shows other moments in ways of its own.
    let is_moment = is_number(seconds) && seconds.len() <= 10 && zone.len() == 5 && is_number(&zone[1..]);
    if name.is_empty() || !is_plain(name) || !is_plain(email) || !is_moment {
        return None;
    }
    Some((Person { name: printable(name), email: printable(email) }, Timestamp::parse_raw(moment)?))
}

/// Splits a message into its first paragraph, on one line, and the rest.
fn paragraphs(message: &str) -> (String, &str) {
    let mut title = String::new();
    let mut rest = message;
    while let Some(line) = rest.split_inclusive('\n').next() {
        let words = line.trim_end_matches([' ', '\t', '\r', '\n']);
        if words.is_empty() && !title.is_empty() {
            break;
        }
        if !words.is_empty() && !title.is_empty() {
            title.push(' ');
        }
        title.push_str(words);
        rest = &rest[line.len()..];
    }
    (title, rest)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::super::commit::ask;
    use super::super::{Git, Repository};
    use super::*;
    use crate::sys::interrupt::Interrupt;

    const TREE: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    const WHO: &str = "Ann O'Nym <ann@example.org>";

    /// Puts a commit of these bytes into a repository, whatever git thinks of them.
    fn put(folder: &Path, bytes: &[u8]) -> CommitId {
        let put = ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
        let git =
            Command::new("git").current_dir(folder).args(put).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut git = git.unwrap();
        git.stdin.take().unwrap().write_all(bytes).unwrap();
        let answer = git.wait_with_output().unwrap();
        String::from_utf8_lossy(&answer.stdout).trim().parse().unwrap()
    }

    fn signed_by(author: &str, committer: &str, more: &str, message: &str) -> String {
        format!("{TREE}\nauthor {author}\ncommitter {committer}\n{more}\n{message}")
    }

    #[test]
    fn a_commit_is_read_as_git_reads_it_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Command::new("git").args(["init", "--quiet"]).arg(folder.path()).status().unwrap().success());
        let repository = Repository::open(&Git::new("git", &Interrupt::new()).unwrap(), folder.path()).unwrap();
        let moment = "1692446400 +0200";
        let of = |message: &str| signed_by(&format!("{WHO} {moment}"), &format!("{WHO} {moment}"), "", message);
        let with = |more: &str| signed_by(&format!("{WHO} {moment}"), &format!("{WHO} {moment}"), more, "title\n");
        let by = |who: &str| signed_by(who, &format!("{WHO} {moment}"), "", "title\n");
        let parents: String = (1..=3).map(|at| format!("\nparent {at:040x}")).collect();
        let plain = [
            of("title\n"),
            of("title"),
            of(""),
            of("\n \n\ttitle of  \ntwo lines\r\n \nbody  \n\n  more\n\n"),
            of("t\u{e4}tle \u{1b}[31mred\u{202e}\n\nb\u{f6}dy\n"),
            of("\u{a0}\ntitle\n"),
            of(" \u{c}\nbody\n"),
            with("gpgsig -----BEGIN PGP SIGNATURE-----\n \n author nobody\n -----END PGP SIGNATURE-----\n"),
            with("mergetag object 1\n tag x\n").replace("\nauthor", &format!("{parents}\nauthor")),
            by(&format!("A <> {moment}")),
            by("A <a b> 0 -0330"),
        ];
        let odd = [
            with("encoding ISO-8859-1\n"),
            by("A <a@b>"),
            by(&format!("<a@b> {moment}")),
            by(&format!("A  <a@b> {moment}")),
            by(&format!("A <a <b> c> {moment}")),
            by("A <a@b> 99999999999999999999 +0000"),
            by("A <a@b> -5 +0000"),
            by("A <a@b> 1692446400 +2"),
            TREE.to_owned(),
            of("ti\0tle\n"),
        ];
        for (text, is_plain) in plain.iter().map(|text| (text, true)).chain(odd.iter().map(|text| (text, false))) {
            let id = put(folder.path(), text.as_bytes());
            let read = Heads::default().read(&repository.common_dir, &id);
            assert_eq!(read.is_some(), is_plain, "{text:?}");
            if let Some(read) = read {
                assert_eq!(read, ask(&repository, &id).unwrap(), "{text:?}");
            }
        }
        let missing = "1".repeat(40).parse().unwrap();
        assert_eq!(Heads::default().read(&repository.common_dir, &missing), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "(author|parent|committer)? ?.{0,9}<.{0,9}> .{0,20}\n{0,2}.{0,9}") {
            let id: CommitId = "1".repeat(40).parse().unwrap();
            let _ = parse(&id, &bytes);
            let _ = parse(&id, format!("tree x\n{text}").as_bytes());
        }
    }
}
