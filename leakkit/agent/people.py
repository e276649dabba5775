"""Who is at work in the target: threads with their running frames, tasks, modules.

And facts of the process.
"""

import sys

A = globals()["A"]

tasks = []
running = []
thread_rows = []
local_dicts = []


def before_walk():
    """Read the variables of all running frames, before anything else holds them.

    Up to 3.12 ``f_locals`` makes a dict that the frame keeps: those dicts are remembered, so that what they
    add to reference counts can be taken off again.
    """
    stacks = A.state.get("stacks")
    active = A.state.get("active") or {}
    for ident, top in (A.state.get("frames") or {}).items():
        stack = list(stacks[ident]) if stacks else chain(top)
        thread_rows.append((ident, active.get(ident), stack))
        for frame in stack:
            A.suspended.known_frames.add(id(frame))
            names, values = [], []
            if frame.f_code.co_flags & 1:
                space = frame.f_locals
                if type(space) is dict:
                    local_dicts.append(space)
                for name, value in dict.items(space) if type(space) is dict else space.items():
                    names.append(name)
                    values.append(value)
            running.append((len(thread_rows) - 1, frame, names, values))


def chain(frame):
    """A running frame and its callers, innermost first."""
    found = []
    while frame is not None and len(found) < A.START["HOLD"]["STACK_LIMIT"]:
        found.append(frame)
        frame = frame.f_back
    return found


def seeds():
    """Objects that the graph's own references may not reach.

    Locals, exceptions, thread states, signal handlers.
    """
    found = []
    for _, _, _, values in running:
        found.extend(values)
    found.extend(A.state.get("held") or ())
    found.extend(item for _, item in A.roots.interpreter_objects())
    return found


def is_task_type(seen):
    """Whether instances are asyncio tasks."""
    kinds = A.kinds
    return any(seen.is_a(kind) for kind in (kinds.futures[-1:] + ((kinds.py_task,) if kinds.py_task else ())))


def note_task(item):
    """Remember a task for ``facts``."""
    tasks.append(item)


def task_fields(item):
    """(name, coroutine, state) of a task in C or in Python; parts are None when they cannot be read."""
    for kind in A.kinds.futures[-1:]:
        if A.types_seen.is_subtype(type(item), kind):
            space, base = kind.__dict__, A.kinds.futures[0].__dict__
            state = (space.get("_state") or base["_state"]).__get__(item)
            failed = (space.get("_exception") or base["_exception"]).__get__(item) is not None
            return space["get_name"](item), space["_coro"].__get__(item), state, failed
    for kind in A.types_seen.GET_MRO(type(item)):
        getter = A.types_seen.GET_DICT(kind).get("__dict__")
        if type(getter) is A.types_seen.GETSET:
            space = getter.__get__(item)
            if type(space) is dict:
                return (
                    space.get("_name"),
                    space.get("_coro"),
                    space.get("_state", "PENDING"),
                    space.get("_exception") is not None,
                )
    return None, None, None, False


def task_rows():
    """All tasks as records, and TASK roots for those that are not done."""
    rows, states = [], {"PENDING": "pending", "CANCELLED": "cancelled", "FINISHED": "done"}
    for item in tasks:
        name, coroutine, state, failed = task_fields(item)
        row = {
            "name": name if type(name) is str else "",
            "node": id(item),
            "coroutine": 0,
            "function": "",
            "file": "",
            "line": 0,
        }
        row["state"] = "failed" if failed else states.get(state if type(state) is str else "", "pending")
        if coroutine is not None:
            row["coroutine"] = id(coroutine)
            fields = A.suspended.FIELDS.get(id(type(coroutine)))
            if fields is not None:
                code, frame, label = (
                    fields["code"](coroutine),
                    fields["frame"](coroutine),
                    fields["name"](coroutine),
                )
                row.update(
                    function=label if type(label) is str else "",
                    file=code.co_filename,
                    line=code.co_firstlineno,
                )
                if frame is not None:
                    row["line"] = frame.f_lineno or row["line"]
        rows.append(row)
        if row["state"] == "pending":
            A.roots.roots.add(id(item), A.roots.TASK, A.strings(row["name"]), -1)
    return rows


def thread_records():
    """All threads but the agent's: name, ids, daemon, stack."""
    rows, get_dict = [], None
    for ident, thread, stack in thread_rows:
        row = {"name": "", "ident": ident, "native_id": None, "daemon": None}
        if thread is not None:
            for kind in A.types_seen.GET_MRO(type(thread)):
                get_dict = A.types_seen.GET_DICT(kind).get("__dict__")
                if type(get_dict) is A.types_seen.GETSET:
                    space = get_dict.__get__(thread)
                    name, native, daemon = space.get("_name"), space.get("_native_id"), space.get("_daemonic")
                    row["name"] = name if type(name) is str else ""
                    row["native_id"] = native if type(native) is int else None
                    row["daemon"] = daemon if type(daemon) is bool else None
                    break
        row["stack"] = [[A.suspended.qualified(f.f_code), f.f_code.co_filename, f.f_lineno or 0] for f in stack[:200]]
        rows.append(row)
    return rows


def module_rows():
    """Entries of ``sys.modules`` that are modules of the target."""
    rows = []
    for name, item in list(sys.modules.items()):
        if type(name) is not str or item is None or name in A.added_modules:
            continue
        file = None
        if A.types_seen.is_subtype(type(item), type(sys)):
            space = A.extras.MODULE_DICT(item)
            file = space.get("__file__") if type(space) is dict else None
        rows.append({"name": name, "node": id(item), "file": file if type(file) is str else None})
    return rows


def facts():
    """All records of this file; called after the naming pass."""
    A.suspended.write_dead()
    return {
        "threads": thread_records(),
        "tasks": task_rows(),
        "modules": module_rows(),
        "process": A.process.process_facts(),
    }
