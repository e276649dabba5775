"""Suspended frames: let go of what is not needed any more before the function waits."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from leakkit.patch.edit import Edit, after, before, instead, snippet
from leakkit.patch.liveness import captured, live_at, reads, writes
from leakkit.patch.source import Definition, Function, blocks, first_line, inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leakkit.model import Snippet
    from leakkit.patch.request import Request
    from leakkit.patch.source import Source

Loop = ast.For | ast.AsyncFor | ast.While
_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def release_before_wait(source: Source, request: Request) -> Snippet | None:
    """``del`` the request's names before the function waits at the request's line; None where that would break it."""
    function = source.function(request.function, request.line)
    wait = waiting(function, request.line or 0) if function is not None else None
    if function is None or wait is None or not source.alone(wait):
        return None
    forbidden = captured(function) | live_at(function, wait)
    names = [name for name in request.names if name not in forbidden and name.isidentifier()]
    if yielded := _yield_first(source, wait, request.names, captured(function)):
        return snippet(source, [yielded])
    if not names:
        return None
    loop = wait if isinstance(wait, ast.For | ast.AsyncFor | ast.While) else _begins(source, wait)
    free = loop is not None and not set(names) & live_at(function, loop)
    if loop is not None and free and (edits := _end_of_body(source, loop, names)):
        return snippet(source, edits)
    if loop is wait:
        return None
    return snippet(source, [before(source, wait, _forget(source, wait, names))])


def waiting(function: Function, line: int) -> ast.stmt | None:
    """The innermost statement that waits at a line: for ``async for`` the loop itself, else one with await or yield."""
    best: ast.stmt | None = None
    for node in inside_function(function):
        if not isinstance(node, ast.stmt) or not first_line(node) <= line <= (node.end_lineno or 0):
            continue
        header = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt | ast.ExceptHandler)]
        own = isinstance(node, ast.AsyncFor | ast.AsyncWith) and line < node.body[0].lineno
        waits = own or any(_waits(child, line) for child in header)
        if waits and (best is None or node.lineno >= best.lineno):
            best = node
    # An async with waits at both its ends, and the line does not tell which.
    return None if isinstance(best, ast.AsyncWith) else best


def inside_function(function: Function) -> Iterator[ast.AST]:
    """What runs in the function's own frame."""
    for statement in function.body:
        if not isinstance(statement, Definition):
            yield from inside(statement)


def _waits(node: ast.AST, line: int) -> bool:
    return any(
        isinstance(child, ast.Await | ast.Yield | ast.YieldFrom) and child.lineno <= line <= (child.end_lineno or 0)
        for child in inside(node)
    )


def _begins(source: Source, wait: ast.stmt) -> Loop | None:
    """The loop whose body begins with the wait."""
    owner = source.parents[wait]
    if isinstance(owner, ast.For | ast.AsyncFor | ast.While) and owner.body and owner.body[0] is wait:
        return owner
    return None


def _end_of_body(source: Source, loop: Loop, names: Sequence[str]) -> list[Edit]:
    """Edits that let go at the end of a loop's body and before each ``continue``; none for a name bound outside."""
    last = loop.body[-1]
    bound = [name for name in names if any(name in writes(statement) for statement in loop.body)]
    if isinstance(loop, ast.For | ast.AsyncFor):
        bound += [name for name in names if name in writes(loop.target) and name not in bound]
    if set(bound) != set(names) or not source.alone(last):
        return []
    jumps = [node for node in _of_loop(loop) if isinstance(node, ast.Continue)]
    if any(not source.alone(jump) for jump in jumps):
        return []
    sure = not jumps and all(_surely(loop, name) for name in names)
    text = f"del {', '.join(names)}" if sure else f"{' = '.join(names)} = None"
    edits = [before(source, jump, text) for jump in jumps]
    if not isinstance(last, _JUMPS):
        edits.append(after(source, last, text))
    return edits


def _surely(loop: Loop, name: str) -> bool:
    """Whether every turn of the loop binds a name that nothing deletes."""
    if any(isinstance(n, ast.Name) and isinstance(n.ctx, ast.Del) and n.id == name for n in ast.walk(loop)):
        return False
    plain = [s for s in loop.body if isinstance(s, ast.Assign | ast.AnnAssign | ast.With | ast.AsyncWith)]
    if isinstance(loop, ast.For | ast.AsyncFor) and name in writes(loop.target):
        return True
    for statement in plain:
        targets: list[ast.AST] = [statement]
        if isinstance(statement, ast.With | ast.AsyncWith):
            # A with may swallow an exception half-way: only what it binds itself is sure.
            targets = [item.optional_vars for item in statement.items if item.optional_vars]
        elif isinstance(statement, ast.AnnAssign) and statement.value is None:
            continue
        if any(name in writes(target) for target in targets):
            return True
    return False


def _of_loop(loop: Loop) -> Iterator[ast.AST]:
    """Statements of a loop's body without those of loops and functions inside."""
    todo = list(loop.body)
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, Loop | Definition):
            todo += node.orelse if isinstance(node, Loop) else []
            continue
        for block in blocks(node):
            todo += block
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            todo += part.body


def _forget(source: Source, wait: ast.stmt, names: Sequence[str]) -> str:
    """``del`` where the statements before in the same block bind every name, else ``= None``, which cannot fail."""
    block, place = source.block_of(wait)
    bound: set[str] = set()
    for statement in block[:place]:
        if isinstance(statement, ast.Delete):
            bound -= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and getattr(statement, "value", None) is not None:
            bound |= writes(statement)
    return f"del {', '.join(names)}" if set(names) <= bound else f"{' = '.join(names)} = None"


def _yield_first(source: Source, wait: ast.stmt, names: Sequence[str], shut: frozenset[str]) -> Edit | None:
    """``yield f(data)``: the answer first, then ``del data``, then the yield; data must be bound anew each time."""
    if not isinstance(wait, ast.Expr) or not isinstance(wait.value, ast.Yield) or wait.value.value is None:
        return None
    value = wait.value.value
    used = [name for name in names if name in reads([value]) and name not in shut]
    block, place = source.block_of(wait)
    function = source.enclosing(wait, (ast.FunctionDef, ast.AsyncFunctionDef))
    if not used or isinstance(value, ast.Name | ast.Tuple | ast.List | ast.Dict) or not isinstance(function, Function):
        return None
    bound = frozenset().union(*(writes(s) for s in block[:place] if isinstance(s, ast.Assign)))
    if not set(used) <= bound or any(name in _later(function, wait) for name in used):
        return None
    taken = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    answer = next(name for name in ("result", "answer", "produced", "result_") if name not in taken)
    space = source.indent(wait) or ""
    text = f"{answer} = {source.segment(value)}\n{space}del {', '.join(used)}\n{space}yield {answer}"
    return instead(source, wait, text)


def _later(function: Function, wait: ast.stmt) -> frozenset[str]:
    """Names live after the wait, without those that the wait itself reads."""
    probe = ast.Pass(lineno=wait.lineno, col_offset=wait.col_offset)
    owner = next(n for n in ast.walk(function) for b in blocks(n) if wait in b)
    block = next(b for b in blocks(owner) if wait in b)
    place = block.index(wait)
    block.insert(place + 1, probe)
    try:
        return live_at(function, probe)
    finally:
        block.remove(probe)
