"""Options that several commands have, and those whose declarations are longer than a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AllocationsFor = Annotated[
    str | None,
    typer.Option(
        "--allocations",
        metavar="[TIME]",
        show_default=False,
        help="Record where memory is allocated, with memray: for that long before the snapshot, "
        "or with COMMAND from its start.",
    ),
]
AllocationsMeanwhile = Annotated[
    bool, typer.Option("--allocations", help="With --for: record where memory is allocated, with memray.")
]
Native = Annotated[
    bool, typer.Option("--native", help="With --allocations: record C stacks, too, and name the extension module.")
]
Probes = Annotated[
    list[str] | None,
    typer.Option("--probe", metavar="NAME", show_default=False, help="Let that tool look at the copy: leakkit probes."),
]
NoProbes = Annotated[
    list[str] | None,
    typer.Option("--no-probe", metavar="NAME", show_default=False, help="Leave that one out, memray as well."),
]
Keep = Annotated[
    Path | None, typer.Option("--keep", metavar="DIR", help="Keep the snapshots of a PID as files in that folder.")
]
ReportFile = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the report there, mode 0600.")
]
SnapshotFile = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        show_default=False,
        help="Snapshot file (default: leakkit-PID-N.leak here). With --count or --tree the names get numbers.",
    ),
]
For = Annotated[
    str | None, typer.Option("--for", metavar="TIME", help="Watch that long, e.g. 60s. Without it: one snapshot.")
]
EveryPart = Annotated[
    str | None, typer.Option("--every", metavar="TIME", help="Time between snapshots; a third of --for unless given.")
]
After = Annotated[
    str | None,
    typer.Option(
        "--after",
        metavar="TIME",
        show_default=False,
        help="With COMMAND: first snapshot this long after its start "
        "(default: at its end; with --count, after --every).",
    ),
]
ShowSource = Annotated[
    bool, typer.Option("--source/--no-source", help="Show the change in the program's source, where it can be read.")
]

GateTarget = Annotated[
    list[str] | None,
    typer.Argument(metavar="MODULE:FUNCTION... | -- PYTEST ARGS...", help="What to gate.", show_default=False),
]
Ready = Annotated[
    str | None,
    typer.Option("--ready", metavar="URL|REGEX", help="It is ready when this answers, or when it prints this."),
]
Requests = Annotated[
    int,
    typer.Option("--requests", min=1, metavar="N", help="Requests in one portion, so that growth is told per request."),
]
Calls = Annotated[
    int | None,
    typer.Option("--calls", min=2, metavar="N", help="Calls of the first round; chosen by their time unless given."),
]
Warmup = Annotated[
    int | None,
    typer.Option("--warmup", min=1, metavar="N", help="Calls before anything is measured: 10, or 2 portions."),
]
MaxTime = Annotated[
    str | None, typer.Option("--max-time", metavar="TIME", help="Longest time: 2m for one function, 10m for a service.")
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore", metavar="METRIC", help="Let this metric decide nothing, e.g. garbage-objects; may be repeated."
    ),
]
KeepFailing = Annotated[
    Path | None, typer.Option("--keep", metavar="DIR", help="Keep the snapshots of what failed in that folder.")
]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="[FORMAT=]FILE",
        help="Also write the answer as text, markdown, json, junit, sarif, github or gitlab; may be repeated.",
    ),
]
Update = Annotated[bool, typer.Option("--update", help="Write the baseline: what leaks today is known from now on.")]
