"""``leakkit try``: apply what can be applied to a running process, predicted beside measured."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import emit, note, stdout_terminal
from leakkit.commands._durations import parse_duration
from leakkit.errors import TargetError, UsageError
from leakkit.model import FixId
from leakkit.outcomes import Tried
from leakkit.report.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.capture.act import Applied
    from leakkit.diagnose.trial import Prediction
    from leakkit.snapshot_model import Snapshot


CROWDED = 1.5
"""A collection that takes this many times its CPU time had to wait for the processor."""


class LiveFix(StrEnum):
    """Values of ``--fix``."""

    COLLECT = "collect"
    HIBERNATE = "hibernate"


class TextOrJson(StrEnum):
    """Values of ``--format``."""

    TEXT = "text"
    JSON = "json"


def try_(
    pid: Annotated[int, typer.Argument(metavar="PID", help="The process.")],
    fix: Annotated[LiveFix, typer.Option(help="collect: one full collection; hibernate: a collection and a trim.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    format: Annotated[TextOrJson, typer.Option("--format", "-f", help="How to print it.")] = TextOrJson.TEXT,  # noqa: A002 - the option's name
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Longest time for getting into the process.")] = "15s",
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say how the process is entered.")] = False,
) -> None:
    """Apply a fix to a running process: THE ONE COMMAND THAT DISTURBS IT.

    A full collection stops the process, and finalizers and weakref callbacks of its garbage run. What is predicted is
    told first, from a snapshot; then leakkit asks, unless --yes is given; where it cannot ask, it refuses.
    Afterwards predicted stands beside measured.

    \b
    leakkit try 4711 --fix collect
    leakkit try 4711 --fix hibernate --yes --format json
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    seconds = parse_duration(timeout, option="--timeout")
    if not yes and not sys.stdin.isatty():
        raise UsageError("this disturbs the process, and there is no terminal to ask on", "add --yes to do it anyway")
    from leakkit.capture.act import apply
    from leakkit.capture.take import take_snapshot
    from leakkit.diagnose.trial import predict

    say: Callable[[str], None] = note if verbose else _say_nothing
    note("looking first, which does not disturb it")
    trim = fix == LiveFix.HIBERNATE
    expected = predict(take_snapshot(pid, timeout=seconds, report=say), trim=trim)
    _warn(pid, fix, expected)
    if not yes and not typer.confirm("go on?", err=True):
        note("nothing was done")
        return
    applied = apply(pid, trim=trim, timeout=seconds, report=say)
    note("looking again")
    tried = _compare(pid, FixId(fix.value), expected, applied, lambda: take_snapshot(pid, timeout=seconds, report=say))
    _print(tried, format)


def _say_nothing(_text: str) -> None:
    pass


def _warn(pid: int, fix: LiveFix, expected: Prediction) -> None:
    also = " and malloc_trim(0)" if fix == LiveFix.HIBERNATE else ""
    note(f"this disturbs process {pid}: gc.collect(){also} in it")
    note(
        f"predicted: {format_bytes(expected.garbage_bytes)} of garbage go, finalizers run, no Python code of the "
        f"process runs for about {format_seconds(expected.pause_seconds)} (a third to three times that)"
    )
    for doubt in expected.doubts:
        note(f"note: {doubt}")


def _compare(pid: int, fix: FixId, expected: Prediction, applied: Applied, look: Callable[[], Snapshot]) -> Tried:
    """The figures, and what a reader must know about them."""
    from leakkit.diagnose.trial import figure, freed_since, pause_from

    notes = list(expected.doubts)
    figures = []
    try:
        later = look()
    except TargetError as error:
        notes.append(f"no second snapshot: {error.message}")
    else:
        freed, garbage = freed_since(expected, later), expected.garbage_bytes
        figures.append(figure("garbage freed", "bytes", garbage, garbage, freed))
    figures.append(figure("unreachable objects", "objects", expected.objects, expected.objects, applied.unreachable))
    given = applied.rss_before - applied.rss_after
    figures.append(figure("resident memory given back", "bytes", expected.rss_least, expected.rss_most, given))
    pause = expected.pause_seconds
    if applied.dry_seconds is not None:
        pause = pause_from(applied.dry_seconds, expected)
        dry, rough = format_seconds(applied.dry_seconds), format_seconds(expected.pause_seconds)
        notes.append(
            f"the pause is predicted from a dry pass of {dry} over its references; the heap alone said {rough}"
        )
    figures.append(figure("pause of the collection", "seconds", pause, pause, applied.collect_seconds))
    figures.append(figure("its CPU time", "seconds", pause, pause, applied.collect_cpu))
    if applied.collect_seconds > CROWDED * applied.collect_cpu:
        notes.append("the machine was busy: the pause lasted longer than the CPU time that is predicted")
    return Tried(pid, fix, applied.method, tuple(figures), (*notes, *_aftermath(applied)))


def _aftermath(applied: Applied) -> list[str]:
    found = []
    if applied.kept:
        found.append(f"{applied.kept} objects could not be freed and are in gc.garbage")
    if applied.no_trim:
        found.append(f"nothing was trimmed: {applied.no_trim}")
    if applied.trim_seconds is not None and applied.rss_collected is not None:
        by_trim = applied.rss_collected - applied.rss_after
        found.append(
            f"the trim took {format_seconds(applied.trim_seconds)} and gave back {format_bytes(by_trim)} of it"
        )
    return found


def _print(tried: Tried, format_name: TextOrJson) -> None:
    from leakkit.report.experiments import render_tried, tried_json

    if format_name == TextOrJson.JSON:
        emit(tried_json(tried))
        return
    terminal = stdout_terminal()
    emit(render_tried(tried, color=terminal.color, width=terminal.width, unicode=terminal.unicode))
