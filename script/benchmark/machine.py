"""A place of our own to measure in, and how one run of a program is measured. Knows nothing of git or Nix searches."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

CONF = """experimental-features = nix-command flakes
build-users-group =
sandbox = false
substituters =
"""


class Place:
    """A temporary folder; every call of `fresh` gives a home, a store and an environment that nothing else uses."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="nix-culprit-bench-"))
        (self.root / "conf").mkdir()
        (self.root / "conf" / "nix.conf").write_text(CONF)
        self.count = 0

    def fresh(self):
        self.count += 1
        return Corner(self.root / "corners" / str(self.count), self.root / "conf")

    def folder(self, name):
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def remove(self):
        remove(self.root)


class Corner:
    """A home, a store and an environment."""

    def __init__(self, root, conf):
        self.root, self.home, self.store, self.tmp = root, root / "home", root / "store", root / "tmp"
        for path in (self.home, self.tmp):
            path.mkdir(parents=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "GIT_CONFIG_NOSYSTEM": "1",
            "NIX_CONF_DIR": str(conf),
            "NIX_REMOTE": str(self.store),
        }

    def remove(self):
        remove(self.root)


def remove(path):
    """Removes a folder with the read-only folders of a store in it."""
    for folder, _, _ in os.walk(path):
        os.chmod(folder, 0o700)
    shutil.rmtree(path, ignore_errors=True)


@dataclass
class Run:
    """What a program did: seconds of wall and of processor time with all its children; bytes; `journal` as `Seen`."""

    code: int
    wall: float
    cpu: float
    written: int
    own_peak: int
    stdout: str
    stderr: str
    journal: list = field(default_factory=list)


def run(command, env, cwd=None, journals=None, check=None):
    """Runs a program to its end and measures it.

    `journals` is a folder that one file `*/journal.jsonl` appears in: its lines come back with the time at which each
    was seen, and what the program had used of the processor by then. `check` holds the exit codes that are expected.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        child = subprocess.Popen(
            [str(word) for word in command], env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        watch = Watch(child.pid, journals, began)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - began
        watch.stop()
        child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    result = Run(
        code=child.returncode,
        wall=wall,
        cpu=used.ru_utime + used.ru_stime,
        written=used.ru_oublock * 512,
        own_peak=watch.peak,
        stdout=texts[0],
        stderr=texts[1],
        journal=watch.lines,
    )
    if check is not None and result.code not in check:
        shown = " ".join(str(word) for word in command)
        raise RuntimeError(f"{shown}: exit {result.code}\n{result.stdout[-2000:]}\n{result.stderr[-4000:]}")
    return result


@dataclass
class Seen:
    """A line of a journal: when it appeared, and what the program and its ended children had used of the processor."""

    at: float
    cpu: float
    event: dict


class Watch:
    """Looks at a running program from outside: its own largest memory, and its journal."""

    def __init__(self, pid, journals, began):
        self.pid, self.journals, self.began = pid, journals, began
        self.peak, self.lines, self.read, self.rest, self.used = 0, [], 0, "", 0.0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()

    def stop(self):
        self.done.set()
        self.thread.join()

    def loop(self):
        turn = 0
        while not self.done.wait(0.01):
            if turn % 5 == 0:
                self.peak = max(self.peak, self.resident())
            self.look()
            turn += 1
        self.look()

    def resident(self):
        """The largest resident memory so far of the program itself, without its children."""
        try:
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        except (OSError, ProcessLookupError):
            pass
        return 0

    def look(self):
        if not self.journals:
            return
        for path in Path(self.journals).glob("*/journal.jsonl"):
            with open(path, encoding="utf-8") as file:
                file.seek(self.read)
                text = file.read()
            self.read += len(text.encode())
            *whole, self.rest = (self.rest + text).split("\n")
            at = time.monotonic() - self.began
            if whole:
                self.used = self.processor()
            self.lines += [Seen(at, self.used, json.loads(line)) for line in whole]

    def processor(self):
        """Seconds of processor time, in steps of a clock tick."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, ProcessLookupError):
            return self.used
        return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def disk(path):
    """Bytes that a folder takes on the disk, and its number of files."""
    total, seen = 0, set()
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            stat = os.lstat(os.path.join(folder, name))
            if stat.st_ino not in seen:
                seen.add(stat.st_ino)
                total += stat.st_blocks * 512
    return total, len(seen)


def spread(values, unit="s", digits=2):
    """`median (least-most)`."""
    low, middle, high = min(values), statistics.median(values), max(values)
    if len(values) == 1:
        return f"{middle:.{digits}f} {unit}".rstrip()
    return f"{middle:.{digits}f} {unit}".rstrip() + f" ({low:.{digits}f}-{high:.{digits}f})"


def ratio(over, under):
    """`median / median (the least and the most that the runs allow)`."""
    low, high = min(over) / max(under), max(over) / min(under)
    return f"{statistics.median(over) / statistics.median(under):.2f} ({low:.2f}-{high:.2f})"


def size(count):
    """Bytes for people."""
    if abs(count) >= 1 << 30:
        return f"{count / (1 << 30):.2f} GiB"
    return f"{count / (1 << 20):.1f} MiB" if abs(count) >= 1 << 20 else f"{count / 1024:.0f} KiB"


def table(head, rows):
    """Prints a markdown table."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)
    print(flush=True)
