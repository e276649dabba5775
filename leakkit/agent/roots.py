"""Roots that have a name: modules, running frames' variables, what the interpreter keeps."""

import _signal
import sys

A = globals()["A"]

MODULE, THREAD, TASK, INTERPRETER = range(4)
roots = A.dump_file.Columns("root_", (("node", "Q"), ("kind", "B"), ("name", "I"), ("frame", "i")))


known = []


def interpreter_objects():
    """Pairs of (what for, object) that the interpreter or a thread state keeps."""
    if not known:
        known.extend(find_objects())
    return known


def find_objects():
    """The same, looked for.

    Lists, not tuples: the collector of 3.14 does not list a tuple of objects that it does not track, and what ours
    add to reference counts is found by its lists.
    """
    found = [["atexit", item] for item in A.interpreter.exit_callbacks()]
    for number in sorted(_signal.valid_signals()):
        handler = A.alarm_handler if number == _signal.SIGALRM else _signal.getsignal(number)
        if handler is not None and type(handler) is not int:
            found.append(["signal handler %d" % int(number), handler])
    for value in A.state.get("held") or ():
        found.append(["thread state", value])
    for ident, value in (A.state.get("exceptions") or {}).items():
        for part in value if type(value) is tuple else (value,):
            if part is not None and not A.types_seen.is_type(part):
                found.append(["exception being handled", part])
    return found


def write_roots():
    """Rows of MODULE, THREAD and INTERPRETER roots, and of running frames; TASK roots come with the tasks."""
    for name, item in list(sys.modules.items()):
        if type(name) is str and item is not None and name not in A.added_modules:
            roots.add(id(item), MODULE, A.strings(name), -1)
    for thread, frame, names, values in A.people.running:
        known = id(frame) if sys.version_info < (3, 11) else 0
        row = A.suspended.add_row(
            known, A.suspended.THREAD, A.suspended.RUNNING, A.suspended.qualified(frame.f_code), frame, thread
        )
        for name, value in zip(names, values):
            roots.add(id(value), THREAD, A.strings(name) if type(name) is str else 0, row)
    for name, item in interpreter_objects():
        roots.add(id(item), INTERPRETER, A.strings(name), -1)
