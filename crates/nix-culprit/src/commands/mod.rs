//! One file for each subcommand: arguments to settings, wiring, and what is said at the end.

pub mod guard;
mod inputs;

mod bisect;
mod doctor;
mod error;
mod explain;
mod extract;
mod find;
mod fix;
mod log;
mod matrix;
mod pages;
mod probe;
mod reduce;
mod report;
mod reproducer;
mod resume;
mod run_case;
mod settings;

use std::path::PathBuf;

use crate::case::Surroundings;
use crate::cli::{Cli, ColorChoice, Command};
use crate::sys::dirs::Dirs;
use crate::sys::interrupt::Interrupt;
use crate::sys::limit::{Guard, Roots};
use crate::sys::nix::Installed;
use crate::ui::{Loudness, Printer, report_error};

pub use error::CommandError;

/// Exit codes; see docs/exit-codes.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// It went well; of `find` and `bisect`: a culprit was found.
    pub const OK: Self = Self(0);
    /// A probe was bad; an investigation found no single culprit.
    pub const BAD: Self = Self(1);
    /// Nothing can be said of a probe.
    pub const SKIP: Self = Self(125);
    /// It could not be looked at.
    pub const ERROR: Self = Self(129);
    /// Somebody asked to stop.
    pub const INTERRUPTED: Self = Self(130);
}

/// What commands need besides their arguments.
struct Context {
    printer: Printer,
    dirs: Dirs,
    roots: Roots,
    interrupt: Interrupt,
}

impl Context {
    fn surroundings(&self) -> Surroundings {
        Surroundings::new(Guard::detect(self.roots.clone()), self.interrupt.clone(), Installed::usual())
    }
}

/// Runs a command and returns the exit code. `own` is the path of this program.
#[must_use]
pub fn run(cli: Cli, own: PathBuf) -> u8 {
    let color = match cli.color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    let printer = Printer::new(color, if cli.quiet { Loudness::Quiet } else { Loudness::Normal });
    match dispatch(cli.command, printer, own) {
        Ok(exit) => exit.0,
        Err(error) => {
            report_error(printer, error.root(), error.hint().as_deref());
            if error.is_stop() { Exit::INTERRUPTED.0 } else { Exit::ERROR.0 }
        }
    }
}

fn dispatch(command: Command, printer: Printer, own: PathBuf) -> Result<Exit, CommandError> {
    let roots = Roots::usual(own);
    let context = || -> Result<Context, CommandError> {
        let interrupt = Interrupt::on_signals().map_err(CommandError::Signals)?;
        Ok(Context { printer, dirs: Dirs::find()?, roots: roots.clone(), interrupt })
    };
    match command {
        Command::Find(args) => find::run(&args, &context()?),
        Command::Inputs(args) => inputs::run(&args, &context()?),
        Command::Fix(args) => fix::run(&args, &context()?),
        Command::Explain(args) => explain::run(&args, &context()?),
        Command::Bisect(args) => bisect::run(&args, &context()?),
        Command::Matrix(args) => matrix::run(&args, &context()?),
        Command::Probe(args) => probe::run(&args, &context()?),
        Command::Reduce(args) => reduce::run(&args, &context()?),
        Command::Resume(args) => resume::run(&args, &context()?),
        Command::Log(args) => log::run(&args, &context()?),
        Command::Report(args) => report::run(&args, &context()?),
        Command::Doctor(args) => doctor::run(&args, &context()?),
        Command::Guard(args) => {
            let interrupt = Interrupt::on_signals().map_err(CommandError::Signals)?;
            Ok(Exit(guard::run(&args, roots, &interrupt, &mut anstream::stderr())?))
        }
        Command::Completions(args) => pages::complete(&args, printer),
        Command::Man(args) => pages::write(&args),
        Command::Warden { socket } => {
            crate::sys::warden::serve(socket).map_err(CommandError::Signals)?;
            Ok(Exit::OK)
        }
    }
}
