# expect: retention=long-lived holder=c-held name=Subscription fix=isolate|drop verdict=leak|suspect snapshots=3
"""User data handed to a C library: the reference taken for it is never given back."""

import ctypes

import _drive


class Subscription:
    def __init__(self, topic):
        self.topic = topic
        self.backlog = [("%s/%d" % (topic, index), index) for index in range(200)]


def subscribe(topic):
    subscription = Subscription(topic)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(subscription))
    return id(subscription)


def work(number):
    for index in range(250):
        subscribe("topic-%d-%d" % (number, index))


_drive.rounds(work)
