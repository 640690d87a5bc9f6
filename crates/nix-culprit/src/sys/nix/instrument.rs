//! Ways in which an evaluation can be made to tell where it is, and what they are on the command line. Pure.

use std::path::Path;

use super::Version;
use crate::sys::child::Call;

/// A way in which an evaluation tells where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instrument<'a> {
    /// Nix writes a profile: what was on the stack, many times a second, handed over every two seconds.
    Profile {
        /// The file that it writes to; may be a pipe.
        file: &'a Path,
        /// How often a second the stack is looked at; 0: at each call.
        hertz: u32,
    },
    /// Nix gives up at this depth of calls, and prints what is on the stack.
    CallDepth(u32),
    /// `trace.nix` tells of every derivation; the entry expression is then the traced one.
    Tracer {
        /// What each of its lines carries.
        nonce: &'a str,
    },
}

impl Instrument<'_> {
    /// Adds what it needs to an evaluation.
    #[must_use]
    pub fn on(&self, call: Call) -> Call {
        match self {
            Self::Profile { file, hertz } => call
                .args(["--option", "eval-profiler", "flamegraph", "--option", "eval-profile-file"])
                .arg(*file)
                .args(["--option", "eval-profiler-frequency", &hertz.to_string()]),
            Self::CallDepth(depth) => call.args(["--option", "max-call-depth", &depth.to_string()]),
            Self::Tracer { nonce } => call.args(["--argstr", "nonce", nonce]),
        }
    }

    /// Tells whether a Nix can do this.
    #[must_use]
    pub fn works_with(&self, version: &Version) -> bool {
        match self {
            Self::Profile { .. } => version.has_profiler(),
            Self::CallDepth(_) => version.limits_call_depth(),
            Self::Tracer { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_nix_is_given_what_it_does_not_know() {
        let ways = [
            Instrument::Profile { file: Path::new("/p"), hertz: 20 },
            Instrument::CallDepth(300),
            Instrument::Tracer { nonce: "n" },
        ];
        for (printed, expected) in [
            ("nix (Nix) 2.3.7", [false, false, true]),
            ("nix (Nix) 2.19.1", [false, false, true]),
            ("nix (Nix) 2.26.3", [false, true, true]),
            ("nix (Lix, like Nix) 2.90.0", [false, true, true]),
            ("nix (Lix, like Nix) 2.94.0", [false, true, true]),
            ("nix (Nix) 2.30.0", [true, true, true]),
        ] {
            let version = Version::parse(printed).unwrap();
            assert_eq!(ways.map(|way| way.works_with(&version)), expected, "{printed}");
        }
    }
}
