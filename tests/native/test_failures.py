"""A native copy that dies, hangs or is refused costs the target nothing; the report says so and Python walks."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support import Interpreter, Target, python

from leakkit.capture import take as take_module
from leakkit.capture.take import take_snapshot
from leakkit.errors import TargetError

pytestmark = pytest.mark.real
PROGRAM = Path("garbage/threads.py")


def children(pid: int) -> list[str]:
    """States of the process's children, zombies among them."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [child for path in found for child in path.read_text().split()]


def test_a_crash_ends_in_the_fallback(interpreter: Interpreter) -> None:
    """The copy dies of a signal; the target does not notice, and the snapshot comes from the Python walk."""
    with Target(PROGRAM, interpreter, args=("/dev/null",)) as target:
        snapshot = take_snapshot(target.pid, native_test=1)
        assert snapshot.capture.walker == "python"
        assert any("died of signal" in line for line in snapshot.warnings), snapshot.warnings
        assert any("os.fork" in line for line in snapshot.capture.disclosures)
        assert not children(target.pid)
        again = take_snapshot(target.pid)
        assert again.capture.walker == "native"
        assert not children(target.pid)
        assert target.alive()
        assert not target.stderr.strip()


def test_a_hanging_copy_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own timer kills it, whatever it does."""
    monkeypatch.setattr(take_module, "NATIVE_SECONDS", 1.0)
    found = python("3.13") or python("3.11")
    with Target(PROGRAM, found, args=("/dev/null",)) as target:
        began = time.monotonic()
        snapshot = take_snapshot(target.pid, native_test=2)
        assert snapshot.capture.walker == "python"
        assert any("time limit" in line for line in snapshot.warnings), snapshot.warnings
        assert time.monotonic() - began < 30
        assert not children(target.pid)
        assert target.alive()


def test_a_target_that_dies_takes_its_copy_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is tied to the thread that made it."""
    monkeypatch.setattr(take_module, "NATIVE_SECONDS", 30.0)
    with Target(PROGRAM, python("3.11"), args=("/dev/null",)) as target:
        copies: list[int] = []

        def kill(line: str) -> None:
            if "copied" in line:
                copies.extend(int(pid) for pid in children(target.pid))
                target.process.kill()

        with pytest.raises(TargetError):
            take_snapshot(target.pid, native_test=2, report=kill)
        assert copies
        for copy in copies:
            for _ in range(100):
                if (
                    not os.path.exists(f"/proc/{copy}")
                    or "Z" in Path(f"/proc/{copy}/stat").read_text().rpartition(")")[2][:3]
                ):
                    break
                time.sleep(0.02)
            else:
                raise AssertionError("the copy outlived its target")


def test_without_the_object_python_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was built: the snapshot is taken all the same."""
    monkeypatch.setattr(take_module, "walk_object", lambda: None)
    with Target(PROGRAM, python("3.11"), args=("/dev/null",)) as target:
        assert take_snapshot(target.pid).capture.walker == "python"


def test_a_broken_object_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be loaded is told, and Python walks."""
    monkeypatch.setattr(take_module, "walk_object", lambda: b"\x7fELF nothing")
    with Target(PROGRAM, python("3.11"), args=("/dev/null",)) as target:
        snapshot = take_snapshot(target.pid)
        assert snapshot.capture.walker == "python"
        assert any("cannot be loaded" in line for line in snapshot.warnings), snapshot.warnings
