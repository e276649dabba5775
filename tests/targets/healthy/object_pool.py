# expect: verdict=clean snapshots=3
"""Buffers are taken from a free list and given back; the list does not grow after the first round."""

import _drive

free = []


def take():
    return free.pop() if free else bytearray(1000000)


def work(number):
    used = []
    for index in range(20):
        buffer = take()
        buffer[: 1000000] = bytes([index + number + 1]) * 1000000
        used.append(buffer)
    free.extend(used)


_drive.rounds(work)
