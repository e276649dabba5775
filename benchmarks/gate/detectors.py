"""Each detector on one scenario: a process of its own, its usual settings, and a verdict.

``python benchmarks/gate/detectors.py DETECTOR MODULE:FUNCTION`` prints ``leak`` or ``ok`` as its last line.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import sys
import tracemalloc
from pathlib import Path

CALLS = 200
"""Calls in a window of the detectors that have no number of their own; psleak's first run has as many."""

WINDOWS = 3


def resolve(name: str):
    """The function, coroutine functions wrapped so that one call runs one coroutine on one loop."""
    sys.path.insert(0, str(Path(__file__).parent))
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)
    if not inspect.iscoroutinefunction(found):
        return found
    runner = asyncio.Runner()
    return lambda: runner.run(found())


def psleak(function) -> bool:
    import psleak as library

    class Case(library.MemoryLeakTestCase):
        def runTest(self) -> None:  # noqa: N802 - unittest's name
            pass

    checkers = library.Checkers()
    try:
        Case().execute(function, checkers=checkers)
    except AssertionError:
        return True
    return False


def tracemalloc_growth(function) -> bool:
    """A line that holds more after each of three windows, as its documentation suggests to look for."""
    for _ in range(10):
        function()
    tracemalloc.start()
    for _ in range(CALLS):
        function()
    growing: set | None = None
    gc.collect()
    before = tracemalloc.take_snapshot()
    for _ in range(WINDOWS):
        for _ in range(CALLS):
            function()
        gc.collect()
        after = tracemalloc.take_snapshot()
        own = tracemalloc.Filter(False, tracemalloc.__file__)
        here = tracemalloc.Filter(False, __file__)
        changes = after.filter_traces((own, here)).compare_to(before.filter_traces((own, here)), "lineno")
        grown = {str(change.traceback) for change in changes if change.count_diff > 0 and change.size_diff > 0}
        growing = grown if growing is None else growing & grown
        before = after
    return bool(growing)


def objgraph_growth(function) -> bool:
    """A type whose count has a new peak after each of three windows."""
    import objgraph

    for _ in range(10):
        function()
    peaks: dict = {}
    objgraph.growth(limit=None, peak_stats=peaks)
    growing: set | None = None
    for _ in range(WINDOWS):
        for _ in range(CALLS):
            function()
        grown = {row[0] for row in objgraph.growth(limit=None, peak_stats=peaks)}
        growing = grown if growing is None else growing & grown
    return bool(growing)


DETECTORS = {"psleak": psleak, "tracemalloc": tracemalloc_growth, "objgraph": objgraph_growth}

if __name__ == "__main__":
    print("leak" if DETECTORS[sys.argv[1]](resolve(sys.argv[2])) else "ok", flush=True)
