//! The guard against real processes: what it stops, what it measures, and that nothing is left behind.
//!
//! `tail` on an endless line without line end is the program that eats memory: it must keep it all.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail like the tests themselves")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix_culprit::sys::child::{Call, ChildError, Environment, Output};
use nix_culprit::sys::fifo::Fifo;
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit::sys::limit::{Budget, Finished, Guard, Layer, Onlooker, Roots, Seen, Wish};
use nix_culprit::sys::warden::{Duty, Warden};
use nix_culprit_core::outcome::{End, Kill};
use nix_culprit_core::quantity::Bytes;

const TOOL: &str = env!("CARGO_BIN_EXE_nix-culprit");

fn guards() -> [Guard; 2] {
    [Guard::detect(Roots::usual(TOOL.into())), Guard::polling(Roots::usual(TOOL.into()))]
}

fn sh(script: &str) -> Call {
    Call::new("sh").args(["-c", script])
}

fn megabytes(memory: u64) -> Budget {
    Budget { memory: Bytes(memory << 20), time: Some(Duration::from_secs(60)) }
}

fn run(guard: &Guard, script: &str, budget: Budget) -> Finished {
    guard.run(&sh(script), budget, &Interrupt::new()).unwrap()
}

fn tool(args: &[&str]) -> Command {
    let mut command = Command::new(TOOL);
    command.arg("guard").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A length of sleep that nobody else uses, so that its processes can be found again.
fn nap(test: u32) -> String {
    format!("{}.{test}", 10_000_000 + std::process::id())
}

/// Returns the processes that have `word` among their arguments.
fn with_argument(word: &str) -> Vec<PathBuf> {
    let has = |process: &PathBuf| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|arg| arg == word.as_bytes())
    };
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(has).collect()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "waited too long for: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn signal(process: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &process.id().to_string()]).status().unwrap().success());
}

/// Returns our cgroups of a process that made some.
fn cgroups_of(maker: u32) -> Vec<PathBuf> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(prefix) {
                    found.push(entry.path());
                }
                walk(&entry.path(), prefix, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("/sys/fs/cgroup"), &format!("nix-culprit-{maker}-"), &mut found);
    found
}

#[test]
fn standard_streams_pass_through_and_success_is_zero() {
    let mut process = tool(&["--", "sh", "-c", "cat; echo err >&2"]).stdin(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(b"in\x00\xff").unwrap();
    let done = process.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stdout.as_slice()), (Some(0), &b"in\x00\xff"[..]));
    let said = String::from_utf8(done.stderr).unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..2], ["err", "nix-culprit: success"]);
    assert!(lines[2].contains("held by polling") && lines[3].starts_with("  memory ▁"), "{said}");
}

#[test]
fn exit_codes_follow_git_bisect() {
    for (args, code, words) in [
        (&["--timeout", "100ms", "--", "sleep", "60"][..], 1, "time-out, ended after 100 ms"),
        (&["--memory", "60M", "--", "tail", "/dev/zero"], 1, "out of memory, ended"),
        (&["--", "sh", "-c", "exit 7"], 125, "failed with exit code 7"),
        (&["--", "sh", "-c", "kill -SEGV $$"], 125, "ended by signal 11"),
        (&["--", "sh", "-c", "kill -KILL $$"], 125, "killed from outside, cause unknown"),
        (&["--", "no-such-program"], 129, "error: cannot run `no-such-program`\n  because: No such file or directory"),
        (&["--memory", "900T", "--", "true"], 0, "warning: the budget is more than the"),
    ] {
        let done = tool(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn a_program_that_eats_memory_is_ended_at_its_budget() {
    for guard in guards() {
        let seen = run(&guard, "exec tail /dev/zero", megabytes(100));
        assert_eq!((seen.end, seen.kill), (End::Signalled(9), Some(Kill::Memory)), "{seen:?}");
        assert!(seen.peak >= Bytes(100 << 20) && seen.peak < Bytes(150 << 20), "{seen:?}");
        assert_eq!(seen.layer, guard.layer());
        assert!((1..=64).contains(&seen.curve.len()) && seen.curve.iter().all(|sample| *sample <= seen.peak));
    }
}

#[test]
fn the_memory_of_all_processes_counts_wherever_they_hide() {
    // Each of them alone would stay far below the budget.
    let eater = "head -c 40000000 /dev/zero | tail > /dev/null";
    for hiding in [
        "for i in 1 2 3 4; do ({ head -c 40000000 /dev/zero; sleep 30; } | tail > /dev/null) & done; wait".to_owned(),
        "for i in 1 2 3 4; do setsid sh -c '{ head -c 40000000 /dev/zero; sleep 30; } | tail > /dev/null' & done; wait".to_owned(),
        "for i in 1 2 3 4; do (setsid sh -c '{ head -c 40000000 /dev/zero; sleep 30; } | tail > /dev/null' &); done; sleep 30"
            .to_owned(),
    ] {
        for guard in guards() {
            let seen = run(&guard, &hiding, megabytes(100));
            assert_eq!(seen.kill, Some(Kill::Memory), "{hiding}: {seen:?}");
        }
    }
    assert_eq!(run(&guards()[1], eater, megabytes(100)).kill, None);
}

#[test]
fn pages_that_forked_processes_share_count_once() {
    let script = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); for i in 1 2 3 4; do (sleep 0.5; :) & done; wait";
    let guard = &guards()[1];
    let alone = run(guard, "x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 0.1", megabytes(2000));
    let budget = Budget { memory: alone.peak.percent(170), time: None };
    let seen = run(guard, script, budget);
    assert_eq!((seen.end, seen.kill), (End::Exited(0), None), "{seen:?}");
}

#[test]
fn whoever_is_left_at_the_end_is_ended() {
    let nap = nap(1);
    for guard in guards() {
        let script = format!(
            "sleep {nap} & setsid sleep {nap} & (setsid sh -c 'trap \"\" INT TERM HUP; sleep {nap}' &) ; exit 5"
        );
        let seen = run(&guard, &script, megabytes(500));
        assert_eq!((seen.end, seen.kill), (End::Exited(5), None));
        assert_eq!(with_argument(&nap), Vec::<PathBuf>::new());
    }
}

#[test]
fn limits_are_in_force_before_the_program_starts() {
    let seen = run(&guards()[1], "ulimit -d; ulimit -c; ps -o pgid= -p $$; echo $$", megabytes(100));
    let text = String::from_utf8(seen.stdout).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines[..2], [((100 + 512) << 10).to_string().as_str(), "0"]);
    assert_eq!(lines[2], lines[3], "it leads a process group of its own");
}

#[test]
fn an_own_cgroup_holds_the_whole_tree_and_goes_with_it() {
    let guard = &guards()[0];
    if !matches!(guard.layer(), Layer::CgroupV1 | Layer::CgroupV2) {
        eprintln!("skipped: no cgroup can be made here: {:?}", guard.layers());
        return;
    }
    let seen = run(guard, "setsid cat /proc/self/cgroup", megabytes(100));
    let text = String::from_utf8(seen.stdout).unwrap();
    assert!(text.contains(&format!("/nix-culprit-{}-", std::process::id())), "{text}");
}

#[test]
fn output_is_captured_and_the_environment_is_what_was_given() {
    let call = Call::new("/bin/sh")
        .args(["-c", "pwd; echo $ONLY$HOME; echo err >&2"])
        .environment(Environment::Cleared(vec![("ONLY".into(), "this".into())]))
        .folder("/");
    for guard in guards() {
        let seen = guard.run(&call, megabytes(500), &Interrupt::new()).unwrap();
        assert_eq!((seen.stdout.as_slice(), seen.stderr.as_slice()), (&b"/\nthis\n"[..], &b"err\n"[..]));
    }
    let error = guards()[0].run(&Call::new("no-such-program"), megabytes(500), &Interrupt::new()).unwrap_err();
    assert!(matches!(error, ChildError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
}

#[test]
fn one_of_several_parallel_runs_can_be_cancelled() {
    let (all, guard) = (Interrupt::new(), &guards()[0]);
    let (one, other) = (all.branch(), all.branch());
    thread::scope(|scope| {
        let cancelled = scope.spawn(|| guard.run(&sh("sleep 60"), megabytes(500), &one).unwrap());
        let kept = scope.spawn(|| guard.run(&sh("sleep 0.4; echo kept"), megabytes(500), &other).unwrap());
        let eaten = scope.spawn(|| guard.run(&sh("tail /dev/zero"), megabytes(60), &other).unwrap());
        thread::sleep(Duration::from_millis(100));
        one.ask();
        assert_eq!(cancelled.join().unwrap().kill, Some(Kill::Interrupt));
        assert_eq!(kept.join().unwrap().stdout, b"kept\n");
        assert_eq!(eaten.join().unwrap().kill, Some(Kill::Memory));
    });
}

#[test]
fn an_interrupt_asks_first_and_then_forces() {
    let nap = nap(2);
    let polite = format!("trap 'echo bye; exit 0' INT; sleep {nap} & wait; wait");
    let stubborn = format!("trap '' INT; sleep {nap}; sleep {nap}");
    for (script, signals, said) in [(&polite, 1, "bye\n"), (&stubborn, 1, ""), (&stubborn, 2, "")] {
        let process = tool(&["--", "sh", "-c", script]).spawn().unwrap();
        eventually("the program's start", || !with_argument(&nap).is_empty());
        signal(&process, "-INT");
        if signals == 2 {
            thread::sleep(Duration::from_millis(100));
            signal(&process, "-TERM");
        }
        let id = process.id();
        let done = process.wait_with_output().unwrap();
        assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stdout).as_ref()), (Some(130), said));
        assert_eq!(cgroups_of(id), Vec::<PathBuf>::new());
        assert_eq!(with_argument(&nap), Vec::<PathBuf>::new());
    }
}

#[test]
fn killing_the_tool_itself_leaves_nothing_behind() {
    let nap = nap(3);
    for layer in ["best", "polling"] {
        let script = format!("sleep {nap} & setsid sleep {nap} & (setsid sleep {nap} &); wait");
        let mut process = tool(&["--layer", layer, "--", "sh", "-c", &script]).spawn().unwrap();
        eventually("three sleepers", || with_argument(&nap).len() == 3);
        signal(&process, "-KILL");
        process.wait().unwrap();
        eventually("the end of all", || with_argument(&nap).is_empty() && cgroups_of(process.id()).is_empty());
    }
}

#[test]
fn killing_the_warden_ends_the_run_with_an_error() {
    let nap = nap(4);
    let process = tool(&["--", "sleep", &nap]).spawn().unwrap();
    eventually("the sleeper", || with_argument(&nap).len() > 1);
    let warden = format!("/proc/{0}/task/{0}/children", process.id());
    let warden = fs::read_to_string(warden).unwrap();
    assert!(Command::new("kill").args(["-KILL", warden.trim()]).status().unwrap().success());
    let id = process.id();
    let done = process.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(129), "{}", String::from_utf8_lossy(&done.stderr));
    eventually("the sleeper's end", || with_argument(&nap).is_empty() && cgroups_of(id).is_empty());
}

#[test]
fn a_warden_that_stands_by_removes_nothing_after_a_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let warden = Warden::start(Path::new(TOOL)).unwrap();
    let held = warden.hold(Duty::Remove(folder.path().to_owned())).unwrap();
    drop(held);
    drop(warden);
    assert!(folder.path().is_dir());
}

/// Returns guards of which one run follows another, with a warden that waits for the next one.
fn waiting() -> [Guard; 2] {
    let guards = guards().map(|guard| guard.one_after_another());
    guards.iter().for_each(|guard| _ = run(guard, "true", megabytes(100)));
    guards
}

#[test]
fn limits_hold_also_for_a_run_that_was_made_ready_before_it_was_known() {
    let nap = nap(11);
    for guard in waiting() {
        let script = "ulimit -d; ulimit -c; ps -o pgid= -p $$; echo $$; pwd; echo err >&2; exit 3";
        let seen = run(&guard, script, megabytes(200));
        let text = String::from_utf8(seen.stdout).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        assert_eq!(lines[..2], [((200 + 512) << 10).to_string().as_str(), "0"]);
        assert_eq!(lines[2], lines[3], "it leads a process group of its own");
        assert_eq!(Path::new(lines[4]), std::env::current_dir().unwrap());
        assert_eq!((seen.end, seen.stderr.as_slice(), seen.layer), (End::Exited(3), &b"err\n"[..], guard.layer()));
        let eats = format!("setsid tail /dev/zero & sleep {nap}");
        assert_eq!(run(&guard, &eats, megabytes(60)).kill, Some(Kill::Memory));
        let error = guard.run(&Call::new("no-such-program"), megabytes(60), &Interrupt::new()).unwrap_err();
        assert!(matches!(error, ChildError::Start { source, .. } if source.kind() == std::io::ErrorKind::NotFound));
        let seen = guard.run(&Call::new("/bin/pwd").folder("/"), megabytes(60), &Interrupt::new()).unwrap();
        assert_eq!(seen.stdout, b"/\n");
        let inherits = Call::new("true").output(Output::Inherit);
        assert_eq!(guard.run(&inherits, megabytes(60), &Interrupt::new()).unwrap().end, End::Exited(0));
    }
    assert_eq!(with_argument(&nap), Vec::<PathBuf>::new());
}

#[test]
fn the_cgroup_that_waits_is_that_of_the_next_run_and_goes_with_it() {
    let [guard, _] = waiting();
    if !matches!(guard.layer(), Layer::CgroupV1 | Layer::CgroupV2) {
        eprintln!("skipped: no cgroup can be made here: {:?}", guard.layers());
        return;
    }
    let before = cgroups_of(std::process::id());
    let limit = "own=$(grep -E '^0::|memory' /proc/self/cgroup | cut -d: -f3 | head -n 1); echo $own; \
                 cat /sys/fs/cgroup/memory$own/memory.limit_in_bytes /sys/fs/cgroup$own/memory.max 2>/dev/null";
    let seen = run(&guard, limit, megabytes(100));
    let text = String::from_utf8(seen.stdout).unwrap();
    let name = text.lines().next().unwrap().rsplit('/').next().unwrap();
    assert!(before.iter().any(|path| path.ends_with(name)), "{text} is none of {before:?}");
    let held: u64 = text.lines().nth(1).unwrap().parse().unwrap();
    assert!((104 << 20..=105 << 20).contains(&held), "{text}");
    assert!(!cgroups_of(std::process::id()).iter().any(|path| path.ends_with(name)), "it goes with its run");
}

/// For the tests below, in a process of its own: runs a program for each line that is read, by a guard that makes ready.
#[test]
#[ignore = "it is run by other tests"]
fn one_run_after_another() {
    let layer = std::env::var("GUARD_TEST_LAYER");
    let guard = guards()[usize::from(layer.is_ok_and(|layer| layer == "polling"))].one_after_another();
    for line in std::io::stdin().lines() {
        let seen = run(&guard, &format!("echo {}", line.unwrap()), megabytes(100));
        println!("\nran {}", String::from_utf8_lossy(&seen.stdout));
    }
}

/// Starts [`one_run_after_another`], has it run once, and returns it with the warden that waits and what that has started.
fn another(layer: &str) -> (Child, std::io::BufReader<std::process::ChildStdout>, Vec<String>) {
    let mut another = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "one_run_after_another", "--ignored", "--nocapture"])
        .env("GUARD_TEST_LAYER", layer)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(another.stdout.take().unwrap());
    have_run(&mut another, &mut said, "once");
    let children = |of: &str| {
        let tasks = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten();
        let lists = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
        lists.collect::<Vec<_>>().join(" ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut waiting = Vec::new();
    eventually("a warden and what waits in it", || {
        waiting = children(&another.id().to_string());
        waiting.extend(waiting.first().map(|warden| children(warden)).unwrap_or_default());
        waiting.len() == 2
    });
    (another, said, waiting)
}

fn have_run(another: &mut Child, said: impl std::io::BufRead, word: &str) {
    writeln!(another.stdin.as_mut().unwrap(), "{word}").unwrap();
    let wanted = format!("ran {word}");
    assert!(said.lines().map_while(Result::ok).any(|line| line == wanted), "{word}");
}

#[test]
fn whatever_is_killed_while_a_warden_waits_nothing_is_left_and_the_next_run_goes_on() {
    let is_there = |pid: &String| Path::new("/proc").join(pid).exists();
    for layer in ["best", "polling"] {
        let (mut tool, _said, waiting) = another(layer);
        signal(&tool, "-KILL");
        tool.wait().unwrap();
        eventually("the end of all", || !waiting.iter().any(is_there) && cgroups_of(tool.id()).is_empty());
        for victim in 0..2 {
            let (mut tool, mut said, waiting) = another(layer);
            assert!(Command::new("kill").args(["-KILL", &waiting[victim]]).status().unwrap().success());
            if victim == 0 {
                eventually("the end of both", || !is_there(&waiting[1]));
                have_run(&mut tool, &mut said, "twice");
            }
            let id = tool.id();
            drop(tool.stdin.take());
            tool.wait().unwrap();
            eventually("the end of all", || !waiting.iter().any(is_there) && cgroups_of(id).is_empty());
        }
    }
}

/// Looks on while a script runs, and ends it by `wish`.
fn look_at(script: &str, pipe: Option<&fs::File>, mut wish: impl FnMut(Seen<'_>) -> Wish) -> Finished {
    let guard = Guard::polling(Roots::usual(TOOL.into()));
    let mut onlooker = Onlooker { pipe, every: Duration::from_millis(5), look: &mut wish };
    guard.run_looked_at(&sh(script), megabytes(256), &Interrupt::new(), &mut onlooker).unwrap()
}

#[test]
fn an_onlooker_sees_all_that_is_told_and_can_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = Fifo::new(&folder.path().join("pipe")).unwrap();
    let name = fifo.path().display();
    let script = format!("echo to-stderr >&2; echo to-stdout; echo to-pipe >'{name}'; sleep {}", nap(7));
    let (mut stderr, mut pipe, mut memory) = (Vec::new(), Vec::new(), Bytes(0));
    let finished = look_at(&script, Some(fifo.file()), |seen| {
        match seen {
            Seen::Stderr(bytes) => stderr.extend_from_slice(bytes),
            Seen::Pipe(bytes) => pipe.extend_from_slice(bytes),
            Seen::Memory(now) => memory = memory.max(now),
        }
        if stderr.is_empty() || pipe.is_empty() || memory == Bytes(0) { Wish::GoOn } else { Wish::End }
    });
    assert_eq!(finished.kill, Some(Kill::Interrupt), "{finished:?}");
    assert_eq!((stderr.as_slice(), pipe.as_slice()), (&b"to-stderr\n"[..], &b"to-pipe\n"[..]));
    assert_eq!(finished.stdout, b"to-stdout\n");
    assert!(with_argument(&nap(7)).is_empty());
}

/// The script writes lines as fast as it can; while it stands still there are none.
#[test]
fn a_run_that_is_paused_stands_still_and_then_goes_on() {
    /// What was on its way when the run was paused may still come for so long.
    const ON_ITS_WAY: Duration = Duration::from_millis(400);
    const PAUSE: Duration = Duration::from_millis(800);
    let mut paused: Option<Instant> = None;
    let (mut before, mut during, mut after) = (0, 0, 0);
    let finished = look_at("while :; do echo line >&2; done", None, |seen| {
        let since = paused.map(|since| since.elapsed());
        if let Seen::Stderr(bytes) = seen {
            match since {
                None => before += bytes.len(),
                Some(since) if since < ON_ITS_WAY => {}
                Some(since) if since < PAUSE => during += bytes.len(),
                Some(_) => after += bytes.len(),
            }
        }
        match since {
            None if before > 1000 => {
                paused = Some(Instant::now());
                Wish::Pause
            }
            Some(since) if since < PAUSE => Wish::Pause,
            Some(_) if after > 0 => Wish::End,
            None | Some(_) => Wish::GoOn,
        }
    });
    assert_eq!(finished.kill, Some(Kill::Interrupt), "{finished:?}");
    assert_eq!(during, 0);
    assert!(after > 0);
}

/// A stopped program hears no signal but the last one.
#[test]
fn a_paused_run_ends_at_its_time_and_leaves_nothing() {
    let guard = Guard::polling(Roots::usual(TOOL.into()));
    let budget = Budget { memory: Bytes(256 << 20), time: Some(Duration::from_millis(500)) };
    let mut onlooker = Onlooker { pipe: None, every: Duration::from_millis(5), look: &mut |_| Wish::Pause };
    let script = sh(&format!("sleep {}", nap(8)));
    let finished = guard.run_looked_at(&script, budget, &Interrupt::new(), &mut onlooker).unwrap();
    assert_eq!(finished.kill, Some(Kill::Time), "{finished:?}");
    assert!(with_argument(&nap(8)).is_empty());
}
