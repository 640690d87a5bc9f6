//! Tests of `replay.sh`: its words, its syntax, and what it does with a fake nix and real git.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use super::super::model::FrozenInput;
use super::super::samples;
use super::*;
use crate::ids::InputPath;
use crate::outcome::Outcome;

#[test]
fn the_expected_message_leaves_out_what_differs_between_machines() {
    for (message, expected) in [
        ("attribute 'x' missing", "attribute 'x' missing"),
        ("path '/nix/store/abc-source/x' does not exist", "does not exist"),
        ("Package ‘a’ in /nix/store/x is not free, refusing", "is not free, refusing"),
        ("'; rm -rf *", "'; rm -rf *"),
        ("bad token ghp_0123456789abcdef0123", "bad token"),
        ("", ""),
    ] {
        let outcome = Outcome { class: Class::EvaluationError, message: Some(message.to_owned()), position: None };
        let revision = "0".repeat(40).parse().unwrap();
        assert_eq!(expected_message(&ReplayRun { revision, outcome }), expected);
    }
}

#[test]
fn a_home_folder_is_written_as_a_variable() {
    let redactor = Redactor::for_home("/home/alice");
    assert_eq!(home_word("git+file:///home/alice/it's", &redactor), r#"'git+file://'"$HOME"'/it'\''s'"#);
    assert_eq!(home_word("/home/alicea", &redactor), "'/home/alicea'");
    assert_eq!(fragment("a.\"b.c d\""), "a.%22b.c%20d%22");
}

#[test]
fn a_lock_file_cannot_end_its_here_document() {
    let text = "{\nEND_OF_LOCK\nEND_OF_LOCK_\n$(reboot)\n}";
    let document = lock(text, &Redactor::default());
    assert_eq!(document, format!("\tcat <<'END_OF_LOCK__'\n{text}\nEND_OF_LOCK__\n"));
}

fn scripts() -> Vec<(&'static str, String)> {
    let redactor = Redactor::for_home("/home/ada");
    samples::all()
        .into_iter()
        .chain([("hostile_clone", hostile_clone())])
        .filter_map(|(name, report)| Some((name, render(&report, &redactor)?)))
        .collect()
}

/// The hostile sample with a clone, frozen inputs and arguments; its commits are real in [`World`].
fn hostile_clone() -> Report {
    let mut report = samples::hostile();
    if let Some(replay) = &mut report.replay {
        replay.source = ReplaySource::Clone { url: samples::HOSTILE.to_owned() };
        replay.frozen = vec![FrozenInput {
            input: InputPath(vec![samples::HOSTILE.to_owned()]),
            reference: samples::HOSTILE.to_owned(),
        }];
        replay.arguments = vec!["--impure".to_owned(), samples::HOSTILE.to_owned()];
        replay.lock = format!("{}\nEND_OF_LOCK\n$(reboot) /home/ada/x", samples::HOSTILE);
    }
    report
}

#[test]
fn every_script_is_correct_shell() {
    for (name, script) in scripts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("replay.sh");
        fs::write(&file, &script).unwrap();
        let check = Command::new("sh").arg("-n").arg(&file).output().unwrap();
        assert!(check.status.success(), "{name}: {}", String::from_utf8_lossy(&check.stderr));
        match Command::new("shellcheck").arg(&file).output() {
            Ok(check) => assert!(check.status.success(), "{name}: {}", String::from_utf8_lossy(&check.stdout)),
            Err(_) => writeln!(std::io::stderr(), "no shellcheck on PATH: {name} was not checked with it").unwrap(),
        }
    }
}

#[test]
fn the_hostile_script_reads_well() {
    let script = render(&hostile_clone(), &Redactor::for_home("/home/ada")).unwrap();
    assert!(!script.contains("hunter2") && !script.contains("/home/ada"));
    let values: String =
        script.lines().skip_while(|line| !line.starts_with("INPUT=")).take(30).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("replay_hostile_values", values);
}

/// A flake, a repository with two commits, and a fake nix that notes what it is asked.
struct World {
    folder: tempfile::TempDir,
    report: Report,
}

/// Fails with $FAKE_MESSAGE on the newer commit only; the log holds one argument a line.
const FAKE_NIX: &str = r#"#!/bin/sh
[ "$1" != --version ] || { echo 'nix (Nix) 2.0'; exit; }
printf '%s\n' "$@" >>"$FAKE_LOG"
[ "$1" = eval ] || exit 0
cp flake.lock "$FAKE_LOG.lock"
case "$*" in
*"$FAKE_BAD"*) echo "$FAKE_MESSAGE" >&2; exit 1 ;;
*) echo /nix/store/x.drv ;;
esac
"#;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl World {
    fn new(mut report: Report) -> Self {
        let folder = tempfile::Builder::new().prefix("a folder with 100% 'odd' #name?").tempdir().unwrap();
        let [flake, input, bin] = ["flake", "input", "bin"].map(|name| folder.path().join(name));
        for name in [&flake, &input, &bin] {
            fs::create_dir(name).unwrap();
        }
        fs::write(flake.join("flake.nix"), "old").unwrap();
        fs::write(flake.join("gone"), "").unwrap();
        git(&flake, &["init", "-q"]);
        git(&flake, &["add", "."]);
        git(&flake, &["commit", "-qm", "one"]);
        fs::write(flake.join("flake.nix"), "new").unwrap();
        fs::write(flake.join("untracked"), "").unwrap();
        fs::remove_file(flake.join("gone")).unwrap();
        git(&input, &["init", "-q"]);
        let commits = ["one", "two"].map(|title| {
            git(&input, &["commit", "-q", "--allow-empty", "-m", title]);
            git(&input, &["rev-parse", "HEAD"]).parse().unwrap()
        });
        let replay = report.replay.as_mut().unwrap();
        [replay.before.revision, replay.after.revision] = commits;
        for (name, text) in [("nix", FAKE_NIX), ("reboot", "#!/bin/sh\n>\"$FAKE_LOG.rebooted\"\n")] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder, report }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, message: &str, arguments: &[&str]) -> Output {
        let script = render(&self.report, &Redactor::for_home("/home/ada")).unwrap();
        fs::write(self.path("replay.sh"), script).unwrap();
        let bad = &self.report.replay.as_ref().unwrap().after.revision;
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .arg(self.path("replay.sh"))
            .args(arguments)
            .current_dir(self.path("flake"))
            .env("PATH", path)
            .env("HOME", "/home/be&n|\\")
            .env("TMPDIR", self.folder.path())
            .env("FAKE_LOG", self.path("log"))
            .env("FAKE_BAD", bad.as_str())
            .env("FAKE_MESSAGE", message)
            .output()
            .unwrap()
    }
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_ends_as_reported_exits_with_0() {
    let world = World::new(samples::normal());
    let output = world.run("error: out of memory", &[".", "../input"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains("Both evaluations ended as reported."));
    assert!(shown(&output).contains("note: the flake is at another commit"));
    let log = fs::read_to_string(world.path("log")).unwrap();
    assert!(log.contains("path:.#devShells.x86_64-linux.default.drvPath"));
    assert!(log.contains("a%20folder%20with%20100%25%20'odd'%20%23name%3F"), "{log}");
    assert_eq!(fs::read_to_string(world.path("log.lock")).unwrap(), world.report.replay.as_ref().unwrap().lock);
    let left: Vec<_> = fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 6, "only the world, the script, and the two logs are left: {left:?}");
    assert_eq!(git(&world.path("flake"), &["status", "--short"]), "M flake.nix\n D gone\n?? untracked");
}

#[test]
fn a_stack_that_could_not_grow_under_the_limit_is_out_of_memory() {
    let world = World::new(samples::normal());
    let overflow = "error: stack overflow (possible infinite recursion)";
    let limited = world.run(&format!("GC Warning: Failed to expand heap by 8192 KiB\n{overflow}"), &[".", "../input"]);
    assert_eq!(limited.status.code(), Some(0), "{}", shown(&limited));
    let unlimited = world.run(overflow, &[".", "../input"]);
    assert_eq!(unlimited.status.code(), Some(1), "{}", shown(&unlimited));
}

#[test]
fn what_ends_otherwise_exits_with_1() {
    let world = World::new(samples::normal());
    let output = world.run("error: infinite recursion encountered", &[".", "../input"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("now infinite-recursion"), "{}", shown(&output));
}

#[test]
fn an_evaluation_error_must_have_the_reported_message() {
    let mut report = samples::normal();
    let message = Some("attribute 'x' missing".to_owned());
    report.replay.as_mut().unwrap().after.outcome = Outcome { class: Class::EvaluationError, message, position: None };
    let world = World::new(report);
    assert_eq!(world.run("error: attribute 'x' missing", &[".", "../input"]).status.code(), Some(0));
    let other = world.run("error: attribute 'y' missing", &[".", "../input"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(shown(&other).contains("now another failure"), "{}", shown(&other));
}

#[test]
fn what_cannot_be_replayed_exits_with_2() {
    let world = World::new(samples::normal());
    for arguments in [&["..", "../input"], &["nowhere", "../input"], &[".", "../nowhere"], &[".", "."]] {
        let output = world.run("error: out of memory", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", shown(&output));
    }
}

#[test]
fn hostile_values_reach_nix_as_they_are_and_run_nothing() {
    let mut report = hostile_clone();
    report.replay.as_mut().unwrap().after.outcome.message = None;
    let world = World::new(report);
    let output = world.run("error: out of memory", &[".", "../input"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let log = fs::read_to_string(world.path("log")).unwrap();
    let expected = credentials(samples::HOSTILE);
    assert_eq!(log.matches(&format!("--override-input\n{expected}\n{expected}\n--impure\n{expected}\n")).count(), 4);
    assert!(fs::read_to_string(world.path("log.lock")).unwrap().ends_with("END_OF_LOCK\n$(reboot) /home/be&n|\\/x\n"));
    assert!(!world.path("log.rebooted").exists());
}
