"""What ``leakkit info`` prints: the facts of one snapshot file as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.tables import draw_table
from leakkit.report.units import format_bytes, format_count, format_seconds, format_share

if TYPE_CHECKING:
    from collections.abc import Sequence

_LABEL_WIDTH = 20


def render_info(info: dict[str, Any], *, color: bool, width: int, unicode: bool = True) -> str:
    """The facts of a snapshot file as text.

    Args:
        info: what ``leakkit info --json`` prints: groups of named facts.
        color: whether to use ANSI colours.
        width: columns to stay within.
        unicode: False draws with ASCII characters only.
    """
    style = Style(color=color, width=max(width, 60))
    sections = [
        _facts("Snapshot", info["snapshot"], style),
        _facts("Target", info["target"], style),
        _facts("Heap", info["heap"], style),
        _facts("Collector", info["collector"], style),
        _facts("Memory", info["memory"], style),
        _top_types(info["types"], info["heap"]["heap_bytes"], style),
        _mappings(info["mappings"], style),
        _sections(info["sections"], style),
        _list("What the snapshot did to the target", info["disclosures"], style),
        _list("Warnings", info["warnings"], style),
    ]
    text = "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"
    return text if unicode else to_ascii(text)


def _facts(title: str, facts: dict[str, Any], style: Style) -> list[str]:
    """Named facts, one a line; what could not be learned says so."""
    lines = [style.paint(title, "bold")]
    for key, value in facts.items():
        label = key.removesuffix("_bytes").removesuffix("_seconds").replace("_", " ")
        wrapped = style.wrap(one_line(_value_text(key, value)), first=" " * (_LABEL_WIDTH + 2))
        wrapped[0] = f"  {style.paint(f'{label:<{_LABEL_WIDTH}}', 'dim')}{wrapped[0][_LABEL_WIDTH + 2 :]}"
        lines += wrapped
    return lines


def _value_text(key: str, value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        separator = "; " if any(isinstance(item, dict) for item in value) else ", "
        return separator.join(_value_text("", item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value_text(name, item)}" for name, item in value.items()) or "none"
    if key.endswith("_bytes"):
        return format_bytes(value)
    if key.endswith("_seconds"):
        return format_seconds(value)
    return format_count(value) if isinstance(value, int) and key != "pid" else str(value)


def _top_types(types: Sequence[dict[str, Any]], total: int, style: Style) -> list[str]:
    if not types:
        return []
    rows = [
        [
            one_line(entry["name"])[: style.width - 40],
            format_count(entry["count"]),
            format_bytes(entry["bytes"]),
            format_share(entry["bytes"], total),
        ]
        for entry in types
    ]
    table = draw_table(rows, ["type", "objects", "size", "share"], align="lrrr", indent=2)
    return [style.paint("Largest types, by the objects' own size", "bold"), *table]


def _mappings(mappings: Sequence[dict[str, Any]], style: Style) -> list[str]:
    if not mappings:
        return []
    # The end of a long path says more than its start.
    room = style.width - 20
    names = [one_line(entry["name"]) for entry in mappings]
    rows = [
        [name if len(name) <= room else "…" + name[1 - room :], format_bytes(entry["resident_bytes"])]
        for name, entry in zip(names, mappings, strict=True)
    ]
    table = draw_table(rows, ["mapping", "resident"], align="lr", indent=2)
    return [style.paint("Largest mappings", "bold"), *table]


def _sections(sections: Sequence[dict[str, Any]], style: Style) -> list[str]:
    if not sections:
        return []
    groups: dict[str, list[int]] = {}
    for section in sections:
        # graph.address, graph.size ... are columns of one table.
        total = groups.setdefault(one_line(section["name"].partition(".")[0]), [0, 0, 0])
        total[0] += 1
        total[1] += section["bytes"]
        total[2] += section["stored_bytes"]
    rows = [
        [name, format_count(columns), format_bytes(size), format_bytes(stored)]
        for name, (columns, size, stored) in groups.items()
    ]
    table = draw_table(rows, ["section", "columns", "size", "in the file"], align="lrrr", indent=2)
    return [style.paint("Sections of the file", "bold"), *table]


def _list(title: str, texts: Sequence[str], style: Style) -> list[str]:
    lines = [line for text in texts for line in style.wrap(one_line(text), first="  - ")]
    return [style.paint(title, "bold"), *lines] if lines else []
