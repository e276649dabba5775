"""Waits inside a running generator below a deep recursion: their variables are held by running frames only."""
import gc
import _truth

gc.disable()


def ring(tag):
    item = [tag]
    item.append(item)
    return item


def generator():
    mine = ring("running generator")
    _truth.serve()
    yield mine


def deep(level):
    held = ring(level)
    dropped = ring("dropped")
    del dropped
    if level:
        return deep(level - 1)
    for found in generator():
        return found
    return held


deep(120)
