//! A project without a flake: its pins as a lock, and how another revision gets into a copy of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::flake::{Attrs, Lock, Node};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::pins::{self, CodePin, PinFormat, find_code_pin, with_code_revision};
use nix_culprit_core::store_path::NarHash;
use serde::{Deserialize, Serialize};

use super::settings::{Root, Settings};
use super::store::CaseDir;
use super::{CaseError, StoreError};
use crate::sys::git::{Git, Repository, Snapshot};

/// More Nix code than this a project of its own does not have; what is beyond it is not looked through for pins.
const MOST_CODE: usize = 10_000;

/// What is known of the project, as it was when the case began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// The file that is evaluated.
    file: PathBuf,
    /// Who wrote its pins, if anybody did.
    format: Option<PinFormat>,
    code: Vec<InCode>,
    channels: BTreeMap<String, Attrs>,
}

/// A revision in the project's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct InCode {
    name: String,
    rev: CommitId,
    locked: Attrs,
    /// The files that have it, as they were.
    files: BTreeMap<PathBuf, String>,
}

impl Project {
    /// Looks at the project, or finds what the case knows of it; none where it is a flake.
    ///
    /// # Errors
    /// When it has no pins, or those that the user named are not there.
    pub fn of(settings: &Settings, git: &Git, snapshot: &Snapshot, case: &CaseDir) -> Result<Option<Self>, CaseError> {
        let Root::File { file, pins, channels } = &settings.root else { return Ok(None) };
        let about = case.file("project.json");
        if let Ok(text) = fs::read(&about)
            && let Ok(project) = serde_json::from_slice(&text)
        {
            return Ok(Some(project));
        }
        let folder = snapshot.root.join(&snapshot.dir);
        let format = PinFormat::ALL.into_iter().find(|format| folder.join(format.file()).is_file());
        let code = if pins.is_empty() { BTreeMap::new() } else { code_of(&folder, snapshot) };
        let code = pins.iter().map(|(name, rev)| InCode::find(name, rev, &code, settings)).collect::<Result<_, _>>()?;
        let mut project = Self { file: file.clone(), format, code, channels: BTreeMap::new() };
        let known = match format {
            Some(format) => {
                let path = folder.join(format.file());
                let text = fs::read_to_string(&path).map_err(|source| CaseError::Read { path, source })?;
                project.lock(Some((format.file(), &text)))?
            }
            None => project.lock(None)?,
        };
        for name in channels.iter().filter(|name| !known.nodes.contains_key(&NodeKey((*name).clone()))) {
            let Some(path) = settings.repositories.get(name) else { continue };
            let repository = Repository::open(git, path)?;
            let head = repository.head()?.ok_or_else(|| CaseError::CodePin {
                name: name.clone(),
                why: format!("{} has no commit yet", path.display()),
            })?;
            project.channels.insert(name.clone(), git_folder(path, &head));
        }
        if format.is_none() && project.code.is_empty() && project.channels.is_empty() {
            return Err(CaseError::NoPins(settings.flake.clone()));
        }
        case.write("project.json", &serde_json::to_vec(&project).expect("plain data"))?;
        Ok(Some(project))
    }

    /// Returns the file that is evaluated.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the file that holds its pins.
    #[must_use]
    pub fn pin_file(&self) -> Option<&'static str> {
        self.format.map(PinFormat::file)
    }

    /// Tells whether a name is one of `NIX_PATH`.
    #[must_use]
    pub fn is_channel(&self, name: &str) -> bool {
        self.channels.contains_key(name)
    }

    /// Makes the lock of a state: the text of the pin file, with its label, and what else is pinned.
    ///
    /// # Errors
    /// When the text is no pin file.
    pub fn lock(&self, text: Option<(&str, &str)>) -> Result<Lock, CaseError> {
        let mut all: Vec<(String, Node)> = match (self.format, text) {
            (Some(format), Some((label, text))) => {
                pins::read(format, text).map_err(|source| CaseError::Pins { label: label.to_owned(), source })?
            }
            (Some(_) | None, _) => Vec::new(),
        };
        all.extend(self.code.iter().map(|pin| (pin.name.clone(), pins::node(pin.locked.clone()))));
        all.extend(self.channels.iter().map(|(name, locked)| (name.clone(), pins::node(locked.clone()))));
        Ok(pins::lock_of(all))
    }

    /// Writes an assignment into a copy of the project; `hash` knows the hashes of the trees that it shows.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub fn write(
        &self,
        folder: &Path,
        lock: &Lock,
        hash: &dyn Fn(&NodeKey) -> Option<NarHash>,
    ) -> Result<Vec<PathBuf>, CaseError> {
        let io = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
        let mut written = Vec::new();
        if let Some(format) = self.format {
            let path = folder.join(format.file());
            let text = fs::read_to_string(&path).map_err(|source| io(&path, source))?;
            let label = format.file().to_owned();
            let text = pins::write(format, &text, lock, hash).map_err(|source| CaseError::Pins { label, source })?;
            fs::write(&path, text).map_err(|source| io(&path, source))?;
            written.push(path);
        }
        let mut files: BTreeMap<&PathBuf, String> = BTreeMap::new();
        for pin in &self.code {
            let key = lock.resolve(&InputPath(vec![pin.name.clone()])).map_err(CaseError::Assign)?;
            let rev = lock.locked(&key).ok().and_then(|locked| locked.rev()).unwrap_or_else(|| pin.rev.clone());
            let hash = if rev == pin.rev { None } else { hash(&key) };
            for (path, text) in &pin.files {
                let text = files.remove(path).unwrap_or_else(|| text.clone());
                files.insert(path, with_code_revision(&text, &pin.rev, &rev, hash.as_ref()));
            }
        }
        for (path, text) in files {
            let path = folder.join(path);
            fs::write(&path, text).map_err(|source| io(&path, source))?;
            written.push(path);
        }
        Ok(written)
    }
}

impl InCode {
    fn find(name: &str, rev: &str, code: &BTreeMap<PathBuf, String>, settings: &Settings) -> Result<Self, CaseError> {
        let wrong = |why: String| CaseError::CodePin { name: name.to_owned(), why };
        let mut found: Option<CodePin> = None;
        let mut files = BTreeMap::new();
        for (path, text) in code {
            for pin in find_code_pin(text, rev) {
                files.insert(path.clone(), text.clone());
                match &mut found {
                    None => found = Some(pin),
                    Some(known) if known.rev == pin.rev => known.github = known.github.take().or(pin.github),
                    Some(_) => return Err(wrong(format!("more than one revision begins with {rev}; write it longer"))),
                }
            }
        }
        let found = found.ok_or_else(|| wrong(format!("no Nix file of the project has the revision {rev}")))?;
        let locked = match (&found.github, settings.repositories.get(name)) {
            (_, Some(path)) => git_folder(path, &found.rev),
            (Some((owner, repo)), None) => {
                let pairs = [("type", "github"), ("owner", owner), ("repo", repo), ("rev", found.rev.as_str())];
                attrs(&pairs)
            }
            (None, None) => {
                return Err(wrong(format!(
                    "its code does not say from which repository; name a clone: --repo {name}=PATH"
                )));
            }
        };
        Ok(Self { name: name.to_owned(), rev: found.rev, locked, files })
    }
}

/// Describes a commit of a clone in the words of lock files.
fn git_folder(path: &Path, rev: &CommitId) -> Attrs {
    let url = format!("file://{}", path.display());
    attrs(&[("type", "git"), ("url", &url), ("rev", rev.as_str())])
}

fn attrs(pairs: &[(&str, &str)]) -> Attrs {
    Attrs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
}

/// Reads the Nix files of the project, by their paths in its folder.
fn code_of(folder: &Path, snapshot: &Snapshot) -> BTreeMap<PathBuf, String> {
    let mut code = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file()
                && code.len() < MOST_CODE
                && path.extension().is_some_and(|extension| extension == "nix")
                && let (Ok(text), Ok(name)) = (fs::read_to_string(&path), path.strip_prefix(folder))
            {
                code.insert(name.to_owned(), text);
            }
        }
    }
    debug_assert!(folder.starts_with(&snapshot.root));
    code
}
