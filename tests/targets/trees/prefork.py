"""A server that forks two workers before it serves, as gunicorn does; each worker has its own cache."""

import os
import signal
import sys
import time

import _drive

CACHE = {}


def worker(number):
    CACHE[number] = [b"%d" % number * 20000 for _ in range(100)]
    sys.stdout.write("worker %d\n" % os.getpid())
    sys.stdout.flush()
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(0)


parent = os.getpid()
children = []
for number in range(2):
    pid = os.fork()
    if pid == 0:
        worker(number)
    children.append(pid)
time.sleep(0.5)
_drive.rounds(lambda number: None)
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
