"""Puts the load on a program of a recipe, round by round, so that the leaky and the fixed one get the same.

Usage: ``python recipes/drive.py PROGRAM OPERATIONS``.  PROGRAM is a file with a function ``operation(number)``, and
``rest()`` where it does something in quiet moments.  For each line of stdin the driver calls ``operation`` OPERATIONS
times and ``rest`` once, and answers with a line of JSON: how long an operation took, and the longest pause of the
collector so far.  On a terminal it runs five rounds by itself and says what is resident after each.
"""

import gc
import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path


class Pauses:
    """The longest collection so far, in seconds."""

    def __init__(self):
        self.longest = 0.0
        self._began = 0.0
        gc.callbacks.append(self._heard)

    def _heard(self, phase, _info):
        now = time.perf_counter()
        if phase == "start":
            self._began = now
        else:
            self.longest = max(self.longest, now - self._began)


def load(path):
    """The program as a module named like its file."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def do_round(program, first, count):
    """One round of operations; how long they took, in seconds."""
    took = []
    for number in range(first, first + count):
        began = time.perf_counter()
        program.operation(number)
        took.append(time.perf_counter() - began)
    if hasattr(program, "rest"):
        program.rest()
    return {"median": statistics.median(took), "worst": max(took)}


def resident_megabytes():
    """What this process has resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def main():
    """Obey stdin, or run five rounds on a terminal."""
    pauses = Pauses()
    program, count = load(Path(sys.argv[1])), int(sys.argv[2])
    by_hand = sys.stdin.isatty()
    print("READY", flush=True)
    for number, _ in enumerate(range(5) if by_hand else sys.stdin):
        answer = {**do_round(program, number * count, count), "pause": pauses.longest}
        print(f"{resident_megabytes()} MB resident" if by_hand else json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
