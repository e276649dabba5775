# expect: verdict=clean snapshots=3
"""Two generations of a data set: the new one is built while the old one serves, then they are swapped."""

import _drive


class Prices:
    def __init__(self):
        self.current = {}
        self.previous = {}

    def reload(self, version):
        fresh = {"article-%d" % number: {"version": version, "price": number, "note": "n%d " % number * 40} for number in range(20000)}
        self.previous = self.current
        self.current = fresh


prices = Prices()


def work(number):
    prices.reload(number)


_drive.rounds(work)
