//! What the guard costs and how precise it is, as rows of a markdown table.
//!
//! Overshoot: this program runs itself again as one that touches memory at a steady pace, and the
//! largest resident memory that the kernel saw is compared with the budget. Overhead: the same
//! work with and without the guard in turn, within one run. Run it with `cargo bench --bench guard`;
//! `-- rounds N` says how often each thing is run.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix_culprit::sys::child::Call;
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit::sys::limit::{Budget, Finished, Guard, Roots};
use nix_culprit_core::outcome::Kill;
use nix_culprit_core::quantity::Bytes;

const TOOL: &str = env!("CARGO_BIN_EXE_nix-culprit");
const ROUNDS: u64 = 10;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("grow") => grow(number(&args, 2), Bytes(number(&args, 3))),
        Some("work") => work(number(&args, 2)),
        Some("overhead") => overhead(ROUNDS),
        Some("rounds") => both(number(&args, 2)),
        // Cargo passes `--bench`.
        _ => both(ROUNDS),
    }
}

fn both(rounds: u64) {
    overshoot(rounds);
    overhead(rounds);
}

fn number(args: &[String], at: usize) -> u64 {
    args.get(at).and_then(|text| text.parse().ok()).expect("the benchmark passes numbers to itself")
}

/// Touches memory at `pace` bytes a second, up to `most`.
fn grow(pace: u64, most: Bytes) {
    const STEP: usize = 1 << 20;
    let (began, mut held) = (Instant::now(), Vec::new());
    while (held.len() * STEP) as u64 <= most.0 {
        held.push(vec![1u8; STEP]);
        let due = Duration::from_secs_f64((held.len() * STEP) as f64 / pace as f64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    std::hint::black_box(&held);
}

/// Keeps one core and some memory busy, as an evaluation does.
fn work(rounds: u64) {
    let mut table = vec![1u64; 8 << 20];
    let mut at = 1u64;
    for _ in 0..rounds {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let slot = (at >> 40) as usize % table.len();
        table[slot] = table[slot].wrapping_add(at);
    }
    std::hint::black_box(&table);
}

fn guards() -> Vec<Guard> {
    let best = Guard::detect(Roots::usual(TOOL.into()));
    let polling = Guard::polling(Roots::usual(TOOL.into()));
    if best.layer() == polling.layer() { vec![polling] } else { vec![polling, best] }
}

fn own() -> PathBuf {
    std::env::current_exe().expect("the benchmark has a path")
}

fn run(guard: &Guard, args: &[String], memory: Bytes) -> Finished {
    let call = Call::new(own()).args(args);
    guard.run(&call, Budget { memory, time: None }, &Interrupt::new()).expect("the benchmark can run itself")
}

fn overshoot(rounds: u64) {
    println!("| growth | budget | held by | overshoot, median | overshoot, most | ended by us |");
    println!("|---|---|---|---|---|---|");
    for (pace, budget) in [(1000, 512), (1000, 1024), (1000, 2048), (100, 512)] {
        let budget = Bytes(budget << 20);
        for guard in guards() {
            let args = ["grow".to_owned(), (pace * 1_000_000u64).to_string(), budget.percent(150).0.to_string()];
            let runs: Vec<_> = (0..rounds).map(|_| run(&guard, &args, budget)).collect();
            let mut over: Vec<_> = runs.iter().map(|run| run.peak.0 as f64 / budget.0 as f64 - 1.0).collect();
            over.sort_by(f64::total_cmp);
            let ours = runs.iter().filter(|run| run.kill == Some(Kill::Memory) && !run.kernel_oom).count();
            let (median, most) = (over[over.len() / 2] * 100.0, over[over.len() - 1] * 100.0);
            println!(
                "| {pace} MB/s | {budget} | {} | {median:.1} % | {most:.1} % | {ours} of {rounds} |",
                guard.layer()
            );
        }
    }
}

fn overhead(rounds: u64) {
    println!("\n| work | held by | wall without, least | wall with, least | ratio | processor time, ratio |");
    println!("|---|---|---|---|---|---|");
    for (name, steps) in [("nothing", 0), ("about 1 s", 60_000_000u64)] {
        let args = ["work".to_owned(), steps.to_string()];
        for guard in guards() {
            let (mut without, mut with) = (Spent::NONE, Spent::NONE);
            for _ in 0..2 * rounds {
                without.add(|| {
                    let mut bare = Command::new(own());
                    bare.args(&args).stdin(Stdio::null()).stdout(Stdio::null());
                    assert!(bare.status().expect("the benchmark can run itself").success());
                });
                with.add(|| _ = run(&guard, &args, Bytes(2 << 30)));
            }
            let (ratio, processor) = (with.least / without.least, with.processor / without.processor);
            let (without, with, layer) = (without.least, with.least, guard.layer());
            println!("| {name} | {layer} | {without:.4} s | {with:.4} s | {ratio:.3} | {processor:.3} |");
        }
    }
}

/// The least wall time of several runs (the others were disturbed), and their processor time together.
struct Spent {
    least: f64,
    processor: f64,
}

impl Spent {
    const NONE: Self = Self { least: f64::INFINITY, processor: 0.0 };

    fn add(&mut self, job: impl FnOnce()) {
        let (began, before) = (Instant::now(), processor());
        job();
        self.least = self.least.min(began.elapsed().as_secs_f64());
        self.processor += processor() - before;
    }
}

/// Returns the processor time of all children that have ended, in clock ticks.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("the benchmark runs on Linux");
    let fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    fields.skip(13).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
}
