# expect: retention=long-lived holder=callback-registry name=_listeners fix=drop verdict=leak snapshots=3
"""Listeners by event name, as in a user interface toolkit; the widgets are closed but stay subscribed."""

import collections

import _drive


class Model:
    def __init__(self):
        self._listeners = collections.defaultdict(list)

    def on(self, event, listener):
        self._listeners[event].append(listener)

    def emit(self, event, value):
        for listener in list(self._listeners[event]):
            listener(value)


model = Model()


class Widget:
    def __init__(self, title):
        self.title = title
        self.pixels = bytearray(title.encode() * 1500)
        model.on("price", self.refresh)
        model.on("close", lambda value: self.refresh(value))

    def refresh(self, value):
        self.pixels[0] = value % 256


def work(number):
    for index in range(200):
        Widget("chart-%d-%d" % (number, index))
    model.emit("price", number)


_drive.rounds(work)
