"""What differs between x86-64 and aarch64 when a function is called in a stopped thread.

Register layouts are ``struct user_regs_struct`` (x86-64) and ``struct user_pt_regs`` (aarch64) as
``PTRACE_GETREGSET`` gives them; call conventions are the System V AMD64 ABI and AAPCS64; system call numbers
are those of the kernel's ``unistd`` tables.  The aarch64 half follows the same documents but was never run.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass

NT_PRSTATUS = 1
NT_PRFPREG = 2
NT_X86_XSTATE = 0x202
NT_ARM_TLS = 0x401
NT_ARM_SYSTEM_CALL = 0x404

Registers = dict[str, int]

_MASK = (1 << 64) - 1
_FUTEX_WAITS = frozenset({0, 6, 9, 11, 13})
"""FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2: the operations that block."""
_FUTEX_COMMAND = 0x7F
_EINTR = (1 << 64) - 4
_INFINITE = 0xFFFFFFFF


@dataclass(frozen=True)
class Arch:
    """One architecture; the base class holds what both share."""

    name: str
    elf_machine: str
    """``e_machine`` as pyelftools names it."""
    names: tuple[str, ...]
    """The registers in the order of NT_PRSTATUS."""
    breakpoint: bytes
    extended: tuple[int, ...]
    """Register sets that are saved and put back whole, besides the general registers."""
    blocking: frozenset[int]
    """System calls that wait, during which CPython has let go of the GIL."""
    futex: int
    restart: int
    """``restart_syscall``: what a thread interrupted in a timed wait is found in the next time."""
    red_zone: int = 4096
    """Bytes left alone below the stack pointer; far more than the 128 of the x86-64 ABI."""

    def unpack(self, raw: bytes) -> Registers:
        """Registers by name from the bytes of NT_PRSTATUS."""
        return dict(zip(self.names, struct.unpack(f"<{len(self.names)}Q", raw[: 8 * len(self.names)]), strict=True))

    def pack(self, registers: Registers) -> bytes:
        """The bytes of NT_PRSTATUS."""
        return struct.pack(f"<{len(self.names)}Q", *(registers[name] & _MASK for name in self.names))

    def program_counter(self, registers: Registers) -> int:
        """Where the thread is."""
        return registers["rip" if "rip" in registers else "pc"]

    def stack_pointer(self, registers: Registers) -> int:
        """Lowest used address of the stack (the red zone lies below)."""
        return registers["rsp" if "rsp" in registers else "sp"]

    def syscall(self, registers: Registers, code: bytes) -> int | None:
        """Number of the system call that the thread is in, or None; ``code`` is the 8 bytes around its pc."""
        raise NotImplementedError

    def arguments(self, registers: Registers) -> tuple[int, int]:
        """First two arguments of that system call."""
        raise NotImplementedError

    def call(self, registers: Registers, function: int, args: tuple[int, ...], back: int) -> tuple[Registers, bytes]:
        """Registers for a call, and the bytes to write at the new stack pointer."""
        raise NotImplementedError

    def result(self, registers: Registers) -> int:
        """What the function returned."""
        raise NotImplementedError

    def returned(self, registers: Registers, back: int) -> bool:
        """Whether the thread stands at the breakpoint at ``back``."""
        raise NotImplementedError

    def resume(self, registers: Registers) -> Registers:
        """The registers to put back so that an interrupted wait goes on where it was."""
        return registers

    def forget_syscall(self) -> tuple[int, bytes] | None:
        """A register set to write before a call, so that the kernel restarts no system call during it."""
        return None

    def waits(self, registers: Registers, number: int | None, runtime: tuple[int, int]) -> bool:
        """Whether the thread sits in a blocking system call that is not a wait for the GIL.

        Args:
            registers: of the stopped thread.
            number: its system call, from :meth:`syscall`.
            runtime: first address of ``_PyRuntime`` and the one after it: the GIL's futexes lie there.
        """
        if number is None or number not in self.blocking:
            return False
        address, operation = self.arguments(registers)
        if number in (self.futex, self.restart) and runtime[0] <= address < runtime[1]:
            return False
        return number != self.futex or (operation & _FUTEX_COMMAND) in _FUTEX_WAITS


class X86_64(Arch):  # noqa: N801 - the architecture's own name
    """System V AMD64."""

    _ARGUMENTS = ("rdi", "rsi", "rdx", "rcx", "r8", "r9")

    def syscall(self, registers: Registers, code: bytes) -> int | None:
        """``orig_rax`` says it; -1 outside system calls."""
        del code
        number = registers["orig_rax"]
        return None if number == _MASK else number

    def arguments(self, registers: Registers) -> tuple[int, int]:
        """The kernel leaves rdi and rsi alone."""
        return registers["rdi"], registers["rsi"]

    def call(self, registers: Registers, function: int, args: tuple[int, ...], back: int) -> tuple[Registers, bytes]:
        """Return address on the stack, rsp + 8 a multiple of 16, direction and trap flag clear."""
        stack = ((registers["rsp"] - self.red_zone) & ~0xF) - 8
        direction_and_trap = 0x400 | 0x100
        changed = {
            **registers, "rip": function, "rsp": stack, "rax": 0, "orig_rax": _MASK,
            "eflags": registers["eflags"] & ~direction_and_trap,
        }  # fmt: skip
        changed.update(zip(self._ARGUMENTS, args, strict=False))
        return changed, struct.pack("<Q", back)

    def result(self, registers: Registers) -> int:
        """Rax."""
        return registers["rax"]

    def returned(self, registers: Registers, back: int) -> bool:
        """The pc is past the one-byte ``int3``."""
        return registers["rip"] == back + 1

    def resume(self, registers: Registers) -> Registers:
        """The kernel restarts ``-ERESTART*`` by itself; an ``epoll_wait`` without a timeout says EINTR, put back here.

        With a timeout it keeps its EINTR, as after SIGSTOP and SIGCONT: the caller knows what is left of its time.
        """
        endless = registers["orig_rax"] in (232, 281) and registers["r10"] & _INFINITE == _INFINITE
        if endless and registers["rax"] == _EINTR:
            return {**registers, "rax": registers["orig_rax"], "rip": registers["rip"] - 2, "orig_rax": _MASK}
        return registers


class Aarch64(Arch):
    """AAPCS64.

    The kernel rewinds an interrupted system call *before* the tracer sees the stop: the pc stands on the ``svc``
    and x8 holds the number.  So a wait with a relative timeout starts over with its whole timeout.
    """

    _SVC = bytes.fromhex("010000d4")

    def syscall(self, registers: Registers, code: bytes) -> int | None:
        """X8, when the pc stands on a ``svc #0`` or right after one."""
        return registers["x8"] if self._SVC in (code[:4], code[4:8]) else None

    def arguments(self, registers: Registers) -> tuple[int, int]:
        """x0 and x1."""
        return registers["x0"], registers["x1"]

    def call(self, registers: Registers, function: int, args: tuple[int, ...], back: int) -> tuple[Registers, bytes]:
        """Return address in the link register, sp a multiple of 16."""
        stack = (registers["sp"] - self.red_zone) & ~0xF
        changed = {**registers, "pc": function, "sp": stack, "x30": back}
        changed.update((f"x{index}", value) for index, value in enumerate(args))
        return changed, b""

    def result(self, registers: Registers) -> int:
        """x0."""
        return registers["x0"]

    def returned(self, registers: Registers, back: int) -> bool:
        """The pc stays on the ``brk``."""
        return registers["pc"] == back

    def forget_syscall(self) -> tuple[int, bytes] | None:
        """System call number -1: not in a system call."""
        return NT_ARM_SYSTEM_CALL, struct.pack("<i", -1)


_X86_64 = X86_64(
    name="x86-64",
    elf_machine="EM_X86_64",
    names=(
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
        "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
    ),
    breakpoint=b"\xcc",
    extended=(NT_X86_XSTATE,),
    # read write poll readv writev select pause nanosleep connect accept sendto recvfrom sendmsg recvmsg wait4
    # semop msgrcv flock rt_sigtimedwait rt_sigsuspend futex restart_syscall semtimedop clock_nanosleep epoll_wait
    # waitid pselect6 ppoll epoll_pwait accept4 recvmmsg epoll_pwait2 futex_waitv
    blocking=frozenset({
        0, 1, 7, 19, 20, 23, 34, 35, 42, 43, 44, 45, 46, 47, 61, 65, 70, 73, 128, 130, 202, 219, 220, 230, 232,
        247, 270, 271, 281, 288, 299, 441, 449,
    }),
    futex=202,
    restart=219,
)  # fmt: skip

_AARCH64 = Aarch64(
    name="aarch64",
    elf_machine="EM_AARCH64",
    names=(*(f"x{number}" for number in range(31)), "sp", "pc", "pstate"),
    breakpoint=bytes.fromhex("000020d4"),
    extended=(NT_PRFPREG, NT_ARM_TLS),
    # epoll_pwait flock read write readv writev pselect6 ppoll waitid futex nanosleep clock_nanosleep restart_syscall
    # rt_sigsuspend rt_sigtimedwait msgrcv semtimedop semop accept connect sendto recvfrom sendmsg recvmsg accept4
    # recvmmsg wait4 epoll_pwait2 futex_waitv
    blocking=frozenset({
        22, 32, 63, 64, 65, 66, 72, 73, 95, 98, 101, 115, 128, 133, 137, 188, 192, 193, 202, 203, 206, 207, 211,
        212, 242, 243, 260, 441, 449,
    }),
    futex=98,
    restart=128,
)  # fmt: skip


def this_machine() -> Arch | None:
    """The architecture of the host, or None when leakkit has no way in there."""
    return {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine())
