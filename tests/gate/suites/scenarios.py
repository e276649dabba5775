"""Functions for ``leakkit gate module:function``."""

import asyncio
import functools
import os
import re
import sys
import time

KEPT: list = []
CALLS: list = [0]


def healthy():
    print("the function's own output")
    sum(range(100))


def leak():
    KEPT.append(object())


def one_in_ten():
    CALLS[0] += 1
    if CALLS[0] % 10 == 0:
        KEPT.append([None])


async def async_healthy():
    await asyncio.sleep(0)


async def async_leak():
    await asyncio.sleep(0)
    KEPT.append(bytes(50))


class Node:
    def __init__(self):
        self.me = self
        self.payload = bytearray(1000)


def cycles():
    Node()


@functools.lru_cache(maxsize=30_000)
def remembered(key):
    return f"value {key}"


def bounded_cache():
    CALLS[0] += 1
    remembered(CALLS[0])


def bounded_cache_and_leak():
    bounded_cache()
    KEPT.append(bytes(100))


def raises_later():
    CALLS[0] += 1
    if CALLS[0] > 15:
        raise RuntimeError("no more")


def ends_the_process():
    os._exit(9)


def needs_an_argument(value):
    return value


def slow():
    time.sleep(0.2)


def tells_its_process_and_waits():
    print(f"process {os.getpid()}", file=sys.stderr, flush=True)
    time.sleep(60)


class Jobs:
    @staticmethod
    def run():
        sys.intern("job")


def patterns():
    """Fills the cache of ``re``, which keeps 512 patterns and declares that nowhere."""
    CALLS[0] += 1
    re.compile(f"(a|b){{{CALLS[0] % 700}}}")
