"""A bare evaluation: `nix-instantiate --eval` of the flake's attribute with the searched input in a warm worktree."""

import json
import subprocess
from pathlib import Path

from machine import run

# What Nix does with a lock, with one input taken from a folder.
CALL = """
{ flake, lock, input, tree, rev, lastModified, attr }:
let
  inherit (builtins.fromJSON (builtins.readFile lock)) nodes root;
  node = from: spec: if builtins.isList spec then walk root spec else spec;
  walk = from: path:
    if path == [ ] then from
    else walk (node from nodes.${from}.inputs.${builtins.head path}) (builtins.tail path);
  searched = walk root (split input);
  split = text: builtins.filter builtins.isString (builtins.split "/" text);
  source = key:
    if key == root then { outPath = flake; }
    else if key == searched then {
      outPath = tree;
      inherit rev lastModified;
      shortRev = builtins.substring 0 7 rev;
    }
    else builtins.fetchTree (removeAttrs nodes.${key}.locked [ "dir" ]);
  called = builtins.mapAttrs (key: value:
    let
      info = source key;
      outPath = info.outPath + (if value ? locked.dir then "/" + value.locked.dir else "");
      inputs = builtins.mapAttrs (_: spec: called.${node key spec}) (value.inputs or { });
      outputs = (import (outPath + "/flake.nix")).outputs (inputs // { self = result; });
      result = outputs // info // { inherit outPath inputs outputs; sourceInfo = info; _type = "flake"; };
    in
    if value.flake or true then result else info // { inherit outPath; }) nodes;
  pick = from: names:
    if names == [ ] then from else pick from.${builtins.head names} (builtins.tail names);
  wanted = pick called.${root} (builtins.filter builtins.isString (builtins.split "\\\\." attr));
in
wanted.drvPath
"""


class Worktree:
    """One worktree of the searched repository, moved between commits."""

    def __init__(self, place, case):
        self.case, self.path = case, place.fresh().root / "source"
        git = ["git", "clone", "-q", "--no-checkout", "--shared", str(case.repo), str(self.path)]
        subprocess.run(git, check=True)
        self.call = place.root / "call.nix"
        self.call.write_text(CALL)

    def git(self, *words):
        done = subprocess.run(["git", "-C", str(self.path), *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def move(self, commit):
        self.git("checkout", "-q", "--force", "--detach", commit)

    def evaluate(self, corner, nix, commit):
        """One evaluation at the commit that the worktree is at."""
        arguments = {
            "flake": self.case.flake,
            "lock": Path(self.case.flake) / "flake.lock",
            "input": self.case.input,
            "tree": self.path,
            "rev": commit,
            "attr": self.case.attr,
        }
        command = [nix.with_name("nix-instantiate"), "--eval", "--strict", "--json", self.call]
        for name, value in arguments.items():
            command += ["--argstr", name, value]
        command += ["--arg", "lastModified", self.git("show", "-s", "--format=%ct", commit)]
        done = run(command, corner.env, check=(0,))
        assert json.loads(done.stdout).endswith(".drv")
        return done

    def differing(self, one, other):
        """How many files differ between two commits."""
        return len(self.git("diff", "--name-only", one, other).splitlines())
