"""Starts the agent inside a target and makes the one copy of it; everything else happens in that copy.

The host puts this text into the directory ``D`` and has the target execute it in a fresh dict with the
names ``__name__``, ``D``, ``TOKEN`` and ``INLINE`` (and ``GC_WAS_ENABLED`` when the caller turned the
collector off). It runs in somebody else's process: standard library only, Python 3.9 and later, only
modules that are built into the interpreter, no logging, nothing bound outside its own dict.  The big text
of the walk is compiled in the copy.

Files it makes in ``D``, each written aside and renamed: ``started.json`` (the target's part is done) and,
when no copy could be made, ``done.json``.
"""

import _signal
import _thread
import gc
import posix
import sys
import time

D, TOKEN, INLINE = globals()["D"], globals()["TOKEN"], globals()["INLINE"]

QUIET_SECONDS = 3.0
"""How long to wait for a moment in which no other thread of a process with OpenBLAS runs."""
FORK_SECONDS = 20.0
"""How long the first child may take to make the real copy before it is ended."""


def text_of(value):
    """``value`` as JSON; only what this file and the copy write: numbers, strings, lists, dicts, None."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if type(value) is str:
        out = ['"']
        for char in value:
            code = ord(char)
            if char in '"\\':
                out.append("\\" + char)
            elif 32 <= code < 127:
                out.append(char)
            elif code < 0x10000:
                out.append("\\u%04x" % code)
            else:
                code -= 0x10000
                out.append("\\u%04x\\u%04x" % (0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF)))
        out.append('"')
        return "".join(out)
    if type(value) in (list, tuple):
        return "[" + ",".join([text_of(item) for item in value]) + "]"
    if type(value) is dict:
        return "{" + ",".join([text_of(str(key)) + ":" + text_of(item) for key, item in value.items()]) + "}"
    return repr(value)


def read_file(path):
    """The bytes of a file, or b"" when it cannot be read."""
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    parts = []
    try:
        while True:
            part = posix.read(fd, 65536)
            if not part:
                break
            parts.append(part)
    except OSError:
        pass
    finally:
        posix.close(fd)
    return b"".join(parts)


def write_file(name, value):
    """Write ``value`` as JSON to D/name, aside first, so that a reader never sees half of it."""
    part = D + "/" + name + ".part"
    fd = posix.open(part, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
    try:
        data = text_of(value).encode("ascii")
        while data:
            data = data[posix.write(fd, data) :]
    finally:
        posix.close(fd)
    posix.rename(part, D + "/" + name)


def read_request():
    """The host's ``request.json``: flat JSON, which Python reads as a literal; {} when missing."""
    try:
        names = {"__builtins__": {}, "true": True, "false": False, "null": None}
        value = eval(read_file(D + "/request.json").decode("utf-8"), names)
        return value if type(value) is dict else {}
    except Exception:
        return {}


def cgroup_rooms():
    """Bytes left below each memory limit of the control groups (v2 and v1) this process is in."""
    rooms = []
    for line in read_file("/proc/self/cgroup").decode("ascii", "replace").splitlines():
        number, names, path = (line.split(":", 2) + ["", ""])[:3]
        if number == "0" and not names:
            base, limit_name, used_name, cache_name = (
                "/sys/fs/cgroup",
                "memory.max",
                "memory.current",
                "inactive_file",
            )
        elif "memory" in names.split(","):
            base, cache_name = "/sys/fs/cgroup/memory", "total_inactive_file"
            limit_name, used_name = "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        while True:
            folder = base + path.rstrip("/")
            limit, used = (
                read_file(folder + "/" + limit_name).strip(),
                read_file(folder + "/" + used_name).strip(),
            )
            if limit.isdigit() and used.isdigit() and int(limit) < 1 << 60:
                cache = 0
                for row in read_file(folder + "/memory.stat").decode("ascii", "replace").splitlines():
                    if row.startswith(cache_name + " "):
                        cache = int(row.split()[1])
                rooms.append(int(limit) - int(used) + cache)
            if path in ("", "/"):
                break
            path = path.rpartition("/")[0]
    return rooms


def memory_left():
    """Bytes that can still be taken.

    The smallest of ``MemAvailable`` and the control groups' room, or None.
    """
    rooms = cgroup_rooms()
    for line in read_file("/proc/meminfo").decode("ascii", "replace").splitlines():
        if line.startswith("MemAvailable:"):
            rooms.append(int(line.split()[1]) * 1024)
    return min(rooms) if rooms else None


def copy_needs():
    """Bytes the copy may take at worst.

    Nearly every private page gets written, and the walk keeps lists of its own.
    """
    anonymous = 0
    for line in read_file("/proc/self/status").decode("ascii", "replace").splitlines():
        if line.startswith("RssAnon:"):
            anonymous = int(line.split()[1]) * 1024
    return anonymous * 17 // 10 + (48 << 20)


def others_run():
    """Whether another thread of this process is running; True as well where that cannot be seen."""
    mine = str(_thread.get_native_id())
    try:
        threads = posix.listdir("/proc/self/task")
    except OSError:
        return True
    stats = [read_file("/proc/self/task/" + one + "/stat") for one in threads if one != mine]
    return any(stat.rpartition(b")")[2].split()[:1] == [b"R"] for stat in stats)


def blas_is_busy():
    """Whether OpenBLAS is at work: its fork handler then waits for ever for its own threads, and with it the target.

    ``blas_thread_shutdown_`` in OpenBLAS' ``driver/others/blas_server.c`` does so for any ``fork``.
    """
    try:
        threads = len(posix.listdir("/proc/self/task"))
    except OSError:
        threads = 1 << 16
    if threads <= len(sys._current_frames()) or b"openblas" not in read_file("/proc/self/maps").lower():
        return False  # no thread that is not Python's, or none of OpenBLAS
    until = time.monotonic() + QUIET_SECONDS
    while others_run() or others_run():
        if time.monotonic() > until:
            return True
        time.sleep(0.005)
    return False


def take_copy(state, warnings, disclosures):
    """Fork; returns (child, seconds) in the target and never returns in the copy."""
    needed = HOLD["prepare"](warnings, disclosures)
    ignore = ("ignore", None, DeprecationWarning, __name__, 0)
    module = sys.modules.get("warnings") or sys.modules.get("_warnings")
    filters = getattr(module, "filters", None)
    started = time.perf_counter()
    try:
        HOLD["hold_threads"](state)
        try:
            state["held"] = HOLD["hold_states"](needed)
        except Exception as error:
            warnings.append("thread-locals may be missing: %s" % type(error).__name__)
        if type(filters) is list:
            filters.insert(0, ignore)
        child = posix.fork()
        if child == 0:
            in_first_child(state)
    finally:
        if type(filters) is list:
            for index in range(len(filters)):
                if filters[index] is ignore:
                    del filters[index]
                    break
        for key in ("frames", "stacks", "exceptions", "active", "main_thread", "held"):
            state.pop(key, None)
    return child, time.perf_counter() - started


def in_first_child(state):
    """Make the real copy, whose parent is this short-lived process, and leave."""
    try:
        if posix.fork() == 0:
            in_copy(state)
    except BaseException as error:
        refuse("memory" if isinstance(error, OSError) else "internal", type(error).__name__)
    finally:
        posix._exit(0)


def in_copy(state):
    """Run the walk in the frozen copy; it never comes back."""
    try:
        newest = []  # whatever comes after it in generation 0 was made by us
        names = {
            "__name__": "leakkit_agent_copy",
            "START": globals(),
            "STATE": state,
            "D": D,
            "SENTINEL": newest,
        }
        path = D + "/in_copy.py"
        exec(compile(read_file(path), path, "exec"), names)
        names["main"]()
    except MemoryError:
        refuse("memory", "the copy ran out of memory")
    except BaseException as error:
        refuse("internal", "%s: %s" % (type(error).__name__, error if type(error) is not KeyError else "key"))
    finally:
        posix._exit(0)


def refuse(kind, message):
    """Tell the host that there is no dump, and why."""
    try:
        error = {"kind": kind, "message": message}
        write_file("done.json", {"ok": False, "error": error, "seconds": 0.0, "complete": False})
    except OSError:
        pass


def wait_for(child):
    """Reap the first child; it makes the copy and leaves within milliseconds.

    Returns:
        True when it ended by itself.
    """
    pause, until = 0.001, time.monotonic() + FORK_SECONDS
    while True:
        try:
            if posix.waitpid(child, posix.WNOHANG)[0] == child:
                return True
            if time.monotonic() > until:
                # Still ours and unreaped, so the number cannot belong to another process.
                posix.kill(child, _signal.SIGKILL)
                posix.waitpid(child, 0)
                return False
        except ChildProcessError:
            return True  # a supervisor's waitpid(-1) took it
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def collector_facts():
    """The collector's state before the agent changed anything in it."""
    return {
        "enabled": bool(GC_WAS_ENABLED),
        "thresholds": list(gc.get_threshold()),
        "counts": list(gc.get_count()),
        "stats": gc.get_stats(),
        "freeze_count": gc.get_freeze_count(),
    }


def own_frames():
    """Dicts of the frames that led here, which are the agent's own."""
    found, frame = [], sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == __name__ or frame.f_globals is globals():
            found.append(frame.f_globals)
            found.append(frame.f_code)
        frame = frame.f_back
    return found


def refused():
    """Why no copy may be made here, as (kind, message), or None."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    if (enabled is not None and not enabled()) or "free-threading" in sys.version:
        return "free-threaded", "a free-threaded build of Python has no generations to read"
    left, need = memory_left(), copy_needs()
    share = REQUEST.get("headroom_fraction") or 0.8
    if left is not None and need > left * share:
        message = "a copy may need %d MB and only %d MB are left" % (need >> 20, left >> 20)
        return "headroom", message
    REQUEST["memory_left"] = left
    return None


def run():
    """The agent's thread: one copy, then it takes back what it changed and leaves no trace."""
    mask = None
    try:
        mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        if time.time() > (REQUEST.get("deadline") or time.time() + 1):
            refuse("time", "the request came too late")
            return
        reason = refused()
        if reason is not None:
            refuse(*reason)
            return
        if blas_is_busy():
            refuse("busy-blas", "OpenBLAS is at work all the time, and a fork could hang it")
            return
        warnings, state = [], {"collector": collector_facts(), "request": REQUEST, "text": own_frames()}
        disclosures = ["os.fork ran the at-fork handlers of the target's libraries and sent it one SIGCHLD"]
        # No compile(): its first call makes some 800 type objects (ast's), which stay in the target.
        exec(read_file(D + "/hold.py"), HOLD)
        child, seconds = take_copy(state, warnings, disclosures)
        if wait_for(child):
            record = {
                "child": child,
                "pause_seconds": seconds,
                "disclosures": disclosures,
                "warnings": warnings,
            }
            write_file("started.json", record)
        else:
            refuse("internal", "the copy hung in an at-fork handler")
    except BaseException as error:
        refuse("memory" if isinstance(error, OSError) else "internal", type(error).__name__)
    finally:
        if mask is not None:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _signal.valid_signals() - mask)
        leave()


def leave():
    """Turn the collector on again if it was on, and break the cycle between our functions and their dict."""
    enabled, enable = GC_WAS_ENABLED, gc.enable
    HOLD.clear()
    globals().clear()
    if enabled:
        enable()


def begin():
    """Claim the token; the first to rename it is the only one who runs."""
    try:
        posix.rename(D + "/token-" + TOKEN, D + "/taken-" + TOKEN)
    except OSError:
        leave()
        return
    REQUEST.update(read_request())
    if INLINE:
        run()
    else:
        _thread.start_new_thread(run, ())


REQUEST, HOLD = {}, {"__name__": __name__}
GC_WAS_ENABLED = globals().get("GC_WAS_ENABLED", gc.isenabled())
gc.disable()
begin()
