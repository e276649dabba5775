"""A target that writes what it knows of itself to the file of ``sys.argv[1]``: addresses, sizes, counts, names."""

import asyncio
import collections
import ctypes  # noqa: F401 - loaded already, so that the agent need not
import functools
import gc
import json
import mmap
import re
import sys
import threading
import types

import _drive


class Plain:
    def __init__(self, number):
        self.number = number
        self.items = [number]
        self.label = "label %d" % number


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left, self.right = left, right


class Asked:
    """What of ours was called; shared with copies of this process, so that calls in a copy are seen, too."""

    def __init__(self):
        self.shared = mmap.mmap(-1, 4096)

    def append(self, number):
        self.shared[number] = 1

    def clear(self):
        self.shared[:] = bytes(4096)

    def __iter__(self):
        return (number for number in range(4096) if self.shared[number])

    def __len__(self):
        return sum(1 for _ in self)


class Odd(list):
    asked = Asked()

    def __sizeof__(self):
        Odd.asked.append(1)
        return 10**9

    def __repr__(self):
        Odd.asked.append(2)
        return "odd"

    __str__ = __repr__

    def __eq__(self, other):
        Odd.asked.append(3)
        return True

    def __hash__(self):
        Odd.asked.append(4)
        return 1

    def __getattribute__(self, name):
        Odd.asked.append(5)
        return super().__getattribute__(name)


class Meta(type):
    def __hash__(cls):
        Odd.asked.append(6)
        return 1

    def __eq__(cls, other):
        Odd.asked.append(7)
        return cls is other

    def __getattribute__(cls, name):
        Odd.asked.append(8)
        return super().__getattribute__(name)


class Watched(metaclass=Meta):
    @property
    def __dict__(self):
        Odd.asked.append(9)
        return {}

    def __del__(self):
        pass


class BoundedCache:
    def __init__(self, maxsize):
        self._maxsize = maxsize
        self._data = {n: [n] for n in range(7)}


def enclosing(captured, default=("default", [1]), *, keyword={"k": 1}):
    def inner(x=captured, *, flag=keyword):
        return captured, x, flag

    return inner


def generating(argument):
    local = {"argument": argument}
    yield local


async def waiting(payload):
    kept = [payload]
    await asyncio.sleep(1000)
    return kept


@functools.lru_cache(maxsize=64)
def cached(x):
    return [x]


PLAIN = [Plain(n) for n in range(200)]
SPARSE = Plain(1)
del SPARSE.items
SLOTTED = Slotted([1], {"two": 2})
ODD, WATCHED = Odd([1, 2]), Watched()
TABLE = {"first": [1], "second": Plain(5), 3: "three"}
BIG = {"key%d" % n: n for n in range(500)}
PAIR = collections.namedtuple("PAIR", "x y")([1], [2])
QUEUE = collections.deque([1, 2, 3], maxlen=9)
CACHE = BoundedCache(50)
CLOSURE = enclosing([1, 2, 3])
GENERATOR = generating("a")
next(GENERATOR)
CREATED = generating("b")
VIEW = memoryview(bytes(5000))[100:110]
MATCH = re.search("b+", "a" * 3000 + "bbb")
WORDS = ["w%d" % n for n in range(50)]
SPACE = types.SimpleNamespace(inside=[1])
BASE, NESTED = {}, [(), [[]], frozenset([1])]
[cached(n) for n in range(5)]
KEPT = None
try:
    raise LookupError("kept")
except LookupError as error:
    KEPT = error
local = threading.local()
stop = threading.Event()


def worker():
    local.mine = ["thread local"]
    on_stack = bytearray(300)
    FACTS["on_stack"] = id(on_stack)
    FACTS["thread_local"] = id(local.mine)
    started.set()
    stop.wait()


FACTS = {}
started = threading.Event()
threading.Thread(target=worker, name="the worker", daemon=True).start()
started.wait()
GLOBALS = dict(globals())


def tell(path):
    named = {name: value for name, value in GLOBALS.items() if not name.startswith("__") and name not in ("error", "GLOBALS")}
    listed = [o for o in gc.get_objects() if type(o) in (list, dict, tuple, set, frozenset, type(tell), type(tell.__code__), types.ModuleType)]
    objects = list(named.values()) + PLAIN + WORDS + list(BIG) + [vars, Plain, Meta, Odd, cached, BIG.items, 10**50, 1.5, "text", b"bytes"]
    sizes = {id(o): sys.getsizeof(o) for o in objects + listed if type(o) is not Odd}
    del listed, objects
    probe = object()
    extra = sys.getrefcount(probe) - 1
    FACTS.update(
        ids={name: id(value) for name, value in named.items()},
        sizes=sizes,
        plain=[[id(p), sys.getrefcount(p) - extra - 1] for p in PLAIN],
        stats=gc.get_stats(), count=gc.get_count(), threads=sorted(t.name for t in threading.enumerate()),
        asked=len(Odd.asked), generations=[len(gc.get_objects(generation=g)) for g in range(3)],
    )
    with open(path, "w") as file:
        json.dump(FACTS, file)


async def main():
    task = asyncio.ensure_future(waiting(b"payload"))
    task.set_name("the task") if hasattr(task, "set_name") else None
    await asyncio.sleep(0)
    gc.disable()
    tell(sys.argv[1])
    Odd.asked.clear()

    async def step(number):
        asked = list(Odd.asked)
        with open(sys.argv[1] + ".after", "w") as file:
            json.dump({"asked": asked, "stats": gc.get_stats(), "threads": sorted(t.name for t in threading.enumerate())}, file)

    await _drive.async_rounds(step)


asyncio.run(main())
