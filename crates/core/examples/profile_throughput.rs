//! Measures how fast the reader of folded stacks is, and in how much memory.
//!
//!     cargo run --release -p nix-culprit-core --example profile_throughput [MEBIBYTES]
//!
//! For each kind of profile a line: its name, bytes read, MB/s of reading alone on one core (by processor
//! time, so that other load counts little), and the largest resident memory of this process so far. Each kind is
//! generated while it is read, a line at a time.

use std::fmt::Write as _;
use std::time::Duration;

use nix_culprit_core::profile::{Finding, FoldedReader, Mark};
use nix_culprit_core::quantity::Bytes;

/// Nix samples 20 times a second and hands over every two seconds.
const LINES_OF_FLUSH: usize = 40;

fn main() {
    let mebibytes: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(500);
    let bytes = mebibytes << 20;
    measure("a cycle that grows", bytes, growing);
    measure("stacks with little in common", bytes, unlike);
    measure("frames without end", bytes, distinct);
}

fn measure(name: &str, bytes: usize, make: fn(usize, &mut String)) {
    let mut reader = FoldedReader::default();
    let (mut read, mut line, mut at) = (0, String::new(), 0);
    let mut busy = Duration::ZERO;
    let mut finding = Finding::Nothing;
    while read < bytes {
        line.clear();
        make(at, &mut line);
        at += 1;
        let start = clock();
        // As they come out of a pipe.
        for chunk in line.as_bytes().chunks(64 << 10) {
            reader.feed(chunk);
        }
        if at % LINES_OF_FLUSH == 0 {
            finding = reader.flush(Mark { memory: Some(Bytes(at as u64)), call_depth: None });
        }
        busy += clock().saturating_sub(start);
        read += line.len();
    }
    let profile = reader.finish();
    let found = match finding {
        Finding::Nothing => "no cycle",
        Finding::Suspected(_) => "cycle suspected",
        Finding::Confirmed(_) => "cycle confirmed",
    };
    #[expect(clippy::cast_precision_loss, reason = "shown without digits")]
    let speed = read as f64 / 1e6 / busy.as_secs_f64();
    #[expect(clippy::print_stdout, reason = "it is what the example is for")]
    {
        println!(
            "{name}: {} lines, {}, {speed:.0} MB/s, peak {}, {found}, {} frames",
            profile.lines,
            Bytes(read as u64),
            peak().map_or_else(|| "unknown".to_owned(), |peak| peak.to_string()),
            profile.frames.len(),
        );
    }
}

/// Stacks of one flush are sorted, and each one is a little deeper: up to the 10,000 calls that Nix allows.
fn growing(at: usize, line: &mut String) {
    const TREE: &str = "«git+file:///p/pkgs.git?ref=main&rev=d59a507f4049eab0b69c9a2d127a73f9df6df288&shallow=1»";
    let names = [
        "setuptools-build-hook-hook",
        "python3.11-build-2.2.0",
        "python3.11-setuptools-2.1.2",
        "python3.11-wheel-0.7.2",
    ];
    let depth = (at * 3).min(3300);
    for turn in 0..depth {
        let name = names[turn % names.len()];
        let _ = write!(line, "«nix-internal»/derivation-internal.nix:37:12:primop derivationStrict:{name};");
        let _ = write!(
            line,
            "«nix-internal»/derivation-internal.nix:50:17:primop getAttr;{TREE}/lib/a.nix:{}:7:apply;",
            turn % 9 + 1
        );
    }
    let _ = writeln!(line, "{TREE}/lib/attrsets.nix:{}:5:primop listToAttrs 1", at % 50 + 1);
}

/// Healthy: no stack shares more than its first frame with the one before.
fn unlike(at: usize, line: &mut String) {
    let mut state = at as u64 * 0x9e37_79b9_7f4a_7c15 + 1;
    for _ in 0..600 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = (state >> 40) % 20_000;
        let _ = write!(
            line,
            "/nix/store/00000000000000000000000000000000-source/pkgs/{}/default.nix:{}:7:f;",
            place % 300,
            place + 1
        );
    }
    let _ = writeln!(line, "/nix/store/00000000000000000000000000000000-source/lib/a.nix:1:1:primop map 1");
}

/// No frame comes twice.
fn distinct(at: usize, line: &mut String) {
    for depth in 0..600 {
        let _ =
            write!(line, "/nix/store/00000000000000000000000000000000-source/pkgs/{at}/default.nix:{}:7:f;", depth + 1);
    }
    line.pop();
    line.push_str(" 1\n");
}

/// How long this thread has been running on a processor.
fn clock() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn peak() -> Option<Bytes> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(Bytes(kib.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10))
}
