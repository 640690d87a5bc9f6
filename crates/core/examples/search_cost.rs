//! Shows what planning a step costs: `cargo run --release -p nix-culprit-core --example search_cost [COMMITS]`.
#![expect(clippy::print_stdout, reason = "an example that is run by hand")]

use std::error::Error;
use std::time::Instant;

use nix_culprit_core::bisect::{Ends, Graph, Hint, Mode, Reason, Search, Settings, Step};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Verdict;

fn commit(number: u32) -> CommitId {
    format!("{:08x}{number:032x}", number.wrapping_mul(0x9e37_79b9)).parse().expect("forty hexadecimal digits")
}

/// A main line on which two of three commits merge a side branch of one to eight commits.
fn history(count: u32) -> impl Iterator<Item = (u32, Vec<u32>)> {
    let mut main = 0;
    let mut side = None;
    let mut left = 0;
    (0..count).map(move |number| {
        if number == 0 {
            return (0, vec![]);
        }
        if left > 0 {
            left -= 1;
            let parent = side.unwrap_or(main);
            side = Some(number);
            return (number, vec![parent]);
        }
        let parents = std::iter::once(main).chain(side.take()).collect();
        main = number;
        if !number.is_multiple_of(3) {
            left = number.wrapping_mul(0x9e37_79b9) >> 29;
        }
        (number, parents)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let start = Instant::now();
    let parents: Vec<_> = history(count).collect();
    let tip = parents.iter().rev().find(|(_, parents)| parents.len() == 2).map_or(0, |entry| entry.0);
    let graph =
        Graph::new(parents.into_iter().rev().map(|(id, of)| (commit(id), of.into_iter().map(commit).collect())))?;
    println!("{count} commits: graph in {:.0?}", start.elapsed());
    for mode in [Mode::Full, Mode::FirstParent] {
        let ends = Ends { old: vec![commit(0)], new: commit(tip) };
        let mut search = Search::new(graph.clone(), ends, Settings { mode, ..Settings::default() })?;
        if mode == Mode::FirstParent {
            let likely = search.suspects().filter(|id| id.as_str().starts_with("00")).cloned();
            let hint = Hint::all(Reason::Evaluated, likely);
            search.set_hints(&[hint]);
        }
        let mut turn = 0;
        loop {
            let start = Instant::now();
            let suspects = search.remaining().suspects;
            let Step::Probe(id) = search.next() else { break };
            let planned = start.elapsed();
            let start = Instant::now();
            let speculated = search.candidates(4).len();
            println!(
                "{suspects:>7} suspects: step in {planned:.1?}, {speculated} candidates in {:.1?}",
                start.elapsed()
            );
            turn += 1;
            let verdict = match turn % 5 {
                0 | 3 => Verdict::Good,
                2 if turn < 8 => Verdict::Skip("broken".to_owned()),
                _ => Verdict::Bad,
            };
            search.record(&id, &verdict)?;
        }
        println!("{mode:?}: done after {turn} steps");
    }
    Ok(())
}
