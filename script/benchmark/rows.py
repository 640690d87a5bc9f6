"""The rows: each one runs what it compares in turn, within one run, and prints a table."""

import math
import re
import statistics
import subprocess

import bare
import histories
import ours
import today
from machine import disk, ratio, run, size, spread, table


def noise(values):
    """How far repeated runs of the same thing lie apart, least to most."""
    return f"{(max(values) / min(values) - 1) * 100:.0f} %" if len(values) > 1 else "one run"


def words(case, commit):
    """A commit as the tables show it: whether it is the planted one."""
    if not commit:
        return "none"
    if not case.culprit:
        return commit[:12]
    return f"{commit[:12]}, " + ("right" if commit == case.culprit else "**wrong**")


def search(bench, case, rounds):
    """(1) and (4): the whole search, ours and today's. Returns our runs, for the rows that look into them."""
    print(f"### The whole search: {case.name} ({case.commits()} in the range)\n")
    for nix in bench.nixes:
        kinds = {"git bisect run": lambda corner: today.by_nix(bench.place, corner, case, nix, bench.memory, "proper")}
        if case.has_committed_lock:
            kinds["nix-culprit find"] = lambda corner: ours.find(bench.tool, corner, case, nix, bench.memory)
        kinds["nix-culprit bisect"] = lambda corner: ours.bisect(bench.tool, corner, case, nix, bench.memory)
        runs, left = {kind: [] for kind in kinds}, {}
        for _ in range(rounds):
            for kind, start in kinds.items():
                corner = bench.place.fresh()
                runs[kind].append(start(corner))
                if kind not in left:
                    left[kind] = [disk(path) for path in (corner.store, corner.home / ".cache", ours.state(corner))]
                corner.remove()
        rows = []
        for kind, answers in runs.items():
            wall = [answer.run.wall for answer in answers]
            cpu = [answer.run.cpu for answer in answers]
            searched = [getattr(answer, "searched", answer.run.wall) for answer in answers]
            ends = answers[0].evaluations - len(getattr(answers[0], "probes", range(answers[0].evaluations)))
            shown = f"{answers[0].evaluations} ({ends} for ends, inputs, confirmation)" if ends else answers[0].evaluations
            rows.append([kind, spread(wall), noise(wall), spread(cpu), spread(searched), shown, words(case, answers[0].commit)])
        print(f"{bench.version(nix)}, budget {size(bench.memory)}, {rounds} rounds\n")
        table(["search", "wall", "noise", "processor", "wall of the search alone", "evaluations", "answer"], rows)
        rows = []
        base = runs["git bisect run"]
        for kind in list(kinds)[1:]:
            rows.append([
                f"git bisect run / {kind}",
                ratio([one.run.wall for one in base], [one.run.wall for one in runs[kind]]),
                ratio([one.run.cpu for one in base], [one.run.cpu for one in runs[kind]]),
                ratio([one.run.wall for one in base], [one.searched for one in runs[kind]]),
            ])
        table(["ratio", "wall", "processor", "wall of the search alone"], rows)
        rows = []
        for kind, answers in runs.items():
            (store, files), (cache, _), (case_folder, _) = left[kind]
            count, written = answers[0].evaluations, answers[0].run.written
            rows.append([
                kind, size(written), size(written / count), f"{size(store)}, {files} files",
                size(store / count), size(cache), size(case_folder),
            ])
        table(["disk", "written", "written per evaluation", "store after", "store per evaluation", "Nix's cache after", "case folder after"], rows)
        bench.searches[nix] = runs["nix-culprit bisect"]


def probes(bench, case, rounds):
    """(3): a bare evaluation in a warm worktree, and a probe of ours at the same commit."""
    print(f"### A probe and a bare evaluation: {case.name}\n")
    tree = bare.Worktree(bench.place, case)
    for nix in bench.nixes:
        corner, searches = bench.place.fresh(), bench.searches[nix]
        good = [at for at, probe in enumerate(searches[0].probes) if probe.outcome == "success"]
        evaluated = {}
        for at in good:
            commit = searches[0].probes[at].commit
            tree.move(commit)
            tree.evaluate(corner, nix, commit)
            evaluated[at] = [tree.evaluate(corner, nix, commit) for _ in range(2 * rounds)]
        rows = []
        for name, chosen in groups(searches[0].probes, good):
            again = [sum(evaluated[at][2 * nth].wall for at in chosen) for nth in range(rounds)]
            base = [sum(evaluated[at][2 * nth + 1].wall for at in chosen) for nth in range(rounds)]
            base_cpu = [sum(evaluated[at][2 * nth + 1].cpu for at in chosen) for nth in range(rounds)]
            probed = [sum(one.probes[at].wall for at in chosen) for one in searches]
            probed_cpu = [sum(one.probes[at].cpu for at in chosen) for one in searches]
            count = len(chosen)
            rows.append([
                f"{name}: {count}", spread([wall / count for wall in base]), spread([wall / count for wall in probed]),
                ratio(probed, base), ratio(probed_cpu, base_cpu), ratio(again, base),
            ])
        commit = searches[0].probes[good[-1]].commit
        base, alone = evaluated[good[-1]], []
        for _ in range(rounds):
            alone.append(ours.probe(bench.tool, corner, case, nix, bench.memory, commit))
        rows.append([
            "`nix-culprit probe` by itself: 1", spread([one.wall for one in base]), spread([one.wall for one in alone]),
            ratio([one.wall for one in alone], [one.wall for one in base]),
            ratio([one.cpu for one in alone], [one.cpu for one in base]),
            ratio([one.wall for one in base[::2]], [one.wall for one in base[1::2]]),
        ])
        print(f"{bench.version(nix)}, good commits only, {rounds} rounds\n")
        table(["probes", "bare", "ours", "ours / bare, wall", "ours / bare, processor", "bare / bare, wall"], rows)
        corner.remove()


def groups(all_probes, good):
    """The good probes of a search: all, and those with few suspects left, whose commits are neighbours."""
    yield "good probes of a search", good
    late = [at for at in good if all_probes[at].suspects <= 50]
    if late:
        yield "those with at most 50 suspects left", late


def seeds_rule(bench, pick):
    """(2): the script whose rule is "every failure that is not out of memory is good"."""
    print("### Every other failure counted as good\n")
    rows = []
    case, tried = pick, 0
    if not case:
        for seed in range(1, 21):
            case, tried = histories.sample(bench.place, bench.generator, bench.system, bench.commits, 0, seed), seed
            corner = bench.place.fresh()
            if today.by_truth(bench.place, corner, case, "seed").commit != case.culprit:
                break
    for nix in bench.nixes:
        corner = bench.place.fresh()
        answer = today.by_nix(bench.place, corner, case, nix, bench.memory, "seed")
        rows.append([bench.version(nix), "git bisect run, other failures are good", answer.evaluations, words(case, answer.commit)])
        corner.remove()
        corner = bench.place.fresh()
        answer = ours.bisect(bench.tool, corner, case, nix, bench.memory)
        rows.append([bench.version(nix), "nix-culprit bisect", answer.evaluations, words(case, answer.commit)])
        corner.remove()
    if tried:
        print(f"{case.name}, seed {tried}: the first of the seeds 1, 2, … with which the rule misleads.\n")
    table(["Nix", "search", "evaluations", "answer"], rows)


def memory(bench, sizes):
    """(5): the memory of nix-culprit itself, over histories with almost empty trees."""
    print("### Memory of nix-culprit itself\n")
    rows, points, nix = [], [], bench.nixes[0]
    for commits in sizes:
        case = histories.empty(bench.place, bench.system, nix, commits)
        peaks, walls = [], []
        for _ in range(3):
            corner = bench.place.fresh()
            answer = ours.bisect(bench.tool, corner, case, nix, bench.memory, "--no-confirm")
            peaks.append(answer.run.own_peak / (1 << 20))
            walls.append(answer.run.wall)
        points.append((case.commits(), statistics.median(peaks)))
        rows.append([f"{case.commits():,}", spread(peaks, "MiB", 1), spread(walls), answer.evaluations])
    table(["commits in the range", "largest resident memory", "wall of the whole run", "evaluations"], rows)
    (few, low), (many, high) = points[0], points[-1]
    print(f"Slope: {(high - low) * (1 << 20) / (many - few):.0f} bytes a commit.\n")


def planning(bench, example, rounds):
    """(6): the time to plan one step at 20,000 commits, without input or output."""
    print("### Planning a step at 20,000 commits\n")
    units = {"s": 1000.0, "ms": 1.0, "µs": 0.001, "ns": 0.000001}
    steps = []
    for _ in range(rounds):
        done = run([example, "20000"], bench.place.fresh().env, check=(0,))
        found = re.findall(r"step in ([\d.]+)(s|ms|µs|ns)", done.stdout)
        steps.append([float(number) * units[unit] for number, unit in found])
    rows = [
        [f"the longest of {len(steps[0])} steps", spread([max(one) for one in steps], "ms", 1)],
        ["the median step", spread([statistics.median(one) for one in steps], "ms", 3)],
    ]
    table(["step", f"planning time, {rounds} rounds"], rows)


def evaluations(bench, count):
    """(7): evaluations that plain halving needs and ours, with what is true of a sample in place of Nix."""
    print("### Evaluations\n")
    rows, totals = [], [0, 0]
    for seed in range(1, count + 1):
        case = histories.sample(bench.place, bench.generator, bench.system, bench.commits, 0, seed)
        corner = bench.place.fresh()
        plain = today.by_truth(bench.place, corner, case, "proper")
        script = corner.root / "check.sh"
        script.write_text(
            f"""#!/bin/sh
rev=$(grep -A12 '"{case.input}": {{' flake.lock | sed -n 's/.*"rev": "\\(.*\\)".*/\\1/p' | head -n 1)
case $(grep "$rev" {case.truth_file(corner)}) in *good*) exit 0 ;; *bad*) exit 1 ;; *broken*) exit 125 ;; esac
exit 200
"""
        )
        script.chmod(0o755)
        own = ours.bisect(bench.tool, corner, case, bench.nixes[0], bench.memory, "--", script)
        commits, searched = case.commits(), len(own.probes)
        totals = [totals[0] + plain.evaluations, totals[1] + searched]
        states = dict(line.split() for line in case.truth_file(corner).read_text().splitlines())
        listed = ["git", "-C", str(case.repo), "rev-list", f"{case.good}..{case.bad}"]
        listed = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
        broken = sum(states[commit] == "broken" for commit in listed)
        rows.append([
            seed, commits, broken, math.ceil(math.log2(commits)), plain.evaluations, searched,
            own.evaluations - searched, words(case, plain.commit), words(case, own.commit),
        ])
        corner.remove()
    rows.append(["all", "", "", "", totals[0], f"{totals[1]}, ratio {totals[0] / totals[1]:.2f}", "", "", ""])
    table(["seed", "commits", "of them broken", "log2", "git bisect run", "ours", "ours, ends and confirmation", "git's answer", "ours"], rows)


def guard(cargo_bench):
    """The guard's overshoot and overhead, by its own benchmark."""
    print("### The guard\n")
    print(subprocess.run(cargo_bench, check=True, capture_output=True, text=True).stdout, flush=True)
