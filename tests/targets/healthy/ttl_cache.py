# expect: verdict=clean snapshots=4
"""A cache whose entries expire: what comes in goes out three rounds later."""

import _drive


class TtlCache:
    def __init__(self, ttl):
        self.ttl = ttl
        self._entries = {}

    def put(self, key, value, now):
        self._entries[key] = (now + self.ttl, value)

    def expire(self, now):
        for key in [key for key, (until, _) in self._entries.items() if until <= now]:
            del self._entries[key]


cache = TtlCache(ttl=2)


def work(number):
    cache.expire(number)
    for index in range(600):
        cache.put((number, index), "value %d/%d " % (number, index) * 400, number)


_drive.rounds(work)
