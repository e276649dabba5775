"""Makes the copy by ``os.fork``, where the native walk cannot: what that does to the target is disclosed.

Runs in the target, in the dict of ``hold.py``, with ``START`` (the dict of ``start.py``).
"""

import _signal
import _thread
import posix
import sys
import time

START = globals()["START"]
prepare, hold_threads, hold_states = [globals()[name] for name in ("prepare", "hold_threads", "hold_states")]
QUIET_SECONDS = 3.0
"""How long to wait for a moment in which no other thread of a process with OpenBLAS runs."""
FORK_SECONDS = 20.0
"""How long the first child may take to make the real copy before it is ended."""


def attempt(state, warnings, disclosures):
    """Make the copy, which walks the heap on its own, and tell the host."""
    if blas_is_busy():
        START["refuse"]("busy-blas", "OpenBLAS is at work all the time, and a fork could hang it")
        return
    disclosures.append("os.fork ran the at-fork handlers of the target's libraries and sent it one SIGCHLD")
    child, seconds = take_copy(state, warnings, disclosures)
    if not wait_for(child):
        START["refuse"]("internal", "the copy hung in an at-fork handler")
        return
    record = {"child": child, "pause_seconds": seconds, "disclosures": disclosures, "warnings": warnings}
    START["write_file"]("started.json", record)


def others_run():
    """Whether another thread of this process is running; True as well where that cannot be seen."""
    mine = str(_thread.get_native_id())
    try:
        threads = posix.listdir("/proc/self/task")
    except OSError:
        return True
    stats = [START["read_file"]("/proc/self/task/" + one + "/stat") for one in threads if one != mine]
    return any(stat.rpartition(b")")[2].split()[:1] == [b"R"] for stat in stats)


def blas_is_busy():
    """Whether OpenBLAS is at work: its fork handler then waits for ever for its own threads, and with it the target.

    ``blas_thread_shutdown_`` in OpenBLAS' ``driver/others/blas_server.c`` does so for any ``fork``.
    """
    try:
        threads = len(posix.listdir("/proc/self/task"))
    except OSError:
        threads = 1 << 16
    if threads <= len(sys._current_frames()) or b"openblas" not in START["read_file"]("/proc/self/maps").lower():
        return False  # no thread that is not Python's, or none of OpenBLAS
    until = time.monotonic() + QUIET_SECONDS
    while others_run() or others_run():
        if time.monotonic() > until:
            return True
        time.sleep(0.005)
    return False


def take_copy(state, warnings, disclosures):
    """Fork; returns (child, seconds) in the target and never returns in the copy."""
    needed = prepare(warnings, disclosures)
    ignore = ("ignore", None, DeprecationWarning, __name__, 0)
    module = sys.modules.get("warnings") or sys.modules.get("_warnings")
    filters = getattr(module, "filters", None)
    started = time.perf_counter()
    try:
        hold_threads(state)
        try:
            state["held"] = hold_states(needed)
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
        START["refuse"]("memory" if isinstance(error, OSError) else "internal", type(error).__name__)
    finally:
        posix._exit(0)


def in_copy(state):
    """Run the walk in the frozen copy; it never comes back."""
    try:
        newest = []  # whatever comes after it in generation 0 was made by us
        names = {
            "__name__": "leakkit_agent_copy",
            "START": START,
            "STATE": state,
            "D": START["D"],
            "SENTINEL": newest,
        }
        path = START["D"] + "/in_copy.py"
        exec(compile(START["read_file"](path), path, "exec"), names)
        names["main"]()
    except MemoryError:
        START["refuse"]("memory", "the copy ran out of memory")
    except BaseException as error:
        START["refuse"]("internal", "%s: %s" % (type(error).__name__, error if type(error) is not KeyError else "key"))
    finally:
        posix._exit(0)


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
