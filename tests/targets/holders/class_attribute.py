# expect: retention=long-lived holder=class-attribute name=samples fix=drop verdict=leak snapshots=3
"""A mutable class attribute that its author took for an instance attribute: all instances share one list."""

import _drive


class Profiler:
    samples = []

    def __init__(self, label):
        self.label = label

    def sample(self, frame):
        self.samples.append((self.label, frame))


def handle(number, index):
    profiler = Profiler("request-%d" % index)
    for depth in range(4):
        profiler.sample(bytes([depth + 1]) * 5000)


def work(number):
    for index in range(250):
        handle(number, index)


_drive.rounds(work)
