//! `explain`, and the search that begins where the failure goes through.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use nix_culprit_sample::{Options, State};
use serde_json::{Value, json};

use crate::finding::names_the_culprit;
use crate::machine::{RealNix, every_nix, newest_nix, sample_of};
use crate::room::Room;

/// The ways that a Nix can do, best first.
pub(crate) fn ways(nix: &RealNix) -> Vec<&'static str> {
    let mut ways = vec!["tracer"];
    if nix.is_at_least(2, 30) {
        ways.insert(0, "profile");
    }
    if nix.is_at_least(2, 20) {
        ways.insert(0, "call-depth");
    }
    ways
}

/// The packages of the loop in order, without versions.
fn packages(why: &Value) -> Vec<String> {
    let edges = why["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["from"].as_str().unwrap().trim_end_matches(|c: char| c != '-').to_owned()).collect()
}

fn places(why: &Value) -> Vec<String> {
    let show = |edge: &Value| {
        let place = &edge["place"];
        format!("{} {}: {}", place["input"][0], place["path"], place["source"].as_str().unwrap_or_default().trim())
    };
    why["edges"].as_array().unwrap().iter().map(show).collect()
}

/// Checks that an explanation is the sample's loop, with the places that make it.
fn is_the_cycle(explanation: &Value, of: &str) {
    let why = &explanation["why"];
    assert_eq!(why["kind"], "cycle", "{of} {explanation:#}");
    let expected = [
        "python3.11-build-",
        "python3.11-pyproject-hooks-",
        "python3.11-setuptools-",
        "python3.11-wheel-",
        "setuptools-build-hook-",
    ];
    assert_eq!(packages(why), expected, "{of}");
    let named = places(why);
    assert_eq!(named[2], "\"pkgs\" \"python/packages/setuptools.nix\": wheel", "{of}");
    let fresh = &why["fresh"][0]["place"];
    assert_eq!((&fresh["input"], &fresh["path"]), (&json!(["overlay"]), &json!("overrides/default.nix")), "{of}");
    let text = explanation.to_string();
    assert!(!text.contains("/nix/store") && !text.contains("/mount/") && !text.contains("/cases/"), "{text}");
}

/// The best way is the one that is taken where none is asked for.
#[test]
fn every_way_of_every_nix_sees_the_same_cycle_and_flame_graphs_are_drawn_where_it_can_profile() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let ways = ways(&nix);
        for way in &ways {
            let is_asked_for = *way != ways[0];
            let mut asked = vec!["explain", "--json", "--memory", "768M"];
            if is_asked_for {
                asked.extend(["--by", way]);
            }
            let report = room.run(&asked).exits_with(0).json();
            let (explanation, of) = (&report["explanation"], format!("{} {way}", nix.version));
            assert_eq!(explanation["way"], *way, "{of} {explanation:#}");
            is_the_cycle(explanation, &of);
            let case = room.cases().pop().unwrap();
            let drawn = fs::read_to_string(case.join("flamegraph.svg")).unwrap_or_default();
            let draws = if is_asked_for { *way == "profile" } else { ways.contains(&"profile") };
            assert_eq!(draws, drawn.contains("derivation python3.11-setuptools-"), "{of}");
            assert!(!drawn.contains("/mount/") && !drawn.contains("/nix/store"), "{drawn}");
            if !is_asked_for {
                assert_eq!(explanation["why"]["certainty"], "confirmed", "{of}");
                assert_eq!(case.join("flamegraph-difference.svg").exists(), draws, "{of}");
            }
        }
    }
}

/// Has the flake evaluate its shell wholly and then an expression of its own, at one good commit; returns the locks of
/// a good end and of that one.
fn with_another_end(room: &Room, expression: &str) -> [String; 2] {
    let other = room.some_commit(State::Good);
    let shell = "default = packages.callPackage ./shell.nix {\n          inherit tools;\n          application = application packages;\n        };";
    let ending = format!(
        "default =\n          let\n            shell = packages.callPackage ./shell.nix {{ inherit tools; application = application packages; }};\n          in\n          if pkgs.rev == \"{other}\" then builtins.seq shell.drvPath ({expression}) else shell;"
    );
    room.edit("flake.nix", shell, &ending);
    room.make_good();
    let lock: Value = serde_json::from_slice(&fs::read(room.app.join("flake.lock")).unwrap()).unwrap();
    let mut bad = lock.clone();
    bad["nodes"]["pkgs"]["locked"]["rev"] = json!(other);
    bad["nodes"]["pkgs"]["locked"].as_object_mut().unwrap().remove("narHash");
    [("good.lock", lock), ("bad.lock", bad)].map(|(name, lock)| {
        fs::write(room.path(name), lock.to_string()).unwrap();
        room.path(name).to_str().unwrap().to_owned()
    })
}

/// The bad end evaluates a healthy shell wholly before it fails.
#[test]
fn on_a_healthy_evaluation_no_way_reports_a_cycle() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let [good, bad] = with_another_end(&room, "throw \"planted\"");
        for way in ways(&nix).into_iter().chain(["trace"]) {
            let ends = ["--good", &good, "--bad", &bad];
            let report = room.run(&[&["explain", "--json", "--by", way][..], &ends].concat()).exits_with(0).json();
            assert_eq!(report["bad"]["observation"]["outcome"]["message"], "planted", "{} {way}", nix.version);
            let why = &report["explanation"]["why"];
            assert_ne!(why["kind"], "cycle", "{} {way} {why:#}", nix.version);
            if way == "trace" && nix.has_flakes() {
                assert_eq!(why["message"], "planted", "{} {why:#}", nix.version);
                assert!(why["frames"].to_string().contains("flake.nix"), "{} {why:#}", nix.version);
            }
        }
    }
}

#[test]
fn where_memory_grows_without_a_loop_it_is_told_what_is_done_more_of() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    // Not deep, and no derivation takes part in it.
    let pile = "let grow = n: builtins.genList (m: { inherit n m; }) 1000; in builtins.foldl' (all: n: let row = grow n; \
                in builtins.deepSeq row { inherit all row; }) null (builtins.genList (n: n) 100000)";
    let [good, bad] = with_another_end(&room, pile);
    let options = ["--memory", "128M", "--good", &good, "--bad", &bad];
    let report = room.run(&[&["explain", "--json"][..], &options].concat()).exits_with(0).json();
    assert_eq!(report["bad"]["observation"]["outcome"]["class"], "out-of-memory", "{:#}", report["bad"]);
    let explanation = &report["explanation"];
    let why = &explanation["why"];
    assert_eq!((&why["kind"], &why["unit"]), (&json!("heavier"), &json!("samples")), "{explanation:#}");
    let most = &why["functions"][0];
    assert_eq!((&most["place"]["path"], &most["place"]["input"]), (&json!("flake.nix"), &json!([])), "{why:#}");
    assert_eq!(most["good"]["total"], 0, "{most:#}");
    let drawn = ["flamegraph.svg", "flamegraph-difference.svg"];
    assert_eq!(explanation["drawn"], json!(drawn), "{explanation:#}");
    let notes = explanation["notes"].to_string();
    for way in ["no deeper", "a profile", "tracer"] {
        assert!(notes.contains(way), "nothing of {way}: {notes}");
    }
}

/// Two ends, three whose depth is limited, one to isolate the input, and two that are search and confirmation.
#[test]
fn a_search_that_knows_the_cycle_needs_eight_evaluations_in_all() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 15, commits: 1200, ..Options::default() }));
    let report = room.run(&["find", "--json", "--memory", "512M"]).exits_with(0).json();
    names_the_culprit(&report, &room);
    let count = report["totals"]["probes"].as_u64().unwrap() + report["explanation"]["runs"].as_u64().unwrap();
    assert!(count <= 8, "{count} evaluations: {:#}", report["probes"]);
    assert_eq!(report["confirmation"]["inputs-were"], "at-store-paths", "{:#}", report["confirmation"]);
    // So nothing was probed with less than the whole budget.
    assert_eq!(report["environment"]["limits"]["search-memory"], Value::Null);
    let evaluated = &report["result"]["commit"]["evaluated"]["files"];
    assert!(evaluated.to_string().contains("setuptools"), "{:#}", report["result"]);
    let edges = report["explanation"]["why"]["edges"].as_array().unwrap();
    let added: Vec<&Value> = edges.iter().filter(|edge| edge["added"] == true).collect();
    assert_eq!(added.len(), 1, "{edges:#?}");
    assert!(added[0]["to"].as_str().unwrap().contains("wheel"), "{:#}", added[0]);

    // What the case knows is not asked again.
    let journal = fs::read_to_string(room.case().join("journal.jsonl")).unwrap();
    let case = room.case();
    let name = case.file_name().unwrap().to_str().unwrap();
    let again = room.run(&["explain", name]).exits_with(0);
    for part in ["added by the culprit", "grew to", "likely place of the", "overlay: overrides/default.nix"] {
        assert!(again.stdout.contains(part), "no {part}: {again}");
    }
    let longer = fs::read_to_string(room.case().join("journal.jsonl")).unwrap();
    for event in ["\"probe-finished\"", "\"explained\""] {
        assert_eq!(longer.matches(event).count(), journal.matches(event).count(), "{event}");
    }
}

#[test]
fn a_search_without_an_explanation_finds_the_same() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let report = room.run(&["find", "--json", "--memory", "256M", "--no-explain", "--no-confirm"]).exits_with(0).json();
    names_the_culprit(&report, &room);
    assert_eq!(report["explanation"], Value::Null);
}

/// Real Nix but for runs with a profile, which die at once, or after the middle of a first line.
#[test]
fn a_nix_that_dies_before_it_hands_over_its_profile_costs_a_word() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let folder = room.path("mortal");
    fs::create_dir(&folder).unwrap();
    let real = nix.programs.display();
    for end in ["", "printf 'nowhere:1:1:fun' >\"$file\"; "] {
        for name in ["nix", "nix-instantiate", "nix-store"] {
            let script = format!(
                "#!/bin/sh\nlast=; dies=; file=\nfor word in \"$@\"; do\n  [ \"$word\" = flamegraph ] && dies=yes\n  \
                 [ \"$last\" = eval-profile-file ] && file=$word\n  last=$word\ndone\n\
                 [ -z \"$dies\" ] || {{ {end}kill -9 $$; }}\nexec {real}/{name} \"$@\"\n"
            );
            fs::write(folder.join(name), script).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let program = folder.join("nix");
        let options = ["--nix", program.to_str().unwrap(), "--memory", "512M", "--by", "profile"];
        let report = room.run(&[&["explain", "--json"][..], &options].concat()).json();
        let explanation = &report["explanation"];
        assert_eq!(explanation["why"]["kind"], "unknown", "{explanation:#}");
        let notes = explanation["notes"].to_string();
        assert!(notes.contains("Nix ended before it handed over a profile"), "{end}: {explanation:#}");
    }
}
