"""Where a program puts things into a holder: ``CACHE[key] = value``, ``self.log.append(x)``, ``errors.add(e)``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leakkit.patch.source import Function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leakkit.patch.request import Request
    from leakkit.patch.source import Source

ADDING = frozenset(
    {"append", "appendleft", "add", "insert", "extend", "setdefault", "update", "put", "put_nowait", "push"}
)
"""Methods that put something into their object; the last argument is what goes in."""
MAKERS = {
    "list": "list",
    "dict": "dict",
    "set": "set",
    "deque": "collections.deque",
    "defaultdict": "collections.defaultdict",
}


@dataclass(frozen=True)
class Site:
    """One statement that puts something in."""

    statement: ast.stmt
    receiver: ast.expr
    """The container: the holder itself, or something found through it."""
    value: ast.expr
    """What goes in."""
    how: str
    """A method's name, ``[]=`` or ``=``."""
    direct: bool
    """Whether ``receiver`` is the holder itself."""


def holds(source: Source, node: ast.AST, request: Request) -> bool:
    """Whether an expression is the holder that a request names."""
    name = request.names[0]
    local = bool(request.function) or request.is_closure
    if request.class_name or (not request.is_global and not local):
        return isinstance(node, ast.Attribute) and node.attr == name
    if isinstance(node, ast.Attribute):
        return request.is_global and node.attr == name and isinstance(node.value, ast.Name) and node.value.id != "self"
    if not isinstance(node, ast.Name) or node.id != name:
        return False
    function = source.enclosing(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    if local:
        wanted: ast.AST | None = source.function(request.function, request.line)
        if request.is_closure and (inner := source.function_around(request.line or 0)) is not None:
            wanted = source.enclosing(inner, (ast.FunctionDef, ast.AsyncFunctionDef))
        while function is not None and function is not wanted:
            function = source.enclosing(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        return function is not None
    return not _shadowed(function, name)


def _shadowed(function: ast.AST | None, name: str) -> bool:
    """Whether a function has a local variable of that name."""
    if not isinstance(function, Function):
        return False
    for node in ast.walk(function):
        if isinstance(node, ast.Global) and name in node.names:
            return False
    stored = any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(function))
    return stored or any(isinstance(n, ast.arg) and n.arg == name for n in ast.walk(function.args))


def root(node: ast.expr) -> Iterator[ast.expr]:
    """An expression and what it is found through: ``a.b[c].d``, ``a.b[c]``, ``a.b``, ``a``."""
    while True:
        yield node
        if isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        else:
            return


def additions(source: Source, request: Request) -> list[Site]:
    """The statements that put something into the holder, in the order of the file."""
    found = [
        site for node in ast.walk(source.tree) if isinstance(node, ast.stmt) for site in _site(source, node, request)
    ]
    inner = source.class_named(request.class_name) if request.class_name else None
    if inner is not None:
        last = inner.end_lineno or 0
        own = [s for s in found if inner.lineno <= s.statement.lineno <= last and s.how != "="]
        found = own or found
    return sorted(found, key=lambda site: (not site.direct, site.statement.lineno))


def _site(source: Source, node: ast.stmt, request: Request) -> Iterator[Site]:
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Await):
        call = call.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ADDING and call.args:
        yield from _through(source, node, call.func.value, call.args[-1], call.func.attr, request)
    for target in node.targets if isinstance(node, ast.Assign) else ():
        if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            yield from _through(source, node, target.value, _value(node), "[]=", request)
        elif holds(source, target, request):
            yield Site(node, target, _value(node), "=", direct=True)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield from _through(source, node, node.target, node.value, "+=", request)


def _value(node: ast.stmt) -> ast.expr:
    """What an assignment assigns."""
    assert isinstance(node, ast.Assign)  # noqa: S101 - the callers have looked
    return node.value


def _through(
    source: Source, node: ast.stmt, receiver: ast.expr, value: ast.expr, how: str, request: Request
) -> Iterator[Site]:
    for number, part in enumerate(root(receiver)):
        if holds(source, part, request):
            yield Site(node, receiver, value, how, direct=number == 0)
            return


def definition(source: Source, request: Request) -> ast.Assign | ast.AnnAssign | None:
    """The statement that makes the holder: at the module's top, in the class, in ``__init__`` or in the function."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target = node.target
        else:
            continue
        inside = source.parents[node]
        plain = isinstance(target, ast.Name) and target.id == request.names[0]
        in_class = isinstance(inside, ast.ClassDef) and source.names.get(inside) == request.class_name
        if (plain and in_class) or (not in_class and holds(source, target, request)):
            return node
    return None
