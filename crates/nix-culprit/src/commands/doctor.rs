//! `doctor`: what this machine can do, and what to do about what is missing.

use std::path::{Path, PathBuf};

use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::text::with_causes;
use serde::Serialize;

use super::{CommandError, Context, Exit};
use crate::cli::doctor::Args;
use crate::sys::git::Git;
use crate::sys::limit::{Guard, budget};
use crate::sys::namespace::forbidden_by;
use crate::sys::nix::{Installed, Nix};
use crate::sys::treefs::{TreeFs, Way};
use crate::ui::Paint;

/// What is said of how commits become folders.
const TREES: &str = "commits as folders";

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Health {
    Good,
    Weak,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
struct Finding {
    what: String,
    health: Health,
    found: String,
    advice: Option<String>,
}

impl Finding {
    fn good(what: &str, found: impl Into<String>) -> Self {
        Self { what: what.to_owned(), health: Health::Good, found: found.into(), advice: None }
    }

    fn other(what: &str, health: Health, found: impl Into<String>, advice: &str) -> Self {
        Self { what: what.to_owned(), health, found: found.into(), advice: Some(advice.to_owned()) }
    }
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let mut findings = vec![nix(&args.programs.nix, context), git(&args.programs.git, context)];
    findings.extend(others(&args.programs.nix, context));
    findings.extend(limits(context));
    let trees = trees(context);
    findings.push(own_command(&args.programs.nix, &trees, context));
    findings.extend(trees);
    findings.push(memory(context));
    findings.push(disk("disk for cases", &context.dirs.state));
    findings.push(disk("disk for clones", &context.dirs.cache));
    findings.push(clones(context)?);
    let text = if args.json {
        let value = serde_json::json!({ "schema": "nix-culprit/doctor", "version": 1, "findings": findings });
        format!("{value:#}\n")
    } else {
        findings.iter().map(line).collect()
    };
    context.printer.result(&text).map_err(CommandError::Print)?;
    let broken = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if broken { Exit::BAD } else { Exit::OK })
}

fn line(finding: &Finding) -> String {
    let (mark, paint) = match finding.health {
        Health::Good => ("ok  ", Paint::Good),
        Health::Weak => ("weak", Paint::Warning),
        Health::Bad => ("bad ", Paint::Bad),
    };
    let advice = finding.advice.as_ref().map(|advice| format!("\n        -> {advice}")).unwrap_or_default();
    format!("{}  {}: {}{advice}\n", paint.over(mark), finding.what, finding.found)
}

fn nix(program: &Path, context: &Context) -> Finding {
    match Nix::detect(program, None, &context.interrupt) {
        Ok(nix) if nix.version().has_flakes() => {
            Finding::good("nix", format!("{} for {}", nix.version(), nix.system()))
        }
        Ok(nix) => Finding::other(
            "nix",
            Health::Weak,
            format!("{} for {}", nix.version(), nix.system()),
            "it has no flakes, so nothing can be confirmed by the user's own command; 2.4 or newer has them",
        ),
        Err(error) => {
            Finding::other("nix", Health::Bad, with_causes(&error), "install Nix, or name it with --nix PATH")
        }
    }
}

/// Finds the other Nix versions that are installed: `matrix --nix-installed` asks them.
fn others(own: &Path, context: &Context) -> Option<Finding> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let all = Installed::usual().list();
    let others = all.iter().filter(|program| real(program) != real(own));
    let names: Vec<String> = others
        .filter_map(|program| Nix::detect(program, None, &context.interrupt).ok())
        .map(|nix| nix.name())
        .collect();
    (!names.is_empty()).then(|| Finding::good("Nix installed", names.join(", ")))
}

fn git(program: &Path, context: &Context) -> Finding {
    match Git::new(program, &context.interrupt) {
        Ok(git) => Finding::good("git", git.version()),
        Err(error) => {
            let advice = error.hint().unwrap_or_else(|| "install git, or name it with --git PATH".to_owned());
            Finding::other("git", Health::Bad, with_causes(&error), &advice)
        }
    }
}

fn limits(context: &Context) -> Vec<Finding> {
    let guard = Guard::detect(context.roots.clone());
    let mut findings = vec![Finding::good("limits in force", guard.layer().to_string())];
    for state in guard.layers() {
        if let Some(missing) = &state.missing {
            findings.push(Finding::good("not used", format!("{}: {missing}", state.layer)));
        }
    }
    findings
}

/// Tells how commits become folders, and why no better way does.
fn trees(context: &Context) -> Vec<Finding> {
    let what = TREES;
    let mut refused = Vec::new();
    let way = Way::ALL.into_iter().find(|way| match TreeFs::try_out(*way, &context.roots.warden) {
        Ok(()) => true,
        Err(error) => {
            let forbidden = (*way == Way::Namespace).then(|| forbidden_by(&context.roots.proc)).flatten();
            let forbidden = forbidden.map(|setting| format!(" ({setting})")).unwrap_or_default();
            refused.push(Finding::good("not used", format!("a file system {way}: {error}{forbidden}")));
            false
        }
    });
    let found = match way {
        Some(way) => Finding::good(what, format!("through a file system of our own (FUSE), {way}")),
        None => Finding::other(
            what,
            Health::Weak,
            "as checkouts, moved from commit to commit",
            "large inputs are probed faster through a file system of our own: install fuse3, and see that \
             /dev/fuse is there and yours to open",
        ),
    };
    std::iter::once(found).chain(refused).collect()
}

/// Tells how the user's own command comes by its inputs when it confirms a culprit.
fn own_command(program: &Path, trees: &[Finding], context: &Context) -> Finding {
    let what = "confirmation";
    let flakes = Nix::detect(program, None, &context.interrupt).is_ok_and(|nix| nix.version().has_flakes());
    let mounted = trees.iter().any(|finding| finding.health == Health::Good && finding.what == TREES);
    match (flakes, mounted) {
        (true, true) => Finding::good(
            what,
            "by your own command, with inputs that have a clone at their store paths: nothing is fetched or copied",
        ),
        (true, false) => {
            Finding::good(what, "by your own command, which fetches its inputs: commits cannot be mounted here")
        }
        (false, _) => Finding::good(what, "none: there is no Nix with flakes"),
    }
}

fn memory(context: &Context) -> Finding {
    let default = budget::default(&context.roots);
    match budget::free(&context.roots) {
        Some(free) if free < Bytes(1 << 30) => Finding::other(
            "memory",
            Health::Weak,
            format!("{free} free; an evaluation may use {default} unless --memory says otherwise"),
            "close something: evaluations of nixpkgs often need more than 1 GiB",
        ),
        Some(free) => Finding::good(
            "memory",
            format!("{free} free; an evaluation may use {default} unless --memory says otherwise"),
        ),
        None => Finding::other(
            "memory",
            Health::Weak,
            format!("not known; an evaluation may use {default} unless --memory says otherwise"),
            "give --memory",
        ),
    }
}

fn disk(what: &str, folder: &Path) -> Finding {
    let existing = folder.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(existing) {
        Ok(stat) => {
            let free = Bytes(stat.f_bavail.saturating_mul(stat.f_frsize));
            let found = format!("{free} free at {}", folder.display());
            if free < Bytes(2 << 30) {
                Finding::other(what, Health::Weak, found, "a clone of nixpkgs needs about 2 GiB; make room")
            } else {
                Finding::good(what, found)
            }
        }
        Err(error) => {
            let error = std::io::Error::from(error);
            Finding::other(what, Health::Weak, format!("{}: {error}", folder.display()), "check the folder's rights")
        }
    }
}

fn clones(context: &Context) -> Result<Finding, CommandError> {
    let named = context.dirs.repositories()?;
    let cached = std::fs::read_dir(context.dirs.cache.join("clones")).map_or_else(
        |_| Vec::new(),
        |entries| {
            let mut names: Vec<PathBuf> =
                entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
            names.sort();
            names
        },
    );
    let cached = cached.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let all: Vec<String> =
        named.iter().map(|(input, path)| format!("{input} at {}", path.display())).chain(cached).collect();
    Ok(if all.is_empty() {
        Finding::other(
            "clones",
            Health::Good,
            "none yet; histories are fetched when they are needed",
            "if you have a clone of nixpkgs, name it with --repo or in config.toml, and nothing is fetched",
        )
    } else {
        Finding::good("clones", all.join(", "))
    })
}
