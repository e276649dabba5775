"""Counts queued real-time signals by the bytes they leave in the wake-up pipe; answers COUNT on stdin."""
import os
import select
import signal
import sys
import _drive

reader, writer = os.pipe()
os.set_blocking(writer, False)
os.set_blocking(reader, False)
signal.set_wakeup_fd(writer)
signal.signal(40, lambda number, frame: None)
_drive.ready()
received = 0
while True:
    ready, _, _ = select.select([sys.stdin, reader], [], [])
    if reader in ready:
        received += len(os.read(reader, 65536))
    if sys.stdin in ready:
        if not sys.stdin.readline():
            break
        print(received, flush=True)
