"""The third rung, where leakkit itself runs on 3.14 or later; and its reasons where it cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from capture_support import AGENT, PROGRAMS
from leakkit.capture import remote_exec
from leakkit.capture.processes import read_process
from support import Interpreter, Target, python

pytestmark = pytest.mark.real

ASK = """
import subprocess, sys, time
from leakkit.capture import remote_exec
from leakkit.capture.handover import Handover, Request
from leakkit.capture.processes import read_process
target = subprocess.Popen([sys.executable, "-c", "while True: sum(range(100))"], stderr=subprocess.PIPE, text=True)
time.sleep(0.5)
process = read_process(target.pid)
with Handover(process, {"start.py": %r}, Request(False, 10, 5, 0.8)) as handover:
    reason = remote_exec.ask(process, handover, sys.version_info[:2])
    end = time.monotonic() + 10
    while not reason and not handover.read_json("met.json") and time.monotonic() < end:
        time.sleep(0.01)
    print(repr(reason), handover.read_json("met.json") == {"pid": target.pid, "collector": True}, target.poll())
target.kill()
print(repr(target.communicate()[1]))
""" % (AGENT,)


@pytest.mark.parametrize("version", ["3.14", "3.15"])
def test_a_computing_target_is_entered(version: str) -> None:
    """A leakkit that runs on the target's own version enters it, ptrace being left out."""
    found = python(version)
    if found is None:
        pytest.skip(f"no Python {version}")
    home = str(Path(remote_exec.__file__).parents[2])
    done = subprocess.run(_command(found, home), input=ASK, capture_output=True, text=True, timeout=60, check=False)
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("no private mounts: " + done.stderr)
    assert done.stdout == "'' True None\n''\n", done.stderr


def _command(found: Interpreter, home: str) -> list[str]:
    """A chroot gets /proc and leakkit's sources in mounts that only this process sees."""
    if not found.root:
        return ["env", f"PYTHONPATH={home}", *found.argv, "-"]
    script = (
        'mount -t proc proc "$1/proc" && mount --bind "$2" "$1/mnt" && '
        'exec chroot "$1" env PYTHONPATH=/mnt PYTHONDONTWRITEBYTECODE=1 "$3" -'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh", found.root, home, found.argv[-1]]


def test_reasons() -> None:
    """An older leakkit, and another version on the other side, are the reasons given."""
    with Target(PROGRAMS / "idle_loop.py") as target:
        process = read_process(target.pid)
        ours = sys.version_info[:2]
        if ours < (3, 14):
            assert "3.14 or later" in remote_exec.why_not(process, ours)
        else:
            assert remote_exec.why_not(process, ours) == ""
            assert "3.9" in remote_exec.why_not(process, (3, 9))
        assert os.path.exists(f"/proc/{target.pid}")
