"""``leakkit demo``: two real leaks in a websocket service, diagnosed live, repaired, and measured again."""

from __future__ import annotations

import importlib.util
import subprocess
import time
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import emit, note, stdout_terminal
from leakkit.demo.scenes import Scene, scenes
from leakkit.demo.stage import Stage, StageError, open_stage, settled_bytes
from leakkit.errors import LeakkitError, UsageError
from leakkit.report import render
from leakkit.report.comparison import Comparison, render_comparison
from leakkit.report.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from leakkit.model import Report
    from leakkit.snapshot_model import Snapshot

_SETTLE_SECONDS = 2.0
"""A server's idle timers fire after half a second."""


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="A smaller load: 150 MB instead of 800.")] = False,
) -> None:
    """Show two real leaks in a websocket service: diagnose them live, repair them, measure again.

    Starts a server and its clients on loopback, takes snapshots of the running server, prints the diagnosis,
    and then runs the same load against a version of the server that has the recommended fix. Takes about
    two minutes and 1.5 GB of memory; --quick a third of the time and much less memory.
    """
    _require_websockets()
    started = time.monotonic()
    terminal = stdout_terminal()
    comparisons = []
    try:
        with open_stage() as stage:
            plan = scenes(quick=quick)
            for number, scene in enumerate(plan, 1):
                note(f"leak {number} of {len(plan)}: {scene.title} ({scene.connections} clients, {scene.server})")
                report, before = _run_leaky(stage, scene)
                text = render(report, color=terminal.color, width=terminal.width, unicode=terminal.unicode)
                emit(text + "\n")
                comparisons.append(_run_fixed(stage, scene, report, before))
    except StageError as error:
        raise LeakkitError(str(error), "run it again; LEAKKIT_DEBUG=1 shows the traceback") from error
    emit(render_comparison(comparisons))
    note(f"done in {format_seconds(time.monotonic() - started)}")


def _require_websockets() -> None:
    # websockets.asyncio is what the servers are written with; it came with version 13.
    found = importlib.util.find_spec("websockets") and importlib.util.find_spec("websockets.asyncio")
    if not found:
        raise UsageError("the demo needs websockets 13 or newer", "pip install 'leakkit[demo]'")


def _run_leaky(stage: Stage, scene: Scene) -> tuple[Report, int]:
    """The diagnosis of the leaky server under load, and its resident memory in bytes."""
    from leakkit.capture.launch import launch
    from leakkit.diagnose import diagnose

    snapshots: list[Snapshot] = []
    command, port_file = stage.server_command(scene.server, "leaky", scene.size)
    # Launched with the agent preloaded, so that the demo also runs where ptrace is forbidden.
    with (
        stage.log("leaky-server") as log,
        launch(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as server,
        stage.clients(port_file) as clients,
    ):
        for number, order in enumerate(scene.rounds, 1):
            clients.obey(order)
            snapshots.append(_snapshot(server.pid, number, len(scene.rounds)))
        before = settled_bytes(server.pid, _SETTLE_SECONDS)
    note(f"analysing {len(snapshots)} snapshots")
    return diagnose(snapshots), before


def _snapshot(pid: int, number: int, count: int) -> Snapshot:
    from leakkit.capture.take import take_snapshot

    snapshot = take_snapshot(pid)
    resident, pause = format_bytes(snapshot.memory.rss), format_seconds(snapshot.capture.pause_seconds)
    note(f"snapshot {number} of {count} of the live server: {resident} resident, paused {pause}")
    return snapshot


def _run_fixed(stage: Stage, scene: Scene, report: Report, before: int) -> Comparison:
    """The same load against the version of the server that has the recommended fix."""
    finding = report.findings[0] if report.findings else None
    fix = finding.fix.id.value if finding else ""
    variant = fix if fix in scene.fixes else scene.fixes[0]
    if variant != fix:
        note(f"the diagnosis recommends {fix or 'nothing'}, for which there is no version: running {variant}")
    note(f"the same load with fix {variant} applied")
    command, port_file = stage.server_command(scene.server, variant, scene.size)
    with stage.process(command) as server, stage.clients(port_file) as clients:
        for order in scene.rounds:
            clients.obey(order)
        after = settled_bytes(server.pid, _SETTLE_SECONDS)
    note(f"{format_bytes(before)} before, {format_bytes(after)} after")
    return Comparison(scene.title, variant, before, after, finding.fix.saving_bytes if finding else None)
