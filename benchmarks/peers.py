"""leakkit beside guppy3, objgraph and Pympler on the same heaps, in one run.

    python -m pip install '.[bench]' && python benchmarks/peers.py [--objects 500000 2000000] [--markdown]

Each tool gets a fresh process with the same heap.  *Pause* is the longest gap a ticker thread in that process saw,
*busy* is for how long the tool worked inside it, *extra memory* is what the process and its copy took beyond its own
resident memory at the peak.  leakkit alone writes a file and analyses it in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
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
PEERS = ("guppy3 hpy().heap()", "objgraph growth()", "objgraph find_backref_chain()", "Pympler muppy + summary")
ANALYSE = """
import json, resource, sys, time
from leakkit import store
from leakkit.diagnose import diagnose
start = time.perf_counter()
snapshot = store.read(sys.argv[1])
read = time.perf_counter() - start
report = diagnose([snapshot])
print(json.dumps({"read": read, "seconds": time.perf_counter() - start, "objects": snapshot.graph.node_count,
    "references": snapshot.graph.edge_count, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""


class Target:
    """A process of heap_target.py, ended by leaving the context."""

    def __init__(self, objects: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "heap_target.py"), str(objects)],
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
    """Samples the private memory of the forked copies of a process, in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self) -> None:
        """Sample until told to end."""
        command = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        while not self.ended.wait(0.03):
            total = 0
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    if entry.name != str(self.pid) and (entry / "cmdline").read_bytes() == command:
                        rollup = (entry / "smaps_rollup").read_text()
                        total += sum(
                            int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")
                        )
                except (OSError, ValueError):
                    continue
            self.peak = max(self.peak, total * 1024)


@dataclass
class Row:
    """One line of the table; bytes and seconds, None where the tool has no such thing."""

    tool: str
    pause: float
    busy: float
    total: float
    extra: float
    file: float | None = None
    analysis: float | None = None
    analysis_peak: float | None = None

    def cells(self) -> list[str]:
        """Formatted for a person."""

        def size(value: float | None) -> str:
            return "-" if value is None else f"{value / 1e6:,.0f} MB"

        seconds = "-" if self.analysis is None else f"{self.analysis:.1f} s"
        return [
            self.tool,
            f"{self.pause * 1000:,.0f} ms",
            f"{self.busy:.2f} s",
            f"{self.total:.2f} s",
            size(self.extra),
            size(self.file),
            seconds,
            size(self.analysis_peak),
        ]


def measure_peer(name: str, objects: int) -> Row:
    """Run a peer inside its own target."""
    with Target(objects) as target:
        target.ask("mark")
        before = target.ask("read")
        done = target.ask("run " + name)
        after = target.ask("read")
    return Row(name, after["gap"], done["seconds"], done["seconds"], max(after["peak"] - before["rss"], 0))


def measure_leakkit(objects: int) -> tuple[Row, dict[str, float]]:
    """Snapshot a target from outside, then analyse the file."""
    with tempfile.TemporaryDirectory() as folder, Target(objects) as target:
        file = Path(folder) / "one.leak"
        sampler = CopyMemory(target.process.pid)
        target.ask("mark")
        before = target.ask("read")
        sampler.start()
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "leakkit", "snapshot", str(target.process.pid), "-o", str(file), "--timeout", "120"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        total = time.perf_counter() - start
        sampler.ended.set()
        sampler.join()
        after = target.ask("read")
        done = subprocess.run([sys.executable, "-c", ANALYSE, str(file)], check=True, stdout=subprocess.PIPE, text=True)
        facts = json.loads(done.stdout)
        extra = max(after["peak"] - before["rss"], 0) + sampler.peak
        row = Row(
            "leakkit snapshot",
            after["gap"],
            after["gap"],
            total,
            extra,
            file.stat().st_size,
            facts["seconds"],
            facts["peak"],
        )
        facts["rss"] = before["rss"]
    return row, facts


HEADERS = ["tool", "pause", "busy in target", "whole time", "extra memory", "file", "analysis", "analysis peak"]


def main() -> None:
    """Print one table a heap size, and the ratios to leakkit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, nargs="+", default=[500_000, 2_000_000])
    parser.add_argument("--markdown", action="store_true", help="print the tables for a document")
    options = parser.parse_args()
    style = "github" if options.markdown else "simple"
    for objects in options.objects:
        ours, facts = measure_leakkit(objects)
        rows = [ours] + [measure_peer(name, objects) for name in PEERS]
        print(
            f"\n{facts['objects']:,.0f} objects, {facts['references']:,.0f} references, "
            f"{facts['rss'] / 1e6:,.0f} MB resident, Python {sys.version.split()[0]}\n"
        )
        print(tabulate([row.cells() for row in rows], headers=HEADERS, tablefmt=style, disable_numparse=True))
        ratios = [
            [r.tool, f"{r.pause / ours.pause:.1f}", f"{r.busy / ours.busy:.1f}", f"{r.extra / max(ours.extra, 1):.2f}"]
            for r in rows[1:]
        ]
        print("\nas multiples of leakkit's:\n")
        print(
            tabulate(
                ratios,
                headers=["tool", "pause", "busy in target", "extra memory"],
                tablefmt=style,
                disable_numparse=True,
            )
        )
    print(f"\nharness peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6:,.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
