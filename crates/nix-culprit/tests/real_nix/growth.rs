//! What Nix counts, and what can be told from it.

use nix_culprit_sample::State;

use crate::machine::every_nix;
use crate::room::Room;

#[test]
fn a_probe_tells_what_nix_counted_and_the_same_each_time_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        room.make_good();
        let probe = || room.run_small(&["probe", "--json"]).exits_with(0).json()["observation"].clone();
        let (first, second) = (probe(), probe());
        let counters = |seen: &serde_json::Value| seen["counters"].as_object().unwrap().clone();
        let exact = |(name, _): &(String, serde_json::Value)| !name.starts_with("gc.");
        let exactly = |seen| counters(seen).into_iter().filter(exact).collect::<Vec<_>>();
        assert_eq!(exactly(&first), exactly(&second), "with {}", nix.version);
        assert!(counters(&first)["nrThunks"].as_u64().unwrap() > 1000, "{first:#}");
        assert!(counters(&first)["gc.totalBytes"].as_u64().unwrap() > 1 << 20, "{first:#}");
        let cpu = &first["cpu"];
        assert!(cpu["secs"].as_u64().unwrap() > 0 || cpu["nanos"].as_u64().unwrap() > 1_000_000, "{first:#}");
        // Where Nix does not come to its end, nothing is made up.
        let killed = format!("pkgs={}", room.some_commit(State::Bad));
        let killed = room.run_small(&["probe", "--json", "--at", &killed]).exits_with(1).json();
        assert!(killed["observation"].get("counters").is_none(), "{killed:#}");
    }
}
