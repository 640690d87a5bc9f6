//! `nix-culprit-sample`: makes the sample case in a folder and says what was made.

use std::path::PathBuf;
use std::process::ExitCode;

use anstream::{eprintln, println};
use clap::Parser;
use nix_culprit_sample::{Application, Options, generate};

/// Makes the sample case: repositories, and a flake whose updated lock makes evaluation eat all memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder to fill; must be empty or absent
    dir: PathBuf,
    /// Commits in the package-set repository
    #[arg(long, default_value_t = Options::default().commits)]
    commits: usize,
    /// Number of files that the package set has at least
    #[arg(long, default_value_t = 0)]
    widen: usize,
    /// Number of the files that make the package set wide that the development shell needs, each a package and about
    /// a millisecond of evaluation
    #[arg(long, default_value_t = 0)]
    closure: usize,
    /// Number of commits at which the evaluation becomes heavier, in place of the one at which it eats all memory
    #[arg(long, default_value_t = 0)]
    jumps: usize,
    /// Seed of everything that is left to chance
    #[arg(long, default_value_t = Options::default().seed)]
    seed: u64,
    /// Where the culprit lies, from 0.0 (soon after the good commit) to 1.0 (at the end) [default: from the seed]
    #[arg(long, value_parser = place)]
    culprit: Option<f64>,
    /// An application that has grown: 40 dependencies, 15 outputs, 60 bindings
    #[arg(long)]
    grown: bool,
}

fn place(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(place) if (0.0..=1.0).contains(&place) => Ok(place),
        _ => Err("a number from 0.0 to 1.0 is needed".to_owned()),
    }
}

fn main() -> ExitCode {
    let Arguments { dir, commits, widen, closure, jumps, seed, culprit, grown } = Arguments::parse();
    let application = if grown { Application::Grown } else { Application::Small };
    match generate(&dir, &Options { seed, commits, widen, closure, jumps, culprit, application }) {
        Ok(sample) => {
            println!("flake    {}", sample.app.display());
            println!("history  {} commits in {}", sample.truth.len(), sample.pkgs.display());
            println!("good     {}", sample.good);
            println!("bad      {}", sample.bad);
            if sample.jumps.is_empty() {
                println!("culprit  {} (pull request {})", sample.culprit, sample.pull_request);
            }
            sample.jumps.iter().for_each(|jump| println!("jump     {jump}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text.push_str(&format!(": {error}"));
                cause = error.source();
            }
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}
