"""Third rung: ``sys.remote_exec`` (PEP 768) of Python 3.14 and later, where ptrace cannot be used.

It writes into the target's memory from outside, so the kernel wants the same rights as for ptrace; what it gets past is
a debugger that already traces the target, or a seccomp profile that forbids ``ptrace`` alone.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.capture.handover import Handover
    from leakkit.capture.processes import Process


def why_not(process: Process, version: tuple[int, int] | None) -> str:
    """Empty when this leakkit can use it on that target.

    Args:
        process: the target.
        version: (major, minor) of the target's Python, or None when unknown.
    """
    ours = sys.version_info[:2]
    if not hasattr(sys, "remote_exec"):
        return f"leakkit itself runs on Python {ours[0]}.{ours[1]}; sys.remote_exec needs 3.14 or later on both sides"
    if version != ours:
        theirs = ".".join(map(str, version)) if version else "unknown"
        return f"the target's Python ({theirs}) is not leakkit's own ({ours[0]}.{ours[1]})"
    if process.root:
        return "the target sees other files than leakkit"
    return ""


def ask(process: Process, handover: Handover, version: tuple[int, int] | None) -> str:
    """Ask the target to run the handover's text at its next safe point; empty when it took the request."""
    if reason := why_not(process, version):
        return reason
    script = handover.folder / "enter.py"
    handover.add("enter.py", handover.text.encode())
    remote_exec: Callable[[int, str], None] = vars(sys)["remote_exec"]
    try:
        remote_exec(process.pid, str(script))
    except (OSError, RuntimeError, PermissionError) as error:
        return f"sys.remote_exec: {error}"
    return ""
