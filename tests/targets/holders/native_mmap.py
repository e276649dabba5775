# expect: retention=off-heap holder=native-allocation fix=isolate verdict=leak|suspect snapshots=3
"""A native codec that takes its big work areas straight from the kernel and never unmaps them."""

import ctypes

import _drive

PROT_READ_WRITE = 3
MAP_PRIVATE_ANONYMOUS = 0x22
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]


def work(number):
    for _ in range(4):
        area = libc.mmap(None, 1500000, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
        libc.memset(area, 1, 1500000)


_drive.rounds(work)
