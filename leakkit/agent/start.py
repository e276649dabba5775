"""Starts the agent inside a target: claims the token, has the one copy made, tidies up.

The host puts this text into the directory ``D`` and has the target execute it in a fresh dict with the
names ``__name__``, ``D``, ``TOKEN`` and ``INLINE`` (and ``GC_WAS_ENABLED`` when the caller turned the
collector off). It runs in somebody else's process: standard library only, Python 3.9 and later, only
modules that are built into the interpreter, no logging, nothing bound outside its own dict.  The copy is
made by ``native.py`` or, where that cannot be, by ``fork.py``; the big text of the Python walk is compiled
in the copy.

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

BREATH = 0.001
"""Seconds between steps that hold the interpreter's lock: who waits for it gets in, where a mere release may not do."""


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


def copy_needs(native):
    """Bytes the copy may take at worst.

    Nearly every private page gets written, and the walk keeps lists of its own; a native one only keeps those.
    """
    anonymous = 0
    for line in read_file("/proc/self/status").decode("ascii", "replace").splitlines():
        if line.startswith("RssAnon:"):
            anonymous = int(line.split()[1]) * 1024
    return anonymous * (3 if native else 17) // 10 + (48 << 20)


def refuse(kind, message):
    """Tell the host that there is no dump, and why."""
    try:
        error = {"kind": kind, "message": message}
        write_file("done.json", {"ok": False, "error": error, "seconds": 0.0, "complete": False})
    except OSError:
        pass


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


def refused(native):
    """Why no copy may be made here, as (kind, message), or None."""
    enabled = getattr(sys, "_is_gil_enabled", None)
    if (enabled is not None and not enabled()) or "free-threading" in sys.version:
        return "free-threaded", "a free-threaded build of Python has no generations to read"
    left, need = memory_left(), copy_needs(native)
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
        close_window()
        time.sleep(BREATH)
        warnings, disclosures = [], []
        state = {"collector": collector_facts(), "request": REQUEST, "text": own_frames()}
        reason = refused(REQUEST.get("native"))
        if reason is None and REQUEST.get("native"):
            if native_walk(state, warnings, disclosures):
                return
            reason = refused(False)
        if reason is not None:
            refuse(*reason)
            return
        # No compile(): its first call makes some 800 type objects (ast's), which stay in the target.
        exec(read_file(D + "/hold.py"), HOLD)
        exec(read_file(D + "/fork.py"), HOLD)
        HOLD["attempt"](state, warnings, disclosures)
    except BaseException as error:
        refuse("memory" if isinstance(error, OSError) else "internal", type(error).__name__)
    finally:
        if mask is not None:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _signal.valid_signals() - mask)
        leave()


def close_window():
    """Have an allocation window that is open in this process end now, so that it shows what the copy will hold."""
    folder = REQUEST.get("window")
    if not folder:
        return
    try:
        posix.close(posix.open(folder + "/stop", posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC, 0o600))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                posix.stat(folder + "/closed.json")
                break
            except OSError:
                time.sleep(0.001)
        time.sleep(0.005)  # its thread ends
    except OSError:
        pass


def native_walk(state, warnings, disclosures):
    """Have the native walk make the snapshot; False, with a warning that says why, when that did not work.

    Want of memory is told to the host instead.
    """
    try:
        exec(read_file(D + "/process.py"), NATIVE)
        exec(read_file(D + "/native.py"), NATIVE)
        time.sleep(BREATH)
        failure = NATIVE["attempt"](state, warnings, disclosures)
    except Exception as error:
        failure = ("internal", "%s: %s" % (type(error).__name__, error))
    NATIVE.clear()
    if failure is not None and failure[0] in ("memory", "killed", "space"):
        refuse(*failure)  # a second copy would only make it worse
        return True
    if failure is not None:
        warnings.append("walked in Python instead, because " + failure[1])
    return failure is None


def leave():
    """Turn the collector on again if it was on, and break the cycle between our functions and their dict."""
    enabled, enable = GC_WAS_ENABLED, gc.enable
    HOLD.clear()
    NATIVE.clear()
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


REQUEST, HOLD, NATIVE = {}, {"__name__": __name__, "START": globals()}, {"__name__": __name__, "START": globals()}
GC_WAS_ENABLED = globals().get("GC_WAS_ENABLED", gc.isenabled())
gc.disable()
begin()
