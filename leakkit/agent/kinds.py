"""The built-in types that get a treatment of their own, without importing anything the target has not."""

import sys

A = globals()["A"]


def make():
    """A generator, a coroutine and an async generator, to take their types."""

    def generator():
        yield

    async def coroutine():
        pass

    async def async_generator():
        yield

    made = coroutine()
    kinds = type(generator()), type(made), type(async_generator())
    made.close()
    return kinds


def enclosing(x):
    """A closure over ``x``."""
    return lambda: x


module = type(sys)
function = type(make)
method = type(A.clock.check)
builtin = type(len)
code = type(make.__code__)
frame = type(sys._getframe())
generator, coroutine, async_generator = make()
cell = type(enclosing(0).__closure__[0])
proxy = type(type.__dict__)
weakref = A.stdlib.load("_weakref").ReferenceType
local = A.stdlib.load("_thread")._local
deque = A.stdlib.load("_collections").deque
traceback = None
try:
    raise KeyError
except KeyError as error:
    traceback = type(error.__traceback__)
match = type(A.stdlib.load("re").match("", ""))
partial = A.stdlib.load("_functools").partial
lru_cache = getattr(A.stdlib.load("_functools"), "_lru_cache_wrapper", None)
context = A.process.plain("_contextvars", "Context")
context_var = A.process.plain("_contextvars", "ContextVar")
ndarray = A.process.plain("numpy", "ndarray")
if ndarray is not None and type(ndarray) is not type:
    ndarray = None
greenlet = A.process.plain("greenlet", "greenlet")
if type(greenlet) is not type:
    greenlet = None
futures = tuple(
    kind for kind in (A.process.plain("_asyncio", "Future"), A.process.plain("_asyncio", "Task")) if type(kind) is type
)
py_task = A.process.plain("asyncio.tasks", "_PyTask")
suspendable_ids = frozenset(map(id, (generator, coroutine, async_generator)))
"""Types are compared by id: ``==`` would ask a metaclass of the target."""
plain_containers = frozenset(map(id, (list, tuple, set, frozenset)))
