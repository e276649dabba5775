"""Frames: those of suspended generators and coroutines, and dead ones that tracebacks keep."""

import gc
import sys

A = globals()["A"]

LOCAL, ATTRIBUTE = 7, 1
RUNNING, SUSPENDED, CREATED, FINISHED = range(4)
THREAD, COROUTINE, GENERATOR, ASYNC_GENERATOR, TRACEBACK = range(5)
FRAME_FIELDS = [
    (name, A.kinds.frame.__dict__[name].__get__)
    for name in ("f_globals", "f_builtins", "f_code", "f_trace")
    if name in A.kinds.frame.__dict__
]
if sys.version_info < (3, 11):
    FRAME_FIELDS.append(("f_back", A.kinds.frame.__dict__["f_back"].__get__))

frames = A.dump_file.Columns(
    "frame_",
    (
        ("node", "Q"),
        ("kind", "B"),
        ("state", "B"),
        ("function", "I"),
        ("module", "I"),
        ("file", "I"),
        ("first_line", "I"),
        ("line", "I"),
        ("instruction", "i"),
        ("thread", "i"),
    ),
)
suspended_frames = set()
known_frames = set()
count = 0


def kind_fields(kind, prefix, number, waits_for):
    """How a suspendable type's fields are called."""
    space = kind.__dict__
    return {
        "kind": number,
        "frame": space[prefix + "_frame"].__get__,
        "running": space[prefix + "_running"].__get__,
        "suspended": space[prefix + "_suspended"].__get__ if prefix + "_suspended" in space else None,
        "code": space[prefix + "_code"].__get__,
        "awaits": (space[waits_for].__get__, waits_for),
        "name": space["__qualname__"].__get__,
    }


FIELDS = {
    id(A.kinds.generator): kind_fields(A.kinds.generator, "gi", GENERATOR, "gi_yieldfrom"),
    id(A.kinds.coroutine): kind_fields(A.kinds.coroutine, "cr", COROUTINE, "cr_await"),
    id(A.kinds.async_generator): kind_fields(A.kinds.async_generator, "ag", ASYNC_GENERATOR, "ag_await"),
}


def add_row(node, kind, state, name, frame, thread):
    """One row of the frames' table; returns its number."""
    global count
    code = frame.f_code
    space = frame.f_globals
    module = space.get("__name__") if type(space) is dict else None
    frames.add(
        node,
        kind,
        state,
        A.strings(name),
        A.strings(module) if type(module) is str else 0,
        A.strings(code.co_filename),
        code.co_firstlineno,
        max(frame.f_lineno or 0, 0),
        frame.f_lasti,
        thread,
    )
    count += 1
    return count - 1


def qualified(code):
    """The qualified name of a code object, or its plain name before 3.11."""
    return code.co_qualname if sys.version_info >= (3, 11) else code.co_name


def locals_of(frame):
    """Pairs of (name, value) of a frame's variables; [] for module and class bodies."""
    if not frame.f_code.co_flags & 1:
        return []
    found = frame.f_locals
    pairs = dict.items(found) if type(found) is dict else found.items()
    return [(name, value) for name, value in pairs if type(name) is str]


def name_locals(referents, variables, code):
    """Pairs of (id, code) for the values of variables, and for the cells that hold them."""
    named = [(id(value), LOCAL | A.strings(name) << 8) for name, value in variables]
    shared = set(code.co_cellvars) | set(code.co_freevars)
    if shared:
        by_value = {id(value): name for name, value in variables if name in shared}
        for target in referents:
            if type(target) is A.kinds.cell:
                try:
                    name = by_value.get(id(target.cell_contents))
                except ValueError:
                    continue
                if name is not None:
                    named.append((id(target), LOCAL | A.strings(name) << 8))
    return named


def of_suspended(item):
    """A generator, coroutine or async generator: its row and the names of its locals."""
    fields = FIELDS[id(type(item))]
    referents = gc.get_referents(item)
    if sys.version_info >= (3, 14):
        referents = A.borrowed.without(item, referents)
    frame = fields["frame"](item)
    named = []
    if frame is not None:
        suspended_frames.add(id(frame))
        # An async generator counts as running from its first await to its next yield: a thread must be in it, too.
        if fields["running"](item) and (fields["kind"] != ASYNC_GENERATOR or id(frame) in known_frames):
            state = RUNNING
        elif fields["suspended"] is not None and fields["kind"] != ASYNC_GENERATOR:
            state = SUSPENDED if fields["suspended"](item) else CREATED
        else:
            state = SUSPENDED if has_begun(frame) else CREATED
        name = fields["name"](item)
        add_row(id(item), fields["kind"], state, name if type(name) is str else "?", frame, -1)
        named = name_locals(referents, locals_of(frame), frame.f_code)
        named.append((id(frame), ATTRIBUTE | A.strings("frame") << 8))
        named.append((id(frame.f_code), ATTRIBUTE | A.strings("code") << 8))
        get, waits_for = fields["awaits"]
        target = get(item)
        if target is not None:
            named.append((id(target), ATTRIBUTE | A.strings(waits_for) << 8))
    A.labels.give(item, A.shapes.match(item, referents, named, 0), 0)


def has_begun(frame):
    """Whether a frame has run any of its own instructions."""
    if sys.version_info < (3, 11):
        return frame.f_lasti >= 0
    return (frame.f_lineno or 0) > frame.f_code.co_firstlineno


def of_frame(item):
    """A frame object: names of its locals, and a row when it is dead and only kept."""
    referents = gc.get_referents(item)
    # A dict of locals that only our own asking made is not among the references that were written.
    ours = [target for target in referents if type(target) is dict and id(target) not in A.known_ids]
    referents = [target for target in referents if not any(target is mine for mine in ours)]
    variables = locals_of(item)
    named = [(id(get(item)), ATTRIBUTE | A.strings(name) << 8) for name, get in FRAME_FIELDS]
    named += name_locals(referents, variables, item.f_code)
    A.labels.give(item, A.shapes.match(item, referents, named, 0), 0)
    if id(item) not in known_frames and id(item) not in suspended_frames:
        dead.append(item)


dead = []


def write_dead():
    """Rows of frames that belong to no thread and no generator."""
    for item in dead:
        if id(item) not in suspended_frames:
            add_row(id(item), TRACEBACK, FINISHED, qualified(item.f_code), item, -1)
