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
[ -z "${FAKE_SLOW-}" ] || { echo $$ >"$FAKE_LOG.pid"; sleep 60; >"$FAKE_LOG.slept"; }
case "$*" in
*"$FAKE_BAD"*)
	if [ -n "${FAKE_CGROUP-}" ]; then
		# What holds this is asked to end, as systemd does it.
		echo "$FAKE_EVENTS" >"$FAKE_CGROUP/memory.events"
		kill -TERM "$(cut -d ' ' -f 4 "/proc/$PPID/stat")"
		[ "$FAKE_EVENTS" = 'oom_kill 0' ] || kill -KILL $$
		cat "$FAKE_CGROUP/memory.max" >"$FAKE_CGROUP/memory.current"
		sleep 20
	fi
	echo "$FAKE_MESSAGE" >&2; exit 1 ;;
*) echo /nix/store/x.drv ;;
esac
"#;

/// A systemd-run that makes a folder for the scope, and limits nothing; the log holds what it was asked.
const FAKE_SYSTEMD_RUN: &str = r#"#!/bin/sh
[ "$FAKE_SCOPES" != refused ] || { echo 'Failed to connect to bus' >&2; exit 1; }
FAKE_CGROUP=$CGROUPS$(sed -n 's/^0:://p' /proc/self/cgroup)
export FAKE_CGROUP
mkdir -p "$FAKE_CGROUP"
while [ "$1" != -- ]; do
	printf '%s\n' "$1" >>"$FAKE_LOG.scope"
	case $1 in MemoryMax=*K) limit=${1#MemoryMax=} ;; esac
	shift
done
shift
if [ "$FAKE_SCOPES" = unheld ]; then echo max; else echo "$((${limit%K} * 1024))"; fi >"$FAKE_CGROUP/memory.max"
echo 0 >"$FAKE_CGROUP/memory.current"
echo 'oom_kill 0' >"$FAKE_CGROUP/memory.events"
exec "$@"
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
        for (name, text) in
            [("nix", FAKE_NIX), ("systemd-run", FAKE_SYSTEMD_RUN), ("reboot", "#!/bin/sh\n>\"$FAKE_LOG.rebooted\"\n")]
        {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder, report }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, message: &str, arguments: &[&str]) -> Output {
        self.command(message, arguments).output().unwrap()
    }

    fn command(&self, message: &str, arguments: &[&str]) -> Command {
        let script = render(&self.report, &Redactor::for_home("/home/ada")).unwrap();
        fs::write(self.path("replay.sh"), script).unwrap();
        let bad = &self.report.replay.as_ref().unwrap().after.revision;
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        // What is started in the background of a script ignores Ctrl-C, and hands that on.
        let mut command = Command::new("env");
        command
            .args(["--default-signal=INT", "sh"])
            .arg(self.path("replay.sh"))
            .args(arguments)
            .current_dir(self.path("flake"))
            .env("PATH", path)
            .env("HOME", "/home/be&n|\\")
            .env("TMPDIR", self.folder.path())
            .env("FAKE_LOG", self.path("log"))
            .env("FAKE_BAD", bad.as_str())
            .env("FAKE_MESSAGE", message)
            .env("FAKE_SCOPES", "refused")
            .env("CGROUPS", self.path("cgroups"));
        command
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

#[test]
fn a_scope_of_systemd_holds_the_evaluations_where_it_is_seen_to_hold() {
    for (scopes, events) in [("held", "oom_kill 1"), ("held", "oom_kill 0")] {
        let world = World::new(samples::normal());
        let mut command = world.command("", &[".", "../input"]);
        let output = command.env("FAKE_SCOPES", scopes).env("FAKE_EVENTS", events).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{events}: {}", shown(&output));
        let told = shown(&output);
        assert!(told.contains("in a scope of systemd") && told.contains("now out-of-memory"), "{events}: {told}");
        let asked = fs::read_to_string(world.path("log.scope")).unwrap();
        // Once to see whether it holds, and for both evaluations.
        let limit = "--user\n--scope\n--quiet\n--collect\n-p\nMemoryMax=524288K\n-p\nMemorySwapMax=0\n";
        assert_eq!(asked, limit.repeat(3), "{events}");
    }
}

#[test]
fn a_failure_in_a_scope_that_memory_did_not_end_is_told_as_what_it_is() {
    let world = World::new(samples::normal());
    let mut command = world.command("error: infinite recursion encountered", &[".", "../input"]);
    // Another commit fails: not the one that fills its scope.
    let good = world.report.replay.as_ref().unwrap().before.revision.clone();
    command.env("FAKE_SCOPES", "held").env("FAKE_EVENTS", "oom_kill 1");
    let nix = FAKE_NIX.replace("[ -n \"${FAKE_CGROUP-}\" ]", "false");
    fs::write(world.path("bin/nix"), nix).unwrap();
    let output = command.env("FAKE_BAD", good.as_str()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(shown(&output).contains("reported success; now infinite-recursion"), "{}", shown(&output));
}

#[test]
fn ulimit_holds_them_where_no_scope_does() {
    for (scopes, by) in [("refused", ""), ("unheld", ""), ("held", "ulimit")] {
        let world = World::new(samples::normal());
        let mut command = world.command("error: out of memory", &[".", "../input"]);
        let output = command.env("FAKE_SCOPES", scopes).env("LIMIT_BY", by).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{scopes}: {}", shown(&output));
        assert!(shown(&output).contains("(by ulimit, of virtual memory"), "{scopes}: {}", shown(&output));
        let asked = fs::read_to_string(world.path("log.scope")).unwrap_or_default();
        assert_eq!(asked.matches("--scope").count(), usize::from(scopes == "unheld"), "{scopes}");
    }
}

#[test]
fn control_c_ends_an_evaluation_whatever_holds_it() {
    use std::os::unix::process::CommandExt as _;
    for scopes in ["held", "refused"] {
        let world = World::new(samples::normal());
        let mut command = world.command("", &[".", "../input"]);
        command.env("FAKE_SCOPES", scopes).env("FAKE_SLOW", "yes").process_group(0);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let pid = || fs::read_to_string(world.path("log.pid")).ok().filter(|pid| pid.ends_with('\n'));
        let pid = loop {
            if let Some(pid) = pid() {
                break pid;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{scopes}");
        // What has ended has no words, even where nobody asked for its end.
        let words = format!("/proc/{}/cmdline", pid.trim_end());
        while fs::read(&words).is_ok_and(|words| !words.is_empty()) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(!world.path("log.slept").exists(), "{scopes}: it was not ended");
    }
}
