"""Tracks allocations in a target for a window of time, with memray's public Tracker.

Takes the place of ``start.py`` in a handover folder ``D``: claims the token, starts one thread and leaves.  The
thread makes memray importable, tracks into ``D/allocations.bin``, and ends at the deadline, when the file is large
enough, when ``D/stop`` appears, or when ``D`` is gone because leakkit is.  ``open.json`` says that tracking is on;
``closed.json`` that nothing of it is left, or why it never began.  Memray that leakkit lends is imported from
``D/lent``: the folder is on ``sys.path`` for the import only, and its modules are in ``sys.modules`` while the window
is open only.  They are kept for the next window in one hidden module, for a C extension cannot be loaded twice.

Runs in somebody else's process: Python 3.9 and later.
"""

import _imp
import _signal
import _thread
import posix
import sys
import time

D, TOKEN = globals()["D"], globals()["TOKEN"]
POLL, LOOK = 0.01, 0.5
HIDDEN = "_leakkit_lent"
"""Name in ``sys.modules`` of what holds lent modules between windows."""


def read_text(path):
    """A small text file, or "" when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def say(name, **facts):
    """Write a small JSON file, aside first."""
    import json

    with open(D + "/" + name + ".part", "w", encoding="utf-8") as file:
        json.dump(facts, file)
    posix.rename(D + "/" + name + ".part", D + "/" + name)


def exists(name):
    try:
        posix.stat(D + "/" + name if name else D)
        return True
    except OSError:
        return False


def own_version():
    """Version of the memray that the target would import by itself, or None."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("memray")
    if spec is None or not spec.submodule_search_locations:
        return None
    text = read_text(list(spec.submodule_search_locations)[0] + "/_version.py")
    return text.partition("=")[2].strip().strip("\"'") or "unknown"


def why_not(ask):
    """Why memray cannot be used here, or None; and whether it is lent."""
    if "threading" not in sys.modules:
        return "the target has not imported threading, which only its main thread should", False
    if HIDDEN in sys.modules:
        return None, True
    loaded = sys.modules.get("memray")
    found = getattr(loaded, "__version__", "unknown") if loaded is not None else own_version()
    if found == ask["version"]:
        return None, False
    if loaded is not None:
        return "the target runs memray %s, and leakkit reads %s" % (found, ask["version"]), False
    if ask["suffix"] in _imp.extension_suffixes() and exists("lent"):
        return None, True
    have = "has no memray" if found is None else "has memray %s" % found
    tag = (_imp.extension_suffixes() or ["?"])[0].split(".")[1]
    need = "leakkit's memray %s is built for %s, not %s" % (ask["version"], ask["suffix"].split(".")[1], tag)
    return "the target %s, and %s" % (have, need), False


def is_lent(module):
    file = getattr(module, "__file__", None)
    return type(file) is str and "/leakkit-" in file and "/lent/" in file


def borrow():
    """memray, imported from the lent folder or taken from where an earlier window left it."""
    hidden = sys.modules.get(HIDDEN)
    if hidden is not None:
        for name, module in hidden.modules.items():
            sys.modules.setdefault(name, module)
        return hidden.modules["memray"]
    folder = D + "/lent"
    sys.path.insert(0, folder)
    try:
        import memray
        import memray.reporters.module_tools
    finally:
        sys.path.remove(folder)
        sys.path_importer_cache.pop(folder, None)
    return memray


def give_back():
    """Take the lent modules out of ``sys.modules`` and keep them aside."""
    hidden = sys.modules.get(HIDDEN)
    if hidden is None:
        hidden = sys.modules[HIDDEN] = type(sys)(HIDDEN)
        hidden.modules = {name: module for name, module in list(sys.modules.items()) if is_lent(module)}
    for name, module in hidden.modules.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]


def pipes():
    """Descriptors of each pipe that is open here."""
    found = {}
    for name in posix.listdir("/proc/self/fd"):
        try:
            link = posix.readlink("/proc/self/fd/" + name)
        except OSError:
            continue
        if link.startswith("pipe:"):
            found.setdefault(link, []).append(int(name))
    return found


def close_pipe(before):
    """Close the pipe that memray's libunwind opened; it opens another one when it finds none (``Ginit.c``).

    Its numbers lie in a static of that library, which nothing uses between two windows.  They are overwritten first,
    or it would take what the target opens next for its own.

    Args:
        before: the pipes that were there before the window.
    """
    new = [ends for pipe, ends in pipes().items() if pipe not in before and len(ends) == 2]
    with open("/proc/self/maps") as file:
        fields = [line.split(None, 5) for line in file if "/memray.libs/libunwind" in line]
    memory = posix.open("/proc/self/mem", posix.O_RDWR | posix.O_CLOEXEC)
    try:
        for span, access, *_ in fields:
            first, end = (int(part, 16) for part in span.split("-"))
            data = posix.pread(memory, end - first, first) if access.startswith("rw") else b""
            for ends in new:
                for pair in (ends, ends[::-1]):
                    numbers = b"".join(number.to_bytes(4, sys.byteorder) for number in pair)
                    if data.count(numbers) == 1:
                        posix.pwrite(memory, b"\xff" * 8, first + data.index(numbers))
                        posix.close(pair[0])
                        posix.close(pair[1])
    finally:
        posix.close(memory)


def lifetimes(ask):
    """Whether memray follows objects, also those that take a place which was allocated before the window.

    Not with C stacks: one for each object takes twenty times the time.
    """
    return not ask["native"] and sys.version_info >= (3, 13, 3) and getattr(sys, "_is_gil_enabled", lambda: True)()


def options(memray, ask):
    """Arguments of the Tracker."""
    found = {"native_traces": bool(ask["native"]), "trace_python_allocators": True, "memory_interval_ms": 1000}
    if lifetimes(ask):
        found["track_object_lifetimes"] = True
    path = D + "/allocations.bin"
    found["destination"] = memray.FileDestination(path, overwrite=True, compress_on_exit=False)
    return found


def room(ask):
    """Bytes the file may take: what leakkit allows, and no more than half of what the disk has left."""
    facts = posix.statvfs(D)
    return min(ask["most_bytes"], facts.f_bavail * facts.f_frsize // 2)


def orphaned():
    """Whether leakkit, which holds a lock on a file of the folder as long as it lives, has gone."""
    try:
        import fcntl

        fd = posix.open(D + "/host.lock", posix.O_RDONLY | posix.O_CLOEXEC)
    except (ImportError, OSError):
        return False  # the deadline ends it then
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        posix.close(fd)


def watch(ask, most):
    """Wait for the end of the window; why it ended."""
    until = time.monotonic() + ask["seconds"]
    next_look = time.monotonic() + LOOK
    while True:
        if time.monotonic() > next_look:
            if orphaned():
                return "gone"
            next_look = time.monotonic() + LOOK
        if exists("stop"):
            return "asked"
        if not exists(""):
            return "gone"
        if time.monotonic() >= until:
            return "time"
        try:
            if posix.stat(D + "/allocations.bin").st_size > most:
                return "size"
        except OSError:
            return "gone"
        time.sleep(POLL)


def track(ask):
    """The window from import to the last trace taken back; what to tell the host."""
    reason, lent = why_not(ask)
    if reason is not None:
        return {"ok": False, "reason": reason}
    before = pipes()
    if lent:
        memray = borrow()
    else:
        import memray
    try:
        memray.set_log_level(40)  # it writes to the target's stderr
        began = time.monotonic()
        with memray.Tracker(**options(memray, ask)):
            say("open.json", lent=lent)
            ended = watch(ask, room(ask))
        seconds = time.monotonic() - began
    finally:
        memray.set_log_level(30)
        memray = None
        if lent:
            give_back()
        try:
            close_pipe(before)
        except OSError:
            pass  # no /proc: it stays
    return {"ok": True, "ended": ended, "seconds": seconds, "lent": lent, "lifetimes": lifetimes(ask)}


def leakkit_window():
    """The thread of the window; the host knows the agent's own allocations by this name."""
    try:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        until = time.monotonic() + 0.2
        while not exists("left") and time.monotonic() < until:
            time.sleep(0.002)  # the one who brought us here puts the collector back first
        ask = eval(read_text(D + "/window.request"), {"__builtins__": {}, "true": True, "false": False})
        try:
            told = track(ask)
        except BaseException as error:
            told = {"ok": False, "reason": "%s: %s" % (type(error).__name__, error)}
        if exists(""):
            say("closed.json", **told)
    except BaseException:
        pass
    finally:
        globals().clear()


def begin():
    """Claim the token; the first to rename it is the only one who runs."""
    try:
        posix.rename(D + "/token-" + TOKEN, D + "/taken-" + TOKEN)
    except OSError:
        globals().clear()
        return
    _thread.start_new_thread(leakkit_window, ())


begin()
