"""Leaks a known number of instances with each step; others come and go and never rise above their first number."""

import sys
import threading

sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
from _drive import rounds


class Leaf:
    def __init__(self, number):
        self.number = number


class Tide:
    pass


class Wave:
    pass


LEAVES = []
TIDE = [Tide() for _ in range(900)]
WAVE = []


def step(number):
    LEAVES.extend([Leaf(at) for at in range(321)])
    if number % 2 == 0:
        del TIDE[500:]
        WAVE.extend([Wave() for _ in range(150)])
    else:
        TIDE.extend([Tide() for _ in range(200)])
        WAVE.clear()


threading.current_thread()
rounds(step)
