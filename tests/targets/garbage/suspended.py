"""Suspended generators, coroutines and asynchronous generators that hold themselves, and live ones."""
import _truth
import types


def counting(box):
    mine = ["generator", box]
    for number in range(100):
        yield number, mine


def delegating(box):
    inner = counting(box)
    yield from inner


@types.coroutine
def pause():
    yield


async def waiting(box):
    mine = {"coroutine": box}
    try:
        await pause()
    finally:
        del mine


async def outer(box):
    local = [box]
    await waiting(local)


async def asynchronous(box):
    mine = ("async", box)
    while True:
        yield mine


def start(make):
    box = []
    running = make(box)
    box.append(running)
    if hasattr(running, "__next__"):
        next(running)
    elif hasattr(running, "asend"):
        try:
            step = running.asend(None)
            step.send(None)
        except StopIteration:
            pass
        box.append(step)
    else:
        running.send(None)
    return box


import gc

gc.disable()
for _ in range(20):
    for make in (counting, delegating, waiting, outer, asynchronous):
        start(make)
KEPT = [start(make) for make in (counting, delegating, waiting, outer, asynchronous)]
FRESH = counting([])
for _ in range(5):
    box = []
    box.append(counting(box))
del box
_truth.serve()
