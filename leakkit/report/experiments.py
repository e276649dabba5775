"""What ``leakkit whatif`` prints."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.tables import draw_table
from leakkit.report.units import format_bytes, format_count, format_seconds
from leakkit.report.wording import type_text

if TYPE_CHECKING:
    from leakkit.outcomes import Tried, TriedFigure, WhatIf

WHAT_IF_SCHEMA = "leakkit-whatif/1"
TRY_SCHEMA = "leakkit-try/1"


def render_what_if(answer: WhatIf, *, color: bool, width: int, unicode: bool = True) -> str:
    """The answer as text.

    Args:
        answer: what the experiment frees.
        color: whether to use ANSI colours.
        width: columns to stay within.
        unicode: False draws with ASCII characters only.
    """
    style = Style(color=color, width=max(width, 60))
    number = answer.references
    cut = f", {format_count(number)} reference{'' if number == 1 else 's'} cut" if number else ""
    lines = style.wrap(one_line(answer.question) + cut)
    lines[0] = style.paint(lines[0], "bold")
    objects = f"{format_count(answer.freed_count)} object{'' if answer.freed_count == 1 else 's'}"
    lines.append(style.paint(f"frees {format_bytes(answer.freed_bytes)} in {objects}", "bold", "green"))
    if answer.types:
        lines += style.wrap(", ".join(one_line(type_text(one)) for one in answer.types), first="  ")
    if answer.still_held:
        left = answer.hoped_bytes - answer.freed_bytes
        text = f"cutting this alone frees {format_bytes(answer.freed_bytes)} of {format_bytes(answer.hoped_bytes)}: "
        lines += ["", *style.wrap(f"{text}{format_bytes(left)} below it stay, also held by")]
        for held in answer.still_held:
            many = f"{format_count(held.count)} object{'' if held.count == 1 else 's'}"
            lines += style.wrap(one_line(f"{held.path_text} ({format_bytes(held.bytes)} in {many})"), first="  - ")
    lines += [line for text in answer.notes for line in style.wrap(one_line(text), first="note: ", rest="  ")]
    text = "\n".join(lines) + "\n"
    return text if unicode else to_ascii(text)


def what_if_json(answer: WhatIf) -> str:
    """The answer as indented ASCII JSON; sizes are bytes."""
    return json.dumps({"schema": WHAT_IF_SCHEMA, **dataclasses.asdict(answer)}, indent=2, ensure_ascii=True) + "\n"


def render_tried(tried: Tried, *, color: bool, width: int, unicode: bool = True) -> str:
    """Predicted beside measured, as text; the arguments are those of :func:`render_what_if`."""
    style = Style(color=color, width=max(width, 60))
    done = {"collect": "one full collection", "hibernate": "one full collection and a trim"}[tried.fix]
    lines = [style.paint(f"{tried.fix}: {done} in process {tried.pid}", "bold"), ""]
    rows = [[one.name, _predicted(one), _value(one, one.measured), _ratio(one)] for one in tried.figures]
    lines += draw_table(rows, ["", "predicted", "measured", "ratio"], align="lrrr")
    notes = [line for text in tried.notes for line in style.wrap(one_line(text), first="note: ", rest="  ")]
    text = "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"
    return text if unicode else to_ascii(text)


def _predicted(one: TriedFigure) -> str:
    most = _value(one, one.predicted_most)
    return most if one.predicted_least == one.predicted_most else f"{_value(one, one.predicted_least)} to {most}"


def _ratio(one: TriedFigure) -> str:
    # The middle of a range that begins at nothing is no prediction to be held to.
    return "" if one.ratio is None or not one.predicted_least else f"{one.ratio:.2f}"


def _value(one: TriedFigure, value: float) -> str:
    if one.unit == "seconds":
        return format_seconds(value)
    return format_bytes(value) if one.unit == "bytes" else format_count(int(value))


def tried_json(tried: Tried) -> str:
    """The comparison as indented ASCII JSON."""
    return json.dumps({"schema": TRY_SCHEMA, **dataclasses.asdict(tried)}, indent=2, ensure_ascii=True) + "\n"
