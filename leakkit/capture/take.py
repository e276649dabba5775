"""Take one snapshot of a running process, or a series."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit.capture import pack
from leakkit.capture.handover import Handover, Request, agent_files
from leakkit.capture.ladder import Report, enter
from leakkit.capture.probes import Probe, ended, prepare, why_not
from leakkit.capture.probes import results as second_opinions
from leakkit.capture.processes import Process, is_alive, read_process
from leakkit.capture.second import named, tracebacks
from leakkit.capture.window import Tracking, tracked
from leakkit.errors import CaptureFailed, NoSuchProcess, TargetBusy, TargetError, UnsupportedTarget
from leakkit.native.shipped import OBJECT, walk_object
from leakkit.probe_model import ProbeResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leakkit.capture.window import Window
    from leakkit.snapshot_model import Snapshot

DEFAULT_TIMEOUT: Final = 15.0
"""Seconds to get in."""
COPY_SECONDS: Final = 300.0
"""Seconds the frozen copy may live: a pure Python walk needs about 2.5 us an object on a busy machine."""
NATIVE_SECONDS: Final = 60.0
"""Seconds the native walk may take (0.1 us an object) before the agent walks in Python instead."""
PROBE_SECONDS: Final = 60.0
"""Seconds the tools of others may look at the copy, all together."""
HEADROOM_FRACTION: Final = 0.8
"""Share of the memory that is free which the copy may need."""
_POLL: Final = 0.01


def _quiet(line: str) -> None:
    del line


def take_snapshot(
    pid: int,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    values: bool = False,
    report: Report = _quiet,
    native_test: int = 0,
    window: Window | None = None,
    results: tuple[ProbeResult, ...] = (),
    probes: tuple[Probe, ...] = (),
    counts_only: bool = False,
) -> Snapshot:
    """Take one snapshot.

    Args:
        pid: the target.
        timeout: seconds until the agent must have made its copy; the copy itself has 300 s more.
        values: whether the snapshot may hold short previews of str, bytes and numbers.
        report: gets progress and each rung's outcome, one line at a time.
        native_test: for tests: 1 makes the native copy crash, 2 makes it hang.
        window: an open allocation window, which ends with this snapshot.
        results: what became of probes already, for the snapshot to tell.
        probes: tools that look at the copy, which is then made by ``os.fork`` and walked in Python.
        counts_only: whether these leave out what they say of the largest containers.

    Raises:
        TargetError: the target cannot be entered or copied; it goes on unharmed.
    """
    deadline = time.monotonic() + timeout
    process = read_process(pid)
    files, walk = agent_files(pack.AGENT_FILES), walk_object()
    if walk is not None:
        files[OBJECT] = walk
    usable = tuple(probe for probe in probes if not why_not(probe))
    results += tuple(ProbeResult(probe.name, "skipped", why_not(probe)) for probe in probes if why_not(probe))
    native = 0.0 if walk is None or values or usable else NATIVE_SECONDS
    request = Request(values, timeout, COPY_SECONDS, HEADROOM_FRACTION, native, native_test)
    request = replace(request, window=window.inner if window else "", probes=tuple(p.name for p in usable))
    request = replace(request, probe_seconds=PROBE_SECONDS, counts_only=counts_only)
    with Handover(process, files, request) as handover:
        prepare(handover, usable)
        method, left = enter(process, handover, deadline - time.monotonic(), report)
        return _receive(process, handover, method, _Beside(left, window, results, usable), deadline, report)


@dataclass(frozen=True)
class _Beside:
    """What a snapshot tells besides the copy's dump."""

    left: tuple[str, ...]
    window: Window | None
    results: tuple[ProbeResult, ...]
    probes: tuple[Probe, ...]


def _receive(
    process: Process,
    handover: Handover,
    method: str,
    beside: _Beside,
    deadline: float,
    report: Report,
) -> Snapshot:
    """Wait for the copy and put the snapshot together."""
    started = _wait_started(process, handover, deadline)
    try:
        report(f"copied, the target paused for {float(started['pause_seconds']) * 1000:.1f} ms; the copy is being read")
        facts = pack.collect_host_facts(process.pid, method=method)
        done = _wait_done(handover, time.monotonic() + NATIVE_SECONDS + COPY_SECONDS + 5.0, report)
        started = handover.read_json("started.json") or started  # told anew when the native walk failed
    except BaseException:
        _end_copy(process, started)
        raise
    window, probes = beside.window, beside.results
    recorded, result = (None, None) if window is None else window.recorded(report)
    extra = window.disclosures if window else ()
    started["disclosures"] = [*started.get("disclosures", ()), *beside.left, *extra]
    if beside.probes:
        names = ", ".join(probe.name for probe in beside.probes)
        started["disclosures"].append(f"{names} ran Python code in the copy")
        report(f"asking {names}")
        said = _wait_probes(handover, beside.probes)
        if not ended(said, beside.probes):
            _end_copy(process, {"copy": (handover.read_json("copy.json") or {}).get("pid")})
        probes += second_opinions(said, beside.probes)
    report("putting the snapshot together")
    snapshot = pack.build_snapshot(handover.dump(), started=started, done=done, facts=facts, recorded=recorded)
    for one in (one for one in probes if one.name == "tracemalloc"):
        traced, told = tracebacks(one, handover.folder / "traces.bin", snapshot.graph)
        probes = tuple(told if other is one else other for other in probes)
        if snapshot.allocations is None:
            snapshot = replace(snapshot, allocations=traced)
    probes = tuple(named(one, snapshot.graph) for one in probes)
    return replace(snapshot, probes=(*probes, *([result] if result else [])))


def _wait_started(process: Process, handover: Handover, deadline: float) -> dict[str, Any]:
    """``started.json``: the target's own part is over."""
    # An agent that runs is given its time: what it may do to the target is done or stopped by itself.
    until = max(deadline, time.monotonic() + 5.0)
    while True:
        if (started := handover.read_json("started.json")) is not None:
            return started
        if (done := handover.read_json("done.json")) is not None:
            raise _failure(process.pid, done)
        if not is_alive(process):
            raise NoSuchProcess(f"process {process.pid} ended while it was being copied")
        if time.monotonic() > until:
            raise TargetBusy(
                f"the agent in process {process.pid} got no chance to make its copy before the deadline",
                "try again, or allow more time with --timeout 120",
            )
        time.sleep(_POLL / 5)


def _wait_done(handover: Handover, until: float, report: Report) -> dict[str, Any]:
    """``done.json``: the copy has written its dump."""
    began, said = time.monotonic(), 0
    while True:
        if (done := handover.read_json("done.json")) is not None:
            if not done.get("ok"):
                raise _failure(handover.process.pid, done)
            return done
        now = time.monotonic()
        if now > until:
            raise CaptureFailed("the frozen copy did not finish in time", "try again when the machine is less busy")
        if int(now - began) // 5 > said:
            said = int(now - began) // 5
            report(f"the copy is being read, {now - began:.0f} s so far")
        time.sleep(_POLL)


def _wait_probes(handover: Handover, probes: tuple[Probe, ...]) -> dict[str, Any] | None:
    """What the tools said in the time they have."""
    until = time.monotonic() + PROBE_SECONDS
    while True:
        try:
            said = handover.read_json("second.json")
        except CaptureFailed:
            return None
        if ended(said, probes) or time.monotonic() > until:
            return said
        time.sleep(_POLL)


def _failure(pid: int, done: dict[str, Any]) -> TargetError:
    """The agent's own words as an error."""
    error = done.get("error") or {}
    kind, message = str(error.get("kind", "internal")), str(error.get("message", "no reason given"))
    message = " ".join(message.split())
    if kind == "free-threaded":
        return UnsupportedTarget(
            f"process {pid}: {message}", "run the service on the build with the GIL to diagnose it"
        )
    hints = {
        "headroom": "free memory, raise the container's limit, or snapshot a smaller worker",
        "memory": "free memory, raise the container's limit, or snapshot a smaller worker",
        "killed": "free memory, raise the container's limit, or snapshot a smaller worker",
        "space": "free space in the target's /tmp",
        "time": "try again when the machine is less busy",
        "busy-blas": "try again when it computes less, or start it with OPENBLAS_NUM_THREADS=1",
    }
    return CaptureFailed(f"process {pid} could not be copied: {message}", hints.get(kind, "see the steps with -v"))


def _end_copy(process: Process, started: dict[str, Any]) -> None:
    """Nobody waits for the copy any more: end it, if it is surely the copy."""
    child = started.get("copy") or started.get("child")
    if isinstance(child, int) and child > 1 and not process.root and _is_copy(child, process):
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGKILL)


def _is_copy(pid: int, process: Process) -> bool:
    """Same program as the target, of the same user, younger, and not its child."""
    try:
        other = read_process(pid)
        same = Path(f"/proc/{pid}/cmdline").read_bytes() == Path(f"/proc/{process.pid}/cmdline").read_bytes()
    except (OSError, NoSuchProcess):
        return False
    return same and other.uid == process.uid and other.started >= process.started and pid != process.pid


def take_series(
    pid: int,
    *,
    count: int,
    every: float,
    timeout: float = DEFAULT_TIMEOUT,
    values: bool = False,
    report: Report = _quiet,
    tracking: Tracking | None = None,
    probes: tuple[Probe, ...] = (),
) -> Iterator[Snapshot]:
    """Take ``count`` snapshots of one process, ``every`` seconds apart (start to start).

    With ``tracking``, allocations are recorded from before the first snapshot to the last one, which tells them; a
    single snapshot waits for ``tracking.seconds`` first.  ``probes`` look at the copy of the last snapshot, and those
    whose answers are compared at every one.

    Raises:
        TargetError: as :func:`take_snapshot`; also when another process has got the id meanwhile.
    """
    first = read_process(pid)
    with tracked(first, tracking, (count - 1) * every, timeout, report) as (window, results):
        if window is not None and count == 1:
            _sleep(first, window.left)
        began = time.monotonic()
        for number in range(count):
            if (pause := began + number * every - time.monotonic()) > 0:
                report(f"next snapshot ({number + 1} of {count}) in {pause:.0f} s")
                _sleep(first, pause)
            if not is_alive(first):
                raise NoSuchProcess(f"process {pid} ended after {number} of {count} snapshots")
            report(f"snapshot {number + 1} of {count}")
            last = number == count - 1
            yield take_snapshot(
                pid,
                timeout=timeout,
                values=values,
                report=report,
                window=window if last else None,
                results=results if last else (),
                probes=probes if last else tuple(probe for probe in probes if probe.every),
                counts_only=not last,
            )


def _sleep(process: Process, seconds: float) -> None:
    """Sleep, but not on when the target has ended."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and is_alive(process):
        time.sleep(min(left, 0.2))
