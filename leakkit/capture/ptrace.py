"""The kernel's ``ptrace`` for one thread of a target: stop, registers, memory, signal mask, go on.

All requests for a thread must come from the operating system thread that seized it (ptrace(2)); when that thread
ends, the kernel lets the target go.  Times are seconds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import Final

from leakkit.capture.arch import NT_PRSTATUS, Arch, Registers

_CONT: Final = 7
_DETACH: Final = 17
_GETREGSET: Final = 0x4204
_SETREGSET: Final = 0x4205
_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_GETSIGMASK: Final = 0x420A
_SETSIGMASK: Final = 0x420B
_EVENT_STOP: Final = 128
_WALL: Final = 0x40000000
_SPIN: Final = 0.0005
_LARGEST_SET: Final = 16384
"""Bytes: AVX-512 and AMX tiles together need less than 12 KB."""

KEPT_SIGNALS: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)
"""Faults of the call itself; blocking them would make the kernel reset their handlers."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class Gone(Exception):
    """The thread or its process ended."""


class NotStopped(Exception):
    """The thread did not stop in time (it is in an uninterruptible system call)."""


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _request(request: int, tid: int, address: int, data: object) -> None:
    if _libc.ptrace(request, tid, address, data) == -1:
        number = ctypes.get_errno()
        if number == 3:  # ESRCH
            raise Gone(f"thread {tid}")
        raise OSError(number, os.strerror(number))


class TracedThread:
    """One thread of the target under ptrace; ``stop`` it before anything else.

    Args:
        pid: process id of the target.
        tid: thread id.
        arch: of the machine.

    Raises:
        Gone: the thread ended.
        OSError: the kernel refuses (EPERM).
    """

    def __init__(self, pid: int, tid: int, arch: Arch) -> None:
        self.pid = pid
        self.tid = tid
        self.arch = arch
        self.late_signals: list[int] = []
        self.stop_signal = 0
        self._buffer = ctypes.create_string_buffer(_LARGEST_SET)
        _request(_SEIZE, tid, 0, None)
        self._mem = os.open(f"/proc/{pid}/task/{tid}/mem", os.O_RDWR)

    def stop(self, seconds: float) -> None:
        """Stop it; raises NotStopped after ``seconds``, Gone when it ended.

        ``stop_signal`` is afterwards the stop signal's number when the whole process is stopped (SIGSTOP), else 0.
        """
        _request(_INTERRUPT, self.tid, 0, None)
        while True:
            status = self._wait(time.monotonic() + seconds)
            if status >> 16 == _EVENT_STOP:
                number = os.WSTOPSIG(status)
                self.stop_signal = 0 if number == signal.SIGTRAP else number
                return
            # A signal was on its way when the stop was asked for: deliver it, then wait for the stop.
            _request(_CONT, self.tid, 0, os.WSTOPSIG(status))

    def _wait(self, deadline: float) -> int:
        """The next stop's wait status."""
        started = time.monotonic()
        while True:
            try:
                tid, status = os.waitpid(self.tid, os.WNOHANG | _WALL)
            except ChildProcessError:
                raise Gone(f"thread {self.tid}") from None
            now = time.monotonic()
            if tid:
                if os.WIFSTOPPED(status):
                    return status
                raise Gone(f"thread {self.tid}")
            if now > deadline:
                raise NotStopped
            # Short stops are the point: look often at first, then be kind to a long wait for the GIL.
            waited = now - started
            if waited < _SPIN:
                os.sched_yield()
            else:
                time.sleep(0.0001 if waited < 0.05 else 0.005)

    def get(self, note: int) -> bytes:
        """One register set, whole."""
        vector = _IoVec(ctypes.addressof(self._buffer), len(self._buffer))
        _request(_GETREGSET, self.tid, note, ctypes.byref(vector))
        return ctypes.string_at(self._buffer, vector.length)

    def set(self, note: int, raw: bytes) -> None:
        """Put one register set."""
        buffer = ctypes.create_string_buffer(raw, len(raw))
        vector = _IoVec(ctypes.addressof(buffer), len(raw))
        _request(_SETREGSET, self.tid, note, ctypes.byref(vector))

    def registers(self) -> Registers:
        """The general registers by name."""
        return self.arch.unpack(self.get(NT_PRSTATUS))

    def set_registers(self, registers: Registers) -> None:
        """Put the general registers."""
        self.set(NT_PRSTATUS, self.arch.pack(registers))

    def signal_mask(self) -> int:
        """Blocked signals as the kernel's 64-bit set."""
        mask = ctypes.c_uint64()
        _request(_GETSIGMASK, self.tid, 8, ctypes.byref(mask))
        return mask.value

    def set_signal_mask(self, mask: int) -> None:
        """Block these signals: they stay pending in the kernel, with all they carry."""
        _request(_SETSIGMASK, self.tid, 8, ctypes.byref(ctypes.c_uint64(mask)))

    def read(self, address: int, length: int) -> bytes:
        """Memory of the target; shorter where it ends."""
        return os.pread(self._mem, length, address)

    def write(self, address: int, data: bytes) -> None:
        """Memory of the target, read-only pages too."""
        done = os.pwrite(self._mem, data, address)
        if done != len(data):
            raise OSError(14, f"wrote {done} of {len(data)} bytes at {address:#x}")

    def run_to(self, back: int, deadline: float) -> Registers | None:
        """Let it run until it stands at the breakpoint ``back``.

        Returns:
            The registers there, or None when the thread hit a fault of its own first.

        Raises:
            NotStopped: not there at ``deadline`` (``time.monotonic``); it is still running.
            Gone: the target ended.
        """
        while True:
            _request(_CONT, self.tid, 0, 0)
            status = self._wait(deadline)
            number = os.WSTOPSIG(status)
            if status >> 16 == _EVENT_STOP:
                continue  # somebody stops the process; it will be stopped again when it is let go
            registers = self.registers()
            if number == signal.SIGTRAP and self.arch.returned(registers, back):
                return registers
            if number in KEPT_SIGNALS:
                return None
            self.late_signals.append(number)

    def let_go(self) -> None:
        """Detach, delivering what arrived meanwhile; quiet when the target is gone."""
        try:
            _request(_DETACH, self.tid, 0, self.late_signals.pop() if self.late_signals else 0)
            for number in self.late_signals:
                _libc.tgkill(self.pid, self.tid, number)
        except (Gone, OSError):
            pass

    def close(self) -> None:
        """Close the descriptor of its memory."""
        os.close(self._mem)
