"""Runs the native walk: loads the shared object, describes this interpreter to it, and has it make and walk the copy.

The object (``leakkit/native/walk``) holds every layout it leans on against what the interpreter says of itself,
refuses where one differs, and makes a copy that runs no Python.  Runs in the target, in the dict of ``process.py`` with
``START`` (the dict of ``start.py``); makes no class and no cycle, so that all of it is gone when its dict is cleared.
"""

import gc
import posix
import sys
import time

START, plain, process_facts = [globals()[name] for name in ("START", "plain", "process_facts")]
RTLD_NOW = 2
CONFIG_VERSION = 1
FREED_LATER = 120 if sys.version_info < (3, 11) else 75 if sys.version_info < (3, 14) else 95
"""About so many of our objects come off the collector's count after it was put back."""
BUSY, BUSY_TRIES = -16, 200
ENDINGS = {
    3: ("time", "the native walk did not end within its time limit"),
    4: ("memory", "the native walk needed more memory than it may take"),
    5: ("space", "the native walk could not write its dump"),
    6: ("internal", "the native walk found the heap damaged"),
}
FUNCTIONS = ("PyThreadState_Get", "PyInterpreterState_Main", "PyInterpreterState_ThreadHead", "_PyRuntime") + (
    "mallinfo2",
    "mallinfo",
    "malloc_trim",
)
"""Looked up in the process; 0 when it has none of that name."""
TYPES = (type, object, dict, list, tuple, str, bytes, bytearray, int, bool, float, set, frozenset)


def enclosing(x):
    """A closure over ``x``."""

    def sample(y, z=(), *, w=None):
        return x, y, z, w

    return sample


def suspended(local):
    """A generator, whose frame is looked at while it is suspended."""
    yield local


def sample_kinds():
    """A generator, a coroutine and an async generator, to take their types."""

    async def coroutine():
        pass

    async def async_generator():
        yield

    made = coroutine()
    kinds = type(suspended(0)), type(made), type(async_generator())
    made.close()
    return kinds


def traceback_kind():
    """The type of tracebacks."""
    try:
        raise KeyError
    except KeyError as error:
        return type(error.__traceback__)


def kinds():
    """The types that get a treatment of their own, in the order of config.h; None when the target has none."""
    function = type(enclosing)
    numpy = plain("numpy", "ndarray")
    found = list(TYPES)
    found += [function, type(enclosing(0).__get__(1)), type(len), type(enclosing(0).__closure__[0])]
    found += [type(enclosing.__code__), type(sys._getframe()), *sample_kinds(), type(sys), traceback_kind()]
    found += [type(function.__dict__["__closure__"]), type(function.__dict__["__code__"])]
    found += [plain("_weakref", "ReferenceType"), memoryview, BaseException]
    found += [plain("_collections", "deque"), plain("_collections", "OrderedDict")]
    found += [plain("_functools", "_lru_cache_wrapper"), plain("re", "Match"), plain("_thread", "_local")]
    found += [numpy if type(numpy) is type else None, plain("array", "array")]
    found += [plain("_asyncio", "Future"), plain("_asyncio", "Task"), plain("asyncio.tasks", "_PyTask")]
    greenlet = plain("greenlet", "greenlet")
    found += [plain("_contextvars", "ContextVar"), plain("_io", "BytesIO")]
    found += [greenlet if type(greenlet) is type else None]
    return found


def class_dict(kind):
    """The dict of a class (its own, not the proxy)."""
    return gc.get_referents(type.__dict__["__dict__"].__get__(kind))[0]


def samples(sample, generator, local, table, pair, listed, error, frame_code):
    """Objects whose fields the object finds in memory, each with what Python says of it; in the order of config.h."""
    code, spec = sample.__code__, sys.modules["_frozen_importlib"].__dict__["ModuleSpec"]
    names = code.co_varnames + (code.co_freevars if sys.version_info >= (3, 11) else ())
    bound = sample.__get__(1)
    text = "leakkit sample"
    words = [id(sample), id(code), id(sample.__globals__), id(sample.__name__), id(sample.__qualname__)]
    words += [id(sample.__defaults__), id(sample.__kwdefaults__), id(sample.__closure__), id(sample.__dict__)]
    words += [id(sample.__module__), id(code.co_filename), id(code.co_name), id(code.co_consts), code.co_firstlineno]
    words += [code.co_flags, code.co_stacksize, len(names), id(code.co_varnames[0]), id(code.co_freevars[0])]
    words += [id(generator), id(generator.gi_code), id(generator.__name__), id(local)]
    words += [id(table), id(next(iter(table))), id(local), id(spec), id(spec.__qualname__), id(class_dict(spec))]
    words += [id(spec.__mro__), id(pair), id(pair[0]), id(listed), id(listed[0]), id(text), len(text)]
    words += [id(sys._getframe(2)), id(frame_code), id(error.args), id(error), id(class_dict(int))]
    words += [id(sample.__closure__[0]), id(sample.__closure__[0].cell_contents), id(bound), id(sample)]
    return words, (bound, text)


def members():
    """Member descriptors, whose definitions in C tell offsets; in the order of config.h."""
    function, code = type(enclosing), type(enclosing.__code__)
    wanted = [(function, "__closure__"), (function, "__globals__")]
    wanted += [
        (code, name) for name in ("co_consts", "co_name", "co_filename", "co_firstlineno", "co_flags", "co_stacksize")
    ]
    wanted += [(type, "__basicsize__"), (type, "__itemsize__"), (type, "__dictoffset__")]
    wanted += [(type(enclosing(0).__get__(1)), "__func__"), (traceback_kind(), "tb_frame")]
    return [id(kind.__dict__[name]) if name in kind.__dict__ else 0 for kind, name in wanted]


def handlers():
    """Signal handlers, which only C memory holds."""
    import _signal

    found = []
    for number in sorted(_signal.valid_signals()):
        handler = _signal.getsignal(number)
        if handler is not None and type(handler) is not int:
            found += [id(handler), int(number)]
    return found[:512]


def type_rows(known):
    """What the types say of themselves."""
    rows = []
    for kind in known:
        if kind is not None:
            rows += [id(kind), kind.__basicsize__, kind.__itemsize__, kind.__flags__, kind.__dictoffset__]
    return rows


def addresses(low, handle):
    """Addresses of functions and data of the interpreter and the C library."""
    found = []
    for name in FUNCTIONS:
        try:
            found.append(low.dlsym(handle, name))
        except OSError:
            found.append(0)
    return found


def configure(low, handle, fds, seconds, most_bytes, kept, frame_code):
    """The words of config.h."""
    import _thread

    known = kinds()
    where = addresses(low, handle)
    modules, active = sys.modules, plain("threading", "_active")
    only_dict = None
    if sys.version_info[:2] == (3, 12):
        only_dict = modules.get("_asyncio")
    elif sys.version_info < (3, 10):
        only_dict = modules.get("atexit")
    numpy = plain("numpy", "__version__")
    words = [sys.hexversion, fds[0], seconds, most_bytes, START["REQUEST"].get("native_test") or 0]
    words += [_thread.get_ident(), int(bool(START["REQUEST"].get("values"))), int(hasattr(sys, "gettotalrefcount"))]
    words.append(int(bool(START["REQUEST"].get("window"))))
    words += where[:4] + where[4:] + [id(getattr(sys, "_debugmallocstats", None)), fds[1]]
    words.append(32 if type(numpy) is str and numpy[:2] in ("0.", "1.") else 40)
    thresholds = gc.get_threshold()
    words += [id(gc.garbage), id(gc.callbacks), thresholds[0], thresholds[1], id(kept[0])]
    words += [id(None), id(modules) if type(modules) is dict else 0, id(active) if type(active) is dict else 0]
    words.append(id(only_dict) if type(only_dict) is type(sys) else 0)
    words += [0 if kind is None else id(kind) for kind in known]
    found, more = samples(*kept[1:], frame_code)
    roots, rows = handlers(), type_rows(known)
    words += found + members() + [len(roots) // 2, len(rows) // 5]
    words = [CONFIG_VERSION, len(words) + 2, *words, *roots, *rows]
    return b"".join([(word & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little") for word in words]), more


def own_ids(more):
    """Addresses of our own containers; what only they hold is told by its reference count."""
    found = [id(START), id(globals()), id(START["REQUEST"]), id(START["HOLD"])]
    found += [id(item) for item in more]
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == START["__name__"]:
            found += [id(frame.f_globals), id(frame.f_code)]
        frame = frame.f_back
    return found


def open_files():
    """Descriptors of the dump and of the text that the allocator's figures are written to."""
    flags = posix.O_RDWR | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC
    return [posix.open(START["D"] + "/" + name, flags, 0o600) for name in ("dump.part", "mallocstats")]


def attempt(state, warnings, disclosures):
    """Make and walk the copy; returns (kind, message) when that was refused or failed, else None."""
    if sys.maxsize < 1 << 32 or sys.byteorder != "little":
        return "refused", "the native walk knows 64-bit little-endian machines only"
    had_ctypes = "ctypes" in sys.modules
    try:
        import ctypes
    except Exception as error:
        return "refused", "ctypes cannot be imported: %s" % type(error).__name__
    disclosures.append("a shared object, the native walk, was loaded for the time of the copy")
    if not had_ctypes:
        disclosures.append("ctypes was imported, to load the native walk")
    low = sys.modules["_ctypes"]
    try:
        handle = low.dlopen(START["D"] + "/_walk.so", RTLD_NOW)
    except OSError as error:
        return "refused", "the native walk cannot be loaded: %s" % error
    time.sleep(START["BREATH"])
    fds = open_files()
    try:
        return run(low, ctypes.pythonapi, handle, fds, state, warnings, disclosures)
    finally:
        for fd in fds:
            posix.close(fd)
        low.dlclose(handle)


def run(low, api, handle, fds, state, warnings, disclosures):
    """Check, copy, wait; the same answer as ``attempt``."""
    seconds = int(START["REQUEST"].get("native_seconds") or 60)
    most = int(START["REQUEST"].get("memory_left") or (1 << 33)) * 8 // 10
    generator, local = suspended(fds), fds
    next(generator)
    generator.__name__ = generator.__qualname__ = "suspended"
    fresh = []
    kept = (fresh, enclosing(fds), generator, local, {"leakkit": fds}, (fds, low), [fds, low], KeyError(1))
    config, more = configure(low, api._handle, fds, seconds, most, kept, sys._getframe().f_code)
    names = ("check", "copy", "pause", "count")
    check, copy, pause, lower = [api._FuncPtr(low.dlsym(handle, "lk_" + name)) for name in names]
    why = bytes(bytearray(200))
    if check(config, why):
        return "refused", "the native walk does not know this interpreter: " + why.partition(b"\0")[0].decode("ascii")
    own = own_ids((config, why, more, kept, *kept, check, copy, pause, lower, state, warnings, disclosures))
    started = {"disclosures": disclosures, "warnings": warnings, "walker": "native", "pause_seconds": 0.0}
    started["native"] = {"own": own, "process": process_facts(), "collector": state["collector"]}
    own += [id(own), id(started), id(started["native"])]
    began, reap = time.monotonic(), low.dlsym(handle, "lk_reap")
    for _ in range(BUSY_TRIES):
        time.sleep(START["BREATH"])
        child = copy(config)
        if child != BUSY:
            break
        time.sleep(0.01)
    if child <= 0:
        kind = "memory" if child in (-11, -12) else "refused"
        return kind, "the native copy could not be made: %s" % posix.strerror(-child)
    try:
        started.update(copy=child, pause_seconds=pause() / 1e6)
        START["write_file"]("started.json", started)
    finally:
        answer = finish(low, reap, child, began, lower, state["collector"]["counts"][0])
    return answer


def put_back(lower, count):
    """Put the collector's count of new objects back now, so that it can be on while the copy lives.

    Args:
        lower: the function of the object that lowers it.
        count: what it was when the agent came, where no frame of ours knows it.
    """
    frame = sys._getframe()
    while frame is not None:
        if type(frame.f_globals.get("B")) is int and frame.f_globals.get("__name__") == START["__name__"]:
            count = frame.f_globals["B"]
            frame.f_globals["B"] = 1 << 30  # put_back.py has nothing left to do at the end
            break
        frame = frame.f_back
    lower(count + FREED_LATER)


def finish(low, reap, child, began, lower, count):
    """Wait for the copy with the collector as the target had it; tell the host how it ended."""
    try:
        put_back(lower, count)
        if START["GC_WAS_ENABLED"]:
            gc.enable()
    finally:
        status = low.call_function(reap, (child, 0))
        gc.disable()
    if status == 0:
        record = {"ok": True, "error": None, "seconds": time.monotonic() - began, "complete": True}
        try:
            posix.rename(START["D"] + "/dump.part", START["D"] + "/dump")
            START["write_file"]("done.json", record)
        except OSError:
            pass  # the host has given up and removed the folder
        return None
    if status > 0 and status & 127:
        if status & 127 == 14:
            return ENDINGS[3]
        if status & 127 == 9:
            return "killed", "the native copy was killed, by the machine for want of memory or by hand"
        return "crash", "the native copy died of signal %d" % (status & 127)
    return ENDINGS.get(status >> 8, ("internal", "the native copy ended with status %d" % status))
