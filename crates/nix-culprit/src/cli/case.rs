//! `nix-culprit resume`, `log` and `report`: commands on a case that exists.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ResultOptions;

/// Arguments of `resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nix-culprit resume                       go on with the newest case
  nix-culprit resume 20260214-101500       with this one; `log --list` lists them")]
pub struct Resume {
    /// The case [default: the newest]
    #[arg(value_name = "CASE")]
    pub(crate) case: Option<String>,

    #[command(flatten)]
    pub(crate) results: ResultOptions,
}

/// Arguments of `log`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nix-culprit log                          the probes of the newest case
  nix-culprit log --list                   all cases
  nix-culprit log --format git > bisect.log; git bisect replay bisect.log")]
pub struct Log {
    /// The case [default: the newest]
    #[arg(value_name = "CASE")]
    pub(crate) case: Option<String>,

    /// How to show it
    #[arg(long, value_enum, default_value_t = LogFormat::Table)]
    pub(crate) format: LogFormat,

    /// List all cases
    #[arg(long)]
    pub(crate) list: bool,
}

/// How to show a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A table of the probes.
    Table,
    /// What `git bisect log` would print; `git bisect replay` reads it.
    Git,
    /// The journal as it is: one JSON document a line.
    Json,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nix-culprit report | wl-copy             the newest case, to paste into an issue
  nix-culprit report --format all -o out   every form, as files")]
pub struct Report {
    /// The case [default: the newest]
    #[arg(value_name = "CASE")]
    pub(crate) case: Option<String>,

    /// The form [default: md, or with `--output` all]
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,

    /// Folder to write to, in place of printing
    #[arg(long, short, value_name = "DIR", required_if_eq("format", "all"))]
    pub(crate) output: Option<PathBuf>,
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Markdown, to paste into an issue.
    Md,
    /// One page for a browser, with charts, without scripts and network.
    Html,
    /// JSON, for programs.
    Json,
    /// A shell script that repeats the two decisive evaluations.
    Replay,
    /// Every form that there is, as files.
    All,
}
