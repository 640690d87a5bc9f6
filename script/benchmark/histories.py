"""What is measured on: the generated sample, a real repository, and long histories with almost empty trees."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from machine import run


@dataclass
class Case:
    """A range of commits of one input of a flake. `truth` is `[[commit, good|bad|broken]]` of a sample, else none."""

    name: str
    repo: Path
    flake: Path
    attr: str
    input: str
    good: str
    bad: str
    culprit: str = ""
    parent: str = ""
    truth: Path | None = None
    has_committed_lock: bool = False

    def truth_file(self, corner):
        """The truth as lines of text, for a shell script."""
        path = corner.root / "truth"
        if not path.exists():
            path.write_text("".join(f"{commit} {state}\n" for commit, state in json.loads(self.truth.read_text())))
        return path

    def commits(self):
        """How many commits are in the range."""
        words = ["git", "-C", str(self.repo), "rev-list", "--count", f"{self.good}..{self.bad}"]
        return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def sample(place, generator, system, commits, widen=0, seed=1, closure=0):
    """Makes a sample, or takes the one that was made before."""
    root = place.folder("samples") / f"{commits}-{widen}-{seed}-{closure}"
    if not root.exists():
        options = ["--commits", commits, "--widen", widen, "--seed", seed, "--closure", closure]
        run([generator, root, *options], place.fresh().env, check=(0,))
        # What is still on its way to the disk would be in the way of what is measured first.
        os.sync()
    told = json.loads((root / "sample.json").read_text())
    return Case(
        name=f"sample, {commits} commits" + (f", {widen} files" if widen else "")
        + (f", {closure} packages more to evaluate" if closure else ""),
        repo=Path(told["pkgs"]),
        flake=Path(told["app"]),
        attr=f"devShells.{system}.default",
        input="pkgs",
        good=told["good"],
        bad=told["bad"],
        culprit=told["culprit"],
        parent=told["culprit_parent"],
        truth=root / "truth.json",
        has_committed_lock=True,
    )


FLAKE = """{
  inputs.pkgs = { url = "git+file://@repo@"; flake = false; };
  outputs = { self, pkgs }: {
    packages.@system@.default = derivation {
      name = if builtins.pathExists (pkgs + "/grows") then throw "it grows" else "small";
      system = "@system@";
      builder = "/bin/sh";
    };
  };
}
"""


def empty(place, system, nix, commits):
    """Makes a history whose trees hold one or two files, with two merges of side branches in three main commits.

    The culprit lies on the main line at two thirds of it.
    """
    root = place.folder("empty") / str(commits)
    repo, app = root / "pkgs.git", root / "app"
    app.mkdir(parents=True)
    init = ["git", "init", "-q", "-b", "main"]
    subprocess.run([*init, "--bare", str(repo)], check=True)
    importer = subprocess.Popen(["git", "-C", str(repo), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    with importer.stdin as stream:
        write_history(stream, commits)
    if importer.wait() != 0:
        raise RuntimeError("git fast-import failed")
    text = FLAKE.replace("@repo@", str(repo)).replace("@system@", system)
    (app / "flake.nix").write_text(text)
    subprocess.run([*init, str(app)], check=True)
    subprocess.run(["git", "-C", str(app), "add", "flake.nix"], check=True)
    corner = place.fresh()
    run([nix, "flake", "lock", f"path:{app}"], corner.env, check=(0,))
    subprocess.run(["git", "-C", str(app), "add", "flake.lock"], check=True)
    ends = ["git", "-C", str(repo), "rev-parse", "good", "main"]
    good, bad = subprocess.run(ends, check=True, capture_output=True, text=True).stdout.split()
    return Case(f"{commits} commits", repo, app, f"packages.{system}.default", "pkgs", good, bad)


def write_history(stream, commits):
    """Writes the stream for `git fast-import`; commit N has the mark N."""
    main, side, left, grown = [], [], 0, False
    for number in range(1, commits + 1):
        on_side = left > 0 and number < commits
        parents = side or main if on_side else main + side
        files = "" if main else "M 100644 inline README\ndata 1\n.\n"
        if not on_side and not grown and number > commits * 2 // 3:
            grown, files = True, "M 100644 inline grows\ndata 1\n.\n"
        lines = [f"commit refs/heads/main\nmark :{number}"]
        lines += [f"committer A <a@example.org> {1600000000 + number} +0000\ndata 1\n."]
        lines += [f"{'merge' if nth else 'from'} :{parent}" for nth, parent in enumerate(parents)]
        stream.write(("\n".join(lines) + "\n" + files + "\n").encode())
        if on_side:
            side, left = [number], left - 1
        else:
            main, side = [number], []
            left = 1 + number * 7919 % 8 if number % 3 else 0
    stream.write(b"reset refs/heads/good\nfrom :1\n\n")
