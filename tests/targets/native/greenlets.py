"""Greenlets that wait with data in their frames: of the one they stopped in, and of its callers."""

import _drive
from greenlet import getcurrent, greenlet

waiting = []


def pause(depth):
    inner = b"i" * (100_000 + depth)
    if depth:
        pause(depth - 1)
    else:
        getcurrent().parent.switch()
    return inner


def handler():
    payload = [b"p" * 300_000]

    def closure():
        return payload

    pause(3)
    return closure


def work(number):
    for _ in range(10):
        made = greenlet(handler)
        made.switch()
        waiting.append(made)


_drive.rounds(work)
