"""Applies a fix inside the target, in the place of ``start.py``: one full collection, and for ``trim`` a malloc_trim.

The only text of leakkit that changes what the target has: finalizers and weakref callbacks of its garbage run, on
leakkit's short-lived thread.  Same rules as ``start.py`` otherwise: standard library, Python 3.9 and later, a fresh
dict with ``D``, ``TOKEN``, and ``done.json`` at the end, written aside and renamed.
"""

import _signal
import gc
import posix
import sys
import time

D, TOKEN = globals()["D"], globals()["TOKEN"]
GC_WAS_ENABLED = globals().get("GC_WAS_ENABLED", gc.isenabled())


def read_file(path):
    """The bytes of a small file."""
    fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        return posix.read(fd, 65536)
    finally:
        posix.close(fd)


def resident():
    """Resident bytes of this process, or None where it sees no ``/proc``."""
    try:
        status = read_file("/proc/self/status")
    except OSError:
        return None
    for line in status.decode("ascii", "replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return None


def text_of(value):
    """``value`` as JSON: dicts of names, numbers, plain ASCII texts, None and truth values."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if type(value) is dict:
        return "{" + ",".join(['"%s":%s' % (key, text_of(item)) for key, item in value.items()]) + "}"
    if type(value) is str:
        return '"%s"' % "".join([c if c.isalnum() or c in " .:_-()'" else "?" for c in value])
    return repr(value)


def write_done(value):
    """Tell the host."""
    fd = posix.open(D + "/done.part", posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o600)
    try:
        posix.write(fd, text_of(value).encode("ascii", "replace"))
    finally:
        posix.close(fd)
    posix.rename(D + "/done.part", D + "/done.json")


def dry_pass():
    """CPU seconds to visit every reference of every tracked object once, changing nothing; None where that is not safe.

    A collection does the like some times over, so it is what its pause is predicted from.
    """
    if sys.version_info[:2] == (3, 12) and sys.version_info[2] < 2:
        return None  # visiting the same module twice may not end there
    mark = object()
    began = time.thread_time()
    gc.get_referrers(mark)
    return time.thread_time() - began


def trim():
    """(Seconds, why not) of giving free memory back to the kernel."""
    try:
        import ctypes

        call = ctypes.CDLL(None).malloc_trim
    except (ImportError, AttributeError, OSError) as error:
        return None, "no malloc_trim here: " + type(error).__name__
    began = time.perf_counter()
    call(ctypes.c_size_t(0))
    return time.perf_counter() - began, ""


def work(wanted):
    """Collect, trim where asked, and measure around it."""
    facts = {"ok": True, "dry_seconds": dry_pass(), "kept": len(gc.garbage), "rss_before": resident()}
    began, cpu = time.perf_counter(), time.thread_time()
    facts["unreachable"] = gc.collect()
    facts["collect_seconds"], facts["collect_cpu"] = time.perf_counter() - began, time.thread_time() - cpu
    facts["rss_collected"] = facts["rss_after"] = resident()
    facts["kept"] = len(gc.garbage) - facts["kept"]
    if wanted:
        facts["trim_seconds"], facts["no_trim"] = trim()
        facts["rss_after"] = resident()
    return facts


def begin():
    """Claim the token; the first to rename it is the only one who runs."""
    enabled, enable = GC_WAS_ENABLED, gc.enable
    mask = None
    try:
        posix.rename(D + "/token-" + TOKEN, D + "/taken-" + TOKEN)
        mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        try:
            write_done(work(read_file(D + "/trim") == b"1"))
        except Exception as error:
            write_done({"ok": False, "error": {"kind": "internal", "message": type(error).__name__}})
    except OSError:
        pass  # another request of this leakkit got there first, or the host is gone
    finally:
        if mask is not None:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _signal.valid_signals() - mask)
        globals().clear()  # or our functions and their dict stay in the target as a cycle
        if enabled:
            enable()


begin()
