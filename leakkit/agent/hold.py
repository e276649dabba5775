"""Keeps alive in the copy what ``fork``'s child clears: other threads' states, frames, thread objects.

The child of ``os.fork`` calls ``PyThreadState_Clear`` on every other thread: thread-locals are dropped and
their finalizers run.  So before the fork each other thread state's dict and context get one more reference,
through ``ctypes``.  Whether that is needed is read from memory first, so that most targets need no
``ctypes`` loaded.

Runs in the target, in a dict of its own.
"""

import _operator
import _thread
import _weakref
import gc
import itertools
import posix
import sys

STACK_LIMIT = 2000
"""Running frames kept of one thread."""
STATE_WORDS = 46
"""Words of a thread state that are looked at: the last one of interest is at byte 336, on 3.15."""


def plain_dict(module, name):
    """A dict of a loaded module's namespace, or None; never through an attribute access of the module."""
    found = sys.modules.get(module)
    space = getattr(found, "__dict__", None) if type(found) is type(sys) else None
    value = space.get(name) if type(space) is dict else None
    return value if type(value) is dict else None


def hold_threads(state):
    """Take references to other threads' frames, handled exceptions and thread objects."""
    frames = sys._current_frames()
    frames.pop(_thread.get_ident(), None)
    state["frames"] = frames
    if sys.version_info >= (3, 14):
        # On 3.15 the chain ends in the thread state, which the child frees: walk it here.
        stacks = {}
        for ident, frame in frames.items():
            stack = []
            while frame is not None and len(stack) < STACK_LIMIT:
                stack.append(frame)
                frame = frame.f_back
            stacks[ident] = stack
        state["stacks"] = stacks
    if sys.version_info >= (3, 10):
        state["exceptions"] = sys._current_exceptions()
        state["exceptions"].pop(_thread.get_ident(), None)
    active = plain_dict("threading", "_active")
    if active is not None:
        state["active"] = dict(active)
        state["main_thread"] = sys.modules["threading"].__dict__.get("_main_thread")


def make_reader():
    """(function, descriptor): the function gives words at an address, [] at a bad one.

    (None, None) without /proc.
    """
    try:
        fd = posix.open("/proc/self/mem", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None, None

    def read(address, count):
        try:
            data = posix.pread(fd, 8 * count, address) if 0 < address < 1 << 62 else b""
        except OSError:
            return []
        return list(memoryview(data).cast("Q")) if len(data) == 8 * count else []

    return read, fd


def prepare(warnings, disclosures):
    """Whether other thread states must be held, and where in one its references are.

    Returns:
        (ctypes, our state's address, offsets), or None when there is nothing to hold.
    """
    if sys.maxsize < 1 << 32 or len(sys._current_frames()) < 2:
        return None
    read, fd = make_reader()
    ctypes = sys.modules.get("ctypes")
    try:
        mine = find_own_state(read, _thread.get_ident()) if read is not None else None
        if mine is not None:
            slots, dummy = find_slots(read, mine, safe=True)
            if not worth_holding(read, mine, slots, dummy):
                return None
        if ctypes is None:
            import ctypes

            disclosures.append("ctypes was imported, to keep thread-locals alive in the copy")
        if mine is None:
            mine = state_by_ctypes(ctypes)
            slots, dummy = find_slots(lambda start, count: words_by_ctypes(ctypes, start, count), mine)
        return ctypes, mine, slots
    except Exception as error:
        warnings.append("thread-locals may be missing in the copy: %s" % type(error).__name__)
        return None
    finally:
        if fd is not None:
            posix.close(fd)


def state_by_ctypes(ctypes):
    """Address of our own thread state."""
    get = ctypes.pythonapi["PyThreadState_Get"]
    get.restype, get.argtypes = ctypes.c_void_p, ()
    return get()


def words_by_ctypes(ctypes, start, count):
    """Words at an address that is known to be good."""
    return [ctypes.c_uint64.from_address(start + 8 * index).value for index in range(count)]


def hold_states(needed):
    """References to what other threads' states refer to at those offsets.

    Each pipeline is one call into C, from the list of threads to the new reference, so that no other thread
    can run and end in between.
    """
    if needed is None:
        return []
    ctypes, mine, slots = needed
    main, head, following = [
        ctypes.pythonapi["Py" + name]
        for name in ("InterpreterState_Main", "InterpreterState_ThreadHead", "ThreadState_Next")
    ]
    main.restype = head.restype = following.restype = ctypes.c_void_p
    main.argtypes, head.argtypes, following.argtypes = (), (ctypes.c_void_p,), (ctypes.c_void_p,)
    interpreters, tools, held = (main(),), itertools, []
    value, add = _operator.attrgetter("value"), _operator.add
    take, other = sys.modules["_ctypes"].PyObj_FromPtr, mine.__ne__
    for slot in slots:
        states = tools.accumulate(tools.chain(map(head, interpreters), tools.repeat(0)), following)
        places = map(add, tools.repeat(slot), filter(other, tools.takewhile(bool, states)))
        held += list(map(take, filter(None, map(value, map(ctypes.c_void_p.from_address, places)))))
    return held


def find_slots(read, mine, safe=False):
    """Where a thread state has its thread-local and context references: what changes when ours gets some.

    A thread that serves several requests has some already; there, if ``read`` is ``safe`` at any address, it is the
    dict that grows.

    Returns:
        (offsets, id of the type of the objects that stand for thread-locals).
    """
    before = read(mine, STATE_WORDS)
    entries = {}
    for index in range(3, len(before)):
        head = read(before[index], 3) if safe and before[index] > 65536 and not before[index] % 8 else []
        if head and head[1] == id(dict):
            entries[index] = head[2]
    local = _thread._local()
    local.x = None
    after = read(mine, STATE_WORDS)
    dummy = 0
    for item in gc.get_referents(local):
        if type(item) is dict and not dummy:
            for key in item:
                target = key() if isinstance(key, _weakref.ReferenceType) else key
                if type(target) is not str:
                    dummy = id(type(target))
    slots = []
    for index in range(3, len(after)):
        new = not before[index]
        if (new or safe) and not after[index] % 8 and after[index] > 65536:
            head = read(after[index], 3) or [0, 0, 0]
            if head[1] == dummy or (head[1] == id(dict) and (new or head[2] > entries.get(index, head[2]))):
                slots.append(8 * index)
    contexts = sys.modules.get("_contextvars")
    if contexts is not None:
        context = contexts.Context()
        inside = context.run(read, mine, STATE_WORDS)
        slots += [8 * index for index in range(3, len(inside)) if inside[index] == id(context)]
    return tuple(slots), dummy


def worth_holding(read, mine, slots, dummy):
    """Whether another thread has thread-locals or context variables; read from memory without touching it."""
    if not slots or not dummy:
        return True
    idents = set(sys._current_frames())
    for direction in (0, 8):
        state = mine
        for _ in range(10000):
            state = (read(state + direction, 1) or [0])[0]
            words = read(state, STATE_WORDS) if state else []
            if not words or idents.isdisjoint(words[12:30]):
                break
            if any(full(read, words[slot // 8], dummy) for slot in slots):
                return True
    return False


def find_own_state(read, ident):
    """The address of our thread state, or None.

    It is found near the thread's control block, where ``pthread`` or the interpreter's own thread-local
    variable keeps it.
    """
    for start in range(ident - 4096, ident + 4096, 512):
        for address in read(start, 64):
            if address > 65536 and not address % 8 and address != ident:
                words = read(address, STATE_WORDS)
                if words and ident in words[12:30] and same_interpreter(read, address, words):
                    return address
    return None


def same_interpreter(read, address, words):
    """Whether it looks like a thread state.

    Its neighbours in the list point back and share its interpreter.
    """
    for place, back in ((0, 1), (1, 0)):
        if words[place]:
            neighbour = read(words[place], 3)
            if not neighbour or neighbour[back] != address or neighbour[2] != words[2]:
                return False
    return words[2] > 65536 and bool(words[0] or words[1])


def full(read, address, dummy):
    """Whether the object of a slot has anything in it that a thread could lose."""
    if not address:
        return False
    head = read(address, 6)
    if not head:
        return True
    if head[1] == dummy:
        return uses_locals(read, head[2])
    if head[1] == id(dict):
        return head[2] > 0 and holds_local(read, head, dummy)
    entries = read(head[3], 5) if head[3] else []
    return bool(entries) and entries[4] > 0


def uses_locals(read, reference):
    """Whether a thread uses thread-locals other than ``threading``'s own; for 3.13 and later.

    The thread's sentinel has a weak reference for each, whose callback has a weak reference to the ``local``.
    """
    space = plain_dict("sys", "modules").get("threading")
    space = getattr(space, "__dict__", None) if type(space) is type(sys) else None
    own = {id(value) for value in (space or {}).values() if type(value) is _thread._local}
    for _ in range(1000):
        if not reference:
            return False
        words = read(reference, 7)
        callback = read(words[3], 4) if words else []
        pair = read(callback[3], 5) if callback else []
        weak = [read(item, 3) for item in pair[3:]] if pair and pair[1] == id(tuple) else []
        if not any(found and found[2] in own for found in weak):
            return True
        reference = words[6]
    return True


def holds_local(read, head, dummy):
    """Whether a dict's table has a thread-local's object (asyncio keeps its running loop there too)."""
    for start in range(0, 2048, 512):
        for address in read(head[4] + start, 64):
            if address > 65536 and not address % 8 and (read(address + 8, 1) or [0])[0] == dummy:
                return True
    return False
