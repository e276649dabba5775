"""Turns a :class:`leakkit.model.Report` into text, markdown, HTML or JSON.

:data:`RENDERERS` is the whole list of formats; a new one is a module and a line there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from leakkit.errors import UsageError

if TYPE_CHECKING:
    from leakkit.model import Report

__all__ = ["FORMATS", "RENDERERS", "Renderer", "format_of_file", "render"]


class RenderFunction(Protocol):
    """What a format's function takes and gives."""

    def __call__(self, report: Report, *, color: bool, width: int, unicode: bool) -> str:
        """The report as one string that ends with a newline."""


@dataclass(frozen=True)
class Renderer:
    """One output format."""

    format: str
    suffixes: tuple[str, ...]
    """File name endings that choose this format."""
    render: RenderFunction


def _text(report: Report, *, color: bool, width: int, unicode: bool) -> str:
    from leakkit.report.text import render_text

    return render_text(report, color=color, width=width, unicode=unicode)


def _markdown(report: Report, *, color: bool, width: int, unicode: bool) -> str:
    from leakkit.report.markdown import render_markdown

    return render_markdown(report)


def _html(report: Report, *, color: bool, width: int, unicode: bool) -> str:
    from leakkit.report.html import render_html

    return render_html(report)


def _json(report: Report, *, color: bool, width: int, unicode: bool) -> str:
    from leakkit.report.as_json import render_json

    return render_json(report)


RENDERERS: tuple[Renderer, ...] = (
    Renderer("text", (".txt", ".text"), _text),
    Renderer("markdown", (".md", ".markdown"), _markdown),
    Renderer("html", (".html", ".htm"), _html),
    Renderer("json", (".json",), _json),
)

FORMATS = tuple(renderer.format for renderer in RENDERERS)


def render(
    report: Report,
    format: str = "text",  # noqa: A002 - the option's name
    *,
    color: bool = False,
    width: int = 80,
    unicode: bool = True,
) -> str:
    """The report in one of :data:`FORMATS`.

    Args:
        report: what was found.
        format: a name of :data:`FORMATS`.
        color: ANSI colours, for text only.
        width: columns to stay within, for text only.
        unicode: False draws with ASCII characters only, for text only.

    Raises:
        UsageError: no such format.
    """
    for renderer in RENDERERS:
        if renderer.format == format:
            return renderer.render(report, color=color, width=width, unicode=unicode)
    raise UsageError(f"no such format: {format}", f"choose one of {', '.join(FORMATS)}")


def format_of_file(name: str) -> str | None:
    """The format that a file name's ending asks for, or None."""
    lowered = name.lower()
    return next((r.format for r in RENDERERS if lowered.endswith(r.suffixes)), None)
