"""leakkit beside guppy3, objgraph, Pympler and ``gc.collect()`` on the same heaps, in one run.

    python -m pip install '.[bench]' && python benchmarks/peers.py
    python benchmarks/peers.py --objects 500000 2500000 10000000 --python python3.11 python3.13 --three

Each tool gets a fresh process with the same heap.  *Pause* is the longest gap that a ticker thread in that process saw
(for leakkit: getting in and copying; "nothing" is the machine's own noise), *busy* is for how long the tool worked inside it, *extra memory* is what the
process and its copy took beyond its own resident memory at the peak, *dirtied* is how much of the heap's own memory
the copy wrote to.  leakkit alone writes a file and analyses it in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tabulate import tabulate

HERE = Path(__file__).parent
PEERS = (
    "nothing for 2 s",
    "gc.collect()",
    "guppy3 hpy().heap()",
    "objgraph growth()",
    "objgraph find_backref_chain()",
    "Pympler muppy + summary",
)
PACKAGES = ("guppy3", "objgraph", "pympler")
ANALYSE = """
import json, resource, sys, time
from leakkit import store
from leakkit.diagnose import diagnose
start = time.perf_counter()
snapshots = [store.read(file) for file in sys.argv[1:]]
read = time.perf_counter() - start
report = diagnose(snapshots)
graph = snapshots[-1].graph
print(json.dumps({"read": read, "seconds": time.perf_counter() - start, "objects": graph.node_count,
    "references": graph.edge_count, "walker": snapshots[-1].capture.walker,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""


class Target:
    """A process of heap_target.py, ended by leaving the context."""

    def __init__(self, objects: int, python: str) -> None:
        self.process = subprocess.Popen(
            [python, str(HERE / "heap_target.py"), str(objects)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ready = self._answer()
        time.sleep(0.5)

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def ask(self, line: str) -> dict[str, float]:
        """Send one line and return the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


class CopyMemory(threading.Thread):
    """Samples the copies of a process: private memory, and how much of the mappings of the original they wrote to."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.dirtied, self.ended = pid, 0, 0, threading.Event()
        self.command = Path(f"/proc/{pid}/cmdline").read_bytes()
        self.mappings = {line.split()[0] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()}

    def run(self) -> None:
        """Sample until told to end."""
        while not self.ended.wait(0.005):
            total = dirtied = 0
            for pid in self._copies():
                private, heap = self._private(pid)
                total, dirtied = total + private, dirtied + heap
            self.peak, self.dirtied = max(self.peak, total), max(self.dirtied, dirtied)

    def _copies(self) -> list[int]:
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) > self.pid:
                try:
                    if Path(f"/proc/{entry}/cmdline").read_bytes() == self.command:
                        found.append(int(entry))
                except OSError:
                    continue
        return found

    def _private(self, pid: int) -> tuple[int, int]:
        """(private bytes, those of them that are dirty and lie in a mapping that the original has)."""
        private = dirty = 0
        ours = False
        try:
            with open(f"/proc/{pid}/smaps") as lines:
                for line in lines:
                    field, _, rest = line.partition(" ")
                    if "-" in field:
                        ours = field in self.mappings and "[stack]" not in rest
                    elif field.startswith("Private_"):
                        size = int(rest.split()[0]) * 1024
                        private += size
                        dirty += size if ours and field == "Private_Dirty:" else 0
        except (OSError, ValueError):
            return 0, 0
        return private, dirty


@dataclass
class Row:
    """One line of the table; bytes and seconds, None where the tool has no such thing."""

    tool: str
    pause: float
    busy: float
    total: float
    extra: float
    dirtied: float | None = None
    file: float | None = None
    analysis: float | None = None
    analysis_peak: float | None = None

    def cells(self) -> list[str]:
        """Formatted for a person."""

        def size(value: float | None) -> str:
            return "-" if value is None else f"{value / 1e6:,.1f} MB" if value < 1e7 else f"{value / 1e6:,.0f} MB"

        return [
            self.tool,
            f"{self.pause * 1000:,.0f} ms",
            f"{self.busy:.2f} s",
            f"{self.total:.2f} s",
            size(self.extra),
            size(self.dirtied),
            size(self.file),
            "-" if self.analysis is None else f"{self.analysis:.1f} s",
            size(self.analysis_peak),
        ]


HEADERS = ["tool", "pause", "busy in target", "whole", "extra memory", "dirtied", "file", "analysis", "its peak"]


def measure_peer(name: str, objects: int, python: str) -> Row:
    """Run a peer inside its own target."""
    with Target(objects, python) as target:
        target.ask("mark")
        before = target.ask("read")
        done = target.ask("run " + name)
        after = target.ask("read")
    extra = max(after["peak"] - before["rss"], 0)
    return Row(name, after["gap"], done["seconds"], done["seconds"], extra)


def snapshot(target: Target, file: Path, *, native: bool) -> float:
    """Take one snapshot as a user would; seconds until the file is there."""
    environment = {key: value for key, value in os.environ.items() if key != "LEAKKIT_NO_NATIVE"}
    command = [sys.executable, "-P", "-m", "leakkit", "snapshot", str(target.process.pid), "-o", str(file)]
    start = time.perf_counter()
    subprocess.run(
        [*command, "--timeout", "120"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment if native else environment | {"LEAKKIT_NO_NATIVE": "1"},
    )
    return time.perf_counter() - start


def analyse(files: list[Path]) -> dict[str, float]:
    """Diagnose files in a process of its own: seconds and peak bytes."""
    command = [sys.executable, "-c", ANALYSE, *map(str, files)]
    return dict(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def measure_leakkit(objects: int, python: str, *, native: bool) -> tuple[Row, dict[str, float]]:
    """Snapshot a target from outside, then analyse the file."""
    with tempfile.TemporaryDirectory() as folder, Target(objects, python) as target:
        file = Path(folder) / "one.leak"
        snapshot(target, file, native=native)  # what the first one makes the target import is there from here on
        target.ask("mark")
        before = target.ask("read")
        sampler = CopyMemory(target.process.pid)
        sampler.start()
        total = snapshot(target, file, native=native)
        sampler.ended.set()
        sampler.join()
        after = target.ask("read")
        facts = analyse([file])
        size = file.stat().st_size
    extra = max(after["peak"] - before["rss"], 0) + sampler.peak
    name = f"leakkit snapshot ({facts['walker']} walk)"
    seconds, peak = facts["seconds"], facts["peak"]
    row = Row(name, after["gap"], after["gap"], total, extra, sampler.dirtied, size, seconds, peak)
    return row, {**facts, "rss": before["rss"]}


def measure_three(objects: int, python: str) -> dict[str, float]:
    """Three snapshots of one target, diagnosed together."""
    with tempfile.TemporaryDirectory() as folder, Target(objects, python) as target:
        files = [Path(folder) / f"{number}.leak" for number in range(3)]
        for file in files:
            snapshot(target, file, native=True)
        return analyse(files)


def with_peers(python: str, folder: str) -> str:
    """That interpreter with the peers installed: itself when it is ours, else one of a fresh virtual environment."""
    version = subprocess.run([python, "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[1]
    if version == sys.version.split()[0]:
        return sys.executable
    place = Path(folder) / version
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    inside = str(place / "bin" / "python")
    subprocess.run([inside, "-m", "pip", "install", "-q", *PACKAGES], check=True, stderr=subprocess.DEVNULL)
    return inside


def show(rows: list[Row], facts: dict[str, float], python: str, style: str) -> None:
    """One table, and the ratios to leakkit's first row."""
    version = subprocess.run([python, "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    print(
        f"\n{version}: {facts['objects']:,.0f} objects, {facts['references']:,.0f} references, "
        f"{facts['rss'] / 1e6:,.0f} MB resident; leakkit's pause is {rows[0].pause * 1e3 / (facts['rss'] / 1e9):.0f} ms "
        "per GB\n"
    )
    print(tabulate([row.cells() for row in rows], headers=HEADERS, tablefmt=style, disable_numparse=True))
    ours = rows[0]
    ratios = [
        [
            row.tool,
            f"{row.pause / ours.pause:.1f}",
            f"{row.busy / ours.busy:.1f}",
            f"{row.total / ours.total:.2f}",
            f"{row.extra / max(ours.extra, 1):.2f}",
        ]
        for row in rows[1:]
    ]
    headers = ["tool", "pause", "busy in target", "whole", "extra memory"]
    print("\nas multiples of leakkit's first row:\n")
    print(tabulate(ratios, headers=headers, tablefmt=style, disable_numparse=True), flush=True)


def main() -> None:
    """Print one table a heap size and interpreter, and the ratios to leakkit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="interpreters of the measured process")
    parser.add_argument("--three", action="store_true", help="also diagnose three snapshots of the largest heap")
    parser.add_argument("--markdown", action="store_true", help="print the tables for a document")
    options = parser.parse_args()
    style = "github" if options.markdown else "simple"
    with tempfile.TemporaryDirectory() as folder:
        for python in [with_peers(python, folder) for python in options.python]:
            for objects in options.objects:
                ours, facts = measure_leakkit(objects, python, native=True)
                fallback, _ = measure_leakkit(objects, python, native=False)
                rows = [ours, fallback, *(measure_peer(name, objects, python) for name in PEERS)]
                show(rows, facts, python, style)
            if options.three:
                found = measure_three(max(options.objects), python)
                print(
                    f"\ndiagnosis of three snapshots of {found['objects']:,.0f} objects: {found['seconds']:.1f} s, "
                    f"{found['peak'] / 1e6:,.0f} MB at the peak",
                    flush=True,
                )


if __name__ == "__main__":
    main()
