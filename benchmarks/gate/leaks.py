"""Scenarios that leak, one function each; every call leaves a little behind.

``ENDS`` names those that would harm the machine when they are called thousands of times.
"""

from __future__ import annotations

import asyncio
import atexit
import collections
import contextvars
import functools
import gc
import itertools
import logging
import mmap
import os
import sys
import threading
import weakref

from native import extension

_number = itertools.count()
KEPT: list = []
TABLE: dict = {}
NAMES: set = set()
QUEUE: collections.deque = collections.deque()


def one_small_object() -> None:
    KEPT.append(object())


def list_of_bytes() -> None:
    KEPT.append(bytes(100))


def dict_of_atoms() -> None:
    KEPT.append({"number": next(_number)})


def set_of_strings() -> None:
    NAMES.add(f"name-{next(_number)}")


def deque_of_tuples() -> None:
    QUEUE.append((next(_number), 1.5))


def sessions_by_id() -> None:
    TABLE[next(_number)] = {"user": "somebody", "basket": [1, 2, 3]}


class Emitter:
    def __init__(self) -> None:
        self.listeners: list = []

    def on_event(self) -> None:
        pass


EMITTER = Emitter()


def listeners() -> None:
    EMITTER.listeners.append(Emitter().on_event)


class Service:
    @functools.cache  # noqa: B019 - the leak
    def answer(self) -> int:
        return 42


def lru_cache_on_method() -> None:
    Service().answer()


class Node:
    def __init__(self) -> None:
        self.me = self
        self.payload = bytes(200)


def cycles() -> None:
    Node()


def cycles_collector_off() -> None:
    gc.disable()
    Node()


def closures() -> None:
    payload = bytearray(300)
    KEPT.append(lambda: payload)


def suspended_generators() -> None:
    def numbers():
        data = list(range(50))
        yield 1
        yield data

    generator = numbers()
    next(generator)
    KEPT.append(generator)


async def tasks_kept() -> None:
    async def work() -> bytes:
        return bytes(64)

    task = asyncio.ensure_future(work())
    KEPT.append(task)
    await task


async def tasks_that_wait() -> None:
    KEPT.append(asyncio.ensure_future(asyncio.Event().wait()))
    await asyncio.sleep(0)


def kept_tracebacks() -> None:
    payload = bytearray(400)
    try:
        int(f"no number {len(payload)}")
    except ValueError as error:
        KEPT.append(error)


def native_malloc() -> None:
    extension().leak_bytes(64)


def native_reference() -> None:
    extension().leak_reference(bytearray(100))


def anonymous_maps() -> None:
    KEPT.append(mmap.mmap(-1, 16384))
    KEPT[-1].write(b"x" * 16384)


def every_ten_calls() -> None:
    if next(_number) % 10 == 0:
        KEPT.append([None])


def threads() -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def file_descriptors() -> None:
    os.dup(1)


def large_buffers() -> None:
    KEPT.append(bytearray(b"x" * 200_000))


def views_of_buffers() -> None:
    KEPT.append(memoryview(bytes(20_000))[:10])


def interned_strings() -> None:
    KEPT.append(sys.intern(f"interned-{next(_number)}"))


def logging_handlers() -> None:
    logging.getLogger("bench").addHandler(logging.NullHandler())


def atexit_callbacks() -> None:
    atexit.register(functools.partial(len, f"callback-{next(_number)}"))


def weak_references() -> None:
    KEPT.append(weakref.ref(Emitter()))


def classes_made() -> None:
    KEPT.append(type("Made", (), {"data": bytes(100)}))


def wrapped_again() -> None:
    inner = TABLE.get("handler")
    TABLE["handler"] = functools.partial(lambda f: f, inner)


_context: contextvars.ContextVar = contextvars.ContextVar("history", default=())


def linked_list() -> None:
    _context.set((_context.get(), bytes(40)))


LEAKS = (
    one_small_object, list_of_bytes, dict_of_atoms, set_of_strings, deque_of_tuples, sessions_by_id, listeners,
    lru_cache_on_method, cycles, cycles_collector_off, closures, suspended_generators, tasks_kept, tasks_that_wait,
    kept_tracebacks, native_malloc, native_reference, anonymous_maps, every_ten_calls, threads, file_descriptors,
    large_buffers, views_of_buffers, interned_strings, logging_handlers, atexit_callbacks, weak_references,
    classes_made, wrapped_again, linked_list,
)  # fmt: skip
