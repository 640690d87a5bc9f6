//! What is said about the program: help, completions, man pages, and the pages of the book.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod pages;
mod typed;

use std::io::Write as _;
use std::process::{Command, Stdio};

use clap::{CommandFactory as _, Parser as _};
use nix_culprit::cli::Cli;

use typed::words;

fn program() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("nix-culprit"))
}

/// Returns the commands that are shown, by name, with the text after their help.
fn commands() -> Vec<(String, String)> {
    let all = Cli::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set());
    shown
        .map(|command| {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            (command.get_name().to_owned(), after)
        })
        .collect()
}

#[test]
fn each_command_has_examples_and_they_can_be_typed() {
    for (name, after) in commands() {
        let examples: Vec<&str> =
            after.lines().map(str::trim_start).filter(|line| line.starts_with("nix-culprit ")).collect();
        assert!(after.starts_with("Examples:\n") && !examples.is_empty(), "{name} has no examples");
        assert!(examples.iter().any(|example| words(example).contains(&name)), "{name}: of another command");
        for example in examples {
            if let Err(error) = Cli::try_parse_from(words(example)) {
                panic!("{name}: {example}\n{error}");
            }
        }
    }
}

#[test]
fn completions_are_for_every_shell_and_bash_can_read_its_own() {
    for shell in ["bash", "zsh", "fish"] {
        let output = program().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        for (name, _) in commands() {
            assert!(script.contains(&name), "{shell} does not know {name}");
        }
        assert!(!script.contains("warden"), "{shell} offers what is hidden");
        if shell == "bash" {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            assert!(bash.wait().unwrap().success());
        }
    }
}

#[test]
fn each_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("share/man/man1");
    assert!(program().arg("man").arg(&inner).status().unwrap().success());
    let page = |name: &str| std::fs::read_to_string(inner.join(name)).unwrap();
    assert!(page("nix-culprit.1").contains(".TH nix-culprit 1"));
    for (name, _) in commands() {
        let page = page(&format!("nix-culprit-{name}.1"));
        assert!(page.contains("Examples:"), "{name}");
    }
    assert!(!inner.join("nix-culprit-warden.1").exists());

    let taken = folder.path().join("file");
    std::fs::write(&taken, "").unwrap();
    let output = program().arg("man").arg(&taken).output().unwrap();
    assert_eq!(output.status.code(), Some(129));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the man pages could not be written"));
}
