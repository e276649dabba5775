"""Keeps objects that come from the interpreter's free lists: no memory is allocated for them in the window."""

import ctypes  # noqa: F401 - some builds of libffi keep their own file open from then on
import gc
import threading

import _drive

KEPT = []
EMPTY = []


def fill():
    EMPTY.append([{} for _ in range(60)] + [[] for _ in range(60)])


def renew():
    EMPTY.pop().clear()  # what dies here goes to the free lists ...
    KEPT.append([{} for _ in range(50)] + [[] for _ in range(50)])  # ... and is taken from there


for _ in range(50):
    fill()
gc.disable()
threading.current_thread()
_drive.rounds(lambda number: renew())
