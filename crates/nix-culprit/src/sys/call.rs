//! What is to be run: program, arguments, environment, folder, standard streams.
//!
//! Owns the description only. Must not run anything; that is `child`'s part.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// Which environment variables a program sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Environment {
    /// Our own, with these changes: a value sets, `None` removes.
    Inherit(Vec<(OsString, Option<OsString>)>),
    /// Exactly these.
    Cleared(Vec<(OsString, OsString)>),
}

/// What a program reads on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stdin {
    /// Nothing.
    Null,
    /// Our own standard input.
    Inherit,
    /// These bytes; for helper programs only, a guarded run reads nothing instead.
    Bytes(Vec<u8>),
}

/// Where a program's standard output and error go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// To us, at most this many bytes of each stream: the head and the tail are kept.
    Capture(usize),
    /// To our own standard output and error, untouched.
    Inherit,
}

/// One program to run, with everything that it can see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    environment: Environment,
    folder: Option<PathBuf>,
    stdin: Stdin,
    output: Output,
}

impl Call {
    /// How much of each stream is kept when nothing else is said: 16 MiB.
    const KEPT: usize = 16 << 20;

    /// Describes `program` without arguments, in our environment, reading nothing, captured.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            environment: Environment::Inherit(Vec::new()),
            folder: None,
            stdin: Stdin::Null,
            output: Output::Capture(Self::KEPT),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Replaces the environment; later `env` calls change it further.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        match &mut self.environment {
            Environment::Inherit(changes) => changes.push((name.into(), Some(value.into()))),
            Environment::Cleared(given) => given.push((name.into(), value.into())),
        }
        self
    }

    /// Removes one environment variable.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref();
        match &mut self.environment {
            Environment::Inherit(changes) => changes.push((name.to_owned(), None)),
            Environment::Cleared(given) => given.retain(|(other, _)| other != name),
        }
        self
    }

    /// Runs it in `folder` instead of our own working directory.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Says what it reads.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Says where its output goes.
    #[must_use]
    pub fn output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// Returns the program's name or path.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Returns the arguments.
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.args
    }

    /// Returns the folder it runs in, if not ours.
    #[must_use]
    pub fn working_folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Returns what it reads.
    #[must_use]
    pub const fn input(&self) -> &Stdin {
        &self.stdin
    }

    /// Returns where its output goes.
    #[must_use]
    pub const fn destination(&self) -> Output {
        self.output
    }

    /// Returns the environment.
    #[must_use]
    pub const fn sees(&self) -> &Environment {
        &self.environment
    }

    /// Puts another program in front: it gets `args` and then this program with its arguments.
    #[must_use]
    pub fn within(mut self, program: impl Into<OsString>, args: impl IntoIterator<Item = OsString>) -> Self {
        let inner = std::mem::replace(&mut self.program, program.into());
        let rest = std::mem::take(&mut self.args);
        self.args = args.into_iter().chain(std::iter::once(inner)).chain(rest).collect();
        self
    }

    /// Returns the call in one line for messages and logs; not meant for a shell.
    #[must_use]
    pub fn show(&self) -> String {
        let mut line = self.program.to_string_lossy().into_owned();
        for arg in &self.args {
            line.push(' ');
            line.push_str(&arg.to_string_lossy());
        }
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// Builds the standard library's command: all but the standard streams.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        match &self.environment {
            Environment::Inherit(changes) => {
                for (name, value) in changes {
                    match value {
                        Some(value) => command.env(name, value),
                        None => command.env_remove(name),
                    };
                }
            }
            Environment::Cleared(given) => {
                command.env_clear().envs(given.iter().map(|(name, value)| (name, value)));
            }
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}
