"""One source file of the target, parsed, with what a change needs to know of it."""

from __future__ import annotations

import ast
import io
import os
import stat
import tokenize
import warnings
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef

LARGEST = 2_000_000
"""Bytes; larger files are generated code."""
CLOCK_SLACK = 2.0
"""Seconds: start times are whole seconds, and a file may be written right before its program starts."""


class Source:
    """A parsed file.

    Args:
        file: its path as the target knows it.
        text: its text.

    Raises:
        SyntaxError: it is of a newer Python than leakkit's own, or no Python.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends, as ``ast`` counts them (a form feed ends none)."""
        return [line.removesuffix("\n").removesuffix("\r") for line in io.StringIO(self.text, newline="\n")]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Each node to the one around it."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def names(self) -> dict[ast.AST, str]:
        """Qualified name of each function and class, as ``__qualname__`` says it."""
        found: dict[ast.AST, str] = {}

        def visit(node: ast.AST, prefix: str) -> None:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, Definition):
                    found[child] = prefix + child.name
                    inner = ".<locals>." if not isinstance(child, ast.ClassDef) else "."
                    visit(child, prefix + child.name + inner)
                else:
                    visit(child, prefix)

        visit(self.tree, "")
        return found

    def function(self, name: str, line: int | None = None) -> Function | None:
        """The function of that qualified name (or the end of one), the one around ``line`` if there are several."""
        found = [
            node
            for node, qualified in self.names.items()
            if isinstance(node, Function) and (qualified == name or qualified.endswith(f".{name}"))
        ]
        if line is not None:
            around = [node for node in found if first_line(node) <= line <= (node.end_lineno or 0)]
            found = around or found
        return found[0] if len(found) == 1 or (found and line is not None) else None

    def function_around(self, line: int) -> Function | None:
        """The innermost function that a line is in."""
        around = [n for n in self.names if isinstance(n, Function) and first_line(n) <= line <= (n.end_lineno or 0)]
        return max(around, key=lambda node: node.lineno, default=None)

    def class_named(self, name: str) -> ast.ClassDef | None:
        """The class of that qualified name."""
        found = [node for node, qualified in self.names.items() if isinstance(node, ast.ClassDef) and qualified == name]
        return found[0] if len(found) == 1 else None

    def segment(self, node: ast.AST) -> str:
        """The text of an expression."""
        return ast.get_source_segment(self.text, node) or ""

    def indent(self, statement: ast.stmt) -> str | None:
        """The white space before a statement; None when something else stands before it on its line."""
        line = self.lines[first_line(statement) - 1]
        space = line[: len(line) - len(line.lstrip())]
        return space if len(space) == statement.col_offset else None

    def alone(self, statement: ast.stmt) -> bool:
        """Whether nothing else stands on a statement's lines, so that a line can be put before and after it."""
        last = self.lines[(statement.end_lineno or 1) - 1].encode()[statement.end_col_offset or 0 :].strip()
        return self.indent(statement) is not None and (not last or last.startswith(b"#"))

    def block_of(self, statement: ast.stmt) -> tuple[list[ast.stmt], int]:
        """The list of statements that a statement is in, and its place there."""
        for block in blocks(self.parents[statement]):
            if statement in block:
                return block, block.index(statement)
        raise KeyError(statement)

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The statement that an expression is in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def enclosing(self, node: ast.AST, kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> ast.AST | None:
        """The nearest node of these kinds around a node."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, kinds):
            above = self.parents.get(above)
        return above

    def binds(self, name: str) -> bool:
        """Whether the module's own code binds a name: then an import of it is there, or would hide something."""
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                if any((alias.asname or alias.name.partition(".")[0]) == name for alias in node.names):
                    return True
            elif isinstance(node, Definition) and node.name == name:
                return True
        return False


def first_line(statement: ast.AST) -> int:
    """The line that a statement begins on, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    own: int = getattr(statement, "lineno", 1)
    return min([own, *(decorator.lineno for decorator in decorators)])


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements directly below a node."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            yield block


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it that run with it: the insides of nested functions, classes and lambdas are left out."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Definition | ast.Lambda):
            yield from inside(child)


@dataclass(frozen=True)
class Sources:
    """Reads the target's source files, as far as they are what the target runs."""

    root: str = ""
    """What to put before a path of the target to reach it from here."""
    started_at: str = ""
    """When the target started, ISO 8601; files changed since are not what it runs."""

    def read(self, file: str | None) -> Source | None:
        """The file, or None when it cannot be read, is no Python that this Python knows, or was changed since."""
        if not file or not file.startswith("/") or ".." in Path(file).parts:
            return None
        try:
            with self._open(file) as raw:
                facts = os.fstat(raw.fileno())
                if not stat.S_ISREG(facts.st_mode) or facts.st_size > LARGEST or self._changed(facts.st_mtime):
                    return None
                data = raw.read(LARGEST + 1)
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return Source(file, io.TextIOWrapper(io.BytesIO(data), encoding).read())
        except (OSError, SyntaxError, UnicodeDecodeError, ValueError, RecursionError):
            return None

    def _open(self, file: str) -> BinaryIO:
        """The file as bytes.

        Below another root no link is followed: an absolute one would lead to a file of leakkit's own root.
        """
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        if not self.root:
            return os.fdopen(os.open(file, flags), "rb")
        folder = os.open(self.root, flags | os.O_DIRECTORY)
        try:
            *folders, name = Path(file).parts[1:]
            for part in folders:
                below = os.open(part, flags | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = below
            return os.fdopen(os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder), "rb")
        finally:
            os.close(folder)

    def _changed(self, when: float) -> bool:
        try:
            return when > datetime.fromisoformat(self.started_at).timestamp() + CLOCK_SLACK
        except ValueError:
            return False
