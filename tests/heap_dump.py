"""Write a heap by hand: a small language that makes synthetic ``Snapshot`` records for tests.

    d = Dump()
    app = d.module("app", file="/srv/app/app.py")
    app["CACHE"] = cache = d.dict()
    for number in range(100):
        cache[f"key{number}"] = d.bytes(10_000)
    snapshot = d.snapshot()

Every reference counts: ``app["CACHE"] = x`` adds one to x's reference count, as it would in CPython, so the
trial deletion sees a consistent heap.  ``handle.node`` is the object's row in ``snapshot.graph``; rows never
change, so the same ``Dump`` can go on growing and be snapshotted again for a series (30 s apart).

    node = d.instance("app.Node", generation=2)      # makes module app and class app.Node if missing
    node.set(children=d.list(...), parent=other)     # attributes
    d.cycle("app.Tree", 3, payload=d.bytes(500_000)) # garbage: a ring of three instances
    coro = d.coroutine("handler", module="app", file="/srv/app/app.py", line=12, locals={"payload": big})
    d.task("conn-7", coro)                           # a TASK root
    d.thread("MainThread").frame("main", module="app", locals={"data": data})
    view = d.view(buffer, extent=64)                 # memoryview; kind="numpy.ndarray" uses an EXTRA .base edge
    d.hold(obj)                                      # one more reference from outside the graph (C)
    d.freeze(obj, ...)                               # gc.freeze
    d.bound(obj, 128, used=100, label="lru_cache maxsize")
    d.root(obj, RootKind.INTERPRETER, "atexit")
    d.free(obj)                                      # takes it and its references out again

``snapshot()`` refuses an object that nothing refers to: a real heap has none.
"""

# ruff: noqa: A002 - the keywords are the words of the things they make

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from leakkit.snapshot_model import (
    EDGE_EXTRA,
    Bounds,
    CaptureFacts,
    CollectorState,
    Distribution,
    EdgeKind,
    FrameKind,
    Frames,
    FrameState,
    Functions,
    Generation,
    HeapGraph,
    MemoryFacts,
    ModuleInfo,
    NodeFlag,
    ProcessFacts,
    RootKind,
    Roots,
    Snapshot,
    TaskInfo,
    ThreadInfo,
    Views,
)

IMMORTAL_COUNT = 1 << 31
FIRST_ADDRESS = 0x7F00_0000_0000


class Obj:
    """A handle on one synthetic object; ``node`` is its row."""

    def __init__(self, dump: Dump, node: int, type_name: str, size: int | None, generation: int, flags: int) -> None:
        self.dump = dump
        self.node = node
        self.type = type_name
        self.fixed_size = size
        self.base_size = 0
        self.generation = generation
        self.flags = flags
        self.refcount = 0
        self.edges: list[tuple[Obj, str, int]] = []
        self.namespace: Obj | None = None
        self.freed = False

    def __repr__(self) -> str:
        return f"<{self.type} #{self.node}>"

    @property
    def size(self) -> int:
        """Shallow size in bytes."""
        if self.fixed_size is not None:
            return self.fixed_size
        per_edge = {"dict": 36, "list": 8, "tuple": 8, "set": 32}.get(self.type, 0)
        return self.base_size + per_edge * len(self.edges)

    def ref(self, target: Obj, name: str = "", kind: EdgeKind = EdgeKind.INTERNAL, *, extra: bool = False, counted: bool | None = None) -> Obj:
        """Refer to ``target``; WEAK edges are extra and not counted unless told otherwise."""
        if kind == EdgeKind.WEAK:
            extra = True
        self.edges.append((target, name, int(kind) | (EDGE_EXTRA if extra else 0)))
        if (kind != EdgeKind.WEAK) if counted is None else counted:
            target.refcount += 1
        return self

    def unref(self, target: Obj) -> Obj:
        """Drop one reference to ``target``."""
        for i, (other, _name, kind) in enumerate(self.edges):
            if other is target:
                del self.edges[i]
                if kind & 0x7F != EdgeKind.WEAK:
                    target.refcount -= 1
                return self
        raise KeyError(target)

    def set(self, **attributes: Obj) -> Obj:
        """Set attributes (inline, or in the namespace dict if the object has one)."""
        for name, value in attributes.items():
            if self.namespace is not None:
                self.namespace[name] = value
            else:
                self.ref(value, name, EdgeKind.ATTRIBUTE)
        return self

    def __setitem__(self, key: object, value: Obj) -> None:
        holder = self.namespace if self.namespace is not None else self
        if isinstance(key, str):
            holder.ref(value, key, EdgeKind.KEY)
        else:
            holder.ref(value, "", EdgeKind.VALUE)

    def append(self, *values: Obj) -> Obj:
        """Append elements to a list, tuple, deque or set."""
        kind = EdgeKind.ITEM if self.type in ("set", "frozenset") else EdgeKind.INDEX
        for value in values:
            self.ref(value, "", kind)
        return self


class Thread:
    """A thread whose running frames are roots."""

    def __init__(self, dump: Dump, row: int, name: str) -> None:
        self.dump = dump
        self.row = row
        self.name = name
        self.stack: list[tuple[str, str, int]] = []

    def frame(self, function: str, *, module: str = "app", file: str = "", line: int = 1, locals: dict[str, Obj] | None = None) -> Thread:
        """Push a running frame (innermost last); its locals become THREAD roots."""
        dump = self.dump
        row = dump.add_frame(-1, FrameKind.THREAD, FrameState.RUNNING, function, module, file, line, thread=self.row)
        self.stack.insert(0, (function, file, line))
        for name, value in (locals or {}).items():
            dump.root(value, RootKind.THREAD, name, frame=row)
        return self


class Dump:
    """The heap being written."""

    def __init__(self, *, python: str = "3.11.7", pid: int = 4242) -> None:
        self.objects: list[Obj] = []
        self.python = python
        self.pid = pid
        self.strings: dict[str, int] = {"": 0}
        self.classes: dict[str, Obj] = {}
        self.modules: dict[str, Obj] = {}
        self.module_files: dict[str, str | None] = {}
        self.roots: list[tuple[Obj, int, str, int]] = []
        self.frames: list[tuple[int, ...]] = []
        self.functions: list[tuple[int, ...]] = []
        self.bounds: list[tuple[int, int, int, str]] = []
        self.views: list[tuple[int, int, int]] = []
        self.threads: list[Thread] = []
        self.tasks: list[TaskInfo] = []
        self.distributions: list[Distribution] = []
        self.snapshots_taken = 0
        self.module("sys")
        self.sys_modules = self.dict(generation=2)
        self.hold(self.sys_modules)
        self.modules["sys"]["modules"] = self.sys_modules
        self.sys_modules["sys"] = self.modules["sys"]

    # -- objects ---------------------------------------------------------------------------------

    def string(self, text: str) -> int:
        """The id of ``text`` in the string table."""
        return self.strings.setdefault(text, len(self.strings))

    def object(self, type_name: str, *, size: int | None = 48, generation: int = 2, flags: int = 0) -> Obj:
        """Any object; ``generation=-1`` is untracked."""
        if generation >= 0:
            flags |= NodeFlag.TRACKED
        obj = Obj(self, len(self.objects), type_name, size, generation, flags)
        self.objects.append(obj)
        return obj

    def _container(self, type_name: str, base: int, values: tuple[Obj, ...], generation: int, size: int | None) -> Obj:
        obj = self.object(type_name, size=size, generation=generation)
        obj.base_size = base
        return obj.append(*values)

    def list(self, *values: Obj, generation: int = 2, size: int | None = None) -> Obj:
        return self._container("list", 56, values, generation, size)

    def tuple(self, *values: Obj, generation: int = 2, size: int | None = None) -> Obj:
        return self._container("tuple", 40, values, generation, size)

    def set(self, *values: Obj, generation: int = 2, size: int | None = None) -> Obj:
        return self._container("set", 216, values, generation, size)

    def deque(self, *values: Obj, maxlen: int | None = None, generation: int = 2, size: int | None = 760) -> Obj:
        obj = self._container("collections.deque", 760, values, generation, size)
        if maxlen is not None:
            self.bound(obj, maxlen, used=len(values), label="maxlen")
        return obj

    def dict(self, entries: dict[Any, Obj] | None = None, *, generation: int = 2, size: int | None = None) -> Obj:
        """A dict; str keys become named KEY edges, other keys VALUE edges."""
        obj = self._container("dict", 64, (), generation, size)
        for key, value in (entries or {}).items():
            obj[key] = value
        return obj

    def bytes(self, count: int, *, type: str = "bytes") -> Obj:
        """Untracked payload of ``count`` bytes."""
        return self.object(type, size=count + 33, generation=-1)

    def str(self, count: int) -> Obj:
        """Untracked text of ``count`` characters."""
        return self.object("str", size=count + 49, generation=-1)

    def none(self) -> Obj:
        """An immortal object."""
        obj = self.object("NoneType", size=16, generation=-1, flags=int(NodeFlag.IMMORTAL))
        return obj

    def module(self, name: str, *, file: str | None = None) -> Obj:
        """A module with its namespace dict, in ``sys.modules`` and a MODULE root."""
        if name in self.modules:
            if file is not None:
                self.module_files[name] = file
            return self.modules[name]
        module = self.object("module", size=72)
        module.namespace = self.dict()
        module.ref(module.namespace, "__dict__", EdgeKind.ATTRIBUTE)
        self.modules[name] = module
        self.module_files[name] = file
        if name != "sys":
            self.sys_modules[name] = module
        self.roots.append((module, int(RootKind.MODULE), name, -1))
        return module

    def cls(self, name: str, *, size: int = 1064, **attributes: Obj) -> Obj:
        """The class ``module.qualname``, an attribute of its module; keywords are class attributes."""
        if name not in self.classes:
            module_name, _, short = name.rpartition(".")
            class_ = self.object("type", size=size)
            class_.namespace = self.dict()
            class_.ref(class_.namespace, "__dict__", EdgeKind.ATTRIBUTE)
            mro = self.tuple(class_)
            class_.ref(mro, "__mro__", EdgeKind.ATTRIBUTE)
            self.classes[name] = class_
            self.module(module_name or "__main__")[short] = class_
        return self.classes[name].set(**attributes)

    def instance(self, type_name: str, *, size: int = 48, generation: int = 2, finalizer: bool = False, legacy_del: bool = False, own_dict: bool = False, attributes: dict[str, Obj] | None = None, **more: Obj) -> Obj:
        """An instance of a Python class (made if missing); ``own_dict`` gives it a separate ``__dict__``."""
        flags = (NodeFlag.FINALIZER if finalizer else 0) | (NodeFlag.LEGACY_DEL if legacy_del else 0)
        obj = self.object(type_name, size=size, generation=generation, flags=int(flags))
        obj.ref(self.cls(type_name), "", EdgeKind.TYPE)
        if own_dict:
            obj.namespace = self.dict(generation=generation, size=104)
            obj.ref(obj.namespace, "__dict__", EdgeKind.ATTRIBUTE)
        return obj.set(**(attributes or {}), **more)

    def function(self, name: str, *, module: str = "app", file: str = "", line: int = 1, closure: dict[str, Obj] | None = None, defaults: dict[str, Obj] | None = None, bind: bool = False, generation: int = 2) -> Obj:
        """A Python function with cells and defaults; ``bind`` makes it an attribute of its module."""
        obj = self.object("function", size=144, generation=generation)
        self.functions.append((obj.node, self.string(module), self.string(name), self.string(file), line))
        obj.ref(self.module(module).namespace or obj, "__globals__", EdgeKind.ATTRIBUTE)
        if closure:
            cells = self.tuple(generation=generation)
            for variable, value in closure.items():
                cell = self.object("cell", size=40, generation=generation).ref(value, "cell_contents", EdgeKind.ATTRIBUTE)
                cells.ref(cell, variable, EdgeKind.CELL)
            obj.ref(cells, "__closure__", EdgeKind.ATTRIBUTE)
        if defaults:
            values = self.tuple(generation=generation)
            for parameter, value in defaults.items():
                values.ref(value, parameter, EdgeKind.DEFAULT)
            obj.ref(values, "__defaults__", EdgeKind.ATTRIBUTE)
        if bind:
            self.module(module)[name.rpartition(".")[2]] = obj
        return obj

    # -- frames, tasks, threads ------------------------------------------------------------------

    def add_frame(self, node: int, kind: FrameKind, state: FrameState, function: str, module: str, file: str, line: int, *, first_line: int | None = None, instruction: int = 10, thread: int = -1) -> int:
        """A row of ``Frames``; returns its number."""
        self.frames.append((node, int(kind), int(state), self.string(function), self.string(module), self.string(file), line if first_line is None else first_line, line, instruction, thread))
        return len(self.frames) - 1

    def _suspended(self, type_name: str, kind: FrameKind, function: str, module: str, file: str, line: int, locals: dict[str, Obj] | None, instruction: int, state: FrameState, generation: int) -> Obj:
        obj = self.object(type_name, size=200, generation=generation)
        self.add_frame(obj.node, kind, state, function, module, file, line, instruction=instruction)
        for name, value in (locals or {}).items():
            obj.ref(value, name, EdgeKind.LOCAL)
        return obj

    def coroutine(self, function: str, *, module: str = "app", file: str = "", line: int = 1, locals: dict[str, Obj] | None = None, instruction: int = 10, state: FrameState = FrameState.SUSPENDED, generation: int = 2) -> Obj:
        """A coroutine suspended at ``line``; its locals are LOCAL edges."""
        return self._suspended("coroutine", FrameKind.COROUTINE, function, module, file, line, locals, instruction, state, generation)

    def generator(self, function: str, *, module: str = "app", file: str = "", line: int = 1, locals: dict[str, Obj] | None = None, instruction: int = 10, state: FrameState = FrameState.SUSPENDED, generation: int = 2) -> Obj:
        """A generator suspended at ``line``."""
        return self._suspended("generator", FrameKind.GENERATOR, function, module, file, line, locals, instruction, state, generation)

    def async_generator(self, function: str, *, module: str = "app", file: str = "", line: int = 1, locals: dict[str, Obj] | None = None, instruction: int = 10, state: FrameState = FrameState.SUSPENDED, generation: int = 2) -> Obj:
        """An asynchronous generator suspended at ``line``."""
        return self._suspended("async_generator", FrameKind.ASYNC_GENERATOR, function, module, file, line, locals, instruction, state, generation)

    def dead_frame(self, function: str, *, module: str = "app", file: str = "", line: int = 1, locals: dict[str, Obj] | None = None, generation: int = 2) -> Obj:
        """A frame that only a traceback keeps."""
        return self._suspended("frame", FrameKind.TRACEBACK, function, module, file, line, locals, 10, FrameState.FINISHED, generation)

    def exception(self, type_name: str, *frames: Obj, generation: int = 2) -> Obj:
        """An exception whose ``__traceback__`` chain shows ``frames``, outermost first."""
        error = self.object(type_name, size=88, generation=generation)
        below: Obj | None = None
        for frame in reversed(frames):
            traceback = self.object("traceback", size=64, generation=generation)
            traceback.ref(frame, "tb_frame", EdgeKind.ATTRIBUTE)
            if below is not None:
                traceback.ref(below, "tb_next", EdgeKind.ATTRIBUTE)
            below = traceback
        if below is not None:
            error.ref(below, "__traceback__", EdgeKind.ATTRIBUTE)
        return error

    def task(self, name: str, coroutine: Obj | None = None, *, state: str = "pending", root: bool = True, function: str = "", file: str = "", line: int = 0, generation: int = 2) -> Obj:
        """An asyncio task around ``coroutine``; a TASK root unless told otherwise."""
        obj = self.object("_asyncio.Task", size=184, generation=generation)
        if coroutine is not None:
            obj.ref(coroutine, "_coro", EdgeKind.ATTRIBUTE)
            row = next(f for f in self.frames if f[0] == coroutine.node)
            names = list(self.strings)
            function, file, line = function or names[row[3]], file or names[row[5]], line or row[7]
        self.tasks.append(TaskInfo(name, obj.node, coroutine.node if coroutine is not None else -1, state, function, file, line))
        if root:
            self.root(obj, RootKind.TASK, name)
        return obj

    def thread(self, name: str) -> Thread:
        """A thread without frames; add them with ``.frame(...)``."""
        thread = Thread(self, len(self.threads), name)
        self.threads.append(thread)
        return thread

    # -- special references ----------------------------------------------------------------------

    def root(self, obj: Obj, kind: RootKind, name: str = "", *, frame: int = -1) -> Obj:
        """Make ``obj`` a root: held from outside once more."""
        self.roots.append((obj, int(kind), name, frame))
        obj.refcount += 1
        return obj

    def hold(self, obj: Obj, times: int = 1) -> Obj:
        """References from outside the graph that no root explains (C globals, C objects)."""
        obj.refcount += times
        return obj

    def weakref(self, target: Obj) -> Obj:
        """A weak reference object."""
        return self.object("weakref.ReferenceType", size=72).ref(target, "", EdgeKind.WEAK)

    def view(self, target: Obj, *, extent: int, kind: str = "memoryview") -> Obj:
        """A view on ``extent`` bytes of ``target``; numpy's ``.base`` is an EXTRA edge of an untracked object."""
        if kind == "numpy.ndarray":
            obj = self.object(kind, size=112, generation=-1).ref(target, "base", EdgeKind.BASE, extra=True)
        else:
            obj = self.object(kind, size=184).ref(target, "obj", EdgeKind.ATTRIBUTE)
        self.views.append((obj.node, target.node, extent))
        return obj

    def object_array(self, *values: Obj) -> Obj:
        """A numpy object array: untracked, its elements are EXTRA edges."""
        obj = self.object("numpy.ndarray", size=112 + 8 * len(values), generation=-1)
        for value in values:
            obj.ref(value, "", EdgeKind.INDEX, extra=True)
        return obj

    def bound(self, obj: Obj, limit: int, *, used: int = -1, label: str = "maxsize") -> Obj:
        """Declare a limit; -1 is "declared unbounded"."""
        self.bounds.append((obj.node, limit, used, label))
        return obj

    def freeze(self, *objects: Obj) -> None:
        """``gc.freeze()`` for these objects."""
        for obj in objects:
            obj.generation = int(Generation.FROZEN)

    def cycle(self, type_name: str, length: int = 2, *, payload: Obj | None = None, attribute: str = "next", generation: int = 2, finalizer: bool = False) -> list[Obj]:
        """A ring of ``length`` instances linked by ``attribute``: garbage unless you refer to one of them."""
        ring = [self.instance(type_name, generation=generation, finalizer=finalizer) for _ in range(length)]
        for i, obj in enumerate(ring):
            obj.set(**{attribute: ring[(i + 1) % length]})
        if payload is not None:
            ring[0].set(payload=payload)
        return ring

    def tree(self, type_name: str, children: int, *, payload: Obj | None = None, generation: int = 2) -> Obj:
        """A parent with a ``children`` list whose members point back with ``parent``."""
        parent = self.instance(type_name, generation=generation)
        parent.set(children=self.list(*(self.instance(type_name, generation=generation, parent=parent) for _ in range(children)), generation=generation))
        if payload is not None:
            parent.set(payload=payload)
        return parent

    def free(self, *objects: Obj) -> None:
        """Take objects out: their references, roots and rows of the small tables go with them."""
        for obj in objects:
            for target, _name, kind in obj.edges:
                if kind & 0x7F != EdgeKind.WEAK:
                    target.refcount -= 1
            obj.edges = []
            obj.freed = True
            self.roots = [r for r in self.roots if r[0] is not obj]
            self.tasks = [t for t in self.tasks if t.node != obj.node]
            self.views = [v for v in self.views if v[0] != obj.node]
            self.frames = [(-1, *f[1:]) if f[0] == obj.node else f for f in self.frames]
            self.functions = [f for f in self.functions if f[0] != obj.node]
            self.bounds = [b for b in self.bounds if b[0] != obj.node]

    def distribution(self, name: str, version: str, *paths: str) -> None:
        """An installed distribution."""
        self.distributions.append(Distribution(name, version, paths))

    # -- the record ------------------------------------------------------------------------------

    def snapshot(self, *, every: float = 30.0, rss: int | None = None, complete: bool = True, collector: dict[str, Any] | None = None, memory: dict[str, Any] | None = None, process: dict[str, Any] | None = None, file: str | None = None, warnings: tuple[str, ...] = (), check: bool = True) -> Snapshot:
        """The heap as it is now; each call is ``every`` seconds after the one before."""
        if check:
            orphans = [o for o in self.objects if not o.freed and o.refcount < 1 and not o.flags & (NodeFlag.IMMORTAL | NodeFlag.AGENT)]
            if orphans:
                raise ValueError(f"nothing refers to {orphans[:5]}: refer to it, hold() it or free() it")
        number = self.snapshots_taken
        self.snapshots_taken += 1
        tables = (self._roots(), self._frames(), self._functions(), self._bounds(), self._views())
        graph = self._graph()
        total = int(graph.size.sum())
        taken = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=every * number)
        capture = CaptureFacts(taken.isoformat(), 1000.0 + every * number, "ptrace", "python", 0.004, 0.5, complete, None, ())
        frozen = sum(o.generation == Generation.FROZEN for o in self.objects)
        collector_state = CollectorState(True, (700, 10, 10), (10, 1, 1), tuple({"collections": 5, "collected": 0, "uncollectable": 0} for _ in range(3)), frozen, "generational")
        real_rss = rss if rss is not None else total + 20_000_000
        facts = MemoryFacts(real_rss, real_rss - 10_000_000, 9_000_000, 1_000_000, real_rss - 12_000_000, 0, "glibc", total, 0, 0, 0, 0, 0, 0, ())
        stack = tuple(ThreadInfo(t.name, 100 + t.row, 100 + t.row, False, tuple(t.stack)) for t in self.threads)
        run = ProcessFacts(self.pid, self.python, "python app.py", "/usr/bin/python3", "2026-01-01T11:00:00+00:00", max(1, len(self.threads)), "/usr", "/usr/lib/python3.11", ("/usr/lib/python3.11/site-packages",), tuple(self.distributions))
        return Snapshot(
            file, capture, dataclasses.replace(run, **(process or {})), dataclasses.replace(collector_state, **(collector or {})),
            dataclasses.replace(facts, **(memory or {})), graph, *tables,
            tuple(ModuleInfo(name, obj.node, self.module_files[name]) for name, obj in self.modules.items()),
            stack, tuple(self.tasks), {}, warnings,
        )

    def _graph(self) -> HeapGraph:
        names = {name: i for i, name in enumerate(dict.fromkeys(o.type for o in self.objects))}
        for name in self.classes:
            names.setdefault(name, len(names))
        type_node = np.full(len(names), -1, np.int32)
        for name, class_ in self.classes.items():
            type_node[names[name]] = class_.node
        edges = [(t.node, self.string(n), k) for o in self.objects for t, n, k in o.edges]
        columns = np.array(edges, np.int64).reshape(-1, 3)
        start = np.zeros(len(self.objects) + 1, np.int64)
        np.cumsum([len(o.edges) for o in self.objects], out=start[1:])
        counts = [IMMORTAL_COUNT if o.flags & NodeFlag.IMMORTAL else o.refcount for o in self.objects]
        flags = [int(o.flags) | (int(NodeFlag.AGENT) if o.freed else 0) for o in self.objects]
        return HeapGraph(
            address=FIRST_ADDRESS + 64 * np.arange(len(self.objects), dtype=np.uint64),
            type_id=np.array([names[o.type] for o in self.objects], np.int32),
            size=np.array([0 if o.freed else o.size for o in self.objects], np.int64),
            refcount=np.array(counts, np.int64),
            generation=np.array([-1 if o.freed else o.generation for o in self.objects], np.int8),
            flags=np.array(flags, np.uint16),
            edge_start=start,
            edge_target=columns[:, 0].astype(np.int32),
            edge_name=columns[:, 1].astype(np.int32),
            edge_kind=columns[:, 2].astype(np.uint8),
            types=tuple(names),
            type_node=type_node,
            strings=tuple(self.strings),
        )

    def _roots(self) -> Roots:
        rows = [(o.node, k, self.string(n), f) for o, k, n, f in self.roots]
        c = np.array(rows, np.int64).reshape(-1, 4)
        return Roots(c[:, 0].astype(np.int32), c[:, 1].astype(np.uint8), c[:, 2].astype(np.int32), c[:, 3].astype(np.int32))

    def _frames(self) -> Frames:
        c = np.array(self.frames, np.int64).reshape(-1, 10)
        i = [c[:, k].astype(np.int32) for k in range(10)]
        return Frames(i[0], c[:, 1].astype(np.uint8), c[:, 2].astype(np.uint8), i[3], i[4], i[5], i[6], i[7], i[8], i[9])

    def _functions(self) -> Functions:
        c = np.array(self.functions, np.int64).reshape(-1, 5).astype(np.int32)
        return Functions(*(c[:, k].copy() for k in range(5)))

    def _bounds(self) -> Bounds:
        c = np.array([(n, b, u, self.string(label)) for n, b, u, label in self.bounds], np.int64).reshape(-1, 4)
        return Bounds(c[:, 0].astype(np.int32), c[:, 1], c[:, 2], c[:, 3].astype(np.int32))

    def _views(self) -> Views:
        c = np.array(self.views, np.int64).reshape(-1, 3)
        return Views(c[:, 0].astype(np.int32), c[:, 1].astype(np.int32), c[:, 2])
