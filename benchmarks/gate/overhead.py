"""What the pytest plugin costs a suite that does not use it, and how long a gated test of a 1 ms body takes.

    python benchmarks/gate/overhead.py [--tests 2000] [--pairs 10]

Pairs of runs, without and with the plugin in turn (``-p no:leakkit``), so that the machine's drift hits both alike; a
second series of pairs without the plugin on both sides shows the noise.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GATED = """
import time
import pytest
KEPT = []

@pytest.mark.leakkit
def test_healthy():
    time.sleep(0.001)

@pytest.mark.leakkit
def test_leaks():
    time.sleep(0.001)
    KEPT.append(object())
"""


def pytest_seconds(folder: Path, *arguments: str) -> tuple[float, str]:
    """User and system time of one pytest run (less disturbed by others than wall time), and its output."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *arguments]
    before = os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, done.stdout


def pairs(folder: Path, count: int, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[list[float], list[float]]:
    sides: tuple[list[float], list[float]] = ([], [])
    for number in range(count):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        for side in order:
            sides[side].append(pytest_seconds(folder, *(first, second)[side])[0])
    return sides


def show(name: str, sides: tuple[list[float], list[float]]) -> None:
    changes = [100 * (b / a - 1) for a, b in zip(*sides, strict=True)]
    spread = statistics.stdev(changes) / len(changes) ** 0.5
    print(
        f"{name:<26} {statistics.median(sides[0]):.3f} s -> {statistics.median(sides[1]):.3f} s, median change {statistics.median(changes):+.2f} %, standard error {spread:.2f} %",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leakkit-bench-") as name:
        folder = Path(name)
        (folder / "test_many.py").write_text("\n".join(f"def test_{n}(): pass" for n in range(options.tests)))
        without, with_it = ("-p", "no:leakkit", "test_many.py"), ("test_many.py",)
        pytest_seconds(folder, *with_it)
        print(f"CPU time of {options.tests} tests that do not use the plugin, {options.pairs} pairs of runs")
        show("without -> without (noise)", pairs(folder, options.pairs, without, without))
        show("without -> with", pairs(folder, options.pairs, without, with_it))
        (folder / "test_gated.py").write_text(GATED)
        began = time.perf_counter()
        output = pytest_seconds(folder, "--durations=0", "test_gated.py")[1]
        print(f"gated tests of a 1 ms body, the run took {time.perf_counter() - began:.1f} s:")
        print("\n".join(f"  {line}" for line in re.findall(r"[\d.]+s call .*", output)))


if __name__ == "__main__":
    main()
