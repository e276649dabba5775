"""Answers orders with the collector off; orders and their lines refer to each other."""

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
