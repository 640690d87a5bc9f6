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
    """(1) and (4): the whole search, ours and today's. Keeps our runs for the rows that look into them."""
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
                left.setdefault(kind, footprint(corner))
                corner.remove()
        print(f"{bench.version(nix)}, budget {size(bench.memory)}, {rounds} rounds\n")
        search_tables(case, runs)
        quiet = "nix-culprit bisect --no-confirm"
        corner = bench.place.fresh()
        runs[quiet] = [ours.bisect(bench.tool, corner, case, nix, bench.memory, "--no-confirm")]
        left[quiet] = footprint(corner)
        corner.remove()
        disk_table(runs, left)


def search_tables(case, runs):
    """Prints what each kind of search took, and the ratios."""
    rows = []
    for kind, answers in runs.items():
        wall = [answer.run.wall for answer in answers]
        one = answers[0]
        ends = one.evaluations - len(one.probes) if isinstance(one, ours.Answer) else 0
        rows.append([
            kind,
            spread(wall),
            noise(wall),
            spread([answer.run.cpu for answer in answers]),
            spread([alone(answer) for answer in answers]),
            f"{one.evaluations} ({ends} for ends, inputs, confirmation)" if ends else one.evaluations,
            words(case, one.commit),
        ])
    table(["search", "wall", "noise", "processor", "wall of the search alone", "evaluations", "answer"], rows)
    base, *others = runs
    rows = []
    for kind in others:
        rows.append([f"{base} / {kind}"] + [
            ratio([part(one) for one in runs[base]], [part(one) for one in runs[kind]])
            for part in (lambda one: one.run.wall, lambda one: one.run.cpu, alone)
        ])
    table(["ratio", "wall", "processor", "wall of the search alone"], rows)


def alone(answer):
    """Seconds of the search without ends, inputs and confirmation, which git bisect run does not look at."""
    return answer.searched if isinstance(answer, ours.Answer) else answer.run.wall


def disk_table(runs, left):
    """Prints what the first run of each kind wrote and left."""
    rows = []
    for kind, answers in runs.items():
        (store, files), (cache, _), (case_folder, _) = left[kind]
        count, written = answers[0].evaluations, answers[0].run.written
        rows.append([
            kind,
            size(written),
            size(written / count),
            f"{size(store)}, {files} files",
            size(store / count),
            size(cache),
            size(case_folder),
        ])
    head = ["disk", "written", "written per evaluation", "store after", "store per evaluation"]
    table([*head, "Nix's cache after", "cases after"], rows)


def footprint(corner):
    """What the store, Nix's cache and the folder of cases take on the disk."""
    return [disk(path) for path in (corner.store, corner.home / ".cache", ours.state(corner))]


def probes(bench, case, rounds):
    """(3): a bare evaluation in a warm worktree, and a probe of ours at the same commit."""
    print(f"### A probe and a bare evaluation: {case.name}\n")
    tree = bare.Worktree(bench.place, case)
    for nix in bench.nixes:
        # Unguided: a search that knows where to look has hardly any probes to compare.
        corner, plain = bench.place.fresh(), ["--no-explain", "--no-confirm"]
        # The first of all finds nothing in the page cache, which a warm worktree does.
        searches = [
            ours.bisect(bench.tool, bench.place.fresh(), case, nix, bench.memory, *plain) for _ in range(rounds + 1)
        ][1:]
        good = [at for at, probe in enumerate(searches[0].probes) if probe.outcome == "success"]
        evaluated = {}
        for at in good:
            commit = searches[0].probes[at].commit
            tree.move(commit)
            tree.evaluate(corner, nix, commit)
            evaluated[at] = [tree.evaluate(corner, nix, commit) for _ in range(2 * rounds)]
        rows = []
        for name, chosen in groups(searches[0].probes, good):
            # Sums over the commits, one for each round; the evaluations of a round are made twice, for the noise.
            bases = [[evaluated[at][nth] for at in chosen] for nth in range(2 * rounds)]
            probed = [[one.probes[at] for at in chosen] for one in searches]
            rows.append(compared(name, len(chosen), bases, probed))
        commit = searches[0].probes[good[-1]].commit
        single = [[ours.probe(bench.tool, corner, case, nix, bench.memory, commit)] for _ in range(rounds)]
        bases = [[one] for one in evaluated[good[-1]]]
        rows.append(compared("`nix-culprit probe`, the whole program", 1, bases, single))
        print(f"{bench.version(nix)}, good commits only, {rounds} rounds\n")
        table(["probes", "bare", "ours", "ours / bare, wall", "ours / bare, processor", "bare / bare, wall"], rows)
        corner.remove()


def compared(name, count, bases, probed):
    """One line: each of `bases` and `probed` is the runs of one round."""
    walls = [[sum(one.wall for one in each) for each in runs] for runs in (bases, probed)]
    cpus = [[sum(one.cpu for one in each) for each in runs] for runs in (bases, probed)]
    return [
        f"{name}: {count}",
        spread([wall / count for wall in walls[0]]),
        spread([wall / count for wall in walls[1]]),
        ratio(walls[1], walls[0]),
        ratio(cpus[1], cpus[0]),
        ratio(walls[0][::2], walls[0][1::2]),
    ]


def groups(all_probes, good):
    """The good probes of a search: all, and those with few suspects left, whose commits are neighbours."""
    yield "good probes of a search", good
    late = [at for at in good if all_probes[at].suspects <= 50]
    if late:
        yield "those with at most 50 suspects left", late


def guided(bench, case, rounds):
    """(9): the whole investigation with the explanation before the search, and without."""
    print(f"### With and without the explanation: {case.name} ({case.commits()} in the range)\n")
    for nix in bench.nixes:
        kinds = {"find": [], "find --no-explain": ["--no-explain"]}
        runs = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, options in kinds.items():
                corner = bench.place.fresh()
                runs[kind].append(ours.find(bench.tool, corner, case, nix, bench.memory, *options))
                corner.remove()
        rows = []
        for kind, answers in runs.items():
            one, wall = answers[0], [answer.run.wall for answer in answers]
            probes = [len(one.probes), one.evaluations - len(one.probes)]
            cpu = spread([answer.run.cpu for answer in answers])
            rows.append([kind, spread(wall), noise(wall), cpu, one.evaluations, *probes, words(case, one.commit)])
        head = ["search", "wall", "noise", "processor", "evaluations", "of them in the search"]
        print(f"{bench.version(nix)}, {rounds} rounds\n")
        table([*head, "ends, explanation, inputs, confirmation", "answer"], rows)


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
        name = "git bisect run, other failures are good"
        rows.append([bench.version(nix), name, answer.evaluations, words(case, answer.commit)])
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


CHECK = """#!/bin/sh
# The verdict on the revision that flake.lock has.
rev=$(grep -A12 '"@input@": {' flake.lock | sed -n 's/.*"rev": "\\(.*\\)".*/\\1/p' | head -n 1)
case $(grep "$rev" @truth@) in
*good*) exit 0 ;;
*bad*) exit 1 ;;
*broken*) exit 125 ;;
*) exit 200 ;;
esac
"""


def evaluations(bench, count):
    """(7): evaluations that plain halving needs and ours, with what is true of a sample in place of Nix."""
    print("### Evaluations\n")
    rows, all_plain, all_ours = [], 0, 0
    for seed in range(1, count + 1):
        case = histories.sample(bench.place, bench.generator, bench.system, bench.commits, 0, seed)
        corner = bench.place.fresh()
        plain = today.by_truth(bench.place, corner, case, "proper")
        script = corner.root / "check.sh"
        script.write_text(CHECK.replace("@input@", case.input).replace("@truth@", str(case.truth_file(corner))))
        script.chmod(0o755)
        own = ours.bisect(bench.tool, corner, case, bench.nixes[0], bench.memory, "--", script)
        commits, searched = case.commits(), len(own.probes)
        all_plain, all_ours = all_plain + plain.evaluations, all_ours + searched
        rows.append([
            seed,
            commits,
            math.ceil(math.log2(commits)),
            plain.evaluations,
            searched,
            own.evaluations - searched,
            words(case, plain.commit),
            words(case, own.commit),
        ])
        corner.remove()
    rows.append(["all", "", "", all_plain, f"{all_ours}, ratio {all_plain / all_ours:.2f}", "", "", ""])
    head = ["seed", "commits", "log2", "git bisect run", "nix-culprit", "its ends and confirmation"]
    table([*head, "git's answer", "nix-culprit's"], rows)


def profile(bench, example, mebibytes):
    """(8): how fast the reader of evaluation profiles is, on one core, and in how much memory."""
    print("### Reading evaluation profiles\n")
    done = run([example, mebibytes], bench.place.fresh().env, check=(0,))
    rows = [[part.strip() for part in line.replace(":", ",", 1).split(",")] for line in done.stdout.splitlines()]
    table(["profile", "lines", "read", "speed", "largest resident memory", "found", "distinct frames"], rows)


def report(bench, case, example):
    """(9): a report with 500 probes, made from the journal of a case whose probes are told again and again."""
    print("### A report with 500 probes\n")
    corner = bench.place.fresh()
    ours.find(bench.tool, corner, case, bench.nixes[0], bench.memory)
    journal = max((ours.state(corner) / "cases").glob("*/journal.jsonl"))
    done = run([example, journal], corner.env, check=(0,))
    found = re.findall(r"(\w+): (\d+) bytes in ([\d.]+) ms", done.stdout)
    rows = [[form, f"{int(count) / 1e6:.2f} MB", f"{float(took):.1f} ms"] for form, count, took in found]
    table(["form", "size", "rendered in, least of 10"], rows)
    corner.remove()


def guard(cargo_bench):
    """The guard's overshoot and overhead, by its own benchmark."""
    print("### The guard\n")
    print(subprocess.run(cargo_bench, check=True, capture_output=True, text=True).stdout, flush=True)
