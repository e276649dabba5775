"""Scenarios that keep memory for good reasons, or none: whatever they hold ends, or has a declared bound."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextlib
import functools
import gc
import importlib
import io
import itertools
import json
import logging
import random
import re
import sqlite3
import sys
import tempfile
import threading
import time
import weakref

import cachetools

_number = itertools.count()


def nothing() -> None:
    pass


@functools.lru_cache(maxsize=5000)
def _remembered(key: int) -> str:
    return f"value {key}"


def lru_cache_filling() -> None:
    _remembered(next(_number))


@functools.lru_cache(maxsize=20_000)
def _slowly_remembered(key: int) -> tuple[int, str]:
    return key, f"value {key}"


def lru_cache_filling_slowly() -> None:
    """So slow that the cache is far from full when a gate decides."""
    time.sleep(0.0005)
    _slowly_remembered(next(_number))


RECENT: collections.deque = collections.deque(maxlen=30_000)


def deque_filling_slowly() -> None:
    time.sleep(0.0005)
    RECENT.append(f"line {next(_number)}")


SMALL: collections.deque = collections.deque(maxlen=100)


def deque_full() -> None:
    SMALL.append(bytes(100))


LRU: cachetools.LRUCache = cachetools.LRUCache(maxsize=20_000)


def cachetools_filling_slowly() -> None:
    time.sleep(0.0005)
    number = next(_number)
    LRU[number] = f"value {number}"


TTL: cachetools.TTLCache = cachetools.TTLCache(maxsize=300, ttl=60)


def cachetools_ttl() -> None:
    TTL[next(_number)] = object()


WARM: dict = {}


def warm_up() -> None:
    """The first calls build tables, the others read them."""
    number = next(_number)
    if number < 60:
        WARM[number] = list(range(2000))
    sum(WARM[number % len(WARM)])


def interning() -> None:
    sys.intern(f"field-{next(_number) % 400}")


def regex_cache() -> None:
    re.compile(f"(a|b){{{next(_number) % 700}}}")


BUFFER: list = []


def sawtooth() -> None:
    BUFFER.append(f"row {next(_number)}")
    if len(BUFFER) >= 777:
        BUFFER.clear()


class Pool:
    def __init__(self) -> None:
        self.free: list = []

    def use(self, count: int) -> None:
        taken = [self.free.pop() if self.free else bytearray(5000) for _ in range(count)]
        self.free.extend(taken)


POOL = Pool()


def connection_pool() -> None:
    """Grows to the largest number that was ever in use."""
    POOL.use(random.randint(1, 20))


EXECUTOR: list = []


def thread_pool() -> None:
    if not EXECUTOR:
        EXECUTOR.append(concurrent.futures.ThreadPoolExecutor(8))
    EXECUTOR[0].submit(len, "work").result()


MODULES = [
    "colorsys",
    "this_is_none",
    "mailbox",
    "wave",
    "chunk",
    "cmd",
    "ftplib",
    "imaplib",
    "netrc",
    "plistlib",
    "poplib",
    "sched",
    "shelve",
    "smtplib",
    "telnetlib",
    "tabnanny",
    "turtledemo",
    "uuid",
    "xmlrpc.client",
    "zipapp",
    "zoneinfo",
    "statistics",
    "fractions",
    "fileinput",
    "filecmp",
    "difflib",
    "calendar",
    "cgitb",
]


def imports() -> None:
    """A module more with each of the first calls."""
    name = MODULES[min(next(_number), len(MODULES) - 1)]
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


KINDS: dict = {}


def dict_grows_then_stable() -> None:
    KINDS.setdefault(next(_number) % 600, [None])


TENANTS: dict = {}


def random_keys_of_a_set() -> None:
    TENANTS[random.randrange(300)] = bytes(random.randrange(200))


def churn() -> None:
    {number: str(number) for number in range(200)}


def json_round_trip() -> None:
    json.loads(json.dumps({"rows": [{"id": i, "name": str(i)} for i in range(20)]}))


def exceptions() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        str(error)


def files_closed() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x")


async def tasks_that_end() -> None:
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(5)))


class Thing:
    pass


ALIVE: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


def weak_values() -> None:
    thing = Thing()
    ALIVE[next(_number)] = thing


LATEST: list = [None] * 50


def last_fifty() -> None:
    LATEST[next(_number) % 50] = bytes(random.randrange(10_000))


ORDERED: collections.OrderedDict = collections.OrderedDict()


def own_lru() -> None:
    """Evicts, but declares its limit nowhere."""
    ORDERED[next(_number)] = "x" * 50
    if len(ORDERED) > 400:
        ORDERED.popitem(last=False)


def threads_joined() -> None:
    thread = threading.Thread(target=len, args=("",))
    thread.start()
    thread.join()


DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
DATABASE.execute("create table t (a)")


def database() -> None:
    DATABASE.execute("insert into t values (?)", ("x" * 20,))
    DATABASE.execute("delete from t")


LOG = logging.getLogger("bench.healthy")
LOG.addHandler(logging.StreamHandler(io.StringIO()))
LOG.propagate = False


def log_lines() -> None:
    LOG.debug("not shown %s", next(_number))


def time_formats() -> None:
    time.strptime("2024-01-02", "%Y-%m-%d")


def generators() -> None:
    sum(number for number in range(100))


EVENTS: list = []


def periodic_flush() -> None:
    """By time, not by number."""
    EVENTS.append((time.monotonic(), "event"))
    if EVENTS[-1][0] - EVENTS[0][0] > 0.05:
        EVENTS.clear()


def large_and_gone() -> None:
    bytearray(random.randrange(1, 400_000))


def collector_tuned() -> None:
    gc.set_threshold(50_000, 20, 20)
    [[] for _ in range(100)]


HEALTHY = (
    nothing, lru_cache_filling, lru_cache_filling_slowly, deque_filling_slowly, deque_full, cachetools_filling_slowly,
    cachetools_ttl, warm_up, interning, regex_cache, sawtooth, connection_pool, thread_pool, imports,
    dict_grows_then_stable, random_keys_of_a_set, churn, json_round_trip, exceptions, files_closed, tasks_that_end,
    weak_values, last_fifty, own_lru, threads_joined, database, log_lines, time_formats, generators, periodic_flush,
    large_and_gone, collector_tuned,
)  # fmt: skip
