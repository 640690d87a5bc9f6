//! `guard`: any command under a budget.
//!
//! Owns what the end of an arbitrary command means and how it is told. Its output passes through
//! untouched, so the judgement rests on how it ended and on the memory that it held, never on what
//! it printed.

use std::io::{self, Write};

use nix_culprit_core::outcome::{End, Kill};
use nix_culprit_core::quantity::{Bytes, show_duration};
use serde_json::json;

use crate::cli::guard::{Args, Layers};
use crate::sys::child::{Call, ChildError, Output, Stdin};
use crate::sys::interrupt::{Asked, Interrupt};
use crate::sys::limit::{Budget, Finished, Guard, Roots, budget};

/// How a guarded command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Success,
    OutOfMemory,
    TimeOut,
    Failed,
    Interrupted,
}

impl Ending {
    /// The exit code, by the contract of `git bisect run`; see docs/exit-codes.md.
    const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::OutOfMemory | Self::TimeOut => 1,
            Self::Failed => 125,
            Self::Interrupted => 130,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::OutOfMemory => "out-of-memory",
            Self::TimeOut => "time-out",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The exit code when the command could not be run at all.
pub const NOT_RUN: u8 = 129;

/// Runs the command of `args`, says to `say` how it went, and returns the exit code.
///
/// # Errors
/// When the command cannot be run; how it ended is no error.
pub fn run(args: &Args, roots: Roots, interrupt: &Interrupt, say: &mut dyn Write) -> Result<u8, ChildError> {
    let free = budget::free(&roots);
    let memory = args.memory.unwrap_or_else(|| budget::default(&roots));
    let budget = Budget { memory, time: args.timeout };
    let guard = match args.layer {
        Layers::Best => Guard::detect(roots),
        Layers::Polling => Guard::polling(roots),
    };
    let mut words = args.command.iter().cloned();
    let program = words.next().unwrap_or_default();
    let call = Call::new(program).args(words).stdin(Stdin::Inherit).output(Output::Inherit);
    let finished = guard.run(&call, budget, interrupt)?;
    let ending = judge(&finished, budget, interrupt.asked());
    let above = free.filter(|free| *free < memory);
    // A closed standard error must not change the exit code.
    let _unheard =
        if args.json { tell_json(say, &finished, budget, ending) } else { tell(say, &finished, budget, ending, above) };
    Ok(ending.code())
}

/// Judges how a command ended.
fn judge(finished: &Finished, budget: Budget, asked: Asked) -> Ending {
    match (finished.kill, finished.end) {
        (Some(Kill::Memory), _) => Ending::OutOfMemory,
        (Some(Kill::Time), _) => Ending::TimeOut,
        (Some(Kill::Interrupt), _) => Ending::Interrupted,
        (None, End::Exited(0)) => Ending::Success,
        // A terminal sends Ctrl-C to the command too, which may end before we can stop it.
        (None, End::Signalled(2) | End::Exited(130)) => Ending::Interrupted,
        (None, _) if asked > Asked::No => Ending::Interrupted,
        (None, _) if finished.kernel_oom => Ending::OutOfMemory,
        // It gave up so close to the budget that the backstop must have refused it memory.
        (None, _) if finished.peak >= budget.memory.percent(95) => Ending::OutOfMemory,
        (None, _) => Ending::Failed,
    }
}

/// Says how it went, in three lines for people.
fn tell(
    say: &mut dyn Write,
    finished: &Finished,
    budget: Budget,
    ending: Ending,
    above: Option<Bytes>,
) -> io::Result<()> {
    let words = match (ending, finished.end) {
        (Ending::Success, _) => "success".to_owned(),
        (Ending::OutOfMemory, _) if finished.kill.is_some() => {
            format!("out of memory, ended at the budget of {}", budget.memory)
        }
        (Ending::OutOfMemory, _) if finished.kernel_oom => "out of memory, ended by the kernel".to_owned(),
        (Ending::OutOfMemory, _) => "out of memory".to_owned(),
        (Ending::TimeOut, _) => {
            format!("time-out, ended after {}", show_duration(budget.time.unwrap_or(finished.wall)))
        }
        (Ending::Failed, End::Exited(code)) => format!("failed with exit code {code}"),
        (Ending::Failed, End::Signalled(9)) => "killed from outside, cause unknown".to_owned(),
        (Ending::Failed, End::Signalled(signal)) => format!("ended by signal {signal}"),
        (Ending::Interrupted, _) => "interrupted".to_owned(),
    };
    writeln!(say, "nix-culprit: {words}")?;
    let wall = show_duration(finished.wall);
    writeln!(say, "  peak {} of {}, wall time {wall}, held by {}", finished.peak, budget.memory, finished.layer)?;
    writeln!(say, "  memory {}", sparkline(&finished.curve, budget.memory))?;
    if let Some(free) = above {
        writeln!(say, "  warning: the budget is more than the {free} that were free at the start")?;
    }
    Ok(())
}

/// Says how it went, in one line for programs.
fn tell_json(say: &mut dyn Write, finished: &Finished, budget: Budget, ending: Ending) -> io::Result<()> {
    let document = json!({
        "schema": "nix-culprit/guard",
        "version": 1,
        "outcome": ending.name(),
        "end": finished.end,
        "kill": finished.kill,
        "kernel_oom": finished.kernel_oom,
        "budget": { "memory": budget.memory, "seconds": budget.time.map(|time| time.as_secs_f64()) },
        "peak": finished.peak,
        "seconds": finished.wall.as_secs_f64(),
        "curve": finished.curve,
        "layer": finished.layer,
    });
    writeln!(say, "{document}")
}

/// Draws memory over time in at most 64 characters; the full height is the budget.
fn sparkline(curve: &[Bytes], budget: Bytes) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |value: &Bytes| {
        let eighth = u128::from(value.0) * 8 / u128::from(budget.0.max(1));
        BARS[usize::try_from(eighth).unwrap_or(usize::MAX).min(BARS.len() - 1)]
    };
    curve.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sys::limit::Layer;

    const BUDGET: Budget = Budget { memory: Bytes(1 << 30), time: Some(Duration::from_secs(60)) };

    fn finished(end: End, kill: Option<Kill>, peak: Bytes) -> Finished {
        Finished {
            end,
            kill,
            kernel_oom: false,
            stdout: Vec::new(),
            stdout_missing: 0,
            stderr: Vec::new(),
            stderr_missing: 0,
            peak,
            wall: Duration::from_millis(2500),
            cpu: Duration::from_millis(2400),
            curve: vec![Bytes(0), Bytes(1 << 28), Bytes(1 << 29), Bytes(1 << 30)],
            layer: Layer::Polling,
        }
    }

    #[test]
    fn every_end_has_its_outcome_and_exit_code() {
        let (little, much) = (Bytes(1 << 20), Bytes(1 << 30));
        for (end, kill, peak, asked, ending, code) in [
            (End::Exited(0), None, much, Asked::No, Ending::Success, 0),
            (End::Signalled(9), Some(Kill::Memory), much, Asked::No, Ending::OutOfMemory, 1),
            (End::Signalled(9), Some(Kill::Time), little, Asked::No, Ending::TimeOut, 1),
            (End::Exited(1), None, much, Asked::No, Ending::OutOfMemory, 1),
            (End::Signalled(6), None, much, Asked::No, Ending::OutOfMemory, 1),
            (End::Exited(1), None, little, Asked::No, Ending::Failed, 125),
            (End::Signalled(11), None, little, Asked::No, Ending::Failed, 125),
            (End::Exited(0), Some(Kill::Interrupt), little, Asked::Stop, Ending::Interrupted, 130),
            (End::Signalled(2), None, little, Asked::No, Ending::Interrupted, 130),
            (End::Exited(1), None, much, Asked::Stop, Ending::Interrupted, 130),
        ] {
            let judged = judge(&finished(end, kill, peak), BUDGET, asked);
            assert_eq!((judged, judged.code()), (ending, code), "{end:?} {kill:?}");
        }
        let mut by_kernel = finished(End::Signalled(9), None, little);
        by_kernel.kernel_oom = true;
        assert_eq!(judge(&by_kernel, BUDGET, Asked::No), Ending::OutOfMemory);
    }

    #[test]
    fn the_summary_is_three_calm_lines() {
        let mut said = Vec::new();
        let ended = finished(End::Signalled(9), Some(Kill::Memory), Bytes(1 << 30));
        tell(&mut said, &ended, BUDGET, Ending::OutOfMemory, None).unwrap();
        insta::assert_snapshot!(String::from_utf8(said).unwrap(), @r"
        nix-culprit: out of memory, ended at the budget of 1.0 GiB
          peak 1.0 GiB of 1.0 GiB, wall time 2.5 s, held by polling
          memory ▁▃▅█
        ");
    }

    #[test]
    fn the_json_document_names_its_schema() {
        let mut said = Vec::new();
        tell_json(&mut said, &finished(End::Exited(3), None, Bytes(5)), BUDGET, Ending::Failed).unwrap();
        insta::assert_snapshot!(String::from_utf8(said).unwrap(), @r#"{"schema":"nix-culprit/guard","version":1,"outcome":"failed","end":{"exited":3},"kill":null,"kernel_oom":false,"budget":{"memory":1073741824,"seconds":60.0},"peak":5,"seconds":2.5,"curve":[0,268435456,536870912,1073741824],"layer":"polling"}"#);
    }
}
