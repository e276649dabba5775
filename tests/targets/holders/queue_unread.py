# expect: retention=long-lived holder=module-global|instance-attribute name=events fix=drop verdict=leak snapshots=3
"""A queue whose consumer died long ago: the producer goes on."""

import queue

import _drive

events = queue.Queue()


def emit(name, payload):
    events.put({"name": name, "payload": payload})


def work(number):
    for index in range(300):
        emit("click-%d" % index, ("%d," % index) * 4000)


_drive.rounds(work)
