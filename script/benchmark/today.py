"""What people do today: `git bisect run` with a script that calls `nix eval … --override-input` under `ulimit -v`."""

import re
import subprocess
from dataclasses import dataclass

from machine import run

EVALUATE = """#!/bin/sh
# 0 good, 1 bad, 125 skip.
rev=$(git rev-parse BISECT_HEAD)
echo "$rev" >>{log}
ulimit -c 0
ulimit -v {kib}
{nix} eval --raw --no-write-lock-file --override-input {input} "git+file://{repo}?rev=$rev" \\
  "{flake}#{attr}.drvPath" >/dev/null 2>{err}
code=$?
[ "$code" = 0 ] && exit 0
"""
# Nix says it in one of these ways, or is killed by a signal.
PROPER = """[ "$code" -gt 128 ] && exit 1
grep -qE '^error: out of memory|bad_alloc|Insufficient space for initial table' {err} && exit 1
exit 125
"""
SEEDS = PROPER.replace("exit 125", "exit 0")
ORACLE = """#!/bin/sh
rev=$(git rev-parse BISECT_HEAD)
echo "$rev" >>{log}
case $(grep "$rev" {truth}) in
*good*) exit 0 ;;
*bad*) exit 1 ;;
*) exit {broken} ;;
esac
"""


@dataclass
class Answer:
    """What `git bisect run` said: the commit or none, the evaluations that it needed, the measured run."""

    commit: str
    several: int
    evaluations: int
    run: object


def clone(place, case):
    """A bare clone without a copy of the objects, so that the searched repository is not written to."""
    path = place.folder("clones") / f"{len(list(place.folder('clones').iterdir()))}.git"
    subprocess.run(["git", "clone", "-q", "--bare", "--shared", str(case.repo), str(path)], check=True)
    return path


def by_nix(place, corner, case, nix, memory, rule):
    """Searches with real evaluations, under the proper rule or the seed's."""
    script = (EVALUATE + {"proper": PROPER, "seed": SEEDS}[rule]).format(
        log=corner.root / "evaluations",
        err=corner.root / "stderr",
        kib=memory // 1024,
        nix=nix,
        input=case.input,
        repo=case.repo,
        flake=case.flake,
        attr=case.attr,
    )
    return bisect(place, corner, case, script)


def by_truth(place, corner, case, rule):
    """Searches with what is true of the commits of a sample in place of evaluations."""
    script = ORACLE.format(
        log=corner.root / "evaluations", truth=case.truth_file(corner), broken={"proper": 125, "seed": 0}[rule]
    )
    return bisect(place, corner, case, script)


def bisect(place, corner, case, text):
    repository = clone(place, case)
    script = corner.root / "step.sh"
    script.write_text(text)
    script.chmod(0o755)
    start = f"git bisect start --no-checkout {case.bad} {case.good} && exec git bisect run {script}"
    done = run(["sh", "-c", start], corner.env, cwd=repository)
    first = re.search(r"^([0-9a-f]{40}) is the first (?:bad|'?new'?) commit", done.stdout, re.MULTILINE)
    several = re.search(r"The first bad commit could be any of:\n((?:[0-9a-f]{40}\n)+)", done.stdout)
    log = (corner.root / "evaluations").read_text().split() if (corner.root / "evaluations").exists() else []
    if not first and not several:
        raise RuntimeError(f"git bisect run came to no end:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return Answer(
        commit=first.group(1) if first else "",
        several=len(several.group(1).split()) if several else 0,
        evaluations=len(log),
        run=done,
    )
