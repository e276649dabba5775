"""The same service; it collects when nobody waits."""

import ctypes
import gc

gc.disable()


class Order:
    """Knows its lines."""

    def __init__(self, number):
        self.scan = bytes([number % 200 + 1]) * 150_000
        self.lines = [Line(self, row) for row in range(10)]


class Line:
    """Knows its order."""

    def __init__(self, order, row):
        self.order = order
        self.row = row


def total(order):
    """What the order costs."""
    return sum(line.row for line in order.lines)


def operation(number):
    """Answer one order."""
    total(Order(number))


def rest():
    """A quiet moment: collect, and let glibc give back what it freed."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
