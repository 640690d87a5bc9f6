//! `nix-culprit find`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{AskOptions, EndOptions, SearchOptions};

/// Arguments of `find`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit find                              in the flake's folder, after `nix flake update`
  nix-culprit find --memory 4G                  with at most 4 GiB for an evaluation
  nix-culprit find --nixos box                  the NixOS configuration `box`
  nix-culprit find --file default.nix -A hello  with pins of npins or niv, not a flake
  nix-culprit find --good old.lock              flake.lock of a good state, kept elsewhere
  nix-culprit find --repo nixpkgs=~/nixpkgs     with a clone you have
  nix-culprit find --nix-good ./old/bin/nix     is it the Nix version?
  nix-culprit find --bad-when 'nrThunks > +20%'  what made it heavier, though it still evaluates
  nix-culprit find -- nix develop -c true       with a check of your own")]
pub struct Args {
    #[command(flatten)]
    pub(crate) ends: EndOptions,

    /// Look only at this changed input
    #[arg(long, value_name = "INPUT")]
    pub(crate) input: Option<String>,

    /// A nix program with which the bad state is said to work: is the Nix version what makes the difference?
    #[arg(long, value_name = "PATH", conflicts_with = "script")]
    pub(crate) nix_good: Option<PathBuf>,

    /// Do not try corrections at the end; `nix-culprit fix` tries them all later
    #[arg(long, env = "NIX_CULPRIT_NO_FIX", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_fix: bool,

    /// Take heads of pull requests for corrections, too
    #[arg(long)]
    pub(crate) pull_requests: bool,

    #[command(flatten)]
    pub(crate) search: SearchOptions,
    #[command(flatten)]
    pub(crate) ask: AskOptions,
}
