"""Blocked in one raw read(2) on a pipe; a C call that would fail with EINTR would end it."""
import ctypes
import os
import sys
import _drive

libc = ctypes.CDLL(None, use_errno=True)
reader, writer = os.pipe()
buffer = ctypes.create_string_buffer(1)
_drive.ready()
got = libc.read(reader, buffer, 1)
sys.exit("read() came back with %d, errno %d" % (got, ctypes.get_errno()))
