"""Finds in the source the line that a snapshot cannot know: where a global or an attribute is made, and where filled.

The source is only read, never run; what cannot be found is left as it is.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from leakkit.model import HolderKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leakkit.model import Finding

_KINDS: Final = frozenset(
    {
        HolderKind.MODULE_GLOBAL,
        HolderKind.CLASS_ATTRIBUTE,
        HolderKind.INSTANCE_ATTRIBUTE,
        HolderKind.CALLBACK_REGISTRY,
        HolderKind.CACHE,
    }
)
_FILLING: Final = frozenset(
    {"append", "appendleft", "add", "extend", "extendleft", "insert", "setdefault", "update", "put", "put_nowait"}
    | {"push", "register"}
)
_LAST_NAME: Final = re.compile(r"([^\W\d]\w*)\W*$")
_LARGEST: Final = 2_000_000


def with_line(finding: Finding) -> tuple[Finding, str | None]:
    """The finding with the line where its holder is made, and ``FILE:LINE`` where it is filled; None if not found."""
    holder = finding.holder
    name = _LAST_NAME.search(holder.name.split("[", 1)[0])
    if holder.kind not in _KINDS or not holder.file or name is None:
        return finding, None
    tree = _parse(Path(holder.file))
    if tree is None:
        return finding, None
    made = next(_made(tree, name[1]), None)
    filled = next(_filled(tree, name[1]), None)
    if holder.line is None and made is not None:
        finding = replace(finding, holder=replace(holder, line=made))
    return finding, None if filled is None else f"{holder.file}:{filled}"


def _parse(path: Path) -> ast.Module | None:
    try:
        if path.suffix != ".py" or path.stat().st_size > _LARGEST:
            return None
        return ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None


def _made(tree: ast.Module, name: str) -> Iterator[int]:
    """Lines that bind the name: at the top of the module, then in a class, then as an attribute."""
    scopes: list[list[ast.stmt]] = [
        tree.body,
        *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)),
    ]
    for body in scopes:
        for statement in body:
            if any(isinstance(one, ast.Name) and one.id == name for one in _targets(statement)):
                yield statement.lineno
    for node in ast.walk(tree):
        if any(isinstance(one, ast.Attribute) and one.attr == name for one in _targets(node)):
            yield node.lineno  # type: ignore[attr-defined] # only statements have targets


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def _filled(tree: ast.Module, name: str) -> Iterator[int]:
    """Lines inside of functions that put something into what has the name."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLING:
            if _is(node.func.value, name):
                yield node.lineno
        elif isinstance(node, ast.Assign):
            if any(isinstance(one, ast.Subscript) and _is(one.value, name) for one in node.targets):
                yield node.lineno
        elif isinstance(node, ast.AugAssign) and _is(node.target, name):
            yield node.lineno


def _is(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)
