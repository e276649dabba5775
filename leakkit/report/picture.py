"""A finding as a picture in Graphviz's language: who holds it, what it holds, and where that was allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.report.escape import one_line
from leakkit.report.units import format_bytes
from leakkit.report.wording import edge_label, size_text, step_type, type_text

if TYPE_CHECKING:
    from leakkit.model import Finding

_MOST_TYPES = 6
_MOST_SITES = 4
_WIDEST = 60
_HEAD = """digraph finding {
  graph [rankdir=TB, labelloc=t, fontname="Helvetica"];
  node [shape=box, style="rounded,filled", fillcolor=white, fontname="Helvetica"];
  edge [fontname="Helvetica", fontsize=11];
"""


def finding_dot(finding: Finding) -> str:
    """The picture as a directed graph in the DOT language.

    The steps of the retaining path from the root (or around the cycle, which is closed), the suspect references red and
    bold; below the last one the retained types, dashed; beside them the places that allocated them, dotted.
    """
    lines = [f"  label={_text(finding.title)};"]
    steps = list(finding.path)
    last = f"step{len(steps) - 1}" if steps else "holder"
    if not steps:
        lines.append(f"  holder [label={_text(finding.path_text or finding.holder.name)}];")
    cycle = finding.holder.kind == "cycle"
    for number, step in enumerate(steps):
        edge = edge_label(step.edge, root=number == 0)
        lines.append(f"  step{number} [label={_text(step_type(step.type, step.count) or edge)}];")
        look = ', color=red, fontcolor=red, style="bold"' if step.suspect else ""
        edge = _text(edge)
        if number:
            lines.append(f"  step{number - 1} -> step{number} [label={edge}{look}];")
        elif not cycle:  # no root reaches the dead
            lines.append("  root [shape=point];")
            lines.append(f"  root -> step0 [label={edge}{look}];")
    if cycle and len(steps) > 1:
        lines.append(f"  {last} -> step0 [style=dashed];")
    lines.append(f'  retained [shape=note, fillcolor="#fff3cd", label={_text(size_text(finding))}];')
    lines.append(f"  {last} -> retained;")
    for number, found in enumerate(finding.types[:_MOST_TYPES]):
        lines.append(f"  type{number} [label={_text(type_text(found))}];")
        lines.append(f"  retained -> type{number} [style=dashed];")
    for number, site in enumerate(finding.allocated_at[:_MOST_SITES]):
        where = f"{site.function} {site.file.rpartition('/')[2]}:{site.line}, {format_bytes(site.bytes)}"
        lines.append(f'  site{number} [shape=component, fillcolor="#d1e7dd", label={_text(where)}];')
        lines.append(f'  site{number} -> retained [style=dotted, label="allocated"];')
    return _HEAD + "\n".join(lines) + "\n}\n"


def _text(text: str) -> str:
    """A quoted string: the target's names are text and never language."""
    short = one_line(text)
    short = short if len(short) <= _WIDEST else short[: _WIDEST - 1] + "…"
    escaped = short.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
