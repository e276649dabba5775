"""Measures one callable in this process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leakkit.gate.observer import observer_maker
from leakkit.gate.rounds import Rounds
from leakkit.gate.verdict import check_of, unmeasured

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.gate.model import Check
    from leakkit.gate.plan import Plan


def rounds_for(plan: Plan, subject: str, tidy: Callable[[], None] | None = None) -> Rounds:
    """Rounds whose snapshots, if they are kept, are named after the subject; ``tidy`` as in :class:`Rounds`."""
    name = re.sub(r"[^\w.-]+", "-", subject).strip("-") or "gate"
    return Rounds(plan, observer_maker(plan.keep, name[-100:]), tidy)


def measure(
    call: Callable[[], object],
    subject: str,
    plan: Plan,
    *,
    file: str | None = None,
    line: int | None = None,
    tidy: Callable[[], None] | None = None,
) -> Check:
    """Repeat a call until the rule has decided.

    A call that raises makes the subject unmeasured: a scenario that fails says nothing about memory.

    Args:
        call: one unit of work, without arguments.
        subject: its name.
        plan: how much work to do.
        file: where it is defined.
        line: and at which line.
        tidy: called before each count, to drop what whoever makes the calls keeps of them.
    """
    rounds = rounds_for(plan, subject, tidy)
    try:
        for _ in rounds:
            call()
    except Exception as error:  # noqa: BLE001 - whatever the scenario raises
        rounds.close()
        return unmeasured(subject, failure(error), seconds=rounds.seconds, file=file, line=line)
    return check_of(rounds, subject, file=file, line=line)


def failure(error: BaseException) -> str:
    """A call's exception in one line."""
    text = " ".join(str(error).split())
    return f"a repeated call raised {type(error).__name__}{f': {text}' if text else ''}"
