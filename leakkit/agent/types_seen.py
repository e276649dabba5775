"""Facts of the types that the walk meets.

Read through ``type``'s own descriptors, never through a metaclass.
"""

import gc
import sys

A = globals()["A"]

GET_MRO = type.__dict__["__mro__"].__get__
GET_SPACE = type.__dict__["__dict__"].__get__
GET_NAME = type.__dict__["__qualname__"].__get__
GET_MODULE = type.__dict__["__module__"].__get__
GET_FLAGS = type.__dict__["__flags__"].__get__

MEMBER = type(type(lambda: 0).__dict__["__closure__"])
GETSET = type(type(lambda: 0).__dict__["__code__"])
C_METHODS = frozenset(map(id, (type(object.__dict__["__sizeof__"]), type(object.__dict__["__init__"]))))

HEAP_TYPE = 1 << 9
HAVE_GC = 1 << 14
PRE_HEADER = (1 << 3) | (1 << 4)
LIST, TUPLE, BYTES, UNICODE, DICT, EXCEPTION, TYPE = (1 << bit for bit in range(25, 32))
TP_DEL, FLAGS_AT = 376, 168
"""Offsets of ``tp_del`` and ``tp_flags`` in ``PyTypeObject`` on 64-bit machines, the same in 3.9 to 3.15."""


class Plain:
    """An ordinary class: shows what ``sys.getsizeof`` adds for the pointers that lie before an object."""


PRE_HEADER_SIZE = sys.getsizeof(Plain()) - object.__sizeof__(Plain()) - 16 if sys.version_info >= (3, 11) else 0


def GET_DICT(kind):
    """The namespace of a class; a static type that nothing has made ready has none."""
    return GET_SPACE(kind) or {}


class Seen:
    """One type: what the later steps want to know of it without asking again."""

    def __init__(self, kind):
        self.kind = kind
        self.id = id(kind)
        self.mro = tuple(GET_MRO(kind) or (kind,))
        self.mro_ids = frozenset([id(item) for item in self.mro])
        self.flags = GET_FLAGS(kind)
        self.heap = bool(self.flags & HEAP_TYPE)
        self.name, self.module = text(GET_NAME, kind), text(GET_MODULE, kind)
        self.finalizer = self.find("__del__") is not None
        self.legacy_del = not self.finalizer and bool(A.peek.word(self.id + TP_DEL))
        self.size_of = self.choose_size()

    def find(self, name):
        """The first entry of that name in the dicts of the mro, or None."""
        for item in self.mro:
            space = GET_DICT(item)
            if name in space:
                return space[name]
        return None

    def is_a(self, kind):
        """Whether its mro has that very type."""
        return id(kind) in self.mro_ids

    def choose_size(self):
        """A function that gives the shallow size in bytes of an instance without running Python code."""
        first = self.find("__sizeof__")
        if id(type(first)) in C_METHODS:
            return sys.getsizeof
        extra = 16 if self.flags & HAVE_GC else 0
        if self.flags & PRE_HEADER:
            extra += PRE_HEADER_SIZE
        for item in self.mro:
            space = GET_DICT(item)
            found = space["__sizeof__"] if "__sizeof__" in space else None
            if id(type(found)) in C_METHODS:
                break
        else:
            found = object.__dict__["__sizeof__"]
        return lambda item, found=found, extra=extra: found(item) + extra


def is_type(item):
    """Whether it is a class, by the flag of its own type."""
    return bool(GET_FLAGS(type(item)) & TYPE)


def text(getter, kind):
    """A type's name as a plain str; "?" when a class put something else there."""
    try:
        found = getter(kind)
    except Exception:
        return "?"
    return found if type(found) is str else "?"


class Table:
    """All types met, by the id of the type object."""

    def __init__(self):
        self.by_id = {}

    def get(self, kind):
        """The facts of a type."""
        found = self.by_id.get(id(kind))
        if found is None:
            found = self.by_id[id(kind)] = Seen(kind)
        return found

    def write(self):
        """Write the table as one record."""
        rows = []
        for seen in self.by_id.values():
            flags = (2 if seen.finalizer else 0) | (8 if seen.legacy_del else 0)
            name = seen.name if seen.module in ("builtins", "?") else seen.module + "." + seen.name
            rows.append([seen.id, name, flags, default_kind(seen)])
        A.dump.write_json("types", rows)


def default_kind(seen):
    """The kind of references of such objects that nothing names: INDEX, ITEM, VALUE or INTERNAL."""
    if seen.flags & (LIST | TUPLE) or seen.is_a(A.kinds.deque):
        return 5
    if seen.is_a(set) or seen.is_a(frozenset):
        return 6
    return 3 if seen.flags & DICT else 0


def class_dict(kind):
    """The dict of a class (its own, not the proxy), or None."""
    found = gc.get_referents(GET_DICT(kind))
    return found[0] if found and type(found[0]) is dict else None


def is_subtype(kind, base):
    """Whether ``base`` is in the mro of ``kind``."""
    return any(item is base for item in GET_MRO(kind) or ())
