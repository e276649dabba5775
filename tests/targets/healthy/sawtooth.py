# expect: verdict=clean snapshots=4
"""Batches collect and are flushed: memory goes up and comes down again."""

import _drive

buffer = []


def work(number):
    if number % 3 == 2:
        buffer.clear()
    for index in range(1000):
        buffer.append("row %d/%d " % (number, index) * 700)


_drive.rounds(work)
