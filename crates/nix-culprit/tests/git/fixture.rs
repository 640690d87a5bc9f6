//! Repositories for the tests: a home of their own, fixed dates, and traps that leave a mark.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix_culprit::sys::git::{Git, Repository};
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit_core::ids::CommitId;
use tempfile::TempDir;

/// A temporary folder with a home and a clock.
pub(crate) struct Bench {
    _folder: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) interrupt: Interrupt,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join("home")).unwrap();
        fs::write(root.join("home/.gitconfig"), "[user]\nname = A\nemail = a@b\n").unwrap();
        Self { _folder: folder, root, interrupt: Interrupt::new() }
    }

    /// The git under test: the real one, in this bench's home, with these variables too.
    pub(crate) fn git_with(&self, variables: &str) -> Git {
        let program = self.root.join("git-program");
        let home = self.root.join("home");
        let script = format!(
            "#!/bin/sh\nexec env HOME='{}' XDG_CONFIG_HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 {variables} git \"$@\"\n",
            home.display()
        );
        install(&program, &script);
        Git::new(program, &self.interrupt).unwrap()
    }

    pub(crate) fn git(&self) -> Git {
        self.git_with("")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Runs the plain git that prepares things, and returns stdout.
    pub(crate) fn run(&self, folder: &Path, args: &[&str]) -> String {
        self.feed(folder, args, b"")
    }

    pub(crate) fn feed(&self, folder: &Path, args: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("git")
            .args(["-c", "protocol.file.allow=always"])
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "1692446400 +0200")
            .env("GIT_COMMITTER_DATE", "1692446400 +0200")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub(crate) fn init(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        self.run(&folder, &["init", "--quiet", "--initial-branch=main"]);
        folder
    }

    /// Records everything in the folder.
    pub(crate) fn commit(&self, folder: &Path, title: &str) -> CommitId {
        self.run(folder, &["add", "--all"]);
        self.run(folder, &["commit", "--quiet", "--allow-empty", "--message", title]);
        self.run(folder, &["rev-parse", "HEAD"]).parse().unwrap()
    }

    /// Makes a repository with a merge, each side with a file of its own; the folder, the first commit and the merge.
    pub(crate) fn merged(&self) -> (PathBuf, CommitId, CommitId) {
        let folder = self.init("repo");
        let commit = |name: &str| {
            fs::write(folder.join(name), name).unwrap();
            self.commit(&folder, name)
        };
        let first = commit("base");
        self.run(&folder, &["checkout", "-q", "-b", "side"]);
        commit("side");
        self.run(&folder, &["checkout", "-q", "-"]);
        commit("main");
        self.run(&folder, &["merge", "-q", "--no-ff", "--no-edit", "side"]);
        let merge = self.run(&folder, &["rev-parse", "HEAD"]).parse().unwrap();
        (folder, first, merge)
    }

    pub(crate) fn open(&self, folder: &Path) -> Repository {
        Repository::open(&self.git(), folder).unwrap()
    }

    /// Makes a history by `git fast-import`: `(branch, seconds, title, [from, merges…])` by number from 1.
    pub(crate) fn import(&self, folder: &Path, commits: &[(&str, u64, &str, &[usize])]) -> Vec<CommitId> {
        let mut stream = Vec::new();
        for (index, (branch, seconds, title, parents)) in commits.iter().enumerate() {
            let data = format!("{title}\n");
            let head = format!(
                "commit refs/heads/{branch}\nmark :{}\ncommitter A <a@b> {seconds} +0000\ndata {}\n{data}",
                index + 1,
                data.len()
            );
            stream.extend(head.bytes());
            for (position, parent) in parents.iter().enumerate() {
                stream.extend(format!("{} :{parent}\n", if position == 0 { "from" } else { "merge" }).bytes());
            }
            stream.extend(format!("M 100644 inline f{index}\ndata 1\nx\n\n").bytes());
        }
        let marks = self.path("marks");
        let export = format!("--export-marks={}", marks.display());
        self.feed(folder, &["fast-import", "--quiet", "--force", &export], &stream);
        let marks = fs::read_to_string(marks).unwrap();
        let mut ids: Vec<(usize, CommitId)> = marks
            .lines()
            .filter_map(|line| line.strip_prefix(':')?.split_once(' '))
            .map(|(mark, id)| (mark.parse().unwrap(), id.parse().unwrap()))
            .collect();
        ids.sort();
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// Sets a trap in the settings, for all repositories or one: hooks, filters, monitor, pager, signatures.
    pub(crate) fn trap(&self, config: &Path, hooks: &Path) {
        let trap = self.path("trap");
        let script = format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\ncat\n", self.path("sprung").display());
        install(&trap, &script);
        fs::create_dir_all(hooks).unwrap();
        for hook in ["post-checkout", "post-index-change", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman"]
        {
            install(&hooks.join(hook), &script);
        }
        let (trap, hooks) = (trap.display(), hooks.display());
        let text = format!(
            "[core]\n\tfsmonitor = {trap}\n\thooksPath = {hooks}\n\tpager = {trap}\n\tsshCommand = {trap}\n\
             [filter \"evil\"]\n\tclean = {trap}\n\tsmudge = {trap}\n\trequired = true\n\
             [filter \"e=v.il\"]\n\tclean = {trap}\n\tsmudge = {trap}\n\
             [diff]\n\texternal = {trap}\n[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {trap}\n\
             [status]\n\tsubmoduleSummary = true\n[submodule]\n\trecurse = true\n"
        );
        let before = fs::read_to_string(config).unwrap_or_default();
        fs::write(config, before + &text).unwrap();
    }

    /// Returns what sprang a trap.
    pub(crate) fn sprung(&self) -> Option<String> {
        fs::read_to_string(self.path("sprung")).ok()
    }
}

/// Writes a program by another process: while this one has it open for writing, a child that another
/// test's thread starts would inherit that, and the program could not be run ("text file busy").
fn install(program: &Path, script: &str) {
    let mut child =
        Command::new("install").args(["-m755", "/dev/stdin"]).arg(program).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// What a path is: `file`, `exec`, `link` or `dir`, and its content or target.
pub(crate) type Tree = BTreeMap<Vec<u8>, (&'static str, Vec<u8>)>;

/// Lists a folder: what Nix could see of it. Folders are listed when they are empty.
pub(crate) fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    walk(folder, &mut |path, metadata| {
        let name = path.strip_prefix(folder).unwrap().as_os_str().as_bytes().to_vec();
        let entry = if metadata.is_symlink() {
            ("link", fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec())
        } else if metadata.is_dir() {
            if fs::read_dir(path).unwrap().next().is_some() {
                return;
            }
            ("dir", vec![])
        } else {
            (if metadata.mode() & 0o100 == 0 { "file" } else { "exec" }, fs::read(path).unwrap())
        };
        found.insert(name, entry);
    });
    found
}

/// Lists a folder with everything that a write would change: kinds, modes, times of change, contents.
pub(crate) fn fingerprint(folder: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut note = |path: &Path, metadata: &fs::Metadata| {
        let content = if metadata.is_file() { fs::read(path).unwrap() } else { vec![] };
        found.insert(path.to_owned(), (metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), content));
    };
    note(folder, &fs::symlink_metadata(folder).unwrap());
    walk(folder, &mut note);
    found
}

fn walk(folder: &Path, on: &mut dyn FnMut(&Path, &fs::Metadata)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        on(&path, &metadata);
        if metadata.is_dir() {
            walk(&path, on);
        }
    }
}

/// Builds the tree that a commit should be, from what git lists.
pub(crate) fn recorded(bench: &Bench, folder: &Path, commit: &CommitId) -> Tree {
    let list = Command::new("git")
        .args(["ls-tree", "-r", "-z", commit.as_str()])
        .current_dir(folder)
        .env("HOME", bench.path("home"))
        .output()
        .unwrap();
    let mut found = Tree::new();
    for entry in list.stdout.split(|b| *b == 0).filter(|entry| !entry.is_empty()) {
        let tab = entry.iter().position(|b| *b == b'\t').unwrap();
        let words = String::from_utf8(entry[..tab].to_vec()).unwrap();
        let words: Vec<&str> = words.split(' ').collect();
        let read = || Command::new("git").args(["cat-file", "blob", words[2]]).current_dir(folder).output().unwrap();
        let value = match words[0] {
            "100644" => ("file", read().stdout),
            "100755" => ("exec", read().stdout),
            "120000" => ("link", read().stdout),
            "160000" => ("dir", vec![]),
            other => panic!("mode {other}"),
        };
        found.insert(entry[tab + 1..].to_vec(), value);
    }
    found
}
