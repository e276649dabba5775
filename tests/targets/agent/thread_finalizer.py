"""A thread whose thread-local has a finalizer that must never run in the copy; ctypes is not loaded."""
import os
import threading
import time

import _drive


class Watched:
    def __del__(self):
        os.write(2, b"finalizer ran in %d, not %d\n" % (os.getpid(), OWN))


OWN = os.getpid()
local = threading.local()


def worker():
    local.watched = Watched()
    local.payload = ["thread local payload"]
    ready.set()
    time.sleep(1000)


ready = threading.Event()
threading.Thread(target=worker, daemon=True).start()
ready.wait()
_drive.rounds(lambda number: None)
