# expect: retention=long-lived holder=closure name=seen fix=drop verdict=leak snapshots=3
"""A duplicate filter made by a factory: the set of what it saw lives in its closure."""

import _drive


def make_duplicate_filter():
    seen = {}

    def is_duplicate(message_id, body):
        if message_id in seen:
            return True
        seen[message_id] = body
        return False

    return is_duplicate


is_duplicate = make_duplicate_filter()


def work(number):
    for index in range(300):
        is_duplicate("message-%d-%d" % (number, index), "body of %d " % index * 1400)


_drive.rounds(work)
