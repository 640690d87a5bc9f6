//! Writes a repository by one `git fast-import` stream, and the few other calls of git that the sample needs.
//! The only module that starts processes; git sees neither the user's configuration nor a clock.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::SampleError;

/// Where a commit goes: the main line, or a side branch that has no name in the finished repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Main,
    Side,
}

/// A commit to be written. Parents are the numbers of earlier commits, counted from 0 in the order of writing.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) line: Line,
    pub(crate) parents: Vec<usize>,
    pub(crate) author: String,
    pub(crate) time: u64,
    pub(crate) message: String,
    /// Path and new content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// A running import.
pub(crate) struct Importer {
    child: Child,
    stream: BufWriter<ChildStdin>,
    repository: PathBuf,
    marks: PathBuf,
    count: usize,
    tips: [Option<usize>; 2],
}

impl Importer {
    /// Makes a bare repository and begins the import into it.
    pub(crate) fn start(repository: &Path) -> Result<Self, SampleError> {
        run(
            repository.parent().unwrap_or(repository),
            &["init", "-q", "--template=", "--bare", "-b", "main", &text(repository)],
        )?;
        Self::into(repository, repository)
    }

    /// Begins an import into an existing repository with the given git folder.
    pub(crate) fn into(repository: &Path, git_dir: &Path) -> Result<Self, SampleError> {
        let marks = git_dir.join("sample-marks");
        let mut child = git(repository)
            .args(["fast-import", "--quiet", "--done", "--date-format=raw"])
            .arg(format!("--export-marks={}", text(&marks)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|source| SampleError::Git { arguments: "fast-import".into(), source })?;
        let stdin = child.stdin.take().ok_or_else(|| SampleError::GitFailed { arguments: "fast-import".into() })?;
        let stream = BufWriter::with_capacity(1 << 20, stdin);
        Ok(Importer { child, stream, repository: repository.to_path_buf(), marks, count: 0, tips: [None, None] })
    }

    /// Writes one commit and returns its number.
    pub(crate) fn commit(&mut self, commit: &Commit) -> Result<usize, SampleError> {
        let number = self.count;
        self.count += 1;
        let line = commit.line as usize;
        let continues = self.tips[line].is_some() && commit.parents.first().copied() == self.tips[line];
        self.tips[line] = Some(number);
        match write_commit(&mut self.stream, commit, number, continues) {
            Ok(()) => Ok(number),
            Err(source) => Err(self.broken_pipe(source)),
        }
    }

    /// Ends the import; returns the hashes of the commits by number.
    pub(crate) fn finish(mut self) -> Result<Vec<String>, SampleError> {
        let mut end = String::new();
        if self.tips[Line::Side as usize].is_some() {
            end.push_str(&format!("reset {}\nfrom {}\n\n", reference(Line::Side), "0".repeat(40)));
        }
        end.push_str("done\n");
        if let Err(source) = self.stream.write_all(end.as_bytes()).and_then(|()| self.stream.flush()) {
            return Err(self.broken_pipe(source));
        }
        drop(self.stream);
        let status =
            self.child.wait().map_err(|source| SampleError::Git { arguments: "fast-import".into(), source })?;
        if !status.success() {
            return Err(SampleError::GitFailed { arguments: "fast-import".into() });
        }
        let read = |source| SampleError::File { path: self.marks.clone(), source };
        let marks = std::fs::read_to_string(&self.marks).map_err(read)?;
        std::fs::remove_file(&self.marks).map_err(read)?;
        let mut hashes = vec![String::new(); self.count];
        for line in marks.lines() {
            let mark = line.strip_prefix(':').and_then(|rest| rest.split_once(' '));
            if let Some((number, hash)) = mark.and_then(|(n, hash)| Some((n.parse::<usize>().ok()?, hash)))
                && let Some(slot) = number.checked_sub(1).and_then(|n| hashes.get_mut(n))
            {
                *slot = hash.to_owned();
            }
        }
        Ok(hashes)
    }

    /// The error for a write that failed, which happens when git has ended.
    fn broken_pipe(&mut self, source: io::Error) -> SampleError {
        let _ = self.child.wait();
        SampleError::Git { arguments: format!("fast-import in {}", self.repository.display()), source }
    }
}

fn reference(line: Line) -> &'static str {
    match line {
        Line::Main => "refs/heads/main",
        Line::Side => "refs/heads/side",
    }
}

fn write_commit(out: &mut impl Write, commit: &Commit, number: usize, continues: bool) -> io::Result<()> {
    writeln!(out, "commit {}\nmark :{}", reference(commit.line), number + 1)?;
    writeln!(out, "author {} {} +0000", commit.author, commit.time)?;
    writeln!(out, "committer {} {} +0000", commit.author, commit.time)?;
    writeln!(out, "data {}\n{}", commit.message.len(), commit.message)?;
    let mut parents = commit.parents.iter();
    if let Some(first) = parents.next()
        && !continues
    {
        writeln!(out, "from :{}", first + 1)?;
    }
    for parent in parents {
        writeln!(out, "merge :{}", parent + 1)?;
    }
    for (path, content) in &commit.files {
        writeln!(out, "M 100644 inline {path}\ndata {}", content.len())?;
        out.write_all(content)?;
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

/// Runs git in a folder and returns what it wrote to stdout, without the last newline.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Result<String, SampleError> {
    let output = git(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| SampleError::Git { arguments: arguments.join(" "), source })?;
    if !output.status.success() {
        return Err(SampleError::GitFailed { arguments: arguments.join(" ") });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).env_clear();
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", folder)
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
