"""Reducing a flake: nix-culprit, delta debugging over lines, and Shrink Ray, all on the same question.

The question: does the user's own `nix eval`, ended at a depth of 300 calls, still have the loop's packages on its stack?
nix-culprit asks it too, and then whether all memory is eaten.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import table

LOOP = ["setuptools", "wheel"]
MEMORY = 512 << 20
MARK = b"\n=== "


def size(folder):
    """The bytes of a project; the page that nix-culprit writes beside it is none of it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "README.md")


class Question:
    """Asks Nix about folders; keeps how many were asked about, and the smallest size by time."""

    def __init__(self, env, nix, attr):
        self.env, self.nix, self.attr = env, nix, attr
        self.asked, self.curve, self.began = 0, [], time.monotonic()

    def __call__(self, folder):
        self.asked += 1
        command = [self.nix, "eval", "--raw", "--show-trace", "--no-write-lock-file", "--option", "eval-cache", "false"]
        command += ["--option", "max-call-depth", "300", f"path:{folder}#{self.attr}.drvPath"]
        seen = subprocess.run(command, env=self.env, capture_output=True, text=True, errors="replace")
        words = ["max-call-depth exceeded"] + [f"{name}-" for name in LOOP]
        return seen.returncode != 0 and all(word in seen.stderr for word in words)

    def smaller(self, size):
        self.curve.append((time.monotonic() - self.began, size))


def lines_of(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder), line) for path in files for line in path.read_bytes().splitlines(True)]


def write(lines, folder):
    shutil.rmtree(folder, ignore_errors=True)
    for path, line in lines:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / path, "ab") as file:
            file.write(line)


def ddmin(lines, question, folder, until):
    """Zeller and Hildebrandt's ddmin, over the lines of all files."""
    parts = 2
    while len(lines) > 1 and time.monotonic() < until:
        length = -(-len(lines) // parts)
        for start in range(0, len(lines), length):
            fewer = lines[:start] + lines[start + length:]
            write(fewer, folder)
            if question(folder):
                lines, parts = fewer, max(parts - 1, 2)
                question.smaller(sum(len(line) for _, line in lines))
                break
            if time.monotonic() >= until:
                return lines
        else:
            if length == 1:
                return lines
            parts = min(parts * 2, len(lines))
    return lines


def at(curve, whole, seconds):
    return min([size for when, size in curve if when <= seconds], default=whole)


def by_lines(question, app, work, seconds):
    folder = work / "lines"
    ddmin(lines_of(app), question, folder, time.monotonic() + seconds)
    return question.asked


def bundled(folder):
    """All files as one text, since Shrink Ray from PyPI takes one file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return b"".join(b"%s%s\n%s" % (MARK, str(path.relative_to(folder)).encode(), path.read_bytes()) for path in files)


def unbundle(text, folder):
    for part in text.split(MARK)[1:]:
        name, _, content = part.partition(b"\n")
        path = folder / name.decode(errors="replace")
        if folder not in Path(os.path.normpath(path)).parents:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def by_shrink_ray(program, question, app, work, seconds):
    """Its test is this file, run as a program."""
    bundle, target, count, test = [work / name for name in ("bundle", "target", "asked", "test.sh")]
    bundle.write_bytes(bundled(app))
    words = [sys.executable, str(Path(__file__).resolve()), str(question.nix), question.attr, str(count)]
    test.write_text(f"#!/bin/sh\nexec {' '.join(words)}\n")
    test.chmod(0o755)
    command = [program, "--parallelism", "2", "--timeout", "60", "--target", target, test, bundle]
    running = subprocess.Popen(command, env=question.env, cwd=work, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    end, last = time.monotonic() + seconds, None
    while running.poll() is None and time.monotonic() < end:
        time.sleep(0.5)
        if target.exists() and (now := target.stat().st_size) != last:
            question.smaller(now)
            last = now
    if running.poll() is not None and running.returncode:
        sys.exit(f"bench: Shrink Ray: {running.stderr.read().decode()}")
    running.terminate()
    running.wait()
    return count.stat().st_size if count.exists() else 0


def by_us(tool, question, app, work, memory, seconds):
    command = [tool, "reduce", "--nix", question.nix, "--memory", str(memory), "--max-time", f"{seconds}s"]
    command += ["--output", str(work / "ours"), str(app)]
    running = subprocess.Popen(command, env=question.env, cwd=app, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in running.stderr:
        words = line.split()
        if words[1:2] == ["of"] and "after" in words:
            question.smaller(int(words[0]))
    said = running.stdout.read()
    running.wait()
    question.smaller(size(work / "ours"))
    tried = [line.split()[1] for line in said.splitlines() if line.startswith("Tried")]
    return int(tried[0]) if tried else 0


def rows(bench, sample, rounds, seconds=300):
    """The table; `sample` is a grown one."""
    nix, attr, app = bench.nixes[0], f"devShells.{bench.system}.default", sample / "app"
    shrink_ray = shutil.which("shrinkray")
    ways = {
        "nix-culprit reduce": lambda q, work: by_us(bench.tool, q, app, work, MEMORY, seconds),
        "ddmin over lines": lambda q, work: by_lines(q, plain(app, work), work, seconds),
    }
    if shrink_ray:
        ways["Shrink Ray"] = lambda q, work: by_shrink_ray(shrink_ray, q, plain(app, work), work, seconds)
    table_rows = []
    for name, way in ways.items():
        for _ in range(rounds):
            corner = bench.place.fresh()
            work = corner.root / "work"
            work.mkdir()
            question = Question(corner.env, nix, attr)
            asked = way(question, work)
            wall, whole = time.monotonic() - question.began, size(plain(app, corner.root / "whole"))
            shares = [f"{at(question.curve, whole, s) * 100 / whole:.1f} %" for s in (30, 60, 120, 300, 10**9)]
            table_rows.append([name, f"{wall:.0f} s", asked, f"{asked / wall:.1f}", *shares])
    print(f"### Reducing: the grown sample, {whole:,} bytes, load {os.getloadavg()[0]:.0f}\n")
    table(["", "wall", "candidates", "a second", "after 30 s", "60 s", "120 s", "300 s", "at the end"], table_rows)


def plain(app, work):
    """A copy of what git tracks, without git's folder: what Nix sees of it."""
    folder = work / "plain"
    if not folder.exists():
        folder.mkdir(parents=True)
        listed = subprocess.run(["git", "-C", app, "ls-files", "-z"], check=True, capture_output=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            if not (app / name).is_symlink():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(app / name, folder / name)
    return folder


if __name__ == "__main__":
    # Shrink Ray's test: NIX ATTRIBUTE COUNT, the bundle on standard input. A byte for each candidate counts them.
    nix, attr, count = sys.argv[1:]
    with open(count, "ab") as file:
        file.write(b".")
    with tempfile.TemporaryDirectory() as folder:
        unbundle(sys.stdin.buffer.read(), Path(folder))
        sys.exit(0 if Question(dict(os.environ), nix, attr)(folder) else 1)
