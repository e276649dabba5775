"""One C call that keeps the GIL for as many seconds as the first argument says; then it goes on.

With a second argument another thread does it, a moment after the main thread has come to wait on stdin.
"""
import ctypes
import sys
import threading
import time
import _drive

hold = ctypes.PyDLL(None).sleep


def other():
    time.sleep(0.5)
    hold(int(sys.argv[1]))


_drive.ready()
if len(sys.argv) > 2:
    threading.Thread(target=other, daemon=True).start()
else:
    hold(int(sys.argv[1]))
_drive.rounds(lambda number: None)
