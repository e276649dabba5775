# expect: retention=long-lived holder=module-global name=CONNECTIONS fix=drop verdict=leak snapshots=3 file=self
"""A registry of connections by name; a connection that closes is not taken out."""

import _drive

CONNECTIONS = {}


class Connection:
    def __init__(self, name):
        self.name = name
        self.closed = False
        self.receive_buffer = bytearray(16384)
        CONNECTIONS[name] = self

    def close(self):
        self.closed = True


def work(number):
    for index in range(300):
        connection = Connection("peer-%d-%d" % (number, index))
        connection.close()


_drive.rounds(work)
