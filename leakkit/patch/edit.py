"""A change to a file as whole lines, checked by parsing the result, and cut out as a before and an after."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.model import Snippet
from leakkit.patch.source import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.patch.source import Source

SMALL = 16
"""A statement of so many lines is shown whole around a change; of a larger one only the neighbours."""
NEIGHBOUR = 6
"""A neighbour of more lines than this is not shown."""
LONGEST = 40
"""A change that spreads over more lines than this is not shown."""


@dataclass(frozen=True)
class Edit:
    """Lines ``first`` to ``last`` (from 1, inclusive) become ``text``; ``last < first`` puts it before ``first``."""

    first: int
    last: int
    text: tuple[str, ...]
    anchor: ast.stmt
    """The statement that it belongs to."""


def before(source: Source, statement: ast.stmt, *text: str) -> Edit:
    """Lines before a statement, at its indentation."""
    at = first_line(statement)
    return Edit(at, at - 1, _indented(source, statement, text), statement)


def after(source: Source, statement: ast.stmt, *text: str) -> Edit:
    """Lines after a statement, at its indentation."""
    at = (statement.end_lineno or statement.lineno) + 1
    return Edit(at, at - 1, _indented(source, statement, text), statement)


def instead(source: Source, node: ast.AST, text: str) -> Edit:
    """An expression, or a statement, written differently."""
    first, last = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
    lines = [line.encode() for line in source.lines[first - 1 : last]]
    head = lines[0][: node.col_offset]  # type: ignore[attr-defined]
    tail = lines[-1][node.end_col_offset :]  # type: ignore[attr-defined]
    new = (head + text.encode() + tail).decode()
    return Edit(first, last, tuple(new.split("\n")), source.statement_of(node))


def without(statement: ast.stmt) -> Edit:
    """A statement taken out."""
    return Edit(first_line(statement), statement.end_lineno or statement.lineno, (), statement)


def _indented(source: Source, statement: ast.stmt, text: Sequence[str]) -> tuple[str, ...]:
    space = source.indent(statement) or ""
    return tuple(space + line if line else "" for line in text)


def snippet(source: Source, edits: Sequence[Edit], *, note: str = "", imports: Sequence[str] = ()) -> Snippet | None:
    """The change as a before and an after; None when the result would be no Python, or the change is spread too far.

    Args:
        source: the file.
        edits: what to change; they must not overlap.
        note: one line about what to know or choose.
        imports: modules that the change needs; those that the file does not import yet are told in the note.
    """
    missing = [name for name in dict.fromkeys(imports) if not source.binds(name)]
    new = "\n".join([*(f"import {name}" for name in missing), *applied(source.lines, edits)]) + "\n"
    future = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in source.tree.body)
    if not _parses("\n".join(applied(source.lines, edits)) + "\n" if future else new):
        return None
    low, high = _region(source, edits)
    if high - low >= LONGEST:
        return None
    lines = source.lines[low - 1 : high]
    moved = [Edit(e.first - low + 1, e.last - low + 1, e.text, e.anchor) for e in edits]
    told = [f"needs {' and '.join(f'`import {name}`' for name in missing)}"] if missing else []
    line = min(edit.first for edit in edits)
    shown = "; ".join([*([note] if note else []), *told])
    return Snippet(source.file, min(line, high), low, "\n".join(lines), "\n".join(applied(lines, moved)), shown)


def applied(lines: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """The lines with the edits made."""
    new = list(lines)
    for edit in sorted(edits, key=lambda one: (one.first, one.last), reverse=True):
        new[edit.first - 1 : max(edit.last, edit.first - 1)] = edit.text
    return new


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<patched>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _region(source: Source, edits: Sequence[Edit]) -> tuple[int, int]:
    """Lines of whole statements of one block around all edits."""
    block, low, high = _common(source, [edit.anchor for edit in edits])
    while block is not None:
        owner = source.parents.get(block[0])
        while isinstance(owner, ast.ExceptHandler | ast.match_case):
            owner = source.parents[owner]
        small = isinstance(owner, ast.stmt) and (owner.end_lineno or 0) - first_line(owner) < SMALL
        if not small or not isinstance(owner, ast.stmt):
            break
        block, low = source.block_of(owner)
        high = low
    if block is None:
        return 1, len(source.lines)
    first, last = block[low], block[high]
    if _length(first) <= 2 and low and _length(block[low - 1]) <= NEIGHBOUR:
        first = block[low - 1]
    if _length(last) <= 2 and high + 1 < len(block) and _length(block[high + 1]) <= NEIGHBOUR:
        last = block[high + 1]
    edges = [edit.last for edit in edits if edit.last >= edit.first]
    return first_line(first), max([last.end_lineno or last.lineno, *edges])


def _length(statement: ast.stmt) -> int:
    return (statement.end_lineno or statement.lineno) - first_line(statement) + 1


def _common(source: Source, anchors: Sequence[ast.stmt]) -> tuple[list[ast.stmt] | None, int, int]:
    """The innermost block that has all anchors in or below it, and the first and last place there."""
    chains = [_chain(source, anchor) for anchor in anchors]
    for block, place in chains[0]:
        places = [place]
        for chain in chains[1:]:
            places += [number for other, number in chain if other is block]
        if len(places) == len(anchors):
            return block, min(places), max(places)
    return None, 0, 0


def _chain(source: Source, statement: ast.stmt) -> list[tuple[list[ast.stmt], int]]:
    """The blocks around a statement, innermost first, with its place in each."""
    found = []
    node: ast.AST | None = statement
    while node is not None:
        if isinstance(node, ast.stmt):
            found.append(source.block_of(node))
        node = source.parents.get(node)
    return found
