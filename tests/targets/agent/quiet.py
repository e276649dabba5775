"""A plain program that says, after each STEP, what of itself the capture may have changed."""
import gc
import json
import os
import signal
import sys
import threading
import warnings

import _drive

CHILDREN = []
signal.signal(signal.SIGUSR1, lambda *_: CHILDREN.append("usr1"))


def state():
    return {
        "modules": sorted(sys.modules),
        "filters": repr(warnings.filters),
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        "threads": threading.active_count(),
        "frames": len(sys._current_frames()),
        "fds": sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else [],
        "enabled": gc.isenabled(),
        "stats": gc.get_stats(),
        "interval": sys.getswitchinterval(),
        "registry": sorted(vars(sys.modules["__main__"])),
        "signals": CHILDREN,
    }


def write(number):
    try:
        waited = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        waited = None
    with open(sys.argv[1], "w") as file:
        json.dump(dict(state(), children=waited), file)


gc.collect()
_drive.rounds(write)
