"""Borrowed stack references of suspended frames on 3.14 and later.

``LOAD_FAST_BORROW`` leaves references on a suspended frame's stack that are not counted; the collector's
own visitor skips them, ``gc.get_referents`` does not.  Where a frame's stack lies inside a generator is
learned from generators of our own; where that fails each target is counted once per frame (which never
invents garbage).
"""

import sys

A = globals()["A"]

KINDS = A.kinds.suspendable_ids
TAG_BORROWED = 1


def probe_three(a, b):
    """Three local variables, nothing on the stack when suspended."""
    c = a
    yield
    return c


def probe_five(a, b):
    """Five local variables."""
    c = d = a
    e = b
    yield
    return c, d, e


def learn(make, count):
    """(offset of the first local.

    Offset of the stack pointer) in a generator of ``count`` locals, or None.
    """
    first, second = object(), object()
    suspended = make(first, second)
    next(suspended)
    found = A.peek.words(id(suspended), type(suspended).__basicsize__ // 8 + count)
    bare = [word & ~3 for word in found]
    for place in range(len(bare) - 2):
        if bare[place] == id(first) and bare[place + 1] == id(second) and bare[place + 2] == id(first):
            end = id(suspended) + 8 * (place + count)
            pointers = [8 * slot for slot in range(place) if found[slot] == end]
            return (8 * place, pointers[0]) if len(pointers) == 1 else None
    return None


PLACES = None
if sys.version_info >= (3, 14):
    PLACES = learn(probe_three, 3)
    if PLACES != learn(probe_five, 5):
        PLACES = None


def without(item, referents):
    """The references of a suspended generator or coroutine without the borrowed ones."""
    if PLACES is not None:
        start = id(item) + PLACES[0]
        end = A.peek.word(id(item) + PLACES[1])
        count = (end - start) // 8
        if 0 <= count < 100000:
            borrowed = [word & ~3 for word in A.peek.words(start, count) if word & 3 == TAG_BORROWED]
            if not borrowed:
                return referents
            return drop(referents, borrowed)
    return list({id(target): target for target in referents}.values())


def drop(referents, borrowed):
    """``referents`` without one occurrence of each address in ``borrowed``, the last first.

    The stack follows the locals.
    """
    left = list(referents)
    for address in borrowed:
        for index in range(len(left) - 1, -1, -1):
            if id(left[index]) == address:
                del left[index]
                break
    return left
