//! `nix-culprit fix`.

use clap::Args as ClapArgs;

use super::ResultOptions;

/// Arguments of `fix`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit fix                               of the newest investigation: what helps?
  nix-culprit fix 20231004-101500               of this one
  nix-culprit fix --json                        as JSON, with all that was seen")]
pub struct Args {
    /// The investigation [default: the newest]
    #[arg(value_name = "CASE")]
    pub(crate) case: Option<String>,

    #[command(flatten)]
    pub(crate) results: ResultOptions,
}
