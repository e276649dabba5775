"""Runs in the frozen copy: orders the steps, bounds them in time and memory, and writes the dump.

Nothing here may call ``str``, ``repr``, ``==`` or ``hash`` on the target's objects or read their attributes
in a way that can run Python code.  The names ``D``, ``START`` (the dict of ``start.py``) and ``STATE`` are
given.
"""

import _signal
import gc
import posix
import sys
import time

D = globals()["D"]
START = globals()["START"]
STATE = globals()["STATE"]
SENTINEL = globals()["SENTINEL"]

FIRST = ("stdlib.py", "memory.py")
THEN = (
    "process.py",
    "peek.py",
    "types_seen.py",
    "kinds.py",
    "interpreter.py",
    "dump_file.py",
    "borrowed.py",
    "extras.py",
    "walk.py",
    "shapes.py",
    "suspended.py",
    "instances.py",
    "names.py",
    "people.py",
    "roots.py",
)


class Shared:
    """What the files of the agent share; each is a module object that has this one as its ``A``."""


A = Shared()


class Stopped(Exception):
    """A limit was reached; ``kind`` is ``time`` or ``memory``."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Clock:
    """Watches the copy's time and the machine's memory."""

    def __init__(self, seconds):
        self.started = time.monotonic()
        self.until = self.started + seconds
        self.next_look = self.started

    def check(self):
        """Raise ``Stopped`` when a limit is reached; cheap, called between chunks."""
        now = time.monotonic()
        if now > self.until:
            raise Stopped("time", "the copy was not walked within its time limit")
        if now > self.next_look:
            self.next_look = now + 0.25
            left = START["memory_left"]()
            if left is not None and left < (24 << 20):
                raise Stopped("memory", "the machine ran short of memory while the copy was walked")

    def spent(self):
        """Whether the optional steps must be left out: four fifths of the time have passed."""
        return time.monotonic() > self.started + (self.until - self.started) * 0.8


def load(name):
    """Compile and run one of the agent's files as a module of its own."""
    module = type(sys)("leakkit_agent_" + name[:-3])
    module.A = A
    path = D + "/" + name
    exec(compile(START["read_file"](path), path, "exec"), module.__dict__)
    setattr(A, name[:-3], module)


def guard(seconds):
    """Make sure the copy ends: first victim of the out-of-memory killer, and SIGALRM kills it.

    No handler of the target can run: everything else stays blocked.
    """
    try:
        fd = posix.open("/proc/self/oom_score_adj", posix.O_WRONLY | posix.O_CLOEXEC)
        posix.write(fd, b"1000")
        posix.close(fd)
    except OSError:
        pass
    A.alarm_handler = _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
    _signal.alarm(int(seconds) + 5)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGALRM})


def undo_fork():
    """Put back what ``threading._after_fork`` changed, so that the copy shows the target's threads."""
    threading = sys.modules.get("threading")
    active = STATE.get("active")
    if active is None or type(threading) is not type(sys):
        return
    space = type(sys).__dict__["__dict__"].__get__(threading)
    if type(space.get("_active")) is dict:
        space["_active"].clear()
        space["_active"].update(active)
    if STATE.get("main_thread") is not None:
        space["_main_thread"] = STATE["main_thread"]


def own_objects():
    """The agent's objects that are older than the sentinel: what ``start.py`` made in the target, by id."""
    code_type = type(load.__code__)
    walked = set(map(id, (dict, list, tuple, code_type)))
    young = {id(item): item for item in gc.get_objects(generation=0) if type(item) is tuple}
    found, queue = {}, [START, STATE, *stands_in()]
    targets = {id(target) for item in stands_in() for target in gc.get_referents(item)} - set(map(id, stands_in()))
    targets.add(id(START["__builtins__"]))
    while queue:
        item = queue.pop()
        if id(item) in found or id(item) in targets or item == ():
            continue
        found[id(item)] = item
        if type(item) is dict:
            queue.extend(value for value in item.values() if id(type(value)) in walked or is_ours(value))
        elif type(item) is list or type(item) is tuple:
            queue.extend(value for value in item if id(type(value)) in walked)
        elif type(item) is code_type:
            queue.extend((item.co_consts, item.co_names, item.co_varnames, item.co_freevars, item.co_cellvars))
            # The table of its variables has no name in Python.
            words = A.peek.words(id(item), type(item).__basicsize__ // 8)
            queue.extend(young[word] for word in words if word in young)
        elif is_ours(item):
            queue.extend((item.__code__, item.__defaults__ or ()))
    absorb(found)
    return found


def absorb(found):
    """Add what only our own objects refer to, such as the file that ``start.py`` was read from."""
    uncounted = set(map(id, stands_in()))
    probe = list(map(sys.getrefcount, [object()]))[0]
    while True:
        counts, targets = {}, {}
        for item in found.values():
            if id(item) not in uncounted:
                for target in gc.get_referents(item):
                    if id(target) not in found and gc.is_tracked(target):
                        counts[id(target)] = counts.get(id(target), 0) + 1
                        targets[id(target)] = target
        item = target = None
        candidates = list(targets.values())
        targets.clear()
        added = False
        for number, count in zip(map(id, candidates), list(map(sys.getrefcount, candidates))):
            if count - probe <= counts[number]:
                targets[number] = added = True
        if not added:
            return
        found.update((id(item), item) for item in candidates if id(item) in targets)


def stands_in():
    """Our lists whose references stand for those that the thread states had before the fork.

    These do count.  Nothing made here is among them: its address would soon be another object's.
    """
    found = [STATE[name] for name in ("held", "exceptions") if STATE.get(name)]
    return found + [value for value in (STATE.get("exceptions") or {}).values() if type(value) is tuple]


def is_ours(value):
    """Whether it is a function of ``start.py``, ``hold.py`` or ``fork.py``."""
    return type(value) is type(load) and any(value.__globals__ is space for space in (START, START["HOLD"]))


def work():
    """All steps in their order: figures that our own work would distort come first."""
    request = STATE["request"]
    before = set(sys.modules)
    for name in FIRST:
        load(name)
    facts = {"collector": STATE["collector"], "memory": A.memory.figures(D)}
    for name in THEN:
        load(name)
    facts["collector"].update(A.interpreter.collector_facts())
    undo_fork()  # first, or what only it makes referred to again would look like ours
    A.state, A.sentinel, A.own = STATE, SENTINEL, own_objects()
    A.uncounted = set(map(id, stands_in()))
    A.added_modules = set(sys.modules) - before
    A.dump, A.strings = A.dump_file.Dump(D + "/dump.part"), A.dump_file.Strings()
    A.warnings = []
    A.people.before_walk()
    nodes, tids, seen_types = A.walk.walk_heap(A.people.seeds())
    if request.get("window"):
        load("buffers.py")  # before names are asked for: that gives instances their dicts
        A.buffers.write(nodes, tids, seen_types)
    facts["objects"] = len(nodes)
    A.roots.write_roots()
    try:
        A.names.write_names(nodes, tids, seen_types)
    except Stopped as stop:
        A.warnings.append("names are incomplete: " + str(stop))
    facts.update(A.people.facts())
    if request.get("values"):
        A.names.write_values(nodes, tids)
    A.names.finish()
    facts["warnings"] = A.warnings
    A.dump.write_json("facts", facts)
    A.dump.close()
    if request.get("probes"):
        load("second.py")
        A.second.remember(nodes, A.tracked_count, sys.getsizeof, request.get("counts_only"))
    return len(nodes)


def second_opinions(names):
    """Let other tools look at the copy, once nothing of the walk holds its objects any more."""
    second = A.second
    A.__dict__.clear()
    _signal.alarm(int(STATE["request"].get("probe_seconds") or 60) + 5)
    try:
        second.run(names, D)
    except BaseException:
        pass  # the host sees that there is no answer


def main():
    """Walk, write ``dump`` and ``done.json``."""
    gc.disable()
    started = time.monotonic()
    seconds = float(STATE["request"].get("max_seconds") or 60.0)
    A.clock, A.Stopped, A.START = Clock(seconds), Stopped, START
    guard(seconds)
    START["write_file"]("copy.json", {"pid": posix.getpid()})
    record = {"ok": False, "error": None, "seconds": 0.0, "peak_bytes": None, "objects": 0, "complete": False}
    try:
        record["objects"] = work()
        posix.rename(D + "/dump.part", D + "/dump")
        record["ok"] = record["complete"] = True
    except Stopped as stop:
        record["error"] = {"kind": stop.kind, "message": str(stop)}
    except MemoryError:
        record["error"] = {"kind": "memory", "message": "the copy ran out of memory"}
    except BaseException as error:
        record["error"] = {"kind": "internal", "message": where(error)}
    record["seconds"] = time.monotonic() - started
    for line in START["read_file"]("/proc/self/status").decode("ascii", "replace").splitlines():
        if line.startswith("VmHWM:"):
            record["peak_bytes"] = int(line.split()[1]) * 1024
    START["write_file"]("done.json", record)
    names = STATE["request"].get("probes")
    if record["ok"] and names:
        second_opinions(names)


def where(error):
    """An exception of our own code as one line: kind, text, and the innermost line of it."""
    text, trace = "%s: %s" % (type(error).__name__, error), error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        text += " (%s:%d)" % (trace.tb_frame.f_code.co_filename.rpartition("/")[2], trace.tb_lineno)
    return text
