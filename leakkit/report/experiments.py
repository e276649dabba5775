"""What ``leakkit whatif`` prints."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import one_line
from leakkit.report.units import format_bytes, format_count
from leakkit.report.wording import type_text

if TYPE_CHECKING:
    from leakkit.model import WhatIf

WHAT_IF_SCHEMA = "leakkit-whatif/1"


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
