"""Caches, links back to a parent, and the collector's own switches."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from leakkit.patch.edit import Edit, after, before, instead, snippet
from leakkit.patch.source import Function

if TYPE_CHECKING:
    from leakkit.model import Snippet
    from leakkit.patch.request import Request
    from leakkit.patch.source import Source

CACHE_SIZE = 1024


def bounded_cache(source: Source, request: Request) -> Snippet | None:
    """``@lru_cache(maxsize=None)`` → a size; on a method without arguments ``@cached_property``."""
    function = source.function(request.function, request.line)
    if function is None:
        return None
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        text = source.segment(called)
        word = text.rpartition(".")[2]
        if word not in ("lru_cache", "cache"):
            continue
        prefix = text.removesuffix(word)
        in_class = isinstance(source.parents[function], ast.ClassDef)
        arguments = function.args
        only_self = len(arguments.args) == 1 and not (arguments.vararg or arguments.kwarg or arguments.kwonlyargs)
        if in_class and only_self and not isinstance(function, ast.AsyncFunctionDef):
            new = f"{prefix or 'functools.'}cached_property"
            note = f"callers write `.{function.name}` without brackets; the value dies with its instance"
            return snippet(
                source, [instead(source, decorator, new)], note=note, imports=[] if prefix else ["functools"]
            )
        known = prefix or ("" if source.binds("lru_cache") else "functools.")
        note = f"{CACHE_SIZE:,} stands for a limit of your own"
        if in_class:
            note += "; the newest entries still keep their instances"
        edit = instead(source, decorator, f"{known}lru_cache(maxsize={CACHE_SIZE})")
        return snippet(source, [edit], note=note, imports=["functools"] if known == "functools." else [])
    return None


def weak_parent(source: Source, request: Request) -> Snippet | None:
    """The way back as a weak reference: a property with the attribute's name, or a proxy where that cannot be."""
    class_ = source.class_named(request.class_name)
    name = request.names[0]
    if class_ is None or any(getattr(node, "name", "") == name for node in class_.body):
        return None
    slots = any(_assigns(node, "__slots__") for node in class_.body)
    field = any(
        isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name) and n.target.id == name for n in class_.body
    )
    if slots or field or class_.decorator_list:
        return _proxy(source, class_, name, slots=slots)
    if not any(_stores(node, name) for node in ast.walk(source.tree)):
        return None
    start = next((n for n in class_.body if isinstance(n, Function) and n.name == "__init__"), class_.body[-1])
    property_ = (
        "", "@property", f"def {name}(self):", f"    return None if self._{name} is None else self._{name}()",
        "", f"@{name}.setter", f"def {name}(self, value):",
        f"    self._{name} = None if value is None else weakref.ref(value)",
    )  # fmt: skip
    note = f"something else must hold the {name}: a weak reference does not"
    return snippet(source, [after(source, start, *property_)], note=note, imports=["weakref"])


def _assigns(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)


def _proxy(source: Source, class_: ast.ClassDef, name: str, *, slots: bool) -> Snippet | None:
    """``child.parent = weakref.proxy(self)`` where the attribute is set."""
    edits: list[Edit] = []
    for node in ast.walk(source.tree):
        single = isinstance(node, ast.Assign) and len(node.targets) == 1 and _stores(node.targets[0], name)
        if (
            single
            and isinstance(node, ast.Assign)
            and not (isinstance(node.value, ast.Constant) and node.value.value is None)
        ):
            value = source.segment(node.value)
            never_none = isinstance(node.value, ast.Name) and node.value.id == "self"
            new = f"weakref.proxy({value})"
            if not never_none:
                new = f"None if {value} is None else {new}" if isinstance(node.value, ast.Name) else ""
            if new:
                edits.append(instead(source, node.value, new))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == class_.name:
            edits += [
                instead(source, keyword.value, f"weakref.proxy({source.segment(keyword.value)})")
                for keyword in node.keywords
                if keyword.arg == name and isinstance(keyword.value, ast.Name) and keyword.value.id == "self"
            ]
    if not edits:
        return None
    note = f"something else must hold the {name}: a proxy does not"
    if slots and not any(
        '"__weakref__"' in source.segment(n) or "'__weakref__'" in source.segment(n) for n in class_.body
    ):
        note += f'; add "__weakref__" to the slots of {class_.name}'
    return snippet(source, edits[:1], note=note, imports=["weakref"])


def _calls(source: Source, name: str) -> list[ast.Expr]:
    """Statements ``gc.NAME(…)``."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and source.alone(node):
            function = node.value.func
            if isinstance(function, ast.Attribute) and function.attr == name and source.segment(function.value) == "gc":
                found.append(node)
    return found


def collector_on(source: Source, request: Request) -> Snippet | None:
    """``gc.disable()`` → rare collections instead of none."""
    found = _calls(source, "disable")
    if len(found) == 1 and not _calls(source, "enable"):
        note = "collections come rarely, but they come; or keep it off and call gc.collect() when idle"
        return snippet(source, [instead(source, found[0], "gc.set_threshold(10_000, 10, 10)")], note=note)
    off = [
        n
        for n in _calls(source, "set_threshold")
        if isinstance(n.value, ast.Call) and n.value.args and _is_zero(n.value.args[0])
    ]
    if len(off) == 1:
        return snippet(source, [instead(source, off[0], "gc.set_threshold(10_000, 10, 10)")])
    return None


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def collect_before_freeze(source: Source, request: Request) -> Snippet | None:
    """``gc.collect()`` right before ``gc.freeze()``."""
    found = _calls(source, "freeze")
    if not found:
        return None
    return snippet(source, [before(source, found[0], "gc.collect()")])
