"""From a path as a report prints it back to the references: ``app.CACHE['*']``, ``handler() local 'data'``.

The text is walked from its root over *every* reference of that name, not only over the best path, so that an object
which several names hold can be cut off from each of them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leakkit.errors import UsageError
from leakkit.heap.naming import FOLD_SPAN, root_text
from leakkit.heap.steps import FRAME_NAMES, namespaces
from leakkit.snapshot_model import EDGE_KIND_MASK, EdgeKind, RootKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from leakkit.heap.analysis import Heap
    from leakkit.snapshot_model import I32, I64

    Mask = NDArray[np.bool_]

_TOKEN = re.compile(
    r"""(?P<closure>\(\)\.<closure>\ (?P<cell>\w+))
      | (?P<default>\(default\ (?P<parameter>\w+)\))
      | (?P<local>\ ?local\ '(?P<variable>[^']+)')
      | (?P<into>\ ?→\ (?P<function>[^()]+)(\(\)(?!\.<closure>))?)
      | (?P<key>\['(?P<name>[^']*)'\])
      | (?P<element>\[(?P<index>\*|\d+)\])
      | (?P<internal>\.<(?P<type>\w+)>)
      | (?P<attribute>\.(?P<field>\w+))""",
    re.VERBOSE,
)
MAX_ROUNDS = 1000
"""A repeat (a linked list, say) is followed so far."""
_HOPS = 6
"""References at most between an object and the frame that the path says it leads into."""


@dataclass(frozen=True, eq=False)
class Cut:
    """What a path names."""

    edges: I64
    """Rows of references."""
    roots: I32
    """Rows of ``Heap.roots``, where the path is a root or a variable of a running frame."""
    targets: I32
    """What they lead to."""


@dataclass(frozen=True, eq=False)
class _Place:
    """How far the path has been walked."""

    nodes: NDArray[np.int64]
    edges: NDArray[np.int64]
    """The last references walked; empty at a root."""
    roots: NDArray[np.int64]
    text: str


def locate(heap: Heap, text: str) -> Cut:
    """The references that a path's last step stands for.

    Args:
        heap: the heap.
        text: a path or a holder as reports print it: a module's global, ``pkg.Class.attribute`` (of the class, or of
            all its instances), ``function() local 'name'``, ``task 'name'``, and steps ``.name``, ``['key']``,
            ``['*']``, ``[*]``, ``[3]``, ``().<closure> name``, ``(default name)``.

    Raises:
        UsageError: nothing there has that name; the hint says what comes close.
    """
    place, rest = _start(heap, text.strip())
    steps = _Steps(heap)
    tokens = _tokens(rest, place.text)
    for number, (match, repeats) in enumerate(tokens):
        if repeats:
            place = steps.repeated(place, [token for token, _ in tokens[number : number + FOLD_SPAN]])
        place = steps.already(place, match) or steps.walk(place, match)
    targets = place.nodes if len(place.edges) or not len(place.roots) else heap.roots.node[place.roots]
    return Cut(place.edges.astype(np.int64), place.roots.astype(np.int32), np.unique(targets).astype(np.int32))


def _tokens(rest: str, before: str) -> list[tuple[re.Match[str], bool]]:
    """The steps of a path, each with whether it stands for a repeat (``*`` after it)."""
    found = []
    while rest:
        match = _TOKEN.match(rest)
        if match is None:
            raise UsageError(f"cannot read {rest!r} in the path", f"end the path before it, after {before!r}")
        rest, before = rest[match.end() :], before + match[0]
        found.append((match, rest.startswith("*")))
        rest = rest.removeprefix("*")
    return found


def _start(heap: Heap, text: str) -> tuple[_Place, str]:
    """The root that a path begins with, and what is left of the text."""
    if found := re.match(r"(?P<function>[\w.<>]+)\(\)(?= local ')", text):
        return _frames(heap, found["function"], text[found.end() :])
    rows = _named_roots(heap, _kind_of(text))
    named = [(name, row) for name, row in rows if text == name or text.startswith((name + ".", name + "[", name + " "))]
    if named:
        longest = max(len(name) for name, _ in named)
        chosen = np.array([row for name, row in named if len(name) == longest], np.int64)
        return _Place(heap.roots.node[chosen].astype(np.int64), np.zeros(0, np.int64), chosen, text[:longest]), text[
            longest:
        ]
    words = sorted({name for name, _ in rows})
    asked = re.split(r"[\[ ]", text, maxsplit=1)[0]
    tries = (asked, asked.rpartition(".")[0], asked.partition(".")[0])
    close: list[str] = []
    for one in tries:
        close = close or difflib.get_close_matches(one, words, n=3, cutoff=0.6)
    hint = f"close to it: {', '.join(close)}" if close else "copy a path from `leakkit diagnose`, quotes included"
    raise UsageError(f"no root of this heap is called like the start of {text!r}", hint)


def _kind_of(text: str) -> RootKind:
    """The kind of root that a path's first words name; there may be very many of the others."""
    words = {
        "thread ": RootKind.THREAD,
        "thread:": RootKind.THREAD,
        "task '": RootKind.TASK,
        "interpreter:": RootKind.INTERPRETER,
        "held from C:": RootKind.C_HELD,
    }
    if text == "interpreter":
        return RootKind.INTERPRETER
    return next((kind for start, kind in words.items() if text.startswith(start)), RootKind.MODULE)


def _named_roots(heap: Heap, kind: RootKind) -> list[tuple[str, int]]:
    """(text, row) of the roots of one kind."""
    rows = heap.roots.rows_of(kind).tolist()
    if kind != RootKind.TASK:
        return [(root_text(heap, row), row) for row in rows]
    names = {task.node: task.name for task in heap.snapshot.tasks}
    nodes = heap.roots.node
    return [(f"task '{names.get(int(nodes[row]), heap.string(int(heap.roots.name[row])))}'", row) for row in rows]


def _frames(heap: Heap, function: str, rest: str) -> tuple[_Place, str]:
    """All frames of a function, running ones by their roots."""
    frames = heap.snapshot.frames
    names = [heap.string(int(number)) for number in frames.function]
    mine = np.array([name == function or name.endswith(f".{function}") for name in names], np.bool_)
    if not mine.any():
        close = difflib.get_close_matches(function, sorted(set(names)), n=3, cutoff=0.5)
        hint = f"close to it: {', '.join(f'{name}()' for name in close)}" if close else "see `leakkit info` for frames"
        raise UsageError(f"no frame of {function}() is in this heap", hint)
    match = _TOKEN.match(rest)
    variable = match["variable"] if match else ""
    kind_ok = heap.roots.kind == RootKind.THREAD
    frame_ok = np.append(mine, False)[heap.roots.frame]
    by_name = np.array([heap.string(int(n)) == variable for n in heap.roots.name], np.bool_)
    running = np.flatnonzero(kind_ok & frame_ok & by_name)
    suspended = frames.node[mine & (frames.node >= 0)].astype(np.int64)
    if match and len(running) and not len(suspended):
        text = f"{function}(){match[0]}"
        place = _Place(heap.roots.node[running].astype(np.int64), np.zeros(0, np.int64), running, text)
        return place, rest[match.end() :]
    return _Place(suspended, np.zeros(0, np.int64), np.zeros(0, np.int64), f"{function}()"), rest


class _Steps:
    """One step of a path over all references of that name.

    Args:
        heap: the heap.
    """

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self.namespaces: Mask = namespaces(heap)

    def already(self, place: _Place, match: re.Match[str]) -> _Place | None:
        """For `` → function()``: the place itself, where the objects are its frames or that function."""
        if match["into"] is None:
            return None
        here = self.is_called(place.nodes, match["function"])
        if not here.any():
            return None
        nodes = place.nodes[here]
        kept = np.isin(self.heap.graph.edge_target[place.edges], nodes)
        return _Place(nodes, place.edges[kept], place.roots, place.text + match[0])

    def is_called(self, nodes: NDArray[np.int64], function: str) -> Mask:
        """Which objects are frames of a function of that name, or the function."""
        label, names = self.heap.string_ids.get(function, -1), self.heap.function_names
        is_frame = (self.heap.frame_labels[nodes] == label) & (label > 0)
        is_function = np.array([names.get(node, "") == function for node in nodes.tolist()], np.bool_)
        return np.asarray(is_frame | is_function, np.bool_)

    def repeated(self, place: _Place, round_: Sequence[re.Match[str]]) -> _Place:
        """The place with all that further rounds of the next one to four steps lead to."""
        nodes = place.nodes
        for span in range(1, len(round_) + 1):
            new = nodes
            for _ in range(MAX_ROUNDS):
                for match in round_[:span]:
                    new = self.targets(self.references(new, match)) if len(new) else new
                new = np.setdiff1d(new, nodes)
                if not len(new):
                    break
                nodes = np.union1d(nodes, new)
        return _Place(nodes, place.edges, place.roots, place.text)

    def walk(self, place: _Place, match: re.Match[str]) -> _Place:
        """The next place, over all references that a step stands for.

        Raises:
            UsageError: there are none.
        """
        found = self.references(place.nodes, match)
        if not len(found):
            missing = match[0].strip()
            raise UsageError(f"nothing at {place.text!r} is called {missing!r}", self.near(place, match))
        return _Place(self.targets(found), found, np.zeros(0, np.int64), place.text + match[0])

    def references(self, nodes: NDArray[np.int64], match: re.Match[str]) -> NDArray[np.int64]:
        """Rows of all references that a step stands for."""
        by_kind: dict[str, Callable[[NDArray[np.int64], re.Match[str]], NDArray[np.int64]]] = {
            "closure": lambda nodes, m: self.closure(nodes, m["cell"]),
            "default": lambda nodes, m: self.default(nodes, m["parameter"]),
            "local": lambda nodes, m: self.local(nodes, m["variable"]),
            "into": lambda nodes, m: self.into(nodes, m["function"]),
            "key": lambda nodes, m: self.key(nodes, m["name"]),
            "element": lambda nodes, m: self.element(nodes, m["index"]),
            "internal": lambda nodes, m: self.internal(nodes, m["type"]),
            "attribute": lambda nodes, m: self.attribute(nodes, m["field"]),
        }
        step = next(name for name in by_kind if match[name] is not None)
        found = by_kind[step](nodes, match)
        if not len(found) and step in ("key", "internal"):
            found = by_kind[step](self.own_dicts(nodes), match)
        return found

    def out(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of all retaining references of some objects."""
        graph = self.heap.graph
        starts, counts = graph.edge_start[nodes], graph.edge_start[nodes + 1] - graph.edge_start[nodes]
        before = np.cumsum(counts) - counts
        edges = np.repeat(starts - before, counts) + np.arange(int(counts.sum()))
        return np.asarray(edges[(self.kinds(edges) != EdgeKind.WEAK) & (graph.edge_target[edges] >= 0)], np.int64)

    def kinds(self, edges: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Kinds of references without the EXTRA bit."""
        return np.asarray(self.heap.graph.edge_kind[edges] & EDGE_KIND_MASK, np.uint8)

    def named(self, edges: NDArray[np.int64], name: str, *kinds: EdgeKind) -> NDArray[np.int64]:
        """Those of one name, and of these kinds."""
        number = self.heap.string_ids.get(name, -1)
        right = (self.heap.graph.edge_name[edges] == number) & np.isin(self.kinds(edges), kinds)
        return np.asarray(edges[right], np.int64)

    def targets(self, edges: NDArray[np.int64]) -> NDArray[np.int64]:
        """What references lead to."""
        return np.unique(self.heap.graph.edge_target[edges]).astype(np.int64)

    def own_dicts(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The ``__dict__`` of each object that has one."""
        edges = self.out(nodes)
        owner = (self.heap.is_class | self.heap.has_type("module"))[self.heap.source[edges]]
        named = self.heap.graph.edge_name[edges] == self.heap.string_ids.get("__dict__", -1)
        found = self.targets(edges[owner | named])
        return np.asarray(found[self.namespaces[found]], np.int64)

    def attribute(self, nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """``.name`` of modules, classes and instances; of a class that has none, of all its instances."""
        found = self.fields(nodes, name)
        classes = nodes[self.heap.is_class[nodes]]
        if len(found) or not len(classes):
            return found
        graph = self.heap.graph
        own = np.isin(graph.type_node, classes)
        return self.fields(np.flatnonzero(own[graph.type_id] & self.heap.live).astype(np.int64), name)

    def fields(self, nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """``.name`` of these very objects."""
        direct = self.named(self.out(nodes), name, EdgeKind.ATTRIBUTE, EdgeKind.BASE)
        spaces = np.concatenate([self.own_dicts(nodes), nodes[self.namespaces[nodes]]])
        return np.concatenate([direct, self.named(self.out(spaces), name, EdgeKind.KEY, EdgeKind.ATTRIBUTE)])

    def key(self, nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """``['name']``, or every entry of the dicts, keys included, for ``['*']``."""
        edges = self.out(nodes)
        if name != "*":
            return self.named(edges, name, EdgeKind.KEY)
        entries = (EdgeKind.KEY, EdgeKind.VALUE, EdgeKind.DICT_KEY)
        return np.asarray(edges[np.isin(self.kinds(edges), entries)], np.int64)

    def element(self, nodes: NDArray[np.int64], index: str) -> NDArray[np.int64]:
        """``[*]``, or one position of each sequence."""
        edges = self.out(nodes)
        edges = edges[np.isin(self.kinds(edges), (EdgeKind.INDEX, EdgeKind.ITEM, EdgeKind.INTERNAL))]
        if index == "*":
            return edges
        _, first, length = np.unique(self.heap.source[edges], return_index=True, return_counts=True)
        return np.asarray(edges[first[length > int(index)] + int(index)], np.int64)

    def local(self, nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """A local variable; up to 3.10 a coroutine has a frame object of its own that holds it."""
        edges = self.out(nodes)
        inner = self.targets(edges)
        inner = inner[self.heap.has_type("frame")[inner]]
        both = np.unique(np.concatenate([edges, self.out(inner)]))
        return self.named(both, name, EdgeKind.LOCAL)

    def closure(self, nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """What the cell of a free variable holds."""
        tuples = self.targets(self.named(self.out(nodes), "__closure__", EdgeKind.ATTRIBUTE, EdgeKind.INTERNAL))
        cells = self.targets(self.named(self.out(tuples), name, EdgeKind.CELL))
        return self.out(cells)

    def default(self, nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        """A default value of a parameter."""
        found = [self.named(self.out(nodes), n, EdgeKind.ATTRIBUTE) for n in ("__defaults__", "__kwdefaults__")]
        holders = self.targets(np.concatenate(found))
        return self.named(self.out(holders), name, EdgeKind.DEFAULT, EdgeKind.KEY)

    def internal(self, nodes: NDArray[np.int64], type_name: str) -> NDArray[np.int64]:
        """An unnamed reference to an object of a type, or to a dict's keys."""
        edges = self.out(nodes)
        if type_name == "key":
            return np.asarray(edges[self.kinds(edges) == EdgeKind.DICT_KEY], np.int64)
        right = np.array([name.rpartition(".")[2] == type_name for name in self.heap.graph.types], np.bool_)
        return np.asarray(edges[right[self.heap.graph.type_id[self.heap.graph.edge_target[edges]]]], np.int64)

    def into(self, nodes: NDArray[np.int64], function: str) -> NDArray[np.int64]:
        """The references by which the objects lead into a frame, or to a function, of that name."""
        graph = self.heap.graph
        vague = np.array([self.heap.string_ids.get(name, -1) for name in (*FRAME_NAMES, "")])
        current = nodes
        for _ in range(_HOPS):
            edges = self.out(current)
            here = self.is_called(graph.edge_target[edges].astype(np.int64), function)
            if here.any():
                return np.asarray(edges[here], np.int64)
            current = self.targets(edges[np.isin(graph.edge_name[edges], vague)])
        return np.zeros(0, np.int64)

    def near(self, place: _Place, match: re.Match[str]) -> str:
        """Names at a place that come close to what is missing."""
        nodes = np.concatenate([place.nodes, self.own_dicts(place.nodes)])
        numbers = np.unique(self.heap.graph.edge_name[self.out(nodes)])
        words = [self.heap.string(int(n)) for n in numbers if n]
        asked = match["field"] or match["variable"] or match["name"] or match["cell"] or ""
        return _hint(difflib.get_close_matches(asked, words, n=3, cutoff=0.4) or sorted(words)[:5], place.text)


def _hint(words: Sequence[str], text: str) -> str:
    return f"{text} has: {', '.join(words)}" if words else "copy a path from `leakkit diagnose`, quotes included"
