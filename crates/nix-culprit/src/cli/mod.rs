//! What can be typed: clap structs that hold and validate, and nothing else.

mod options;

pub mod bisect;
pub mod case;
pub mod doctor;
pub mod explain;
pub mod find;
pub mod fix;
pub mod guard;
pub mod inputs;
pub mod matrix;
pub mod pages;
pub mod probe;
pub mod reduce;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand, ValueEnum};

pub use options::{
    AskOptions, BudgetOptions, EndOptions, FlakeOptions, ProgramOptions, RepositoryOptions, ResultOptions,
    SearchOptions, VerdictOptions,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default());

/// Finds which input, which commit and why, when a flake's evaluation breaks or eats all memory.
///
/// Run `nix-culprit find` in the folder of the flake, after `nix flake update` went wrong. Your
/// flake, your lock file and your Nix configuration are never written to, unless you say `fix --apply`.
#[derive(Debug, Parser)]
#[command(name = "nix-culprit", version, styles = STYLES, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,

    /// Show no progress, only results and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole investigation: which input, which commit, confirmed, with a report.
    Find(find::Args),
    /// Say which of the changed inputs and follows make the difference.
    Inputs(inputs::Args),
    /// Say why the bad end fails: the cycle of derivations that makes it grow, or the root of its error.
    Explain(explain::Args),
    /// Try what helps: other revisions of inputs and more, each with your own target, best first.
    Fix(fix::Args),
    /// Search the history of one input between two of its revisions.
    Bisect(bisect::Args),
    /// Evaluate under many conditions: versions of Nix, revisions, inputs, follows, as a table.
    Matrix(matrix::Args),
    /// Evaluate once under the budget and say what came of it.
    Probe(probe::Args),
    /// Run any command under a hard memory and time budget.
    Guard(guard::Args),
    /// Make the smallest flake that still fails in the same way, in a new folder.
    Reduce(reduce::Args),
    /// Go on with an investigation that was interrupted.
    Resume(case::Resume),
    /// Show the journal of an investigation.
    Log(case::Log),
    /// Write the report of a finished investigation once more.
    Report(case::Report),
    /// Say what this machine can do, and what to do about what is missing.
    Doctor(doctor::Args),
    /// Print the completions for a shell.
    Completions(pages::Completions),
    /// Write the man pages, one for each command.
    Man(pages::Man),
    /// Watches over a run, or stands by to clean up (started by nix-culprit itself).
    #[command(hide = true)]
    Warden {
        /// The number of the socket to the tool.
        socket: i32,
    },
}
