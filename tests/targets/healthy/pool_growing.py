# expect: verdict=clean snapshots=4
"""A connection pool that grows under load up to its ceiling."""

import _drive


class Connection:
    def __init__(self):
        self.buffer = bytearray(200000)

    def query(self, text):
        self.buffer[: len(text)] = text
        return len(text)


class Pool:
    def __init__(self, max_size):
        self.max_size = max_size
        self.idle = []
        self.size = 0

    def take(self):
        if self.idle:
            return self.idle.pop()
        if self.size == self.max_size:
            raise RuntimeError("pool exhausted")
        self.size += 1
        return Connection()

    def give_back(self, connection):
        self.idle.append(connection)


pool = Pool(100)


def work(number):
    parallel = min(100, 30 * (number + 1))
    taken = [pool.take() for _ in range(parallel)]
    for connection in taken:
        connection.query(b"SELECT 1")
        pool.give_back(connection)


_drive.rounds(work)
