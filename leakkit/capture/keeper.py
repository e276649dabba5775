"""The process that does the ptracing, so that nothing that happens to leakkit can hurt the target.

It lives in a session of its own and ignores the terminal's signals: Ctrl-C, a closed terminal or a killed leakkit
leave it to put everything back.  When the target's GIL does not come before the deadline it stays, silently, until the
one call that waits for it has returned.  It reads a plan (JSON) from standard input and writes one JSON line an event
to standard output.  Standard library only, no import of the rest of leakkit.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from leakkit.capture.arch import Arch, this_machine
from leakkit.capture.safe_place import NO_TEXT, Outcome, Plan, Refused, rank, traced_by, visit

_DIRECT_TRIES: Final = 4
"""Threads that are stopped in one round to find one that may call into Python."""
_LONGEST_PAUSE: Final = 1.0


def say(event: str, **facts: object) -> None:
    """One event to leakkit; quiet when it is gone."""
    try:
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        # Nobody listens any more; the work goes on, and the interpreter must not complain at its exit.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - lives as long as the process


class Keeper:
    """Enters one target and puts everything back.

    Args:
        plan: where things are in the target.
        arch: of the machine.
        handover: the handover folder as seen here.
        token: hex; ``token-HEX`` there becomes ``taken-HEX`` when the text runs.
        deadline: ``time.monotonic`` after which the text must not start any more.
    """

    def __init__(self, plan: Plan, arch: Arch, handover: Path, token: str, deadline: float) -> None:
        self.plan = plan
        self.arch = arch
        self.waiting = handover / f"token-{token}"
        self.taken = handover / f"taken-{token}"
        self.deadline = deadline
        self.page = 0

    def over(self) -> bool:
        """Whether the text runs, may not run any more, or nobody waits for it."""
        return self.taken.exists() or not self.waiting.exists() or time.monotonic() >= self.deadline

    def once(self, tid: int, **what: int) -> Outcome:
        """One visit in an operating system thread of its own; its end lets go of whatever was seized."""
        results: list[tuple[Outcome, int] | BaseException] = []

        def body() -> None:
            try:
                results.append(visit(self.plan, self.arch, tid, self.deadline, **what))
            except BaseException as error:  # noqa: BLE001 - carried over to the main thread
                results.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        result = results[0]
        if isinstance(result, BaseException):
            raise result
        outcome, page = result
        self.page = page or self.page
        if not what.get("unmap"):
            say(
                "visit", tid=tid, how=outcome.how, note=outcome.note, stopped=outcome.stopped_seconds,
                waited=outcome.waited_seconds,
            )  # fmt: skip
        return outcome

    def round(self) -> bool:
        """Try the best few threads; whether one ran the text."""
        order = rank(self.plan, self.arch)
        waiting = [tid for grade, tid in order if grade <= 1][:_DIRECT_TRIES]
        for tid in waiting[:-1] if not self.page else waiting:
            if self.over():
                return False
            if self.once(tid, pending=self.page, only_direct=1).how in ("direct", "held"):
                return True
        if self.page or self.over():
            return False
        # Nobody may call into Python now: the last one looked at, or else a thread that waits for the GIL (it cannot
        # be inside the lock of the queue; one that runs hardly ever is), queues the text unless it may after all.
        return self.once(waiting[-1] if waiting else order[0][1]).how in ("direct", "held")

    def enter(self) -> None:
        """Rounds with growing pauses until the text runs or the deadline is over."""
        pause = 0.02
        while not self.over():
            if self.round():
                self._wait(min(1.0, self.deadline - time.monotonic()))
                if self.taken.exists():
                    return
            self._wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.over():
            time.sleep(0.002)

    def tidy(self) -> None:
        """Take the page of a queued text back, once it ran; a queued text that never ran keeps its page."""
        if not self.page:
            return
        if not self.taken.exists():
            self._empty_page()
            say("page-left", bytes=self.plan.page_size)
            return
        for _ in range(20):
            if self.once(rank(self.plan, self.arch)[0][1], unmap=self.page).how == "direct":
                return
            time.sleep(0.01)
        say("page-left", bytes=self.plan.page_size)

    def _empty_page(self) -> None:
        """A text that is still queued shall do nothing when its turn comes."""
        with (
            contextlib.suppress(OSError),
            Path(f"/proc/{self.plan.pid}/mem").open("r+b", buffering=0) as memory,
        ):
            memory.seek(self.page)
            memory.write(NO_TEXT)


def _alone(pid: int, deadline: float) -> socket.socket:
    """Only one keeper a target at a time: an abstract socket's name is a lock that dies with its holder."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    while True:
        try:
            lock.bind(f"\0leakkit-keeper-{pid}")
        except OSError:
            if time.monotonic() > deadline:
                raise Refused("traced", f"another leakkit is inside process {pid}") from None
            time.sleep(0.02)
        else:
            return lock


def _serve(order: dict[str, Any], arch: Arch) -> None:
    plan = Plan(
        pid=order["pid"],
        functions=order["functions"],
        runtime=(order["runtime"][0], order["runtime"][1]),
        entry=order["entry"],
        entry_code=bytes.fromhex(order["entry_code"]),
        page_size=os.sysconf("SC_PAGE_SIZE"),
        text=order["text"].encode(),
    )
    deadline = time.monotonic() + order["seconds"]
    keeper = Keeper(plan, arch, Path(order["handover"]), order["token"], deadline)
    with _alone(plan.pid, deadline):
        if tracer := traced_by(plan.pid):
            raise Refused("traced", f"process {plan.pid} is traced by process {tracer}")
        keeper.enter()
        say("taken" if keeper.taken.exists() else "deadline")
        keeper.tidy()


def _warm_up(arch: Arch) -> None:
    """Run once what runs while a thread stands still, so that its pages and caches are there."""
    registers = arch.unpack(bytes(8 * len(arch.names)))
    changed, _ = arch.call(registers, 0, (0, 0, 0, 0, 0, 0), 0)
    arch.pack(changed)
    arch.waits(registers, arch.syscall(registers, bytes(8)), (0, 1))
    time.monotonic()
    os.sched_yield()


def main() -> None:
    """Read the plan, do it, say what came of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    gc.disable()
    with contextlib.suppress(OSError):
        # A busy machine must not lengthen the time that a thread of the target stands still; only root may.
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    arch = this_machine()
    if arch is None:
        say("refused", kind="failed", message="no way in on this architecture")
        return
    _warm_up(arch)
    handover = ""
    try:
        order = json.loads(sys.stdin.readline())
        handover = order["handover"]
        _serve(order, arch)
    except Refused as refusal:
        say("refused", kind=refusal.kind, message=refusal.message)
    except Exception as error:  # noqa: BLE001 - the reason goes to leakkit, not to the terminal
        say("refused", kind="failed", message=f"{type(error).__name__}: {error}")
    sys.stdout.close()
    os.close(1)  # closing the stream alone leaves the pipe open
    # Leakkit closes our input when it has removed the folder; if it died, that is left to us.
    sys.stdin.read()
    if handover:
        shutil.rmtree(handover, ignore_errors=True)
