# expect: verdict=clean snapshots=3 not-leak=recent
"""The last events are kept in a ``deque`` with ``maxlen``, which is not full yet."""

import collections

import _drive

recent = collections.deque(maxlen=6000)


def work(number):
    for index in range(500):
        recent.append({"event": index, "text": "event %d/%d " % (number, index) * 500})


_drive.rounds(work)
