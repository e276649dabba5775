"""Turns a :class:`leakkit.gate.model.GateReport` into each of its formats.

:data:`GATE_FORMATS` is the whole list; a new one is a module and an entry there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leakkit.errors import UsageError
from leakkit.report.gate_github import render_gate_annotations
from leakkit.report.gate_gitlab import render_gate_gitlab
from leakkit.report.gate_json import render_gate_json
from leakkit.report.gate_junit import render_gate_junit
from leakkit.report.gate_markdown import render_gate_markdown
from leakkit.report.gate_sarif import render_gate_sarif
from leakkit.report.gate_text import render_gate_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leakkit.gate.model import GateReport

__all__ = ["GATE_FORMATS", "GateLook", "gate_format_of_file", "render_gate"]


@dataclass(frozen=True)
class GateLook:
    """What the formats need besides the report."""

    root: Path
    """The repository: places are told relative to it."""
    recipes: Mapping[str, str] = field(default_factory=dict)
    """Markdown of each fix's recipe by its id."""
    color: bool = False
    width: int = 80
    unicode: bool = True


GATE_FORMATS: Final[Mapping[str, Callable[[GateReport, GateLook], str]]] = {
    "text": lambda report, look: render_gate_text(report, color=look.color, width=look.width, unicode=look.unicode),
    "markdown": lambda report, _look: render_gate_markdown(report),
    "json": lambda report, _look: render_gate_json(report),
    "junit": lambda report, _look: render_gate_junit(report),
    "sarif": lambda report, look: render_gate_sarif(report, root=look.root, recipes=look.recipes),
    "github": lambda report, look: render_gate_annotations(report, root=look.root),
    "gitlab": lambda report, look: render_gate_gitlab(report, root=look.root),
}
"""Format to what makes it."""

_ENDINGS: Final = {
    ".txt": "text", ".md": "markdown", ".json": "json", ".xml": "junit", ".sarif": "sarif", ".sarif.json": "sarif",
}  # fmt: skip


def render_gate(report: GateReport, format: str, look: GateLook) -> str:  # noqa: A002 - the option's name
    """The report in one of :data:`GATE_FORMATS`.

    Raises:
        UsageError: no such format.
    """
    if format not in GATE_FORMATS:
        raise UsageError(f"no such format: {format}", f"choose one of {', '.join(GATE_FORMATS)}")
    return GATE_FORMATS[format](report, look)


def gate_format_of_file(name: str) -> str | None:
    """The format that a file name's ending asks for, or None; GitLab's code quality has a name of its own."""
    lowered = Path(name).name.lower()
    if lowered.startswith("gl-code-quality"):
        return "gitlab"
    fitting = [ending for ending in _ENDINGS if lowered.endswith(ending)]
    return _ENDINGS[max(fitting, key=len)] if fitting else None
