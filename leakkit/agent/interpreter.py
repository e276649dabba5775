"""What only the interpreter's own memory says: the collector's inner counters, and the ``atexit`` callbacks.

The collector's state is found from the list of generation 0, whose head lies in it; every guess is checked
against what ``gc`` says before a number is believed.
"""

import gc
import sys

A = globals()["A"]

STRUCT_WORDS = 60
COUNTERS = {184: (16, 24), 176: (40, 48), 120: (24, 32)}
"""Offset of ``gc.garbage``'s pointer behind the head of generation 0 (3.9 to 3.13; 3.14; 3.15), and where
behind it ``long_lived_total`` and ``long_lived_pending`` are."""
GARBAGE_AT = {(3, 14): 176, (3, 15): 120}
NEAR = 1 << 16
"""So far around the collector's state, inside the interpreter's, the table of callbacks is looked for."""


def head_of_young():
    """The address of the head of generation 0's list, or 0."""
    young = gc.get_objects(generation=0)
    return A.peek.word(id(young[0]) - 8) & ~3 if young else 0


def collector_facts():
    """``collecting``, ``long_lived_total``, ``long_lived_pending``; {} where they cannot be read for sure."""
    head = head_of_young()
    words = A.peek.words(head, STRUCT_WORDS) if head else []
    thresholds = gc.get_threshold()
    if not words or any(words[2 + 3 * i] & 0xFFFFFFFF != thresholds[i] for i in range(2)):
        return {}
    place = GARBAGE_AT.get(sys.version_info[:2], 184 if sys.version_info < (3, 14) else 0)
    if words[place // 8] != id(gc.garbage) or words[place // 8 + 1] != id(gc.callbacks):
        return {}
    total, pending = [words[(place + offset) // 8] for offset in COUNTERS[place]]
    facts = {"collecting": bool(words[place // 8 - 1] & 0xFFFFFFFF)}
    if max(total, pending) < 1 << 40:
        facts.update(long_lived_total=total, long_lived_pending=pending)
    return facts


def exit_callbacks():
    """Functions and arguments registered with ``atexit``; [] where they cannot be found."""
    count = A.process.plain("atexit", "_ncallbacks")
    count = count() if type(count) is A.kinds.builtin else 0
    if not count:
        return []
    if sys.version_info < (3, 10):
        atexit = sys.modules["atexit"]
        return [item for item in gc.get_referents(atexit) if item is not A.extras.MODULE_DICT(atexit)]
    if sys.version_info >= (3, 14):
        return exit_list(count)
    return exit_table(count)


def exit_list(count):
    """3.14 and later keep a list of (function, arguments, keywords) that nothing visible refers to."""
    for generation in (2, 1, 0):
        for item in gc.get_objects(generation=generation):
            if type(item) is list and len(item) == count and all(is_entry(entry) for entry in item):
                return [item]
    return []


def is_entry(entry):
    """Whether it looks like one registration."""
    if type(entry) is not tuple or len(entry) != 3:
        return False
    return type(entry[1]) is tuple and (entry[2] is None or type(entry[2]) is dict)


def exit_table(count):
    """3.10 to 3.13: a C table of pointers to (function, arguments, keywords), with its length and room behind it."""
    if A.peek.FD < 0 or A.peek.CTYPES is None:
        return []
    head = head_of_young()
    for start in range(head - NEAR, head + NEAR, 4096):
        words = A.peek.words(start, 514)
        for index in range(len(words) - 2):
            used, room = words[index + 1] & 0xFFFFFFFF, words[index + 1] >> 32
            if used == count and count <= room <= 4096 + 2 * count:
                rows = A.peek.words(words[index], count)
                if rows and all(is_registration(A.peek.words(row, 3)) for row in rows):
                    return [found for row in rows for found in objects_at(row)]
    return []


def is_registration(words):
    """Whether three words are a function, a tuple and a dict or nothing."""
    if len(words) != 3 or not words[0]:
        return False
    kind = A.peek.word(words[0] + 8)
    is_type = bool(A.peek.word(kind + A.types_seen.FLAGS_AT)) if kind else False
    with_arguments = A.peek.word(words[1] + 8) == id(tuple)
    return is_type and with_arguments and (not words[2] or A.peek.word(words[2] + 8) == id(dict))


def objects_at(row):
    """The objects of one registration."""
    kind = A.peek.CTYPES.py_object
    return [kind.from_address(row + 8 * i).value for i in range(3) if A.peek.word(row + 8 * i)]
