"""Measures one callable in this process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.gate.observer import observer_maker
from leakkit.gate.rounds import Rounds
from leakkit.gate.verdict import check_of, unmeasured

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from leakkit.gate.model import Check
    from leakkit.gate.plan import Plan


def rounds_for(plan: Plan, subject: str, tidy: Callable[[], None] | None = None) -> Rounds:
    """Rounds whose snapshots, if they are kept, are named after the subject; ``tidy`` as in :class:`Rounds`."""
    name = re.sub(r"[^\w.-]+", "-", subject).strip("-") or "gate"
    return Rounds(plan, observer_maker(plan.keep, name[-100:]), tidy)


@dataclass(frozen=True)
class Subject:
    """What is measured."""

    name: str
    file: str | None = None
    line: int | None = None
    """Where it is defined."""


def measure(
    call: Callable[[], object], subject: Subject, plan: Plan, *, tidy: Callable[[], None] | None = None
) -> Check:
    """Repeat a call until the rule has decided.

    A call that raises makes the subject unmeasured: a scenario that fails says nothing about memory.

    Args:
        call: one unit of work, without arguments.
        subject: what it is.
        plan: how much work to do.
        tidy: called before each count, to drop what whoever makes the calls keeps of them.
    """
    rounds = rounds_for(plan, subject.name, tidy)
    try:
        for _ in rounds:
            call()
    except Exception as error:  # noqa: BLE001 - whatever the scenario raises
        return _failed(rounds, subject, error)
    return check_of(rounds, subject.name, file=subject.file, line=subject.line)


async def measure_async(
    call: Callable[[], Awaitable[object]], subject: Subject, plan: Plan, *, tidy: Callable[[], None] | None = None
) -> Check:
    """The same for a coroutine function, on the event loop that runs already."""
    rounds = rounds_for(plan, subject.name, tidy)
    try:
        for _ in rounds:
            await call()
    except Exception as error:  # noqa: BLE001 - whatever the scenario raises
        return _failed(rounds, subject, error)
    return check_of(rounds, subject.name, file=subject.file, line=subject.line)


def _failed(rounds: Rounds, subject: Subject, error: Exception) -> Check:
    rounds.close()
    text = " ".join(str(error).split())
    why = f"a repeated call raised {type(error).__name__}{f': {text}' if text else ''}"
    return unmeasured(subject.name, why, seconds=rounds.seconds, file=subject.file, line=subject.line)
