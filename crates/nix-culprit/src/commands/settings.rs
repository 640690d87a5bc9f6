//! From arguments to the case's settings, as far as `find`, `bisect` and `probe` share them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix_culprit_core::bisect::{Goal, Mode};
use nix_culprit_core::correct::PullRequests;
use nix_culprit_core::flake::{Configuration, FlakeRef, Source};
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::outcome::{BadWhen, Criterion};

use super::{CommandError, Context};
use crate::case::{
    Confirmation, Correcting, Explaining, Fetching, MemoryFrom, ReadSets, Root, Scope, Settings, Wanted,
};
use crate::cli::{AskOptions, FlakeOptions, SearchOptions};
use crate::sys::limit::budget;

/// How a history is searched; a single probe has none of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    mode: Mode,
    confirmation: Confirmation,
    fetching: Fetching,
    read_sets: ReadSets,
    cache: bool,
    explanation: Explaining,
    correcting: Correcting,
    jobs: Option<usize>,
    jumps: Wanted,
}

impl Way {
    /// Nothing is searched.
    pub(super) const NONE: Self = Self {
        mode: Mode::Full,
        confirmation: Confirmation::Unwanted,
        fetching: Fetching::WhereNeeded,
        read_sets: ReadSets::Unused,
        cache: false,
        explanation: Explaining::Unwanted,
        correcting: Correcting::Unwanted,
        jobs: None,
        jumps: Wanted::One,
    };

    /// Nothing is searched, and it is told why the bad end fails.
    pub(super) const EXPLAIN: Self = Self { explanation: Explaining::Alone, ..Self::NONE };

    /// Takes what the user asked for.
    pub(super) const fn of(options: &SearchOptions) -> Self {
        Self {
            mode: if options.first_parent { Mode::FirstParent } else { Mode::Full },
            confirmation: if options.no_confirm { Confirmation::Unwanted } else { Confirmation::Wanted },
            fetching: if options.confirm_fetched { Fetching::Always } else { Fetching::WhereNeeded },
            read_sets: if options.no_read_sets { ReadSets::Unused } else { ReadSets::Used },
            cache: !options.no_cache,
            explanation: if options.no_explain { Explaining::Unwanted } else { Explaining::Guides },
            correcting: Correcting::Unwanted,
            jobs: options.jobs,
            jumps: if options.all_jumps { Wanted::All } else { Wanted::One },
        }
    }
}

/// Makes the settings.
pub(super) fn settings(
    options: &AskOptions,
    scope: Scope,
    way: Way,
    context: &Context,
) -> Result<Settings, CommandError> {
    let (flake, fragment) = match options.flake.flake.split_once('#') {
        Some((flake, fragment)) => (flake, Some(fragment.to_owned())),
        None => (options.flake.flake.as_str(), None),
    };
    // A reference names its folder, as `?dir=` does, and a file is where it is.
    let is_path = options.flake.file.is_none() && (flake.is_empty() || Path::new(flake).is_dir());
    let flake = folder(flake)?;
    let flake = if is_path { flake_around(flake) } else { flake };
    let criterion = match options.verdict.bad_when.as_deref().map(str::parse::<BadWhen>).transpose()? {
        Some(BadWhen::Fixed(criterion)) => Some(criterion),
        Some(BadWhen::Same) | None => None,
    };
    if criterion.is_some() && !options.verdict.script.is_empty() {
        return Err(CommandError::TwoRules);
    }
    if way.jumps == Wanted::All && criterion.as_ref().and_then(Criterion::rule).is_none() {
        return Err(CommandError::NoRule);
    }
    let mut repositories = context.dirs.repositories()?;
    let named = options.repositories.repositories.iter();
    repositories.extend(named.map(|(input, path)| (input.clone(), absolute(&expand(path, context)))));
    let root = root(options, &flake)?;
    let scope = match (scope, &options.flake.pin) {
        (Scope::Locks { good: None, bad: None, input: None }, Some(pin)) => {
            Scope::Input { input: input_path(&pin.name), good: Some(pin.old.clone()), bad: None, goal: Goal::FirstBad }
        }
        (scope, _) => scope,
    };
    Ok(Settings {
        flake,
        root,
        attr: attr(&options.flake).or(fragment).filter(|attr| !attr.is_empty()),
        system: options.flake.system.clone(),
        scope,
        mode: way.mode,
        memory: options.budget.memory.unwrap_or_else(|| budget::default(&context.roots)),
        memory_from: options.budget.memory.map_or(MemoryFrom::Machine, |_| MemoryFrom::User),
        search_memory: options.budget.search_memory,
        search_time: options.budget.search_timeout,
        time: options.budget.timeout,
        criterion,
        script: options.verdict.script.clone(),
        confirmation: way.confirmation,
        fetching: way.fetching,
        read_sets: way.read_sets,
        jumps: way.jumps,
        matrix: None,
        jobs: way.jobs,
        cache: way.cache.then(|| context.dirs.cache.join("observations.sqlite")),
        explanation: way.explanation,
        correcting: way.correcting,
        extract: None,
        explained_by: None,
        repositories: repositories.into_iter().collect::<BTreeMap<_, _>>(),
        clones: context.dirs.cache.join("clones"),
        nix: program(&options.programs.nix),
        pin: None,
        pull_requests: PullRequests::Unused,
        nix_good: None,
        other_nix: Vec::new(),
        git: program(&options.programs.git),
    })
}

/// Returns what the project is: a flake, or a file in its folder.
fn root(options: &AskOptions, folder: &Path) -> Result<Root, CommandError> {
    let Some(file) = &options.flake.file else { return Ok(Root::Flake) };
    let places = [folder.join(file), absolute(file)];
    let wanted = places.iter().find(|place| place.exists()).unwrap_or(&places[0]).clone();
    let wanted = std::fs::canonicalize(&wanted).unwrap_or(wanted);
    let wanted = if wanted.is_dir() { wanted.join("default.nix") } else { wanted };
    let inside = wanted.strip_prefix(folder).map_err(|_| CommandError::Outside(wanted.clone()))?;
    Ok(Root::File {
        file: inside.to_owned(),
        pins: options.flake.pin.iter().map(|pin| (pin.name.clone(), pin.new.clone())).collect(),
        channels: options.repositories.repositories.iter().map(|(name, _)| name.clone()).collect(),
    })
}

/// Returns the attribute that the user chose by an option, as one writes it behind `#`.
fn attr(options: &FlakeOptions) -> Option<String> {
    let configurations = [
        (Configuration::Nixos, &options.nixos),
        (Configuration::Home, &options.home),
        (Configuration::Darwin, &options.darwin),
    ];
    let chosen = configurations.into_iter().find_map(|(kind, name)| Some(kind.built(name.as_deref()?)));
    // With a dot in front it is taken as it is.
    chosen.map(|attr| format!(".{attr}").replace('%', "%25")).or_else(|| options.attr.clone())
}

/// Finds the folder that a flake argument means: a path, or a flake reference such as `.?dir=sub`.
fn folder(flake: &str) -> Result<PathBuf, CommandError> {
    let existing = |path: &Path| std::fs::canonicalize(path).ok().filter(|path| path.is_dir());
    existing(Path::new(if flake.is_empty() { "." } else { flake }))
        .or_else(|| existing(&referenced(flake)?))
        .ok_or_else(|| CommandError::NotAFolder(flake.to_owned()))
}

/// Finds the flake that a folder belongs to, as Nix does: in it or above it, up to the top of its git repository.
fn flake_around(folder: PathBuf) -> PathBuf {
    let top = folder.ancestors().find(|above| above.join(".git").exists());
    let inside = |above: &&Path| top.is_some_and(|top| above.starts_with(top));
    let flake = folder.ancestors().take_while(inside).find(|above| above.join("flake.nix").is_file());
    flake.map_or(folder.clone(), Path::to_owned)
}

/// Reads a flake reference to the working tree of a folder on this machine.
fn referenced(flake: &str) -> Option<PathBuf> {
    let reference = FlakeRef::parse(flake).ok()?;
    if reference.rev().is_some() || reference.git_ref().is_some() {
        return None;
    }
    let top = match &reference.source {
        Source::Path { path } => PathBuf::from(path),
        Source::Git { .. } => Some(PathBuf::from(reference.clone_url()?)).filter(|path| path.is_absolute())?,
        Source::Forge { .. }
        | Source::Tarball { .. }
        | Source::File { .. }
        | Source::Indirect { .. }
        | Source::Other { .. } => return None,
    };
    Some(reference.dir.map_or(top.clone(), |dir| top.join(dir)))
}

/// Makes a program's path absolute if it is a path; a bare name is looked up on PATH when it is run.
pub(super) fn program(path: &Path) -> PathBuf {
    if path.components().count() > 1 { absolute(path) } else { path.to_owned() }
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn expand(path: &Path, context: &Context) -> PathBuf {
    path.to_str().map_or_else(|| path.to_owned(), |path| context.dirs.expand(path))
}

/// Reads the path of an input, such as `poetry2nix/nixpkgs`.
pub(super) fn input_path(text: &str) -> InputPath {
    match text.parse() {
        Ok(path) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flake_of_a_sub_folder_is_the_one_around_it_in_its_repository() {
        let top = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(top.path()).unwrap();
        std::fs::create_dir_all(top.join("repository/flake/src/deep")).unwrap();
        let around = |path: &str| flake_around(top.join(path));
        std::fs::write(top.join("flake.nix"), "{ }").unwrap();
        std::fs::write(top.join("repository/flake/flake.nix"), "{ }").unwrap();
        assert_eq!(around("repository/flake/src"), top.join("repository/flake/src"), "it is in no repository");
        std::fs::create_dir(top.join("repository/.git")).unwrap();
        for inside in ["repository/flake", "repository/flake/src", "repository/flake/src/deep"] {
            assert_eq!(around(inside), top.join("repository/flake"), "{inside}");
        }
        assert_eq!(around("repository"), top.join("repository"), "what is outside of the repository is not its flake");
    }

    #[test]
    fn a_flake_is_a_folder_or_a_reference_to_one() {
        let top = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(top.path()).unwrap();
        for name in ["a b/sub", "q?dir=sub"] {
            std::fs::create_dir_all(top.join(name)).unwrap();
        }
        let shown = top.display();
        for (text, expected) in [
            (format!("{shown}/a b"), "a b"),
            (format!("{shown}/a b?dir=sub"), "a b/sub"),
            (format!("path:{shown}/a%20b"), "a b"),
            (format!("path:{shown}/a%20b?dir=sub"), "a b/sub"),
            (format!("git+file://{shown}/a%20b?dir=sub"), "a b/sub"),
            (format!("{shown}/q?dir=sub"), "q?dir=sub"),
        ] {
            assert_eq!(folder(&text).unwrap(), top.join(expected), "{text}");
        }
        for text in ["github:o/r".to_owned(), format!("git+file://{shown}/a%20b?ref=x"), format!("{shown}/missing")] {
            assert!(matches!(folder(&text), Err(CommandError::NotAFolder(_))), "{text}");
        }
    }
}
