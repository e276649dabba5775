# expect: retention=long-lived holder=cache name=totals fix=drop verdict=leak snapshots=3
"""``lru_cache`` on a method: the cache's keys hold every instance on which it was called."""

import functools

import _drive


class Basket:
    def __init__(self, lines):
        self.lines = lines

    @functools.lru_cache(maxsize=None)
    def totals(self, currency):
        return {"currency": currency, "total": sum(len(line) for line in self.lines)}


def work(number):
    for index in range(200):
        basket = Basket(["%d: %d pieces of article %d" % (number, index, line) for line in range(250)])
        basket.totals("EUR")


_drive.rounds(work)
