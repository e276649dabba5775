"""Every error leakkit raises on purpose, each with an exit code and a hint.

LeakkitError
├── UsageError            2   the command line asks for something that cannot be
├── TargetError           3   the target cannot be entered
│   ├── NoSuchProcess         no process of that id, or it ended
│   ├── NotPython             no CPython interpreter in that process
│   ├── PermissionRefused     the kernel refuses, and why
│   ├── UnsupportedTarget     musl, stripped of symbols, other architecture, free-threaded
│   ├── TargetBusy            entered, but the interpreter never reached a safe point
│   └── CaptureFailed         entered, but the copy could not be made or read
├── SnapshotFileError     4   the file is not a snapshot, is damaged, or is of another version
└── RecipeBroken          5   a recipe did not deliver what its finding promised
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What leakkit's exit status means; also listed in ``docs/exit-codes.md``."""

    OK = 0
    LEAK_FOUND = 1
    USAGE = 2
    TARGET = 3
    SNAPSHOT_FILE = 4
    RECIPE_BROKEN = 5
    INTERNAL = 70
    INTERRUPTED = 130


class LeakkitError(Exception):
    """An error to be shown as one line and a hint.

    Args:
        message: one line, says what is wrong.
        hint: one line, the next thing to try; may be empty.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LeakkitError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class TargetError(LeakkitError):
    """The target cannot be entered or copied; it goes on unharmed."""

    exit_code = ExitCode.TARGET


class NoSuchProcess(TargetError):
    """There is no such process, or it ended meanwhile."""


class NotPython(TargetError):
    """The process has no CPython interpreter in its memory map."""


class PermissionRefused(TargetError):
    """The kernel refuses to let this user into that process."""


class UnsupportedTarget(TargetError):
    """An interpreter that leakkit cannot enter (libc, symbols, architecture, build)."""


class TargetBusy(TargetError):
    """The interpreter did not reach a safe point before the deadline."""


class CaptureFailed(TargetError):
    """The target was entered but the copy could not be made, or ended early."""


class SnapshotFileError(LeakkitError):
    """Not a snapshot, damaged, or written by an incompatible version."""

    exit_code = ExitCode.SNAPSHOT_FILE


class RecipeBroken(LeakkitError):
    """A recipe's programs failed, or it did not deliver what its finding promised."""

    exit_code = ExitCode.RECIPE_BROKEN
