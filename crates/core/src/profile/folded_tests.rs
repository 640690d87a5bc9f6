//! Tests of the reader of folded stacks, against a slow obvious one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::folded::FoldedReader;
use super::frame::Frame;
use super::growth::{Finding, Mark};
use super::samples::{Labelled, Seen, grown, grown_derivations};
use crate::quantity::Bytes;

fn read(bytes: &[u8]) -> FoldedReader {
    let mut reader = FoldedReader::default();
    reader.feed(bytes);
    reader
}

/// What a profile says, line by line: whole stacks are split and summed.
#[derive(Debug, Default, PartialEq)]
struct Slow {
    lines: u64,
    passed_over: u64,
    seen: BTreeMap<String, Seen>,
}

fn slow(bytes: &[u8]) -> Slow {
    let mut all = Slow::default();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if !lines.pop().unwrap_or_default().is_empty() {
        all.passed_over += 1;
    }
    for line in lines {
        let split = line.iter().rposition(|byte| *byte == b' ').filter(|at| *at > 0);
        let count = split.and_then(|at| {
            let digits = std::str::from_utf8(&line[at + 1..]).ok()?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten()
        });
        let (Some(at), Some(count)) = (split, count) else {
            all.passed_over += 1;
            continue;
        };
        all.lines += 1;
        let mut frames: Vec<Vec<u8>> = Vec::new();
        for part in line[..at].split(|byte| *byte == b';') {
            let begins =
                [b"/".as_slice(), "«".as_bytes(), b"<", b"primop "].iter().any(|start| part.starts_with(start));
            match frames.last_mut().filter(|_| !begins) {
                Some(last) => last.extend([b";", part].concat()),
                None => frames.push(part.to_vec()),
            }
        }
        let shown: Vec<String> = frames.iter().map(|frame| format!("{:?}", Frame::parse(frame))).collect();
        for frame in frames.iter().collect::<BTreeSet<_>>() {
            let seen = all.seen.entry(format!("{:?}", Frame::parse(frame))).or_default();
            seen.total = seen.total.saturating_add(count);
        }
        if let Some(seen) = shown.last().and_then(|last| all.seen.get_mut(last)) {
            seen.own = seen.own.saturating_add(count);
        }
    }
    all.seen.retain(|_, seen| *seen != Seen::default());
    all
}

fn quick(reader: FoldedReader) -> Slow {
    let profile = reader.finish();
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for id in profile.frames.ids() {
        let sum = seen.entry(format!("{:?}", profile.frames.get(id))).or_default();
        let one = profile.samples.of(id);
        sum.own = sum.own.saturating_add(one.own);
        sum.total = sum.total.saturating_add(one.total);
    }
    seen.retain(|_, seen| *seen != Seen::default());
    Slow { lines: profile.lines, passed_over: profile.passed_over, seen }
}

fn derivation(name: &str) -> String {
    format!("«nix-internal»/derivation-internal.nix:37:12:primop derivationStrict:{name}")
}

/// A stack with so many turns of a cycle, and a call that each of them makes in the end.
fn deep(turns: usize) -> String {
    let turn = ["hook", "x 1:2", "wheel"].map(derivation).join(";/p/a.nix:1:2:f;");
    format!("/p/flake.nix:1:2;{}{};/p/o.nix:9:9:override 3\n", derivation("shell"), format!(";{turn}").repeat(turns))
}

#[test]
fn a_cycle_is_confirmed_while_the_profile_is_read() {
    let mut reader = FoldedReader::default();
    let mut mark = |turns: usize, mib: u64| {
        reader.feed(deep(turns / 2).as_bytes());
        reader.feed(deep(turns).as_bytes());
        reader.flush(Mark { memory: Some(Bytes(mib << 20)), call_depth: None })
    };
    assert_eq!(mark(1, 50), Finding::Nothing);
    assert!(matches!(mark(4, 100), Finding::Suspected(_)));
    assert!(matches!(mark(9, 200), Finding::Suspected(_)));
    let Finding::Confirmed(confirmed) = mark(23, 300) else { panic!("it grew") };
    assert_eq!(confirmed.cycle.names().collect::<Vec<_>>(), ["hook", "x 1:2", "wheel"]);
    assert_eq!(confirmed.points.iter().map(|point| point.repetitions.whole()).collect::<Vec<_>>(), [4, 9, 23]);
    assert_eq!(confirmed.cycle.turn[0].frames[0].to_string(), "/p/a.nix:1:2 f");
    let profile = reader.finish();
    let within = profile.samples.within("wheel", &profile.frames);
    assert_eq!(
        within.iter().map(|(frame, seen)| (frame.to_string(), *seen)).collect::<Vec<_>>(),
        [("/p/o.nix:9:9 override".to_owned(), 21)]
    );
}

#[test]
fn a_line_that_its_writer_could_not_end_does_not_count() {
    let whole = deep(3);
    for length in 0..whole.len() - 1 {
        let profile = read(&whole.as_bytes()[..length]).finish();
        assert_eq!((profile.lines, profile.passed_over), (0, u64::from(length > 0)));
    }
    let profile = read(b"no stack\n 1\n/a.nix:1:2 x\n/a.nix:1:2 \n/a.nix:1:2 99999999999999999999999\n\n").finish();
    assert_eq!((profile.lines, profile.passed_over), (0, 6));
}

#[test]
fn a_line_that_is_too_long_is_passed_over_and_those_around_it_are_read() {
    let text = [deep(3).as_bytes(), &vec![b'x'; 9 << 20], b" 1\n", deep(4).as_bytes()].concat();
    for size in [1 << 20, usize::MAX] {
        let mut reader = FoldedReader::default();
        text.chunks(size).for_each(|chunk| reader.feed(chunk));
        let profile = reader.finish();
        assert_eq!((profile.lines, profile.passed_over), (2, 1));
    }
}

#[test]
fn a_semicolon_in_a_name_does_not_end_its_frame() {
    let text = format!("/a b.nix:1:2:f;g h;{};/c;d.nix:3:4 7\n", derivation("x;y 1 2"));
    let profile = read(text.as_bytes()).finish();
    let shown: Vec<String> = profile.frames.ids().skip(1).map(|id| profile.frames.get(id).to_string()).collect();
    let internal = "«nix-internal»/derivation-internal.nix:37:12 derivation x;y 1 2";
    assert_eq!(shown, ["/a b.nix:1:2 f;g h", internal, "/c;d.nix:3:4 (function)"]);
}

#[test]
fn a_flame_graph_shows_a_few_turns_of_a_cycle() {
    let mut reader = read(deep(2).as_bytes());
    reader.feed(deep(500).as_bytes());
    reader.feed(deep(700).as_bytes());
    let profile = reader.finish();
    let short = |frame: &Frame| frame.derivation().map_or_else(|| "call".to_owned(), |name| format!("{name};"));
    assert_eq!(
        profile.samples.folded(&profile.frames, short),
        [
            "call;shell,;hook,;call;x 1:2,;call;wheel,;hook,;call;x 1:2,;call;wheel,;(more turns);wheel,;call 6",
            "call;shell,;hook,;call;x 1:2,;call;wheel,;hook,;call;x 1:2,;call;wheel,;call 3",
        ]
    );
    assert_eq!(profile.samples.all(), 9);
}

#[test]
fn stacks_without_end_are_summed_in_memory_with_an_end() {
    let mut reader = FoldedReader::default();
    for at in 0..5000 {
        reader.feed(format!("/a.nix:{}:1;/b.nix:1:1:{at} 2\n", at + 1).as_bytes());
    }
    let profile = reader.finish();
    let lines = profile.samples.folded(&profile.frames, ToString::to_string);
    assert_eq!(lines.len(), 2049);
    let sum: u64 = lines.iter().map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 10_000);
}

#[test]
fn frames_that_became_heavier_are_told_and_chance_is_not() {
    let good = read(b"/p1/a.nix:1:1:f;/p1/b.nix:1:1:g 100\n/p1/a.nix:1:1:f 100\n/p1/c.nix:1:1:h 10\n").finish();
    let bad = read(b"/p2/a.nix:1:1:f;/p2/b.nix:1:1:g 400\n/p2/a.nix:1:1:f 104\n/p2/c.nix:1:1:h 14\n/p2/d.nix:1:1 9\n")
        .finish();
    let label = |frame: &Frame| {
        let place = frame.position.as_ref()?.file.rsplit_once('/')?.1.to_owned();
        (place != "d.nix").then_some(place)
    };
    let side = |profile| Labelled { profile, label: &label };
    let told = grown(side(&good), side(&bad));
    let told: Vec<_> = told.iter().map(|one| (one.name.as_str(), one.good, one.bad)).collect();
    let seen = |own, total| Seen { own, total };
    assert_eq!(told, [("b.nix", seen(100, 100), seen(400, 400)), ("a.nix", seen(100, 200), seen(104, 504)),]);
    assert_eq!(grown(side(&good), side(&good)), []);
}

#[test]
fn derivations_that_became_heavier_are_told_by_what_they_do_themselves() {
    let stack = |names: &[&str], count: u64| {
        let names: Vec<String> = names.iter().map(|name| derivation(name)).collect();
        format!("{};/a.nix:1:1:f {count}\n", names.join(";"))
    };
    // The same name by another place is the same derivation.
    let other = "/b.nix:1:1:primop derivationStrict:lib-1;/a.nix:1:1:f 7\n";
    let good = read((stack(&["shell-1"], 50) + &stack(&["shell-1", "lib-1"], 100)).as_bytes()).finish();
    let bad = read((stack(&["shell-2"], 52) + &stack(&["shell-2", "lib-2"], 900)).as_bytes());
    let mut bad = bad;
    bad.feed(other.as_bytes());
    let label = |name: &str| name.rsplit_once('-').map_or(name, |(front, _)| front).to_owned();
    let told = grown_derivations(&good, &bad.finish(), label);
    let told: Vec<_> = told.iter().map(|one| (one.name.as_str(), one.good, one.bad)).collect();
    let seen = |own, total| Seen { own, total };
    assert_eq!(told, [("lib", seen(100, 100), seen(907, 907)), ("shell", seen(50, 150), seen(52, 952))]);
}

proptest! {
    #[test]
    fn what_is_read_is_what_a_slow_reader_reads_in_whatever_chunks(
        parts in prop::collection::vec(prop_oneof![
            4 => Just(b"/a.nix:1:2:f;".to_vec()),
            4 => Just(b"/a.nix:1:2".to_vec()),
            4 => Just(derivation("x").into_bytes()),
            4 => Just(derivation("y;z").into_bytes()),
            4 => Just(b";".to_vec()),
            4 => Just(b" 3\n".to_vec()),
            2 => Just(b" 12\n".to_vec()),
            2 => Just(";«none»:0".into()),
            2 => Just(b";primop map".to_vec()),
            1 => Just(b";prim".to_vec()),
            1 => Just(b"\n".to_vec()),
            1 => Just(b" ".to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ], 0..80),
        size in 1usize..40,
    ) {
        let bytes = parts.concat();
        let expected = slow(&bytes);
        let cycle = read(&bytes).cycle();
        prop_assert_eq!(quick(read(&bytes)), slow(&bytes));
        let mut chunked = FoldedReader::default();
        bytes.chunks(size).for_each(|chunk| chunked.feed(chunk));
        prop_assert_eq!(chunked.cycle(), cycle);
        prop_assert_eq!(quick(chunked), expected);
        let mut buffered = FoldedReader::default();
        buffered.read(std::io::BufReader::with_capacity(size, bytes.as_slice())).unwrap();
        prop_assert_eq!(quick(buffered), slow(&bytes));
    }

    #[test]
    fn lines_that_share_much_are_told_apart(
        depths in prop::collection::vec((0usize..200, 0usize..4), 1..30),
    ) {
        let text: String = depths.iter().map(|(depth, leaf)| {
            let calls: String = (0..*depth).map(|at| format!("/p/{}.nix:1:2:f;", at % 7)).collect();
            format!("{calls}/p/leaf.nix:{}:1:primo{} {}\n", leaf + 1, "p".repeat(*leaf), leaf + 1)
        }).collect();
        prop_assert_eq!(quick(read(text.as_bytes())), slow(text.as_bytes()));
    }
}
