# expect: verdict=clean snapshots=3 not-leak=index
"""A steady data set of 300 MB loaded at start-up and only read afterwards."""

import _drive


class Index:
    def __init__(self, documents):
        self.documents = documents
        self.hits = 0

    def look_up(self, key):
        self.hits += 1
        return self.documents[key]


index = Index({"document-%d" % number: bytes([number % 200 + 1]) * 30000 for number in range(10000)})


def work(number):
    for key in range(1000):
        assert len(index.look_up("document-%d" % key)) == 30000


_drive.rounds(work)
