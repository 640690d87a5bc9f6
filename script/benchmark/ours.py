"""The same search by nix-culprit, and what its journal tells of it."""

import json
from dataclasses import dataclass

from machine import run

# Exit codes of a case that came to an answer, with or without a single culprit.
ANSWERED = (0, 1)


@dataclass
class Probe:
    """One probe of a search: commit, suspects before it, seconds from the verdict before it to its own, class."""

    commit: str
    suspects: int
    wall: float
    cpu: float
    outcome: str


@dataclass
class Answer:
    """What nix-culprit said; `searched` is the time of the search without ends, inputs and confirmation."""

    commit: str
    evaluations: int
    probes: list
    searched: float
    run: object


def state(corner):
    return corner.home / ".local" / "state" / "nix-culprit"


def find(tool, corner, case, nix, memory, *more):
    """The whole investigation, in the flake's folder."""
    command = [tool, "find", "--json", "--quiet", "--no-cache", "--nix", nix, "--memory", str(memory), *more]
    return read(run(command, corner.env, case.flake, state(corner) / "cases", check=ANSWERED))


def bisect(tool, corner, case, nix, memory, *more):
    """One input, one range."""
    command = [tool, "bisect", "--json", "--quiet", "--nix", nix, "--memory", str(memory)]
    command += ["--input", case.input, "--good", case.good, "--bad", case.bad]
    command += ["--repo", f"{case.input}={case.repo}", case.flake, *more]
    return read(run(command, corner.env, case.flake, state(corner) / "cases", check=ANSWERED))


def probe(tool, corner, case, nix, memory, commit):
    """One probe by itself: a program that starts, looks once and ends."""
    command = [tool, "probe", "--quiet", "--nix", nix, "--memory", str(memory), "--at", f"{case.input}={commit}"]
    command += ["--repo", f"{case.input}={case.repo}", "--attr", case.attr, case.flake]
    return run(command, corner.env, case.flake, check=(0,))


def read(done):
    result = json.loads(done.stdout)["result"]
    commit = result.get("commit") or {}
    probes, evaluations, before, searching, suspects = [], 0, None, None, None
    for seen in done.journal:
        event = seen.event
        if event["event"] == "searching":
            before = searching = seen
        elif event["event"] == "probe-started":
            suspects = (event["remaining"] or {}).get("suspects")
        elif event["event"] == "explained":
            evaluations += event["explanation"]["runs"]
        elif event["event"] == "probe-finished":
            evaluations += 1
            outcome = event["observation"]["outcome"]["class"]
        elif event["event"] == "judged" and suspects is not None and before is not None:
            wall, cpu = seen.at - before.at, seen.cpu - before.cpu
            probes.append(Probe(event["purpose"]["commit"], suspects, wall, cpu, outcome))
            before, suspects = seen, None
    searched = before.at - searching.at if searching else 0.0
    return Answer(commit.get("revision", ""), evaluations, probes, searched, done)
