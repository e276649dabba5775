"""Entering a target with a small agent of its own, so that the ways in are tested apart from the copy."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leakkit.capture.handover import Handover, Request
from leakkit.capture.ladder import enter
from leakkit.capture.processes import read_process

PROGRAMS = Path(__file__).parent / "programs"
AGENT = b"""
import os
os.rename(D + "/token-" + TOKEN, D + "/taken-" + TOKEN)
with open(D + "/met.json.part", "w") as file:
    file.write('{"pid": %d, "collector": %s}' % (os.getpid(), "true" if GC_WAS_ENABLED else "false"))
os.rename(D + "/met.json.part", D + "/met.json")
"""


def enter_once(pid: int, seconds: float = 20.0) -> tuple[str, dict[str, object], list[str]]:
    """Run AGENT in a process: the way in that worked, what the agent saw there, and the ladder's lines."""
    lines: list[str] = []
    process = read_process(pid)
    with Handover(process, {"start.py": AGENT}, Request(False, seconds, 5.0, 0.8)) as handover:
        method, _ = enter(process, handover, seconds, lines.append)
        end = time.monotonic() + 10
        while (met := handover.read_json("met.json")) is None:
            assert time.monotonic() < end, "the agent was started but wrote nothing"
            time.sleep(0.002)
        folder = handover.folder
    assert not folder.exists()
    return method, met, lines


def handover_folders(root: str = "") -> set[str]:
    """Handover folders that this test made, or that a leakkit left which is gone; not those of others at work."""
    found = set()
    for place in ("/tmp", "/var/tmp", "/dev/shm"):
        for path in Path(root + place).glob("leakkit-" + "[0-9a-f]" * 12):
            try:
                host = json.loads((path / "request.json").read_text())["host_pid"]
            except (OSError, ValueError):
                continue
            if host == os.getpid() or not os.path.exists(f"/proc/{host}"):
                found.add(str(path))
    return found


def zombies_of(pid: int) -> list[int]:
    """Zombie children of a process."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] == "Z":
                found.append(int(name))
    return found


def mapped_spans(pid: int) -> set[tuple[str, str]]:
    """Anonymous mappings of one page, by address and permissions: what a forgotten text page would be."""
    spans = set()
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = line.split()
        low, high = (int(part, 16) for part in fields[0].split("-"))
        if high - low == 4096 and len(fields) == 5:
            spans.add((fields[0], fields[1]))
    return spans


@contextmanager
def as_user(uid: int) -> Iterator[None]:
    """Run as another user; only for tests started by root."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
