"""Run a text in a Python process through ptrace, only ever at a place where C code may do so.

One thread is stopped for about a millisecond.  When it waits in a blocking system call and has let go of the GIL
(``PyGILState_Check`` says 0), ``PyGILState_Ensure``, ``PyRun_SimpleString`` and ``PyGILState_Release`` are called on
it, as C code between ``Py_BEGIN_ALLOW_THREADS`` and ``Py_END_ALLOW_THREADS`` may.  Anywhere else only
``Py_AddPendingCall`` is called, which neither allocates nor needs the GIL; the interpreter then runs the text at its
next safe point.  A called function returns to a breakpoint on the executable's entry point, which nothing executes any
more.  Registers, extended registers, ``errno``, signal mask, the breakpoint's byte and the page of the text are put
back.  Standard library only: this runs in the keeper process.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leakkit.capture.ptrace import KEPT_SIGNALS, Gone, NotStopped, TracedThread

if TYPE_CHECKING:
    from leakkit.capture.arch import Arch, Registers

_STOP_SECONDS: Final = 0.25
_CALL_SECONDS: Final = 2.0
_STACK_ROOM: Final = 192 * 1024
"""Bytes a thread's stack must have left for the compiler: twice what 3.15 was seen to use."""
_PROT_READ_WRITE: Final = 3
_MAP_PRIVATE_ANONYMOUS: Final = 0x22
COLLECTOR_UNKNOWN: Final = b"9"
"""Digit in the text that stands for "ask the collector whether it is on"; replaced where the keeper knows."""
NO_TEXT: Final = b"0\0"
"""A text that does nothing, for a queued one that is not wanted any more."""
_MAP_FAILED: Final = (1 << 64) - 1


class Refused(Exception):
    """No way in, for a reason that waiting does not change.

    Args:
        kind: ``permission``, ``gone``, ``failed`` or ``traced``.
        message: one line.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Plan:
    """What the keeper is told: where things are in the target (absolute addresses) and what to run there."""

    pid: int
    functions: dict[str, int]
    """Address by name of the functions of CALLED that the target has."""
    runtime: tuple[int, int]
    """First address of ``_PyRuntime`` and the one after it."""
    entry: int
    entry_code: bytes
    """The code at the entry point according to the executable's file."""
    page_size: int
    text: bytes
    """What ``PyRun_SimpleString`` gets."""


@dataclass
class Outcome:
    """What one attempt came to."""

    how: str
    """``direct``, ``pending``, ``later`` (not now) or ``held`` (inside, waiting for the GIL past the deadline)."""
    note: str
    stopped_seconds: float = 0.0
    """How long the thread was kept from its own work."""
    waited_seconds: float = 0.0
    """How long it waited for the GIL besides, as any thread that wants to run Python does."""


CALLED: Final = (
    "Py_IsInitialized", "PyGILState_Check", "PyGILState_Ensure", "PyRun_SimpleString", "PyGILState_Release",
    "Py_AddPendingCall", "mmap", "munmap", "__errno_location",
)  # fmt: skip
OPTIONAL: Final = ("PyGC_Disable", "PyGC_Enable", "_Py_IsFinalizing", "Py_IsFinalizing")
"""Called where the target's version has them."""


def threads(pid: int) -> list[int]:
    """Thread ids, main thread first; raises Refused when the process is gone."""
    try:
        found = sorted(int(path.name) for path in Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        raise Refused("gone", f"process {pid} ended") from None
    return sorted(found, key=lambda tid: tid != pid)


def rank(plan: Plan, arch: Arch) -> list[tuple[int, int]]:
    """(grade, thread) in the order to try, from ``/proc/PID/task/TID/syscall``, which stops nobody.

    Grade 0 waits in a system call, 1 for a futex, 2 for the GIL, 3 runs or does not say.
    """
    order: list[tuple[int, int]] = []
    for tid in threads(plan.pid):
        try:
            fields = Path(f"/proc/{plan.pid}/task/{tid}/syscall").read_text(encoding="ascii").split()
        except OSError:
            fields = []
        grade = 3
        if fields and fields[0].lstrip("-").isdigit() and int(fields[0]) in arch.blocking:
            number, address = int(fields[0]), int(fields[1], 16)
            for_gil = number in (arch.futex, arch.restart) and plan.runtime[0] <= address < plan.runtime[1]
            grade = 2 if for_gil else 1 if number == arch.futex else 0
        order.append((grade, tid))
    # A stable sort: among equals the main thread stays first.
    return sorted(order, key=lambda entry: entry[0])


def require_alive(pid: int) -> None:
    """Raises Refused when no thread of the process runs any more."""
    if not any(_is_running(pid, tid) for tid in threads(pid)):
        raise Refused("gone", f"process {pid} ended")


def _is_running(pid: int, tid: int) -> bool:
    """Whether the thread is there and no zombie (which nobody may trace either)."""
    try:
        text = Path(f"/proc/{pid}/task/{tid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


class Visit:
    """One stop of one thread, from seizing it to letting it go.

    Args:
        plan: what to do.
        arch: of the machine.
        tid: the thread.
        deadline: ``time.monotonic`` after which the text must not run any more.
    """

    def __init__(self, plan: Plan, arch: Arch, tid: int, deadline: float) -> None:
        self.plan = plan
        self.arch = arch
        self.deadline = deadline
        self.thread = self._seize(tid)
        self.registers: Registers = {}
        self.errno: tuple[int, bytes] | None = None
        self.waited = 0.0

    def _seize(self, tid: int) -> TracedThread:
        try:
            return TracedThread(self.plan.pid, tid, self.arch)
        except PermissionError:
            if not _is_running(self.plan.pid, tid):
                raise Gone(f"thread {tid}") from None
            raise Refused("permission", f"the kernel refuses ptrace on thread {tid}") from None

    def run(self, *, pending: int = 0, unmap: int = 0, only_direct: bool = False) -> tuple[Outcome, int]:
        """Stop, act, put everything back.

        Args:
            pending: address of a text that is queued already; 0 for none.
            unmap: address of a page to take back, which is then all that is done.
            only_direct: do not queue anything.

        Returns:
            The outcome, and the address of the page that has to stay until the queued text ran (0 for none).

        Raises:
            Refused: for a reason that waiting does not change.
            NotStopped: this thread does not stop.
            Gone: this thread ended.
        """
        thread = self.thread
        try:
            began = time.monotonic()
            thread.stop(_STOP_SECONDS)
            if thread.stop_signal:
                thread.let_go()
                return Outcome("later", "the process is stopped by a signal"), 0
            try:
                outcome, page = self._stopped(pending, unmap, only_direct=only_direct)
            finally:
                thread.let_go()
            outcome.stopped_seconds = time.monotonic() - began - self.waited
            outcome.waited_seconds = self.waited
            return outcome, page
        finally:
            thread.close()

    def _stopped(self, pending: int, unmap: int, *, only_direct: bool) -> tuple[Outcome, int]:
        thread, arch, plan = self.thread, self.arch, self.plan
        self.registers = thread.registers()
        code = thread.read(plan.entry, len(arch.breakpoint))
        if code != plan.entry_code:
            if code != arch.breakpoint:
                raise Refused("failed", "the executable's file and memory differ at its entry point")
            plan_note = "an interrupted attempt left its breakpoint; putting the code back"
        else:
            plan_note = ""
        extended = [(note, thread.get(note)) for note in arch.extended]
        mask = thread.signal_mask()
        kept = sum(1 << (number - 1) for number in KEPT_SIGNALS)
        try:
            thread.set_signal_mask(((1 << 64) - 1) & ~kept)
            thread.write(plan.entry, arch.breakpoint)
            if unmap:
                self._call("munmap", unmap, plan.page_size)
                return Outcome("direct", "took the page back"), 0
            outcome, page = self._enter(pending, only_direct=only_direct)
            outcome.note = "; ".join(filter(None, (outcome.note, plan_note)))
            return outcome, page
        finally:
            if self.errno:
                thread.write(*self.errno)
            thread.write(plan.entry, plan.entry_code)
            for note, raw in extended:
                thread.set(note, raw)
            thread.set_registers(arch.resume(self.registers))
            thread.set_signal_mask(mask)

    def _call(self, name: str, *args: int, seconds: float = _CALL_SECONDS) -> int:
        """Call a function of the target; raises Refused when it does not come back."""
        thread, arch = self.thread, self.arch
        changed, on_stack = arch.call(self.registers, self.plan.functions[name], args, self.plan.entry)
        if on_stack:
            thread.write(arch.stack_pointer(changed), on_stack)
        thread.set_registers(changed)
        if forget := arch.forget_syscall():
            thread.set(*forget)
        try:
            back = thread.run_to(self.plan.entry, time.monotonic() + seconds)
        except NotStopped:
            # Only a lock that this very thread holds can do that; its own code can go on and release it.
            thread.stop(_STOP_SECONDS)
            raise Refused("failed", f"{name} did not come back") from None
        if back is None:
            raise Refused("failed", f"{name} hit a fault; the thread goes on where it was")
        return arch.result(back)

    def _enter(self, pending: int, *, only_direct: bool) -> tuple[Outcome, int]:
        if not self._call("Py_IsInitialized") & 0xFFFFFFFF:
            return Outcome("later", "the interpreter is starting or shutting down"), 0
        finalizing = next((name for name in OPTIONAL[2:] if name in self.plan.functions), "")
        if finalizing and self._call(finalizing) & 0xFFFFFFFF:
            return Outcome("later", "the interpreter is shutting down"), 0
        place = self._call("__errno_location")
        self.errno = (place, self.thread.read(place, 4))
        reason = self._why_not_direct()
        if reason and (pending or only_direct):
            return Outcome("later", reason), 0
        page = self._map_text()
        if not reason:
            return self._direct(page, pending), 0
        if self._call("Py_AddPendingCall", self.plan.functions["PyRun_SimpleString"], page) & 0xFFFFFFFF:
            self._call("munmap", page, self.plan.page_size)
            return Outcome("later", "the interpreter's queue of pending calls is full"), 0
        return Outcome("pending", reason), page

    def _why_not_direct(self) -> str:
        """Empty when this thread may call into Python now."""
        registers, arch = self.registers, self.arch
        code = self.thread.read(arch.program_counter(registers) - 4, 8)
        number = arch.syscall(registers, code)
        if not arch.waits(registers, number, self.plan.runtime):
            low, high = self.plan.runtime
            if number in (arch.futex, arch.restart) and low <= arch.arguments(registers)[0] < high:
                return "it waits for the GIL"
            return "it runs" if number is None else f"it is in system call {number}"
        if self._call("PyGILState_Check") & 0xFFFFFFFF:
            return "it waits while it holds the GIL"
        if not self._has_stack_room(arch.stack_pointer(registers)):
            return "its stack has too little room left"
        return ""

    def _has_stack_room(self, stack_pointer: int) -> bool:
        with open(f"/proc/{self.plan.pid}/maps", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123 - streamed
            for line in lines:
                span = line.split(" ", 1)[0]
                low, high = (int(part, 16) for part in span.split("-"))
                if low <= stack_pointer < high:
                    return line.rstrip().endswith("[stack]") or stack_pointer - low >= _STACK_ROOM
        return False

    def _map_text(self) -> int:
        page = self._call("mmap", 0, self.plan.page_size, _PROT_READ_WRITE, _MAP_PRIVATE_ANONYMOUS, _MAP_FAILED, 0)
        if page in (0, _MAP_FAILED):
            raise Refused("failed", "the target has no memory for one page")
        self.thread.write(page, self.plan.text + b"\0")
        return page

    def _direct(self, page: int, pending: int) -> Outcome:
        """Ensure, run, release; the GIL is waited for as long as it takes, for that wait cannot be taken back."""
        state = self._call_patiently("PyGILState_Ensure")
        if pending:
            self.thread.write(pending, NO_TEXT)
        ran = time.monotonic() < self.deadline
        if ran:
            self._run_text(page)
        self._call_patiently("PyGILState_Release", state & 0xFFFFFFFF)
        self._call("munmap", page, self.plan.page_size)
        return Outcome("direct" if ran else "held", "" if ran else "the GIL came after the deadline")

    def _run_text(self, page: int) -> None:
        """With the collector off, so that compiling the text starts no collection; the agent turns it on again."""
        plan = self.plan
        known = {"PyGC_Disable", "PyGC_Enable"} <= plan.functions.keys()
        was_on = bool(known and self._call("PyGC_Disable") & 0xFFFFFFFF)
        if known:
            text = plan.text.replace(COLLECTOR_UNKNOWN + b"==1", b"1==1" if was_on else b"0==1")
            self.thread.write(page, text.replace(COLLECTOR_UNKNOWN + b"==9", b"0==9") + b"\0")
        failed = self._call_patiently("PyRun_SimpleString", page) & 0xFFFFFFFF
        if was_on and failed:
            self._call("PyGC_Enable")

    def _call_patiently(self, name: str, *args: int) -> int:
        began = time.monotonic()
        try:
            return self._call(name, *args, seconds=float("inf"))
        finally:
            self.waited += time.monotonic() - began


def visit(plan: Plan, arch: Arch, tid: int, deadline: float, **what: int) -> tuple[Outcome, int]:
    """One :class:`Visit`; threads that end or do not stop make it ``later``.

    Call it in an operating system thread of its own: a thread of the target that was seized but never stops can only
    be let go by the end of the tracing thread.
    """
    try:
        return Visit(plan, arch, tid, deadline).run(
            pending=what.get("pending", 0),
            unmap=what.get("unmap", 0),
            only_direct=bool(what.get("only_direct", 0)),
        )
    except (Gone, ProcessLookupError):
        require_alive(plan.pid)
        return Outcome("later", f"thread {tid} ended"), 0
    except OSError as error:
        require_alive(plan.pid)
        return Outcome("later", f"thread {tid}: {error.strerror}"), 0
    except NotStopped:
        return Outcome("later", f"thread {tid} does not stop: it is in an uninterruptible system call"), 0


def traced_by(pid: int) -> int:
    """Process id of the tracer of any thread of ``pid``, or 0."""
    for tid in threads(pid):
        try:
            with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
                for line in lines:
                    if line.startswith("TracerPid:"):
                        if tracer := int(line.split()[1]):
                            return tracer
                        break
        except OSError:
            continue
    return 0


__all__ = ["CALLED", "OPTIONAL", "Outcome", "Plan", "Refused", "rank", "threads", "traced_by", "visit"]
