"""Allocator figures of the copy, read before our own work distorts them."""

import posix
import sys

A = globals()["A"]

FIELDS = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)


def figures(folder):
    """Bytes by name: pymalloc's arenas, malloc's in use and free, and what a trial trim gives back.

    None if unknown.
    """
    out = {"malloc_in_use": None, "malloc_free": None, "malloc_mmapped": None, "trimmable": None}
    out.update(pymalloc(folder))
    try:
        ctypes = A.stdlib.load("ctypes")
    except Exception:
        return out
    try:
        out.update(mallinfo(ctypes))
        out["trimmable"] = trial_trim(ctypes)
    except Exception:
        pass
    return out


def pymalloc(folder):
    """What ``sys._debugmallocstats`` prints to fd 2, which in the copy may point anywhere."""
    out = {"pymalloc_arenas": None, "pymalloc_in_use": None, "pymalloc_free": None}
    path = folder + "/mallocstats"
    try:
        fd = posix.open(path, posix.O_RDWR | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
        saved = posix.dup(2) if descriptor_open(2) else None
        posix.dup2(fd, 2)
        try:
            sys._debugmallocstats()
        finally:
            if saved is not None:
                posix.dup2(saved, 2)
                posix.close(saved)
        posix.close(fd)
        text = A.START["read_file"](path).decode("ascii", "replace")
        posix.unlink(path)
    except (OSError, AttributeError):
        return out
    rows = {}
    for line in text.splitlines():
        name, equals, value = line.partition(" = ")
        value = value.strip().replace(",", "")
        if equals and value.isdigit():
            rows[name.strip().lstrip("# ")] = int(value)
    arenas = next((value for name, value in rows.items() if name.endswith("bytes/arena")), None)
    if arenas is not None:
        used = rows.get("bytes in allocated blocks")
        out["pymalloc_arenas"], out["pymalloc_in_use"] = arenas, used
        out["pymalloc_free"] = None if used is None else max(arenas - used, 0)
    return out


def descriptor_open(fd):
    """Whether the number is an open file."""
    try:
        posix.fstat(fd)
    except OSError:
        return False
    return True


def mallinfo(ctypes):
    """glibc's ``mallinfo2`` (2.33).

    Else ``mallinfo``, whose 32-bit numbers are only trusted below 2 GiB of arena.
    """
    library = ctypes.CDLL(None)
    wide = getattr(library, "mallinfo2", None)
    call = wide or getattr(library, "mallinfo", None)
    if call is None:
        return {}
    kind = ctypes.c_size_t if wide else ctypes.c_int
    record = type("Mallinfo", (ctypes.Structure,), {"_fields_": [(name, kind) for name in FIELDS]})
    call.restype = record
    got = call()
    if not wide and (resident() or 0) > 1 << 31:
        return {}
    return {
        "malloc_in_use": got.uordblks + got.hblkhd,
        "malloc_free": got.fordblks,
        "malloc_mmapped": got.hblkhd,
    }


def resident():
    """Resident bytes of the copy, or None without ``/proc``."""
    parts = A.START["read_file"]("/proc/self/statm").split()
    return int(parts[1]) * posix.sysconf("SC_PAGE_SIZE") if len(parts) > 1 else None


def trial_trim(ctypes):
    """What ``malloc_trim(0)`` gives back here is what it would give back in the target.

    None when it is not to be had.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    before = resident()
    if trim is None or before is None:
        return None
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    trim(0)
    after = resident()
    return max(before - after, 0)
