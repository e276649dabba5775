"""Multiplies matrices without pause in one thread; prints what it has done for each STEP."""

import sys
import threading
import time

import numpy

done = [0]


def multiply():
    matrix = numpy.ones((300, 300))
    while True:
        assert (matrix @ matrix)[0, 0] == 300.0
        done[0] += 1


threading.Thread(target=multiply, daemon=True).start()
print("READY", flush=True)
for line in sys.stdin:
    before = done[0]
    time.sleep(1.0)
    print(done[0] - before, flush=True)
    print("READY", flush=True)
