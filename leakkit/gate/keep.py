"""Snapshots are artifacts of failures: those of a check that passes after all are taken away again."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from leakkit.gate.model import Outcome

if TYPE_CHECKING:
    from leakkit.gate.model import Check


def only_of_failures(check: Check) -> Check:
    """The judged check; if it passes, without the snapshots that were kept of it, which are removed."""
    if check.outcome != Outcome.PASS or not check.snapshots:
        return check
    for path in check.snapshots:
        with contextlib.suppress(OSError):
            path.unlink()
    with contextlib.suppress(OSError):
        check.snapshots[0].parent.rmdir()  # only if nothing else is in it
    return replace(check, snapshots=())
