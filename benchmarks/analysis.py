"""The whole analysis of synthetic heaps, compiled kernels beside numpy and igraph, in one run.

    python benchmarks/analysis.py [--objects 1000000 10000000] [--plain-up-to 2000000] [--markdown]

Each heap is read from a snapshot file by a process of its own, so that its peak is its own.  *Peak* counts the
whole process with the snapshot's columns; *x* is how many times longer the other kernels take.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

PHASES = ("read file", "garbage", "retaining tree", "dominators", "steps", "incoming")
ANALYSIS = PHASES[1:5]


def peak() -> int:
    """The highest resident size of this process so far, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measure(file: str) -> None:
    """Run every phase on one file; prints seconds and peaks as JSON."""
    from leakkit import store
    from leakkit.heap.analysis import analyse

    found, clock = {}, time.perf_counter

    def note(phase: str, begin: float) -> None:
        found[phase] = (clock() - begin, peak())

    begin = clock()
    snapshot = store.read(file)
    note("read file", begin)
    begin = clock()
    heap = analyse(snapshot)
    note("garbage", begin)
    for phase, name in (
        ("retaining tree", "tree"),
        ("dominators", "dominators"),
        ("steps", "steps"),
        ("incoming", "incoming"),
    ):
        begin = clock()
        getattr(heap, name)
        note(phase, begin)
    found["sums"] = [heap.garbage.count, heap.garbage.bytes, heap.dominators.total_bytes, int(heap.tree.hops.max())]
    found["size"] = [snapshot.graph.node_count, snapshot.graph.edge_count]
    print(json.dumps(found))


def in_a_process(*arguments: str, plain: bool = False) -> dict:
    """This script in a fresh process; its JSON."""
    environment = {k: v for k, v in os.environ.items() if k != "LEAKKIT_NO_NATIVE"}
    if plain:
        environment["LEAKKIT_NO_NATIVE"] = "1"
    done = subprocess.run(
        [sys.executable, __file__, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout or "{}")


def make(objects: int, file: str) -> None:
    """Write a synthetic heap to a file."""
    from synthetic_heap import build

    from leakkit import store

    store.write(build(objects), file)


def rows_of(objects: int, folder: str, with_plain: bool) -> list[list[str]]:
    """The table's rows for one size."""
    file = f"{folder}/{objects}.leak"
    in_a_process("--make", str(objects), file)
    native = in_a_process("--measure", file)
    plain = in_a_process("--measure", file, plain=True) if with_plain else None
    if plain and plain["sums"] != native["sums"]:
        raise SystemExit(f"the kernels disagree: {native['sums']} and {plain['sums']}")
    label = f"{native['size'][0]:,} objects, {native['size'][1]:,} references"
    whole = [sum(run[p][0] for p in ANALYSIS) if run else None for run in (native, plain)]
    peaks = [max(run[p][1] for p in ANALYSIS) if run else None for run in (native, plain)]
    rows = [_row(label, "analysis (garbage to steps)", whole, peaks)]
    for phase in PHASES:
        rows.append(
            _row("", phase, *zip(*((run[phase] if run else (None, None)) for run in (native, plain)), strict=True))
        )
    return rows


def _row(label: str, phase: str, seconds: tuple, peaks: tuple) -> list[str]:
    ratio = f"{seconds[1] / seconds[0]:.1f}x" if seconds[1] else "-"
    texts = [f"{s:.2f}" if s is not None else "-" for s in seconds] + [f"{p / 1e6:,.0f}" if p else "-" for p in peaks]
    return [label, phase, texts[0], texts[1], ratio, texts[2], texts[3]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--plain-up-to", type=int, default=2_000_000, help="larger heaps only with compiled kernels")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--measure", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, metavar=("OBJECTS", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(options.measure)
    if options.make:
        return make(int(options.make[0]), options.make[1])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for objects in options.objects:
            rows += rows_of(objects, folder, objects <= options.plain_up_to)
    header = ["heap", "phase", "native s", "plain s", "x", "native peak MB", "plain peak MB"]
    print(tabulate(rows, header, tablefmt="pipe" if options.markdown else "simple", disable_numparse=True))
    return None


if __name__ == "__main__":
    main()
