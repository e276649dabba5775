"""``leakkit snapshot``: take snapshots of a running process, a process tree, or a program it starts."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from leakkit.commands._console import check_place, emit, note
from leakkit.commands._durations import FROM_START, format_duration, parse_duration
from leakkit.commands._options import After, AllocationsFor, Native, NoProbes, Probes, SnapshotFile
from leakkit.errors import CaptureFailed, ExitCode, LeakkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leakkit.capture.launch import Launched
    from leakkit.capture.probes import Probe
    from leakkit.capture.window import Tracking, Window
    from leakkit.probe_model import ProbeResult
    from leakkit.snapshot_model import Snapshot

_RUNGS = ("agent-socket:", "ptrace:", "remote-exec:")
_LONGEST = 30 * 86400.0
"""Seconds that a program is tracked at most which says no time itself."""
_HINT = "leakkit snapshot PID, or leakkit snapshot -- COMMAND ARGS"


@dataclass(frozen=True)
class _Wish:
    """The options, parsed; times in seconds."""

    output: Path | None
    count: int
    every: float
    tree: bool
    timeout: float
    values: bool
    verbose: bool
    after: float | None
    tracking: Tracking | None
    probes: tuple[Probe, ...]


def snapshot(
    target: Annotated[
        list[str],
        typer.Argument(
            metavar="PID | -- COMMAND ARGS...", help="A process id, or a program to start.", show_default=False
        ),
    ],
    output: SnapshotFile = None,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="How many snapshots.")] = 1,
    every: Annotated[str, typer.Option(metavar="TIME", help="Time between them: 500ms, 30s, 2m.")] = "30s",
    tree: Annotated[bool, typer.Option("--tree", help="Also every Python process below it, one file each.")] = False,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="How long to try to get in.")] = "15s",
    after: After = None,
    allocations: AllocationsFor = None,
    native: Native = False,
    probe: Probes = None,
    no_probe: NoProbes = None,
    values: Annotated[bool, typer.Option("--values", help="Let short previews of values into the file.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say how each way in went.")] = False,
) -> None:  # fmt: skip
    """Take a snapshot of a Python process without disturbing it.

    \b
    leakkit snapshot 4711                          one snapshot, leakkit-4711-1.leak
    leakkit snapshot 4711 -o before.leak           into this file
    leakkit snapshot 4711 --count 3 --every 30s    three, half a minute apart
    leakkit snapshot 4711 --tree                   a server and all its workers
    leakkit snapshot --allocations 60s 4711        and where its objects were allocated
    leakkit snapshot -- python app.py --port 80    start it, snapshot it when it ends
    leakkit snapshot --after 60s -- gunicorn app   start it, snapshot it after a minute

    The names of the files go to stdout. With COMMAND stdout is the program's: the names go to stderr, Ctrl-C
    goes to the program, which goes on after its snapshots, and its exit status is leakkit's. A program that ends
    before a snapshot is due is snapshotted at its end.
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    from leakkit.capture.probes import choose

    unwanted, command = no_probe or [], not target[0].isdecimal()
    if native and allocations is None:
        raise UsageError("--native needs --allocations", "for example --allocations 60s --native PID")
    wish = _Wish(
        output=output,
        count=count,
        every=parse_duration(every, option="--every"),
        tree=tree,
        timeout=parse_duration(timeout, option="--timeout"),
        values=values,
        verbose=verbose,
        after=None if after is None else parse_duration(after, option="--after"),
        tracking=_tracking(None if "memray" in unwanted else allocations, native=native, command=command),
        probes=choose(probe or (), unwanted),
    )
    check_place(output)
    if command:
        _launch(target, wish)
    _attach(target, wish)


def _tracking(allocations: str | None, *, native: bool, command: bool) -> Tracking | None:
    """The wish to record allocations; with a command it needs no time."""
    from leakkit.capture.window import Tracking

    if allocations is None:
        return None
    if allocations == FROM_START:
        if not command:
            raise UsageError("--allocations of a process needs a time", "for example --allocations 60s PID")
        return Tracking(_LONGEST, native)
    return Tracking(parse_duration(allocations, option="--allocations"), native)


def _attach(target: list[str], wish: _Wish) -> None:
    """Snapshots of a running process or tree."""
    from leakkit.capture.take import take_series

    if len(target) > 1:
        raise UsageError(f"one process id at a time, got {len(target)}", "its Python children: --tree")
    if wish.tracking and wish.tree:
        raise UsageError("--allocations records one process", "leave --tree away")
    if wish.after is not None:
        raise UsageError("--after is for a program that leakkit starts", _HINT)
    pid = int(target[0])
    names = _Names(wish)
    if not wish.tree:
        series = take_series(
            pid,
            count=wish.count,
            every=wish.every,
            timeout=wish.timeout,
            values=wish.values,
            report=_reporter(wish),
            tracking=wish.tracking,
            probes=wish.probes,
        )
        for taken in series:
            _save(taken, names.next(pid), emit)
        return
    began = time.monotonic()
    for number in range(wish.count):
        if (pause := began + number * wish.every - time.monotonic()) > 0:
            note(f"next snapshot ({number + 1} of {wish.count}) in {format_duration(pause)}")
            time.sleep(pause)
        _take_tree(pid, wish, names, emit)


def _take_tree(pid: int, wish: _Wish, names: _Names, say: Callable[[str], None]) -> int:
    """One snapshot of each Python process from ``pid`` down; how many there are. Raises when none worked."""
    from leakkit.capture.processes import python_tree
    from leakkit.capture.take import take_snapshot

    pids = python_tree(pid)
    if not pids:
        raise UsageError(f"no Python process at or below {pid}", "look with: pstree -p")
    failures: list[LeakkitError] = []
    for number, one in enumerate(pids):
        note(f"process {one} ({number + 1} of {len(pids)})")
        try:
            taken = take_snapshot(
                one, timeout=wish.timeout, values=wish.values, report=_reporter(wish), probes=wish.probes
            )
        except LeakkitError as error:
            note(f"leakkit: {error.message}")
            failures.append(error)
        else:
            _save(taken, names.next(one), say)
    if len(failures) == len(pids):
        raise failures[0]
    return len(pids) - len(failures)


def _launch(command: list[str], wish: _Wish) -> NoReturn:
    """Start a program, snapshot it when due or at its end, and end as it does."""
    from leakkit.capture.launch import HELLO_SECONDS, launch, signals_to

    first = wish.after if wish.after is not None else wish.every if wish.count > 1 else None
    began = time.monotonic()
    track = wish.tracking is not None
    started = launch(command, hold_exit=True, hold_start=track, hello_seconds=HELLO_SECONDS if track else 0.0)
    with started as program, signals_to(program):
        taken, failure = 0, None
        try:
            with _tracked(program, wish) as tracking:
                taken = _take_when_due(program, wish, first, began, tracking)
        except LeakkitError as error:
            failure = error
            note(f"leakkit: {error.message}")
            note(f"hint: {error.hint}")
        except KeyboardInterrupt:
            note("leakkit: the last snapshot was given up")
        code = program.wait()
    if not taken and code == 0:
        raise SystemExit((failure or _missed()).exit_code)
    raise SystemExit(code)


@contextlib.contextmanager
def _tracked(program: Launched, wish: _Wish) -> Iterator[tuple[Window | None, tuple[ProbeResult, ...]]]:
    """Record the program's allocations from its start, which waits until that is on."""
    from leakkit.capture.processes import read_process
    from leakkit.capture.window import tracked

    if wish.tracking is None:
        yield None, ()
        return
    with tracked(read_process(program.pid), wish.tracking, 0.0, wish.timeout, _reporter(wish)) as tracking:
        program.let_start()
        yield tracking


def _missed() -> CaptureFailed:
    error = CaptureFailed(
        "the program ended without running its exit handlers, before a snapshot was due", "use --after"
    )
    note(f"leakkit: {error.message}")
    note(f"hint: {error.hint}")
    return error


def _take_when_due(
    program: Launched,
    wish: _Wish,
    first: float | None,
    began: float,
    tracking: tuple[Window | None, tuple[ProbeResult, ...]],
) -> int:
    """All the snapshots, the last one at the program's end if it comes early; how many were written."""
    from leakkit.capture.take import take_snapshot

    names = _Names(wish)
    written = 0
    for number in range(wish.count):
        pause = None if first is None else max(0.0, began + first + number * wish.every - time.monotonic())
        ended = program.wait_ending(pause)
        if ended and not program.ending:
            return written
        if wish.tree:
            written += _take_tree(program.pid if ended else program.popen.pid, wish, names, note)
        else:
            last = ended or number == wish.count - 1
            window, results = tracking if last else (None, ())
            taken = take_snapshot(
                program.pid,
                timeout=wish.timeout,
                values=wish.values,
                report=_reporter(wish),
                window=window,
                results=results,
                probes=wish.probes,
            )
            _save(taken, names.next(program.pid), note)
            written += 1
        if ended:
            return written
    return written


class _Names:
    """File names: what -o says, with numbers where there are several, or ``leakkit-PID-N.leak``."""

    def __init__(self, wish: _Wish) -> None:
        self._wish = wish
        self._used: dict[int, int] = {}

    def next(self, pid: int) -> Path:
        """Name of the next snapshot of ``pid``."""
        self._used[pid] = number = self._used.get(pid, 0) + 1
        output, wish = self._wish.output, self._wish
        if output is None:
            return self._free(pid)
        if wish.count == 1 and not wish.tree:
            return output
        parts = [output.stem, *([str(pid)] if wish.tree else []), *([str(number)] if wish.count > 1 else [])]
        return output.with_name("-".join(parts) + (output.suffix or ".leak"))

    def _free(self, pid: int) -> Path:
        number = 1
        while (path := Path(f"leakkit-{pid}-{number}.leak")).exists():
            number += 1
        return path


def _save(taken: Snapshot, path: Path, say: Callable[[str], None]) -> None:
    """Write the file (aside, then renamed) and name it."""
    from leakkit import store

    try:
        store.write(replace(taken, file=str(path)), path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}", "choose another place with -o") from error
    say(f"{path}\n" if say is emit else f"leakkit: wrote {path}")
    pause = format_duration(taken.capture.pause_seconds)
    size = path.stat().st_size / 1e6
    note(f"{taken.graph.node_count:,} objects, {size:.1f} MB; the target paused for {pause}")
    for warning in taken.warnings:
        note(f"warning: {warning}")


def _reporter(wish: _Wish) -> Callable[[str], None]:
    """Progress on stderr; how each way in went only with -v."""

    def report(line: str) -> None:
        if wish.verbose or not line.startswith(_RUNGS):
            note(line)

    return report


__all__ = ["ExitCode", "snapshot"]
