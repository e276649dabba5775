"""The whole analysis of heaps, compiled kernels beside numpy and igraph, in one run.

    python benchmarks/analysis.py [--objects 1000000 10000000] [--plain-up-to 2000000] [--markdown] [--real] [--repeat 3]

With ``--real`` the heaps are those of a process of that size (heap_target.py) instead of synthetic ones, whose
references are as random as they come.  Each heap is read from a snapshot file by a process of its own, so that its
peak is its own.  *Peak* counts the whole process with the snapshot's columns; *x* is how many times more CPU the other
kernels take.  CPU seconds stand beside those of the clock, because a machine that others use tells nothing by the clock.
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

    found = {}

    def clock() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def note(phase: str, begin: tuple[float, float]) -> None:
        wall, cpu = clock()
        found[phase] = (wall - begin[0], peak(), cpu - begin[1])

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


def make_real(objects: int, file: str) -> None:
    """Snapshot a process with so many objects into a file."""
    from peers import Target

    from leakkit import store
    from leakkit.capture.take import take_snapshot

    with Target(objects, sys.executable) as target:
        store.write(take_snapshot(target.process.pid, timeout=60.0), file)


def make(objects: int, file: str) -> None:
    """Write a synthetic heap to a file."""
    from synthetic_heap import build

    from leakkit import store

    store.write(build(objects), file)


def best(repeat: int, file: str, *, plain: bool = False) -> dict:
    """The quickest of some runs: what other programs on the machine take is in none of it, at best."""
    runs = [in_a_process("--measure", file, plain=plain) for _ in range(repeat)]
    return min(runs, key=lambda run: sum(run[phase][0] for phase in ANALYSIS))


def rows_of(objects: int, folder: str, with_plain: bool, real: bool, repeat: int) -> list[list[str]]:
    """The table's rows for one size."""
    file = f"{folder}/{objects}.leak"
    in_a_process("--make-real" if real else "--make", str(objects), file)
    native = best(repeat, file)
    plain = best(repeat, file, plain=True) if with_plain else None
    if plain and plain["sums"] != native["sums"]:
        raise SystemExit(f"the kernels disagree: {native['sums']} and {plain['sums']}")
    label = f"{native['size'][0]:,} objects, {native['size'][1]:,} references"
    rows = []
    for phase, parts in (("analysis (garbage to steps)", ANALYSIS), *((p, (p,)) for p in PHASES)):
        rows.append([label, phase, *_cells(native, parts), *_cells(plain, parts), _ratio(native, plain, parts)])
        label = ""
    return rows


def _cells(run: dict | None, parts: tuple[str, ...]) -> list[str]:
    """Seconds, CPU seconds and peak over some phases."""
    if run is None:
        return ["-"] * 3
    wall, cpu = (sum(run[part][i] for part in parts) for i in (0, 2))
    return [f"{wall:.2f}", f"{cpu:.2f}", f"{max(run[part][1] for part in parts) / 1e6:,.0f}"]


def _ratio(native: dict, plain: dict | None, parts: tuple[str, ...]) -> str:
    if plain is None:
        return "-"
    return f"{sum(plain[part][2] for part in parts) / sum(native[part][2] for part in parts):.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--plain-up-to", type=int, default=2_000_000, help="larger heaps only with compiled kernels")
    parser.add_argument("--repeat", type=int, default=1, help="measure so often, show the quickest run")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--measure", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, metavar=("OBJECTS", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--make-real", nargs=2, metavar=("OBJECTS", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--real", action="store_true", help="heaps of real processes instead of synthetic ones")
    options = parser.parse_args()
    if options.make_real:
        return make_real(int(options.make_real[0]), options.make_real[1])
    if options.measure:
        return measure(options.measure)
    if options.make:
        return make(int(options.make[0]), options.make[1])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for objects in options.objects:
            rows += rows_of(objects, folder, objects <= options.plain_up_to, options.real, options.repeat)
    header = ["heap", "phase", "native s", "CPU s", "peak MB", "plain s", "CPU s", "peak MB", "x"]
    print(tabulate(rows, header, tablefmt="pipe" if options.markdown else "simple", disable_numparse=True))
    return None


if __name__ == "__main__":
    main()
