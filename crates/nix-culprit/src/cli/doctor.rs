//! `nix-culprit doctor`.

use clap::Args as ClapArgs;

use super::ProgramOptions;

/// Arguments of `doctor`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit doctor                       what the machine can do
  nix-culprit doctor --nix /opt/nix/bin/nix --json")]
pub struct Args {
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) programs: ProgramOptions,
}
