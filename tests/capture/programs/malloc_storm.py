"""Several threads that do nothing but allocate and free in C with the GIL let go, and one that does it in Python."""
import ctypes
import threading
import _drive

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = (ctypes.c_void_p,)


def storm(size):
    while True:
        blocks = [libc.malloc(size + step) for step in range(0, 4000, 80)]
        for block in blocks:
            libc.free(block)


for size in (16, 700, 150000):
    threading.Thread(target=storm, args=(size,), daemon=True).start()
_drive.ready()
while True:
    [bytearray(size) for size in range(0, 3000, 7)]
