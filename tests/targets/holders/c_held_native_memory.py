# expect: retention=long-lived holder=c-held name=Handle fix=isolate|drop verdict=leak|suspect snapshots=3
"""Handles stored in memory that a C library owns: nobody but native memory knows these objects."""

import ctypes

import _drive

libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]


class Handle:
    def __init__(self, number):
        self.number = number
        self.buffer = bytes([number % 200 + 1]) * 20000


class NativeTable:
    """A table of object pointers in native memory, as an extension module would keep it."""

    def __init__(self, capacity):
        self.address = libc.calloc(capacity, ctypes.sizeof(ctypes.c_void_p))
        self.used = 0

    def add(self, value):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
        ctypes.c_void_p.from_address(self.address + 8 * self.used).value = id(value)
        self.used += 1


table = NativeTable(10000)


def work(number):
    for _ in range(250):
        table.add(Handle(number))


_drive.rounds(work)
