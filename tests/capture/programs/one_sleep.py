"""One C sleep of 1.5 s; prints how long it took and what nanosleep(2) left over (0 unless it was cut short)."""
import ctypes
import time
import _drive


class Span(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


libc = ctypes.CDLL(None)
_drive.ready()
began = time.monotonic()
code = libc.nanosleep(ctypes.byref(Span(1, 500000000)), None)
print(time.monotonic() - began, code, flush=True)
_drive.rounds(lambda number: None)
