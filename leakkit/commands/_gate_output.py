"""What ``leakkit gate`` does with what it measured: judges, shows, writes reports, ends with its exit status."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leakkit.commands._console import check_place, emit, note, stdout_terminal, write_file
from leakkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.gate.budgets import Policy
    from leakkit.gate.model import GateReport
    from leakkit.report.gate import GateLook

STDOUT: Final = "-"


@dataclass(frozen=True)
class Options:
    """What is wanted beside the summary on the terminal."""

    reports: tuple[tuple[str, str], ...] = ()
    """(format, file) of each ``--report``; ``-`` is stdout."""
    update: bool = False
    """Write the baseline instead of holding against it."""


def parse_reports(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The ``--report`` options: ``FORMAT=FILE``, or a file whose ending says the format.

    Raises:
        UsageError: a format is not known, or a file cannot be written.
    """
    from leakkit.report.gate import GATE_FORMATS, gate_format_of_file

    found = []
    for text in texts:
        name, equals, file = text.partition("=")
        chosen, place = (name, file) if equals and name in GATE_FORMATS else (gate_format_of_file(text), text)
        if chosen is None or not place:
            hint = f"write FORMAT=FILE with one of {', '.join(GATE_FORMATS)}"
            raise UsageError(f"--report {text}: its ending names no format", hint)
        if place != STDOUT:
            check_place(Path(place), devices=True)
        found.append((chosen, place))
    return tuple(found)


def finish(report: GateReport, options: Options) -> None:
    """Judge, show and write the report, and end with its status.

    Raises:
        SystemExit: always, with 0, 1 or 3.
        UsageError: the configuration or the baseline cannot be read, or a file cannot be written.
    """
    from leakkit.gate.baseline import read_baseline
    from leakkit.gate.budgets import read_policy
    from leakkit.gate.judge import judge
    from leakkit.gate.keep import only_of_failures

    policy = read_policy(Path.cwd())
    if options.update:
        report = _update(report, policy)
    judged = judge(report, policy, read_baseline(policy.baseline))
    judged = replace(judged, checks=tuple(only_of_failures(check) for check in judged.checks))
    _deliver(judged, options)
    raise SystemExit(judged.exit_code)


def _update(report: GateReport, policy: Policy) -> GateReport:
    """Write the baseline; what is in it now passes as known."""
    from leakkit.gate.baseline import read_baseline, updated, write_baseline
    from leakkit.gate.model import Outcome

    measured = [check for check in report.checks if check.outcome != Outcome.UNMEASURED]
    if not measured:
        return replace(report, warnings=(*report.warnings, "the baseline was not written: nothing was measured"))
    write_baseline(updated(read_baseline(policy.baseline), measured), policy.baseline)
    note(f"leakkit: wrote {policy.baseline}, {len(measured)} check{'s' * (len(measured) != 1)}")
    return report


def _deliver(report: GateReport, options: Options) -> None:
    from leakkit.recipes.catalogue import read_recipes
    from leakkit.report.gate import GateLook, render_gate

    terminal = stdout_terminal()
    root = Path(os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR") or _repository())
    recipes = {one.fix: one.text for one in read_recipes()}
    look = GateLook(root, recipes, terminal.color, terminal.width, terminal.unicode)
    if not any(place == STDOUT for _, place in options.reports):
        emit(render_gate(report, "text", look))
    for name, place in options.reports:
        if place == STDOUT:
            emit(render_gate(report, name, look))
        else:
            write_file(Path(place), render_gate(report, name, replace(look, color=False, unicode=True)))
            note(f"leakkit: wrote {place}")
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _on_github(report, look)


def _repository() -> Path:
    """The repository that the current folder lies in, or the current folder."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _on_github(report: GateReport, look: GateLook) -> None:
    """Annotations, which the runner reads from stderr as well as from stdout, and the job's summary."""
    from leakkit.report.gate import render_gate

    for line in render_gate(report, "github", look).splitlines():
        note(line)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(render_gate(report, "markdown", look) + "\n")
        except OSError as error:
            note(f"leakkit: no job summary: {error.strerror or error}")
