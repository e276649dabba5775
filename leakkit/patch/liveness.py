"""Which local variables a function still reads after it waits: backward data flow over its statements.

A variable that is not live at the wait may be deleted before it.  Every doubt counts as a read: an exception may leave
a ``try`` block anywhere, a nested function may read what it closes over.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from leakkit.patch.source import Definition, Function, inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Names = frozenset[str]
NONE: Names = frozenset()


@dataclass(frozen=True)
class _Ways:
    """What is live where control may go besides to the next statement."""

    on_break: Names = NONE
    on_continue: Names = NONE
    on_error: Names = NONE
    on_return: Names = NONE
    """What ``finally`` blocks around read."""


def reads(nodes: Iterable[ast.AST | None]) -> Names:
    """Names that expressions read, nested functions and lambdas included."""
    found = set()
    for node in nodes:
        for child in ast.walk(node) if node is not None else ():
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
                found.add(child.id)
    return frozenset(found)


def writes(node: ast.AST) -> Names:
    """Names that a statement surely binds, if it ends."""
    found = set()
    for child in inside(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            found.add(child.id)
    return frozenset(found)


def captured(function: Function) -> Names:
    """Names that nested functions, lambdas and generator expressions use: deleting those changes something else."""
    found = set()
    for node in ast.walk(function):
        if node is not function and isinstance(node, Definition | ast.Lambda | ast.GeneratorExp):
            found |= {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
        if isinstance(node, ast.Global | ast.Nonlocal):
            found |= set(node.names)
    return frozenset(found)


def live_at(function: Function, wait: ast.stmt) -> Names:
    """Names that may be read after ``wait`` (a statement of the function, or a loop's header) has let go.

    Names that ``wait`` itself reads count too, whether before or after its suspension: they are needed for it.
    """
    flow = _Flow(wait)
    flow.block(function.body, NONE, _Ways())
    return flow.found


class _Flow:
    """The walk; ``found`` is what is live at the wait.

    Args:
        wait: the statement looked at.
    """

    def __init__(self, wait: ast.stmt) -> None:
        self.wait = wait
        self.found: Names = NONE

    def block(self, body: Sequence[ast.stmt], out: Names, ways: _Ways) -> Names:
        """What is live before a list of statements, given what is live after it."""
        for statement in reversed(body):
            out = self.statement(statement, out, ways) | ways.on_error
        return out

    def statement(self, node: ast.stmt, out: Names, ways: _Ways) -> Names:
        """What is live before one statement."""
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            return self._loop(node, out, ways)
        if isinstance(node, ast.If):
            then, other = self.block(node.body, out, ways), self.block(node.orelse, out, ways)
            return self._seen(node, reads([node.test]) | then | other)
        if isinstance(node, ast.Try | ast.TryStar):
            return self._try(node, out, ways)
        if isinstance(node, ast.With | ast.AsyncWith):
            inner = self.block(node.body, out, ways)
            names = frozenset().union(*(writes(item) for item in node.items))
            # An async with waits at both its ends.
            here = reads(item.context_expr for item in node.items) | (inner - names)
            return self._seen(node, here | out if isinstance(node, ast.AsyncWith) else here)
        if isinstance(node, ast.Match):
            cases = [self.block(case.body, out, ways) | reads([case.guard]) for case in node.cases]
            return self._seen(node, reads([node.subject]) | out | frozenset().union(*cases))
        return self._simple(node, out, ways)

    def _simple(self, node: ast.stmt, out: Names, ways: _Ways) -> Names:
        if isinstance(node, ast.Return | ast.Raise):
            out = ways.on_return | (ways.on_error if isinstance(node, ast.Raise) else NONE)
        elif isinstance(node, ast.Break):
            out = ways.on_break
        elif isinstance(node, ast.Continue):
            out = ways.on_continue
        needed = reads([node])
        if isinstance(node, ast.AugAssign):
            needed |= {child.id for child in ast.walk(node.target) if isinstance(child, ast.Name)}
        kept = out - (NONE if isinstance(node, Definition) else writes(node))
        return self._seen(node, kept | needed | ways.on_error)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, out: Names, ways: _Ways) -> Names:
        done = self.block(node.orelse, out, ways)
        head: Names = NONE
        while True:
            inner = replace(ways, on_break=out, on_continue=head)
            body = self.block(node.body, head, inner)
            if isinstance(node, ast.While):
                new = head | body | done | reads([node.test])
            else:
                new = head | (body - writes(node.target)) | done
            if new == head:
                break
            head = new
        self._seen(node, head | ways.on_error)
        return head if isinstance(node, ast.While) else head | reads([node.iter])

    def _try(self, node: ast.Try | ast.TryStar, out: Names, ways: _Ways) -> Names:
        last = self.block(node.finalbody, out, ways)
        # After the finally block control may go on to any of these.
        beyond = self.block(node.finalbody, ways.on_return | ways.on_break | ways.on_continue | ways.on_error, ways)
        through = _Ways(last | beyond, last | beyond, last | beyond, last | beyond) if node.finalbody else ways
        handlers: Names = NONE
        for handler in node.handlers:
            inner = self.block(handler.body, last, through)
            handlers |= reads([handler.type]) | (inner - {handler.name or ""})
        other = self.block(node.orelse, last, through)
        return self.block(node.body, other, replace(through, on_error=through.on_error | handlers))

    def _seen(self, node: ast.stmt, live: Names) -> Names:
        if node is self.wait:
            self.found |= live
        return live
