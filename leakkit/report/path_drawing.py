"""The retaining path drawn after LeakCanary's leak trace: one reference a line, suspects underlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.report.escape import display_width, one_line
from leakkit.report.wording import edge_label, step_type

if TYPE_CHECKING:
    from leakkit.model import Finding, PathStep
    from leakkit.report._style import Style

_MOST_STEPS = 24
_WIDEST_EDGE = 36


def draw_path(finding: Finding, style: Style) -> list[str]:
    """The path from the root (or around the shortest cycle) as lines no wider than the style.

    A path of more than 24 steps is shortened in the middle; steps marked as suspect are always shown.
    """
    steps = list(finding.path)
    if not steps:
        return style.wrap(one_line(finding.path_text)) if finding.path_text else []
    edges = [one_line(edge_label(step.edge, root=i == 0)) for i, step in enumerate(steps)]
    column = min(max(display_width(edge) for edge in edges), _WIDEST_EDGE)
    lines: list[str] = []
    for i, step in enumerate(steps):
        if i in _left_out(steps):
            if i - 1 not in _left_out(steps):
                lines.append(style.paint("│  … ", "dim") + f"{len(_left_out(steps))} more steps")
            continue
        glyph = "┬ " if i == 0 else "╰→ " if i == len(steps) - 1 else "├─ "
        lines += _draw_step(step, edges[i], glyph, column, style, last=i == len(steps) - 1)
    return lines


def _draw_step(step: PathStep, edge: str, glyph: str, column: int, style: Style, *, last: bool) -> list[str]:
    """One reference, and the underline of a suspect."""
    lead = 3
    type_text = one_line(step_type(step.type, step.count))
    edge = _shorten(edge, style.width - lead)
    padding = " " * max(column + (1 if len(glyph) == 2 else 0) - display_width(edge), 0)
    painted = style.paint(edge, "bold", "red") if step.suspect else edge
    one = f"{style.paint(glyph, 'dim')}{painted}"
    if len(glyph) + display_width(edge) + len(padding) + 2 + display_width(type_text) <= style.width:
        lines = [f"{one}{padding}  {style.paint(type_text, 'cyan')}" if type_text else one]
        below = []
    else:
        # Too wide for one line: the type goes below its reference.
        lines = [one]
        below = [(" " if last else style.paint("│", "dim")) + "    " + _shorten(type_text, style.width - 5)]
    if step.suspect:
        bar = " " if last else style.paint("│", "dim")
        tildes = style.paint("~" * display_width(edge), "bold", "red")
        lines.append(f"{bar}{' ' * (len(glyph) - 1)}{tildes}")
    return lines + below


def _left_out(steps: list[PathStep]) -> frozenset[int]:
    """Rows of a long path's middle that are not drawn."""
    if len(steps) <= _MOST_STEPS:
        return frozenset()
    head, tail = _MOST_STEPS // 2, len(steps) - _MOST_STEPS // 2
    suspects = [i for i, step in enumerate(steps) if step.suspect and head <= i < tail]
    if suspects:
        tail = min(suspects)
    return frozenset(range(head, tail))


def _shorten(text: str, width: int) -> str:
    """The text cut to that many columns, with an ellipsis where something is missing."""
    if display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"
