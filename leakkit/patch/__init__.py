"""Changes to the target's own source: one maker for each cause, each gives a before and an after, or nothing.

Nothing is a good answer: where a change would be a guess (the variable is still needed, the file was changed since the
process started, two places match), there is no snippet, and the report's sentence stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.patch.code import bounded_cache, collect_before_freeze, collector_on, weak_parent
from leakkit.patch.containers import bound, fresh_default, per_instance
from leakkit.patch.frames import release_before_wait
from leakkit.patch.request import Cause, Request
from leakkit.patch.source import Source, Sources
from leakkit.patch.values import (
    copied,
    no_cycle_with_frame,
    taken_out_when_done,
    unsubscribed,
    without_traceback,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.model import Snippet

__all__ = ["MAKERS", "Cause", "Request", "Source", "Sources", "make_snippet"]

MAKERS: dict[Cause, Callable[[Source, Request], Snippet | None]] = {
    Cause.FRAME: release_before_wait,
    Cause.CONTAINER: bound,
    Cause.CLASS_CONTAINER: per_instance,
    Cause.REGISTRY: unsubscribed,
    Cause.FINISHED: taken_out_when_done,
    Cause.CACHE: bounded_cache,
    Cause.VIEW: copied,
    Cause.ERROR: without_traceback,
    Cause.ERROR_CYCLE: no_cycle_with_frame,
    Cause.PARENT: weak_parent,
    Cause.DISABLED: collector_on,
    Cause.FROZEN: collect_before_freeze,
    Cause.DEFAULT: fresh_default,
}


def make_snippet(sources: Sources, request: Request) -> Snippet | None:
    """The change, from the first of the request's files that allows it; None where there is no plain one."""
    for file in request.files:
        source = sources.read(file)
        if source is None:
            continue
        found = MAKERS[request.cause](source, request)
        if found is not None:
            return found
    return None
