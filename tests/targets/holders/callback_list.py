# expect: retention=long-lived holder=callback-registry name=_subscribers fix=drop verdict=leak snapshots=3
"""An event bus; every request subscribes a bound method and none unsubscribes."""

import _drive


class EventBus:
    def __init__(self):
        self._subscribers = []

    def subscribe(self, callback):
        self._subscribers.append(callback)

    def publish(self, event):
        for callback in self._subscribers:
            callback(event)


bus = EventBus()


class Request:
    def __init__(self, body):
        self.body = body
        self.seen = 0
        bus.subscribe(self.on_config_change)

    def on_config_change(self, event):
        self.seen += 1


def work(number):
    for index in range(200):
        Request(b"%d" % (index % 10) * 20000)
    bus.publish("reload")


_drive.rounds(work)
