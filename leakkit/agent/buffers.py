"""Memory that an object owns outside of itself, by address: what an allocation tracer saw being allocated for it.

The same as the native walk's ``buffers.c``, for the Python walk; only written when a window was open.  Every offset
is tried on an object of our own first: a build with another layout gets no buffers, and no wrong ones.
"""

import sys

A = globals()["A"]

CHUNK, LEAST = 4096, 65536
DEQUE_ITEMS, MOST_BLOCKS = 64, 1 << 16
LIST, DICT, UNICODE = A.types_seen.LIST, A.types_seen.DICT, A.types_seen.UNICODE
STR_COMPACT, STR_UTF8 = (56, 48) if sys.version_info >= (3, 12) else (72, 56)
MANAGED_DICT = 1 << 4
OWNS_DATA = 4
word, words = A.peek.word, A.peek.words


def of_list(at):
    """Items of a list or an array."""
    return (word(at + 24),)


def of_dict(at):
    """Key table, unless it is shared with others of a class, and values."""
    keys, values = words(at + 32, 2) or (0, 0)
    return (keys if keys and word(keys) == 1 else 0, values)


def of_set(at):
    """The table, unless it is the small one inside."""
    table = word(at + 40)
    return (table if table != at + 64 else 0,)


def of_bytearray(at):
    """The bytes."""
    return (word(at + 32),)


def of_deque(at):
    """All blocks."""
    block, last = words(at + 24, 2) or (0, 0)
    found = []
    while block and len(found) < MOST_BLOCKS:
        found.append(block)
        block = word(block + 8 + 8 * DEQUE_ITEMS) if block != last else 0
    return found


def of_str(at):
    """Characters that are not behind the head, and the UTF-8 form."""
    state = word(at + 32)
    compact, ascii_only = state >> 5 & 1, state >> 6 & 1
    if compact and ascii_only:
        return ()
    return (0 if compact else word(at + STR_COMPACT), word(at + STR_UTF8))


def of_ndarray(at):
    """The data, if they are its own, and the shape."""
    return (word(at + 16) if word(at + 64) & OWNS_DATA else 0, word(at + 32))


def of_bytes_io(at):
    """The bytes object; where that is a node of the graph, too, it counts as itself."""
    return (word(at + 16),)


def of_values(at):
    """Attributes of an instance on 3.11 and 3.12, where they lie in a block of their own."""
    if sys.version_info < (3, 12):
        return (word(at - 32),)
    values = word(at - 24)
    return (values + 1 if values & 1 else 0,)


def fits():
    """Whether this build has the layout that the offsets are of."""
    one = object()
    items, table, data, chain = [one], dict.fromkeys("ab"), bytearray(b"leakkit"), A.kinds.deque([one])
    many = set(range(20))
    return (
        sys.maxsize > 1 << 32
        and word(of_list(id(items))[0]) == id(one)
        and word(of_dict(id(table))[0]) == 1
        and A.peek.block(of_bytearray(id(data))[0], 7) == b"leakkit"
        and id(one) in words(of_deque(id(chain))[0], DEQUE_ITEMS + 2)
        and of_set(id(many))[0] > LEAST
        and of_set(id({one}))[0] == 0
    )


def handler(seen):
    """The function that gives the buffers of objects of that type, or None."""
    if seen.flags & LIST:
        return of_list
    if seen.flags & DICT:
        return of_dict
    if seen.flags & UNICODE:
        return of_str
    if seen.is_a(set) or seen.is_a(frozenset):
        return of_set
    if seen.is_a(bytearray):
        return of_bytearray
    if seen.is_a(A.kinds.deque):
        return of_deque
    if A.kinds.ndarray is not None and seen.is_a(A.kinds.ndarray):
        return of_ndarray
    if seen.module == "_io" and seen.name == "BytesIO":
        return of_bytes_io
    if seen.module == "array" and seen.name == "array":
        return of_list
    if seen.flags & MANAGED_DICT and (3, 11) <= sys.version_info < (3, 13):
        return of_values
    return None


def write(nodes, kinds, seen):
    """Write pairs of owner and buffer; leaves out the rest when time runs out."""
    if not fits():
        A.warnings.append("buffers of objects are not known: this build of Python has another layout")
        return
    rows = A.dump_file.Columns("buffer_", (("node", "Q"), ("at", "Q")))
    handlers = {number: handler(facts) for number, facts in seen.by_id.items()}
    for position in range(0, len(nodes), CHUNK):
        A.clock.check()
        if A.clock.spent():
            A.warnings.append("buffers of objects are incomplete: the time limit came near")
            break
        for number, item in zip(kinds[position : position + CHUNK], nodes[position : position + CHUNK]):
            find = handlers[number]
            if find is not None:
                at = id(item)
                for buffer in find(at):
                    if buffer > LEAST:
                        rows.add(at, buffer)
        rows.write()
