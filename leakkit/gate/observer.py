"""The measured process' end of its observer: a child process that takes and reads the snapshots.

The child enters its parent as it enters any process.  So the measured process imports nothing of the analysis, and
what the analysis needs is not in its heap.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import leakkit
from leakkit.gate.model import Metric

if TYPE_CHECKING:
    from collections.abc import Callable

SNAPSHOT_METRICS: Final = (Metric.OBJECTS, Metric.BYTES, Metric.GARBAGE_BYTES)
"""What a snapshot counts."""

_PR_SET_PTRACER: Final = 0x59616D61
_END_SECONDS: Final = 10.0


class ObserverError(Exception):
    """A snapshot or the diagnosis failed; the text says why."""


class Observer:
    """A child process that observes this one.

    Args:
        keep: folder in which the snapshots stay; None to throw them away.
        name: start of the kept files' names.
    """

    def __init__(self, keep: Path | None = None, name: str = "gate") -> None:
        command = [sys.executable, "-P", "-m", "leakkit.gate.helper", str(os.getpid())]
        command += [] if keep is None else [str(keep), name]
        self._child = subprocess.Popen(
            command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._permit(self._child.pid)

    @staticmethod
    def _permit(pid: int) -> None:
        """Let the child enter its parent where Yama lets only ancestors do that."""
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(pid), 0, 0, 0)

    def snapshot(self) -> dict[Metric, int]:
        """Take the next snapshot of this process; what is in its heap, without leakkit's own.

        Raises:
            ObserverError: it could not be taken.
        """
        counts = self._ask({"do": "snapshot"})["counts"]
        return {Metric(name): int(value) for name, value in counts.items()}

    def explain(self, *, calls: int, collector: bool, garbage: bool, off_heap: bool) -> dict[str, Any]:
        """Diagnose the snapshots taken so far.

        Args:
            calls: calls of the scenario between two of them.
            collector: whether the scenario runs with the collector enabled; it is held off when cycles are looked for.
            garbage: whether the suspicion is garbage.
            off_heap: whether more memory grows than objects account for.

        Returns:
            The answer of :func:`leakkit.gate.explain.explain`.

        Raises:
            ObserverError: the diagnosis failed.
        """
        question = {"calls": calls, "collector": collector, "garbage": garbage, "off_heap": off_heap}
        return self._ask({"do": "explain", **question})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._child.stdin is not None  # noqa: S101 - it was made with pipes
        assert self._child.stdout is not None  # noqa: S101
        try:
            self._child.stdin.write(json.dumps(question).encode() + b"\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        except OSError as error:
            raise ObserverError(f"the observer went away: {error}") from None
        if not line:
            raise ObserverError(f"the observer ended with status {self._child.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise ObserverError(answer["failed"])
        return answer

    def close(self) -> None:
        """End the child."""
        with contextlib.suppress(OSError):
            self._child.communicate(timeout=_END_SECONDS)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._permit(0)


def observer_maker(keep: Path | None, name: str) -> Callable[[], Observer]:
    """A function that starts an observer once it is needed."""
    return lambda: Observer(keep, name)


def _environment() -> dict[str, str]:
    """The child finds the same leakkit, and is itself not watched by a leakkit that launched this process."""
    own = str(Path(leakkit.__file__).parents[1])
    paths = [own, *([os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else [])]
    dropped = ("LEAKKIT_LAUNCH", "PYTHONMALLOC", "PYTHONTRACEMALLOC", "COVERAGE_PROCESS_START")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}
