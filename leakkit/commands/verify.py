"""``leakkit verify``: did a change deliver what the diagnosis predicted?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import check_place, emit, note, stdout_terminal, write_file
from leakkit.commands._separator import DividedCommand, divide
from leakkit.errors import ExitCode, UsageError
from leakkit.outcomes import Delivery

if TYPE_CHECKING:
    from leakkit.snapshot_model import Snapshot

COMMAND_CLASS = DividedCommand
"""``--`` divides the files."""

_HINT = "leakkit verify before-*.leak -- after-*.leak"


class TextOrJson(StrEnum):
    """Values of ``--format``."""

    TEXT = "text"
    JSON = "json"


def verify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="BEFORE... -- AFTER...", help="Three or more snapshots a side.", show_default=False),
    ],
    finding: Annotated[
        int | None, typer.Option(metavar="N", help="Judge only finding N of `leakkit diagnose BEFORE...`.")
    ] = None,
    format: Annotated[TextOrJson, typer.Option("--format", "-f", help="How to print it.")] = TextOrJson.TEXT,  # noqa: A002 - the option's name
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there, mode 0600.")
    ] = None,
) -> None:
    """Compare snapshots before and after a change: what was predicted, what was measured.

    Each side is a series of one process, of three snapshots or more, under the same load. Findings are matched by
    their fingerprint. Status 1 when the change delivered only partly or not at all.

    \b
    leakkit verify before-*.leak -- after-*.leak
    leakkit verify before-*.leak -- after-*.leak --finding 1
    leakkit verify before-*.leak -- after-*.leak --format json -o verdict.json
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    sides = divide(files)
    if sides is None or not all(sides):
        raise UsageError("give snapshots before the change, `--`, and snapshots after it", _HINT)
    check_place(output, devices=True)
    before, after = (_read_side(names, side) for names, side in zip(sides, ("before", "after"), strict=True))
    from leakkit.diagnose.verify import verify as compare
    from leakkit.report.verification import render_verification, verification_json

    note(f"comparing {len(before)} snapshots with {len(after)}")
    found = compare(before, after, finding=finding)
    terminal = stdout_terminal()
    if format == TextOrJson.JSON:
        text = verification_json(found)
    else:
        color = terminal.color and output is None
        text = render_verification(found, color=color, width=terminal.width, unicode=terminal.unicode)
    if output is None or str(output) == "-":
        emit(text)
    else:
        write_file(output, text)
    if found.verdict in (Delivery.PARTLY, Delivery.NOT):
        raise SystemExit(ExitCode.LEAK_FOUND)


def _read_side(names: list[str], side: str) -> list[Snapshot]:
    """One side's snapshots, which must be of one process."""
    from leakkit import store

    snapshots = [store.read(Path(name)) for name in names]
    processes = {(one.process.pid, one.process.started_at) for one in snapshots}
    if len(processes) > 1:
        pids = ", ".join(str(pid) for pid, _ in sorted(processes))
        raise UsageError(f"the snapshots {side} the change are of {len(processes)} processes (pid {pids})", _HINT)
    return snapshots
