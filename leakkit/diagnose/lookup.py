"""Lookups in one heap: the retaining path of an object, its frame, function, module, bound and bases."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leakkit.heap.naming import name_path
from leakkit.heap.steps import StepKind, namespaces
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind, RootKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from leakkit.diagnose.owner import Owners
    from leakkit.heap.analysis import Heap

THREAD_LOCAL_TYPES = frozenset({"_thread._local", "threading.local", "_thread._localdummy"})
CONTEXT_TYPES = frozenset(
    {
        "Context",
        "ContextVar",
        "contextvars.Context",
        "contextvars.ContextVar",
        "_contextvars.Context",
        "_contextvars.ContextVar",
        "hamt",
        "hamt_bitmap_node",
        "hamt_array_node",
        "hamt_collision_node",
    }
)
CACHE_TYPES = frozenset({"functools._lru_cache_wrapper"})
CALLABLE_TYPES = frozenset(
    {
        "function",
        "method",
        "builtin_function_or_method",
        "functools.partial",
        "weakref.WeakMethod",
        "weakref.finalize._Info",
        "method-wrapper",
        "_asyncio.TaskStepMethWrapper",
    }
)
DATA_TYPES = frozenset(
    {
        "dict",
        "list",
        "tuple",
        "set",
        "frozenset",
        "collections.deque",
        "collections.defaultdict",
        "collections.OrderedDict",
        "collections.Counter",
        "cell",
        "mappingproxy",
    }
)


@dataclass(frozen=True)
class Link:
    """One reference on a retaining path: ``kind`` and ``name`` lead from the link before to ``node``."""

    node: int
    type: str
    kind: int
    """An :class:`EdgeKind`; -1 for the root itself."""
    name: str
    edge: int
    """Number of the reference; -1 for the root."""


@dataclass(frozen=True)
class Lookup:
    """Names and tables of one heap."""

    heap: Heap
    owners: Owners

    @cached_property
    def frame_rows(self) -> dict[int, int]:
        """Coroutine, generator or frame object to its row of ``Frames``."""
        nodes = self.heap.snapshot.frames.node
        return {int(node): row for row, node in enumerate(nodes) if node >= 0}

    @cached_property
    def function_rows(self) -> dict[int, int]:
        """Function object to its row of ``Functions``."""
        return {int(node): row for row, node in enumerate(self.heap.snapshot.functions.node)}

    @cached_property
    def module_names(self) -> dict[int, str]:
        """Module object to its name."""
        # The first name wins: multiprocessing enters __main__ a second time, as __mp_main__.
        return {module.node: module.name for module in reversed(self.heap.snapshot.modules)}

    @cached_property
    def bounds(self) -> dict[int, tuple[int, int, str]]:
        """Container or instance to (bound, used, label)."""
        table = self.heap.snapshot.bounds
        strings = self.heap.snapshot.graph.strings
        rows = zip(table.node, table.bound, table.used, table.label, strict=True)
        return {int(n): (int(b), int(u), strings[label]) for n, b, u, label in rows}

    def type_of(self, node: int) -> str:
        """Type name of an object."""
        return self.heap.type_name(node)

    def chain(self, node: int) -> tuple[Link, ...]:
        """The retaining path to ``node``, root first."""
        graph, tree = self.heap.snapshot.graph, self.heap.tree
        links: list[Link] = []
        while node >= 0:
            edge = int(tree.parent_edge[node])
            parent = int(tree.parent[node])
            if parent < 0 or edge < 0:
                links.append(Link(node, self.type_of(node), -1, self.root_name(node), -1))
                break
            kind = int(graph.edge_kind[edge]) & EDGE_KIND_MASK
            links.append(Link(node, self.type_of(node), kind, graph.strings[graph.edge_name[edge]], edge))
            node = parent
        return tuple(reversed(links))

    def root_name(self, node: int) -> str:
        """Name of the root that an object is, or empty."""
        row = int(self.heap.tree.root_row[node])
        roots = self.heap.roots
        return self.heap.string(int(roots.name[row])) if row >= 0 else ""

    def root_kind(self, node: int) -> RootKind | None:
        """Kind of the root that an object is."""
        row = int(self.heap.tree.root_row[node])
        return RootKind(int(self.heap.roots.kind[row])) if row >= 0 else None

    def root_frame(self, node: int) -> int:
        """Row of ``Frames`` of a THREAD root, or -1."""
        row = int(self.heap.tree.root_row[node])
        return int(self.heap.roots.frame[row]) if row >= 0 else -1

    @cached_property
    def _namespaces(self) -> NDArray[Any]:
        return namespaces(self.heap)

    def is_namespace(self, node: int) -> bool:
        """Whether a dict is the ``__dict__`` of a module, class or instance."""
        return bool(self._namespaces[node])

    def step_kind(self, node: int) -> StepKind:
        """What the last reference of an object's path means."""
        return StepKind(int(self.heap.steps.code[node]))

    def path_text(self, node: int) -> str:
        """An object's path in words."""
        return name_path(self.heap, node).text

    def shape(self, node: int) -> str:
        """An object's path without what changes from run to run."""
        return name_path(self.heap, node).shape

    def frame_text(self, row: int) -> tuple[str, str, int, str]:
        """(function, file, line, module) of a row of ``Frames``."""
        frames, strings = self.heap.snapshot.frames, self.heap.snapshot.graph.strings
        line = int(frames.line[row]) or int(frames.first_line[row])
        return strings[frames.function[row]], strings[frames.file[row]], line, strings[frames.module[row]]

    def function_text(self, node: int) -> tuple[str, str, int, str] | None:
        """(name, file, line, module) of a function object."""
        row = self.function_rows.get(node)
        if row is None:
            return None
        table, strings = self.heap.snapshot.functions, self.heap.snapshot.graph.strings
        return (
            strings[table.name[row]],
            strings[table.file[row]],
            int(table.line[row]),
            strings[table.module[row]],
        )

    @cached_property
    def class_names(self) -> dict[int, str]:
        """Class object to its type name."""
        return self.heap.class_names

    @cached_property
    def class_nodes(self) -> dict[str, int]:
        """Type name to its class object."""
        return {name: node for node, name in self.class_names.items()}

    @cached_property
    def _known_bases(self) -> dict[str, frozenset[str]]:
        return {}

    def is_class(self, node: int) -> bool:
        """Whether an object is a class."""
        return node in self.class_names or self.type_of(node) == "type" or "type" in self.bases(self.type_of(node))

    def successors(self, node: int) -> list[tuple[int, int, str]]:
        """(target, kind, name) of each reference of an object, weak ones left out."""
        graph = self.heap.snapshot.graph
        edges = range(int(graph.edge_start[node]), int(graph.edge_start[node + 1]))
        rows = [
            (
                int(graph.edge_target[e]),
                int(graph.edge_kind[e]) & EDGE_KIND_MASK,
                graph.strings[graph.edge_name[e]],
            )
            for e in edges
        ]
        return [row for row in rows if row[1] != EdgeKind.WEAK]

    def first_is_callable(self, node: int) -> bool:
        """Whether the first entry of a tuple can be called."""
        items = self.successors(node)
        return bool(items) and self.type_of(items[0][0]) in CALLABLE_TYPES

    def bases(self, type_name: str) -> frozenset[str]:
        """Names of a class and all its bases, as far as the graph has them."""
        if type_name not in self._known_bases:
            self._known_bases[type_name] = self._find_bases(type_name)
        return self._known_bases[type_name]

    def _find_bases(self, type_name: str) -> frozenset[str]:
        seen: set[int] = set()
        todo = [self.class_nodes[type_name]] if type_name in self.class_nodes else []
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            for target, kind, _ in self.successors(node):
                if kind == EdgeKind.TYPE:  # the metaclass is no base
                    continue
                if target in self.class_names:
                    todo.append(target)
                elif self.type_of(target) == "tuple":
                    todo += [t for t, _, _ in self.successors(target) if t in self.class_names]
        return frozenset({type_name} | {self.class_names[node] for node in seen})

    def module_of_type(self, type_name: str) -> str:
        """The longest prefix of ``module.qualname`` that is a module of the target."""
        name = type_name
        while "." in name:
            name = name.rpartition(".")[0]
            if name in self.owners.files:
                return name
        return type_name.rpartition(".")[0] or "builtins"

    def functions_below(self, node: int) -> list[int]:
        """Python functions that an object refers to directly or through its own dict."""
        found = []
        for target, _, name in self.successors(node):
            if target in self.function_rows:
                found.append(target)
            elif name == "__dict__" or self.type_of(target) in ("method", "functools.partial"):
                found += [t for t, _, _ in self.successors(target) if t in self.function_rows]
        return found

    def bound_near(self, links: Sequence[Link]) -> int | None:
        """The limit that the container at the path's end, or one of the two objects above it, declares."""
        for link in reversed(links[-4:]):
            if link.node in self.bounds:
                return self.bounds[link.node][0]
        return None

    def context_variable(self, links: Sequence[Link]) -> tuple[str, str]:
        """(name, module) of the context variable whose value the path passes, as far as a global names it."""
        for above, below in itertools.pairwise(links):
            if above.type not in CONTEXT_TYPES:
                continue
            items = [target for target, _, _ in self.successors(above.node)]
            near = [
                items[i + d] for i, t in enumerate(items) if t == below.node for d in (-1, 1) if 0 <= i + d < len(items)
            ]
            for node in near:
                if self.type_of(node).rpartition(".")[2] == "ContextVar":
                    return self.global_name(node)
        return "", ""

    def global_name(self, node: int) -> tuple[str, str]:
        """(``module.name``, module) of an object that a module global refers to; empty strings otherwise."""
        links = self.chain(node)
        for link in reversed(links):
            if link.kind == EdgeKind.KEY and link.name:
                module = next((self.module_names[up.node] for up in links if up.node in self.module_names), "")
                return (f"{module}.{link.name}" if module else link.name), module
        return "", ""
