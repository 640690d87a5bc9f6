//! `nix-culprit explain`.

use clap::{Args as ClapArgs, ValueEnum};

use super::{AskOptions, EndOptions, ResultOptions};

/// A way in which an evaluation tells where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Nix's own profile of the evaluation (Nix 2.30 and newer).
    Profile,
    /// What Nix prints at growing limits of the call depth (2.20 and newer, and Lix).
    CallDepth,
    /// A tracer of our own in place of `import` and `derivation` (every Nix).
    Tracer,
    /// The trace that Nix prints with an error.
    Trace,
}

/// Arguments of `explain`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit explain                           in the flake's folder: why its flake.lock fails
  nix-culprit explain --memory 2G               with at most 2 GiB for an evaluation
  nix-culprit explain 20231004-101500           of an investigation, with its culprit if it has one")]
pub struct Args {
    /// An investigation to explain, in place of a flake
    #[arg(long, value_name = "CASE", conflicts_with_all = ["good", "bad", "input"])]
    pub(crate) case: Option<String>,

    #[command(flatten)]
    pub(crate) ends: EndOptions,

    /// Look only at this changed input
    #[arg(long, value_name = "INPUT")]
    pub(crate) input: Option<String>,

    /// Look in this way only [default: the first of these that this Nix can do and that shows something]
    #[arg(long, value_enum, value_name = "WAY")]
    pub(crate) by: Option<By>,

    #[command(flatten)]
    pub(crate) ask: AskOptions,
    #[command(flatten)]
    pub(crate) results: ResultOptions,
}
