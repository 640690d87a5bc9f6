//! Watching one run, from inside its warden.
//!
//! Owns the start of the program with its limits, the polling, the decision to kill, and the killing of
//! everything that is left. Runs in a process with nothing else to do: it becomes a child subreaper
//! and reaps whatever there is. Must not be called in the tool itself.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix_culprit_core::outcome::{End, Kill};
use nix_culprit_core::quantity::Bytes;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use serde::{Deserialize, Serialize};
use signal_hook::consts::SIGCHLD;

use super::cgroup::{Cgroup, Counters, Files, counters};
use super::curve::Curve;
use super::tree::{Resident, Tree};
use super::{Budget, Layer, Roots, cgroup_v1, cgroup_v2, scope};
use crate::sys::child::seat::{Orders, Seat};
use crate::sys::child::{Call, Group};

/// How often memory is looked at when nothing is happening.
const TICK: Duration = Duration::from_millis(20);
/// How often at most: when memory grows so fast that the budget is near.
const FASTEST: Duration = Duration::from_millis(2);
/// How often the kernel's counters are looked at; they tell of rare things only.
const COUNTERS: Duration = Duration::from_millis(200);
/// How long a program may take to end by itself after SIGINT.
const GRACE: Duration = Duration::from_secs(2);
/// How long a cgroup may sit at its limit without anybody being killed.
const STUCK: Duration = Duration::from_secs(2);
/// How long the dead may take to go; longer only in uninterruptible sleep, which nobody can end.
const BURIAL: Duration = Duration::from_secs(10);

/// Asks the warden to stop the run in order.
pub(in crate::sys) const STOP: u8 = b's';
/// Asks the warden to stop the run at once.
pub(in crate::sys) const KILL: u8 = b'k';
/// Asks the warden to let the run stand still; its time goes on.
pub(in crate::sys) const PAUSE: u8 = b'p';
/// Asks the warden to let a run that stands still go on.
pub(in crate::sys) const RESUME: u8 = b'r';

/// What a warden needs to know to stand by for a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sys) struct Stage {
    pub(super) layer: Layer,
    /// The run's own name among cgroups and units.
    pub(super) name: String,
    /// The cgroup below which the run gets its own.
    pub(super) above: Option<PathBuf>,
    pub(super) roots: Roots,
}

/// All else that it needs to know about its run.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sys) struct Plan {
    pub(super) call: Call,
    pub(super) budget: Budget,
    pub(super) group: Group,
}

/// What a warden tells at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sys) enum Answer {
    /// The program could not be started: the system's error number, if it has one, and its text.
    NotStarted(Option<i32>, String),
    /// It ran.
    Ran(Report),
}

impl Answer {
    pub(in crate::sys) fn not_started(error: &io::Error) -> Self {
        Self::NotStarted(error.raw_os_error(), error.to_string())
    }
}

/// What was seen of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sys) struct Report {
    pub(super) end: End,
    pub(super) kill: Option<Kill>,
    pub(super) kernel_oom: bool,
    pub(super) peak: Bytes,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) curve: Vec<Bytes>,
    pub(super) layer: Layer,
}

/// A run that is yet to come: what can be done for it before it is known what is run.
pub(in crate::sys) struct Ready {
    stage: Stage,
    /// What will be the program. It is in the cgroup, and must go before that does.
    seat: Seat,
    kernel: Kernel,
    /// Becomes readable when a child ends.
    deaths: UnixStream,
}

impl Ready {
    /// Makes ready: the process that will be the program waits, in a cgroup that does not hold it to anything yet.
    pub(in crate::sys) fn new(stage: Stage) -> io::Result<Self> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let (deaths, tell) = UnixStream::pair()?;
        deaths.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(SIGCHLD, tell)?;
        let own = |files: &'static Files| {
            let folder = stage.above.as_ref()?.join(&stage.name);
            Some(Kernel::Own(Cgroup::make(files, folder).ok()?, stage.layer))
        };
        let kernel = match stage.layer {
            Layer::CgroupV1 => own(&cgroup_v1::FILES),
            Layer::CgroupV2 => own(&cgroup_v2::FILES),
            Layer::Scope => Some(Kernel::Scope(None)),
            Layer::Polling => None,
        };
        let kernel = kernel.unwrap_or(Kernel::None);
        let door = match &kernel {
            Kernel::Own(cgroup, _) => Some(cgroup.door()?),
            Kernel::Scope(_) | Kernel::None => None,
        };
        let seat = Seat::take(door)?;
        // From here on the program alone holds the streams, so that their readers see its end.
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        Ok(Self { stage, seat, kernel, deaths })
    }

    /// Runs the plan to its end. `control` brings [`STOP`], [`KILL`], [`PAUSE`] and [`RESUME`]; its end means that the tool is gone.
    pub(in crate::sys) fn run(self, plan: &Plan, control: &UnixStream, early: &[u8]) -> Answer {
        let mut watch = match Watch::start(self, plan) {
            Ok(watch) => watch,
            Err(error) => return Answer::not_started(&error),
        };
        early.iter().for_each(|byte| watch.hear(*byte));
        let watched = watch.until_the_end(control);
        let report = watch.finish();
        match watched {
            Ok(()) => Answer::Ran(report),
            Err(error) => Answer::not_started(&error),
        }
    }
}

/// A run that is being watched.
struct Watch<'a> {
    plan: &'a Plan,
    stage: Stage,
    kernel: Kernel,
    /// Becomes readable when a child ends.
    deaths: UnixStream,
    tree: Tree,
    began: Instant,
    main: Pid,
    end: Option<End>,
    kill: Option<Kill>,
    /// When SIGINT was sent.
    asked: Option<Instant>,
    curve: Curve,
    /// The largest value in the curve's open tick, and when that tick began.
    tick: (Bytes, Instant),
    peak: Bytes,
    /// The last sample and its time.
    last: (Bytes, Instant),
    /// Memory that the cheap count sees twice, and until when that is believed.
    twice: (Bytes, Option<Instant>),
    stuck: Option<(Instant, u64)>,
    /// When the kernel's counters are due.
    counters: Instant,
    kernel_oom: bool,
}

/// The layer that the kernel enforces.
enum Kernel {
    None,
    /// A cgroup that we made, and the layer that it is worth: polling alone where its limit could not be set.
    Own(Cgroup, Layer),
    /// A scope that systemd makes: its folder once the program is in it.
    Scope(Option<PathBuf>),
}

impl Kernel {
    fn counters(&self) -> Option<Counters> {
        match self {
            Self::Own(cgroup, _) => Some(cgroup.counters()),
            Self::Scope(Some(folder)) => Some(counters(&cgroup_v2::FILES, folder)),
            Self::Scope(None) | Self::None => None,
        }
    }

    const fn layer(&self) -> Layer {
        match self {
            Self::Own(_, layer) => *layer,
            Self::Scope(Some(_)) => Layer::Scope,
            Self::Scope(None) | Self::None => Layer::Polling,
        }
    }
}

/// The most private memory that one process may map.
///
/// It backs the polling up, so it must not come first: a tenth above the budget, but at least half a
/// gibibyte, because Nix maps a heap of up to 384 MiB at its start that it may never touch.
pub(super) fn backstop(budget: Bytes) -> Bytes {
    budget.percent(110).max(Bytes(budget.0.saturating_add(512 << 20)))
}

impl<'a> Watch<'a> {
    fn start(ready: Ready, plan: &'a Plan) -> io::Result<Self> {
        let Ready { stage, seat, mut kernel, deaths } = ready;
        let limit = plan.budget.memory.percent(Cgroup::SHARE);
        if let Kernel::Own(cgroup, layer) = &mut kernel
            && cgroup.hold_to(limit).is_err()
        {
            *layer = Layer::Polling;
        }
        let call = match &kernel {
            Kernel::Scope(_) => scope::wrap(&plan.call, &stage.roots, &stage.name, limit),
            Kernel::Own(..) | Kernel::None => plan.call.clone(),
        };
        let began = Instant::now();
        let main = seat.fill(&Orders { call, group: plan.group, data: backstop(plan.budget.memory) })?;
        Ok(Self {
            plan,
            tree: Tree::new(stage.roots.proc.clone()),
            stage,
            kernel,
            deaths,
            began,
            main,
            end: None,
            kill: None,
            asked: None,
            curve: Curve::new(),
            tick: (Bytes(0), began),
            peak: Bytes(0),
            last: (Bytes(0), began),
            twice: (Bytes(0), None),
            stuck: None,
            counters: began,
            kernel_oom: false,
        })
    }

    /// Watches until the program has ended or must be ended.
    fn until_the_end(&mut self, mut control: &UnixStream) -> io::Result<()> {
        control.set_nonblocking(true)?;
        // Short programs want early samples.
        let mut pause = Duration::from_millis(1);
        let mut next = self.began;
        loop {
            self.reap();
            if self.end.is_some() || self.kill_is_due() {
                return Ok(());
            }
            let now = Instant::now();
            if now >= next {
                let growing = self.sample();
                let cost = now.elapsed();
                if self.kill_is_due() {
                    return Ok(());
                }
                pause = (pause * 2).min(TICK);
                // A large tree costs time to look at; that must stay a hundredth of a core, unless it is urgent.
                let calm = pause.max(cost * 100).min(10 * TICK);
                next = now + growing.map_or(calm, |near| near.clamp(FASTEST, calm));
            }
            let deadline = [self.plan.budget.time.map(|time| self.began + time), self.asked.map(|asked| asked + GRACE)];
            let wake = deadline.into_iter().flatten().fold(next, Instant::min);
            let time = wake.saturating_duration_since(now).try_into().map_err(io::Error::other)?;
            let mut sources = [PollFd::new(&control, PollFlags::IN), PollFd::new(&self.deaths, PollFlags::IN)];
            match poll(&mut sources, Some(&time)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut bytes = [0; 64];
            match control.read(&mut bytes) {
                // The tool is gone: nobody wants the result.
                Ok(0) => self.hear(KILL),
                Ok(count) => bytes[..count].iter().for_each(|byte| self.hear(*byte)),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => self.hear(KILL),
            }
            let _drained = self.deaths.read(&mut bytes);
        }
    }

    /// Tells whether the tree must be killed now; the reason is in `kill`.
    fn kill_is_due(&mut self) -> bool {
        if self.asked.is_some_and(|asked| asked.elapsed() >= GRACE) {
            return true;
        }
        if self.kill.is_none() && self.plan.budget.time.is_some_and(|time| self.began.elapsed() >= time) {
            self.kill = Some(Kill::Time);
        }
        self.kill.is_some() && self.asked.is_none()
    }

    /// Takes one byte from the tool.
    fn hear(&mut self, byte: u8) {
        match (byte, self.asked) {
            (PAUSE, _) => return self.signal(Signal::STOP),
            (RESUME, _) => return self.signal(Signal::CONT),
            (STOP, None) => {
                self.asked = Some(Instant::now());
                self.signal(Signal::INT);
                // What stands still hears nothing.
                self.signal(Signal::CONT);
            }
            (STOP, Some(_)) => {}
            _ => self.asked = None,
        }
        self.kill.get_or_insert(Kill::Interrupt);
    }

    /// Looks at the memory once; returns when to look again if it grows towards the budget.
    fn sample(&mut self) -> Option<Duration> {
        let budget = self.plan.budget.memory;
        let members = self.tree.descendants(std::process::id());
        let mut seen = self.tree.resident(&members);
        // After a fork both sides show the same pages as their own, until one of them executes a program.
        for _ in 0..3 {
            if seen.total < budget || seen.large < 2 {
                break;
            }
            std::thread::sleep(FASTEST);
            let members = self.tree.descendants(std::process::id());
            seen = self.tree.resident(&members);
        }
        let total = self.corrected(seen, &members);
        let now = Instant::now();
        self.record(total, now);
        if total >= budget {
            self.kill.get_or_insert(Kill::Memory);
            self.asked = None;
        }
        if now >= self.counters {
            self.counters = now + COUNTERS;
            self.look_at_kernel(&members);
        }
        let (before, then) = std::mem::replace(&mut self.last, (total, now));
        let grown = total.0.checked_sub(before.0).filter(|grown| *grown > 0)?;
        let left = budget.0.saturating_sub(total.0);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let share = left as f64 / grown as f64;
        // Half of the time that the rest would take at this pace.
        Some(now.duration_since(then).mul_f64((share / 2.0).min(1000.0)))
    }

    /// Takes away what several large processes share, when it matters: at the budget.
    fn corrected(&mut self, seen: Resident, members: &[u32]) -> Bytes {
        let believed = self.twice.1.is_some_and(|until| Instant::now() < until);
        let twice = if believed { self.twice.0 } else { Bytes(0) };
        let total = Bytes(seen.total.0.saturating_sub(twice.0));
        if total < self.plan.budget.memory || seen.large < 2 {
            return total;
        }
        let began = Instant::now();
        let Some(exact) = self.tree.proportional(members) else { return total };
        // Not again before this has cost a tenth of a core.
        let until = Instant::now() + (began.elapsed() * 10).max(TICK);
        self.twice = (Bytes(seen.total.0.saturating_sub(exact.0)), Some(until));
        exact
    }

    fn record(&mut self, total: Bytes, now: Instant) {
        self.peak = self.peak.max(total);
        self.tick.0 = self.tick.0.max(total);
        // Samples come at an uneven pace; the curve's ticks are even.
        let ticks = u32::try_from(now.duration_since(self.tick.1).as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
        for _ in 0..ticks.min(10_000) {
            self.curve.push(self.tick.0);
        }
        if ticks > 0 {
            self.tick = (total, self.tick.1 + TICK * ticks);
        }
    }

    /// Looks at the kernel's counters: did it kill, and does it refuse memory without killing anybody?
    ///
    /// A cgroup at its limit can be kept busy freeing the page cache for minutes without a kill.
    fn look_at_kernel(&mut self, members: &[u32]) {
        let limit = self.plan.budget.memory.percent(Cgroup::SHARE);
        if let (Kernel::Scope(folder @ None), Some(main)) = (&mut self.kernel, members.first()) {
            *folder = scope::folder(&self.stage.roots, *main, &self.stage.name, limit);
        }
        let Some(seen) = self.kernel.counters() else { return };
        if seen.killed > 0 {
            // Version 1 kills one process of the tree; what goes on without it proves nothing.
            self.kernel_oom = true;
            self.kill.get_or_insert(Kill::Memory);
            self.asked = None;
            return;
        }
        if seen.usage < limit.percent(98) {
            self.stuck = None;
            return;
        }
        let (since, refused) = *self.stuck.get_or_insert((Instant::now(), seen.refused));
        if since.elapsed() >= STUCK && seen.refused > refused {
            self.kill.get_or_insert(Kill::Memory);
            self.asked = None;
        }
    }

    /// Reaps all that have ended; returns whether any child is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.main => self.end = end_of(status).or(self.end),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn signal(&mut self, signal: Signal) {
        for pid in self.tree.descendants(std::process::id()) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _gone = rustix::process::kill_process(pid, signal);
            }
        }
    }

    /// Ends whatever is left of the tree, and tells what was seen.
    ///
    /// The kernel gives us every orphan, so "no child left" means that the whole tree is gone.
    fn finish(mut self) -> Report {
        let began = Instant::now();
        while self.reap() && began.elapsed() < BURIAL {
            self.signal(Signal::KILL);
            if self.reap() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let wall = self.began.elapsed();
        let in_use = self.kernel.counters();
        self.kernel_oom |= in_use.is_some_and(|seen| seen.killed > 0);
        let end = self.end.unwrap_or(End::Signalled(9));
        // A scope is gone before its counters can be read; then only the way it ended is left.
        if let (Kernel::Scope(Some(_)), None, End::Signalled(9)) = (&self.kernel, self.kill, end) {
            self.kernel_oom |= self.last.0 >= self.plan.budget.memory.percent(90);
        }
        let used = used_by_children();
        self.peak = self.peak.max(used.peak);
        self.curve.push(self.tick.0);
        Report {
            end,
            kill: self.kill,
            kernel_oom: self.kernel_oom,
            peak: self.peak,
            wall,
            cpu: used.cpu,
            curve: self.curve.finish(),
            layer: self.kernel.layer(),
        }
    }
}

fn end_of(status: WaitStatus) -> Option<End> {
    status.exit_status().map(End::Exited).or_else(|| status.terminating_signal().map(End::Signalled))
}

/// What the kernel says of all processes below us that have ended.
struct Used {
    /// The largest resident memory that any one of them ever had: the kernel's own high water mark, which sees what
    /// lies between two samples.
    peak: Bytes,
    /// The processor time of them all.
    cpu: Duration,
}

fn used_by_children() -> Used {
    #[expect(unsafe_code, reason = "neither std nor rustix has getrusage")]
    // SAFETY: the kernel fills the whole structure, which is plain numbers and valid as zeros.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage
    };
    let time = |time: libc::timeval| {
        let micros = u64::try_from(time.tv_usec).unwrap_or_default();
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default()) + Duration::from_micros(micros)
    };
    // In KiB on Linux.
    let peak = Bytes(u64::try_from(usage.ru_maxrss).unwrap_or_default().saturating_mul(1024));
    Used { peak, cpu: time(usage.ru_utime) + time(usage.ru_stime) }
}
