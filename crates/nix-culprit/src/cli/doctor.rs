//! `nix-culprit doctor`.

use clap::Args as ClapArgs;

use super::ProgramOptions;

/// Arguments of `doctor`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) programs: ProgramOptions,
}
