"""What ``leakkit gate`` does with its report: shows it, and ends with its exit status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.commands._console import emit, note, stdout_terminal
from leakkit.report.check import render_checks

if TYPE_CHECKING:
    from leakkit.gate.model import GateReport


@dataclass(frozen=True)
class Options:
    """What is wanted beside the summary on the terminal."""


def finish(report: GateReport, options: Options) -> None:
    """Show the report and end with its status.

    Raises:
        SystemExit: always, with 0, 1 or 3.
    """
    terminal = stdout_terminal()
    emit(render_checks(report.checks, color=terminal.color, width=terminal.width, unicode=terminal.unicode))
    for warning in report.warnings:
        note(f"leakkit: {warning}")
    raise SystemExit(report.exit_code)
