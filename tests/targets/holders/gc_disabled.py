# expect: retention=young-survivor holder=cycle name=Order fix=collect verdict=leak|suspect snapshots=3
"""Somebody switched the collector off to save time; the object model has links both ways."""

import gc

import _drive

gc.disable()


class Line:
    def __init__(self, order, text):
        self.order = order
        self.text = text


class Order:
    def __init__(self, number):
        self.lines = [Line(self, "order %d, line %d" % (number, line)) for line in range(40)]


def work(number):
    for index in range(700):
        order = Order(number * 1000 + index)
        assert len(order.lines) == 40


_drive.rounds(work)
