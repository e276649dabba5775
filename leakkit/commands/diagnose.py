"""``leakkit diagnose``: from a PID or from snapshot files to a report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import Terminal, check_place, emit, note, stdout_terminal, write_file
from leakkit.commands._durations import format_duration, parse_duration
from leakkit.commands._options import (
    AllocationsMeanwhile,
    EveryPart,
    For,
    Keep,
    Native,
    NoProbes,
    Probes,
    ReportFile,
    ShowSource,
)
from leakkit.errors import ExitCode, TargetError, UsageError
from leakkit.model import Verdict
from leakkit.report import format_of_file, render
from leakkit.report.units import format_bytes, format_count, format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leakkit.capture.probes import Probe
    from leakkit.model import Report
    from leakkit.snapshot_model import Snapshot

_FEWEST_FOR_GROWTH = 3
_DEFAULT_INTERVALS = 3


class Format(StrEnum):
    """Values of ``--format``."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


class FailOn(StrEnum):
    """Values of ``--fail-on``."""

    LEAK = "leak"
    SUSPECT = "suspect"


@dataclass(frozen=True)
class _Beside:
    """What is asked for besides snapshots."""

    allocations: bool
    native: bool
    probe: tuple[str, ...]
    no_probe: tuple[str, ...]

    @property
    def tracks(self) -> bool:
        """Whether allocations are recorded."""
        return self.allocations and "memray" not in self.no_probe

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The tools that look at the copy."""
        from leakkit.capture.probes import choose

        return choose(self.probe, self.no_probe)

    def check(self, duration: str | None) -> None:
        """Refuse what does not go together."""
        if self.native and not self.allocations:
            raise UsageError("--native needs --allocations", "for example --for 60s --allocations --native")
        if self.tracks and duration is None:
            raise UsageError("--allocations needs --for", "for example --for 60s --allocations")
        _ = self.probes


_FAILING = {FailOn.LEAK: {Verdict.LEAK}, FailOn.SUSPECT: {Verdict.LEAK, Verdict.SUSPECT}}


def diagnose(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="PID | FILE...", help="A process id, or snapshot files of one process."),
    ],
    duration: For = None,
    every: EveryPart = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format | None, typer.Option("--format", "-f", help="Unless given: what the ending of -o says, or text.")
    ] = None,
    output: ReportFile = None,
    fail_on: Annotated[
        FailOn | None, typer.Option(help="Exit with status 1 when the verdict is that bad, or worse.")
    ] = None,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Longest time for getting into the process.")] = "15s",
    keep: Keep = None,
    allocations: AllocationsMeanwhile = False,
    native: Native = False,
    probe: Probes = None,
    no_probe: NoProbes = None,
    source: ShowSource = True,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say how the process is entered.")] = False,
) -> None:
    """Find what grows, who holds it, which fix pays.

    A number is a process id (unless a file of that name exists). With --for, snapshots are taken while the
    process works, and growth is judged; growth needs three snapshots. Without --for, one snapshot shows where
    the memory is and who holds it (suspects), but not what grows.

    \b
    leakkit diagnose 4242 --for 60s
    leakkit diagnose 4242 --for 60s --allocations      which lines allocated what is retained
    leakkit diagnose 4242 --for 60s --allocations --native      and which C extension
    leakkit diagnose 4242 --for 10m --every 1m -o report.html --fail-on leak
    leakkit diagnose a.leak b.leak c.leak --format markdown
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    terminal = stdout_terminal()
    chosen = _choose_format(format, output, terminal)
    check_place(output, devices=True)
    pid = _as_pid(targets)
    wish = _Beside(allocations, native, tuple(probe or ()), tuple(no_probe or ()))
    if pid is None:
        _refuse_pid_options(duration, every, keep, wish)
        snapshots = _read_files(targets)
    else:
        wish.check(duration)
        count, interval = _plan(duration, every)
        seconds = parse_duration(timeout, option="--timeout")
        snapshots = _watch(pid, count, interval, timeout=seconds, keep=keep, verbose=verbose, beside=wish)
    if verbose:
        _say_what_is_missing()
    report = _diagnose(snapshots, pid, with_source=source)
    _deliver(report, chosen, output, terminal)
    if fail_on is not None and report.verdict in _FAILING[fail_on]:
        raise SystemExit(ExitCode.LEAK_FOUND)


def _choose_format(asked: Format | None, output: Path | None, terminal: Terminal) -> str:
    chosen = asked.value if asked else (format_of_file(output.name) if output else None) or "text"
    if chosen == "html" and output is None and terminal.is_tty:
        raise UsageError("an HTML page is of no use on a terminal", "add -o report.html")
    return chosen


def _as_pid(targets: list[str]) -> int | None:
    """The one process id among the arguments, or None when they are files."""
    numbers = [text for text in targets if text.isascii() and text.isdigit() and not Path(text).exists()]
    if not numbers:
        return None
    if len(targets) > 1:
        raise UsageError("give one process id, or files", "diagnose each process by itself")
    return int(numbers[0])


def _refuse_pid_options(duration: str | None, every: str | None, keep: Path | None, beside: _Beside) -> None:
    given = {
        "--for": duration,
        "--every": every,
        "--keep": keep,
        "--allocations": beside.allocations or None,
        "--native": beside.native or None,
        "--probe": beside.probe or beside.no_probe or None,
    }
    if used := [name for name, value in given.items() if value is not None]:
        raise UsageError(f"{', '.join(used)}: only for a process id", "files are diagnosed as they are")


def _plan(duration: str | None, every: str | None) -> tuple[int, float]:
    """Number of snapshots and seconds between them."""
    if duration is None:
        if every is not None:
            raise UsageError("--every needs --for", "for example --for 60s --every 20s")
        return 1, 0.0
    total = parse_duration(duration, option="--for")
    interval = parse_duration(every, option="--every") if every else total / _DEFAULT_INTERVALS
    # 60.0 // 0.1 is 599: a tolerance keeps the last snapshot.
    count = int(total / interval + 1e-9) + 1
    if count < _FEWEST_FOR_GROWTH:
        enough = format_duration(total / 2).replace(" ", "")
        hint = f"two are monotonic by construction; use --every {enough} or less"
        raise UsageError(f"that makes {count} snapshots, and growth needs three", hint)
    return count, interval


def _read_files(names: list[str]) -> list[Snapshot]:
    """The snapshots in the order in which they were taken."""
    from leakkit import store

    snapshots = [store.read(Path(name)) for name in names]
    snapshots.sort(key=lambda snapshot: snapshot.capture.taken_at)
    processes = {(s.process.pid, s.process.started_at) for s in snapshots}
    if len(processes) > 1:
        pids = ", ".join(str(pid) for pid, _ in sorted(processes))
        message = f"these snapshots are of {len(processes)} processes (pid {pids})"
        raise UsageError(message, "diagnose each by itself")
    return snapshots


def _watch(
    pid: int, count: int, interval: float, *, timeout: float, keep: Path | None, verbose: bool, beside: _Beside
) -> list[Snapshot]:
    """Take the snapshots, with a line on stderr for each; what was taken before the target ended is used."""
    from leakkit.capture.take import take_series
    from leakkit.capture.window import Tracking

    if count == 1:
        note("one snapshot shows suspects, not growth: add --for 60s to see what grows")
    else:
        note(f"taking {count} snapshots, one every {format_duration(interval)}")
    say: Callable[[str], None] = note if verbose else _say_nothing
    snapshots: list[Snapshot] = []
    tracking = Tracking(count * interval, beside.native) if beside.tracks else None
    series = take_series(
        pid, count=count, every=interval, timeout=timeout, report=say, tracking=tracking, probes=beside.probes
    )
    try:
        for snapshot in series:
            snapshots.append(snapshot)
            _progress(snapshot, len(snapshots), count, interval)
            if keep is not None:
                _keep(snapshot, keep, len(snapshots))
    except TargetError as error:
        if not snapshots:
            raise
        note(f"leakkit: {error.message}; going on with {len(snapshots)} of {count} snapshots")
    return snapshots


def _say_nothing(_text: str) -> None:
    pass


def _progress(snapshot: Snapshot, number: int, count: int, interval: float) -> None:
    facts = (
        f"{format_bytes(snapshot.memory.rss)} resident, {format_count(snapshot.graph.node_count)} objects, "
        f"paused {format_seconds(snapshot.capture.pause_seconds)}"
    )
    wait = f"; next in {format_duration(interval)}" if number < count else ""
    note(f"snapshot {number} of {count}: {facts}{wait}")


def _keep(snapshot: Snapshot, folder: Path, number: int) -> None:
    from leakkit import store

    try:
        folder.mkdir(parents=True, exist_ok=True)
        store.write(snapshot, folder / f"{snapshot.process.pid}-{number:03d}.leak")
    except OSError as error:
        message = f"cannot keep snapshots in {folder}: {error.strerror or error}"
        raise UsageError(message, "choose another folder with --keep") from error


def _say_what_is_missing() -> None:
    from leakkit import native

    if reason := native.why_not():
        note(f"large heaps will take longer without leakkit's C parts: {reason}")


def _diagnose(snapshots: Sequence[Snapshot], pid: int | None, *, with_source: bool) -> Report:
    from leakkit.capture.processes import root_of
    from leakkit.diagnose import diagnose as run_diagnosis
    from leakkit.patch import Sources

    note("analysing" if len(snapshots) == 1 else f"analysing {len(snapshots)} snapshots")
    # A file's target may be long gone, or have run elsewhere: then its sources are looked for here.
    sources = Sources(root_of(pid) if pid is not None else "", snapshots[-1].process.started_at)
    return run_diagnosis(snapshots, sources=sources if with_source else None)


def _deliver(report: Report, format_name: str, output: Path | None, terminal: Terminal) -> None:
    if output is None or str(output) == "-":
        emit(render(report, format_name, color=terminal.color, width=terminal.width, unicode=terminal.unicode))
        return
    write_file(output, render(report, format_name))
    note(f"{report.verdict.value}: report written to {output}")
