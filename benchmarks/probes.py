"""What each probe costs the target: work done per second of CPU while nothing, tracemalloc, memray or a window watches.

    python benchmarks/probes.py [--seconds 5] [--rounds 3]

The work decodes JSON and keeps some of it: nothing but allocations, which is the worst case for every tracer. Work is
counted per CPU second of the process, so that other programs on the machine count little. Modes take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from leakkit.capture.probes import BUILT_IN
from leakkit.capture.processes import read_process
from leakkit.capture.take import take_snapshot
from leakkit.capture.window import open_window

WORK = """
import json, sys, threading, time
text = json.dumps([{"id": n, "tags": ["a%d" % n, "b"], "x": n / 3} for n in range(200)])
kept = []
print("READY", flush=True)
for line in sys.stdin:
    until, spent, rounds = time.monotonic() + float(line), time.process_time(), 0
    while time.monotonic() < until:
        data = json.loads(text)
        rounds += 1
        if not rounds % 50:
            kept.append(data)
    print(rounds / (time.process_time() - spent), flush=True)
"""
FOLLOWED = """
import memray, sys
tracker = memray.Tracker(sys.argv[0] + ".bin", trace_python_allocators=True, track_object_lifetimes=True)
tracker.__enter__()
"""
"""Before the work; leakkit's windows do the same on a Python that can."""
MODES = {
    "nothing": (),
    "tracemalloc, 1 frame": ("-X", "tracemalloc=1"),
    "tracemalloc, 10 frames": ("-X", "tracemalloc=10"),
    "memray run --trace-python-allocators": ("-m", "memray", "run", "-q", "-f", "--trace-python-allocators", "-o"),
    "memray run --native, the same": ("-m", "memray", "run", "-q", "-f", "--trace-python-allocators", "--native", "-o"),
    "memray Tracker that follows objects": (),
    "leakkit --allocations, window open": (),
    "leakkit --allocations --native, window open": (),
    "leakkit --allocations, window closed again": (),
}
if sys.version_info < (3, 13, 3):
    del MODES["memray Tracker that follows objects"]


def rss(pid: int) -> int:
    """Resident bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(mode: str, program: Path, seconds: float) -> float:
    """Rounds of work per CPU second in one fresh process."""
    options = [*MODES[mode], *([str(program.with_suffix(".bin"))] if "memray" in MODES[mode] else [])]
    if "follows" in mode:
        (program := program.with_name("followed.py")).write_text(FOLLOWED + WORK)
        program.with_suffix(".py.bin").unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, *options, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def work() -> float:
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    try:
        process.stdout.readline()
        if not mode.startswith("leakkit"):
            return work()
        native = "--native" in mode
        with open_window(read_process(process.pid), 600.0, native=native, timeout=30.0, report=lambda _line: None):
            if mode.endswith("open"):
                return work()
        return work()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def pauses(program: Path, seconds: float) -> list[tuple[str, float, float]]:
    """(probe, pause of the target in seconds, seconds until the snapshot is there) on a heap of a few 100,000 objects."""
    process = subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        process.stdin.write(f"{seconds}\n")
        process.stdin.flush()
        process.stdout.readline()
        found = []
        for name, probes in (("none (native walk)", ()), ("objgraph", BUILT_IN[1:2]), ("guppy3", BUILT_IN[2:3])):
            began = time.monotonic()
            snapshot = take_snapshot(process.pid, probes=probes)
            found.append((name, snapshot.capture.pause_seconds, time.monotonic() - began))
        before = rss(process.pid)
        with open_window(
            read_process(process.pid), 600.0, native=False, timeout=30.0, report=lambda _line: None
        ) as window:
            window.close()
        print(
            f"resident memory that a first window leaves (memray's modules): {(rss(process.pid) - before) / 1e6:.1f} MB"
        )
        print(f"objects: {snapshot.graph.node_count:,}")
        return found
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "work.py"
        program.write_text(WORK)
        rates: dict[str, list[float]] = {mode: [] for mode in MODES}
        for _ in range(arguments.rounds):
            for mode in MODES:
                rates[mode].append(measure(mode, program, arguments.seconds))
        plain = statistics.median(rates["nothing"])
        for mode, found in rates.items():
            rate = statistics.median(found)
            print(f"{mode:45} {rate:8.0f} rounds/CPU s  {plain / rate:5.2f} x the time")
        for name, pause, total in pauses(program, arguments.seconds):
            print(f"{name:25} paused {pause * 1000:6.1f} ms, snapshot after {total:5.1f} s")


if __name__ == "__main__":
    main()
