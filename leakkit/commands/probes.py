"""``leakkit probes``: the tools of others that leakkit can ask, and whether they are here."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from leakkit.commands._console import emit, note


def probes(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the probes: tools of others whose view of the target goes into a snapshot.

    A probe is available, or skipped for the reason that is given. Whether it can run in a certain target is
    known only there: its Python must be of leakkit's own version for memray and guppy3.

    \b
    leakkit probes
    leakkit probes --json                                for scripts
    leakkit snapshot --allocations 60s PID               memray, for a minute
    leakkit snapshot --probe objgraph --probe guppy3 PID
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    from leakkit.capture.probes import find_probes, why_not

    found, complaints = find_probes()
    rows = [
        {"name": p.name, "status": "skipped" if why_not(p) else "available", "reason": why_not(p), "about": p.about}
        for p in found
    ]
    for line in complaints:
        note(f"warning: {line}")
    if as_json:
        emit(json.dumps(rows, indent=2, ensure_ascii=True) + "\n")
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        because = f", because {row['reason']}" if row["reason"] else ""
        emit(f"{row['name']:<{width}}  {row['status']}{because}: {row['about']}\n")
