"""Terminal colours, wrapping and plain-ASCII output of the text format."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

_CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36",
}  # fmt: skip

_NO_BREAK = "\u00a0"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:%|[kMGT]?B|m?s|min|h)\b|%)")

_ASCII = str.maketrans(
    {
        "┬": "+", "│": "|", "├": "|", "╰": "`", "─": "-", "→": ">", "×": "x", "−": "-", "–": "-", "—": "-",
        "·": "-", "…": "...", "≥": ">=", "≤": "<=", "≈": "~", "’": "'", "“": '"', "”": '"', "µ": "u",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How text is drawn: with colours or without, at most so many columns wide."""

    color: bool
    width: int

    def paint(self, text: str, *names: str) -> str:
        """The text in those colours or weights; unchanged without colours."""
        if not self.color or not text or not names:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def wrap(self, text: str, *, first: str = "", rest: str | None = None) -> list[str]:
        """The text in lines of at most ``width`` columns, with an indent for the first and for the others."""
        lines = textwrap.wrap(
            _BEFORE_UNIT.sub(_NO_BREAK, text),
            width=max(self.width, len(first) + 20),
            initial_indent=first,
            subsequent_indent=" " * len(first) if rest is None else rest,
            break_long_words=True,
            break_on_hyphens=False,
        )
        return [line.replace(_NO_BREAK, " ") for line in lines] or [first.rstrip()]


def to_ascii(text: str) -> str:
    """The text for a terminal without Unicode: glyphs as look-alikes, the rest as escapes."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
