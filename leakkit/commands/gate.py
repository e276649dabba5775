"""``leakkit gate``: does memory grow with the work? The exit status says it, a failure explains itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leakkit import __version__
from leakkit.commands._console import note
from leakkit.commands._durations import parse_duration
from leakkit.commands._gate_output import Options, finish, parse_reports
from leakkit.commands._options import (
    Calls,
    GateTarget,
    Ignore,
    KeepFailing,
    MaxTime,
    Ready,
    Reports,
    Requests,
    Update,
    Warmup,
)
from leakkit.errors import UsageError

if TYPE_CHECKING:
    from leakkit.gate.model import Check


def gate(
    target: GateTarget = None,
    serve: Annotated[str | None, typer.Option(metavar="COMMAND", help="Gate a service: this starts it.")] = None,
    ready: Ready = None,
    drive: Annotated[str | None, typer.Option(metavar="COMMAND", help="One portion of the load.")] = None,
    requests: Requests = 1,
    calls: Calls = None,
    warmup: Warmup = None,
    max_time: MaxTime = None,
    ignore: Ignore = None,
    marked: Annotated[bool, typer.Option("--marked", help="With PYTEST: only tests that are marked.")] = False,
    keep: KeepFailing = None,
    report: Reports = None,
    update: Update = False,
) -> None:
    """Repeat the work, more of it each round, and fail when memory, files or threads keep pace with it.

    \b
    leakkit gate app.tasks:import_one            a function without arguments, async or not
    leakkit gate app.a:f app.b:g --keep gate     several; snapshots of failing ones stay in gate/
    leakkit gate -- pytest tests/test_api.py     every selected test, through leakkit's pytest plugin
    leakkit gate --marked -- pytest              only tests marked with @pytest.mark.leakkit
    leakkit gate --serve "python app.py" --ready http://127.0.0.1:8000/ --drive "python load.py"
    leakkit gate app.tasks:import_one --report junit=leaks.xml --report leaks.sarif
    leakkit gate app.tasks:import_one --update   what leaks today is known: only what is new fails

    Status 0: nothing grows; 1: something does, and the report says what, who holds it and which fix helps;
    3: it could not be measured.
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    options = Options(reports=parse_reports(report or ()), update=update)
    seconds = None if max_time is None else parse_duration(max_time, option="--max-time")
    warnings: list[str] = []
    if serve is not None:
        if target:
            raise UsageError("a service or functions, not both", "run leakkit gate once for each")
        given = _plan(requests=requests, warmup=warmup, max_seconds=seconds, keep=keep, ignore=ignore)
        checks = [_service(serve, ready, drive, given)]
    else:
        if ready is not None or drive is not None:
            raise UsageError("--ready and --drive are for a service", 'start it with --serve "python app.py"')
        if not target:
            raise UsageError("nothing to gate", "give MODULE:FUNCTION, -- pytest, or --serve COMMAND")
        place = str(keep.absolute()) if keep else None
        given = _plan(calls=calls, warmup=warmup, max_seconds=seconds, keep=place, ignore=ignore)
        checks = _functions(target, given) if _are_functions(target) else _command(target, given, marked, warnings)
    finish(_report(checks, warnings), options)


def _plan(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _service(serve: str, ready: str | None, drive: str | None, options: dict[str, Any]) -> Check:
    from leakkit.gate.plan import make_plan
    from leakkit.gate.serve import ServePlan, gate_service

    if ready is None or drive is None:
        raise UsageError("--serve needs --ready and --drive", '--ready http://127.0.0.1:8000/ --drive "python load.py"')
    ignore = make_plan(ignore=options.pop("ignore", ())).ignore
    return gate_service(ServePlan(serve, drive, ready, ignore=ignore, **options), report=note)


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
        checks.append(_with_peak(run_function(name, options)))
    return checks


def _with_peak(check: Check) -> Check:
    """The check with its high-water mark, if a budget asks for it."""
    from leakkit.gate.budgets import read_policy
    from leakkit.gate.model import Outcome
    from leakkit.gate.peak import measure_peak

    if check.outcome == Outcome.UNMEASURED or read_policy(Path.cwd()).budgets_for(check.subject).peak is None:
        return check
    note(f"tracing the peak of {check.subject}")
    peak, why = measure_peak(check.subject)
    return replace(check, peak_bytes=peak, notes=(*check.notes, *([why] if why else [])))


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
