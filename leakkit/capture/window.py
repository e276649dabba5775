"""An allocation window: memray's Tracker runs in the target while it is open.

The window is opened through leakkit's own way in and lives in a handover folder of its own; the snapshot that is taken
at its end closes it, so that what was recorded is what the copy holds.  A target that has no memray is lent leakkit's.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.machinery
import json
import os
import time
from dataclasses import dataclass, field
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any, Final, Self

from leakkit.capture.allocations import read_recorded
from leakkit.capture.handover import Handover, Request
from leakkit.capture.ladder import Report, enter
from leakkit.capture.probes import MEMRAY, lend, why_not
from leakkit.capture.processes import is_alive
from leakkit.errors import LeakkitError
from leakkit.probe_model import ProbeResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from leakkit.capture.allocations import Recorded
    from leakkit.capture.processes import Process

MOST_BYTES: Final = 2 << 30
"""A window ends early when its file has so many bytes: some 60 million allocations."""
_OPEN_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 60.0
"""So much longer than asked for the target tracks when leakkit does not come back to end it."""
_CLOSE_SECONDS: Final = 12.0
_WITHOUT_END: Final = 86400.0
_POLL: Final = 0.01


class ProbeSkipped(Exception):
    """A probe cannot run here.

    Args:
        reason: one line, for "skipped, because".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Window:
    """An open window; a context manager that leaves nothing of it behind."""

    process: Process
    handover: Handover
    seconds: float
    native: bool
    opened: float = 0.0
    """``time.monotonic`` when tracking began."""
    disclosures: list[str] = field(default_factory=list)
    lock: int = -1
    """Descriptor of a locked file: when leakkit dies, the kernel lets go of it and the target ends the window."""

    @property
    def inner(self) -> str:
        """The folder as the target sees it."""
        return self.handover.inner

    @property
    def file(self) -> Path:
        """What memray wrote."""
        return self.handover.folder / "allocations.bin"

    @property
    def left(self) -> float:
        """Seconds until the window is due to end."""
        return max(0.0, self.opened + self.seconds - time.monotonic())

    def closed(self) -> dict[str, Any] | None:
        """What the target said at the end of the window; None while it is open."""
        return self.handover.read_json("closed.json")

    def close(self) -> dict[str, Any] | None:
        """End the window now and wait until nothing of it is left in the target; what the target said."""
        with contextlib.suppress(OSError):
            (self.handover.folder / "stop").touch(mode=0o600)
        until = time.monotonic() + _CLOSE_SECONDS
        while (told := self.closed()) is None:
            if time.monotonic() > until or not is_alive(self.process):
                return None
            time.sleep(_POLL)
        return told

    def recorded(self, report: Report) -> tuple[Recorded | None, ProbeResult]:
        """What was recorded in the window, which must be closed, and what became of the probe."""
        told = self.closed()
        if told is None or not told.get("ok"):
            reason = "the window was not closed in time" if told is None else _one_line(told.get("reason"))
            return None, ProbeResult(MEMRAY.name, "failed", reason)
        report("reading the recorded allocations")
        try:
            found = read_recorded(self.file, told, native=self.native, report=report)
        except Exception as error:  # noqa: BLE001 - a probe that fails costs nothing but its own answer
            return None, ProbeResult(MEMRAY.name, "failed", f"memray cannot read its file: {_one_line(error)}")
        data = {"seconds": found.facts.seconds, "events": found.facts.events, "ended": found.facts.ended}
        return found, ProbeResult(MEMRAY.name, "ok", data=data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.closed() is None:
                self.close()
        finally:
            self.handover.remove()
            if self.lock >= 0:
                os.close(self.lock)
                self.lock = -1


def open_window(process: Process, seconds: float, *, native: bool, timeout: float, report: Report) -> Window:
    """Start to track allocations in a process.

    Args:
        process: the target.
        seconds: how long; a minute later tracking ends by itself, whatever becomes of leakkit.
        native: record C stacks, too.
        timeout: seconds to get in.
        report: gets a line for each step.

    Raises:
        ProbeSkipped: memray cannot be used in this target; says why.
        TargetError: the target cannot be entered.
    """
    if reason := why_not(MEMRAY):
        raise ProbeSkipped(reason)
    text = resources.files("leakkit").joinpath("agent", "window.py").read_bytes()
    ask = {
        "version": metadata.version("memray"),
        "suffix": importlib.machinery.EXTENSION_SUFFIXES[0],
        "seconds": seconds + _GRACE_SECONDS,
        "native": native,
        "most_bytes": MOST_BYTES,
    }
    files = {"start.py": text, "window.request": json.dumps(ask).encode()}
    handover = Handover(process, files, Request(False, timeout, 0.0, 0.8))
    window = Window(process, handover, seconds, native)
    try:
        handover.add("host.lock", b"")
        window.lock = os.open(handover.folder / "host.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(window.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lend(handover, MEMRAY.needs)
        method, left = enter(process, handover, timeout, report)
        _wait_open(window)
    except BaseException:
        window.__exit__()
        raise
    what = "memray was lent to the target and" if (handover.read_json("open.json") or {}).get("lent") else "memray"
    window.disclosures += [f"{what} tracked its allocations (entered by {method}); its modules stay loaded", *left]
    return window


def _wait_open(window: Window) -> None:
    until = time.monotonic() + _OPEN_SECONDS
    while window.handover.read_json("open.json") is None:
        told = window.closed()
        if told is not None and not told.get("ok"):
            raise ProbeSkipped(_one_line(told.get("reason")))
        if told is not None:
            break
        if not is_alive(window.process):
            raise ProbeSkipped("the target ended before tracking began")
        if time.monotonic() > until:
            raise ProbeSkipped("memray did not start in the target in time")
        time.sleep(_POLL)
    window.opened = time.monotonic()


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:300]


@dataclass(frozen=True)
class Tracking:
    """The wish to record allocations."""

    seconds: float
    native: bool = False


@contextlib.contextmanager
def tracked(
    process: Process, wish: Tracking | None, at_least: float, timeout: float, report: Report
) -> Iterator[tuple[Window | None, tuple[ProbeResult, ...]]]:
    """Record allocations while the block runs, if that is wished and possible.

    Args:
        process: the target.
        wish: None for no.
        at_least: seconds that the block will take.
        timeout: seconds to get in.
        report: gets a line for each step.

    Yields:
        The window, or None; and why there is none although it was wished.
    """
    if wish is None:
        yield None, ()
        return
    seconds = max(wish.seconds, at_least)
    try:
        window = open_window(process, seconds, native=wish.native, timeout=timeout, report=report)
    except (ProbeSkipped, LeakkitError) as error:
        reason = error.reason if isinstance(error, ProbeSkipped) else error.message
        report(f"{MEMRAY.name}: skipped, because {reason}")
        yield None, (ProbeResult(MEMRAY.name, "skipped", reason),)
        return
    report("tracking allocations" + (f" for {seconds:.0f} s" if seconds < _WITHOUT_END else ""))
    with window:
        yield window, ()
