"""``leakkit gate``: does memory grow with the work? The exit status says it, a failure explains itself."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leakkit import __version__
from leakkit.commands._console import note
from leakkit.commands._durations import parse_duration
from leakkit.commands._gate_output import Options, finish
from leakkit.errors import UsageError

if TYPE_CHECKING:
    from leakkit.gate.model import Check


def gate(
    target: Annotated[
        list[str],
        typer.Argument(metavar="MODULE:FUNCTION... | -- PYTEST ARGS...", help="What to gate.", show_default=False),
    ],
    calls: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="Calls of the first round; chosen by their time unless given."),
    ] = None,
    warmup: Annotated[int, typer.Option(min=1, metavar="N", help="Calls before anything is measured.")] = 10,
    max_time: Annotated[str, typer.Option(metavar="TIME", help="Longest time for one function.")] = "2m",
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC", help="Let this metric decide nothing, e.g. garbage-objects; may be repeated."),
    ] = None,
    marked: Annotated[bool, typer.Option("--marked", help="With PYTEST: only tests that are marked.")] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the snapshots of what failed in that folder.")
    ] = None,
) -> None:
    """Repeat the work, more of it each round, and fail when memory, files or threads keep pace with it.

    \b
    leakkit gate app.tasks:import_one            a function without arguments, async or not
    leakkit gate app.a:f app.b:g --keep gate     several; snapshots of failing ones stay in gate/
    leakkit gate -- pytest tests/test_api.py     every selected test, through leakkit's pytest plugin
    leakkit gate --marked -- pytest              only tests marked with @pytest.mark.leakkit

    Status 0: nothing grows; 1: something does, and the report says what, who holds it and which fix helps;
    3: it could not be measured.
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    seconds = parse_duration(max_time, option="--max-time")
    options: dict[str, Any] = {"calls": calls, "warmup": warmup, "max_seconds": seconds, "ignore": ignore or []}
    if keep is not None:
        options["keep"] = str(keep.absolute())
    warnings: list[str] = []
    checks = _functions(target, options) if _are_functions(target) else _command(target, options, marked, warnings)
    finish(_report(checks, warnings), Options())


def _are_functions(target: list[str]) -> bool:
    """Whether these are names of functions rather than a command."""
    return ":" in target[0] and all(part.replace(".", "_").isidentifier() for part in target[0].split(":", 1))


def _functions(names: list[str], options: dict[str, Any]) -> list[Check]:
    from leakkit.gate.run import run_function

    checks = []
    for name in names:
        if not _are_functions([name]):
            raise UsageError(f"{name} is not a module:function", "a command comes after --")
        note(f"gating {name}")
        checks.append(run_function(name, options))
    return checks


def _command(command: list[str], options: dict[str, Any], marked: bool, warnings: list[str]) -> list[Check]:
    from leakkit.gate.run import run_command

    checks, status = run_command(command, options, every_test=not marked)
    if not checks:
        warnings.append(f"no test was gated ({' '.join(command)} ended with status {status})")
    elif status not in (0, 1):
        warnings.append(f"{' '.join(command)} ended with status {status}")
    return checks


def _report(checks: list[Check], warnings: list[str]) -> Any:
    from leakkit.gate.model import GateReport

    return GateReport(__version__, datetime.now(UTC).isoformat(timespec="seconds"), tuple(checks), tuple(warnings))
