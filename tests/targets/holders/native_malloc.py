# expect: retention=off-heap holder=native-allocation fix=isolate verdict=leak|suspect snapshots=3
"""A C library that forgets to free: buffers made by malloc and written to, then their addresses are lost."""

import ctypes

import _drive

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]


def decode_frame(size):
    buffer = libc.malloc(size)
    libc.memset(buffer, 1, size)


def work(number):
    for _ in range(100):
        decode_frame(80000)


_drive.rounds(work)
