# expect: retention=young-survivor holder=cycle name=retry fix=collect verdict=leak|suspect snapshots=3
"""A callback that names itself (``retry`` calls ``retry``) and closes over the message it sends."""

import collections

import _drive

in_flight = collections.deque()


def make_sender(message):
    attempts = []
    headers = [{"name": "x-%d" % index, "values": [index]} for index in range(12)]

    def retry():
        attempts.append(len(message))
        return retry if len(attempts) < 3 else headers

    return retry


def work(number):
    for index in range(200):
        sender = make_sender(bytes([(number + index) % 200 + 1]) * 50000)
        sender()
        in_flight.append(sender)
        if len(in_flight) > 250:
            in_flight.popleft()


_drive.rounds(work)
