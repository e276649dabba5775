"""Applies a fix in a running process; everything else in this room only looks."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit.capture.handover import Handover, Request
from leakkit.capture.ladder import Report, enter
from leakkit.capture.processes import Process, is_alive, read_process
from leakkit.errors import CaptureFailed, NoSuchProcess

if TYPE_CHECKING:
    from collections.abc import Callable

WORK_SECONDS: Final = 600.0
"""How long a collection may take: finalizers may do anything."""
_POLL: Final = 0.005


@dataclass(frozen=True)
class Applied:
    """What was done in the target, measured there; bytes and seconds."""

    method: str
    """The way in."""
    unreachable: int
    """Objects that the collector found unreachable."""
    kept: int
    """Of those the ones it could not free (``gc.garbage``)."""
    collect_seconds: float
    collect_cpu: float
    """CPU seconds of the collection: less than it took where others wanted the processor."""
    dry_seconds: float | None
    """CPU seconds of one pass over all references that changes nothing, right before; None where it was not made."""
    trim_seconds: float | None
    """None when no trim was asked for, or there is none."""
    no_trim: str
    """Why a trim that was asked for could not be done."""
    rss_before: int
    rss_collected: int | None
    """After the collection, before the trim; None where the target does not see its own ``/proc``."""
    rss_after: int


def apply(pid: int, *, trim: bool, timeout: float, report: Report) -> Applied:
    """Have the target collect, and trim when asked.

    Args:
        pid: the target.
        trim: whether to give free memory back to the kernel as well.
        timeout: seconds to get in.
        report: gets each rung's outcome, one line at a time.

    Raises:
        TargetError: it could not be entered, or did not finish.
    """
    process = read_process(pid)
    text = resources.files("leakkit").joinpath("agent", "apply.py").read_bytes()
    request = Request(values=False, enter_seconds=timeout, copy_seconds=0.0, headroom_fraction=1.0)
    files = {"start.py": text, "trim": b"1" if trim else b"0"}
    with Handover(process, files, request) as handover:
        before = resident(pid)
        method, _ = enter(process, handover, timeout, report)
        done = _wait(process, handover, report)
        return _applied(method, done, (before, resident(pid)))


def resident(pid: int) -> int:
    """Resident bytes of a process, seen from outside; 0 when it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def _wait(process: Process, handover: Handover, report: Callable[[str], None]) -> dict[str, Any]:
    """``done.json``."""
    began, said = time.monotonic(), 0
    while True:
        if (done := handover.read_json("done.json")) is not None:
            if not done.get("ok"):
                message = str((done.get("error") or {}).get("message", "no reason given"))
                raise CaptureFailed(f"process {process.pid} could not apply it: {message}", "see the steps with -v")
            return done
        if not is_alive(process):
            raise NoSuchProcess(f"process {process.pid} ended while it was collecting")
        waited = time.monotonic() - began
        if waited > WORK_SECONDS:
            raise CaptureFailed(
                f"process {process.pid} is still collecting after {waited:.0f} s", "look at its finalizers"
            )
        if int(waited) // 5 > said:
            said = int(waited) // 5
            report(f"the target is collecting, {waited:.0f} s so far")
        time.sleep(_POLL)


def _applied(method: str, done: dict[str, Any], seen: tuple[int, int]) -> Applied:
    """The agent's figures, checked: the target wrote them; ``seen`` are resident bytes as leakkit saw them."""
    try:
        inside = [
            None if done[f"rss_{when}"] is None else int(done[f"rss_{when}"])
            for when in ("before", "collected", "after")
        ]
        before, collected, after = inside
        return Applied(
            method=method,
            unreachable=int(done["unreachable"]),
            kept=int(done["kept"]),
            collect_seconds=float(done["collect_seconds"]),
            collect_cpu=float(done["collect_cpu"]),
            dry_seconds=None if done["dry_seconds"] is None else float(done["dry_seconds"]),
            trim_seconds=None if done.get("trim_seconds") is None else float(done["trim_seconds"]),
            no_trim=str(done.get("no_trim", "")),
            rss_before=seen[0] if before is None else before,
            rss_collected=collected,
            rss_after=seen[1] if after is None else after,
        )
    except (KeyError, TypeError, ValueError):
        raise CaptureFailed("the agent's done.json is damaged") from None
