"""``leakkit try`` on real processes of every version: it asks, does what it says, and keeps score."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from support import Interpreter, Target

COMMAND = [sys.executable, "-P", "-m", "leakkit", "try"]


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


@pytest.mark.real
@pytest.mark.parametrize("fix", ["collect", "hibernate"])
def test_applies_and_keeps_score(interpreter: Interpreter, fix: str) -> None:
    """All predicted garbage goes, the collector's own count agrees, memory comes back, the target lives on with its collector on."""
    with Target("agent/collectable.py", interpreter) as target:
        target.step(8)
        before = resident(target.pid)
        done = subprocess.run([*COMMAND, str(target.pid), "--fix", fix, "--yes", "--format", "json"], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        given = before - resident(target.pid)
        fields = json.loads(done.stdout)
        assert (fields["schema"], fields["fix"]) == ("leakkit-try/1", fix)
        figures = {one["name"]: one for one in fields["figures"]}
        freed, found = figures["garbage freed"], figures["unreachable objects"]
        assert freed["predicted_least"] > 30_000_000
        assert 0 <= freed["predicted_least"] - freed["measured"] < 10_000  # a dead object may lie at a freed one's address
        assert abs(found["measured"] - found["predicted_least"]) < 200
        memory = figures["resident memory given back"]
        assert abs(memory["measured"] - given) < 8_000_000  # the two snapshots around it take some
        if fix == "hibernate":
            assert memory["measured"] > 0.8 * memory["predicted_least"] > 20_000_000
        assert figures["pause of the collection"]["measured"] > 0
        assert "this disturbs process" in done.stderr
        target.step(1)
        assert target.stderr == ""


@pytest.mark.real
def test_refuses_without_a_terminal() -> None:
    """No terminal and no --yes: nothing is touched."""
    with Target("agent/collectable.py") as target:
        target.step(2)
        done = subprocess.run([*COMMAND, str(target.pid), "--fix", "collect"], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 2
        assert "--yes" in done.stderr
        again = subprocess.run([*COMMAND, str(target.pid), "--fix", "collect", "--yes", "--format", "json"], capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(again.stdout)["figures"][0]["measured"] > 7_000_000  # it was still there


@pytest.mark.real
@pytest.mark.parametrize(("answer", "applied"), [(b"n\n", False), (b"y\n", True)])
def test_asks_on_a_terminal(answer: bytes, applied: bool) -> None:
    """What is predicted is told before the question; only a yes goes on."""
    with Target("agent/collectable.py") as target:
        target.step(2)
        mine, theirs = pty.openpty()
        os.write(mine, answer)
        done = subprocess.run([*COMMAND, str(target.pid), "--fix", "collect"], stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
        os.close(mine)
        os.close(theirs)
        assert done.returncode == 0
        assert done.stderr.index("of garbage go") < done.stderr.index("go on?")
        assert ("garbage freed" in done.stdout) == applied
        assert ("nothing was done" in done.stderr) == (not applied)


@pytest.mark.real
def test_a_disabled_collector_stays_disabled() -> None:
    """The collector's own settings are as they were: only the heap is."""
    with Target("holders/gc_disabled.py") as target:
        target.step(3)
        subprocess.run([*COMMAND, str(target.pid), "--fix", "collect", "--yes"], capture_output=True, timeout=60, check=True)
        from leakkit.capture.take import take_snapshot

        assert not take_snapshot(target.pid).collector.enabled
        target.step(1)
