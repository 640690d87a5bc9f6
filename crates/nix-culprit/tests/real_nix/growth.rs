//! What Nix counts, and what can be told from it.

use std::sync::Arc;

use nix_culprit_sample::{Options, Sample, State};
use serde_json::{Value, json};

use crate::browser;
use crate::machine::{every_nix, newest_nix, sample_of};
use crate::room::Room;
use crate::traces::nothing_goes_on;

#[test]
fn a_probe_tells_what_nix_counted_and_the_same_each_time_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        room.make_good();
        let probe = || room.run_small(&["probe", "--json"]).exits_with(0).json()["observation"].clone();
        let (first, second) = (probe(), probe());
        let counters = |seen: &Value| seen["counters"].as_object().unwrap().clone();
        let exact = |(name, _): &(String, Value)| !name.starts_with("gc.");
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

/// A sample whose evaluation becomes heavier at so many commits.
fn heavier(jumps: usize) -> Arc<Sample> {
    sample_of(&Options { seed: 31, commits: 150, jumps, ..Options::default() })
}

/// The heavier editions of the sample check all packages in one file.
#[track_caller]
fn tells_what_is_more(explanation: &Value, room: &Room) {
    let (why, case) = (&explanation["why"], room.cases().pop().unwrap());
    let drawn = ["flamegraph.svg", "flamegraph-difference.svg"];
    assert_eq!(drawn.map(|name| case.join(name).exists()), [room.nix.is_at_least(2, 30); 2], "{explanation:#}");
    if !room.nix.is_at_least(2, 30) {
        assert_eq!((&why["kind"], &explanation["runs"]), (&json!("unknown"), &json!(0)), "{explanation:#}");
        assert!(explanation["notes"].to_string().contains("counters only"), "{explanation:#}");
        return;
    }
    assert_eq!((&why["kind"], &explanation["runs"]), (&json!("heavier"), &json!(2)), "{explanation:#}");
    assert_eq!(explanation["drawn"], json!(drawn));
    assert!(why["bad"].as_u64().unwrap() > 2 * why["good"].as_u64().unwrap(), "{why:#}");
    let most = &why["functions"][0];
    assert_eq!(most["place"]["path"], "stdenv/default.nix", "{most:#}");
    assert_eq!(most["place"]["input"], json!(["pkgs"]), "{most:#}");
    assert!(most["place"]["source"].as_str().unwrap().contains("foldl'"), "{most:#}");
    assert!(why["packages"].as_array().unwrap().iter().all(|package| !package["name"].to_string().contains(".drv")));
    assert!(!explanation.to_string().contains("/mount/"), "{explanation:#}");
    let difference = std::fs::read_to_string(case.join(drawn[1])).unwrap();
    assert!(difference.contains("stdenv/default.nix") && !difference.contains("/mount/"));
}

#[test]
fn what_is_more_is_told_without_a_rule_and_without_a_search_and_the_same_each_time() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, heavier(1));
    let explain = || room.run_small(&["explain", "--json"]).exits_with(0).json();
    let (first, second) = (explain(), explain());
    assert_eq!(first["result"]["why"]["kind"], "not-searched");
    tells_what_is_more(&first["explanation"], &room);
    assert_eq!(first["explanation"]["why"]["unit"], "calls");
    assert_eq!(first["explanation"]["why"], second["explanation"]["why"]);
    let page = std::fs::read_to_string(room.cases().pop().unwrap().join("report.md")).unwrap();
    for part in ["### Why it is heavier", "stdenv/default.nix:9", "flamegraph-difference.svg", "| nrThunks | 2,"] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    // Both flame graphs are in its page, and beside it wherever it is written to.
    let output = room.path("output");
    room.run(&["report", "-o", output.to_str().unwrap()]).exits_with(0);
    for name in ["report.html", "flamegraph.svg", "flamegraph-difference.svg"] {
        let made = std::fs::read(room.cases().pop().unwrap().join(name)).unwrap();
        assert_eq!(std::fs::read(output.join(name)).unwrap(), made, "{name}");
    }
    browser::is_fine(&room, &room.cases().pop().unwrap(), "flames");
}

#[test]
fn where_less_is_bad_it_is_told_what_is_done_less_of() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, heavier(1));
    // The other way round: what does more is good.
    let good = room.path("good.lock");
    std::fs::copy(room.app.join("flake.lock"), &good).unwrap();
    let ends = ["--good", good.to_str().unwrap(), "--bad", "HEAD", "--bad-when", "nrThunks < 0.9x"];
    let report = room.run_small(&[&["explain", "--json"][..], &ends].concat()).exits_with(0).json();
    let why = &report["explanation"]["why"];
    assert_eq!((&why["kind"], &why["side"]), (&json!("heavier"), &json!("below")), "{:#}", report["explanation"]);
    assert!(why["bad"].as_u64().unwrap() * 2 < why["good"].as_u64().unwrap(), "{why:#}");
    let most = &why["functions"][0];
    assert_eq!(most["place"]["path"], "stdenv/default.nix", "{most:#}");
    assert!(most["bad"]["own"].as_u64().unwrap() < most["good"]["own"].as_u64().unwrap(), "{most:#}");
    let page = std::fs::read_to_string(room.cases().pop().unwrap().join("report.md")).unwrap();
    for part in ["### Why it does less", "It is fewer calls: ", "stdenv/default.nix:9"] {
        assert!(page.contains(part), "no {part}: {page}");
    }
}

#[track_caller]
fn names_the_jump(report: &Value, room: &Room) {
    assert_eq!(report["result"]["kind"], "culprit", "with {}: {:#}", room.nix.version, report["result"]);
    assert_eq!(report["result"]["commit"]["revision"], room.sample.jumps[0], "with {}", room.nix.version);
    let kind = if room.nix.has_flakes() { "faithful" } else { "fast-only" };
    tells_what_is_more(&report["explanation"], room);
    assert_eq!(report["confirmation"]["kind"], kind, "{:#}", report["confirmation"]);
}

#[test]
fn the_commit_that_made_it_heavier_is_found_by_a_counter_with_every_nix() {
    for nix in every_nix() {
        let room = Room::with(&nix, heavier(1));
        let report = room.run_small(&["find", "--json", "--bad-when", "nrThunks > +20%"]).exits_with(0).json();
        names_the_jump(&report, &room);
        // One run each: the counter is the same every time.
        assert!(report["totals"]["probes"].as_u64().unwrap() < 20, "{:#}", report["totals"]);
        nothing_goes_on(&room);
    }
}

#[test]
fn the_commit_that_made_it_heavier_is_found_by_its_memory() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, heavier(1));
    let report = room.run_small(&["find", "--json", "--bad-when", "peak > +20%"]).exits_with(0).json();
    names_the_jump(&report, &room);
    let ends = report["probes"].as_array().unwrap().iter().filter(|probe| probe["subject"]["kind"] == "bad-lock");
    assert_eq!(ends.count(), 3, "an end is run as often as the noise needs");
}

#[test]
fn a_counter_that_nix_does_not_have_is_refused_with_those_that_it_has() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, heavier(1));
    let run = room.run_small(&["find", "--bad-when", "nrThanks > +20%"]);
    assert!(run.code.is_some_and(|code| code >= 2), "{run}");
    assert!(run.stderr.contains("nix does not count `nrThanks`"), "{run}");
    assert!(run.stderr.contains("nrThunks") && run.stderr.contains("gc.totalBytes"), "{run}");
    let run = room.run_small(&["probe", "--bad-when", "nrThunks > +20%"]);
    assert!(run.stderr.contains("a single probe has none"), "{run}");
    assert_eq!(room.run_small(&["probe", "--bad-when", "nrThunks > 1000"]).code, Some(1));
    assert_eq!(room.run_small(&["probe", "--bad-when", "nrThunks > 1M"]).code, Some(0));
}

#[test]
fn every_jump_of_a_range_is_named_also_after_an_interruption() {
    let nixes = every_nix();
    for nix in nixes.first().into_iter().chain(nixes.last().filter(|_| nixes.len() > 1)) {
        let room = Room::with(nix, heavier(3));
        let find = ["find", "--json", "--all-jumps", "--bad-when", "nrThunks > +20%"];
        let report = room.run_small(&find).exits_with(0).json();
        let jumps = report["result"]["jumps"].as_array().unwrap();
        let named: Vec<&str> = jumps.iter().map(|jump| jump["commit"]["revision"].as_str().unwrap()).collect();
        assert_eq!(named, room.sample.jumps, "with {}", nix.version);
        for jump in jumps {
            assert!(jump["after"].as_u64().unwrap() > jump["before"].as_u64().unwrap() + 1000, "{jump:#}");
            assert_eq!(jump["skipped"], 0);
            let kind = if nix.has_flakes() { "faithful" } else { "fast-only" };
            assert_eq!(jump["confirmation"]["kind"], kind, "{jump:#}");
        }
        let again = room.run(&["resume", "--json"]).exits_with(0).json();
        assert_eq!(again["result"], report["result"], "nothing is forgotten");
        nothing_goes_on(&room);
    }
}

#[test]
fn where_both_ends_succeed_it_is_said_what_differs_and_how_to_go_on() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, heavier(1));
    let run = room.run_small(&["find"]);
    assert!(run.stdout.contains("nix-culprit find --bad-when 'nrThunks > +"), "{run}");
    assert!(run.stdout.contains("nrThunks 2,"), "{run}");
    let page = std::fs::read_to_string(room.case().join("report.md")).unwrap();
    assert!(page.contains("| nrThunks | 2,"), "{page}");
}

/// Has the flake evaluate something that takes much more than half a second, at these commits of the package set: a shell
/// takes some 50 ms. The margin is so large that other work on the machine does not matter.
fn make_slow(room: &Room, commits: &[&str]) {
    let shell = "default = packages.callPackage ./shell.nix {\n          inherit tools;\n          application = application packages;\n        };";
    let sum = "builtins.foldl' (a: b: a + b)";
    let numbers = "builtins.genList (x: x)";
    let work = format!("{sum} 0 (map (n: {sum} n ({numbers} 2000)) ({numbers} 2000))");
    let slow = format!(
        "default =\n          let\n            shell = packages.callPackage ./shell.nix {{ inherit tools; application = application packages; }};\n          in\n          if builtins.elem pkgs.rev [ \"{}\" ] then builtins.seq ({work}) shell else shell;",
        commits.join("\" \"")
    );
    room.edit("flake.nix", shell, &slow);
    room.make_good();
}

#[test]
fn an_input_that_makes_it_take_many_times_as_long_is_found_by_processor_time() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let other = room.some_commit(State::Good);
    make_slow(&room, &[&other]);
    let lock: Value = serde_json::from_slice(&std::fs::read(room.app.join("flake.lock")).unwrap()).unwrap();
    let mut bad = lock.clone();
    bad["nodes"]["pkgs"]["locked"]["rev"] = json!(other);
    bad["nodes"]["pkgs"]["locked"].as_object_mut().unwrap().remove("narHash");
    std::fs::write(room.path("bad.lock"), bad.to_string()).unwrap();
    std::fs::write(room.path("good.lock"), lock.to_string()).unwrap();
    let (good, bad) = (room.path("good.lock"), room.path("bad.lock"));
    let ends = ["--good", good.to_str().unwrap(), "--bad", bad.to_str().unwrap()];
    let inputs = ["inputs", "--json", "--memory", "1G", "--bad-when", "cpu > 3x"];
    let report = room.run(&[&inputs[..], &ends].concat());
    let report = report.exits_with(0).json();
    assert_eq!(report["matters"]["sets"][0]["changes"][0]["input"], json!(["pkgs"]), "{:#}", report["matters"]);
    assert_eq!(report["matters"]["sets"].as_array().unwrap().len(), 1, "{:#}", report["matters"]);
}

#[test]
fn a_commit_that_makes_it_take_many_times_as_long_is_found_by_processor_time() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let Sample { pkgs, good, culprit_parent, truth, .. } = &*room.sample;
    let git = |arguments: &[&str]| room.git(&[&["--git-dir", pkgs.to_str().unwrap()], arguments].concat());
    let chain = git(&["rev-list", "--first-parent", "--reverse", &format!("{good}..{culprit_parent}")]);
    let chain: Vec<&str> = chain.lines().take(12).collect();
    let evaluates = |id: &str| truth.iter().any(|(commit, state)| commit == id && *state == State::Good);
    let parents = |id: &str| git(&["rev-parse", &format!("{id}^@")]);
    let is_fit = |id: &str| evaluates(id) && parents(id).lines().all(evaluates);
    let slow = *chain[4..].iter().find(|id| is_fit(id)).unwrap();
    let end = *chain.iter().rev().find(|id| evaluates(id)).unwrap();
    let after = git(&["rev-list", "--ancestry-path", &format!("{slow}..{end}")]);
    make_slow(&room, &after.lines().chain([slow]).collect::<Vec<_>>());
    let bisect = ["bisect", "--json", "--memory", "1G", "--input", "pkgs", "--good", good, "--bad", end];
    let report = room.run(&[&bisect[..], &["--bad-when", "cpu > 3x"]].concat()).exits_with(0).json();
    assert_eq!(report["result"]["commit"]["revision"], slow, "{:#}", report["result"]);
    assert_eq!(report["confirmation"]["kind"], "faithful", "{:#}", report["confirmation"]);
}
