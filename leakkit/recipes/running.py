"""Runs one variant: the leaky program under load, diagnosed live, then the fixed one under the same load."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leakkit.capture.take import take_snapshot
from leakkit.diagnose import diagnose
from leakkit.errors import UsageError
from leakkit.patch import Sources
from leakkit.recipes.catalogue import missing
from leakkit.recipes.model import Run, Score
from leakkit.recipes.programs import cpu_of, memory_of, started

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.recipes.model import Variant
    from leakkit.recipes.programs import Running
    from leakkit.snapshot_model import Snapshot

WARM_UP: Final = 1
"""Rounds before those after which snapshots are taken."""

ROUNDS: Final = 4
"""Rounds with a snapshot after each: growth needs three, and a fourth tells whether it fades."""

SETTLE_SECONDS: Final = 0.4
"""An idle server's timers fire within that time."""


def run_variant(variant: Variant, say: Callable[[str], None]) -> Score:
    """Run both programs of a variant.

    Args:
        variant: what to run.
        say: called with a line of progress.

    Raises:
        UsageError: a library that it needs is not installed.
        RecipeBroken: one of its programs ended early or hangs.
        TargetError: a program could not be copied.
    """
    if lacking := missing(variant):
        message = f"{variant.id} needs {', '.join(lacking)}"
        raise UsageError(message, f"pip install 'leakkit[demo]', or pip install {' '.join(lacking)}")
    return Score(variant, _run(variant, "leaky", say), _run(variant, "fixed", say))


def _run(variant: Variant, which: str, say: Callable[[str], None]) -> Run:
    say(f"{variant.id}: starting the {which} program")
    with (
        tempfile.TemporaryDirectory(prefix="leakkit-recipe-") as place,
        started(variant, which, Path(place)) as running,
    ):
        return _measure(variant, which, running, say)


def _measure(variant: Variant, which: str, running: Running, say: Callable[[str], None]) -> Run:
    snapshots: list[Snapshot] = []
    sizes: list[int] = []
    moments: list[float] = []
    answers = []
    cpu = 0.0
    for number in range(WARM_UP + ROUNDS):
        before = cpu_of(running.pid)
        answers.append(running.load.round())
        time.sleep(SETTLE_SECONDS if running.serves else 0.0)
        cpu += cpu_of(running.pid) - before
        if number < WARM_UP:
            continue
        sizes.append(memory_of(running.pid))
        moments.append(time.monotonic())
        snapshots.append(take_snapshot(running.pid))
        say(f"{variant.id}: {which}, snapshot {len(snapshots)} of {ROUNDS}, {sizes[-1] / 1e6:,.0f} MB")
    return Run(
        report=diagnose(snapshots, sources=Sources(started_at=snapshots[-1].process.started_at)),
        first=sizes[0],
        last=sizes[-1],
        span=moments[-1] - moments[0],
        cpu=cpu,
        median=answers[-1].median,
        worst=max(answer.worst for answer in answers),
        pause=None if running.serves else answers[-1].pause,
    )
