"""Tables through tabulate, for the report and for the commands that print figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

# Target's names may look like numbers, HTML or rules: tabulate must take every cell as text.
tabulate.PRESERVE_WHITESPACE = False


def draw_table(rows: Sequence[Sequence[str]], headers: Sequence[str], *, align: str, indent: int = 0) -> list[str]:
    """A plain table as lines.

    Args:
        rows: cells as text, made harmless by the caller.
        headers: one for each column.
        align: one letter a column, ``l`` or ``r``.
        indent: spaces before each line.
    """
    text = tabulate.tabulate(
        [list(row) for row in rows],
        headers=list(headers),
        tablefmt="simple",
        disable_numparse=True,
        colalign=[{"l": "left", "r": "right"}[letter] for letter in align] if rows else None,
    )
    return [(" " * indent + line).rstrip() for line in text.splitlines()]
