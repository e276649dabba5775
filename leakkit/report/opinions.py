"""The tables of the second opinions, as every format draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.report.units import format_bytes

if TYPE_CHECKING:
    from leakkit.model import SecondOpinions


@dataclass(frozen=True)
class OpinionTable:
    """One table: the first column is a name of the target's or a tool's, the others are numbers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Cells as text, not yet made harmless; empty where a tool says nothing."""
    keep_end: bool
    """Whether a name that is too long loses its beginning (a module) instead of its end."""

    @property
    def align(self) -> str:
        """One letter a column, ``l`` or ``r``."""
        return "l" + "r" * (len(self.headers) - 1)

    def cut(self, name: str, width: int) -> str:
        """The name within a number of columns."""
        if len(name) <= width:
            return name
        return "…" + name[1 - width :] if self.keep_end else name[: width - 1] + "…"


def opinion_tables(opinions: SecondOpinions) -> tuple[OpinionTable, ...]:
    """The tables that have rows: by type, what grows, by referrers."""
    tables = (_types(opinions), _growth(opinions), _referrers(opinions))
    return tuple(table for table in tables if table.rows)


def _types(opinions: SecondOpinions) -> OpinionTable:
    rows = tuple(
        (
            row.type,
            *(_number(n) for n in (row.count, row.tracked, row.objgraph_count, row.guppy3_count)),
            *(_size(n) for n in (row.bytes, row.guppy3_bytes)),
        )
        for row in opinions.types
    )
    headers = ("type", "count", "tracked", "objgraph", "guppy3", "size", "(guppy3)")
    return OpinionTable(headers, rows, keep_end=True)


def _growth(opinions: SecondOpinions) -> OpinionTable:
    rows = tuple(
        (
            row.type,
            _number(row.tracked),
            f"+{row.growth:,}",
            f"+{row.objgraph_growth:,}",
            f"{row.rises} of {row.intervals}",
        )
        for row in opinions.growth
    )
    return OpinionTable(("type that grows", "tracked", "growth", "objgraph", "rises"), rows, keep_end=True)


def _referrers(opinions: SecondOpinions) -> OpinionTable:
    rows = tuple(
        (
            row.referrers,
            *(_number(n) for n in (row.count, row.guppy3_count)),
            *(_size(n) for n in (row.bytes, row.guppy3_bytes)),
        )
        for row in opinions.referrers
    )
    return OpinionTable(("referred to by", "count", "guppy3", "size", "(guppy3)"), rows, keep_end=False)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _size(value: int | None) -> str:
    return "" if value is None else format_bytes(value)
