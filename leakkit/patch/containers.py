"""Containers that only grow: bound them where something is put in, or where they are made."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from leakkit.patch.edit import Edit, after, before, instead, snippet, without
from leakkit.patch.sites import additions, definition
from leakkit.patch.source import Function

if TYPE_CHECKING:
    from leakkit.model import Snippet
    from leakkit.patch.request import Request
    from leakkit.patch.sites import Site
    from leakkit.patch.source import Source

MAPPINGS = frozenset({"dict", "collections.defaultdict", "collections.OrderedDict", "collections.Counter"})
BOUNDED = {"deque": "maxlen", "Queue": "maxsize", "LifoQueue": "maxsize", "PriorityQueue": "maxsize"}
"""What makes a container, and its argument that bounds it."""
LIST_METHODS = frozenset({"append", "insert", "extend", "+="})
DICT_METHODS = frozenset({"[]=", "setdefault", "update"})


def limit_for(count: int) -> int:
    """A limit for the example: a power of two of at most half of what is there, from 16 to 1024."""
    limit = 1024
    while limit > 16 and limit > count // 2:
        limit //= 2
    return limit


def bound(source: Source, request: Request) -> Snippet | None:
    """Keep the newest entries only, right after the statement that adds one; or make the container with a bound."""
    limit = limit_for(request.count)
    note = f"{limit:,} stands for a limit of your own"
    if made := _bounded_type(source, request, limit, note):
        return made
    for site in additions(source, request):
        line = _trim(source, site, request, limit)
        if line and source.alone(site.statement) and not _is_argument(source, site):
            others = sorted(
                {s.statement.lineno for s in additions(source, request) if s.how == site.how} - {site.statement.lineno}
            )
            more = f"; the same at line {', '.join(map(str, others[:3]))}" if others else ""
            return snippet(source, [after(source, site.statement, *line)], note=note + more)
    return None


def _is_argument(source: Source, site: Site) -> bool:
    """Whether the receiver is made by a call, which a second evaluation would repeat."""
    return any(isinstance(node, ast.Call | ast.Await | ast.NamedExpr) for node in ast.walk(site.receiver))


def _trim(source: Source, site: Site, request: Request, limit: int) -> list[str]:
    """The lines that bound the container of a site."""
    text = source.segment(site.receiver)
    kind = request.types[0] if request.types else ""
    if kind == "list" and site.how in LIST_METHODS and text:
        return [f"del {text}[:-{limit}]"]
    if kind in MAPPINGS and site.how in LIST_METHODS and isinstance(site.receiver, ast.Subscript):
        # ``groups[key].append(x)``: a new key may have come into what is left of the brackets.
        text = source.segment(site.receiver.value)
    elif kind in MAPPINGS and site.how not in DICT_METHODS:
        text = ""
    if kind in MAPPINGS and text:
        # A dict keeps the order in which its keys came.
        return [f"while len({text}) > {limit}:", f"    del {text}[next(iter({text}))]"]
    return []


def _bounded_type(source: Source, request: Request, limit: int, note: str) -> Snippet | None:
    """``deque()`` → ``deque(maxlen=1024)``, where the holder is made."""
    made = definition(source, request)
    call = made.value if made is not None else None
    if not isinstance(call, ast.Call) or len(call.args) > 1:
        return None
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    argument = BOUNDED.get(name, "")
    if not argument or any(keyword.arg in (argument, None) for keyword in call.keywords):
        return None
    if call.args and argument == "maxsize":
        return None
    inner = [source.segment(part) for part in (*call.args, *(k for k in call.keywords))]
    text = f"{source.segment(call.func)}({', '.join([*inner, f'{argument}={limit}'])})"
    if argument == "maxsize":
        note += "; a full queue makes its producers wait"
    return snippet(source, [instead(source, call, text)], note=note)


def per_instance(source: Source, request: Request) -> Snippet | None:
    """A mutable class attribute that only ``self`` uses: make it anew in ``__init__``; otherwise bound it."""
    class_ = source.class_named(request.class_name)
    made = definition(source, request)
    if (
        class_ is None
        or made is None
        or source.parents[made] is not class_
        or not _is_shared_by_mistake(class_, request.names[0])
    ):
        return bound(source, request)
    start = next((n for n in class_.body if isinstance(n, Function) and n.name == "__init__"), None)
    if start is None or not start.args.args or len(class_.body) < 2 or not source.alone(made):
        return bound(source, request)
    value = made.value
    mutable = isinstance(value, ast.List | ast.Dict | ast.Set | ast.Call)
    first = start.body[1] if ast.get_docstring(start) is not None and len(start.body) > 1 else start.body[0]
    if not mutable or value is None or source.indent(first) is None:
        return bound(source, request)
    line = f"{start.args.args[0].arg}.{request.names[0]} = {source.segment(value)}"
    edits: list[Edit] = [without(made), before(source, first, line)]
    return snippet(source, edits, note="one for each instance, which dies with it") or bound(source, request)


def _is_shared_by_mistake(class_: ast.ClassDef, name: str) -> bool:
    """Whether the class's methods reach the attribute by their first argument only, and no slots forbid it."""
    for node in ast.walk(class_):
        if isinstance(node, ast.Name) and node.id == "__slots__":
            return False
        if isinstance(node, ast.Attribute) and node.attr == name:
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id == "self"):
                return False
    return any(isinstance(n, ast.Attribute) and n.attr == name for n in ast.walk(class_))


def fresh_default(source: Source, request: Request) -> Snippet | None:
    """``def f(seen=[])`` → ``seen=None``, and a new one for each call."""
    function = source.function(request.function, request.line)
    if function is None:
        return None
    arguments = function.args
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = list(zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True))
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    default = next((value for argument, value in pairs if argument.arg == request.names[0]), None)
    has_text = ast.get_docstring(function) is not None
    if default is not None and _is_memo(function, request.names[0]):
        return bound(source, request)
    if default is None or (has_text and len(function.body) < 2):
        return None
    first = function.body[1 if has_text else 0]
    if first.lineno <= (default.end_lineno or 0) or source.indent(first) is None:
        return None
    name = request.names[0]
    lines = (f"if {name} is None:", f"    {name} = {source.segment(default)}")
    return snippet(source, [instead(source, default, "None"), before(source, first, *lines)])


def _is_memo(function: Function, name: str) -> bool:
    """Whether calls look up in the parameter what earlier calls left: it is a cache, and a fresh one caches nothing."""
    for node in ast.walk(function):
        looked = isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops)
        if looked and isinstance(node, ast.Compare) and any(getattr(c, "id", "") == name for c in node.comparators):
            return True
        got = isinstance(node, ast.Attribute) and node.attr in {"get", "setdefault"}
        if got and isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == name:
            return True
    return False
