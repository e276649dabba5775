# expect: retention=long-lived holder=view name=HEADERS fix=copy verdict=leak snapshots=3
"""A protocol parser that keeps a memoryview of each packet's header, and so each whole packet."""

import _drive

HEADERS = []


def receive(number, index):
    return b"PKT%05d" % index + bytes([number % 200 + 1]) * 100000


def parse(packet):
    view = memoryview(packet)
    return {"header": view[:8], "length": len(packet)}


def work(number):
    for index in range(50):
        HEADERS.append(parse(receive(number, index)))


_drive.rounds(work)
