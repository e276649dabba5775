"""The ladder of ways in, each with its share of the deadline and a reason when it fails."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

import leakkit
from leakkit.capture import agent_socket, remote_exec
from leakkit.capture.interpreter import Interpreter, find_interpreter
from leakkit.capture.processes import Process, is_alive, is_keeper, read_process, refusal, traced
from leakkit.errors import (
    CaptureFailed,
    LeakkitError,
    NoSuchProcess,
    PermissionRefused,
    TargetBusy,
    TargetError,
    UnsupportedTarget,
)

if TYPE_CHECKING:
    from leakkit.capture.handover import Handover

Report = Callable[[str], None]
SOCKET_SHARE: Final = 0.3
"""Share of the deadline for the agent's socket."""
REMOTE_SHARE: Final = 0.25
"""Share kept for ``sys.remote_exec`` where this leakkit could use it."""
_KEEPER: Final = "import sys; sys.path.insert(0, sys.argv[1]); from leakkit.capture.keeper import main; main()"
_POLL: Final = 0.002
_TIDY_SECONDS: Final = 1.0

_lingering: list[subprocess.Popen[bytes]] = []
"""Keepers that still wait for a target's GIL; kept so that they are reaped in the end."""


class RungFailed(Exception):
    """One way in did not work.

    Args:
        reason: one line.
        error: what to raise when no other way works either; None when the reason says nothing about the target.
    """

    def __init__(self, reason: str, error: TargetError | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.error = error


def enter(process: Process, handover: Handover, seconds: float, report: Report) -> tuple[str, tuple[str, ...]]:
    """Get the agent started in the target.

    Args:
        process: the target.
        handover: what it shall run.
        seconds: how long to try, all rungs together.
        report: gets a line for each rung that fails or works.

    Returns:
        The way that worked (``agent-socket``, ``ptrace`` or ``remote-exec``) and what it left behind, in words.

    Raises:
        TargetError: none worked; the most telling reason.
    """
    deadline = time.monotonic() + seconds
    failures: list[RungFailed] = []
    rungs: tuple[tuple[str, Callable[[Process, Handover, float, Report], tuple[str, ...]]], ...] = (
        ("agent-socket", _by_socket),
        ("ptrace", _by_ptrace),
        ("remote-exec", _by_remote_exec),
    )
    for name, rung in rungs:
        began = time.monotonic()
        try:
            left = rung(process, handover, deadline, report)
        except RungFailed as failure:
            if handover.taken:
                # An earlier rung's request was served late; which one does not matter to the target.
                return name, ()
            if not is_alive(process):
                raise _ended(process) from None
            report(f"{name}: {failure.reason}")
            failures.append(failure)
        else:
            report(f"{name}: the agent runs after {time.monotonic() - began:.2f} s")
            return name, left
    raise _telling(process, failures)


def _ended(process: Process) -> NoSuchProcess:
    return NoSuchProcess(f"process {process.pid} ({process.name}) ended before it could be entered")


def _telling(process: Process, failures: list[RungFailed]) -> TargetError:
    """The error of the rung that says most: ptrace knows the target best."""
    for failure in sorted(failures, key=lambda one: isinstance(one.error, TargetBusy)):
        if failure.error is not None:
            return failure.error
    return CaptureFailed(f"no way into process {process.pid} worked", "see the reasons with -v")


def _wait_taken(process: Process, handover: Handover, until: float) -> bool:
    """Whether the agent started before ``until`` (``time.monotonic``)."""
    while not handover.taken:
        if time.monotonic() > until or not is_alive(process):
            return handover.taken
        time.sleep(_POLL)
    return True


def _by_socket(process: Process, handover: Handover, deadline: float, report: Report) -> tuple[str, ...]:
    del report
    share = max(0.0, deadline - time.monotonic()) * SOCKET_SHARE
    until = time.monotonic() + share
    if reason := agent_socket.ask(process, handover, share):
        raise RungFailed(reason)
    if not _wait_taken(process, handover, until):
        raise RungFailed(f"the agent said yes but did not start within {share:.1f} s", _busy(process, ""))
    return ()


def _busy(process: Process, note: str) -> TargetBusy:
    """What keeps the interpreter from a safe point: the keeper's last note, or a C call."""
    telling = "stopped by a signal" in note or "interpreter is" in note or "does not stop" in note or "queue" in note
    because = note if telling else "a C call holds the GIL"
    return TargetBusy(
        f"process {process.pid} reached no safe point before the deadline: {because}",
        "try again, or allow more time with --timeout 120",
    )


def _by_remote_exec(process: Process, handover: Handover, deadline: float, report: Report) -> tuple[str, ...]:
    del report
    try:
        version = find_interpreter(process).version
    except LeakkitError as error:
        raise RungFailed(error.message) from None
    if reason := remote_exec.ask(process, handover, version):
        raise RungFailed(reason)
    if not _wait_taken(process, handover, deadline):
        raise RungFailed("the target did not come to its next safe point", _busy(process, ""))
    return ()


def _by_ptrace(process: Process, handover: Handover, deadline: float, report: Report) -> tuple[str, ...]:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise RungFailed("no time left")
    try:
        _require_enterable(process)
        interpreter = find_interpreter(process)
    except TargetError as error:
        raise RungFailed(error.message, error) from None
    if not remote_exec.why_not(process, interpreter.version):
        seconds *= 1 - REMOTE_SHARE
    keeper = _Keeper(process, interpreter, handover, seconds)
    try:
        keeper.watch(report)
    finally:
        keeper.leave(report)
    return tuple(keeper.left)


def _require_enterable(process: Process) -> None:
    """What can be said before anyone touches the target."""
    now = read_process(process.pid)
    if now.state in "Tt" and not now.tracer:
        raise TargetBusy(f"process {now.pid} is stopped by a signal", f"continue it: kill -CONT {now.pid}")
    # Another leakkit's keeper is waited for by ours.
    if now.tracer and not is_keeper(now.tracer) and read_process(process.pid).tracer == now.tracer:
        raise traced(now)
    if now.shadow_stack:
        raise UnsupportedTarget(
            f"process {now.pid} runs with a shadow stack, which a call from outside cannot satisfy",
            "launch it with `leakkit snapshot -- COMMAND`, or call leakkit.agent.listen() in it",
        )


class _Keeper:
    """The keeper process as leakkit sees it.

    Args:
        process: the target.
        interpreter: its interpreter.
        handover: what it shall run.
        seconds: until the text may not start any more.
    """

    def __init__(self, process: Process, interpreter: Interpreter, handover: Handover, seconds: float) -> None:
        self.process = process
        self.handover = handover
        self.end = time.monotonic() + seconds
        self.left: list[str] = []
        self.note = ""
        self.rest = b""
        _lingering[:] = [one for one in _lingering if one.poll() is None]
        home = Path(leakkit.__file__).parent.parent
        self.popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _KEEPER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, start_new_session=True, cwd="/", bufsize=0,
        )  # fmt: skip
        # Both are pipes, as asked for.
        self._input = cast("IO[bytes]", self.popen.stdin)
        self._output = cast("IO[bytes]", self.popen.stdout)
        plan = {
            "pid": process.pid,
            "functions": interpreter.functions,
            "runtime": interpreter.runtime,
            "entry": interpreter.entry,
            "entry_code": interpreter.entry_code.hex(),
            "text": handover.text,
            "handover": str(handover.folder),
            "token": handover.token,
            "seconds": seconds,
        }
        self._input.write(json.dumps(plan).encode() + b"\n")

    def watch(self, report: Report) -> None:
        """Wait until the agent runs; raises RungFailed."""
        while not self.handover.taken:
            ended = time.monotonic() > self.end + 0.2 or not self._listen(0.005, report)
            if ended and not self.handover.taken:
                because = f" ({self.note})" if self.note else ""
                raise RungFailed(f"no safe point was reached{because}", _busy(self.process, self.note))

    def _listen(self, seconds: float, report: Report) -> bool:
        """Hear what the keeper says within ``seconds``; False when it has ended."""
        if not select.select([self._output], [], [], seconds)[0]:
            return True
        part = os.read(self._output.fileno(), 65536)
        *lines, self.rest = (self.rest + part).split(b"\n")
        for line in lines:
            self._hear(json.loads(line), report)
        return bool(part)

    def _hear(self, event: dict[str, Any], report: Report) -> None:
        match event["event"]:
            case "visit":
                self.note = event["note"] or self.note
                waited = f", waited {event['waited'] * 1000:.1f} ms for the GIL" if event["waited"] > 0.005 else ""
                note = f", {event['note']}" if event["note"] else ""
                stopped = f"{event['stopped'] * 1000:.1f} ms"
                report(f"ptrace: thread {event['tid']} stopped for {stopped}{waited}: {event['how']}{note}")
            case "page-left":
                self.left.append(
                    f"{event['bytes']} bytes stay mapped in the target: a queued text may still look there"
                )
                report(f"ptrace: {self.left[-1]}")
            case "refused":
                raise RungFailed(event["message"], self._refused(event["kind"], event["message"]))
            case _:
                pass

    def _refused(self, kind: str, message: str) -> TargetError:
        pid = self.process.pid
        if kind == "gone" or not is_alive(self.process):
            return _ended(self.process)
        if kind == "permission":
            return refusal(read_process(pid))
        if kind == "traced":
            now = read_process(pid)
            return traced(now) if now.tracer else PermissionRefused(message, "end it or wait for it, then try again")
        return CaptureFailed(f"process {pid} could not be entered: {message}", "see the steps with -v")

    def leave(self, report: Report) -> None:
        """Let the keeper tidy up; one that still waits for the GIL goes on alone."""
        if not self.handover.taken:
            self.handover.revoke()
        until = time.monotonic() + _TIDY_SECONDS
        with contextlib.suppress(RungFailed):
            while time.monotonic() < until and self._listen(0.05, report):
                pass
        self._output.close()
        self.handover.after_removal.append(self._end)

    def _end(self) -> None:
        """The folder is removed: the keeper need not watch over it any more."""
        self._input.close()
        try:
            self.popen.wait(_TIDY_SECONDS)
        except subprocess.TimeoutExpired:
            _lingering.append(self.popen)
