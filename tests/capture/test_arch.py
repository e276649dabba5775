"""Registers of a call on both architectures, and which waits are safe; aarch64 by the book only, it was never run."""

from __future__ import annotations

import struct

import pytest
from leakkit.capture import arch

RUNTIME = (0x10000, 0x20000)
BOTH = [arch._X86_64, arch._AARCH64]


def registers(one: arch.Arch, **values: int) -> arch.Registers:
    return {**one.unpack(bytes(8 * len(one.names))), **values}


@pytest.mark.parametrize("one", BOTH, ids=lambda one: one.name)
def test_registers_survive_packing(one: arch.Arch) -> None:
    """Unpacked and packed again, every register has its bytes."""
    raw = bytes(range(256))[: 8 * len(one.names)].ljust(8 * len(one.names), b"\x07")
    assert one.pack(one.unpack(raw)) == raw


def test_a_call_on_x86_64() -> None:
    """The stack is 16-byte aligned after the push, below the red zone; no system call is restarted; DF is clear."""
    one = arch._X86_64
    for stack in (0x7FFF_0000_1000, 0x7FFF_0000_1007, 0x7FFF_0000_1008):
        before = registers(one, rsp=stack, orig_rax=202, eflags=0x400 | 0x246, rip=5)
        after, pushed = one.call(before, 0xABC, (1, 2, 3, 4, 5, 6), 0x400)
        assert after["rsp"] % 16 == 8
        assert stack - after["rsp"] >= 128 + 8
        assert pushed == struct.pack("<Q", 0x400)
        assert [after[name] for name in ("rdi", "rsi", "rdx", "rcx", "r8", "r9")] == [1, 2, 3, 4, 5, 6]
        assert (after["rip"], after["orig_rax"], after["eflags"] & 0x400) == (0xABC, (1 << 64) - 1, 0)
        assert one.returned({**after, "rip": 0x401}, 0x400)


def test_a_call_on_aarch64() -> None:
    """Arguments in x0 to x5, the way back in x30, sp aligned, and the kernel told that there is no system call."""
    one = arch._AARCH64
    after, pushed = one.call(registers(one, sp=0xFFFF_0008, pc=5), 0xABC, (1, 2, 3, 4, 5, 6), 0x400)
    assert [after[f"x{index}"] for index in range(6)] == [1, 2, 3, 4, 5, 6]
    assert (after["pc"], after["x30"], after["sp"] % 16, pushed) == (0xABC, 0x400, 0, b"")
    assert one.forget_syscall() == (arch.NT_ARM_SYSTEM_CALL, b"\xff\xff\xff\xff")
    assert one.syscall(registers(one, x8=22), bytes(4) + one._SVC) == 22
    assert one.syscall(registers(one, x8=22), bytes(8)) is None


@pytest.mark.parametrize("one", BOTH, ids=lambda one: one.name)
def test_which_waits_are_safe(one: arch.Arch) -> None:
    """A futex of the program waits; the GIL's own, a wake-up, mmap and running code do not count."""
    first, second = ("rdi", "rsi") if one.name == "x86-64" else ("x0", "x1")
    private_wait, private_wake, bitset = 128, 129, 128 | 9 | 256
    assert one.waits(registers(one, **{first: 0x99, second: private_wait}), one.futex, RUNTIME)
    assert one.waits(registers(one, **{first: 0x99, second: bitset}), one.futex, RUNTIME)
    assert not one.waits(registers(one, **{first: 0x99, second: private_wake}), one.futex, RUNTIME)
    for number in (one.futex, one.restart):
        assert not one.waits(registers(one, **{first: 0x10500, second: private_wait}), number, RUNTIME)
    assert one.waits(registers(one, **{first: 0x99}), one.restart, RUNTIME)
    assert not one.waits(registers(one), None, RUNTIME)
    assert not one.waits(registers(one), 9 if one.name == "x86-64" else 222, RUNTIME)


def test_an_endless_epoll_wait_is_put_back() -> None:
    """Without a timeout it starts again; with one it keeps its EINTR, for only its caller knows what is left."""
    one = arch._X86_64
    eintr = (1 << 64) - 4
    endless = registers(one, orig_rax=232, rax=eintr, r10=0xFFFF_FFFF, rip=0x1002)
    assert one.resume(endless) == {**endless, "rax": 232, "rip": 0x1000, "orig_rax": (1 << 64) - 1}
    for other in ({"r10": 500}, {"orig_rax": 0}, {"rax": 1}):
        assert one.resume({**endless, **other}) == {**endless, **other}
