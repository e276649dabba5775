"""What is stored: a copy instead of a view, an error without its traceback, a task that takes itself out again."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from leakkit.patch.edit import Edit, after, before, instead, snippet
from leakkit.patch.sites import additions, definition, root
from leakkit.patch.source import Definition, Function

if TYPE_CHECKING:
    from leakkit.model import Snippet
    from leakkit.patch.request import Request
    from leakkit.patch.sites import Site
    from leakkit.patch.source import Source

CLOSING = frozenset({"close", "aclose", "stop", "shutdown", "disconnect", "dispose", "unsubscribe", "__exit__"})
"""Methods by which an object is done with."""


def copied(source: Source, request: Request) -> Snippet | None:
    """Store ``array[a:b].copy()``, ``bytes(view)``, ``match.group()``, ``str(text)`` instead of the view."""
    for site in additions(source, request):
        value, types = _stored(site, request.types)
        text = source.segment(value)
        new = _copy_of(text, types, plain=_is_primary(value))
        if new and text and not _is_copied(value):
            note = "a match of groups: `.groups()` keeps them all" if "Match" in " ".join(types) else ""
            return snippet(source, [instead(source, value, new)], note=note)
    return None


def _stored(site: Site, types: tuple[str, ...]) -> tuple[ast.expr, tuple[str, ...]]:
    """What can be the view, and its type: of a tuple that is written out here the one item that is made or cut."""
    value = site.value
    if types[:1] != ("tuple",):
        return value, types[:1]
    parts = (
        [part for part in value.elts if isinstance(part, ast.Subscript | ast.Call)]
        if isinstance(value, ast.Tuple)
        else []
    )
    return (parts[0], types[1:]) if len(parts) == 1 else (value, ())


def _is_primary(node: ast.expr) -> bool:
    """Whether ``.name`` can be put after an expression without brackets."""
    return isinstance(node, ast.Name | ast.Subscript | ast.Attribute | ast.Call)


def _copy_of(text: str, types: tuple[str, ...], *, plain: bool) -> str:
    inner = text if plain else f"({text})"
    joined = " ".join(types)
    if "ndarray" in joined or "pandas" in joined or "Block" in joined:
        return f"{inner}.copy()"
    if "memoryview" in joined:
        return f"bytes({text})"
    if "Match" in joined:
        return f"{inner}.group()"
    return f"str({text})" if types and "str" in joined.lower() else ""


def _is_copied(node: ast.expr) -> bool:
    """Whether the value is a copy already, or nothing that can be one."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in {"copy", "bytes", "str", "group", "groups", "tobytes", "list", "dict", "set", "deque"}
    return isinstance(node, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple | ast.ListComp)


def without_traceback(source: Source, request: Request) -> Snippet | None:
    """Keep ``error.with_traceback(None)``: the error, without the frames and all that their locals hold."""
    for site in additions(source, request):
        found = _caught(source, site.value)
        if found is not None:
            return _bare(source, found, site.statement)
        called = [n for n in ast.walk(site.value) if isinstance(n, ast.Call) and source.segment(n) == "sys.exc_info()"]
        if called:
            return snippet(source, [instead(source, called[0], "traceback.format_exc()")], imports=["traceback"])
    return None


def _caught(source: Source, value: ast.AST) -> ast.Name | None:
    """The name of an ``except … as name`` around an expression, inside of it."""
    handlers = []
    handler = source.enclosing(value, ast.ExceptHandler)
    while isinstance(handler, ast.ExceptHandler):
        handlers.append(handler.name)
        handler = source.enclosing(handler, ast.ExceptHandler)
    for node in ast.walk(value):
        bare = not isinstance(source.parents.get(node), ast.Attribute)
        if isinstance(node, ast.Name) and node.id in handlers and bare and not _is_text(source, node):
            return node
    return None


def _is_text(source: Source, name: ast.Name) -> bool:
    """Whether only a text is made of the error: ``str(error)``, an f-string."""
    above = source.parents.get(name)
    if isinstance(above, ast.FormattedValue):
        return True
    return isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id in {"str", "repr", "type"}


def _bare(source: Source, name: ast.Name, statement: ast.stmt) -> Snippet | None:
    handler = source.enclosing(statement, ast.ExceptHandler)
    raises = handler is not None and any(isinstance(node, ast.Raise) for node in ast.walk(handler))
    new = f"repr({name.id})" if raises else f"{name.id}.with_traceback(None)"
    note = "the handler raises it again, so its traceback must stay: keep its text" if raises else ""
    return snippet(source, [instead(source, name, new)], note=note)


def no_cycle_with_frame(source: Source, request: Request) -> Snippet | None:
    """A local that keeps an error whose traceback has this very frame: store it without, or clear it at the end."""
    function = source.function(request.function, request.line) if request.function else None
    function = function or (source.function_around(request.line) if request.line else None)
    if function is None:
        return None
    stores = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and _caught(source, n.value) is not None]
    for store in stores:
        name = _caught(source, store.value)
        target = store.targets[0]
        raised = [n for n in ast.walk(function) if isinstance(n, ast.Raise) and _same(n.exc, target)]
        if not raised and name is not None:
            return _bare(source, name, store)
        if len(raised) == 1 and isinstance(target, ast.Name) and source.alone(raised[0]):
            return snippet(source, [_cleared(source, raised[0], target.id)])
    return None


def _same(one: ast.AST | None, other: ast.AST) -> bool:
    return isinstance(one, ast.Name) and isinstance(other, ast.Name) and one.id == other.id


def _cleared(source: Source, raised: ast.Raise, name: str) -> Edit:
    """``try: raise error`` / ``finally: del error``: the frame lets go of what shows it."""
    space = source.indent(raised) or ""
    lines = source.lines[raised.lineno - 1 : raised.end_lineno]
    text = (f"{space}try:", *(f"    {line}" for line in lines), f"{space}finally:", f"{space}    del {name}")
    return Edit(raised.lineno, raised.end_lineno or raised.lineno, text, raised)


def taken_out_when_done(source: Source, request: Request) -> Snippet | None:
    """``task.add_done_callback(tasks.discard)``, right after the task was put in."""
    made = definition(source, request)
    is_set = bool(request.types) and request.types[0] == "set"
    method = "discard" if is_set else "remove"
    if request.types and request.types[0] not in ("set", "list", "collections.deque"):
        return None
    for site in additions(source, request):
        if (
            site.how not in {"append", "add", "appendleft"}
            or not source.alone(site.statement)
            or site.statement is made
        ):
            continue
        receiver = source.segment(site.receiver)
        if isinstance(site.value, ast.Name):
            line = f"{site.value.id}.add_done_callback({receiver}.{method})"
            return snippet(source, [after(source, site.statement, line)])
        function = source.enclosing(site.statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        if isinstance(site.value, ast.Call) and isinstance(function, Function):
            taken = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
            name = next(word for word in ("task", "future", "job", "pending_", "task_") if word not in taken)
            space = source.indent(site.statement) or ""
            text = f"{name} = {source.segment(site.value)}\n{space}{receiver}.{site.how}({name})\n"
            text += f"{space}{name}.add_done_callback({receiver}.{method})"
            return snippet(source, [instead(source, site.statement, text)])
    return None


def unsubscribed(source: Source, request: Request) -> Snippet | None:
    """A function that registers returns how to take that back."""
    for site in additions(source, request):
        function = source.enclosing(site.statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        if found := _closed(source, site, function):
            return found
        usable = site.how in {"append", "add", "[]="} and source.alone(site.statement)
        if not usable or not isinstance(function, Function):
            continue
        returns = [n for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
        if function.name == "__init__" or returns or function.body[-1] is not site.statement:
            continue
        if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(function)):
            continue
        undo = _undo(source, site)
        if not undo:
            continue
        line = f"return lambda: {undo}"
        note = "the subscriber keeps what it gets and calls it when it is closed"
        return snippet(source, [after(source, site.statement, line)], note=note)
    return None


def _closed(source: Source, site: Site, function: ast.AST | None) -> Snippet | None:
    """An object that registers a method of its own takes it back where it is closed."""
    value, class_ = site.value, source.parents.get(function) if function is not None else None
    own = isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self"
    undo = _undo(source, site)
    if not own or not undo or not isinstance(class_, ast.ClassDef) or site.how == "[]=":
        return None
    base = list(root(site.receiver))[-1]
    if not isinstance(base, ast.Name) or not (base.id == "self" or _is_global(source, base.id)):
        return None
    ending = next((n for n in class_.body if isinstance(n, Function) and n.name in CLOSING), None)
    if ending is None:
        lines = ("", "def close(self):", f"    {undo}")
        note = f"whoever is done with a {class_.name} calls it"
        return snippet(source, [after(source, class_.body[-1], *lines)], note=note)
    first = ending.body[1] if ast.get_docstring(ending) is not None and len(ending.body) > 1 else ending.body[0]
    if not ending.args.args or ending.args.args[0].arg != "self" or not source.alone(first):
        return None
    return snippet(source, [before(source, first, undo)])


def _is_global(source: Source, name: str) -> bool:
    """Whether the module's own top level binds a name."""
    stores = (n for s in source.tree.body if not isinstance(s, Definition) for n in ast.walk(s))
    return source.binds(name) or any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in stores
    )


def _undo(source: Source, site: Site) -> str:
    """The expression that takes out again what a site puts in; empty when its names are not enough for that."""
    receiver = source.segment(site.receiver)
    if site.how == "[]=":
        target = site.statement.targets[0] if isinstance(site.statement, ast.Assign) else None
        plain = isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Name)
        return (
            f"{receiver}.pop({source.segment(target.slice)}, None)"
            if plain and isinstance(target, ast.Subscript)
            else ""
        )
    if not isinstance(site.value, ast.Name | ast.Attribute):
        return ""
    return f"{receiver}.{'discard' if site.how == 'add' else 'remove'}({source.segment(site.value)})"
