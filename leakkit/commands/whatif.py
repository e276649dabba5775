"""``leakkit whatif``: what would be freed if a reference were cut or a fix applied, on paper."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import emit, stdout_terminal
from leakkit.errors import UsageError
from leakkit.model import FixId

if TYPE_CHECKING:
    from leakkit.outcomes import WhatIf


class PaperFix(StrEnum):
    """Values of ``--fix``."""

    COLLECT = "collect"
    COPY = "copy"
    HIBERNATE = "hibernate"


class TextOrJson(StrEnum):
    """Values of ``--format``."""

    TEXT = "text"
    JSON = "json"


def whatif(
    files: Annotated[list[str], typer.Argument(metavar="SNAPSHOT...", help="The newest is asked.")],
    cut: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Cut the references of this path or holder of a report."),
    ] = None,
    finding: Annotated[
        int | None, typer.Option(metavar="N", help="Cut what finding N of `leakkit diagnose` on these files names.")
    ] = None,
    fix: Annotated[PaperFix | None, typer.Option(help="Apply this fix wherever it applies.")] = None,
    format: Annotated[TextOrJson, typer.Option("--format", "-f", help="How to print it.")] = TextOrJson.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Say what would be freed, and who else holds the data, without touching any process.

    The graph of the snapshot is marked again with those references gone. Where that frees less than hangs below
    them, the holders that keep the rest are listed.

    \b
    leakkit whatif a.leak --cut "app.CACHE['*']"
    leakkit whatif a.leak --cut "handler() local 'data'"
    leakkit whatif a.leak b.leak c.leak --finding 1
    leakkit whatif a.leak --fix collect --format json
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    if sum(option is not None for option in (cut, finding, fix)) != 1:
        raise UsageError("say one thing to try", "use --cut PATH, --finding N or --fix collect|copy|hibernate")
    answer = _ask(files, cut, finding, fix)
    from leakkit.report.experiments import render_what_if, what_if_json

    if format == TextOrJson.JSON:
        emit(what_if_json(answer))
        return
    terminal = stdout_terminal()
    emit(render_what_if(answer, color=terminal.color, width=terminal.width, unicode=terminal.unicode))


def _ask(files: list[str], cut: str | None, finding: int | None, fix: PaperFix | None) -> WhatIf:
    from leakkit import store
    from leakkit.diagnose.whatif import apply_fix, cut_finding, cut_path

    snapshots = sorted((store.read(Path(name)) for name in files), key=lambda one: one.capture.taken_at)
    if cut is not None:
        return cut_path(snapshots[-1], cut)
    if finding is not None:
        return cut_finding(snapshots, finding)
    return apply_fix(snapshots, FixId(str(fix)))
