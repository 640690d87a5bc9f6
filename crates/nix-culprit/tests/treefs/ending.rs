//! How a mount ends: with the tool, however that ends, and whatever is still in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix_culprit::sys::child::Call;
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit::sys::limit::{Budget, Guard, Roots};
use nix_culprit::sys::treefs::{Supply, TreeFs, Way};
use nix_culprit_core::outcome::Kill;
use nix_culprit_core::quantity::Bytes;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::fixture::{
    PROGRAM, Sample, User, can, fuse, git, is_mounted, is_mounted_anywhere, mounted, sample, stuck, wait_for, warden,
};

#[test]
fn unmounting_does_not_wait_for_a_stuck_program() {
    let Some((sample, at, mounted)) = mounted() else { return };
    let view = mounted.view();
    let mut probe = stuck(&view.folder(0, &sample.odd));
    assert!(is_mounted(at.path()));
    drop((view, mounted));
    assert!(!is_mounted(at.path()));
    probe.kill().unwrap();
    probe.wait().unwrap();
}

/// A probe that reads an object which never comes, as on a disk that is gone.
fn a_read_that_hangs_ends_with_the_time_of_the_probe(way: Way) {
    let (sample, at) = (sample(), tempfile::tempdir().unwrap());
    let hangs = at.path().join("hangs.git");
    git(&hangs, &["init", "-q", "--bare"], b"");
    for object in [sample.odd.to_string(), format!("{}^{{tree}}", sample.odd)] {
        let id = git(&sample.git_dir, &["rev-parse", &object], b"");
        git(&hangs, &["unpack-objects", "-q"], &git(&sample.git_dir, &["pack-objects", "--stdout", "-q"], &id));
    }
    let never = |_: &Path, _: &str| {
        std::thread::sleep(Duration::from_secs(600));
        Supply::Unavailable
    };
    let mount = at.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let mounted = TreeFs::mount_with(&mount, &[hangs], &warden(), &[way], Arc::new(never)).unwrap();
    let view = mounted.view();
    let guard = Guard::polling(Roots::usual(PROGRAM.into())).inside(mounted.namespace());
    let (time, interrupt) = (Duration::from_secs(1), Interrupt::new());
    let watch = view.watch(Instant::now().checked_add(time), &interrupt);
    let call = Call::new("cat").arg("flake.nix").folder(view.folder(0, &sample.odd));
    let finished = guard.run(&call, Budget { memory: Bytes(1 << 30), time: Some(time) }, &interrupt).unwrap();
    assert_eq!((finished.kill, finished.stdout.as_slice()), (Some(Kill::Time), &b""[..]));
    // It is gone, and was not merely given up by its warden, which has more patience.
    assert!(finished.wall < Duration::from_secs(9), "{finished:?}");
    drop(watch);
    assert!(view.is_given_up());
    drop((view, mounted));
    wait_for("the end of the mount", || !is_mounted_anywhere(&mount));
}

#[test]
fn a_read_that_hangs_ends_with_the_time_of_the_probe_for_root() {
    if can(Way::Direct) {
        a_read_that_hangs_ends_with_the_time_of_the_probe(Way::Direct);
    }
}

#[test]
fn a_read_that_hangs_ends_with_the_time_of_the_probe_through_the_helper() {
    let control = Path::new("/sys/fs/fuse/connections");
    if !can(Way::Helper) {
        return;
    }
    if !is_mounted(control) {
        println!("skipped, {} is not mounted", control.display());
        return;
    }
    a_read_that_hangs_ends_with_the_time_of_the_probe(Way::Helper);
}

#[test]
fn a_read_that_hangs_ends_with_the_time_of_the_probe_in_a_namespace() {
    if can(Way::Namespace) {
        a_read_that_hangs_ends_with_the_time_of_the_probe(Way::Namespace);
    }
}

#[test]
fn a_probe_ends_in_time_even_if_the_tool_is_stopped() {
    if !fuse() {
        return;
    }
    let (sample, above) = (sample(), tempfile::tempdir().unwrap());
    let mut tool = Tool::start(above.path(), &sample, Way::Direct, &User::me());
    kill_process(tool.pid(), Signal::STOP).unwrap();
    // A thread that has not stopped yet could take the question along, and who waits for its answer cannot be killed.
    wait_for("the stop of all threads", || is_stopped(tool.pid()));
    // Nobody answers: it waits in the kernel, and can be killed there.
    let mut reader = Command::new("cat").arg(tool.folder.join("big")).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(reader.try_wait().unwrap().is_none());
    reader.kill().unwrap();
    reader.wait().unwrap();
    tool.kill();
    tool.probe_is_gone();
    wait_for("the end of the mount", || !is_mounted_anywhere(&tool.at));
}

/// Tells whether all threads of a process are stopped.
fn is_stopped(process: Pid) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())).unwrap();
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    })
}

/// What a probe of the stand-in does: looks around, and then hangs with a file of the mount open.
const HANG: &str = "exec 3<flake.nix; (id -u; stat -c %u flake.nix; cat <&3; echo $$) >\"$0.new\"; mv \"$0.new\" \"$0\"; \
                    exec sleep 600";

/// The tool that is killed in the tests below, which run this again with these variables.
#[test]
#[ignore = "it is started by other tests"]
fn stand_in_for_the_tool() {
    let [at, git_dir] = ["TREEFS_AT", "TREEFS_GIT_DIR"].map(|name| PathBuf::from(std::env::var_os(name).unwrap()));
    let way = std::env::var("TREEFS_WAY").unwrap();
    let way = Way::ALL.into_iter().find(|known| format!("{known:?}") == way).unwrap();
    let mounted = TreeFs::mount_in(&at, &[git_dir], &warden(), &[way]).unwrap();
    let view = mounted.view();
    let commit = std::env::var("TREEFS_COMMIT").unwrap().parse().unwrap();
    let folder = view.folder(0, &commit);
    fs::write(at.with_extension("ready"), folder.as_os_str().as_bytes()).unwrap();
    let call = Call::new("sh").args(["-c", HANG]).arg(at.with_extension("probe")).folder(folder);
    let budget = Budget { memory: Bytes(1 << 30), time: None };
    let guard = Guard::polling(Roots::usual(PROGRAM.into()));
    guard.inside(mounted.namespace()).run(&call, budget, &Interrupt::new()).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

/// A tool that has mounted, and a probe of it that hangs in the mount.
struct Tool {
    process: Child,
    at: PathBuf,
    /// The commit's folder.
    folder: PathBuf,
    /// The user that the probe was, the one that it saw a file belong to, and the content of that file.
    saw: Vec<String>,
    probe: i32,
}

impl Tool {
    fn start(above: &Path, sample: &Sample, way: Way, user: &User) -> Self {
        let at = above.join("mount");
        let _there = fs::create_dir(&at);
        for made in [above, &at] {
            user.own(made);
        }
        let process = user
            .command(&std::env::current_exe().unwrap())
            .args(["--exact", "ending::stand_in_for_the_tool", "--ignored"])
            .env("TREEFS_AT", &at)
            .env("TREEFS_GIT_DIR", &sample.git_dir)
            .env("TREEFS_COMMIT", sample.odd.as_str())
            .env("TREEFS_WAY", format!("{way:?}"))
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut saw = Vec::new();
        wait_for("the probe", || {
            saw =
                fs::read_to_string(at.with_extension("probe")).unwrap_or_default().lines().map(String::from).collect();
            !saw.is_empty()
        });
        let folder = fs::read(at.with_extension("ready")).unwrap();
        let probe = saw.pop().unwrap().parse().unwrap();
        Self { process, at, folder: PathBuf::from(OsStr::from_bytes(&folder)), saw, probe }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Kills the processes that it started itself: wardens.
    fn kill_wardens(&self) -> usize {
        let mut wardens = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap() {
            let children = fs::read_to_string(task.unwrap().path().join("children")).unwrap();
            for pid in children.split_ascii_whitespace() {
                kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
                wardens += 1;
            }
        }
        wardens
    }

    fn kill(&mut self) {
        kill_process_group(self.pid(), Signal::KILL).unwrap();
        self.process.wait().unwrap();
    }

    fn probe_is_gone(&self) {
        wait_for("the end of the probe", || !Path::new(&format!("/proc/{}", self.probe)).exists());
    }
}

fn a_mount_does_not_outlive_a_killed_tool(way: Way, user: &User) {
    let (sample, above) = (sample(), tempfile::tempdir().unwrap());
    let mut tool = Tool::start(above.path(), &sample, way, user);
    assert!(is_mounted_anywhere(&tool.at));
    let uid = user.uid().to_string();
    assert_eq!(tool.saw, [uid.as_str(), &uid, "{ }"]);
    let stranger = (way != Way::Namespace && user.is_me()).then(|| stuck(&tool.folder));
    tool.kill();
    wait_for("the end of the mount", || !is_mounted_anywhere(&tool.at));
    assert_eq!(fs::read_dir(&tool.at).unwrap().count(), 0);
    tool.probe_is_gone();
    if let Some(mut stranger) = stranger {
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}

#[test]
fn a_mount_of_root_does_not_outlive_a_killed_tool_even_with_a_stuck_program_in_it() {
    if can(Way::Direct) {
        a_mount_does_not_outlive_a_killed_tool(Way::Direct, &User::me());
    }
}

#[test]
fn a_mount_of_the_helper_does_not_outlive_a_killed_tool_even_with_a_stuck_program_in_it() {
    if can(Way::Helper) {
        a_mount_does_not_outlive_a_killed_tool(Way::Helper, &User::me());
        if let Some(user) = User::who_may_not_mount() {
            a_mount_does_not_outlive_a_killed_tool(Way::Helper, &user);
        }
    }
}

#[test]
fn a_mount_in_a_namespace_does_not_outlive_a_killed_tool_even_with_a_stuck_program_in_it() {
    if let Some(user) = User::who_may_not_mount() {
        a_mount_does_not_outlive_a_killed_tool(Way::Namespace, &user);
    }
}

#[test]
fn a_mount_in_a_namespace_ends_even_if_all_wardens_are_killed_first() {
    let Some(user) = User::who_may_not_mount() else { return };
    let (sample, above) = (sample(), tempfile::tempdir().unwrap());
    let mut tool = Tool::start(above.path(), &sample, Way::Namespace, &user);
    assert!(!is_mounted(&tool.at), "it is nobody else's to see");
    assert_eq!(tool.kill_wardens(), 2);
    tool.kill();
    // The warden of the run was killed before it could end the probe, which is in the mount still.
    kill_process(Pid::from_raw(tool.probe).unwrap(), Signal::KILL).unwrap_or_default();
    wait_for("the end of the mount", || !is_mounted_anywhere(&tool.at));
}

#[test]
fn a_dead_mount_of_a_run_whose_wardens_were_killed_too_is_replaced() {
    if !fuse() {
        return;
    }
    let (sample, above) = (sample(), tempfile::tempdir().unwrap());
    let mut tool = Tool::start(above.path(), &sample, Way::Direct, &User::me());
    assert_eq!(tool.kill_wardens(), 2);
    tool.kill();
    kill_process(Pid::from_raw(tool.probe).unwrap(), Signal::KILL).unwrap_or_default();
    let at = &tool.at;
    wait_for("the mount to be dead", || fs::metadata(at).is_err());
    assert!(is_mounted(at));
    let mounted = TreeFs::mount(at, std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let view = mounted.view();
    assert_eq!(fs::read(view.folder(0, &sample.odd).join("flake.nix")).unwrap(), b"{ }\n");
    drop((view, mounted));
    assert!(!is_mounted(at));
}
